"""Overlay: one band's histogram in several parts of a split, so that a shift between them is seen at once.

Each part is drawn to the same area, the first as a filled shape and the others as outlines, in the colours that parts
have everywhere. Counting is done elsewhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from swath.core.array import Array
from swath.core.errors import Mismatch
from swath.draw.axis import number
from swath.draw.colours import ACCENT, MUTED, PARTS
from swath.draw.frame import SMALL, Scale, bottom_axis, shortened
from swath.draw.plots import visible_bars
from swath.draw.svg import document, num, tag, tooltip, words

__all__ = ["Counted", "overlay"]


@dataclass(frozen=True, slots=True, eq=False)
class Counted:
    """How often which number occurs in one part."""

    #: Of the part: `train`, `test`.
    name: str
    #: Rising edges, float (k + 1,), and numbers between them, (k,).
    edges: Array
    counts: Array


def overlay(
    parts: Sequence[Counted],
    *,
    axis: str,
    title: str = "",
    note: str = "",
    width: float = 320,
    height: float = 172,
) -> str:
    """Draw histograms of several parts over one another.

    Parameters
    ----------
    parts : sequence of Counted
        The first is filled. Their edges may differ.
    axis : str
        Quantity with its unit, written below the axis.
    title, note : str
        Above, to the left and to the right.
    width, height : float
        Pixels.

    Returns
    -------
    str
        SVG. Ends that hold less than 0.05 % of all parts are cut off.

    Raises
    ------
    Mismatch
        There is not one edge more than counts.

    Examples
    --------
    >>> edges = np.arange(4.0)
    >>> drawn = overlay([Counted("train", edges, np.array([1, 2, 1])), Counted("test", edges, np.ones(3))], axis="toa")
    >>> drawn.count("<path") >= 2, "train: 4 numbers" in drawn
    (True, True)
    """
    for each in parts:
        if len(each.edges) != len(each.counts) + 1:
            have = f"{len(each.edges)} edges for {len(each.counts)} counts"
            raise Mismatch(where=f"histogram of {each.name}", what="edges", want="one more than counts", have=have)
    left, right, top, base = 1.0, width - 1.0, 30.0, height - 42.0
    marks = [words(left, 15, title, size=14, weight="600")] if title else []
    if note:
        marks.append(words(right, 15, shortened(note, right - left - 60), size=SMALL, fill=MUTED, anchor="end"))
    full = [each for each in parts if each.counts.sum() > 0]
    if not full:
        marks.append(words(width / 2, (top + base) / 2, "no valid numbers", fill=MUTED, anchor="middle"))
        return document(width, height, *marks, label=f"{title}: no valid numbers")
    edges = np.asarray(full[0].edges, float)
    shares = [np.diff(_below(each, edges)) for each in full]
    cut, _ = visible_bars(edges, np.sum(shares, axis=0))
    tall = [np.diff(_below(each, cut)) / np.diff(cut) for each in full]
    across = Scale(float(cut[0]), float(cut[-1]), left, right)
    up = Scale(0.0, max(float(each.max()) for each in tall) or 1.0, base, top)
    drawn = []
    for i, (each, heights) in enumerate(zip(full, tall, strict=True)):
        ink = PARTS.get(each.name, ACCENT)
        steps = "".join(
            f"L{num(across(float(a)))} {num(up(float(h)))}L{num(across(float(b)))} {num(up(float(h)))}"
            for a, b, h in zip(cut[:-1], cut[1:], heights, strict=True)
        )
        d = f"M{num(left)} {num(base)}{steps}L{num(right)} {num(base)}"
        said = tooltip(f"{each.name}: {number(float(each.counts.sum()))} numbers")
        if i == 0:
            drawn.append(tag("path", said, d=f"{d}z", fill=ink, fill_opacity=0.55))
        else:
            drawn.append(tag("path", said, d=d, stroke=ink, stroke_width=1.6, stroke_linejoin="round", fill="none"))
    marks += drawn + bottom_axis(across, base, axis)
    return document(width, height, *marks, label=f"Histograms of {title or axis}: {', '.join(p.name for p in full)}")


def _below(part: Counted, at: Array) -> Array:
    """Share of a part's numbers below each edge, as if they lay evenly in their bins."""
    summed = np.append(0.0, np.cumsum(np.asarray(part.counts, float)))
    return np.asarray(np.interp(at, np.asarray(part.edges, float), summed / summed[-1]))
