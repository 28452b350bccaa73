"""Photometry: light changes in physical numbers, whatever they are written as, and stays within what can be."""

from __future__ import annotations

import numpy as np
import pytest

from swath.batch import Augmentation
from swath.batch.keys import id_keys
from swath.batch.photometry import drop_bands, light, lighting, require_lighting
from swath.core.errors import Refused, Unknown
from swath.core.quantity import BOA, GAMMA0_RTC, GAMMA0_RTC_DB, TOA, dn, rgb8, value
from swath.core.rendering import rendering
from swath.core.specs import InputSpec, StackInput
from swath.imaging.haze import AIRLIGHT

BANDS = ("B02", "B04", "B11")
KEYS = id_keys(0, [str(i) for i in range(1000)])
EUROSAT = rgb8("eurosat-2750")


def needs(quantity, bands=BANDS, mean=500.0):
    n = len(bands)
    return StackInput(tuple(bands), quantity, "", 10.0, 1, (mean,) * n, (1.0,) * n)


def lit_up(numbers, quantity, options, *, keys=KEYS, bands=BANDS, epoch=0, valid=None, stack="s2"):
    """Numbers (b,) as n samples of one date and 2 x 2 pixels, changed; float32 (n, b) or (n, b, 2, 2) with noise."""
    x = np.empty((len(keys), 1, len(bands), 2, 2), np.float32)
    x[:] = np.asarray(numbers, np.float32)[:, None, None]
    mask = np.ones((len(keys), 1, 1, 2, 2), bool) if valid is None else valid
    light(x, mask, keys, options, lighting(needs(quantity, bands)), epoch=epoch, stack=stack)
    return x[:, 0]


def test_jitter_on_dn_5000_stays_within_range():
    """E2: brightness 0.2 of DN without offset gives 4,000 to 6,000, both nearly reached."""
    got = lit_up([5000.0] * 3, dn("toa", offset=0), Augmentation(brightness=0.2))

    assert 4000 <= got.min() < 4010
    assert 5990 < got.max() <= 6000


def test_brightness_is_of_reflectance_not_of_numbers():
    """science.md 1.1: at offset -1000 DN 5,000 is reflectance 0.4; 0.32 to 0.48 is DN 4,200 to 5,800."""
    got = lit_up([5000.0] * 3, dn("toa", offset=-1000), Augmentation(brightness=0.2))

    assert (round(got.min(), -1), round(got.max(), -1)) == (4200, 5800)


@pytest.mark.parametrize("quantity", [dn("toa", offset=0), dn("toa", offset=-1000), TOA, BOA, EUROSAT])
@pytest.mark.parametrize(
    "options", [Augmentation(brightness=0.3), Augmentation(offset=0.05), Augmentation(haze=0.3), Augmentation(gain=0.2)]
)
def test_the_same_light_whatever_the_numbers_are_written_as(quantity, options):
    """Reflectances 0.05, 0.1, 0.15 changed as reflectance, and as the numbers of each quantity, then read back."""
    reflectance = np.array([0.05, 0.1, 0.15])
    want = lit_up(reflectance, TOA, options)
    lit = lighting(needs(quantity))

    got = lit_up((reflectance - lit.shift) / lit.scale, quantity, options)

    low, high = ((bound * lit.scale + lit.shift)[:, None, None] for bound in lit.legal)
    np.testing.assert_allclose(
        got * lit.scale[:, None, None] + lit.shift[:, None, None], np.clip(want, low, high), atol=1e-5
    )


@pytest.mark.parametrize("number", [0, 945, 2750])
def test_rgb8_is_read_by_its_rendering(number):
    """science.md 9: DN 945 is grey level 88 of eurosat-2750 (rounded); the line between them is the same."""
    lit = lighting(needs(EUROSAT))

    grey = float(rendering("eurosat-2750").stretch(np.array([float(number)]))[0])

    assert abs(grey * lit.scale[0] + lit.shift[0] - number / 10000) <= lit.scale[0] / 2


def test_an_offset_of_a_hundredth_is_nine_grey_levels():
    """100 DN * 254 / 2750."""
    got = lit_up([100.0] * 3, EUROSAT, Augmentation(offset=0.01))

    assert round(float(got.max()) - 100, 1) == 9.2


def test_pictures_stay_between_0_and_255():
    options = Augmentation(brightness=0.9, offset=0.3, gain=0.5, noise=0.1, haze=1)

    got = lit_up([5.0, 128.0, 250.0], EUROSAT, options, bands=("B04", "B03", "B02"))

    assert (got.min(), got.max()) == (0.0, 255.0)


def test_numbers_stay_what_a_product_can_hold():
    """DN 1 to 65,534 at offset -1000, and as far below 0 as that at offset 0; what is no measurement stays the mean."""
    valid = np.ones((1000, 1, 1, 2, 2), bool)
    valid[:, :, :, 0, 0] = False
    options = Augmentation(offset=1, brightness=0.9)

    got = lit_up([1200.0, 65000.0, 30000.0], dn("toa", offset=-1000), options, valid=valid)

    assert got[:, :, 0, 0].ravel().tolist() == [500.0] * 3000
    assert (got[:, :, 1].min(), got[:, :, 1].max()) == (1.0, 65534.0)
    assert lighting(needs(dn("toa", offset=0))).legal == (-999.0, 65534.0)


def test_decibels_gain_the_logarithm():
    """Half to one and a half times the power: -3.01 dB to +1.76 dB; the same draws as in linear power."""
    options = Augmentation(brightness=0.5)

    decibels = lit_up([-12.0, -20.0], GAMMA0_RTC_DB, options, bands=("VV", "VH"))
    power = lit_up([10**-1.2, 10**-2.0], GAMMA0_RTC, options, bands=("VV", "VH"))

    np.testing.assert_allclose(decibels, 10 * np.log10(power), atol=1e-4)
    np.testing.assert_allclose([decibels[:, 0].min(), decibels[:, 0].max()], [-15.01, -10.24], atol=0.02)


def test_haze_is_thin_and_blue():
    """exp(-0.2 (l / 550)^-1.3) of the ground is left: 0.794 in B02, 0.950 in B11; the rest is airlight."""
    got = lit_up([0.1, 0.1, 0.1], TOA, Augmentation(haze=0.2))

    left = np.exp(-0.2 * (np.array([492.7, 664.6, 1613.7]) / 550) ** -1.3)
    thickest = 0.1 * left + (1 - left) * np.array([AIRLIGHT[band] for band in BANDS])
    np.testing.assert_allclose(got.max(axis=0)[:, 0, 0], thickest, rtol=2e-3)
    assert got.min() >= 0.1
    assert thickest[0] > thickest[1] > thickest[2]


def test_a_low_veil_hides_in_the_cirrus_band():
    """science.md 7: low cloud is absent in B10; dark ground stays dark."""
    got = lit_up([0.001, 0.1], TOA, Augmentation(haze=1), bands=("B10", "B02"))

    assert got[:, 0].max() < 0.0013
    assert got[:, 1].max() > 0.4


def test_each_band_has_its_own_gain_and_all_the_same_brightness():
    alike = lit_up([1.0] * 3, TOA, Augmentation(brightness=0.2))[:, :, 0, 0]
    own = lit_up([1.0] * 3, TOA, Augmentation(gain=0.2))[:, :, 0, 0]

    assert (np.ptp(alike, axis=1) == 0).all()
    assert np.abs(np.corrcoef(own.T)[np.triu_indices(3, 1)]).max() < 4 / np.sqrt(1000)
    assert np.abs(own - 1).max() <= 0.2


def test_optical_stacks_share_their_light_and_radar_has_its_own():
    options = Augmentation(brightness=0.2, haze=0.1)

    one, other = (lit_up([0.1] * 3, TOA, Augmentation(brightness=0.2), stack=stack) for stack in ("s2", "swir"))
    radar = lit_up([0.1] * 3, GAMMA0_RTC, options, bands=("VV", "VH", "HH"))

    np.testing.assert_array_equal(one, other)
    assert abs(np.corrcoef(one[:, 0, 0, 0], radar[:, 0, 0, 0])[0, 1]) < 4 / np.sqrt(1000)


def test_all_dates_of_a_sample_change_alike():
    x = np.full((5, 3, 3, 2, 2), 0.1, np.float32)

    light(
        x,
        np.ones((5, 3, 1, 2, 2), bool),
        KEYS[:5],
        Augmentation(brightness=0.5),
        lighting(needs(TOA)),
        epoch=0,
        stack="a",
    )

    assert (x == x[:, :1]).all()


@pytest.mark.parametrize(
    ("quantity", "scale"), [(TOA, 1), (dn("toa", offset=-1000), 10000), (EUROSAT, 10000 * 254 / 2750)]
)
def test_noise_has_the_deviation_asked_for(quantity, scale):
    """0.01 of reflectance in every band; 12,000 pixels, 4 standard errors are 2.6 %."""
    got = lit_up([100.0 * (quantity != TOA)] * 3, quantity, Augmentation(noise=0.002))

    np.testing.assert_allclose(got.std(axis=(0, 2, 3)), [0.002 * scale] * 3, rtol=0.04)


def test_noise_goes_to_the_bands_that_are_named():
    got = lit_up([0.0] * 3, TOA, Augmentation(noise={"B04": 0.01}))

    np.testing.assert_allclose(got.std(axis=(0, 2, 3)), [0, 0.01, 0], rtol=0.04)


def test_noise_in_decibels_is_in_decibels():
    got = lit_up([-12.0, -20.0], GAMMA0_RTC_DB, Augmentation(noise={"VV": 0.5}), bands=("VV", "VH"))

    np.testing.assert_allclose(got.std(axis=(0, 2, 3)), [0.5, 0], rtol=0.04)


def dropped(options, bands, *, epoch=0, n=1000):
    x = np.zeros((n, 2, bands, 2, 2), np.float32)
    names = [f"b{i}" for i in range(bands)]
    lit = lighting(needs(TOA, names))
    flags = np.ones((n, 2, bands), bool)
    valid, present = drop_bands(
        x, np.ones((n, 2, 1, 2, 2), bool), flags, KEYS[:n], options, lit, epoch=epoch, stack="s2"
    )
    return x, valid, present


def test_the_mean_of_1000_dropouts_is_the_rate():
    """E2: 13 bands at 0.1; four standard errors of 13,000 draws are 0.0105."""
    x, valid, present = dropped(Augmentation(band_dropout=0.1), 13)

    assert abs((~present).mean() - 0.1) < 0.0105
    np.testing.assert_array_equal(x == 500, np.broadcast_to(~present[..., None, None], x.shape))
    np.testing.assert_array_equal(valid, np.broadcast_to(present[..., None, None], valid.shape))


def test_a_band_is_lost_on_all_dates():
    _, _, present = dropped(Augmentation(band_dropout=0.5), 4)

    assert (present[:, 0] == present[:, 1]).all()


@pytest.mark.parametrize("bands", [1, 2])
def test_never_all_bands_are_lost(bands):
    """At 0.99 nearly every sample would lose all; one band stays, any of them."""
    _, _, present = dropped(Augmentation(band_dropout=0.99), bands)

    assert present[:, 0].any(axis=1).all()
    assert present[:, 0].any(axis=0).all()


def test_after_the_end_of_the_ramp_strength_is_full():
    """E2: a ramp that stays up."""
    options = Augmentation(brightness=0.4, band_dropout=0.2, ramp=5)

    reach = [np.abs(lit_up([1.0] * 3, TOA, options, epoch=e) - 1).max() for e in (0, 1, 4, 5, 50, 5000)]
    rates = [(~dropped(options, 13, epoch=e)[2]).mean() for e in (0, 5, 500)]

    np.testing.assert_allclose(reach, [0, 0.08, 0.32, 0.4, 0.4, 0.4], rtol=0.01)
    np.testing.assert_allclose(rates, [0, 0.2, 0.2], atol=0.014)


def spec(**stacks):
    return InputSpec({name: needs(*each) for name, each in stacks.items()}, (8, 8))


@pytest.mark.parametrize(
    ("options", "input", "said"),
    [
        (
            Augmentation(offset=0.1),
            spec(s1=(GAMMA0_RTC_DB, ("VV",))),
            r"augmentation offset: has no meaning for any stack \(s1 gamma0_rtc dB\). Leave offset out.",
        ),
        (Augmentation(brightness=0.1), spec(dem=(value("m"), ("height",))), "brightness: has no meaning for any stack"),
        (
            Augmentation(brightness=0.1),
            spec(s2=(dn("toa", offset=None),)),
            "brightness: stack s2 is dn offset unknown .* whose reflectance is unknown. Leave brightness out",
        ),
        (
            Augmentation(gain=0.1),
            spec(a=(rgb8("mine"),)),
            r"gain: stack a is rgb8 \[mine\], whose reflectance is unknown",
        ),
        (
            Augmentation(haze=0.1),
            spec(a=(TOA, ("b1", "B02"))),
            r"haze: needs the wavelength of every band, and that of b1 \(stack a\) is unknown. Leave haze out.",
        ),
        (
            Augmentation(noise={"VV": 0.1}),
            spec(s1=(GAMMA0_RTC, ("VV",))),
            r"noise: has no meaning for VV \(gamma0_rtc linear power\). Leave it out: speckle multiplies, try gain.",
        ),
        (Augmentation(noise=0.1), spec(s1=(GAMMA0_RTC, ("VV",))), "augmentation noise: has no meaning for any stack"),
    ],
)
def test_what_has_no_meaning_is_refused(options, input, said):
    with pytest.raises(Refused, match=said):
        require_lighting(options, input)


def test_noise_of_an_unknown_band_is_refused():
    with pytest.raises(Unknown, match="augmentation noise: unknown band 'B4'. Did you mean 'B04'?"):
        require_lighting(Augmentation(noise={"B4": 0.1}), spec(a=(TOA,)))


def test_optical_options_pass_beside_radar():
    """They change the stacks that they have a meaning for."""
    require_lighting(
        Augmentation(haze=0.1, offset=0.1, brightness=0.1, noise=0.01),
        spec(s1=(GAMMA0_RTC_DB, ("VV",)), s2=(TOA,), dem=(value("m"), ("height",))),
    )
