"""Answers: the tables of the contest, of numbers to be located and of where they were found.

An answer is `image x y`: the number of an image and the upper-left corner of the patch in it, three whole numbers with
blanks between. The contest never said which of x and y counts rows, so nothing here does; where most corners of one
table are those of another with x and y exchanged, that is said. Ids decide which row is which, never their order.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from swath.core.array import Array
from swath.core.errors import Mismatch, Refused, Unreadable
from swath.core.files import write_whole

__all__ = ["CORNERS", "Answers", "read_answers", "read_ids", "require_matching", "write_answers"]

#: Corners that a patch of 64 px can have in an image of 512.
CORNERS: Final = (0, 448)
_MOST_BYTES: Final = 64 * 2**20
_MOST_ROWS: Final = 1_000_000
_COLUMNS: Final = ("Patch ID", "Result")
_HEADERS: Final = {"images": "Image ID", "patches": "Patch ID"}
_RESULT: Final = re.compile(r"\s*(\d{1,9}) +(\d{1,9}) +(\d{1,9})\s*")


@dataclass(frozen=True, slots=True, eq=False)
class Answers:
    """Where patches were found, one row a patch."""

    #: Numbers of the patches, ascending; int64, shape (n,).
    patches: Array
    #: Image of each, and x and y of the corner; int64, shape (n, 3).
    found: Array

    def __len__(self) -> int:
        return len(self.patches)

    def only(self, patches: Iterable[int]) -> Answers:
        """The answers for some patches, ascending.

        Raises
        ------
        Refused
            One of them has no answer.
        """
        wanted = np.unique(np.fromiter(patches, np.int64))
        at = np.searchsorted(self.patches, wanted)
        is_there = (
            np.zeros(len(wanted), bool) if not len(self) else self.patches[np.minimum(at, len(self) - 1)] == wanted
        )
        if not is_there.all():
            lacking = wanted[~is_there]
            what = f"hold none for {len(lacking):,} of {len(wanted):,} patches, the first is {lacking[0]}"
            raise Refused(where="answers", what=what, fix="Answer them too, or score a smaller set.")
        return Answers(wanted, self.found[at])


def _rows(path: Path) -> list[list[str]]:
    try:
        blob = path.read_bytes()[: _MOST_BYTES + 1]
        text = blob.decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise Unreadable(where=str(path), what=f"cannot be read ({error})", fix="Look at the file.") from None
    if len(blob) > _MOST_BYTES:
        raise Refused(where=path.name, what=f"has more than {_MOST_BYTES:,} bytes", fix="It is no such table.")
    try:
        rows = [row for row in csv.reader(io.StringIO(text, newline=None)) if row]
    except csv.Error as error:
        raise Unreadable(where=path.name, what=f"is no CSV ({error})", fix="Save it anew.") from None
    if len(rows) > _MOST_ROWS + 1:
        raise Refused(where=path.name, what=f"has more than {_MOST_ROWS:,} rows", fix="It is no such table.")
    return rows


def _once(path: Path, numbers: Sequence[int], what: str) -> None:
    seen: set[int] = set()
    for line, number in enumerate(numbers, start=2):
        if number in seen:
            raise Refused(
                where=f"{path.name} line {line}", what=f"{what} {number} is there twice", fix="Leave one row."
            )
        seen.add(number)


def read_ids(path: Path, kind: str = "patches") -> tuple[int, ...]:
    """Read a table of numbers to be used, in its own order.

    Parameters
    ----------
    kind : str
        `images` or `patches`: whose numbers they must be.

    Raises
    ------
    Mismatch
        The header is that of another table.
    Refused
        A number is there twice, or is none.
    """
    rows, want = _rows(path), _HEADERS[kind]
    have = rows[0][0].strip() if rows else "nothing"
    if have != want:
        raise Mismatch(where=path.name, what="header", want=want, have=have, fix=f"Name a table of {kind}.")
    numbers = [_whole(path, line, row[0], want) for line, row in enumerate(rows[1:], start=2)]
    _once(path, numbers, want)
    return tuple(numbers)


def _whole(path: Path, line: int, text: str, what: str) -> int:
    if not re.fullmatch(r"\s*\d{1,12}\s*", text):
        raise Refused(where=f"{path.name} line {line}", what=f"{what} is no whole number", have=repr(text))
    return int(text)


def read_answers(path: Path) -> Answers:
    """Read answers, in any order of their rows.

    Raises
    ------
    Mismatch
        Its columns are not `Patch ID` and `Result`.
    Refused
        A row is no answer, a patch is there twice, or a corner lies where no patch can begin.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "a.csv"
    ...     _ = path.write_text("Patch ID,Result" + chr(10) + "0,192 219 143" + chr(10))
    ...     read_answers(path).found.tolist()
    [[192, 219, 143]]
    """
    rows = _rows(path)
    head = tuple(name.strip() for name in rows[0]) if rows else ()
    if head != _COLUMNS:
        have = ", ".join(head) or "nothing"
        raise Mismatch(where=path.name, what="columns", want=", ".join(_COLUMNS), have=have, fix="Name them so.")
    patches: list[int] = []
    found: list[tuple[int, int, int]] = []
    for line, row in enumerate(rows[1:], start=2):
        where = f"{path.name} line {line}"
        parts = _RESULT.fullmatch(row[1]) if len(row) == 2 else None
        if parts is None:
            have = repr(",".join(row))[:80]
            raise Refused(where=where, what="is no answer", want="'patch,image x y' (whole numbers)", have=have)
        image, x, y = (int(part) for part in parts.groups())
        if not all(CORNERS[0] <= corner <= CORNERS[1] for corner in (x, y)):
            what = f"has a corner ({x}, {y}) at which no patch can begin"
            raise Refused(where=where, what=what, want="0..448 both ways", fix="Corners, not centres, are wanted.")
        patches.append(_whole(path, line, row[0], "Patch ID"))
        found.append((image, x, y))
    _once(path, patches, "patch")
    order = np.argsort(np.array(patches, np.int64), kind="stable")
    return Answers(np.array(patches, np.int64)[order], np.array(found, np.int64).reshape(-1, 3)[order])


def write_answers(path: Path, answers: Mapping[int, tuple[int, int, int]]) -> None:
    """Write answers as the contest reads them, ascending by patch: `0,192 219 143`.

    Raises
    ------
    Refused
        A corner lies where no patch can begin.
    """
    lines = [",".join(_COLUMNS)]
    for patch, (image, x, y) in sorted(answers.items()):
        if not all(CORNERS[0] <= corner <= CORNERS[1] for corner in (x, y)):
            what = f"has a corner ({x}, {y}) at which no patch can begin"
            raise Refused(where=f"patch {patch}", what=what, want="0..448 both ways")
        lines.append(f"{patch},{image} {x} {y}")
    write_whole(path, ("\n".join(lines) + "\n").encode())


def require_matching(given: Answers, truth: Answers, *, where: str) -> None:
    """Refuse answers to be judged by others that are of other patches, or whose x and y are exchanged.

    Parameters
    ----------
    given, truth : Answers
        What is to be judged, and what it is judged by.
    where : str
        The file of `given`, for the error.

    Raises
    ------
    Refused
        Patches are missing or unknown; or in the right images most corners agree only with x and y exchanged.
    """
    unknown, missing = np.setdiff1d(given.patches, truth.patches), np.setdiff1d(truth.patches, given.patches)
    if unknown.size:
        what = f"answers {unknown.size:,} patches that nobody asked for, the first is {unknown[0]}"
        raise Refused(where=where, what=what, fix="Leave them out, or judge by the table that has them.")
    if missing.size:
        what = f"has no answer for {missing.size:,} of {len(truth):,} patches, the first is {missing[0]}"
        raise Refused(where=where, what=what, fix="Answer them too, or judge by a subset.")
    right = given.found[:, 0] == truth.found[:, 0]
    mine, theirs = given.found[right, 1:], truth.found[right, 1:]
    exact = int((mine == theirs).all(axis=1).sum())
    turned = int((mine[:, ::-1] == theirs).all(axis=1).sum())
    if turned > len(mine) / 2 and turned > 2 * exact:
        raise Refused(
            where=where,
            what=f"has x and y exchanged: of {len(mine):,} patches in the right image {exact:,} corners agree as "
            f"written, {turned:,} with x and y exchanged",
            fix="Write x before y as the truth does.",
        )
