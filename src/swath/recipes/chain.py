"""Chain: the stages of a recipe done one after another, each only if something that it depends on has changed.

    DIR/recipe.json     what each stage was made of (its key), and what came of it
    DIR/<stage>...      what the stages left, under their own names
    DIR/earlier/        what stages left that were done with other options; nothing is thrown away

A stage's key is a hash over its kind and version, its options, the keys of the stages it stands on, and what is read
from outside; no clock, no machine and no folder is part of it. A stage with its old key, whose output is still there,
is left alone. It is noted before it begins and when it is done, so that a killed run goes on: its functions do.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean, stdev
from typing import Any, Final

from filelock import FileLock, Timeout

from swath.core.errors import Mismatch, Refused, Unreadable
from swath.core.files import refusal, write_whole
from swath.core.options import to_plain
from swath.recipes.recipe import Recipe
from swath.recipes.stage import Job, Made, Means, Stage

__all__ = ["EARLIER", "STATE", "Ran", "Step", "key_of", "plan_chain", "run_chain"]

#: File that says what each stage was made of.
STATE: Final = "recipe.json"
#: Folder of what was made with other options.
EARLIER: Final = "earlier"
_SCHEMA: Final = 1
#: What a step is before it is done -> what is said of it.
_WHY: Final[dict[str, str]] = {
    "new": "to be done",
    "begun": "was cut off, goes on",
    "changed": "options or inputs have changed, to be done again",
    "lost": "its output is gone or altered, to be done again",
    "up to date": "up to date",
}


@dataclass(frozen=True, slots=True)
class Step:
    """A stage and how it stands."""

    #: Of the stage; with the seed, where it is run once a seed.
    name: str
    kind: str
    #: Its name in the file, and its seed; None = as its options say.
    base: str
    seed: int | None
    key: str
    #: `new`, `begun`, `changed`, `lost` or `up to date`; what it was before it was done.
    state: str
    #: What came of it; "" and {} before it is done.
    summary: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)
    has_holes: bool = False

    def sentence(self) -> str:
        """For people."""
        return f"{self.name}: {_WHY[self.state]}"


@dataclass(frozen=True, slots=True)
class Ran:
    """What came of a recipe."""

    recipe: str
    folder: Path
    steps: tuple[Step, ...]

    @property
    def has_holes(self) -> bool:
        """True if a stage left something out."""
        return any(step.has_holes for step in self.steps)

    def over_seeds(self) -> list[str]:
        """Mean and standard deviation over seeds of every score, a line each."""
        held: dict[tuple[str, str], list[float]] = {}
        for step in self.steps:
            if step.seed is not None:
                for name, value in step.facts.get("scores", {}).items():
                    held.setdefault((step.base, name), []).append(float(value))
        lines = []
        for (base, name), values in held.items():
            spread = f"sd {stdev(values):.4f}" if len(values) > 1 else "no sd of one seed"
            lines.append(f"{base}: {name} {fmean(values):.4f} ({spread}, {len(values)} seeds)")
        return lines

    def summary(self) -> str:
        """The last line."""
        idle = sum(step.state == "up to date" for step in self.steps)
        if idle == len(self.steps):
            return f"{self.folder}: up to date, nothing to do ({idle} stages of recipe {self.recipe})"
        holes = " <- HOLES" if self.has_holes else ""
        done = len(self.steps) - idle
        return f"{self.folder}: {done} stages done, {idle} up to date, of recipe {self.recipe}{holes}"

    def to_json(self) -> dict[str, Any]:
        """Plain JSON."""
        steps = [
            {"stage": s.name, "kind": s.kind, "key": s.key, "was": s.state, "said": s.summary, "facts": dict(s.facts)}
            for s in self.steps
        ]
        return {"recipe": self.recipe, "folder": str(self.folder), "stages": steps, "over_seeds": self.over_seeds()}


def key_of(stage: Stage, keys: Mapping[str, str]) -> str:
    """Hash over everything that decides what a stage leaves.

    Parameters
    ----------
    stage : Stage
    keys : mapping
        Name -> key, of the stages that it stands on.
    """
    options = to_plain(stage.options)
    for path in stage.kind.aside:
        above, _, last = path.rpartition(".")
        inner = options
        for part in above.split(".") if above else []:
            inner = inner[part]
        inner.pop(last)
    held = {
        "kind": stage.kind_name,
        "version": stage.kind.version,
        "options": options,
        "inputs": {need: [keys[name] for name in names] for need, names in stage.inputs.items()},
        "outside": stage.kind.outside(stage.options, stage.base),
    }
    return hashlib.sha256(json.dumps(held, sort_keys=True).encode()).hexdigest()


class _State:
    """`recipe.json`, read once and written whole at every change."""

    def __init__(self, folder: Path, recipe: str) -> None:
        self.folder, self.path = folder, folder / STATE
        self.recipe = recipe
        self.stages: dict[str, dict[str, Any]] = self._read()

    def _read(self) -> dict[str, dict[str, Any]]:
        if not self.path.exists():
            return {}
        try:
            held = json.loads(self.path.read_text(encoding="utf-8"))
            schema, recipe, stages = held["swath_recipe"], held["recipe"], dict(held["stages"])
        except (OSError, ValueError, KeyError, TypeError):
            fix = "Choose another folder, or remove this file: what lies beside it is then in the way."
            raise Unreadable(where=str(self.path), what="does not say what was done here", fix=fix) from None
        if schema != _SCHEMA:
            what = f"has schema {schema}, and this swath reads schema {_SCHEMA}"
            raise Refused(where=str(self.path), what=what, fix="Upgrade swath: pip install -U swath.")
        if recipe != self.recipe:
            fix = "Choose another folder with -o."
            raise Mismatch(where=str(self.folder), what="recipe", want=self.recipe, have=recipe, fix=fix)
        return stages

    def note(self, name: str, **held: Any) -> None:
        """Write down how a stage stands."""
        self.stages[name] = held
        whole = {"swath_recipe": _SCHEMA, "recipe": self.recipe, "stages": self.stages}
        write_whole(self.path, (json.dumps(whole, indent=1, ensure_ascii=False) + "\n").encode())


def _paths(job: Job, outputs: tuple[str, ...]) -> list[Path]:
    return [job.path.with_name(f"{job.name}{suffix}") for suffix in outputs]


class _Chain:
    """A recipe in a folder."""

    def __init__(self, recipe: Recipe, folder: Path, means: Means) -> None:
        self.recipe, self.folder, self.means = recipe, folder, means
        self.state = _State(folder, recipe.name)
        #: Whatever is wrong outside is known before hours of work.
        self.keys: dict[str, str] = {}
        for stage in recipe.stages:
            self.keys[stage.name] = key_of(stage, self.keys)
        self.made: dict[str, Made] = {}

    def job(self, stage: Stage) -> Job:
        inputs = {need: [self.made[name] for name in names] for need, names in stage.inputs.items()}
        return Job(self.recipe.name, stage.name, self.folder / stage.name, stage.options, inputs, self.means)

    def look(self, stage: Stage, lost: set[str]) -> Step:
        """Say how a stage stands; `lost` are the earlier ones whose output is not there yet."""
        key = self.keys[stage.name]
        held = self.state.stages.get(stage.name)
        facts = {} if held is None else held.get("facts", {})
        self.made[stage.name] = Made(stage.name, self.folder / stage.name, facts)
        job = self.job(stage)
        state = "new"
        if held is not None:
            paths = _paths(job, stage.kind.outputs[:1])
            if held["key"] != key:
                state = "changed"
            elif not held["is_done"]:
                state = "begun"
            elif not all(path.exists() for path in paths):
                state = "lost"
            elif not any(name in lost for names in stage.inputs.values() for name in names):
                state = "up to date" if stage.kind.stands(job, facts) else "lost"
            else:
                state = "up to date" if stage.kind.outputs else "lost"
        done = held if held is not None and state == "up to date" else {}
        return Step(
            stage.name,
            stage.kind_name,
            stage.base,
            stage.seed,
            key,
            state,
            done.get("summary", ""),
            done.get("facts", {}),
            done.get("has_holes", False),
        )

    def do(self, stage: Stage, step: Step) -> Step:
        """Do a stage."""
        job = self.job(stage)
        if step.state == "new":
            for path in _paths(job, stage.kind.outputs[:1]):
                if path.exists():
                    fix = "Remove it, or choose another folder with -o."
                    raise Refused(where=str(path), what="is there, and no stage of this recipe made it", fix=fix)
        if step.state in ("changed", "lost"):
            self._set_aside(job, stage, self.state.stages[stage.name]["key"])
        self.state.note(stage.name, kind=stage.kind_name, key=step.key, is_done=False)
        done = stage.kind.do(job)
        facts = json.loads(json.dumps(done.facts))
        noted = {"summary": done.summary, "facts": facts, "has_holes": done.has_holes}
        self.state.note(stage.name, kind=stage.kind_name, key=step.key, is_done=True, **noted)
        self.made[stage.name] = Made(stage.name, job.path, facts)
        return Step(step.name, step.kind, step.base, step.seed, step.key, step.state, **noted)

    def _set_aside(self, job: Job, stage: Stage, key: str) -> None:
        """Keep what was made with other options, out of the way."""
        for path in _paths(job, stage.kind.outputs):
            if not path.exists():
                continue
            suffix = path.name[len(job.name) :]
            kept = self.folder / EARLIER / f"{job.name}-{key[:12]}{suffix}"
            count = 2
            while kept.exists():
                kept = self.folder / EARLIER / f"{job.name}-{key[:12]}-{count}{suffix}"
                count += 1
            try:
                kept.parent.mkdir(exist_ok=True)
                os.replace(path, kept)
            except OSError as error:
                raise refusal(kept, error) from error


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Be the only run in a folder."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / f".{STATE}.lock", timeout=0, mode=0o644)
        lock.acquire()
    except Timeout:
        raise Refused(where=str(folder), what="another run is at work here", fix="Wait for it, or stop it.") from None
    except OSError as error:
        raise refusal(folder, error) from error
    try:
        yield
    finally:
        lock.release()


def plan_chain(recipe: Recipe, folder: Path) -> tuple[Step, ...]:
    """Say how each stage stands; nothing is done.

    Raises
    ------
    Mismatch, Refused, Unreadable
        The folder is another recipe's; what is read from outside is not there.
    """
    chain, lost, steps = _Chain(recipe, folder, Means()), set[str](), []
    for stage in recipe.stages:
        step = chain.look(stage, lost)
        if step.state != "up to date":
            lost.add(stage.name)
        steps.append(step)
    return tuple(steps)


def run_chain(
    recipe: Recipe,
    folder: Path,
    *,
    means: Means | None = None,
    tell: Callable[[Step, bool], None] = lambda step, is_done: None,
) -> Ran:
    """Do what of a recipe has not been done, or go on where a run was cut off.

    Parameters
    ----------
    recipe : Recipe
    folder : Path
        Everything goes here.
    means : Means, optional
        How it tells what it does.
    tell : callable
        Hears of each stage before it is done, and after.

    Raises
    ------
    Mismatch, Refused, Unreadable
        The folder is another recipe's, or another run is at work in it, or holds what no stage made; and whatever a
        stage raises. What was done before stays done.
    """
    with _alone(folder):
        chain, steps = _Chain(recipe, folder, means or Means()), []
        for stage in recipe.stages:
            step = chain.look(stage, set())
            if step.state != "up to date":
                tell(step, False)
                step = chain.do(stage, step)
            tell(step, True)
            steps.append(step)
    return Ran(recipe.name, folder, tuple(steps))
