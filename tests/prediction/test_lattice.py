"""Lattice: every pixel is answered for from where the answers truly stand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from swath.core.errors import Refused
from swath.prediction.lattice import centred, mirrored, overlapping, taper

SIDES = st.integers(1, 70)


@given(st.integers(1, 300), SIDES, SIDES)
def test_every_pixel_lies_in_a_window_and_none_is_laid_in_vain(length, size, stride):
    """One window a block of `stride` pixels, the pixel in the block's middle in it (004: [r - 32, r + 32))."""
    stride = min(stride, size)
    axis = centred(length, size, stride)

    starts = axis.starts
    assert len(starts) == len(axis) == -(-length // stride)
    assert (np.diff(starts) >= 0).all()
    taken = starts[axis.nearest(0, length)]
    pixels = np.arange(length)
    assert ((taken <= pixels) & (pixels < taken + size)).all()


def test_at_stride_1_each_pixel_has_the_window_of_the_naive_loop():
    """source-systems.md 004.3: for each pixel r the window [r - 32, r + 32)."""
    axis = centred(100, 64, 1)

    np.testing.assert_array_equal(axis.starts[axis.nearest(0, 100)], np.arange(100) - 32)


def test_the_centre_of_an_even_window_is_half_a_pixel_up_and_left():
    """004-D5: "its centre is half a pixel (5 m) up-left of the pixel written"."""
    assert centred(100, 64, 1).centres[40] - (40 + 0.5) == -0.5
    assert centred(100, 63, 1).centres[40] - (40 + 0.5) == 0.0


@pytest.mark.parametrize("size", [16, 15])
@pytest.mark.parametrize("stride", [1, 2, 3, 8])
def test_a_ramp_of_answers_is_a_ramp_of_pixels(size, stride):
    """science.md 3: a linear ramp survives; here from centres to pixels, so no half pixel is lost on the way."""
    axis = centred(200, size, stride)
    lower, upper, weight = axis.between(20, 180)

    painted = axis.centres[lower] * (1 - weight) + axis.centres[upper] * weight

    np.testing.assert_allclose(painted, np.arange(20, 180) + 0.5, atol=1e-12)


@pytest.mark.parametrize(
    ("size", "stride", "shift"), [(64, 1, -0.5), (63, 1, 0.0), (64, 8, 0.0), (64, 7, -0.5), (63, 7, 0.0)]
)
def test_what_remains_of_the_half_pixel_is_said(size, stride, shift):
    """Worked out by hand: a block of 8 pixels around the corner where four of them meet is centred on it."""
    axis = centred(300, size, stride)

    assert axis.shift("nearest") == shift
    assert axis.shift("bilinear") == 0


@given(st.integers(1, 200), st.integers(2, 40))
def test_tapers_sum_to_one_everywhere_where_windows_overlap_by_half(length, half):
    """Issue: "a tapered window whose weights sum to 1"; the edges too, for windows reach over them."""
    axis = overlapping(length, 2 * half, half)
    total = np.zeros(length + 8 * half)
    for start in axis.starts:
        total[start + 2 * half : start + 4 * half] += taper(2 * half)

    np.testing.assert_allclose(total[2 * half : 2 * half + length], 1.0, atol=1e-12)


@given(st.integers(1, 30), st.integers(-70, 0), st.integers(1, 100))
def test_what_is_beyond_the_edge_is_numpys_symmetric_padding(length, start, wide):
    """004 pads with mode="symmetric"."""
    want = np.pad(np.arange(length), (70, 200), mode="symmetric")

    np.testing.assert_array_equal(mirrored(start, start + wide, length), want[70 + start : 70 + start + wide])


@pytest.mark.parametrize(("lay", "most"), [(centred, 16), (overlapping, 8)])
def test_a_stride_that_leaves_gaps_or_borders_is_refused(lay, most):
    with pytest.raises(Refused, match=rf"^map: stride is out of range: want 1 to {most} pixels.*, have {most + 1}\."):
        lay(100, 16, most + 1)
    with pytest.raises(Refused, match="have 0"):
        lay(100, 16, 0)
