"""Network: rivers and highways of a zone as curves with a width, and the distance from any pixel to the nearest one.

Rivers run down a drainage tree over jittered nodes 2,560 m apart, growing as they gather others, and end in lakes;
highways are a loose grid of nodes 5,120 m apart, joined by gentle curves. Each curve belongs to the node that it
leaves, so a tile of nodes is computed alone and meets its neighbours. Knows geometry, not what is on the ground.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np

from swath.core.array import Array
from swath.imaging.lattice import Extent, fractal, key, uniform

__all__ = ["NO_CURVES", "RELIEF", "Curves", "distance_to", "gaps_to", "highways_near", "lakes_near", "rivers_near"]

#: Octaves of the height field: coarsest level, and Hurst exponent.
RELIEF: Final = (12, 0.75)

_RIVER_LEVEL: Final = 8  # nodes 256 pixels apart
_RIVER_TILE: Final = 8  # nodes a side of a tile
_ROAD_STEP: Final = 512  # pixels
_ROAD_TILE: Final = 4  # nodes a side of a tile
_STEPS: Final = 8  # straight pieces a curve


@dataclass(frozen=True, slots=True, eq=False)
class Curves:
    """Straight pieces of curves [pixels; row, column]."""

    #: Float32 array, shape (n, 2): where each piece starts.
    start: Array
    #: Float32 array, shape (n, 2): where it ends.
    end: Array
    #: Float32 array, shape (n, 2): half of the width at either end.
    half: Array

    def __len__(self) -> int:
        return len(self.start)

    def near(self, extent: Extent, margin: float) -> Curves:
        """The pieces whose bounding box comes within `margin` pixels of an extent."""
        low = np.minimum(self.start, self.end)
        high = np.maximum(self.start, self.end)
        first = np.array([extent.row, extent.col], np.float32) - margin
        last = np.array([extent.row + extent.height, extent.col + extent.width], np.float32) + margin
        return self.take(np.asarray(((low <= last) & (high >= first)).all(axis=1)))

    def take(self, kept: Array) -> Curves:
        """Some of the pieces."""
        return Curves(self.start[kept], self.end[kept], self.half[kept])


NO_CURVES: Final = Curves(np.zeros((0, 2), np.float32), np.zeros((0, 2), np.float32), np.zeros((0, 2), np.float32))


def _join(parts: list[Curves]) -> Curves:
    held = [part for part in parts if len(part)]
    if not held:
        return NO_CURVES
    return Curves(*(np.concatenate([getattr(part, name) for part in held]) for name in ("start", "end", "half")))


def _pieces(points: Array, half: Array) -> Curves:
    """Cut sampled curves, points (n, k, 2) and half widths (n, k), into straight pieces."""
    flat = np.asarray(points, np.float32), np.asarray(half, np.float32)
    ends = np.stack([flat[1][:, :-1], flat[1][:, 1:]], axis=-1)
    return Curves(flat[0][:, :-1].reshape(-1, 2), flat[0][:, 1:].reshape(-1, 2), ends.reshape(-1, 2))


def _quadratic(one: Array, two: Array, three: Array) -> Array:
    """Sample Bezier curves of three points, (n, 2) each: (n, _STEPS + 1, 2)."""
    t = np.linspace(0.0, 1.0, _STEPS + 1)[None, :, None]
    return np.asarray((1 - t) ** 2 * one[:, None] + 2 * t * (1 - t) * two[:, None] + t**2 * three[:, None])


def _cubic(one: Array, two: Array, three: Array, four: Array) -> Array:
    """Sample Bezier curves of four points."""
    t = np.linspace(0.0, 1.0, _STEPS + 1)[None, :, None]
    inner = 3 * t * (1 - t) ** 2 * two[:, None] + 3 * t**2 * (1 - t) * three[:, None]
    return np.asarray((1 - t) ** 3 * one[:, None] + inner + t**3 * four[:, None])


_EIGHT: Final = [(r, c) for r in (-1, 0, 1) for c in (-1, 0, 1) if (r, c) != (0, 0)]


@dataclass(frozen=True, slots=True, eq=False)
class _Drainage:
    """Rivers of one tile of nodes, and the sinks where they end."""

    curves: Curves
    #: Float32 array, shape (n, 3): row, column and radius [pixels].
    lakes: Array


@lru_cache(maxsize=256)
def _drainage(seed: int, epsg: int, row: int, col: int) -> _Drainage:
    """Let water run from each node to the lowest of its eight neighbours; rivers are where enough of it meets."""
    size, side = _RIVER_TILE, 3 * _RIVER_TILE
    nodes = Extent((row - 1) * size, (col - 1) * size, side, side)
    coarse, hurst = RELIEF
    height = fractal(key(seed, "land", epsg), nodes, coarse=coarse, fine=_RIVER_LEVEL, hurst=hurst)[..., 0]
    padded = np.pad(height, 1, constant_values=np.inf)
    around = np.stack([padded[1 + r : 1 + r + side, 1 + c : 1 + c + side] for r, c in _EIGHT])
    to, is_sink = around.argmin(axis=0), around.min(axis=0) >= height
    place = np.arange(side * side).reshape(side, side)
    away = (place + np.array([r * side + c for r, c in _EIGHT])[to])[~is_sink]
    gathered: Array = np.ones((side, side))
    for _ in range(size - 2):
        gathered = np.asarray(1 + np.bincount(away, gathered[~is_sink], minlength=side * side).reshape(side, side))
    jitter = uniform(key(seed, "river node", epsg), nodes.rows[:, None], nodes.cols[None, :])
    corners = np.stack(np.meshgrid(nodes.rows, nodes.cols, indexing="ij"), axis=-1)
    spots = (corners + 0.2 + 0.6 * jitter[..., :2]) * 2**_RIVER_LEVEL
    width = np.minimum(3.5 + 2.2 * np.sqrt(gathered) * (0.6 + 0.8 * jitter[..., 2]), 15.0)
    return _Drainage(*_tree(spots, width, gathered, to, is_sink))


def _tree(place: Array, width: Array, gathered: Array, to: Array, is_sink: Array) -> tuple[Curves, Array]:
    """Curves that leave the middle nodes of a tile, and lakes at its sinks."""
    size = _RIVER_TILE
    curves: list[tuple[Array, Array, Array, float, float]] = []
    lakes: list[tuple[float, float, float]] = []
    for r in range(size, 2 * size):
        for c in range(size, 2 * size):
            if gathered[r, c] < 2:
                continue
            here, half = place[r, c], float(width[r, c])
            into = [
                (r - dr, c - dc)
                for k, (dr, dc) in enumerate(_EIGHT)
                if to[r - dr, c - dc] == k and not is_sink[r - dr, c - dc] and gathered[r - dr, c - dc] >= 2
            ]
            if is_sink[r, c]:
                lakes.append((*here, 25.0 + 9.0 * float(np.sqrt(gathered[r, c]))))
                curves += [((place[n] + here) / 2, (place[n] + 3 * here) / 4, here, width[n], half) for n in into]
                continue
            dr, dc = _EIGHT[to[r, c]]
            away = (place[r + dr, c + dc] + here) / 2
            curves += [((place[n] + here) / 2, here, away, width[n], half) for n in into]
            if not into:
                curves.append((here, (here + away) / 2, away, half * 0.7, half))
    found = np.array(lakes, np.float32).reshape(-1, 3)
    if not curves:
        return NO_CURVES, found
    one, two, three, first, last = (np.array(column) for column in zip(*curves, strict=True))
    along = np.linspace(0.0, 1.0, _STEPS + 1)
    return _pieces(_quadratic(one, two, three), first[:, None] * (1 - along) + last[:, None] * along), found


def _tiles(extent: Extent, step: int, margin: int) -> list[tuple[int, int]]:
    """Tiles of `step` pixels that come within `margin` pixels of an extent."""
    rows = range((extent.row - margin) // step, (extent.row + extent.height + margin) // step + 1)
    cols = range((extent.col - margin) // step, (extent.col + extent.width + margin) // step + 1)
    return [(r, c) for r in rows for c in cols]


def rivers_near(seed: int, epsg: int, extent: Extent, *, margin: int) -> Curves:
    """Rivers within `margin` pixels of an extent."""
    reach = margin + 2**_RIVER_LEVEL
    tiles = _tiles(extent, _RIVER_TILE * 2**_RIVER_LEVEL, reach)
    return _join([_drainage(seed, epsg, r, c).curves.near(extent, margin + 16) for r, c in tiles])


def lakes_near(seed: int, epsg: int, extent: Extent, *, margin: int) -> Array:
    """Lakes at the ends of rivers: float32 array, shape (n, 3) of row, column, radius [pixels]."""
    tiles = _tiles(extent, _RIVER_TILE * 2**_RIVER_LEVEL, margin + 128)
    found = np.concatenate([_drainage(seed, epsg, r, c).lakes for r, c in tiles])
    middle = found[:, :2] - [extent.row + extent.height / 2, extent.col + extent.width / 2]
    gap = np.abs(middle) - np.array([extent.height, extent.width]) / 2
    return np.asarray(found[(gap < found[:, 2:] + margin).all(axis=1)])


@lru_cache(maxsize=256)
def _highway_tile(seed: int, epsg: int, row: int, col: int) -> Curves:
    """The highways of one tile: the curves that leave its nodes eastwards and southwards, where there are any."""
    nodes = Extent(row * _ROAD_TILE, col * _ROAD_TILE, _ROAD_TILE + 1, _ROAD_TILE + 1)
    here = np.s_[:-1, :-1]
    corners = np.stack(np.meshgrid(nodes.rows, nodes.cols, indexing="ij"), axis=-1)
    random = uniform(key(seed, "road node", epsg), corners[..., 0], corners[..., 1])
    exists = uniform(key(seed, "road", epsg), corners[here][..., 0], corners[here][..., 1]).reshape(-1, 4)
    place = (corners + 0.15 + 0.7 * random[..., :2]) * _ROAD_STEP
    turn = (random[..., 2:] - 0.5) * 1.1
    curves = []
    for k, there in enumerate((np.s_[:-1, 1:], np.s_[1:, :-1])):
        one, four = place[here].reshape(-1, 2), place[there].reshape(-1, 2)
        length = (0.33 * np.linalg.norm(four - one, axis=1)).astype(np.float32)[:, None]
        leave, arrive = (_heading(k, turn[at][..., k].ravel()) * length for at in (here, there))
        curves.append(_cubic(one, one + leave, four - arrive, four))
    is_there = exists[:, :2] < 0.75
    half = 1.2 + 0.7 * exists[:, 2:].astype(float)
    return _pieces(np.stack(curves, axis=1)[is_there], np.repeat(half[is_there][:, None], _STEPS + 1, axis=1))


def _heading(k: int, angle: Array) -> Array:
    """Unit vectors at an angle to the east (k = 0) or south (k = 1): (n, 2); rows grow southwards."""
    return np.stack([np.sin(angle), np.cos(angle)] if k == 0 else [np.cos(angle), -np.sin(angle)], axis=1)


def highways_near(seed: int, epsg: int, extent: Extent, *, margin: int) -> Curves:
    """Highways within `margin` pixels of an extent."""
    tiles = _tiles(extent, _ROAD_TILE * _ROAD_STEP, margin + _ROAD_STEP)
    return _join([_highway_tile(seed, epsg, r, c).near(extent, margin + 4) for r, c in tiles])


def distance_to(curves: Curves, rows: Array, cols: Array) -> tuple[Array, Array]:
    """Distance from points to the nearest curve.

    Parameters
    ----------
    curves : Curves
        One piece or more.
    rows, cols : float32 arrays, shape (n,)
        Pixel coordinates.

    Returns
    -------
    gap : float32 array, shape (n,)
        Pixels from the nearest edge; negative inside.
    axis : float32 array, shape (n,)
        Pixels from the middle of the same curve.
    """
    gaps, away = gaps_to(curves, rows, cols)
    nearest = gaps.argmin(axis=0)[None, :]
    return np.take_along_axis(gaps, nearest, axis=0)[0], np.take_along_axis(away, nearest, axis=0)[0]


def gaps_to(curves: Curves, rows: Array, cols: Array) -> tuple[Array, Array]:
    """Distance from n points to each of k pieces: from its edge (negative inside) and from its middle, (k, n) each."""
    span = (curves.end - curves.start)[..., None]
    r, c = rows - curves.start[:, :1], cols - curves.start[:, 1:]
    length = np.maximum((span**2).sum(axis=1), np.float32(1e-6))
    t = np.clip((r * span[:, 0] + c * span[:, 1]) / length, 0.0, 1.0)
    r -= t * span[:, 0]
    c -= t * span[:, 1]
    away = np.sqrt(r * r + c * c)
    return away - (curves.half[:, :1] + t * (curves.half[:, 1:] - curves.half[:, :1])), away
