"""Confusion: how often which class was taken for which; rows are the truth, columns what was predicted.

Codes are those of a legend, in its order. What has no label (-1) and what has no answer (-1) stands beside the matrix,
counted, and never in it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from swath.core.array import Array
from swath.core.errors import Mismatch, Refused

__all__ = ["NONE", "Confusion", "count_confusion", "index_of"]

#: In place of a code: no label, or no answer.
NONE: Final = -1


@dataclass(frozen=True, slots=True, eq=False)
class Confusion:
    """Counts of every pair of truth and prediction.

    Examples
    --------
    >>> held = count_confusion([3, 3, 7, -1], [3, 7, 7, 7], (3, 7))
    >>> held.counts.tolist(), held.n, held.unlabelled
    ([[1, 1], [0, 1]], 3, 1)
    """

    #: Codes of the classes, in the order of rows and columns.
    codes: tuple[int, ...]
    #: int64, shape (k, k): rows truth, columns predicted.
    counts: Array
    #: Samples left out because they have no label.
    unlabelled: int = 0
    #: Samples with a label left out because nothing was predicted for them.
    unanswered: int = 0

    def __post_init__(self) -> None:
        k = len(self.codes)
        if self.counts.shape != (k, k):
            raise Mismatch(where="confusion", what="shape", want=f"({k}, {k})", have=str(self.counts.shape))

    @property
    def n(self) -> int:
        """Samples in the matrix."""
        return int(self.counts.sum())

    def to_json(self) -> dict[str, Any]:
        """Plain JSON."""
        return {
            "codes": list(self.codes),
            "counts": self.counts.tolist(),
            "unlabelled": self.unlabelled,
            "unanswered": self.unanswered,
        }

    @classmethod
    def from_json(cls, held: Mapping[str, Any]) -> Confusion:
        """Read what `to_json` wrote."""
        codes = tuple(int(code) for code in held["codes"])
        counts = np.asarray(held["counts"], np.int64).reshape(len(codes), len(codes))
        return cls(codes, counts, int(held["unlabelled"]), int(held["unanswered"]))


def index_of(values: Sequence[int] | Array, codes: Sequence[int], *, what: str = "class codes") -> Array:
    """Positions of codes in the legend's order, int64 of the same shape; -1 stays -1.

    Parameters
    ----------
    values : int array
        Codes, -1 = none.
    codes : sequence of int
        The legend's, in order.
    what : str
        Named in the error.

    Raises
    ------
    Mismatch
        A value is none of the codes.
    Refused
        -1 is one of the codes, or a code stands twice.

    Examples
    --------
    >>> index_of([7, -1, 3], (3, 7))
    array([ 1, -1,  0])
    """
    known = np.asarray(codes, np.int64)
    if NONE in codes or len(set(codes)) < len(codes):
        raise Refused(
            where=what, what=f"codes must differ, and -1 means none; have {list(codes)}", fix="Renumber them."
        )
    given = np.asarray(values)
    if given.dtype.kind not in "iu" and given.size:
        raise Mismatch(where="scores", what=what, want="whole numbers", have=str(given.dtype))
    by_code = np.argsort(known)
    at = np.searchsorted(known, given, sorter=by_code).clip(max=max(len(known) - 1, 0))
    found = by_code[at] if len(known) else np.zeros(given.shape, np.int64)
    right = (known[found] == given) if len(known) else np.zeros(given.shape, bool)
    if not (right | (given == NONE)).all():
        stranger = int(given[~right & (given != NONE)][0])
        raise Mismatch(where="scores", what=what, want=f"{list(codes)}, or -1 for none", have=str(stranger))
    return np.where(right, found, NONE).astype(np.int64)


def count_confusion(truth: Sequence[int] | Array, predicted: Sequence[int] | Array, codes: Sequence[int]) -> Confusion:
    """Count which class was taken for which.

    Parameters
    ----------
    truth, predicted : int array, any one shape
        Codes; -1 = no label, no answer.
    codes : sequence of int, length k
        The legend's, in order.

    Raises
    ------
    Mismatch
        Lengths differ, or a code is none of the legend's.
    """
    rows = index_of(truth, codes, what="truth").ravel()
    columns = index_of(predicted, codes, what="predictions").ravel()
    if rows.shape != columns.shape:
        raise Mismatch(where="confusion", what="length", want=f"{len(rows)} (truth)", have=f"{len(columns)} predicted")
    k = len(codes)
    labelled, answered = rows >= 0, columns >= 0
    kept = labelled & answered
    counts = np.bincount(rows[kept] * k + columns[kept], minlength=k * k).reshape(k, k)
    return Confusion(tuple(codes), counts, int((~labelled).sum()), int((labelled & ~answered).sum()))
