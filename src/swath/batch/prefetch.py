"""Prefetch: work done ahead of its consumer by a few threads, in order, within bounds, and gone when it is over.

Threads live only while an iterator is being used: they end when it is exhausted, closed, dropped or has failed, so that
between two epochs a process may fork. An iterator that a fork has copied works on in the child's own thread.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

from swath.core.errors import Refused

__all__ = ["prefetched"]

_Made = TypeVar("_Made")


class _Line(Generic[_Made]):
    """What threads and consumer share; threads hold this and never the iterator, so that it can be dropped."""

    def __init__(self, make: Callable[[int], _Made], start: int, stop: int, ahead: int) -> None:
        self.make, self.stop, self.ahead = make, stop, ahead
        self.next, self.taken = start, start
        self.made: dict[int, _Made | BaseException] = {}
        self.is_closed = False
        self.change = threading.Condition()

    def work(self) -> None:
        """Make what is next until there is nothing left; runs in each thread."""
        while True:
            with self.change:
                self.change.wait_for(lambda: self.is_closed or self.next >= self.stop or self._has_room())
                if self.is_closed or self.next >= self.stop:
                    return
                number = self.next
                self.next += 1
            made: _Made | BaseException
            try:
                made = self.make(number)
            except BaseException as error:  # noqa: BLE001  (raised again, by the consumer)
                made = error
            with self.change:
                self.made[number] = made
                self.change.notify_all()
            del made

    def _has_room(self) -> bool:
        return self.next - self.taken < self.ahead

    def take(self, number: int) -> _Made:
        """Wait for one result and make room for another."""
        with self.change:
            self.change.wait_for(lambda: number in self.made)
            made = self.made.pop(number)
            self.taken = number + 1
            self.change.notify_all()
        if isinstance(made, BaseException):
            raise made
        return made

    def close(self) -> None:
        """Let the threads go."""
        with self.change:
            self.is_closed = True
            self.made.clear()
            self.change.notify_all()


def prefetched(
    make: Callable[[int], _Made], start: int, stop: int, *, workers: int = 2, ahead: int = 2
) -> Iterator[_Made]:
    """Yield make(start), make(start + 1), ..., make(stop - 1), made ahead of time by threads.

    Parameters
    ----------
    make : callable
        Called from several threads at once.
    workers : int
        Threads; 0 = in the caller's, when asked.
    ahead : int
        Results that may wait, beyond the ones being made: `workers + ahead` exist at most, and the one last handed out.

    Raises
    ------
    Refused
        A number is negative.
    BaseException
        What `make` raised, when its turn comes; later results are thrown away.

    Examples
    --------
    >>> list(prefetched(lambda number: number * number, 2, 6))
    [4, 9, 16, 25]
    """
    if workers < 0 or ahead < 0:
        fix = "Give workers 0 for no threads, ahead 0 for nothing that waits."
        raise Refused(where="prefetch", what=f"workers {workers}, ahead {ahead}", fix=fix)
    return _yielded(make, start, stop, workers, ahead)


def _yielded(make: Callable[[int], _Made], start: int, stop: int, workers: int, ahead: int) -> Iterator[_Made]:
    if workers == 0 or stop - start < 1:
        yield from map(make, range(start, stop))
        return
    line = _Line(make, start, stop, workers + ahead)
    threads = [threading.Thread(target=line.work, daemon=True) for _ in range(min(workers, stop - start))]
    process = os.getpid()
    for thread in threads:
        thread.start()
    try:
        for number in range(start, stop):
            # The threads of a forked process stayed behind, perhaps with the lock: nothing of the line is touched.
            yield line.take(number) if os.getpid() == process else make(number)
    finally:
        if os.getpid() == process:
            line.close()
            for thread in threads:
                if thread is not threading.current_thread():
                    thread.join()
