"""Statistics: what the numbers of a corpus are like, band by band; `swath corpus stats`."""

from __future__ import annotations

from collections.abc import Iterator

from swath.core.array import Array
from swath.core.errors import Refused
from swath.core.progress import SILENT, Progress
from swath.corpus.corpus import Corpus
from swath.corpus.splitfile import load_split
from swath.corpus.statistics import Statistics, statistics
from swath.recipes.split import chunks

__all__ = ["corpus_statistics", "measurable", "statistics_text"]


def measurable(corpus: Corpus) -> list[str]:
    """Stacks whose numbers have a mean: all but codes."""
    return [name for name, spec in corpus.layout.stacks.items() if not spec.quantity.is_categorical]


def corpus_statistics(
    corpus: Corpus,
    *,
    stack: str | None = None,
    split: str | None = None,
    part: str = "train",
    fold: int = 0,
    progress: Progress = SILENT,
) -> Statistics:
    """Measure one stack, of all samples or of one part of a split.

    Raises
    ------
    Refused
        There are several stacks and none was named.
    Unknown
        There is no such stack, split or part; the nearest is named.
    """
    known = measurable(corpus)
    if stack is None:
        if len(known) != 1:
            raise Refused(
                where=str(corpus.path), what="needs one stack", have=", ".join(known) or "none", fix="Name one."
            )
        stack = known[0]
    spec = corpus.spec(stack)
    positions, digest = None, ""
    if split is not None:
        frozen = load_split(corpus, split)
        positions, digest = corpus.positions(frozen.ids(part, fold=fold)), frozen.hash
    total = len(corpus) if positions is None else len(positions)

    def batches() -> Iterator[tuple[Array, Array | None]]:
        done = 0
        for where, data, valid in chunks(corpus, stack, positions):
            yield data, valid
            done += len(where)
            progress(done, total)

    return statistics(
        batches(),
        bands=spec.bands,
        quantity=spec.quantity,
        split_hash=digest,
        part=part if split else "",
        fold=fold,
    )


def statistics_text(said: Statistics, *, std: str = "population") -> str:
    """A table for the terminal, and what looks wrong."""
    rows = said.as_rows()
    spread = said.std(kind=std)
    label = "std" if std == "population" else f"std ({std})"
    for row, each in zip(rows, spread, strict=True):
        row["std"] = f"{each:.5g}"
    columns = [name for name in rows[0] if std == "population" or name != "std within pictures"]
    heads = [label if name == "std" else name for name in columns]
    table = [heads, *([row[name] for name in columns] for row in rows)]
    widths = [max(len(line[i]) for line in table) for i in range(len(heads))]
    lines = ["  ".join(cell.rjust(width) for cell, width in zip(line, widths, strict=True)) for line in table]
    of = f"{said.part} of split {said.split_hash[:12]}" if said.split_hash else "all samples"
    return "\n".join([f"{said.quantity}, {of}", *lines, *said.notes(), *(f"ALARM  {each}" for each in said.alarms())])
