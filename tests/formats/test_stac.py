"""Items and their assets on disk: which field decides the offset when several lie, and what is refused."""

from __future__ import annotations

import json
import os

import numpy as np
import pytest

from swath.core.errors import Failure, Mismatch, Refused, SwathError, Unknown, Unreadable
from swath.core.quantity import GAMMA0_RTC, GAMMA0_RTC_DB, dn
from swath.core.stack import to_physical
from swath.formats import sniff
from swath.formats.stac import STAC, locate
from swath.testing.build import a_geotiff
from swath.testing.format import check_format
from swath.testing.source import check_source
from tests.formats.a_safe import a_band, a_product_xml
from tests.formats.a_stac import COGS, a_stac, edited, with_asset

RAW = "s3://sentinel-s2-l2a/tiles/32/T/PS/2022/6/12/0"


def opened(path, **declared):
    return STAC.open([path], **declared)


def decided(path, **declared):
    source = opened(path, **declared)
    made = next(iter(source.read(source.plan().rows)))
    return made.stacks["s2-60m"].origin.offsets[0]


def test_the_format_keeps_its_contract(tmp_path):
    plan = check_format(STAC, a_stac(tmp_path).parent, size=48)

    assert len(plan) == 36
    assert list(plan.layout.stacks) == ["s2-10m", "s2-20m", "s2-60m", "scl"]
    assert plan.rows["group"][7].as_py() == "T32TPS_r00048_c00048"
    assert sniff(tmp_path) == sniff(tmp_path / "S2A_32TPS_20220612_0_L2A.json") == "stac"


def test_pixels_are_those_of_the_files(tmp_path):
    source = opened(a_stac(tmp_path), size=288)
    made = next(iter(source.read(source.plan().rows)))

    assert made.stacks["s2-10m"].bands == ("B02", "B03")
    np.testing.assert_array_equal(made.stacks["s2-10m"].data[0, 1], a_band("B03", 288))
    np.testing.assert_array_equal(made.stacks["scl"].data.ravel(), np.arange(144**2) % 12)
    assert made.stacks["s2-10m"].times[0] == np.datetime64("2022-06-12T10:10:31", "us")
    assert made.stacks["s2-10m"].origin.provider == "sentinel-cogs"


@pytest.mark.parametrize(
    ("flag", "raster", "added", "offset"),
    [
        (False, -0.1, 0, 0.0),  # the flag denies it, the field says -0.1, and the offset is gone (2022 to 2025)
        (True, -0.1, 0, 0.0),  # the flag is right, the field was left in place
        (False, -0.1, 1000, -1000.0),  # January 2022: the same fields beside pixels as processed
        (True, 0, 1000, -1000.0),  # everything says removed, and it is not
    ],
)  # fmt: skip
def test_known_lies_of_the_cloud_optimised_copies_are_settled_by_their_pixels(tmp_path, flag, raster, added, offset):
    """earth-search issues 9, 66 and 71, cirrus 33: the fields alone cannot tell which it is."""
    note = decided(a_stac(tmp_path, flag=flag, raster=raster, added=added))

    assert (note["offset"], note["by"], note["confidence"]) == ([offset], "pixels", "measured")
    assert [claim.split()[0] for claim in note["claims"]] == ["raster", "flag", "baseline"]


def test_two_dates_with_one_set_of_fields_and_other_pixels_open_together(tmp_path):
    """The older numbers are shifted up; reflectance is what each date's own offset says."""
    a_stac(tmp_path / "a", flag=False, added=1000)
    a_stac(tmp_path / "b", id="S2A_32TPS_20220615_0_L2A", flag=False, added=0, date="2022-06-15T10:10:31Z")
    source = opened(tmp_path, gsd=60)
    plan = check_source(source, spawned=False)
    first, second = source.read(plan.rows)

    assert plan.layout.stacks["s2-60m"].quantity == dn("boa", offset=-1000)
    assert [s.stacks["s2-60m"].origin.offsets[0].get("stored") for s in (first, second)] == [None, [0.0]]
    np.testing.assert_array_equal(to_physical(first.stacks["s2-60m"]).data, to_physical(second.stacks["s2-60m"]).data)


def test_pixels_that_do_not_tell_leave_claims_that_disagree_undecided(tmp_path):
    with pytest.raises(Refused) as raised:
        opened(a_stac(tmp_path, flag=True, side=120))

    assert "the offset is undecided: raster says -1000" in str(raised.value)
    assert "flag says 0 (boa_offset_applied is true)" in str(raised.value)
    assert decided(a_stac(tmp_path, flag=True, side=120), offset=0)["by"] == "override"


def test_a_raw_copy_is_believed_and_its_pixels_may_veto(tmp_path):
    note = decided(a_stac(tmp_path / "a", href=RAW, added=1000, raster=None))

    assert (note["by"], note["offset"]) == ("provider", [-1000.0])
    with pytest.raises(Refused, match="the pixels contradict the metadata: provider says -1000"):
        opened(a_stac(tmp_path / "b", href=RAW, added=0, raster=None))


def test_the_flag_does_not_speak_of_the_original_files(tmp_path):
    """Earth Search lists JPEG 2000 of the original bucket beside its copies: the flag is about the copies."""
    note = decided(a_stac(tmp_path, href=RAW, added=1000, flag=True))

    assert [claim.split()[0] for claim in note["claims"]] == ["provider", "raster", "baseline"]
    assert note["offset"] == [-1000.0]


@pytest.mark.parametrize(("added", "is_read"), [(1000, True), (0, False)])
def test_the_xml_of_the_product_beside_wins_and_an_odd_offset_meets_the_pixels(tmp_path, added, is_read):
    """An XML of -7000 is obeyed; where the pixels are plainly without any it is refused."""
    path = a_stac(tmp_path, href=".", added=added, raster=-0.7)
    xml = a_product_xml("L2A", "04.00", dict.fromkeys(range(13), -7000), id="X", start="2022-06-12T10:10:31Z")
    (tmp_path / "MTD_MSIL2A.xml").write_text(xml)
    if is_read:
        note = decided(path)
        assert (note["by"], note["offset"]) == ("xml", [-7000.0])
        why = opened(path).plan().rows["why"][0].as_py()
        assert "the item lies, offset: raster says -7000" in why
    else:
        with pytest.raises(Refused, match="xml says -7000 .*the pixel check says unshifted"):
            opened(path)


def test_a_provider_that_no_address_names_can_be_declared(tmp_path):
    note = decided(a_stac(tmp_path, href=".", added=0, raster=None), provider="gee-harmonised")

    assert (note["by"], note["offset"]) == ("pixels", [0.0])
    with pytest.raises(Unknown, match="unknown provider 'cdsee'. Did you mean 'cdse'"):
        opened(tmp_path, provider="cdsee")


def test_files_elsewhere_than_the_item_says_are_refused_and_told_if_taken(tmp_path):
    path = with_asset(
        a_stac(tmp_path), "b05", **{"proj:shape": [1440, 1440], "proj:transform": [2, 0, 680040, 0, -2, 5152200]}
    )
    with pytest.raises(Mismatch) as raised:
        opened(path)

    assert "want 1440 x 1440 pixels of 2 m from 680040, 5152200 in EPSG:32632 (item)" in str(raised.value)
    assert "have 144 x 144 pixels of 20 m from 680040, 5152200 in EPSG:32632 (the file)" in str(raised.value)
    assert (
        "the item lies, grid: b05 is said to have 1440 x 1440"
        in opened(path, grid="files").plan().rows["why"][0].as_py()
    )


def test_a_crs_that_nobody_knows_is_refused(tmp_path):
    with pytest.raises(Unreadable, match="names a CRS that nobody knows, EPSG:82632"):
        opened(a_stac(tmp_path, properties={"proj:epsg": 82632}))


def test_bands_of_one_stack_share_their_grid(tmp_path):
    path = a_stac(tmp_path)
    a_geotiff(tmp_path / "B03.tif", a_band("B03", 144)[None], crs="EPSG:32632")
    with pytest.raises(Mismatch, match="B03.tif: asset differs: want 1 band of uint16, 288 x 288"):
        opened(path)


@pytest.mark.parametrize("way", ["beside", "absolute", "upwards"])
def test_an_asset_outside_the_folder_is_not_read(tmp_path, way):
    home = tmp_path / "here"
    hrefs = {"beside": "../B02.tif", "absolute": "/etc/passwd", "upwards": os.path.relpath("/etc/passwd", home)}
    path = with_asset(a_stac(home), "b02", href=hrefs[way])
    a_geotiff(tmp_path / "B02.tif")
    with pytest.raises(Refused, match="has an asset outside its folder"):
        opened(path)


def test_a_link_out_of_the_folder_is_not_followed(tmp_path):
    path = a_stac(tmp_path / "here")
    (tmp_path / "here" / "B02.tif").rename(tmp_path / "B02.tif")
    (tmp_path / "here" / "B02.tif").symlink_to(tmp_path / "B02.tif")
    with pytest.raises(Refused, match="has an asset outside its folder"):
        opened(path)
    with pytest.raises(Refused, match="holds a link that leaves it"):
        opened(tmp_path / "here")


def test_assets_are_found_by_the_end_of_their_address(tmp_path):
    item = tmp_path / "a" / "item.json"
    for name in ("a/R10m/B02.jp2", "a/B02.jp2", "a/x y.tif"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"")

    assert locate(tmp_path, item, "s3://bucket/tiles/0/R10m/B02.jp2?signature=1") == tmp_path / "a/R10m/B02.jp2"
    assert locate(tmp_path, item, "https://x.org/elsewhere/B02.jp2") == tmp_path / "a/B02.jp2"
    assert locate(tmp_path, item, "./x%20y.tif").resolve() == tmp_path / "a/x y.tif"
    assert locate(tmp_path, item, "https://x.org/none.tif") is None


def test_an_item_without_files_says_how_many_it_names(tmp_path):
    path = a_stac(tmp_path)
    for file in tmp_path.glob("*.tif"):
        file.unlink()
    with pytest.raises(Refused, match="names 6 images and none of them is here, the first is"):
        opened(path)


def test_one_bad_item_does_not_stop_the_others(tmp_path):
    a_stac(tmp_path / "a", added=1000)
    bad = a_stac(tmp_path / "b", id="bad", added=1000)
    edited(bad, properties={**json.loads(bad.read_text())["properties"], "s2:product_uri": "", "s2:product_type": "X"})
    edited(bad, collection="")
    plan = opened(tmp_path).plan()

    assert [failure.id for failure in plan.failures] == ["bad"]
    assert "bad: is of level unknown: want L1C, L2A or RTC" in plan.failures[0].message


def test_radar_on_a_grid_is_linear_where_its_collection_says_so(tmp_path):
    """Indigo's RTC: gamma0 in linear power, nodata 0 (its documentation)."""
    power = np.linspace(0, 0.5, 100, dtype=np.float32).reshape(1, 10, 10)
    a_geotiff(tmp_path / "Gamma0_VV.tif", power, dtype="float32")
    item = {
        "type": "Feature", "stac_version": "1.0.0", "id": "S1B_X", "collection": "sentinel1-rtc-aws", "geometry": None,
        "properties": {"datetime": "2016-11-21T01:09:37Z", "platform": "sentinel-1b", "sar:product_type": "RTC"},
        "assets": {"gamma0_vv": {"href": "https://x.org/Gamma0_VV.tif", "raster:bands": [{"nodata": 0}]}},
    }  # fmt: skip
    path = tmp_path / "item.json"
    path.write_text(json.dumps(item))
    source = opened(path)
    made = next(iter(source.read(check_source(source, spawned=False).rows)))

    assert (made.stacks["s1"].bands, made.stacks["s1"].quantity) == (("VV",), GAMMA0_RTC)
    assert made.stacks["s1"].valid.sum() == 99
    path.write_text(json.dumps({**item, "collection": "mine"}))
    with pytest.raises(Refused, match="which may be linear power or decibels. Declare kind="):
        opened(path)
    assert opened(path, kind="gamma0_rtc_db").plan().layout.stacks["s1"].quantity == GAMMA0_RTC_DB


def test_radar_by_control_points_is_refused_whatever_its_transform_says(tmp_path):
    item = {
        "type": "Feature", "stac_version": "1.0.0", "id": "S1A_G", "geometry": None,
        "properties": {"datetime": "2021-08-09T17:40:05Z", "sar:product_type": "GRD", "proj:shape": [26144, 16676]},
        "assets": {"vv": {"href": "vv.tiff", "proj:transform": [2e-4, 0, 1, 0, -2e-4, 45]}},
    }  # fmt: skip
    (tmp_path / "item.json").write_text(json.dumps(item))
    with pytest.raises(Refused, match="is a GRD: placed by control points, on no grid, whatever proj:transform says"):
        opened(tmp_path / "item.json")


def test_a_file_that_is_cut_short_ends_as_a_failure(tmp_path):
    path = a_stac(tmp_path)
    source = opened(path)
    plan = source.plan()
    blob = (tmp_path / "B09.tif").read_bytes()
    (tmp_path / "B09.tif").write_bytes(blob[: len(blob) // 2])
    made = next(iter(source.read(plan.rows)))

    assert isinstance(made, Failure)
    assert "B09.tif: is cut short" in made.message


@pytest.mark.parametrize(
    ("blob", "said"),
    [
        (b"{", "is no whole JSON"),
        (b"[" * 100_000, "is no whole JSON"),
        (b'{"type": "Feature"}', "holds no item"),
        (b'{"type": "FeatureCollection", "features": []}', "holds no item"),
    ],
)
def test_what_is_no_item_is_refused(tmp_path, blob, said):
    (tmp_path / "a.json").write_bytes(blob)
    with pytest.raises(Unreadable) as raised:
        opened(tmp_path / "a.json")

    assert f"a.json: {said}" in str(raised.value)


def test_a_folder_without_items_is_refused(tmp_path):
    with pytest.raises(Refused, match="holds no STAC item"):
        opened(tmp_path)
    with pytest.raises(SwathError, match="no path was given"):
        STAC.open([])
    assert COGS.startswith("https://sentinel-cogs")
