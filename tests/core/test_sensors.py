"""Sensors: the band table against the mission's own relations."""

from __future__ import annotations

import math
import pickle

import pytest

from swath.core.bands import S2_BANDS, S2_L2A_BANDS
from swath.core.errors import Refused, Unknown
from swath.core.quantity import GAMMA0_RTC, dn
from swath.core.sensors import SENSORS, anonymous, sensor, wavelength


def test_level_1c_holds_thirteen_bands_in_metadata_order_and_level_2a_all_but_cirrus():
    """`band_id` 0..12 of the product metadata; L2A has no image of B10."""
    assert sensor("s2-l1c").names == S2_BANDS
    assert sensor("s2-l2a").names == S2_L2A_BANDS


def test_centres_are_those_of_the_safe_metadata():
    """MTD_MSIL1C.xml, SPECTRAL_INFORMATION of S2A (05.09) and S2B (04.00)."""
    assert [wavelength(b, "S2A") for b in ("B01", "B04", "B08", "B8A", "B12")] == [442.7, 664.6, 832.8, 864.7, 2202.4]
    assert [wavelength(b, "S2B") for b in ("B01", "B04", "B08", "B8A", "B12")] == [442.3, 665.0, 833.0, 864.0, 2185.7]


def test_centres_lie_within_their_passband_and_rise_with_the_band_order():
    """Physics: a band's centre is where its light is."""
    bands = sensor("s2-l1c").bands
    centres = [band.centre["S2A"] or 0.0 for band in bands]

    assert centres == sorted(centres)
    for band in bands:
        assert band.passband is not None
        assert band.passband[0] < (band.centre["S2A"] or 0.0) < band.passband[1]


def test_what_nobody_has_published_is_none_and_what_is_doubtful_says_so():
    """S2C: B09 and B10 unpublished, B01 unconfirmed; widths of the 60 m bands are nominal."""
    bands = {band.name: band for band in sensor("s2-l1c").bands}

    assert wavelength("B09", "S2C") is None
    assert wavelength("B10", "S2C") is None
    assert bands["B10"].mtf is None
    assert bands["B01"].unsure == ("fwhm", "S2C")
    assert [name for name, band in bands.items() if "fwhm" in band.unsure] == ["B01", "B09", "B10"]


def test_noise_in_digital_numbers_follows_from_radiance_irradiance_and_snr():
    """sigma_DN = 1e4 pi Lref / (E0 SNR); Lref [W m-2 sr-1 um-1] of the mission requirements document."""
    reference = dict(zip(S2_BANDS, (129, 128, 128, 108, 74.5, 68, 67, 103, 52.5, 9, 6, 4, 1.5), strict=True))

    for band in sensor("s2-l1c").bands:
        assert band.e0
        assert band.snr
        expected = 1e4 * math.pi * reference[band.name] / (band.e0 * band.snr)
        assert band.sigma_dn == pytest.approx(expected, abs=0.51), band.name


def test_gaussian_before_the_area_mean_of_blue_is_0426_pixels():
    """B02: MTF 0.26 at Nyquist, box 2/pi, hence sigma 0.426 px."""
    blue = sensor("s2-l1c").band("B02")

    assert blue.psf_sigma == pytest.approx(0.426, abs=0.0005)
    assert blue.mtf == pytest.approx(2 / math.pi * math.exp(-((math.pi * 0.426) ** 2) / 2), abs=0.001)
    assert sensor("s2-l1c").band("B10").psf_sigma is None


def test_native_ground_sizes_are_four_of_10_six_of_20_three_of_60_metres():
    """ESA user handbook."""
    sizes = [band.native_gsd for band in sensor("s2-l1c").bands]

    assert {size: sizes.count(size) for size in (10.0, 20.0, 60.0)} == {10.0: 4, 20.0: 6, 60.0: 3}


def test_radar_is_c_band_with_its_looks_and_resolution():
    """IW GRDH: 5.405 GHz = 5.547 cm, 20 x 22 m on 10 m pixels, ENL 4.4, terrain-corrected 4.3."""
    grd, rtc = sensor("s1-grd"), sensor("s1-rtc")
    centre = wavelength("VV", "S1A")

    assert centre is not None
    assert centre / 1e7 == pytest.approx(5.5466, abs=1e-4)
    assert (grd.frequency, grd.resolution, grd.enl, rtc.enl) == (5.405, (20.0, 22.0), 4.4, 4.3)
    assert rtc.quantity == GAMMA0_RTC
    assert grd.quantity == dn(None, offset=None)


def test_quantity_of_optical_files_is_a_hint_without_offset():
    """Whether an offset is in the pixels is decided by evidence, never by level."""
    assert sensor("s2-l1c").quantity == dn("toa", offset=None)
    assert sensor("s2-l2a").quantity == dn("boa", offset=None)


def test_an_anonymous_sensor_has_numbered_bands_of_which_nothing_is_known():
    made = sensor("anonymous-5")

    assert made == anonymous(5)
    assert made.names == ("b1", "b2", "b3", "b4", "b5")
    assert made.bands[0].native_gsd is None


def test_an_unknown_sensor_names_the_nearest():
    with pytest.raises(Unknown) as raised:
        sensor("s2-l1")

    assert "unknown sensor 's2-l1'. Did you mean 's2-l1c'?" in str(raised.value)


def test_an_unknown_band_or_platform_names_the_nearest():
    with pytest.raises(Unknown, match=r"unknown band of s2-l1c 'B8B'. Did you mean"):
        wavelength("B8B", "S2A")
    with pytest.raises(Unknown, match=r"tile: unknown platform 'S2D'"):
        wavelength("B04", "S2D", where="tile")


def test_an_anonymous_sensor_without_bands_is_refused():
    with pytest.raises(Refused, match=r"needs at least one band, have 0. Give the band count."):
        anonymous(0)


def test_sensors_are_values():
    """Equal by content, hashable, whole across processes."""
    for name, each in SENSORS.items():
        assert each.name == name
        assert pickle.loads(pickle.dumps(each)) == each
        assert isinstance(hash(each), int)
