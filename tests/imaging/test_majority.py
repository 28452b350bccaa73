"""Labels of coarser pixels: the one that covers most, exactly."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from swath.core.errors import Refused
from swath.imaging.majority import majority

RNG = np.random.default_rng(5)


def naive(labels: np.ndarray, size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Areas in exact fractions, pixel pair by pixel pair; the lowest code wins a tie."""
    (h, w), (to_h, to_w) = labels.shape, size
    found, share = np.empty(size, labels.dtype), np.empty(size)
    for i in range(to_h):
        for j in range(to_w):
            votes: dict[int, Fraction] = {}
            for r in range(h):
                high = min(Fraction(r + 1), Fraction((i + 1) * h, to_h)) - max(Fraction(r), Fraction(i * h, to_h))
                for c in range(w):
                    wide = min(Fraction(c + 1), Fraction((j + 1) * w, to_w)) - max(Fraction(c), Fraction(j * w, to_w))
                    if high > 0 and wide > 0:
                        votes[int(labels[r, c])] = votes.get(int(labels[r, c]), Fraction(0)) + high * wide
            found[i, j] = min(code for code, area in votes.items() if area == max(votes.values()))
            share[i, j] = float(max(votes.values()) / sum(votes.values()))
    return found, share


@pytest.mark.parametrize("size", [(4, 6), (5, 7), (3, 11), (1, 1), (12, 18)])
def test_labels_and_shares_are_those_of_exact_fractions(size):
    """C8: label = majority of truth in every cell; mixed share stored."""
    labels = RNG.integers(-2, 4, (12, 18)).astype(np.int16)

    found = majority(labels, size)

    wanted, share = naive(labels, size)
    np.testing.assert_array_equal(found.labels, wanted)
    np.testing.assert_allclose(found.share, share, rtol=1e-6)
    assert found.mixed == pytest.approx((share < 1).mean())
    assert found.labels.dtype == np.int16


def test_pure_pixels_keep_their_label():
    """003-D3: where the system's kernel summed to 1 - 1e-16, pure pixels lost one code."""
    labels = np.repeat(np.repeat(np.arange(1, 17).reshape(4, 4), 41, axis=0), 41, axis=1)

    found = majority(labels, (4, 4))

    np.testing.assert_array_equal(found.labels, np.arange(1, 17).reshape(4, 4))
    assert found.mixed == 0


def test_no_label_is_made_that_was_not_there():
    """science.md, trap 16: output codes are input codes (1 and 9 averaged would be 5)."""
    labels = np.where(RNG.random((60, 60)) < 0.5, 1, 9)

    assert set(np.unique(majority(labels, (7, 13)).labels)) <= {1, 9}


def test_what_has_no_label_casts_no_vote():
    labels = np.array([[0, 0, 0, 0], [0, 5, 0, 0]])

    found = majority(labels, (1, 2), none=0)

    assert found.labels.tolist() == [[5, 0]]
    assert found.share.tolist() == [[1.0, 0.0]]


def test_many_labels_of_a_large_scene_fit_in_strips():
    """2,048 x 2,048 with 128 parcels to 50 x 50, as in 003's templates: against whole blocks of 2,050 pixels."""
    parcels = RNG.integers(1, 129, (50, 50)).repeat(41, axis=0).repeat(41, axis=1)

    np.testing.assert_array_equal(majority(parcels, (50, 50)).labels, parcels[::41, ::41])


def test_bad_input_is_refused_with_value_and_range():
    with pytest.raises(Refused, match="target height 13 is outside 1 to 12, the height of the image"):
        majority(np.zeros((12, 18), int), (13, 2))
    with pytest.raises(Refused, match=r"maps? of whole numbers \(h, w\), have float64"):
        majority(np.zeros((12, 18)), (3, 2))
