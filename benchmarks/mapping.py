"""Mapping: pixels a second beside the bare network on ready batches, and from 2,000 to 11,000 pixels a side.

The first rows map a scene on disk, whole, with everything that belongs to it: reading, strips, probabilities, two COGs
that are read back, style, item and preview; beside it the same network answers as many windows that lie ready in
memory, batch for batch as large; by the clock, and by the processor's time. The last row maps sparse scenes with a
stub, each in a process of its own.
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
from typing import Final

import torch

from benchmarks.peer import DECLARED, fresh_bundle, some_scene
from benchmarks.ratio import Row, rows_of_both
from benchmarks.sparse import BANDS
from swath.models import ModelOptions
from swath.prediction import MapOptions
from swath.recipes.map import map_scene, plan_scene

__all__ = ["rows"]

ROOT: Final = Path(__file__).resolve().parents[1]
SIDE, STRIDE = 512, 8
SIDES: Final = (2000, 10_980)


def _beside_bare(folder: Path) -> tuple[Row, Row]:
    bundle, options = fresh_bundle(ModelOptions()), MapOptions(stride=STRIDE)
    scene = some_scene(folder / "s.tif", SIDE)
    windows, numbers = plan_scene(bundle, scene, declared=DECLARED, options=options).windows, count()
    ready = torch.randn(bundle.batch, len(BANDS), 64, 64).contiguous(memory_format=torch.channels_last)

    def ours() -> None:
        map_scene(bundle, scene, folder / f"{next(numbers)}.tif", declared=DECLARED, options=options)

    @torch.inference_mode()
    def bare() -> None:
        for _ in range(-(-windows // bundle.batch)):
            bundle.network.answer(bundle.network.backbone.encode(ready)).numpy()

    name = f"a map of {SIDE} x {SIDE} at stride {STRIDE} / bare network"
    return rows_of_both(name, ours, bare, at_least=0.9, items=SIDE * SIDE, rounds=3)


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
    yield from _beside_bare(folder)
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
