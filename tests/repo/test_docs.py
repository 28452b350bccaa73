"""Documents: every block says what it is, every command runs, every file they name is there.

A fenced block is `sh` (its lines are run in order in a folder of their own, with the environment's programs at hand),
`console` (lines after "$ " are run; output shown below one must come, "..." standing for anything), `python` (run in
the same folder), or one of the kinds that are only read. Commands that set up a machine are not run again here: CI has
just done so with the same targets of make.
"""

from __future__ import annotations

import doctest
import importlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from scripts import check_architecture
from scripts.result import page_of
from studies import STUDIES

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted(
    str(path.relative_to(ROOT)) for path in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("src/**/*.md")]
)
BLOCK = re.compile(r"^```(\S*)[^\n]*\n(.*?)^```$", re.MULTILINE | re.DOTALL)
RUN = {"console", "python", "sh"}
READ = {"json", "make", "text", "toml", "yaml"}
#: How a line begins that sets up a machine.
SET_UP = re.compile(r"(git clone|cd|make|pip install|uv pip install|sudo apt-get install) ")
SAME = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


def _blocks(document):
    return BLOCK.findall((ROOT / document).read_text(encoding="utf-8"))


def _commands(kind, block):
    """Pairs of a command that is to be run here and the output shown below it."""
    if kind == "sh":
        pairs = [(command, "") for command in block.replace("\\\n", " ").splitlines() if command.strip()]
    elif kind == "console":
        parts = re.split(r"^\$ ", block.replace("\\\n", " "), flags=re.MULTILINE)[1:]
        pairs = [(command, shown) for command, _, shown in (part.partition("\n") for part in parts)]
    else:
        pairs = []
    return [(command, shown) for command, shown in pairs if not SET_UP.match(command)]


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_block_says_what_it_is(document):
    """A block of no kind would be run by nobody; one of a kind that nobody knows as well."""
    assert {kind for kind, _ in _blocks(document)} <= RUN | READ


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_target_of_make_exists(document):
    """`make X` in a block or in backquotes."""
    text = (ROOT / document).read_text(encoding="utf-8")
    named = set(re.findall(r"(?:^|`|\$ | {4})make ([a-z][a-z-]*)", text, re.MULTILINE))

    assert named <= set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


@pytest.mark.slow
@pytest.mark.timeout(1200)  # a document trains, tests and maps, beside another one
@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_command_runs_and_prints_what_is_shown(document, tmp_path):
    """style.md 2.8: docs run."""
    (tmp_path / ".venv").symlink_to(ROOT / ".venv")
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    for kind, block in _blocks(document):
        if kind == "python":
            subprocess.run([sys.executable, "-c", block], cwd=tmp_path, check=True)
        for command, shown in _commands(kind, block):
            done = subprocess.run(
                ["bash", "-c", command], cwd=tmp_path, env=environment, capture_output=True, text=True
            )

            assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
            if shown.strip():
                assert doctest.OutputChecker().check_output(shown, done.stdout, SAME), f"{command}\n{done.stdout}"


def test_commands_are_found_with_what_is_shown_below_them():
    """The forms that the head of this file describes."""
    said = "$ swath a \\\n  b\nshown\nmore\n$ make demo\nnot read\n$ swath c\n"

    assert _commands("console", said) == [("swath a    b", "shown\nmore\n"), ("swath c", "")]
    assert _commands("sh", "swath a \\\n  b\n\nmake demo\n") == [("swath a    b", "")]
    assert _commands("text", "swath a\n") == []


def test_a_command_that_shows_other_output_would_be_found():
    """The comparison itself: "..." stands for anything, blanks may differ, words may not."""
    same = doctest.OutputChecker().check_output

    assert same("40 samples ... 2 holes\n", "40 samples in 3.1 s,  2 holes\n", SAME)
    assert not same("40 samples\n", "41 samples\n", SAME)


def test_architecture_has_a_true_line_for_every_file(capsys):
    """Issue: "ARCHITECTURE.md (a line a folder and file, true)"; `make check` runs the same."""
    status = check_architecture.main([])

    assert (status, capsys.readouterr().out) == (0, "")


def test_architecture_names_no_module_that_is_gone():
    """Prose names files as well, where no script writes it."""
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    there = {
        path.name
        for folder in ("src", "scripts", "studies", "tests", "benchmarks")
        for path in (ROOT / folder).rglob("*.py")
    }

    assert sorted(set(re.findall(r"\b\w+\.py\b", text)) - there) == []


@pytest.mark.parametrize("document", DOCUMENTS)
def test_links_lead_somewhere(document):
    """Links between files of the repository; the site's own are also checked by `make docs`."""
    text = (ROOT / document).read_text(encoding="utf-8")
    targets = re.findall(r"\]\((?!https?://|#|mailto:)([^)#\s]+)", text)

    assert [target for target in targets if not ((ROOT / document).parent / target).exists()] == []


def test_every_test_that_a_page_names_is_there():
    """A page that says which test holds a promise must not outlive the test."""
    named = re.findall(
        r"`(tests/[\w/]+\.py)::(test_\w+)`", (ROOT / "docs/silent-errors.md").read_text(encoding="utf-8")
    )

    assert len(named) >= 20
    for path, test in named:
        assert f"def {test}(" in (ROOT / path).read_text(encoding="utf-8"), f"{path}::{test}"


def test_the_site_has_every_page():
    """A page that nav does not name is found by nobody."""
    nav = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    pages = sorted(str(path.relative_to(ROOT / "docs")) for path in ROOT.glob("docs/**/*.md"))

    assert [page for page in pages if not re.search(rf"[ -:]{re.escape(page)}$", nav, re.MULTILINE)] == []


@pytest.mark.parametrize("name", STUDIES)
def test_a_page_of_results_says_what_its_figures_say(name):
    """docs/results/README.md: nobody types a number into a page."""
    result = json.loads((ROOT / "results" / f"{name}.json").read_text(encoding="utf-8"))

    assert (ROOT / "docs" / "results" / f"{name}.md").read_text(encoding="utf-8") == page_of(name, result)


@pytest.mark.parametrize("name", ["eurosat-scratch", "eurosat-eighty", "bolzano-scl"])
def test_figures_of_trainings_come_out_of_the_stored_answers_again(name):
    """Issue: "numbers and intervals are recomputed in CI from stored predictions, never retrained"."""
    study = importlib.import_module(STUDIES[name])
    result = json.loads((ROOT / "results" / f"{name}.json").read_text(encoding="utf-8"))

    again = json.loads(json.dumps(study.recompute(study.stored_in(ROOT / "results"))))

    assert again == result["figures"]


def test_every_result_is_listed_with_its_question():
    """`make result` without an ID points to this page."""
    listed = re.findall(r"^\| `([a-z0-9-]+)` \| \w", (ROOT / "docs/results/README.md").read_text(), re.MULTILINE)

    assert listed == list(STUDIES)
