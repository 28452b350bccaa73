"""Array: the annotation for a numpy array whose dtype and shape the docstring states."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

__all__ = ["Array"]

Array = NDArray[Any]
