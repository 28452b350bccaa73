"""Archive: the files in a zip or a folder, listed and judged before a byte of them is inflated.

A zip is judged by its central directory alone; its members are read later by their offsets, from a handle of the
reader's own, so that nothing is shared between threads or processes and nobody parses the directory twice. Inflating
stops at the size that was promised, and the checksum must agree. Knows nothing of what the files hold.
"""

from __future__ import annotations

import itertools
import os
import stat
import struct
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final, cast

from isal import isal_zlib
from isal.igzip_lib import IsalError

from swath.core.errors import Refused, Unreadable

__all__ = [
    "MOST_BYTES",
    "MOST_MEMBERS",
    "MOST_RATIO",
    "RATIO_FROM",
    "Listing",
    "Member",
    "glance",
    "list_archive",
    "reading",
]

#: A zip with more members, or with more bytes when inflated, is refused.
MOST_MEMBERS: Final = 2_000_000
MOST_BYTES: Final = 256 * 2**30
#: A member above `RATIO_FROM` bytes that claims to inflate more than this many times is a bomb.
MOST_RATIO: Final = 200
RATIO_FROM: Final = 2**20

_STORED, _DEFLATED = 0, 8
_DAMAGED: Final = cast("tuple[type[Exception], ...]", (IsalError, OSError))
_LOCAL: Final = struct.Struct("<4s22xHH")  # signature, lengths of the name and of the extra field
_HOSTILE: Final = "Nothing was read from it. Fetch it again from its publisher, or unpack it yourself and look."


@dataclass(frozen=True, slots=True)
class Member:
    """One file in a zip or a folder."""

    #: Path below the zip or folder, with slashes.
    name: str
    #: Bytes when inflated.
    size: int
    #: Where its local header begins in the zip; -1 = a file of a folder.
    offset: int = -1
    #: Bytes in the zip, how they are packed (0 stored, 8 deflated), and CRC-32 of the inflated ones.
    packed: int = 0
    method: int = 0
    crc: int = 0


@dataclass(frozen=True, slots=True)
class Listing:
    """What an archive holds; hidden files (`.x`, `__MACOSX`) are passed over."""

    #: Regular files, in the order of their names.
    members: tuple[Member, ...]
    #: Folders, in the order of their names.
    folders: tuple[str, ...]


def glance(path: Path, *, most: int = 10_000) -> Iterator[str]:
    """Names of files in a folder or zip, unjudged and at most so many: enough to recognise a format."""
    if path.is_dir():
        names = (Path(home, name).relative_to(path).as_posix() for home, _, files in os.walk(path) for name in files)
        yield from itertools.islice(names, most)
    elif path.is_file() and zipfile.is_zipfile(path):
        try:
            with zipfile.ZipFile(path) as opened:
                yield from itertools.islice(opened.namelist(), most)
        except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, struct.error):
            return


def _is_hidden(name: str) -> bool:
    return any(part.startswith(".") or part == "__MACOSX" for part in name.split("/"))


def list_archive(path: Path, *, most: int) -> Listing:
    """List a zip or a folder, or refuse it.

    Parameters
    ----------
    path : Path
        A zip file or a folder.
    most : int
        Bytes that a single member may have when inflated.

    Raises
    ------
    Unreadable
        Nothing is there; the zip is truncated, encrypted, packed in an unknown way, or hostile: members that reach out
        of their folder, are links, overlap, or inflate beyond measure.
    Refused
        A link in the folder leads out of it.
    """
    if path.is_dir():
        return _list_folder(path)
    if not path.exists():
        raise Unreadable(where=str(path), what="is not there", fix="Look at the path.")
    try:
        with zipfile.ZipFile(path) as opened:
            infos = opened.infolist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, struct.error) as error:
        fix = "Fetch it again; a download that was cut short looks like this."
        raise Unreadable(where=str(path), what=f"is no whole zip file ({error})", fix=fix) from error
    _judge(path, infos, most)
    held = [i for i in infos if not _is_hidden(i.filename.rstrip("/"))]
    members = [
        Member(i.filename, i.file_size, i.header_offset, i.compress_size, i.compress_type, i.CRC)
        for i in held
        if not i.is_dir()
    ]
    folders = {i.filename.rstrip("/") for i in held if i.is_dir()}
    for name in {member.name.rpartition("/")[0] for member in members}:
        while name and name not in folders:
            folders.add(name)
            name = name.rpartition("/")[0]
    return Listing(tuple(sorted(members, key=lambda m: m.name)), tuple(sorted(folders)))


def _judge(path: Path, infos: list[zipfile.ZipInfo], most: int) -> None:
    """Refuse a hostile central directory."""

    def refuse(what: str, name: str) -> Unreadable:
        return Unreadable(where=str(path), what=f"{what}: member {name[:200]!r}", fix=_HOSTILE)

    if len(infos) > MOST_MEMBERS:
        raise Unreadable(where=str(path), what=f"holds {len(infos):,} members, above {MOST_MEMBERS:,}", fix=_HOSTILE)
    seen: set[str] = set()
    for info in infos:
        name = info.orig_filename
        if name.startswith(("/", "\\")) or ":" in name[:3] or "\\" in name or "\0" in name:
            raise refuse("holds an absolute or foreign path", name)
        if ".." in name and ".." in name.split("/"):
            raise refuse("holds a path that leaves its folder", name)
        if stat.S_ISLNK(info.external_attr >> 16):
            raise refuse("holds a link", name)
        if info.flag_bits & 0x1:
            raise refuse("is encrypted", name)
        if info.is_dir():
            continue
        if name in seen:
            raise refuse("holds the same path twice", name)
        seen.add(name)
        if info.compress_type not in (_STORED, _DEFLATED):
            raise refuse(f"is packed by method {info.compress_type}, only stored and deflated are read", name)
        if info.file_size > most:
            raise refuse(f"inflates to {info.file_size:,} bytes, above {most:,} (a zip bomb, or another kind)", name)
        if info.file_size > RATIO_FROM and info.file_size > MOST_RATIO * max(1, info.compress_size):
            raise refuse(f"inflates {info.file_size // max(1, info.compress_size):,} times (a zip bomb)", name)
    _judge_extent(path, infos)


def _judge_extent(path: Path, infos: list[zipfile.ZipInfo]) -> None:
    """Refuse members that overlap (the bomb that needs no great ratio) or that inflate to too much together."""
    end, last = 0, ""
    for info in sorted(infos, key=lambda i: i.header_offset):
        if info.header_offset < end:
            names = f"{last[:200]!r} and {info.filename[:200]!r}"
            raise Unreadable(where=str(path), what=f"holds members that overlap (a zip bomb): {names}", fix=_HOSTILE)
        end, last = info.header_offset + 30 + info.compress_size, info.filename
    total = sum(info.file_size for info in infos)
    if end > path.stat().st_size:
        raise Unreadable(where=str(path), what=f"is cut short: member {last!r} ends beyond it", fix="Fetch it again.")
    if total > MOST_BYTES:
        raise Unreadable(where=str(path), what=f"inflates to {total:,} bytes, above {MOST_BYTES:,}", fix=_HOSTILE)


def _list_folder(root: Path) -> Listing:
    """Walk a folder; links are allowed as long as they stay inside, linked folders are not walked twice."""
    home = root.resolve()
    members, folders, waiting = [], [], [""]
    while waiting:
        below = waiting.pop()
        with os.scandir(root / below) as entries:
            for entry in entries:
                name = f"{below}/{entry.name}" if below else entry.name
                if _is_hidden(entry.name):
                    continue
                if not name.isascii() and name != os.fsencode(name).decode(errors="replace"):
                    raise Unreadable(where=str(root), what=f"holds a name that is no UTF-8: {name!r}", fix="Rename it.")
                if entry.is_symlink() and not Path(entry.path).resolve().is_relative_to(home):
                    what = f"holds a link that leaves it: {name!r} -> {os.readlink(entry.path)!r}"
                    raise Refused(where=str(root), what=what, fix="Copy the file here, or open the folder it lies in.")
                if entry.is_dir(follow_symlinks=False):
                    folders.append(name)
                    waiting.append(name)
                elif entry.is_file():
                    members.append(Member(name, entry.stat().st_size))
    return Listing(tuple(sorted(members, key=lambda m: m.name)), tuple(sorted(folders)))


@contextmanager
def reading(path: Path, *, most: int) -> Iterator[Callable[[Member], bytes]]:
    """Open an archive for reading whole members; the handle is the caller's own.

    Parameters
    ----------
    path : Path
        What `list_archive` listed.
    most : int
        Bytes that a member may have.

    Yields
    ------
    function from Member to bytes
        Raises Unreadable where a member is cut short, corrupt, or not what its listing promised.
    """
    if path.is_dir():
        yield lambda member: _read_file(path, member, most)
        return
    try:
        handle = path.open("rb")
    except OSError as error:
        raise Unreadable(
            where=str(path), what=f"cannot be opened ({error.strerror})", fix="Look at the path."
        ) from None
    with handle:
        yield lambda member: _read_packed(handle, path, member, most)


def _read_file(root: Path, member: Member, most: int) -> bytes:
    where = f"{root.name}/{member.name}"
    try:
        with (root / member.name).open("rb") as handle:
            size = os.fstat(handle.fileno()).st_size  # asking for `most` would lay out as much memory for every file
            blob = handle.read(min(size, most) + 1)
    except OSError as error:
        raise Unreadable(where=where, what=f"cannot be read ({error.strerror})", fix="Plan again.") from None
    if len(blob) > most:
        raise Unreadable(where=where, what=f"has more than {most:,} bytes", fix="It is no file of this kind.")
    return blob


def _read_packed(handle: BinaryIO, path: Path, member: Member, most: int) -> bytes:
    where = f"{path.name}/{member.name}"
    if member.size > most:
        raise Unreadable(where=where, what=f"inflates to {member.size:,} bytes, above {most:,}", fix=_HOSTILE)
    try:
        handle.seek(member.offset)
        head = handle.read(_LOCAL.size)
        signature, name, extra = _LOCAL.unpack(head) if len(head) == _LOCAL.size else (b"", 0, 0)
        if signature != b"PK\3\4":
            raise Unreadable(where=where, what="is not where the plan says: the zip has changed", fix="Plan again.")
        handle.seek(member.offset + _LOCAL.size + name + extra)
        packed = handle.read(member.packed)
        blob = packed if member.method == _STORED else isal_zlib.decompressobj(-15).decompress(packed, member.size + 1)
    except _DAMAGED as error:
        raise Unreadable(where=where, what=f"cannot be inflated ({error})", fix="Fetch the zip again.") from error
    if len(blob) != member.size:
        have = "more" if len(blob) > member.size else f"{len(blob):,}"
        raise Unreadable(
            where=where, what="bytes after inflating", want=f"{member.size:,}", have=have, fix="Fetch the zip again."
        )
    if isal_zlib.crc32(blob) != member.crc:
        raise Unreadable(where=where, what="is damaged: its checksum does not agree", fix="Fetch the zip again.")
    return blob
