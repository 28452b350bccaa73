"""Cube: NetCDF and Zarr cubes (time, y, x) as openEO, odc-stac and xarray write them, whole or cut into windows.

Every variable on the grid is a band, or a `bands` dimension names them; they stand in the order of their sensor, since
neither HDF5 nor Zarr keeps one (`formats.cubefile`). What the numbers are is declared as for GeoTIFFs
(`formats.mapping`), and checked against the file and the pixels of every date. SCL is a class stack of its own, AOT and
WVP are stacks of their own. A code of absence that a file uses and does not declare is asked for, never guessed; radar
that was coded into whole numbers is decoded only as declared. Knows no orbit and no item: a cube names none.
"""

from __future__ import annotations

import math
import os
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
from odc.geo.geobox import GeoBox

from swath.core.array import Array
from swath.core.errors import Failure, Mismatch, Refused, SwathError, Unreadable
from swath.core.geobox import centre, footprint, window_geobox
from swath.core.legends import legend
from swath.core.origin import Origin
from swath.core.pixelcheck import check_pixels
from swath.core.plan import PLAN_COLUMNS, Layout, Plan, StackSpec, read_each
from swath.core.quantity import Quantity, class_of, value
from swath.core.sample import Sample
from swath.core.scene import Window
from swath.core.stack import Stack, measured
from swath.formats.archive import glance
from swath.formats.arrays import MOST_READ, Arrays, is_arrays, open_arrays
from swath.formats.cubefile import ASIDE, Cube, CubeBand, examine, grid_of, read_band, read_bands
from swath.formats.evidence import decide_alike
from swath.formats.mapping import DECLARES, Declared, Mapped, declare, gsd_of, map_bands
from swath.formats.options import one_of, only_known, require_all
from swath.formats.rasterset import map_name, stack_name
from swath.formats.scene import codes_of

__all__ = ["CUBE", "CubeFormat", "Cubes"]

_CODING: Final = re.compile(r"20\*?log10\(DN\)\s*(?P<add>[+-]\s*\d+(?:\.\d+)?)", re.IGNORECASE)
_FULL: Final = 65535
_LOOK: Final = 2**22  # numbers of a variable that are looked at for a code of absence
_MOST_SIDE: Final = 4096
_OF_MAPPING: Final = (
    *("bands", "keep", "kind", "level", "offset", "convention", "quantification", "unit", "sensor", "date", "nodata"),
    *("gsd", "class_band", "class_legend", "size", "stride", "min_valid"),
)
_DECLARES: Final = {
    **{name: DECLARES[name] for name in _OF_MAPPING},
    "nodata": "code of absence, in place of the file's own; nan = none",
    "coding": "how whole numbers hold decibels, as 20*log10(DN)-83 (kind=sigma0_db or another in dB)",
    "crs": "CRS of a cube that names none, as EPSG:32631",
    "edge": "drop (default) or pad windows that reach beyond the edge; what lies there is invalid",
}
_COLUMNS: Final = {**PLAN_COLUMNS, "cube": pa.int32(), "row": pa.int32(), "col": pa.int32()}


@dataclass(frozen=True, slots=True)
class Cubes:
    """Cubes of one kind, as a source."""

    #: What was opened.
    roots: tuple[Path, ...]
    cubes: tuple[Cube, ...]
    #: Cubes that are left out, and why.
    failures: tuple[Failure, ...]
    declared: Declared
    #: How the first cube's bands are read; all others are read alike.
    mapped: Mapped
    #: Added to 20 log10(DN) [dB]; None = numbers are what they are.
    coding: float | None
    is_padded: bool

    @property
    def name(self) -> str:
        """Name of the format."""
        return "cube"

    @property
    def _size(self) -> tuple[tuple[int, int], str]:
        """Pixels of a sample, and why."""
        if self.declared.size is not None:
            return self.declared.size, "declared"
        shapes = Counter(cube.header.shape for cube in self.cubes)
        best = max(shapes, key=lambda shape: (shapes[shape], shape))
        return best, f"{shapes[best]:,} of {shapes.total():,} cubes"

    def _layout(self) -> Layout:
        size, mapped = self._size[0], self.mapped
        first = self.cubes[0]
        gsd = gsd_of(self.declared, first.header, where=first.id)
        dates = max(len(cube.times) for cube in self.cubes)
        specs: dict[str, StackSpec] = {}
        legends = {}
        if mapped.quantity is not None:
            dtype = "float32" if self.coding is not None else first.header.dtype
            how = (dtype, mapped.quantity, mapped.sensor, mapped.level, gsd, dates)
            specs[stack_name(mapped.sensor)] = StackSpec(mapped.bands, size, *how, has_valid=True)
        for _, band, named in mapped.classes:
            how = ("uint8", class_of(named), mapped.sensor, mapped.level, gsd, dates)
            specs[map_name(band)] = StackSpec((band,), size, *how, has_valid=True)
            legends[named] = legend(named)
        for band, _ in first.aside:
            how = ("float32", value(ASIDE[band][1]), mapped.sensor, mapped.level, gsd, dates)
            specs[map_name(band)] = StackSpec((band,), size, *how, has_valid=True)
        sentences = sorted({each.attribution for each in legends.values() if each.attribution})
        return Layout(specs, {}, legends, tuple(sentences or ["Contains modified Copernicus Sentinel data."]))

    def plan(self, places: Any = None, dates: Any = None, spec: Any = None) -> Plan:
        """Lay windows over every cube, or take each whole.

        Raises
        ------
        Refused
            Places, dates or a spec are asked for, or a sample would be beyond measure.
        """
        require_all(places, dates, spec, where="format cube")
        (height, width), why = self._size
        layout, failures = self._layout(), list(self.failures)
        each = sum(len(s.bands) * height * width * np.dtype(s.dtype).itemsize for s in layout.stacks.values())
        most = max(len(cube.times) for cube in self.cubes) * each
        if max(height, width) > _MOST_SIDE or most > MOST_READ:
            what = f"a sample has {height} x {width} pixels and {most:,} bytes, too many"
            raise Refused(where="format cube", what=what, fix="Declare size=, as 256.")
        rows = []
        for k, cube in enumerate(self.cubes):
            sides = list(zip(cube.header.shape, (height, width), strict=True))
            starts = [self._starts(length, side, axis) for axis, (length, side) in enumerate(sides)]
            if not all(starts):
                tall, wide = cube.header.shape
                fix = "Declare size= for another one, or edge=pad; nothing is resized in silence."
                want, have = f"{height} x {width} pixels ({why})", f"{tall} x {wide}"
                error = Mismatch(where=cube.id, what="size", want=want, have=have, fix=fix)
                failures.append(Failure.of(cube.id, error))
                continue
            left = [length - at[-1] - side for (length, side), at in zip(sides, starts, strict=True)]
            said = f"window of {height} x {width} pixels" if self.declared.size else "every cube that fits, whole"
            if max(left) > 0:
                said += f"; {max(left[0], 0)} rows and {max(left[1], 0)} columns at the edges are in none"
            for row in starts[0]:
                for col in starts[1]:
                    lon, lat = centre(window_geobox(grid_of(cube), row, col, height, width))
                    id = f"{cube.id}_r{row:05d}_c{col:05d}" if self.declared.size else cube.id
                    made = {"id": id, "group": cube.id, "lon": lon, "lat": lat, "bytes": each * len(cube.times)}
                    rows.append({**made, "why": said, "cube": k, "row": row, "col": col})
        table = pa.Table.from_pylist(rows, schema=pa.schema(list(_COLUMNS.items())))
        failures.sort(key=lambda failure: failure.id)
        asked = {**self.declared.given, "cubes": [cube.id for cube in self.cubes]}
        if self.coding is not None:
            asked["coding"] = f"20*log10(DN){self.coding:+g}"
        return Plan(self.name, asked, layout, table, tuple(failures))

    def _starts(self, length: int, side: int, axis: int) -> list[int]:
        """First pixels of the windows along one axis."""
        if self.declared.size is None:
            return [0] if length == side else []
        step = (self.declared.stride or self.declared.size)[axis]
        if self.is_padded:
            return list(range(0, max(length - max(side - step, 0), 1), step))
        return list(range(0, length - side + 1, step))

    def read(self, rows: pa.Table) -> Iterator[Sample | Failure]:
        """Read windows of the plan."""
        yield from read_each(rows, self._read)

    def _read(self, row: Mapping[str, Any]) -> Sample | Failure:
        cube, id, mapped = self.cubes[row["cube"]], str(row["id"]), self.mapped
        window = Window(row["row"], row["col"], *self._size[0])
        box = window_geobox(grid_of(cube), window.row, window.col, window.height, window.width)
        gsd = gsd_of(self.declared, replace(cube.header, geobox=box), where=id)
        stacks: dict[str, Stack] = {}
        notes = {} if self.coding is None else {"coding": f"20*log10(DN){self.coding:+g}"}
        about = {**{k: v for k, v in self.declared.given.items() if k not in _CUTTING}, **notes}
        plain = Origin((cube.id,), mapped.sensor, mapped.level, declared=about)
        with open_arrays(cube.path, where=cube.id) as arrays:
            if mapped.quantity is not None:
                stacks[stack_name(mapped.sensor)] = self._measured(arrays, cube, window, box, gsd, plain)
            for position, band, named in mapped.classes:
                data, valid = read_bands(arrays, cube, [cube.bands[position]], window, nodata=self.declared.nodata)
                codes = codes_of(data.reshape(-1, *data.shape[2:]), valid.reshape(-1, *data.shape[2:]), named, where=id)
                shaped = codes.reshape(data.shape)
                stacks[map_name(band)] = Stack(
                    shaped, (band,), cube.times, class_of(named), box, gsd, _some(valid), plain
                )
            for band, where in cube.aside:
                stacks[map_name(band)] = self._aside(arrays, cube, band, where, window, box=box, gsd=gsd, origin=plain)
        judged = stacks.get(stack_name(mapped.sensor)) or next(iter(stacks.values()))
        good = measured(judged)
        share = 1.0 if good is None else float(good.all(axis=1).mean())
        if share == 0 or share < self.declared.min_valid:
            want = f"{self.declared.min_valid:.0%} or more" if self.declared.min_valid else "some"
            error = Mismatch(where=id, what="share of valid pixels", want=want, have=f"{share:.1%}")
            return Failure.of(id, error, "invalid")
        return Sample(id, stacks, {}, footprint(box), str(row["group"]), (row["lon"], row["lat"]))

    def _measured(
        self, arrays: Arrays, cube: Cube, window: Window, box: GeoBox, gsd: tuple[float, float], plain: Origin
    ) -> Stack:
        mapped, quantity = self.mapped, self.mapped.quantity
        wanted = mapped.judged if mapped.has_offset else mapped.measured
        data, valid = read_bands(arrays, cube, [cube.bands[i] for i in wanted], window, nodata=self.declared.nodata)
        origin = plain
        if mapped.has_offset:
            names = [mapped.names[i] for i in wanted]
            verdicts = [
                check_pixels(data[k], names, level=mapped.level, valid=valid[k]) for k in range(len(cube.times))
            ]
            decided = decide_alike(mapped.claims, verdicts, where=cube.id)
            known = quantity.offset if isinstance(quantity, Quantity) else None
            other = next((decision for decision in decided if decision.offset != known), None)
            if other is not None:
                want, have = f"{known} ({mapped.claims[0]})", f"{other.offset} (pixel check: {other.verdict})"
                raise Mismatch(where=cube.id, what="offset", want=want, have=have, fix="Declare its offset.")
            origin = replace(plain, offsets=tuple(decision.to_json() for decision in decided))
        at = [wanted.index(i) for i in mapped.measured]
        data, valid = data[:, at], valid[:, at]
        if self.coding is not None:
            valid &= data > 0
            with np.errstate(divide="ignore"):
                coded = 20 * np.log10(data.astype(np.float64)) + self.coding
            data = np.where(valid, coded, 0.0).astype(np.float32)
        if quantity is None:
            raise Refused(where=cube.id, what="holds no measured band", fix="Choose with keep=.")
        return Stack(data, mapped.bands, cube.times, quantity, box, gsd, _some(valid), origin)

    def _aside(
        self,
        arrays: Arrays,
        cube: Cube,
        name: str,
        band: CubeBand,
        window: Window,
        *,
        box: GeoBox,
        gsd: tuple[float, float],
        origin: Origin,
    ) -> Stack:
        """AOT or WVP in its unit; whole numbers are thousandths, as in the product."""
        data, valid = read_bands(arrays, cube, [band], window, nodata=self.declared.nodata)
        scale, unit = ASIDE[name]
        made = data.astype(np.float32) * np.float32(scale if data.dtype.kind in "iu" else 1.0)
        made = np.where(valid, made, np.float32(0))
        return Stack(made, (name,), cube.times, value(unit), box, gsd, _some(valid), origin)


_CUTTING: Final = ("keep", "size", "stride", "min_valid")


def _some(valid: Array) -> Array | None:
    """Say the same in its shortest form: None = all, one band where all agree."""
    if valid.all():
        return None
    return valid[:, :1].copy() if (valid == valid[:, :1]).all() else valid


@dataclass(frozen=True, slots=True)
class CubeFormat:
    """The format; `CUBE` is the one instance."""

    #: On the command line.
    name: str = "cube"

    @property
    def declares(self) -> Mapping[str, str]:
        """Options that `open` takes."""
        return _DECLARES

    def sniff(self, path: Path) -> bool:
        """True for a NetCDF file, a Zarr group, or a folder with either; a corpus of ours is none."""
        if path.is_dir() and (path / "corpus.json").exists():
            return False
        if is_arrays(path):
            return True
        return path.is_dir() and any(is_arrays(path / name) for name in glance(path) if name.endswith(".nc"))

    def open(self, paths: Sequence[Path], **declared: Any) -> Cubes:
        """Open cubes of one kind as a source.

        Raises
        ------
        Unreadable
            A path is not there, or no cube can be read.
        Mismatch, Refused, Unknown
            What is declared contradicts the files, or leaves something physical open.
        """
        where = "format cube"
        given = only_known(declared, _DECLARES, where=where)
        own = {name: given.pop(name) for name in ("coding", "crs", "edge") if name in given}
        asked = declare(given, where=where)
        asked = replace(asked, given={**asked.given, **{name: str(each) for name, each in own.items()}})
        coding = _coding(own.get("coding"), asked)
        is_padded = one_of("edge", own.get("edge", "drop"), ["drop", "pad"]) == "pad"
        if (is_padded or asked.stride is not None) and asked.size is None:
            raise Refused(where=where, what="is to be cut and is not told how large", fix="Declare size= too.")
        cubes: list[Cube] = []
        failures: list[Failure] = []
        first: SwathError | None = None
        mapped: Mapped | None = None
        roots = tuple(Path(path) for path in paths)
        for path, id in _files(roots):
            try:
                cube = examine(path, id, asked, str(own.get("crs", "")))
                read = _mapped(cube, asked, coding)
                gsd_of(asked, cube.header, where=id)
                _require_code(cube, asked)
                _require_alike(cube, read, cubes, mapped)
            except SwathError as error:
                first = first or error
                failures.append(Failure.of(id, error))
                continue
            cubes.append(cube)
            mapped = mapped or read
        if mapped is None:
            raise first or Refused(where=where, what="no path was given", fix="Name files, groups or folders of them.")
        return Cubes(roots, tuple(cubes), tuple(failures), asked, mapped, coding, is_padded)


#: The format.
CUBE: Final = CubeFormat()


def _files(roots: Sequence[Path]) -> list[tuple[Path, str]]:
    """Cubes below the paths and their names, in the order of roots and names."""
    found: list[tuple[Path, str]] = []
    for root in roots:
        if not root.exists():
            raise Unreadable(where=str(root), what="is not there", fix="Look at the path.")
        _require_inside(root)
        if root.is_file() or is_arrays(root):
            found.append((root, root.stem))
            continue
        inside = []
        for home, folders, files in os.walk(root):
            groups = [name for name in folders if is_arrays(Path(home, name))]
            folders[:] = sorted(set(folders) - set(groups))
            inside += [Path(home, name) for name in (*groups, *files) if name in groups or is_arrays(Path(home, name))]
        if not inside:
            raise Refused(where=str(root), what="holds no NetCDF file and no Zarr group", fix="Look at the path.")
        found += [(path, str(path.relative_to(root).with_suffix(""))) for path in sorted(inside)]
    names = Counter(name for _, name in found)
    twice = [name for name, count in names.items() if count > 1]
    if twice:
        raise Refused(where="format cube", what=f"two cubes are called {twice[0]!r}", fix="Rename one of them.")
    return found


def _require_inside(root: Path) -> None:
    """Refuse a folder with a link that leads out of it."""
    home, waiting = root.resolve(), [root] if root.is_dir() else []
    while waiting:
        with os.scandir(waiting.pop()) as entries:
            for entry in entries:
                if entry.is_symlink() and not Path(entry.path).resolve().is_relative_to(home):
                    what = f"holds a link that leaves it: {entry.name!r}"
                    raise Refused(where=str(root), what=what, fix="Copy what it points to here.")
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(Path(entry.path))


def _coding(text: Any, asked: Declared) -> float | None:
    """What is added to 20 log10(DN)."""
    if text is None:
        return None
    said = _CODING.fullmatch(str(text).replace(" ", ""))
    if said is None:
        raise Refused(where="option coding", what=f"cannot be read from {text!r}", want="20*log10(DN)-83")
    if not asked.kind.endswith("_db"):
        fix = "Declare kind=sigma0_db, or the one that it is."
        raise Mismatch(where="option coding", what="kind", want="one in dB", have=asked.kind or "none", fix=fix)
    return float(said["add"].replace(" ", ""))


def _mapped(cube: Cube, asked: Declared, coding: float | None) -> Mapped:
    """How the bands of a cube are read."""
    level = cube.level
    if level and asked.level not in ("", level):
        want, have = f"{asked.level} (declared)", f"{level} ({cube.bands[0].title})"
        raise Mismatch(where=cube.id, what="level", want=want, have=have, fix="Declare the file's own, or nothing.")
    known = replace(asked, level=asked.level or level)
    header = cube.header
    if coding is not None:
        if np.dtype(header.dtype).kind not in "iu":
            want, have = "whole numbers (coding, declared)", header.dtype
            raise Mismatch(
                where=cube.id, what="dtype", want=want, have=have, fix="They are decibels already: leave coding out."
            )
        header = replace(header, dtype="float32")
    elif known.kind.endswith("_db") and np.dtype(header.dtype).kind in "iu":
        what = f"holds decibels as {header.dtype}, and does not say how they were coded"
        raise Refused(where=cube.id, what=what, fix="Declare coding=20*log10(DN)-83, or the one that was used.")
    return map_bands(known, header, where=cube.id)


def _require_code(cube: Cube, asked: Declared) -> None:
    """Ask for a code of absence that a file uses without declaring it."""
    if asked.nodata is not None:
        return
    silent = [band for band in cube.bands if band.nodata is None and band.variable.dtype == "uint16"]
    if not silent:
        return
    height, width = cube.header.shape
    side = max(1, int(math.sqrt(_LOOK / max(1, len(cube.times)))))
    top, left = max(0, (height - side) // 2), max(0, (width - side) // 2)
    rows, cols = range(top, min(height, top + side)), range(left, min(width, left + side))
    with open_arrays(cube.path, where=cube.id) as arrays:
        for band in silent:
            held, written = read_band(arrays, cube, band, rows, cols)
            share = float(((held == _FULL) & written).mean())
            if share > 0:
                what = f"{share:.1%} of the numbers of {band.title} are {_FULL}, and it declares no code of absence"
                fix = f"Declare nodata={_FULL} if they are absent, or nodata=nan if they are measured (saturated)."
                raise Refused(where=cube.id, what=what, fix=fix)


def _require_alike(cube: Cube, mapped: Mapped, cubes: Sequence[Cube], known: Mapped | None) -> None:
    """Refuse a cube that is not read as the first one is."""
    if known is None:
        return
    pairs = [
        ("bands", " ".join(known.names), " ".join(mapped.names)),
        ("quantity", str(known.quantity), str(mapped.quantity)),
        ("offset", ", ".join(map(str, known.claims)), ", ".join(map(str, mapped.claims))),
        ("dtype", cubes[0].header.dtype, cube.header.dtype),
        ("other stacks", " ".join(name for name, _ in cubes[0].aside), " ".join(name for name, _ in cube.aside)),
    ]
    for what, want, have in pairs:
        if want != have:
            fix = "Open it apart from the others."
            raise Mismatch(where=cube.id, what=what, want=f"{want} ({cubes[0].id})", have=have, fix=fix)
