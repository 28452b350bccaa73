"""Evaluation: metrics, intervals, calibration, comparison and areas; arrays in, records out.

Knows neither corpora nor files nor a deep-learning framework. What is undefined is NaN, what is left out is counted.
"""

from __future__ import annotations

from swath.evaluate.areas import AdjustedAreas, adjusted_areas
from swath.evaluate.bootstrap import Interval, Resamples, intervals, resample
from swath.evaluate.calibration import (
    CalibrationIntervals,
    CalibrationScores,
    Reliability,
    calibration_intervals,
    fit_temperature,
    reliability,
    score_calibration,
)
from swath.evaluate.classification import (
    Classification,
    ClassificationIntervals,
    ClassIntervals,
    ClassScore,
    classification_intervals,
    score_classes,
)
from swath.evaluate.comparison import Answers, Comparison, Difference, SeedScores, compare, compare_groups, score_seeds
from swath.evaluate.confusion import Confusion, count_confusion
from swath.evaluate.metrics import METRICS, Metric, metric
from swath.evaluate.mistakes import worst_mistakes
from swath.evaluate.multilabel import (
    LabelIntervals,
    LabelScore,
    MultiLabel,
    MultiLabelIntervals,
    multilabel_intervals,
    score_labels,
)

__all__ = [
    "METRICS",
    "AdjustedAreas",
    "Answers",
    "CalibrationIntervals",
    "CalibrationScores",
    "ClassIntervals",
    "ClassScore",
    "Classification",
    "ClassificationIntervals",
    "Comparison",
    "Confusion",
    "Difference",
    "Interval",
    "LabelIntervals",
    "LabelScore",
    "Metric",
    "MultiLabel",
    "MultiLabelIntervals",
    "Reliability",
    "Resamples",
    "SeedScores",
    "adjusted_areas",
    "calibration_intervals",
    "classification_intervals",
    "compare",
    "compare_groups",
    "count_confusion",
    "fit_temperature",
    "intervals",
    "metric",
    "multilabel_intervals",
    "reliability",
    "resample",
    "score_calibration",
    "score_classes",
    "score_labels",
    "score_seeds",
    "worst_mistakes",
]
