"""Fork, spawn and memory: the loader under load in other processes, and within its bounds in this one."""

from __future__ import annotations

import multiprocessing
import os
import threading
import tracemalloc
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from swath.batch import Augmentation, Loader
from tests.batch.a_corpus import a_corpus, an_input, outputs
from tests.batch.hammer import hammer

OPTIONS = Augmentation(flip=0.5, shift=4, rotation=20, brightness=0.1)


def a_loader(corpus, positions=None, **more):
    where = np.arange(len(corpus)) if positions is None else positions
    taken = {"batch_size": 8, "workers": 2, "augmentation": OPTIONS, "seed": 1, **more}
    return Loader(corpus, where, an_input(size=32), outputs("class"), **taken)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    return a_corpus(tmp_path_factory.mktemp("processes") / "c", n=64, size=32)


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_children_load_alike(corpus, method):
    """Two children at once, each with two threads, after the parent has loaded too (field.md 22)."""
    loader = a_loader(corpus)
    want = hammer(loader, 3)
    assert threading.active_count() == 1 or method == "spawn"

    with multiprocessing.get_context(method).Pool(2) as pool:
        sums = pool.starmap(hammer, [(loader, 3)] * 2)

    assert sums == [want, want]


def test_a_fork_in_the_middle_of_an_epoch_does_not_hang(corpus):
    """The threads stay in the parent; the child goes on by itself, from where the iterator stood."""
    whole = [batch.ids for batch in a_loader(corpus).epoch(0)]
    iterator = a_loader(corpus).epoch(0)
    got = [next(iterator).ids for _ in range(2)]
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            ids = [batch.ids for batch in iterator]
            os.write(writer, b"same" if got + ids == whole else b"other")
        finally:
            os._exit(0)
    os.close(writer)
    rest = [batch.ids for batch in iterator]

    with ThreadPoolExecutor(1) as pool:
        said = pool.submit(os.read, reader, 10).result(timeout=60)
    os.waitpid(child, 0)
    os.close(reader)

    assert said == b"same"
    assert got + rest == whole


def peak(corpus, positions) -> int:
    """Most bytes at once during an epoch whose consumer holds one batch."""
    loader = a_loader(corpus, positions)
    next(loader.epoch(0))
    tracemalloc.start()
    for batch in loader.epoch(1):
        del batch
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return most


def test_memory_does_not_grow_with_the_samples(corpus):
    """Sixteen times as many samples: the same few batches are held; a batch is 8 x 4 x 32 x 32 float32."""
    one = peak(corpus, np.arange(64))

    # The least of three: other threads of the process that tests run in allocate meanwhile, too.
    many = min(peak(corpus, np.tile(np.arange(64), 16)) for _ in range(3))

    batch = 8 * 4 * 32 * 32 * 4
    assert many < 2 * one
    # Two in the making, each with up to three copies of its pixels on the way; two that wait; one in hand.
    assert many < 10 * batch
