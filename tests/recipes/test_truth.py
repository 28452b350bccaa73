"""Maps judged by known ground: counts by loops over pixels and windows, and what is no truth."""

from __future__ import annotations

import numpy as np
import pytest
import rasterio
import shapely

from swath.core.errors import Mismatch, Refused
from swath.core.legends import legend
from swath.prediction import run_map
from swath.recipes.truth import judge_map, open_truth
from swath.testing.build import a_geotiff
from tests.prediction.a_map import CODES, HeldScene, PerPixel, Projected, a_plan, noise
from tests.sources.a_place import some_labels

SIZE = (70, 88)


def a_map(folder, model=None, **options):
    """A plan and its map of 70 x 88 pixels: four rows and five columns of windows, and a rim."""
    scene = HeldScene(noise(*SIZE, smooth=6))
    model = model or Projected(16)
    plan = a_plan(scene, model, **options)
    return plan, run_map(plan, model, folder / "m.tif")


def a_truth(folder, made, *, seed=0, codes=CODES, strange=None):
    """The map itself, wrong in places, unknown (0 = absent in no legend: nodata) in others."""
    rng = np.random.default_rng(seed)
    with rasterio.open(made.files.map) as file:
        truth = file.read(1).astype(np.int64)
    for _ in range(12):
        row, col = rng.integers(0, SIZE[0]), rng.integers(0, SIZE[1])
        truth[row : row + 16, col : col + 16] = rng.choice(codes)
    if strange is not None:
        truth[:8, :8] = strange
    truth[60:66, 20:50] = 255
    return a_geotiff(folder / "t.tif", truth[None], dtype="uint8", nodata=255), truth


def judged(folder, **more):
    plan, made = a_map(folder, stride=4)
    path, truth = a_truth(folder, made, **more)
    labels = open_truth(path, plan, legend="eurosat")
    with rasterio.open(made.files.map) as file:
        return judge_map(plan, made, labels, name="t.tif"), truth, file.read(1)


def test_pixels_are_counted_like_a_loop(tmp_path):
    held, truth, answer = judged(tmp_path)

    want = np.zeros((3, 3), int)
    for t, a in zip(truth.ravel(), answer.ravel(), strict=True):
        if t in CODES and a in CODES:
            want[CODES.index(t), CODES.index(a)] += 1
    np.testing.assert_array_equal(held.pixels.counts, want)
    assert held.pixels.unlabelled == int((truth == 255).sum())
    assert held.pixel_accuracy.value == pytest.approx(np.trace(want) / want.sum())


def test_places_are_whole_windows_of_mostly_one_class_judged_at_their_centre(tmp_path):
    held, truth, answer = judged(tmp_path)

    want, mixed = np.zeros((3, 3), int), 0
    for row in range(0, SIZE[0] - 15, 16):
        for col in range(0, SIZE[1] - 15, 16):
            window = truth[row : row + 16, col : col + 16]
            shares = [(window == code).mean() for code in CODES]
            if max(shares) < 0.8:
                mixed += 1
                continue
            want[int(np.argmax(shares)), CODES.index(answer[row + 8, col + 8])] += 1
    assert 3 < want.sum() < 20
    np.testing.assert_array_equal(held.places.confusion.counts, want)
    assert held.places.mixed == mixed
    assert held.headline[0] == want.sum()
    assert held.places.ends.accuracy.value == pytest.approx(np.trace(want) / want.sum())
    assert held.places.ends.accuracy.units <= 6  # blocks of two windows a side: 2 x 3


def test_a_map_is_wholly_right_by_itself_and_says_so(tmp_path):
    plan, made = a_map(tmp_path, stride=4)
    held = judge_map(plan, made, open_truth(made.files.map, plan), name="m.tif")

    assert held.pixel_accuracy.value == 1.0
    assert held.pixels.n == SIZE[0] * SIZE[1]
    assert held.summary().splitlines()[0].startswith("truth    m.tif: ")


def test_polygons_judge_like_the_raster_that_they_draw(tmp_path):
    """Names meet names; the rest is unknown ground."""
    plan, made = a_map(tmp_path, stride=4)
    names = {code: legend("eurosat").name_of(code) for code in CODES}
    halves = [(shapely.box(0, 0, 40, 70), names[9]), (shapely.box(40, 0, 88, 35), names[7].upper())]
    burnt = np.full(SIZE, 255)
    burnt[:, :40], burnt[:35, 40:] = 9, 7
    by_file = open_truth(some_labels(tmp_path / "f.gpkg", halves), plan, column="crop")
    raster = open_truth(a_geotiff(tmp_path / "t.tif", burnt[None], dtype="uint8", nodata=255), plan, legend="eurosat")

    one, other = (judge_map(plan, made, labels) for labels in (by_file, raster))

    np.testing.assert_array_equal(one.pixels.counts, other.pixels.counts)
    np.testing.assert_array_equal(one.places.confusion.counts, other.places.confusion.counts)


def test_classes_that_the_map_does_not_know_are_told_and_judged_nowhere(tmp_path):
    """Code 5, Pasture, is none of the model's three."""
    held, truth, _ = judged(tmp_path, strange=5)

    assert held.foreign == {"Pasture": 64}
    assert held.pixels.n == int(np.isin(truth, CODES).sum())
    assert "not judged, for the map does not know them: Pasture (64 pixels)" in held.summary()


def test_a_model_of_pixels_is_judged_by_pixels(tmp_path):
    plan, made = a_map(tmp_path, PerPixel(32))
    path, _ = a_truth(tmp_path, made)

    held = judge_map(plan, made, open_truth(path, plan, legend="eurosat"))

    assert held.places is None
    assert held.headline == (held.pixels.n, held.pixel_accuracy, "pixel")


def test_what_is_no_truth_of_this_map_is_refused(tmp_path):
    plan, made = a_map(tmp_path, stride=4)
    points = some_labels(tmp_path / "p.gpkg", [(shapely.Point(4, 4), "Forest"), (shapely.Point(9, 9), "River")])
    with pytest.raises(Refused, match="p.gpkg: holds points, and the truth of a map is an area. Give points that"):
        open_truth(points, plan, column="crop")

    fields = some_labels(tmp_path / "f.gpkg", [(shapely.box(0, 0, 40, 40), "maize")])
    with pytest.raises(Mismatch, match="truth f: classes differs: want some of SeaLake, Forest, .*have maize. Name"):
        judge_map(plan, made, open_truth(fields, plan, column="crop"))

    small = a_geotiff(tmp_path / "s.tif", np.ones((1, 30, 30)), dtype="uint8")
    with pytest.raises(Mismatch, match="s.tif: grid differs: want 70 x 88 pixels.* Warp it onto the scene's grid"):
        open_truth(small, plan)

    empty = a_geotiff(tmp_path / "e.tif", np.where(np.arange(88) < 1, 5, 255) * np.ones((1, 70, 1)), dtype="uint8")
    with pytest.raises(Mismatch, match="class code differs"):
        open_truth(empty, plan, legend="eurosat")
