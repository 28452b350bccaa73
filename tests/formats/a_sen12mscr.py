"""Builder: patches of SEN12MS-CR and of its series in their folders, by rasterio; land of all classes, cloud added."""

from __future__ import annotations

import zipfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from affine import Affine

from swath.core.bands import S2_BANDS
from swath.core.presets import band_order
from swath.testing.build import a_eurosat_patch, a_geotiff

SIDE = 64
#: Classes whose leaves, soil and roofs let physics speak.
LAND = ("Forest", "AnnualCrop", "Pasture", "HerbaceousVegetation", "Residential", "PermanentCrop")
UTM = Affine(10, 0, 701879.9106015414, 0, -10, 3710139.5406956286)
#: The grid of the Italian series: degrees whose pixels are taller than wide on the ground.
DEGREES = Affine(8.983152841195215e-05, 0, 12.712508743217409, 0, -8.983152841195215e-05, 42.07547094064697)


def l1c(number: int, *, side: int = SIDE) -> np.ndarray:
    """Digital numbers (13, h, w) uint16 in the order of the names."""
    held = band_order("eurosat-13").bands
    pixels = a_eurosat_patch(LAND[number % len(LAND)], number, seed=number, size=side)
    return pixels[[held.index(band) for band in S2_BANDS]]


def clouded(clear: np.ndarray) -> np.ndarray:
    """The same with a cloud of 14,000 in one corner, dark in B10."""
    made = clear.copy()
    made[:, : SIDE // 2, : SIDE // 2] = 14000
    made[S2_BANDS.index("B10"), : SIDE // 2, : SIDE // 2] = 20
    return made


def radar(seed: int, *, side: int = SIDE) -> np.ndarray:
    """VV and VH (2, h, w) float32 [dB]."""
    draw = np.random.default_rng(seed).normal(0, 2, (2, side, side))
    return (draw + np.array([-11.0, -18.0])[:, None, None]).astype(np.float32)


def _write(path: Path, pixels: np.ndarray, crs: str, transform: Affine) -> Path:
    return a_geotiff(
        path,
        pixels,
        bands=len(pixels),
        size=pixels.shape[1:],
        dtype=pixels.dtype.name,
        crs=crs,
        transform=transform,
        compress="deflate",
    )


def a_triplet(
    root: Path,
    patch: int = 839,
    *,
    scene: int = 139,
    kinds: Iterable[str] = ("s1", "s2", "s2_cloudy"),
    shift: int = 0,
    order: Sequence[str] = S2_BANDS,
    pixels: dict[str, np.ndarray] | None = None,
    moved: str = "",
) -> Path:
    """Looks at one patch; `shift` is added to optical numbers, `moved` is a kind whose grid lies 10 px further east."""
    clear = l1c(patch)
    held = {"s1": radar(patch), "s2": clear, "s2_cloudy": clouded(clear), **(pixels or {})}
    for kind in kinds:
        made = held[kind]
        if kind != "s1":
            made = (made + shift).astype(np.uint16)[[S2_BANDS.index(band) for band in order]]
        name = f"ROIs1970_fall_{kind}/{kind}_{scene}/ROIs1970_fall_{kind}_{scene}_p{patch}.tif"
        east = 10 * (128 * (patch % 10) + (10 if kind == moved else 0))
        transform = Affine(UTM.a, 0, UTM.c + east, 0, UTM.e, UTM.f)
        _write(root / name, made, "EPSG:32650", transform)
    return root


def triplets(root: Path, count: int = 3, **more: Any) -> Path:
    """Several patches of one scene and one of another."""
    for patch in range(count):
        a_triplet(root, patch, scene=139 if patch < count - 1 else 7, **more)
    return root


DATES = ("2018-01-06", "2018-02-10", "2018-06-10", "2018-12-22")


def a_series(
    root: Path,
    dates: Sequence[str] = DATES,
    *,
    scene: int = 146,
    kinds: Iterable[str] = ("s2",),
    order: Sequence[str] = S2_BANDS,
) -> Path:
    """Looks at one patch, a date each."""
    root.mkdir(parents=True, exist_ok=True)
    for number, date in enumerate(dates):
        for kind in kinds:
            made = radar(number) if kind == "s1" else l1c(number)[[S2_BANDS.index(band) for band in order]]
            _write(root / f"{kind}_ROIs2017_{scene}_ImgNo_{number}_{date}_patch_0.tif", made, "EPSG:4326", DEGREES)
    return root


def zipped(folder: Path) -> Path:
    """The folder as a zip beside it."""
    path = folder.with_suffix(".zip")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as opened:
        for file in sorted(folder.rglob("*.tif")):
            opened.write(file, file.relative_to(folder.parent))
    return path
