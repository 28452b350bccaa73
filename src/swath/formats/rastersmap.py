"""Rasters map: a small YAML or JSON file that says how the files of a folder become samples, read and checked.

It names a file pattern a stack (`{id}` is the sample, `{date}` a date, other fields are free) and what its numbers are,
as `formats.mapping` takes it: bands by position or by their names in the file, kind, level, offset, classes. Dates come
from the pattern, from a tag, from another stack of the sample, or as steps within one file. Knows no file and no pixel.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import numpy as np

from swath.core.errors import Mismatch, Refused, SwathError, Unknown, Unreadable
from swath.core.legends import Legend, LegendClass, class_colour, legend
from swath.core.options import read_yaml
from swath.core.plan import DTYPES
from swath.formats.mapping import Declared, declare
from swath.formats.options import as_names

__all__ = ["MEASURED", "OF_STACK", "OF_STACKS", "RastersMap", "StackMap", "read_map"]

#: Value of `offset` that lets the pixels of every file decide.
MEASURED: Final = "measured"
#: Keys of the file -> what they mean.
OF_STACKS: Final[dict[str, str]] = {
    "stacks": "stack -> its keys; every sample holds all of them",
    "target": "the stack that is to be learnt; a class map, or another image",
    "group": "name of the group of samples that never part in a split, of the fields of the first stack's pattern",
    "provider": "who made the files",
    "licences": "sentences of licence and attribution, carried along with the samples",
}
#: Keys of a stack -> what they mean.
OF_STACK: Final[dict[str, str]] = {
    "file": "pattern of its files below the folder or zip, as {id}/S2L2A.tif or {id}_{date}.tif",
    "bands": "names of all bands by position, or band -> its name in the file, to choose some",
    "kind": "what the numbers are: dn, toa, sigma0_db, gamma0_rtc_db, value, ...; left out for classes",
    "level": "product level: L1C, L2A, GRD or RTC",
    "offset": "dn: 0, -1000, or measured: the pixels of every file decide, older ones are shifted up to the newest",
    "convention": "dn: the offset that the set documents; beside offset: measured, for files that do not decide",
    "quantification": "dn: divisor; default 10000",
    "unit": "kind: value: its unit, 1 for none",
    "rendering": "kind: rgb8: name of the rendering",
    "sensor": "sensor, or anonymous-<n>; default that of the level",
    "nodata": "code of absence, in place of the files' own",
    "gsd": "metres a pixel: checked against the grid, or taken where files have no place",
    "legend": "class codes: name of a known legend",
    "classes": "class codes: code -> name, or {name, colour: rrggbb}, where no known legend has them",
    "none": "class codes: codes of classes that mean no class",
    "store": "dtype of the corpus, as uint16; numbers that do not fit are refused",
    "date": "date of every file",
    "date_tag": "tag of the file that holds its date",
    "date_of": "stack of the same sample whose dates it shares",
    "later": "dates within a file: what follows the band's name at each date, in order, as ['', _1, _2]",
    "step_days": "days from date to date within a file; the first is that of the file",
}
_DECLARED: Final = (
    *("kind", "level", "convention", "quantification", "unit", "rendering", "sensor", "nodata", "gsd", "date"),
)
_FIELD: Final = re.compile(r"\{([a-z_]+)\}")
_DATE: Final = r"\d{4}-?\d{2}-?\d{2}(?:T\d{6})?"


@dataclass(frozen=True, slots=True)
class StackMap:
    """How one stack of every sample is read."""

    name: str
    #: Of a file's path below the root.
    pattern: re.Pattern[str]
    #: Names inside, in order.
    bands: tuple[str, ...]
    #: Their names in the file; empty = all bands of the file, by position.
    named: tuple[str, ...]
    declared: Declared
    #: True if the pixels of every file decide on its offset.
    is_measured: bool = False
    #: Legend of class codes; None = measurements.
    legend: Legend | None = None
    #: numpy name of the dtype; empty = that of the files.
    store: str = ""
    date_tag: str = ""
    date_of: str = ""
    #: What follows the names in the file at each of its dates.
    later: tuple[str, ...] = ("",)
    #: From date to date within a file.
    step: np.timedelta64 = field(default_factory=lambda: np.timedelta64("NaT", "us"))


@dataclass(frozen=True, slots=True)
class RastersMap:
    """How the files of a folder become samples."""

    stacks: Mapping[str, StackMap]
    #: Name of the stack that is to be learnt; empty = none.
    target: str = ""
    #: Template of the group's name; empty = no groups.
    group: str = ""
    provider: str = ""
    licences: tuple[str, ...] = ()
    #: As written, for the plan.
    given: Mapping[str, Any] = field(default_factory=dict)

    def group_of(self, fields: Mapping[str, str]) -> str:
        """Name of a sample's group, by the fields of the first stack's pattern."""
        return _FIELD.sub(lambda found: fields[found[1]], self.group)


def read_map(path: Path) -> RastersMap:
    """Read and check a map.

    Raises
    ------
    Unreadable
        It is not there, or no YAML or JSON of this form.
    Unknown
        It says a key, kind, level, dtype, stack or legend that nobody knows; the nearest is named.
    Refused, Mismatch
        A stack lacks something, or contradicts itself.
    """
    held = read_yaml(path)
    where = path.name
    _require_known(held, OF_STACKS, where)
    stacks = held.get("stacks")
    if not isinstance(stacks, dict) or not stacks:
        raise Unreadable(where=where, what="names no stack", fix="Write stacks: with file, bands and kind below each.")
    made = {str(name): _stack(str(name), keys, f"{where}, stack {name}") for name, keys in stacks.items()}
    target = str(held.get("target") or "")
    for name, other in [("target", target), *((f"date_of of {each.name}", each.date_of) for each in made.values())]:
        if other and other not in made:
            raise Unknown(other, made, what=name, where=where)
    if target and len(made) == 1:
        raise Refused(where=where, what="leaves no stack in a sample, only a target", fix="Name another stack too.")
    for each in made.values():
        if each.date_of and made[each.date_of].date_of:
            what = f"takes the dates of {each.name} from {each.date_of}, which takes its own from elsewhere"
            raise Refused(where=where, what=what, fix="Name the stack that has them.")
    group = str(held.get("group") or "")
    for name in _FIELD.findall(group):
        first = next(iter(made.values()))
        if name not in first.pattern.groupindex:
            raise Unknown(name, first.pattern.groupindex, what="field of group", where=where)
    licences = held.get("licences") or ()
    if not isinstance(licences, list | tuple):
        licences = (licences,)
    said = tuple(str(sentence) for sentence in licences)
    return RastersMap(made, target, group, str(held.get("provider") or ""), said, _plain(held))


def _require_known(held: Any, known: Mapping[str, str], where: str) -> None:
    if not isinstance(held, dict):
        raise Unreadable(where=where, what=f"holds a {type(held).__name__}, not keys with values")
    for key in held:
        if key not in known:
            raise Unknown(str(key), known, what="key", where=where)


def _plain(held: Any) -> Any:
    if isinstance(held, dict):
        return {str(key): _plain(value) for key, value in held.items()}
    if isinstance(held, list | tuple):
        return [_plain(value) for value in held]
    return held if isinstance(held, str | int | float | bool) or held is None else str(held)


def _stack(name: str, keys: Any, where: str) -> StackMap:
    _require_known(keys, OF_STACK, where)
    bands, named = _bands(keys.get("bands"), where)
    classes = _legend(name, keys, where)
    pattern = _pattern(str(keys.get("file") or ""), where)
    is_measured = keys.get("offset") == MEASURED
    options = {key: keys[key] for key in _DECLARED if keys.get(key) is not None}
    if not is_measured and keys.get("offset") is not None:
        options["offset"] = keys["offset"]
    try:
        declared = declare({**options, "bands": bands}, where=where)
    except SwathError as error:
        error.where = where
        raise
    if classes is not None:
        if len(bands) != 1 or "kind" in options:
            want, have = "one band and no kind (class codes)", f"{len(bands)} and kind {keys.get('kind') or 'unsaid'}"
            raise Mismatch(where=where, what="bands", want=want, have=have, fix="Name the band that holds the codes.")
        declared = replace(declared, classes={bands[0]: classes.name})
    elif "kind" not in options:
        fix = "Write kind: dn, sigma0_db, value, ...; or legend: or classes: for class codes."
        raise Refused(where=where, what="does not say what its numbers are", fix=fix)
    if is_measured and (declared.kind != "dn" or declared.level not in ("L1C", "L2A")):
        want, have = "kind dn of level L1C or L2A (offset: measured)", f"{declared.kind} {declared.level or 'no level'}"
        raise Mismatch(where=where, what="kind", want=want, have=have, fix="Leave offset out.")
    store = str(keys.get("store") or "")
    if store and store not in DTYPES:
        raise Unknown(store, DTYPES, what="store", where=where)
    later, step = _dates(keys, declared, pattern, where)
    if len(later) > 1 and not named:
        fix = "Write bands: as band -> its name in the file."
        raise Refused(where=where, what="has dates within a file, and no names to tell its bands apart", fix=fix)
    about = (str(keys.get("date_tag") or ""), str(keys.get("date_of") or ""))
    return StackMap(name, pattern, bands, named, declared, is_measured, classes, store, *about, later, step)


def _bands(held: Any, where: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Names inside, and in the file."""
    if isinstance(held, dict) and held:
        return tuple(map(str, held)), tuple(map(str, held.values()))
    if not isinstance(held, str | list | tuple) or not held:
        fix = "Write bands: [B04, B03] by position, or {B04: red, B03: green}."
        raise Refused(where=where, what="names no bands", fix=fix)
    return as_names("bands", held), ()


def _legend(name: str, keys: Mapping[str, Any], where: str) -> Legend | None:
    """Legend of class codes, known or written out."""
    named, written = keys.get("legend"), keys.get("classes")
    if named and written:
        raise Refused(where=where, what="has both legend and classes", fix="Write one of them.")
    if named:
        return legend(str(named), where=where)
    if not written:
        return None
    none = keys.get("none")
    absent = tuple(none) if isinstance(none, list) else () if none is None else (none,)
    if not isinstance(written, dict) or not all(isinstance(code, int) and 0 <= code < 256 for code in written):
        raise Unreadable(where=where, what="classes are no whole codes from 0 to 255 with names", fix="Write 1: water.")
    if not all(isinstance(code, int) for code in absent):
        raise Unreadable(where=where, what=f"none {none!r} is no code", fix="Write none: 0, or none: [0, 255].")
    classes = tuple(_class(k, code, held, where) for k, (code, held) in enumerate(written.items()))
    return Legend(name, classes, none=absent, source="written in the map of the set")


def _class(k: int, code: int, held: Any, where: str) -> LegendClass:
    """A class, by its name alone, or by name and colour."""
    if not isinstance(held, dict):
        return LegendClass(code, str(held), class_colour(k))
    _require_known(held, {"name": "of the class", "colour": "rrggbb"}, f"{where}, class {code}")
    if not held.get("name"):
        raise Refused(where=where, what=f"class {code} has no name", fix="Write {name: water, colour: 419bdf}.")
    colour = str(held.get("colour") or class_colour(k)).removeprefix("#").lower()
    return LegendClass(code, str(held["name"]), colour)


def _pattern(text: str, where: str) -> re.Pattern[str]:
    """A pattern of paths, below any folder."""
    if "{id}" not in text:
        what = f"has a file pattern without {{id}}: {text}" if text else "has no file pattern"
        raise Refused(where=where, what=what, fix="Write file: '{id}/S2.tif'.")
    made, end, seen = "", 0, set[str]()
    for found in _FIELD.finditer(text):
        name = found[1]
        made += re.escape(text[end : found.start()])
        made += f"(?P={name})" if name in seen else f"(?P<{name}>{_DATE if name == 'date' else '[^/]+'})"
        seen.add(name)
        end = found.end()
    return re.compile(f"(?:.*/)?{made}{re.escape(text[end:])}")


def _dates(
    keys: Mapping[str, Any], declared: Declared, pattern: re.Pattern[str], where: str
) -> tuple[tuple[str, ...], np.timedelta64]:
    """What follows the names at each date of a file, and the time between."""
    ways = [key for key in ("date", "date_tag", "date_of") if keys.get(key)]
    ways += ["{date}"] if "date" in pattern.groupindex else []
    if len(ways) > 1:
        raise Refused(where=where, what=f"has its dates twice, by {' and '.join(ways)}", fix="Keep one of them.")
    later, step = keys.get("later"), keys.get("step_days")
    if later is None:
        if step is not None:
            raise Refused(where=where, what="has step_days but one date a file", fix="Write later: ['', _1, ...] too.")
        return ("",), np.timedelta64("NaT", "us")
    if not isinstance(later, list) or len(later) < 2 or not all(isinstance(each, str) for each in later):
        raise Unreadable(where=where, what=f"later {later!r} is no list of endings", fix="Write later: ['', _1, _2].")
    if not isinstance(step, int | float) or not 0 < step < 10_000:
        raise Refused(where=where, what="has dates within a file, and no days between them", fix="Write step_days: 30.")
    return tuple(later), np.timedelta64(round(step * 86_400_000_000), "us")
