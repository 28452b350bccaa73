"""Memory: a reader holds the samples of its batch and no others, however many a plan lists (issue 11, Speed)."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from swath.core.errors import Failure
from swath.core.sample import Sample
from swath.formats import FORMATS, format_named
from swath.formats.hackathon import KINDS, a_record
from swath.testing.build import a_eurosat_zip, a_geotiff
from tests.formats import (
    a_bigearthnet,
    a_cube,
    a_deepsentinel,
    a_rasters,
    a_sen12mscr,
    a_virtual,
    a_visiondl,
    an_export,
)
from tests.formats.a_grd import a_grd
from tests.formats.a_safe import a_safe
from tests.formats.a_stac import a_stac

#: Samples of a batch; a case has 16 or more, all of one size.
BATCH = 2
#: What four times as many batches may take more, for names, counters and open files: bytes, and a share of the peak.
#: A reader that keeps its samples takes several times as much, for a batch is an eighth of them.
SLACK, SHARE = 24 * 1024, 1 / 8


def _patches(home: Path) -> Path:
    kind, draw = KINDS["patch_raw"], np.random.default_rng(1)
    blobs = [a_record(kind, draw.integers(1, 3000, (1, 4, kind.side, kind.side)), k) for k in range(16)]
    (home / "a.tfrecord").write_bytes(b"".join(blobs))
    return home / "a.tfrecord"


def _samples(home: Path) -> Path:
    lon, lat, date, epsg = a_deepsentinel.POINTS["1000"]
    for k in range(16):
        point = (lon + 0.1 * k, lat, date, epsg)
        a_deepsentinel.a_sample_folder(home / "v", str(k), point=point, sources=("GEE",))
    return home / "v"


def _fusion(home: Path) -> Path:
    for k in range(16):
        a_virtual.a_patch(home / "f" / f"patch_{k:03d}", k, size=(48, 48))
    return home / "f"


def _cells(home: Path) -> Path:
    cells = [(2016, 10.0 + k, -5.0, 0.5) for k in range(16)]
    return a_visiondl.cell_files(home / "cells", cells, side=45)


def _tables(home: Path) -> list[Path]:
    """A table is held whole while its rows are read, so many rows are many tables here."""
    for k in range(16):
        np.savez(home / f"{k:02d}.npz", X=np.random.default_rng(k).normal(size=(1, 20_000)))
    return sorted(home.iterdir())


def _labelled(home: Path) -> Path:
    for k in range(12):
        a_bigearthnet.a_patch(home / "b", f"{a_bigearthnet.PARTNER.rpartition('_')[0]}_{k}")
    return home / "b"


def _cubes(home: Path) -> list[Path]:
    return [a_cube.a_netcdf4(home / f"{k:02d}.nc", a_cube.s2_bands()) for k in range(16)]


def _rasters(home: Path) -> Path:
    draw = np.random.default_rng(3)
    for k in range(16):
        a_geotiff(home / "t" / f"{k:02d}.tif", draw.integers(1, 2000, (4, 64, 64)))
    return home / "t"


def _scene(home: Path) -> Path:
    pixels = np.random.default_rng(4).integers(1, 2000, (4, 256, 256))
    return a_geotiff(home / "s.tif", pixels, tiled=True, blockxsize=64, blockysize=64)


_DN = {"kind": "dn", "level": "L2A", "offset": "0", "date": "2022-06-12", "bands": "B02,B03,B04,B08"}
#: Case -> format, what makes its file or files, and what is declared.
CASES: dict[str, tuple[str, Callable[[Path], Path | list[Path]], dict[str, Any]]] = {
    "pictures": ("eurosat-rgb", lambda home: a_eurosat_zip(home / "a.zip", n=2), {}),
    "thirteen bands": ("eurosat-ms", lambda home: a_eurosat_zip(home / "a.zip", n=2, kind="ms"), {}),
    "a SAFE folder": ("safe-s2", lambda home: a_safe(home, side=240), {"size": "60"}),
    "a GRD": ("safe-s1", lambda home: a_grd(home), {"size": "30"}),
    "an item": ("stac", lambda home: a_stac(home / "i", side=384), {"size": "96"}),
    "sample folders": ("deepsentinel", _samples, {}),
    "cells": ("visiondl", _cells, {}),
    "batches": ("visiondl", lambda home: a_visiondl.a_batch(home / "data_batch_1.h5", 16, side=45), {}),
    "patches": (
        "earthengine",
        lambda home: an_export.an_export(home / "e", an_export.an_image(side=64), side=64),
        {"kind": "dn", "level": "L1C", "convention": "0"},
    ),
    "records": ("hackathon", _patches, {}),
    "products": ("virtual", lambda home: a_virtual.scenes(home / "v", range(16), size=(48, 48)), {}),
    "fusion patches": ("virtual", _fusion, {}),
    "tables": ("series", _tables, {"gsd": "8"}),
    "labelled patches": ("bigearthnet", _labelled, {}),
    "triplets": ("sen12mscr", lambda home: a_sen12mscr.triplets(home / "t", 16), {}),
    "cubes": ("cube", _cubes, {"kind": "dn", "level": "L2A", "offset": "0"}),
    "rasters": ("rasters", lambda home: a_rasters.places(home / "p", 16), {}),
    "files": ("geotiff", _rasters, _DN),
    "windows": ("geotiff", _scene, {**_DN, "size": "64"}),
}

_Read = Callable[[pa.Table], Iterator[Sample | Failure]]


def test_every_format_is_measured():
    assert {of for of, _, _ in CASES.values()} == set(FORMATS)


def peak(read: _Read, rows: pa.Table) -> int:
    """Greatest memory of numpy and Python while rows are read batch by batch, above what there was before [bytes]."""
    tracemalloc.reset_peak()
    before = tracemalloc.get_traced_memory()[0]
    for at in range(0, rows.num_rows, BATCH):
        made = list(read(rows.slice(at, BATCH)))
        assert all(isinstance(each, Sample) for each in made), made
        del made
    return tracemalloc.get_traced_memory()[1] - before


def grown(read: _Read, rows: pa.Table) -> tuple[int, int]:
    """Peak of a quarter of the rows, and of all; what is read once for a whole file is read before."""
    few = rows.slice(0, rows.num_rows // 4)
    tracemalloc.start()
    try:
        peak(read, rows.slice(rows.num_rows - BATCH))
        peak(read, few)
        return peak(read, few), peak(read, rows)
    finally:
        tracemalloc.stop()


def opened(case: str, home: Path) -> tuple[_Read, pa.Table]:
    name, make, declared = CASES[case]
    made = make(home)
    source = format_named(name).open(made if isinstance(made, list) else [made], **declared)
    return source.read, source.plan().rows


@pytest.mark.parametrize("case", sorted(CASES))
def test_four_times_as_many_samples_take_no_more_memory(tmp_path, case):
    read, rows = opened(case, tmp_path)

    few, many = grown(read, rows)

    assert rows.num_rows >= 12
    assert many <= few * (1 + SHARE) + SLACK, (
        f"{few:,} bytes for {rows.num_rows // 4} samples, {many:,} for {rows.num_rows}"
    )


def test_a_reader_that_keeps_its_samples_would_be_found(tmp_path):
    """The measure itself: sixteen records of 64 KB that stay in memory show."""
    read, rows = opened("records", tmp_path)
    kept: list[Sample | Failure] = []

    def keeping(some: pa.Table) -> Iterator[Sample | Failure]:
        for made in read(some):
            kept.append(made)
            yield made

    few, many = grown(keeping, rows)

    assert many > few + 8 * 4 * 4 * 64 * 64
