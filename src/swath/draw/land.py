"""Land: a small outline of the continents, so that a map of points tells where on Earth it is.

Natural Earth's 1:50m land (public domain), simplified to 0.04 degrees (about 4 km), in `land.json` with its source and
what was changed. Good for finding one's way, useless for measuring: never a mask of land and water.
"""

from __future__ import annotations

import functools
import json
from importlib.resources import files
from typing import Final

import numpy as np

from swath.core.array import Array

__all__ = ["CREDIT", "land_within"]

CREDIT: Final = "Land: Natural Earth, public domain"


@functools.cache
def _rings() -> tuple[Array, ...]:
    """Closed rings, shape (n, 2), degrees; longitudes run on beyond 180 where a ring crosses the antimeridian."""
    held = json.loads(files("swath.draw").joinpath("land.json").read_text(encoding="utf-8"))
    unit = float(held["unit"])
    return tuple(np.cumsum(np.array(ring, np.int64).reshape(-1, 2), axis=0) * unit for ring in held["rings"])


def land_within(west: float, south: float, east: float, north: float, *, step: float = 0.0) -> list[Array]:
    """Outlines cut to four numbers.

    Parameters
    ----------
    west, south, east, north : float
        Degrees; `east` is larger than `west` and may lie beyond 180.
    step : float
        Vertices nearer than this to the last one kept are left out, and islands smaller than this [degrees].

    Returns
    -------
    list of float64 arrays, shape (n, 2)
        Rings of (lon, lat), to be filled by the even-odd rule.

    Examples
    --------
    >>> land_within(-40.0, 20.0, -35.0, 25.0)                       # mid-Atlantic
    []
    """
    found = []
    for ring in _rings():
        (first, bottom), (last, top) = ring.min(axis=0), ring.max(axis=0)
        if top < south or bottom > north or max(last - first, top - bottom) < step:
            continue
        for turn in (-360.0, 0.0, 360.0):
            if last + turn < west or first + turn > east:
                continue
            cut = ring + (turn, 0.0)
            for axis, sign, bound in ((0, 1.0, west), (0, -1.0, east), (1, 1.0, south), (1, -1.0, north)):
                cut = _cut(cut, axis, sign, bound)
            cut = _thin(cut, step)
            if len(cut) > 2:
                found.append(cut)
    return found


def _cut(ring: Array, axis: int, sign: float, bound: float) -> Array:
    """Sutherland and Hodgman's clipping (1974) of a ring at one line."""
    if not len(ring):
        return ring
    depth = sign * (ring[:, axis] - bound)
    inside = depth >= 0
    if inside.all():
        return ring
    before, last = np.roll(ring, 1, axis=0), np.roll(depth, 1)
    crosses = inside != (last >= 0)
    at = np.where(crosses, last / np.where(crosses, last - depth, 1.0), 0.0)
    crossing = before + at[:, None] * (ring - before)
    both = np.stack([crossing, ring], axis=1).reshape(-1, 2)
    kept = np.stack([crosses, inside], axis=1).reshape(-1)
    return np.asarray(both[kept])


def _thin(ring: Array, step: float) -> Array:
    """Drop vertices that the eye could not tell from the last one kept."""
    if step <= 0 or len(ring) < 4:
        return ring
    points = ring.tolist()
    kept, (x, y) = [0], points[0]
    for i, (px, py) in enumerate(points):
        if abs(px - x) >= step or abs(py - y) >= step:
            kept.append(i)
            x, y = px, py
    return ring[kept]
