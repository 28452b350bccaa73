"""Manifest: a million rows open in under a second, geometries as bytes until asked for."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from statistics import median
from time import perf_counter

import numpy as np
import pyarrow as pa
import shapely

from benchmarks.ratio import Row
from swath.core.files import write_whole
from swath.core.plan import Layout, StackSpec
from swath.core.quantity import rgb8
from swath.corpus import open_corpus
from swath.corpus.checksums import sum_of, write_lines
from swath.corpus.layout import Meta, part_name
from swath.corpus.rows import rows_schema, table_bytes

__all__ = ["rows"]

ROWS = 1_000_000


def _a_manifest(folder: Path) -> None:
    """Parts of 4,096 rows with footprints, no pixels: as many as 64-px patches would have."""
    spec = StackSpec(("B04", "B03", "B02"), (64, 64), "uint8", rgb8("eurosat-2750-jpeg"), "s2-l1c", "L1C", (10, 10))
    meta = Meta("numbers", {}, Layout({"rgb": spec}), "0" * 64, ROWS, 4096)
    (folder / "samples").mkdir(parents=True)
    write_whole(folder / "corpus.json", meta.to_bytes())
    write_lines(folder, {"corpus.json": sum_of(meta.to_bytes())})
    schema = rows_schema(meta.layout)
    rng = np.random.default_rng(0)
    for batch in range(meta.batches):
        n = min(4096, ROWS - batch * 4096)
        lon, lat = rng.uniform(-180, 179.9, n), rng.uniform(-60, 70, n)
        box = shapely.to_wkb(shapely.box(lon, lat, lon + 0.01, lat + 0.006))
        frame = np.arange(n) + batch * 4096
        stack = {
            "first_frame": pa.array(frame),
            "frames": pa.array(np.ones(n, np.int32)),
            "times": pa.array([[None]] * n, pa.list_(pa.timestamp("us"))),
            "crs": pa.array(["EPSG:32632"] * n),
            "transform": pa.array([[10.0, 0, 0, 0, -10, 0]] * n, pa.list_(pa.float64())),
            "gsd_x": pa.array(np.full(n, 10.0)),
            "gsd_y": pa.array(np.full(n, 10.0)),
            "valid_share": pa.array(np.ones(n)),
            "origin": pa.array(['{"level": "L1C"}'] * n),
        }
        bounds = {"xmin": lon, "ymin": lat, "xmax": lon + 0.01, "ymax": lat + 0.006}
        columns = {
            "id": pa.array([f"sample-{i:07d}" for i in frame]),
            "group": pa.array([""] * n),
            "lon": pa.array(lon),
            "lat": pa.array(lat),
            "bbox": pa.StructArray.from_arrays([pa.array(v) for v in bounds.values()], names=list(bounds)),
            "geometry": pa.array(box, pa.binary()),
            "stack_rgb": pa.StructArray.from_arrays(list(stack.values()), names=list(stack)),
        }
        table = pa.Table.from_pydict(columns).select(schema.names).cast(schema)
        (folder / part_name("samples", batch)).write_bytes(table_bytes(table))


def rows(folder: Path) -> Iterator[Row]:
    """Seconds to open: places and frames of every row; and with geometries as bytes."""
    _a_manifest(folder / "million")
    for name, columns, bound in (
        ("a million rows: id, place, group, frame [s]", ["id", "lon", "lat", "group", "stack_rgb.first_frame"], 1.0),
        ("a million rows: geometries as bytes [s]", ["id", "geometry"], None),
    ):
        times = []
        for _ in range(5):
            start = perf_counter()
            table = open_corpus(folder / "million").rows(columns)
            times.append(perf_counter() - start)
            assert len(table) == ROWS
        yield Row(name, median(times), min(times), max(times), at_most=bound)
