"""Curves of greenness over the year."""

from __future__ import annotations

import numpy as np
import pytest

from swath.world.season import CURVES, YEAR, greenness, local_day, strength

VEGETATED = [kind for kind in CURVES if kind != "bare"]


def curve_of(kind: str, days: np.ndarray) -> np.ndarray:
    held = CURVES[kind]
    shape = (np.array([x]) for x in (held.onset, held.end, held.rise, held.fall))
    onset, end, rise, fall = shape
    return np.array([greenness(float(day), onset, end, rise, fall).item() for day in days])


@pytest.mark.parametrize("kind", VEGETATED)
def test_vegetation_is_greenest_between_april_and_september(kind):
    """Northern growing season: winter crops peak in May, the rest in high summer."""
    days = np.arange(0, 365, 5)

    peak = days[curve_of(kind, days).argmax()]

    assert 100 < peak < 260


@pytest.mark.parametrize("kind", VEGETATED)
def test_curves_are_between_winter_and_full_leaf_and_repeat_with_the_year(kind):
    """A logistic rise and fall lie between 0 and 1; the year has no seam."""
    days = np.arange(0.0, 366.0, 3.0)

    values = curve_of(kind, days)

    assert values.min() > -0.01
    assert values.max() < 1.01
    np.testing.assert_allclose(values, curve_of(kind, days + YEAR), atol=0.01)


def test_the_south_has_the_same_season_half_a_year_later():
    """Seasons of the hemispheres are half a year apart."""
    assert local_day(14.0, is_south=True) == pytest.approx(196.6, abs=0.1)


def test_seasons_flatten_towards_the_equator():
    """Day length and sun hardly change there."""
    latitudes = [-60.0, -30.0, -15.0, 0.0, 15.0, 30.0, 60.0]

    found = [strength(latitude) for latitude in latitudes]

    assert found == found[::-1]
    assert found[0] == 1.0
    assert found[3] == 0.15
    assert found[0] > found[2] > found[3]
