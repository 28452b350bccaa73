"""The chain: what is done again and what is not, what a kill costs, and that nothing is thrown away."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from filelock import FileLock

from swath.core.errors import Mismatch, Refused, Unreadable
from swath.recipes.chain import STATE, key_of, plan_chain, run_chain
from swath.recipes.recipe import with_seeds
from tests.recipes.a_recipe import LEARN, MAKE, OUTSIDE, a_chain, a_stage, run

ROOT = Path(__file__).parents[2]
EVERY = ["a", "b", "model", "score", "all"]


@pytest.fixture(autouse=True)
def outside():
    OUTSIDE.clear()
    return OUTSIDE


def states(folder, recipe=None):
    return {step.name: step.state for step in plan_chain(recipe or a_chain(), folder)}


def test_a_second_run_does_nothing_and_says_so(tmp_path):
    """Contract 12."""
    first, ran = run(tmp_path)
    before = (tmp_path / STATE).read_bytes()

    second, again = run(tmp_path)

    assert (first, second) == (EVERY, [])
    assert ran.summary() == f"{tmp_path}: 5 stages done, 0 up to date, of recipe numbers"
    assert again.summary() == f"{tmp_path}: up to date, nothing to do (5 stages of recipe numbers)"
    assert [step.summary for step in again.steps] == [step.summary for step in ran.steps]
    assert (tmp_path / STATE).read_bytes() == before


@pytest.mark.parametrize(
    ("changed", "again"),
    [
        ({"a": {"value": 2}}, ["a", "model", "score", "all"]),
        ({"b": {"value": 2}}, ["b"]),
        ({"score": {"value": 2}}, ["score", "all"]),
        ({"all": {"value": 2}}, ["all"]),
        ({"a": {"threads": 2}}, []),
        ({"a": {"threads": 2}, "model": {"threads": 4}}, []),
    ],
)
def test_a_changed_option_reruns_its_stage_and_what_stands_on_it(tmp_path, changed, again):
    """Contract 12; how many threads read decides nothing."""
    run(tmp_path)

    assert [name for name, state in states(tmp_path, a_chain(**changed)).items() if state != "up to date"] == again
    assert run(tmp_path, a_chain(**changed))[0] == again
    assert run(tmp_path, a_chain(**changed))[0] == []


def test_what_is_read_from_outside_counts(tmp_path, outside):
    outside["a"] = "one"
    run(tmp_path)

    outside["a"] = "two"

    assert run(tmp_path)[0] == ["a", "model", "score", "all"]


def test_a_new_version_of_a_stage_reruns_it(tmp_path):
    run(tmp_path)
    recipe = a_chain()
    newer = replace(recipe.stages[2], kind=replace(LEARN, version=2))

    assert run(tmp_path, replace(recipe, stages=(*recipe.stages[:2], newer, *recipe.stages[3:])))[0] == EVERY[2:]


def test_keys_are_the_same_in_every_folder_and_at_any_time(tmp_path):
    """No clock, machine or folder is part of a key: another checkout may trust it."""
    run(tmp_path / "one")
    run(tmp_path / "two")

    one, two = (json.loads((tmp_path / each / STATE).read_text()) for each in ("one", "two"))
    assert one == two
    held = '{"inputs": {}, "kind": "make", "options": {"seed": 0, "value": 1}, "outside": "", "version": 1}'
    assert key_of(a_stage("a", MAKE), {}) == hashlib.sha256(held.encode()).hexdigest()


@pytest.mark.parametrize("name", ["a", "model", "all"])
def test_a_killed_run_goes_on_in_the_stage_where_it_died(tmp_path, name):
    """SIGKILL in the middle of a stage: what was done stays done, the same command does the rest."""
    command = [sys.executable, "-m", "tests.recipes.a_recipe", str(tmp_path)]
    killed = subprocess.run([*command, name], cwd=ROOT, capture_output=True)

    assert killed.returncode == -9
    assert states(tmp_path)[name] == "begun"
    done, _ = run(tmp_path)
    assert done == EVERY[EVERY.index(name) :]
    assert not (tmp_path / "earlier").exists()
    run(tmp_path / "straight")
    assert json.loads((tmp_path / STATE).read_text()) == json.loads((tmp_path / "straight" / STATE).read_text())


def test_what_was_made_with_other_options_is_kept(tmp_path):
    """Hours of training are not removed because an option was tried."""
    run(tmp_path)
    key = plan_chain(a_chain(), tmp_path)[1].key

    run(tmp_path, a_chain(b={"value": 9}))

    assert (tmp_path / "b" / "value").read_text() == "9"
    assert (tmp_path / "earlier" / f"b-{key[:12]}" / "value").read_text() == "5"
    run(tmp_path)
    run(tmp_path, a_chain(b={"value": 9}))
    assert sorted(path.name for path in (tmp_path / "earlier").iterdir())[:2] == [f"b-{key[:12]}", f"b-{key[:12]}-2"]


@pytest.mark.parametrize("how", ["removed", "altered"])
def test_output_that_is_gone_or_altered_is_made_again(tmp_path, how):
    run(tmp_path)
    if how == "removed":
        (tmp_path / "model" / "value").unlink()
        (tmp_path / "model" / "begun").unlink()
        (tmp_path / "model").rmdir()
    else:
        (tmp_path / "model" / "value").write_text("7")

    assert states(tmp_path) == {name: "lost" if name == "model" else "up to date" for name in EVERY}
    assert run(tmp_path)[0] == ["model"]


def test_holes_are_told_at_the_end_and_when_nothing_is_done(tmp_path):
    recipe = a_chain(b={"value": -1})

    _, ran = run(tmp_path, recipe)
    _, again = run(tmp_path, recipe)

    assert ran.has_holes
    assert again.has_holes
    assert ran.summary().endswith("of recipe numbers <- HOLES")


def test_a_stage_that_fails_leaves_what_was_done(tmp_path):
    def refuse(job):
        raise Refused(where="stage", what="cannot")

    recipe = a_chain()
    broken = replace(recipe.stages[2], kind=replace(LEARN, do=refuse))

    with pytest.raises(Refused):
        run(tmp_path, replace(recipe, stages=(*recipe.stages[:2], broken, *recipe.stages[3:])))

    assert states(tmp_path) == {"a": "up to date", "b": "up to date", "model": "begun", "score": "new", "all": "new"}


def test_stages_are_repeated_once_a_seed_with_what_stands_on_them(tmp_path):
    """Contract 12: `--seeds`; what has no seed is done once, what gathers sees all."""
    done, ran = run(tmp_path, with_seeds(a_chain(), (0, 3)))

    assert done == ["a", "b", "model-seed0", "model-seed3", "score-seed0", "score-seed3", "all"]
    values = {step.name: step.facts["value"] for step in ran.steps}
    assert values == {
        "a": 1,
        "b": 5,
        "model-seed0": 2,
        "model-seed3": 5,
        "score-seed0": 3,
        "score-seed3": 6,
        "all": 10,
    }
    # Mean of 3 and 6 is 4.5; their sample deviation 3 / sqrt(2) = 2.1213.
    assert ran.over_seeds() == ["model: value 3.5000 (sd 2.1213, 2 seeds)", "score: value 4.5000 (sd 2.1213, 2 seeds)"]


def test_one_more_seed_does_only_that_one(tmp_path):
    run(tmp_path, with_seeds(a_chain(), (0, 1)))

    done, _ = run(tmp_path, with_seeds(a_chain(), (0, 1, 2)))

    assert done == ["model-seed2", "score-seed2", "all"]


def test_one_seed_has_no_deviation(tmp_path):
    _, ran = run(tmp_path, with_seeds(a_chain(), (4,)))

    assert ran.over_seeds()[0] == "model: value 6.0000 (no sd of one seed, 1 seeds)"


def test_a_recipe_without_a_seed_refuses_seeds():
    recipe = replace(a_chain(), stages=a_chain().stages[:2])

    with pytest.raises(Refused) as raised:
        with_seeds(recipe, (0, 1))

    assert str(raised.value) == "recipe numbers: has no stage with a seed. Leave --seeds out."


def test_another_recipe_in_the_same_folder_is_refused(tmp_path):
    run(tmp_path)

    with pytest.raises(Mismatch) as raised:
        run(tmp_path, a_chain("others"))

    assert str(raised.value) == f"{tmp_path}: recipe differs: want others, have numbers. Choose another folder with -o."


def test_what_no_stage_made_is_not_written_over(tmp_path):
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "value").write_text("mine")

    with pytest.raises(Refused) as raised:
        run(tmp_path)

    sentence = "is there, and no stage of this recipe made it. Remove it, or choose another folder with -o."
    assert str(raised.value) == f"{tmp_path / 'b'}: {sentence}"
    assert (tmp_path / "b" / "value").read_text() == "mine"


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"swath_recipe": 1, "recipe": "numbers"}'])
def test_a_damaged_state_is_refused(tmp_path, text):
    (tmp_path / STATE).write_text(text)

    with pytest.raises(Unreadable, match=r"recipe.json: does not say what was done here. Choose another folder, or"):
        run(tmp_path)


def test_a_newer_state_is_refused(tmp_path):
    (tmp_path / STATE).write_text('{"swath_recipe": 2, "recipe": "numbers", "stages": {}}')

    with pytest.raises(Refused, match=r"has schema 2, and this swath reads schema 1. Upgrade swath"):
        run(tmp_path)


def test_two_runs_in_one_folder_do_not_meet(tmp_path):
    with FileLock(tmp_path / f".{STATE}.lock"), pytest.raises(Refused) as raised:
        run(tmp_path)

    assert str(raised.value) == f"{tmp_path}: another run is at work here. Wait for it, or stop it."


def test_planning_does_nothing(tmp_path):
    assert set(states(tmp_path / "new").values()) == {"new"}
    assert not (tmp_path / "new").exists()


def test_what_is_done_is_told_before_and_after(tmp_path):
    told = []

    run_chain(a_chain(), tmp_path, tell=lambda step, is_done: told.append((step.name, step.state, is_done)))
    run_chain(a_chain(), tmp_path, tell=lambda step, is_done: told.append((step.name, step.state, is_done)))

    assert told[:2] == [("a", "new", False), ("a", "new", True)]
    assert told[10:] == [(name, "up to date", True) for name in EVERY]
