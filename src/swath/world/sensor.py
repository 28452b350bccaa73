"""Sensor: from reflectance on the lattice to digital numbers of a Sentinel-2 L1C look-alike.

Each band is blurred by its point spread, averaged to its native ground size, given noise there, and brought back to
10 m by linear interpolation, since the 13-band EuroSAT patches have them all on one grid.
Clear sky only. Noise is the mission's requirement at the reference radiance, growing with the root of the signal.
Knows extents and bands, not what is on the ground.
"""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np

from swath.core.array import Array
from swath.core.bands import S2_BANDS
from swath.core.quantity import S2_QUANTIFICATION
from swath.core.sensors import SENSORS, Band
from swath.world.lattice import GSD, HALO, Extent, key, normal

__all__ = ["DN_HIGHEST", "DN_LOWEST", "encode", "observe"]

#: What a product can hold on the planet: 0 would be nodata, more than 15 bits never occur.
DN_LOWEST: Final = 1
DN_HIGHEST: Final = 32767
_SENSOR: Final = SENSORS["s2-l1c"]
#: Signal [reflectance] below which noise grows no smaller: read-out noise.
_FLOOR: Final = 0.004


def _reference(band: Band) -> float:
    """Reflectance at which the noise is `band.sigma_dn`: the reference radiance of the requirement."""
    return (band.sigma_dn or 1.0) * (band.snr or 1.0) / S2_QUANTIFICATION


def _noise(seed: int, epsg: int, day: int, extent: Extent, step: int, count: int) -> Array:
    """Unit noise at the native nodes of an extent of pixels: (count, h, w)."""
    rows, cols = extent.rows[::step] // step, extent.cols[::step] // step
    drawn = [
        normal(key(seed, "noise", epsg, day, step, k), rows[:, None], cols[None, :]) for k in range((count + 3) // 4)
    ]
    return np.moveaxis(np.concatenate(drawn, axis=-1), -1, 0)[:count]


def observe(reflectance: Array, extent: Extent, *, seed: int, epsg: int, day: int) -> Array:
    """Look at the ground on one day.

    Parameters
    ----------
    reflectance : float32 array, shape (13, h, w)
        Top-of-atmosphere reflectance of the bands in the order of `core.bands.S2_BANDS`, halo included.
    extent : Extent
        Pixels that it covers; edges on the 60 m lattice.
    seed, epsg, day : int
        Name the noise; `day` counts from 1970.

    Returns
    -------
    float32 array, shape (13, h - 2 HALO, w - 2 HALO)
        Reflectance * 10000 as the sensor measures it, not yet rounded.
    """
    height, width = extent.height, extent.width
    seen = np.empty((len(S2_BANDS), height - 2 * HALO, width - 2 * HALO), np.float32)
    for gsd in (10, 20, 60):
        step = gsd // GSD
        bands = [band for band in _SENSOR.bands if band.native_gsd == gsd]
        # Interpolation and point spread reach two native pixels beyond the edge.
        rim = 2 * step
        part = extent.grow(rim - HALO)
        cut = slice(HALO - rim, height - HALO + rim), slice(HALO - rim, width - HALO + rim)
        noise = _noise(seed, epsg, day, part, step, len(bands))
        for k, band in enumerate(bands):
            at = S2_BANDS.index(band.name)
            plane = np.ascontiguousarray(reflectance[at][cut])
            if step > 1:
                size = part.width // step, part.height // step
                plane = np.asarray(cv2.resize(plane, size, interpolation=cv2.INTER_AREA))
            if band.psf_sigma:
                plane = np.asarray(cv2.GaussianBlur(plane, (5, 5) if step == 1 else (3, 3), band.psf_sigma))
            signal = np.maximum(plane, np.float32(_FLOOR)) * np.float32(1 / _reference(band))
            plane = plane * np.float32(S2_QUANTIFICATION) + noise[k] * np.sqrt(signal) * np.float32(band.sigma_dn or 0.0)
            if step > 1:
                plane = np.asarray(cv2.resize(plane, (part.width, part.height), interpolation=cv2.INTER_LINEAR))
            seen[at] = plane[rim:-rim, rim:-rim]
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
