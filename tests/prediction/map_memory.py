"""Peak memory of one map in a process of its own: python -m tests.prediction.map_memory HEIGHT WIDTH OUT.

Prints bytes at the peak above those before the map, what the plan said, and the seconds it took.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from pathlib import Path

import numpy as np
import rasterio
from rasterio.windows import Window

from swath.core.legends import legend
from swath.core.specs import OutputSpec
from swath.prediction import MapOptions
from swath.recipes.map import map_scene, plan_scene
from tests.prediction.a_map import CODES, Projected, some_input

BANDS = ("B04", "B03", "B02", "B08")


class Stub(Projected):
    """Four bands, windows of 64 pixels; looks at one pixel of each, and costs nearly nothing."""

    def __init__(self) -> None:
        self.input = some_input(64, BANDS)
        self.output = OutputSpec("scene", CODES, legend("eurosat"))

    def windows(self, stacks, valid, corners):
        x = stacks["s2"][0]
        at = corners + 32
        return np.stack([x[i, at[:, 0], at[:, 1]] * 20 for i in range(3)], axis=1).astype(np.float64)


def a_sparse_scene(path: Path, height: int, width: int) -> Path:
    """Four bands of a tiled file whose tiles are not there, but those along the diagonal."""
    profile = {
        "driver": "GTiff", "height": height, "width": width, "count": 4, "dtype": "uint16", "tiled": True,
        "blockxsize": 512, "blockysize": 512, "compress": "deflate", "sparse_ok": True, "crs": "EPSG:32632",
        "transform": rasterio.Affine(10, 0, 600000, 0, -10, 5200020),
    }  # fmt: skip
    rng = np.random.default_rng(0)
    with rasterio.open(path, "w", **profile) as file:
        for i, band in enumerate(BANDS, start=1):
            file.set_band_description(i, band)
        for start in range(0, min(height, width) - 511, 512):
            tile = rng.integers(500, 4000, (4, 64, 64), dtype=np.uint16).repeat(8, axis=1).repeat(8, axis=2)
            file.write(tile, window=Window(start, start, 512, 512))
    return path


def main() -> None:
    height, width, out = int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3])
    scene, declared = a_sparse_scene(out / "s.tif", height, width), {"kind": "dn", "level": "L1C", "offset": 0}
    model, options = Stub(), MapOptions(stride=int(sys.argv[4]) if len(sys.argv) > 4 else 16)
    small = a_sparse_scene(out / "small.tif", 512, 512)
    map_scene(model, small, out / "small-map.tif", declared=declared, options=options)  # imports, fonts, GDAL
    plan = plan_scene(model, scene, declared=declared, options=options)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    start = time.perf_counter()
    made = map_scene(model, scene, out / "map.tif", declared=declared, options=options)
    spent = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    said = {"peak": peak, "grown": peak - before, "planned": plan.memory, "seconds": spent, "windows": plan.windows}
    print(json.dumps(said | {"asked": made.asked, "nodata": made.nodata, "pixels": made.pixels}))


if __name__ == "__main__":
    main()
