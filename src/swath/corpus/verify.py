"""Verify: whether every byte of a corpus is as it was written, and which samples and stacks it costs if not.

Every file is compared with its line in `checksums.sha256`; a shard that differs is then read frame by frame, so that
the answer names samples. A build that was cut off verifies: what is not committed is not looked at.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from swath.core.errors import SwathError, Unreadable
from swath.core.progress import SILENT, Progress
from swath.corpus.checksums import NAME, file_sum, read_lines
from swath.corpus.corpus import Corpus, open_corpus
from swath.corpus.layout import SPLITS_FOLDER, batch_of, head_files, part_name, shard_name
from swath.corpus.store import PixelStore

__all__ = ["Problem", "Verified", "known_batches", "verify"]


@dataclass(frozen=True, slots=True)
class Problem:
    """One file that is not as it was written."""

    #: Path below the corpus.
    file: str
    #: What is wrong.
    what: str
    #: Stack concerned; empty = none or all.
    stack: str = ""
    #: Batch concerned; -1 = the whole corpus.
    batch: int = -1
    #: Samples that cannot be read any more.
    ids: tuple[str, ...] = ()

    def __str__(self) -> str:
        shown = ", ".join(self.ids[:5]) + (f" and {len(self.ids) - 5} more" if len(self.ids) > 5 else "")
        lost = f": stack {self.stack} of {shown}" if self.ids and self.stack else f": {shown}" if self.ids else ""
        return f"{self.file}: {self.what}{lost}"


@dataclass(frozen=True, slots=True)
class Verified:
    """What `verify` found."""

    #: Files compared.
    files: int
    #: Bytes compared.
    bytes: int
    #: Files that are not as written; empty = all well.
    problems: tuple[Problem, ...]
    #: Batches that the plan has and the corpus has not (yet).
    unbuilt: int = 0

    @property
    def holds(self) -> bool:
        """True if every byte is as it was written."""
        return not self.problems

    def summary(self) -> str:
        """One line of counts."""
        size = f"{self.files:,} files, {self.bytes / 1e6:,.1f} MB"
        if self.unbuilt:
            size += f", INCOMPLETE ({self.unbuilt} batches not built: give the build command again)"
        if self.holds:
            return f"verified {size}: every byte as written"
        samples = len({id for problem in self.problems for id in problem.ids})
        return f"verified {size}: {len(self.problems)} DAMAGED files, {samples:,} samples concerned"


def known_batches(corpus: Corpus, sums: Mapping[str, str]) -> int:
    """Batches that were committed: by their parts, and by lines of later ones; only the last may be unfinished."""
    return min(max(corpus.batches, max(map(batch_of, sums), default=0)), corpus.meta.batches)


def _files(corpus: Corpus) -> Iterator[tuple[str, str, int]]:
    """Every file that a corpus of this manifest has: (path below it, stack, batch)."""
    for name in [*head_files(corpus.meta), "plan.parquet"]:
        yield name, "", -1
    if (corpus.path / part_name("quarantine", "plan")).exists():
        yield part_name("quarantine", "plan"), "", -1
    for batch in range(corpus.batches):
        for stack, spec in corpus.layout.stacks.items():
            yield shard_name(stack, batch), stack, batch
            if spec.has_valid:
                yield shard_name(stack, batch, valid=True), stack, batch
        yield part_name("quarantine", batch), "", batch
        yield part_name("samples", batch), "", batch


def _planned_ids(corpus: Corpus, batch: int) -> tuple[str, ...]:
    """Samples of a batch as the plan has them, for parts that cannot be read."""
    try:
        ids = pq.read_table(corpus.path / "plan.parquet", columns=["id"])["id"]
    except (OSError, pa.ArrowException):
        return ()
    return tuple(ids.slice(batch * corpus.meta.batch_rows, corpus.meta.batch_rows).to_pylist())


def _frames_of(corpus: Corpus, stack: str, batch: int) -> dict[int, str]:
    """Frame number -> sample, for one batch of one stack."""
    table = pq.read_table(corpus.path / part_name("samples", batch), columns=["id", f"stack_{stack}"])
    frames = {}
    for row in table.to_pylist():
        held = row[f"stack_{stack}"]
        if held is not None:
            frames.update({held["first_frame"] + i: row["id"] for i in range(held["frames"])})
    return frames


def _shard_problem(corpus: Corpus, name: str, stack: str, batch: int, what: str) -> Problem:
    """Say which samples a damaged shard costs."""
    try:
        frames = _frames_of(corpus, stack, batch)
    except (OSError, pa.ArrowException):
        return Problem(name, what, stack, batch, _planned_ids(corpus, batch))
    store = corpus._store(stack, valid=".zarr/valid/" in name)
    fresh = PixelStore(store.path, store.shape, store.dtype.name, store.frames_per_shard)
    bad = fresh.damaged(list(frames))
    return Problem(name, what, stack, batch, tuple(dict.fromkeys(frames[frame] for frame in bad)))


def _check(corpus: Corpus, name: str, stack: str, batch: int, sums: dict[str, str]) -> Problem | None:
    path = corpus.path / name
    if not path.exists():
        what = "is missing" if name in sums else ""
    elif name not in sums:
        what = f"has no line in {NAME}"
    else:
        what = "" if file_sum(path) == sums[name] else "differs from what was written"
    if not what:
        return None
    if name.startswith("pixels/") and batch >= 0:
        return _shard_problem(corpus, name, stack, batch, what)
    ids = _planned_ids(corpus, batch) if name.startswith("samples/") else ()
    return Problem(name, what, stack, batch, ids)


def verify(path: Path | str, *, progress: Progress = SILENT) -> Verified:
    """Compare every byte of a corpus with what was written.

    Parameters
    ----------
    path : Path
        Folder of the corpus.
    progress : Progress
        Called with files done and in all.

    Raises
    ------
    Unreadable, Refused
        It does not open at all.
    """
    corpus = open_corpus(path, is_checked=False)
    try:
        sums = read_lines(corpus.path)
    except Unreadable as error:
        return Verified(1, 0, (Problem(NAME, error.what),))
    corpus.batches = known_batches(corpus, sums)
    files = list(_files(corpus))
    problems = []
    size = 0
    for done, (name, stack, batch) in enumerate(files, 1):
        problem = _check(corpus, name, stack, batch, sums)
        if problem is not None:
            problems.append(problem)
        if (corpus.path / name).exists():
            size += (corpus.path / name).stat().st_size
        progress(done, len(files))
    problems += _stray(corpus, {name for name, _, _ in files}, sums)
    folder = corpus.path / SPLITS_FOLDER
    if (folder / NAME).exists():
        try:
            for name, digest in read_lines(folder).items():
                file = folder / name
                if not file.exists() or file_sum(file) != digest:
                    what = "differs from what was written" if file.exists() else "is missing"
                    problems.append(Problem(f"{SPLITS_FOLDER}/{name}", what))
        except SwathError as error:
            problems.append(Problem(f"{SPLITS_FOLDER}/{NAME}", error.what))
    return Verified(len(files), size, tuple(problems), corpus.meta.batches - corpus.batches)


def _stray(corpus: Corpus, known: set[str], sums: dict[str, str]) -> list[Problem]:
    """Lines of committed batches that name no file of the corpus: the checksum file itself is damaged."""
    last = corpus.batches
    strays = []
    for name in sums:
        later = any(f"/c/{b}/" in name or f"part-{b:06d}" in name for b in (last,))
        if name not in known and not later:
            strays.append(Problem(NAME, f"names {name!r}, which the corpus does not have"))
    return strays
