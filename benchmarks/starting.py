"""Starting: `import swath` and `swath --help` beside a bare `python -c pass`, whole processes."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from time import perf_counter

from benchmarks.ratio import Row

__all__ = ["rows"]


def _run(*arguments: str) -> float:
    start = perf_counter()
    subprocess.run([sys.executable, *arguments], check=True, capture_output=True)
    return perf_counter() - start


def rows(folder: Path) -> Iterator[Row]:
    """Seconds above the bare interpreter; the bound is 0.3 s."""
    cases = {"import swath": ("-c", "import swath"), "swath --help": ("-m", "swath", "--help")}
    for name, arguments in cases.items():
        above, bare = [], []
        for _ in range(11):
            start = _run("-c", "pass")
            above.append(_run(*arguments) - start)
            bare.append(start)
        note = f"bare python {median(bare):.3f} s"
        yield Row(f"{name}: seconds above bare python", median(above), min(above), max(above), at_most=0.3, note=note)
