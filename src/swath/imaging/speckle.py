"""Speckle: what coherent light does to power, gamma-distributed with mean 1, correlated from pixel to pixel or not.

A white or filtered Gaussian number of each pixel is carried over to the gamma distribution quantile by quantile, so
the distribution of single pixels is exactly the one asked for, correlated or not: mean 1, variance 1 / looks. Which
correlation the Gaussian numbers need for that of the intensity is computed (Hermite series), not guessed. Powers are
linear; decibels are refused by whoever holds the quantity. Knows no incidence, layover or land cover.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.polynomial.hermite_e import hermeval
from scipy.integrate import simpson
from scipy.optimize import brentq
from scipy.special import factorial, gammainccinv, gammaincinv, ndtr

from swath.core.array import Array
from swath.core.errors import Refused
from swath.imaging.lattice import Extent, convolve, gaussian_table, key, white
from swath.imaging.series import require_series

__all__ = ["Speckle", "Speckled", "gamma_of", "neighbour_taps", "speckle", "speckle_factor"]

#: Standard deviations of the Gaussian numbers that the table covers, and its steps.
_REACH: Final = 5.5
_STEPS: Final = 65536


@dataclass(frozen=True, slots=True)
class Speckle:
    """How coherent light is averaged.

    Raises
    ------
    Refused
        Looks are below 1/4 or above 10,000, or a correlation is outside 0 to 0.95.
    """

    #: Equivalent number of looks [1]: 4.4 for Sentinel-1 IW GRDH, 4.3 for RTC; the shape of the gamma distribution.
    looks: float = 4.4
    #: Correlation of the intensity of neighbouring pixels [1]; 0.65 as measured on terrain-corrected 10 m pixels (0.55
    #: to 0.75; then 0.18 at two and 0.02 at three pixels, where 0.06 to 0.33 and below 0.1 are measured). 0 = none.
    correlation: float = 0.65
    #: Linear power of the instrument's own noise, added before the speckle [1]: 0.00316 is -25 dB.
    floor: float = 0.0

    def __post_init__(self) -> None:
        if not 0.25 <= self.looks <= 1e4:
            raise Refused(where="speckle looks", what=f"is a number from 0.25 to 10000, have {self.looks:g}")
        if not 0 <= self.correlation <= 0.95:
            raise Refused(where="speckle correlation", what=f"is a share from 0 to 0.95, have {self.correlation:g}")
        if not 0 <= self.floor < math.inf:
            raise Refused(where="speckle floor", what=f"is a linear power of 0 or more, have {self.floor:g}")


def gamma_of(looks: float, z: Array) -> Array:
    """Gamma numbers, of mean 1 and variance 1 / looks, at the quantiles of standard normal ones: float64."""
    z = np.asarray(z, np.float64)
    low, high = gammaincinv(looks, ndtr(np.minimum(z, 0))), gammainccinv(looks, ndtr(-np.maximum(z, 0)))
    return np.asarray(np.where(z < 0, low, high) / looks)


@lru_cache(maxsize=32)
def _white_table(looks: float) -> Array:
    table = gamma_of(looks, gaussian_table())
    return np.asarray(table / table.mean(), np.float32)


@lru_cache(maxsize=32)
def _carried_table(looks: float) -> Array:
    """Gamma numbers at normal ones from -_REACH to _REACH."""
    return np.asarray(gamma_of(looks, (np.arange(_STEPS) + 0.5) / _STEPS * 2 * _REACH - _REACH), np.float32)


@lru_cache(maxsize=32)
def _series(looks: float) -> Array:
    """Shares of the intensity's variance in Hermite polynomials of the normal number, of order 1, 2, ...: (24,)."""
    z = np.linspace(-9, 9, 9001)
    weight = gamma_of(looks, z) * np.exp(-(z**2) / 2) / math.sqrt(2 * math.pi)
    order = np.arange(1, 25)
    parts = np.array([simpson(weight * hermeval(z, [0] * n + [1]), x=z) for n in order.tolist()])
    return np.asarray(parts**2 / factorial(order) * looks)


@lru_cache(maxsize=64)
def neighbour_taps(looks: float, correlation: float) -> Array:
    """Filter of white Gaussian numbers, of unit power, that gives neighbours this correlation of intensity.

    Returns
    -------
    float64 array, shape (2 m + 1,)
        Samples of a Gaussian; its own correlation falls as exp(-d^2).
    """
    if correlation == 0:
        return np.ones(1)
    share = _series(looks)
    powers = np.arange(1, len(share) + 1)
    wanted = brentq(lambda rho: float((share * rho**powers).sum()) - correlation, 0.0, 1.0)

    def shaped(sigma: float) -> Array:
        m = math.ceil(4 * sigma) + 1
        taps = np.exp(-(np.arange(-m, m + 1) ** 2) / (2 * sigma**2))
        return np.asarray(taps / np.sqrt((taps**2).sum()))

    def lag_one(sigma: float) -> float:
        taps = shaped(sigma)
        return float((taps[1:] * taps[:-1]).sum())

    return shaped(brentq(lambda sigma: lag_one(sigma) - wanted, 0.15, 20.0))


def speckle_factor(options: Speckle, extent: Extent, *, stream: int) -> Array:
    """Factors of one band and date: float32 (h, w), mean 1, variance 1 / looks; the same in any extent.

    Examples
    --------
    >>> factor = speckle_factor(Speckle(looks=4.0), Extent(0, 0, 400, 400), stream=key(0, "speckle"))
    >>> round(float(factor.mean()), 1), round(float(1 / factor.var()), 0)
    (1.0, 4.0)
    """
    if options.correlation == 0:
        return white(stream, extent, _white_table(options.looks))
    taps = neighbour_taps(options.looks, options.correlation)
    smooth = convolve(white(stream, extent.grow(len(taps) // 2), gaussian_table()), taps)
    smooth += np.float32(_REACH)
    smooth *= np.float32(_STEPS / (2 * _REACH))
    return np.take(_carried_table(options.looks), smooth.astype(np.int32), mode="clip")


@dataclass(frozen=True, slots=True, eq=False)
class Speckled:
    """Power with speckle, and the truth of it."""

    #: float32 (t, b, h, w): (clean + floor) * factor.
    data: Array
    #: float32 (t, b, h, w): what each pixel was multiplied by.
    factor: Array
    #: What was asked for.
    options: Speckle


def speckle(
    power: Array, options: Speckle, *, extent: Extent, seed: int, dates: Sequence[int] | None = None
) -> Speckled:
    """Lay speckle over linear power; bands and dates are independent.

    Parameters
    ----------
    power : float array, shape (t, b, h, w)
        Linear: sigma0, gamma0. No decibels.
    options : Speckle
    extent : Extent
        Pixels of the lattice that it covers.
    seed : int
    dates : sequence of int, optional
        Numbers that name the dates (days since 1970); their positions if not given.

    Raises
    ------
    Mismatch
        The extent or the dates are not those of the array.
    Refused
        A power is negative: numbers in decibels, or noise subtracted.
    """
    days = require_series(power, extent, dates, where="speckle")
    low = float(np.nanmin(power)) if power.size else 0.0
    if low < 0:
        what = f"multiplies linear power, and the least number is {low:g}"
        raise Refused(
            where="speckle", what=what, fix="Turn decibels into linear power; clip noise-subtracted power at 0."
        )
    factor = np.empty(power.shape, np.float32)
    for i, day in enumerate(days):
        for k in range(power.shape[1]):
            factor[i, k] = speckle_factor(options, extent, stream=key(seed, "speckle", day, k))
    data = (np.asarray(power, np.float32) + np.float32(options.floor)) * factor
    return Speckled(data, factor, options)
