"""The command line on a small planet: every verb once, its last line, its exit status, and what bad input is told."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import rasterio

from swath.cli import main
from swath.formats import FORMATS
from swath.testing.build import a_eurosat_zip


def swath(*arguments: object, capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    """Run the program in this process: (status, printed, said on stderr)."""
    argv = sys.argv
    sys.argv = ["swath", *map(str, arguments)]
    try:
        with pytest.raises(SystemExit) as ended:
            main()
    finally:
        sys.argv = argv
    out, err = capsys.readouterr()
    return int(ended.value.code or 0), out, err


@pytest.fixture(scope="module")
def planet(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("cli") / "planet"
    command = [sys.executable, "-m", "swath", "corpus", "build", "-n", "40", "--seed", "7", "-d", "landcover=1"]
    subprocess.run([*command, "-o", path], check=True, capture_output=True)
    return path


def test_the_help_of_import_names_every_format(capsys):
    _, out, _ = swath("corpus", "import", "--help", capsys=capsys)

    words = set(re.findall(r"[a-z0-9-]+", out.partition("Options:")[0].replace("-\n", "-")))
    assert set(FORMATS) <= words


def test_the_same_build_again_skips_what_is_there(planet, capsys):
    status, out, _ = swath("corpus", "build", "-n", 40, "--seed", 7, "-d", "landcover=1", "-o", planet, capsys=capsys)

    assert (status, out) == (0, f"{planet}: done 0, skipped 40, 0 quarantined, of 40 planned\n")


def test_another_plan_in_the_same_folder_is_refused(planet, capsys):
    status, _, err = swath("corpus", "build", "-n", 41, "--seed", 7, "-o", planet, capsys=capsys)

    assert status == 2
    assert "plan differs: want" in err


def test_a_plan_reads_nothing(tmp_path, capsys):
    status, out, _ = swath("corpus", "build", "-n", 9, "--plan", capsys=capsys)

    assert status == 0
    assert out.startswith("planet: 9 samples; s2 1 x 13 x 64 x 64")
    assert list(tmp_path.iterdir()) == []


def test_planning_and_building_show_how_far_they_are(tmp_path, capsys, monkeypatch):
    """Places are looked for before samples are made; each has a bar of its own, which ends full."""
    shown = {}
    monkeypatch.setattr("swath.cli.corpus.bar", lambda unit: lambda done, total: shown.update({unit: (done, total)}))

    swath("corpus", "build", "-n", 9, "-o", tmp_path / "c", capsys=capsys)

    assert shown == {"places": (9, 9), "samples": (9, 9)}


def test_files_are_listed_at_once_and_only_their_samples_are_counted(tmp_path, capsys, monkeypatch):
    """A source that is no planet plans without a bar."""
    shown = {}
    monkeypatch.setattr("swath.cli.corpus.bar", lambda unit: lambda done, total: shown.update({unit: (done, total)}))
    a_eurosat_zip(tmp_path / "p.zip", n=1, kind="rgb")

    swath("corpus", "import", "eurosat-rgb", tmp_path / "p.zip", "-o", tmp_path / "c", capsys=capsys)

    assert shown == {"samples": (10, 10)}


def test_info_tells_stacks_dates_and_classes(planet, capsys):
    status, out, _ = swath("corpus", "info", planet, "--json", capsys=capsys)
    held = json.loads(out)

    assert status == 0
    assert (held["samples"], held["complete"], held["quarantined"]) == (40, True, {})
    assert held["quantities"]["s2"] == "dn offset 0 (toa reflectance, /10000)"
    assert sum(held["classes"]["class"].values()) == 40


def test_verify_says_that_every_byte_is_as_written(planet, capsys):
    status, out, _ = swath("corpus", "verify", planet, capsys=capsys)

    assert status == 0
    assert "every byte as written" in out


def test_a_damaged_corpus_is_named_and_repaired_from_its_journal(planet, tmp_path, capsys):
    import shutil

    path = tmp_path / "planet"
    shutil.copytree(planet, path)
    shutil.copy(f"{planet}.journal", f"{path}.journal")
    shard = path / "pixels" / "s2.zarr" / "pixels" / "c" / "0" / "0" / "0" / "0"
    blob = bytearray(shard.read_bytes())
    blob[1000] ^= 1
    shard.write_bytes(blob)

    damaged = swath("corpus", "verify", path, capsys=capsys)
    repaired = swath("corpus", "repair", path, capsys=capsys)
    again = swath("corpus", "verify", path, capsys=capsys)

    assert (damaged[0], repaired[0], again[0]) == (1, 0, 0)
    assert "stack s2 of planet-7-000000" in damaged[1]
    assert "repaired 1 files, 1 as first written, no sample lost" in repaired[1]


def test_a_split_by_place_overlaps_nowhere_and_says_what_is_unknown(planet, capsys):
    arguments = ("corpus", "split", planet, "--by", "place", "--block", "1deg", "--name", "b")
    _, out, _ = swath(*arguments, capsys=capsys)
    _, said, _ = swath(*arguments, "--replace", "--json", capsys=capsys)
    [fold] = json.loads(said)["folds"]

    assert "blocks want sides of" in out
    assert (fold["overlapping"], fold["groups_crossing"], fold["shared_datatakes"]) == (0, 0, None)
    assert fold["distances"][0] > 925


def test_a_split_of_the_same_name_is_refused_and_replaced_on_request(planet, capsys):
    """Another one is; the same command again says the same and changes no byte."""
    command = ("corpus", "split", planet, "--by", "random", "--name", "twice")
    first = swath(*command, capsys=capsys)
    before = (planet / "splits" / "twice.parquet").read_bytes()
    again = swath(*command, capsys=capsys)
    refused = swath(*command, "--shares", "train=0.5,test=0.5", capsys=capsys)
    kept = (planet / "splits" / "twice.parquet").read_bytes()
    replaced = swath(*command, "--shares", "train=0.5,test=0.5", "--replace", capsys=capsys)

    assert again == first
    assert before == kept
    assert refused[0] == 2
    assert "split 'twice' is there already" in refused[2]
    assert replaced[0] in (0, 1)


def test_statistics_of_train_name_the_split(planet, capsys):
    swath("corpus", "split", planet, "--by", "group", "--name", "g", "--shares", "train=0.5,test=0.5", capsys=capsys)
    status, out, _ = swath("corpus", "stats", planet, "--stack", "s2", "--split", "g", "--json", capsys=capsys)

    assert status == 0
    assert json.loads(out)["part"] == "train"


def test_show_writes_a_page_and_a_sheet(planet, tmp_path, capsys):
    page = tmp_path / "p.html"

    status, out, _ = swath("corpus", "show", planet, "-o", page, capsys=capsys)

    assert status == 0
    assert str(page) in out
    assert "://" not in page.read_text().replace("http://www.w3.org", "")
    assert (tmp_path / "p.png").read_bytes()[:4] == b"\x89PNG"


def test_a_sample_extracts_to_geotiff_with_its_meaning(planet, tmp_path, capsys):
    out = tmp_path / "x.tif"

    assert swath("corpus", "extract", planet, "planet-7-000003", "-o", out, capsys=capsys)[0] == 0

    with rasterio.open(tmp_path / "x-s2.tif") as file:
        assert (file.count, file.dtypes[0], file.descriptions[0][:3]) == (13, "uint16", "B01")
        assert file.crs.is_projected
        assert file.scales[0] == pytest.approx(1e-4)
        assert file.tags()["SWATH_QUANTITY"] == "dn offset 0 (toa reflectance, /10000)"
    with rasterio.open(tmp_path / "x-landcover.tif") as file:
        assert file.colormap(1)[1][:3] == (0x1B, 0x6E, 0x2C)


def test_files_that_cannot_be_read_end_in_status_1(tmp_path, capsys):
    """Truncated JPEG: quarantined, counted, told."""
    import zipfile

    made = tmp_path / "all.zip"
    a_eurosat_zip(made, n=2, kind="rgb")
    with zipfile.ZipFile(made) as whole, zipfile.ZipFile(tmp_path / "cut.zip", "w") as cut:
        for i, name in enumerate(whole.namelist()):
            blob = whole.read(name)
            cut.writestr(name, blob[: len(blob) // 2] if i == 3 else blob)

    status, out, _ = swath("corpus", "import", "eurosat-rgb", tmp_path / "cut.zip", "-o", tmp_path / "c", capsys=capsys)

    assert status == 1
    assert "1 quarantined <- HOLES" in out


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("corpsu",), "unknown command 'corpsu'. Did you mean 'corpus'"),
        (("corpus", "bild"), "unknown command 'bild'. Did you mean 'build'"),
        (("corpus", "import", "eurosat-rbg", "x", "-o", "y"), "unknown source 'eurosat-rbg'. Did you mean"),
        (("corpus", "build", "-d", "sede=3", "-o", "y"), "unknown option of planet 'sede'. Did you mean 'seed'"),
        (("corpus", "build", "-d", "seed", "-o", "y"), "--declare seed: is not KEY=VALUE"),
        (("corpus", "build", "-n", "3"), "has no folder to write to. Give one with -o DIR"),
        (("corpus", "import", "geotiff", "/nowhere.tif", "-o", "y"), "/nowhere.tif: is not there"),
        (("corpus", "info", "/nowhere"), "/nowhere: holds no corpus. Build one"),
        (("corpus", "split", "/nowhere", "--by", "random", "--shares", "train"), "is not PART=SHARE"),
        (("corpus", "split", "/nowhere", "--by", "random", "--shares", "test=1,test=1"), "says test twice"),
        (("corpus", "build", "-n", "3", "-d", "n=4", "-o", "y"), "-d n=4: says another n than 3"),
        (("corpus", "build", "-d", "dates=1.5", "-o", "y"), "dates 1.5 is no number of dates"),
        (("corpus", "build", "-d", "year=12018", "-o", "y"), "year must be 1970 or more, up to 9,998"),
        (("corpus", "build", "-n", "2", "-o", "/"), "/: is no folder of its own"),
        (("corpus", "show", "x", "-o", "same.png"), "cannot be both the page and the sheet"),
    ],
)
def test_mistakes_are_a_sentence_and_status_2(arguments, sentence, capsys):
    status, _, err = swath(*arguments, capsys=capsys)

    assert status == 2
    assert sentence in err
    assert "Traceback" not in err


def test_an_unknown_method_of_splitting_names_the_nearest(planet, capsys):
    status, _, err = swath("corpus", "split", planet, "--by", "plaec", capsys=capsys)

    assert status == 2
    assert "Did you mean 'place'" in err


def test_help_of_every_command_shows_an_example(capsys):
    for verb in ("import", "build", "info", "verify", "repair", "split", "stats", "show", "extract"):
        status, out, _ = swath("corpus", verb, "--help", capsys=capsys)

        assert status == 0
        assert "Example:" in out, verb


def test_help_imports_nothing_heavy():
    """Under 0.3 s of the interpreter's own start: none of the libraries that take longer is loaded."""
    code = (
        "import sys; sys.argv = ['swath', '--help']\n"
        "from swath.cli import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "print([m for m in ('numpy', 'pyarrow', 'rasterio', 'geopandas', 'torch', 'scipy') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)

    assert done.stdout.strip().endswith("[]")


def test_windows_of_one_scene_can_be_split_by_place(tmp_path, capsys):
    """README: one's own GeoTIFF, then blocks; windows that lie edge to edge do not overlap."""
    from swath.testing.build import a_geotiff

    a_geotiff(tmp_path / "s.tif", size=(640, 640))
    options = ("-d", "bands=B04,B03,B02", "-d", "kind=dn", "-d", "level=L2A", "-d", "offset=0", "-d", "size=64")
    swath("corpus", "import", "geotiff", tmp_path / "s.tif", *options, "-o", tmp_path / "c", capsys=capsys)

    _, out, _ = swath("corpus", "split", tmp_path / "c", "--by", "place", "--block", "2km", "--json", capsys=capsys)

    [fold] = json.loads(out)["folds"]
    assert fold["overlapping"] == 0
    assert fold["counts"]["test"] > 0


def test_an_undeclared_offset_is_said_with_what_the_pixels_suggest(tmp_path, capsys):
    from swath.testing.build import a_geotiff

    a_geotiff(tmp_path / "s.tif", size=(64, 64))
    options = ("-d", "bands=B04,B03,B02", "-d", "kind=dn", "-d", "level=L2A", "-d", "size=64")
    _, out, _ = swath("corpus", "import", "geotiff", tmp_path / "s.tif", *options, "-o", tmp_path / "c", capsys=capsys)

    assert "the offset is unknown, so its numbers stay digital numbers. The pixels of the first sample say:" in out
