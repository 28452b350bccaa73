"""Options: frozen records read from files and the command line; an unknown key is an error that names the nearest.

A record of options is a frozen dataclass whose fields are plain values, other such records, or tuples of them. What a
file holds is checked against the types of the fields, with the path of whatever does not fit; nothing is guessed and
nothing is passed over. The same record is filled by YAML and by `--set a.b=c`.
"""

from __future__ import annotations

import dataclasses
import functools
import inspect
import types
import typing
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import TypeAdapter, ValidationError

from swath.core.errors import Mismatch, Refused, Unknown, Unreadable

__all__ = ["explained", "read_options", "read_yaml", "setting", "to_plain", "with_setting", "with_settings"]

_Record = TypeVar("_Record")


@functools.cache
def _fields(record: type) -> dict[str, Any]:
    """Field name -> its annotation, resolved."""
    hints = typing.get_type_hints(record)
    return {field.name: hints[field.name] for field in dataclasses.fields(record) if field.init}


def _records(kind: Any) -> list[type]:
    """Records that a field of this annotation can hold, itself, as items of a tuple, or as one of several."""
    if dataclasses.is_dataclass(kind) and isinstance(kind, type):
        return [kind]
    if isinstance(kind, types.UnionType) or typing.get_origin(kind) in (typing.Union, tuple):
        return [each for inner in typing.get_args(kind) for each in _records(inner)]
    return []


def _check_keys(record: type, held: Any, path: str, where: str) -> None:
    """Refuse keys that a record does not have, wherever they stand."""
    if isinstance(held, list | tuple):
        for i, each in enumerate(held):
            _check_keys(record, each, f"{path}[{i}]", where)
    if not isinstance(held, Mapping):
        return
    known = _fields(record)
    for key, value in held.items():
        if key not in known:
            above = f"{path}." if path else ""
            raise Unknown(f"{above}{key}", [f"{above}{name}" for name in known], what="option", where=where)
        for inner in _records(known[key]):
            _check_keys(inner, value, f"{path}.{key}" if path else str(key), where)


def read_options(record: type[_Record], held: Mapping[str, Any], *, where: str) -> _Record:
    """Fill a record from plain data.

    Parameters
    ----------
    record : frozen dataclass
        Whose fields say what may be given, and of which type.
    held : mapping
        What a file says; what it leaves out keeps its default.
    where : str
        The file, for errors.

    Raises
    ------
    Unknown
        A key is none of the record's; the nearest is named.
    Mismatch
        A value does not fit its field.
    """
    _check_keys(record, held, "", where)
    try:
        filled = TypeAdapter(record).validate_python(dict(held))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        path = ".".join(str(part) for part in first["loc"] if not _is_type_name(part)) or record.__name__
        want = first["msg"].removeprefix("Input should be ")
        raise Mismatch(where=where, what=f"option {path}", want=want, have=repr(first["input"])) from None
    return filled


def _is_type_name(part: str | int) -> bool:
    """True for what a validator adds to the path to say which of several types it tried."""
    return isinstance(part, str) and not part.isidentifier()


def to_plain(options: Any) -> Any:
    """Turn a record of options into plain data, tuples into lists."""
    if dataclasses.is_dataclass(options) and not isinstance(options, type):
        return {field.name: to_plain(getattr(options, field.name)) for field in dataclasses.fields(options)}
    if isinstance(options, Mapping):
        return {str(key): to_plain(value) for key, value in options.items()}
    if isinstance(options, tuple | list):
        return [to_plain(each) for each in options]
    return options


class _Loader(yaml.SafeLoader):
    """Refuses a key that is written twice, of which YAML would keep the last."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen = set[Any]()
        for key, _ in node.value:
            name = key.value if isinstance(key, yaml.ScalarNode) and key.tag != "tag:yaml.org,2002:merge" else key
            if name in seen:
                what = f"says {name} twice, again in line {key.start_mark.line + 1}"
                raise Unreadable(where=str(self.name), what=what, fix="Say it once.")
            seen.add(name)
        return super().construct_mapping(node, deep)


def _told(record: type) -> dict[str, list[str]]:
    """Field -> what the `#:` lines above it say, as they stand in the source."""
    found: dict[str, list[str]] = {}
    held: list[str] = []
    for line in inspect.getsource(record).splitlines():
        text = line.strip()
        if text.startswith("#:"):
            held.append(text.removeprefix("#:").strip())
            continue
        name = text.partition(":")[0]
        if name.isidentifier() and held:
            found[name] = held
        held = []
    return found


def explained(options: Any, *, indent: str = "") -> str:
    """Write a record as YAML, each option below what it means: a file to change and to give back.

    Examples
    --------
    >>> from swath.core.specs import Calibration
    >>> print(explained(Calibration()))
    # > 0; 1 = as trained.
    temperature: 1.0
    """
    told, lines = _told(type(options)), []
    for field in dataclasses.fields(options):
        value = getattr(options, field.name)
        lines += [f"{indent}# {line}" for line in told.get(field.name, ())]
        if dataclasses.is_dataclass(value):
            lines += [f"{indent}{field.name}:", explained(value, indent=f"{indent}  ")]
        else:
            text = yaml.safe_dump(to_plain(value), default_flow_style=True, width=10**6).strip()
            lines.append(f"{indent}{field.name}: {text.removesuffix('...').strip()}")
    return "\n".join(lines)


def read_yaml(path: Path) -> dict[str, Any]:
    """Read a YAML file that holds one mapping.

    Raises
    ------
    Unreadable
        It is not there, no YAML, holds something else, or says a key twice.
    """
    try:
        with path.open(encoding="utf-8") as file:
            held = yaml.load(file, _Loader)
    except (OSError, UnicodeDecodeError) as error:
        what = f"cannot be read ({getattr(error, 'strerror', None) or 'not UTF-8'})"
        raise Unreadable(where=str(path), what=what, fix="Look at the path.") from None
    except yaml.YAMLError as error:
        at = getattr(error, "problem_mark", None)
        line = f" in line {at.line + 1}" if at is not None else ""
        raise Unreadable(where=str(path), what=f"is no YAML{line}", fix="Look at its indents and colons.") from None
    if not isinstance(held, dict):
        raise Unreadable(where=str(path), what=f"holds a {type(held).__name__}, not keys with values")
    return held


def setting(pair: str, *, where: str = "--set") -> dict[str, Any]:
    """Read one `a.b=c` as nested data; its value is read as YAML reads it.

    Raises
    ------
    Refused
        It has another form.

    Examples
    --------
    >>> setting("model.width=40"), setting("bands=[B04, B08]")
    ({'model': {'width': 40}}, {'bands': ['B04', 'B08']})
    """
    path, sep, text = pair.partition("=")
    if not sep or not all(part.isidentifier() for part in path.split(".")):
        raise Refused(where=f"{where} {pair}", what="is not KEY=VALUE", fix=f"Write for example {where} epochs=8.")
    try:
        held: Any = yaml.safe_load(text)
    except yaml.YAMLError:
        raise Refused(where=f"{where} {pair}", what="has a value that cannot be read", fix="Quote it.") from None
    for part in reversed(path.split(".")):
        held = {part: held}
    return dict(held)


def with_setting(held: Mapping[str, Any], pair: str, *, where: str = "--set") -> dict[str, Any]:
    """Lay one `a.b=c` over nested data: what the path names is replaced, and everything beside it stays.

    Raises
    ------
    Refused
        It has another form.

    Examples
    --------
    >>> with_setting({"model": {"width": 8, "bands": {"s2": ["B04"]}}}, "model.bands={}")
    {'model': {'width': 8, 'bands': {}}}
    """
    return _merged(held, setting(pair, where=where), pair.partition("=")[0].count(".") + 1)


def with_settings(options: _Record, pairs: Sequence[str], *, where: str = "--set") -> _Record:
    """Lay `a.b=c` pairs over a record, in their order.

    Raises
    ------
    Unknown, Mismatch, Refused
        As `read_options` and `setting`; the pair is named.
    """
    for pair in pairs:
        held = with_setting(to_plain(options), pair, where=where)
        options = read_options(type(options), held, where=f"{where} {pair}")
    return options


def _merged(one: Mapping[str, Any], other: Mapping[str, Any], depth: int) -> dict[str, Any]:
    """Lay nested data over other nested data, down to so many levels; what lies there is replaced whole."""
    laid = dict(one)
    for key, value in other.items():
        below = laid.get(key)
        laid[key] = _merged(below, value, depth - 1) if depth > 1 and isinstance(below, Mapping) else value
    return laid
