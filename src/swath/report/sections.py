"""Sections: what several pages show alike, as their templates take it: a split with its leakage, offsets, a map."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from swath.draw.axis import number, share
from swath.draw.colours import OTHER, PARTS
from swath.draw.locator import locator
from swath.draw.plots import distances
from swath.report.figures import OffsetFigures, Places, SplitFigures
from swath.report.page import Drawing, drawing
from swath.report.verdict import Level

__all__ = ["offset_rows", "parts_map", "split_section"]


def offset_rows(stack: str, offsets: Sequence[OffsetFigures]) -> list[tuple[str, ...]]:
    """How the offsets of a stack were decided, a row each way."""
    return [
        (stack, each.offset, each.by, each.confidence, number(each.count), each.verdict or "not run")
        for each in offsets
    ]


def parts_map(split: SplitFigures, places: Places | None, *, is_on_earth: bool) -> Drawing | None:
    """Draw where the parts of a split lie; None where no place is known."""
    if places is None or not split.part_of_place or not np.isfinite(places.lon + places.lat).any():
        return None
    parts, held = split.part_of_place, places
    others = {name: OTHER for name in dict.fromkeys(parts) if name not in PARTS}
    return drawing(
        lambda width: locator(
            held.lon,
            held.lat,
            kinds=parts,
            colours={**PARTS, **others},
            labels=held.ids or None,
            cell=split.cell,
            is_on_earth=is_on_earth,
            width=width,
        )
    )


def split_section(split: SplitFigures, places: Places | None, *, is_on_earth: bool) -> dict[str, Any]:
    """One split as the template shows it."""
    total = sum(split.parts.values())
    level: Level = "look" if split.is_leaking is None else "bad" if split.is_leaking else "good"
    metres = split.metres
    return {
        "name": split.name,
        "recipe": split.recipe,
        "hash": split.hash,
        "level": level,
        "verdict": split.verdict[:1].upper() + split.verdict[1:],
        "parts": [(name, number(n), share(n, total)) for name, n in split.parts.items()],
        "rows": split.rows,
        "distances": None
        if metres is None
        else drawing(lambda width: distances(metres, width=width), widths=(560, 640, 340)),
        "map": parts_map(split, places, is_on_earth=is_on_earth),
    }
