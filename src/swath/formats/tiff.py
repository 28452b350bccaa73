"""GeoTIFF out: a stack or a scene as a file that QGIS and every other program opens, with its meaning in the tags.

Each band has its name and, for digital numbers, its scale and offset; a file is one date. Codes carry their colours.
What is invalid is stored as the file's nodata, or as a mask. A scene is written strip by strip, whatever its size.
`formats.geotiff` opens both again with nothing declared.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
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
from swath.core.errors import Mismatch, Refused
from swath.core.files import publish, refusal, write_whole
from swath.core.legends import Legend
from swath.core.origin import Origin
from swath.core.progress import SILENT, Progress
from swath.core.quantity import Quantity
from swath.core.scene import Scene, Window
from swath.core.stack import Stack
from swath.formats.raster import unplaced_is_a_fact

__all__ = ["write_scene", "write_tiff"]

#: dtype kind -> nodata: raw Sentinel-2 numbers 0, codes 255, reals NaN, signed integers their least.
_NODATA: Final[dict[str, float]] = {"uint16": 0, "uint8": 255, "float32": float("nan"), "float64": float("nan")}
#: Pixels a side of the tiles of a scene, and rows that are written at once.
_TILE: Final = 256


def _nodata(dtype: np.dtype[Any], quantity: Quantity, path: Path) -> float | None:
    """Code of absence of a file; refuses what has no place in a GeoTIFF."""
    if dtype.name not in (*_NODATA, "uint32", "int8", "int16", "int32"):
        raise Refused(where=str(path), what=f"a GeoTIFF of {dtype.name} is not written", fix="Convert it first.")
    if dtype.kind == "i":
        return float(np.iinfo(dtype).min)
    return None if quantity.kind == "rgb8" else _NODATA.get(dtype.name)


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


def _filled(stack: Stack, nodata: float | None, path: Path) -> Array:
    """Pixels (b, h, w) of one date, what is invalid as nodata; what is measured never becomes that."""
    pixels: Array = stack.data[0]
    valid = None if stack.valid is None or stack.valid.all() else np.broadcast_to(stack.valid[0], pixels.shape)
    if nodata is None:
        if valid is not None:
            what = f"has invalid pixels, and {pixels.dtype.name} of {stack.quantity.kind} no code for them"
            raise Refused(where=str(path), what=what, fix="Convert it to a wider type.")
        return pixels
    if pixels.dtype.kind != "f" and not _is_optical(stack):
        taken = pixels == pixels.dtype.type(nodata)
        if (taken if valid is None else taken & valid).any():
            what = f"holds {nodata:.0f} as a measurement, which is the code of absence of such a file"
            raise Refused(where=str(path), what=what, fix="Convert it to a wider type.")
    return pixels if valid is None else np.where(valid, pixels, pixels.dtype.type(nodata))


def _is_optical(stack: Stack) -> bool:
    """True for digital numbers of Sentinel-2, of which 0 is no measurement (`core.stack.measured`)."""
    return stack.quantity.kind == "dn" and stack.quantity.of is not None


def _absence(stack: Stack, path: Path) -> tuple[float | None, Array | None]:
    """Code of absence that no measurement has, or a mask (h, w) beside the pixels where every code is one.

    Digital numbers of Sentinel-2 keep 0, which is no measurement there (`core.stack.measured`).
    """
    usual = _nodata(stack.data.dtype, stack.quantity, path)
    if stack.data.dtype.kind == "f" or _is_optical(stack):
        return usual, None
    shape = stack.data.shape
    good = stack.data if stack.valid is None else stack.data[np.broadcast_to(stack.valid, shape)]
    if stack.valid is None or stack.valid.all():
        return (None if usual is None or (good == usual).any() else usual), None
    is_shared = bool((stack.valid == stack.valid[:, :1]).all())
    if stack.quantity.kind == "rgb8" and is_shared:
        return None, stack.valid[0, 0]
    code = _unused(good, usual)
    if code is None and not is_shared:
        what = "has masks that differ from band to band, and a measurement for every code"
        raise Refused(where=str(path), what=what, fix="Write its bands apart, or convert it to more bits.")
    return code, None if code is not None else stack.valid[0, 0]


def _unused(good: Array, usual: float | None) -> float | None:
    """The usual code or another that no measurement has; None = every code is one."""
    about = np.iinfo(good.dtype)
    first = () if usual is None else (int(usual),)
    taken = set(np.unique(good).tolist())
    candidates = (*first, int(about.max), int(about.min), *range(int(about.min), int(about.min) + len(taken) + 1))
    return next((float(code) for code in candidates if code not in taken and code <= about.max), None)


def write_tiff(
    stack: Stack, path: Path, *, legend: Legend | None = None, tags: Mapping[str, str] | None = None
) -> None:
    """Write one date of a stack as a GeoTIFF; `formats.geotiff` opens it again with nothing declared.

    Parameters
    ----------
    stack : Stack
        Of one date (`core.stack.select_date`) and any quantity; without a geobox it becomes a file without a place.
        What is invalid is stored as a code that no measurement has, or as a mask where there is none.
    legend : Legend, optional
        Colours of a class map.
    tags : mapping, optional
        Further ones, their names begin with `SWATH_`.

    Raises
    ------
    Mismatch
        The stack has several dates.
    Refused
        The dtype or its masks have no place in a GeoTIFF, or the file cannot be written.
    """
    t, b, h, w = stack.data.shape
    if t != 1:
        fix = "Write one file a date."
        raise Mismatch(where=str(path), what="dates", want="1 (bands of a file have no dates)", have=str(t), fix=fix)
    nodata, mask = _absence(stack, path)
    profile = _profile(stack.data.dtype, b, (h, w), stack.geobox)
    pixels = stack.data[0]
    if stack.valid is not None and nodata is not None:
        pixels = np.where(np.broadcast_to(stack.valid[0], pixels.shape), pixels, pixels.dtype.type(nodata))
    held = {**_own_tags(stack.quantity, stack.origin, stack.times[0]), **(tags or {})}
    held |= {"SWATH_GSD": f"{float(stack.gsd[0])!r},{float(stack.gsd[1])!r}"}
    if stack.valid is None or stack.valid.all():
        held |= {"SWATH_VALID": "all"}
    with MemoryFile() as memory:
        options = {"GDAL_NUM_THREADS": 1, "GDAL_TIFF_INTERNAL_MASK": True}
        with unplaced_is_a_fact(), rasterio.Env(**options), memory.open(**profile, nodata=nodata) as file:
            file.write(pixels)
            if mask is not None:
                file.write_mask(mask)
            _describe(file, stack.bands, stack.quantity, stack.origin, legend)
            file.update_tags(**held)
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
        The dtype, or what is invalid, has no place in a GeoTIFF, or the file cannot be written; nothing of it is left.
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
        with (
            unplaced_is_a_fact(),
            rasterio.Env(GDAL_NUM_THREADS=1),
            rasterio.open(temporary, "w", **profile) as file,
        ):
            for row in range(0, height, _TILE):
                rows = min(_TILE, height - row)
                stack = scene.read(Window(row, 0, rows, width))
                file.write(_filled(stack, nodata, path), window=RasterWindow(0, row, width, rows))
                progress(row + rows, height)
            _describe(file, scene.bands, scene.quantity, scene.origin, legend)
            file.update_tags(**_own_tags(scene.quantity, scene.origin, when))
        publish(temporary, path)
    except (RasterioError, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise refusal(path, error) from error
        said = str(error).strip().rstrip(".").split("\n")[0][:200]
        fix = "Look at the folder and the space on its disk."
        raise Refused(where=str(path), what=f"cannot be written ({said})", fix=fix) from error
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def _own_tags(quantity: Quantity, origin: Origin, when: np.datetime64) -> dict[str, str]:
    """What `formats.mapping.with_tags` reads."""
    held = {
        "SWATH_KIND": quantity.kind,
        "SWATH_UNIT": quantity.unit,
        "SWATH_RENDERING": quantity.rendering,
        "SWATH_LEGEND": quantity.legend,
        "SWATH_SENSOR": origin.sensor,
        "SWATH_TIME": "" if np.isnat(when) else str(when.astype("datetime64[us]")),
        "SWATH_ATTRIBUTION": origin.attribution,
    }
    return {name: text for name, text in held.items() if text}


def _describe(file: Any, bands: Sequence[str], quantity: Quantity, origin: Origin, legend: Legend | None) -> None:
    """Names, scale and offset, colours and the meaning of the numbers."""
    b = len(bands)
    for i, name in enumerate(bands):
        file.set_band_description(i + 1, name)
    if quantity.kind == "dn" and quantity.offset is not None and quantity.quantification:
        scales = np.broadcast_to(1 / np.asarray(quantity.quantification), b)
        file.scales = tuple(scales)
        file.offsets = tuple(np.broadcast_to(np.asarray(quantity.offset), b) * scales)
    file.update_tags(
        SWATH_QUANTITY=str(quantity),
        SWATH_BANDS=" ".join(bands),
        SWATH_LEVEL=origin.level,
        SWATH_ORIGIN=json.dumps(origin.to_json(), sort_keys=True),
    )
    if legend is not None and file.dtypes[0] == "uint8":
        file.write_colormap(1, {code: (*rgb, 255) for code, rgb in legend.palette().items() if 0 <= code <= 255})
