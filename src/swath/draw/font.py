"""Font: letters for pictures made of pixels, and how wide text is.

DejaVu Sans, from the files that come with matplotlib (no import of it), because Pillow's own letters stop at ASCII.
SVG text is set in whatever the reader's system has, so its width can only be estimated, and is, on the generous side.
"""

from __future__ import annotations

import functools
import importlib.util
from pathlib import Path
from typing import Final

from PIL import ImageFont

from swath.core.errors import Refused

__all__ = ["estimated_width", "fit", "load_font", "wrapped"]

#: Widths in em: narrow letters, wide ones, the widest, all others.
_NARROW, _WIDE = frozenset("iljt.,:;'|!()[] /-"), frozenset("ABCDEGHKNOPQRUVXYZ&")
_WIDEST: Final = frozenset("mwMW%@")
_EMS: Final = (0.35, 0.72, 0.95, 0.6)


@functools.cache
def load_font(size: int, *, is_bold: bool = False) -> ImageFont.FreeTypeFont:
    """DejaVu Sans of `size` pixels.

    Raises
    ------
    Refused
        matplotlib, which ships it, is not installed whole.
    """
    spec = importlib.util.find_spec("matplotlib")
    name = "DejaVuSans-Bold.ttf" if is_bold else "DejaVuSans.ttf"
    path = Path(str(spec.origin if spec else "")).parent / "mpl-data" / "fonts" / "ttf" / name
    if not path.is_file():
        raise Refused(where=str(path), what="the font is not there", fix="Reinstall matplotlib, which ships it.")
    return ImageFont.truetype(str(path), size)


def fit(text: str, width: float, font: ImageFont.FreeTypeFont) -> str:
    """Shorten `text` in its middle until it is no wider than `width` pixels: names often differ at their end.

    Examples
    --------
    >>> fit("HerbaceousVegetation_1379", 120, load_font(13))
    'Herbaceo…_1379'
    """
    if font.getlength(text) <= width:
        return text
    tail = text[-5:] if len(text) > 10 else ""
    head = text[: len(text) - len(tail)]
    while head and font.getlength(f"{head}…{tail}") > width:
        head = head[:-1]
    return f"{head}…{tail}" if head else ""


def wrapped(text: str, width: float, size: float) -> list[str]:
    """Lines of whole words, each about as wide as `width` at most.

    Examples
    --------
    >>> wrapped("Area of a disc: number of samples", 130, 12)
    ['Area of a disc:', 'number of samples']
    """
    lines: list[str] = []
    for word in text.split():
        if lines and estimated_width(f"{lines[-1]} {word}", size) <= width:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines


def estimated_width(text: str, size: float) -> float:
    """About how many pixels wide `text` is in an unknown sans-serif font of `size` pixels."""
    narrow, wide, widest, other = _EMS
    return size * sum(
        narrow if c in _NARROW else wide if c in _WIDE else widest if c in _WIDEST else other for c in text
    )
