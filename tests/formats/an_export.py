"""Builder: an Earth Engine image export of TFRecord patches with its mixer file, made by hand from one image."""

from __future__ import annotations

import gzip
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from pyproj import Transformer

from swath.formats.tfrecord import encode_example, frame_record

#: 3 x 4 patches of 16 px, 10 m, near Bolzano; the image is wider than whole patches, as real ones are.
ROWS, COLS, SIDE = 3, 4, 16
MATRIX = [10.0, 0.0, 680040.0, 0.0, -10.0, 5152200.0]


def an_image(
    bands: Sequence[str] = ("B2", "B3", "B10", "B4"), *, seed: int = 3, side: int = SIDE
) -> dict[str, np.ndarray]:
    """Digital numbers of every band over all patches of `side` pixels."""
    draw = np.random.default_rng(seed)
    return {band: draw.integers(1, 3000, (ROWS * side, COLS * side)).astype(np.float32) for band in bands}


def degrees(*, pad: int = 0) -> dict[str, np.ndarray]:
    """Longitude and latitude of every pixel centre, `pad` pixels beyond each edge."""
    cols, rows = np.meshgrid(np.arange(-pad, COLS * SIDE + pad) + 0.5, np.arange(-pad, ROWS * SIDE + pad) + 0.5)
    x, y = MATRIX[2] + 10 * cols, MATRIX[5] - 10 * rows
    lon, lat = Transformer.from_crs(32632, 4326, always_xy=True).transform(x, y)
    return {"longitude": lon.astype(np.float32), "latitude": lat.astype(np.float32)}


def an_export(
    folder: Path,
    image: dict[str, np.ndarray],
    *,
    kernel: int = 0,
    shards: int = 2,
    packed: bool = True,
    drop: Sequence[int] = (),
    claimed: int = ROWS * COLS,
    side: int = SIDE,
    patch: tuple[int, int] | None = None,
) -> Path:
    """Write shards and mixer file; with a kernel the image must reach beyond the grid by half of it on all sides."""
    folder.mkdir(parents=True, exist_ok=True)
    blobs = []
    for number in range(ROWS * COLS):
        top, left = (number // COLS) * side, (number % COLS) * side
        window = np.s_[top : top + side + kernel, left : left + side + kernel]
        if number not in drop:
            blobs.append(frame_record(encode_example({name: held[window].ravel() for name, held in image.items()})))
    each = -(-len(blobs) // shards)
    for i in range(shards):
        blob = b"".join(blobs[i * each : (i + 1) * each])
        name = f"bolzano-{i:05d}.tfrecord" + (".gz" if packed else "")
        (folder / name).write_bytes(gzip.compress(blob, 1, mtime=0) if packed else blob)
    mixer = {
        "projection": {"crs": "EPSG:32632", "affine": {"doubleMatrix": MATRIX}},
        "patchDimensions": list(patch or (side, side)),
        "patchesPerRow": COLS,
        "totalPatches": claimed,
    }
    (folder / "bolzano-mixer.json").write_text(json.dumps(mixer))
    return folder
