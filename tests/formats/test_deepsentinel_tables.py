"""DeepSentinel's tables: points, statistics, and the colours of CORINE."""

from __future__ import annotations

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from swath.core.errors import Mismatch, Refused, Unreadable
from swath.core.legends import legend
from swath.core.presets import from_statistics
from swath.core.quantity import SIGMA0_DB
from swath.formats import deepsentinel_tables
from swath.formats.deepsentinel_tables import read_channel_statistics, read_colour_map, read_points

#: Entries of the published CLC_100m_colmap.json (codes 0, 1, 2, 23, 44 to 48), as they stand there.
COLOURS = {
    "0": {"color": [255, 255, 255, 255], "description": "000: NODATA"},
    "1": {"color": [230, 0, 77, 255], "description": "111: Continuous urban fabric"},
    "2": {"color": [255, 0, 0, 255], "description": "112: Discontinuous urban fabric"},
    "23": {"color": [128, 255, 0, 255], "description": "311: Broad-leaved forest"},
    "44": {"color": [230, 242, 255, 255], "description": "523: Sea and ocean"},
    "45": {"color": [255, 255, 255, 255], "description": "999: NODATA"},
    "46": {"color": [255, 255, 255, 255], "description": "002: UNCLASSIFIED LAND SURFACE"},
    "47": {"color": [230, 242, 255, 255], "description": "005: UNCLASSIFIED WATER BODIES"},
    "48": {"color": [255, 255, 255, 255], "description": "001: NODATA"},
}


def written(path, held):
    path.write_text(json.dumps(held))
    return path


def test_the_colour_map_is_a_legend(tmp_path):
    known = read_colour_map(written(tmp_path / "c.json", COLOURS))

    assert known.none == (0, 45, 48)
    assert known.palette()[23] == (128, 255, 0)
    assert known.name_of(1) == "Continuous urban fabric"
    ours = legend("corine-index")
    for code in (1, 2, 23):
        assert ours.palette()[code] == known.palette()[code]
        assert ours.name_of(code) == known.name_of(code)


def test_codes_in_another_order_are_refused(tmp_path):
    """001-D6: level 3 used codes as positions in an alphabetically sorted legend."""
    turned = {**COLOURS, "1": COLOURS["2"], "2": COLOURS["1"]}

    with pytest.raises(Mismatch) as raised:
        read_colour_map(written(tmp_path / "c.json", turned))
    assert str(raised.value) == (
        "c.json: class of code 1 differs: want 111, have 112 (Discontinuous urban fabric). Mend the map."
    )


@pytest.mark.parametrize(
    "entry", [{}, {"color": [300, 0, 0], "description": "111: x"}, {"color": 5, "description": ""}]
)
def test_an_entry_that_is_none_is_named(tmp_path, entry):
    with pytest.raises(Unreadable, match="c.json: has an entry '1' that is none"):
        read_colour_map(written(tmp_path / "c.json", {"1": entry}))


def test_points_are_read_whatever_wrote_them(tmp_path):
    """Titles of points are JSON-quoted, those of polygons bare (001.4)."""
    quoted = pa.table({"lon": [1.0], "lat": [-2.0], "S1_rec": ['"S1A_x"'], "S2_L2A_rec": ['["S2A_y"]']})
    bare = pa.table({"lon": [1.0], "lat": [-2.0], "S1_rec": ["S1A_x"], "S2_L2A_rec": ["S2A_y"]})
    for name, table in (("a.parquet", quoted), ("b.parquet", bare)):
        pq.write_table(table, tmp_path / name)
        row = read_points(tmp_path / name)["0"]
        assert (row.lon, row.lat, row.s1, row.s2_l2a, row.dl_s1) == (1.0, -2.0, "S1A_x", "S2A_y", "")
        assert row.hours is None


def test_points_tables_that_are_none_are_refused(tmp_path, monkeypatch):
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"idx": [3, 3], "lon": [1.0, 1.0], "lat": [2.0, 2.0]}), path)
    with pytest.raises(Refused, match=r"a.parquet: has sample 3 twice\. Leave one row\."):
        read_points(path)
    monkeypatch.setattr(deepsentinel_tables, "MOST_ROWS", 1)
    with pytest.raises(Refused, match=r"a.parquet: has more than 1 rows\."):
        read_points(path)
    pq.write_table(pa.table({"x": [1.0]}), path)
    with pytest.raises(Mismatch, match=r"a.parquet: columns differs: want lon, lat, have x\."):
        read_points(path)
    path.write_bytes(path.read_bytes()[:50])
    with pytest.raises(Unreadable, match=r"a.parquet: cannot be read \("):
        read_points(path)


def test_statistics_become_a_preset(tmp_path):
    held = {"mean": {"VV": -12.0, "VH": -19.0}, "std": {"VV": 5.0, "VH": 6.0}}

    made = from_statistics(
        "theirs", read_channel_statistics(written(tmp_path / "s.json", held)), ("VH", "VV"), SIGMA0_DB
    )

    assert (made.mean, made.std) == ((-19.0, -12.0), (6.0, 5.0))


def test_names_of_descarteslabs_are_resolved_and_alpha_left_out(tmp_path):
    held = {kind: {"coastal-aerosol": 1.0, "red": 2.0, "alpha": 3.0} for kind in ("mean", "std")}

    assert read_channel_statistics(written(tmp_path / "s.json", held))["mean"] == {"B01": 1.0, "B04": 2.0}


@pytest.mark.parametrize(
    ("held", "sentence"),
    [
        ({"a": 1}, "s.json: holds no mean by band: have a. Look at the file."),
        ({"mean": {"VV": 1.0}, "std": {"VH": 1.0}}, "s.json: bands of std differs: want VV, have VH."),
        ({"mean": {"VV": "x"}, "std": {"VV": 1.0}}, "s.json: holds a mean that is no number."),
    ],
)
def test_statistics_that_are_none_are_named(tmp_path, held, sentence):
    with pytest.raises((Unreadable, Mismatch)) as raised:
        read_channel_statistics(written(tmp_path / "s.json", held))

    assert sentence in str(raised.value)
