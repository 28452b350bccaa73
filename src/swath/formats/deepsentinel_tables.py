"""DeepSentinel's tables: points with their products, channel statistics, and the colour map of CORINE.

Each is read into a plain record and checked: titles of products lose their JSON quotes and give the hours between the
two sensors; a colour map must number CORINE's classes as the rasters do. Knows no samples.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from swath.core.bands import resolve_all
from swath.core.errors import Mismatch, Refused, SwathError, Unreadable
from swath.core.legends import Legend, LegendClass, legend, legend_map

__all__ = ["MOST_ROWS", "PointRow", "read_channel_statistics", "read_colour_map", "read_points"]

#: A points table with more rows is refused.
MOST_ROWS: Final = 1_000_000
_MOST_JSON: Final = 4 * 2**20
_TIME: Final = re.compile(r"_(\d{8}T\d{6})_")
_INDEXES: Final = ("idx", "__index_level_0__", "index")
_COLUMNS: Final = {
    "s1": "S1_rec",
    "s2_l2a": "S2_L2A_rec",
    "s2_l1c": "S2_L1C_rec",
    "dl_s1": "DL_S1",
    "dl_s2": "DL_S2",
    "gee_s1": "GEE_S1",
    "gee_s2": "GEE_S2",
}


@dataclass(frozen=True, slots=True)
class PointRow:
    """One point with its pair of products; "" = not in the table."""

    #: Degrees.
    lon: float
    lat: float
    #: Titles of the products.
    s1: str = ""
    s2_l2a: str = ""
    s2_l1c: str = ""
    #: Identifiers of the two providers.
    dl_s1: str = ""
    dl_s2: str = ""
    gee_s1: str = ""
    gee_s2: str = ""

    @property
    def hours(self) -> float | None:
        """Hours from the beginning of Sentinel-1's to that of Sentinel-2's; None where a title does not say."""
        times = [_TIME.search(title) for title in (self.s1, self.s2_l2a)]
        if None in times:
            return None
        one, other = (np.datetime64(_iso(said[1]), "s") for said in times if said)
        return round(float((other - one) / np.timedelta64(1, "s")) / 3600, 2)


def _iso(said: str) -> str:
    return f"{said[:4]}-{said[4:6]}-{said[6:8]}T{said[9:11]}:{said[11:13]}:{said[13:]}"


def read_points(path: Path) -> dict[str, PointRow]:
    """Read a points table.

    Returns
    -------
    dict
        Number of the sample (as its folder has it) -> its row. Tables without an index count their rows from 0.

    Raises
    ------
    Unreadable
        It is not there, or no parquet.
    Mismatch
        `lon` or `lat` are missing.
    Refused
        It has more than `MOST_ROWS` rows, or a number twice.
    """
    where = path.name
    try:
        if pq.read_metadata(path).num_rows > MOST_ROWS:
            raise Refused(where=where, what=f"has more than {MOST_ROWS:,} rows", fix="Split it.")
        names = pq.read_schema(path).names
        wanted = [name for name in ("lon", "lat", *_COLUMNS.values(), *_INDEXES) if name in names]
        table = pq.read_table(path, columns=wanted)
    except (pa.ArrowException, OSError) as error:
        said = str(error).split("\n")[0][:120]
        raise Unreadable(where=where, what=f"cannot be read ({said})", fix="Fetch it again.") from None
    if not {"lon", "lat"} <= set(names):
        have = ", ".join(names[:10]) or "none"
        raise Mismatch(where=where, what="columns", want="lon, lat", have=have, fix="It is no points table.")
    index = next((name for name in _INDEXES if name in names), "")
    held: dict[str, PointRow] = {}
    for k, row in enumerate(table.to_pylist()):
        idx = str(row[index]) if index else str(k)
        if idx in held:
            raise Refused(where=where, what=f"has sample {idx} twice", fix="Leave one row.")
        titles = {ours: _title(row.get(theirs)) for ours, theirs in _COLUMNS.items()}
        if row["lon"] is None or row["lat"] is None:
            raise Refused(where=where, what=f"has no place for sample {idx}", fix="Leave the row out.")
        held[idx] = PointRow(float(row["lon"]), float(row["lat"]), **titles)
    return held


def _title(value: Any) -> str:
    """A title: from points it was written as JSON, quotes included, from polygons bare."""
    said = "" if value is None else str(value).strip()
    if said.startswith(('"', "[")):
        try:
            held = json.loads(said)
        except ValueError:
            return said.strip('"')
        return str(held[0] if isinstance(held, list) and held else held)
    return said


def _object(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as handle:
            held = json.loads(handle.read(_MOST_JSON))
    except (OSError, ValueError, RecursionError) as error:
        raise Unreadable(where=path.name, what=f"cannot be read ({error})", fix="Fetch it again.") from None
    if not isinstance(held, dict) or not held:
        raise Unreadable(where=path.name, what="is no JSON object", fix="Fetch it again.")
    return held


def read_colour_map(path: Path) -> Legend:
    """Read `CLC_100m_colmap.json` as a legend.

    Returns
    -------
    Legend
        Codes of the raster with CORINE's names and the file's colours; its codes for nodata are `none`.

    Raises
    ------
    Unreadable
        It is no such file.
    Mismatch
        A code stands for another class than CORINE's rasters have it for.
    """
    where = path.name
    known = legend_map("corine-index", "corine-3")
    classes, none = [], []
    for key, entry in sorted(_object(path).items(), key=lambda each: str(each[0]).zfill(6)):
        try:
            code, (red, green, blue, *_) = int(key), (int(each) for each in entry["color"])
            number, _, name = str(entry["description"]).partition(": ")
            made = LegendClass(code, name.strip(), bytes((red, green, blue)).hex())
        except (KeyError, TypeError, ValueError, SwathError) as error:
            said = f"{type(error).__name__}: {error}"[:100]
            raise Unreadable(where=where, what=f"has an entry {key!r} that is none ({said})", fix="Mend it.") from None
        if "NODATA" in name.upper():
            none.append(code)
            continue
        want = known.table.get(code)
        if want is not None and str(want) != number:
            have = f"{number} ({name})"
            raise Mismatch(where=where, what=f"class of code {code}", want=str(want), have=have, fix="Mend the map.")
        classes.append(made)
    base = legend("corine-index")
    return Legend("corine-colmap", tuple(classes), tuple(none), base.source, base.attribution, f"Colours of {where}.")


def read_channel_statistics(path: Path) -> dict[str, dict[str, float]]:
    """Read `{mean: {band: ..}, std: {band: ..}}`, for `core.presets.from_statistics`.

    They are over all pixels of random crops, zeros of nodata among them.

    Returns
    -------
    dict
        "mean" and "std" -> canonical name -> number; `alpha` is left out.

    Raises
    ------
    Unreadable
        It is no such file.
    Mismatch
        Mean and deviation are of other bands.
    """
    where, held = path.name, _object(path)
    made: dict[str, dict[str, float]] = {}
    for kind in ("mean", "std"):
        numbers = held.get(kind)
        if not isinstance(numbers, dict) or not numbers:
            have = ", ".join(list(held)[:5])
            raise Unreadable(where=where, what=f"holds no {kind} by band", have=have, fix="Look at the file.")
        names = [name for name in numbers if name != "alpha"]
        try:
            values = [float(numbers[name]) for name in names]
        except (TypeError, ValueError):
            raise Unreadable(where=where, what=f"holds a {kind} that is no number", fix="Compute it again.") from None
        made[kind] = dict(zip(resolve_all(names, where=where), values, strict=True))
    if set(made["mean"]) != set(made["std"]):
        want, have = (", ".join(sorted(made[kind])) for kind in ("mean", "std"))
        raise Mismatch(where=where, what="bands of std", want=want, have=have, fix="Compute it again.")
    return made
