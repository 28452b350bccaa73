"""Figures: what a corpus holds, as the plain records that its page and the pages of its models show."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow.compute as pc

from swath.core.legends import Legend
from swath.core.plan import StackSpec
from swath.core.sensors import SENSORS
from swath.corpus.build import journal_notes
from swath.corpus.corpus import Corpus
from swath.corpus.leakage import LeakageReport, nearest_train
from swath.corpus.places import Places as SplitPlaces
from swath.corpus.splitfile import load_report, load_split
from swath.corpus.splits import Split
from swath.report import OffsetFigures, Places, SplitFigures

__all__ = ["band_note", "build_command", "legend_of", "offsets_of", "page_places", "split_figures", "stretch_of"]


def legend_of(corpus: Corpus) -> tuple[str, Legend] | None:
    """Name and legend of the first class target."""
    for name, spec in corpus.layout.targets.items():
        if spec.kind == "class":
            return name, corpus.layout.legends[spec.legend or ""]
    return None


def stretch_of(spec: StackSpec) -> str | None:
    """Digital numbers of unknown meaning are shown by their own percentiles, and the caption says so."""
    quantity = spec.quantity
    is_known = quantity.kind != "dn" or (quantity.of is not None and quantity.offset is not None)
    return None if is_known and quantity.kind != "value" else "percentile"


def band_note(spec: StackSpec, band: str) -> str:
    """Wavelength and native pixel of a band; empty where the sensor is unknown."""
    known = {each.name: each for each in SENSORS[spec.sensor].bands} if spec.sensor in SENSORS else {}
    held = known.get(band)
    if held is None:
        return ""
    centres = [nm for nm in held.centre.values() if nm is not None]
    native = f"native {held.native_gsd:g} m"
    return f"{centres[0]:.0f} nm, {native}" if centres else native


def offsets_of(corpus: Corpus, name: str) -> tuple[OffsetFigures, ...]:
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


def split_figures(corpus: Corpus, name: str, places: SplitPlaces, *, fold: int | None = None) -> SplitFigures:
    """A split with its leakage, of one fold, or of the one that leaks most."""
    split: Split = load_split(corpus, name)
    report = LeakageReport.from_json(load_report(corpus, name))
    at = max(range(split.folds), key=lambda i: len(report.folds[i].findings)) if fold is None else fold
    row, counts = report.as_rows()[at], split.counts(fold=at)
    leaks = report.leaks if fold is None else bool(report.folds[at].findings)
    recipe = ", ".join(f"{key} {_plain(value)}" for key, value in split.recipe.items())
    block = str(split.recipe.get("block", ""))
    return SplitFigures(
        name=name if split.folds == 1 else f"{name} (fold {at} of {split.folds})",
        recipe=recipe,
        parts={part: n for part, n in counts.items() if n},
        verdict=report.folds[at].verdict,
        is_leaking=True if leaks else (None if report.folds[at].distances is None else False),
        rows=tuple((key, value) for key, value in row.items() if key not in ("fold", "verdict", *counts)),
        metres=nearest_train(places, split, fold=at) if places.is_placed.any() else None,
        part_of_place=tuple(split.parts(places.ids, fold=at).tolist()),
        cell=float(block.removesuffix("deg")) if block.endswith("deg") else None,
        hash=split.hash,
    )


def _plain(value: Any) -> str:
    if isinstance(value, dict):
        return " ".join(f"{key} {each:g}" for key, each in value.items())
    return f"{value:g}" if isinstance(value, float) else str(value)


def page_places(places: SplitPlaces, named: tuple[str, Legend] | None) -> Places | None:
    """Where samples are, and their classes if every one has a label."""
    if not places.is_placed.any():
        return None
    kinds: Sequence[str] = ()
    if named is not None and places.label is not None and (places.label >= 0).all():
        names = {each.code: each.name for each in named[1].classes}
        kinds = [names[int(code)] for code in places.label]
    return Places(places.lon, places.lat, tuple(kinds), tuple(places.ids.tolist()))


def build_command(corpus: Corpus) -> str:
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
