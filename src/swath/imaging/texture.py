"""Texture: Gaussian random fields on the lattice whose covariance is the one that is asked for.

The covariance of two pixels is k(rows apart) * k(columns apart), as that of a Kronecker product of two kernels. White
numbers of the nodes are filtered along rows and columns with the square root of the kernel's spectrum: the filter's own
autocorrelation is the kernel, to 1e-3. Kernels that never fade (constant, periodic) are sums of a few waves with random
coefficients instead, exact at any distance. Either way any extent is computed alone and agrees with every other, and
no matrix is factorised. Knows no parcels and no bounds: the frame of a product adds 0.5 tanh of it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal

import numpy as np
from scipy.special import ive

from swath.core.array import Array
from swath.core.errors import Refused, Unknown
from swath.imaging.lattice import Extent, convolve, gaussian_table, white

__all__ = ["KERNELS", "Kernel", "covariance", "field", "root"]

#: Kernels by their names in 003's YAML (`random_sampler.kernel.name`); `white` is its sampler `gaussian`.
KERNELS: Final = ("rbf", "rational_quadratic", "sin_squared", "constant", "white")
#: Greatest error of a covariance that cutting a filter may cause, as a share of the variance.
_CUT: Final = 1e-3
_LONGEST: Final = 4096


@dataclass(frozen=True, slots=True)
class Kernel:
    """Covariance along one axis; the fields are those of 003's `random_sampler.kernel`.

    Raises
    ------
    Unknown
        No kernel has this name; the nearest is named.
    Refused
        A length, exponent or value is not positive.

    Examples
    --------
    >>> [round(float(covariance(Kernel("rbf", length_scale=2.5), lag)), 3) for lag in (0, 1, 2, 3)]
    [1.0, 0.923, 0.726, 0.487]
    """

    #: One of `KERNELS`.
    name: Literal["rbf", "rational_quadratic", "sin_squared", "constant", "white"] = "rbf"
    #: Pixels over which `rbf` and `rational_quadratic` fade; of `sin_squared` a pure number, its smoothness.
    length_scale: float = 1.0
    #: How fast `rational_quadratic` fades: (1 + d^2 / (2 alpha l^2))^-alpha.
    alpha: float = 1.0
    #: Pixels after which `sin_squared` repeats.
    periodicity: float = 1.0
    #: Covariance of `constant` along one axis [1]: one number for the whole field, of this standard deviation.
    constant_value: float = 1.0

    def __post_init__(self) -> None:
        if self.name not in KERNELS:
            raise Unknown(self.name, KERNELS, what="kernel", where="texture")
        for name in ("length_scale", "alpha", "periodicity", "constant_value"):
            given = getattr(self, name)
            if not 0 < given < math.inf:
                raise Refused(where=f"kernel {name}", what=f"is a number above 0, have {given:g}")


def covariance(kernel: Kernel, lag: Array | float) -> Array:
    """Covariance along one axis at distances [pixels]."""
    d = np.abs(np.asarray(lag, np.float64))
    if kernel.name == "rbf":
        return np.asarray(np.exp(-((d / kernel.length_scale) ** 2) / 2))
    if kernel.name == "rational_quadratic":
        return np.asarray((1 + d**2 / (2 * kernel.alpha * kernel.length_scale**2)) ** -kernel.alpha)
    if kernel.name == "sin_squared":
        return np.asarray(np.exp(-2 * (np.sin(np.pi * d / kernel.periodicity) / kernel.length_scale) ** 2))
    if kernel.name == "constant":
        return np.full_like(d, kernel.constant_value)
    return np.where(d == 0, 1.0, 0.0)


@lru_cache(maxsize=64)
def root(kernel: Kernel) -> Array:
    """Filter whose autocorrelation is the covariance along one axis: float64 (2 m + 1,), as short as 1e-3 allows.

    Raises
    ------
    Refused
        The covariance does not fade within 4,096 pixels.
    """
    if kernel.name == "white":
        return np.ones(1)
    n = 8 * _LONGEST
    around = np.minimum(np.arange(n), n - np.arange(n))
    wanted = covariance(kernel, around)
    whole = np.fft.irfft(np.sqrt(np.maximum(np.fft.rfft(wanted).real, 0)), n)
    m = 1
    while m <= _LONGEST // 2:
        cut = np.concatenate([whole[m:0:-1], whole[: m + 1]])
        cut /= np.sqrt((cut**2).sum() / wanted[0])
        had = np.correlate(cut, cut, "full")[2 * m :]
        if max(np.abs(had - wanted[: 2 * m + 1]).max(), abs(wanted[2 * m + 1])) <= _CUT * wanted[0]:
            return cut
        m += max(1, m // 8)
    what = f"{kernel.name} with length_scale {kernel.length_scale:g} and alpha {kernel.alpha:g} does not fade"
    raise Refused(where="texture", what=f"{what} within {_LONGEST:,} pixels", fix="Give a shorter length_scale.")


def _waves(kernel: Kernel, at: Array) -> Array:
    """Waves whose products, with independent coefficients, have the covariance: float64 (waves, len(at))."""
    if kernel.name == "constant":
        return np.full((1, len(at)), math.sqrt(kernel.constant_value))
    z = kernel.length_scale**-2
    order = np.arange(int(8 + 4 * z + 8 * math.sqrt(z)))
    power = ive(order, z) * np.where(order == 0, 1, 2)  # exp(-2 sin^2(x) / l^2) as a sum of cosines of 2 m x
    order, power = order[power > 1e-7], power[power > 1e-7]
    phase = 2 * np.pi / kernel.periodicity * order[:, None] * at[None, :]
    both = np.concatenate([np.cos(phase), np.sin(phase[1:])])
    return np.asarray(both * np.sqrt(np.concatenate([power, power[1:]]))[:, None])


def _sum(coefficients: Array, waves: Array) -> Array:
    """Coefficients (k, r) times waves (r, n), added in the order of the waves, whatever n is."""
    out = np.zeros((len(coefficients), waves.shape[1]))
    for j, wave in enumerate(waves):
        out += coefficients[:, j, None] * wave[None, :]
    return out


def field(kernel: Kernel, extent: Extent, *, stream: int) -> Array:
    """Draw one field.

    Parameters
    ----------
    kernel : Kernel
        Along rows and along columns.
    extent : Extent
        Pixels.
    stream : int
        From `lattice.key`: fields of other streams (bands, parcels) are independent.

    Returns
    -------
    float32 array, shape (h, w)
        Mean 0 and covariance k(rows apart) * k(columns apart).

    Examples
    --------
    >>> from swath.imaging.lattice import key
    >>> whole = field(Kernel(length_scale=2.5), Extent(0, 0, 40, 50), stream=key(0, "texture"))
    >>> part = field(Kernel(length_scale=2.5), Extent(7, 9, 8, 8), stream=key(0, "texture"))
    >>> bool((part == whole[7:15, 9:17]).all())
    True
    """
    if kernel.name in ("constant", "sin_squared"):
        down, across = _waves(kernel, extent.rows), _waves(kernel, extent.cols)
        drawn = white(stream, Extent(0, 0, len(down), len(across)), gaussian_table()).astype(np.float64)
        return _sum(_sum(drawn.T, down).T, across).astype(np.float32)
    taps = root(kernel)
    return convolve(white(stream, extent.grow(len(taps) // 2), gaussian_table()), taps)
