"""A predictor in numpy: every answer can be worked out from the pixels, and what it was given is kept."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from swath.core.legends import legend
from swath.core.quantity import dn
from swath.core.specs import InputSpec, OutputSpec, StackInput

CODES = (9, 2, 0)


def an_input(bands=("B02", "B04"), *, dates=1, size=16, quantity=None, **more: Any):
    held = {"level": "L1C", "gsd": 10.0, "mean": (1100.0,) * len(bands), "std": (50.0,) * len(bands), **more}
    return InputSpec({"s2": StackInput(bands, quantity or dn("toa", offset=0), dates=dates, **held)}, (size, size))


@dataclass
class Means:
    """Raw output: the mean of the first band over valid pixels, less 1100, times -1, 0 and 1; classes of EuroSAT."""

    input: InputSpec = field(default_factory=an_input)
    output: OutputSpec = field(default_factory=lambda: OutputSpec("scene", CODES, legend("eurosat")))
    seen: list[dict[str, Any]] = field(default_factory=list)

    def samples(self, stacks, valid, times):
        self.seen.append({"x": stacks["s2"], "valid": valid["s2"], "times": times["s2"]})
        x, good = stacks["s2"][:, :, :1], np.broadcast_to(valid["s2"], stacks["s2"].shape)[:, :, :1]
        mean = (x * good).sum(axis=(1, 2, 3, 4)) / np.maximum(good.sum(axis=(1, 2, 3, 4)), 1) - 1100
        wide = len(self.output.codes) or len(self.output.units) or 3
        return mean[:, None] * np.linspace(-1, 1, wide)

    def windows(self, stacks, valid, corners):
        pytest.fail("a table asks for samples alone")

    def dense(self, stacks, valid):
        pytest.fail("a table asks for samples alone")
