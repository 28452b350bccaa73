"""HDF5 with blosc-zstd of hdf5plugin: one chunk a record, checksums on, `read_direct` into the batch."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import h5py
import hdf5plugin
import numpy as np

from benchmarks.rivals.measure import BATCH, Rival, measure, orders

if TYPE_CHECKING:
    from swath.core.array import Array


def rivals(records: Array, folder: Path) -> Iterator[Rival]:
    """Random batches."""
    pack = hdf5plugin.Blosc(cname="zstd", clevel=3, shuffle=hdf5plugin.Blosc.SHUFFLE)
    with h5py.File(folder / "records.h5", "w") as file:
        file.create_dataset("d", data=records, chunks=(1, *records.shape[1:]), compression=pack, fletcher32=True)
    held = h5py.File(folder / "records.h5")["d"]
    out = np.empty((BATCH, *records.shape[1:]), np.uint16)
    order = orders(len(records))

    def read() -> Iterator[Array]:
        for i, at in enumerate(order()):
            held.read_direct(out, np.s_[int(at)], np.s_[i])
        yield out

    yield Rival("HDF5 blosc-zstd fletcher32, read_direct", read)


if __name__ == "__main__":
    measure(rivals)
