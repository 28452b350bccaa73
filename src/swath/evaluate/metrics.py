"""Metrics: one number by its name, from raw output and truth, with the direction in which it is better.

What training watches, and what an `OutputSpec` names. All of them see all samples at once: no mean of batches. Truth is
the position of the class in the order of the raw output, -1 = none, also for maps; or 0 and 1 for several labels, NaN =
none.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from swath.core.array import Array
from swath.core.errors import Mismatch, Unknown
from swath.evaluate.calibration import score_calibration
from swath.evaluate.classification import summary
from swath.evaluate.confusion import count_confusion
from swath.evaluate.multilabel import score_labels

__all__ = ["METRICS", "Metric", "metric"]


@dataclass(frozen=True, slots=True)
class Metric:
    """One number that judges a model."""

    #: Key in `METRICS`.
    name: str
    #: (raw (n, k, ...), truth) -> the number; NaN where nothing can be judged.
    of: Callable[[Array, Array], float]
    #: True if more is better.
    is_higher_better: bool
    #: As a page writes it.
    label: str

    def is_better(self, new: float, old: float) -> bool:
        """True if `new` beats `old`; any number beats NaN.

        Examples
        --------
        >>> metric("nll").is_better(0.2, 0.3), metric("accuracy").is_better(float("nan"), 0.1)
        (True, False)
        """
        if np.isnan(new) or np.isnan(old):
            return not bool(np.isnan(new)) and bool(np.isnan(old))
        return new > old if self.is_higher_better else new < old


def _classes(raw: Array, truth: Array) -> tuple[Array, Array]:
    """Positions of truth and answers, shape (n,), from (n, k, ...) and (n, ...)."""
    raw, truth = np.asarray(raw), np.asarray(truth)
    if raw.ndim < 2 or truth.shape != (raw.shape[0], *raw.shape[2:]) or truth.dtype.kind not in "iu":
        have = f"{truth.dtype} {truth.shape} for raw output {raw.shape}"
        raise Mismatch(where="metric", what="truth", want="one class a sample or pixel, (n, ...)", have=have)
    return truth.ravel(), raw.argmax(axis=1).ravel()


def _of_confusion(name: str) -> Callable[[Array, Array], float]:
    def of(raw: Array, truth: Array) -> float:
        true, called = _classes(raw, truth)
        return float(summary(count_confusion(true, called, range(np.shape(raw)[1])).counts, name))

    return of


def _of_labels(name: str) -> Callable[[Array, Array], float]:
    def of(raw: Array, truth: Array) -> float:
        raw, truth = np.asarray(raw), np.asarray(truth)
        return float(getattr(score_labels(raw, truth, tuple(range(raw.shape[-1]))), name))

    return of


def _of_calibration(name: str) -> Callable[[Array, Array], float]:
    def of(raw: Array, truth: Array) -> float:
        raw, truth = np.asarray(raw), np.asarray(truth)
        if raw.ndim > 2:
            raw, truth = np.moveaxis(raw, 1, -1).reshape(-1, raw.shape[1]), truth.ravel()
        return float(getattr(score_calibration(raw, truth), name))

    return of


def _macro_f1(raw: Array, truth: Array) -> float:
    """Of classes, or of labels where truth has a column each."""
    is_labels = np.ndim(truth) == 2 and np.ndim(raw) == 2
    return (_of_labels if is_labels else _of_confusion)("macro_f1")(raw, truth)


#: Name -> metric.
METRICS: Final[dict[str, Metric]] = {
    "accuracy": Metric("accuracy", _of_confusion("accuracy"), True, "accuracy"),
    "macro_f1": Metric("macro_f1", _macro_f1, True, "macro-F1"),
    "balanced_accuracy": Metric("balanced_accuracy", _of_confusion("balanced_accuracy"), True, "balanced accuracy"),
    "mean_iou": Metric("mean_iou", _of_confusion("mean_iou"), True, "mean IoU"),
    "micro_map": Metric("micro_map", _of_labels("micro_map"), True, "micro mAP"),
    "macro_map": Metric("macro_map", _of_labels("macro_map"), True, "macro mAP"),
    "micro_f1": Metric("micro_f1", _of_labels("micro_f1"), True, "micro-F1"),
    "ece": Metric("ece", _of_calibration("ece"), False, "expected calibration error"),
    "nll": Metric("nll", _of_calibration("nll"), False, "negative log-likelihood [nat]"),
    "brier": Metric("brier", _of_calibration("brier"), False, "Brier score"),
}


def metric(name: str, *, where: str = "") -> Metric:
    """Find a metric by name.

    Raises
    ------
    Unknown
        No metric has this name; the nearest is named.
    """
    if name not in METRICS:
        raise Unknown(name, METRICS, what="metric", where=where)
    return METRICS[name]
