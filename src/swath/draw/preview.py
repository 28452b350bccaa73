"""Preview: a class map as a picture that explains itself: title, colours with names, scale bar, what is missing.

A small map is enlarged by a whole factor, nothing is interpolated. Where there is no class a checker of greys stands,
which no class has. Knows arrays and a legend, no files.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import numpy as np
from PIL import Image, ImageDraw

from swath.core.array import Array
from swath.core.errors import Mismatch
from swath.core.legends import Legend
from swath.draw.colours import CHECKER, INK, MUTED, PAPER
from swath.draw.font import fit, load_font, wrapped
from swath.draw.legend import Key, legend_strip
from swath.draw.picture import enlarge, png

__all__ = ["class_picture", "map_preview", "round_length"]

_MARGIN, _TITLE, _LINE, _BAR = 24, 30, 21, 40
#: Least width of the page: room for names.
_LEAST: Final = 640
#: A map with longer sides than this is not enlarged.
_SIDE: Final = 800


def round_length(most: float) -> float:
    """The largest 1, 2 or 5 times a power of ten that is no more than `most`.

    Examples
    --------
    >>> round_length(1340), round_length(999), round_length(0.07)
    (1000.0, 500.0, 0.05)
    """
    unit = 10.0 ** math.floor(math.log10(most))
    return float(max(step for step in (1, 2, 5) if step * unit <= most * (1 + 1e-9)) * unit)


def class_picture(codes: Array, legend: Legend, *, shown: Sequence[int]) -> Array:
    """Colours of a class map.

    Parameters
    ----------
    codes : integer array, shape (h, w)
        Codes of the legend; whatever is not in `shown` is drawn as missing.
    legend : Legend
        Their colours.
    shown : sequence of int
        Codes that are classes.

    Returns
    -------
    uint8 array, shape (h, w, 3)
    """
    h, w = codes.shape
    rows, cols = np.ogrid[:h, :w]
    greys = np.array(CHECKER, np.uint8)[((rows // 4) + (cols // 4)) % 2]
    picture = np.repeat(greys[..., None], 3, axis=2)
    held = {each.code: each.rgb for each in legend.classes}
    for code in shown:
        picture[codes == code] = held[code]
    return picture


def map_preview(
    picture: Array, keys: Sequence[Key], *, metres: float | None, title: str, notes: Sequence[str] = ()
) -> bytes:
    """Draw the page.

    Parameters
    ----------
    picture : uint8 array, shape (h, w, 3)
        The map's colours.
    keys : sequence of Key
        Entries of the legend.
    metres : float or None
        Ground that a pixel of the picture covers, across; None = unknown, and no scale bar.
    title : str
        What is shown.
    notes : sequence of str
        Lines below it.

    Returns
    -------
    bytes
        PNG.

    Raises
    ------
    Mismatch
        `picture` is no picture.
    """
    if picture.ndim != 3 or picture.shape[2] != 3 or picture.dtype != np.uint8 or 0 in picture.shape:
        raise Mismatch(where="preview", what="picture", want="uint8 (h, w, 3)", have=str(picture.shape))
    factor = max(1, _SIDE // max(picture.shape[:2]))
    shown = enlarge(picture, factor)
    h, w = shown.shape[:2]
    width = max(w, _LEAST)
    strip = legend_strip(keys, width=width)
    lines = [line for note in notes for line in wrapped(note, width, 15)]
    bar = _BAR if metres is not None else 0
    tall = _MARGIN + _TITLE + h + 12 + bar + strip.shape[0] + 8 + _LINE * len(lines) + _MARGIN
    page = Image.new("RGB", (width + 2 * _MARGIN, tall), PAPER)
    pen = ImageDraw.Draw(page)
    bold, plain = load_font(16, is_bold=True), load_font(13)
    pen.text((_MARGIN, _MARGIN), fit(title, width, bold), fill=INK, font=bold)
    y = _MARGIN + _TITLE
    page.paste(Image.fromarray(np.ascontiguousarray(shown)), (_MARGIN, y))
    y += h + 12
    if metres is not None:
        _scale_bar(pen, _MARGIN, y, metres / factor, w)
        y += bar
    page.paste(Image.fromarray(strip), (_MARGIN, y))
    y += strip.shape[0] + 8
    for line in lines:
        pen.text((_MARGIN, y), fit(line, width, plain), fill=MUTED, font=plain)
        y += _LINE
    return png(np.asarray(page))


def _scale_bar(pen: ImageDraw.ImageDraw, x: int, y: int, metres: float, width: int) -> None:
    """A bar of about a quarter of the map, half of it filled, with its length."""
    length = round_length(max(width / 3 * metres, metres))
    pixels = round(length / metres)
    pen.rectangle((x, y, x + pixels, y + 7), outline=INK, fill=PAPER)
    pen.rectangle((x, y, x + pixels // 2, y + 7), fill=INK)
    said = f"{length / 1000:g} km" if length >= 1000 else f"{length:g} m"
    pen.text((x + pixels + 8, y - 4), said, fill=INK, font=load_font(13))
