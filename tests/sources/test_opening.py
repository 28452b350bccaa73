"""Opening: scene, labels and options that fit one another, and the sentences where they do not."""

from __future__ import annotations

import numpy as np
import pytest
import rasterio
import rasterio.shutil
import shapely

from swath.core.errors import Mismatch, Refused, SwathError, Unknown
from swath.formats.scene import open_scene
from swath.sources.opening import open_cut, open_labels
from swath.testing.build import a_geotiff
from tests.sources.a_place import DECLARED, SIZE, a_scene, quarters, some_labels

CODES = 4 + np.arange(SIZE[0] * SIZE[1]).reshape(1, *SIZE) // 64 % 2


def opened(*paths, **options):
    return open_cut(paths, **{"size": 16, **DECLARED, **options})


def a_labelled_scene(path, **more):
    """Two bands and a third of scene classes, striped every 64 pixels."""
    numbers = 100 + np.random.default_rng(0).integers(0, 3000, (3, *SIZE))
    numbers[2] = CODES
    return a_geotiff(path, numbers, **more)


def test_a_band_named_scl_needs_no_legend(tmp_path):
    cut = opened(a_labelled_scene(tmp_path / "s.tif"), band=3, **{"bands": "B04,B03,SCL"})

    assert (cut.labels.legend.name, list(cut.scenes), cut.scene.bands) == ("scl", ["s2"], ("B04", "B03"))
    assert {row["code"] for row in cut.plan().rows.to_pylist()} == {4, 5}


def test_a_band_of_any_name_leaves_the_inputs(tmp_path):
    """`-` in the declaration, or a description that nobody knows."""
    declared = {"bands": "B04,B03,-"}
    path = a_labelled_scene(tmp_path / "s.tif")

    cut = opened(path, band=3, **declared)

    assert (cut.scene.bands, cut.labels.name, cut.labels.legend.names) == (("B04", "B03"), "band3", ("4", "5"))
    named = a_labelled_scene(tmp_path / "t.tif", descriptions=("B04", "B03", "crops"))
    cut = open_cut([named], size=16, band=3, kind="dn", level="L2A", offset=0)
    assert (cut.scene.bands, cut.labels.name) == (("B04", "B03"), "crops")


def test_one_class_is_nothing_to_tell_apart(tmp_path):
    """Also where the second lies outside the scene, and in a band."""
    drawn = [(shapely.box(0, 0, 9, 9), "wheat"), (shapely.box(900, 0, 910, 9), "maize")]

    with pytest.raises(Refused, match="f.gpkg column crop: has one class only on this scene, 'wheat': nothing to tell"):
        opened(a_scene(tmp_path / "s.tif"), some_labels(tmp_path / "f.gpkg", drawn), column="crop")
    path = a_geotiff(tmp_path / "t.tif", np.full((3, *SIZE), 4))
    with pytest.raises(Refused, match="t band scl: has one class only on this scene, 'vegetation': nothing to tell"):
        opened(path, band=3, bands="B04,B03,SCL")


def test_labels_alone_may_be_of_one_class(tmp_path):
    """A truth that is all forest judges a map as well as any."""
    drawn = [(shapely.box(0, 0, 9, 9), "wheat")]
    scene = open_scene(a_scene(tmp_path / "s.tif"), **DECLARED)

    held = open_labels(some_labels(tmp_path / "f.gpkg", drawn), scene, column="crop")

    assert (held.legend.names, held.present()) == (("wheat",), [0])


def test_a_legend_file_gives_the_codes_their_names(tmp_path):
    (tmp_path / "crops.csv").write_text("code,name\n4,wheat\n5,maize\n")

    cut = opened(a_labelled_scene(tmp_path / "s.tif"), band=3, legend=str(tmp_path / "crops.csv"))

    assert cut.legend.names == ("wheat", "maize")


def test_a_class_band_that_is_no_label_stays_a_stack(tmp_path):
    labels = some_labels(tmp_path / "f.gpkg", quarters())

    cut = opened(a_labelled_scene(tmp_path / "s.tif"), labels, column="crop", bands="B04,B03,SCL")

    assert {name: scene.bands for name, scene in cut.scenes.items()} == {"s2": ("B04", "B03"), "scl": ("SCL",)}


def test_a_raster_on_the_same_grid_is_labels_too(tmp_path):
    a_geotiff(tmp_path / "truth.tif", CODES, dtype="uint8")

    cut = opened(a_scene(tmp_path / "s.tif"), tmp_path / "truth.tif", legend="scl")

    assert (cut.scene.bands, cut.legend.name) == (("B04", "B03", "B02"), "scl")


def test_a_raster_on_another_grid_is_refused(tmp_path):
    a_geotiff(tmp_path / "t.tif", CODES, crs="EPSG:32633")
    a_geotiff(tmp_path / "u.tif", CODES[:, 1:])
    scene = a_scene(tmp_path / "s.tif")

    for name in ("t.tif", "u.tif"):
        with pytest.raises(Mismatch, match=f"{name}: grid differs: want 96 x 128 pixels in EPSG:32632 .the scene's.,"):
            opened(scene, tmp_path / name)


def test_a_scene_without_a_place_takes_labels_in_a_band_only(tmp_path):
    path = a_labelled_scene(tmp_path / "s.tif", crs=None)

    with pytest.raises(Refused, match="s.tif: has no CRS, so labels on the ground cannot be laid on its pixels"):
        opened(path, some_labels(tmp_path / "f.gpkg", quarters()), column="crop", gsd=10)
    cut = opened(path, band=3, gsd=10)
    assert cut.plan().rows["lon"].null_count == len(cut.plan())


@pytest.mark.parametrize(
    ("options", "kind", "sentence"),
    [
        ({}, Refused, "cut: has no labels. Give --labels FILE with --column NAME, or --band N of the scene."),
        ({"band": 4}, Unknown, "s.tif: unknown band '4'"),
        ({"band": 2.5}, Refused, "option band: cannot be read from 2.5: want a whole number"),
        ({"band": 3, "column": "crop"}, Refused, "column is for vector labels, and these are a raster"),
        ({"band": 3, "targt": "map"}, Unknown, "unknown option 'targt'. Did you mean 'target'"),
        ({"band": 3, "target": "maps"}, Unknown, "unknown target 'maps'. Did you mean 'map'"),
        ({"band": 3, "legend": "sclx"}, Unknown, "unknown legend 'sclx'. Did you mean 'scl'"),
        ({"band": 3, "size": "big"}, Refused, "option size: cannot be read from 'big'"),
        ({"band": 3, "kind": None}, Refused, "does not say what its numbers are"),
        ({"band": 3, "bands": "B04,B03"}, Mismatch, "number of bands differs: want 2"),
    ],
)
def test_options_that_do_not_fit_are_told(tmp_path, options, kind, sentence):
    with pytest.raises(kind) as raised:
        opened(a_labelled_scene(tmp_path / "s.tif"), **options)
    assert sentence in str(raised.value)


def test_a_band_of_a_vector_file_is_refused(tmp_path):
    labels = some_labels(tmp_path / "f.gpkg", quarters())

    with pytest.raises(Refused, match="f.gpkg: is no raster, so it has no bands. Leave --band out, or --labels."):
        opened(a_scene(tmp_path / "s.tif"), labels, band=1)
    with pytest.raises(Refused, match="cut: takes a scene and a file of labels: have 3 paths"):
        opened(labels, labels, labels)


def test_a_scene_whose_bands_nobody_knows_is_refused(tmp_path):
    with pytest.raises(SwathError, match="does not say which of its 3 bands is which"):
        open_cut([a_scene(tmp_path / "s.tif"), some_labels(tmp_path / "f.gpkg", quarters())], column="crop", kind="boa")


def test_a_vrt_is_a_scene_too(tmp_path):
    path = a_scene(tmp_path / "s.tif")
    rasterio.shutil.copy(path, tmp_path / "v.vrt", driver="VRT")

    cut = opened(tmp_path / "v.vrt", some_labels(tmp_path / "f.gpkg", quarters()), column="crop")

    assert (cut.title, len(cut.plan())) == ("v", 48)
