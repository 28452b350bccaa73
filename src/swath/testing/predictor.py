"""Predictor suite: what every `core.specs.Predictor` must keep, whatever computes behind it; arrays only."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np

from swath.core.array import Array
from swath.core.errors import SwathError
from swath.core.inputs import size_of
from swath.core.specs import InputSpec, Predictor

__all__ = ["an_input", "check_predictor"]

#: How far two answers to the same question may be apart, relative to the largest number.
_SAME: Final = 1e-4


def _require(is_right: bool, what: str) -> None:
    if not is_right:
        raise AssertionError(f"predictor: {what}")


def an_input(input: InputSpec, n: int, *, seed: int = 0, larger: int = 0) -> dict[str, Array]:
    """Noise as a model takes it: {stack: float32 (n, t, b, h, w)}, `larger` pixels higher and wider than a window."""
    rng = np.random.default_rng(seed)
    held = {}
    for name, stack in input.stacks.items():
        h, w = size_of(input, name)
        shape = (n, stack.dates, len(stack.bands), h + larger, w + larger)
        mean, std = (np.asarray(numbers, np.float32)[:, None, None] for numbers in (stack.mean, stack.std))
        held[name] = (mean + std * rng.standard_normal(shape)).astype(np.float32)
    return held


def _is_same(one: Array, other: Array) -> bool:
    return one.shape == other.shape and float(np.abs(one - other).max(initial=0)) <= _SAME * max(
        1.0, float(np.abs(other).max(initial=0))
    )


def check_predictor(predictor: Predictor, *, seed: int = 0) -> None:
    """Check a predictor of one answer a window.

    Parameters
    ----------
    predictor : Predictor
        Of kind `scene`, `values` or `vector`.
    seed : int
        Of the numbers that it is asked about.

    Raises
    ------
    AssertionError
        Says what it does not keep.
    """
    input, output = predictor.input, predictor.output
    _require(output.kind in ("scene", "values", "vector"), f"gives {output.kind}, which this suite does not ask for")
    x = an_input(input, 5, seed=seed)
    raw = predictor.samples(x, {}, {})
    _require(isinstance(raw, np.ndarray) and raw.dtype.kind == "f", f"answers with {type(raw).__name__}, not floats")
    _require(raw.ndim == 2 and len(raw) == 5, f"answers 5 samples with shape {raw.shape}")
    _require(bool(np.isfinite(raw).all()), "answers with numbers that are not finite")
    if output.codes:
        _require(raw.shape[1] == len(output.codes), f"gives {raw.shape[1]} numbers for {len(output.codes)} classes")
    output.decode(raw)
    _require(_is_same(predictor.samples(x, {}, {}), raw), "answers otherwise when it is asked again")
    alone = np.concatenate([predictor.samples({k: v[i : i + 1] for k, v in x.items()}, {}, {}) for i in range(5)])
    _require(_is_same(alone, raw), "answers otherwise for a sample on its own than in a batch")
    everywhere = {name: np.ones((*each.shape[:2], 1, *each.shape[3:]), bool) for name, each in x.items()}
    _require(_is_same(predictor.samples(x, everywhere, {}), raw), "answers otherwise where all is said to be valid")
    _check_empty(predictor, x)
    _check_invalid(predictor, x)
    _check_windows(predictor, seed)
    _check_refusal(predictor, x)


def _check_empty(predictor: Predictor, x: Mapping[str, Array]) -> None:
    """Nothing in, nothing out."""
    none = predictor.samples({name: each[:0] for name, each in x.items()}, {}, {})
    _require(len(none) == 0, f"answers no sample with {len(none)} answers")


def _check_invalid(predictor: Predictor, x: Mapping[str, Array]) -> None:
    """What is not valid does not matter."""
    valid = {name: np.ones((*each.shape[:2], 1, *each.shape[3:]), bool) for name, each in x.items()}
    other = {name: each.copy() for name, each in x.items()}
    for name, mask in valid.items():
        mask[..., :3, :3] = False
        other[name][..., :3, :3] = 1e6
    one, two = predictor.samples(x, valid, {}), predictor.samples(other, valid, {})
    _require(_is_same(one, two), "lets pixels that are not valid change its answer")


def _check_windows(predictor: Predictor, seed: int) -> None:
    """A window of a strip is answered as the same pixels alone."""
    if len(predictor.input.stacks) != 1:
        return
    strip = an_input(predictor.input, 1, seed=seed + 1, larger=7)
    h, w = predictor.input.size
    corners = np.array([[0, 0], [3, 5], [7, 7]])
    got = predictor.windows({name: each[0] for name, each in strip.items()}, {}, corners)
    cut = {
        name: np.concatenate([each[..., r : r + h, c : c + w] for r, c in corners.tolist()])
        for name, each in strip.items()
    }
    _require(_is_same(got, predictor.samples(cut, {}, {})), "answers a window of a strip otherwise than as a sample")


def _check_refusal(predictor: Predictor, x: Mapping[str, Array]) -> None:
    """A missing stack is a sentence."""
    try:
        predictor.samples({}, {}, {})
    except SwathError as error:
        _require(next(iter(x)) in str(error), f"does not name the stack that is missing: {error}")
        return
    raise AssertionError("predictor: answers without its stacks")
