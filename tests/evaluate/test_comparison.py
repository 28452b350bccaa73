"""Comparison: paired differences from shared resamples, ties by name, seeds and places apart."""

from __future__ import annotations

import json
from dataclasses import asdict

import numpy as np
import pytest

from swath.core.errors import Mismatch, Refused
from swath.evaluate.bootstrap import resample
from swath.evaluate.classification import classification_intervals
from swath.evaluate.comparison import Answers, Comparison, SeedScores, compare, compare_groups, score_seeds
from tests.evaluate.some_answers import some_answers

CODES = (0, 1, 2, 3)


def answers(name, right, *, seed=0, n=500):
    truth, _ = some_answers(n=n)
    _, predicted = some_answers(n=n, right=right, seed=seed + 1)
    is_right = np.random.default_rng(seed).random(n) < right
    return Answers(name, tuple(f"s{i:04d}" for i in range(n)), truth, np.where(is_right, truth, predicted))


def shuffled(held, seed=9):
    order = np.random.default_rng(seed).permutation(len(held.ids))
    return Answers(held.name, tuple(held.ids[i] for i in order), held.truth[order], held.predicted[order])


def test_a_better_model_is_named():
    """90 % against 70 % of 500 samples: some seven standard errors apart."""
    held = compare([answers("good", 0.9), answers("poor", 0.6, seed=5)], CODES)

    assert [each.outcome for each in held.differences] == ["good", "good"]
    assert [
        each.outcome for each in compare([answers("poor", 0.6, seed=5), answers("good", 0.9)], CODES).differences
    ] == [
        "good",
        "good",
    ]


def test_a_difference_whose_interval_contains_0_is_a_tie():
    held = compare([answers("one", 0.8, seed=1), answers("two", 0.8, seed=2)], CODES)

    first = held.differences[0]
    assert first.interval.low < 0 < first.interval.high
    assert first.outcome == "tie"


def test_a_model_ties_with_itself():
    held = compare(
        [answers("one", 0.8), Answers("same", *(getattr(answers("", 0.8), f) for f in ("ids", "truth", "predicted")))],
        CODES,
    )

    assert (held.differences[0].interval.low, held.differences[0].interval.high) == (0, 0)
    assert held.differences[0].outcome == "tie"


def test_the_difference_is_that_of_a_naive_loop():
    """Both models on every resample, written out."""
    one, two = answers("one", 0.8, seed=1), answers("two", 0.7, seed=2)
    blocks = {id: int(id[1:]) // 5 for id in one.ids}

    held = compare([one, two], CODES, blocks=blocks, resamples=50, seed=3)

    drawn = []
    units = resample(500, seed=3, blocks=[str(blocks[id]) for id in one.ids], count=50)
    for weights in np.concatenate(list(units.weights()), axis=1).T:
        at = np.repeat(np.arange(500), weights[units.unit_of].astype(int))
        drawn.append((one.predicted[at] == one.truth[at]).mean() - (two.predicted[at] == two.truth[at]).mean())
    low, high = np.quantile(drawn, [0.025, 0.975])
    assert (held.differences[0].interval.low, held.differences[0].interval.high) == pytest.approx((low, high))


def test_pairing_narrows_the_interval():
    """Two models that err on the same samples but for a few: the paired interval is far narrower than either's."""
    one = answers("one", 0.7)
    better = one.predicted.copy()
    wrong = np.flatnonzero(better != one.truth)[:10]
    better[wrong] = one.truth[wrong]

    held = compare([Answers("two", one.ids, one.truth, better), one], CODES)

    width = held.scores["one"]["accuracy"].high - held.scores["one"]["accuracy"].low
    between = held.differences[0].interval
    assert between.high - between.low < 0.5 * width
    assert held.differences[0].outcome == "two"


def test_scores_are_those_of_a_model_alone():
    """The same seed and samples: the same resamples, whoever asks."""
    one = answers("one", 0.8)
    alone = classification_intervals(one.truth, one.predicted, CODES, resample(500))

    assert compare([one, answers("two", 0.7)], CODES).scores["one"]["macro_f1"] == alone.macro_f1


def test_the_order_of_samples_does_not_matter():
    one, two = answers("one", 0.8, seed=1), answers("two", 0.7, seed=2)

    assert compare([shuffled(one), shuffled(two, 8)], CODES) == compare([one, two], CODES)


def test_three_models_make_three_pairs():
    held = compare([answers(name, 0.8, seed=i) for i, name in enumerate("abc")], CODES, resamples=20)

    assert [(each.first, each.second) for each in held.differences[::2]] == [("a", "b"), ("a", "c"), ("b", "c")]


def test_samples_that_one_model_did_not_answer_count_for_none():
    one, two = answers("one", 0.8), answers("two", 0.7)
    truth, predicted = one.truth.copy(), two.predicted.copy()
    truth[:2], predicted[1:5] = -1, -1

    held = compare(
        [Answers("one", one.ids, truth, one.predicted), Answers("two", one.ids, truth, predicted)], CODES, resamples=20
    )

    assert (held.n, held.unlabelled, held.unanswered) == (495, 2, 3)


def test_seeds_and_places_are_two_spreads():
    """Mean and sd over seeds by numpy; the interval is that of the mean over resampled blocks."""
    seeds = [answers(f"seed {i}", 0.8, seed=i) for i in range(3)]
    blocks = {id: int(id[1:]) // 10 for id in seeds[0].ids}

    held = score_seeds(seeds, CODES, blocks=blocks)["accuracy"]

    each = [float((s.truth == s.predicted).mean()) for s in seeds]
    assert (held.seeds, held.mean, held.sd) == (3, pytest.approx(np.mean(each)), pytest.approx(np.std(each, ddof=1)))
    assert held.interval.value == pytest.approx(held.mean)
    assert held.interval.units == 50
    assert "sd 0.0" in str(held)


def test_one_seed_has_no_spread():
    held = score_seeds([answers("one", 0.8)], CODES, resamples=20)["macro_f1"]

    assert np.isnan(held.sd)
    assert str(held).endswith("one seed")


def test_other_samples_are_refused():
    one, two = answers("one", 0.8), answers("two", 0.7, n=400)

    with pytest.raises(Mismatch, match=r"answers of two: samples differs: want the 500 of one, have 400 of which 400"):
        compare([one, two], CODES)


def test_another_truth_is_refused():
    one, two = answers("one", 0.8), answers("two", 0.7)
    truth = two.truth.copy()
    truth[3] = (truth[3] + 1) % 4

    with pytest.raises(
        Mismatch, match=rf"two, sample s0003: truth differs: want {one.truth[3]} \(one\), have {truth[3]}"
    ):
        compare([one, Answers("two", two.ids, truth, two.predicted)], CODES)


def test_what_cannot_be_compared_is_refused():
    one = answers("one", 0.8)

    with pytest.raises(Refused, match="two models have one name: one, one"):
        compare([one, one], CODES)
    with pytest.raises(Refused, match="there is no model to judge"):
        compare([], CODES)
    with pytest.raises(Refused, match="no sample has a label and an answer"):
        compare([Answers("one", ("a",), np.array([-1]), np.array([0]))], CODES)


def test_answers_must_be_one_a_sample():
    with pytest.raises(Refused, match="answers of one: an identifier occurs twice"):
        Answers("one", ("a", "a"), np.zeros(2, int), np.zeros(2, int))
    with pytest.raises(Mismatch, match="want ids, truth and predictions alike, have 1, 2 and 2"):
        Answers("one", ("a",), np.zeros(2, int), np.zeros(2, int))


def test_records_travel_as_json():
    pair = [answers("one", 0.8), answers("two", 0.7)]
    held, seeds = compare(pair, CODES, resamples=20), score_seeds(pair[:1], CODES, resamples=20)["accuracy"]

    assert Comparison.from_json(json.loads(json.dumps(held.to_json(), allow_nan=False))) == held
    read = SeedScores.from_json(json.loads(json.dumps(seeds.to_json(), allow_nan=False)))
    np.testing.assert_equal(asdict(read), asdict(seeds))


def test_groups_of_seeds_are_compared_by_their_means():
    """Three seeds against two: the difference of the means, with the interval of a plain loop over the same draws."""
    groups = {
        "many": [answers(f"m{seed}", 0.8, seed=seed) for seed in range(3)],
        "few": [answers(f"f{seed}", 0.75, seed=seed + 10) for seed in range(2)],
    }
    held = compare_groups(groups, CODES, resamples=200)
    right = {name: np.stack([each.truth == each.predicted for each in of]) for name, of in groups.items()}
    both = np.all([each.truth >= 0 for of in groups.values() for each in of], axis=0)
    both &= np.all([each.predicted >= 0 for of in groups.values() for each in of], axis=0)
    gap = right["many"][:, both].mean(axis=0) - right["few"][:, both].mean(axis=0)
    drawn = [w.T @ gap / w.sum(axis=0) for w in resample(int(both.sum()), count=200).weights()]

    [difference] = [each for each in held.differences if each.metric == "accuracy"]
    assert difference.interval.value == pytest.approx(gap.mean())
    low, high = np.quantile(np.concatenate(drawn), [0.025, 0.975])
    assert (difference.interval.low, difference.interval.high) == pytest.approx((low, high))


def test_a_group_of_one_is_the_model_itself():
    one, two = answers("one", 0.8), answers("two", 0.7, seed=3)

    assert compare_groups({"one": [one], "two": [two]}, CODES) == compare([one, two], CODES)
