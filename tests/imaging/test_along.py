"""Weights along an axis: exact parts, exact polynomials, and sums that do not depend on what lies around."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from swath.imaging import along
from swath.imaging.along import apply, apply_both, area_rows, interpolation_rows, overlaps


@pytest.mark.parametrize(("n", "to"), [(12, 4), (7, 5), (2048, 50), (9, 9), (10, 1)])
def test_parts_of_pixels_are_exact(n, to):
    """Every input pixel's parts sum to the pixel, every output pixel's to n / to: in whole numbers."""
    first, here, after = overlaps(n, to)

    assert (here + after == to).all()
    had = np.bincount(first, here, minlength=to + 1) + np.bincount(first + 1, after, minlength=to + 1)
    assert had[:to].tolist() == [n] * to
    for i in range(n):
        end = min(Fraction(int(first[i] + 1) * n, to), Fraction(i + 1))
        assert Fraction(int(here[i]), to) == end - i


def test_a_constant_stays_and_a_ramp_is_averaged():
    ramp = np.arange(30.0) + 0.5

    assert (area_rows(30, 7) @ np.ones(30)).tolist() == pytest.approx([1.0] * 7)
    assert (area_rows(30, 6) @ ramp).tolist() == pytest.approx([5 * k + 2.5 for k in range(6)])


@pytest.mark.parametrize(("how", "degree"), [("linear", 1), ("cubic", 2)])
def test_interpolation_is_exact_for_polynomials_of_its_degree(how, degree):
    """Keys 1981: cubic convolution with a = -1/2 is exact for parabolas."""
    at = np.linspace(3, 27, 101)

    found = interpolation_rows(at, 30, how=how) @ (np.arange(30.0) + 0.5) ** degree

    np.testing.assert_allclose(found, at**degree, rtol=1e-12)


def test_beyond_the_edge_the_last_pixel_is_repeated():
    assert (interpolation_rows(np.array([-5.0, 0.2, 99.0]), 3, how="linear") @ [1.0, 2.0, 4.0]).tolist() == [1, 1, 4]
    assert (interpolation_rows(np.array([-5.0, 1.4, 99.0]), 3, how="nearest") @ [1.0, 2.0, 4.0]).tolist() == [1, 2, 4]


def test_both_axes_are_the_two_products(monkeypatch):
    """numpy's dense product as oracle; strips of few rows change no bit."""
    image = np.random.default_rng(0).random((2, 3, 61, 47)).astype(np.float32)
    down, across = area_rows(61, 20), area_rows(47, 31)
    whole = apply_both(down, across, image)

    np.testing.assert_allclose(whole, down.toarray() @ image @ across.toarray().T, rtol=1e-5)
    np.testing.assert_allclose(whole, apply(across, apply(down, image, axis=-2), axis=-1), rtol=1e-6)
    monkeypatch.setattr(along, "_STRIP", 16)
    np.testing.assert_array_equal(apply_both(down, across, image), whole)


def test_double_precision_stays_double():
    assert apply(area_rows(4, 2), np.ones((4, 3)), axis=-2).dtype == np.float64
    assert apply(area_rows(4, 2), np.ones((4, 3), np.uint16), axis=-2).dtype == np.float32
