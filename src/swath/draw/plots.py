"""Plots: histogram of a band, bars of classes, distances from test to train, each a small drawing in SVG.

Drawn at the size at which they are shown, so that letters stay legible on a phone: ask for a width, do not scale. Every
axis carries the name of its quantity. Counting is done elsewhere (`corpus.statistics`); here it is only shown.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import numpy as np

from swath.core.array import Array
from swath.core.errors import Mismatch
from swath.draw.axis import metres as metres_text
from swath.draw.axis import number, share
from swath.draw.colours import ACCENT, INK, MUTED, PAPER, WARNING
from swath.draw.font import estimated_width
from swath.draw.frame import SMALL, Scale, bottom_axis, shortened
from swath.draw.svg import SIZE, document, num, tag, tooltip, words

__all__ = ["bars", "distances", "histogram", "visible_bars"]

#: Most bars of a histogram.
_MOST_BARS: Final = 64
#: Share of the numbers beyond each end that may be left out of the picture, and is then said.
_TAIL: Final = 0.0005
#: Room that a power of ten with its label needs [px].
_DECADE: Final = 56.0
_NOTHING: Final = "no valid numbers"


def visible_bars(edges: Array, counts: Array) -> tuple[Array, Array]:
    """Edges and counts of the bars that are drawn: at most 64, without ends that hold less than 0.05 % each."""
    total = counts.sum()
    below = np.cumsum(counts)
    first = int(np.searchsorted(below, _TAIL * total, side="right"))
    last = int(np.searchsorted(below, (1.0 - _TAIL) * total, side="left"))
    first, last = min(first, len(counts) - 1), min(max(last, first), len(counts) - 1)
    group = -(-(last - first + 1) // _MOST_BARS)
    starts = np.arange(first, last + 1, group)
    drawn = np.add.reduceat(counts[first : last + 1], starts - first)
    cut = np.append(edges[starts], edges[last + 1])
    return cut, drawn


def histogram(
    edges: Array,
    counts: Array,
    *,
    axis: str,
    title: str = "",
    note: str = "",
    under: float = 0,
    over: float = 0,
    colour: str = ACCENT,
    width: float = 320,
    height: float = 172,
) -> str:
    """Draw how often which number occurs.

    Parameters
    ----------
    edges : float array, shape (k + 1,)
        Rising; bins may be of unequal width, and then heights are per unit of the axis.
    counts : array, shape (k,)
        Numbers in each bin.
    axis : str
        Quantity with its unit, written below the axis.
    title, note : str
        Above, to the left and to the right: the band, and what else is worth knowing of it.
    under, over : float
        Numbers below the first edge and above the last.
    colour : str
        `#rrggbb`.
    width, height : float
        Pixels.

    Returns
    -------
    str
        SVG. Ends that hold less than 0.05 % each are cut off; what is left out is written above.

    Raises
    ------
    Mismatch
        There is not one edge more than counts, or edges do not rise.

    Examples
    --------
    >>> histogram(np.array([0.0, 1.0, 2.0]), np.array([3, 1]), axis="toa reflectance").count("<rect")
    2
    """
    edges, counts = np.asarray(edges, float), np.asarray(counts, float)
    if len(edges) != len(counts) + 1 or not len(counts) or not (np.diff(edges) > 0).all():
        have = f"{len(edges)} edges for {len(counts)} counts"
        raise Mismatch(where=f"histogram {title}".strip(), what="edges", want="one more than counts, rising", have=have)
    left, right, top, base = 1.0, width - 1.0, 30.0, height - 42.0
    total = counts.sum() + under + over
    parts = [words(left, 15, title, size=14, weight="600")] if title else []
    if not counts.any():
        parts.append(words(width / 2, (top + base) / 2, _NOTHING, fill=MUTED, anchor="middle"))
        return document(width, height, *parts, label=f"{title}: {_NOTHING}")
    cut, drawn = visible_bars(edges, counts)
    low, high = float(cut[0]), float(cut[-1])
    across = (right - left) / (high - low)
    tall = drawn / np.diff(cut)
    tall = (base - top) * tall / tall.max()
    rects = []
    for i, count in enumerate(drawn):
        if not count:
            continue
        x, wide = left + (cut[i] - low) * across, (cut[i + 1] - cut[i]) * across
        said = f"{number(cut[i])} to {number(cut[i + 1])}: {share(count, total)}"
        gap = 0.6 if wide > 3 else 0.0
        up = max(tall[i], 0.7)
        rects.append(tag("rect", tooltip(said), x=x, y=base - up, width=wide - gap, height=up))
    parts.append(tag("g", *rects, fill=colour))
    parts += bottom_axis(Scale(low, high, left, right), base, axis)
    left_out = total - drawn.sum()
    if left_out > 0:
        said = "middle 99.9 %" if left_out <= 2 * _TAIL * total else f"{share(left_out, total)} beyond"
        note = f"{note} · {said}" if note else said
    if note:
        parts.append(words(right, 15, shortened(note, right - left - 60), size=SMALL, fill=MUTED, anchor="end"))
    return document(width, height, *parts, label=f"Histogram of {title or axis}")


def bars(
    names: Sequence[str],
    counts: Sequence[float],
    *,
    colours: Sequence[str] | None = None,
    unit: str = "samples",
    width: float = 640,
) -> str:
    """Draw one bar a class, with its count beside it.

    Parameters
    ----------
    names, counts : sequence, length k
    colours : sequence of str, optional
        `#rrggbb`, one a bar; the accent otherwise.
    unit : str
        What is counted.
    width : float
        Pixels; the height follows from k.

    Raises
    ------
    Mismatch
        Names, counts and colours are not of one length.

    Examples
    --------
    >>> "1,200" in bars(["Forest", "River"], [1200, 90])
    True
    """
    inks = [ACCENT] * len(names) if colours is None else list(colours)
    if not len(names) == len(counts) == len(inks):
        have = f"{len(names)}, {len(counts)} and {len(inks)}"
        raise Mismatch(where="bars", what="lengths", want="names, counts and colours alike", have=have)
    most, total = max(counts, default=0), sum(counts)
    row, gap = 25.0, 8.0
    left = min(max((estimated_width(name, SIZE) for name in names), default=0.0), width * 0.42) + gap
    end = max((estimated_width(number(count), SIZE) for count in counts), default=0.0) + gap
    parts = []
    for i, (name, count, ink) in enumerate(zip(names, counts, inks, strict=True)):
        y = i * row
        long = (width - left - end) * (count / most if most else 0)
        said = tooltip(f"{name}: {number(count)} {unit}, {share(count, total)}")
        parts.append(words(left - gap, y + 16, shortened(name, left - gap), anchor="end"))
        parts.append(tag("rect", said, x=left, y=y + 4, width=max(long, 1.0), height=row - 9, rx=1.5, fill=ink))
        parts.append(words(left + max(long, 1.0) + gap - 2, y + 16, number(count), fill=MUTED))
    label = f"{number(total)} {unit} in {len(names)} classes"
    return document(width, max(len(names) * row, 1.0), *parts, label=label)


def distances(
    metres: Array, *, marks: Sequence[float] = (1000.0, 5000.0), width: float = 640, height: float = 230
) -> str:
    """Draw how far each test sample is from the nearest train sample, on a logarithmic axis.

    Parameters
    ----------
    metres : float array, shape (n,)
        Metres; less than one metre is drawn as one, NaN left out.
    marks : sequence of float
        Distances [m] below which the share is written; bars below the first are in the warning colour.
    width, height : float
        Pixels.

    Returns
    -------
    str
        SVG.

    Examples
    --------
    >>> "50 % nearer than 1 km" in distances(np.array([10.0, 20_000.0]))
    True
    """
    far = np.asarray(metres, float)
    far = far[np.isfinite(far)]
    left, right, base = 1.0, width - 1.0, height - 42.0
    if not far.size:
        text = words(width / 2, height / 2, "no distances known", fill=MUTED, anchor="middle")
        return document(width, height, text, label="No distances known")
    reach = np.log10(np.maximum(far, 1.0))
    low = min(math.floor(reach.min()), math.floor(math.log10(min(marks, default=1000.0))) - 1)
    low, high = max(low, 0), max(math.ceil(reach.max()), math.ceil(math.log10(max(marks, default=1000.0))))
    top = 12.0 + 19.0 * len(marks)
    bins = 8 * (high - low)
    counts, edges = np.histogram(np.clip(reach, low, high), bins=bins, range=(low, high))
    across = (right - left) / (high - low)
    near = math.log10(marks[0]) if marks else -math.inf
    lines, parts, rects = [], [], []
    for i, count in enumerate(counts):
        if not count:
            continue
        up = (base - top) * count / counts.max()
        ends = f"{metres_text(10 ** edges[i])} to {metres_text(10 ** edges[i + 1])}"
        rects.append(
            tag(
                "rect",
                tooltip(f"{ends}: {share(count, far.size)} of the test samples"),
                x=left + (edges[i] - low) * across,
                y=base - up,
                width=across * (edges[i + 1] - edges[i]) - 1,
                height=up,
                fill=WARNING if edges[i + 1] <= near + 1e-9 else ACCENT,
            )
        )
    for k, mark in enumerate(marks):
        x, y = left + (math.log10(mark) - low) * across, 14.0 + 19.0 * k
        lines.append(
            tag("path", d=f"M{num(x)} {num(y + 5)}V{num(base)}", stroke=INK, stroke_dasharray="2 3", fill="none")
        )
        said = f"{share(int((far < mark).sum()), far.size)} nearer than {metres_text(mark)}"
        half = estimated_width(said, SIZE) / 2
        parts.append(words(min(max(x, left + half), right - half), y, said, anchor="middle", halo=PAPER))
    axis = bottom_axis(
        Scale(low, high, left, right),
        base,
        "distance to the nearest train sample [m, log]",
        values=range(low, high + 1, 1 if across > _DECADE else 2),
        write=lambda power: metres_text(10.0**power),
    )
    return document(
        width, height, *axis, *rects, *lines, *parts, label="Distances from test samples to the nearest train sample"
    )
