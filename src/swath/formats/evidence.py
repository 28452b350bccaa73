"""Evidence: what the pixels of a raster say of the offset and of the order of its bands.

A look at up to a million pixels, as they are, is enough for both. The offset is decided by `core.offset` from claims
and pixels; an order of thirteen bands that physics breaks is refused by `core.bandproof`, what physics leaves open
passes. Knows how rasters are read, and nothing of what becomes of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import numpy as np
from rasterio.io import DatasetReader

from swath.core.array import Array
from swath.core.bandproof import require_order
from swath.core.bands import S2_BANDS
from swath.core.errors import Mismatch
from swath.core.offset import Claim, Decision, decide_offset
from swath.core.pixelcheck import Verdict, check_pixels
from swath.core.scene import Window
from swath.formats.mapping import Mapped
from swath.formats.raster import Header, read_pixels

__all__ = ["MOST_TILES", "can_prove_order", "decide", "decide_alike", "look", "prove_tiles", "spread", "tiles_of"]

#: Pixels that a look takes: all of a small raster, windows spread over a large one.
_LOOK: Final = 2**20
_LOOK_SIDE: Final = 256
#: Tiles that judge a band order, and their side: bandproof wants 30 px at least.
MOST_TILES: Final = 64
_TILE: Final = 64
_LEAST_TILE: Final = 30

#: Pixels (b, h, w) and their validity (b or 1, h, w), None = all.
_Seen = tuple[Array, Array | None]


def look(dataset: DatasetReader, header: Header, picks: Sequence[int], nodata: float | None) -> list[_Seen]:
    """Read all of a small raster, or windows spread evenly over a large one.

    Returns
    -------
    list of (data, valid)
        Shapes (b, h, w) and (b or 1, h, w); valid None = every pixel is a measurement.
    """
    windows = spread(*header.shape)
    return [read_pixels(dataset, header, picks, window=window, nodata=nodata) for window in windows]


def spread(height: int, width: int) -> list[Window]:
    """All of a small raster, or windows spread evenly over a large one.

    Examples
    --------
    >>> len(spread(512, 512)), len(spread(10980, 10980))
    (1, 16)
    """
    if height * width <= _LOOK:
        return [Window(0, 0, height, width)]
    tall, wide = min(_LOOK_SIDE, height), min(_LOOK_SIDE, width)
    return [Window(row, col, tall, wide) for row in _spread(height, tall) for col in _spread(width, wide)]


def _spread(length: int, side: int) -> list[int]:
    """Up to four starts of windows, evenly from the first to the last that fits."""
    return sorted({round(start) for start in np.linspace(0, length - side, min(4, max(1, length // side)))})


def decide(mapped: Mapped, seen: Sequence[_Seen], *, where: str) -> Decision:
    """Decide the offset of Sentinel-2 digital numbers; the pixels are always heard.

    Parameters
    ----------
    seen : sequence of (data, valid)
        Digital numbers of the bands at `mapped.judged`.

    Raises
    ------
    Refused
        The pixels contradict what is known, or cannot choose between claims that disagree.
    Mismatch
        They chose another offset than the one that the stacks are said to have.
    """
    names = [mapped.names[i] for i in mapped.judged]
    data = np.concatenate([pixels.reshape(len(pixels), 1, -1) for pixels, _ in seen], axis=2)
    valid = None
    if any(mask is not None for _, mask in seen):
        flat = [np.broadcast_to(True if mask is None else mask, pixels.shape) for pixels, mask in seen]
        valid = np.concatenate([mask.reshape(len(names), 1, -1) for mask in flat], axis=2)
    verdict = check_pixels(data, names, level=mapped.level, valid=valid)
    decision = decide_offset(mapped.claims, verdict, where=where)
    known = None if mapped.quantity is None else mapped.quantity.offset
    if decision.offset != known:
        raise Mismatch(
            where=where,
            what="offset",
            want=f"{_said(known)} ({mapped.claims[0]})",
            have=f"{_said(decision.offset)} (pixel check: {decision.verdict})",
            fix="Declare its offset, or open it apart from the others.",
        )
    return decision


def _said(offset: tuple[float, ...] | None) -> str:
    return "unknown" if offset is None else ",".join(f"{number:g}" for number in offset)


def decide_alike(claims: Sequence[Claim], verdicts: Sequence[Verdict], *, where: str) -> list[Decision]:
    """Decide the offset of dates that are known to have been processed alike.

    Pixels darker than an offset allows are certain, pixels as bright as one are not: haze makes them so. So where one
    date is unshifted, dates that seem shifted or undecided follow it, which is recorded.

    Parameters
    ----------
    claims : sequence of Claim
        Of all dates.
    verdicts : sequence of Verdict
        One a date.

    Raises
    ------
    Refused
        No date is unshifted, and the pixels of one contradict the claims.
    """
    held = [verdict.answer for verdict in verdicts]
    made = []
    for verdict in verdicts:
        if "unshifted" in held and verdict.answer != "unshifted":
            followed = decide_offset(claims, verdicts[held.index("unshifted")], where=where)
            said = f"{verdict}; follows the dates of its series that are unshifted, for all were processed alike"
            made.append(replace(followed, verdict=said))
        else:
            made.append(decide_offset(claims, verdict, where=where))
    return made


def can_prove_order(mapped: Mapped) -> bool:
    """True for all thirteen bands of L1C with a known offset: what physics can judge."""
    names = [mapped.names[i] for i in mapped.judged]
    quantity = mapped.whole
    if quantity is None or sorted(names) != sorted(S2_BANDS):
        return False
    return quantity.kind == "toa" or (quantity.of == "toa" and quantity.offset is not None)


def tiles_of(seen: Sequence[_Seen]) -> list[Array]:
    """Cut what was seen into tiles of 64 px or less, shape (b, h, w); what is invalid becomes 0, or NaN."""
    tiles = []
    for pixels, mask in seen:
        held = pixels
        if mask is not None:
            held = np.where(mask, pixels, np.array(np.nan if pixels.dtype.kind == "f" else 0, pixels.dtype))
        side = min(_TILE, *held.shape[1:])
        if side < _LEAST_TILE:
            continue
        rows, cols = (range(0, length - side + 1, side) for length in held.shape[1:])
        tiles += [held[:, row : row + side, col : col + side] for row in rows for col in cols]
    return tiles


def prove_tiles(mapped: Mapped, tiles: Sequence[Array], gsd: tuple[float, float], *, where: str) -> None:
    """Refuse an order of bands that physics breaks.

    Parameters
    ----------
    mapped : Mapped
        For which `can_prove_order` holds.
    tiles : sequence of arrays, shape (b, h, w)
        Of the bands at `mapped.judged`; at most `MOST_TILES`, spread evenly, are looked at.
    gsd : (x, y)
        Metres a pixel.

    Raises
    ------
    Mismatch
        Names the rules that are broken, and the known orders that the pixels fit.
    """
    if not tiles:
        return
    side = min(min(tile.shape[1:]) for tile in tiles)
    chosen = np.unique(np.linspace(0, len(tiles) - 1, MOST_TILES).round().astype(int))
    held = np.stack([tiles[i][:, :side, :side] for i in chosen])
    names = [mapped.names[i] for i in mapped.judged]
    require_order(held, names, quantity=mapped.whole, gsd=max(gsd), where=where)
