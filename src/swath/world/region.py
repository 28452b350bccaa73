"""Region: 5,760 m of a zone, with its large-scale fields and the land use of its districts.

Smooth fields (height, woods, wetness, warmth, towns) decide what is likely where; a district of about 1,900 m then
draws what it mainly is, and the shape of its fields. A region is computed on its own extent only, so that everyone who
asks about a district hears the same. Which pixel belongs to which district is decided in `landscape`. The land is
artificial: no climate, no coastline and no town lies where one lies on Earth.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np

from swath.core.array import Array
from swath.world.lattice import BLOCK, Extent, bits, fractal, key, normal, uniform
from swath.world.network import RELIEF
from swath.world.spectra import code

__all__ = ["DISTRICT", "FIELD_LEVEL", "REGION", "SEA_LEVEL", "Districts", "Region", "districts_near", "region"]

#: Blocks a side of a region.
REGION: Final = 8
#: Level of a region's fields: nodes 80 m apart.
FIELD_LEVEL: Final = 3
#: Nodes of a region's fields beyond its edge.
RIM: Final = 6
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


@dataclass(frozen=True, slots=True, eq=False)
class Region:
    """Fields and districts of one region; see `fields` for their order."""

    #: Nodes of level `FIELD_LEVEL` that the fields cover, rim included.
    extent: Extent
    #: Float32 array, shape (h, w, 8): height, woods, pools, towns; warp in rows and columns; tone of waters twice.
    fields: Array
    #: The districts whose cells lie in the region.
    districts: Districts


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
    built = 1 / (1 + np.exp(-np.clip((towns - 0.72) / 0.05, -30.0, 30.0)))
    # Works stand at the rim of a town and in a belt of their own.
    works = np.exp(-(((towns - 0.78) / 0.2) ** 2)) * 0.75
    urban = np.stack([(1 - works) * built, works * built], axis=-1)
    return np.concatenate([countryside * (1 - built[..., None]), urban], axis=-1)


def _districts(seed: int, epsg: int, row: int, col: int, fields: Array, extent: Extent, climate: Array) -> Districts:
    cells = Extent(row * _SIDE, col * _SIDE, _SIDE, _SIDE)
    rows, cols = (a.ravel() for a in np.meshgrid(cells.rows, cells.cols, indexing="ij"))
    place = uniform(key(seed, "district", epsg), rows, cols)
    draw = uniform(key(seed, "district use", epsg), rows, cols)
    at_row = (rows + 0.12 + 0.76 * place[:, 0]) * DISTRICT
    at_col = (cols + 0.12 + 0.76 * place[:, 1]) * DISTRICT
    step = 2**FIELD_LEVEL
    node = (at_row // step).astype(int) - extent.row, (at_col // step).astype(int) - extent.col
    height, woods, _, towns = fields[node][:, :4].T
    wet, warm, *tones = climate[node].T
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
        share=(0.3 * draw[:, 1] ** 2).astype(np.float32),
        angle=(np.pi * place[:, 2]).astype(np.float32),
        style=uniform(key(seed, "district style", epsg), rows, cols),
        tone=(1.6 * np.tanh((0.9 * smooth + 0.4 * own[:, :3]) / 1.5)).astype(np.float32),
        hills=hills.astype(np.float32),
        stream=bits(key(seed, "district stream", epsg), rows, cols),
    )


@lru_cache(maxsize=64)
def region(seed: int, epsg: int, row: int, col: int) -> Region:
    """Compute one region.

    Parameters
    ----------
    seed, epsg : int
        Planet and zone.
    row, col : int
        Number of the region; it covers `REGION` blocks from `REGION` * row, col on.
    """
    nodes = REGION * BLOCK // 2**FIELD_LEVEL
    extent = Extent(row * nodes, col * nodes, nodes, nodes).grow(RIM)
    coarse, hurst = RELIEF
    land = fractal(key(seed, "land", epsg), extent, coarse=coarse, fine=FIELD_LEVEL, hurst=hurst)
    cover = fractal(key(seed, "cover", epsg), extent, coarse=9, fine=FIELD_LEVEL, hurst=0.5)
    warp = fractal(key(seed, "warp", epsg), extent, coarse=7, fine=FIELD_LEVEL, hurst=0.9)
    climate = fractal(key(seed, "climate", epsg), extent, coarse=11, fine=FIELD_LEVEL, least=9, hurst=0.3)
    fields = np.concatenate([land[..., :1], cover[..., :3], warp[..., :2], climate[..., 2:]], axis=-1)
    fields.flags.writeable = False
    return Region(extent, fields, _districts(seed, epsg, row, col, fields, extent, climate))


def districts_near(seed: int, epsg: int, extent: Extent, *, margin: int) -> Districts:
    """Districts whose cells come within `margin` pixels of an extent of pixels."""
    rows = np.arange((extent.row - margin) // DISTRICT, (extent.row + extent.height + margin - 1) // DISTRICT + 1)
    cols = np.arange((extent.col - margin) // DISTRICT, (extent.col + extent.width + margin - 1) // DISTRICT + 1)
    parts = []
    for r in sorted(set((rows // _SIDE).tolist())):
        for c in sorted(set((cols // _SIDE).tolist())):
            inside_r, inside_c = rows[rows // _SIDE == r] - r * _SIDE, cols[cols // _SIDE == c] - c * _SIDE
            index = (inside_r[:, None] * _SIDE + inside_c[None, :]).ravel()
            parts.append(region(seed, epsg, r, c).districts.take(index))
    return Districts(*(np.concatenate([getattr(part, name) for part in parts]) for name in Districts.__slots__))
