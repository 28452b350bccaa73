"""Show: a page and a contact sheet of a corpus, to be looked at before it is trusted; `swath corpus show`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from swath.core.array import Array
from swath.core.files import write_whole
from swath.core.legends import Legend
from swath.core.progress import SILENT, Progress
from swath.core.sample import Sample
from swath.corpus.checksums import sum_of
from swath.corpus.corpus import Corpus
from swath.corpus.splitfile import split_names
from swath.corpus.statistics import Statistics
from swath.draw import Tile, contact_sheet, dates_of, png, spread, stretch_caption
from swath.recipes.figures import (
    band_note,
    build_command,
    legend_of,
    offsets_of,
    page_places,
    split_figures,
    stretch_of,
)
from swath.recipes.info import info
from swath.recipes.split import places_of
from swath.recipes.statistics import corpus_statistics, measurable
from swath.report import (
    BandFigures,
    ClassFigures,
    CorpusSummary,
    QuarantineFigures,
    StackFigures,
    Thumbnail,
    corpus_page,
)

__all__ = ["show_corpus", "summarise"]

#: Quarantined sentences that are quoted, by reason.
_QUOTED = 3
#: Dates of a series that are pictured side by side, in the order of time.
_DATES = 8


def _chosen(corpus: Corpus, per_class: int) -> Array:
    """Samples to picture: the same number of each class, evenly through the corpus; else evenly through all."""
    classes = [name for name, spec in corpus.layout.targets.items() if spec.kind == "class"]
    if not classes:
        return np.unique(np.linspace(0, len(corpus) - 1, min(len(corpus), 6 * per_class)).astype(int))
    codes = corpus.labels(classes[0])[1]
    found = []
    for code in np.unique(codes):
        of = np.flatnonzero(codes == code)
        found.append(of[np.linspace(0, len(of) - 1, min(len(of), per_class)).astype(int)])
    return np.concatenate(found)


def _tiles(corpus: Corpus, per_class: int) -> tuple[list[Tile], str]:
    """Pictures of some samples, of series with dates side by side, and what their colours mean."""
    stack = measurable(corpus)[0]
    spec = corpus.spec(stack)
    stretch, named = stretch_of(spec), legend_of(corpus)
    tiles = []
    most = min(spec.dates, _DATES)
    for sample in corpus.samples(_chosen(corpus, max(1, per_class // most))):
        held = sample.stacks.get(stack)
        if held is None:
            continue
        at = spread(held.times, most=most)
        group, colour = _class_of(sample, named)
        for k, rgb in zip(at, dates_of(held, at, stretch=stretch), strict=True):
            tiles.append(Tile(rgb, _caption(sample, held.times[k]), group, colour))
    return tiles, stretch_caption(spec.bands, spec.quantity, stretch=stretch)


def _class_of(sample: Sample, named: tuple[str, Legend] | None) -> tuple[str, str | None]:
    if named is None:
        return "", None
    code = sample.targets[named[0]].code
    for each in named[1].classes:
        if each.code == code:
            return each.name, f"#{each.colour}"
    return "no label", None


def _caption(sample: Sample, date: np.datetime64) -> str:
    return sample.id if np.isnat(date) else f"{sample.id}\n{np.datetime_as_string(date, unit='D')}"


def _stack_figures(corpus: Corpus, name: str, said: Statistics) -> StackFigures:
    spec = corpus.spec(name)
    deviation, share = said.std(), said.valid_share
    bands = tuple(
        BandFigures(
            name=band,
            edges=said.edges[i],
            counts=said.histogram[i],
            minimum=float(said.low[i]),
            mean=float(said.mean[i]),
            sd=float(deviation[i]),
            maximum=float(said.high[i]),
            valid_share=float(share[i]),
            under=int(said.under[i]),
            over=int(said.over[i]),
            note=band_note(spec, band),
        )
        for i, band in enumerate(said.bands)
    )
    return StackFigures(
        name=name,
        quantity=str(spec.quantity),
        gsd=spec.gsd,
        size=spec.size,
        bands=bands,
        dtype=spec.dtype,
        dates=spec.dates,
        sensor=spec.sensor,
        level=spec.level,
        offsets=offsets_of(corpus, name),
    )


def summarise(corpus: Corpus, tiles: Sequence[Tile], note: str, *, progress: Progress = SILENT) -> CorpusSummary:
    """Count and measure everything that the page says beside these pictures; reads every sample once."""
    held = info(corpus)
    named = legend_of(corpus)
    said = {name: corpus_statistics(corpus, stack=name, progress=progress) for name in measurable(corpus)}
    places = places_of(corpus)
    quarantine = corpus.quarantine().to_pylist()
    reasons = Counter(row["reason"] for row in quarantine)
    missing = [] if held["complete"] else ["The build was cut off: give the same command again, and it goes on."]
    return CorpusSummary(
        name=corpus.path.absolute().name,
        source=held["source"],
        samples=len(corpus),
        stacks=tuple(_stack_figures(corpus, name, each) for name, each in said.items()),
        classes=_class_figures(corpus, named),
        legend=named[1].name if named else "",
        places=page_places(places, named),
        is_on_earth=held["source"] != "planet",
        thumbnails=tuple(Thumbnail(png(tile.rgb), tile.caption, tile.group) for tile in tiles),
        thumbnails_note=note,
        dates=(held["dates"]["first"], held["dates"]["last"]) if held["dates"]["first"] else None,
        undated=held["dates"]["samples without"],
        quarantine=tuple(_quarantined(quarantine, reason, count) for reason, count in reasons.most_common()),
        missing=tuple(missing),
        alarms=tuple(f"{name}: {alarm}" for name, each in said.items() for alarm in each.alarms()),
        splits=tuple(split_figures(corpus, name, places) for name in split_names(corpus)),
        licences=corpus.layout.licences,
        command=build_command(corpus),
        hashes={"plan": corpus.meta.plan_hash, "checksums": sum_of((corpus.path / "checksums.sha256").read_bytes())},
    )


def _class_figures(corpus: Corpus, named: tuple[str, Legend] | None) -> tuple[ClassFigures, ...]:
    if named is None:
        return ()
    counts = Counter(corpus.labels(named[0])[1].tolist())
    return tuple(ClassFigures(each.name, f"#{each.colour}", counts[each.code]) for each in named[1].classes)


def _quarantined(rows: Sequence[dict[str, Any]], reason: str, count: int) -> QuarantineFigures:
    said = [row["message"] for row in rows if row["reason"] == reason]
    return QuarantineFigures(reason, count, tuple(said[:_QUOTED]))


def show_corpus(
    corpus: Corpus, page: Path, sheet: Path, *, per_class: int = 8, progress: Progress = SILENT
) -> CorpusSummary:
    """Write the page and the contact sheet; returns what the page says."""
    tiles, note = _tiles(corpus, per_class)
    summary = summarise(corpus, tiles, note, progress=progress)
    title = f"{summary.name}: {len(tiles)} of {summary.samples:,} samples"
    write_whole(page, corpus_page(summary).encode())
    write_whole(sheet, contact_sheet(tiles, title=title, note=note))
    return summary
