"""Distortion: grid lines by the formula, labels by the nearest pixel, the displacement as truth."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage
from skimage.transform import PiecewiseAffineTransform, warp

from swath.core.errors import Refused, Unknown
from swath.imaging.distortion import TangentialScale, distort, kept, translate


def sigmoid(x: np.ndarray, length: float, rate: float) -> np.ndarray:
    return length / (1 + np.exp(-rate * (x - length / 2)))


@pytest.mark.parametrize(("length", "wanted"), [(337, 256), (2048, 1559)])
@pytest.mark.parametrize("axis", [0, 1])
def test_full_rate_keeps_0_7616_of_the_axis(length, wanted, axis):
    """C7: 337 -> 256 at full rate [run]; 2048 -> 1559 [run]."""
    shape = (length, 8) if axis == 0 else (8, length)

    found = distort(np.zeros(shape), TangentialScale(axis=axis))

    assert found.data.shape == ((wanted, 8) if axis == 0 else (8, wanted))
    assert kept(length, 4 / length) == wanted


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("interpolation", ["linear", "cubic"])
@pytest.mark.parametrize("rate", [4 / 337, 0.006])
def test_grid_lines_fall_on_the_sigmoid(axis, interpolation, rate):
    """C7: grid lines fall on L * sigmoid to 0.1 px: centroids of lines drawn 3 pixels wide."""
    length, lines = 337, np.arange(30, 320, 17)
    profile = np.exp(-((np.arange(length)[:, None] + 0.5 - lines) ** 2) / 4.5).sum(axis=1)
    image = np.broadcast_to(profile[:, None], (length, 5)) if axis == 0 else np.broadcast_to(profile, (5, length))
    options = TangentialScale(axis=axis, growth_rate=rate, interpolation=interpolation)

    found = distort(image, options)

    line = found.data[:, 2] if axis == 0 else found.data[2]
    start = found.corner[axis]
    for x in lines:
        u = sigmoid(x, length, rate) - start
        near = np.abs(np.arange(len(line)) + 0.5 - u) < 3.5 * length * rate / 4
        at = np.flatnonzero(near)
        if at[0] == 0 or at[-1] == len(line) - 1:
            continue
        centre = (line[at] * (at + 0.5)).sum() / line[at].sum()
        assert centre == pytest.approx(u, abs=0.1)


def test_it_is_what_affine_pieces_do():
    """003.3: piecewise affine on the mesh; skimage's own, with the same nodes, away from the crop's edge."""
    length, cells = 131, 6
    image = ndimage.gaussian_filter(np.random.default_rng(0).random((60, length)), 3)
    found = distort(image, TangentialScale(cells=cells, interpolation="linear"))

    nodes = np.linspace(0, length, cells + 1)
    rows, cols = np.meshgrid(np.linspace(0, 60, 4), nodes)
    source = np.stack([cols.ravel(), rows.ravel()], axis=1) - 0.5
    target = np.stack([sigmoid(cols, length, 4 / length).ravel(), rows.ravel()], axis=1) - 0.5
    pieces = PiecewiseAffineTransform.from_estimate(target, source)
    start = round(found.corner[1])
    oracle = warp(image, pieces, order=1)[:, start : start + found.data.shape[1]]

    np.testing.assert_allclose(found.data[2:-2, 2:-2], oracle[2:-2, 2:-2], atol=1e-5)


def test_the_displacement_says_where_each_pixel_was_read():
    """A ramp of column numbers comes out as those numbers: the truth reproduces the image."""
    image = np.broadcast_to(np.arange(337.0) + 0.5, (4, 337))

    found = distort(image, TangentialScale())

    at = found.corner[1] + np.arange(256) + 0.5 + found.displacement[1]
    np.testing.assert_allclose(found.data, at, atol=1e-9)
    np.testing.assert_array_equal(found.displacement[0], 0)


def test_labels_are_those_of_the_nearest_pixel_and_no_others():
    """003-D3: labels warped bilinearly became classes that are nowhere near."""
    labels = np.random.default_rng(0).choice([1, 9], (12, 337)).astype(np.int16)

    found = distort(labels.astype(float), TangentialScale(), labels=labels)

    near = np.floor(found.corner[1] + np.arange(256) + 0.5 + found.displacement[1][0]).astype(int)
    np.testing.assert_array_equal(found.labels, labels[:, near])
    assert found.labels.dtype == np.int16


def test_what_is_read_from_pixels_that_are_not_valid_is_not_valid():
    image, valid = np.ones((6, 100)), np.ones((6, 100), bool)
    image[:, 50], valid[:, 50] = np.nan, False

    found = distort(image, TangentialScale(interpolation="linear"), valid=valid)

    assert np.isfinite(found.data).all()
    assert 1 <= (~found.valid[0]).sum() <= 2
    np.testing.assert_array_equal(found.data[found.valid], 1)


def test_a_growth_rate_over_4_by_l_is_refused_with_both_numbers():
    """C7: r > 4/L refused with both numbers."""
    with pytest.raises(Refused, match=r"growth_rate: 0.02 is over 4 / L = 0.0118694 of an axis of 337 pixels"):
        distort(np.zeros((8, 337)), TangentialScale(growth_rate=0.02))
    assert distort(np.zeros((8, 2048)), TangentialScale(growth_rate=0.00195)).data.shape == (8, 1558)


def test_other_bad_options_are_refused():
    with pytest.raises(Refused, match="axis: is 0 .rows. or 1 .columns., have 2"):
        TangentialScale(axis=2)
    with pytest.raises(Refused, match="growth_rate: is above 0, have -1"):
        TangentialScale(growth_rate=-1)
    with pytest.raises(Refused, match="mesh cells: are 1 or more, have 0"):
        TangentialScale(cells=0)
    with pytest.raises(Unknown, match="unknown interpolation 'cubical'. Did you mean 'cubic'"):
        TangentialScale(interpolation="cubical")


@pytest.mark.parametrize("shift", [(0.2, -0.35), (3.0, 0.0), (0.0, 1.5)])
def test_a_shift_moves_a_smooth_image_by_that_much(shift):
    """Registration errors: a sine of 25 pixels, whose shifted values are known, to 1e-3 by cubic convolution."""
    rows, cols = np.mgrid[:60, :80] + 0.5
    wave = lambda r, c: np.sin(2 * np.pi * (r + 0.5 * c) / 25)  # noqa: E731

    found = translate(wave(rows, cols), shift)

    inside = np.s_[5:-5, 5:-5]
    np.testing.assert_allclose(found.data[inside], wave(rows - shift[0], cols - shift[1])[inside], atol=1e-3)


def test_a_shift_that_is_no_number_is_refused():
    with pytest.raises(Refused, match="shift: is two numbers of pixels"):
        translate(np.zeros((4, 4)), (float("nan"), 0))
