"""Metrics by name, and the worst mistakes."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import softmax
from sklearn.metrics import accuracy_score, f1_score, log_loss

from swath.core.errors import Mismatch, Unknown
from swath.evaluate.metrics import METRICS, metric
from swath.evaluate.mistakes import worst_mistakes
from tests.evaluate.some_answers import some_labels, some_raw


def test_every_metric_knows_its_name_and_direction():
    """Errors are better low, everything else high."""
    assert [name for name, held in METRICS.items() if held.name != name] == []
    assert [name for name, held in METRICS.items() if not held.is_higher_better] == ["ece", "nll", "brier"]


def test_metrics_of_classes_are_those_of_scikit_learn():
    raw, truth = some_raw()

    assert METRICS["accuracy"].of(raw, truth) == pytest.approx(accuracy_score(truth, raw.argmax(axis=1)))
    assert METRICS["macro_f1"].of(raw, truth) == pytest.approx(f1_score(truth, raw.argmax(axis=1), average="macro"))
    assert METRICS["nll"].of(raw, truth) == pytest.approx(log_loss(truth, softmax(raw, axis=1)))


def test_metrics_of_labels_are_those_of_scikit_learn():
    raw, truth = some_labels()

    assert METRICS["micro_f1"].of(raw, truth) == pytest.approx(f1_score(truth, raw >= 0, average="micro"))
    assert METRICS["macro_f1"].of(raw, truth) == pytest.approx(f1_score(truth, raw >= 0, average="macro"))
    assert 0 < METRICS["micro_map"].of(raw, truth) < METRICS["macro_map"].of(raw, truth) + 1


def test_a_map_is_judged_pixel_by_pixel():
    """The same numbers as samples, moved into pixels."""
    raw, truth = some_raw(n=600)
    as_map = raw.reshape(6, 10, 10, 4).transpose(0, 3, 1, 2)

    for name in ("accuracy", "mean_iou", "nll", "ece"):
        assert METRICS[name].of(as_map, truth.reshape(6, 10, 10)) == pytest.approx(METRICS[name].of(raw, truth))


def test_samples_without_label_do_not_count():
    raw, truth = some_raw()
    truth[::3] = -1

    kept = truth >= 0
    assert METRICS["accuracy"].of(raw, truth) == pytest.approx((raw.argmax(axis=1) == truth)[kept].mean())


def test_nothing_to_judge_is_nan():
    assert np.isnan(METRICS["macro_f1"].of(np.zeros((2, 3)), np.array([-1, -1])))


@pytest.mark.parametrize(
    ("name", "new", "old", "expected"),
    [
        ("accuracy", 0.9, 0.8, True),
        ("nll", 0.9, 0.8, False),
        ("accuracy", 0.8, 0.8, False),
        ("accuracy", 0.1, np.nan, True),
        ("accuracy", np.nan, 0.1, False),
        ("accuracy", np.nan, np.nan, False),
    ],
)
def test_better_is_strictly_better_and_a_number_beats_none(name, new, old, expected):
    assert metric(name).is_better(new, old) is expected


def test_an_unknown_metric_names_the_nearest():
    with pytest.raises(Unknown, match=r"task: unknown metric 'acuracy'\. Did you mean 'accuracy'\?"):
        metric("acuracy", where="task")


def test_labels_given_to_a_metric_of_classes_are_refused():
    with pytest.raises(Mismatch, match=r"truth differs: want one class a sample or pixel, \(n, \.\.\.\)"):
        METRICS["accuracy"].of(*some_labels())


def test_the_surest_mistakes_come_first_and_equals_in_order():
    truth = np.array([0, 0, 1, 1, 2, -1, 2])
    predicted = np.array([1, 0, 0, 2, 2, 0, -1])
    confidence = np.array([0.6, 1.0, 0.9, 0.6, 1.0, 1.0, 1.0])

    assert worst_mistakes(truth, predicted, confidence).tolist() == [2, 0, 3]
    assert worst_mistakes(truth, predicted, confidence, most=1).tolist() == [2]


def test_no_mistake_is_an_empty_answer():
    assert worst_mistakes(np.array([1]), np.array([1]), np.array([0.5])).tolist() == []


def test_mistakes_of_other_lengths_are_refused():
    with pytest.raises(Mismatch, match="want truth, predictions and confidence alike, have 2, 1 and 1"):
        worst_mistakes(np.array([1, 2]), np.array([1]), np.array([0.5]))
