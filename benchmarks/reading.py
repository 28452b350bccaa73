"""Reading: random batches of 13 x 256 x 256 uint16 records beside bare decode, and beside other stores.

Records are real Sentinel-2 patches turned and rolled where SWATH_REAL_DATA is set, else patches of the planet. Bare
decode is blosc from memory without checksums; we read from the page cache with checksums on.
"""

from __future__ import annotations

import io
import os
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pyarrow as pa
import rasterio
import tensorstore
import zarr
from numcodecs import Zstd
from rasterio.transform import from_origin
from zarr.codecs import BloscCodec, Crc32cCodec

from benchmarks import rivals
from benchmarks.bare import BareDecode
from benchmarks.ratio import Row, row
from swath.core.array import Array
from swath.core.bands import S2_BANDS
from swath.core.errors import Failure
from swath.core.plan import PLAN_COLUMNS, Layout, Plan, StackSpec
from swath.core.quantity import dn
from swath.core.sample import Sample
from swath.core.stack import NO_TIME, Stack
from swath.corpus import build, open_corpus
from swath.world import open_planet

__all__ = ["Records", "real_records", "rows"]

RECORDS, BATCH = 256, 32


def real_records(count: int) -> tuple[Array, str]:
    """Records (n, 13, 256, 256), no two alike, and where they come from."""
    held = []
    data = os.environ.get("SWATH_REAL_DATA")
    if data:
        for path in sorted(Path(data).glob("sen12mscr-*/**/*_s2*_p*.tif")):
            with rasterio.open(path) as file:
                if file.count == 13:
                    held.append(file.read().astype(np.uint16))
    if held:
        said = f"{len(held)} real SEN12MS-CR patches, turned and rolled"
    else:
        planet = open_planet(n=8, size=256, seed=1)
        made = [each for each in planet.read(planet.plan().rows) if isinstance(each, Sample)]
        held, said = [sample.stacks["s2"].data[0] for sample in made], "8 patches of the planet, turned and rolled"
    rng = np.random.default_rng(0)
    turned = [np.rot90(held[i % len(held)], int(rng.integers(4)), (1, 2)) for i in range(count)]
    return np.stack([np.roll(each, tuple(rng.integers(0, 256, 2)), (1, 2)) for each in turned]), said


@dataclass(frozen=True)
class Records:
    """The records as a source."""

    data: Array

    @property
    def name(self) -> str:
        """Its name."""
        return "records"

    def plan(self, places: Any = None, dates: Any = None, spec: Any = None) -> Plan:
        """One row a record."""
        h, w = self.data.shape[2:]
        s2 = StackSpec(S2_BANDS, (h, w), "uint16", dn("toa", offset=0), "s2-l1c", "L1C", (10, 10))
        base = {"group": "", "lon": None, "lat": None, "bytes": int(self.data[0].nbytes), "why": ""}
        listed = [{"id": f"r{i:06d}", **base} for i in range(len(self.data))]
        return Plan("records", {}, Layout({"s2": s2}), pa.Table.from_pylist(listed, schema=pa.schema(PLAN_COLUMNS)))

    def read(self, rows: pa.Table) -> Iterator[Sample | Failure]:
        """Samples without a place."""
        for id in rows["id"].to_pylist():
            data = self.data[int(id[1:])][None]
            yield Sample(
                id, {"s2": Stack(data, S2_BANDS, np.array([NO_TIME]), dn("toa", offset=0), None, (10.0, 10.0))}
            )


def _oracles(data: Array, folder: Path) -> dict[str, Callable[[Array, Array], None]]:
    """Stores of the same records that our tests need anyway, each read the way its documentation says is quick."""
    _, b, h, w = data.shape
    codecs = [BloscCodec(cname="zstd", clevel=3, shuffle="shuffle"), Crc32cCodec()]
    shape: dict[str, Any] = {"shape": data.shape, "chunks": (1, b, h, w), "dtype": "uint16", "compressors": codecs}
    sharded = zarr.create_array(folder / "sharded.zarr", shards=(16, b, h, w), **shape)
    sharded[:] = data
    plain = zarr.create_array(folder / "plain.zarr", **shape)
    plain[:] = data
    spec = {"driver": "zarr3", "kvstore": {"driver": "file", "path": str(folder / "sharded.zarr")}}
    store = tensorstore.open({**spec, "context": {"cache_pool": {"total_bytes_limit": 0}}}).result()
    with h5py.File(folder / "h5.h5", "w") as file:
        file.create_dataset("d", data=data, chunks=(1, b, h, w), compression="gzip", compression_opts=4,
                            shuffle=True, fletcher32=True)  # fmt: skip
    h5 = h5py.File(folder / "h5.h5")["d"]
    profile: dict[str, Any] = {"driver": "GTiff", "dtype": "uint16", "count": b, "height": h, "width": w}
    profile |= {"transform": from_origin(0, 0, 10, 10), "predictor": 2, "interleave": "band", "tiled": True}
    for i, each in enumerate(data):
        for codec in ("zstd", "deflate"):
            with rasterio.open(folder / f"{codec}{i}.tif", "w", compress=codec, **profile) as tif:
                tif.write(each)
    with tarfile.open(folder / "npy.tar", "w") as tar:
        for i, each in enumerate(data):
            blob = Zstd(level=3).encode(each.tobytes())
            info = tarfile.TarInfo(f"{i}.npy.zst")
            info.size = len(blob)
            tar.addfile(info, io.BytesIO(blob))
    with tarfile.open(folder / "npy.tar") as tar:
        offsets = [(member.offset_data, member.size) for member in tar.getmembers()]
    handle = os.open(folder / "npy.tar", os.O_RDONLY)

    def by_item(array: Any) -> Callable[[Array, Array], None]:
        def read(order: Array, out: Array) -> None:
            for i, at in enumerate(order):
                out[i] = array[int(at)]

        return read

    def orthogonal(order: Array, out: Array) -> None:
        out[...] = sharded.oindex[np.asarray(order)]

    def with_tensorstore(order: Array, out: Array) -> None:
        for i, got in enumerate([store[int(at)].read() for at in order]):
            out[i] = got.result()

    def with_h5(order: Array, out: Array) -> None:
        for i, at in enumerate(order):
            h5.read_direct(out, np.s_[int(at)], np.s_[i])

    def with_tiff(codec: str) -> Callable[[Array, Array], None]:
        def read(order: Array, out: Array) -> None:
            for i, at in enumerate(order):
                with rasterio.open(folder / f"{codec}{at}.tif") as file:
                    file.read(out=out[i])

        return read

    def with_tar(order: Array, out: Array) -> None:
        decoder = Zstd()
        for i, at in enumerate(order):
            offset, length = offsets[at]
            decoder.decode(os.pread(handle, length, offset), out[i])

    return {
        "zarr-python, sharded, a[i]": by_item(sharded),
        "zarr-python, sharded, one orthogonal selection": orthogonal,
        "zarr-python, a file a record, a[i]": by_item(plain),
        "tensorstore, sharded, all cores": with_tensorstore,
        "HDF5 gzip-4 shuffle fletcher32, read_direct": with_h5,
        "GeoTIFF a record, zstd, rasterio": with_tiff("zstd"),
        "GeoTIFF a record, deflate, rasterio": with_tiff("deflate"),
        "indexed tar of npy.zst": with_tar,
    }


def rows(folder: Path) -> Iterator[Row]:
    """Ours with its bounds, then the rivals, all beside bare decode on one thread (the second row: two)."""
    data, said = real_records(RECORDS)
    source = Records(data)
    build(source, source.plan(), folder / "c")
    corpus = open_corpus(folder / "c")
    out = np.empty((BATCH, *data.shape[1:]), np.uint16)
    bare = BareDecode(data)
    rng = np.random.default_rng(1)
    orders = [rng.choice(RECORDS, BATCH, replace=False) for _ in range(1000)]
    calls = iter(range(10**9))

    def order() -> Array:
        return orders[next(calls) % len(orders)]

    def ours(threads: int) -> Callable[[], object]:
        return lambda: corpus.pixels("s2", order(), out=out[:, None], threads=threads)

    np.testing.assert_array_equal(corpus.pixels("s2", orders[0])[:, 0], data[orders[0]])
    name = "random reads / bare decode"
    yield row(f"{name}, one thread", ours(1), lambda: bare(order(), out, 1), at_least=0.9, items=BATCH, rounds=15)
    one = row(f"{name}, two threads / one", ours(2), ours(1), at_least=1.6, items=BATCH, rounds=15)
    yield one
    yield row("  bare decode itself, two threads / one", lambda: bare(order(), out, 2), lambda: bare(order(), out, 1))
    print(f"  records: {said}; {RECORDS} of {data[0].nbytes / 1e6:.1f} MB, batches of {BATCH}", flush=True)
    for rival, read in _oracles(data, folder).items():
        np.testing.assert_array_equal(_filled(read, orders[0], out), data[orders[0]])
        yield row(f"  {rival}", partial(_once, read, order, out), lambda: bare(order(), out, 1), items=BATCH, rounds=5)
    yield from rivals.rows(data, folder)


def _once(read: Callable[[Array, Array], None], order: Callable[[], Array], out: Array) -> None:
    read(order(), out)


def _filled(read: Callable[[Array, Array], None], order: Array, out: Array) -> Array:
    read(order, out)
    return out
