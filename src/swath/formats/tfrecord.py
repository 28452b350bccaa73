"""TFRecord: records in a file, and the `Example` in each, read and written without TensorFlow.

A record is a length, the length's checksum, the bytes and their checksum (masked CRC-32C); both are checked before what
they guard is believed, so a claimed size costs nothing. The few protobuf messages of an `Example` (named lists of
bytes, floats or integers) are walked by their tags; pixels are never copied one by one. Plain files are read at any
record, gzipped ones as a stream in memory of one record. Knows nothing of what the features mean.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final, Protocol, cast

import google_crc32c
import numpy as np
from isal import isal_zlib
from isal.igzip_lib import DECOMP_GZIP, IgzipDecompressor, IsalError

from swath.core.array import Array
from swath.core.errors import Unreadable

__all__ = [
    "MOST_FEATURES",
    "MOST_RECORD",
    "MOST_RECORDS",
    "Feature",
    "Inflater",
    "Readable",
    "Record",
    "Span",
    "bytes_of",
    "encode_example",
    "frame_record",
    "index_records",
    "inflate",
    "locate_features",
    "numbers_of",
    "parse_example",
    "peek_features",
    "read_record",
    "records",
    "records_within",
]

#: A record with more bytes, an example with more features, or a file with more records is refused.
MOST_RECORD: Final = 256 * 2**20
MOST_FEATURES: Final = 4096
MOST_RECORDS: Final = 2_000_000

#: What a feature holds: strings of bytes, or float32 or int64 numbers.
Feature = tuple[bytes, ...] | Array
#: Reads up to so many bytes from an offset; fewer at the end.
_Take = Callable[[int, int], bytes]

_HEAD: Final = struct.Struct("<QI")
_TAIL: Final = struct.Struct("<I")
_MASK: Final = 0xA282EAD8
_CHUNK: Final = 2**20
_SLICE: Final = 2**16
_DAMAGED: Final = cast("tuple[type[Exception], ...]", (IsalError, OSError, ValueError))
_VARINT, _EIGHT, _COUNTED, _FOUR = 0, 1, 2, 5
_BYTES, _FLOATS, _INTEGERS = 1, 2, 3
_AGAIN: Final = "Fetch the file again."


def _masked(blob: bytes, start: int = 0, stop: int | None = None) -> int:
    """The checksum that stands in the file: CRC-32C, turned and shifted so that sums of sums stay sound.

    In slices that stay in the processor's cache: the library takes nothing but whole strings of bytes.
    """
    crc, stop = 0, len(blob) if stop is None else stop
    for at in range(start, stop, _SLICE):
        crc = int(google_crc32c.extend(crc, blob[at : min(at + _SLICE, stop)]))
    return ((crc >> 15 | crc << 17) + _MASK) & 0xFFFFFFFF


def _length(head: bytes, where: str, most: int) -> int:
    """Length of a record, if its checksum agrees and it may be so long."""
    size, crc = _HEAD.unpack(head)
    have = _masked(head[:8])
    if crc != have:
        raise Unreadable(
            where=where,
            what="is damaged: checksum of its length",
            want=f"{crc:08x} (in the file)",
            have=f"{have:08x}",
            fix="It is no TFRecord file, is gzipped, or its bytes have changed: fetch it again.",
        )
    if size > most:
        fix = "It is no file of this kind."
        raise Unreadable(where=where, what=f"claims {size:,} bytes, above {most:,}", fix=fix)
    return int(size)


def _require_sum(crc: int, mine: int, where: str) -> None:
    if crc != mine:
        what, want = "is damaged: checksum of its bytes", f"{crc:08x} (in the file)"
        raise Unreadable(where=where, what=what, want=want, have=f"{mine:08x}", fix=_AGAIN)


def _checked(blob: bytes, tail: bytes, size: int, where: str) -> bytes:
    """The bytes of a record, if all are there and their checksum agrees."""
    if len(blob) < size or len(tail) < _TAIL.size:
        have = f"{len(blob) + len(tail):,} at the end of the file"
        raise Unreadable(
            where=where, what="is cut short", want=f"{size + _TAIL.size:,} bytes", have=have, fix="Fetch it again."
        )
    _require_sum(_TAIL.unpack(tail)[0], _masked(blob), where)
    return blob


def frame_record(blob: bytes) -> bytes:
    """Wrap the bytes of one record as they stand in a file.

    Examples
    --------
    >>> frame_record(b"123456789").hex()[-8:]                     # masked CRC-32C, little endian
    'e5b08ac7'
    """
    size = struct.pack("<Q", len(blob))
    return size + _TAIL.pack(_masked(size)) + blob + _TAIL.pack(_masked(blob))


@dataclass(frozen=True, slots=True)
class Record:
    """Where one record lies in a plain file, or in bytes."""

    #: First of its own bytes, behind length and checksum.
    start: int
    #: How many there are.
    size: int


def index_records(path: Path, *, most: int = MOST_RECORD) -> list[Record]:
    """List the records of a plain file; reads 12 bytes of each.

    Raises
    ------
    Unreadable
        It is not there, a length is damaged, or the last record is cut short.
    """
    found: list[Record] = []
    with _opened(path) as handle:
        end, at = handle.seek(0, 2), 0
        while at < end:
            where = f"{path.name} record {len(found)} (byte {at:,})"
            handle.seek(at)
            head = handle.read(_HEAD.size)
            if len(head) < _HEAD.size:
                raise Unreadable(where=where, what="is cut short in its length", fix="Fetch it again.")
            size = _length(head, where, most)
            record = Record(at + _HEAD.size, size)
            at = record.start + size + _TAIL.size
            if at > end:
                want, have = f"{size + _TAIL.size:,} bytes", f"{end - record.start:,} at the end of the file"
                raise Unreadable(where=where, what="is cut short", want=want, have=have, fix="Fetch it again.")
            found.append(record)
            if len(found) > MOST_RECORDS:
                raise Unreadable(where=path.name, what=f"holds more than {MOST_RECORDS:,} records", fix="Split it.")
    return found


def _opened(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except OSError as error:
        raise Unreadable(where=str(path), what=f"cannot be opened ({error.strerror})", fix="Look at it.") from None


def read_record(handle: BinaryIO, record: Record, *, where: str, most: int = MOST_RECORD) -> bytes:
    """Read one record of a plain file, both its checksums checked.

    Raises
    ------
    Unreadable
        The file is not the one that was listed, or the record is damaged or cut short.
    """
    handle.seek(record.start - _HEAD.size)
    head = handle.read(_HEAD.size)
    if len(head) < _HEAD.size or _length(head, where, most) != record.size:
        raise Unreadable(where=where, what="is not where the plan says: the file has changed", fix="Plan again.")
    return _checked(handle.read(record.size), handle.read(_TAIL.size), record.size, where)


def records(read: Callable[[int], bytes], *, where: str, most: int = MOST_RECORD) -> Iterator[bytes]:
    """Read records one after another, both checksums of each checked; memory of one.

    Parameters
    ----------
    read : function
        Gives as many bytes as it is asked for, fewer at the end only: `handle.read`, or `Inflater.read`.
    where : str
        The file, for errors.

    Raises
    ------
    Unreadable
        A record is damaged, cut short, or claims more than `most` bytes.
    """
    number = 0
    while head := read(_HEAD.size):
        said = f"{where} record {number}"
        if len(head) < _HEAD.size:
            raise Unreadable(where=said, what="is cut short in its length", fix="Fetch it again.")
        size = _length(head, said, most)
        held = read(size)
        yield _checked(held, read(_TAIL.size), size, said)
        number += 1


def records_within(blob: bytes, *, where: str) -> Iterator[Record]:
    """Find records in bytes that are in memory, both checksums of each checked; nothing is copied.

    Raises
    ------
    Unreadable
        A record is damaged or cut short.
    """
    at, number = 0, 0
    while at < len(blob):
        said = f"{where} record {number}"
        if len(blob) - at < _HEAD.size:
            raise Unreadable(where=said, what="is cut short in its length", fix="Fetch it again.")
        size = _length(blob[at : at + _HEAD.size], said, MOST_RECORD)
        start, stop = at + _HEAD.size, at + _HEAD.size + size
        if stop + _TAIL.size > len(blob):
            want, have = f"{size + _TAIL.size:,} bytes", f"{len(blob) - start:,} at the end of the file"
            raise Unreadable(where=said, what="is cut short", want=want, have=have, fix="Fetch it again.")
        _require_sum(_TAIL.unpack(blob[stop : stop + _TAIL.size])[0], _masked(blob, start, stop), said)
        yield Record(start, size)
        at, number = stop + _TAIL.size, number + 1


class Readable(Protocol):
    """What gives its next bytes, fewer than asked for at its end only: an open file is one."""

    def read(self, count: int, /) -> bytes:
        """Up to `count` bytes."""
        ...


class Inflater:
    """A gzipped stream, inflated as it is read; memory of what is asked for at a time, checksums checked."""

    def __init__(self, handle: Readable, *, where: str) -> None:
        self._handle, self._where = handle, where
        self._stream, self._is_fresh = IgzipDecompressor(flag=DECOMP_GZIP), True

    def read(self, count: int) -> bytes:
        """Give `count` bytes, fewer at the end of the stream only.

        Raises
        ------
        Unreadable
            The stream is damaged, or ends before it should.
        """
        parts: list[bytes] = []
        while count:
            piece = self._more(count)
            if not piece:
                break
            parts.append(piece)
            count -= len(piece)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def _more(self, count: int) -> bytes:
        waiting = b""
        while True:
            if self._stream.eof:
                waiting = self._stream.unused_data
                self._stream, self._is_fresh = IgzipDecompressor(flag=DECOMP_GZIP), True
            packed = waiting
            if self._stream.needs_input and not packed:
                packed = self._handle.read(_CHUNK)
                if not packed and self._is_fresh:
                    return b""
                if not packed:
                    fix = "Fetch it again; a download that was cut short looks like this."
                    raise Unreadable(where=self._where, what="is cut short: its gzip stream has no end", fix=fix)
            waiting, self._is_fresh = b"", False
            try:
                piece = bytes(self._stream.decompress(packed, count))
            except _DAMAGED as error:
                raise Unreadable(where=self._where, what=f"cannot be inflated ({error})", fix=_AGAIN) from error
            if piece:
                return piece


def inflate(packed: bytes, *, where: str, most: int = MOST_RECORD) -> bytes:
    """Inflate a whole gzip file that is small enough to be held, faster than a stream.

    Raises
    ------
    Unreadable
        It is damaged, cut short, or inflates to more than `most` bytes.
    """
    parts: list[bytes] = []
    left = most + 1
    while packed or not parts:
        stream = isal_zlib.decompressobj(31)
        try:
            parts.append(bytes(stream.decompress(packed, left)))
        except _DAMAGED as error:
            raise Unreadable(where=where, what=f"cannot be inflated ({error})", fix=_AGAIN) from error
        left -= len(parts[-1])
        if left <= 0:
            raise Unreadable(where=where, what=f"inflates to more than {most:,} bytes", fix="It is no such file.")
        if not stream.eof:
            fix = "Fetch it again; a download that was cut short looks like this."
            raise Unreadable(where=where, what="is cut short: its gzip stream has no end", fix=fix)
        packed = stream.unused_data
    return parts[0] if len(parts) == 1 else b"".join(parts)


@dataclass(frozen=True, slots=True)
class Span:
    """Where the list of one feature lies in its example."""

    #: 1 bytes, 2 floats, 3 integers.
    kind: int
    #: First byte of the list, and the first behind it.
    start: int
    stop: int


def _varint(take: _Take, at: int, stop: int, where: str) -> tuple[int, int]:
    """A number of 1 to 10 bytes, and where the next thing begins."""
    number = 0
    held = take(at, min(10, stop - at))
    if held and held[0] < 0x80:
        return held[0], at + 1
    for shift, byte in enumerate(held):
        number |= (byte & 0x7F) << (7 * shift)
        if byte < 0x80:
            return number & (2**64 - 1), at + shift + 1
    raise _malformed(where, at)


def _malformed(where: str, at: int) -> Unreadable:
    fix = "Its checksum agrees, so it was written so: no tf.train.Example."
    return Unreadable(where=where, what=f"holds no Example: byte {at:,} makes no sense", fix=fix)


def _fields(take: _Take, start: int, stop: int, where: str) -> Iterator[tuple[int, int, int, int]]:
    """Fields of one message: number, wire type, first byte and the first behind it."""
    at = start
    while at < stop:
        tag, inside = _varint(take, at, stop, where)
        number, wire = tag >> 3, tag & 7
        if wire == _COUNTED:
            size, inside = _varint(take, inside, stop, where)
            end = inside + size
        elif wire == _VARINT:
            _, end = _varint(take, inside, stop, where)
        elif wire in (_EIGHT, _FOUR):
            end = inside + (8 if wire == _EIGHT else 4)
        else:
            raise _malformed(where, at)
        if end > stop or number == 0:
            raise _malformed(where, at)
        yield number, wire, inside, end
        at = end


def locate_features(take: _Take, size: int, *, where: str) -> dict[str, Span]:
    """Find the features of an example of `size` bytes; reads their names and none of their numbers.

    Raises
    ------
    Unreadable
        The bytes are no example, or it has more than `MOST_FEATURES` features.
    """
    found: dict[str, Span] = {}
    for number, wire, start, stop in _fields(take, 0, size, where):
        if (number, wire) != (1, _COUNTED):
            continue
        for inner, kind, first, last in _fields(take, start, stop, where):
            if (inner, kind) == (1, _COUNTED):
                name, span = _entry(take, first, last, where)
                found[name] = span
                if len(found) > MOST_FEATURES:
                    raise Unreadable(where=where, what=f"holds more than {MOST_FEATURES:,} features", fix=_AGAIN)
    return found


def _entry(take: _Take, start: int, stop: int, where: str) -> tuple[str, Span]:
    """Name and place of one feature; one without a list is an empty list of bytes."""
    name, span = "", Span(_BYTES, stop, stop)
    for number, wire, first, last in _fields(take, start, stop, where):
        if wire != _COUNTED:
            continue
        if number == 1:
            if last - first > 1024:
                raise _malformed(where, first)
            name = take(first, last - first).decode("utf-8", "replace")
        elif number == 2:
            for kind, inner, at, end in _fields(take, first, last, where):
                if inner == _COUNTED and kind in (_BYTES, _FLOATS, _INTEGERS):
                    span = Span(kind, at, end)
    return name, span


def parse_example(blob: bytes, record: Record | None = None, *, where: str) -> dict[str, Feature]:
    """Read all features of an example; floats share its memory where they can.

    Parameters
    ----------
    blob : bytes
        The example, or a file in memory.
    record : Record, optional
        Where in it the example lies.

    Raises
    ------
    Unreadable
        The bytes are no example.

    Examples
    --------
    >>> held = parse_example(encode_example({"wi": [-0.5], "id": np.array([7]), "raw": [b"ab"]}), where="a")
    >>> held["wi"].tolist(), held["id"].tolist(), held["raw"]
    ([-0.5], [7], (b'ab',))
    """
    first, size = (0, len(blob)) if record is None else (record.start, record.size)
    spans = locate_features(lambda at, count: blob[first + at : first + at + count], size, where=where)
    moved = {name: Span(span.kind, first + span.start, first + span.stop) for name, span in spans.items()}
    return {name: _values(blob, span, where) for name, span in moved.items()}


def peek_features(handle: BinaryIO, record: Record, names: Sequence[str], *, where: str) -> dict[str, Feature]:
    """Read a few small features of a record in a plain file, without its pixels and so without its checksum.

    Raises
    ------
    Unreadable
        The bytes are no example, or one of these features is large.
    """

    def take(at: int, count: int) -> bytes:
        handle.seek(record.start + at)
        return handle.read(count)

    found: dict[str, Feature] = {}
    for name, span in locate_features(take, record.size, where=where).items():
        if name in names:
            if span.stop - span.start > 4096:
                raise Unreadable(where=where, what=f"feature {name} has {span.stop - span.start:,} bytes", fix=_AGAIN)
            held = take(span.start, span.stop - span.start)
            found[name] = _values(held, Span(span.kind, 0, len(held)), where)
    return found


def _values(blob: bytes, span: Span, where: str) -> Feature:
    stop = span.stop
    take: _Take = lambda at, count: blob[at : at + count]  # noqa: E731 - as everywhere here
    if span.kind == _BYTES:
        fields = _fields(take, span.start, stop, where)
        return tuple(blob[first:last] for number, wire, first, last in fields if (number, wire) == (1, _COUNTED))
    if span.kind == _FLOATS:
        return _floats(blob, take, span.start, stop, where)
    numbers: list[int] = []
    for number, wire, first, last in _fields(take, span.start, stop, where):
        if number == 1 and wire == _VARINT:
            numbers.append(_varint(take, first, last, where)[0])
        elif number == 1 and wire == _COUNTED:
            while first < last:
                value, first = _varint(take, first, last, where)
                numbers.append(value)
    return np.array(numbers, np.uint64).astype(np.int64)


_LOOSE: Final = np.dtype([("tag", "u1"), ("value", "<f4")])


def _floats(blob: bytes, take: _Take, start: int, stop: int, where: str) -> Array:
    """Floats of a list, packed (as everybody writes them) or with a tag before each."""
    if (stop - start) % _LOOSE.itemsize == 0 and blob[start : start + 1] == b"\x0d":
        loose = np.frombuffer(blob, _LOOSE, (stop - start) // _LOOSE.itemsize, start)
        if (loose["tag"] == 0x0D).all():
            return np.ascontiguousarray(loose["value"])
    parts = []
    for number, wire, first, last in _fields(take, start, stop, where):
        if number == 1 and wire in (_COUNTED, _FOUR):
            if (last - first) % 4:
                raise _malformed(where, first)
            parts.append(np.frombuffer(blob, "<f4", (last - first) // 4, first))
    return parts[0] if len(parts) == 1 else np.concatenate([np.zeros(0, "<f4"), *parts])


def numbers_of(features: Mapping[str, Feature], name: str, *, where: str) -> Array:
    """Numbers of a feature.

    Raises
    ------
    Unreadable
        There is no such feature, or it holds bytes.
    """
    held = features.get(name)
    if held is None or isinstance(held, tuple):
        have = "bytes" if held else "an empty list" if name in features else ", ".join(sorted(features)[:8]) or "none"
        raise Unreadable(where=where, what=f"holds no numbers named {name}", have=have, fix="It is of another kind.")
    return held


def bytes_of(features: Mapping[str, Feature], name: str, *, where: str) -> bytes:
    """The one string of bytes of a feature.

    Raises
    ------
    Unreadable
        There is no such feature, it holds numbers, or more than one string.
    """
    held = features.get(name)
    if not isinstance(held, tuple) or len(held) != 1:
        have = "numbers" if isinstance(held, np.ndarray) else f"{len(held or ())} strings"
        raise Unreadable(where=where, what=f"holds no string of bytes named {name}", have=have, fix=_AGAIN)
    return held[0]


def _packed(number: int) -> bytes:
    held = bytearray()
    while number >= 0x80:
        held.append(number & 0x7F | 0x80)
        number >>= 7
    held.append(number)
    return bytes(held)


def _message(number: int, blob: bytes) -> bytes:
    return _packed(number << 3 | _COUNTED) + _packed(len(blob)) + blob


def encode_example(features: Mapping[str, Sequence[bytes] | Sequence[float] | Array]) -> bytes:
    """Write an example: strings of bytes as they are, whole numbers as int64, all others as float32.

    Parameters
    ----------
    features : mapping
        Name -> a sequence of bytes, or numbers.
    """
    entries = []
    for name, values in features.items():
        if len(values) and isinstance(values[0], bytes):
            listed = _message(_BYTES, b"".join(_message(1, bytes(v)) for v in values))  # type: ignore[arg-type]
        else:
            numbers = np.asarray(values)
            if numbers.dtype.kind in "iu":
                packed = b"".join(_packed(int(n) & (2**64 - 1)) for n in numbers.ravel())
                listed = _message(_INTEGERS, _message(1, packed))
            else:
                listed = _message(_FLOATS, _message(1, numbers.astype("<f4").tobytes()))
        entries.append(_message(1, _message(1, name.encode()) + _message(2, listed)))
    return _message(1, b"".join(entries))
