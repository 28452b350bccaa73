"""Haze: blue most, thin in the infrared, a straight line a band."""

from __future__ import annotations

import numpy as np
import pytest

from swath.core.errors import Refused, Unknown
from swath.imaging.haze import AIRLIGHT, haze, veil

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
