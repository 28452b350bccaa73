"""Clouds: fields of cloud of three kinds, from a thin veil to thick, per band, with alpha, masks and shadow kept.

The logarithm of a cloud's optical thickness is a fractal field, so that edges are ragged and tops have texture at every
scale; below a twentieth of what counts as cloud the sky is clear to the bit. In each band `image = (1 - a) ground + a
cloud` with a = 1 - exp(-thickness): the ground lies in the shade of the same clouds, thrown from outside of the image
too. A field belongs to (stream, pixel): any extent agrees with any other where they overlap, if coverage is that of the
lattice; or coverage is exactly had within one extent. Low clouds are near grey, dark in B09 and absent in B10; cirrus
shows in B10. The view is vertical (no parallax, no fringes); heights are one a layer. Two layers: call it twice.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

import numpy as np
from scipy.special import ndtri

from swath.core.array import Array
from swath.core.errors import Refused, Unknown
from swath.imaging.lattice import Extent, fractal, key, uniform
from swath.imaging.optics import CIRRUS, LOW_CLOUD, scaling, spectrum_of
from swath.imaging.series import require_series
from swath.imaging.shadows import Sun, darken, displacement, shifted, split

__all__ = [
    "CLOUDS",
    "SHADED",
    "THICK",
    "THIN",
    "Clouded",
    "Clouds",
    "Cover",
    "cloud",
    "draw_clouds",
    "overcast",
]

#: Alpha at 550 nm above which a pixel is under thin, and under thick cloud; share of direct light lost that is shadow.
THIN: Final = 0.1
THICK: Final = 0.5
SHADED: Final = 0.3
_SPECTRA: Final = {"low": LOW_CLOUD, "cirrus": CIRRUS}
#: Share of the thickness at the edge below which the sky is clear.
_CLEAR: Final = 0.05
#: Pixels to either side over which a top's slope is taken.
_SIDE: Final = 3


@dataclass(frozen=True, slots=True)
class Clouds:
    """A kind of cloud, and how much of it; start from one of `CLOUDS` and `replace` what should differ.

    Raises
    ------
    Refused
        A number is outside of what it can mean; key, value and range are named.
    Unknown
        The spectrum is none of low, cirrus.
    """

    #: Share of the ground with alpha above `THIN` [1].
    coverage: float
    #: Greatest effective optical thickness at 550 nm [1]: 0.3 = a veil of alpha 0.26, 6 = nothing of the ground left.
    thickness: float
    #: Ground size of the largest systems [m].
    size: float
    #: Standard deviation of the logarithm of thickness: 1 = soft as cirrus, 4 = as sharp as cumulus.
    contrast: float
    #: Roughness: amplitude grows by 2^hurst from one scale to the next larger.
    hurst: float
    #: Height above ground [m]; says where shadows fall.
    height: float
    #: Thickness goes with wavelength to this power; 0 = grey.
    exponent: float
    #: `low` (water) or `cirrus` (ice).
    spectrum: Literal["low", "cirrus"]
    #: How much darker the thinnest tops are than the thickest, and sides turned from the sun than those towards it [1].
    relief: float
    #: Chance that a date has such clouds at all [1]; 003's `cloud_probability`.
    chance: float = 1.0

    def __post_init__(self) -> None:
        if self.spectrum not in _SPECTRA:
            raise Unknown(self.spectrum, _SPECTRA, what="cloud spectrum", where="clouds")
        least = -math.log(1 - THIN)
        ranges: dict[str, tuple[float, float]] = {
            "coverage": (0, 1),
            "thickness": (round(least * 1.05, 3), 100),
            "size": (20, 1_000_000),
            "contrast": (0.1, 10),
            "hurst": (0, 1),
            "height": (0, 20_000),
            "exponent": (-4, 4),
            "relief": (0, 0.5),
            "chance": (0, 1),
        }
        for name, (low, high) in ranges.items():
            given = getattr(self, name)
            if not low <= given <= high:
                raise Refused(where=f"clouds {name}", what=f"is a number from {low:g} to {high:g}, have {given:g}")


#: Kinds: heights and thickness as commonly observed, sizes and contrasts chosen by eye beside real scenes.
CLOUDS: Final[dict[str, Clouds]] = {
    "cumulus": Clouds(0.3, 6.0, 2_560, 4.0, 0.8, 1_500, 0.0, "low", 0.25),
    "stratus": Clouds(0.8, 8.0, 40_960, 2.5, 0.8, 700, 0.0, "low", 0.15),
    "cirrus": Clouds(0.5, 0.3, 20_480, 1.2, 0.8, 9_000, 0.0, "cirrus", 0.1),
}


@dataclass(frozen=True, slots=True, eq=False)
class Cover:
    """The clouds of one date over one extent: the whole truth of what was done to the ground."""

    #: float32 (h, w): effective optical thickness at 550 nm, 0 = clear.
    thickness: Array
    #: float32 (h, w): brightness of the cloud's top beside the brightest [1].
    top: Array
    #: float32 (h, w): share of direct light that clouds keep from the ground [1].
    shade: Array
    #: Canonical names.
    bands: tuple[str, ...]
    #: What was asked for.
    options: Clouds
    #: None = no shadows.
    sun: Sun | None

    @property
    def alpha(self) -> Array:
        """Share of each band's signal that is cloud: float32 (b, h, w)."""
        law = scaling(self.bands, self.options.exponent, where="clouds").astype(np.float32)
        return np.asarray(-np.expm1(-law[:, None, None] * self.thickness))

    @property
    def cloud(self) -> Array:
        """Reflectance of the cloud in each band: float32 (b, h, w)."""
        table = spectrum_of(self.bands, _SPECTRA[self.options.spectrum]).astype(np.float32)
        return np.asarray(table[:, None, None] * self.top)

    @property
    def alpha_550(self) -> Array:
        """Alpha at 550 nm, which the masks go by: float32 (h, w)."""
        return np.asarray(-np.expm1(-self.thickness))

    @property
    def thin(self) -> Array:
        """Under any cloud: bool (h, w)."""
        return np.asarray(self.alpha_550 > THIN)

    @property
    def thick(self) -> Array:
        """Under thick cloud: bool (h, w)."""
        return np.asarray(self.alpha_550 > THICK)

    @property
    def shadow(self) -> Array:
        """In shadow, and seen: bool (h, w), without what cloud hides."""
        return np.asarray((self.shade > SHADED) & ~self.thin)


def _field(options: Clouds, extent: Extent, stream: int, gsd: float) -> Array:
    coarse = max(1, round(math.log2(max(options.size / gsd, 2))))
    return fractal(stream, extent, coarse=coarse, fine=0, hurst=options.hurst, least=min(1, coarse))


def _levelled(options: Clouds, field: Array, coverage_of: str) -> tuple[float, float, float]:
    """Mean and spread to take out of the field, and the value above which there is cloud: of the extent or the lattice.

    An extent smaller than the clouds holds a part of their spread only; there it is stretched to the whole, so that a
    kind is as thick and as sharp in a patch as in a scene.
    """
    if coverage_of == "lattice":
        whole = {0.0: math.inf, 1.0: -8.0}
        at = whole[options.coverage] if options.coverage in whole else -ndtri(options.coverage)
        return 0.0, 1.0, float(at)
    mean, spread = float(field.mean(dtype=np.float64)), float(field.std(dtype=np.float64)) or 1.0
    count = round(options.coverage * field.size)
    if count == 0:
        return mean, spread, math.inf
    ranked = np.sort(field, axis=None).astype(np.float64)
    at = (ranked[-count] + ranked[-count - 1]) / 2 if count < ranked.size else ranked[0] - 1e-3 * spread
    return mean, spread, float((at - mean) / spread)


def _thickness(options: Clouds, field: Array, levelled: tuple[float, float, float]) -> Array:
    """Thickness of a field: that of alpha `THIN` at the threshold, 0 a little below, never above the greatest."""
    mean, spread, threshold = levelled
    if threshold == math.inf:
        return np.zeros_like(field)
    most = options.thickness
    thin = -math.log(1 - THIN)
    edge = thin / (
        1 - thin / most
    )  # before the bound below, which is soft: a veil keeps its texture up to the thickest
    above = (field - np.float32(mean + spread * threshold)) * np.float32(options.contrast / spread)
    grown = np.exp(np.minimum(above, np.float32(20)))
    raw = np.maximum(grown - np.float32(_CLEAR), 0) * np.float32(edge / (1 - _CLEAR))
    return np.asarray(raw * (np.float32(most) / (raw + np.float32(most))))


def _top(options: Clouds, thickness: Array, rim: Array, sun: Sun | None) -> Array:
    """Brightness of tops: thin ones are darker, and sides turned from the sun; `rim` is wider by `_SIDE`."""
    deep = thickness / (thickness + np.float32(options.thickness / 4))
    top = np.float32(1 - options.relief) + np.float32(options.relief) * deep
    if sun is not None:
        angle = math.radians(sun.azimuth)
        inside = slice(_SIDE, -_SIDE)
        east = (rim[inside, 2 * _SIDE :] - rim[inside, : -2 * _SIDE]) * np.float32(math.sin(angle))
        north = (rim[: -2 * _SIDE, inside] - rim[2 * _SIDE :, inside]) * np.float32(math.cos(angle))
        slope = np.float32(options.contrast / 2) * (east + north)
        # A veil has no sides: relief grows with what hides the ground.
        strength = np.float32(options.relief * math.sin(math.radians(sun.zenith))) * -(np.expm1(-thickness) ** 2)
        top = top * (1 - strength * np.tanh(slope))
    return np.asarray(top)


def draw_clouds(
    options: Clouds,
    extent: Extent,
    *,
    bands: Sequence[str],
    stream: int,
    gsd: float = 10.0,
    sun: Sun | None = None,
    coverage_of: Literal["extent", "lattice"] = "extent",
) -> Cover:
    """Draw the clouds of one date.

    Parameters
    ----------
    options : Clouds
    extent : Extent
        Pixels of the lattice.
    bands : sequence of str
        Canonical names of Sentinel-2 bands.
    stream : int
        From `lattice.key`.
    gsd : float
        Metres a pixel.
    sun : Sun, optional
        None = no shadows, and tops lit evenly.
    coverage_of : str
        `extent`: the coverage asked for is had within this extent, to two pixels. `lattice`: it is that of the endless
        lattice, so that overlapping extents agree to the bit; one extent much larger than the clouds has it to about
        0.03, a smaller one may be all clear or all cloud.

    Raises
    ------
    Unknown
        The wavelength of a band is unknown.

    Examples
    --------
    >>> cover = draw_clouds(CLOUDS["cumulus"], Extent(0, 0, 256, 256), bands=["B02", "B10"], stream=key(0, "clouds"))
    >>> round(float(cover.thin.mean()), 3), cover.alpha.shape
    (0.3, (2, 256, 256))
    """
    scaling(bands, options.exponent, where="clouds")  # refuses unknown bands before anything is drawn
    rim = np.ascontiguousarray(_field(options, extent.grow(_SIDE), stream, gsd)[..., 0])
    inner = np.ascontiguousarray(rim[_SIDE:-_SIDE, _SIDE:-_SIDE])
    levelled = _levelled(options, inner, coverage_of)
    thickness = _thickness(options, inner, levelled)
    shade = np.zeros_like(thickness)
    if sun is not None and levelled[2] < math.inf:
        (rows, cols), part = split(*displacement(options.height, sun, gsd=gsd))
        # The shadow at q is of the cloud at q minus the displacement.
        there = Extent(extent.row - rows - 1, extent.col - cols - 1, extent.height + 1, extent.width + 1)
        above = np.ascontiguousarray(_field(options, there, stream, gsd)[..., 0])
        shade = shifted(-np.expm1(-_thickness(options, above, levelled)), part)
    return Cover(thickness, _top(options, thickness, rim, sun), shade, tuple(bands), options, sun)


def overcast(ground: Array, cover: Cover, *, path: Array | float = 0.0) -> Array:
    """Lay clouds and their shadows over the ground.

    Parameters
    ----------
    ground : float array, shape (..., b, h, w)
        Top-of-atmosphere reflectance.
    cover : Cover
        Of the same bands and pixels.
    path : float, or array of shape (b, 1, 1), optional
        What of it the air itself adds, which shade does not take; see `shadows.darken`.

    Returns
    -------
    float32 array, shape (..., b, h, w)
        (1 - alpha) * darkened ground + alpha * cloud; the ground to the bit where there is neither cloud nor shade.
    """
    ground = np.asarray(ground)
    path = np.broadcast_to(np.asarray(path, np.float32).reshape(-1, 1, 1), (len(cover.bands), 1, 1))
    law = scaling(cover.bands, cover.options.exponent, where="clouds").astype(np.float32)
    table = spectrum_of(cover.bands, _SPECTRA[cover.options.spectrum]).astype(np.float32)
    out = np.empty(ground.shape, np.float32)
    grey = cover.alpha_550
    for k, band in enumerate(cover.bands):
        # Band by band, so that nothing of the size of all bands is made beside the image.
        plane = np.asarray(ground[..., k, :, :], np.float32)
        if cover.sun is not None:
            plane = darken(plane[..., None, :, :], cover.shade, bands=(band,), path=path[k : k + 1])[..., 0, :, :]
        alpha = grey if law[k] == 1 else -np.expm1(-law[k] * cover.thickness)
        out[..., k, :, :] = (1 - alpha) * plane + alpha * (table[k] * cover.top)
    return out


@dataclass(frozen=True, slots=True, eq=False)
class Clouded:
    """A series under clouds, and the clouds of each date."""

    #: float32 (t, b, h, w).
    data: Array
    #: One a date.
    covers: tuple[Cover, ...]


def cloud(
    image: Array,
    options: Clouds,
    *,
    bands: Sequence[str],
    extent: Extent,
    seed: int,
    dates: Sequence[int] | None = None,
    gsd: float = 10.0,
    sun: Sun | None = None,
    coverage_of: Literal["extent", "lattice"] = "extent",
) -> Clouded:
    """Put each date of a series under clouds of its own, or under none by `chance`.

    Parameters
    ----------
    image : float array, shape (t, b, h, w)
        Top-of-atmosphere reflectance.
    options, bands, extent, gsd, sun, coverage_of
        As in `draw_clouds`.
    seed : int
    dates : sequence of int, optional
        Numbers that name the dates; their positions if not given.

    Raises
    ------
    Mismatch
        Extent, bands or dates are not those of the array.
    """
    days = require_series(image, extent, dates, bands=bands, where="clouds")
    data, covers = np.empty(image.shape, np.float32), []
    for i, day in enumerate(days):
        stream = key(seed, f"clouds {options.spectrum}", day)
        draw = float(uniform(stream, np.array([-1]), np.array([-1]))[0, 0])
        held = options if draw < options.chance else _none(options)
        cover = draw_clouds(held, extent, bands=bands, stream=stream, gsd=gsd, sun=sun, coverage_of=coverage_of)
        data[i] = overcast(image[i], cover)
        covers.append(cover)
    return Clouded(data, tuple(covers))


def _none(options: Clouds) -> Clouds:
    return replace(options, coverage=0.0)
