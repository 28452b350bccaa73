"""SAFE masks: which pixels of a Sentinel-2 product are damaged, and where its own masks see cloud, cirrus and snow.

Until baseline 03.01 masks are polygons (GML), from 04.00 on rasters (JPEG 2000) of several layers; both come out as
arrays on the window asked for. A mask that is finer than the grid counts a pixel as bad if any of it is, and polygons
touch every pixel that they cross. A mask that is not there says nothing: unknown, never clear.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Final
from xml.etree.ElementTree import Element

import numpy as np
import shapely
from odc.geo.geobox import GeoBox
from rasterio.features import rasterize

from swath.core.array import Array
from swath.core.errors import Mismatch, Unreadable
from swath.core.geobox import window_geobox
from swath.core.legends import Legend, LegendClass
from swath.core.scene import Window
from swath.formats.archive import Member
from swath.formats.markup import numbers, read_xml, text
from swath.formats.raster import unplaced_is_a_fact
from swath.formats.safeproduct import Product
from swath.formats.safetree import Tree, open_member, read_member, read_window

__all__ = ["BAD", "CLOUD_LAYERS", "CLOUD_LEGEND", "QUALITY_LAYERS", "bad_pixels", "cloud_masks", "read_polygons"]

#: Layers of MSK_QUALIT in their order (Sentinel-2 product specification 14.9 on); names as in the older polygons.
QUALITY_LAYERS: Final = (
    "ANC_LOST", "ANC_DEG", "MSI_LOST", "MSI_DEG",
    "QT_DEFECTIVE_PIXELS", "QT_NODATA_PIXELS", "QT_PARTIALLY_CORRECTED_PIXELS", "QT_SATURATED_PIXELS",
)  # fmt: skip
#: What makes a pixel no measurement; the rest (degraded, corrected in part) is worse, but one.
BAD: Final = ("MSI_LOST", "QT_DEFECTIVE_PIXELS", "QT_NODATA_PIXELS", "QT_SATURATED_PIXELS")
_BAD_FILES: Final = ("DEFECT", "NODATA", "SATURA", "TECQUA")
#: Layers of MSK_CLASSI in their order; polygons know no snow.
CLOUD_LAYERS: Final = ("opaque", "cirrus", "snow")
_CLOUD_KINDS: Final = {"OPAQUE": 0, "CIRRUS": 1}
#: Codes of the cloud masks.
CLOUD_LEGEND: Final = Legend(
    "s2-mask",
    (LegendClass(0, "not seen", "000000"), LegendClass(1, "seen", "ffffff")),
    source="masks of the product itself (MSK_CLOUDS, MSK_CLASSI)",
)


def bad_pixels(product: Product, band: str, grid: GeoBox, window: Window) -> Array | None:
    """Which pixels of a window are damaged, by the product's own quality masks.

    Parameters
    ----------
    product : Product
        Whose masks are read.
    band : str
        Canonical name.
    grid : GeoBox
        Of the image that the window lies in.
    window : Window
        What lies beyond the edge is not damaged here, it is nothing.

    Returns
    -------
    bool array, shape (h, w), or None = nothing is damaged, or no mask says so

    Raises
    ------
    Unreadable
        A mask cannot be read, or lies on no grid of the tile.
    """
    raster = product.masks.get(("QUALIT", band))
    if raster is not None and not raster.name.endswith(".gml"):
        layers = [QUALITY_LAYERS.index(name) for name in BAD]
        bad = np.any(_layers(product.tree, raster, layers, len(QUALITY_LAYERS), grid, window), axis=0)
        return np.asarray(bad) if bad.any() else None
    shapes = []
    for kind in _BAD_FILES:
        member = product.masks.get((kind, band))
        if member is not None and member.name.endswith(".gml"):
            shapes += [shape for name, shape in read_polygons(product.tree, member, _code(grid)) if name in BAD]
    return _drawn(shapes, grid, window) if shapes else None


def cloud_masks(product: Product, grid: GeoBox, window: Window) -> tuple[Array, Array | None]:
    """What the product's own masks see in a window.

    Returns
    -------
    data : uint8 array, shape (3, h, w)
        `CLOUD_LAYERS`: 1 = seen.
    valid : bool array, shape (3, h, w), or None = all known
        False where no mask says anything: snow in polygons, everything in a product without masks.

    Raises
    ------
    Unreadable
        A mask cannot be read, or lies on no grid of the tile.
    """
    data = np.zeros((len(CLOUD_LAYERS), window.height, window.width), np.uint8)
    raster, polygons = product.masks.get(("CLASSI", "B00")), product.masks.get(("CLOUDS", "B00"))
    inside = _inside(grid, window)
    known = np.broadcast_to(inside, data.shape).copy()
    if raster is not None:
        data[:] = _layers(product.tree, raster, range(3), len(CLOUD_LAYERS), grid, window)
    elif polygons is not None:
        known[2] = False
        for name, shape in read_polygons(product.tree, polygons, _code(grid)):
            if name in _CLOUD_KINDS:
                data[_CLOUD_KINDS[name]] |= _drawn([shape], grid, window)
    else:
        known[:] = False
    return data, None if known.all() else known


def _code(grid: GeoBox) -> int | None:
    return None if grid.crs is None else grid.crs.epsg


def _inside(grid: GeoBox, window: Window) -> Array:
    rows, cols = np.arange(window.height) + window.row, np.arange(window.width) + window.col
    height, width = grid.shape.yx
    return np.asarray(((rows >= 0) & (rows < height))[:, None] & ((cols >= 0) & (cols < width)))


def _drawn(shapes: list[shapely.Polygon], grid: GeoBox, window: Window) -> Array:
    """Polygons as a bool array, shape (h, w)."""
    box = window_geobox(grid, window.row, window.col, window.height, window.width)
    with unplaced_is_a_fact():
        made = rasterize(shapes, out_shape=box.shape.yx, transform=box.transform, all_touched=True, dtype="uint8")
    return np.asarray(made != 0)


def _layers(tree: Tree, member: Member, layers: list[int] | range, count: int, grid: GeoBox, window: Window) -> Array:
    """Layers of a raster mask on a window of another grid of the same tile, shape (layers, h, w), bool."""
    where = tree.where(member)
    height, width = grid.shape.yx
    with open_member(tree, member) as dataset:
        if dataset.count != count:
            raise Unreadable(where=where, what="layers of the mask", want=str(count), have=str(dataset.count))
        finer, coarser = dataset.width / width, width / dataset.width
        ratio = max(finer, coarser)
        is_square = math.isclose(dataset.width / width, dataset.height / height)
        if not (is_square and ratio == int(ratio)):
            have = f"{dataset.height} x {dataset.width} pixels for an image of {height} x {width}"
            raise Unreadable(where=where, what="size of the mask", want="a grid of its tile", have=have)
        n = int(ratio)
        if finer >= 1:
            near = Window(window.row * n, window.col * n, window.height * n, window.width * n)
            held = read_window(dataset, [i + 1 for i in layers], near)[0] != 0
            return np.asarray(held.reshape(len(layers), window.height, n, window.width, n).any(axis=(2, 4)))
        row, col = window.row // n, window.col // n
        tall, wide = (window.row + window.height - 1) // n - row + 1, (window.col + window.width - 1) // n - col + 1
        held = read_window(dataset, [i + 1 for i in layers], Window(row, col, tall, wide))[0] != 0
    wide_open = held.repeat(n, axis=1).repeat(n, axis=2)
    top, left = window.row - row * n, window.col - col * n
    return np.asarray(wide_open[:, top : top + window.height, left : left + window.width])


@lru_cache(maxsize=512)
def read_polygons(tree: Tree, member: Member, epsg: int | None) -> tuple[tuple[str, shapely.Polygon], ...]:
    """Read the polygons of a GML mask with the kind of each.

    Parameters
    ----------
    tree, member : Tree, Member
        Which file.
    epsg : int or None
        Of the tile: the mask must be of the same.

    Raises
    ------
    Unreadable
        A ring is none.
    Mismatch
        The mask is of another CRS than its tile.
    """
    where = tree.where(member)
    root = read_xml(read_member(tree, member), where=where)
    for element in root.iter():
        said = element.get("srsName", "")
        if said and epsg is not None and said.rpartition(":")[2] != str(epsg):
            raise Mismatch(where=where, what="CRS of the mask", want=f"EPSG:{epsg} (its tile)", have=said[:60])
    found = []
    for feature in root.iter("{http://www.opengis.net/eop/2.0}MaskFeature"):
        kind = text(feature, "{*}maskType", where=where)
        for polygon in feature.iterfind(".//{*}Polygon"):
            outer = [_ring(each, where) for each in polygon.iterfind("{*}exterior//{*}posList")]
            inner = [_ring(each, where) for each in polygon.iterfind("{*}interior//{*}posList")]
            if len(outer) != 1:
                raise Unreadable(where=where, what="outlines of a polygon", want="1", have=str(len(outer)))
            found.append((kind, shapely.Polygon(outer[0], inner)))
    return tuple(found)


def _ring(element: Element, where: str) -> Array:
    """Corners of a ring, shape (n, 2); heights are left out."""
    held = numbers(element.text or "", "posList", where=where)
    size = element.get("srsDimension", "2")
    step = int(size) if size in ("2", "3") else 0
    if not step or held.size % step or held.size < 4 * step or not np.isfinite(held).all():
        raise Unreadable(where=where, what=f"posList is no ring ({held.size} numbers of {size} a corner)")
    return np.asarray(held.reshape(-1, step)[:, :2])
