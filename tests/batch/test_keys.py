"""Keys: draws belong to seed, epoch, purpose and id, and look random."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import kstest

from swath.batch.keys import id_keys, integers, normals, occurrences, repeated, uniform

IDS = [f"Forest_{i}" for i in range(2000)]


def test_a_draw_does_not_depend_on_the_company():
    """Any subset in any order draws the same numbers."""
    keys = id_keys(3, IDS)

    alone = uniform(id_keys(3, IDS[7:9][::-1]), 5, "flip", 3)

    np.testing.assert_array_equal(alone, uniform(keys, 5, "flip", 3)[[8, 7]])


@pytest.mark.parametrize(("seed", "epoch", "purpose"), [(4, 5, "flip"), (3, 6, "flip"), (3, 5, "crop")])
def test_seed_epoch_and_purpose_each_give_other_numbers(seed, epoch, purpose):
    """No correlation beyond chance: 4 standard errors of 2,000 draws."""
    one = uniform(id_keys(3, IDS), 5, "flip")[:, 0]

    other = uniform(id_keys(seed, IDS), epoch, purpose)[:, 0]

    assert abs(np.corrcoef(one, other)[0, 1]) < 4 / np.sqrt(len(IDS))


@pytest.mark.parametrize("column", [0, 1, 7])
def test_draws_are_uniform(column):
    """Kolmogorov and Smirnov, as scipy has it."""
    drawn = uniform(id_keys(0, IDS), 0, "shift", 8)[:, column]

    assert kstest(drawn, "uniform").pvalue > 0.001


def test_whole_numbers_reach_both_ends():
    """2,000 draws of 5 numbers: each about 400 times, 4 standard errors are 72."""
    values, counts = np.unique(integers(id_keys(0, IDS), 0, "shift", -2, 2), return_counts=True)

    assert values.tolist() == [-2, -1, 0, 1, 2]
    assert np.abs(counts - 400).max() < 72


def test_normals_are_normal():
    """Mean 0, deviation 1, and the distribution of scipy."""
    drawn = normals(12345, 2, "noise", 100_000)

    assert kstest(drawn, "norm").pvalue > 0.001
    assert abs(drawn.mean()) < 4 / np.sqrt(100_000)
    assert abs(drawn.std() - 1) < 4 / np.sqrt(200_000)


def test_fewer_normals_are_the_first_of_more():
    np.testing.assert_array_equal(normals(1, 0, "noise", 5), normals(1, 0, "noise", 50)[:5])


def test_an_id_that_comes_again_draws_anew():
    """The first time keeps its own key, so that balanced and uniform sampling show it alike."""
    keys = id_keys(0, ["a", "a", "a"])

    again = repeated(keys, np.array([0, 1, 2]))

    assert again[0] == keys[0]
    assert len(set(again.tolist())) == 3


def test_occurrences_are_counted():
    """Beside a naive loop."""
    positions = np.random.default_rng(0).integers(0, 20, 200)
    seen: dict[int, int] = {}
    want = []
    for each in positions.tolist():
        want.append(seen.get(each, 0))
        seen[each] = want[-1] + 1

    assert occurrences(positions).tolist() == want
    assert occurrences(np.empty(0, np.int64)).tolist() == []
