"""Builder: folders of co-registered rasters with the map that says what they hold, by rasterio."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from affine import Affine

from swath.core.bands import S2_BANDS
from swath.testing.build import a_geotiff
from tests.formats.a_sen12mscr import l1c, radar

SIDE = 64
UTM = Affine(10, 0, 549892.6970314482, 0, -10, 6344077.614259453)
#: Two classes whose codes nobody else has.
CLASSES = {1: "water", 4: "crops"}
#: The map of `places`.
PLACES: dict[str, Any] = {
    "provider": "somebody",
    "licences": ["CC-BY 4.0."],
    "target": "cover",
    "stacks": {
        "s1": {
            "file": "{id}/S1.tif",
            "bands": ["VV", "VH"],
            "kind": "gamma0_rtc_db",
            "level": "RTC",
            "date_tag": "datetime",
        },
        "s2": {
            "file": "{id}/S2.tif",
            "bands": list(S2_BANDS),
            "kind": "dn",
            "level": "L1C",
            "offset": "measured",
            "date_of": "cover",
        },
        "dem": {"file": "{id}/DEM.tif", "bands": "elevation", "kind": "value", "unit": "m"},
        "cover": {"file": "{id}/COVER.tif", "bands": "cover", "classes": dict(CLASSES), "date_tag": "datetime"},
    },
}


def a_map(folder: Path, held: Any, name: str = "rasters.yaml") -> Path:
    """Write a map."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(held if isinstance(held, str) else yaml.safe_dump(held, sort_keys=False))
    return folder / name


def cover(seed: int) -> np.ndarray:
    """Class codes (1, h, w)."""
    return np.random.default_rng(seed).choice(list(CLASSES), (1, SIDE, SIDE)).astype(np.uint8)


def place(root: Path, id: str, seed: int, *, shift: int = 0, pixels: dict[str, np.ndarray] | None = None) -> Path:
    """Files of one sample; `shift` is added to its optical numbers."""
    optical = (l1c(seed).astype(np.int32) + shift).astype(np.int16)
    height = np.full((1, SIDE, SIDE), 7, np.int16)
    made = {"S1": radar(seed), "S2": optical, "DEM": height, "COVER": cover(seed), **(pixels or {})}
    tags = {"S1": "2021-07-21T08:40:10.000000000", "COVER": "2021-07-23T13:22:41.000000000"}
    for name, held in made.items():
        a_geotiff(
            root / id / f"{name}.tif",
            held,
            dtype=held.dtype.name,
            crs="EPSG:32632",
            transform=Affine(UTM.a, 0, UTM.c + UTM.a * SIDE * seed, 0, UTM.e, UTM.f),
            tags={"datetime": tags[name]} if name in tags else {},
            compress="deflate",
        )
    return root / id


def places(root: Path, count: int = 3, *, shifted: Sequence[int] = (1,), held: Any = None) -> Path:
    """Samples with their map; those at `shifted` carry +1000."""
    for k in range(count):
        place(root, f"p{k}", k, shift=1000 if k in shifted else 0)
    a_map(root, held or PLACES)
    return root


#: The map of `steps`.
STEPS: dict[str, Any] = {
    "group": "{country}",
    "stacks": {
        "s1": {
            "file": "{country}_{id}_{date}.tif",
            "bands": {"VV": "VV", "VH": "VH"},
            "kind": "sigma0_db",
            "level": "GRD",
            "later": ["", "_1", "_2"],
            "step_days": 30,
        },
        "s2": {
            "file": "{country}_{id}_{date}.tif",
            "bands": {"B04": "red", "B08": "nir"},
            "kind": "dn",
            "level": "L2A",
            "convention": 0,
            "store": "uint16",
            "later": ["", "_1", "_2"],
            "step_days": 30,
        },
        "slope": {"file": "{country}_{id}_{when}.tif", "bands": {"slope": "slope"}, "kind": "value", "unit": "deg"},
    },
}


def step(name: str, k: int) -> np.ndarray:
    """A band at one step (h, w) float64."""
    draw = np.random.default_rng([k, *name.encode()])
    if name in ("VV", "VH"):
        return np.asarray(draw.normal(-11 if name == "VV" else -18, 1, (SIDE, SIDE)))
    if name == "slope":
        return np.asarray(draw.uniform(0, 5, (SIDE, SIDE)))
    return np.asarray(draw.integers(20, 3000, (SIDE, SIDE))).astype(np.float64)


def steps(root: Path, *, names: Sequence[str] = ("98",), add: float = 0.0, held: Any = None) -> Path:
    """One file a sample, three steps of four bands and a slope that is absent at one pixel; step after step."""
    bands = [f"{name}{ending}" for ending in ("", "_1", "_2") for name in ("nir", "VV", "VH", "red")] + ["slope"]
    pixels = np.stack([step(*_parts(band)) for band in bands])
    pixels[-1, 3, 4] = np.nan
    pixels[[k for k, band in enumerate(bands) if band.startswith(("red", "nir"))]] += add
    for name in names:
        a_geotiff(
            root / f"togo_{name}_2019-02-06.tif",
            pixels,
            dtype="float64",
            crs="EPSG:4326",
            transform=Affine(8.983152841195215e-05, 0, 1.42, 0, -8.983152841195215e-05, 7.72),
            descriptions=bands,
            compress="deflate",
        )
    a_map(root, held or STEPS)
    return root


def _parts(band: str) -> tuple[str, int]:
    name, _, ending = band.partition("_")
    return name, int(ending or 0)
