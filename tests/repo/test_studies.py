"""What studies count and compare: the pages of results rest on it."""

from __future__ import annotations

import numpy as np
import rasterio
import torch

from studies.class_counts import shares, window_check
from studies.pixel_loop import loop_labels
from studies.steps import step
from swath.bundle import Bundle
from swath.bundle.bundle import make_network
from swath.core.legends import legend
from swath.core.quantity import rgb8
from swath.core.specs import InputSpec, StackInput
from swath.prediction import MapOptions
from swath.recipes.map import map_scene
from swath.testing.build import a_geotiff
from tests.bundle.a_bundle import some_facts

EUROSAT = legend("eurosat")


def test_cnn_sentinels_loop_gives_the_labels_of_a_map_at_stride_1(tmp_path):
    """004.3: pad a window on all sides, mirrored; the window of pixel r is [r - h/2, r + h/2); label = argmax."""
    torch.manual_seed(0)
    torch.set_num_threads(1)
    picture = np.random.default_rng(0).integers(1, 256, (3, 34, 37)).astype(np.uint8)
    bands = ("B04", "B03", "B02")
    stack = StackInput(bands, rgb8("eurosat-2750"), "L1C", 10.0, 1, (128.0,) * 3, (5.0,) * 3)
    facts = some_facts(input=InputSpec({"rgb": stack}, (32, 32)))
    model = Bundle(facts, make_network(facts)).from_views(1)
    scene = a_geotiff(tmp_path / "s.tif", picture, dtype="uint8", descriptions=bands)
    declared = {"kind": "rgb8", "level": "L1C", "rendering": "eurosat-2750"}

    labels, margins = loop_labels(model, picture)
    made = map_scene(model, scene, tmp_path / "m.tif", declared=declared, options=MapOptions(stride=1))

    with rasterio.open(made.files.map) as file:
        mapped = file.read(1)
    clear = margins > 1e-5
    assert clear.mean() > 0.99
    assert len(np.unique(labels)) > 1
    np.testing.assert_array_equal(mapped[clear], np.asarray(model.output.codes)[labels][clear])


def test_windows_that_hold_a_class_are_counted_at_their_centres():
    """A loop over the windows."""
    rng = np.random.default_rng(1)
    mapped, there = rng.integers(0, 10, (40, 50)), rng.random((40, 50)) < 0.3
    wanted = ["Forest", "River"]
    codes = [EUROSAT.code_of(name) for name in wanted]

    held = window_check(mapped, there, side=8, stride=4, least=0.35, legend=EUROSAT, wanted=wanted)

    looped = [
        (there[top : top + 8, left : left + 8].mean() >= 0.35, mapped[top + 4, left + 4] in codes)
        for top in range(2, 33, 4)
        for left in range(2, 43, 4)
    ]
    inside, outside = ([right for has, right in looped if has is np.bool_(flag)] for flag in (True, False))
    assert (held["windows"], held["of"]) == (len(inside), len(looped))
    assert held["agree"] == np.mean(inside)
    assert held["elsewhere"] == np.mean(outside)


def test_shares_leave_nodata_out_and_begin_with_the_commonest():
    codes = np.array([[1, 1, 1, 255], [9, 9, 0, 255]])

    assert shares(codes, EUROSAT) == {"Forest": 0.5, "SeaLake": 0.3333, "AnnualCrop": 0.1667}


def test_a_step_that_is_done_is_not_done_again(tmp_path):
    asked = []

    def work_out():
        asked.append(1)
        return {"pixels": (1, 2)}

    first, again = (step(tmp_path, "one", work_out) for _ in range(2))

    assert (first, again, len(asked)) == ({"pixels": [1, 2]}, {"pixels": [1, 2]}, 1)
