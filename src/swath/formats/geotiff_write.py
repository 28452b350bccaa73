"""GeoTIFF folder out: samples as files, one a stack and date, with tables that say what belongs together.

    swath.json               what every sample holds: stacks, targets, legends, licences
    labels.csv               one line a sample: place, group, targets by name and code, footprint
    files.csv                one line a file: sample, stack, date
    <stack>/<id>.tif         or <stack>/<id>/<date>.tif where samples have several dates; class maps are stacks here

`formats.geotiff` opens the folder again as the same samples (`formats.exported`), and every file by itself. What is
under an invalid pixel is not kept. Knows no corpus.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import numpy as np
import shapely

from swath.core.array import Array
from swath.core.errors import Refused
from swath.core.files import write_whole
from swath.core.plan import Layout
from swath.core.sample import Sample, TargetSpec
from swath.core.stack import Stack, select_date
from swath.formats.tiff import write_tiff

__all__ = [
    "FILES",
    "HEAD",
    "LABELS",
    "NO_CLASSES",
    "SCHEMA",
    "SampleRow",
    "date_names",
    "file_name",
    "file_names",
    "target_columns",
    "write_index",
    "write_sample",
]

#: Names of the tables, and the version of what stands in them.
HEAD: Final = "swath.json"
LABELS: Final = "labels.csv"
FILES: Final = "files.csv"
SCHEMA: Final = 1
#: An empty set of classes, which is not the same as none known.
NO_CLASSES: Final = "none"
_PLAIN: Final = " +()=@,~"


@dataclass(frozen=True, slots=True, eq=False)
class SampleRow:
    """One line of `labels.csv`, and the lines of `files.csv` that belong to it."""

    #: Of the sample.
    id: str
    group: str
    lonlat: tuple[float, float] | None
    footprint: shapely.Polygon | shapely.MultiPolygon | None
    #: Target name -> code, codes, or values by their names; None = not known.
    targets: Mapping[str, Any]
    #: Stack name -> dates, datetime64[us] (t,).
    times: Mapping[str, Array]
    #: Further columns, for people.
    more: Mapping[str, str] = field(default_factory=dict)


def file_name(text: str, *, is_path: bool = False) -> str:
    """An identifier as the name of a file; letters that a file system may not have are written %XX.

    Examples
    --------
    >>> file_name("Forest/Forest_1", is_path=True), file_name("a/../b:c"), file_name("../x", is_path=True)
    ('Forest/Forest_1', 'a%2F..%2Fb%3Ac', '%2E./x')
    """
    parts = [quote(part, safe=_PLAIN) for part in (text.split("/") if is_path else [text])]
    return "/".join(f"%2E{part[1:]}" if part.startswith(".") else part or "%" for part in parts)


def date_names(times: Array) -> list[str]:
    """A name for each date: its day, or its place in the series before that where a day comes twice or is unknown.

    Examples
    --------
    >>> date_names(np.array(["2021-06-01", "2021-06-06"], "datetime64[us]"))
    ['2021-06-01', '2021-06-06']
    >>> date_names(np.array(["2021-06-01", "NaT"], "datetime64[us]"))
    ['00-2021-06-01', '01-undated']
    """
    days = ["undated" if np.isnat(each) else str(each.astype("datetime64[D]")) for each in times]
    if len(set(days)) == len(days) and "undated" not in days:
        return days
    return [f"{k:02d}-{day}" for k, day in enumerate(days)]


def file_names(id: str, stack: str, times: Array, *, is_series: bool) -> list[str]:
    """Paths of a sample's files of one stack, below the folder, in the order of `times`."""
    head = f"{file_name(stack)}/{file_name(id, is_path=True)}"
    return [f"{head}/{name}.tif" for name in date_names(times)] if is_series else [f"{head}.tif"]


def write_sample(sample: Sample, folder: Path, layout: Layout, *, stacks: Sequence[str]) -> None:
    """Write the files of one sample that are not there yet.

    Parameters
    ----------
    sample : Sample
    folder : Path
    layout : Layout
        What every sample holds.
    stacks : sequence of str
        Which stacks, targets that are stacks or maps among them.

    Raises
    ------
    Refused
        A stack has no place in a GeoTIFF.
    """
    held: dict[str, Stack] = dict(sample.stacks)
    held |= {name: target.stack for name, target in sample.targets.items() if target.stack is not None}
    for name, stack in held.items():
        if name not in stacks:
            continue
        is_series = layout.stacks[name].dates > 1
        legend = layout.legends.get(stack.quantity.legend or "")
        tags = {"SWATH_SAMPLE": sample.id}
        if is_series:
            tags["SWATH_SERIES"] = json.dumps(stack.origin.to_json(), sort_keys=True)
        for k, path in enumerate(file_names(sample.id, name, stack.times, is_series=is_series)):
            if not (folder / path).exists():
                write_tiff(select_date(stack, k), folder / path, legend=legend, tags=tags)


def target_columns(name: str, spec: TargetSpec) -> tuple[str, ...]:
    """Columns of a target in `labels.csv`; none for maps and stacks, which are files."""
    if spec.kind == "class":
        return name, f"{name}_code"
    if spec.kind == "classes":
        return name, f"{name}_codes"
    return tuple(f"{name}_{each}" for each in spec.units) if spec.kind == "values" else ()


def _cells(value: Any, spec: TargetSpec, layout: Layout) -> list[str]:
    """What stands in the columns of a target."""
    if spec.kind == "values":
        return ["" if value is None or np.isnan(value[each]) else repr(float(value[each])) for each in spec.units]
    if value is None:
        return ["", ""]
    codes = [value] if spec.kind == "class" else list(value)
    names = [layout.legends[spec.legend or ""].name_of(code) for code in codes]
    return [";".join(names) or NO_CLASSES, ";".join(map(str, codes)) or NO_CLASSES]


def write_index(folder: Path, layout: Layout, rows: Iterable[SampleRow], *, note: Mapping[str, Any]) -> None:
    """Write the three tables; they come last, so that a folder with them is whole.

    Parameters
    ----------
    folder : Path
    layout : Layout
        Of the stacks and targets that were written.
    rows : iterable of SampleRow
    note : mapping
        Where the samples came from, as plain JSON.

    Raises
    ------
    Refused
        Two columns would have one name.
    """
    flat = {name: spec for name, spec in layout.targets.items() if target_columns(name, spec)}
    own = [column for name, spec in flat.items() for column in target_columns(name, spec)]
    labels, files = io.StringIO(), io.StringIO()
    sample_lines, file_lines = (csv.writer(each, lineterminator="\n") for each in (labels, files))
    file_lines.writerow(["id", "stack", "date", "file"])
    for i, row in enumerate(rows):
        if i == 0:
            head = ["id", "group", "lon", "lat", *own, *row.more, "footprint"]
            twice = sorted({name for name in head if head.count(name) > 1})
            if twice:
                raise Refused(where=LABELS, what=f"would have two columns {twice[0]}", fix="Rename the target.")
            sample_lines.writerow(head)
        place = ["", ""] if row.lonlat is None else [repr(float(each)) for each in row.lonlat]
        cells = [cell for name, spec in flat.items() for cell in _cells(row.targets.get(name), spec, layout)]
        outline = "" if row.footprint is None else json.dumps(shapely.geometry.mapping(row.footprint))
        sample_lines.writerow([row.id, row.group, *place, *cells, *row.more.values(), outline])
        for name, times in row.times.items():
            paths = file_names(row.id, name, times, is_series=layout.stacks[name].dates > 1)
            dates = ["" if np.isnat(each) else str(each.astype("datetime64[us]")) for each in times]
            file_lines.writerows([row.id, name, date, path] for date, path in zip(dates, paths, strict=True))
    write_whole(folder / LABELS, labels.getvalue().encode())
    write_whole(folder / FILES, files.getvalue().encode())
    held = {"swath": "samples as GeoTIFFs", "schema": SCHEMA, "layout": layout.to_json(), **note}
    write_whole(folder / HEAD, json.dumps(held, indent=1, ensure_ascii=False).encode())
