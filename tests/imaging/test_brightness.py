"""Brightness: one straight line a product, whose numbers are in the record."""

from __future__ import annotations

import numpy as np
import pytest

from swath.core.errors import Refused
from swath.imaging.brightness import Brightness, brighten

SCENE = np.random.default_rng(0).uniform(0.01, 0.5, (2, 3, 12, 15)).astype(np.float32)


def test_a_regression_of_derived_on_clean_returns_the_record():
    """C6: regression of derived on clean returns w, b of the record; static per product."""
    lit = brighten(SCENE, Brightness(mul=(0.8, 1.2), add=(-0.1, 0.1)), seed=5)

    slope, level = np.polyfit(SCENE.ravel(), lit.data.ravel(), 1)
    assert (slope, level) == pytest.approx((lit.mul[0], lit.add[0]), abs=1e-5)
    assert len({*lit.mul.tolist()}) == 1


def test_factors_and_addends_are_uniform_in_their_ranges():
    """003.3: w ~ U(mul), b ~ U(add): 2,000 seeds, means to four standard errors, both ends nearly reached."""
    drawn = [brighten(SCENE[:1, :, :1, :1], Brightness((0.8, 1.2), (-0.1, 0.1)), seed=seed) for seed in range(2000)]
    for given, low, high in (([d.mul[0] for d in drawn], 0.8, 1.2), ([d.add[0] for d in drawn], -0.1, 0.1)):
        assert low <= min(given) < low + 0.01
        assert high - 0.01 < max(given) <= high
        assert np.mean(given) == pytest.approx((low + high) / 2, abs=4 * (high - low) / np.sqrt(12 * 2000))
    assert abs(np.corrcoef([d.mul[0] for d in drawn], [d.add[0] for d in drawn])[0, 1]) < 4 / np.sqrt(2000)


def test_bands_may_have_their_own_light():
    lit = brighten(SCENE, Brightness(mul=(0.8, 1.2), by_band=True), seed=5)

    assert len({*lit.mul.tolist()}) == 3
    np.testing.assert_allclose(lit.data, SCENE * lit.mul[:, None, None], rtol=1e-6)


def test_empty_ranges_are_refused():
    with pytest.raises(Refused, match="brightness mul: is a least and a greatest factor, 0 or more, have 1.2 to 0.8"):
        Brightness(mul=(1.2, 0.8))
    with pytest.raises(Refused, match="brightness mul: .*have -1 to 1"):
        Brightness(mul=(-1, 1))
    with pytest.raises(Refused, match="brightness add: is a least and a greatest addend, have 0.1 to -0.1"):
        Brightness(add=(0.1, -0.1))
