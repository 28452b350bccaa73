"""Collation: views become a batch; fewer dates are padded and said to be absent, nothing is ever resized.

The only place, with `loader`, where arrays become tensors.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from swath.batch.record import NO_TIME, Batch
from swath.batch.view import View
from swath.core.array import Array
from swath.core.errors import Mismatch, Refused
from swath.core.specs import InputSpec

__all__ = ["collate", "tensors"]


def tensors(arrays: Mapping[str, Array]) -> dict[str, Tensor]:
    """Arrays as tensors over the same memory."""
    return {name: torch.from_numpy(np.ascontiguousarray(array)) for name, array in arrays.items()}


def _agreed(views: Sequence[View], name: str, shapes: Sequence[tuple[int, ...]], what: str) -> None:
    """Refuse a shape that differs from the first one's."""
    for view, shape in zip(views, shapes, strict=True):
        if shape != shapes[0]:
            want, have = (" x ".join(map(str, each)) for each in (shapes[0], shape))
            fix = "Crop both to one size: nothing is resized in silence."
            raise Mismatch(where=f"{view.id} {name}", what=what, want=f"{want} ({views[0].id})", have=have, fix=fix)


def _joined(views: Sequence[View], stack: str, input: InputSpec) -> tuple[Array, Array, Array, Array]:
    """Pixels, validity, presence and times of one stack, padded to the most dates."""
    held = [view.x[stack] for view in views]
    _agreed(views, stack, [x.shape[2:] for x in held], "size")
    _agreed(views, stack, [x.shape[1:2] for x in held], "number of bands")
    n, t, (b, h, w) = len(views), max(len(x) for x in held), held[0].shape[1:]
    bands = max(view.valid[stack].shape[1] for view in views)
    x = np.empty((n, t, b, h, w), np.float32)
    x[:] = np.asarray(input.stacks[stack].mean, np.float32)[:, None, None]
    valid, present = np.zeros((n, t, bands, h, w), bool), np.zeros((n, t, b), bool)
    times = np.full((n, t), NO_TIME, np.int64)
    for i, view in enumerate(views):
        dates = len(held[i])
        x[i, :dates] = held[i]
        valid[i, :dates] = view.valid[stack]
        present[i, :dates] = view.present.get(stack, True)
        times[i, :dates] = view.times.get(stack, NO_TIME)
    return x, valid, present, times


def collate(views: Sequence[View], input: InputSpec, *, wavelengths: Mapping[str, Array] | None = None) -> Batch:
    """Stack views into a batch.

    Parameters
    ----------
    views : sequence of View
        One or more; their numbers of dates may differ.
    input : InputSpec
        What their numbers are; its means fill the dates that are not there.
    wavelengths : mapping, optional
        Stack -> float32 (b,) [nm]; not given = unknown.

    Raises
    ------
    Mismatch
        Sizes, bands or stacks differ; names both samples.
    Refused
        There is no view.
    """
    if not views:
        raise Refused(where="batch", what="there is no sample to stack", fix="Give at least one.")
    for view in views:
        if set(view.x) != set(input.stacks):
            want, have = (", ".join(sorted(names)) for names in (input.stacks, view.x))
            raise Mismatch(where=view.id, what="stacks", want=want, have=have)
    joined = {name: _joined(views, name, input) for name in input.stacks}
    named = ("x", "valid", "present", "times")
    columns: dict[str, Any] = {
        each: tensors({name: parts[i] for name, parts in joined.items()}) for i, each in enumerate(named)
    }
    y: dict[str, Array] = {name: np.stack([np.asarray(view.y[name]) for view in views]) for name in views[0].y}
    for name in views[0].maps:
        _agreed(views, name, [view.maps[name].shape for view in views], "size")
        y[name] = np.stack([view.maps[name] for view in views])
    bands = {name: np.full(len(needs.bands), np.nan, np.float32) for name, needs in input.stacks.items()}
    return Batch(
        **columns,
        wavelengths=tensors({**bands, **(wavelengths or {})}),
        lonlat=torch.tensor([view.lonlat for view in views], dtype=torch.float64),
        y=tensors(y),
        ids=tuple(view.id for view in views),
    )
