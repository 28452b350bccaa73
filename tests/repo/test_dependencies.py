"""Dependencies: what pyproject.toml asks for, what constraints.txt pins, what errors tell people to install."""

from __future__ import annotations

import ast
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from swath.core.extras import EXTRAS

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
PINS = dict(
    line.split("==") for line in (ROOT / "constraints.txt").read_text().splitlines() if line and line[0] not in "#"
)
ASKED = [
    requirement
    for texts in [PROJECT["dependencies"], *PROJECT["optional-dependencies"].values()]
    for text in texts
    if (requirement := Requirement(text)).name != "swath"
]


@pytest.mark.parametrize("requirement", ASKED, ids=str)
def test_every_dependency_is_pinned_to_a_version_that_fits(requirement):
    """dependencies.md: constraints.txt is one resolved set; what is not in it is not the same everywhere."""
    assert requirement.specifier.contains(PINS[canonicalize_name(requirement.name)])


def test_the_numpy_half_asks_for_nothing_of_torch():
    """dependencies.md, "Extras": torch, and what brings it, belong to extras."""
    plain = {canonicalize_name(Requirement(text).name) for text in PROJECT["dependencies"]}

    assert not plain & {"torch", "torchvision", "timm", "safetensors", "tensorboard", "captum", "scikit-learn"}


def test_all_is_every_extra_that_users_have():
    """`swath[all]`; `dev` is for those who work on swath itself."""
    (everything,) = PROJECT["optional-dependencies"]["all"]

    assert Requirement(everything).extras == PROJECT["optional-dependencies"].keys() - {"all", "dev"}


def test_every_extra_that_an_error_names_exists():
    """core/extras.py: the sentence says `pip install 'swath[...]'`, and that must work."""
    assert set(EXTRAS.values()) <= PROJECT["optional-dependencies"].keys()


def _imported(path):
    """Top-level packages that a file imports."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module.partition(".")[0]


def test_whatever_is_imported_is_asked_for_by_name():
    """A package that only another's dependency brings is missing from the plain install one day."""
    groups = [PROJECT["dependencies"], *(v for k, v in PROJECT["optional-dependencies"].items() if k != "dev")]
    asked = {canonicalize_name(Requirement(text).name) for texts in groups for text in texts}
    brings = packages_distributions()
    found = {name for path in (ROOT / "src").rglob("*.py") for name in _imported(path)}
    foreign = found - set(sys.stdlib_module_names) - {"swath"}

    assert {name for name in foreign if not {canonicalize_name(d) for d in brings.get(name, [])} & asked} == set()
