"""Raster: one file that GDAL reads, as a header and as windows of pixels with their validity.

The header holds all that the file says of itself and costs no pixel. Validity comes from nodata (declared or in the
file), from masks inside or beside it, from an alpha band, and from NaN. Open handles are kept a few a thread, never
shared, and never carried across a fork. Knows no quantity and no band: see `formats.mapping`.
"""

from __future__ import annotations

import os
import threading
import warnings
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, BinaryIO, Final

import numpy as np
import rasterio
from affine import Affine
from odc.geo.geobox import GeoBox
from pyproj.exceptions import CRSError, ProjError
from rasterio._err import CPLE_BaseError
from rasterio.enums import ColorInterp, MaskFlags
from rasterio.errors import NotGeoreferencedWarning, RasterioError
from rasterio.io import DatasetReader, MemoryFile
from rasterio.windows import Window as RasterWindow

from swath.core.array import Array
from swath.core.errors import Mismatch, Refused, Unreadable
from swath.core.geobox import centre
from swath.core.scene import Window
from swath.formats.directory import require_whole

__all__ = [
    "MOST_HANDLES",
    "Header",
    "open_blob",
    "open_raster",
    "read_header",
    "read_pixels",
    "reading_rasters",
    "simplest",
    "unplaced_is_a_fact",
]

#: Rasters that one thread keeps open at most.
MOST_HANDLES: Final = 8
# What GDAL may do with a foreign file: no code in it is run, no folder is listed for every file that is opened, and
# PixelIsPoint files are moved by half a pixel (which is GDAL's default, said here so that no environment undoes it).
_ENVIRONMENT: Final = {
    "GDAL_VRT_ENABLE_PYTHON": "NO",
    "GDAL_DISABLE_READDIR_ON_OPEN": "TRUE",
    "GTIFF_POINT_GEO_IGNORE": "NO",
    "GDAL_PAM_ENABLED": "YES",
}
_BROKEN: Final = (RasterioError, CPLE_BaseError, OSError, ValueError, OverflowError, MemoryError)
_AGAIN: Final = "It is truncated, corrupt or no raster: fetch it again."


@dataclass(frozen=True, slots=True)
class Header:
    """What one raster says of itself."""

    #: Pixels, (h, w).
    shape: tuple[int, int]
    #: GDAL's numbers (from 1) of the bands, an alpha band not among them.
    indexes: tuple[int, ...]
    #: numpy name of the dtype that all bands share.
    dtype: str
    #: Pixel grid; None = it has no CRS or no transform, its place is unknown.
    geobox: GeoBox | None
    #: Longitude and latitude of its centre; None = unknown.
    place: tuple[float, float] | None
    #: Names of the bands in the file, one a band; None where it has none.
    descriptions: tuple[str | None, ...]
    #: Code of absence, one a band; None where it has none.
    nodata: tuple[float | None, ...]
    #: True if it has a mask or an alpha band besides nodata.
    has_mask: bool
    #: value = scale * number + offset, one pair a band.
    scales: tuple[tuple[float, float], ...]
    #: Tags that swath writes beside pixels, `SWATH_...`; empty for everybody else's files.
    tags: Mapping[str, str] = field(default_factory=dict)

    @property
    def bands(self) -> int:
        """How many bands it holds."""
        return len(self.indexes)


@contextmanager
def reading_rasters() -> Iterator[None]:
    """Set GDAL up for foreign files; costs less once around many than around each."""
    with rasterio.Env(**_ENVIRONMENT):
        yield


_QUIET = threading.RLock()


def _renew_lock() -> None:
    global _QUIET
    _QUIET = threading.RLock()


os.register_at_fork(after_in_child=_renew_lock)


@contextmanager
def unplaced_is_a_fact() -> Iterator[None]:
    """Keep rasterio from warning of files without a place: here that is a fact to be told."""
    with _QUIET, warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        yield


class _Handles(threading.local):
    """Rasters that this thread holds open, the last used last."""

    def __init__(self) -> None:
        self.process = os.getpid()
        self.held: OrderedDict[tuple[str, int, int], DatasetReader] = OrderedDict()

    def get(self, path: Path, where: str) -> DatasetReader:
        if self.process != os.getpid():
            # After a fork these share their file positions with the parent's: forgotten, not closed by name.
            self.process, self.held = os.getpid(), OrderedDict()
        about = path.stat()
        key = (str(path), about.st_mtime_ns, about.st_size)
        if key in self.held:
            self.held.move_to_end(key)
            return self.held[key]
        with path.open("rb") as handle:
            names_crs = require_whole(lambda at, count: _slice(handle, at, count), about.st_size, where=where)
        with unplaced_is_a_fact():
            dataset = rasterio.open(path)
        _require_crs(dataset, names_crs, where)
        self.held[key] = dataset
        while len(self.held) > MOST_HANDLES:
            self.held.popitem(last=False)[1].close()
        return dataset


_HANDLES = _Handles()


def _slice(handle: BinaryIO, at: int, count: int) -> bytes:
    handle.seek(at)
    return handle.read(count)


def _require_crs(dataset: DatasetReader, names_crs: bool, where: str) -> None:
    """Refuse a file that names a CRS which GDAL passed over: it would be taken for one without a place."""
    if names_crs and dataset.crs is None and not dataset.gcps[0]:
        raise Unreadable(where=where, what="names a CRS that cannot be read", fix="Fetch it again, or mend its CRS.")


@contextmanager
def open_raster(path: Path, *, where: str = "") -> Iterator[DatasetReader]:
    """Open a raster, or take this thread's open handle on it; whatever goes wrong inside is told as `Unreadable`.

    Raises
    ------
    Unreadable
        It is not there, or its bytes cannot be read whole.
    """
    where = where or path.name
    try:
        with reading_rasters():
            yield _HANDLES.get(path, where)
    except FileNotFoundError:
        raise Unreadable(where=where, what="is not there", fix="Look at the path.") from None
    except _BROKEN as error:
        raise _unreadable(error, where) from error


@contextmanager
def open_blob(blob: bytes, *, where: str) -> Iterator[DatasetReader]:
    """Open a raster that is in memory; inside `reading_rasters`.

    Raises
    ------
    Unreadable
        Its bytes cannot be read whole.
    """
    try:
        names_crs = require_whole(lambda at, count: blob[at : at + count], len(blob), where=where)
        with MemoryFile(blob) as memory, _quietly(memory) as dataset:
            _require_crs(dataset, names_crs, where)
            yield dataset
    except _BROKEN as error:
        raise _unreadable(error, where) from error


def _quietly(memory: MemoryFile) -> Any:
    with unplaced_is_a_fact():
        return memory.open()


def _unreadable(error: BaseException, where: str) -> Unreadable:
    said = str(error.__cause__ or error).strip().rstrip(".").split("\n")[0][:200]
    return Unreadable(where=where, what=f"cannot be read as a raster ({said})", fix=_AGAIN)


@lru_cache(maxsize=256)
def _crs_name(wkt: str) -> str:
    """`EPSG:n` where the CRS says so itself, else its WKT: nothing is matched by likeness."""
    authority = rasterio.crs.CRS.from_wkt(wkt).to_authority(confidence_threshold=100)
    return f"{authority[0]}:{authority[1]}" if authority else wkt


def _geobox(dataset: DatasetReader, where: str) -> GeoBox | None:
    transform = dataset.transform
    if transform == Affine.identity():
        points, how = dataset.gcps[0], "ground control points"
        if not points and dataset.rpcs is not None:
            points, how = [dataset.rpcs], "rational polynomials"
        if points:
            raise Refused(
                where=where,
                what=f"is placed by {how} only, and has no transform",
                fix="A fitted transform would be off by hundreds of metres; warp it onto a grid first.",
            )
        return None
    if dataset.crs is None:
        return None
    if transform.determinant == 0:
        raise Unreadable(where=where, what="has a transform without extent", fix="Mend its georeference.")
    try:
        return GeoBox(dataset.shape, transform, _crs_name(dataset.crs.to_wkt()))
    except CRSError as error:
        raise Unreadable(where=where, what=f"has a CRS that cannot be read ({str(error)[:100]})") from error


def _place(box: GeoBox, where: str) -> tuple[float, float]:
    """Longitude and latitude of the centre; a grid that lies nowhere on Earth is refused."""
    try:
        lon, lat = centre(box)
    except ProjError as error:
        what = f"has a CRS that no place on Earth can be told from ({str(error)[:100]})"
        raise Unreadable(where=where, what=what, fix="Give it a CRS of the Earth.") from error
    if not (np.isfinite(lon) and abs(lat) <= 90):
        raise Unreadable(where=where, what="lies outside what its CRS can place", fix="Mend its CRS or transform.")
    return lon, lat


def read_header(dataset: DatasetReader, *, where: str) -> Header:
    """Read what a raster says of itself.

    Raises
    ------
    Unreadable
        Its grid lies nowhere on Earth.
    Refused
        It is placed by ground control points only, or holds complex numbers or no measurement band.
    Mismatch
        Its bands are of several dtypes.
    """
    alpha = [i for i, meaning in zip(dataset.indexes, dataset.colorinterp, strict=True) if meaning == ColorInterp.alpha]
    at = [i - 1 for i in dataset.indexes if i not in alpha]
    types = dataset.dtypes
    dtypes = sorted({types[i] for i in at})
    if not at:
        raise Refused(where=where, what="holds no band besides alpha", fix="Choose another file.")
    if len(dtypes) > 1:
        raise Mismatch(where=where, what="dtype", want="one for all bands", have=", ".join(dtypes))
    if np.dtype(dtypes[0]).kind not in "uif":
        raise Refused(where=where, what=f"holds {dtypes[0]} numbers", fix="Detect their power first: SLC is not read.")
    flags, codes = dataset.mask_flag_enums, dataset.nodatavals  # every access asks GDAL about all bands
    texts, scales, offsets = dataset.descriptions, dataset.scales, dataset.offsets
    box = _geobox(dataset, where)
    return Header(
        shape=(int(dataset.height), int(dataset.width)),
        indexes=tuple(i + 1 for i in at),
        dtype=str(np.dtype(dtypes[0]).name),
        geobox=box,
        place=None if box is None else _place(box, where),
        descriptions=tuple(texts[i] or None for i in at),
        nodata=tuple(codes[i] for i in at),
        has_mask=any(flags[i] not in ([MaskFlags.all_valid], [MaskFlags.nodata]) for i in at),
        scales=tuple((float(scales[i]), float(offsets[i])) for i in at),
        tags={name: text for name, text in dataset.tags().items() if name.startswith("SWATH_")},
    )


def read_pixels(
    dataset: DatasetReader,
    header: Header,
    picks: Sequence[int],
    *,
    window: Window | None = None,
    nodata: float | None = None,
) -> tuple[Array, Array | None]:
    """Read bands of a window.

    Parameters
    ----------
    dataset : DatasetReader
        Open.
    header : Header
        Its header.
    picks : sequence of int
        Positions in `header.indexes`.
    window : Window, optional
        None = all; reaching beyond the edge is allowed, what lies there is 0 (or nodata) and invalid.
    nodata : float, optional
        Declared: stands in place of the file's own.

    Returns
    -------
    data : array, shape (b, h, w)
    valid : bool array, shape (b or 1, h, w), or None = every pixel is a measurement
        One band where all bands agree.
    """
    height, width = header.shape
    asked = window or Window(0, 0, height, width)
    codes = [header.nodata[i] if nodata is None else nodata for i in picks]
    top, left = max(asked.row, 0), max(asked.col, 0)
    bottom, right = min(asked.row + asked.height, height), min(asked.col + asked.width, width)
    indexes = [header.indexes[i] for i in picks]
    if (top, left, bottom, right) == (asked.row, asked.col, asked.row + asked.height, asked.col + asked.width):
        there = None if asked.height == height and asked.width == width else _window(top, left, bottom, right)
        data = dataset.read(indexes, window=there)
        return data, simplest(_validity(dataset, header, data, indexes, codes, there))
    shape = (len(picks), asked.height, asked.width)
    fill = [np.nan if header.dtype.startswith("float") else code or 0 for code in codes]
    data = np.broadcast_to(np.array(fill, header.dtype)[:, None, None], shape).copy()
    valid = np.zeros(shape, bool)
    if top < bottom and left < right:
        there = _window(top, left, bottom, right)
        inside = (
            slice(None),
            slice(top - asked.row, bottom - asked.row),
            slice(left - asked.col, right - asked.col),
        )
        data[inside] = dataset.read(indexes, window=there)
        known = _validity(dataset, header, data[inside], indexes, codes, there)
        valid[inside] = True if known is None else known
    return data, simplest(valid)


def _window(top: int, left: int, bottom: int, right: int) -> RasterWindow:
    return RasterWindow(left, top, right - left, bottom - top)


def _validity(
    dataset: DatasetReader,
    header: Header,
    data: Array,
    indexes: Sequence[int],
    codes: Sequence[float | None],
    window: RasterWindow | None,
) -> Array | None:
    """Which pixels are measurements, shape (b, h, w); None = nothing could make one invalid."""
    valid = None
    if header.has_mask:
        valid = dataset.read_masks(list(indexes), window=window) != 0
    if data.dtype.kind == "f":
        finite = np.isfinite(data)
        valid = finite if valid is None else valid & finite
    if any(code is not None and not np.isnan(code) for code in codes):
        valid = np.ones(data.shape, bool) if valid is None else valid
        for band, code in enumerate(codes):
            if code is not None and not np.isnan(code):
                valid[band] &= data[band] != code
    return valid


def simplest(valid: Array | None) -> Array | None:
    """Say the same in its shortest form, which is how a corpus gives it back: None, or one band, where that is all.

    Examples
    --------
    >>> simplest(np.ones((3, 2, 2), bool)) is None, simplest(np.zeros((3, 2, 2), bool)).shape
    (True, (1, 2, 2))
    """
    if valid is None or valid.all():
        return None
    return valid[:1].copy() if (valid == valid[:1]).all() else valid
