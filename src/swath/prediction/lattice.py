"""Lattice: where the windows of a map lie along an axis, and which of them answer for a pixel.

Two rules. *Scene kinds* answer once a window: the centres of the windows stand `stride` pixels apart, one for each
block of `stride` pixels, and between centres probabilities are interpolated. The window of pixel r is
[r - size // 2, r - size // 2 + size), so the true centre of an even window is half a pixel up and left of the pixel's
own; here every centre is where it truly is, and `shift` says how far off answers remain. *Dense kinds* answer for every
pixel of windows that overlap by half or more, each weighted by a taper. What a window sees beyond the edge is the
scene's mirror image, the edge pixel included. Knows numbers along an axis and nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from swath.core.array import Array
from swath.core.errors import Refused

__all__ = ["INTERPOLATIONS", "Axis", "Interpolation", "centred", "mirrored", "overlapping", "taper"]

Interpolation = Literal["nearest", "bilinear"]
#: Name -> what it does.
INTERPOLATIONS: Final[dict[Interpolation, str]] = {
    "nearest": "a pixel takes the answer of the nearest centre",
    "bilinear": "a pixel takes the mean of the four centres around it, weighted by their nearness",
}


@dataclass(frozen=True, slots=True)
class Axis:
    """Windows along one axis of a scene."""

    #: Pixels of the scene, of a window, and from window to window.
    length: int
    size: int
    stride: int
    #: First pixel of the first window, and of the last; the last one may stand nearer to its neighbour.
    first: int
    last: int

    def __len__(self) -> int:
        return -(-(self.last - self.first) // self.stride) + 1

    @property
    def starts(self) -> Array:
        """First pixel of each window; negative or beyond the end where it reaches over the edge."""
        return np.minimum(self.first + self.stride * np.arange(len(self)), self.last)

    @property
    def centres(self) -> Array:
        """True centre of each window in pixels from the upper or left edge; pixel r has its own at r + 0.5."""
        return self.starts + self.size / 2

    def nearest(self, start: int, stop: int) -> Array:
        """Window whose centre is nearest to each pixel from `start` to `stop`; of two, the earlier.

        Examples
        --------
        >>> centred(8, 4, 1).nearest(0, 4), centred(8, 4, 2).nearest(0, 4)
        (array([0, 1, 2, 3]), array([0, 0, 1, 1]))
        """
        centres = self.centres
        middles = (centres[1:] + centres[:-1]) / 2
        return np.searchsorted(middles, np.arange(start, stop) + 0.5, side="left")

    def between(self, start: int, stop: int) -> tuple[Array, Array, Array]:
        """Windows before and after each pixel, and the weight of the second; beyond the outermost centres, theirs.

        Examples
        --------
        >>> lower, upper, weight = centred(8, 4, 2).between(0, 4)
        >>> lower, upper, weight
        (array([0, 0, 0, 1]), array([1, 1, 1, 2]), array([0.  , 0.25, 0.75, 0.25]))
        """
        centres, pixels = self.centres, np.arange(start, stop) + 0.5
        if len(centres) == 1:
            none = np.zeros(len(pixels), int)
            return none, none, np.zeros(len(pixels))
        lower = np.clip(np.searchsorted(centres, pixels, side="right") - 1, 0, len(centres) - 2)
        weight = (pixels - centres[lower]) / (centres[lower + 1] - centres[lower])
        return lower, lower + 1, np.clip(weight, 0, 1)

    def shift(self, interpolation: Interpolation) -> float:
        """How far, in pixels, answers stem from before (negative) or after the pixels that they are written to.

        Examples
        --------
        >>> each_pixel = centred(96, 64, 1)
        >>> each_pixel.shift("nearest"), each_pixel.shift("bilinear"), centred(96, 64, 8).shift("nearest")
        (-0.5, 0.0, 0.0)
        """
        if interpolation == "bilinear" or len(self) < 3:
            return 0.0 if interpolation == "bilinear" else float(self.size % 2 == 0) * -0.5
        taken = self.nearest(0, self.length)
        block = np.flatnonzero(taken == len(self) // 2)
        return float((self.centres[taken[block]] - (block + 0.5)).mean())


def centred(length: int, size: int, stride: int) -> Axis:
    """Lay windows of one answer each: one a block of `stride` pixels, round the pixel in its middle.

    Raises
    ------
    Refused
        `stride` leaves ground that no window looks at, or is below 1.

    Examples
    --------
    >>> centred(10, 4, 4).starts
    array([0, 4, 7])
    """
    if not 1 <= stride <= size:
        want = f"1 to {size} pixels, the size of a window"
        fix = "A larger stride would leave ground that nobody looked at."
        raise Refused(where="map", what="stride is out of range", want=want, have=str(stride), fix=fix)
    middle, half = stride // 2, size // 2
    last = min(middle + stride * ((length - 1) // stride), length - 1)
    return Axis(length, size, stride, min(middle, length - 1) - half, last - half)


def overlapping(length: int, size: int, stride: int) -> Axis:
    """Lay windows of an answer a pixel, so that every pixel lies in as many.

    Raises
    ------
    Refused
        `stride` is more than half a window, where tapers would leave visible borders, or below 1.

    Examples
    --------
    >>> overlapping(10, 4, 2).starts
    array([-2,  0,  2,  4,  6,  8])
    """
    if not 1 <= stride <= size // 2:
        want = f"1 to {size // 2} pixels, half a window"
        fix = "With less overlap the borders of windows would be seen."
        raise Refused(where="map", what="stride is out of range", want=want, have=str(stride), fix=fix)
    first = stride - size
    return Axis(length, size, stride, first, first + stride * ((length - 1 - first) // stride))


def taper(size: int) -> Array:
    """Weight of each pixel of a window along one axis: sin squared, which sums to 1 where windows overlap by half.

    Examples
    --------
    >>> bool(np.allclose(taper(8)[:4] + taper(8)[4:], 1))
    True
    """
    return np.asarray(np.sin(np.pi * (np.arange(size) + 0.5) / size) ** 2)


def mirrored(start: int, stop: int, length: int) -> Array:
    """Pixels that stand at positions from `start` to `stop`: beyond an edge the mirror image, edge pixel included.

    Examples
    --------
    >>> mirrored(-2, 6, 4)
    array([1, 0, 0, 1, 2, 3, 3, 2])
    """
    turned = np.arange(start, stop) % (2 * length)
    return np.where(turned < length, turned, 2 * length - 1 - turned)
