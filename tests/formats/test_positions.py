"""Positions of EuroSAT's pictures: half a pixel of care, and tables that are not whole."""

from __future__ import annotations

import gzip

import numpy as np
import pytest
from affine import Affine
from odc.geo.geobox import GeoBox
from pyproj import Transformer

from swath.core.errors import Mismatch, Refused, Unreadable
from swath.core.geobox import area, footprint
from swath.formats.positions import outlines, place_patches, read_positions
from swath.testing.build import a_positions_table

HEAD = "path,class,lat,lon\n"


def a_table(path, *rows: str):
    path.write_text(HEAD + "".join(f"{row}\n" for row in rows))
    return path


def test_the_point_is_the_centre_of_pixel_32_32(tmp_path):
    """Data README: the point lies half a pixel (5 m) south and east of the patch's centre; measured on 100 patches."""
    table = read_positions(a_table(tmp_path / "p.csv", "2750/Forest/Forest_1.jpg,Forest,46.5,11.35"))

    placed = place_patches(["Forest_1"], table)

    x, y = Transformer.from_crs(4326, 32632, always_xy=True).transform(11.35, 46.5)
    # Pixel (row 32, column 32) of a grid that begins at (left, top) has its centre 325 m east and south of it.
    assert placed.epsg[0] == 32632
    assert placed.left[0] + 325 == pytest.approx(x, abs=0.006)
    assert placed.top[0] - 325 == pytest.approx(y, abs=0.006)


def test_the_plan_names_the_centre_of_the_patch(tmp_path):
    """5 m north and west of the table's point: 4.5e-5 degrees of latitude, 6.5e-5 of longitude at 46.5 N."""
    table = read_positions(a_table(tmp_path / "p.csv", "2750/Forest/Forest_1.jpg,Forest,46.5,11.35"))

    placed = place_patches(["Forest_1"], table)

    assert placed.lat[0] - 46.5 == pytest.approx(5 / 111_150, rel=0.05)
    assert placed.lon[0] - 11.35 == pytest.approx(-5 / 76_700, rel=0.08)


def test_the_square_covers_640_m_around_the_centre(tmp_path):
    """EuroSAT: 64 x 64 pixels of 10 m."""
    table = read_positions(a_positions_table(tmp_path / "p.csv", n=3))
    placed = place_patches(list(table), table)

    squares = outlines(placed.epsg, placed.left, placed.top)

    for square, lon, lat in zip(squares, placed.lon, placed.lat, strict=True):
        assert square.centroid.x == pytest.approx(lon, abs=2e-6)
        assert square.centroid.y == pytest.approx(lat, abs=2e-6)
    there = Transformer.from_crs(4326, int(placed.epsg[0]), always_xy=True)
    x, y = there.transform(*np.array(squares[0].exterior.coords).T)
    assert np.ptp(x) == pytest.approx(640, abs=0.01)
    assert np.ptp(y) == pytest.approx(640, abs=0.01)


def test_squares_equal_the_footprints_that_geoboxes_have(tmp_path):
    """core.geobox draws the same square with more points along its sides."""
    table = read_positions(a_table(tmp_path / "p.csv", "a/Forest_1.jpg,Forest,-33.9,151.2", "a/Forest_2.jpg,,65.1,24"))
    placed = place_patches(["Forest_1", "Forest_2"], table)
    squares = outlines(placed.epsg, placed.left, placed.top)

    for i in range(2):
        box = GeoBox((64, 64), Affine(10, 0, placed.left[i], 0, -10, placed.top[i]), f"EPSG:{placed.epsg[i]}")
        assert squares[i].symmetric_difference(footprint(box)).area < 1e-4 * squares[i].area
        assert area(box) == pytest.approx(640**2, rel=0.002)


def test_a_patch_on_the_antimeridian_is_split(tmp_path):
    table = read_positions(a_table(tmp_path / "p.csv", "a/Forest_1.jpg,Forest,-16.8,179.9999"))
    placed = place_patches(["Forest_1"], table)

    (square,) = outlines(placed.epsg, placed.left, placed.top)

    assert square.geom_type == "MultiPolygon"
    assert square.bounds[0] == -180.0
    assert square.bounds[2] == 180.0


def test_a_patch_that_the_table_lacks_has_no_place(tmp_path):
    table = read_positions(a_table(tmp_path / "p.csv", "a/Forest_1.jpg,Forest,46.5,11.35"))

    placed = place_patches(["Forest_1", "Forest_2"], table)

    assert placed.epsg.tolist() == [32632, 0]
    assert np.isnan(placed.lon).tolist() == [False, True]
    assert outlines(placed.epsg, placed.left, placed.top)[1] is None


def test_a_gzipped_table_reads_as_the_plain_one(tmp_path):
    plain = a_positions_table(tmp_path / "p.csv")
    (tmp_path / "p.csv.gz").write_bytes(gzip.compress(plain.read_bytes()))

    assert read_positions(tmp_path / "p.csv.gz") == read_positions(plain)


def test_duplicate_rows_are_refused_by_path(tmp_path):
    row = "2750/Forest/Forest_1.jpg,Forest,46.5,11.35"
    path = a_table(tmp_path / "p.csv", row, "2750/River/River_1.jpg,River,46,11", row)

    with pytest.raises(Refused) as raised:
        read_positions(path)

    assert str(raised.value) == (
        "p.csv line 4: 2750/Forest/Forest_1.jpg has more than one position (first as 2750/Forest/Forest_1.jpg). "
        "Leave one row a patch."
    )


@pytest.mark.parametrize(("lat", "lon"), [("91", "0"), ("0", "181"), ("nan", "11")])
def test_a_place_that_is_none_is_refused(tmp_path, lat, lon):
    path = a_table(tmp_path / "p.csv", f"a/Forest_1.jpg,Forest,{lat},{lon}")

    with pytest.raises(Refused, match=r"p\.csv line 2: a/Forest_1\.jpg lies nowhere on Earth"):
        read_positions(path)


def test_a_number_that_is_none_is_told(tmp_path):
    path = a_table(tmp_path / "p.csv", "a/Forest_1.jpg,Forest,north,11")

    with pytest.raises(Unreadable) as raised:
        read_positions(path)

    assert str(raised.value) == "p.csv line 2: position: want degrees, have lat 'north', lon '11'."


def test_missing_columns_are_named(tmp_path):
    path = tmp_path / "p.csv"
    path.write_text("file,latitude,longitude\n")

    with pytest.raises(Mismatch) as raised:
        read_positions(path)

    assert str(raised.value) == (
        "p.csv: columns differs: want path, class, lat, lon, have file, latitude, longitude. Name them so."
    )


def test_a_truncated_table_is_told(tmp_path):
    path = tmp_path / "p.csv.gz"
    path.write_bytes(gzip.compress(a_positions_table(tmp_path / "p.csv").read_bytes())[:-20])

    with pytest.raises(Unreadable, match="cannot be read .*Fetch the table again"):
        read_positions(path)
    with pytest.raises(Unreadable, match=r"nothing\.csv: cannot be read"):
        read_positions(tmp_path / "nothing.csv")


def test_a_table_that_csv_cannot_read_is_told(tmp_path):
    """A row that a comma was lost in."""
    path = a_table(tmp_path / "p.csv", "a/Forest_1.jpg,Forest,46.5,11.35", "a/Forest_2.jpg,Forest,46.5")

    with pytest.raises(Unreadable) as raised:
        read_positions(path)

    assert str(raised.value) == (
        "p.csv: is no CSV (Row #3: Expected 4 columns, got 3: a/Forest_2.jpg,Forest,46.5). Save it anew."
    )


def test_every_row_is_checked_and_only_those_that_are_asked_for_are_kept(tmp_path):
    rows = ("a/Forest_1.jpg,Forest,46.5,11.35", '"a, b/Forest_2.jpg",Forest, 46.5 ,11.36', "Forest_3,,46.5,11.37")

    assert list(read_positions(a_table(tmp_path / "p.csv", *rows), {"Forest_2", "Forest_9"})) == ["Forest_2"]
    assert list(read_positions(a_table(tmp_path / "p.csv", *rows))) == ["Forest_1", "Forest_2", "Forest_3"]
    with pytest.raises(Refused, match="line 5: Forest_4 lies nowhere on Earth"):
        read_positions(a_table(tmp_path / "p.csv", *rows, "Forest_4,,91,0"), {"Forest_2"})
