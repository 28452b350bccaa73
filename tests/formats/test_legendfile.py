"""Legend files: CSV and JSON, and the sentences for what is neither."""

from __future__ import annotations

import json

import pytest

from swath.core.errors import Mismatch, Refused, Unknown, Unreadable
from swath.core.legends import class_colour, legend
from swath.formats.legendfile import find_legend, read_legend


def test_a_csv_gives_codes_names_and_colours(tmp_path):
    (tmp_path / "crops.csv").write_text("\ufeffCode, Name ,colour\n10,wheat,#E6A93C\n20,maize,\n")

    made = find_legend(str(tmp_path / "crops.csv"))

    assert (made.name, made.codes, made.names) == ("crops", (10, 20), ("wheat", "maize"))
    assert made.colours == ("e6a93c", class_colour(1))


def test_json_is_what_a_corpus_carries(tmp_path):
    (tmp_path / "mine.json").write_text(json.dumps(legend("scl").to_json()))

    assert find_legend(str(tmp_path / "mine.json")) == legend("scl")


def test_a_known_name_needs_no_file():
    assert find_legend("worldcover") == legend("worldcover")
    with pytest.raises(Unknown, match="--legend: unknown legend 'worldcovr'. Did you mean 'worldcover'"):
        find_legend("worldcovr")


@pytest.mark.parametrize(
    ("name", "text", "kind", "sentence"),
    [
        ("a.csv", "id,name\n1,x\n", Mismatch, "columns differs: want code, name, and colour .*, have id, name"),
        ("a.csv", "code,name\nx,wheat\n", Unreadable, "a.csv line 2: code 'x' is no whole number"),
        ("a.csv", "code,name\n", Refused, "holds no class. Write a line a class"),
        ("a.csv", "code,name\n1,a\n1,b\n", Refused, "code 1 stands for more than one class"),
        ("a.csv", "code,name,colour\n1,a,red\n", Refused, "colour 'red' is not six lower-case hexadecimal digits"),
        ("a.json", "{}", Unreadable, "is no legend in JSON"),
        ("a.json", "[1]", Unreadable, "is no legend in JSON"),
    ],
)
def test_what_is_no_legend_is_told(tmp_path, name, text, kind, sentence):
    (tmp_path / name).write_text(text)

    with pytest.raises(kind, match=sentence):
        read_legend(tmp_path / name)


def test_a_file_that_is_not_there_is_told(tmp_path):
    with pytest.raises(Unreadable, match=r"none.csv: cannot be read \(No such file"):
        read_legend(tmp_path / "none.csv")
