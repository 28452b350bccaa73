"""Random damage through every reader of foreign files: a sample, a failure or a sentence, within bounds.

`make fuzz` looks ten times as long (`SWATH_MUTATIONS=2000`); each mutation has a seed of its own, so that one that
failed can be looked at alone: `python tests/formats/mutating.py FORMAT NUMBER 1`.
"""

from __future__ import annotations

import os
import sys

import pytest

from swath.formats import FORMATS
from tests.formats import mutating

COUNT = int(os.environ.get("SWATH_MUTATIONS", "200"))


@pytest.mark.timeout(60 + 3 * COUNT)
@pytest.mark.parametrize("name", FORMATS)
def test_damage_ends_in_samples_failures_or_a_sentence(name):
    """In processes of their own: one that dies of a signal (time, memory, a crash) is named by its seed."""
    said = mutating.run(name, COUNT)

    assert [line for line in said if ": BAD" in line] == []
    assert len(said) == COUNT


def test_every_format_is_damaged():
    assert {name for name, _, _ in mutating.CASES.values()} == set(FORMATS)


def test_a_process_that_is_killed_is_named_and_the_others_go_on():
    """A crash in a library takes its process along, never the run."""
    script = (
        "import ctypes, os, resource, signal, sys\n"
        "resource.setrlimit(resource.RLIMIT_CORE, (0, 0))\n"
        "for k in range(int(sys.argv[1]), int(sys.argv[1]) + int(sys.argv[2])):\n"
        "    print(f'case {k}:', end=' ', flush=True)\n"
        "    if k == 1: ctypes.string_at(0)\n"
        "    if k == 3: signal.alarm(1); signal.pause()\n"
        "    print('read', flush=True)\n"
    )

    said = mutating.survive(lambda first, count: [sys.executable, "-c", script, str(first), str(count)], 5, seconds=60)

    assert said == [
        "case 0: read",
        "case 1: BAD process ended by SIGSEGV",
        "case 2: read",
        "case 3: BAD process ended by SIGALRM",
        "case 4: read",
    ]


def test_a_process_that_never_begins_is_an_error():
    """It must not look like a run without cases."""
    with pytest.raises(AssertionError, match="ended by status 3 before its first case"):
        mutating.survive(lambda first, count: [sys.executable, "-c", "raise SystemExit(3)"], 5, seconds=60)
