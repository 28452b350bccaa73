"""The floors: which folder may import which, as pyproject.toml tells import-linter, and as import-linter finds it."""

from __future__ import annotations

import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
#: architecture.md, "Floors", from the top down; siblings on a floor never import each other.
FLOORS = [
    {"cli"},
    {"serve", "testing"},
    {"recipes"},
    {"training", "explain"},
    {"bundle"},
    {"models", "tasks"},
    {"batch"},
    {"sources", "world", "prediction", "search", "report"},
    {"corpus", "imaging"},
    {"formats", "draw", "evaluate"},
    {"core"},
]
#: "a learner sees only corpora"
LEARNERS = {"batch", "models", "tasks", "bundle", "training", "explain"}
UNSEEN = {"sources", "world", "prediction", "search", "report"}
#: "nothing under floor 4 imports torch"
BELOW_TORCH = set().union(*FLOORS[7:])

EXISTING = {path.parent.name for path in ROOT.glob("src/swath/*/__init__.py")}


@pytest.fixture(scope="module")
def linter():
    """The settings of import-linter, contracts by id."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    return settings | {"contracts": {contract["id"]: contract for contract in settings["contracts"]}}


def _packages(names):
    return {f"swath.{name}" for name in names}


def test_the_layers_are_the_floors(linter):
    """architecture.md, "Floors"; brackets mark a folder that is not made yet."""
    layers = [{name.strip(" ()") for name in layer.split("|")} for layer in linter["contracts"]["floors"]["layers"]]

    assert layers == FLOORS


def test_brackets_stand_around_the_folders_that_are_not_made(linter):
    """A folder in brackets may vanish unnoticed; one without brackets must be there."""
    names = [name.strip() for layer in linter["contracts"]["floors"]["layers"] for name in layer.split("|")]

    assert {name for name in names if not name.startswith("(")} == EXISTING


def test_no_folder_is_without_a_floor(linter):
    """Exhaustive: a folder that nobody placed fails the build; only `__main__` is none."""
    floors = linter["contracts"]["floors"]

    assert (floors["exhaustive"], floors["exhaustive_ignores"], floors["containers"]) == (
        True,
        ["__main__"],
        ["swath"],
    )


def test_learners_may_not_see_where_samples_come_from(linter):
    """architecture.md, "Two more rules"; a folder joins the lists the day it is made."""
    contract = linter["contracts"]["learners"]

    assert set(contract["source_modules"]) == _packages(LEARNERS & EXISTING)
    assert set(contract["forbidden_modules"]) == _packages(UNSEEN & EXISTING)


def test_nothing_under_floor_4_may_import_torch(linter):
    """architecture.md, "Two more rules"; a folder joins the list the day it is made."""
    contract = linter["contracts"]["torch"]

    assert set(contract["source_modules"]) == _packages(BELOW_TORCH & EXISTING)
    assert contract["forbidden_modules"] == ["torch"]


def test_types_do_not_count_as_imports_and_torch_does(linter):
    """architecture.md: `exclude_type_checking_imports = True`; style.md 5: `include_external_packages`."""
    assert linter["exclude_type_checking_imports"] is True
    assert linter["include_external_packages"] is True


def test_the_package_keeps_all_four_contracts():
    """import-linter's own closing line."""
    done = subprocess.run([ROOT / ".venv/bin/lint-imports", "--no-cache"], cwd=ROOT, capture_output=True, text=True)

    assert done.stdout.rstrip().endswith("Contracts: 4 kept, 0 broken."), done.stdout
