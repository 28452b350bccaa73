"""Builder: patches of BigEarthNet 1.0 in their folders, by rasterio and json; names and metadata as the real ones."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from affine import Affine

from swath.testing.build import a_geotiff

PARTNER = "S2A_MSIL2A_20170613T101031_61_39"
RADAR = "S1A_IW_GRDH_1SDV_20170613T165043_33UUP_61_39"
OTHER = "S2A_MSIL2A_20170613T101031_4_55"
#: A digit short in the time, as a real one is.
SHORT = "S2B_MSIL2A_20170924T93021_41_29"
CORNER = (373200, 5353200)
SIDES = {
    **dict.fromkeys(("B02", "B03", "B04", "B08"), 120),
    **dict.fromkeys(("B05", "B06", "B07", "B8A", "B11", "B12"), 60),
    **dict.fromkeys(("B01", "B09"), 20),
}
TIMES = {
    PARTNER: "2017-06-13 10:10:31",
    OTHER: "2017-06-13 10:10:31",
    SHORT: "2017-09-24 09:30:21",
    RADAR: "2017-06-13T16:50:43",
}
LABELS = ("Non-irrigated arable land", "Broad-leaved forest", "Water courses")


def dn(band: str, seed: int = 0, side: int | None = None) -> np.ndarray:
    """(h, w) uint16, dark enough to be unshifted."""
    size = side or SIDES[band]
    return np.random.default_rng([seed, int(band[1:], 16)]).integers(40, 3000, (size, size)).astype(np.uint16)


def db(band: str) -> np.ndarray:
    """(h, w) float32 [dB]."""
    draw = np.random.default_rng(len(band) + ord(band[1])).normal(0, 2, (120, 120))
    return (draw + {"VV": -11.0, "VH": -18.0}[band]).astype(np.float32)


def a_patch(
    root: Path,
    name: str = PARTNER,
    *,
    labels: tuple[str, ...] = LABELS,
    pixels: Mapping[str, np.ndarray] | None = None,
    meta: Mapping[str, Any] | None = None,
    moved: str = "",
) -> Path:
    """One patch, optical or radar by its name; `moved` is a band whose grid lies one pixel further east."""
    folder = root / name
    is_radar = name.startswith("S1")
    held = {band: db(band) for band in ("VV", "VH")} if is_radar else {band: dn(band) for band in SIDES}
    for band, made in {**held, **(pixels or {})}.items():
        step = 1200 / len(held[band])
        left = CORNER[0] + (step if band == moved else 0)
        a_geotiff(
            folder / f"{name}_{band}.tif",
            made,
            bands=1,
            size=made.shape[-2:],
            dtype=made.dtype.name,
            crs="EPSG:32633",
            transform=Affine(step, 0, left, 0, -step, CORNER[1]),
        )
    said: dict[str, Any] = {"labels": list(labels), "coordinates": {"ulx": CORNER[0], "uly": CORNER[1]}}
    if is_radar:
        said |= {"corresponding_s2_patch": PARTNER, "scene_source": "S1A_IW_GRDH", "acquisition_time": TIMES[name]}
    else:
        said |= {"tile_source": "S2A_MSIL1C_N0205.SAFE", "acquisition_date": TIMES.get(name, TIMES[PARTNER])}
    (folder / f"{name}_labels_metadata.json").write_text(json.dumps({**said, **(meta or {})}))
    return root


def zipped(root: Path) -> Path:
    """The folder as a zip beside it, stored."""
    path = root.with_suffix(".zip")
    with zipfile.ZipFile(path, "w") as opened:
        for file in sorted(root.rglob("*_*")):
            if file.is_file():
                opened.write(file, Path("BigEarthNet-v1.0") / file.relative_to(root))
    return path
