"""Rates: schedules beside torch's own."""

from __future__ import annotations

import math
import warnings

import pytest
import torch

from swath.training.muon import Muon
from swath.training.options import Optimiser, Schedule
from swath.training.rates import factor, make_optimisers, set_rates


def torchs(make, steps: int) -> list[float]:
    """Rates that a scheduler of torch gives at each step, over a top rate of 1."""
    optimiser = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    scheduler = make(optimiser)
    seen = []
    for _ in range(steps):
        seen.append(optimiser.param_groups[0]["lr"])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            scheduler.step()
    return seen


def ours(schedule: Schedule, steps: int, per_epoch: int = 5) -> list[float]:
    return [factor(schedule, step, steps, per_epoch=per_epoch) for step in range(steps)]


def test_a_cosine_is_torchs():
    want = torchs(lambda o: torch.optim.lr_scheduler.CosineAnnealingLR(o, 20, eta_min=0.1), 20)

    assert ours(Schedule("cosine", final=0.1), 20) == pytest.approx(want)


def test_a_line_is_torchs():
    want = torchs(lambda o: torch.optim.lr_scheduler.LinearLR(o, 1.0, 0.2, 20), 20)

    assert ours(Schedule("linear", final=0.2), 20) == pytest.approx(want)


def test_an_exponential_falls_once_an_epoch():
    """002: ExponentialLR 0.95 an epoch."""
    assert ours(Schedule("exponential", gamma=0.5), 15) == [1.0] * 5 + [0.5] * 5 + [0.25] * 5


def test_a_warm_up_rises_in_a_line_and_joins_at_the_top():
    got = ours(Schedule("cosine", warm_up=0.25), 16)

    assert got[:5] == [0.25, 0.5, 0.75, 1.0, 1.0]
    assert got[-1] == pytest.approx(0.5 * (1 + math.cos(math.pi * 11 / 12)))


def test_weights_decay_and_biases_do_not():
    network = torch.nn.Sequential(torch.nn.Conv2d(1, 2, 3), torch.nn.BatchNorm2d(2))

    optimiser = make_optimisers(Optimiser("adamw", weight_decay=0.1), {"network": network})["network"]

    decays = {p.ndim: group["weight_decay"] for group in optimiser.param_groups for p in group["params"]}
    assert decays == {4: 0.1, 1: 0.0}


def test_a_part_that_learns_nothing_has_no_optimiser():
    frozen = torch.nn.Linear(1, 1).requires_grad_(False)

    assert make_optimisers(Optimiser(), {"a": torch.nn.Linear(1, 1), "b": frozen}).keys() == {"a"}


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("sgd", torch.optim.SGD),
        ("adam", torch.optim.Adam),
        ("adamw", torch.optim.AdamW),
        ("muon", Muon),
        ("adadelta", torch.optim.Adadelta),
    ],
)
def test_rules_by_name(name, kind):
    made = make_optimisers(Optimiser(name), {"a": torch.nn.Linear(1, 1)})

    set_rates(made, Optimiser(name, rate=0.5, rates={"a": 0.3}), 0.5)

    assert type(made["a"]) is kind
    assert {group["lr"] for group in made["a"].param_groups} == {0.15}
