"""Scores: figures equal scikit-learn's, units are what the split kept together, floors meet the same draws."""

from __future__ import annotations

import csv
import io

import numpy as np
import pytest
from scipy.special import softmax
from sklearn.metrics import accuracy_score, f1_score, log_loss, precision_recall_fscore_support

from swath.core.errors import Refused
from swath.core.legends import legend
from swath.core.specs import Calibration, OutputSpec
from swath.corpus.places import Places
from swath.corpus.splits import split_group, split_place, split_random
from swath.prediction import PredictionTable
from swath.recipes.floors import Floor
from swath.recipes.scores import Units, score_table, surest_mistakes, units_of

CODES = legend("eurosat").codes


def a_table(n=400, *, seed=0, right=0.8, is_multilabel=False, unlabelled=0, unanswered=0):
    """Answers that are right for about a share, with raw output drawn around them."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 10, n)
    raw = rng.normal(0, 1, (n, 10)).astype(np.float32)
    raw[np.arange(n), np.where(rng.random(n) < right, truth, rng.integers(0, 10, n))] += 4
    output = OutputSpec("scene", CODES, legend("eurosat"), is_multilabel=is_multilabel)
    raw[n - unanswered :] = np.nan
    decoded = output.decode(np.nan_to_num(raw), Calibration(1.7))
    predicted = np.array(decoded.label)
    held = truth.astype(np.int64)
    held[:unlabelled] = -1
    if is_multilabel:
        held = np.eye(10, dtype=np.float32)[truth]
        held[rng.random(n) < 0.5, 3] = 1
        held[:unlabelled] = np.nan
    elif unanswered:
        predicted[n - unanswered :] = -1
    return PredictionTable(
        ids=tuple(f"s{i:04d}" for i in range(n)),
        lonlat=np.stack([rng.uniform(5, 9, n), rng.uniform(44, 47, n)], axis=1),
        times=np.full(n, np.datetime64("NaT"), "datetime64[us]"),
        valid_share=np.ones(n, np.float32),
        raw=raw,
        predicted=predicted,
        probability=np.asarray(decoded.probability, np.float32),
        truth=held,
        output=output,
        calibration=Calibration(1.7),
        bundle="made",
        bundle_hash="b" * 64,
        corpus="c" * 64,
    )


def test_figures_are_scikit_learns():
    table = a_table()
    scores = score_table(table, Units("samples"), resamples=50)
    precision, recall, f1, n = precision_recall_fscore_support(table.truth, table.predicted, labels=CODES)

    assert scores.classes.accuracy == pytest.approx(accuracy_score(table.truth, table.predicted))
    assert scores.class_intervals.macro_f1.value == pytest.approx(
        f1_score(table.truth, table.predicted, average="macro")
    )
    for i, each in enumerate(scores.classes.classes):
        assert (each.precision, each.recall, each.f1, each.n) == pytest.approx((precision[i], recall[i], f1[i], n[i]))


def test_log_likelihood_before_and_after_the_temperature_is_scikit_learns():
    table = a_table()
    scores = score_table(table, Units("samples"), resamples=50)
    after = log_loss(table.truth, softmax(table.raw.astype(float) / 1.7, axis=1), labels=CODES)

    assert scores.after.nll == pytest.approx(after, rel=1e-4)
    assert (scores.before.temperature, scores.after.temperature) == (1.0, 1.7)
    assert scores.before_intervals.ece.units == 400


def test_what_cannot_be_judged_is_counted_and_weighs_nothing():
    """Five without a label, seven without an answer: the rest is judged as if they were not there."""
    table = a_table(unlabelled=5, unanswered=7)
    scores = score_table(table, Units("samples"), resamples=50)
    right = (table.truth == table.predicted)[5:-7]

    assert (scores.n, scores.unlabelled, scores.unanswered) == (388, 5, 7)
    assert scores.classes.accuracy == pytest.approx(right.mean())
    assert scores.units_count == 388


def test_intervals_over_blocks_are_wider_where_blocks_are_alike():
    """Twenty-five blocks, each wholly right or wholly wrong."""
    table = a_table(right=1.0)
    blocks = np.arange(400) // 16
    wrong = np.isin(blocks, [2, 5, 11, 17])
    table.predicted[wrong] = (table.truth[wrong] + 1) % 10
    by_sample = score_table(table, Units("samples"), resamples=500).class_intervals.accuracy
    by_block = score_table(
        table, Units("blocks of 1deg", tuple(map(str, blocks))), resamples=500
    ).class_intervals.accuracy

    assert by_block.units == 25
    assert by_block.high - by_block.low > 2 * (by_sample.high - by_sample.low)


def test_floors_are_paired_with_the_model():
    """One that is as right as the model is a tie; one that is never right is beaten; one without answers is none."""
    table = a_table()
    never = (table.truth + 1) % 10
    floors = [
        Floor("twin", "the model itself", table.ids, table.predicted, None, 10),
        Floor("never", "always wrong", table.ids, never, None, 10),
        Floor("perfect", "always right", table.ids, table.truth, None, 10),
        Floor("silent", "no answers", table.ids, np.full(400, -1), None, 10),
    ]
    twin, beaten, better, silent = score_table(table, Units("samples"), floors=floors, resamples=200).floors

    assert (twin.outcome, beaten.outcome, better.outcome, silent.outcome) == ("tie", "model", "floor", "")
    assert twin.differences[0].interval.low == twin.differences[0].interval.high == 0
    assert beaten.differences[0].interval.value == pytest.approx(accuracy_score(table.truth, table.predicted))
    assert (silent.n, silent.accuracy, silent.unanswered) == (0, None, 400)


def test_several_labels_have_average_precision_and_a_table_instead_of_a_matrix():
    table = a_table(is_multilabel=True)
    scores = score_table(table, Units("samples"), resamples=30)
    rows = list(csv.reader(io.StringIO(scores.confusion_csv())))

    assert scores.headline[0] == "micro mAP"
    assert scores.confusion is None
    assert rows[0] == ["label", "n", "precision", "recall", "f1", "average_precision"]
    assert int(rows[4][1]) == int(table.truth[:, 3].sum())
    assert scores.before.n == 4000


def test_the_confusion_file_holds_every_sample_once():
    table = a_table(unanswered=9)
    rows = list(csv.reader(io.StringIO(score_table(table, Units("samples"), resamples=20).confusion_csv())))

    assert rows[0] == ["truth", *legend("eurosat").names, "n"]
    assert sum(int(row[-1]) for row in rows[1:]) == 391
    assert int(rows[1][1]) == int(((table.truth == 0) & (table.predicted == 0)).sum())


def test_mistakes_are_the_surest_first():
    table = a_table()
    found, wrong = surest_mistakes(table, most=5)
    off = np.flatnonzero(table.truth != table.predicted)
    sure = table.probability.max(axis=1)

    assert wrong == len(off)
    assert [each.row for each in found] == off[np.argsort(-sure[off], kind="stable")][:5].tolist()
    assert found[0].truth == legend("eurosat").name_of(int(table.truth[found[0].row]))


def test_a_set_of_labels_is_wrong_by_its_surest_wrong_label():
    table = a_table(is_multilabel=True, unlabelled=3)
    found, wrong = surest_mistakes(table, most=400)
    judged = table.truth[3:] > 0

    assert wrong == int(((table.predicted[3:] != judged).any(axis=1)).sum())
    assert [each.confidence for each in found] == sorted((each.confidence for each in found), reverse=True)


def test_units_are_what_the_split_kept_together():
    lon, lat = np.repeat(np.arange(12) + 0.5, 3), np.full(36, 46.5)
    places = Places([f"s{i}" for i in range(36)], lon, lat, group=[f"g{i // 2}" for i in range(36)], diagonal=100.0)
    ids = [f"s{i}" for i in (0, 1, 3, 35)]
    by_place = units_of(places, split_place(places, block="1deg", seed=0), ids)
    by_group = units_of(places, split_group(places, seed=0), ids)
    at_random = units_of(places, split_random(places, seed=0), ids)

    assert (by_place.name, by_place.of) == ("blocks of 1deg", ("46 0", "46 0", "46 1", "46 11"))
    assert (by_group.name, by_group.of) == ("groups", ("g0", "g0", "g1", "g17"))
    assert (at_random.name, at_random.of) == ("samples", None)
    assert "neighbours are alike" in at_random.caution


def test_a_table_without_a_label_is_refused():
    with pytest.raises(Refused, match="no sample has a label and an answer: have 400 samples, 0 labels, 400 answers"):
        score_table(a_table(unlabelled=400), Units("samples"))


def test_plain_json_names_the_unit_and_the_seed():
    held = score_table(a_table(), Units("groups", tuple("ab" * 200)), seed=4, resamples=20).to_json()

    assert held["resampling"] == {
        "unit": "groups",
        "units": 2,
        "resamples": 20,
        "seed": 4,
        "level": 0.95,
        "caution": "",
        "of_rows": " ".join("01" * 200),
    }
    assert held["intervals"]["accuracy"]["units"] == 2
    assert held["calibration"]["with temperature"]["temperature"] == 1.7
