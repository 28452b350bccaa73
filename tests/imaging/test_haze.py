"""Haze and brightness: straight lines a band, whose numbers are in the record."""

from __future__ import annotations

import numpy as np
import pytest

from swath.core.errors import Refused, Unknown
from swath.imaging.brightness import Brightness, brighten
from swath.imaging.haze import AIRLIGHT, haze, veil
from swath.imaging.optics import scaling, spectrum_of

SCENE = np.random.default_rng(0).uniform(0.01, 0.5, (2, 3, 12, 15)).astype(np.float32)
BANDS = ("B02", "B04", "B11")


def test_haze_falls_with_wavelength_as_the_law_says():
    """science.md 7: tau_b = tau_550 (l / 550)^-1.3; a regression of hazy on clean gives exp(-tau_b)."""
    hazy = haze(SCENE, 0.3, bands=BANDS).data

    waves = np.array([492.7, 664.6, 1613.7])
    for k in range(3):
        slope, level = np.polyfit(SCENE[:, k].ravel(), hazy[:, k].ravel(), 1)
        clear = np.exp(-0.3 * (waves[k] / 550) ** -1.3)
        assert slope == pytest.approx(clear, rel=1e-4)
        assert level == pytest.approx((1 - clear) * AIRLIGHT[BANDS[k]], abs=1e-5)


def test_haze_may_lie_thicker_on_a_date_or_a_pixel():
    by_date = haze(SCENE, np.array([0.0, 0.4]), bands=BANDS)
    by_pixel = haze(SCENE, np.broadcast_to(np.array([0.0, 0.4])[:, None, None], (2, 12, 15)), bands=BANDS)

    np.testing.assert_array_equal(by_date.data[0], SCENE[0])
    np.testing.assert_allclose(by_pixel.data, by_date.data, atol=1e-6)


def test_no_haze_changes_nothing_and_the_thickest_shows_only_airlight():
    clear, air = veil(BANDS, np.array([0.0, 100.0]))

    np.testing.assert_array_equal(clear[0], 1.0)
    assert haze(SCENE, 100.0, bands=("B02", "B03", "B04")).data.ravel() == pytest.approx(
        np.broadcast_to(np.array([0.60, 0.60, 0.65])[:, None, None], SCENE.shape).ravel(), abs=1e-6
    )
    assert air.tolist() == [0.60, 0.65, 0.71]


def test_bad_haze_is_refused():
    with pytest.raises(Refused, match="optical thickness of 0 or more, have -0.1"):
        haze(SCENE, -0.1, bands=BANDS)
    with pytest.raises(Refused, match="have nan"):
        haze(SCENE, np.array([0.1, np.nan]), bands=BANDS)
    with pytest.raises(Unknown, match="haze: unknown band of known wavelength 'VV'"):
        haze(SCENE, 0.1, bands=("VV", "B02", "B03"))
    with pytest.raises(Unknown, match="'b1'"):
        spectrum_of(("b1",), AIRLIGHT)
    assert scaling(("B03",), 0.0).tolist() == [1.0]


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
