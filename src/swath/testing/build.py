"""Builders: small stacks, samples and foreign files for tests, made from a seed and from nothing else.

Patches look to the band proof and the pixel check as real ones do: spectra are the class means of EuroSAT (L1C digital
numbers without offset), leaves and soil mix in fields, and 20 m and 60 m bands are as smooth as they are. They are no
landscape: see `swath.world` for that.
"""

from __future__ import annotations

import warnings
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import rasterio
from affine import Affine
from odc.geo.geobox import GeoBox
from rasterio.errors import NotGeoreferencedWarning
from rasterio.io import MemoryFile

from swath.core.array import Array
from swath.core.geobox import centre, footprint, sample_geobox
from swath.core.legends import legend
from swath.core.origin import Origin
from swath.core.quantity import Quantity, dn
from swath.core.rendering import encode_jpeg, render
from swath.core.sample import Sample, Target
from swath.core.stack import Stack

__all__ = [
    "CLASSES",
    "EUROSAT_ORDER",
    "a_eurosat_folder",
    "a_eurosat_patch",
    "a_eurosat_zip",
    "a_geotiff",
    "a_positions_table",
    "a_sample",
    "a_stack",
    "an_l1c",
]

#: EuroSAT's ten classes, in the order of their codes.
CLASSES: Final = legend("eurosat").names
#: Order of the bands in EuroSAT's GeoTIFFs.
EUROSAT_ORDER: Final = (
    "B01", "B02", "B03", "B04", "B05", "B06", "B07", "B08", "B09", "B10", "B11", "B12", "B8A",
)  # fmt: skip
# Means of ten real patches a class, L1C DN without offset, in EuroSAT's order (Helber et al. 2019, MIT licence).
_MEANS: Final = {
    "AnnualCrop": (1444, 1289, 1312, 1398, 1697, 2686, 3177, 3068, 773, 13, 2757, 1769, 3529),
    "Forest": (1158, 836, 672, 400, 675, 1945, 2477, 2411, 729, 9, 1174, 464, 2758),
    "HerbaceousVegetation": (1308, 1054, 948, 899, 1255, 2067, 2398, 2435, 1182, 15, 2170, 1270, 2721),
    "Highway": (1355, 1128, 1072, 1008, 1289, 2279, 2736, 2632, 672, 16, 2201, 1340, 3015),
    "Industrial": (1639, 1445, 1360, 1373, 1533, 2057, 2325, 2215, 658, 12, 2223, 1586, 2503),
    "Pasture": (1238, 982, 944, 709, 1203, 2756, 3405, 3360, 1140, 14, 2082, 1073, 3801),
    "PermanentCrop": (1389, 1175, 1154, 1181, 1477, 2321, 2723, 2641, 755, 13, 2497, 1553, 3019),
    "Residential": (1436, 1181, 1078, 1032, 1250, 1958, 2269, 2164, 624, 11, 1910, 1297, 2461),
    "River": (1253, 985, 870, 680, 920, 1626, 1942, 1891, 638, 11, 1385, 788, 2133),
    "SeaLake": (1218, 931, 737, 490, 470, 366, 361, 300, 85, 7, 84, 55, 287),
}
_STEP: Final = {"B01": 6, "B09": 6, "B10": 6, **dict.fromkeys(("B05", "B06", "B07", "B8A", "B11", "B12"), 2)}
_PURPOSE: Final = 0xE5A7  # keeps these streams apart from anybody else's of the same seed


def a_stack(
    numbers: Any = 1000,
    *,
    bands: Sequence[str] = ("B04", "B03", "B02"),
    quantity: Quantity | None = None,
    dates: Sequence[str] = ("2022-08-12",),
    size: int = 4,
    dtype: str = "uint16",
    valid: Array | None = None,
    geobox: GeoBox | None = None,
    level: str = "L1C",
) -> Stack:
    """Make a stack near Bolzano; `numbers` is spread over its shape (t, b, h, w).

    Examples
    --------
    >>> a_stack(7, size=2).data.shape, a_stack().quantity
    ((1, 3, 2, 2), Quantity('dn offset -1000 (toa reflectance, /10000)'))
    """
    box = geobox or sample_geobox(11.35, 46.5, size=size)
    shape = (len(dates), len(bands), *box.shape.yx)
    return Stack(
        data=np.broadcast_to(np.asarray(numbers, dtype), shape).copy(),
        bands=tuple(bands),
        times=np.array(dates, "datetime64[us]"),
        quantity=quantity or dn("toa", offset=-1000),
        geobox=box,
        gsd=(10.0, 10.0),
        valid=valid,
        origin=Origin(items=("T32TPS",), sensor="s2-l1c" if level == "L1C" else "", level=level),
    )


def an_l1c(dn: Any = 1000, **more: Any) -> Stack:
    """Make an L1C stack of baseline 04.00: digital numbers with offset -1000."""
    return a_stack(dn, **more)


def a_sample(id: str = "Forest_1", *, stacks: Mapping[str, Stack] | None = None, code: int = 1) -> Sample:
    """Make a sample with a class of EuroSAT."""
    held = stacks or {"s2": a_stack()}
    box = next(iter(held.values())).geobox
    outline, lonlat = (None, None) if box is None else (footprint(box), centre(box))
    return Sample(id, held, {"class": Target(code=code)}, outline, lonlat=lonlat)


def _field(rng: np.random.Generator, size: int) -> Array:
    """A field in -1..1 with structure at all scales, shape (size, size)."""
    made = np.zeros((size, size))
    for step in (32, 16, 8, 4, 2, 1):
        coarse = rng.standard_normal((size // step + 2, size // step + 2))
        made += _enlarged(coarse, step, size) * step**0.5
    return np.asarray(np.tanh(made / made.std()))


def _enlarged(coarse: Array, step: int, size: int) -> Array:
    """Linear interpolation of a coarse grid, shape (size, size)."""
    at = np.arange(size) / step
    low, part = at.astype(int), at % 1.0
    rows = coarse[low] * (1 - part)[:, None] + coarse[low + 1] * part[:, None]
    return np.asarray(rows[:, low] * (1 - part) + rows[:, low + 1] * part)


def _coarsened(band: Array, step: int) -> Array:
    """Means over squares of `step` pixels, and back by linear interpolation."""
    if step == 1:
        return band
    size = len(band)
    padded = np.pad(band, (0, -size % step + step), mode="edge")
    blocks = padded.reshape(len(padded) // step, step, -1, step).mean(axis=(1, 3))
    return _enlarged(blocks, step, size)


def a_eurosat_patch(label: str, number: int, *, seed: int = 0, size: int = 64) -> Array:
    """Make the pixels of a 13-band patch: uint16, shape (13, h, w), in the order of EuroSAT's files."""
    rng = np.random.Generator(np.random.Philox(key=[seed, _PURPOSE], counter=[0, 0, CLASSES.index(label), number]))
    mean = np.array(_MEANS[label], float)
    leaves, soil = np.array(_MEANS["Pasture"], float), np.array(_MEANS["AnnualCrop"], float)
    water = label == "SeaLake"
    mixing, light = _field(rng, size), 1 + 0.05 * _field(rng, size)
    bands = []
    for i, band in enumerate(EUROSAT_ORDER):
        surface = mean[i] * light + (0 if water else 0.45 * (leaves - soil)[i] * mixing)
        noise = rng.standard_normal((size, size)) * 0.004 * mean[i]
        bands.append(_coarsened(surface + noise, _STEP.get(band, 1)))
    return np.asarray(np.clip(np.rint(bands), 1, 32767).astype(np.uint16))


def _patch_file(kind: str, label: str, number: int, seed: int) -> bytes:
    pixels = a_eurosat_patch(label, number, seed=seed)
    if kind == "rgb":
        # As the distributed files: stretched and coded.
        return encode_jpeg(render(pixels, dn("toa", offset=0), EUROSAT_ORDER, "eurosat-2750"))
    code = CLASSES.index(label)
    transform = Affine(10.003, 0, 600000.25 + 900 * number, 0, -9.997, 5200000.75 - 900 * code)
    return _tiff_bytes(pixels, "EPSG:32632", transform)


def _eurosat_files(n: int, kind: str, classes: Sequence[str], seed: int) -> Iterator[tuple[str, bytes]]:
    root, suffix = {"rgb": ("2750", "jpg"), "ms": ("ds/images/tif", "tif")}[kind]
    for label in classes:
        for number in range(1, n + 1):
            yield f"{root}/{label}/{label}_{number}.{suffix}", _patch_file(kind, label, number, seed)


def a_eurosat_zip(
    path: Path, *, n: int = 2, kind: str = "rgb", classes: Sequence[str] = CLASSES, seed: int = 0
) -> Path:
    """Write a zip laid out as EuroSAT is distributed.

    Parameters
    ----------
    path : Path
        The zip.
    n : int
        Patches a class.
    kind : str
        `rgb` (JPEG) or `ms` (GeoTIFF with 13 bands).
    """
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as made:
        for name, blob in _eurosat_files(n, kind, classes, seed):
            made.writestr(zipfile.ZipInfo(name), blob, compress_type=zipfile.ZIP_DEFLATED)
    return path


def a_eurosat_folder(
    path: Path, *, n: int = 2, kind: str = "rgb", classes: Sequence[str] = CLASSES, seed: int = 0
) -> Path:
    """Write the same files into a folder."""
    for name, blob in _eurosat_files(n, kind, classes, seed):
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(blob)
    return path


def a_positions_table(
    path: Path, *, n: int = 2, classes: Sequence[str] = CLASSES, leave_out: Sequence[str] = ()
) -> Path:
    """Write a table of positions for `a_eurosat_zip(kind="rgb")`: a row of patches a class, from Bolzano eastwards."""
    lines = ["path,class,lat,lon"]
    for code, label in enumerate(classes):
        for number in range(1, n + 1):
            if f"{label}_{number}" not in leave_out:
                lat, lon = 46.5 + 0.02 * code, 11.35 + 0.02 * number
                lines.append(f"2750/{label}/{label}_{number}.jpg,{label},{lat:.7f},{lon:.7f}")
    path.write_text("\n".join(lines) + "\n")
    return path


def _tiff_bytes(pixels: Array, crs: str | None, transform: Affine | None, **more: Any) -> bytes:
    """Bytes of a GeoTIFF; options as of `a_geotiff`."""
    mask, names, alpha = more.pop("mask", None), more.pop("descriptions", ()), more.pop("alpha", False)
    scales, offsets, tags = more.pop("scales", None), more.pop("offsets", None), more.pop("tags", {})
    bands, height, width = pixels.shape
    profile = {"driver": "GTiff", "dtype": pixels.dtype.name, "count": bands, "height": height, "width": width, **more}
    profile |= {"alpha": "YES"} if alpha else {}
    profile |= {name: value for name, value in {"crs": crs, "transform": transform}.items() if value is not None}
    with MemoryFile() as memory, rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True), warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with memory.open(**profile) as dataset:
            dataset.write(pixels)
            for i, name in enumerate(names, start=1):
                dataset.set_band_description(i, name)
            if scales is not None:
                dataset.scales = scales
            if offsets is not None:
                dataset.offsets = offsets
            if mask is not None:
                dataset.write_mask(mask)
            dataset.update_tags(**tags)
        return bytes(memory.read())


def a_geotiff(
    path: Path,
    numbers: Any = 1000,
    *,
    bands: int = 3,
    size: tuple[int, int] = (8, 8),
    dtype: str = "uint16",
    crs: str | None = "EPSG:32632",
    transform: Affine | None = None,
    **more: Any,
) -> Path:
    """Write a GeoTIFF.

    Parameters
    ----------
    path : Path
        The file; its folder is made.
    numbers : number or array
        Spread over (b, h, w), or an array of three dimensions that decides them.
    crs : str or None
        None = no place at all.
    transform : Affine, optional
        Default: 10 m pixels near Bolzano.
    **more
        `nodata`, `descriptions`, `scales`, `offsets`, `mask` (bool, h x w), `alpha` (True: the last band is one),
        `tags`, and whatever else the driver takes (`tiled`, `compress`).
    """
    given = np.asarray(numbers)
    pixels = given if given.ndim == 3 else np.broadcast_to(given, (bands, *size))
    pixels = pixels.astype(dtype)
    path.parent.mkdir(parents=True, exist_ok=True)
    placed = (transform or Affine(10, 0, 680040, 0, -10, 5152200)) if crs is not None else transform
    path.write_bytes(_tiff_bytes(pixels, crs, placed, **more))
    return path
