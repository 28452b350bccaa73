"""Bare decode: blosc from memory, without checksums; the work that every store of the same records is measured by."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from numcodecs import blosc

if TYPE_CHECKING:
    from swath.core.array import Array

__all__ = ["BareDecode"]

# As our own store has it: threads are the caller's.
blosc.use_threads = False
blosc.set_nthreads(1)


class BareDecode:
    """Some records, compressed in memory as our store compresses them.

    Parameters
    ----------
    records : uint16 array, shape (n, b, h, w)
    """

    def __init__(self, records: Array) -> None:
        self.blobs = [blosc.compress(each, b"zstd", 3, blosc.SHUFFLE) for each in records]

    def __call__(self, order: Array, out: Array, threads: int = 1) -> None:
        """Decode records by number into `out`."""
        if threads == 1:
            self._run(order, out)
            return
        cuts = np.linspace(0, len(order), threads + 1).astype(int)
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(lambda ab: self._run(order[ab[0] : ab[1]], out[ab[0] : ab[1]]), pairwise(cuts)))

    def _run(self, order: Array, out: Array) -> None:
        for i, at in enumerate(order):
            blosc.decompress(self.blobs[at], out[i])
