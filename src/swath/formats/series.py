"""Series: tables of labelled time series, one value a step and dimension and no pixels beside each other.

UEA's `.ts`, UCR's tab-separated rows (label first) and NPZ with `X` and `y`, plain or gzipped where they are text. Each
row becomes a sample of one pixel: dates as steps, dimensions as bands. Series of other lengths have fewer dates; what
is missing (`?`, NaN) is invalid, never zero. Equal rows are one group, so that no split parts them. What a value means,
and on how much ground, stands in no such file: declared.
"""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.csv

from swath.core.array import Array
from swath.core.errors import Failure, Mismatch, Refused, Unknown, Unreadable
from swath.core.legends import Legend, legend
from swath.core.origin import Origin
from swath.core.plan import PLAN_COLUMNS, Layout, Plan, StackSpec
from swath.core.quantity import Quantity, value
from swath.core.sample import Sample, Target, TargetSpec
from swath.core.stack import NO_TIME, Stack
from swath.formats.mapping import folder_legend
from swath.formats.npz import names_in, read_npz
from swath.formats.options import as_date, as_names, as_number, one_of, only_known, require_all
from swath.formats.text import read_blob, read_text

__all__ = ["MOST_ROWS", "SERIES", "SeriesFormat", "SeriesTable", "SeriesTables", "read_series"]

#: A table with more rows, or with more bytes when inflated, is refused.
MOST_ROWS: Final = 1_000_000
_MOST_BYTES: Final = 512 * 2**20
#: Bytes of a table as it is held: every series as long as the longest, in float64.
_MOST_HELD: Final = 2**30
_MOST_CLASSES: Final = 1000
_KINDS: Final = ("class", "leave")
_MISSING: Final = ("?", "NaN", "nan", "")
_SUFFIXES: Final = (".ts", ".tsv", ".ts.gz", ".tsv.gz", ".npz")
_VALUES: Final = ("X", "x", "values", "data")
_LABELS: Final = ("y", "Y", "labels", "label")
_COLUMNS: Final = {**PLAN_COLUMNS, "root": pa.int32(), "row": pa.int64(), "code": pa.int32()}
_DECLARES: Final = {
    "gsd": "metres on the ground that one series stands for",
    "unit": "unit of the values; default 1",
    "bands": "names of the dimensions, in their order; default b1, b2, ...",
    "dates": "date of the first step and days from step to step, as 2009-01-03,8; default unknown",
    "legend": "legend that holds the labels; default one made of them",
    "labels": "class (default), or leave them out",
    "axes": "npz of three axes: ndt (UEA's order) or ntd",
}


@dataclass(frozen=True, slots=True, eq=False)
class SeriesTable:
    """All series of one file."""

    #: float64, shape (n, t, d); NaN = missing, or beyond the end of a shorter series.
    values: Array
    #: Steps of each; int64, shape (n,).
    lengths: Array
    #: Label of each, as written; "" = none.
    labels: tuple[str, ...]


def read_series(path: Path, *, axes: str = "") -> SeriesTable:
    """Read a table of series.

    Parameters
    ----------
    path : Path
        `.ts`, `.tsv` (either gzipped or not) or `.npz`.
    axes : str
        For NPZ of three axes: `ndt` or `ntd`; nobody can tell otherwise.

    Raises
    ------
    Unreadable
        It is not there, cut short, or a value is no number.
    Mismatch
        A row has another number of dimensions or steps than the file says.
    Refused
        It has more than `MOST_ROWS` rows, takes more memory than a table may, or its axes are not declared.
    """
    if path.name.endswith(".npz"):
        return _npz(path, axes)
    is_ts = path.name.removesuffix(".gz").endswith(".ts")
    return _ts(path, read_text(path, most=_MOST_BYTES)) if is_ts else _tsv(path)


def _number(text: str, where: str) -> float:
    try:
        return float("nan") if text.strip() in _MISSING else float(text)
    except ValueError:
        raise Unreadable(where=where, what="holds a value that is no number", have=repr(text)[:40]) from None


def _numbers(cells: Sequence[str], where: str) -> list[float]:
    """Numbers of a row; one by one only where a word stands among them."""
    try:
        return list(map(float, cells))
    except ValueError:
        return [_number(cell, where) for cell in cells]


def _tsv(path: Path) -> SeriesTable:
    """Label first, then the steps; one dimension. NaN at the end of a row is no step (UCR pads so)."""
    blob = read_blob(path, most=_MOST_BYTES)
    if not (blob.startswith((b"\n", b"\r")) or b"\n\n" in blob or b"\n\r\n" in blob):
        rows, steps = blob.count(b"\n") + (not blob.endswith(b"\n")), blob.partition(b"\n")[0].count(b"\t")
        if rows > MOST_ROWS:
            raise Refused(where=path.name, what=f"has more than {MOST_ROWS:,} rows", fix="Split it.")
        _require_held(path, rows, steps, 1)
        whole = _tsv_at_once(blob, steps) if steps else None
        if whole is not None:
            return whole
    return _tsv_by_line(path, read_text(path, most=_MOST_BYTES))


def _tsv_at_once(blob: bytes, steps: int) -> SeriesTable | None:
    """Rows that all have so many steps; None where a row is otherwise or a value no plain number."""
    names = [str(k) for k in range(steps + 1)]
    kinds = {name: pa.float64() if k else pa.string() for k, name in enumerate(names)}
    block = max(2**20, 2 * len(blob.partition(b"\n")[0]))
    try:
        held = pa.csv.read_csv(
            pa.BufferReader(blob),
            pa.csv.ReadOptions(use_threads=False, column_names=names, block_size=block),
            pa.csv.ParseOptions(delimiter="\t", quote_char=False),
            pa.csv.ConvertOptions(column_types=kinds, null_values=list(_MISSING), strings_can_be_null=False),
        )
    except pa.ArrowInvalid:
        return None
    values = np.stack([held.column(k).to_numpy() for k in range(1, steps + 1)], axis=1)[:, :, None]
    coded = pa.chunked_array([held.column(0).combine_chunks().dictionary_encode()]).combine_chunks()
    known = [_label(text) for text in coded.dictionary.to_pylist()]
    labels = tuple(known[k] for k in coded.indices.to_pylist())
    return SeriesTable(values, _lengths(values), labels)


def _tsv_by_line(path: Path, text: str) -> SeriesTable:
    """As `_tsv_at_once`, slower; says which line is wrong."""
    rows: list[Array] = []
    labels: list[str] = []
    for line, said in enumerate(io.StringIO(text, newline="\n"), start=1):
        row = said.rstrip("\r\n").split("\t")
        if row == [""]:
            continue
        where = f"{path.name} line {line}"
        if len(rows) == MOST_ROWS:
            raise Refused(where=path.name, what=f"has more than {MOST_ROWS:,} rows", fix="Split it.")
        if len(row) < 2:
            fix = "A label and values, separated by tabs, are wanted."
            raise Mismatch(where=where, what="columns", want="two or more", have=str(len(row)), fix=fix)
        labels.append(_label(row[0]))
        rows.append(np.array(_numbers(row[1:], where))[:, None])
        if len(rows[-1]) != len(rows[0]):
            want = f"{len(rows[0])} (line 1)"
            fix = "The file is cut short, or two files in one."
            raise Mismatch(where=where, what="steps", want=want, have=str(len(rows[-1])), fix=fix)
        _require_held(path, len(rows), len(rows[0]), 1)
    return _table(path, rows, labels)


def _label(text: str) -> str:
    """A label as written, whole numbers without their decimal point."""
    said = text.strip()
    return said.partition(".")[0] if re.fullmatch(r"-?\d+\.0+", said) else said


def _ts(path: Path, text: str) -> SeriesTable:
    """UEA's layout: `@` lines, `@data`, then `dimension:dimension:label` with values separated by commas."""
    head: dict[str, list[str]] = {}
    rows: list[Array] = []
    labels: list[str] = []
    in_data = False
    for line, raw in enumerate(io.StringIO(text, newline=None), start=1):
        said, where = raw.strip(), f"{path.name} line {line}"
        if not said or said.startswith("#"):
            continue
        if not in_data:
            name, *words = said.lower().split()
            if not name.startswith("@"):
                raise Unreadable(where=where, what="has data before @data", fix="It is no .ts file.")
            head[name[1:]] = said.split()[1:] if name == "@classlabel" else words
            in_data = name == "@data"
            if in_data and head.get("timestamps") == ["true"]:
                fix = "Write it with equal steps."
                raise Refused(where=where, what="has a time stamp with every value, which is not read", fix=fix)
            continue
        if len(rows) == MOST_ROWS:
            raise Refused(where=path.name, what=f"has more than {MOST_ROWS:,} rows", fix="Split it.")
        parts = said.split(":")
        if head.get("classlabel", ["true"])[0].lower() != "false":
            labels.append(_label(parts.pop()))
        else:
            labels.append("")
        want = int(head["dimensions"][0]) if head.get("dimensions", [""])[0].isdigit() else len(parts)
        if len(parts) != want or not parts:
            fix = "The file is cut short, or no .ts file."
            raise Mismatch(where=where, what="dimensions", want=str(want), have=str(len(parts)), fix=fix)
        dimensions = [_numbers(part.split(","), where) for part in parts]
        if len({len(each) for each in dimensions}) > 1:
            have = ", ".join(str(len(each)) for each in dimensions)
            raise Mismatch(where=where, what="steps of its dimensions", want="the same", have=have, fix="Mend the row.")
        rows.append(np.array(dimensions).T)
    known = set(head.get("classlabel", [])[1:])
    strange = next((label for label in labels if known and label not in known), None)
    if strange is not None:
        raise Unknown(strange, sorted(known), what="class label", where=path.name)
    return _table(path, rows, labels)


def _require_held(path: Path, rows: int, steps: int, dimensions: int) -> None:
    size = 8 * rows * steps * dimensions
    if size > _MOST_HELD:
        what = f"takes {size:,} bytes in memory ({rows:,} series of {steps:,} steps), above {_MOST_HELD:,}"
        raise Refused(where=path.name, what=what, fix="Split it.")


def _table(path: Path, rows: Sequence[Array], labels: Sequence[str]) -> SeriesTable:
    if not rows:
        raise Refused(where=path.name, what="holds no series", fix="Look at the file.")
    steps, dimensions = max(len(row) for row in rows), rows[0].shape[1]
    _require_held(path, len(rows), steps, dimensions)
    values = np.full((len(rows), steps, dimensions), np.nan)
    for k, row in enumerate(rows):
        if row.shape[1] != dimensions:
            want = f"{dimensions} (the first)"
            raise Mismatch(where=f"{path.name} row {k + 1}", what="dimensions", want=want, have=str(row.shape[1]))
        values[k, : len(row)] = row
    return SeriesTable(values, _lengths(values), tuple(labels))


def _lengths(values: Array) -> Array:
    """Steps up to the last that holds a number, one at least."""
    is_there = np.isfinite(values).any(axis=2)
    last = (np.arange(1, values.shape[1] + 1) * is_there).max(axis=1)
    return np.asarray(np.maximum(1, last), np.int64)


def _npz(path: Path, axes: str) -> SeriesTable:
    names = names_in(path)
    at = next((name for name in _VALUES if name in names), "")
    if not at:
        have = ", ".join(names) or "nothing"
        raise Unreadable(where=path.name, what=f"holds no array {' or '.join(_VALUES)}", have=have, fix="Name it so.")
    values = read_npz(path, at, where=path.name, kinds="fiu").astype(float)
    if values.ndim == 3:
        if axes not in ("ndt", "ntd"):
            what = f"has three axes ({' x '.join(map(str, values.shape))}), and nothing says which are the steps"
            raise Refused(where=path.name, what=what, fix="Declare axes=ndt (UEA's order) or axes=ntd.")
        values = values.transpose(0, 2, 1) if axes == "ndt" else values
    elif values.ndim == 2:
        values = values[:, :, None]
    if values.ndim != 3 or 0 in values.shape or len(values) > MOST_ROWS:
        have = " x ".join(map(str, values.shape))
        raise Refused(where=path.name, what="is no table of series", want=f"up to {MOST_ROWS:,} of them", have=have)
    label = next((name for name in _LABELS if name in names), "")
    labels = tuple([""] * len(values))
    if label:
        held = read_npz(path, label, where=path.name, kinds="fiuU").reshape(-1)
        if len(held) != len(values):
            raise Mismatch(where=path.name, what="labels", want=f"{len(values):,}", have=f"{len(held):,}")
        labels = tuple(_label(str(each)) for each in held.tolist())
    return SeriesTable(values, _lengths(values), labels)


@dataclass(frozen=True, slots=True)
class SeriesTables:
    """Tables of series, as a source."""

    #: Files, in the order that they were named.
    files: tuple[Path, ...]
    #: As declared, for the plan.
    given: Mapping[str, Any]
    axes: str
    #: What all series are: names of dimensions, most steps, quantity, metres.
    bands: tuple[str, ...]
    steps: int
    quantity: Quantity
    gsd: float
    #: Date of the first step, and days from step to step; NaT = unknown.
    first: np.datetime64 = NO_TIME
    days: float = 0.0
    #: Legend of the labels; None = there are none.
    legend: Legend | None = None
    has_valid: bool = False

    @property
    def name(self) -> str:
        """Name of the format."""
        return "series"

    def plan(self, places: Any = None, dates: Any = None, spec: Any = None) -> Plan:
        """List every row; equal rows get one group."""
        require_all(places, dates, spec, where=f"format {self.name}")
        held: dict[str, list[Any]] = {name: [] for name in _COLUMNS if name not in ("lon", "lat")}
        failures: list[Failure] = []
        for i, path in enumerate(self.files):
            table = read_series(path, axes=self.axes)
            self._require_like(table, path)
            codes = {label: self._code(label) for label in set(table.labels)}
            has_value = np.asarray(np.isfinite(table.values).any(axis=(1, 2)))
            for k, (label, length) in enumerate(zip(table.labels, table.lengths.tolist(), strict=True)):
                id = f"{_stem(path)}-{k:05d}"
                if not has_value[k]:
                    error = Refused(where=f"{path.name} row {k + 1}", what="holds no value", fix="Leave it out.")
                    failures.append(Failure.of(id, error, "invalid"))
                    continue
                held["id"].append(id)
                held["group"].append(hashlib.sha256(table.values[k].tobytes()).hexdigest()[:16])
                held["bytes"].append(4 * length * len(self.bands))
                held["row"].append(k)
                held["code"].append(codes[label])
            more = len(held["id"]) - len(held["root"])
            held["root"] += [i] * more
            held["why"] += ["every row"] * more
        nowhere = pa.nulls(len(held["id"]), pa.float64())
        table_ = pa.table({**held, "lon": nowhere, "lat": nowhere}, pa.schema(list(_COLUMNS.items())))
        quantity, gsd = self.quantity, (self.gsd, self.gsd)
        sensor = f"anonymous-{len(self.bands)}"
        stack = StackSpec(
            self.bands, (1, 1), "float32", quantity, sensor, "", gsd, self.steps, has_valid=self.has_valid
        )
        targets = {} if self.legend is None else {"class": TargetSpec("class", legend=self.legend.name)}
        legends = {} if self.legend is None else {self.legend.name: self.legend}
        asked = {"paths": [path.name for path in self.files], **self.given}
        return Plan(self.name, asked, Layout({"series": stack}, targets, legends), table_, tuple(failures))

    def _require_like(self, table: SeriesTable, path: Path) -> None:
        if table.values.shape[2] != len(self.bands) or table.values.shape[1] > self.steps:
            want = f"{self.steps} steps at most of {len(self.bands)} (as opened)"
            have = f"{table.values.shape[1]} of {table.values.shape[2]}"
            raise Mismatch(where=path.name, what="series", want=want, have=have, fix="Open it again.")

    def _code(self, label: str) -> int | None:
        return None if self.legend is None or not label else self.legend.code_of(label)

    def read(self, rows: pa.Table) -> Iterator[Sample | Failure]:
        """Read rows of the plan; each table is read once."""
        held: dict[int, SeriesTable] = {}
        for row in rows.to_pylist():
            root, k = row["root"], row["row"]
            if root not in held:
                held = {root: read_series(self.files[root], axes=self.axes)}
            table = held[root]
            t = int(table.lengths[k])
            data = table.values[k, :t].astype(np.float32)[:, :, None, None]
            valid = np.isfinite(data)
            times: Array = np.full(t, NO_TIME)
            if not np.isnat(self.first):
                times = self.first + (np.arange(t) * self.days * 86_400e6).astype("timedelta64[us]")
            origin = Origin((f"{self.files[root].name} row {k + 1}",), f"anonymous-{len(self.bands)}")
            mask = None if valid.all() else valid
            gsd = (self.gsd, self.gsd)
            stack = Stack(
                np.where(valid, data, np.float32(0)), self.bands, times, self.quantity, None, gsd, _short(mask), origin
            )
            targets = {} if self.legend is None else {"class": Target(code=row["code"])}
            yield Sample(row["id"], {"series": stack}, targets, group=row["group"])


def _short(valid: Array | None) -> Array | None:
    if valid is None or valid.shape[1] == 1 or not (valid == valid[:, :1]).all():
        return valid
    return valid[:, :1].copy()


def _stem(path: Path) -> str:
    return path.name.removesuffix(".gz").rpartition(".")[0]


@dataclass(frozen=True, slots=True)
class SeriesFormat:
    """The format; `SERIES` is the one instance."""

    #: On the command line.
    name: str = "series"

    @property
    def declares(self) -> Mapping[str, str]:
        """Options that `open` takes."""
        return _DECLARES

    def sniff(self, path: Path) -> bool:
        """True for a file with the suffix of such tables; an NPZ must hold `X` or another name of values."""
        if not path.is_file() or not path.name.endswith(_SUFFIXES):
            return False
        try:
            return not path.name.endswith(".npz") or any(name in names_in(path) for name in _VALUES)
        except Unreadable:
            return False

    def open(self, paths: Sequence[Path], **declared: Any) -> SeriesTables:
        """Open tables; all must have the same dimensions.

        Raises
        ------
        Refused
            Nothing says on how much ground a series stands.
        Unreadable, Mismatch, Unknown
            A table is not whole, of other dimensions than the first, or has labels that the legend does not know.
        """
        where = f"format {self.name}"
        given = only_known(declared, _DECLARES, where=where)
        files = tuple(Path(path) for path in paths)
        if not files:
            raise Refused(where=where, what="no path was given", fix=f"Name files ({', '.join(_SUFFIXES)}).")
        for path in files:
            if not path.is_file() or not path.name.endswith(_SUFFIXES):
                what = "is no table of series" if path.exists() else "is not there"
                raise Unreadable(where=str(path), what=what, want=", ".join(_SUFFIXES), fix="Look at the path.")
        if "gsd" not in given:
            raise Refused(where=where, what="says on how much ground a series stands nowhere", fix="Declare gsd=.")
        gsd = as_number("gsd", given["gsd"])
        if not gsd > 0:
            raise Refused(where="option gsd", what=f"must be metres above 0, have {gsd:g}")
        axes = one_of("axes", given["axes"], ["ndt", "ntd"]) if "axes" in given else ""
        tables = [read_series(path, axes=axes) for path in files]
        dimensions = tables[0].values.shape[2]
        for path, table in zip(files, tables, strict=True):
            if table.values.shape[2] != dimensions:
                want, have = f"{dimensions} ({files[0].name})", str(table.values.shape[2])
                raise Mismatch(where=path.name, what="dimensions", want=want, have=have, fix="Open it apart.")
        bands = as_names("bands", given["bands"]) if "bands" in given else tuple(f"b{k + 1}" for k in range(dimensions))
        if len(bands) != dimensions or len(set(bands)) < dimensions:
            want = f"{dimensions} names, each once"
            raise Mismatch(where="option bands", what="dimensions", want=want, have=", ".join(bands))
        kind = one_of("labels", given.get("labels", "class"), _KINDS)
        first, days = _steps(given["dates"]) if "dates" in given else (NO_TIME, 0.0)
        return SeriesTables(
            files,
            {name: str(each) for name, each in given.items()},
            axes,
            bands,
            max(int(table.lengths.max()) for table in tables),
            value(str(given.get("unit", "1"))),
            gsd,
            first,
            days,
            _legend(tables, str(given.get("legend", "")), kind, where),
            any(_has_gaps(table) for table in tables),
        )


#: The format.
SERIES: Final = SeriesFormat()


def _has_gaps(table: SeriesTable) -> bool:
    within = np.arange(table.values.shape[1])[None, :, None] < table.lengths[:, None, None]
    return bool((within & ~np.isfinite(table.values)).any())


def _steps(value_: Any) -> tuple[np.datetime64, float]:
    parts = as_names("dates", value_)
    if len(parts) != 2 or not as_number("dates", parts[1]) > 0:
        raise Refused(
            where="option dates", what=f"cannot be read from {value_!r}", want="a date and days, 2009-01-03,8"
        )
    return as_date("dates", parts[0]), as_number("dates", parts[1])


def _legend(tables: Sequence[SeriesTable], name: str, kind: str, where: str) -> Legend | None:
    """Legend of the labels: the declared one, or numbers as their own codes, or names in their order."""
    labels = sorted({label for table in tables for label in table.labels if label})
    if not labels or kind == "leave":
        return None
    if len(labels) > _MOST_CLASSES:
        what = f"has {len(labels):,} different labels: these are values, not classes"
        raise Refused(where=where, what=what, fix="Declare labels=leave.")
    if name:
        known = legend(name)
        for label in labels:
            known.code_of(label)
        return known
    made = folder_legend(labels)
    classes = made.classes
    if all(re.fullmatch(r"-?\d{1,9}", label) for label in labels):
        classes = tuple(sorted((replace(each, code=int(each.name)) for each in classes), key=lambda each: each.code))
    return Legend("labels", classes, source="labels of the series")
