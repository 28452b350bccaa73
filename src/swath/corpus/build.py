"""Build: the one loop that writes samples, from any source, resumable after any kill.

Workers read and encode whole batches and leave their files in `.tmp`; one committer publishes them in the order of the
plan. The commit of a batch is the rename of its part in `samples`, after everything that it points to is in place.
What is committed is never touched again; the same command continues behind it and ends with the same bytes, at any
number of workers. Clock, process and host stand in the journal beside the folder, never inside.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import shutil
import socket
import threading
from collections import deque
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq
from filelock import FileLock, Timeout

from swath.core.errors import Mismatch, Refused, Unreadable
from swath.core.files import append, publish, refusal, sync_folder, write_new
from swath.core.plan import Plan, Source
from swath.core.progress import SILENT, Progress
from swath.corpus.batchfile import BatchFiles, encode_batch
from swath.corpus.checksums import add_lines, read_lines, sum_of, write_lines
from swath.corpus.layout import SHARD_BYTES, Meta, batch_of, head_files, meta_of, part_name
from swath.corpus.rows import quarantine_table, table_bytes

__all__ = ["Built", "build", "journal_notes", "journal_path", "writing"]

_TMP: Final = ".tmp"


@dataclass(frozen=True, slots=True)
class Built:
    """Counts of one run of `build`."""

    #: Samples written by this run.
    done: int
    #: Samples that were there already.
    skipped: int
    #: Samples in quarantine, all runs and the plan's own together.
    quarantined: int
    #: Rows of the plan and samples that the plan itself left out.
    total: int

    @property
    def has_holes(self) -> bool:
        """True if a sample of the plan is missing."""
        return self.quarantined > 0

    def summary(self) -> str:
        """The last line: a hole is impossible to miss."""
        holes = f"{self.quarantined:,} quarantined" + (" <- HOLES" if self.has_holes else "")
        return f"done {self.done:,}, skipped {self.skipped:,}, {holes}, of {self.total:,} planned"


def journal_path(path: Path) -> Path:
    """The journal of the runs on a corpus, beside its folder."""
    path = path.resolve()
    if not path.name:
        raise Refused(where=str(path), what="is no folder of its own", fix="Choose another folder.")
    return path.with_name(path.name + ".journal")


@contextmanager
def writing(path: Path, event: str) -> Iterator[None]:
    """Be the only writer of a corpus while the block runs, and say so in the journal.

    Raises
    ------
    Refused
        Somebody else is writing; the sentence names process, host and time. Or the folder is read-only.
    """
    journal = journal_path(path)
    lock = FileLock(journal.with_name(journal.name + ".lock"), timeout=0, mode=0o644)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except Timeout:
        raise Refused(
            where=str(path), what=f"another process is writing it ({_last(journal)})", fix="Wait for it, or stop it."
        ) from None
    except OSError as error:
        raise refusal(path, error) from error
    try:
        _note(journal, event)
        yield
    finally:
        lock.release()


def _note(journal: Path, event: str, **more: Any) -> None:
    now = datetime.now(UTC).isoformat(timespec="seconds")
    line = {"at": now, "event": event, "process": os.getpid(), "host": socket.gethostname(), **more}
    is_torn = journal.exists() and not journal.read_bytes().endswith(b"\n")
    append(journal, (("\n" if is_torn else "") + json.dumps(line) + "\n").encode())


def _last(journal: Path) -> str:
    try:
        held = json.loads(journal.read_text().strip().split("\n")[-1])
        return f"{held['event']} by process {held['process']} on {held['host']} since {held['at']}"
    except (OSError, ValueError, KeyError):
        return "its journal does not say who"


def journal_notes(path: Path) -> list[dict[str, Any]]:
    """Every line of a corpus's journal, oldest first; empty if there is none."""
    try:
        lines = journal_path(path).read_text().splitlines()
    except OSError:
        return []
    notes = []
    for line in lines:
        with suppress(ValueError):
            notes.append(json.loads(line))
    return notes


def _start(path: Path, plan: Plan, meta: Meta) -> None:
    """Lay down the files that are there before the first batch: in a folder beside, which is then renamed whole."""
    files = {"corpus.json": b"", "plan.parquet": table_bytes(plan.rows), **head_files(meta)}
    if plan.failures:
        files[part_name("quarantine", "plan")] = table_bytes(quarantine_table(plan.failures))
    stage = path.with_name(f".{path.name}.new")
    shutil.rmtree(stage, ignore_errors=True)
    for name, blob in files.items():
        write_new(stage / name, blob)
    (stage / "samples").mkdir()
    write_lines(stage, {name: sum_of(blob) for name, blob in files.items()})
    publish(stage, path)


def _resume(path: Path, meta: Meta) -> tuple[Meta, int]:
    """Check that the folder is of this plan, clear what was not committed, and say how many batches are."""
    held = Meta.from_bytes((path / "corpus.json").read_bytes(), where=str(path / "corpus.json"))
    if held.plan_hash != meta.plan_hash:
        raise Mismatch(
            where=str(path),
            what="plan",
            want=f"{held.plan_hash[:12]} ({held.source}, {held.plan_rows:,} samples), which it was begun with",
            have=f"{meta.plan_hash[:12]} ({meta.source}, {meta.plan_rows:,} samples)",
            fix="Give the command it was begun with, or another folder.",
        )
    shutil.rmtree(path / _TMP, ignore_errors=True)
    there = 0
    while (path / part_name("samples", there)).exists():
        there += 1
    sums = read_lines(path)
    behind = [number for number in map(batch_of, sums) if number > there]
    if behind or (path / part_name("samples", there + 1)).exists():
        what = f"lacks {part_name('samples', there)}, which it had"
        raise Unreadable(where=str(path), what=what, fix="Run: swath corpus repair.")
    _clear(path, there)
    kept = {name: digest for name, digest in sums.items() if batch_of(name) < there}
    if kept != sums or not (path / "checksums.sha256").read_bytes().endswith(b"\n"):
        write_lines(path, kept)
    return held, there


def _clear(path: Path, batch: int) -> None:
    """Remove what a run that was cut off had published of a batch without committing it."""
    for shard in path.glob(f"pixels/*.zarr/*/c/{batch}"):
        shutil.rmtree(shard)
    (path / part_name("quarantine", batch)).unlink(missing_ok=True)


def _follow_parent() -> None:
    """End a worker with its parent, so that a killed build leaves nobody writing."""
    parent = multiprocessing.parent_process()
    if parent is None:
        return
    sentinel = parent.sentinel

    def watch() -> None:
        wait([sentinel])
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _unfinished(path: Path, batch: int, file: int) -> Path:
    """Where a file of a batch lies until it is published: all side by side, by their order of publishing."""
    return path / _TMP / f"{batch}-{file}"


def _work(
    source: Source, rows: pa.Table, batch: int, meta: Meta, path: Path, threads: int
) -> tuple[dict[str, str], int, int]:
    """Read, encode and write one batch."""
    return _write(path, batch, _encode(source, rows, batch, meta, threads))


def _encode(source: Source, rows: pa.Table, batch: int, meta: Meta, threads: int) -> BatchFiles:
    return encode_batch(batch, rows["id"].to_pylist(), source.read(rows), meta, threads=threads)


def _write(path: Path, batch: int, made: BatchFiles) -> tuple[dict[str, str], int, int]:
    """Write one batch into `.tmp`; say the sums of its files in publishing order, and the counts."""
    for i, blob in enumerate(made.files.values()):
        write_new(_unfinished(path, batch, i), blob)
    return {name: sum_of(blob) for name, blob in made.files.items()}, made.done, made.quarantined


def _commit(path: Path, batch: int, sums: dict[str, str]) -> None:
    """Publish the files of one batch; the last of them is the part of `samples`, which commits it."""
    *before, (at, last) = enumerate(sums)
    for i, name in before:
        publish(_unfinished(path, batch, i), path / name)
    add_lines(path, sums)
    publish(_unfinished(path, batch, at), path / last)


def build(
    source: Source,
    plan: Plan,
    path: Path | str,
    *,
    workers: int = 1,
    threads: int | None = None,
    shard_bytes: int = SHARD_BYTES,
    note: Mapping[str, Any] | None = None,
    progress: Progress = SILENT,
) -> Built:
    """Write the samples of a plan into a corpus, or continue where a run was cut off.

    Parameters
    ----------
    source : Source
        Reads the plan's rows.
    plan : Plan
        What to read; `source.plan(...)`.
    path : Path
        Folder of the corpus; made if it is not there.
    workers : int
        Processes that read and encode; 1 works in this one.
    threads : int, optional
        Threads in each of them: one reads, the others compress, and the reader too where they fall behind; with more
        than one, a process that works alone also reads on while a batch is written. Not given: two in a process that
        works alone and has two cores, else one.
    shard_bytes : int
        Raw bytes that a shard aims at; a run that continues keeps what the corpus was begun with.
    note : mapping, optional
        How the source was opened, as JSON; goes to the journal, so that `repair` can open it again.
    progress : Progress
        Called with samples finished and planned.

    Returns
    -------
    Built
        Counts; `has_holes` where samples went to quarantine.

    Raises
    ------
    Mismatch
        The folder holds a corpus of another plan.
    Refused
        The folder holds something else, is read-only, or another process writes it; the plan is empty; the disk is
        full. What was finished before is kept.
    """
    path = Path(path).resolve()
    if len(plan) == 0:
        first = f": {plan.failures[0].message.rstrip('.')}" if plan.failures else ""
        raise Refused(where=plan.source, what=f"the plan holds no sample{first}", fix="Look at the path and options.")
    meta = meta_of(plan, shard_bytes)
    with writing(path, f"build {meta.plan_hash[:12]}"):
        if not (path / "corpus.json").exists():
            if path.exists() and (not path.is_dir() or any(path.iterdir())):
                raise Refused(where=str(path), what="is there and is no corpus", fix="Choose another folder.")
            _start(path, plan, meta)
        meta, there = _resume(path, meta)
        _note(journal_path(path), f"build {meta.plan_hash[:12]} from batch {there}", **(note or {}))
        skipped = _count(path, there)
        try:
            counts = _run(source, plan, meta, path, there, workers, threads, progress)
        finally:
            shutil.rmtree(path / _TMP, ignore_errors=True)
        sync_folder(path)
    quarantined = len(plan) - skipped - counts + len(plan.failures)
    return Built(counts, skipped, quarantined, len(plan) + len(plan.failures))


def _count(path: Path, batches: int) -> int:
    """Samples that are there already."""
    try:
        return sum(pq.read_metadata(path / part_name("samples", batch)).num_rows for batch in range(batches))
    except (OSError, pa.ArrowException) as error:
        fix = "Run: swath corpus verify, then repair."
        raise Unreadable(where=str(path / "samples"), what=f"a part is damaged ({error})", fix=fix) from error


def _run(
    source: Source,
    plan: Plan,
    meta: Meta,
    path: Path,
    there: int,
    workers: int,
    threads: int | None,
    progress: Progress,
) -> int:
    """Work through the batches that are missing; returns how many samples were written."""
    done = 0

    def rows_of(batch: int) -> pa.Table:
        first = batch * meta.batch_rows
        return plan.rows.take(list(range(first, min(first + meta.batch_rows, len(plan)))))

    def finish(batch: int, result: tuple[dict[str, str], int, int]) -> int:
        _commit(path, batch, result[0])
        progress(min((batch + 1) * meta.batch_rows, len(plan)), len(plan))
        return result[1]

    progress(min(there * meta.batch_rows, len(plan)), len(plan))
    todo = range(there, meta.batches)
    if workers <= 1 or len(todo) < 2:
        threads = threads or min(2, os.cpu_count() or 1)
        with ThreadPoolExecutor(1) as writer:
            last: Future[int] | None = None
            for batch in todo:
                made = _encode(source, rows_of(batch), batch, meta, threads)
                # Not before the last batch is committed: after one that failed there must be no other.
                done += last.result() if last else 0
                last = writer.submit(lambda batch, made: finish(batch, _write(path, batch, made)), batch, made)
                if threads == 1:
                    last.result()
            done += last.result() if last else 0
        return done
    context = multiprocessing.get_context("spawn")
    waiting: deque[tuple[int, Future[tuple[dict[str, str], int, int]]]] = deque()
    with ProcessPoolExecutor(min(workers, len(todo)), mp_context=context, initializer=_follow_parent) as pool:
        try:
            for batch in todo:
                job = pool.submit(_work, source, rows_of(batch), batch, meta, path, threads or 1)
                waiting.append((batch, job))
                if len(waiting) > workers:
                    number, ready = waiting.popleft()
                    done += finish(number, ready.result())
            for number, ready in waiting:
                done += finish(number, ready.result())
        except BrokenProcessPool:
            fix = "Everything finished before is kept. Give the same command again with fewer workers."
            raise Refused(where=str(path), what="a worker was ended from outside (out of memory?)", fix=fix) from None
        except BaseException:
            pool.shutdown(wait=True, cancel_futures=True)
            raise
    return done
