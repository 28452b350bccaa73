"""Confusion: rows are the truth, and what is left out is counted."""

from __future__ import annotations

import json

import numpy as np
import pytest
from sklearn.metrics import confusion_matrix

from swath.core.errors import Mismatch, Refused
from swath.evaluate.confusion import Confusion, count_confusion, index_of
from tests.evaluate.some_answers import some_answers


def test_rows_are_the_truth():
    """Two of class 30 were taken for 10; nothing was taken the other way."""
    held = count_confusion([30, 30, 30, 10], [10, 10, 30, 10], (30, 10))

    np.testing.assert_array_equal(held.counts, [[1, 2], [0, 1]])


def test_it_is_the_matrix_of_scikit_learn():
    truth, predicted = some_answers()

    np.testing.assert_array_equal(
        count_confusion(truth, predicted, range(4)).counts, confusion_matrix(truth, predicted, labels=range(4))
    )


def test_codes_stand_in_the_legends_order_not_in_theirs():
    """CORINE's 523 before 111, if the legend says so."""
    held = count_confusion([111, 523], [111, 523], (523, 111, 112))

    assert held.codes == (523, 111, 112)
    np.testing.assert_array_equal(held.counts.diagonal(), [1, 1, 0])


def test_samples_without_label_or_answer_are_counted_beside_it():
    held = count_confusion([0, -1, -1, 1], [0, 0, -1, -1], (0, 1))

    assert (held.n, held.unlabelled, held.unanswered) == (1, 2, 1)


def test_maps_are_counted_as_they_come():
    truth = np.array([[0, 1], [1, -1]])

    assert count_confusion(truth, np.ones((2, 2), int), (0, 1)).counts.tolist() == [[0, 1], [0, 2]]


def test_no_sample_is_an_empty_matrix():
    assert count_confusion([], [], (3, 7)).counts.tolist() == [[0, 0], [0, 0]]


def test_a_code_that_is_not_in_the_legend_is_refused():
    with pytest.raises(Mismatch, match=r"scores: predictions differs: want \[0, 1\], or -1 for none, have 7\."):
        count_confusion([0, 1], [0, 7], (0, 1))


def test_probabilities_in_place_of_codes_are_refused():
    with pytest.raises(Mismatch, match=r"truth differs: want whole numbers, have float64"):
        count_confusion([0.5], [0], (0, 1))


def test_lengths_that_differ_are_refused():
    with pytest.raises(Mismatch, match=r"length differs: want 2 \(truth\), have 1 predicted"):
        count_confusion([0, 1], [0], (0, 1))


@pytest.mark.parametrize("codes", [(-1, 0), (3, 3)])
def test_codes_that_cannot_tell_classes_apart_are_refused(codes):
    with pytest.raises(Refused, match="codes must differ, and -1 means none"):
        index_of([3], codes)


def test_a_matrix_of_another_size_is_refused():
    with pytest.raises(Mismatch, match=r"shape differs: want \(2, 2\), have \(3, 3\)"):
        Confusion((1, 2), np.zeros((3, 3), int))


def test_it_travels_as_json():
    held = count_confusion([0, -1, 1], [0, 0, -1], (0, 1))
    read = Confusion.from_json(json.loads(json.dumps(held.to_json(), allow_nan=False)))

    assert read.to_json() == held.to_json()
