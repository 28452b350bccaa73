"""VisionDL: four quarterly Sentinel-2 images a survey cell with its wealth index, as Remote-Sensing-VisionDL left them.

Two layouts: Earth Engine TFRecords, one sample a file (`2016_-12.5_-3.4_-0.7.tfrecord.gz`, loose or in zips), and HDF5
batches (`data_batch_1.h5`). Both hold L1C reflectance of the un-harmonised collection, and no dates: the clearest image
of each quarter, or of the year where a quarter had none. Its pixels are 30 m of Web Mercator, so 30 cos(latitude) m on
the ground. What the old reader got wrong (signs, spelling, the offset since 2022) is read rightly here. Both are
written by `formats.visiondl_write`. Knows no corpus and no split. Long because one format is one file, and this one
has two layouts.
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, Final

import h5py
import numpy as np
import pyarrow as pa
from affine import Affine
from odc.geo.geobox import GeoBox

from swath.core.array import Array
from swath.core.errors import Failure, Mismatch, Refused, SwathError, Unreadable
from swath.core.geobox import footprint
from swath.core.legends import legend
from swath.core.offset import Claim, Decision, decide_offset
from swath.core.origin import Origin
from swath.core.pixelcheck import check_pixels
from swath.core.plan import PLAN_COLUMNS, Layout, Plan, Source, StackSpec
from swath.core.presets import band_order
from swath.core.quantity import S2_QUANTIFICATION, TOA, class_of
from swath.core.sample import Sample, Target, TargetSpec
from swath.core.stack import NO_TIME, Stack
from swath.formats.archive import Member, glance, list_archive
from swath.formats.evidence import decide_alike
from swath.formats.hdf5 import array_of, open_hdf5, read_array
from swath.formats.labels import Label, LabelTable, read_labels
from swath.formats.members import MEMBER_COLUMNS, Members, member_columns
from swath.formats.options import one_of, only_known, require_all
from swath.formats.tfrecord import Feature, inflate, numbers_of, parse_example, records_within

__all__ = [
    "CHANNELS",
    "LABEL",
    "LANDCOVER",
    "LICENCES",
    "ORDER",
    "SIDE",
    "VISIONDL",
    "VisiondlBatches",
    "VisiondlFormat",
    "VisiondlRecords",
    "side_of",
]

#: Attribution of the pixels; that of the labels is their owner's.
LICENCES: Final = ("Contains modified Copernicus Sentinel data.",)
#: Channels of a sample as they lie in HDF5: `B4_1 B3_1 B2_1 B4_2 ... B12_4`, named as Earth Engine named them.
ORDER: Final = band_order("visiondl-24")
CHANNELS: Final = tuple(f"B{int(band[1:])}_{quarter + 1}" for band, quarter in ORDER.channels)
#: Name of the 25th channel in files and of the stack here, and of the target.
LANDCOVER: Final = "landcover"
LABEL: Final = "wi"
#: Pixels a side as exported, and metres of Web Mercator a pixel.
SIDE: Final = 225
_STEP: Final = 30.0
_EARTH: Final = 6378137.0  # radius of the Web Mercator sphere [m]
_MOST_LATITUDE: Final = 85.05
_QUARTERS: Final = 4
_WATER_CODE: Final = "label"
_NUMBER: Final = r"[+-]?\d+(?:\.\d*)?(?:[eE][+-]?\d+)?"
_NAME: Final = re.compile(
    rf"(?P<year>\d{{4}})_(?P<lon>{_NUMBER})_(?P<lat>{_NUMBER})_(?P<wi>{_NUMBER}|nan|None)\.tfrecord\.gz"
)
_SUFFIX: Final = ".tfrecord.gz"
_LONGITUDES: Final = ("longtitude", "longitude")
_MOST_BYTES: Final = 64 * 2**20  # of a packed member, and of its record: a sample has 5 MB
_BLOCK: Final = 64 * 2**20  # of HDF5 that is read at once
_MOST_HDF5: Final = 64 * 2**30
_LOOK: Final = 4096  # pixels of a quarter that judge its offset, at least
_UNHARMONISED: Final = 2022  # first year of baseline 04.00
_BANDS: Final = ORDER.bands
_AT: Final = ORDER.positions()
_LEGEND: Final = legend("dynamic-world")

_DECLARES: Final = {
    "labels": "table of labels (year, centroid_longtitude, centroid_latitude, wi): the target is its value",
    "label_column": "column of that table; default wi",
    "landcover": "keep (default, where files have it) or leave the land cover, a median of class codes",
    "offset": "0: pixels as they are; -1000: 0.1 too bright, taken away; default: 0 to 2021, then the pixels decide",
    "grid": "none (default), or centred: the pixel grid is laid with its middle pixel's centre on the point, which "
    "is true to half a pixel",
}


@dataclass(frozen=True, slots=True)
class _Choices:
    """What a user declared, read."""

    #: As given, for the plan.
    given: Mapping[str, Any] = field(default_factory=dict)
    labels: Path | None = None
    label_column: str = ""
    landcover: str = "keep"
    offset: float | None = None
    grid: str = "none"


def _choices(declared: Mapping[str, Any]) -> _Choices:
    given = only_known(declared, _DECLARES, where="format visiondl")
    offset = given.get("offset")
    if offset is not None and str(offset) not in ("0", "-1000", "0.0", "-1000.0"):
        raise Refused(where="option offset", what=f"cannot be {offset!r}", want="0 or -1000")
    if "label_column" in given and "labels" not in given:
        raise Refused(where="option label_column", what="names a column of no table", fix="Declare labels= too.")
    return _Choices(
        {name: str(value) for name, value in given.items()},
        None if given.get("labels") is None else Path(given["labels"]),
        str(given.get("label_column", "")),
        one_of("landcover", given.get("landcover", "keep"), ["keep", "leave"]),
        None if offset is None else float(offset),
        one_of("grid", given.get("grid", "none"), ["none", "centred"]),
    )


@dataclass(frozen=True, slots=True)
class _Cell:
    """One survey cell."""

    #: Identifier, and the file or batch that it is in, for errors.
    id: str
    where: str
    #: Item that stands in the origin.
    item: str
    #: 0 = unknown.
    year: int
    lon: float
    lat: float
    #: NaN = no label.
    wi: float

    @property
    def group(self) -> str:
        """All years of a place are one group."""
        return f"{self.lon!r} {self.lat!r}"


def _grid(lon: float, lat: float, side: int) -> GeoBox:
    """The grid whose middle pixel is centred on a point."""
    x = math.radians(lon) * _EARTH
    y = math.log(math.tan(math.pi / 4 + math.radians(lat) / 2)) * _EARTH
    return GeoBox((side, side), Affine(_STEP, 0, x - side * _STEP / 2, 0, -_STEP, y + side * _STEP / 2), "EPSG:3857")


def _gsd(lat: float) -> tuple[float, float]:
    size = _STEP * math.cos(math.radians(lat))
    return size, size


def _require_place(lon: float, lat: float, where: str) -> None:
    if not (abs(lon) <= 180 and abs(lat) <= _MOST_LATITUDE):
        what = f"lies nowhere in Web Mercator (lat {lat:g}, lon {lon:g})"
        raise Refused(where=where, what=what, fix="Longitude stands first in the name.")


def _make(cell: _Cell, data: Array, landcover: Array | None, choices: _Choices) -> Sample:
    """Put a sample together.

    Parameters
    ----------
    data : float32 array, shape (4, 6, h, w)
        Its own, not shared: it may be changed.
    landcover : float32 array, shape (h, w), optional
        Median of Dynamic World's codes.

    Raises
    ------
    Refused
        The pixels carry an offset that nobody declared.
    """
    valid = data != 0  # absent pixels were exported as 0, which is no digital number of ground
    with np.errstate(all="ignore"):
        total = data.sum()
    if not np.isfinite(total):  # one NaN or infinity is enough to make the sum one
        valid &= np.isfinite(data)
        data = np.where(valid, data, np.float32(0))
    if not valid.any():
        fix = "Export it again, if an image of the year covers it."
        raise Refused(where=cell.where, what="holds no pixel: all of it is 0 or NaN", fix=fix)
    decisions = _decide(cell, data, valid, choices)
    for q, decision in enumerate(decisions):
        if decision.offset and decision.offset[0]:
            data[q] = np.where(valid[q], data[q] + np.float32(decision.offset[0] / S2_QUANTIFICATION), data[q])
    side = data.shape[-1]
    box = _grid(cell.lon, cell.lat, side)
    placed, gsd = (box if choices.grid == "centred" else None), _gsd(cell.lat)
    # No date is written down; only that each image is the clearest of its quarter, or of the year.
    items = tuple(f"{cell.item} quarter {q + 1}" for q in range(_QUARTERS))
    offsets = tuple(decision.to_json() for decision in decisions)
    said = {**({"year": cell.year} if cell.year else {}), "grid": choices.grid}
    origin = Origin(items, "s2-l1c", "L1C", "gee", offsets=offsets, declared=said, attribution=LICENCES[0])
    undated = np.full(_QUARTERS, NO_TIME)
    stacks = {"s2": Stack(data, _BANDS, undated, TOA, placed, gsd, _shortest(valid), origin)}
    if landcover is not None:
        whole = np.isfinite(landcover) & (landcover == np.rint(landcover))
        whole &= (landcover >= 0) & (landcover < len(_LEGEND.classes))
        codes = np.where(whole, landcover, 0).astype(np.uint8)[None, None]
        mask = None if whole.all() else whole[None, None]
        median = Origin((cell.item,), "", "", "gee", declared={"legacy-median": "a median of class codes"})
        quantity = class_of(_LEGEND.name)
        stacks[LANDCOVER] = Stack(codes, ("label",), undated[:1], quantity, placed, gsd, mask, median)
    targets = {LABEL: Target(values={LABEL: cell.wi})}
    return Sample(cell.id, stacks, targets, footprint(box), cell.group, (cell.lon, cell.lat))


def _shortest(valid: Array) -> Array | None:
    """One mask for all bands where they agree; shape (t, b or 1, h, w)."""
    if valid.all():
        return None
    one = valid[:, :1]
    return one.copy() if (valid == one).all() else valid


def _decide(cell: _Cell, data: Array, valid: Array, choices: _Choices) -> list[Decision]:
    """Offset of each quarter: of a year that may hold both kinds its pixels decide, those of another may object.

    Some five thousand pixels of each are looked at, evenly spread; the check wants two thousand.
    """
    step = max(1, math.isqrt(data[0, 0].size // _LOOK))
    near, good = data[..., ::step, ::step] * S2_QUANTIFICATION, valid[..., ::step, ::step]
    counts = np.clip(np.rint(near, out=near), 0, 65535, out=near).astype(np.uint16)
    known = [None] * _QUARTERS if good.all() else list(good)
    verdicts = [check_pixels(q, _BANDS, level="L1C", valid=v) for q, v in zip(counts, known, strict=True)]
    if choices.offset is not None:
        claims = [Claim("override", (choices.offset,), "declared offset")]
    elif cell.year >= _UNHARMONISED:
        claims = [
            Claim("baseline", (0.0,), "COPERNICUS/S2, processed before 2022-01-25"),
            Claim("baseline", (-1000.0,), "COPERNICUS/S2, processed since, divided by 10000 only"),
        ]
    else:
        claims = [Claim("convention", (0.0,), "COPERNICUS/S2 before 2022: offset-free")]
        if cell.year:
            return decide_alike(claims, verdicts, where=cell.where)
    return [decide_offset(claims, verdict, where=cell.where) for verdict in verdicts]


def _layout(side: int, gsd: tuple[float, float], has_landcover: bool) -> Layout:
    size = (side, side)
    stacks = {"s2": StackSpec(_BANDS, size, "float32", TOA, "s2-l1c", "L1C", gsd, _QUARTERS, has_valid=True)}
    legends = {}
    if has_landcover:
        stacks[LANDCOVER] = StackSpec(("label",), size, "uint8", class_of(_LEGEND.name), "", "", gsd, has_valid=True)
        legends[_LEGEND.name] = _LEGEND
    licences = (*LICENCES, *([_LEGEND.attribution] if has_landcover else []))
    return Layout(stacks, {LABEL: TargetSpec("values", units={LABEL: "1"})}, legends, licences)


def _nominal(latitudes: Sequence[float]) -> tuple[float, float]:
    """Ground size at the median latitude; every sample has its own."""
    return _gsd(float(np.median(latitudes))) if len(latitudes) else _gsd(0.0)


def side_of(count: int, *, where: str) -> int:
    """Pixels a side of a square of so many.

    Raises
    ------
    Mismatch
        They make no square.
    """
    side = math.isqrt(count)
    if side * side != count or count == 0:
        raise Mismatch(where=where, what="pixels", want="a square (50,625 = 225 x 225)", have=f"{count:,}")
    return side


class _Table:
    """The labels that a table has for samples."""

    def __init__(self, table: LabelTable, name: str) -> None:
        self.held, self.name, self.used = table.by_place(), name, set[int]()

    def find(self, cell: _Cell) -> Label:
        """Row of a cell: place and year, and value where that leaves several; images of 2016 stand for 2014."""
        rows = self.held.get((cell.lon, cell.lat), [])
        if cell.year:
            fitting = [row for row in rows if cell.year in (row.year, 2016 if row.year == 2014 else row.year)]
            fitting = [row for row in fitting if row.year == cell.year] or fitting
        else:
            fitting = rows
        if len(fitting) > 1 or not cell.year:  # real tables have places that were asked twice in a year
            fitting = [row for row in fitting if np.float32(row.value) == np.float32(cell.wi)]
        if len(fitting) != 1:
            said = f"{len(fitting)} rows" if fitting else "no row"
            what = f"has {said} for it (lon {cell.lon!r}, lat {cell.lat!r}, year {cell.year or 'unknown'})"
            raise Refused(where=f"{cell.where}, {self.name}", what=what, fix="Mend the table.")
        self.used.add(fitting[0].line)
        return fitting[0]


def _join(cells: Sequence[_Cell], choices: _Choices) -> tuple[dict[str, float], list[Failure], dict[str, Any]]:
    """Labels of cells from the declared table, those that it lacks, and what the plan says of it."""
    if choices.labels is None:
        return {cell.id: cell.wi for cell in cells}, [], {}
    held = read_labels(choices.labels, column=choices.label_column)
    table, labels, failures = _Table(held, choices.labels.name), {}, []
    for cell in cells:
        try:
            labels[cell.id] = table.find(cell).value
        except SwathError as error:
            failures.append(Failure.of(cell.id, error, "missing"))
    said = {"rows": len(held.rows), "rejected": len(held.rejects), "without_file": len(held.rows) - len(table.used)}
    return labels, failures, {"label_table": said}


@dataclass(frozen=True, slots=True)
class VisiondlRecords:
    """TFRecords as Earth Engine exported them, as a source."""

    #: Folders, files or zips.
    roots: tuple[Path, ...]
    #: What was declared.
    choices: _Choices
    #: Pixels a side, and whether records hold land cover, as the first readable one has them.
    side: int
    has_landcover: bool

    @property
    def name(self) -> str:
        """Name of the format."""
        return "visiondl"

    def plan(self, places: Any = None, dates: Any = None, spec: Any = None) -> Plan:
        """List every file: its name says year, place and label; a name that says none is left out and counted.

        Raises
        ------
        Unreadable, Refused
            A zip is not whole or hostile, or the same cell lies in two of them.
        """
        require_all(places, dates, spec, where="format visiondl")
        found, failures = _named(self.roots)
        labels, lacking, said = _join([cell for cell, _, _ in found], self.choices)
        kept = [(cell, root, member) for cell, root, member in found if cell.id in labels]
        rows = {
            "id": [cell.id for cell, _, _ in kept],
            "group": [cell.group for cell, _, _ in kept],
            "lon": [cell.lon for cell, _, _ in kept],
            "lat": [cell.lat for cell, _, _ in kept],
            "bytes": [self._bytes()] * len(kept),
            "why": ["every file whose name says where it lies"] * len(kept),
            **member_columns([(root, member) for _, root, member in kept]),
            "year": [cell.year for cell, _, _ in kept],
            "wi": [labels[cell.id] for cell, _, _ in kept],
        }
        schema = pa.schema(list({**PLAN_COLUMNS, **MEMBER_COLUMNS, "year": pa.int32(), "wi": pa.float64()}.items()))
        layout = _layout(self.side, _nominal([cell.lat for cell, _, _ in kept]), self.has_landcover)
        asked = {"paths": [root.name for root in self.roots], **self.choices.given, **said}
        return Plan(self.name, asked, layout, pa.table(rows, schema), (*failures, *lacking))

    def _bytes(self) -> int:
        return self.side * self.side * (4 * len(CHANNELS) + self.has_landcover)

    def read(self, rows: pa.Table) -> Iterator[Sample | Failure]:
        """Read files of the plan."""
        held = rows.to_pydict()
        with Members(_homes(self.roots), held, most=_MOST_BYTES) as members:
            for i, id in enumerate(held["id"]):
                where = members.where(i)
                try:
                    features = _record(members.read(i), where)
                    named = _cell(held["member"][i], where)
                    _require_same(named, features, where)
                    cell = _Cell(id, where, held["member"][i], named.year, named.lon, named.lat, held["wi"][i])
                    yield _make(cell, *self._pixels(features, where), self.choices)
                except SwathError as error:
                    yield Failure.of(id, error)

    def _pixels(self, features: Mapping[str, Feature], where: str) -> tuple[Array, Array | None]:
        size = (self.side, self.side)
        count = self.side * self.side
        data = np.empty((_QUARTERS, len(_BANDS), *size), np.float32)
        for (band, quarter), name in zip(ORDER.channels, CHANNELS, strict=True):
            data[quarter, _BANDS.index(band)] = _square(features, name, count, where).reshape(size)
        if not self.has_landcover:
            return data, None
        return data, _square(features, _WATER_CODE, count, where).reshape(size)


def _square(features: Mapping[str, Feature], name: str, count: int, where: str) -> Array:
    held = numbers_of(features, name, where=where)
    if held.size != count:
        have = f"{held.size:,}"
        raise Mismatch(where=where, what=f"pixels of {name}", want=f"{count:,} (the other files)", have=have)
    return held


def _record(packed: bytes, where: str) -> dict[str, Feature]:
    """The one record of a file."""
    blob = inflate(packed, where=where, most=_MOST_BYTES)
    held = list(itertools.islice(records_within(blob, where=where), 2))
    if len(held) != 1:
        have = "more" if held else "none: it is empty"
        raise Mismatch(where=where, what="records", want="one a file", have=have, fix="It is another export.")
    return parse_example(blob, held[0], where=where)


def _cell(member: str, where: str) -> _Cell:
    """What the name of a file says.

    Raises
    ------
    Mismatch
        It is no such name.
    """
    parts = _NAME.fullmatch(PurePosixPath(member).name)
    if parts is None:
        want = "<year>_<lon>_<lat>_<label>.tfrecord.gz"
        raise Mismatch(where=where, what="file name", want=want, have=PurePosixPath(member).name, fix="Rename it.")
    lon, lat = float(parts["lon"]), float(parts["lat"])
    _require_place(lon, lat, where)
    wi = math.nan if parts["wi"] == "None" else float(parts["wi"])
    id = PurePosixPath(member).name.removesuffix(_SUFFIX)
    return _Cell(id, where, member, int(parts["year"]), lon, lat, wi)


def _named(roots: Sequence[Path]) -> tuple[list[tuple[_Cell, int, Member]], list[Failure]]:
    """Cells by identifier, and files whose names say nothing."""
    found: list[tuple[_Cell, int, Member]] = []
    failures: list[Failure] = []
    for i, root in enumerate(roots):
        for member in _members(root):
            try:
                found.append((_cell(member.name, f"{root.name}/{member.name}"), i, member))
            except SwathError as error:
                failures.append(Failure.of(f"{root.name}/{member.name}", error))
    found.sort(key=lambda each: (each[0].id, each[1]))
    return found, failures


def _homes(roots: Sequence[Path]) -> list[Path]:
    """What members are read from: a single file lies in its folder."""
    return [root.parent if root.name.endswith(_SUFFIX) and root.is_file() else root for root in roots]


def _members(root: Path) -> list[Member]:
    """Files of records below a path; a single file is one of its folder's."""
    if root.name.endswith(_SUFFIX) and root.is_file():
        return [Member(root.name, root.stat().st_size)]
    listing = list_archive(root, most=_MOST_BYTES)
    return [member for member in listing.members if member.name.endswith(_SUFFIX)]


def _require_same(cell: _Cell, features: Mapping[str, Feature], where: str) -> None:
    """Refuse a file whose record is of another place or label than its name; both spellings of longitude are read."""
    lon = next((name for name in _LONGITUDES if name in features), "")
    for what, name, want in ((lon, lon, cell.lon), ("latitude", "latitude", cell.lat), (LABEL, LABEL, cell.wi)):
        if not name or name not in features:
            continue
        held = numbers_of(features, name, where=where)
        if held.size != 1:
            raise Mismatch(where=where, what=what, want="one number", have=f"{held.size}", fix="Fetch it again.")
        have = float(held[0])
        if not math.isnan(want) and not math.isclose(have, want, rel_tol=1e-5, abs_tol=1e-5):
            want_said, have_said = f"{want:.6f} (its name)", f"{have:.6f} (its record)"
            raise Mismatch(where=where, what=what, want=want_said, have=have_said, fix="Rename the file.")


@dataclass(frozen=True, slots=True)
class VisiondlBatches:
    """HDF5 batches, as a source."""

    #: Files, in the order of batches.
    files: tuple[Path, ...]
    #: What was declared.
    choices: _Choices
    #: Pixels a side, and whether there is a 25th channel, as the first file has them.
    side: int
    has_landcover: bool

    @property
    def name(self) -> str:
        """Name of the format."""
        return "visiondl"

    @property
    def _channels(self) -> int:
        return len(CHANNELS) + self.has_landcover

    def plan(self, places: Any = None, dates: Any = None, spec: Any = None) -> Plan:
        """List every sample of every file: places and labels are read, no pixel.

        Raises
        ------
        Unreadable, Mismatch
            A file is not whole, or of another size or number of channels than the first.
        """
        require_all(places, dates, spec, where="format visiondl")
        found: list[tuple[_Cell, int, int]] = []
        failures: list[Failure] = []
        for i, path in enumerate(self.files):
            for k, (lon, lat, wi) in enumerate(self._table(path)):
                id = f"{path.stem}-{k:04d}"
                where = f"{path.name} sample {k}"
                try:
                    _require_place(lon, lat, where)
                    found.append((_Cell(id, where, f"{path.name}/{k}", 0, lon, lat, wi), i, k))
                except SwathError as error:
                    failures.append(Failure.of(id, error))
        labels, lacking, said = _join([cell for cell, _, _ in found], self.choices)
        kept = [each for each in found if each[0].id in labels]
        rows = {
            "id": [cell.id for cell, _, _ in kept],
            "group": [cell.group for cell, _, _ in kept],
            "lon": [cell.lon for cell, _, _ in kept],
            "lat": [cell.lat for cell, _, _ in kept],
            "bytes": [self.side * self.side * (4 * len(CHANNELS) + self.has_landcover)] * len(kept),
            "why": ["every sample of every batch"] * len(kept),
            "root": [i for _, i, _ in kept],
            "index": [k for _, _, k in kept],
            "wi": [labels[cell.id] for cell, _, _ in kept],
        }
        more = {"root": pa.int32(), "index": pa.int32(), "wi": pa.float64()}
        layout = _layout(self.side, _nominal([cell.lat for cell, _, _ in kept]), self.has_landcover)
        asked = {"paths": [path.name for path in self.files], **self.choices.given, **said}
        table = pa.table(rows, pa.schema(list({**PLAN_COLUMNS, **more}.items())))
        return Plan(self.name, asked, layout, table, (*failures, *lacking))

    def _table(self, path: Path) -> list[tuple[float, float, float]]:
        """Longitude, latitude and label of every sample of a file."""
        where = path.name
        with open_hdf5(path, where=where) as file:
            data = self._data(file, where)
            n = int(data.shape[0])
            places = array_of(file, "locations", where=where, kinds="f", shape=(n, 2), most=2**30)
            values = array_of(file, "labels", where=where, kinds="f", shape=(n,), most=2**30)
            held = read_array(places, where=where).astype(float), read_array(values, where=where).astype(float)
        return [(float(lon), float(lat), float(wi)) for (lon, lat), wi in zip(*held, strict=True)]

    def _data(self, file: h5py.File, where: str) -> h5py.Dataset:
        shape = (None, self._channels, self.side, self.side)
        data = array_of(file, "data", where=where, kinds="f", shape=shape, most=_MOST_HDF5)
        if data.dtype != np.float32:
            raise Mismatch(where=where, what="array data", want="float32", have=str(data.dtype), fix="Convert it.")
        return data

    def read(self, rows: pa.Table) -> Iterator[Sample | Failure]:
        """Read samples of the plan; neighbours in a file are read together, in memory of one block."""
        held = rows.to_pydict()
        each = 4 * self._channels * self.side * self.side
        at = 0
        while at < rows.num_rows:
            end = at + 1
            while (
                end < rows.num_rows
                and held["root"][end] == held["root"][at]
                and held["index"][end] == held["index"][end - 1] + 1
                and (end - at) * each < _BLOCK
            ):
                end += 1
            yield from self._block(held, at, end)
            at = end

    def _block(self, held: Mapping[str, Sequence[Any]], at: int, end: int) -> Iterator[Sample | Failure]:
        path = self.files[held["root"][at]]
        first = held["index"][at]
        try:
            with open_hdf5(path, where=path.name) as file:
                data = self._data(file, path.name)
                if first + end - at > data.shape[0]:
                    have = f"{data.shape[0]:,}"
                    raise Mismatch(where=path.name, what="samples", want="as planned", have=have, fix="Plan again.")
                block = read_array(data, slice(first, first + end - at), where=path.name)
        except SwathError as error:
            if end - at > 1:  # one bad chunk does not take its neighbours with it
                for i in range(at, end):
                    yield from self._block(held, i, i + 1)
            else:
                yield Failure.of(held["id"][at], error)
            return
        for i in range(at, end):
            index = held["index"][i]
            where, item = f"{path.name} sample {index}", f"{path.name}/{index}"
            cell = _Cell(held["id"][i], where, item, 0, held["lon"][i], held["lat"][i], held["wi"][i])
            pixels = block[i - at]
            try:
                yield _make(cell, pixels[_AT], pixels[-1] if self.has_landcover else None, self.choices)
            except SwathError as error:
                yield Failure.of(cell.id, error)


@dataclass(frozen=True, slots=True)
class VisiondlFormat:
    """The format; `VISIONDL` is the one instance."""

    #: On the command line.
    name: str = "visiondl"

    @property
    def declares(self) -> Mapping[str, str]:
        """Options that `open` takes."""
        return _DECLARES

    def sniff(self, path: Path) -> bool:
        """True for a file, folder or zip with a name of theirs in it."""
        names = [path.name] if path.is_file() and path.suffix != ".zip" else glance(path)
        return any(_is_ours(PurePosixPath(name).name) for name in names)

    def open(self, paths: Sequence[Path], **declared: Any) -> Source:
        """Open folders, files or zips as a source; the first that can be read says what all hold.

        Raises
        ------
        Unknown
            An option that the format does not take.
        Refused
            There is nothing of theirs, or both kinds of files.
        """
        choices = _choices(declared)
        roots, batches = _sorted_out([Path(path) for path in paths])
        if batches:
            return _open_batches(batches, choices)
        return _open_records(roots, choices)


#: The format.
VISIONDL: Final = VisiondlFormat()


def _is_ours(name: str) -> bool:
    return bool(_NAME.fullmatch(name) or re.fullmatch(r"data_batch_\d+\.h5", name))


def _sorted_out(paths: Sequence[Path]) -> tuple[tuple[Path, ...], tuple[Path, ...]]:
    """Roots of TFRecords, or HDF5 files in the order of their numbers."""
    roots: list[Path] = []
    batches: list[Path] = []
    for path in paths:
        if not path.exists():
            raise Unreadable(where=str(path), what="is not there", fix="Look at the path.")
        if path.is_file() and path.suffix == ".h5":
            batches.append(path)
            continue
        if path.is_dir():
            listed = list_archive(path, most=_MOST_BYTES).members
            batches += [path / member.name for member in listed if member.name.endswith(".h5")]
        roots += [path] if _members(path) else []
    if bool(roots) == bool(batches):
        what = "holds TFRecords beside HDF5 batches" if roots else "holds no file of VisionDL"
        fix = "Open them apart." if roots else "Name a folder or zip of .tfrecord.gz files, or data_batch_<k>.h5."
        raise Refused(where=", ".join(map(str, paths)) or "format visiondl", what=what, fix=fix)
    return tuple(roots), tuple(sorted(batches, key=_batch_number))


def _batch_number(path: Path) -> tuple[str, int, str]:
    digits = re.findall(r"\d+", path.stem)
    return str(path.parent), int(digits[-1]) if digits else -1, path.name


def _open_records(roots: tuple[Path, ...], choices: _Choices) -> VisiondlRecords:
    found, failures = _named(roots)
    first: SwathError | None = None
    members = Members(_homes(roots), member_columns([(root, member) for _, root, member in found]), most=_MOST_BYTES)
    with members:
        for i, (cell, _, _) in enumerate(found):
            try:
                features = _record(members.read(i), cell.where)
                side = side_of(numbers_of(features, CHANNELS[0], where=cell.where).size, where=cell.where)
            except SwathError as error:
                first = first or error
                continue
            return VisiondlRecords(roots, choices, side, choices.landcover == "keep" and _WATER_CODE in features)
    raise first or Refused(where=failures[0].id, what="is named as none of theirs", fix=failures[0].message)


def _open_batches(files: tuple[Path, ...], choices: _Choices) -> VisiondlBatches:
    where = files[0].name
    with open_hdf5(files[0], where=where) as file:
        data = array_of(file, "data", where=where, kinds="f", shape=(None, None, None, None), most=_MOST_HDF5)
        _, channels, height, width = data.shape
    if channels not in (len(CHANNELS), len(CHANNELS) + 1) or height != width or height < 1:
        want, have = "24 or 25 channels of square pixels", f"{channels} of {height} x {width}"
        raise Mismatch(where=where, what="array data", want=want, have=have, fix="It is a file of another kind.")
    return VisiondlBatches(files, choices, int(height), int(channels) > len(CHANNELS))
