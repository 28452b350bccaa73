"""Rasters: samples of several files by a map, the offset measured file by file, steps within a file; and refusals."""

from __future__ import annotations

import copy
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio

from swath.core.bands import S2_BANDS
from swath.core.errors import Mismatch, Refused, Unknown, Unreadable
from swath.core.presets import band_order
from swath.core.quantity import GAMMA0_RTC_DB, SIGMA0_DB, class_of, dn, value
from swath.core.sample import TargetSpec
from swath.formats import sniff
from swath.formats.rasters import RASTERS
from swath.testing.format import check_format
from tests.formats.a_rasters import CLASSES, PLACES, STEPS, a_map, cover, place, places, step, steps
from tests.formats.a_sen12mscr import l1c, radar
from tests.formats.reading import by_id, samples_of, the_failure


def changed(held: dict[str, Any], stack: str, **keys: Any) -> dict[str, Any]:
    """A map with other keys at one stack; None takes a key away."""
    made = copy.deepcopy(held)
    made["stacks"][stack] = {k: v for k, v in {**made["stacks"][stack], **keys}.items() if v is not None}
    return made


def test_a_folder_a_sample_keeps_the_contract(tmp_path):
    plan = check_format(RASTERS, places(tmp_path / "p"))

    stacks = plan.layout.stacks
    assert {name: (spec.quantity, spec.dtype) for name, spec in stacks.items()} == {
        "s1": (GAMMA0_RTC_DB, "float32"),
        "s2": (dn("toa", offset=-1000), "int16"),
        "dem": (value("m"), "int16"),
        "cover": (class_of("cover"), "uint8"),
    }
    assert plan.layout.targets == {"cover": TargetSpec("map", legend="cover")}
    assert dict(zip(plan.layout.legends["cover"].codes, plan.layout.legends["cover"].names, strict=True)) == CLASSES
    assert plan.layout.licences == ("CC-BY 4.0.", "Contains modified Copernicus Sentinel data.")
    assert sniff(tmp_path / "p") == "rasters"


def test_steps_within_a_file_keep_the_contract(tmp_path):
    plan = check_format(RASTERS, steps(tmp_path / "s", names=("98", "99")), spawned=False)

    assert {name: spec.dates for name, spec in plan.layout.stacks.items()} == {"s1": 3, "s2": 3, "slope": 1}
    assert plan.rows["group"].to_pylist() == ["togo", "togo"]


def test_every_number_is_the_files_and_dates_are_the_tags(tmp_path):
    """The optical file holds no date: it shares that of the classes, as its set says."""
    (sample,) = samples_of(RASTERS.open([places(tmp_path / "p", 1, shifted=())]))

    np.testing.assert_array_equal(sample.stacks["s1"].data[0], radar(0))
    np.testing.assert_array_equal(sample.stacks["s2"].data[0], l1c(0))
    np.testing.assert_array_equal(sample.targets["cover"].stack.data[0], cover(0))
    assert str(sample.stacks["s1"].times[0]) == "2021-07-21T08:40:10.000000"
    assert str(sample.stacks["s2"].times[0]) == "2021-07-23T13:22:41.000000"
    assert np.isnat(sample.stacks["dem"].times[0])
    assert sample.lonlat == pytest.approx((9.83, 57.24), abs=0.02)


def test_older_numbers_are_shifted_up_to_the_newest_where_the_offset_is_measured(tmp_path):
    """Contract 3: lossless in integers, the original kept in origin; science 1.7: the cirrus band tells."""
    held = by_id(RASTERS.open([places(tmp_path / "p", 2, shifted=(1,))]))

    old, new = held["p0"].stacks["s2"], held["p1"].stacks["s2"]
    assert old.quantity == new.quantity == dn("toa", offset=-1000)
    np.testing.assert_array_equal(old.data[0], l1c(0).astype(int) + 1000)
    np.testing.assert_array_equal(new.data[0], l1c(1).astype(int) + 1000)
    notes = [dict(stack.origin.offsets[0]) for stack in (old, new)]
    assert [(note["offset"], note.get("stored"), note["by"]) for note in notes] == [
        ([-1000.0], [0.0], "pixels"),
        ([-1000.0], None, "pixels"),
    ]
    assert [note["verdict"].split(" ")[0] for note in notes] == ["unshifted", "shifted"]


def test_where_nothing_is_shifted_nothing_moves(tmp_path):
    for sample in samples_of(RASTERS.open([places(tmp_path / "p", 2, shifted=())])):
        assert sample.stacks["s2"].quantity == dn("toa", offset=0)
        np.testing.assert_array_equal(sample.stacks["s2"].data[0], l1c(int(sample.id[1:])))


def test_a_file_that_does_not_decide_is_left_out_with_both_readings(tmp_path):
    """Bright ground in every band can be either; the convention of the set, where it has one, is then believed."""
    folder = places(tmp_path / "p", 2, shifted=())
    place(folder, "p9", 9, pixels={"S2": (l1c(9) + 2000).astype(np.int16)})

    failure = the_failure(RASTERS.open([folder]))
    a_map(folder, changed(PLACES, "s2", convention=0))
    held = by_id(RASTERS.open([folder]))

    assert failure.id == "p9"
    assert "the offset is undecided: convention says 0 (as before baseline 04.00); convention says -1000" in (
        failure.message
    )
    note = dict(held["p9"].stacks["s2"].origin.offsets[0])
    assert (note["offset"], note["by"], note["verdict"].split(" ")[0]) == ([0.0], "convention", "undecided")


def test_a_convention_that_the_pixels_deny_quarantines_the_file(tmp_path):
    folder = places(tmp_path / "p", 2, held=changed(PLACES, "s2", offset=None, convention=0))

    failure = the_failure(RASTERS.open([folder]))

    assert failure.id == "p1"
    assert "the pixels contradict the metadata: convention says 0" in failure.message


def test_steps_are_dates_and_bands_are_found_by_name(tmp_path):
    """CropHarvest: all steps of all sensors in the bands of one file, NaN where there is nothing."""
    (sample,) = samples_of(RASTERS.open([steps(tmp_path / "s")]))

    days = [str(day) for day in sample.stacks["s2"].times.astype("datetime64[D]")]
    assert days == ["2019-02-06", "2019-03-08", "2019-04-07"]
    assert sample.stacks["s1"].quantity == SIGMA0_DB
    for k in range(3):
        for b, name in enumerate(("red", "nir")):
            np.testing.assert_array_equal(sample.stacks["s2"].data[k, b], step(name, k))
        np.testing.assert_array_equal(sample.stacks["s1"].data[k, 1], step("VH", k))
    assert sample.stacks["s2"].data.dtype == np.uint16
    slope = sample.stacks["slope"]
    assert (int((~slope.valid).sum()), bool(slope.valid[0, 0, 3, 4]), float(slope.data[0, 0, 3, 4])) == (1, False, 0.0)


def test_a_file_a_date_becomes_a_series(tmp_path):
    """{date} in the pattern: files in the order of their dates, not of their names."""
    root = tmp_path / "d"
    for day, seed in (("20240601", 5), ("20240502", 6)):
        place(root, f"a{seed}", seed)
        (root / f"a{seed}" / "S2.tif").rename(root / f"field_{day}.tif")
    transform = rasterio.open(root / "field_20240502.tif").transform
    with rasterio.open(root / "field_20240601.tif", "r+") as file:
        file.transform = transform
    a_map(root, {"stacks": {"s2": {**PLACES["stacks"]["s2"], "file": "{id}_{date}.tif", "date_of": ""}}})

    (sample,) = samples_of(RASTERS.open([root]))

    assert [str(day)[:10] for day in sample.stacks["s2"].times] == ["2024-05-02", "2024-06-01"]
    np.testing.assert_array_equal(sample.stacks["s2"].data, np.stack([l1c(6), l1c(5)]))


def test_zips_and_folders_give_the_same(tmp_path):
    folder = places(tmp_path / "p")
    path = tmp_path / "p.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
        for file in sorted(folder.rglob("*.tif")):
            made.write(file, file.relative_to(tmp_path))

    packed, loose = by_id(RASTERS.open([path], map=folder / "rasters.yaml")), by_id(RASTERS.open([folder]))

    assert list(packed) == list(loose) == ["p0", "p1", "p2"]
    for id, sample in packed.items():
        np.testing.assert_array_equal(sample.stacks["s2"].data, loose[id].stacks["s2"].data)


def test_bands_in_another_order_are_refused(tmp_path):
    """science, trap 4: B8A stands last in one set and after B08 in others."""
    folder = places(tmp_path / "p", 8, held=changed(PLACES, "s2", bands=list(band_order("eurosat-13").bands)))

    with pytest.raises(Mismatch) as raised:
        RASTERS.open([folder])

    assert str(raised.value).startswith("p, stack s2: band order differs: want B01 B02")
    assert f"The pixels fit terramind-l1c ({' '.join(S2_BANDS)})" in str(raised.value)


def test_classes_have_the_colours_that_the_map_gives_them(tmp_path):
    classes = {1: {"name": "water", "colour": "#419BDF"}, 4: "crops"}

    plan = RASTERS.open([places(tmp_path / "p", 1, held=changed(PLACES, "cover", classes=classes))]).plan()

    assert plan.layout.legends["cover"].palette()[1] == (0x41, 0x9B, 0xDF)
    assert plan.layout.legends["cover"].names == ("water", "crops")


def test_the_proof_and_the_map_stand_in_the_plan(tmp_path):
    folder = places(tmp_path / "p", 8)
    (folder / "notes.txt").write_text("x")

    asked = RASTERS.open([folder]).plan().asked

    assert asked["band_order"] == {"s2": f"{' '.join(S2_BANDS)}: proved by physics on 8 windows"}
    assert asked["map"]["stacks"]["cover"]["classes"] == {"1": "water", "4": "crops"}
    assert asked["files_of_no_stack"] == 1


def test_samples_that_lack_a_file_or_have_two_are_left_out(tmp_path):
    folder = places(tmp_path / "p")
    (folder / "p0" / "DEM.tif").unlink()
    (folder / "again" / "p1").mkdir(parents=True)
    (folder / "again" / "p1" / "DEM.tif").write_bytes((folder / "p1" / "DEM.tif").read_bytes())

    plan = RASTERS.open([folder]).plan()

    assert plan.rows["id"].to_pylist() == ["p2"]
    assert [(failure.id, failure.reason, failure.message) for failure in plan.failures] == [
        ("p0", "missing", "p0: has no file of stack dem. Fetch it, or leave the stack out."),
        (
            "p1",
            "mismatch",
            "p1: files of stack dem differs: want one file, have 2 (again/p1/DEM.tif is one). Keep one of them.",
        ),
    ]


def a_sample(tmp_path: Path, **pixels: np.ndarray) -> Path:
    """Three samples, of which the second has other pixels."""
    folder = places(tmp_path / "p", shifted=())
    place(folder, "p1", 1, pixels=pixels)
    return folder


@pytest.mark.parametrize(
    ("pixels", "said"),
    [
        ({"COVER": np.full((1, 64, 64), 3, np.uint8)}, "class code differs: want one of legend cover (1, 4), have 3"),
        ({"S1": radar(1)[::-1]}, "polarisations differs: want VV above VH (median)"),
        ({"DEM": np.full((1, 32, 64), 3, np.int16)}, "grid differs: want corner"),
        ({"DEM": np.full((1, 64, 64), 3, np.int32)}, "dtype differs: want int16 (the other samples), have int32"),
        ({"S1": radar(1)[:1]}, "number of bands differs: want 2 (VV VH, declared), have 1 in the file"),
        ({"S1": np.full((2, 64, 64), np.nan, np.float32)}, "share of valid pixels of s1 differs: want some, have 0.0%"),
    ],
)
def test_a_file_unlike_the_others_is_quarantined(tmp_path, pixels, said):
    failure = the_failure(RASTERS.open([a_sample(tmp_path, **pixels)]))

    assert failure.id == "p1"
    assert said in failure.message


def test_a_grid_elsewhere_is_refused(tmp_path):
    folder = places(tmp_path / "p", shifted=())
    (folder / "p1" / "DEM.tif").write_bytes((folder / "p2" / "DEM.tif").read_bytes())

    failure = the_failure(RASTERS.open([folder]))

    assert failure.message.startswith("p1/DEM.tif: grid differs: want corner 550533, 6344078 in EPSG:32632 (S1.tif)")


def test_fractions_do_not_become_whole_numbers_in_silence(tmp_path):
    with pytest.raises(Mismatch, match=r"numbers differs: want such as fit uint16 \(store\), have float64 from"):
        RASTERS.open([steps(tmp_path / "s", add=0.5)])


@pytest.mark.parametrize(
    ("keys", "kind", "said"),
    [
        ({"file": None}, Refused, "has no file pattern. Write file: '{id}/S2.tif'."),
        ({"file": "S2.tif"}, Refused, "has a file pattern without {id}: S2.tif"),
        ({"bands": None}, Refused, "names no bands"),
        ({"kind": None}, Refused, "does not say what its numbers are"),
        ({"kind": "boa", "level": "L2A"}, Mismatch, "want kind dn of level L1C or L2A (offset: measured)"),
        ({"level": "L1D"}, Unknown, "unknown level 'L1D'"),
        ({"offsets": 0}, Unknown, "unknown key 'offsets'. Did you mean 'offset'?"),
        ({"store": "uint12"}, Unknown, "unknown store 'uint12'"),
        ({"legend": "scl"}, Mismatch, "want one band and no kind (class codes), have 13 and kind dn"),
        ({"date_of": "s3"}, Unknown, "unknown date_of of s2 's3'"),
        ({"date_of": "s2"}, Refused, "takes the dates of s2 from s2, which takes its own from elsewhere"),
        ({"date": "2024-05-01"}, Refused, "has its dates twice, by date and date_of"),
        ({"step_days": 5}, Refused, "has step_days but one date a file"),
        ({"later": "_1"}, Unreadable, "later '_1' is no list of endings"),
        ({"later": ["", "_1"]}, Refused, "has dates within a file, and no days between them"),
        ({"later": ["", "_1"], "step_days": 5}, Refused, "and no names to tell its bands apart"),
    ],
)
def test_a_map_that_leaves_something_open_is_refused(tmp_path, keys, kind, said):
    folder = places(tmp_path / "p", 1, held=changed(PLACES, "s2", **keys))

    with pytest.raises(kind) as raised:
        RASTERS.open([folder])

    assert said in str(raised.value)
    assert "rasters.yaml" in str(raised.value)


@pytest.mark.parametrize(
    ("keys", "kind", "said"),
    [
        ({"classes": None}, Refused, "does not say what its numbers are"),
        ({"legend": "scl"}, Refused, "has both legend and classes"),
        ({"classes": {"one": "water"}}, Unreadable, "classes are no whole codes from 0 to 255 with names"),
        ({"none": "x"}, Unreadable, "none 'x' is no code"),
        (
            {"classes": {1: {"name": "water", "color": "419bdf"}}},
            Unknown,
            "unknown key 'color'. Did you mean 'colour'?",
        ),
        ({"classes": {1: {"colour": "419bdf"}}}, Refused, "class 1 has no name"),
        ({"classes": {1: {"name": "water", "colour": "blue"}}}, Refused, "colour 'blue' is not six"),
        ({"classes": {1: "water", 4: "water"}}, Refused, "name water stands for more than one class"),
    ],
)
def test_classes_are_read_whole_or_refused(tmp_path, keys, kind, said):
    folder = places(tmp_path / "p", 1, held=changed(PLACES, "cover", **keys))

    with pytest.raises(kind) as raised:
        RASTERS.open([folder])

    assert said in str(raised.value)


@pytest.mark.parametrize(
    ("held", "kind", "said"),
    [
        ({"stacks": {}}, Unreadable, "names no stack"),
        ({**PLACES, "target": "label"}, Unknown, "unknown target 'label'"),
        ({**PLACES, "group": "{region}"}, Unknown, "unknown field of group 'region'"),
        ({**PLACES, "stack": {}}, Unknown, "unknown key 'stack'. Did you mean 'stacks'?"),
        ({"target": "s1", "stacks": {"s1": PLACES["stacks"]["s1"]}}, Refused, "leaves no stack in a sample"),
        ({"stacks": {"s1": [1]}}, Unreadable, "holds a list, not keys with values"),
        ("stacks: [", Unreadable, "is no YAML in line"),
    ],
)
def test_a_map_of_another_form_is_refused(tmp_path, held, kind, said):
    folder = places(tmp_path / "p", 1, held=held)

    with pytest.raises(kind) as raised:
        RASTERS.open([folder])

    assert said in str(raised.value)


def test_a_folder_without_a_map_or_its_files_is_refused(tmp_path):
    folder = places(tmp_path / "p", 1)
    held = folder / "rasters.yaml"

    (tmp_path / "elsewhere").mkdir()
    with pytest.raises(Refused, match=r"elsewhere: holds no file of stack s1 \(\{id\}/S1\.tif\)"):
        RASTERS.open([tmp_path / "elsewhere"], map=held)
    with pytest.raises(Refused, match="is neither a folder nor a zip"):
        RASTERS.open([folder / "p0" / "S2.tif"], map=held)
    (folder / "p9").mkdir()
    (folder / "p0" / "DEM.tif").rename(folder / "p9" / "DEM.tif")
    with pytest.raises(Refused, match=r"has no sample that is whole\. p0: has no file of stack dem"):
        RASTERS.open([folder])
    held.unlink()
    with pytest.raises(Refused, match="has no map that says what its files hold"):
        RASTERS.open([folder])


def test_a_set_in_which_no_offset_is_decided_is_refused(tmp_path):
    folder = places(tmp_path / "p", 1, shifted=())
    place(folder, "p0", 0, pixels={"S2": (l1c(0) + 2000).astype(np.int16)})

    with pytest.raises(Refused, match=r"stack s2: has no file whose offset is decided\. p0/S2\.tif: the offset is und"):
        RASTERS.open([folder])


@pytest.mark.parametrize(
    ("stack", "keys", "said"),
    [
        ("s1", {"bands": {"VV": "vv", "VH": "VH"}}, "unknown band in the file 'vv'. Did you mean 'VV'?"),
        ("s2", {"later": ["", "_1", "_7"]}, "unknown band in the file 'red_7'"),
    ],
)
def test_a_band_that_the_file_lacks_is_named(tmp_path, stack, keys, said):
    with pytest.raises(Unknown) as raised:
        RASTERS.open([steps(tmp_path / "s", held=changed(STEPS, stack, **keys))])

    assert said in str(raised.value)


def test_a_tag_that_is_not_there_is_named(tmp_path):
    folder = places(tmp_path / "p", 1, held=changed(PLACES, "s1", date_tag="when"))

    with pytest.raises(Unknown, match="p0/S1.tif: unknown tag with the date 'when'"):
        RASTERS.open([folder])
