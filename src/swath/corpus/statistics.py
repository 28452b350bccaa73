"""Statistics: what the numbers of a stack are like, band by band, in one streaming pass.

Integers of 8 and 16 bits are counted in tables, from which every moment follows exactly; floats are merged from picture
to picture in double precision, centred, so that large values lose nothing. Only valid values count: never nodata, never
NaN. A picture is one date of one sample. The pass also keeps the few counts that betray a wrong offset, a wrong mask or
a wrong scale, and says so in `alarms`. Which samples it is shown is the caller's choice; it carries that choice's name.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Final

import numpy as np

from swath.core.array import Array
from swath.core.errors import Mismatch, Refused, Unknown
from swath.core.pixelcheck import DARK_SHIFTED, DARK_UNSHIFTED, LEAST_PIXELS
from swath.core.quantity import DB_FLOOR, DN_NODATA, DN_SATURATED, Quantity

__all__ = ["STD_KINDS", "STD_RATIO", "Statistics", "merge", "statistics"]

#: Standard deviations that can be asked for: over all pixels, or the mean of those within each picture.
STD_KINDS: Final = ("population", "per-image-mean")
#: A given standard deviation that is so many times smaller than that of all pixels is one within pictures.
STD_RATIO: Final = 1.8

#: Darkest number of a picture that tells an offset of +1000 from none, and the share of pictures that counts as a mode.
_MODE: Final = 0.05
#: Reflectance above which only arithmetic can have gone; what nodata becomes when the offset is added to it.
_TOO_BRIGHT, _OFFSET_NODATA = 5.0, np.float32(-0.1)
#: Medians of backscatter [dB] outside this are not natural.
_MEDIAN_DB: Final = (-35.0, 5.0)
#: Histogram ranges by kind of quantity; what is not here takes the range of its type, or of the first batch.
_LIMITS: Final = {"toa": (-0.2, 1.8), "boa": (-0.2, 1.8), "probability": (0.0, 1.0)}
_LIMITS_CIRRUS: Final = (0.0, 1280.0)
_LIMITS_DN, _LIMITS_DB = (0.0, 12_800.0), (-50.0, 14.0)
#: Values worked on at a time.
_VALUES: Final = 1 << 20


@dataclass(frozen=True, slots=True, eq=False)
class Statistics:
    """Figures per band (b,) of everything that was seen; made by `statistics` and `merge`."""

    #: Canonical names in order.
    bands: tuple[str, ...]
    #: What the numbers mean.
    quantity: Quantity
    #: numpy name of the type they were stored in.
    dtype: str
    #: Values seen, valid or not.
    offered: Array
    #: Valid values: all figures below are of these.
    count: Array
    #: Mean; of decibels where the quantity is in decibels, see `mean_name`.
    mean: Array
    #: Sum of squared deviations from the mean.
    squares: Array
    #: Least value; NaN if there is none.
    low: Array
    #: Greatest value; NaN if there is none.
    high: Array
    #: Pictures with a valid value.
    images: Array
    #: Mean over those pictures of the standard deviation within each.
    image_std: Array
    #: Bins of the histogram, float (b, k + 1); a value on an edge is in the bin above it.
    edges: Array
    #: Valid values in each bin, int (b, k).
    histogram: Array
    #: Valid values below the first bin.
    under: Array
    #: Valid values above the last bin.
    over: Array
    #: Reflectances above 5, which only wrapped arithmetic makes.
    too_bright: Array
    #: Reflectances of exactly -0.1, which is what nodata turns into when an offset is added.
    offset_nodata: Array
    #: Sentinel-2 numbers: pictures whose darkest value lies below 700 in this band.
    dark: Array
    #: Sentinel-2 numbers: pictures whose darkest value lies within 950 to 1300 in this band.
    shifted: Array
    #: The same over all bands together: pictures judged (2,000 valid pixels or more), dark, shifted.
    darkest: tuple[int, int, int]
    #: Sum and sum of squares of the values, exact, for integers of 8 and 16 bits; else None.
    exact: tuple[tuple[int, int], ...] | None = None
    #: Hash of the split whose part was read; empty = all samples, of no split.
    split_hash: str = ""
    #: Part that was read; empty = all samples.
    part: str = ""
    #: Fold of the split.
    fold: int = 0

    @property
    def mean_name(self) -> str:
        """What the mean is called: a mean of decibels is not the decibels of a mean."""
        return "mean of dB" if self.quantity.is_db else "mean"

    @property
    def valid_share(self) -> Array:
        """Share of the values seen that are valid, (b,)."""
        return np.asarray(self.count / np.maximum(self.offered, 1))

    def std(self, *, kind: str = "population") -> Array:
        """Standard deviation, (b,); NaN where nothing is valid.

        Parameters
        ----------
        kind : str
            `population`: of all pixels, which is what normalisation needs. `per-image-mean`: the mean of the standard
            deviations within pictures, smaller, as some published constants were made.

        Raises
        ------
        Unknown
            There is no such kind.
        """
        if kind not in STD_KINDS:
            raise Unknown(kind, STD_KINDS, what="standard deviation")
        if kind == "per-image-mean":
            return self.image_std
        return np.asarray(np.sqrt(_divide(self.squares, self.count)))

    def moments(self, *, std: str = "population") -> dict[str, dict[str, float]]:
        """Mean and standard deviation by band name, as `core.presets.from_statistics` takes them."""
        spread = self.std(kind=std)
        return {
            "mean": {band: float(value) for band, value in zip(self.bands, self.mean, strict=True)},
            "std": {band: float(value) for band, value in zip(self.bands, spread, strict=True)},
        }

    def quantile(self, q: float) -> Array:
        """Estimate a quantile from the histogram, (b,): exact to a bin's width; NaN where nothing is valid."""
        found = np.full(len(self.bands), np.nan)
        for i, count in enumerate(self.count):
            if count:
                steps = np.concatenate([[0, self.under[i]], self.under[i] + np.cumsum(self.histogram[i]), [count]])
                ends = np.concatenate([[self.low[i]], self.edges[i], [self.high[i]]])
                ends = np.clip(ends, self.low[i], self.high[i])
                rising = np.concatenate([[True], np.diff(steps) > 0])
                at = max(1, int(np.searchsorted(steps[rising], q * count)))
                upper = np.flatnonzero(rising)[min(at, int(rising.sum()) - 1)]
                within = (q * count - steps[upper - 1]) / (steps[upper] - steps[upper - 1])
                found[i] = ends[upper - 1] + within * (ends[upper] - ends[upper - 1])
        return found

    def notes(self) -> list[str]:
        """What a reader of the figures must know; not errors."""
        said = []
        if self.quantity.is_db:
            said.append(f"{self.quantity}: means and standard deviations are of decibels, not of power.")
        seen = self.valid_share.min() if len(self.bands) else 1.0
        if seen < 1:
            said.append(f"Valid values are {100 * seen:.1f} % of what was read in the band with the fewest.")
        if self.split_hash:
            said.append(f"Of part {self.part}, fold {self.fold}, of split {self.split_hash[:12]}.")
        return said

    def alarms(self, *, std: Sequence[float] | Mapping[str, float] | None = None) -> list[str]:
        """What looks wrong, each in a sentence; empty = nothing.

        Parameters
        ----------
        std : sequence of float (b,) or mapping, optional
            Standard deviations that somebody means to normalise with: compared with those of all pixels.

        Raises
        ------
        Mismatch
            `std` is not one a band.
        """
        found = [
            f"{band}: none of {offered} values is valid."
            for band, offered, count in zip(self.bands, self.offered, self.count, strict=True)
            if not count
        ]
        found += self._bad_std(std) if std is not None else []
        for band, bright, nodata in zip(self.bands, self.too_bright, self.offset_nodata, strict=True):
            if bright:
                found.append(f"{band}: {bright} reflectances above 5: unsigned numbers wrapped below 0?")
            if nodata:
                found.append(f"{band}: {nodata} reflectances of exactly -0.1: nodata that an offset was added to?")
        return found + self._bad_offset() + self._bad_power()

    def _bad_std(self, std: Sequence[float] | Mapping[str, float]) -> list[str]:
        given = [std[band] for band in self.bands if band in std] if isinstance(std, Mapping) else list(std)
        if len(given) != len(self.bands):
            raise Mismatch(where="statistics", what="std", want=f"one of each of {' '.join(self.bands)}", have=str(std))
        found = []
        for band, have, whole, within in zip(self.bands, given, self.std(), self.image_std, strict=True):
            if have > 0 and whole / have > STD_RATIO:
                near = f"; within pictures it is {within:.4g}" if abs(have / within - 1) < 0.1 else ""
                found.append(f"{band}: std {have:.4g} is given, over all pixels it is {whole:.4g}{near}.")
        return found

    def _bad_offset(self) -> list[str]:
        """Darkest numbers around 0 and around 1000 in one corpus, or not where the declared offset puts them."""
        judged, dark, shifted = self.darkest
        if not judged:
            return []
        said = (
            f"{100 * dark / judged:.0f} % have their darkest below 700, {100 * shifted / judged:.0f} % at 950 to 1300"
        )
        if dark / judged >= _MODE and shifted / judged >= _MODE:
            return [f"Two kinds of pictures: {said}: with and without the offset of +1000?"]
        offset = self.quantity.offset
        if offset is not None and min(offset) <= -500 and dark / judged >= _MODE:
            return [f"The offset is declared as {min(offset):g}, yet of {judged} pictures {said}: taken off already?"]
        if offset is not None and max(offset) > -500 and shifted / judged > 0.5:
            return [f"The offset is declared as {max(offset):g}, yet of {judged} pictures {said}: forgotten?"]
        return []

    def _bad_power(self) -> list[str]:
        """Backscatter: linear taken for decibels or the reverse, polarisations swapped, unnatural levels."""
        kind = self.quantity.kind.removesuffix("_db")
        if kind not in ("beta0", "sigma0", "gamma0_ellipsoid", "gamma0_rtc") or not self.count.all():
            return []
        found = []
        median = self.quantile(0.5)
        for band, low, middle in zip(self.bands, self.low, median, strict=True):
            if self.quantity.is_db and low >= 0:
                found.append(f"{band}: declared in dB, yet no value is below 0: linear power?")
            if not self.quantity.is_db and middle < 0:
                found.append(f"{band}: declared as linear power, yet half the values are below 0: decibels?")
        if found:
            return found
        levels = median if self.quantity.is_db else 10 * np.log10(np.maximum(median, DB_FLOOR))
        for band, level in zip(self.bands, levels, strict=True):
            if not _MEDIAN_DB[0] <= level <= _MEDIAN_DB[1]:
                found.append(f"{band}: the median is {level:.1f} dB, outside -35 to 5.")
        if {"VV", "VH"} <= set(self.bands):
            vv, vh = (float(levels[self.bands.index(band)]) for band in ("VV", "VH"))
            if vh >= vv:
                found.append(f"Median VH ({vh:.1f} dB) is not below VV ({vv:.1f} dB): bands swapped?")
        return found

    def as_rows(self) -> list[dict[str, str]]:
        """Lines of a table for people, one a band."""
        columns = {
            "mean": self.mean,
            "std": self.std(),
            "std within pictures": self.image_std,
            "min": self.low,
            "max": self.high,
        }
        columns = {self.mean_name if name == "mean" else name: column for name, column in columns.items()}
        return [
            {"band": band, "valid": f"{100 * self.valid_share[i]:.4g} %"}
            | {name: f"{column[i]:.5g}" for name, column in columns.items()}
            for i, band in enumerate(self.bands)
        ]

    def to_json(self) -> dict[str, Any]:
        """Plain JSON; NaN becomes null."""
        held: dict[str, Any] = {"mean_name": self.mean_name}
        for each in fields(self):
            value = getattr(self, each.name)
            held[each.name] = _plain(value.tolist()) if isinstance(value, np.ndarray) else value
        held |= {"bands": list(self.bands), "quantity": self.quantity.to_json(), "darkest": list(self.darkest)}
        held["exact"] = None if self.exact is None else [list(pair) for pair in self.exact]
        return held

    @classmethod
    def from_json(cls, held: Mapping[str, Any]) -> Statistics:
        """Read what `to_json` wrote."""
        given = {each.name: held[each.name] for each in fields(cls)}
        for name in _COUNTS:
            given[name] = np.asarray(given[name], np.int64)
        for name in _FLOATS:
            given[name] = np.asarray(given[name], float)
        given |= {"bands": tuple(held["bands"]), "quantity": Quantity.from_json(held["quantity"])}
        given["darkest"] = tuple(held["darkest"])
        given["exact"] = None if held["exact"] is None else tuple((int(a), int(b)) for a, b in held["exact"])
        return cls(**given)


#: Fields that merge by adding.
_ADDED: Final = ("offered", "count", "images", "histogram", "under", "over", "too_bright", "offset_nodata")
_COUNTS: Final = (*_ADDED, "dark", "shifted")
_FLOATS: Final = ("mean", "squares", "low", "high", "image_std", "edges")


def _plain(values: Any) -> Any:
    """Nested lists without NaN, which JSON has not."""
    if isinstance(values, list):
        return [_plain(value) for value in values]
    return None if isinstance(values, float) and np.isnan(values) else values


def _divide(one: Array, by: Array) -> Array:
    """Quotient; NaN by 0."""
    return np.asarray(np.divide(one, by, out=np.full(np.shape(one), np.nan), where=np.asarray(by) > 0))


def _joined(
    counts: tuple[Array, Array], means: tuple[Array, Array], squares: tuple[Array, Array]
) -> tuple[Array, Array]:
    """Mean and sum of squared deviations of two sets together (Chan, Golub and LeVeque 1979)."""
    one, other = (np.asarray(count, float) for count in counts)
    left, right = (np.where(count > 0, mean, 0.0) for count, mean in zip((one, other), means, strict=True))
    total = one + other
    share = np.divide(other, total, out=np.zeros_like(total), where=total > 0)
    apart = np.where(one > 0, right - left, 0.0)
    start = np.where(one > 0, left, right)
    mean = np.where(total > 0, start + np.where(other > 0, apart * share, 0.0), np.nan)
    both = np.where((one > 0) & (other > 0), apart, 0.0)
    return mean, squares[0] + squares[1] + both**2 * one * share


def merge(one: Statistics, other: Statistics) -> Statistics:
    """Statistics of two sets of samples together, as if they had been seen in one pass.

    Raises
    ------
    Mismatch
        Bands, quantity, type, histogram bins or the part of the split differ.
    """
    for what in ("bands", "quantity", "dtype", "split_hash", "part", "fold"):
        left, right = getattr(one, what), getattr(other, what)
        if left != right:
            raise Mismatch(where="merge of statistics", what=what, want=str(left), have=str(right))
    if one.edges.shape != other.edges.shape or not np.array_equal(one.edges, other.edges, equal_nan=True):
        fix = "Give both the same limits and number of bins."
        raise Mismatch(where="merge of statistics", what="histogram bins", want="alike", have="two kinds", fix=fix)
    held: dict[str, Any] = {name: getattr(one, name) + getattr(other, name) for name in (*_COUNTS,)}
    counts = one.count, other.count
    held["mean"], held["squares"] = _joined(counts, (one.mean, other.mean), (one.squares, other.squares))
    held["low"], held["high"] = np.fmin(one.low, other.low), np.fmax(one.high, other.high)
    zero = np.zeros(len(one.bands))
    held["image_std"] = _joined((one.images, other.images), (one.image_std, other.image_std), (zero, zero))[0]
    held["darkest"] = tuple(a + b for a, b in zip(one.darkest, other.darkest, strict=True))
    held["exact"] = None
    if one.exact is not None and other.exact is not None:
        pairs = zip(one.exact, other.exact, strict=True)
        held["exact"] = tuple((a[0] + b[0], a[1] + b[1]) for a, b in pairs)
        held["mean"], held["squares"] = _from_sums(held["count"], held["exact"])
    kept = {each.name: getattr(one, each.name) for each in fields(Statistics) if each.name not in held}
    return Statistics(**kept, **held)


def _from_sums(count: Array, exact: Sequence[tuple[int, int]]) -> tuple[Array, Array]:
    """Mean and sum of squared deviations of integers: one division each, after exact arithmetic."""
    mean = [total / int(n) if n else np.nan for n, (total, _) in zip(count, exact, strict=True)]
    squares = [(int(n) * of - total**2) / int(n) if n else 0.0 for n, (total, of) in zip(count, exact, strict=True)]
    return np.asarray(mean, float), np.asarray(squares, float)


def statistics(
    batches: Iterable[tuple[Array, Array | None]],
    *,
    bands: Sequence[str],
    quantity: Quantity,
    bins: int = 256,
    limits: tuple[float, float] | None = None,
    split_hash: str = "",
    part: str = "",
    fold: int = 0,
) -> Statistics:
    """Measure a stream of batches, once.

    Parameters
    ----------
    batches : iterable of (data, valid)
        Data of shape (n, t, b, h, w), all of one type; validity bool (n, t, b or 1, h, w), or None = all valid. NaN and
        infinities never count, nor do 0 and 65535 among Sentinel-2 digital numbers.
    bands : sequence of str
        Canonical names, one a band.
    quantity : Quantity
        What the numbers mean.
    bins : int
        Of the histogram.
    limits : (low, high), optional
        Range of the histogram. Not given: that of an 8- or 16-bit type (0 to 12800 for Sentinel-2 numbers, 0 to 1280
        for the dark B10), -0.2 to 1.8 for reflectance, -50 to 14 for decibels, 0 to 1 for probabilities, for anything
        else the range of the first batch. What lies outside is counted as under and over.
    split_hash, part, fold : optional
        Which samples these are; statistics for normalisation are those of train.

    Returns
    -------
    Statistics

    Raises
    ------
    Mismatch
        A batch has another shape, type or number of bands.
    Refused
        There is no pixel, the numbers are class codes, or `limits` and `bins` make no histogram.

    Examples
    --------
    >>> from swath.core.quantity import dn
    >>> picture = np.array([[0, 2], [4, 65535]], np.uint16).reshape(1, 1, 1, 2, 2)
    >>> found = statistics([(picture, None)], bands=["B04"], quantity=dn("toa", offset=0))
    >>> found.mean.tolist(), found.std().tolist(), found.count.tolist()
    ([3.0], [1.0], [2])
    """
    if quantity.is_categorical:
        fix = "Count them by class, or leave the stack out."
        raise Refused(where="statistics", what=f"codes of {quantity} have no mean", fix=fix)
    if bins < 1 or (limits is not None and not limits[0] < limits[1]):
        have = f"{bins} bins" if limits is None else f"{bins} bins from {limits[0]} to {limits[1]}"
        raise Refused(where="statistics", what="there is no such histogram", have=have, fix="Let the limits rise.")
    running: _Running | None = None
    for data, valid in batches:
        if running is None:
            running = _Running(tuple(bands), quantity, data.dtype, bins, limits)
        running.add(data, valid)
    if running is None or not running.offered.any():
        raise Refused(where="statistics", what="there is no pixel to measure", fix="Name a part that holds samples.")
    return running.finish(split_hash, part, fold)


class _Running:
    """The sums of one pass; everything is per band."""

    def __init__(
        self,
        bands: tuple[str, ...],
        quantity: Quantity,
        dtype: np.dtype[Any],
        bins: int,
        limits: tuple[float, float] | None,
    ) -> None:
        b = len(bands)
        self.bands, self.quantity, self.dtype, self.bins = bands, quantity, dtype, bins
        self.is_s2 = quantity.kind == "dn" and quantity.of in ("toa", "boa")
        self.is_counted = dtype.kind in "iub" and dtype.itemsize <= 2
        self.least = int(np.iinfo(dtype).min) if self.is_counted and dtype.kind != "b" else 0
        self.table = np.zeros((b, 1 << (8 * dtype.itemsize)) if self.is_counted else (0, 0), np.int64)
        self.edges = np.full((b, bins + 1), np.nan)
        fixed = limits or self._usual_limits()
        if fixed is not None:
            self.edges[:] = np.linspace(fixed[0], fixed[1], bins + 1)
        if limits is None and fixed == _LIMITS_DN and "B10" in bands:
            self.edges[bands.index("B10")] = np.linspace(*_LIMITS_CIRRUS, bins + 1)
        self.offered, self.count, self.images = np.zeros((3, b), np.int64)
        self.mean, self.low, self.high = np.full((3, b), np.nan)
        self.squares, self.image_std = np.zeros((2, b))
        self.bright, self.nodata, self.dark, self.shifted = np.zeros((4, b), np.int64)
        self.tally = np.zeros((b, bins + 2), np.int64)
        self.darkest = np.zeros(3, np.int64)

    def _usual_limits(self) -> tuple[float, float] | None:
        if self.is_counted:
            whole = (float(self.least), float(self.least + self.table.shape[1]))
            return _LIMITS_DN if self.is_s2 and self.dtype.itemsize == 2 else whole
        return _LIMITS_DB if self.quantity.is_db else _LIMITS.get(self.quantity.kind)

    def add(self, data: Array, valid: Array | None) -> None:
        """Take one batch in, a few pictures at a time."""
        b = len(self.bands)
        if data.ndim != 5 or data.shape[2] != b:
            raise Mismatch(where="statistics", what="shape", want=f"(n, t, {b}, h, w)", have=str(data.shape))
        if data.dtype != self.dtype:
            raise Mismatch(where="statistics", what="type", want=str(self.dtype), have=str(data.dtype))
        n, t, _, h, w = data.shape
        if valid is not None and valid.shape not in (data.shape, (n, t, 1, h, w)):
            raise Mismatch(where="statistics", what="validity", want=str(data.shape), have=str(valid.shape))
        pictures = data.reshape(n * t, b, h * w)
        good = None if valid is None else valid.reshape(n * t, valid.shape[2], h * w).astype(bool, copy=False)
        if np.isnan(self.edges).any():
            self._range_of_first(pictures, good)
        step = max(1, _VALUES // max(1, b * h * w))
        for start in range(0, n * t, step):
            run = slice(start, start + step)
            self._add(pictures[run], None if good is None else good[run])

    def _range_of_first(self, pictures: Array, good: Array | None) -> None:
        """Fix the bins of a band by the first batch in which it has valid values."""
        for i in np.flatnonzero(np.isnan(self.edges[:, 0])):
            values = pictures[:, i] if good is None else pictures[:, i][good[:, i if good.shape[1] > 1 else 0]]
            values = values[np.isfinite(values)]
            if values.size:
                low, high = float(values.min()), float(values.max())
                spare = 0.5 if low == high else 0.0
                self.edges[i] = np.linspace(low - spare, high + spare, self.bins + 1)

    def _measured(self, pictures: Array, good: Array | None) -> Array | None:
        """Which values count, bool (k, b, p); None = all."""
        if self.is_s2 and self.dtype.kind not in "iub":
            raw = (pictures != DN_NODATA) & (pictures != DN_SATURATED) & np.isfinite(pictures)
        elif self.is_s2:
            if pictures.min(initial=1) > DN_NODATA and pictures.max(initial=0) < DN_SATURATED:
                raw = None
            else:
                raw = (pictures != DN_NODATA) & (pictures != DN_SATURATED)
        else:
            raw = None if self.dtype.kind in "iub" else np.isfinite(pictures)
            raw = None if raw is None or raw.all() else raw
        if raw is None or good is None:
            joined = raw if good is None else good
            return None if joined is None else np.broadcast_to(joined, pictures.shape)
        return np.asarray(raw & good)

    def _add(self, pictures: Array, valid: Array | None) -> None:
        good = self._measured(pictures, valid)
        values = pictures.astype(np.float64)
        if good is None:
            count = np.full(pictures.shape[:2], pictures.shape[2])
        else:
            count = good.sum(axis=2)
            values = np.where(good, values, 0.0)
        mean = values.sum(axis=2) / np.maximum(count, 1)
        values -= mean[:, :, None]
        if good is not None:
            values *= good
        squares = np.einsum("kbp,kbp->kb", values, values)
        self._add_images(count, squares)
        self.offered += len(pictures) * pictures.shape[2]
        for i in range(len(self.bands)):
            seen = pictures[:, i].ravel() if good is None else pictures[:, i][good[:, i]]
            if self.is_counted:
                numbers = seen if self.least == 0 else seen.astype(np.int32) - self.least
                self.table[i] += np.bincount(numbers, minlength=self.table.shape[1])
            elif seen.size:
                self._add_floats(i, seen)
        if not self.is_counted:
            self._add_moments(count, mean, squares)
        if self.is_s2:
            self._add_darkest(pictures, good, count)

    def _add_images(self, count: Array, squares: Array) -> None:
        """Running mean of the standard deviations within pictures."""
        there = count > 0
        spread = np.where(there, np.sqrt(squares / np.maximum(count, 1)), 0.0).sum(axis=0)
        more = there.sum(axis=0)
        total = self.images + more
        self.image_std = (self.image_std * self.images + spread) / np.maximum(total, 1)
        self.images = total

    def _add_moments(self, count: Array, mean: Array, squares: Array) -> None:
        """Join pictures into one set, centred on it, and that into what was seen before."""
        total = count.sum(axis=0)
        first = np.take_along_axis(mean, (count > 0).argmax(axis=0)[None], axis=0)[0]
        shift = (count * np.where(count > 0, mean - first, 0.0)).sum(axis=0) / np.maximum(total, 1)
        apart = np.where(count > 0, mean - first - shift, 0.0)
        inside = squares.sum(axis=0) + (count * apart**2).sum(axis=0)
        self.mean, self.squares = _joined((self.count, total), (self.mean, first + shift), (self.squares, inside))
        self.count = self.count + total

    def _add_floats(self, i: int, seen: Array) -> None:
        self.low[i], self.high[i] = np.fmin(self.low[i], seen.min()), np.fmax(self.high[i], seen.max())
        low, high = self.edges[i, 0], self.edges[i, -1]
        at = np.floor((np.clip(seen.astype(np.float64), low - 1, high + 1) - low) * (self.bins / (high - low)))
        at = np.clip(at, -1, self.bins).astype(np.int64)
        at[seen == high] = self.bins - 1
        self.tally[i] += np.bincount(at + 1, minlength=self.bins + 2)
        if self.quantity.kind in ("toa", "boa"):
            self.bright[i] += int((seen > _TOO_BRIGHT).sum())
            self.nodata[i] += int((seen.astype(np.float32) == _OFFSET_NODATA).sum())

    def _add_darkest(self, pictures: Array, good: Array | None, count: Array) -> None:
        """Count pictures by their darkest number; those with too few valid pixels decide nothing."""
        least = np.where(good, pictures, DN_SATURATED).min(axis=2) if good is not None else pictures.min(axis=2)
        judged = count >= LEAST_PIXELS
        dark, shifted = least < DARK_UNSHIFTED, (least >= DARK_SHIFTED[0]) & (least <= DARK_SHIFTED[1])
        self.dark += (dark & judged).sum(axis=0)
        self.shifted += (shifted & judged).sum(axis=0)
        least = np.where(judged, least, DN_SATURATED).min(axis=1)
        whole = judged.any(axis=1)
        dark, shifted = least < DARK_UNSHIFTED, (least >= DARK_SHIFTED[0]) & (least <= DARK_SHIFTED[1])
        self.darkest += [whole.sum(), (dark & whole).sum(), (shifted & whole).sum()]

    def _from_table(self) -> tuple[tuple[int, int], ...]:
        """Every figure of counted integers, and their exact sums."""
        numbers = np.arange(self.table.shape[1]) + self.least
        exact = []
        for i, counts in enumerate(self.table):
            there = np.flatnonzero(counts)
            self.count[i] = counts.sum()
            held = [(int(numbers[k]), int(counts[k])) for k in there]
            exact.append((sum(v * c for v, c in held), sum(v * v * c for v, c in held)))
            if held:
                self.low[i], self.high[i] = held[0][0], held[-1][0]
            at = np.searchsorted(self.edges[i], numbers[there], side="right")
            self.tally[i] = np.bincount(at, weights=counts[there], minlength=self.bins + 2).astype(np.int64)
            if self.is_s2 and self.quantity.offset is not None and self.quantity.quantification:
                offset = np.broadcast_to(self.quantity.offset, len(self.bands))[i]
                divisor = np.broadcast_to(self.quantity.quantification, len(self.bands))[i]
                self.bright[i] = counts[(numbers + offset) / divisor > _TOO_BRIGHT].sum()
        self.mean, self.squares = _from_sums(self.count, exact)
        return tuple(exact)

    def finish(self, split_hash: str, part: str, fold: int) -> Statistics:
        """Close the pass."""
        exact = self._from_table() if self.is_counted else None
        return Statistics(
            bands=self.bands,
            quantity=self.quantity,
            dtype=self.dtype.name,
            offered=self.offered,
            count=self.count,
            mean=self.mean,
            squares=self.squares,
            low=self.low,
            high=self.high,
            images=self.images,
            image_std=np.where(self.images > 0, self.image_std, np.nan),
            edges=self.edges,
            histogram=self.tally[:, 1:-1],
            under=self.tally[:, 0],
            over=self.tally[:, -1],
            too_bright=self.bright,
            offset_nodata=self.nodata,
            dark=self.dark,
            shifted=self.shifted,
            darkest=(int(self.darkest[0]), int(self.darkest[1]), int(self.darkest[2])),
            exact=exact,
            split_hash=split_hash,
            part=part,
            fold=fold,
        )
