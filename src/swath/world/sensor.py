"""Sensor: from reflectance on the lattice to digital numbers of a Sentinel-2 L1C look-alike.

Each band is blurred by its point spread, averaged to its native ground size, given noise there, and brought back to
10 m by linear interpolation, since the 13-band EuroSAT patches have them all on one grid.
Clear sky only. Noise is the mission's requirement at the reference radiance, growing with the root of the signal.
Knows extents and bands, not what is on the ground.
"""

from __future__ import annotations

from functools import cache
from typing import Final

import cv2
import numpy as np

from swath.core.array import Array
from swath.core.quantity import S2_QUANTIFICATION
from swath.core.sensors import SENSORS, Band
from swath.imaging.lattice import Extent, key, normal
from swath.world.lattice import GSD

__all__ = ["DN_HIGHEST", "DN_LOWEST", "GROUPS", "encode", "observe", "rim"]

#: What a product can hold on the planet: 0 would be nodata, more than 15 bits never occur.
DN_LOWEST: Final = 1
DN_HIGHEST: Final = 32767
_SENSOR: Final = SENSORS["s2-l1c"]
#: Native ground size [m] -> bands that have it, in the order of `core.bands.S2_BANDS`.
GROUPS: Final = {gsd: tuple(band.name for band in _SENSOR.bands if band.native_gsd == gsd) for gsd in (10, 20, 60)}
#: Signal [reflectance] below which noise grows no smaller: read-out noise.
_FLOOR: Final = 0.004


def rim(gsd: int) -> int:
    """Pixels beyond the edge that interpolation and point spread reach: two native ones.

    Examples
    --------
    >>> rim(10), rim(60)
    (2, 12)
    """
    return 2 * gsd // GSD


def _reference(band: Band) -> float:
    """Reflectance at which the noise is `band.sigma_dn`: the reference radiance of the requirement."""
    return (band.sigma_dn or 1.0) * (band.snr or 1.0) / S2_QUANTIFICATION


@cache
def _kernel(mtf: float) -> Array:
    """Blur of native pixels whose box has been averaged already, so that both together transfer `mtf` at Nyquist.

    The Gaussian that does it is narrower than a pixel, too narrow to be sampled; three taps have the same transfer at
    Nyquist.
    """
    near = (1 - mtf * np.pi / 2) / 4
    return np.array([near, 1 - 2 * near, near], np.float32)


def _noise(seed: int, epsg: int, day: int, extent: Extent, step: int, count: int) -> Array:
    """Unit noise at the native nodes of an extent of pixels: (count, h, w)."""
    rows, cols = extent.rows[::step] // step, extent.cols[::step] // step
    drawn = [
        normal(key(seed, "noise", epsg, day, step, k), rows[:, None], cols[None, :]) for k in range((count + 3) // 4)
    ]
    return np.moveaxis(np.concatenate(drawn, axis=-1), -1, 0)[:count]


def observe(reflectance: Array, extent: Extent, gsd: int, *, seed: int, epsg: int, day: int) -> Array:
    """Look at the ground on one day with the bands of one native ground size.

    Parameters
    ----------
    reflectance : float32 array, shape (b, h, w)
        Top-of-atmosphere reflectance of the bands `GROUPS[gsd]`, with a rim of `rim(gsd)` pixels.
    extent : Extent
        Pixels that it covers, rim included; its edges lie on the native grid.
    gsd : int
        10, 20 or 60 [m].
    seed, epsg, day : int
        Name the noise; `day` counts from 1970.

    Returns
    -------
    float32 array, shape (b, h - 2 rim, w - 2 rim)
        Reflectance * 10000 as the sensor measures it, not yet rounded.
    """
    step, edge = gsd // GSD, rim(gsd)
    bands = [_SENSOR.band(name) for name in GROUPS[gsd]]
    noise = _noise(seed, epsg, day, extent, step, len(bands))
    seen = np.empty((len(bands), extent.height - 2 * edge, extent.width - 2 * edge), np.float32)
    for k, band in enumerate(bands):
        plane = reflectance[k]
        if step > 1:
            size = extent.width // step, extent.height // step
            plane = np.asarray(cv2.resize(plane, size, interpolation=cv2.INTER_AREA))
        if band.mtf is not None:
            kernel = _kernel(band.mtf)
            plane = np.asarray(cv2.sepFilter2D(plane, cv2.CV_32F, kernel, kernel))
        signal = np.maximum(plane, np.float32(_FLOOR)) * np.float32(1 / _reference(band))
        plane = plane * np.float32(S2_QUANTIFICATION) + noise[k] * np.sqrt(signal) * np.float32(band.sigma_dn or 0.0)
        if step > 1:
            plane = np.asarray(cv2.resize(plane, (extent.width, extent.height), interpolation=cv2.INTER_LINEAR))
        seen[k] = plane[edge:-edge, edge:-edge]
    return seen


def encode(seen: Array, *, offset: float) -> Array:
    """Round to digital numbers of a baseline and clamp them to what a product holds.

    Parameters
    ----------
    seen : float32 array
        From `observe`.
    offset : float
        As in the product's metadata: 0 or -1000; digital numbers carry its negative.

    Returns
    -------
    uint16 array

    Examples
    --------
    >>> seen = np.array([-12.3, 0.4, 1452.0], np.float32)
    >>> encode(seen, offset=0).tolist(), encode(seen, offset=-1000).tolist()
    ([1, 1, 1452], [988, 1000, 2452])
    """
    whole = np.rint(seen).astype(np.int32) - int(offset)
    return np.clip(whole, DN_LOWEST, DN_HIGHEST).astype(np.uint16)
