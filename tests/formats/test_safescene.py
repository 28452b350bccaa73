"""One product as scenes: grids, offsets held against pixels, masks and angles; all numbers are the builder's."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from swath.core.errors import Mismatch, Refused, SwathError, Unknown
from swath.core.quantity import BOA, TOA, class_of, dn
from swath.core.scene import Scene, Window
from swath.core.stack import to_physical
from swath.formats.safeproduct import is_product_head, read_product
from swath.formats.safescene import ANGLE_BANDS, angle_scene, open_safe, own_grids
from swath.formats.safetree import find_trees
from tests.formats.a_safe import LEFT, TOP, a_band, a_gml, a_jp2, a_safe


def test_a_scene_gives_bands_of_one_size_with_their_meaning(tmp_path):
    scene: Scene = open_safe(a_safe(tmp_path), gsd=20)
    stack = scene.read(Window(10, 20, 8, 6))

    assert (scene.bands, scene.shape, scene.gsd) == (("B05", "B06", "B07", "B8A", "B11", "B12"), (60, 60), (20.0, 20.0))
    assert stack.quantity == scene.quantity == dn("toa", offset=-1000)
    np.testing.assert_array_equal(stack.data[0, 3], a_band("B8A", 60, added=1000)[10:18, 20:26])
    assert (stack.geobox.transform.c, stack.geobox.transform.f) == (LEFT + 400, TOP - 200)
    assert stack.times[0] == np.datetime64("2022-06-12T10:10:31.024", "us")
    assert (stack.origin.baselines, stack.origin.level, stack.origin.provider) == (("04.00",), "L1C", "safe")
    assert stack.origin.attribution == "Contains modified Copernicus Sentinel data 2022."
    assert stack.origin.geometry == {"relative_orbit": 22, "direction": "descending"}
    assert stack.valid is None
    assert to_physical(stack).quantity == TOA


def test_bands_come_in_the_order_asked_for(tmp_path):
    """A wrong order would be a swapped band in silence."""
    scene = open_safe(a_safe(tmp_path), bands="B04,B03,B02")
    for i, band in enumerate(("B04", "B03", "B02")):
        np.testing.assert_array_equal(scene.read(Window(0, 0, 120, 120)).data[0, i], a_band(band, 120, added=1000))


def test_level_2a_has_bands_at_several_sizes_and_no_cirrus(tmp_path):
    path = a_safe(tmp_path, level="L2A")

    assert open_safe(path, gsd=60).bands == (
        "B01",
        "B02",
        "B03",
        "B04",
        "B05",
        "B06",
        "B07",
        "B8A",
        "B09",
        "B11",
        "B12",
    )
    assert open_safe(path, gsd=20).bands[:2] == ("B02", "B03")
    assert to_physical(open_safe(path).read(Window(1, 0, 4, 4))).quantity == BOA
    with pytest.raises(Mismatch, match=r"at 20 m: bands \(B08 missing\)"):
        open_safe(path, gsd=20, bands="B08")


def test_scene_codes_are_a_scene_of_their_own(tmp_path):
    scene = open_safe(a_safe(tmp_path, level="L2A"), gsd=20, bands="SCL")
    stack = scene.read(Window(0, 0, 60, 60))

    assert (stack.quantity, stack.data.dtype, stack.origin.offsets) == (class_of("scl"), np.uint8, ())
    np.testing.assert_array_equal(stack.data.ravel(), np.arange(3600) % 12)


def test_per_band_offsets_belong_to_the_bands_that_are_read(tmp_path):
    scene = open_safe(a_safe(tmp_path, offset={i: -1000 - i for i in range(13)}), bands="B08,B02")

    assert scene.quantity.offset == (-1007.0, -1001.0)
    assert scene.origin.offsets[0]["offset"] == [-1007.0, -1001.0]


def test_the_evidence_of_the_offset_is_kept(tmp_path):
    decided = open_safe(a_safe(tmp_path, side=300)).origin.offsets[0]

    assert (decided["by"], decided["confidence"], decided["offset"]) == ("xml", "documented", [-1000.0])
    assert decided["verdict"].startswith("shifted (1 % quantile of B10 is 10")
    assert decided["claims"][0] == "xml says -1000 (RADIO_ADD_OFFSET in the XML of baseline 04.00)"


@pytest.mark.parametrize(
    ("made", "said"),
    [
        ({"offset": -1000, "added": 0}, "the pixels contradict the metadata: xml says -1000"),
        ({"offset": 0, "added": 1000}, "the pixels contradict the metadata: xml says 0"),
        ({"offset": -7000, "added": 0}, "xml says -7000"),
        ({"offset": None, "added": 0}, "the pixels contradict the metadata: baseline says -1000"),
        ({"offset": None, "added": 1000, "baseline": "03.01"}, "no RADIO_ADD_OFFSET in the XML of baseline 03.01"),
    ],
)
def test_pixels_that_contradict_the_metadata_stop_everything(tmp_path, made, said):
    """Traps 1 to 3: an offset forgotten, doubled or invented; the cirrus band of the builder tells."""
    with pytest.raises(Refused) as raised:
        open_safe(a_safe(tmp_path, side=300, **made))

    assert said in str(raised.value)
    assert "Look at the item; then declare its offset (0 or -1000)" in str(raised.value)


def test_a_declared_offset_is_obeyed_and_recorded(tmp_path):
    scene = open_safe(a_safe(tmp_path, side=300, added=0), offset=0)

    assert scene.quantity.offset == (0.0,)
    assert scene.origin.declared == {"offset": "0"}
    assert scene.origin.offsets[0]["by"] == "override"


def test_a_lost_list_of_offsets_rests_on_the_baseline_and_says_so(tmp_path):
    decided = open_safe(a_safe(tmp_path, offset=None)).origin.offsets[0]

    assert (decided["by"], decided["confidence"], decided["offset"]) == ("baseline", "claimed", [-1000.0])


def test_damaged_pixels_are_invalid_unless_they_are_asked_for(tmp_path):
    ring = [(LEFT + 100, TOP - 100), (LEFT + 200, TOP - 100), (LEFT + 200, TOP - 200), (LEFT + 100, TOP - 100)]
    path = a_safe(tmp_path, masks={"MSK_DEFECT_B03.gml": a_gml("QT_DEFECTIVE_PIXELS", [ring])})
    whole = Window(0, 0, 120, 120)

    valid = open_safe(path).read(whole).valid
    assert valid.shape == (1, 4, 120, 120)
    assert valid.all(axis=(0, 2, 3)).tolist() == [True, False, True, True]
    assert not valid[0, 1, 12, 18]
    assert open_safe(path, quality="no").read(whole).valid is None


def test_a_window_beyond_the_edge_is_invalid_there(tmp_path):
    stack = open_safe(a_safe(tmp_path)).read(Window(-10, 100, 30, 40))

    assert stack.data.shape == (1, 4, 30, 40)
    np.testing.assert_array_equal(stack.valid[0, 0], np.pad(np.ones((20, 20), bool), ((10, 0), (0, 20))))


def test_an_image_on_another_grid_is_refused_and_taken_if_declared(tmp_path):
    """Half as many pixels, twice as large: the metadata no longer say where a pixel lies."""
    path = a_safe(tmp_path)
    for file in path.rglob("*_B0[2348].jp2"):
        file.write_bytes(a_jp2(np.full((1, 60, 60), 1500, np.uint16), 20))
    with pytest.raises(Mismatch) as raised:
        open_safe(path).read(Window(0, 0, 4, 4))

    assert "want 120 x 120 pixels of 10 m from 680040, 5152200 in EPSG:32632 (metadata)" in str(raised.value)
    assert "have 60 x 60 pixels of 20 m from 680040, 5152200 in EPSG:32632 (the file)" in str(raised.value)
    assert open_safe(path, grid="files").read(Window(0, 0, 4, 4)).gsd == (20.0, 20.0)


@pytest.mark.parametrize("data", [np.ones((3, 120, 120), np.uint16), np.ones((1, 120, 120), np.uint8)])
def test_an_image_of_another_kind_is_refused(tmp_path, data):
    path = a_safe(tmp_path)
    next(path.rglob("*_B02.jp2")).write_bytes(a_jp2(data, 10))
    with pytest.raises(Mismatch, match="_B02.jp2: bands differs: want 1 of uint16, have"):
        open_safe(path).read(Window(0, 0, 4, 4))


def test_an_image_may_not_have_more_pixels_than_its_tile(tmp_path):
    path = a_safe(tmp_path)
    next(path.rglob("*_B05.jp2")).write_bytes(a_jp2(np.ones((1, 61, 61), np.uint16), 20))
    with pytest.raises(SwathError, match="more pixels than its tile"):
        own_grids(read_product(find_trees(path, is_product_head)[0]))


def test_angles_lie_between_the_points_of_their_grid(tmp_path):
    """The builder's sun: 30 degrees high in the north, 40 in the south 5 km on; azimuth 359 to 1 across north."""
    product = read_product(find_trees(a_safe(tmp_path, side=504), is_product_head)[0])
    origin = open_safe(product.tree.path).origin
    stack = angle_scene(product, product.grids[60], origin).read(Window(0, 0, 84, 84))
    zenith, azimuth, view, _ = stack.data[0]

    assert stack.bands == ANGLE_BANDS
    assert zenith[0, 0] == pytest.approx(30 + 10 * 30 / 5000, abs=0.05)
    assert zenith[41, 41] == pytest.approx(35, abs=0.1)
    assert azimuth[41, 41] == pytest.approx(0, abs=0.5) or azimuth[41, 41] == pytest.approx(360, abs=0.5)
    np.testing.assert_allclose(view[stack.valid[0, 2]], 5.6, atol=0.02)
    assert not stack.valid[0, 0, 83, 83]  # beyond the last point, at 5 km


def test_a_scene_travels_to_another_process(tmp_path):
    scene = open_safe(a_safe(tmp_path, is_zip=True))
    again = pickle.loads(pickle.dumps(scene))

    np.testing.assert_array_equal(again.read(Window(0, 0, 9, 9)).data, scene.read(Window(0, 0, 9, 9)).data)


def test_a_path_with_two_products_is_no_scene(tmp_path):
    a_safe(tmp_path)
    a_safe(tmp_path, level="L2A")
    with pytest.raises(Refused, match="holds no single Sentinel-2 product"):
        open_safe(tmp_path)


def test_an_option_that_does_not_exist_names_the_nearest(tmp_path):
    with pytest.raises(Unknown, match="Did you mean 'bands'"):
        open_safe(a_safe(tmp_path), band="B02")
    with pytest.raises(Unknown, match="unknown gsd '30'"):
        open_safe(a_safe(tmp_path), gsd=30)


def test_a_product_without_images_is_refused(tmp_path):
    path = a_safe(tmp_path)
    for file in path.rglob("*.jp2"):
        file.unlink()
    with pytest.raises(Refused, match="has metadata and no image of a band. Fetch the product whole"):
        open_safe(path)
