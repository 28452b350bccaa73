"""Lattice: one grid of pixels for each UTM zone, in blocks, and where on Earth its pixels lie.

Numbers and fields that belong to its nodes are those of `imaging.lattice`. Knows places and grids only.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from affine import Affine
from odc.geo.geobox import GeoBox
from pyproj import Transformer

from swath.core.geobox import wrap
from swath.imaging.lattice import Extent

__all__ = ["BLOCK", "GSD", "HALO", "geobox_of", "lonlat_of", "pixel_at", "pixel_of"]

#: Ground size of a lattice pixel [m].
GSD: Final = 10
#: Pixels a side of a block, the unit that is computed and kept; 12 pixels of 60 m, so all native grids meet its edges.
BLOCK: Final = 72
#: Pixels beyond a block's edge that are computed with it, for point spread and interpolation of 60 m pixels.
HALO: Final = 12


def _top(epsg: int) -> int:
    """Northing [m] of row 0: the origin of the 60 m lattice of the hemisphere."""
    return 10_000_000 if epsg > 32700 else 0


def pixel_of(left: float, top: float, epsg: int) -> tuple[int, int]:
    """Row and column of the pixel whose upper-left corner is nearest to a point.

    Parameters
    ----------
    left, top : float
        Easting and northing [m].
    epsg : int
        326zz or 327zz.

    Examples
    --------
    >>> pixel_of(500_040.0, 5_000_040.0, 32632), pixel_of(500_040.0, 9_999_940.0, 32732)
    ((-500004, 50004), (6, 50004))
    """
    return round((_top(epsg) - top) / GSD), round(left / GSD)


def geobox_of(extent: Extent, epsg: int) -> GeoBox:
    """Geobox of an extent of pixels."""
    corner = Affine(GSD, 0, extent.col * GSD, 0, -GSD, _top(epsg) - extent.row * GSD)
    return GeoBox((extent.height, extent.width), corner, f"EPSG:{epsg}")


@lru_cache(maxsize=128)
def _transformer(epsg: int) -> Transformer:
    return Transformer.from_crs(4326, epsg, always_xy=True)


def pixel_at(epsg: int, lon: float, lat: float) -> tuple[int, int]:
    """Row and column of the pixel corner nearest to a place [degrees], which may lie a little beyond the zone.

    Examples
    --------
    >>> pixel_at(32632, 9.0, 45.0)
    (-498295, 50000)
    """
    left, top = _transformer(epsg).transform(lon, lat)
    return pixel_of(left, top, epsg)


def lonlat_of(epsg: int, row: float, col: float) -> tuple[float, float]:
    """Longitude, in [-180, 180), and latitude of a point of the lattice [pixels].

    Examples
    --------
    >>> [round(x, 4) for x in lonlat_of(32632, -498295, 50000)]
    [9.0, 45.0]
    """
    lon, lat = _transformer(epsg).transform(col * GSD, _top(epsg) - row * GSD, direction="INVERSE")
    return wrap(float(lon)), float(lat)
