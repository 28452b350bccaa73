"""Imaging: what air, optics and instruments make of an image; arrays in, arrays with their exact truth out.

Series are (t, b, h, w) in physical units. What is drawn belongs to (seed, purpose, date, pixel), so that any extent of
a lattice, at any worker count, has the same bits. Each module is one effect and can be read alone.
"""

from __future__ import annotations

from swath.imaging.brightness import Brightened, Brightness, brighten
from swath.imaging.cloudlayer import CloudLayer, Layered, lay_clouds
from swath.imaging.clouds import CLOUDS, Clouded, Clouds, Cover, cloud, draw_clouds, overcast
from swath.imaging.distortion import Distorted, TangentialScale, distort, translate
from swath.imaging.haze import Hazed, haze
from swath.imaging.lattice import Extent, key
from swath.imaging.majority import Majority, majority
from swath.imaging.missing import Gaps, Missing, Striped, Stripes, Subsampled, drop, drop_bands, stripe, subsample
from swath.imaging.noise import Noisy, Peppered, SaltPepper, SensorNoise, salt_and_pepper, sensor_noise
from swath.imaging.pointspread import Aggregated, aggregate
from swath.imaging.shadows import Sun, darken
from swath.imaging.speckle import Speckle, Speckled, speckle
from swath.imaging.texture import Kernel, field

__all__ = [
    "CLOUDS",
    "Aggregated",
    "Brightened",
    "Brightness",
    "CloudLayer",
    "Clouded",
    "Clouds",
    "Cover",
    "Distorted",
    "Extent",
    "Gaps",
    "Hazed",
    "Kernel",
    "Layered",
    "Majority",
    "Missing",
    "Noisy",
    "Peppered",
    "SaltPepper",
    "SensorNoise",
    "Speckle",
    "Speckled",
    "Striped",
    "Stripes",
    "Subsampled",
    "Sun",
    "TangentialScale",
    "aggregate",
    "brighten",
    "cloud",
    "darken",
    "distort",
    "draw_clouds",
    "drop",
    "drop_bands",
    "field",
    "haze",
    "key",
    "lay_clouds",
    "majority",
    "overcast",
    "salt_and_pepper",
    "sensor_noise",
    "speckle",
    "stripe",
    "subsample",
    "translate",
]
