"""HDF5: files of others, opened with care: only arrays that lie whole in the file itself are read.

A link or an array that points into other files, an unknown filter, a chunk or an array of a claimed size beyond
measure, and an array whose chunks are not all there (which HDF5 fills with zeros in silence) are refused by name. What
is not compressed carries no checksum: a flipped bit in it passes. Knows nothing of what the arrays mean.
"""

from __future__ import annotations

import io
import math
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import h5py
import numpy as np

from swath.core.array import Array
from swath.core.errors import Mismatch, Unreadable

__all__ = ["MOST_CHUNK", "array_of", "open_hdf5", "read_array"]

#: A chunk with more bytes is refused: HDF5 inflates whole chunks.
MOST_CHUNK: Final = 256 * 2**20
_MOST_DEFLATE: Final = 1100  # no deflate stream inflates more than 1032 times
_FILTERS: Final = {1: "deflate", 2: "shuffle", 3: "fletcher32", 32000: "lzf"}
_BROKEN: Final = (OSError, KeyError, RuntimeError, ValueError, TypeError, MemoryError, OverflowError)
_AGAIN: Final = "It is truncated, corrupt or no HDF5 file: fetch it again."
_ACCESS: Final = h5py.h5p.create(h5py.h5p.FILE_ACCESS)  # as `h5py.File` has it, made once
_ACCESS.set_fclose_degree(h5py.h5f.CLOSE_STRONG)
_ACCESS.set_file_locking(False, False)
_HOSTILE: Final = "Nothing was read from it: look at where it comes from."


@contextmanager
def open_hdf5(source: Path | bytes, *, where: str) -> Iterator[h5py.File]:
    """Open a file for reading.

    Parameters
    ----------
    source : Path or bytes
        The file, or all of its bytes.
    where : str
        Named in errors.

    Raises
    ------
    Unreadable
        It is cut short, corrupt or no HDF5 file.
    """
    try:
        if isinstance(source, bytes):
            opened = h5py.File(io.BytesIO(source), "r")
        else:
            opened = h5py.File(h5py.h5f.open(os.fsencode(source), h5py.h5f.ACC_RDONLY, fapl=_ACCESS))
    except _BROKEN as error:
        raise Unreadable(where=where, what=f"cannot be opened ({_said(error)})", fix=_AGAIN) from None
    with opened:
        yield opened


def _said(error: BaseException) -> str:
    """HDF5's own words, without the parts that differ from run to run."""
    return str(error).split("(file signature")[0].split(", time =")[0].strip().rstrip("(").strip()[:200]


def array_of(
    file: h5py.File, name: str, *, where: str, kinds: str, shape: Sequence[int | None], most: int
) -> h5py.Dataset:
    """Find an array that is safe to read.

    Parameters
    ----------
    kinds : str
        numpy's letters of the dtypes that it may have (`f`, `iu`).
    shape : sequence of int or None
        Lengths; None = any.
    most : int
        Bytes that it may have.

    Raises
    ------
    Unreadable
        There is no such array, or it is not whole in this file.
    Mismatch
        It has another dtype or shape.
    """
    try:
        links, at = file.id.links, name.encode()
        is_there = links.exists(at)
        if not is_there or links.get_info(at).type != h5py.h5l.TYPE_HARD:
            what = f"holds no array {name!r} of its own" + (" (a link stands in its place)" if is_there else "")
            raise Unreadable(where=where, what=what, have=", ".join(list(file)[:8]) or "nothing", fix=_AGAIN)
        opened = h5py.h5o.open(file.id, at)
        if not isinstance(opened, h5py.h5d.DatasetID):
            raise Unreadable(where=where, what=f"{name!r} is a group, not an array", fix=_AGAIN)
        found = h5py.Dataset(opened)
        _require_kind(found, name, where, kinds, shape, most)
        _require_whole(found, name, where)
    except _BROKEN as error:
        raise Unreadable(where=where, what=f"array {name!r} cannot be opened ({_said(error)})", fix=_AGAIN) from None
    return found


def _require_kind(
    found: h5py.Dataset, name: str, where: str, kinds: str, shape: Sequence[int | None], most: int
) -> None:
    lengths, dtype = found.shape, found.dtype  # each access asks HDF5
    fits = lengths is not None and len(lengths) == len(shape)
    fits = fits and all(want in (None, have) for want, have in zip(shape, lengths, strict=True))
    if dtype.kind not in kinds or not fits:
        said = {"f": "floating point", "iu": "whole numbers"}.get(kinds, "numbers")
        want = f"{said} ({' x '.join('any' if n is None else str(n) for n in shape)})"
        have = f"{dtype} ({' x '.join(map(str, lengths or ())) or 'no shape'})"
        raise Mismatch(where=where, what=f"array {name}", want=want, have=have, fix="It is a file of another kind.")
    size = math.prod(lengths) * dtype.itemsize
    if size > most:
        raise Unreadable(where=where, what=f"array {name!r} claims {size:,} bytes, above {most:,}", fix=_HOSTILE)


def _require_whole(found: h5py.Dataset, name: str, where: str) -> None:
    """Refuse arrays whose bytes lie elsewhere, are packed in an unknown way, or are not all there."""
    plan = found.id.get_create_plist()
    layout = plan.get_layout()
    if plan.get_external_count() or layout == h5py.h5d.VIRTUAL:
        raise Unreadable(where=where, what=f"array {name!r} points into other files", fix=_HOSTILE)
    for i in range(plan.get_nfilters()):
        code = int(plan.get_filter(i)[0])
        if code not in _FILTERS:
            what = f"array {name!r} is packed by filter {code}; only {', '.join(_FILTERS.values())} are read"
            raise Unreadable(where=where, what=what, fix="Write it anew with gzip.")
    lengths, dtype = found.shape, found.dtype
    size, stored = math.prod(lengths) * dtype.itemsize, int(found.id.get_storage_size())
    if layout != h5py.h5d.CHUNKED:
        if stored < size:
            raise Unreadable(
                where=where, what=f"array {name!r} is not all there", want=f"{size:,} bytes", have=f"{stored:,}"
            )
        return
    chunks = plan.get_chunk()
    each = math.prod(chunks) * dtype.itemsize
    if each > MOST_CHUNK:
        raise Unreadable(where=where, what=f"array {name!r} has chunks of {each:,} bytes", fix=_HOSTILE)
    want = math.prod(-(-n // c) for n, c in zip(lengths, chunks, strict=True))
    have = int(found.id.get_num_chunks())
    if have != want or size > (stored + 1) * _MOST_DEFLATE:
        what = f"array {name!r} is not all there"
        raise Unreadable(where=where, what=what, want=f"{want:,} chunks", have=f"{have:,}", fix=_HOSTILE)


def read_array(found: h5py.Dataset, rows: slice = slice(None), *, where: str) -> Array:
    """Read an array, or some of its first dimension.

    Raises
    ------
    Unreadable
        A chunk is corrupt.
    """
    try:
        return np.asarray(found[rows])
    except _BROKEN as error:
        what = f"array {found.name!r} cannot be read ({_said(error)})"
        raise Unreadable(where=where, what=what, fix=_AGAIN) from None
