"""Repair: read again what a corpus has lost, or move it to quarantine by name.

Damaged batches are read again from the source and encoded by the same function that built them; what the source no
longer gives is taken from the corpus where it is whole there. A repaired file that equals what was first written is
put back under its old checksum; only where a sample is gone for good do the files of its batch change.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from swath.core.errors import Failure, Refused, SwathError
from swath.core.files import remove, write_whole
from swath.core.plan import Plan, Source
from swath.core.progress import SILENT, Progress
from swath.core.sample import Sample
from swath.corpus.batchfile import encode_batch
from swath.corpus.build import writing
from swath.corpus.checksums import NAME, file_sum, read_lines, sum_of, write_lines
from swath.corpus.corpus import Corpus, open_corpus
from swath.corpus.layout import MOST_ROWS, Meta, head_files, meta_of, part_name, shard_name
from swath.corpus.rows import quarantine_table, table_bytes
from swath.corpus.splitfile import mend_split_lines
from swath.corpus.verify import Problem, verify

__all__ = ["Repaired", "repair"]


@dataclass(frozen=True, slots=True)
class Repaired:
    """Counts of one run of `repair`."""

    #: Files that differed, and how many of them are again as first written.
    damaged: int
    restored: int
    #: Samples that could not be had any more and are now in quarantine.
    lost: tuple[str, ...]

    def summary(self) -> str:
        """One line of counts."""
        if not self.damaged:
            return "nothing to repair: every byte as written"
        named = ", ".join(self.lost[:5]) + (" ..." if len(self.lost) > 5 else "")
        lost = f"{len(self.lost):,} samples quarantined ({named}) <- HOLES" if self.lost else "no sample lost"
        return f"repaired {self.damaged} files, {self.restored} as first written, {lost}"


def repair(path: Path | str, source: Source, plan: Plan, *, progress: Progress = SILENT) -> Repaired:
    """Mend a corpus from its source.

    Parameters
    ----------
    path : Path
        Folder of the corpus.
    source : Source
        Opened as it was for building.
    plan : Plan
        Its plan; must be the one that the corpus was built from.
    progress : Progress
        Called with batches done and in all.

    Raises
    ------
    Refused
        The plan is another one, so the source is not (or no longer) what the corpus was built from; or another
        process is writing the corpus.
    """
    path = Path(path).resolve()
    with writing(path, "repair"):
        _mend_head(path, plan)
        corpus = open_corpus(path, is_checked=False)
        found = verify(path)
        corpus.batches = corpus.meta.batches - found.unbuilt
        sums = _sums(corpus, found.problems)
        batches = sorted({p.batch for p in found.problems if p.batch >= 0})
        restored, lost = 0, []
        for done, batch in enumerate(batches, 1):
            before = dict(sums)
            gone = _mend_batch(corpus, source, plan, batch, found.problems, sums)
            names = [p.file for p in found.problems if p.batch == batch]
            restored += sum(sums.get(name) == before.get(name) and name in sums for name in names)
            lost += gone
            progress(done, len(batches))
        write_lines(path, _ordered(corpus, sums))
        mend_split_lines(corpus)
    return Repaired(len(found.problems), restored, tuple(lost))


def _mend_head(path: Path, plan: Plan) -> None:
    """Put back the files that do not depend on any sample, if they differ from what this plan makes them."""
    meta = _meta(path, plan)
    if meta.plan_hash != plan.hash:
        raise Refused(
            where=str(path),
            what=f"was built from plan {meta.plan_hash[:12]}, and the source now plans {plan.hash[:12]}",
            fix="Open the source with the same files and options as for building.",
        )
    files = {**head_files(meta), "plan.parquet": table_bytes(plan.rows)}
    if plan.failures:
        files[part_name("quarantine", "plan")] = table_bytes(quarantine_table(plan.failures))
    for name, blob in files.items():
        if not (path / name).exists() or file_sum(path / name) != sum_of(blob):
            write_whole(path / name, blob)


def _meta(path: Path, plan: Plan) -> Meta:
    """What `corpus.json` should say: the one of this plan that the checksum file names, else the batches it has."""
    lines = (path / NAME).read_bytes() if (path / NAME).exists() else b""
    for power in range(MOST_ROWS.bit_length()):
        meta = replace(meta_of(plan), batch_rows=1 << power)
        if sum_of(meta.to_bytes()).encode() in lines:
            return meta
    held = open_corpus(path, is_checked=False).meta
    return held if held.plan_hash != plan.hash else replace(meta_of(plan), batch_rows=held.batch_rows)


def _sums(corpus: Corpus, problems: tuple[Problem, ...]) -> dict[str, str]:
    """The checksum lines, made anew from the files themselves where the checksum file is damaged.

    A file whose own line is lost is trusted only if its frames pass their checksums, which `verify` then looks at.
    """
    try:
        sums = read_lines(corpus.path)
    except SwathError:
        sums = {}
    strays = {p.what.split("'")[1] for p in problems if p.file == NAME and "'" in p.what}
    sums = {name: digest for name, digest in sums.items() if name not in strays}
    names = [*head_files(corpus.meta), "plan.parquet", part_name("quarantine", "plan")]
    for name in names:
        if (corpus.path / name).exists():
            sums[name] = file_sum(corpus.path / name)
    if any(p.file == NAME for p in problems):
        for batch in range(corpus.batches):
            for name in _batch_names(corpus, batch):
                if name not in sums and (corpus.path / name).exists():
                    sums[name] = file_sum(corpus.path / name)
    return _ordered(corpus, sums)


def _batch_names(corpus: Corpus, batch: int) -> list[str]:
    """Files of a batch in the order of publishing."""
    names = []
    for stack, spec in corpus.layout.stacks.items():
        names.append(shard_name(stack, batch))
        if spec.has_valid:
            names.append(shard_name(stack, batch, valid=True))
    return [*names, part_name("quarantine", batch), part_name("samples", batch)]


def _ordered(corpus: Corpus, sums: dict[str, str]) -> dict[str, str]:
    """Lines in the order in which an undisturbed build writes them."""
    head = list(head_files(corpus.meta))
    names = [head[0], "plan.parquet", *head[1:], part_name("quarantine", "plan")]
    for batch in range(corpus.batches):
        names += _batch_names(corpus, batch)
    return {name: sums[name] for name in names if name in sums}


def _mend_batch(
    corpus: Corpus,
    source: Source,
    plan: Plan,
    batch: int,
    problems: tuple[Problem, ...],
    sums: dict[str, str],
) -> list[str]:
    """Read a batch again, fill in what only the corpus still has, and write what differs; returns what is lost."""
    rows = plan.rows.slice(batch * corpus.meta.batch_rows, corpus.meta.batch_rows)
    bad = {id for p in problems if p.batch == batch for id in p.ids}
    had = _held_ids(corpus, batch)
    whole = {} if had is None else _whole_samples(corpus, batch, [id for id in had if id not in bad])
    known = _known_failures(corpus, batch)
    lost: list[str] = []
    best = _best(source, rows, whole, known, None if had is None else set(had), lost)
    made = encode_batch(batch, rows["id"].to_pylist(), best, corpus.meta)
    for name in _batch_names(corpus, batch):
        blob = made.files.get(name)
        file = corpus.path / name
        if blob is None:
            remove(file)
            sums.pop(name, None)
        elif not file.exists() or file_sum(file) != sum_of(blob):
            write_whole(file, blob)
        if blob is not None:
            sums[name] = sum_of(blob)
    return lost


def _held_ids(corpus: Corpus, batch: int) -> list[str] | None:
    """Samples that the corpus had in a batch; None if its part cannot be read."""
    try:
        return list(pq.read_table(corpus.path / part_name("samples", batch), columns=["id"])["id"].to_pylist())
    except (OSError, pa.ArrowException):
        return None


def _whole_samples(corpus: Corpus, batch: int, ids: list[str]) -> dict[str, Sample]:
    """Samples of a batch as the corpus itself still gives them."""
    if not ids:
        return {}
    view = Corpus(corpus.path, corpus.meta)
    try:
        return {sample.id: sample for sample in view.samples(view.positions(ids))}
    except (SwathError, OSError, pa.ArrowException):
        return {}


def _known_failures(corpus: Corpus, batch: int) -> dict[str, Failure]:
    """What was in quarantine before."""
    path = corpus.path / part_name("quarantine", batch)
    try:
        rows = pq.read_table(path).to_pylist()
    except (OSError, pa.ArrowException):
        return {}
    return {row["id"]: Failure(row["id"], row["reason"], row["message"]) for row in rows}


def _best(
    source: Source,
    rows: pa.Table,
    whole: dict[str, Sample],
    known: dict[str, Failure],
    had: set[str] | None,
    lost: list[str],
) -> Iterator[Sample | Failure]:
    """One item a row: from the source; else from the corpus; else a failure, and a loss if it was there before."""
    ids = rows["id"].to_pylist()
    read = _read(source, rows)
    for id in ids:
        item = next(read, None)
        if isinstance(item, Sample):
            yield item
        elif id in whole:
            yield whole[id]
        elif id in known:
            yield known[id]
        elif item is not None and had is not None and id not in had:
            yield item
        else:
            lost.append(id)
            why = item.message if item is not None else "the source gives nothing"
            yield Failure(id, "damaged", f"{id}: damaged in the corpus and not to be had again: {why}")


def _read(source: Source, rows: pa.Table) -> Iterator[Sample | Failure | None]:
    """Read row by row, so that a source which fails as a whole costs only what it must."""
    for i in range(rows.num_rows):
        try:
            yield from source.read(rows.slice(i, 1))
        except SwathError as error:
            yield Failure.of(rows["id"][i].as_py(), error)
