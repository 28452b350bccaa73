"""Split: a frozen assignment of ids to train, val and test, and the four ways to make one.

At random, by group, by place (blocks with a buffer) or by time. All start from `Places`, plain arrays of what is known
of each sample, and end in a `Split`, whose hash covers the assignment and the recipe that made it. The order of the
samples never matters, only their ids. Pixels are not looked at and no file is touched: whether a split leaks is told
by `corpus.leakage`, and a corpus keeps it through `corpus.splitfile`.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from swath.core.array import Array
from swath.core.errors import Mismatch, Refused, Unknown
from swath.core.sphere import within
from swath.corpus.places import Places, block_of, keys_of, length, parse_block, western_edges

__all__ = [
    "DROPPED",
    "METHODS",
    "PARTS",
    "REGISTRATION",
    "Split",
    "make_split",
    "split_group",
    "split_place",
    "split_random",
    "split_time",
]

#: What a sample can be in, by rising priority: a sample too near to a part further right is dropped.
PARTS: Final = ("train", "val", "test")
#: What a sample is in that a buffer took out, or that has no place.
DROPPED: Final = "dropped"
#: Misregistration that a buffer allows for beside the window's diagonal [m]: two dates of 11-12 m each.
REGISTRATION: Final = 20.0

_SHARES: Final = {"train": 0.8, "val": 0.1, "test": 0.1}
_FOLD_SHARES: Final = {"train": 0.9, "val": 0.1}
_PATTERNS: Final = ("random", "longitude")
_UNPLACED: Final = ("refuse", "drop")
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_SCHEMA: Final = pa.schema([("id", pa.string()), ("part", pa.string()), ("fold", pa.int32())])
#: Weight of equal classes beside that of equal counts when blocks are dealt out. Measured on 27,000 samples in 426
#: blocks, 5 folds: counts within 0.1 %, classes 2.5 % rms (31 % without).
_CLASS_WEIGHT: Final = 1.0


@dataclass(frozen=True, slots=True, eq=False)
class Split:
    """A frozen assignment of ids to parts; k-fold splits hold every id once a fold.

    Raises
    ------
    Unknown
        A part has another name than train, val, test or dropped.
    Refused
        The name cannot be a file's, or an id occurs twice in a fold or not in every fold.

    Examples
    --------
    >>> split = split_random(Places([f"s{i}" for i in range(10)]), seed=0)
    >>> split.counts()
    {'train': 8, 'val': 1, 'test': 1, 'dropped': 0}
    """

    #: Under which a corpus keeps it.
    name: str
    #: Columns id, part, fold; sorted by fold and id.
    table: pa.Table
    #: Method and options, plain JSON; `make_split` makes the same split of it.
    recipe: Mapping[str, Any]
    #: sha256 over assignment and recipe, hexadecimal; the name is not part of it.
    hash: str = field(init=False)

    def __post_init__(self) -> None:
        where = f"split {self.name}"
        if not _NAME.fullmatch(self.name):
            fix = "Use letters, digits, dot, dash and underscore."
            raise Refused(where="split", what=f"{self.name!r} cannot be the name of a file", fix=fix)
        table = self.table.select(_SCHEMA.names).cast(_SCHEMA).sort_by([("fold", "ascending"), ("id", "ascending")])
        for part in pc.unique(table["part"]).to_pylist():
            _known(str(part), (*PARTS, DROPPED), what="part", where=where)
        object.__setattr__(self, "table", table.combine_chunks())
        folds, ids = table["fold"].to_numpy(), table["id"].to_pylist()
        size = len(set(ids))
        is_whole = len(ids) == size * (folds.max(initial=-1) + 1) and all(
            ids[start : start + size] == ids[:size] for start in range(0, len(ids), max(1, size))
        )
        if not is_whole or not size:
            raise Refused(where=where, what="does not hold every id once in every fold, from fold 0 on")
        object.__setattr__(self, "hash", _digest(table, self.recipe))

    @property
    def folds(self) -> int:
        """How many folds there are; 1 for a single split."""
        return int(pc.max(self.table["fold"]).as_py()) + 1

    def _rows(self, fold: int) -> pa.Table:
        if not 0 <= fold < self.folds:
            want = "0" if self.folds == 1 else f"0 to {self.folds - 1}"
            raise Mismatch(where=f"split {self.name}", what="fold", want=want, have=str(fold))
        size = len(self.table) // self.folds
        return self.table.slice(fold * size, size)

    def ids(self, part: str, *, fold: int = 0) -> list[str]:
        """Identifiers of a part, sorted.

        Raises
        ------
        Unknown
            There is no such part; the nearest is named.
        Mismatch
            There is no such fold.
        """
        _known(part, (*PARTS, DROPPED), what="part", where=f"split {self.name}")
        rows = self._rows(fold)
        return list(rows.filter(pc.equal(rows["part"], part))["id"].to_pylist())

    def parts(self, ids: Sequence[str] | Array, *, fold: int = 0) -> Array:
        """Parts of some samples, str, shape (n,).

        Raises
        ------
        Unknown
            The split does not hold an id.
        Mismatch
            There is no such fold.
        """
        rows = self._rows(fold)
        asked = pa.array([str(id) for id in ids], pa.string())
        at = pc.index_in(asked, value_set=rows["id"].combine_chunks())
        if at.null_count:
            missing = str(asked.filter(pc.is_null(at))[0].as_py())
            raise Unknown(missing, rows["id"].to_pylist(), what="sample", where=f"split {self.name}")
        return np.asarray(rows["part"].take(at).to_pylist(), str)

    def counts(self, *, fold: int = 0) -> dict[str, int]:
        """Number of samples of each part, the dropped ones among them."""
        held = self._rows(fold)["part"].to_pylist()
        return {part: held.count(part) for part in (*PARTS, DROPPED)}

    def summary(self) -> str:
        """One sentence: how many are where, over all folds."""
        each = [self.counts(fold=fold) for fold in range(self.folds)]
        said = []
        for part in (*PARTS, DROPPED):
            low, high = min(count[part] for count in each), max(count[part] for count in each)
            if high or part in ("train", "test"):
                said.append(f"{low} {part}" if low == high else f"{low} to {high} {part}")
        folds = "" if self.folds == 1 else f"{self.folds} folds, each with "
        size = len(self.table) // self.folds
        return f"{self.name}: {folds}{', '.join(said)} of {size} samples (hash {self.hash[:12]})."


def _known(name: str, known: Sequence[str], *, what: str, where: str) -> str:
    if name not in known:
        raise Unknown(name, known, what=what, where=where)
    return name


def _digest(table: pa.Table, recipe: Mapping[str, Any]) -> str:
    """Hash of canonical lines, so that any program can compute it: recipe, then `fold part id` sorted."""
    digest = hashlib.sha256(json.dumps(recipe, sort_keys=True, separators=(",", ":")).encode() + b"\n")
    folds, parts, ids = (table[name].to_pylist() for name in ("fold", "part", "id"))
    for fold, part, id in zip(folds, parts, ids, strict=True):
        digest.update(f"{fold} {part} {json.dumps(id)}\n".encode())
    return digest.hexdigest()


def _checked_shares(shares: Mapping[str, float], parts: Sequence[str], *, where: str) -> dict[str, float]:
    """Shares in the order of the parts, without empty ones."""
    for name in shares:
        _known(name, parts, what="part", where=f"{where}, shares")
    total = sum(shares.values())
    said = ", ".join(f"{name} {share:g}" for name, share in shares.items())
    if any(not share >= 0 for share in shares.values()) or abs(total - 1) > 1e-6:
        raise Mismatch(where=where, what="sum of the shares", want="1, none negative", have=f"{total:g} ({said})")
    kept = {part: float(shares[part]) for part in parts if shares.get(part)}
    if "train" not in kept or len(kept) < 2:
        raise Refused(where=where, what=f"shares need train and one more part, have {said}", fix="Name two or more.")
    return kept


def _fold_shares(shares: Mapping[str, float] | None, folds: int, *, where: str) -> dict[str, float]:
    """Shares of what is not tested in a fold: train alone will do."""
    if isinstance(folds, bool) or int(folds) != folds or folds < 2:
        raise Mismatch(where=where, what="number of folds", want="2 or more", have=str(folds))
    given = dict(_FOLD_SHARES if shares is None else shares)
    if "test" in given:
        fix = "With folds, the shares are those of train and val in what is left."
        raise Refused(where=where, what=f"each of {folds} folds tests 1/{folds}; test has no share of its own", fix=fix)
    return {"train": 1.0} if given == {"train": 1.0} else _checked_shares(given, PARTS[:2], where=where)


def _finish(name: str, places: Places, parts: Sequence[Array], recipe: Mapping[str, Any], need: Sequence[str]) -> Split:
    """Freeze; a part that was asked for and came out empty is refused."""
    for fold, part in enumerate(parts):
        for wanted in need:
            if not (part == wanted).any():
                dropped = int((part == DROPPED).sum())
                where = f"split {name}" + (f", fold {fold}" if len(parts) > 1 else "")
                have = f"{len(places)} samples, {dropped} of them dropped"
                fix = "Give more samples, smaller blocks or buffer, or other shares."
                raise Refused(where=where, what=f"part {wanted} would be empty", have=have, fix=fix)
    columns = {
        "id": np.tile(places.ids, len(parts)),
        "part": np.concatenate(parts),
        "fold": np.repeat(np.arange(len(parts)), len(places)),
    }
    return Split(name, pa.table({key: pa.array(column.tolist()) for key, column in columns.items()}), recipe)


def _allot(sizes: Array, shares: Sequence[float], *, fill: Array) -> Array:
    """How many of each stratum go to each part, int (s, p): shares kept in every stratum and over all of them.

    What is over after rounding down goes where the most is owed, earlier strata included. Strata marked in `fill` give
    at least one to every part.
    """
    owed = np.zeros(len(shares))
    given = np.zeros((len(sizes), len(shares)), np.int64)
    for i, size in enumerate(sizes):
        ideal = size * np.asarray(shares)
        row = np.floor(ideal + 1e-9).astype(np.int64)
        most_owed = np.argsort(-(ideal - row + owed), kind="stable")
        row[most_owed[: int(size - row.sum())]] += 1
        while fill[i] and (row == 0).any():
            row[row.argmax()] -= 1
            row[row.argmin()] += 1
        owed += ideal - row
        given[i] = row
    return given


def split_random(
    places: Places,
    *,
    seed: int = 0,
    shares: Mapping[str, float] | None = None,
    stratify: bool | None = None,
    name: str = "random",
) -> Split:
    """Split at random: every sample on its own, whatever lies beside it.

    Places, groups and dates are ignored, so neighbours land on both sides: good for comparing with published figures,
    not for believing them.

    Parameters
    ----------
    places : Places
        Ids, and labels if the split is stratified.
    seed : int
        Same seed and ids, same split. A sample's draw depends on its own id only.
    shares : mapping
        Part -> share, summing to 1; train 0.8, val 0.1, test 0.1 if not given.
    stratify : bool, optional
        Keep the shares within every class. Not given: if there are labels.
    name : str
        Of the split.

    Raises
    ------
    Refused
        There is nothing to stratify by, a class has fewer samples than there are parts, or a part would be empty.
    Mismatch
        Shares do not sum to 1.
    Unknown
        A part has another name.
    """
    where = f"split {name}"
    wanted = _checked_shares(_SHARES if shares is None else shares, PARTS, where=where)
    by_class = places.label is not None if stratify is None else stratify
    if by_class and places.label is None:
        raise Refused(where=where, what="has no labels to stratify by", fix="Give labels, or stratify=False.")
    if len(places) < len(wanted):
        have = f"{len(places)} sample" + "s" * (len(places) > 1)
        raise Refused(where=where, what=f"needs {len(wanted)} samples or more, one a part", have=have)
    stratum = places.label if by_class and places.label is not None else np.full(len(places), -1)
    classes, code, sizes = np.unique(stratum, return_inverse=True, return_counts=True)
    scarce = (sizes < len(wanted)) & (classes >= 0)
    if scarce.any():
        rare, size = int(classes[scarce][0]), int(sizes[scarce][0])
        what = f"class {rare} has {size} sample{'s' * (size > 1)} for {len(wanted)} parts"
        raise Refused(where=where, what=what, fix="Leave that class out, merge it, or give stratify=False.")
    counts = _allot(sizes, list(wanted.values()), fill=classes >= 0)
    order = np.lexsort((keys_of(seed, "random", places.ids), code))
    part = np.empty(len(places), "U7")
    part[order] = np.repeat(np.tile(np.asarray(list(wanted)), len(classes)), counts.ravel())
    recipe = {"method": "random", "seed": int(seed), "shares": wanted, "stratify": by_class}
    return _finish(name, places, [part], recipe, list(wanted))


def _deal(load: Array, shares: Sequence[float], keys: Array) -> Array:
    """Deal units out to parts, int (u,): shares of samples first, shares of every class second.

    Units go largest first, by powers of two and at random within one, each where the squared deviation from the shares
    then is least; ties fall by the unit's own key.

    Parameters
    ----------
    load : int array, shape (u, 1 + c)
        Samples of each unit, then its samples of each class.
    shares : sequence of float, length p
        Of each part.
    keys : uint64 array, shape (u,)
        Random numbers.
    """
    used = load[:, load.sum(axis=0) > 0]
    goal = np.outer(shares, used.sum(axis=0))
    weight = np.full(used.shape[1], _CLASS_WEIGHT / max(1, used.shape[1] - 1))
    weight[0] = 1.0
    weight = weight / goal
    short = -goal
    size = np.floor(np.log2(np.maximum(used[:, 0], 1)))
    dealt = np.zeros(len(used), np.int64)
    for unit in np.lexsort((keys, -size)):
        more = used[unit]
        cost = ((2 * short + more) * more * weight).sum(axis=1)
        best = np.flatnonzero(cost <= cost.min() + 1e-9)
        part = best[int(keys[unit]) % len(best)]
        short[part] += more
        dealt[unit] = part
    return dealt


def _load(unit: Array, label: Array | None, units: int) -> Array:
    """Samples a unit, and samples a unit and class, int (units, 1 + c)."""
    total = np.bincount(unit, minlength=units)[:, None]
    if label is None or not (label >= 0).any():
        return total
    has = label >= 0
    classes, code = np.unique(label[has], return_inverse=True)
    table = np.bincount(unit[has] * len(classes) + code, minlength=units * len(classes))
    return np.concatenate([total, table.reshape(units, len(classes))], axis=1)


def _deal_folds(
    load: Array,
    names: Array,
    shares: Mapping[str, float] | None,
    folds: int | None,
    seed: int,
    where: str,
    stripes: Callable[[Sequence[float]], Array] | None = None,
) -> tuple[list[Array], dict[str, float]]:
    """Part names of every unit, one array a fold, and the shares that were used.

    `stripes` replaces chance for the outer cut; val inside a fold is always drawn at random from what is not tested.
    """

    def outer(wanted: Sequence[float], purpose: str) -> Array:
        return _deal(load, wanted, keys_of(seed, purpose, names)) if stripes is None else stripes(wanted)

    if folds is None:
        wanted = _checked_shares(_SHARES if shares is None else shares, PARTS, where=where)
        _enough(len(names), len(wanted), "parts", where)
        return [np.asarray(list(wanted))[outer(list(wanted.values()), "parts")]], wanted
    rest = _fold_shares(shares, folds, where=where)
    _enough(len(names), folds, "folds", where)
    tested_in = outer([1 / folds] * folds, "folds")
    parts = []
    for fold in range(folds):
        part = np.full(len(names), "test", "U7")
        left = np.flatnonzero(tested_in != fold)
        _enough(len(left), len(rest), "parts beside test", where)
        chosen = _deal(load[left], list(rest.values()), keys_of(seed, f"val {fold}", names[left]))
        part[left] = np.asarray(list(rest))[chosen]
        parts.append(part)
    return parts, rest


def _enough(have: int, want: int, of: str, where: str) -> None:
    if have < want:
        unit = "unit that stays" if have == 1 else "units that stay"
        fix = "Make the blocks smaller, or ask for fewer."
        raise Refused(where=where, what=f"has {have} {unit} together (blocks, groups) for {want} {of}", fix=fix)


def _groups(places: Places) -> tuple[Array, Array]:
    """Names of what stays together and which of them each sample is in; a sample without group is its own."""
    own = np.char.add("id ", places.ids)
    names, unit = np.unique(np.where(places.group == "", own, np.char.add("group ", places.group)), return_inverse=True)
    return names, unit


def split_group(
    places: Places,
    *,
    seed: int = 0,
    shares: Mapping[str, float] | None = None,
    folds: int | None = None,
    name: str = "group",
) -> Split:
    """Split by group: all samples of a group in one part; a sample without group stands alone.

    Parameters
    ----------
    places : Places
        Ids and groups; labels, if there are any, are balanced as far as whole groups allow.
    seed : int
        Same seed and ids, same split.
    shares : mapping
        Part -> share of the samples, summing to 1. With folds: of what a fold does not test.
    folds : int, optional
        As many splits, in which every group is tested once.
    name : str
        Of the split.

    Raises
    ------
    Refused
        No sample has a group, or there are fewer groups than parts or folds.
    Mismatch
        Shares do not sum to 1.
    Unknown
        A part has another name.
    """
    where = f"split {name}"
    if not (places.group != "").any():
        raise Refused(where=where, what="no sample has a group", fix="Give groups, or split at random or by place.")
    names, unit = _groups(places)
    dealt, used = _deal_folds(_load(unit, places.label, len(names)), names, shares, folds, seed, where)
    recipe = {"method": "group", "seed": int(seed), "shares": used, **({} if folds is None else {"folds": int(folds)})}
    need = list(used) if folds is None else [*used, "test"]
    return _finish(name, places, [part[unit] for part in dealt], recipe, need)


def _stripes(load: Array, west: Array, shares: Sequence[float]) -> Array:
    """Cut blocks into stripes from west to east, int (u,); it starts behind the widest gap, so no region is cut at 180.

    Blocks with one western edge stay together; each cut is the one nearest to its share.
    """
    edges, at = np.unique(west, return_inverse=True)
    gaps = np.diff(edges, append=edges[0] + 360)
    rank = (np.arange(len(edges)) - (int(gaps.argmax()) + 1)) % len(edges)
    held = np.bincount(rank[at], weights=load[:, 0], minlength=len(edges))
    before = np.concatenate([[0], np.cumsum(held)])
    cuts = [int(np.abs(before - share * before[-1]).argmin()) for share in np.cumsum(shares)[:-1]]
    return np.searchsorted(np.asarray(cuts), rank[at], side="right")


def _home_blocks(unit: Array, cell: Array) -> Array:
    """Block of each sample, with every group whole in the block that holds most of it (the first of equals)."""
    pairs, counts = np.unique(np.stack([unit, cell], axis=1), axis=0, return_counts=True)
    order = np.lexsort((pairs[:, 1], -counts, pairs[:, 0]))
    units, first = np.unique(pairs[order, 0], return_index=True)
    home = np.empty(unit.max() + 1, np.int64)
    home[units] = pairs[order[first], 1]
    return np.asarray(home[unit])


def _drop_near(part: Array, places: Places, metres: float) -> Array:
    """Drop val too near to test, then train too near to what is left of both."""
    kept = part.copy()
    for lower, higher in (("val", ["test"]), ("train", ["val", "test"])):
        mine, theirs = np.flatnonzero(kept == lower), np.isin(kept, higher)
        lon, lat = places.lon, places.lat
        kept[mine[within(lon[mine], lat[mine], lon[theirs], lat[theirs], metres)]] = DROPPED
    return kept


def split_place(
    places: Places,
    *,
    seed: int = 0,
    block: str | float = "1deg",
    shares: Mapping[str, float] | None = None,
    folds: int | None = None,
    buffer: str | float | None = None,
    pattern: str = "random",
    unplaced: str = "refuse",
    name: str = "place",
) -> Split:
    """Split by place: whole blocks of ground in one part, and a buffer between parts in which samples are dropped.

    A group lies whole in the block that holds most of it. Blocks are dealt out so that parts have their share of the
    samples first, and of every class second. `label_range` tells how large a block should be.

    Parameters
    ----------
    places : Places
        Ids and places; groups, labels and the windows' diagonal as far as they are known.
    seed : int
        Same seed and ids, same split.
    block : str or float
        "1deg", "10km", or metres; see `block_of`.
    shares : mapping
        Part -> share of the samples before dropping, summing to 1. With folds: of what a fold does not test, where val
        takes blocks of its own (train 0.9, val 0.1 if not given).
    folds : int, optional
        As many splits, in which every block is tested once.
    buffer : str or float, optional
        Train and val samples nearer than this to a sample of a higher part (test over val over train) are dropped,
        from centre to centre [m]. Not given: the window's diagonal and 20 m of misregistration.
    pattern : str
        `random`: blocks dealt out. `longitude`: stripes from west to east, train first (with folds: one a fold).
    unplaced : str
        `refuse` samples without a place, or `drop` them.
    name : str
        Of the split.

    Raises
    ------
    Refused
        Places or the buffer are unknown, block or buffer are no lengths, there are fewer blocks than parts or folds,
        or the buffer leaves a part empty.
    Mismatch
        Shares do not sum to 1.
    Unknown
        A part, pattern or other word is not known; the nearest is named.
    """
    where = f"split {name}"
    _known(pattern, _PATTERNS, what="pattern", where=where)
    _known(unplaced, _UNPLACED, what="choice for unplaced samples", where=where)
    placed = places.is_placed
    if not placed.any() or (unplaced == "refuse" and not placed.all()):
        first = str(places.ids[~placed][0])
        what = f"{int((~placed).sum())} of {len(places)} samples have no place, first {first!r}"
        fix = "Import their positions, or give unplaced='drop'." if placed.any() else "Import their positions."
        raise Refused(where=where, what=what, fix=fix)
    metres = _buffer(buffer, places, where)
    cells = block_of(places.lon[placed], places.lat[placed], block)
    blocks, cell = np.unique(cells, axis=0, return_inverse=True)
    home = _home_blocks(_groups(places)[1][placed], cell)
    held, home = np.unique(home, return_inverse=True)
    blocks = blocks[held]
    label = None if places.label is None else places.label[placed]
    load = _load(home, label, len(blocks))
    names = np.asarray([f"{row} {column}" for row, column in blocks])
    west = western_edges(blocks, block)
    stripes = (lambda wanted: _stripes(load, west, wanted)) if pattern == "longitude" else None
    dealt, used = _deal_folds(load, names, shares, folds, seed, where, stripes)
    parts = []
    for of_block in dealt:
        part = np.full(len(places), DROPPED, "U7")
        part[placed] = of_block[home]
        parts.append(_drop_near(part, places, metres))
    size, unit = parse_block(block)
    recipe = {
        "method": "place",
        "seed": int(seed),
        "block": np.format_float_positional(size, trim="-") + unit,
        "shares": used,
        "buffer": metres,
        "pattern": pattern,
        "unplaced": unplaced,
        **({} if folds is None else {"folds": int(folds)}),
    }
    return _finish(name, places, parts, recipe, list(used) if folds is None else [*used, "test"])


def _buffer(buffer: str | float | None, places: Places, where: str) -> float:
    """Metres between parts, to the millimetre."""
    if buffer is not None:
        return round(length(buffer, what=f"{where}, buffer")[0], 3)
    if places.diagonal is None:
        what = "the size of the samples' windows is unknown, and so is the buffer that keeps parts from overlapping"
        raise Refused(where=where, what=what, fix="Give the buffer in metres.")
    return round(places.diagonal + REGISTRATION, 3)


def split_time(
    places: Places,
    *,
    edges: Sequence[str | np.datetime64] | None = None,
    shares: Mapping[str, float] | None = None,
    name: str = "time",
) -> Split:
    """Split by time: train first, then val, then test; a day is never parted.

    A place that was seen over the years is on both sides, and the leakage report will say so.

    Parameters
    ----------
    places : Places
        Ids and dates.
    edges : sequence of dates, optional
        One (train before it, test from it on) or two (val between them).
    shares : mapping, optional
        Part -> share of the samples, summing to 1; cut at the day nearest to it.
    name : str
        Of the split.

    Raises
    ------
    Refused
        A sample has no date, an edge is no date or not after the one before, or a part would be empty.
    Mismatch
        Both edges and shares are given, or shares do not sum to 1.
    """
    where = f"split {name}"
    times = np.full(len(places), "NaT", "datetime64[us]") if places.time is None else places.time
    undated = np.isnat(times)
    if undated.any():
        what = f"{int(undated.sum())} of {len(places)} samples have no date, first {str(places.ids[undated][0])!r}"
        raise Refused(where=where, what=what, fix="Give their dates, or split in another way.")
    if edges is not None:
        if shares is not None:
            raise Mismatch(where=where, what="options", want="edges or shares", have="both")
        cuts = _dates(edges, where)
        wanted: tuple[str, ...] = PARTS if len(cuts) == 2 else (PARTS[0], PARTS[2])
        recipe: dict[str, Any] = {"method": "time", "edges": [str(cut) for cut in cuts]}
        rank = np.searchsorted(cuts, times, side="right")
    else:
        used = _checked_shares(_SHARES if shares is None else shares, PARTS, where=where)
        wanted, recipe = tuple(used), {"method": "time", "shares": used}
        days, at, held = np.unique(times.astype("datetime64[D]"), return_inverse=True, return_counts=True)
        _enough(len(days), len(used), "parts", where)
        before = np.concatenate([[0], np.cumsum(held)])
        firsts = [int(np.abs(before - share * len(places)).argmin()) for share in np.cumsum(list(used.values()))[:-1]]
        rank = np.searchsorted(np.asarray(firsts), at, side="right")
    return _finish(name, places, [np.asarray(wanted)[rank]], recipe, wanted)


def _dates(edges: Sequence[str | np.datetime64], where: str) -> Array:
    said = ", ".join(str(edge) for edge in edges)
    try:
        cuts = np.asarray(list(edges), "datetime64[us]")
    except ValueError as error:
        raise Refused(where=where, what=f"edges {said} are not dates ({error})", fix="Write 2020-01-31.") from None
    if len(cuts) not in (1, 2) or (np.diff(cuts) <= np.timedelta64(0)).any():
        raise Refused(where=where, what=f"edges must be one or two rising dates, have {said or 'none'}")
    return cuts


#: Method -> function; its options are the function's, and the recipe's.
METHODS: Final[dict[str, Callable[..., Split]]] = {
    "random": split_random,
    "group": split_group,
    "place": split_place,
    "time": split_time,
}
_OPTIONS: Final = {
    "random": ("seed", "shares", "stratify"),
    "group": ("seed", "shares", "folds"),
    "place": ("seed", "block", "shares", "folds", "buffer", "pattern", "unplaced"),
    "time": ("edges", "shares"),
}


def make_split(places: Places, recipe: Mapping[str, Any], *, name: str | None = None) -> Split:
    """Make a split from its recipe: the same one, if the samples are the same.

    Parameters
    ----------
    places : Places
        What is known of the samples.
    recipe : mapping
        `method` and the options of its function.
    name : str, optional
        Of the split; not given: the method's.

    Raises
    ------
    Unknown
        There is no such method or option; the nearest is named.

    Examples
    --------
    >>> places = Places(["a", "b", "c", "d"], group=["x", "x", "y", "z"])
    >>> split = split_group(places, seed=3, shares={"train": 0.5, "test": 0.5})
    >>> make_split(places, split.recipe).hash == split.hash
    True
    """
    method = _known(str(recipe.get("method", "")), tuple(METHODS), what="method", where="split")
    options = {key: value for key, value in recipe.items() if key != "method"}
    for option in options:
        _known(option, _OPTIONS[method], what="option", where=f"split by {method}")
    return METHODS[method](places, **options, name=name or method)
