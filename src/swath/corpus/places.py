"""Places: what is known of each sample's whereabouts, the blocks of ground that it lies in, and how far labels agree.

Plain arrays of ids, positions, groups, labels and dates. Blocks are squares of degrees or of metres, whole at the
antimeridian; the range of the label variogram tells how large they should be. Who is trained and who is tested is
decided in `corpus.splits`.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from swath.core.array import Array
from swath.core.errors import Mismatch, Refused
from swath.core.sphere import RADIUS, distance

__all__ = [
    "LabelRange",
    "Places",
    "block_of",
    "block_side",
    "keys_of",
    "label_range",
    "length",
    "parse_block",
    "western_edges",
]

_LENGTH: Final = re.compile(r"\s*([0-9]*\.?[0-9]+)\s*(deg|km|m)\s*")
_DEGREE: Final = math.pi * RADIUS / 180


def _nothing() -> Array:
    return np.empty(0)


@dataclass(frozen=True, slots=True, eq=False)
class Places:
    """What is known of each sample of a corpus, for splitting; lists are turned into arrays.

    Raises
    ------
    Refused
        An id occurs twice, or there is no sample.
    Mismatch
        Columns are not of one length.

    Examples
    --------
    >>> Places(["a", "b"], lon=[5.3, 5.4], lat=[60.4, 60.4]).group.tolist()
    ['', '']
    """

    #: Unique identifiers, str, shape (n,).
    ids: Array
    #: Longitude of the centre [deg], shape (n,); NaN = unknown, not given = all unknown.
    lon: Array = field(default_factory=_nothing)
    #: Latitude of the centre [deg], shape (n,); NaN = unknown.
    lat: Array = field(default_factory=_nothing)
    #: Samples of one group stay together, str, shape (n,); empty = each its own.
    group: Array = field(default_factory=_nothing)
    #: Class code, int, shape (n,); negative = this sample has none. None = no labels.
    label: Array | None = None
    #: datetime64, shape (n,); NaT = unknown. None = no dates.
    time: Array | None = None
    #: Diagonal of the samples' windows on the ground [m]; None = unknown.
    diagonal: float | None = None

    def __post_init__(self) -> None:
        ids = np.asarray(self.ids, str)
        n = len(ids)
        if n == 0:
            raise Refused(where="places", what="there is no sample to split", fix="Build the corpus first.")
        columns: dict[str, Array] = {"ids": ids}
        for name in ("lon", "lat"):
            given = np.asarray(getattr(self, name), float)
            columns[name] = given if given.size else np.full(n, np.nan)
        group = np.asarray(self.group)
        columns["group"] = group.astype(str) if group.size else np.full(n, "")
        if self.label is not None:
            columns["label"] = np.asarray(self.label, np.int64)
        if self.time is not None:
            columns["time"] = np.asarray(self.time, "datetime64[us]")
        for name, column in columns.items():
            if column.shape != (n,):
                raise Mismatch(where=f"places, {name}", what="length", want=f"{n}, one an id", have=str(column.shape))
            object.__setattr__(self, name, column)
        names, counts = np.unique(ids, return_counts=True)
        if len(names) < n:
            twice = names[counts > 1]
            fix = "An id names one sample: mend the ids."
            raise Refused(
                where="places", what=f"{len(twice)} ids occur more than once, first {str(twice[0])!r}", fix=fix
            )

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def is_placed(self) -> Array:
        """True where the place is known, shape (n,)."""
        return np.isfinite(self.lon) & np.isfinite(self.lat)


def length(given: str | float, *, what: str, degrees: bool = False) -> tuple[float, str]:
    """Read a length: metres as a number, or text with its unit; its unit is `deg` or `m`."""
    text = f"{given}m" if isinstance(given, int | float) else given
    match = _LENGTH.fullmatch(text)
    if match is None or (match[2] == "deg" and not degrees):
        fix = "Give metres (10000), or text with a unit: '10km'" + (", '500m', '1deg'." if degrees else ", '500m'.")
        raise Refused(where=what, what=f"{given!r} is not a length", fix=fix)
    number, unit = float(match[1]), match[2]
    return (number * 1000, "m") if unit == "km" else (number, unit)


def parse_block(block: str | float) -> tuple[float, str]:
    """Read the size of a block: a number and its unit, `deg` or `m`.

    Raises
    ------
    Refused
        It is no length, or no size for a block.
    """
    size, unit = length(block, what="block", degrees=True)
    if not 0 < size <= (90 if unit == "deg" else 1e7):
        raise Refused(where="block", what=f"{block!r} is no size for a block", fix="Give up to 10000 km, or to 90deg.")
    return size, unit


def _columns(row: Array, size: float) -> Array:
    """How many metre blocks go round the Earth in a band of latitude: whole blocks, none narrower than `size`."""
    middle = np.deg2rad(-90 + (row + 0.5) * size / _DEGREE)
    return np.asarray(np.maximum(1, np.floor(2 * np.pi * RADIUS * np.maximum(np.cos(middle), 0) / size)))


def block_of(lon: Array, lat: Array, block: str | float) -> Array:
    """Block that each place lies in.

    Degree blocks are squares of the graticule. Metre blocks are bands of latitude of that height, cut into equal parts
    that are as wide on the ground at the band's middle; whole ones go round the Earth, so none is cut at 180 degrees.

    Parameters
    ----------
    lon, lat : float arrays, shape (n,)
        Known places [deg].
    block : str or float
        "1deg", "10km", "500m", or metres.

    Returns
    -------
    int array, shape (n, 2)
        Row (northwards) and column (eastwards) of the block.

    Raises
    ------
    Refused
        The block is no length.

    Examples
    --------
    >>> block_of(np.array([-0.1, 5.3]), np.array([44.0, 60.4]), "1deg").tolist()
    [[44, -1], [60, 5]]
    """
    size, unit = parse_block(block)
    east = (np.asarray(lon, float) + 180) % 360
    north = np.asarray(lat, float)
    if unit == "deg":
        return np.stack([np.floor(north / size), np.floor((east - 180) / size)], axis=1).astype(np.int64)
    row = np.floor((north + 90) * _DEGREE / size)
    around = _columns(row, size)
    column = np.minimum(np.floor(east / 360 * around), around - 1)
    return np.stack([row, column], axis=1).astype(np.int64)


def block_side(block: str | float, lat: Array) -> float:
    """Shortest side [m] of the blocks at these latitudes: for degrees, the width furthest from the equator.

    Examples
    --------
    >>> round(block_side("1deg", np.array([60.0]))), block_side("10km", np.array([60.0]))
    (55598, 10000.0)
    """
    size, unit = parse_block(block)
    if unit == "m":
        return size
    return float(size * _DEGREE * np.cos(np.deg2rad(np.abs(np.asarray(lat, float)).max())))


def western_edges(blocks: Array, block: str | float) -> Array:
    """Western edge of each block [deg], shape (u,)."""
    size, unit = parse_block(block)
    return blocks[:, 1] * size if unit == "deg" else blocks[:, 1] * 360 / _columns(blocks[:, 0], size) - 180


def keys_of(seed: int, purpose: str, names: Sequence[str] | Array) -> Array:
    """One random number a name, uint64: a function of seed, purpose and name, of nothing else."""
    head = hashlib.blake2b(f"{seed}/{purpose}/".encode(), digest_size=8)
    keys = np.empty(len(names), np.uint64)
    for i, name in enumerate(names):
        one = head.copy()
        one.update(str(name).encode())
        keys[i] = int.from_bytes(one.digest(), "little")
    return keys


@dataclass(frozen=True, slots=True)
class LabelRange:
    """How far labels agree beyond chance: an estimate of how large blocks have to be."""

    #: Distance [m] at which 95 % of the excess agreement is gone; 0 = none to begin with, inf = not within the data.
    range: float
    #: Agreement of two samples anywhere [1].
    chance: float
    #: Agreement at no distance, as fitted [1].
    agreement: float
    #: Mean distance of the pairs in each bin [m], then their agreement [1] and their number.
    bins: tuple[tuple[float, float, int], ...]

    def summary(self, side: float | None = None) -> str:
        """One sentence with the advice, beside a block's shortest side [m] if that is given.

        Examples
        --------
        >>> LabelRange(20e3, 0.1, 0.9, ()).summary(block_side("10km", np.array([50.0])))
        'Labels agree beyond chance (0.10) up to about 20 km: blocks want sides of 40 km or more, these have 10 km.'
        """
        if self.range == 0:
            return f"Labels of neighbours agree no more than chance ({self.chance:.2f}): any block will do."
        if math.isinf(self.range):
            return f"Labels agree beyond chance ({self.chance:.2f}) over the whole region: no block is large enough."
        advice = f"Labels agree beyond chance ({self.chance:.2f}) up to about {_kilometres(self.range)}"
        have = "" if side is None else f", these have {_kilometres(side)}"
        return f"{advice}: blocks want sides of {_kilometres(2 * self.range)} or more{have}."


def _kilometres(metres: float) -> str:
    return f"{metres / 1000:.3g} km"


def label_range(places: Places, *, seed: int = 0, pairs: int = 20_000_000) -> LabelRange:
    """Estimate the range of the label variogram.

    Agreement of labels is averaged in bins of distance; chance + (a - chance) exp(-3 d / range) is fitted to it by
    least squares over logarithmic distance, which makes `range` the distance with 5 % of the excess left (the practical
    range of an exponential variogram).

    Parameters
    ----------
    places : Places
        With places and labels; samples that lack either are left out.
    seed : int
        Draws the samples whose distances to all others are taken.
    pairs : int
        About so many at most.

    Raises
    ------
    Refused
        Fewer than ten samples have both place and label.
    """
    known = places.is_placed if places.label is None else places.is_placed & (places.label >= 0)
    if places.label is None or known.sum() < 10:
        raise Refused(where="label range", what="needs ten samples with place and label", fix="Import both.")
    lon, lat, label = places.lon[known], places.lat[known], places.label[known]
    n = len(label)
    anchors = np.argsort(keys_of(seed, "label range", places.ids[known]))[: max(10, min(n, pairs // n))]
    chance = float((np.unique(label, return_counts=True)[1] / n) @ (np.unique(label, return_counts=True)[1] / n))
    edges = np.geomspace(50.0, np.pi * RADIUS, 56)
    total, agreeing, metres = np.zeros((3, len(edges) + 1))
    for anchor in anchors:
        away = distance(lon[anchor : anchor + 1], lat[anchor : anchor + 1], lon, lat)
        bin_ = np.searchsorted(edges, away)
        other = np.arange(n) != anchor
        total += np.bincount(bin_[other], minlength=len(total))
        agreeing += np.bincount(bin_[other], weights=label[other] == label[anchor], minlength=len(total))
        metres += np.bincount(bin_[other], weights=away[other], minlength=len(total))
    there = total > 0
    away, agreement, count = metres[there] / total[there], agreeing[there] / total[there], total[there]
    reach, start = _fit_range(away, agreement - chance, np.minimum(count, 1000), 1 - chance)
    bins = tuple((float(d), float(a), int(c)) for d, a, c in zip(away, agreement, count, strict=True))
    return LabelRange(reach, chance, chance + start, bins)


def _fit_range(away: Array, excess: Array, weight: Array, most: float) -> tuple[float, float]:
    """Range and start of the exponential that fits best, over a grid of ranges a twentieth apart."""
    best = (np.inf, 0.0, 0.0)
    for reach in np.geomspace(100.0, 1e8, 284):
        curve = np.exp(-3 * away / reach)
        norm = float(weight @ curve**2)
        start = float(np.clip((weight * curve) @ excess / norm, 0, most)) if norm > 0 else 0.0
        miss = float(weight @ (excess - start * curve) ** 2)
        if miss < best[0]:
            best = (miss, float(reach), start)
    _, reach, start = best
    if start < 0.05:
        return 0.0, start
    return (reach if reach < away.max() else math.inf), start
