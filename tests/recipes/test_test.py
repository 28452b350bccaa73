"""Test: every figure with what it rests on, and a sentence for everything that does not fit."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace

import numpy as np
import pytest

from swath.core.errors import Mismatch, Refused, Unknown, Unreadable
from swath.core.specs import InputSpec, OutputSpec
from swath.corpus.leakage import LeakageReport
from swath.corpus.splitfile import load_report, load_split, save_split
from swath.corpus.splits import Split
from swath.prediction import read_table
from swath.recipes.page import write_page
from swath.recipes.test import run_test
from tests.recipes.a_model import EUROSAT, SPLITS, Sets, Unlabelled, a_corpus, a_run, index_of, some_facts


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    return a_corpus(tmp_path_factory.mktemp("test") / "numbers")


@pytest.fixture(scope="module")
def tested(corpus, tmp_path_factory):
    """Wrong about two test samples and about everything of train."""
    split = load_split(corpus, "blocks")
    wrong = {index_of(id) for id in (*split.ids("test")[:2], *split.ids("train"))}
    run = tmp_path_factory.mktemp("run") / "small-0"
    return run_test(run, corpus, bundle=a_run(run, corpus, wrong=wrong)), run


def test_only_the_test_part_is_judged(corpus, tested):
    done, _ = tested
    n = len(load_split(corpus, "blocks").ids("test"))

    assert done.scores.n == n
    assert done.scores.classes.accuracy == pytest.approx(1 - 2 / n)
    assert done.table.ids == tuple(load_split(corpus, "blocks").ids("test"))


def test_every_figure_says_what_it_rests_on(corpus, tested):
    """Read from the file, as another program would."""
    done, run = tested
    held = json.loads((run / "bundle" / "scores" / "numbers-blocks.json").read_text())
    split = load_split(corpus, "blocks")

    assert held["swath_scores"] == 1
    assert held["model"] == {"name": "told", "run": "small-0", "hash": done.bundle.hash, "seed": 0}
    assert held["corpus"] == {"name": "numbers", "hash": corpus.meta.plan_hash}
    assert (held["split"]["hash"], held["split"]["part"], held["split"]["fold"]) == (split.hash, "test", 0)
    assert held["n"] == len(split.ids("test"))
    assert held["resampling"]["unit"] == "blocks of 1deg"
    assert (held["resampling"]["resamples"], held["resampling"]["seed"]) == (2000, 0)
    assert {floor["name"] for floor in held["floors"]} == {
        "majority",
        "nearest place",
        "band mean and sd",
        "random filters",
    }
    assert held["seen"]["in_train"] == held["seen"]["in_val"] == 0
    assert held["version"]
    assert held["command"].startswith("swath")


def test_predictions_lie_where_the_scores_say_and_have_their_hash(tested):
    _, run = tested
    file = run / "bundle" / "scores" / "numbers-blocks.json"
    held = json.loads(file.read_text())["predictions"]
    path = file.parent / held["file"]

    assert path.resolve() == (run / "report" / "predictions-numbers-blocks.parquet").resolve()
    assert hashlib.sha256(path.read_bytes()).hexdigest() == held["sha256"]
    assert len(read_table(path)) == len(read_table(path).truth)


def test_blocks_that_are_resampled_are_degree_cells(corpus, tested):
    done, _ = tested
    cells = {tuple(np.floor(place)) for place in done.table.lonlat}

    assert done.scores.units_count == len(cells)


def test_confusion_is_written_as_text_and_as_a_picture(tested):
    done, run = tested
    [head, *rows] = (run / "report" / "confusion.csv").read_text().splitlines()

    assert head == ",".join(["truth", *EUROSAT.names, "n"])
    assert sum(int(row.split(",")[-1]) for row in rows) == done.scores.n
    assert (run / "report" / "confusion.svg").read_text().startswith("<svg")


def test_the_last_line_holds_counts_and_the_headline(tested):
    done, _ = tested
    last = done.summary().splitlines()[-1]
    n = done.scores.n

    assert last.startswith(f"told on test of blocks: {n} judged, 0 without a label, 0 without an answer; accuracy ")
    assert f"{100 * (1 - 2 / n):.1f} % [" in last
    assert f"(95 % over {done.scores.units_count} blocks of 1deg)" in last


def test_another_split_is_refused_unless_it_is_named(corpus, tmp_path):
    """Its own split is gone from the corpus: nothing is taken in its place."""
    facts = some_facts(corpus)
    other = replace(facts, origin=replace(facts.origin, split_hash="f" * 64))
    model = a_run(tmp_path / "run", corpus, origin=other.origin)

    with pytest.raises(Mismatch) as raised:
        run_test(tmp_path / "run", corpus, bundle=model)

    assert f"split differs: want blocks {'f' * 12} (bundle told)" in str(raised.value)
    assert f"have blocks {load_split(corpus, 'blocks').hash[:12]}" in str(raised.value)
    assert "--split NAME" in str(raised.value)


def test_samples_that_it_has_seen_are_counted_by_id(corpus, tmp_path):
    own, other = load_split(corpus, "blocks"), load_split(corpus, "random")
    done = run_test(tmp_path / "run", corpus, split="random", has_floors=False, bundle=a_run(tmp_path / "run", corpus))
    train, val = (len(set(other.ids("test")) & set(own.ids(part))) for part in ("train", "val"))

    assert (done.asked.seen.train, done.asked.seen.val) == (train, val)
    assert train > 0
    said = (
        f"{train} of the {len(other.ids('test'))} samples in test of split random were in the model's train and {val}"
    )
    assert said in done.summary()
    assert (tmp_path / "run" / "report" / "confusion-numbers-random.csv").exists()
    assert not (tmp_path / "run" / "report" / "confusion.csv").exists()


def test_of_another_corpus_nobody_can_know_what_it_has_seen(corpus, tmp_path):
    facts = some_facts(corpus)
    model = a_run(tmp_path / "run", corpus, origin=replace(facts.origin, corpus_hash="0" * 64, split_hash="1" * 64))
    done = run_test(tmp_path / "run", corpus, split="random", has_floors=False, bundle=model)

    assert done.asked.seen.is_unseen is None
    assert "nobody can count them here" in done.summary()


def test_the_part_that_selected_the_model_is_called_seen(corpus, tmp_path):
    done = run_test(tmp_path / "run", corpus, part="val", has_floors=False, bundle=a_run(tmp_path / "run", corpus))
    n = len(load_split(corpus, "blocks").ids("val"))

    assert done.asked.seen.is_unseen is False
    assert f"0 of the {n} samples in val of split blocks were in the model's train and {n} in its val" in done.summary()
    assert done.files["scores"].name == "numbers-blocks-val.json"


def test_another_fold_needs_the_split_by_name(tmp_path):
    """Test of another fold was in its train."""
    recipe = {"method": "place", "block": "1deg", "folds": 3, "seed": 0}
    corpus = a_corpus(tmp_path / "numbers", splits={"three": recipe})
    model = a_run(tmp_path / "run", corpus, split="three", fold=1)

    with pytest.raises(Refused, match="was trained by fold 1 of split three; test of fold 0 was in its train"):
        run_test(tmp_path / "run", corpus, fold=0, bundle=model)
    done = run_test(tmp_path / "run", corpus, has_floors=False, bundle=model)
    assert done.asked.fold == 1
    assert done.files["scores"].name == "numbers-three-fold1.json"
    named = run_test(tmp_path / "run", corpus, split="three", fold=0, has_floors=False, bundle=model)
    assert named.asked.seen.train > 0


def test_a_split_naming_samples_that_the_corpus_lacks_is_refused(corpus, tmp_path):
    own = load_split(corpus, "random")
    ids = [*own.table["id"].to_pylist(), "number-9999"]
    parts = [*own.table["part"].to_pylist(), "test"]
    longer = own.table.from_pydict({"id": ids, "part": parts, "fold": [0] * len(ids)}, schema=own.table.schema)
    copy = a_corpus(tmp_path / "copy", splits={"random": SPLITS["random"]})
    report = LeakageReport.from_json(load_report(copy, "random"))
    save_split(copy, Split("longer", longer, own.recipe), report)
    model = a_run(tmp_path / "run", corpus)

    with pytest.raises(Mismatch, match=r"split longer: ids differs: .* 1 of \d+ that it lacks \(first: number-9999\)"):
        run_test(tmp_path / "run", copy, split="longer", bundle=model)


def test_a_corpus_without_such_labels_is_sent_to_predict(corpus, tmp_path):
    facts = some_facts(corpus)
    sets = a_corpus(tmp_path / "sets", Sets(n=70))
    model = a_run(tmp_path / "run", sets)

    with pytest.raises(Mismatch) as raised:
        run_test(tmp_path / "run", sets, bundle=model)

    assert facts.output.kind == "scene"
    assert "targets differs: want one of kind class of legend eurosat (bundle told)" in str(raised.value)
    assert "have classes (classes, eurosat)" in str(raised.value)
    assert "swath predict" in str(raised.value)


def test_a_part_without_a_label_is_refused(tmp_path):
    bare = a_corpus(tmp_path / "bare", Unlabelled(n=70, without=tuple(range(70))))
    model = a_run(tmp_path / "run", bare)

    with pytest.raises(Refused, match=r"none of the \d+ samples in test has a label of target class"):
        run_test(tmp_path / "run", bare, bundle=model)


def test_samples_without_a_label_are_left_out_and_counted(tmp_path):
    some = a_corpus(tmp_path / "some", Unlabelled(n=70, without=tuple(range(0, 70, 2))))
    done = run_test(tmp_path / "run", some, has_floors=False, bundle=a_run(tmp_path / "run", some))
    test = [index_of(id) for id in load_split(some, "blocks").ids("test")]

    assert done.scores.unlabelled == sum(i % 2 == 0 for i in test)
    assert done.scores.n == sum(i % 2 for i in test)
    assert not done.has_holes


def test_bands_that_the_corpus_lacks_are_refused_before_anything_is_read(corpus, tmp_path):
    facts = some_facts(corpus)
    nir = replace(facts.input.stacks["s2"], bands=("B04", "B08"))
    model = a_run(tmp_path / "run", corpus, input=InputSpec({"s2": nir}, (16, 16)))

    with pytest.raises(Mismatch, match=r"bands \(B08 missing\) differs: want B04 B08 \(bundle told\)"):
        run_test(tmp_path / "run", corpus, bundle=model)
    assert not (tmp_path / "run" / "report").exists()


def test_an_unknown_part_or_split_names_the_nearest(corpus, tmp_path):
    model = a_run(tmp_path / "run", corpus)

    with pytest.raises(Unknown, match="unknown part 'tset'. Did you mean 'test'"):
        run_test(tmp_path / "run", corpus, part="tset", bundle=model)
    with pytest.raises(Unknown, match="unknown split 'block'. Did you mean 'blocks'"):
        run_test(tmp_path / "run", corpus, split="block", bundle=model)


def test_a_folder_that_is_neither_run_nor_bundle_is_refused(corpus, tmp_path):
    with pytest.raises(Unreadable, match="holds neither a run nor a bundle"):
        run_test(tmp_path, corpus)


def test_a_bundle_alone_keeps_its_report_beside_it(corpus, tmp_path):
    model = a_run(tmp_path / "run", corpus)
    (tmp_path / "run" / "bundle").rename(tmp_path / "told")
    done = run_test(tmp_path / "told", corpus, has_floors=False, bundle=model)

    assert done.files["predictions"] == tmp_path / "told-report" / "predictions-numbers-blocks.parquet"
    assert done.files["scores"].parent == tmp_path / "told" / "scores"
    assert done.figures["recipe"] == ""


def test_sets_of_labels_are_judged_by_average_precision(tmp_path):
    """The stub calls one label of a sample, and every third sample has two."""
    sets = a_corpus(tmp_path / "sets", Sets(n=70))
    output = OutputSpec("scene", EUROSAT.codes, EUROSAT, is_multilabel=True, metrics=("micro_map",))
    model = a_run(tmp_path / "run", sets, output=output)
    done = run_test(tmp_path / "run", sets, bundle=model)
    test = [index_of(id) for id in load_split(sets, "blocks").ids("test")]

    assert done.scores.labels.n == len(test)
    assert done.scores.floors == ()
    called, true = len(test), sum(2 if i % 3 == 0 else 1 for i in test)
    assert done.scores.labels.micro_f1 == pytest.approx(2 * called / (called + true))
    assert "micro mAP" in done.summary().splitlines()[-1]
    assert "Micro mAP" in write_page(done, sets).read_text()


def test_the_page_of_the_models_own_split_is_the_index(corpus, tested):
    done, run = tested
    page = write_page(done, corpus)
    text = page.read_text()

    assert page == run / "report" / "index.html"
    n = done.scores.n
    assert f"Right for {n - 2} of {n} samples" in text
    assert "None of the" in text
    assert "3 epochs in 3 minutes; kept was epoch 2" in text
    assert done.bundle.hash in text


def test_the_mistakes_of_the_page_are_the_wrong_samples(corpus, tested):
    done, _ = tested
    text = write_page(done, corpus).read_text()
    first, second = load_split(corpus, "blocks").ids("test")[:2]

    assert "2 answers of" in text
    assert text.index(f'alt="{max(first, second)}"') < text.index(f'alt="{min(first, second)}"')


def test_the_same_test_again_writes_the_same_bytes(corpus, tmp_path):
    held = []
    for name in ("one", "two"):
        model = a_run(tmp_path / name / "run", corpus)
        done = run_test(tmp_path / name / "run", corpus, bundle=model, command="swath test run numbers")
        held.append([done.files["scores"].read_bytes(), write_page(done, corpus).read_bytes()])

    assert held[0] == held[1]
