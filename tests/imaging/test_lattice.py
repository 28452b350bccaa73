"""Numbers that belong to the nodes of a lattice, and the fields made of them."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage, stats

from swath.imaging.lattice import (
    Extent,
    bits,
    convolve,
    fractal,
    gaussian_table,
    key,
    normal,
    uniform,
    white,
)

ROWS, COLS = np.arange(-300, 300)[:, None], np.arange(7000, 7600)[None, :]


def splitmix64(z: int) -> int:
    """The finaliser as published, in Python's own integers."""
    mask = 2**64 - 1
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 & mask
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB & mask
    return z ^ (z >> 31)


def test_bits_are_splitmix64_of_the_node():
    """Steele, Lea and Flood 2014, fast splittable pseudorandom number generators: the mixing of splitmix64."""
    row, col, stream = -3, 12, key(5, "test", 32632)
    mixed = (row * 0x9E3779B97F4A7C15 + col * 0xC2B2AE3D27D4EB4F + stream) % 2**64

    found = bits(stream, np.array(row), np.array(col))

    assert int(found) == splitmix64(mixed)


def test_a_node_has_its_number_in_any_extent():
    """Counter-based: a number depends on its node alone."""
    whole = uniform(key(1, "test"), ROWS, COLS)

    part = uniform(key(1, "test"), ROWS[100:117], COLS[:, 55:90])

    np.testing.assert_array_equal(part, whole[100:117, 55:90])


def test_uniform_numbers_are_uniform_and_independent_of_their_neighbours():
    """Kolmogorov and Smirnov against the uniform law; correlation of 360,000 pairs below four standard errors."""
    drawn = uniform(key(1, "test"), ROWS, COLS).astype(float)

    chance = stats.kstest(drawn[::3, ::3, 0].ravel(), "uniform").pvalue

    assert chance > 0.001
    flat = drawn - 0.5
    for one, other in ((flat[1:], flat[:-1]), (flat[:, 1:], flat[:, :-1]), (flat[..., 1:], flat[..., :-1])):
        assert abs((one * other).mean() * 12) < 4 / np.sqrt(one.size)


def test_normal_numbers_have_the_moments_of_the_normal_law():
    """Mean 0, variance 1, skewness 0, kurtosis 3."""
    drawn = normal(key(2, "test"), ROWS, COLS).astype(float)

    moments = [float((drawn**k).mean()) for k in (1, 2, 3, 4)]

    assert moments == pytest.approx([0.0, 1.0, 0.0, 3.0], abs=0.02)


def test_streams_of_other_purposes_are_unrelated():
    """Same seed and nodes, another purpose: no correlation beyond four standard errors."""
    one, other = (normal(key(1, purpose), ROWS, COLS)[..., 0] for purpose in ("relief", "warp"))

    assert abs((one * other).mean()) < 4 / np.sqrt(one.size)


def test_fractal_fields_have_unit_variance_and_agree_where_extents_overlap():
    """The sum over octaves is normalised; an octave belongs to its nodes."""
    whole = fractal(key(1, "test"), Extent(-700, 40, 900, 900), coarse=4, fine=0, hurst=0.4)

    part = fractal(key(1, "test"), Extent(-613, 77, 96, 96), coarse=4, fine=0, hurst=0.4)

    np.testing.assert_array_equal(part, whole[87 : 87 + 96, 37 : 37 + 96])
    np.testing.assert_allclose(whole.std(axis=(0, 1)), 1.0, atol=0.03)


@pytest.mark.parametrize("col", [-3, 0, 1, 2, 3])
def test_white_numbers_are_those_of_their_nodes_wherever_an_extent_begins(col):
    """Four columns share a hash; an extent may begin within the four."""
    whole = white(5, Extent(-20, -40, 60, 90), gaussian_table())

    part = white(5, Extent(-7, col, 11, 13), gaussian_table())

    np.testing.assert_array_equal(part, whole[13:24, 40 + col : 53 + col])
    assert abs(float((whole[:, 1:] * whole[:, :-1]).mean())) < 4 / np.sqrt(whole.size)


@pytest.mark.parametrize("length", [3, 5, 9, 41])
def test_a_filter_gives_the_same_bits_in_any_extent(length):
    """The sums are scipy's, and a node's sum does not depend on where its extent ends."""
    taps = np.exp(-(np.linspace(-2, 2, length) ** 2))
    m = length // 2
    nodes = white(7, Extent(0, 0, 200, 260), gaussian_table())
    whole = convolve(nodes, taps)

    naive = ndimage.correlate1d(ndimage.correlate1d(nodes.astype(float), taps, axis=0), taps, axis=1)
    np.testing.assert_allclose(whole, naive[m : 200 - m, m : 260 - m], atol=1e-4)
    for row, col, height, width in np.random.default_rng(0).integers(1, 100, (40, 4)):
        part = convolve(nodes[row : row + height + 2 * m, col : col + width + 2 * m], taps)
        np.testing.assert_array_equal(part, whole[row : row + height, col : col + width])
