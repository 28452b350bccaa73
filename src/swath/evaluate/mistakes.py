"""Mistakes: the wrong answers of which a model was surest, first to be looked at with their picture and place."""

from __future__ import annotations

import numpy as np

from swath.core.array import Array
from swath.core.errors import Mismatch
from swath.evaluate.confusion import NONE

__all__ = ["worst_mistakes"]


def worst_mistakes(truth: Array, predicted: Array, confidence: Array, *, most: int = 50) -> Array:
    """Find the wrong answers with the highest confidence.

    Parameters
    ----------
    truth, predicted : int array, shape (n,)
        Codes; samples with -1 on either side are no mistakes.
    confidence : float array, shape (n,)
        Probability of the answer given; NaN comes last.
    most : int
        At most so many.

    Returns
    -------
    int64 array
        Positions, the surest mistake first, of equal ones the earlier first.

    Raises
    ------
    Mismatch
        Lengths differ.

    Examples
    --------
    >>> worst_mistakes(np.array([1, 2, 3, -1]), np.array([2, 2, 1, 1]), np.array([0.7, 0.99, 0.9, 1.0]))
    array([2, 0])
    """
    if not len(truth) == len(predicted) == len(confidence):
        have = f"{len(truth)}, {len(predicted)} and {len(confidence)}"
        raise Mismatch(where="mistakes", what="lengths", want="truth, predictions and confidence alike", have=have)
    wrong = np.flatnonzero((truth != predicted) & (truth != NONE) & (predicted != NONE))
    return wrong[np.argsort(-np.asarray(confidence, float)[wrong], kind="stable")][:most]
