"""Areas adjusted for the errors of a map, against the published worked example."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from swath.core.errors import Mismatch, Refused
from swath.evaluate.areas import adjusted_areas

#: Olofsson et al. 2014, tables 8 and 9: rows = map (deforestation, forest gain, stable forest, stable non-forest).
COUNTS = np.array([[66, 0, 5, 4], [0, 55, 8, 12], [1, 0, 153, 11], [2, 1, 9, 313]])
HECTARES = np.array([200_000, 150_000, 3_200_000, 6_450_000]) * 0.09


def test_the_published_example_comes_out():
    """Olofsson et al. 2014, section 5; science.md 9: areas and 95 % margins in hectares, accuracies."""
    held = adjusted_areas(COUNTS, HECTARES)

    assert [round(each) for each in held.area] == [21158, 11686, 285770, 581386]
    assert [round(each) for each in held.margin] == [6158, 3756, 15510, 16282]
    assert round(held.overall, 4) == 0.9465
    assert held.users.round(3).tolist() == [0.880, 0.733, 0.927, 0.963]
    assert held.producers.round(3).tolist() == [0.749, 0.847, 0.935, 0.962]
    assert (1.96 * held.users_se).round(2).tolist() == [0.07, 0.10, 0.04, 0.02]
    assert round(1.96 * held.overall_se, 2) == 0.02


def test_standard_errors_are_those_of_drawing_again():
    """A simulation: strata drawn again 4,000 times; the spread of estimates is the formula's."""
    rng = np.random.default_rng(0)
    share, rows = COUNTS / COUNTS.sum(axis=1, keepdims=True), COUNTS.sum(axis=1)
    drawn = np.stack([rng.multinomial(n, p, size=4000) for n, p in zip(rows, share, strict=True)], axis=1)
    held = adjusted_areas(COUNTS, HECTARES)
    estimates = [adjusted_areas(each, HECTARES) for each in drawn]

    np.testing.assert_allclose(np.std([e.area for e in estimates], axis=0), held.area_se, rtol=0.04)
    np.testing.assert_allclose(np.std([e.producers for e in estimates], axis=0), held.producers_se, rtol=0.08)
    np.testing.assert_allclose(np.std([e.overall for e in estimates]), held.overall_se, rtol=0.04)


@given(st.lists(st.floats(1, 1e6), min_size=2, max_size=6), st.integers(2, 90))
def test_a_map_without_errors_keeps_its_areas(areas, places):
    mapped = np.array(areas)

    held = adjusted_areas(np.eye(len(mapped), dtype=int) * places, mapped)

    np.testing.assert_allclose(held.area, mapped)
    np.testing.assert_array_equal(held.area_se, 0)
    assert held.overall == pytest.approx(1)


def test_a_class_that_the_map_never_shows_has_area_and_no_users_accuracy():
    held = adjusted_areas(np.array([[8, 2], [0, 0]]), np.array([100.0, 0.0]))

    np.testing.assert_allclose(held.area, [80, 20])
    assert np.isnan(held.users[1])
    assert held.producers[1] == 0


@pytest.mark.parametrize(
    ("counts", "mapped", "error", "said"),
    [
        ([[1, 0], [0, 9]], [10, 10], Refused, "the class at position 0 is on the map and has 1 places in the sample"),
        ([[9, 0], [0, 9]], [10, 0], Mismatch, "sample differs: want places in classes that the map shows, have 9 in"),
        ([[9, 0, 1], [0, 9, 1]], [10, 10], Mismatch, "shapes differs"),
        ([[9, -1], [0, 9]], [10, 10], Refused, "counts and areas are not negative"),
    ],
)
def test_samples_that_cannot_carry_an_estimate_are_refused(counts, mapped, error, said):
    with pytest.raises(error, match=said):
        adjusted_areas(np.array(counts), np.array(mapped, float))
