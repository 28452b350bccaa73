"""Speed: what `make bench` prints, beside the other stores, kept as a page."""

from __future__ import annotations

import importlib
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from benchmarks.__main__ import BENCHMARKS
from benchmarks.ratio import Row
from studies.markdown import table

TITLE: Final = "Speed: ratios to bare work"


def compute(data: Path, work: Path, pictures: Path) -> dict[str, Any]:
    """Run every benchmark once."""
    rows: dict[str, list[dict[str, Any]]] = {}
    for name in BENCHMARKS:
        with tempfile.TemporaryDirectory(dir=work) as folder:
            made = importlib.import_module(f"benchmarks.{name}").rows(Path(folder))
            rows[name] = [{**asdict(each), "holds": each.holds} for each in made]
    return {"n": sum(map(len, rows.values())), "rows": rows}


def _row(held: dict[str, Any]) -> Row:
    return Row(**{name: value for name, value in held.items() if name != "holds"})


def _bound(row: dict[str, Any]) -> str:
    if row["at_least"] is None and row["at_most"] is None:
        return ""
    said = f">= {row['at_least']:.3g}" if row["at_least"] is not None else f"<= {row['at_most']:.3g}"
    return said if row["holds"] else f"{said} MISSED"


def page(figures: dict[str, Any]) -> str:
    """The page."""
    lines = []
    for name, rows in figures["rows"].items():
        listed = [[row["name"].strip(), *_row(row).figures, _bound(row), row["note"]] for row in rows]
        lines += [f"**{name.capitalize()}**", "", table(["", "median", "spread", "bound", ""], listed), ""]
    return "\n".join(
        [
            "Each figure is a ratio to bare work measured in the same process in the same minutes (seconds where it",
            "says so): the median of several rounds in turn, with its spread. *Random reads*: batches of 32 records of",
            "13 x 256 x 256 uint16 from the page cache, checksums on, beside blosc decoding from memory without them.",
            "Other stores hold the same records and are read the way their documentation says is quick; those that are",
            "no dependencies of ours (`benchmarks/rivals`) run each in a process of its own, bare decode beside it.",
            "A ratio above 1 is faster than one thread of bare decode (tensorstore uses all cores); *in sequence* is a",
            "whole pass in order, not random reads. Records are real Sentinel-2 L1C patches (SEN12MS-CR, Ebel et al.",
            "2021, CC-BY 4.0), turned and rolled.",
            "",
            *lines,
        ]
    ).rstrip()
