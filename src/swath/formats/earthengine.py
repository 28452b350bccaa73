"""Earth Engine: image exports as TFRecord patches, placed by the mixer file that comes beside them.

Each record is a patch with one list of floats a band, row by row; shards in the order of their names go over the grid
of `*mixer.json` row by row. The export says neither what its numbers are nor which pixels were masked: that is declared
as for GeoTIFFs (`mapping.DECLARES`). Where rows and columns cannot be counted (patches were dropped, a kernel widened
them, they are no squares), two features with longitude and latitude prove the place, or it stays unknown if so asked.
Gzipped shards are inflated once to count their records, if there are several. Knows no classes by folder.
"""

from __future__ import annotations

import json
import math
import os
import re
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
from affine import Affine
from odc.geo.geobox import GeoBox
from pyproj import Transformer
from pyproj.exceptions import CRSError

from swath.core.array import Array
from swath.core.errors import Failure, Mismatch, Refused, SwathError, Unreadable
from swath.core.geobox import centre, window_geobox
from swath.core.plan import Plan, read_each
from swath.core.quantity import class_of
from swath.core.sample import Sample
from swath.core.stack import Stack
from swath.formats.archive import list_archive
from swath.formats.evidence import decide
from swath.formats.mapping import DECLARES, Mapped, declare, gsd_of, map_bands
from swath.formats.options import as_names, one_of, only_known, require_all
from swath.formats.raster import Header, simplest
from swath.formats.rasterset import (
    COLUMNS,
    Choices,
    assemble,
    layout_of,
    map_name,
    raw_bytes,
    require_stack,
    stack_name,
)
from swath.formats.scene import codes_of, origin_of
from swath.formats.tfrecord import MOST_RECORDS, Feature, Inflater, index_records, numbers_of, parse_example, records

__all__ = ["EARTHENGINE", "EarthEngineFormat", "EarthEnginePatches", "Mixer", "read_mixer"]

_SUFFIXES: Final = (".tfrecord.gz", ".tfrecord")
_MOST_JSON: Final = 2**20
_MOST_PATCH: Final = 64 * 2**20  # bytes of one record
_LEFT_OUT: Final = ("labels", "legend", "size", "stride")
_OWN: Final = {
    "features": "features to read, in order; default every one with as many numbers as a patch has pixels",
    "bands": "names of the bands of these features, in their order; default what the features are called",
    "mask": "feature that is 0 where a pixel was masked (an export fills those with its defaultValue)",
    "lonlat": "features with longitude and latitude of every pixel, which prove the place: longitude,latitude",
    "place": "known (default), or unknown where it cannot be known",
    "dtype": "uint16 (default for kind=dn, refused where numbers are not whole) or float32 (default otherwise)",
}
_DECLARES: Final = {**{name: said for name, said in DECLARES.items() if name not in _LEFT_OUT}, **_OWN}
_MAPPED: Final = frozenset(DECLARES)
#: Pixels by which longitude and latitude may be off; float32 degrees are good to 2 m.
_TOLERANCE: Final = 0.5
_COLUMNS: Final = {**COLUMNS, "index": pa.int64(), "number": pa.int64()}


@dataclass(frozen=True, slots=True)
class Mixer:
    """The grid of an export, as its mixer file says."""

    #: Its CRS, and the transform from pixels to it.
    crs: str
    transform: Affine
    #: Pixels a patch, (h, w).
    patch: tuple[int, int]
    #: Patches a row, and in all.
    per_row: int
    total: int

    @property
    def grid(self) -> GeoBox:
        """Grid of all patches."""
        rows = -(-self.total // self.per_row)
        return GeoBox((rows * self.patch[0], self.per_row * self.patch[1]), self.transform, self.crs)


def read_mixer(path: Path) -> Mixer:
    """Read a mixer file.

    Raises
    ------
    Unreadable
        It is not there, or no mixer file.
    Refused
        Its numbers make no grid.
    """
    try:
        with path.open("rb") as handle:
            held = json.loads(handle.read(_MOST_JSON))
        projection, (width, height) = held["projection"], held["patchDimensions"]
        matrix = [float(number) for number in projection["affine"]["doubleMatrix"]]
        crs, per_row, total = str(projection["crs"]), int(held["patchesPerRow"]), int(held["totalPatches"])
        made = Mixer(crs, Affine(*matrix), (int(height), int(width)), per_row, total)
    except (OSError, ValueError, KeyError, TypeError) as error:
        fix = "It lies beside the shards of an Earth Engine export: fetch it again."
        said = f"{type(error).__name__}: {error}"
        raise Unreadable(where=path.name, what=f"is no mixer file ({said})", fix=fix) from None
    counts = (*made.patch, per_row, total)
    sound = all(0 < n <= MOST_RECORDS for n in counts) and made.patch[0] * made.patch[1] <= _MOST_PATCH // 4
    if not sound or not all(map(math.isfinite, matrix)) or made.transform.is_degenerate:
        have = f"patches of {height} x {width}, {per_row} a row, {total} in all, {matrix}"
        raise Refused(where=path.name, what="describes no grid", have=have, fix="Fetch it again.")
    try:
        Transformer.from_crs(made.crs, "EPSG:4326")
    except CRSError as error:
        raise Refused(where=path.name, what=f"names no CRS that is known: {made.crs!r}", fix="Mend it.") from error
    return made


class _Chunks:
    """A file that is read on from where it was left, and open only while it is read."""

    def __init__(self, path: Path) -> None:
        self.path, self.at = path, 0

    def read(self, count: int) -> bytes:
        with self.path.open("rb") as handle:
            handle.seek(self.at)
            blob = handle.read(count)
        self.at += len(blob)
        return blob


class _Streams(threading.local):
    """The shard that this thread reads, and how far it is: rows come in order, so nothing is inflated twice."""

    key: tuple[Any, ...]
    stream: Iterator[bytes]
    next: int

    def __init__(self) -> None:
        self.forget()

    def read(self, path: Path, index: int) -> bytes:
        """Record `index` of a shard; going back begins it anew."""
        about = path.stat()
        key = (str(path), about.st_mtime_ns, about.st_size)
        if key != self.key or index < self.next:
            chunks, where = _Chunks(path), path.name
            read = Inflater(chunks, where=where).read if path.suffix == ".gz" else chunks.read
            self.key, self.next, self.stream = key, 0, records(read, where=where, most=_MOST_PATCH)
        for blob in self.stream:
            self.next += 1
            if self.next == index + 1:
                return blob
        self.forget()
        raise Unreadable(where=path.name, what=f"holds no record {index}", fix="It has changed: plan again.")

    def forget(self) -> None:
        """Begin anew at the next record."""
        self.key, self.stream, self.next = (), iter(()), 0


_STREAMS: Final = _Streams()


def _record(path: Path, index: int) -> dict[str, Feature]:
    where = f"{path.name} record {index}"
    try:
        blob = _STREAMS.read(path, index)
    except OSError as error:
        raise Unreadable(where=where, what=f"cannot be read ({error.strerror})", fix="Look at the path.") from None
    except SwathError:
        _STREAMS.forget()
        raise
    return parse_example(blob, where=where)


@dataclass(frozen=True, slots=True)
class _Choices:
    """What was declared besides the meaning of the numbers."""

    features: tuple[str, ...]
    mask: str
    lonlat: tuple[str, str] | None
    is_placed: bool


@dataclass(frozen=True, slots=True)
class EarthEnginePatches:
    """Patches of one export, as a source."""

    #: Shards in the order of their names.
    shards: tuple[Path, ...]
    mixer: Mixer
    #: What the numbers mean, how they are read, and pixels that are stored a patch, (h, w).
    choices: Choices
    asked: _Choices
    mapped: Mapped
    header: Header
    gsd: tuple[float, float]
    dtype: str

    @property
    def name(self) -> str:
        """Name of the format."""
        return "earthengine"

    @property
    def _kernel(self) -> tuple[int, int]:
        """Pixels by which patches are larger than their step, down and across."""
        return self.header.shape[0] - self.mixer.patch[0], self.header.shape[1] - self.mixer.patch[1]

    def plan(self, places: Any = None, dates: Any = None, spec: Any = None) -> Plan:
        """List every patch; where shards are several and gzipped, each is inflated once to be counted.

        Raises
        ------
        Mismatch
            There are more or fewer patches than the mixer file says, and nothing else proves where they lie.
        """
        require_all(places, dates, spec, where=f"format {self.name}")
        found = [(i, k) for i, count in enumerate(self._counts()) for k in range(count)]
        is_counted = len(found) == self.mixer.total
        if not is_counted and self.asked.lonlat is None and self.asked.is_placed:
            raise Mismatch(
                where=self.shards[0].parent.name,
                what="number of patches",
                want=f"{self.mixer.total:,} (mixer file)",
                have=f"{len(found):,} in {len(self.shards)} shards",
                fix="Fetch every shard. If patches were dropped by maxMaskedRatio, declare lonlat=, or place=unknown.",
            )
        rows = []
        height, width = self.header.shape
        for number, (i, index) in enumerate(found):
            box = self._box(number) if is_counted and self.asked.is_placed else None
            lon, lat = (None, None) if box is None else centre(box)
            path = self.shards[i]
            row = {"id": f"{_stem(path)}-{index:05d}", "group": "", "lon": lon, "lat": lat, "why": "every patch"}
            row |= {"bytes": raw_bytes(self.mapped, self.dtype, (height, width)), "root": i, "path": path.name}
            row |= {"code": None, "height": height, "width": width, "index": index}
            rows.append({**row, "number": number if box is not None else -1})
        has_valid = bool(self.asked.mask) or self.choices.declared.nodata is not None or self.dtype == "float32"
        layout = layout_of(self.mapped, self.dtype, (height, width), self.gsd, has_valid, self.choices)
        table = pa.Table.from_pylist(rows, schema=pa.schema(list(_COLUMNS.items())))
        asked = {**self.choices.declared.given, "shards": len(self.shards), "patches": self.mixer.total}
        more = {"features": list(self.asked.features), "mask": self.asked.mask, "dtype": self.dtype}
        more |= {"lonlat": list(self.asked.lonlat or ()), "place": "known" if self.asked.is_placed else "unknown"}
        return Plan(self.name, {**asked, **more}, layout, table)

    def _counts(self) -> list[int]:
        """Records of every shard."""
        if len(self.shards) == 1 and self.shards[0].suffix == ".gz":
            return [self.mixer.total]
        return [_count(path) for path in self.shards]

    def _box(self, number: int) -> GeoBox:
        """Grid of a patch, by counting; a kernel reaches out on all sides by half."""
        row, col = divmod(number, self.mixer.per_row)
        down, across = self._kernel
        top, left = row * self.mixer.patch[0] - down // 2, col * self.mixer.patch[1] - across // 2
        return window_geobox(self.mixer.grid, top, left, *self.header.shape)

    def read(self, rows: pa.Table) -> Iterator[Sample | Failure]:
        """Read patches of the plan."""
        yield from read_each(rows, self._read)

    def _read(self, row: Mapping[str, Any]) -> Sample | Failure:
        path, declared, mapped = self.shards[row["root"]], self.choices.declared, self.mapped
        where = f"{path.name} record {row['index']}"
        features = _record(path, row["index"])
        count = self.header.shape[0] * self.header.shape[1]

        def pixels(name: str) -> Array:
            held = numbers_of(features, name, where=where)
            if held.size != count:
                want, have = f"{count:,} (the first patch)", f"{held.size:,}"
                raise Mismatch(where=where, what=f"pixels of {name}", want=want, have=have, fix="Open it apart.")
            return held.reshape(self.header.shape)

        box = self._placed(row, pixels, where) if self.asked.is_placed else None
        mask = pixels(self.asked.mask) != 0 if self.asked.mask else None
        raw = np.stack([pixels(name) for name in self.asked.features])
        valid = np.isfinite(raw)
        if declared.nodata is not None:
            valid &= raw != np.float32(declared.nodata)
        if mask is not None:
            valid &= mask
        data = _whole(raw, valid, self.asked.features, where) if self.dtype == "uint16" else np.where(valid, raw, 0)
        data = data.astype(self.dtype, copy=False)

        def taken(picks: Sequence[int]) -> tuple[Array, Array | None]:
            return data[list(picks)], simplest(valid[list(picks)])

        decision = decide(mapped, [taken(mapped.judged)], where=where) if mapped.has_offset else None
        origin = replace(origin_of(f"{path.name}/{row['index']}", mapped, declared, decision), provider="gee")
        when = np.array([declared.date], "datetime64[us]")
        gsd = gsd_of(declared, replace(self.header, geobox=box), where=where)
        stacks = {}
        if mapped.quantity is not None:
            held, good = taken(mapped.measured)
            stack = Stack(held[None], mapped.bands, when, mapped.quantity, box, gsd, _dated(good), origin)
            stacks[stack_name(mapped.sensor)] = stack
        for position, band, name in mapped.classes:
            held, good = taken([position])
            codes = codes_of(held, good, name, where=where)[None]
            plain = replace(origin, offsets=())
            stacks[map_name(band)] = Stack(codes, (band,), when, class_of(name), box, gsd, _dated(good), plain)
        return assemble(row, stacks, [map_name(band) for _, band, _ in mapped.classes], self.choices)

    def _placed(self, row: Mapping[str, Any], pixels: Any, where: str) -> GeoBox:
        """Grid of a patch: by counting, by its longitudes and latitudes, or by both, which then must agree."""
        counted = self._box(row["number"]) if row["number"] >= 0 else None
        if self.asked.lonlat is None:
            if counted is None:
                raise Refused(where=where, what="lies nobody knows where", fix="Declare lonlat=.")
            return counted
        lon, lat = (pixels(name)[[0, 0, -1, -1], [0, -1, 0, -1]] for name in self.asked.lonlat)
        x, y = Transformer.from_crs("EPSG:4326", self.mixer.crs, always_xy=True).transform(lon, lat)
        cols, rows = _pixels_of(self.mixer.transform, np.asarray(x), np.asarray(y))
        height, width = self.header.shape
        if not (np.isfinite(cols).all() and np.isfinite(rows).all()):
            raise Refused(where=where, what="has longitudes and latitudes that are no place", fix="Declare another.")
        left, top = round(float(cols[0]) - 0.5), round(float(rows[0]) - 0.5)
        off = max(
            np.abs(cols - 0.5 - left - np.array([0, width - 1, 0, width - 1])).max(),
            np.abs(rows - 0.5 - top - np.array([0, 0, height - 1, height - 1])).max(),
        )
        if off > _TOLERANCE:
            what = "place of its corners"
            want = f"on the mixer's grid, {height} x {width} pixels"
            fix = "The order of its pixels, or its grid, is not what the mixer file says: export it again."
            raise Mismatch(where=where, what=what, want=want, have=f"{off:.1f} pixels off it", fix=fix)
        if counted is not None:
            corner = _pixels_of(self.mixer.transform, counted.transform.c, counted.transform.f)
            if tuple(round(v) for v in corner) != (left, top):
                said = "lon {:.4f}, lat {:.4f}"
                want = f"{said.format(*centre(window_geobox(counted, 0, 0, 1, 1)))} (by counting)"
                have = f"{said.format(lon[0], lat[0])} (its first pixel)"
                fix = "Shards are missing, or in another order."
                raise Mismatch(where=where, what="place", want=want, have=have, fix=fix)
        return window_geobox(self.mixer.grid, top, left, height, width)


def _pixels_of(transform: Affine, x: Any, y: Any) -> tuple[Any, Any]:
    """Columns and rows of places in the CRS of a transform."""
    back = ~transform
    return back.a * x + back.b * y + back.c, back.d * x + back.e * y + back.f


def _dated(valid: Array | None) -> Array | None:
    return None if valid is None else valid[None]


def _whole(raw: Array, valid: Array, names: Sequence[str], where: str) -> Array:
    """Digital numbers as integers, if they are whole; shape (b, h, w)."""
    held = raw if valid.all() else np.where(valid, raw, 0)
    with np.errstate(invalid="ignore"):
        whole = held.astype(np.uint16)
    if np.array_equal(whole, held):  # only a whole number of this range comes out as itself
        return whole
    strange = (held != np.rint(held)) | (held < 0) | (held > 65535)
    if strange.any():
        band, value = names[int(np.argwhere(strange)[0][0])], float(held[strange][0])
        fix = "Declare dtype=float32, or the kind that they are."
        raise Mismatch(
            where=where, what=f"digital numbers of {band}", want="whole, 0..65535", have=f"{value:g}", fix=fix
        )
    return held


def _stem(path: Path) -> str:
    return path.name.removesuffix(".gz").removesuffix(".tfrecord")


def _count(path: Path) -> int:
    """Records of a shard."""
    if path.suffix != ".gz":
        return len(index_records(path, most=_MOST_PATCH))
    try:
        with path.open("rb") as handle:
            return sum(1 for _ in records(Inflater(handle, where=path.name).read, where=path.name, most=_MOST_PATCH))
    except OSError as error:
        raise Unreadable(where=path.name, what=f"cannot be read ({error.strerror})", fix="Look at it.") from None


@dataclass(frozen=True, slots=True)
class EarthEngineFormat:
    """The format; `EARTHENGINE` is the one instance."""

    #: On the command line.
    name: str = "earthengine"

    @property
    def declares(self) -> Mapping[str, str]:
        """Options that `open` takes."""
        return _DECLARES

    def sniff(self, path: Path) -> bool:
        """True for a folder with shards and a mixer file."""
        if not path.is_dir():
            return False
        names = [entry.name for entry in os.scandir(path)]
        return any(name.endswith("mixer.json") for name in names) and any(name.endswith(_SUFFIXES) for name in names)

    def open(self, paths: Sequence[Path], **declared: Any) -> EarthEnginePatches:
        """Open the folder of one export; its first patch says which features there are.

        Raises
        ------
        Unreadable, Refused, Mismatch, Unknown
            It is no whole export, or what is declared contradicts it or leaves something physical open.
        """
        where = f"format {self.name}"
        given = only_known(declared, _DECLARES, where=where)
        shards, mixer = _export([Path(path) for path in paths])
        asked = _Choices(
            as_names("features", given["features"]) if "features" in given else (),
            str(given.get("mask", "")),
            _pair(given["lonlat"]) if "lonlat" in given else None,
            one_of("place", given.get("place", "known"), ["known", "unknown"]) == "known",
        )
        meaning = declare({name: value for name, value in given.items() if name in _MAPPED}, where=where)
        held, first = _record(shards[0], 0), f"{shards[0].name} record 0"
        shape = _shape(held, mixer, asked, first)
        count = shape[0] * shape[1]
        asked = replace(asked, features=asked.features or _image_features(held, count, asked))
        kernel = shape != mixer.patch
        if asked.is_placed and asked.lonlat is None and (kernel or shape[0] != shape[1]):
            said = f"a kernel of {shape[0] - mixer.patch[0]} px" if kernel else "patches that are no squares"
            raise Refused(
                where=first,
                what=f"has {said}, of which nobody has written down how the grid lies",
                fix="Declare lonlat=, if longitude and latitude were exported as bands; or place=unknown.",
            )
        box = window_geobox(mixer.grid, 0, 0, *shape) if asked.is_placed else None
        bands = len(asked.features)
        place, scales = (None if box is None else centre(box)), ((1.0, 0.0),) * bands
        nodata = (meaning.nodata,) * bands
        indexes = tuple(range(1, bands + 1))
        header = Header(shape, indexes, "float32", box, place, asked.features, nodata, bool(asked.mask), scales)
        mapped = map_bands(meaning, header, where=first)
        require_stack(mapped, meaning)
        default = "uint16" if meaning.kind == "dn" else "float32"
        dtype = one_of("dtype", given.get("dtype", default), ["uint16", "float32"])
        gsd = gsd_of(meaning, header, where=first)
        return EarthEnginePatches(shards, mixer, Choices(meaning, None), asked, mapped, header, gsd, dtype)


#: The format.
EARTHENGINE: Final = EarthEngineFormat()


def _pair(value: Any) -> tuple[str, str]:
    names = as_names("lonlat", value)
    if len(names) != 2:
        raise Refused(where="option lonlat", what=f"cannot be read from {value!r}", want="longitude,latitude")
    return names[0], names[1]


def _export(paths: Sequence[Path]) -> tuple[tuple[Path, ...], Mixer]:
    """Shards and grid of one export."""
    files: list[Path] = []
    for path in paths:
        if not path.exists():
            raise Unreadable(where=str(path), what="is not there", fix="Look at the path.")
        files += [path / m.name for m in list_archive(path, most=2**62).members] if path.is_dir() else [path]
    shards = sorted((file for file in files if file.name.endswith(_SUFFIXES)), key=lambda file: file.name)
    mixers = [file for file in files if file.name.endswith("mixer.json")]
    where = ", ".join(path.name for path in paths) or "format earthengine"
    if not shards or len(mixers) != 1:
        have = f"{len(shards)} shards (.tfrecord, .tfrecord.gz) and {len(mixers)} mixer files"
        want, fix = "shards and one *mixer.json", "Name the folder of one export."
        raise Refused(where=where, what="is not one export", want=want, have=have, fix=fix)
    return tuple(shards), read_mixer(mixers[0])


def _shape(held: Mapping[str, Feature], mixer: Mixer, asked: _Choices, where: str) -> tuple[int, int]:
    """Pixels that are stored a patch: those of the mixer file, or more by a kernel."""
    height, width = mixer.patch
    names = asked.features or tuple(held)
    counts = {values.size for name in names if isinstance(values := held.get(name), np.ndarray) and values.size > 1}
    if height * width in counts:
        return mixer.patch
    for count in sorted(counts, reverse=True):
        # (height + k)(width + k) = count, for a kernel of k pixels.
        k = (math.sqrt((height - width) ** 2 + 4 * count) - height - width) / 2
        if k > 0 and k == round(k):
            return height + round(k), width + round(k)
    have = ", ".join(f"{count:,}" for count in sorted(counts)[:5]) or "none"
    want = f"{height * width:,} ({height} x {width}, mixer file), or more by a kernel"
    raise Mismatch(where=where, what="pixels of a patch", want=want, have=have, fix="It is of another export.")


def _image_features(held: Mapping[str, Feature], count: int, asked: _Choices) -> tuple[str, ...]:
    """Features with a number a pixel, B2 before B10; mask and degrees are not among them."""
    apart = {asked.mask, *(asked.lonlat or ())}
    names = [n for n, v in held.items() if isinstance(v, np.ndarray) and v.size == count and n not in apart]
    return tuple(sorted(names, key=lambda name: [part.zfill(8) for part in re.findall(r"\d+|\D+", name)]))
