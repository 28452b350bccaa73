"""Calibration: against scikit-learn and naive loops, and a temperature that changes no answer."""

from __future__ import annotations

import json

import numpy as np
import pytest
from scipy.optimize import brentq
from scipy.special import expit, softmax
from sklearn.metrics import brier_score_loss, log_loss

from swath.core.errors import Mismatch, Refused
from swath.core.legends import legend
from swath.core.specs import Calibration, OutputSpec
from swath.evaluate.bootstrap import resample
from swath.evaluate.calibration import (
    CalibrationIntervals,
    CalibrationScores,
    calibration_intervals,
    fit_temperature,
    reliability,
    score_calibration,
)
from tests.evaluate.some_answers import some_labels, some_raw


def naive_ece(confidence, right, bins=15):
    """Sorted, cut by position, |accuracy - confidence| weighed by samples; sample by sample."""
    order = sorted(range(len(confidence)), key=lambda i: confidence[i])
    error = 0.0
    for k in range(bins):
        held = order[len(order) * k // bins : len(order) * (k + 1) // bins]
        if held:
            accuracy = sum(right[i] for i in held) / len(held)
            error += len(held) / len(order) * abs(accuracy - sum(confidence[i] for i in held) / len(held))
    return error


def test_likelihood_and_brier_are_those_of_scikit_learn():
    raw, truth = some_raw()
    held = score_calibration(raw, truth, temperature=2.0)
    chance = softmax(raw / 2, axis=1)

    assert held.nll == pytest.approx(log_loss(truth, chance))
    assert held.brier == pytest.approx(brier_score_loss(truth, chance, labels=range(4), scale_by_half=False))


def test_likelihood_and_brier_of_labels_are_those_of_scikit_learn():
    raw, truth = some_labels()
    held = score_calibration(raw, truth)

    assert held.nll == pytest.approx(log_loss(truth.ravel().astype(int), expit(raw).ravel()))
    assert held.brier == pytest.approx(brier_score_loss(truth.ravel().astype(int), expit(raw).ravel()))
    assert held.n == truth.size


@pytest.mark.parametrize("n", [7, 15, 501])
def test_the_calibration_error_is_that_of_a_naive_loop(n):
    raw, truth = some_raw(n=n)
    chance = softmax(raw, axis=1)

    expected = naive_ece(chance.max(axis=1).tolist(), (chance.argmax(axis=1) == truth).tolist())
    assert score_calibration(raw, truth).ece == pytest.approx(expected)


def test_a_model_always_sure_and_right_half_the_time_errs_by_half():
    raw, truth = np.tile([50.0, 0.0], (100, 1)), np.arange(100) % 2

    held = score_calibration(raw, truth)

    assert held.ece == pytest.approx(0.5, abs=0.04)
    assert held.brier == pytest.approx(1.0)
    assert held.nll == pytest.approx(25.0)


def test_bins_hold_equally_many():
    rng = np.random.default_rng(0)

    assert reliability(rng.random(1000), rng.random(1000) < 0.5).count.tolist() == [66, 67, 67] * 5


def test_probabilities_that_are_true_have_hardly_any_error():
    """Answers drawn with the very probabilities: what is left is noise of 10,000 samples in 15 bins."""
    rng = np.random.default_rng(0)
    raw = np.stack([np.log(p := rng.uniform(0.5, 1, 10_000)), np.log(1 - p)], axis=1)

    assert score_calibration(raw, (rng.random(10_000) > p).astype(int)).ece < 0.025


@pytest.mark.parametrize("has_blocks", [False, True])
def test_intervals_are_those_of_a_naive_loop(has_blocks):
    """Every resample is written out sample by sample, bins formed anew."""
    raw, truth = some_raw(n=120)
    held = resample(120, seed=1, blocks=np.arange(120) // 2 if has_blocks else None, count=30)

    found = calibration_intervals(raw, truth, held)

    chance = softmax(raw, axis=1)
    confidence, right = chance.max(axis=1), chance.argmax(axis=1) == truth
    drawn = []
    for weights in np.concatenate(list(held.weights()), axis=1).T:
        at = np.repeat(np.arange(120), weights[held.unit_of].astype(int))
        scores = score_calibration(raw[at], truth[at])
        drawn.append([naive_ece(confidence[at].tolist(), right[at].tolist()), scores.nll, scores.brier])
    low, high = np.quantile(drawn, [0.025, 0.975], axis=0)
    ours = [found.ece, found.nll, found.brier]
    np.testing.assert_allclose([each.low for each in ours], low)
    np.testing.assert_allclose([each.high for each in ours], high)
    assert found.ece.value == pytest.approx(score_calibration(raw, truth).ece)


def test_the_temperature_is_where_the_slope_is_zero():
    """d NLL / d (1/T) = mean(expected raw - raw of the truth); its root by scipy's brentq."""
    raw, truth = some_raw(sharp=4.0)

    def slope(beta):
        return float((softmax(raw * beta, axis=1) * raw).sum(axis=1).mean() - raw[np.arange(len(raw)), truth].mean())

    assert fit_temperature(raw, truth) == pytest.approx(1 / brentq(slope, 0.01, 10), rel=1e-4)


def test_the_temperature_undoes_a_factor():
    """Raw output times 7 needs seven times the temperature."""
    raw, truth = some_raw(sharp=1.0)

    assert fit_temperature(7 * raw, truth) / fit_temperature(raw, truth) == pytest.approx(7, rel=1e-4)


def test_the_temperature_of_labels_undoes_a_factor():
    raw, truth = some_labels()

    assert fit_temperature(7 * raw, truth) / fit_temperature(raw, truth) == pytest.approx(7, rel=1e-4)


def test_the_temperature_changes_no_answer_and_mends_the_error():
    """Guo et al. 2017: the maximum of the softmax remains unchanged."""
    raw, truth = some_raw(n=2000, sharp=5.0)
    temperature = fit_temperature(raw, truth)
    spec = OutputSpec("scene", codes=(1, 2, 3, 4), legend=legend("eurosat"))

    before, after = (spec.decode(raw, Calibration(t)).label for t in (1.0, temperature))

    np.testing.assert_array_equal(before, after)
    scores = [score_calibration(raw, truth, temperature=t) for t in (1.0, temperature)]
    assert scores[1].ece < 0.3 * scores[0].ece
    assert scores[1].nll < scores[0].nll


def test_where_all_is_right_the_temperature_is_left_alone():
    """The likelihood would grow without end."""
    assert fit_temperature(np.array([[1.0, 0.0], [0.0, 2.0]]), np.array([0, 1])) == 1.0


def test_samples_without_truth_are_left_out():
    raw, truth = some_raw(n=50)
    more, missing = np.vstack([raw, [[9.0, 0, 0, 0]]]), np.append(truth, -1)

    assert score_calibration(more, missing).to_json() == score_calibration(raw, truth).to_json()
    assert fit_temperature(more, missing) == fit_temperature(raw, truth)


def test_no_truth_at_all_is_refused():
    with pytest.raises(Refused, match="temperature: no sample has a truth"):
        fit_temperature(np.zeros((2, 3)), np.array([-1, -1]))
    with pytest.raises(Refused, match="calibration: no sample has a truth"):
        calibration_intervals(np.zeros((2, 3)), np.array([-1, -1]), resample(2))


def test_a_temperature_that_would_change_an_answer_is_refused():
    """Of numbers that differ in their last digit some are equal once divided; three clear ones make T = 5 / ln 2."""
    low = np.linspace(1.8, 1.99, 40)
    raw = np.vstack([np.stack([low, np.nextafter(low, 2)], axis=1), [[5.0, 0.0]] * 3])
    truth = np.append(np.arange(40) % 2, [0, 1, 0])

    with pytest.raises(Refused, match=r"temperature: a temperature of 7\.21\d* changes \d+ answers"):
        fit_temperature(raw, truth)


def test_raw_output_that_is_not_finite_is_refused():
    with pytest.raises(Mismatch, match="raw output differs: want finite numbers, have NaN or infinity"):
        score_calibration(np.array([[np.nan, 1.0]]), np.array([0]))


def test_truth_of_another_shape_is_refused():
    with pytest.raises(Mismatch, match=r"truth differs: want \(n,\), or \(n, k\) for several labels"):
        score_calibration(np.zeros((2, 3)), np.zeros((3,), int))
    with pytest.raises(Mismatch, match="truth differs: want 0 to 2, or -1, have 3"):
        score_calibration(np.zeros((2, 3)), np.array([0, 3]))


def test_nothing_judged_is_undefined():
    held = score_calibration(np.zeros((1, 3)), np.array([-1]))

    assert held.n == 0
    assert np.isnan([held.ece, held.nll, held.brier]).all()


def test_scores_and_intervals_travel_as_json():
    raw, truth = some_raw(n=60)
    scores, ends = score_calibration(raw, truth), calibration_intervals(raw, truth, resample(60))

    read = CalibrationScores.from_json(json.loads(json.dumps(scores.to_json(), allow_nan=False)))
    assert read.to_json() == scores.to_json()
    assert CalibrationIntervals.from_json(json.loads(json.dumps(ends.to_json(), allow_nan=False))) == ends
