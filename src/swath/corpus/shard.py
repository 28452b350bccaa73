"""Shard: the bytes of one zarr v3 shard, frames packed and checked.

A shard holds up to K frames, each one chunk `blosc(zstd, 3, shuffle) + crc32c`, then an index of (offset, length) pairs
with a crc32c of its own. Frames that are not there are legal gaps. The layout is zarr's `sharding_indexed` codec with
the index at the end, so that any zarr v3 library reads it; here are only bytes, no files.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

import google_crc32c
import numpy as np
from numcodecs import blosc

from swath.core.array import Array
from swath.core.errors import Unreadable

__all__ = ["FILL", "GAP", "array_metadata", "decode_frame", "encode_frame", "pack_shard", "parse_index"]

# With threads of its own blosc writes other bytes for the same input; and we bring our own threads.
blosc.use_threads = False
blosc.set_nthreads(1)

#: Index entry of a frame that is not there.
GAP: Final = 2**64 - 1
#: What zarr shows for such a frame.
FILL: Final = 0
#: crc32c of any message followed by its own crc32c (little-endian): lets a chunk be checked without slicing it.
_RESIDUE: Final = 0x48674BC7
_LEVEL: Final = 3


def array_metadata(
    shape: tuple[int, int, int, int],
    dtype: str,
    frames_per_shard: int,
    attributes: Mapping[str, Any],
    *,
    x: str = "x",
) -> bytes:
    """Write the `zarr.json` of an array (frame, band, y, x); `x` names its last axis."""
    _, b, h, w = shape
    width = np.dtype(dtype).itemsize
    to_bytes: dict[str, Any] = {"name": "bytes"}
    if width > 1:
        to_bytes["configuration"] = {"endian": "little"}
    pack = {"typesize": width, "cname": "zstd", "clevel": _LEVEL, "shuffle": "shuffle", "blocksize": 0}
    sharding = {
        "chunk_shape": [1, b, h, w],
        "codecs": [to_bytes, {"name": "blosc", "configuration": pack}, {"name": "crc32c"}],
        "index_codecs": [{"name": "bytes", "configuration": {"endian": "little"}}, {"name": "crc32c"}],
        "index_location": "end",
    }
    metadata = {
        "zarr_format": 3,
        "node_type": "array",
        "shape": list(shape),
        "data_type": np.dtype(dtype).name,
        "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": [frames_per_shard, b, h, w]}},
        "chunk_key_encoding": {"name": "default", "configuration": {"separator": "/"}},
        "fill_value": FILL,
        "codecs": [{"name": "sharding_indexed", "configuration": sharding}],
        "dimension_names": ["frame", "band", "y", x],
        "attributes": dict(attributes),
    }
    return (json.dumps(metadata, indent=1) + "\n").encode()


def encode_frame(frame: Array) -> bytes:
    """Compress one frame (b, h, w) and append its crc32c."""
    raw = np.ascontiguousarray(frame)
    if raw.dtype.byteorder == ">":
        raw = raw.astype(raw.dtype.newbyteorder("<"))
    packed = bytes(blosc.compress(raw, b"zstd", _LEVEL, blosc.SHUFFLE, 0, raw.dtype.itemsize))
    crc: int = google_crc32c.value(packed)
    return packed + crc.to_bytes(4, "little")


def decode_frame(chunk: bytes, out: Array) -> bool:
    """Check a chunk and decompress it into `out` (C-contiguous); False if it is damaged."""
    if len(chunk) < 20 or google_crc32c.value(chunk) != _RESIDUE:
        return False
    if int.from_bytes(chunk[4:8], "little") != out.nbytes:
        return False
    blosc.decompress(chunk, out)
    return True


def pack_shard(chunks: Mapping[int, bytes], capacity: int) -> bytes:
    """Lay encoded frames (place in the shard -> chunk) one after the other and close with the index; gaps are legal."""
    index = np.full((capacity, 2), GAP, "<u8")
    offset = 0
    for place, chunk in chunks.items():
        index[place] = offset, len(chunk)
        offset += len(chunk)
    tail = index.tobytes()
    crc: int = google_crc32c.value(tail)
    return b"".join([*chunks.values(), tail, crc.to_bytes(4, "little")])


def parse_index(tail: bytes, capacity: int, size: int, *, where: str) -> Array:
    """Read and check the index at the end of a shard.

    Parameters
    ----------
    tail : bytes
        The last `16 * capacity + 4` bytes.
    size : int
        Bytes of the whole shard: entries beyond it are refused.

    Returns
    -------
    uint64 array, shape (capacity, 2)
        Offset and length of each frame.

    Raises
    ------
    Unreadable
        The index fails its checksum or points outside the file.
    """
    body, crc = tail[:-4], tail[-4:]
    if len(tail) != 16 * capacity + 4 or google_crc32c.value(body).to_bytes(4, "little") != crc:
        raise Unreadable(where=where, what="the shard's index is damaged", fix="Run: swath corpus verify, then repair.")
    index = np.frombuffer(body, "<u8").reshape(capacity, 2)
    there = index[:, 0] != GAP
    if there.any() and int((index[there, 0] + index[there, 1]).max()) > size - len(tail):
        raise Unreadable(where=where, what="the shard's index points outside the file", fix="Run: swath corpus repair.")
    return index
