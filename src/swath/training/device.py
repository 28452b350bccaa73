"""Device: where to compute, with which numbers, and with how many others; `torchrun` starts several.

Gradients are averaged over processes by hand, part by part, each weighted with the samples it saw: that serves tasks of
several parts and any number of processes alike, and one process needs none of it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn

from swath.core.errors import Mismatch

__all__ = ["Device", "place", "processes"]


@dataclass(frozen=True, slots=True)
class Device:
    """One process's place among those that train together."""

    #: Where tensors live.
    torch: torch.device
    #: Whether the forward pass runs in bf16.
    is_half: bool
    #: Which of how many processes.
    rank: int = 0
    world: int = 1

    @property
    def is_first(self) -> bool:
        """True for the process that writes."""
        return self.rank == 0

    def autocast(self) -> AbstractContextManager[Any]:
        """The numbers of the forward pass."""
        return torch.autocast(self.torch.type, dtype=torch.bfloat16, enabled=self.is_half)

    def average_gradients(self, part: nn.Module, share: float) -> None:
        """Average a part's gradients over all processes; `share` is this one's weight, 1 where all saw as much."""
        if self.world == 1:
            return
        gradients = [p.grad for p in part.parameters() if p.grad is not None]
        flat = torch.cat([gradient.flatten() for gradient in gradients]) * (share / self.world)
        dist.all_reduce(flat)
        at = 0
        for gradient in gradients:
            gradient.copy_(flat[at : at + gradient.numel()].view_as(gradient))
            at += gradient.numel()

    def same_weights(self, parts: dict[str, nn.Module]) -> None:
        """Give every process the first one's weights and running statistics."""
        if self.world > 1:
            for part in parts.values():
                for tensor in (*part.parameters(), *part.buffers()):
                    dist.broadcast(tensor.data, 0)

    def total(self, numbers: Tensor) -> Tensor:
        """Sum over all processes."""
        if self.world > 1:
            dist.all_reduce(numbers)
        return numbers

    def gather(self, mine: Any) -> list[Any]:
        """What every process holds, in the order of their ranks."""
        held: list[Any] = [mine]
        if self.world > 1:
            held = [None] * self.world
            dist.all_gather_object(held, mine)
        return held


def place() -> tuple[int, int]:
    """Which of how many processes this one is, as `torchrun` says it: (rank, processes)."""
    return int(os.environ.get("RANK", 0)), int(os.environ.get("WORLD_SIZE", 1))


def _chosen(name: str, local: int) -> torch.device:
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(name)
    except RuntimeError:
        raise Mismatch(where="option device", what="device", want="auto, cpu, cuda or cuda:N", have=name) from None
    if device.type == "cuda" and not torch.cuda.is_available():
        fix = "Take --set loop.device=cpu, or install a torch that sees the GPU."
        raise Mismatch(where="option device", what="device", want=name, have="no GPU that torch sees", fix=fix)
    return torch.device("cuda", local) if device.type == "cuda" and device.index is None else device


@contextmanager
def processes(device: str = "auto", precision: str = "auto") -> Iterator[Device]:
    """Join the processes that `torchrun` started, or be the only one.

    Parameters
    ----------
    device : str
        `auto`, `cpu`, `cuda` or `cuda:N`.
    precision : str
        `auto` takes bf16 on a GPU that computes in it; CPUs without units for it take twice the time.

    Raises
    ------
    Mismatch
        There is no such device here.
    """
    rank, world = place()
    where = _chosen(device, int(os.environ.get("LOCAL_RANK", 0)))
    can_half = where.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)
    is_half = precision == "bf16" or (precision == "auto" and can_half)
    if where.type == "cuda":
        torch.cuda.set_device(where)
    is_joined = world > 1 and not dist.is_initialized()
    if is_joined:
        dist.init_process_group("nccl" if where.type == "cuda" else "gloo")
    try:
        yield Device(where, is_half, rank, world)
    finally:
        if is_joined:
            dist.destroy_process_group()
