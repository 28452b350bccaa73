"""Bands: canonical names, and the aliases that are resolved to them once, at the edge.

Canonical are `B01` .. `B12`, `B8A` (Sentinel-2) and `VV`, `VH`, `HH`, `HV` (Sentinel-1). Everything else (`B4`, `red`,
`swir16`, `vv`) is an alias. STAC calls B5, B6 and B7 all `rededge`: such a name is refused without a wavelength.
Bands of unknown sensors keep their own names (`b1`, `b2`, ...), which no alias touches.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from swath.core.errors import Mismatch, Refused, Unknown

__all__ = [
    "ALIASES",
    "AMBIGUOUS",
    "COMMON_NAMES",
    "S1_BANDS",
    "S2_BANDS",
    "S2_L2A_BANDS",
    "order",
    "resolve",
    "resolve_all",
]

#: The thirteen bands in the order of `band_id` 0..12 in Sentinel-2 metadata.
S2_BANDS: Final = ("B01", "B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B09", "B10", "B11", "B12")
#: Level-2A has no image of the cirrus band.
S2_L2A_BANDS: Final = tuple(band for band in S2_BANDS if band != "B10")
S1_BANDS: Final = ("VV", "VH", "HH", "HV")

#: Lower-case alias -> canonical name; STAC common names and the asset names of the large catalogues among them.
ALIASES: Final[dict[str, str]] = {
    **{band.lower(): band for band in (*S2_BANDS, *S1_BANDS)},
    **{f"b{int(band[1:])}": band for band in S2_BANDS if band[1:].isdigit()},
    "b08a": "B8A",
    "coastal": "B01",
    "coastal-aerosol": "B01",
    "blue": "B02",
    "green": "B03",
    "red": "B04",
    "rededge1": "B05",
    "red-edge-1": "B05",
    "rededge2": "B06",
    "red-edge-2": "B06",
    "rededge3": "B07",
    "red-edge-3": "B07",
    "nir": "B08",
    "nir08": "B8A",
    "red-edge-4": "B8A",
    "rededge4": "B8A",
    "nir09": "B09",
    "water-vapor": "B09",
    "cirrus": "B10",
    "swir16": "B11",
    "swir1": "B11",
    "swir22": "B12",
    "swir2": "B12",
}
#: Canonical name -> STAC's common name (eo extension v2), for the bands that have one.
COMMON_NAMES: Final[dict[str, str]] = {
    "B01": "coastal",
    "B02": "blue",
    "B03": "green",
    "B04": "red",
    "B05": "rededge071",
    "B06": "rededge075",
    "B07": "rededge078",
    "B08": "nir",
    "B8A": "nir08",
    "B09": "nir09",
    "B10": "cirrus",
    "B11": "swir16",
    "B12": "swir22",
}
#: Names that several bands share in STAC, with those bands.
AMBIGUOUS: Final[dict[str, tuple[str, ...]]] = {"rededge": ("B05", "B06", "B07"), "swir": ("B11", "B12")}
#: Centre wavelengths [um] that tell the ambiguous ones apart (S2A, `core.sensors`).
_CENTRES: Final = {"B05": 0.704, "B06": 0.7405, "B07": 0.783, "B11": 1.614, "B12": 2.202}


def resolve(name: str, *, wavelength: float | None = None, where: str = "") -> str:
    """Find the canonical name of a band.

    Parameters
    ----------
    name : str
        Any alias, in any case.
    wavelength : float, optional
        Centre [um]; decides where several bands share a name.
    where : str
        Named in the error.

    Raises
    ------
    Unknown
        No band has this name; the nearest is named.
    Refused
        Several bands have it and no wavelength decides.

    Examples
    --------
    >>> resolve("B4"), resolve("red"), resolve("swir16"), resolve("rededge", wavelength=0.74)
    ('B04', 'B04', 'B11', 'B06')
    """
    key = name.strip().lower().replace("_", "-")
    if key in ALIASES or key.replace("-", "") in ALIASES:
        return ALIASES.get(key) or ALIASES[key.replace("-", "")]
    shared = AMBIGUOUS.get(key)
    if shared is None:
        spoken = [alias for alias in ALIASES if not alias.startswith("b") or alias == "blue"]
        raise Unknown(name, (*S2_BANDS, *S1_BANDS, *spoken), what="band", where=where)
    if wavelength is None:
        raise Refused(where=where, what=f"band name {name!r} means any of {', '.join(shared)}", fix="Name the band.")
    return min(shared, key=lambda band: abs(_CENTRES[band] - wavelength))


def resolve_all(names: Iterable[str], *, where: str = "") -> tuple[str, ...]:
    """Resolve several names; the same band twice is refused.

    Examples
    --------
    >>> resolve_all(["red", "green", "blue", "nir"])
    ('B04', 'B03', 'B02', 'B08')
    """
    bands = tuple(resolve(name, where=where) for name in names)
    twice = sorted({band for band in bands if bands.count(band) > 1})
    if twice:
        raise Refused(where=where, what=f"band {twice[0]} is named more than once", fix="Name each band once.")
    return bands


def order(have: Sequence[str], want: Sequence[str], *, where: str = "") -> list[int]:
    """Positions in `have` of the bands in `want`: the only way from one order to another.

    Raises
    ------
    Mismatch
        A wanted band is not there; both lists are named.

    Examples
    --------
    >>> order(("B04", "B03", "B02"), ("B02", "B04"))
    [2, 0]
    """
    missing = [band for band in want if band not in have]
    if missing:
        raise Mismatch(
            where=where,
            what=f"bands ({', '.join(missing)} missing)",
            want=" ".join(want),
            have=" ".join(have),
            fix="Read a product that holds them, or name the bands of the file in their own order.",
        )
    return [list(have).index(band) for band in want]
