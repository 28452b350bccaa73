"""Stage: a step of a recipe, what kinds there are made of, and what one leaves for those that stand on it.

A kind joins a function that a command calls, too, with its options and with what it needs of earlier stages. Knows no
files of recipes (`recipe`), no state (`chain`), and which kinds there are only by `stage_kinds`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from swath.core.progress import SILENT, Progress

if TYPE_CHECKING:
    from swath.training.watch import Watch

__all__ = ["Done", "Job", "Kind", "Made", "Means", "Need", "Stage"]


@dataclass(frozen=True, slots=True)
class Need:
    """What a stage names of earlier ones under one key."""

    #: Kinds of stages that will do.
    kinds: tuple[str, ...]
    #: Whether it may be left out.
    is_optional: bool = False
    #: Whether it is a list of names, of all seeds together.
    is_many: bool = False


@dataclass(frozen=True, slots=True)
class Means:
    """How a stage tells what it does, and with how much of the machine; decides nothing of the result."""

    #: Processes that read.
    workers: int = 1
    #: Unit of what is counted -> a progress.
    progress: Callable[[str], Progress] = lambda unit: SILENT
    #: Who looks on while a network learns.
    watch: Callable[[], Watch | None] = lambda: None


@dataclass(frozen=True, slots=True)
class Made:
    """What an earlier stage left."""

    #: Its name; with the seed, where it was run once a seed.
    name: str
    #: Where it lies.
    path: Path
    #: What is known of it, plain JSON.
    facts: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Job:
    """A stage about to be done."""

    #: Name of the recipe, and of the stage; with the seed, where it is run once a seed.
    recipe: str
    name: str
    #: Where its output goes: the recipe's folder and the stage's name.
    path: Path
    #: The kind's record.
    options: Any
    #: Key of a need -> what those stages left.
    inputs: Mapping[str, Sequence[Made]]
    means: Means = field(default_factory=Means)

    def one(self, need: str) -> Made:
        """What the one stage left that is named under a key."""
        return self.inputs[need][0]


@dataclass(frozen=True, slots=True)
class Done:
    """What came of a stage."""

    #: Lines for people; the last one counts.
    summary: str
    #: Plain JSON for the stages that stand on it and for programs; `scores` are averaged over seeds.
    facts: Mapping[str, Any] = field(default_factory=dict)
    #: Whether something is missing: a sample that could not be read, or has no answer.
    has_holes: bool = False


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of stage."""

    #: Frozen record of its options.
    options: type[Any]
    #: Does it.
    do: Callable[[Job], Done]
    #: Changes when the same options and inputs give something else.
    version: int = 1
    #: Key -> which earlier stages it names.
    needs: Mapping[str, Need] = field(default_factory=dict)
    #: What is added to its name for the files and folders that are its own; none = it writes into those of others.
    outputs: tuple[str, ...] = ("",)
    #: Whether what it left is still there and as it was.
    stands: Callable[[Job, Mapping[str, Any]], bool] = lambda job, facts: True
    #: What is to be known of its inputs from outside, as a hash, before anything is done: of its options and its name.
    outside: Callable[[Any, str], str] = lambda options, name: ""
    #: Options that say where and how fast, not what: no part of the key.
    aside: tuple[str, ...] = ()
    #: Options that the chain fills from what the stage names, and their defaults: nobody else may.
    filled: Mapping[str, Any] = field(default_factory=dict)
    #: Option that differs from seed to seed; "" = it has none of its own.
    seed: str = ""


@dataclass(frozen=True, slots=True)
class Stage:
    """A stage of a recipe, checked."""

    #: Its name; with the seed, where it is run once a seed.
    name: str
    #: Name of its kind, and the kind.
    kind_name: str
    kind: Kind
    #: The kind's record.
    options: Any
    #: Key of a need -> names of earlier stages.
    inputs: Mapping[str, tuple[str, ...]]
    #: Its name in the file, and the seed that it is run with; None = as its options say.
    base: str
    seed: int | None = None
