"""Haze: a low veil of aerosol over the whole image or of any thickness by pixel; blue most, thin in the infrared.

Its optical thickness falls with the wavelength as (l / 550 nm)^-1.3; what of the ground is lost is replaced by
airlight, the look of a low cloud. Reflectance in, reflectance out; knows nothing of digital numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from swath.core.array import Array
from swath.core.errors import Refused
from swath.imaging.optics import LOW_CLOUD, scaling, spectrum_of

__all__ = ["AIRLIGHT", "HAZE_EXPONENT", "Hazed", "haze", "veil"]

#: Optical thickness of haze falls with the wavelength to this power.
HAZE_EXPONENT: Final = -1.3
#: Reflectance [1] that an ever thicker veil tends to.
AIRLIGHT: Final = LOW_CLOUD


def veil(bands: Sequence[str], thickness: Array | float) -> tuple[Array, Array]:
    """What a veil leaves of the ground in each band, and what it tends to.

    Parameters
    ----------
    bands : sequence of str
        Canonical names.
    thickness : float or array, shape (...)
        Optical thickness at 550 nm [1].

    Returns
    -------
    clear : float64 array, shape (..., b)
        Share of the ground's signal that comes through.
    air : float64 array, shape (b,)
        Airlight.

    Examples
    --------
    >>> clear, air = veil(["B02", "B11"], 0.2)
    >>> clear.round(3).tolist(), air.tolist()
    ([0.794, 0.952], [0.6, 0.71])
    """
    law = scaling(bands, HAZE_EXPONENT, where="haze")
    return np.exp(-np.asarray(thickness, np.float64)[..., None] * law), spectrum_of(bands, AIRLIGHT, where="haze")


@dataclass(frozen=True, slots=True, eq=False)
class Hazed:
    """An image behind a veil, and the veil."""

    #: float32 (t, b, h, w).
    data: Array
    #: float64 (t,) or float32 (t, h, w): optical thickness at 550 nm.
    thickness: Array
    #: Canonical names.
    bands: tuple[str, ...]


def haze(image: Array, thickness: Array | float, *, bands: Sequence[str]) -> Hazed:
    """Draw a veil over a series.

    Parameters
    ----------
    image : float array, shape (t, b, h, w)
        Top-of-atmosphere reflectance.
    thickness : float, or array of shape (t,) or (t, h, w)
        Optical thickness at 550 nm [1].

    Raises
    ------
    Refused
        A thickness is negative.
    Unknown
        The wavelength of a band is unknown.

    Examples
    --------
    >>> haze(np.full((1, 2, 1, 1), 0.1), 0.2, bands=["B02", "B11"]).data.ravel().astype(float).round(3).tolist()
    [0.203, 0.129]
    """
    given = np.asarray(thickness)
    if not ((given >= 0) & np.isfinite(given)).all():
        have = given[~((given >= 0) & np.isfinite(given))].ravel()[0]
        raise Refused(where="haze", what=f"is an optical thickness of 0 or more, have {have:g}")
    if given.ndim < 3:
        given = np.broadcast_to(given, (len(image),)).astype(np.float64)
        clear, air = veil(bands, given)
        clear = clear[:, :, None, None].astype(np.float32)
    else:
        clear, air = veil(bands, given)
        clear = np.moveaxis(clear, -1, 1).astype(np.float32)
    data = clear * np.asarray(image, np.float32) + (1 - clear) * air.astype(np.float32)[:, None, None]
    return Hazed(data, given, tuple(bands))
