"""Side by side: true-colour pictures and class maps of the same ground in one picture with legend and scale bar."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
from PIL import Image

from swath.core.array import Array
from swath.core.files import write_whole
from swath.core.legends import Legend
from swath.draw.legend import Key
from swath.draw.picture import shrink
from swath.draw.preview import class_picture, map_preview

__all__ = ["coloured", "photograph", "write_beside"]

#: Colours of a photograph: a picture of all its colours would be several times larger.
_COLOURS: Final = 96
_GAP: Final = 8


def photograph(picture: Array, factor: int) -> Array:
    """A true-colour picture, shrunk, in few colours: uint8 (h, w, 3)."""
    small = Image.fromarray(shrink(picture, factor))
    return np.asarray(small.quantize(_COLOURS, dither=Image.Dither.NONE).convert("RGB"))


def coloured(codes: Array, legend: Legend, factor: int) -> Array:
    """A class map, shrunk: uint8 (h, w, 3)."""
    picture = class_picture(codes, legend, shown=[each.code for each in legend.classes])
    return shrink(picture, factor, is_map=True)


def write_beside(
    path: Path, rows: Sequence[Sequence[Array]], keys: Sequence[Key], *, metres: float, title: str, notes: Sequence[str]
) -> None:
    """Write pictures in rows, with a legend and a scale bar; `metres` a pixel of them."""
    height, width = (min(each.shape[axis] for row in rows for each in row) for axis in (0, 1))
    lines = []
    for row in rows:
        parts = [each[:height, :width] for each in row]
        gap = np.full((height, _GAP, 3), 255, np.uint8)
        joined = [part for each in parts for part in (each, gap)][:-1]
        lines += [np.concatenate(joined, axis=1), np.full((_GAP, _wide(len(row), width), 3), 255, np.uint8)]
    picture = np.concatenate(lines[:-1], axis=0)
    write_whole(path, _indexed(map_preview(picture, keys, metres=metres, title=title, notes=notes)))


def _indexed(blob: bytes) -> bytes:
    """The same picture with a palette of 256 colours: a third of the size, and no colour of a class changes."""
    out = io.BytesIO()
    page = Image.open(io.BytesIO(blob)).convert("RGB")
    page.quantize(256, method=Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE).save(out, "PNG", optimize=True)
    return out.getvalue()


def _wide(count: int, width: int) -> int:
    return count * width + (count - 1) * _GAP
