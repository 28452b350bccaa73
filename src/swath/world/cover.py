"""Cover: what the pieces of a landscape are painted with, before any date.

Each parcel and each stretch of wild ground is a unit with a spectrum of its own: the class mean, moved along what was
measured to vary between and within patches. Inside a unit, texture moves pixels along the same directions: rows of
houses, roofs, plough lines, crowns. Thin things (hedges, tracks, banks, pavement, shores) cover shares of a pixel.
The patterns are invented to look right; their colours and variances are measured. Knows no date and no sensor.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import cv2
import numpy as np

from swath.core.array import Array
from swath.imaging.lattice import Extent, bits, key, normal, uniform
from swath.world.landscape import FAR, Plot, Setting, settle
from swath.world.season import CURVES
from swath.world.spectra import CLASSES, code, load_spectra

__all__ = ["MATERIALS", "Ground", "ground"]

_CROP, _FOREST, _HERBS = code("AnnualCrop"), code("Forest"), code("HerbaceousVegetation")
_HIGHWAY, _INDUSTRY, _PASTURE = code("Highway"), code("Industrial"), code("Pasture")
_ORCHARD, _HOUSES, _RIVER, _WATER = code("PermanentCrop"), code("Residential"), code("River"), code("SeaLake")

#: What thin things are made of, in the order they are painted: name -> class whose mean spectrum it has.
MATERIALS: Final = {"soil": _CROP, "wood": _FOREST, "grass": _PASTURE, "water": _RIVER, "pavement": _HIGHWAY}
_SOIL, _WOOD, _GRASS, _WET, _PAVED = range(len(MATERIALS))

#: Share of the standard deviation within patches that lies between parcels; the rest is texture.
_BETWEEN_PARCELS: Final = {_CROP: 1.3, _PASTURE: 0.75, _ORCHARD: 0.9, _HOUSES: 0.6, _INDUSTRY: 0.0}
#: Class -> kinds of season that its units have, by lot.
_KINDS: Final = {
    _CROP: ("winter crop", "summer crop"),
    _FOREST: ("broadleaf", "broadleaf", "conifer"),
    _HERBS: ("herbs",),
    _HIGHWAY: ("bare",),
    _INDUSTRY: ("bare",),
    _PASTURE: ("pasture",),
    _ORCHARD: ("orchard",),
    _HOUSES: ("garden",),
    _RIVER: ("bare",),
    _WATER: ("bare",),
}
_CURVES: Final = tuple(CURVES)


@dataclass(frozen=True, slots=True, eq=False)
class Ground:
    """The painted ground of one block with its halo; n units, m materials."""

    #: Pixels covered.
    extent: Extent
    #: Uint8 array, shape (h, w): class, exact.
    label: Array
    #: Int32 array, shape (h, w): unit of each pixel.
    unit: Array
    #: Float32 array, shape (n, b): spectrum of each unit at the reference day, reflectance [1].
    spectrum: Array
    #: Uint8 arrays, shape (n,): class, and kind of season (position in `season.CURVES`).
    use: Array
    kind: Array
    #: Float32 arrays, shape (n,): days that onset is shifted by; amplitude as a share of the kind's.
    shift: Array
    vigour: Array
    #: Float32 array, shape (3, h, w): how far pixels lie along the loadings of their class.
    texture: Array
    #: Float32 array, shape (m, h, w): share of the pixel that each of `MATERIALS` covers, painted in their order.
    share: Array
    #: Float32 array, shape (h, w): turbidity of waters along SeaLake's first loading between patches.
    silt: Array
    #: Float32 array, shape (h, w): light on slopes, 1 = level ground.
    light: Array


@dataclass(frozen=True, slots=True, eq=False)
class _Canvas:
    """What is being painted, as flat arrays over the block."""

    setting: Setting
    #: Shape (3, p), (m, p), and noise (p, 4) for each pixel alone.
    texture: Array
    share: Array
    grain: Array
    #: Shape (p, 4): fine noise.
    fine: Array

    def lay(self, material: int, pixels: Array, share: Array) -> None:
        """Cover at least this share of some pixels with a material."""
        self.share[material, pixels] = np.maximum(self.share[material, pixels], share)

    def paint(self, pixels: Array, *layers: Array) -> None:
        """Set the texture of some pixels."""
        for k, layer in enumerate(layers):
            self.texture[k, pixels] = layer


def _ramp(distance: Array, half: float) -> Array:
    """Share of a pixel within `half` pixels of a line, from its distance to the middle of the pixel."""
    return np.asarray(np.clip(half + 0.5 - distance, 0.0, 1.0))


def _edges(plot: Plot, chosen: Array, *, side: float, end: float) -> tuple[Array, Array]:
    """Distance to the parcel edges that carry something: a share `side` of row edges, `end` of the others."""
    parcels = plot.parcels
    along = np.where(parcels.side_draw < side, parcels.side, FAR)[chosen]
    across = np.where(parcels.end_draw < end, parcels.end, FAR)[chosen]
    return np.minimum(along, across), along


def _crop(canvas: _Canvas, plot: Plot, pixels: Array, chosen: Array) -> None:
    """Fields: plough lines, a little unevenness, tracks along some edges."""
    fine, grain = canvas.fine[pixels], canvas.grain[pixels]
    own = plot.parcels.index[chosen]
    line = np.floor(plot.v[chosen] * 1.3).astype(np.int64)
    drill = uniform(plot.parcels.stream[own], line, np.array(1))[:, 0] - 0.5
    canvas.paint(
        pixels,
        0.22 * fine[:, 0] + 0.5 * drill + 0.05 * grain[:, 0],
        0.25 * fine[:, 1] + 0.08 * grain[:, 1],
        0.35 * fine[:, 2] + 0.3 * grain[:, 2],
    )
    track, _ = _edges(plot, chosen, side=0.3, end=0.12)
    canvas.lay(_SOIL, pixels, 0.55 * _ramp(track, 0.35))
    strip, _ = _edges(plot, chosen, side=0.85, end=0.5)
    canvas.lay(_GRASS, pixels, 0.25 * _ramp(strip, 0.3))


def _pasture(canvas: _Canvas, plot: Plot, pixels: Array, chosen: Array) -> None:
    """Meadows: soft, with hedges along many edges, single trees and a farm now and then."""
    fine, grain = canvas.fine[pixels], canvas.grain[pixels]
    canvas.paint(
        pixels,
        0.45 * fine[:, 0] + 0.12 * grain[:, 0],
        0.4 * fine[:, 1] + 0.1 * grain[:, 1],
        0.3 * fine[:, 2] + 0.5 * grain[:, 2],
    )
    hedge, _ = _edges(plot, chosen, side=0.6, end=0.6)
    is_grown = 0.35 + 0.25 * fine[:, 3]
    canvas.lay(_WOOD, pixels, np.clip(_ramp(hedge, 0.35) * (is_grown + 0.25 * grain[:, 2] + 0.2), 0.0, 0.85))
    canvas.lay(_WOOD, pixels, np.clip(grain[:, 3] - 2.2, 0.0, 0.8))


def _orchard(canvas: _Canvas, plot: Plot, pixels: Array, chosen: Array) -> None:
    """Plots of vines and trees: rows that the pixels barely resolve, bright tracks between."""
    fine, grain = canvas.fine[pixels], canvas.grain[pixels]
    own = plot.parcels.index[chosen]
    draw = uniform(plot.parcels.stream[own], np.array(3), np.array(0))
    row = np.sin(plot.v[chosen] * (1.8 + 1.1 * draw[:, 0])) * draw[:, 1]
    canvas.paint(
        pixels,
        0.3 * fine[:, 0] + 0.55 * row + 0.1 * grain[:, 0],
        0.4 * fine[:, 1] + 0.4 * row + 0.12 * grain[:, 1],
        0.3 * fine[:, 2] + 0.4 * grain[:, 2],
    )
    track, _ = _edges(plot, chosen, side=0.55, end=0.5)
    canvas.lay(_SOIL, pixels, 0.5 * _ramp(track, 0.2))


def _houses(canvas: _Canvas, plot: Plot, pixels: Array, chosen: Array) -> None:
    """Streets with rows of roofs along them, gardens behind, some large buildings and greens."""
    fine, grain = canvas.fine[pixels], canvas.grain[pixels]
    style = canvas.setting.districts.style[plot.district]
    own = plot.parcels.index[chosen]
    draw = uniform(plot.parcels.stream[own], np.array(4), np.array(0))
    depth = np.minimum(plot.parcels.side[chosen], plot.parcels.end[chosen])
    street = _ramp(depth, 0.25) * 0.9
    # Lots of 15 to 20 m along the street: each with a roof of its own.
    lot = np.floor(plot.parcels.along[chosen] * 8.0).astype(np.int64)
    back = np.floor(plot.parcels.side[chosen] / 1.9).astype(np.int64)
    roof_draw = normal(plot.parcels.stream[own], lot, back + 50)
    density = 0.35 + 0.75 * float(style[1])
    is_front = np.clip(1.5 - np.abs(depth - 1.5), 0.0, 1.0)
    roof = np.clip((is_front + density - 0.4) * (0.55 + 0.45 * roof_draw[:, 1]), 0.0, 1.0) * (1 - street)
    is_green = draw[:, 0] < 0.10
    is_hall = draw[:, 0] > 0.93
    hall = np.clip(np.minimum(depth - 1.2, 1.0), 0.0, 1.0) * is_hall
    roof = np.where(is_green, 0.08, np.where(is_hall, hall, roof))
    shade = np.where(is_hall, 3.0 * draw[:, 1] - 0.8, 0.75 + 1.15 * roof_draw[:, 0])
    bright = roof * shade
    garden = np.clip(1 - roof - street, 0.0, 1.0)
    canvas.paint(
        pixels,
        1.7 * garden - 0.75 * street - 0.5 + 0.5 * fine[:, 0] + 0.5 * grain[:, 0] - density * 0.45,
        1.3 * bright + 0.45 * street - 0.5 * garden - 0.2 + 0.55 * fine[:, 1] + 0.5 * grain[:, 1],
        0.6 * grain[:, 2] - 0.6 * roof * roof_draw[:, 2],
    )


def _works(canvas: _Canvas, plot: Plot, pixels: Array, chosen: Array) -> None:
    """Large roofs, white or dark, on paved lots with strips of green."""
    fine, grain = canvas.fine[pixels], canvas.grain[pixels]
    own = plot.parcels.index[chosen]
    stream = plot.parcels.stream[own]
    draw, shape = (uniform(stream, np.array(k), np.array(0)) for k in (5, 6))
    side, end = plot.parcels.side[chosen], plot.parcels.end[chosen]
    road = _ramp(np.minimum(side, end), 0.3)
    roof = np.minimum(_ramp(1.0 + 2.2 * shape[:, 0] - side, 0.0), _ramp(1.0 + 2.5 * shape[:, 1] - end, 0.0))
    # A hall is built of bays along its length, each of its own roofing.
    bay = np.floor(plot.parcels.along[chosen] * (1.0 + 4.0 * shape[:, 2])).astype(np.int64)
    bay_draw = uniform(stream, bay, np.array(99))
    kind = np.where(bay_draw[:, 0] < 0.55, draw[:, 1], bay_draw[:, 1])
    white = 1.1 + 2.6 * bay_draw[:, 2]
    grey = -0.4 + 1.0 * bay_draw[:, 2]
    dark = -1.3 + 0.5 * bay_draw[:, 2]
    bright = np.where(kind < 0.34, white, np.where(kind < 0.74, grey, dark))
    is_built, is_green = draw[:, 0] < 0.72, draw[:, 0] > 0.88
    roof = roof * is_built
    lot = np.clip(-0.55 + 0.5 * fine[:, 0] + 0.22 * grain[:, 0] + 0.8 * (grain[:, 3] > 1.9), -1.4, 1.6)
    yard = np.where(is_green, -1.9, 0.25 + 0.55 * fine[:, 1])
    verge = np.where(shape[:, 3] < 0.5, -1.4, 0.2) * np.clip(1.6 - np.minimum(side, end), 0.0, 1.0) * (1 - road)
    canvas.paint(
        pixels,
        roof * bright + (1 - roof) * np.where(is_green, -0.7 + 0.2 * fine[:, 0], lot) - 0.1 * road + 0.1,
        roof * (0.35 * bay_draw[:, 3]) + (1 - roof) * (yard + verge) + 0.12 * grain[:, 1] + 0.12,
        roof * (2.4 * bay_draw[:, 3] - 1.0) + 0.3 * fine[:, 2] + 0.4 * grain[:, 2],
    )


_RECIPES: Final[dict[int, Callable[[_Canvas, Plot, Array, Array], None]]] = {
    _CROP: _crop,
    _PASTURE: _pasture,
    _ORCHARD: _orchard,
    _HOUSES: _houses,
    _INDUSTRY: _works,
}


def _winding(field: Array, half: float) -> Array:
    """Share of pixels on the zero line of a smooth field: a path that winds."""
    slope = np.hypot(cv2.Sobel(field, cv2.CV_32F, 1, 0), cv2.Sobel(field, cv2.CV_32F, 0, 1)) / 8
    return _ramp(np.abs(field) / np.maximum(slope, 1e-3), half)


def _wild(canvas: _Canvas) -> None:
    """Texture of woods, herbs and waters, wherever they lie."""
    setting = canvas.setting
    fine, grain = canvas.fine, canvas.grain
    path = _winding(cv2.GaussianBlur(setting.fine[..., 3], (19, 19), 3.5), 0.2).ravel()
    has_path = setting.districts.style[setting.district.ravel(), 2] > 0.45
    for kind, layers, material, share in (
        (
            _FOREST,
            (0.85 * fine[:, 1] + 0.35 * grain[:, 0], 0.5 * grain[:, 1], 0.7 * fine[:, 2] + 0.5 * grain[:, 2]),
            _GRASS,
            0.35 * path * has_path,
        ),
        (
            _HERBS,
            (
                0.75 * fine[:, 0] + 0.08 * grain[:, 0],
                0.9 * fine[:, 1] + 0.08 * grain[:, 1],
                0.5 * fine[:, 2] + 0.4 * grain[:, 2],
            ),
            _SOIL,
            0.6 * path * has_path,
        ),
    ):
        pixels = np.flatnonzero(setting.label.ravel() == kind)
        if len(pixels):
            canvas.paint(pixels, *(layer[pixels] for layer in layers))
            canvas.lay(material, pixels, share[pixels])
            if kind == _HERBS:
                shrub = np.clip(0.6 * fine[pixels, 3] + 0.5 * grain[pixels, 3] - 1.0, 0.0, 0.6)
                canvas.lay(_WOOD, pixels, shrub)
    pixels = np.flatnonzero(setting.label.ravel() == _WATER)
    if len(pixels):
        calm = cv2.GaussianBlur(setting.fine, (13, 13), 2.0).reshape(-1, 4)[pixels]
        canvas.paint(pixels, 0.7 * calm[:, 1], 0.8 * calm[:, 0], 1.2 * calm[:, 2])


def _lines(canvas: _Canvas) -> None:
    """Water's edge with its trees, and pavement with its verges."""
    setting = canvas.setting
    river, highway, axis = (a.ravel() for a in (setting.river, setting.highway, setting.axis))
    every = np.flatnonzero(river < 6)
    if len(every):
        gap = river[every]
        bank = np.clip(1 - np.abs(gap - 1.5) / 2.5, 0.0, 1.0) * np.clip(0.5 + 0.5 * canvas.fine[every, 3], 0.0, 0.9)
        canvas.lay(_GRASS, every, 0.6 * np.clip(1 - gap / 5.0, 0.0, 1.0))
        canvas.lay(_WOOD, every, bank)
        canvas.lay(_WET, every, _ramp(gap, 0.0))
    every = np.flatnonzero(highway < 4)
    if len(every):
        gap = highway[every]
        canvas.lay(_GRASS, every, 0.7 * _ramp(gap, 0.8))
        canvas.share[_WOOD, every] *= np.clip(gap, 0.0, 1.0)
        canvas.share[_SOIL, every] *= np.clip(gap, 0.0, 1.0)
        middle = 0.45 * np.clip(1 - axis[every] / 0.6, 0.0, 1.0)
        canvas.lay(_PAVED, every, _ramp(gap, 0.0) * (0.92 - middle))


def _light(setting: Setting) -> Array:
    """Light on slopes: ridges from smooth noise, lit from the south-east as at half past ten in the north."""
    hills = cv2.GaussianBlur(setting.districts.hills[setting.district], (17, 17), 3.0)
    crest = cv2.GaussianBlur(-np.abs(setting.fine[..., 0]) + 0.5 * setting.fine[..., 3], (9, 9), 1.1)
    slope = cv2.Sobel(crest, cv2.CV_32F, 0, 1) / 8 + 0.7 * cv2.Sobel(crest, cv2.CV_32F, 1, 0) / 8
    hills[np.isin(setting.label, (_WATER, _RIVER))] = 0.0
    return np.clip(1.0 + 2.0 * hills * slope, 0.45, 1.6).astype(np.float32)


def _silt(setting: Setting) -> Array:
    """Turbidity: waters of one neighbourhood share it, few are very turbid."""
    tone = setting.tone
    return np.asarray(0.25 * tone - 0.337 + 1.7 * np.maximum(tone - 0.5, 0.0), np.float32)


def _spectra(setting: Setting) -> tuple[Array, Array, Array, Array]:
    """Units: number of each pixel's, and for each unit class, spectrum and stream of random numbers."""
    held = load_spectra()
    districts, classes = setting.districts, len(CLASSES)
    use = [np.tile(np.arange(classes, dtype=np.uint8), len(districts))]
    stream = [bits(districts.stream[:, None], np.array([-1]), np.arange(classes)).ravel()]
    tone = [np.repeat(districts.tone, classes, axis=0)]
    spread = [np.zeros((len(districts) * classes, 3), np.float32)]
    unit = setting.district.ravel().astype(np.int32) * classes + setting.label.ravel()
    start = len(districts) * classes
    for plot in setting.plots:
        own = plot.parcels.stream
        use.append(plot.use)
        stream.append(own)
        tone.append(np.broadcast_to(districts.tone[plot.district], (len(own), 3)))
        share = np.array([_BETWEEN_PARCELS.get(int(u), 0.0) for u in range(classes)], np.float32)[plot.use]
        spread.append(normal(own, np.array(1), np.array(0))[:, :3] * share[:, None])
        # Woods, waters and lines over the parcels keep their district's unit.
        is_own = setting.label.ravel()[plot.pixels] == plot.use[plot.parcels.index]
        unit[plot.pixels[is_own]] = start + plot.parcels.index[is_own]
        start += len(own)
    uses, tones = np.concatenate(use), np.concatenate(tone)
    spreads = np.concatenate(spread)
    is_line = np.isin(uses, (_WATER, _RIVER, _HIGHWAY))
    tones = np.where(is_line[:, None], np.float32(0), tones)
    spectrum = held.mean[uses].copy()
    for k in range(3):
        spectrum += tones[:, k : k + 1] * held.between[uses, k] + spreads[:, k : k + 1] * held.within[uses, k]
    return unit.reshape(setting.label.shape), uses, spectrum, np.concatenate(stream)


def _kinds(use: Array, stream: Array) -> tuple[Array, Array, Array]:
    """Kind of season, shift of onset [days] and vigour of units."""
    draw = uniform(stream, np.array(2), np.array(0))
    table = np.array([[_CURVES.index(_KINDS[c][k % len(_KINDS[c])]) for k in range(6)] for c in range(len(CLASSES))])
    kind = table[use, np.minimum(draw[:, 0] * 6, 5).astype(int)]
    return kind.astype(np.uint8), (30 * draw[:, 1] - 15).astype(np.float32), 0.75 + 0.5 * draw[:, 2]


@lru_cache(maxsize=96)
def ground(seed: int, epsg: int, row: int, col: int) -> Ground:
    """Paint one block: everything about it that has no date.

    Parameters
    ----------
    seed, epsg : int
        Planet and zone.
    row, col : int
        Number of the block.
    """
    setting = settle(seed, epsg, row, col)
    shape = setting.label.shape
    count = shape[0] * shape[1]
    grain = normal(key(seed, "grain", epsg), setting.extent.rows[:, None], setting.extent.cols[None, :])
    canvas = _Canvas(
        setting,
        np.zeros((3, count), np.float32),
        np.zeros((len(MATERIALS), count), np.float32),
        grain.reshape(count, 4),
        setting.fine.reshape(count, 4),
    )
    _wild(canvas)
    label = setting.label.ravel()
    for plot in setting.plots:
        grown = plot.use[plot.parcels.index]
        for crop, recipe in _RECIPES.items():
            chosen = np.flatnonzero((grown == crop) & (label[plot.pixels] == crop))
            if len(chosen):
                recipe(canvas, plot, plot.pixels[chosen], chosen)
    _lines(canvas)
    unit, use, spectrum, stream = _spectra(setting)
    kind, shift, vigour = _kinds(use, stream)
    return Ground(
        setting.extent,
        setting.label,
        unit,
        spectrum,
        use,
        kind,
        shift,
        vigour,
        canvas.texture.reshape(3, *shape),
        canvas.share.reshape(-1, *shape),
        _silt(setting),
        _light(setting),
    )
