"""TFRecords by hand: framing, checksums, protobuf, and everything that a file can claim."""

from __future__ import annotations

import gzip
import io
import struct

import numpy as np
import pytest
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

from swath.core.errors import Unreadable
from swath.formats.tfrecord import (
    MOST_RECORD,
    Inflater,
    Record,
    bytes_of,
    encode_example,
    frame_record,
    index_records,
    inflate,
    numbers_of,
    parse_example,
    peek_features,
    read_record,
    records,
    records_within,
)


def an_example_class():
    """`tf.train.Example`, by protobuf itself, from its published definition (tensorflow/core/example)."""
    kinds = descriptor_pb2.FieldDescriptorProto
    file = descriptor_pb2.FileDescriptorProto(name="example.proto", package="t", syntax="proto3")

    def add(name, *fields):
        message = file.message_type.add(name=name)
        for field, number, kind, label, of in fields:
            message.field.add(name=field, number=number, type=kind, label=label, type_name=of)
        return message

    many, one = kinds.LABEL_REPEATED, kinds.LABEL_OPTIONAL
    add("BytesList", ("value", 1, kinds.TYPE_BYTES, many, None))
    add("FloatList", ("value", 1, kinds.TYPE_FLOAT, many, None))
    add("Int64List", ("value", 1, kinds.TYPE_INT64, many, None))
    feature = add(
        "Feature",
        ("bytes_list", 1, kinds.TYPE_MESSAGE, one, ".t.BytesList"),
        ("float_list", 2, kinds.TYPE_MESSAGE, one, ".t.FloatList"),
        ("int64_list", 3, kinds.TYPE_MESSAGE, one, ".t.Int64List"),
    )
    feature.oneof_decl.add(name="kind")
    for field in feature.field:
        field.oneof_index = 0
    features = add("Features", ("feature", 1, kinds.TYPE_MESSAGE, many, ".t.Features.FeatureEntry"))
    entry = features.nested_type.add(name="FeatureEntry")
    entry.field.add(name="key", number=1, type=kinds.TYPE_STRING, label=one)
    entry.field.add(name="value", number=2, type=kinds.TYPE_MESSAGE, label=one, type_name=".t.Feature")
    entry.options.map_entry = True
    add("Example", ("features", 1, kinds.TYPE_MESSAGE, one, ".t.Features"))
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("t.Example"))


def test_the_checksum_is_the_masked_crc32c():
    """science 9: crc32c("123456789") = e3069283, masked c78ab0e5; the length of 9 in front, little endian."""
    framed = frame_record(b"123456789")

    assert framed[:8] == struct.pack("<Q", 9)
    assert framed[12:21] == b"123456789"
    assert framed[21:] == struct.pack("<I", 0xC78AB0E5)


def test_what_protobuf_writes_is_read():
    """Written by Google's own protobuf: packed floats, negative integers, several strings, an empty feature."""
    example = an_example_class()()
    example.features.feature["B4_1"].float_list.value.extend([0.25, -1.5, 3.0])
    example.features.feature["id"].int64_list.value.extend([7, -1, 2**40])
    example.features.feature["raw"].bytes_list.value.extend([b"ab", b""])
    example.features.feature["nothing"].SetInParent()

    held = parse_example(example.SerializeToString(), where="a")

    assert held["B4_1"].tolist() == [0.25, -1.5, 3.0]
    assert held["B4_1"].dtype == np.float32
    assert held["id"].tolist() == [7, -1, 2**40]
    assert held["raw"] == (b"ab", b"")
    assert held["nothing"] == ()


def test_what_is_written_is_read_by_protobuf():
    blob = encode_example({"wi": [-0.5], "band": np.arange(400) / 4, "id": np.array([3, -2]), "raw": [b"xy", b"z"]})

    theirs = an_example_class().FromString(blob).features.feature

    assert list(theirs["wi"].float_list.value) == [-0.5]
    assert list(theirs["band"].float_list.value) == (np.arange(400) / 4).tolist()
    assert list(theirs["id"].int64_list.value) == [3, -2]
    assert list(theirs["raw"].bytes_list.value) == [b"xy", b"z"]


def test_floats_with_a_tag_each_are_read_too():
    """protobuf 2 wrote repeated floats unpacked: 0x0d and four bytes each."""
    loose = b"".join(b"\x0d" + struct.pack("<f", x) for x in (1.0, 2.5, -4.0))
    feature = b"\x12" + bytes([len(loose)]) + loose
    entry = b"\x0a\x01a\x12" + bytes([len(feature)]) + feature
    features = b"\x0a" + bytes([len(entry)]) + entry

    held = parse_example(b"\x0a" + bytes([len(features)]) + features, where="a")

    assert held["a"].tolist() == [1.0, 2.5, -4.0]


def test_records_stream_and_are_found_one_by_one(tmp_path):
    blobs = [encode_example({"id": np.array([k]), "raw": [bytes([k]) * 500_000]}) for k in range(3)]
    path = tmp_path / "a.tfrecord"
    path.write_bytes(b"".join(map(frame_record, blobs)))

    with path.open("rb") as handle:
        assert list(records(handle.read, where="a")) == blobs
        listed = index_records(path)
        assert [read_record(handle, record, where="a") for record in listed[::-1]] == blobs[::-1]
        assert peek_features(handle, listed[2], ["id"], where="a")["id"].tolist() == [2]


@pytest.mark.parametrize("members", [1, 2])
def test_gzipped_records_stream(members):
    """A gzip file may be several streams one after another (RFC 1952)."""
    blobs = [bytes([k]) * 300_000 for k in range(4)]
    framed = b"".join(map(frame_record, blobs))
    cut = len(framed) // members
    packed = b"".join(gzip.compress(framed[i : i + cut]) for i in range(0, len(framed), cut))

    assert list(records(Inflater(io.BytesIO(packed), where="a.gz").read, where="a.gz")) == blobs


def test_a_flipped_byte_is_named(tmp_path):
    framed = bytearray(frame_record(b"x" * 100) + frame_record(b"y" * 100))
    framed[116 + 12 + 50] ^= 1

    with pytest.raises(Unreadable) as raised:
        list(records(io.BytesIO(framed).read, where="a.tfrecord"))

    assert str(raised.value).startswith("a.tfrecord record 1: is damaged: checksum of its bytes: want ")
    assert str(raised.value).endswith(" Fetch the file again.")


def test_a_flipped_length_is_named_before_it_is_believed(tmp_path):
    framed = bytearray(frame_record(b"x" * 100))
    framed[6] = 0xFF
    path = tmp_path / "a.tfrecord"
    path.write_bytes(framed)

    with pytest.raises(Unreadable, match=r"a.tfrecord record 0 \(byte 0\): is damaged: checksum of its length"):
        index_records(path)


def test_a_claimed_size_of_ten_gigabytes_is_refused():
    """Checksum right, size absurd: refused before a byte is asked for."""
    size = struct.pack("<Q", 10 * 2**30)
    head = size + frame_record(size)[-4:]

    with pytest.raises(Unreadable) as raised:
        list(records(io.BytesIO(head + b"x" * 100).read, where="a"))

    assert str(raised.value) == (
        f"a record 0: claims 10,737,418,240 bytes, above {MOST_RECORD:,}. It is no file of this kind."
    )


@pytest.mark.parametrize("kept", [5, 12, 60, 114])
def test_a_file_cut_short_is_named(tmp_path, kept):
    path = tmp_path / "a.tfrecord"
    path.write_bytes(frame_record(b"x" * 100)[:kept])

    with pytest.raises(Unreadable, match="is cut short"):
        index_records(path)
    with path.open("rb") as handle, pytest.raises(Unreadable, match="is cut short"):
        list(records(handle.read, where="a"))


def test_a_gzip_file_cut_short_is_named():
    packed = gzip.compress(frame_record(np.random.default_rng(1).bytes(100_000)))

    with pytest.raises(Unreadable) as raised:
        list(records(Inflater(io.BytesIO(packed[:-6]), where="a.gz").read, where="a.gz"))

    assert "a.gz: is cut short: its gzip stream has no end." in str(raised.value)


def test_a_gzip_file_with_a_flipped_byte_is_named():
    packed = bytearray(gzip.compress(frame_record(b"x" * 1000)))
    packed[-6] ^= 1

    with pytest.raises(Unreadable, match=r"a.gz: cannot be inflated \(.*checksum"):
        list(records(Inflater(io.BytesIO(packed), where="a.gz").read, where="a.gz"))


def test_gzipped_records_are_told_from_plain_ones(tmp_path):
    path = tmp_path / "a.tfrecord"
    path.write_bytes(gzip.compress(frame_record(b"x" * 1000)))

    with pytest.raises(Unreadable, match="is no TFRecord file, is gzipped, or its bytes have changed"):
        index_records(path)


@pytest.mark.parametrize("blob", [b"\xff" * 20, b"\x0a\x7f", b"\x0b", b"\x0a\x03\x0a\x7f\x01"])
def test_bytes_that_are_no_example_are_named(blob):
    with pytest.raises(Unreadable, match="holds no Example: byte .* makes no sense"):
        parse_example(blob, where="a")


def test_any_bytes_end_in_features_or_a_sentence():
    """2,000 random mutations of a valid example."""
    whole = encode_example({"a": np.arange(9.0), "id": np.array([1]), "raw": [b"abc"]})
    draw = np.random.default_rng(5)
    said = set()
    for _ in range(2000):
        blob = bytearray(whole)
        for at in draw.integers(0, len(blob), 3):
            blob[at] = draw.integers(0, 256)
        try:
            parse_example(bytes(blob[: draw.integers(1, len(blob) + 1)]), where="a")
        except Unreadable as error:
            said.add(error.fix)

    assert said == {"Its checksum agrees, so it was written so: no tf.train.Example."}


def test_a_feature_of_another_kind_is_named():
    held = parse_example(encode_example({"wi": [0.5], "raw": [b"abc"]}), where="a")

    with pytest.raises(Unreadable, match="a: holds no numbers named raw: have bytes"):
        numbers_of(held, "raw", where="a")
    with pytest.raises(Unreadable, match="a: holds no numbers named B4_1: have raw, wi"):
        numbers_of(held, "B4_1", where="a")
    with pytest.raises(Unreadable, match="a: holds no string of bytes named wi: have numbers"):
        bytes_of(held, "wi", where="a")


def test_a_file_that_changed_since_it_was_planned_is_named(tmp_path):
    path = tmp_path / "a.tfrecord"
    path.write_bytes(frame_record(b"x" * 100) + frame_record(b"y" * 50))
    second = index_records(path)[1]
    path.write_bytes(frame_record(b"x" * 100) + frame_record(b"y" * 60))

    with path.open("rb") as handle, pytest.raises(Unreadable, match="is not where the plan says"):
        read_record(handle, second, where="a")


def test_a_small_file_is_inflated_at_once():
    """As gzip does it, several streams one after another included."""
    blob = np.random.default_rng(2).bytes(100_000)

    assert inflate(gzip.compress(blob), where="a.gz") == blob
    assert inflate(gzip.compress(blob) + gzip.compress(b"more"), where="a.gz") == blob + b"more"


def test_a_bomb_is_not_inflated():
    """A gigabyte of zeros in a megabyte; also its own end, which claims less, is not believed."""
    packed = gzip.compress(bytes(2**26), 9)

    with pytest.raises(Unreadable, match=r"a.gz: inflates to more than 1,048,576 bytes\. It is no such file\."):
        inflate(packed, where="a.gz", most=2**20)
    with pytest.raises(Unreadable, match="a.gz: is cut short: its gzip stream has no end"):
        inflate(packed[:-9], where="a.gz")
    with pytest.raises(Unreadable, match=r"a.gz: (cannot be inflated|is cut short)"):
        inflate(b"", where="a.gz")


def test_records_are_found_in_memory_where_they_lie():
    blobs = [encode_example({"id": np.array([k]), "x": np.arange(50_000.0)}) for k in range(3)]
    framed = b"".join(map(frame_record, blobs))

    found = list(records_within(framed, where="a"))

    assert [framed[r.start : r.start + r.size] for r in found] == blobs
    assert [int(parse_example(framed, record, where="a")["id"][0]) for record in found] == [0, 1, 2]
    np.testing.assert_array_equal(parse_example(framed, found[2], where="a")["x"], np.arange(50_000.0))
    assert found[0] == Record(12, len(blobs[0]))


def test_damage_is_found_in_memory_too():
    framed = bytearray(frame_record(b"x" * 200_000) + frame_record(b"y" * 100))
    framed[150_000] ^= 1

    with pytest.raises(Unreadable, match="a record 0: is damaged: checksum of its bytes"):
        list(records_within(bytes(framed), where="a"))
    for kept, said in (
        (3, "is cut short in its length"),
        (5_000, "is cut short: want 200,004 bytes, have 4,988 at the end"),
    ):
        with pytest.raises(Unreadable, match=said):
            list(records_within(bytes(framed[:kept]), where="a"))
