"""Format suite: what every `core.plan.Format` must keep: recognise its own, refuse the rest in a sentence.

`check_format` opens a path, runs the source suite on it, and then hands the format what it must not choke on: another
kind of file, nothing at all, an option that does not exist, and a copy of the path that was cut short.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any

from swath.core.errors import Failure, SwathError, Unknown
from swath.core.plan import Format, Plan
from swath.testing.source import check_source

__all__ = ["check_format"]

#: A copy of a folder takes this many files at most.
_MOST_FILES = 200


def check_format(format: Format, path: Path, *, rows: int = 8, spawned: bool = True, **declared: Any) -> Plan:
    """Check a format against its contract, on a path that it can open.

    Parameters
    ----------
    format : Format
        The format.
    path : Path
        A small file or folder of it; it is copied, and the copy is cut short.
    rows, spawned : optional
        As for `testing.source.check_source`.
    **declared
        Options to open it with.

    Returns
    -------
    Plan
        The plan of the whole path.

    Raises
    ------
    AssertionError
        Says what the format does not keep.
    """
    where = f"format {getattr(format, 'name', format)}"
    if not isinstance(format, Format):
        raise AssertionError(f"{where}: lacks name, declares, sniff or open")
    if not all(isinstance(meaning, str) and meaning for meaning in format.declares.values()):
        raise AssertionError(f"{where}: has an option without a word on what it means")
    with tempfile.TemporaryDirectory() as folder:
        _check_sniff(format, path, Path(folder), where)
        _check_refusals(format, path, Path(folder), declared, where)
        _check_cut(format, path, Path(folder), declared, where)
    return check_source(format.open([path], **declared), rows=rows, spawned=spawned)


def _check_sniff(format: Format, path: Path, folder: Path, where: str) -> None:
    text = folder / "note.txt"
    text.write_text("not a picture\n")
    empty = folder / "empty"
    empty.mkdir()
    for what, tried, want in (
        ("its own path", path, True),
        ("a text file", text, False),
        ("an empty folder", empty, False),
        ("a path where nothing is", folder / "nothing", False),
    ):
        if format.sniff(tried) is not want:
            raise AssertionError(f"{where}: sniff says {not want} of {what}")


def _check_refusals(format: Format, path: Path, folder: Path, declared: dict[str, Any], where: str) -> None:
    nearest = next(iter(format.declares), None)
    try:
        format.open([path], **{**declared, f"{nearest or 'option'}_": "1"})
    except Unknown as error:
        if nearest is not None and repr(nearest) not in str(error):
            raise AssertionError(f"{where}: an unknown option is refused without the nearest one: {error}") from error
    else:
        raise AssertionError(f"{where}: an unknown option passes in silence")
    missing = folder / "nothing"
    try:
        format.open([missing], **declared).plan()
    except SwathError as error:
        if missing.name not in str(error):
            raise AssertionError(f"{where}: a missing path is refused without its name: {error}") from error
    else:
        raise AssertionError(f"{where}: a missing path opens in silence")


def _cut_copy(path: Path, folder: Path) -> Path:
    """A copy whose largest file has lost its second half."""
    copy = folder / path.name
    if path.is_file():
        shutil.copy(path, copy)
        files = [copy]
    else:
        every = [file for file in sorted(path.rglob("*")) if file.is_file()]
        files = [copy / file.relative_to(path) for file in every[:_MOST_FILES]]
        for file, there in zip(every, files, strict=False):
            there.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(file, there)
    largest = max(files, key=lambda file: file.stat().st_size)
    with largest.open("r+b") as handle:
        handle.truncate(largest.stat().st_size // 2)
    return copy


def _check_cut(format: Format, path: Path, folder: Path, declared: dict[str, Any], where: str) -> None:
    copy = _cut_copy(path, folder)
    try:
        source = format.open([copy], **declared)
        plan = source.plan()
        read = [*plan.failures, *source.read(plan.rows)]
    except SwathError:
        return
    if not any(isinstance(made, Failure) for made in read):
        raise AssertionError(f"{where}: a file that was cut in half is read as if it were whole")
