"""Memory of maps: bounded by the plan, whatever the size of the scene, each map in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def mapped(folder, height, width, stride=16):
    """What `benchmarks.sparse` prints."""
    folder.mkdir()
    command = [sys.executable, "-m", "benchmarks.sparse", height, width, folder, stride]
    done = subprocess.run([str(each) for each in command], cwd=ROOT, capture_output=True, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def test_memory_does_not_grow_with_the_scene(tmp_path):
    """Issue: growth asserted at two scene sizes.

    Four times the pixels are 201 MB more of digital numbers alone, and twice that for each form in which a model takes
    them; GDAL's own cache, which is bounded, fills up by 61 MB of tiles.
    """
    small, large = mapped(tmp_path / "a", 2048, 4096), mapped(tmp_path / "b", 8192, 4096)

    assert small["pixels"] * 4 == large["pixels"]
    for each in (small, large):
        assert each["grown"] <= each["planned"]
    assert large["grown"] - small["grown"] < 100e6
    assert abs(large["planned"] / small["planned"] - 1) < 0.1


@pytest.mark.slow
def test_a_whole_tile_of_four_bands_stays_under_two_gigabytes(tmp_path):
    """Issue: a sparse 10,980 x 10,980 x 4 scene with a stub predictor stays under 2 GB."""
    held = mapped(tmp_path / "tile", 10_980, 10_980)

    assert held["pixels"] == 10_980**2
    assert held["asked"] > 10_000
    assert held["peak"] < 2e9
    assert held["grown"] <= held["planned"]
