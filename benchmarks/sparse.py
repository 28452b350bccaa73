"""Sparse: one map of a sparse scene by a stub, in a process of its own: seconds, and memory at the peak.

python -m benchmarks.sparse HEIGHT WIDTH FOLDER [STRIDE]. The stub looks at a pixel of each window and costs nearly
nothing, so that what is measured is reading, painting and writing. Tests bound the memory, the benchmark the speed.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
import rasterio
from rasterio.windows import Window

from swath.core.array import Array
from swath.core.errors import Refused
from swath.core.legends import legend
from swath.core.quantity import TOA
from swath.core.specs import Calibration, InputSpec, OutputSpec, StackInput
from swath.prediction import MapOptions
from swath.recipes.map import map_scene, plan_scene

__all__ = ["BANDS", "Stub", "main", "peak_memory", "sparse_scene"]

BANDS: Final = ("B04", "B03", "B02", "B08")
_TILE: Final = 512
_DECLARED: Final = {"kind": "dn", "level": "L1C", "offset": 0}


class Stub:
    """Four bands, windows of 64 pixels, three classes told from the pixel in the middle."""

    name = "stub"
    hash = "0" * 64
    calibration = Calibration()

    def __init__(self) -> None:
        stack = StackInput(BANDS, TOA, "L1C", 10.0, 1, (0.2,) * 4, (0.1,) * 4)
        self.input = InputSpec({"s2": stack}, (64, 64))
        self.output = OutputSpec("scene", (1, 7, 9), legend("eurosat"))

    def windows(self, stacks: Mapping[str, Array], valid: Mapping[str, Array], corners: Array) -> Array:
        """Three bands of the pixel in the middle of each window, as raw output."""
        x, at = stacks["s2"][0], corners + 32
        return np.stack([x[i, at[:, 0], at[:, 1]] * 20 for i in range(3)], axis=1).astype(np.float64)

    def samples(self, stacks: Mapping[str, Array], valid: Mapping[str, Array], times: Mapping[str, Array]) -> Array:
        """Refuse."""
        raise Refused(where="stub", what="answers for windows alone")

    def dense(self, stacks: Mapping[str, Array], valid: Mapping[str, Array]) -> Array:
        """Refuse."""
        raise Refused(where="stub", what="answers for windows alone")


def sparse_scene(path: Path, height: int, width: int) -> Path:
    """Write four bands of a tiled file whose tiles are not there, but those along the diagonal."""
    profile: dict[str, Any] = {
        "driver": "GTiff",
        "height": height,
        "width": width,
        "count": len(BANDS),
        "dtype": "uint16",
        "tiled": True,
        "blockxsize": _TILE,
        "blockysize": _TILE,
        "compress": "deflate",
        "sparse_ok": True,
        "crs": "EPSG:32632",
        "transform": rasterio.Affine(10, 0, 600000, 0, -10, 5200020),
    }
    rng = np.random.default_rng(0)
    with rasterio.open(path, "w", **profile) as file:
        for i, band in enumerate(BANDS, start=1):
            file.set_band_description(i, band)
        for start in range(0, min(height, width) - _TILE + 1, _TILE):
            tile = rng.integers(500, 4000, (len(BANDS), 64, 64), dtype=np.uint16).repeat(8, axis=1).repeat(8, axis=2)
            file.write(tile, window=Window(start, start, _TILE, _TILE))
    return path


def peak_memory() -> int:
    """Bytes that this program held at most; `ru_maxrss` would count those of the program that started it, too."""
    said = Path("/proc/self/status")
    if not said.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    line = next(each for each in said.read_text().splitlines() if each.startswith("VmHWM"))
    return int(line.split()[1]) * 1024


def main(height: int, width: int, folder: Path, stride: int = 16) -> None:
    """Map a small scene first, so that libraries, fonts and drivers are there, then the one asked for; print JSON."""
    model, options = Stub(), MapOptions(stride=stride)
    small = sparse_scene(folder / "small.tif", _TILE, _TILE)
    map_scene(model, small, folder / "small-map.tif", declared=_DECLARED, options=options)
    scene = sparse_scene(folder / "scene.tif", height, width)
    plan = plan_scene(model, scene, declared=_DECLARED, options=options)
    before, start = peak_memory(), time.perf_counter()
    made = map_scene(model, scene, folder / "map.tif", declared=_DECLARED, options=options)
    spent = time.perf_counter() - start
    said = {
        "peak": peak_memory(),
        "grown": peak_memory() - before,
        "planned": plan.memory,
        "seconds": spent,
        "asked": made.asked,
    }
    print(json.dumps(said | {"pixels": made.pixels, "nodata": made.nodata, "windows": plan.windows}))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]), *map(int, sys.argv[4:5]))
