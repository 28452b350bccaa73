"""The format suite catches a format that guesses, swallows or chokes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from swath.core.plan import Source
from swath.formats.eurosat import EUROSAT_RGB
from swath.testing.build import a_eurosat_folder, a_eurosat_zip
from swath.testing.format import check_format


@dataclass(frozen=True)
class Spoilt:
    """EuroSAT's pictures through a door that does something wrong."""

    spoil: str
    name: str = "spoilt"

    @property
    def declares(self) -> Mapping[str, str]:
        return {"positions": ""} if self.spoil == "an option without a word" else EUROSAT_RGB.declares

    def sniff(self, path: Path) -> bool:
        if self.spoil == "sniffs everything":
            return True
        return self.spoil != "sniffs nothing" and EUROSAT_RGB.sniff(path)

    def open(self, paths: Sequence[Path], **declared: Any) -> Source:
        if self.spoil == "swallows options":
            declared = {name: value for name, value in declared.items() if name in EUROSAT_RGB.declares}
        if self.spoil == "opens nothing in silence" and not Path(paths[0]).exists():
            return EUROSAT_RGB.open([self.whole])
        if self.spoil == "takes half for whole" and Path(paths[0]).exists():
            return EUROSAT_RGB.open([self.whole], **declared)
        if self.spoil == "chokes" and Path(paths[0]) != self.whole and Path(paths[0]).exists():
            raise IndexError("list index out of range")
        return EUROSAT_RGB.open(paths, **declared)

    @property
    def whole(self) -> Path:
        return WHOLE[0]


WHOLE: list[Path] = []


@pytest.fixture
def whole(tmp_path):
    WHOLE[:] = [a_eurosat_zip(tmp_path / "a.zip", n=1)]
    return WHOLE[0]


@pytest.mark.parametrize("make", [a_eurosat_zip, a_eurosat_folder])
def test_a_format_that_keeps_the_contract_passes(tmp_path, make):
    assert len(check_format(EUROSAT_RGB, make(tmp_path / "a.zip", n=1), spawned=False)) == 10


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        ("an option without a word", "format spoilt: has an option without a word on what it means"),
        ("sniffs everything", "format spoilt: sniff says True of a text file"),
        ("sniffs nothing", "format spoilt: sniff says False of its own path"),
        ("swallows options", "format spoilt: an unknown option passes in silence"),
        ("opens nothing in silence", "format spoilt: a missing path opens in silence"),
        ("takes half for whole", "format spoilt: a file that was cut in half is read as if it were whole"),
    ],
)
def test_a_breach_is_named(whole, spoil, said):
    with pytest.raises(AssertionError) as raised:
        check_format(Spoilt(spoil), whole, spawned=False)

    assert str(raised.value) == said


def test_an_error_of_another_kind_comes_through(whole):
    with pytest.raises(IndexError):
        check_format(Spoilt("chokes"), whole, spawned=False)


def test_what_is_no_format_is_told(whole):
    with pytest.raises(AssertionError, match="lacks name, declares, sniff or open"):
        check_format(object(), whole)
