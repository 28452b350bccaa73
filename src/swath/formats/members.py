"""Members: the archives that the rows of a plan point into, each opened once by the reader in hand.

A plan carries where a member lies in its zip and what it must come to, so that nobody lists an archive twice. Knows
nothing of what the members hold.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

import pyarrow as pa

from swath.formats.archive import Member, reading

__all__ = ["MEMBER_COLUMNS", "Members", "member_columns"]

#: Columns of a plan that say where a member lies: which path below which root, and its place in a zip.
MEMBER_COLUMNS: Final = {
    "root": pa.int32(),
    "member": pa.string(),
    "size": pa.int64(),
    "offset": pa.int64(),
    "packed": pa.int64(),
    "method": pa.int32(),
    "crc": pa.int64(),
}


def member_columns(found: Sequence[tuple[int, Member]]) -> dict[str, list[Any]]:
    """Values of `MEMBER_COLUMNS` for members with the positions of their roots."""
    return {
        "root": [root for root, _ in found],
        "member": [member.name for _, member in found],
        "size": [member.size for _, member in found],
        "offset": [member.offset for _, member in found],
        "packed": [member.packed for _, member in found],
        "method": [member.method for _, member in found],
        "crc": [member.crc for _, member in found],
    }


class Members:
    """Members of the rows in hand: each archive is opened once, by this reader alone."""

    def __init__(self, roots: Sequence[Path], rows: Mapping[str, Sequence[Any]], *, most: int) -> None:
        self.roots, self.rows, self.most, self.stack = roots, rows, most, ExitStack()
        self.readers: dict[int, Callable[[Member], bytes]] = {}

    def __enter__(self) -> Members:
        return self

    def __exit__(self, *_: object) -> None:
        self.stack.close()

    def where(self, i: int) -> str:
        """Archive and path of row `i`, for errors."""
        return f"{self.roots[self.rows['root'][i]].name}/{self.rows['member'][i]}"

    def read(self, i: int) -> bytes:
        """Bytes of row `i`, checked against what the archive promised.

        Raises
        ------
        Unreadable
            It is cut short, corrupt, or has more than `most` bytes.
        """
        root = self.rows["root"][i]
        if root not in self.readers:
            self.readers[root] = self.stack.enter_context(reading(self.roots[root], most=self.most))
        return self.readers[root](
            Member(*(self.rows[name][i] for name in ("member", "size", "offset", "packed", "method", "crc")))
        )
