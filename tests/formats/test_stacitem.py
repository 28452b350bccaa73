"""Items as they stand: fields of every version, claims in their order, and contradictions by name."""

from __future__ import annotations

import json

import numpy as np
import pytest

from swath.core.errors import Unreadable
from swath.formats.stacitem import claims_of, find_lies, provider_of, read_items
from tests.formats.a_stac import a_stac, edited, with_asset


def lies(path):
    return [str(lie) for lie in find_lies(read_items(path)[0])]


def test_an_item_is_read_as_it_stands(tmp_path):
    item = read_items(a_stac(tmp_path, flag=True, raster=-0.1))[0]

    assert (item.id, item.form, item.level, item.platform) == ("S2A_32TPS_20220612_0_L2A", "stac", "L2A", "S2A")
    assert (item.baseline, item.name_baseline, item.flag, item.epsg, item.tile) == (
        "04.00",
        "04.00",
        True,
        32632,
        "T32TPS",
    )
    blue = item.assets[0]
    assert (blue.band, blue.gsd, blue.shape, blue.scale, blue.offset) == ("B02", 10.0, (288, 288), 0.0001, -0.1)
    assert blue.provider == "sentinel-cogs"


def test_fields_of_the_newer_extensions_are_read_too(tmp_path):
    """proj:code, `bands` with eo: and raster: prefixes (STAC 1.1, raster v2)."""
    path = a_stac(tmp_path, raster=None, baseline=None)
    held = json.loads(path.read_text())
    held["properties"] |= {"proj:code": "EPSG:32633", "processing:version": "05.10"}
    held["assets"] = {
        "red": {"href": "a.tif", "bands": [{"eo:common_name": "red", "raster:scale": 0.0001, "raster:offset": -0.1}]},
        "x": {"href": "b.tif", "bands": [{"eo:common_name": "rededge", "eo:center_wavelength": 0.74}]},
    }
    path.write_text(json.dumps(held))
    item = read_items(path)[0]

    assert (item.epsg, item.baseline) == (32633, "05.10")
    assert [(asset.band, asset.offset) for asset in item.assets] == [("B04", -0.1), ("B06", None)]


def test_claims_come_from_provider_field_flag_and_baseline(tmp_path):
    item = read_items(a_stac(tmp_path, flag=True))[0]

    assert [(claim.kind, claim.offset) for claim in claims_of(item, item.assets[0])] == [
        ("raster", (-1000.0,)), ("flag", (0.0,)), ("baseline", (-1000.0,)),
    ]  # fmt: skip
    raw = claims_of(item, item.assets[0], provider="planetary-computer")
    assert (raw[0].kind, raw[0].offset) == ("provider", (-1000.0,))


@pytest.mark.parametrize(
    ("href", "provider"),
    [
        ("https://sentinel-cogs.s3.us-west-2.amazonaws.com/a/B02.tif", "sentinel-cogs"),
        ("s3://sentinel-s2-l1c/tiles/27/V/WK/2024/2/6/0/B02.jp2", "sentinel-s2-l1c"),
        ("https://sentinel2l2a01.blob.core.windows.net/sentinel2-l2/06/V/B02.tif", "planetary-computer"),
        ("s3://eodata/Sentinel-2/MSI/L2A/x.SAFE/B02.jp2", "cdse"),
        ("./GRANULE/L2A_T01WCP/IMG_DATA/R10m/x_B02_10m.jp2", "safe"),
        ("https://e84-earth-search-sentinel-data.s3.amazonaws.com/sentinel-2-c1-l2a/B02.tif", "earth-search-c1"),
        ("./R10m/B02.jp2", None),
    ],
)
def test_addresses_tell_who_serves(href, provider):
    assert provider_of(href) == provider


def test_a_number_that_lost_its_zero_is_a_lie_and_one_that_did_not_is_none(tmp_path):
    """JSON holds 05.10 as 5.1; 2.08 is 02.08."""
    assert lies(a_stac(tmp_path, baseline=5.1, named="0510", raster=None)) == [
        "baseline: the property says 5.1, the product's name 05.10, which is taken"
    ]
    assert lies(a_stac(tmp_path, baseline=2.08, named="0208", raster=None)) == []


def test_a_flag_against_the_field_is_a_lie(tmp_path):
    assert lies(a_stac(tmp_path, flag=True))[0].startswith(
        "offset: raster says -1000 (raster:offset / raster:scale); flag says 0 (boa_offset_applied is true); 5 assets"
    )
    assert lies(a_stac(tmp_path, flag=True, raster=0)) == []
    assert lies(a_stac(tmp_path, flag=False)) == []


def test_grids_that_contradict_themselves_are_lies(tmp_path):
    half = with_asset(a_stac(tmp_path), "b05", **{"proj:transform": [10, 0, 0, 0, -10, 0]})
    assert "grid: asset b05 has gsd 20 and proj:transform of 10 m" in lies(half)
    other = a_stac(tmp_path, properties={"grid:code": "MGRS-34LBQ"})
    assert "grid: tile T34LBQ lies in another zone than EPSG:32632" in lies(other)


def test_places_and_dates_that_contradict_themselves_are_lies(tmp_path):
    square = [[0, 0], [1, 0], [1, 1], [0, 1], [0, 0]]
    path = edited(a_stac(tmp_path), geometry={"type": "Polygon", "coordinates": [square]})
    assert lies(path) == [
        "place: the geometry lies outside the grid of its own assets",
        "place: the geometry reaches beyond the bbox [11.3, 46.4, 11.4, 46.6]",
    ]
    late = a_stac(tmp_path, properties={"datetime": "2022-06-13T10:10:31Z"})
    assert lies(late)[0].startswith("date: datetime is 2022-06-13T10:10:31, the product's name says 20220612T101031")
    never = a_stac(
        tmp_path, properties={"s2:product_uri": "S2A_MSIL2A_20221699T101031_N0400_R022_T32TPS_20220612T101031"}
    )
    assert lies(never) == ["date: datetime is 2022-06-12T10:10:31, the product's name says 20221699T101031"]


def test_a_box_across_the_antimeridian_is_no_lie(tmp_path):
    """RFC 7946: west may lie east of east."""
    parts = [
        [[[179, 46.5], [180, 46.5], [180, 46.6], [179, 46.5]]],
        [[[-180, 46.5], [-179, 46.5], [-180, 46.6], [-180, 46.5]]],
    ]
    path = edited(
        a_stac(tmp_path), bbox=[179, 46.4, -179, 46.7], geometry={"type": "MultiPolygon", "coordinates": parts}
    )

    assert lies(path) == ["place: the geometry lies outside the grid of its own assets"]


def test_images_that_the_level_does_not_have_are_a_lie(tmp_path):
    path = with_asset(a_stac(tmp_path), "nir_20m", href="x/B08.jp2", **{"eo:bands": [{"name": "B08"}]})

    assert lies(path) == ["asset: lists images that level 2A does not have: nir_20m"]


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"proj:epsg": "utm32"}, "proj:code names no CRS ('UTM32')"),
        ({"datetime": "today"}, "datetime is no moment ('today')"),
        ({"proj:shape": [1, 2, 3]}, "proj:shape: want 2 numbers, have [1, 2, 3]"),
        ({"proj:transform": [1, "x", 0, 0, 1, 0]}, "proj:transform: want 6 or 9 numbers"),
    ],
)
def test_fields_that_cannot_be_are_refused_by_name(tmp_path, changed, said):
    with pytest.raises(Unreadable) as raised:
        read_items(a_stac(tmp_path, properties=changed))

    assert said in str(raised.value)
    assert "item 'S2A_32TPS_20220612_0_L2A'" in str(raised.value)


def test_a_geometry_that_is_none_and_an_item_without_a_name_are_refused(tmp_path):
    path = edited(a_stac(tmp_path), geometry={"type": "Polygon", "coordinates": [[[0, 0]]]})
    with pytest.raises(Unreadable, match="has a geometry that is none"):
        read_items(path)
    with pytest.raises(Unreadable, match="holds an item without identifier"):
        read_items(edited(a_stac(tmp_path), id=""))


def test_an_item_without_a_date_says_so(tmp_path):
    path = a_stac(tmp_path)
    held = json.loads(path.read_text())
    held["properties"]["datetime"] = None

    assert np.isnat(read_items(edited(path, properties=held["properties"]))[0].time)
