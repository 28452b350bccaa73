"""SAFE points: where the pixels of a radar image lie, by the grid of points in its annotation.

Lines and pixels have no transform; longitude, latitude and angle of incidence are interpolated linearly between some
two hundred points. Heights belong to the points only: between them terrain shifts what is seen by its height over the
tangent of the incidence, and the spread of heights around a window says how far. No fit is made, no transform invented.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from xml.etree.ElementTree import Element

import numpy as np
import shapely

from swath.core.array import Array
from swath.core.errors import Unreadable
from swath.core.geobox import outline, wrap
from swath.core.scene import Window
from swath.formats.markup import numbers, text

__all__ = ["PointGrid", "read_points"]

_MOST_POINTS: Final = 100_000
_NAMES: Final = ("line", "pixel", "longitude", "latitude", "height", "incidenceAngle")
#: Four points a side of a window, as shares of its height and width.
_ALONG: Final = np.arange(4) / 4
_DOWN: Final = np.concatenate([np.zeros(4), _ALONG, np.ones(4), 1 - _ALONG])
_ACROSS: Final = np.concatenate([_ALONG, np.ones(4), 1 - _ALONG, np.zeros(4)])


@dataclass(frozen=True, slots=True, eq=False)
class PointGrid:
    """Points on a regular grid of lines and pixels; every array but the first two has shape (lines, pixels)."""

    #: Lines and pixels of the grid, rising, shape (n,) and (m,).
    lines: Array
    pixels: Array
    #: Degrees; longitudes run on across the antimeridian.
    longitude: Array
    latitude: Array
    #: Metres above the ellipsoid.
    height: Array
    #: Degrees, at the height of the point.
    incidence: Array

    def place(self, line: float, pixel: float) -> tuple[float, float]:
        """Longitude in [-180, 180) and latitude of one place in the image."""
        lon, lat = self._at((self.longitude, self.latitude), line, pixel)
        return wrap(float(lon)), float(lat)

    def _at(self, values: Sequence[Array], lines: Array | float, pixels: Array | float) -> list[Array]:
        """Bilinear values of each array at pairs of lines and pixels, shape (k,) or (); continued beyond the edge."""
        row, down = _cell(self.lines, lines)
        col, across = _cell(self.pixels, pixels)
        made = []
        for each in values:
            upper = each[row, col] * (1 - across) + each[row, col + 1] * across
            lower = each[row + 1, col] * (1 - across) + each[row + 1, col + 1] * across
            made.append(np.asarray(upper * (1 - down) + lower * down))
        return made

    def footprint(self, window: Window, *, where: str) -> shapely.Polygon | shapely.MultiPolygon:
        """Outline of a window in EPSG:4326, four points a side."""
        rows, cols = window.row + window.height * _DOWN, window.col + window.width * _ACROSS
        lon, lat = self._at((self.longitude, self.latitude), rows, cols)
        return outline(lon, lat, where=where)

    def displacement(self, window: Window) -> float:
        """How far [m] terrain may shift what a window shows: spread of heights around it / tangent of the incidence."""
        rows, cols = _around(self.lines, window.row, window.height), _around(self.pixels, window.col, window.width)
        heights, angles = self.height[rows, cols], self.incidence[rows, cols]
        return float(np.ptp(heights) / np.tan(np.deg2rad(angles.min())))

    def mean_incidence(self, window: Window) -> float:
        """Angle of incidence [degrees] at the middle of a window."""
        return float(self._at((self.incidence,), window.row + window.height / 2, window.col + window.width / 2)[0])


def _cell(grid: Array, at: Array | float) -> tuple[Array, Array]:
    """Cell of each place, and how far it lies in it."""
    cell = np.minimum(np.maximum(grid.searchsorted(at, side="right") - 1, 0), grid.size - 2)
    return cell, (at - grid[cell]) / (grid[cell + 1] - grid[cell])


def _around(grid: Array, start: int, length: int) -> slice:
    """Points of all cells that a window touches."""
    first, last = (int(_cell(grid, float(at))[0]) for at in (start, start + length - 1))
    return slice(first, last + 2)


def read_points(root: Element, *, where: str) -> PointGrid:
    """Read the geolocation grid of one annotation.

    Raises
    ------
    Unreadable
        There are too few points, they stand on no grid, or a number is missing.
    """
    points = root.findall("geolocationGrid/geolocationGridPointList/geolocationGridPoint")
    fix = "Fetch the product again."
    if not 4 <= len(points) <= _MOST_POINTS:
        raise Unreadable(
            where=where, what="points of the geolocation grid", want="4 or more", have=str(len(points)), fix=fix
        )
    held = {
        name: np.array([numbers(text(point, name, where=where), name, where=where, count=1)[0] for point in points])
        for name in _NAMES
    }
    lines, pixels = np.unique(held["line"]), np.unique(held["pixel"])
    at = np.lexsort((held["pixel"], held["line"]))
    is_grid = lines.size * pixels.size == len(points) and lines.size >= 2 and pixels.size >= 2
    if not is_grid or (held["pixel"][at].reshape(lines.size, -1) != pixels).any():
        have = f"{len(points)} points on {lines.size} lines and {pixels.size} pixels"
        raise Unreadable(
            where=where, what="geolocation grid", want="a point at every line and pixel", have=have, fix=fix
        )
    shaped = {name: values[at].reshape(lines.size, pixels.size) for name, values in held.items()}
    if (abs(shaped["latitude"]) > 90).any() or (
        (shaped["incidenceAngle"] <= 0) | (shaped["incidenceAngle"] >= 90)
    ).any():
        raise Unreadable(where=where, what="holds a point that lies nowhere on Earth, or is not seen", fix=fix)
    lon = np.unwrap(np.unwrap(shaped["longitude"], period=360, axis=0), period=360, axis=1)
    return PointGrid(lines, pixels, lon, shaped["latitude"], shaped["height"], shaped["incidenceAngle"])
