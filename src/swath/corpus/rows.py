"""Rows: a sample's line in the manifest, both ways, and the GeoParquet part that a batch of them becomes.

A row holds id, group, place and footprint, for each stack where its frames lie and what place, time and origin they
have, and its targets. Parts are GeoParquet 1.1 with a bbox column: geopandas and DuckDB read the folder as it is.
Geometries stay bytes until somebody asks for them. Pixels are not here: see `corpus.store`.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import shapely
from affine import Affine
from odc.geo.geobox import GeoBox

from swath.core.errors import Failure, Mismatch
from swath.core.geobox import centre, wrap
from swath.core.origin import Origin
from swath.core.plan import Layout, StackSpec
from swath.core.sample import Sample, Target, TargetSpec
from swath.core.stack import Stack

__all__ = [
    "QUARANTINE_SCHEMA",
    "Rows",
    "check_sample",
    "pixels_of",
    "quarantine_table",
    "rows_schema",
    "stack_of",
    "table_bytes",
    "target_of",
]

_STACK: Final = pa.struct(
    [
        ("first_frame", pa.int64()),
        ("frames", pa.int32()),
        ("times", pa.list_(pa.timestamp("us"))),
        ("crs", pa.string()),
        ("transform", pa.list_(pa.float64())),
        ("gsd_x", pa.float64()),
        ("gsd_y", pa.float64()),
        ("valid_share", pa.float64()),
        ("origin", pa.string()),
    ]
)
_BBOX: Final = pa.struct([(side, pa.float64()) for side in ("xmin", "ymin", "xmax", "ymax")])
QUARANTINE_SCHEMA: Final = pa.schema([("id", pa.string()), ("reason", pa.string()), ("message", pa.string())])
_TEXT: Final = json.JSONEncoder(sort_keys=True)


def _target_type(spec: TargetSpec) -> pa.DataType | None:
    """Arrow type of a target's column; maps and stacks have pixels instead."""
    if spec.kind == "class":
        return pa.int32()
    if spec.kind == "classes":
        return pa.list_(pa.int32())
    if spec.kind == "values":
        return pa.struct([(name, pa.float64()) for name in spec.units])
    return None


def rows_schema(layout: Layout) -> pa.Schema:
    """Columns of a corpus of this layout, with the GeoParquet metadata."""
    fields: list[Any] = [
        ("id", pa.string()),
        ("group", pa.string()),
        ("lon", pa.float64()),
        ("lat", pa.float64()),
        ("bbox", _BBOX),
        ("geometry", pa.binary()),
    ]
    fields += [(f"stack_{name}", _STACK) for name in layout.stacks]
    types = {name: _target_type(spec) for name, spec in layout.targets.items()}
    fields += [(f"target_{name}", kind) for name, kind in types.items() if kind is not None]
    covering = {"bbox": {side: ["bbox", side] for side in ("xmin", "ymin", "xmax", "ymax")}}
    column = {"encoding": "WKB", "geometry_types": [], "covering": covering}
    geo = {"version": "1.1.0", "primary_column": "geometry", "columns": {"geometry": column}}
    return pa.schema(fields, metadata={"geo": json.dumps(geo)})


def table_bytes(table: pa.Table) -> bytes:
    """Parquet file of a table; the same table gives the same bytes."""
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression="zstd", compression_level=3)
    return bytes(sink.getvalue())


def quarantine_table(failures: Sequence[Failure]) -> pa.Table:
    """Table of what could not be read, and why."""
    rows = [{"id": f.id, "reason": f.reason, "message": f.message} for f in failures]
    return pa.Table.from_pylist(rows, schema=QUARANTINE_SCHEMA)


def _outlines(footprints: Sequence[Any]) -> tuple[pa.Array, pa.Array]:
    """Boxes and geometries of footprints, None where there is none.

    xmin > xmax where a footprint crosses the antimeridian, as GeoParquet has it.
    """
    outlines = np.array(footprints, object)
    bounds = shapely.bounds(outlines)
    none = shapely.is_missing(outlines)
    for i in np.flatnonzero(bounds[:, 2] - bounds[:, 0] > 180):
        parts = shapely.bounds(shapely.get_parts(outlines[i]))
        east, west = parts[parts[:, 0] > 0], parts[parts[:, 2] <= 0]
        if len(east) and len(west):
            bounds[i, 0], bounds[i, 2] = east[:, 0].min(), west[:, 2].max()
    boxes = pa.StructArray.from_arrays([pa.array(side) for side in bounds.T], fields=list(_BBOX), mask=pa.array(none))
    return boxes, pa.array(shapely.to_wkb(outlines, byte_order=1), pa.binary())


def pixels_of(sample: Sample, layout: Layout) -> dict[str, Stack]:
    """Every stack of a sample that has pixels to store: its stacks, and its targets of kind map or stack."""
    held = dict(sample.stacks)
    for name, spec in layout.targets.items():
        target = sample.targets.get(name)
        if spec.kind in ("map", "stack") and target is not None and target.stack is not None:
            held[name] = target.stack
    return held


def check_sample(sample: Sample, layout: Layout) -> None:
    """Refuse a sample that is not what its corpus holds.

    Raises
    ------
    Mismatch
        Names the sample, the stack and both sides.
    """
    for name, stack in pixels_of(sample, layout).items():
        spec = layout.stacks.get(name)
        if spec is None:
            raise Mismatch(where=f"{sample.id} stack {name}", what="stacks", want=", ".join(layout.stacks), have=name)
        _check_stack(stack, spec, f"{sample.id} stack {name}")
    for name, wanted in layout.targets.items():
        if wanted.kind in ("class", "classes"):
            _check_codes(sample, name, wanted, layout)


def _check_stack(stack: Stack, spec: StackSpec, where: str) -> None:
    t, _, h, w = stack.data.shape
    if stack.bands != spec.bands:
        raise Mismatch(where=where, what="bands", want=" ".join(spec.bands), have=" ".join(stack.bands))
    if (h, w) != spec.size:
        raise Mismatch(where=where, what="size", want=f"{spec.size[0]} x {spec.size[1]}", have=f"{h} x {w}")
    if stack.data.dtype.newbyteorder("=") != spec.dtype:
        raise Mismatch(where=where, what="dtype", want=spec.dtype, have=stack.data.dtype.name)
    if stack.quantity != spec.quantity:
        raise Mismatch(where=where, what="quantity", want=str(spec.quantity), have=str(stack.quantity))
    if t > spec.dates:
        raise Mismatch(where=where, what="dates", want=f"{spec.dates} at most", have=str(t))
    if stack.valid is not None and not spec.has_valid:
        fix = "Open the source so that its plan says has_valid."
        raise Mismatch(where=where, what="validity", want="all valid", have="a mask", fix=fix)
    if stack.data.dtype.kind == "f" and not spec.has_valid and not np.isfinite(stack.data).all():
        raise Mismatch(where=where, what="pixels", want="finite numbers", have="NaN or infinity without a mask")


def _check_codes(sample: Sample, name: str, spec: TargetSpec, layout: Layout) -> None:
    target = sample.targets.get(name)
    if target is None:
        return
    codes = target.codes if spec.kind == "classes" else () if target.code is None else (target.code,)
    if not codes:
        return
    classes = layout.legends[spec.legend or ""].classes
    for code in codes:
        if not any(c.code == code for c in classes):
            known = sorted(c.code for c in classes)
            raise Mismatch(where=f"{sample.id} target {name}", what="class code", want=str(known), have=str(code))


def _place(sample: Sample) -> tuple[float | None, float | None]:
    if sample.lonlat is not None and all(map(math.isfinite, sample.lonlat)):
        return wrap(sample.lonlat[0]), sample.lonlat[1]
    for stack in sample.stacks.values():
        if stack.geobox is not None and stack.geobox.crs is not None:
            return centre(stack.geobox)
    if isinstance(sample.footprint, shapely.Polygon):
        return sample.footprint.centroid.x, sample.footprint.centroid.y
    return None, None


def _stack_row(stack: Stack, first_frame: int) -> dict[str, Any]:
    box = stack.geobox
    return {
        "first_frame": first_frame,
        "frames": stack.data.shape[0],
        "times": stack.times.tolist(),
        "crs": None if box is None else str(box.crs),
        "transform": None if box is None else [float(n) for n in list(box.transform)[:6]],
        "gsd_x": stack.gsd[0],
        "gsd_y": stack.gsd[1],
        "valid_share": 1.0 if stack.valid is None else float(stack.valid.mean()),
        "origin": _TEXT.encode(stack.origin.to_json()),
    }


def _target_value(target: Target, spec: TargetSpec) -> Any:
    if spec.kind == "class":
        return target.code
    if spec.kind == "classes":
        return None if target.codes is None else list(target.codes)
    return None if target.values is None else {name: float(target.values.get(name, math.nan)) for name in spec.units}


class Rows:
    """Lines of the manifest, gathered sample by sample; keeps no pixel.

    Parameters
    ----------
    layout : Layout
        What every sample holds.
    """

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self._columns: dict[str, list[Any]] = {name: [] for name in rows_schema(layout).names if name != "bbox"}

    def __len__(self) -> int:
        return len(self._columns["id"])

    def add(self, sample: Sample, first_frames: Mapping[str, int]) -> None:
        """Add the line of a sample; `first_frames` says where the frames of each of its stacks begin."""
        lon, lat = _place(sample)
        line = {"id": sample.id, "group": sample.group, "lon": lon, "lat": lat, "geometry": sample.footprint}
        for name, stack in pixels_of(sample, self.layout).items():
            line[f"stack_{name}"] = _stack_row(stack, first_frames[name])
        for name, spec in self.layout.targets.items():
            if name in sample.targets:
                line[f"target_{name}"] = _target_value(sample.targets[name], spec)
        for name, column in self._columns.items():
            column.append(line.get(name))

    def table(self) -> pa.Table:
        """The lines so far, as a part of the manifest has them."""
        schema = rows_schema(self.layout)
        if not len(self):
            return schema.empty_table()
        boxes, geometries = _outlines(self._columns["geometry"])
        columns = {
            name: pa.array(held, schema.field(name).type) for name, held in self._columns.items() if name != "geometry"
        }
        columns |= {"bbox": boxes, "geometry": geometries}
        return pa.Table.from_arrays([columns[name] for name in schema.names], schema=schema)


def stack_of(held: Mapping[str, Any], spec: StackSpec, data: np.ndarray[Any, Any], valid: Any) -> Stack:
    """Rebuild a stack from its part of a row and its pixels."""
    geobox = None
    if held["transform"] is not None:
        crs = held["crs"]
        geobox = GeoBox(spec.size, Affine(*held["transform"]), None if crs in (None, "None") else crs)
    times = np.array([np.datetime64("NaT") if t is None else t for t in held["times"]], "datetime64[us]")
    if valid is not None:
        if valid.all():
            valid = None
        elif (valid == valid[:, :1]).all():
            valid = valid[:, :1]
    return Stack(
        data=data,
        bands=spec.bands,
        times=times,
        quantity=spec.quantity,
        geobox=geobox,
        gsd=(held["gsd_x"], held["gsd_y"]),
        valid=valid,
        origin=Origin.from_json(json.loads(held["origin"])),
    )


def target_of(row: Mapping[str, Any], name: str, spec: TargetSpec, stack: Stack | None) -> Target:
    """Rebuild a target from a row, and from its pixels where it has some."""
    if spec.kind in ("map", "stack"):
        return Target(stack=stack)
    held = row.get(f"target_{name}")
    if held is None:
        return Target()
    if spec.kind == "class":
        return Target(code=int(held))
    if spec.kind == "classes":
        return Target(codes=tuple(int(c) for c in held))
    return Target(values={key: math.nan if v is None else float(v) for key, v in held.items()})
