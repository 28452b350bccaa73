"""Numbers that belong to the nodes of a zone's lattice, and the fields made of them."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from swath.core.geobox import sample_geobox
from swath.world.lattice import Extent, bits, fractal, geobox_of, key, lonlat_of, normal, pixel_at, pixel_of, uniform

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

    np.testing.assert_allclose(part, whole[87 : 87 + 96, 37 : 37 + 96], atol=1e-5)
    np.testing.assert_allclose(whole.std(axis=(0, 1)), 1.0, atol=0.03)


@pytest.mark.parametrize(("lon", "lat"), [(11.35, 46.5), (-58.4, -34.6), (174.8, -41.3), (179.99, 10.0)])
def test_lattice_pixels_are_those_of_sample_grids_in_both_hemispheres(lon, lat):
    """Sentinel-2 grids start at multiples of 60 m from (0, 0) in the north and from (0, 10,000,000) in the south."""
    box = sample_geobox(lon, lat, size=64)
    epsg = box.crs.epsg

    row, col = pixel_of(box.transform.c, box.transform.f, epsg)

    assert row % 6 == 0
    assert col % 6 == 0
    assert geobox_of(Extent(row, col, 64, 64), epsg) == box


def test_a_place_comes_back_from_its_pixel():
    """Half a pixel of 10 m is 5 m, 4.5e-5 degrees of latitude."""
    row, col = pixel_at(32632, 11.35, 46.5)

    assert lonlat_of(32632, row, col) == pytest.approx((11.35, 46.5), abs=1e-4)
