"""Legend strip: the colours of classes or parts with their names, as SVG or as pixels.

Names flow into as many rows as the width needs, in the order given. The classes themselves live in `core.legends`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from PIL import Image, ImageDraw

from swath.core.array import Array
from swath.core.legends import Legend
from swath.draw.colours import INK, PAPER
from swath.draw.font import estimated_width, fit, load_font
from swath.draw.svg import SIZE, document, tag, words

__all__ = ["Key", "keys_of", "legend_rows", "legend_strip", "legend_svg"]

#: Pixels: side of a chip, from chip to name, from one entry to the next, height of a row.
_CHIP, _SPACE, _GAP, _ROW = 11.0, 6.0, 16.0, 21.0
_FONT_SIZE: Final = 13


@dataclass(frozen=True, slots=True)
class Key:
    """One entry of a legend strip."""

    #: What the colour means.
    name: str
    #: `#rrggbb`.
    colour: str


def keys_of(legend: Legend, *, codes: Sequence[int] | None = None) -> tuple[Key, ...]:
    """Entries of a legend, all its classes or only those of `codes`.

    Examples
    --------
    >>> from swath.core.legends import legend
    >>> keys_of(legend("eurosat"), codes=[1])
    (Key(name='Forest', colour='#1b6e2c'),)
    """
    wanted = legend.codes if codes is None else tuple(codes)
    return tuple(Key(c.name, f"#{c.colour}") for c in legend.classes if c.code in wanted)


def _places(widths: Sequence[float], width: float) -> tuple[list[tuple[float, int]], int]:
    """(x, row) of each entry, and the number of rows."""
    places: list[tuple[float, int]] = []
    x, row = 0.0, 0
    for each in widths:
        if x and x + each > width:
            x, row = 0.0, row + 1
        places.append((x, row))
        x += each + _GAP
    return places, row + 1 if widths else 0


def legend_rows(keys: Sequence[Key], width: float) -> tuple[list[str], float]:
    """Elements of the strip for use inside another drawing, and their height [px]."""
    widths = [_CHIP + _SPACE + estimated_width(key.name, SIZE) for key in keys]
    places, rows = _places(widths, width)
    parts = []
    for key, (x, row) in zip(keys, places, strict=True):
        y = row * _ROW
        parts.append(tag("rect", x=x, y=y + 5, width=_CHIP, height=_CHIP, rx=2.0, fill=key.colour))
        parts.append(words(x + _CHIP + _SPACE, y + 15, key.name))
    return parts, rows * _ROW


def legend_svg(keys: Sequence[Key], *, width: float = 640) -> str:
    """The strip as a drawing of its own.

    Examples
    --------
    >>> legend_svg([Key("Forest", "#1b6e2c")]).count("<rect")
    1
    """
    parts, height = legend_rows(keys, width)
    return document(width, max(height, 1.0), *parts, label="Legend: " + ", ".join(key.name for key in keys))


def legend_strip(keys: Sequence[Key], *, width: int = 640, size: int = _FONT_SIZE) -> Array:
    """The strip as pixels, to be put under a map.

    Returns
    -------
    uint8 array, shape (h, width, 3)
        As many rows as the names need; a name wider than `width` ends in an ellipsis.
    """
    font = load_font(size)
    chip = round(size * 0.85)
    names = [fit(key.name, width - chip - _SPACE, font) for key in keys]
    places, rows = _places([chip + _SPACE + font.getlength(name) for name in names], width)
    pitch = round(size * 1.7)
    image = Image.new("RGB", (width, max(rows * pitch, 1)), PAPER)
    pen = ImageDraw.Draw(image)
    for key, name, (x, row) in zip(keys, names, places, strict=True):
        top = row * pitch + (pitch - chip) // 2
        pen.rectangle((round(x), top, round(x) + chip - 1, top + chip - 1), fill=key.colour)
        pen.text((round(x + chip + _SPACE), row * pitch + pitch // 2), name, fill=INK, font=font, anchor="lm")
    return np.asarray(image)
