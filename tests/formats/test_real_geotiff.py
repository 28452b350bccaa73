"""Real GeoTIFFs through a declared mapping: quantity, level, and the verdict of their pixels."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import rasterio

from swath.core.bands import S2_BANDS, S2_L2A_BANDS, order
from swath.core.errors import Failure, Mismatch, Refused
from swath.core.pixelcheck import check_pair
from swath.core.quantity import SIGMA0_DB, Quantity, class_of, dn
from swath.core.sample import Sample
from swath.core.scene import Window
from swath.core.stack import to_physical
from swath.formats.geotiff import GEOTIFF
from swath.formats.scene import open_scene
from swath.testing.format import check_format
from swath.testing.source import check_source

pytestmark = pytest.mark.realdata

L1C = {"bands": ",".join(S2_BANDS), "level": "L1C", "kind": "dn"}
L2A = {"bands": ",".join(S2_L2A_BANDS), "level": "L2A", "kind": "dn"}
BOLZANO = {"bands": "B04,B03,B02,B08,SCL", "level": "L2A", "kind": "dn", "nodata": 0, "date": "2022-06-12"}


def data(name: str) -> Path:
    return Path(os.environ["SWATH_REAL_DATA"]) / name


def verdict(path: Path, **declared) -> str:
    return open_scene(path, **declared).origin.offsets[0]["verdict"]


def test_bolzano_is_l2a_without_an_offset():
    """Data README: 935 x 705 px, 10 m, EPSG:32632, offset already removed (minima near 0); the date is declared."""
    scene = open_scene(data("scenes/bolzano_s2_l2a_2022.tif"), **BOLZANO)

    assert (scene.shape, scene.gsd, scene.geobox.crs.epsg) == ((705, 935), (10.0, 10.0), 32632)
    assert (scene.quantity, scene.origin.level) == (dn("boa", offset=None), "L2A")
    assert scene.origin.offsets[0]["verdict"].startswith("unshifted (0.1 % quantile of B0")
    assert scene.read(Window(0, 0, 2, 2)).times == np.array(["2022-06-12"], "datetime64[us]")


def test_bolzanos_bands_have_the_means_of_their_names():
    """Data README: means 593/718/465/3421 of B04, B03, B02, B08."""
    scene = open_scene(data("scenes/bolzano_s2_l2a_2022.tif"), **BOLZANO)
    stack = scene.read(Window(0, 0, *scene.shape))

    good = np.broadcast_to(True if stack.valid is None else stack.valid, stack.data.shape)[0]
    means = [round(float(band[mask].mean())) for band, mask in zip(stack.data[0], good, strict=True)]

    assert dict(zip(stack.bands, means, strict=True)) == {"B04": 593, "B03": 718, "B02": 465, "B08": 3421}


def test_bolzanos_scene_classes_are_a_map_of_their_own():
    """Data README: band 5 = scene classes 2..7 in the same uint16 stack."""
    scene = open_scene(data("scenes/bolzano_s2_l2a_2022.tif"), keep="SCL", **BOLZANO)

    stack = scene.read(Window(0, 0, *scene.shape))

    assert scene.quantity == class_of("scl")
    assert stack.data.dtype == np.uint8
    codes = stack.data if stack.valid is None else stack.data[stack.valid]
    assert (codes.min(), codes.max()) == (2, 7)


def test_bolzano_is_cut_into_windows():
    source = GEOTIFF.open([data("scenes/bolzano_s2_l2a_2022.tif")], size=64, min_valid=0.5, offset=0, **BOLZANO)
    plan = check_source(source, rows=6)

    made = list(source.read(plan.rows))

    assert len(plan) == (705 // 64) * (935 // 64)
    samples = [each for each in made if isinstance(each, Sample)]
    assert len(samples) + sum(isinstance(each, Failure) for each in made) == len(plan)
    assert all(sorted(sample.stacks) == ["s2", "scl"] for sample in samples)
    with rasterio.open(data("scenes/bolzano_s2_l2a_2022.tif")) as theirs:
        last, row = samples[-1], plan.rows.to_pylist()[[each.id for each in made].index(samples[-1].id)]
        window = rasterio.windows.Window(row["col"], row["row"], 64, 64)
        np.testing.assert_array_equal(last.stacks["s2"].data[0], theirs.read([1, 2, 3, 4], window=window))


@pytest.mark.parametrize(("name", "least", "most"), [("clear", 370, 500), ("cloudy", 0, 50)])
def test_the_mosaics_are_unshifted_even_under_a_veil(name, least, most):
    """Data README: "clear" is veiled, its B10 is 370..531; science 1.7: below 500 is unshifted all the same."""
    said = verdict(data(f"scenes/sen12mscr_136_{name}.tif"), **L1C)

    assert said.startswith("unshifted (1 % quantile of B10 is ")
    assert least <= float(said.split(" is ")[1].split(",")[0]) < most


def test_a_mosaic_with_its_documented_convention_becomes_reflectance():
    """SEN12MS-CR: L1C, DN / 10000 without offset; data README: clouds reach DN 21928, reflectance 2.19."""
    scene = open_scene(data("scenes/sen12mscr_136_cloudy.tif"), convention=0, **L1C)

    toa = to_physical(scene.read(Window(0, 0, *scene.shape)))

    assert scene.origin.offsets[0]["confidence"] == "documented"
    assert toa.data.max() == pytest.approx(2.1928, abs=1e-4)


def test_a_wrong_convention_is_vetoed():
    with pytest.raises(Refused, match="the pixels contradict the metadata: convention says -1000"):
        open_scene(data("scenes/sen12mscr_136_cloudy.tif"), convention=-1000, **L1C)


def test_the_offset_trap_is_seen():
    """Data README: 282D's L1C carries +1000 (B10 minimum 1004) although its L2A has it removed; 637U has none."""
    place = data("s1s2-places/282D_485L_3_3")
    other = data("s1s2-places/637U_59R_1_3")

    assert (
        verdict(place / "S2L1C.tif", **L1C) == "shifted (1 % quantile of B10 is 1005, within 950..1150; 50176 pixels)"
    )
    assert verdict(place / "S2L2A.tif", **L2A).startswith("unshifted (0.1 % quantile of ")
    assert verdict(other / "S2L1C.tif", **L1C).startswith("unshifted (1 % quantile of B10 is ")
    assert verdict(other / "S2L2A.tif", **L2A).startswith("unshifted (0.1 % quantile of ")


def test_the_pair_says_that_only_the_l1c_is_shifted():
    """science 1.7: intercepts 24..135 if both agree, 1009..1085 if only L1C is shifted."""

    def pair(name: str):
        stacks = []
        for file, options in (("S2L1C.tif", L1C), ("S2L2A.tif", L2A)):
            scene = open_scene(data(f"s1s2-places/{name}/{file}"), **options)
            stack = scene.read(Window(0, 0, *scene.shape))
            stacks.append(stack.data[0, order(stack.bands, S2_L2A_BANDS)])
        return check_pair(*stacks, S2_L2A_BANDS)

    assert pair("282D_485L_3_3").answer == "shifted"
    assert pair("637U_59R_1_3").answer == "unshifted"


def test_the_trap_catches_who_declares_the_usual_convention():
    with pytest.raises(Refused, match=r"S2L1C\.tif: the pixels contradict the metadata: convention says 0"):
        open_scene(data("s1s2-places/282D_485L_3_3/S2L1C.tif"), convention=0, **L1C)


def test_radar_in_decibels_comes_as_it_is():
    """Data README: S1RTC is 2 float64 (VV, VH), gamma0 in dB; both descriptions in the file say 'bands'."""
    scene = open_scene(data("s1s2-places/637U_59R_1_3/S1RTC.tif"), bands="VV,VH", kind="gamma0_rtc_db", level="RTC")

    stack = scene.read(Window(0, 0, *scene.shape))

    assert (scene.quantity, scene.origin.sensor) == (Quantity("gamma0_rtc_db"), "s1-rtc")
    assert scene.quantity != SIGMA0_DB
    assert -35 < np.median(stack.data[0, 1]) < np.median(stack.data[0, 0]) < 0


def test_heights_are_values_with_a_unit():
    scene = open_scene(data("s1s2-places/637U_59R_1_3/DEM.tif"), bands="elevation", kind="value", unit="m")

    assert (scene.bands, str(scene.quantity)) == (("elevation",), "value [m]")


def test_a_radar_scene_placed_by_control_points_is_refused():
    """Data README: iw-vv GRD COG without CRS or transform, 210 GCPs."""
    (path,) = data("aws-layout").glob("**/iw-vv*.tiff")

    with pytest.raises(Refused, match="is placed by ground control points only, and has no transform"):
        open_scene(path, bands="VV", kind="dn", level="GRD")


def test_degrees_have_two_ground_sizes():
    """Data README: the grid is EPSG:4326, 8.98e-5 degrees: 10.0 m north-south but 7.4 m east-west."""
    path = sorted(data("s2-timeseries-italy").glob("*.tif"))[0]

    assert open_scene(path, **L1C).gsd == pytest.approx((7.43, 9.97), abs=0.03)


def test_thirty_dates_open_as_a_folder_of_files():
    """science 1.7: 28 of the 30 dates are unshifted by B10; two overcast ones are undecided by it."""
    source = GEOTIFF.open([data("s2-timeseries-italy")], convention=0, **L1C)
    plan = source.plan()

    said = [made.stacks["s2"].origin.offsets[0]["verdict"].split(" (")[0] for made in source.read(plan.rows)]

    assert len(plan) == 30
    assert plan.layout.stacks["s2"].size == (128, 128)
    assert sorted(set(said)) == ["undecided", "unshifted"]
    assert said.count("undecided") == 2


def test_real_files_of_two_sizes_are_told_apart(tmp_path):
    for name in ("scenes/sen12mscr_136_clear.tif", "scenes/sen12mscr_136_cloudy.tif"):
        (tmp_path / Path(name).name).symlink_to(data(name))

    with pytest.raises(Refused, match="holds a link that leaves it"):
        GEOTIFF.open([tmp_path], **L1C)


def test_the_wrong_order_of_a_real_scene_is_refused_where_physics_can_tell():
    """637U: fields, water and no clouds, B8A read as B09 and so on."""
    wrong = [*S2_BANDS[:8], "B09", "B10", "B11", "B12", "B8A"]
    path = data("s1s2-places/637U_59R_1_3/S2L1C.tif")

    assert open_scene(path, convention=0, **L1C).bands == S2_BANDS
    with pytest.raises(Mismatch, match=r"S2L1C\.tif: band order differs: want B01 B02 B03 B04 B05 B06 B07 B08 B09 B10"):
        open_scene(path, **{**L1C, "bands": wrong}, offset=0)


def test_the_contract_holds_on_real_scenes():
    check_format(GEOTIFF, data("scenes/sen12mscr_136_cloudy.tif"), size=128, convention=0, **L1C)
    check_format(GEOTIFF, data("s2-timeseries-italy"), convention=0, **L1C, rows=4)
