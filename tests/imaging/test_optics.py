"""Tables and laws of the air by band."""

from __future__ import annotations

import numpy as np
import pytest

from swath.core.bands import S2_BANDS
from swath.core.errors import Unknown
from swath.imaging.optics import CIRRUS, LOW_CLOUD, diffuse_share, scaling, spectrum_of, wavelengths


def test_a_low_cloud_is_the_measured_one():
    """science.md 7: brightest pixels of a real low cloud, L1C, B1 .. B8, B8A, B9 .. B12."""
    wanted = [0.55, 0.60, 0.60, 0.65, 0.63, 0.69, 0.75, 0.68, 0.77, 0.12, 0.002, 0.71, 0.56]

    assert spectrum_of(S2_BANDS, LOW_CLOUD).tolist() == wanted


def test_cirrus_shows_in_b10_as_seen():
    """science.md 7: cirrus has B10 .01 to .05: alpha 0.05 to 0.25 of ours."""
    assert 0.05 * CIRRUS["B10"] == pytest.approx(0.01)
    assert 0.25 * CIRRUS["B10"] == pytest.approx(0.05)


def test_thickness_goes_with_wavelength():
    """(l / 550)^e: 490 nm and 2,202.4 nm by hand; grey stays grey."""
    assert scaling(("B02", "B12"), -1.3) == pytest.approx([(492.7 / 550) ** -1.3, (2202.4 / 550) ** -1.3])
    assert scaling(S2_BANDS, 0.0).tolist() == [1.0] * 13


def test_shade_keeps_a_fifth_to_a_half_in_order_of_wavelength():
    """science.md 7: shadow lowers direct light, rho * (0.2 .. 0.5), bluest least."""
    share = diffuse_share(S2_BANDS)[np.argsort(wavelengths(S2_BANDS, where=""))]

    assert (np.diff(share) < 0).all()
    assert share.min() + 1e-3 >= 0.2
    assert share.max() <= 0.5 + 1e-3


def test_bands_without_a_wavelength_are_refused():
    with pytest.raises(Unknown, match="shade: unknown band of known wavelength 'b1'"):
        diffuse_share(("b1",))
    with pytest.raises(Unknown, match="cloud: unknown band of known wavelength 'VV'"):
        spectrum_of(("VV",), LOW_CLOUD)
