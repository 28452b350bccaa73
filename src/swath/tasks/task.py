"""Task: what learning needs beyond specs: target tensors, a head, losses. The training loop knows nothing more.

A task is plural from the start: it has parts (networks) by name, each with an optimiser of its own, and a step yields
one loss a part in the order in which they are to be taken, so that a generator and its judge, or a series with a
memory, need no other loop. Weights that predict may be others than those that learn (averages over steps), hence parts
are handed in.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Protocol

from torch import Tensor, nn

from swath.batch.record import Batch
from swath.core.array import Array
from swath.core.specs import OutputSpec

__all__ = ["Parts", "State", "Task"]

#: Networks by name.
Parts = Mapping[str, nn.Module]
#: What a task keeps between the batches of one series; empty where a series begins.
State = dict[str, Any]


class Task(Protocol):
    """What is to be learnt, and how it is judged."""

    @property
    def output(self) -> OutputSpec:
        """What the predicting part gives; the first of its metrics decides."""
        ...

    @property
    def predicts(self) -> str:
        """Name of the part that a bundle keeps."""
        ...

    def parts(self) -> dict[str, nn.Module]:
        """Networks by name: each has an optimiser of its own."""
        ...

    def step(self, batch: Batch, parts: Parts, state: State) -> Iterator[tuple[str, Tensor]]:
        """Yield (part, mean loss) in order; the loop updates that part, and no other, before it asks for the next."""
        ...

    def raw(self, batch: Batch, parts: Parts, state: State) -> Tensor:
        """Predict a batch, before `OutputSpec.decode`: float (n, ...)."""
        ...

    def truth(self, batch: Batch) -> Tensor:
        """Return what `raw` is judged against: (n, ...)."""
        ...

    def score(self, raw: Array, truth: Array) -> dict[str, float]:
        """Judge predictions of a whole part: metric name -> value, with the deciding one among them."""
        ...

    def frozen(self, trains: str) -> tuple[str, ...]:
        """Prefixes of parameters, as `part.path.`, that a stage leaves as they are; `trains` is the stage's kind.

        Raises
        ------
        Unknown
            The task has no such kind of stage.
        """
        ...
