"""Bootstrap: intervals from resampled units, which are samples, or blocks of places where neighbours are alike.

A resample is a weight a unit: how often it was drawn. The weights of resample r depend on (seed, r, number of units)
alone, so that all models judged on the same samples meet the same resamples. A statistic is a function of weights;
whatever is made of counts is one matrix product. With fewer than 50 units the ends are corrected for bias and skew
(BCa); with fewer than 20 the interval says that it is unreliable.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from scipy.special import ndtr, ndtri

from swath.core.array import Array
from swath.core.errors import Mismatch, Refused
from swath.evaluate.undefined import from_plain, to_plain

__all__ = [
    "FEW_UNITS",
    "RESAMPLES",
    "TOO_FEW_UNITS",
    "Interval",
    "Resamples",
    "Statistic",
    "bca_ends",
    "intervals",
    "resample",
]

#: How many resamples are drawn unless somebody asks for another number.
RESAMPLES: Final = 2000
#: Below this many units the ends are bias-corrected and accelerated; below the second the interval is unreliable.
FEW_UNITS: Final = 50
TOO_FEW_UNITS: Final = 20
_PURPOSE: Final = 0xB007  # keeps these streams apart from anybody else's of the same seed
_NUMBERS: Final = 4_000_000  # held at once in an array of (samples or units, resamples)

#: Weights of the units, shape (units, c) -> values, shape (q, c), NaN where undefined.
Statistic = Callable[[Array], Array]


@dataclass(frozen=True, slots=True)
class Interval:
    """A number with the range in which it would probably lie had other places been looked at.

    Examples
    --------
    >>> str(Interval(0.91, 0.9, 0.92, units=200)), str(Interval(0.91, 0.7, 0.99, units=12, method="bca"))
    ('0.910 [0.900, 0.920]', '0.910 [0.700, 0.990] (interval unreliable: 12 units)')
    """

    #: Of all samples.
    value: float
    #: Ends; NaN where the value is undefined.
    low: float
    high: float
    #: Units that were resampled: blocks, or samples.
    units: int
    #: `percentile` or `bca`.
    method: str = "percentile"
    #: Share of the resamples in which the number is defined [1].
    defined: float = 1.0
    #: Share of the distribution between the ends [1].
    level: float = 0.95

    @property
    def is_reliable(self) -> bool:
        """False with fewer than 20 units, without an interval, or where all resamples agree and so show nothing."""
        return self.units >= TOO_FEW_UNITS and self.low < self.high

    @property
    def note(self) -> str:
        """What must be said beside it; empty if nothing."""
        if self.is_reliable:
            return ""
        is_flat = self.units >= TOO_FEW_UNITS and self.low == self.high
        return "interval unreliable: all resamples agree" if is_flat else f"interval unreliable: {self.units} units"

    def __str__(self) -> str:
        if not math.isfinite(self.value):
            return "undefined"
        said = f"{self.value:.3f} [{self.low:.3f}, {self.high:.3f}]"
        return f"{said} ({self.note})" if self.note else said

    def to_json(self) -> dict[str, Any]:
        """Plain JSON."""
        ends = {name: to_plain(getattr(self, name)) for name in ("value", "low", "high")}
        return {**ends, "units": self.units, "method": self.method, "defined": self.defined, "level": self.level}

    @classmethod
    def from_json(cls, held: Mapping[str, Any]) -> Interval:
        """Read what `to_json` wrote."""
        ends = {name: from_plain(held[name]) for name in ("value", "low", "high")}
        more = {"method": str(held["method"]), "defined": float(held["defined"]), "level": float(held["level"])}
        return cls(**ends, units=int(held["units"]), **more)  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True, eq=False)
class Resamples:
    """Which samples belong to which unit, and how units are drawn; made by `resample`."""

    #: Number of the unit of each sample, int64, shape (n,), from 0.
    unit_of: Array
    #: How many units there are.
    units: int
    #: How many resamples are drawn.
    count: int
    #: What decides them.
    seed: int

    @property
    def n(self) -> int:
        """Samples."""
        return len(self.unit_of)

    def weights(self) -> Iterator[Array]:
        """How often each unit was drawn, float64 (units, c), some resamples at a time, `count` in all."""
        m = self.units
        at_once = max(1, min(100, self.count, _NUMBERS // max(m, self.n, 1)))
        for first in range(0, self.count, at_once):
            drawn = np.empty((min(at_once, self.count - first), m))
            for row, number in zip(drawn, range(first, self.count), strict=False):
                stream = np.random.Generator(np.random.Philox(key=[self.seed, _PURPOSE], counter=[0, 0, 0, number]))
                row[:] = np.bincount(stream.integers(0, m, m), minlength=m)
            yield np.ascontiguousarray(drawn.T)


def resample(
    n: int, *, seed: int = 0, blocks: Sequence[Any] | Array | None = None, count: int = RESAMPLES
) -> Resamples:
    """Say how samples are resampled.

    Parameters
    ----------
    n : int
        Samples.
    seed : int
        0 or more; the same seed and the same units give the same resamples.
    blocks : sequence, length n, optional
        Names or numbers of the blocks that samples lie in, drawn whole; an empty name or None is a block of its own.
        None = every sample is a unit.
    count : int
        Resamples.

    Raises
    ------
    Refused
        There is no sample.
    Mismatch
        There is not one block a sample.

    Examples
    --------
    >>> held = resample(4, blocks=["a", "a", "b", ""], count=3)
    >>> held.units, [int(weights.sum()) for weights in held.weights()]
    (3, [9])
    """
    if n < 1:
        raise Refused(where="bootstrap", what="there is no sample to draw from", fix="Score samples that have labels.")
    if blocks is None:
        return Resamples(np.arange(n), n, count, seed)
    if len(blocks) != n:
        raise Mismatch(where="bootstrap", what="blocks", want=f"{n}, one a sample", have=str(len(blocks)))
    held = np.asarray(blocks, object) if not isinstance(blocks, np.ndarray) else blocks
    if held.dtype.kind in "iu":
        names, unit_of = np.unique(held, return_inverse=True)
        return Resamples(unit_of.astype(np.int64).ravel(), len(names), count, seed)
    alone = np.array([each is None or each == "" for each in held])
    names, numbers = np.unique(np.array([str(each) for each in held[~alone]]), return_inverse=True)
    unit_of = np.empty(n, np.int64)
    unit_of[~alone] = numbers
    unit_of[alone] = len(names) + np.arange(alone.sum())
    return Resamples(unit_of, len(names) + int(alone.sum()), count, seed)


def bca_ends(value: float, drawn: Array, left_out: Array, level: float = 0.95) -> tuple[float, float]:
    """Ends of the bias-corrected and accelerated interval (Efron 1987).

    Parameters
    ----------
    value : float
        Of all samples.
    drawn : float array, shape (r,)
        Of each resample, defined everywhere.
    left_out : float array, shape (m,)
        With each unit left out in turn, defined everywhere.

    Returns
    -------
    tuple of float
        Low, high; the percentiles themselves where all resamples lie on one side of the value.
    """
    tails = np.array([(1 - level) / 2, (1 + level) / 2])
    below = ((drawn < value).mean() + (drawn <= value).mean()) / 2
    if 0 < below < 1 and left_out.size:
        away = left_out.mean() - left_out
        spread = (away**2).sum() ** 1.5
        skew = float((away**3).sum() / (6 * spread)) if spread > 0 else 0.0
        bias = ndtri(below)
        shifted = bias + ndtri(tails)
        tails = ndtr(bias + shifted / (1 - skew * shifted))
    low, high = np.quantile(drawn, tails)
    return float(low), float(high)


def _interval(value: float, drawn: Array, left_out: Array | None, units: int, level: float) -> Interval:
    known = drawn[np.isfinite(drawn)]
    defined = len(known) / max(len(drawn), 1)
    method = "percentile" if left_out is None else "bca"
    if not math.isfinite(value) or not len(known):
        return Interval(value, math.nan, math.nan, units, method, defined, level)
    if left_out is None:
        low, high = np.quantile(known, [(1 - level) / 2, (1 + level) / 2])
    else:
        low, high = bca_ends(value, known, left_out[np.isfinite(left_out)], level)
    return Interval(value, float(low), float(high), units, method, defined, level)


def intervals(statistic: Statistic, resamples: Resamples, *, level: float = 0.95) -> list[Interval]:
    """Intervals of all values of a statistic.

    Parameters
    ----------
    statistic : function
        Weights of the units, float (units, c) -> values (q, c); NaN where a value is undefined for these weights.
    resamples : Resamples
        How units are drawn.
    level : float
        Share of the distribution between the ends.

    Returns
    -------
    list of Interval, length q
        Resamples in which a value is undefined are left out of its interval, and their share is told.

    Examples
    --------
    >>> numbers = np.arange(100.0)
    >>> [mean] = intervals(lambda weights: numbers[None] @ weights / weights.sum(axis=0), resample(100))
    >>> round(mean.value, 1), round(mean.low), round(mean.high)        # 49.5 -+ 1.96 * 28.9 / 10
    (49.5, 44, 55)
    """
    whole = statistic(np.ones((resamples.units, 1)))[:, 0]
    drawn = np.concatenate([statistic(weights) for weights in resamples.weights()], axis=1)
    left_out = None
    if 1 < resamples.units < FEW_UNITS:
        left_out = statistic(1 - np.eye(resamples.units))
    return [
        _interval(float(value), drawn[i], None if left_out is None else left_out[i], resamples.units, level)
        for i, value in enumerate(whole)
    ]
