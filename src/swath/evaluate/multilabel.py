"""Multi-label: average precision and F1 where the classes of a sample do not exclude one another.

Average precision is the sum of precision times the growth of recall over falling scores, equal scores at once; no
interpolation. `micro` pools all samples and classes, `macro` is the mean of the classes that occur in the truth. What
has no truth (NaN) and what has no label at all is left out and counted: a sample without labels is not "class 0".
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from swath.core.array import Array
from swath.core.errors import Mismatch, Refused
from swath.evaluate.bootstrap import Interval, Resamples, intervals
from swath.evaluate.undefined import from_plain, ratio, to_plain

__all__ = [
    "LabelIntervals",
    "LabelScore",
    "MultiLabel",
    "MultiLabelIntervals",
    "average_precision",
    "judged",
    "label_rates",
    "multilabel_intervals",
    "score_labels",
]

_SUMMARIES: Final = ("micro_map", "macro_map", "micro_f1", "macro_f1")
_RATES: Final = ("average_precision", "precision", "recall", "f1")


class _Ranking:
    """Scores in falling order, equal ones joined: what average precision needs of them, for any weights."""

    def __init__(self, scores: Array, truth: Array) -> None:
        self.order = np.argsort(-scores, kind="stable")
        ranked = scores[self.order]
        last = np.append(np.flatnonzero(ranked[1:] != ranked[:-1]), len(ranked) - 1)
        self.true = np.flatnonzero(truth[self.order])
        #: For each positive: where its group of equal scores ends, among all and among the positives.
        self.ends = last[np.searchsorted(last, self.true)]
        self.true_ends = np.searchsorted(self.true, self.ends, side="right") - 1

    def precision(self, weights: Array, each: int = 1) -> Array:
        """Average precision for each column of weights (n, c), a weight for `each` scores; NaN without a positive.

        The precision at a positive, and so the mean over positives by weight, is the sum over thresholds.
        """
        drawn = weights[self.order // each]
        of_true = drawn[self.true]
        called, right = np.cumsum(drawn, axis=0)[self.ends], np.cumsum(of_true, axis=0)
        return ratio(
            (ratio(right[self.true_ends], called) * of_true).sum(axis=0, where=of_true > 0), of_true.sum(axis=0)
        )


def average_precision(scores: Array, truth: Array) -> float:
    """Average precision of one ranking; NaN without a positive.

    Parameters
    ----------
    scores : float array, shape (n,)
        Higher = likelier.
    truth : bool array, shape (n,)

    Examples
    --------
    >>> average_precision(np.array([0.9, 0.8, 0.7]), np.array([True, False, True]))      # (1/1 + 2/3) / 2
    0.8333333333333333
    """
    if not len(scores):
        return math.nan
    return float(_Ranking(np.asarray(scores, float), np.asarray(truth, bool)).precision(np.ones((len(scores), 1)))[0])


def judged(raw: Array, truth: Array) -> tuple[Array, Array, Array]:
    """Which samples can be judged: bool (n,) each, (has truth and a label, has no truth, has truth and no label).

    Parameters
    ----------
    raw, truth : array, shape (n, k)
        Truth is 0 or 1; a row with NaN is one without truth.

    Raises
    ------
    Mismatch
        Shapes differ.
    """
    if raw.ndim != 2 or raw.shape != truth.shape:
        raise Mismatch(where="multi-label scores", what="shape", want=f"{truth.shape} (truth)", have=str(raw.shape))
    unknown = np.isnan(np.asarray(truth, float)).any(axis=1)
    empty = ~unknown & ~(np.nan_to_num(np.asarray(truth, float)) > 0).any(axis=1)
    return ~unknown & ~empty, unknown, empty


@dataclass(frozen=True, slots=True)
class LabelScore:
    """How well one label is found."""

    #: Code in the legend.
    code: int
    #: Samples that carry it.
    n: int
    #: Average precision; NaN if no sample carries it.
    average_precision: float
    #: At probability 0.5; NaN where undefined.
    precision: float
    recall: float
    f1: float

    def to_json(self) -> dict[str, Any]:
        """Plain JSON."""
        return {"code": self.code, "n": self.n, **{name: to_plain(getattr(self, name)) for name in _RATES}}

    @classmethod
    def from_json(cls, held: Mapping[str, Any]) -> LabelScore:
        """Read what `to_json` wrote."""
        return cls(int(held["code"]), int(held["n"]), *(from_plain(held[name]) for name in _RATES))


@dataclass(frozen=True, slots=True)
class MultiLabel:
    """How well sets of labels are found."""

    #: Samples judged.
    n: int
    #: Left out: without truth; with a truth that holds no label.
    unlabelled: int
    empty: int
    #: Average precision over all samples and labels, and its mean over the labels that occur.
    micro_map: float
    macro_map: float
    #: F1 at probability 0.5, likewise.
    micro_f1: float
    macro_f1: float
    #: One a label, in the legend's order.
    classes: tuple[LabelScore, ...]
    #: Codes that no sample carries, and so are in no mean.
    absent: tuple[int, ...]

    def to_json(self) -> dict[str, Any]:
        """Plain JSON."""
        return {
            "n": self.n,
            "unlabelled": self.unlabelled,
            "empty": self.empty,
            **{name: to_plain(getattr(self, name)) for name in _SUMMARIES},
            "classes": [each.to_json() for each in self.classes],
            "absent": list(self.absent),
        }

    @classmethod
    def from_json(cls, held: Mapping[str, Any]) -> MultiLabel:
        """Read what `to_json` wrote."""
        classes = tuple(LabelScore.from_json(each) for each in held["classes"])
        absent = tuple(int(code) for code in held["absent"])
        means = {name: from_plain(held[name]) for name in _SUMMARIES}
        n, unlabelled, empty = (int(held[name]) for name in ("n", "unlabelled", "empty"))
        return cls(n=n, unlabelled=unlabelled, empty=empty, classes=classes, absent=absent, **means)


def label_rates(called: Array, truth: Array, weights: Array) -> dict[str, Array]:
    """Precision, recall and F1 of each label, shape (k, c), and `micro_f1`, `macro_f1`, shape (c,).

    Parameters
    ----------
    called, truth : bool array, shape (n, k)
    weights : float array, shape (n, c)
    """
    right, calls, true = (held.T.astype(float) @ weights for held in (called & truth, called, truth))
    f1 = ratio(2 * right, calls + true)
    occurs = true > 0
    macro = ratio(np.where(occurs, f1, 0.0).sum(axis=0), occurs.sum(axis=0))
    micro = ratio(2 * right.sum(axis=0), (calls + true).sum(axis=0))
    rates = {"precision": ratio(right, calls), "recall": ratio(right, true), "f1": f1}
    return {**rates, "micro_f1": micro, "macro_f1": macro}


def _mean_known(values: Array) -> Array:
    """Mean over axis 0 of what is defined."""
    known = np.isfinite(values)
    return ratio(np.where(known, values, 0.0).sum(axis=0), known.sum(axis=0))


class _Labels:
    """Samples that can be judged, ranked once; scores for any weights of them."""

    def __init__(self, raw: Array, truth: Array) -> None:
        self.raw, self.truth = np.asarray(raw, float), np.asarray(truth) > 0
        self.called = self.raw >= 0  # sigmoid(0) = 0.5
        self.k = self.raw.shape[1]
        self.by_label = [_Ranking(self.raw[:, i], self.truth[:, i]) for i in range(self.k)]
        self.pooled = _Ranking(self.raw.ravel(), self.truth.ravel())

    def scores(self, weights: Array) -> dict[str, Array]:
        """All of `label_rates`, and `average_precision` (k, c), `micro_map`, `macro_map` (c,)."""
        precision = np.stack([ranking.precision(weights) for ranking in self.by_label])
        micro = self.pooled.precision(weights, self.k)
        rates = label_rates(self.called, self.truth, weights)
        return {**rates, "average_precision": precision, "micro_map": micro, "macro_map": _mean_known(precision)}


def score_labels(raw: Array, truth: Array, codes: tuple[int, ...]) -> MultiLabel:
    """Judge sets of labels.

    Parameters
    ----------
    raw : float array, shape (n, k)
        Before the sigmoid; a label is called where it is 0 or more.
    truth : array, shape (n, k)
        0 or 1; a row with NaN has no truth.
    codes : tuple of int, length k
        The legend's, in order.

    Raises
    ------
    Mismatch
        Shapes differ, or there is not one code a column.

    Examples
    --------
    >>> held = score_labels(np.array([[2.0, -1.0], [1.0, 3.0]]), np.array([[1, 0], [0, 1]]), (10, 20))
    >>> held.macro_map, round(held.micro_f1, 3), held.classes[0].precision
    (1.0, 0.8, 0.5)
    """
    if len(codes) != raw.shape[-1]:
        raise Mismatch(where="multi-label scores", what="classes", want=str(len(codes)), have=str(raw.shape[-1]))
    kept, unknown, empty = judged(raw, truth)
    n, unlabelled, no_label = (int(each.sum()) for each in (kept, unknown, empty))
    means = dict.fromkeys(_SUMMARIES, math.nan)
    classes = tuple(LabelScore(code, 0, *[math.nan] * 4) for code in codes)
    if n:
        labels = _Labels(raw[kept], truth[kept])
        scores = {name: each[..., 0] for name, each in labels.scores(np.ones((n, 1))).items()}
        carried = labels.truth.sum(axis=0)
        means = {name: float(scores[name]) for name in _SUMMARIES}
        classes = tuple(
            LabelScore(code, int(carried[i]), *(float(scores[name][i]) for name in _RATES))
            for i, code in enumerate(codes)
        )
    absent = tuple(each.code for each in classes if not each.n)
    return MultiLabel(n=n, unlabelled=unlabelled, empty=no_label, classes=classes, absent=absent, **means)


@dataclass(frozen=True, slots=True)
class LabelIntervals:
    """Intervals of one label's scores."""

    #: Code in the legend.
    code: int
    #: As in `LabelScore`.
    average_precision: Interval
    precision: Interval
    recall: Interval
    f1: Interval

    def to_json(self) -> dict[str, Any]:
        """Plain JSON."""
        return {"code": self.code, **{name: getattr(self, name).to_json() for name in _RATES}}

    @classmethod
    def from_json(cls, held: Mapping[str, Any]) -> LabelIntervals:
        """Read what `to_json` wrote."""
        return cls(code=int(held["code"]), **{name: Interval.from_json(held[name]) for name in _RATES})


@dataclass(frozen=True, slots=True)
class MultiLabelIntervals:
    """Intervals of `MultiLabel`."""

    #: As there.
    micro_map: Interval
    macro_map: Interval
    micro_f1: Interval
    macro_f1: Interval
    classes: tuple[LabelIntervals, ...]

    def to_json(self) -> dict[str, Any]:
        """Plain JSON."""
        means = {name: getattr(self, name).to_json() for name in _SUMMARIES}
        return {**means, "classes": [each.to_json() for each in self.classes]}

    @classmethod
    def from_json(cls, held: Mapping[str, Any]) -> MultiLabelIntervals:
        """Read what `to_json` wrote."""
        means = {name: Interval.from_json(held[name]) for name in _SUMMARIES}
        return cls(classes=tuple(LabelIntervals.from_json(each) for each in held["classes"]), **means)


def multilabel_intervals(
    raw: Array, truth: Array, codes: tuple[int, ...], resamples: Resamples, *, level: float = 0.95
) -> MultiLabelIntervals:
    """Bootstrap the four means and the scores of every label.

    Parameters
    ----------
    raw, truth, codes
        As in `score_labels`; samples that cannot be judged weigh nothing.
    resamples : Resamples
        Of all n samples.
    level : float
        Share of the distribution between the ends.

    Raises
    ------
    Refused
        No sample can be judged.
    """
    kept, _, _ = judged(raw, truth)
    if not kept.any():
        raise Refused(where="multi-label scores", what="no sample has a label", fix="Score samples that have labels.")
    labels, units, k = _Labels(raw[kept], truth[kept]), resamples.unit_of[kept], raw.shape[1]

    def statistic(weights: Array) -> Array:
        scores = labels.scores(weights[units])
        return np.concatenate([np.stack([scores[name] for name in _SUMMARIES]), *(scores[name] for name in _RATES)])

    held = intervals(statistic, resamples, level=level)
    classes = tuple(LabelIntervals(code, *held[4 + i :: k][:4]) for i, code in enumerate(codes))
    return MultiLabelIntervals(classes=classes, **dict(zip(_SUMMARIES, held[:4], strict=True)))
