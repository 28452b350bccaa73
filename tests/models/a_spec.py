"""Input specs to build networks for."""

from __future__ import annotations

from swath.core.bands import S2_BANDS
from swath.core.quantity import TOA, Quantity
from swath.core.specs import InputSpec, StackInput


def a_stack(bands=S2_BANDS, *, dates=1, gsd=10.0, mean=None, std=None, quantity: Quantity = TOA):
    """What a model needs of one stack; mean 0.2, deviation 0.1 unless said."""
    bands = tuple(bands)
    return StackInput(bands, quantity, "L1C", gsd, dates, mean or (0.2,) * len(bands), std or (0.1,) * len(bands))


def a_spec(bands=S2_BANDS, *, size=64, name="s2", **given):
    """One stack."""
    return InputSpec({name: a_stack(bands, **given)}, (size, size))
