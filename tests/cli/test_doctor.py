"""`swath doctor`: what it prints, as text and as JSON, and its status."""

from __future__ import annotations

import json

from swath.recipes import doctor as recipe
from swath.recipes.doctor import Diagnosis, Finding
from tests.cli.test_corpus_commands import swath
from tests.training.a_training import a_corpus


def test_the_loader_is_set_beside_the_step(tmp_path, capsys):
    """field.md 21."""
    a_corpus(tmp_path / "numbers")

    status, out, _ = swath("doctor", tmp_path / "numbers", "--json", capsys=capsys)

    held = json.loads(out)
    assert status == 0
    assert held["healthy"] is True
    assert held["speed"]["sentence"].startswith("The loader makes ")
    assert {each["section"] for each in held["findings"]} >= {"versions", "extras", "GDAL", "machine", "devices"}


def test_quick_measures_nothing(capsys):
    status, out, _ = swath("doctor", "--quick", capsys=capsys)

    assert status == 0
    assert "samples/s" not in out
    assert out.splitlines()[-1] == "all that swath needs is here"


def test_something_broken_ends_with_status_1(monkeypatch, capsys):
    broken = Diagnosis((Finding("versions", "numpy", "cannot be imported", "broken", "Install it again."),))
    monkeypatch.setattr(recipe, "examine", lambda: broken)

    status, out, _ = swath("doctor", capsys=capsys)

    assert (status, out.splitlines()[-1]) == (1, "broken, and needed: numpy")
