"""Contact sheet: many small pictures on one, with captions, class colours and headings, as PNG bytes.

Tiles smaller than a cell are enlarged by a whole factor without interpolation, larger ones shrunk by one, so that every
pixel shown is a pixel measured or a mean of whole ones. Same tiles, same bytes. Reads no corpus: `report` and the
recipes choose what is shown.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from PIL import Image, ImageDraw

from swath.core.array import Array
from swath.core.errors import Mismatch, Refused
from swath.draw.colours import GRID, INK, MUTED, PAPER
from swath.draw.font import fit, load_font
from swath.draw.picture import enlarge, png, shrink

__all__ = ["LARGEST", "Tile", "contact_sheet", "scaled"]

#: Pixels of the largest sheet that is drawn; viewers give up above it.
LARGEST: Final = 60_000_000
_MARGIN, _GAP, _CHIP = 28, 14, 10
_LINE, _HEADING, _TITLE = 18, 44, 46


@dataclass(frozen=True, slots=True, eq=False)
class Tile:
    """One picture of a sheet."""

    #: uint8 array, shape (h, w, 3).
    rgb: Array
    #: Below it, one line a row of text.
    caption: str = ""
    #: Tiles of one group stand together under its name.
    group: str = ""
    #: Colour of the group's chip, `#rrggbb`.
    colour: str | None = None
    #: True for class maps, whose colours never mix when shrunk.
    is_map: bool = False


def scaled(tile: Tile, side: int) -> Array:
    """The tile's picture brought to at most `side` pixels by a whole factor.

    Examples
    --------
    >>> scaled(Tile(np.zeros((64, 64, 3), np.uint8)), 128).shape, scaled(Tile(np.zeros((5, 9, 3), np.uint8)), 40).shape
    ((128, 128, 3), (20, 36, 3))
    """
    largest = max(tile.rgb.shape[:2])
    if largest <= side:
        return enlarge(tile.rgb, side // largest)
    return shrink(tile.rgb, -(-largest // side), is_map=tile.is_map)


def _grouped(tiles: Sequence[Tile]) -> list[tuple[str, list[Tile]]]:
    """Tiles by group, groups in the order of their first tile."""
    groups: dict[str, list[Tile]] = {}
    for tile in tiles:
        groups.setdefault(tile.group, []).append(tile)
    return list(groups.items())


def contact_sheet(
    tiles: Iterable[Tile], *, title: str = "", note: str = "", width: int = 1280, side: int = 128
) -> bytes:
    r"""Lay pictures out in rows.

    Parameters
    ----------
    tiles : iterable of Tile
        Groups appear in the order of their first tile, tiles in their own order.
    title, note : str
        Above all; the note says what the colours mean (`draw.stretch_caption`).
    width : int
        Of the sheet [px].
    side : int
        Of a cell [px].

    Returns
    -------
    bytes
        A PNG.

    Raises
    ------
    Mismatch
        A tile is no picture, or the sheet is narrower than a cell.
    Refused
        The sheet would be larger than `LARGEST`; the number of tiles that fit is named.

    Examples
    --------
    >>> contact_sheet([Tile(np.zeros((8, 8, 3), np.uint8), "a", "Forest", "#1b6e2c")])[:4]
    b'\x89PNG'
    """
    shown = list(tiles)
    for tile in shown:
        if tile.rgb.ndim != 3 or tile.rgb.shape[2] != 3 or tile.rgb.dtype != np.uint8 or 0 in tile.rgb.shape:
            have = f"{tile.rgb.dtype} {tile.rgb.shape}"
            raise Mismatch(where=f"tile {tile.caption!r}", what="picture", want="uint8 (h, w, 3)", have=have)
    columns = (width - 2 * _MARGIN + _GAP) // (side + _GAP)
    if columns < 1:
        have = f"{width} px"
        raise Mismatch(where="contact sheet", what="width", want=f"{side + 2 * _MARGIN} px or more", have=have)
    lines = max((tile.caption.count("\n") + 1 for tile in shown if tile.caption), default=0)
    pitch = side + _GAP + lines * _LINE + (4 if lines else 0)
    groups = _grouped(shown)
    head = (_TITLE if title else 0) + (_LINE + 6 if note else 0)
    rows = sum(-(-len(held) // columns) for _, held in groups)
    height = 2 * _MARGIN + head + rows * pitch + _HEADING * sum(bool(name) for name, _ in groups)
    if width * height > LARGEST:
        rest = height - rows * pitch  # margins and headings; each group may leave a row unfilled
        least = max(((LARGEST // width - rest) // pitch - len(groups) + 1) * columns, 0)
        raise Refused(
            where="contact sheet",
            what=f"{len(shown):,} tiles make a picture of {width:,} x {height:,} pixels",
            fix=f"Show {least:,} or fewer.",
        )
    image = Image.new("RGB", (width, height), PAPER)
    pen = ImageDraw.Draw(image)
    y = _MARGIN
    if title:
        bold = load_font(24, is_bold=True)
        pen.text((_MARGIN, y), fit(title, width - 2 * _MARGIN, bold), fill=INK, font=bold)
        y += _TITLE
    if note:
        font = load_font(13)
        pen.text((_MARGIN, y - 6), fit(note, width - 2 * _MARGIN, font), fill=MUTED, font=font)
        y += _LINE + 6
    for name, held in groups:
        if name:
            _heading(pen, y, width, name, held)
            y += _HEADING
        for start in range(0, len(held), columns):
            for column, tile in enumerate(held[start : start + columns]):
                _place(image, pen, tile, _MARGIN + column * (side + _GAP), y, side)
            y += pitch
    return png(np.asarray(image))


def _heading(pen: ImageDraw.ImageDraw, y: int, width: int, name: str, held: Sequence[Tile]) -> None:
    """Chip, name, count and a hairline."""
    bold, font = load_font(16, is_bold=True), load_font(13)
    x, middle = _MARGIN, y + 18
    if held[0].colour:
        pen.rectangle((x, middle - 6, x + 11, middle + 5), fill=held[0].colour)
        x += 20
    name = fit(name, width - 2 * _MARGIN - 120, bold)
    pen.text((x, middle), name, fill=INK, font=bold, anchor="lm")
    pen.text((x + bold.getlength(name) + 10, middle + 1), str(len(held)), fill=MUTED, font=font, anchor="lm")
    pen.line((_MARGIN, y + 34, width - _MARGIN, y + 34), fill=GRID)


def _place(image: Image.Image, pen: ImageDraw.ImageDraw, tile: Tile, x: int, y: int, side: int) -> None:
    """One picture with its caption below."""
    rgb = scaled(tile, side)
    image.paste(Image.fromarray(np.ascontiguousarray(rgb)), (x, y))
    font = load_font(12)
    for i, line in enumerate(tile.caption.split("\n") if tile.caption else []):
        left, top = x, y + side + 6 + i * _LINE
        if i == 0 and tile.colour and not tile.group:
            pen.rectangle((left, top + 2, left + _CHIP - 1, top + _CHIP + 1), fill=tile.colour)
            left += _CHIP + 5
        text = fit(line, side - (left - x), font)
        pen.text((left, top), text, fill=INK if i == 0 else MUTED, font=font)
