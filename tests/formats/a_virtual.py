"""Builders: products and fusion patches as Cervest's code wrote them (export.py), with h5py alone."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from PIL import Image

HEIGHT, WIDTH, BANDS = 12, 20, 3
DATES = ("2013-06-02", "2014-07-23", "2016-01-06")
BOUNDS = (10.25, 51.5, 10.35, 51.58)


def frame(seed: int, step: int, size: tuple[int, int] = (HEIGHT, WIDTH)) -> np.ndarray:
    """(h, w, c) float64 in -0.5..1.5, as generated."""
    return np.random.default_rng((seed, step)).uniform(-0.5, 1.5, (*size, BANDS))


def annotation(seed: int, size: tuple[int, int] = (HEIGHT, WIDTH)) -> np.ndarray:
    """(h, w, 2) int16: instance and class; parcels of three rows, a seam of background."""
    rows = np.arange(size[0]) // 3 + 1
    held = np.zeros((*size, 2), np.int16)
    held[..., 0] = rows[:, None]
    held[..., 1] = (rows[:, None] + seed) % 2 + 1
    held[5] = 0
    return held


def _save(path: Path, array: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with h5py.File(path, "w") as file:
        file.create_dataset("data", data=array)


def a_product(
    folder: Path,
    *,
    seed: int = 1,
    steps: Sequence[int] = (0, 1, 2),
    nulls: Sequence[int] = (),
    nframes: int | None = None,
    kind: str = "h5",
    annotated: bool = True,
    size: tuple[int, int] = (HEIGHT, WIDTH),
) -> Path:
    """One product; `nframes` as it says, which in derived products was counted twice."""
    files: dict[str, dict[str, str] | None] = {}
    for step in steps:
        name = f"frame_{step:03d}.{kind}"
        if kind == "h5":
            _save(folder / "frames" / name, frame(seed, step, size))
        else:
            (folder / "frames").mkdir(parents=True, exist_ok=True)
            Image.fromarray((np.clip(frame(seed, step, size), 0, 1) * 255).astype(np.uint8)).save(
                folder / "frames" / name
            )
        held = {"frame": f"frames/{name}"}
        if annotated:
            _save(folder / "annotations" / f"annotation_{step:03d}.h5", annotation(seed, size))
            held["annotation"] = f"annotations/annotation_{step:03d}.h5"
        files[str(step)] = held
    files |= {str(step): None for step in nulls}
    features = {"width": size[1], "height": size[0], "nbands": BANDS, "horizon": 30, "ndigit": 4}
    features["nframes"] = len(steps) if nframes is None else nframes
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "index.json").write_text(json.dumps({"features": features, "files": files}))
    return folder


def scenes(
    root: Path, seeds: Sequence[int] = (1, 2, 10), names: Sequence[str] = ("clean_optical", "sar"), **more: Any
) -> Path:
    """`root/<seed>/<product>`."""
    for seed in seeds:
        for k, name in enumerate(names):
            a_product(root / str(seed) / name, seed=seed + 100 * k, **more)
    return root


def a_patch(
    folder: Path,
    number: int = 0,
    *,
    dates: Sequence[str] = DATES,
    dtype: str = "int16",
    size: tuple[int, int] = (16, 20),
) -> Path:
    """One fusion patch: (c, h, w), red near-infrared blue green."""
    files = {}
    for k, date in enumerate(dates):
        draw = np.random.default_rng((number, k))
        for name in ("modis", "landsat"):
            _save(folder / name / f"{date}.h5", draw.integers(1, 5000, (4, *size)).astype(dtype))
        files[1 + k] = {"date": date, "modis": f"modis/{date}.h5", "landsat": f"landsat/{date}.h5"}
    bounds = [BOUNDS[0] + 0.1 * number, BOUNDS[1], BOUNDS[2] + 0.1 * number, BOUNDS[3]]
    features = {"patch_idx": number, "patch_bounds": bounds, "horizon": len(dates)}
    (folder / "index.json").write_text(json.dumps({"features": features, "files": files}))
    return folder
