"""Inputs: what a corpus stores becomes what a model takes, or a sentence says why not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from swath.core.errors import Mismatch, Refused
from swath.core.inputs import require_input, require_inputs, size_of, to_input
from swath.core.plan import StackSpec
from swath.core.quantity import BOA, GAMMA0_ELLIPSOID, SIGMA0, SIGMA0_DB, TOA, dn, rgb8
from swath.core.specs import InputSpec, StackInput
from swath.core.stack import to_physical
from swath.testing.build import an_l1c

RGB = ("B04", "B03", "B02")


def a_spec(**changes):
    held = StackSpec(("B02", "B03", "B04", "B08"), (64, 64), "uint16", dn("toa", offset=0), "s2-l1c", "L1C", (10, 10))
    return replace(held, **changes)


def an_input(**changes):
    held = StackInput(RGB, dn("toa", offset=0), "L1C", 10.0, 1, (947.0, 1043.0, 1118.0), (594.0, 395.0, 333.0))
    return replace(held, **changes)


def refusal(spec, needs):
    with pytest.raises((Mismatch, Refused)) as raised:
        require_input(spec, needs, size=(64, 64), by="bundle rgb", where="corpora/alps stack s2")
    return str(raised.value)


@pytest.mark.parametrize(
    ("spec", "needs"),
    [
        (a_spec(), an_input()),
        (a_spec(quantity=dn("toa", offset=-1000)), an_input()),
        (a_spec(), an_input(quantity=TOA)),
        (a_spec(quantity=TOA, dtype="float32"), an_input()),
        (a_spec(gsd=(10.002, 9.997)), an_input()),
        (a_spec(level=""), an_input(level="")),
        (a_spec(bands=("VV", "VH"), quantity=SIGMA0), an_input(bands=("VH",), quantity=SIGMA0_DB, mean=(0,), std=(1,))),
    ],
)
def test_what_can_be_converted_exactly_is_let_through(spec, needs):
    held = replace(spec, level=needs.level)

    require_input(held, needs, size=(64, 64), by="bundle rgb", where="corpora/alps stack s2")


def test_a_missing_band_names_both_lists():
    assert refusal(a_spec(bands=("B02", "B03")), an_input()) == (
        "corpora/alps stack s2: bands (B04 missing) differs: want B04 B03 B02 (bundle rgb), have B02 B03. "
        "Choose a model that does without, or build the corpus with these bands."
    )


def test_boa_never_stands_in_for_toa():
    """science.md 1.8: toa and boa are never converted."""
    assert "quantity differs: want toa reflectance (bundle rgb), have boa reflectance. toa and boa are" in refusal(
        a_spec(quantity=BOA, dtype="float32"), an_input(quantity=TOA)
    )


def test_an_unknown_offset_is_refused():
    assert "the offset of dn offset unknown (toa reflectance, /10000) is unknown" in refusal(
        a_spec(quantity=dn("toa", offset=None)), an_input()
    )


def test_a_model_of_unknown_offset_takes_no_known_one():
    assert "want dn offset unknown (toa reflectance, /10000) (bundle rgb), have dn offset 0" in refusal(
        a_spec(), an_input(quantity=dn("toa", offset=None))
    )


def test_another_rendering_is_another_quantity():
    assert "want rgb8 [eurosat-2750-jpeg] (bundle rgb), have rgb8 [eurosat-2750]" in refusal(
        a_spec(quantity=rgb8("eurosat-2750"), dtype="uint8"), an_input(quantity=rgb8("eurosat-2750-jpeg"))
    )


def test_ellipsoid_radar_needs_an_angle_that_a_corpus_does_not_give():
    have = a_spec(bands=("VV",), quantity=SIGMA0, dtype="float32")

    assert "only with the incidence angle of every pixel" in refusal(
        have, an_input(bands=("VV",), quantity=GAMMA0_ELLIPSOID, mean=(0.1,), std=(0.1,))
    )


def test_another_level_is_refused():
    assert "level differs: want L1C (bundle rgb), have unknown." in refusal(a_spec(level=""), an_input())


def test_a_ground_size_beyond_five_percent_is_refused():
    """science.md 3, "Ground size": |g / g_train - 1| <= 5 %."""
    assert "gsd differs: want 10 m (bundle rgb), have 10 x 7.4 m. Resample to 10 m." in refusal(
        a_spec(gsd=(10, 7.4)), an_input()
    )


def test_another_size_is_refused():
    assert "size differs: want 64 x 64 pixels (bundle rgb), have 32 x 64 pixels." in refusal(
        a_spec(size=(32, 64)), an_input()
    )


def test_another_number_of_dates_is_refused():
    assert "dates differs: want 1 (bundle rgb), have 4." in refusal(a_spec(dates=4), an_input())


def test_a_stack_of_another_name_is_refused():
    needs = InputSpec({"s2": an_input(), "s1": an_input()}, (64, 64))

    with pytest.raises(Mismatch, match=r"alps: stacks differs: want s2, s1 \(bundle rgb\), have s2\. Name the stack"):
        require_inputs({"s2": a_spec()}, needs, by="bundle rgb", where="alps")


def test_every_stack_covers_the_same_ground():
    """64 pixels of 10 m are 32 of 20 m."""
    needs = InputSpec({"s2": an_input(), "coarse": an_input(gsd=20.0)}, (64, 48))

    require_inputs(
        {"s2": a_spec(size=(64, 48)), "coarse": a_spec(size=(32, 24), gsd=(20, 20))}, needs, by="b", where=""
    )
    assert (size_of(needs, "s2"), size_of(needs, "coarse")) == ((64, 48), (32, 24))


def test_bands_are_picked_by_name():
    """Each pixel holds ten times its band's place in the file."""
    stored = np.broadcast_to(np.arange(1, 5, dtype=np.uint16)[:, None, None] * 10, (2, 1, 4, 3, 3))

    x, valid = to_input(stored, None, a_spec(), an_input())

    assert x.dtype == np.float32
    np.testing.assert_array_equal(x[0, 0, :, 0, 0], [30, 20, 10])
    assert valid.shape == (2, 1, 3, 3, 3)
    assert valid.all()


def test_offsets_are_moved_exactly_and_unclamped():
    """DN 900 of baseline 04.00 is DN -100 of an older one: reflectance -0.01, kept (science.md 9)."""
    stored = np.array([900, 2452], np.uint16).reshape(1, 1, 2)
    spec = a_spec(bands=("B04",), quantity=dn("toa", offset=-1000))

    x, _ = to_input(stored, None, spec, an_input(bands=("B04",), mean=(947.0,), std=(594.0,)))

    np.testing.assert_array_equal(x.ravel(), [-100, 1452])


def test_reflectance_is_that_of_the_stack():
    """The same pixels through `core.stack.to_physical`, which masks, shifts and divides."""
    stack = an_l1c(np.random.default_rng(0).integers(1, 20000, (1, 3, 4, 4)))
    spec = a_spec(bands=stack.bands, quantity=stack.quantity)

    x, _ = to_input(stack.data, None, spec, an_input(quantity=TOA, bands=RGB))

    np.testing.assert_array_equal(x, to_physical(stack).data)


def test_what_is_no_measurement_becomes_the_mean_and_is_told():
    """0 is nodata, 65535 saturated; a mask of one band wide holds for all (science.md 1.2)."""
    stored = np.full((4, 2, 2), 1000, np.uint16)
    stored[2, 0, 0], stored[1, 0, 1] = 0, 65535  # B04, B03
    mask = np.ones((1, 2, 2), bool)
    mask[0, 1, 1] = False

    x, valid = to_input(stored, mask, a_spec(), an_input())

    np.testing.assert_array_equal(~valid, [[[1, 0], [0, 1]], [[0, 1], [0, 1]], [[0, 0], [0, 1]]])
    np.testing.assert_array_equal(x[~valid], [947, 947, 1043, 1043, 1118])
    assert (x[valid] == 1000).all()


def test_a_zero_of_a_picture_is_black():
    """Only digital numbers of Sentinel-2 have a nodata code."""
    quantity = rgb8("eurosat-2750")
    x, valid = to_input(
        np.zeros((2, 4, 2, 2), np.uint8), None, a_spec(quantity=quantity, dtype="uint8"), an_input(quantity=quantity)
    )

    assert (x == 0).all()
    assert valid.shape == (2, 1, 2, 2)
    assert valid.all()


def test_nan_is_no_measurement():
    spec = a_spec(quantity=TOA, dtype="float32")
    stored = np.full((4, 1, 2), 0.2, np.float32)
    stored[2, 0, 0] = np.nan

    x, valid = to_input(stored, None, spec, an_input(quantity=TOA, mean=(0.1, 0.1, 0.1)))

    np.testing.assert_array_equal(valid, [[[False, True]], [[True, True]], [[True, True]]])
    assert np.isfinite(x).all()


def test_the_stored_pixels_are_left_alone():
    stored = np.zeros((4, 2, 2), np.uint16)
    to_input(stored, None, a_spec(), an_input())

    assert (stored == 0).all()


def test_pixels_of_another_number_of_bands_are_refused():
    with pytest.raises(Mismatch, match=r"a: shape differs: want \(\.\.\., 4 bands, h, w\), have \(3, 2, 2\)"):
        to_input(np.zeros((3, 2, 2), np.uint16), None, a_spec(), an_input(), where="a")
    with pytest.raises(Mismatch, match=r"validity differs: want \(\.\.\., 4 or 1, h, w\), have \(3, 2, 2\)"):
        to_input(np.zeros((4, 2, 2), np.uint16), np.ones((3, 2, 2), bool), a_spec(), an_input())
