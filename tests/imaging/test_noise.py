"""Noise of instruments: the requirement at its reference, its growth, and salt and pepper."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from swath.core.bands import S2_BANDS
from swath.core.errors import Refused, Unknown
from swath.core.sensors import Band, sensor
from swath.imaging.lattice import Extent
from swath.imaging.noise import SaltPepper, SensorNoise, reference, salt_and_pepper, sensor_noise, sigma_at

EXTENT = Extent(0, 0, 200, 200)
#: science.md 1.9: SNR and sigma_DN of the thirteen bands.
SNR = (129, 154, 168, 142, 117, 89, 105, 174, 72, 114, 50, 100, 100)
SIGMA = (17, 13, 13, 16, 14, 19, 17, 18, 24, 3, 10, 5, 6)


@pytest.mark.parametrize(("band", "ratio", "sigma"), list(zip(S2_BANDS, SNR, SIGMA, strict=True)))
def test_signal_to_noise_at_the_reference_radiance_is_the_requirement(band, ratio, sigma):
    level = sigma * ratio / 1e4
    image = np.full((1, 1, 200, 200), level)

    found = sensor_noise(image, SensorNoise(), bands=(band,), extent=EXTENT, seed=1)

    noise = found.noise.astype(float)
    assert noise.std() == pytest.approx(sigma / 1e4, rel=0.02)
    assert level / noise.std() == pytest.approx(ratio, rel=0.02)
    assert abs(noise.mean()) < 4 * sigma / 1e4 / 200
    np.testing.assert_allclose(found.data, image + noise, atol=1e-7)


def test_noise_grows_with_the_root_of_the_signal():
    """science.md 7: sigma = sigma_ref sqrt((rho + rho_0) / rho_ref), rho_0 counted on both sides here."""
    band = sensor("s2-l1c").band("B04")
    sigma, at = reference(band)

    assert sigma_at(band, np.array([at])) == pytest.approx(sigma)
    assert sigma_at(band, np.array([4 * (at + 0.004) - 0.004])) == pytest.approx(2 * sigma)
    assert sigma_at(band, np.array([-0.05, 0.0])).tolist() == [sigma * np.sqrt(0.004 / (at + 0.004))] * 2


def test_noise_is_white_in_space_between_bands_and_dates():
    image = np.full((2, 2, 200, 200), 0.1)

    noise = sensor_noise(image, SensorNoise(), bands=("B02", "B03"), extent=EXTENT, seed=1).noise.astype(float)

    planes = noise.reshape(4, -1)
    assert np.abs(np.corrcoef(planes)[np.triu_indices(4, 1)]).max() < 4 / 200
    assert abs(np.corrcoef(noise[0, 0, 1:].ravel(), noise[0, 0, :-1].ravel())[0, 1]) < 4 / 200


def test_detector_columns_share_a_part_on_all_dates():
    """Column means of 200 pixels: 0.5 sigma of the column, and 1 / sqrt(200) of the pixels."""
    image = np.full((2, 1, 200, 200), 0.1)

    noise = sensor_noise(image, SensorNoise(columns=0.5), bands=("B04",), extent=EXTENT, seed=1).noise.astype(float)

    means = noise[:, 0].mean(axis=1) / sigma_at(sensor("s2-l1c").band("B04"), np.array([0.1]))
    assert means[0].std() == pytest.approx(np.hypot(0.5, 1 / np.sqrt(200)), rel=0.15)
    assert np.corrcoef(means)[0, 1] > 0.95


def test_a_better_instrument_has_its_factor_of_the_noise():
    image = np.full((1, 1, 200, 200), 0.1)
    whole, half = (
        sensor_noise(image, SensorNoise(factor=f), bands=("B04",), extent=EXTENT, seed=1).noise for f in (1, 0.5)
    )

    np.testing.assert_allclose(half, whole / 2, rtol=1e-6)


def test_noise_belongs_to_its_pixel():
    image = np.full((1, 1, 200, 200), 0.1)
    options = SensorNoise(columns=0.3)
    whole = sensor_noise(image, options, bands=("B04",), extent=EXTENT, seed=1).noise

    part = sensor_noise(image[..., :40, :30], options, bands=("B04",), extent=Extent(50, 61, 40, 30), seed=1).noise

    np.testing.assert_array_equal(part, whole[:, :, 50:90, 61:91])


def test_bands_without_a_known_noise_are_refused():
    with pytest.raises(Unknown, match="unknown band of s2-l1c 'VV'"):
        sensor_noise(np.ones((1, 1, 2, 2)), SensorNoise(), bands=("VV",), extent=Extent(0, 0, 2, 2), seed=0)
    with pytest.raises(Refused, match="that of band b1 has not been published"):
        reference(Band("b1"))
    with pytest.raises(Refused, match="sensor noise factor: is a number of 0 or more, have -1"):
        SensorNoise(factor=-1)


SCENE = np.random.default_rng(0).normal(5, 0.1, (12, 3, 90, 70)).astype(np.float32)


def test_the_share_of_replaced_pixels_is_within_the_range_on_every_date():
    """C10: share of replaced pixels in [min, max]; the same pixel in all bands (003.3)."""
    found = salt_and_pepper(SCENE, SaltPepper(0.08, 0.15), extent=Extent(0, 0, 90, 70), seed=17)

    had = found.replaced.mean(axis=(1, 2))
    assert ((had >= 0.08) & (had <= 0.15)).all()
    np.testing.assert_allclose(had, found.share, atol=1 / 6300)
    assert len({*found.share.tolist()}) == 12
    differs = found.data != SCENE
    np.testing.assert_array_equal(differs, np.broadcast_to(found.replaced[:, None], differs.shape))
    np.testing.assert_array_equal(found.data[:, 0][found.replaced], found.data[:, 2][found.replaced])


def test_replaced_pixels_are_arcsine_distributed():
    """C10: Beta(1/2, 1/2) by KS test."""
    found = salt_and_pepper(SCENE, SaltPepper(0.5, 0.5), extent=Extent(0, 0, 90, 70), seed=0)

    values = found.data[:, 0][found.replaced]
    assert values.size == 12 * 3150
    assert stats.kstest(values, stats.beta(0.5, 0.5).cdf).pvalue > 0.01


def test_no_salt_is_no_change_and_all_is_everything():
    none = salt_and_pepper(SCENE, SaltPepper(0, 0), extent=Extent(0, 0, 90, 70), seed=0)
    every = salt_and_pepper(SCENE, SaltPepper(1, 1), extent=Extent(0, 0, 90, 70), seed=0)

    np.testing.assert_array_equal(none.data, SCENE)
    assert every.replaced.all()


def test_shares_that_cannot_be_are_refused():
    with pytest.raises(Refused, match="salt_pepper_proportion: .*from 0 to 1, have 0.2 to 0.1"):
        SaltPepper(0.2, 0.1)
    with pytest.raises(Refused, match="have -0.1 to 0.1"):
        SaltPepper(-0.1, 0.1)
