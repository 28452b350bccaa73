"""Rasters: co-registered rasters, several files a sample, joined by their names as a small map says.

Sets of many shapes open so without a reader of their own: a folder a sample, a file a date, or all dates and sensors in
the bands of one file. The map (`formats.rastersmap`) says what the numbers are; grids, polarisations, an order of
thirteen bands and the offset are checked against the pixels. Where the offset is *measured*, every file is looked at
when the set is opened, and those of an older baseline are shifted up to the newest as they are read. Knows no set.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Any, Final

import numpy as np
import pyarrow as pa
from odc.geo.geobox import GeoBox
from rasterio.io import DatasetReader

from swath.core.array import Array
from swath.core.bandproof import require_order
from swath.core.bands import S2_BANDS
from swath.core.errors import Failure, Mismatch, Refused, SwathError, Unknown, Unreadable
from swath.core.geobox import footprint
from swath.core.offset import BASELINE_0400_OFFSET, Claim, Decision
from swath.core.origin import Origin
from swath.core.pixelcheck import check_pixels
from swath.core.plan import PLAN_COLUMNS, Layout, Plan, StackSpec, read_each
from swath.core.quantity import Quantity, class_of, convert, dn
from swath.core.sample import Sample, Target, TargetSpec
from swath.core.stack import NO_TIME, Stack, measured
from swath.formats.archive import Member, list_archive
from swath.formats.evidence import MOST_TILES, decide_alike, tiles_of
from swath.formats.mapping import Mapped, gsd_of, map_bands
from swath.formats.options import as_date, only_known, require_all
from swath.formats.parts import PARTS, Parts, part_of
from swath.formats.patch import MOST_RAW, require_grid, require_polarisations
from swath.formats.raster import Header, open_blob, read_header, read_pixels, reading_rasters
from swath.formats.rastersmap import OF_STACK, OF_STACKS, RastersMap, StackMap, read_map
from swath.formats.scene import codes_of

__all__ = ["MAPS", "RASTERS", "Rasters", "RastersFormat"]

#: Names of a map that lies in the folder which it describes.
MAPS: Final = ("rasters.yaml", "rasters.yml", "rasters.json")
_MOST_BYTES: Final = 256 * 2**20
_PROBES: Final = 8  # samples that say how all are, and that prove the band order
_COLUMNS: Final = {**PLAN_COLUMNS, "parts": PARTS}
_DECLARES: Final = {
    "map": "\n".join(
        [
            f"YAML or JSON file that says what the files hold; default {MAPS[0]} in the folder itself. Its keys:",
            *(f"  {key:16} {meaning}" for key, meaning in OF_STACKS.items()),
            "and those of each stack:",
            *(f"  {key:16} {meaning}" for key, meaning in OF_STACK.items()),
        ]
    )
}
#: What a measured offset can be.
_EITHER: Final = (
    Claim("convention", (0.0,), "as before baseline 04.00"),
    Claim("convention", (BASELINE_0400_OFFSET,), "as from baseline 04.00 on"),
)


@dataclass(frozen=True, slots=True)
class _Place:
    """All files of one sample."""

    id: str
    group: str
    #: Stack -> position of the root and file, in the order of dates.
    files: Mapping[str, Sequence[tuple[int, Member, str]]]


@dataclass(frozen=True, slots=True, eq=False)
class _Layer:
    """Pixels of one file, as one stack needs them."""

    #: Shape (t, b, h, w).
    data: Array
    #: Shape (t, b or 1, h, w).
    valid: Array
    #: Shape (t,).
    times: Array
    header: Header
    mapped: Mapped
    gsd: tuple[float, float]
    #: Of Sentinel-2 digital numbers, one a date.
    decisions: tuple[Decision, ...] = ()


@dataclass(frozen=True, slots=True)
class _Shape:
    """How the first sample that can be read has a stack; all others must fit it."""

    mapped: Mapped
    dtype: str
    #: Pixels, (h, w).
    size: tuple[int, int]
    gsd: tuple[float, float]
    #: What the numbers mean that samples get.
    quantity: Quantity


@dataclass(frozen=True, slots=True)
class Rasters:
    """Samples of several rasters each, as a source; `RASTERS.open` makes it."""

    #: Folders or zips.
    roots: tuple[Path, ...]
    map: RastersMap
    #: Stack -> how it is.
    shapes: Mapping[str, _Shape]
    #: Samples whose offset the pixels do not decide, and why.
    undecided: tuple[Failure, ...] = ()
    #: What physics said of the band order, stack by stack.
    proofs: Mapping[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Name of the format."""
        return "rasters"

    def plan(self, places: Any = None, dates: Any = None, spec: Any = None) -> Plan:
        """List every sample by the names of its files; its place is read with their pixels.

        Raises
        ------
        Refused
            Places, dates or a spec are asked for: files are what they are.
        """
        require_all(places, dates, spec, where="format rasters")
        found, failures, strangers = _found(self.roots, self.map)
        left = {failure.id for failure in self.undecided}
        failures += self.undecided
        rows = []
        dates_of = dict.fromkeys(self.map.stacks, 1)
        for place in found:
            if place.id in left:
                continue
            size = 0
            for name, files in place.files.items():
                shape, count = self.shapes[name], len(files) * len(self.map.stacks[name].later)
                dates_of[name] = max(dates_of[name], count)
                size += count * len(shape.mapped.names) * int(np.prod(shape.size)) * np.dtype(shape.dtype).itemsize
            parts = [
                part_of(name, root, member, date=date)
                for name, files in place.files.items()
                for root, member, date in files
            ]
            row = {"id": place.id, "group": place.group, "lon": None, "lat": None, "bytes": size}
            rows.append({**row, "why": "every sample that is whole", "parts": parts})
        asked = {"map": dict(self.map.given), "files_of_no_stack": strangers, "band_order": dict(self.proofs)}
        table = pa.Table.from_pylist(rows, schema=pa.schema(list(_COLUMNS.items())))
        return Plan(self.name, asked, self._layout(dates_of), table, tuple(sorted(failures, key=lambda f: f.id)))

    def _layout(self, dates: Mapping[str, int]) -> Layout:
        stacks, targets, legends = {}, {}, {}
        for name, shape in self.shapes.items():
            known = self.map.stacks[name].legend
            how = (shape.quantity, shape.mapped.sensor, shape.mapped.level, shape.gsd)
            stacks[name] = StackSpec(
                shape.mapped.names, shape.size, shape.dtype, *how, dates=dates[name], has_valid=True
            )
            if known is not None:
                legends[known.name] = known
            if name == self.map.target:
                targets[name] = TargetSpec("stack") if known is None else TargetSpec("map", legend=known.name)
        sentences = {*self.map.licences, *(each.attribution for each in legends.values() if each.attribution)}
        if any(spec.sensor.startswith(("s1-", "s2-")) for spec in stacks.values()):
            sentences.add("Contains modified Copernicus Sentinel data.")
        return Layout(stacks, targets, legends, tuple(sorted(sentences)))

    def read(self, rows: pa.Table) -> Iterator[Sample | Failure]:
        """Read samples of the plan."""
        with Parts(self.roots, most=_MOST_BYTES) as parts, reading_rasters():
            yield from read_each(rows, lambda row: self._read(row, parts))

    def _read(self, row: Mapping[str, Any], parts: Parts) -> Sample | Failure:
        blobs: dict[tuple[int, str], bytes] = {}  # one file may hold several stacks
        layers: dict[str, list[tuple[str, _Layer]]] = {}
        first: tuple[str, Header] | None = None
        for part in row["parts"]:
            key = (part["root"], part["name"])
            blobs[key] = blobs.get(key) or parts.read(part)
            where, told = str(part["name"]), self.map.stacks[part["stack"]]
            layer = _read_layer(blobs[key], told, str(part["date"]), where=where)
            if first is not None:
                require_grid(layer.header.geobox, first[1].geobox, where=where, like=PurePosixPath(first[0]).name)
            first = first or (where, layer.header)
            self._require_fit(layer, told.name, where)
            layers.setdefault(told.name, []).append((where, layer))
        made = {name: self._stack(self.map.stacks[name], layers[name]) for name in self.map.stacks}
        for name, told in self.map.stacks.items():
            if told.date_of:
                made[name] = _dated(made[name], made[told.date_of], where=f"{row['id']}, stack {name}")
        return _assembled(row, made, self.map.target, None if first is None else first[1])

    def _require_fit(self, layer: _Layer, name: str, where: str) -> None:
        shape = self.shapes[name]
        pairs = [
            ("bands", " ".join(shape.mapped.names), " ".join(layer.mapped.names)),
            ("quantity", str(shape.mapped.quantity), str(layer.mapped.quantity)),
            ("dtype", shape.dtype, layer.data.dtype.name),
            ("size", _said(shape.size), _said(layer.data.shape[2:])),
        ]
        for what, want, have in pairs:
            if want != have:
                fix = "Open it apart from the others."
                raise Mismatch(where=where, what=what, want=f"{want} (the other samples)", have=have, fix=fix)

    def _stack(self, told: StackMap, layers: Sequence[tuple[str, _Layer]]) -> Stack:
        shape, notes, held = self.shapes[told.name], [], []
        for _, layer in layers:
            data = layer.data
            for decision in layer.decisions:
                note = decision.to_json()
                if decision.offset != shape.quantity.offset:
                    note |= {"offset": list(shape.quantity.offset or ()), "stored": note["offset"]}
                notes.append(note)
            if layer.decisions and layer.decisions[0].offset != shape.quantity.offset:
                stored = replace(shape.quantity, offset=layer.decisions[0].offset)
                data = convert(data, stored, shape.quantity)
            held.append(data)
        grids = [layer.header.geobox for _, layer in layers]
        valid = np.concatenate([np.broadcast_to(layer.valid, layer.data.shape) for _, layer in layers])
        origin = Origin(
            items=tuple(str(PurePosixPath(where).with_suffix("")) for where, _ in layers),
            sensor=shape.mapped.sensor,
            level=shape.mapped.level,
            provider=self.map.provider,
            offsets=tuple(notes),
            declared=dict(told.declared.given),
            attribution=self.map.licences[0] if self.map.licences else "",
        )
        if len(told.later) > 1:
            origin = origin.declare(step_days=float(told.step / np.timedelta64(1, "D")))
        return Stack(
            np.concatenate(held),
            shape.mapped.names,
            np.concatenate([layer.times for _, layer in layers]),
            shape.quantity,
            grids[0],
            layers[0][1].gsd,
            _some(valid),
            origin,
        )


def _said(size: Sequence[int]) -> str:
    return f"{size[0]} x {size[1]} pixels"


def _some(valid: Array) -> Array | None:
    """Say the same in its shortest form: None = all, one band where all agree."""
    if valid.all():
        return None
    return valid[:, :1].copy() if (valid == valid[:, :1]).all() else valid.copy()


def _dated(stack: Stack, other: Stack, *, where: str) -> Stack:
    """The stack with the dates of another."""
    if len(stack.times) != len(other.times):
        want, have = f"{len(other.times)} (as the stack that has them)", str(len(stack.times))
        raise Mismatch(where=where, what="number of dates", want=want, have=have)
    return replace(stack, times=other.times)


def _assembled(
    row: Mapping[str, Any], made: Mapping[str, Stack], target: str, first: Header | None
) -> Sample | Failure:
    """The sample, if every measured stack has a measured pixel."""
    for name, stack in made.items():
        good = None if stack.quantity.is_categorical else measured(stack)
        if good is not None and not good.any():
            error = Mismatch(where=row["id"], what=f"share of valid pixels of {name}", want="some", have="0.0%")
            return Failure.of(row["id"], error, "invalid")
    box: GeoBox | None = None if first is None else first.geobox
    return Sample(
        id=row["id"],
        stacks={name: stack for name, stack in made.items() if name != target},
        targets={target: Target(stack=made[target])} if target else {},
        footprint=None if box is None else footprint(box),
        group=row["group"],
        lonlat=None if first is None else first.place,
    )


def _read_layer(blob: bytes, told: StackMap, date: str, *, where: str) -> _Layer:
    """Read what one stack takes of one file, and decide its offset."""
    with open_blob(blob, where=where) as dataset:
        whole = read_header(dataset, where=where)
        claimed = whole.bands * whole.shape[0] * whole.shape[1] * np.dtype(whole.dtype).itemsize
        if claimed > MOST_RAW:
            what = f"claims {claimed:,} bytes of pixels, above {MOST_RAW:,}"
            raise Unreadable(where=where, what=what, fix="Nothing was read from it: cut it into samples first.")
        picks = _picks(whole, told, where)
        count = len(told.later)
        header = _part_of(whole, picks[: len(picks) // count], keep=not told.named)
        mapped = map_bands(told.declared, header, where=where)
        data, valid = read_pixels(dataset, whole, picks, nodata=told.declared.nodata)
        times = _times(dataset, told, date, where)
    data = data.reshape(count, -1, *data.shape[1:])
    good = np.ones(data.shape, bool) if valid is None else np.broadcast_to(valid, (len(picks), *valid.shape[1:]))
    good = good.reshape(data.shape)
    if told.legend is not None:
        flat = (data.reshape(-1, *data.shape[2:]), good.reshape(-1, *data.shape[2:]))
        data = codes_of(*flat, told.legend, where=where).reshape(data.shape)
    else:
        data = _stored(np.where(good, data, 0).astype(data.dtype), told.store or whole.dtype, where)
    gsd = gsd_of(told.declared, whole, where=where)
    layer = _Layer(data, good, times, whole, mapped, gsd)
    if mapped.quantity is not None and mapped.quantity.is_db and mapped.names in (("VV", "VH"), ("HH", "HV")):
        for k in range(count):
            require_polarisations(data[k], good[k], where=where)
    return replace(layer, decisions=_decide(layer, told, where)) if mapped.has_offset else layer


def _picks(header: Header, told: StackMap, where: str) -> list[int]:
    """Positions of the bands, date by date."""
    if not told.named:
        return list(range(header.bands))
    held = list(header.descriptions)
    picks = []
    for ending in told.later:
        for name in told.named:
            wanted = f"{name}{ending}"
            if held.count(wanted) != 1:
                names = [text for text in held if text]
                if wanted in names:
                    raise Refused(where=where, what=f"has {held.count(wanted)} bands {wanted}", fix="Name each once.")
                raise Unknown(wanted, names, what="band in the file", where=where)
            picks.append(held.index(wanted))
    return picks


def _part_of(header: Header, picks: Sequence[int], *, keep: bool) -> Header:
    """The header of some of the bands; those that were found by their names need not be known by them."""
    return replace(
        header,
        indexes=tuple(header.indexes[i] for i in picks),
        descriptions=tuple(header.descriptions[i] if keep else None for i in picks),
        nodata=tuple(header.nodata[i] for i in picks),
        scales=tuple(header.scales[i] for i in picks),
    )


def _stored(data: Array, dtype: str, where: str) -> Array:
    """The numbers in the dtype of the corpus, every one as it was."""
    if data.dtype == np.dtype(dtype):
        return data
    with np.errstate(invalid="ignore", over="ignore"):
        made = data.astype(dtype)
    if not (made.astype(data.dtype) == data).all() or (made.dtype.kind == "u" and data.size and data.min() < 0):
        want, have = f"such as fit {dtype} (store)", f"{data.dtype} from {data.min():g} to {data.max():g}"
        raise Mismatch(where=where, what="numbers", want=want, have=have, fix="Leave store out, or widen it.")
    return made


def _times(dataset: DatasetReader, told: StackMap, date: str, where: str) -> Array:
    """When each date of a file was."""
    first = told.declared.date
    if date:
        first = as_date("date", date)
    elif told.date_tag:
        tags = dataset.tags()
        if told.date_tag not in tags:
            raise Unknown(told.date_tag, tags, what="tag with the date", where=where)
        first = as_date(f"tag {told.date_tag} of {where}", tags[told.date_tag])
    if len(told.later) == 1:
        return np.array([first], "datetime64[us]")
    if np.isnat(first):
        return np.full(len(told.later), NO_TIME)
    return np.asarray(first + told.step * np.arange(len(told.later)), "datetime64[us]")


def _decide(layer: _Layer, told: StackMap, where: str) -> tuple[Decision, ...]:
    """Offset of every date of a file, which was processed as one."""
    verdicts = [
        check_pixels(layer.data[k], layer.mapped.names, level=layer.mapped.level, valid=layer.valid[k])
        for k in range(len(layer.data))
    ]
    claims = layer.mapped.claims
    if told.is_measured and (not claims or any(verdict.answer != "undecided" for verdict in verdicts)):
        return tuple(decide_alike(_EITHER, verdicts, where=where))
    return tuple(decide_alike(claims, verdicts, where=where))


def _found(roots: Sequence[Path], told: RastersMap) -> tuple[list[_Place], list[Failure], int]:
    """Samples that are whole in the order of their names, those that are not, and how many files are of no stack."""
    held: dict[str, dict[str, list[tuple[int, Member, str]]]] = {}
    groups: dict[str, str] = {}
    strangers = 0
    for i, root in enumerate(roots):
        if root.is_file() and root.suffix.lower() != ".zip":
            raise Refused(where=str(root), what="is neither a folder nor a zip", fix="Open the folder that it is in.")
        for member in list_archive(root, most=_MOST_BYTES).members:
            matches = [
                (each, said)
                for each in told.stacks.values()
                if (said := each.pattern.fullmatch(member.name)) is not None
            ]
            strangers += not matches and PurePosixPath(member.name).name not in MAPS
            for each, said in matches:
                fields = said.groupdict()
                held.setdefault(fields["id"], {}).setdefault(each.name, []).append(
                    (i, member, fields.get("date") or "")
                )
                if each is next(iter(told.stacks.values())) and told.group:
                    groups[fields["id"]] = told.group.format(**fields)
    where = ", ".join(root.name for root in roots) or "format rasters"
    for name in told.stacks:
        if not any(name in files for files in held.values()):
            shown = told.given["stacks"][name]["file"]
            what = f"holds no file of stack {name} ({shown})"
            raise Refused(where=where, what=what, fix="Look at the path and at the map's pattern.")
    places, failures = [], []
    for id, files in sorted(held.items()):
        error = _flaw(id, files, told)
        if error is not None:
            failures.append(Failure.of(id, error, "missing" if isinstance(error, Refused) else None))
            continue
        ordered = {name: sorted(files[name], key=lambda file: (file[2], file[0], file[1].name)) for name in told.stacks}
        places.append(_Place(id, groups.get(id, ""), ordered))
    return places, failures, strangers


def _flaw(id: str, files: Mapping[str, Sequence[tuple[int, Member, str]]], told: RastersMap) -> SwathError | None:
    """Why a sample is left out: it lacks a file, or has one twice."""
    for name in told.stacks:
        mine = files.get(name, ())
        if not mine:
            return Refused(where=id, what=f"has no file of stack {name}", fix="Fetch it, or leave the stack out.")
        dates = [date for _, _, date in mine]
        if len(set(dates)) < len(dates):
            twice = next(member.name for _, member, date in mine if dates.count(date) > 1)
            want = "one file a date" if dates[0] else "one file"
            have = f"{len(mine)} ({twice} is one)"
            return Mismatch(where=id, what=f"files of stack {name}", want=want, have=have, fix="Keep one of them.")
    return None


@dataclass(frozen=True, slots=True)
class RastersFormat:
    """The format; `RASTERS` is the one instance."""

    #: On the command line.
    name: str = "rasters"

    @property
    def declares(self) -> Mapping[str, str]:
        """Options that `open` takes."""
        return _DECLARES

    def sniff(self, path: Path) -> bool:
        """True for a folder with a map of itself in it."""
        return path.is_dir() and any((path / name).is_file() for name in MAPS)

    def open(self, paths: Sequence[Path], **declared: Any) -> Rasters:
        """Open folders or zips; where the map has offsets measured, every file of those stacks is looked at.

        Raises
        ------
        Unreadable
            A path or the map is not there, or no sample can be read.
        Mismatch, Refused, Unknown
            The map contradicts itself or the files, or leaves something physical open.
        """
        given = only_known(declared, _DECLARES, where="format rasters")
        roots = tuple(Path(path) for path in paths)
        told = read_map(_map_of(roots, given.get("map")))
        found, failures, _ = _found(roots, told)
        if not found:
            raise Refused(where="format rasters", what="has no sample that is whole", fix=failures[0].message)
        source = Rasters(roots, told, _shapes(roots, told, found))
        source = _levelled(source, found)
        return replace(source, proofs=_proofs(source))


#: The format.
RASTERS: Final = RastersFormat()


def _map_of(roots: Sequence[Path], given: Any) -> Path:
    if given is not None:
        return Path(given)
    for root in roots:
        if not root.exists():
            raise Unreadable(where=str(root), what="is not there", fix="Look at the path.")
        for name in MAPS:
            if (root / name).is_file():
                return root / name
    where = str(roots[0]) if roots else "format rasters"
    fix = f"Write one ({MAPS[0]} in the folder, or map=FILE); swath corpus import rasters --options says how."
    raise Refused(where=where, what="has no map that says what its files hold", fix=fix)


def _shapes(roots: Sequence[Path], told: RastersMap, found: Sequence[_Place]) -> dict[str, _Shape]:
    """How every stack is, by the first sample whose file of it can be read; size is that of most of the first ones.

    Raises
    ------
    SwathError
        A stack cannot be read of any of the first samples.
    """
    made: dict[str, _Shape] = {}
    with Parts(roots, most=_MOST_BYTES) as parts, reading_rasters():
        for name, each in told.stacks.items():
            error: SwathError | None = None
            layers: list[_Layer] = []
            for place in found[:_PROBES]:
                root, member, date = place.files[name][0]
                try:
                    layers.append(_shaped(parts.read(part_of(name, root, member)), each, date, where=member.name))
                except SwathError as failed:
                    error = error or failed
            if not layers:
                raise error or Refused(where="format rasters", what=f"has no file of stack {name}")
            sizes = Counter(layer.data.shape[2:] for layer in layers)
            size = max(sizes, key=lambda shape: (sizes[shape], shape))
            first = next(layer for layer in layers if layer.data.shape[2:] == size)
            quantity = class_of(each.legend.name) if each.legend is not None else first.mapped.quantity
            if quantity is None:
                raise Refused(where=name, what="holds no measured band", fix="Say what its band is.")
            made[name] = _Shape(first.mapped, first.data.dtype.name, (size[0], size[1]), first.gsd, quantity)
    return made


def _shaped(blob: bytes, told: StackMap, date: str, *, where: str) -> _Layer:
    """A layer for its shape: an offset that cannot be decided does not matter yet."""
    return _read_layer(blob, replace(told, is_measured=False) if told.is_measured else told, date, where=where)


def _levelled(source: Rasters, found: Sequence[_Place]) -> Rasters:
    """Look at every file whose offset is measured; the newest becomes that of the stack, undecided samples are told."""
    shapes, undecided = dict(source.shapes), dict[str, Failure]()
    with Parts(source.roots, most=_MOST_BYTES) as parts, reading_rasters():
        for name, told in source.map.stacks.items():
            if not told.is_measured:
                continue
            offsets = set[float]()
            for place in found:
                try:
                    for root, member, date in place.files[name]:
                        blob = parts.read(part_of(name, root, member))
                        layer = _read_layer(blob, told, date, where=member.name)
                        offsets |= {number for made in layer.decisions for number in made.offset or ()}
                except SwathError as error:
                    undecided.setdefault(place.id, Failure.of(place.id, error))
            shape = shapes[name]
            if not offsets:
                first = next(iter(undecided.values()))
                raise Refused(where=f"stack {name}", what="has no file whose offset is decided", fix=first.message)
            newest = dn(shape.quantity.of, offset=min(offsets), quantification=shape.quantity.quantification)
            shapes[name] = replace(shape, quantity=newest)
    return replace(source, shapes=shapes, undecided=tuple(undecided.values()))


def _proofs(source: Rasters) -> dict[str, str]:
    """What physics says of thirteen bands of L1C, on samples spread over the set; what is broken is refused."""
    judged = []
    for name, shape in source.shapes.items():
        quantity = shape.quantity
        is_known = quantity.kind == "toa" or (quantity.of == "toa" and quantity.offset is not None)
        if is_known and sorted(shape.mapped.names) == sorted(S2_BANDS):
            judged.append(name)
    if not judged:
        return {}
    rows = source.plan().rows
    chosen = np.unique(np.linspace(0, max(rows.num_rows - 1, 0), _PROBES).round().astype(int))
    tiles: dict[str, list[Array]] = {name: [] for name in judged}
    for made in source.read(rows.take(chosen) if rows.num_rows else rows):
        for name in judged if isinstance(made, Sample) else ():
            target = made.targets.get(name)  # type: ignore[union-attr]
            stack = made.stacks[name] if target is None or target.stack is None else target.stack  # type: ignore[union-attr]
            tiles[name] += tiles_of([(look, None) for look in stack.data])
    proofs = {}
    for name in judged:
        if not tiles[name]:
            proofs[name] = "untested: no sample is large enough"
            continue
        side = min(min(tile.shape[1:]) for tile in tiles[name])
        spread = np.unique(np.linspace(0, len(tiles[name]) - 1, MOST_TILES).round().astype(int))
        pixels, shape = np.stack([tiles[name][i][:, :side, :side] for i in spread]), source.shapes[name]
        where = f"{', '.join(root.name for root in source.roots)}, stack {name}"
        proof = require_order(pixels, shape.mapped.names, quantity=shape.quantity, gsd=max(shape.gsd), where=where)
        proofs[name] = f"{' '.join(shape.mapped.names)}: {proof.verdict} by physics on {len(spread)} windows"
    return proofs
