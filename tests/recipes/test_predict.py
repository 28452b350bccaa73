"""Predict: every sample asked for and no other, with or without labels."""

from __future__ import annotations

import pytest

from swath.core.errors import Mismatch, Refused, Unknown, Unreadable
from swath.corpus.splitfile import load_split
from swath.prediction import read_table
from swath.recipes.ids import read_ids
from swath.recipes.predict import run_predict
from tests.recipes.a_model import Unlabelled, a_corpus, a_run, index_of


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    return a_corpus(tmp_path_factory.mktemp("predict") / "bare", Unlabelled(n=70, without=tuple(range(70))))


@pytest.fixture(scope="module")
def run(corpus, tmp_path_factory):
    path = tmp_path_factory.mktemp("run") / "run"
    return path, a_run(path, corpus)


def test_a_corpus_without_labels_is_answered(corpus, run, tmp_path):
    path, model = run
    done = run_predict(path, corpus, tmp_path / "p.parquet", bundle=model)
    table = read_table(tmp_path / "p.parquet")

    assert (done.samples, done.labelled) == (70, 0)
    assert table.predicted.tolist() == [index_of(id) % 10 for id in table.ids]
    assert table.bundle_hash == model.hash


def test_a_part_of_the_models_own_split_is_the_default(corpus, run, tmp_path):
    path, model = run
    run_predict(path, corpus, tmp_path / "p.parquet", part="val", bundle=model)

    assert list(read_table(tmp_path / "p.parquet").ids) == load_split(corpus, "blocks").ids("val")


def test_ids_are_answered_in_their_order(corpus, run, tmp_path):
    path, model = run
    (tmp_path / "ids.txt").write_text("number-0007\n\nnumber-0003\n")
    ids = read_ids(str(tmp_path / "ids.txt"))
    run_predict(path, corpus, tmp_path / "p.parquet", ids=ids, bundle=model)

    assert read_table(tmp_path / "p.parquet").ids == ("number-0007", "number-0003")


def test_an_id_that_the_corpus_lacks_names_the_nearest(corpus, run, tmp_path):
    path, model = run
    with pytest.raises(Unknown, match="unknown sample 'number-007'. Did you mean"):
        run_predict(path, corpus, tmp_path / "p.parquet", ids=["number-007"], bundle=model)
    assert not (tmp_path / "p.parquet").exists()


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"ids": ["number-0001"], "part": "test"}, "takes ids or a part, not both"),
        ({"split": "random"}, "was given a split without a part"),
    ],
)
def test_what_contradicts_itself_is_refused(corpus, run, tmp_path, given, said):
    path, model = run
    with pytest.raises(Refused, match=said):
        run_predict(path, corpus, tmp_path / "p.parquet", bundle=model, **given)


def test_a_part_of_nobody_knows_which_split_is_refused(tmp_path, run):
    other = a_corpus(tmp_path / "other", Unlabelled(n=60))
    path, model = run
    with pytest.raises(Mismatch, match="split differs: want blocks"):
        run_predict(path, other, tmp_path / "p.parquet", part="test", bundle=model)


def test_ids_named_twice_or_not_at_all_are_refused(tmp_path):
    with pytest.raises(Refused, match="names a twice"):
        read_ids("a,b,a")
    with pytest.raises(Refused, match="names no sample"):
        read_ids(" , ")
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(Unreadable, match="cannot be read as text"):
        read_ids(str(tmp_path / "binary"))
