"""Missing: dates, bands, lines and corners that a series lacks, and stripes of detectors, with the truth of each.

What is taken away becomes 0 and not valid; stripes change numbers by a factor and an addend of each detector, which are
kept. Which date, band or line goes is drawn by its own number, so one more date changes no other. Knows no quantities.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from swath.core.array import Array
from swath.core.errors import Refused, Unknown
from swath.imaging.lattice import Extent, gaussian_table, key, uniform, white

__all__ = [
    "Gaps",
    "Missing",
    "Striped",
    "Stripes",
    "Subsampled",
    "drop",
    "drop_bands",
    "stripe",
    "subsample",
]


@dataclass(frozen=True, slots=True, eq=False)
class Subsampled:
    """Every k-th date."""

    #: (t', b, h, w).
    data: Array
    #: Position in the whole series -> position among the kept ones, None = left out; as 003's `files` with null.
    frames: tuple[int | None, ...]
    #: 003's `temporal_res`.
    every: int


def subsample(image: Array, every: int) -> Subsampled:
    """Keep every k-th date, the first among them: 003's `temporal_res`.

    Raises
    ------
    Refused
        k is not positive, or longer than the series.

    Examples
    --------
    >>> subsample(np.zeros((5, 1, 2, 2)), 2).frames
    (0, None, 1, None, 2)
    """
    t = len(image)
    if not 1 <= every <= t:
        raise Refused(where="temporal_res", what=f"{every} is outside 1 to {t}, the dates of the series")
    return Subsampled(image[::every], tuple(i // every if i % every == 0 else None for i in range(t)), every)


@dataclass(frozen=True, slots=True)
class Gaps:
    """What of an acquisition may be missing; chances and shares are 0 = never.

    Raises
    ------
    Refused
        A chance is outside 0 to 1, or an angle outside -90 to 90.
    """

    #: Chance that a band of a date is not there [1].
    bands: float = 0.0
    #: Chance that a line (row) of a band is lost in transmission [1].
    lines: float = 0.0
    #: Share of the ground of a date that lies beyond the swath's edge [1], on a side drawn by the date; within 1 pixel.
    wedge: float = 0.0
    #: Chance that a date has such a wedge [1].
    wedge_chance: float = 1.0
    #: Tilt of that edge against north, clockwise [deg]; Sentinel-2's descending tracks run at about 13 degrees.
    tilt: float = 13.0

    def __post_init__(self) -> None:
        for name in ("bands", "lines", "wedge", "wedge_chance"):
            given = getattr(self, name)
            if not 0 <= given <= 1:
                raise Refused(where=f"gaps {name}", what=f"is a share from 0 to 1, have {given:g}")
        if not -90 <= self.tilt <= 90:
            raise Refused(where="gaps tilt", what=f"is an angle from -90 to 90 degrees, have {self.tilt:g}")


@dataclass(frozen=True, slots=True, eq=False)
class Missing:
    """A series with gaps, and which."""

    #: As it came; 0 where not valid.
    data: Array
    #: bool (t, b, h, w).
    valid: Array
    #: bool (t, b): the band is there.
    present: Array
    #: bool (t, b, h): the line was lost.
    lost: Array
    #: bool (t, h, w): beyond the swath's edge.
    outside: Array
    #: What was asked for.
    options: Gaps


def _chances(stream: int, n: int) -> Array:
    return uniform(stream, np.arange(n), np.zeros(n, np.int64))[:, 0]


def _wedge(options: Gaps, shape: tuple[int, int], stream: int) -> Array:
    """What lies beyond a straight edge that leaves the asked share outside."""
    draw = uniform(stream, np.zeros(1, np.int64), np.zeros(1, np.int64))[0]
    if not options.wedge or draw[0] >= options.wedge_chance:
        return np.zeros(shape, bool)
    rows, cols = np.mgrid[: shape[0], : shape[1]]
    angle = math.radians(options.tilt)
    # Eastward distance from an edge that runs along (sin, cos) of the angle, east and north.
    across = cols * math.cos(angle) + rows * math.sin(angle)
    across = across if draw[1] < 0.5 else -across
    count = round(options.wedge * across.size)
    outside = np.zeros(across.size, bool)
    outside[np.argsort(across.ravel(), kind="stable")[:count]] = True
    return outside.reshape(shape)


def drop(
    image: Array, options: Gaps, *, seed: int, valid: Array | None = None, dates: Sequence[int] | None = None
) -> Missing:
    """Take bands, lines and corners away.

    Parameters
    ----------
    image : array, shape (t, b, h, w)
    options : Gaps
    seed : int
    valid : bool array, broadcastable to the image, optional
        What was valid before.
    dates : sequence of int, optional
        Numbers that name the dates; their positions if not given.
    """
    t, b, h, w = image.shape
    days = range(t) if dates is None else dates
    present, lost = np.ones((t, b), bool), np.zeros((t, b, h), bool)
    outside = np.zeros((t, h, w), bool)
    for i, day in enumerate(days):
        present[i] = _chances(key(seed, "missing band", day), b) >= options.bands
        for k in range(b):
            lost[i, k] = _chances(key(seed, "lost line", day, k), h) < options.lines
        outside[i] = _wedge(options, (h, w), key(seed, "wedge", day))
    kept = np.ones(image.shape, bool) if valid is None else np.broadcast_to(valid, image.shape)
    kept = kept & present[:, :, None, None] & ~lost[:, :, :, None] & ~outside[:, None]
    return Missing(np.where(kept, image, image.dtype.type(0)), kept, present, lost, outside, options)


def drop_bands(image: Array, names: Sequence[str], *, bands: Sequence[str]) -> Missing:
    """Take named bands away on all dates.

    Raises
    ------
    Unknown
        The image has no such band; the nearest is named.

    Examples
    --------
    >>> drop_bands(np.ones((1, 2, 1, 1)), ["B10"], bands=["B09", "B10"]).present.tolist()
    [[True, False]]
    """
    for name in names:
        if name not in bands:
            raise Unknown(name, bands, what="band", where="missing bands")
    present = np.array([[band not in names for band in bands]] * len(image)).reshape(len(image), len(bands))
    kept = np.broadcast_to(present[:, :, None, None], image.shape).copy()
    t, b, h, w = image.shape
    nothing = np.zeros((t, b, h), bool), np.zeros((t, h, w), bool)
    return Missing(np.where(kept, image, image.dtype.type(0)), kept, present, *nothing, Gaps())


@dataclass(frozen=True, slots=True)
class Stripes:
    """How detectors of a line differ: each column (or row) belongs to one, and they repeat.

    Raises
    ------
    Refused
        A spread is negative, there is no detector, or the axis is neither 0 nor 1.
    """

    #: Standard deviation of the detectors' gain [1] and offset [the image's unit].
    gain: float = 0.0
    offset: float = 0.0
    #: Detectors; column i is seen by detector i modulo this. 0 = each column by its own.
    detectors: int = 0
    #: 1 = stripes run along columns (push-broom), 0 = along rows (scanning).
    axis: int = 1

    def __post_init__(self) -> None:
        for name in ("gain", "offset"):
            given = getattr(self, name)
            if not 0 <= given < math.inf:
                raise Refused(where=f"stripes {name}", what=f"is a number of 0 or more, have {given:g}")
        if self.detectors < 0:
            raise Refused(where="stripes detectors", what=f"are 0 or more, have {self.detectors}")
        if self.axis not in (0, 1):
            raise Refused(where="stripes axis", what=f"is 0 (rows) or 1 (columns), have {self.axis}")


@dataclass(frozen=True, slots=True, eq=False)
class Striped:
    """An image with stripes, and those of each detector."""

    #: float32 (t, b, h, w): gain * clean + offset.
    data: Array
    #: float32 (b, n): of each column (or row); the same on all dates, as an instrument's are.
    gain: Array
    offset: Array
    #: What was asked for.
    options: Stripes


def stripe(image: Array, options: Stripes, *, extent: Extent, seed: int) -> Striped:
    """Lay stripes over a series.

    Parameters
    ----------
    image : float array, shape (t, b, h, w)
    options : Stripes
    extent : Extent
        Pixels of the lattice: a column keeps its detector in every extent.
    seed : int

    Examples
    --------
    >>> stripe(np.ones((1, 1, 2, 3)), Stripes(), extent=Extent(0, 0, 2, 3), seed=0).data.min()
    np.float32(1.0)
    """
    lines = extent.cols if options.axis else extent.rows
    lines = lines % options.detectors if options.detectors else lines
    low = int(lines.min())
    count = int(lines.max()) - low + 1
    drawn = np.empty((2, image.shape[1], len(lines)), np.float32)
    for k in range(image.shape[1]):
        for j, purpose in enumerate(("stripe gain", "stripe offset")):
            whole = white(key(seed, purpose, k), Extent(0, low, 1, count), gaussian_table())[0]
            drawn[j, k] = whole[lines - low]
    gain, offset = 1 + np.float32(options.gain) * drawn[0], np.float32(options.offset) * drawn[1]
    shape = (image.shape[1], 1, -1) if options.axis else (image.shape[1], -1, 1)
    data = np.asarray(image, np.float32) * gain.reshape(shape) + offset.reshape(shape)
    return Striped(data, gain, offset, options)
