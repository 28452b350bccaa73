"""Geometry: crops, shifts, the eight orientations, rotation and scale, of images, masks and maps together.

Whole-pixel moves copy stored numbers as they are; rotation and scale interpolate (bilinear for linear quantities,
nearest for codes and decibels). Beyond the edge the ground is mirrored at the edge itself, so that grids of different
gsd mirror alike and stay on the same ground. A pixel that an invalid one has touched is invalid.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np

from swath.batch.keys import integers, uniform
from swath.batch.options import Augmentation
from swath.core.array import Array
from swath.core.errors import Mismatch, Refused

__all__ = ["Grid", "Moves", "centred", "draw_moves", "move", "require_aligned", "warp", "warp_codes"]

# Threads of its own would fight ours for the cores, and bytes would depend on how many there are.
cv2.setNumThreads(1)

#: How far, as a share, the ground that two stacks cover may differ.
_TOLERANCE = 1e-3


@dataclass(frozen=True, slots=True)
class Grid:
    """Pixels of one stack or map."""

    #: (h, w).
    size: tuple[int, int]
    #: Metres a pixel, (x, y).
    gsd: tuple[float, float]

    @property
    def ground(self) -> tuple[float, float]:
        """Metres covered, (height, width)."""
        return self.size[0] * self.gsd[1], self.size[1] * self.gsd[0]


def _finest(grids: Mapping[str, Grid]) -> Grid:
    return min(grids.values(), key=lambda grid: grid.gsd)


def _ratio(grid: Grid, finest: Grid) -> tuple[float, float]:
    """Pixels of the finest grid a pixel, (y, x)."""
    return grid.gsd[1] / finest.gsd[1], grid.gsd[0] / finest.gsd[0]


def _step(grids: Mapping[str, Grid]) -> int:
    """Pixels of the finest grid that are whole pixels of every other; 0 = there are none."""
    finest, step = _finest(grids), 1
    for grid in grids.values():
        for ratio in _ratio(grid, finest):
            if abs(ratio / max(1, round(ratio)) - 1) > _TOLERANCE:
                return 0
            step = math.lcm(step, round(ratio))
    return step


def require_aligned(grids: Mapping[str, Grid], options: Augmentation, *, where: str) -> None:
    """Refuse stacks that cannot be moved over the same ground, and moves that their pixels do not allow.

    Raises
    ------
    Mismatch
        Stacks cover different ground, or a crop is larger than the samples.
    Refused
        A crop or shift would split a pixel of a coarser stack, or right angles would turn a sample that is not square.
    """
    if not options.moves:
        return
    name = min(grids, key=lambda each: grids[each].gsd)
    finest = grids[name]
    for other, grid in grids.items():
        for one, two in zip(finest.ground, grid.ground, strict=True):
            if abs(two / one - 1) > _TOLERANCE:
                want, have = (f"{g.ground[0]:g} x {g.ground[1]:g} m" for g in (finest, grid))
                fix = "Leave crops, flips and turns out, or build the corpus with stacks on one ground."
                raise Mismatch(
                    where=f"{where} stack {other}", what="ground", want=f"{want} (stack {name})", have=have, fix=fix
                )
    step = _step(grids)
    for what, pixels in (("crop", options.crop), ("shift", options.shift)):
        if pixels and (step == 0 or pixels < step or (what == "crop" and pixels % step)):
            sizes = ", ".join(f"{other} {grid.gsd[0]:g} m" for other, grid in grids.items())
            said = f"a {what} of {pixels} pixels does not fall on whole pixels of every stack ({sizes})"
            fix = f"Give a multiple of {step}." if step else f"Leave {what} out."
            raise Refused(where=where, what=said, fix=fix)
    h, w = finest.size
    if options.crop > min(h, w):
        raise Mismatch(
            where=where, what="crop", want=f"{h} x {w} pixels at most (stack {name})", have=str(options.crop)
        )
    if options.shift >= min(h, w):
        raise Mismatch(where=where, what="shift", want=f"less than {min(h, w)} pixels", have=str(options.shift))
    if options.right_angles and not options.crop_in(None) and h != w:
        fix = "Use flip, or crop to a square."
        raise Refused(where=where, what=f"right angles cannot turn {h} x {w} pixels in place", fix=fix)


@dataclass(frozen=True, slots=True, eq=False)
class Moves:
    """How each of n samples is moved: a window is cut, turned about its centre, and put into one of 8 orientations."""

    #: The grid that `corner` and `window` count pixels of.
    finest: Grid
    #: Pixels of the window, (h, w).
    window: tuple[int, int]
    #: Upper left corner of the window, (y, x), int64 (n, 2); it may lie outside.
    corner: Array
    #: Orientation, int64 (n,): 1 mirrors left and right, 2 up and down, 4 transposes first.
    turn: Array
    #: Rotation [deg], counter-clockwise, and enlargement [1], float64 (n,).
    angle: Array
    zoom: Array

    @property
    def is_whole(self) -> bool:
        """True if pixels keep their numbers."""
        return not self.angle.any() and bool((self.zoom == 1).all())


def _still(n: int, finest: Grid, crop: int) -> Moves:
    corner, turn = np.zeros((n, 2), np.int64), np.zeros(n, np.int64)
    return Moves(finest, (crop, crop) if crop else finest.size, corner, turn, np.zeros(n), np.ones(n))


def centred(n: int, grids: Mapping[str, Grid], crop: int) -> Moves:
    """The middle of each sample, as whole pixels of every grid."""
    still = _still(n, _finest(grids), crop)
    step = max(1, _step(grids))
    still.corner[:] = [
        (full - part) // (2 * step) * step for full, part in zip(still.finest.size, still.window, strict=True)
    ]
    return still


def draw_moves(keys: Array, grids: Mapping[str, Grid], options: Augmentation, *, epoch: int) -> Moves:
    """Draw how each sample moves; a function of its key and the epoch."""
    crop = options.crop_in(epoch)
    still = _still(len(keys), _finest(grids), crop)
    step = max(1, _step(grids))
    if crop:
        room = [(full - part) // step for full, part in zip(still.finest.size, still.window, strict=True)]
        for axis in (0, 1):
            still.corner[:, axis] += step * integers(keys, epoch, f"crop {axis}", 0, room[axis])[:, 0]
    strength = options.strength(epoch)
    reach = int(options.shift * strength) // step
    if reach:
        still.corner[:] += step * integers(keys, epoch, "shift", -reach, reach, 2)
    if options.right_angles == "alternate":
        still.turn[:] = (integers(keys, 0, "orientation", 0, 7)[:, 0] + epoch) % 8
    elif options.right_angles:
        still.turn[:] = integers(keys, epoch, "orientation", 0, 7)[:, 0]
    elif options.flip:
        still.turn[:] = (uniform(keys, epoch, "flip", 2) < options.flip) @ np.array([1, 2])
    if options.rotation:
        still.angle[:] = options.rotation * strength * (2 * uniform(keys, epoch, "rotation")[:, 0] - 1)
    low, high = (1 + strength * (bound - 1) for bound in options.scale)
    if (low, high) != (1, 1):
        still.zoom[:] = low * (high / low) ** uniform(keys, epoch, "scale")[:, 0]
    return still


def _turned(pixels: Array, turn: int) -> Array:
    """A view of (..., h, w) in one of the eight orientations."""
    if turn & 4:
        pixels = pixels.swapaxes(-1, -2)
    if turn & 2:
        pixels = pixels[..., ::-1, :]
    return pixels[..., ::-1] if turn & 1 else pixels


def _mirrored(pixels: Array, pad: int) -> Array:
    """Widen (..., h, w) by `pad` on each side, mirrored at the edges."""
    h, w = pixels.shape[-2:]
    wide = np.empty((*pixels.shape[:-2], h + 2 * pad, w + 2 * pad), pixels.dtype)
    wide[..., pad : pad + h, pad : pad + w] = pixels
    wide[..., pad : pad + h, :pad] = pixels[..., :pad][..., ::-1]
    wide[..., pad : pad + h, pad + w :] = pixels[..., w - pad :][..., ::-1]
    wide[..., :pad, :] = wide[..., pad : 2 * pad, :][..., ::-1, :]
    wide[..., pad + h :, :] = wide[..., h : pad + h, :][..., ::-1, :]
    return wide


def _of_grid(moves: Moves, grid: Grid) -> tuple[Array, tuple[int, int]]:
    """Corners and window in pixels of a grid."""
    ratio = [max(1, round(each)) for each in _ratio(grid, moves.finest)]
    if not moves.corner.any() and moves.window == moves.finest.size:
        return moves.corner, grid.size
    return moves.corner // np.array(ratio), (moves.window[0] // ratio[0], moves.window[1] // ratio[1])


def move(pixels: Array, moves: Moves, grid: Grid) -> Array:
    """Move by whole pixels.

    Parameters
    ----------
    pixels : array, shape (n, ..., h, w)
        Of any dtype.
    grid : Grid
        What `pixels` are on.

    Returns
    -------
    array, shape (n, ..., window h, window w)
        `pixels` itself where nothing moves.
    """
    corner, (h, w) = _of_grid(moves, grid)
    is_still = not corner.any() and (h, w) == pixels.shape[-2:]
    if is_still and not moves.turn.any():
        return pixels
    beyond = max(-int(corner.min()), int((corner + (h, w) - pixels.shape[-2:]).max()), 0)
    if beyond:
        pixels, corner = _mirrored(pixels, beyond), corner + beyond
    moved = np.empty((*pixels.shape[:-2], h, w), pixels.dtype)
    for out, held, (y, x), turn in zip(moved, pixels, corner.tolist(), moves.turn.tolist(), strict=True):
        out[...] = _turned(held[..., y : y + h, x : x + w], turn)
    return moved


def _matrix(moves: Moves, grid: Grid, i: int) -> Array:
    """Affine from a pixel (x, y) of the moved grid to one of the grid, both by the index of the pixel, shape (2, 3)."""
    ratio = np.array(_ratio(grid, moves.finest)[::-1])
    gsd = np.array(moves.finest.gsd)
    half = np.array(moves.window[::-1]) / 2
    turn, angle = int(moves.turn[i]), math.radians(moves.angle[i])
    orient = np.diag([-1.0 if turn & 1 else 1.0, -1.0 if turn & 2 else 1.0])
    if turn & 4:
        orient = np.array([[0.0, 1.0], [1.0, 0.0]]) @ orient
    # Rows run south, so this turns what is seen counter-clockwise; on the ground, where pixels need not be square.
    spin = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    linear = (spin * gsd[None, :] / gsd[:, None] / moves.zoom[i]) @ orient
    # finest pixels: p = (index + 1/2) ratio - half; source = linear p + corner + half; index = source / ratio - 1/2
    shift = linear @ (ratio / 2 - half) + moves.corner[i, ::-1] + half
    return np.concatenate([linear * ratio[None, :] / ratio[:, None], (shift / ratio - 0.5)[:, None]], axis=1)


def _size(moves: Moves, grid: Grid) -> tuple[int, int]:
    ratio = _ratio(grid, moves.finest)
    return round(moves.window[0] / ratio[0]), round(moves.window[1] / ratio[1])


def _nearest(pixels: Array, matrix: Array, size: tuple[int, int]) -> Array:
    """Nearest pixels of (..., h, w), mirrored at the edges."""
    y, x = np.mgrid[: size[0], : size[1]]
    found = []
    for row, full in ((matrix[1], pixels.shape[-2]), (matrix[0], pixels.shape[-1])):
        index = np.floor(row[0] * x + row[1] * y + row[2] + 0.5).astype(np.int64) % (2 * full)
        found.append(np.minimum(index, 2 * full - 1 - index))
    return pixels[..., found[0], found[1]]


def _bilinear(planes: Array, matrix: Array, out: Array) -> None:
    """Interpolate float32 planes (k, h, w) into `out`, mirrored at the edges."""
    h, w = out.shape[-2:]
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    for plane, into in zip(planes, out, strict=True):
        cv2.warpAffine(plane, matrix, (w, h), dst=into, flags=flags, borderMode=cv2.BORDER_REFLECT)


def warp(x: Array, valid: Array, moves: Moves, grid: Grid, *, is_linear: bool) -> tuple[Array, Array]:
    """Move by parts of a pixel.

    Parameters
    ----------
    x : float32 array, shape (n, t, b, h, w)
        What is invalid holds a number that may stand beside the others (a mean).
    valid : bool array, shape (n, t, b or 1, h, w)
    is_linear : bool
        False = nearest pixel: decibels and codes are never averaged.

    Returns
    -------
    float32 array and bool array
        A pixel is valid if every pixel that it was made of is.
    """
    n, t, b = x.shape[:3]
    size = _size(moves, grid)
    moved = np.empty((n, t, b, *size), np.float32)
    good = np.ones((n, t, valid.shape[2], *size), bool)
    touched = np.empty((t * valid.shape[2], *size), np.float32)
    for i in range(n):
        matrix = _matrix(moves, grid, i)
        if not is_linear:
            moved[i], good[i] = _nearest(x[i], matrix, size), _nearest(valid[i], matrix, size)
            continue
        _bilinear(np.ascontiguousarray(x[i]).reshape(t * b, *x.shape[3:]), matrix, moved[i].reshape(t * b, *size))
        if not valid[i].all():
            _bilinear((~valid[i]).astype(np.float32).reshape(-1, *valid.shape[3:]), matrix, touched)
            good[i] = (touched == 0).reshape(good[i].shape)
    return moved, good


def warp_codes(codes: Array, moves: Moves, grid: Grid) -> Array:
    """Move a map (n, h, w) by the nearest pixel: no code comes out that did not go in."""
    size = _size(moves, grid)
    moved = np.empty((len(codes), *size), codes.dtype)
    for i, each in enumerate(codes):
        moved[i] = _nearest(each, _matrix(moves, grid, i), size)
    return moved
