"""Areas: what a probability sample says of a map, area by area; `swath map --sample`.

The sample is a table of points with the true class of each: a vector file, or CSV with columns lon and lat in degrees.
It must have been drawn by chance from this map, from all of it or class by class; what was chosen by hand, or learnt
from, makes figures that look the same and mean nothing. Points without a class on the map are left out and counted.
"""

from __future__ import annotations

import csv
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import geopandas
import numpy as np
from pyogrio.errors import DataSourceError

from swath.core.array import Array
from swath.core.errors import Mismatch, Refused, Unknown, Unreadable
from swath.evaluate.areas import AdjustedAreas, adjusted_areas
from swath.formats.cog import read_at
from swath.prediction.mapped import ClassArea, MappedScene, find_class

__all__ = ["SampledAreas", "adjust_areas"]


@dataclass(frozen=True, slots=True)
class SampledAreas:
    """Areas of a map adjusted for its errors."""

    #: Classes on the map or in the sample, in the model's order.
    names: tuple[str, ...]
    #: Estimates in hectares.
    areas: AdjustedAreas
    #: Points of the sample that have no class on the map.
    left_out: int

    def table(self) -> str:
        """Lines for people."""
        wide = max(len("adjusted area"), *(len(name) for name in self.names))
        held, z = self.areas, 1.96
        lines = [f"{'adjusted area':{wide}}  {'hectares, 95 %':>26}  {'user':>13}  {'producer':>13}"]
        for i, name in enumerate(self.names):
            user = _share(held.users[i], z * held.users_se[i])
            producer = _share(held.producers[i], z * held.producers_se[i])
            hectares = f"{held.area[i]:,.1f} ± {held.margin[i]:,.1f}"
            lines.append(f"{name:{wide}}  {hectares:>26}  {user:>13}  {producer:>13}")
        whole = f"overall accuracy {_share(held.overall, z * held.overall_se)} of {int(held.sampled.sum()):,} points"
        lost = f", {self.left_out:,} left out: no class on the map there" if self.left_out else ""
        return "\n".join([*lines, whole + lost])

    def to_json(self) -> dict[str, Any]:
        """Plain JSON; what cannot be said is null."""
        held = self.areas
        columns = {
            "mapped_ha": held.mapped,
            "area_ha": held.area,
            "area_se_ha": held.area_se,
            "users": held.users,
            "users_se": held.users_se,
            "producers": held.producers,
            "producers_se": held.producers_se,
            "sampled": held.sampled,
        }
        rows = [
            {"name": name, **{key: _plain(values[i]) for key, values in columns.items()}}
            for i, name in enumerate(self.names)
        ]
        return {
            "classes": rows,
            "overall": held.overall,
            "overall_se": held.overall_se,
            "left_out": self.left_out,
            "method": "Olofsson et al. 2014, doi 10.1016/j.rse.2014.02.015",
        }


def _plain(number: float) -> float | None:
    return float(number) if np.isfinite(number) else None


def _share(value: float, margin: float) -> str:
    return f"{100 * value:.1f} ± {100 * margin:.1f} %" if np.isfinite(value) else "-"


def _points(path: Path, column: str) -> tuple[Array, Array, list[str]]:
    """Longitudes, latitudes and true classes."""
    where = str(path)
    if path.suffix.lower() in (".csv", ".tsv", ".txt"):
        try:
            with path.open(encoding="utf-8-sig", newline="") as file:
                rows = list(csv.DictReader(file, delimiter="\t" if path.suffix.lower() == ".tsv" else ","))
            names: Sequence[str] = list(rows[0]) if rows else []
        except (OSError, UnicodeDecodeError, csv.Error) as error:
            raise Unreadable(where=where, what=f"cannot be read as a table ({error})") from None
        for wanted in ("lon", "lat", column):
            if wanted not in names:
                raise Unknown(wanted, names, what="column", where=where)
        try:
            lon, lat = (np.array([float(row[axis]) for row in rows]) for axis in ("lon", "lat"))
        except (TypeError, ValueError) as error:
            raise Unreadable(where=where, what=f"holds a place that is no number ({error})") from None
        return lon, lat, [str(row[column]) for row in rows]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what GDAL remarks on foreign files is no news here
            is_parquet = path.suffix.lower() in (".parquet", ".geoparquet")
            table = geopandas.read_parquet(path) if is_parquet else geopandas.read_file(path)
    except (OSError, ValueError, DataSourceError) as error:
        raise Unreadable(where=where, what=f"cannot be read as a vector file ({str(error)[:150]})") from None
    if column not in table.columns:
        raise Unknown(column, [name for name in table.columns if name != "geometry"], what="column", where=where)
    if table.crs is None:
        raise Refused(where=where, what="says no CRS, so its places are unknown", fix="Give it one.")
    kinds = sorted({str(kind) for kind in table.geometry.geom_type.unique() if kind != "Point"})
    if kinds:
        raise Mismatch(where=where, what="geometry", want="points", have=", ".join(kinds))
    placed = table.to_crs("EPSG:4326").geometry
    return placed.x.to_numpy(), placed.y.to_numpy(), [str(each) for each in table[column]]


def _position(said: str, areas: Sequence[ClassArea], where: str) -> int:
    """Which class a sample's word or code means."""
    found = find_class(said, areas)
    if found is None:
        raise Unknown(said, [each.name for each in areas], what="class of the map", where=where)
    return found


def adjust_areas(made: MappedScene, sample: Path | str, *, column: str = "class") -> SampledAreas:
    """Adjust the areas of a map by a probability sample of it.

    Parameters
    ----------
    made : MappedScene
        From `map_scene`.
    sample : Path
        Points: a vector file, or CSV with columns lon and lat.
    column : str
        Holds the true class, by name or code.

    Returns
    -------
    SampledAreas

    Raises
    ------
    Unknown
        The sample lacks the column, or names a class that the map does not know.
    Unreadable
        It cannot be read.
    Refused
        The map has no place, or a mapped class has less than two points.
    Mismatch
        The sample holds no points.
    """
    path = Path(sample)
    lon, lat, said = _points(path, column)
    truth = np.array([_position(each, made.areas, str(path)) for each in said], int)
    codes = {each.code: i for i, each in enumerate(made.areas)}
    found = np.array([codes.get(code, -1) for code in read_at(made.files.map, lon, lat).tolist()], int)
    on_map = found >= 0
    counts = np.zeros((len(made.areas), len(made.areas)), np.int64)
    np.add.at(counts, (found[on_map], truth[on_map]), 1)
    mapped = np.array([each.hectares for each in made.areas])
    few = [each.name for each, row in zip(made.areas, counts.sum(axis=1), strict=True) if each.pixels and row < 2]
    if few:
        fix = "Draw at least two points in every mapped class, better 50."
        what = f"has fewer than two points where the map shows {', '.join(few)}"
        raise Refused(where=str(path), what=what, fix=fix)
    kept = np.flatnonzero((mapped > 0) | (counts.sum(axis=0) > 0))
    held = adjusted_areas(counts[np.ix_(kept, kept)], mapped[kept])
    return SampledAreas(tuple(made.areas[i].name for i in kept), held, int((~on_map).sum()))
