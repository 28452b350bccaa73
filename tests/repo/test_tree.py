"""scripts/check_tree.py: each rule on files finds the sin that it is for, and the repository has none.

An "@" in the planted lines is taken out before they are read, so that this file does not hold what it plants.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from scripts.check_tree import LARGEST, LARGEST_WEIGHTS, sins_of

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("path", "content", "sin"),
    [
        ("docs/a.md", "see /@root/x", "docs/a.md:1: a path of one machine"),
        ("tests/a.py", "x = '/@home/ann/x'", "tests/a.py:1: a path of one machine"),
        ("docs/a.md", "\n/@tmp/x", "docs/a.md:2: a path in a folder that anyone may empty"),
        ("src/swath/a.py", "# TO@DO later", "src/swath/a.py:1: a mark of unfinished work"),
        ("tests/a.py", "pytest.sk@ip('no')", "tests/a.py:1: a test that may not run"),
        (
            "src/swath/core/a.py",
            "from swath import Stack",
            "src/swath/core/a.py:1: an import from swath itself; name the module",
        ),
        ("src/swath/helpers.py", "", "src/swath/helpers.py: a name that says nothing"),
        ("src/swath/utils/a.py", "", "src/swath/utils/a.py: a name that says nothing"),
        ("changes/a.misc.md", "x", "changes/a.misc.md: want changes/<slug>.<feature|fix|speed|removal|data>.md"),
        ("a.tif", "x" * (LARGEST + 1), "a.tif: 400,001 bytes; above 400,000 it is data"),
        (
            "results/bundles/a/weights.safetensors",
            "x" * (LARGEST_WEIGHTS + 1),
            "results/bundles/a/weights.safetensors: 4,000,001 bytes; above 4,000,000 it is data",
        ),
    ],
)
def test_a_planted_sin_is_named(path, content, sin):
    """CONTRIBUTING.md; a check that never finds anything proves nothing."""
    assert list(sins_of(path, content.replace("@", "").encode())) == [sin]


@pytest.mark.parametrize(
    ("path", "content"),
    [
        ("docs/a.md", "https://example.org/work/x and ../work/x and $HOME/work/x"),
        ("tests/a.py", "Path('/@tmp/x')"),
        ("src/swath/core/a.py", "from swath.core.stack import Stack"),
        ("changes/a-b.fix.md", "x"),
        ("changes/README.md", "x"),
        ("a.png", "\x00"),
    ],
)
def test_what_is_allowed_is_left_alone(path, content):
    """Addresses and relative paths look like a machine's own but are none."""
    assert list(sins_of(path, content.replace("@", "").encode())) == []


def test_the_repository_has_no_sin():
    """Every file that git knows or would take."""
    done = subprocess.run([sys.executable, "scripts/check_tree.py"], cwd=ROOT, capture_output=True, text=True)

    assert done.returncode == 0, done.stdout
