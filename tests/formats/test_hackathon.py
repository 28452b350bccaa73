"""Hackathon2019's TFRecords: which channel is which, and what each file's numbers are."""

from __future__ import annotations

import numpy as np
import pytest

from swath.core.errors import Failure, Mismatch, Refused, Unreadable
from swath.core.presets import normalise
from swath.core.quantity import dn, value
from swath.core.sample import Sample
from swath.formats.hackathon import HACKATHON, KINDS, a_record
from swath.formats.tfrecord import encode_example, frame_record
from swath.testing.format import check_format
from tests.formats.reading import samples_of

SERIES, IMAGES, PATCHES = KINDS.values()


def dark(kind, seed: int = 0, top: int = 3000) -> np.ndarray:
    """Digital numbers (t, b, h, w); even above 2048, as float16 has them (000-D4)."""
    held = np.random.default_rng(seed).integers(1, top, (kind.dates, 4, kind.side, kind.side))
    return np.where(held > 2048, held // 2 * 2, held)


def a_file(path, kind, n=3, *, first=0, **more):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"".join(a_record(kind, dark(kind, k, **more), first + k) for k in range(n)))
    return path


def test_images_keep_the_contract(tmp_path):
    plan = check_format(HACKATHON, a_file(tmp_path / "test_images.tfrecords", IMAGES, 3), spawned=False)

    spec = plan.layout.stacks["s2"]
    assert (spec.bands, spec.size, spec.dates) == (("B04", "B03", "B02", "B08"), (512, 512), 1)
    assert (spec.dtype, spec.quantity) == ("float32", value("1"))


def test_patches_keep_the_contract(tmp_path):
    a_file(tmp_path / "p" / "a.tfrecords", PATCHES, 5)
    a_file(tmp_path / "p" / "b.tfrecords", PATCHES, 4, first=100)

    plan = check_format(HACKATHON, tmp_path / "p", normalised="undo")

    assert plan.layout.stacks["s2"].quantity == dn("toa", offset=0)
    assert plan.rows["id"].to_pylist()[:6] == [*(f"patch-{k}" for k in range(5)), "patch-100"]


def test_series_keep_the_contract(tmp_path):
    plan = check_format(HACKATHON, a_file(tmp_path / "T31TCJ.tfrecord", SERIES, 1), spawned=False)

    spec = plan.layout.stacks["s2"]
    assert (spec.size, spec.dates, spec.dtype, spec.quantity) == ((512, 512), 12, "uint16", dn("toa", offset=0))
    assert plan.rows["group"].to_pylist() == ["T31TCJ"]


def test_channel_four_t_plus_b_lands_in_date_and_band(tmp_path):
    """000.2: shape (512, 512, 48) in C order, channel = 4 * t + b; written here by hand, without our writer."""
    channels = np.zeros((512, 512, 48), "<f2")
    channels[3, 5] = np.arange(48) + 1
    channels[channels == 0] = 100
    path = tmp_path / "a.tfrecord"
    path.write_bytes(frame_record(encode_example({"time_series_raw": [channels.tobytes()]})))

    (sample,) = samples_of(HACKATHON.open([path]))

    assert sample.stacks["s2"].data[:, :, 3, 5].tolist() == [[4 * t + b + 1 for b in range(4)] for t in range(12)]
    assert sample.stacks["s2"].data[0, 0, 5, 3] == 100


def test_what_each_file_holds_is_recorded(tmp_path):
    """000-D3: their reader normalised training, and not the test files, which were so already."""
    series = HACKATHON.open([a_file(tmp_path / "a.tfrecord", SERIES, 1)])
    patches = HACKATHON.open([a_file(tmp_path / "b.tfrecord", PATCHES, 1)])

    assert series.plan().rows["quantity"].to_pylist() == ["digital numbers (time_series_raw)"]
    assert patches.plan().rows["quantity"].to_pylist() == ["normalised to -1..1 (patch_raw)"]
    assert samples_of(patches)[0].stacks["s2"].origin.declared == {
        "file": "normalised to -1..1 (patch_raw)",
        "normalised": "keep",
    }


def test_normalised_and_raw_meet_in_one_quantity(tmp_path):
    """The preset `hackathon` on digital numbers is what the contest wrote: clip(x, 0, 4095) / 2047.5 - 1 in float16."""
    path = a_file(tmp_path / "a.tfrecord", PATCHES, 1)
    (kept,), (undone,) = samples_of(HACKATHON.open([path])), samples_of(HACKATHON.open([path], normalised="undo"))

    np.testing.assert_array_equal(undone.stacks["s2"].data, dark(PATCHES))
    stack = undone.stacks["s2"]
    again = normalise(stack.data, stack.bands, stack.quantity, "hackathon")
    np.testing.assert_allclose(kept.stacks["s2"].data, again, atol=2**-12)


def test_every_digital_number_to_4095_comes_back(tmp_path):
    """float16 keeps -1..1 in steps of 2**-11 at most; a digital number is 1 / 2047.5: 4,096 numbers stay apart."""
    every = np.resize(np.arange(4096), (1, 4, 64, 64))
    path = tmp_path / "a.tfrecord"
    path.write_bytes(a_record(PATCHES, every + 0, 0))

    (sample,) = samples_of(HACKATHON.open([path], normalised="undo"))

    np.testing.assert_array_equal(sample.stacks["s2"].data, every)


def test_files_of_two_kinds_are_refused(tmp_path):
    a_file(tmp_path / "p" / "a.tfrecord", PATCHES, 1)
    a_file(tmp_path / "p" / "b.tfrecord", IMAGES, 1)

    with pytest.raises(Mismatch) as raised:
        HACKATHON.open([tmp_path / "p"])

    assert str(raised.value) == (
        "b.tfrecord: kind differs: want patches (a.tfrecord), have images. Series are digital numbers and the others "
        "are normalised: open them apart."
    )


def test_raw_numbers_in_a_test_file_are_refused(tmp_path):
    """000-D3: a model fed by hand-made test data fails in silence."""
    raw = dark(PATCHES).transpose(2, 3, 0, 1).astype("<f2").tobytes()
    path = tmp_path / "a.tfrecord"
    path.write_bytes(frame_record(encode_example({"patch_raw": [raw], "patch_id": np.array([3])})))

    source = HACKATHON.open([path])
    (made,) = source.read(source.plan().rows)

    assert made.message.startswith(
        "a.tfrecord patch-3: numbers differs: want -1..1 (normalised, as distributed), have "
    )


def test_normalised_numbers_in_a_series_are_refused(tmp_path):
    flat = (np.clip(dark(SERIES), 0, 4095) / 2047.5 - 1).transpose(2, 3, 0, 1).astype("<f2").tobytes()
    path = tmp_path / "a.tfrecord"
    path.write_bytes(frame_record(encode_example({"time_series_raw": [flat]})))

    source = HACKATHON.open([path])
    (made,) = source.read(source.plan().rows)

    assert "want whole numbers from 0 up (digital numbers), have -0.999512" in made.message


def test_a_flipped_pixel_takes_its_record_and_no_other(tmp_path):
    path = a_file(tmp_path / "a.tfrecord", PATCHES, 3)
    blob = bytearray(path.read_bytes())
    blob[len(blob) // 2] ^= 1
    path.write_bytes(blob)

    source = HACKATHON.open([path])
    made = list(source.read(source.plan().rows))

    assert [isinstance(each, Sample) for each in made] == [True, False, True]
    assert made[1].message.startswith("a.tfrecord patch-1: is damaged: checksum of its bytes: want ")


def test_a_file_cut_between_two_records_is_a_shorter_file(tmp_path):
    """Nothing in a TFRecord file counts its records: this one cut no reader can find."""
    path = a_file(tmp_path / "a.tfrecord", PATCHES, 2)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])

    assert len(samples_of(HACKATHON.open([path]))) == 1


def test_a_file_cut_short_is_named(tmp_path):
    path = a_file(tmp_path / "a.tfrecord", PATCHES, 3)
    path.write_bytes(path.read_bytes()[:-10])

    with pytest.raises(Unreadable, match=r"a.tfrecord record 2 \(byte .*\): is cut short: want .* bytes, have"):
        HACKATHON.open([path]).plan()


def test_pixels_of_another_size_are_named(tmp_path):
    path = tmp_path / "a.tfrecord"
    wrong = np.zeros((64, 64, 12), "<f2").tobytes()
    path.write_bytes(frame_record(encode_example({"patch_raw": [wrong], "patch_id": np.array([3])})))

    source = HACKATHON.open([path])
    (made,) = source.read(source.plan().rows)

    assert made == Failure(
        "patch-3",
        "mismatch",
        "a.tfrecord patch-3: bytes of patch_raw differs: want 32,768 (64 x 64 x 4 of float16), have 98,304. "
        "It is of another kind, or other pixels.",
    )


def test_a_subset_is_read_by_its_ids(tmp_path):
    path = a_file(tmp_path / "a.tfrecord", PATCHES, 6)
    table = tmp_path / "patch_id.csv"
    table.write_text("Patch ID\n5\n2\n")

    assert HACKATHON.open([path], ids=table).plan().rows["id"].to_pylist() == ["patch-2", "patch-5"]
    table.write_text("Patch ID\n5\n77\n")
    with pytest.raises(Refused, match=r"patch_id.csv: names 1 patches that no file holds, the first is 77\."):
        HACKATHON.open([path], ids=table).plan()


def test_the_same_number_twice_is_refused(tmp_path):
    a_file(tmp_path / "p" / "a.tfrecord", PATCHES, 2)
    a_file(tmp_path / "p" / "b.tfrecord", PATCHES, 1, first=1)

    with pytest.raises(Refused, match="identifier 'patch-1' occurs twice"):
        HACKATHON.open([tmp_path / "p"]).plan()


def test_an_offset_in_the_numbers_is_quarantined(tmp_path):
    path = tmp_path / "a.tfrecord"
    path.write_bytes(a_record(PATCHES, dark(PATCHES, top=2000) // 2 + 1050, 0))

    source = HACKATHON.open([path], normalised="undo")
    (made,) = source.read(source.plan().rows)

    assert "the pixels contradict the metadata: convention says 0 (Hackathon2019, March 2019" in made.message


def test_other_records_are_no_hackathon(tmp_path):
    path = tmp_path / "a.tfrecord"
    path.write_bytes(frame_record(encode_example({"image": [b"x"]})))

    assert not HACKATHON.sniff(path)
    with pytest.raises(Mismatch, match="features differs: want time_series_raw or image_raw or patch_raw, have image"):
        HACKATHON.open([path])


def test_what_a_dark_patch_says_is_no_shift():
    """The builder's numbers are those of unshifted ground, or the tests above would prove nothing."""
    assert dark(PATCHES).min() < 700
