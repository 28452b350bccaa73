"""webdataset: a tar of npy.zst, streamed from its beginning; zstd by a decoder of one's own, as it has none."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import webdataset as wds
from numcodecs import Zstd

from benchmarks.rivals.measure import BATCH, Rival, measure

if TYPE_CHECKING:
    from swath.core.array import Array


def _unpacked(blob: bytes) -> Array:
    return np.asarray(np.load(io.BytesIO(Zstd().decode(blob))))


def rivals(records: Array, folder: Path) -> Iterator[Rival]:
    """A whole pass in sequence."""
    with wds.TarWriter(str(folder / "records.tar")) as tar:
        for i, each in enumerate(records):
            held = io.BytesIO()
            np.save(held, each)
            tar.write({"__key__": f"{i:06d}", "npy.zst": Zstd(level=3).encode(held.getvalue())})
    dataset = (
        wds.WebDataset(str(folder / "records.tar"), shardshuffle=False)
        .decode(wds.handle_extension("npy.zst", _unpacked))
        .to_tuple("npy.zst")
        .batched(BATCH)
    )
    yield Rival("webdataset, tar of npy.zst, in sequence", lambda: (batch[0] for batch in dataset))


if __name__ == "__main__":
    measure(rivals)
