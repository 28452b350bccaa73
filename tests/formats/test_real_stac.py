"""Real items of six providers: every one that lies is named with its lie; and real files beside a real item."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import rasterio

from swath.core.errors import Mismatch, Refused
from swath.core.offset import decide_offset
from swath.core.quantity import dn
from swath.formats import sniff
from swath.formats.stac import STAC
from swath.formats.stacitem import claims_of, find_lies, read_items
from swath.testing.format import check_format

pytestmark = pytest.mark.realdata

#: File -> how many items, and the lies of each.
LIES = {
    "copernicus-dataspace_odata_search": (2, []),
    "copernicus-dataspace_opensearch_baseline-99.99": (2, []),
    "copernicus-dataspace_opensearch_offset-needed": (
        12,
        ["baseline: the property says 5.1, the product's name 05.10, which is taken"],
    ),
    "earth-search-v0_S2A_28QCH_20200714": (1, []),
    "earth-search-v1_l1c_27VWK_20240206_search": (1, []),
    "earth-search-v1_l2a_31UDQ_202306_collection": (
        3,
        [
            "offset: raster says -1000 (raster:offset / raster:scale); flag says 0 (boa_offset_applied is true); "
            "12 assets (blue, coastal, green, ...): the pixels decide"
        ],
    ),
    "expected_S2A_MSIL1C_20210908T042701_N0301_R133_T46RER_20210908T070248": (1, []),
    "expected_S2A_MSIL2A_20190212T192651_N0212_R013_T07HFE_20201007T160857": (1, []),
    "expected_S2A_MSIL2A_20230625T234621_N0509_R073_T01WCP_20230626T022157": (1, []),
    "expected_S2A_T34LBQ_20220401_odd-offset": (
        1,
        [
            "offset: raster says -7000 (raster:offset / raster:scale); baseline says -1000 (baseline 04.00); "
            "26 assets (blue, blue_20m, blue_60m, ...): the XML decides",
            "asset: lists images that level 2A does not have: nir_20m, nir_60m",
        ],
    ),
    "expected_S2B_MSIL2A_20220413T150759_N0400_R025_T33XWJ_20220414T082126": (1, []),
    "planetary-computer_S2B_20190629_T06VVN": (1, []),
    "stactools_S2A_T60CWS_20240109_antarctic": (
        1,
        ["asset: lists images that level 2A does not have: nir_20m, nir_60m"],
    ),
    "stactools_grd_S1A_20210809": (
        1,
        ["grid: proj:transform is made up (box divided by size): a GRD is placed by control points only"],
    ),
    "stactools_rtc_S1B_20161121_12SYJ": (1, []),
}
TILE = "aws-layout/sentinel-cogs/sentinel-s2-l2a-cogs/29/R/KH/2020/2/S2A_29RKH_20200219_0_L2A"


def data(name: str) -> Path:
    return Path(os.environ["SWATH_REAL_DATA"]) / name


def items(name: str):
    return read_items(data(f"stac-items/{name}.json"))


def test_every_file_of_items_is_judged():
    assert sorted(LIES) == sorted(path.stem for path in data("stac-items").glob("*.json"))


@pytest.mark.parametrize("name", LIES)
def test_each_item_that_lies_is_named_with_its_lie(name):
    """Data README, section stac-items; `science` 1.5 and 2.6."""
    count, want = LIES[name]
    found = items(name)

    assert len(found) == count
    assert [[str(lie) for lie in find_lies(item)] for item in found] == [want] * count


@pytest.mark.parametrize(
    ("name", "asset", "offset", "by"),
    [
        ("earth-search-v1_l1c_27VWK_20240206_search", "blue", -1000.0, "provider"),
        ("planetary-computer_S2B_20190629_T06VVN", "B02", 0.0, "provider"),
        ("expected_S2A_MSIL2A_20190212T192651_N0212_R013_T07HFE_20201007T160857", "blue", 0.0, "provider"),
        ("expected_S2A_MSIL2A_20230625T234621_N0509_R073_T01WCP_20230626T022157", "blue", -1000.0, "provider"),
        ("expected_S2B_MSIL2A_20220413T150759_N0400_R025_T33XWJ_20220414T082126", "red", -1000.0, "provider"),
        ("stactools_S2A_T60CWS_20240109_antarctic", "blue", -1000.0, "raster"),
        ("earth-search-v0_S2A_28QCH_20200714", "B02", 0.0, "baseline"),
        ("earth-search-v1_l2a_31UDQ_202306_collection", "blue-jp2", -1000.0, "provider"),
    ],
)
def test_claims_that_agree_decide_before_a_pixel_is_read(name, asset, offset, by):
    item = items(name)[0]
    held = next(each for each in item.assets if each.key == asset)
    made = decide_offset(claims_of(item, held), None, where=item.id, provider=held.provider)

    assert (made.offset, made.by) == ((offset,), by)


def test_do_not_subtract_twice():
    """README on earth-search-v1_l2a_31UDQ_202306: applied is true and raster:bands still says -0.1."""
    for item in items("earth-search-v1_l2a_31UDQ_202306_collection"):
        blue = next(each for each in item.assets if each.key == "blue")
        with pytest.raises(Refused, match="the offset is undecided: raster says -1000 .*; flag says 0"):
            decide_offset(claims_of(item, blue), None, where=item.id, provider=blue.provider)


def test_a_product_that_was_processed_locally_claims_nothing():
    """N9999: the XML or unknown; the catalogue's 99.99 tells no offset, and the sibling of baseline 02.08 does."""
    local, other = items("copernicus-dataspace_opensearch_baseline-99.99")

    assert (local.best_baseline, other.best_baseline) == ("99.99", "02.08")
    assert decide_offset([], None, where=local.id).offset is None


def test_catalogue_answers_of_the_data_space_are_read():
    first = items("copernicus-dataspace_odata_search")[0]

    assert (first.platform, first.level, first.name_baseline, first.tile) == ("S2A", "L1C", "05.00", "T54PXA")
    assert first.time == np.datetime64("2020-08-08T01:03:11.024", "us")
    assert first.geometry is not None


def test_a_real_tile_of_the_cloud_optimised_bucket_keeps_the_contract():
    """README: COGs decimated 10 times, the item says proj:shape 10980: item and files disagree on purpose."""
    with pytest.raises(Mismatch, match="want 5490 x 5490 pixels of 20 m .*have 549 x 549 pixels of 200 m"):
        STAC.open([data(TILE)])
    plan = check_format(STAC, data(TILE), grid="files", spawned=False)
    made = next(iter(STAC.open([data(TILE)], grid="files").read(plan.rows)))

    assert sniff(data(TILE)) == "stac"
    assert {name: stack.gsd for name, stack in made.stacks.items()} == {
        "s2-20m": (200.0, 200.0), "s2-60m": (600.0, 600.0), "scl": (200.0, 200.0),
    }  # fmt: skip
    assert "the item lies, grid: nir08 is said to have 5490 x 5490" in plan.rows["why"][0].as_py()
    assert made.stacks["s2-60m"].quantity == dn("boa", offset=0)
    note = made.stacks["s2-60m"].origin.offsets[0]
    assert (note["by"], note["verdict"].split(" ")[0]) == ("pixels", "unshifted")
    for band, stack in (("B01", "s2-60m"), ("B8A", "s2-20m"), ("SCL", "scl")):
        with rasterio.open(data(TILE) / f"{band}.tif") as file:
            held = made.stacks[stack]
            np.testing.assert_array_equal(held.data[0, held.bands.index(band)], file.read(1))
