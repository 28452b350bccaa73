"""Rates: optimisers from their options, and the factor on their rate at each step."""

from __future__ import annotations

import math

import torch
from torch import nn

from swath.core.errors import Unknown
from swath.training.muon import Muon
from swath.training.options import Optimiser, Schedule

__all__ = ["factor", "make_optimisers", "set_rates"]


def factor(schedule: Schedule, step: int, steps: int, *, per_epoch: int) -> float:
    """Share of the top rate at a step.

    Parameters
    ----------
    schedule : Schedule
        How it goes.
    step, steps : int
        Which of how many, counted from 0.
    per_epoch : int
        Steps an epoch.

    Examples
    --------
    >>> [round(factor(Schedule(warm_up=0.5), step, 8, per_epoch=4), 3) for step in range(8)]
    [0.25, 0.5, 0.75, 1.0, 1.0, 0.854, 0.5, 0.146]
    """
    rising = round(schedule.warm_up * steps)
    if step < rising:
        return (step + 1) / rising
    done = (step - rising) / max(1, steps - rising)
    match schedule.name:
        case "cosine":
            return schedule.final + (1 - schedule.final) * 0.5 * (1 + math.cos(math.pi * done))
        case "linear":
            return schedule.final + (1 - schedule.final) * (1 - done)
        case "exponential":
            return schedule.gamma ** ((step - rising) // per_epoch)
        case _:
            return 1.0


def _rule(options: Optimiser, groups: list[dict[str, object]], rate: float) -> torch.optim.Optimizer:
    match options.name:
        case "sgd":
            looks_ahead = options.nesterov and options.momentum > 0
            return torch.optim.SGD(groups, lr=rate, momentum=options.momentum, nesterov=looks_ahead)
        case "adam":
            return torch.optim.Adam(groups, lr=rate, betas=options.betas)
        case "adamw":
            return torch.optim.AdamW(groups, lr=rate, betas=options.betas)
        case "muon":
            return Muon(groups, lr=rate, momentum=options.momentum, betas=options.betas)
        case _:
            return torch.optim.Adadelta(groups, lr=rate)


def make_optimisers(options: Optimiser, parts: dict[str, nn.Module]) -> dict[str, torch.optim.Optimizer]:
    """Make an optimiser for every part that has something to learn.

    Raises
    ------
    Unknown
        `rates` names a part that the task does not have.
    """
    for name in options.rates:
        if name not in parts:
            raise Unknown(name, parts, what="part", where="option optimiser.rates")
    made = {}
    for name, part in parts.items():
        learns = [p for p in part.parameters() if p.requires_grad]
        if not learns:
            continue
        groups: list[dict[str, object]] = [
            {"params": [p for p in learns if p.ndim > 1], "weight_decay": options.weight_decay},
            {"params": [p for p in learns if p.ndim <= 1], "weight_decay": 0.0},
        ]
        made[name] = _rule(options, [g for g in groups if g["params"]], options.top(name))
    return made


def set_rates(optimisers: dict[str, torch.optim.Optimizer], options: Optimiser, share: float) -> None:
    """Give every optimiser its rate times `share`."""
    for name, optimiser in optimisers.items():
        for group in optimiser.param_groups:
            group["lr"] = options.top(name) * share
