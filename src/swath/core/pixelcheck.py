"""Pixel check: do these Sentinel-2 digital numbers carry the +1000 of baseline 04.00? The pixels answer.

Three answers: unshifted, shifted, undecided. The cirrus band decides L1C (its darkest ground is near zero), the dark
end of any band decides the rest; a pair of L1C and L2A and a series have rules of their own. Thresholds were measured
on real scenes of both kinds and are deliberately wide: what lies between them is undecided, not guessed.
Knows digital numbers only; what to do with an answer is decided in `core.offset`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from swath.core.array import Array
from swath.core.quantity import DN_NODATA, DN_SATURATED

__all__ = [
    "CIRRUS_SHIFTED",
    "CIRRUS_UNSHIFTED",
    "DARK_SHIFTED",
    "DARK_UNSHIFTED",
    "LEAST_PIXELS",
    "Answer",
    "Verdict",
    "check_pair",
    "check_pixels",
    "check_series",
]

Answer = Literal["unshifted", "shifted", "undecided"]

#: Fewer valid pixels than this decide nothing.
LEAST_PIXELS: Final = 2000
#: 1 % quantile of B10 below which L1C is unshifted, and range in which it is shifted.
CIRRUS_UNSHIFTED: Final = 500.0
CIRRUS_SHIFTED: Final = (950.0, 1150.0)
#: 0.1 % quantile of the darkest band below which any level is unshifted, and range in which it is shifted.
DARK_UNSHIFTED: Final = 700.0
DARK_SHIFTED: Final = (950.0, 1300.0)
_PAIR_SLOPE, _PAIR_UNSHIFTED, _PAIR_SHIFTED = (0.82, 0.92), (-150.0, 300.0), (850.0, 1250.0)
_SERIES_STEP, _SERIES_TOLERANCE = 1000.0, 150.0
#: Of more numbers than this only the dark end is sorted, found by about so many of them.
_MANY, _SOME = 8192, 2048


@dataclass(frozen=True, slots=True)
class Verdict:
    """The pixel check's answer, with the figure that it rests on."""

    #: `unshifted`, `shifted` or `undecided`.
    answer: Answer
    #: Which rule spoke, as a sentence with its figure.
    evidence: str
    #: Valid pixels looked at.
    pixels: int

    def __str__(self) -> str:
        return f"{self.answer} ({self.evidence}; {self.pixels} pixels)"

    def contradicts(self, offset: float) -> bool:
        """True if the pixels speak against this offset."""
        has_offset = offset <= -500
        return (self.answer == "unshifted" and has_offset) or (self.answer == "shifted" and not has_offset)


def _valid(dn: Array, valid: Array | None) -> Array:
    good = np.asarray((dn != DN_NODATA) & (dn != DN_SATURATED))
    return good if valid is None else good & np.broadcast_to(valid, dn.shape)


def _quantile(numbers: Array, share: float) -> float:
    """The quantile by linear interpolation that `numpy.quantile` gives, at a sixteenth of its cost for small arrays.

    Of a large one only the dark end is sorted: what is no greater than a guess by some of its numbers, if that is
    enough of it, and all of it otherwise; either gives the same two numbers.
    """
    at = share * (numbers.size - 1)
    low = int(at)
    high = min(low + 1, numbers.size - 1)
    if numbers.size > _MANY and share < 0.5:
        some = numbers[:: numbers.size // _SOME]
        rank = min(some.size - 1, int(2 * share * some.size) + 16)
        dark = numbers[numbers <= np.partition(some, rank)[rank]]
        numbers = dark if dark.size > high else numbers
    sorted_there = np.partition(numbers, (low, high))
    below, above = float(sorted_there[low]), float(sorted_there[high])
    return below + (above - below) * (at - low)


def check_pixels(dn: Array, bands: Sequence[str], *, level: str, valid: Array | None = None) -> Verdict:
    """Judge one acquisition by its dark end.

    Parameters
    ----------
    dn : integer array, shape (b, h, w)
        Raw digital numbers as stored; 0 and 65535 are left out.
    bands : sequence of str
        Canonical names, one a band.
    level : str
        `L1C` or `L2A`; the cirrus rule holds for L1C only.
    valid : bool array, shape (b or 1, h, w), optional
        What else to leave out.

    Examples
    --------
    >>> ground = np.full((1, 50, 50), 1012, np.uint16)
    >>> check_pixels(ground, ["B10"], level="L1C").answer, check_pixels(ground - 1000, ["B10"], level="L1C").answer
    ('shifted', 'unshifted')
    """
    good = _valid(dn, valid)
    is_whole = bool(good.all())
    pixels = dn[0].size if is_whole and len(dn) else int(np.count_nonzero(good.any(axis=0)))
    if pixels < LEAST_PIXELS:
        return Verdict("undecided", f"fewer than {LEAST_PIXELS} valid pixels", pixels)
    if level == "L1C" and "B10" in bands:
        at = list(bands).index("B10")
        cirrus = dn[at].ravel() if is_whole else dn[at][good[at]]
        if cirrus.size >= LEAST_PIXELS:
            q = _quantile(cirrus, 0.01)
            if q < CIRRUS_UNSHIFTED:
                return Verdict("unshifted", f"1 % quantile of B10 is {q:.0f}, below 500", pixels)
            if CIRRUS_SHIFTED[0] <= q <= CIRRUS_SHIFTED[1]:
                return Verdict("shifted", f"1 % quantile of B10 is {q:.0f}, within 950..1150", pixels)
    darkest = {}
    for i, band in enumerate(bands):
        ground = dn[i].ravel() if is_whole else dn[i][good[i]]
        if ground.size >= LEAST_PIXELS:
            darkest[band] = _quantile(ground, 0.001)
    if not darkest:
        return Verdict("undecided", "no band has enough valid pixels", pixels)
    band = min(darkest, key=lambda name: darkest[name])
    m = darkest[band]
    said = f"0.1 % quantile of {band} is {m:.0f}"
    if m < DARK_UNSHIFTED:
        return Verdict("unshifted", f"{said}, below 700", pixels)
    if DARK_SHIFTED[0] <= m <= DARK_SHIFTED[1]:
        return Verdict("shifted", f"{said}, within 950..1300", pixels)
    return Verdict("undecided", f"{said}, which both kinds can show", pixels)


def check_pair(l1c: Array, l2a: Array, bands: Sequence[str]) -> Verdict:
    """Judge whether L1C and L2A of one acquisition carry the same offset, by regression in B11 and B12.

    `unshifted` means that both agree, `shifted` that only the L1C carries +1000.

    Parameters
    ----------
    l1c, l2a : integer arrays, shape (b, h, w)
        Same grid, same bands in the same order.
    """
    said, answers, pixels = [], set(), 0
    for band in ("B11", "B12"):
        if band not in bands:
            continue
        i = list(bands).index(band)
        good = _valid(l1c[i], None) & _valid(l2a[i], None)
        pixels = max(pixels, int(good.sum()))
        if good.sum() < LEAST_PIXELS or l2a[i][good].std() == 0:
            continue
        slope, intercept = np.polyfit(l2a[i][good].astype(float), l1c[i][good].astype(float), 1)
        said.append(f"{band}: slope {slope:.2f}, intercept {intercept:.0f}")
        inside = _PAIR_SLOPE[0] <= slope <= _PAIR_SLOPE[1]
        if inside and _PAIR_UNSHIFTED[0] <= intercept <= _PAIR_UNSHIFTED[1]:
            answers.add("unshifted")
        elif inside and _PAIR_SHIFTED[0] <= intercept <= _PAIR_SHIFTED[1]:
            answers.add("shifted")
        else:
            answers.add("undecided")
    evidence = "L1C on L2A, " + ("; ".join(said) if said else "too few pixels in B11 and B12")
    if answers == {"shifted"}:
        return Verdict("shifted", evidence, pixels)
    return Verdict("unshifted" if answers == {"unshifted"} else "undecided", evidence, pixels)


def check_series(dn: Array) -> list[Verdict]:
    """Judge each date of a series against the stack's median: an offset error moves all bands alike by 1000.

    Parameters
    ----------
    dn : integer array, shape (t, b, h, w)
        One place; clear dates only are worth judging.

    Returns
    -------
    list of Verdict, one a date
        `unshifted` = agrees with the median, `shifted` = 1000 above it in all bands; a date 1000 *below* it says that
        the others are shifted and is undecided here.
    """
    good = _valid(dn, None)
    masked = np.where(good, dn.astype(float), np.nan)
    with np.errstate(all="ignore"):
        typical = np.nanmedian(np.nanmedian(masked, axis=(2, 3)), axis=0)
        per_date = np.nanmedian(masked, axis=(2, 3)) - typical
    verdicts = []
    for steps, mask in zip(per_date, good, strict=True):
        pixels = int(mask.any(axis=0).sum())
        said = f"differs from the series by {np.nanmin(steps):.0f}..{np.nanmax(steps):.0f} over the bands"
        if np.all(np.abs(steps - _SERIES_STEP) <= _SERIES_TOLERANCE):
            verdicts.append(Verdict("shifted", said, pixels))
        elif np.all(np.abs(steps) <= _SERIES_TOLERANCE):
            verdicts.append(Verdict("unshifted", said, pixels))
        else:
            verdicts.append(Verdict("undecided", said, pixels))
    return verdicts
