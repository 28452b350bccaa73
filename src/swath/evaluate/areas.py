"""Areas: how much ground each class covers, adjusted for the errors of a map, with standard errors.

After Olofsson et al. 2014 (Good practices for estimating area and assessing accuracy of land change, Remote Sensing of
Environment 148, doi 10.1016/j.rse.2014.02.015). It needs a probability sample of the map, stratified by its classes or
drawn from all of it; places that were chosen by hand, or that a model learnt from, are none. Counting pixels gives only
the mapped area, which carries the map's bias. Knows arrays only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from swath.core.array import Array
from swath.core.errors import Mismatch, Refused

__all__ = ["AdjustedAreas", "adjusted_areas"]

#: Standard errors to either side of a 95 % interval.
_Z: Final = 1.96


@dataclass(frozen=True, slots=True, eq=False)
class AdjustedAreas:
    """Areas and accuracies of a map, one number a class, in the order of the counts."""

    #: Counted on the map, in the unit given.
    mapped: Array
    #: Estimated from the sample, and its standard error.
    area: Array
    area_se: Array
    #: Share of the map that is right, and its standard error.
    overall: float
    overall_se: float
    #: Of what is mapped as a class, the share that is it; of the class's ground, the share that is mapped so.
    users: Array
    users_se: Array
    producers: Array
    producers_se: Array
    #: Places of the sample in each mapped class.
    sampled: Array

    @property
    def margin(self) -> Array:
        """Half of the 95 % interval of `area`."""
        return np.asarray(_Z * self.area_se)


def adjusted_areas(counts: Array, mapped: Array) -> AdjustedAreas:
    """Estimate areas and accuracies from a probability sample.

    Parameters
    ----------
    counts : integer array, shape (k, k)
        Places of the sample: rows = class on the map, columns = true class.
    mapped : float array, shape (k,)
        Area of each class on the map, in any unit.

    Returns
    -------
    AdjustedAreas
        NaN where nothing can be said: the user's accuracy of a class without a place in the sample, for instance.

    Raises
    ------
    Mismatch
        Shapes do not fit, or a place was sampled from a class that is not on the map.
    Refused
        A class that is on the map has fewer than two places in the sample: its variance is unknown.

    Examples
    --------
    >>> held = adjusted_areas(np.array([[97, 3], [2, 98]]), np.array([22353.0, 1122543.0]))
    >>> round(float(held.area[0])), round(float(held.overall), 4)
    (44133, 0.9798)
    """
    n = np.asarray(counts, np.float64)
    size = np.asarray(mapped, np.float64)
    if n.ndim != 2 or n.shape[0] != n.shape[1] or size.shape != (len(n),):
        have = f"counts {n.shape}, areas {size.shape}"
        raise Mismatch(where="areas", what="shapes", want="counts (k, k), areas (k,)", have=have)
    if (n < 0).any() or (size < 0).any() or not size.sum() > 0:
        raise Refused(where="areas", what="counts and areas are not negative, and some ground is mapped")
    rows = n.sum(axis=1)
    lost = np.flatnonzero((rows > 0) & (size == 0))
    if lost.size:
        want, have = "places in classes that the map shows", f"{int(rows[lost[0]])} in class {lost[0]}"
        raise Mismatch(where="areas", what="sample", want=want, have=have, fix="Sample this very map.")
    few = np.flatnonzero((size > 0) & (rows < 2))
    if few.size:
        what = f"the class at position {few[0]} is on the map and has {int(rows[few[0]])} places in the sample"
        raise Refused(where="areas", what=what, fix="Sample at least two places in every mapped class, better 50.")
    weight = size / size.sum()
    on_map = size > 0
    share = np.zeros_like(n)
    share[on_map] = n[on_map] / rows[on_map, None]
    spread = np.zeros_like(n)
    spread[on_map] = share[on_map] * (1 - share[on_map]) / (rows[on_map, None] - 1)
    p = weight[:, None] * share
    true = p.sum(axis=0)
    area_se = size.sum() * np.sqrt((weight[:, None] ** 2 * spread).sum(axis=0))
    users = np.where(on_map, np.diag(share), np.nan)
    users_var = np.where(on_map, np.diag(spread), np.nan)
    right = np.diag(p)
    with np.errstate(invalid="ignore", divide="ignore"):
        producers = right / true
        own = size**2 * (1 - producers) ** 2 * np.where(on_map, users_var, 0.0)
        total = size[:, None] ** 2 * spread
        others = producers**2 * (total.sum(axis=0) - np.diag(total))
        producers_se = np.sqrt(own + others) / (true * size.sum())
    return AdjustedAreas(
        mapped=size,
        area=size.sum() * true,
        area_se=area_se,
        overall=float(right.sum()),
        overall_se=float(np.sqrt((weight**2 * np.diag(spread)).sum())),
        users=users,
        users_se=np.sqrt(users_var),
        producers=producers,
        producers_se=producers_se,
        sampled=rows,
    )
