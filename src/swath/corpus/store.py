"""Pixel store: zarr v3 arrays (frame, band, y, x), read straight into the caller's array.

One array a stack, one shard a batch, one frame one date of one sample. The reader keeps a bounded number of shards
open, reads with `pread`, checks every crc32c and decompresses into place; ids are dealt out to threads in runs. It
holds no thread between calls and forgets its handles after a fork, so it is safe under fork, spawn and threads.
"""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

import numpy as np

from swath.core.array import Array
from swath.core.errors import Mismatch, Unreadable
from swath.core.plan import StackSpec
from swath.corpus.shard import GAP, array_metadata, decode_frame, parse_index

__all__ = [
    "GROUP",
    "OPEN_SHARDS",
    "PixelStore",
    "pack_valid",
    "pixels_metadata",
    "shard_path",
    "unpack_valid",
    "valid_metadata",
]

#: `zarr.json` of the group that holds a stack's arrays.
GROUP: Final = b'{"zarr_format": 3, "node_type": "group", "attributes": {}}\n'
#: Shards held open at once by one store.
OPEN_SHARDS: Final = 64
#: Below this many raw bytes a second thread costs more than it brings.
_THREAD_BYTES: Final = 2_000_000
#: Runs of frames a thread takes from the common queue, so that a slow moment of one is made up by the others.
_RUNS: Final = 8


def shard_path(shard: int) -> str:
    """Path of a shard below its array, as zarr's default key encoding has it."""
    return f"c/{shard}/0/0/0"


def pixels_metadata(spec: StackSpec, frames: int, frames_per_shard: int) -> bytes:
    """`zarr.json` of the pixels of a stack."""
    h, w = spec.size
    attributes = {"bands": list(spec.bands), "quantity": spec.quantity.to_json(), "gsd": list(spec.gsd)}
    return array_metadata((frames, len(spec.bands), h, w), spec.dtype, frames_per_shard, attributes)


def valid_metadata(spec: StackSpec, frames: int, frames_per_shard: int) -> bytes:
    """`zarr.json` of the validity of a stack, eight pixels a byte."""
    h, w = spec.size
    attributes = {"bands": list(spec.bands), "packed": "bits along x, most significant first, 1 = valid", "width": w}
    shape = (frames, len(spec.bands), h, (w + 7) // 8)
    return array_metadata(shape, "uint8", frames_per_shard, attributes, x="x_packed")


def pack_valid(valid: Array | None, shape: tuple[int, int, int, int]) -> Array:
    """Pack a mask (t, b or 1, h, w), None = all valid, into bits (t, b, h, ceil(w / 8))."""
    full = np.ones((), bool) if valid is None else valid
    return np.packbits(np.broadcast_to(full, shape), axis=-1)


def unpack_valid(bits: Array, width: int) -> Array:
    """Undo `pack_valid`: bool (..., b, h, w)."""
    return np.unpackbits(bits, axis=-1, count=width).astype(bool)


class _Shard:
    """An open shard with its checked index; the handle closes when the last user lets go."""

    __slots__ = ("handle", "index")

    def __init__(self, path: Path, capacity: int) -> None:
        self.handle = -1
        try:
            self.handle = os.open(path, os.O_RDONLY)
        except FileNotFoundError:
            raise Unreadable(where=str(path), what="the shard is missing", fix="Run: swath corpus repair.") from None
        size = os.fstat(self.handle).st_size
        length = 16 * capacity + 4
        tail = os.pread(self.handle, length, max(0, size - length))
        self.index = parse_index(tail, capacity, size, where=str(path))

    def __del__(self) -> None:
        if self.handle >= 0:
            os.close(self.handle)

    def chunk(self, frame: int) -> bytes:
        """Raw bytes of one frame; empty for a gap."""
        offset, length = (int(n) for n in self.index[frame])
        return b"" if offset == GAP else os.pread(self.handle, length, offset)


class PixelStore:
    """One array of the pixel store, open for reading.

    Parameters
    ----------
    path : Path
        Folder of the array (`pixels/<stack>.zarr/pixels`).
    shape : tuple
        One frame, (b, h, w).
    dtype : str
        numpy name.
    frames_per_shard : int
        K: frame f lies in shard f // K.
    """

    def __init__(self, path: Path, shape: tuple[int, int, int], dtype: str, frames_per_shard: int) -> None:
        self.path, self.shape, self.dtype = path, shape, np.dtype(dtype)
        self.frames_per_shard = frames_per_shard
        self._forget()

    def _forget(self) -> None:
        self._lock = threading.Lock()
        self._open: OrderedDict[int, _Shard] = OrderedDict()
        self._pid = os.getpid()

    def __getstate__(self) -> tuple[Path, tuple[int, int, int], str, int]:
        return self.path, self.shape, self.dtype.name, self.frames_per_shard

    def __setstate__(self, state: tuple[Path, tuple[int, int, int], str, int]) -> None:
        self.__init__(*state)  # type: ignore[misc]

    def _shard(self, number: int) -> _Shard:
        if self._pid != os.getpid():
            self._forget()
        with self._lock:
            shard = self._open.get(number)
            if shard is None:
                shard = _Shard(self.path / shard_path(number), self.frames_per_shard)
                self._open[number] = shard
                if len(self._open) > OPEN_SHARDS:
                    self._open.popitem(last=False)
            else:
                self._open.move_to_end(number)
            return shard

    def _read_run(self, frames: Sequence[int], out: Array) -> None:
        per = self.frames_per_shard
        for i, frame in enumerate(frames):
            chunk = self._shard(frame // per).chunk(frame % per)
            if not decode_frame(chunk, out[i]):
                said = "is not in the store" if not chunk else "fails its checksum"
                where = f"{self.path.parent.name}/{self.path.name} frame {frame}"
                raise Unreadable(where=where, what=f"the frame {said}", fix="Run: swath corpus verify, then repair.")

    def read(self, frames: Array | Sequence[int], *, out: Array | None = None, threads: int = 1) -> Array:
        """Read frames by number, in the order given.

        Parameters
        ----------
        frames : int sequence, shape (n,)
            Numbers along the array's first axis.
        out : array, shape (n, b, h, w), optional
            Decoded into, C-contiguous and of the store's dtype; made if not given.
        threads : int
            How many decode at once.

        Raises
        ------
        Unreadable
            A frame fails its checksum, is a gap, or its shard is missing.
        Mismatch
            `out` does not fit.
        """
        numbers = [int(f) for f in frames]
        shape = (len(numbers), *self.shape)
        if out is None:
            out = np.empty(shape, self.dtype)
        elif out.shape != shape or out.dtype != self.dtype or not out.flags.c_contiguous:
            have = f"{out.dtype} {out.shape}" + ("" if out.flags.c_contiguous else ", not contiguous")
            raise Mismatch(where=self.path.name, what="output array", want=f"{self.dtype} {shape}", have=have)
        if threads <= 1 or len(numbers) < 2 or out.nbytes < _THREAD_BYTES:
            self._read_run(numbers, out)
            return out
        run = max(1, len(numbers) // (_RUNS * threads))
        starts = iter(range(0, len(numbers), run))

        def work() -> None:
            for start in starts:
                self._read_run(numbers[start : start + run], out[start : start + run])

        with ThreadPoolExecutor(threads - 1) as pool:
            others = [pool.submit(work) for _ in range(threads - 1)]
            work()
            for other in others:
                other.result()
        return out

    def damaged(self, frames: Sequence[int]) -> list[int]:
        """Which of the frames cannot be read whole."""
        scratch = np.empty(self.shape, self.dtype)
        bad = []
        for frame in frames:
            try:
                self._read_run([frame], scratch[None])
            except (Unreadable, RuntimeError):
                bad.append(frame)
        return bad
