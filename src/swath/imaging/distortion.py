"""Distortion: pixels moved smoothly along an axis, as by 003's tangential scale distortion; the displacement is kept.

A position x on an axis of length L goes to u = L sigmoid(r (x - L/2)): at the greatest rate, r = 4 / L, the middle
keeps its scale and the edges are squeezed, so that the image of the frame is 0.7616 of L (337 pixels to 256).
003 did it by affine pieces on a mesh; here the map is inverted in closed form, or by the same mesh where one is given.
Images are interpolated linearly or cubically, labels taken from the nearest pixel, masks from all that was used.
Knows arrays, not what is in them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from swath.core.array import Array
from swath.core.errors import Refused, Unknown
from swath.imaging.along import apply, interpolation_rows

__all__ = ["Distorted", "TangentialScale", "distort", "kept", "positions", "translate"]


@dataclass(frozen=True, slots=True)
class TangentialScale:
    """003's `deformation: {name: tangential_scale_distortion, axis, growth_rate, mesh_columns_cells, mesh_rows_cells}`.

    `image_width` and `image_height` are the image's own, and one mesh counts: that of the axis.

    Raises
    ------
    Unknown
        The interpolation is none of linear, cubic.
    Refused
        The axis is neither 0 nor 1, the rate not positive, or the mesh has no cell.
    """

    #: 0 = along rows (downwards), 1 = along columns (to the right), as in 003.
    axis: int = 1
    #: Rate r [1 / pixel], at most 4 / L; None = that, as in 003. Its templates say 0.00195 for 2,048 pixels.
    growth_rate: float | None = None
    #: Cells of 003's mesh along the axis, straight within a cell: 6 in its presets, 20 in templates. None = no mesh.
    cells: int | None = None
    #: How images are read between pixels.
    interpolation: Literal["linear", "cubic"] = "cubic"

    def __post_init__(self) -> None:
        if self.interpolation not in ("linear", "cubic"):
            raise Unknown(self.interpolation, ("linear", "cubic"), what="interpolation", where="distortion")
        if self.axis not in (0, 1):
            raise Refused(where="deformation axis", what=f"is 0 (rows) or 1 (columns), have {self.axis}")
        if self.growth_rate is not None and not self.growth_rate > 0:
            raise Refused(where="deformation growth_rate", what=f"is above 0, have {self.growth_rate:g}")
        if self.cells is not None and self.cells < 1:
            raise Refused(where="deformation mesh cells", what=f"are 1 or more, have {self.cells}")

    def rate(self, length: int) -> float:
        """Rate on an axis of this length.

        Raises
        ------
        Refused
            It is over 4 / L: the middle would be enlarged beyond its pixels.
        """
        most = 4 / length
        if self.growth_rate is None:
            return most
        if self.growth_rate > most * (1 + 1e-9):
            what = f"{self.growth_rate:g} is over 4 / L = {most:g} of an axis of {length} pixels"
            raise Refused(where="deformation growth_rate", what=what, fix=f"Give {most:g} or less, or none for that.")
        return self.growth_rate


def kept(length: int, rate: float) -> int:
    """Whole pixels in the image of an axis.

    Examples
    --------
    >>> kept(337, 4 / 337), kept(2048, 4 / 2048)
    (256, 1559)
    """
    return math.floor(length * math.tanh(rate * length / 4) + 1e-9)


def positions(options: TangentialScale, length: int) -> Array:
    """Where on the input axis each output pixel's centre comes from [pixels]: float64 (kept,).

    Examples
    --------
    >>> x = positions(TangentialScale(), 337)
    >>> round(float(x[0]), 2), round(float(x[127] + x[128]), 2)                        # the middle stays the middle
    (1.96, 337.0)
    """
    rate = options.rate(length)
    n = kept(length, rate)
    u = (length - n) / 2 + np.arange(n) + 0.5
    if options.cells is None:
        return np.asarray(length / 2 + np.log(u / (length - u)) / rate)
    nodes = np.linspace(0, length, options.cells + 1)
    return np.asarray(np.interp(u, length / (1 + np.exp(-rate * (nodes - length / 2))), nodes))


@dataclass(frozen=True, slots=True, eq=False)
class Distorted:
    """Images and labels moved alike, and by how much."""

    #: float32 (..., h, w); float64 if it came so.
    data: Array
    #: Labels of the same ground in their own dtype, (..., h, w); None if none were given.
    labels: Array | None
    #: bool (..., h, w): every pixel that was read is valid.
    valid: Array
    #: float64 (2, h, w): rows and columns [pixels] from an output pixel, at its place in the input frame, to where it
    #: was read.
    displacement: Array
    #: Row and column of the output's upper left corner in the input frame, before displacement [pixels].
    corner: tuple[float, float]
    #: What was asked for.
    options: TangentialScale | tuple[float, float]


def _read(
    image: Array, labels: Array | None, valid: Array | None, at: tuple[Array | None, Array | None], how: str
) -> tuple[Array, Array | None, Array]:
    """Read all three at positions along rows and columns; None = all pixels as they are."""
    mask = np.ones(image.shape, bool) if valid is None else np.broadcast_to(valid, image.shape)
    data = np.where(mask, image, 0) if not mask.all() else image
    spoiled = (~mask).astype(np.float32)
    all_valid = bool(mask.all())
    for axis, where in ((-2, at[0]), (-1, at[1])):
        if where is None:
            continue
        n = image.shape[axis]
        rows = interpolation_rows(where, n, how="cubic" if how == "cubic" else "linear")
        data = apply(rows, data, axis=-2 if axis == -2 else -1)
        if labels is not None:
            near = interpolation_rows(where, n, how="nearest").indices
            labels = np.take(labels, near, axis=axis)
        if all_valid:
            continue
        used = abs(rows)
        spoiled = apply(used, spoiled, axis=-2 if axis == -2 else -1)
    inside = np.ones(data.shape, bool) if all_valid else spoiled < 1e-6
    return np.where(inside, data, 0) if not all_valid else data, labels, inside


def distort(
    image: Array, options: TangentialScale, *, labels: Array | None = None, valid: Array | None = None
) -> Distorted:
    """Distort along one axis, and crop to the image of the frame.

    Parameters
    ----------
    image : float array, shape (..., h, w)
    options : TangentialScale
    labels : integer array, shape (..., h, w), optional
        Moved by the same displacement, nearest pixel.
    valid : bool array, broadcastable to the image, optional

    Raises
    ------
    Refused
        The rate is over 4 / L; both are named.

    Examples
    --------
    >>> distort(np.zeros((3, 256, 337)), TangentialScale(axis=1)).data.shape
    (3, 256, 256)
    """
    h, w = image.shape[-2:]
    length = (h, w)[options.axis]
    where = positions(options, length)
    at: tuple[Array | None, Array | None] = (where, None) if options.axis == 0 else (None, where)
    data, moved, inside = _read(image, labels, valid, at, options.interpolation)
    start = (length - len(where)) / 2
    along = where - (start + np.arange(len(where)) + 0.5)
    displacement = np.zeros((2, *data.shape[-2:]))
    displacement[options.axis] = along[:, None] if options.axis == 0 else along[None, :]
    corner = (start, 0.0) if options.axis == 0 else (0.0, start)
    return Distorted(data, moved, inside, displacement, corner, options)


def translate(
    image: Array,
    shift: tuple[float, float],
    *,
    labels: Array | None = None,
    valid: Array | None = None,
    interpolation: Literal["linear", "cubic"] = "cubic",
) -> Distorted:
    """Shift by parts of a pixel: what an error of registration does.

    Parameters
    ----------
    image : float array, shape (..., h, w)
    shift : (float, float)
        Rows downwards and columns to the right [pixels] that the content moves; a date of Sentinel-2 by about 0.2.
    labels, valid, interpolation
        As in `distort`. What moves in from beyond the edge is not valid.

    Examples
    --------
    >>> moved = translate(np.arange(4.0)[None, :], (0, 1))
    >>> moved.data.tolist(), moved.valid.tolist()
    ([[0.0, 0.0, 1.0, 2.0]], [[False, True, True, True]])
    """
    if not all(math.isfinite(each) for each in shift):
        raise Refused(where="shift", what=f"is two numbers of pixels, have {shift}")
    (down, right), (h, w) = shift, image.shape[-2:]
    rows, cols = np.arange(h) + 0.5 - down, np.arange(w) + 0.5 - right
    at = (rows if down else None, cols if right else None)
    data, moved, inside = _read(image, labels, valid, at, interpolation)
    within = ((rows >= 0.5) & (rows <= h - 0.5))[:, None] & ((cols >= 0.5) & (cols <= w - 0.5))[None, :]
    displacement = np.empty((2, h, w))
    displacement[0], displacement[1] = -down, -right
    data = data if within.all() else np.where(within, data, 0)
    return Distorted(data, moved, inside & within, displacement, (0.0, 0.0), (float(down), float(right)))
