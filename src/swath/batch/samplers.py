"""Samplers: which samples an epoch shows, in which order, and how they are cut into batches.

Every choice is a function of seed, epoch and id. Draws by weight are systematic: a sample comes as often as its weight
asks, rounded up or down by chance, never more; independent draws would leave a third of the samples out and show
others four times. Knows positions and numbers, no corpora.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from swath.batch.keys import occurrences, repeated, stream, uniform
from swath.core.array import Array
from swath.core.errors import Mismatch, Refused, Unknown

__all__ = ["SAMPLING_KINDS", "Sampling", "batches", "order"]

SAMPLING_KINDS: Final = ("uniform", "balanced", "weighted")


@dataclass(frozen=True, slots=True)
class Sampling:
    """How the samples of an epoch are chosen."""

    #: `uniform`: every sample once. `balanced`: every class as often as any other. `weighted`: by given weights.
    kind: Literal["uniform", "balanced", "weighted"] = "uniform"
    #: Samples an epoch, where they are drawn; 0 = as many as there are.
    draws: int = 0
    #: Class target that is balanced; needed only if there are several.
    target: str = ""
    #: Codes of the classes that must come; empty = those that occur.
    classes: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if self.kind not in SAMPLING_KINDS:
            raise Unknown(self.kind, SAMPLING_KINDS, what="sampling")
        if self.draws < 0 or (self.draws and self.kind == "uniform"):
            fix = "Draw by balanced or weighted sampling, or leave draws out: uniform shows every sample once."
            raise Refused(where="sampling", what=f"{self.draws} draws with kind {self.kind}", fix=fix)


def _systematic(weights: Array, draws: int, offset: float) -> Array:
    """Positions drawn at equal steps along the cumulated weights, shape (draws,)."""
    edges = np.cumsum(weights) * (draws / weights.sum())
    drawn = np.searchsorted(edges, offset + np.arange(draws), side="right")
    return np.minimum(drawn, int(np.flatnonzero(weights)[-1]))


def _class_weights(labels: Array, classes: Sequence[int], names: Sequence[str]) -> Array:
    """Weight of each sample so that every class has the same sum; 0 for the classes that are not asked for."""
    found, counts = np.unique(labels[labels >= 0], return_counts=True)
    held = dict(zip(found.tolist(), counts.tolist(), strict=True))
    wanted = list(classes) or list(held)
    none = [names[c] if c < len(names) else str(c) for c in wanted if not held.get(c)]
    if none or not wanted:
        what = f"no sample is of class {', '.join(none)}" if none else "no sample has a label"
        fix = "Leave it out of the classes, or add samples." if none else "Balance by another target."
        raise Refused(where="balanced sampling", what=what, fix=fix)
    share = np.zeros(int(max(wanted)) + 2)
    share[wanted] = [1 / held[c] for c in wanted]
    return share[np.clip(labels, -1, len(share) - 1)] if len(share) else share


def _checked(weights: Array | None, n: int) -> Array:
    if weights is None or np.shape(weights) != (n,):
        have = "none" if weights is None else str(np.shape(weights))
        raise Mismatch(where="weighted sampling", what="weights", want=f"{n}, one a sample", have=have)
    held = np.asarray(weights, np.float64)
    if not np.isfinite(held).all() or held.min() < 0 or held.sum() <= 0:
        fix = "Give numbers from 0 up, not all 0."
        raise Refused(where="weighted sampling", what=f"weights from {held.min():g} to {held.max():g}", fix=fix)
    return held


def order(
    keys: Array,
    *,
    epoch: int,
    sampling: Sampling = Sampling(),
    labels: Array | None = None,
    names: Sequence[str] = (),
    weights: Array | None = None,
) -> Array:
    """Choose and order the samples of one epoch.

    Parameters
    ----------
    keys : uint64 array, shape (n,)
        One a sample; see `keys.id_keys`.
    labels : int array, shape (n,), optional
        Class of each sample for balanced sampling, negative = none: such a sample never comes.
    names : sequence of str
        Names of the classes by number, for errors.
    weights : array, shape (n,), optional
        For weighted sampling, from 0 up.

    Returns
    -------
    int64 array
        Positions in `keys`: each once, or as many as are drawn.

    Raises
    ------
    Refused
        A class that is asked for has no sample; weights are none, or would not be used.
    Mismatch
        Labels or weights are missing, or not one a sample.

    Examples
    --------
    >>> from swath.batch.keys import id_keys
    >>> drawn = order(id_keys(0, list("abcd")), epoch=3, sampling=Sampling("balanced", draws=6),
    ...               labels=np.array([0, 0, 0, 1]))
    >>> int((drawn == 3).sum())                                                   # one sample stands for half of them
    3
    """
    n = len(keys)
    if weights is not None and sampling.kind != "weighted":
        fix = "Ask for weighted sampling, or leave them out."
        raise Refused(where=f"{sampling.kind} sampling", what="takes no weights", fix=fix)
    if sampling.kind == "uniform":
        return np.argsort(stream(keys, epoch, "order"), kind="stable")
    if sampling.kind == "balanced":
        if labels is None or labels.shape != (n,):
            have = "none" if labels is None else str(labels.shape)
            raise Mismatch(where="balanced sampling", what="labels", want=f"{n}, one a sample", have=have)
        held = _class_weights(labels, sampling.classes, names)
    else:
        held = _checked(weights, n)
    rank = stream(keys, epoch, "draw")
    # Class by class, so that each has its share to the sample; at random within.
    along = np.argsort(rank, kind="stable") if labels is None else np.lexsort((rank, labels))
    offset = float(uniform(rank.min(keepdims=True), epoch, "offset")[0, 0])
    drawn = along[_systematic(held[along], sampling.draws or n, offset)]
    return drawn[np.argsort(stream(repeated(keys[drawn], occurrences(drawn)), epoch, "order"), kind="stable")]


def batches(order: Array, size: int) -> list[Array]:
    """Cut an order into batches of `size` at most whose sizes differ by one at most: there is no last batch of one.

    Examples
    --------
    >>> [len(each) for each in batches(np.arange(9), 4)]
    [3, 3, 3]
    """
    if size < 1:
        raise Refused(where="batches", what=f"a batch of {size} samples", fix="Give 1 or more.")
    return list(np.array_split(order, math.ceil(len(order) / size))) if len(order) else []
