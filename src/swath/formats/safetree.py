"""SAFE tree: the files of one Sentinel product, in a zip or a folder, and how its images are opened.

A path holds one product or several: a `.SAFE` folder, a zip of one, a folder of such folders and zips, or a tile of the
public buckets with its metadata beside it. Members are judged by `formats.archive` before a byte is read. Images are
opened in place; those that are packed in a zip are inflated whole, their checksum compared, and held in memory, a few a
thread and within bounds. Knows which files there are, and nothing of what they mean.
"""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import BinaryIO, Final

import numpy as np
import rasterio
from rasterio._err import CPLE_BaseError
from rasterio.errors import RasterioError
from rasterio.io import DatasetReader, MemoryFile
from rasterio.windows import Window as RasterWindow

from swath.core.array import Array
from swath.core.errors import Unreadable
from swath.core.scene import Window
from swath.formats.archive import Member, glance, list_archive, reading
from swath.formats.directory import require_whole
from swath.formats.markup import MOST_BYTES
from swath.formats.raster import reading_rasters, unplaced_is_a_fact

__all__ = [
    "MOST_HANDLES",
    "MOST_HELD",
    "Tree",
    "find_trees",
    "forget_handles",
    "open_member",
    "read_member",
    "read_window",
]

#: Images that one thread keeps open at most, and bytes of inflated ones.
MOST_HANDLES: Final = 24
MOST_HELD: Final = 2**30
#: Bytes that an image may have when inflated: a 10 m band has 130 MB, a GRD of stripmap 2 GB.
_MOST_IMAGE: Final = 4 * 2**30
_ALONE: Final = (".zip",)
_BROKEN: Final = (RasterioError, CPLE_BaseError, OSError, ValueError, OverflowError, MemoryError)
_AGAIN: Final = "It is truncated, corrupt or no image: fetch the product again."


@dataclass(frozen=True, slots=True, eq=False)
class Tree:
    """The files of one product."""

    #: Zip, or folder.
    path: Path
    #: Folder of the product below it, with a slash behind it; empty = the path itself.
    root: str
    #: Path below the root -> file.
    members: dict[str, Member]

    @property
    def name(self) -> str:
        """Name of the product's folder, or of the path."""
        return PurePosixPath(self.root).name or self.path.name

    def where(self, member: Member) -> str:
        """How errors name a file of it."""
        return f"{self.name}/{member.name.removeprefix(self.root)}"

    def find(self, ending: str) -> list[Member]:
        """Files whose path below the root ends so, in the order of their names."""
        return [member for name, member in self.members.items() if name.endswith(ending)]


def find_trees(path: Path, is_head: Callable[[str], bool]) -> list[Tree]:
    """Find the products at a path.

    Parameters
    ----------
    path : Path
        A zip, a product's folder, or a folder of products and zips.
    is_head : function from str to bool
        True for the name of the file that stands at the top of a product.

    Raises
    ------
    Unreadable
        Nothing is there, or a zip is truncated or hostile.
    Refused
        A link leads out of the folder.
    """
    listing = list_archive(path, most=_MOST_IMAGE)
    roots = sorted({m.name.rpartition("/")[0] for m in listing.members if is_head(m.name.rpartition("/")[2])})
    trees = []
    for root in roots:
        prefix = f"{root}/" if root else ""
        others = [f"{other}/" for other in roots if other != root and other.startswith(prefix)]
        held = {
            member.name.removeprefix(prefix): member
            for member in listing.members
            if member.name.startswith(prefix) and not any(member.name.startswith(other) for other in others)
        }
        trees.append(Tree(path, prefix, held))
    if path.is_dir():
        for member in listing.members:
            inside = any(member.name.startswith(f"{root}/" if root else "") for root in roots)
            if member.name.lower().endswith(_ALONE) and not inside and _holds(path / member.name, is_head):
                trees += find_trees(path / member.name, is_head)
    return trees


def _holds(path: Path, is_head: Callable[[str], bool]) -> bool:
    return any(is_head(name.rpartition("/")[2]) for name in glance(path))


def read_member(tree: Tree, member: Member) -> bytes:
    """Read a file of metadata whole.

    Raises
    ------
    Unreadable
        It is too large for one, cut short or corrupt.
    """
    with reading(tree.path, most=MOST_BYTES) as read:
        return read(member)


@dataclass(frozen=True, slots=True, eq=False)
class _Handle:
    """One image that is open."""

    dataset: DatasetReader
    #: Where it lies, if it was inflated, and its bytes.
    memory: MemoryFile | None = None
    size: int = 0
    #: What it was held against, and fits.
    fits: set[Hashable] = field(default_factory=set)


class _Handles(threading.local):
    """Images that this thread holds open, the last used last."""

    def __init__(self) -> None:
        self.process = os.getpid()
        self.held: OrderedDict[tuple[str, int, int, str], _Handle] = OrderedDict()

    def get(self, tree: Tree, member: Member) -> _Handle:
        if self.process != os.getpid():
            # After a fork these share their file positions with the parent's: forgotten, not closed by name.
            self.process, self.held = os.getpid(), OrderedDict()
        file = tree.path / member.name if tree.path.is_dir() else tree.path
        about = file.stat()
        key = (str(tree.path), about.st_mtime_ns, about.st_size, member.name)
        if key not in self.held:
            self.held[key] = _opened(tree, member)
        self.held.move_to_end(key)
        while len(self.held) > 1 and (len(self.held) > MOST_HANDLES or self._bytes() > MOST_HELD):
            handle = self.held.popitem(last=False)[1]
            handle.dataset.close()
            if handle.memory is not None:
                handle.memory.close()
        return self.held[key]

    def _bytes(self) -> int:
        return sum(handle.size for handle in self.held.values())


_HANDLES = _Handles()


def forget_handles() -> None:
    """Close every image that this thread holds open."""
    while _HANDLES.held:
        handle = _HANDLES.held.popitem()[1]
        handle.dataset.close()
        if handle.memory is not None:
            handle.memory.close()


def _opened(tree: Tree, member: Member) -> _Handle:
    where = tree.where(member)
    if tree.path.is_dir():
        file = tree.path / member.name
        with file.open("rb") as handle:
            _require_whole(lambda at, count: _slice(handle, at, count), file.stat().st_size, where)
        with reading_rasters(), unplaced_is_a_fact():
            return _Handle(rasterio.open(file))
    with reading(tree.path, most=_MOST_IMAGE) as read:
        blob = read(member)
    _require_whole(lambda at, count: blob[at : at + count], len(blob), where)
    memory = MemoryFile(blob)
    with reading_rasters(), unplaced_is_a_fact():
        return _Handle(memory.open(), memory, len(blob))


def _slice(handle: BinaryIO, at: int, count: int) -> bytes:
    handle.seek(at)
    return handle.read(count)


def _require_whole(read: Callable[[int, int], bytes], size: int, where: str) -> None:
    """Refuse an image that ends before it says it does: TIFF by its directory, JPEG 2000 by its boxes."""
    if read(4, 4) == b"jP  ":
        _require_boxes(read, size, where)
    else:
        require_whole(read, size, where=where)


def _require_boxes(read: Callable[[int, int], bytes], size: int, where: str) -> None:
    """Walk the boxes of a JP2 (ISO/IEC 15444-1 annex I); the codestream must end with its EOC marker."""
    at, end = 0, 0
    while at + 8 <= size:
        head = read(at, 16)
        length, kind = int.from_bytes(head[:4], "big"), head[4:8]
        if length == 1:
            length = int.from_bytes(head[8:16], "big")
        end = size if length == 0 else at + length
        if end > size or (length != 0 and length < 8):
            fix = "Fetch it again: it was not copied to its end."
            what = f"is cut short: box {kind.decode('latin-1')!r} ends at byte {end:,} of {size:,}"
            raise Unreadable(where=where, what=what, fix=fix)
        if kind == b"jp2c":
            if read(end - 2, 2) != b"\xff\xd9":
                raise Unreadable(where=where, what="is cut short: its codestream has no end", fix=_AGAIN)
            return
        at = end
    raise Unreadable(where=where, what="holds no JPEG 2000 codestream", fix=_AGAIN)


@contextmanager
def open_member(
    tree: Tree, member: Member, *, want: Hashable = None, check: Callable[[DatasetReader], None] | None = None
) -> Iterator[DatasetReader]:
    """Open an image, or take this thread's open handle on it; whatever goes wrong inside is told as `Unreadable`.

    Parameters
    ----------
    tree, member : Tree, Member
        Which.
    want, check : optional
        What the image must fit, and the function that refuses it: asked once for as long as the handle is open.

    Raises
    ------
    Unreadable
        It is not there, or its bytes cannot be read whole.
    """
    where = tree.where(member)
    try:
        handle = _HANDLES.get(tree, member)
        if check is not None and want not in handle.fits:
            check(handle.dataset)
            handle.fits.add(want)
        yield handle.dataset
    except FileNotFoundError:
        raise Unreadable(where=where, what="is not there", fix="Look at the path.") from None
    except _BROKEN as error:
        said = str(error.__cause__ or error).strip().rstrip(".").split("\n")[0][:200]
        raise Unreadable(where=where, what=f"cannot be read as an image ({said})", fix=_AGAIN) from error


def read_window(
    dataset: DatasetReader, indexes: Sequence[int], window: Window, *, out: Array | None = None
) -> tuple[Array, Array | None]:
    """Read bands of a window; what lies beyond the edge is 0.

    Parameters
    ----------
    out : array, shape (b, h, w), optional
        Of the dataset's dtype: where the pixels go if all of the window lies inside.

    Returns
    -------
    data : array, shape (b, h, w)
    inside : bool array, shape (h, w), or None = all of it lies inside
    """
    top, left = max(window.row, 0), max(window.col, 0)
    bottom, right = min(window.row + window.height, dataset.height), min(window.col + window.width, dataset.width)
    asked = (window.row, window.col, window.row + window.height, window.col + window.width)
    there = RasterWindow(left, top, max(right - left, 0), max(bottom - top, 0))
    if (top, left, bottom, right) == asked:
        is_all = (window.height, window.width) == (dataset.height, dataset.width)
        return dataset.read(list(indexes), window=None if is_all else there, out=out), None
    data = np.zeros((len(indexes), window.height, window.width), dataset.dtypes[0])
    inside = np.zeros((window.height, window.width), bool)
    if top < bottom and left < right:
        part = (slice(top - window.row, bottom - window.row), slice(left - window.col, right - window.col))
        data[(slice(None), *part)] = dataset.read(list(indexes), window=there)
        inside[part] = True
    return data, inside
