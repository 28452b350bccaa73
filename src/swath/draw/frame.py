"""Frame: axes of a plot with their ticks, names and grid lines, and text that is cut to the room there is."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from swath.draw.axis import number, ticks
from swath.draw.colours import GRID, MUTED
from swath.draw.font import estimated_width
from swath.draw.svg import SIZE, num, tag, words

__all__ = ["SMALL", "Scale", "bottom_axis", "left_axis", "shortened"]

#: Height of the text at axes [px].
SMALL: Final = 12.0
#: Least room between two numbers of an axis [px].
_BETWEEN: Final = 6.0


@dataclass(frozen=True, slots=True)
class Scale:
    """From numbers to pixels along one axis.

    Examples
    --------
    >>> Scale(0, 10, 100, 200)(2.5)
    125.0
    """

    #: Numbers at the two ends.
    low: float
    high: float
    #: Pixels there.
    start: float
    end: float

    def __call__(self, value: float) -> float:
        """Pixel of a number."""
        return self.start + (value - self.low) / (self.high - self.low) * (self.end - self.start)


def shortened(text: str, width: float, size: float = SIZE) -> str:
    """Cut the end of a text until it is about as wide as `width`, and show that it was.

    Examples
    --------
    >>> shortened("HerbaceousVegetation", 60)
    'Herbac…'
    """
    while len(text) > 1 and estimated_width(text, size) > width:
        text = text[:-2].rstrip() + "…" if text.endswith("…") else text[:-1].rstrip() + "…"
    return text


def bottom_axis(
    scale: Scale,
    at: float,
    name: str,
    *,
    values: Sequence[float] | None = None,
    write: Callable[[float], str] = number,
) -> list[str]:
    """Base line, ticks and the name of an axis below them; a tick without room for its number has none.

    Parameters
    ----------
    scale : Scale
        Of the axis, in pixels from left to right.
    at : float
        Pixel of the base line; 42 pixels below it are needed.
    name : str
        The quantity with its unit.
    values : sequence of float, optional
        Where ticks stand; round numbers otherwise.
    write : function
        Number -> text.
    """
    left, right = scale.start, scale.end
    parts = [tag("path", d=f"M{num(left)} {num(at)}H{num(right)}", stroke=GRID, fill="none")]
    marks = ticks(scale.low, scale.high, max(2, int((right - left) // 70))) if values is None else values
    placed = []
    free = math.inf
    for value in sorted(marks, reverse=True):  # from the right, so that the end of the axis keeps its number
        text = write(value)
        half = estimated_width(text, SMALL) / 2
        place = min(max(scale(value), left + half), right - half)
        if place + half <= free:
            placed.append((place, text))
            free = place - half - _BETWEEN
    for value in marks:
        parts.append(tag("path", d=f"M{num(scale(value))} {num(at)}v4", stroke=GRID, fill="none"))
    for place, text in reversed(placed):
        parts.append(words(place, at + 17, text, size=SMALL, fill=MUTED, anchor="middle"))
    parts.append(words(left, at + 35, shortened(name, right - left, SMALL), size=SMALL, fill=MUTED))
    return parts


def left_axis(
    scale: Scale, left: float, right: float, *, values: Sequence[float], write: Callable[[float], str] = number
) -> list[str]:
    """Grid lines from `left` to `right`, each with its number to the left of it.

    Parameters
    ----------
    scale : Scale
        Of the axis, in pixels from bottom to top.
    left, right : float
        Pixels between which the lines run.
    values : sequence of float
        Where they run.
    write : function
        Number -> text.
    """
    parts = []
    for value in values:
        y = scale(value)
        parts.append(tag("path", d=f"M{num(left)} {num(y)}H{num(right)}", stroke=GRID, fill="none"))
        parts.append(words(left - 7, y + 4, write(value), size=SMALL, fill=MUTED, anchor="end"))
    return parts
