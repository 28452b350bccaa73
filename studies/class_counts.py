"""Class counts: how much of a map or a piece of it shows which class, and what it shows where other classes lie."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from swath.core.array import Array
from swath.core.legends import Legend
from swath.core.scene import Window
from swath.draw.legend import Key

__all__ = ["commonest", "keys_by_share", "piece", "shares", "window_check"]


def shares(codes: Array, legend: Legend) -> dict[str, float]:
    """Share of the pixels of each class that is there, the commonest first; nodata is left out."""
    held = {each.name: float((codes == each.code).sum()) for each in legend.classes if each.code not in legend.none}
    known = sum(held.values()) or 1.0
    return dict(sorted(((k, round(v / known, 4)) for k, v in held.items() if v), key=lambda each: -each[1]))


def commonest(held: Mapping[str, float], *, least: float = 0.02) -> str:
    """Shares in words, those that are worth a word."""
    said = (f"{name} {share:.{int(share < 0.1)}%}" for name, share in held.items() if share >= least)
    return ", ".join(said) or "none"


def keys_by_share(held: Mapping[str, float], legend: Legend) -> list[Key]:
    """Entries of a picture's legend, the commonest class first."""
    colours = {each.name: each.colour for each in legend.classes}
    return [Key(name, f"#{colours[name]}") for name in held]


def piece(codes: Array, window: Window) -> Array:
    """A rectangle of a map."""
    return codes[window.row : window.row + window.height, window.col : window.col + window.width]


def window_check(
    mapped: Array, is_there: Array, *, side: int, stride: int, least: float, legend: Legend, wanted: Sequence[str]
) -> dict[str, Any]:
    """What the answers at centres say where enough of a window of the same ground holds a class.

    Parameters
    ----------
    mapped : integer array, shape (h, w)
        The map.
    is_there : bool array, shape (h, w)
        Where the other class lies.
    side, stride : int
        Pixels of a window, and from centre to centre; windows that reach over the edge are left out.
    least : float
        Share of a window that must hold it.
    legend : Legend
        Of the map.
    wanted : sequence of str
        Classes of the map that are right there.

    Returns
    -------
    dict
        `windows` that hold it, the share that `agree`, that of the same classes `elsewhere`, and what is `mapped`.
    """
    summed = np.zeros((is_there.shape[0] + 1, is_there.shape[1] + 1), np.int64)
    summed[1:, 1:] = is_there.cumsum(0).cumsum(1)
    tops, lefts = (np.arange(stride // 2, size - side + 1, stride) for size in is_there.shape)
    low, high = summed[np.ix_(tops, lefts)], summed[np.ix_(tops + side, lefts + side)]
    share = (high + low - summed[np.ix_(tops + side, lefts)] - summed[np.ix_(tops, lefts + side)]) / side**2
    answers = mapped[np.ix_(tops + side // 2, lefts + side // 2)]
    has = share >= least
    right = np.isin(answers, [legend.code_of(name) for name in wanted])
    return {
        "windows": int(has.sum()),
        "of": int(has.size),
        "agree": float(right[has].mean()) if has.any() else None,
        "elsewhere": float(right[~has].mean()) if (~has).any() else None,
        "mapped": shares(answers[has], legend),
    }
