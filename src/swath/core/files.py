"""Files written whole: under a temporary name, flushed to the disk, then renamed.

A reader sees the old file or the new one, never half of one. The few system calls that change a folder go through
this module, so that tests can cut a run at each of them.
"""

from __future__ import annotations

import errno
import os
from contextlib import suppress
from pathlib import Path

from swath.core.errors import Refused

__all__ = ["append", "publish", "refusal", "remove", "sync_folder", "write_new", "write_whole"]


def refusal(path: Path, error: OSError) -> Refused:
    """Say in a sentence why the system did not let a file be written."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        fix = "Everything finished before is kept. Free some space and give the same command again."
        return Refused(where=str(path), what="the disk is full", fix=fix)
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return Refused(where=str(path), what="cannot be written here (read-only)", fix="Choose another folder.")
    return Refused(where=str(path), what=f"cannot be written ({error.strerror})", fix="Mend that and run again.")


def write_new(path: Path, blob: bytes | memoryview) -> None:
    """Write a file of its own and flush it to the disk; what was there is replaced, not atomically.

    Raises
    ------
    Refused
        The disk is full or the folder read-only; the half-written file is gone.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _write(path, os.O_TRUNC, blob)
    except OSError as error:
        with suppress(OSError):
            path.unlink(missing_ok=True)
        raise refusal(path, error) from error


def _write(path: Path, how: int, blob: bytes | memoryview) -> None:
    """Open, write all of it, flush; the system may take less at a time than it is given."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | how, 0o644)
    try:
        view = memoryview(blob)
        while view:
            view = view[os.write(handle, view) :]
        os.fsync(handle)
    finally:
        os.close(handle)


def sync_folder(folder: Path) -> None:
    """Flush the names in a folder to the disk."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def publish(temporary: Path, path: Path) -> None:
    """Rename a finished file into its place, replacing what was there."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        os.replace(temporary, path)
        sync_folder(path.parent)
    except OSError as error:
        raise refusal(path, error) from error


def write_whole(path: Path, blob: bytes | memoryview) -> None:
    """Write a file so that nobody ever sees half of it."""
    temporary = path.with_name(f".{path.name}.tmp")
    write_new(temporary, blob)
    publish(temporary, path)


def append(path: Path, blob: bytes) -> None:
    """Add to the end of a file and flush it; a kill may leave the last line incomplete, which readers pass over."""
    try:
        _write(path, os.O_APPEND, blob)
    except OSError as error:
        raise refusal(path, error) from error


def remove(path: Path) -> None:
    """Remove a file if it is there."""
    path.unlink(missing_ok=True)
