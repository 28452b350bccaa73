"""GeoTIFF: folders of files, one sample a file, and scenes cut into windows; their meaning is declared.

A file says little of what its numbers are, so bands, level, kind, offset and date are declared (`mapping.DECLARES`) and
checked against all that the files and their pixels do say. Headers make the plan, no pixel is read for it. One scene as
such opens with `formats.scene.open_scene`. Knows no folder layout but "the folder's name is the class", and that of
folders which swath has exported (`formats.exported`).
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa

from swath.core.array import Array
from swath.core.errors import Failure, Mismatch, Refused, SwathError, Unreadable
from swath.core.origin import Origin
from swath.core.plan import Plan, read_each
from swath.core.quantity import class_of
from swath.core.sample import Sample
from swath.core.scene import Window
from swath.core.stack import Stack
from swath.formats.archive import glance
from swath.formats.evidence import MOST_TILES, can_prove_order, decide, prove_tiles, tiles_of
from swath.formats.exported import ExportedFiles, is_exported, open_exported
from swath.formats.mapping import DECLARES, Declared, Mapped, declare, gsd_of, map_bands, with_tags
from swath.formats.options import require_all
from swath.formats.raster import Header, open_raster, read_header, read_pixels, simplest
from swath.formats.rasterset import (
    COLUMNS,
    Choices,
    RasterFile,
    assemble,
    files_of,
    is_raster,
    labels_of,
    layout_of,
    map_name,
    may_be_invalid,
    other_size,
    path_of,
    raw_bytes,
    require_stack,
    stack_name,
)
from swath.formats.scene import codes_of, origin_of
from swath.formats.windows import GeotiffWindows, open_windows

__all__ = ["GEOTIFF", "MOST_SAMPLE", "GeotiffFiles", "GeotiffFormat"]

#: Bytes of a sample; a larger file is cut, or its header lies.
MOST_SAMPLE: Final = 2 * 2**30


@dataclass(frozen=True, slots=True)
class GeotiffFormat:
    """The format; `GEOTIFF` is the one instance."""

    #: On the command line.
    name: str = "geotiff"

    @property
    def declares(self) -> Mapping[str, str]:
        """Options that `open` takes."""
        return DECLARES

    def sniff(self, path: Path) -> bool:
        """True for a raster file, or a folder with one in it."""
        if path.is_dir():
            return any(is_raster(path / name) for name in glance(path))
        return is_raster(path)

    def open(self, paths: Sequence[Path], **declared: Any) -> GeotiffFiles | GeotiffWindows | ExportedFiles:
        """Open folders or files as a source.

        Raises
        ------
        Unreadable
            A path is not there, or no file can be read.
        Mismatch, Refused, Unknown
            What is declared contradicts the files, or leaves something physical open.
        """
        asked = declare(declared, where="format geotiff")
        roots = tuple(Path(path) for path in paths)
        exported = [root for root in roots if is_exported(root)]
        if exported:
            return _open_exported(roots, exported, asked)
        files = files_of(roots)
        is_single = len(files) == 1 and roots[0].is_file()
        if asked.stride is not None or (is_single and asked.size is not None):
            return open_windows(roots, files, asked)
        return _open_files(roots, files, asked)


#: The format.
GEOTIFF: Final = GeotiffFormat()


@dataclass(frozen=True, slots=True)
class GeotiffFiles:
    """Rasters, one sample a file."""

    #: What was opened.
    roots: tuple[Path, ...]
    #: Declarations and labels.
    choices: Choices
    #: How the first readable file is read; all others must fit it.
    mapped: Mapped
    header: Header
    gsd: tuple[float, float]

    @property
    def name(self) -> str:
        """Name of the format."""
        return "geotiff"

    def plan(self, places: Any = None, dates: Any = None, spec: Any = None) -> Plan:
        """Look at every header; files that do not fit the most are left out by name.

        Raises
        ------
        Refused
            Places, dates or a spec are asked for: files are what they are.
        """
        require_all(places, dates, spec, where="format geotiff")
        files = files_of(self.roots)
        fitting: list[tuple[RasterFile, Header]] = []
        failures: list[Failure] = []
        for file in files:
            try:
                fitting.append((file, self._fitting(file)))
            except SwathError as error:
                failures.append(Failure.of(file.id, error))
        size, why = self._size([header.shape for _, header in fitting])
        rows = []
        for file, header in fitting:
            if header.shape != size:
                failures.append(Failure.of(file.id, other_size(file.id, header.shape, size, why)))
                continue
            lon, lat = header.place or (None, None)
            row = {"id": file.id, "group": "", "lon": lon, "lat": lat, "why": "every file that fits", "root": file.root}
            row |= {"bytes": raw_bytes(self.mapped, header.dtype, size), "path": file.path}
            rows.append({**row, "code": self.choices.code(file.label), "height": size[0], "width": size[1]})
        has_valid = any(may_be_invalid(header, self.choices.declared) for _, header in fitting)
        headers = [header for _, header in fitting]
        layout = layout_of(self.mapped, self.header.dtype, size, self.gsd, has_valid, self.choices, headers)
        table = pa.Table.from_pylist(rows, schema=pa.schema(list(COLUMNS.items())))
        failures.sort(key=lambda failure: failure.id)
        asked = {**self.choices.declared.given, "files": len(files)}
        return Plan(self.name, asked, layout, table, tuple(failures))

    def _fitting(self, file: RasterFile) -> Header:
        """Header of a file that is read as the first one is."""
        with open_raster(file.at, where=file.id) as dataset:
            header = read_header(dataset, where=file.id)
        self._require_fit(header, file.id)
        gsd_of(self.choices.declared, header, where=file.id)
        size = raw_bytes(self.mapped, header.dtype, header.shape)
        if size > MOST_SAMPLE:
            what = f"would be one sample of {size:,} bytes, above {MOST_SAMPLE:,}, if its header is true"
            raise Refused(where=file.id, what=what, fix="Declare size= and stride= to cut it into windows.")
        return header

    def _require_fit(self, header: Header, where: str) -> None:
        mapped = map_bands(self.choices.declared, header, where=where)
        pairs = [
            ("quantity", str(self.mapped.quantity), str(mapped.quantity)),
            ("bands", " ".join(self.mapped.names), " ".join(mapped.names)),
            ("offset", ", ".join(map(str, self.mapped.claims)), ", ".join(map(str, mapped.claims))),
            ("dtype", self.header.dtype, header.dtype),
        ]
        for what, want, have in pairs:
            if want != have:
                fix = "Open it apart from the others."
                raise Mismatch(where=where, what=what, want=f"{want} (the other files)", have=have, fix=fix)

    def prove_order(self, files: Sequence[RasterFile]) -> None:
        """Refuse an order of thirteen bands that physics breaks, on files spread over all.

        Raises
        ------
        Mismatch
            Names the rules that are broken, and the known orders that the pixels fit.
        """
        tiles: list[Array] = []
        for i in np.unique(np.linspace(0, len(files) - 1, MOST_TILES).round().astype(int)):
            try:
                with open_raster(files[i].at, where=files[i].id) as dataset:
                    header = read_header(dataset, where=files[i].id)
                    self._require_fit(header, files[i].id)
                    near = Window(0, 0, *(min(256, side) for side in header.shape))
                    nodata = self.choices.declared.nodata
                    tiles += tiles_of([read_pixels(dataset, header, self.mapped.judged, window=near, nodata=nodata)])
            except SwathError:
                continue  # told where it is planned or read
        prove_tiles(self.mapped, tiles, self.gsd, where=self.roots[0].name)

    def _size(self, shapes: Sequence[tuple[int, int]]) -> tuple[tuple[int, int], str]:
        """The size that most files have, or the declared one, and why."""
        if self.choices.declared.size is not None:
            return self.choices.declared.size, "declared"
        counts = Counter(shapes or [self.header.shape])
        best = max(counts, key=lambda shape: (counts[shape], shape))
        return best, f"{counts[best]:,} of {counts.total():,} files"

    def read(self, rows: pa.Table) -> Iterator[Sample | Failure]:
        """Read files of the plan."""
        yield from read_each(rows, self._read)

    def _read(self, row: Mapping[str, Any]) -> Sample | Failure:
        where, mapped, declared = str(row["id"]), self.mapped, self.choices.declared
        judged = mapped.judged if mapped.has_offset else ()
        wanted = sorted({*mapped.measured, *judged, *(i for i, _, _ in mapped.classes)})
        with open_raster(path_of(self.roots, row), where=where) as dataset:
            header = read_header(dataset, where=where)
            self._require_fit(header, where)
            if header.shape != (row["height"], row["width"]):
                raise other_size(where, header.shape, (row["height"], row["width"]), "when it was planned")
            data, valid = read_pixels(dataset, header, wanted, nodata=declared.nodata)

        def taken(picks: Sequence[int]) -> tuple[Array, Array | None]:
            if list(picks) == wanted:
                return data, valid
            at = [wanted.index(i) for i in picks]
            return data[at], valid if valid is None or len(valid) == 1 else simplest(valid[at])

        decision = decide(mapped, [taken(judged)], where=where) if judged else None
        origin = _restored(header, origin_of(where, mapped, declared, decision), where=where)
        gsd = gsd_of(declared, header, where=where)
        when = np.array([with_tags(declared, header, where=where).date], "datetime64[us]")
        stacks = {}
        if mapped.quantity is not None:
            pixels, mask = taken(mapped.measured)
            stack = Stack(pixels[None], mapped.bands, when, mapped.quantity, header.geobox, gsd, _dated(mask), origin)
            stacks[stack_name(mapped.sensor)] = stack
        for position, band, name in mapped.classes:
            pixels, mask = taken([position])
            codes = codes_of(pixels, mask, name, where=where)[None]
            plain = replace(origin, offsets=())
            stacks[map_name(band)] = Stack(
                codes, (band,), when, class_of(name), header.geobox, gsd, _dated(mask), plain
            )
        return assemble(row, stacks, [map_name(band) for _, band, _ in mapped.classes], self.choices)


def _restored(header: Header, read: Origin, *, where: str) -> Origin:
    """Origin that swath has written into the file; the offset as decided now, unless it is the same by better evidence.

    Raises
    ------
    Unreadable
        What is written there is no origin.
    """
    text = header.tags.get("SWATH_ORIGIN", "")
    if not text:
        return read
    try:
        held = Origin.from_json(json.loads(text))
        is_same = [dict(each)["offset"] for each in held.offsets] == [each["offset"] for each in read.offsets]
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        fix = "Remove its tag SWATH_ORIGIN, or fetch it again."
        raise Unreadable(where=where, what=f"holds a tag SWATH_ORIGIN that is no origin ({error})", fix=fix) from None
    offsets = held.offsets if is_same else read.offsets
    declared = {**held.declared, **read.declared}
    return replace(held, sensor=read.sensor, level=read.level, offsets=offsets, declared=declared)


def _dated(valid: Array | None) -> Array | None:
    return None if valid is None else valid[None]


def _open_exported(roots: Sequence[Path], exported: Sequence[Path], declared: Declared) -> ExportedFiles:
    where = str(exported[0])
    if len(roots) > 1:
        raise Refused(where=where, what="says itself what it holds", fix="Open it apart from the others.")
    if declared.given:
        named, fix = ", ".join(declared.given), "Declare nothing, or open the folder of one stack in it."
        raise Refused(where=where, what=f"says itself what it holds, and not by {named}", fix=fix)
    return open_exported(exported[0])


def _open_files(roots: tuple[Path, ...], files: Sequence[RasterFile], declared: Declared) -> GeotiffFiles:
    """Open a source of files; the first that can be read says how all are."""
    choices = Choices(declared, labels_of(files, declared))
    first: SwathError | None = None
    for file in files:
        try:
            with open_raster(file.at, where=file.id) as dataset:
                header = read_header(dataset, where=file.id)
        except SwathError as error:
            first = first or error
            continue
        mapped = map_bands(declared, header, where=file.id)
        require_stack(mapped, declared)
        source = GeotiffFiles(roots, choices, mapped, header, gsd_of(declared, header, where=file.id))
        if can_prove_order(mapped):
            source.prove_order(files)
        return source
    raise first or Refused(where="format geotiff", what="holds no file")
