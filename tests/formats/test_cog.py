"""COGs from rows: what comes out is what was put in, or it is said."""

from __future__ import annotations

import numpy as np
import pytest
import rasterio
from affine import Affine
from odc.geo.geobox import GeoBox

from swath.core.errors import Refused, Unreadable
from swath.formats.cog import CogSpec, RowWriter, read_at, read_rows, read_small, read_tags

BOX = GeoBox((600, 700), Affine(10, 0, 680040, 0, -10, 5152200), "EPSG:32632")


def a_spec(**more):
    held = {"shape": (600, 700), "bands": 2, "dtype": "uint8", "nodata": 255, "geobox": BOX, "overviews": "average"}
    return CogSpec(**{**held, **more})


def rows_of(bands=2, seed=0):
    return np.random.default_rng(seed).integers(0, 255, (bands, 600, 700), dtype=np.uint8)


def written(path, spec, data, step):
    with RowWriter(path, spec) as file:
        for top in range(0, data.shape[1], step):
            file.write(data[:, top : top + step])
        file.finish()
    return path


@pytest.mark.parametrize("step", [1, 37, 600])
def test_rows_come_out_as_they_went_in_whatever_came_together(tmp_path, step):
    data = rows_of()

    path = written(tmp_path / "a.tif", a_spec(names=("a", "b"), scale=0.5, tags={"K": "v"}), data, step)

    with rasterio.open(path) as file:
        np.testing.assert_array_equal(file.read(), data)
        assert (file.descriptions, file.scales, file.transform) == (("a", "b"), (0.5, 0.5), BOX.transform)
        assert file.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"
    np.testing.assert_array_equal(np.concatenate([rows for _, rows in read_rows(path)], axis=1), data)
    assert read_tags(path)["K"] == "v"
    assert [each.name for each in tmp_path.iterdir()] == ["a.tif"]


def test_the_same_rows_give_the_same_bytes(tmp_path):
    one = written(tmp_path / "a.tif", a_spec(), rows_of(), 64).read_bytes()

    assert written(tmp_path / "b.tif", a_spec(), rows_of(), 64).read_bytes() == one


def test_a_file_that_lacks_rows_is_refused(tmp_path):
    with RowWriter(tmp_path / "a.tif", a_spec()) as file:
        file.write(rows_of()[:, :100])
        with pytest.raises(Refused, match=r"a\.tif: has 100 of 600 rows\."):
            file.finish()


def test_a_disk_that_does_not_hold_what_was_written_is_found(tmp_path, monkeypatch):
    """GDAL may pass over a failed write on closing: here the copy of other rows stands for it."""
    import rasterio.shutil

    data = rows_of()
    other = written(tmp_path / "other.tif", a_spec(), rows_of(seed=1), 64)
    copy = rasterio.shutil.copy
    monkeypatch.setattr(rasterio.shutil, "copy", lambda _, to, **how: copy(other, to, **how))

    with pytest.raises(Refused, match=r"a\.tif: does not hold what was written\. The disk may be full or failing\."):
        written(tmp_path / "a.tif", a_spec(), data, 64)


def test_places_are_found_and_what_has_no_class_is_not(tmp_path):
    data = np.full((1, 600, 700), 255, np.uint8)
    data[0, 3, 5] = 7
    path = written(tmp_path / "a.tif", a_spec(bands=1, overviews="mode"), data, 100)
    from pyproj import Transformer

    turn = Transformer.from_crs(32632, 4326, always_xy=True).transform
    lon, lat = turn([680040 + 55, 680040 + 65, 680040 - 5], [5152200 - 35, 5152200 - 35, 5152200 - 35])

    assert read_at(path, np.array(lon), np.array(lat)).tolist() == [7, -1, -1]


def test_a_small_picture_shows_codes_that_are_there(tmp_path):
    """Mode, never a mean of codes."""
    data = np.where(np.arange(700) % 7 < 4, 9, 1).astype(np.uint8) * np.ones((1, 600, 1), np.uint8)
    path = written(tmp_path / "a.tif", a_spec(bands=1, overviews="mode"), data, 100)

    small = read_small(path, 100)

    assert small.shape == (86, 100)
    assert set(np.unique(small)) <= {1, 9}


def test_tags_of_what_is_no_raster(tmp_path):
    (tmp_path / "a.tif").write_bytes(b"text")

    with pytest.raises(Unreadable, match=r"a\.tif: cannot be read as a raster\. Make it again\."):
        read_tags(tmp_path / "a.tif")
