"""Classification: accuracy, and precision, recall and F1 of every class, with their intervals.

All of it comes from the confusion matrix, never from averages of batches. What is undefined (the precision of a class
that was never predicted) is NaN, never 0. Macro-F1, balanced accuracy and mean IoU are means over the classes that
occur in the truth; the absent ones are listed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from scipy import sparse

from swath.core.array import Array
from swath.evaluate.bootstrap import Interval, Resamples, intervals
from swath.evaluate.confusion import Confusion, index_of
from swath.evaluate.undefined import from_plain, ratio, to_plain

__all__ = [
    "SUMMARIES",
    "ClassIntervals",
    "ClassScore",
    "Classification",
    "ClassificationIntervals",
    "classification_intervals",
    "count_cells",
    "rates",
    "score_classes",
    "summary",
]

#: Name -> what one number says of a whole confusion matrix.
SUMMARIES: Final[dict[str, str]] = {
    "accuracy": "share of answers that are right",
    "macro_f1": "mean F1 of the classes that occur in the truth",
    "balanced_accuracy": "mean recall of the classes that occur in the truth",
    "mean_iou": "mean intersection over union of the classes that occur in the truth",
}


def rates(counts: Array) -> dict[str, Array]:
    """Precision, recall, F1 and IoU of each class, NaN where undefined.

    Parameters
    ----------
    counts : array, shape (k, k, ...)
        Confusion matrices, rows truth.

    Returns
    -------
    dict of float array, shape (k, ...)

    Examples
    --------
    >>> {name: each.tolist() for name, each in rates(np.array([[2, 0], [2, 0]])).items()}
    {'precision': [0.5, nan], 'recall': [1.0, 0.0], 'f1': [0.6666666666666666, 0.0], 'iou': [0.5, 0.0]}
    """
    right = np.einsum("ii...->i...", counts).astype(float)
    true, called = counts.sum(axis=1), counts.sum(axis=0)
    return {
        "precision": ratio(right, called),
        "recall": ratio(right, true),
        "f1": ratio(2 * right, true + called),
        "iou": ratio(right, true + called - right),
    }


def summary(counts: Array, name: str, *, of: Mapping[str, Array] | None = None) -> Array:
    """One of `SUMMARIES` for each confusion matrix.

    Parameters
    ----------
    counts : array, shape (k, k, ...)
        Rows truth.
    name : str
        Key in `SUMMARIES`.
    of : mapping, optional
        `rates(counts)`, where they are known already.

    Returns
    -------
    float array, shape (...)
        NaN where nothing was counted.
    """
    if name == "accuracy":
        return ratio(np.einsum("ii...->...", counts).astype(float), counts.sum(axis=(0, 1)))
    held = rates(counts) if of is None else of
    rate = held[{"macro_f1": "f1", "balanced_accuracy": "recall", "mean_iou": "iou"}[name]]
    occurs = counts.sum(axis=1) > 0
    return ratio(np.where(occurs, rate, 0.0).sum(axis=0), occurs.sum(axis=0))


@dataclass(frozen=True, slots=True)
class ClassScore:
    """How well one class is found."""

    #: Code in the legend.
    code: int
    #: Samples of it in the truth.
    n: int
    #: Right answers over all answers of this class; NaN if it was never predicted.
    precision: float
    #: Right answers over all samples of this class; NaN if there are none.
    recall: float
    #: Harmonic mean of the two; NaN if the class neither occurs nor was predicted.
    f1: float

    def to_json(self) -> dict[str, Any]:
        """Plain JSON."""
        held = {name: to_plain(getattr(self, name)) for name in ("precision", "recall", "f1")}
        return {"code": self.code, "n": self.n, **held}

    @classmethod
    def from_json(cls, held: Mapping[str, Any]) -> ClassScore:
        """Read what `to_json` wrote."""
        numbers = {name: from_plain(held[name]) for name in ("precision", "recall", "f1")}
        return cls(int(held["code"]), int(held["n"]), **numbers)


@dataclass(frozen=True, slots=True)
class Classification:
    """How well classes are told apart."""

    #: Samples judged.
    n: int
    #: Left out: without a label; with a label and without an answer.
    unlabelled: int
    unanswered: int
    #: Share of right answers.
    accuracy: float
    #: Mean F1, and mean recall, of the classes that occur in the truth.
    macro_f1: float
    balanced_accuracy: float
    #: One a class, in the legend's order.
    classes: tuple[ClassScore, ...]
    #: Codes that do not occur in the truth, and so are in no mean.
    absent: tuple[int, ...]

    def to_json(self) -> dict[str, Any]:
        """Plain JSON."""
        return {
            "n": self.n,
            "unlabelled": self.unlabelled,
            "unanswered": self.unanswered,
            "accuracy": to_plain(self.accuracy),
            "macro_f1": to_plain(self.macro_f1),
            "balanced_accuracy": to_plain(self.balanced_accuracy),
            "classes": [each.to_json() for each in self.classes],
            "absent": list(self.absent),
        }

    @classmethod
    def from_json(cls, held: Mapping[str, Any]) -> Classification:
        """Read what `to_json` wrote."""
        numbers = {name: from_plain(held[name]) for name in ("accuracy", "macro_f1", "balanced_accuracy")}
        classes = tuple(ClassScore.from_json(each) for each in held["classes"])
        absent = tuple(int(code) for code in held["absent"])
        n, unlabelled, unanswered = (int(held[name]) for name in ("n", "unlabelled", "unanswered"))
        return cls(n=n, unlabelled=unlabelled, unanswered=unanswered, classes=classes, absent=absent, **numbers)


def score_classes(held: Confusion) -> Classification:
    """Judge a confusion matrix.

    Examples
    --------
    >>> from swath.evaluate.confusion import count_confusion
    >>> scores = score_classes(count_confusion([0, 0, 1, 1], [0, 0, 0, 1], (0, 1, 2)))
    >>> scores.accuracy, scores.absent, scores.classes[2].recall
    (0.75, (2,), nan)
    """
    by_class = rates(held.counts)
    n = held.counts.sum(axis=1)
    classes = tuple(
        ClassScore(code, int(n[i]), *(float(by_class[name][i]) for name in ("precision", "recall", "f1")))
        for i, code in enumerate(held.codes)
    )
    return Classification(
        n=held.n,
        unlabelled=held.unlabelled,
        unanswered=held.unanswered,
        accuracy=float(summary(held.counts, "accuracy")),
        macro_f1=float(summary(held.counts, "macro_f1", of=by_class)),
        balanced_accuracy=float(summary(held.counts, "balanced_accuracy", of=by_class)),
        classes=classes,
        absent=tuple(each.code for each in classes if not each.n),
    )


@dataclass(frozen=True, slots=True)
class ClassIntervals:
    """Intervals of one class's scores."""

    #: Code in the legend.
    code: int
    #: As in `ClassScore`.
    precision: Interval
    recall: Interval
    f1: Interval

    def to_json(self) -> dict[str, Any]:
        """Plain JSON."""
        return {"code": self.code, **{name: getattr(self, name).to_json() for name in ("precision", "recall", "f1")}}

    @classmethod
    def from_json(cls, held: Mapping[str, Any]) -> ClassIntervals:
        """Read what `to_json` wrote."""
        ends = {name: Interval.from_json(held[name]) for name in ("precision", "recall", "f1")}
        return cls(int(held["code"]), **ends)


@dataclass(frozen=True, slots=True)
class ClassificationIntervals:
    """Intervals of `Classification`."""

    #: As there.
    accuracy: Interval
    macro_f1: Interval
    balanced_accuracy: Interval
    classes: tuple[ClassIntervals, ...]

    def to_json(self) -> dict[str, Any]:
        """Plain JSON."""
        whole = {name: getattr(self, name).to_json() for name in ("accuracy", "macro_f1", "balanced_accuracy")}
        return {**whole, "classes": [each.to_json() for each in self.classes]}

    @classmethod
    def from_json(cls, held: Mapping[str, Any]) -> ClassificationIntervals:
        """Read what `to_json` wrote."""
        whole = {name: Interval.from_json(held[name]) for name in ("accuracy", "macro_f1", "balanced_accuracy")}
        return cls(**whole, classes=tuple(ClassIntervals.from_json(each) for each in held["classes"]))


def count_cells(truth: Array, predicted: Array, k: int, resamples: Resamples) -> sparse.csr_matrix:
    """Counts of each cell of the confusion matrix in each unit, sparse (k * k, units): times weights, a resample's.

    Parameters
    ----------
    truth, predicted : int array, shape (n,)
        Positions 0..k-1; samples where either is -1 are left out.
    """
    kept = (truth >= 0) & (predicted >= 0)
    cells, units = (truth * k + predicted)[kept], resamples.unit_of[kept]
    ones = np.ones(len(cells))
    return sparse.coo_matrix((ones, (cells, units)), shape=(k * k, resamples.units)).tocsr()


def classification_intervals(
    truth: Array, predicted: Array, codes: tuple[int, ...], resamples: Resamples, *, level: float = 0.95
) -> ClassificationIntervals:
    """Bootstrap accuracy, macro-F1, balanced accuracy and the scores of every class.

    Parameters
    ----------
    truth, predicted : int array, shape (n,)
        Codes; samples with -1 on either side are left out.
    codes : tuple of int
        The legend's, in order.
    resamples : Resamples
        Of all n samples; the same ones for every model that is compared.
    level : float
        Share of the distribution between the ends.
    """
    k = len(codes)
    cells = count_cells(index_of(truth, codes, what="truth"), index_of(predicted, codes), k, resamples)

    def statistic(weights: Array) -> Array:
        counts = (cells @ weights).reshape(k, k, weights.shape[1])
        by_class = rates(counts)
        whole = [summary(counts, name, of=by_class) for name in ("accuracy", "macro_f1", "balanced_accuracy")]
        return np.concatenate([np.stack(whole), *(by_class[name] for name in ("precision", "recall", "f1"))])

    held = intervals(statistic, resamples, level=level)
    by_class = [held[3 + i :: k][:3] for i in range(k)]
    classes = tuple(ClassIntervals(code, *three) for code, three in zip(codes, by_class, strict=True))
    return ClassificationIntervals(held[0], held[1], held[2], classes)
