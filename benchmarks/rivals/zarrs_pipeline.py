"""zarr-python with the codec pipeline of zarrs: the same shards as ours, read record by record."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import zarr
import zarrs  # noqa: F401 - brings the pipeline that is named below
from zarr.codecs import BloscCodec, Crc32cCodec

from benchmarks.rivals.measure import BATCH, Rival, measure, orders

if TYPE_CHECKING:
    from swath.core.array import Array


def rivals(records: Array, folder: Path) -> Iterator[Rival]:
    """Random batches."""
    zarr.config.set({"codec_pipeline.path": "zarrs.ZarrsCodecPipeline"})
    held = zarr.create_array(
        folder / "records.zarr",
        shape=records.shape,
        chunks=(1, *records.shape[1:]),
        shards=(16, *records.shape[1:]),
        dtype="uint16",
        compressors=[BloscCodec(cname="zstd", clevel=3, shuffle="shuffle"), Crc32cCodec()],
    )
    held[:] = records
    out = np.empty((BATCH, *records.shape[1:]), np.uint16)
    order = orders(len(records))

    def read() -> Iterator[Array]:
        for i, at in enumerate(order()):
            out[i] = held[int(at)]
        yield out

    yield Rival("zarr-python with zarrs, sharded, a[i]", read)


if __name__ == "__main__":
    measure(rivals)
