"""Texture: the covariance that is had is the one asked for."""

from __future__ import annotations

import numpy as np
import pytest

from swath.core.errors import Refused, Unknown
from swath.imaging.lattice import Extent, key
from swath.imaging.texture import KERNELS, Kernel, covariance, field, root


def measured(drawn: np.ndarray, lag: tuple[int, int]) -> float:
    """Mean product at a lag; the mean is known to be 0."""
    rows, cols = lag
    h, w = drawn.shape
    return float((drawn[rows:, cols:].astype(float) * drawn[: h - rows, : w - cols]).mean())


def standard_error(kernel: Kernel, shape: tuple[int, int], lag: tuple[int, int]) -> float:
    """Of a measured covariance of a Gaussian field (Bartlett): sum of k(j)^2 + k(j + lag) k(j - lag) over n."""

    def sums(at: int) -> tuple[float, float]:
        j = np.arange(-600, 601)
        square = (covariance(kernel, j) ** 2).sum()
        return float(square), float((covariance(kernel, j + at) * covariance(kernel, j - at)).sum())

    (down, down_at), (across, across_at) = sums(lag[0]), sums(lag[1])
    return float(np.sqrt((down * across + down_at * across_at) / (shape[0] * shape[1])))


@pytest.mark.parametrize(("lag", "wanted"), [(1, 0.923), (2, 0.726), (3, 0.487), (4, 0.278), (5, 0.135), (6, 0.056)])
def test_the_gaussian_kernel_of_003_has_its_covariance(lag, wanted):
    """C3: lags 1 to 6 within 0.03 for rbf l = 2.5; 003-D1 had 0.05 where 0.92 was asked for."""
    drawn = field(Kernel("rbf", length_scale=2.5), Extent(-40, 900, 600, 700), stream=key(1, "texture"))

    for at in ((lag, 0), (0, lag)):
        assert measured(drawn, at) == pytest.approx(wanted, abs=0.03)
    assert measured(drawn, (lag, lag)) == pytest.approx(wanted**2, abs=0.03)


@pytest.mark.parametrize(
    "kernel",
    [
        Kernel("rbf", length_scale=1),
        Kernel("rbf", length_scale=4),  # 003-D1: from here on its Cholesky failed
        Kernel("rbf", length_scale=15),
        Kernel("rational_quadratic", length_scale=2, alpha=1.5),
        Kernel("white"),
    ],
    ids=str,
)
def test_the_covariance_is_had_within_its_standard_error(kernel):
    shape = (700, 900)
    drawn = field(kernel, Extent(3, 5, *shape), stream=key(2, "texture"))

    for lag in ((0, 0), (1, 0), (0, 1), (2, 3), (0, 6), (20, 0)):
        wanted = float(covariance(kernel, lag[0]) * covariance(kernel, lag[1]))
        assert measured(drawn, lag) == pytest.approx(wanted, abs=4 * standard_error(kernel, shape, lag) + 2e-3)


def test_fifty_pixels_of_length_work():
    """C3: l = 1 .. 50 work; the filter's own autocorrelation, which is the field's, is the kernel to 1e-3."""
    kernel = Kernel("rbf", length_scale=50)
    taps = root(kernel)

    had = np.correlate(taps, taps, "full")[len(taps) - 1 :]

    np.testing.assert_allclose(had, covariance(kernel, np.arange(len(taps))), atol=1e-3)
    assert field(kernel, Extent(0, 0, 20, 30), stream=1).shape == (20, 30)


@pytest.mark.parametrize("kernel", [Kernel("sin_squared", 1.2, periodicity=9), Kernel("constant", constant_value=0.7)])
def test_kernels_that_never_fade_are_right_over_many_fields(kernel):
    """A field of few waves is one draw: 1,500 fields; products of two of its pixels, to five standard errors."""
    pairs = [(0, 0, 0, 0), (1, 2, 3, 2), (0, 4, 0, 0), (2, 2, 11, 2), (0, 0, 5, 7)]
    drawn = np.array([field(kernel, Extent(0, 0, 12, 9), stream=key(0, "texture", i)) for i in range(1500)], float)

    for r, c, down, across in pairs:
        wanted = float(covariance(kernel, down - r) * covariance(kernel, across - c))
        product = drawn[:, r, c] * drawn[:, down, across]
        assert product.mean() == pytest.approx(wanted, abs=5 * product.std() / np.sqrt(1500))


@pytest.mark.parametrize("name", KERNELS)
def test_extents_agree_to_the_bit_where_they_overlap(name):
    kernel = Kernel(name, length_scale=2.5, periodicity=7.3)
    whole = field(kernel, Extent(-20, 33, 160, 190), stream=5)
    for row, col, height, width in np.random.default_rng(0).integers(1, 80, (12, 4)):
        part = field(kernel, Extent(-20 + row, 33 + col, height, width), stream=5)
        np.testing.assert_array_equal(part, whole[row : row + height, col : col + width])


def test_portrait_is_as_good_as_landscape():
    """003-D1: portrait formats under-sized the cache and crashed."""
    assert field(Kernel(length_scale=2.5), Extent(0, 0, 200, 3), stream=0).shape == (200, 3)


def test_bands_are_independent():
    """C3: bands independent; correlation of 40,000 pixels, 2.5 pixels of length leave about 2,000."""
    one, other = (field(Kernel(length_scale=2.5), Extent(0, 0, 200, 200), stream=key(0, "band", k)) for k in range(2))

    assert abs(np.corrcoef(one.ravel(), other.ravel())[0, 1]) < 4 / np.sqrt(2000)


def test_parameters_decide_not_names():
    """003-D1: kernels were cached by name."""
    short, long = (field(Kernel(length_scale=length), Extent(0, 0, 90, 90), stream=0) for length in (1.0, 6.0))

    assert measured(short, (0, 2)) < 0.4 < measured(long, (0, 2))


def test_bad_kernels_are_refused():
    with pytest.raises(Unknown, match="unknown kernel 'rfb'. Did you mean 'rbf'"):
        Kernel("rfb")
    with pytest.raises(Refused, match="kernel length_scale: is a number above 0, have -2.5"):
        Kernel(length_scale=-2.5)
    with pytest.raises(Refused, match="kernel alpha: .*have 0"):
        Kernel("rational_quadratic", alpha=0)
    with pytest.raises(Refused, match="does not fade within 4,096 pixels"):
        field(Kernel("rational_quadratic", length_scale=500, alpha=0.2), Extent(0, 0, 4, 4), stream=0)
