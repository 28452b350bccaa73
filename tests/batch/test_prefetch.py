"""Prefetch: in order, within bounds, errors to the caller, and no thread left behind."""

from __future__ import annotations

import gc
import subprocess
import sys
import threading
import time

import pytest

from swath.batch import prefetch
from swath.batch.prefetch import prefetched
from swath.core.errors import Refused


@pytest.mark.parametrize("workers", [0, 1, 2, 5])
@pytest.mark.parametrize("ahead", [0, 1, 4])
def test_results_come_in_order(workers, ahead):
    """Even numbers take longer."""

    def make(number):
        time.sleep(0.002 * (number % 2 == 0))
        return number

    assert list(prefetched(make, 3, 20, workers=workers, ahead=ahead)) == list(range(3, 20))


@pytest.mark.parametrize(("workers", "ahead"), [(1, 0), (2, 2), (3, 1)])
def test_no_more_is_made_than_agreed(workers, ahead):
    """With the consumer asleep, at most workers + ahead results exist beyond those it has taken."""
    made = []
    iterator = prefetched(lambda n: made.append(n) or n, 0, 100, workers=workers, ahead=ahead)

    for number in range(10):
        assert next(iterator) == number
        while len(made) < number + 1 + workers + ahead:  # reached, whatever else the machine does ...
            time.sleep(0.001)
        time.sleep(0.01)
        assert len(made) == number + 1 + workers + ahead  # ... and not passed
    iterator.close()


def test_work_goes_on_while_the_consumer_is_busy():
    """Two threads that sleep halve the time of one; the bound is generous for a busy machine."""

    def seconds(workers):
        start = time.perf_counter()
        list(prefetched(lambda n: time.sleep(0.02), 0, 20, workers=workers))
        return time.perf_counter() - start

    assert seconds(4) < 0.7 * seconds(0)


def test_an_error_comes_when_its_turn_comes():
    """Results before it are delivered; then the error itself; then nothing is left."""
    before = threading.active_count()

    def make(number):
        if number == 3:
            raise KeyError("three")
        return number

    got = []
    with pytest.raises(KeyError, match="three"):
        got.extend(prefetched(make, 0, 10, workers=2))  # extend keeps what came before the error

    assert got == [0, 1, 2]
    assert threading.active_count() == before


@pytest.mark.parametrize("taken", [0, 1, 9])
def test_threads_end_with_the_iterator(taken):
    """Dropped before, in and at the end of the work."""
    before = threading.active_count()
    iterator = prefetched(lambda n: n, 0, 10, workers=3)
    for _ in range(taken):
        next(iterator)

    del iterator
    gc.collect()

    assert threading.active_count() == before


def test_a_process_ends_although_an_iterator_is_still_held():
    """Threads must not keep an interpreter alive whose user has left."""
    code = "import sys, runpy; i = runpy.run_path(sys.argv[1])['prefetched'](lambda n: n, 0, 99); print(next(i))"

    done = subprocess.run(
        [sys.executable, "-c", code, prefetch.__file__], capture_output=True, text=True, timeout=60
    )  # by its path, so that the process need not import torch

    assert (done.returncode, done.stdout, done.stderr) == (0, "0\n", "")


def test_negative_numbers_are_refused():
    with pytest.raises(Refused, match="prefetch: workers -1, ahead 2. Give workers 0 for no threads"):
        prefetched(lambda n: n, 0, 3, workers=-1)
