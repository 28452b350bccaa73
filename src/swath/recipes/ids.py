"""Ids: the samples that somebody names, in a file or in words."""

from __future__ import annotations

from pathlib import Path

from swath.core.errors import Refused, Unreadable

__all__ = ["read_ids"]


def read_ids(given: str) -> list[str]:
    """Identifiers from a file, one a line, or from the words themselves, joined by commas.

    Raises
    ------
    Unreadable
        The file cannot be read as text.
    Refused
        There is none, or one stands twice.

    Examples
    --------
    >>> read_ids("River_12, River_13")
    ['River_12', 'River_13']
    """
    path = Path(given)
    try:
        is_file = path.is_file()
        held = path.read_text(encoding="utf-8").split("\n") if is_file else given.split(",")
    except (OSError, UnicodeDecodeError) as error:
        raise Unreadable(where=given, what=f"cannot be read as text ({error})", fix="Write one id a line.") from None
    ids = [each.strip() for each in held if each.strip()]
    twice = sorted({each for each in ids if ids.count(each) > 1}) if len(set(ids)) < len(ids) else []
    if not ids or twice:
        what = f"names {twice[0]} twice" if twice else "names no sample"
        raise Refused(where=f"ids {given}", what=what, fix="Name every sample once.")
    return ids
