"""Reliability: accuracy against confidence, and how many samples stand behind each point.

A model whose points lie on the diagonal is right as often as it says. Several curves (before and after a temperature)
share one plot. Binning and errors are somebody else's (`evaluate.calibration`); here they are only shown.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from swath.core.array import Array
from swath.core.errors import Mismatch
from swath.draw.axis import number, share
from swath.draw.colours import ACCENT, GRID, MUTED, OTHER, PAPER, WARNING
from swath.draw.frame import SMALL, Scale, bottom_axis, left_axis, shortened
from swath.draw.legend import Key, legend_rows
from swath.draw.svg import document, num, tag, tooltip, words

__all__ = ["ReliabilityCurve", "reliability_plot"]

#: Of the first curve, the second, ...; a single one has the accent.
_INKS: Final = (OTHER, ACCENT, WARNING)
_BARS: Final = 34.0  # height of the counts [px]


@dataclass(frozen=True, slots=True, eq=False)
class ReliabilityCurve:
    """One curve of the plot."""

    #: What it is, with its error: "before, error 0.081".
    name: str
    #: Mean confidence, share of right answers, and samples of each bin, shape (bins,) each.
    confidence: Array
    accuracy: Array
    count: Array


def _percent(value: float) -> str:
    return f"{100 * value:.0f} %"


def reliability_plot(curves: Sequence[ReliabilityCurve], *, width: float = 420) -> str:
    """Draw accuracy against confidence, with the diagonal, and the samples of each bin below.

    Parameters
    ----------
    curves : sequence of ReliabilityCurve
        At most three, the one that counts last.
    width : float
        Pixels; the plot is a square of at most 440.

    Returns
    -------
    str
        SVG. Both axes begin at the same round number below all points.

    Raises
    ------
    Mismatch
        More than three curves, or numbers of a curve are not of one length.

    Examples
    --------
    >>> one = ReliabilityCurve("as trained", np.array([0.6, 0.9]), np.array([0.5, 0.8]), np.array([10, 10]))
    >>> reliability_plot([one]).count("<circle")
    2
    """
    if len(curves) > len(_INKS):
        raise Mismatch(where="reliability plot", what="curves", want=f"at most {len(_INKS)}", have=str(len(curves)))
    for each in curves:
        if not len(each.confidence) == len(each.accuracy) == len(each.count):
            have = f"{len(each.confidence)}, {len(each.accuracy)} and {len(each.count)}"
            raise Mismatch(where=f"reliability plot, {each.name}", what="lengths", want="all alike", have=have)
    inks = _INKS[-len(curves) :] if len(curves) > 2 else (ACCENT,) if len(curves) == 1 else _INKS[:2]
    keys, legend_height = legend_rows([Key(c.name, ink) for c, ink in zip(curves, inks, strict=True)], width)
    numbers = [float(v) for each in curves for held in (each.confidence, each.accuracy) for v in held]
    low = min(math.floor(10 * min(numbers, default=0.0) - 0.2) / 10, 0.9)
    low = max(low, 0.0)
    left, right = 50.0, min(width, 490.0) - 12
    top = legend_height + 34.0
    side = right - left
    across, up = Scale(low, 1.0, left, right), Scale(low, 1.0, top + side, top)
    values = [round(v, 1) for v in np.arange(low, 1.01, 0.1 if low >= 0.5 else 0.2)]
    parts = [*keys, words(0, top - 15, "right answers", size=SMALL, fill=MUTED)]
    parts += left_axis(up, left, right, values=values, write=_percent)
    diagonal = f"M{num(left)} {num(top + side)}L{num(right)} {num(top)}"
    parts.append(tag("path", d=diagonal, stroke=MUTED, stroke_dasharray="3 4", fill="none"))
    for each, ink in zip(curves, inks, strict=True):
        parts += _points(each, ink, across, up)
    bars = top + side + 12
    most = max((int(c.count.max()) for c in curves if len(c.count)), default=0)
    for k, (each, ink) in enumerate(zip(curves, inks, strict=True)):
        parts += _counts(each, ink, across, bars + k * (_BARS + 3), most)
    base = bars + len(curves) * (_BARS + 3) + 3
    parts += bottom_axis(across, base, "", values=values, write=_percent)[:-1]
    name = f"confidence · bars: samples a bin, up to {number(most)}"
    parts.append(words(0, base + 35, shortened(name, width, SMALL), size=SMALL, fill=MUTED))
    return document(width, base + 42, *parts, label="Accuracy against confidence: " + "; ".join(c.name for c in curves))


def _points(curve: ReliabilityCurve, ink: str, across: Scale, up: Scale) -> list[str]:
    places = [(across(float(c)), up(float(a))) for c, a in zip(curve.confidence, curve.accuracy, strict=True)]
    if not places:
        return []
    line = "M" + "L".join(f"{num(x)} {num(y)}" for x, y in places)
    parts = [tag("path", d=line, stroke=ink, stroke_width=1.8, stroke_linejoin="round", fill="none")]
    for (x, y), c, a, n in zip(places, curve.confidence, curve.accuracy, curve.count, strict=True):
        said = f"{curve.name}: confidence {share(c, 1)}, right {share(a, 1)}, {number(int(n))} samples"
        parts.append(tag("circle", tooltip(said), cx=x, cy=y, r=3.6, fill=ink, stroke=PAPER, stroke_width=1.2))
    return parts


def _counts(curve: ReliabilityCurve, ink: str, across: Scale, top: float, most: int) -> list[str]:
    ground = tag("path", d=f"M{num(across.start)} {num(top + _BARS)}H{num(across.end)}", stroke=GRID, fill="none")
    rects = []
    for c, n in zip(curve.confidence, curve.count, strict=True):
        tall = _BARS * float(n) / max(most, 1)
        rects.append(tag("rect", x=across(float(c)) - 1.5, y=top + _BARS - tall, width=3, height=tall, fill=ink))
    return [ground, *rects]
