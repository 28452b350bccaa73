"""Peer: a whole scene mapped by swath and by torchgeo with the same network, each beside that network bare.

Each runs in a process of its own, swath in this environment and torchgeo in that of the rivals, with as many threads:
a ratio is of one process and one minute, and so the two can be compared. Ours writes classes, probabilities, style,
item and preview at every pixel; torchgeo leaves what is written to its user, so here it writes one pixel a window.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict
from itertools import count
from pathlib import Path
from typing import Any, Final

import numpy as np
import rasterio
import torch

from benchmarks.ratio import Row, row
from benchmarks.rivals import ENVIRONMENT, make_environment
from benchmarks.sparse import BANDS, peak_memory
from swath.bundle import Bundle, Facts, NetworkFacts, OriginFacts
from swath.bundle.bundle import make_network
from swath.core.legends import legend
from swath.core.quantity import TOA
from swath.core.specs import Calibration, InputSpec, OutputSpec, StackInput
from swath.models import ModelOptions
from swath.prediction import MapOptions
from swath.recipes.map import map_scene, plan_scene

__all__ = ["DECLARED", "fresh_bundle", "rows", "some_scene"]

ROOT: Final = Path(__file__).resolve().parents[1]
DECLARED: Final = {"kind": "dn", "level": "L1C", "offset": 0}
SIDE, STRIDE, BATCH = 512, 16, 64


def fresh_bundle(model: ModelOptions) -> Bundle:
    """A network with fresh weights, four bands, windows of 64 pixels."""
    stack = StackInput(BANDS, TOA, "L1C", 10.0, 1, (0.1, 0.1, 0.1, 0.3), (0.05,) * 4)
    held = legend("eurosat")
    origin = OriginFacts("none", "", 0, 0, "none", "", 0, {}, None, None, "", "", "", 0, "accuracy", None)
    facts = Facts(
        "fresh",
        InputSpec({"s2": stack}, (64, 64)),
        OutputSpec("scene", held.codes, held, metrics=("accuracy",)),
        Calibration(),
        NetworkFacts(model),
        origin,
    )
    return Bundle(facts, make_network(facts))


def some_scene(path: Path, side: int) -> Path:
    """A scene of noise in digital numbers."""
    pixels = np.random.default_rng(0).integers(300, 4000, (len(BANDS), side, side), dtype=np.uint16)
    grid = rasterio.Affine(10, 0, 600000, 0, -10, 5200020)
    profile: dict[str, Any] = {"driver": "GTiff", "height": side, "width": side, "count": 4, "dtype": "uint16"}
    with rasterio.open(path, "w", crs="EPSG:32632", transform=grid, tiled=True, compress="deflate", **profile) as file:
        for i, band in enumerate(BANDS, start=1):
            file.set_band_description(i, band)
        file.write(pixels)
    return path


def _ours(scene: Path, folder: Path, threads: int) -> None:
    """What the process of ours does."""
    torch.set_num_threads(threads)
    bundle, options, numbers = fresh_bundle(ModelOptions("timm:resnet18")), MapOptions(stride=STRIDE), count()
    windows = plan_scene(bundle, scene, declared=DECLARED, options=options).windows
    ready = torch.randn(BATCH, len(BANDS), 64, 64).contiguous(memory_format=torch.channels_last)

    def ours() -> None:
        map_scene(bundle, scene, folder / f"{next(numbers)}.tif", declared=DECLARED, options=options)

    @torch.inference_mode()
    def bare() -> None:
        for _ in range(-(-windows // BATCH)):
            bundle.network.answer(bundle.network.backbone.encode(ready)).numpy()

    made = row("swath, timm's resnet18 / bare network", ours, bare, items=windows, rounds=3)
    peak = peak_memory()
    (folder / "rows.json").write_text(json.dumps({**asdict(made), "peak": peak}))


def _run(python: Path | str, module: str, scene: Path, folder: Path) -> dict[str, Any]:
    folder.mkdir()
    command = [str(python), "-m", module, str(scene), str(folder), str(os.cpu_count() or 1)]
    subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    held: dict[str, Any] = json.loads((folder / "rows.json").read_text())
    return held


def rows(folder: Path) -> Iterator[Row]:
    """Windows a second of both; peaks of memory stand in the notes."""
    (folder / "scene").mkdir()
    scene = some_scene(folder / "scene" / "s.tif", SIDE)
    for python, module, why in (
        (sys.executable, "benchmarks.peer", ""),
        (ENVIRONMENT / "bin" / "python", "benchmarks.rivals.torchgeo_maps", make_environment()),
    ):
        if why:
            yield Row("torchgeo, the same network / bare network", None, None, None, note=f"not measured: {why}")
            continue
        held = _run(python, module, scene, folder / module)
        peak = held.pop("peak")
        yield Row(**{**held, "note": f"{held['note']} windows, peak {peak / 1e6:,.0f} MB"})


if __name__ == "__main__":
    _ours(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))
