"""Parts: the several files that one sample is made of, as a column of a plan and as bytes.

A row of a plan lists its files with their places in a zip and what each must come to, so that nobody lists an archive
twice. `formats.members` does the same where a sample is one file. Knows nothing of what the files hold.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

import pyarrow as pa

from swath.formats.archive import Member, reading

__all__ = ["PARTS", "Parts", "part_of"]

#: Type of the column: which stack, which path below which root, its date where a name has one, and its place in a zip.
PARTS: Final = pa.list_(
    pa.struct(
        [
            ("stack", pa.string()),
            ("root", pa.int32()),
            ("name", pa.string()),
            ("date", pa.string()),
            ("size", pa.int64()),
            ("offset", pa.int64()),
            ("packed", pa.int64()),
            ("method", pa.int32()),
            ("crc", pa.int64()),
        ]
    )
)


def part_of(stack: str, root: int, member: Member, *, date: str = "") -> dict[str, Any]:
    """One element of a `PARTS` column."""
    held = {name: getattr(member, name) for name in ("name", "size", "offset", "packed", "method", "crc")}
    return {"stack": stack, "root": root, "date": date, **held}


class Parts:
    """Files of the rows in hand: each archive is opened once, by this reader alone."""

    def __init__(self, roots: Sequence[Path], *, most: int) -> None:
        self.roots, self.most, self.stack = roots, most, ExitStack()
        self.readers: dict[int, Callable[[Member], bytes]] = {}

    def __enter__(self) -> Parts:
        return self

    def __exit__(self, *_: object) -> None:
        self.stack.close()

    def read(self, part: Mapping[str, Any]) -> bytes:
        """Bytes of a part, checked against what the archive promised.

        Raises
        ------
        Unreadable
            It is gone, cut short, corrupt, or has more than `most` bytes.
        """
        root = int(part["root"])
        if root not in self.readers:
            self.readers[root] = self.stack.enter_context(reading(self.roots[root], most=self.most))
        return self.readers[root](Member(*(part[n] for n in ("name", "size", "offset", "packed", "method", "crc"))))
