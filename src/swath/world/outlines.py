"""Outlines: what covers a scene of the planet, as polygons: one a parcel, and one a patch of woods, water or road.

Outlines run along the edges of pixels, so that burning them again gives the exact classes back. Knows no files.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import rasterio.features
import shapely
from rasterio.transform import IDENTITY

from swath.core.array import Array
from swath.world.scene import TruthScene, read_labels, read_parcels

__all__ = ["Outlines", "outlines"]


@dataclass(frozen=True, slots=True, eq=False)
class Outlines:
    """Polygons of one class each, n of them, from the upper left to the lower right; together they cover the scene."""

    #: Polygons of shapely in the scene's CRS, shape (n,).
    shapes: Array
    #: Uint8, shape (n,): codes of the EuroSAT legend.
    codes: Array
    #: Bool, shape (n,): a parcel, or part of one that a wood or a road has cut up.
    is_parcel: Array


def outlines(scene: TruthScene) -> Outlines:
    """Draw the outlines of a scene.

    Parameters
    ----------
    scene : TruthScene
        Held in memory whole, nine bytes a pixel.
    """
    labels = read_labels(scene.seed, scene.epsg, scene.extent)
    parcels = read_parcels(scene.seed, scene.epsg, scene.extent)
    pairs = np.stack([labels.astype(np.uint64).ravel(), parcels.ravel()], axis=1)
    kinds, index = np.unique(pairs, axis=0, return_inverse=True)
    drawn = [
        (shapely.geometry.shape(outline), int(kind))
        for outline, kind in rasterio.features.shapes(
            index.reshape(labels.shape).astype(np.int32), transform=IDENTITY, connectivity=4
        )
    ]
    corners = np.array([(shape.bounds[1], shape.bounds[0]) for shape, _ in drawn])
    order = np.lexsort((corners[:, 1], corners[:, 0]))
    t = scene.geobox.transform
    pixels = np.array([drawn[k][0] for k in order], object)
    shapes = shapely.transform(pixels, lambda at: np.column_stack([t.a * at[:, 0] + t.c, t.e * at[:, 1] + t.f]))
    of = np.array([drawn[k][1] for k in order])
    return Outlines(shapes, kinds[of, 0].astype(np.uint8), kinds[of, 1] > 0)
