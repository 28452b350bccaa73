"""Splits at random, by group, by place and by time: who is where, and what is refused."""

from __future__ import annotations

import hashlib
import itertools
import json
import math
from collections import Counter
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from swath.core.errors import Mismatch, Refused, Unknown
from swath.core.sphere import distance
from swath.corpus.places import Places, block_of
from swath.corpus.splits import DROPPED, PARTS, Split, make_split, split_group, split_place, split_random, split_time
from tests.corpus.some_places import DIAGONAL, eurosat_places, some_places

HALVES = {"train": 0.5, "test": 0.5}
THREE = {"train": 0.6, "val": 0.2, "test": 0.2}


def shuffled(places: Places, seed: int = 9) -> Places:
    """The same samples in another order."""
    order = np.random.default_rng(seed).permutation(len(places))
    columns = {name: getattr(places, name)[order] for name in ("ids", "lon", "lat", "group")}
    label = None if places.label is None else places.label[order]
    time = None if places.time is None else places.time[order]
    return replace(places, **columns, label=label, time=time)


def dated(n: int = 100) -> Places:
    """One sample a day from 2020-01-01 on."""
    return some_places(n, time=np.datetime64("2020-01-01") + np.arange(n))


def grouped(n: int = 600) -> Places:
    """Groups of uneven size; every tenth sample has none."""
    sizes = np.random.default_rng(5).integers(0, 40, n) ** 2 // 20
    return some_places(n, group=np.where(np.arange(n) % 10 == 0, "", np.char.add("g", sizes.astype(str))))


# ---- the record


def test_the_hash_is_over_canonical_lines():
    """Contract 7: scores name the split's hash, so any program must be able to compute it."""
    recipe = {"method": "by hand", "seed": 1}
    table = pa.table({"id": ["b", "a"], "part": ["test", "train"], "fold": [0, 0]})

    split = Split("mine", table, recipe)

    lines = '{"method":"by hand","seed":1}\n0 train "a"\n0 test "b"\n'
    assert split.hash == hashlib.sha256(lines.encode()).hexdigest()


def test_the_table_has_one_row_an_id_and_fold():
    """Contract 7: columns id, part, fold."""
    split = split_place(some_places(60), block="1deg", folds=3)

    assert split.table.schema.names == ["id", "part", "fold"]
    assert split.table.num_rows == 180
    assert Counter(split.table["fold"].to_pylist()) == {0: 60, 1: 60, 2: 60}
    assert set(split.table["part"].to_pylist()) <= {*PARTS, DROPPED}


def test_another_part_name_is_unknown_and_the_nearest_named():
    """A part called 'validation' would be read by nobody."""
    table = pa.table({"id": ["a", "b"], "part": ["train", "tests"], "fold": [0, 0]})

    with pytest.raises(Unknown) as raised:
        Split("mine", table, {})

    said = "split mine: unknown part 'tests'. Did you mean 'test'? Known: train, val, test, dropped."
    assert str(raised.value) == said


@pytest.mark.parametrize(
    ("ids", "folds"), [(["a", "a"], [0, 0]), (["a", "b", "a"], [0, 0, 1]), (["a", "b"], [1, 1]), ([], [])]
)
def test_a_table_with_holes_is_refused(ids, folds):
    """Every id once in every fold, or a score means something else in each fold."""
    table = pa.table({"id": pa.array(ids, pa.string()), "part": pa.array(["train"] * len(ids), pa.string())})
    table = table.append_column("fold", pa.array(folds, pa.int32()))

    with pytest.raises(Refused) as raised:
        Split("mine", table, {})

    assert str(raised.value) == "split mine: does not hold every id once in every fold, from fold 0 on."


@pytest.mark.parametrize("name", ["", "../x", "a b", ".hidden", "a/b"])
def test_a_name_that_is_no_file_is_refused(name):
    """The corpus keeps the split under its name."""
    with pytest.raises(Refused) as raised:
        split_random(some_places(50), name=name)

    said = f"split: {name!r} cannot be the name of a file. Use letters, digits, dot, dash and underscore."
    assert str(raised.value) == said


def test_ids_parts_and_counts_tell_the_same():
    """Three ways to ask one table."""
    places = some_places(100)
    split = split_random(places, shares=THREE, seed=4)

    parts = split.parts(places.ids)
    assert {part: split.ids(part) for part in PARTS} == {
        part: sorted(places.ids[parts == part].tolist()) for part in PARTS
    }
    assert split.counts() == {"train": 60, "val": 20, "test": 20, "dropped": 0}


def test_an_unknown_sample_is_named():
    """A score joined on the wrong corpus must not pass."""
    with pytest.raises(Unknown, match=r"split random: unknown sample 's0100'\. Did you mean"):
        split_random(some_places(100)).parts(["s0001", "s0100"])


def test_an_unknown_part_is_named():
    """`validation` is `val` here."""
    with pytest.raises(Unknown) as raised:
        split_random(some_places(100)).ids("tset")

    assert "unknown part 'tset'. Did you mean 'test'?" in str(raised.value)


def test_a_fold_that_is_not_there_is_named():
    """A single split has fold 0 only."""
    with pytest.raises(Mismatch) as raised:
        split_random(some_places(100)).ids("test", fold=1)

    assert str(raised.value) == "split random: fold differs: want 0, have 1."


def test_the_summary_counts_what_is_where():
    """One sentence, dropped samples among them."""
    split = split_random(some_places(100), shares=THREE)

    assert split.summary() == f"random: 60 train, 20 val, 20 test of 100 samples (hash {split.hash[:12]})."


# ---- all methods


MADE = [
    (split_random, some_places(300), {"seed": 7, "shares": THREE}),
    (split_group, grouped(), {"seed": 7, "shares": THREE}),
    (split_group, grouped(), {"seed": 7, "folds": 4}),
    (split_place, some_places(300), {"seed": 7, "block": "1deg", "shares": THREE}),
    (split_place, some_places(300), {"seed": 7, "block": "300km", "folds": 3, "shares": {"train": 1.0}}),
    (split_place, some_places(300), {"seed": 7, "pattern": "longitude", "shares": THREE}),
    (split_time, dated(), {"shares": THREE}),
    (split_time, dated(), {"edges": ["2020-02-01"]}),
]


@pytest.mark.parametrize(("method", "places", "options"), MADE)
def test_the_order_of_the_samples_does_not_matter(method, places, options):
    """A corpus that is built again in another order keeps its splits."""
    one, other = method(places, **options), method(shuffled(places), **options)

    assert one.hash == other.hash
    assert one.table.equals(other.table)


@pytest.mark.parametrize(("method", "places", "options"), MADE)
def test_a_recipe_makes_its_split_again(method, places, options):
    """Contract 7: the split carries the recipe that made it; plain JSON and back."""
    split = method(places, **options)

    again = make_split(places, json.loads(json.dumps(split.recipe)))

    assert again.hash == split.hash


@pytest.mark.parametrize(("method", "places", "options"), [case for case in MADE if "seed" in case[2]][:4])
def test_another_seed_is_another_split(method, places, options):
    """Seeds are what repeated experiments differ by."""
    assert method(places, **options).table != method(places, **{**options, "seed": 8}).table


@pytest.mark.parametrize(("method", "places", "options"), MADE)
def test_shares_that_do_not_sum_to_one_are_refused(method, places, options):
    """0.8 and 0.1 leave a tenth unsaid."""
    with pytest.raises(Mismatch) as raised:
        method(places, shares={"train": 0.8, "val": 0.1})

    said = "sum of the shares differs: want 1, none negative, have 0.9 (train 0.8, val 0.1)."
    assert str(raised.value) == f"split {method.__name__.removeprefix('split_')}: {said}"


@pytest.mark.parametrize("method", [split_random, split_place, split_time])
def test_a_negative_share_is_refused(method):
    """It sums to 1 all the same."""
    with pytest.raises(Mismatch, match="none negative, have 1 "):
        method(dated(), shares={"train": 1.5, "test": -0.5})


def test_a_share_of_an_unknown_part_names_the_nearest():
    """Words of the table: train, val, test."""
    with pytest.raises(Unknown) as raised:
        split_random(some_places(50), shares={"train": 0.8, "valid": 0.2})

    assert str(raised.value) == (
        "split random, shares: unknown part 'valid'. Did you mean 'val'? Known: train, val, test."
    )


@pytest.mark.parametrize("shares", [{"train": 1.0}, {"val": 0.5, "test": 0.5}])
def test_shares_need_train_and_one_more(shares):
    """A split of one part parts nothing."""
    with pytest.raises(Refused, match="shares need train and one more part"):
        split_random(some_places(50), shares=shares)


def test_an_unknown_method_or_option_names_the_nearest():
    """A recipe written by hand."""
    with pytest.raises(Unknown, match=r"unknown method 'spatial'"):
        make_split(some_places(50), {"method": "spatial"})
    with pytest.raises(Unknown) as raised:
        make_split(some_places(50), {"method": "place", "bufer": 100})

    assert "split by place: unknown option 'bufer'. Did you mean 'buffer'?" in str(raised.value)


# ---- at random


@pytest.mark.parametrize("seed", range(5))
def test_random_shares_hold_in_every_class(seed):
    """Stratified: each class within one sample of its share, and so are all together."""
    places = some_places(997)
    parts = split_random(places, shares={"train": 0.7, "val": 0.1, "test": 0.2}, seed=seed).parts(places.ids)

    for chosen in (places.label >= 0, *(places.label == code for code in range(3))):
        for part, share in (("train", 0.7), ("val", 0.1), ("test", 0.2)):
            assert abs((parts[chosen] == part).sum() - share * chosen.sum()) <= 1


@settings(max_examples=60)
@given(st.lists(st.integers(3, 40), min_size=1, max_size=8), st.integers(0, 3))
def test_no_class_of_three_is_missing_from_a_part(sizes, seed):
    """A class without a test sample has no score; the total stays within one sample a class of its share."""
    label = np.repeat(np.arange(len(sizes)), sizes)
    places = Places([str(i) for i in range(len(label))], label=label)

    parts = split_random(places, seed=seed).parts(places.ids)

    assert all({*parts[label == code]} == {*PARTS} for code in range(len(sizes)))


def test_random_is_even_over_samples():
    """Each of 200 samples is tested in about a fifth of 300 splits: within five sigma of the binomial."""
    places = some_places(200, label=None)
    tested = sum(
        split_random(places, shares={"train": 0.8, "test": 0.2}, seed=s).parts(places.ids) == "test" for s in range(300)
    )

    assert np.abs(tested - 60).max() < 5 * math.sqrt(300 * 0.2 * 0.8)
    assert tested.mean() == 60


def test_samples_without_label_are_split_too():
    """-1 is no class: a single unlabelled sample is not a class of one."""
    places = Places([str(i) for i in range(11)], label=[0] * 5 + [1] * 5 + [-1])

    assert sum(split_random(places).counts().values()) == 11


def test_one_sample_cannot_be_split():
    """Degenerate: a corpus of one."""
    with pytest.raises(Refused) as raised:
        split_random(Places(["only"]))

    assert str(raised.value) == "split random: needs 3 samples or more, one a part: have 1 sample."


def test_a_class_of_one_cannot_be_stratified():
    """One sample cannot be in train, val and test; leaving it out of test would be silent."""
    with pytest.raises(Refused) as raised:
        split_random(Places([str(i) for i in range(10)], label=[0] * 9 + [4]))

    said = "class 4 has 1 sample for 3 parts. Leave that class out, merge it, or give stratify=False."
    assert str(raised.value) == f"split random: {said}"


def test_a_class_of_one_can_be_split_when_it_is_said():
    """The way out that the error names."""
    places = Places([str(i) for i in range(10)], label=[0] * 9 + [4])

    assert split_random(places, stratify=False).counts() == {"train": 8, "val": 1, "test": 1, "dropped": 0}


def test_stratifying_without_labels_is_refused():
    """No silent fall back to chance."""
    with pytest.raises(Refused) as raised:
        split_random(Places(["a", "b", "c"]), stratify=True)

    said = "has no labels to stratify by. Give labels, or stratify=False."
    assert str(raised.value) == f"split random: {said}"


def test_a_part_that_comes_out_empty_is_refused():
    """1 % of 20 samples is none."""
    with pytest.raises(Refused) as raised:
        split_random(some_places(20, label=None), shares={"train": 0.98, "val": 0.01, "test": 0.01})

    said = "part val would be empty: have 20 samples, 0 of them dropped."
    fix = "Give more samples, smaller blocks or buffer, or other shares."
    assert str(raised.value) == f"split random: {said} {fix}"


# ---- by group


@pytest.mark.parametrize("options", [{"shares": THREE}, {"folds": 4}, {"folds": 4, "shares": {"train": 1.0}}])
def test_no_group_is_parted(options):
    """source-systems B9: a location's years never cross."""
    places = grouped()
    split = split_group(places, **options)

    for fold in range(split.folds):
        parts = split.parts(places.ids, fold=fold)
        for group in np.unique(places.group[places.group != ""]):
            assert len({*parts[places.group == group]}) == 1


def test_samples_without_group_stand_alone():
    """Empty is no group: they go both ways."""
    places = grouped()

    assert {*split_group(places, shares=THREE).parts(places.ids)[places.group == ""]} == {*PARTS}


def test_every_group_is_tested_once():
    """k-fold: the test parts are disjoint and hold everything."""
    places = grouped()
    split = split_group(places, folds=4)

    tested = [id for fold in range(4) for id in split.ids("test", fold=fold)]
    assert sorted(tested) == sorted(places.ids)


def test_split_by_group_without_groups_is_refused():
    """It would be a random split under another name."""
    with pytest.raises(Refused) as raised:
        split_group(some_places(50))

    said = "no sample has a group. Give groups, or split at random or by place."
    assert str(raised.value) == f"split group: {said}"


def test_fewer_groups_than_parts_are_refused():
    """Two groups, three parts."""
    with pytest.raises(Refused) as raised:
        split_group(some_places(50, group=["a", "b"] * 25))

    said = "has 2 units that stay together (blocks, groups) for 3 parts. Make the blocks smaller, or ask for fewer."
    assert str(raised.value) == f"split group: {said}"


# ---- by place


def test_no_block_is_parted():
    """science.md 3: the unit is a block of places, not a sample."""
    places = some_places(600)
    parts = split_place(places, block="1deg", shares=THREE, buffer=0).parts(places.ids)

    blocks = block_of(places.lon, places.lat, "1deg")
    for block in np.unique(blocks, axis=0):
        assert len({*parts[(blocks == block).all(axis=1)]}) == 1


def nearest_by_loop(places, one, other):
    """Distance of each to the nearest of the others, pair by pair."""
    return [
        min(
            distance(*(np.array([v]) for v in (places.lon[i], places.lat[i], places.lon[j], places.lat[j])))[0]
            for j in other
        )
        for i in one
    ]


@pytest.mark.parametrize("pattern", ["random", "longitude"])
def test_no_sample_is_nearer_than_the_buffer_to_a_higher_part(pattern):
    """science.md 3: buffer >= window diagonal + registration; brute force over all pairs."""
    places = some_places(400)
    split = split_place(places, block="10km", shares=THREE, buffer="4km", pattern=pattern)
    parts = split.parts(places.ids)
    train, val, test, dropped = (np.flatnonzero(parts == name) for name in (*PARTS, DROPPED))

    assert min(nearest_by_loop(places, train, np.concatenate([val, test]))) >= 4000
    assert min(nearest_by_loop(places, val, test)) >= 4000
    assert max(nearest_by_loop(places, dropped, np.concatenate([val, test]))) < 4000
    assert split.counts()["dropped"] == len(dropped) > 0


def test_test_samples_are_never_dropped():
    """Priority test over val over train: every block is tested whole, once."""
    places = some_places(600)
    split = split_place(places, block="20km", folds=4, buffer="3km")

    tested = [id for fold in range(4) for id in split.ids("test", fold=fold)]
    assert sorted(tested) == sorted(places.ids)


def test_the_buffer_is_the_windows_diagonal_and_20_m():
    """science.md 3: window diagonal + registration (11-12 m a date before refinement); recorded in the recipe."""
    split = split_place(some_places(300), block="1deg", shares=THREE)

    assert split.recipe["buffer"] == round(DIAGONAL + 20, 3) == 925.097


def test_an_unknown_window_is_no_buffer():
    """No silent default for anything physical."""
    with pytest.raises(Refused) as raised:
        split_place(some_places(300, diagonal=None))

    assert str(raised.value).endswith("keeps parts from overlapping. Give the buffer in metres.")
    assert split_place(some_places(300, diagonal=None), buffer=500).recipe["buffer"] == 500


def test_parts_keep_their_shares_of_samples_and_classes():
    """Blocks are dealt out by samples first and classes second: against dealing them by chance."""
    rng = np.random.default_rng(3)
    places = some_places(4000, lon=rng.uniform(0, 30, 4000), lat=rng.uniform(40, 60, 4000))
    parts = split_place(places, block="1deg", shares=THREE, buffer=0).parts(places.ids)

    for part, share in THREE.items():
        assert (parts == part).mean() == pytest.approx(share, abs=0.002)
        for code in range(3):
            assert (parts[places.label == code] == part).mean() == pytest.approx(share, abs=0.02)


def test_a_group_lies_whole_in_the_block_that_holds_most_of_it():
    """Two of its three samples lie at 5 E; alone they would be in another block than the third."""
    lon = [5.5, 5.6, 6.1, 5.5, 6.1, 8.5]
    places = Places(list("abcxyz"), lon=lon, lat=[50.5] * 6, group=["g"] * 3 + [""] * 3)

    for seed in range(10):
        parts = dict(
            zip(places.ids, split_place(places, seed=seed, shares=HALVES, buffer=0).parts(places.ids), strict=True)
        )
        assert parts["a"] == parts["b"] == parts["c"] == parts["x"]


def test_longitude_goes_from_west_to_east():
    """EuroSAT's longitude split of the literature: 60/20/20, train in the west."""
    places = some_places(600)
    parts = split_place(places, pattern="longitude", block="0.01deg", shares=THREE, buffer=0).parts(places.ids)

    west_to_east = [places.lon[parts == part] for part in PARTS]
    assert west_to_east[0].max() < west_to_east[1].min()
    assert west_to_east[1].max() < west_to_east[2].min()
    assert [len(held) for held in west_to_east] == pytest.approx([360, 120, 120], abs=6)


def test_longitude_does_not_cut_a_region_at_the_antimeridian():
    """Fiji lies on both sides of 180: the stripes begin behind the widest gap, which is not there."""
    lon = np.concatenate([np.linspace(177, 179.95, 60), np.linspace(-179.95, -178, 40)])
    places = Places([f"{i:03d}" for i in range(100)], lon=lon, lat=np.full(100, -17.0))

    split = split_place(places, pattern="longitude", block="0.05deg", shares={"train": 0.7, "test": 0.3}, buffer=0)

    assert split.ids("test") == [f"{i:03d}" for i in range(70, 100)]


def test_folds_by_longitude_are_stripes():
    """Each fold tests one stripe."""
    places = some_places(600)
    split = split_place(places, pattern="longitude", block="0.1deg", folds=4, buffer=0)

    ends = sorted(
        (places.lon[parts == "test"].min(), places.lon[parts == "test"].max())
        for parts in (split.parts(places.ids, fold=fold) for fold in range(4))
    )
    assert all(before[1] <= after[0] for before, after in itertools.pairwise(ends))


def test_the_buffer_reaches_across_the_antimeridian():
    """179.999 E and 179.999 W are 222 m apart."""
    far = np.linspace(-100, 100, 30)
    places = Places(
        [f"{i:02d}" for i in range(32)],
        lon=np.append(far, [179.999, -179.999]),
        lat=np.append(np.full(30, 50.0), [0, 0]),
    )

    pairs = [
        tuple(sorted(split_place(places, shares=HALVES, buffer=300, seed=seed).parts(["30", "31"])))
        for seed in range(20)
    ]
    assert {*pairs} == {("test", "test"), ("train", "train"), (DROPPED, "test")}


def test_samples_without_place_are_refused_by_name():
    """They could lie anywhere."""
    lon = some_places(100).lon.copy()
    lon[[17, 40]] = np.nan

    with pytest.raises(Refused) as raised:
        split_place(some_places(100, lon=lon))

    said = "2 of 100 samples have no place, first 's0017'. Import their positions, or give unplaced='drop'."
    assert str(raised.value) == f"split place: {said}"


def test_samples_without_place_are_dropped_when_it_is_said():
    """Dropped and counted."""
    lon = some_places(100).lon.copy()
    lon[[17, 40]] = np.nan

    split = split_place(some_places(100, lon=lon), unplaced="drop", shares=THREE, buffer=0)

    assert split.ids(DROPPED) == ["s0017", "s0040"]


def test_no_place_at_all_is_refused_whatever_is_said():
    """Nothing would be left."""
    with pytest.raises(Refused, match=r"3 of 3 samples have no place, first 'a'\. Import their positions\.$"):
        split_place(Places(["a", "b", "c"]), unplaced="drop")


def test_fewer_blocks_than_folds_are_refused():
    """All within one degree."""
    places = Places(["a", "b", "c"], lon=[5.1, 5.2, 5.3], lat=[50.1] * 3, diagonal=100.0)

    with pytest.raises(Refused) as raised:
        split_place(places, folds=2)

    said = "has 1 unit that stays together (blocks, groups) for 2 folds. Make the blocks smaller, or ask for fewer."
    assert str(raised.value) == f"split place: {said}"


def test_a_buffer_that_leaves_no_train_is_refused():
    """1,000 km around every test sample."""
    with pytest.raises(Refused) as raised:
        split_place(some_places(100), folds=2, buffer="3000km", shares={"train": 1.0})

    assert str(raised.value).startswith("split place, fold 0: part train would be empty: have 100 samples, 5")


@pytest.mark.parametrize(
    ("option", "value", "nearest"), [("pattern", "longitud", "longitude"), ("unplaced", "drp", "drop")]
)
def test_an_unknown_word_names_the_nearest(option, value, nearest):
    """Options are words of a list."""
    with pytest.raises(Unknown, match=rf"{value!r}\. Did you mean {nearest!r}\?"):
        split_place(some_places(50), **{option: value})


@pytest.mark.parametrize("folds", [1, 0, -3, 2.5, True])
def test_a_number_of_folds_that_is_none_is_refused(folds):
    """One fold would test everything and train on nothing."""
    with pytest.raises(Mismatch) as raised:
        split_place(some_places(50), folds=folds)

    assert str(raised.value) == f"split place: number of folds differs: want 2 or more, have {folds}."


def test_a_share_of_test_with_folds_is_refused():
    """Five folds test a fifth each: two rules for one number."""
    with pytest.raises(Refused) as raised:
        split_place(some_places(50), folds=5, shares=THREE)

    said = "each of 5 folds tests 1/5; test has no share of its own. With folds, the shares are those of train and val"
    assert str(raised.value).startswith(f"split place: {said}")


def test_val_takes_blocks_of_its_own_in_every_fold():
    """science.md 5: selection and stopping on val, block-disjoint."""
    places = some_places(600)
    split = split_place(places, block="1deg", folds=3, shares={"train": 0.8, "val": 0.2}, buffer=0)
    cell = np.unique(block_of(places.lon, places.lat, "1deg"), axis=0, return_inverse=True)[1]

    for fold in range(3):
        parts = split.parts(places.ids, fold=fold)
        assert not {*cell[parts == "val"]} & {*cell[parts == "train"]}
        assert (parts == "val").mean() == pytest.approx(0.2 * 2 / 3, abs=0.03)


# ---- by time


def test_edges_part_the_dates():
    """Train before the first, val up to the second, test from it on."""
    split = split_time(dated(), edges=["2020-02-01", "2020-03-01"])

    assert split.counts() == {"train": 31, "val": 29, "test": 40, "dropped": 0}
    assert split.ids("val")[0] == "s0031"


def test_one_edge_parts_train_and_test():
    """No val then."""
    assert split_time(dated(), edges=[np.datetime64("2020-01-11")]).counts()["train"] == 10


def test_shares_of_time_never_part_a_day():
    """Ten samples a day of one acquisition: cut between days, nearest to the share."""
    hours = (
        np.datetime64("2020-01-01") + np.repeat(np.arange(10), 10) + np.tile(np.arange(10), 10) * np.timedelta64(1, "h")
    )
    places = some_places(100, time=hours)
    parts = split_time(places, shares={"train": 0.64, "val": 0.2, "test": 0.16}).parts(places.ids)

    assert [(parts == part).sum() for part in PARTS] == [60, 20, 20]


def test_samples_without_date_are_refused_by_name():
    """NaT sorts somewhere, and nobody would see where."""
    times = dated().time.copy()
    times[3] = "NaT"

    with pytest.raises(Refused) as raised:
        split_time(some_places(100, time=times), edges=["2020-02-01"])

    said = "1 of 100 samples have no date, first 's0003'. Give their dates, or split in another way."
    assert str(raised.value) == f"split time: {said}"


@pytest.mark.parametrize(
    ("edges", "said"),
    [
        (["2020-03-01", "2020-02-01"], "edges must be one or two rising dates, have 2020-03-01, 2020-02-01."),
        ([], "edges must be one or two rising dates, have none."),
        (["yesterday"], "edges yesterday are not dates "),
    ],
)
def test_edges_that_are_no_rising_dates_are_refused(edges, said):
    """Train would lie after test."""
    with pytest.raises(Refused) as raised:
        split_time(dated(), edges=edges)

    assert str(raised.value).startswith(f"split time: {said}")


def test_edges_and_shares_together_are_refused():
    """Two rules for one cut."""
    with pytest.raises(Mismatch) as raised:
        split_time(dated(), edges=["2020-02-01"], shares=THREE)

    assert str(raised.value) == "split time: options differs: want edges or shares, have both."


def test_an_edge_outside_the_dates_leaves_a_part_empty():
    """Refused, with the count."""
    with pytest.raises(Refused, match="split time: part test would be empty: have 100 samples"):
        split_time(dated(), edges=["2030-01-01"])


# ---- real data


@pytest.mark.realdata
def test_eurosat_in_blocks_of_a_degree():
    """27,000 patches, 5 folds: every one tested once, counts and classes even, a few tens dropped in each fold."""
    places = eurosat_places()
    split = split_place(places, folds=5)

    assert sorted(id for fold in range(5) for id in split.ids("test", fold=fold)) == sorted(places.ids)
    for fold in range(5):
        parts = split.parts(places.ids, fold=fold)
        assert (parts == "test").sum() == pytest.approx(5400, rel=0.005)
        assert np.bincount(places.label[parts == "test"]) == pytest.approx(np.bincount(places.label) / 5, rel=0.15)
        assert 0 < (parts == DROPPED).sum() < 200


@pytest.mark.realdata
def test_eurosat_by_longitude():
    """The literature's split has 16,200, 5,400 and 5,400 patches, from west to east."""
    places = eurosat_places()
    split = split_place(places, pattern="longitude", block="1km", shares=THREE)
    parts = split.parts(places.ids)

    assert [(parts == part).sum() for part in PARTS] == pytest.approx([16_200, 5_400, 5_400], abs=30)
    assert places.lon[parts == "train"].max() < places.lon[parts == "test"].min()
