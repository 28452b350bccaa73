"""Cloud layer: the clouds of 003, for its sensors without wavelengths: one alpha and one grey for all bands.

alpha = clip((1.5 n)^sparsity * density, 0, 1) with n fractal noise stretched to 0 .. 1 within the scene, as imgaug's
CloudLayer has it with 003's settings (alpha_min 0, alpha_multiplier 1.5, alpha_freq_exponent -1.5, intensity_mean 250,
intensity_freq_exponent -1.2, intensity_coarse_scale 5). An amplitude that falls as frequency^-1.5 is a fractal of Hurst
exponent 0.5; noise is drawn by octaves on the lattice, not by a Fourier transform. Unlike 003's, alpha and grey are
kept, and a seed gives the same clouds. Knows no bands, no heights and no shadows: those are `clouds`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from swath.core.array import Array
from swath.core.errors import Refused
from swath.imaging.lattice import Extent, fractal, key, uniform
from swath.imaging.series import require_series

__all__ = ["CloudLayer", "Layered", "lay_clouds"]

_MULTIPLIER: Final = 1.5
_ALPHA_HURST: Final = 0.5
_MEAN: Final = 250 / 255
_FINE_HURST: Final = 0.2
_COARSE: Final = 5 / 255


@dataclass(frozen=True, slots=True)
class CloudLayer:
    """Clouds of 003's `corruption: {name: cloud_and_brightness}`.

    Its keys `sampling_scale, cloud_density, cloud_sparsity, cloud_probability` are the fields, and `seed` is that of
    `lay_clouds`; its `mul` and `add` are `brightness.Brightness`.

    Raises
    ------
    Refused
        A number is outside of what it can mean.
    """

    #: `sampling_scale`: pixels of the longer side at which the mask has detail; 128 in presets, 32 for 50 px templates.
    scale: int = 128
    #: `cloud_density`: factor on alpha, 1 in presets.
    density: float = 1.0
    #: `cloud_sparsity`: exponent of alpha, 2 in presets; higher = fewer, sharper.
    sparsity: float = 2.0
    #: `cloud_probability`: chance that a date has clouds.
    probability: float = 1.0

    def __post_init__(self) -> None:
        if self.scale < 2:
            raise Refused(where="sampling_scale", what=f"is 2 pixels or more, have {self.scale}")
        for name, given, low, high in (
            ("cloud_density", self.density, 0.0, 100.0),
            ("cloud_sparsity", self.sparsity, 0.01, 100.0),
            ("cloud_probability", self.probability, 0.0, 1.0),
        ):
            if not low <= given <= high:
                raise Refused(where=name, what=f"is a number from {low:g} to {high:g}, have {given:g}")


@dataclass(frozen=True, slots=True, eq=False)
class Layered:
    """A series under a layer, and the layer."""

    #: float32 (t, b, h, w): (1 - alpha) * clean + alpha * grey, the same in all bands.
    data: Array
    #: float32 (t, h, w).
    alpha: Array
    #: float32 (t, h, w).
    grey: Array
    #: What was asked for.
    options: CloudLayer


def _unit(field: Array) -> Array:
    """Stretch to 0 .. 1."""
    low, high = field.min(), field.max()
    return np.asarray((field - low) / (high - low)) if high > low else np.zeros_like(field)


def lay_clouds(
    image: Array, options: CloudLayer, *, extent: Extent, seed: int, dates: Sequence[int] | None = None
) -> Layered:
    """Put each date of a scene under a cloud layer of its own.

    Parameters
    ----------
    image : float array, shape (t, b, h, w)
        Numbers whose white is 1.
    options : CloudLayer
    extent : Extent
        Pixels of the scene; the layer is stretched within it, so other extents have other clouds.
    seed : int
        `corruption.seed`.
    dates : sequence of int, optional
        Numbers that name the dates; their positions if not given.

    Raises
    ------
    Mismatch
        The extent or the dates are not those of the array.

    Examples
    --------
    >>> found = lay_clouds(np.zeros((1, 3, 64, 64)), CloudLayer(probability=0), extent=Extent(0, 0, 64, 64), seed=7)
    >>> float(found.data.max()), float(found.alpha.max())
    (0.0, 0.0)
    """
    days = require_series(image, extent, dates, where="cloud layer")
    longest = max(extent.height, extent.width)
    coarse = max(1, math.ceil(math.log2(longest)))
    least = max(0, math.ceil(math.log2(longest / options.scale)))
    alpha = np.zeros((len(days), extent.height, extent.width), np.float32)
    grey = np.full_like(alpha, _MEAN)
    for i, day in enumerate(days):
        stream = key(seed, "cloud layer", day)
        if float(uniform(stream, np.array([-1]), np.array([-1]))[0, 0]) >= options.probability:
            continue
        mask = fractal(stream, extent, coarse=coarse, fine=0, hurst=_ALPHA_HURST, least=min(least, coarse))[..., 0]
        raw = (np.float32(_MULTIPLIER) * _unit(mask)) ** np.float32(options.sparsity) * np.float32(options.density)
        alpha[i] = np.clip(raw, 0, 1)
        fine = fractal(key(seed, "cloud grey", day), extent, coarse=coarse, fine=0, hurst=_FINE_HURST)
        broad = fractal(
            key(seed, "cloud broad", day), extent, coarse=coarse, fine=0, hurst=1.0, least=max(0, coarse - 3)
        )
        detail = np.float32(_MEAN / 5) * (2 * _unit(fine[..., 0]) - 1)
        grey[i] = np.clip(np.float32(_MEAN) + detail + np.float32(_COARSE) * broad[..., 0], 0, 1)
    layer = alpha[:, None]
    return Layered((1 - layer) * np.asarray(image, np.float32) + layer * grey[:, None], alpha, grey, options)
