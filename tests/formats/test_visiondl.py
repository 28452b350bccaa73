"""VisionDL's TFRecords and HDF5 batches: signs, spellings, orders, offsets, and everything that can be wrong."""

from __future__ import annotations

import gzip
import math
import shutil

import h5py
import numpy as np
import pytest
from pyproj import Geod

from swath.core.errors import Mismatch, Refused, SwathError, Unreadable
from swath.core.quantity import TOA, dn
from swath.core.sample import Sample
from swath.formats.tfrecord import encode_example, frame_record
from swath.formats.visiondl import CHANNELS, VISIONDL
from swath.formats.visiondl_write import write_batches, write_records
from swath.testing.build import a_sample, a_stack
from swath.testing.format import check_format
from tests.formats.a_visiondl import CELLS, THEIR_KEYS, a_batch, a_cell_file, a_drive_zip, cell_files, pixels, record
from tests.formats.reading import by_id, samples_of, the_failure


def test_records_in_a_folder_keep_the_contract(tmp_path):
    plan = check_format(VISIONDL, cell_files(tmp_path / "a", landcover=True))

    spec = plan.layout.stacks["s2"]
    assert spec.bands == ("B04", "B03", "B02", "B08", "B11", "B12")
    assert (spec.dates, spec.size, spec.dtype, spec.quantity) == (4, (50, 50), "float32", TOA)
    assert (spec.sensor, spec.level) == ("s2-l1c", "L1C")
    assert plan.layout.targets["wi"].units == {"wi": "1"}


def test_records_in_zips_keep_the_contract(tmp_path):
    plan = check_format(VISIONDL, a_drive_zip(tmp_path / "asset-index-001.zip"))

    assert len(plan) == 4
    assert "landcover" not in plan.layout.stacks


def test_batches_keep_the_contract(tmp_path):
    a_batch(tmp_path / "b" / "data_batch_1.h5", 5)
    a_batch(tmp_path / "b" / "data_batch_2.h5", 3, first=5)

    assert len(check_format(VISIONDL, tmp_path / "b")) == 8


def test_a_single_file_opens(tmp_path):
    path = a_cell_file(tmp_path / "a")

    assert VISIONDL.sniff(path)
    assert [sample.id for sample in samples_of(VISIONDL.open([path]))] == ["2016_-12.5_-3.4_-0.7"]


def test_our_names_of_the_channels_are_theirs():
    """read_tfrecord.py, BAND_KEYS."""
    assert CHANNELS == THEIR_KEYS


def test_southern_western_and_negative_names_are_read(tmp_path):
    """002-D5: their pattern knew no sign, and filed every one of these as unread."""
    plan = VISIONDL.open([cell_files(tmp_path / "a")]).plan()

    rows = {row["id"]: (row["year"], row["lon"], row["lat"], row["wi"]) for row in plan.rows.to_pylist()}
    assert set(rows.values()) == set(CELLS)
    assert rows["2019_30.0_-1e-05_2.0"][2] == -1e-05


@pytest.mark.parametrize("spelling", ["longtitude", "longitude"])
def test_both_spellings_of_longitude_are_checked(tmp_path, spelling):
    path = a_cell_file(tmp_path / "a", CELLS[0], spelling=spelling)
    assert samples_of(VISIONDL.open([path]))[0].lonlat == (-12.5, -3.4)

    path.rename(path.with_name("2016_-12.6_-3.4_-0.7.tfrecord.gz"))
    failure = the_failure(VISIONDL.open([path.parent]))
    assert failure.reason == "mismatch"
    assert failure.message == (
        f"a/2016_-12.6_-3.4_-0.7.tfrecord.gz: {spelling} differs: want -12.600000 (its name), "
        "have -12.500000 (its record). Rename the file."
    )


def test_every_channel_lands_in_its_quarter_and_band(tmp_path):
    """002.2: [B4 B3 B2] of the quarters, then [B8 B11 B12] of the quarters."""
    sample = samples_of(VISIONDL.open([a_cell_file(tmp_path / "a", seed=7)]))[0]

    theirs = dict(zip(THEIR_KEYS, pixels(7), strict=True))
    for q in range(4):
        for b, name in enumerate(("B4", "B3", "B2", "B8", "B11", "B12")):
            np.testing.assert_array_equal(sample.stacks["s2"].data[q, b], theirs[f"{name}_{q + 1}"])


def test_dates_are_not_invented(tmp_path):
    sample = samples_of(VISIONDL.open([a_cell_file(tmp_path / "a")]))[0]

    assert np.isnat(sample.stacks["s2"].times).all()
    assert sample.stacks["s2"].origin.items[3] == "2016_-12.5_-3.4_-0.7.tfrecord.gz quarter 4"
    assert sample.stacks["s2"].origin.declared["year"] == 2016


def test_the_patch_shrinks_with_the_cosine_of_latitude(tmp_path):
    """002-D2: 30 m of Web Mercator are 15 m on the ground at 60 degrees; pyproj's geodesic measures the outline."""
    (sample,) = samples_of(VISIONDL.open([a_cell_file(tmp_path / "a", (2016, 25.0, 60.0, 0.5), side=225)]))

    assert sample.stacks["s2"].gsd == pytest.approx((15.0, 15.0))
    left, south, right, north = sample.footprint.bounds
    across = Geod(ellps="WGS84").inv(left, 60.0, right, 60.0)[2]
    assert across == pytest.approx(225 * 15.0, rel=0.005)
    assert (left + right) / 2 == pytest.approx(25.0)
    assert south < 60.0 < north


def test_the_grid_is_laid_only_if_asked_for(tmp_path):
    path = a_cell_file(tmp_path / "a", side=225)

    assert samples_of(VISIONDL.open([path]))[0].stacks["s2"].geobox is None
    box = samples_of(VISIONDL.open([path], grid="centred"))[0].stacks["s2"].geobox
    assert (box.crs.epsg, box.transform.a) == (3857, 30.0)


def test_a_places_years_are_one_group(tmp_path):
    """B9: a location's years never cross a split."""
    plan = VISIONDL.open([cell_files(tmp_path / "a")]).plan()

    groups = dict(zip(plan.rows["id"].to_pylist(), plan.rows["group"].to_pylist(), strict=True))
    ids = sorted(groups)
    assert groups[ids[0]] == groups[next(i for i in ids if i.startswith("2018"))]
    assert len(set(groups.values())) == 3


def test_nodata_of_the_export_is_no_measurement(tmp_path):
    """002-D3: patches are partly masked, and masked pixels were exported as 0."""
    held = pixels(3)
    held[:, :10] = 0  # all of the top of every band
    held[12, 20, 20] = 0  # one pixel of B8 of the first quarter

    sample = samples_of(VISIONDL.open([a_cell_file(tmp_path / "a", channels=held)]))[0]

    valid = sample.stacks["s2"].valid
    assert valid.shape == (4, 6, 50, 50)
    assert not valid[:, :, :10].any()
    assert valid[0, :, 20, 20].tolist() == [True, True, True, False, True, True]
    assert valid[:, :, 10:].sum() == 4 * 6 * 40 * 50 - 1


def test_an_empty_sample_is_quarantined(tmp_path):
    path = a_cell_file(tmp_path / "a", channels=np.zeros((24, 50, 50), np.float32))

    assert the_failure(VISIONDL.open([path])).message == (
        "a/2016_-12.5_-3.4_-0.7.tfrecord.gz: holds no pixel: all of it is 0 or NaN. "
        "Export it again, if an image of the year covers it."
    )


def test_land_cover_between_two_classes_is_no_class(tmp_path):
    """002-D4: a median of class codes; 2.5 is none of Dynamic World's."""
    held = pixels(3, landcover=True)
    held[24, 0] = 2.5
    held[24, 1] = 6

    sample = samples_of(VISIONDL.open([a_cell_file(tmp_path / "a", channels=held)]))[0]

    cover = sample.stacks["landcover"]
    assert cover.quantity.legend == "dynamic-world"
    assert not cover.valid[0, 0, 0].any()
    assert (cover.data[0, 0, 1] == 6).all()
    assert cover.origin.declared["legacy-median"] == "a median of class codes"
    assert "landcover" not in VISIONDL.open([tmp_path / "a"], landcover="leave").plan().layout.stacks


def test_before_2022_bright_pixels_are_refused(tmp_path):
    """Un-harmonised collection before baseline 04.00: +1000 cannot be in it, so these are not what they say."""
    held = (np.random.default_rng(1).integers(1050, 3000, (24, 50, 50)) / 10000).astype(np.float32)

    failure = the_failure(VISIONDL.open([a_cell_file(tmp_path / "a", channels=held)]))

    assert failure.reason == "refused"
    assert "the pixels contradict the metadata: convention says 0 (COPERNICUS/S2 before 2022: offset-free)" in (
        failure.message
    )


def test_before_2022_a_hazy_quarter_follows_the_clear_ones(tmp_path):
    """Real: cirrus over Italy on 2018-01-06 lifts the dark end of B04 to 950 (s2-timeseries-italy)."""
    held = pixels(3)
    for k, name in enumerate(THEIR_KEYS):
        held[k] = 0.1 + held[k] if name.endswith("_1") else held[k]

    (sample,) = samples_of(VISIONDL.open([a_cell_file(tmp_path / "a", channels=held)]))

    assert [offset["offset"] for offset in sample.stacks["s2"].origin.offsets] == [[0.0]] * 4
    assert "for all were processed alike" in sample.stacks["s2"].origin.offsets[0]["verdict"]
    np.testing.assert_array_equal(sample.stacks["s2"].data[0, 0], held[0])


def test_from_2022_on_each_quarter_is_decided_by_its_pixels(tmp_path):
    """002-D3: the offset since baseline 04.00 was ignored; here quarters 2 to 4 of 2022 carry it and lose it."""
    clean = (np.random.default_rng(1).integers(50, 3000, (24, 50, 50)) / 10000).astype(np.float32)
    lifted = clean.copy()
    for k, name in enumerate(THEIR_KEYS):
        if not name.endswith("_1"):
            lifted[k] += np.float32(0.1)

    sample = samples_of(VISIONDL.open([a_cell_file(tmp_path / "a", (2022, 1.0, 2.0, 0.5), channels=lifted)]))[0]

    theirs = dict(zip(THEIR_KEYS, clean, strict=True))
    for q in range(4):
        np.testing.assert_allclose(sample.stacks["s2"].data[q, 0], theirs[f"B4_{q + 1}"], atol=1e-6)
    decided = [offset["offset"] for offset in sample.stacks["s2"].origin.offsets]
    assert decided == [[0.0], [-1000.0], [-1000.0], [-1000.0]]


def test_from_2022_on_overcast_quarters_are_undecided(tmp_path):
    held = np.full((24, 50, 50), 0.45, np.float32)
    path = a_cell_file(tmp_path / "a", (2023, 1.0, 2.0, 0.5), channels=held)

    failure = the_failure(VISIONDL.open([path]))
    assert "the offset is undecided: baseline says 0 (COPERNICUS/S2, processed before 2022-01-25)" in failure.message

    declared = samples_of(VISIONDL.open([path], offset="-1000"))[0]
    np.testing.assert_allclose(declared.stacks["s2"].data, 0.35, atol=1e-6)


def test_a_file_cut_short_is_quarantined_and_the_rest_is_read(tmp_path):
    folder = cell_files(tmp_path / "a")
    path = folder / "2014_38.210251919_14.2885896726_-1.472297906875.tfrecord.gz"
    path.write_bytes(path.read_bytes()[:-1000])

    made = by_id(VISIONDL.open([folder]))

    failure = made[path.name.removesuffix(".tfrecord.gz")]
    assert failure.reason == "unreadable"
    assert failure.message.startswith(f"a/{path.name}: is cut short: its gzip stream has no end. Fetch it again;")
    assert sum(isinstance(each, Sample) for each in made.values()) == 3


def test_a_flipped_pixel_is_quarantined(tmp_path):
    path = a_cell_file(tmp_path / "a")
    cell_files(tmp_path / "a", CELLS[1:])
    framed = bytearray(gzip.decompress(path.read_bytes()))
    framed[5000] ^= 1
    path.write_bytes(gzip.compress(framed))

    assert "record 0: is damaged: checksum of its bytes: want" in the_failure(VISIONDL.open([tmp_path / "a"])).message


def test_a_file_without_one_of_the_bands_is_quarantined(tmp_path):
    folder = cell_files(tmp_path / "a", CELLS[1:])
    features = {name: np.full(2500, 0.1) for name in THEIR_KEYS if name != "B3_2"}
    (folder / "2016_-12.5_-3.4_-0.7.tfrecord.gz").write_bytes(gzip.compress(frame_record(encode_example(features))))

    failure = the_failure(VISIONDL.open([folder]))

    assert "2016_-12.5_-3.4_-0.7.tfrecord.gz: holds no numbers named B3_2: have B11_1, B11_2" in failure.message


def test_a_file_of_another_size_is_quarantined(tmp_path):
    folder = cell_files(tmp_path / "a", CELLS[1:])
    a_cell_file(folder, (2019, 99.0, 1.0, 1.0), side=40)

    assert (
        "pixels of B4_1 differs: want 2,500 (the other files), have 1,600."
        in the_failure(VISIONDL.open([folder])).message
    )


def test_two_records_in_a_file_are_another_export(tmp_path):
    folder = cell_files(tmp_path / "a", CELLS[1:])
    one = frame_record(record(pixels(0), -12.5, -3.4, -0.7))
    (folder / "2016_-12.5_-3.4_-0.7.tfrecord.gz").write_bytes(gzip.compress(one + one, 1))

    assert (
        "records differs: want one a file, have more. It is another export."
        in the_failure(VISIONDL.open([folder])).message
    )


def test_a_name_in_another_order_is_left_out_by_name(tmp_path):
    """Latitude first: 138 degrees of it are nowhere; a name without a label says nothing."""
    folder = cell_files(tmp_path / "a", CELLS[:1])
    shutil.copy(next(folder.iterdir()), folder / "2016_-3.4_138.2_-0.7.tfrecord.gz")
    shutil.copy(next(folder.glob("2016_-12*")), folder / "patch_17.tfrecord.gz")

    failures = {failure.id: failure.message for failure in VISIONDL.open([folder]).plan().failures}

    assert failures["a/2016_-3.4_138.2_-0.7.tfrecord.gz"] == (
        "a/2016_-3.4_138.2_-0.7.tfrecord.gz: lies nowhere in Web Mercator (lat 138.2, lon -3.4). "
        "Longitude stands first in the name."
    )
    assert failures["a/patch_17.tfrecord.gz"] == (
        "a/patch_17.tfrecord.gz: file name differs: want <year>_<lon>_<lat>_<label>.tfrecord.gz, "
        "have patch_17.tfrecord.gz. Rename it."
    )


def test_the_same_cell_in_two_zips_is_refused(tmp_path):
    zips = [a_drive_zip(tmp_path / f"{k}.zip", CELLS[:1]) for k in (1, 2)]

    with pytest.raises(Refused, match="identifier '2016_-12.5_-3.4_-0.7' occurs twice"):
        VISIONDL.open(zips).plan()


def test_batches_in_the_wrong_order_are_sorted_by_number(tmp_path):
    for k in (2, 10, 1):
        a_batch(tmp_path / "b" / f"data_batch_{k}.h5", 1, first=k)

    ids = VISIONDL.open([tmp_path / "b"]).plan().rows["id"].to_pylist()

    assert ids == ["data_batch_1-0000", "data_batch_2-0000", "data_batch_10-0000"]


def test_batches_with_channels_in_the_wrong_place_are_refused(tmp_path):
    """Channels last, as Keras would have them."""
    path = a_batch(tmp_path / "data_batch_1.h5", 2)
    with h5py.File(path, "a") as file:
        held = file["data"][:].transpose(0, 2, 3, 1)
        del file["data"]
        file["data"] = held

    with pytest.raises(Mismatch) as raised:
        VISIONDL.open([path])

    assert str(raised.value) == (
        "data_batch_1.h5: array data differs: want 24 or 25 channels of square pixels, have 50 of 50 x 24. "
        "It is a file of another kind."
    )


def test_records_beside_batches_are_refused(tmp_path):
    a_batch(cell_files(tmp_path / "a") / "data_batch_1.h5", 1)

    with pytest.raises(Refused, match=r"holds TFRecords beside HDF5 batches\. Open them apart\."):
        VISIONDL.open([tmp_path / "a"])
    (tmp_path / "c").mkdir()
    with pytest.raises(Refused, match="holds no file of VisionDL"):
        VISIONDL.open([tmp_path / "c"])


def test_a_batch_cut_short_is_named(tmp_path):
    path = a_batch(tmp_path / "data_batch_1.h5", 3)
    path.write_bytes(path.read_bytes()[:-2000])

    with pytest.raises(Unreadable, match=r"data_batch_1.h5: cannot be opened \(.*truncated file"):
        VISIONDL.open([path])


def test_one_corrupt_chunk_takes_no_neighbour_with_it(tmp_path):
    """HDF5's inflate checks adler32 (zlib, RFC 1950)."""
    (path,) = write_batches(samples_of(VISIONDL.open([cell_files(tmp_path / "a")])), tmp_path / "b")
    with h5py.File(path) as file:
        chunk = file["data"].id.get_chunk_info(2)
    blob = bytearray(path.read_bytes())
    blob[chunk.byte_offset + chunk.size // 2] ^= 0xFF
    path.write_bytes(blob)

    made = by_id(VISIONDL.open([path]))

    assert [isinstance(made[f"data_batch_1-000{k}"], Sample) for k in range(4)] == [True, True, False, True]
    assert "data_batch_1.h5: array '/data' cannot be read" in made["data_batch_1-0002"].message


def test_batches_come_back_bit_for_bit(tmp_path):
    """B3: round trip of HDF5 bit-exact, 24 and 25 channels."""
    for landcover in (False, True):
        folder = tmp_path / str(landcover)
        theirs = a_batch(folder / "data_batch_1.h5", 5, landcover=landcover)

        (ours,) = write_batches(samples_of(VISIONDL.open([theirs])), folder / "again")

        with h5py.File(theirs) as one, h5py.File(ours) as other:
            for name in ("data", "locations", "labels"):
                assert one[name].dtype == other[name].dtype
                np.testing.assert_array_equal(one[name][:], other[name][:])


def test_batches_are_cut_at_their_size(tmp_path):
    samples = samples_of(VISIONDL.open([cell_files(tmp_path / "a")]))
    told = []

    written = write_batches(samples, tmp_path / "b", per_file=3, total=4, progress=lambda *said: told.append(said))

    assert [path.name for path in written] == ["data_batch_1.h5", "data_batch_2.h5"]
    assert sorted(path.name for path in (tmp_path / "b").iterdir()) == ["data_batch_1.h5", "data_batch_2.h5"]
    assert told == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert [len(VISIONDL.open([path]).plan()) for path in written] == [3, 1]


def test_records_come_back_as_they_were(tmp_path):
    folder = cell_files(tmp_path / "a", landcover=True)
    samples = samples_of(VISIONDL.open([folder]))

    written = write_records(samples, tmp_path / "b")

    assert sorted(path.name for path in written) == sorted(path.name for path in folder.iterdir())
    for path in written:
        assert gzip.decompress(path.read_bytes()) == gzip.decompress((folder / path.name).read_bytes())


def test_what_that_system_cannot_hold_is_refused(tmp_path):
    (sample,) = samples_of(VISIONDL.open([a_cell_file(tmp_path / "a")]))

    with pytest.raises(Mismatch, match=r"sample Forest_1: dates differs: want 4 \(one a quarter\), have 1\."):
        write_batches([a_sample()], tmp_path / "b")
    with pytest.raises(Mismatch, match="quantity differs: want toa reflectance as float32, have boa"):
        write_batches([a_sample(stacks={"s2": a_stack(quantity=dn("boa", offset=0))})], tmp_path / "b")
    with pytest.raises(Refused, match="has no label wi"):
        write_batches([Sample(sample.id, sample.stacks, {}, None, "", sample.lonlat)], tmp_path / "b")
    with pytest.raises(Refused, match="has no place, which that system needs"):
        write_batches([Sample(sample.id, sample.stacks, sample.targets)], tmp_path / "b")
    assert list((tmp_path / "b").iterdir()) == []


def test_a_table_of_labels_gives_the_target(tmp_path):
    """The year 2014 of the table has images of 2016 (002.2)."""
    table = tmp_path / "label.csv"
    table.write_text(
        "year,centroid_longtitude,centroid_latitude,wi,roads\n"
        "2014,-12.5,-3.4,-0.7,11\n2014,38.210251919,14.2885896726,-1.472297906875,12\n"
        "2018,38.210251919,14.2885896726,1.25,13\n2019,7.0,7.0,7.0,14\n"
    )
    source = VISIONDL.open([cell_files(tmp_path / "a")], labels=table, label_column="roads")

    plan = source.plan()
    held = {made.id: made.targets["wi"].values["wi"] for made in source.read(plan.rows)}

    assert sorted(held.values()) == [11.0, 12.0, 13.0]
    assert plan.asked["label_table"] == {"rows": 4, "rejected": 0, "without_file": 1}
    (lacking,) = plan.failures
    assert lacking.message == (
        "a/2019_30.0_-1e-05_2.0.tfrecord.gz, label.csv: has no row for it (lon 30.0, lat -1e-05, year 2019). "
        "Mend the table."
    )


def test_a_batch_finds_its_rows_by_place_and_label(tmp_path):
    """HDF5 batches lost the year: place and label together find the row."""
    path = a_batch(tmp_path / "data_batch_1.h5", 2)
    table = tmp_path / "label.csv"
    table.write_text("year,lon,lat,wi\n2016,-12.5,-3.4,-1.0\n2018,-12.5,-3.4,0.5\n2016,-11.5,-3.39,2.0\n")

    source = VISIONDL.open([path], labels=table)

    assert [made.targets["wi"].values["wi"] for made in samples_of(source)] == [-1.0, 2.0]


@pytest.mark.parametrize(
    ("declared", "sentence"),
    [
        ({"offset": "5"}, "option offset: cannot be '5': want 0 or -1000"),
        ({"label_column": "x"}, "option label_column: names a column of no table"),
        ({"landcover": "keeep"}, "unknown landcover 'keeep'. Did you mean 'keep'?"),
    ],
)
def test_what_cannot_be_declared_is_said(tmp_path, declared, sentence):
    with pytest.raises(SwathError) as raised:
        VISIONDL.open([cell_files(tmp_path / "a")], **declared)

    assert sentence in str(raised.value)


def test_a_label_that_nobody_measured_is_missing_not_zero(tmp_path):
    path = a_cell_file(tmp_path / "a", (2016, 1.0, 2.0, math.nan))

    assert math.isnan(samples_of(VISIONDL.open([path]))[0].targets["wi"].values["wi"])
