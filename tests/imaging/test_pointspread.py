"""Point spread and area means: transfer at Nyquist, means, edges, and every size."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage
from scipy.signal import windows

from swath.core.errors import Mismatch, Refused
from swath.core.sensors import SENSORS
from swath.imaging.pointspread import aggregate, block_rows, sigma_of, spread_rows, taps

OPTICAL = [band for band in SENSORS["s2-l1c"].bands if band.mtf is not None]
RNG = np.random.default_rng(3)


def naive_mean(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Area mean by the overlap of every pair of pixels, in two loops."""

    def shares(n: int, to: int) -> np.ndarray:
        edges = np.arange(to + 1) * n / to
        return np.array([[max(0.0, min(j + 1, edges[i + 1]) - max(j, edges[i])) for j in range(n)] for i in range(to)])

    down, across = shares(image.shape[0], size[0]), shares(image.shape[1], size[1])
    return down @ image @ across.T / (image.size / (size[0] * size[1]))


@pytest.mark.parametrize("band", OPTICAL, ids=lambda band: band.name)
@pytest.mark.parametrize("factor", [4, 8])
def test_a_sine_at_nyquist_comes_through_with_the_transfer_of_the_band(band, factor):
    """science.md 1.9 and 7: the MTF is the total at the Nyquist frequency of the native pixel, its box included."""
    n = 64 * factor
    edges = np.arange(n + 1) / factor
    # Area means of 1 + cos(pi x) over fine pixels, by its integral.
    integral = edges + np.sin(np.pi * (edges - 0.5)) / np.pi
    line = np.diff(integral) * factor

    seen = aggregate(np.broadcast_to(line, (8 * factor, n))[None], (8, 64), mtf=band.mtf).data[0, 4, 8:-8]

    assert np.abs(seen - 1).max() == pytest.approx(band.mtf, abs=1e-4)


@pytest.mark.parametrize("mtf", [0.22, 0.26, 0.38])
def test_the_transfer_measured_from_an_edge_is_the_one_asked_for(mtf):
    """A slanted edge, as missions measure it: its oversampled profile, differentiated and transformed, at Nyquist."""
    factor, size = 8, 64
    fine = factor * size
    rows, cols = np.mgrid[:fine, :fine] + 0.5
    slope = 0.0625
    scene = (cols - fine / 2 > slope * (rows - fine / 2)).astype(float)

    seen = aggregate(scene[None], (size, size), mtf=mtf).data[0]

    r, c = np.mgrid[:size, :size] + 0.5
    distance = ((c - size / 2) - slope * (r - size / 2)) / np.hypot(1, slope)
    inside = (np.abs(distance) < 8) & (r > 8) & (r < size - 8)
    step = 1 / 8
    bins = np.floor((distance[inside] + 8) / step).astype(int)
    profile = np.bincount(bins, seen[inside]) / np.bincount(bins)
    line = np.diff(profile) * windows.hann(len(profile) - 1)
    at = np.arange(len(line)) * step
    transfer = abs((line * np.exp(-1j * np.pi * at)).sum()) / abs(line.sum())
    binning = np.sinc(0.5 * step) ** 2  # bins and differences blur by their own width
    assert transfer / binning == pytest.approx(mtf, abs=0.01)


@pytest.mark.parametrize("band", OPTICAL, ids=lambda band: band.name)
def test_on_pixels_of_the_native_size_the_filter_gives_what_the_box_lacks(band):
    """The box has given 2/pi already: alternating pixels must keep mtf pi/2 of their contrast."""
    stripes = 0.2 + 0.1 * np.where(np.arange(64) % 2, 1.0, -1.0)[None, None, :] * np.ones((1, 32, 1))

    seen = aggregate(stripes, (32, 64), mtf=band.mtf).data[0, 8:-8, 8:-8]

    contrast = np.abs(np.diff(seen, axis=1)).mean() / 0.2
    assert contrast == pytest.approx(band.mtf * np.pi / 2, abs=1e-5)


def test_gaussians_are_the_published_ones():
    """science.md 9, PSF of B2: 0.426 pixels before the area mean."""
    assert round(sigma_of(0.26), 3) == 0.426
    assert sigma_of(0.26) == pytest.approx(SENSORS["s2-l1c"].band("B02").psf_sigma)


@pytest.mark.parametrize("mtf", [0.22, 0.26, 0.38])
def test_the_filter_of_native_pixels_is_truer_than_a_sampled_gaussian(mtf):
    """Edges at random places on 32 times finer ground; truth is the Gaussian and the mean over pixels there."""
    factor, n = 32, 3000
    edges = np.sort(RNG.uniform(0, n, n // 6))
    level = RNG.normal(size=len(edges) + 1)
    ground = level[np.searchsorted(edges, (np.arange(n * factor) + 0.5) / factor)]
    sigma = sigma_of(mtf)
    truth = ndimage.gaussian_filter1d(ground, sigma * factor, mode="wrap", truncate=8).reshape(n, factor).mean(axis=1)
    means = ground.reshape(n, factor).mean(axis=1)

    def error(filter: np.ndarray) -> float:
        return float(np.std(ndimage.correlate1d(means, filter, mode="wrap") - truth) / truth.std())

    sampled = np.exp(-(np.arange(-3, 4) ** 2) / (2 * sigma**2))
    assert error(taps(mtf)) < 0.025
    assert error(taps(mtf)) < 0.6 * error(sampled / sampled.sum())


@pytest.mark.parametrize("factor", [3, 6, 12])
def test_on_finer_pixels_the_filter_is_the_sampled_gaussian(factor):
    """From three input pixels on, sampling loses nothing (scipy's kernel as oracle)."""
    pulse = np.zeros(201)
    pulse[100] = 1
    sampled = ndimage.gaussian_filter1d(pulse, sigma_of(0.26) * factor, truncate=6)

    filter = taps(0.26, factor)

    m = len(filter) // 2
    np.testing.assert_allclose(filter, sampled[100 - m : 101 + m], atol=3e-4)


@pytest.mark.parametrize("size", [(50, 50), (256, 256), (337, 256), (1, 1), (50, 337)])
@pytest.mark.parametrize("mtf", [None, 0.26])
def test_any_size_is_made_exactly_and_a_constant_stays(size, mtf):
    """C8: 2048 -> 50, 256, 337 exactly; constant image stays constant."""
    image = (
        np.full((1, 640, 512), 0.3125, np.float32) if size[1] != 50 else np.full((1, 2048, 2048), 0.3125, np.float32)
    )

    found = aggregate(image, size, mtf=mtf)

    assert found.data.shape == (1, *size)
    np.testing.assert_allclose(found.data, 0.3125, rtol=1e-6)


@pytest.mark.parametrize("size", [(20, 30), (7, 11), (40, 60), (13, 59)])
def test_area_means_are_those_of_a_naive_loop(size):
    image = RNG.random((40, 60))

    found = aggregate(image[None], size)

    np.testing.assert_allclose(found.data[0], naive_mean(image, size), rtol=2e-6)


@pytest.mark.parametrize("size", [(20, 30), (7, 11), (13, 59)])
def test_the_ground_keeps_its_sum(size):
    """science.md 7: sum of fine * area = sum of coarse * area, to 1e-6."""
    image = RNG.random((1, 40, 60))

    coarse = aggregate(image, size).data.astype(float)

    assert coarse.sum() / (size[0] * size[1]) == pytest.approx(image.sum() / image.size, rel=1e-6)


def test_blurred_ground_keeps_its_mean_away_from_the_edges():
    """A spot inside: the filter sums to 1, so the sum over all pixels stays."""
    image = np.zeros((1, 96, 96))
    image[0, 40:55, 44:52] = RNG.random((15, 8))

    seen = aggregate(image, (16, 16), mtf=0.26).data.astype(float)

    assert seen.sum() / 256 == pytest.approx(image.sum() / 96**2, rel=1e-6)


def test_what_is_not_valid_has_no_weight_and_the_share_is_told():
    """science.md 3: area mean of valid pixels, valid share stored."""
    image = np.array([[[1.0, 3.0, 9.0, 9.0], [2.0, 99.0, 9.0, 9.0]]])
    valid = np.array([[[True, True, False, False], [True, False, False, False]]])

    found = aggregate(image, (1, 2), valid=valid)

    assert found.data.tolist() == [[[2.0, 0.0]]]
    assert found.share.tolist() == [[[0.75, 0.0]]]
    assert found.valid.tolist() == [[[True, False]]]
    assert aggregate(image, (1, 2), valid=valid, least=0.8).valid.tolist() == [[[False, False]]]


def test_numbers_that_are_not_valid_may_be_anything():
    image = np.array([[[1.0, np.nan], [np.inf, 3.0]]])

    found = aggregate(image, (1, 1), valid=np.isfinite(image))

    assert found.data.tolist() == [[[2.0]]]


def test_each_band_has_its_own_transfer():
    spot = np.zeros((2, 40, 40))
    spot[:, 20, 20] = 1

    seen = aggregate(spot, (40, 40), mtf=[0.22, None]).data

    np.testing.assert_array_equal(seen[1], spot[1])
    assert seen[0, 20, 20] < 0.6


def test_a_pixel_sees_the_same_whatever_lies_far_off():
    """Two extents of one ground agree bit for bit where they overlap, a rim away from their edges."""
    ground = RNG.random((1, 240, 300)).astype(np.float32)
    whole = aggregate(ground, (40, 50), mtf=0.26).data

    part = aggregate(ground[:, 60:180, 90:240], (20, 25), mtf=0.26).data

    np.testing.assert_array_equal(part[:, 3:-3, 3:-3], whole[:, 13:27, 18:37])


def test_the_gaussian_of_003_is_its_own_dot_product():
    """003.3: weights = normalised Gaussian of sigma pixels on the block; block-wise dot."""
    image = RNG.random((48, 64))
    off = np.arange(8) - 3.5
    kernel = np.exp(-(off[:, None] ** 2 + off[None, :] ** 2) / (2 * 1.5**2))
    kernel /= kernel.sum()
    wanted = [[(image[r : r + 8, c : c + 8] * kernel).sum() for c in range(0, 64, 8)] for r in range(0, 48, 8)]

    found = aggregate(image[None], (6, 8), sigma=1.5)

    np.testing.assert_allclose(found.data[0], wanted, rtol=1e-5)
    np.testing.assert_allclose(np.asarray(block_rows(2048, 50, sigma=1.5).sum(axis=1)), 1.0)


def test_rows_of_weights_sum_to_one_at_the_edges_too():
    np.testing.assert_allclose(np.asarray(spread_rows(100, 37, mtf=0.22).sum(axis=1)), 1.0, rtol=1e-12)


@pytest.mark.parametrize(
    ("size", "said"),
    [
        ((0, 5), "target height 0 is outside 1 to 8"),
        ((5, -1), "target width -1"),
        ((5, 9), "width 9 is outside 1 to 8"),
    ],
)
def test_sizes_that_cannot_be_are_refused_with_their_range(size, said):
    """Issue: negative sizes: the key, the value, the range."""
    with pytest.raises(Refused, match=said):
        aggregate(np.zeros((1, 8, 8)), size)


def test_options_that_contradict_or_cannot_be_are_refused():
    image = np.zeros((2, 8, 8))

    with pytest.raises(Refused, match="mtf and sigma both"):
        aggregate(image, (4, 4), mtf=0.2, sigma=1.5)
    with pytest.raises(Refused, match="above 0 and at most 2/pi = 0.637.*have 0.7"):
        aggregate(image, (4, 4), mtf=0.7)
    with pytest.raises(Refused, match="sigma: is a length in pixels above 0, have -1"):
        aggregate(image, (4, 4), sigma=-1)
    with pytest.raises(Refused, match="share from 0 to below 1, have 1"):
        aggregate(image, (4, 4), least=1)
    with pytest.raises(Mismatch, match="want one a band, 2, have 3"):
        aggregate(image, (4, 4), mtf=[0.2, 0.2, 0.2])
