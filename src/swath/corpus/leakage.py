"""Leakage: what a model could know of the test samples before it sees them.

For every fold: how far each test sample lies from train, whether windows overlap, groups cross, pictures or datatakes
recur, and how well the label of the nearest train place does on its own. What is not given is unknown and printed so,
never 0. The report is plain numbers; it judges a split by fixed thresholds and mends nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np
from scipy.spatial import KDTree

from swath.core.array import Array
from swath.core.errors import Mismatch
from swath.core.sphere import RADIUS, nearest_place, unit_vectors
from swath.corpus.phash import FLAT, NEAR_BITS, nearest_hash
from swath.corpus.places import Places
from swath.corpus.splits import PARTS, Split

__all__ = [
    "DUPLICATE_SHARE",
    "FAR",
    "GEOGRAPHIC_SKILL",
    "NEAR",
    "NEAR_SHARE",
    "QUANTILES",
    "FoldLeakage",
    "LeakageReport",
    "leakage",
    "nearest_train",
]

#: Distances [m] within which the share of the test samples that has a train sample is told.
NEAR: Final = 1_000.0
FAR: Final = 5_000.0
#: Quantiles of the distance to the nearest train sample that are told.
QUANTILES: Final = (0.0, 0.05, 0.25, 0.5, 0.75, 0.95, 1.0)
#: A split leaks if more than this share of the test samples has train within `NEAR`.
NEAR_SHARE: Final = 0.01
#: A split leaks if more than this share of the test pictures has a near-duplicate in train: plain sea and forest look
#: alike wherever they are (27,000 EuroSAT patches: 169 such pairs, half of them over 1,000 km apart), copies do not.
DUPLICATE_SHARE: Final = 0.01
#: A split leaks if the label of the nearest train place makes good more than this share of what the commonest label
#: gets wrong (EuroSAT, 5 folds: at random 0.78, in 10 km blocks 0.56, in 1 degree blocks 0.2 to 0.33).
GEOGRAPHIC_SKILL: Final = 0.5

#: Windows whose centres are this share of a side apart lie edge to edge: their grid is turned against the graticule by
#: up to 3 degrees, and no centre is known to better than a pixel.
_TOUCHING: Final = 0.99
_EXAMPLES: Final = 5
_UNKNOWN: Final = "unknown"


@dataclass(frozen=True, slots=True)
class FoldLeakage:
    """What leaks in one fold; None = unknown. Shares are of the test samples, 0 to 1."""

    #: Number of the fold.
    fold: int
    #: Samples in train, val and test, and dropped.
    counts: Mapping[str, int]
    #: Test samples whose place is unknown: they are in no figure of places.
    unplaced: int
    #: Metres from a test sample to the nearest of train, at each of `QUANTILES`.
    distances: tuple[float, ...] | None
    #: Share of the test samples with train nearer than `NEAR`.
    share_near: float | None
    #: Share of the test samples with train nearer than `FAR`.
    share_far: float | None
    #: Test samples whose window overlaps one of train.
    overlapping: int | None
    #: Pairs of such windows.
    overlapping_pairs: int | None
    #: Groups with members in more than one of train, val and test.
    groups_crossing: int
    #: Test pictures with a near-duplicate in train.
    duplicates: int | None
    #: The nearest few of them, as (test id, train id).
    duplicate_examples: tuple[tuple[str, str], ...]
    #: Test samples that share a datatake with train: told, but no finding, for one spans hundreds of kilometres.
    shared_datatakes: int | None
    #: Accuracy of giving every test sample the label of the nearest train place.
    geographic: float | None
    #: Accuracy of giving every test sample the commonest label of train.
    majority: float | None

    @property
    def findings(self) -> tuple[str, ...]:
        """What makes the fold leak, each in words; empty = nothing found."""
        test = max(1, self.counts["test"])
        found = []
        if self.overlapping:
            found.append(f"{_percent(self.overlapping / test)} of the test windows overlap train")
        if self.share_near is not None and self.share_near > NEAR_SHARE:
            found.append(f"{_percent(self.share_near)} of test lie within {_length(NEAR)} of train")
        if self.groups_crossing:
            one = self.groups_crossing == 1
            found.append("1 group is on both sides" if one else f"{self.groups_crossing} groups are on both sides")
        if self.duplicates is not None and self.duplicates / test > DUPLICATE_SHARE:
            found.append(f"{_percent(self.duplicates / test)} of the test pictures have a near-duplicate in train")
        if self.geographic is not None and self.majority is not None:
            skill = (self.geographic - self.majority) / max(1 - self.majority, 1e-9)
            found += [self._by_nearest()] * (skill > GEOGRAPHIC_SKILL)
        return tuple(found)

    def _by_nearest(self) -> str:
        """What place alone would score, in words."""
        known = f"the label of the nearest train place is right for {_percent(self.geographic)} of test"
        return f"{known} (the commonest label for {_percent(self.majority)})"

    @property
    def verdict(self) -> str:
        """`leaks: ...`, `no leak found ...` or `unknown: ...`, with what could not be known."""
        if self.findings:
            return f"leaks: {'; '.join(self.findings)}"
        told = "" if self.geographic is None else f"; {self._by_nearest()}"
        if self.shared_datatakes:
            told += f"; {_count(self.shared_datatakes, self.counts['test'])} of test share a datatake with train"
        missing = [
            name
            for name, value in (
                ("overlapping windows", self.overlapping),
                ("near-duplicates", self.duplicates),
                ("shared datatakes", self.shared_datatakes),
            )
            if value is None
        ]
        listed = " and ".join(filter(None, [", ".join(missing[:-1]), *missing[-1:]]))
        unknown = f"; {listed} unknown" if missing else ""
        if self.distances is None:
            return f"unknown: there are no places to compare{unknown}"
        away = f"the nearest train sample is {_length(self.distances[0])} away"
        return f"no leak found by place; {away}{told}{unknown}"


@dataclass(frozen=True, slots=True)
class LeakageReport:
    """Leakage of every fold of a split."""

    #: Name of the split.
    split: str
    #: Hash of the split.
    split_hash: str
    #: One a fold.
    folds: tuple[FoldLeakage, ...]

    @property
    def leaks(self) -> bool:
        """True if anything was found in any fold; False is no proof where things are unknown."""
        return any(fold.findings for fold in self.folds)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON, with the verdicts in it."""
        folds = [{**asdict(fold), "verdict": fold.verdict} for fold in self.folds]
        for held in folds:
            held["distances"] = None if held["distances"] is None else list(held["distances"])
            held["duplicate_examples"] = [list(pair) for pair in held["duplicate_examples"]]
        return {"split": self.split, "split_hash": self.split_hash, "leaks": self.leaks, "folds": folds}

    @classmethod
    def from_json(cls, held: Mapping[str, Any]) -> LeakageReport:
        """Read what `to_json` wrote."""
        folds = []
        for each in held["folds"]:
            fields = {key: value for key, value in each.items() if key != "verdict"}
            fields["distances"] = None if fields["distances"] is None else tuple(fields["distances"])
            fields["duplicate_examples"] = tuple((test, train) for test, train in fields["duplicate_examples"])
            folds.append(FoldLeakage(**fields))
        return cls(str(held["split"]), str(held["split_hash"]), tuple(folds))

    def as_rows(self) -> list[dict[str, str]]:
        """Lines of a table for people, one a fold; what is not known says so."""
        rows = []
        for fold in self.folds:
            test = fold.counts["test"]
            row = {"fold": str(fold.fold)} | {part: str(count) for part, count in fold.counts.items()}
            for i, quantile in enumerate(QUANTILES):
                row[f"distance {quantile:.0%}"] = _UNKNOWN if fold.distances is None else _length(fold.distances[i])
            row[f"< {_length(NEAR)}"] = _percent(fold.share_near)
            row[f"< {_length(FAR)}"] = _percent(fold.share_far)
            row["overlapping windows"] = _count(fold.overlapping, test)
            row["groups crossing"] = str(fold.groups_crossing)
            row["near-duplicates"] = _count(fold.duplicates, test)
            row["shared datatakes"] = _count(fold.shared_datatakes, test)
            row["geographic 1-NN"] = _percent(fold.geographic)
            row["majority"] = _percent(fold.majority)
            row["verdict"] = fold.verdict
            rows.append(row)
        return rows

    def summary(self) -> str:
        """One sentence: the verdict of the worst fold, and how many folds share it."""
        leaking = [fold for fold in self.folds if fold.findings]
        worst = max(leaking or self.folds, key=lambda fold: (len(fold.findings), fold.share_near or 0.0, -fold.fold))
        if not leaking and all(fold.distances is not None for fold in self.folds):
            worst = min(self.folds, key=lambda fold: (fold.distances or (np.inf,))[0])
        many = ""
        if len(self.folds) > 1:
            many = f"{len(leaking) or 'none'} of {len(self.folds)} folds leak; fold {worst.fold}: "
        return f"{self.split}: {many}{worst.verdict}."


def _length(metres: float) -> str:
    if metres < 999.5:
        return f"{metres:.0f} m"
    return f"{metres / 1000:.3g} km" if metres < 999_500 else f"{metres / 1000:.0f} km"


def _percent(share: float | None) -> str:
    if share is None:
        return _UNKNOWN
    return "0 %" if share == 0 else "< 0.1 %" if share < 0.001 else f"{100 * share:.3g} %"


def _count(count: int | None, of: int) -> str:
    return _UNKNOWN if count is None else f"{count} ({_percent(count / max(1, of))})"


def nearest_train(places: Places, split: Split, *, fold: int = 0) -> Array:
    """Distance [m] from each test sample of a fold to the nearest train sample, in the order of `places`.

    Samples without a place are left out; without a train place there is nothing to be near to, and the array is empty.

    Returns
    -------
    float array, shape (k,)
    """
    part = split.parts(places.ids, fold=fold)
    train, test = (np.flatnonzero((part == name) & places.is_placed) for name in ("train", "test"))
    return _nearest(places, test, train)[1]


def leakage(
    places: Places,
    split: Split,
    *,
    footprints: Array | None = None,
    hashes: Array | None = None,
    datatakes: Array | None = None,
) -> LeakageReport:
    """Look for everything that could carry a test sample's answer into training.

    Parameters
    ----------
    places : Places
        The samples that were split, with what is known of them.
    split : Split
        Holds their ids.
    footprints : float array, shape (n, 4), optional
        Bounds of each window, west, south, east, north [deg]; west > east crosses the antimeridian, NaN = unknown.
        Not given: squares of the window's size around the centres, if `places` knows its diagonal. Bounds of a window
        that is turned against the graticule are a little too wide, squares are not.
    hashes : uint64 array, shape (n,), optional
        Of `corpus.phash`.
    datatakes : str array, shape (n,), optional
        Which acquisition each sample was cut from; empty = unknown, and shared with nothing.

    Returns
    -------
    LeakageReport

    Raises
    ------
    Mismatch
        A column is not one an id.
    Unknown
        The split does not hold a sample.

    Examples
    --------
    >>> from swath.corpus.splits import split_random
    >>> places = Places(["a", "b"], lon=[5.3, 5.4], lat=[60.0, 60.0], diagonal=905.0)
    >>> report = leakage(places, split_random(places, shares={"train": 0.5, "test": 0.5}, seed=0))
    >>> report.folds[0].verdict.split("; ")[:2]
    ['no leak found by place', 'the nearest train sample is 5.56 km away']
    """
    n = len(places)
    for what, column, shape in (
        ("footprints", footprints, (n, 4)),
        ("hashes", hashes, (n,)),
        ("datatakes", datatakes, (n,)),
    ):
        if column is not None and np.shape(column) != shape:
            raise Mismatch(where="leakage", what=what, want=f"shape {shape}, one an id", have=str(np.shape(column)))
    boxes = _boxes(places, footprints)
    folds = []
    for fold in range(split.folds):
        part = split.parts(places.ids, fold=fold)
        train, test = np.flatnonzero(part == "train"), np.flatnonzero(part == "test")
        overlapping = None if boxes is None else _overlaps(boxes, test, train)
        pairs = None if hashes is None else _duplicates(places.ids, np.asarray(hashes), test, train)
        folds.append(
            FoldLeakage(
                fold=fold,
                counts=split.counts(fold=fold),
                **_by_place(places, test, train),
                overlapping=None if overlapping is None else overlapping[0],
                overlapping_pairs=None if overlapping is None else overlapping[1],
                groups_crossing=_groups_crossing(places.group, part),
                duplicates=None if pairs is None else pairs[0],
                duplicate_examples=() if pairs is None else pairs[1],
                shared_datatakes=None if datatakes is None else _shared(np.asarray(datatakes, str), test, train),
            )
        )
    return LeakageReport(split.name, split.hash, tuple(folds))


def _nearest(places: Places, test: Array, train: Array) -> tuple[Array, Array]:
    """Position of the nearest train place, and metres to it; empty where there is nothing to compare."""
    if len(test) == 0 or len(train) == 0:
        return np.empty(0, np.int64), np.empty(0)
    at, metres = nearest_place(places.lon[test], places.lat[test], places.lon[train], places.lat[train])
    return train[at], metres


def _by_place(places: Places, test: Array, train: Array) -> dict[str, Any]:
    """Every figure that rests on where samples are."""
    placed = places.is_placed
    here, there = test[placed[test]], train[placed[train]]
    held: dict[str, Any] = {"unplaced": len(test) - len(here), "distances": None, "share_near": None, "share_far": None}
    nearest, metres = _nearest(places, here, there)
    if len(metres):
        held["distances"] = tuple(float(d) for d in np.quantile(metres, QUANTILES))
        held["share_near"], held["share_far"] = float((metres < NEAR).mean()), float((metres < FAR).mean())
    held["geographic"] = held["majority"] = None
    label = places.label
    if label is None or not (label[train] >= 0).any() or not (label[here] >= 0).any():
        return held
    told, asked = there[label[there] >= 0], here[label[here] >= 0]
    commonest = np.bincount(label[train][label[train] >= 0]).argmax()
    held["majority"] = float((label[asked] == commonest).mean())
    if len(told):
        nearest = _nearest(places, asked, told)[0]
        held["geographic"] = float((label[asked] == label[nearest]).mean())
    return held


def _boxes(places: Places, footprints: Array | None) -> Array | None:
    """Centre and size of every window, (n, 4): longitude, latitude [deg], east-west and north-south side [m]."""
    if footprints is not None:
        west, south, east, north = np.asarray(footprints, float).T
        wide = (east - west) % 360
        lat = (south + north) / 2
        metres = np.deg2rad(1) * RADIUS
        sides = (wide * metres * np.cos(np.deg2rad(lat)), (north - south) * metres)
        return np.stack([west + wide / 2, lat, *sides], axis=1)
    if places.diagonal is None or not places.is_placed.any():
        return None
    side = np.full(len(places), places.diagonal / np.sqrt(2))
    return np.stack([places.lon, places.lat, side, side], axis=1)


def _overlaps(boxes: Array, test: Array, train: Array) -> tuple[int, int] | None:
    """How many test windows overlap a train window, and how many pairs there are; None if no window is known."""
    known = np.asarray(np.isfinite(boxes).all(axis=1))
    here, there = test[known[test]], train[known[train]]
    if len(here) == 0 or len(there) == 0:
        return None
    points = unit_vectors(boxes[:, 0], boxes[:, 1])
    widest = boxes[np.concatenate([here, there]), 2:].max(axis=0)
    reach = float(np.hypot(widest[0], widest[1])) * 1.01 / RADIUS
    near = KDTree(points[there]).query_ball_point(points[here], reach)
    counts = np.fromiter((len(found) for found in near), np.int64, len(near))
    one = np.repeat(here, counts)
    other = there[np.fromiter((i for found in near for i in found), np.int64, int(counts.sum()))]
    metres = np.deg2rad(1) * RADIUS
    shrink = np.cos(np.deg2rad((boxes[one, 1] + boxes[other, 1]) / 2))
    east = np.abs((boxes[one, 0] - boxes[other, 0] + 180) % 360 - 180) * metres * shrink
    north = np.abs(boxes[one, 1] - boxes[other, 1]) * metres
    sides = (boxes[one, 2:] + boxes[other, 2:]) / 2
    meet = (east < _TOUCHING * sides[:, 0]) & (north < _TOUCHING * sides[:, 1])
    return len(np.unique(one[meet])), int(meet.sum())


def _groups_crossing(group: Array, part: Array) -> int:
    """Groups that have members in more than one of train, val and test."""
    counted = np.isin(part, PARTS) & (group != "")
    pairs = np.unique(np.stack([group[counted], part[counted].astype(group.dtype)], axis=1), axis=0)
    return int((np.unique(pairs[:, 0], return_counts=True)[1] > 1).sum())


def _duplicates(ids: Array, hashes: Array, test: Array, train: Array) -> tuple[int, tuple[tuple[str, str], ...]] | None:
    """Test pictures with a near-duplicate in train, and the nearest few; None if no picture has a hash."""
    if not (hashes != FLAT).any():
        return None
    at, bits = nearest_hash(hashes[test], hashes[train])
    near = np.flatnonzero(bits <= NEAR_BITS)
    few = near[np.argsort(bits[near], kind="stable")][:_EXAMPLES]
    return len(near), tuple((str(ids[test[i]]), str(ids[train[at[i]]])) for i in few)


def _shared(datatakes: Array, test: Array, train: Array) -> int | None:
    """Test samples whose datatake train has too; None if nobody knows one."""
    if not (datatakes != "").any():
        return None
    mine = datatakes[test]
    return int((np.isin(mine, datatakes[train]) & (mine != "")).sum())
