"""Earth Engine's TFRecord exports: place by counting, by degrees, by both; and what an export can have wrong."""

from __future__ import annotations

import json

import numpy as np
import pytest

from swath.core.errors import Failure, Mismatch, Refused, Unreadable
from swath.core.quantity import SIGMA0_DB, dn
from swath.core.sample import Sample
from swath.formats.earthengine import EARTHENGINE, read_mixer
from swath.formats.tfrecord import encode_example, frame_record
from swath.testing.format import check_format
from tests.formats.an_export import COLS, ROWS, SIDE, an_export, an_image, degrees
from tests.formats.reading import all_of, samples_of

L1C = {"kind": "dn", "level": "L1C", "convention": "0", "date": "2019-06-12"}


@pytest.mark.parametrize(("shards", "packed"), [(1, True), (3, True), (2, False)])
def test_an_export_keeps_the_contract(tmp_path, shards, packed):
    plan = check_format(EARTHENGINE, an_export(tmp_path / "e", an_image(), shards=shards, packed=packed), **L1C)

    assert len(plan) == ROWS * COLS
    spec = plan.layout.stacks["s2"]
    assert (spec.bands, spec.size, spec.dtype) == (("B02", "B03", "B04", "B10"), (SIDE, SIDE), "uint16")
    assert spec.quantity == dn("toa", offset=0)


def test_patches_lie_where_they_were_cut_from(tmp_path):
    """science 6: row-major patches over all shards in the order of their names, from the upper left."""
    image = an_image()
    samples = samples_of(EARTHENGINE.open([an_export(tmp_path / "e", image, shards=5)], **L1C))

    for number, sample in enumerate(samples):
        row, col = divmod(number, COLS)
        stack = sample.stacks["s2"]
        window = np.s_[row * SIDE : (row + 1) * SIDE, col * SIDE : (col + 1) * SIDE]
        np.testing.assert_array_equal(stack.data[0, 3], image["B10"][window])
        transform = stack.geobox.transform
        assert (transform.c, transform.f) == (680040.0 + col * 160, 5152200.0 - row * 160)
        assert stack.gsd == (10.0, 10.0)


def test_degrees_prove_what_was_counted(tmp_path):
    image = {**an_image(), **degrees()}
    folder = an_export(tmp_path / "e", image)

    counted = samples_of(EARTHENGINE.open([folder], **L1C, features="B2,B3,B10,B4"))
    proved = samples_of(EARTHENGINE.open([folder], **L1C, lonlat="longitude,latitude"))

    assert proved[0].stacks["s2"].bands == ("B02", "B03", "B04", "B10")
    for one, other in zip(counted, proved, strict=True):
        assert one.stacks["s2"].geobox == other.stacks["s2"].geobox


def test_shards_in_another_order_are_found_by_their_degrees(tmp_path):
    """Renamed by hand, the second shard first: counting alone would move every patch."""
    folder = an_export(tmp_path / "e", {**an_image(), **degrees()})
    (folder / "bolzano-00000.tfrecord.gz").rename(folder / "bolzano-00002.tfrecord.gz")

    made = all_of(EARTHENGINE.open([folder], **L1C, lonlat="longitude,latitude"))

    assert all(isinstance(each, Failure) for each in made)
    lon, lat = (f"{held[0, 0]:.4f}" for held in degrees().values())
    want = f"bolzano-00001.tfrecord.gz record 0: place differs: want lon {lon}, lat {lat} (by counting), have lon "
    assert made[0].message.startswith(want)
    assert made[0].message.endswith(" (its first pixel). Shards are missing, or in another order.")


def test_dropped_patches_make_counting_impossible(tmp_path):
    """science 6: maxMaskedRatio drops patches, after which row and column counting is impossible."""
    image = {**an_image(), **degrees()}
    folder = an_export(tmp_path / "e", image, drop=(1, 6))

    with pytest.raises(Mismatch) as raised:
        EARTHENGINE.open([folder], **L1C, features="B2").plan()
    assert str(raised.value) == (
        "e: number of patches differs: want 12 (mixer file), have 10 in 2 shards. Fetch every shard. If patches were "
        "dropped by maxMaskedRatio, declare lonlat=, or place=unknown."
    )

    samples = samples_of(EARTHENGINE.open([folder], **L1C, lonlat="longitude,latitude"))
    corners = [(s.stacks["s2"].geobox.transform.c - 680040) / 160 for s in samples]
    assert corners == [0, 2, 3, 0, 1, 3, 0, 1, 2, 3]


def test_a_kernel_needs_degrees(tmp_path):
    """science 6: kernelSize [k, k] adds k/2 on each side; the mixer's matrix with a kernel is unverified."""
    bands = {name: np.pad(held, 4, mode="edge") for name, held in an_image().items()}
    folder = an_export(tmp_path / "e", {**bands, **degrees(pad=4)}, kernel=8)

    with pytest.raises(Refused) as raised:
        EARTHENGINE.open([folder], **L1C)
    assert str(raised.value) == (
        "bolzano-00000.tfrecord.gz record 0: has a kernel of 8 px, of which nobody has written down how the grid lies. "
        "Declare lonlat=, if longitude and latitude were exported as bands; or place=unknown."
    )

    samples = samples_of(EARTHENGINE.open([folder], **L1C, lonlat="longitude,latitude"))
    assert samples[5].stacks["s2"].data.shape == (1, 4, SIDE + 8, SIDE + 8)
    assert samples[5].stacks["s2"].geobox.transform.c == 680040 + (SIDE - 4) * 10
    unplaced = samples_of(EARTHENGINE.open([folder], **L1C, place="unknown", gsd="10", features="B2,B4"))
    assert unplaced[0].stacks["s2"].geobox is None
    assert unplaced[0].footprint is None


def test_pixels_in_another_order_are_found_by_their_degrees(tmp_path):
    """Columns first: every patch is transposed, and so are its degrees."""
    image = {**an_image(), **degrees()}
    folder = an_export(tmp_path / "e", image)
    turned = {name: np.ascontiguousarray(held.T) for name, held in image.items()}
    turned = {name: np.pad(held, ((0, 0), (0, COLS * SIDE - held.shape[1]))) for name, held in turned.items()}
    an_export(folder, {name: held[: ROWS * SIDE] for name, held in turned.items()})

    first = all_of(EARTHENGINE.open([folder], **L1C, lonlat="longitude,latitude"))[0]

    assert isinstance(first, Failure)
    assert "place of its corners differs: want on the mixer's grid, 16 x 16 pixels, have " in first.message


def test_the_mask_says_what_the_default_value_hides(tmp_path):
    """science 6: masked pixels get defaultValue, 0 being the same as nodata and as class 0: export the mask."""
    image = an_image(("VV", "VH"))
    image = {name: -held / 100 for name, held in image.items()}
    image["mask"] = np.ones_like(image["VV"])
    for held in image.values():
        held[:8] = 0

    declared = {"kind": "sigma0_db", "sensor": "s1-grd", "mask": "mask"}
    samples = samples_of(EARTHENGINE.open([an_export(tmp_path / "e", image)], **declared))

    stack = samples[0].stacks["s1"]
    assert stack.quantity == SIGMA0_DB
    assert stack.bands == ("VH", "VV")
    assert stack.valid[0, 0].tolist() == [[False] * SIDE] * 8 + [[True] * SIDE] * 8
    assert samples[4].stacks["s1"].valid is None


def test_names_of_ones_own_are_mapped_in_the_order_of_features(tmp_path):
    image = an_image(("red_p50", "nir_p50"))
    folder = an_export(tmp_path / "e", image)

    (first, *_) = samples_of(EARTHENGINE.open([folder], **L1C, features="red_p50,nir_p50", bands="B04,B08"))

    np.testing.assert_array_equal(first.stacks["s2"].data[0, 1], image["nir_p50"][:SIDE, :SIDE])
    assert first.stacks["s2"].bands == ("B04", "B08")


def test_bands_in_another_order_than_their_features_are_refused(tmp_path):
    folder = an_export(tmp_path / "e", an_image(("B4", "B8")))

    with pytest.raises(Mismatch, match=r"band order differs: want B08 B04 \(declared\), have B04 B08 \(written in the"):
        EARTHENGINE.open([folder], **L1C, features="B4,B8", bands="B8,B4")


def test_numbers_that_are_not_whole_are_no_digital_numbers(tmp_path):
    image = an_image(("B4", "B8"))
    image["B8"][3, 5] = 1000.5

    made = all_of(EARTHENGINE.open([an_export(tmp_path / "e", image)], **L1C))

    assert made[0].message == (
        "bolzano-00000.tfrecord.gz record 0: digital numbers of B8 differs: want whole, 0..65535, have 1000.5. "
        "Declare dtype=float32, or the kind that they are."
    )
    assert sum(isinstance(each, Sample) for each in made) == ROWS * COLS - 1
    floats = samples_of(EARTHENGINE.open([tmp_path / "e"], **L1C, dtype="float32"))
    assert floats[0].stacks["s2"].data[0, 1, 3, 5] == 1000.5


@pytest.mark.parametrize("odd", [-1.0, 65536.0, 1e20, 0.25])
def test_a_number_that_uint16_cannot_hold_is_named(tmp_path, odd):
    """What a cast makes of such a number differs from machine to machine; it is never handed on."""
    image = an_image(("B4", "B8"))
    image["B4"][20, 1] = odd

    made = all_of(EARTHENGINE.open([an_export(tmp_path / "e", image)], **L1C))

    (failure,) = [each for each in made if isinstance(each, Failure)]
    assert f"digital numbers of B4 differs: want whole, 0..65535, have {odd:g}. " in failure.message


def test_what_the_numbers_are_must_be_declared(tmp_path):
    with pytest.raises(Refused, match="does not say what its numbers are"):
        EARTHENGINE.open([an_export(tmp_path / "e", an_image())])


def test_an_offset_in_the_pixels_is_quarantined(tmp_path):
    """The pixel check vetoes the convention; patches of 16 px are too small for it, so one of 64 x 64 is used."""
    image = {name: held + 1000 for name, held in an_image(("B4", "B8")).items()}
    folder = an_export(tmp_path / "e", image, shards=1)
    mixer = json.loads((folder / "bolzano-mixer.json").read_text())

    wide = {name: np.resize(held, (64, 64)).ravel() for name, held in image.items()}
    (folder / "bolzano-00000.tfrecord.gz").unlink()
    (folder / "bolzano-00000.tfrecord").write_bytes(frame_record(encode_example(wide)))
    mixer |= {"patchDimensions": [64, 64], "patchesPerRow": 1, "totalPatches": 1}
    (folder / "bolzano-mixer.json").write_text(json.dumps(mixer))

    (failure,) = all_of(EARTHENGINE.open([folder], **L1C))

    assert "the pixels contradict the metadata: convention says 0" in failure.message


def test_a_shard_cut_short_is_named(tmp_path):
    folder = an_export(tmp_path / "e", an_image(), shards=1)
    path = folder / "bolzano-00000.tfrecord.gz"
    path.write_bytes(path.read_bytes()[:-8_000])

    made = all_of(EARTHENGINE.open([folder], **L1C))

    failures = [each for each in made if isinstance(each, Failure)]
    assert 0 < len(failures) < ROWS * COLS
    assert failures[0].message.startswith("bolzano-00000.tfrecord.gz: is cut short: its gzip stream has no end.")


def test_a_missing_shard_is_counted_in_one_that_is_gzipped_alone(tmp_path):
    folder = an_export(tmp_path / "e", an_image(), shards=1, drop=(11,))

    made = all_of(EARTHENGINE.open([folder], **L1C))

    assert made[11].message == "bolzano-00000.tfrecord.gz: holds no record 11. It has changed: plan again."


def test_rows_are_read_in_any_order_and_a_stream_goes_on(tmp_path):
    source = EARTHENGINE.open([an_export(tmp_path / "e", an_image())], **L1C)
    rows = source.plan().rows

    backwards = list(source.read(rows.take(list(range(11, -1, -1)))))
    forwards = [next(iter(source.read(rows.slice(i, 1)))) for i in range(12)]

    for one, other in zip(backwards[::-1], forwards, strict=True):
        np.testing.assert_array_equal(one.stacks["s2"].data, other.stacks["s2"].data)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"projection": {}}, "mixer.json: is no mixer file (KeyError: 'affine'). It lies beside the shards"),
        ({"patchesPerRow": 0}, "mixer.json: describes no grid: have patches of 16 x 16, 0 a row, 12 in all"),
        ({"totalPatches": 10**10}, "mixer.json: describes no grid"),
        ({"patchDimensions": [100_000, 100_000]}, "mixer.json: describes no grid"),
        (
            {"projection": {"crs": "EPSG:99999", "affine": {"doubleMatrix": [1, 0, 0, 0, -1, 0]}}},
            "mixer.json: names no CRS that is known: 'EPSG:99999'. Mend it.",
        ),
    ],
)
def test_a_mixer_file_that_is_none_is_named(tmp_path, change, sentence):
    folder = an_export(tmp_path / "e", an_image())
    path = folder / "bolzano-mixer.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))

    with pytest.raises((Unreadable, Refused)) as raised:
        read_mixer(path)

    assert sentence in str(raised.value)


def test_what_is_not_one_export_is_refused(tmp_path):
    folder = an_export(tmp_path / "e", an_image())
    (folder / "other-mixer.json").write_text("{}")

    with pytest.raises(Refused) as raised:
        EARTHENGINE.open([folder], **L1C)
    assert str(raised.value) == (
        "e: is not one export: want shards and one *mixer.json, have 2 shards (.tfrecord, .tfrecord.gz) and 2 mixer "
        "files. Name the folder of one export."
    )


def test_patches_of_another_export_are_named(tmp_path):
    folder = an_export(tmp_path / "e", an_image(), patch=(30, 30))

    with pytest.raises(Mismatch) as raised:
        EARTHENGINE.open([folder], **L1C)
    assert "pixels of a patch differs: want 900 (30 x 30, mixer file), or more by a kernel, have 256." in str(
        raised.value
    )


def test_patches_that_are_no_squares_need_degrees(tmp_path):
    folder = an_export(tmp_path / "e", an_image(), patch=(32, 8))

    with pytest.raises(Refused, match="has patches that are no squares, of which nobody has written down"):
        EARTHENGINE.open([folder], **L1C)
