"""Keeping: a trained bundle stored in the repository, with a patch of the virtual planet as its example."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np

from swath.bundle import Bundle, write_bundle
from swath.core.array import Array
from swath.core.quantity import to_float
from swath.core.rendering import render
from swath.core.sample import Sample
from swath.core.specs import StackInput
from swath.core.stack import select_bands
from swath.world import Planet

__all__ = ["BUNDLES", "keep"]

#: Where they lie.
BUNDLES: Final = Path(__file__).parents[1] / "results" / "bundles"


def _patch(needs: StackInput) -> Array:
    """The planet's first patch in what the model takes: float32 (1, 1, b, h, w)."""
    planet = Planet()
    stack = next(each for each in planet.read(planet.plan().rows) if isinstance(each, Sample)).stacks["s2"]
    if needs.quantity.kind == "rgb8":
        picture = render(stack.data, stack.quantity, stack.bands, str(needs.quantity.rendering))
        return picture[None].astype(np.float32)
    chosen = select_bands(stack, needs.bands)
    return to_float(chosen.data, chosen.quantity, needs.quantity)[None]


def keep(bundle: Bundle, name: str) -> Path:
    """Store a bundle under a name of its own, in float16."""
    folder = BUNDLES / name
    example = {stack: _patch(needs) for stack, needs in bundle.input.stacks.items()}
    facts = replace(bundle.facts, name=name, files={})
    write_bundle(folder, facts, bundle.network, example, {}, is_half=True)
    return folder
