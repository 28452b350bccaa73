"""Options of the loop: how steps are taken, for how long, on what, and what is kept; every field is told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final, Literal

from swath.core.errors import Refused

__all__ = ["RATES", "LoopOptions", "Optimiser", "Schedule", "Stage"]

#: Rule -> rate where none is given: of networks trained from fresh weights; fine-tuning wants far less.
RATES: Final = {"adam": 1e-3, "adamw": 3e-3, "muon": 1e-2, "sgd": 0.1, "adadelta": 1.0}


def _require(is_right: bool, name: str, want: str, have: object) -> None:
    if not is_right:
        raise Refused(where=f"option {name}", what=f"must be {want}", have=str(have))


@dataclass(frozen=True, slots=True)
class Optimiser:
    """How a step follows from a gradient."""

    #: Which rule.
    name: Literal["sgd", "adam", "adamw", "muon", "adadelta"] = "adamw"
    #: Rate at the schedule's top; None = the rule's own: adam 0.001, adamw 0.003, muon 0.01, sgd 0.1, adadelta 1.
    rate: float | None = None
    #: Rates of parts that have another, by the part's name.
    rates: Mapping[str, float] = field(default_factory=dict)
    #: Of sgd, and of muon's kernels.
    momentum: float = 0.9
    #: Whether sgd looks ahead.
    nesterov: bool = True
    #: Pull towards 0 of weights with two or more dimensions; biases and normalisation are left alone.
    weight_decay: float = 0.0
    #: Of adam and adamw, and of what muon leaves to it.
    betas: tuple[float, float] = (0.9, 0.999)
    #: Greatest norm of a part's gradient; None = as it is.
    clip: float | None = None

    def __post_init__(self) -> None:
        _require(self.rate is None or self.rate > 0, "optimiser.rate", "above 0", self.rate)
        _require(all(rate > 0 for rate in self.rates.values()), "optimiser.rates", "above 0", dict(self.rates))
        _require(0 <= self.momentum < 1, "optimiser.momentum", "from 0 to below 1", self.momentum)
        _require(self.weight_decay >= 0, "optimiser.weight_decay", "0 or more", self.weight_decay)
        _require(self.clip is None or self.clip > 0, "optimiser.clip", "above 0", self.clip)

    def top(self, part: str) -> float:
        """Rate of a part at the schedule's top.

        Examples
        --------
        >>> Optimiser("muon").top("network"), Optimiser("sgd", rate=0.2, rates={"head": 0.5}).top("head")
        (0.01, 0.5)
        """
        return self.rates.get(part, RATES[self.name] if self.rate is None else self.rate)


@dataclass(frozen=True, slots=True)
class Schedule:
    """How the rate goes over the steps of a stage."""

    #: After the warm-up: half a cosine down, a straight line down, a constant factor an epoch, or nothing.
    name: Literal["cosine", "linear", "exponential", "constant"] = "cosine"
    #: Share of the steps over which the rate rises from 0 in a straight line.
    warm_up: float = 0.0
    #: Share of the top rate at which cosine and linear end.
    final: float = 0.0
    #: Of exponential: factor an epoch.
    gamma: float = 0.95

    def __post_init__(self) -> None:
        _require(0 <= self.warm_up < 1, "schedule.warm_up", "a share from 0 to below 1", self.warm_up)
        _require(0 <= self.final <= 1, "schedule.final", "a share from 0 to 1", self.final)
        _require(0 < self.gamma <= 1, "schedule.gamma", "above 0 and at most 1", self.gamma)


@dataclass(frozen=True, slots=True)
class Stage:
    """A stretch of epochs in which the same layers learn; None = as the loop's own options."""

    #: Shown in logs.
    name: str
    #: How many, the most of them where `patience` may stop earlier.
    epochs: int
    #: What learns; the task knows the kinds (`head`; `later`, which is all but the first block; `all`).
    trains: str = "all"
    #: Steps of this stage.
    optimiser: Optimiser | None = None
    #: Rate of this stage.
    schedule: Schedule | None = None
    #: Epochs without a better metric after which the stage ends.
    patience: int | None = None
    #: Whether the stage ends with its best weights instead of its last.
    restores_best: bool = False

    def __post_init__(self) -> None:
        _require(self.epochs >= 1, f"stages.{self.name}.epochs", "1 or more", self.epochs)
        _require(self.patience is None or self.patience >= 1, "patience", "1 or more", self.patience)


@dataclass(frozen=True, slots=True)
class LoopOptions:
    """Everything that the loop is told."""

    #: How many, where there are no stages; after each the network is judged and kept.
    epochs: int = 16
    #: Steps an epoch; None = one pass over train. Passes follow one another whatever is asked for: a shorter epoch
    #: leaves the rest of its pass to the next one, a longer one goes on with the next pass.
    steps: int | None = None
    #: Of everything random; the order of samples, augmentation and dropout are functions of it.
    seed: int = 0
    #: Of all stages that have none of their own.
    optimiser: Optimiser = field(default_factory=Optimiser)
    schedule: Schedule = field(default_factory=Schedule)
    #: Epochs without a better metric after which training ends; None = never early.
    patience: int | None = None
    #: Stretches that follow one another; none = one over all `epochs` in which everything learns.
    stages: tuple[Stage, ...] = ()
    #: Weights that are judged and kept are an average over steps with this memory (0.995 = about 200 steps); 0 = none.
    average: float = 0.0
    #: Checkpoints of the best epochs that are kept.
    keep: int = 1
    #: Which epoch the bundle is made of: the best on val, or the last.
    select: Literal["best", "last"] = "best"
    #: A process on its own also writes a checkpoint in the middle of an epoch, this many minutes after the last.
    save_minutes: float = 10.0
    #: Where to compute: a GPU if there is one, or by name.
    device: str = "auto"
    #: Numbers of the forward pass: bf16 only where the device has units for it, unless it is asked for.
    precision: Literal["auto", "float32", "bf16"] = "auto"
    #: Whether networks are compiled first: pays on a GPU, and on a CPU only for long trainings of small networks.
    compile: bool = False

    def __post_init__(self) -> None:
        _require(self.epochs >= 1, "epochs", "1 or more", self.epochs)
        _require(self.steps is None or self.steps >= 1, "steps", "1 or more", self.steps)
        _require(0 <= self.average < 1, "average", "from 0 to below 1", self.average)
        _require(self.keep >= 1, "keep", "1 or more", self.keep)
        _require(self.save_minutes > 0, "save_minutes", "above 0", self.save_minutes)

    def all_stages(self) -> tuple[Stage, ...]:
        """The stages with everything filled in."""
        named = self.stages or (Stage("all", self.epochs),)
        return tuple(
            replace(
                stage,
                optimiser=stage.optimiser or self.optimiser,
                schedule=stage.schedule or self.schedule,
                patience=stage.patience if stage.patience is not None else self.patience,
            )
            for stage in named
        )
