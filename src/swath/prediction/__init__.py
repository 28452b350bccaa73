"""Prediction: a model run over a corpus into a table, or over a scene into a map; arrays from disk in, files out.

Knows what a model takes and gives (`core.specs`), and nothing of how it was made.
"""

from __future__ import annotations

from swath.prediction.columns import PredictionTable, read_table
from swath.prediction.mapped import ClassArea, MapFiles, MappedScene
from swath.prediction.mapping import run_map
from swath.prediction.mapplan import MapOptions, MapPlan, plan_map
from swath.prediction.table import Predicted, find_truth, predict_table

__all__ = [
    "ClassArea",
    "MapFiles",
    "MapOptions",
    "MapPlan",
    "MappedScene",
    "Predicted",
    "PredictionTable",
    "find_truth",
    "plan_map",
    "predict_table",
    "read_table",
    "run_map",
]
