"""Maps on disk: what they say of themselves, how they survive a kill, and what they refuse."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path

import numpy as np
import pystac
import pytest
import rasterio
from affine import Affine
from odc.geo.geobox import GeoBox
from PIL import Image
from pyproj import Geod

from swath.core.errors import Refused, Unreadable
from swath.core.legends import legend
from swath.core.specs import OutputSpec
from swath.core.version import __version__
from swath.prediction import MapOptions, mapplan, run_map
from swath.prediction.mapped import map_files, mapped_areas
from tests.prediction.a_map import CODES, HeldScene, PerPixel, Projected, a_plan, noise

ROOT = Path(__file__).parents[2]


@pytest.fixture
def small_strips(monkeypatch):
    """Several strips where a scene is small."""
    monkeypatch.setattr(mapplan, "_VALUES", 9_000)


def a_map(tmp_path, *, scene=None, model=None, name="map.tif", **options):
    model = model or Projected()
    plan = a_plan(scene or HeldScene(noise(96, 120)), model, **options)
    return plan, run_map(plan, model, tmp_path / name)


def bytes_of(made):
    return {each.name: each.read_bytes() for each in made.files.all}


def test_a_map_is_a_cog_with_palette_nodata_and_the_scenes_grid(tmp_path):
    """Issue: class COG (palette, nodata), CRS and transform kept. COG: GDAL's own layout tag."""
    scene = HeldScene(noise(96, 120))
    _, made = a_map(tmp_path, scene=scene)

    with rasterio.open(made.files.map) as file:
        assert file.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"
        assert (file.count, file.dtypes, file.nodata, file.block_shapes) == (1, ("uint8",), 255.0, [(512, 512)])
        assert (file.crs.to_epsg(), file.transform, file.shape) == (32632, scene.geobox.transform, (96, 120))
        palette = file.colormap(1)
        for code in CODES:
            rgb = next(each.rgb for each in legend("eurosat").classes if each.code == code)
            assert palette[code] == (*rgb, 255)
        assert set(np.unique(file.read(1))) <= set(CODES)


def test_probabilities_are_scaled_named_and_sum_to_one(tmp_path):
    _, made = a_map(tmp_path)

    with rasterio.open(made.files.probability) as file, rasterio.open(made.files.map) as classes:
        assert file.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"
        assert file.descriptions == ("highest", "SeaLake", "Forest", "Residential")
        assert (set(file.scales), set(file.offsets), file.nodata) == ({1 / 254}, {0.0}, 255.0)
        stored = file.read().astype(float)
        label = classes.read(1)
        assert file.tags()["SWATH_PROBABILITY"].startswith("stored / 254, 255 = nodata.")
    assert np.abs(stored[1:].sum(axis=0) / 254 - 1).max() <= 1.5 / 254
    np.testing.assert_array_equal(stored[0], stored[1:].max(axis=0))
    own = np.take_along_axis(stored[1:], np.argsort(CODES)[np.searchsorted(sorted(CODES), label)][None], axis=0)[0]
    np.testing.assert_array_equal(own, stored[0])


def test_overviews_show_the_commonest_code_and_mean_probabilities(tmp_path):
    """science.md 8: MODE for classes, AVERAGE for probabilities."""
    _, made = a_map(tmp_path, scene=HeldScene(noise(700, 600, smooth=3)), stride=2)

    with rasterio.open(made.files.map) as file:
        assert file.overviews(1) == [2]
        whole = file.read(1)
    with rasterio.open(made.files.map, overview_level=0) as half:
        seen = half.read(1)
    four = whole.reshape(350, 2, 300, 2).transpose(0, 2, 1, 3).reshape(350, 300, 4)
    counts = np.stack([(four == code).sum(axis=2) for code in CODES], axis=2)
    clear = counts.max(axis=2) >= 3
    assert clear.mean() > 0.5
    np.testing.assert_array_equal(seen[clear], np.array(CODES)[counts.argmax(axis=2)][clear])
    with rasterio.open(made.files.probability) as file, rasterio.open(made.files.probability, overview_level=0) as half:
        mean = file.read(2).astype(float).reshape(350, 2, 300, 2).mean(axis=(1, 3))
        assert np.abs(half.read(2) - mean).max() <= 0.5


def test_tags_say_what_the_map_is(tmp_path):
    """Issue: tags with bundle and scene hashes, support in metres, version, and what was declared."""
    scene = HeldScene(noise(96, 120), level="L2A", quantity=replace(HeldScene(noise(1, 1)).quantity, kind="boa"))
    plan, made = a_map(tmp_path, scene=scene, treat_as="toa", stride=1)

    with rasterio.open(made.files.map) as one, rasterio.open(made.files.probability) as other:
        tags = one.tags()
        assert {k: v for k, v in tags.items() if k.startswith("SWATH")} == {
            k: v for k, v in other.tags().items() if k.startswith("SWATH")
        }
    assert (tags["SWATH_BUNDLE"], tags["SWATH_BUNDLE_HASH"]) == ("projected", "b" * 64)
    assert (tags["SWATH_SCENE"], tags["SWATH_SCENE_HASH"]) == ("held", "s" * 64)
    assert tags["SWATH_VERSION"] == __version__
    assert tags["SWATH_PLAN"] == plan.hash
    assert json.loads(tags["SWATH_DECLARED"]) == {"treat_as": "boa as toa", "level": "L2A as L1C"}
    assert tags["SWATH_SUPPORT_M"].startswith("160 x 160 ")
    assert tags["SWATH_SPACING_M"].startswith("10 x 10:")
    assert tags["SWATH_SHIFT_M"].startswith("-5, -5 ")
    assert json.loads(tags["SWATH_CLASSES"]) == {"9": "SeaLake", "1": "Forest", "7": "Residential"}
    assert "MIT" in tags["SWATH_ATTRIBUTION"]


def test_qgis_and_gdal_find_names_and_colours(tmp_path):
    """science.md 8: `.qml` basename equals the raster's; PAM with names padded from 0 and a table of classes."""
    _, made = a_map(tmp_path)

    assert made.files.style.name == "map.qml"
    style = ET.fromstring(made.files.style.read_text().split("\n", 1)[1])
    entries = {int(e.get("value")): (e.get("label"), e.get("color")) for e in style.iter("paletteEntry")}
    assert entries == {9: ("SeaLake", "#1f4e8c"), 1: ("Forest", "#1b6e2c"), 7: ("Residential", "#e8554e")}
    assert style.find("pipe/rasterrenderer").get("type") == "paletted"
    table = ET.fromstring(made.files.table.read_text())
    names = [each.text or "" for each in table.iter("Category")]
    assert names == ["", "Forest", "", "", "", "", "", "Residential", "", "SeaLake"]
    with rasterio.open(made.files.map) as file:
        pixels = file.read(1)
        assert file.tags(1)["STATISTICS_MAXIMUM"] == str(pixels.max())  # GDAL has read the side file
    counts = {int(row[0].text): int(row[5].text) for row in table.iter("Row")}
    assert counts == {code: int((pixels == code).sum()) for code in CODES}


def test_the_item_is_a_stac_item(tmp_path):
    plan, made = a_map(tmp_path)

    item = pystac.Item.from_dict(json.loads(made.files.item.read_text()))

    assert item.datetime.isoformat() == "2022-06-12T10:10:31+00:00"
    assert item.properties["proj:code"] == "EPSG:32632"
    assert item.properties["proj:shape"] == [96, 120]
    assert item.properties["proj:transform"] == [10, 0, 680040, 0, -10, 5152200]
    assert item.properties["swath:plan_hash"] == plan.hash
    classes = item.assets["map"].extra_fields["classification:classes"]
    assert [(each["value"], each["name"], each["color_hint"]) for each in classes[:2]] == [
        (9, "SeaLake", "1F4E8C"),
        (1, "Forest", "1B6E2C"),
    ]
    assert item.assets["probability"].extra_fields["raster:scale"] == 1 / 254
    west, south, east, north = item.bbox
    assert 11.3 < west < east < 11.4
    assert 46.4 < south < north < 46.6
    assert {each.href for each in item.assets.values()} == {
        f"./{each.name}" for each in made.files.all if each != made.files.item
    }


def test_the_preview_shows_every_class_that_is_there(tmp_path):
    _, made = a_map(tmp_path)

    colours = {rgb for _, rgb in Image.open(made.files.preview).convert("RGB").getcolors(1 << 20)}

    assert colours >= {each.rgb for each in legend("eurosat").classes if each.code in CODES}


def test_a_world_file_is_written_when_asked_for(tmp_path):
    model = Projected()
    made = run_map(a_plan(HeldScene(noise(96, 120)), model), model, tmp_path / "map.tif", has_world=True)

    assert (tmp_path / "map.tfw").read_text().split() == ["10.0", "0.0", "0.0", "-10.0", "680045.0", "5152195.0"]
    assert made.files.world == tmp_path / "map.tfw"


def test_a_world_file_without_a_place_is_refused_at_once(tmp_path):
    model = Projected()
    plan = a_plan(HeldScene(noise(96, 120), has_place=False), model)

    with pytest.raises(Refused, match=r"map\.tfw: needs a place, and the scene has none\. Leave --tfw out\."):
        run_map(plan, model, tmp_path / "map.tif", has_world=True)
    assert model.seen == []


def test_a_grid_round_a_pole_is_refused_before_anything_is_done():
    """It has no outline in degrees, so no item could be written at the end."""

    class Polar(HeldScene):
        @property
        def geobox(self):
            return GeoBox(self.shape, Affine(10, 0, -600, 0, -10, 480), "EPSG:3413")

    with pytest.raises(Refused, match="lies round a pole"):
        a_plan(Polar(noise(96, 120)), Projected())


def test_mapped_areas_are_geodesic_and_add_up(tmp_path):
    """science.md 3: UTM areas are off by -0.08 to +0.2 %; pyproj measures the outline of the scene itself."""
    plan, made = a_map(tmp_path, scene=HeldScene(noise(96, 120)))

    corners = [(0, 0), (1200, 0), (1200, -960), (0, -960)]
    from pyproj import Transformer

    to_degrees = Transformer.from_crs(32632, 4326, always_xy=True).transform
    ring = [to_degrees(680040 + x, 5152200 + y) for x, y in corners]
    metres = abs(Geod(ellps="WGS84").polygon_area_perimeter(*zip(*ring, strict=True))[0])
    assert sum(each.hectares for each in made.areas) == pytest.approx(metres / 1e4, rel=1e-6)
    assert sum(each.pixels for each in made.areas) == 96 * 120 == made.pixels
    assert mapped_areas(plan, made.files.map) == (made.areas, made.pixels, 0)


def test_codes_above_255_get_16_bits(tmp_path):
    """CORINE's level 3 has 111 to 523."""
    model = Projected()
    model.output = OutputSpec("scene", (111, 311, 523), legend("corine-3"))

    _, made = a_map(tmp_path, model=model)

    with rasterio.open(made.files.map) as file:
        assert (file.dtypes, file.nodata) == (("uint16",), 65535.0)
        assert set(np.unique(file.read(1))) == {111, 311, 523}
        assert file.colormap(1)[311] == (128, 255, 0, 255)


def test_a_scene_without_a_place_becomes_a_map_without_one(tmp_path):
    """Nothing is guessed: its ground size was declared, or it would not have opened."""
    _, made = a_map(tmp_path, scene=HeldScene(noise(96, 120), has_place=False))

    with pytest.warns(rasterio.errors.NotGeoreferencedWarning), rasterio.open(made.files.map) as file:
        assert (file.crs, file.shape) == (None, (96, 120))
    item = json.loads(made.files.item.read_text())
    assert item["geometry"] is None
    assert sum(each.hectares for each in made.areas) == pytest.approx(96 * 120 / 100)


class Killed(Exception):
    pass


def kill_after(model, count):
    """The model stops the run at a call, as a kill would: nothing is tidied up after it."""
    ask = model.windows if hasattr(model, "weights") else model.dense
    calls = []

    def dying(*args):
        calls.append(1)
        if len(calls) > count:
            raise Killed
        return ask(*args)

    name = "windows" if hasattr(model, "weights") else "dense"
    setattr(model, name, dying)
    return model


@pytest.mark.usefixtures("small_strips")
@pytest.mark.parametrize("kind", [Projected, PerPixel])
def test_a_stopped_run_goes_on_and_ends_with_the_same_bytes(tmp_path, kind):
    """Contract 6 and issue: the same command again resumes."""
    scene, model = HeldScene(noise(150, 90)), kind()
    plan = a_plan(scene, model)
    whole = bytes_of(run_map(plan, model, tmp_path / "whole" / "map.tif"))
    with pytest.raises(Killed):
        run_map(plan, kill_after(kind(), len(plan.strips) // 2 if kind is Projected else 40), tmp_path / "map.tif")
    assert sorted(each.name for each in tmp_path.iterdir()) == [".map.tif.work", "whole"]

    again = run_map(a_plan(scene, kind()), kind(), tmp_path / "map.tif")

    assert 0 < again.resumed < len(plan.strips)
    assert bytes_of(again) == whole
    assert sorted(each.name for each in tmp_path.iterdir()) == sorted([*whole, "whole"])


_CHILD = """
import sys, time
from pathlib import Path
from swath.prediction import mapplan, run_map
from tests.prediction.a_map import HeldScene, Projected, a_plan, noise
mapplan._VALUES = 9_000
class Slow(Projected):
    def windows(self, *args):
        time.sleep(0.3)
        return super().windows(*args)
model = Slow()
run_map(a_plan(HeldScene(noise(150, 90)), model), model, Path(sys.argv[1]))
"""


@pytest.mark.usefixtures("small_strips")
def test_a_run_killed_by_the_system_goes_on(tmp_path):
    """SIGKILL, in a process of its own."""
    scene = HeldScene(noise(150, 90))
    child = subprocess.Popen([sys.executable, "-c", _CHILD, str(tmp_path / "map.tif")], cwd=ROOT)
    end = time.monotonic() + 60
    while len(list((tmp_path / ".map.tif.work").glob("strip-*.npz"))) < 2 and time.monotonic() < end:
        time.sleep(0.02)
    child.send_signal(signal.SIGKILL)
    child.wait()
    assert not (tmp_path / "map.tif").exists()

    again = run_map(a_plan(scene, Projected()), Projected(), tmp_path / "map.tif")

    assert again.resumed >= 2
    assert bytes_of(again) == bytes_of(run_map(a_plan(scene, Projected()), Projected(), tmp_path / "w" / "map.tif"))


def test_the_same_map_again_does_nothing_and_says_so(tmp_path):
    _, first = a_map(tmp_path)
    model = Projected()
    before = first.files.map.stat().st_mtime_ns

    again = run_map(a_plan(HeldScene(noise(96, 120)), model), model, tmp_path / "map.tif")

    assert model.seen == []
    assert again.was_there
    assert again.areas == first.areas
    assert again.summary().startswith(f"{tmp_path / 'map.tif'}: was there, made by the same plan;")
    assert first.files.map.stat().st_mtime_ns == before


def test_another_map_of_that_name_is_refused_unless_it_may_be_replaced(tmp_path):
    """Bad input: an output that exists."""
    a_map(tmp_path)
    model = Projected()
    other = a_plan(HeldScene(noise(96, 120)), model, stride=4)

    with pytest.raises(Refused, match=r"map\.tif: is there already, and is not the whole of this map\. Choose another"):
        run_map(other, model, tmp_path / "map.tif")
    assert model.seen == []
    run_map(other, model, tmp_path / "map.tif", overwrite=True)

    with rasterio.open(tmp_path / "map.tif") as file:
        assert file.tags()["SWATH_PLAN"] == other.hash


def test_a_file_that_is_no_map_is_not_replaced(tmp_path):
    (tmp_path / "map.tif").write_bytes(b"mine")

    with pytest.raises(Refused, match=r"map\.tif: is there already, and is not the whole of this map"):
        a_map(tmp_path)
    assert (tmp_path / "map.tif").read_bytes() == b"mine"


def test_what_another_plan_began_is_refused_by_what_differs(tmp_path):
    plan = a_plan(HeldScene(noise(96, 120)), Projected())
    with pytest.raises(Killed):
        run_map(plan, kill_after(Projected(), 0), tmp_path / "map.tif")
    other = a_plan(HeldScene(noise(96, 120)), Projected(), min_valid=0.25)

    with pytest.raises(Refused, match=r"was begun by another plan \(min_valid differs\)\. Give the command that began"):
        run_map(other, Projected(), tmp_path / "map.tif")
    assert run_map(other, Projected(), tmp_path / "map.tif", overwrite=True).resumed == 0


@pytest.mark.usefixtures("small_strips")
def test_a_damaged_strip_is_named_and_answered_again_once_it_is_gone(tmp_path):
    scene = HeldScene(noise(150, 90))
    whole = bytes_of(a_map(tmp_path, scene=scene, name="w.tif")[1])
    with pytest.raises(Killed):
        a_map(tmp_path, scene=scene, model=kill_after(Projected(), 3))
    strip = tmp_path / ".map.tif.work" / "strip-000001.npz"
    strip.write_bytes(strip.read_bytes()[:100])

    with pytest.raises(Unreadable, match=r"strip-000001\.npz: is no finished strip .* Remove it, and give the same"):
        a_map(tmp_path, scene=scene)
    strip.unlink()
    _, made = a_map(tmp_path, scene=scene)

    assert list(bytes_of(made).values())[-1] == whole["w.tif"]


def test_a_disk_without_room_is_told_before_anything_is_done(tmp_path, monkeypatch):
    import shutil
    from types import SimpleNamespace

    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=1000))
    model = Projected()

    with pytest.raises(Refused, match=r"map\.tif: has too little room: want up to 0 MB, have 0 MB\."):
        a_map(tmp_path, model=model)
    assert model.seen == []


def test_two_processes_do_not_make_one_map(tmp_path):
    from filelock import FileLock

    with (
        FileLock(tmp_path / ".map.tif.lock"),
        pytest.raises(Refused, match=r"map\.tif: another process is making it\. Wait for it, or stop it\."),
    ):
        a_map(tmp_path)


def test_a_scene_without_a_measurement_is_refused(tmp_path):
    """Bad input: all nodata."""
    scene = HeldScene(noise(96, 120), np.zeros((96, 120), bool))

    with pytest.raises(Refused, match=r"^scene held: holds no window of which 50% was measured\. Look at its nodata"):
        a_map(tmp_path, scene=scene)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("small_strips")
def test_a_read_error_half_way_keeps_what_was_finished(tmp_path):
    """Bad input: the error comes through as it is, and the same command goes on once the file can be read."""

    class Broken(HeldScene):
        def read(self, window):
            if window.row > 60:
                raise Unreadable(where="held.tif", what="cannot be read as a raster (a tile is gone)", fix="Fetch it.")
            return super().read(window)

    data = noise(150, 90)
    with pytest.raises(Unreadable, match=r"^held\.tif: cannot be read as a raster"):
        a_map(tmp_path, scene=Broken(data))

    _, again = a_map(tmp_path, scene=HeldScene(data))
    assert again.resumed > 0


def test_raw_output_that_is_not_finite_is_refused(tmp_path):
    class Nan(Projected):
        def answer(self, windows):
            return super().answer(windows) * np.nan

    with pytest.raises(Refused, match=r"^bundle projected, scene held: gives NaN or infinity, which is no answer"):
        a_map(tmp_path, model=Nan())


def test_a_name_that_is_no_geotiffs_is_refused():
    with pytest.raises(Refused, match=r"^out\.png: is no name of a GeoTIFF\. End it in \.tif\."):
        map_files(Path("out.png"))


_FULL = """
import resource, signal, sys
from pathlib import Path
from swath.core.errors import SwathError
from swath.prediction import run_map
from tests.prediction.a_map import HeldScene, Projected, a_plan, noise
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
model = Projected()
plan = a_plan(HeldScene(noise(700, 700, smooth=1)), model, stride=int(sys.argv[3]))
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]),) * 2)
try:
    run_map(plan, model, Path(sys.argv[1]))
except SwathError as error:
    print(error)
    sys.exit(error.exit_status)
"""


@pytest.mark.parametrize(("most", "stride"), [(2_000, 4), (60_000, 16), (400_000, 16)])
def test_a_full_disk_is_a_sentence_and_no_map(tmp_path, most, stride):
    """Bad input: a full disk, as a limit on the size of files, met by a strip, by rows, by the COG."""
    command = [sys.executable, "-c", _FULL, str(tmp_path / "map.tif"), str(most), str(stride)]

    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)

    assert done.returncode == 2, done.stderr
    assert "disk" in done.stdout.splitlines()[-1]
    assert not (tmp_path / "map.tif").exists()
    model = Projected()
    plan = a_plan(HeldScene(noise(700, 700, smooth=1)), model, stride=stride)
    assert run_map(plan, model, tmp_path / "map.tif").pixels == 490_000


def test_a_plan_says_windows_memory_and_minutes():
    """Issue: --plan prints windows, memory, minutes."""
    plan = a_plan(HeldScene(noise(96, 120)), Projected(), stride=4)

    said = plan.summary(rate=6.0)

    assert plan.windows == 24 * 30
    assert plan.minutes(6.0) == 2.0
    assert "windows  720 of 16 x 16 pixels every 4, bilinear; each answer looks at 160 x 160 m" in said
    assert "minutes  2 at 6 windows a second" in said
    assert f"memory   {plan.memory / 1e6:,.0f} MB beside the model" in said


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"interpolation": "cubic"}, "unknown interpolation 'cubic'"),
        ({"min_valid": 1.5}, "min_valid is a share"),
        ({"batch": 0}, "a batch holds a window at least"),
        ({"threads": 0}, "threads must be 1 or more"),
    ],
)
def test_options_out_of_range_are_refused(options, said):
    with pytest.raises(Exception, match=said):
        MapOptions(**options)


@pytest.mark.parametrize(
    ("output", "said"),
    [
        (OutputSpec("vector"), "gives a vector output, which is no map of classes"),
        (OutputSpec("scene"), "names no classes"),
        (OutputSpec("scene", CODES, legend("eurosat"), is_multilabel=True), "classes that do not exclude one another"),
    ],
)
def test_models_that_give_no_map_are_refused(output, said):
    model = Projected()
    model.output = output

    with pytest.raises(Refused, match=f"^bundle projected: .*{said}"):
        a_plan(HeldScene(noise(96, 120)), model)
