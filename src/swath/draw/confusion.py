"""Confusion picture: which class was taken for which, shaded by the share of the row, from two classes to fifty.

Rows are the truth. Right answers are shaded in the accent colour, wrong ones in the warning colour, so that mistakes
stand out beside a full diagonal. Numbers are written where they are legible, else shares in per cent, else none; rows
keep the height of a line of text, so that every class can be read by name.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import numpy as np

from swath.core.array import Array
from swath.core.errors import Mismatch
from swath.draw.axis import number, share
from swath.draw.colours import ACCENT, GRID, INK, MUTED, PAPER, WARNING
from swath.draw.font import estimated_width, wrapped
from swath.draw.frame import SMALL, shortened
from swath.draw.svg import document, num, tag, tooltip, words

__all__ = ["confusion_matrix"]

#: Text in cells [px], and the least room of a row, of a column with its name, and of a cell with a number.
_TEXT: Final = 11.75
_ROW, _COLUMN, _CELL = 17.0, 15.0, 18.0
_MOST: Final = 46.0


def _shade(colour: str, strength: float) -> str:
    """The colour on white paper, as strong as 0..1."""
    mixed = (round(255 + (int(colour[i : i + 2], 16) - 255) * strength) for i in (1, 3, 5))
    return "#" + "".join(f"{each:02x}" for each in mixed)


def _ink_on(ground: str) -> str:
    """Black or white, whichever is read more easily."""
    light = [
        v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4
        for v in (int(ground[i : i + 2], 16) / 255 for i in (1, 3, 5))
    ]
    return INK if 0.2126 * light[0] + 0.7152 * light[1] + 0.0722 * light[2] > 0.28 else PAPER


def _written(counts: Array, wide: float) -> tuple[str, str]:
    """What stands in the cells, `counts`, `shares` or nothing, and the sentence that says so."""
    shade = "shade: share of the row"
    if max(estimated_width(number(int(each)), _TEXT) for each in counts.flat) <= wide - 3:
        return "counts", f"numbers: counts · {shade}"
    if wide >= _CELL:
        return "shares", f"numbers: per cent of the row · {shade}"
    return "", shade


def _percent(count: int, total: int) -> str:
    """Whole per cent, of which little is not 0 and nearly all is not 100."""
    if 0 < count < total:
        percent = round(100 * count / total)
        return str(min(percent, 99)) if percent else "<1"
    return "0" if not count else "100"


def _head(name: str, x: float, bottom: float) -> str:
    """A name that stands upright over its column."""
    return tag("g", words(0, 0, name, size=SMALL), transform=f"translate({num(x + 4.2)} {num(bottom)}) rotate(-90)")


def confusion_matrix(counts: Array, names: Sequence[str], *, width: float = 640) -> str:
    """Draw a confusion matrix.

    Parameters
    ----------
    counts : int array, shape (k, k)
        Rows truth, columns predicted.
    names : sequence of str, length k
        In the order of rows and columns.
    width : float
        Pixels; the height follows from k.

    Returns
    -------
    str
        SVG. Shades grow with the square root of the share, so that a mistake in a hundred can be seen.

    Raises
    ------
    Mismatch
        There is not one name a row and column.

    Examples
    --------
    >>> drawn = confusion_matrix(np.array([[9, 1], [0, 5]]), ["Forest", "River"])
    >>> "Forest taken for River: 1 of 10 samples, 10 %" in drawn
    True
    """
    k, held = len(names), np.asarray(counts)
    if held.shape != (k, k):
        raise Mismatch(where="confusion matrix", what="shape", want=f"({k}, {k})", have=str(held.shape))
    if not k:
        return document(width, 1, label="Confusion matrix of no classes")
    longest = max(estimated_width(name, SMALL) for name in names)
    left = min(longest + 16, max(width * 0.34, 90))
    column = min((width - left - 1) / k, _MOST * 1.6)
    is_named = column >= _COLUMN
    if not is_named:  # columns too narrow for names: rows and columns are numbered
        left = min(longest + 16 + estimated_width(f"{k}. ", SMALL), max(width * 0.4, 130))
        column = (width - left - 1) / k
    row = min(max(column * 0.62, _ROW), 34.0)
    is_flat = column >= longest + 8
    head = 18.0 if is_flat or not is_named else min(longest, 155.0) + 8
    top = 22.0 + head
    kind, said = _written(held, column)
    parts = [words(left, 14, "predicted", size=SMALL, fill=MUTED), words(0, top - 6, "truth", size=SMALL, fill=MUTED)]
    for i, name in enumerate(names):
        text = name if is_named else f"{i + 1}. {name}"
        base = top + row * i + row / 2 + 4.2
        parts.append(words(left - 8, base, shortened(text, left - 14, SMALL), size=SMALL, anchor="end"))
        x = left + column * (i + 0.5)
        if is_flat:
            parts.append(words(x, top - 6, name, size=SMALL, anchor="middle"))
        elif is_named:
            parts.append(_head(shortened(name, head - 8, SMALL), x, top - 6))
        elif i == 0 or (i + 1) % max(5, 5 * math.ceil(18 / (5 * column))) == 0:
            parts.append(words(x, top - 6, str(i + 1), size=SMALL, fill=MUTED, anchor="middle"))
    parts += _cells(held, names, kind, left, top, column, row)
    parts.append(tag("rect", x=left, y=top, width=column * k, height=row * k, fill="none", stroke=GRID))
    bottom = top + row * k
    for line in wrapped(said, width - left if width - left > 200 else width, SMALL):
        bottom += 18
        parts.append(words(left if width - left > 200 else 0, bottom, line, size=SMALL, fill=MUTED))
    right = share(int(np.trace(held)), int(held.sum()))
    label = f"Confusion matrix of {k} classes, {number(int(held.sum()))} samples, {right} right"
    return document(width, bottom + 6, *parts, label=label)


def _cells(
    counts: Array, names: Sequence[str], kind: str, left: float, top: float, column: float, row: float
) -> list[str]:
    """Shaded cells with their numbers; cells that nothing fell into are left out."""
    parts, texts = [], []
    totals = counts.sum(axis=1)
    gap = 1.0 if column > 8 else 0.0
    for i, j in zip(*np.nonzero(counts), strict=True):
        count, total = int(counts[i, j]), int(totals[i])
        said = f"{names[i]} taken for {names[j]}" if i != j else f"{names[i]} found"
        ground = _shade(ACCENT if i == j else WARNING, math.sqrt(count / total))
        x, y = left + column * j, top + row * i
        note = tooltip(f"{said}: {number(count)} of {number(total)} samples, {share(count, total)}")
        parts.append(tag("rect", note, x=x, y=y, width=column - gap, height=row - gap, fill=ground))
        text = {"counts": number(count), "shares": _percent(count, total)}.get(kind, "")
        if text:
            place = (x + (column - gap) / 2, y + row / 2 + 3.9)
            texts.append(words(*place, text, size=_TEXT, fill=_ink_on(ground), anchor="middle"))
    return parts + texts
