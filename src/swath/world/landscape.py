"""Landscape: which class of ground covers each pixel of a block, and the pieces that it is made of.

A block is settled once, on its own extent with a halo: districts by warped nearest seeds, parcels inside them, woods,
waters and coasts by smooth fields, rivers and highways by distance to their curves. What comes first in that list gives
way to what comes later. The label of a pixel is exact truth; `cover` paints the same pieces. Nothing here has a date.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import cv2
import numpy as np

from swath.core.array import Array
from swath.imaging.lattice import Extent, fractal, key, uniform
from swath.world.lattice import BLOCK, HALO
from swath.world.network import distance_to, gaps_to, highways_near, lakes_near, rivers_near
from swath.world.parcels import Parcels, cut
from swath.world.region import DISTRICT, FIELD_LEVEL, REGION, RIM, SEA_LEVEL, Districts, districts_near, region_fields
from swath.world.spectra import code

__all__ = ["FAR", "Plot", "Setting", "block_extent", "labels", "parcels", "settle", "sketch"]

#: Distance [pixels] that stands for "no curve near".
FAR: Final = np.float32(99.0)

_CROP, _FOREST, _HERBS = code("AnnualCrop"), code("Forest"), code("HerbaceousVegetation")
_HIGHWAY, _INDUSTRY, _PASTURE = code("Highway"), code("Industrial"), code("Pasture")
_ORCHARD, _HOUSES, _RIVER, _WATER = code("PermanentCrop"), code("Residential"), code("River"), code("SeaLake")

#: How far [pixels] smooth warp moves districts, parcels, rivers and lakes, highways.
_WARP: Final = {"district": 12.0, "parcel": 3.5, "river": 17.0, "highway": 2.5}
#: How far [pixels] fine noise moves the borders of woods and herbs.
_RAGGED: Final = 6.0
#: Woods stand where their field exceeds this, by use of the district; elsewhere a Forest district has clearings.
_WOODS: Final = {_CROP: 1.9, _PASTURE: 1.6, _ORCHARD: 2.0, _HERBS: 1.35, _FOREST: -2.1, _HOUSES: 2.3, _INDUSTRY: 2.4}
#: Which of `region.fields` pixels need: height, woods, pools, warp in rows and columns, tone of waters.
_USED: Final = (0, 1, 2, 4, 5, 8)
_HEIGHT, _WOODY, _POOLS, _WARP_R, _WARP_C, _TONE = range(6)
#: Typical parcels [pixels], along and across, by use.
_SIZES: Final = {
    _CROP: (30.0, 15.0),
    _PASTURE: (20.0, 14.0),
    _ORCHARD: (13.0, 6.5),
    _HOUSES: (15.0, 7.5),
    _INDUSTRY: (17.0, 12.0),
}


@dataclass(frozen=True, slots=True, eq=False)
class Plot:
    """The pixels of one district that are cut into parcels."""

    #: Which of the setting's districts.
    district: int
    #: Int array, shape (n,): flat positions in the block.
    pixels: Array
    #: Float32 arrays, shape (n,): pixels along and across from the district's seed.
    u: Array
    v: Array
    #: Their parcels.
    parcels: Parcels
    #: Uint8 array, shape (p,): class of each parcel.
    use: Array


@dataclass(frozen=True, slots=True, eq=False)
class Setting:
    """One block with its halo, settled: arrays of shape (h, w)."""

    #: Pixels covered, halo included.
    extent: Extent
    #: Uint8: class of the ground, exact.
    label: Array
    #: Uint8: which of `districts`.
    district: Array
    districts: Districts
    plots: tuple[Plot, ...]
    #: Float32: pixels from the edge of the nearest river and highway, negative inside; `FAR` where there is none.
    river: Array
    highway: Array
    #: Float32: pixels from the middle of that highway.
    axis: Array
    #: Float32: tone of waters; and of shape (h, w, 4): fine noise over 10 to 320 m.
    tone: Array
    fine: Array


def block_extent(row: int, col: int) -> Extent:
    """Pixels of a block, without halo."""
    return Extent(row * BLOCK, col * BLOCK, BLOCK, BLOCK)


def _fields(seed: int, epsg: int, row: int, col: int) -> Array:
    """The fields of `_USED` at the pixels of a block and its halo: (6, h, w)."""
    step = 2**FIELD_LEVEL
    held, nodes = region_fields(seed, epsg, row // REGION, col // REGION)
    side = BLOCK // step
    top, left = row * side - nodes.row - RIM, col * side - nodes.col - RIM
    part = held[top : top + side + 2 * RIM, left : left + side + 2 * RIM, _USED]
    grown = cv2.resize(np.ascontiguousarray(part), None, fx=step, fy=step, interpolation=cv2.INTER_CUBIC)
    edge = RIM * step - HALO
    return np.ascontiguousarray(
        np.moveaxis(grown[edge : edge + BLOCK + 2 * HALO, edge : edge + BLOCK + 2 * HALO], -1, 0)
    )


def _nearest(districts: Districts, index: Array, rows: Array, cols: Array) -> Array:
    """Which of some districts has the nearest seed: uint8 (h, w)."""
    best = np.full(rows.shape, np.inf, np.float32)
    found = np.zeros(rows.shape, np.uint8)
    for k in index:
        r, c = rows - districts.row[k], cols - districts.col[k]
        away = r * r + c * c
        found[away < best] = k
        np.minimum(best, away, out=best)
    return found


def _assign(
    seed: int, epsg: int, extent: Extent, rows: Array, cols: Array, held: Array, ragged: Array
) -> tuple[Districts, Array]:
    """Districts of pixels: cultivated ones have smooth borders, natural ones rough."""
    near = districts_near(seed, epsg, extent, margin=DISTRICT)
    middle = extent.row + extent.height / 2, extent.col + extent.width / 2
    away = np.hypot(near.row - middle[0], near.col - middle[1])
    near = near.take(np.flatnonzero(away <= away.min() + extent.height * 1.5 + 4 * (_WARP["district"] + _RAGGED)))
    every = np.arange(len(near))
    smooth_r, smooth_c = (rows + _WARP["district"] * held[_WARP_R], cols + _WARP["district"] * held[_WARP_C])
    found = _nearest(near, every, smooth_r, smooth_c)
    is_wild = np.isin(near.use, (_FOREST, _HERBS))
    if is_wild.any() and len(near) > 1:
        rough = _nearest(near, every, smooth_r + _RAGGED * ragged[..., 2], smooth_c + _RAGGED * ragged[..., 3])
        found = np.where(is_wild[found] | is_wild[rough], rough, found)
    present, index = np.unique(found, return_inverse=True)
    return near.take(present), index.reshape(found.shape).astype(np.uint8)


def _plots(districts: Districts, district: Array, rows: Array, cols: Array, held: Array) -> tuple[Plot, ...]:
    """Cut the cultivated and built districts into parcels."""
    plots = []
    warped_r, warped_c = rows + _WARP["parcel"] * held[_WARP_R], cols + _WARP["parcel"] * held[_WARP_C]
    flat_r, flat_c = warped_r.ravel(), warped_c.ravel()
    for k in range(len(districts)):
        use = int(districts.use[k])
        if use not in _SIZES:
            continue
        pixels = np.flatnonzero(district.ravel() == k)
        r, c = flat_r[pixels] - districts.row[k], flat_c[pixels] - districts.col[k]
        cos, sin = np.float32(np.cos(districts.angle[k])), np.float32(np.sin(districts.angle[k]))
        u, v = c * cos + r * sin, r * cos - c * sin
        scale = 0.65 + 0.75 * float(districts.style[k, 0])
        length, width = (scale * side for side in _SIZES[use])
        parcels = cut(u, v, int(districts.stream[k]), length=length, width=width)
        draw = uniform(parcels.stream, np.array(7), np.array(0))[:, 0]
        uses = np.where(draw < districts.share[k], districts.minor[k], districts.use[k])
        plots.append(Plot(k, pixels, u, v, parcels, uses.astype(np.uint8)))
    return tuple(plots)


def _gaps(curves_of: str, seed: int, epsg: int, extent: Extent, rows: Array, cols: Array) -> tuple[Array, Array]:
    """Distance from the edge and the middle of the nearest curve, exact within 8 pixels of it."""
    near = {"river": rivers_near, "highway": highways_near}[curves_of]
    margin = int(4 * _WARP[curves_of]) + 8
    curves = near(seed, epsg, extent, margin=margin)
    gap, axis = np.full(rows.shape, FAR), np.full(rows.shape, FAR)
    if not len(curves):
        return gap, axis
    # Every fourth pixel first: distance changes by at most about a pixel a pixel, warp included.
    is_near = gaps_to(curves, rows[2::4, 2::4].ravel(), cols[2::4, 2::4].ravel())[0] < 16
    close = np.repeat(np.repeat(is_near.any(axis=0).reshape(rows[2::4, 2::4].shape), 4, axis=0), 4, axis=1)
    if close.any():
        gap[close], axis[close] = distance_to(curves.take(np.asarray(is_near.any(axis=1))), rows[close], cols[close])
    return gap, axis


def settle(seed: int, epsg: int, row: int, col: int) -> Setting:
    """Settle one block: find out what covers each of its pixels.

    Parameters
    ----------
    seed, epsg : int
        Planet and zone.
    row, col : int
        Number of the block.
    """
    extent = block_extent(row, col).grow(HALO)
    held = _fields(seed, epsg, row, col)
    fine = fractal(key(seed, "fine", epsg), extent, coarse=5, fine=0, hurst=0.45)
    rows, cols = np.meshgrid(extent.rows.astype(np.float32) + 0.5, extent.cols.astype(np.float32) + 0.5, indexing="ij")
    ragged = cv2.GaussianBlur(fine, (9, 9), 1.2)
    districts, district = _assign(seed, epsg, extent, rows, cols, held, ragged)
    plots = _plots(districts, district, rows, cols, held)
    label = districts.use[district]
    for plot in plots:
        label.ravel()[plot.pixels] = plot.use[plot.parcels.index]
    # Woods and clearings.
    limit = np.array([_WOODS[int(use)] for use in districts.use], np.float32)[district]
    is_wood = held[_WOODY] + 0.45 * ragged[..., 0] > limit
    label = np.where(is_wood, np.uint8(_FOREST), np.where(label == _FOREST, np.uint8(_HERBS), label))
    # Waters: pools in the countryside, lakes at the ends of rivers, the sea.
    bend_r, bend_c = rows + _WARP["river"] * held[_WARP_R], cols + _WARP["river"] * held[_WARP_C]
    is_built = np.isin(districts.use, (_HOUSES, _INDUSTRY))[district]
    is_water = (held[_POOLS] + 0.1 * ragged[..., 1] > 2.25) & ~is_built
    for at_row, at_col, radius in lakes_near(seed, epsg, extent, margin=int(4 * _WARP["river"])):
        away = np.hypot(bend_r - at_row, bend_c - at_col) + 2.0 * ragged[..., 1]
        is_water |= away < radius
    is_water |= held[_HEIGHT] + 0.006 * ragged[..., 1] < SEA_LEVEL
    label = np.where(is_water, np.uint8(_WATER), label)
    river, _ = _gaps("river", seed, epsg, extent, bend_r, bend_c)
    river = np.where(is_water, FAR, river + 0.8 * ragged[..., 2])
    label = np.where(river < 0, np.uint8(_RIVER), label)
    highway, axis = _gaps(
        "highway",
        seed,
        epsg,
        extent,
        rows + _WARP["highway"] * held[_WARP_R],
        cols + _WARP["highway"] * held[_WARP_C],
    )
    highway = np.where(is_water, FAR, highway)
    label = np.where(highway < 0, np.uint8(_HIGHWAY), label)
    return Setting(extent, label, district, districts, plots, river, highway, axis, held[_TONE], fine)


@lru_cache(maxsize=1024)
def labels(seed: int, epsg: int, row: int, col: int) -> Array:
    """Class of every pixel of a block: uint8 array of shape (BLOCK, BLOCK), read-only.

    Parameters
    ----------
    seed, epsg : int
        Planet and zone.
    row, col : int
        Number of the block.
    """
    held = settle(seed, epsg, row, col).label[HALO:-HALO, HALO:-HALO].copy()
    held.flags.writeable = False
    return held


def parcels(seed: int, epsg: int, row: int, col: int) -> Array:
    """Which parcel every pixel of a block belongs to: uint64 array of shape (BLOCK, BLOCK), 0 where there is none.

    Fields, plots and blocks of houses are parcels as far as they carry what is grown or built there; woods, waters and
    roads that cross them are none. A parcel has the same number in every block that it reaches into.
    """
    held = settle(seed, epsg, row, col)
    found = np.zeros(held.label.shape, np.uint64)
    for plot in held.plots:
        index = plot.parcels.index
        is_own = held.label.ravel()[plot.pixels] == plot.use[index]
        found.ravel()[plot.pixels[is_own]] = plot.parcels.stream[index[is_own]]
    return found[HALO:-HALO, HALO:-HALO].copy()


def sketch(seed: int, epsg: int, row: int, col: int) -> Array:
    """Guess what covers a region, every 80 m, at a hundredth of the cost of knowing: for choosing places.

    Parameters
    ----------
    seed, epsg : int
        Planet and zone.
    row, col : int
        Number of the region.

    Returns
    -------
    uint8 array, shape (REGION * 9, REGION * 9)
        Class at the nodes; small fields, thin woods and ragged edges are left out. Lines are drawn where a node lies
        within 40 m of them, so that they are about as frequent as on the ground.
    """
    step = 2**FIELD_LEVEL
    held = np.moveaxis(region_fields(seed, epsg, row, col)[0][RIM:-RIM, RIM:-RIM, _USED], -1, 0)
    extent = Extent(row * REGION * BLOCK, col * REGION * BLOCK, REGION * BLOCK, REGION * BLOCK)
    rows, cols = np.meshgrid(
        extent.rows[::step].astype(np.float32) + step / 2,
        extent.cols[::step].astype(np.float32) + step / 2,
        indexing="ij",
    )
    bent = {
        what: (rows + by * held[_WARP_R], cols + by * held[_WARP_C]) for what, by in _WARP.items() if what != "parcel"
    }
    near = districts_near(seed, epsg, extent, margin=DISTRICT)
    district = _nearest(near, np.arange(len(near)), *bent["district"])
    label = near.use[district]
    limit = np.array([_WOODS[int(use)] for use in near.use], np.float32)[district]
    label = np.where(held[_WOODY] > limit, np.uint8(_FOREST), np.where(label == _FOREST, np.uint8(_HERBS), label))
    is_water = (held[_POOLS] > 2.25) & ~np.isin(label, (_HOUSES, _INDUSTRY))
    for at_row, at_col, radius in lakes_near(seed, epsg, extent, margin=int(4 * _WARP["river"])):
        is_water |= np.hypot(bent["river"][0] - at_row, bent["river"][1] - at_col) < radius
    is_water |= held[_HEIGHT] < SEA_LEVEL
    label = np.where(is_water, np.uint8(_WATER), label)
    for what, code_of, reach in (("river", _RIVER, 0.0), ("highway", _HIGHWAY, 2.5)):
        curves = {"river": rivers_near, "highway": highways_near}[what](seed, epsg, extent, margin=80)
        drawn = np.zeros((extent.height // 2 + 80, extent.width // 2 + 80), np.uint8)
        corner = np.array([extent.row - 80, extent.col - 80], np.float32)
        for start, end, half in zip(curves.start - corner, curves.end - corner, curves.half, strict=True):
            one, other = ((round(float(at[1]) / 2), round(float(at[0]) / 2)) for at in (start, end))
            cv2.line(drawn, one, other, 1, max(1, round(float(half.mean()) + reach)))
        seen = [np.clip((bent[what][k] - corner[k]) / 2, 0, drawn.shape[k] - 1).astype(int) for k in (0, 1)]
        label = np.where((drawn[seen[0], seen[1]] > 0) & ~is_water, np.uint8(code_of), label)
    return label
