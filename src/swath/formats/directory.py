"""Directory: what the directory of a TIFF promises, checked against the bytes that are there.

GDAL ignores tags that lie beyond the end of a file: cut by a few bytes, a scene silently loses its place. So the first
directory is read here by itself, classic and BigTIFF: every tag must lie in the file, every strip or tile must begin in
it, and where it names a CRS one must come out. What follows of the format is GDAL's.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Final

import numpy as np

from swath.core.array import Array
from swath.core.errors import Unreadable

__all__ = ["require_whole"]

#: Number of a field type -> bytes of one value (TIFF 6.0 section 2, BigTIFF 16 to 18).
_SIZES: Final = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
_INTEGERS: Final = {1: "u1", 3: "u2", 4: "u4", 13: "u4", 16: "u8", 18: "u8"}
_BLOCKS: Final = ((273, 279), (324, 325))  # offsets and byte counts of strips, of tiles
_GEO_KEYS: Final = 34735
_CRS_KEYS: Final = (1024, 2048, 3072)  # model type, geographic CRS, projected CRS
_MOST_TAGS: Final = 4096

#: Reads so many bytes from an offset; fewer at the end.
_Read = Callable[[int, int], bytes]


def require_whole(read: _Read, size: int, *, where: str) -> bool:
    """Refuse a TIFF that ends before its directory says it does.

    Parameters
    ----------
    read : function (offset, count) -> bytes
        Reads the file.
    size : int
        Its bytes.
    where : str
        Named in the error.

    Returns
    -------
    bool
        True if it names a CRS; False also for what is no TIFF.

    Raises
    ------
    Unreadable
        A tag or a block lies beyond the end.
    """
    head = read(0, 16)
    order = {b"II": "<", b"MM": ">"}.get(head[:2])
    version = struct.unpack(f"{order}H", head[2:4])[0] if order and len(head) >= 8 else 0
    if order is None or version not in (42, 43):
        return False
    is_big = version == 43
    at = struct.unpack(f"{order}Q", head[8:16])[0] if is_big else struct.unpack(f"{order}L", head[4:8])[0]
    tags = _tags(read, size, at, order, is_big, where)
    for offsets, counts in _BLOCKS:
        if offsets in tags:
            starts = _values(read, tags[offsets], order)
            lengths = _values(read, tags[counts], order) if counts in tags else np.ones_like(starts)
            if len(starts) == len(lengths) and ((starts >= size) & (lengths > 0)).any():
                _cut("a strip or tile", int(starts[lengths > 0].max()), size, where)
    if _GEO_KEYS not in tags:
        return False
    keys = _values(read, tags[_GEO_KEYS], order)[4:]
    return any(key in keys[::4] for key in _CRS_KEYS)


def _cut(what: str, at: int, size: int, where: str) -> None:
    fix = "Fetch it again: it was not copied to its end."
    raise Unreadable(where=where, what=f"is cut short: {what} lies at byte {at:,} of {size:,}", fix=fix)


def _tags(read: _Read, size: int, at: int, order: str, is_big: bool, where: str) -> dict[int, tuple[int, int, int]]:
    """Number of each tag -> type, count, and where its values lie; all of them are in the file."""
    count_form, form = (f"{order}Q", f"{order}HHQ") if is_big else (f"{order}H", f"{order}HHL")
    room = 8 if is_big else 4
    head = read(at, struct.calcsize(count_form))
    if len(head) < struct.calcsize(count_form):
        _cut("its directory", at, size, where)
    count = struct.unpack(count_form, head)[0]
    step = struct.calcsize(form) + room
    table = read(at + len(head), min(count, _MOST_TAGS) * step)
    if count > _MOST_TAGS or len(table) < count * step:
        _cut("its directory", at + len(head) + count * step, size, where)
    tags = {}
    for i in range(count):
        tag, kind, values = struct.unpack_from(form, table, i * step)
        length = _SIZES.get(kind, 0) * values
        place = at + len(head) + i * step + struct.calcsize(form)
        if length > room:
            place = struct.unpack_from(f"{order}Q" if is_big else f"{order}L", table, i * step + step - room)[0]
            if place + length > size:
                _cut(f"tag {tag}", place + length, size, where)
        tags[tag] = (kind, values, place)
    return tags


def _values(read: _Read, tag: tuple[int, int, int], order: str) -> Array:
    """Integers of a tag, as int64."""
    kind, count, place = tag
    if kind not in _INTEGERS:
        return np.zeros(0, np.int64)
    blob = read(place, count * _SIZES[kind])
    return np.frombuffer(blob[: len(blob) // _SIZES[kind] * _SIZES[kind]], order + _INTEGERS[kind]).astype(np.int64)
