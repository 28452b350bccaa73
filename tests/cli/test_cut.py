"""`swath corpus cut`: last lines, exit status, and what bad input is told."""

from __future__ import annotations

import json

import pytest
import shapely

from tests.cli.test_corpus_commands import swath
from tests.sources.a_place import a_scene, quarters, some_labels

RGB = ["-d", "bands=B04,B03,B02", "-d", "kind=dn", "-d", "level=L2A", "-d", "offset=0"]


@pytest.fixture
def place(tmp_path):
    a_scene(tmp_path / "s.tif")
    some_labels(tmp_path / "f.geojson", quarters())
    return tmp_path


def cut(place, *more, capsys):
    command = ["corpus", "cut", place / "s.tif", "--labels", place / "f.geojson", "--column", "crop", "--size", 16]
    return swath(*command, *RGB, *more, capsys=capsys)


def test_a_plan_says_what_would_be_cut_and_writes_nothing(place, capsys):
    before = sorted(place.iterdir())

    status, out, _ = cut(place, "--plan", capsys=capsys)

    assert status == 0
    assert out.splitlines() == [
        "labels   f.geojson: 4 polygons of 3 classes (column crop)",
        "windows  48 cut of 48",
        "classes  maize 24, vines 12, wheat 12",
        "cut: 48 samples; s2 1 x 3 x 16 x 16 dn offset 0 (boa reflectance, /10000); 0.1 MB raw",
    ]
    assert sorted(place.iterdir()) == before


def test_a_cut_ends_with_counts_and_its_split(place, capsys):
    status, out, _ = cut(place, "--block", "320m", "--buffer", "100m", "-o", place / "c", capsys=capsys)

    assert (status, out.splitlines()[3:5]) == (
        0,
        ["listed   nothing was left", f"{place / 'c'}: done 48, skipped 0, 0 quarantined, of 48 planned"],
    )
    assert out.splitlines()[5].startswith("split    blocks: ")


def test_programs_read_the_same_as_json(place, capsys):
    status, out, _ = cut(place, "--split", "none", "--json", "-o", place / "c", capsys=capsys)

    held = json.loads(out)
    assert status == 0
    assert (held["done"], held["quarantined"], held["left"], held["split"]) == (48, 0, {}, [])
    _, out, _ = cut(place, "--plan", "--json", capsys=capsys)
    assert json.loads(out)["samples"] == 48


def test_a_hole_is_status_1(place, capsys):
    bow_tie = shapely.Polygon([(2, 2), (9, 9), (9, 2), (2, 9)])
    some_labels(place / "f.geojson", [*quarters(), (bow_tie, "wheat")])

    status, out, _ = cut(place, "--split", "none", "-o", place / "c", capsys=capsys)

    assert status == 1
    assert "labels   f.geojson: 5 polygons of 3 classes (column crop), 1 invalid geometry" in out
    assert "1 quarantined <- HOLES" in out


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--column", "corp"], "unknown column 'corp'. Did you mean 'crop'?"),
        (["--band", "1"], "is no raster, so it has no bands"),
        (["--size", "200"], "size differs: want 200 x 200 pixels at least (a window), have 96 x 128"),
        (["--share", "1.5"], "1.5 is not in the range 0<=x<=1"),
        (["--target", "pixels"], "'pixels' is not one of 'class', 'map'"),
        (["-d", "size=32"], "-d size=32: has an option of its own. Say --size"),
    ],
)
def test_bad_input_is_status_2_and_a_sentence(place, capsys, arguments, sentence):
    status, _, err = cut(place, "--plan", *arguments, capsys=capsys)

    assert status == 2
    assert sentence in err


def test_without_scene_labels_or_folder_the_sentence_says_what_to_give(place, capsys):
    assert "needs a scene" in swath("corpus", "cut", capsys=capsys)[2]
    assert "has no labels. Give --labels FILE" in swath("corpus", "cut", place / "s.tif", "--plan", capsys=capsys)[2]
    assert "has no folder to write to" in cut(place, capsys=capsys)[2]
    assert "is not there" in swath("corpus", "cut", place / "x.tif", "--band", 1, "--plan", capsys=capsys)[2]


def test_options_and_help_are_told(capsys):
    status, out, _ = swath("corpus", "cut", "--options", capsys=capsys)
    assert (status, "  column " in out, "  quantification " in out) == (0, True, True)
    status, out, _ = swath("corpus", "cut", "--help", capsys=capsys)
    assert "swath corpus cut scene.tif --labels fields.gpkg --column crop --size 64 -o mine/" in out
    assert "cut " in swath("corpus", "--help", capsys=capsys)[1]
