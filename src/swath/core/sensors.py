"""Sensors: what each band of Sentinel-2 and Sentinel-1 sees, how finely and how noisily, and bands of no known sensor.

One literal table a satellite family: centres, pass-bands, widths and irradiances are those of the products' metadata,
noise and sharpness those of the mission's requirements; what nobody has published is None, what is nominal or
unconfirmed is named in `unsure`. Knows no pixels, no quantities of a given file (`core.quantity`) and no aliases
(`core.bands`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from swath.core.errors import Refused, Unknown
from swath.core.quantity import GAMMA0_RTC, Quantity, dn, value

__all__ = ["S1_PLATFORMS", "S2_PLATFORMS", "SENSORS", "Band", "Sensor", "anonymous", "sensor", "wavelength"]

S2_PLATFORMS: Final = ("S2A", "S2B", "S2C")
S1_PLATFORMS: Final = ("S1A", "S1B", "S1C", "S1D")


@dataclass(frozen=True, slots=True)
class Band:
    """One spectral or polarisation channel of a sensor.

    Examples
    --------
    >>> band = sensor("s2-l1c").band("B02")
    >>> band.common, band.centre["S2A"], band.native_gsd
    ('blue', 492.7, 10.0)
    """

    #: Canonical name (`B02`, `VV`), or `b1`, `b2`, ... of no known sensor.
    name: str
    #: Common name in STAC's eo extension (`blue`); B05, B06 and B07 share `rededge`. None where there is none.
    common: str | None = None
    #: Platform -> centre wavelength [nm]; None where nobody has published it.
    centre: Mapping[str, float | None] = field(default_factory=dict, hash=False)
    #: Lower and upper edge of the pass-band [nm] (S2A).
    passband: tuple[float, float] | None = None
    #: Full width at half maximum [nm] (S2A).
    fwhm: float | None = None
    #: Ground size of a pixel as the instrument samples it [m].
    native_gsd: float | None = None
    #: Solar irradiance at one astronomical unit [W m-2 um-1] (S2A).
    e0: float | None = None
    #: Modulation transfer at the Nyquist frequency [1], pixel box included.
    mtf: float | None = None
    #: Signal to noise at the reference radiance [1]: the requirement, flight does better.
    snr: float | None = None
    #: Noise at the reference radiance in digital numbers, offset-free [DN]: 1e4 pi Lref / (e0 snr).
    sigma_dn: float | None = None
    #: What above is nominal or unconfirmed: field names, and platforms whose centre is.
    unsure: tuple[str, ...] = ()

    @property
    def psf_sigma(self) -> float | None:
        """Gaussian [native pixels] that, before the area mean over a pixel, gives `mtf` at Nyquist; None = unknown.

        The pixel box alone gives 2/pi, so the Gaussian has to supply mtf * pi/2.
        """
        return None if self.mtf is None else math.sqrt(-2.0 * math.log(self.mtf * math.pi / 2.0)) / math.pi


@dataclass(frozen=True, slots=True)
class Sensor:
    """The bands of one product level of one satellite family."""

    #: `s2-l1c`, `s2-l2a`, `s1-grd`, `s1-rtc`, or `anonymous-<n>`.
    name: str
    #: The provider's product level (`L1C`, `GRD`), "" if there is none.
    level: str
    #: Satellites that deliver it.
    platforms: tuple[str, ...]
    #: In the order of the provider's metadata.
    bands: tuple[Band, ...]
    #: What numbers in its files mean unless evidence says more: a hint, with the offset unknown.
    quantity: Quantity
    #: Radar: centre frequency [GHz].
    frequency: float | None = None
    #: Radar: resolution in range and azimuth [m]; coarser than the pixel.
    resolution: tuple[float, float] | None = None
    #: Radar: equivalent number of looks [1], the shape of the speckle's gamma distribution.
    enl: float | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the bands, in order."""
        return tuple(band.name for band in self.bands)

    def band(self, name: str, *, where: str = "") -> Band:
        """Find a band by its canonical name.

        Raises
        ------
        Unknown
            The sensor has no such band; the nearest is named.
        """
        for band in self.bands:
            if band.name == name:
                return band
        raise Unknown(name, self.names, what=f"band of {self.name}", where=where)


def _s2(
    name: str,
    common: str,
    gsd: float,
    centres: tuple[float | None, float | None, float | None],
    passband: tuple[float, float],
    noise: tuple[float, float, float | None, float, float],
    unsure: Sequence[str] = (),
) -> Band:
    """One row of the table below; `noise` is fwhm, e0, mtf, snr, sigma_dn."""
    fwhm, e0, mtf, snr, sigma_dn = noise
    return Band(
        name,
        common,
        centre=dict(zip(S2_PLATFORMS, centres, strict=True)),
        passband=(float(passband[0]), float(passband[1])),
        fwhm=float(fwhm),
        native_gsd=float(gsd),
        e0=e0,
        mtf=mtf,
        snr=float(snr),
        sigma_dn=float(sigma_dn),
        unsure=tuple(unsure),
    )


# Centres and pass-bands: SAFE metadata (S2A baseline 05.09, S2B 04.00). S2C and the widths: computed from ESA's
# response functions (COPE-GSEG-EOPG-TN-15-0007), whose centroids reproduce the published S2A and S2B centres to
# 0.1 nm. E0: SAFE metadata of S2A. MTF: Ulfarsson 2019 (S2Sharp); lists in circulation disagree in B8A, B9, B11, B12.
_S2_BANDS: Final = (
    #  name, common, gsd, (S2A, S2B, S2C) [nm], pass-band [nm], (fwhm, E0, MTF, SNR, sigma DN), unsure
    _s2("B01", "coastal", 60, (442.7, 442.3, 444.2), (412, 456), (20, 1884.7, 0.32, 129, 17), ("fwhm", "S2C")),
    _s2("B02", "blue", 10, (492.7, 492.3, 489.0), (456, 533), (64, 1959.7, 0.26, 154, 13)),
    _s2("B03", "green", 10, (559.8, 559.0, 560.6), (538, 583), (34, 1823.2, 0.28, 168, 13)),
    _s2("B04", "red", 10, (664.6, 665.0, 666.5), (646, 684), (29, 1512.1, 0.24, 142, 16)),
    _s2("B05", "rededge", 20, (704.1, 703.8, 707.1), (695, 714), (13, 1424.6, 0.38, 117, 14)),
    _s2("B06", "rededge", 20, (740.5, 739.1, 741.1), (731, 749), (13, 1287.6, 0.34, 89, 19)),
    _s2("B07", "rededge", 20, (782.8, 779.7, 784.7), (769, 797), (18, 1162.1, 0.34, 105, 17)),
    _s2("B08", "nir", 10, (832.8, 833.0, 834.6), (760, 907), (104, 1041.6, 0.26, 174, 18)),
    _s2("B8A", "nir08", 20, (864.7, 864.0, 865.6), (837, 881), (19, 955.3, 0.33, 72, 24)),
    _s2("B09", "nir09", 60, (945.1, 943.2, None), (932, 958), (20, 812.9, 0.26, 114, 3), ("fwhm",)),
    _s2("B10", "cirrus", 60, (1373.5, 1376.9, None), (1337, 1412), (30, 367.2, None, 50, 10), ("fwhm",)),
    _s2("B11", "swir16", 20, (1613.7, 1610.4, 1612.0), (1539, 1682), (89, 245.6, 0.22, 100, 5)),
    _s2("B12", "swir22", 20, (2202.4, 2185.7, 2191.3), (2078, 2320), (173, 85.3, 0.23, 100, 6)),
)

#: Sentinel-1's C band.
_S1_FREQUENCY: Final = 5.405  # GHz
_S1_WAVELENGTH: Final = 299_792_458.0 / _S1_FREQUENCY  # nm, since 1e9 nm a metre and 1e9 Hz a GHz cancel


def _s1(*polarisations: str) -> tuple[Band, ...]:
    centre = dict.fromkeys(S1_PLATFORMS, _S1_WAVELENGTH)
    return tuple(Band(name, None, centre, native_gsd=10.0) for name in polarisations)


#: name -> sensor. Radar: resolution and looks of the IW mode, as the products' STAC items state them.
SENSORS: Final[dict[str, Sensor]] = {
    "s2-l1c": Sensor("s2-l1c", "L1C", S2_PLATFORMS, _S2_BANDS, dn("toa", offset=None)),
    "s2-l2a": Sensor(
        "s2-l2a",
        "L2A",
        S2_PLATFORMS,
        tuple(band for band in _S2_BANDS if band.name != "B10"),  # Level-2A has no image of the cirrus band
        dn("boa", offset=None),
    ),
    "s1-grd": Sensor(
        "s1-grd",
        "GRD",
        S1_PLATFORMS,
        _s1("VV", "VH", "HH", "HV"),
        dn(None, offset=None),  # amplitude: only the calibration table makes it sigma0
        frequency=_S1_FREQUENCY,
        resolution=(20.0, 22.0),
        enl=4.4,
    ),
    "s1-rtc": Sensor(
        "s1-rtc",
        "RTC",
        S1_PLATFORMS,
        _s1("VV", "VH", "HH", "HV"),
        GAMMA0_RTC,
        frequency=_S1_FREQUENCY,
        resolution=(20.0, 22.0),
        enl=4.3,
    ),
}


def sensor(name: str, *, where: str = "") -> Sensor:
    """Find a sensor by name; `anonymous-<n>` is made on the spot.

    Raises
    ------
    Unknown
        No sensor has this name; the nearest is named.

    Examples
    --------
    >>> sensor("s2-l2a").names == tuple(b for b in sensor("s2-l1c").names if b != "B10")
    True
    """
    head, _, count = name.partition("-")
    if head == "anonymous" and count.isdecimal() and int(count) > 0:
        return anonymous(int(count))
    if name not in SENSORS:
        raise Unknown(name, (*SENSORS, "anonymous-<n>"), what="sensor", where=where)
    return SENSORS[name]


def anonymous(n: int) -> Sensor:
    """Make a sensor of `n` bands of which nothing is known but their order.

    Raises
    ------
    Refused
        `n` is not positive.

    Examples
    --------
    >>> anonymous(3).names
    ('b1', 'b2', 'b3')
    """
    if n < 1:
        raise Refused(where="anonymous sensor", what=f"needs at least one band, have {n}", fix="Give the band count.")
    return Sensor(f"anonymous-{n}", "", (), tuple(Band(f"b{k}") for k in range(1, n + 1)), value("1"))


def wavelength(band: str, platform: str, *, where: str = "") -> float | None:
    """Look up the centre wavelength of a band on one satellite.

    Parameters
    ----------
    band : str
        Canonical name.
    platform : str
        `S2A`, `S1C`, ... Where a data set does not say, state one: in Sentinel-2 they differ by up to 17 nm (B12).
    where : str
        Named in the error.

    Returns
    -------
    float or None
        Nanometres; None where nobody has published it (S2C B09 and B10).

    Raises
    ------
    Unknown
        No such platform, or no such band on it.

    Examples
    --------
    >>> wavelength("B12", "S2A"), wavelength("B10", "S2C"), round(wavelength("VV", "S1A") / 1e7, 3)       # cm
    (2202.4, None, 5.547)
    """
    families = {**dict.fromkeys(S2_PLATFORMS, "s2-l1c"), **dict.fromkeys(S1_PLATFORMS, "s1-grd")}
    if platform not in families:
        raise Unknown(platform, families, what="platform", where=where)
    return SENSORS[families[platform]].band(band, where=where).centre[platform]
