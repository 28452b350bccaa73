"""Spectra: what each class looks like from above the atmosphere, as measured on real patches.

Loads the small table beside this file (`scripts/measure_spectra.py` wrote it; EuroSAT, Helber et al. 2019, MIT) into
arrays in the order of the EuroSAT legend: mean spectra, what varies between and within patches, and how a surface
changes as it greens. Highway and River patches show mostly their surroundings, so their own ground has pure spectra
measured apart. Knows nothing of place or date.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Final

import numpy as np

from swath.core.array import Array
from swath.core.legends import legend

__all__ = ["ATTRIBUTION", "CLASSES", "Spectra", "code", "load_spectra"]

#: Names of the classes; a class's code is its place here, as in the EuroSAT legend.
CLASSES: Final = legend("eurosat").names
ATTRIBUTION: Final = (
    "Artificial imagery of a virtual planet; class spectra measured on EuroSAT (Helber et al. 2019, MIT), which "
    "contains modified Copernicus Sentinel data"
)
#: Share of NDVI's variation inside patches of AnnualCrop that crop calendars bring about on the planet.
_BY_CALENDAR: Final = {"AnnualCrop": 0.9}


@dataclass(frozen=True, slots=True, eq=False)
class Spectra:
    """Reflectances [1] of k classes in b = 13 bands, in the order of `core.bands.S2_BANDS`."""

    #: Shape (k, b): mean of the ground of a class; for Highway and River the pure pavement and water.
    mean: Array
    #: Shape (k, b): mean of whole patches of a class, as measured; what samples of it are compared with.
    patch: Array
    #: Shape (k, 3, b): principal loadings of what varies between patches.
    between: Array
    #: Shape (k, 4, b): principal loadings of what varies within patches, less what the crop calendar explains.
    within: Array
    #: Shape (k, b): change of reflectance a unit of NDVI when vegetation grows.
    greening: Array
    #: Shape (b,): mean of fields and meadows that are all leaves (NDVI above 0.8).
    lush: Array
    #: Shape (b,): what the atmosphere alone contributes, taken from the darkest pixels.
    dark: Array


@cache
def code(name: str) -> int:
    """Code of a class by name.

    Examples
    --------
    >>> code("Forest"), code("River")
    (1, 8)
    """
    return legend("eurosat").code_of(name)


def _table() -> dict[str, Any]:
    held: dict[str, Any] = json.loads(files(__package__).joinpath("spectra.json").read_text(encoding="utf-8"))
    return held


def _loadings(covariance: Array, count: int) -> Array:
    values, axes = np.linalg.eigh(covariance)
    scaled = (axes * np.sqrt(np.maximum(values, 0))).T[::-1][:count]
    return np.asarray(scaled * np.where(scaled.sum(axis=1, keepdims=True) < 0, -1.0, 1.0))


def _within(row: dict[str, Any], name: str) -> Array:
    """Loadings within patches, after taking away what the crop calendar will add."""
    held = np.array(row["within"], float)
    share = _BY_CALENDAR.get(name, 0.0)
    if not share:
        return held
    slope = np.array(row["ndvi_slope"], float) * row["ndvi_sd"] * share
    return _loadings(held.T @ held - np.outer(slope, slope), len(held))


@cache
def load_spectra() -> Spectra:
    """Load the table that ships with the package.

    Examples
    --------
    >>> forest = load_spectra().mean[code("Forest")]
    >>> bool(forest[7] > 5 * forest[3])                                   # near infrared over red
    True
    """
    held = _table()
    rows = held["classes"]
    patch = np.array([rows[name]["mean"] for name in CLASSES], float)
    mean = patch.copy()
    mean[code("Highway")] = held["pure"]["paved"]
    mean[code("River")] = held["pure"]["water"]
    greening = [
        rows[name]["ndvi_slope"] if name in ("AnnualCrop", "HerbaceousVegetation", "Pasture") else held["greening"]
        for name in CLASSES
    ]
    arrays = {
        "mean": mean,
        "patch": patch,
        "between": np.array([rows[name]["between"] for name in CLASSES], float),
        "within": np.array([_within(rows[name], name) for name in CLASSES]),
        "greening": np.array(greening, float),
        "lush": np.array(held["lush"], float),
        "dark": np.array(held["dark"], float),
    }
    scaled = {name: (array / 1e4).astype(np.float32) for name, array in arrays.items()}
    for array in scaled.values():
        array.flags.writeable = False
    return Spectra(**scaled)
