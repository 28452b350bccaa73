"""Speckle: gamma-distributed whatever its correlation, and correlated as asked."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from swath.core.errors import Mismatch, Refused
from swath.imaging.lattice import Extent
from swath.imaging.speckle import Speckle, speckle, speckle_factor

EXTENT = Extent(100, -300, 600, 600)


def correlation(factor: np.ndarray, rows: int, cols: int) -> float:
    h, w = factor.shape
    return float(np.corrcoef(factor[rows:, cols:].ravel(), factor[: h - rows, : w - cols].ravel())[0, 1])


@pytest.mark.parametrize("correlated", [0.0, 0.65])
@pytest.mark.parametrize("looks", [1.0, 4.4, 10.0])
def test_the_number_of_looks_is_had(looks, correlated):
    """C10: ENL estimated 4.4 +- 5 %: mean^2 / variance of 360,000 pixels."""
    factor = speckle_factor(Speckle(looks, correlated), EXTENT, stream=3).astype(float)

    assert factor.mean() == pytest.approx(1.0, abs=0.01)
    assert factor.mean() ** 2 / factor.var() == pytest.approx(looks, rel=0.05)


@pytest.mark.parametrize(
    ("looks", "deviation", "bias"), [(4.4, 2.193, -0.512), (1.0, 5.570, -2.507), (10.0, 1.408, -0.221)]
)
def test_decibels_have_the_published_spread_and_bias(looks, deviation, bias):
    """science.md 9: sd and bias in dB by digamma and trigamma."""
    decibels = 10 * np.log10(speckle_factor(Speckle(looks), EXTENT, stream=4).astype(float))

    assert decibels.std() == pytest.approx(deviation, rel=0.02)
    assert decibels.mean() == pytest.approx(bias, abs=0.03)


def test_thinned_by_three_pixels_it_is_gamma():
    """science.md 7: KS against Gamma(4.4) after thinning by 3 px, p > 0.01."""
    factor = speckle_factor(Speckle(4.4, 0.65), EXTENT, stream=5)[::4, ::4].ravel()

    assert stats.kstest(factor, stats.gamma(4.4, scale=1 / 4.4).cdf).pvalue > 0.01


@pytest.mark.parametrize("asked", [0.3, 0.65, 0.9])
@pytest.mark.parametrize("looks", [1.0, 4.4])
def test_neighbours_correlate_as_asked(looks, asked):
    factor = speckle_factor(Speckle(looks, asked), EXTENT, stream=6)

    assert correlation(factor, 0, 1) == pytest.approx(asked, abs=0.02)
    assert correlation(factor, 1, 0) == pytest.approx(asked, abs=0.02)


def test_the_default_has_the_autocorrelation_of_real_pixels():
    """science.md 2.8: lag 1 0.55 to 0.75, lag 2 0.06 to 0.33, lag 3 below 0.1, on both axes."""
    factor = speckle_factor(Speckle(), EXTENT, stream=7)

    for rows, cols in ((1, 0), (0, 1)):
        assert 0.55 < correlation(factor, rows, cols) < 0.75
        assert 0.06 < correlation(factor, 2 * rows, 2 * cols) < 0.33
        assert abs(correlation(factor, 3 * rows, 3 * cols)) < 0.1


def test_speckle_multiplies_power_and_the_noise_of_the_instrument():
    power = np.random.default_rng(0).gamma(2, 0.05, (2, 2, 40, 50)).astype(np.float32)
    options = Speckle(floor=10**-2.5)

    found = speckle(power, options, extent=Extent(0, 0, 40, 50), seed=0)

    np.testing.assert_allclose(found.data, (power + 10**-2.5) * found.factor, rtol=1e-6)
    assert len({found.factor[i, k].tobytes() for i in range(2) for k in range(2)}) == 4


@pytest.mark.parametrize("correlated", [0.0, 0.65])
def test_extents_agree_to_the_bit_where_they_overlap(correlated):
    whole = speckle_factor(Speckle(correlation=correlated), Extent(-5, -9, 90, 120), stream=1)

    part = speckle_factor(Speckle(correlation=correlated), Extent(20, 30, 31, 17), stream=1)

    np.testing.assert_array_equal(part, whole[25:56, 39:56])


def test_bad_speckle_is_refused():
    with pytest.raises(Refused, match="speckle looks: is a number from 0.25 to 10000, have 0"):
        Speckle(looks=0)
    with pytest.raises(Refused, match="speckle correlation: is a share from 0 to 0.95, have 1"):
        Speckle(correlation=1)
    with pytest.raises(Refused, match="speckle floor: is a linear power of 0 or more, have -25"):
        Speckle(floor=-25)
    with pytest.raises(Refused, match="least number is -12. Turn decibels into linear power"):
        speckle(np.full((1, 1, 4, 4), -12.0), Speckle(), extent=Extent(0, 0, 4, 4), seed=0)
    with pytest.raises(Mismatch, match="want 4 x 4 .extent., have 4 x 5"):
        speckle(np.ones((1, 1, 4, 5)), Speckle(), extent=Extent(0, 0, 4, 4), seed=0)
