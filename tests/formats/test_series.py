"""Tables of time series: UEA's .ts, UCR's rows, NPZ; gaps, lengths, labels, duplicates."""

from __future__ import annotations

import gzip
import os
from pathlib import Path

import numpy as np
import pytest

from swath.core.errors import Mismatch, Refused, SwathError, Unknown, Unreadable
from swath.core.quantity import value
from swath.formats import series
from swath.formats.series import SERIES, read_series
from swath.testing.format import check_format
from tests.formats.reading import samples_of

ROWS = "1\t0.25\t0.5\t0.75\n10\t-0.5\t0.0\t1.0\n2\t0.25\t0.5\t0.75\n1\t0.25\t0.5\t0.75\n"
TS = """# a comment
@problemName RacketSports
@timeStamps false
@missing true
@univariate false
@dimensions 2
@equalLength false
@classLabel true Smash Clear
@data
1,2,3:-1,-2,-3:Smash
4,?,6,7:-4,-5,-6,-7:Clear
8:-8:Smash
"""


def written(path, text):
    blob = text.encode()
    path.write_bytes(gzip.compress(blob) if path.name.endswith(".gz") else blob)
    return path


def test_rows_with_tabs_keep_the_contract(tmp_path):
    plan = check_format(SERIES, written(tmp_path / "Crop.tsv.gz", ROWS * 3), gsd="8")

    spec = plan.layout.stacks["series"]
    assert (spec.bands, spec.size, spec.dates, spec.dtype) == (("b1",), (1, 1), 3, "float32")
    assert (spec.quantity, spec.gsd) == (value("1"), (8.0, 8.0))
    assert plan.layout.legends["labels"].codes == (1, 2, 10)


def test_ts_keeps_the_contract(tmp_path):
    path = written(tmp_path / "RacketSports_TRAIN.ts", TS)

    plan = check_format(SERIES, path, gsd="10", dates="2020-01-01,5")

    assert plan.layout.legends["labels"].names == ("Clear", "Smash")


def test_ts_is_read_step_by_step_and_dimension_by_dimension(tmp_path):
    """UEA: dimensions are separated by colons, steps by commas, the label is last; '?' is missing."""
    one, two, three = samples_of(SERIES.open([written(tmp_path / "a.ts", TS)], gsd=10))

    assert one.stacks["series"].data[:, :, 0, 0].tolist() == [[1, -1], [2, -2], [3, -3]]
    assert two.stacks["series"].valid[:, :, 0, 0].tolist() == [[True, True], [False, True], [True, True], [True, True]]
    assert three.stacks["series"].data.shape == (1, 2, 1, 1)
    assert [s.targets["class"].code for s in (one, two, three)] == [1, 0, 1]


def test_shorter_series_are_shorter_not_zero(tmp_path):
    """003.2: unequal lengths were zero-padded."""
    table = read_series(written(tmp_path / "a.ts", TS))

    assert table.lengths.tolist() == [3, 4, 1]
    assert np.isnan(table.values[2, 1:]).all()


def test_dates_are_declared_or_unknown(tmp_path):
    path = written(tmp_path / "a.ts", TS)

    assert np.isnat(samples_of(SERIES.open([path], gsd=10))[0].stacks["series"].times).all()
    dated = samples_of(SERIES.open([path], gsd=10, dates="2006-02-09,8"))[1].stacks["series"]
    assert [str(day) for day in dated.times.astype("datetime64[D]")] == [
        "2006-02-09",
        "2006-02-17",
        "2006-02-25",
        "2006-03-05",
    ]


def test_equal_rows_are_one_group(tmp_path):
    """So that no split has a series on both sides; labels do not matter."""
    groups = SERIES.open([written(tmp_path / "a.tsv", ROWS)], gsd=8).plan().rows["group"].to_pylist()

    assert groups[0] == groups[2] == groups[3] != groups[1]


@pytest.mark.parametrize("axes", ["ntd", "ndt"])
def test_npz_of_three_axes_must_say_which_is_which(tmp_path, axes):
    held = np.arange(24.0).reshape(2, 3, 4)  # two series of three steps and four dimensions
    path = tmp_path / "a.npz"
    np.savez(path, X=held if axes == "ntd" else held.transpose(0, 2, 1), y=np.array(["b", "a"]))

    with pytest.raises(Refused, match="has three axes .*, and nothing says which are the steps. Declare axes=ndt"):
        SERIES.open([path], gsd=10)
    one, two = samples_of(SERIES.open([path], gsd=10, axes=axes))

    np.testing.assert_array_equal(one.stacks["series"].data[:, :, 0, 0], held[0])
    assert (one.targets["class"].code, two.targets["class"].code) == (1, 0)


def test_npz_of_two_axes_keeps_the_contract(tmp_path):
    np.savez_compressed(tmp_path / "a.npz", X=np.random.default_rng(1).normal(size=(9, 5)), y=np.arange(9) % 3)

    assert len(check_format(SERIES, tmp_path / "a.npz", gsd=10, spawned=False)) == 9


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        (
            "a.tsv",
            "1\t0.5\t0.5\n2\t0.5\n",
            "a.tsv line 2: steps differs: want 2 (line 1), have 1. The file",
        ),
        ("a.tsv", "1\t0.5\tx\n", "a.tsv line 1: holds a value that is no number: have 'x'."),
        ("a.tsv", "1,0.5,0.5\n", "a.tsv line 1: columns differs: want two or more, have 1. A label and values,"),
        ("a.tsv", "1\t0.5\r0.5\n", "a.tsv line 1: holds a value that is no number: have '0.5\\r0.5'."),
        ("a.tsv", "", "a.tsv: holds no series. Look at the file."),
        ("a.ts", "1,2:a\n", "a.ts line 1: has data before @data. It is no .ts file."),
        (
            "a.ts",
            TS.replace("8:-8:Smash", "8:Smash"),
            "a.ts line 12: dimensions differs: want 2, have 1.",
        ),
        (
            "a.ts",
            TS.replace("-1,-2,-3", "-1,-2"),
            "line 10: steps of its dimensions differs: want the same,",
        ),
        ("a.ts", TS.replace("8:-8:Smash", "8:-8:Smsh"), "a.ts: unknown class label 'Smsh'. Did you mean 'Smash'?"),
        ("a.ts", TS.replace("timeStamps false", "timeStamps true"), "has a time stamp with every value"),
    ],
)
def test_a_table_that_is_not_whole_is_named(tmp_path, name, text, sentence):
    with pytest.raises(SwathError) as raised:
        read_series(written(tmp_path / name, text))

    assert sentence in str(raised.value)


def test_rows_read_at_once_are_those_read_line_by_line(tmp_path):
    """Python's own floats are the reference; a sign that only Python takes for one leads through the slower way."""
    rows = ["1.000\t0.1\t?\t1e-3", "-1\tNaN\t-7.25\t", "b\t3.3333333333333335\tinf\t2"]
    want = [[float(cell) if cell not in ("?", "NaN", "") else np.nan for cell in row.split("\t")[1:]] for row in rows]

    plain = read_series(written(tmp_path / "a.tsv", "\n".join(rows)))
    by_line = read_series(written(tmp_path / "b.tsv", "\r\n".join(rows).replace("0.1", "+0.1") + "\r\n"))

    for table in (plain, by_line):
        np.testing.assert_array_equal(table.values[:, :, 0], want)
        assert table.labels == ("1", "-1", "b")
    assert plain.lengths.tolist() == by_line.lengths.tolist() == [3, 2, 3]


def test_a_packed_table_cut_short_is_named(tmp_path):
    path = written(tmp_path / "a.tsv.gz", ROWS * 100)
    path.write_bytes(path.read_bytes()[:-9])

    with pytest.raises(Unreadable, match=r"a.tsv.gz: cannot be read \(.*\)\. Fetch the table again\."):
        read_series(path)


def test_more_rows_than_anybody_has_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(series, "MOST_ROWS", 3)

    with pytest.raises(Refused, match=r"a.tsv: has more than 3 rows\. Split it\."):
        read_series(written(tmp_path / "a.tsv", ROWS))


def test_a_table_that_memory_cannot_hold_is_refused_before_it_is_made(tmp_path):
    """One long series among many short ones: a table as wide as the longest would take 2.4 GB."""
    long, short = ",".join(["1"] * 30_000), "1:a\n" * 10_000
    text = f"@dimensions 1\n@classLabel true a\n@data\n{long}:a\n{short}"

    with pytest.raises(Refused, match=r"a.ts: takes 2,400,240,000 bytes in memory \(10,001 series of 30,000 steps\)"):
        read_series(written(tmp_path / "a.ts", text))


def test_what_no_such_file_says_must_be_declared(tmp_path):
    path = written(tmp_path / "a.tsv", ROWS)

    with pytest.raises(Refused, match=r"says on how much ground a series stands nowhere\. Declare gsd=\."):
        SERIES.open([path])
    with pytest.raises(Refused, match="option gsd: must be metres above 0, have 0"):
        SERIES.open([path], gsd=0)
    with pytest.raises(Mismatch, match="option bands: dimensions differs: want 1 names, each once, have a, b"):
        SERIES.open([path], gsd=8, bands="a,b")
    with pytest.raises(Refused, match="option dates: cannot be read from '2009-01-03': want a date and days"):
        SERIES.open([path], gsd=8, dates="2009-01-03")
    with pytest.raises(Unknown):
        SERIES.open([path], gsd=8, legend="eurosat")


def test_labels_that_are_values_are_no_classes(tmp_path):
    path = written(tmp_path / "a.tsv", "".join(f"{k / 7:.4f}\t0.5\t0.5\n" for k in range(1500)))

    with pytest.raises(Refused, match="has 1,500 different labels: these are values, not classes"):
        SERIES.open([path], gsd=8)
    assert SERIES.open([path], gsd=8, labels="leave").plan().layout.targets == {}


def test_tables_of_other_dimensions_are_opened_apart(tmp_path):
    paths = [written(tmp_path / "a.tsv", ROWS), written(tmp_path / "b.ts", TS)]

    with pytest.raises(Mismatch, match=r"b.ts: dimensions differs: want 1 \(a.tsv\), have 2\. Open it apart\."):
        SERIES.open(paths, gsd=8)


def test_a_row_without_a_value_is_quarantined(tmp_path):
    source = SERIES.open([written(tmp_path / "a.tsv", ROWS + "3\tNaN\tNaN\tNaN\n")], gsd=8)

    (failure,) = source.plan().failures
    assert (failure.id, failure.reason) == ("a-00004", "invalid")
    assert failure.message == "a.tsv row 5: holds no value. Leave it out."


def crop() -> Path:
    return Path(os.environ["SWATH_REAL_DATA"]) / "timeseries" / "Crop_TRAIN.tsv.gz"


@pytest.mark.realdata
def test_crop_is_what_its_readme_says():
    """Data README: 4,608 rows, labels 1..24, 46 steps of -1.01..0.97, 336 exact duplicate rows."""
    source = SERIES.open([crop()], gsd=8, unit="1")
    plan = source.plan()

    assert (len(plan), plan.failures) == (4608, ())
    assert plan.layout.stacks["series"].dates == 46
    assert plan.layout.legends["labels"].codes == tuple(range(1, 25))
    table = read_series(crop())
    assert (round(float(table.values.min()), 2), round(float(table.values.max()), 2)) == (-1.01, 0.97)
    assert len(plan) - len(set(plan.rows["group"].to_pylist())) == 336


@pytest.mark.realdata
def test_class_means_of_crop_match_the_file():
    """B12; numpy's own reader is the other side."""
    with gzip.open(crop(), "rt") as handle:
        theirs = np.loadtxt(handle)
    source = SERIES.open([crop()], gsd=8)

    samples = list(source.read(source.plan().rows))

    codes = np.array([sample.targets["class"].code for sample in samples])
    values = np.stack([sample.stacks["series"].data[:, 0, 0, 0] for sample in samples])
    for code in range(1, 25):
        want = theirs[theirs[:, 0] == code, 1:].mean(axis=0)
        np.testing.assert_allclose(values[codes == code].mean(axis=0), want, atol=1e-6)


@pytest.mark.realdata
def test_crop_keeps_the_contract():
    check_format(SERIES, crop(), gsd=8, rows=4, spawned=False)


@pytest.mark.realdata
def test_an_npz_of_other_names_is_named():
    """fuel_moisture.npz calls its series s1_s2_era5_srtm."""
    path = Path(os.environ["SWATH_REAL_DATA"]) / "points" / "fuel_moisture.npz"

    with pytest.raises(Unreadable, match="fuel_moisture.npz: holds no array X or x or values or data: have dyn"):
        read_series(path)
