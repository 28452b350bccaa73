"""Optics of the air by band: what clouds look like, how thickness falls with wavelength, what light is left in shade.

Tables and laws for the bands of Sentinel-2; a band whose wavelength is unknown is refused. Thickness is effective: what
takes light from the ground's signal. Light that a cloud scatters on to the ground is not counted, so a veil of cirrus
that is 1 thick by its particles is about 0.2 here. Knows no images.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from swath.core.array import Array
from swath.core.errors import Unknown
from swath.core.sensors import SENSORS

__all__ = ["CIRRUS", "LOW_CLOUD", "REFERENCE", "diffuse_share", "scaling", "spectrum_of", "wavelengths"]

#: Wavelength that thickness is stated for [nm].
REFERENCE: Final = 550.0
#: Top-of-atmosphere reflectance [1] of the brightest pixels of a real low cloud (Sentinel-2 L1C). Water vapour above it
#: darkens B09, and hides it in B10.
LOW_CLOUD: Final = {
    "B01": 0.55, "B02": 0.60, "B03": 0.60, "B04": 0.65, "B05": 0.63, "B06": 0.69, "B07": 0.75, "B08": 0.68,
    "B8A": 0.77, "B09": 0.12, "B10": 0.002, "B11": 0.71, "B12": 0.56,
}  # fmt: skip
#: The same of ice above nearly all vapour: bright in B09 and B10, darker in B11 and B12, where ice absorbs. Chosen, so
#: that a veil of effective thickness 0.05 to 0.3 has the 0.01 to 0.05 in B10 that are seen; not measured.
CIRRUS: Final = {
    "B01": 0.52, "B02": 0.52, "B03": 0.52, "B04": 0.52, "B05": 0.52, "B06": 0.52, "B07": 0.52, "B08": 0.52,
    "B8A": 0.52, "B09": 0.40, "B10": 0.20, "B11": 0.30, "B12": 0.25,
}  # fmt: skip
_CENTRES: Final = {band.name: band.centre["S2A"] for band in SENSORS["s2-l1c"].bands}
#: What of the light comes from the whole sky and still reaches shade: half at 443 nm, a fifth at 2,202 nm.
_DIFFUSE: Final = (0.5, 443.0, -0.571)


def wavelengths(bands: Sequence[str], *, where: str) -> Array:
    """Centres [nm] of bands of Sentinel-2A: float64 (b,).

    Raises
    ------
    Unknown
        A band is none of its thirteen.
    """
    for band in bands:
        if band not in _CENTRES:
            raise Unknown(band, _CENTRES, what="band of known wavelength", where=where)
    return np.array([_CENTRES[band] for band in bands], np.float64)


def scaling(bands: Sequence[str], exponent: float, *, where: str = "thickness") -> Array:
    """Optical thickness at each band as a share of that at 550 nm: (l / 550)^exponent, float64 (b,).

    Examples
    --------
    >>> scaling(["B02", "B12"], -1.3).round(3).tolist()                                          # haze
    [1.154, 0.165]
    """
    return np.asarray((wavelengths(bands, where=where) / REFERENCE) ** exponent)


def spectrum_of(bands: Sequence[str], table: dict[str, float], *, where: str = "cloud") -> Array:
    """Reflectance of each band by one of the tables above: float64 (b,)."""
    wavelengths(bands, where=where)
    return np.array([table[band] for band in bands])


def diffuse_share(bands: Sequence[str]) -> Array:
    """Share of the light that still reaches full shade: float64 (b,), between 0.2 and 0.5, bluest most.

    Examples
    --------
    >>> diffuse_share(["B01", "B04", "B12"]).round(2).tolist()
    [0.5, 0.4, 0.2]
    """
    share, at, exponent = _DIFFUSE
    return np.asarray(share * (wavelengths(bands, where="shade") / at) ** exponent)
