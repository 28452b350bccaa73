"""Import-linter on a skeleton with the floors of pyproject.toml: each planted sin is named.

The skeleton has every folder that the floors know, so that rules on folders that are not made yet are tried as well.
"""

from __future__ import annotations

import configparser
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LINT = Path(sys.executable).parent / "lint-imports"


LEARNERS = ["batch", "models", "tasks", "bundle", "training", "explain"]
UNSEEN = ["sources", "world", "prediction", "search", "report"]


def _ini(settings):
    """The same settings in import-linter's other notation, which the standard library can write."""
    parser = configparser.ConfigParser(interpolation=None)
    contracts = {f"importlinter:contract:{held.pop('id')}": held for held in settings.pop("contracts")}
    for section, held in {"importlinter": settings, **contracts}.items():
        lists = {
            key: "".join(f"\n{entry}" for entry in value) for key, value in held.items() if isinstance(value, list)
        }
        parser[section] = {key: str(value) for key, value in held.items()} | lists
    return parser


@pytest.fixture
def skeleton(tmp_path):
    """An empty package of all floors, under the contracts of pyproject.toml with the lists that it then must have."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    for contract in settings["contracts"]:
        if contract["id"] == "learners":
            contract["source_modules"] = [f"swath.{folder}" for folder in LEARNERS]
            contract["forbidden_modules"] = [f"swath.{folder}" for folder in UNSEEN]
        if contract["id"] == "floors":
            folders = re.findall(r"[a-z]+", " ".join(contract["layers"]))
    with (tmp_path / ".importlinter").open("w") as handle:
        _ini(settings).write(handle)
    for folder in folders:
        (tmp_path / "swath" / folder).mkdir(parents=True)
        (tmp_path / "swath" / folder / "__init__.py").touch()
    (tmp_path / "swath" / "__init__.py").touch()
    return tmp_path


def lint(folder):
    """What import-linter says of the package in a folder."""
    done = subprocess.run(
        [LINT, "--no-cache"], cwd=folder, env={"PYTHONPATH": str(folder)}, capture_output=True, text=True
    )
    return re.sub(r"\s+", " ", done.stdout)


def test_an_empty_skeleton_keeps_all_contracts(skeleton):
    """Or the tests below would pass for another reason."""
    assert "Contracts: 4 kept, 0 broken." in lint(skeleton)


@pytest.mark.parametrize(
    ("module", "source", "sentence"),
    [
        ("corpus/build.py", "import swath.world.planet", "swath.corpus is not allowed to import swath.world"),
        ("report/page.py", "from swath.world import planet", "swath.report is not allowed to import swath.world"),
        ("core/plan.py", "import swath.corpus", "swath.core is not allowed to import swath.corpus"),
        ("recipes/demo.py", "import swath.testing", "swath.recipes is not allowed to import swath.testing"),
        ("training/loop.py", "import swath.sources", "swath.training is not allowed to import swath.sources"),
        ("draw/plot.py", "import torch.nn", "swath.draw is not allowed to import torch"),
        ("world/planet.py", "def f():\n    import torch", "swath.world is not allowed to import torch"),
        ("utils/__init__.py", "", "not listed as layers: - swath.utils"),
        ("stray.py", "", "not listed as layers: - swath.stray"),
    ],
)
def test_a_planted_sin_is_named(skeleton, module, source, sentence):
    """style.md 5: five planted sins were each named; these are those and four more."""
    path = skeleton / "swath" / module
    path.parent.mkdir(exist_ok=True)
    (skeleton / "swath" / "world" / "planet.py").touch()
    path.write_text(source)

    said = lint(skeleton)

    assert sentence in said
    assert " 0 broken" not in said


def test_a_knot_inside_a_folder_is_named(skeleton):
    """acyclic_siblings: two modules that import each other."""
    (skeleton / "swath" / "core" / "stack.py").write_text("import swath.core.sample")
    (skeleton / "swath" / "core" / "sample.py").write_text("import swath.core.stack")

    assert "Modules of one folder form no knot BROKEN" in lint(skeleton)


def test_an_import_for_types_alone_is_no_import(skeleton):
    """`exclude_type_checking_imports`: a name in an annotation joins no floors."""
    source = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import swath.corpus\n"
    (skeleton / "swath" / "core" / "plan.py").write_text(source)

    assert "Contracts: 4 kept, 0 broken." in lint(skeleton)
