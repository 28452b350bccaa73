"""Front door: a fresh clone, the two commands of README and its chain, as a new user gives them, timed."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
from pathlib import Path
from time import perf_counter
from typing import Any, Final

from studies.markdown import table

TITLE: Final = "The front door: a fresh clone, two commands, five commands"

ROOT: Final = Path(__file__).resolve().parents[1]
#: What the demo may take after installation [s], as it was asked for.
MOST: Final = 240
_BLOCK: Final = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def chain(readme: str) -> list[str]:
    """The commands of README's chain, its only block of them."""
    block = _BLOCK.findall(readme)[0].replace("\\\n", " ")
    return [line[2:] for line in block.splitlines() if line.startswith("$ ")]


def _timed(command: list[str], folder: Path, environment: dict[str, str]) -> dict[str, Any]:
    """Run a command; how long it took, and its last line."""
    start = perf_counter()
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    seconds = perf_counter() - start
    if done.returncode:
        said = f"{done.stdout[-2000:]}{done.stderr[-2000:]}"
        raise RuntimeError(f"{shlex.join(command)}: status {done.returncode}\n{said}")
    lines = [line.strip() for line in done.stdout.splitlines() if line.strip()]
    return {"seconds": round(seconds, 1), "said": lines}


def compute(data: Path, work: Path, pictures: Path) -> dict[str, Any]:
    """Clone this repository as it is committed, and do what README says."""
    clone, mine = work / "swath", work / "mine"
    for folder in (clone, mine):
        shutil.rmtree(folder, ignore_errors=True)
    subprocess.run(["git", "clone", "-q", str(ROOT), str(clone)], check=True)
    mine.mkdir()
    plain = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}
    found = {target: _timed(["make", target], clone, plain) for target in ("install", "demo")}
    judged = next(line for line in found["demo"]["said"] if line.startswith("right "))
    there = plain | {"PATH": f"{clone / '.venv' / 'bin'}{os.pathsep}{plain['PATH']}"}
    steps = [(each, _timed(shlex.split(each), mine, there)) for each in chain((clone / "README.md").read_text())]
    shutil.rmtree(clone)
    shutil.rmtree(mine)
    return {
        "n": len(steps),
        "cores": os.cpu_count(),
        "load": round(os.getloadavg()[1], 1),
        "targets": {name: held["seconds"] for name, held in found.items()},
        "judged": " ".join(judged.split()),
        "steps": [{"command": each, "seconds": held["seconds"], "last": held["said"][-1]} for each, held in steps],
    }


def page(figures: dict[str, Any]) -> str:
    """The page."""
    targets, steps = figures["targets"], figures["steps"]
    said = "holds" if targets["demo"] <= MOST else "MISSED"
    rows = [["`make install`", targets["install"], "packages come from the machine's own index, or its cache"]]
    rows += [["`make demo`", targets["demo"], f"asked for: under {MOST} after installation ({said})"]]
    chained = [[f"`{each['command']}`", each["seconds"]] for each in steps]
    total = sum(each["seconds"] for each in steps)
    return "\n".join(
        [
            f"As a new user would: `git clone`, then README's commands in their order, on {figures['cores']} cores"
            f" (load {figures['load']:g}).",
            "",
            table(["", "seconds", ""], rows),
            "",
            f"The demo's map of a planet that its model never saw: {figures['judged']}.",
            "",
            f"The chain in five commands, {total:.0f} seconds in all:",
            "",
            table(["command", "seconds"], chained),
        ]
    )
