"""Batch: n samples as tensors, with everything that says what their numbers are.

Pixels are in the quantity of the model's `InputSpec` and not normalised: the network does that once, on its device.
What is no measurement holds its band's mean, and `valid` says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor

__all__ = ["NO_TIME", "Batch"]

#: An unknown date in `Batch.times`: numpy's NaT as an integer.
NO_TIME = -(2**63)


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """n samples, stacked for one step."""

    #: Stack -> float32 (n, t, b, h, w), in the quantity of the `InputSpec`, not normalised.
    x: Mapping[str, Tensor]
    #: Stack -> bool (n, t, b or 1, h, w): which pixels are measurements; the others hold the band's mean.
    valid: Mapping[str, Tensor]
    #: Stack -> bool (n, t, b): False where a date or a band is not there at all.
    present: Mapping[str, Tensor]
    #: Stack -> int64 (n, t), microseconds since 1970; `NO_TIME` = unknown or not there.
    times: Mapping[str, Tensor]
    #: Stack -> float32 (b,), nominal centre [nm] of the sensor's first satellite; NaN = none is known.
    wavelengths: Mapping[str, Tensor]
    #: float64 (n, 2), longitude and latitude of the centre [deg]; NaN = unknown.
    lonlat: Tensor
    #: Target -> what is to be learnt. A class: int64 (n,), index into the output's codes, -1 = no label. Several
    #: classes: float32 (n, k) of 0 and 1, NaN = no label. A map: int64 (n, h, w), -1 = none. Values: float32 (n, v),
    #: NaN = missing.
    y: Mapping[str, Tensor]
    #: Identifiers, in the order of the tensors.
    ids: tuple[str, ...]
    #: Target -> that of the sample that was mixed into each one, shaped as `y`; {} = nothing was.
    other: Mapping[str, Tensor] = field(default_factory=dict)
    #: float32 (n,), weight [1] of the sample's own targets beside `other`; None = nothing was mixed.
    share: Tensor | None = None
    #: True if no series goes on from the batch before: a task's memory begins anew.
    opens: bool = True
    #: Samples of the whole batch, of which several processes have a part each.
    whole: int = 0

    def __len__(self) -> int:
        return len(self.ids)

    def to(self, device: torch.device | str, non_blocking: bool = False) -> Batch:
        """Move every tensor to a device."""

        def move(tensor: Tensor) -> Tensor:
            return tensor.to(device, non_blocking=non_blocking)

        names = ("x", "valid", "present", "times", "wavelengths", "y", "other")
        moved: dict[str, Any] = {n: {key: move(each) for key, each in getattr(self, n).items()} for n in names}
        share = None if self.share is None else move(self.share)
        return replace(self, **moved, lonlat=move(self.lonlat), share=share)
