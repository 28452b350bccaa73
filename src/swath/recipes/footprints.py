"""Footprints: the polygons of a corpus's samples with what is known of each, as a GeoPackage or GeoJSON.

In EPSG:4326, as the corpus keeps them: one that crosses the antimeridian is two polygons of one feature. Reads no
pixel.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import shapely

from swath.core.array import Array
from swath.core.errors import Refused
from swath.core.plan import Layout
from swath.corpus.corpus import Corpus
from swath.corpus.splitfile import load_split, split_names
from swath.formats.vector import write_features

__all__ = ["split_columns", "write_footprints"]


def split_columns(corpus: Corpus, ids: list[str]) -> dict[str, list[str]]:
    """Column -> part of every sample, one column a split, or one a fold where it has several."""
    held = {}
    for name in split_names(corpus):
        split = load_split(corpus, name)
        for fold in range(split.folds):
            column = f"split_{name}" if split.folds == 1 else f"split_{name}_{fold}"
            held[column] = [str(part) for part in split.parts(ids, fold=fold).tolist()]
    return held


def _dates(rows: pa.Table, layout: Layout) -> dict[str, list[Any]]:
    """First and last date of all stacks of a sample, ISO; None where none is known."""
    first, last = [], []
    columns = [rows[f"stack_{name}"].to_pylist() for name in layout.stacks]
    for held in zip(*columns, strict=True):
        known = sorted(time for stack in held if stack is not None for time in stack["times"] if time is not None)
        first.append(known[0].isoformat() if known else None)
        last.append(known[-1].isoformat() if known else None)
    return {"first_date": first, "last_date": last}


def _targets(rows: pa.Table, layout: Layout) -> dict[str, list[Any]]:
    """Names and codes of classes, values by their names."""
    held: dict[str, list[Any]] = {}
    for name, spec in layout.targets.items():
        if spec.kind not in ("class", "classes", "values"):
            continue
        cells = rows[f"target_{name}"].to_pylist()
        if spec.kind == "values":
            held |= {f"{name}_{each}": [math.nan if c is None else c[each] for c in cells] for each in spec.units}
            continue
        called = layout.legends[spec.legend or ""].name_of
        if spec.kind == "class":
            held[name] = [None if code is None else called(code) for code in cells]
            held[f"{name}_code"] = [math.nan if code is None else code for code in cells]
            if not any(code is None for code in cells):
                held[f"{name}_code"] = [int(code) for code in cells]
        else:
            held[name] = [None if codes is None else ";".join(called(code) for code in codes) for codes in cells]
    return held


def _once(columns: Mapping[str, Any]) -> dict[str, Any]:
    """Names of columns as GeoPackage has them: `FID` and `geom` are its own, and case does not tell two apart."""
    held: dict[str, Any] = {}
    taken = {"fid", "geom", "geometry"}
    for name, values in columns.items():
        free = name
        while free.lower() in taken:
            free += "_"
        taken.add(free.lower())
        held[free] = values
    return held


def write_footprints(corpus: Corpus, positions: Array, path: Path, *, note: str = "") -> int:
    """Write one polygon a sample; those without a place are left out.

    Parameters
    ----------
    positions : int array, shape (n,)
        Of the samples.
    path : Path
        `.gpkg`, `.geojson` or `.json`.
    note : str
        Attribution.

    Returns
    -------
    int
        How many were written.

    Raises
    ------
    Refused
        The name has another ending, no sample has a footprint, or the file cannot be written.
    """
    if path.suffix.lower() not in (".gpkg", ".geojson", ".json"):
        raise Refused(where=str(path), what="is no name of a vector file", fix="Name it FILE.gpkg or FILE.geojson.")
    layout = corpus.layout
    rows = corpus.rows().take(pa.array(positions))
    outlines = np.asarray(shapely.from_wkb(rows["geometry"].to_pylist()), object)
    placed = np.flatnonzero(~shapely.is_missing(outlines))
    if not len(placed):
        raise Refused(where=str(corpus.path), what="has no footprint: the place of no sample is known")
    rows, outlines = rows.take(pa.array(placed)), outlines[placed]
    ids = rows["id"].to_pylist()
    columns: dict[str, Any] = {name: rows[name].to_pylist() for name in ("id", "group", "lon", "lat")}
    columns |= _dates(rows, layout) | _targets(rows, layout)
    for name in layout.stacks:
        held = rows[f"stack_{name}"].to_pylist()
        columns[f"dates_{name}"] = [0 if each is None else each["frames"] for each in held]
        columns[f"valid_{name}"] = [math.nan if each is None else each["valid_share"] for each in held]
    columns |= split_columns(corpus, ids)
    if any(isinstance(outline, shapely.MultiPolygon) for outline in outlines):
        outlines = np.array([shapely.MultiPolygon(list(shapely.get_parts(each))) for each in outlines], object)
    write_features(path, outlines, _once(columns), crs="EPSG:4326", layer=corpus.path.absolute().name, note=note)
    return len(ids)
