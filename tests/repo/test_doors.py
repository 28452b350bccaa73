"""The doors: make's targets, what they say on a machine that lacks something, and what CI runs."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TARGETS = ["install", "demo", "test", "test-all", "fuzz", "check", "bench", "result", "docs"]


def _executable(path, text):
    path.write_text(text)
    path.chmod(0o755)
    return path


@pytest.fixture
def bare(tmp_path):
    """A clone that was never set up."""
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, tmp_path)
    return tmp_path


def _make(folder, *arguments):
    return subprocess.run(["make", "-C", str(folder), *arguments], capture_output=True, text=True)


def test_make_alone_lists_its_targets():
    """style.md 4, "One door for helpers": its eight, and the long run of random mutations."""
    done = _make(ROOT, "--no-print-directory")

    assert re.findall(r"^  make ([a-z-]+) ", done.stdout, re.MULTILINE) == TARGETS


def test_every_target_sets_itself_up():
    """dependencies.md, "Setting up": each stands on the stamp of the environment."""
    rules = dict(re.findall(r"^([a-z-]+): (\S+)  ## ", (ROOT / "Makefile").read_text(), re.MULTILINE))

    assert rules == dict.fromkeys(TARGETS, ".venv/.installed")


def test_an_old_python_is_refused_in_a_sentence(bare):
    """dependencies.md: "Python 3.10 gets the sentence"; here an interpreter that says it is one."""
    old = "import sys; sys.version_info = (3, 10, 13); sys.version = '3.10.13 (main)';"
    python = _executable(bare / "python3.10", f'#!/bin/sh\nexec {sys.executable} -c "{old} $2"\n')

    done = _make(bare, "install", f"PYTHON={python}")

    assert done.returncode == 2
    assert done.stderr.splitlines()[0] == "swath needs Python >= 3.11, this is 3.10.13; set PYTHON=..."
    assert not (bare / ".venv").exists()


def test_a_result_without_an_id_says_where_they_are_listed(bare):
    """The user's mistake, with the next step."""
    (bare / ".venv").mkdir()
    (bare / ".venv" / ".installed").touch()

    done = _make(bare, "--no-print-directory", "result")

    assert done.stdout == "make result needs an ID; docs/results/README.md lists them: make result ID=...\n"
    assert done.returncode == 2


def test_a_missing_program_is_named_with_its_command_where_one_is_not_root(tmp_path):
    """Issue: "else printing the command and exiting 2"; a PATH on which nobody is root."""
    _executable(tmp_path / "id", "#!/bin/sh\necho 1000\n")

    done = subprocess.run(
        [ROOT / "scripts/need_debian.sh", "sh", "no-such-program"],
        env={"PATH": f"{tmp_path}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
    )

    assert done.returncode == 2
    assert done.stderr == "These tests need no-such-program. Install with: sudo apt-get install no-such-program\n"


def test_root_installs_what_is_missing_and_nothing_else(tmp_path):
    """A stand-in for apt-get writes down what it is asked."""
    _executable(tmp_path / "id", "#!/bin/sh\necho 0\n")
    _executable(tmp_path / "apt-get", f'#!/bin/sh\necho "$@" >> {tmp_path}/asked\n')

    subprocess.run(
        [ROOT / "scripts/need_debian.sh", "sh", "no-such-program"],
        env={"PATH": f"{tmp_path}:{os.environ['PATH']}"},
        check=True,
    )

    asked = (tmp_path / "asked").read_text().splitlines()
    assert asked == ["update -qq", "install -qq -y --no-install-recommends no-such-program"]


@pytest.fixture
def ci(tmp_path):
    """CI on a stand-in for make, which notes its target and the real data, and fails on one target."""
    clone = tmp_path / "clone"
    (clone / ".ci").mkdir(parents=True)
    shutil.copy(ROOT / ".ci" / "run", clone / ".ci")
    _executable(
        tmp_path / "make",
        f'#!/bin/sh\necho "$1 $SWATH_REAL_DATA" >> {tmp_path}/made\ntest "$1" != "$FAILING"\n',
    )

    def run(failing=""):
        path = f"{tmp_path}:{os.environ['PATH']}"
        environment = {"PATH": path, "FAILING": failing}
        return subprocess.run([clone / ".ci" / "run"], env=environment, capture_output=True, text=True)

    return run


def test_ci_runs_the_targets_and_times_each(ci, tmp_path):
    """Issue: ".ci/run = check + test-all + demo; prints each part's time"."""
    done = ci()

    assert (tmp_path / "made").read_text().split() == ["install", "check", "demo", "test-all"]
    assert [line.split()[0] for line in done.stdout.splitlines()[-5:]] == ["install", "check", "demo", "test-all", "in"]
    assert done.returncode == 0


def test_ci_goes_on_after_a_failure_and_fails_at_the_end(ci, tmp_path):
    """A person wants to see all that is wrong, and never a green run."""
    done = ci(failing="check")

    assert (tmp_path / "made").read_text().split() == ["install", "check", "demo", "test-all"]
    assert re.search(r"^check +\d+ s  FAILED$", done.stdout, re.MULTILINE)
    assert done.returncode == 1


def test_ci_finds_the_real_data_beside_the_clone(ci, tmp_path):
    """Issue: "sets SWATH_REAL_DATA when ../shared/data is there"."""
    (tmp_path / "shared" / "data").mkdir(parents=True)

    ci()

    assert (tmp_path / "made").read_text().splitlines()[0] == f"install {tmp_path}/shared/data"
