"""Bootstrap: coverage, agreement with scipy, and the same resamples for everybody."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from swath.core.errors import Mismatch, Refused
from swath.evaluate.bootstrap import Interval, bca_ends, intervals, resample


def mean_of(numbers):
    return lambda weights: numbers[None] @ weights / weights.sum(axis=0)


def all_weights(held):
    return np.concatenate(list(held.weights()), axis=1)


def test_a_resample_draws_as_many_units_as_there_are():
    weights = all_weights(resample(30, count=200))

    assert weights.shape == (30, 200)
    assert (weights.sum(axis=0) == 30).all()


def test_draws_are_those_of_a_multinomial():
    """Each of m units is drawn Binomial(m, 1 / m) times: mean 1, variance 1 - 1 / m."""
    weights = all_weights(resample(50, count=2000))

    assert weights.mean() == pytest.approx(1)
    assert weights.var() == pytest.approx(1 - 1 / 50, abs=0.02)


def test_a_resample_depends_on_seed_number_and_units_alone():
    """Neither how many are drawn, nor how samples lie in the blocks, nor how many are held at once."""
    few, many = resample(40, seed=3, count=7), resample(40, seed=3, count=300)
    blocks = resample(4000, seed=3, blocks=np.arange(4000) // 100, count=7)

    np.testing.assert_array_equal(all_weights(few), all_weights(many)[:, :7])
    np.testing.assert_array_equal(all_weights(few), all_weights(blocks))
    assert (all_weights(few) != all_weights(resample(40, seed=4, count=7))).any()


def test_blocks_are_named_by_words_or_numbers():
    np.testing.assert_array_equal(resample(3, blocks=["b", "a", "b"]).unit_of, [1, 0, 1])
    np.testing.assert_array_equal(resample(3, blocks=np.array([9, 2, 9])).unit_of, [1, 0, 1])


def test_a_sample_without_block_is_one_of_its_own():
    assert resample(5, blocks=["a", "", "a", "", None]).units == 4


def test_the_percentile_interval_of_a_share_covers_as_often_as_it_says():
    """200 binomial samples of 200 trials at p = 0.8; 95 % of 200 is 190 with a standard deviation of 3.1."""
    rng = np.random.default_rng(0)
    hits = 0
    for trial in range(200):
        numbers = (rng.random(200) < 0.8).astype(float)
        [held] = intervals(mean_of(numbers), resample(200, seed=trial, count=400))
        hits += held.low <= 0.8 <= held.high

    assert 180 <= hits <= 199


@pytest.mark.parametrize("seed", [0, 1])
def test_bca_is_that_of_scipy(seed):
    """scipy's own distribution of a skewed statistic, given to both."""
    numbers = np.random.default_rng(seed).exponential(size=30)
    theirs = stats.bootstrap((numbers,), np.mean, method="BCa", n_resamples=999, rng=np.random.default_rng(seed))
    left_out = np.array([np.delete(numbers, i).mean() for i in range(30)])

    low, high = bca_ends(float(numbers.mean()), theirs.bootstrap_distribution, left_out)

    assert (low, high) == pytest.approx(tuple(theirs.confidence_interval), rel=1e-9)


@pytest.mark.parametrize(("units", "method"), [(49, "bca"), (50, "percentile")])
def test_few_units_are_corrected_for_bias_and_skew(units, method):
    """science.md 5: BCa below 50 blocks. scipy draws its own resamples: ends agree within their scatter."""
    numbers = np.random.default_rng(2).exponential(size=units)

    [held] = intervals(mean_of(numbers), resample(units, count=9999))

    theirs = stats.bootstrap((numbers,), np.mean, method=method.replace("bca", "BCa"), rng=np.random.default_rng(1))
    assert held.method == method
    assert (held.low, held.high) == pytest.approx(tuple(theirs.confidence_interval), abs=0.02)


@pytest.mark.parametrize(("units", "note"), [(19, "interval unreliable: 19 units"), (20, "")])
def test_fewer_than_20_units_are_called_unreliable(units, note):
    """science.md 5."""
    [held] = intervals(mean_of(np.arange(float(units))), resample(units))

    assert (held.note, held.is_reliable) == (note, not note)


def test_a_number_that_never_varies_has_an_interval_of_no_width():
    [few] = intervals(mean_of(np.ones(10)), resample(10))
    [many] = intervals(mean_of(np.ones(100)), resample(100))

    assert (few.low, few.high, many.low, many.high) == (1, 1, 1, 1)
    assert (many.is_reliable, many.note) == (False, "interval unreliable: all resamples agree")


def test_an_undefined_number_has_no_interval():
    [held] = intervals(lambda weights: np.full((1, weights.shape[1]), np.nan), resample(30))

    assert (str(held), math.isnan(held.low), held.defined, held.is_reliable) == ("undefined", True, 0, False)


def test_one_unit_is_drawn_and_told():
    [held] = intervals(mean_of(np.array([3.0])), resample(1))

    assert str(held) == "3.000 [3.000, 3.000] (interval unreliable: 1 units)"


def test_nothing_to_draw_from_is_refused():
    with pytest.raises(Refused, match="bootstrap: there is no sample to draw from"):
        resample(0)


def test_blocks_must_be_one_a_sample():
    with pytest.raises(Mismatch, match="blocks differs: want 3, one a sample, have 2"):
        resample(3, blocks=["a", "b"])


def test_an_interval_travels_as_json():
    held = Interval(0.5, 0.25, 0.75, 12, "bca", 0.9, 0.9)

    assert Interval.from_json(held.to_json()) == held
