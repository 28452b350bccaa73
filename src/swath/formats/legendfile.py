"""Legend file: a legend of one's own, from a CSV with the columns code, name and colour, or from JSON.

A colour may be missing: then the class gets one that lies apart from its neighbours'. JSON has the form in which
`corpus.json` holds a legend. Knows no rasters and no columns.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from swath.core.errors import Mismatch, Refused, SwathError, Unreadable
from swath.core.legends import LEGENDS, Legend, LegendClass, class_colour, legend

__all__ = ["find_legend", "read_legend"]


def find_legend(name: str) -> Legend:
    """A known legend by name, or one's own by the path of its file.

    Raises
    ------
    Unknown
        It is neither; the nearest known name is given.
    Unreadable, Mismatch, Refused
        As `read_legend`.
    """
    path = Path(name)
    is_file = path.suffix.lower() in (".csv", ".json")
    return read_legend(path) if name not in LEGENDS and is_file else legend(name, where="--legend")


def read_legend(path: Path) -> Legend:
    """Read a legend file.

    Raises
    ------
    Unreadable
        It is not there, or neither CSV nor JSON of the form.
    Mismatch
        Columns are missing.
    Refused
        A code or name stands for two classes, or there is none.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        what = f"cannot be read ({getattr(error, 'strerror', None) or 'not UTF-8'})"
        raise Unreadable(where=str(path), what=what, fix="Look at the path.") from None
    return _from_json(text, path) if path.suffix.lower() == ".json" else _from_csv(text, path)


def _from_json(text: str, path: Path) -> Legend:
    try:
        return Legend.from_json(json.loads(text))
    except SwathError:
        raise
    except (ValueError, KeyError, TypeError, AttributeError):
        fix = 'Write {"name": ..., "classes": [{"code": 1, "name": ..., "colour": "e6a93c"}, ...], "none": [0]}.'
        raise Unreadable(where=path.name, what="is no legend in JSON", fix=fix) from None


def _from_csv(text: str, path: Path) -> Legend:
    reader = csv.DictReader(io.StringIO(text))
    columns = [name.strip().lower() for name in reader.fieldnames or []]
    reader.fieldnames = columns
    if not {"code", "name"} <= set(columns):
        raise Mismatch(
            where=path.name,
            what="columns",
            want="code, name, and colour where there are colours",
            have=", ".join(columns) or "none",
        )
    classes = tuple(_row(row, k, path) for k, row in enumerate(reader))
    if not classes:
        raise Refused(where=path.name, what="holds no class", fix="Write a line a class: code,name,colour.")
    return Legend(path.stem, classes, source=f"legend file {path.name}")


def _row(row: Mapping[str, Any], k: int, path: Path) -> LegendClass:
    where = f"{path.name} line {k + 2}"
    try:
        code = int(row["code"])
    except (TypeError, ValueError):
        raise Unreadable(where=where, what=f"code {row['code']!r} is no whole number", fix="Mend the line.") from None
    colour = (row.get("colour") or row.get("color") or "").strip().lower().removeprefix("#")
    return LegendClass(code, (row["name"] or "").strip(), colour or class_colour(k))
