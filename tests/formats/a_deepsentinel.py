"""Builder: a tree of samples as DeepSentinel's downloaders wrote it (downloaders.py), with numpy and json alone."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from pyproj import Transformer

SIDE = 48
#: idx -> lon, lat, date, EPSG: Prague, Alaska's zone 5 rightly padded, the south.
POINTS = {
    "1000": (14.577, 50.356, "2020-08-03", 32633),
    "7": (-151.2, 61.3, "2019-08-11", 32605),
    "12": (18.5, -33.9, "2019-09-01", 32734),
}
GEE_BANDS = ("B1", "B2", "B3", "B4", "B5", "B6", "B7", "B8", "B8A", "B9", "B11", "B12")


def s2(seed: int, bands: int = 12, *, side: int = SIDE) -> np.ndarray:
    """(h, w, c) float32 of whole digital numbers, dark enough to be unshifted."""
    return np.random.default_rng(seed).integers(50, 4000, (side, side, bands)).astype(np.float32)


def s1(seed: int, *, side: int = SIDE) -> np.ndarray:
    """(h, w, 2) float32 [dB]."""
    return np.random.default_rng(seed + 1).uniform(-25, -5, (side, side, 2)).astype(np.float32)


def tile(
    lon: float, lat: float, epsg: int, off: tuple[float, float] = (60.0, -40.0), *, side: int = SIDE
) -> dict[str, Any]:
    """A DescartesLabs tile that holds the point, not centred on it."""
    x, y = Transformer.from_crs(4326, epsg, always_xy=True).transform(lon, lat)
    left, top = round(x - side * 5 + off[0]), round(y + side * 5 + off[1])
    properties = {"cs_code": f"EPSG:{epsg}", "zone": epsg % 100, "geotrans": [left, 10.0, 0, top, 0, -10.0]}
    return {"type": "Feature", "geometry": None, "properties": {**properties, "key": f"{side}:0:10.0:33:1:1"}}


def _save(path: Path, array: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(path, arr=array)


def a_sample_folder(
    root: Path,
    idx: str = "1000",
    *,
    sources: Sequence[str] = ("GEE", "DL", "LC"),
    meta: Mapping[str, Any] | None = None,
    optical: np.ndarray | None = None,
    radar: np.ndarray | None = None,
    point: tuple[float, float, str, int] | None = None,
    side: int = SIDE,
) -> Path:
    """One sample; `meta` changes what its Earth Engine JSON says."""
    lon, lat, date, epsg = point or POINTS[idx]
    seed, folder = int(idx), root / idx
    held = tile(lon, lat, epsg, side=side)
    head = {source: f"{idx}_{source}_{date}_{lon}_{lat}" for source in ("GEE", "DL", "LC")}
    day = date.replace("-", "")
    if "GEE" in sources:
        _save(folder / f"{head['GEE']}_S2arr.npz", s2(seed, side=side) if optical is None else optical)
        _save(folder / f"{head['GEE']}_S1arr.npz", s1(seed, side=side) if radar is None else radar)
        said = {
            "tile": held,
            "S2_name": f"projects/earthengine-public/assets/COPERNICUS/S2_SR/{day}T101031_{day}T101028_T33UVR",
            "S1_name": f"COPERNICUS/S1_GRD/S1A_IW_GRDH_1SDV_{day}T052611_{day}T052636_033726_03E8B2_1A2B",
            "S2_bands": list(GEE_BANDS),
            "S1_bands": ["VV", "VH"],
            "x_off": held["properties"]["geotrans"][0],
            "y_off": held["properties"]["geotrans"][3],
            "patch_size": side,
            "crs_code": f"EPSG:{epsg}",
        }
        (folder / f"{head['GEE']}_meta.json").write_text(json.dumps({**said, **(meta or {})}))
    if "DL" in sources:
        alpha = np.ones((side, side, 1), np.float32)
        alpha[:5] = 0
        _save(
            folder / f"{head['DL']}_S2arr.npz",
            np.concatenate([s2(seed + 5, 13, side=side) * (alpha > 0), alpha], axis=2),
        )
        _save(folder / f"{head['DL']}_S1arr.npz", np.round(np.abs(s1(seed + 5, side=side)) * 8))
        for part, blob in (("S2meta", {}), ("S1meta", {}), ("tile", held)):
            (folder / f"{head['DL']}_{part}.json").write_text(json.dumps(blob))
        for part in ("S2thumb", "S1thumb"):
            (folder / f"{head['DL']}_{part}.png").write_bytes(b"\x89PNG")
    if "LC" in sources:
        codes = np.random.default_rng(seed).choice([0, 1, 12, 23, 44, 46], (side, side)).astype(np.uint8)
        _save(folder / f"{head['LC']}_LCarr.npz", codes)
        (folder / f"{head['LC']}_LCmeta.json").write_text("{}")
        (folder / f"{idx}_OSMFC_{date}_{lon}_{lat}.geojson").write_text('{"type": "FeatureCollection"}')
    return folder


def a_tree(root: Path, **more: Any) -> Path:
    for idx in POINTS:
        a_sample_folder(root, idx, **more)
    return root
