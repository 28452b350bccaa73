"""Labels: what is known of the ground of a scene, as a class for each of its pixels.

Polygons or points of a vector file are brought into the scene's pixels once: classes from a column, geometry from its
own CRS, and whatever cannot be used is named (`Left`), never passed over. A pixel has the class of the polygon that
holds its centre; where polygons of different classes overlap it has none. `sources.bands` gives the same from a raster.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, Protocol

import numpy as np
import rasterio.features
import shapely
from affine import Affine
from odc.geo.geobox import GeoBox
from pyproj import CRS, Transformer
from pyproj.exceptions import CRSError

from swath.core.array import Array
from swath.core.errors import Refused
from swath.core.geobox import lonlats
from swath.core.legends import Legend
from swath.core.scene import Window
from swath.formats.legendfile import find_legend
from swath.formats.raster import unplaced_is_a_fact
from swath.formats.vector import read_features
from swath.sources.classes import NO_CLASS, STRANGE, classes_of

__all__ = ["CONFLICT", "HOLES", "NONE", "Labels", "Laid", "Left", "VectorLabels", "lay", "require_two"]

#: What `burn` says of a pixel without a class, and of one that labels of different classes claim.
NONE: Final = -1
CONFLICT: Final = -2
#: Reasons for which a label is missing that should have become part of a corpus; the others are facts to be told.
HOLES: Final = ("no geometry", "invalid geometry", "other geometry", "edge", "conflict")
#: Straight edges are broken up before they are moved into another CRS: every so many degrees, or metres. Over a
#: kilometre, a straight line in degrees and one in UTM part by some centimetres.
_STEP: Final = {"degree": 0.01, "metre": 1000.0}
#: Overlaps smaller than this [pixels] are what is left of digitising.
_SLIVER: Final = 0.01
#: Pixels a side of what is burnt at once: a large polygon is turned into GDAL's form once a block, not once a window.
_BLOCK: Final = 1024
_POLYGONS: Final = (shapely.GeometryType.POLYGON, shapely.GeometryType.MULTIPOLYGON)
_POINTS: Final = (shapely.GeometryType.POINT, shapely.GeometryType.MULTIPOINT)


@dataclass(frozen=True, slots=True)
class Left:
    """A label or a window that did not become part of a corpus, or not whole, and why."""

    #: `label` or `window`.
    kind: str
    #: Identifier: `<file>-<feature>`, or that of the window's sample.
    id: str
    #: A word or two, by which they are counted.
    reason: str
    #: The whole sentence.
    message: str
    #: Centre [degrees]; None = unknown.
    lon: float | None = None
    lat: float | None = None


class Labels(Protocol):
    """Classes of the pixels of a scene. Picklable; the same in every thread and process."""

    @property
    def name(self) -> str:
        """What they are called in identifiers: the file's stem, or the band's name."""
        ...

    @property
    def legend(self) -> Legend:
        """Their classes; `burn` gives positions in its codes."""
        ...

    @property
    def features(self) -> Laid | None:
        """Polygons or points, in pixels; None where labels are a raster."""
        ...

    @property
    def digest(self) -> str:
        """Hash of what they say, so that a build with other labels is another build."""
        ...

    def burn(self, window: Window) -> Array:
        """Classes of a window: int16 (h, w), positions in the legend's codes, `NONE` or `CONFLICT`."""
        ...

    def present(self) -> list[int]:
        """Positions of the classes that lie on the scene, in rising order."""
        ...

    def summary(self) -> str:
        """What they are, as the beginning of a sentence."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Laid:
    """Features of a vector file in the pixels of a scene, n of them that can be used."""

    #: Classes.
    legend: Legend
    #: The file's own numbers, shape (n,); a MultiPoint's points share theirs.
    ids: Array
    #: Objects of shapely, shape (n,): x and y in pixels from the scene's upper-left corner.
    shapes: Array
    #: Int16, shape (n,): position in the legend's codes.
    index: Array
    #: True for points.
    is_point: bool
    #: For finding those of a window.
    tree: shapely.STRtree
    #: What cannot be used, in the order of the file, and pairs that contradict one another.
    left: tuple[Left, ...]
    #: Features in the file.
    count: int
    #: Hash of geometry and classes.
    digest: str


@dataclass(frozen=True, slots=True)
class VectorLabels:
    """Polygons or points of a file, as labels of a scene; `lay` opens them."""

    #: The file.
    path: Path
    #: Which column holds the class.
    column: str | None
    #: Which layer; None = the only one.
    layer: str | None
    #: Declared CRS; None = as the file says.
    crs: str | None
    #: Known legend, or file of one; None = made of the column.
    asked: str | None
    #: Grid of the scene.
    geobox: GeoBox

    @property
    def name(self) -> str:
        """The file's stem."""
        return self.path.stem

    @property
    def legend(self) -> Legend:
        """Classes of the column."""
        return self.features.legend

    @property
    def digest(self) -> str:
        """Hash of geometry and classes as the file has them."""
        return self.features.digest

    @property
    def features(self) -> Laid:
        """The features in pixels; read once a process."""
        box = self.geobox
        return _laid(
            (self.path, self.column, self.layer, self.crs, self.asked),
            (tuple(box.transform)[:6], str(box.crs), box.shape.yx),
            self._stamp(),
        )

    def _stamp(self) -> tuple[int, int] | None:
        """Changes with the file, so that what is kept of it is not kept too long."""
        about = self.path.stat() if self.path.exists() else None
        return None if about is None else (about.st_mtime_ns, about.st_size)

    def burn(self, window: Window) -> Array:
        """Classes of a window, as in `Labels`; put together from blocks that are kept, wherever windows lie."""
        out = np.empty((window.height, window.width), np.int16)
        stamp, bottom, right = self._stamp(), window.row + window.height, window.col + window.width
        for row in range(window.row // _BLOCK, (bottom - 1) // _BLOCK + 1):
            for col in range(window.col // _BLOCK, (right - 1) // _BLOCK + 1):
                top, left = row * _BLOCK, col * _BLOCK
                rows = slice(max(top, window.row), min(top + _BLOCK, bottom))
                cols = slice(max(left, window.col), min(left + _BLOCK, right))
                part = _block(self, stamp, row, col)[
                    rows.start - top : rows.stop - top, cols.start - left : cols.stop - left
                ]
                out[
                    rows.start - window.row : rows.stop - window.row, cols.start - window.col : cols.stop - window.col
                ] = part
        return out

    def present(self) -> list[int]:
        """Positions of the classes that lie on the scene, in rising order."""
        return [int(k) for k in np.unique(self.features.index)]

    def summary(self) -> str:
        """How many features of how many classes the file holds."""
        held = self.features
        said = f"{self.path.name}: {held.count:,} {'points' if held.is_point else 'polygons'}"
        return f"{said} of {len(held.legend.codes)} classes (column {self.column})"


@lru_cache(maxsize=32)
def _block(labels: VectorLabels, stamp: tuple[int, int] | None, row: int, col: int) -> Array:
    """Classes of one block of a scene's pixels, int16 (`_BLOCK`, `_BLOCK`)."""
    held = labels.features
    window = Window(row * _BLOCK, col * _BLOCK, _BLOCK, _BLOCK)
    box = shapely.box(window.col, window.row, window.col + _BLOCK, window.row + _BLOCK)
    hits = np.sort(held.tree.query(box))
    if not len(hits):
        return np.full((_BLOCK, _BLOCK), NONE, np.int16)
    rising = hits[np.argsort(held.index[hits], kind="stable")]
    # Later shapes overwrite earlier ones: rising classes leave the highest that claims a pixel, falling the lowest.
    highest = _burnt(held, rising, window)
    lowest = highest if len(np.unique(held.index[hits])) == 1 else _burnt(held, rising[::-1], window)
    return np.where(highest == lowest, highest, np.int16(CONFLICT)).astype(np.int16)


def _burnt(held: Laid, order: Array, window: Window) -> Array:
    """Burn features in an order, later ones over earlier ones."""
    pairs = zip(held.shapes[order], (held.index[order] + 1).tolist(), strict=True)
    shape, to = (window.height, window.width), Affine.translation(window.col, window.row)
    with unplaced_is_a_fact():
        return np.asarray(rasterio.features.rasterize(pairs, shape, transform=to, dtype="int16")) + np.int16(NONE)


@lru_cache(maxsize=4)
def _laid(
    asked: tuple[Path, str | None, str | None, str | None, str | None],
    grid: tuple[tuple[float, ...], str, tuple[int, int]],
    stamp: tuple[int, int] | None,
) -> Laid:
    """Read a vector file and bring it into a scene's pixels."""
    path, column, layer, declared, legend = asked
    transform, crs, shape = grid
    box = GeoBox(shape, Affine(*transform), crs)
    read = read_features(path, column=column, layer=layer)
    name = f"{path.stem}.{column}"
    known = None if legend is None else find_legend(legend)
    classes = classes_of(read.values, name=name, legend=known, where=f"{path.name} column {column}")
    usable, kinds, left = _sorted_out(read.ids, read.geometry, path)
    ids, shapes, index = read.ids[usable], read.geometry[usable], classes.index[usable]
    if kinds == "points":
        shapes, at = shapely.get_parts(shapes, return_index=True)
        ids, index = ids[at], index[at]
    shapes = _in_pixels(shapes, declared or read.crs, box, path)
    where = _places(shapes, box)

    def told(at: Array, reason: str, say: Any) -> list[Left]:
        return [Left("label", f"{path.stem}-{ids[k]}", reason, say(int(k)), *where(int(k))) for k in np.flatnonzero(at)]

    inside = _is_inside(shapes, shape, is_point=kinds == "points")
    left += told(index == NO_CLASS, "no class", lambda k: f"{path.stem}-{ids[k]} has no class in column {column}")
    left += told(
        index == STRANGE,
        "not in the legend",
        lambda k: f"{path.stem}-{ids[k]} has a class that legend {classes.legend.name} does not know",
    )
    left += told((index >= 0) & ~inside, "outside", lambda k: f"{path.stem}-{ids[k]} lies outside the scene")
    keep = np.flatnonzero((index >= 0) & inside)
    ids, shapes, index = ids[keep], shapes[keep], index[keep].astype(np.int16)
    if not len(ids):
        counts = Counter(each.reason for each in left)
        have = ", ".join(f"{count} {reason}" for reason, count in counts.most_common())
        raise Refused(
            where=path.name,
            what="no label lies on the scene that could be used",
            have=have,
            fix="Look at both in one map: is the CRS right?",
        )
    tree = shapely.STRtree(shapes)
    if kinds == "polygons":
        left += _overlaps(ids, shapes, index, tree, classes.legend, box, path)
    digest = hashlib.sha256(json.dumps([read.crs or "", declared or "", classes.legend.to_json()]).encode())
    digest.update(classes.index.tobytes() + read.ids.tobytes())
    for blob in shapely.to_wkb(read.geometry):
        digest.update(blob or b"-")
    return Laid(
        classes.legend, ids, shapes, index, kinds == "points", tree, tuple(left), len(read.ids), digest.hexdigest()
    )


def _sorted_out(ids: Array, geometry: Array, path: Path) -> tuple[Array, str, list[Left]]:
    """Positions of the features that can be used, whether they are polygons or points, and what is left."""
    types = shapely.get_type_id(geometry)
    is_polygon, is_point = np.isin(types, _POLYGONS), np.isin(types, _POINTS)
    if is_polygon.any() and is_point.any():
        have = f"{int(is_polygon.sum())} polygons and {int(is_point.sum())} points"
        fix = "Keep them in layers of their own, and cut each into a corpus of its own."
        raise Refused(where=path.name, what="holds polygons and points in one layer", have=have, fix=fix)
    is_empty = (types < 0) | shapely.is_empty(geometry)
    usable = (is_polygon | is_point) & ~is_empty
    is_broken = usable & ~shapely.is_valid(geometry)
    if not usable.any():
        what = "holds neither polygons nor points"
        raise Refused(where=path.name, what=what, fix="Give lines a width first (buffer), or name another layer.")
    left = []
    for k in np.flatnonzero(~usable | is_broken):
        id = f"{path.stem}-{ids[k]}"
        if is_empty[k]:
            left.append(Left("label", id, "no geometry", f"{id} has no geometry that can be read"))
        elif is_broken[k]:
            said = shapely.is_valid_reason(geometry[k])
            left.append(Left("label", id, "invalid geometry", f"{id} has an invalid geometry ({said})"))
        else:
            kind = geometry[k].geom_type
            left.append(Left("label", id, "other geometry", f"{id} is a {kind}, neither polygon nor point"))
    return np.flatnonzero(usable & ~is_broken), "polygons" if is_polygon.any() else "points", left


def _crs(text: str | None, path: Path) -> CRS:
    if text is None:
        fix = "Say it: --labels-crs EPSG:4326, for example."
        raise Refused(where=path.name, what="does not say in which CRS its coordinates are", fix=fix)
    try:
        return CRS.from_user_input(text)
    except CRSError as error:
        said = str(error).split("\n")[0][:100]
        raise Refused(where=path.name, what=f"names a CRS that cannot be read ({said})", fix="Write EPSG:n.") from None


def _in_pixels(shapes: Array, crs: str | None, box: GeoBox, path: Path) -> Array:
    """Move shapes from their CRS into pixels of a grid; what its CRS cannot place becomes NaN."""
    own, want = _crs(crs, path), CRS.from_user_input(str(box.crs))
    back = ~box.transform
    if own != want:
        step = _STEP["degree"] if own.is_geographic else _STEP["metre"] / own.axis_info[0].unit_conversion_factor
        shapes = shapely.segmentize(shapes, step)
        there = Transformer.from_crs(own, want, always_xy=True)

    def moved(xy: Array) -> Array:
        x, y = (xy[:, 0], xy[:, 1]) if own == want else there.transform(xy[:, 0], xy[:, 1])
        at = np.column_stack([back.a * x + back.b * y + back.c, back.d * x + back.e * y + back.f])
        return np.where(np.isfinite(at).all(axis=1, keepdims=True), at, np.nan)

    placed = shapely.transform(shapes, moved)
    is_broken = ~shapely.is_valid(placed) & np.isfinite(shapely.bounds(placed)).all(axis=1)
    # Valid where they were drawn: moving them has folded a sliver over.
    placed[is_broken] = shapely.make_valid(placed[is_broken])
    return np.asarray(placed)


def _is_inside(shapes: Array, shape: tuple[int, int], *, is_point: bool) -> Array:
    bounds = shapely.bounds(shapes)
    with np.errstate(invalid="ignore"):
        near = np.isfinite(bounds).all(axis=1)
        near &= (bounds[:, 0] < shape[1]) & (bounds[:, 1] < shape[0])
        near &= (bounds[:, 2] >= 0) & (bounds[:, 3] >= 0) if is_point else (bounds[:, 2] > 0) & (bounds[:, 3] > 0)
    near[near] = shapely.intersects(shapes[near], shapely.box(0, 0, shape[1], shape[0]))
    return np.asarray(near)


def _places(shapes: Array, box: GeoBox) -> Any:
    """From a feature's position to its longitude and latitude; None where it lies nowhere."""
    bounds = shapely.bounds(shapes)
    cols, rows = (bounds[:, 0] + bounds[:, 2]) / 2, (bounds[:, 1] + bounds[:, 3]) / 2
    lon, lat = lonlats(box, rows, cols)

    def where(k: int) -> tuple[float | None, float | None]:
        known = np.isfinite(lon[k]) and np.isfinite(lat[k])
        return (round(float(lon[k]), 7), round(float(lat[k]), 7)) if known else (None, None)

    return where


def _overlaps(
    ids: Array, shapes: Array, index: Array, tree: shapely.STRtree, legend: Legend, box: GeoBox, path: Path
) -> list[Left]:
    """Pairs of polygons of different classes that claim the same ground."""
    one, other = tree.query(shapes, predicate="intersects")
    at = (one < other) & (index[one] != index[other])
    one, other = one[at], other[at]
    shared = shapely.intersection(shapes[one], shapes[other])
    area = shapely.area(shared)
    where = _places(shared, box)
    left = []
    for k in np.lexsort((other, one)):
        if area[k] < _SLIVER:
            continue
        pair = [f"{path.stem}-{ids[i]} ({legend.name_of(legend.codes[index[i]])})" for i in (one[k], other[k])]
        message = f"{pair[0]} and {pair[1]} overlap on {area[k]:.2f} pixels, which have no class"
        left.append(Left("label", f"{path.stem}-{ids[one[k]]}", "overlap", message, *where(int(k))))
    return left


def lay(
    path: Path,
    geobox: GeoBox | None,
    *,
    column: str | None,
    layer: str | None = None,
    crs: str | None = None,
    legend: str | None = None,
    scene: str = "scene",
) -> VectorLabels:
    """Open a vector file as labels of a scene.

    Parameters
    ----------
    path : Path
        The file.
    geobox : GeoBox
        Grid of the scene.
    column : str
        Which holds the class.
    layer, crs, legend : str, optional
        Which layer; the CRS where the file does not say; a known legend, or the file of one.
    scene : str
        Its name, for errors.

    Raises
    ------
    Refused
        The scene has no place, or no feature can be used.
    Unreadable, Unknown, Mismatch
        As `formats.vector.read_features` and `formats.legendfile.find_legend`.
    """
    if geobox is None or geobox.crs is None:
        what = "has no CRS, so labels on the ground cannot be laid on its pixels"
        raise Refused(where=scene, what=what, fix="Give it one (gdal_edit.py -a_srs EPSG:n), or use labels in a band.")
    made = VectorLabels(path.absolute(), column, layer, crs, legend, geobox)
    made.present()  # what is wrong with the file is said here, and not when the first window is read
    return made


def require_two(legend: Legend, *, present: Sequence[int], where: str) -> None:
    """Refuse labels of which only one class lies on the scene: there is nothing to tell apart."""
    if len(present) == 1:
        only = legend.name_of(legend.codes[present[0]])
        fix = "Label a second class, if only as 'other'; or name another column."
        raise Refused(where=where, what=f"has one class only on this scene, {only!r}: nothing to tell apart", fix=fix)
