"""Mapping: pixels a second beside the bare network on ready batches, and from 2,000 to 11,000 pixels a side.

The first row maps a scene on disk, whole, with everything that belongs to it: reading, strips, probabilities, two COGs
that are read back, style, item and preview; beside it the same network answers as many windows that lie ready in
memory, batch for batch as large. The second maps sparse scenes with a stub, each in a process of its own.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any, Final

import numpy as np
import rasterio
import torch

from benchmarks.ratio import Row, row
from benchmarks.sparse import BANDS
from swath.bundle import Bundle, Facts, NetworkFacts, OriginFacts
from swath.bundle.bundle import make_network
from swath.core.legends import legend
from swath.core.quantity import TOA
from swath.core.specs import Calibration, InputSpec, OutputSpec, StackInput
from swath.models import ModelOptions
from swath.prediction import MapOptions
from swath.recipes.map import map_scene, plan_scene

__all__ = ["rows"]

ROOT: Final = Path(__file__).resolve().parents[1]
SIDE, STRIDE = 512, 8
SIDES: Final = (2000, 10_980)
DECLARED: Final = {"kind": "dn", "level": "L1C", "offset": 0}


def _bundle() -> Bundle:
    """The default network with fresh weights, four bands, windows of 64 pixels."""
    stack = StackInput(BANDS, TOA, "L1C", 10.0, 1, (0.1, 0.1, 0.1, 0.3), (0.05,) * 4)
    held = legend("eurosat")
    origin = OriginFacts("none", "", 0, 0, "none", "", 0, {}, None, None, "", "", "", 0, "accuracy", None)
    facts = Facts(
        "fresh",
        InputSpec({"s2": stack}, (64, 64)),
        OutputSpec("scene", held.codes, held, metrics=("accuracy",)),
        Calibration(),
        NetworkFacts(ModelOptions()),
        origin,
    )
    return Bundle(facts, make_network(facts))


def _scene(path: Path) -> Path:
    pixels = np.random.default_rng(0).integers(300, 4000, (len(BANDS), SIDE, SIDE), dtype=np.uint16)
    grid = rasterio.Affine(10, 0, 600000, 0, -10, 5200020)
    profile: dict[str, Any] = {"driver": "GTiff", "height": SIDE, "width": SIDE, "count": 4, "dtype": "uint16"}
    with rasterio.open(path, "w", crs="EPSG:32632", transform=grid, tiled=True, compress="deflate", **profile) as file:
        for i, band in enumerate(BANDS, start=1):
            file.set_band_description(i, band)
        file.write(pixels)
    return path


def _beside_bare(folder: Path) -> Row:
    bundle, scene, options = _bundle(), _scene(folder / "s.tif"), MapOptions(stride=STRIDE)
    windows, numbers = plan_scene(bundle, scene, declared=DECLARED, options=options).windows, count()
    ready = torch.randn(bundle.batch, len(BANDS), 64, 64).contiguous(memory_format=torch.channels_last)

    def ours() -> None:
        map_scene(bundle, scene, folder / f"{next(numbers)}.tif", declared=DECLARED, options=options)

    @torch.inference_mode()
    def bare() -> None:
        for _ in range(-(-windows // bundle.batch)):
            bundle.network.answer(bundle.network.backbone.encode(ready)).numpy()

    name = f"a map of {SIDE} x {SIDE} at stride {STRIDE} / bare network"
    return row(name, ours, bare, at_least=0.9, items=SIDE * SIDE, rounds=3)


def _of_side(folder: Path, side: int) -> dict[str, float]:
    """What a map of a sparse scene takes, in a process of its own."""
    folder.mkdir()
    command = [sys.executable, "-m", "benchmarks.sparse", str(side), str(side), str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    held: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return held


def rows(folder: Path) -> Iterator[Row]:
    """Pixels a second; peaks stand in the notes."""
    torch.set_num_threads(os.cpu_count() or 1)
    yield _beside_bare(folder)
    held: dict[int, list[dict[str, float]]] = {side: [] for side in SIDES}
    for i in range(3):
        for side in SIDES[:: 1 if i % 2 else -1]:
            held[side].append(_of_side(folder / f"{side}-{i}", side))
    small, large = ([each["pixels"] / each["seconds"] for each in held[side]] for side in SIDES)
    ratios = [one / other for one, other in zip(large, small, strict=True)]
    peaks = ", ".join(f"{side:,}: {max(each['peak'] for each in held[side]) / 1e6:,.0f} MB" for side in SIDES)
    name = f"pixels/s, sparse, stub: {SIDES[1]:,} / {SIDES[0]:,} a side"
    note = f"{statistics.median(large):,.0f}/s; peak {peaks}"
    yield Row(name, statistics.median(ratios), min(ratios), max(ratios), 0.7, None, note)
