"""BigEarthNet: labelled patches of Europe, twelve bands in files of their own sizes, or radar, or both of one place.

`S2A_MSIL2A_20170617T113321_36_85/S2A_..._B02.tif` with `..._labels_metadata.json`, and
`S1A_IW_GRDH_1SDV_20170613T165043_33UUP_61_39/S1A_..._VV.tif`, loose or zipped, as version 1.0 was distributed. Bands
of 120, 60 and 20 pixels are stacks of their own and nothing is resized. Labels are of the CORINE nomenclature, or of
the 19 classes that its authors made of it. A radar patch is joined with the Sentinel-2 patch that its metadata names;
alone it keeps the name. Irregular names (a digit short in the time) are real: the time in the metadata is believed,
another day than the name's is not. Which of the bands of one size is which stands in the file names only.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, Final

import numpy as np
import pyarrow as pa

from swath.core.errors import Failure, Mismatch, Refused, SwathError, Unreadable
from swath.core.geobox import footprint
from swath.core.legends import legend, legend_map
from swath.core.offset import Claim, Decision, decide_offset
from swath.core.origin import Origin
from swath.core.pixelcheck import Verdict, check_pixels
from swath.core.plan import PLAN_COLUMNS, Layout, Plan, StackSpec, read_each
from swath.core.quantity import SIGMA0_DB, Quantity, dn
from swath.core.sample import Sample, Target, TargetSpec
from swath.core.stack import Stack
from swath.formats.archive import Member, glance, list_archive
from swath.formats.options import as_date, as_names, as_number, one_of, only_known, require_all
from swath.formats.parts import PARTS, Parts, part_of
from swath.formats.patch import Patch, read_patch, require_grid, require_polarisations
from swath.formats.raster import reading_rasters

__all__ = ["BIGEARTHNET", "LABELS", "LEGENDS_OF_IT", "LICENCES", "BigearthnetFormat", "BigearthnetPatches"]

#: Attribution of pixels and labels.
LICENCES: Final = (
    "BigEarthNet, Sumbul et al. 2019 and 2021, doi 10.1109/IGARSS.2019.8900532 and 10.1109/MGRS.2021.3089174, "
    "CDLA-Permissive-1.0.",
    "Contains modified Copernicus Sentinel data.",
)
#: Target made of the labels.
LABELS: Final = "landcover"
#: Legends that the labels can be read into: as they were written, or joined to 19 classes.
LEGENDS_OF_IT: Final = ("corine-3", "bigearthnet-19")

#: Stack -> bands, pixels a side, metres a pixel.
_STACKS: Final[dict[str, tuple[tuple[str, ...], int, float]]] = {
    "s2-10m": (("B02", "B03", "B04", "B08"), 120, 10.0),
    "s2-20m": (("B05", "B06", "B07", "B8A", "B11", "B12"), 60, 20.0),
    "s2-60m": (("B01", "B09"), 20, 60.0),
    "s1": (("VV", "VH"), 120, 10.0),
}
_S2: Final = tuple(name for name in _STACKS if name != "s1")
_META: Final = "labels_metadata.json"
_NAME: Final = re.compile(
    r"(?P<scene>S2[A-D]_MSIL2A_(?P<day>\d{8})T(?P<clock>\d{5,6})|"
    r"S1[A-D]_IW_GRDH_1SDV_(?P<s1day>\d{8})T(?P<s1clock>\d{5,6})_\w{5})_\d{1,3}_\d{1,3}"
)
_MOST_BYTES: Final = 2**20  # of a file: the largest has 58 kB
_COLUMNS: Final = {
    **PLAN_COLUMNS,
    "s2_root": pa.int32(),
    "s2": pa.string(),
    "s1_root": pa.int32(),
    "s1": pa.string(),
    "parts": PARTS,
}
_DECLARES: Final = {
    "stacks": f"which of {', '.join(_STACKS)} to read; default all that the patches have",
    "legend": f"{LEGENDS_OF_IT[0]} (default: the labels as they were written) or {LEGENDS_OF_IT[1]}",
    "offset": "of the L2A, 0 (default: the set's own, checked by the pixels) or -1000; obeyed even against the pixels",
}


@dataclass(frozen=True, slots=True)
class _Found:
    """One patch."""

    #: `S2A_MSIL2A_20170617T113321_36_85`.
    name: str
    root: int
    #: Its folder below the root, with slashes; empty = the root itself.
    folder: str
    #: Endings of the files that are there.
    endings: frozenset[str]
    #: Members of a zip by ending; empty for a folder, where the path says where a file is.
    members: Mapping[str, Member] = field(default_factory=dict)

    @property
    def is_radar(self) -> bool:
        """True for Sentinel-1."""
        return self.name.startswith("S1")

    @property
    def scene(self) -> str:
        """Name of the acquisition that it was cut from."""
        return _said(self.name)["scene"]

    def path(self, ending: str) -> str:
        """Path of a file below the root."""
        return _path(self.folder, self.name, ending)


def _path(folder: str, name: str, ending: str) -> str:
    return f"{folder}/{name}_{ending}" if folder else f"{name}_{ending}"


def _said(name: str) -> re.Match[str]:
    said = _NAME.fullmatch(name)
    if said is None:
        raise Refused(where=name, what="is no name of a patch", fix="It was renamed: give it its own name back.")
    return said


def _found(roots: Sequence[Path]) -> list[_Found]:
    """All patches below the paths, in the order of their names."""
    found: list[_Found] = []
    for i, root in enumerate(roots):
        found += _in_folder(i, root) if root.is_dir() else _in_zip(i, root)
    if not found:
        where = ", ".join(str(root) for root in roots) or "format bigearthnet"
        fix = "Patches are folders as S2A_MSIL2A_20170617T113321_36_85 or S1A_IW_GRDH_1SDV_20170613T165043_33UUP_61_39."
        raise Refused(where=where, what="holds no patch of BigEarthNet", fix=fix)
    return sorted(found, key=lambda patch: (patch.name, patch.root))


def _in_zip(i: int, root: Path) -> Iterator[_Found]:
    held: dict[tuple[str, str], dict[str, Member]] = {}
    for member in list_archive(root, most=_MOST_BYTES).members:
        path = PurePosixPath(member.name)
        name = path.parent.name
        if _NAME.fullmatch(name) and path.name.startswith(f"{name}_"):
            held.setdefault((str(path.parent), name), {})[path.name.removeprefix(f"{name}_")] = member
    for (folder, name), members in held.items():
        yield _Found(name, i, folder, frozenset(members), members)


def _in_folder(i: int, root: Path) -> Iterator[_Found]:
    """Walk to the folders of patches and no further; a link that leads out of the root is refused."""
    home, waiting = root.resolve(), [""]
    while waiting:
        below = waiting.pop()
        name = PurePosixPath(below).name if below else root.absolute().name
        is_patch = _NAME.fullmatch(name) is not None
        endings = []
        with os.scandir(root / below) as entries:
            for entry in entries:
                if entry.is_symlink() and not Path(entry.path).resolve().is_relative_to(home):
                    what = f"holds a link that leaves it: {entry.name!r}"
                    raise Refused(where=str(root / below), what=what, fix="Copy what it points to here.")
                if entry.is_dir(follow_symlinks=False) and not is_patch:
                    waiting.append(f"{below}/{entry.name}" if below else entry.name)
                elif is_patch and entry.name.startswith(f"{name}_"):
                    endings.append(entry.name.removeprefix(f"{name}_"))
        if is_patch:
            yield _Found(name, i, below, frozenset(endings))


@dataclass(frozen=True, slots=True)
class _Note:
    """What the metadata of a patch say."""

    labels: tuple[str, ...]
    #: Easting and northing of the upper-left corner.
    corner: tuple[float, float]
    time: np.datetime64
    #: Scene that it was cut from, and Sentinel-2 patch of the same ground; empty = not said.
    source: str
    partner: str


def _note(blob: bytes, where: str) -> _Note:
    """Read the metadata of a patch.

    Raises
    ------
    Unreadable
        It is no JSON of the form.
    """
    again = "Fetch it again."
    try:
        held = json.loads(blob)
        corner = (float(held["coordinates"]["ulx"]), float(held["coordinates"]["uly"]))
        labels = held["labels"]
        when = held.get("acquisition_date") or held["acquisition_time"]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        what = f"cannot be read ({type(error).__name__}: {str(error)[:80]})"
        raise Unreadable(where=where, what=what, fix=again) from None
    if not isinstance(labels, list) or not all(isinstance(label, str) for label in labels):
        raise Unreadable(where=where, what="holds no list of labels", have=repr(labels)[:60], fix=again)
    texts = (str(held.get(name, "")) for name in ("tile_source", "scene_source", "corresponding_s2_patch"))
    tile, scene, partner = texts
    return _Note(tuple(labels), corner, as_date(f"acquisition of {where}", when), tile or scene, partner)


def _require_day(note: _Note, name: str) -> str:
    """Refuse another day than the name's; say where only the time differs, empty if it does not."""
    said = _said(name)
    day, clock = said["day"] or said["s1day"], (said["clock"] or said["s1clock"]).zfill(6)
    named = np.datetime64(f"{day[:4]}-{day[4:6]}-{day[6:]}", "D")
    if note.time.astype("datetime64[D]") != named:
        want, have = f"{named} (its name)", f"{note.time.astype('datetime64[D]')} (its metadata)"
        raise Mismatch(where=name, what="date", want=want, have=have, fix="One of the two is of another patch.")
    spelt = f"{clock[:2]}:{clock[2:4]}:{clock[4:]}"
    return "" if str(note.time)[11:19] == spelt else f"{spelt}, the metadata say {str(note.time)[11:19]}"


@dataclass(frozen=True, slots=True)
class BigearthnetPatches:
    """Patches, as a source."""

    #: Folders or zips.
    roots: tuple[Path, ...]
    #: Names of the stacks that are read.
    stacks: tuple[str, ...]
    #: Of `LEGENDS_OF_IT`.
    legend: str = LEGENDS_OF_IT[0]
    #: None = the set's convention.
    offset: float | None = None
    #: What was declared, as plain JSON.
    given: Mapping[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Name of the format."""
        return "bigearthnet"

    @property
    def _optical(self) -> Quantity:
        return dn("boa", offset=self.offset or 0.0)

    def _layout(self) -> Layout:
        specs = {}
        for stack in self.stacks:
            bands, side, gsd = _STACKS[stack]
            how = ("float32", SIGMA0_DB, "s1-grd", "GRD") if stack == "s1" else self._as_s2()
            specs[stack] = StackSpec(bands, (side, side), *how, (gsd, gsd), has_valid=True)
        known = legend(self.legend)
        licences = (*LICENCES, *([known.attribution] if known.attribution else []))
        return Layout(specs, {LABELS: TargetSpec("classes", legend=known.name)}, {known.name: known}, licences)

    def _as_s2(self) -> tuple[str, Quantity, str, str]:
        return "uint16", self._optical, "s2-l2a", "L2A"

    def plan(self, places: Any = None, dates: Any = None, spec: Any = None) -> Plan:
        """List every patch by its name; its place and labels stand in its files and are read with the pixels.

        Raises
        ------
        Refused
            Places, dates or a spec are asked for; or radar is to be joined with optical patches and no two belong
            together.
        """
        require_all(places, dates, spec, where=f"format {self.name}")
        wants = {"s1": "s1" in self.stacks, "s2": any(name != "s1" for name in self.stacks)}
        found = [patch for patch in _found(self.roots) if wants["s1" if patch.is_radar else "s2"]]
        failures: list[Failure] = []
        whole = []
        for patch in found:
            lacking = sorted(set(self._endings(patch.is_radar)) - patch.endings)
            if lacking:
                what = f"lacks {len(lacking)} of its files, the first is {patch.name}_{lacking[0]}"
                error = Refused(where=patch.name, what=what, fix="Fetch it again, or read fewer stacks=.")
                failures.append(Failure.of(patch.name, error, "missing"))
            else:
                whole.append(patch)
        pairs: list[tuple[_Found | None, _Found | None]]
        if all(wants.values()):
            pairs = self._pairs(whole, failures)
        else:
            pairs = [(None, patch) if patch.is_radar else (patch, None) for patch in whole]
        layout = self._layout()
        size = sum(len(s.bands) * s.size[0] * s.size[1] * np.dtype(s.dtype).itemsize for s in layout.stacks.values())
        rows = [self._row(optical, radar, size) for optical, radar in pairs]
        table = pa.Table.from_pylist(rows, schema=pa.schema(list(_COLUMNS.items())))
        failures.sort(key=lambda failure: failure.id)
        asked = {"paths": [root.name for root in self.roots], "stacks": list(self.stacks), "legend": self.legend}
        return Plan(self.name, {**asked, **self.given}, layout, table, tuple(failures))

    def _endings(self, is_radar: bool) -> tuple[str, ...]:
        """Endings of the files that are read of a patch."""
        stacks = [name for name in self.stacks if (name == "s1") == is_radar]
        return (_META, *(f"{band}.tif" for name in stacks for band in _STACKS[name][0]))

    def _row(self, optical: _Found | None, radar: _Found | None, size: int) -> dict[str, Any]:
        patch = optical or radar
        if patch is None:
            raise Refused(where=f"format {self.name}", what="has a row without a patch")
        why = "every patch that is whole" if optical is None or radar is None else "joined by the radar's metadata"
        parts = []
        for each in (optical, radar):
            if each is not None and each.members:
                parts += [part_of("", each.root, each.members[ending]) for ending in self._endings(each.is_radar)]
        row = {"id": patch.name, "group": patch.scene, "lon": None, "lat": None, "bytes": size, "why": why}
        row |= {"s2": None if optical is None else optical.folder, "s2_root": None if optical is None else optical.root}
        s1 = None if radar is None else f"{radar.folder}|{radar.name}"
        return {**row, "s1": s1, "s1_root": None if radar is None else radar.root, "parts": parts}

    def _pairs(self, found: Sequence[_Found], failures: list[Failure]) -> list[tuple[_Found | None, _Found | None]]:
        """Join every radar patch with the optical one that its metadata name."""
        optical = {patch.name: patch for patch in found if not patch.is_radar}
        radars: dict[str, _Found] = {}
        first = ""
        with Parts(self.roots, most=_MOST_BYTES) as parts:
            for patch in found:
                if not patch.is_radar:
                    continue
                try:
                    member = patch.members.get(_META) or Member(patch.path(_META), 0)
                    partner = _note(parts.read(part_of("", patch.root, member)), f"{patch.name}_{_META}").partner
                    if partner not in optical:
                        what = f"belongs to {partner or 'a patch that it does not name'}, which is not here"
                        raise Refused(where=patch.name, what=what, fix="Read it alone with stacks=s1.")
                    if partner in radars:
                        have = f"{radars[partner].name} too"
                        raise Mismatch(where=patch.name, what=f"radar of {partner}", want="one patch", have=have)
                except SwathError as error:
                    first = first or str(error)
                    failures.append(Failure.of(patch.name, error, "missing" if isinstance(error, Refused) else None))
                    continue
                radars[partner] = patch
        if not radars:
            what = "holds optical and radar patches of which no two belong together"
            fix = "Open each apart, or read one kind with stacks=."
            raise Refused(where=f"format {self.name}", what=what, have=first.rstrip("."), fix=fix)
        for name in optical.keys() - radars.keys():
            alone = Refused(where=name, what="has no radar patch here", fix="Read it without: leave s1 out of stacks=.")
            failures.append(Failure.of(name, alone, "missing"))
        return [(optical[name], radars[name]) for name in sorted(radars)]

    def read(self, rows: pa.Table) -> Iterator[Sample | Failure]:
        """Read patches of the plan."""
        with Parts(self.roots, most=_MOST_BYTES) as parts:
            yield from read_each(rows, lambda row: self._read(row, parts))

    def _read(self, row: Mapping[str, Any], parts: Parts) -> Sample:
        packed = {(part["root"], part["name"]): part for part in row["parts"] or ()}

        def blob(root: int, path: str) -> bytes:
            return parts.read(packed.get((root, path)) or part_of("", root, Member(path, 0)))

        stacks: dict[str, Stack] = {}
        codes: set[int] | None = None
        seen: list[Patch] = []
        for is_radar in (False, True):
            held, root = row["s1" if is_radar else "s2"], row["s1_root" if is_radar else "s2_root"]
            if held is None:
                continue
            folder, name = held.split("|") if is_radar else (held, row["id"])
            note = _note(blob(root, _path(folder, name, _META)), f"{name}_{_META}")
            codes = self._codes(note, name, codes)
            files: dict[str, Patch] = {}
            for stack in self.stacks:
                if (stack == "s1") != is_radar:
                    continue
                for band in _STACKS[stack][0]:
                    files[band] = _band(blob(root, _path(folder, name, f"{band}.tif")), f"{name}_{band}.tif", stack)
            _require_place(files, name, note)
            stacks |= self._stacks_of(name, note, files, is_radar)
            seen.append(next(iter(files.values())))
        if len(seen) == 2:
            require_grid(seen[1].geobox, seen[0].geobox, where=f"{row['id']} s1", like="its optical patch")
        box = seen[0].geobox
        ordered = {stack: stacks[stack] for stack in self.stacks}
        target = {LABELS: Target(codes=tuple(sorted(codes or ())))}
        outline = None if box is None else footprint(box)
        return Sample(row["id"], ordered, target, outline, row["group"], seen[0].lonlat)

    def _codes(self, note: _Note, name: str, others: set[int] | None) -> set[int]:
        """Codes of the labels; those of both patches of a pair must agree."""
        known = legend(LEGENDS_OF_IT[0])
        codes = {known.code_of(label) for label in note.labels}
        if self.legend != known.name:
            table = legend_map(known.name, self.legend).table
            codes = {table[code] for code in codes if code in table}
        if not codes:
            what = f"has no label of the legend {self.legend}" if note.labels else "has no label"
            fix = "Read it with legend=corine-3, or leave it out as the set's authors do."
            raise Refused(where=name, what=what, have=", ".join(note.labels), fix=fix)
        if others is not None and others != codes:
            want, have = (", ".join(map(str, sorted(each))) for each in (others, codes))
            raise Mismatch(where=name, what="labels", want=f"{want} (its optical patch)", have=have, fix="Fetch both.")
        return codes

    def _stacks_of(self, name: str, note: _Note, files: Mapping[str, Patch], is_radar: bool) -> dict[str, Stack]:
        noted = {"time_in_name": _require_day(note, name), "cut_from": note.source, "s2_partner": note.partner}
        about = {key: text for key, text in noted.items() if text}
        decision = None if is_radar else self._decide(name, files)
        made = {}
        for stack in self.stacks:
            if (stack == "s1") != is_radar:
                continue
            bands, _, gsd = _STACKS[stack]
            mine = [files[band] for band in bands]
            data = np.concatenate([patch.data for patch in mine])
            valid = np.concatenate([np.broadcast_to(True if p.valid is None else p.valid, p.data.shape) for p in mine])
            if is_radar:
                require_polarisations(data, valid, where=name)
                data = np.where(np.isfinite(data), data, np.float32(0))
            mask = None if valid.all() else (valid[:1] if (valid == valid[:1]).all() else valid)[None]
            origin = Origin(
                items=(name,),
                sensor="s1-grd" if is_radar else "s2-l2a",
                level="GRD" if is_radar else "L2A",
                provider="BigEarthNet",
                offsets=() if decision is None else (decision.to_json(),),
                declared=about,
                attribution=LICENCES[0],
            )
            quantity = SIGMA0_DB if is_radar else self._optical
            times = np.array([note.time], "datetime64[us]")
            step = mine[0].gsd or (gsd, gsd)
            made[stack] = Stack(data[None], bands, times, quantity, mine[0].geobox, step, mask, origin)
        return made

    def _decide(self, name: str, files: Mapping[str, Patch]) -> Decision:
        """Offset of an optical patch: one product has one, and a size of pixels that is unshifted speaks for all."""
        claim = Claim("convention", (0.0,), "BigEarthNet: L2A of baselines before 04.00, offset-free")
        if self.offset is not None:
            claim = Claim("override", (self.offset,), "declared offset")
        verdicts: list[Verdict] = []
        for bands, _, _ in _STACKS.values():
            mine = [band for band in bands if band in files]
            if mine:
                pixels = np.concatenate([files[band].data for band in mine])
                verdicts.append(check_pixels(pixels, mine, level="L2A"))
        rank = ("unshifted", "shifted", "undecided")
        return decide_offset([claim], min(verdicts, key=lambda verdict: rank.index(verdict.answer)), where=name)


def _band(blob: bytes, where: str, stack: str) -> Patch:
    """Read one band."""
    _, side, _ = _STACKS[stack]
    dtype = "float32" if stack == "s1" else "uint16"
    with reading_rasters():
        return read_patch(blob, where=where, of=f"BigEarthNet {stack}", bands=1, dtype=dtype, size=(side, side))


def _require_place(files: Mapping[str, Patch], name: str, note: _Note) -> None:
    """Refuse bands that do not lie on one ground, or not where the metadata say."""
    (first, patch), *others = files.items()
    for band, other in others:
        require_grid(other.geobox, patch.geobox, where=f"{name}_{band}.tif", like=f"{first}.tif")
    if patch.geobox is None:
        return
    transform = patch.geobox.transform
    if max(abs(transform.c - note.corner[0]), abs(transform.f - note.corner[1])) > 1:
        want = f"{note.corner[0]:.0f}, {note.corner[1]:.0f} (its metadata)"
        have = f"{transform.c:.0f}, {transform.f:.0f} ({first}.tif)"
        raise Mismatch(where=name, what="upper-left corner", want=want, have=have, fix="Labels are of other ground.")


@dataclass(frozen=True, slots=True)
class BigearthnetFormat:
    """The format; `BIGEARTHNET` is the one instance."""

    #: On the command line.
    name: str = "bigearthnet"

    @property
    def declares(self) -> Mapping[str, str]:
        """Options that `open` takes."""
        return _DECLARES

    def sniff(self, path: Path) -> bool:
        """True if a file of a patch lies in a folder of its name, anywhere below the path."""
        for name in glance(path):
            inside = PurePosixPath(name)
            folder = inside.parent.name or path.absolute().name
            if _NAME.fullmatch(folder) and inside.name.startswith(f"{folder}_"):
                return True
        return False

    def open(self, paths: Sequence[Path], **declared: Any) -> BigearthnetPatches:
        """Open folders or zips of optical patches, radar patches or both.

        Raises
        ------
        Unreadable, Refused, Unknown
            There is no patch, or an option has no such value.
        """
        given = only_known(declared, _DECLARES, where=f"format {self.name}")
        roots = tuple(Path(path) for path in paths)
        for root in roots:
            if not root.exists():
                raise Unreadable(where=str(root), what="is not there", fix="Look at the path.")
        found = _found(roots)
        kinds = {patch.is_radar for patch in found}
        chosen = tuple(name for name in _STACKS if (name == "s1") in kinds)
        if given.get("stacks") is not None:
            names = as_names("stacks", given["stacks"])
            for name in names:
                one_of("stacks", name, chosen)
            chosen = tuple(name for name in chosen if name in names)
        which = one_of("legend", given.get("legend", LEGENDS_OF_IT[0]), LEGENDS_OF_IT)
        offset = None if given.get("offset") is None else as_number("offset", given["offset"])
        return BigearthnetPatches(roots, chosen, which, offset, {name: str(each) for name, each in given.items()})


#: The format.
BIGEARTHNET: Final = BigearthnetFormat()
