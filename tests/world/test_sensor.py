"""What the sensor makes of reflectance: noise, sharpness, digital numbers."""

from __future__ import annotations

import numpy as np
import pytest

from swath.core.quantity import TOA, convert, dn
from swath.core.sensors import SENSORS
from swath.imaging.lattice import Extent
from swath.world.sensor import GROUPS, encode, observe, rim


def seen(gsd: int, planes: np.ndarray) -> np.ndarray:
    size = planes.shape[1]
    return observe(planes.astype(np.float32), Extent(-600, 1200, size, size), gsd, seed=1, epsg=32632, day=17000)


@pytest.mark.parametrize("gsd", [10, 20, 60])
def test_noise_at_the_reference_radiance_is_the_requirement(gsd):
    """science.md 1.9: sigma_DN at Lref; reflectance there is sigma_DN * SNR / 10000."""
    bands = [SENSORS["s2-l1c"].band(name) for name in GROUPS[gsd]]
    level = np.array([band.sigma_dn * band.snr / 1e4 for band in bands])
    planes = np.broadcast_to(level[:, None, None], (len(bands), 1200, 1200))

    found = seen(gsd, planes) - level[:, None, None] * 1e4

    # At 10 m nothing is interpolated; at 20 and 60 m the value at the middle of a native pixel's block is mixed.
    share = {10: 1.0, 20: (0.75**2 + 0.25**2), 60: None}[gsd]
    for k, band in enumerate(bands):
        if share is not None:
            assert found[k].std() == pytest.approx(band.sigma_dn * share, rel=0.03)
        assert found[k].mean() == pytest.approx(0.0, abs=0.6)


def test_level_ground_stays_level_but_for_noise():
    """Blur, averaging and interpolation keep a constant."""
    planes = np.full((6, 240, 240), 0.25)

    found = seen(20, planes)

    np.testing.assert_allclose(found.mean(axis=(1, 2)), 2500.0, atol=2.0)


def test_a_ramp_in_map_metres_survives_60_m():
    """science.md 3: a linear ramp survives 60 -> 10 m inside; the noise of one pixel is below 40 here."""
    ramp = np.linspace(0.1, 0.3, 240)[None, None, :] * np.ones((3, 240, 1))

    found = seen(60, ramp)

    wanted = ramp[0, 0, rim(60) : -rim(60)] * 1e4
    np.testing.assert_allclose(found.mean(axis=1), np.broadcast_to(wanted, (3, len(wanted))), atol=25.0)


def test_an_edge_is_as_sharp_as_the_modulation_transfer_says():
    """science.md 7, 9: in B02, MTF 0.26 at Nyquist; on a lattice of box means the rest of the blur has 0.26 pi / 2."""
    stripes = 0.2 + 0.1 * np.where(np.arange(240) % 2, 1.0, -1.0)[None, None, :] * np.ones((4, 240, 1))

    found = seen(10, stripes).mean(axis=1)

    contrast = np.abs(found[:, 1::2].mean(axis=1) - found[:, ::2].mean(axis=1)) / 2000
    gaussian = [SENSORS["s2-l1c"].band(name).mtf * np.pi / 2 for name in GROUPS[10]]
    np.testing.assert_allclose(contrast, gaussian, atol=0.04)


@pytest.mark.parametrize("offset", [0, -1000])
def test_digital_numbers_mean_the_reflectance_they_came_from(offset):
    """rho = (DN + offset) / 10000, to half a digital number."""
    numbers = np.linspace(5, 20000, 4000, dtype=np.float32).reshape(1, 40, 100)

    back = convert(encode(numbers, offset=offset), dn("toa", offset=offset), TOA)

    np.testing.assert_allclose(back, numbers / 1e4, atol=0.5001e-4)


def test_digital_numbers_stay_within_what_a_product_holds():
    """0 is nodata, 15 bits are the most: clamp to 1 .. 32767."""
    found = encode(np.array([-2000.0, 1e6], np.float32), offset=-1000)

    assert found.tolist() == [1, 32767]
