"""Undefined: a number that does not exist is NaN in memory and null in JSON, and never 0."""

from __future__ import annotations

import math

import numpy as np

from swath.core.array import Array

__all__ = ["from_plain", "ratio", "to_plain"]


def ratio(part: Array, whole: Array) -> Array:
    """Part / whole, NaN where whole is 0.

    Examples
    --------
    >>> ratio(np.array([1.0, 0.0]), np.array([4.0, 0.0]))
    array([0.25,  nan])
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(whole > 0, part / whole, np.nan)


def to_plain(number: float) -> float | None:
    """A number, or None where it is undefined: JSON has no NaN.

    Examples
    --------
    >>> to_plain(0.5), to_plain(float("nan"))
    (0.5, None)
    """
    return float(number) if math.isfinite(number) else None


def from_plain(number: float | None) -> float:
    """Read what `to_plain` wrote.

    Examples
    --------
    >>> from_plain(None)
    nan
    """
    return math.nan if number is None else float(number)
