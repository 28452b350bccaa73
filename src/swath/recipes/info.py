"""Info: what a corpus holds, in words and as plain data; `swath corpus info`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.compute as pc

from swath.corpus.corpus import Corpus, open_corpus
from swath.corpus.splitfile import load_split, split_names

__all__ = ["info", "info_text", "unknown_offsets"]


def _dates(corpus: Corpus) -> dict[str, Any]:
    """First and last date over all stacks, and how many samples have none."""
    found, undated = [], 0
    for name in corpus.layout.stacks:
        column = corpus.rows([f"stack_{name}.times"])[f"stack_{name}.times"]
        flat = pc.list_flatten(column).drop_null()
        if len(flat):
            found += [pc.min(flat).as_py(), pc.max(flat).as_py()]
        if name not in corpus.layout.targets:
            undated = max(
                undated,
                len(corpus)
                - len(
                    np.unique(pc.list_parent_indices(column).filter(pc.is_valid(pc.list_flatten(column))).to_numpy())
                ),
            )
    first, last = (min(found), max(found)) if found else (None, None)
    return {"first": first and f"{first:%Y-%m-%d}", "last": last and f"{last:%Y-%m-%d}", "samples without": undated}


def info(corpus: Corpus) -> dict[str, Any]:
    """Everything that is told without reading a pixel."""
    places = corpus.rows(["lon", "lat"])
    quarantine = corpus.quarantine()["reason"].to_pylist()
    classes = {}
    for name, spec in corpus.layout.targets.items():
        if spec.kind == "class":
            legend = corpus.layout.legends[spec.legend or ""]
            codes, counts = np.unique(corpus.labels(name)[1], return_counts=True)
            named = {-1: "no label", **{c.code: c.name for c in legend.classes}}
            classes[name] = {named[int(code)]: int(count) for code, count in zip(codes, counts, strict=True)}
    splits = {name: load_split(corpus, name) for name in split_names(corpus)}
    return {
        "path": str(corpus.path),
        "source": corpus.meta.source,
        "asked": dict(corpus.meta.asked),
        "complete": corpus.is_complete,
        "samples": len(corpus),
        "planned": corpus.meta.plan_rows,
        "quarantined": {reason: quarantine.count(reason) for reason in sorted(set(quarantine))},
        "why quarantined": sorted(set(corpus.quarantine()["message"].to_pylist()))[:5],
        "without place": int(places["lon"].null_count),
        "dates": _dates(corpus),
        "stacks": {name: spec.to_json() for name, spec in corpus.layout.stacks.items()},
        "quantities": {name: str(spec.quantity) for name, spec in corpus.layout.stacks.items()},
        "classes": classes,
        "splits": {name: {"hash": split.hash, "recipe": dict(split.recipe)} for name, split in splits.items()},
        "licences": list(corpus.layout.licences),
        "plan": corpus.meta.plan_hash,
    }


def unknown_offsets(path: Path) -> list[str]:
    """A sentence for every stack whose offset nobody declared, with what its pixels suggest."""
    corpus = open_corpus(path)
    said = []
    for name, spec in corpus.layout.stacks.items():
        if spec.quantity.kind != "dn" or spec.quantity.offset is not None or len(corpus) == 0:
            continue
        column = f"stack_{name}.origin"
        origin = json.loads(corpus.rows([column])[column][0].as_py() or "{}")
        verdict = next((held["verdict"] for held in origin.get("offsets", [])), "not run")
        said.append(
            f"{name}: the offset is unknown, so its numbers stay digital numbers. The pixels of the first sample say:"
            f" {verdict}. Declare -d level=... and -d offset=0 or -d offset=-1000 in a new import."
        )
    return said


def info_text(held: dict[str, Any]) -> str:
    """The same for people."""
    state = "" if held["complete"] else "  INCOMPLETE: give the same build command again"
    lost = ", ".join(f"{n:,} {reason}" for reason, n in held["quarantined"].items())
    dates = held["dates"]
    when = f"{dates['first']} to {dates['last']}" if dates["first"] else "unknown"
    if dates["first"] and dates["samples without"]:
        when += f" ({dates['samples without']:,} samples without)"
    lines = [
        f"{held['path']}: {held['samples']:,} samples of {held['planned']:,} planned from {held['source']}{state}",
        f"  quarantined  {lost or 'none'}",
        *(f"               {message}" for message in held["why quarantined"]),
        f"  places       {held['samples'] - held['without place']:,} known, {held['without place']:,} unknown",
        f"  dates        {when}",
    ]
    for name, spec in held["stacks"].items():
        shape = f"{spec['dates']} x {len(spec['bands'])} x {spec['size'][0]} x {spec['size'][1]} {spec['dtype']}"
        gsd = " x ".join(f"{g:g}" for g in dict.fromkeys(spec["gsd"]))
        lines.append(f"  {name:12} {shape}, {gsd} m, {held['quantities'][name]}: {' '.join(spec['bands'])}")
    for name, counts in held["classes"].items():
        lines.append(f"  {name:12} " + ", ".join(f"{label} {n:,}" for label, n in counts.items()))
    for name, split in held["splits"].items():
        lines.append(f"  split {name:6} {split['hash'][:12]} by {split['recipe'].get('method')}")
    lines += [f"  licence      {sentence}" for sentence in held["licences"]]
    return "\n".join(lines)
