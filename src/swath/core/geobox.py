"""Geobox helpers: UTM zones, snapped sample grids, footprints and ground sizes, on top of `odc.geo.GeoBox`.

Pixels are areas; a transform addresses the upper-left corner of the upper-left pixel. Sample grids are snapped to the
60 m lattice on which all Sentinel-2 bands meet: multiples of 60 m from (0, 0) in the north and from (0, 10,000,000) in
the south. Longitudes are never averaged, footprints that cross the antimeridian are split. Knows nothing of files.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Final

import numpy as np
import shapely
from affine import Affine
from odc.geo.geobox import GeoBox
from pyproj import Geod, Transformer

from swath.core.array import Array
from swath.core.errors import Refused

__all__ = [
    "LATTICE",
    "area",
    "centre",
    "footprint",
    "ground_gsd",
    "lonlats",
    "outline",
    "sample_geobox",
    "snap",
    "utm_epsg",
    "window_geobox",
    "wrap",
]

#: Metres: 10, 20 and 60 m pixels of Sentinel-2 share their edges on multiples of this.
LATTICE: Final = 60
_SOUTH: Final = 10_000_000
_GEOD: Final = Geod(ellps="WGS84")


@lru_cache(maxsize=256)
def _transformer(source: str, target: str) -> Transformer:
    """Longitude or easting first. Kept, for making one costs a hundred times its use; safe to share among threads."""
    return Transformer.from_crs(source, target, always_xy=True)


def wrap(lon: float) -> float:
    """Bring a longitude into [-180, 180).

    Examples
    --------
    >>> wrap(180.0), wrap(-190.0), wrap(5.0)
    (-180.0, 170.0, 5.0)
    """
    return (lon + 180.0) % 360.0 - 180.0


def utm_epsg(lon: float, lat: float) -> int:
    """Find the EPSG code of the UTM zone of a point, with the rules for Norway and Svalbard.

    Raises
    ------
    Refused
        The point lies beyond 84 N or 80 S, where UTM ends.

    Examples
    --------
    >>> utm_epsg(5.3, 60.4), utm_epsg(180, 10), utm_epsg(-0.0001, -0.0001)
    (32632, 32601, 32730)
    """
    where = f"lon {lon}, lat {lat}"
    if not (math.isfinite(lon) and math.isfinite(lat)) or abs(lat) > 90:
        raise Refused(where=where, what="is no place on Earth", fix="Give degrees, longitude first.")
    if not -80 <= lat < 84:
        raise Refused(where=where, what="lies outside UTM (80 S to 84 N)", fix="Leave this place out.")
    lon = wrap(lon)
    zone = int((lon + 180) // 6) + 1
    if 56 <= lat < 64 and 3 <= lon < 12:
        zone = 32
    elif 72 <= lat < 84 and 0 <= lon < 42:
        zone = 31 if lon < 9 else 33 if lon < 21 else 35 if lon < 33 else 37
    return (32600 if lat >= 0 else 32700) + zone


def _is_south(epsg: int) -> bool:
    return 32701 <= epsg <= 32760


def snap(x: float, y: float, epsg: int, *, step: int = LATTICE) -> tuple[float, float]:
    """Move a corner [m] to the nearest point of the lattice of its hemisphere.

    Examples
    --------
    >>> snap(500011.0, 31.0, 32632), snap(500011.0, 9_999_969.0, 32732)
    ((500040.0, 60.0), (500040.0, 9999940.0))
    """
    origin = _SOUTH if _is_south(epsg) else 0
    return (math.floor(x / step + 0.5) * step * 1.0, origin + math.floor((y - origin) / step + 0.5) * step * 1.0)


def sample_geobox(lon: float, lat: float, *, size: int, gsd: float = 10.0, epsg: int | None = None) -> GeoBox:
    """Lay the pixel grid of a sample around a point: square, UTM, its corner on the 60 m lattice.

    Parameters
    ----------
    lon, lat : float
        Centre [degrees]; the grid's own centre lies within 30 m of it on either axis.
    size : int
        Pixels a side.
    gsd : float
        Metres a pixel.
    epsg : int, optional
        Another zone than the point's own, for tiles that reach beyond it.

    Examples
    --------
    >>> box = sample_geobox(11.35, 46.5, size=256)
    >>> box.crs.epsg, box.shape.yx, box.transform.a, box.transform.c % 60, box.transform.f % 60
    (32632, (256, 256), 10.0, 0.0, 0.0)
    """
    code = epsg or utm_epsg(lon, lat)
    x, y = _transformer("EPSG:4326", f"EPSG:{code}").transform(wrap(lon), lat)
    half = size * gsd / 2
    left, top = snap(x - half, y + half, code)
    return GeoBox((size, size), Affine(gsd, 0, left, 0, -gsd, top), f"EPSG:{code}")


def window_geobox(geobox: GeoBox, row: int, col: int, height: int, width: int) -> GeoBox:
    """Take the geobox of a window; rows and columns may lie beyond the edge."""
    t = geobox.transform
    left, top = t.a * col + t.b * row + t.c, t.d * col + t.e * row + t.f
    return GeoBox((height, width), Affine(t.a, t.b, left, t.d, t.e, top), geobox.crs)


def _to_lonlat(geobox: GeoBox, cols: Array, rows: Array) -> tuple[Array, Array]:
    crs = geobox.crs
    if crs is None:
        raise Refused(what="the geobox has no CRS, so its place is unknown", fix="Give the CRS of the raster.")
    t = geobox.transform
    x, y = t.a * cols + t.b * rows + t.c, t.d * cols + t.e * rows + t.f
    lon, lat = _transformer(str(crs), "EPSG:4326").transform(x, y)
    return np.asarray(lon), np.asarray(lat)


def lonlats(geobox: GeoBox, rows: Array, cols: Array) -> tuple[Array, Array]:
    """Longitudes, in [-180, 180), and latitudes of many points of a grid at once.

    Parameters
    ----------
    rows, cols : arrays, shape (n,)
        Pixels from the upper-left corner, fractions allowed.
    """
    lon, lat = _to_lonlat(geobox, np.asarray(cols, float), np.asarray(rows, float))
    with np.errstate(invalid="ignore"):
        return (lon + 180.0) % 360.0 - 180.0, lat


def centre(geobox: GeoBox) -> tuple[float, float]:
    """Longitude and latitude of the centre, in [-180, 180) and degrees."""
    height, width = geobox.shape.yx
    lon, lat = _to_lonlat(geobox, np.asarray([width / 2]), np.asarray([height / 2]))
    return wrap(float(lon[0])), float(lat[0])


@lru_cache(maxsize=256)
def _edge(height: int, width: int, points: int) -> tuple[Array, Array]:
    """Columns and rows of points along the edge of a grid, from the upper-left corner on; not to be written to."""
    along = np.arange(points) / points
    cols = np.concatenate([along * width, np.full(points, width), (1 - along) * width, np.zeros(points)])
    rows = np.concatenate([np.zeros(points), along * height, np.full(points, height), (1 - along) * height])
    cols.flags.writeable = rows.flags.writeable = False
    return cols, rows


def footprint(geobox: GeoBox, *, points: int = 4) -> shapely.Polygon | shapely.MultiPolygon:
    """Outline of the pixel grid in EPSG:4326, split in two where it crosses the antimeridian.

    Parameters
    ----------
    points : int
        Points along each side, so that curved edges stay within a fraction of a pixel for sample-sized grids.

    Raises
    ------
    Refused
        The grid lies round a pole.
    """
    height, width = geobox.shape.yx
    lon, lat = _to_lonlat(geobox, *_edge(height, width, points))
    return outline(lon, lat, where=f"grid of {height} x {width} pixels in {geobox.crs}")


def outline(lon: Array, lat: Array, *, where: str) -> shapely.Polygon | shapely.MultiPolygon:
    """Polygon in EPSG:4326 through points along an edge, split in two where it crosses the antimeridian.

    Parameters
    ----------
    lon, lat : arrays, shape (n,)
        Degrees, in order; the last point is joined to the first.
    where : str
        What it is the outline of, for the error.

    Raises
    ------
    Refused
        It runs round a pole.

    Examples
    --------
    >>> outline(np.array([179.0, -179.0, -179.0, 179.0]), np.array([0.0, 0.0, 1.0, 1.0]), where="a square").geom_type
    'MultiPolygon'
    """
    west, east = float(lon.min()), float(lon.max())
    if west >= -180 and east < 180 and east - west <= 180 and np.isfinite(lat).all():
        # No step is longer than half the globe, so nothing crosses the antimeridian or runs round a pole.
        return shapely.normalize(shapely.polygons(np.column_stack([lon, lat])))
    steps = np.diff(np.append(lon, lon[0]))
    steps -= 360.0 * np.round(steps / 360.0) * (np.abs(steps) > 180.0)
    if not np.isfinite(lat).all() or abs(steps.sum()) > 180.0:
        raise Refused(where=where, what="lies round a pole, so it has no outline in degrees", fix="Cut it smaller.")
    near = wrap(float(lon[0])) + np.append(0.0, np.cumsum(steps[:-1]))
    whole = shapely.Polygon(np.column_stack([near, lat])).normalize()
    if near.min() >= -180 and near.max() <= 180:
        return whole
    parts = []
    for shift in (-360.0, 0.0, 360.0):
        piece = shapely.transform(whole, lambda xy, s=shift: xy + [s, 0.0]).intersection(
            shapely.box(-180.0, -90.0, 180.0, 90.0)
        )
        parts += [each for each in shapely.get_parts(piece) if each.geom_type == "Polygon" and each.area > 0]
    return shapely.MultiPolygon(parts).normalize()


def ground_gsd(geobox: GeoBox) -> tuple[float, float]:
    """Metres on the ground a pixel, (x, y), measured by geodesic at the centre.

    Projected grids whose metres are ground metres to 2 % keep their nominal size (UTM, LAEA); Web Mercator and degrees
    do not.

    Examples
    --------
    >>> ground_gsd(sample_geobox(11.35, 46.5, size=64))
    (10.0, 10.0)
    """
    height, width = geobox.shape.yx
    col, row = width / 2, height / 2
    lon, lat = _to_lonlat(geobox, np.asarray([col, col + 1, col]), np.asarray([row, row, row + 1]))
    east = float(_GEOD.inv(lon[0], lat[0], lon[1], lat[1])[2])
    south = float(_GEOD.inv(lon[0], lat[0], lon[2], lat[2])[2])
    t = geobox.transform
    nominal = (math.hypot(t.a, t.d), math.hypot(t.b, t.e))
    close = abs(east / nominal[0] - 1) <= 0.02 and abs(south / nominal[1] - 1) <= 0.02
    return nominal if close else (east, south)


def area(geobox: GeoBox) -> float:
    """Geodesic area of the grid [m2]."""
    whole = footprint(geobox)
    parts = whole.geoms if isinstance(whole, shapely.MultiPolygon) else [whole]
    return sum(abs(float(_GEOD.geometry_area_perimeter(part)[0])) for part in parts)
