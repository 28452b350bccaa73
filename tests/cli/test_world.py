"""`swath world make`: files that the next command takes as they are, and what bad input is told."""

from __future__ import annotations

from tests.cli.test_corpus_commands import swath


def test_a_place_of_the_planet_is_made_and_cut_with_nothing_declared(tmp_path, capsys):
    status, out, _ = swath("world", "make", "scene", "--size", 200, "-o", tmp_path, capsys=capsys)
    assert (status, len(out.splitlines())) == (0, 3)

    command = ["corpus", "cut", tmp_path / "scene.tif", "--labels", tmp_path / "fields.gpkg", "--column", "crop"]
    status, out, _ = swath(*command, "--size", 20, "--split", "none", "-o", tmp_path / "c", capsys=capsys)

    assert (status, "dn offset 0" in swath("corpus", "info", tmp_path / "c", capsys=capsys)[1]) == (0, True)
    _, out, err = swath("world", "make", "scene", "--size", 200, "--lat", 89, "-o", tmp_path, capsys=capsys)
    assert (out, "lies outside UTM" in err) == ("", True)
