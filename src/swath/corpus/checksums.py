"""Checksums: `checksums.sha256`, one line a file of the corpus, in the form that `sha256sum -c` reads.

Lines of a batch are appended before the batch is committed, so a corpus that was cut off may hold lines of files that
are not there yet and one incomplete last line: both are passed over. Knows names and bytes, not what they mean.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from swath.core.errors import Unreadable
from swath.core.files import append, write_whole

__all__ = ["NAME", "add_lines", "file_sum", "read_lines", "sum_of", "write_lines"]

NAME: Final = "checksums.sha256"
_LINE: Final = re.compile(r"^([0-9a-f]{64})  (\S.*)$")


def sum_of(blob: bytes | memoryview) -> str:
    """SHA-256 of some bytes, in hexadecimal."""
    return hashlib.sha256(blob).hexdigest()


def file_sum(path: Path) -> str:
    """SHA-256 of a file, read in pieces."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _text(sums: Mapping[str, str]) -> bytes:
    return "".join(f"{digest}  {name}\n" for name, digest in sums.items()).encode()


def read_lines(folder: Path) -> dict[str, str]:
    """Path below the folder -> SHA-256; of two lines for one path the later one.

    Raises
    ------
    Unreadable
        The file is missing, or a whole line of it is not a checksum.
    """
    path = folder / NAME
    try:
        text = path.read_bytes().decode(errors="replace")
    except FileNotFoundError:
        raise Unreadable(where=str(path), what="is missing", fix="Run: swath corpus repair.") from None
    sums: dict[str, str] = {}
    for number, line in enumerate(text.split("\n")[:-1], 1):
        match = _LINE.match(line)
        if match is None:
            raise Unreadable(where=f"{path} line {number}", what="is not a checksum", fix="Run: swath corpus repair.")
        sums[match[2]] = match[1]
    return sums


def add_lines(folder: Path, sums: Mapping[str, str]) -> None:
    """Append lines and flush them to the disk."""
    append(folder / NAME, _text(sums))


def write_lines(folder: Path, sums: Mapping[str, str]) -> None:
    """Replace the whole file."""
    write_whole(folder / NAME, _text(sums))
