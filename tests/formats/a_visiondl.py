"""Builders: what Remote-Sensing-VisionDL and Earth Engine left behind, made by hand and small."""

from __future__ import annotations

import gzip
import zipfile
from collections.abc import Sequence
from pathlib import Path

import h5py
import numpy as np

from swath.formats.tfrecord import encode_example, frame_record

#: Names in the order of the system's own list (read_tfrecord.py, BAND_KEYS).
THEIR_KEYS = (
    "B4_1", "B3_1", "B2_1", "B4_2", "B3_2", "B2_2", "B4_3", "B3_3", "B2_3", "B4_4", "B3_4", "B2_4",
    "B8_1", "B11_1", "B12_1", "B8_2", "B11_2", "B12_2", "B8_3", "B11_3", "B12_3", "B8_4", "B11_4", "B12_4",
)  # fmt: skip
#: South-west with a negative label; north-east; a place that is seen again.
CELLS = (
    (2016, -12.5, -3.4, -0.7),
    (2014, 38.210251919, 14.2885896726, -1.472297906875),
    (2018, 38.210251919, 14.2885896726, 1.25),
    (2019, 30.0, -1e-05, 2.0),
)


def pixels(seed: int, *, side: int = 50, landcover: bool = False, lift: float = 0.0) -> np.ndarray:
    """Reflectance of dark ground, shape (24 or 25, side, side); dark enough for the pixel check to see no offset."""
    draw = np.random.default_rng(seed)
    held = (draw.integers(200, 3000, (24, side, side)) / 10000 + lift).astype(np.float32)
    if landcover:
        held = np.concatenate([held, draw.integers(0, 9, (1, side, side)).astype(np.float32)])
    return held


def record(channels: np.ndarray, lon: float, lat: float, wi: float, *, spelling: str = "longtitude") -> bytes:
    names = (*THEIR_KEYS, "label")
    features = {name: band.ravel() for name, band in zip(names, channels, strict=False)}
    return encode_example({**features, spelling: [lon], "latitude": [lat], "wi": [wi]})


def a_cell_file(
    folder: Path,
    cell: tuple[int, float, float, float] = CELLS[0],
    *,
    seed: int = 0,
    side: int = 50,
    landcover: bool = False,
    lift: float = 0.0,
    spelling: str = "longtitude",
    channels: np.ndarray | None = None,
) -> Path:
    """One TFRecord of one sample, named as Earth Engine's export task named it."""
    year, lon, lat, wi = cell
    held = pixels(seed, side=side, landcover=landcover, lift=lift) if channels is None else channels
    path = folder / f"{year}_{lon}_{lat}_{wi}.tfrecord.gz"
    folder.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(frame_record(record(held, lon, lat, wi, spelling=spelling)), 1, mtime=0))
    return path


def cell_files(folder: Path, cells: Sequence[tuple[int, float, float, float]] = CELLS, **more) -> Path:
    for seed, cell in enumerate(cells):
        a_cell_file(folder, cell, seed=seed, **more)
    return folder


def a_drive_zip(path: Path, cells: Sequence[tuple[int, float, float, float]] = CELLS, **more) -> Path:
    """A zip as Drive packs a folder."""
    folder = cell_files(path.parent / f"{path.name}.d", cells, **more)
    with zipfile.ZipFile(path, "w") as made:
        for file in sorted(folder.iterdir()):
            made.write(file, f"asset-index-2/{file.name}", zipfile.ZIP_DEFLATED)
    return path


def a_batch(path: Path, n: int = 5, *, side: int = 50, landcover: bool = False, first: int = 0) -> Path:
    """An HDF5 batch, written with h5py's defaults as split_and_batch.ipynb does."""
    data = np.stack([pixels(first + k, side=side, landcover=landcover) for k in range(n)])
    places = np.array([[-12.5 + k, -3.4 + 0.01 * k] for k in range(n)])
    path.parent.mkdir(parents=True, exist_ok=True)
    with h5py.File(path, "w") as file:
        file.create_dataset("data", data=data, compression="gzip")
        file.create_dataset("locations", data=places, compression="gzip")
        file.create_dataset("labels", data=np.linspace(-1, 2, n).astype(np.float32), compression="gzip")
    return path
