"""Random damage through readers of foreign files: a sample, a failure or a sentence, within bounds, and nothing else.

`SWATH_MUTATIONS=2000` looks longer; each has a seed of its own, so that one that fails can be looked at alone.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.formats import mutating

COUNT = int(os.environ.get("SWATH_MUTATIONS", "200"))


@pytest.mark.parametrize("name", sorted({name for name, _, _ in mutating.CASES.values()}))
def test_damage_ends_in_samples_failures_or_a_sentence(name):
    """In a process of its own: one that dies of a signal (time, memory, a crash in a library) is named by its seed."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([*sys.path, str(Path(__file__).parents[2])])}

    done = subprocess.run(
        [sys.executable, mutating.__file__, name, "0", str(COUNT)],
        capture_output=True,
        text=True,
        env=environment,
        timeout=280,
    )

    lines = done.stdout.splitlines()
    assert done.returncode == 0, f"ended by {done.returncode}: {lines[-1:]} {done.stderr[-500:]}"
    assert [line for line in lines if ": BAD" in line] == []
    assert len(lines) == COUNT
