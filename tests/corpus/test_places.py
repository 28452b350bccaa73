"""Places, blocks of ground and the range of labels."""

from __future__ import annotations

import math

import numpy as np
import pytest

from swath.core.errors import Mismatch, Refused
from swath.corpus.places import LabelRange, Places, block_of, block_side, keys_of, label_range, length, western_edges
from tests.corpus.some_places import eurosat_places

RADIUS = 6_371_008.8


def test_what_is_not_given_is_unknown():
    """NaN and empty text, never 0: (0, 0) is a place in the Gulf of Guinea."""
    places = Places(["a", "b"])

    assert np.isnan(places.lon).all()
    assert np.isnan(places.lat).all()
    assert places.group.tolist() == ["", ""]
    assert places.is_placed.tolist() == [False, False]


def test_no_sample_is_refused():
    """Nothing cannot be split."""
    with pytest.raises(Refused) as raised:
        Places([])

    assert str(raised.value) == "places: there is no sample to split. Build the corpus first."


def test_an_id_that_occurs_twice_is_named():
    """An id in train and in test at once would be a leak that no report could see."""
    with pytest.raises(Refused) as raised:
        Places(["a", "b", "a", "b", "c"])

    said = "places: 2 ids occur more than once, first 'a'. An id names one sample: mend the ids."
    assert str(raised.value) == said


@pytest.mark.parametrize("column", ["lon", "lat", "group", "label", "time"])
def test_columns_of_another_length_are_named(column):
    """Columns are matched by position, so one too few moves everything after it."""
    with pytest.raises(Mismatch) as raised:
        Places(["a", "b"], **{column: [1]})

    assert str(raised.value) == f"places, {column}: length differs: want 2, one an id, have (1,)."


def test_degree_blocks_are_squares_of_the_graticule():
    """Floor of the degrees, west and south of zero too."""
    blocks = block_of(np.array([0.0, -0.1, 179.9, 180.0, -180.0]), np.array([0.0, -0.1, 45.99, 46.0, 46.0]), "1deg")

    assert blocks.tolist() == [[0, 0], [-1, -1], [45, 179], [46, -180], [46, -180]]


@pytest.mark.parametrize("lat", [0.0, 44.2, -61.7, 80.1])
def test_metre_blocks_are_as_wide_as_high_on_the_ground(lat):
    """A walk of 3,000 km eastwards along a parallel crosses 300 borders of 10 km blocks, wherever the parallel is."""
    degrees = 3_000_000 / (RADIUS * math.cos(math.radians(lat))) * 180 / math.pi
    east = block_of(np.linspace(0, degrees, 200_001) - 20, np.full(200_001, lat), "10km")
    north = block_of(np.zeros(100_001), np.linspace(0, 8.993216059, 100_001), 10_000)

    assert len(np.unique(east, axis=0)) == pytest.approx(301, abs=2)
    assert len(np.unique(north, axis=0)) == pytest.approx(101, abs=1)


@pytest.mark.parametrize("block", ["50km", "7km", "300m"])
def test_no_metre_block_is_cut_at_the_antimeridian(block):
    """Whole blocks go round the Earth: the last one before 180 is as wide as the first one behind it."""
    steps = np.linspace(179.5, 180.5, 200_001)
    cells = block_of((steps + 180) % 360 - 180, np.full(len(steps), 52.0), block)
    at = np.flatnonzero(np.diff(cells[:, 1]) != 0)
    widths = np.diff(steps[at])

    assert np.isclose(steps[at], 180.0, atol=1e-5).any()
    assert np.allclose(widths, widths.mean() if len(widths) else 0, rtol=2e-3)


def test_western_edges_lie_west_of_their_places():
    """Place by place, for either kind of block."""
    rng = np.random.default_rng(1)
    lon, lat = rng.uniform(-180, 180, 500), rng.uniform(-85, 85, 500)

    for block, widest in (("1deg", 1.0), ("100km", 15.0)):
        west = western_edges(block_of(lon, lat, block), block)
        assert ((west <= lon + 1e-9) & (lon < west + widest)).all()


def test_the_side_of_a_degree_block_shrinks_with_latitude():
    """cos 60 = 1/2; the meridian of a sphere is 111.195 km a degree."""
    side = block_side("1deg", np.array([10.0, -60.0]))

    assert side == pytest.approx(111_195 / 2, abs=1)


@pytest.mark.parametrize(
    ("given", "metres"), [("10km", 10_000), ("500 m", 500), ("0.5km", 500), (250, 250), (".5km", 500)]
)
def test_lengths_are_read_with_their_unit(given, metres):
    """Metres where no unit is written."""
    number, unit = length(given, what="buffer")

    assert (number, unit) == (metres, "m")


@pytest.mark.parametrize("block", ["5 miles", "deg", "-1km", "1,5km", "1e3m"])
def test_a_block_that_is_no_length_is_refused(block):
    """A unit that is guessed is a block of another size."""
    with pytest.raises(Refused) as raised:
        block_of(np.zeros(1), np.zeros(1), block)

    fix = "Give metres (10000), or text with a unit: '10km', '500m', '1deg'."
    assert str(raised.value) == f"block: {block!r} is not a length. {fix}"


@pytest.mark.parametrize("block", [0, "0deg", "120deg", "20000km"])
def test_a_block_of_no_sense_is_refused(block):
    """No block is empty, none is wider than a hemisphere."""
    with pytest.raises(Refused, match=r"is no size for a block\. Give up to 10000 km, or to 90deg\."):
        block_of(np.zeros(1), np.zeros(1), block)


def test_keys_depend_on_seed_purpose_and_name_only():
    """Counter-based: a name's key is the same in any company."""
    alone, together = keys_of(3, "test", ["b"]), keys_of(3, "test", ["a", "b"])

    assert alone[0] == together[1]
    assert len({int(keys_of(seed, why, ["b"])[0]) for seed in (3, 4) for why in ("test", "val")}) == 4


def _field(correlation: float, *, n: int = 3000, seed: int = 0) -> Places:
    """Two classes: the sign of a random field with the covariance exp(-d / correlation), sampled on a line."""
    rng = np.random.default_rng(seed)
    east = np.sort(rng.uniform(0, 2_000_000, n))
    field = np.empty(n)
    field[0] = rng.normal()
    for i in range(1, n):
        keep = math.exp(-(east[i] - east[i - 1]) / correlation)
        field[i] = keep * field[i - 1] + math.sqrt(1 - keep**2) * rng.normal()
    return Places(
        [str(i) for i in range(n)], lon=np.degrees(east / RADIUS), lat=np.zeros(n), label=(field > 0).astype(int)
    )


@pytest.mark.parametrize("correlation", [5_000.0, 30_000.0])
def test_the_range_of_labels_is_found(correlation):
    """Agreement of the signs of a Gaussian field is 1/2 + asin(r)/pi: 5 % of the excess is left at r = 0.0785."""
    expected = -correlation * math.log(math.sin(0.05 * math.pi / 2))

    field = _field(correlation)
    found = label_range(field)

    ones = np.mean(field.label)
    assert found.range == pytest.approx(expected, rel=0.35)
    assert found.chance == pytest.approx(ones**2 + (1 - ones) ** 2)


def test_labels_at_random_have_no_range():
    """Shuffled labels: any block will do."""
    field = _field(30_000.0)
    shuffled = Places(field.ids, lon=field.lon, lat=field.lat, label=np.random.default_rng(2).permutation(field.label))

    found = label_range(shuffled)

    assert found.range == 0
    assert found.summary() == "Labels of neighbours agree no more than chance (0.54): any block will do."


def test_labels_that_agree_everywhere_have_no_large_enough_block():
    """A range beyond the data cannot be respected by blocks within it."""
    said = LabelRange(math.inf, 0.4, 0.9, ()).summary()

    assert said == "Labels agree beyond chance (0.40) over the whole region: no block is large enough."


def test_the_advice_names_both_sides():
    """science.md 3: block side twice the range of the label variogram, printed."""
    said = LabelRange(20_000.0, 0.1, 0.9, ()).summary(10_000.0)

    assert said.endswith("up to about 20 km: blocks want sides of 40 km or more, these have 10 km.")


def test_a_range_of_nothing_is_refused():
    """No labels, no agreement."""
    with pytest.raises(Refused) as raised:
        label_range(Places(["a", "b"], lon=[0, 1], lat=[0, 1]))

    assert str(raised.value) == "label range: needs ten samples with place and label. Import both."


@pytest.mark.realdata
def test_eurosat_lies_in_426_blocks_of_a_degree():
    """shared data's README: 426 one-degree cells (of the points as given)."""
    places = eurosat_places()

    assert abs(len(np.unique(block_of(places.lon, places.lat, "1deg"), axis=0)) - 426) <= 1


@pytest.mark.realdata
def test_eurosat_labels_agree_over_tens_of_kilometres():
    """Agreement counted pair by pair: 0.98 at 0.6 km, 0.60 at 10 km, 0.23 at 50 km, 0.10 = chance beyond 300 km."""
    found = label_range(eurosat_places())
    away, agreement, pairs = np.asarray(found.bins).T

    assert 50_000 < found.range < 100_000
    assert found.chance == pytest.approx(0.1015, abs=0.0005)
    assert np.interp(10_000, away, agreement) == pytest.approx(0.60, abs=0.04)
    assert agreement[(away > 4e5) & (away < 1e6)] == pytest.approx(0.10, abs=0.01)
    assert pairs.sum() > 1e7
