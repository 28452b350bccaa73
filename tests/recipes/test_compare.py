"""Compare: the same samples or none, seeds of one recipe as one model, ties by name."""

from __future__ import annotations

import json

import numpy as np
import pytest

from swath.core.errors import Mismatch, Refused, Unreadable
from swath.core.specs import OutputSpec
from swath.corpus.splitfile import load_split
from swath.recipes.compare import run_compare
from swath.recipes.test import run_test
from tests.recipes.a_model import EUROSAT, Sets, a_corpus, a_run, index_of


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    return a_corpus(tmp_path_factory.mktemp("compare") / "numbers")


def a_tested_run(folder, corpus, wrong=(), **more):
    model = a_run(folder, corpus, wrong=wrong, **more)
    run_test(folder, corpus, has_floors=False, bundle=model)
    return folder


def test_indices(corpus):
    """Of the test part, for the tests below."""
    assert len(load_split(corpus, "blocks").ids("test")) >= 12


def some_wrong(corpus, n):
    return {index_of(id) for id in load_split(corpus, "blocks").ids("test")[:n]}


def test_a_better_model_is_named_and_an_equal_one_is_a_tie(corpus, tmp_path):
    n = len(load_split(corpus, "blocks").ids("test"))
    good = a_tested_run(tmp_path / "good", corpus, rate=0.1)
    poor = a_tested_run(tmp_path / "poor", corpus, wrong=some_wrong(corpus, n), rate=0.2)
    same = a_tested_run(tmp_path / "same", corpus, rate=0.3)
    held = run_compare([good, poor, same])
    outcome = {(d.first, d.second): d.outcome for d in held.comparison.differences if d.metric == "accuracy"}

    assert outcome == {("good", "poor"): "good", ("good", "same"): "tie", ("poor", "same"): "same"}
    assert "good less same, accuracy: +0.0 [+0.0, +0.0] points: a tie" in held.text()
    assert "good less poor, accuracy: +100.0 [+100.0, +100.0] points: good is better" in held.text()


def test_seeds_of_one_recipe_are_one_model(corpus, tmp_path):
    """Mean and sample deviation by hand."""
    n = len(load_split(corpus, "blocks").ids("test"))
    runs = [
        a_tested_run(tmp_path / f"small-{seed}", corpus, wrong=some_wrong(corpus, k), seed=seed)
        for seed, k in enumerate((0, 2, 5))
    ]
    other = a_tested_run(tmp_path / "large", corpus, rate=0.5)
    held = run_compare([*runs, other])
    scores = 1 - np.array([0, 2, 5]) / n

    assert list(held.seeds) == ["small", "large"]
    assert held.seeds["small"]["accuracy"].seeds == 3
    assert held.seeds["small"]["accuracy"].mean == pytest.approx(scores.mean())
    assert held.seeds["small"]["accuracy"].sd == pytest.approx(scores.std(ddof=1))
    assert held.comparison.scores["small"]["accuracy"].value == pytest.approx(scores.mean())
    [difference] = [d for d in held.comparison.differences if d.metric == "accuracy"]
    assert difference.interval.value == pytest.approx(scores.mean() - 1)
    assert held.to_json()["runs"]["small"][2] == {"run": "small-2", "seed": 2}


def test_the_same_seed_twice_is_two_models(corpus, tmp_path):
    """They would be counted as a spread over seeds that is none."""
    runs = [a_tested_run(tmp_path / name / "small", corpus) for name in ("a", "b")]

    assert list(run_compare(runs).seeds) == ["small", "small (2)"]


def test_models_tested_on_different_samples_are_refused(corpus, tmp_path):
    one = a_tested_run(tmp_path / "one", corpus)
    other = a_tested_run(tmp_path / "other", corpus, split="random")

    with pytest.raises(Mismatch) as raised:
        run_compare([one, other])

    assert "samples differs: want test of blocks" in str(raised.value)
    assert "have test of random" in str(raised.value)


def test_a_test_that_they_share_beside_their_own_must_be_named(corpus, tmp_path):
    one = a_tested_run(tmp_path / "one", corpus)
    other = a_tested_run(tmp_path / "other", corpus, rate=0.4)
    for folder in (one, other):
        run_test(folder, corpus, part="val", has_floors=False, bundle=a_run(tmp_path / f"{folder.name}-again", corpus))

    assert "of test of blocks" in run_compare([one, other]).text()
    assert "of val of blocks" in run_compare([one, other], part="val").text()


def test_a_run_that_was_not_tested_is_sent_to_swath_test(corpus, tmp_path):
    a_run(tmp_path / "new", corpus)

    with pytest.raises(Refused, match="was not tested yet. Run: swath test"):
        run_compare([tmp_path / "new"])


def test_predictions_that_were_altered_are_refused(corpus, tmp_path):
    run = a_tested_run(tmp_path / "run", corpus)
    table = run / "report" / "predictions-numbers-blocks.parquet"
    table.write_bytes(table.read_bytes() + b"0")

    with pytest.raises(Unreadable, match="differs from what was scored"):
        run_compare([run])
    table.unlink()
    with pytest.raises(Unreadable, match="is not there"):
        run_compare([run])


def test_scores_of_a_newer_swath_are_refused_by_name(corpus, tmp_path):
    run = a_tested_run(tmp_path / "run", corpus)
    path = run / "bundle" / "scores" / "numbers-blocks.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "swath_scores": 2}))

    with pytest.raises(Refused, match="has schema 2, and this swath reads up to schema 1"):
        run_compare([run])
    path.write_text("{}")
    with pytest.raises(Unreadable, match="is no file of scores"):
        run_compare([run])


def test_sets_of_labels_are_not_compared_yet(tmp_path):
    sets = a_corpus(tmp_path / "sets", Sets(n=70))
    output = OutputSpec("scene", EUROSAT.codes, EUROSAT, is_multilabel=True)
    run = a_tested_run(tmp_path / "run", sets, output=output)

    with pytest.raises(Refused, match="holds no single class a sample"):
        run_compare([run])


def test_nothing_to_compare_is_refused():
    with pytest.raises(Refused, match="was given no run"):
        run_compare([])
