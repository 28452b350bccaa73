"""Intervals: a dot with a bar a row, for the scores of classes or of runs, and for differences between them.

The bar is the interval, the dot the number; a hollow dot says that the interval cannot be relied on. What is undefined
has a row and no dot.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from swath.core.errors import Mismatch
from swath.draw.axis import number, ticks
from swath.draw.colours import ACCENT, GRID, INK, MUTED, PAPER
from swath.draw.font import estimated_width, wrapped
from swath.draw.frame import SMALL, Scale, bottom_axis, shortened
from swath.draw.svg import SIZE, document, num, tag, tooltip, words

__all__ = ["IntervalRow", "interval_rows"]

_ROW: Final = 25.0
_ENDS_FROM: Final = 560.0  # width from which ends are written beside the number [px]


@dataclass(frozen=True, slots=True)
class IntervalRow:
    """One row."""

    #: What it is of: a class, a run.
    name: str
    #: The number; NaN = undefined.
    value: float
    #: Ends of its interval; NaN = none.
    low: float
    high: float
    #: `#rrggbb` of the dot.
    colour: str = ACCENT
    #: False draws a hollow dot.
    is_reliable: bool = True
    #: What a pointer sees besides the numbers: "n 300".
    note: str = ""


def _written(row: IntervalRow, has_ends: bool, is_share: bool) -> str:
    if not math.isfinite(row.value):
        return "undefined"
    value, low, high = (f"{100 * v:.1f}" if is_share else f"{v:.3f}" for v in (row.value, row.low, row.high))
    value += " %" if is_share else ""
    return value if not has_ends or not math.isfinite(row.low) else f"{value} [{low}, {high}]"


def interval_rows(
    rows: Sequence[IntervalRow],
    *,
    axis: str,
    limits: tuple[float, float] | None = None,
    mark: float | None = None,
    is_share: bool = False,
    width: float = 640,
) -> str:
    """Draw numbers with their intervals, a row each.

    Parameters
    ----------
    rows : sequence of IntervalRow
        From top to bottom.
    axis : str
        What the numbers are, with their unit; say here which interval it is.
    limits : tuple of float, optional
        Ends of the axis: no number lies beyond them by nature (0 and 1 for a share). Without them, and within them,
        the axis spans what is drawn.
    mark : float, optional
        Where a line is drawn from top to bottom: 0 for differences.
    is_share : bool
        Whether numbers are written in per cent.
    width : float
        Pixels; the height follows from the rows.

    Returns
    -------
    str
        SVG.

    Raises
    ------
    Mismatch
        A number does not lie between its ends.

    Examples
    --------
    >>> drawn = interval_rows([IntervalRow("Forest", 0.9, 0.85, 0.93)], axis="F1, 95 %")
    >>> "0.900 [0.850, 0.930]" in drawn, drawn.count("<circle")
    (True, 1)
    """
    for row in rows:
        if row.low > row.high:
            have = f"{number(row.low)} to {number(row.high)}"
            raise Mismatch(where=f"interval of {row.name}", what="ends", want="low to high", have=have)
    has_ends = width >= _ENDS_FROM
    drawn = [v for row in rows for v in (row.value, row.low, row.high) if math.isfinite(v)]
    drawn += [mark] if mark is not None else []
    low, high = min(drawn, default=0.0), max(drawn, default=1.0)
    room = 0.05 * (high - low) or 0.05
    low, high = low - room, high + room
    if limits is not None:
        low, high = max(low, limits[0]), min(high, limits[1])
    gap = 10.0
    left = min(max((estimated_width(row.name, SIZE) for row in rows), default=0.0), width * 0.42) + gap + 4
    end = 1.1 * max((estimated_width(_written(row, has_ends, is_share), SIZE) for row in rows), default=0.0) + gap + 4
    base = _ROW * len(rows) + 4
    across = Scale(low, high, left + 4, width - end)
    parts = []
    marks = ticks(low, high, min(8, max(3, int((across.end - across.start) // 48))))
    for value in marks:
        parts.append(tag("path", d=f"M{num(across(value))} 2V{num(base)}", stroke=GRID, fill="none"))
    if mark is not None:
        d = f"M{num(across(mark))} 2V{num(base)}"
        parts.append(tag("path", d=d, stroke=INK, stroke_dasharray="2 3", fill="none"))
    for i, row in enumerate(rows):
        y = _ROW * i + _ROW / 2 + 2
        parts.append(words(left - gap, y + 4.3, shortened(row.name, left - gap - 4), anchor="end"))
        parts.append(words(width - 1, y + 4.3, _written(row, has_ends, is_share), fill=MUTED, anchor="end"))
        parts += _dot(row, across, y, is_share)
    write = (lambda value: f"{100 * value:.0f} %") if is_share else number
    parts += bottom_axis(across, base, "", values=marks, write=write)[:-1]
    start = left + 4 if estimated_width(axis, SMALL) < width - left - 4 else 0.0
    lines = wrapped(axis, width - start, SMALL)
    for i, line in enumerate(lines):
        parts.append(words(start, base + 35 + 16 * i, line, size=SMALL, fill=MUTED))
    height = base + 26 + 16 * max(len(lines), 1)
    return document(width, height, *parts, label=f"{axis}: {len(rows)} rows")


def _dot(row: IntervalRow, across: Scale, y: float, is_share: bool) -> list[str]:
    """The bar with its ends, and the dot on it."""
    if not math.isfinite(row.value):
        return []
    parts = []
    if math.isfinite(row.low):
        x0, x1 = across(row.low), across(row.high)
        d = f"M{num(x0)} {num(y)}H{num(x1)}M{num(x0)} {num(y - 4)}v8M{num(x1)} {num(y - 4)}v8"
        parts.append(tag("path", d=d, stroke=row.colour, stroke_width=1.8, fill="none"))
    said = ", ".join(each for each in (f"{row.name}: {_written(row, True, is_share)}", row.note) if each)
    said += "" if row.is_reliable else ", interval unreliable"
    fill = row.colour if row.is_reliable else PAPER
    x = across(row.value)
    parts.append(tag("circle", tooltip(said), cx=x, cy=y, r=4.6, fill=fill, stroke=row.colour, stroke_width=1.8))
    return parts
