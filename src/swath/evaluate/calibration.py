"""Calibration: whether a probability of 0.8 is right in eight cases of ten, and the temperature that mends it.

Expected calibration error over 15 bins of equal mass of the top-1 confidence, with negative log-likelihood and Brier
score beside it. The temperature divides raw output, is fitted on validation data, and changes no answer: that is
checked. For several labels a sample, every label is a decision of its own with the confidence max(p, 1 - p). Truth is
the position of the class in the order of the raw output, -1 = none; for several labels 0 or 1, NaN = none.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import expit, log_expit, log_softmax

from swath.core.array import Array
from swath.core.errors import Mismatch, Refused
from swath.evaluate.bootstrap import Interval, Resamples, intervals
from swath.evaluate.undefined import from_plain, ratio, to_plain

__all__ = [
    "BINS",
    "CalibrationIntervals",
    "CalibrationScores",
    "Reliability",
    "calibration_intervals",
    "fit_temperature",
    "reliability",
    "score_calibration",
]

#: Bins of equal mass.
BINS: Final = 15
#: Where the temperature is looked for, as natural logarithms: 1/150 to 150.
_REACH: Final = (-5.0, 5.0)


@dataclass(frozen=True, slots=True, eq=False)
class Reliability:
    """Confidence and accuracy of each bin, from the least confident up; bins without samples are not there."""

    #: Mean confidence, share of right answers, and samples, shape (bins,) each.
    confidence: Array
    accuracy: Array
    count: Array

    @property
    def error(self) -> float:
        """Expected calibration error: mean distance of accuracy from confidence, by samples; NaN without any."""
        total = self.count.sum()
        return float((self.count * np.abs(self.accuracy - self.confidence)).sum() / total) if total else float("nan")

    def to_json(self) -> dict[str, Any]:
        """Plain JSON."""
        return {name: getattr(self, name).tolist() for name in ("confidence", "accuracy", "count")}

    @classmethod
    def from_json(cls, held: Mapping[str, Any]) -> Reliability:
        """Read what `to_json` wrote."""
        confidence, accuracy = (np.asarray(held[name], float) for name in ("confidence", "accuracy"))
        return cls(confidence, accuracy, np.asarray(held["count"], np.int64))


@dataclass(frozen=True, slots=True)
class CalibrationScores:
    """How far probabilities can be believed."""

    #: Samples judged; for several labels the decisions, samples x labels.
    n: int
    #: What raw output was divided by.
    temperature: float
    #: Expected calibration error, negative log-likelihood [nat], Brier score (0 to 2; per label 0 to 1); NaN if n is 0.
    ece: float
    nll: float
    brier: float
    #: What the error is made of.
    bins: Reliability

    def to_json(self) -> dict[str, Any]:
        """Plain JSON."""
        numbers = {name: to_plain(getattr(self, name)) for name in ("temperature", "ece", "nll", "brier")}
        return {"n": self.n, **numbers, "bins": self.bins.to_json()}

    @classmethod
    def from_json(cls, held: Mapping[str, Any]) -> CalibrationScores:
        """Read what `to_json` wrote."""
        numbers = {name: from_plain(held[name]) for name in ("temperature", "ece", "nll", "brier")}
        return cls(n=int(held["n"]), bins=Reliability.from_json(held["bins"]), **numbers)


@dataclass(frozen=True, slots=True)
class CalibrationIntervals:
    """Intervals of `CalibrationScores`."""

    #: As there.
    ece: Interval
    nll: Interval
    brier: Interval

    def to_json(self) -> dict[str, Any]:
        """Plain JSON."""
        return {name: getattr(self, name).to_json() for name in ("ece", "nll", "brier")}

    @classmethod
    def from_json(cls, held: Mapping[str, Any]) -> CalibrationIntervals:
        """Read what `to_json` wrote."""
        return cls(*(Interval.from_json(held[name]) for name in ("ece", "nll", "brier")))


def _labelled(raw: Array, truth: Array) -> Array:
    """Samples that have a truth, bool (n,).

    Raises
    ------
    Mismatch
        Shapes do not fit, raw output is not finite, or a class is beyond the columns of the raw output.
    """
    where = "calibration"
    if raw.ndim != 2 or truth.shape not in (raw.shape, raw.shape[:1]):
        have = f"{truth.shape} for raw output {raw.shape}"
        raise Mismatch(where=where, what="truth", want="(n,), or (n, k) for several labels", have=have)
    if not np.isfinite(raw).all():
        raise Mismatch(where=where, what="raw output", want="finite numbers", have="NaN or infinity")
    if truth.ndim == 2:
        return np.asarray(~np.isnan(np.asarray(truth, float)).any(axis=1))
    if truth.size and int(truth.max()) >= raw.shape[1]:
        raise Mismatch(where=where, what="truth", want=f"0 to {raw.shape[1] - 1}, or -1", have=str(int(truth.max())))
    return np.asarray(truth >= 0)


def _scored(raw: Array, truth: Array, temperature: float) -> tuple[Array, Array, Array, Array]:
    """Confidence, whether it was right, NLL and Brier of each decision, all with a truth: shape (n,) or (n * k,)."""
    scaled = np.asarray(raw, np.float64) / temperature
    if truth.ndim == 2:
        is_true = np.asarray(truth) > 0
        chance = expit(scaled)
        nll = -np.where(is_true, log_expit(scaled), log_expit(-scaled))
        confidence, right = np.maximum(chance, 1 - chance), (scaled >= 0) == is_true
        return confidence.ravel(), right.ravel(), nll.ravel(), ((chance - is_true) ** 2).ravel()
    logs = log_softmax(scaled, axis=1)
    chance, rows = np.exp(logs), np.arange(len(truth))
    top = np.asarray(raw).argmax(axis=1)
    brier = (chance**2).sum(axis=1) - 2 * chance[rows, truth] + 1
    return chance[rows, top], top == truth, -logs[rows, truth], brier


def reliability(confidence: Array, is_right: Array, *, bins: int = BINS) -> Reliability:
    """Sort answers by confidence, cut them into bins of equal mass, and compare confidence with accuracy.

    Parameters
    ----------
    confidence : float array, shape (n,)
        Probability of the answer given.
    is_right : bool array, shape (n,)
    bins : int
        At most; bin k holds the samples from floor(k n / bins) on.

    Examples
    --------
    >>> held = reliability(np.array([0.6, 0.9, 0.7, 1.0]), np.array([False, True, True, True]), bins=2)
    >>> held.accuracy.tolist(), held.count.tolist(), round(held.error, 3)
    ([0.5, 1.0], [2, 2], 0.1)
    """
    order = np.argsort(confidence, kind="stable")
    edges = np.arange(bins + 1) * len(order) // bins
    count = np.diff(edges)
    held = []
    for numbers in (confidence, is_right):
        summed = np.append(0.0, np.cumsum(np.asarray(numbers, float)[order]))
        held.append(np.diff(summed[edges])[count > 0] / count[count > 0])
    return Reliability(held[0], held[1], count[count > 0])


def score_calibration(raw: Array, truth: Array, *, temperature: float = 1.0) -> CalibrationScores:
    """Judge the probabilities that raw output becomes.

    Parameters
    ----------
    raw : float array, shape (n, k)
        Before softmax or sigmoid.
    truth : array, shape (n,) or (n, k)
        Position of the class, -1 = none; or 0 and 1 for several labels, NaN = none.
    temperature : float
        What raw output is divided by.

    Raises
    ------
    Mismatch
        Shapes do not fit, or raw output is not finite.
    """
    raw, truth = np.asarray(raw), np.asarray(truth)
    kept = _labelled(raw, truth)
    confidence, right, nll, brier = _scored(raw[kept], truth[kept], temperature)
    n = len(confidence)
    bins = reliability(confidence, right)
    nll_mean, brier_mean = (float(each.mean()) if n else float("nan") for each in (nll, brier))
    return CalibrationScores(n, temperature, bins.error, nll_mean, brier_mean, bins)


def _errors(weights: Array, confidence: Array, right: Array) -> Array:
    """Expected calibration error for each column of weights (n, c), samples in rising order of confidence.

    A sample drawn w times stands w times in a row; where a bin ends inside such a row, it is parted.
    """
    ends = np.cumsum(weights, axis=0)
    gaps = np.cumsum(weights * (right - confidence)[:, None], axis=0)
    total = ends[-1]
    error = np.zeros(weights.shape[1])
    for column in range(weights.shape[1]):
        edges = np.floor(np.arange(BINS + 1) * total[column] / BINS)
        at = np.searchsorted(ends[:, column], edges, side="left").clip(max=len(ends) - 1)
        beyond = ends[at, column] - edges  # copies of that sample that belong to the next bin
        summed = gaps[at, column] - beyond * (right - confidence)[at]
        summed[0] = 0.0
        error[column] = np.abs(np.diff(summed)).sum()
    return ratio(error, total)


def calibration_intervals(
    raw: Array, truth: Array, resamples: Resamples, *, temperature: float = 1.0, level: float = 0.95
) -> CalibrationIntervals:
    """Bootstrap calibration error, negative log-likelihood and Brier score; bins are formed anew in each resample.

    Parameters
    ----------
    raw, truth : array
        As in `score_calibration`; samples without truth weigh nothing.
    resamples : Resamples
        Of all n samples.
    """
    raw, truth = np.asarray(raw), np.asarray(truth)
    kept = _labelled(raw, truth)
    if not kept.any():
        raise Refused(where="calibration", what="no sample has a truth", fix="Score samples that have labels.")
    confidence, right, nll, brier = _scored(raw[kept], truth[kept], temperature)
    units = np.repeat(resamples.unit_of[kept], len(confidence) // int(kept.sum()))
    order = np.argsort(confidence, kind="stable")
    ranked, hits = confidence[order], right[order].astype(float)
    per_unit = [np.bincount(units, each, minlength=resamples.units) for each in (np.ones(len(nll)), nll, brier)]

    def statistic(weights: Array) -> Array:
        count, *sums = (each @ weights for each in per_unit)
        means = [ratio(each, count) for each in sums]
        return np.stack([_errors(weights[units[order]], ranked, hits), *means])

    return CalibrationIntervals(*intervals(statistic, resamples, level=level))


def fit_temperature(raw: Array, truth: Array) -> float:
    """Find the temperature with the lowest negative log-likelihood.

    Parameters
    ----------
    raw, truth : array
        Of validation samples, as in `score_calibration`.

    Returns
    -------
    float
        Above 0. 1.0 where every decision is right: the likelihood then grows without end as the temperature falls,
        and such data say nothing of how far to believe.

    Raises
    ------
    Refused
        No sample has a truth; or a temperature would change an answer.
    Mismatch
        Shapes do not fit, or raw output is not finite.

    Notes
    -----
    Guo et al. 2017, On Calibration of Modern Neural Networks, section 4.2. The likelihood is concave in 1 / T, so its
    one peak is found in log T.

    Examples
    --------
    >>> raw = np.array([[8.0, 0.0]] * 4)                    # sure of itself, and right in three cases of four
    >>> round(8 / fit_temperature(raw, np.array([0, 0, 0, 1])), 3), round(float(np.log(3)), 3)
    (1.099, 1.099)
    """
    raw, truth = np.asarray(raw, np.float64), np.asarray(truth)
    kept = _labelled(raw, truth)
    if not kept.any():
        raise Refused(where="temperature", what="no sample has a truth", fix="Fit it on samples that have labels.")
    raw, truth = raw[kept], truth[kept]
    if _scored(raw, truth, 1.0)[1].all():
        return 1.0
    found = minimize_scalar(
        lambda log_t: float(_scored(raw, truth, float(np.exp(log_t)))[2].mean()),
        bounds=_REACH,
        method="bounded",
        options={"xatol": 1e-6},
    )
    temperature = float(np.exp(found.x))
    scaled = raw / temperature
    changed = (scaled >= 0) != (raw >= 0) if truth.ndim == 2 else scaled.argmax(axis=1) != raw.argmax(axis=1)
    if changed.any():
        what = f"a temperature of {temperature:g} changes {int(changed.sum())} answers"
        raise Refused(where="temperature", what=what, fix="Look at the raw output: numbers are equal or beyond reason.")
    return temperature
