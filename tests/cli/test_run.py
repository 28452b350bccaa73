"""`swath run` on the virtual planet: what it prints, what it refuses, and that a second run does nothing."""

from __future__ import annotations

import json

import pytest

from tests.cli.test_corpus_commands import swath

SMALL = ("--set", "planet.declare={n: 90, seed: 7}", "--set", "train.loop.epochs=1", "--set", "train.model.width=8")


def test_recipes_that_ship_are_listed(capsys):
    status, out, _ = swath("run", "--list", capsys=capsys)

    assert status == 0
    assert [line.split()[0] for line in out.splitlines()] == [
        "cnn-sentinel-ms-alternative",
        "cnn-sentinel-ms-scratch",
        "cnn-sentinel-ms-transfer",
        "cnn-sentinel-rgb-scratch",
        "cnn-sentinel-rgb-transfer",
        "eurosat-rgb",
        "planet",
    ]


def test_a_recipe_is_printed_to_be_copied(capsys, tmp_path):
    _, out, _ = swath("run", "--print", "planet", capsys=capsys)
    (tmp_path / "mine.yaml").write_text(out)

    status, planned, _ = swath("run", tmp_path / "mine.yaml", "--plan", "-o", tmp_path / "out", capsys=capsys)

    assert (status, planned) == (0, "planet: to be done\nblocks: to be done\ntrain: to be done\ntest: to be done\n")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ((), "swath: swath run: needs a recipe. Name a file, or one of: swath run --list.\n"),
        (("planett",), "swath: unknown recipe 'planett'. Did you mean 'planet'?"),
        (("planet", "--set", "train.loop.epoch=3"), "Did you mean 'loop.epochs'?"),
        (("planet", "--seeds", "x"), "swath: --seeds x: are no seeds. Say how many, as 3, or which, as 0,1,2.\n"),
        (
            ("eurosat-rgb",),
            "swath: stage import: needs the path of the files of eurosat-rgb. Say where they lie: --set im",
        ),
        (("gone.yaml",), "swath: gone.yaml: cannot be read (No such file or directory)."),
    ],
)
def test_what_is_wrong_is_a_sentence_and_status_2(capsys, tmp_path, monkeypatch, arguments, sentence):
    monkeypatch.chdir(tmp_path)

    status, _, err = swath("run", *arguments, capsys=capsys)

    assert status == 2
    assert sentence in err
    assert "Traceback" not in err


def test_the_planet_runs_from_nothing_to_a_tested_bundle_and_again_does_nothing(tmp_path, capsys):
    """Contract 12, offline; the last line counts."""
    first = swath("run", "planet", "-o", tmp_path, *SMALL, capsys=capsys)
    second = swath("run", "planet", "-o", tmp_path, *SMALL, capsys=capsys)

    assert (first[0], second[0]) == (0, 0)
    assert first[1].splitlines()[-1] == f"{tmp_path}: 4 stages done, 0 up to date, of recipe planet"
    assert second[1].splitlines()[-1] == f"{tmp_path}: up to date, nothing to do (4 stages of recipe planet)"
    assert "test: planet on test of blocks: " in first[1]
    assert (tmp_path / "train" / "report" / "index.html").exists()


@pytest.mark.slow
def test_seeds_end_with_their_mean_and_spread_and_a_changed_option_reruns_what_stands_on_it(tmp_path, capsys):
    """Contract 12: two seeds, each its run; then another epoch: corpus and split are left alone."""
    status, out, _ = swath("run", "planet", "-o", tmp_path, "--seeds", "2", *SMALL, capsys=capsys)
    more = (*SMALL, "--set", "train.loop.epochs=2", "--json")
    _, again, _ = swath("run", "planet", "-o", tmp_path, "--seeds", "2", *more, capsys=capsys)

    assert status == 0
    lines = out.splitlines()[-4:]
    assert [line.split(" 0.")[0] for line in lines[:3]] == [
        "train: accuracy on val",
        "test: accuracy",
        "test: macro_f1",
    ]
    assert all(line.endswith(", 2 seeds)") for line in lines[:3])
    scores = [
        json.loads((tmp_path / f"train-seed{seed}/bundle/scores/planet-blocks.json").read_text()) for seed in (0, 1)
    ]
    assert [held["model"]["seed"] for held in scores] == [0, 1]
    assert {s["stage"]: s["was"] for s in json.loads(again)["stages"]} == {
        "planet": "up to date",
        "blocks": "up to date",
        "train-seed0": "changed",
        "train-seed1": "changed",
        "test-seed0": "changed",
        "test-seed1": "changed",
    }
    assert len(list((tmp_path / "earlier").iterdir())) == 2
