"""Majority: the label that covers most of each coarser pixel, its share of it, and how many pixels are mixed.

Areas are counted in whole parts of a pixel, so any two sizes are exact and a tie is a tie: it goes to the lowest code.
Knows codes, not what they mean.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from swath.core.array import Array
from swath.core.errors import Refused
from swath.imaging.along import overlaps, require_size

__all__ = ["Majority", "majority"]

_MOST_VOTES = 2**26


@dataclass(frozen=True, slots=True, eq=False)
class Majority:
    """Labels of coarser pixels."""

    #: (H, W), dtype of the labels.
    labels: Array
    #: float32 (H, W): share of the pixel's labelled area that bears its label; 0 where nothing is labelled.
    share: Array

    @property
    def mixed(self) -> float:
        """Share of pixels that hold more than one label."""
        return float((self.share < 1).mean())


def _indexed(labels: Array) -> tuple[Array, Array]:
    """The codes that occur, in order, and the position of each pixel's among them."""
    low, high = (int(labels.min()), int(labels.max())) if labels.size else (0, 0)
    if high - low >= _MOST_VOTES:
        codes, index = np.unique(labels, return_inverse=True)
        return codes, index.reshape(labels.shape)
    above = labels.astype(np.int64) - low
    occurs = np.bincount(above.ravel(), minlength=1) > 0
    return np.flatnonzero(occurs) + low, (np.cumsum(occurs) - 1)[above]


def _counted(cast: Array, down: Array, across: Array, n: int) -> Array:
    """Add up votes, each weighing the part of a row times the part of a column."""
    if np.ptp(down) == 0 and np.ptp(across) == 0:
        return np.asarray(np.bincount(cast.ravel(), minlength=n) * (down[0] * across[0]))
    weight = down[:, None] * across[None, :]
    return np.asarray(np.bincount(cast.ravel(), weight.ravel(), minlength=n), np.int64)


def majority(labels: Array, size: tuple[int, int], *, none: int | None = None) -> Majority:
    """Find the label that covers most of each coarser pixel.

    Parameters
    ----------
    labels : integer array, shape (h, w)
    size : (int, int)
        Height and width to make.
    none : int, optional
        Code of what has no label: it casts no vote, and stands where nothing else does.

    Raises
    ------
    Refused
        The size is not positive or finer than the labels, or they are no whole numbers.

    Examples
    --------
    >>> fine = np.array([[1, 1, 2, 3], [1, 2, 3, 2]])
    >>> found = majority(fine, (1, 2))
    >>> found.labels.tolist(), found.share.tolist(), found.mixed                # a tie goes to the lowest code
    ([[1, 2]], [[0.75, 0.5]], 1.0)
    """
    if labels.dtype.kind not in "iub" or labels.ndim != 2:
        what = f"are a map of whole numbers (h, w), have {labels.dtype} {labels.shape}"
        raise Refused(where="labels", what=what)
    require_size(size, labels.shape, where="label size")
    codes, index = _indexed(labels)
    winner = np.zeros(size, np.int64)
    best = np.zeros(size, np.int64)
    total = np.zeros(size, np.int64)
    # Strips of output rows, so that the table of votes stays small.
    (row, here_r, next_r), (col, here_c, next_c) = (overlaps(n, to) for n, to in zip(labels.shape, size, strict=True))
    strip = max(1, _MOST_VOTES // (size[1] * len(codes)))
    for top in range(0, size[0], strip):
        bottom = min(top + strip, size[0])
        votes = np.zeros((bottom - top) * size[1] * len(codes), np.int64)
        for r, wr in ((row, here_r), (row + 1, next_r)):
            rows = np.flatnonzero((wr > 0) & (r >= top) & (r < bottom))
            for c, wc in ((col, here_c), (col + 1, next_c)):
                cols = np.flatnonzero(wc > 0)
                if not (len(rows) and len(cols)):
                    continue
                cast = ((r[rows] - top)[:, None] * size[1] + c[cols][None, :]) * len(codes)
                cast += index[rows][:, cols]
                votes += _counted(cast, wr[rows], wc[cols], len(votes))
        table = votes.reshape(bottom - top, size[1], len(codes))
        if none is not None:
            table[:, :, codes == none] = 0
        winner[top:bottom] = table.argmax(axis=2)
        best[top:bottom] = table.max(axis=2)
        total[top:bottom] = table.sum(axis=2)
    found = codes[winner]
    if none is not None:
        found = np.where(total > 0, found, none)
    share = np.where(total > 0, best / np.maximum(total, 1), 0).astype(np.float32)
    return Majority(found.astype(labels.dtype), share)
