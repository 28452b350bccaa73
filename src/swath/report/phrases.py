"""Phrases: how pages write counts, sizes, places and scores, the same on every page."""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from swath.core.array import Array
from swath.draw.axis import number
from swath.evaluate import Interval

__all__ = [
    "STARS",
    "cells_of",
    "counted",
    "extent_words",
    "ground",
    "interval_words",
    "listed",
    "pixels",
    "value_words",
]


#: What a star beside an interval means.
STARS: Final = "* fewer than 20 units were resampled, or all resamples agree: the interval is unreliable."


def counted(n: int, noun: str, plural: str = "") -> str:
    """Write a number with its noun.

    Examples
    --------
    >>> counted(1, "sample"), counted(2700, "class", "classes")
    ('1 sample', '2,700 classes')
    """
    return f"{number(n)} {noun if n == 1 else plural or noun + 's'}"


def ground(gsd: tuple[float, float]) -> str:
    """Metres of a pixel: one number where both sides are alike.

    Examples
    --------
    >>> ground((10.0, 10.0)), ground((10.0, 20.0))
    ('10 m', '10 x 20 m')
    """
    x, y = gsd
    return f"{x:.4g} m" if abs(x / y - 1) < 0.005 else f"{x:.4g} x {y:.4g} m"


def pixels(size: tuple[int, int]) -> str:
    """Width and height of (h, w).

    Examples
    --------
    >>> pixels((64, 32))
    '32 x 64 pixels'
    """
    return f"{size[1]} x {size[0]} pixels"


def cells_of(lon: Array, lat: Array) -> int:
    """Number of one-degree cells that hold a known place."""
    known = np.isfinite(lon) & np.isfinite(lat)
    return len({(int(x), int(y)) for x, y in zip(np.floor(lon[known]), np.floor(lat[known]), strict=True)})


def extent_words(lon: Array, lat: Array) -> str:
    """How many places there are, in how many cells, between which latitudes; at least one must be known.

    Examples
    --------
    >>> extent_words(np.array([11.3, 11.4]), np.array([46.5, -3.2]))
    '2 places in 2 one-degree cells, from 3.2° S to 46.5° N.'
    """
    known = np.isfinite(lon) & np.isfinite(lat)
    north = lat[known]
    ends = [f"{abs(v):.1f}° {'N' if v >= 0 else 'S'}" for v in (north.min(), north.max())]
    cells = counted(cells_of(lon, lat), "one-degree cell")
    return f"{counted(int(known.sum()), 'place')} in {cells}, from {ends[0]} to {ends[1]}."


def interval_words(held: Interval | None, *, is_share: bool = True, sign: str = "") -> str:
    """Write a number with the ends of its interval; a star says that the interval is unreliable.

    Examples
    --------
    >>> interval_words(Interval(0.661, 0.534, 0.873, 59)), interval_words(Interval(1.25, 1.0, 1.5, 7), is_share=False)
    ('66.1 % [53.4, 87.3]', '1.250 [1.000, 1.500] *')
    """
    if held is None:
        return "none"
    if not math.isfinite(held.value):
        return "undefined"
    scale, form = (100.0, f"{sign}.1f") if is_share else (1.0, f"{sign}.3f")
    said = f"{scale * held.value:{form}}" + (" %" if is_share else "")
    if math.isfinite(held.low):
        said += f" [{scale * held.low:{form}}, {scale * held.high:{form}}]"
    return said if held.is_reliable else f"{said} *"


def value_words(held: Interval | None) -> str:
    """Write a score without its ends.

    Examples
    --------
    >>> value_words(Interval(0.661, 0.534, 0.873, 59)), value_words(None)
    ('66.1 %', 'none')
    """
    return "none" if held is None else "undefined" if not math.isfinite(held.value) else f"{100 * held.value:.1f} %"


def listed(words: list[str] | tuple[str, ...]) -> str:
    """Join words as a sentence does.

    Examples
    --------
    >>> listed(["a", "b", "c"]), listed(["a"])
    ('a, b and c', 'a')
    """
    return " and ".join(filter(None, [", ".join(words[:-1]), *words[-1:]]))
