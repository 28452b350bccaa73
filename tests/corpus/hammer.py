"""Read a corpus hard in a child process; a module of its own, so that a spawned child imports little."""

from __future__ import annotations

import numpy as np

from swath.corpus import Corpus


def hammer(corpus: Corpus, seed: int) -> int:
    """Read 20 random batches with two threads, large enough that threads are used; return a sum of all of it."""
    rng = np.random.default_rng(seed)
    return sum(int(corpus.pixels("s2", rng.permutation(16), threads=2).sum(dtype=np.int64)) for _ in range(20))
