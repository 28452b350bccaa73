"""STAC item: one acquisition as a catalogue tells it, its claims about the offset, and where it contradicts itself.

Items are read as they stand, of any STAC version and provider, with the search answers of the Copernicus Data Space
beside them (OData, OpenSearch): to migrate them first would mend what has to be seen. Which field decides is settled by
`core.offset`; here each becomes a claim, and every contradiction that needs no pixel becomes a `Lie` with its sentence.
Opens no asset: see `formats.stac`.
"""

from __future__ import annotations

import datetime
import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import shapely
from affine import Affine
from odc.geo.geobox import GeoBox
from pyproj.exceptions import CRSError
from shapely.errors import ShapelyError

from swath.core.bands import resolve
from swath.core.errors import Refused, SwathError, Unreadable
from swath.core.geobox import footprint
from swath.core.offset import Claim, baseline_offset, provider_claim
from swath.formats.markup import moment

__all__ = ["Asset", "Item", "Lie", "claims_of", "find_lies", "is_item", "provider_of", "read_items"]

#: Bytes of a file of items.
_MOST_BYTES: Final = 64 * 2**20
_AGAIN: Final = "Fetch the item again."
_NAME: Final = re.compile(r"(S2[A-D])_MSI(L1C|L2A)_(\d{8}T\d{6})(?:_N(\d{4}))?_R(\d{3})_(?:T(\w{5})_)?\d{8}T\d{6}")
_SIZE: Final = re.compile(r"[_-]?(10|20|60)m$")

#: Part of an address -> who serves what lies there, as in `core.offset.PROVIDERS`; the first that fits.
_PROVIDERS: Final[dict[str, str]] = {
    "sentinel-cogs": "sentinel-cogs",
    "e84-earth-search-sentinel-data": "earth-search-c1",
    "sentinel-s2-l1c": "sentinel-s2-l1c",
    "sentinel-s2-l2a": "sentinel-s2-l2a",
    "blob.core.windows.net": "planetary-computer",
    "gcp-public-data-sentinel-2": "gcs",
    "dataspace.copernicus.eu": "cdse",
    "eodata": "cdse",
    ".SAFE/": "safe",
    "IMG_DATA/": "safe",
}


@dataclass(frozen=True, slots=True)
class Asset:
    """One file of an item."""

    #: Its key.
    key: str
    #: Where the item says it lies.
    href: str
    #: Canonical band, `SCL`, or empty = none that is read.
    band: str
    #: Nominal metres a pixel; None = not said.
    gsd: float | None
    #: proj:shape (rows, columns) and proj:transform, its own or the item's; None = not said.
    shape: tuple[int, int] | None
    transform: Affine | None
    #: raster:scale and raster:offset; None = not said.
    scale: float | None
    offset: float | None
    #: Code of absence; None = not said.
    nodata: float | None

    @property
    def provider(self) -> str | None:
        """Key of `core.offset.PROVIDERS`; None = nobody known."""
        return provider_of(self.href)


@dataclass(frozen=True, slots=True)
class Item:
    """One acquisition of one product, as a catalogue tells it."""

    #: File that it was read from.
    path: Path
    #: Its identifier.
    id: str
    #: `stac`, `odata` or `opensearch`.
    form: str
    #: Its collection; empty = none.
    collection: str
    #: `S2A`, `S1B`, ...; empty = not said.
    platform: str
    #: `L1C`, `L2A`, `GRD`, `RTC`; empty = not said.
    level: str
    #: Name of the product that it was made from; empty = not said.
    product: str
    #: UTC; NaT = not said.
    time: np.datetime64
    #: What the property says, as it stands, and what the product's name says; empty = nothing.
    baseline: str
    name_baseline: str
    #: `boa_offset_applied`; None = not said.
    flag: bool | None
    #: Code of the CRS; None = not said.
    epsg: int | None
    #: MGRS tile, as `T32TPS`; empty = not said.
    tile: str
    #: West, south, east, north; None = not said. West may lie east of east: it crosses the antimeridian.
    bbox: tuple[float, float, float, float] | None
    #: Outline in EPSG:4326; None = not said or no outline.
    geometry: shapely.Geometry | None
    #: Files, in their order.
    assets: tuple[Asset, ...]
    #: Addresses of the files that hold metadata (XML).
    metadata: tuple[str, ...]

    @property
    def best_baseline(self) -> str:
        """The name's baseline where it has one, for properties have lost digits (5.1 for 05.10)."""
        return self.name_baseline or self.baseline


@dataclass(frozen=True, slots=True)
class Lie:
    """Where an item contradicts itself or what is known."""

    #: `offset`, `baseline`, `grid`, `place`, `date` or `asset`.
    kind: str
    #: The whole sentence.
    says: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.says}"


def provider_of(href: str) -> str | None:
    """Who serves what lies at an address.

    Examples
    --------
    >>> provider_of("https://sentinel-cogs.s3.us-west-2.amazonaws.com/B04.tif"), provider_of("./B04.tif")
    ('sentinel-cogs', None)
    """
    return next((name for part, name in _PROVIDERS.items() if part in href), None)


def is_item(path: Path) -> bool:
    """True if a file looks like items: JSON with an item's or a search answer's words near its beginning."""
    if path.suffix.lower() not in (".json", ".geojson") or not path.is_file():
        return False
    try:
        with path.open("rb") as handle:
            head = handle.read(2**16)
    except OSError:
        return False
    return b'"stac_version"' in head or (b'"assets"' in head and b'"Feature"' in head)


def read_items(path: Path) -> list[Item]:
    """Read all items of a file: one, a collection of features, or a search answer.

    A baseline that JSON holds as a number has lost its last digit where that is 0: 05.10 stands there as 5.1.

    Raises
    ------
    Unreadable
        It is not there, no JSON, too large, or holds no item.
    """
    where = path.name
    try:
        with path.open("rb") as handle:
            blob = handle.read(_MOST_BYTES + 1)
        if len(blob) > _MOST_BYTES:
            raise Unreadable(where=where, what=f"has more than {_MOST_BYTES:,} bytes", fix="Cut it into smaller files.")
        held = json.loads(blob)
    except OSError as error:
        raise Unreadable(where=str(path), what=f"cannot be read ({error.strerror})", fix="Look at the path.") from None
    except (ValueError, RecursionError) as error:
        raise Unreadable(where=where, what=f"is no whole JSON ({str(error)[:100]})", fix=_AGAIN) from None
    found = list(_entries(held))
    if not found:
        raise Unreadable(where=where, what="holds no item", fix="Name a file of STAC items.")
    return [_item(each, form, path) for each, form in found]


def _entries(held: Any) -> Iterator[tuple[Mapping[str, Any], str]]:
    """Items in a file, with the form of each."""
    if not isinstance(held, dict):
        return
    features = held.get("features") if held.get("type") == "FeatureCollection" else [held]
    for each in held.get("value") or features or ():
        if not isinstance(each, dict):
            continue
        if "Name" in each and "ContentDate" in each:
            yield each, "odata"
        elif each.get("type") == "Feature" and isinstance(each.get("assets"), dict):
            yield each, "stac"
        elif each.get("type") == "Feature" and "productIdentifier" in (each.get("properties") or {}):
            yield each, "opensearch"


def _item(held: Mapping[str, Any], form: str, path: Path) -> Item:
    properties = held.get("properties")
    props: Mapping[str, Any] = properties if isinstance(properties, dict) else {}
    id = str(held.get("id") or held.get("Name") or "")
    where = f"{path.name} item {id[:80]!r}"
    if not id:
        raise Unreadable(where=path.name, what="holds an item without identifier", fix=_AGAIN)
    said = [props.get(k) for k in ("s2:product_uri", "sentinel:product_id", "title", "s1:product_identifier")]
    name = next((str(each).removesuffix(".SAFE") for each in (*said, held.get("Name"), id) if each), "")
    match = _NAME.search(name)
    stamp = props.get("datetime") or props.get("startDate") or (held.get("ContentDate") or {}).get("Start")
    tile = _first(props, "grid:code", "s2:mgrs_tile")
    tile = str(tile).removeprefix("MGRS-") if tile else (match[6] or "" if match else "")
    shape = _shape(props.get("proj:shape"), where)
    transform = _transform(props.get("proj:transform"), where)
    listed = held.get("assets")
    assets: Mapping[str, Any] = listed if isinstance(listed, dict) else {}
    geometry = held.get("GeoFootprint") or held.get("geometry")
    return Item(
        path=path,
        id=id.removesuffix(".SAFE"),
        form=form,
        collection=str(held.get("collection") or ""),
        platform=_platform(props, match),
        level=_level(props, match, held),
        product=name,
        time=np.datetime64("NaT", "us") if not stamp else moment(str(stamp), "datetime", where=where),
        baseline=_baseline(_first(props, "s2:processing_baseline", "processing:version", "processingBaseline")),
        name_baseline=f"{match[4][:2]}.{match[4][2:]}" if match and match[4] else "",
        flag=_flag(props),
        epsg=_epsg(props, where),
        tile=f"T{tile}" if re.fullmatch(r"\d\d[A-Z]{3}", tile) else "",
        bbox=_bbox(held.get("bbox"), where),
        geometry=_geometry(geometry, where),
        assets=tuple(
            _asset(key, each, shape, transform, where)
            for key, each in assets.items()
            if isinstance(each, dict) and isinstance(each.get("href"), str)
        ),
        metadata=tuple(
            each["href"]
            for each in assets.values()
            if isinstance(each, dict) and str(each.get("href", "")).lower().endswith(".xml")
        ),
    )


def _first(held: Mapping[str, Any], *names: str) -> Any:
    return next((held[name] for name in names if held.get(name) is not None), None)


def _platform(props: Mapping[str, Any], match: re.Match[str] | None) -> str:
    said = str(props.get("platform") or "").lower()
    found = re.fullmatch(r"sentinel-([12][a-d])|(s[12][a-d])", said)
    return f"S{found[1].upper()}" if found and found[1] else found[2].upper() if found else match[1] if match else ""


def _level(props: Mapping[str, Any], match: re.Match[str] | None, held: Mapping[str, Any]) -> str:
    if props.get("sar:product_type") in ("GRD", "RTC", "SLC"):
        return str(props["sar:product_type"])
    if held.get("collection") == "sentinel-1-rtc":
        return "RTC"
    said = {"S2MSI1C": "L1C", "S2MSI2A": "L2A"}.get(str(_first(props, "s2:product_type", "productType")))
    of = {"sentinel-2-l1c": "L1C", "sentinel-2-l2a": "L2A", "sentinel-s2-l2a-cogs": "L2A", "sentinel-2-c1-l2a": "L2A"}
    return said or (match[2] if match else of.get(str(held.get("collection")), ""))


def _baseline(said: Any) -> str:
    """As it stands; a number keeps the digits that JSON left it."""
    return f"{said:g}" if isinstance(said, int | float) and not isinstance(said, bool) else str(said or "")


def _flag(props: Mapping[str, Any]) -> bool | None:
    said = _first(props, "earthsearch:boa_offset_applied", "sentinel:boa_offset_applied", "s2:boa_offset_applied")
    return said if isinstance(said, bool) else None


def _epsg(props: Mapping[str, Any], where: str) -> int | None:
    said = _first(props, "proj:code", "proj:epsg")
    if said is None:
        return None
    code = str(said).upper().removeprefix("EPSG:")
    if not (code.isascii() and code.isdecimal() and len(code) < 7):
        raise Unreadable(where=where, what=f"proj:code names no CRS ({code[:40]!r})", fix=_AGAIN)
    return int(code)


def _numbers(said: Any, counts: tuple[int, ...], name: str, where: str) -> list[float] | None:
    """Finite numbers of a list, or None where there is none."""
    if said is None or said == []:
        return None
    good = isinstance(said, list) and len(said) in counts
    if not good or any(isinstance(n, bool) or not isinstance(n, int | float) or not math.isfinite(n) for n in said):
        want = f"{' or '.join(map(str, counts))} numbers"
        raise Unreadable(where=where, what=name, want=want, have=str(said)[:80], fix=_AGAIN)
    return [float(n) for n in said]


def _shape(said: Any, where: str) -> tuple[int, int] | None:
    found = _numbers(said, (2,), "proj:shape", where)
    return None if found is None else (int(found[0]), int(found[1]))


def _transform(said: Any, where: str) -> Affine | None:
    found = _numbers(said, (6, 9), "proj:transform", where)
    return None if found is None else Affine(*found[:6])


def _bbox(said: Any, where: str) -> tuple[float, float, float, float] | None:
    found = _numbers(said, (4, 6), "bbox", where)
    if found is None:
        return None
    west, south, east, north = found if len(found) == 4 else (found[0], found[1], found[3], found[4])
    return west, south, east, north


def _geometry(said: Any, where: str) -> shapely.Geometry | None:
    if not isinstance(said, dict):
        return None
    try:
        return shapely.from_geojson(json.dumps(said))
    except (ShapelyError, ValueError) as error:
        raise Unreadable(where=where, what=f"has a geometry that is none ({str(error)[:80]})", fix=_AGAIN) from None


def _asset(
    key: str, held: Mapping[str, Any], shape: tuple[int, int] | None, transform: Affine | None, where: str
) -> Asset:
    at = f"{where} asset {key!r}"
    bands: list[Any] = next((held[n] for n in ("bands", "eo:bands") if isinstance(held.get(n), list) and held[n]), [])
    raster = held["raster:bands"] if isinstance(held.get("raster:bands"), list) and held["raster:bands"] else bands
    first = raster[0] if raster and isinstance(raster[0], dict) else {}
    own = _transform(held.get("proj:transform"), at) or transform

    def number(*names: str) -> float | None:
        said = _first({**held, **first}, *names)
        return float(said) if isinstance(said, int | float) and not isinstance(said, bool) else None

    band = _band(key, bands, held.get("href", ""))
    size = _SIZE.search(key)
    gsd = float(size[1]) if size else number("gsd", "spatial_resolution", "raster:spatial_resolution")
    if gsd is None and own is not None:
        gsd = math.hypot(own.a, own.d)
    return Asset(
        key=key,
        href=str(held["href"]),
        band=band,
        gsd=gsd,
        shape=_shape(held.get("proj:shape"), at) or shape,
        transform=own,
        scale=number("raster:scale", "scale"),
        offset=number("raster:offset", "offset"),
        nodata=number("nodata", "raster:nodata"),
    )


def _band(key: str, bands: list[Any], href: str) -> str:
    """Canonical band of an asset that holds a single one; empty = another kind of file."""
    named = [each for each in bands if isinstance(each, dict)]
    stem = _SIZE.sub("", key.lower().removesuffix("-jp2"))
    if stem in ("scl", "visual", "overview", "preview", "thumbnail", "aot", "wvp") or len(named) > 1:
        return "SCL" if stem == "scl" else ""
    said = named[0] if named else {}
    wavelength = _first(said, "center_wavelength", "eo:center_wavelength")
    for name in (said.get("name"), said.get("common_name"), said.get("eo:common_name"), stem, stem.split("_")[-1]):
        if name and not href.lower().endswith((".xml", ".json", ".png", ".jpg", ".html")):
            try:
                return resolve(str(name), wavelength=wavelength if isinstance(wavelength, int | float) else None)
            except SwathError:
                continue
    return ""


def claims_of(item: Item, asset: Asset, *, provider: str | None = None) -> list[Claim]:
    """What an item says of the offset of one of its assets, without the files themselves.

    Provider, `raster:offset`, `boa_offset_applied` and baseline each make a claim of its rank; the flag speaks of the
    cloud-optimised copies only, not of the original JPEG 2000 that some items list beside them.

    Parameters
    ----------
    item, asset : Item, Asset
        Which.
    provider : str, optional
        Key of `core.offset.PROVIDERS`; default the one that the asset's address names.
    """
    claims: list[Claim] = []
    implied = baseline_offset(item.best_baseline) if item.best_baseline else None
    provider = provider or asset.provider
    if provider is not None:
        known = provider_claim(provider, item.best_baseline or None)
        claims += [known] if known else []
    if asset.scale and asset.offset is not None:
        claims.append(Claim("raster", (round(asset.offset / asset.scale, 6),), "raster:offset / raster:scale"))
    if item.flag is not None and provider in (None, "sentinel-cogs"):
        if item.flag:
            claims.append(Claim("flag", (0.0,), "boa_offset_applied is true"))
        elif implied is not None:
            claims.append(Claim("flag", (implied,), f"boa_offset_applied is false, baseline {item.best_baseline}"))
    if implied is not None:
        claims.append(Claim("baseline", (implied,), f"baseline {item.best_baseline}"))
    return claims


def find_lies(item: Item) -> tuple[Lie, ...]:
    """Say where an item contradicts itself, as far as that shows without its files.

    Returns
    -------
    tuple of Lie
        In the order: offset, baseline, grid, place, date, asset; empty = none was found, which proves nothing.
    """
    return (*_offset_lies(item), *_baseline_lies(item), *_grid_lies(item), *_place_lies(item), *_other_lies(item))


def _offset_lies(item: Item) -> Iterator[Lie]:
    """Claims about one asset that disagree, told once for all assets alike."""
    told: dict[str, list[str]] = {}
    for asset in item.assets:
        if asset.band in ("", "SCL"):
            continue
        claims = [claim for claim in claims_of(item, asset) if not (claim.kind == "baseline" and item.flag)]
        if len({claim.offset for claim in claims}) > 1:
            told.setdefault("; ".join(map(str, claims)), []).append(asset.key)
    for said, keys in told.items():
        fix = (
            "the pixels decide"
            if any(k.startswith(("flag", "provider")) for k in said.split("; "))
            else "the XML decides"
        )
        yield Lie("offset", f"{said}; {len(keys)} assets ({', '.join(keys[:3])}, ...): {fix}")


def _baseline_lies(item: Item) -> Iterator[Lie]:
    said, named = (re.fullmatch(r"(\d+)\.(\d+)", each) for each in (item.baseline, item.name_baseline))
    if said and named and [int(n) for n in said.groups()] != [int(n) for n in named.groups()]:
        yield Lie(
            "baseline", f"the property says {item.baseline}, the product's name {item.name_baseline}, which is taken"
        )


def _grid_lies(item: Item) -> Iterator[Lie]:
    if item.level == "GRD" and any(asset.transform for asset in item.assets):
        yield Lie("grid", "proj:transform is made up (box divided by size): a GRD is placed by control points only")
    for asset in item.assets:
        if asset.band and asset.gsd and asset.transform and item.level != "GRD":
            side = math.hypot(asset.transform.a, asset.transform.d)
            if item.epsg not in (None, 4326) and abs(side / asset.gsd - 1) > 0.05 and item.level != "RTC":
                yield Lie("grid", f"asset {asset.key} has gsd {asset.gsd:g} and proj:transform of {side:g} m")
    if item.tile and item.epsg is not None:
        zone, is_north = int(item.tile[1:3]), item.tile[3] >= "N"
        if item.epsg != (32600 if is_north else 32700) + zone:
            yield Lie("grid", f"tile {item.tile} lies in another zone than EPSG:{item.epsg}")


def _grid(item: Item) -> GeoBox | None:
    """The grid that the item's first placed asset claims."""
    for asset in item.assets:
        if asset.band and asset.shape and asset.transform and item.epsg and item.level != "GRD":
            try:
                return GeoBox(asset.shape, asset.transform, f"EPSG:{item.epsg}")
            except (CRSError, ValueError):
                return None
    return None


def _place_lies(item: Item) -> Iterator[Lie]:
    grid = _grid(item)
    outline = None
    if grid is not None:
        try:
            outline = footprint(grid)
        except Refused:
            outline = None
    if outline is not None and item.geometry is not None and outline.disjoint(shapely.make_valid(item.geometry)):
        yield Lie("place", "the geometry lies outside the grid of its own assets")
    if item.bbox is not None and item.geometry is not None:
        west, south, east, north = item.bbox
        xs, ys = (shapely.get_coordinates(item.geometry)[:, i] for i in (0, 1))
        width = (east - west) % 360 if east != west else 0.0
        inside = (xs - west + 0.01) % 360 <= width + 0.02
        if not (inside.all() and (ys >= south - 0.01).all() and (ys <= north + 0.01).all()):
            yield Lie("place", f"the geometry reaches beyond the bbox {list(item.bbox)}")


def _other_lies(item: Item) -> Iterator[Lie]:
    match = _NAME.search(item.product)
    if match and not np.isnat(item.time):
        try:
            named = str(datetime.datetime.strptime(match[3], "%Y%m%dT%H%M%S").isoformat())
        except ValueError:
            named = "NaT"
        apart = abs(item.time - np.datetime64(named, "us"))
        if np.isnat(apart) or apart > np.timedelta64(2, "h"):
            yield Lie("date", f"datetime is {str(item.time)[:19]}, the product's name says {match[3]}")
    absent = {20: ("B08",), 60: ("B08", "B10")}
    if item.level == "L2A":
        keys = [a.key for a in item.assets if a.gsd and a.band in absent.get(int(a.gsd), ())]
        keys += [a.key for a in item.assets if a.band == "B10" and a.key not in keys]
        if keys:
            yield Lie("asset", f"lists images that level 2A does not have: {', '.join(keys)}")
