"""All real sets: each row of results/formats.json is what the data README states, and what the readers still say.

Expectations are the data README's own figures, section by section; where a row says otherwise, `otherwise` names it.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from studies.formats_items import agreements, lies
from studies.formats_sets import SETS, row_of

pytestmark = pytest.mark.realdata

FIGURES = json.loads((Path(__file__).parents[2] / "results" / "formats.json").read_text())["figures"]
ROWS = FIGURES["rows"]
OLD, NEW = "dn offset 0 ({} reflectance, /10000)", "dn offset -1000 ({} reflectance, /10000)"
TOA, BOA = OLD.format("toa"), OLD.format("boa")

#: Row -> samples, quarantined; data README, what each section counts.
COUNTS = {
    "eurosat-rgb": (27_000, 0),
    "eurosat-ms": (80, 0),
    "scenes: Bolzano": (35, 0),  # 705 x 935 px in whole windows of 128
    "scenes: clear mosaic": (12, 0),  # 384 x 512 px
    "scenes: cloudy mosaic": (12, 0),
    "sen12mscr-triplets": (1, 0),
    "sen12mscr-pairs": (2, 0),
    "s2-timeseries-italy": (1, 0),
    "s2-timeseries-places: Apulia": (11, 0),  # 6 places in windows of 64 px
    "s2-timeseries-places: Belgium": (1, 0),
    "s1s2-timeseries-belgium: S2": (1, 0),
    "s1s2-timeseries-belgium: S1": (1, 0),
    "s1s2-timeseries-belgium: Togo": (1, 0),
    "s1s2-places": (2, 0),
    "bigearthnet: S2": (8, 0),
    "bigearthnet: S1": (3, 0),
    "safe": (1, 5),  # five trees of Sentinel-2 hold metadata only
    "aws-layout: sentinel-cogs": (1, 0),
    "aws-layout: sentinel-s1-l1c": (0, 0),
    "aws-layout: sentinel-s2-l1c": (0, 0),
    "timeseries": (4608, 0),
}
#: Row, stack -> quantity, level, bands, size, dates, first and last day; README's "No dates" is an empty day.
STACKS = {
    ("eurosat-rgb", "rgb"): ("rgb8 [eurosat-2750-jpeg]", "L1C", 3, [64, 64], 1, "", ""),
    ("eurosat-ms", "s2"): (TOA, "L1C", 13, [64, 64], 1, "", ""),
    ("scenes: Bolzano", "s2"): (BOA, "L2A", 4, [128, 128], 1, "2022-06-12", "2022-06-12"),
    ("scenes: Bolzano", "scl"): ("class [scl]", "L2A", 1, [128, 128], 1, "2022-06-12", "2022-06-12"),
    ("scenes: clear mosaic", "s2"): (TOA, "L1C", 13, [128, 128], 1, "", ""),
    ("scenes: cloudy mosaic", "s2"): (TOA, "L1C", 13, [128, 128], 1, "", ""),
    ("sen12mscr-triplets", "s1"): ("sigma0 dB", "GRD", 2, [256, 256], 1, "", ""),
    ("sen12mscr-triplets", "s2-cloudy"): (TOA, "L1C", 13, [256, 256], 1, "", ""),
    ("sen12mscr-pairs", "s2-clear"): (TOA, "L1C", 13, [256, 256], 1, "", ""),
    ("s2-timeseries-italy", "s2"): (TOA, "L1C", 13, [128, 128], 30, "2018-01-06", "2018-12-22"),
    ("s2-timeseries-places: Apulia", "s2"): (BOA, "L2A", 3, [64, 64], 19, "2023-06-23", "2023-09-21"),
    ("s2-timeseries-places: Belgium", "s2"): (BOA, "L2A", 4, [52, 46], 19, "2023-10-02", "2023-12-31"),
    ("s1s2-timeseries-belgium: S2", "s2"): (BOA, "L2A", 4, [66, 64], 12, "2023-04-02", "2023-04-30"),
    ("s1s2-timeseries-belgium: S1", "s1"): ("sigma0 dB", "GRD", 2, [66, 64], 10, "2023-04-03", "2023-04-29"),
    ("s1s2-timeseries-belgium: Togo", "s1"): ("sigma0 dB", "GRD", 2, [17, 17], 12, "2019-02-06", "2020-01-02"),
    ("s1s2-timeseries-belgium: Togo", "s2"): (TOA, "L1C", 13, [17, 17], 12, "2019-02-06", "2020-01-02"),
    ("s1s2-places", "s1"): ("gamma0_rtc dB", "RTC", 2, [224, 224], 1, "2017-10-30", "2021-07-21"),
    ("s1s2-places", "s2-l1c"): (NEW.format("toa"), "L1C", 13, [224, 224], 1, "2017-10-30", "2021-07-23"),
    ("s1s2-places", "s2-l2a"): (BOA, "L2A", 12, [224, 224], 1, "2017-10-30", "2021-07-23"),
    ("s1s2-places", "lulc"): ("class [lulc]", "", 1, [224, 224], 1, "2017-10-30", "2021-07-23"),
    ("bigearthnet: S2", "s2-10m"): (
        BOA,
        "L2A",
        4,
        [120, 120],
        1,
        "2017-06-17",
        "2018-04-21",
    ),  # as the names of the patches
    ("bigearthnet: S1", "s1"): ("sigma0 dB", "GRD", 2, [120, 120], 1, "2017-06-13", "2017-06-13"),
    ("safe", "s2-10m"): (TOA, "L1C", 4, [439, 439], 1, "2018-06-29", "2018-06-29"),
    ("aws-layout: sentinel-cogs", "s2-60m"): (BOA, "L2A", 2, [183, 183], 1, "2020-02-19", "2020-02-19"),
}
#: Row, stack -> verdicts of the pixel check, one a date.
VERDICTS = {
    ("eurosat-ms", "s2"): {"unshifted": 80},
    ("scenes: clear mosaic", "s2"): {"unshifted": 12},
    ("scenes: cloudy mosaic", "s2"): {"unshifted": 12},
    ("sen12mscr-triplets", "s2-cloudy"): {"unshifted": 1},
    ("sen12mscr-pairs", "s2-clear"): {"unshifted": 2},
    ("s2-timeseries-italy", "s2"): {"unshifted": 28, "undecided": 2},
    ("s1s2-places", "s2-l1c"): {"shifted": 1, "unshifted": 1},  # the offset trap: 282D carries +1000
    ("s1s2-places", "s2-l2a"): {"unshifted": 2},
    ("bigearthnet: S2", "s2-10m"): {"unshifted": 8},
    ("safe", "s2-60m"): {"unshifted": 1},
    ("aws-layout: sentinel-cogs", "s2-60m"): {"unshifted": 1},
}


def test_every_set_has_a_row():
    assert list(ROWS) == list(SETS)
    assert set(COUNTS) == set(ROWS)


@pytest.mark.parametrize("name", COUNTS)
def test_samples_and_quarantine_are_as_many_as_the_readme_counts(name):
    assert (ROWS[name]["samples"], ROWS[name]["quarantined"]) == COUNTS[name]


@pytest.mark.parametrize(("name", "stack"), STACKS)
def test_quantity_level_size_and_dates_are_those_of_the_readme(name, stack):
    held = ROWS[name]["stacks"][stack]

    assert (
        held["quantity"],
        held["level"],
        len(held["bands"]),
        held["size"],
        held["dates"],
        held["first"],
        held["last"],
    ) == STACKS[name, stack]


@pytest.mark.parametrize(("name", "stack"), VERDICTS)
def test_the_pixels_say_of_every_offset_what_the_readme_says(name, stack):
    assert ROWS[name]["stacks"][stack]["verdicts"] == VERDICTS[name, stack]


def test_ground_sizes_are_those_of_the_readme():
    """EuroSAT 9.94 to 10.06 m, never exactly 10; Italy 7.4 x 10.0 m; SAFE 250.11 m; the cloud's COGs 200 and 600 m."""
    (x, _), (ms, _) = ROWS["s2-timeseries-italy"]["stacks"]["s2"]["gsd"][0], ROWS["eurosat-ms"]["stacks"]["s2"]["gsd"]
    assert x == pytest.approx(7.4, abs=0.05)
    assert ROWS["s2-timeseries-italy"]["stacks"]["s2"]["gsd"][1] == pytest.approx([10.0, 10.0], abs=0.05)
    assert 9.93 <= ms[0] < 10 < ms[1] <= 10.07
    assert ROWS["safe"]["stacks"]["s2-10m"]["gsd"][0] == pytest.approx([250.11, 250.11], abs=0.01)
    assert ROWS["aws-layout: sentinel-cogs"]["stacks"]["scl"]["gsd"][0] == [200.0, 200.0]


def test_places_are_those_of_the_readme():
    """EuroSAT lat 27.97..65.24, lon -20.99..33.53; Apulia 17.7 E 40.6 N; Belgium 5.06 E 51.22 N; 119.2 E 33.5 N."""
    assert ROWS["eurosat-rgb"]["lat"] == pytest.approx([27.97, 65.24], abs=0.01)
    assert ROWS["eurosat-rgb"]["lon"] == pytest.approx([-20.99, 33.53], abs=0.01)
    assert ROWS["s2-timeseries-places: Apulia"]["lon"] == pytest.approx([17.7, 17.7], abs=0.1)
    assert ROWS["s1s2-timeseries-belgium: S1"]["lat"] == pytest.approx([51.22] * 2, abs=0.01)
    assert ROWS["sen12mscr-triplets"]["lon"] == pytest.approx([119.2] * 2, abs=0.05)


def test_what_is_refused_says_why():
    """README: the GRD COG has 210 control points and no transform; the L1C tile's JP2 lie beside tileInfo alone."""
    assert "is placed by ground control points only" in ROWS["aws-layout: sentinel-s1-l1c"]["refused"]
    assert "holds no raster (.tif, .tiff, .vrt)" in ROWS["aws-layout: sentinel-s2-l1c"]["refused"]


def test_the_older_of_two_eras_was_shifted_up():
    stack = ROWS["s1s2-places"]["stacks"]["s2-l1c"]

    assert (stack["quantity"], stack["shifted_up"]) == (NEW.format("toa"), 1)


def test_every_tree_agrees_with_its_item_but_for_the_radars_turned_shape():
    """README: the items expected of the trees; the GRD's proj:shape is 26144 x 16676 for 16,676 lines."""
    by_item = {row["item"]: row for row in FIGURES["trees"]}

    assert len(by_item) == 6
    radar = by_item.pop("stactools_grd_S1A_20210809")
    assert radar["differ"] == ["proj:shape (lines, pixels): ours [16676, 26144], the item's [26144, 16676]"]
    for row in by_item.values():
        assert row["agree"] == row["facts"] > 30, row
    odd = by_item["expected_S2A_T34LBQ_20220401_odd-offset"]
    assert (odd["offset"], odd["baseline"]) == ([-7000.0], "04.00")


def test_the_items_that_lie_are_named():
    """README: do not subtract twice; the odd offset; the made-up transform of a GRD."""
    found = {row["file"]: " ".join(row["lies"]) for row in FIGURES["items"]}

    liars = {name for name, said in found.items() if said}
    assert liars == {
        "copernicus-dataspace_opensearch_offset-needed",
        "earth-search-v1_l2a_31UDQ_202306_collection",
        "expected_S2A_T34LBQ_20220401_odd-offset",
        "stactools_S2A_T60CWS_20240109_antarctic",
        "stactools_grd_S1A_20210809",
    }
    assert "boa_offset_applied is true" in found["earth-search-v1_l2a_31UDQ_202306_collection"]


def test_pictures_are_small_and_there():
    for name, row in ROWS.items():
        if "picture" in row:
            path = Path(__file__).parents[2] / "docs" / "results" / row["picture"]
            assert path.stat().st_size == row["picture_bytes"] <= 300_000, name


@pytest.mark.parametrize("name", [name for name in SETS if name not in ("eurosat-rgb", "timeseries")])
def test_readers_still_say_what_the_page_says(name, tmp_path):
    """The stored rows, made again by the code at hand; the two large ones are read by tests of their own."""
    row, _ = row_of(name, Path(os.environ["SWATH_REAL_DATA"]), tmp_path)

    stored = {key: held for key, held in ROWS[name].items() if key not in ("picture", "picture_bytes", "tiles")}
    assert json.loads(json.dumps(row)) == stored


def test_items_and_trees_still_say_what_the_page_says():
    folder = Path(os.environ["SWATH_REAL_DATA"])

    assert agreements(folder) == FIGURES["trees"]
    assert lies(folder) == FIGURES["items"]
