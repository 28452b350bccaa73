"""Preprocessing: composed with our normalisation, the weights' own transform comes out."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from swath.core.bands import S2_BANDS
from swath.core.errors import Mismatch, Refused, Unknown
from swath.core.quantity import BOA, SIGMA0, SIGMA0_DB, TOA, dn, rgb8
from swath.core.rendering import render
from swath.core.specs import InputSpec
from swath.models.backbone import Backbone
from swath.models.encoders import make_encoder
from swath.models.preprocessing import fed, transform, transform_of
from tests.models.a_spec import a_stack

RGB = ("B04", "B03", "B02")


def picture(stack, data):
    """What the backbone's one normalisation makes of numbers (b, h, w)."""
    backbone = Backbone(InputSpec({"s2": stack}, (32, 32)), make_encoder("resnet10-32", len(stack.bands)))
    return backbone.picture({"s2": torch.from_numpy(data)[None, None]})[0].numpy()


def bytes_of_a_picture():
    return np.random.default_rng(0).integers(0, 256, (3, 32, 32), dtype=np.uint8)


def test_imagenet_weights_see_what_torchvision_would_show_them():
    """ToTensor and Normalize: v/255, minus the mean, over the deviation."""
    seen = bytes_of_a_picture()
    mean, std = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
    wanted = (seen / 255 - mean[:, None, None]) / std[:, None, None]

    got = picture(fed(a_stack(RGB, quantity=rgb8("eurosat-2750-jpeg")), "imagenet"), seen)

    np.testing.assert_allclose(got, wanted, atol=1e-6)


def test_kerass_vgg_sees_blue_first_and_bytes():
    """Keras' caffe mode, BGR minus (103.939, 116.779, 123.68): the bands are ordered, nothing is positional."""
    seen = bytes_of_a_picture()
    wanted = seen[::-1].astype(np.float64) - np.array([103.939, 116.779, 123.68])[:, None, None]

    got = picture(fed(a_stack(("B02", "B03", "B04"), quantity=rgb8("eurosat-2750")), "keras-caffe"), seen[::-1].copy())

    np.testing.assert_allclose(got, wanted, atol=2e-5, rtol=1e-6)
    assert transform("keras-caffe").bands == ("B02", "B03", "B04")


@pytest.mark.parametrize(
    ("quantity", "numbers"),
    [
        (dn("toa", offset=0), lambda dn0: dn0.astype(np.uint16)),
        (dn("toa", offset=-1000), lambda dn0: (dn0 + 1000).astype(np.uint16)),
        (TOA, lambda dn0: (dn0 / 10000).astype(np.float32)),
    ],
)
def test_reflectance_becomes_the_named_picture_but_for_its_rounding(quantity, numbers):
    """core.rendering is the oracle: half a grey value of rounding at most, inside the stretch."""
    dn0 = np.random.default_rng(0).integers(0, 2751, (3, 32, 32))
    seen = render(dn0.astype(np.uint16), dn("toa", offset=0), RGB, "eurosat-2750")
    std = np.array([0.229, 0.224, 0.225])[:, None, None]
    wanted = (seen / 255 - np.array([0.485, 0.456, 0.406])[:, None, None]) / std

    got = picture(fed(a_stack(RGB, quantity=quantity), "imagenet"), numbers(dn0))

    assert np.abs((got - wanted) * std * 255).max() <= 0.5 + 1e-3


def test_reflectance_goes_on_along_the_line_where_a_picture_is_cut_off():
    """v = 1 + DN 254 / 2750; at DN 5500 that is 509, and a byte would have said 255."""
    stack = fed(a_stack(RGB, quantity=dn("toa", offset=0)), "keras-caffe")

    assert (5500 - stack.mean[2]) / stack.std[2] == pytest.approx(509 - 103.939)


def test_weights_that_were_trained_on_divided_numbers_get_them():
    """torchgeo's SSL4EO-S12 weights: DN / 10000."""
    for quantity, number in ((dn("toa", offset=0), 1234.0), (dn("toa", offset=-1000), 2234.0), (TOA, 0.1234)):
        stack = fed(a_stack(quantity=quantity), "divided-10000")
        assert [(number - m) / s for m, s in zip(stack.mean, stack.std, strict=True)] == pytest.approx([0.1234] * 13)


def test_bands_that_the_weights_do_not_know_stay_as_they_were():
    stack = fed(a_stack(mean=(0.2,) * 13, std=(0.1,) * 13), "imagenet")

    assert all(stack.mean[i] == 0.2 for i, band in enumerate(S2_BANDS) if band not in RGB)
    assert all(stack.mean[i] != 0.2 for i, band in enumerate(S2_BANDS) if band in RGB)


def test_decibels_are_fed_as_decibels():
    stack = fed(a_stack(("VV", "VH"), quantity=SIGMA0_DB), "ssl4eo-s1")

    assert (stack.mean, stack.std) == ((-12.59, -20.26), (5.26, 5.91))


@pytest.mark.parametrize(
    ("stack", "asked", "sentence"),
    [
        (
            a_stack(RGB, quantity=BOA),
            "imagenet",
            "want toa reflectance, have boa reflectance. toa and boa are different",
        ),
        (
            a_stack(("VV", "VH"), quantity=SIGMA0),
            "ssl4eo-s1",
            "want decibels, have sigma0 linear power. Convert it to dB.",
        ),
        (a_stack(RGB, quantity=rgb8("eurosat-2750")), "divided-10000", "want reflectance, have rgb8 [eurosat-2750]."),
        (a_stack(RGB, quantity=SIGMA0), "imagenet", "want rgb8 or reflectance, have sigma0 linear power."),
    ],
)
def test_another_quantity_is_refused(stack, asked, sentence):
    with pytest.raises(Mismatch) as raised:
        fed(stack, asked)

    assert f"transform {asked}: quantity differs: {sentence}" in str(raised.value)


def test_an_unknown_offset_is_refused():
    with pytest.raises(Refused) as raised:
        fed(a_stack(RGB, quantity=dn("toa", offset=None)), "imagenet")

    assert "transform imagenet: the offset of dn offset unknown" in str(raised.value)


def test_bands_of_which_none_is_known_are_refused():
    with pytest.raises(Mismatch) as raised:
        fed(a_stack(("VV",), quantity=SIGMA0_DB), "imagenet")

    assert str(raised.value) == "transform imagenet: bands differs: want B04 B03 B02, have VV."


def test_what_timm_says_of_its_weights_is_a_transform():
    """CLIP's mean and deviation, from OpenAI's release."""
    about = {"mean": (0.48145466, 0.4578275, 0.40821073), "std": (0.26862954, 0.26130258, 0.27577711)}
    stack = fed(a_stack(RGB, quantity=rgb8("eurosat-2750")), transform_of("clip", about))

    assert (128 - stack.mean[0]) / stack.std[0] == pytest.approx((128 / 255 - 0.48145466) / 0.26862954)


def test_an_unknown_transform_names_the_nearest():
    with pytest.raises(Unknown) as raised:
        fed(a_stack(RGB), "image-net")

    assert "unknown transform 'image-net'. Did you mean 'imagenet'?" in str(raised.value)
