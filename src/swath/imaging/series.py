"""Series: that an array is (t, b, h, w) and covers the extent, bands and dates that a degradation is told of."""

from __future__ import annotations

from collections.abc import Sequence

from swath.core.array import Array
from swath.core.errors import Mismatch
from swath.imaging.lattice import Extent

__all__ = ["require_series"]


def require_series(
    image: Array,
    extent: Extent,
    dates: Sequence[int] | None,
    *,
    bands: Sequence[str] | None = None,
    where: str,
) -> tuple[int, ...]:
    """Check an array against what it is said to cover; returns the numbers of its dates, positions if not given.

    Raises
    ------
    Mismatch
        It is not (t, b, h, w), or the extent, the bands or the dates are others; both sides are named.

    Examples
    --------
    >>> import numpy as np
    >>> require_series(np.zeros((2, 1, 4, 4)), Extent(0, 0, 4, 4), None, where="speckle")
    (0, 1)
    """
    if image.ndim != 4:
        raise Mismatch(where=where, what="shape", want="(t, b, h, w)", have=str(image.shape))
    t, b, h, w = image.shape
    if (h, w) != (extent.height, extent.width):
        raise Mismatch(where=where, what="size", want=f"{extent.height} x {extent.width} (extent)", have=f"{h} x {w}")
    if bands is not None and len(bands) != b:
        raise Mismatch(where=where, what="count of bands", want=f"{len(bands)} ({', '.join(bands)})", have=str(b))
    if dates is not None and len(dates) != t:
        raise Mismatch(where=where, what="count of dates", want=str(len(dates)), have=str(t))
    return tuple(range(t)) if dates is None else tuple(int(day) for day in dates)
