"""Folders of GeoTIFFs that swath wrote: the same samples come out again, and what was changed in between is named."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import rasterio
import shapely

from swath.core.errors import Mismatch, Refused, Unreadable
from swath.core.geobox import footprint, sample_geobox
from swath.core.legends import Legend, LegendClass
from swath.core.offset import Decision
from swath.core.origin import Origin
from swath.core.plan import Layout, StackSpec
from swath.core.quantity import SIGMA0_DB, class_of, dn, rgb8, value
from swath.core.sample import Sample, Target, TargetSpec
from swath.core.stack import Stack, same
from swath.formats import format_named, sniff
from swath.formats.geotiff_write import SampleRow, date_names, write_index, write_sample
from swath.formats.raster import unplaced_is_a_fact
from swath.testing.format import check_format

SIZE = 8
BOX = sample_geobox(11.3, 46.5, size=SIZE)
CROPS = Legend("crops", (LegendClass(1, "maize", "aa5500"), LegendClass(7, "rye; winter", "00aa55")), none=(0,))
RNG = np.random.default_rng(5)
S2 = dn("toa", offset=[-1000, -900, -1000])
LAYOUT = Layout(
    {
        "s2": StackSpec(("B04", "B03", "B02"), (SIZE, SIZE), "uint16", S2, "s2-l1c", "L1C", (10, 10), 3, True),
        "s1": StackSpec(("VV", "VH"), (SIZE, SIZE), "float32", SIGMA0_DB, "s1-grd", "GRD", (10, 10), 1, True),
        "photo": StackSpec(
            ("red", "green", "blue"), (SIZE, SIZE), "uint8", rgb8("camera"), "camera", "", (3, 3), 1, True
        ),
        "height": StackSpec(("height",), (SIZE, SIZE), "int16", value("m"), "dem", "", (10, 10), 1, True),
        "map": StackSpec(("class",), (SIZE, SIZE), "uint8", class_of("crops"), "", "", (10, 10), 1, True),
    },
    {
        "crop": TargetSpec("class", "crops"),
        "seen": TargetSpec("classes", "crops"),
        "wealth": TargetSpec("values", units={"wi": "1", "age": "a"}),
        "map": TargetSpec("map", "crops"),
    },
    {"crops": CROPS},
    ("Fields: somebody, CC-BY-4.0.",),
)


def _valid(*shape, share=0.8):
    return RNG.random(shape) < share


def a_sample(id: str, **changed) -> Sample:
    """One with a series, per-band masks, all codes of 8 bits, numbers below 0, and a footprint that is no grid."""
    times = np.array(["2021-06-01T10:10:31.123456", "2021-06-06", "NaT"], "datetime64[us]")
    known = Decision((-1000.0, -900.0, -1000.0), "metadata", "documented", ("a product",), "not run").to_json()
    origin = Origin(("a", "b", "c"), "s2-l1c", "L1C", "somebody", ("05.00", "05.10", "05.10"), (known,) * 3)
    s2 = Stack(RNG.integers(1, 60000, (3, 3, SIZE, SIZE)).astype(np.uint16), ("B04", "B03", "B02"), times, S2, BOX,
               (10.0, 10.0), _valid(3, 3, SIZE, SIZE), origin)  # fmt: skip
    once = times[:1]
    db = RNG.normal(-12, 4, (1, 2, SIZE, SIZE)).astype(np.float32)
    s1 = Stack(
        db, ("VV", "VH"), once, SIGMA0_DB, BOX, (10.0, 10.0), _valid(1, 1, SIZE, SIZE), Origin(("s",), level="GRD")
    )
    codes = np.resize(np.arange(256), (1, 3, SIZE, SIZE)).astype(np.uint8)
    photo = Stack(codes, ("red", "green", "blue"), np.full(1, times[2]), rgb8("camera"), None, (3.0, 2.9999999),
                  _valid(1, 1, SIZE, SIZE), Origin(("p",), "camera"))  # fmt: skip
    metres = RNG.integers(-32768, 9000, (1, 1, SIZE, SIZE)).astype(np.int16)
    metres[0, 0, 0, :2] = -32768, 32767
    height = Stack(
        metres,
        ("height",),
        np.full(1, times[2]),
        value("m"),
        BOX,
        (10.0, 10.0),
        _valid(1, 1, SIZE, SIZE),
        Origin(("h",)),
    )
    crops = RNG.choice([0, 1, 7], (1, 1, SIZE, SIZE)).astype(np.uint8)
    crops = Stack(crops, ("class",), once, class_of("crops"), BOX, (10.0, 10.0), None, Origin(("c",)))
    targets = {
        "crop": Target(code=7),
        "seen": Target(codes=(1, 7)),
        "wealth": Target(values={"wi": -0.1 + 0.2, "age": float("nan")}),
        "map": Target(stack=crops),
    }
    made = Sample(
        id, {"s2": s2, "s1": s1, "photo": photo, "height": height}, targets, footprint(BOX).buffer(0.001), "g"
    )
    return replace(made, **changed)


def row_of(sample: Sample) -> SampleRow:
    held = {**sample.stacks, **{name: t.stack for name, t in sample.targets.items() if t.stack is not None}}
    flat = {name: t.code or t.codes or t.values for name, t in sample.targets.items() if t.stack is None}
    flat |= {name: () for name, t in sample.targets.items() if t.codes == ()}
    times = {name: stack.times for name, stack in held.items()}
    return SampleRow(sample.id, sample.group, sample.lonlat, sample.footprint, flat, times, {"split_a": "train"})


def a_folder(path, samples):
    for sample in samples:
        write_sample(sample, path, LAYOUT, stacks=list(LAYOUT.stacks))
    write_index(path, LAYOUT, [row_of(sample) for sample in samples], note={})
    return path


def read(path):
    source = format_named("geotiff").open([path])
    plan = source.plan()
    return [*plan.failures, *source.read(plan.rows)]


def without_hidden(stack: Stack) -> Stack:
    """What lies under invalid pixels is not kept by a file that says "no data" by a code."""
    if stack.valid is None:
        return stack
    return replace(stack, data=np.where(np.broadcast_to(stack.valid, stack.data.shape), stack.data, 0))


SAMPLES = [
    a_sample("field/7"),
    a_sample(
        "../up:..", targets={"seen": Target(codes=())}, footprint=None, group="", lonlat=(-179.99999999999997, 12.5)
    ),
]


def test_samples_come_out_as_they_went_in(tmp_path):
    """Numbers, masks a band, dates to the microsecond, unknown dates, grids, origins and every kind of target."""
    out = read(a_folder(tmp_path / "t", SAMPLES))

    assert [each.id for each in out] == ["field/7", "../up:.."]
    for one, other in zip(SAMPLES, out, strict=True):
        assert set(one.stacks) == set(other.stacks)
        assert all(same(without_hidden(one.stacks[n]), without_hidden(other.stacks[n])) for n in one.stacks)
        assert (one.group, one.lonlat, one.footprint) == (other.group, other.lonlat, other.footprint)
    first, second = (each.targets for each in out)
    assert same(first["map"].stack, SAMPLES[0].targets["map"].stack)
    assert (first["crop"].code, first["seen"].codes, second["seen"].codes) == (7, (1, 7), ())
    assert first["wealth"].values["wi"] == -0.1 + 0.2
    assert np.isnan(first["wealth"].values["age"])
    assert list(second) == ["seen"]


def test_no_file_leaves_the_folder(tmp_path):
    a_folder(tmp_path / "t", SAMPLES)

    assert [path.name for path in tmp_path.iterdir()] == ["t"]
    assert (tmp_path / "t/s1/%2E./up%3A...tif").is_file()


def test_days_that_come_twice_are_numbered():
    """Two passes of one day must not write one file."""
    twice = np.array(["2021-06-01T10", "2021-06-01T22"], "datetime64[us]")

    assert date_names(twice) == ["00-2021-06-01", "01-2021-06-01"]


def test_pictures_that_use_every_code_keep_their_mask_beside_the_pixels(tmp_path):
    """All 256 codes are colours: no code is left for "no data"."""
    a_folder(tmp_path / "t", SAMPLES[:1])

    with unplaced_is_a_fact(), rasterio.open(tmp_path / "t/photo/field/7.tif") as file:
        assert file.nodata is None
        np.testing.assert_array_equal(file.read_masks(1) > 0, SAMPLES[0].stacks["photo"].valid[0, 0])


def test_the_least_integer_is_no_code_of_absence_where_it_was_measured(tmp_path):
    a_folder(tmp_path / "t", SAMPLES[:1])

    with rasterio.open(tmp_path / "t/height/field/7.tif") as file:
        stack = SAMPLES[0].stacks["height"]
        assert not (stack.data[0][stack.valid[0]] == file.nodata).any()


@pytest.mark.parametrize("stack", ["s2", "s1", "photo", "height"])
def test_the_files_of_one_stack_open_by_themselves(tmp_path, stack):
    """Quantity, bands, date, level, gsd and origin stand in each file; nothing is declared."""
    sample = SAMPLES[0]
    out = read(a_folder(tmp_path / "t", [sample]) / stack)

    found = [each for one in out for each in one.stacks.values()]
    whole = sample.stacks[stack]
    assert len(found) == len(whole.times)
    for k, each in enumerate(found):
        assert each.quantity == whole.quantity
        np.testing.assert_array_equal(each.times, whole.times[k : k + 1])
        assert (each.bands, each.gsd, each.geobox) == (whole.bands, whole.gsd, whole.geobox)
        assert each.origin.items == whole.origin.items[k : k + 1]
        masked = np.broadcast_to(whole.valid, whole.data.shape)[k]
        np.testing.assert_array_equal(each.data[0][masked], whole.data[k][masked])


def test_a_folder_says_itself_what_it_holds(tmp_path):
    path = a_folder(tmp_path / "t", SAMPLES[:1])

    assert sniff(path) == "geotiff"
    with pytest.raises(Refused, match="says itself what it holds, and not by kind"):
        format_named("geotiff").open([path], kind="value")
    with pytest.raises(Refused, match="Open it apart"):
        format_named("geotiff").open([path, path])


def test_a_file_of_another_size_is_named(tmp_path):
    path = a_folder(tmp_path / "t", SAMPLES[:1])
    one = path / "s1/field/7.tif"
    with rasterio.open(one) as file:
        profile, data, tags = file.profile | {"height": 4}, file.read()[:, :4], file.tags()
    with rasterio.open(one, "w", **profile) as file:
        file.write(data)
        file.update_tags(**tags)

    (failure,) = read(path)
    assert failure.message == "s1/field/7.tif: size differs: want 8 x 8 (swath.json), have 4 x 8. Export it again."


def test_a_file_that_is_gone_is_named(tmp_path):
    path = a_folder(tmp_path / "t", SAMPLES[:1])
    (path / "s1/field/7.tif").unlink()

    (failure,) = read(path)
    assert failure.message.startswith("field/7: has no file 's1/field/7.tif' in the folder.")


def _edit(path, old, new, name="labels.csv"):
    text = (path / name).read_text()
    assert old in text
    (path / name).write_text(text.replace(old, new))


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (",7,", ",seven,", "labels.csv line 2: cannot be read (invalid literal"),
        ('""Polygon""', '""Point""', "labels.csv: holds a footprint that is n"),
        ('""coordinates""', '""coordinate""', "labels.csv: holds a footprint that is none"),
    ],
)
def test_a_damaged_line_is_a_failure(tmp_path, old, new, said):
    path = a_folder(tmp_path / "t", SAMPLES[:1])
    _edit(path, old, new)

    (failure,) = read(path)
    assert said in failure.message


@pytest.mark.parametrize(
    ("name", "old", "new", "error", "said"),
    [
        ("labels.csv", "crop_code", "crop_kode", Mismatch, "columns differs"),
        ("labels.csv", "field/7,", '"field/7,', Unreadable, "is no CSV"),
        ("labels.csv", "../up:..", "field/7", Refused, "names 'field/7' twice"),
        ("files.csv", "field/7,s1,", "other,s1,", Mismatch, "samples differs"),
        ("files.csv", "field/7,s1,", "field/7,s9,", Mismatch, "stack differs"),
        ("swath.json", '"schema": 1', '"schema": 2', Refused, "is of schema 2; this swath knows 1"),
        ("swath.json", '"layout"', '"lay"', Unreadable, "is no head of a folder"),
        ("swath.json", '"dtype": "int16"', '"dtype": "int128"', Exception, "unknown dtype 'int128'"),
    ],
)
def test_a_damaged_table_is_told(tmp_path, name, old, new, error, said):
    path = a_folder(tmp_path / "t", SAMPLES)
    _edit(path, old, new, name)

    with pytest.raises(error) as raised:
        read(path)
    assert said in str(raised.value)


def test_a_path_in_the_table_cannot_leave_the_folder(tmp_path):
    path = a_folder(tmp_path / "t", SAMPLES[:1])
    (path / "s1/field/7.tif").rename(tmp_path / "out.tif")
    _edit(path, "s1/field/7.tif", "../out.tif", "files.csv")

    (failure,) = read(path)
    assert "has no file '../out.tif' in the folder" in failure.message


def test_a_target_named_as_a_column_is_refused(tmp_path):
    layout = replace(LAYOUT, targets={"group": TargetSpec("class", "crops")})

    with pytest.raises(Refused, match="would have two columns group"):
        write_index(tmp_path, layout, [replace(row_of(SAMPLES[0]), targets={})], note={})


def test_masks_that_differ_by_band_need_a_code(tmp_path):
    """Three bands with all 256 codes valid in each, and masks of their own: neither a code nor one mask says that."""
    codes = np.resize(np.arange(256), (1, 3, 16, 20)).astype(np.uint8)
    valid = np.ones((1, 3, 16, 20), bool)
    valid[0, 1, 0, 0] = False
    stack = Stack(codes, ("a", "b", "c"), np.full(1, np.datetime64("NaT", "us")), value("1"), None, (1, 1), valid)

    with pytest.raises(Refused, match="masks that differ from band to band, and a measurement for every code"):
        write_sample(Sample("x", {"s2": stack}), tmp_path, LAYOUT, stacks=["s2"])


def test_footprints_are_kept_to_the_last_bit(tmp_path):
    """Text of six digits would move a corner by decimetres."""
    path = a_folder(tmp_path / "t", SAMPLES[:1])

    line = (path / "labels.csv").read_text().splitlines()[1]
    held = shapely.geometry.shape(json.loads(line[line.index('"{') :].strip('"').replace('""', '"')))
    assert held == SAMPLES[0].footprint


def test_the_folder_keeps_the_contract_of_a_format(tmp_path):
    """A file that was cut in half is a failure; plan and source are pure and picklable."""
    placed = replace(
        SAMPLES[1], footprint=SAMPLES[0].footprint, lonlat=None
    )  # as every source that knows its grid says

    check_format(format_named("geotiff"), a_folder(tmp_path / "t", [SAMPLES[0], placed]), spawned=False)
