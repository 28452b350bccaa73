"""Classification: scores against scikit-learn, NaN where nothing is defined, intervals against a naive loop."""

from __future__ import annotations

import json
import math
from dataclasses import asdict

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, balanced_accuracy_score, jaccard_score, precision_recall_fscore_support

from swath.evaluate.bootstrap import resample
from swath.evaluate.classification import (
    Classification,
    ClassificationIntervals,
    classification_intervals,
    rates,
    score_classes,
    summary,
)
from swath.evaluate.confusion import count_confusion
from tests.evaluate.some_answers import some_answers


def test_all_scores_are_those_of_scikit_learn():
    truth, predicted = some_answers()

    scores = score_classes(count_confusion(truth, predicted, range(4)))

    precision, recall, f1, n = precision_recall_fscore_support(truth, predicted)
    np.testing.assert_allclose([each.precision for each in scores.classes], precision)
    np.testing.assert_allclose([each.recall for each in scores.classes], recall)
    np.testing.assert_allclose([each.f1 for each in scores.classes], f1)
    assert [each.n for each in scores.classes] == n.tolist()
    assert scores.accuracy == pytest.approx(accuracy_score(truth, predicted))
    assert scores.macro_f1 == pytest.approx(f1.mean())
    assert scores.balanced_accuracy == pytest.approx(balanced_accuracy_score(truth, predicted))


def test_mean_iou_is_that_of_scikit_learn():
    truth, predicted = some_answers()
    counts = count_confusion(truth, predicted, range(4)).counts

    assert float(summary(counts, "mean_iou")) == pytest.approx(jaccard_score(truth, predicted, average="macro"))


def test_a_class_worked_by_hand():
    """Of 6 samples of a class 4 are found, and 1 of 5 answers is wrong: P 4/5, R 4/6, F1 8/11."""
    found = rates(np.array([[4, 2], [1, 3]]))

    assert [found[name][0] for name in ("precision", "recall", "f1", "iou")] == pytest.approx(
        [4 / 5, 4 / 6, 8 / 11, 4 / 7]
    )


def test_what_is_undefined_is_nan_and_never_0():
    """Class 1 was never predicted, class 2 never occurs, class 3 neither."""
    scores = score_classes(count_confusion([0, 1, 0], [0, 2, 0], (0, 1, 2, 3)))

    one, two, three = scores.classes[1:]
    assert (math.isnan(one.precision), one.recall, one.f1) == (True, 0, 0)
    assert (two.precision, math.isnan(two.recall), two.f1) == (0, True, 0)
    assert all(map(math.isnan, (three.precision, three.recall, three.f1)))


def test_means_are_over_the_classes_that_occur_and_name_the_others():
    """F1 of class 0 is 1, of class 1 is 0: 0.5, whatever was called by the name of class 2."""
    scores = score_classes(count_confusion([0, 1, 0], [0, 2, 0], (0, 1, 2, 3)))

    assert (scores.macro_f1, scores.balanced_accuracy, scores.absent) == (0.5, 0.5, (2, 3))


def test_nothing_judged_is_undefined():
    scores = score_classes(count_confusion([-1], [0], (0, 1)))

    assert (scores.n, scores.unlabelled) == (0, 1)
    assert all(map(math.isnan, (scores.accuracy, scores.macro_f1, scores.balanced_accuracy)))


@pytest.mark.parametrize("has_blocks", [False, True])
def test_intervals_are_those_of_a_naive_loop(has_blocks):
    """Every resample is written out sample by sample and scored anew."""
    truth, predicted = some_answers(n=300)
    blocks = np.arange(300) // 5 if has_blocks else None
    held = resample(300, seed=4, blocks=blocks, count=40)

    found = classification_intervals(truth, predicted, (0, 1, 2, 3), held)

    drawn = []
    for weights in np.concatenate(list(held.weights()), axis=1).T:
        at = np.repeat(np.arange(300), weights[held.unit_of].astype(int))
        scores = score_classes(count_confusion(truth[at], predicted[at], (0, 1, 2, 3)))
        drawn.append([scores.accuracy, scores.macro_f1, scores.classes[2].precision, scores.classes[3].f1])
    low, high = np.quantile(drawn, [0.025, 0.975], axis=0)
    ours = [found.accuracy, found.macro_f1, found.classes[2].precision, found.classes[3].f1]
    np.testing.assert_allclose([each.low for each in ours], low)
    np.testing.assert_allclose([each.high for each in ours], high)


def test_a_samples_without_label_changes_no_interval():
    truth, predicted = some_answers(n=100)
    blocks = np.arange(100) // 4
    more = [np.append(each, extra) for each, extra in ((truth, -1), (predicted, 2), (blocks, 0))]

    one = classification_intervals(truth, predicted, (0, 1, 2, 3), resample(100, blocks=blocks))
    other = classification_intervals(more[0], more[1], (0, 1, 2, 3), resample(101, blocks=more[2]))

    assert one == other


def test_neighbours_that_are_alike_widen_the_interval():
    """20 samples a block, all right or all wrong: the interval is some root of 20 wider than samples make believe."""
    rng = np.random.default_rng(1)
    truth = np.zeros(4000, int)
    predicted = np.repeat(rng.random(200) < 0.3, 20).astype(int)

    naive = classification_intervals(truth, predicted, (0, 1), resample(4000)).accuracy
    honest = classification_intervals(truth, predicted, (0, 1), resample(4000, blocks=np.arange(4000) // 20)).accuracy

    assert (honest.high - honest.low) / (naive.high - naive.low) == pytest.approx(math.sqrt(20), rel=0.1)


def test_a_class_absent_from_some_resamples_says_so():
    """One sample of class 1 among 100: in 0.99^100 = 36.6 % of the resamples it is not drawn."""
    truth = np.append(np.zeros(99, int), 1)

    held = classification_intervals(truth, truth, (0, 1), resample(100)).classes[1]

    assert held.recall.defined == pytest.approx(1 - 0.99**100, abs=0.04)
    assert (held.recall.low, held.recall.high) == (1, 1)


def test_scores_travel_as_json():
    """NaN becomes null: json.dumps with allow_nan=False."""
    scores = score_classes(count_confusion([0, 1, 0, -1], [0, 2, 0, 1], (0, 1, 2, 3)))
    read = Classification.from_json(json.loads(json.dumps(scores.to_json(), allow_nan=False)))

    np.testing.assert_equal(asdict(read), asdict(scores))


def test_intervals_travel_as_json():
    truth, predicted = some_answers(n=60)
    held = classification_intervals(truth, predicted, (0, 1, 2, 3, 9), resample(60))
    read = ClassificationIntervals.from_json(json.loads(json.dumps(held.to_json(), allow_nan=False)))

    np.testing.assert_equal(asdict(read), asdict(held))
