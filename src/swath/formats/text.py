"""Text: a table of others as one string, plain or gzipped, within bounds."""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path

from swath.core.errors import Unreadable

__all__ = ["read_text"]


def read_text(path: Path, *, most: int, fix: str = "Split it.") -> str:
    """Read a text in UTF-8, with or without a byte order mark; a file that is gzipped is unpacked, whatever its name.

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
        It is not there, cut short, too large, or no text.
    """
    try:
        with path.open("rb") as raw:
            is_packed = raw.read(2) == b"\x1f\x8b"
        with gzip.open(path) if is_packed else path.open("rb") as handle:
            blob = handle.read(most + 1)
        if len(blob) > most:
            raise Unreadable(where=path.name, what=f"has more than {most:,} bytes", fix=fix)
        return blob.decode("utf-8-sig")
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        raise Unreadable(where=str(path), what=f"cannot be read ({error})", fix="Fetch the table again.") from error
