"""Real survey places through the layout of VisionDL: every row of a real table is read, none is filed as unread."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from swath.core.sample import Sample
from swath.formats.labels import read_labels
from swath.formats.visiondl import VISIONDL
from swath.formats.visiondl_write import write_batches
from tests.formats.a_visiondl import a_cell_file, pixels

pytestmark = pytest.mark.realdata


def a_table() -> Path:
    return Path(os.environ["SWATH_REAL_DATA"]) / "points" / "lsms_asset_index.csv.gz"


def test_the_table_holds_what_its_readme_says():
    """Data README: 2,973 rows for five countries 2005-2016; 1,374 places by ea_id, each seen 2-3 times."""
    table = read_labels(a_table())

    assert (len(table.rows), len(table.rejects), table.column) == (2973, 0, "asset_index")
    assert {row.year for row in table.rows} <= set(range(2005, 2017))
    assert len(table.by_place()) == 1374
    # Counted with awk: the old reader's pattern knew no sign and left all of these out.
    assert (sum(row.lat < 0 for row in table.rows), sum(row.value < 0 for row in table.rows)) == (888, 1350)


def test_files_for_every_real_place_are_planned(tmp_path):
    """Names as Earth Engine was told to write them; 60 places have two rows of one year, told apart by their value."""
    table = read_labels(a_table())
    template = a_cell_file(tmp_path / "template", (2016, 1.0, 2.0, 0.5), side=2)
    folder = tmp_path / "a"
    folder.mkdir()
    for row in table.rows:
        name = f"{row.year}_{row.lon}_{row.lat}_{row.value}.tfrecord.gz"
        (folder / name).hardlink_to(template)

    plan = VISIONDL.open([folder], labels=a_table()).plan()

    assert (len(plan), plan.failures) == (2973, ())
    assert plan.asked["label_table"] == {"rows": 2973, "rejected": 0, "without_file": 0}
    named = {(row.lon, row.lat) for row in table.rows}
    assert Counter(plan.rows["group"].to_pylist()).total() == 2973
    assert len(set(plan.rows["group"].to_pylist())) == len(named)
    assert sorted(plan.rows["wi"].to_pylist()) == sorted(row.value for row in table.rows)


def test_real_places_travel_through_records_and_batches(tmp_path):
    """Twenty cells spread over the table, by way of their TFRecords, a corpus's samples and HDF5."""
    rows = read_labels(a_table()).rows
    for k in np.linspace(0, len(rows) - 1, 20).astype(int):
        row = rows[k]
        a_cell_file(tmp_path / "a", (row.year, row.lon, row.lat, row.value), seed=int(k))
    source = VISIONDL.open([tmp_path / "a"])
    samples = list(source.read(source.plan().rows))
    assert all(isinstance(sample, Sample) for sample in samples)

    back = VISIONDL.open(write_batches(samples, tmp_path / "b"))
    again = list(back.read(back.plan().rows))

    for one, other in zip(samples, again, strict=True):
        assert one.lonlat == other.lonlat
        assert one.group == other.group
        np.testing.assert_array_equal(one.stacks["s2"].data, other.stacks["s2"].data)
        assert other.targets["wi"].values["wi"] == np.float32(one.targets["wi"].values["wi"])
    k = int(np.linspace(0, len(rows) - 1, 20).astype(int)[3])
    (third,) = [s for s in samples if s.lonlat == (rows[k].lon, rows[k].lat) and s.id.startswith(f"{rows[k].year}_")]
    np.testing.assert_array_equal(third.stacks["s2"].data[2, 0], pixels(k)[6])
