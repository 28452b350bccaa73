"""Readers: the other formats from nothing to samples, beside bare decoders of the same files.

Files are made up by the builders of the tests, as large as real ones are. Ours opens them, checks what can be checked,
holds the offset against the pixels and makes samples with their places; bare work reads the same numbers into arrays,
knowing where everything lies and what it is. Where a file holds little (a patch of 32 KB, a frame in an HDF5 file of
its own, a row of a table, text), what is checked and said of a sample costs as much as its numbers: such rows are
figures without a bound.
"""

from __future__ import annotations

import gzip
import io
import os
import zipfile
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import rasterio
import simplejpeg
from isal import isal_zlib
from rasterio.io import MemoryFile

from benchmarks.ratio import Row, row
from swath.core.sample import Sample
from swath.formats import format_named
from swath.formats.hackathon import KINDS, a_record
from swath.formats.series import read_series
from swath.formats.tfrecord import Record, index_records
from swath.testing.build import a_eurosat_zip, a_geotiff
from tests.formats import a_deepsentinel, a_virtual
from tests.formats.an_export import an_export, an_image

__all__ = ["rows"]

#: What is asked of readers whose samples are more than a few numbers.
BOUND = 0.8
SIDE = 256
_L2A: dict[str, Any] = {"bands": "B02,B03,B04,B08", "kind": "dn", "level": "L2A", "offset": "0", "date": "2022-06-12"}
_L1C: dict[str, Any] = {"kind": "dn", "level": "L1C", "convention": "0", "date": "2019-06-12"}


def _row(
    name: str,
    format: str,
    paths: Sequence[Path],
    bare: Callable[[], object],
    *,
    at_least: float | None = BOUND,
    **declared: Any,
) -> Row:
    """Read all rows of a plan, as a build does, beside the bare work."""
    source = format_named(format).open(paths, **declared)
    table = source.plan().rows

    def ours() -> None:
        for made in source.read(table):
            if not isinstance(made, Sample):
                raise AssertionError(made)

    return row(f"{format}: {name}", ours, bare, at_least=at_least, items=table.num_rows, rounds=7)


def _hackathon(folder: Path) -> Iterator[Row]:
    draw = np.random.default_rng(1)
    for kind, count in ((KINDS["patch_raw"], 256), (KINDS["image_raw"], 8), (KINDS["time_series_raw"], 1)):
        shape = (kind.dates, 4, kind.side, kind.side)
        path = folder / f"{kind.name}.tfrecord"
        path.write_bytes(b"".join(a_record(kind, draw.integers(1, 2000, shape), k) for k in range(count)))
        records = index_records(path)

        def bare(path: Path = path, records: Sequence[Record] = records, kind: Any = kind) -> None:
            with path.open("rb") as handle:
                for record in records:
                    handle.seek(record.start)
                    held = np.frombuffer(handle.read(record.size)[-kind.bytes :], "<f2")
                    wide = held.reshape(kind.side, kind.side, -1, 4).astype(np.float32)
                    np.ascontiguousarray(wide.transpose(2, 3, 0, 1))

        bound = BOUND if kind.side > 64 else None
        yield _row(f"{kind.name} / read, float32, bands first", "hackathon", [path], bare, at_least=bound)


def _earthengine(folder: Path) -> Iterator[Row]:
    bands = ("B2", "B3", "B4", "B8", "B10", "B11")
    home = an_export(folder / "ee", an_image(bands, side=SIDE), side=SIDE)
    shards = sorted(home.glob("*.gz"))

    def bare() -> None:
        for shard in shards:
            isal_zlib.decompress(shard.read_bytes(), 31)

    yield _row("patches / bare inflate", "earthengine", [home], bare, **_L1C)


def _deepsentinel(folder: Path) -> Iterator[Row]:
    root = folder / "v_1k"
    for k in range(8):
        lon, lat, date, epsg = a_deepsentinel.POINTS["1000"]
        point = (lon + 0.1 * k, lat, date, epsg)
        a_deepsentinel.a_sample_folder(root, str(k), point=point, side=SIDE)
    files = sorted(root.rglob("*.npz"))

    def bare() -> None:
        for path in files:
            with np.load(path) as held:
                array = held["arr"]
            np.ascontiguousarray(array.transpose(2, 0, 1) if array.ndim == 3 else array)

    yield _row("samples / bare numpy.load, bands first", "deepsentinel", [root], bare)


def _virtual(folder: Path) -> Iterator[Row]:
    def bare(home: Path, *, is_last: bool) -> Callable[[], None]:
        files = sorted(home.rglob("*.h5"))

        def read() -> None:
            for path in files:
                with h5py.File(path, "r") as held:
                    array = held["data"][:]
                np.ascontiguousarray(array.transpose(2, 0, 1) if is_last else array)

        return read

    home = a_virtual.scenes(folder / "virtual", range(4), size=(SIDE, SIDE))
    yield _row("products / bare h5py read, bands first", "virtual", [home], bare(home, is_last=True), at_least=None)
    for k in range(8):
        a_virtual.a_patch(folder / "fusion" / f"patch_{k:03d}", k, size=(SIDE, SIDE))
    home = folder / "fusion"
    yield _row("fusion patches / bare h5py read", "virtual", [home], bare(home, is_last=False), at_least=None)


def _series(folder: Path) -> Iterator[Row]:
    draw = np.random.default_rng(2)
    values, labels = draw.normal(size=(4000, 46)), np.arange(4000) % 24
    npz, tsv = folder / "a.npz", folder / "a.tsv.gz"
    np.savez_compressed(npz, X=values, y=labels)
    tsv.write_bytes(
        gzip.compress(
            "\n".join(
                "\t".join([str(k), *(f"{v:.6f}" for v in each)]) for k, each in zip(labels, values, strict=True)
            ).encode(),
            1,
        )
    )

    def loaded() -> None:
        with np.load(npz) as held:
            held["X"], held["y"]

    def parsed() -> None:
        np.loadtxt(io.StringIO(isal_zlib.decompress(tsv.read_bytes(), 31).decode()), delimiter="\t")

    for name, path, bare, bound in (("NPZ", npz, loaded, BOUND), ("TSV", tsv, parsed, None)):
        yield row(f"series: {name} to a table / numpy", partial(read_series, path), bare, at_least=bound, rounds=7)
        yield _row(f"{name} to samples of 46 steps / numpy", "series", [path], bare, at_least=None, gsd="8")


def _geotiff(folder: Path) -> Iterator[Row]:
    draw = np.random.default_rng(3)
    packed: dict[str, Any] = {"compress": "deflate", "predictor": 2}
    files = [
        a_geotiff(folder / "tif" / f"{k}.tif", draw.integers(1, 2000, (4, SIDE, SIDE)), **packed) for k in range(24)
    ]

    def bare() -> None:
        for path in files:
            with rasterio.open(path) as dataset:
                dataset.read()

    yield _row("files / bare rasterio reads", "geotiff", [folder / "tif"], bare, at_least=None, **_L2A)
    scene = a_geotiff(
        folder / "scene.tif",
        draw.integers(1, 2000, (4, 4 * SIDE, 4 * SIDE)),
        tiled=True,
        blockxsize=SIDE,
        blockysize=SIDE,
        **packed,
    )

    def windows() -> None:
        os.utime(scene)  # so that ours, which keeps files open, opens it anew too
        with rasterio.open(scene) as dataset:
            for at in range(16):
                top, left = divmod(at, 4)
                dataset.read(window=((top * SIDE, top * SIDE + SIDE), (left * SIDE, left * SIDE + SIDE)))

    yield _row("windows / bare rasterio reads", "geotiff", [scene], windows, size=str(SIDE), **_L2A)


def _eurosat(folder: Path) -> Iterator[Row]:
    def bare(path: Path, decode: Callable[[bytes], object]) -> Callable[[], None]:
        def read() -> None:
            with zipfile.ZipFile(path) as archive:
                for name in archive.namelist():
                    decode(archive.read(name))

        return read

    def tiff(blob: bytes) -> None:
        with MemoryFile(blob) as memory, memory.open() as dataset:
            dataset.read()

    rgb, ms = a_eurosat_zip(folder / "rgb.zip", n=40), a_eurosat_zip(folder / "ms.zip", n=10, kind="ms")
    yield _row("JPEGs / inflate and decode", "eurosat-rgb", [rgb], bare(rgb, simplejpeg.decode_jpeg))
    yield _row("GeoTIFFs / inflate and rasterio read", "eurosat-ms", [ms], bare(ms, tiff))


def rows(folder: Path) -> Iterator[Row]:
    """Each format beside its bare decoder; bound 0.8 where a sample holds more than a few numbers."""
    for each in (_hackathon, _earthengine, _deepsentinel, _virtual, _series, _geotiff, _eurosat):
        home = folder / each.__name__.strip("_")
        home.mkdir()
        yield from each(home)
