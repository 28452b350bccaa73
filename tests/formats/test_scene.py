"""Scenes: windows of pixels that say what they are, and an offset that is decided before the first of them."""

from __future__ import annotations

import pickle
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import rasterio
import rasterio.shutil
from affine import Affine

from swath.core.errors import Mismatch, Refused, Unreadable
from swath.core.quantity import class_of, dn
from swath.core.scene import Scene, Window
from swath.core.stack import same, to_physical
from swath.formats.scene import open_scene
from swath.testing.build import EUROSAT_ORDER, a_eurosat_patch, a_geotiff

RGB = {"bands": "B04,B03,B02", "kind": "dn", "level": "L2A"}


def ground(size: tuple[int, int] = (60, 70), *, shift: int = 0, dtype: str = "uint16") -> np.ndarray:
    """Three bands of dark and bright ground: its darkest pixels are near 100 without an offset."""
    rng = np.random.default_rng(0)
    return (100 + shift + rng.integers(0, 3000, (3, *size))).astype(dtype)


def test_a_window_is_what_rasterio_reads(tmp_path):
    path = a_geotiff(tmp_path / "s.tif", ground(), tiled=True, blockxsize=16, blockysize=16, nodata=0)
    scene = open_scene(path, **RGB)

    stack = scene.read(Window(13, 7, 20, 30))

    with rasterio.open(path) as theirs:
        np.testing.assert_array_equal(stack.data[0], theirs.read(window=rasterio.windows.Window(7, 13, 30, 20)))
    assert stack.geobox.transform == Affine(10, 0, 680040 + 70, 0, -10, 5152200 - 130)
    assert (stack.shape, stack.bands, stack.valid) == ((1, 3, 20, 30), ("B04", "B03", "B02"), None)


def test_a_scene_says_what_it_is_before_a_pixel_is_read(tmp_path):
    scene: Scene = open_scene(a_geotiff(tmp_path / "s.tif", ground()), date="2022-06-12", offset=0, **RGB)

    assert (scene.shape, scene.gsd, scene.bands) == ((60, 70), (10.0, 10.0), ("B04", "B03", "B02"))
    assert scene.quantity == dn("boa", offset=0)
    assert (scene.origin.items, scene.origin.level, scene.origin.sensor) == (("s",), "L2A", "s2-l2a")
    assert scene.origin.declared == {"date": "2022-06-12", "offset": 0, **RGB}
    assert scene.read(Window(0, 0, 1, 1)).times == np.array(["2022-06-12"], "datetime64[us]")


def test_what_lies_beyond_the_edge_is_invalid(tmp_path):
    scene = open_scene(a_geotiff(tmp_path / "s.tif", ground()), offset=0, **RGB)

    stack = scene.read(Window(-5, 60, 64, 64))

    assert stack.shape == (1, 3, 64, 64)
    np.testing.assert_array_equal(np.argwhere(stack.valid[0, 0]).min(axis=0), [5, 0])
    np.testing.assert_array_equal(np.argwhere(stack.valid[0, 0]).max(axis=0), [63, 9])
    assert np.isnan(to_physical(stack).data[0, :, 0, 0]).all()


def test_without_a_declared_offset_numbers_stay_numbers_and_the_verdict_is_kept(tmp_path):
    """Contract: import works, conversion refuses, and what the pixels say is on record."""
    scene = open_scene(a_geotiff(tmp_path / "s.tif", ground()), **RGB)

    (offset,) = scene.origin.offsets
    assert scene.quantity == dn("boa", offset=None)
    assert (offset["offset"], offset["by"], offset["confidence"]) == (None, "none", "unknown")
    assert offset["verdict"].startswith("unshifted (0.1 % quantile of ")
    with pytest.raises(Refused, match="is unknown, so reflectance would be a guess"):
        to_physical(scene.read(Window(0, 0, 8, 8)))


@pytest.mark.parametrize(("declared", "shift"), [(0, 900), (-1000, 0)])
def test_a_declared_offset_is_obeyed_and_the_pixels_objection_recorded(tmp_path, declared, shift):
    scene = open_scene(a_geotiff(tmp_path / "s.tif", ground(shift=shift)), offset=declared, **RGB)

    (offset,) = scene.origin.offsets
    assert scene.quantity == dn("boa", offset=declared)
    assert (offset["by"], offset["confidence"]) == ("override", "declared")
    assert offset["verdict"].startswith("shifted" if shift else "unshifted")


@pytest.mark.parametrize(("documented", "shift"), [(0, 900), (-1000, 0)])
def test_a_documented_offset_is_vetoed_by_the_pixels(tmp_path, documented, shift):
    path = a_geotiff(tmp_path / "s.tif", ground(shift=shift))

    with pytest.raises(Refused) as raised:
        open_scene(path, convention=documented, **RGB)

    assert f"s.tif: the pixels contradict the metadata: convention says {documented} (declared convention of " in str(
        raised.value
    )


def test_claims_that_disagree_are_decided_by_the_pixels(tmp_path):
    """The file says -1000, the data set documents 0, the darkest pixels lie near 100: without offset."""
    path = a_geotiff(tmp_path / "s.tif", ground(), scales=[1e-4] * 3, offsets=[-0.1] * 3)

    scene = open_scene(path, convention=0, **RGB)

    (offset,) = scene.origin.offsets
    assert (offset["offset"], offset["by"], offset["confidence"]) == ([0.0], "pixels", "measured")
    assert len(offset["claims"]) == 2


def test_pixels_that_choose_another_claim_than_the_strongest_are_a_mismatch(tmp_path):
    path = a_geotiff(tmp_path / "s.tif", ground(), scales=[1e-4] * 3, offsets=[0.0] * 3)

    with pytest.raises(Mismatch) as raised:
        open_scene(path, convention=-1000, **RGB)

    assert (
        "s.tif: offset differs: want -1000 (convention says -1000 (declared convention of the data set)), have 0 "
        in (str(raised.value))
    )


def test_the_pixel_check_sees_bands_that_are_not_kept(tmp_path):
    """B10 decides L1C although only B04 is read."""
    numbers = np.concatenate([ground()[:1] + np.uint16(3000), np.full((1, 60, 70), 12, np.uint16)])

    scene = open_scene(a_geotiff(tmp_path / "s.tif", numbers), bands="B04,B10", keep="B04", kind="dn", level="L1C")

    assert scene.bands == ("B04",)
    assert scene.origin.offsets[0]["verdict"] == "unshifted (1 % quantile of B10 is 12, below 500; 4200 pixels)"


def test_a_large_scene_is_looked_at_all_over(tmp_path):
    """Only its lower right corner is dark; a look at the upper left alone would leave it undecided."""
    numbers = np.full((1, 1200, 1300), 4000, np.uint16)
    numbers[:, -200:, -200:] = 50
    path = a_geotiff(tmp_path / "s.tif", numbers, compress="deflate", tiled=True)

    verdict = open_scene(path, bands="B04", kind="dn", level="L2A").origin.offsets[0]["verdict"]

    assert verdict.startswith("unshifted (0.1 % quantile of B04 is 50, below 700; ")


def test_float_digital_numbers_with_gaps_are_judged_on_what_is_there(tmp_path):
    numbers = ground(dtype="float32")
    numbers[:, :30] = np.nan

    scene = open_scene(a_geotiff(tmp_path / "s.tif", numbers, dtype="float32"), **RGB)

    assert scene.origin.offsets[0]["verdict"].endswith("2100 pixels)")
    assert scene.read(Window(0, 0, 60, 70)).valid.mean() == 0.5


def test_signed_digital_numbers_are_read(tmp_path):
    """Real L1C files of int16 exist; 65535 does not fit their type and is asked about all the same."""
    scene = open_scene(a_geotiff(tmp_path / "s.tif", ground(dtype="int16"), dtype="int16"), offset=0, **RGB)

    assert scene.read(Window(0, 0, 4, 4)).data.dtype == np.int16
    assert scene.origin.offsets[0]["verdict"].startswith("unshifted")


def test_a_class_band_is_a_scene_of_its_own(tmp_path):
    numbers = np.concatenate([ground(), np.full((1, 60, 70), 4, np.uint16)])
    path = a_geotiff(tmp_path / "s.tif", numbers)
    options = {"bands": "B04,B03,B02,SCL", "kind": "dn", "level": "L2A"}

    measured, classes = open_scene(path, **options), open_scene(path, keep="SCL", **options)

    assert measured.bands == ("B04", "B03", "B02")
    assert (classes.bands, classes.quantity) == (("SCL",), class_of("scl"))
    stack = classes.read(Window(0, 0, 8, 8))
    assert stack.data.dtype == np.uint8
    assert (stack.data == 4).all()


def test_measured_and_class_bands_are_not_mixed_in_a_scene(tmp_path):
    path = a_geotiff(tmp_path / "s.tif", 4, bands=2)

    with pytest.raises(Refused) as raised:
        open_scene(path, bands="B04,SCL", keep="B04,SCL", kind="dn", level="L2A")

    assert str(raised.value) == (
        "s.tif: a scene gives bands of one quantity, and class bands only one by one: have B04 SCL. Choose with keep=."
    )


def test_a_number_that_is_no_class_is_told(tmp_path):
    path = a_geotiff(tmp_path / "s.tif", 77, bands=1)
    scene = open_scene(path, bands="SCL")

    with pytest.raises(Mismatch) as raised:
        scene.read(Window(0, 0, 4, 4))

    assert str(raised.value) == (
        "s.tif: class code differs: want one of legend scl (0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11), have 77. "
        "Name the legend that the band has, or the right band."
    )


def test_degrees_get_their_metres_on_the_ground(tmp_path):
    """Data README: a grid of 8.98e-5 degrees at 42.08 N is 10.0 m north-south and 7.4 m east-west."""
    transform = Affine(8.98e-5, 0, 12.71, 0, -8.98e-5, 42.08)

    scene = open_scene(a_geotiff(tmp_path / "s.tif", ground(), crs="EPSG:4326", transform=transform), **RGB)

    assert scene.gsd == pytest.approx((7.43, 9.97), abs=0.02)


def test_degrees_are_as_wide_as_their_window_says(tmp_path):
    """A degree of longitude is 111.3 km x cos(latitude): 10 degrees further north it is 16 % narrower at 50 N."""
    transform = Affine(0.1, 0, 11, 0, -0.1, 55)
    scene = open_scene(a_geotiff(tmp_path / "s.tif", ground((120, 60)), crs="EPSG:4326", transform=transform), **RGB)

    north, south = scene.read(Window(0, 0, 2, 2)), scene.read(Window(100, 0, 2, 2))

    want = np.cos(np.deg2rad(54.9)) / np.cos(np.deg2rad(44.9))
    assert north.gsd[0] / south.gsd[0] == pytest.approx(want, rel=2e-3)


def test_a_scene_without_a_place_wants_its_ground_size(tmp_path):
    path = a_geotiff(tmp_path / "s.tif", ground(), crs=None)

    with pytest.raises(Refused, match="has no place, so its ground size is unknown"):
        open_scene(path, **RGB)
    scene = open_scene(path, gsd=10, **RGB)
    assert (scene.geobox, scene.gsd, scene.read(Window(0, 0, 4, 4)).geobox) == (None, (10.0, 10.0), None)


def test_a_cog_and_a_vrt_read_as_the_file(tmp_path):
    path = a_geotiff(tmp_path / "s.tif", ground((300, 300)))
    with rasterio.open(path) as source:
        rasterio.shutil.copy(source, tmp_path / "cog.tif", driver="COG", blocksize=128)
        rasterio.shutil.copy(source, tmp_path / "v.vrt", driver="VRT")

    stacks = [
        open_scene(tmp_path / name, **RGB).read(Window(100, 200, 64, 64)) for name in ("s.tif", "cog.tif", "v.vrt")
    ]

    for other in stacks[1:]:
        np.testing.assert_array_equal(other.data, stacks[0].data)
        assert other.geobox == stacks[0].geobox


def test_scenes_pickle_and_read_alike_in_threads(tmp_path):
    path = a_geotiff(tmp_path / "s.tif", ground((256, 256)), compress="deflate", tiled=True)
    scene = pickle.loads(pickle.dumps(open_scene(path, **RGB)))
    windows = [Window(r, c, 64, 64) for r in range(-32, 256, 32) for c in range(-32, 256, 32)]
    want = [scene.read(window) for window in windows]

    with ThreadPoolExecutor(4) as pool:
        have = list(pool.map(scene.read, windows))

    assert all(same(one, other) for one, other in zip(want, have, strict=True))


def test_a_scene_that_was_replaced_is_told(tmp_path):
    path = a_geotiff(tmp_path / "s.tif", ground())
    scene = open_scene(path, **RGB)
    a_geotiff(path, ground((20, 20)))

    with pytest.raises(Unreadable, match=r"s\.tif: has changed since it was opened\. Open it again"):
        scene.read(Window(0, 0, 8, 8))


def test_an_order_of_thirteen_bands_that_physics_breaks_is_refused(tmp_path):
    """EuroSAT's files have B8A last; read in the sensor's order, B09 would be bright and B12 brighter than B11."""
    labels = ("Pasture", "Forest", "HerbaceousVegetation", "AnnualCrop")
    rows = [np.concatenate([a_eurosat_patch(c, n) for n in range(4)], axis=2) for c in labels]
    path = a_geotiff(tmp_path / "s.tif", np.concatenate(rows, axis=1))
    options = {"kind": "dn", "level": "L1C", "offset": 0}

    assert open_scene(path, bands=EUROSAT_ORDER, **options).shape == (256, 256)
    with pytest.raises(Mismatch, match=r"s\.tif: band order differs: want B01 B02 B03 B04 B05 B06 B07 B08 B8A B09 B10"):
        open_scene(path, bands=[*EUROSAT_ORDER[:8], "B8A", *EUROSAT_ORDER[8:12]], **options)
