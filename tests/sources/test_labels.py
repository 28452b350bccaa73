"""Vector labels: pixels as rasterio burns them, and every feature that cannot be used told by name."""

from __future__ import annotations

import pickle

import geopandas as gpd
import numpy as np
import pytest
import rasterio.features
import shapely

from swath.core.errors import Refused, Unknown
from swath.core.geobox import centre, lonlats
from swath.core.scene import Window
from swath.sources.labels import CONFLICT, NONE, lay
from tests.sources.a_place import BOX, SIZE, TRANSFORM, on_ground, quarters, some_labels, some_polygons


def laid(path, **more):
    return lay(path, BOX, **{"column": "crop", **more})


def told(labels, reason: str | None = None) -> list[str]:
    return [each.message for each in labels.features.left if reason in (None, each.reason)]


def naive(drawn, legend) -> np.ndarray:
    """Each class burnt by itself by rasterio on the scene's own grid: one class, several, or none a pixel."""
    burnt = np.zeros((len(legend.codes), *SIZE), bool)
    for k, name in enumerate(legend.names):
        shapes = [on_ground(shape) for shape, own in drawn if own == name]
        burnt[k] = rasterio.features.rasterize(shapes, SIZE, transform=TRANSFORM) > 0
    count = burnt.sum(axis=0)
    return np.where(count == 1, burnt.argmax(axis=0), np.where(count > 1, CONFLICT, NONE))


@pytest.mark.parametrize("seed", range(5))
def test_every_window_is_what_rasterio_burns(tmp_path, seed):
    """Overlaps of different classes are nobody's; windows agree with the whole wherever they lie."""
    rng = np.random.default_rng(seed)
    drawn = some_polygons(rng, 40)
    labels = laid(some_labels(tmp_path / "f.gpkg", drawn))
    want = naive(drawn, labels.legend)

    assert {NONE, CONFLICT, 0, 1, 2, 3, 4} == set(np.unique(want))
    np.testing.assert_array_equal(labels.burn(Window(0, 0, *SIZE)), want)
    for _ in range(20):
        row, col, height, width = (int(rng.integers(low, high)) for low, high in ((0, 60), (0, 90), (1, 36), (1, 38)))
        part = want[row : row + height, col : col + width]
        np.testing.assert_array_equal(labels.burn(Window(row, col, height, width)), part)


def test_beyond_the_scene_there_is_what_lies_there(tmp_path):
    labels = laid(
        some_labels(tmp_path / "f.gpkg", [(shapely.box(-10, -10, 20, 20), "a"), (shapely.box(30, 0, 50, 9), "b")])
    )

    assert (labels.burn(Window(-5, -5, 4, 4)) == 0).all()


def test_a_point_labels_the_pixel_that_holds_it(tmp_path):
    labels = laid(some_labels(tmp_path / "p.gpkg", [(shapely.Point(3.0, 5.99), "a"), (shapely.Point(7.5, 8.5), "b")]))

    burnt = labels.burn(Window(0, 0, *SIZE))

    assert (burnt >= 0).sum() == 2
    assert (burnt[5, 3], burnt[8, 7]) == (0, 1)


@pytest.mark.parametrize("suffix", ["gpkg", "geojson", "shp", "fgb", "parquet"])
def test_labels_are_the_same_from_every_format(tmp_path, suffix):
    labels = laid(some_labels(tmp_path / f"f.{suffix}", quarters(), crs=4326))

    burnt = labels.burn(Window(0, 0, *SIZE))

    assert labels.legend.names == ("maize", "vines", "wheat")
    assert [int(burnt[r, c]) for r, c in ((20, 20), (20, 100), (80, 20), (80, 100))] == [2, 0, 0, 1]


@pytest.mark.parametrize("crs", [4326, 3857, 3035, 32633, 25832])
def test_labels_of_another_crs_lie_where_they_were_drawn(tmp_path, crs):
    """Moved there and back by PROJ, polygons are back within a hundredth of a pixel: only pixels whose centre an edge
    runs through could change, and none does."""
    drawn = some_polygons(np.random.default_rng(1), 20)
    here, there = (laid(some_labels(tmp_path / f"{code}.gpkg", drawn, crs=code)) for code in (32632, crs))

    one, other = (labels.burn(Window(0, 0, *SIZE)) for labels in (here, there))

    assert (one != other).mean() < 2e-3


def test_a_long_edge_is_straight_in_its_own_crs(tmp_path):
    """A parallel of latitude bends in UTM: over these 77 km it is 11 pixels off a straight line."""
    middle = centre(BOX)[1]
    south, north = shapely.box(11.0, 45.9, 12.0, middle), shapely.box(11.0, middle, 12.0, 46.9)
    gpd.GeoDataFrame({"crop": ["south", "north"]}, geometry=[south, north], crs=4326).to_file(tmp_path / "f.gpkg")

    burnt = laid(tmp_path / "f.gpkg").burn(Window(0, 0, *SIZE))

    rows, cols = np.mgrid[: SIZE[0], : SIZE[1]] + 0.5
    lat = lonlats(BOX, rows.ravel(), cols.ravel())[1].reshape(SIZE)
    clear = np.abs(lat - middle) > 2e-7  # 2 cm
    np.testing.assert_array_equal(burnt[clear], np.where(lat < middle, 1, 0)[clear])
    assert clear.mean() > 0.99


def test_whatever_cannot_be_used_is_told_by_name(tmp_path):
    bow_tie = shapely.Polygon([(10, 10), (20, 20), (20, 10), (10, 20)])
    drawn = [
        (shapely.box(0, 0, 10, 10), "wheat"),
        (shapely.box(20, 0, 30, 10), "maize"),
        (shapely.box(40, 0, 50, 10), None),
        (shapely.box(60, 0, 70, 10), "  "),
        (bow_tie, "wheat"),
        (shapely.box(500, 500, 510, 510), "wheat"),
        (shapely.LineString([(0, 0), (9, 9)]), "wheat"),
        (shapely.Polygon(), "wheat"),
    ]
    labels = laid(some_labels(tmp_path / "f.geojson", drawn))

    assert [(each.id, each.reason) for each in labels.features.left] == [
        ("f-4", "invalid geometry"),
        ("f-6", "other geometry"),
        ("f-7", "no geometry"),
        ("f-2", "no class"),
        ("f-3", "no class"),
        ("f-5", "outside"),
    ]
    assert told(labels, "invalid geometry")[0].startswith("f-4 has an invalid geometry (Self-intersection")
    assert told(labels, "other geometry") == ["f-6 is a LineString, neither polygon nor point"]
    assert labels.summary() == "f.geojson: 8 polygons of 2 classes (column crop)"


def test_overlaps_of_different_classes_are_told_in_pixels(tmp_path):
    """10 x 10 pixels of a square of 400, whoever of the same class lies beside."""
    drawn = [
        (shapely.box(0, 0, 20, 20), "wheat"),
        (shapely.box(10, 10, 30, 30), "maize"),
        (shapely.box(5, 5, 9, 9), "wheat"),
        (shapely.box(30, 10, 50, 30), "vines"),
    ]
    labels = laid(some_labels(tmp_path / "f.gpkg", drawn))
    first = labels.features.ids[0]

    burnt = labels.burn(Window(0, 0, *SIZE))

    said = f"f-{first} (wheat) and f-{first + 1} (maize) overlap on 100.00 pixels, which have no class"
    assert told(labels, "overlap") == [said]
    assert (burnt == CONFLICT).sum() == 100


def test_classes_that_a_legend_does_not_know_are_told(tmp_path):
    drawn = [
        (shapely.box(0, 0, 9, 9), "Forest"),
        (shapely.box(9, 0, 20, 9), "River"),
        (shapely.box(20, 0, 30, 9), "moor"),
    ]
    labels = laid(some_labels(tmp_path / "f.geojson", drawn), legend="eurosat")

    assert told(labels) == ["f-2 has a class that legend eurosat does not know"]
    assert labels.legend.codes[labels.burn(Window(0, 0, 9, 9))[0, 0]] == 1


def test_labels_without_a_crs_are_refused_until_it_is_said(tmp_path):
    path = some_labels(tmp_path / "f.shp", quarters())
    path.with_suffix(".prj").unlink()

    with pytest.raises(Refused, match="f.shp: does not say in which CRS its coordinates are. Say it: --labels-crs"):
        laid(path)
    with pytest.raises(Refused, match="names a CRS that cannot be read"):
        laid(path, crs="EPSG:nonsense")
    assert laid(path, crs="EPSG:32632").burn(Window(0, 0, 1, 1))[0, 0] == 2


def test_a_scene_without_a_place_has_no_labels_on_the_ground(tmp_path):
    with pytest.raises(Refused, match="s.tif: has no CRS, so labels on the ground cannot be laid on its pixels"):
        lay(some_labels(tmp_path / "f.gpkg", quarters()), None, column="crop", scene="s.tif")


def test_labels_that_all_lie_elsewhere_are_refused(tmp_path):
    far = [(shapely.box(900, 0, 910, 9), "maize"), (shapely.box(920, 0, 930, 9), "wheat")]

    with pytest.raises(Refused, match="no label lies on the scene that could be used: have 2 outside. Look at both in"):
        laid(some_labels(tmp_path / "f.gpkg", far))


def test_polygons_and_points_in_one_layer_are_refused(tmp_path):
    drawn = [(shapely.box(0, 0, 9, 9), "wheat"), (shapely.Point(20, 20), "maize")]

    with pytest.raises(Refused, match="holds polygons and points in one layer: have 1 polygons and 1 points"):
        laid(some_labels(tmp_path / "f.geojson", drawn))
    with pytest.raises(Refused, match="holds neither polygons nor points. Give lines a width first"):
        laid(some_labels(tmp_path / "g.geojson", [(shapely.LineString([(0, 0), (9, 9)]), "a")]))


def test_a_column_that_is_not_there_names_the_nearest(tmp_path):
    with pytest.raises(Unknown, match="unknown column 'corp'. Did you mean 'crop'"):
        laid(some_labels(tmp_path / "f.gpkg", quarters()), column="corp")


def test_labels_pickle_as_a_path_and_change_with_their_file(tmp_path):
    path = some_labels(tmp_path / "f.geojson", quarters())
    labels = laid(path)
    digest = labels.digest

    assert len(pickle.dumps(labels)) < 2000
    assert pickle.loads(pickle.dumps(labels)).digest == digest
    some_labels(path, [*quarters()[:3], (quarters()[3][0], "rice")])
    assert laid(path).digest != digest
