"""Cut: a source that keeps its contract, whose samples are the scene's own pixels under their own labels."""

from __future__ import annotations

import numpy as np
import pytest
import rasterio
import rasterio.features
import shapely

from swath.core.errors import Failure, Mismatch, Refused
from swath.core.legends import legend
from swath.core.quantity import class_of, dn
from swath.core.sample import TargetSpec
from swath.core.scene import Window
from swath.sources.bands import label_band
from swath.sources.cut import cut_scene
from swath.sources.opening import open_cut
from swath.sources.survey import CutOptions
from swath.testing.source import check_source
from swath.world import Planet
from tests.sources.a_place import DECLARED, SIZE, TRANSFORM, a_scene, on_ground, quarters, some_labels, some_polygons


def a_cut(folder, drawn=None, *, suffix: str = "gpkg", scene: dict | None = None, **options):
    """A scene and its labels, cut into windows of 16 pixels."""
    labels = some_labels(folder / f"f.{suffix}", quarters() if drawn is None else drawn)
    path = a_scene(folder / "s.tif", **(scene or {}))
    return open_cut([path, labels], **{"column": "crop", "size": 16, **DECLARED, **options})


def samples(cut):
    return list(cut.read(cut.plan().rows))


@pytest.mark.parametrize("target", ["class", "map"])
def test_polygons_keep_the_contract(tmp_path, target):
    plan = check_source(a_cut(tmp_path, some_polygons(np.random.default_rng(3), 40), target=target, share=0.3))

    assert plan.layout.targets == {target: TargetSpec(target, legend="f.crop")}


def test_points_keep_the_contract(tmp_path):
    drawn = [(shapely.Point(20 + 5 * k, 20 + 3 * k), "ab"[k % 2]) for k in range(12)]

    check_source(a_cut(tmp_path, drawn, suffix="geojson"))


def test_points_label_single_pixels_of_maps(tmp_path):
    """Two points in one window of 16, one in another: three pixels have a class, all others none."""
    drawn = [(shapely.Point(3.5, 5.5), "a"), (shapely.Point(9.5, 9.5), "b"), (shapely.Point(40.5, 40.5), "a")]

    made = samples(a_cut(tmp_path, drawn, suffix="geojson", target="map"))

    at = {sample.id: np.argwhere(sample.targets["map"].stack.valid[0, 0]).tolist() for sample in made}
    assert at == {"s_r00000_c00000": [[5, 3], [9, 9]], "s_r00032_c00032": [[8, 8]]}
    codes = made[0].targets["map"].stack.data[0, 0]
    assert (codes[5, 3], codes[9, 9], codes[0, 0]) == (1, 2, 0)


def test_a_band_keeps_the_contract(tmp_path):
    numbers = np.random.default_rng(0).integers(100, 3000, (3, *SIZE))
    numbers[2] = 4 + np.arange(SIZE[1]) // 32 % 2
    path = a_scene(tmp_path / "s.tif")
    with rasterio.open(path, "r+") as file:
        file.write(numbers.astype("uint16"))

    cut = open_cut([path], band=3, size=16, legend="scl", **DECLARED)

    assert check_source(cut).layout.stacks["s2"].bands == ("B04", "B03")


def test_samples_are_the_scenes_own_pixels(tmp_path):
    cut = a_cut(tmp_path)

    with rasterio.open(tmp_path / "s.tif") as file:
        for sample in samples(cut):
            row, col = int(sample.id[3:8]), int(sample.id[10:])
            theirs = file.read(window=rasterio.windows.Window(col, row, 16, 16))
            np.testing.assert_array_equal(sample.stacks["s2"].data[0], theirs)
            box = sample.stacks["s2"].geobox
            assert (box.transform.c, box.transform.f) == (680_040 + 10 * col, 5_152_200 - 10 * row)


def test_the_quantity_and_its_evidence_are_those_of_the_format(tmp_path):
    stack = samples(a_cut(tmp_path))[0].stacks["s2"]

    assert (stack.quantity, stack.origin.level, stack.origin.items) == (dn("boa", offset=0), "L2A", ("s",))
    assert stack.origin.offsets[0]["by"] == "override"


def test_a_class_is_that_of_the_field_it_lies_in(tmp_path):
    """48 x 64 pixels are 3 x 4 windows of 16: maize twice that."""
    made = samples(a_cut(tmp_path))

    codes = [sample.targets["class"].code for sample in made]
    assert (len(made), codes.count(1), codes.count(2), codes.count(3)) == (48, 24, 12, 12)
    by_place = {sample.id: code for sample, code in zip(made, codes, strict=True)}
    corners = [by_place[f"s_r{r:05d}_c{c:05d}"] for r, c in ((0, 0), (0, 64), (48, 0), (80, 112))]
    assert corners == [3, 1, 1, 2]  # wheat, maize, maize, vines, in alphabetical order from 1


def test_class_maps_are_what_rasterio_burns(tmp_path):
    """Fields that do not overlap, burnt by rasterio in one go over the scene, cut by hand: pixel for pixel."""
    rng = np.random.default_rng(2)
    points = shapely.MultiPoint(rng.uniform((5, 5), (123, 91), (40, 2)))
    cells = shapely.get_parts(shapely.voronoi_polygons(points))
    drawn = [(cell.buffer(-0.7), f"crop {k % 5}") for k, cell in enumerate(cells)]
    cut = a_cut(tmp_path, drawn, target="map", size=24, stride=17)
    shapes = [(on_ground(shape), int(name[-1]) + 1) for shape, name in drawn]
    whole = rasterio.features.rasterize(shapes, SIZE, transform=TRANSFORM)

    made = samples(cut)

    assert len(made) == 5 * 7
    for sample in made:
        row, col = int(sample.id[3:8]), int(sample.id[10:])
        stack = sample.targets["map"].stack
        np.testing.assert_array_equal(stack.data[0, 0], whole[row : row + 24, col : col + 24])
        valid = np.ones((24, 24), bool) if stack.valid is None else stack.valid[0, 0]
        np.testing.assert_array_equal(valid, stack.data[0, 0] > 0)
        assert (stack.quantity, stack.geobox) == (class_of("f.crop"), sample.stacks["s2"].geobox)


def test_a_map_has_no_class_where_labels_contradict_one_another(tmp_path):
    drawn = [(shapely.box(0, 0, 20, 16), "a"), (shapely.box(12, 0, 32, 16), "b")]
    first, second = samples(a_cut(tmp_path, drawn, target="map"))

    assert first.targets["map"].stack.valid[0, 0].sum() == 12 * 16
    assert second.targets["map"].stack.valid[0, 0].sum() == 12 * 16


def test_windows_on_nodata_are_failures_with_their_share(tmp_path):
    """Half of a window must be measured: of columns 0..20 none is, so one window has 0 % and one 12 of 16 columns."""
    cut = a_cut(tmp_path, scene={"nodata": 0})
    with rasterio.open(tmp_path / "s.tif", "r+") as file:
        file.write(np.zeros((3, 96, 20), "uint16"), window=rasterio.windows.Window(0, 0, 20, 96))

    made = samples(cut)

    lost = [each for each in made if isinstance(each, Failure)]
    assert [(each.id, each.reason) for each in lost] == [(f"s_r{16 * k:05d}_c00000", "invalid") for k in range(6)]
    assert lost[0].message == "s_r00000_c00000: share of valid pixels differs: want 50% or more, have 0.0%."
    assert sum(isinstance(each, Failure) for each in samples(a_cut(tmp_path, scene={"nodata": 0}, min_valid=0))) == 0


def test_points_at_the_edge_are_holes_of_the_plan(tmp_path):
    """They were asked for, one by one; fields that lie outside were not."""
    drawn = [(shapely.Point(20, 20), "a"), (shapely.Point(40, 40), "b"), (shapely.Point(2, 2), "a")]
    plan = a_cut(tmp_path, [*drawn, (shapely.Point(-50, 2), "b")], suffix="geojson").plan()

    assert [(each.id, each.reason) for each in plan.failures] == [("f-2", "invalid")]


def test_the_planets_scene_is_cut_without_a_file(tmp_path):
    """A scene is anything behind core.Scene; its truth, as labels, gives itself back."""
    scene = Planet(seed=7).scene(11.3, 46.5, size=(192, 192), date="2018-07-14")
    labels = label_band(scene.truth, legend=legend("eurosat"))
    cut = cut_scene({"s2": scene}, labels, CutOptions(size=(48, 48), target="map"), title="planet")

    made = samples(cut)

    assert len(made) == 16
    for sample in made:
        window = Window(int(sample.id[8:13]), int(sample.id[15:]), 48, 48)
        np.testing.assert_array_equal(sample.targets["map"].stack.data, scene.truth.read(window).data)
        np.testing.assert_array_equal(sample.stacks["s2"].data, scene.read(window).data)
    assert set(cut.plan().layout.licences) == {legend("eurosat").attribution, scene.origin.attribution}


def test_other_labels_are_another_plan(tmp_path):
    one = a_cut(tmp_path, target="map").plan().hash
    moved = [(shapely.affinity.translate(shape, 1, 0), name) for shape, name in quarters()]

    assert a_cut(tmp_path, moved, target="map").plan().hash != one


def test_a_scene_is_cut_as_it_is(tmp_path):
    with pytest.raises(Refused, match="a scene is cut as it is, not by place, date or spec"):
        a_cut(tmp_path).plan(places=[(11.3, 46.5)])


def test_a_scene_smaller_than_a_window_is_refused(tmp_path):
    with pytest.raises(Mismatch, match="s: size differs: want 100 x 100 pixels at least .a window., have 96 x 128"):
        a_cut(tmp_path, size=100)


def test_a_scene_of_codes_alone_is_nothing_to_learn_from():
    truth = Planet(seed=7).truth_scene(11.3, 46.5, size=(192, 192))

    with pytest.raises(Refused, match="t: holds no measured band to learn from"):
        cut_scene({"t": truth}, label_band(truth, legend=legend("eurosat")), title="t")
