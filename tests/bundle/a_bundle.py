"""A small bundle with fresh weights, written by hand."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from swath.bundle import Bundle, Facts, NetworkFacts, OriginFacts, write_bundle
from swath.bundle.bundle import make_network
from swath.core.legends import legend
from swath.core.quantity import TOA
from swath.core.specs import Calibration, InputSpec, OutputSpec, StackInput
from swath.models import ModelOptions
from swath.testing.predictor import an_input

BANDS = ("B04", "B03", "B02", "B08")
INPUT = InputSpec({"s2": StackInput(BANDS, TOA, "L1C", 10.0, 1, (0.1, 0.1, 0.1, 0.3), (0.05,) * 4)}, (32, 32))
OUTPUT = OutputSpec("scene", legend("eurosat").codes, legend("eurosat"), metrics=("accuracy",))
ORIGIN = OriginFacts(
    corpus="alps",
    corpus_hash="c" * 64,
    train=80,
    val=10,
    split="blocks",
    split_hash="a" * 64,
    fold=2,
    recipe={"method": "place", "block": "1deg"},
    bbox=(5.0, 44.0, 15.0, 48.0),
    dates=("2021-06-01T00:00:00Z", "2021-09-01T00:00:00Z"),
    version="0.1.0",
    torch="2.13.0",
    command="swath train alps/ -o run",
    seed=3,
    metric="accuracy",
    value=0.9,
    licences=("numbers: public domain",),
)


def some_facts(**changed: Any) -> Facts:
    """A scene classifier of ten classes from four bands."""
    network = NetworkFacts(ModelOptions("resnet10-32", width=8), hidden=(12,), views=4)
    return replace(Facts("alps", INPUT, OUTPUT, Calibration(1.5), network, ORIGIN), **changed)


def a_bundle(folder: Path, *, is_half: bool = False, **changed: Any) -> Bundle:
    """Fresh weights, running statistics that are not the identity's, one stored sample."""
    facts = some_facts(**changed)
    with torch.random.fork_rng():
        torch.manual_seed(1)
        network = make_network(facts)
        for module in network.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.running_mean.uniform_(-0.5, 0.5)
                module.running_var.uniform_(0.5, 2)
                module.weight.data.uniform_(0.5, 1.5)
    valid = {"s2": np.ones((1, 1, 1, 32, 32), bool)}
    return write_bundle(folder, facts, network, an_input(INPUT, 1, seed=5), valid, is_half=is_half)
