"""Positions: where EuroSAT's JPEG patches lie, from a table beside them, and the squares that they cover.

The distributed JPEGs carry no place. The table in circulation (path, class, lat, lon) gives the **centre of pixel
(row 32, column 32)**: half a pixel, 5 m, south and east of the patch's centre. Here the point is moved to the centre,
in the UTM zone of the point, and the patch covers 640 m around it. Knows nothing of pixels.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import shapely
from affine import Affine
from odc.geo.geobox import GeoBox
from pyproj import Transformer

from swath.core.array import Array
from swath.core.errors import Mismatch, Refused, Unreadable
from swath.core.geobox import footprint, utm_epsg
from swath.formats.text import read_blob

__all__ = ["COLUMNS", "GSD", "SIDE", "Places", "Position", "outlines", "place_patches", "read_positions"]

#: Columns that a table of positions must have.
COLUMNS: Final = ("path", "class", "lat", "lon")
#: Metres a pixel, and pixels a side.
GSD: Final = 10.0
SIDE: Final = 64
#: The table's point lies this far [m] south and east of the patch's centre.
_OFF: Final = GSD / 2
_MOST_BYTES: Final = 64 * 2**20
_MOST_HEAD: Final = 10_000
#: Last piece of a path without its ending.
_STEM: Final = r"^(?s:.*/)?(?P<stem>[^/]+?)(?:\.[^./]+)?/*$"


@dataclass(frozen=True, slots=True)
class Position:
    """One row of the table."""

    #: As the table has it.
    path: str
    #: Class folder.
    label: str
    #: Centre of pixel (32, 32) [degrees].
    lon: float
    lat: float


@dataclass(frozen=True, slots=True, eq=False)
class Places:
    """Where patches lie, one entry a patch; NaN and 0 where nobody knows."""

    #: Centre of the patch [degrees].
    lon: Array
    lat: Array
    #: UTM zone, and the upper-left corner in it [m].
    epsg: Array
    left: Array
    top: Array


def read_positions(path: Path, names: Container[str] | None = None) -> dict[str, Position]:
    """Read a table of positions, plain or gzipped.

    Parameters
    ----------
    names : container of str, optional
        Keep only these patches (`Forest_12`); every row is checked all the same. Default all.

    Returns
    -------
    dict
        Name of the patch -> its position.

    Raises
    ------
    Unreadable
        It is not there, cut short, no CSV, or a number is none.
    Mismatch
        Columns are missing.
    Refused
        A patch occurs twice, or lies nowhere on Earth.
    """
    table = _columns(path.name, read_blob(path, most=_MOST_BYTES, fix="It is no such table."))
    lat, lon = _degrees(path.name, table)
    stems = pc.fill_null(pc.struct_field(pc.extract_regex(table["path"], _STEM), "stem"), "").combine_chunks()
    _require_once(path.name, table["path"], stems)
    held = {}
    for name, said, label, x, y in zip(
        *(column.to_pylist() for column in (stems, table["path"], table["class"])), lon, lat, strict=True
    ):
        if names is None or name in names:
            held[name] = Position(said, label, x, y)
    return held


def _columns(where: str, blob: bytes) -> pa.Table:
    """The four columns as texts."""
    head = next(csv.reader([blob[:_MOST_HEAD].partition(b"\n")[0].decode("utf-8", "replace").rstrip("\r")]), [])
    if any(head.count(name) != 1 for name in COLUMNS):
        have = ", ".join(head) or "none"
        raise Mismatch(where=where, what="columns", want=", ".join(COLUMNS), have=have[:200], fix="Name them so.")
    kinds = dict.fromkeys(COLUMNS, pa.string())
    try:
        return pa.csv.read_csv(
            pa.BufferReader(blob),
            pa.csv.ReadOptions(use_threads=False),
            pa.csv.ParseOptions(newlines_in_values=True),
            pa.csv.ConvertOptions(column_types=kinds, include_columns=COLUMNS, strings_can_be_null=False),
        )
    except pa.ArrowInvalid as error:
        said = str(error).removeprefix("CSV parse error: ").split("\n")[0][:120]
        raise Unreadable(where=where, what=f"is no CSV ({said})", fix="Save it anew.") from None


def _degrees(where: str, table: pa.Table) -> tuple[list[float], list[float]]:
    """Latitudes and longitudes; the first row in which one is none is told."""
    texts = table["lat"].to_pylist(), table["lon"].to_pylist()
    try:
        lat, lon = (list(map(float, each)) for each in texts)
    except ValueError:
        k = next(k for k, pair in enumerate(zip(*texts, strict=True)) if not all(map(_is_number, pair)))
        have = f"lat {texts[0][k]!r}, lon {texts[1][k]!r}"
        raise Unreadable(where=f"{where} line {k + 2}", what="position", want="degrees", have=have) from None
    is_there = (np.abs(lat) <= 90) & (np.abs(lon) <= 180)
    if not is_there.all():
        k = int(np.argmin(is_there))
        raise Refused(
            where=f"{where} line {k + 2}",
            what=f"{table['path'][k]} lies nowhere on Earth (lat {lat[k]}, lon {lon[k]})",
            fix="Mend the row, or take it out and say missing_positions=allow.",
        )
    return lat, lon


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _require_once(where: str, paths: pa.ChunkedArray, stems: pa.Array) -> None:
    """Refuse a table in which a patch stands twice."""
    codes = stems.dictionary_encode().indices.to_numpy()
    firsts = np.unique(codes, return_index=True)[1]
    if len(firsts) == len(codes):
        return
    again = np.setdiff1d(np.arange(len(codes)), firsts)[0]
    raise Refused(
        where=f"{where} line {again + 2}",
        what=f"{paths[again]} has more than one position (first as {paths[firsts[codes[again]]]})",
        fix="Leave one row a patch.",
    )


def place_patches(names: Sequence[str], table: Mapping[str, Position]) -> Places:
    """Say where patches lie; those that the table lacks come out as NaN and zone 0.

    Parameters
    ----------
    names : sequence of str, n of them
        Names of patches (`Forest_12`).
    table : mapping
        What `read_positions` gave.
    """
    found = [table.get(name) for name in names]
    lon = np.array([p.lon if p else math.nan for p in found], float)
    lat = np.array([p.lat if p else math.nan for p in found], float)
    epsg = np.array([utm_epsg(p.lon, p.lat) if p else 0 for p in found], np.int32)
    left, top = np.full(len(found), math.nan), np.full(len(found), math.nan)
    for zone in np.unique(epsg[epsg > 0]):
        at = epsg == zone
        there = Transformer.from_crs(4326, int(zone), always_xy=True)
        x, y = there.transform(lon[at], lat[at])
        x, y = np.asarray(x) - _OFF, np.asarray(y) + _OFF
        # Rounded to a centimetre and to the table's own seven decimals, so that PROJ's last digits decide nothing.
        left[at], top[at] = np.round(x - SIDE * GSD / 2, 2), np.round(y + SIDE * GSD / 2, 2)
        centre = there.transform(x, y, direction="INVERSE")
        lon[at], lat[at] = np.round(centre[0], 7), np.round(centre[1], 7)
    return Places(lon, lat, epsg, left, top)


def outlines(epsg: Array, left: Array, top: Array) -> list[Any]:
    """Draw the squares that patches cover, in EPSG:4326; None where the zone is 0.

    Parameters
    ----------
    epsg, left, top : arrays, shape (n,)
        As in `Places`.
    """
    drawn: list[Any] = [None] * len(epsg)
    across, down = np.array([0, 1, 1, 0]) * SIDE * GSD, np.array([0, 0, 1, 1]) * SIDE * GSD
    for zone in np.unique(epsg[epsg > 0]):
        at = np.flatnonzero(epsg == zone)
        x, y = left[at, None] + across, top[at, None] - down
        lon, lat = Transformer.from_crs(int(zone), 4326, always_xy=True).transform(x, y)
        squares = shapely.normalize(shapely.polygons(np.stack([lon, lat], axis=-1)))
        for i, square, width in zip(at, squares, np.ptp(lon, axis=1), strict=True):
            drawn[i] = square if width < 180 else _split(int(zone), float(left[i]), float(top[i]))
    return drawn


def _split(epsg: int, left: float, top: float) -> Any:
    """A patch that the antimeridian cuts."""
    return footprint(GeoBox((SIDE, SIDE), Affine(GSD, 0, left, 0, -GSD, top), f"EPSG:{epsg}"))
