"""Real Sentinel-2 products: what their metadata say, against the items that others made of them and the data README."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest
import shapely

from swath.core.bands import resolve
from swath.core.errors import Failure, Mismatch, Refused
from swath.core.geobox import footprint
from swath.core.quantity import dn
from swath.core.scene import Window
from swath.formats import sniff
from swath.formats.safe import SAFE_S2
from swath.formats.safeproduct import is_product_head, read_angles, read_product
from swath.formats.safescene import open_safe
from swath.formats.safetree import find_trees
from swath.testing.format import check_format

pytestmark = pytest.mark.realdata

WHOLE = "S2A_MSIL1C_20180629T000241_N0206_R030_T56JMM_20180629T012042"
#: Tree -> the item expected of it.
EXPECTED = {
    **{
        f"{name}.SAFE.zip": name
        for name in (
            "S2A_MSIL1C_20210908T042701_N0301_R133_T46RER_20210908T070248",
            "S2A_MSIL2A_20190212T192651_N0212_R013_T07HFE_20201007T160857",
            "S2A_MSIL2A_20230625T234621_N0509_R073_T01WCP_20230626T022157",
            "S2B_MSIL2A_20220413T150759_N0400_R025_T33XWJ_20220414T082126",
        )
    },
    "S2A_OPER_MSI_L2A_TL_VGS1_20220401T110010_A035382_T34LBQ.zip": "S2A_T34LBQ_20220401_odd-offset",
}


def data(name: str) -> Path:
    return Path(os.environ["SWATH_REAL_DATA"]) / name


def product(name: str):
    return read_product(find_trees(data(f"safe/{name}"), is_product_head)[0])


@pytest.mark.parametrize("name", EXPECTED)
def test_our_reading_agrees_with_the_item_expected_of_the_tree(name):
    """stactools-packages/sentinel2: its own expected items, made by another reader of the same files."""
    made = product(name)
    item = json.loads(data(f"stac-items/expected_{EXPECTED[name]}.json").read_text())
    said = item["properties"]

    assert f"{made.id}.SAFE" == said["s2:product_uri"]
    assert made.baseline == said["s2:processing_baseline"]
    assert f"sentinel-{made.platform[1:].lower()}" == said["platform"]
    assert f"MGRS-{made.tile[1:]}" == said["grid:code"]
    assert f"EPSG:{made.grids[10].crs.epsg}" == said["proj:code"]
    assert made.cloud == pytest.approx(said["eo:cloud_cover"], abs=1e-9)
    assert made.sun_distance == pytest.approx(said["s2:reflectance_conversion_factor"], abs=1e-12)
    assert 90 - made.sun[0] == pytest.approx(said["view:sun_elevation"], abs=1e-9)
    assert made.sun[1] == pytest.approx(said["view:sun_azimuth"], abs=1e-9)
    view = np.mean([zenith for zenith, _ in made.view.values()])
    assert view == pytest.approx(said["view:incidence_angle"], abs=1e-6)
    if "sat:relative_orbit" in said:
        assert (made.orbit, made.direction) == (said["sat:relative_orbit"], said["sat:orbit_state"])
    # The item of a bucket's tile is dated by the tile, that of a SAFE by its datatake, as in its name.
    moment = made.tile_time if "odd" in EXPECTED[name] else made.time
    assert moment.astype("datetime64[ms]") == np.datetime64(said["datetime"].rstrip("Z"), "ms")
    geometry = shapely.geometry.shape(item["geometry"])
    assert footprint(made.grids[10]).buffer(0.02).contains(geometry)


@pytest.mark.parametrize("name", EXPECTED)
def test_grids_and_offsets_agree_with_every_asset(name):
    """proj:transform, proj:shape and raster:bands of each band; -0.1 for 04.00 and 05.09, -0.7 for the odd one."""
    made = product(name)
    item = json.loads(data(f"stac-items/expected_{EXPECTED[name]}.json").read_text())
    checked = 0
    for asset in item["assets"].values():
        named = asset.get("eo:bands", [])
        if len(named) != 1 or "raster:bands" not in asset:
            continue
        band, gsd = resolve(named[0]["name"]), int(asset["raster:bands"][0]["spatial_resolution"])
        grid, scale = made.grids[gsd], asset["raster:bands"][0]["scale"]
        assert tuple(grid.transform)[:6] == tuple(asset["proj:transform"][:6])
        assert list(grid.shape.yx) == asset["proj:shape"]
        assert made.offsets[band] / made.quantification == pytest.approx(asset["raster:bands"][0]["offset"])
        assert 1 / made.quantification == scale
        checked += 1
    assert checked >= 13


@pytest.mark.parametrize(
    ("name", "offset", "baseline"),
    [
        ("S2A_MSIL2A_20190212T192651_N0212_R013_T07HFE_20201007T160857.SAFE.zip", 0.0, "02.12"),
        ("S2B_MSIL2A_20220413T150759_N0400_R025_T33XWJ_20220414T082126.SAFE.zip", -1000.0, "04.00"),
        ("S2A_MSIL2A_20230625T234621_N0509_R073_T01WCP_20230626T022157.SAFE.zip", -1000.0, "05.09"),
        ("S2A_OPER_MSI_L2A_TL_VGS1_20220401T110010_A035382_T34LBQ.zip", -7000.0, "04.00"),
        ("S2A_MSIL1C_20210908T042701_N0301_R133_T46RER_20210908T070248.SAFE.zip", 0.0, "03.01"),
        (f"{WHOLE}.zip", 0.0, "02.06"),
    ],
)
def test_offsets_are_those_that_the_data_readme_states(name, offset, baseline):
    made = product(name)

    assert (set(made.offsets.values()), made.baseline, made.quantification) == ({offset}, baseline, 10000.0)


def test_the_mean_of_the_suns_grid_is_the_mean_that_the_tile_states():
    """Two figures of the same file: the grid of 23 x 23 points, and Mean_Sun_Angle."""
    for name in EXPECTED:
        made = product(name)
        sun, view = read_angles(made)
        zenith = np.rad2deg(np.arccos(sun[2]))

        assert zenith.shape == (23, 23)
        assert zenith.mean() == pytest.approx(made.sun[0], abs=0.05)
        assert np.nanmin(view[2]) > np.cos(np.deg2rad(13))  # the swath ends at 10.3 degrees, at the satellite


def test_a_product_with_pixels_keeps_the_contract_on_its_own_grids():
    """README: JP2s decimated to 439 x 439 at 250.11 m, partly empty, old GML masks, no offset; B10 stays below 28."""
    path = data(f"safe/{WHOLE}.zip")
    declared = {"grid": "files", "clouds": "yes", "angles": "B08"}
    plan = check_format(SAFE_S2, path, spawned=False, **declared)
    made = next(iter(SAFE_S2.open([path], **declared).read(plan.rows)))

    assert sniff(path) == "safe-s2"
    assert [spec.size for spec in plan.layout.stacks.values()] == [(439, 439), (219, 219), (73, 73), (73, 73), (73, 73)]
    assert made.stacks["s2-10m"].quantity == dn("toa", offset=0)
    assert made.stacks["s2-10m"].gsd == pytest.approx((250.11389521640092,) * 2)
    assert made.stacks["s2-60m"].origin.offsets[0]["verdict"].startswith("unshifted (1 % quantile of B10 is 4")
    assert made.stacks["s2-60m"].data[0, 2].max() == 28
    empty = (made.stacks["s2-10m"].data[0] == 0).mean(axis=(1, 2))
    assert empty.min() > 0.25
    # MSK_CLOUDS is there and holds no polygon: no cloud was found; polygons know no snow.
    clouds = made.stacks["clouds"]
    assert not clouds.data.any()
    assert clouds.valid.all(axis=(0, 2, 3)).tolist() == [True, True, False]
    # MSK_DEFECT_B10 names one column of pixels, 20 m wide and 110 km long: 1 % or more of pixels of 1.5 km.
    assert made.stacks["s2-60m"].valid.mean(axis=(0, 2, 3)) == pytest.approx([1, 1, 0.983], abs=0.01)
    angles = made.stacks["angles"]
    assert angles.data[0, 0][angles.valid[0, 0]].mean() == pytest.approx(59.516, abs=0.05)  # Mean_Sun_Angle


def test_files_that_do_not_lie_on_the_metadatas_grid_are_refused_by_default():
    with pytest.raises(Mismatch, match="want 10980 x 10980 pixels of 10 m .*have 439 x 439 pixels of 250.114 m"):
        open_safe(data(f"safe/{WHOLE}.zip")).read(Window(0, 0, 64, 64))


def test_trees_without_pixels_are_left_out_by_name():
    """README: five of the six trees hold metadata only."""
    with pytest.raises(Refused, match="has metadata and no image of a band: names 36 images, the first is T01WCP_"):
        SAFE_S2.open([data("safe/S2A_MSIL2A_20230625T234621_N0509_R073_T01WCP_20230626T022157.SAFE.zip")])
    plan = SAFE_S2.open([data("safe")], grid="files").plan()

    assert plan.rows["id"].to_pylist() == [WHOLE]
    assert len(plan.failures) == 5
    assert all(isinstance(failure, Failure) and failure.reason == "refused" for failure in plan.failures)
