"""Task suite: what every `tasks.Task` must keep so that the one loop can train it; and a small task of two parts.

`check_task` takes a few steps as the loop does and looks at what they touched. `TwoParts` is the smallest task that is
plural: a maker and a judge with an optimiser each, and a memory that a series begins without.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

import numpy as np
import torch
from torch import Tensor, nn

from swath.batch.record import Batch
from swath.core.array import Array
from swath.core.legends import Legend, LegendClass
from swath.core.specs import OutputSpec
from swath.evaluate import METRICS
from swath.tasks.task import Parts, State, Task

__all__ = ["TwoParts", "check_task"]

_RATE: Final = 1e-2


def _require(is_right: bool, what: str) -> None:
    if not is_right:
        raise AssertionError(f"task: {what}")


def _weights(part: nn.Module) -> list[Tensor]:
    return [parameter.detach().clone() for parameter in part.parameters()]


def _is_same(one: list[Tensor], other: list[Tensor]) -> bool:
    return all(torch.equal(a, b) for a, b in zip(one, other, strict=True))


def check_task(make: Callable[[], Task], batch: Batch) -> None:
    """Check that a task is what the loop expects.

    Parameters
    ----------
    make : callable
        Makes the task anew, with fresh weights.
    batch : Batch
        Two samples or more that it can learn from.

    Raises
    ------
    AssertionError
        Says what the task does not keep.
    """
    task = make()
    parts = task.parts()
    _require(bool(parts) and all(isinstance(part, nn.Module) for part in parts.values()), "parts() holds no networks")
    _require(task.predicts in parts, f"predicts {task.predicts!r}, which is none of its parts")
    _require(bool(task.output.metrics), "its output names no metric")
    _require(task.output.metrics[0] in METRICS, f"{task.output.metrics[0]!r} is no metric")
    _require(task.frozen("all") == (), "freezes something in a stage that trains all")
    _check_step(task, batch)
    _check_answer(task, batch)


def _check_step(task: Task, batch: Batch) -> None:
    """One step of each part touches that part and no other."""
    parts = task.parts()
    for part in parts.values():
        part.train()
    optimisers = {name: torch.optim.SGD(part.parameters(), lr=_RATE) for name, part in parts.items()}
    state: State = {}
    taught = set()
    for name, loss in task.step(batch, parts, state):
        _require(name in parts, f"step() names {name!r}, which is none of its parts")
        _require(loss.ndim == 0 and loss.requires_grad, f"the loss of {name} is no number with a gradient")
        _require(bool(torch.isfinite(loss)), f"the loss of {name} is {float(loss.detach())}")
        before = {each: _weights(part) for each, part in parts.items()}
        optimisers[name].zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        optimisers[name].step()
        taught.add(name)
        _require(not _is_same(before[name], _weights(parts[name])), f"a step of {name} changes nothing")
        for other in set(parts) - {name}:
            _require(_is_same(before[other], _weights(parts[other])), f"a step of {name} changes {other}")
    _require(taught == set(parts), f"step() never teaches {sorted(set(parts) - taught)}")


@torch.inference_mode()
def _check_answer(task: Task, batch: Batch) -> None:
    """Answers are one a sample, the same for the same state, and can be judged."""
    parts = task.parts()
    for part in parts.values():
        part.eval()
    first, again = (task.raw(batch, parts, {}) for _ in range(2))
    _require(len(first) == len(batch), f"raw() gives {len(first)} answers for {len(batch)} samples")
    _require(bool(torch.isfinite(first).all()), "raw() gives numbers that are not finite")
    _require(torch.equal(first, again), "raw() answers otherwise when it is asked again with a fresh state")
    truth = task.truth(batch)
    _require(len(truth) == len(batch), f"truth() gives {len(truth)} for {len(batch)} samples")
    said = task.score(first.float().numpy(), truth.numpy())
    _require(task.output.metrics[0] in said, f"score() does not tell {task.output.metrics[0]}")
    task.output.decode(first.float().numpy())


class TwoParts:
    """A maker that says whether a sample is bright, and a judge that learns how wrong it is.

    The maker also sees the mean of its own answers to the batch before, which a series begins without.
    """

    def __init__(self, stack: str, target: str, *, seed: int = 0) -> None:
        self.stack, self.target = stack, target
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self._parts: dict[str, nn.Module] = {"maker": nn.Linear(2, 2), "judge": nn.Linear(2, 1)}
        legend = Legend("brightness", (LegendClass(0, "dark", "000000"), LegendClass(1, "bright", "ffffff")))
        self.output = OutputSpec("scene", codes=(0, 1), legend=legend, metrics=("accuracy",))
        self.predicts = "maker"

    def parts(self) -> dict[str, nn.Module]:
        """Both."""
        return self._parts

    def _made(self, batch: Batch, parts: Parts, state: State) -> Tensor:
        seen = batch.x[self.stack].float().mean((1, 2, 3, 4))
        memory = state.get("memory", torch.zeros(()))
        made: Tensor = parts["maker"](torch.stack([seen, memory.expand(len(seen))], 1))
        state["memory"] = made.detach().mean()
        return made

    def _wrong(self, made: Tensor, truth: Tensor) -> Tensor:
        return nn.functional.cross_entropy(made, truth, reduction="none")

    def step(self, batch: Batch, parts: Parts, state: State) -> Iterator[tuple[str, Tensor]]:
        """Teach the judge, then the maker, who also wants to please the judge."""
        truth = self.truth(batch)
        made = self._made(batch, parts, state)
        wrong = self._wrong(made, truth)
        yield "judge", (parts["judge"](made.detach())[:, 0] - wrong.detach()).square().mean()
        yield "maker", wrong.mean() + 0.01 * parts["judge"](made)[:, 0].mean()

    def raw(self, batch: Batch, parts: Parts, state: State) -> Tensor:
        """The maker's answer."""
        return self._made(batch, parts, state)

    def truth(self, batch: Batch) -> Tensor:
        """1 for codes above 0."""
        return (batch.y[self.target] > 0).long()

    def score(self, raw: Array, truth: Array) -> dict[str, float]:
        """Share of right answers."""
        return {"accuracy": float(np.mean(raw.argmax(1) == truth))}

    def frozen(self, trains: str) -> tuple[str, ...]:
        """`maker` trains the maker alone."""
        return ("judge.",) if trains == "maker" else ()
