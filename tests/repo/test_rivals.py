"""benchmarks/rivals: what cannot be measured says so, and what is measured has its versions nailed down."""

from __future__ import annotations

import re

import numpy as np

from benchmarks import rivals
from benchmarks.ratio import Row

RECORDS = np.zeros((2, 1, 4, 4), np.uint16)


def test_every_rival_that_cannot_be_measured_has_a_row_that_says_why(tmp_path, monkeypatch):
    """Issue: never a silent gap."""
    monkeypatch.setattr(rivals, "make_environment", lambda: "python ended with status 1")

    made = list(rivals.rows(RECORDS, tmp_path))

    assert [each.name.strip() for each in made] == list(rivals.RIVALS.values())
    assert {each.note for each in made} == {"not measured: python ended with status 1"}
    assert all(each.figures == ("-", "-") and each.holds for each in made)


def test_a_rival_whose_process_fails_does_not_hide_the_others(tmp_path, monkeypatch):
    monkeypatch.setattr(rivals, "make_environment", lambda: "")
    monkeypatch.setattr(rivals, "ENVIRONMENT", tmp_path / "nowhere")

    made = list(rivals.rows(RECORDS, tmp_path))

    assert {each.note for each in made} == {"not measured: FileNotFoundError"}
    assert len(made) == len(rivals.RIVALS)


def test_a_bound_on_what_was_not_measured_is_missed():
    assert not Row("a", None, None, None, at_least=0.9).holds


def test_every_requirement_of_the_rivals_is_one_exact_version():
    lines = [line for line in rivals.REQUIREMENTS.read_text().splitlines() if not line.startswith("#")]

    assert all(re.fullmatch(r"[a-z0-9._-]+==[0-9a-z.]+", line) for line in lines)
    assert {"hdf5plugin", "litdata", "torchgeo", "webdataset", "zarrs"} <= {line.split("==")[0] for line in lines}
