"""Patch: one small raster of a published set, in memory, judged by its header before a pixel is read.

Sets of patches say of every file how many bands it holds, as what, and how large: a file that says otherwise is refused
with both sides named, and one that claims more than a patch can hold is refused before anything is allocated. Which
polarisation is which can be told from the pixels alone, and is. Knows no set and no quantity.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from odc.geo.geobox import GeoBox

from swath.core.array import Array
from swath.core.errors import Mismatch, Unreadable
from swath.core.geobox import ground_gsd
from swath.formats.raster import open_blob, read_header, read_pixels

__all__ = ["MOST_RAW", "Patch", "read_patch", "require_grid", "require_polarisations"]

#: Bytes of pixels that a patch can claim: a larger one is no patch.
MOST_RAW: Final = 256 * 2**20
#: Median VV - VH [dB] below which the two are exchanged: land gives 4 to 10, calm water 2.4.
_LEAST_CO_OVER_CROSS: Final = -1.0


@dataclass(frozen=True, slots=True, eq=False)
class Patch:
    """Pixels of one file, with their place."""

    #: Shape (b, h, w).
    data: Array
    #: Shape (b or 1, h, w); None = every pixel is a measurement.
    valid: Array | None
    #: Pixel grid; None = place unknown.
    geobox: GeoBox | None
    #: Longitude and latitude of the centre; None = unknown.
    lonlat: tuple[float, float] | None
    #: Metres on the ground a pixel, (x, y), measured on the grid; None = unknown.
    gsd: tuple[float, float] | None


def read_patch(
    blob: bytes, *, where: str, of: str, bands: int, dtype: str, size: tuple[int, int] | None = None
) -> Patch:
    """Read a raster that must be as its set has them; call inside `formats.raster.reading_rasters`.

    Parameters
    ----------
    blob : bytes
        The file.
    where, of : str
        The file and the set that it is of, for errors.
    bands, dtype, size : int, str, (h, w)
        What the set has; size None = any that a patch can have.

    Raises
    ------
    Unreadable
        Its bytes cannot be read whole, or it claims more than a patch can hold.
    Mismatch
        It holds another number of bands, dtype or size.
    """
    with open_blob(blob, where=where) as dataset:
        header = read_header(dataset, where=where)
        height, width = header.shape
        want = f"{bands} bands of {dtype}" if bands > 1 else f"1 band of {dtype}"
        want += "" if size is None else f", {size[0]} x {size[1]} pixels"
        have = f"{header.bands} of {header.dtype}, {height} x {width} pixels"
        if (header.bands, header.dtype) != (bands, dtype) or size not in (None, header.shape):
            raise Mismatch(where=where, what="patch", want=f"{want} ({of})", have=have, fix="It is of another set.")
        claimed = header.bands * height * width * np.dtype(header.dtype).itemsize
        if claimed > MOST_RAW:
            what = f"claims {claimed:,} bytes of pixels, above {MOST_RAW:,}"
            raise Unreadable(where=where, what=what, fix="Nothing was read from it: it is no patch.")
        data, valid = read_pixels(dataset, header, range(bands))
    box = header.geobox
    return Patch(data, valid, box, header.place, None if box is None else ground_gsd(box))


def require_grid(box: GeoBox | None, other: GeoBox | None, *, where: str, like: str) -> None:
    """Refuse a file that covers other ground than the one beside it.

    Parameters
    ----------
    box, other : GeoBox or None
        Of the file, and of the one that it must lie on; pixels may be of another size, corners and CRS may not.
    """
    if box is None or other is None:
        if (box is None) != (other is None):
            what = "has no place" if box is None else "has a place"
            raise Mismatch(where=where, what="grid", want=f"that of {like}", have=what)
        return
    mine, theirs = ((grid.transform.c, grid.transform.f, str(grid.crs)) for grid in (box, other))
    apart = max(abs(mine[0] - theirs[0]) / abs(box.transform.a), abs(mine[1] - theirs[1]) / abs(box.transform.e))
    extents = [(g.transform.a * g.shape.x, g.transform.e * g.shape.y) for g in (box, other)]
    is_same = np.allclose(extents[0], extents[1], rtol=1e-6, atol=0)
    if mine[2] != theirs[2] or apart > 0.01 or not is_same:
        said = [f"corner {c:.6g}, {f:.7g} in {crs}" for c, f, crs in (theirs, mine)]
        fix = "One of the two was moved or renamed: fetch both again."
        raise Mismatch(where=where, what="grid", want=f"{said[0]} ({like})", have=said[1], fix=fix)


def require_polarisations(data: Array, valid: Array | None, *, where: str) -> None:
    """Refuse VV and VH that are exchanged: no ground returns more across polarisations than along them.

    Parameters
    ----------
    data : array, shape (2, h, w)
        VV and VH [dB].
    valid : bool array, shape (2 or 1, h, w), or None
        Which are measurements.
    """
    good = np.ones(data.shape[1:], bool) if valid is None else valid.all(axis=0)
    if not good.any():
        return
    difference = float(np.median(data[0][good].astype(np.float64) - data[1][good]))
    if difference < _LEAST_CO_OVER_CROSS:
        raise Mismatch(
            where=where,
            what="polarisations",
            want="VV above VH (median)",
            have=f"{difference:.1f} dB below it",
            fix="The two are exchanged: put them right.",
        )
