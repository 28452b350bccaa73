"""Exchange: stacks to and from xarray, without loss.

An xarray dataset holds `data (time, band, y, x)` and, where there is one, `valid`; coordinates are pixel centres of the
geobox, attributes carry quantity, gsd and origin as JSON. Importing xarray takes seconds, so nothing else does here.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import xarray as xr
from affine import Affine
from odc.geo.geobox import GeoBox

from swath.core.errors import Mismatch
from swath.core.origin import Origin
from swath.core.quantity import Quantity
from swath.core.stack import Stack

__all__ = ["from_xarray", "to_xarray"]


def to_xarray(stack: Stack) -> xr.Dataset:
    """Put a stack into an `xarray.Dataset`; `from_xarray` gives the same stack back."""
    coords: dict[str, Any] = {"time": ("time", stack.times.astype("datetime64[us]")), "band": list(stack.bands)}
    attrs: dict[str, Any] = {
        "quantity": json.dumps(stack.quantity.to_json()),
        "gsd": list(stack.gsd),
        "origin": json.dumps(stack.origin.to_json()),
    }
    if stack.geobox is not None:
        t = stack.geobox.transform
        height, width = stack.geobox.shape.yx
        if t.b == 0 and t.d == 0:
            coords["x"] = ("x", t.c + t.a * (np.arange(width) + 0.5))
            coords["y"] = ("y", t.f + t.e * (np.arange(height) + 0.5))
        attrs["transform"] = list(t)[:6]
        if stack.geobox.crs is not None:
            attrs["crs"] = str(stack.geobox.crs)
    dims = ("time", "band", "y", "x")
    held: dict[str, Any] = {"data": (dims, stack.data)}
    if stack.valid is not None:
        one = stack.valid.shape[1] == 1 and len(stack.bands) > 1
        held["valid"] = (("time", "y", "x"), stack.valid[:, 0]) if one else (dims, stack.valid)
    return xr.Dataset(held, coords=coords, attrs=attrs)


def from_xarray(dataset: xr.Dataset) -> Stack:
    """Read a dataset that `to_xarray` made.

    Raises
    ------
    Mismatch
        It lacks what says what its numbers mean.
    """
    lacking = [name for name in ("quantity", "gsd", "origin") if name not in dataset.attrs]
    if lacking or "data" not in dataset:
        raise Mismatch(
            where="xarray dataset",
            what="attributes",
            want="data, quantity, gsd, origin",
            have=", ".join(map(str, [*dataset, *dataset.attrs])) or "none",
            fix="Build the Stack itself and say what the numbers are.",
        )
    data = dataset["data"].values
    valid = None
    if "valid" in dataset:
        held = dataset["valid"]
        valid = held.values if held.ndim == 4 else held.values[:, None]
    geobox = None
    if "transform" in dataset.attrs:
        shape = data.shape[2], data.shape[3]
        geobox = GeoBox(shape, Affine(*dataset.attrs["transform"]), dataset.attrs.get("crs"))
    gsd = dataset.attrs["gsd"]
    return Stack(
        data=data,
        bands=tuple(str(band) for band in dataset["band"].values),
        times=dataset["time"].values.astype("datetime64[us]"),
        quantity=Quantity.from_json(json.loads(dataset.attrs["quantity"])),
        geobox=geobox,
        gsd=(float(gsd[0]), float(gsd[1])),
        valid=valid,
        origin=Origin.from_json(json.loads(dataset.attrs["origin"])),
    )
