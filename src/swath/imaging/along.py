"""Along an axis: area means and interpolation as sparse rows of weights, applied to rows and columns in turn.

A row holds the weights of one output pixel over the input pixels of its axis and sums to 1, so that a constant stays
constant. Pixels are areas: pixel i covers [i, i + 1) and its centre is at i + 1/2. Knows lengths, not images.
"""

from __future__ import annotations

from typing import Any, Final, Literal

import cv2
import numpy as np
from scipy.sparse import csr_array

from swath.core.array import Array
from swath.core.errors import Refused

__all__ = ["apply", "apply_both", "area_rows", "interpolation_rows", "overlaps", "require_size"]

#: Pixels of a strip.
_STRIP: Final = 2**17


def require_size(size: tuple[int, int], shape: tuple[int, ...], *, where: str) -> None:
    """Refuse a target size that is not positive, or finer than the image.

    Raises
    ------
    Refused
        The size and the range that it may have are named.
    """
    for name, n, most in zip(("height", "width"), size, shape[-2:], strict=True):
        if not 0 < n <= most:
            what = f"target {name} {n} is outside 1 to {most}, the {name} of the image"
            raise Refused(where=where, what=what, fix="Aggregation only makes images coarser.")


def overlaps(n: int, to: int) -> tuple[Array, Array, Array]:
    """Which of `to` output pixels each of `n` input pixels lies in, and how much of it: at most two.

    Returns
    -------
    first : int64 array, shape (n,)
        Output pixel that holds the input pixel's beginning.
    here, next : int64 arrays, shape (n,)
        Parts of the input pixel in that output pixel and in the one after it, in `to`-ths of an input pixel; exact.

    Examples
    --------
    >>> [each.tolist() for each in overlaps(3, 2)]                       # the middle one is cut in halves
    [[0, 0, 1], [2, 1, 2], [0, 1, 0]]
    """
    start = np.arange(n, dtype=np.int64) * to
    first = start // n
    here = np.minimum((first + 1) * n - start, to)
    return first, here, to - here


def area_rows(n: int, to: int) -> Any:
    """Weights of an area mean from `n` pixels to `to`, exact for any two lengths: sparse float64 (to, n).

    Examples
    --------
    >>> area_rows(3, 2).toarray().round(3).tolist()
    [[0.667, 0.333, 0.0], [0.0, 0.333, 0.667]]
    """
    first, here, after = overlaps(n, to)
    cut = after > 0
    rows = np.concatenate([first, first[cut] + 1])
    cols = np.concatenate([np.arange(n), np.flatnonzero(cut)])
    weights = np.concatenate([here, after[cut]]) / n
    return csr_array((weights, (rows, cols)), shape=(to, n))


def _cubic(t: Array) -> Array:
    """Weights of the four neighbours at -1, 0, 1, 2 (Keys 1981, a = -1/2, exact for parabolas): (4, k)."""
    t2, t3 = t * t, t * t * t
    return np.stack(
        [-t3 / 2 + t2 - t / 2, 1.5 * t3 - 2.5 * t2 + 1, -1.5 * t3 + 2 * t2 + t / 2, t3 / 2 - t2 / 2],
    )


def interpolation_rows(positions: Array, n: int, *, how: Literal["linear", "cubic", "nearest"]) -> Any:
    """Weights of interpolation at positions [pixels, from the axis's beginning]: sparse float64 (k, n).

    Beyond the centre of the first and last pixel these are repeated.

    Examples
    --------
    >>> interpolation_rows(np.array([0.5, 1.25]), 3, how="linear").toarray().tolist()
    [[1.0, 0.0, 0.0], [0.25, 0.75, 0.0]]
    """
    at = np.asarray(positions, np.float64) - 0.5
    if how == "nearest":
        near = np.clip(np.floor(at + 0.5).astype(np.int64), 0, n - 1)
        return csr_array((np.ones(len(at)), (np.arange(len(at)), near)), shape=(len(at), n))
    low = np.floor(at).astype(np.int64)
    t = at - low
    if how == "linear":
        steps, weights = np.arange(2), np.stack([1 - t, t])
    else:
        steps, weights = np.arange(-1, 3), _cubic(t)
    cols = np.clip(low[None, :] + steps[:, None], 0, n - 1)
    rows = np.broadcast_to(np.arange(len(at)), cols.shape)
    made = csr_array((weights.ravel(), (rows.ravel(), cols.ravel())), shape=(len(at), n))
    made.eliminate_zeros()
    return made


def apply(rows: Any, image: Array, *, axis: Literal[-2, -1]) -> Array:
    """Apply weights along one of the last two axes.

    Parameters
    ----------
    rows : sparse array, shape (to, n)
    image : array, shape (..., h, w)
        `n` long along `axis`.

    Returns
    -------
    array, shape (..., h, w)
        `to` long along `axis`; float64 if the image is, else float32. Each number is summed in the order of its
        weights, whatever lies around.
    """
    dtype = np.float64 if image.dtype == np.float64 else np.float32
    weights = rows.astype(dtype)
    planes = np.ascontiguousarray(image, dtype).reshape(-1, *image.shape[-2:])
    h, w = image.shape[-2:]
    shape = (h, rows.shape[0]) if axis == -1 else (rows.shape[0], w)
    # Sums run along rows of memory either way: opencv turns a plane six times as fast as numpy.
    made = [cv2.transpose(weights @ cv2.transpose(plane)) if axis == -1 else weights @ plane for plane in planes]
    whole = np.stack(made) if len(made) != 1 else made[0]
    return np.asarray(whole).reshape(*image.shape[:-2], *shape)


def apply_both(down: Any, across: Any, image: Array) -> Array:
    """Apply weights to rows, then to columns: (..., h, w) -> (..., down, across).

    In strips of output rows whose intermediate pixels stay in the cache; no sum depends on the strips.
    """
    dtype = np.float64 if image.dtype == np.float64 else np.float32
    planes = np.ascontiguousarray(image, dtype).reshape(-1, *image.shape[-2:])
    rows, cols = down.astype(dtype), across.astype(dtype)
    out = np.empty((len(planes), rows.shape[0], cols.shape[0]), dtype)
    step = max(16, _STRIP // max(1, image.shape[-1]))
    parts = [(slice(top, top + step), rows[top : top + step]) for top in range(0, rows.shape[0], step)]
    for plane, made in zip(planes, out, strict=True):
        for strip, weights in parts:
            made[strip] = cv2.transpose(cols @ cv2.transpose(weights @ plane))
    return out.reshape(*image.shape[:-2], rows.shape[0], cols.shape[0])
