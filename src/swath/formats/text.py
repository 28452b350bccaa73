"""Text: a table of others, plain or gzipped, as bytes or as one string, within bounds."""

from __future__ import annotations

import codecs
import gzip
import zlib
from pathlib import Path
from typing import Final

from swath.core.errors import Unreadable

__all__ = ["read_blob", "read_text"]

_AGAIN: Final = "Fetch the table again."


def read_blob(path: Path, *, most: int, fix: str = "Split it.") -> bytes:
    """Read the bytes of a table, without a byte order mark; one that is gzipped is unpacked, whatever its name.

    Parameters
    ----------
    path : Path
    most : int
        Bytes, unpacked, above which it is refused.
    fix : str
        What to do about one that is larger.

    Raises
    ------
    Unreadable
        It is not there, cut short, or too large.
    """
    try:
        with path.open("rb") as raw:
            is_packed = raw.read(2) == b"\x1f\x8b"
        with gzip.open(path) if is_packed else path.open("rb") as handle:
            blob = handle.read(most + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise Unreadable(where=str(path), what=f"cannot be read ({error})", fix=_AGAIN) from error
    if len(blob) > most:
        raise Unreadable(where=path.name, what=f"has more than {most:,} bytes", fix=fix)
    return blob.removeprefix(codecs.BOM_UTF8)


def read_text(path: Path, *, most: int, fix: str = "Split it.") -> str:
    """Read a table as text in UTF-8; parameters as for `read_blob`.

    Raises
    ------
    Unreadable
        It is not there, cut short, too large, or no text.
    """
    blob = read_blob(path, most=most, fix=fix)
    try:
        return blob.decode()
    except UnicodeDecodeError as error:
        raise Unreadable(where=str(path), what=f"cannot be read ({error})", fix=_AGAIN) from error
