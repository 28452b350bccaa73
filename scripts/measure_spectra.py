"""Measurement of the planet's class spectra on real EuroSAT patches of 13 bands; writes `swath/world/spectra.json`.

For each class: the mean spectrum, what varies between patches and within them (principal loadings of the covariance
over all 13 bands), how brightness goes with greenness, and how rough it is. Run it again when more patches are at hand:

    SWATH_REAL_DATA=... python scripts/measure_spectra.py

It needs `eurosat-ms/*.zip` below that folder (any number of patches, folders named by class) and prints the table that
it writes. Digital numbers are L1C without offset, reflectance * 10000. Knows nothing of the planet that uses them.
"""

from __future__ import annotations

import json
import os
import re
import zipfile
from pathlib import Path
from typing import Any, Final

import numpy as np
from rasterio.io import MemoryFile

from swath.core.array import Array
from swath.core.bands import S2_BANDS, order
from swath.core.files import write_whole

#: Order of the bands inside the distributed files: B8A comes last.
FILE_BANDS: Final = (*(f"B{k:02d}" for k in range(1, 13)), "B8A")
#: How many principal loadings are kept: eight patches a class span seven directions between patches.
BETWEEN, WITHIN = 3, 4
#: Classes whose pixels say how a vegetated surface greens up.
GREENING: Final = ("AnnualCrop", "HerbaceousVegetation", "Pasture", "PermanentCrop")
#: NDVI above which such a surface is all leaves.
LUSH: Final = 0.8
TARGET: Final = Path(__file__).parents[1] / "src/swath/world/spectra.json"


def read_patches(folder: Path) -> dict[str, Array]:
    """Read every patch: class -> float64 array (n, b, h, w) in the order of `S2_BANDS`."""
    index = order(FILE_BANDS, S2_BANDS)
    held: dict[str, list[Array]] = {}
    for path in sorted((folder / "eurosat-ms").glob("*.zip")):
        with zipfile.ZipFile(path) as archive:
            for member in sorted(name for name in archive.namelist() if name.endswith(".tif")):
                with MemoryFile(archive.read(member)) as memory, memory.open() as raster:
                    held.setdefault(member.split("/")[-2], []).append(raster.read()[index].astype(float))
    return {name: np.stack(patches) for name, patches in sorted(held.items())}


def loadings(covariance: Array, count: int) -> Array:
    """Largest principal axes, each times its standard deviation, signed so that their sum is positive: (count, b)."""
    values, axes = np.linalg.eigh(covariance)
    scaled = (axes * np.sqrt(np.maximum(values, 0))).T[::-1][:count]
    return np.asarray(scaled * np.where(scaled.sum(axis=1, keepdims=True) < 0, -1.0, 1.0))


def ratio(patches: Array, one: str, other: str) -> Array:
    """Normalised difference of two bands: (n, h, w)."""
    a, b = (patches[:, S2_BANDS.index(name)] for name in (one, other))
    return np.asarray((a - b) / (a + b))


def centred(patches: Array) -> Array:
    """Pixels less the mean of their patch: (b, n * h * w)."""
    moved = patches - patches.mean(axis=(2, 3), keepdims=True)
    return np.asarray(moved.transpose(1, 0, 2, 3).reshape(len(S2_BANDS), -1))


def slope_on_ndvi(patches: Array) -> tuple[Array, float]:
    """Regress pixels on NDVI inside their patches: DN a unit of NDVI for each band, and NDVI's deviation."""
    ndvi = ratio(patches, "B08", "B04")
    moved = (ndvi - ndvi.mean(axis=(1, 2), keepdims=True)).ravel()
    return np.asarray(centred(patches) @ moved / (moved @ moved)), float(moved.std())


def lag_one(patches: Array) -> Array:
    """Autocorrelation along rows at a distance of one pixel, median over patches: (b,)."""
    moved = patches - patches.mean(axis=(2, 3), keepdims=True)
    both = (moved[..., 1:] * moved[..., :-1]).mean(axis=(2, 3))
    return np.asarray(np.median(both / (moved**2).mean(axis=(2, 3)), axis=0))


def measure(patches: Array) -> dict[str, Any]:
    """One row of the table."""
    means = patches.mean(axis=(2, 3))
    inside = centred(patches)
    slope, spread = slope_on_ndvi(patches)
    return {
        "patches": len(patches),
        "mean": means.mean(axis=0).round().astype(int).tolist(),
        "between": loadings(np.cov(means.T), BETWEEN).round().astype(int).tolist(),
        "within": loadings(inside @ inside.T / inside.shape[1], WITHIN).round().astype(int).tolist(),
        "ndvi_slope": slope.round().astype(int).tolist(),
        "ndvi_sd": round(spread, 3),
        "sd": np.median(patches.std(axis=(2, 3)), axis=0).round(1).tolist(),
        "lag1": lag_one(patches).round(2).tolist(),
    }


def pure(patches: Array, score: Array, at_least: float, share: float) -> list[int]:
    """Mean spectrum of the pixels of each patch that score highest, over patches that hold enough of them."""
    held = []
    for patch, values in zip(patches, score, strict=True):
        chosen = values >= max(at_least, float(np.quantile(values, 1 - share)))
        if chosen.mean() >= share / 2:
            held.append(patch[:, chosen].mean(axis=1))
    return [int(v) for v in np.mean(held, axis=0).round()]


def table(patches: dict[str, Array]) -> dict[str, Any]:
    """Everything that the planet needs, as plain JSON."""
    everything = np.concatenate([p.transpose(1, 0, 2, 3).reshape(len(S2_BANDS), -1) for p in patches.values()], axis=1)
    greening = np.concatenate([patches[name] for name in GREENING])
    greened = greening.transpose(1, 0, 2, 3).reshape(len(S2_BANDS), -1)
    water = patches["River"]
    built = np.concatenate([patches["Highway"], patches["Residential"]])
    return {
        "source": "EuroSAT, 13-band patches of Sentinel-2 L1C (EuroSAT100), measured by scripts/measure_spectra.py",
        "reference": "Helber et al. 2019, doi 10.1109/JSTARS.2019.2918242",
        "licence": "MIT; contains modified Copernicus Sentinel data",
        "unit": "digital number without offset: top-of-atmosphere reflectance * 10000",
        "bands": list(S2_BANDS),
        "dark": np.quantile(everything, 0.001, axis=1).round().astype(int).tolist(),
        "lush": greened[:, ratio(greening, "B08", "B04").ravel() > LUSH].mean(axis=1).round().astype(int).tolist(),
        "greening": slope_on_ndvi(greening)[0].round().astype(int).tolist(),
        "pure": {
            "water": pure(water, ratio(water, "B03", "B08"), 0.15, 0.1),
            "paved": pure(built, -ratio(built, "B08", "B04"), -0.25, 0.05),
        },
        "classes": {name: measure(held) for name, held in patches.items()},
    }


def spell(held: dict[str, Any]) -> str:
    """JSON with each innermost list on one line."""
    return re.sub(r"\[[^\[\]]*\]", lambda found: " ".join(found[0].split()), json.dumps(held, indent=1)) + "\n"


def main() -> None:
    """Measure, write and print."""
    held = table(read_patches(Path(os.environ["SWATH_REAL_DATA"])))
    write_whole(TARGET, spell(held).encode())
    print(f"{'class':22}" + "".join(f"{band:>6}" for band in S2_BANDS) + "  sd B4  sd B8  lag-1 B4")
    for name, row in held["classes"].items():
        figures = "".join(f"{value:6d}" for value in row["mean"])
        print(f"{name:22}{figures}  {row['sd'][3]:5.0f}  {row['sd'][7]:5.0f}  {row['lag1'][3]:8.2f}")
    print(f"wrote {TARGET}")


if __name__ == "__main__":
    main()
