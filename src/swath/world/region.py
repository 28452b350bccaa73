"""Region: the large-scale fields of a zone, and the land use of its districts.

Smooth fields (height, woods, wetness, warmth, towns) decide what is likely where; a district of about 1,900 m then
draws what it mainly is, and the shape of its fields. Fields and districts of a region of 5,760 m are computed on its
extent and no other, so that everyone who asks about them hears the same. Which pixel belongs to which district is
decided in `landscape`. The land is artificial: no climate, no coast and no town lies where one lies on Earth.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np

from swath.core.array import Array
from swath.imaging.lattice import Extent, bits, fractal, key, normal, uniform
from swath.world.lattice import BLOCK
from swath.world.network import RELIEF
from swath.world.spectra import code

__all__ = [
    "DISTRICT",
    "FIELD_LEVEL",
    "REGION",
    "RIM",
    "SEA_LEVEL",
    "Districts",
    "districts_near",
    "fields",
    "region_fields",
]

#: Blocks a side of a region.
REGION: Final = 8
#: Level at which fields are computed before they are interpolated to pixels: nodes 80 m apart.
FIELD_LEVEL: Final = 3
#: Nodes of a region's fields beyond its edge: a block's halo, and what interpolation needs.
RIM: Final = 4
#: How far districts' spectra may lie along each of the three loadings between patches; the third is mostly haze.
_TONE_LIMIT: Final = np.array([2.0, 1.9, 1.1])
#: Level at which a district looks at the fields: nodes 640 m apart.
_SEED_LEVEL: Final = 6
#: Pixels a side of the cells that hold one district each.
DISTRICT: Final = 192
#: Below this height there is sea.
SEA_LEVEL: Final = -0.95

_SIDE: Final = REGION * BLOCK // DISTRICT
#: Land use of districts, in the order of the lottery below.
_USES: Final = tuple(
    code(name)
    for name in (
        "AnnualCrop",
        "Pasture",
        "PermanentCrop",
        "HerbaceousVegetation",
        "Forest",
        "Residential",
        "Industrial",
    )
)
#: What stands between a district's main fields: use -> use.
_MINOR: Final = {
    "AnnualCrop": "Pasture",
    "Pasture": "AnnualCrop",
    "PermanentCrop": "AnnualCrop",
    "HerbaceousVegetation": "HerbaceousVegetation",
    "Forest": "Forest",
    "Residential": "Residential",
    "Industrial": "Industrial",
}
_MINOR_CODE: Final = {code(use): code(minor) for use, minor in _MINOR.items()}


@dataclass(frozen=True, slots=True, eq=False)
class Districts:
    """Districts, n of them."""

    #: Float32 arrays, shape (n,): the seed of the district's cell [pixels].
    row: Array
    col: Array
    #: Uint8 arrays, shape (n,): class of most of its ground, and of parcels between.
    use: Array
    minor: Array
    #: Float32 arrays, shape (n,): share of `minor` parcels; direction of the fields [radians].
    share: Array
    angle: Array
    #: Float32 array, shape (n, 4): style, uniform in (0, 1): sizes, density, warp, lines.
    style: Array
    #: Float32 array, shape (n, 3): how far its spectra lie along what varies between patches [1].
    tone: Array
    #: Float32 array, shape (n,): how hilly it is [1].
    hills: Array
    #: Uint64 array, shape (n,): the stream of its own random numbers.
    stream: Array

    def __len__(self) -> int:
        return len(self.row)

    def take(self, index: Array) -> Districts:
        """Some of them."""
        return Districts(*(getattr(self, name)[index] for name in self.__slots__))


def fields(seed: int, epsg: int, nodes: Extent, *, level: int) -> Array:
    """Large-scale fields of a zone.

    Parameters
    ----------
    seed, epsg : int
        Planet and zone.
    nodes : Extent
        Where, in nodes of `level`.
    level : int
        Finer octaves than this are left out.

    Returns
    -------
    float32 array, shape (h, w, 10)
        Height, woods, pools, towns; warp in rows and columns; wetness, warmth, and two tones of waters and soils. Mean
        0 and variance 1 over a zone.
    """
    coarse, hurst = RELIEF
    land = fractal(key(seed, "land", epsg), nodes, coarse=coarse, fine=level, hurst=hurst)
    cover = fractal(key(seed, "cover", epsg), nodes, coarse=9, fine=level, hurst=0.5)
    warp = fractal(key(seed, "warp", epsg), nodes, coarse=7, fine=level, hurst=0.9)
    climate = fractal(key(seed, "climate", epsg), nodes, coarse=11, fine=level, least=9, hurst=0.3)
    return np.concatenate([land[..., :1], cover[..., :3], warp[..., :2], climate], axis=-1)


def _lottery(height: Array, wet: Array, warm: Array, towns: Array, woods: Array) -> Array:
    """Chances of each use, shape (n, 7), from fields at the seeds."""
    countryside = np.stack(
        [
            1.3 * np.exp(-1.0 * height - 0.9 * wet),
            1.1 * np.exp(-0.2 * height + 1.4 * wet - 0.4 * warm),
            1.2 * np.exp(-0.4 * height - 0.3 * wet + 1.6 * warm),
            1.3 * np.exp(1.0 * height - 0.9 * wet + 0.2 * warm),
            1.3 * np.exp(0.6 * height + 0.5 * wet - 0.5 * warm + 0.5 * woods),
        ],
        axis=-1,
    )
    countryside **= 1.5
    countryside /= countryside.sum(axis=-1, keepdims=True)
    built = 1 / (1 + np.exp(-np.clip((towns - 0.75) / 0.05, -30.0, 30.0)))
    # Works stand among the houses, less so in the middle of large towns.
    works = 0.55 / (1 + np.exp(np.clip((towns - 1.5) / 0.15, -30.0, 30.0)))
    urban = np.stack([(1 - works) * built, works * built], axis=-1)
    return np.concatenate([countryside * (1 - built[..., None]), urban], axis=-1)


@lru_cache(maxsize=32)
def region_fields(seed: int, epsg: int, row: int, col: int) -> tuple[Array, Extent]:
    """Fields of one region with a rim of `RIM` nodes, at `FIELD_LEVEL`, and the nodes that they cover."""
    side = REGION * BLOCK // 2**FIELD_LEVEL
    nodes = Extent(row * side, col * side, side, side).grow(RIM)
    held = fields(seed, epsg, nodes, level=FIELD_LEVEL)
    held.flags.writeable = False
    return held, nodes


@lru_cache(maxsize=256)
def _districts(seed: int, epsg: int, row: int, col: int) -> Districts:
    """The districts whose cells lie in one region, computed on its own extent and no other."""
    cells = Extent(row * _SIDE, col * _SIDE, _SIDE, _SIDE)
    rows, cols = (a.ravel() for a in np.meshgrid(cells.rows, cells.cols, indexing="ij"))
    place = uniform(key(seed, "district", epsg), rows, cols)
    draw = uniform(key(seed, "district use", epsg), rows, cols)
    at_row = (rows + 0.12 + 0.76 * place[:, 0]) * DISTRICT
    at_col = (cols + 0.12 + 0.76 * place[:, 1]) * DISTRICT
    step = 2**_SEED_LEVEL
    side = REGION * BLOCK // step
    nodes = Extent(row * side, col * side, side, side)
    held = fields(seed, epsg, nodes, level=_SEED_LEVEL)
    height, woods, _, towns, _, _, wet, warm, *tones = held[
        (at_row // step).astype(int) - nodes.row, (at_col // step).astype(int) - nodes.col
    ].T
    chances = _lottery(height, wet, warm, towns, woods)
    use = np.array(_USES)[np.minimum((chances.cumsum(axis=1) < draw[:, :1]).sum(axis=1), len(_USES) - 1)]
    own = normal(key(seed, "district tone", epsg), rows, cols)
    smooth = np.stack([*tones, own[:, 3]], axis=1)
    is_hilly = np.isin(use, [code("HerbaceousVegetation"), code("Forest")])
    hills = np.clip(0.35 + 0.35 * height + 0.35 * own[:, 3], 0.05, 1.0) * np.where(is_hilly, 1.0, 0.2)
    return Districts(
        row=at_row.astype(np.float32),
        col=at_col.astype(np.float32),
        use=use.astype(np.uint8),
        minor=np.array([_MINOR_CODE[int(u)] for u in use], np.uint8),
        share=(0.2 * draw[:, 1] ** 2).astype(np.float32),
        angle=(np.pi * place[:, 2]).astype(np.float32),
        style=uniform(key(seed, "district style", epsg), rows, cols),
        tone=(_TONE_LIMIT * np.tanh((0.9 * smooth + 0.4 * own[:, :3]) / 1.8)).astype(np.float32),
        hills=hills.astype(np.float32),
        stream=bits(key(seed, "district stream", epsg), rows, cols),
    )


def districts_near(seed: int, epsg: int, extent: Extent, *, margin: int) -> Districts:
    """Districts whose cells come within `margin` pixels of an extent of pixels."""
    rows = np.arange((extent.row - margin) // DISTRICT, (extent.row + extent.height + margin - 1) // DISTRICT + 1)
    cols = np.arange((extent.col - margin) // DISTRICT, (extent.col + extent.width + margin - 1) // DISTRICT + 1)
    parts = []
    for r in sorted(set((rows // _SIDE).tolist())):
        for c in sorted(set((cols // _SIDE).tolist())):
            inside_r, inside_c = rows[rows // _SIDE == r] - r * _SIDE, cols[cols // _SIDE == c] - c * _SIDE
            index = (inside_r[:, None] * _SIDE + inside_c[None, :]).ravel()
            parts.append(_districts(seed, epsg, r, c).take(index))
    return Districts(*(np.concatenate([getattr(part, name) for part in parts]) for name in Districts.__slots__))
