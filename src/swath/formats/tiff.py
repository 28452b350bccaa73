"""GeoTIFF out: a stack as a file that QGIS and every other program opens, with its meaning in the tags.

Bands of all dates follow one another, each with its name, date and, for digital numbers, scale and offset. Codes carry
their colours. What is invalid is stored as the file's nodata.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import numpy as np
import rasterio
from rasterio.io import MemoryFile

from swath.core.errors import Refused
from swath.core.files import write_whole
from swath.core.legends import Legend
from swath.core.stack import Stack, measured

__all__ = ["write_tiff"]

#: dtype kind -> nodata: raw Sentinel-2 numbers 0, codes 255, reals NaN, signed integers their least.
_NODATA: Final[dict[str, float]] = {"uint16": 0, "uint8": 255, "float32": float("nan"), "float64": float("nan")}


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
    name = stack.data.dtype.name
    nodata = None if stack.quantity.kind == "rgb8" else _NODATA.get(name)
    if stack.data.dtype.kind == "i":
        nodata = float(np.iinfo(stack.data.dtype).min)
    if name not in (*_NODATA, "int8", "int16", "int32"):
        raise Refused(where=str(path), what=f"a GeoTIFF of {name} is not written", fix="Convert it first.")
    data = stack.data
    mask = measured(stack)
    if mask is not None and nodata is not None:
        data = np.where(mask, data, data.dtype.type(nodata))
    profile: dict[str, Any] = {
        "driver": "GTiff",
        "dtype": name,
        "count": t * b,
        "height": h,
        "width": w,
        "nodata": nodata,
        "compress": "deflate",
        "predictor": 3 if stack.data.dtype.kind == "f" else 2,
        "interleave": "band",
    }
    if stack.geobox is not None:
        profile["transform"] = stack.geobox.transform
        profile["crs"] = None if stack.geobox.crs is None else str(stack.geobox.crs)
    with MemoryFile() as memory:
        with rasterio.Env(GDAL_NUM_THREADS=1), memory.open(**profile) as file:
            file.write(data.reshape(t * b, h, w))
            _describe(file, stack, legend)
        write_whole(path, memory.read())


def _describe(file: Any, stack: Stack, legend: Legend | None) -> None:
    """Names, dates, scale and offset, colours and the meaning of the numbers."""
    t, b = stack.data.shape[:2]
    dates = ["" if np.isnat(d) else f" {np.datetime_as_string(d, unit='D')}" for d in stack.times]
    for i in range(t * b):
        file.set_band_description(i + 1, stack.bands[i % b] + dates[i // b])
    quantity = stack.quantity
    if quantity.kind == "dn" and quantity.offset is not None and quantity.quantification:
        scales = np.broadcast_to(1 / np.asarray(quantity.quantification), b)
        file.scales = tuple(np.tile(scales, t))
        file.offsets = tuple(np.tile(np.broadcast_to(np.asarray(quantity.offset), b) * scales, t))
    file.update_tags(
        SWATH_QUANTITY=str(quantity),
        SWATH_BANDS=" ".join(stack.bands),
        SWATH_LEVEL=stack.origin.level,
        SWATH_ORIGIN=json.dumps(stack.origin.to_json(), sort_keys=True),
    )
    if legend is not None and stack.data.dtype == np.uint8:
        file.write_colormap(1, {code: (*rgb, 255) for code, rgb in legend.palette().items() if 0 <= code <= 255})
