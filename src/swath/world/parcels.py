"""Parcels: rows of fields (or plots, or blocks of houses) in a district's own direction.

Rows lie across the direction of the district at jittered distances; each row is cut into parcels of its own rhythm,
and some cuts are left out. Works on any points of a district, told by their coordinates along and across. Knows shapes
and neighbours of parcels, not what grows there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from swath.core.array import Array
from swath.imaging.lattice import bits, uniform

__all__ = ["Parcels", "cut"]

_JITTER: Final = np.float32(0.32)


@dataclass(frozen=True, slots=True, eq=False)
class Parcels:
    """The parcels that n points lie in."""

    #: Int array, shape (n,): which of the p parcels below.
    index: Array
    #: Uint64 array, shape (p,): the stream of each parcel's own random numbers.
    stream: Array
    #: Float32 arrays, shape (n,): pixels to the nearest edge along the rows, and to the nearest of the two others.
    side: Array
    end: Array
    #: Float32 arrays, shape (n,): a number in (0, 1) that belongs to that edge, which may carry a hedge or a track.
    side_draw: Array
    end_draw: Array
    #: Float32 array, shape (n,): place along the row in parcel lengths.
    along: Array


def _settle(place: Array, edges: Array, at: Array) -> tuple[Array, Array, Array]:
    """Move from the unjittered interval `at` to the jittered one that holds each place, and measure to its edges."""
    moved = at + (place >= edges.take(at + 1))
    moved -= place < edges.take(at)
    return moved, place - edges.take(moved), edges.take(moved + 1) - place


def cut(u: Array, v: Array, stream: int, *, length: float, width: float) -> Parcels:
    """Find the parcels of points.

    Parameters
    ----------
    u, v : float32 arrays, shape (n,)
        Pixels along and across the rows, from the district's seed; n >= 1.
    stream : int
        The district's.
    length, width : float
        Typical parcel, along and across [pixels].

    Returns
    -------
    Parcels
    """
    across = v * np.float32(1 / width)
    whole = np.floor(across).astype(np.intp)
    low = int(whole.min()) - 1
    rows = np.arange(low, int(whole.max()) + 3)
    # Four numbers a row: where it begins, what its lower edge carries, its rhythm and its phase.
    draw = uniform(stream, rows, np.array(-(2**40)))
    row, below, above = _settle(across, rows.astype(np.float32) + (draw[:, 0] - 0.5) * (2 * _JITTER), whole - low)
    side = np.minimum(below, above) * np.float32(width)
    side_draw = draw[:, 1].take(row + (above < below))
    pace = (draw[:, 2] * np.float32(0.9) + np.float32(0.55)) * np.float32(length)
    along = u / pace.take(row) + (draw[:, 3] * 7).take(row)
    whole = np.floor(along).astype(np.intp)
    left = int(whole.min()) - 2
    cols = np.arange(left, int(whole.max()) + 3)
    cell = uniform(stream, rows[:, None], cols[None, :])
    cuts = cols.astype(np.float32) + (cell[..., 0] - 0.5) * (2 * _JITTER)
    place, before, after = _settle(along, cuts.ravel(), row * len(cols) + whole - left)
    is_later = after < before
    nearer = place + is_later
    # An odd parcel joins the one before it where its number says so: sizes vary by a factor of two.
    is_joined = ((cols[None, :] & 1) == 1) & (cell[..., 2] < 0.35)
    end = np.minimum(before, after) * pace.take(row)
    end[is_joined.ravel().take(nearer)] = np.float32(1e3)
    home = np.arange(len(cols))[None, :] - is_joined
    streams = bits(stream, rows[:, None] + 2**20, cols[home])
    return Parcels(
        index=(home + np.arange(len(rows))[:, None] * len(cols)).ravel().take(place),
        stream=streams.ravel(),
        side=side,
        end=end,
        side_draw=side_draw,
        end_draw=cell[..., 1].ravel().take(nearer),
        along=before,
    )
