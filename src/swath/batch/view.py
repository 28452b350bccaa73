"""View: one sample as numpy arrays, as it stands before it is stacked with others.

Pixels are already in the quantity of the model's `InputSpec`. `Views` is many of them at once: what is moved and lit
together in one call, so that no rule of augmentation is written twice.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from swath.core.array import Array

__all__ = ["View", "Views"]


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """One sample before collation."""

    #: Identifier in the corpus.
    id: str
    #: Stack -> float32 (t, b, h, w), in the quantity of the `InputSpec`; what is not valid holds the band's mean.
    x: Mapping[str, Array]
    #: Stack -> bool (t, b or 1, h, w).
    valid: Mapping[str, Array]
    #: Map target -> int64 (h, w), index into the output's codes, -1 = none.
    maps: Mapping[str, Array] = field(default_factory=dict)
    #: Stack -> bool (t, b), False where a band is not there; a stack that is not named is there in full.
    present: Mapping[str, Array] = field(default_factory=dict)
    #: Stack -> int64 (t,), microseconds since 1970, NaT as numpy stores it; not named = unknown.
    times: Mapping[str, Array] = field(default_factory=dict)
    #: Other targets, as `Batch.y` has them, without its first axis.
    y: Mapping[str, Any] = field(default_factory=dict)
    #: Longitude and latitude of the centre [deg].
    lonlat: tuple[float, float] = (np.nan, np.nan)


@dataclass(slots=True, eq=False)
class Views:
    """n samples on their way to a batch; arrays are replaced as they are moved and lit."""

    #: One a sample and occurrence, uint64 (n,); see `keys`.
    keys: Array
    #: Stack -> (n, t, b, h, w), as stored until `to_input` was called, float32 after it.
    x: dict[str, Array]
    #: Stack -> bool (n, t, b or 1, h, w); None = what the numbers themselves say.
    valid: dict[str, Array | None]
    #: Stack -> bool (n, t, b).
    present: dict[str, Array]
    #: Map target -> integers (n, h, w).
    maps: dict[str, Array]

    @classmethod
    def of(cls, view: View, key: int) -> Views:
        """One view as many."""
        present = {name: view.present.get(name, np.ones(x.shape[:2], bool)) for name, x in view.x.items()}
        return cls(
            keys=np.array([key], np.uint64),
            x={name: x[None] for name, x in view.x.items()},
            valid={name: mask[None] for name, mask in view.valid.items()},
            present={name: flags[None] for name, flags in present.items()},
            maps={name: codes[None] for name, codes in view.maps.items()},
        )
