"""Bolzano: the one real scene with classes of its own: where it lies, what is declared of it, and pictures of it.

Sentinel-2 L2A of 2022-06-12, 705 x 935 pixels of 10 m; from Open-EO/openeo-localprocessing-data, contains modified
Copernicus Sentinel data 2022. Its fifth band is the processor's scene classification (SCL).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import numpy as np
import rasterio
from rasterio.windows import Window as RasterWindow

from swath.core.array import Array
from swath.core.scene import Window

__all__ = ["ATTRIBUTION", "DECLARED", "FILE", "SMALL", "piece_of", "true_colour"]

FILE: Final = "scenes/bolzano_s2_l2a_2022.tif"
DECLARED: Final[dict[str, Any]] = {
    "bands": "B04,B03,B02,B08,SCL",
    "kind": "dn",
    "level": "L2A",
    "offset": 0,
    "nodata": 0,
    "date": "2022-06-12",
}
ATTRIBUTION: Final = "Contains modified Copernicus Sentinel data 2022; scene from Open-EO/openeo-localprocessing-data."
#: 96 x 96 pixels where town, river, works and a wooded slope meet.
SMALL: Final = Window(330, 500, 96, 96)
#: Reflectance that is shown as white.
_WHITE: Final = 2000


def piece_of(scene: Path, window: Window, target: Path) -> Path:
    """A piece of the file as a file of its own."""
    at = RasterWindow(window.col, window.row, window.width, window.height)
    with rasterio.open(scene) as file:
        profile = file.profile | {
            "width": window.width,
            "height": window.height,
            "transform": file.window_transform(at),
        }
        with rasterio.open(target, "w", **profile) as made:
            made.write(file.read(window=at))
    return target


def true_colour(digital: Array) -> Array:
    """Red, green and blue digital numbers (3, h, w) as a picture for the eye: uint8 (h, w, 3)."""
    return np.asarray((255 * np.clip(digital / _WHITE, 0, 1) ** 0.8).astype(np.uint8).transpose(1, 2, 0))
