"""litdata: zstd chunks of 64 MB; a StreamingDataLoader in sequence, and `dataset[i]` where each record is packed alone.

A record is a dict, as in its documentation: of a bare array, 0.2.76 writes packed chunks that it cannot read again.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from litdata import StreamingDataLoader, StreamingDataset, optimize

from benchmarks.rivals.measure import BATCH, Rival, measure, orders

if TYPE_CHECKING:
    from swath.core.array import Array


def record(path: Path, at: int) -> dict[str, Array]:
    """One record, in whatever process litdata asks for it."""
    return {"image": np.array(np.load(path, mmap_mode="r")[at])}


def rivals(records: Array, folder: Path) -> Iterator[Rival]:
    """A whole pass in sequence, with litdata's own default; and random batches."""
    stored = {}
    for level in ("batch", "sample"):
        stored[level] = folder / level
        optimize(
            partial(record, folder.parent / "records.npy"),
            inputs=list(range(len(records))),
            output_dir=str(stored[level]),
            chunk_bytes="64MB",
            compression="zstd:3",
            compression_level=level,
            num_workers=1,
            verbose=False,
        )
    passes = StreamingDataset(str(stored["batch"]), cache_dir=str(folder / "cache-batch"))
    loader = StreamingDataLoader(passes, batch_size=BATCH)
    yield Rival("litdata, zstd, in sequence", lambda: (batch["image"] for batch in loader))
    single = StreamingDataset(str(stored["sample"]), cache_dir=str(folder / "cache-sample"))
    out = np.empty((BATCH, *records.shape[1:]), np.uint16)
    order = orders(len(records))

    def read() -> Iterator[Array]:
        for i, at in enumerate(order()):
            out[i] = single[int(at)]["image"]
        yield out

    yield Rival("litdata, zstd a record, dataset[i]", read)


if __name__ == "__main__":
    measure(rivals)
