"""Small chains: kinds of stages that count in text files; also run as a program that kills itself.

    python -m tests.recipes.a_recipe FOLDER STAGE

runs `a_chain()` in a folder and dies by SIGKILL in a stage ("" = never).
"""

from __future__ import annotations

import os
import signal
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from swath.recipes.chain import Ran, run_chain
from swath.recipes.recipe import Recipe
from swath.recipes.stage import Done, Job, Kind, Need, Stage


@dataclass(frozen=True, slots=True)
class Number:
    """Options of all kinds here."""

    value: int = 1
    seed: int = 0
    threads: int = 1


#: What was done, in order; outside -> what is read from there; the stage that dies.
DONE: list[str] = []
OUTSIDE: dict[str, str] = {}
DEADLY: list[str] = []


def _write(job: Job, value: int) -> Done:
    DONE.append(job.name)
    job.path.mkdir(exist_ok=True)
    (job.path / "begun").touch()
    if job.name in DEADLY:
        os.kill(os.getpid(), signal.SIGKILL)
    (job.path / "value").write_text(str(value))
    return Done(f"{job.name} is {value}", {"value": value, "scores": {"value": value}}, has_holes=value < 0)


def _make(job: Job) -> Done:
    return _write(job, job.options.value)


def _add(job: Job) -> Done:
    return _write(job, job.options.value + job.options.seed + sum(made.facts["value"] for made in job.inputs["of"]))


def _stands(job: Job, facts: Any) -> bool:
    return (job.path / "value").read_text() == str(facts["value"])


MAKE = Kind(Number, _make, stands=_stands, outside=lambda options, name: OUTSIDE.get(name, ""), aside=("threads",))
LEARN = Kind(Number, _add, needs={"of": Need(("make",))}, stands=_stands, aside=("threads",), seed="seed")
JUDGE = Kind(Number, _add, needs={"of": Need(("learn",))}, stands=_stands)
GATHER = Kind(Number, _add, needs={"of": Need(("judge",), is_many=True)}, stands=_stands)


def a_stage(name: str, kind: Kind, *of: str, **options: int) -> Stage:
    names = {id(MAKE): "make", id(LEARN): "learn", id(JUDGE): "judge", id(GATHER): "gather"}
    return Stage(name, names[id(kind)], kind, Number(**options), {"of": of} if of else {}, base=name)


def a_chain(name: str = "numbers", **options: dict[str, int]) -> Recipe:
    """Two that make, one that learns of the first, one that judges that, one that gathers."""
    stages = (
        a_stage("a", MAKE),
        a_stage("b", MAKE, value=5),
        a_stage("model", LEARN, "a"),
        a_stage("score", JUDGE, "model"),
        a_stage("all", GATHER, "score"),
    )
    stages = tuple(replace(each, options=replace(each.options, **options.get(each.name, {}))) for each in stages)
    return Recipe(name, "", stages)


def run(folder: Path, recipe: Recipe | None = None) -> tuple[list[str], Ran]:
    """Stages that were done, and what came of it."""
    DONE.clear()
    ran = run_chain(recipe or a_chain(), folder)
    return list(DONE), ran


if __name__ == "__main__":
    where, deadly = sys.argv[1:]
    DEADLY.extend([deadly] if deadly else [])
    print(*run(Path(where))[0])
