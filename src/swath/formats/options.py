"""Options: what a user declares about foreign files, as text from a command line or as values from Python, both alike.

Each function reads one kind of value and says in one sentence what it cannot read. Knows no format.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from swath.core.errors import Refused, Unknown

__all__ = ["as_date", "as_names", "as_number", "as_numbers", "as_size", "one_of", "only_known", "require_all"]


def only_known(declared: Mapping[str, Any], known: Mapping[str, str], *, where: str) -> dict[str, Any]:
    """Pass on what was declared; None means "not given" and is left out.

    Raises
    ------
    Unknown
        An option that the format does not take; the nearest is named.
    """
    for name in declared:
        if name not in known:
            raise Unknown(name, known, what="option", where=where)
    return {name: value for name, value in declared.items() if value is not None}


def _refuse(name: str, value: Any, form: str) -> Refused:
    return Refused(where=f"option {name}", what=f"cannot be read from {value!r}", want=form)


def as_names(name: str, value: Any) -> tuple[str, ...]:
    """Names, as a list or separated by commas.

    Examples
    --------
    >>> as_names("bands", "B04, B03"), as_names("bands", ["B04"])
    (('B04', 'B03'), ('B04',))
    """
    if not isinstance(value, str | Iterable):
        raise _refuse(name, value, "names separated by commas")
    parts = value.split(",") if isinstance(value, str) else [str(part) for part in value]
    names = tuple(part.strip() for part in parts)
    if not names or not all(names):
        raise _refuse(name, value, "names separated by commas")
    return names


def as_number(name: str, value: Any) -> float:
    """One number; `nan` is one.

    Examples
    --------
    >>> as_number("nodata", "-9999"), as_number("gsd", 10)
    (-9999.0, 10.0)
    """
    try:
        return float(value)
    except (TypeError, ValueError):
        raise _refuse(name, value, "a number") from None


def as_numbers(name: str, value: Any) -> tuple[float, ...]:
    """One number, or one a band separated by commas."""
    if isinstance(value, int | float):
        return (float(value),)
    return tuple(as_number(name, part) for part in as_names(name, value))


def as_size(name: str, value: Any) -> tuple[int, int]:
    """Pixels down and across: one number for a square, or two.

    Examples
    --------
    >>> as_size("size", "64"), as_size("size", "120,60"), as_size("size", (32, 32))
    ((64, 64), (120, 60), (32, 32))
    """
    parts = value.replace("x", ",").split(",") if isinstance(value, str) else value
    held = [parts] if isinstance(parts, int) else list(parts) if isinstance(parts, Iterable) else []
    try:
        sides = [int(part) for part in held]
    except (TypeError, ValueError):
        sides = []
    if len(sides) not in (1, 2) or min(sides) < 1:
        raise _refuse(name, value, "pixels, as 64 or 120,60 (down, across)")
    return sides[0], sides[-1]


def as_date(name: str, value: Any) -> np.datetime64:
    """A date or a moment in UTC, in ISO 8601.

    Examples
    --------
    >>> as_date("date", "2022-06-12"), as_date("date", "2022-06-12T10:10:31Z")
    (np.datetime64('2022-06-12T00:00:00.000000'), np.datetime64('2022-06-12T10:10:31.000000'))
    """
    try:
        moment = datetime.datetime.fromisoformat(str(value))
    except ValueError:
        raise _refuse(name, value, "a date as 2022-06-12 or 2022-06-12T10:10:31Z") from None
    if moment.tzinfo is not None:
        moment = moment.astimezone(datetime.UTC).replace(tzinfo=None)
    return np.datetime64(moment, "us")


def one_of(name: str, value: Any, known: Iterable[str]) -> str:
    """One of the names that the option may have.

    Raises
    ------
    Unknown
        Another one; the nearest is named.
    """
    held = list(known)
    if str(value) not in held:
        raise Unknown(str(value), held, what=name)
    return str(value)


def require_all(places: Any, dates: Any, spec: Any, *, where: str) -> None:
    """Refuse to choose among files by place, date or spec."""
    if places is not None or dates is not None or spec is not None:
        what = "files are read as they are, not by place, date or spec"
        raise Refused(where=where, what=what, fix="Plan all there is, and choose afterwards.")
