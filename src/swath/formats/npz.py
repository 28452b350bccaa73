"""NPZ: arrays of numpy in a zip, read without trusting a header and without unpickling anything.

The zip is judged as every archive is; an array's header must promise exactly the bytes that are there. Knows nothing
of what the arrays mean.
"""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
from numpy.lib import format as npy

from swath.core.array import Array
from swath.core.errors import Mismatch, Unreadable
from swath.formats.archive import list_archive, reading

__all__ = ["MOST_ARRAY", "names_in", "read_npz"]

#: Bytes that one array may have.
MOST_ARRAY: Final = 2**30
_AGAIN: Final = "It is truncated, corrupt or no NPZ: fetch it again."
_HEADERS: Final = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}


def names_in(path: Path) -> tuple[str, ...]:
    """Names of the arrays.

    Raises
    ------
    Unreadable
        It is no whole zip, or a hostile one.
    """
    members = list_archive(path, most=MOST_ARRAY).members
    return tuple(member.name.removesuffix(".npy") for member in members if member.name.endswith(".npy"))


def read_npz(path: Path, name: str, *, where: str, kinds: str, shape: Sequence[int | None] | None = None) -> Array:
    """Read one array, its checksum checked.

    Parameters
    ----------
    kinds : str
        numpy's letters of the dtypes that it may have (`f`, `iu`, `fiu`, `U`).
    shape : sequence of int or None, optional
        Lengths; None = any.

    Raises
    ------
    Unreadable
        There is no such array, it is cut short, or it holds objects.
    Mismatch
        It has another dtype or shape.
    """
    members = {member.name: member for member in list_archive(path, most=MOST_ARRAY).members}
    member = members.get(f"{name}.npy")
    if member is None:
        have = ", ".join(name.removesuffix(".npy") for name in list(members)[:8]) or "nothing"
        raise Unreadable(where=where, what=f"holds no array {name!r}", have=have, fix=_AGAIN)
    with reading(path, most=MOST_ARRAY) as read:
        blob = read(member)
    return _array(blob, name, where, kinds, shape)


def _array(blob: bytes, name: str, where: str, kinds: str, shape: Sequence[int | None] | None) -> Array:
    """An array from the bytes of its file."""
    stream = io.BytesIO(blob)
    try:
        version = npy.read_magic(stream)
        lengths, is_fortran, dtype = _HEADERS[version](stream)
    except (ValueError, KeyError, OSError, SyntaxError, TypeError) as error:
        said = str(error).split("\n")[0][:120]
        raise Unreadable(where=where, what=f"array {name!r} is none of numpy's ({said})", fix=_AGAIN) from None
    if dtype.hasobject:
        raise Unreadable(where=where, what=f"array {name!r} is pickled, which is never read", fix="Save it anew.")
    have, want = len(blob) - stream.tell(), math.prod(lengths) * dtype.itemsize
    if any(length < 0 for length in lengths) or have != want:
        what = f"array {name!r} claims other bytes than it has"
        raise Unreadable(where=where, what=what, want=f"{want:,}", have=f"{have:,}", fix=_AGAIN)
    fits = shape is None or (
        len(lengths) == len(shape) and all(n in (None, m) for n, m in zip(shape, lengths, strict=True))
    )
    if dtype.kind not in kinds or not fits:
        said = " x ".join("any" if n is None else str(n) for n in shape) if shape is not None else "any shape"
        seen = f"{dtype} ({' x '.join(map(str, lengths))})"
        raise Mismatch(where=where, what=f"array {name}", want=f"kind {kinds} ({said})", have=seen)
    held = np.frombuffer(blob, dtype, math.prod(lengths), stream.tell())
    return held.reshape(lengths, order="F" if is_fortran else "C")
