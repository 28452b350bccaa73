"""Foreign: readers of the replaced systems' files beside their bare decoders, checksums on, whole samples made."""

from __future__ import annotations

import gzip
import resource
from collections.abc import Iterator
from pathlib import Path

import h5py
import numpy as np
import pyarrow as pa
from isal import isal_zlib

from benchmarks.ratio import Row, row
from swath.core.sample import Sample
from swath.formats.tfrecord import encode_example, frame_record, parse_example, records_within
from swath.formats.tfrecord import inflate as whole
from swath.formats.visiondl import CHANNELS, SIDE, VISIONDL, VisiondlBatches, VisiondlRecords
from swath.formats.visiondl_write import write_batches

__all__ = ["rows"]

CELLS = 24
#: How often the same files are read again to see whether memory grows.
ROUNDS = 4


def _reflectance(seed: int) -> np.ndarray:
    """Fields of 15 px with texture, 1e-4 steps, as compressible as an export is; shape (24, 225, 225)."""
    draw = np.random.default_rng(seed)
    fields = np.kron(draw.integers(300, 3000, (len(CHANNELS), 15, 15)), np.ones((1, 15, 15), int))
    return ((fields + draw.integers(-100, 100, (len(CHANNELS), SIDE, SIDE))) / 10000).astype(np.float32)


def _records(folder: Path) -> VisiondlRecords:
    """TFRecords of survey cells."""
    folder.mkdir()
    for k in range(CELLS):
        features = {name: band.ravel() for name, band in zip(CHANNELS, _reflectance(k), strict=True)}
        blob = frame_record(encode_example({**features, "longtitude": [10.0 + k], "latitude": [-5.0], "wi": [-0.5]}))
        (folder / f"2016_{10.0 + k}_-5.0_-0.5.tfrecord.gz").write_bytes(gzip.compress(blob, 6, mtime=0))
    source = VISIONDL.open([folder])
    assert isinstance(source, VisiondlRecords)
    return source


def _all(source: VisiondlRecords | VisiondlBatches) -> list[Sample]:
    made = list(source.read(source.plan().rows))
    assert all(isinstance(each, Sample) for each in made)
    return [each for each in made if isinstance(each, Sample)]


def _through(source: VisiondlRecords | VisiondlBatches, table: pa.Table) -> None:
    """Read all and keep none, as the bare work does."""
    for _ in source.read(table):
        pass


def _memory_row(source: VisiondlRecords) -> Row:
    """Peak memory of reading some samples beside reading many, one after another: ratio of growth, 1 = none."""
    table = source.plan().rows

    def peak(rounds: int) -> int:
        for _ in range(rounds):
            _through(source, table)
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    few = peak(1)
    many = peak(ROUNDS)
    grown = many / few
    note = f"{few / 1024:,.0f} MB after {CELLS} samples, {many / 1024:,.0f} after {CELLS * (ROUNDS + 1)}"
    return Row("peak memory, five times as many samples", grown, grown, grown, None, 1.05, note)


def rows(folder: Path) -> Iterator[Row]:
    """Records and whole samples (checksums, validity, pixel check of the offset) beside reading and decoding alone."""
    records = _records(folder / "records")
    paths = sorted((folder / "records").iterdir())
    table = records.plan().rows

    def inflate() -> None:
        for path in paths:
            isal_zlib.decompress(path.read_bytes(), 31)

    yield _memory_row(records)

    def features() -> None:
        for path in paths:
            blob = whole(path.read_bytes(), where=path.name)
            for record in records_within(blob, where=path.name):
                parse_example(blob, record, where=path.name)

    yield row("TFRecords to arrays / bare inflate", features, inflate, at_least=1 / 1.25, items=CELLS)
    yield row("TFRecords to samples / bare inflate", lambda: _through(records, table), inflate, items=CELLS)
    written = write_batches(_all(records), folder / "batches")
    batches = VISIONDL.open(written)
    assert isinstance(batches, VisiondlBatches)
    planned = batches.plan().rows

    def read() -> None:
        for path in written:
            with h5py.File(path, "r") as file:
                file["data"][:]

    yield row(
        "HDF5 batches to samples / bare h5py read",
        lambda: _through(batches, planned),
        read,
        at_least=0.8,
        items=CELLS,
    )
