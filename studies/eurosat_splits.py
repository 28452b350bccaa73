"""EuroSAT, all 27,000 patches: what a random split hides and a block split shows."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import numpy as np

from studies.markdown import table
from swath.core.legends import legend
from swath.corpus import open_corpus
from swath.corpus.splitfile import split_names
from swath.draw import PARTS, locator
from swath.recipes.build import build_corpus
from swath.recipes.open import Opening
from swath.recipes.split import places_of, split_corpus
from swath.recipes.statistics import corpus_statistics

TITLE: Final = "EuroSAT: what a random split hides"
_RECIPES: Final[dict[str, dict[str, Any]]] = {
    "random 80/20": {"method": "random", "shares": {"train": 0.8, "test": 0.2}, "seed": 0},
    "1-degree blocks, 5 folds": {
        "method": "place",
        "block": "1deg",
        "folds": 5,
        "shares": {"train": 1.0},
        "buffer": "1km",
        "seed": 0,
    },
}

#: Side of the cells that the map shades [degrees].
_CELLS: Final[dict[str, float | None]] = {"random 80/20": None, "1-degree blocks, 5 folds": 1.0}


def compute(data: Path, work: Path, pictures: Path) -> dict[str, Any]:
    """Import, split twice, look for leaks."""
    zipped, positions = data / "eurosat-rgb" / "EuroSAT_RGB.zip", data / "eurosat-rgb" / "positions.csv.gz"
    opening = Opening("eurosat-rgb", (str(zipped),), {"positions": str(positions)})
    built = build_corpus(opening, work / "eurosat")
    corpus = open_corpus(work / "eurosat")
    places = places_of(corpus)
    codes, counts = np.unique(corpus.labels()[1], return_counts=True)
    names = {each.code: each.name for each in legend("eurosat").classes}
    figures: dict[str, Any] = {
        "n": len(corpus),
        "quarantined": built.quarantined,
        "classes": {names[int(code)]: int(count) for code, count in zip(codes, counts, strict=True)},
        "cells": len(np.unique(np.floor(np.column_stack([places.lon, places.lat])), axis=0)),
        "statistics": corpus_statistics(corpus).as_rows(),
        "splits": {},
    }
    for title, recipe in _RECIPES.items():
        name = title.split(",")[0].replace(" ", "-").replace("/", "-")
        frozen = split_corpus(corpus, recipe, name=name, replace=name in split_names(corpus))
        figures["splits"][title] = {
            "hash": frozen.split.hash,
            "recipe": dict(frozen.split.recipe),
            "rows": frozen.report.as_rows(),
            "verdict": frozen.report.summary(),
            "range": None if frozen.range is None else frozen.range.summary(frozen.side),
        }
        parts = frozen.split.parts(places.ids)
        svg = locator(places.lon, places.lat, kinds=parts.tolist(), colours=PARTS, cell=_CELLS[title])
        (pictures / f"eurosat-{name}.svg").write_text(svg)
    return figures


def page(figures: dict[str, Any]) -> str:
    """The page."""
    lines = [
        "All RGB patches of EuroSAT (Helber et al. 2019, doi 10.1109/JSTARS.2019.2918242, MIT) with the positions of",
        f"their georeferenced twins, imported as one corpus: {figures['n']:,} samples,",
        f"{figures['quarantined']} quarantined, {figures['cells']} one-degree cells.",
        "",
    ]
    wanted = [
        "train",
        "test",
        "dropped",
        "distance 50%",
        "< 1 km",
        "< 5 km",
        "overlapping windows",
        "near-duplicates",
        "shared datatakes",
        "geographic 1-NN",
        "majority",
    ]
    rows = []
    for title, split in figures["splits"].items():
        for row in split["rows"]:
            fold = f", fold {row['fold']}" if len(split["rows"]) > 1 else ""
            rows.append([title.split(",")[0] + fold, *[row[key] for key in wanted]])
    head = ["split", "train", "test", "dropped", "median to train", *wanted[4:]]
    lines += [table(head, rows), ""]
    lines += [
        "Shares are of the test samples. *Geographic 1-NN* gives every test sample the label of the nearest train",
        "place and looks at no pixel: where it is far above the commonest label (*majority*), place alone answers.",
        "Shared datatakes are unknown: the data set names no acquisitions. Near-duplicates are pairs whose 64-bit",
        "perceptual hashes differ in at most 4 bits; plain sea and forest look alike wherever they are.",
        "",
    ]
    for title, split in figures["splits"].items():
        name = title.split(",")[0].replace(" ", "-").replace("/", "-")
        recipe = json.dumps(split["recipe"]).replace('"', "")
        lines += [f"**{title}** (`{recipe}`, hash `{split['hash'][:12]}`): {split['verdict']}", ""]
        lines += [f"{split['range']}", ""] if split["range"] else []
        lines += [f"![{title}: where train and test lie](eurosat-{name}.svg)", ""]
    heads = list(figures["statistics"][0])
    lines += ["Bands as stored (rgb8 after the JPEG round trip):", ""]
    lines += [table(heads, [list(row.values()) for row in figures["statistics"]])]
    return "\n".join(lines)
