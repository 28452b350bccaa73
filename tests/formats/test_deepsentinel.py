"""DeepSentinel's tree: both providers apart, grids, names, parts that are missing, and the way back."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from swath.core.errors import Mismatch, Refused, SwathError, Unreadable
from swath.core.presets import ORDERS
from swath.core.quantity import SIGMA0_DB, dn
from swath.core.sample import Sample, Target
from swath.formats.deepsentinel import DEEPSENTINEL
from swath.formats.deepsentinel_write import write_tree
from swath.testing.build import a_sample
from swath.testing.format import check_format
from tests.formats.a_deepsentinel import GEE_BANDS, POINTS, SIDE, a_sample_folder, a_tree, s1, s2, tile
from tests.formats.reading import by_id, samples_of, the_failure


def test_a_tree_keeps_the_contract(tmp_path):
    """B2: a fixture of 3 samples (GEE, DL, LC); DL and GEE are kept as different stacks."""
    plan = check_format(DEEPSENTINEL, a_tree(tmp_path / "v_1k"))

    assert plan.rows["id"].to_pylist() == ["v_1k-7", "v_1k-12", "v_1k-1000"]
    stacks = plan.layout.stacks
    assert set(stacks) == {"gee-s2", "gee-s1", "dl-s2", "dl-s1", "landcover"}
    assert (stacks["gee-s2"].quantity, stacks["gee-s2"].level) == (dn("boa", offset=0), "L2A")
    assert (stacks["gee-s1"].quantity, stacks["gee-s1"].bands) == (SIGMA0_DB, ("VV", "VH"))
    assert (stacks["dl-s2"].quantity, stacks["dl-s2"].level) == (dn(None, offset=None), "")
    assert stacks["gee-s2"].bands == ORDERS["deepsentinel-gee-14"].bands[:12]
    assert stacks["dl-s2"].bands == ORDERS["deepsentinel-dl-16"].bands[:13]


def test_a_tree_of_earth_engine_alone_keeps_the_contract(tmp_path):
    plan = check_format(DEEPSENTINEL, a_tree(tmp_path / "v", sources=("GEE",)), spawned=False)

    assert set(plan.layout.stacks) == {"gee-s2", "gee-s1"}


def test_arrays_are_what_numpy_reads_bands_first(tmp_path):
    sample = by_id(DEEPSENTINEL.open([a_tree(tmp_path / "v")]))["v-12"]

    np.testing.assert_array_equal(sample.stacks["gee-s2"].data[0], s2(12).transpose(2, 0, 1))
    np.testing.assert_array_equal(sample.stacks["gee-s1"].data[0], s1(12).transpose(2, 0, 1))
    theirs = np.load(next((tmp_path / "v" / "12").glob("*LCarr.npz")))["arr"]
    np.testing.assert_array_equal(sample.targets["landcover"].stack.data[0, 0], theirs)


def test_bands_in_another_order_are_found_by_name(tmp_path):
    """The JSON says which band is which; positions say nothing."""
    turned = [*GEE_BANDS[6:], *GEE_BANDS[:6]]
    optical = s2(1000)[..., [*range(6, 12), *range(6)]]
    a_sample_folder(tmp_path / "v", meta={"S2_bands": turned, "S1_bands": ["VH", "VV"]}, optical=optical)

    (sample,) = samples_of(DEEPSENTINEL.open([tmp_path / "v"]))

    np.testing.assert_array_equal(sample.stacks["gee-s2"].data[0], s2(1000).transpose(2, 0, 1))
    np.testing.assert_array_equal(sample.stacks["gee-s1"].data[0, 0], s1(1000)[..., 1])


def test_grids_times_and_products_come_from_the_json(tmp_path):
    sample = by_id(DEEPSENTINEL.open([a_tree(tmp_path / "v")]))["v-7"]

    stack, held = sample.stacks["gee-s2"], tile(*POINTS["7"][:2], 32605)["properties"]["geotrans"]
    assert stack.geobox.crs.epsg == 32605
    assert (stack.geobox.transform.c, stack.geobox.transform.f) == (held[0], held[3])
    assert str(stack.times[0]) == "2019-08-11T10:10:31.000000"
    assert str(sample.stacks["gee-s1"].times[0]) == "2019-08-11T05:26:11.000000"
    assert str(sample.stacks["dl-s2"].times[0]) == "2019-08-11T00:00:00.000000"
    assert np.isnat(sample.stacks["dl-s1"].times[0])
    assert "S1A_IW_GRDH" in sample.stacks["gee-s1"].origin.items[0]


def test_an_unpadded_zone_is_an_antarctic_projection(tmp_path):
    """001-D1: zone 5 became EPSG:3265, a valid code: Alaska was requested in nonsense coordinates without an error."""
    a_tree(tmp_path / "v")
    a_sample_folder(tmp_path / "v", "7", meta={"crs_code": "EPSG:3265"})

    assert the_failure(DEEPSENTINEL.open([tmp_path / "v"])).message == (
        "v-7 GEE_meta.json: lies on EPSG:3265, which is no UTM zone: zone 5 was not padded to 32605, so its pixels are "
        "of somewhere else. Nothing can mend it: leave it out, or download it again."
    )


@pytest.mark.parametrize("code", ["EPSG:32661", "EPSG:4326", None])
def test_other_grids_are_refused(tmp_path, code):
    """lon = 180 gave zone 61: EPSG:32661 is the north pole's stereographic grid."""
    a_tree(tmp_path / "v")
    a_sample_folder(tmp_path / "v", "7", meta={"crs_code": code})

    assert f"lies on {code}, which is no UTM zone." in the_failure(DEEPSENTINEL.open([tmp_path / "v"])).message


def test_a_grid_elsewhere_than_its_name_is_refused(tmp_path):
    """Issue 6 of its users: southern points came out on northern grids."""
    a_tree(tmp_path / "v")
    a_sample_folder(tmp_path / "v", "12", meta={"crs_code": "EPSG:32634"})

    said = the_failure(DEEPSENTINEL.open([tmp_path / "v"])).message
    assert said.startswith(
        "v-12 GEE_meta.json: place differs: want the point of its name (lon 18.5, lat -33.9), have a"
    )


def test_nodata_is_no_measurement(tmp_path):
    """001-D12: Earth Engine's nodata arrives as 0, and 0 dB would be bright ground; alpha is DescartesLabs' own."""
    radar = s1(1000)
    radar[:, :4] = 0
    a_sample_folder(tmp_path / "v", radar=radar)

    (sample,) = samples_of(DEEPSENTINEL.open([tmp_path / "v"]))

    assert not sample.stacks["gee-s1"].valid[..., :4].any()
    assert sample.stacks["gee-s1"].valid[..., 4:].all()
    assert not sample.stacks["dl-s2"].valid[:, :, :5].any()
    assert sample.stacks["dl-s2"].valid[:, :, 5:].all()


@pytest.mark.parametrize("part", ["S1arr.npz", "S2meta.json", "S1meta.json", "tile.json", "S2arr.npz"])
def test_a_sample_that_lacks_a_file_is_quarantined(tmp_path, part):
    """001-D11: their checks asked for files that are never written; ours ask for those that are."""
    a_tree(tmp_path / "v")
    next((tmp_path / "v" / "12").glob(f"*_DL_*{part}")).unlink()

    failure = the_failure(DEEPSENTINEL.open([tmp_path / "v"]))

    assert (failure.id, failure.reason) == ("v-12", "missing")
    assert failure.message == (
        f"v-12: lacks 1 of its files, the first is 12_DL_2019-09-01_18.5_-33.9_{part}. "
        "Download it again, or name the stacks that are there with stacks=."
    )


def test_thumbnails_are_no_part(tmp_path):
    for path in a_tree(tmp_path / "v").rglob("*.png"):
        path.unlink()

    assert len(samples_of(DEEPSENTINEL.open([tmp_path / "v"]))) == 3


def test_what_most_samples_have_is_read(tmp_path):
    a_sample_folder(tmp_path / "v", "7", sources=("GEE",))
    a_sample_folder(tmp_path / "v", "12", sources=("GEE", "DL"))
    a_sample_folder(tmp_path / "v", "1000", sources=("GEE", "DL", "LC"))

    assert DEEPSENTINEL.open([tmp_path / "v"]).sources == ("GEE", "DL")
    assert the_failure(DEEPSENTINEL.open([tmp_path / "v"])).id == "v-7"
    assert len(samples_of(DEEPSENTINEL.open([tmp_path / "v"], stacks="gee"))) == 3


def test_an_array_cut_short_is_quarantined(tmp_path):
    path = next((a_tree(tmp_path / "v") / "12").glob("*GEE*S2arr.npz"))
    path.write_bytes(path.read_bytes()[:5000])

    failure = the_failure(DEEPSENTINEL.open([tmp_path / "v"]))

    assert (failure.id, failure.reason) == ("v-12", "unreadable")
    assert "is no whole zip file" in failure.message


def test_an_array_of_another_size_is_quarantined(tmp_path):
    a_tree(tmp_path / "v")
    a_sample_folder(tmp_path / "v", "1000", optical=s2(1)[:32, :32])

    assert "v-1000 GEE_S2arr.npz: array arr differs: want kind f (48 x 48 x 12), have float32 (32 x 32 x 12)." in (
        the_failure(DEEPSENTINEL.open([tmp_path / "v"])).message
    )


@pytest.mark.parametrize(
    ("meta", "sentence"),
    [
        ({"patch_size": 256}, "v-7 GEE_meta.json: patch_size differs: want 48 (its arrays), have 256."),
        ({"S2_bands": list(GEE_BANDS[:11])}, "(B12 missing)"),
        ({"S2_bands": None}, "v-7 GEE_meta.json: names no S2_bands: have None. Fetch it again."),
        ({"S2_bands": [*GEE_BANDS, "B10"]}, "want kind f (48 x 48 x 13), have float32 (48 x 48 x 12)."),
        ({"x_off": None}, "v-7 GEE_meta.json: has no corner of its grid: have None, "),
        (
            {"S2_name": "COPERNICUS/S2_SR/20190812T101031_20190812T101028_T05VPG"},
            "date differs: want 2019-08-11 (its name), have 2019-08-12 (COPERNICUS/S2_SR/20190812T101031",
        ),
        (
            {"S2_name": "COPERNICUS/S2/20190811T101031_20190811T101028_T05VPG"},
            "level differs: want L2A (COPERNICUS/S2_SR), have L1C (COPERNICUS/S2/2019",
        ),
    ],
)
def test_json_that_contradicts_the_rest_is_named(tmp_path, meta, sentence):
    a_tree(tmp_path / "v")
    a_sample_folder(tmp_path / "v", "7", meta=meta)

    assert sentence in the_failure(DEEPSENTINEL.open([tmp_path / "v"])).message


def test_names_of_two_samples_in_one_folder_are_refused(tmp_path):
    folder = a_tree(tmp_path / "v") / "7"
    one = next(folder.glob("*LCarr.npz"))
    shutil.copy(one, one.with_name(one.name.replace("-151.2", "-151.3")))

    assert "v-7: lon in its names differs: want -151.2, have -151.3 (" in (
        the_failure(DEEPSENTINEL.open([tmp_path / "v"])).message
    )


def test_an_offset_in_the_pixels_is_refused(tmp_path):
    """Before 2022 no baseline added one; from 2022 on the pixels decide."""
    a_tree(tmp_path / "v")
    a_sample_folder(tmp_path / "v", "7", optical=s2(7) + 1000)
    assert "the pixels contradict the metadata: convention says 0 (COPERNICUS/S2_SR sensed before 2022-01-25)" in (
        the_failure(DEEPSENTINEL.open([tmp_path / "v"])).message
    )

    late = (-151.2, 61.3, "2022-08-11", 32605)
    a_sample_folder(tmp_path / "w", "7", optical=s2(7) + 1000, point=late)
    said = the_failure(DEEPSENTINEL.open([tmp_path / "w"])).message
    assert "offset differs: want 0 (the other samples), have -1000. Open it apart, and declare offset=-1000" in said

    (declared,) = samples_of(DEEPSENTINEL.open([tmp_path / "w"], offset="-1000"))
    assert declared.stacks["gee-s2"].quantity == dn("boa", offset=-1000)


def a_points_table(path, **columns):
    held = {
        "idx": [7, 12, 1000],
        "lon": [POINTS[i][0] for i in ("7", "12", "1000")],
        "lat": [POINTS[i][1] for i in ("7", "12", "1000")],
        "S1_rec": ['"S1A_IW_GRDH_1SDV_20190811T052611_20190811T052636_028524_033987_1B2C"'] * 3,
        "S2_L2A_rec": ["S2A_MSIL2A_20190811T101031_N0213_R022_T33UVR_20190811T133322"] * 3,
        "DL_S1": ["sentinel-1:GRD:meta_2019-08-11_022D0526_S1A"] * 3,
        "DL_S2": ["sentinel-2:L1C:2019-08-11_33UVR_99_S2A_v1"] * 3,
    }
    pq.write_table(pa.table({**held, **columns}), path)
    return path


def test_a_points_table_gives_products_and_hours(tmp_path):
    """001-D10: the time between the two sensors was not stored, only the titles; from points they are JSON-quoted."""
    table = a_points_table(tmp_path / "points.parquet")

    sample = by_id(DEEPSENTINEL.open([a_tree(tmp_path / "v")], points=table))["v-7"]

    said = sample.stacks["gee-s1"].origin.declared
    assert said["s1"] == "S1A_IW_GRDH_1SDV_20190811T052611_20190811T052636_028524_033987_1B2C"
    assert said["hours_s1_to_s2"] == 4.74
    assert sample.stacks["dl-s2"].origin.items == ("sentinel-2:L1C:2019-08-11_33UVR_99_S2A_v1",)
    assert str(sample.stacks["dl-s1"].times[0]) == "2019-08-11T00:00:00.000000"


def test_a_table_of_another_version_is_found_out(tmp_path):
    table = a_points_table(tmp_path / "points.parquet", lon=[0.0, 18.5, 14.577])
    assert the_failure(DEEPSENTINEL.open([a_tree(tmp_path / "v")], points=table)).message == (
        "v-7: place differs: want lon 0.000000, lat 61.300000 (points table), have lon -151.200000, lat 61.300000 (its "
        "name). It is the table of another version."
    )

    table = a_points_table(tmp_path / "points.parquet", idx=[8, 12, 1000])
    assert (
        "v-7: has no row 7 in the points table"
        in the_failure(DEEPSENTINEL.open([tmp_path / "v"], points=table)).message
    )


def test_a_tree_comes_back_as_it_was(tmp_path):
    """B2: written and read again, arrays equal; names, JSON and grids too."""
    tree = a_tree(tmp_path / "v_1k")
    samples = samples_of(DEEPSENTINEL.open([tree]))

    told = []
    written = write_tree(samples, tmp_path / "again" / "v_1k", progress=lambda *said: told.append(said))

    assert told == [(1, 3), (2, 3), (3, 3)]
    assert sorted(path.name for path in written) == sorted(POINTS)
    for path in sorted(tree.rglob("*.npz")):
        theirs, ours = np.load(path)["arr"], np.load(tmp_path / "again" / path.relative_to(tmp_path))["arr"]
        assert theirs.dtype == ours.dtype
        np.testing.assert_array_equal(theirs, ours)
    for path in sorted(tree.rglob("*GEE*meta.json")):
        theirs, ours = (
            json.loads(each.read_text()) for each in (path, tmp_path / "again" / path.relative_to(tmp_path))
        )
        assert {**ours, "tile": 0} == {**theirs, "tile": 0}
        assert ours["tile"]["properties"]["geotrans"] == theirs["tile"]["properties"]["geotrans"]
    again = samples_of(DEEPSENTINEL.open([tmp_path / "again" / "v_1k"]))
    for one, other in zip(samples, again, strict=True):
        assert one.stacks["dl-s2"].geobox == other.stacks["dl-s2"].geobox
        np.testing.assert_array_equal(one.stacks["dl-s2"].valid, other.stacks["dl-s2"].valid)


def test_what_that_tree_cannot_hold_is_refused(tmp_path):
    (sample,) = samples_of(DEEPSENTINEL.open([a_sample_folder(tmp_path / "v").parent]))

    with pytest.raises(Mismatch, match="stacks differs: want gee-s2 and gee-s1, or dl-s2 and dl-s1, have s2"):
        write_tree([a_sample()], tmp_path / "again")
    undated = {name: stack for name, stack in sample.stacks.items() if name.startswith("gee")}
    times = np.array(["NaT"], "datetime64[us]")
    undated = {name: replace(stack, times=times) for name, stack in undated.items()}
    with pytest.raises(Refused, match="has no date, which its names need"):
        write_tree([Sample(sample.id, undated, {}, sample.footprint)], tmp_path / "again")
    unplaced = {name: replace(stack, geobox=None) for name, stack in sample.stacks.items()}
    with pytest.raises(Refused, match="is no square on a UTM grid"):
        write_tree([Sample(sample.id, unplaced, {}, None, "", sample.lonlat)], tmp_path / "again")
    moved = {"landcover": Target(stack=replace(sample.targets["landcover"].stack, geobox=None))}
    with pytest.raises(Refused, match="has land cover on another grid"):
        write_tree([Sample(sample.id, sample.stacks, moved, sample.footprint)], tmp_path / "again")
    assert not (tmp_path / "again").exists()


@pytest.mark.parametrize(
    ("declared", "sentence"),
    [
        ({"stacks": "gee,osm"}, "option stacks: cannot be 'gee,osm': want of gee, dl, lc"),
        ({"stacks": "lc"}, "leaves no pixels in a sample, only land cover. Name gee or dl in stacks=."),
        ({"offset": "1"}, "option offset: cannot be '1': want 0 or -1000"),
    ],
)
def test_what_cannot_be_declared_is_said(tmp_path, declared, sentence):
    with pytest.raises(SwathError) as raised:
        DEEPSENTINEL.open([a_tree(tmp_path / "v")], **declared)

    assert sentence in str(raised.value)


def test_land_cover_needs_its_tile(tmp_path):
    a_sample_folder(tmp_path / "v", sources=("GEE", "LC"), meta={"tile": None})

    assert "lies on a tile of DescartesLabs that no file describes" in (
        the_failure(DEEPSENTINEL.open([tmp_path / "v"])).message
    )


def test_a_code_that_no_legend_has_is_named(tmp_path):
    folder = a_sample_folder(tmp_path / "v")
    np.savez(next(folder.glob("*LCarr.npz")), arr=np.full((SIDE, SIDE), 99, np.uint8))

    assert "class code differs: want one of legend corine-index, have 99. Name its colour map with colmap=." in (
        the_failure(DEEPSENTINEL.open([tmp_path / "v"])).message
    )


def test_other_folders_are_refused(tmp_path):
    (tmp_path / "v").mkdir()

    with pytest.raises(Refused, match="holds no sample of DeepSentinel"):
        DEEPSENTINEL.open([tmp_path / "v"])
    with pytest.raises(Unreadable, match="is not there"):
        DEEPSENTINEL.open([tmp_path / "w"])


def test_numbers_with_an_offset_are_not_written_where_nothing_could_say_so(tmp_path):
    """The tree has no place for an offset: its reader would take +1000 for reflectance."""
    (sample,) = samples_of(DEEPSENTINEL.open([a_sample_folder(tmp_path / "v").parent]))
    shifted = replace(sample.stacks["gee-s2"], quantity=dn("boa", offset=-1000))
    stacks = {**sample.stacks, "gee-s2": shifted}

    with pytest.raises(Mismatch, match="want dn offset 0 .* have dn offset -1000"):
        write_tree([replace(sample, stacks=stacks)], tmp_path / "again")
