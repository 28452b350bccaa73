"""Keys: random numbers that belong to a seed, an epoch, a purpose and an id, and to nothing else.

An id is hashed once a loader; every number drawn later is mixed from that key and a counter, many samples at once. So
no draw depends on the batch that a sample is in, on the order of samples, or on which thread asks.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cache
from typing import Final

import numpy as np
from scipy.special import ndtri

from swath.core.array import Array
from swath.corpus.places import keys_of

__all__ = ["id_keys", "integers", "normals", "occurrences", "repeated", "stream", "uniform"]

#: Step of a Weyl sequence and the two multipliers of splitmix64 (Steele, Lea, Flood 2014).
_STEP: Final = np.uint64(0x9E3779B97F4A7C15)
_ONE: Final = np.uint64(0xBF58476D1CE4E5B9)
_TWO: Final = np.uint64(0x94D049BB133111EB)


def _mixed(numbers: Array) -> Array:
    """The finaliser of splitmix64: a bijection of uint64 whose output looks random."""
    numbers = (numbers ^ (numbers >> np.uint64(30))) * _ONE
    numbers = (numbers ^ (numbers >> np.uint64(27))) * _TWO
    return np.asarray(numbers ^ (numbers >> np.uint64(31)))


def id_keys(seed: int, ids: Sequence[str] | Array) -> Array:
    """One key an id, uint64, shape (n,)."""
    return keys_of(seed, "batch", ids)


def occurrences(positions: Array) -> Array:
    """How often each entry stood in the list before, int64, shape (n,).

    Examples
    --------
    >>> occurrences(np.array([4, 7, 4, 4])).tolist()
    [0, 0, 1, 2]
    """
    if not len(positions):
        return np.zeros(0, np.int64)
    order = np.argsort(positions, kind="stable")
    held = positions[order]
    starts = np.flatnonzero(np.r_[True, held[1:] != held[:-1]])
    counted = np.arange(len(held)) - np.repeat(starts, np.diff(np.r_[starts, len(held)]))
    ranks = np.empty(len(held), np.int64)
    ranks[order] = counted
    return ranks


def repeated(keys: Array, times: Array) -> Array:
    """Keys of the second, third, ... time that an id is drawn in one epoch; the first keeps its own."""
    return np.where(times == 0, keys, _mixed(keys + times.astype(np.uint64) * _STEP))


def stream(keys: Array, epoch: int, purpose: str) -> Array:
    """One number a key for this epoch and purpose, uint64, shape (n,)."""
    head = hashlib.blake2b(f"{epoch}/{purpose}".encode(), digest_size=8).digest()
    return _mixed(keys ^ np.uint64(int.from_bytes(head, "little")))


def uniform(keys: Array, epoch: int, purpose: str, columns: int = 1) -> Array:
    """Draw from [0, 1): float64, shape (n, columns).

    Examples
    --------
    >>> both = uniform(id_keys(1, ["a", "b"]), 0, "flip")
    >>> bool((both[1:] == uniform(id_keys(1, ["b"]), 0, "flip")).all())            # whoever else is in the batch
    True
    """
    counters = np.arange(1, columns + 1, dtype=np.uint64) * _STEP
    drawn = _mixed(stream(keys, epoch, purpose)[:, None] + counters)
    return np.asarray((drawn >> np.uint64(11)) * 2.0**-53)


def integers(keys: Array, epoch: int, purpose: str, low: int, high: int, columns: int = 1) -> Array:
    """Draw whole numbers from low to high, both included: int64, shape (n, columns)."""
    return np.asarray(low + np.floor(uniform(keys, epoch, purpose, columns) * (high - low + 1)), np.int64)


@cache
def _quantiles() -> Array:
    """The normal distribution in 65,536 equal parts, float32: from -4.2 to 4.2 standard deviations."""
    return np.asarray(ndtri((np.arange(65536) + 0.5) / 65536), np.float32)


def normals(key: int, epoch: int, purpose: str, count: int) -> Array:
    """Draw many numbers of mean 0 and standard deviation 1 for one sample, float32, shape (count,).

    Quantiles looked up by 16 random bits each: several times as fast as an exact draw, and the same on every machine.
    """
    counters = np.arange(1, -(-count // 4) + 1, dtype=np.uint64) * _STEP
    bits = _mixed(stream(np.array([key], np.uint64), epoch, purpose) + counters)
    return _quantiles().take(bits.astype("<u8", copy=False).view("<u2")[:count], mode="clip")
