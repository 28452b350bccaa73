"""Multi-label: average precision and F1 against scikit-learn, and samples without labels left out."""

from __future__ import annotations

import json
import math
from dataclasses import asdict

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, f1_score

from swath.core.errors import Mismatch, Refused
from swath.evaluate.bootstrap import resample
from swath.evaluate.multilabel import (
    MultiLabel,
    MultiLabelIntervals,
    average_precision,
    multilabel_intervals,
    score_labels,
)
from tests.evaluate.some_answers import some_labels

CODES = (10, 20, 30, 40, 50)


def test_all_scores_are_those_of_scikit_learn():
    """Scores are rounded to one digit, so that many are equal."""
    raw, truth = some_labels()

    held = score_labels(raw, truth, CODES)

    assert held.micro_map == pytest.approx(average_precision_score(truth, raw, average="micro"))
    assert held.macro_map == pytest.approx(average_precision_score(truth, raw, average="macro"))
    assert held.micro_f1 == pytest.approx(f1_score(truth, raw >= 0, average="micro"))
    assert held.macro_f1 == pytest.approx(f1_score(truth, raw >= 0, average="macro"))
    each = average_precision_score(truth, raw, average=None)
    np.testing.assert_allclose([label.average_precision for label in held.classes], each)


def test_a_ranking_worked_by_hand():
    """Positives at ranks 1, 3 and 6: (1/1 + 2/3 + 3/6) / 3."""
    found = average_precision(np.arange(6.0)[::-1], np.array([1, 0, 1, 0, 0, 1], bool))

    assert found == pytest.approx((1 + 2 / 3 + 1 / 2) / 3)


def test_equal_scores_count_at_once():
    """One positive among four equal scores has precision 1/4 wherever it stands."""
    assert average_precision(np.zeros(4), np.array([True, False, False, False])) == 0.25
    assert average_precision(np.zeros(4), np.array([False, False, False, True])) == 0.25


def test_no_positive_is_undefined():
    assert math.isnan(average_precision(np.zeros(2), np.zeros(2, bool)))
    assert math.isnan(average_precision(np.zeros(0), np.zeros(0, bool)))


def test_samples_without_truth_or_without_labels_are_left_out_and_counted():
    """A sample left with no label is no class (science.md 4)."""
    raw, truth = some_labels()
    more = np.vstack([truth, np.zeros((2, 5)), np.full((1, 5), np.nan)])

    held = score_labels(np.vstack([raw, raw[:3]]), more, CODES)

    assert (held.n, held.empty, held.unlabelled) == (300, 2, 1)
    assert held.macro_map == score_labels(raw, truth, CODES).macro_map


def test_a_label_that_nobody_carries_is_in_no_mean():
    raw, truth = some_labels()
    wide = np.hstack([truth, np.zeros((300, 1))])

    held = score_labels(np.hstack([raw, raw[:, :1]]), wide, (*CODES, 60))

    assert held.absent == (60,)
    assert held.macro_map == score_labels(raw, truth, CODES).macro_map
    assert held.macro_f1 == pytest.approx(score_labels(raw, truth, CODES).macro_f1)


def test_nothing_judged_is_undefined():
    held = score_labels(np.zeros((1, 2)), np.zeros((1, 2)), (1, 2))

    assert (held.n, held.empty, held.absent) == (0, 1, (1, 2))
    assert math.isnan(held.micro_map)


@pytest.mark.parametrize("has_blocks", [False, True])
def test_intervals_are_those_of_a_naive_loop(has_blocks):
    """Every resample is written out sample by sample and scored by scikit-learn."""
    raw, truth = some_labels(n=100)
    held = resample(100, seed=2, blocks=np.arange(100) // 2 if has_blocks else None, count=25)

    found = multilabel_intervals(raw, truth, CODES, held)

    drawn = []
    for weights in np.concatenate(list(held.weights()), axis=1).T:
        at = np.repeat(np.arange(100), weights[held.unit_of].astype(int))
        ap = average_precision_score(truth[at], raw[at], average=None)
        micro = average_precision_score(truth[at], raw[at], average="micro")
        f1 = f1_score(truth[at], raw[at] >= 0, average="macro")
        drawn.append([micro, ap.mean(), f1, ap[3]])
    low, high = np.quantile(drawn, [0.025, 0.975], axis=0)
    ours = [found.micro_map, found.macro_map, found.macro_f1, found.classes[3].average_precision]
    np.testing.assert_allclose([each.low for each in ours], low)
    np.testing.assert_allclose([each.high for each in ours], high)


def test_shapes_that_differ_are_refused():
    with pytest.raises(Mismatch, match=r"shape differs: want \(2, 4\) \(truth\), have \(2, 3\)"):
        score_labels(np.zeros((2, 3)), np.zeros((2, 4)), (1, 2, 3))
    with pytest.raises(Mismatch, match="classes differs: want 2, have 3"):
        score_labels(np.zeros((2, 3)), np.zeros((2, 3)), (1, 2))


def test_an_interval_of_nothing_is_refused():
    with pytest.raises(Refused, match="multi-label scores: no sample has a label"):
        multilabel_intervals(np.zeros((2, 3)), np.zeros((2, 3)), (1, 2, 3), resample(2))


def test_scores_and_intervals_travel_as_json():
    raw, truth = some_labels(n=40)
    truth[:, 4] = 0
    scores = score_labels(raw, truth, CODES)
    ends = multilabel_intervals(raw, truth, CODES, resample(40, count=50))

    np.testing.assert_equal(
        asdict(MultiLabel.from_json(json.loads(json.dumps(scores.to_json(), allow_nan=False)))), asdict(scores)
    )
    read = MultiLabelIntervals.from_json(json.loads(json.dumps(ends.to_json(), allow_nan=False)))
    np.testing.assert_equal(asdict(read), asdict(ends))
