"""Hackathon: the TFRecords of Hackathon2019 ("where was this patch cut from?"), without TensorFlow.

Three kinds of files, told apart by their features: series of 12 dates of a tile (`time_series_raw`, float16 digital
numbers, channel 4 * date + band), images and patches of one date (`image_raw`, `patch_raw`, each numbered), which
were normalised to -1..1 before they were written. So what the numbers are is recorded file by file, and the normalised
ones can be taken back. No file holds a place or a date. Knows no contest: its tables are in `formats.answers`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Final

import numpy as np
import pyarrow as pa

from swath.core.array import Array
from swath.core.errors import Failure, Mismatch, Refused, SwathError, Unreadable
from swath.core.offset import Claim, Decision
from swath.core.origin import Origin
from swath.core.pixelcheck import check_pixels
from swath.core.plan import PLAN_COLUMNS, Layout, Plan, StackSpec
from swath.core.presets import band_order
from swath.core.quantity import Quantity, dn, value
from swath.core.sample import Sample
from swath.core.stack import NO_TIME, Stack
from swath.formats.answers import read_ids
from swath.formats.archive import list_archive
from swath.formats.evidence import decide_alike
from swath.formats.options import one_of, only_known, require_all
from swath.formats.tfrecord import (
    Record,
    bytes_of,
    encode_example,
    frame_record,
    index_records,
    locate_features,
    numbers_of,
    parse_example,
    peek_features,
    read_record,
)

__all__ = ["HACKATHON", "KINDS", "LICENCES", "HackathonFiles", "HackathonFormat", "HackathonKind", "a_record"]

#: Attribution of the pixels.
LICENCES: Final = ("Contains modified Copernicus Sentinel data.",)
_ORDER: Final = band_order("hackathon-4")
_BANDS: Final = _ORDER.bands
_GSD: Final = (10.0, 10.0)
_DN: Final = dn("toa", offset=0)
_NORMALISED: Final = value("1")
_CLAIM: Final = Claim("convention", (0.0,), "Hackathon2019, March 2019: L1C before baseline 04.00")
#: Their normalisation: clip(x, 0, 4095) / 2047.5 - 1. In float16 a step of it is 2**-11, a digital number 1 / 2047.5.
_HALF: Final = 2047.5
_TOP: Final = 4095
_SUFFIXES: Final = (".tfrecord", ".tfrecords")
_COLUMNS: Final = {
    **PLAN_COLUMNS,
    "root": pa.int32(),
    "index": pa.int64(),
    "start": pa.int64(),
    "size": pa.int64(),
    "kind": pa.string(),
    "quantity": pa.string(),
}


@dataclass(frozen=True, slots=True)
class HackathonKind:
    """One kind of file."""

    #: `series`, `images` or `patches`, and one of them.
    name: str
    one: str
    #: Features that hold the pixels, and the number of the record.
    pixels: str
    number: str
    #: Pixels a side, and dates.
    side: int
    dates: int
    #: True if the numbers were normalised before they were written.
    is_normalised: bool

    @property
    def bytes(self) -> int:
        """Bytes of the pixels as float16."""
        return 2 * self.dates * len(_BANDS) * self.side * self.side


#: Feature of the pixels -> kind.
KINDS: Final[dict[str, HackathonKind]] = {
    each.pixels: each
    for each in (
        HackathonKind("series", "series", "time_series_raw", "", 512, 12, is_normalised=False),
        HackathonKind("images", "image", "image_raw", "image_id", 512, 1, is_normalised=True),
        HackathonKind("patches", "patch", "patch_raw", "patch_id", 64, 1, is_normalised=True),
    )
}

_DECLARES: Final = {
    "normalised": "keep (default: images and patches stay -1..1), or undo: back to the nearest digital numbers; 4095 "
    "stands for all that was brighter",
    "ids": "table of Image ID or Patch ID (image_id.csv, patch_id.csv): only these are read",
}


@dataclass(frozen=True, slots=True)
class HackathonFiles:
    """Files of one kind, as a source."""

    #: In the order of their names.
    files: tuple[Path, ...]
    kind: HackathonKind
    #: `keep` or `undo`.
    normalised: str = "keep"
    #: Table of the numbers to read; None = all.
    ids: Path | None = None
    #: As declared, for the plan.
    given: Mapping[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Name of the format."""
        return "hackathon"

    @property
    def _is_value(self) -> bool:
        """True if the numbers stay normalised."""
        return self.kind.is_normalised and self.normalised == "keep"

    @property
    def _quantity(self) -> Quantity:
        return _NORMALISED if self._is_value else _DN

    @property
    def _dtype(self) -> str:
        return "float32" if self._is_value else "uint16"

    def plan(self, places: Any = None, dates: Any = None, spec: Any = None) -> Plan:
        """List every record; of each are read its length and, where it has one, its number.

        Raises
        ------
        Unreadable, Mismatch
            A file is not whole, or of another kind than the first.
        Refused
            Two records have the same number, or the table of ids names one that is nowhere.
        """
        require_all(places, dates, spec, where=f"format {self.name}")
        rows = [row for i, path in enumerate(self.files) for row in self._rows(i, path)]
        if self.ids is not None:
            rows = self._chosen(rows, self.ids)
        stack = StackSpec(
            _BANDS, (self.kind.side,) * 2, self._dtype, self._quantity, "s2-l1c", "L1C", _GSD, self.kind.dates
        )
        layout = Layout({"s2": stack}, licences=LICENCES)
        asked = {"files": [path.name for path in self.files], "kind": self.kind.name, **self.given}
        return Plan(self.name, asked, layout, pa.Table.from_pylist(rows, schema=pa.schema(list(_COLUMNS.items()))))

    def _rows(self, i: int, path: Path) -> list[dict[str, Any]]:
        kind, found = self.kind, index_records(path)
        said = f"{'normalised to -1..1' if kind.is_normalised else 'digital numbers'} ({kind.pixels})"
        rows = []
        with path.open("rb") as handle:
            for index, record in enumerate(found):
                where = f"{path.name} record {index}"
                number = _number(handle, record, kind, where) if kind.number else index
                # One tile a file: its images may overlap, so they never part in a split.
                id = f"{kind.one}-{number}" if kind.number else f"{path.stem}-{index:03d}"
                row: dict[str, Any] = {"id": id, "group": "" if kind.number else path.stem, "lon": None, "lat": None}
                row |= {"bytes": kind.bytes * (2 if self._is_value else 1), "why": "every record", "root": i}
                row |= {"index": number, "start": record.start, "size": record.size}
                rows.append({**row, "kind": kind.name, "quantity": said})
        return rows

    def _chosen(self, rows: list[dict[str, Any]], table: Path) -> list[dict[str, Any]]:
        if not self.kind.number:
            raise Refused(where=table.name, what="numbers images or patches, and series have none", fix="Leave it out.")
        wanted = read_ids(table, self.kind.name)
        held = {row["index"]: row for row in rows}
        lacking = [number for number in wanted if number not in held]
        if lacking:
            what = f"names {len(lacking):,} {self.kind.name} that no file holds, the first is {lacking[0]}"
            raise Refused(where=table.name, what=what, fix="Name all files, or another table.")
        return [held[number] for number in sorted(wanted)]

    def read(self, rows: pa.Table) -> Iterator[Sample | Failure]:
        """Read records of the plan; each file is opened once for neighbouring rows, memory of one record."""
        handle: BinaryIO | None = None
        opened = -1
        try:
            for row in rows.to_pylist():
                try:
                    if opened != row["root"]:
                        if handle is not None:
                            handle.close()
                        handle, opened = None, -1
                        handle = _open(self.files[row["root"]])
                        opened = row["root"]
                    made: Sample | Failure = self._read(handle, row)  # type: ignore[arg-type]
                except SwathError as error:
                    made = Failure.of(row["id"], error)
                yield made
        finally:
            if handle is not None:
                handle.close()

    def _read(self, handle: BinaryIO, row: Mapping[str, Any]) -> Sample:
        kind, path = self.kind, self.files[row["root"]]
        where = f"{path.name} {row['id']}"
        features = parse_example(read_record(handle, Record(row["start"], row["size"]), where=where), where=where)
        if kind.number and _one(numbers_of(features, kind.number, where=where), kind.number, where) != row["index"]:
            raise Mismatch(where=where, what=kind.number, want=str(row["index"]), have="another", fix="Plan again.")
        raw = bytes_of(features, kind.pixels, where=where)
        if len(raw) != kind.bytes:
            want = f"{kind.bytes:,} ({kind.side} x {kind.side} x {kind.dates * len(_BANDS)} of float16)"
            fix = "It is of another kind, or other pixels."
            raise Mismatch(where=where, what=f"bytes of {kind.pixels}", want=want, have=f"{len(raw):,}", fix=fix)
        flat = np.frombuffer(raw, "<f2").reshape(kind.side, kind.side, kind.dates, len(_BANDS)).transpose(2, 3, 0, 1)
        data, decisions = self._numbers(flat, where)
        items = tuple(f"{path.name}/{row['id']}" + (f" date {t}" if kind.dates > 1 else "") for t in range(kind.dates))
        said = (
            {"file": row["quantity"], "normalised": self.normalised}
            if kind.is_normalised
            else {"file": row["quantity"]}
        )
        offsets = tuple(decision.to_json() for decision in decisions)
        origin = Origin(
            items, "s2-l1c", "L1C", "Hackathon2019", offsets=offsets, declared=said, attribution=LICENCES[0]
        )
        stack = Stack(data, _BANDS, np.full(kind.dates, NO_TIME), self._quantity, None, _GSD, None, origin)
        return Sample(row["id"], {"s2": stack}, group=row["group"])

    def _numbers(self, flat: Array, where: str) -> tuple[Array, list[Decision]]:
        """Numbers (t, b, h, w) as they are handed on, and what is known of their offset."""
        wide = flat.astype(np.float32)
        if not np.isfinite(wide).all():
            raise Unreadable(where=where, what="holds numbers that are none (NaN or infinity)", fix="Fetch it again.")
        low, high = float(wide.min()), float(wide.max())
        if self.kind.is_normalised:
            if low < -1 or high > 1:
                want = "-1..1 (normalised, as distributed)"
                fix = "These are other numbers: files made by hand want the reader's own normalisation."
                raise Mismatch(where=where, what="numbers", want=want, have=f"{low:g}..{high:g}", fix=fix)
            if self._is_value:
                return np.ascontiguousarray(wide), []
            wide = np.rint((wide + 1) * np.float32(_HALF))
        elif low < 0 or not (wide == np.rint(wide)).all():
            want, have = "whole numbers from 0 up (digital numbers)", f"{low:g}..{high:g}, not whole"
            fix = "These are normalised already, or other numbers."
            raise Mismatch(where=where, what="numbers", want=want, have=have, fix=fix)
        data = np.ascontiguousarray(wide.astype(np.uint16))
        # One tile, one download: the dates of a series were processed alike.
        verdicts = [check_pixels(each, _BANDS, level="L1C") for each in data]
        return data, decide_alike([_CLAIM], verdicts, where=where)


def _open(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except OSError as error:
        raise Unreadable(where=path.name, what=f"cannot be opened ({error.strerror})", fix="Plan again.") from None


def _one(numbers: Array, name: str, where: str) -> int:
    if numbers.size != 1 or numbers.dtype.kind not in "iu":
        raise Mismatch(where=where, what=name, want="one whole number", have=f"{numbers.size} {numbers.dtype}")
    return int(numbers[0])


def _number(handle: BinaryIO, record: Record, kind: HackathonKind, where: str) -> int:
    held = peek_features(handle, record, [kind.number], where=where)
    return _one(numbers_of(held, kind.number, where=where), kind.number, where)


def _kind_of(path: Path) -> HackathonKind:
    """Kind of a file, by the features of its first record."""
    first = index_records(path)[:1]
    if not first:
        raise Unreadable(where=path.name, what="holds no record", fix="Fetch it again.")
    where = f"{path.name} record 0"
    with path.open("rb") as handle:
        features = set(_names(handle, first[0], where))
    for name, kind in KINDS.items():
        if name in features:
            return kind
    have = ", ".join(sorted(features)[:6]) or "none"
    raise Mismatch(where=where, what="features", want=" or ".join(KINDS), have=have, fix="It is of another format.")


def _names(handle: BinaryIO, record: Record, where: str) -> list[str]:
    def take(at: int, count: int) -> bytes:
        handle.seek(record.start + at)
        return handle.read(count)

    return list(locate_features(take, record.size, where=where))


def a_record(kind: HackathonKind, pixels: Array, number: int = 0) -> bytes:
    """Bytes of one record as the contest wrote it.

    Parameters
    ----------
    pixels : array, shape (t, b, h, w)
        Digital numbers of a series; of images and patches too, which are normalised here as the contest did.
    number : int
        Of the image or patch.
    """
    flat = np.asarray(pixels, np.float32).transpose(2, 3, 0, 1)
    if kind.is_normalised:
        flat = np.clip(flat, 0, _TOP) / np.float32(_HALF) - 1
    features: dict[str, Any] = {kind.pixels: [flat.astype("<f2").tobytes()]}
    if kind.number:
        features[kind.number] = np.array([number])
    return frame_record(encode_example(features))


@dataclass(frozen=True, slots=True)
class HackathonFormat:
    """The format; `HACKATHON` is the one instance."""

    #: On the command line.
    name: str = "hackathon"

    @property
    def declares(self) -> Mapping[str, str]:
        """Options that `open` takes."""
        return _DECLARES

    def sniff(self, path: Path) -> bool:
        """True for a file, or a folder with one, whose first record holds one of the three kinds of pixels."""
        try:
            files = _files([path])
            return bool(files) and bool(_kind_of(files[0]))
        except SwathError:
            return False

    def open(self, paths: Sequence[Path], **declared: Any) -> HackathonFiles:
        """Open files of one kind, or folders of them.

        Raises
        ------
        Mismatch
            Files of several kinds, or of another format.
        """
        where = f"format {self.name}"
        given = only_known(declared, _DECLARES, where=where)
        files = _files([Path(path) for path in paths])
        if not files:
            said = ", ".join(str(path) for path in paths) or where
            raise Refused(where=said, what="holds no file *.tfrecords", fix="Name the files.")
        kinds = {path: _kind_of(path) for path in files}
        kind = kinds[files[0]]
        other = next((path for path in files if kinds[path] != kind), None)
        if other is not None:
            raise Mismatch(
                where=other.name,
                what="kind",
                want=f"{kind.name} ({files[0].name})",
                have=kinds[other].name,
                fix="Series are digital numbers and the others are normalised: open them apart.",
            )
        normalised = one_of("normalised", given.get("normalised", "keep"), ["keep", "undo"])
        table = None if given.get("ids") is None else Path(given["ids"])
        return HackathonFiles(files, kind, normalised, table, {name: str(each) for name, each in given.items()})


#: The format.
HACKATHON: Final = HackathonFormat()


def _files(paths: Sequence[Path]) -> tuple[Path, ...]:
    found: list[Path] = []
    for path in paths:
        if not path.exists():
            raise Unreadable(where=str(path), what="is not there", fix="Look at the path.")
        if path.is_dir():
            found += [path / m.name for m in list_archive(path, most=2**62).members if m.name.endswith(_SUFFIXES)]
        elif path.name.endswith(_SUFFIXES):
            found.append(path)
    return tuple(sorted(found, key=lambda path: (path.name, path)))
