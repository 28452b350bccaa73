"""`swath demo`: commands that a user would give, in order, and what it says where something is in the way."""

from __future__ import annotations

import importlib.util
import re
import shlex
import sys
from pathlib import Path

import pytest

from swath.cli import main
from swath.cli.demo import CORPUS, MODEL


@pytest.fixture
def swath(capsys):
    """Run the program in this process: (status, printed, said on stderr)."""

    def run(*arguments):
        argv = sys.argv
        sys.argv = ["swath", *map(str, arguments)]
        try:
            with pytest.raises(SystemExit) as ended:
                main()
        finally:
            sys.argv = argv
        out, err = capsys.readouterr()
        return int(ended.value.code or 0), out, err

    return run


def commands(text: str) -> list[str]:
    """What a text shows as typed, without where it goes and how many work."""
    found = re.findall(r"^\$ swath (.+)$", text.replace("\\\n", " "), flags=re.MULTILINE)
    return [re.sub(r" --workers \d+|demo/| \|\| .*", "", " ".join(each.split())) for each in found]


def test_the_quick_start_is_the_demo_by_hand():
    """Every line of the demo stands in the page, in its order."""
    page = commands((Path(__file__).parents[2] / "docs" / "quick-start.md").read_text())
    page = [each.rstrip("/").replace("planet/ ", "planet ").replace("place/ ", "place ") for each in page]
    shown = [command.format(out="demo", workers=1) for _, command in (*CORPUS, *MODEL)]
    held = [re.sub(r" --workers \d+|demo/", "", each) for each in shown]

    assert [each for each in page if each in held] == held


def test_without_torch_it_ends_with_the_corpus_and_says_how_to_go_on(swath, monkeypatch, tmp_path):
    """The numpy half: `pip install swath`."""
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "torch" else found(name))
    monkeypatch.setattr("swath.cli.demo.CORPUS", (("few", "corpus build -n 40 --seed 7 -o {out}/planet"),))

    status, out, _ = swath("demo", "-o", tmp_path / "d")

    assert status == 0
    assert "$ swath corpus build -n 40" in out
    assert "need torch, which is not installed: pip install 'swath[torch]'" in out
    assert f"The page:  {tmp_path / 'd' / 'planet.html'}" in out


def test_a_folder_of_another_demo_says_what_to_remove(swath, monkeypatch, tmp_path):
    monkeypatch.setattr("swath.cli.demo.MODEL", ())
    monkeypatch.setattr("swath.cli.demo.CORPUS", (("few", "corpus build -n 40 --seed 7 -o {out}/planet"),))
    swath("demo", "-o", tmp_path / "d")
    monkeypatch.setattr("swath.cli.demo.CORPUS", (("more", "corpus build -n 50 --seed 7 -o {out}/planet"),))

    status, _, err = swath("demo", "-o", tmp_path / "d")

    assert status == 2
    assert "plan differs" in err
    assert f"Or remove {tmp_path / 'd'}, if it is only an older demo" in err


@pytest.mark.slow
@pytest.mark.timeout(1200)  # the whole chain, beside other tests
def test_the_demo_goes_from_a_planet_to_a_judged_map(swath, tmp_path):
    """Issue: the map of an unseen scene compared with its truth, one page, three commands to try next."""
    status, out, _ = swath("demo", "-o", tmp_path / "demo")

    assert status == 0
    page = tmp_path / "demo" / "map.html"
    assert f"The page:  {page}" in out
    right, all_ = re.search(r"right +([\d,]+) of ([\d,]+) places", out).groups()
    assert f"and for {right} of {all_} places that one class nearly fills" in page.read_text()
    assert "The ground is artificial" in page.read_text()
    assert int(right) > 0.8 * int(all_) > 80  # a planet that it never saw; ten classes
    steps = re.findall(r"^  \S+ (map|corpus) ", out.split("Try next:")[1], flags=re.MULTILINE)
    assert steps == ["map", "corpus", "corpus"]
    for line in out.split("Try next:")[1].replace("\\\n", " ").strip().splitlines():
        assert len(shlex.split(line.split("#")[0])) > 3

    _, again, _ = swath("demo", "-o", tmp_path / "demo")
    assert "done 0, skipped 1,200" in again
    assert "map.tif: was there, made by the same plan" in again
