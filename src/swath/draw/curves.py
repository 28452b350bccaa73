"""Curves: what a training did, epoch by epoch, with the epoch that was kept.

One panel a number (loss, metric), one line a part (train, val), in the colours that parts have everywhere. Panels stand
side by side where there is room, else one above the other.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from swath.core.errors import Mismatch
from swath.draw.axis import number, ticks
from swath.draw.colours import ACCENT, INK, PAPER, PARTS
from swath.draw.font import estimated_width
from swath.draw.frame import SMALL, Scale, bottom_axis, left_axis, shortened
from swath.draw.legend import Key, legend_rows
from swath.draw.svg import SIZE, document, num, tag, tooltip, words

__all__ = ["Panel", "training_curves"]

_BESIDE: Final = 600.0  # width from which panels stand side by side [px]
_PLOT: Final = 170.0
_GAP: Final = 34.0


@dataclass(frozen=True, slots=True)
class Panel:
    """One number over all epochs."""

    #: With its unit: "loss [nat]".
    title: str
    #: Part -> its value after each epoch, the first epoch first; NaN where it was not computed.
    lines: Mapping[str, Sequence[float]]
    #: True draws powers of ten at equal distances.
    is_log: bool = False


def training_curves(panels: Sequence[Panel], *, best: int | None = None, width: float = 640) -> str:
    """Draw the course of a training.

    Parameters
    ----------
    panels : sequence of Panel
        From left to right, or from top to bottom.
    best : int, optional
        Epoch that was kept, from 1; marked in every panel.
    width : float
        Pixels.

    Returns
    -------
    str
        SVG.

    Raises
    ------
    Mismatch
        A logarithmic panel holds numbers that are not above 0, or `best` is no epoch.

    Examples
    --------
    >>> loss = Panel("loss", {"train": [0.9, 0.5, 0.3], "val": [0.8, 0.6, 0.7]})
    >>> "best: epoch 2, val 0.6" in training_curves([loss], best=2)
    True
    """
    epochs = max((len(line) for panel in panels for line in panel.lines.values()), default=0)
    if best is not None and not 1 <= best <= epochs:
        raise Mismatch(where="training curves", what="best epoch", want=f"1 to {epochs}", have=str(best))
    is_beside = width >= _BESIDE and len(panels) > 1
    each = (width - _GAP * (len(panels) - 1)) / len(panels) if is_beside else width
    parts, below = [], 0.0
    for i, panel in enumerate(panels):
        drawn, height = _panel(panel, epochs, best, each)
        x, y = (i * (each + _GAP), 0.0) if is_beside else (0.0, below)
        parts.append(tag("g", *drawn, transform=f"translate({num(x)} {num(y)})" if x or y else None))
        below = max(below, height) if is_beside else y + height + 14
    names = ", ".join(panel.title for panel in panels)
    return document(width, max(below, 1.0), *parts, label=f"{names} over {epochs} epochs")


def _ends(panel: Panel) -> tuple[float, float]:
    """Lowest and highest number that is drawn, apart; logarithms for a logarithmic panel."""
    numbers = [float(v) for line in panel.lines.values() for v in line if math.isfinite(v)]
    if panel.is_log:
        if min(numbers, default=1.0) <= 0:
            have = number(min(numbers))
            raise Mismatch(where=panel.title, what="numbers on a logarithmic axis", want="above 0", have=have)
        numbers = [math.log10(v) for v in numbers]
    low, high = min(numbers, default=0.0), max(numbers, default=1.0)
    room = 0.06 * (high - low) or 0.1 * abs(high) or 0.5
    return low - room, high + room


def _marks(low: float, high: float, is_log: bool) -> list[float]:
    """Where grid lines run: round numbers, on a logarithmic axis 1, 2 and 5 times powers of ten."""
    if not is_log:
        return ticks(low, high, 4)
    powers = range(math.floor(low), math.ceil(high) + 1)
    tens = [float(p) for p in powers if low <= p <= high]
    if len(tens) >= 3:
        return tens
    marks = [p + step for p in powers for step in (0.0, math.log10(2), math.log10(5)) if low <= p + step <= high]
    return marks if len(marks) > 1 else ticks(low, high, 4)


def _panel(panel: Panel, epochs: int, best: int | None, width: float) -> tuple[list[str], float]:
    """Elements of one panel, and its height."""
    low, high = _ends(panel)
    marks = _marks(low, high, panel.is_log)

    def write(value: float) -> str:
        return number(10**value if panel.is_log else value)

    left = max((estimated_width(write(mark), SMALL) for mark in marks), default=0.0) + 10
    right = width - 6
    parts = [words(0, 15, shortened(panel.title, width), size=14, weight="600")]
    keys, rows = legend_rows([Key(name, PARTS.get(name, ACCENT)) for name in panel.lines], width)
    parts.append(tag("g", *keys, transform="translate(0 22)"))
    top = 22 + rows + (26.0 if best is not None else 8.0)
    across = Scale(1, epochs, left, right) if epochs > 1 else Scale(0, 2, left, right)
    up = Scale(low, high, top + _PLOT, top)
    parts += left_axis(up, left, right, values=marks, write=write)
    for name, line in panel.lines.items():
        values = [math.log10(v) if panel.is_log and math.isfinite(v) else float(v) for v in line]
        parts += _line(name, line, values, across, up)
    if best is not None:
        parts += _best(panel, best, across, up, left, right)
    base = top + _PLOT
    whole = sorted({round(v) for v in ticks(across.low, across.high, max(2, int((right - left) // 60)))} - {0})
    if epochs == 1:
        whole = [1]
    parts += bottom_axis(across, base, "epoch", values=whole)
    return parts, base + 42


def _line(name: str, written: Sequence[float], values: Sequence[float], across: Scale, up: Scale) -> list[str]:
    """One line, broken where there is no number, with a point for each number that stands alone."""
    ink = PARTS.get(name, ACCENT)
    runs: list[list[tuple[float, float]]] = [[]]
    for i, value in enumerate(values):
        if math.isfinite(value):
            runs[-1].append((across(i + 1), up(value)))
        elif runs[-1]:
            runs.append([])
    parts = []
    for run in runs:
        if len(run) > 1:
            d = "M" + "L".join(f"{num(x)} {num(y)}" for x, y in run)
            parts.append(tag("path", d=d, stroke=ink, stroke_width=2.0, stroke_linejoin="round", fill="none"))
        elif run:
            parts.append(tag("circle", cx=run[0][0], cy=run[0][1], r=2.6, fill=ink))
    if len(values) <= 200:  # places for a pointer to rest on
        for i, value in enumerate(values):
            if math.isfinite(value):
                said = tooltip(f"epoch {i + 1}: {name} {number(written[i])}")
                parts.append(tag("circle", said, cx=across(i + 1), cy=up(value), r=5, fill=ink, fill_opacity=0))
    return parts


def _best(panel: Panel, best: int, across: Scale, up: Scale, left: float, right: float) -> list[str]:
    """A line at the epoch that was kept, with its number on the last of the lines."""
    x = across(best)
    parts = [
        tag("path", d=f"M{num(x)} {num(up.end - 4)}V{num(up.start)}", stroke=INK, stroke_dasharray="2 3", fill="none")
    ]
    text = f"best: epoch {best}"
    name, line = list(panel.lines.items())[-1] if panel.lines else ("", [])
    value = float(line[best - 1]) if best <= len(line) else math.nan
    if math.isfinite(value):
        text += f", {name} {number(value)}"
        y = up(math.log10(value) if panel.is_log else value)
        ink = PARTS.get(name, ACCENT)
        parts.append(tag("circle", cx=x, cy=y, r=4.6, fill=ink, stroke=PAPER, stroke_width=1.6))
    half = estimated_width(text, SIZE) / 2
    parts.append(words(min(max(x, half), right - half), up.end - 9, text, anchor="middle"))
    return parts
