"""SEN12MS-CR: clear and cloudy looks at one place with radar beside them, and the year-long series of SEN12MS-CR-TS.

Pairs and triplets (`ROIs1970_fall_s2_cloudy/s2_cloudy_139/ROIs1970_fall_s2_cloudy_139_p839.tif`) are joined by scene
and patch number: what is cloudy and what the radar saw are stacks, what is clear is the target. Series
(`s2_ROIs2017_146_ImgNo_3_2018-02-10_patch_0.tif`) become one stack of all their dates. Patches of a scene overlap by
half, so a scene is one group. Bands stand in no file: their order is proved by physics when the set is opened, and the
offset is checked on every look. Digital numbers go far above 10,000 over cloud and are never cut off. The triplets have
no dates, neither kind a cloud cover; both stay unknown.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, Final

import numpy as np
import pyarrow as pa

from swath.core.array import Array
from swath.core.bandproof import require_order
from swath.core.errors import Failure, Mismatch, Refused, SwathError
from swath.core.geobox import footprint
from swath.core.offset import Claim, Decision
from swath.core.origin import Origin
from swath.core.pixelcheck import check_pixels
from swath.core.plan import PLAN_COLUMNS, Layout, Plan, StackSpec, read_each
from swath.core.presets import band_order
from swath.core.quantity import SIGMA0_DB, Quantity, dn
from swath.core.sample import Sample, Target, TargetSpec
from swath.core.stack import NO_TIME, Stack
from swath.formats.archive import Member, glance, list_archive
from swath.formats.evidence import MOST_TILES, decide_alike, tiles_of
from swath.formats.options import as_date, as_names, as_number, one_of, only_known, require_all
from swath.formats.parts import PARTS, Parts, part_of
from swath.formats.patch import Patch, read_patch, require_grid, require_polarisations
from swath.formats.raster import reading_rasters

__all__ = ["CLEAR", "CLOUDY", "LICENCES", "SEN12MSCR", "Sen12mscrFormat", "Sen12mscrPatches"]

#: Attribution of pixels.
LICENCES: Final = (
    "SEN12MS-CR, Ebel et al. 2021, doi 10.1109/TGRS.2020.3024744, and SEN12MS-CR-TS, Ebel et al. 2022, "
    "doi 10.1109/TGRS.2022.3146246, CC-BY 4.0.",
    "Contains modified Copernicus Sentinel data.",
)
#: Names of the stacks of pairs and triplets; the radar's is `s1`.
CLEAR, CLOUDY = "s2-clear", "s2-cloudy"

_SEASONS: Final = "spring|summer|fall|winter"
_PAIR: Final = re.compile(
    rf"(?P<set>ROIs\d+_(?:{_SEASONS}))_(?P<kind>s1|s2_cloudy|s2)_(?P<scene>\d+)_p(?P<patch>\d+)\.tiff?"
)
_FOLDER: Final = re.compile(r"(?P<kind>s1|s2_cloudy|s2)_(?P<scene>\d+)")
_DATED: Final = re.compile(
    r"(?P<kind>s1|s2)_(?P<set>ROIs\d+)_(?P<scene>\d+)_ImgNo_(?P<number>\d+)_(?P<date>\d{4}-\d{2}-\d{2})"
    r"_patch_(?P<patch>\d+)\.tiff?"
)
_STACKS: Final = {"s1": "s1", "s2": CLEAR, "s2_cloudy": CLOUDY}
_ORDER: Final = band_order("sen12ms-13").bands
_SAR: Final = band_order("sen12ms-s1").bands
_MOST_BYTES: Final = 32 * 2**20  # of a file: 13 bands of 256 x 256 are 1.7 MB
_PROBES: Final = 8  # samples that prove the band order
_COLUMNS: Final = {**PLAN_COLUMNS, "parts": PARTS}
_DECLARES: Final = {
    "stacks": f"which of s1, {CLEAR}, {CLOUDY} to read; default those that more than half of the patches have",
    "clear": f"what {CLEAR} becomes: target (default, where another stack is there to learn it from) or stack",
    "offset": "of the L1C, 0 (default: the set's own, checked by the pixels) or -1000; obeyed even against the pixels",
}


@dataclass(frozen=True, slots=True)
class _Look:
    """One file."""

    stack: str
    #: Number of the look in its series; 0 in pairs.
    number: int
    #: ISO date, or empty.
    date: str
    root: int
    member: Member


@dataclass(frozen=True, slots=True)
class _Place:
    """All looks at one patch."""

    id: str
    group: str
    #: Of names, for errors.
    looks: tuple[_Look, ...]


def _found(roots: Sequence[Path]) -> tuple[list[_Place], bool, list[Failure]]:
    """All patches in the order of scenes and numbers, whether they are series, and files that contradict their folder.

    Raises
    ------
    Refused
        Pairs and series lie together, or there is neither.
    """
    held: dict[tuple[str, int, int], list[_Look]] = {}
    failures: list[Failure] = []
    kinds: dict[bool, str] = {}
    for i, root in enumerate(roots):
        for member in list_archive(root, most=_MOST_BYTES).members:
            path = PurePosixPath(member.name)
            said = _PAIR.fullmatch(path.name) or _DATED.fullmatch(path.name)
            if said is None:
                continue
            is_series = "date" in said.re.groupindex
            kinds.setdefault(is_series, member.name)
            error = None if is_series else _contradiction(path, said)
            if error is not None:
                failures.append(Failure.of(f"{path.stem}#{len(failures) + 1}", error))
                continue
            stack = said["kind"] if is_series else _STACKS[said["kind"]]
            number, date = (int(said["number"]), said["date"]) if is_series else (0, "")
            key = (said["set"], int(said["scene"]), int(said["patch"]))
            held.setdefault(key, []).append(_Look(stack, number, date, i, member))
    if len(kinds) != 1:
        where = ", ".join(str(root) for root in roots) or "format sen12mscr"
        if kinds:
            what = f"holds pairs ({kinds[False]}) and series ({kinds[True]})"
            raise Refused(where=where, what=what, fix="Open each apart: they are different samples.")
        fix = "Files are ROIs<n>_<season>_<s1|s2|s2_cloudy>_<scene>_p<n>.tif or s2_ROIs<n>_<scene>_ImgNo_..._patch_<n>."
        raise Refused(where=where, what="holds no patch of SEN12MS-CR", fix=fix)
    (is_series,) = kinds
    places = []
    for (name, scene, patch), looks in sorted(held.items()):
        id = f"{name}_{scene}_{'patch_' if is_series else 'p'}{patch}"
        ordered = sorted(looks, key=lambda look: (look.stack, look.number, look.root, look.member.name))
        places.append(_Place(id, f"{name}_{scene}", tuple(ordered)))
    return places, is_series, failures


def _contradiction(path: PurePosixPath, said: re.Match[str]) -> Mismatch | None:
    """Why a file is not believed: its folder is that of another kind or scene."""
    folder = _FOLDER.fullmatch(path.parent.name)
    if folder is None or (folder["kind"], folder["scene"]) == (said["kind"], said["scene"]):
        return None
    want, have = (f"{each['kind']} of scene {each['scene']}" for each in (folder, said))
    return Mismatch(
        where=str(path), what="patch", want=f"{want} (its folder)", have=f"{have} (its name)", fix="Move it."
    )


@dataclass(frozen=True, slots=True)
class _Choices:
    """What a user declared, read."""

    given: Mapping[str, Any] = field(default_factory=dict)
    #: None = the set's convention.
    offset: float | None = None
    #: True if the clear look is the target.
    is_target: bool = False
    #: What physics said of the band order.
    proof: str = "not tried"


@dataclass(frozen=True, slots=True)
class Sen12mscrPatches:
    """Patches of pairs, triplets or series, as a source; `SEN12MSCR.open` has tried to prove their band order."""

    #: Folders or zips.
    roots: tuple[Path, ...]
    choices: _Choices
    #: Names of the stacks that are read.
    stacks: tuple[str, ...]
    #: Pixels, (h, w).
    size: tuple[int, int]
    #: Metres on the ground a pixel, (x, y), of the first.
    gsd: tuple[float, float]

    @property
    def name(self) -> str:
        """Name of the format."""
        return "sen12mscr"

    @property
    def _optical(self) -> Quantity:
        return dn("toa", offset=self.choices.offset or 0.0)

    def _layout(self, dates: Mapping[str, int]) -> Layout:
        specs = {}
        for stack in self.stacks:
            count = dates.get(stack, 1)
            if stack == "s1":
                each = (_SAR, self.size, "float32", SIGMA0_DB, "s1-grd", "GRD")
            else:
                each = (_ORDER, self.size, "uint16", self._optical, "s2-l1c", "L1C")
            specs[stack] = StackSpec(*each, self.gsd, dates=count, has_valid=True)
        targets = {CLEAR: TargetSpec("stack")} if self.choices.is_target else {}
        return Layout(specs, targets, {}, LICENCES)

    def plan(self, places: Any = None, dates: Any = None, spec: Any = None) -> Plan:
        """List every patch by the names of its files; its place stands in them and is read with their pixels.

        Raises
        ------
        Refused
            Places, dates or a spec are asked for: files are what they are.
        """
        require_all(places, dates, spec, where=f"format {self.name}")
        found, _, failures = _found(self.roots)
        rows, most = [], dict.fromkeys(self.stacks, 1)
        pixel = self.size[0] * self.size[1]
        for place in found:
            looks = [look for look in place.looks if look.stack in self.stacks]
            error = self._flaw(place, looks)
            if error is not None:
                failures.append(Failure.of(place.id, error, "missing" if isinstance(error, Refused) else None))
                continue
            for stack in self.stacks:
                most[stack] = max(most[stack], sum(look.stack == stack for look in looks))
            parts = [part_of(look.stack, look.root, look.member, date=look.date) for look in looks]
            size = sum(pixel * (8 if look.stack == "s1" else 26) for look in looks)
            row = {"id": place.id, "group": place.group, "lon": None, "lat": None, "bytes": size}
            rows.append({**row, "why": "every patch that is whole", "parts": parts})
        asked = {"paths": [root.name for root in self.roots], "stacks": list(self.stacks), **self.choices.given}
        asked["band_order"] = self.choices.proof
        table = pa.Table.from_pylist(rows, schema=pa.schema(list(_COLUMNS.items())))
        failures.sort(key=lambda failure: failure.id)
        return Plan(self.name, asked, self._layout(most), table, tuple(failures))

    def _flaw(self, place: _Place, looks: Sequence[_Look]) -> SwathError | None:
        """Why a patch is left out: it lacks a look, has one twice, or its numbers and dates run apart."""
        for stack in self.stacks:
            mine = [look for look in looks if look.stack == stack]
            if not mine:
                fix = "Fetch it, or name the stacks that are there with stacks=."
                return Refused(where=place.id, what=f"has no {stack} file, as most others have", fix=fix)
            numbers = [look.number for look in mine]
            if len(set(numbers)) < len(numbers):
                twice = next(look for look in mine if numbers.count(look.number) > 1)
                want, have = "one file", f"{numbers.count(twice.number)} ({twice.member.name} is one)"
                return Mismatch(where=place.id, what=f"{stack} look", want=want, have=have, fix="Take one out.")
            for one, other in itertools.pairwise(mine):
                if other.date < one.date:
                    want = f"dates that rise with ImgNo ({one.number} is {one.date})"
                    have = f"{other.date} as {other.number}"
                    fix = "One of the two names is wrong: fetch the series again."
                    return Mismatch(where=place.id, what=f"order of {stack}", want=want, have=have, fix=fix)
        return None

    def read(self, rows: pa.Table) -> Iterator[Sample | Failure]:
        """Read patches of the plan."""
        with Parts(self.roots, most=_MOST_BYTES) as parts:
            yield from read_each(rows, lambda row: self._read(row, parts))

    def _read(self, row: Mapping[str, Any], parts: Parts) -> Sample:
        held: dict[str, list[tuple[Mapping[str, Any], Patch]]] = {}
        first: tuple[str, Patch] | None = None
        for part in row["parts"]:
            where = str(part["name"])
            patch = _patch(parts, part, self.size)
            if first is not None:
                require_grid(patch.geobox, first[1].geobox, where=where, like=PurePosixPath(first[0]).name)
            first = first or (where, patch)
            if part["stack"] == "s1":
                require_polarisations(patch.data, patch.valid, where=where)
            held.setdefault(str(part["stack"]), []).append((part, patch))
        decisions = self._decide(row["id"], {name: looks for name, looks in held.items() if name != "s1"})
        made = {name: self._stack(name, held[name], decisions.get(name, ())) for name in self.stacks}
        target = {CLEAR: Target(stack=made.pop(CLEAR))} if self.choices.is_target else {}
        box = None if first is None else first[1].geobox
        lonlat = None if first is None else first[1].lonlat
        return Sample(row["id"], made, target, None if box is None else footprint(box), row["group"], lonlat)

    def _decide(
        self, id: str, looks: Mapping[str, list[tuple[Mapping[str, Any], Patch]]]
    ) -> dict[str, tuple[Decision, ...]]:
        """Offset of every optical look; those of one place were processed alike, so that a veiled one follows."""
        claim = Claim("convention", (0.0,), "SEN12MS-CR: L1C, offset-free")
        if self.choices.offset is not None:
            claim = Claim("override", (self.choices.offset,), "declared offset")
        every = [(name, patch) for name, mine in looks.items() for _, patch in mine]
        verdicts = [check_pixels(patch.data, _ORDER, level="L1C", valid=patch.valid) for _, patch in every]
        decided = decide_alike([claim], verdicts, where=id)
        made: dict[str, list[Decision]] = {}
        for (name, _), decision in zip(every, decided, strict=True):
            made.setdefault(name, []).append(decision)
        return {name: tuple(each) for name, each in made.items()}

    def _stack(
        self, name: str, looks: Sequence[tuple[Mapping[str, Any], Patch]], decisions: Sequence[Decision]
    ) -> Stack:
        is_radar = name == "s1"
        bands, quantity = (_SAR, SIGMA0_DB) if is_radar else (_ORDER, self._optical)
        times = [as_date("date", part["date"]) if part["date"] else NO_TIME for part, _ in looks]
        data = np.stack([patch.data for _, patch in looks])
        valid = _joined([patch for _, patch in looks])
        if valid is not None and data.dtype.kind == "f":
            data = np.where(np.isfinite(data), data, np.float32(0))
        origin = Origin(
            items=tuple(PurePosixPath(str(part["name"])).stem for part, _ in looks),
            sensor="s1-grd" if is_radar else "s2-l1c",
            level="GRD" if is_radar else "L1C",
            provider="SEN12MS-CR",
            offsets=tuple(decision.to_json() for decision in decisions),
            attribution=LICENCES[0],
        )
        box, gsd = looks[0][1].geobox, looks[0][1].gsd or self.gsd
        return Stack(data, bands, np.array(times, "datetime64[us]"), quantity, box, gsd, valid, origin)


def _patch(parts: Parts, part: Mapping[str, Any], size: tuple[int, int] | None = None) -> Patch:
    """Read one look."""
    bands, dtype = (len(_SAR), "float32") if part["stack"] == "s1" else (len(_ORDER), "uint16")
    blob = parts.read(part)
    with reading_rasters():
        return read_patch(blob, where=str(part["name"]), of="SEN12MS-CR", bands=bands, dtype=dtype, size=size)


def _joined(patches: Sequence[Patch]) -> Array | None:
    """Validity of several looks, shape (t, b or 1, h, w); None = every pixel is a measurement."""
    held = np.stack([np.broadcast_to(True if p.valid is None else p.valid, p.data.shape) for p in patches])
    if held.all():
        return None
    return held[:, :1].copy() if (held == held[:, :1]).all() else held


@dataclass(frozen=True, slots=True)
class Sen12mscrFormat:
    """The format; `SEN12MSCR` is the one instance."""

    #: On the command line.
    name: str = "sen12mscr"

    @property
    def declares(self) -> Mapping[str, str]:
        """Options that `open` takes."""
        return _DECLARES

    def sniff(self, path: Path) -> bool:
        """True if a file of theirs lies below the path."""
        names = (PurePosixPath(name).name for name in glance(path))
        return any(_PAIR.fullmatch(name) or _DATED.fullmatch(name) for name in names)

    def open(self, paths: Sequence[Path], **declared: Any) -> Sen12mscrPatches:
        """Open folders or zips of pairs, triplets or series, and prove the order of their bands.

        Raises
        ------
        Unreadable, Refused, Unknown
            There is no patch, none can be read, or an option has no such value.
        Mismatch
            The pixels break the order; both orders are named.
        """
        where = f"format {self.name}"
        given = only_known(declared, _DECLARES, where=where)
        roots = tuple(Path(path) for path in paths)
        found, is_series, failures = _found(roots)
        if not found:
            raise Refused(where=where, what="holds no patch in a folder of its own", fix=failures[0].message)
        offset = None if given.get("offset") is None else as_number("offset", given["offset"])
        stacks = _stacks(found, given.get("stacks"), is_series=is_series)
        others = [stack for stack in stacks if stack != CLEAR]
        role = one_of("clear", given.get("clear", "target" if others else "stack"), ["target", "stack"])
        is_target = CLEAR in stacks and role == "target"
        if is_target and not others:
            raise Refused(where=where, what="leaves no stack in a sample, only a target", fix="Declare clear=stack.")
        choices = _Choices({name: str(each) for name, each in given.items()}, offset, is_target)
        first = _first(roots, found, stacks)
        source = Sen12mscrPatches(roots, choices, stacks, first.data.shape[1:], first.gsd or (10.0, 10.0))
        proof = _proof(source, [root.name for root in roots])
        proved = _Choices(choices.given, offset, is_target, proof)
        return Sen12mscrPatches(roots, proved, stacks, source.size, source.gsd)


#: The format.
SEN12MSCR: Final = Sen12mscrFormat()


def _stacks(found: Sequence[_Place], wanted: Any, *, is_series: bool) -> tuple[str, ...]:
    """What is read: as declared, or what more than half of the patches have."""
    known = ("s1", "s2") if is_series else ("s1", CLEAR, CLOUDY)
    if wanted is not None:
        names = as_names("stacks", wanted)
        strange = [name for name in names if name not in known]
        if strange:
            raise Refused(where="option stacks", what=f"cannot be {wanted!r}", want=f"of {', '.join(known)}")
        return tuple(name for name in known if name in names)
    had = {name: sum(any(look.stack == name for look in place.looks) for place in found) for name in known}
    chosen = tuple(name for name in known if had[name] * 2 > len(found))
    if not chosen:
        said = ", ".join(f"{name} {count}" for name, count in had.items())
        what = f"has no stack that most of its {len(found):,} patches share ({said})"
        raise Refused(where="format sen12mscr", what=what, fix="Name some with stacks=.")
    return chosen


def _first(roots: Sequence[Path], found: Sequence[_Place], stacks: Sequence[str]) -> Patch:
    """The first look that can be read: it says how large patches are.

    Raises
    ------
    SwathError
        None of the first ones can.
    """
    error: SwathError | None = None
    with Parts(roots, most=_MOST_BYTES) as parts:
        for place in found[:_PROBES]:
            for look in place.looks:
                if look.stack not in stacks:
                    continue
                try:
                    return _patch(parts, part_of(look.stack, look.root, look.member))
                except SwathError as failed:
                    error = error or failed
    raise error or Refused(where="format sen12mscr", what="has no file of the stacks that were asked for")


def _proof(source: Sen12mscrPatches, names: Sequence[str]) -> str:
    """What physics says of the band order, on looks spread over the set; what is broken is refused."""
    name = next((stack for stack in ("s2", CLEAR, CLOUDY) if stack in source.stacks), None)
    if name is None or source.choices.offset is not None:
        return "untested: " + ("no optical stack" if name is None else "the offset is declared")
    rows = source.plan().rows
    chosen = np.unique(np.linspace(0, max(rows.num_rows - 1, 0), _PROBES).round().astype(int))
    tiles: list[Array] = []
    for made in source.read(rows.take(chosen) if rows.num_rows else rows):
        if isinstance(made, Sample):
            target = made.targets.get(name)
            stack = made.stacks[name] if target is None or target.stack is None else target.stack
            tiles += tiles_of([(look, None) for look in stack.data])
    if not tiles:
        return "untested: none of the patches that were tried can be read"
    side = min(min(tile.shape[1:]) for tile in tiles)
    spread = np.unique(np.linspace(0, len(tiles) - 1, MOST_TILES).round().astype(int))
    pixels = np.stack([tiles[i][:, :side, :side] for i in spread])
    quantity = dn("toa", offset=0)
    proof = require_order(pixels, _ORDER, quantity=quantity, gsd=max(source.gsd), where=", ".join(names))
    return f"{' '.join(_ORDER)}: {proof.verdict} by physics on {len(spread)} windows"
