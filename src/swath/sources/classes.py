"""Classes: the values of a label column as positions in a legend.

Text becomes codes 1, 2, ... in alphabetical order, whole numbers stay the codes that they are; with a legend given,
text is looked up by name and numbers by code. What is empty has no class. Knows no geometry and no file.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np

from swath.core.array import Array
from swath.core.errors import Refused, SwathError, Unknown
from swath.core.legends import Legend, LegendClass, class_colour, class_colours

__all__ = ["MOST_CLASSES", "NO_CLASS", "STRANGE", "Classes", "classes_of", "code_dtype", "numbered", "with_none"]

#: What `Classes.index` says of an empty value, and of one that the legend does not know.
NO_CLASS: Final = -1
STRANGE: Final = -3
#: More different values than this are no classes.
MOST_CLASSES: Final = 255
_DTYPES: Final = ("uint8", "uint16", "int16", "int32")


@dataclass(frozen=True, slots=True, eq=False)
class Classes:
    """Values of n features."""

    #: Codes, names, colours.
    legend: Legend
    #: Int16, shape (n,): positions in the legend's codes, `NO_CLASS` or `STRANGE`.
    index: Array


def classes_of(values: Array, *, name: str, legend: Legend | None = None, where: str) -> Classes:
    """Turn the values of a column into classes.

    Parameters
    ----------
    values : array, shape (n,)
        Text, whole numbers (real ones too, if they are whole), truths, or objects of these.
    name : str
        Of the legend that is made where none is given.
    legend : Legend, optional
        Known one.
    where : str
        File and column, for errors.

    Raises
    ------
    Refused
        Values are no classes: real numbers, dates, or more than `MOST_CLASSES` different ones; or two are the same but
        for upper and lower case.
    Unknown
        A legend is given, and none of the values is in it; the nearest is named.

    Examples
    --------
    >>> made = classes_of(np.array(["wheat", None, "maize", "wheat "], object), name="crop", where="fields.gpkg")
    >>> made.index.tolist(), made.legend.codes, made.legend.names, made.legend.none
    ([1, -1, 0, 1], (1, 2), ('maize', 'wheat'), (0,))
    """
    plain = [_plain(value, where) for value in np.asarray(values).tolist()]
    known = [value for value in plain if value is not None]
    kinds = {type(value) for value in known}
    if not known:
        raise Refused(where=where, what="is empty in every feature", fix="Name the column that holds the class.")
    if len(kinds) > 1:
        plain = [None if value is None else str(value) for value in plain]
    distinct = sorted({value for value in plain if value is not None})
    if len(distinct) > MOST_CLASSES:
        fix = "Name the column that holds the class."
        raise Refused(where=where, what=f"holds {len(distinct):,} different values, too many for classes", fix=fix)
    if legend is None:
        numbers = kinds == {int} or kinds == {bool}
        made = numbered(distinct, name) if numbers else _named(distinct, name, where)
        place = {value: k for k, value in enumerate(distinct)}
    else:
        made = legend
        place = {value: _look_up(value, legend) for value in distinct}
        if all(at == STRANGE for at in place.values()):
            names = [*legend.names, *map(str, legend.codes)]
            raise Unknown(str(distinct[0]), names, what=f"class of legend {legend.name}", where=where)
    return Classes(made, np.array([NO_CLASS if value is None else place[value] for value in plain], np.int16))


def _plain(value: Any, where: str) -> str | int | bool | None:
    """A value as text, whole number or truth; None where there is none."""
    if value is None or value is np.ma.masked or (isinstance(value, float) and np.isnan(value)):
        return None
    if isinstance(value, np.generic):
        return _plain(value.item(), where)
    if isinstance(value, bool | int):
        return value
    if isinstance(value, float) and value == int(value):
        return int(value)
    if isinstance(value, str):
        return value.strip() or None
    if type(value).__name__ in ("NAType", "NaTType"):
        return None
    what = f"holds {value!r}, and a class is text or a whole number"
    raise Refused(where=where, what=what, fix="Name another column, or turn it into classes first.")


def numbered(codes: Sequence[Any], name: str) -> Legend:
    """A legend of bare codes, each named by its number."""
    truths = {False: "false", True: "true"} if all(isinstance(code, bool) for code in codes) else {}
    classes = tuple(
        LegendClass(int(code), truths.get(bool(code), str(code)) if truths else str(code), class_colour(k))
        for k, code in enumerate(codes)
    )
    return with_none(Legend(name, classes, source="codes as they stand in the labels"))


def _named(names: Sequence[Any], name: str, where: str) -> Legend:
    folded: dict[str, str] = {}
    for each in map(str, names):
        other = folded.setdefault(each.lower(), each)
        if other != each:
            what = f"holds {other!r} and {each!r}, which differ in upper and lower case only"
            raise Refused(where=where, what=what, fix="Write them alike, or give a --legend that says what is what.")
    listed = [str(each) for each in names]
    colours = class_colours(listed)
    classes = tuple(LegendClass(k, name, c) for k, (name, c) in enumerate(zip(listed, colours, strict=True), start=1))
    return Legend(name, classes, none=(0,), source="values of the column, in alphabetical order")


def _look_up(value: str | int, legend: Legend) -> int:
    """Position in a legend's codes; `NO_CLASS` for its codes of absence, `STRANGE` for what it does not know."""
    try:
        code = legend.code_of(value) if isinstance(value, str) else int(value)
    except SwathError:
        return STRANGE
    if code in legend.none:
        return NO_CLASS
    return legend.codes.index(code) if code in legend.codes else STRANGE


def with_none(legend: Legend) -> Legend:
    """The same legend with a code that means "no class", which a class map needs.

    Examples
    --------
    >>> with_none(Legend("a", (LegendClass(0, "x", "000000"), LegendClass(1, "y", "ffffff")))).none
    (255,)
    """
    if legend.none:
        return legend
    taken = {each.code for each in legend.classes}
    free = next(code for code in (0, 255, 65535, *range(1, 2 * MOST_CLASSES)) if code not in taken)
    return replace(legend, none=(free,))


def code_dtype(legend: Legend) -> str:
    """The smallest dtype that holds every code of a legend, `none` among them.

    Raises
    ------
    Refused
        A code needs more than 32 bits.
    """
    codes = [*(each.code for each in legend.classes), *legend.none]
    for name in _DTYPES:
        limits = np.iinfo(name)
        if limits.min <= min(codes) and max(codes) <= limits.max:
            return name
    have = f"{min(codes)} to {max(codes)}"
    raise Refused(where=f"legend {legend.name}", what="has codes beyond 32 bits", have=have, fix="Give smaller ones.")
