"""Perceptual hash: 64 bits of a picture's coarse structure, by which near-duplicates are found.

A picture becomes grey, 32 x 32 by area, then the 8 x 8 lowest frequencies of its cosine transform; each bit says
whether a frequency lies above the median of all but the mean. Two pictures are near-duplicates when at most 4 bits
differ. Grey is the plain mean of the bands: a gain or offset of the whole picture does not change a bit. Which pictures
are compared, and what their nearness means, is decided in `corpus.leakage`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np

from swath.core.array import Array
from swath.core.errors import Mismatch

__all__ = ["FLAT", "NEAR_BITS", "near_pairs", "nearest_hash", "phash"]

#: Hash of a picture without structure (one value, or no valid pixel): it is near to nothing, not even to itself.
FLAT: Final = np.uint64(0)
#: Hashes that differ in at most so many of their 64 bits count as near-duplicates.
NEAR_BITS: Final = 4

_SIDE, _LOW = 32, 8
#: Pictures worked on at a time, in values, and comparisons at a time: both stay within a processor's cache.
_VALUES, _COMPARISONS = 1 << 20, 1 << 18
_FURTHEST: Final = 65


def phash(pictures: Array, *, valid: Array | None = None) -> Array:
    """Hash a batch of pictures.

    Parameters
    ----------
    pictures : array of any number type, shape (n, h, w) or (n, b, h, w)
        One date each. With bands, grey is their mean: all bands that differ between two pictures count.
    valid : bool array, shape (n, h, w) or (n, 1, h, w) or (n, b, h, w), optional
        False where a value is no measurement. Such values, and NaN, are replaced by the picture's own mean of the band.

    Returns
    -------
    uint64 array, shape (n,)
        `FLAT` for a picture without structure.

    Raises
    ------
    Mismatch
        `pictures` has another number of dimensions, or `valid` another shape.

    Notes
    -----
    The area mean and the cosine transform are both linear, so they are one matrix on either side of the picture. What
    lies below 1e-9 of the strongest frequency is rounding and counts as 0, so that a plain ramp has one hash, not many.
    The bit of the mean itself is always set, which keeps real hashes away from `FLAT`.

    Examples
    --------
    >>> ramp = np.arange(64.0 * 64).reshape(1, 64, 64)
    >>> bool(phash(ramp) == phash(ramp * 3 + 1000)), int(phash(np.ones((1, 64, 64)))[0])
    (True, 0)
    """
    if pictures.ndim not in (3, 4):
        raise Mismatch(where="phash", what="shape", want="(n, h, w) or (n, b, h, w)", have=str(pictures.shape))
    stacked = pictures if pictures.ndim == 4 else pictures[:, None]
    n, b, h, w = stacked.shape
    good = None
    if valid is not None:
        good = valid if valid.ndim == 4 else valid[:, None]
        if good.shape not in ((n, b, h, w), (n, 1, h, w)):
            raise Mismatch(where="phash", what="validity", want=str(pictures.shape), have=str(valid.shape))
    rows, columns = _low_frequencies(h), _low_frequencies(w)
    hashes = np.zeros(n, np.uint64)
    step = max(1, _VALUES // max(1, b * h * w))
    for start in range(0, n, step):
        part = slice(start, start + step)
        grey = _grey(stacked[part], None if good is None else good[part])
        low = rows @ grey @ columns.T
        ac = low.reshape(len(low), -1)[:, 1:]
        strongest = np.maximum(np.abs(ac).max(axis=1, keepdims=True), np.finfo(float).tiny)
        ac = np.rint(ac / strongest * 1e9)
        bits = np.ones((len(low), _LOW * _LOW), np.uint8)
        bits[:, 1:] = ac > np.median(ac, axis=1, keepdims=True)
        packed = np.packbits(bits, axis=1).view(">u8")[:, 0].astype(np.uint64)
        spread = grey.max(axis=(1, 2)) - grey.min(axis=(1, 2))
        is_flat = spread <= 1e-9 * np.maximum(1.0, np.abs(grey).max(axis=(1, 2)))
        hashes[part] = np.where(is_flat, FLAT, packed)
    return hashes


def near_pairs(a: Array, b: Array, *, distance: int = NEAR_BITS) -> tuple[Array, Array, Array]:
    """Find every pair of hashes, one of each set, that differ in at most `distance` bits.

    Every pair is compared, so nothing is missed; `FLAT` is near to nothing. Memory grows with the pairs found.

    Parameters
    ----------
    a, b : uint64 arrays, shapes (n,) and (m,)
        Hashes of two sets.
    distance : int
        Bits.

    Returns
    -------
    first, second : int arrays, shape (k,)
        Positions in `a` and in `b`, ordered by the first and then the second.
    bits : int array, shape (k,)
        How many bits differ.

    Examples
    --------
    >>> one, other = np.array([7, 0], np.uint64), np.array([6, 255, 0], np.uint64)
    >>> [found.tolist() for found in near_pairs(one, other)]
    [[0], [0], [1]]
    """
    first, second, bits = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    for start, differing in _compare(a, b):
        i, j = np.nonzero(differing <= distance)
        first.append(i + start)
        second.append(j)
        bits.append(differing[i, j].astype(np.int64))
    return np.concatenate(first), np.concatenate(second), np.concatenate(bits)


def nearest_hash(a: Array, b: Array) -> tuple[Array, Array]:
    """For each hash of the first set, the nearest of the second.

    Parameters
    ----------
    a, b : uint64 arrays, shapes (n,) and (m,)
        Hashes of two sets.

    Returns
    -------
    index : int array, shape (n,)
        Position in `b`, the first of equally near ones; -1 where there is none to compare with.
    bits : int array, shape (n,)
        How many bits differ; 65 (further than any) where `index` is -1.
    """
    index, bits = np.full(len(a), -1, np.int64), np.full(len(a), _FURTHEST, np.int64)
    if len(b) == 0:
        return index, bits
    for start, differing in _compare(a, b):
        part = slice(start, start + len(differing))
        best = differing.argmin(axis=1)
        bits[part] = differing[np.arange(len(differing)), best]
        index[part] = np.where(bits[part] < _FURTHEST, best, -1)
    return index, bits


def _compare(a: Array, b: Array) -> Iterator[tuple[int, Array]]:
    """Yield (start, differing bits (k, m)) for runs of `a` against all of `b`; what is flat lies 65 bits away."""
    one, other = np.asarray(a, np.uint64), np.asarray(b, np.uint64)
    step = max(1, _COMPARISONS // max(1, len(other)))
    flat = other == FLAT
    for start in range(0, len(one), step):
        part = one[start : start + step]
        differing = np.bitwise_count(part[:, None] ^ other[None, :])
        differing[part == FLAT] = _FURTHEST
        differing[:, flat] = _FURTHEST
        yield start, differing


def _grey(pictures: Array, valid: Array | None) -> Array:
    """Mean of the bands, float64 (n, h, w); what is not measured becomes the mean of its band and picture."""
    values = pictures.astype(np.float64)
    good = np.isfinite(values)
    if valid is not None:
        good &= valid
    if not good.all():
        count = good.sum(axis=(2, 3), keepdims=True)
        total = np.where(good, values, 0.0).sum(axis=(2, 3), keepdims=True)
        values = np.where(good, values, total / np.maximum(count, 1))
    return np.asarray(values.mean(axis=1))


def _low_frequencies(size: int) -> Array:
    """Matrix (8, size): area mean to 32 pixels, then the 8 lowest frequencies of the orthonormal cosine transform."""
    edges = np.linspace(0, size, _SIDE + 1)
    pixel = np.arange(size)
    cover = np.minimum(edges[1:, None], pixel + 1) - np.maximum(edges[:-1, None], pixel)
    area = np.clip(cover, 0, None) * (_SIDE / size)
    k, x = np.arange(_LOW)[:, None], np.arange(_SIDE)[None, :]
    cosines = np.cos(np.pi * k * (2 * x + 1) / (2 * _SIDE)) * np.sqrt(2 / _SIDE)
    cosines[0] /= np.sqrt(2)
    return np.asarray(cosines @ area)
