"""Scenes of the planet: edgeless ground, exact truth, and what the numbers say of themselves."""

from __future__ import annotations

import multiprocessing
import pickle
from concurrent.futures import ProcessPoolExecutor

import numpy as np
import pytest

from swath.core.bands import S2_BANDS
from swath.core.quantity import class_of, dn
from swath.core.scene import Window
from swath.core.stack import same, to_physical
from swath.imaging.lattice import Extent
from swath.world import Planet
from swath.world.landscape import labels, settle
from swath.world.lattice import BLOCK, HALO
from swath.world.look import look
from swath.world.network import distance_to, highways_near
from swath.world.scene import read_labels, read_numbers

#: A place of planet 7 with fields, houses, works, woods, a river and a highway.
PLACE = (59.398, 63.534)
EPSG, CORNER = 32640, (-704_800, 41_000)


def an_extent(rng: np.random.Generator) -> Extent:
    """Some rectangle that holds the pixel 90 rows and columns from `CORNER`, of 95 to 200 pixels a side."""
    row, col = (int(at + rng.integers(0, 90)) for at in CORNER)
    return Extent(row, col, int(rng.integers(95, 200)), int(rng.integers(95, 200)))


def numbers(extent: Extent) -> np.ndarray:
    return read_numbers(7, EPSG, extent, 17_726, bands=S2_BANDS, offset=0.0)


def both(extent: Extent) -> tuple[np.ndarray, np.ndarray]:
    """Runs in another process too."""
    return numbers(extent), read_labels(7, EPSG, extent)


def overlap(one: Extent, other: Extent) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
    """The common part of two extents, as slices of each."""
    top, left = max(one.row, other.row), max(one.col, other.col)
    bottom = min(one.row + one.height, other.row + other.height)
    right = min(one.col + one.width, other.col + other.width)
    found = tuple(
        (slice(top - each.row, bottom - each.row), slice(left - each.col, right - each.col)) for each in (one, other)
    )
    return found[0], found[1]


def test_extents_agree_to_the_bit_where_they_overlap_in_any_order_and_process():
    """Everything is a function of seed, zone, block and date: six random pairs, backwards in another process."""
    rng = np.random.default_rng(5)
    pairs = [(an_extent(rng), an_extent(rng)) for _ in range(6)]
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as other:
        elsewhere = list(other.map(both, [second for _, second in reversed(pairs)]))[::-1]

    here = [both(first) for first, _ in pairs]

    compared = 0
    for (first, second), (dn_one, label_one), (dn_two, label_two) in zip(pairs, here, elsewhere, strict=True):
        a, b = overlap(first, second)
        np.testing.assert_array_equal(dn_one[:, a[0], a[1]], dn_two[:, b[0], b[1]])
        np.testing.assert_array_equal(label_one[a], label_two[b])
        compared += label_one[a].size
    assert compared > 5000


def test_blocks_leave_no_seam():
    """Pixels on either side of a block's border differ as much as any two neighbours: within 15 %."""
    step = np.abs(np.diff(numbers(Extent(*CORNER, 6 * BLOCK, 6 * BLOCK)).astype(float), axis=2)).mean(axis=(0, 1))
    at_border = (np.arange(1, 6 * BLOCK) + CORNER[1]) % BLOCK == 0

    ratio = step[at_border].mean() / step[~at_border].mean()

    assert ratio == pytest.approx(1.0, abs=0.15)


def test_truth_is_the_class_map_read_window_by_window():
    """One pixel at a time, a sample of a scene's truth equals the scene's truth read at once."""
    scene = Planet(seed=7).scene(*PLACE, size=(200, 300)).truth
    whole = scene.read(Window(0, 0, 200, 300)).data[0, 0]
    rng = np.random.default_rng(0)

    for row, col in zip(rng.integers(0, 200, 60), rng.integers(0, 300, 60), strict=True):
        assert scene.read(Window(int(row), int(col), 1, 1)).data.item() == whole[row, col]
    assert len(np.unique(whole)) >= 5


def test_highway_truth_is_the_ground_within_half_its_width():
    """Each pixel that is Highway is measured to the curves; highways are warped by a few pixels at most."""
    row, col = next(
        (r, c)
        for r in range(CORNER[0] // BLOCK, CORNER[0] // BLOCK + 12)
        for c in range(CORNER[1] // BLOCK, CORNER[1] // BLOCK + 12)
        if (labels(7, EPSG, r, c) == 3).sum() > 150
    )
    setting = settle(7, EPSG, row, col)
    curves = highways_near(7, EPSG, setting.extent, margin=30)

    rows, cols = np.nonzero(setting.label[HALO:-HALO, HALO:-HALO] == 3)
    gap, _ = distance_to(
        curves,
        (rows + setting.extent.row + HALO + 0.5).astype(np.float32),
        (cols + setting.extent.col + HALO + 0.5).astype(np.float32),
    )

    # One standard deviation of the warp is 2.5 pixels.
    assert (gap < 2.5 * 4).all()
    assert np.percentile(gap, 50) < 2.5


def test_a_scene_says_what_it_is():
    """Contract 5: geobox, bands, quantity and offset evidence stand before a pixel is read."""
    scene = Planet(seed=7, baseline="05.10").scene(*PLACE, size=(64, 96), date="2018-07-14")

    assert scene.shape == (64, 96)
    assert scene.gsd == (10.0, 10.0)
    assert scene.bands == S2_BANDS
    assert scene.quantity == dn("toa", offset=-1000)
    assert scene.geobox.crs.epsg == 32640
    assert scene.geobox.shape.yx == (64, 96)
    assert scene.geobox.transform.c % 60 == 0
    assert scene.geobox.transform.f % 60 == 0
    assert scene.origin.offsets[0]["offset"] == [-1000.0]
    assert scene.origin.baselines == ("05.10",)
    assert scene.truth.quantity == class_of("eurosat")
    assert scene.truth.geobox == scene.geobox


def test_southern_scenes_lie_on_the_southern_lattice():
    """science.md 3: (10,000,000 - y) mod 60 = 0 in the south, where y mod 60 is 40."""
    scene = Planet(seed=7).scene(-58.4, -34.6, size=(60, 60))

    assert scene.geobox.crs.epsg == 32721
    assert (10_000_000 - scene.geobox.transform.f) % 60 == 0
    assert scene.geobox.transform.f % 60 == 40


def test_windows_beyond_the_edge_are_invalid_there_and_equal_inside():
    """core.Scene: a request beyond the scene is padded as invalid, never shrunk."""
    scene = Planet(seed=7).scene(*PLACE, size=(80, 80))
    inside = scene.read(Window(40, 0, 40, 30))

    found = scene.read(Window(40, -10, 60, 40))

    assert found.shape == (1, 13, 60, 40)
    assert found.valid[0, 0, :40, 10:].all()
    assert found.valid.sum() == 40 * 30
    np.testing.assert_array_equal(found.data[..., :40, 10:], inside.data)
    assert inside.valid is None
    assert np.isnan(to_physical(found).data[..., 0]).all()


def test_a_window_wholly_outside_is_wholly_invalid():
    """Nothing is invented beyond the edge."""
    truth = Planet(seed=7).truth_scene(*PLACE, size=(80, 80))

    found = truth.read(Window(500, 500, 4, 4))

    assert not found.valid.any()
    assert not found.data.any()


def test_both_baselines_show_the_same_ground():
    """Baselines 04.00 and later add 1000 to the same measurement (science.md 1.1); 1 is the lowest number."""
    old, new = (
        Planet(seed=7, baseline=baseline).scene(*PLACE, size=(128, 128)).read(Window(0, 0, 128, 128))
        for baseline in ("02.06", "05.10")
    )

    unclamped = old.data > 1

    assert unclamped.mean() > 0.999
    assert (new.data[unclamped].astype(int) - old.data[unclamped] == 1000).all()
    assert (new.data[~unclamped] <= 1001).all()


def test_a_scene_survives_pickling():
    """Maps hand scenes to processes."""
    scene = Planet(seed=7).scene(*PLACE, size=(40, 40))

    again = pickle.loads(pickle.dumps(scene))

    assert again == scene
    assert same(again.read(Window(0, 0, 40, 40)), scene.read(Window(0, 0, 40, 40)))


def test_kept_blocks_cannot_be_changed_by_who_reads_them():
    """What is kept is shared: read-only."""
    with pytest.raises(ValueError, match="read-only"):
        look(7, EPSG, -9788, 569, 17_726)[0, 0, 0] = 1.0
