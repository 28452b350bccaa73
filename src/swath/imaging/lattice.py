"""Lattice: pixels of an endless grid, and random numbers that belong to its nodes.

A number is a hash of (seed, purpose, indices, node): no generator has a state, so any extent can be computed alone,
anywhere and in any order, and agrees with every other extent where they overlap. `white` gives independent numbers of
any law, `fractal` sums numbers over octaves into smooth fields, `convolve` runs a filter over nodes. Knows grids and
numbers only, neither where the grid lies nor what the fields will mean.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any, Final

import cv2
import numpy as np
from scipy.special import ndtri

from swath.core.array import Array

__all__ = ["Extent", "bits", "convolve", "fractal", "gaussian_table", "key", "normal", "uniform", "white"]

# One thread: work is shared out by the caller, and the order of additions must not depend on the machine.
cv2.setNumThreads(1)

_ROW: Final = np.uint64(0x9E3779B97F4A7C15)
_COL: Final = np.uint64(0xC2B2AE3D27D4EB4F)
# The finaliser of splitmix64.
_MIX: Final = (np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB))
_SHIFT: Final = (np.uint64(30), np.uint64(27), np.uint64(31))


@dataclass(frozen=True, slots=True)
class Extent:
    """A rectangle of nodes at one level: nodes of level k are 2**k pixels apart, rows grow southwards.

    Examples
    --------
    >>> Extent(-72, 0, 72, 72).grow(12)
    Extent(row=-84, col=-12, height=96, width=96)
    """

    #: First row and column.
    row: int
    col: int
    #: Nodes down and across.
    height: int
    width: int

    def grow(self, by: int) -> Extent:
        """The same extent with a rim."""
        return Extent(self.row - by, self.col - by, self.height + 2 * by, self.width + 2 * by)

    def moved(self, rows: int, cols: int) -> Extent:
        """The same extent elsewhere."""
        return Extent(self.row + rows, self.col + cols, self.height, self.width)

    @property
    def rows(self) -> Array:
        """Row numbers, int64 of shape (height,)."""
        return np.arange(self.row, self.row + self.height, dtype=np.int64)

    @property
    def cols(self) -> Array:
        """Column numbers, int64 of shape (width,)."""
        return np.arange(self.col, self.col + self.width, dtype=np.int64)


@lru_cache(maxsize=65536)
def key(seed: int, purpose: str, *index: int) -> int:
    """Name a stream of numbers: 64 bits from seed, purpose and any further integers (zone, date, cell).

    Examples
    --------
    >>> key(1, "relief", 32632) == key(1, "relief", 32632), key(1, "relief", 32632) == key(1, "relief", 32633)
    (True, False)
    """
    said = ",".join([str(seed), purpose, *map(str, index)])
    return int.from_bytes(hashlib.blake2b(said.encode(), digest_size=8).digest(), "little")


def bits(stream: Any, rows: Array, cols: Array) -> Array:
    """Hash nodes to 64 random bits each.

    Parameters
    ----------
    stream : int or uint64 array
        From `key`; broadcasts with the nodes.
    rows, cols : integer arrays
        Node numbers, of any sign; broadcast together.

    Returns
    -------
    uint64 array
    """
    with np.errstate(over="ignore"):
        z = np.asarray(rows).astype(np.uint64) * _ROW + np.asarray(stream, np.uint64)
        z = np.asarray(z + np.asarray(cols).astype(np.uint64) * _COL)
        shifted = z >> _SHIFT[0]
        for after, factor in zip(_SHIFT[1:], _MIX, strict=True):
            z ^= shifted
            z *= factor
            shifted = np.right_shift(z, after)
        z ^= shifted
    return z


def _four(hashed: Array) -> Array:
    """Split 64 bits into four numbers of 16 bits on a new last axis."""
    return np.ascontiguousarray(hashed).astype("<u8", copy=False).view("<u2").reshape(*hashed.shape, 4)


def uniform(stream: Any, rows: Array, cols: Array) -> Array:
    """Four independent numbers in (0, 1) a node: float32, shape (..., 4), steps of 2**-16."""
    return (_four(bits(stream, rows, cols)).astype(np.float32) + np.float32(0.5)) * np.float32(1 / 65536)


@cache
def gaussian_table() -> Array:
    """Standard normal quantiles of the 65,536 midpoints, float32: a table for `white`."""
    return np.asarray(ndtri((np.arange(65536) + 0.5) / 65536), np.float32)


def normal(stream: Any, rows: Array, cols: Array) -> Array:
    """Four independent standard normal numbers a node: float32, shape (..., 4), none beyond 4.4."""
    return np.asarray(np.take(gaussian_table(), _four(bits(stream, rows, cols))))


def white(stream: int, extent: Extent, table: Array) -> Array:
    """Independent numbers of any law, one a node.

    Parameters
    ----------
    stream : int
        From `key`.
    extent : Extent
        Of nodes.
    table : array, shape (65536,)
        Quantiles of the law at (i + 1/2) / 65536.

    Returns
    -------
    array, shape (height, width)
        Of the table's dtype.

    Examples
    --------
    >>> whole = white(1, Extent(0, 0, 4, 9), gaussian_table())
    >>> bool((white(1, Extent(1, 3, 2, 5), gaussian_table()) == whole[1:3, 3:8]).all())
    True
    """
    first, last = extent.col >> 2, (extent.col + extent.width - 1) >> 2
    four = _four(bits(stream, extent.rows[:, None], np.arange(first, last + 1, dtype=np.int64)[None, :]))
    left = extent.col - 4 * first
    return np.take(table, four.reshape(extent.height, -1)[:, left : left + extent.width])


def convolve(nodes: Array, taps: Array) -> Array:
    """Run a symmetric filter over rows and columns of nodes that have a rim of half its length.

    Parameters
    ----------
    nodes : float32 array, shape (h + 2 m, w + 2 m)
    taps : float array, shape (2 m + 1,)

    Returns
    -------
    float32 array, shape (h, w)
        The same bits whatever lies around: the last columns of a row, which are added up in another order than those
        before, are computed further right, and dropped.
    """
    m = len(taps) // 2
    h, w = nodes.shape[0] - 2 * m, nodes.shape[1] - 2 * m
    wide = cv2.copyMakeBorder(np.asarray(nodes, np.float32), 0, 0, 0, _TAIL, cv2.BORDER_CONSTANT, value=0.0)
    taps = np.asarray(taps, np.float32)
    return np.asarray(cv2.sepFilter2D(wide, cv2.CV_32F, taps, taps)[m : m + h, m : m + w])


#: Columns of the widest registers, unrolled.
_TAIL: Final = 64
_EVEN: Final = np.float32(np.sqrt(12.0) / 65536)


def _white(stream: int, extent: Extent) -> Array:
    """Uniform numbers of mean 0 and variance 1: (height, width, 4)."""
    four = _four(bits(stream, extent.rows[:, None], extent.cols[None, :]))
    return (four.astype(np.float32) - np.float32(32767.5)) * _EVEN


def _soft(stream: int, extent: Extent) -> Array:
    """White numbers, rounded off by a binomial blur so that no grid shows in what is interpolated from them."""
    rim = cv2.GaussianBlur(_white(stream, extent.grow(1)), (3, 3), 0.8)
    return np.asarray(rim[1:-1, 1:-1])


def _double(field: Array) -> Array:
    """Twice as many nodes a side, by cubic convolution."""
    return np.asarray(cv2.resize(field, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC))


@cache
def _variance(octaves: int) -> float:
    """Variance of a level's blurred unit noise after so many doublings; one of more than five differs by nothing."""
    pulse = np.zeros((33, 33), np.float32)
    pulse[16, 16] = 1.0
    pulse = np.asarray(cv2.GaussianBlur(pulse, (3, 3), 0.8))
    for _ in range(min(octaves, 5)):
        pulse = _double(pulse)
    return float((pulse.astype(float) ** 2).sum() / 4 ** min(octaves, 5))


def fractal(stream: int, extent: Extent, *, coarse: int, fine: int, hurst: float, least: int | None = None) -> Array:
    """Sum noise over octaves.

    Parameters
    ----------
    stream : int
        From `key`.
    extent : Extent
        Nodes of level `fine`.
    coarse, fine : int
        Level of the largest octave, and of the nodes.
    least : int, optional
        Level of the smallest octave, `fine` if not given; below it the field is only interpolated.
    hurst : float
        Amplitude grows by 2**hurst an octave; 0 = all octaves alike, 1 = smooth hills.

    Returns
    -------
    float32 array, shape (height, width, 4)
        Four independent fields of mean 0 and variance 1 over a zone.
    """
    extents = [extent]
    for _ in range(fine, coarse):
        child = extents[-1]
        row, col = (child.row >> 1) - 2, (child.col >> 1) - 2
        height = ((child.row + child.height - 1) >> 1) + 3 - row
        width = ((child.col + child.width - 1) >> 1) + 3 - col
        extents.append(Extent(row, col, height, width))
    levels = range(fine, coarse + 1)
    amplitude = np.array([2.0 ** (hurst * (level - fine)) * (level >= (least or fine)) for level in levels])
    spread = np.array([1.0 if level == 0 else _variance(level - fine) for level in levels])
    amplitude /= np.sqrt((amplitude**2 * spread).sum())
    field: Array | None = None
    for level, here in zip(reversed(levels), reversed(extents), strict=True):
        grown: Array | None = None
        if field is not None:
            up = extents[level - fine + 1]
            top, left = here.row - 2 * up.row, here.col - 2 * up.col
            grown = _double(field)[top : top + here.height, left : left + here.width]
        if amplitude[level - fine] > 0:
            own = (_white if level == 0 else _soft)(stream ^ level, here) * np.float32(amplitude[level - fine])
            field = own if grown is None else own + grown
        else:
            field = grown
    return np.asarray(field)
