"""test, predict and compare on the command line: last lines, exit status, and what bad input is told."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from swath.bundle import write_bundle
from swath.bundle.bundle import make_network
from swath.cli import main
from swath.prediction import read_table
from tests.corpus.a_source import Numbers
from tests.recipes.a_model import a_corpus, a_run, some_facts


def swath(*arguments: object, capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    """Run the program in this process: (status, printed, said on stderr)."""
    argv = sys.argv
    sys.argv = ["swath", *map(str, arguments)]
    try:
        with pytest.raises(SystemExit) as ended:
            main()
    finally:
        sys.argv = argv
    out, err = capsys.readouterr()
    return int(ended.value.code or 0), out, err


def a_real_run(folder: Path, corpus, *, seed: int = 0) -> Path:
    """A run folder whose bundle is a real one with fresh weights."""
    facts = some_facts(corpus, seed=seed)
    a_run(folder, corpus, seed=seed)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        network = make_network(facts)
    example = {"s2": np.full((1, 1, 2, 16, 16), 1300, np.float32)}
    write_bundle(folder / "bundle", facts, network, example, {"s2": np.ones((1, 1, 1, 16, 16), bool)})
    return folder


@pytest.fixture(scope="module")
def places(tmp_path_factory):
    """A corpus and two runs of one recipe, tested."""
    folder = tmp_path_factory.mktemp("cli")
    corpus = a_corpus(folder / "numbers", Numbers(n=70, has_map=False))
    return corpus.path, [a_real_run(folder / f"run-{seed}", corpus, seed=seed) for seed in (0, 1)]


def test_a_model_is_tested_predicted_with_and_compared(places, tmp_path, capsys):
    corpus, runs = places
    status, out, _ = swath("test", runs[0], corpus, capsys=capsys)
    again = swath("test", runs[1], corpus, "--no-floors", "--json", capsys=capsys)
    compared = swath("compare", *runs, capsys=capsys)
    predicted = swath("predict", runs[0], corpus, "-o", tmp_path / "p.parquet", "--part", "test", capsys=capsys)

    assert (status, again[0], compared[0], predicted[0]) == (0, 0, 0, 0)
    assert out.splitlines()[0] == f"page    {runs[0] / 'report' / 'index.html'}"
    assert (runs[0] / "report" / "index.html").stat().st_size > 50_000
    assert "random filters    accuracy" in out
    assert out.splitlines()[-1].startswith("told on test of blocks: ")
    assert json.loads(again[1])["floors"] == []
    assert compared[1].splitlines()[1].startswith("run    2 ")
    assert len(read_table(tmp_path / "p.parquet")) == json.loads(again[1])["n"]


def test_a_sample_without_an_answer_is_a_hole(tmp_path, capsys):
    """Status 1, and the line counts it: all pixels of some samples are nodata."""
    corpus = a_corpus(tmp_path / "holes", Empty(n=70, has_map=False))
    run = a_real_run(tmp_path / "run", corpus)
    status, out, _ = swath("test", run, corpus.path, "--no-floors", capsys=capsys)

    assert status == 1
    assert " without an answer" in out.splitlines()[-1]
    assert ", 0 without an answer" not in out.splitlines()[-1]


class Empty(Numbers):
    """Every fifth sample holds nodata everywhere."""

    def pixels(self, index):
        held = super().pixels(index)
        return held * 0 if index % 5 == 0 else held


def test_another_split_needs_its_name_and_is_then_counted(places, capsys):
    corpus, runs = places
    _, out, _ = swath("test", runs[0], corpus, "--split", "random", "--no-floors", capsys=capsys)

    assert "Split random is not the one that the model was trained by" in out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("test", "{run}", "{corpus}", "--split", "rndom"), "unknown split 'rndom'. Did you mean 'random'"),
        (("test", "{corpus}", "{corpus}"), "holds neither a run nor a bundle"),
        (("predict", "{run}", "{corpus}", "-o", "x.parquet", "--ids", "nobody"), "unknown sample 'nobody'"),
        (("compare", "{corpus}"), "holds neither a run nor a bundle"),
        (("compare",), "Missing argument"),
    ],
)
def test_a_users_mistake_is_a_sentence_and_status_2(places, arguments, said, capsys):
    corpus, runs = places
    given = [each.format(run=runs[0], corpus=corpus) for each in arguments]
    status, _, err = swath(*given, capsys=capsys)

    assert status == 2
    assert said in err
    assert "Traceback" not in err


@pytest.mark.parametrize("command", ["test", "predict", "compare"])
def test_help_has_an_example(command, capsys):
    status, out, _ = swath(command, "--help", capsys=capsys)

    assert status == 0
    assert f"Example:\n    swath {command}" in out
