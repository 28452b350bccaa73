"""Prediction: a model run over a corpus, arrays from disk in, tables out.

Knows what a model takes and gives (`core.specs`), and nothing of how it was made.
"""

from __future__ import annotations

from swath.prediction.columns import PredictionTable, read_table
from swath.prediction.table import Predicted, find_truth, predict_table

__all__ = ["Predicted", "PredictionTable", "find_truth", "predict_table", "read_table"]
