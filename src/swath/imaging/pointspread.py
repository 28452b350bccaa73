"""Point spread: how optics and detectors blur the ground, from a modulation transfer at Nyquist to coarser pixels.

The transfer that missions state is the total at the Nyquist frequency of the native pixel, the pixel's box included.
The box alone gives 2/pi, so before the mean over the pixel's area a Gaussian of sigma = sqrt(-2 ln(mtf pi/2)) / pi
native pixels is applied, and never the box twice. Such a Gaussian (0.43 pixels in B02) is too narrow to be sampled
where input pixels are as large as native ones: its samples would transfer 0.77 instead of 0.41. So the taps are found
by their transfer: the short cosine series nearest to the Gaussian's at all frequencies up to the input's Nyquist, which
keeps the mean and meets the stated frequency exactly. Of edges and of 1/f ground it errs by a fifth less than three
taps that meet that frequency, and by 7 % more than the best linear filter of area means. For finer input it is the
sampled Gaussian. Blur and area mean are one row of weights, computed only where an output pixel is.
Knows transfer and lengths; which band has which transfer is in `core.sensors`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from scipy.integrate import simpson
from scipy.sparse import csr_array

from swath.core.array import Array
from swath.core.errors import Mismatch, Refused
from swath.imaging.along import apply_both, area_rows, require_size

__all__ = ["Aggregated", "aggregate", "block_rows", "sigma_of", "spread_rows", "taps"]


def sigma_of(mtf: float) -> float:
    """Gaussian [native pixels] that gives, with the mean over a pixel, a transfer of `mtf` at Nyquist.

    Raises
    ------
    Refused
        The box alone transfers less: 2/pi.

    Examples
    --------
    >>> round(sigma_of(0.26), 3), round(sigma_of(2 / np.pi), 3)
    (0.426, 0.0)
    """
    if not 0 < mtf <= 2 / math.pi:
        what = f"mtf is above 0 and at most 2/pi = 0.637, what the pixel's box alone transfers; have {mtf:g}"
        raise Refused(where="point spread", what=what)
    return math.sqrt(max(0.0, -2 * math.log(mtf * math.pi / 2))) / math.pi


@lru_cache(maxsize=256)
def _half_taps(sigma: float, nyquist: float) -> tuple[float, ...]:
    """Taps 0, 1, 2, ... whose cosine series is nearest to the Gaussian's transfer, exact at 0 and at `nyquist`."""
    m = math.ceil(3.5 * sigma) + 1
    omega = np.linspace(0, math.pi, 4097)
    order = np.arange(m + 1)
    waves = np.cos(order[:, None] * omega)
    series = simpson(np.exp(-((sigma * omega) ** 2) / 2) * waves, x=omega, axis=1) / math.pi
    series[1:] *= 2  # coefficients of cosines: taps to both sides
    # Least change (in the mean square of the transfer) that meets both frequencies.
    norm = np.where(order == 0, 1.0, 0.5)
    at = np.cos(order[None, :] * np.array([[0.0], [nyquist]]))
    wanted = np.array([1.0, math.exp(-((sigma * nyquist) ** 2) / 2)])
    lever = at / norm
    series += lever.T @ np.linalg.solve(lever @ at.T, wanted - at @ series)
    return tuple(np.where(order == 0, series, series / 2))


def taps(mtf: float, factor: float = 1.0) -> Array:
    """Filter of area means that together with the mean over the native pixel transfers `mtf` at its Nyquist frequency.

    Parameters
    ----------
    mtf : float
        Total at Nyquist [1], the pixel's box included.
    factor : float
        Input pixels a native pixel; 1 = the input has the native size already.

    Returns
    -------
    float64 array, shape (2 m + 1,)
        Sums to 1. At factor 1 the second neighbours are negative, about -0.03.

    Examples
    --------
    >>> taps(0.26).round(3).tolist()
    [0.013, -0.027, 0.135, 0.759, 0.135, -0.027, 0.013]
    """
    half = np.array(_half_taps(sigma_of(mtf) * factor, math.pi / factor))
    return np.concatenate([half[:0:-1], half])


@lru_cache(maxsize=64)
def spread_rows(n: int, to: int, *, mtf: float | None) -> Any:
    """Weights of point spread and area mean from `n` pixels to `to`: sparse (to, n).

    Parameters
    ----------
    mtf : float or None
        Total at the Nyquist frequency of an output pixel; None = the area mean alone.

    Returns
    -------
    sparse float64 array
        Rows sum to 1: at the image's edge the weights of what lies beyond are shared out among the rest.
    """
    area = area_rows(n, to)
    if mtf is None:
        return area
    filter = taps(mtf, n / to)
    m = len(filter) // 2
    offsets = np.arange(-m, m + 1)
    cols = np.arange(n)[:, None] + offsets[None, :]
    inside = (cols >= 0) & (cols < n)
    rows = np.broadcast_to(np.arange(n)[:, None], cols.shape)
    weights = np.broadcast_to(filter, cols.shape)
    blur = csr_array((weights[inside], (rows[inside], cols[inside])), shape=(n, n))
    both = csr_array(area @ blur)
    total = np.asarray(both.sum(axis=1)).ravel()
    both.data /= np.repeat(total, np.diff(both.indptr))
    both.sort_indices()
    return both


@lru_cache(maxsize=64)
def block_rows(n: int, to: int, *, sigma: float) -> Any:
    """Weights of a Gaussian about the middle of each output pixel, cut at its edges: sparse (to, n).

    This is 003's `aggregation: {name: convolution, kernel: {sigma}}`, `sigma` in input pixels (1.5 in its templates),
    for any two lengths; the system itself needed whole factors. Each input pixel counts by its part in the output one.
    """
    area = area_rows(n, to)
    rows = np.repeat(np.arange(to), np.diff(area.indptr))
    off = (area.indices + 0.5) - (rows + 0.5) * n / to
    area.data = area.data * np.exp(-(off**2) / (2 * sigma**2))
    total = np.asarray(area.sum(axis=1)).ravel()
    area.data /= np.repeat(total, np.diff(area.indptr))
    return area


@dataclass(frozen=True, slots=True, eq=False)
class Aggregated:
    """Coarser pixels, and what they were made of."""

    #: float32 (..., H, W); 0 where not valid.
    data: Array
    #: bool (..., H, W): enough of the weight is of valid pixels.
    valid: Array
    #: float32 (..., H, W): that share [1].
    share: Array
    #: Transfer at Nyquist a band; None = the area mean alone.
    mtf: tuple[float | None, ...]
    #: 003's Gaussian [input pixels]; None = not used.
    sigma: float | None


def aggregate(
    image: Array,
    size: tuple[int, int],
    *,
    mtf: float | Sequence[float | None] | None = None,
    sigma: float | None = None,
    valid: Array | None = None,
    least: float = 0.0,
) -> Aggregated:
    """See the ground with coarser pixels, or with pixels of the same size through optics.

    Parameters
    ----------
    image : float array, shape (..., b, h, w)
        Area means of a physical quantity: reflectance, linear power; never decibels or classes.
    size : (int, int)
        Height and width to make, any two whole numbers up to the image's.
    mtf : float, or one (or None) a band, optional
        Transfer at the Nyquist frequency of the new pixels, the area mean included. None = the area mean alone.
    sigma : float, optional
        003's Gaussian within the new pixel [input pixels], instead of `mtf`; see `block_rows`.
    valid : bool array, broadcastable to the image, optional
        What is not valid has no weight.
    least : float
        A pixel is valid if more than this share of its weight was [1].

    Raises
    ------
    Refused
        The size is not positive or finer than the image, or both `mtf` and `sigma` are given.
    Mismatch
        There are not as many transfers as bands.

    Examples
    --------
    >>> aggregate(np.arange(16.0).reshape(1, 4, 4), (2, 2)).data.tolist()
    [[[2.5, 4.5], [10.5, 12.5]]]
    """
    require_size(size, image.shape, where="aggregation size")
    if mtf is not None and sigma is not None:
        raise Refused(where="aggregation", what="mtf and sigma both say how pixels spread", fix="Give one of them.")
    if sigma is not None and not sigma > 0:
        raise Refused(where="aggregation sigma", what=f"is a length in pixels above 0, have {sigma:g}")
    if not 0 <= least < 1:
        raise Refused(where="aggregation least", what=f"is a share from 0 to below 1, have {least:g}")
    b = image.shape[-3] if image.ndim > 2 else 1
    each: tuple[float | None, ...] = tuple(mtf) if isinstance(mtf, Sequence) else (mtf,) * b
    if len(each) != b:
        raise Mismatch(where="aggregation", what="mtf", want=f"one a band, {b}", have=str(len(each)))
    planes = np.asarray(image).reshape(-1, b, *image.shape[-2:])
    mask = None if valid is None or valid.all() else np.broadcast_to(valid, image.shape).reshape(planes.shape)
    data = np.empty((*planes.shape[:2], *size), np.float32)
    share = None if mask is None else np.empty(data.shape, np.float32)
    shape = (*image.shape[:-2], *size)
    for k, transfer in enumerate(each):
        down, across = (
            spread_rows(n, to, mtf=transfer) if sigma is None else block_rows(n, to, sigma=sigma)
            for n, to in zip(image.shape[-2:], size, strict=True)
        )
        if mask is None or share is None:
            data[:, k] = apply_both(down, across, planes[:, k])
            continue
        share[:, k] = apply_both(down, across, mask[:, k].astype(np.float32))
        data[:, k] = apply_both(down, across, np.where(mask[:, k], planes[:, k], 0))
    if share is None:
        whole = np.broadcast_to(np.True_, shape), np.broadcast_to(np.float32(1), shape)
        return Aggregated(data.reshape(shape), *whole, each, sigma)
    kept = share > least + 1e-6
    data = np.where(kept, data / np.where(kept, share, 1), 0).astype(np.float32)
    return Aggregated(data.reshape(shape), kept.reshape(shape), share.reshape(shape), each, sigma)
