"""World: files of the planet that are read as anybody's own, and tell the truth about each other."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pytest
import rasterio
import rasterio.features

from swath.core.errors import Refused, Unknown
from swath.core.legends import legend
from swath.corpus import open_corpus
from swath.formats import format_named, sniff
from swath.formats.scene import open_scene
from swath.recipes.cut import SplitWish, cut_corpus
from swath.recipes.open import Opening
from swath.recipes.world import SceneOptions, make_world

SIZE = (220, 260)
#: With fields, houses, works, woods, a river and a highway.
PLACE = SceneOptions(59.398, 63.534, size=SIZE, date="2018-07-14")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("world")
    make_world("scene", PLACE, path)
    return path


def test_three_files_say_what_they_are(tmp_path):
    told = []
    made = make_world("scene", PLACE, tmp_path, progress=lambda done, total: told.append((done, total)))

    assert [path.name for path in made.files] == ["scene.tif", "fields.gpkg", "truth.tif"]
    said = "scene.tif  220 x 260 pixels of 10 m, 13 bands, dn offset 0 (toa reflectance, /10000)"
    assert made.summary().splitlines()[0].endswith(said)
    assert told == [(220, 440), (440, 440)]


def test_the_scene_opens_with_nothing_declared(folder):
    scene = open_scene(folder / "scene.tif")

    assert (scene.shape, scene.gsd, len(scene.bands)) == (SIZE, (10.0, 10.0), 13)
    assert sniff(folder / "scene.tif") == "geotiff"
    assert len(format_named("geotiff").open([folder / "scene.tif"], size=64).plan()) == 3 * 4


def test_fields_burnt_are_the_truth(folder):
    fields = gpd.read_file(folder / "fields.gpkg")
    codes = [legend("eurosat").code_of(name) for name in fields["crop"]]

    with rasterio.open(folder / "truth.tif") as file:
        burnt = rasterio.features.rasterize(
            zip(fields.geometry, codes, strict=True), SIZE, fill=255, transform=file.transform
        )
        np.testing.assert_array_equal(burnt, file.read(1))
        assert file.crs == fields.crs
        assert file.colormap(1)[1] == (0x1B, 0x6E, 0x2C, 255)


def test_the_same_place_is_the_same_files(folder, tmp_path):
    make_world("scene", PLACE, tmp_path)

    for name in ("scene.tif", "fields.gpkg", "truth.tif"):
        assert (tmp_path / name).read_bytes() == (folder / name).read_bytes()


def test_cut_by_its_fields_a_scene_gives_its_truth_back(folder, tmp_path):
    """Class maps from polygons, against the planet's own raster, which no polygon ever touched."""
    paths = tuple(str(folder / name) for name in ("scene.tif", "fields.gpkg"))
    options = {"column": "crop", "legend": "eurosat", "target": "map", "size": 40}
    cut_corpus(Opening("cut", paths, options), tmp_path / "c", split=SplitWish("none"))

    corpus = open_corpus(tmp_path / "c")
    with rasterio.open(folder / "truth.tif") as file:
        truth = file.read(1)
    assert len(corpus) == 5 * 6
    for id, codes in zip(corpus.ids.to_pylist(), corpus.pixels("map", np.arange(30))[:, 0, 0], strict=True):
        row, col = int(id[7:12]), int(id[14:])
        np.testing.assert_array_equal(codes, truth[row : row + 40, col : col + 40])
    assert corpus.layout.licences == tuple(
        sorted({legend("eurosat").attribution, open_scene(folder / "scene.tif").origin.attribution})
    )


@pytest.mark.parametrize(
    ("preset", "options", "kind", "sentence"),
    [
        ("scen", {}, Unknown, "swath world make: unknown preset 'scen'. Did you mean 'scene'"),
        ("scene", {"size": (20_000, 20_000)}, Refused, "a scene of so many pixels is not made: have 20000 x 20000"),
        ("scene", {"size": (0, 5)}, Refused, "a scene needs a pixel: have 0 x 5"),
        ("scene", {"lat": 89.0}, Refused, "lies outside UTM"),
        ("scene", {"date": "2018-02-30"}, Refused, "is no date"),
        ("scene", {"bands": "B99"}, Unknown, "B99"),
    ],
)
def test_what_cannot_be_made_is_told(tmp_path, preset, options, kind, sentence):
    with pytest.raises(kind) as raised:
        make_world(preset, SceneOptions(**options), tmp_path)
    assert sentence in str(raised.value)
    assert list(tmp_path.iterdir()) == []
