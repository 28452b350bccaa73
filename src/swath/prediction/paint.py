"""Paint: finished strips become rows of pixels: the class of each, and how probable every class is.

Between centres probabilities are interpolated over the centres that answered; a pixel without a measurement, or near no
answer, is nodata. Probabilities are stored in 8 bits. Knows no files: strips come from a function.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from swath.core.array import Array
from swath.prediction.answers import NONE, Answered, scaled
from swath.prediction.mapplan import MapPlan

__all__ = ["Painter"]


class Painter:
    """Paints rows of a plan from top to bottom, holding no more strips than a block needs.

    Parameters
    ----------
    plan : MapPlan
        Of the map.
    load : callable
        Number of a strip -> its answers.
    """

    def __init__(self, plan: MapPlan, load: Callable[[int], Answered]) -> None:
        self._plan, self._load = plan, load
        self._held: dict[int, Answered] = {}
        width = plan.shape[1]
        self._nearest = plan.cols.nearest(0, width)
        self._between = plan.cols.between(0, width)

    def rows(self, top: int, bottom: int) -> tuple[Array, Array]:
        """Paint some rows.

        Returns
        -------
        uint8 array, shape (n, w)
            Position of the most probable class in the model's codes; `NONE` = nodata.
        uint8 array, shape (k + 1, n, w)
            Its probability, then that of each class, scaled by `FULL`; `NONE` = nodata.
        """
        plan, k = self._plan, len(self._plan.output.codes)
        own = [i for i, s in enumerate(plan.strips) if s.top < bottom and s.bottom > top]
        held = self._strips(range(own[0], own[-1] + 1) if plan.is_dense else self._near(top, bottom))
        valid = _rows_of([held[i].valid for i in own], [plan.strips[i].top for i in own], top, bottom, axis=0)
        best = np.full(valid.shape, NONE, np.uint8)
        painted = np.full((k + 1, *valid.shape), NONE, np.uint8)
        if not valid.any():
            return best, painted
        if plan.is_dense:
            tops = [plan.strips[i].top for i in own]
            best = _rows_of([held[i].best for i in own], tops, top, bottom, axis=0)
            painted[1:] = _rows_of([held[i].answers for i in own], tops, top, bottom, axis=1)
            painted[0] = np.where(best == NONE, NONE, painted[1:].max(axis=0))
            known = best != NONE
        else:
            known, chance = self._interpolated(top, bottom, held)
            if known is None:
                return best, painted
            best, highest = _best(chance)
            painted[0], painted[1:] = scaled(highest), scaled(chance)
        hidden = ~(valid & known)
        if hidden.any():
            best[hidden] = NONE
            painted[:, hidden] = NONE
        return best, painted

    def _near(self, top: int, bottom: int) -> range:
        """Strips with a centre that rows need, and those that hold the rows themselves."""
        plan = self._plan
        if plan.interpolation == "nearest":
            lower = upper = plan.rows.nearest(top, bottom)
        else:
            lower, upper, _ = plan.rows.between(top, bottom)
        need = [i for i, s in enumerate(plan.strips) if s.start <= upper.max() and s.stop > lower.min()]
        own = [i for i, s in enumerate(plan.strips) if s.top < bottom and s.bottom > top]
        return range(min(need[0], own[0]), max(need[-1], own[-1]) + 1)

    def _strips(self, wanted: range) -> dict[int, Answered]:
        """Hold these strips and no others."""
        self._held = {i: self._held[i] if i in self._held else self._load(i) for i in wanted}
        return self._held

    def _interpolated(self, top: int, bottom: int, held: dict[int, Answered]) -> tuple[Array | None, Array]:
        """Which pixels are near an answer, and probabilities (k, n, w); None where no pixel is."""
        plan, numbers = self._plan, sorted(held)
        first = plan.strips[numbers[0]].start
        lattice = np.concatenate([held[i].answers for i in numbers]).transpose(2, 0, 1)
        answered = ~np.isnan(lattice[0])
        if not answered.any():
            return None, lattice
        chance = np.ascontiguousarray(lattice)
        if plan.interpolation == "nearest":
            at = np.ix_(plan.rows.nearest(top, bottom) - first, self._nearest)
            known = answered[at]
            painted = chance[:, at[0], at[1]]
            return known, np.where(known, painted, np.float32(0))
        lower, upper, weight = plan.rows.between(top, bottom)
        whole = bool(answered.all())
        if not whole:
            chance = np.where(answered, chance, np.float32(0))
        painted = self._mixed(chance, lower - first, upper - first, weight)
        if whole:
            return np.ones(painted.shape[1:], bool), painted
        weights = self._mixed(answered[None].astype(np.float32), lower - first, upper - first, weight)[0]
        known = weights > 1e-6
        return known, np.divide(painted, weights, out=np.zeros_like(painted), where=known)

    def _mixed(self, values: Array, lower: Array, upper: Array, weight: Array) -> Array:
        """Bilinear mean of values (c, rows, cols) at centres, float32 (c, n, w)."""
        down = weight.astype(np.float32)[:, None]
        mixed = values[:, lower] * (1 - down) + values[:, upper] * down
        left, right, across = self._between
        over = across.astype(np.float32)
        painted = np.take(mixed, left, axis=2)
        painted *= 1 - over
        other = np.take(mixed, right, axis=2)
        other *= over
        painted += other
        return painted


def _rows_of(parts: list[Array], tops: list[int], top: int, bottom: int, *, axis: int) -> Array:
    """Rows of strips that follow one another."""
    cut = []
    for part, begins in zip(parts, tops, strict=True):
        count = part.shape[axis]
        rows = slice(max(top - begins, 0), min(bottom - begins, count))
        cut.append(part[rows] if axis == 0 else part[:, rows])
    return np.concatenate(cut, axis=axis)


def _best(chance: Array) -> tuple[Array, Array]:
    """Position of the largest of (k, n, w), the first of equals, and its value."""
    best, highest = np.zeros(chance.shape[1:], np.uint8), chance[0].copy()
    for i, each in enumerate(chance[1:], start=1):
        more = each > highest
        best[more] = i
        np.maximum(highest, each, out=highest)
    return best, highest
