"""COG: a cloud-optimised GeoTIFF from rows of pixels, and rows of pixels from one.

Rows go into a plain file beside it first, from top to bottom, so that no more than some rows are held; GDAL then makes
tiles and overviews of it. What comes out is read again, every pixel, and compared with what was put in: a full disk,
which GDAL may pass over, is found here. Same rows, same bytes. Knows no classes but a palette.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Literal

import numpy as np
import rasterio
import rasterio.shutil
from odc.geo.geobox import GeoBox
from pyproj import Transformer
from rasterio._err import CPLE_BaseError
from rasterio.enums import Resampling
from rasterio.errors import RasterioError
from rasterio.windows import Window as RasterWindow

from swath.core.array import Array
from swath.core.errors import Refused, Unreadable
from swath.core.files import refusal
from swath.formats.raster import unplaced_is_a_fact

__all__ = ["CogSpec", "RowWriter", "bounded_cache", "read_at", "read_rows", "read_small", "read_tags"]

#: Pixels of a tile's side.
_TILE: Final = 512
_FAILED: Final = (RasterioError, CPLE_BaseError, OSError)


@dataclass(frozen=True, slots=True)
class CogSpec:
    """What a file is to be."""

    #: Pixels (h, w), and bands.
    shape: tuple[int, int]
    bands: int
    #: numpy name of the dtype.
    dtype: str
    #: Code of absence.
    nodata: float
    #: Pixel grid; None = the place is unknown.
    geobox: GeoBox | None
    #: How overviews are made: the commonest code, or the mean.
    overviews: Literal["mode", "average"]
    #: Names of the bands.
    names: tuple[str, ...] = ()
    #: value = scale * stored; None = the numbers themselves.
    scale: float | None = None
    #: Code -> (red, green, blue); empty = none.
    palette: Mapping[int, tuple[int, int, int]] = field(default_factory=dict)
    #: Name -> text.
    tags: Mapping[str, str] = field(default_factory=dict)


@contextmanager
def bounded_cache(limit: int) -> Iterator[None]:
    """Let GDAL keep no more than `limit` bytes of what it reads and writes; its own rule is a share of the machine."""
    with rasterio.Env(GDAL_CACHEMAX=limit):
        yield


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    try:
        yield
    except _FAILED as error:
        raise _refused(path, error) from error


def _refused(path: Path, error: BaseException) -> Refused:
    """A sentence for what GDAL says when it cannot write."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OSError) and cause.errno:
            return refusal(path, cause)
        cause = cause.__cause__
    said = " ".join(str(error.__cause__ or error).split())[:200].rstrip(".")
    fix = "Everything finished before is kept. Free some space on the disk and give the same command again."
    return Refused(where=str(path), what=f"cannot be written ({said})", fix=fix)


class RowWriter:
    """A COG in the making; a context manager.

    Parameters
    ----------
    path : Path
        The COG; a plain file is made beside it and is gone when the COG is there.
    spec : CogSpec
        What it is to be.
    """

    def __init__(self, path: Path, spec: CogSpec) -> None:
        self.path, self.spec = path, spec
        self._plain = path.with_name(f"{path.stem}.plain.tif")
        self._row, self._sum = 0, 0
        with _writing(path):
            for left in (self._plain, path):  # GDAL would open what a killed run left, to replace it
                left.unlink(missing_ok=True)
            with unplaced_is_a_fact():
                self._file = rasterio.open(self._plain, "w", **_profile(spec))
            _describe(self._file, spec)

    def __enter__(self) -> RowWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._file.close()
        except _FAILED:
            if error is None:
                raise

    def write(self, rows: Array) -> None:
        """Add rows (bands, n, w) below those that are there."""
        window = RasterWindow(0, self._row, self.spec.shape[1], rows.shape[1])
        with _writing(self.path):
            self._file.write(rows, window=window)
        self._sum = _added(self._sum, rows)
        self._row += rows.shape[1]

    def finish(self) -> None:
        """Make tiles and overviews, and compare every pixel.

        Raises
        ------
        Refused
            Rows are missing, or the disk does not hold what was written.
        """
        if self._row != self.spec.shape[0]:
            raise Refused(where=str(self.path), what=f"has {self._row} of {self.spec.shape[0]} rows")
        with _writing(self.path):
            self._file.close()
            rasterio.shutil.copy(
                self._plain,
                self.path,
                driver="COG",
                blocksize=_TILE,
                compress="DEFLATE",
                predictor="YES" if self.spec.overviews == "average" else "NO",
                overview_resampling=self.spec.overviews.upper(),
                bigtiff="IF_SAFER",
                num_threads=1,
            )
            found = 0
            for _, rows in read_rows(self.path):
                found = _added(found, rows)
        if found != self._sum:
            fix = "The disk may be full or failing. Give the same command again: finished strips are kept."
            raise Refused(where=str(self.path), what="does not hold what was written", fix=fix)
        with _writing(self.path), self.path.open("rb") as file:
            os.fsync(file.fileno())
        self._plain.unlink()


def _added(sum_: int, rows: Array) -> int:
    """Checksum of rows (bands, n, w) after others, the same whatever comes together."""
    for row in np.ascontiguousarray(rows.transpose(1, 0, 2)):
        sum_ = zlib.crc32(row.data, sum_)
    return sum_


def _profile(spec: CogSpec) -> dict[str, Any]:
    profile: dict[str, Any] = {
        "driver": "GTiff",
        "dtype": spec.dtype,
        "count": spec.bands,
        "height": spec.shape[0],
        "width": spec.shape[1],
        "nodata": spec.nodata,
        "compress": "zstd",
        "zstd_level": 1,
        "blockysize": 16,
        "interleave": "band",
        "bigtiff": "if_safer",
    }
    if spec.geobox is not None:
        profile["transform"] = spec.geobox.transform
        profile["crs"] = None if spec.geobox.crs is None else str(spec.geobox.crs)
    return profile


def _describe(file: Any, spec: CogSpec) -> None:
    for i, name in enumerate(spec.names, start=1):
        file.set_band_description(i, name)
    if spec.scale is not None:
        file.scales = (spec.scale,) * spec.bands
        file.offsets = (0.0,) * spec.bands
    if spec.palette:
        file.write_colormap(1, {code: (*rgb, 255) for code, rgb in spec.palette.items()})
    file.update_tags(**spec.tags)


def _opened(path: Path) -> Any:
    with unplaced_is_a_fact():
        return rasterio.open(path)


def read_rows(path: Path, *, rows: int = _TILE) -> Iterator[tuple[int, Array]]:
    """Read a whole raster, some rows at a time, as many as a tile has unless told: (first row, array (bands, n, w))."""
    with _opened(path) as file:
        for top in range(0, file.height, rows):
            tall = min(rows, file.height - top)
            yield top, file.read(window=RasterWindow(0, top, file.width, tall))


def read_small(path: Path, side: int, *, band: int = 1) -> Array:
    """Read one band of a raster of codes, so small that neither side is above `side`: the commonest code of each."""
    with _opened(path) as file:
        factor = max(1, -(-max(file.height, file.width) // side))
        shape = (-(-file.height // factor), -(-file.width // factor))
        return np.asarray(file.read(band, out_shape=shape, resampling=Resampling.mode))


def read_at(path: Path, lon: Array, lat: Array) -> Array:
    """Read the first band at places.

    Parameters
    ----------
    path : Path
        A raster with a place.
    lon, lat : float arrays, shape (n,)
        Degrees.

    Returns
    -------
    int64 array, shape (n,)
        -1 = outside, or nodata.

    Raises
    ------
    Refused
        The raster has no place.
    """
    with _opened(path) as file:
        if file.crs is None:
            raise Refused(where=str(path), what="has no place, so no point can be found on it")
        x, y = Transformer.from_crs("EPSG:4326", file.crs.to_wkt(), always_xy=True).transform(lon, lat)
        t = ~file.transform
        cols, rows = t.a * x + t.b * y + t.c, t.d * x + t.e * y + t.f
        found = np.full(len(cols), -1, np.int64)
        inside = (rows >= 0) & (cols >= 0) & (rows < file.height) & (cols < file.width)
        for i in np.flatnonzero(inside):
            window = RasterWindow(int(cols[i]), int(rows[i]), 1, 1)
            code = int(file.read(1, window=window)[0, 0])
            found[i] = -1 if code == file.nodata else code
        return found


def read_tags(path: Path) -> dict[str, str]:
    """Read the tags of a raster.

    Raises
    ------
    Unreadable
        It is none.
    """
    try:
        with _opened(path) as file:
            return dict(file.tags())
    except _FAILED as error:
        raise Unreadable(where=str(path), what="cannot be read as a raster", fix="Make it again.") from error
