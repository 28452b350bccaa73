"""Run the benchmarks: python -m benchmarks [NAME...]; status 1 where a bound is missed."""

from __future__ import annotations

import importlib
import sys
import tempfile
from pathlib import Path

from swath.core.errors import Unknown

BENCHMARKS = (
    "starting",
    "reading",
    "importing",
    "scenes",
    "foreign",
    "readers",
    "manifest",
    "batches",
    "imaging",
    "networks",
    "training",
    "mapping",
    "peer",
)


def main(names: list[str]) -> int:
    """Print one table."""
    missed = 0
    for name in names:
        if name not in BENCHMARKS:
            raise SystemExit(str(Unknown(name, BENCHMARKS, what="benchmark")))
    print(f"{'':58} {'median':>7}  {'spread':>14}  {'bound':>8}")
    for name in names or BENCHMARKS:
        print(f"{name}", flush=True)
        with tempfile.TemporaryDirectory() as folder:
            for each in importlib.import_module(f"benchmarks.{name}").rows(Path(folder)):
                print(f"  {each}", flush=True)
                missed += not each.holds
    print(f"{missed} bounds missed" if missed else "every bound kept")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
