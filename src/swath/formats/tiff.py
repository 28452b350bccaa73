"""GeoTIFF out: a stack or a scene as a file that QGIS and every other program opens, with its meaning in the tags.

Bands of all dates follow one another, each with its name, date and, for digital numbers, scale and offset. Codes carry
their colours. What is invalid is stored as the file's nodata. A scene is written strip by strip, whatever its size, and
`formats.geotiff` opens it again with nothing declared.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import numpy as np
import rasterio
from odc.geo.geobox import GeoBox
from rasterio.errors import RasterioError
from rasterio.io import MemoryFile
from rasterio.windows import Window as RasterWindow

from swath.core.array import Array
from swath.core.errors import Refused
from swath.core.files import publish, refusal, write_whole
from swath.core.legends import Legend
from swath.core.origin import Origin
from swath.core.progress import SILENT, Progress
from swath.core.quantity import Quantity
from swath.core.scene import Scene, Window
from swath.core.stack import Stack, measured

__all__ = ["write_scene", "write_tiff"]

#: dtype kind -> nodata: raw Sentinel-2 numbers 0, codes 255, reals NaN, signed integers their least.
_NODATA: Final[dict[str, float]] = {"uint16": 0, "uint8": 255, "float32": float("nan"), "float64": float("nan")}
#: Pixels a side of the tiles of a scene, and rows that are written at once.
_TILE: Final = 256


def _nodata(dtype: np.dtype[Any], quantity: Quantity, path: Path) -> float | None:
    """Code of absence of a file; refuses what has no place in a GeoTIFF."""
    if dtype.name not in (*_NODATA, "int8", "int16", "int32"):
        raise Refused(where=str(path), what=f"a GeoTIFF of {dtype.name} is not written", fix="Convert it first.")
    if dtype.kind == "i":
        return float(np.iinfo(dtype).min)
    return None if quantity.kind == "rgb8" else _NODATA[dtype.name]


def _profile(dtype: np.dtype[Any], count: int, shape: tuple[int, int], box: GeoBox | None) -> dict[str, Any]:
    held: dict[str, Any] = {
        "driver": "GTiff",
        "dtype": dtype.name,
        "count": count,
        "height": shape[0],
        "width": shape[1],
        "compress": "deflate",
        "predictor": 3 if dtype.kind == "f" else 2,
        "interleave": "band",
    }
    if box is not None:
        held |= {"transform": box.transform, "crs": None if box.crs is None else str(box.crs)}
    return held


def _filled(stack: Stack, nodata: float | None) -> Array:
    """Pixels (t, b, h, w) with nodata where there is no measurement."""
    mask = measured(stack)
    if mask is None or nodata is None:
        return stack.data
    return np.where(mask, stack.data, stack.data.dtype.type(nodata))


def write_tiff(stack: Stack, path: Path, *, legend: Legend | None = None) -> None:
    """Write a stack as a GeoTIFF.

    Parameters
    ----------
    stack : Stack
        Of any quantity; a stack without a geobox becomes a file without a place.
    legend : Legend, optional
        Colours of a class map.

    Raises
    ------
    Refused
        The dtype has no place in a GeoTIFF, or the file cannot be written.
    """
    t, b, h, w = stack.data.shape
    nodata = _nodata(stack.data.dtype, stack.quantity, path)
    profile = _profile(stack.data.dtype, t * b, (h, w), stack.geobox)
    dates = ["" if np.isnat(d) else f" {np.datetime_as_string(d, unit='D')}" for d in stack.times]
    with MemoryFile() as memory:
        with rasterio.Env(GDAL_NUM_THREADS=1), memory.open(**profile, nodata=nodata) as file:
            file.write(_filled(stack, nodata).reshape(t * b, h, w))
            _describe(file, stack.bands, dates, stack.quantity, stack.origin, legend)
        write_whole(path, memory.read())


def write_scene(scene: Scene, path: Path, *, legend: Legend | None = None, progress: Progress = SILENT) -> None:
    """Write a scene as a tiled GeoTIFF, some rows at a time; `formats.geotiff` needs no declaration to open it.

    Parameters
    ----------
    scene : Scene
        Of any size and quantity.
    legend : Legend, optional
        Colours of a class map.
    progress : Progress
        Called with rows written and all.

    Raises
    ------
    Refused
        The dtype has no place in a GeoTIFF, or the file cannot be written; nothing of it is left.
    """
    height, width = scene.shape
    first = scene.read(Window(0, 0, 1, 1))
    dtype, when = first.data.dtype, first.times[0]
    nodata = _nodata(dtype, scene.quantity, path)
    profile = _profile(dtype, len(scene.bands), scene.shape, scene.geobox)
    profile |= {"tiled": True, "blockxsize": _TILE, "blockysize": _TILE, "BIGTIFF": "IF_SAFER", "nodata": nodata}
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with rasterio.Env(GDAL_NUM_THREADS=1), rasterio.open(temporary, "w", **profile) as file:
            for row in range(0, height, _TILE):
                rows = min(_TILE, height - row)
                stack = scene.read(Window(row, 0, rows, width))
                file.write(_filled(stack, nodata)[0], window=RasterWindow(0, row, width, rows))
                progress(row + rows, height)
            _describe(file, scene.bands, [""], scene.quantity, scene.origin, legend)
            file.update_tags(**_own_tags(scene, when))
    except (RasterioError, OSError) as error:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.errno is not None:
            raise refusal(path, error) from error
        said = str(error).strip().rstrip(".").split("\n")[0][:200]
        fix = "Look at the folder and the space on its disk."
        raise Refused(where=str(path), what=f"cannot be written ({said})", fix=fix) from error
    publish(temporary, path)


def _own_tags(scene: Scene, when: np.datetime64) -> dict[str, str]:
    """What `formats.mapping.with_tags` reads."""
    held = {
        "SWATH_KIND": scene.quantity.kind,
        "SWATH_SENSOR": scene.origin.sensor,
        "SWATH_TIME": "" if np.isnat(when) else str(np.datetime_as_string(when, unit="s")),
        "SWATH_ATTRIBUTION": scene.origin.attribution,
    }
    return {name: text for name, text in held.items() if text}


def _describe(
    file: Any,
    bands: Sequence[str],
    dates: Sequence[str],
    quantity: Quantity,
    origin: Origin,
    legend: Legend | None,
) -> None:
    """Names, dates, scale and offset, colours and the meaning of the numbers."""
    t, b = len(dates), len(bands)
    for i in range(t * b):
        file.set_band_description(i + 1, bands[i % b] + dates[i // b])
    if quantity.kind == "dn" and quantity.offset is not None and quantity.quantification:
        scales = np.broadcast_to(1 / np.asarray(quantity.quantification), b)
        file.scales = tuple(np.tile(scales, t))
        file.offsets = tuple(np.tile(np.broadcast_to(np.asarray(quantity.offset), b) * scales, t))
    file.update_tags(
        SWATH_QUANTITY=str(quantity),
        SWATH_BANDS=" ".join(bands),
        SWATH_LEVEL=origin.level,
        SWATH_ORIGIN=json.dumps(origin.to_json(), sort_keys=True),
    )
    if legend is not None and file.dtypes[0] == "uint8":
        file.write_colormap(1, {code: (*rgb, 255) for code, rgb in legend.palette().items() if 0 <= code <= 255})
