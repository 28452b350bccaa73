"""Shadows: where clouds of a height throw them under a given sun, and how dark each band gets.

A cloud over ground point p at height h throws its shadow at p - h tan(zenith) u, with u = (sin, cos) of the azimuth,
east and north, clockwise from north towards the sun: morning shadows lie north-west of their clouds in the northern
summer. Shade takes direct light; what the whole sky gives remains, half of the light in the blue and a fifth at 2.2 um.
The sun is a point (its disc blurs by 9 m a kilometre) and the ground is flat. The view is vertical: what clouds are
shifted by parallax, and from band to band, is left out.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from swath.core.array import Array
from swath.core.errors import Refused
from swath.imaging.optics import diffuse_share

__all__ = ["Sun", "darken", "displacement", "shifted", "split"]


@dataclass(frozen=True, slots=True)
class Sun:
    """Where the sun stands.

    Raises
    ------
    Refused
        It is below the horizon, or the azimuth is no angle of a circle.
    """

    #: Angle from the vertical [deg], 0 to 85; Sentinel-2 sees 20 in summer, 70 in winter.
    zenith: float
    #: Clockwise from north towards the sun [deg], -180 to 360; about 150 at half past ten in the north.
    azimuth: float

    def __post_init__(self) -> None:
        if not 0 <= self.zenith <= 85:
            raise Refused(where="sun zenith", what=f"is an angle from 0 to 85 degrees, have {self.zenith:g}")
        if not -180 <= self.azimuth <= 360:
            raise Refused(where="sun azimuth", what=f"is an angle from -180 to 360 degrees, have {self.azimuth:g}")


def displacement(height: float, sun: Sun, *, gsd: float) -> tuple[float, float]:
    """From a cloud to its shadow [pixels]: rows downwards (south), columns to the right (east).

    Examples
    --------
    >>> rows, cols = displacement(1000.0, Sun(45.0, 180.0), gsd=10.0)          # sun in the south: the shadow lies north
    >>> round(rows, 6), abs(round(cols, 6))
    (-100.0, 0.0)
    """
    along = height * math.tan(math.radians(sun.zenith)) / gsd
    angle = math.radians(sun.azimuth)
    return along * math.cos(angle), -along * math.sin(angle)


def split(rows: float, cols: float) -> tuple[tuple[int, int], tuple[float, float]]:
    """Whole pixels and the part of a pixel beyond them.

    Examples
    --------
    >>> split(-2.25, 3.5)
    ((-3, 3), (0.75, 0.5))
    """
    whole = math.floor(rows), math.floor(cols)
    return whole, (rows - whole[0], cols - whole[1])


def shifted(field: Array, part: tuple[float, float]) -> Array:
    """Move a field down and right by parts of a pixel, linearly; loses its first row and column: (h, w) -> (h-1, w-1).

    Examples
    --------
    >>> shifted(np.float32([[0, 0, 0], [0, 8, 0], [0, 0, 0]]), (0.25, 0.5)).tolist()
    [[3.0, 3.0], [1.0, 1.0]]
    """
    down, right = np.float32(part[0]), np.float32(part[1])
    rows = field[1:] * (1 - down) + field[:-1] * down
    return np.asarray(rows[:, 1:] * (1 - right) + rows[:, :-1] * right)


def darken(image: Array, shade: Array, *, bands: Sequence[str], path: Array | float = 0.0) -> Array:
    """Take the direct light that shade takes.

    Parameters
    ----------
    image : float array, shape (..., b, h, w)
        Reflectance.
    shade : float array, shape (..., h, w)
        Share of the direct light that is lost [1].
    bands : sequence of str
        Canonical names.
    path : float, or array of shape (b, 1, 1), optional
        Reflectance that the air above the shade adds, which stays: top-of-atmosphere images of dark ground.

    Returns
    -------
    float32 array, shape (..., b, h, w)
        Exactly the image where shade is 0.

    Examples
    --------
    >>> darken(np.full((2, 1, 1), 0.1), np.ones((1, 1)), bands=["B01", "B12"]).ravel().astype(float).round(3).tolist()
    [0.05, 0.02]
    """
    lost = (1 - diffuse_share(bands)).astype(np.float32)[:, None, None] * np.asarray(shade, np.float32)[..., None, :, :]
    ground = np.asarray(image, np.float32)
    return np.asarray(ground - lost * (ground - np.asarray(path, np.float32)))
