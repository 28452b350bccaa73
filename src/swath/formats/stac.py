"""STAC: items whose assets lie on disk as samples; Sentinel-2 of level 1C and 2A, and radar that is on a grid (RTC).

An asset is sought where the item says, below the folder that was opened, or beside the item under its own name. The
item's claims about the offset (`formats.stacitem`) are ranked by `core.offset` and held against the pixels; grids come
from the files, and an item that places them elsewhere is refused by default. What an item says falsely stands in the
plan. Radar by control points lies on no grid: see `formats.safegrd`.
"""

from __future__ import annotations

import urllib.parse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any, Final

import numpy as np
from odc.geo.geobox import GeoBox
from pyproj.exceptions import CRSError

from swath.core.array import Array
from swath.core.bands import S1_BANDS, S2_BANDS
from swath.core.errors import Mismatch, Refused, SwathError, Unreadable
from swath.core.geobox import ground_gsd, window_geobox
from swath.core.offset import PROVIDERS, Claim, Decision, decide_offset
from swath.core.origin import Origin
from swath.core.pixelcheck import Verdict, check_pixels
from swath.core.quantity import (
    DN_NODATA,
    GAMMA0_ELLIPSOID,
    GAMMA0_RTC,
    GAMMA0_RTC_DB,
    S2_QUANTIFICATION,
    SIGMA0,
    SIGMA0_DB,
    Quantity,
    class_of,
    dn,
)
from swath.core.scene import Window
from swath.core.stack import Stack
from swath.formats.archive import Member, glance, list_archive
from swath.formats.evidence import spread
from swath.formats.options import one_of
from swath.formats.raster import simplest
from swath.formats.s2choices import CHOICES, NATIVE, Choices, choose_bands, read_choices, size_of_codes
from swath.formats.safeproduct import is_product_head, read_radiometry
from swath.formats.safetree import Tree, open_member, read_member, read_window
from swath.formats.scene import codes_of
from swath.formats.sceneset import Acquisition, SceneSet, gather
from swath.formats.stacitem import Asset, Item, claims_of, find_lies, is_item, read_items

__all__ = ["DECLARES", "STAC", "StacFormat", "StacScene", "locate"]

#: Option -> what it means.
DECLARES: Final[dict[str, str]] = {
    **CHOICES,
    "grid": "item (default: the files must lie where the item says) or files: the files' own grids",
    "provider": "who served the files, where their addresses do not say: " + ", ".join(PROVIDERS),
    "kind": "radar whose collection is not known: gamma0_rtc, gamma0_rtc_db, sigma0, sigma0_db, gamma0_ellipsoid",
}
_KINDS: Final = {q.kind: q for q in (GAMMA0_RTC, GAMMA0_RTC_DB, SIGMA0, SIGMA0_DB, GAMMA0_ELLIPSOID)}
#: Collections whose radar is gamma0 RTC in linear power, by their documentation -> code of absence.
_LINEAR_RTC: Final = {"sentinel1-rtc-aws": 0.0, "sentinel-1-rtc": -32768.0}
_ANY_SIZE: Final = 2**62  # files of a folder are not inflated
_NOWHERE: Final = "Copy the file into the folder, or fetch it anew."


def locate(root: Path, item: Path, href: str) -> Path | None:
    """Find the file of an asset on disk.

    Parameters
    ----------
    root : Path
        Folder that was opened: nothing outside it is read.
    item : Path
        File of the item, below the root.
    href : str
        Relative to the item; of an address elsewhere the last parts are sought beside the item.

    Returns
    -------
    Path or None
        None = it is not on this disk.

    Raises
    ------
    Refused
        The path, or a link in it, leads out of the folder.
    """
    parts = urllib.parse.urlsplit(href)
    is_local = parts.scheme in ("", "file")
    path = urllib.parse.unquote(parts.path)
    names = [part for part in PurePosixPath(path).parts if part not in ("/", ".", "..")]
    found = item.parent / (path if is_local else "/".join(names[-1:]))
    if not is_local or not found.exists():
        tried = [item.parent.joinpath(*names[-count:]) for count in range(min(4, len(names)), 0, -1)]
        near = [each for each in tried if each.is_file()]
        if not near:
            return None
        found = near[0]
    if not found.resolve().is_relative_to(root.resolve()):
        raise Refused(where=item.name, what=f"has an asset outside its folder: {href[:120]!r}", fix=_NOWHERE)
    return found if found.is_file() else None


@dataclass(frozen=True, slots=True, eq=False)
class StacScene:
    """Bands of one size of one item as a `core.scene.Scene`."""

    #: The item.
    id: str
    #: Folder that was opened.
    tree: Tree
    #: File of each band, in order.
    files: tuple[Member, ...]
    #: Names of the bands.
    bands: tuple[str, ...]
    #: What their numbers mean.
    quantity: Quantity
    #: Pixel grid of the files.
    geobox: GeoBox
    #: numpy name of the dtype in the files.
    stored: str
    #: Where the pixels came from.
    origin: Origin
    #: Acquisition.
    time: np.datetime64
    #: Metres on the ground a pixel, (x, y).
    gsd: tuple[float, float]
    #: Code of absence; None = none beyond what the quantity has.
    nodata: float | None = None

    @property
    def shape(self) -> tuple[int, int]:
        """Pixels, (h, w)."""
        height, width = self.geobox.shape.yx
        return int(height), int(width)

    @property
    def dtype(self) -> str:
        """Name of the dtype that `read` gives."""
        return "uint8" if self.quantity.is_categorical else self.stored

    @property
    def may_be_invalid(self) -> bool:
        """True if a window inside may come with a mask."""
        return self.nodata is not None or self.stored.startswith("float")

    def read(self, window: Window) -> Stack:
        """Read one window as a stack of one date; what lies beyond the edge is invalid.

        Raises
        ------
        Unreadable
            A file is gone, cut short or corrupt.
        Mismatch
            A file is of another size, place or dtype than the first.
        """
        data = np.empty((len(self.bands), window.height, window.width), self.stored)
        valid: Array | None = None
        for i, file in enumerate(self.files):
            fits = partial(_require_alike, grid=self.geobox, dtype=self.stored, where=self.tree.where(file))
            with open_member(self.tree, file, want=self, check=fits) as dataset:
                pixels, inside = read_window(dataset, [1], window)
            data[i] = pixels[0]
            if inside is not None:
                valid = np.ones(data.shape, bool) if valid is None else valid
                valid[i] &= inside
        for good in (data != self.nodata if self.nodata is not None else None, _finite(data)):
            if good is not None:
                valid = good if valid is None else valid & good
        mask = simplest(valid)
        if self.quantity.is_categorical:
            data = codes_of(data, mask, str(self.quantity.legend), where=self.id)
        return Stack(
            data=data[None],
            bands=self.bands,
            times=np.array([self.time], "datetime64[us]"),
            quantity=self.quantity,
            geobox=window_geobox(self.geobox, window.row, window.col, window.height, window.width),
            gsd=self.gsd,
            valid=None if mask is None else mask[None],
            origin=self.origin,
        )


def _finite(data: Array) -> Array | None:
    return np.isfinite(data) if data.dtype.kind == "f" else None


def _require_alike(dataset: Any, grid: GeoBox, dtype: str, *, where: str) -> None:
    """Refuse an asset that is not on the grid, or not of the dtype, of the first one of its stack."""
    have = _grid_of(dataset, where)
    if have != grid or dataset.dtypes[0] != dtype or dataset.count != 1:
        said = f"{dataset.count} band of {dataset.dtypes[0]}, {_told(have)}"
        raise Mismatch(where=where, what="asset", want=f"1 band of {dtype}, {_told(grid)}", have=said)


def _told(grid: GeoBox) -> str:
    t, epsg = grid.transform, None if grid.crs is None else grid.crs.epsg
    return f"{grid.shape.yx[0]} x {grid.shape.yx[1]} pixels of {t.a:g} m from {t.c:.10g}, {t.f:.10g} in EPSG:{epsg}"


def _grid_of(dataset: Any, where: str) -> GeoBox:
    epsg = None if dataset.crs is None else dataset.crs.to_epsg()
    if epsg is None or dataset.transform.determinant == 0:
        raise Unreadable(where=where, what="has no place", fix="Fetch it again, with its CRS and transform.")
    return GeoBox((dataset.height, dataset.width), dataset.transform, f"EPSG:{epsg}")


@dataclass(frozen=True, slots=True)
class _Files:
    """The assets of one item that are on disk."""

    item: Item
    tree: Tree
    #: Metres a pixel -> band -> asset and file.
    images: Mapping[int, Mapping[str, tuple[Asset, Member]]]
    #: Bands of radar -> asset and file.
    radar: Mapping[str, tuple[Asset, Member]]


def _files_of(item: Item, root: Path) -> _Files:
    tree = Tree(root, "", {})
    images: dict[int, dict[str, tuple[Asset, Member]]] = {gsd: {} for gsd in NATIVE}
    radar: dict[str, tuple[Asset, Member]] = {}
    for asset in item.assets:
        if not asset.band:
            continue
        path = locate(root, item.path, asset.href)
        if path is None:
            continue
        member = Member(path.relative_to(root).as_posix(), path.stat().st_size)
        native = next((gsd for gsd, bands in NATIVE.items() if asset.band in bands), 20)
        held = radar if asset.band in S1_BANDS else images.get(int(asset.gsd or native))
        if held is None:
            continue
        if asset.band in held and held[asset.band][1] != member:
            keys = f"{held[asset.band][0].key} and {asset.key}"
            raise Refused(where=item.id, what=f"has {asset.band} twice on disk: {keys}", fix="Leave one of them there.")
        held.setdefault(asset.band, (asset, member))
    return _Files(item, tree, images, radar)


def _open_item(item: Item, root: Path, wanted: Choices, provider: str | None, kind: str | None) -> Acquisition:
    """Open what is wanted of one item."""
    if item.level == "GRD":
        what = "is a GRD: placed by control points, on no grid, whatever proj:transform says"
        raise Refused(where=item.id, what=what, fix="Open its SAFE folder as safe-s1.")
    files = _files_of(item, root)
    if not files.radar and not any(files.images.values()):
        named = [asset for asset in item.assets if asset.band]
        first = f", the first is {named[0].href[-80:]!r}" if named else ""
        what = f"names {len(named)} images and none of them is here{first}"
        raise Refused(where=item.id, what=what, fix="Fetch them into the folder of the item.")
    if item.level == "RTC" or (files.radar and not any(files.images.values())):
        return _open_radar(files, wanted, kind)
    if item.level not in ("L1C", "L2A"):
        what = f"is of level {item.level or 'unknown'}"
        raise Refused(where=item.id, what=what, want="L1C, L2A or RTC", fix="Open its files as geotiff.")
    return _open_optical(files, wanted, provider)


@dataclass(frozen=True, slots=True)
class _Laid:
    """Where and how the files of one stack lie."""

    grid: GeoBox
    dtype: str
    nodata: float | None
    #: What the item says falsely of it, as the end of a sentence.
    note: str


def _laid(files: _Files, pairs: Sequence[tuple[Asset, Member]], wanted: Choices) -> _Laid:
    """Look at the headers of one stack; where the item places it elsewhere it is refused, or told."""
    asset, member = pairs[0]
    where = files.tree.where(member)
    with open_member(files.tree, member) as dataset:
        grid, dtype, nodata = _grid_of(dataset, where), str(dataset.dtypes[0]), dataset.nodata
    for _, other in pairs:
        with open_member(files.tree, other) as beside:
            _require_alike(beside, grid, dtype, where=files.tree.where(other))
    code = files.item.epsg or (None if grid.crs is None else grid.crs.epsg)
    try:
        want = GeoBox(asset.shape or grid.shape, asset.transform or grid.transform, f"EPSG:{code}")
    except CRSError:
        raise Unreadable(
            where=files.item.id, what=f"names a CRS that nobody knows, EPSG:{code}", fix="Mend it."
        ) from None
    near = 1e-3 * abs(grid.transform.a)
    is_there = np.allclose(tuple(want.transform)[:6], tuple(grid.transform)[:6], rtol=0, atol=near)
    note = ""
    if want.shape != grid.shape or not is_there or want.crs != grid.crs:
        if not wanted.own_grid:
            have, fix = (
                f"{_told(grid)} (the file)",
                "Declare grid=files to take the files' own, which is told in the plan.",
            )
            raise Mismatch(where=where, what="grid", want=f"{_told(want)} (item)", have=have, fix=fix)
        note = f"; the item lies, grid: {asset.key} is said to have {_told(want)}, its file has {_told(grid)}"
    return _Laid(grid, dtype, asset.nodata if asset.nodata is not None else nodata, note)


def _open_radar(files: _Files, wanted: Choices, kind: str | None) -> Acquisition:
    item = files.item
    bands = tuple(band for band in S1_BANDS if band in files.radar)
    if kind is None and item.collection not in _LINEAR_RTC:
        what = f"is radar of collection {item.collection or 'unknown'}, which may be linear power or decibels"
        raise Refused(where=item.id, what=what, fix="Declare kind=, as gamma0_rtc or gamma0_rtc_db.")
    quantity = GAMMA0_RTC if kind is None else _KINDS[kind]
    laid = _laid(files, [files.radar[band] for band in bands], wanted)
    grid, dtype, nodata = laid.grid, laid.dtype, laid.nodata
    if not dtype.startswith("float"):
        raise Mismatch(where=item.id, what="dtype", want=f"floating point ({quantity})", have=dtype)
    if nodata is None:
        nodata = _LINEAR_RTC.get(item.collection)
    origin = Origin(
        items=(item.id,),
        sensor="s1-rtc",
        level=item.level or "RTC",
        provider=item.collection,
        declared=dict(wanted.given),
        attribution=_attribution(item.time),
    )
    members = tuple(files.radar[band][1] for band in bands)
    gsd = ground_gsd(grid)
    scene = StacScene(item.id, files.tree, members, bands, quantity, grid, dtype, origin, item.time, gsd, nodata)
    why = "radar on a grid" + laid.note + _told_lies(item)
    return Acquisition(item.id, item.time, item.tile or item.id, {"s1": scene}, why, (_attribution(item.time),))


def _attribution(time: np.datetime64) -> str:
    return f"Contains modified Copernicus Sentinel data{'' if np.isnat(time) else f' {str(time)[:4]}'}."


def _told_lies(item: Item) -> str:
    return "".join(f"; the item lies, {lie}" for lie in find_lies(item))


def _open_optical(files: _Files, wanted: Choices, declared: str | None) -> Acquisition:
    item = files.item
    chosen = choose_bands(files.images, wanted, where=item.id)
    codes = size_of_codes(files.images, chosen, wanted)
    verdict = _verdict(files)
    scenes: dict[str, StacScene] = {}
    told = ""
    for gsd, bands in chosen.items():
        pairs = [files.images[gsd][band] for band in bands]
        laid = _laid(files, pairs, wanted)
        if laid.dtype != "uint16":
            where, want = f"{item.id} at {gsd} m", "uint16 (digital numbers)"
            raise Mismatch(where=where, what="dtype", want=want, have=laid.dtype)
        decision, provider = _decide(files, bands, pairs, verdict, wanted, declared)
        quantity = dn(
            "toa" if item.level == "L1C" else "boa",
            offset=decision.offset,
            quantification=[round(1 / asset.scale, 6) if asset.scale else S2_QUANTIFICATION for asset, _ in pairs],
        )
        origin = Origin(
            items=(item.id,),
            sensor=f"s2-{item.level.lower()}",
            level=item.level,
            provider=provider or "",
            baselines=(item.best_baseline,),
            offsets=(replace(decision, offset=quantity.offset).to_json(),),
            declared=dict(wanted.given),
            attribution=_attribution(item.time),
        )
        code = None if laid.nodata in (None, DN_NODATA) else laid.nodata
        members = tuple(member for _, member in pairs)
        own = StacScene(
            id=item.id,
            tree=files.tree,
            files=members,
            bands=bands,
            quantity=quantity,
            geobox=laid.grid,
            stored=laid.dtype,
            origin=origin,
            time=item.time,
            gsd=ground_gsd(laid.grid),
            nodata=code,
        )
        scenes[f"s2-{gsd}m"] = own
        told = (told or f"offset by {decision.by}, {decision.confidence}; pixels: {decision.verdict}") + laid.note
    if codes is not None:
        scenes["scl"] = _codes(files, codes, wanted, next(iter(scenes.values())))
    licences, place = (_attribution(item.time),), item.tile or item.id
    return Acquisition(item.id, item.time, place, scenes, told + _told_lies(item), licences)


def _codes(files: _Files, gsd: int, wanted: Choices, beside: StacScene) -> StacScene:
    if "SCL" not in files.images[gsd]:
        raise Mismatch(where=files.item.id, what=f"scene codes at {gsd} m", want="an asset SCL on disk", have="none")
    pair = files.images[gsd]["SCL"]
    laid = _laid(files, [pair], wanted)
    return replace(
        beside,
        files=(pair[1],),
        bands=("SCL",),
        quantity=class_of("scl"),
        geobox=laid.grid,
        stored=laid.dtype,
        origin=replace(beside.origin, offsets=()),
        gsd=ground_gsd(laid.grid),
        nodata=None,
    )


def _decide(
    files: _Files,
    bands: tuple[str, ...],
    pairs: Sequence[tuple[Asset, Member]],
    verdict: Verdict,
    wanted: Choices,
    declared: str | None,
) -> tuple[Decision, str | None]:
    """Decide the offset of the bands of one stack, from all that is known of them."""
    item = files.item
    providers = {asset.provider for asset, _ in pairs}
    if declared is None and len(providers) > 1:
        have = ", ".join(sorted(str(each) for each in providers))
        raise Refused(where=item.id, what=f"has bands from several providers ({have})", fix="Declare provider=.")
    provider = declared or next(iter(providers))
    each = [claims_of(item, asset, provider=provider) for asset, _ in pairs]
    kinds = [claim.kind for claim in each[0]]
    if any([claim.kind for claim in claims] != kinds for claims in each):
        have = "; ".join(sorted({", ".join(claim.kind for claim in claims) or "none" for claims in each}))
        raise Mismatch(where=item.id, what="claims about the offset", want="alike for all bands", have=have)
    claims = [
        Claim(claim.kind, tuple(c for found in each for c in found[i].offset[:1]), claim.source)
        for i, claim in enumerate(each[0])
    ]
    if provider is None or PROVIDERS[provider] == "raw":
        claims += _xml_claims(files, bands)
    if wanted.offset is not None:
        claims.append(Claim("override", (wanted.offset,), "declared offset"))
    return decide_offset(claims, verdict, where=item.id, provider=provider), provider


def _xml_claims(files: _Files, bands: tuple[str, ...]) -> list[Claim]:
    """What the metadata of the very product say, if they lie beside the item."""
    item, root = files.item, files.tree.path
    hrefs = [asset for asset in item.metadata if is_product_head(asset.rpartition("/")[2])]
    for href in (*hrefs, "MTD_MSIL2A.xml", "MTD_MSIL1C.xml", "product_metadata.xml"):
        path = locate(root, item.path, href)
        if path is None:
            continue
        member = Member(path.relative_to(root).as_posix(), path.stat().st_size)
        found = read_radiometry(read_member(files.tree, member), where=files.tree.where(member))
        if found.level != item.level:
            raise Mismatch(where=files.tree.where(member), what="level", want=f"{item.level} (item)", have=found.level)
        if found.offsets is not None:
            return [Claim("xml", tuple(found.offsets[band] for band in bands), found.source)]
    return []


def _verdict(files: _Files) -> Verdict:
    """What the pixels of the coarsest images say."""
    gsd = max(gsd for gsd, images in files.images.items() if set(images) - {"SCL"})
    bands = [band for band in S2_BANDS if band in files.images[gsd]]
    seen: list[Array] = []
    for band in bands:
        with open_member(files.tree, files.images[gsd][band][1]) as dataset:
            windows = spread(dataset.height, dataset.width)
            seen.append(np.concatenate([read_window(dataset, [1], window)[0].ravel() for window in windows]))
    if len({each.size for each in seen}) > 1:
        have = ", ".join(f"{band} {each.size}" for band, each in zip(bands, seen, strict=True))
        raise Mismatch(where=files.item.id, what=f"pixels of the images of {gsd} m", want="one number", have=have)
    return check_pixels(np.stack(seen)[:, None], bands, level=files.item.level)


@dataclass(frozen=True, slots=True)
class StacFormat:
    """The format; `STAC` is the one instance."""

    #: On the command line.
    name: str = "stac"

    @property
    def declares(self) -> Mapping[str, str]:
        """Options that `open` takes."""
        return DECLARES

    def sniff(self, path: Path) -> bool:
        """True for a file of items, or a folder with one in it."""
        if path.is_dir():
            return any(is_item(path / name) for name in glance(path) if name.endswith(".json"))
        return is_item(path)

    def open(self, paths: Sequence[Path], **declared: Any) -> SceneSet:
        """Open files or folders of items as a source; each one's offset is decided now.

        Raises
        ------
        Unreadable
            A path is not there, or is no JSON.
        Refused
            No item can be read: the first one's own reason.
        Mismatch, Unknown
            What is declared contradicts the items.
        """
        where = f"format {self.name}"
        wanted = read_choices(declared, DECLARES, where=where)
        given = wanted.given
        provider = one_of("provider", given["provider"], PROVIDERS) if "provider" in given else None
        kind = one_of("kind", given["kind"], _KINDS) if "kind" in given else None
        roots = tuple(Path(path) for path in paths)
        opened: list[tuple[str, Acquisition | SwathError]] = []
        for root in roots:
            folder, files = _items_at(root)
            for file in files:
                for item in read_items(file):
                    try:
                        made: Acquisition | SwathError = _open_item(item, folder, wanted, provider, kind)
                    except SwathError as error:
                        made = error
                    opened.append((item.id, made))
        held, failures = gather(opened, where=where)
        return SceneSet(self.name, roots, held, failures, given, wanted.size, wanted.stride, wanted.min_valid)


def _items_at(root: Path) -> tuple[Path, list[Path]]:
    """Folder that assets may lie in, and the files of items."""
    if not root.is_dir():
        return root.absolute().parent, [root]
    home = root.absolute()
    listed = [home / m.name for m in list_archive(home, most=_ANY_SIZE).members if m.name.endswith(".json")]
    files = [path for path in listed if is_item(path)]
    if not files:
        raise Refused(where=str(root), what="holds no STAC item", fix="Look at the path.")
    return home, files


#: The format.
STAC: Final = StacFormat()
