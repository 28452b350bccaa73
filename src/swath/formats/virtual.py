"""Virtual: products of Cervest's virtual remote sensing, and the patches of its reflectance fusion.

A product is a folder of `frames/frame_000.h5` (or `.jpg`), `annotations/annotation_000.h5` (instance and class of every
pixel) and `index.json`; `<seed>/<product>` folders of one seed are one sample with a stack a product. A fusion patch is
a folder of `landsat/<date>.h5` and `modis/<date>.h5` with its `index.json`. Frames that the index calls null are left
out; `nframes` counted twice, as derived products have it, is recognised and told in the plan. Both are written by
`formats.virtual_write`. HDF5 without compression carries no checksum: a flipped pixel in it passes. Knows no
generator of such worlds. Long because one format is one file, and this one has two layouts.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, Final

import numpy as np
import pyarrow as pa
from affine import Affine
from odc.geo.geobox import GeoBox

from swath.core.array import Array
from swath.core.errors import Failure, Mismatch, Refused, SwathError, Unreadable
from swath.core.geobox import centre, footprint, ground_gsd
from swath.core.legends import Legend, LegendClass
from swath.core.offset import Claim, Decision
from swath.core.origin import Origin
from swath.core.plan import PLAN_COLUMNS, Layout, Plan, Source, StackSpec, read_each
from swath.core.presets import band_order
from swath.core.quantity import class_of, dn, value
from swath.core.rendering import decode_jpeg
from swath.core.sample import Sample, Target, TargetSpec
from swath.core.stack import NO_TIME, Stack
from swath.formats.archive import glance, list_archive
from swath.formats.hdf5 import array_of, open_hdf5, read_array
from swath.formats.options import as_date, as_number, one_of, only_known, require_all

__all__ = [
    "FUSION",
    "FUSION_BANDS",
    "FUSION_LICENCES",
    "VIRTUAL",
    "Index",
    "VirtualFormat",
    "VirtualPatches",
    "VirtualProducts",
    "read_index",
]

#: Attribution of fusion patches.
FUSION_LICENCES: Final = (
    "Landsat-8 surface reflectance, courtesy of the U.S. Geological Survey.",
    "MODIS MCD43A4, courtesy of NASA's Land Processes Distributed Active Archive Center.",
)
_INDEX: Final = "index.json"
_MOST_JSON: Final = 16 * 2**20
_MOST_FRAME: Final = 512 * 2**20
_MOST_FRAMES: Final = 100_000
_MOST_CLASSES: Final = 1000
_MOST_PROBES: Final = 32  # scenes whose classes are looked at
_ONE: Final = value("1")
_COUNT: Final = value("1")
_SENSORS: Final = {"landsat": "landsat-8", "modis": "mcd43a4"}
#: Red, near infrared, blue, green of either sensor.
FUSION_BANDS: Final[dict[str, tuple[str, ...]]] = {
    name: tuple(band for band in band_order("fusion-8").bands if band.startswith(name)) for name in _SENSORS
}
#: What the numbers of fusion patches mean.
FUSION: Final = dn("boa", offset=0)
_FUSED: Final = Claim("convention", (0.0,), "reflectance-fusion: surface reflectance * 10000")
_COLUMNS: Final = {**PLAN_COLUMNS, "root": pa.int32(), "path": pa.string(), "frames": pa.string()}

_DECLARES: Final = {
    "gsd": "metres a pixel of a product; default 1: the world has no scale",
    "annotations": "once (default: the same at every frame, stored once) or each (one a frame), or leave",
    "classes": "how many classes there are; default the greatest that is met in the first scenes",
}


class _Gone(Refused):
    """Something that an index or the other scenes name is not there."""


@dataclass(frozen=True, slots=True)
class Index:
    """What an `index.json` says, checked."""

    #: Its folder.
    folder: Path
    #: `product` or `fusion`.
    kind: str
    #: Frames that are there, in order: time step, date or "", and files below the folder by their role.
    frames: tuple[tuple[int, str, Mapping[str, str]], ...]
    #: As written.
    features: Mapping[str, Any]
    #: What is odd in it and was set right, in words; "" = nothing.
    note: str

    @property
    def size(self) -> tuple[int, int]:
        """Pixels of a product, (h, w)."""
        return int(self.features["height"]), int(self.features["width"])


def read_index(folder: Path) -> Index:
    """Read the index of a product or a fusion patch.

    Raises
    ------
    Unreadable
        It is not there, no JSON, or no such index.
    Mismatch
        `nframes` is neither the number of frames nor twice that; a frame stands under another number than its name.
    Refused
        A file lies outside of the folder.
    """
    where = f"{folder.name}/{_INDEX}"
    held = _json(folder / _INDEX, where)
    features, files = held.get("features"), held.get("files")
    if not isinstance(features, dict) or not isinstance(files, dict) or len(files) > _MOST_FRAMES:
        raise Unreadable(where=where, what="is no index of a product", want="features and files", fix="Fetch it again.")
    kind = "fusion" if "patch_bounds" in features else "product"
    roles = ("landsat", "modis") if kind == "fusion" else ("frame", "annotation")
    frames: list[tuple[int, str, Mapping[str, str]]] = []
    for key, entry in files.items():
        if not re.fullmatch(r"\d{1,9}", str(key)):
            raise Unreadable(where=where, what=f"numbers a frame {key!r}", fix="Frames are numbered from 0 or 1.")
        if entry is None:
            continue
        step = int(key)
        paths = {role: _below(entry.get(role), role, step, where) for role in roles if entry.get(role) is not None}
        if roles[0] not in paths or (kind == "fusion" and len(paths) < 2):
            raise Unreadable(where=where, what=f"names no {roles[0]} for frame {key}", fix="Fetch it again.")
        frames.append((step, _date(entry, paths, step, where) if kind == "fusion" else "", paths))
    frames.sort(key=lambda frame: frame[0])
    note = _require_count(features, frames, kind, len(files) - len(frames), where)
    if not frames:
        raise Refused(where=where, what="has no frame: all are null", fix="Leave the product out.")
    if kind == "product":
        _require_size(features, where)
    else:
        _require_dates([date for _, date, _ in frames], where)
    return Index(folder, kind, tuple(frames), features, note)


def _json(path: Path, where: str) -> dict[str, Any]:
    try:
        with path.open("rb") as handle:
            blob = handle.read(_MOST_JSON + 1)
        held = json.loads(blob)
    except (OSError, ValueError, RecursionError) as error:
        raise Unreadable(where=where, what=f"cannot be read ({error})", fix="Fetch it again.") from None
    if len(blob) > _MOST_JSON or not isinstance(held, dict):
        raise Unreadable(where=where, what="is no index of a product", fix="Fetch it again.")
    return held


def _below(path: Any, role: str, step: int, where: str) -> str:
    """A path in the index, if it stays below its folder and is that of its own frame."""
    said = PurePosixPath(str(path).replace("\\", "/"))
    if said.is_absolute() or ".." in said.parts or not str(path):
        raise Refused(where=where, what=f"names a file outside of its folder: {path!r}", fix="Look at its origin.")
    numbers = re.findall(r"\d+", said.stem)
    if role in ("frame", "annotation") and numbers and int(numbers[-1]) != step:
        raise Mismatch(
            where=where,
            what=f"order of its frames ({role} {step})",
            want=f"file {step}",
            have=said.name,
            fix="Number frames as their files are.",
        )
    return str(said)


def _date(entry: Mapping[str, Any], paths: Mapping[str, str], step: int, where: str) -> str:
    date = str(entry.get("date", ""))
    as_date(f"date of frame {step}", date)
    for role, path in paths.items():
        if PurePosixPath(path).stem != date:
            what = f"date of frame {step}"
            raise Mismatch(where=where, what=what, want=date, have=f"{path} ({role})", fix="Mend the index.")
    return date


def _require_count(features: Mapping[str, Any], frames: Sequence[Any], kind: str, nulls: int, where: str) -> str:
    """What is odd in the counts of an index; other counts than are known to be written are refused."""
    name = "horizon" if kind == "fusion" else "nframes"
    said, have = features.get(name), len(frames)
    null = f"{nulls} null frames left out" if nulls else ""
    if said is None or said == have:
        return null
    # A derived index began as a copy of its source's and counted on: its frames, or those before every k-th was kept.
    if kind == "product" and isinstance(said, int) and said in (2 * have, have + len(frames) + nulls):
        twice = f"nframes says {said}: counted twice, {have} are there"
        return f"{twice}; {null}" if null else twice
    want = f"{have} (the frames it names)"
    raise Mismatch(where=where, what=name, want=want, have=str(said), fix="Mend the index, or fetch all frames.")


def _require_size(features: Mapping[str, Any], where: str) -> None:
    for name in ("width", "height", "nbands"):
        if not isinstance(features.get(name), int) or not 0 < features[name] <= 2**16:
            raise Unreadable(where=where, what=f"has no {name}", have=repr(features.get(name)), fix="Fetch it again.")


def _require_dates(dates: Sequence[str], where: str) -> None:
    if list(dates) != sorted(set(dates)):
        raise Mismatch(
            where=where, what="order of its dates", want="ascending", have=", ".join(dates[:4]), fix="Sort it."
        )


@dataclass(frozen=True, slots=True)
class _Choices:
    """What a user declared, read."""

    given: Mapping[str, Any] = field(default_factory=dict)
    gsd: float = 1.0
    annotations: str = "once"
    classes: int = 0


def _array(path: Path, where: str, shape: Sequence[int | None], kinds: str) -> Array:
    """The array `data` of one file; little-endian as numpy has it."""
    if not path.is_file():
        raise _Gone(where=where, what="is not there, though the index names it", fix="Fetch it, or make it null.")
    with open_hdf5(path, where=where) as file:
        found = array_of(file, "data", where=where, kinds=kinds, shape=shape, most=_MOST_FRAME)
        return read_array(found, where=where)


def _frame(folder: Path, path: str, shape: tuple[int, int, int], dtype: str) -> Array:
    """Pixels of one frame, shape (b, h, w)."""
    where, height, width, bands = f"{folder.name}/{path}", *shape[1:], shape[0]
    if path.lower().endswith((".jpg", ".jpeg")):
        try:
            blob = (folder / path).read_bytes()
        except OSError as error:
            raise _Gone(
                where=where, what=f"is not there ({error.strerror})", fix="Fetch it, or make it null."
            ) from None
        held = decode_jpeg(blob, where=where).transpose(1, 2, 0)
        if held.shape != (height, width, bands):
            have = " x ".join(map(str, held.shape))
            raise Mismatch(where=where, what="size", want=f"{height} x {width} x {bands} (index)", have=have)
        return np.asarray(held.transpose(2, 0, 1) / np.float32(255), np.float32)
    held = _array(folder / path, where, (height, width, bands), "f")
    if held.dtype != dtype:
        raise Mismatch(where=where, what="dtype", want=f"{dtype} (the first frame)", have=str(held.dtype))
    return held.transpose(2, 0, 1)


def _annotation(folder: Path, path: str, size: tuple[int, int]) -> Array:
    """Instance and class, shape (2, h, w)."""
    held = _array(folder / path, f"{folder.name}/{path}", (*size, 2), "iu")
    if held.size and (int(held.min()) < 0 or int(held.max()) > np.iinfo(np.int16).max):
        have = f"{held.min()}..{held.max()}"
        raise Mismatch(where=f"{folder.name}/{path}", what="codes", want="0..32767", have=have, fix="Mend it.")
    return held.transpose(2, 0, 1).astype(np.int16)


@dataclass(frozen=True, slots=True)
class VirtualProducts:
    """Products, as a source: one sample a seed, one stack a product."""

    #: Sample -> stack -> folder.
    scenes: Mapping[str, Mapping[str, Path]]
    choices: _Choices
    #: Stack -> what it is.
    stacks: Mapping[str, StackSpec]
    #: Stacks with annotations, and how many classes they have.
    annotated: tuple[str, ...]
    classes: int

    @property
    def name(self) -> str:
        """Name of the format."""
        return "virtual"

    @property
    def _legend(self) -> Legend:
        wheel = ("e6a93c", "1b6e2c", "9bbf4a", "8c8c8c", "b0413e", "c7d86b", "a05a9c", "e8554e", "4aa3d8", "1f4e8c")
        made = tuple(LegendClass(k, f"class {k}", wheel[(k - 1) % len(wheel)]) for k in range(1, self.classes + 1))
        return Legend(f"virtual-{self.classes}", made, none=(0,), source="Cervest's virtual remote sensing")

    def _truth(self, stack: str) -> tuple[str, str]:
        """Names of the targets of a stack: classes and instances."""
        tail = "" if len(self.annotated) == 1 else f"-{stack}"
        return f"class{tail}", f"instance{tail}"

    def _layout(self) -> Layout:
        stacks: dict[str, StackSpec] = dict(self.stacks)
        targets: dict[str, TargetSpec] = {}
        for name in self.annotated:
            spec, (classes, instances) = self.stacks[name], self._truth(name)
            dates = spec.dates if self.choices.annotations == "each" else 1
            for band, target, quantity in (
                ("class", classes, class_of(self._legend.name)),
                ("instance", instances, _COUNT),
            ):
                stacks[target] = StackSpec((band,), spec.size, "int16", quantity, "", "", spec.gsd, dates)
            targets |= {classes: TargetSpec("map", legend=self._legend.name), instances: TargetSpec("stack")}
        legends = {self._legend.name: self._legend} if self.annotated else {}
        return Layout(stacks, targets, legends)

    def plan(self, places: Any = None, dates: Any = None, spec: Any = None) -> Plan:
        """Read every index; a scene that lacks a product, or whose index is wrong, is left out by name."""
        require_all(places, dates, spec, where="format virtual")
        rows, failures = [], []
        for id, products in self.scenes.items():
            try:
                rows.append(self._row(id, products))
            except SwathError as error:
                failures.append(_failure(id, error))
        table = pa.Table.from_pylist(rows, schema=pa.schema(list(_COLUMNS.items())))
        asked = {**self.choices.given, "scenes": len(self.scenes), "classes": self.classes}
        return Plan(self.name, asked, self._layout(), table, tuple(failures))

    def _row(self, id: str, products: Mapping[str, Path]) -> dict[str, Any]:
        notes, frames, size = [], {}, 0
        for name, spec in self.stacks.items():
            if name not in products:
                raise _Gone(where=id, what=f"has no product {name}, which the others have", fix="Open it apart.")
            index = read_index(products[name])
            _require_like(index, spec, name)
            if len(index.frames) > spec.dates:
                want = f"{spec.dates} at most (the other scenes)"
                raise Mismatch(where=id, what=f"frames of {name}", want=want, have=str(len(index.frames)))
            notes += [f"{name}: {index.note}"] if index.note else []
            frames[name] = [[step, *paths.values()] for step, _, paths in index.frames]
            size += len(index.frames) * math.prod(spec.size) * len(spec.bands) * np.dtype(spec.dtype).itemsize
        row = {"id": id, "group": id, "lon": None, "lat": None, "bytes": size, "root": 0, "path": id}
        return {**row, "why": "; ".join(notes) or "every scene", "frames": json.dumps(frames)}

    def read(self, rows: pa.Table) -> Iterator[Sample | Failure]:
        """Read scenes of the plan."""
        yield from read_each(rows, self._read, failed=_failure)

    def _read(self, row: Mapping[str, Any]) -> Sample:
        products = self.scenes[row["id"]]
        stacks: dict[str, Stack] = {}
        targets: dict[str, Target] = {}
        for name, frames in json.loads(row["frames"]).items():
            spec, folder = self.stacks[name], products[name]
            shape = (len(spec.bands), *spec.size)
            data = np.stack([_frame(folder, frame[1], shape, spec.dtype) for frame in frames])
            if not np.isfinite(data).all():
                raise Unreadable(where=f"{row['id']}/{name}", what="holds numbers that are none", fix="Make it again.")
            items = tuple(f"{row['id']}/{name}/{frame[1]}" for frame in frames)
            said = {"steps": [frame[0] for frame in frames], **({"index": row["why"]} if ":" in row["why"] else {})}
            origin = Origin(items, spec.sensor, "", "virtual", declared=said)
            times = np.full(len(frames), NO_TIME)
            stacks[name] = Stack(data, spec.bands, times, spec.quantity, None, spec.gsd, None, origin)
            if name in self.annotated:
                targets |= self._annotated(name, folder, frames, row["id"])
        return Sample(row["id"], stacks, targets, group=row["group"])

    def _annotated(self, name: str, folder: Path, frames: Sequence[Any], id: str) -> dict[str, Target]:
        spec, where = self.stacks[name], f"{id}/{name}"
        if any(len(frame) < 3 for frame in frames):
            raise Refused(where=where, what="has a frame without annotation", fix="Declare annotations=leave.")
        held = [_annotation(folder, frame[2], spec.size) for frame in frames]
        kept = held if self.choices.annotations == "each" else held[:1]
        if len(kept) < len(held):
            for frame, other in zip(frames, held, strict=True):
                if not np.array_equal(other, held[0]):
                    what = f"annotations of frames {frames[0][0]} and {frame[0]}"
                    fix = "Declare annotations=each: one a frame is then stored."
                    raise Mismatch(where=where, what=what, want="equal", have="others", fix=fix)
        codes = np.stack(kept)
        strange = codes[:, 1][codes[:, 1] > self.classes]
        if strange.size:
            want, fix = f"1..{self.classes} (the first scenes)", "Declare classes= for all of them."
            raise Mismatch(where=where, what="class code", want=want, have=str(int(strange.max())), fix=fix)
        times = np.full(len(kept), NO_TIME)
        made = {}
        for band, target, quantity, at in zip(
            ("class", "instance"), self._truth(name), (class_of(self._legend.name), _COUNT), (1, 0), strict=True
        ):
            origin = Origin((f"{id}/{name}/{frames[0][2]}",), provider="virtual")
            pixels = np.ascontiguousarray(codes[:, at : at + 1])
            made[target] = Target(stack=Stack(pixels, (band,), times, quantity, None, spec.gsd, None, origin))
        return made


def _failure(id: str, error: SwathError) -> Failure:
    """A failure; what is not there is missing."""
    return Failure.of(id, error, "missing" if isinstance(error, _Gone) else None)


def _require_like(index: Index, spec: StackSpec, name: str) -> None:
    have = (*index.size, index.features["nbands"])
    if have != (*spec.size, len(spec.bands)):
        want, said = (" x ".join(map(str, each)) for each in ((*spec.size, len(spec.bands)), have))
        where = f"{index.folder.name}/{_INDEX}"
        raise Mismatch(where=where, what=f"size of {name}", want=f"{want} (the other scenes)", have=said)


@dataclass(frozen=True, slots=True)
class VirtualPatches:
    """Fusion patches, as a source: one sample a patch, stacks `landsat` and `modis` on one grid of degrees."""

    #: Identifier -> folder.
    folders: Mapping[str, Path]
    given: Mapping[str, Any]
    #: Pixels, dtype of each stack, and most dates, as the first patches have them.
    size: tuple[int, int]
    dtypes: Mapping[str, str]
    gsd: tuple[float, float]
    dates: int

    @property
    def name(self) -> str:
        """Name of the format."""
        return "virtual"

    def plan(self, places: Any = None, dates: Any = None, spec: Any = None) -> Plan:
        """Read every index: dates and places stand in it."""
        require_all(places, dates, spec, where="format virtual")
        rows, failures = [], []
        each = sum(4 * math.prod(self.size) * np.dtype(dtype).itemsize for dtype in self.dtypes.values())
        for id, folder in self.folders.items():
            try:
                index = read_index(folder)
                box = _bounds(index, self.size)
                lon, lat = centre(box)
            except SwathError as error:
                failures.append(Failure.of(id, error))
                continue
            frames = json.dumps([[date, paths["landsat"], paths["modis"]] for _, date, paths in index.frames])
            row = {"id": id, "group": "", "lon": lon, "lat": lat, "bytes": each * len(index.frames)}
            rows.append({**row, "why": index.note or "every patch", "root": 0, "path": id, "frames": frames})
        stacks = {
            name: StackSpec(FUSION_BANDS[name], self.size, self.dtypes[name], FUSION, sensor, "", self.gsd, self.dates)
            for name, sensor in _SENSORS.items()
        }
        table = pa.Table.from_pylist(rows, schema=pa.schema(list(_COLUMNS.items())))
        layout = Layout(stacks, licences=FUSION_LICENCES)
        return Plan(self.name, {**self.given, "patches": len(self.folders)}, layout, table, tuple(failures))

    def read(self, rows: pa.Table) -> Iterator[Sample | Failure]:
        """Read patches of the plan."""
        yield from read_each(rows, self._read, failed=_failure)

    def _read(self, row: Mapping[str, Any]) -> Sample:
        folder, frames = self.folders[row["id"]], json.loads(row["frames"])
        box = _bounds(read_index(folder), self.size)
        times = np.array([date for date, _, _ in frames], "datetime64[us]")
        # The pixel check is one of Sentinel-2 and hears nothing of other sensors.
        decision = Decision((0.0,), "convention", "documented", (str(_FUSED),), "not run: no Sentinel-2")
        stacks, gsd = {}, ground_gsd(box)
        for k, (name, sensor) in enumerate(_SENSORS.items(), start=1):
            where = f"{row['id']}/{name}"
            held = [_array(folder / f[k], f"{folder.name}/{f[k]}", (4, *self.size), "fiu") for f in frames]
            if any(each.dtype != self.dtypes[name] for each in held):
                have = ", ".join(sorted({str(each.dtype) for each in held}))
                raise Mismatch(where=where, what="dtype", want=f"{self.dtypes[name]} (the first patch)", have=have)
            data = np.stack(held)
            valid = np.isfinite(data) if data.dtype.kind == "f" else None
            if valid is not None and not valid.all():
                raise Unreadable(where=where, what="holds numbers that are none (NaN)", fix="Make it again.")
            items = tuple(f"{row['id']}/{f[k]}" for f in frames)
            origin = Origin(items, sensor, "", "reflectance-fusion", offsets=(decision.to_json(),))
            stacks[name] = Stack(data, FUSION_BANDS[name], times, FUSION, box, gsd, None, origin)
        return Sample(row["id"], stacks, footprint=footprint(box), group=row["group"])


def _bounds(index: Index, size: tuple[int, int]) -> GeoBox:
    """Grid of a patch: left, bottom, right, top in degrees, as rasterio has them."""
    held = index.features["patch_bounds"]
    where = f"{index.folder.name}/{_INDEX}"
    if not isinstance(held, list | tuple) or len(held) != 4:
        raise Unreadable(where=where, what="has no patch_bounds of four numbers", have=repr(held)[:80])
    left, bottom, right, top = (as_number("patch_bounds", number) for number in held)
    if not (-180 <= left < right <= 180 and -90 <= bottom < top <= 90):
        fix = "left, bottom, right, top in degrees are wanted."
        raise Refused(where=where, what="has patch_bounds that are no place", have=f"{held}", fix=fix)
    height, width = size
    transform = Affine((right - left) / width, 0, left, 0, (bottom - top) / height, top)
    return GeoBox((height, width), transform, "EPSG:4326")


@dataclass(frozen=True, slots=True)
class VirtualFormat:
    """The format; `VIRTUAL` is the one instance."""

    #: On the command line.
    name: str = "virtual"

    @property
    def declares(self) -> Mapping[str, str]:
        """Options that `open` takes."""
        return _DECLARES

    def sniff(self, path: Path) -> bool:
        """True for a folder with an index of theirs somewhere in it."""
        if not path.is_dir():
            return False
        names = [name for name in glance(path) if PurePosixPath(name).name == _INDEX]
        for name in names[:4]:
            try:
                features = _json(path / name, name).get("features")
            except SwathError:
                continue
            if isinstance(features, dict) and ("nbands" in features or "patch_bounds" in features):
                return True
        return False

    def open(self, paths: Sequence[Path], **declared: Any) -> Source:
        """Open folders of products, or of fusion patches.

        Raises
        ------
        Unreadable, Mismatch, Refused
            There is none, both kinds are there, or the first cannot be read.
        """
        given = only_known(declared, _DECLARES, where="format virtual")
        choices = _Choices(
            {name: str(each) for name, each in given.items()},
            as_number("gsd", given.get("gsd", 1)),
            one_of("annotations", given.get("annotations", "once"), ["once", "each", "leave"]),
            int(as_number("classes", given.get("classes", 0))),
        )
        if not choices.gsd > 0:
            raise Refused(where="option gsd", what=f"must be metres above 0, have {choices.gsd:g}")
        found = _folders([Path(path) for path in paths])
        kinds = {folder: _kind(folder) for folder in found}
        if len(set(kinds.values())) > 1:
            said = ", ".join(str(path) for path in paths)
            raise Refused(where=said, what="holds products beside fusion patches", fix="Open them apart.")
        if set(kinds.values()) == {"fusion"}:
            return _open_patches(found, choices)
        return _open_products(found, choices)


#: The format.
VIRTUAL: Final = VirtualFormat()


def _folders(paths: Sequence[Path]) -> list[Path]:
    """Folders with an index, in the order of their names, numbers by their value."""
    found: list[Path] = []
    for path in paths:
        if not path.is_dir():
            what = "is no folder" if path.exists() else "is not there"
            raise Unreadable(where=str(path), what=what, fix="Name the folder of a product, or one of many.")
        names = [m.name for m in list_archive(path, most=2**62).members if PurePosixPath(m.name).name == _INDEX]
        if not names:
            raise Refused(where=str(path), what=f"holds no {_INDEX}", fix="Name the folder of a product, or of many.")
        found += sorted((path / PurePosixPath(name).parent for name in names), key=_natural)
    return found


def _natural(path: Path) -> list[Any]:
    return [[int(part) if part.isdigit() else 0, part] for part in re.findall(r"\d+|\D+", str(path))]


def _kind(folder: Path) -> str:
    features = _json(folder / _INDEX, f"{folder.name}/{_INDEX}").get("features")
    return "fusion" if isinstance(features, dict) and "patch_bounds" in features else "product"


def _open_products(folders: Sequence[Path], choices: _Choices) -> VirtualProducts:
    """Products of one parent are one scene, where every parent has some of the same names; else each is a scene."""
    parents: dict[Path, dict[str, Path]] = {}
    for folder in folders:
        parents.setdefault(folder.parent.absolute(), {})[folder.name] = folder
    counts = [set(products) for products in parents.values()]
    is_nested = len(parents) > 1 or (len(folders) > 1 and not all(name.isdigit() for name in counts[0]))
    scenes: dict[str, Mapping[str, Path]]
    if is_nested:
        scenes = {parent.name: products for parent, products in parents.items()}
    else:
        scenes = {folder.name: {"product": folder} for folder in folders}
    if is_nested and len(scenes) < len(parents):
        raise Refused(where="format virtual", what="has two scenes of one name", fix="Open them apart.")
    stacks, annotated = _specs(scenes, choices)
    classes = choices.classes or _greatest(scenes, annotated, stacks)
    if not 0 <= classes <= _MOST_CLASSES:
        what = f"would have {classes:,} classes: an annotation is damaged, or no annotation"
        raise Refused(where="format virtual", what=what, fix="Declare classes=, or annotations=leave.")
    return VirtualProducts(scenes, choices, stacks, annotated if classes else (), classes)


def _specs(scenes: Mapping[str, Mapping[str, Path]], choices: _Choices) -> tuple[dict[str, StackSpec], tuple[str, ...]]:
    """What each product is: as the first scene that can be read has it, with the most frames that any has."""
    stacks: dict[str, StackSpec] = {}
    annotated: set[str] = set()
    dates: dict[str, int] = {}
    first: SwathError | None = None
    for products in scenes.values():
        for name, folder in products.items():
            try:
                index = read_index(folder)
                dates[name] = max(dates.get(name, 0), len(index.frames))
                if name in stacks:
                    continue
                paths = index.frames[0][2]
                bands = tuple(f"b{k}" for k in range(1, index.features["nbands"] + 1))
                dtype = _dtype_of(folder, paths["frame"], (*index.size, len(bands)))
            except SwathError as error:
                first = first or error
                continue
            sensor, gsd = f"anonymous-{len(bands)}", (choices.gsd, choices.gsd)
            stacks[name] = StackSpec(bands, index.size, dtype, _ONE, sensor, "", gsd)
            if "annotation" in paths and choices.annotations != "leave":
                annotated.add(name)
    if not stacks:
        raise first or Refused(where="format virtual", what="holds no product")
    kept = {
        name: StackSpec(s.bands, s.size, s.dtype, s.quantity, s.sensor, "", s.gsd, dates[name])
        for name, s in sorted(stacks.items())
    }
    return kept, tuple(sorted(annotated))


def _dtype_of(folder: Path, path: str, shape: tuple[int, ...]) -> str:
    where = f"{folder.name}/{path}"
    if path.lower().endswith((".jpg", ".jpeg")):
        return "float32"
    if not (folder / path).is_file():
        raise _Gone(where=where, what="is not there, though the index names it", fix="Fetch it, or make it null.")
    with open_hdf5(folder / path, where=where) as file:
        found = array_of(file, "data", where=where, kinds="f", shape=shape, most=_MOST_FRAME)
        dtype = str(found.dtype.newbyteorder("="))
    if dtype not in ("float32", "float64"):
        raise Mismatch(where=where, what="dtype", want="float32 or float64", have=dtype)
    return dtype


def _greatest(
    scenes: Mapping[str, Mapping[str, Path]], annotated: Sequence[str], stacks: Mapping[str, StackSpec]
) -> int:
    """Greatest class code in the first annotation of the first scenes."""
    most = 0
    for products in list(scenes.values())[:_MOST_PROBES]:
        for name in annotated:
            try:
                path = read_index(products[name]).frames[0][2]["annotation"]
                most = max(most, int(_annotation(products[name], path, stacks[name].size)[1].max()))
            except (SwathError, KeyError):
                continue  # told where it is planned or read
    return most


def _open_patches(folders: Sequence[Path], choices: _Choices) -> VirtualPatches:
    first: SwathError | None = None
    named = {folder.name: folder for folder in folders}
    if len(named) < len(folders):
        raise Refused(where="format virtual", what="has two patches of one name", fix="Open them apart.")
    dates = 0
    found: VirtualPatches | None = None
    for folder in folders:
        try:
            index = read_index(folder)
            dates = max(dates, len(index.frames))
            if found is None:
                dtypes, size = {}, (0, 0)
                for name in _SENSORS:
                    path = index.frames[0][2][name]
                    held = _array(folder / path, f"{folder.name}/{path}", (4, None, None), "fiu")
                    dtypes[name], size = str(held.dtype), (held.shape[1], held.shape[2])
                found = VirtualPatches(named, choices.given, size, dtypes, ground_gsd(_bounds(index, size)), 1)
        except SwathError as error:
            first = first or error
    if found is None:
        raise first or Refused(where="format virtual", what="holds no patch")
    return VirtualPatches(named, choices.given, found.size, found.dtypes, found.gsd, dates)
