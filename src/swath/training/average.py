"""Average: weights averaged over steps, which are judged and kept in the place of those that learn.

Early in a training the memory is shorter than asked for, so that the average is never ruled by where it began. Buffers
(running statistics) are averaged too; whole numbers are copied.
"""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn

__all__ = ["Average"]


class Average:
    """Averages of some parts; `memory` 0 keeps the parts themselves."""

    def __init__(self, parts: dict[str, nn.Module], memory: float) -> None:
        self.memory, self.steps = memory, 0
        self.parts = parts if not memory else {name: copy.deepcopy(part) for name, part in parts.items()}
        for part in self.parts.values() if memory else ():
            part.requires_grad_(False)
        self._learning = parts

    @torch.no_grad()
    def update(self) -> None:
        """Take in the weights after a step."""
        self.steps += 1
        if not self.memory:
            return
        share = 1 - min(self.memory, (1 + self.steps) / (10 + self.steps))
        mine: list[Tensor] = []
        other: list[Tensor] = []
        for name, part in self._learning.items():
            for held, new in zip(_tensors(self.parts[name]), _tensors(part), strict=True):
                if held.dtype.is_floating_point:
                    mine.append(held)
                    other.append(new)
                else:
                    held.copy_(new)
        torch._foreach_lerp_(mine, other, share)


def _tensors(part: nn.Module) -> list[Tensor]:
    """Parameters and buffers, always in the same order."""
    return [*part.parameters(), *part.buffers()]
