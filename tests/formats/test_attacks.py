"""Hostile files through every reader: refused in a sentence, or failures by name, within bounded time and memory.

Zip bombs, members above or outside of their folder, links, ten gigabytes claimed by headers, tables of a million rows.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from swath.formats import FORMATS
from tests.formats import attacking, mutating

#: Megabytes that reading a hostile file may take more: a TIFF or JPEG of 10 GB must not be made room for.
MOST_MB = 900
#: Formats that read zips: these must say what is wrong with one.
ZIPS = ("eurosat-rgb", "eurosat-ms", "visiondl", "safe-s2", "safe-s1", "bigearthnet", "sen12mscr")
#: Files that claim nothing, as they are plain text.
TEXTS = ("series-ts", "series-tsv")


def _attacked(name, *more):
    path = os.pathsep.join([*sys.path, str(Path(__file__).parents[2])])
    done = subprocess.run(
        [sys.executable, attacking.__file__, name, *more],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": path},
        timeout=900,
    )
    assert done.returncode == 0, f"ended by {done.returncode} after {done.stdout[-300:]} {done.stderr[-1000:]}"
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.timeout(1000)
@pytest.mark.parametrize("name", FORMATS)
def test_hostile_files_are_refused(name):
    said = _attacked(name)

    cases = [case for case, (of, _, _) in mutating.CASES.items() if of == name]
    assert [each["attack"] for each in said] == [f"{case}: {attack}" for case in cases for attack in attacking.ATTACKS]
    for each in said:
        case, _, attack = each["attack"].partition(": ")
        is_text = case in TEXTS and attack == "ten gigabytes claimed in every header"
        assert each["kind"] in (("read",) if is_text else ("refused", "failures")), each
        assert each["mb"] < MOST_MB, each
        if name in ZIPS:
            assert re.search(attacking.ATTACKS[attack][1], each["said"]), each


@pytest.mark.slow
@pytest.mark.timeout(1000)
@pytest.mark.parametrize("name", [name for name, table in attacking.TABLES.items() if table is not None])
def test_a_table_of_a_million_rows_is_bounded(name):
    """Read or refused, as it is no lie; but not a gigabyte of memory for the tables of a few samples."""
    (each,) = _attacked(name, "table")

    assert each["kind"] != "BAD", each
    assert each["mb"] < 2 * MOST_MB, each


def test_every_format_is_attacked():
    """A new reader needs a case in `mutating.CASES`, and says in `TABLES` whether it takes a table."""
    assert {name for name, _, _ in mutating.CASES.values()} == set(FORMATS)
    assert set(attacking.TABLES) == set(FORMATS)
