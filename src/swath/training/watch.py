"""Watch: what a training tells whoever looks on, step by step and epoch by epoch; silent unless the caller says so."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

__all__ = ["Silent", "Tick", "Watch"]


@dataclass(frozen=True, slots=True)
class Tick:
    """Where a training is after a step."""

    #: Name of the stage.
    stage: str
    #: Epochs finished, and how many there are at most.
    epoch: int
    epochs: int
    #: Steps of this epoch finished, and how many it has.
    step: int
    steps: int
    #: Mean loss a part since the epoch began.
    losses: Mapping[str, float]
    #: Samples a second, lately.
    rate: float
    #: Seconds left at that rate, if nothing ends early.
    left: float


class Watch(Protocol):
    """Looks on."""

    def step(self, tick: Tick) -> None:
        """Hear of a step; called a few times a second at most."""
        ...

    def epoch(self, row: Mapping[str, float | str | None]) -> None:
        """Hear of an epoch: the row that goes into `metrics.csv`."""
        ...


class Silent:
    """Tells nobody."""

    def step(self, tick: Tick) -> None:
        """Nothing."""

    def epoch(self, row: Mapping[str, float | str | None]) -> None:
        """Nothing."""
