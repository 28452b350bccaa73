"""Stages of corpora and models: what they leave, when it still stands, and a real run that is killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from swath.core.errors import Refused
from swath.recipes.chain import plan_chain, run_chain
from swath.recipes.recipe import read_recipe, with_seeds
from swath.testing.build import a_eurosat_zip

CORPUS = """
stages:
  files: {do: import, source: eurosat-rgb}
  parts: {do: split, corpus: files, seed: 1}
  numbers: {do: stats, corpus: files, split: parts}
  page: {do: show, corpus: files, per_class: 1}
"""
MODELS = """
stages:
  planet: {do: build, declare: {n: 60, seed: 7}}
  parts: {do: split, corpus: planet, seed: 1, pictures: false}
  small: {do: train, corpus: planet, split: parts, model: {width: 4}, loop: {epochs: 1}}
  large: {do: train, corpus: planet, split: parts, model: {width: 8}, loop: {epochs: 1}}
  test_small: {do: test, run: small, corpus: planet, has_floors: false}
  test_large: {do: test, run: large, corpus: planet, has_floors: false}
  answers: {do: predict, run: large, corpus: planet, split: parts, part: test}
  both: {do: compare, tests: [test_small, test_large]}
"""


def states(recipe, folder):
    return {step.name: step.state for step in plan_chain(recipe, folder)}


@pytest.fixture
def corpus_recipe(tmp_path):
    """A recipe over a zip, read anew each time."""
    (tmp_path / "corpus.yaml").write_text(CORPUS)
    zipped = a_eurosat_zip(tmp_path / "a.zip", n=4)
    return lambda path=zipped: read_recipe(tmp_path / "corpus.yaml", settings=[f"files.paths={path}"])


def test_files_are_known_by_what_they_are_not_by_where_they_lie(corpus_recipe, tmp_path):
    """A zip that is moved is the same; one that holds another patch is not."""
    out = tmp_path / "out"
    run_chain(corpus_recipe(), out)
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "a.zip").rename(tmp_path / "elsewhere" / "a.zip")

    assert set(states(corpus_recipe(tmp_path / "elsewhere" / "a.zip"), out).values()) == {"up to date"}
    other = a_eurosat_zip(tmp_path / "b.zip", n=4, seed=1)
    assert set(states(corpus_recipe(other), out).values()) == {"changed"}


def test_stages_of_corpora_leave_what_their_commands_leave(corpus_recipe, tmp_path):
    out = tmp_path / "out"

    ran = run_chain(corpus_recipe(), out)

    assert {path.name for path in out.iterdir()} >= {"files", "files.journal", "numbers.json", "page.html", "page.png"}
    assert json.loads((out / "numbers.json").read_text())["part"] == "train"
    assert ran.steps[0].facts["samples"] == 40
    assert (out / "files" / "splits" / "parts.parquet").exists()


def test_a_split_that_was_replaced_by_hand_is_made_again(corpus_recipe, tmp_path):
    out = tmp_path / "out"
    run_chain(corpus_recipe(), out)
    command = ["corpus", "split", out / "files", "--by", "random", "--seed", "9", "--name", "parts", "--replace"]
    subprocess.run([sys.executable, "-m", "swath", *command], capture_output=True)

    assert states(corpus_recipe(), out) == {
        "files": "up to date",
        "parts": "lost",
        "numbers": "up to date",
        "page": "up to date",
    }


def test_a_source_of_files_without_a_path_says_how_to_give_one(tmp_path):
    (tmp_path / "corpus.yaml").write_text(CORPUS)

    with pytest.raises(Refused) as raised:
        plan_chain(read_recipe(tmp_path / "corpus.yaml"), tmp_path / "out")

    assert str(raised.value) == (
        "stage files: needs the path of the files of eurosat-rgb. Say where they lie: --set files.paths=PATH."
    )


def test_models_are_trained_tested_used_and_compared(tmp_path):
    """All kinds of stages that make or use models, and each knows when its output is gone."""
    (tmp_path / "models.yaml").write_text(MODELS)
    recipe, out = read_recipe(tmp_path / "models.yaml"), tmp_path / "out"

    ran = run_chain(recipe, out)

    comparison = ran.steps[-1].summary
    assert "small less large, accuracy:" in comparison or "large less small, accuracy:" in comparison
    assert (out / "answers.parquet").exists()
    assert set(states(recipe, out).values()) == {"up to date"}
    (out / "answers.parquet").unlink()
    (out / "small" / "report" / "index.html").unlink()
    (out / "large" / "bundle" / "weights.safetensors").unlink()
    lost = {name for name, state in states(recipe, out).items() if state == "lost"}
    assert lost == {"answers", "test_small", "large", "test_large"}  # what test leaves lies in the run


def test_what_compares_stands_on_the_tests_of_all_seeds(tmp_path):
    (tmp_path / "models.yaml").write_text(MODELS)

    seeded = with_seeds(read_recipe(tmp_path / "models.yaml"), (0, 1))

    assert seeded.stages[-1].inputs == {
        "tests": ("test_small-seed0", "test_small-seed1", "test_large-seed0", "test_large-seed1")
    }
    assert [stage.options.loop.seed for stage in seeded.stages if stage.kind_name == "train"] == [0, 1, 0, 1]


@pytest.mark.slow
def test_a_killed_recipe_ends_with_the_weights_of_an_undisturbed_one(tmp_path):
    """Contract 12 on a real training: SIGKILL after its first epoch, then the same command."""
    command = [sys.executable, "-m", "swath", "run", "planet", "--set", "planet.declare={n: 60, seed: 7}"]
    command += ["--set", "train.loop.epochs=12", "--set", "test.has_floors=false", "-o"]
    subprocess.run([*command, tmp_path / "straight"], check=True, capture_output=True)

    killed = subprocess.Popen([*command, tmp_path / "cut"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    until = time.monotonic() + 120
    while not list((tmp_path / "cut").glob("train/checkpoints/epoch-*")) and time.monotonic() < until:
        time.sleep(0.01)
    os.kill(killed.pid, signal.SIGKILL)
    killed.wait()
    at = json.loads((tmp_path / "cut" / "recipe.json").read_text())["stages"]["train"]
    resumed = subprocess.run([*command, tmp_path / "cut"], check=True, capture_output=True, text=True)

    assert at["is_done"] is False
    assert "planet (up to date)" in resumed.stdout
    assert "train: was cut off, goes on" in resumed.stderr
    straight, cut = (tmp_path / each / "train/bundle/weights.safetensors" for each in ("straight", "cut"))
    assert straight.read_bytes() == cut.read_bytes()
