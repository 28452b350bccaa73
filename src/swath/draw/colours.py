"""Colours: the few inks that every picture of the package is drawn with, as `#rrggbb`.

One accent, greys, and one fixed colour a part of a split, told apart by people who see red and green alike. The colours
of classes are not here: they belong to their legend (`core.legends`).
"""

from __future__ import annotations

from typing import Final

__all__ = ["ACCENT", "CHECKER", "GRID", "INK", "LAND", "MUTED", "OTHER", "PAPER", "PARTS", "SEA", "WARNING"]

#: The one accent: bars, points and lines that stand for data.
ACCENT: Final = "#0b6e74"
#: Text, and text of less weight.
INK: Final = "#1d2429"
MUTED: Final = "#5f6b73"
#: Axes, graticules and frames.
GRID: Final = "#d5dbdf"
PAPER: Final = "#ffffff"
#: Ground of maps; land is Natural Earth's outline.
SEA: Final = "#f3f6f7"
LAND: Final = "#e2e6e3"
#: What a reader should look at first because it is bad.
WARNING: Final = "#b3401d"
#: Kinds without a colour of their own.
OTHER: Final = "#8a949b"
#: Part of a split -> colour, in the order in which they are drawn: what leaks lies on top.
PARTS: Final[dict[str, str]] = {
    "train": "#9aa7b0",
    "val": "#dc9a1c",
    "test": "#0b6e74",
    "dropped": "#b3401d",
}
#: Two greys of the checker that stands where no measurement is.
CHECKER: Final[tuple[int, int]] = (214, 238)
