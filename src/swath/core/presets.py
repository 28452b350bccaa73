"""Presets: the band orders of data sets and models, and the normalisations that were published for them.

A `BandOrder` says which channel of a file or model is which band, of which date and in which quantity. A `Preset` names
its bands, their order, its quantity and its numbers, and refuses anything else: bands are picked by name, digital
numbers of another known offset are brought to the preset's own exactly, toa never stands in for boa. Statistics of a
corpus become a preset with `from_statistics`. Knows arrays only; which of their pixels are measurements is the stack's
to know, and no order is believed without `core.bandproof` or a file that names its bands. Long because its two tables
are.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np

from swath.core.array import Array
from swath.core.bands import S2_BANDS, S2_L2A_BANDS, order
from swath.core.errors import Mismatch, Refused, Unknown
from swath.core.quantity import (
    GAMMA0_RTC_DB,
    SIGMA0_DB,
    TOA,
    Quantity,
    dn,
    rgb8,
    to_float,
    value,
)

__all__ = [
    "NORMALISATIONS",
    "ORDERS",
    "PRESETS",
    "STD_KINDS",
    "BandOrder",
    "Preset",
    "band_order",
    "denormalise",
    "from_statistics",
    "normalise",
    "preset",
]

#: Digital numbers without offset: products of baselines before 04.00, or with the offset taken away.
_L1C: Final = dn("toa", offset=0)
_L2A: Final = dn("boa", offset=0)
_ONE: Final = value("1")

#: The thirteen bands as EuroSAT's files hold them.
_B8A_LAST: Final = (*(band for band in S2_BANDS if band != "B8A"), "B8A")
#: The ten bands of 10 and 20 m.
_TEN: Final = ("B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B11", "B12")
_RGB: Final = ("B04", "B03", "B02")
_NINE: Final = ("B02", "B03", "B04", "B05", "B06", "B07", "B08", "B11", "B12")
_DOFA: Final = ("B04", "B03", "B02", "B05", "B06", "B07", "B08", "B11", "B12")
_HLS: Final = ("B02", "B03", "B04", "B8A", "B11", "B12")
_SAR: Final = ("VV", "VH")
_METEO: Final = ("temperature_2m", "total_precipitation")
_RELIEF: Final = ("elevation", "slope")


@dataclass(frozen=True, slots=True)
class BandOrder:
    """Which channel of a file or model is which band of which date.

    Examples
    --------
    >>> band_order("eurosat-13").bands[8:]
    ('B09', 'B10', 'B11', 'B12', 'B8A')
    >>> band_order("visiondl-24").positions(("B04", "B08"))[:, 1]         # B08 of the four quarters
    array([12, 15, 18, 21])
    """

    #: Key in `ORDERS`.
    name: str
    #: One a channel: band name and date index.
    channels: tuple[tuple[str, int], ...]
    #: What the numbers mean: one for all bands, or one a band of `bands`.
    quantities: tuple[Quantity, ...]
    #: What a reader must know.
    note: str = ""

    def __post_init__(self) -> None:
        where = f"band order {self.name}"
        if len(set(self.channels)) < len(self.channels):
            raise Refused(where=where, what="names a channel twice")
        if len(self.channels) != len(self.bands) * self.dates:
            raise Refused(where=where, what="does not hold every band of every date")
        if len(self.quantities) not in (1, len(self.bands)):
            have = str(len(self.quantities))
            raise Mismatch(where=where, what="number of quantities", want=f"1 or {len(self.bands)}", have=have)

    @property
    def bands(self) -> tuple[str, ...]:
        """Each band once, in order of first appearance."""
        return tuple(dict.fromkeys(band for band, _ in self.channels))

    @property
    def dates(self) -> int:
        """How many dates the channels hold."""
        return len({date for _, date in self.channels})

    def quantity_of(self, band: str) -> Quantity:
        """What the numbers of a band mean.

        Raises
        ------
        Unknown
            The order has no such band.
        """
        if band not in self.bands:
            raise Unknown(band, self.bands, what=f"band of order {self.name}")
        return self.quantities[0 if len(self.quantities) == 1 else self.bands.index(band)]

    def positions(self, bands: Sequence[str] | None = None) -> Array:
        """Channel numbers, shape (t, b), so that `data[positions]` of a file (c, h, w) is (t, b, h, w).

        Raises
        ------
        Mismatch
            A wanted band is not there.
        """
        wanted = self.bands if bands is None else tuple(bands)
        order(self.bands, wanted, where=f"band order {self.name}")
        at = {channel: k for k, channel in enumerate(self.channels)}
        return np.array([[at[band, date] for band in wanted] for date in range(self.dates)])


def _once(*bands: str) -> tuple[tuple[str, int], ...]:
    """One date."""
    return tuple((band, 0) for band in bands)


def _each(dates: int, *bands: str) -> tuple[tuple[str, int], ...]:
    """All bands of a date, date by date."""
    return tuple((band, date) for date in range(dates) for band in bands)


_UNSURE: Final = dn(None, offset=None)  # numbers whose scale nobody has written down
_BY_DOFA: Final = rgb8("dofa-8bit")

#: name -> band order: first those of the systems that swath replaces, then those of public data sets and models.
ORDERS: Final[dict[str, BandOrder]] = {
    "hackathon-4": BandOrder(
        "hackathon-4",
        _each(12, "B04", "B03", "B02", "B08"),
        (_L1C,),
        "float16, channel 4*date + band. L1C by belief. Test images and patches hold one date and are normalised "
        "already (preset hackathon). float16 counts in steps of 2 above 2048.",
    ),
    "deepsentinel-gee-14": BandOrder(
        "deepsentinel-gee-14",
        _once(*S2_L2A_BANDS, *_SAR),
        (*[_L2A] * len(S2_L2A_BANDS), *[SIGMA0_DB] * len(_SAR)),
        "Made before baseline 04.00 existed, hence offset 0. Nodata arrives as 0.",
    ),
    "deepsentinel-dl-16": BandOrder(
        "deepsentinel-dl-16",
        _once(*S2_BANDS, "alpha", *_SAR),
        (*[_UNSURE] * len(S2_BANDS), _ONE, *[_UNSURE] * len(_SAR)),
        "The provider's own surface product and radar scaled to bytes; the service is closed and the scales were "
        "never written down.",
    ),
    "visiondl-24": BandOrder(
        "visiondl-24",
        (*_each(4, *_RGB), *_each(4, "B08", "B11", "B12")),
        (TOA,),
        "Quarter by quarter red, green, blue, then quarter by quarter B08, B11, B12. Un-harmonised: items processed "
        "from 2022-01-25 on are 0.1 too bright.",
    ),
    "virtual-3": BandOrder("virtual-3", _once("b1", "b2", "b3"), (_ONE,), "virtual-<n> for any n: anonymous bands."),
    "fusion-8": BandOrder(
        "fusion-8",
        _once(*(f"{sensor}_{band}" for sensor in ("landsat", "modis") for band in ("red", "nir", "blue", "green"))),
        (_L2A,),
        "Landsat 8 then MODIS MCD43A4, both surface reflectance * 10000, no offset.",
    ),
    "eurosat-13": BandOrder("eurosat-13", _once(*_B8A_LAST), (_L1C,), "B8A is last; nothing in the files says so."),
    "eurosat-rgb8": BandOrder(
        "eurosat-rgb8", _once(*_RGB), (rgb8("eurosat-2750-jpeg"),), "The distributed JPEG files, coding included."
    ),
    "bigearthnet-12": BandOrder("bigearthnet-12", _once(*S2_L2A_BANDS), (_L2A,), "One file a band: 20, 60, 120 px."),
    "bigearthnet-s1": BandOrder("bigearthnet-s1", _once(*_SAR), (SIGMA0_DB,), "Some lists put VH first."),
    "sen12ms-13": BandOrder("sen12ms-13", _once(*S2_BANDS), (_L1C,), "SEN12MS and SEN12MS-CR."),
    "sen12ms-s1": BandOrder("sen12ms-s1", _once(*_SAR), (SIGMA0_DB,), "SEN12MS and SEN12MS-CR."),
    "ssl4eo-l1c": BandOrder("ssl4eo-l1c", _once(*S2_BANDS), (_L1C,)),
    "ssl4eo-l2a": BandOrder("ssl4eo-l2a", _once(*S2_L2A_BANDS), (_L2A,)),
    "ssl4eo-s1": BandOrder("ssl4eo-s1", _once(*_SAR), (SIGMA0_DB,)),
    "fmow-13": BandOrder("fmow-13", _once(*S2_BANDS), (_L1C,), "fMoW-Sentinel: B8A is at index 8."),
    "satmae-10": BandOrder(
        "satmae-10",
        _once(*_TEN),
        (_L1C,),
        "fmow-13 without 0, 9 and 10 (B01, B09, B10); token groups B02 B03 B04 B08, B05 B06 B07 B8A, B11 B12.",
    ),
    "presto-17": BandOrder(
        "presto-17",
        _once(*_SAR, *_TEN, *_METEO, *_RELIEF, "NDVI"),
        (SIGMA0_DB, SIGMA0_DB, *[_L1C] * 10, value("K"), value("m"), value("m"), value("degree"), _ONE),
        "Twelve months. Without B01, B09, B10.",
    ),
    "galileo-13": BandOrder(
        "galileo-13", _once(*_SAR, *_TEN, "NDVI"), (SIGMA0_DB, SIGMA0_DB, *[_L1C] * 10, _ONE), "S2_HARMONIZED."
    ),
    "prithvi-6": BandOrder("prithvi-6", _once(*_HLS), (_L2A,), "HLS at 30 m; the near infrared is the narrow B8A."),
    "clay-10": BandOrder("clay-10", _once(*_TEN), (_L2A,)),
    "clay-s1": BandOrder("clay-s1", _once(*_SAR), (GAMMA0_RTC_DB,)),
    "dofa-9": BandOrder("dofa-9", _once(*_DOFA), (_BY_DOFA,), "Wavelengths [um] go in beside the bands."),
    "dofa-s1": BandOrder("dofa-s1", _once("VH", "VV"), (_BY_DOFA,), "VH first; wavelength token 5.405 (GHz) for both."),
    "terramind-l1c": BandOrder("terramind-l1c", _once(*S2_BANDS), (dn("toa", offset=None),), "Offsets are mixed."),
    "terramind-l2a": BandOrder("terramind-l2a", _once(*S2_L2A_BANDS), (dn("boa", offset=None),), "Offsets are mixed."),
    "terramind-s1-grd": BandOrder("terramind-s1-grd", _once(*_SAR), (SIGMA0_DB,)),
    "terramind-s1-rtc": BandOrder("terramind-s1-rtc", _once(*_SAR), (GAMMA0_RTC_DB,)),
    "dynamic-world-9": BandOrder("dynamic-world-9", _once(*_NINE), (_L1C,)),
}


def band_order(name: str, *, where: str = "") -> BandOrder:
    """Find a band order by name; `virtual-<n>` is made on the spot.

    Raises
    ------
    Unknown
        No order has this name; the nearest is named.
    """
    count = re.fullmatch(r"virtual-([1-9]\d*)", name)
    if count:
        return replace(ORDERS["virtual-3"], name=name, channels=_once(*(f"b{k + 1}" for k in range(int(count[1])))))
    if name not in ORDERS:
        raise Unknown(name, ORDERS, what="band order", where=where)
    return ORDERS[name]


#: kind -> what happens to a number x; mean and std are the preset's two numbers for its band.
NORMALISATIONS: Final[dict[str, str]] = {
    "standardise": "(x - mean) / std",
    "minmax": "clip((x - mean) / std, 0, 1): mean is the low end, std the width",
    "symmetric": "clip((x - mean) / std, -1, 1): mean is the middle, std half the width",
    "two-sigma": "(x - (mean - 2 std)) / (4 std)",
    "two-sigma-8bit": "floor(255 clip((x - (mean - 2 std)) / (4 std), 0, 1)) / 255",
    "log-sigmoid": "1 / (1 + exp(1 - 5 (log(0.005 max(x, 0) + 1) - mean) / std))",
}
#: std_kind -> where the second number comes from.
STD_KINDS: Final[dict[str, str]] = {
    "population": "standard deviation over all pixels",
    "per-image-mean": "mean of the standard deviations within images: smaller than the population's, by 1.8 and more",
    "range": "a chosen range, not a statistic",
    "percentile": "a percentile measured after a logarithm",
}


@dataclass(frozen=True, slots=True)
class Preset:
    """Bands, order, quantity and two numbers a band: a normalisation that refuses what it was not made for."""

    #: Key in `PRESETS`, or a name of one's own.
    name: str
    #: Canonical names in the order that the model wants; empty = any bands, one pair of numbers for all.
    bands: tuple[str, ...]
    #: What the numbers must mean. With `mixed_offsets` the offset is None and the caller states it.
    quantity: Quantity
    #: First number, one a band, in the quantity's own numbers.
    mean: tuple[float, ...]
    #: Second number, one a band.
    std: tuple[float, ...]
    #: One of `NORMALISATIONS`.
    kind: str = "standardise"
    #: One of `STD_KINDS`.
    std_kind: str = "population"
    #: True if the data set behind the numbers mixes products with and without offset.
    mixed_offsets: bool = False
    #: (value in the data, what it becomes) for models that were trained so; None = nodata is not treated.
    nodata: tuple[float, float] | None = None
    #: Ground size that the model was trained at [m], where it is not 10; not checked here.
    gsd: float | None = None
    #: Who published the numbers.
    source: str = ""
    #: What a reader must know.
    note: str = ""

    def __post_init__(self) -> None:
        where = f"preset {self.name}"
        if self.kind not in NORMALISATIONS:
            raise Unknown(self.kind, NORMALISATIONS, what="normalisation", where=where)
        if self.std_kind not in STD_KINDS:
            raise Unknown(self.std_kind, STD_KINDS, what="kind of std", where=where)
        count = len(self.bands) or 1
        if not len(self.mean) == len(self.std) == count:
            have = f"{len(self.mean)} means, {len(self.std)} stds"
            raise Mismatch(where=where, what="numbers a band", want=f"{count} of each", have=have)
        if not min(self.std) > 0:
            raise Refused(where=where, what=f"a std must be above 0, have {min(self.std):g}")
        if self.mixed_offsets and self.quantity.offset is not None:
            raise Refused(where=where, what="has mixed offsets and cannot name one", fix="Set its offset to None.")

    def select(self, bands: Sequence[str]) -> Preset:
        """Keep some bands, in the order given.

        Examples
        --------
        >>> preset("eurosat-13").select(("B8A", "B08")).mean
        (2594.1, 2296.8)
        """
        index = order(self.bands, bands, where=f"preset {self.name}")
        return replace(
            self,
            bands=tuple(bands),
            quantity=self.quantity.select(index),
            mean=tuple(self.mean[i] for i in index),
            std=tuple(self.std[i] for i in index),
        )

    def shift_scale(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """(shift, scale) a band, so that the result is (x - shift) / scale before any clipping.

        Raises
        ------
        Refused
            The normalisation is no straight line.

        Examples
        --------
        >>> shift, scale = preset("presto-s1").shift_scale()
        >>> (-10 - shift[0]) / scale[0]
        0.6
        """
        if self.kind == "log-sigmoid":
            raise Refused(where=f"preset {self.name}", what="is no straight line", fix="Use normalise.")
        if self.kind in ("two-sigma", "two-sigma-8bit"):
            pairs = list(zip(self.mean, self.std, strict=True))
            return tuple(m - 2 * s for m, s in pairs), tuple(4 * s for _, s in pairs)
        return self.mean, self.std

    def to_json(self) -> dict[str, Any]:
        """Plain JSON."""
        return {
            "name": self.name,
            "bands": list(self.bands),
            "quantity": self.quantity.to_json(),
            "mean": list(self.mean),
            "std": list(self.std),
            "kind": self.kind,
            "std_kind": self.std_kind,
            "mixed_offsets": self.mixed_offsets,
            "nodata": None if self.nodata is None else list(self.nodata),
            "gsd": self.gsd,
            "source": self.source,
            "note": self.note,
        }

    @classmethod
    def from_json(cls, held: Mapping[str, Any]) -> Preset:
        """Read what `to_json` wrote.

        Examples
        --------
        >>> Preset.from_json(preset("prithvi-2").to_json()) == preset("prithvi-2")
        True
        """
        fields = dict(held)
        fields["quantity"] = Quantity.from_json(held["quantity"])
        for key in ("bands", "mean", "std"):
            fields[key] = tuple(held[key])
        if held.get("nodata") is not None:
            low, high = held["nodata"]
            fields["nodata"] = (float(low), float(high))
        return cls(**fields)


def _preset(
    name: str,
    bands: Sequence[str],
    quantity: Quantity,
    mean: Sequence[float],
    std: Sequence[float],
    source: str,
    **rest: Any,
) -> tuple[str, Preset]:
    """One row of the table: floats and tuples throughout."""
    numbers = tuple(float(m) for m in mean), tuple(float(s) for s in std)
    return name, Preset(name, tuple(bands), quantity, *numbers, source=source, **rest)


_CNN_SENTINEL: Final = "jensleitloff/CNN-Sentinel"
_TERRAMIND: Final = "IBM/terratorch, TerraMind v1"
_SSL4EO: Final = "zhu-xlab/SSL4EO-S12"
_PRESTO: Final = "nasaharvest/presto"
_FMOW_MEAN: Final = (
    *(1370.19151926, 1184.3824625, 1120.77120066, 1136.26026392, 1263.73947144, 1645.40315151, 1846.87040806),
    *(1762.59530783, 1972.62420416, 582.72633433, 14.77112979, 1732.16362238, 1247.91870117),
)
_FMOW_STD: Final = (
    *(633.15169573, 650.2842772, 712.12507725, 965.23119807, 948.9819932, 1108.06650639, 1258.36394548),
    *(1233.1492281, 1364.38688993, 472.37967789, 14.3114637, 1310.36996126, 1087.6020813),
)
_FMOW_TEN: Final = tuple(S2_BANDS.index(band) for band in _TEN)

#: name -> preset. Numbers stand in each preset's own band order.
PRESETS: Final[dict[str, Preset]] = dict(
    (
        # ---- the systems that swath replaces
        _preset(
            "hackathon",
            ("B04", "B03", "B02", "B08"),
            _L1C,
            [2047.5] * 4,
            [2047.5] * 4,
            "Hackathon2019 reader: clip(x, 0, 4095) / 2047.5 - 1",
            kind="symmetric",
            std_kind="range",
            note="Its training reader normalises, its test files are so already. Flattens cloud, snow and sand.",
        ),
        _preset(
            "imagenet-reflectance",
            (*_RGB, "B08", "B11", "B12"),
            TOA,
            (0.485, 0.456, 0.406, 0.2599, 0.1838, 0.0986),
            (0.229, 0.224, 0.225, 0.109, 0.0976, 0.07714),
            "Remote-Sensing-VisionDL",
            note="Photographs' statistics on reflectance of about 0.1.",
        ),
        _preset("half", (), _ONE, (0.5,), (0.5,), "Cervest's virtual remote sensing", std_kind="range"),
        _preset(
            "cnn-sentinel-rgb",
            _RGB,
            rgb8("eurosat-2750-jpeg"),
            (87.845, 96.965, 103.947),
            (23.657, 16.474, 13.793),
            _CNN_SENTINEL,
            std_kind="per-image-mean",
        ),
        _preset(
            "cnn-sentinel-ms",
            _B8A_LAST,
            _L1C,
            (
                *(1353.036, 1116.468, 1041.475, 945.344, 1198.498, 2004.878, 2376.699, 2303.738, 732.957, 12.092),
                *(1818.820, 1116.271, 2602.579),
            ),
            (
                *(65.479, 154.008, 187.997, 278.508, 228.122, 356.598, 456.035, 531.570, 98.947, 1.188),
                *(378.993, 303.851, 503.181),
            ),
            _CNN_SENTINEL,
            std_kind="per-image-mean",
            note="Standardised values of a real scene reach tens. For models that were trained so, never for new ones.",
        ),
        # ---- EuroSAT, BigEarthNet, SEN12MS
        _preset(
            "eurosat-13",
            _B8A_LAST,
            _L1C,
            (1354.4, 1118.2, 1042.9, 947.6, 1199.5, 1999.8, 2369.2, 2296.8, 732.1, 12.1, 1819.0, 1118.9, 2594.1),
            (245.7, 333.0, 395.1, 593.8, 566.4, 861.2, 1086.6, 1118.0, 404.9, 4.8, 1002.6, 761.3, 1231.6),
            "torchgeo, EuroSAT",
        ),
        _preset(
            "eurosat-rgb8",
            _RGB,
            rgb8("eurosat-2750-jpeg"),
            (87.816, 96.974, 103.981),
            (51.678, 34.909, 29.465),
            "measured over all 27,000 distributed pictures",
        ),
        _preset(
            "bigearthnet-12",
            S2_L2A_BANDS,
            _L2A,
            (361.1, 438.4, 614.1, 588.4, 942.8, 1769.9, 2049.6, 2193.3, 2235.6, 2241.5, 1568.2, 997.7),
            (575.1, 607.0, 603.3, 684.6, 738.4, 1100.5, 1275.8, 1369.4, 1356.5, 1316.4, 1070.2, 813.5),
            "reBEN, BigEarthNet v2, bands brought to 120 px by nearest",
        ),
        _preset("bigearthnet-s1", _SAR, SIGMA0_DB, (-12.64, -19.35), (5.13, 5.59), "reBEN, BigEarthNet v2"),
        _preset(
            "sen12ms-13",
            S2_BANDS,
            _L1C,
            [0] * 13,
            [10000] * 13,
            "usual practice with SEN12MS and SEN12MS-CR (not verified)",
            kind="minmax",
            std_kind="range",
            note="Cuts off bright cloud and snow.",
        ),
        _preset(
            "sen12ms-s1",
            _SAR,
            SIGMA0_DB,
            (-25.0, -32.5),
            (25.0, 32.5),
            "usual practice with SEN12MS and SEN12MS-CR (not verified)",
            kind="minmax",
            std_kind="range",
        ),
        # ---- models
        _preset(
            "ssl4eo-l1c",
            S2_BANDS,
            _L1C,
            (1605.6, 1390.8, 1314.9, 1363.5, 1549.4, 2091.7, 2371.7, 2299.9, 2560.3, 830.1, 22.1, 2177.1, 1524.1),
            (786.8, 850.3, 875.1, 1138.8, 1122.2, 1161.6, 1274.4, 1248.4, 1345.5, 577.3, 51.2, 1336.1, 1136.5),
            _SSL4EO,
            note="Some torchgeo weights want this, others ssl4eo-l1c-divided: it is a property of the weights.",
        ),
        _preset(
            "ssl4eo-l1c-divided", S2_BANDS, _L1C, [0] * 13, [10000] * 13, "torchgeo, SSL4EO weights", std_kind="range"
        ),
        _preset(
            "ssl4eo-l2a",
            S2_L2A_BANDS,
            _L2A,
            (752.4, 884.3, 1144.2, 1297.5, 1624.9, 2194.6, 2422.2, 2517.8, 2581.6, 2645.5, 2368.5, 1805.1),
            (1108.0, 1155.2, 1183.6, 1368.1, 1370.3, 1355.6, 1416.5, 1474.8, 1439.3, 1582.3, 1455.5, 1343.5),
            _SSL4EO,
        ),
        _preset("ssl4eo-s1", _SAR, SIGMA0_DB, (-12.55, -20.19), (5.26, 5.91), _SSL4EO),
        _preset("fmow-13", S2_BANDS, _L1C, _FMOW_MEAN, _FMOW_STD, "sustainlab-group/SatMAE, fMoW-Sentinel"),
        _preset(
            "satmae-10",
            _TEN,
            _L1C,
            [_FMOW_MEAN[i] for i in _FMOW_TEN],
            [_FMOW_STD[i] for i in _FMOW_TEN],
            "sustainlab-group/SatMAE",
            kind="two-sigma-8bit",
            note="What SatMAE feeds its network: the statistics of fmow-13, stretched to bytes and back to 0..1.",
        ),
        _preset("presto-s1", _SAR, SIGMA0_DB, (-25, -25), (25, 25), _PRESTO, std_kind="range"),
        _preset("presto-s2", _TEN, _L1C, [0] * 10, [10000] * 10, _PRESTO, std_kind="range"),
        _preset("presto-temperature", _METEO[:1], value("K"), (272.15,), (35,), _PRESTO, std_kind="range"),
        _preset("presto-precipitation", _METEO[1:], value("m"), (0,), (0.03,), _PRESTO, std_kind="range"),
        _preset("presto-elevation", _RELIEF[:1], value("m"), (0,), (2000,), _PRESTO, std_kind="range"),
        _preset("presto-slope", _RELIEF[1:], value("degree"), (0,), (50,), _PRESTO, std_kind="range"),
        _preset("presto-ndvi", ("NDVI",), _ONE, (0,), (1,), _PRESTO, std_kind="range"),
        _preset("galileo-s1", _SAR, SIGMA0_DB, (-11.73, -18.86), (4.89, 5.73), "nasaharvest/galileo", kind="two-sigma"),
        _preset(
            "galileo-s2",
            _TEN,
            _L1C,
            (1395, 1338, 1343, 1544, 2186, 2525, 2410, 2750, 2235, 1475),
            (918, 913, 1093, 1047, 1048, 1144, 1099, 1204, 1146, 980),
            "nasaharvest/galileo",
            kind="two-sigma",
        ),
        _preset("galileo-ndvi", ("NDVI",), _ONE, (0,), (1,), "nasaharvest/galileo", std_kind="range"),
        _preset(
            "prithvi-2",
            _HLS,
            _L2A,
            (1087, 1342, 1433, 2734, 1958, 1363),
            (2248, 2179, 2178, 1850, 1242, 1049),
            "Prithvi-EO 2.0",
            nodata=(-9999.0, 0.0001),
            gsd=30.0,
        ),
        _preset(
            "clay-s2",
            _TEN,
            _L2A,
            (1105, 1355, 1552, 1887, 2422, 2630, 2743, 2785, 2388, 1835),
            (1809, 1757, 1888, 1870, 1732, 1697, 1742, 1648, 1470, 1379),
            "Clay v1.5, configs/metadata.yaml",
        ),
        _preset("clay-s1", _SAR, GAMMA0_RTC_DB, (-12.113, -18.673), (8.314, 8.017), "Clay v1.5, configs/metadata.yaml"),
        _preset(
            "dofa-9",
            _DOFA,
            _BY_DOFA,
            (
                *(114.1099739, 114.81779093, 126.63977424, 84.33539309, 97.84789168, 103.94461911, 101.435633),
                *(72.32804172, 56.66528851),
            ),
            (
                *(77.84352553, 69.96844919, 67.42465279, 64.57022983, 61.72545487, 61.34187099, 60.29744676),
                *(47.88519516, 42.55886798),
            ),
            "zhu-xlab/DOFA",
            note="For bytes stretched between each band's mean - 2 sd and mean + 2 sd.",
        ),
        _preset(
            "dofa-s1",
            ("VH", "VV"),
            _BY_DOFA,
            (166.36275909, 88.45542715),
            (64.83126309, 43.07350145),
            "zhu-xlab/DOFA",
            note="VH first. For bytes stretched between each band's mean - 2 sd and mean + 2 sd.",
        ),
        _preset(
            "terramind-l1c",
            S2_BANDS,
            dn("toa", offset=None),
            (
                *(2357.089, 2137.385, 2018.788, 2082.986, 2295.651, 2854.537, 3122.849, 3040.560, 3306.481),
                *(1473.847, 506.070, 2472.825, 1838.929),
            ),
            (
                *(1624.683, 1675.806, 1557.708, 1833.702, 1823.738, 1733.977, 1732.131, 1679.732, 1727.26),
                *(1024.687, 442.165, 1331.411, 1160.419),
            ),
            _TERRAMIND,
            mixed_offsets=True,
            note="B10's 506 with 442 is a mixture of about 20 and 1010 by halves.",
        ),
        _preset(
            "terramind-l2a",
            S2_L2A_BANDS,
            dn("boa", offset=None),
            (
                *(1390.458, 1503.317, 1718.197, 1853.910, 2199.100, 2779.975, 2987.011, 3083.234, 3132.220),
                *(3162.988, 2424.884, 1857.648),
            ),
            (
                *(2106.761, 2141.107, 2038.973, 2134.138, 2085.321, 1889.926, 1820.257, 1871.918, 1753.829),
                *(1797.379, 1434.261, 1334.311),
            ),
            _TERRAMIND,
            mixed_offsets=True,
        ),
        _preset("terramind-s1-grd", _SAR, SIGMA0_DB, (-12.599, -20.293), (5.195, 5.890), _TERRAMIND),
        _preset("terramind-s1-rtc", _SAR, GAMMA0_RTC_DB, (-10.93, -17.329), (4.391, 4.459), _TERRAMIND),
        _preset(
            "dynamic-world-9",
            _NINE,
            _L1C,
            (
                *(1.7417268007636313, 1.7261204997060209, 1.6798346251414997, 1.7734969472909623),
                *(2.289154079164943, 2.382939712192371, 2.3828939530384052, 2.1952484264967844, 1.554812948247501),
            ),
            (
                *(2.023298706048351, 2.038905204308012, 2.179592821212937, 2.2890068333026603),
                *(2.6171674549378166, 2.773418590375327, 2.7578332604178284, 2.789092484314204, 2.4140534947492487),
            ),
            "google/dynamicworld, 30th and 70th percentile after log(0.005 x + 1)",
            kind="log-sigmoid",
            std_kind="percentile",
        ),
    )
)


def preset(name: str, *, where: str = "") -> Preset:
    """Find a preset by name.

    Raises
    ------
    Unknown
        No preset has this name; the nearest is named.
    Refused
        `deepsentinel`: its statistics lie in a JSON file beside each corpus and were never published.
    """
    if name == "deepsentinel":
        raise Refused(
            where=where or "preset deepsentinel",
            what="has no published numbers: they lie in a JSON file beside each corpus",
            fix="Read that file and pass it to from_statistics.",
        )
    if name not in PRESETS:
        raise Unknown(name, PRESETS, what="preset", where=where)
    return PRESETS[name]


_find = preset  # `normalise` has a parameter of that name


def from_statistics(
    name: str,
    statistics: Mapping[str, Mapping[str, float]],
    bands: Sequence[str],
    quantity: Quantity,
    *,
    std_kind: str = "population",
    source: str = "",
) -> Preset:
    """Make a preset of measured statistics, such as DeepSentinel's JSON files or a corpus's own.

    Parameters
    ----------
    statistics : mapping
        {"mean": {band: number}, "std": {band: number}}, keyed by canonical name.
    bands : sequence of str
        Which of them, in the order wanted.
    quantity : Quantity
        What they were computed on.

    Raises
    ------
    Mismatch
        A band has no statistics.

    Examples
    --------
    >>> held = {"mean": {"VV": -12.0, "VH": -19.0}, "std": {"VV": 5.0, "VH": 6.0}}
    >>> from_statistics("mine", held, ("VH", "VV"), SIGMA0_DB).mean
    (-19.0, -12.0)
    """
    for key in ("mean", "std"):
        order(tuple(statistics.get(key, ())), bands, where=f"statistics {name}, {key}")
    mean, std = ([statistics[key][band] for band in bands] for key in ("mean", "std"))
    return _preset(name, bands, quantity, mean, std, source, std_kind=std_kind)[1]


def _wanted(asked: Preset, offset: float | None, where: str) -> Quantity:
    """The preset's quantity, its offset stated where it does not say one itself."""
    if asked.mixed_offsets:
        if offset is None:
            raise Refused(
                where=where,
                what="was computed on products with and without offset, so which one to feed is a choice",
                fix="State it: offset=0 or offset=-1000.",
            )
        return replace(asked.quantity, offset=(float(offset),))
    if offset is not None and asked.quantity.offset != (float(offset),):
        raise Mismatch(where=where, what="offset", want=str(asked.quantity), have=f"offset={offset:g}", fix="Leave it.")
    return asked.quantity


def normalise(
    data: Array, bands: Sequence[str], quantity: Quantity, preset: str | Preset, *, offset: float | None = None
) -> Array:
    """Pick a preset's bands in its order, bring them to its quantity, and normalise.

    Parameters
    ----------
    data : array, shape (..., b, h, w)
        What is no measurement comes out as a number like any other (NaN stays NaN): masks are the caller's.
    bands : sequence of str
        Canonical names, one a band, in the order of `data`.
    quantity : Quantity
        What `data` means. Digital numbers of another offset, and reflectance of the same kind, are brought to the
        preset's digital numbers; linear radar power is brought to dB.
    preset : str or Preset
        Key in `PRESETS`, or one of one's own.
    offset : float, optional
        For presets of mixed offsets, and only for them: which offset the model shall see.

    Returns
    -------
    float32 array, shape (..., len(preset.bands), h, w)

    Raises
    ------
    Mismatch
        A band is missing, or the quantity is another (boa for a preset of toa, sigma0 for gamma0).
    Refused
        An offset is unknown or not stated.

    Examples
    --------
    >>> pixel = np.array([1944.7, 1947.6], np.float32).reshape(2, 1, 1)
    >>> red = from_statistics("red", {"mean": {"B04": 947.6}, "std": {"B04": 593.8}}, ("B04",), dn("toa", offset=0))
    >>> normalise(pixel, ("B02", "B04"), dn("toa", offset=-1000), red).tolist()
    [[[0.0]]]
    """
    asked = preset if isinstance(preset, Preset) else _find(preset)
    where = f"preset {asked.name}"
    if data.ndim < 3 or data.shape[-3] != len(bands):
        raise Mismatch(where=where, what="shape", want=f"(..., {len(bands)} bands, h, w)", have=str(data.shape))
    index = order(bands, asked.bands or tuple(bands), where=where)
    raw = data[..., index, :, :]
    numbers = to_float(raw, quantity.select(index), _wanted(asked, offset, where), where=where)
    if asked.kind == "log-sigmoid":
        first, second = (np.asarray(v, np.float32)[:, None, None] for v in (asked.mean, asked.std))
        logged = (np.log(np.maximum(numbers, 0) * np.float32(0.005) + 1) - first) / second
        result = np.asarray(1 / (1 + np.exp(1 - 5 * logged)))
    else:
        shift, scale = (np.asarray(v, np.float32)[:, None, None] for v in asked.shift_scale())
        result = np.asarray((numbers - shift) / scale)
        low = {"minmax": 0.0, "symmetric": -1.0, "two-sigma-8bit": 0.0}.get(asked.kind)
        if low is not None:
            result = np.clip(result, np.float32(low), np.float32(1))
        if asked.kind == "two-sigma-8bit":
            result = np.floor(result * np.float32(255)) / np.float32(255)
    if asked.nodata is not None:
        result = np.where(raw == asked.nodata[0], np.float32(asked.nodata[1]), result)
    return result


def denormalise(data: Array, preset: str | Preset) -> Array:
    """Undo `normalise`, as far as clipping and bytes allow.

    Parameters
    ----------
    data : array, shape (..., b, h, w)
        Bands in the preset's order.
    preset : str or Preset

    Returns
    -------
    float32 array, shape of `data`
        Numbers of `preset.quantity`; with mixed offsets, of the offset that was stated.

    Raises
    ------
    Mismatch
        Another number of bands than the preset's.
    """
    asked = preset if isinstance(preset, Preset) else _find(preset)
    if data.ndim < 3 or (asked.bands and data.shape[-3] != len(asked.bands)):
        want = f"(..., {len(asked.bands) or 'b'} bands, h, w)"
        raise Mismatch(where=f"preset {asked.name}", what="shape", want=want, have=str(data.shape))
    numbers = data.astype(np.float32)
    if asked.kind == "log-sigmoid":
        first, second = (np.asarray(v, np.float32)[:, None, None] for v in (asked.mean, asked.std))
        with np.errstate(divide="ignore"):  # 0 and 1 are the ends of the sigmoid, infinitely far away
            logged = (np.log(numbers / (1 - numbers)) + 1) / 5 * second + first
        return np.asarray((np.exp(logged) - 1) / np.float32(0.005))
    shift, scale = (np.asarray(v, np.float32)[:, None, None] for v in asked.shift_scale())
    return np.asarray(numbers * scale + shift)
