"""Tables of places with labels: every spelling, every sign, and what a row can lack."""

from __future__ import annotations

import gzip

import pytest

from swath.core.errors import Mismatch, Refused, Unreadable
from swath.formats import labels
from swath.formats.labels import read_labels

CODE = "year,centroid_longtitude,centroid_latitude,wi\n2014,-12.5,-3.4,-0.7\n2018,38.2,14.3,1.25\n"


def test_the_columns_of_code_and_readme_both_map(tmp_path):
    """002.2: read are year, centroid_longtitude [sic], centroid_latitude, wi; the README says longitude and label."""
    (tmp_path / "a.csv").write_text(CODE)
    readme = CODE.replace("longtitude", "longitude").replace("wi", "label").encode()
    (tmp_path / "b.csv.gz").write_bytes(gzip.compress(readme))

    one, other = read_labels(tmp_path / "a.csv"), read_labels(tmp_path / "b.csv.gz")

    assert one.rows == other.rows
    assert (one.column, other.column) == ("wi", "label")
    assert [(row.year, row.lon, row.lat, row.value) for row in one.rows] == [
        (2014, -12.5, -3.4, -0.7),
        (2018, 38.2, 14.3, 1.25),
    ]


def test_what_a_row_lacks_is_told_by_its_line_and_nothing_is_lost(tmp_path):
    (tmp_path / "a.csv").write_text(CODE + "2018,38.2,,1.0\n2018,14.3,138.2,1.0\n2018,1.0,2.0,nan\n")

    table = read_labels(tmp_path / "a.csv")

    assert len(table.rows) + len(table.rejects) == 5
    assert [failure.id for failure in table.rejects] == ["a.csv:4", "a.csv:5", "a.csv:6"]
    assert table.rejects[0].message == "a.csv line 4: has no number in column centroid_latitude: have ''."
    assert table.rejects[1].message == (
        "a.csv line 5: lies nowhere on Earth (lat 138.2, lon 14.3). Are the two exchanged?"
    )


def test_a_missing_column_is_named_with_those_that_would_do(tmp_path):
    (tmp_path / "a.csv").write_text("year,x,y,wi\n")

    with pytest.raises(Mismatch) as raised:
        read_labels(tmp_path / "a.csv")

    assert str(raised.value) == (
        "a.csv: columns differs: want one of centroid_longtitude, centroid_longitude, longtitude, longitude, lon, "
        "have year, x, y, wi. Name it so."
    )


def test_another_column_of_values_is_named(tmp_path):
    (tmp_path / "a.csv").write_text("year,lon,lat,roads\n2018,1,2,3\n")

    assert read_labels(tmp_path / "a.csv", column="Roads").rows[0].value == 3.0


def test_a_table_cut_short_and_one_too_long_are_refused(tmp_path, monkeypatch):
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(CODE.encode())[:-5])
    with pytest.raises(Unreadable, match=r"a.csv.gz: cannot be read \(.*\)\. Fetch the table again\."):
        read_labels(tmp_path / "a.csv.gz")

    (tmp_path / "b.csv").write_text(CODE)
    monkeypatch.setattr(labels, "MOST_ROWS", 1)
    with pytest.raises(Refused, match=r"b.csv: has more than 1 rows\. Split it\."):
        read_labels(tmp_path / "b.csv")


def test_what_no_reader_of_csv_takes_is_named(tmp_path):
    """A field beyond csv's own limit of 131,072 characters."""
    (tmp_path / "a.csv").write_text(CODE + "2018,1,2," + "9" * 200_000 + "\n")

    with pytest.raises(Unreadable, match=r"a.csv: is no CSV \(field larger than field limit \(131072\)\)\."):
        read_labels(tmp_path / "a.csv")
