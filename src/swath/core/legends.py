"""Legends: the codes, names and colours of class maps, which codes mean "no class", and the ways between legends.

A legend is a value that travels with a corpus (`to_json`), so that a code is never read without its name. Tables
between legends are literal, many-to-one where nature is, and list what has no counterpart. Whether 0 is a class (water
in Dynamic World) or nodata (scene classification, CORINE rasters) is the legend's to say, never the code's. Knows no
rasters and draws nothing.
"""

from __future__ import annotations

import colorsys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from swath.core.array import Array
from swath.core.errors import Mismatch, Refused, Unknown

__all__ = [
    "LEGENDS",
    "LEGEND_MAPS",
    "SCL_BAD",
    "Legend",
    "LegendClass",
    "LegendMap",
    "class_colour",
    "class_colours",
    "legend",
    "legend_map",
]

#: Scene classes of Sentinel-2 L2A that are no clear look at the ground: nodata, saturated or defective, cloud shadow,
#: cloud of medium and high probability, thin cirrus. A choice, not a law: dark shadow (2), unclassified or low cloud
#: (7) and snow (11) are left in and are separate switches of whoever masks; so is the dilation (3 pixels at 20 m).
SCL_BAD: Final = frozenset({0, 1, 3, 8, 9, 10})


@dataclass(frozen=True, slots=True)
class LegendClass:
    """One class of a legend."""

    #: Number in the raster.
    code: int
    #: Name in the source's own spelling.
    name: str
    #: Six hexadecimal digits, red green blue, lower case.
    colour: str
    #: Other spellings in circulation; `Legend.code_of` accepts them.
    aliases: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if len(self.colour) != 6 or set(self.colour) - set("0123456789abcdef"):
            where = f"class {self.code} {self.name!r}"
            raise Refused(where=where, what=f"colour {self.colour!r} is not six lower-case hexadecimal digits")

    @property
    def rgb(self) -> tuple[int, int, int]:
        """Colour as three numbers 0..255."""
        red, green, blue = bytes.fromhex(self.colour)
        return red, green, blue


@dataclass(frozen=True, slots=True)
class Legend:
    """Codes, names and colours of one classification.

    Examples
    --------
    >>> scl = legend("scl")
    >>> scl.name_of(6), scl.code_of("water"), scl.palette()[6], 0 in scl.codes
    ('water', 6, (0, 0, 255), False)
    """

    #: `eurosat`, `corine-3`, ... or a name of one's own.
    name: str
    #: In the order of the codes' meaning; those of `none` may be among them, to give them a name and a colour.
    classes: tuple[LegendClass, ...]
    #: Codes that mean "no class": nodata, fill.
    none: tuple[int, ...] = ()
    #: Who defined it.
    source: str = ""
    #: Licence and attribution, carried into every export.
    attribution: str = ""
    #: What a reader must know: whose colours, which traps.
    note: str = ""

    def __post_init__(self) -> None:
        where = f"legend {self.name}"
        for what, values in (
            ("code", [str(c.code) for c in self.classes]),
            ("name", [name.lower() for c in self.classes for name in (c.name, *c.aliases)]),
        ):
            twice = sorted({v for v in values if values.count(v) > 1})
            if twice:
                raise Refused(where=where, what=f"{what} {twice[0]} stands for more than one class")

    @property
    def codes(self) -> tuple[int, ...]:
        """Codes that are classes, in order; those of `none` are not among them."""
        return tuple(c.code for c in self.classes if c.code not in self.none)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of `codes`."""
        return tuple(c.name for c in self.classes if c.code not in self.none)

    @property
    def colours(self) -> tuple[str, ...]:
        """Colours of `codes`, as six hexadecimal digits."""
        return tuple(c.colour for c in self.classes if c.code not in self.none)

    def palette(self) -> dict[int, tuple[int, int, int]]:
        """Code -> (red, green, blue), also of the codes of `none` that have a colour."""
        return {c.code: c.rgb for c in self.classes}

    def name_of(self, code: int) -> str:
        """Name of a code.

        Raises
        ------
        Unknown
            The legend has no such code.
        """
        for each in self.classes:
            if each.code == code:
                return each.name
        raise Unknown(str(code), [str(c.code) for c in self.classes], what=f"code of legend {self.name}")

    def code_of(self, name: str) -> int:
        """Code of a name or alias, in any case.

        Raises
        ------
        Unknown
            The legend has no such class; the nearest is named.
        """
        wanted = name.strip().lower()
        for each in self.classes:
            if wanted in {spelling.lower() for spelling in (each.name, *each.aliases)}:
                return each.code
        raise Unknown(name, [c.name for c in self.classes], what=f"class of legend {self.name}")

    def to_json(self) -> dict[str, Any]:
        """Plain JSON."""
        return {
            "name": self.name,
            "classes": [
                {"code": c.code, "name": c.name, "colour": c.colour, **({"aliases": [*c.aliases]} if c.aliases else {})}
                for c in self.classes
            ],
            "none": list(self.none),
            "source": self.source,
            "attribution": self.attribution,
            "note": self.note,
        }

    @classmethod
    def from_json(cls, held: Mapping[str, Any]) -> Legend:
        """Read what `to_json` wrote.

        Examples
        --------
        >>> Legend.from_json(legend("corine-3").to_json()) == legend("corine-3")
        True
        """
        classes = tuple(
            LegendClass(int(c["code"]), str(c["name"]), str(c["colour"]), tuple(c.get("aliases", ())))
            for c in held["classes"]
        )
        texts = {key: str(held.get(key, "")) for key in ("source", "attribution", "note")}
        return cls(str(held["name"]), classes, tuple(int(code) for code in held["none"]), **texts)


def _classes(*rows: tuple[int, str, str]) -> tuple[LegendClass, ...]:
    """Rows of (code, name, colour)."""
    return tuple(LegendClass(code, name, colour) for code, name, colour in rows)


_CLC_SOURCE: Final = "CORINE Land Cover nomenclature, European Environment Agency"
_CLC_ATTRIBUTION: Final = (
    "Contains CORINE Land Cover data: © European Union, Copernicus Land Monitoring Service, European Environment "
    "Agency (EEA). Full, open and free access, Regulation (EU) No 1159/2013."
)
_SENTINEL: Final = "Contains modified Copernicus Sentinel data."

# Level 3, names and colours as in the V20 raster's own table; aliases are the spellings of BigEarthNet's label files.
_CLC_3: Final = (
    LegendClass(111, "Continuous urban fabric", "e6004d"),
    LegendClass(112, "Discontinuous urban fabric", "ff0000"),
    LegendClass(121, "Industrial or commercial units", "cc4df2"),
    LegendClass(122, "Road and rail networks and associated land", "cc0000"),
    LegendClass(123, "Port areas", "e6cccc"),
    LegendClass(124, "Airports", "e6cce6"),
    LegendClass(131, "Mineral extraction sites", "a600cc"),
    LegendClass(132, "Dump sites", "a64dcc"),
    LegendClass(133, "Construction sites", "ff4dff"),
    LegendClass(141, "Green urban areas", "ffa6ff"),
    LegendClass(142, "Sport and leisure facilities", "ffe6ff"),
    LegendClass(211, "Non-irrigated arable land", "ffffa8"),
    LegendClass(212, "Permanently irrigated land", "ffff00"),
    LegendClass(213, "Rice fields", "e6e600"),
    LegendClass(221, "Vineyards", "e68000"),
    LegendClass(222, "Fruit trees and berry plantations", "f2a64d"),
    LegendClass(223, "Olive groves", "e6a600"),
    LegendClass(231, "Pastures", "e6e64d"),
    LegendClass(241, "Annual crops associated with permanent crops", "ffe6a6"),
    LegendClass(242, "Complex cultivation patterns", "ffe64d"),
    LegendClass(
        243,
        "Land principally occupied by agriculture, with significant areas of natural vegetation",
        "e6cc4d",
        ("Land principally occupied by agriculture with significant areas of natural vegetation",),
    ),
    LegendClass(244, "Agro-forestry areas", "f2cca6"),
    LegendClass(311, "Broad-leaved forest", "80ff00"),
    LegendClass(312, "Coniferous forest", "00a600"),
    LegendClass(313, "Mixed forest", "4dff00"),
    LegendClass(321, "Natural grasslands", "ccf24d", ("Natural grassland",)),
    LegendClass(322, "Moors and heathland", "a6ff80"),
    LegendClass(323, "Sclerophyllous vegetation", "a6e64d"),
    LegendClass(324, "Transitional woodland-shrub", "a6f200", ("Transitional woodland/shrub",)),
    LegendClass(331, "Beaches, dunes, sands", "e6e6e6"),
    LegendClass(332, "Bare rocks", "cccccc", ("Bare rock",)),
    LegendClass(333, "Sparsely vegetated areas", "ccffcc"),
    LegendClass(334, "Burnt areas", "000000"),
    LegendClass(335, "Glaciers and perpetual snow", "a6e6cc"),
    LegendClass(411, "Inland marshes", "a6a6ff"),
    LegendClass(412, "Peat bogs", "4d4dff", ("Peatbogs",)),
    LegendClass(421, "Salt marshes", "ccccff"),
    LegendClass(422, "Salines", "e6e6ff"),
    LegendClass(423, "Intertidal flats", "a6a6e6"),
    LegendClass(511, "Water courses", "00ccf2"),
    LegendClass(512, "Water bodies", "80f2e6"),
    LegendClass(521, "Coastal lagoons", "00ffa6"),
    LegendClass(522, "Estuaries", "a6ffe6"),
    LegendClass(523, "Sea and ocean", "e6f2ff"),
)
_COARSE_COLOURS: Final = "Has no colours of its own: each class wears that of its first level-3 class."

#: name -> legend.
LEGENDS: Final[dict[str, Legend]] = {
    "eurosat": Legend(
        "eurosat",
        _classes(
            (0, "AnnualCrop", "e6a93c"),
            (1, "Forest", "1b6e2c"),
            (2, "HerbaceousVegetation", "9bbf4a"),
            (3, "Highway", "8c8c8c"),
            (4, "Industrial", "b0413e"),
            (5, "Pasture", "c7d86b"),
            (6, "PermanentCrop", "a05a9c"),
            (7, "Residential", "e8554e"),
            (8, "River", "4aa3d8"),
            (9, "SeaLake", "1f4e8c"),
        ),
        source="Helber et al. 2019, EuroSAT, doi 10.1109/JSTARS.2019.2918242; codes are the alphabetical order",
        attribution=f"EuroSAT, Helber et al. 2019, MIT licence. {_SENTINEL}",
        note="No official colours: these are ours. Highway and River mean 'contains one', so a dense map of them is "
        "a map of windows.",
    ),
    "corine-1": Legend(
        "corine-1",
        _classes(
            (1, "Artificial surfaces", "e6004d"),
            (2, "Agricultural areas", "ffffa8"),
            (3, "Forest and semi natural areas", "80ff00"),
            (4, "Wetlands", "a6a6ff"),
            (5, "Water bodies", "00ccf2"),
        ),
        none=(0,),
        source=_CLC_SOURCE,
        attribution=_CLC_ATTRIBUTION,
        note=_COARSE_COLOURS,
    ),
    "corine-2": Legend(
        "corine-2",
        _classes(
            (11, "Urban fabric", "e6004d"),
            (12, "Industrial, commercial and transport units", "cc4df2"),
            (13, "Mine, dump and construction sites", "a600cc"),
            (14, "Artificial, non-agricultural vegetated areas", "ffa6ff"),
            (21, "Arable land", "ffffa8"),
            (22, "Permanent crops", "e68000"),
            (23, "Pastures", "e6e64d"),
            (24, "Heterogeneous agricultural areas", "ffe6a6"),
            (31, "Forests", "80ff00"),
            (32, "Scrub and/or herbaceous vegetation associations", "ccf24d"),
            (33, "Open spaces with little or no vegetation", "e6e6e6"),
            (41, "Inland wetlands", "a6a6ff"),
            (42, "Maritime wetlands", "ccccff"),
            (51, "Inland waters", "00ccf2"),
            (52, "Marine waters", "00ffa6"),
        ),
        none=(0,),
        source=_CLC_SOURCE,
        attribution=_CLC_ATTRIBUTION,
        note=_COARSE_COLOURS,
    ),
    "corine-3": Legend(
        "corine-3",
        _CLC_3,
        none=(0,),
        source=_CLC_SOURCE,
        attribution=_CLC_ATTRIBUTION,
        note="Polygons of 25 ha at least, on a 100 m grid: not a truth for single 10 m pixels.",
    ),
    "corine-index": Legend(
        "corine-index",
        (
            *(LegendClass(k, c.name, c.colour, c.aliases) for k, c in enumerate(_CLC_3, start=1)),
            LegendClass(46, "Unclassified land", "bfbfbf"),
            LegendClass(47, "Unclassified water", "99ccff"),
        ),
        none=(0, 45, 48),
        source=f"{_CLC_SOURCE}; grid codes of the distributed rasters",
        attribution=_CLC_ATTRIBUTION,
        note="A raster with a code above 48 holds level-3 codes instead. Colours of 46 and 47 are ours.",
    ),
    "dynamic-world": Legend(
        "dynamic-world",
        _classes(
            (0, "water", "419bdf"),
            (1, "trees", "397d49"),
            (2, "grass", "88b053"),
            (3, "flooded_vegetation", "7a87c6"),
            (4, "crops", "e49635"),
            (5, "shrub_and_scrub", "dfc35a"),
            (6, "built", "c4281b"),
            (7, "bare", "a59b8f"),
            (8, "snow_and_ice", "b39fe1"),
        ),
        source="Brown et al. 2022, Dynamic World, doi 10.1038/s41597-022-01307-4",
        attribution="This dataset is produced for the Dynamic World Project by Google in partnership with National "
        f"Geographic Society and the World Resources Institute. CC-BY-4.0. {_SENTINEL}",
        note="0 is water: an export whose masked pixels became 0 has drowned its clouds.",
    ),
    "worldcover": Legend(
        "worldcover",
        _classes(
            (10, "Tree cover", "006400"),
            (20, "Shrubland", "ffbb22"),
            (30, "Grassland", "ffff4c"),
            (40, "Cropland", "f096ff"),
            (50, "Built-up", "fa0000"),
            (60, "Bare / sparse vegetation", "b4b4b4"),
            (70, "Snow and ice", "f0f0f0"),
            (80, "Permanent water bodies", "0064c8"),
            (90, "Herbaceous wetland", "0096a0"),
            (95, "Mangroves", "00cf75"),
            (100, "Moss and lichen", "fae6a0"),
        ),
        none=(0,),
        source="ESA WorldCover 10 m, 2020 v100 and 2021 v200",
        attribution=f"© ESA WorldCover project. {_SENTINEL} Processed by the ESA WorldCover consortium. CC-BY-4.0.",
        note="v100 and v200 differ by algorithm too: their difference is no map of change.",
    ),
    "scl": Legend(
        "scl",
        _classes(
            (0, "nodata", "000000"),
            (1, "saturated or defective", "ff0004"),
            (2, "dark or topographic shadow", "868686"),
            (3, "cloud shadow", "774b0a"),
            (4, "vegetation", "10d22c"),
            (5, "not vegetated", "ffff52"),
            (6, "water", "0000ff"),
            (7, "unclassified or low cloud", "818181"),
            (8, "cloud, medium probability", "c0c0c0"),
            (9, "cloud, high probability", "f1f1f1"),
            (10, "thin cirrus", "bac5eb"),
            (11, "snow", "52fff9"),
        ),
        none=(0,),
        source="Sentinel-2 L2A scene classification, Sen2Cor",
        attribution=_SENTINEL,
        note="Takes bright roofs, sand and snow for cloud and water for shadow: neither a land-cover label nor the "
        "truth about clouds.",
    ),
    # Names and order of the 19-class nomenclature of BigEarthNet, as the reference loaders number it.
    "bigearthnet-19": Legend(
        "bigearthnet-19",
        _classes(
            (0, "Urban fabric", "e6004d"),
            (1, "Industrial or commercial units", "cc4df2"),
            (2, "Arable land", "ffffa8"),
            (3, "Permanent crops", "e68000"),
            (4, "Pastures", "e6e64d"),
            (5, "Complex cultivation patterns", "ffe64d"),
            (6, "Land principally occupied by agriculture, with significant areas of natural vegetation", "e6cc4d"),
            (7, "Agro-forestry areas", "f2cca6"),
            (8, "Broad-leaved forest", "80ff00"),
            (9, "Coniferous forest", "00a600"),
            (10, "Mixed forest", "4dff00"),
            (11, "Natural grassland and sparsely vegetated areas", "ccf24d"),
            (12, "Moors, heathland and sclerophyllous vegetation", "a6ff80"),
            (13, "Transitional woodland, shrub", "a6f200"),
            (14, "Beaches, dunes, sands", "e6e6e6"),
            (15, "Inland wetlands", "a6a6ff"),
            (16, "Coastal wetlands", "ccccff"),
            (17, "Inland waters", "00ccf2"),
            (18, "Marine waters", "00ffa6"),
        ),
        source="Sumbul et al. 2021, BigEarthNet-MM, doi 10.1109/MGRS.2021.3089174",
        attribution=f"BigEarthNet, CDLA-Permissive-1.0; labels from CORINE Land Cover 2018, EEA. {_SENTINEL}",
        note="Several labels a sample; a sample left with none is removed. Each class wears the colour of its first "
        "CORINE class.",
    ),
}


def class_colour(k: int) -> str:
    """Colour of the k-th class of a legend that has none of its own: hues spread so that neighbours lie apart.

    Examples
    --------
    >>> class_colour(0), class_colour(1)
    ('c63939', '3962c6')
    """
    rgb = colorsys.hls_to_rgb(k * 0.618034 % 1.0, 0.5, 0.55)  # the golden ratio keeps neighbours apart
    return "".join(f"{round(255 * part):02x}" for part in rgb)


def class_colours(names: Sequence[str]) -> tuple[str, ...]:
    """Colours of classes that have names alone: those of the first known legend that has every name, else apart in hue.

    Examples
    --------
    >>> class_colours(["Forest", "River"]) == tuple(legend("eurosat").colours[k] for k in (1, 8))
    True
    >>> class_colours(["Forest", "Vineyard"]) == (class_colour(0), class_colour(1))
    True
    """
    for known in LEGENDS.values():
        held = {each.name: each.colour for each in known.classes}
        if all(name in held for name in names):
            return tuple(held[name] for name in names)
    return tuple(class_colour(k) for k in range(len(names)))


def legend(name: str, *, where: str = "") -> Legend:
    """Find a legend by name.

    Raises
    ------
    Unknown
        No legend has this name; the nearest is named.
    """
    if name not in LEGENDS:
        raise Unknown(name, LEGENDS, what="legend", where=where)
    return LEGENDS[name]


@dataclass(frozen=True, slots=True)
class LegendMap:
    """A table from the codes of one legend to those of another.

    Examples
    --------
    >>> legend_map("corine-index", "corine-3").then(legend_map("corine-3", "corine-1")).apply(np.array([2, 23, 48, 46]))
    array([  1,   3, 255, 255], dtype=uint8)
    """

    #: Name of the legend whose codes come in.
    source: str
    #: Name of the legend whose codes go out.
    target: str
    #: Code in `source` -> code in `target`.
    table: Mapping[int, int] = field(hash=False)
    #: True if several codes share one target, so that there is no way back.
    lossy: bool
    #: Codes of `source` that have no counterpart: they become `ignore`.
    unmappable: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        where = f"legend map {self.source} to {self.target}"
        if self.lossy != (len(set(self.table.values())) < len(self.table)):
            raise Mismatch(where=where, what="lossy", want=str(not self.lossy), have=str(self.lossy))
        both = sorted(set(self.unmappable) & set(self.table))
        if both:
            raise Refused(where=where, what=f"code {both[0]} is mapped and unmappable at once")

    def apply(self, codes: Array, ignore: int = 255, *, none: Iterable[int] | None = None) -> Array:
        """Replace every code.

        Parameters
        ----------
        codes : integer array, any shape
            Codes of `source`.
        ignore : int
            Written where there is no counterpart or no class; where it comes in already, it stays.
        none : iterable of int, optional
            Codes that mean "no class" in `source`; needed only for a legend that is not in `LEGENDS`.

        Returns
        -------
        uint8 or uint16 array
            As small as the target's codes allow.

        Raises
        ------
        Refused
            `ignore` is a class of the target, or the codes are no integers.
        Unknown
            A code that the legend does not hold: the raster is of another legend.
        """
        where = f"legend map {self.source} to {self.target}"
        if ignore in self.table.values():
            raise Refused(where=where, what=f"ignore {ignore} is a class of {self.target}", fix="Choose another code.")
        if not 0 <= ignore <= np.iinfo(np.uint16).max:
            raise Refused(where=where, what=f"ignore must be 0..65535, have {ignore}", fix="Choose another code.")
        if codes.dtype.kind not in "iu":
            raise Refused(where=where, what=f"codes must be integers, have {codes.dtype}", fix="Round nothing; cast.")
        if none is None:
            none = LEGENDS[self.source].none if self.source in LEGENDS else ()
        known = {**dict.fromkeys((*self.unmappable, *none), ignore), **self.table}
        known.setdefault(ignore, ignore)
        keys = np.array(sorted(known), np.int64)
        values = np.array([known[int(key)] for key in keys], np.uint16)
        found, inverse = np.unique(codes, return_inverse=True)
        at = np.clip(np.searchsorted(keys, found), 0, len(keys) - 1)
        strange = found[keys[at] != found]
        if strange.size:
            raise Unknown(str(strange[0]), [str(k) for k in sorted(self.table)], what=f"code of {self.source}")
        dtype = np.uint8 if max(ignore, *self.table.values()) <= np.iinfo(np.uint8).max else np.uint16
        return np.asarray(values[at].astype(dtype)[inverse].reshape(codes.shape))

    def then(self, other: LegendMap) -> LegendMap:
        """Join two tables end to end.

        Raises
        ------
        Mismatch
            `other` does not start from the legend where this one ends.
        """
        if other.source != self.target:
            raise Mismatch(where="legend map", what="legend between the two", want=self.target, have=other.source)
        table = {code: other.table[mid] for code, mid in self.table.items() if mid in other.table}
        lost = tuple(code for code in self.table if code not in table)
        lossy = len(set(table.values())) < len(table)
        return LegendMap(self.source, other.target, table, lossy, tuple(sorted((*self.unmappable, *lost))))


# BigEarthNet's 19 classes: code -> the CORINE classes that it joins.
_BEN_19: Final[dict[int, tuple[int, ...]]] = {
    0: (111, 112),
    1: (121,),
    2: (211, 212, 213),
    3: (221, 222, 223, 241),
    4: (231,),
    5: (242,),
    6: (243,),
    7: (244,),
    8: (311,),
    9: (312,),
    10: (313,),
    11: (321, 333),
    12: (322, 323),
    13: (324,),
    14: (331,),
    15: (411, 412),
    16: (421, 422),
    17: (511, 512),
    18: (521, 522, 523),
}
# Dropped by the 19-class nomenclature; 335 is in neither list, since no BigEarthNet patch shows a glacier.
_BEN_DROPPED: Final = (122, 123, 124, 131, 132, 133, 141, 142, 332, 334, 423, 335)

_CODES_3: Final = tuple(c.code for c in _CLC_3)
#: (from, to) -> table.
LEGEND_MAPS: Final[dict[tuple[str, str], LegendMap]] = {
    ("corine-index", "corine-3"): LegendMap(
        "corine-index", "corine-3", dict(enumerate(_CODES_3, start=1)), lossy=False, unmappable=(46, 47)
    ),
    ("corine-3", "corine-2"): LegendMap("corine-3", "corine-2", {c: c // 10 for c in _CODES_3}, lossy=True),
    ("corine-3", "corine-1"): LegendMap("corine-3", "corine-1", {c: c // 100 for c in _CODES_3}, lossy=True),
    ("corine-2", "corine-1"): LegendMap("corine-2", "corine-1", {c // 10: c // 100 for c in _CODES_3}, lossy=True),
    ("corine-3", "bigearthnet-19"): LegendMap(
        "corine-3",
        "bigearthnet-19",
        {code: label for label, codes in _BEN_19.items() for code in codes},
        lossy=True,
        unmappable=_BEN_DROPPED,
    ),
}


def legend_map(source: str, target: str, *, where: str = "") -> LegendMap:
    """Find the table from one legend to another; longer ways are joined with `LegendMap.then`.

    Raises
    ------
    Unknown
        There is no such table.
    """
    if (source, target) not in LEGEND_MAPS:
        known = [f"{a} to {b}" for a, b in LEGEND_MAPS]
        raise Unknown(f"{source} to {target}", known, what="legend map", where=where)
    return LEGEND_MAPS[source, target]
