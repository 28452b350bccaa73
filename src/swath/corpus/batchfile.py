"""Batch files: everything that one batch of samples becomes on disk, as bytes.

A pure function of the samples: every row of the plan has its own place in the shard, so a quarantined one leaves a
gap and moves nobody. Shards, quarantine part and samples part come in the order in which they are published. Building
and repairing write nothing else, so both end with the same bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from threading import Semaphore
from typing import Final

from swath.core.array import Array
from swath.core.errors import Failure, Mismatch
from swath.core.sample import Sample
from swath.corpus.layout import Meta, part_name, shard_name
from swath.corpus.rows import Rows, check_sample, pixels_of, quarantine_table, table_bytes
from swath.corpus.shard import encode_frame, pack_shard
from swath.corpus.store import pack_valid

__all__ = ["BatchFiles", "encode_batch"]

#: Frames that a thread compresses at a time.
_RUN: Final = 8
#: Runs that wait for each helping thread at most.
_AHEAD: Final = 2


def _answers(ids: Sequence[str], items: Iterable[Sample | Failure]) -> Iterator[Sample | Failure]:
    """One item a row, each the row's own."""
    given = iter(items)
    for id in ids:
        item = next(given, None)
        if item is None:
            item = Failure(id, "missing", f"{id}: the source gave nothing for it")
        elif item.id != id:
            fix = "A source must answer every row of its plan, in order."
            raise Mismatch(where="source", what="sample", want=id, have=item.id, fix=fix)
        yield item
    if next(given, None) is not None:
        raise Mismatch(where="source", what="number of samples", want=str(len(ids)), have="more")


@dataclass(frozen=True, slots=True)
class BatchFiles:
    """What a batch becomes."""

    #: Path below the corpus -> bytes, in the order of publishing: the part of `samples` is last and commits.
    files: dict[str, bytes]
    #: Samples written and samples quarantined.
    done: int
    quarantined: int


class _Helpers:
    """Threads that take work as long as they keep up; what they cannot take is done at once by whoever brings it.

    So one thread reads on while others compress, and compresses too where they fall behind; no more frames are held
    than `_AHEAD` runs a helper. Without helpers everything is done at once, in the caches where it was just read.
    """

    def __init__(self, count: int) -> None:
        self.room = Semaphore(_AHEAD * count)
        self.pool = ThreadPoolExecutor(max(count, 1))
        self.jobs: list[Future[None]] = []

    def __enter__(self) -> _Helpers:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self.pool.shutdown(cancel_futures=kind is not None)
        for job in self.jobs if kind is None else ():
            job.result()

    def share(self, work: Callable[[], None]) -> None:
        """Do some work, soon or now."""
        if self.room.acquire(blocking=False):
            job = self.pool.submit(work)
            job.add_done_callback(lambda _: self.room.release())
            self.jobs.append(job)
        else:
            work()


class _Shard:
    """One shard on its way: frames come in by place and are encoded in runs."""

    def __init__(self, helpers: _Helpers) -> None:
        self.helpers = helpers
        #: Place -> encoded frame, in the order of coming, whoever encodes it and when.
        self.chunks: dict[int, bytes] = {}
        self._run: dict[int, Array] = {}

    def add(self, first: int, frames: Iterable[Array]) -> None:
        """Add frames from a place on."""
        for place, frame in enumerate(frames, first):
            self.chunks[place] = b""
            self._run[place] = frame
            if len(self._run) == _RUN:
                self.flush()

    def flush(self) -> None:
        """Have the frames in hand encoded."""
        run, self._run = self._run, {}
        self.helpers.share(lambda: self._encode(run))

    def _encode(self, run: Mapping[int, Array]) -> None:
        for place, frame in run.items():
            self.chunks[place] = encode_frame(frame)


def encode_batch(
    batch: int, ids: Sequence[str], items: Iterable[Sample | Failure], meta: Meta, *, threads: int = 1
) -> BatchFiles:
    """Check and encode the samples of one batch.

    Parameters
    ----------
    batch : int
        Its number.
    ids : sequence of str
        Identifiers of its rows of the plan.
    items : iterable of Sample or Failure
        One a row, in order; a sample that does not fit the corpus becomes a failure here, and so does a row for which
        nothing came.
    threads : int
        One reads, the others compress, and the reader too where they fall behind.

    Raises
    ------
    Mismatch
        The source answers another row than it was asked for, or more rows.
    """
    layout = meta.layout
    lines, failures = Rows(layout), []
    with _Helpers(threads - 1) as helpers:
        pixels = {name: _Shard(helpers) for name in layout.stacks}
        masks = {name: _Shard(helpers) for name, spec in layout.stacks.items() if spec.has_valid}
        for place, item in enumerate(_answers(ids, items)):
            if isinstance(item, Failure):
                failures.append(item)
                continue
            try:
                check_sample(item, layout)
            except Mismatch as error:
                failures.append(Failure.of(item.id, error))
                continue
            first = {}
            for name, stack in pixels_of(item, layout).items():
                slot = place * layout.stacks[name].dates
                first[name] = batch * meta.frames_per_shard(name) + slot
                pixels[name].add(slot, stack.data)
                if name in masks:
                    masks[name].add(slot, pack_valid(stack.valid, stack.shape))
            lines.add(item, first)
        for shard in (*pixels.values(), *masks.values()):
            shard.flush()
    files: dict[str, bytes] = {}
    for name, shard in pixels.items():
        capacity = meta.frames_per_shard(name)
        if shard.chunks:
            files[shard_name(name, batch)] = pack_shard(shard.chunks, capacity)
        if name in masks and shard.chunks:
            files[shard_name(name, batch, valid=True)] = pack_shard(masks[name].chunks, capacity)
    if failures:
        files[part_name("quarantine", batch)] = table_bytes(quarantine_table(failures))
    files[part_name("samples", batch)] = table_bytes(lines.table())
    return BatchFiles(files, len(lines), len(failures))
