"""Show: a page and a contact sheet of a corpus, to be looked at before it is trusted; `swath corpus show`."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.compute as pc

from swath.core.array import Array
from swath.core.files import write_whole
from swath.core.legends import Legend
from swath.core.plan import StackSpec
from swath.core.progress import SILENT, Progress
from swath.core.sample import Sample
from swath.core.sensors import SENSORS
from swath.corpus.build import journal_notes
from swath.corpus.checksums import sum_of
from swath.corpus.corpus import Corpus
from swath.corpus.leakage import LeakageReport, nearest_train
from swath.corpus.places import Places as SplitPlaces
from swath.corpus.splitfile import load_report, load_split, split_names
from swath.corpus.splits import Split
from swath.corpus.statistics import Statistics
from swath.draw import Tile, contact_sheet, png, stretch_caption, to_rgb
from swath.recipes.info import info
from swath.recipes.split import places_of
from swath.recipes.statistics import corpus_statistics, measurable
from swath.report import (
    BandFigures,
    ClassFigures,
    CorpusSummary,
    OffsetFigures,
    Places,
    QuarantineFigures,
    SplitFigures,
    StackFigures,
    Thumbnail,
    corpus_page,
)

__all__ = ["show_corpus", "summarise"]

#: Quarantined sentences that are quoted, by reason.
_QUOTED = 3


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


def _legend(corpus: Corpus) -> tuple[str, Legend] | None:
    """Name and legend of the first class target."""
    for name, spec in corpus.layout.targets.items():
        if spec.kind == "class":
            return name, corpus.layout.legends[spec.legend or ""]
    return None


def _stretch(spec: StackSpec) -> str | None:
    """Digital numbers of unknown meaning are shown by their own percentiles, and the caption says so."""
    quantity = spec.quantity
    is_known = quantity.kind != "dn" or (quantity.of is not None and quantity.offset is not None)
    return None if is_known and quantity.kind != "value" else "percentile"


def _tiles(corpus: Corpus, per_class: int) -> tuple[list[Tile], str]:
    """Pictures of some samples, and what their colours mean."""
    stack = measurable(corpus)[0]
    spec = corpus.spec(stack)
    stretch, named = _stretch(spec), _legend(corpus)
    tiles = []
    for sample in corpus.samples(_chosen(corpus, per_class)):
        held = sample.stacks.get(stack)
        if held is None:
            continue
        valid = None if held.valid is None else held.valid[0]
        rgb = to_rgb(held.data[0], held.bands, held.quantity, valid=valid, stretch=stretch)
        group, colour = _class_of(sample, named)
        tiles.append(Tile(rgb, _caption(sample, stack), group, colour))
    return tiles, stretch_caption(spec.bands, spec.quantity, stretch=stretch)


def _class_of(sample: Sample, named: tuple[str, Legend] | None) -> tuple[str, str | None]:
    if named is None:
        return "", None
    code = sample.targets[named[0]].code
    for each in named[1].classes:
        if each.code == code:
            return each.name, f"#{each.colour}"
    return "no label", None


def _caption(sample: Sample, stack: str) -> str:
    date = sample.stacks[stack].times[0]
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
            note=_band_note(spec, band),
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
        offsets=_offsets(corpus, name),
    )


def _band_note(spec: StackSpec, band: str) -> str:
    known = {each.name: each for each in SENSORS[spec.sensor].bands} if spec.sensor in SENSORS else {}
    held = known.get(band)
    if held is None:
        return ""
    centres = [nm for nm in held.centre.values() if nm is not None]
    native = f"native {held.native_gsd:g} m"
    return f"{centres[0]:.0f} nm, {native}" if centres else native


def _offsets(corpus: Corpus, name: str) -> tuple[OffsetFigures, ...]:
    """How the offsets of a stack were decided, counted."""
    if corpus.spec(name).quantity.kind != "dn":
        return ()
    counts: Counter[tuple[str, str, str]] = Counter()
    verdicts: dict[tuple[str, str, str], str] = {}
    origins = pc.value_counts(corpus.rows([f"stack_{name}.origin"])[f"stack_{name}.origin"].combine_chunks())
    for entry in origins.to_pylist():
        for held in json.loads(entry["values"] or "{}").get("offsets", [])[:1]:
            offset = "unknown" if held["offset"] is None else ", ".join(f"{o:g}" for o in held["offset"])
            key = (offset, held["by"], held["confidence"])
            counts[key] += entry["counts"]
            verdicts.setdefault(key, held["verdict"])
    return tuple(OffsetFigures(*key, count, verdicts[key]) for key, count in counts.most_common())


def _split_figures(corpus: Corpus, name: str, places: SplitPlaces) -> SplitFigures:
    split: Split = load_split(corpus, name)
    report = LeakageReport.from_json(load_report(corpus, name))
    worst = max(range(split.folds), key=lambda fold: len(report.folds[fold].findings))
    row, counts = report.as_rows()[worst], split.counts(fold=worst)
    recipe = ", ".join(f"{key} {_plain(value)}" for key, value in split.recipe.items())
    block = str(split.recipe.get("block", ""))
    return SplitFigures(
        name=name if split.folds == 1 else f"{name} (fold {worst} of {split.folds})",
        recipe=recipe,
        parts={part: n for part, n in counts.items() if n},
        verdict=report.folds[worst].verdict,
        is_leaking=True if report.leaks else (None if report.folds[worst].distances is None else False),
        rows=tuple((key, value) for key, value in row.items() if key not in ("fold", "verdict", *counts)),
        metres=nearest_train(places, split, fold=worst) if places.is_placed.any() else None,
        part_of_place=tuple(split.parts(places.ids, fold=worst).tolist()),
        cell=float(block.removesuffix("deg")) if block.endswith("deg") else None,
        hash=split.hash,
    )


def _plain(value: Any) -> str:
    if isinstance(value, dict):
        return " ".join(f"{key} {each:g}" for key, each in value.items())
    return f"{value:g}" if isinstance(value, float) else str(value)


def summarise(corpus: Corpus, tiles: Sequence[Tile], note: str, *, progress: Progress = SILENT) -> CorpusSummary:
    """Count and measure everything that the page says beside these pictures; reads every sample once."""
    held = info(corpus)
    named = _legend(corpus)
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
        places=_page_places(places, named),
        is_on_earth=held["source"] != "planet",
        thumbnails=tuple(Thumbnail(png(tile.rgb), tile.caption, tile.group) for tile in tiles),
        thumbnails_note=note,
        dates=(held["dates"]["first"], held["dates"]["last"]) if held["dates"]["first"] else None,
        undated=held["dates"]["samples without"],
        quarantine=tuple(_quarantined(quarantine, reason, count) for reason, count in reasons.most_common()),
        missing=tuple(missing),
        alarms=tuple(f"{name}: {alarm}" for name, each in said.items() for alarm in each.alarms()),
        splits=tuple(_split_figures(corpus, name, places) for name in split_names(corpus)),
        licences=corpus.layout.licences,
        command=_command(corpus),
        hashes={"plan": corpus.meta.plan_hash, "checksums": sum_of((corpus.path / "checksums.sha256").read_bytes())},
    )


def _class_figures(corpus: Corpus, named: tuple[str, Legend] | None) -> tuple[ClassFigures, ...]:
    if named is None:
        return ()
    counts = Counter(corpus.labels(named[0])[1].tolist())
    return tuple(ClassFigures(each.name, f"#{each.colour}", counts[each.code]) for each in named[1].classes)


def _page_places(places: SplitPlaces, named: tuple[str, Legend] | None) -> Places | None:
    if not places.is_placed.any():
        return None
    kinds: Sequence[str] = ()
    if named is not None and places.label is not None and (places.label >= 0).all():
        names = {each.code: each.name for each in named[1].classes}
        kinds = [names[int(code)] for code in places.label]
    return Places(places.lon, places.lat, tuple(kinds), tuple(places.ids.tolist()))


def _quarantined(rows: Sequence[dict[str, Any]], reason: str, count: int) -> QuarantineFigures:
    said = [row["message"] for row in rows if row["reason"] == reason]
    return QuarantineFigures(reason, count, tuple(said[:_QUOTED]))


def _command(corpus: Corpus) -> str:
    """The command that made the corpus, as its journal tells; the paths' last parts only."""
    for note in reversed(journal_notes(corpus.path)):
        if "opened" in note:
            held = note["opened"]
            given = {key: str(value).rsplit("/", 1)[-1] for key, value in (held["declared"] or {}).items()}
            options = " ".join(f"-d {key}={value}" for key, value in given.items())
            name = corpus.path.absolute().name
            if held["source"] == "planet":
                return f"swath corpus build --source planet {options} -o {name}".replace("  ", " ")
            paths = " ".join(Path(path).name for path in held["paths"])
            return f"swath corpus import {held['source']} {paths} {options} -o {name}".replace("  ", " ")
    return ""


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
