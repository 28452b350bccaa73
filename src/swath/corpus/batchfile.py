"""Batch files: everything that one batch of samples becomes on disk, as bytes.

A pure function of the samples: every row of the plan has its own place in the shard, so a quarantined one leaves a
gap and moves nobody. Shards, quarantine part and samples part come in the order in which they are published. Building
and repairing write nothing else, so both end with the same bytes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

from swath.core.array import Array
from swath.core.errors import Failure, Mismatch
from swath.core.sample import Sample
from swath.corpus.layout import Meta, part_name, shard_name
from swath.corpus.rows import check_sample, pixels_of, quarantine_table, rows_table, table_bytes
from swath.corpus.shard import encode_frame, pack_shard
from swath.corpus.store import pack_valid

__all__ = ["BatchFiles", "encode_batch"]

#: Frames that a thread compresses at a time.
_RUN: Final = 8


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


def _encode(frames: Mapping[int, Array], threads: int) -> dict[int, bytes]:
    """Place in the shard -> encoded frame, in the order given; the same bytes for any number of threads."""
    places = list(frames)
    if threads == 1 or len(places) < 2 * _RUN:
        return {place: encode_frame(frames[place]) for place in places}

    def encode_run(start: int) -> list[bytes]:
        return [encode_frame(frames[place]) for place in places[start : start + _RUN]]

    with ThreadPoolExecutor(threads) as pool:
        chunks = [chunk for run in pool.map(encode_run, range(0, len(places), _RUN)) for chunk in run]
    return dict(zip(places, chunks, strict=True))


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
        How many compress at once.

    Raises
    ------
    Mismatch
        The source answers another row than it was asked for, or more rows.
    """
    layout = meta.layout
    pixels: dict[str, dict[int, Array]] = {name: {} for name in layout.stacks}
    masks: dict[str, dict[int, Array]] = {name: {} for name, spec in layout.stacks.items() if spec.has_valid}
    samples, first_frames, failures = [], [], []
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
            pixels[name].update((slot + t, frame) for t, frame in enumerate(stack.data))
            if name in masks:
                masks[name].update((slot + t, bits) for t, bits in enumerate(pack_valid(stack.valid, stack.shape)))
        samples.append(item)
        first_frames.append(first)
    files: dict[str, bytes] = {}
    for name, frames in pixels.items():
        capacity = meta.frames_per_shard(name)
        if frames:
            files[shard_name(name, batch)] = pack_shard(_encode(frames, threads), capacity)
        if masks.get(name):
            files[shard_name(name, batch, valid=True)] = pack_shard(_encode(masks[name], threads), capacity)
    if failures:
        files[part_name("quarantine", batch)] = table_bytes(quarantine_table(failures))
    files[part_name("samples", batch)] = table_bytes(rows_table(samples, first_frames, layout))
    return BatchFiles(files, len(samples), len(failures))
