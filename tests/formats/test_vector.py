"""Vector files: the same features from every format, and what cannot be read is told."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pytest
import shapely

from swath.core.errors import Refused, Unknown, Unreadable
from swath.formats.vector import read_features, write_features

SQUARES = [shapely.box(10 * k, 0, 10 * k + 5, 5) for k in range(3)]


def a_frame(**columns) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame(columns or {"crop": ["wheat", "maize", None]}, geometry=SQUARES, crs=32632)


@pytest.mark.parametrize("suffix", ["gpkg", "geojson", "shp", "fgb", "parquet"])
def test_every_format_gives_the_same_features(tmp_path, suffix):
    path = tmp_path / f"fields.{suffix}"
    if suffix == "parquet":
        a_frame().to_parquet(path)
    else:
        a_frame().to_file(path)

    read = read_features(path, column="crop")

    order = np.argsort(shapely.bounds(read.geometry)[:, 0])  # FlatGeobuf stores along a curve
    assert shapely.equals(read.geometry[order], np.array(SQUARES)).all()
    assert [value if isinstance(value, str) else None for value in read.values[order]] == ["wheat", "maize", None]
    assert gpd.GeoSeries([], crs=read.crs).crs.to_epsg() == 32632
    assert len(set(read.ids.tolist())) == 3


def test_a_column_that_is_not_there_names_the_nearest(tmp_path):
    a_frame(crop=["a", "b", "c"], area=[1.0, 2.0, 3.0]).to_file(tmp_path / "f.gpkg")

    with pytest.raises(Unknown, match="f.gpkg: unknown column 'corp'. Did you mean 'crop'\\? Known: crop, area."):
        read_features(tmp_path / "f.gpkg", column="corp")


def test_without_a_column_the_columns_are_listed(tmp_path):
    a_frame(crop=["a", "b", "c"], area=[1.0, 2.0, 3.0]).to_parquet(tmp_path / "f.parquet")

    with pytest.raises(Refused, match="which column holds the class is not said: have crop, area. Name one: --column"):
        read_features(tmp_path / "f.parquet", column=None)


def test_of_several_layers_one_is_to_be_named(tmp_path):
    path = tmp_path / "f.gpkg"
    a_frame().to_file(path, layer="summer")
    a_frame(crop=["x", "y", "z"]).to_file(path, layer="winter")

    with pytest.raises(Refused, match="holds several layers: have summer, winter. Choose one with --layer NAME."):
        read_features(path, column="crop")
    with pytest.raises(Unknown, match="unknown layer 'winer'. Did you mean 'winter'"):
        read_features(path, column="crop", layer="winer")
    assert read_features(path, column="crop", layer="winter").values.tolist() == ["x", "y", "z"]


def test_what_is_no_vector_file_is_told(tmp_path):
    for name in ("f.gpkg", "f.parquet"):
        (tmp_path / name).write_bytes(b"neither one nor the other")
        with pytest.raises(Unreadable, match=f"{name}: cannot be read as a vector file"):
            read_features(tmp_path / name, column="crop")
    with pytest.raises(Unreadable, match="is not there"):
        read_features(tmp_path / "none.gpkg", column="crop")


def test_a_table_without_places_and_an_empty_layer_are_refused(tmp_path):
    (tmp_path / "f.csv").write_text("crop,area\nwheat,1\n")
    a_frame().iloc[:0].to_file(tmp_path / "f.gpkg")

    with pytest.raises(Refused, match="f.csv: holds no geometry, only a table. Turn its columns into points first"):
        read_features(tmp_path / "f.csv", column="crop")
    with pytest.raises(Refused, match="holds no feature"):
        read_features(tmp_path / "f.gpkg", column="crop")


def test_what_is_written_is_read_back_and_is_the_same_file_twice(tmp_path):
    values = {"crop": ["a", "b", "c"]}
    for name in ("one.gpkg", "two.gpkg"):
        write_features(tmp_path / name, np.array(SQUARES, object), values, crs="EPSG:32632", layer="fields")

    read = read_features(tmp_path / "one.gpkg", column="crop", layer="fields")

    assert read.values.tolist() == ["a", "b", "c"]
    assert shapely.equals(read.geometry, np.array(SQUARES)).all()
    assert (tmp_path / "one.gpkg").read_bytes() == (tmp_path / "two.gpkg").read_bytes()


def test_where_nothing_can_be_written_nothing_is_left(tmp_path):
    (tmp_path / "file").write_text("")

    with pytest.raises(Refused, match="cannot be written"):
        write_features(tmp_path / "file" / "f.gpkg", np.array(SQUARES), {"c": [1, 2, 3]}, crs="EPSG:4326", layer="f")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file"]
