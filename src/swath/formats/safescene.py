"""SAFE scene: one size of pixels of one Sentinel-2 product, read window by window with the meaning of its numbers.

Bands come from the files that the metadata name, on the grid that the metadata give; offsets come from the XML and are
held against the pixels when the product is opened. Damaged pixels (`formats.safemask`) are invalid. The scene codes of
level 2A, the product's own cloud masks, and the angles are scenes and stacks of their own. Knows no samples.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np
from odc.geo.geobox import GeoBox
from rasterio.io import DatasetReader

from swath.core.array import Array
from swath.core.bands import S2_BANDS, order, resolve_all
from swath.core.errors import Mismatch, Refused, Unknown, Unreadable
from swath.core.geobox import window_geobox
from swath.core.offset import Claim, Decision, decide_offset
from swath.core.origin import Origin
from swath.core.pixelcheck import Verdict, check_pixels
from swath.core.quantity import Quantity, class_of, dn, value
from swath.core.scene import Window
from swath.core.stack import Stack
from swath.formats.archive import Member
from swath.formats.evidence import spread
from swath.formats.options import as_names, as_number, one_of, only_known
from swath.formats.s2choices import NATIVE
from swath.formats.safemask import CLOUD_LAYERS, CLOUD_LEGEND, bad_pixels, cloud_masks
from swath.formats.safeproduct import ANGLE_STEP, Product, is_product_head, read_angles, read_product
from swath.formats.safetree import find_trees, open_member, read_window
from swath.formats.scene import codes_of

__all__ = [
    "ANGLE_BANDS",
    "LayerScene",
    "SafeScene",
    "angle_scene",
    "attribution",
    "cloud_scene",
    "examine",
    "open_safe",
    "own_grids",
    "require_fit",
    "scene_of",
]

#: Bands of the stack of angles [degrees]; azimuths clockwise from north, towards the sun and towards the satellite.
ANGLE_BANDS: Final = ("sun_zenith", "sun_azimuth", "view_zenith", "view_azimuth")


def attribution(time: np.datetime64) -> str:
    """The sentence that every export must carry."""
    return f"Contains modified Copernicus Sentinel data {str(time)[:4]}."


@dataclass(frozen=True, slots=True, eq=False)
class SafeScene:
    """One size of pixels of one product as a `core.scene.Scene`; open one with `open_safe`."""

    #: The product.
    product: Product
    #: File of each band, in order.
    files: tuple[Member, ...]
    #: Names of the bands that `read` gives.
    bands: tuple[str, ...]
    #: What their numbers mean.
    quantity: Quantity
    #: Pixel grid.
    geobox: GeoBox
    #: Where they came from, with the evidence of the offset.
    origin: Origin
    #: True = pixels that the product's masks call damaged are invalid.
    is_judged: bool = True

    @property
    def shape(self) -> tuple[int, int]:
        """Pixels, (h, w)."""
        return _shape(self.geobox)

    @property
    def gsd(self) -> tuple[float, float]:
        """Metres on the ground a pixel, (x, y)."""
        return _gsd(self.geobox)

    @property
    def dtype(self) -> str:
        """Name of the dtype that `read` gives."""
        return "uint8" if self.quantity.is_categorical else "uint16"

    @property
    def may_be_invalid(self) -> bool:
        """True if a window inside may come with a mask."""
        return self.is_judged and not self.quantity.is_categorical

    def read(self, window: Window) -> Stack:
        """Read one window as a stack of one date; what lies beyond the edge, or is damaged, is invalid.

        Raises
        ------
        Unreadable
            A file is gone, cut short or corrupt.
        Mismatch
            A file is of another size, place or dtype than the metadata say.
        """
        product = self.product
        data = np.empty((len(self.bands), window.height, window.width), self.dtype)
        masks: list[Array | None] = []
        for i, (band, file) in enumerate(zip(self.bands, self.files, strict=True)):
            fits = partial(require_fit, grid=self.geobox, dtype=self.dtype, where=product.tree.where(file))
            with open_member(product.tree, file, want=self, check=fits) as dataset:
                pixels, inside = read_window(dataset, [1], window)
            data[i] = pixels[0]
            bad = None
            if self.is_judged and not self.quantity.is_categorical:
                bad = bad_pixels(product, band, self.geobox, window)
            masks.append(_both(inside, bad))
        valid = _joined(masks, data.shape)
        if self.quantity.is_categorical:
            data = codes_of(data, valid, str(self.quantity.legend), where=product.id)
        return Stack(
            data=data[None],
            bands=self.bands,
            times=np.array([product.time], "datetime64[us]"),
            quantity=self.quantity,
            geobox=_cut(self.geobox, window),
            gsd=self.gsd,
            valid=None if valid is None else valid[None],
            origin=self.origin,
        )


def _shape(grid: GeoBox) -> tuple[int, int]:
    height, width = grid.shape.yx
    return int(height), int(width)


def _gsd(grid: GeoBox) -> tuple[float, float]:
    t = grid.transform
    return math.hypot(t.a, t.d), math.hypot(t.b, t.e)


def _cut(grid: GeoBox, window: Window) -> GeoBox:
    return window_geobox(grid, window.row, window.col, window.height, window.width)


def _both(inside: Array | None, bad: Array | None) -> Array | None:
    if bad is None:
        return inside
    return ~bad if inside is None else inside & ~bad


def _joined(masks: list[Array | None], shape: tuple[int, ...]) -> Array | None:
    """Validity of all bands in its shortest form: None, one band, or one a band."""
    if all(mask is None for mask in masks):
        return None
    valid = np.stack([np.broadcast_to(True if mask is None else mask, shape[1:]) for mask in masks])
    return valid[:1].copy() if (valid == valid[:1]).all() else valid


def require_fit(dataset: DatasetReader, grid: GeoBox, dtype: str, *, where: str) -> None:
    """Refuse an image that is not on the grid that it is said to be on.

    Raises
    ------
    Mismatch
        Names both sides.
    """
    if dataset.count != 1 or dataset.dtypes[0] != dtype:
        have = f"{dataset.count} of {', '.join(sorted(set(dataset.dtypes)))}"
        raise Mismatch(where=where, what="bands", want=f"1 of {dtype}", have=have, fix="Fetch the product again.")
    t, own = grid.transform, dataset.transform
    is_there = np.allclose(tuple(own)[:6], tuple(t)[:6], rtol=0, atol=1e-3 * abs(t.a))
    epsg = None if dataset.crs is None else dataset.crs.to_epsg()
    crs = None if grid.crs is None else grid.crs.epsg
    if (dataset.height, dataset.width) != tuple(grid.shape.yx) or not is_there or epsg != crs:
        raise Mismatch(
            where=where,
            what="grid",
            want=f"{_told(grid.shape.yx, t, crs)} (metadata)",
            have=f"{_told((dataset.height, dataset.width), own, epsg)} (the file)",
            fix="Declare grid=files to take the files' own, if they were made smaller on purpose.",
        )


def _told(shape: Any, transform: Any, epsg: int | None) -> str:
    size = f"{shape[0]} x {shape[1]} pixels of {transform.a:g} m"
    return f"{size} from {transform.c:.10g}, {transform.f:.10g} in EPSG:{epsg}"


def own_grids(product: Product) -> dict[int, GeoBox]:
    """Grids of the files themselves, by nominal size; those without files keep the metadata's.

    Raises
    ------
    Unreadable
        A file has no place, or more pixels than a tile can have.
    """
    grids = dict(product.grids)
    for gsd, images in product.images.items():
        if not images:
            continue
        file = next(iter(images.values()))
        where = product.tree.where(file)
        with open_member(product.tree, file) as dataset:
            shape, transform, crs = (dataset.height, dataset.width), dataset.transform, dataset.crs
            if crs is None or max(shape) > max(product.grids[gsd].shape.yx):
                raise Unreadable(
                    where=where, what="has no place, or more pixels than its tile", fix="Look at the file."
                )
            grids[gsd] = GeoBox(shape, transform, f"EPSG:{crs.to_epsg()}")
    return grids


def examine(product: Product, *, offset: float | None) -> Decision:
    """Decide the offset of a product's digital numbers: what the XML says, held against its coarsest images.

    Parameters
    ----------
    product : Product
        With images.
    offset : float, optional
        Declared: obeyed even against the pixels.

    Returns
    -------
    Decision
        With one number, or one for each of `core.bands.S2_BANDS`.

    Raises
    ------
    Refused
        There is no image, or the pixels contradict the metadata.
    Unreadable
        An image cannot be read.
    """
    bands = tuple(band for band in S2_BANDS if any(band in images for images in product.images.values()))
    if not bands:
        listed = f"names {len(product.missing)} images, the first is {product.missing[0]}" if product.missing else ""
        what = f"has metadata and no image of a band: {listed}".rstrip(": ")
        raise Refused(where=product.id, what=what, fix="Fetch the product whole.")
    claims = product.claims(_listed(product))
    if offset is not None:
        claims.append(Claim("override", (offset,), "declared offset"))
    return decide_offset(claims, _verdict(product), where=product.id, provider="safe")


def _verdict(product: Product) -> Verdict:
    """What the pixels of the coarsest images say."""
    gsd = max(gsd for gsd, images in product.images.items() if set(images) - {"SCL"})
    bands = [band for band in product.images[gsd] if band != "SCL"]
    seen = []
    for band in bands:
        with open_member(product.tree, product.images[gsd][band]) as dataset:
            windows = spread(dataset.height, dataset.width)
            seen.append(np.concatenate([read_window(dataset, [1], window)[0].ravel() for window in windows]))
    if len({each.size for each in seen}) > 1:
        have = ", ".join(f"{band} {each.size}" for band, each in zip(bands, seen, strict=True))
        raise Mismatch(where=product.id, what=f"pixels of the images of {gsd} m", want="one number", have=have)
    return check_pixels(np.stack(seen)[:, None], bands, level=product.level)


def _listed(product: Product) -> tuple[str, ...]:
    """Bands that the XML lists offsets for, in its order."""
    return tuple(band for band in S2_BANDS if product.offsets is None or band in product.offsets)


def _selected(decision: Decision, bands: tuple[str, ...], product: Product) -> tuple[float, ...] | None:
    """Offset of these bands."""
    if decision.offset is None or len(decision.offset) == 1:
        return decision.offset
    picked = tuple(decision.offset[_listed(product).index(band)] for band in bands)
    return picked[:1] if len(set(picked)) == 1 else picked


def scene_of(
    product: Product,
    gsd: int,
    bands: tuple[str, ...],
    decision: Decision,
    *,
    grid: GeoBox | None = None,
    is_judged: bool = True,
    declared: Mapping[str, Any] | None = None,
) -> SafeScene:
    """Open bands of one size of an examined product; `SCL` alone is a scene of class codes.

    Raises
    ------
    Mismatch
        The product has no image of a band at this size.
    """
    images = product.images[gsd]
    order(tuple(images), bands, where=f"{product.id} at {gsd} m")
    own = Origin(
        items=(product.id,),
        sensor=product.sensor,
        level=product.level,
        provider="safe",
        baselines=(product.baseline,),
        declared=dict(declared or {}),
        attribution=attribution(product.time),
        geometry={"relative_orbit": product.orbit, "direction": product.direction},
    )
    files, box = tuple(images[band] for band in bands), grid or product.grids[gsd]
    if bands == ("SCL",):
        return SafeScene(product, files, bands, class_of("scl"), box, own, is_judged)
    offset = _selected(decision, bands, product)
    of = "toa" if product.level == "L1C" else "boa"
    quantity = dn(of, offset=offset, quantification=product.quantification)
    own = replace(own, offsets=(replace(decision, offset=quantity.offset).to_json(),))
    return SafeScene(product, files, bands, quantity, box, own, is_judged)


@dataclass(frozen=True, slots=True)
class LayerScene:
    """What a product says beside its bands, drawn on a pixel grid; made by `cloud_scene` and `angle_scene`."""

    #: The product.
    product: Product
    #: Pixel grid.
    geobox: GeoBox
    #: Of the product's bands.
    origin: Origin
    #: Names of what `read` gives, and what its numbers mean.
    bands: tuple[str, ...]
    quantity: Quantity
    #: Name of the dtype that `read` gives.
    dtype: str
    #: Product, grid and window -> numbers (b, h, w) and which of them are known, None = all.
    draw: Callable[[Product, GeoBox, Window], tuple[Array, Array | None]]

    @property
    def shape(self) -> tuple[int, int]:
        """Pixels, (h, w)."""
        return _shape(self.geobox)

    @property
    def gsd(self) -> tuple[float, float]:
        """Metres on the ground a pixel, (x, y)."""
        return _gsd(self.geobox)

    @property
    def may_be_invalid(self) -> bool:
        """Always: what no mask says is unknown, and the satellite sees a part of many tiles."""
        return True

    def read(self, window: Window) -> Stack:
        """Read one window; invalid where the product says nothing.

        Raises
        ------
        Unreadable, Mismatch
            A mask cannot be read, or lies on no grid of the tile; grids of angles are missing or of another step.
        """
        data, valid = self.draw(self.product, self.geobox, window)
        return Stack(
            data=data[None],
            bands=self.bands,
            times=np.array([self.product.time], "datetime64[us]"),
            quantity=self.quantity,
            geobox=_cut(self.geobox, window),
            gsd=self.gsd,
            valid=None if valid is None else valid[None],
            origin=replace(self.origin, offsets=()),
        )


def cloud_scene(product: Product, geobox: GeoBox, origin: Origin) -> LayerScene:
    """The product's own masks of cloud, cirrus and snow, 1 = seen, usually on the grid of 60 m."""
    return LayerScene(product, geobox, origin, CLOUD_LAYERS, class_of(CLOUD_LEGEND.name), "uint8", cloud_masks)


def angle_scene(product: Product, geobox: GeoBox, origin: Origin, band: str | None = None) -> LayerScene:
    """Angles at the centres of pixels, between the points of the tile's own grid as unit vectors.

    Parameters
    ----------
    band : str, optional
        Whose view; None = the mean of all bands.
    """
    draw = partial(_draw_angles, band=band)
    return LayerScene(product, geobox, origin, ANGLE_BANDS, value("deg"), "float32", draw)


def _draw_angles(product: Product, geobox: GeoBox, window: Window, *, band: str | None) -> tuple[Array, Array | None]:
    sun, view = read_angles(product, band)
    t, corner = _cut(geobox, window).transform, product.grids[10].transform
    rows = (corner.f - (t.f + t.e * (np.arange(window.height) + 0.5))) / ANGLE_STEP
    cols = (t.c + t.a * (np.arange(window.width) + 0.5) - corner.c) / ANGLE_STEP
    data = np.concatenate([_angles(_between(vectors, rows, cols)) for vectors in (sun, view)]).astype(np.float32)
    valid = np.isfinite(data)
    return np.where(valid, data, np.float32(0)), None if valid.all() else valid


def _weights(at: Array, count: int) -> Array:
    """Linear weights of `count` points for places `at`, shape (places, count); none beyond the first and last."""
    near = np.clip(1 - np.abs(at[:, None] - np.arange(count)), 0, None)
    return np.asarray(near * ((at >= 0) & (at <= count - 1))[:, None])


def _between(vectors: Array, rows: Array, cols: Array) -> Array:
    """Bilinear mean of the points that are known, shape (3, h, w); NaN where none is."""
    known = np.isfinite(vectors).all(axis=0)
    down, across = _weights(rows, vectors.shape[1]), _weights(cols, vectors.shape[2])
    weight = down @ known.astype(float) @ across.T
    total = np.stack([down @ np.where(known, each, 0.0) @ across.T for each in vectors])
    return np.asarray(np.where(weight > 1e-9, total, np.nan))


def _angles(vectors: Array) -> Array:
    """Zenith and azimuth [degrees], shape (2, h, w)."""
    east, north, up = vectors
    zenith = np.rad2deg(np.arctan2(np.hypot(east, north), up))
    return np.stack([zenith, np.rad2deg(np.arctan2(east, north)) % 360])


_DECLARES: Final[dict[str, str]] = {
    "gsd": "10 (default), 20 or 60",
    "bands": "bands to read, in the order wanted; default all of this size",
    "offset": "what is to be added to the digital numbers; obeyed even against the pixels",
    "grid": "metadata (default) or files",
    "quality": "yes (default) or no: pixels that the product's masks call damaged are invalid",
}


def open_safe(path: Path | str, **declared: Any) -> SafeScene:
    """Open one product for maps and cutting.

    Parameters
    ----------
    path : Path
        A `.SAFE` folder, or a zip of one.
    **declared
        `gsd` (10, 20 or 60), `bands` (default all of that size; `SCL` only alone), `offset`, `grid`, `quality`.

    Raises
    ------
    Refused
        The path holds no product or several, or the pixels contradict the metadata.
    Mismatch, Unknown, Unreadable
        Files and metadata do not agree, or cannot be read.
    """
    path = Path(path)
    given = only_known(declared, _DECLARES, where=f"scene {path.name}")
    trees = find_trees(path, is_product_head)
    if len(trees) != 1:
        have = ", ".join(tree.name for tree in trees[:5]) or "none"
        raise Refused(where=str(path), what="holds no single Sentinel-2 product", have=have, fix="Name one of them.")
    product = read_product(trees[0])
    gsd = int(as_number("gsd", given.get("gsd", 10)))
    if gsd not in NATIVE:
        raise Unknown(str(gsd), [str(each) for each in NATIVE], what="gsd", where=product.id)
    named = as_names("bands", given["bands"]) if "bands" in given else ()
    bands = ("SCL",) if [n.upper() for n in named] == ["SCL"] else resolve_all(named, where=product.id)
    offset = as_number("offset", given["offset"]) if "offset" in given else None
    decision = examine(product, offset=offset)
    has_own = one_of("grid", given.get("grid", "metadata"), ["metadata", "files"]) == "files"
    is_judged = one_of("quality", given.get("quality", "yes"), ["yes", "no"]) == "yes"
    return scene_of(
        product,
        gsd,
        bands or tuple(band for band in S2_BANDS if band in product.images[gsd]),
        decision,
        grid=own_grids(product)[gsd] if has_own else None,
        is_judged=is_judged,
        declared={name: str(each) for name, each in given.items()},
    )
