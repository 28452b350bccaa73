"""A place: a small scene on disk and labels drawn on it in pixels, which are written in whatever CRS and format."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import shapely
from affine import Affine
from odc.geo.geobox import GeoBox

from swath.testing.build import a_geotiff

#: Grid of the scene: 10 m pixels near Bolzano.
TRANSFORM = Affine(10, 0, 680_040, 0, -10, 5_152_200)
SIZE = (96, 128)
BOX = GeoBox(SIZE, TRANSFORM, "EPSG:32632")
DECLARED = {"bands": "B04,B03,B02", "kind": "dn", "level": "L2A", "offset": 0}

Drawn = tuple[Any, Any]


def a_scene(path: Path, *, size: tuple[int, int] = SIZE, bands: int = 3, **more: Any) -> Path:
    """Digital numbers of ground without an offset, another one in every pixel."""
    numbers = 100 + np.random.default_rng(0).integers(0, 3000, (bands, *size))
    return a_geotiff(path, numbers, **more)


def on_ground(shape: Any) -> Any:
    """A shape drawn in pixels of the scene, in metres of its CRS."""
    return shapely.transform(shape, lambda at: np.column_stack([680_040 + 10 * at[:, 0], 5_152_200 - 10 * at[:, 1]]))


def some_labels(path: Path, drawn: Sequence[Drawn], *, crs: int = 32632, column: str = "crop") -> Path:
    """Write labels that are drawn in pixels (x to the right, y down)."""
    frame = gpd.GeoDataFrame(
        {column: [value for _, value in drawn]}, geometry=[on_ground(each) for each, _ in drawn], crs=32632
    )
    frame = frame.to_crs(crs)
    if path.suffix == ".parquet":
        frame.to_parquet(path)
    else:
        frame.to_file(path)
    return path


def some_polygons(rng: np.random.Generator, n: int) -> list[Drawn]:
    """Turned rectangles of five classes, here and there, across the edges of the scene too."""
    drawn = []
    for _ in range(n):
        x, y = rng.uniform(-10, 138), rng.uniform(-10, 106)
        wide, tall, angle = rng.uniform(3, 40), rng.uniform(3, 40), rng.uniform(0, 180)
        turned = shapely.affinity.rotate(shapely.box(x, y, x + wide, y + tall), angle)
        drawn.append((turned, f"class {rng.integers(5)}"))
    return drawn


def quarters() -> list[Drawn]:
    """Four fields of three classes, 48 x 64 pixels each, that cover the scene."""
    names = ("wheat", "maize", "maize", "vines")
    corners = [(0, 0), (64, 0), (0, 48), (64, 48)]
    return [(shapely.box(x, y, x + 64, y + 48), name) for (x, y), name in zip(corners, names, strict=True)]
