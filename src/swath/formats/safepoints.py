"""SAFE points: where the pixels of a radar image lie, by the grid of points in its annotation.

Lines and pixels have no transform; longitude, latitude and angle of incidence are interpolated linearly between some
two hundred points. Heights belong to the points only: between them terrain shifts what is seen by its height over the
tangent of the incidence, and the spread of heights around a window says how far. No fit is made, no transform invented.
"""

from __future__ import annotations

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
        lon, lat = (
            float(self._at(each, np.array([line]), np.array([pixel]))[0]) for each in (self.longitude, self.latitude)
        )
        return wrap(lon), lat

    def _at(self, values: Array, lines: Array, pixels: Array) -> Array:
        """Bilinear values at pairs of lines and pixels, shape (k,); continued linearly beyond the edge."""
        row, down = _cell(self.lines, lines)
        col, across = _cell(self.pixels, pixels)
        upper = values[row, col] * (1 - across) + values[row, col + 1] * across
        lower = values[row + 1, col] * (1 - across) + values[row + 1, col + 1] * across
        return np.asarray(upper * (1 - down) + lower * down)

    def footprint(self, window: Window, *, where: str) -> shapely.Polygon | shapely.MultiPolygon:
        """Outline of a window in EPSG:4326, four points a side."""
        along = np.arange(4) / 4
        full, none = np.ones(4), np.zeros(4)
        cols = window.col + window.width * np.concatenate([along, full, 1 - along, none])
        rows = window.row + window.height * np.concatenate([none, along, full, 1 - along])
        return outline(self._at(self.longitude, rows, cols), self._at(self.latitude, rows, cols), where=where)

    def displacement(self, window: Window) -> float:
        """How far [m] terrain may shift what a window shows: spread of heights around it / tangent of the incidence."""
        rows, cols = _around(self.lines, window.row, window.height), _around(self.pixels, window.col, window.width)
        heights, angles = self.height[rows, cols], self.incidence[rows, cols]
        return float(np.ptp(heights) / np.tan(np.deg2rad(angles.min())))

    def mean_incidence(self, window: Window) -> float:
        """Angle of incidence [degrees] at the middle of a window."""
        middle = np.array([window.row + window.height / 2]), np.array([window.col + window.width / 2])
        return float(self._at(self.incidence, *middle)[0])


def _cell(grid: Array, at: Array) -> tuple[Array, Array]:
    """Cell of each place, and how far it lies in it."""
    cell = np.clip(np.searchsorted(grid, at, side="right") - 1, 0, grid.size - 2)
    return cell, (at - grid[cell]) / (grid[cell + 1] - grid[cell])


def _around(grid: Array, start: int, length: int) -> slice:
    """Points of all cells that a window touches."""
    first, last = (int(_cell(grid, np.array([float(at)]))[0][0]) for at in (start, start + length - 1))
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
