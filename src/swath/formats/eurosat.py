"""EuroSAT: 27,000 labelled patches of Europe, as 8-bit pictures or with all thirteen bands, from a zip or a folder.

Both lie as `Class/Class_n.jpg` or `.tif` anywhere below the path. The pictures are L1C stretched by the rendering
`eurosat-2750-jpeg`; their places come from a table, if one is declared. The GeoTIFFs hold L1C digital numbers without
offset in an order that stands in no file: it is proved by physics when the set is opened, and the offset is checked on
every patch. Plans are made from the zip's directory alone. Knows no corpus and no split.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Final

import numpy as np
import pyarrow as pa
import simplejpeg

from swath.core.array import Array
from swath.core.bandproof import require_order
from swath.core.errors import Failure, Mismatch, Refused, SwathError, Unknown, Unreadable
from swath.core.geobox import footprint, ground_gsd
from swath.core.legends import legend
from swath.core.offset import Claim, decide_offset
from swath.core.origin import Origin
from swath.core.pixelcheck import check_pixels
from swath.core.plan import PLAN_COLUMNS, Layout, Plan, Source, StackSpec
from swath.core.presets import band_order
from swath.core.quantity import dn, rgb8
from swath.core.rendering import decode_jpeg, rendering
from swath.core.sample import Sample, Target, TargetSpec
from swath.core.stack import NO_TIME, Stack
from swath.formats.archive import Member, glance, list_archive
from swath.formats.mapping import Declared, map_bands
from swath.formats.members import MEMBER_COLUMNS, Members, member_columns
from swath.formats.options import one_of, only_known, require_all
from swath.formats.positions import GSD, SIDE, Places, outlines, place_patches, read_positions
from swath.formats.raster import open_blob, read_header, reading_rasters

__all__ = ["EUROSAT_MS", "EUROSAT_RGB", "LICENCES", "EurosatFormat", "EurosatMs", "EurosatRgb"]

#: Attribution of pixels and labels.
LICENCES: Final = (
    "EuroSAT, Helber et al. 2019, doi 10.1109/JSTARS.2019.2918242, MIT licence.",
    "Contains modified Copernicus Sentinel data.",
)
_LEGEND: Final = legend("eurosat")
_CODES: Final = {spelling.lower(): c.code for c in _LEGEND.classes for spelling in (c.name, *c.aliases)}
_NAME: Final = re.compile(r"(?P<label>.+)_(?P<number>\d+)")
_MOST_BYTES: Final = 2**20  # of a member: a patch has 107 kB at most
_PROBES: Final = 100  # patches that prove the band order
_CHUNK: Final = 32  # GeoTIFFs that are read before the first is handed on

_RENDERING: Final = rendering("eurosat-2750-jpeg")
_RGB: Final = rgb8(_RENDERING.name)
_ORDER: Final = band_order("eurosat-13").bands
_DN: Final = dn("toa", offset=0)
_CLAIM: Final = Claim("convention", (0.0,), "EuroSAT: L1C, offset-free")
_UNDATED: Final = np.array([NO_TIME])
_UNDATED.setflags(write=False)

_COLUMNS: Final = {
    **PLAN_COLUMNS,
    "code": pa.int32(),
    **MEMBER_COLUMNS,
}
_PLACE_COLUMNS: Final = {"epsg": pa.int32(), "left": pa.float64(), "top": pa.float64()}


@dataclass(frozen=True, slots=True)
class _Patch:
    """One file of the set."""

    #: Class code and number: the order of the plan.
    code: int
    number: int
    #: Position of the path that was opened.
    root: int
    #: `Class_n`.
    id: str
    member: Member


def _patches(roots: Sequence[Path], suffixes: tuple[str, ...]) -> list[_Patch]:
    """All patches below the paths, by class and number; whatever breaks the layout is refused by name."""
    found: list[_Patch] = []
    for i, root in enumerate(roots):
        listing = list_archive(root, most=_MOST_BYTES)
        full = set()
        for member in listing.members:
            if member.name.lower().endswith(suffixes):
                folder, patch = _patch(i, root, member)
                full.add(folder)
                found.append(patch)
        for name in listing.folders:
            if name.rpartition("/")[2].lower() in _CODES and name not in full:
                others = {PurePosixPath(m.name).suffix for m in listing.members if m.name.startswith(f"{name}/")}
                have = f"holds no {' or '.join(suffixes)}, but {', '.join(sorted(others))}" if others else "is empty"
                fix = "Fetch its files, or remove the folder and have a set without this class."
                if others:
                    fix = "Pictures are eurosat-rgb, 13-band GeoTIFFs eurosat-ms."
                raise Refused(where=root.name, what=f"class folder {name} {have}", fix=fix)
    if not found:
        where = ", ".join(str(root) for root in roots) or "format eurosat"
        layout = f"Class/Class_n{suffixes[0]}"
        raise Refused(where=where, what=f"holds no EuroSAT patch ({layout})", fix="Look at the path.")
    return sorted(found, key=lambda patch: (patch.code, patch.number, patch.root))


def _patch(i: int, root: Path, member: Member) -> tuple[str, _Patch]:
    """Folder of a file, and the patch that it is."""
    folder, _, file = member.name.rpartition("/")
    label = folder.rpartition("/")[2] or root.absolute().name
    where = f"{root.name}/{member.name}"
    code = _CODES.get(label.lower())
    if code is None:
        raise Unknown(label, [c.name for c in _LEGEND.classes], what="class folder", where=where)
    stem = file.rpartition(".")[0]
    parts = _NAME.fullmatch(stem)
    if parts is None:
        raise Mismatch(where=where, what="file name", want=f"{label}_<number>", have=file, fix="Move it elsewhere.")
    if _CODES.get(parts["label"].lower()) != code:
        raise Mismatch(
            where=where, what="class", want=f"{label} (its folder)", have=f"{parts['label']} (its name)", fix="Move it."
        )
    return folder, _Patch(code, int(parts["number"]), i, stem, member)


def _columns(patches: Sequence[_Patch], raw_bytes: int) -> dict[str, Any]:
    """Columns that both kinds of patches have."""
    none = [None] * len(patches)
    return {
        "id": [p.id for p in patches],
        "group": [""] * len(patches),
        "lon": none,
        "lat": none,
        "bytes": [raw_bytes] * len(patches),
        "why": ["all of the set"] * len(patches),
        "code": [p.code for p in patches],
        **member_columns([(p.root, p.member) for p in patches]),
    }


def _layout(name: str, spec: StackSpec) -> Layout:
    return Layout({name: spec}, {"class": TargetSpec("class", legend=_LEGEND.name)}, {_LEGEND.name: _LEGEND}, LICENCES)


def _origin(member: str, offsets: tuple[Mapping[str, Any], ...] = ()) -> Origin:
    return Origin((member,), "s2-l1c", "L1C", "EuroSAT", offsets=offsets, attribution=LICENCES[0])


@dataclass(frozen=True, slots=True)
class EurosatRgb:
    """The pictures, as a source."""

    #: Zips or folders.
    roots: tuple[Path, ...]
    #: Table of positions; None = places unknown.
    positions: Path | None = None
    #: `refuse` or `allow` patches that the table lacks.
    missing_positions: str = "refuse"

    @property
    def name(self) -> str:
        """Name of the format."""
        return "eurosat-rgb"

    def plan(self, places: Any = None, dates: Any = None, spec: Any = None) -> Plan:
        """List every patch; a place that the table lacks is refused, or allowed and counted.

        Raises
        ------
        Unreadable, Unknown, Mismatch, Refused
            The set or the table of positions is not as distributed.
        """
        require_all(places, dates, spec, where=f"format {self.name}")
        patches = _patches(self.roots, EUROSAT_RGB.suffixes)
        columns = _columns(patches, 3 * SIDE * SIDE)
        asked: dict[str, Any] = {"paths": [root.name for root in self.roots]}
        nobody = np.full(len(patches), np.nan)
        placed = Places(nobody, nobody, np.zeros(len(patches), np.int32), nobody, nobody)
        if self.positions is not None:
            placed, lacking = self._placed(self.positions, patches)
            asked |= {"positions": self.positions.name, "without_place": lacking}
        is_lost = placed.epsg == 0
        for name in ("lon", "lat", "left", "top"):
            columns[name] = pa.array(getattr(placed, name), pa.float64(), mask=is_lost)
        columns["epsg"] = placed.epsg
        layout = StackSpec(_RENDERING.bands, (SIDE, SIDE), "uint8", _RGB, "s2-l1c", "L1C", (GSD, GSD))
        schema = pa.schema(list({**_COLUMNS, **_PLACE_COLUMNS}.items()))
        return Plan(self.name, asked, _layout("rgb", layout), pa.table(columns, schema))

    def _placed(self, table: Path, patches: Sequence[_Patch]) -> tuple[Places, int]:
        """Places of all patches, and how many have none."""
        held = read_positions(table, {patch.id for patch in patches})
        for patch in patches:
            position = held.get(patch.id)
            if position is not None and position.label and _CODES.get(position.label.lower()) != patch.code:
                want = f"{_LEGEND.name_of(patch.code)} (its folder)"
                have = f"{position.label} ({table.name})"
                raise Mismatch(where=patch.member.name, what="class", want=want, have=have, fix="Mend the table.")
        lacking = [patch.member.name for patch in patches if patch.id not in held]
        if lacking and self.missing_positions == "refuse":
            raise Refused(
                where=table.name,
                what=f"has no position for {len(lacking):,} of {len(patches):,} patches, the first is {lacking[0]}",
                fix="Add them, or declare missing_positions=allow: those samples then have no place.",
            )
        return place_patches([patch.id for patch in patches], held), len(lacking)

    def read(self, rows: pa.Table) -> Iterator[Sample | Failure]:
        """Read patches of the plan."""
        held = rows.to_pydict()
        squares = outlines(*(rows[name].to_numpy() for name in ("epsg", "left", "top")))
        with Members(self.roots, held, most=_MOST_BYTES) as members:
            for i, (id, square) in enumerate(zip(held["id"], squares, strict=True)):
                try:
                    data = _picture(members.read(i), members.where(i))
                except SwathError as error:
                    yield Failure.of(id, error)
                    continue
                origin = _origin(held["member"][i])
                stack = Stack(data, _RENDERING.bands, _UNDATED, _RGB, None, (GSD, GSD), None, origin)
                lonlat = None if square is None else (held["lon"][i], held["lat"][i])
                yield Sample(id, {"rgb": stack}, {"class": Target(code=held["code"][i])}, square, "", lonlat)


def _picture(blob: bytes, where: str) -> Array:
    """Decode a patch, its header first; shape (1, 3, 64, 64)."""
    try:
        height, width, colours, _ = simplejpeg.decode_jpeg_header(blob)
    except ValueError as error:
        raise Unreadable(where=where, what=f"is no JPEG ({error})", fix="Fetch it again.") from error
    if (height, width) != (SIDE, SIDE):
        raise Mismatch(where=where, what="size", want=f"{SIDE} x {SIDE} pixels (EuroSAT)", have=f"{height} x {width}")
    if colours == "Gray":
        raise Mismatch(where=where, what="picture", want="three colours (EuroSAT)", have="one grey band")
    return decode_jpeg(blob, where=where)[None]


@dataclass(frozen=True, slots=True)
class EurosatMs:
    """The 13-band patches, as a source; `EUROSAT_MS.open` has proved their band order."""

    #: Zips or folders.
    roots: tuple[Path, ...]
    #: What physics said of the band order.
    proof: str = "not tried"

    @property
    def name(self) -> str:
        """Name of the format."""
        return "eurosat-ms"

    def plan(self, places: Any = None, dates: Any = None, spec: Any = None) -> Plan:
        """List every patch; its place stands in its own header and is read with its pixels.

        Raises
        ------
        Unreadable, Unknown, Mismatch, Refused
            The set is not as distributed.
        """
        require_all(places, dates, spec, where=f"format {self.name}")
        patches = _patches(self.roots, EUROSAT_MS.suffixes)
        columns = _columns(patches, 2 * len(_ORDER) * SIDE * SIDE)
        layout = StackSpec(_ORDER, (SIDE, SIDE), "uint16", _DN, "s2-l1c", "L1C", (GSD, GSD))
        asked = {"paths": [root.name for root in self.roots], "band_order": self.proof, "offset": str(_CLAIM)}
        return Plan(self.name, asked, _layout("s2", layout), pa.table(columns, pa.schema(list(_COLUMNS.items()))))

    def read(self, rows: pa.Table) -> Iterator[Sample | Failure]:
        """Read patches of the plan."""
        held = rows.to_pydict()
        with Members(self.roots, held, most=_MOST_BYTES) as members:
            for start in range(0, rows.num_rows, _CHUNK):
                with reading_rasters():
                    chunk = [_bands(members, i) for i in range(start, min(start + _CHUNK, rows.num_rows))]
                yield from chunk


def _bands(members: Members, i: int) -> Sample | Failure:
    """Read one 13-band patch."""
    id, where = members.rows["id"][i], members.where(i)
    try:
        with open_blob(members.read(i), where=where) as dataset:
            header = read_header(dataset, where=where)
            if any(header.descriptions) or any(scale != (1.0, 0.0) for scale in header.scales):
                # Somebody wrote it anew: what the file then says of itself must agree.
                map_bands(Declared(bands=_ORDER, kind="dn", level="L1C", convention=(0.0,)), header, where=where)
            want = f"13 bands of uint16, {SIDE} x {SIDE} pixels (EuroSAT)"
            have = f"{header.bands} bands of {header.dtype}, {header.shape[0]} x {header.shape[1]} pixels"
            if (header.bands, header.dtype, header.shape) != (len(_ORDER), "uint16", (SIDE, SIDE)):
                raise Mismatch(where=where, what="patch", want=want, have=have)
            data = dataset.read()
        decision = decide_offset([_CLAIM], check_pixels(data, _ORDER, level="L1C"), where=where)
        box = header.geobox
        gsd = (GSD, GSD) if box is None else ground_gsd(box)
        origin = _origin(members.rows["member"][i], (decision.to_json(),))
        stack = Stack(data[None], _ORDER, _UNDATED, _DN, box, gsd, None, origin)
        lonlat = header.place
        square = None if box is None else footprint(box)
    except SwathError as error:
        return Failure.of(id, error)
    return Sample(id, {"s2": stack}, {"class": Target(code=members.rows["code"][i])}, square, "", lonlat)


def _open_rgb(roots: tuple[Path, ...], declared: Mapping[str, Any]) -> EurosatRgb:
    positions = declared.get("positions")
    missing = one_of("missing_positions", declared.get("missing_positions", "refuse"), ["refuse", "allow"])
    return EurosatRgb(roots, None if positions is None else Path(positions), missing)


def _open_ms(roots: tuple[Path, ...], declared: Mapping[str, Any]) -> EurosatMs:
    """Open the GeoTIFFs, and prove their band order on patches spread over all classes.

    Raises
    ------
    Mismatch
        The pixels break the order; both orders are named.
    """
    source = EurosatMs(roots)
    rows = source.plan().rows
    spread = np.unique(np.linspace(0, rows.num_rows - 1, _PROBES).round().astype(int))
    read = [made for made in source.read(rows.take(spread)) if isinstance(made, Sample)]
    if not read:
        return EurosatMs(roots, "untested: none of the patches that were tried can be read")
    pixels = np.concatenate([made.stacks["s2"].data for made in read])
    proof = require_order(pixels, _ORDER, quantity=_DN, where=", ".join(root.name for root in roots))
    return EurosatMs(roots, f"{' '.join(_ORDER)}: {proof.verdict} by physics on {len(read)} patches")


@dataclass(frozen=True, slots=True)
class EurosatFormat:
    """Either kind of the set; `EUROSAT_RGB` and `EUROSAT_MS` are the instances."""

    #: On the command line.
    name: str
    #: Files that are patches.
    suffixes: tuple[str, ...]
    #: Option -> what it means.
    declares: Mapping[str, str]
    opener: Callable[[tuple[Path, ...], Mapping[str, Any]], Source]

    def sniff(self, path: Path) -> bool:
        """True if a file `Class/Class_n` of the right kind lies below the path."""
        for name in glance(path):
            if name.lower().endswith(self.suffixes):
                folder, _, file = name.rpartition("/")
                parts = _NAME.fullmatch(file.rpartition(".")[0])
                label = folder.rpartition("/")[2] or path.absolute().name
                if parts and label.lower() == parts["label"].lower() and label.lower() in _CODES:
                    return True
        return False

    def open(self, paths: Sequence[Path], **declared: Any) -> Source:
        """Open zips or folders as a source.

        Raises
        ------
        Unknown
            An option that the format does not take.
        Mismatch
            The 13 bands are in another order.
        """
        where = f"format {self.name}"
        given = only_known(declared, self.declares, where=where)
        if not paths:
            raise Refused(where=where, what="no path was given", fix="Name the zip or folder.")
        return self.opener(tuple(Path(path) for path in paths), given)


#: 64 x 64 pictures; `2750/Class/Class_n.jpg` as distributed.
EUROSAT_RGB: Final = EurosatFormat(
    "eurosat-rgb",
    (".jpg", ".jpeg"),
    {
        "positions": "table of places (path, class, lat, lon), plain or gzipped; the point is the centre of pixel "
        "(32, 32)",
        "missing_positions": "refuse (default) or allow patches that the table lacks; those have no place",
    },
    _open_rgb,
)
#: 13 bands in 64 x 64 pixels; `ds/.../tif/Class/Class_n.tif` as distributed.
EUROSAT_MS: Final = EurosatFormat("eurosat-ms", (".tif", ".tiff"), {}, _open_ms)
