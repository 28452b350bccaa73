"""The leakage report: figures against hand-made places, words against figures, and EuroSAT's own."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from swath.core.errors import Mismatch, Unknown
from swath.corpus.leakage import FoldLeakage, LeakageReport, leakage, nearest_train
from swath.corpus.places import Places
from swath.corpus.splits import Split, split_place, split_random, split_time
from tests.corpus.some_places import DIAGONAL, eurosat_places, some_places

#: One degree of a great circle [m].
DEGREE = 111_195.08


def a_split(parts: Sequence[str]) -> Split:
    """Samples s0, s1, ... in these parts."""
    ids = [f"s{i}" for i in range(len(parts))]
    return Split("hand", pa.table({"id": ids, "part": list(parts), "fold": [0] * len(parts)}), {"method": "by hand"})


def a_line(metres: Sequence[float], **given: Any) -> Places:
    """Samples on the equator, so many metres east of 0."""
    east = np.asarray(metres) / DEGREE
    return Places([f"s{i}" for i in range(len(east))], lon=east, lat=np.zeros(len(east)), **given)


def only(places: Places, parts: Sequence[str], **given: Any) -> FoldLeakage:
    return leakage(places, a_split(parts), **given).folds[0]


def test_distances_are_to_the_nearest_train_sample():
    """Test samples 100 m, 2 km and 7 km from train; val and dropped ones do not count as train."""
    places = a_line([0, 100, 2000, 9000, 16_000, 8900])
    fold = only(places, ["train", "test", "test", "test", "train", "dropped"])

    assert fold.distances == pytest.approx((100, 290, 1050, 2000, 4500, 6500, 7000), rel=1e-5)
    assert (fold.share_near, fold.share_far) == pytest.approx((1 / 3, 2 / 3))
    assert fold.counts == {"train": 2, "val": 0, "test": 3, "dropped": 1}


def test_nearest_train_gives_each_distance():
    """For drawing them; in the order of the places."""
    metres = nearest_train(a_line([0, 7000, 100]), a_split(["train", "test", "test"]))

    assert metres == pytest.approx([7000, 100], rel=1e-5)


def test_distances_reach_across_the_antimeridian():
    """0.002 degrees apart on the equator, on both sides of 180."""
    places = Places(["s0", "s1"], lon=[179.999, -179.999], lat=[0, 0], diagonal=DIAGONAL)
    fold = only(places, ["train", "test"])

    assert fold.distances == pytest.approx((222.39,) * 7, rel=1e-4)
    assert fold.overlapping == 1


@pytest.mark.parametrize(("apart", "pairs"), [(630, 1), (639.2, 0), (641, 0)])
@pytest.mark.parametrize("lat", [0.0, 60.0])
def test_windows_overlap_when_nearer_than_their_side(apart, pairs, lat):
    """Squares of 640 m share ground at 630 m; at 639.2 m, cos 3 degrees of a side, they may lie edge to edge in UTM."""
    east = apart / DEGREE / np.cos(np.radians(lat))
    places = Places(["s0", "s1"], lon=[5, 5 + east], lat=[lat, lat], diagonal=DIAGONAL)

    fold = only(places, ["train", "test"])

    assert (fold.overlapping, fold.overlapping_pairs) == (pairs, pairs)


def test_windows_that_touch_at_a_corner_are_found():
    """600 m east and 600 m north: the centres are 849 m apart, the squares share a corner."""
    step = 600 / DEGREE
    places = Places(["s0", "s1"], lon=[0, step], lat=[0, step], diagonal=DIAGONAL)

    assert only(places, ["train", "test"]).overlapping == 1


def test_overlaps_are_those_of_a_naive_loop():
    """400 windows within 12 km, every pair by hand."""
    rng = np.random.default_rng(0)
    east, north = rng.uniform(0, 12_000, (2, 400))
    places = Places(
        [f"s{i}" for i in range(400)],
        lon=east / DEGREE / np.cos(np.radians(45.05)),
        lat=45 + north / DEGREE,
        diagonal=DIAGONAL,
    )
    parts = np.where(rng.random(400) < 0.3, "test", "train")
    expected = [
        (i, j)
        for i in np.flatnonzero(parts == "test")
        for j in np.flatnonzero(parts == "train")
        if abs(east[i] - east[j]) < 0.99 * 640 and abs(north[i] - north[j]) < 0.99 * 640
    ]

    fold = only(places, parts.tolist())

    assert fold.overlapping_pairs == pytest.approx(len(expected), abs=2)
    assert fold.overlapping == pytest.approx(len({i for i, _ in expected}), abs=2)


def test_given_footprints_are_used():
    """Bounds west, south, east, north; one crosses the antimeridian, one is unknown."""
    boxes = [[179.9, 0, -179.9, 0.2], [-179.95, 0.1, -179.8, 0.3], [0, 0, 0.2, 0.2], [np.nan] * 4]

    fold = only(a_line([0, 1, 2, 3]), ["train", "test", "test", "test"], footprints=np.array(boxes))

    assert (fold.overlapping, fold.overlapping_pairs) == (1, 1)


def test_groups_on_both_sides_are_counted():
    """g crosses train and val, h is whole, samples without group are none."""
    places = a_line([0, 9e4, 2e5, 3e5, 4e5, 5e5], group=["g", "g", "h", "h", "", ""])

    fold = only(places, ["train", "val", "test", "test", "train", "test"])

    assert fold.groups_crossing == 1
    assert "1 group is on both sides" in fold.verdict


def test_dropped_members_do_not_make_a_group_cross():
    """Dropped is on no side."""
    places = a_line([0, 9e4], group=["g", "g"])

    assert only(places, ["train", "dropped"]).groups_crossing == 0


def test_near_duplicates_are_counted_with_examples():
    """Hashes that differ in 1, 4 and 5 bits from the nearest train picture; the limit is 4."""
    hashes = np.array([0xFF00, 0xFF01, 0xFF0F, 0xFF1F, 0], np.uint64)

    fold = only(a_line([0, 1e5, 2e5, 3e5, 4e5]), ["train", "test", "test", "test", "test"], hashes=hashes)

    assert fold.duplicates == 2
    assert fold.duplicate_examples == (("s1", "s0"), ("s2", "s0"))
    assert "50 % of the test pictures have a near-duplicate in train" in fold.verdict


def test_shared_datatakes_are_counted():
    """One acquisition on both sides; an unknown one is shared with nothing."""
    takes = ["a", "a", "b", "", ""]

    fold = only(a_line([0, 1e5, 2e5, 3e5, 4e5]), ["train", "test", "test", "test", "train"], datatakes=np.array(takes))

    assert fold.shared_datatakes == 1


def test_a_datatake_alone_is_told_but_is_no_leak():
    """One datatake spans hundreds of kilometres: a split by blocks shares it."""
    fold = only(a_line([0, 2e5]), ["train", "test"], datatakes=np.array(["a", "a"]))

    assert fold.findings == ()
    assert "1 (100 %) of test share a datatake with train" in fold.verdict


def test_geographic_nearest_neighbour_is_the_label_of_the_nearest_train_place():
    """By hand: nearest labels right, wrong, right; the commonest of train is 1, right once."""
    places = a_line([0, 1e5, 2e5, 3e5, 1e3, 1.01e5, 3.01e5], label=[0, 1, 1, 2, 0, 2, 1])

    fold = only(places, ["train", "train", "train", "train", "test", "test", "test"])

    assert (fold.geographic, fold.majority) == (pytest.approx(1 / 3), pytest.approx(1 / 3))


def test_samples_without_label_or_place_are_in_no_figure():
    """The unlabelled train place is not asked, the unplaced test sample is counted apart."""
    places = a_line([0, 10, 1e5, np.nan], label=[-1, 1, 1, 1])

    fold = only(places, ["train", "train", "test", "test"])

    assert (fold.geographic, fold.unplaced) == (1.0, 1)


def test_what_is_not_given_is_unknown_and_never_0():
    """Work order 8: what cannot be known is printed as unknown."""
    report = leakage(a_line([0, 2e5]), a_split(["train", "test"]))
    row = report.as_rows()[0]

    unknown = ("overlapping windows", "near-duplicates", "shared datatakes", "geographic 1-NN", "majority")
    assert [row[name] for name in unknown] == ["unknown"] * 5
    assert report.folds[0].verdict == (
        "no leak found by place; the nearest train sample is 200 km away; "
        "overlapping windows, near-duplicates and shared datatakes unknown"
    )


def test_without_places_the_verdict_is_unknown():
    """Absence of evidence."""
    fold = only(Places(["s0", "s1"]), ["train", "test"])

    assert fold.distances is fold.share_near is fold.overlapping is None
    assert fold.verdict.startswith("unknown: there are no places to compare; ")


def test_empty_hashes_and_datatakes_are_unknown():
    """A column of nothing knows nothing."""
    fold = only(a_line([0, 2e5]), ["train", "test"], hashes=np.zeros(2, np.uint64), datatakes=np.array(["", ""]))

    assert fold.duplicates is fold.shared_datatakes is None


def test_a_split_of_time_says_that_places_recur():
    """The same places in both years: windows overlap whole, groups cross."""
    once = some_places(50)
    twice = Places(
        [f"{id}-{year}" for year in (2019, 2020) for id in once.ids],
        lon=np.tile(once.lon, 2),
        lat=np.tile(once.lat, 2),
        group=np.tile(once.ids, 2),
        time=np.repeat(np.array(["2019-06-01", "2020-06-01"], "datetime64[D]"), 50),
        diagonal=DIAGONAL,
    )

    fold = leakage(twice, split_time(twice, edges=["2020-01-01"])).folds[0]

    assert (fold.overlapping, fold.groups_crossing) == (50, 50)
    assert fold.verdict.startswith("leaks: 100 % of the test windows overlap train; 100 % of test lie within 1 km")


def test_the_report_goes_through_json():
    """It is kept with the split."""
    places = some_places(200)
    report = leakage(places, split_place(places, folds=3), hashes=np.arange(200, dtype=np.uint64))

    assert LeakageReport.from_json(json.loads(json.dumps(report.to_json(), allow_nan=False))) == report


def test_the_summary_speaks_of_the_worst_fold():
    """One fold leaks, one does not: the sentence is about the one that does."""
    places = a_line([0, 10, 5e5, 9e5], diagonal=DIAGONAL)
    parts = ["train", "train", "train", "test", "train", "test", "train", "train"]
    split = Split("two", pa.table({"id": ["s0", "s1", "s2", "s3"] * 2, "part": parts, "fold": [0] * 4 + [1] * 4}), {})

    said = leakage(places, split).summary()

    assert said.startswith("two: 1 of 2 folds leak; fold 1: leaks: 100 % of the test windows overlap train")


@pytest.mark.parametrize(
    ("what", "column", "want"),
    [
        ("footprints", np.zeros((2, 2)), "shape (2, 4)"),
        ("hashes", np.zeros(3, np.uint64), "shape (2,)"),
        ("datatakes", np.array(["a"]), "shape (2,)"),
    ],
)
def test_columns_of_another_length_are_refused(what, column, want):
    """Matched by position."""
    with pytest.raises(Mismatch) as raised:
        leakage(a_line([0, 1]), a_split(["train", "test"]), **{what: column})

    said = f"leakage: {what} differs: want {want}, one an id, have {column.shape}."
    assert str(raised.value) == said


def test_a_sample_that_the_split_does_not_hold_is_named():
    """Another corpus than the one that was split."""
    with pytest.raises(Unknown, match="split hand: unknown sample 's2'"):
        leakage(a_line([0, 1, 2]), a_split(["train", "test"]))


@pytest.mark.realdata
def test_eurosat_at_random_leaks_as_measured():
    """shared data's README: 54 % of test within 1 km of train, 94 % within 5 km; B9: reported as high."""
    places = eurosat_places()
    report = leakage(places, split_random(places, shares={"train": 0.8, "test": 0.2}))
    fold = report.folds[0]

    assert fold.share_near == pytest.approx(0.54, abs=0.015)
    assert fold.share_far == pytest.approx(0.94, abs=0.015)
    assert fold.distances is not None
    assert fold.distances[0] == pytest.approx(7, abs=1)
    assert fold.overlapping is not None
    assert 0.025 < fold.overlapping / 5400 < 0.05
    assert fold.geographic is not None
    assert fold.geographic > 0.75
    assert report.leaks


@pytest.mark.realdata
def test_eurosat_in_blocks_of_a_degree_does_not_leak():
    """B9: block split's leakage is reported as none: no window overlaps, nothing within the buffer of 925 m."""
    places = eurosat_places()
    report = leakage(places, split_place(places, folds=5))

    assert [fold.overlapping for fold in report.folds] == [0] * 5
    assert all(fold.distances is not None and fold.distances[0] >= 925 for fold in report.folds)
    assert all(fold.geographic is not None and fold.geographic < 0.45 for fold in report.folds)
    assert not report.leaks


@pytest.mark.realdata
def test_eurosat_in_blocks_of_10_km_leaks_by_its_labels():
    """Blocks far smaller than the range of the labels (76 km) leave place as the better half of the answer."""
    places = eurosat_places()
    fold = leakage(places, split_place(places, block="10km", shares={"train": 0.8, "test": 0.2})).folds[0]

    assert fold.overlapping == 0
    assert "the label of the nearest train place is right for" in fold.findings[0]
