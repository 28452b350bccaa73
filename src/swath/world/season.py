"""Season: how green a surface is on a date, as a double logistic curve of the day of the year.

Each kind of vegetation has a day of onset, a day of decline, their pace and an amplitude in NDVI; parcels differ by up
to 15 days of onset. South of the equator the year is shifted by half; within the tropics it flattens. The curves are
plausible, not measured: what is measured are the spectra at the reference day, which the curves leave as they are on
average. Knows days and latitudes, no pixels.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from swath.core.array import Array

__all__ = ["CURVES", "ONSET_SPREAD", "REFERENCE_DAY", "YEAR", "Curve", "greenness", "local_day", "strength"]

#: Days a year; curves repeat with it.
YEAR: Final = 365.25
#: Day of the northern year at which class means are those measured: mid-July.
REFERENCE_DAY: Final = 196.0
#: Parcels green up to so many days earlier or later than their kind.
ONSET_SPREAD: Final = 15.0


@dataclass(frozen=True, slots=True)
class Curve:
    """One kind of vegetation."""

    #: Day of half the rise, and of half the decline.
    onset: float
    end: float
    #: Days of the rise and the decline (logistic scale).
    rise: float
    fall: float
    #: NDVI between winter and full leaf.
    amplitude: float


#: kind -> curve (northern hemisphere).
CURVES: Final[dict[str, Curve]] = {
    "bare": Curve(100.0, 290.0, 15.0, 15.0, 0.0),
    "winter crop": Curve(80.0, 184.0, 12.0, 6.0, 0.5),
    "summer crop": Curve(160.0, 268.0, 8.0, 9.0, 0.5),
    "broadleaf": Curve(118.0, 292.0, 8.0, 11.0, 0.3),
    "conifer": Curve(110.0, 290.0, 20.0, 25.0, 0.07),
    "herbs": Curve(100.0, 262.0, 15.0, 25.0, 0.22),
    "pasture": Curve(85.0, 305.0, 15.0, 20.0, 0.25),
    "orchard": Curve(115.0, 285.0, 12.0, 15.0, 0.25),
    "garden": Curve(108.0, 295.0, 14.0, 14.0, 0.12),
}


def local_day(day: float, *, is_south: bool) -> float:
    """Day of the northern year that has the same season.

    Examples
    --------
    >>> local_day(15.0, is_south=True), local_day(15.0, is_south=False)
    (197.625, 15.0)
    """
    return (day + YEAR / 2 * is_south) % YEAR


def strength(latitude: float) -> float:
    """How strong seasons are [1]: 0.15 at the equator, 1 from 30 degrees on, smooth between.

    Examples
    --------
    >>> strength(0.0), strength(-45.0)
    (0.15, 1.0)
    """
    t = min(max((abs(latitude) - 5.0) / 25.0, 0.0), 1.0)
    return 0.15 + 0.85 * t * t * (3.0 - 2.0 * t)


def greenness(day: float, onset: Array, end: Array, rise: Array, fall: Array) -> Array:
    """Double logistic curve.

    Parameters
    ----------
    day : float
        Day of the year, of any year.
    onset, end, rise, fall : float arrays, shape (n,)
        As in `Curve`.

    Returns
    -------
    float64 array, shape (n,)
        0 = winter, 1 = full leaf [1].

    Examples
    --------
    >>> oak = CURVES["broadleaf"]
    >>> shape = [np.array([x]) for x in (oak.onset, oak.end, oak.rise, oak.fall)]
    >>> [round(greenness(day, *shape).item(), 2) for day in (15.0, 118.0, 200.0)]
    [0.0, 0.5, 1.0]
    """
    total = np.zeros(np.shape(onset))
    for turn in (-YEAR, 0.0, YEAR):
        at = day + turn
        total += 1 / (1 + np.exp(-(at - onset) / rise)) - 1 / (1 + np.exp(-(at - end) / fall))
    return total
