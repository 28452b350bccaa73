"""`swath map` on the command line: what it prints, its statuses, and what bad input is told."""

from __future__ import annotations

import json
import sys

import numpy as np
import pytest
import torch

from swath.cli import main
from swath.testing.build import a_geotiff
from tests.bundle.a_bundle import BANDS, a_bundle

L1C = ("-d", "kind=dn", "-d", "level=L1C", "-d", "offset=0")


@pytest.fixture
def swath(capsys):
    """Run the program in this process: (status, printed, said on stderr)."""
    torch.set_num_threads(1)

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


@pytest.fixture(scope="module")
def places(tmp_path_factory):
    """A bundle and a scene."""
    folder = tmp_path_factory.mktemp("map")
    a_bundle(folder / "alps")
    pixels = 100 + np.random.default_rng(0).integers(0, 3000, (4, 64, 80))
    return folder / "alps", a_geotiff(folder / "s.tif", pixels, descriptions=BANDS)


def test_a_scene_is_planned_mapped_and_mapped_again(places, tmp_path, swath):
    bundle, scene = places
    planned = swath("map", bundle, scene, *L1C, "--plan")
    first = swath("map", bundle, scene, *L1C, "-o", tmp_path / "m.tif")
    again = swath("map", bundle, scene, *L1C, "-o", tmp_path / "m.tif", "--json")

    assert planned[0] == 0
    words = [line.split()[0] for line in planned[1].splitlines()]
    assert words == ["scene", "model", "windows", "memory", "disk", "minutes"]
    assert first[0] == 0
    assert first[1].splitlines()[0].strip() == "mapped area"
    assert first[1].splitlines()[-1] == (
        f"{tmp_path / 'm.tif'}: 320 windows answered; 5,120 of 5,120 pixels have a class, 0.0% nodata"
    )
    held = json.loads(again[1])
    assert held["was_there"]
    assert sum(each["pixels"] for each in held["mapped_area"]) == 5120
    assert held["files"]["map"] == str(tmp_path / "m.tif")
    assert held["page"] == str(tmp_path / "m.html")
    assert "nobody has measured" in (tmp_path / "m.html").read_text()


def test_a_plan_is_json_for_programs(places, swath):
    bundle, scene = places
    status, out, _ = swath("map", bundle, scene, *L1C, "--plan", "--stride", "8", "--json")

    held = json.loads(out)
    assert (status, held["windows"]) == (0, 80)
    assert held["memory_bytes"] > 0
    assert held["minutes"] > 0
    assert held["plan"]["stride"] == 8


def test_fewer_orientations_are_asked_for_by_number(places, tmp_path, swath):
    """The bundle averages over four by itself."""
    bundle, scene = places
    status, out, _ = swath("map", bundle, scene, *L1C, "--views", "1", "--plan", "--json")
    whole = swath("map", bundle, scene, *L1C, "--plan", "--json")

    assert (status, json.loads(out)["plan"]["views"], json.loads(whole[1])["plan"]["views"]) == (0, 1, 4)


def test_what_a_user_gets_wrong_is_a_sentence_and_status_2(places, tmp_path, swath):
    bundle, scene = places
    said = {
        ("map", bundle): "swath map: needs a bundle, a scene, and a name for the map",
        ("map", bundle, tmp_path / "no.tif", *L1C, "-o", tmp_path / "m.tif"): "no.tif: is not there",
        ("map", bundle, scene, "-o", tmp_path / "m.tif"): "s.tif: does not say what its numbers are",
        ("map", bundle, scene, *L1C, "--stride", "33", "-o", tmp_path / "m.tif"): "map: stride is out of range",
        ("map", bundle, scene, *L1C, "--views", "3", "--plan"): "option views: must be 1, 4 or 8: have 3",
        ("map", tmp_path, scene, *L1C, "--plan"): "holds neither a run nor a bundle",
        ("map", bundle, scene, *L1C, "-o", tmp_path / "m.png"): "is no name of a GeoTIFF",
        ("map", bundle, scene, *L1C, "-d", "levle=L2A", "--plan"): "Did you mean 'level'?",
    }
    for arguments, sentence in said.items():
        status, _, err = swath(*arguments)

        assert (status, sentence in err, "Traceback" in err) == (2, True, False), err
    assert list(tmp_path.iterdir()) == []


def test_a_sample_adds_adjusted_areas(places, tmp_path, swath):
    import rasterio
    from pyproj import Transformer

    bundle, scene = places
    first = swath("map", bundle, scene, *L1C, "-o", tmp_path / "m.tif", "--json")
    names = {each["code"]: each["name"] for each in json.loads(first[1])["mapped_area"]}
    with rasterio.open(tmp_path / "m.tif") as file:
        labels, t = file.read(1), file.transform
        turn = Transformer.from_crs(file.crs, 4326, always_xy=True)
    rows = ["lon,lat,crop"]
    for code in np.unique(labels):
        for r, c in np.argwhere(labels == code)[:5]:
            lon, lat = turn.transform(t.c + 10 * (c + 0.5), t.f - 10 * (r + 0.5))
            rows.append(f"{lon},{lat},{names[int(code)]}")
    (tmp_path / "p.csv").write_text("\n".join(rows))

    status, out, _ = swath(
        "map", bundle, scene, *L1C, "-o", tmp_path / "m.tif", "--sample", tmp_path / "p.csv", "--column", "crop"
    )

    assert status == 0
    assert f"overall accuracy 100.0 ± 0.0 % of {len(rows) - 1} points" in out


def test_what_can_be_declared_is_listed(swath):
    status, out, _ = swath("map", "--options")

    assert status == 0
    assert "quantification" in out


def test_truth_judges_the_map_on_the_terminal_in_json_and_on_the_page(places, tmp_path, swath):
    """The map itself as truth: right everywhere."""
    bundle, scene = places
    swath("map", bundle, scene, *L1C, "--stride", "8", "-o", tmp_path / "m.tif")

    truth = ("--truth", tmp_path / "m.tif", "--legend", "eurosat")
    status, out, _ = swath("map", bundle, scene, *L1C, "--stride", "8", *truth, "-o", tmp_path / "m.tif")
    again = swath("map", bundle, scene, *L1C, "--stride", "8", *truth, "-o", tmp_path / "m.tif", "--json")

    assert status == 0
    assert "truth    m.tif: " in out
    assert "100.0 % of 5,120 pixels" in out or "right    5,120 of 5,120 pixels, 100.0 %" in out
    assert json.loads(again[1])["judged"]["pixels"]["accuracy"]["value"] == 1.0
    assert "This map is right for" in (tmp_path / "m.html").read_text()


def test_another_page_of_that_name_is_kept(places, tmp_path, swath):
    bundle, scene = places
    (tmp_path / "m.html").write_text("<p>mine</p>")

    status, _, err = swath("map", bundle, scene, *L1C, "-o", tmp_path / "m.tif")

    assert status == 2
    assert "m.html: is there already, and swath did not write it" in err
    assert [each.name for each in tmp_path.iterdir()] == ["m.html"]


def test_a_scene_unlike_what_was_learnt_is_called_so(places, tmp_path, swath):
    """Ten times the numbers: reflectance beyond anything that the bundle's mean and deviation know."""
    bundle, _ = places
    bright = a_geotiff(tmp_path / "b.tif", np.full((4, 64, 80), 30_000), descriptions=BANDS)

    status, out, _ = swath("map", bundle, bright, *L1C, "--stride", "8", "-o", tmp_path / "m.tif")

    assert status == 0
    assert "strange  unlike what the model learnt, in standard deviations: B0" in out
    assert "The scene is unlike what the model learnt: its mean is off in " in (tmp_path / "m.html").read_text()
