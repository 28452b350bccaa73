"""Brightness: one factor and one addend for a whole product, as 003 draws them, or for each of its bands.

003's `mul` and `add` are ranges of its unitless numbers; in reflectance an addend of 0.01 is 100 digital numbers of
Sentinel-2. Knows no bands and no dates: a product keeps its light.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from swath.core.array import Array
from swath.core.errors import Refused
from swath.imaging.lattice import key, uniform

__all__ = ["Brightened", "Brightness", "brighten"]


@dataclass(frozen=True, slots=True)
class Brightness:
    """003's `corruption: {mul: {min, max}, add: {min, max}}`: 0.9..1.1 and -0.1..0.1; 0.8..1.2 in `sar_to_optical`.

    Raises
    ------
    Refused
        A range is empty, or a factor is not positive.
    """

    #: Least and greatest factor [1].
    mul: tuple[float, float] = (1.0, 1.0)
    #: Least and greatest addend [the image's unit].
    add: tuple[float, float] = (0.0, 0.0)
    #: True = each band has its own; 003 has one for all.
    by_band: bool = False

    def __post_init__(self) -> None:
        for name, least in (("mul", 0.0), ("add", -math.inf)):
            low, high = getattr(self, name)
            if not least <= low <= high < math.inf:
                said = "factor, 0 or more" if name == "mul" else "addend"
                raise Refused(
                    where=f"brightness {name}", what=f"is a least and a greatest {said}, have {low:g} to {high:g}"
                )


@dataclass(frozen=True, slots=True, eq=False)
class Brightened:
    """An image in another light, and which."""

    #: float32 (..., b, h, w): mul * clean + add.
    data: Array
    #: float64 (b,).
    mul: Array
    add: Array
    #: What was asked for.
    options: Brightness


def brighten(image: Array, options: Brightness, *, seed: int) -> Brightened:
    """Draw a product's light and apply it.

    Parameters
    ----------
    image : float array, shape (..., b, h, w)
    options : Brightness
    seed : int
        Of the product; 0 is a seed like any other.

    Examples
    --------
    >>> lit = brighten(np.zeros((2, 3, 1, 1)), Brightness(add=(0.1, 0.1)), seed=0)
    >>> round(float(lit.data.min()), 6), lit.mul.tolist()
    (0.1, [1.0, 1.0, 1.0])
    """
    b = image.shape[-3]
    drawn = [
        uniform(key(seed, purpose), np.arange(b), np.zeros(b, np.int64))[:, 0].astype(np.float64)
        for purpose in ("brightness mul", "brightness add")
    ]
    line = []
    for (low, high), share in zip((options.mul, options.add), drawn, strict=True):
        line.append(low + (high - low) * (share if options.by_band else np.broadcast_to(share[:1], b)))
    mul, add = line
    data = np.asarray(image, np.float32) * mul.astype(np.float32)[:, None, None] + add.astype(np.float32)[:, None, None]
    return Brightened(data, mul, add, options)
