"""Labels: tables of places, each with a year and one measured value, as surveys give them.

CSV, plain or gzipped, by the names that such tables have in circulation (`centroid_longtitude` among them), southern
and western places and negative values included. What a row lacks is told by its line; nothing is lost in silence.
Knows nothing of pixels.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from swath.core.errors import Failure, Mismatch, Refused, Unreadable
from swath.formats.text import read_text

__all__ = ["LATITUDES", "LONGITUDES", "MOST_ROWS", "VALUES", "Label", "LabelTable", "read_labels"]

#: Names of the columns, the first that is there wins.
LONGITUDES: Final = ("centroid_longtitude", "centroid_longitude", "longtitude", "longitude", "lon")
LATITUDES: Final = ("centroid_latitude", "latitude", "lat")
VALUES: Final = ("wi", "label", "asset_index")
_YEARS: Final = ("year",)
#: A table with more rows, or with more bytes, is refused.
MOST_ROWS: Final = 1_000_000
_MOST_BYTES: Final = 256 * 2**20


@dataclass(frozen=True, slots=True)
class Label:
    """One row."""

    #: Line in the file, the header being line 1.
    line: int
    #: As the table has it.
    year: int
    #: Degrees.
    lon: float
    lat: float
    value: float


@dataclass(frozen=True, slots=True)
class LabelTable:
    """All rows: `rows` and `rejects` together are as many as the file has."""

    #: Those that are whole.
    rows: tuple[Label, ...]
    #: Those that lack a number, or lie nowhere on Earth, by line.
    rejects: tuple[Failure, ...]
    #: Name of the column that the values come from.
    column: str

    def by_place(self) -> dict[tuple[float, float], list[Label]]:
        """(lon, lat) -> rows: a place that was surveyed again is one place."""
        held: dict[tuple[float, float], list[Label]] = {}
        for row in self.rows:
            held.setdefault((row.lon, row.lat), []).append(row)
        return held


def read_labels(path: Path, *, column: str = "") -> LabelTable:
    """Read a table of labels.

    Parameters
    ----------
    path : Path
        CSV with a header, plain or gzipped.
    column : str
        Name of the column of values; default the first of `VALUES` that is there.

    Raises
    ------
    Unreadable
        It is not there, cut short, or too large.
    Mismatch
        Columns are missing; those that would do are named.
    Refused
        It has more than `MOST_ROWS` rows.
    """
    reader = csv.DictReader(io.StringIO(read_text(path, most=_MOST_BYTES, fix="It is no such table."), newline=None))
    try:
        return _read(path, reader, column)
    except csv.Error as error:
        raise Unreadable(where=path.name, what=f"is no CSV ({error})", fix="Save it anew.") from None


def _read(path: Path, reader: csv.DictReader[str], column: str) -> LabelTable:
    names = {name.strip().lower(): name for name in reader.fieldnames or [] if name}
    chosen = {
        "year": _column(path, names, _YEARS),
        "lon": _column(path, names, LONGITUDES),
        "lat": _column(path, names, LATITUDES),
        "value": _column(path, names, (column.lower(),) if column else VALUES),
    }
    rows: list[Label] = []
    rejects: list[Failure] = []
    for line, row in enumerate(reader, start=2):
        if line > MOST_ROWS + 1:
            raise Refused(where=path.name, what=f"has more than {MOST_ROWS:,} rows", fix="Split it.")
        made = _label(path, line, row, chosen)
        if isinstance(made, Label):
            rows.append(made)
        else:
            rejects.append(made)
    return LabelTable(tuple(rows), tuple(rejects), chosen["value"])


def _column(path: Path, names: Mapping[str, str], wanted: tuple[str, ...]) -> str:
    for name in wanted:
        if name in names:
            return names[name]
    have = ", ".join(names.values()) or "none"
    raise Mismatch(where=path.name, what="columns", want=f"one of {', '.join(wanted)}", have=have, fix="Name it so.")


def _label(path: Path, line: int, row: Mapping[str, Any], chosen: Mapping[str, str]) -> Label | Failure:
    where = f"{path.name} line {line}"
    numbers: dict[str, float] = {}
    for what, name in chosen.items():
        try:
            numbers[what] = float(row[name])
        except (TypeError, ValueError):
            numbers[what] = math.nan
        if not math.isfinite(numbers[what]):
            error = Unreadable(where=where, what=f"has no number in column {name}", have=repr(row[name]))
            return Failure.of(f"{path.name}:{line}", error, "missing")
    if abs(numbers["lat"]) > 90 or abs(numbers["lon"]) > 180:
        said = f"lies nowhere on Earth (lat {numbers['lat']:g}, lon {numbers['lon']:g})"
        return Failure.of(f"{path.name}:{line}", Refused(where=where, what=said, fix="Are the two exchanged?"))
    return Label(line, int(numbers["year"]), numbers["lon"], numbers["lat"], numbers["value"])
