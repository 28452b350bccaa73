"""Sections: what several pages show alike, as their templates take it: a split with its leakage, classes, offsets."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from swath.core.array import Array
from swath.draw.axis import number, share
from swath.draw.colours import OTHER, PARTS
from swath.draw.confusion import confusion_matrix
from swath.draw.intervals import IntervalRow, interval_rows
from swath.draw.locator import locator
from swath.draw.plots import distances
from swath.report.figures import OffsetFigures, Places, SplitFigures
from swath.report.page import Drawing, drawing
from swath.report.phrases import counted, interval_words, listed
from swath.report.run_figures import ClassResult
from swath.report.verdict import Level

__all__ = ["class_section", "offset_rows", "parts_map", "split_section", "weakest_first"]

#: Classes that are named as the weakest, and pairs that are named as mixed up.
_NAMED: Final = 3


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


def weakest_first(classes: Sequence[ClassResult]) -> list[ClassResult]:
    """Classes that were judged, by their F1; one whose F1 is undefined comes first."""

    def value(each: ClassResult) -> float:
        f1 = each.rates["F1"].value
        return f1 if math.isfinite(f1) else -1.0

    return sorted((each for each in classes if each.n), key=value)


def class_section(
    classes: Sequence[ClassResult], confusion: Array | None, *, n: int, noun: str, over: str
) -> dict[str, Any]:
    """Intervals a class, weakest first, and the confusion matrix.

    Parameters
    ----------
    classes : sequence of ClassResult
        In the legend's order.
    confusion : int array, shape (k, k), optional
        Rows truth.
    n : int
        What was judged.
    noun : str
        What each of them is: "sample".
    over : str
        What was resampled: "120 blocks of 1deg".
    """
    held = weakest_first(classes)
    rows = [
        IntervalRow(
            f"{each.name} ({number(each.n)})",
            each.rates["F1"].value,
            each.rates["F1"].low,
            each.rates["F1"].high,
            is_reliable=each.rates["F1"].is_reliable,
            note=f"n {number(each.n)}",
        )
        for each in held
    ]
    drawn = None
    if rows:
        axis = f"F1 with its 95 % interval over {over}; in brackets: {noun}s"
        drawn = drawing(lambda width: interval_rows(rows, axis=axis, limits=(0.0, 1.0), is_share=True, width=width))
    names = [each.name for each in classes]
    matrix = None if confusion is None else drawing(lambda width: confusion_matrix(confusion, names, width=width))
    return {
        "classes_about": _weakest_words([each.name for each in held], names, confusion),
        "classes_drawn": drawn,
        "class_columns": ("Class", "n", *(held[0].rates if held else ())),
        "class_rows": [(each.name, number(each.n), *map(interval_words, each.rates.values())) for each in held],
        "confusion": matrix,
        "confusion_caption": f"Rows: what it is. Columns: what the model said. n = {counted(n, noun)}.",
    }


def _weakest_words(weakest: list[str], names: list[str], confusion: Array | None) -> str:
    if not weakest:
        return "No class was judged."
    said = f"Weakest first: {listed(weakest[:_NAMED])}."
    if confusion is None:
        return said
    off = np.array(confusion, float)
    np.fill_diagonal(off, 0)
    pairs = [divmod(int(i), len(off)) for i in np.argsort(-off, axis=None, kind="stable")[:_NAMED]]
    taken = [
        f"{names[i]} for {names[j]} ({int(off[i, j])} of {int(confusion[i].sum())})" for i, j in pairs if off[i, j]
    ]
    return f"{said} Most often taken: {listed(taken)}." if taken else said
