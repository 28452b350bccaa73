"""Exported: a folder of GeoTIFFs that swath wrote itself, read back as the samples that it was written from.

`swath.json` says what every sample holds, `labels.csv` and `files.csv` which samples there are and which files are
theirs (`formats.geotiff_write`). All three are checked as any foreign table is, and each file against them: a file that
was changed in size, bands, numbers or place is a failure that names both sides.
"""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import shapely

from swath.core.array import Array
from swath.core.errors import Failure, Mismatch, Refused, SwathError, Unreadable
from swath.core.origin import Origin
from swath.core.plan import PLAN_COLUMNS, Layout, Plan, StackSpec, read_each
from swath.core.sample import Sample, Target, TargetSpec
from swath.core.stack import Stack
from swath.formats.archive import list_archive
from swath.formats.geotiff_write import FILES, HEAD, LABELS, NO_CLASSES, SCHEMA, target_columns
from swath.formats.options import as_date, as_number, as_numbers, require_all
from swath.formats.raster import Header, open_raster, read_header, read_pixels, simplest
from swath.formats.text import read_text

__all__ = ["MOST_TABLE", "ExportedFiles", "is_exported", "open_exported"]

#: Bytes that a table may have; a million lines of labels have some 300 MB.
MOST_TABLE: Final = 2**30
_MOST_HEAD: Final = 16 * 2**20
_AGAIN: Final = "Export it again, or mend that line."
_COLUMNS: Final = {**PLAN_COLUMNS, "files": pa.string(), "targets": pa.string(), "footprint": pa.string()}
_BROKEN: Final = (ValueError, TypeError, KeyError, AttributeError, IndexError, RecursionError, OverflowError)


def is_exported(path: Path) -> bool:
    """True for a folder with the three tables in it."""
    return path.is_dir() and all((path / name).is_file() for name in (HEAD, LABELS, FILES))


@dataclass(frozen=True, slots=True)
class ExportedFiles:
    """Samples of a folder of GeoTIFFs with tables."""

    #: The folder.
    root: Path
    #: What every sample holds.
    layout: Layout

    @property
    def name(self) -> str:
        """Name of the format."""
        return "geotiff"

    def plan(self, places: Any = None, dates: Any = None, spec: Any = None) -> Plan:
        """Read the tables; a sample whose line is wrong or whose file is not there is left out by name.

        Raises
        ------
        Refused
            Places, dates or a spec are asked for, or a line names a sample twice.
        Unreadable
            A table is damaged.
        """
        require_all(places, dates, spec, where="format geotiff")
        there = {member.name for member in list_archive(self.root, most=2**62).members}
        files = self._files({line["id"] for _, line in _lines(self.root / LABELS, self._head())})
        rows, failures = [], []
        for number, line in _lines(self.root / LABELS, self._head()):
            id = line["id"]
            try:
                rows.append(self._row(line, files.pop(id, {}), there))
            except SwathError as error:
                failures.append(Failure.of(id, error))
            except _BROKEN as error:
                where = f"{LABELS} line {number}"
                failures.append(Failure.of(id, Unreadable(where=where, what=f"cannot be read ({error})", fix=_AGAIN)))
        table = pa.Table.from_pylist(rows, schema=pa.schema(list(_COLUMNS.items())))
        return Plan(self.name, {"exported": len(rows) + len(failures)}, self.layout, table, tuple(failures))

    def _head(self) -> list[str]:
        own = [column for name, spec in self.layout.targets.items() for column in target_columns(name, spec)]
        return ["id", "group", "lon", "lat", *own, "footprint"]

    def _files(self, known: Container[str]) -> dict[str, dict[str, list[tuple[str, str]]]]:
        """Sample -> stack -> date and path of each file; all samples must be known."""
        held: dict[str, dict[str, list[tuple[str, str]]]] = {}
        for number, line in _lines(self.root / FILES, ["id", "stack", "date", "file"]):
            where = f"{self.root.name}/{FILES} line {number}"
            if line["id"] not in known:
                raise Mismatch(where=where, what="samples", want=f"those of {LABELS}", have=line["id"], fix=_AGAIN)
            if line["stack"] not in self.layout.stacks:
                want = ", ".join(self.layout.stacks)
                raise Mismatch(where=where, what="stack", want=want, have=line["stack"], fix=_AGAIN)
            held.setdefault(line["id"], {}).setdefault(line["stack"], []).append((line["date"], line["file"]))
        return held

    def _row(self, line: Mapping[str, str], files: Mapping[str, Sequence[tuple[str, str]]], there: set[str]) -> Any:
        id, size = line["id"], 0
        for name, held in files.items():
            spec = self.layout.stacks[name]
            for date, path in held:
                if path not in there:
                    fix = "Export it again, or take its line out."
                    raise Refused(where=id, what=f"has no file {path!r} in the folder", fix=fix)
                if date:
                    as_date(f"date of {path}", date)
            size += len(held) * math.prod(spec.size) * len(spec.bands) * np.dtype(spec.dtype).itemsize
        targets = {
            name: _target(line, name, spec) for name, spec in self.layout.targets.items() if target_columns(name, spec)
        }
        lon, lat = (float(line[side]) if line[side] else None for side in ("lon", "lat"))
        if line["footprint"]:
            _outline(line["footprint"])
        row = {"id": id, "group": line["group"], "lon": lon, "lat": lat, "bytes": size, "why": "every sample"}
        return {**row, "files": json.dumps(files), "targets": json.dumps(targets), "footprint": line["footprint"]}

    def read(self, rows: pa.Table) -> Iterator[Sample | Failure]:
        """Read samples of the plan."""
        yield from read_each(rows, self._read)

    def _read(self, row: Mapping[str, Any]) -> Sample:
        held = {name: self._stack(name, files) for name, files in json.loads(row["files"]).items()}
        targets = {name: _as_target(value) for name, value in json.loads(row["targets"]).items() if value is not None}
        targets |= {name: Target(stack=held.pop(name)) for name in self.layout.targets if name in held}
        place = None if row["lon"] is None or row["lat"] is None else (row["lon"], row["lat"])
        outline = _outline(row["footprint"]) if row["footprint"] else None
        return Sample(row["id"], held, targets, outline, row["group"], place)

    def _stack(self, name: str, files: Sequence[tuple[str, str]]) -> Stack:
        spec = self.layout.stacks[name]
        read = [_date(self.root / path, path, spec) for _, path in files]
        first = read[0]
        for each, (_, path) in zip(read, files, strict=True):
            if each.header.geobox != first.header.geobox:
                raise Mismatch(where=path, what="grid", want=f"that of {files[0][1]}", have=str(each.header.geobox))
        masks = None
        if any(each.valid is not None for each in read):
            shape = (len(spec.bands), *spec.size)
            full = [np.broadcast_to(True if each.valid is None else each.valid, shape) for each in read]
            masks = _shortest(np.stack(full))
        times = np.array([as_date("date", date) if date else np.datetime64("NaT") for date, _ in files])
        return Stack(
            data=np.stack([each.data for each in read]),
            bands=spec.bands,
            times=times.astype("datetime64[us]"),
            quantity=spec.quantity,
            geobox=first.header.geobox,
            gsd=first.gsd,
            valid=masks,
            origin=first.origin,
        )


def _shortest(valid: Array) -> Array | None:
    """Validity (t, b, h, w) with one band where all bands agree; None = all."""
    if valid.all():
        return None
    return valid[:, :1].copy() if (valid == valid[:, :1]).all() else valid


@dataclass(frozen=True, slots=True, eq=False)
class _Read:
    """One file."""

    header: Header
    data: Array
    valid: Array | None
    gsd: tuple[float, float]
    origin: Origin


def _date(path: Path, where: str, spec: StackSpec) -> _Read:
    """Read one file and hold it against what the folder says of it."""
    with open_raster(path, where=where) as dataset:
        header = read_header(dataset, where=where)
        pairs = [
            ("size", f"{spec.size[0]} x {spec.size[1]}", f"{header.shape[0]} x {header.shape[1]}"),
            ("bands", " ".join(spec.bands), " ".join(text or "?" for text in header.descriptions)),
            ("dtype", spec.dtype, header.dtype),
            ("quantity", str(spec.quantity), header.tags.get("SWATH_QUANTITY", "none written")),
        ]
        for what, want, have in pairs:
            if want != have:
                raise Mismatch(where=where, what=what, want=f"{want} ({HEAD})", have=have, fix="Export it again.")
        data, valid = read_pixels(dataset, header, range(header.bands))
    if not spec.has_valid or header.tags.get("SWATH_VALID") == "all":
        valid = None
    sides = as_numbers("SWATH_GSD", header.tags.get("SWATH_GSD", ""))
    try:
        origin = Origin.from_json(json.loads(header.tags.get("SWATH_SERIES") or header.tags.get("SWATH_ORIGIN", "")))
    except _BROKEN as error:
        raise Unreadable(where=where, what=f"does not say where it is from ({error})", fix="Export it again.") from None
    return _Read(header, data, simplest(valid), (sides[0], sides[-1]), origin)


def _target(line: Mapping[str, str], name: str, spec: TargetSpec) -> Any:
    """Code, codes or values of a line; None = not known."""
    columns = target_columns(name, spec)
    if spec.kind == "values":
        held = {each: line[column] for each, column in zip(spec.units, columns, strict=True)}
        if not any(held.values()):
            return None
        return {each: as_number(f"{name} {each}", text) if text else math.nan for each, text in held.items()}
    text = line[columns[1]]
    if not text:
        return None
    if spec.kind == "class":
        return int(text)
    return [] if text == NO_CLASSES else [int(each) for each in text.split(";")]


def _as_target(value: Any) -> Target:
    if isinstance(value, dict):
        return Target(values=value)
    return Target(codes=tuple(value)) if isinstance(value, list) else Target(code=value)


def _outline(text: str) -> Any:
    try:
        made = shapely.geometry.shape(json.loads(text))
    except (*_BROKEN, shapely.errors.ShapelyError) as error:
        raise Unreadable(where=LABELS, what=f"holds a footprint that is none ({error})", fix=_AGAIN) from None
    if not isinstance(made, shapely.Polygon | shapely.MultiPolygon):
        raise Unreadable(where=LABELS, what="holds a footprint that is no polygon", have=made.geom_type, fix=_AGAIN)
    return made


def _lines(path: Path, wanted: Sequence[str]) -> Iterator[tuple[int, dict[str, str]]]:
    """Lines of a table with their numbers; each has every column."""
    where = f"{path.parent.name}/{path.name}"
    reader = csv.DictReader(io.StringIO(read_text(path, most=MOST_TABLE)), strict=True)
    seen: set[str] = set()
    try:
        missing = [name for name in wanted if name not in (reader.fieldnames or ())]
        if missing:
            have = ", ".join(reader.fieldnames or ())[:200] or "none"
            raise Mismatch(where=where, what="columns", want=", ".join(wanted), have=have, fix=_AGAIN)
        for line in reader:
            if None in line or None in line.values() or not line["id"]:
                raise Unreadable(where=f"{where} line {reader.line_num}", what="has other columns", fix=_AGAIN)
            if path.name == LABELS and line["id"] in seen:
                raise Refused(where=f"{where} line {reader.line_num}", what=f"names {line['id']!r} twice", fix=_AGAIN)
            seen.add(line["id"])
            yield reader.line_num, line
    except csv.Error as error:
        raise Unreadable(where=f"{where} line {reader.line_num}", what=f"is no CSV ({error})", fix=_AGAIN) from None


def open_exported(root: Path) -> ExportedFiles:
    """Open a folder that swath wrote.

    Raises
    ------
    Unreadable
        Its head is damaged.
    Refused
        A newer swath wrote it.
    """
    where = f"{root.name}/{HEAD}"
    try:
        held = json.loads(read_text(root / HEAD, most=_MOST_HEAD))
        schema = int(held["schema"])
        if schema > SCHEMA:
            what = f"is of schema {schema}; this swath knows {SCHEMA}"
            raise Refused(where=where, what=what, fix="Install a newer swath.")
        layout = Layout.from_json(held["layout"])
        if any(spec.legend and spec.legend not in layout.legends for spec in layout.targets.values()):
            raise KeyError("a legend is missing")
    except _BROKEN as error:
        raise Unreadable(where=where, what=f"is no head of a folder ({error!r})", fix="Export it again.") from None
    return ExportedFiles(root, layout)
