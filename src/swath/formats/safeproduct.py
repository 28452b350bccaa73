"""SAFE product: what the metadata of one Sentinel-2 product says, level 1C or 2A, as a record.

Baseline, offset of every band, quantification, grids, angles and the file of every band and mask come from the XML of
the product and of its tile, whatever the names of the files suggest; a list of offsets that the XML lacks is 0, unless
the baseline says that there should be one. Reads the SAFE layout (zip or folder, one tile) and the tiles of the public
buckets with their product's metadata beside them. Reads no pixel.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final
from xml.etree.ElementTree import Element

import numpy as np
from affine import Affine
from odc.geo.geobox import GeoBox
from pyproj.exceptions import CRSError

from swath.core.array import Array
from swath.core.bands import S2_BANDS
from swath.core.errors import Mismatch, Refused, Unreadable
from swath.core.offset import Claim, baseline_offset
from swath.formats.archive import Member
from swath.formats.markup import moment, number, numbers, read_xml, table, text
from swath.formats.s2choices import NATIVE
from swath.formats.safetree import Tree, read_member

__all__ = ["ANGLE_STEP", "Product", "Radiometry", "is_product_head", "read_angles", "read_product", "read_radiometry"]

_NATIVE_OF: Final = {band: gsd for gsd, bands in NATIVE.items() for band in bands} | {"SCL": 20}
#: Metres between the points at which angles are given.
ANGLE_STEP: Final = 5000.0
#: Pixels that a grid may have on a side; a tile has 10,980.
_MOST_SIDE: Final = 20_000

_HEAD: Final = re.compile(r"MTD_MSIL(1C|2A)\.xml|product_metadata\.xml|productInfo_?metadata\.xml")
_OLD_HEAD: Final = re.compile(r"S2[A-D]_\w+_MTD_SAFL(1C|2A)_\w+\.xml")
_IMAGE: Final = re.compile(r"(?:^|_)(B\d\d|B8A|SCL)(?:_(10|20|60)m)?\.(?:jp2|tiff?)")
_MASK: Final = re.compile(r"MSK_([A-Z]+)_(?:(B\d\d|B8A)|(\d\dm))\.(?:gml|jp2|tiff?)")
_AGAIN: Final = "Fetch the product again."


def is_product_head(name: str) -> bool:
    """True for the name of the file at the top of a Sentinel-2 product.

    Examples
    --------
    >>> is_product_head("MTD_MSIL2A.xml"), is_product_head("MTD_TL.xml")
    (True, False)
    """
    return bool(_HEAD.fullmatch(name) or _OLD_HEAD.fullmatch(name))


@dataclass(frozen=True, slots=True, eq=False)
class Product:
    """One Sentinel-2 product: one tile, one date, one level."""

    #: Its files.
    tree: Tree
    #: Name without `.SAFE`.
    id: str
    #: `L1C` or `L2A`.
    level: str
    #: `S2A`, `S2B`, ...
    platform: str
    #: Processing baseline, as `05.09`.
    baseline: str
    #: Start of the datatake, which the product's name carries, and when the tile itself was seen; UTC.
    time: np.datetime64
    tile_time: np.datetime64
    #: `T32TPS`.
    tile: str
    #: Relative orbit, and `ascending` or `descending`.
    orbit: int
    direction: str
    #: Divisor of the digital numbers.
    quantification: float
    #: Band -> what is added to its digital numbers; None = the XML lists none though the baseline has one.
    offsets: Mapping[str, float] | None
    #: What the XML says of the offset, in words.
    offset_source: str
    #: Code of absence and of saturation.
    nodata: int
    saturated: int
    #: U, near 1 / (Earth-Sun distance)^2 [1], and band -> solar irradiance at one astronomical unit [W m-2 um-1].
    sun_distance: float
    irradiance: Mapping[str, float]
    #: Band -> centre wavelength [nm], as this product has it.
    wavelengths: Mapping[str, float]
    #: Share of the tile that is cloud [%].
    cloud: float
    #: Mean of the tile [degrees]: sun zenith and azimuth; view zenith and azimuth of each band.
    sun: tuple[float, float]
    view: Mapping[str, tuple[float, float]]
    #: Metres a pixel -> pixel grid of the tile.
    grids: Mapping[int, GeoBox]
    #: Metres a pixel -> band -> its image, of those that are there; SCL is among them.
    images: Mapping[int, Mapping[str, Member]]
    #: Names that the XML lists as images and that are not there.
    missing: tuple[str, ...]
    #: (type, band or size) -> mask: ("QUALIT", "B04"), ("CLOUDS", "B00"), ("CLDPRB", "20m").
    masks: Mapping[tuple[str, str], Member]
    #: The tile's metadata, which hold the angles.
    tile_file: Member

    @property
    def sensor(self) -> str:
        """Key of `core.sensors.SENSORS`."""
        return f"s2-{self.level.lower()}"

    def claims(self, bands: tuple[str, ...]) -> list[Claim]:
        """What the metadata say of the offset of these bands."""
        claims = []
        if self.offsets is not None:
            claims.append(Claim("xml", tuple(self.offsets[band] for band in bands), self.offset_source))
        implied = baseline_offset(self.baseline)
        if implied is not None:
            claims.append(Claim("baseline", (implied,), f"PROCESSING_BASELINE {self.baseline}"))
        return claims


@dataclass(frozen=True, slots=True)
class Radiometry:
    """What the metadata of a product say of its numbers, wherever its images are."""

    #: `L1C` or `L2A`, and the baseline as `05.09`.
    level: str
    baseline: str
    #: Divisor of the digital numbers.
    quantification: float
    #: As in `Product`.
    offsets: Mapping[str, float] | None
    source: str


def read_radiometry(blob: bytes, *, where: str) -> Radiometry:
    """Read the numbers' meaning from the metadata of a product (MTD_MSIL1C.xml, MTD_MSIL2A.xml) alone.

    Raises
    ------
    Unreadable, Mismatch, Refused
        As for `read_product`.
    """
    head = read_xml(blob, where=where)
    level, baseline = _level(head, where), text(head, ".//PROCESSING_BASELINE", where=where)
    offsets, source = _offsets(head, level, baseline, where)
    return Radiometry(level, baseline, _quantification(head, level, where), offsets, source)


def read_product(tree: Tree) -> Product:
    """Read the metadata of one product.

    Raises
    ------
    Unreadable
        Metadata are missing, cut short, or do not say what they must.
    Mismatch
        Offsets are listed for some bands only.
    Refused
        A product of several tiles (before December 2016), or of a level that is not read.
    """
    heads = [m for name, m in tree.members.items() if "/" not in name and is_product_head(name)]
    if not heads:
        raise Unreadable(where=tree.name, what="has no product metadata (MTD_MSIL1C.xml, MTD_MSIL2A.xml)", fix=_AGAIN)
    where = tree.where(heads[0])
    if _OLD_HEAD.fullmatch(heads[0].name.rpartition("/")[2]):
        what = "is of the layout before December 2016, in which one product holds many tiles"
        raise Refused(where=tree.name, what=what, fix="Fetch the tile of Collection-1, which was processed anew.")
    head = read_xml(read_member(tree, heads[0]), where=where)
    tile_file = _tile_file(tree)
    tile, tile_where = read_xml(read_member(tree, tile_file), where=tree.where(tile_file)), tree.where(tile_file)
    level = _level(head, where)
    id = text(head, ".//PRODUCT_URI", where=where).removesuffix(".SAFE")
    baseline = text(head, ".//PROCESSING_BASELINE", where=where)
    offsets, source = _offsets(head, level, baseline, where)
    images = _images(tree)
    special = _special(head)
    return Product(
        tree=tree,
        id=id,
        level=level,
        platform=f"S2{text(head, './/SPACECRAFT_NAME', where=where)[-1]}",
        baseline=baseline,
        time=moment(text(head, ".//PRODUCT_START_TIME", where=where), "PRODUCT_START_TIME", where=where),
        tile_time=moment(text(tile, ".//SENSING_TIME", where=tile_where), "SENSING_TIME", where=tile_where),
        tile=_tile_name(tile, tile_where),
        orbit=int(number(head, ".//SENSING_ORBIT_NUMBER", where=where)),
        direction=(head.findtext(".//SENSING_ORBIT_DIRECTION") or "").strip().lower(),
        quantification=_quantification(head, level, where),
        offsets=offsets,
        offset_source=source,
        nodata=special.get("NODATA", 0),
        saturated=special.get("SATURATED", 65535),
        sun_distance=number(head, ".//Reflectance_Conversion/U", where=where),
        irradiance=_by_band(head, "SOLAR_IRRADIANCE", "bandId", where),
        wavelengths=_wavelengths(head, where),
        cloud=_cloud(head, tile, where, tile_where),
        sun=_mean_angle(tile, ".//Mean_Sun_Angle", tile_where),
        view={
            _band_of(each, "bandId", tile_where): _mean_angle(each, ".", tile_where)
            for each in tile.iter("Mean_Viewing_Incidence_Angle")
        },
        grids=_grids(tile, tile_where),
        images=images,
        missing=_missing(head, tree),
        masks=_masks(tree),
        tile_file=tile_file,
    )


def _tile_file(tree: Tree) -> Member:
    found = tree.find("MTD_TL.xml") or [m for name, m in tree.members.items() if name == "metadata.xml"]
    if len(found) != 1:
        have = ", ".join(tree.where(member) for member in found) or "none"
        raise Unreadable(where=tree.name, what="metadata of the tile", want="one MTD_TL.xml", have=have, fix=_AGAIN)
    return found[0]


def _level(head: Element, where: str) -> str:
    said = text(head, ".//PROCESSING_LEVEL", where=where)
    level = {"Level-1C": "L1C", "Level-2A": "L2A", "Level-2Ap": "L2A"}.get(said)
    if level is None:
        raise Refused(where=where, what=f"is of {said}", want="Level-1C or Level-2A", fix="Fetch one of those.")
    return level


def _quantification(head: Element, level: str, where: str) -> float:
    names = {"L1C": ("QUANTIFICATION_VALUE",), "L2A": ("BOA_QUANTIFICATION_VALUE", "L2A_BOA_QUANTIFICATION_VALUE")}
    there = [name for name in names[level] if head.find(f".//{name}") is not None]
    found = number(head, f".//{(there or names[level])[0]}", where=where)
    if not found > 0:
        raise Unreadable(where=where, what="quantification", want="a number above 0", have=f"{found:g}", fix=_AGAIN)
    return found


def _offsets(head: Element, level: str, baseline: str, where: str) -> tuple[dict[str, float] | None, str]:
    """Offset of every band, and the words for it."""
    name = "RADIO_ADD_OFFSET" if level == "L1C" else "BOA_ADD_OFFSET"
    found = _by_band(head, name, "band_id", where)
    if not found:
        if baseline_offset(baseline) not in (None, 0.0):
            return None, f"no {name} though baseline {baseline} has one"
        return dict.fromkeys(S2_BANDS, 0.0), f"no {name} in the XML of baseline {baseline}"
    lacking = [band for band in S2_BANDS if band not in found and not (band == "B10" and level == "L2A")]
    if lacking:
        have = f"{len(found)}, not for {', '.join(lacking)}"
        raise Mismatch(where=where, what=name, want="a number for every band", have=have, fix=_AGAIN)
    return found, f"{name} in the XML of baseline {baseline}"


def _band_of(element: Element, attribute: str, where: str) -> str:
    said = element.get(attribute, "")
    if not (said.isascii() and said.isdecimal() and int(said) < len(S2_BANDS)):
        want = f"0 to {len(S2_BANDS) - 1}"
        raise Unreadable(where=where, what=f"{element.tag} {attribute}", want=want, have=repr(said[:20]), fix=_AGAIN)
    return S2_BANDS[int(said)]


def _by_band(head: Element, name: str, attribute: str, where: str) -> dict[str, float]:
    """A number a band; one that is given twice must be the same."""
    found: dict[str, float] = {}
    for each in head.iter(name):
        band = _band_of(each, attribute, where)
        said = float(numbers(each.text or "", name, where=where, count=1)[0])
        if found.setdefault(band, said) != said:
            have = f"{found[band]:g} and {said:g}"
            raise Unreadable(where=where, what=f"{name} of {band}", want="one number", have=have, fix=_AGAIN)
    return found


def _wavelengths(head: Element, where: str) -> dict[str, float]:
    found = {}
    for each in head.iter("Spectral_Information"):
        if each.find("Wavelength/CENTRAL") is not None:
            found[_band_of(each, "bandId", where)] = number(each, "Wavelength/CENTRAL", where=where)
    return found


def _special(head: Element) -> dict[str, int]:
    found = {}
    for each in head.iter("Special_Values"):
        name, code = each.findtext("SPECIAL_VALUE_TEXT") or "", (each.findtext("SPECIAL_VALUE_INDEX") or "").strip()
        if code.isascii() and code.isdecimal():
            found[name.strip()] = int(code)
    return found


def _cloud(head: Element, tile: Element, where: str, tile_where: str) -> float:
    if head.find(".//Cloud_Coverage_Assessment") is not None:
        return number(head, ".//Cloud_Coverage_Assessment", where=where)
    return number(tile, ".//CLOUDY_PIXEL_PERCENTAGE", where=tile_where)


def _mean_angle(element: Element, path: str, where: str) -> tuple[float, float]:
    return tuple(number(element, f"{path}/{name}_ANGLE", where=where) for name in ("ZENITH", "AZIMUTH"))  # type: ignore[return-value]


def _tile_name(tile: Element, where: str) -> str:
    found = re.search(r"_(T\d\d[A-Z]{3})_", text(tile, ".//TILE_ID", where=where) + "_")
    if found is None:
        raise Unreadable(where=where, what="TILE_ID names no tile", want="as ..._T32TPS_...", fix=_AGAIN)
    return found[1]


def _grids(tile: Element, where: str) -> dict[int, GeoBox]:
    code = text(tile, ".//HORIZONTAL_CS_CODE", where=where)
    grids = {}
    for size in tile.iter("Size"):
        said = size.get("resolution", "")
        place = tile.find(f".//Geoposition[@resolution='{said}']") if said in ("10", "20", "60") else None
        if place is None:
            raise Unreadable(where=where, what=f"has no grid of {said or 'unknown'} m", fix=_AGAIN)
        rows, cols = (int(number(size, name, where=where)) for name in ("NROWS", "NCOLS"))
        left, top, dx, dy = (number(place, name, where=where) for name in ("ULX", "ULY", "XDIM", "YDIM"))
        if not (1 <= rows <= _MOST_SIDE and 1 <= cols <= _MOST_SIDE and dx > 0 > dy):
            have = f"{rows} x {cols} pixels of {dx:g} x {dy:g} m"
            raise Unreadable(where=where, what=f"grid of {said} m", want="that of a tile", have=have, fix=_AGAIN)
        try:
            grids[int(said)] = GeoBox((rows, cols), Affine(dx, 0, left, 0, dy, top), code)
        except CRSError:
            raise Unreadable(where=where, what=f"has a CRS that cannot be read ({code[:40]})", fix=_AGAIN) from None
    if set(grids) != set(NATIVE):
        have = ", ".join(f"{gsd} m" for gsd in sorted(grids)) or "none"
        raise Unreadable(where=where, what="grids", want="10, 20 and 60 m", have=have, fix=_AGAIN)
    return grids


def _images(tree: Tree) -> dict[int, dict[str, Member]]:
    """Images by size and band: the folder or the name says the size, else the band's own."""
    found: dict[int, dict[str, Member]] = {gsd: {} for gsd in NATIVE}
    for name, member in tree.members.items():
        folder, _, file = name.rpartition("/")
        match = _IMAGE.search(file)
        if match is None or "MSK_" in file or folder.endswith(("QI_DATA", "qi")) or match.end() != len(file):
            continue
        size = match[2] or next((s for s in ("10", "20", "60") if folder.endswith(f"R{s}m")), None)
        gsd = int(size) if size else _NATIVE_OF[match[1]]
        if match[1] in found[gsd]:
            files = f"{tree.where(found[gsd][match[1]])} and {tree.where(member)}"
            raise Refused(where=tree.name, what=f"holds {match[1]} of {gsd} m twice: {files}", fix="Remove one.")
        found[gsd][match[1]] = member
    return found


def _missing(head: Element, tree: Tree) -> tuple[str, ...]:
    stems = {name.rpartition(".")[0] for name in tree.members}
    listed = [(each.text or "").strip() for each in head.iter() if each.tag in ("IMAGE_FILE", "IMAGE_ID")]
    return tuple(name.rpartition("/")[2] for name in listed if name and name not in stems)


def _masks(tree: Tree) -> dict[tuple[str, str], Member]:
    found = {}
    for name, member in tree.members.items():
        match = _MASK.fullmatch(name.rpartition("/")[2])
        if match is not None:
            found[(match[1], match[2] or match[3])] = member
    return found


@lru_cache(maxsize=8)
def read_angles(product: Product, band: str | None = None) -> tuple[Array, Array]:
    """Read sun and view angles on their own grid, as unit vectors.

    Each point of the grid, `ANGLE_STEP` metres apart from the tile's upper-left corner, has the direction towards the
    sun and towards the satellite. Detectors see strips that overlap; where several see a point their directions are
    averaged, where none does it is NaN.

    Parameters
    ----------
    product : Product
        Whose tile's metadata are read.
    band : str, optional
        Whose view; None = the mean of all bands.

    Returns
    -------
    sun, view : float64 arrays, shape (3, rows, columns)
        East, north and up components [1].

    Raises
    ------
    Unreadable
        The grids are missing or of another step.
    """
    where = product.tree.where(product.tile_file)
    tile = read_xml(read_member(product.tree, product.tile_file), where=where)
    sun = tile.find(".//Sun_Angles_Grid")
    if sun is None:
        raise Unreadable(where=where, what="has no Sun_Angles_Grid", fix=_AGAIN)
    towards_sun = _directions(sun, where)
    total, seen = np.zeros_like(towards_sun), np.zeros(towards_sun.shape[1:])
    for grid in tile.iter("Viewing_Incidence_Angles_Grids"):
        if band is not None and _band_of(grid, "bandId", where) != band:
            continue
        each = _directions(grid, where)
        if each.shape != total.shape:
            have = f"{each.shape[1]} x {each.shape[2]} points"
            want = f"{total.shape[1]} x {total.shape[2]}, as those of the sun"
            raise Unreadable(where=where, what="grid of view angles", want=want, have=have, fix=_AGAIN)
        is_seen = np.isfinite(each).all(axis=0)
        total += np.where(is_seen, each, 0.0)
        seen += is_seen
    with np.errstate(invalid="ignore", divide="ignore"):
        view = np.where(seen > 0, total / np.linalg.norm(total, axis=0), np.nan)
    return towards_sun, view


def _directions(grid: Element, where: str) -> Array:
    for name in ("Zenith", "Azimuth"):
        for step in ("COL_STEP", "ROW_STEP"):
            have = number(grid, f"{name}/{step}", where=where)
            if have != ANGLE_STEP:
                want = f"{ANGLE_STEP:g} m"
                raise Unreadable(where=where, what=f"{step} of angles", want=want, have=f"{have:g} m", fix=_AGAIN)
    zenith, azimuth = (
        np.deg2rad(table(grid, f"{name}/Values_List/VALUES", where=where)) for name in ("Zenith", "Azimuth")
    )
    if zenith.shape != azimuth.shape:
        raise Unreadable(where=where, what="has zenith and azimuth on different grids", fix=_AGAIN)
    return np.stack([np.sin(zenith) * np.sin(azimuth), np.sin(zenith) * np.cos(azimuth), np.cos(zenith)])
