"""Markup: metadata that others wrote as XML, read within bounds and without entities.

A file is taken as UTF-8, may declare no document type (so there is no entity to expand and nothing to fetch), and may
have so many bytes and no more. Text, numbers and tables of numbers are then asked for by path, and what is missing or
no number is told with the file and the path. Knows no format.
"""

from __future__ import annotations

import datetime
from typing import Final
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

import numpy as np

from swath.core.array import Array
from swath.core.errors import Unreadable

__all__ = ["MOST_BYTES", "moment", "number", "numbers", "read_xml", "table", "text"]

#: Bytes that one file of metadata may have; the largest real ones have 2 MB.
MOST_BYTES: Final = 8 * 2**20
_AGAIN: Final = "Fetch the product again."


def read_xml(blob: bytes, *, where: str) -> Element:
    """Parse a file of metadata.

    Raises
    ------
    Unreadable
        It is no whole XML, no UTF-8, too large, or declares a document type.

    Examples
    --------
    >>> read_xml(b"<a><b>1</b></a>", where="a.xml").findtext("b")
    '1'
    """
    if len(blob) > MOST_BYTES:
        raise Unreadable(where=where, what=f"has more than {MOST_BYTES:,} bytes", fix="It is no metadata of this kind.")
    try:
        blob.decode("utf-8")
    except UnicodeDecodeError:
        raise Unreadable(where=where, what="is no UTF-8", fix=_AGAIN) from None
    if b"<!DOCTYPE" in blob or b"<!ENTITY" in blob:
        what = "declares a document type or entities, which no product's metadata does"
        raise Unreadable(where=where, what=what, fix="Nothing in it was expanded. Fetch it again from its publisher.")
    try:
        return ElementTree.fromstring(blob, ElementTree.XMLParser(encoding="utf-8"))
    except ElementTree.ParseError as error:
        raise Unreadable(where=where, what=f"is no whole XML ({error})", fix=_AGAIN) from None


def text(element: Element, path: str, *, where: str) -> str:
    """Text at a path, without the spaces around it.

    Raises
    ------
    Unreadable
        Nothing is there, or nothing is in it.
    """
    found = (element.findtext(path) or "").strip()
    if not found:
        raise Unreadable(where=where, what=f"does not say {path.removeprefix('.//')}", fix=_AGAIN)
    return found


def number(element: Element, path: str, *, where: str) -> float:
    """One finite number at a path."""
    return float(numbers(text(element, path, where=where), path.removeprefix(".//"), where=where, count=1)[0])


def numbers(held: str, what: str, *, where: str, count: int | None = None) -> Array:
    """Numbers separated by spaces, float64; NaN is one where a table may have holes.

    Parameters
    ----------
    held : str
        The text.
    what : str
        Its name, for the error.
    count : int, optional
        How many there must be, finite ones.

    Raises
    ------
    Unreadable
        A word in it is no number, or there are more or fewer.

    Examples
    --------
    >>> numbers("1 2.5 NaN", "VALUES", where="a.xml")
    array([1. , 2.5, nan])
    """
    try:
        found = np.array(held.split(), np.float64)
    except ValueError:
        raise Unreadable(where=where, what=f"{what} holds no numbers ({held[:60]!r})", fix=_AGAIN) from None
    if count is not None and (found.size != count or not np.isfinite(found).all()):
        raise Unreadable(where=where, what=f"{what}: numbers", want=f"{count} finite", have=held[:60], fix=_AGAIN)
    return found


def table(element: Element, path: str, *, where: str) -> Array:
    """Rows of numbers under a path, one child a row; shape (rows, columns), NaN allowed.

    Raises
    ------
    Unreadable
        There is none, or its rows are of several lengths.
    """
    name = path.removeprefix(".//")
    rows = [numbers(row.text or "", name, where=where) for row in element.findall(path)]
    if not rows or len({row.size for row in rows}) > 1 or rows[0].size == 0:
        raise Unreadable(where=where, what=f"{name} is no table of rows of one length", fix=_AGAIN)
    return np.stack(rows)


def moment(held: str, what: str, *, where: str) -> np.datetime64:
    """A moment in UTC, in ISO 8601 with or without Z.

    Examples
    --------
    >>> moment("2023-06-25T23:46:21.024Z", "START", where="a.xml")
    np.datetime64('2023-06-25T23:46:21.024000')
    """
    try:
        found = datetime.datetime.fromisoformat(held.strip())
    except ValueError:
        raise Unreadable(where=where, what=f"{what} is no moment ({held[:60]!r})", fix=_AGAIN) from None
    if found.tzinfo is not None:
        found = found.astimezone(datetime.UTC).replace(tzinfo=None)
    return np.datetime64(found, "us")
