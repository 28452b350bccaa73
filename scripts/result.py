"""Compute one page of docs/results: python scripts/result.py ID, or --pages to write all pages from their figures.

    python scripts/result.py --stored ID     figures anew from the answers that are stored, without training anything

Figures go to `results/<id>.json` with command, commit, machine and date; the page is written from that file alone.
Corpora that a study builds stay in `.cache/results`, so that a run which was cut off goes on where it stopped.
"""

from __future__ import annotations

import importlib
import json
import os
import platform
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from studies import STUDIES  # noqa: E402
from swath.core.errors import Refused, SwathError, Unknown  # noqa: E402
from swath.core.files import write_whole  # noqa: E402

RESULTS, PAGES = ROOT / "results", ROOT / "docs" / "results"


def _machine() -> str:
    cpu = next((line.split(":")[1].strip() for line in _cpuinfo() if line.startswith("model name")), platform.machine())
    return f"{os.cpu_count()} cores, {cpu}, Python {platform.python_version()}"


def _cpuinfo() -> list[str]:
    path = Path("/proc/cpuinfo")
    return path.read_text().splitlines() if path.exists() else []


def page_of(name: str, result: dict[str, Any]) -> str:
    """The page of a result, from its figures alone."""
    study = importlib.import_module(STUDIES[name])
    took = f" in {result['seconds']:.0f} s" if result["seconds"] else ", from stored answers,"
    foot = (
        f"*Computed by `make result ID={name}`{took} on {result['date']} ({result['machine']}),"
        f" at commit {result['commit']}.*"
    )
    return f"# {study.TITLE}\n\n{study.page(result['figures'])}\n\n{foot}\n"


def compute(name: str, *, is_stored: bool = False) -> Path:
    """Compute a study and write figures and page; those of trainings also from stored answers alone."""
    if name not in STUDIES:
        raise Unknown(name, STUDIES, what="result")
    study = importlib.import_module(STUDIES[name])
    if is_stored:
        if not hasattr(study, "recompute"):
            raise Refused(where=f"result {name}", what="stores no answers", fix=f"Compute it: make result ID={name}.")
        return _write(name, study.recompute(study.stored_in(RESULTS)), 0.0)
    data = os.environ.get("SWATH_REAL_DATA")
    if not data:
        raise Refused(where=f"result {name}", what="needs real data", fix="Set SWATH_REAL_DATA to its folder.")
    work = ROOT / ".cache" / "results" / name
    work.mkdir(parents=True, exist_ok=True)
    RESULTS.mkdir(exist_ok=True)
    start = perf_counter()
    figures = study.compute(Path(data), work, PAGES)
    return _write(name, figures, perf_counter() - start)


def _write(name: str, figures: dict[str, Any], seconds: float) -> Path:
    """Keep the figures with everything that says how they came about, and write the page."""
    result = {
        "id": name,
        "command": f"make result ID={name}",
        "commit": subprocess.run(
            ["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False
        ).stdout.strip(),
        "machine": _machine(),
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "seconds": round(seconds, 1),
        "seeds": figures.get("seeds", {"done": 1, "asked": 1}),
        "figures": figures,
    }
    write_whole(RESULTS / f"{name}.json", (json.dumps(result, indent=1, ensure_ascii=False) + "\n").encode())
    return write_page(name)


def write_page(name: str) -> Path:
    """Write the page of a stored result."""
    result = json.loads((RESULTS / f"{name}.json").read_text())
    page = PAGES / f"{name}.md"
    write_whole(page, page_of(name, result).encode())
    return page


def main(arguments: list[str]) -> int:
    """Run from the command line."""
    if not arguments:
        print(f"Which one? {', '.join(STUDIES)}; or --pages", file=sys.stderr)
        return 2
    try:
        for argument in arguments:
            if argument == "--pages":
                for name in STUDIES:
                    print(write_page(name))
            elif argument != "--stored":
                print(compute(argument, is_stored="--stored" in arguments))
    except SwathError as error:
        print(f"result: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
