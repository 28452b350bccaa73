"""Stems: what published kernels become for other bands, by name."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from swath.core.bands import S2_BANDS, S2_L2A_BANDS
from swath.core.errors import Mismatch, Unknown
from swath.models.stems import adapter, copied, fresh, source_of

RGB = ("B04", "B03", "B02")


def a_conv(channels=3, *, bias=True, outputs=256):
    """Random kernels, the same each time."""
    torch.manual_seed(0)
    return nn.Conv2d(channels, outputs, 3, 2, 1, bias=bias)


def test_a_copy_lands_by_name_and_not_by_position():
    conv = a_conv()

    made, said = copied(conv, RGB, ("B02", "B8A", "B04", "B03"), scale="none")

    assert torch.equal(made.weight[:, 0], conv.weight[:, 2])
    assert torch.equal(made.weight[:, 2], conv.weight[:, 0])
    assert torch.equal(made.weight[:, 3], conv.weight[:, 1])
    assert [each.how for each in said] == ["name", "wavelength", "name", "name"]


def test_a_band_without_a_namesake_takes_the_nearest_in_wavelength():
    """Centres of Sentinel-2A: B01 443, B02 493, B05 704, B08 833, B8A 865 nm."""
    assert source_of("B01", RGB) == ("B02", "wavelength")
    assert source_of("B05", RGB) == ("B04", "wavelength")
    assert source_of("B8A", ("B04", "B08", "B11")) == ("B08", "wavelength")


@pytest.mark.parametrize(("band", "bands"), [("VV", RGB), ("B04", ("VV", "VH")), ("b1", RGB), ("HH", ("VV", "VH"))])
def test_radar_optics_and_the_unknown_take_the_mean(band, bands):
    """No wavelength says that a polarisation is like a colour."""
    conv = a_conv(len(bands))

    made, said = copied(conv, bands, (band,), scale="none")

    torch.testing.assert_close(made.weight[:, 0], conv.weight.mean(1))
    assert said[0].how == "mean"


def test_the_bias_and_the_geometry_are_kept():
    conv = a_conv()

    made, _ = copied(conv, RGB, S2_BANDS)

    assert torch.equal(made.bias, conv.bias)
    assert (made.kernel_size, made.stride, made.padding) == ((3, 3), (2, 2), (1, 1))
    assert copied(a_conv(bias=False), RGB, S2_BANDS)[0].bias is None


def test_even_copies_are_scaled_by_the_published_rules():
    """sqrt(3/c) for bands that know nothing of one another, 3/c for copies of one signal."""
    channels = RGB * 4

    assert copied(a_conv(), RGB, channels)[1][0].scale == pytest.approx((3 / 12) ** 0.5)
    assert copied(a_conv(), RGB, channels, scale="correlated")[1][0].scale == pytest.approx(3 / 12)


def test_24_near_equal_channels_leave_the_activations_as_they_were():
    """source-systems.md, D2: twelve bands of two dates, near copies of one signal: within 20 % of RGB's deviation."""
    conv = a_conv()
    torch.manual_seed(1)
    signal = torch.randn(16, 1, 32, 32)

    def noisy(count):
        return signal + 0.1 * torch.randn(16, count, 32, 32)

    made, _ = copied(conv, RGB, S2_L2A_BANDS * 2, scale="correlated")

    ratio = (made(noisy(24)).std() / conv(noisy(3)).std()).item()
    assert 0.8 < ratio < 1.2


def test_independent_channels_leave_the_activations_as_they_were():
    conv = a_conv(bias=False)
    torch.manual_seed(1)

    made, _ = copied(conv, RGB, S2_BANDS)

    ratio = (made(torch.randn(16, 13, 32, 32)).std() / conv(torch.randn(16, 3, 32, 32)).std()).item()
    assert 0.95 < ratio < 1.05


def test_an_adapter_hands_named_bands_on_untouched():
    conv, said = adapter(S2_BANDS, RGB)
    x = torch.rand(2, 13, 8, 8)

    assert torch.equal(conv(x), x[:, [S2_BANDS.index(band) for band in RGB]])
    assert [str(each) for each in said] == ["B04 <- B04", "B03 <- B03", "B02 <- B02"]
    assert sum(each.numel() for each in conv.parameters()) == 13 * 3 + 3


def test_an_adapter_averages_dates_and_reaches_for_the_nearest_band():
    conv, said = adapter(("B04", "B08") * 2, ("B04", "B05", "VV"))
    x = torch.rand(1, 4, 4, 4)

    got = conv(x)

    torch.testing.assert_close(got[:, 0], (x[:, 0] + x[:, 2]) / 2)
    torch.testing.assert_close(got[:, 1], (x[:, 0] + x[:, 2]) / 2)
    torch.testing.assert_close(got[:, 2], x.mean(1))
    assert [each.how for each in said] == ["name", "wavelength", "mean"]


def test_a_fresh_first_layer_has_new_weights_and_the_old_bias():
    conv = a_conv()

    made, said = fresh(conv, S2_BANDS, seed=1)

    assert made.weight.shape == (256, 13, 3, 3)
    assert torch.equal(made.bias, conv.bias)
    assert {each.how for each in said} == {"new"}
    assert torch.equal(made.weight, fresh(conv, S2_BANDS, seed=1)[0].weight)


def test_bands_that_are_not_the_weights_are_refused():
    with pytest.raises(Mismatch) as raised:
        copied(a_conv(3), S2_BANDS, S2_BANDS)

    assert str(raised.value).startswith(
        "stem: bands of the weights differs: want 3, as its first convolution takes, have 13 (B01 B02"
    )


def test_an_unknown_scale_names_the_nearest():
    with pytest.raises(Unknown) as raised:
        copied(a_conv(), RGB, RGB, scale="independant")

    assert "stem: unknown stem scale 'independant'. Did you mean 'independent'?" in str(raised.value)
