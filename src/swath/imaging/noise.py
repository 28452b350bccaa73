"""Noise: what an instrument adds by itself, in reflectance by band, and the salt and pepper of a sensor without units.

A Sentinel-2 band's noise is its requirement at the reference radiance, sigma = sigma_ref sqrt((rho + rho_0) / (rho_ref
+ rho_0)): the root of the signal and of what the detector reads in the dark. It is white at the native ground size, so
it is added there, before anything is resampled. Knows bands by `core.sensors`, nothing of the ground.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np

from swath.core.array import Array
from swath.core.errors import Refused
from swath.core.quantity import S2_QUANTIFICATION
from swath.core.sensors import Band, sensor
from swath.imaging.lattice import Extent, bits, gaussian_table, key, white
from swath.imaging.series import require_series

__all__ = [
    "Noisy",
    "Peppered",
    "SaltPepper",
    "SensorNoise",
    "reference",
    "salt_and_pepper",
    "sensor_noise",
    "sigma_at",
]

_COLUMN: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class SensorNoise:
    """How noisy an instrument is beside its requirement.

    Raises
    ------
    Refused
        A factor is negative.
    """

    #: Of `core.sensors`.
    sensor: str = "s2-l1c"
    #: Noise as a share of the requirement [1]; in flight about 0.5 to 0.7 (unconfirmed).
    factor: float = 1.0
    #: Noise that all pixels of a detector column share, as a share of a pixel's own [1].
    columns: float = 0.0
    #: Reflectance whose photon noise is as large as the read-out noise [1].
    dark: float = 0.004

    def __post_init__(self) -> None:
        for name in ("factor", "columns", "dark"):
            given = getattr(self, name)
            if not 0 <= given < math.inf:
                raise Refused(where=f"sensor noise {name}", what=f"is a number of 0 or more, have {given:g}")


def reference(band: Band) -> tuple[float, float]:
    """Standard deviation of a band's noise, and the reflectance at which it is that: the requirement.

    Raises
    ------
    Refused
        Nobody has published one for the band.

    Examples
    --------
    >>> [round(number, 4) for number in reference(sensor("s2-l1c").band("B02"))]         # 13 DN at a ratio of 154
    [0.0013, 0.2002]
    """
    if band.sigma_dn is None or band.snr is None:
        what = f"that of band {band.name} has not been published"
        raise Refused(where="sensor noise", what=what, fix="Leave the band out, or add noise of a known size.")
    sigma = band.sigma_dn / S2_QUANTIFICATION
    return sigma, sigma * band.snr


def sigma_at(band: Band, reflectance: Array, *, dark: float = 0.004) -> Array:
    """Standard deviation of a band's noise at a reflectance [1]; below 0 as at 0."""
    sigma, at = reference(band)
    return np.asarray(sigma * np.sqrt((np.maximum(reflectance, 0) + dark) / (at + dark)))


@dataclass(frozen=True, slots=True, eq=False)
class Noisy:
    """An image with noise, and the noise."""

    #: float32 (t, b, h, w).
    data: Array
    #: float32 (t, b, h, w): what was added.
    noise: Array
    #: What was asked for.
    options: SensorNoise


def sensor_noise(
    image: Array,
    options: SensorNoise,
    *,
    bands: Sequence[str],
    extent: Extent,
    seed: int,
    dates: Sequence[int] | None = None,
) -> Noisy:
    """Add the instrument's noise.

    Parameters
    ----------
    image : float array, shape (t, b, h, w)
        Top-of-atmosphere reflectance at the bands' native ground size.
    options : SensorNoise
    bands : sequence of str
        Canonical names.
    extent : Extent
        Pixels of the native lattice that it covers.
    seed : int
    dates : sequence of int, optional
        Numbers that name the dates; their positions if not given.

    Raises
    ------
    Mismatch
        Extent, bands or dates are not those of the array.
    Unknown, Refused
        The sensor has no such band, or the band no known noise.
    """
    days = require_series(image, extent, dates, bands=bands, where="sensor noise")
    known = sensor(options.sensor)
    noise = np.empty(image.shape, np.float32)
    line = Extent(_COLUMN, extent.col, 1, extent.width)
    for k, name in enumerate(bands):
        sigma = sigma_at(known.band(name, where="sensor noise"), image[:, k], dark=options.dark)
        number = known.names.index(name)
        for i, day in enumerate(days):
            drawn = white(key(seed, "sensor noise", day, number), extent, gaussian_table())
            if options.columns:
                column = white(key(seed, "detector columns", number), line, gaussian_table())
                drawn = drawn + np.float32(options.columns) * column
            noise[i, k] = drawn * (sigma[i] * options.factor)
    return Noisy(np.asarray(image, np.float32) + noise, noise, options)


@dataclass(frozen=True, slots=True)
class SaltPepper:
    """003's `postprocess: {name: speckle, salt_pepper_proportion: {min, max}}`: 0.08..0.15, in templates 0.01..0.06.

    Raises
    ------
    Refused
        The shares are not 0 <= min <= max <= 1.
    """

    #: Least and greatest share of pixels that are replaced [1]; each date draws its own.
    least: float = 0.08
    most: float = 0.15

    def __post_init__(self) -> None:
        if not 0 <= self.least <= self.most <= 1:
            have = f"{self.least:g} to {self.most:g}"
            raise Refused(
                where="salt_pepper_proportion", what=f"is a least and a greatest share from 0 to 1, have {have}"
            )


@dataclass(frozen=True, slots=True, eq=False)
class Peppered:
    """An image with salt and pepper, and where."""

    #: float32 (t, b, h, w).
    data: Array
    #: bool (t, h, w): replaced, in all bands.
    replaced: Array
    #: float64 (t,): share of pixels that was asked for; the share that was had is the nearest whole number of pixels.
    share: Array
    #: What was asked for.
    options: SaltPepper


@cache
def _arcsine() -> Array:
    """Quantiles of Beta(1/2, 1/2)."""
    return np.asarray(np.sin(np.pi / 2 * (np.arange(65536) + 0.5) / 65536) ** 2, np.float32)


def salt_and_pepper(
    image: Array, options: SaltPepper, *, extent: Extent, seed: int, dates: Sequence[int] | None = None
) -> Peppered:
    """Replace a share of the pixels, the same in all bands, by numbers of Beta(1/2, 1/2): mostly near 0 or 1.

    Parameters
    ----------
    image : float array, shape (t, b, h, w)
        Numbers of the order of 0 to 1, without a unit.
    options : SaltPepper
    extent : Extent
        Pixels of the scene; which of them are replaced is decided for the scene as a whole.
    seed : int
    dates : sequence of int, optional
        Numbers that name the dates; their positions if not given.

    Raises
    ------
    Mismatch
        The extent or the dates are not those of the array.
    """
    days = require_series(image, extent, dates, where="salt and pepper")
    data = np.array(image, np.float32)
    shape = (extent.height, extent.width)
    replaced, shares = np.zeros((len(days), *shape), bool), np.empty(len(days))
    for i, day in enumerate(days):
        drawn = bits(key(seed, "salt and pepper share", day), np.zeros(1, np.int64), np.zeros(1, np.int64))
        shares[i] = options.least + (options.most - options.least) * float(drawn[0] >> np.uint64(11)) * 2.0**-53
        rank = bits(key(seed, "salt and pepper", day), extent.rows[:, None], extent.cols[None, :]).ravel()
        chosen = np.argsort(rank)[: _whole(shares[i], options, rank.size)]
        replaced[i].reshape(-1)[chosen] = True
        value = white(key(seed, "salt and pepper value", day), extent, _arcsine())
        data[i][:, replaced[i]] = value[replaced[i]]
    return Peppered(data, replaced, shares, options)


def _whole(share: float, options: SaltPepper, n: int) -> int:
    """The number of pixels nearest to a share, within the shares asked for where any number is."""
    low, high = math.ceil(options.least * n - 1e-9), math.floor(options.most * n + 1e-9)
    near = round(share * n)
    return min(max(near, low), high) if low <= high else near
