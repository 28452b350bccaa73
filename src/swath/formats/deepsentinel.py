"""DeepSentinel: a folder a sample with Sentinel-2 and Sentinel-1 arrays and CORINE land cover, as it left them.

`{idx}/{idx}_{GEE|DL|LC}_{date}_{lon}_{lat}_S2arr.npz` and so on. What came from Earth Engine (L2A digital numbers,
sigma0 in dB) and what came from DescartesLabs (its own surface product, radar scaled to bytes) are other quantities
under one number: they stay stacks of their own. Band names, grid and products stand in the JSON files and are checked
against the arrays, the file names and one another; grids of the zones that were requested in nonsense coordinates are
refused. Written by `formats.deepsentinel_write`; its tables are in `formats.deepsentinel_tables`. OSM files and
thumbnails are passed over. Knows no corpus.
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
import shapely
from affine import Affine
from odc.geo.geobox import GeoBox

from swath.core.array import Array
from swath.core.bands import order, resolve_all
from swath.core.errors import Failure, Mismatch, Refused, SwathError, Unreadable
from swath.core.geobox import footprint
from swath.core.legends import Legend, legend
from swath.core.offset import Claim, Decision, decide_offset, provider_claim
from swath.core.origin import Origin
from swath.core.pixelcheck import check_pixels
from swath.core.plan import PLAN_COLUMNS, Layout, Plan, StackSpec, read_each
from swath.core.presets import band_order
from swath.core.quantity import SIGMA0_DB, Quantity, class_of, dn
from swath.core.sample import Sample, Target, TargetSpec
from swath.core.stack import NO_TIME, Stack
from swath.formats.archive import glance, list_archive
from swath.formats.deepsentinel_tables import PointRow, read_colour_map, read_points
from swath.formats.npz import read_npz
from swath.formats.options import as_names, only_known, require_all
from swath.formats.raster import simplest

__all__ = ["DEEPSENTINEL", "LANDCOVER", "LICENCES", "SOURCES", "DeepsentinelFormat", "DeepsentinelTree"]

#: Attribution of the pixels.
LICENCES: Final = ("Contains modified Copernicus Sentinel data.",)
#: Target made of the land cover.
LANDCOVER: Final = "landcover"
#: Source of a file -> parts that a sample of it is made of. Thumbnails are no part.
SOURCES: Final[dict[str, tuple[str, ...]]] = {
    "GEE": ("S2arr.npz", "S1arr.npz", "meta.json"),
    "DL": ("S2arr.npz", "S1arr.npz", "S2meta.json", "S1meta.json", "tile.json"),
    "LC": ("LCarr.npz",),
}
_GSD: Final = (10.0, 10.0)
_MOST_JSON: Final = 4 * 2**20
_MOST_SIDE: Final = 8192
_NUMBER: Final = r"-?\d+(?:\.\d*)?(?:[eE][+-]?\d+)?"
_NAME: Final = re.compile(
    rf"(?P<idx>\d+)_(?P<source>GEE|DL|LC)_(?P<date>\d{{4}}-\d{{2}}-\d{{2}})_(?P<lon>{_NUMBER})_(?P<lat>{_NUMBER})_"
    r"(?P<part>\w+\.(?:npz|json|png))"
)
_GEE_S2: Final = band_order("deepsentinel-gee-14").bands[:12]
_DL_S2: Final = band_order("deepsentinel-dl-16").bands[:13]
_SAR: Final = ("VV", "VH")
_UNKNOWN: Final = dn(None, offset=None)
_S2_ID: Final = re.compile(r"COPERNICUS/(S2|S2_SR|S2_SR_HARMONIZED|S2_HARMONIZED)/(\d{8}T\d{6})_\w+_T\w{5}")
_S1_ID: Final = re.compile(r"S1[A-D]_\w+?_(\d{8}T\d{6})_")
_DL_DATE: Final = re.compile(r"(\d{4}-\d{2}-\d{2})_")
_BASELINE_0400: Final = np.datetime64("2022-01-25", "us")
_COLUMNS: Final = {
    **PLAN_COLUMNS,
    "root": pa.int32(),
    "folder": pa.string(),
    "date": pa.string(),
    "heads": pa.string(),
    "idx": pa.string(),
}

_DECLARES: Final = {
    "stacks": "which of gee, dl, lc to read; default those that more than half of the samples have",
    "offset": "of the Earth Engine L2A, 0 (default to 2022-01-24, checked by the pixels) or -1000",
    "points": "points table (parquet): products and times of both sensors; places must agree with the file names",
    "colmap": "CORINE colour map (CLC_100m_colmap.json); default the legend that is known",
}


@dataclass(frozen=True, slots=True)
class _Choices:
    """What a user declared, read."""

    given: Mapping[str, Any] = field(default_factory=dict)
    #: None = decided for each sample.
    offset: float | None = None
    points: Mapping[str, PointRow] = field(default_factory=dict)
    legend: Legend = field(default_factory=lambda: legend("corine-index"))


@dataclass(frozen=True, slots=True)
class _Entry:
    """One sample of the tree."""

    id: str
    root: int
    #: Below the root, with slashes.
    folder: str
    idx: str
    date: str
    lon: float
    lat: float
    #: Source -> parts that are there; source -> beginning of their names.
    parts: Mapping[str, frozenset[str]]
    heads: Mapping[str, str]


def _entries(roots: Sequence[Path]) -> tuple[list[_Entry], list[Failure]]:
    """Samples of the trees in the order of their numbers, and folders whose names contradict one another."""
    found: dict[tuple[int, str], list[re.Match[str]]] = {}
    for i, root in enumerate(roots):
        for member in list_archive(root, most=2**62).members:
            folder, _, name = member.name.rpartition("/")
            said = _NAME.fullmatch(name)
            if said is not None:
                found.setdefault((i, folder), []).append(said)
    entries: list[_Entry] = []
    failures: list[Failure] = []
    for (i, folder), names in found.items():
        path = PurePosixPath(roots[i].absolute().name, folder)
        by_idx: dict[str, list[re.Match[str]]] = {}
        for parts in names:
            by_idx.setdefault(parts["idx"], []).append(parts)
        for idx, mine in by_idx.items():
            # The number is the folder's name, and the version's name is that of the folder above it.
            version = path.parent.name if path.name == idx else path.name
            id = f"{version}-{idx}"
            try:
                entries.append(_entry(id, i, folder, idx, mine))
            except SwathError as error:
                failures.append(Failure.of(id, error))
    entries.sort(key=lambda entry: (entry.root, entry.id.rpartition("-")[0], int(entry.idx)))
    return entries, failures


def _entry(id: str, root: int, folder: str, idx: str, names: Sequence[re.Match[str]]) -> _Entry:
    for what in ("date", "lon", "lat"):
        said = {name[what]: name.string for name in names}
        if len(said) > 1:
            one, other = sorted(said)[:2]
            fix = "Two samples lie in one folder: take one out."
            raise Mismatch(where=id, what=f"{what} in its names", want=one, have=f"{other} ({said[other]})", fix=fix)
    lon, lat = float(names[0]["lon"]), float(names[0]["lat"])
    if abs(lon) > 180 or abs(lat) > 90:
        fix = "Longitude stands first."
        raise Refused(where=id, what=f"lies nowhere on Earth (lat {lat:g}, lon {lon:g})", fix=fix)
    parts: dict[str, set[str]] = {}
    heads = {}
    for name in names:
        parts.setdefault(name["source"], set()).add(name["part"])
        heads[name["source"]] = name.string.removesuffix(name["part"])
    kept = {source: frozenset(held) for source, held in parts.items()}
    return _Entry(id, root, folder, idx, names[0]["date"], lon, lat, kept, heads)


def _json(path: Path, where: str) -> dict[str, Any]:
    try:
        with path.open("rb") as handle:
            held = json.loads(handle.read(_MOST_JSON))
    except (OSError, ValueError, RecursionError) as error:
        raise Unreadable(where=where, what=f"cannot be read ({error})", fix="Fetch it again.") from None
    if not isinstance(held, dict):
        raise Unreadable(where=where, what="is no JSON object", fix="Fetch it again.")
    return held


def _grid(crs: Any, left: Any, top: Any, step: Any, size: tuple[int, int], where: str) -> GeoBox:
    """Pixel grid of a patch.

    Raises
    ------
    Refused
        It is no UTM zone: that of an unpadded number is an Antarctic projection.
    """
    code = re.fullmatch(r"EPSG:(\d+)", str(crs), re.IGNORECASE)
    number = int(code[1]) if code else 0
    if not (32601 <= number <= 32660 or 32701 <= number <= 32760):
        short = re.fullmatch(r"32([67])(\d)", str(number))
        what = f"lies on {crs}, which is no UTM zone"
        if short:
            what += f": zone {short[2]} was not padded to 32{short[1]}0{short[2]}, so its pixels are of somewhere else"
        raise Refused(where=where, what=what, fix="Nothing can mend it: leave it out, or download it again.")
    try:
        numbers = [float(each) for each in (left, top, step)]
    except (TypeError, ValueError):
        numbers = [math.nan]
    if not all(map(math.isfinite, numbers)) or not numbers[-1] > 0:
        raise Unreadable(
            where=where, what="has no corner of its grid", have=f"{left}, {top}, {step}", fix="Fetch it again."
        )
    return GeoBox(size, Affine(numbers[2], 0, numbers[0], 0, -numbers[2], numbers[1]), f"EPSG:{number}")


def _tile_grid(tile: Any, size: tuple[int, int], where: str) -> GeoBox:
    """Grid of a DescartesLabs tile: its CRS and transform in GDAL's order."""
    held = tile.get("properties") if isinstance(tile, dict) else None
    transform = held.get("geotrans") if isinstance(held, dict) else None
    if not isinstance(held, dict) or not isinstance(transform, list) or len(transform) != 6:
        raise Unreadable(where=where, what="holds no tile with cs_code and geotrans", fix="Fetch it again.")
    return _grid(held.get("cs_code"), transform[0], transform[3], transform[1], size, where)


def _require_within(box: GeoBox, entry: Mapping[str, Any], where: str) -> None:
    """Refuse a grid that does not hold the point of its name."""
    off = footprint(box).distance(shapely.Point(entry["lon"], entry["lat"])) * 111_000
    if off > 10 * max(_GSD):
        want = f"the point of its name (lon {entry['lon']:g}, lat {entry['lat']:g})"
        fix = "Its grid is that of another zone or hemisphere, or its name is wrong."
        raise Mismatch(where=where, what="place", want=want, have=f"a grid {off / 1000:,.1f} km away", fix=fix)


@dataclass(frozen=True, slots=True)
class DeepsentinelTree:
    """Samples of the tree, as a source."""

    #: Folders.
    roots: tuple[Path, ...]
    choices: _Choices
    #: Of `SOURCES`, in their order.
    sources: tuple[str, ...]
    #: Pixels, (h, w).
    size: tuple[int, int]

    @property
    def name(self) -> str:
        """Name of the format."""
        return "deepsentinel"

    @property
    def _quantity(self) -> Quantity:
        return dn("boa", offset=self.choices.offset or 0.0)

    def _layout(self) -> Layout:
        size, has = self.size, {"has_valid": True}
        stacks: dict[str, StackSpec] = {}
        targets: dict[str, TargetSpec] = {}
        legends: dict[str, Legend] = {}
        licences = list(LICENCES)
        if "GEE" in self.sources:
            stacks["gee-s2"] = StackSpec(_GEE_S2, size, "float32", self._quantity, "s2-l2a", "L2A", _GSD, **has)
            stacks["gee-s1"] = StackSpec(_SAR, size, "float32", SIGMA0_DB, "s1-grd", "GRD", _GSD, **has)
        if "DL" in self.sources:
            for name, bands in (("dl-s2", _DL_S2), ("dl-s1", _SAR)):
                stacks[name] = StackSpec(bands, size, "float32", _UNKNOWN, f"descarteslabs-{name[3:]}", "", _GSD, **has)
        if "LC" in self.sources:
            known = self.choices.legend
            stacks[LANDCOVER] = StackSpec(("landcover",), size, "uint8", class_of(known.name), "", "", _GSD)
            targets[LANDCOVER] = TargetSpec("map", legend=known.name)
            legends[known.name] = known
            licences += [known.attribution] if known.attribution else []
        return Layout(stacks, targets, legends, tuple(licences))

    def plan(self, places: Any = None, dates: Any = None, spec: Any = None) -> Plan:
        """List every sample: names are read, no file is opened; one that lacks a part is left out by name."""
        require_all(places, dates, spec, where=f"format {self.name}")
        entries, failures = _entries(self.roots)
        layout, rows = self._layout(), []
        each = sum(
            len(spec.bands) * math.prod(spec.size) * np.dtype(spec.dtype).itemsize for spec in layout.stacks.values()
        )
        for entry in entries:
            lacking = [
                f"{entry.heads.get(source, f'{entry.idx}_{source}_..._')}{part}"
                for source in self.sources
                for part in SOURCES[source]
                if part not in entry.parts.get(source, frozenset())
            ]
            if lacking:
                error = Refused(
                    where=entry.id,
                    what=f"lacks {len(lacking)} of its files, the first is {lacking[0]}",
                    fix="Download it again, or name the stacks that are there with stacks=.",
                )
                failures.append(Failure.of(entry.id, error, "missing"))
                continue
            row: dict[str, Any] = {"id": entry.id, "group": "", "lon": entry.lon, "lat": entry.lat, "bytes": each}
            row |= {"why": "every sample that is whole", "root": entry.root, "folder": entry.folder, "idx": entry.idx}
            rows.append({**row, "date": entry.date, "heads": json.dumps(dict(entry.heads))})
        table = pa.Table.from_pylist(rows, schema=pa.schema(list(_COLUMNS.items())))
        asked = {"paths": [root.name for root in self.roots], "sources": list(self.sources), **self.choices.given}
        return Plan(self.name, asked, layout, table, tuple(failures))

    def read(self, rows: pa.Table) -> Iterator[Sample | Failure]:
        """Read samples of the plan."""
        yield from read_each(rows, self._read)

    def _read(self, planned: Mapping[str, Any]) -> Sample:
        row = {**planned, "heads": json.loads(planned["heads"])}
        stacks: dict[str, Stack] = {}
        targets: dict[str, Target] = {}
        point = self.choices.points.get(row["idx"])
        if self.choices.points:
            _require_point(point, row)
        tile: Any = None
        if "GEE" in self.sources:
            meta = _json(self._path(row, "GEE", "meta.json"), f"{row['id']} GEE_meta.json")
            stacks |= self._from_gee(row, meta, point)
            tile = meta.get("tile")
        if "DL" in self.sources:
            tile = _json(self._path(row, "DL", "tile.json"), f"{row['id']} DL_tile.json")
            stacks |= self._from_dl(row, tile, point)
        if "LC" in self.sources:
            where = f"{row['id']} LCarr.npz"
            if tile is None:
                what = "lies on a tile of DescartesLabs that no file describes"
                raise Refused(where=where, what=what, fix="Read it beside DL, or leave lc out of stacks=.")
            targets[LANDCOVER] = Target(stack=self._landcover(row, _tile_grid(tile, self.size, where), where))
        boxes = [stack.geobox for stack in stacks.values()] + [t.stack.geobox for t in targets.values() if t.stack]
        outline = next((footprint(box) for box in boxes if box is not None), None)
        return Sample(row["id"], stacks, targets, outline, row["group"], (row["lon"], row["lat"]))

    def _path(self, row: Mapping[str, Any], source: str, part: str) -> Path:
        folder, head = str(row["folder"]), str(row["heads"][source])
        return self.roots[int(row["root"])] / folder / f"{head}{part}"

    def _array(self, row: Mapping[str, Any], source: str, part: str, bands: int) -> Array:
        """An array (h, w, c) as bands first; float32."""
        where = f"{row['id']} {source}_{part}"
        held = read_npz(self._path(row, source, part), "arr", where=where, kinds="f", shape=(*self.size, bands))
        if held.dtype != np.float32:
            raise Mismatch(where=where, what="dtype", want="float32", have=str(held.dtype), fix="Convert it.")
        return np.ascontiguousarray(held.transpose(2, 0, 1))

    def _from_gee(self, row: Mapping[str, Any], meta: Mapping[str, Any], point: PointRow | None) -> dict[str, Stack]:
        where = f"{row['id']} GEE_meta.json"
        if meta.get("patch_size") != self.size[0]:
            want = f"{self.size[0]} (its arrays)"
            raise Mismatch(where=where, what="patch_size", want=want, have=str(meta.get("patch_size")))
        box = _grid(meta.get("crs_code"), meta.get("x_off"), meta.get("y_off"), 10, self.size, where)
        _require_within(box, row, where)
        item, when, collection = _s2_product(str(meta.get("S2_name", "")), row["date"], where)
        optical = self._named(row, meta, "S2", _GEE_S2)
        decision = self._offset(row, optical, collection, when)
        radar = self._named(row, meta, "S1", _SAR)
        title = str(meta.get("S1_name", ""))
        said = _S1_ID.search(title)
        s1_when = _moment(said[1]) if said else NO_TIME
        apart = _of_point(point)
        s2 = Origin((item,), "s2-l2a", "L2A", "gee", offsets=(decision.to_json(),), declared=apart)
        s1 = Origin((title or "unknown product",), "s1-grd", "GRD", "gee", declared=apart)
        return {
            "gee-s2": _stack(optical, np.isfinite(optical), _GEE_S2, self._quantity, when=when, grid=box, of=s2),
            # Earth Engine's absent pixels arrive as 0, which is no backscatter in dB of any ground.
            "gee-s1": _stack(radar, np.isfinite(radar) & (radar != 0), _SAR, SIGMA0_DB, when=s1_when, grid=box, of=s1),
        }

    def _named(self, row: Mapping[str, Any], meta: Mapping[str, Any], sensor: str, bands: tuple[str, ...]) -> Array:
        """An array with its bands in our order, by the names in its JSON."""
        where, names = f"{row['id']} GEE_meta.json", meta.get(f"{sensor}_bands")
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise Unreadable(where=where, what=f"names no {sensor}_bands", have=repr(names)[:60], fix="Fetch it again.")
        have = resolve_all(names, where=where)
        at = order(have, bands, where=where)
        held = self._array(row, "GEE", f"{sensor}arr.npz", len(names))
        return held if list(at) == list(range(len(held))) else held[at]

    def _offset(self, row: Mapping[str, Any], data: Array, collection: str, when: np.datetime64) -> Decision:
        """Offset of Earth Engine's L2A.

        Raises
        ------
        Refused, Mismatch
            It is undecided, or another than that of the stacks.
        """
        where, claims = f"{row['id']} GEE S2", []
        harmonised = provider_claim("gee-harmonised", None)
        if self.choices.offset is not None:
            claims.append(Claim("override", (self.choices.offset,), "declared offset"))
        elif collection.endswith("_HARMONIZED") and harmonised is not None:
            claims.append(harmonised)
        elif when < _BASELINE_0400:
            claims.append(Claim("convention", (0.0,), f"COPERNICUS/{collection} sensed before 2022-01-25"))
        else:
            claims += [
                Claim("baseline", (offset,), f"COPERNICUS/{collection}, baseline unknown") for offset in (0.0, -1000.0)
            ]
        verdict = check_pixels(data, _GEE_S2, level="L2A", valid=np.isfinite(data))
        decision = decide_offset(claims, verdict, where=where)
        if decision.offset != self._quantity.offset:
            want, have = (str(each and int(each[0])) for each in (self._quantity.offset, decision.offset))
            fix = "Open it apart, and declare offset=-1000 there."
            raise Mismatch(where=where, what="offset", want=f"{want} (the other samples)", have=have, fix=fix)
        return decision

    def _from_dl(self, row: Mapping[str, Any], tile: Mapping[str, Any], point: PointRow | None) -> dict[str, Stack]:
        where = f"{row['id']} DL_tile.json"
        box = _tile_grid(tile, self.size, where)
        _require_within(box, row, where)
        optical, radar = self._array(row, "DL", "S2arr.npz", 14), self._array(row, "DL", "S1arr.npz", 2)
        alpha = optical[13:] > 0
        when = np.datetime64(row["date"], "us")
        s1_day = _DL_DATE.search(point.dl_s1) if point else None
        s1_when = np.datetime64(s1_day[1], "us") if s1_day else NO_TIME
        items = (point.dl_s2, point.dl_s1) if point else (f"{row['heads']['DL']}S2arr", f"{row['heads']['DL']}S1arr")
        apart = _of_point(point)
        s2, s1 = (
            Origin((item or "unknown product",), f"descarteslabs-{name}", "", "descarteslabs", declared=apart)
            for item, name in zip(items, ("s2", "s1"), strict=True)
        )
        good = np.isfinite(optical[:13]) & alpha
        return {
            "dl-s2": _stack(optical[:13], good, _DL_S2, _UNKNOWN, when=when, grid=box, of=s2),
            "dl-s1": _stack(radar, np.isfinite(radar) & (radar != 0), _SAR, _UNKNOWN, when=s1_when, grid=box, of=s1),
        }

    def _landcover(self, row: Mapping[str, Any], box: GeoBox, where: str) -> Stack:
        held = read_npz(self._path(row, "LC", "LCarr.npz"), "arr", where=where, kinds="iu", shape=None)
        codes = held[..., 0] if held.ndim == 3 and held.shape[2] == 1 else held
        if codes.shape != self.size:
            have = " x ".join(map(str, held.shape))
            raise Mismatch(where=where, what="size", want=f"{self.size[0]} x {self.size[1]}", have=have)
        known = self.choices.legend
        listed = [*(each.code for each in known.classes), *known.none]
        there = np.flatnonzero(np.bincount(codes.ravel())) if codes.dtype == np.uint8 else np.unique(codes)
        strange = np.setdiff1d(there, listed)
        if strange.size:
            fix = "Name its colour map with colmap=."
            have = ", ".join(map(str, strange[:5]))
            raise Mismatch(where=where, what="class code", want=f"one of legend {known.name}", have=have, fix=fix)
        pixels = codes.astype(np.uint8)[None, None]
        # CORINE 2018 at 100 m, written out at 10 m by the nearest: no truth for single pixels.
        origin = Origin((f"{row['heads']['LC']}LCarr",), provider="descarteslabs", declared={"native_gsd": 100})
        quantity = class_of(known.name)
        return Stack(pixels, ("landcover",), np.array([NO_TIME]), quantity, box, _GSD, None, origin)


def _stack(
    data: Array,
    valid: Array,
    bands: tuple[str, ...],
    quantity: Quantity,
    *,
    when: np.datetime64,
    grid: GeoBox,
    of: Origin,
) -> Stack:
    """One date; what is no number is 0."""
    mask = simplest(valid)
    is_whole = mask is None or bool(np.isfinite(data).all())
    held = data if is_whole else np.where(np.isfinite(data), data, np.float32(0))
    times = np.array([when], "datetime64[us]")
    return Stack(held[None], bands, times, quantity, grid, _GSD, None if mask is None else mask[None], of)


def _moment(said: str) -> np.datetime64:
    """20190801T103031 as a time."""
    day, clock = said.split("T")
    return np.datetime64(f"{day[:4]}-{day[4:6]}-{day[6:]}T{clock[:2]}:{clock[2:4]}:{clock[4:]}", "us")


def _s2_product(name: str, date: str, where: str) -> tuple[str, np.datetime64, str]:
    """Product, time and collection of the L2A; its day is that of the file names."""
    said = _S2_ID.search(name)
    if said is None:
        return name or "unknown product", np.datetime64(date, "us"), "S2_SR"
    if "SR" not in said[1]:
        want, have = "L2A (COPERNICUS/S2_SR)", f"L1C ({name})"
        raise Mismatch(where=where, what="level", want=want, have=have, fix="Leave it out: the others are L2A.")
    when = _moment(said[2])
    if str(when.astype("datetime64[D]")) != date:
        want, have = f"{date} (its name)", f"{when.astype('datetime64[D]')} ({name})"
        raise Mismatch(where=where, what="date", want=want, have=have, fix="Its files are of two products.")
    return name, when, said[1]


def _require_point(point: PointRow | None, row: Mapping[str, Any]) -> None:
    """Refuse a sample that the points table does not know, or has elsewhere."""
    if point is None:
        raise Refused(where=row["id"], what=f"has no row {row['idx']} in the points table", fix="Name its own table.")
    if abs(point.lon - row["lon"]) > 1e-6 or abs(point.lat - row["lat"]) > 1e-6:
        want = f"lon {point.lon:.6f}, lat {point.lat:.6f} (points table)"
        have = f"lon {row['lon']:.6f}, lat {row['lat']:.6f} (its name)"
        raise Mismatch(where=row["id"], what="place", want=want, have=have, fix="It is the table of another version.")


def _of_point(point: PointRow | None) -> dict[str, Any]:
    """What a points table adds: products, and the hours from Sentinel-1 to Sentinel-2."""
    if point is None:
        return {}
    held: dict[str, Any] = {name: getattr(point, name) for name in ("s1", "s2_l2a", "s2_l1c") if getattr(point, name)}
    if point.hours is not None:
        held["hours_s1_to_s2"] = point.hours
    return held


@dataclass(frozen=True, slots=True)
class DeepsentinelFormat:
    """The format; `DEEPSENTINEL` is the one instance."""

    #: On the command line.
    name: str = "deepsentinel"

    @property
    def declares(self) -> Mapping[str, str]:
        """Options that `open` takes."""
        return _DECLARES

    def sniff(self, path: Path) -> bool:
        """True for a folder with a file of theirs somewhere in it."""
        return path.is_dir() and any(_NAME.fullmatch(PurePosixPath(name).name) for name in glance(path))

    def open(self, paths: Sequence[Path], **declared: Any) -> DeepsentinelTree:
        """Open folders of samples, of one version or of several.

        Raises
        ------
        Unreadable, Refused, Mismatch
            There is no sample, none can be read, or what is declared contradicts itself.
        """
        where = f"format {self.name}"
        given = only_known(declared, _DECLARES, where=where)
        roots = tuple(Path(path) for path in paths)
        for root in roots:
            if not root.is_dir():
                what = "is no folder" if root.exists() else "is not there"
                raise Unreadable(where=str(root), what=what, fix="Name the folder that holds the numbered ones.")
        entries, failures = _entries(roots)
        if not entries:
            said = ", ".join(str(root) for root in roots) or where
            fix = (
                failures[0].message if failures else "Samples are <n>/<n>_<GEE|DL|LC>_<date>_<lon>_<lat>_S2arr.npz ..."
            )
            raise Refused(where=said, what="holds no sample of DeepSentinel", fix=fix)
        if given.get("offset") is not None and str(given["offset"]) not in ("0", "-1000", "0.0", "-1000.0"):
            raise Refused(where="option offset", what=f"cannot be {given['offset']!r}", want="0 or -1000")
        choices = _Choices(
            {name: str(each) for name, each in given.items()},
            None if given.get("offset") is None else float(given["offset"]),
            {} if given.get("points") is None else read_points(Path(given["points"])),
            legend("corine-index") if given.get("colmap") is None else read_colour_map(Path(given["colmap"])),
        )
        sources = _sources(entries, given.get("stacks"))
        return DeepsentinelTree(roots, choices, sources, _size(roots, entries, sources))


#: The format.
DEEPSENTINEL: Final = DeepsentinelFormat()


def _sources(entries: Sequence[_Entry], wanted: Any) -> tuple[str, ...]:
    """What is read: as declared, or what more than half of the samples have."""
    if wanted is not None:
        names = [name.upper() for name in as_names("stacks", wanted)]
        strange = [name for name in names if name not in SOURCES]
        if strange:
            raise Refused(where="option stacks", what=f"cannot be {wanted!r}", want="of gee, dl, lc")
        chosen = tuple(source for source in SOURCES if source in names)
    else:
        chosen = tuple(s for s in SOURCES if sum(s in entry.parts for entry in entries) * 2 > len(entries))
    if not {"GEE", "DL"} & set(chosen):
        what = "leaves no pixels in a sample, only land cover" if chosen else "has no source that most samples share"
        raise Refused(where="format deepsentinel", what=what, fix="Name gee or dl in stacks=.")
    return chosen


def _size(roots: Sequence[Path], entries: Sequence[_Entry], sources: Sequence[str]) -> tuple[int, int]:
    """Pixels of the first array that can be read."""
    first: SwathError | None = None
    source = "GEE" if "GEE" in sources else "DL"
    for entry in entries:
        if "S2arr.npz" not in entry.parts.get(source, frozenset()):
            continue
        path = roots[entry.root] / entry.folder / f"{entry.heads[source]}S2arr.npz"
        try:
            held = read_npz(path, "arr", where=entry.id, kinds="f", shape=(None, None, None))
        except SwathError as error:
            first = first or error
            continue
        if held.shape[0] == held.shape[1] <= _MOST_SIDE:
            return held.shape[0], held.shape[1]
        have = " x ".join(map(str, held.shape))
        first = first or Mismatch(where=entry.id, what="size", want="a square of pixels, bands last", have=have)
    raise first or Refused(
        where=entries[0].id, what="lacks its S2arr.npz, as all others do", fix="Download them again."
    )
