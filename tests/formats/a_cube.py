"""Builder: cubes as openEO writes them (classic and NetCDF-4, by scipy and h5py) and as xarray writes Zarr."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import xarray as xr
from pyproj import CRS
from scipy.io import netcdf_file

TALL, WIDE = 48, 60
DAYS = (11962, 11967, 11970)
DATES = ("2022-10-02", "2022-10-07", "2022-10-10")
LEFT, TOP = 640000.0, 5677000.0
BANDS = ("S2-L2A-B04", "S2-L2A-B03", "S2-L2A-B02", "S2-L2A-B08")


def numbers(name: str, *, low: int = 60, high: int = 3000, size: tuple[int, int] = (TALL, WIDE)) -> np.ndarray:
    """(t, h, w) uint16."""
    return np.random.default_rng(list(name.encode())).integers(low, high, (len(DAYS), *size)).astype(np.uint16)


def scl() -> np.ndarray:
    """(t, h, w) uint16 of scene classes."""
    return np.random.default_rng(3).choice([4, 5, 8, 9], (len(DAYS), TALL, WIDE)).astype(np.uint16)


def s2_bands(**more: np.ndarray) -> dict[str, np.ndarray]:
    """Four bands and their scene classes."""
    return {**{name: numbers(name) for name in BANDS}, "S2-L2A-SCL": scl(), **more}


def _axes(size: tuple[int, int], upside_down: bool) -> tuple[np.ndarray, np.ndarray]:
    y = TOP - 5 - 10 * np.arange(size[0])
    return (y[::-1] if upside_down else y), LEFT + 5 + 10 * np.arange(size[1])


def a_netcdf4(
    path: Path,
    bands: Mapping[str, np.ndarray],
    *,
    days: Sequence[int] = DAYS,
    epsg: int | None = 32631,
    about: Mapping[str, Any] | None = None,
    upside_down: bool = False,
) -> Path:
    """As openEO's Geotrellis backend writes: int16 that are unsigned, gzip, no code of absence."""
    path.parent.mkdir(parents=True, exist_ok=True)
    size = next(iter(bands.values())).shape[1:]
    y, x = _axes(size, upside_down)
    with h5py.File(path, "w") as file:
        for name, held, more in (
            ("t", np.array(days, np.int32), {"units": "days since 1990-01-01", "axis": "T"}),
            ("y", y, {"standard_name": "projection_y_coordinate", "units": "m"}),
            ("x", x, {"standard_name": "projection_x_coordinate", "units": "m"}),
        ):
            file[name] = held
            file[name].make_scale(name)
            file[name].attrs.update({key: np.bytes_(text) for key, text in more.items()})
        if epsg:
            file["crs"] = np.bytes_(b"")
            file["crs"].attrs["crs_wkt"] = np.bytes_(CRS.from_epsg(epsg).to_wkt("WKT1_GDAL"))
        for name, data in bands.items():
            turned = data[:, ::-1] if upside_down else data
            stored = turned.view(np.int16) if turned.dtype == np.uint16 else turned
            made = file.create_dataset(name, data=stored, chunks=(1, *size), compression="gzip")
            for i, dim in enumerate("tyx"):
                made.dims[i].attach_scale(file[dim])
            made.attrs.update({"grid_mapping": np.bytes_(b"crs"), **(about or {})})
            if turned.dtype == np.uint16:
                made.attrs["_Unsigned"] = np.bytes_(b"true")
    return path


def a_classic(path: Path, bands: Mapping[str, np.ndarray]) -> Path:
    """The same as NetCDF 3."""
    size = next(iter(bands.values())).shape[1:]
    y, x = _axes(size, False)
    with netcdf_file(path, "w", version=2) as file:
        for name, length in (("t", len(DAYS)), ("y", size[0]), ("x", size[1]), ("one", 1)):
            file.createDimension(name, length)
        for name, held, kind in (("t", DAYS, "i4"), ("y", y, "f8"), ("x", x, "f8")):
            file.createVariable(name, kind, (name,))[:] = held
        file.variables["t"].units = "days since 1990-01-01"
        crs = file.createVariable("crs", "S1", ("one",))
        crs.crs_wkt = CRS.from_epsg(32631).to_wkt("WKT1_GDAL")
        for name, data in bands.items():
            made = file.createVariable(name, "i2", ("t", "y", "x"))
            made[:] = data.view(np.int16)
            made.grid_mapping, made._Unsigned = "crs", "true"
    return path


def a_dataset(bands: Mapping[str, np.ndarray], **about: Any) -> xr.Dataset:
    """As odc.stac.load gives: time, y, x, and spatial_ref with the CRS."""
    y, x = _axes((TALL, WIDE), False)
    times = np.array(DATES, "datetime64[ns]")
    made = xr.Dataset(
        {name: (("time", "y", "x"), data, {"grid_mapping": "spatial_ref", **about}) for name, data in bands.items()},
        coords={"time": times, "y": y, "x": x, "spatial_ref": 0},
    )
    made["spatial_ref"].attrs["spatial_ref"] = CRS.from_epsg(32631).to_wkt()
    return made


def a_zarr(path: Path, bands: Mapping[str, np.ndarray], *, version: int = 3, **about: Any) -> Path:
    """A Zarr group as xarray writes it."""
    a_dataset(bands, **about).to_zarr(path, zarr_format=version, consolidated=False, mode="w")
    return path
