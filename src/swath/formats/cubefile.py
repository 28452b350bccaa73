"""Cube file: what one NetCDF or Zarr cube says of its grid, dates and bands, and its numbers window by window.

Dimensions are known by their names or CF attributes, the grid by coordinates with equal steps and a grid mapping, dates
by their CF units; rows are turned north up, and what was never written or lies beyond the edge is invalid. A grid that
is not regular, dates that fall and a CRS that nobody names are refused. Knows no quantity: see `formats.cube`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import xarray as xr
from affine import Affine
from odc.geo.geobox import GeoBox
from pyproj import CRS, Transformer
from pyproj.exceptions import CRSError, ProjError

from swath.core.array import Array
from swath.core.bands import S1_BANDS, S2_BANDS, resolve
from swath.core.errors import Mismatch, Refused, SwathError, Unknown, Unreadable
from swath.core.geobox import centre
from swath.core.scene import Window
from swath.formats.arrays import Arrays, Variable, open_arrays
from swath.formats.mapping import Declared
from swath.formats.raster import Header

__all__ = ["ASIDE", "Cube", "CubeBand", "examine", "grid_of", "read_band", "read_bands"]

_Y: Final = ("y", "lat", "latitude", "northing")
_X: Final = ("x", "lon", "longitude", "easting")
_T: Final = ("t", "time", "date")
_B: Final = ("bands", "band", "variable")
_MAPPINGS: Final = ("crs", "spatial_ref", "transverse_mercator")
#: Bands of L2A that are no reflectance -> scale of their whole numbers, and unit: AOT / 1000, WVP / 1000 cm.
ASIDE: Final[dict[str, tuple[float, str]]] = {"AOT": (0.001, "1"), "WVP": (0.001, "cm")}
_LEVELS: Final = re.compile(r"(?:^|[-_])(L1C|L2A)(?:[-_]|$)", re.IGNORECASE)
_STEP_TOLERANCE: Final = 1e-3
#: Coordinates along one dimension: the Earth around at 10 m has four million.
_MOST_ALONG: Final = 2**23


@dataclass(frozen=True, slots=True)
class CubeBand:
    """Where one band of a cube lies."""

    #: As its file names it.
    title: str
    variable: Variable
    #: Position along the dimension of bands; None where the variable is the band.
    index: int | None
    #: Code of absence in the file; None where it declares none.
    nodata: float | None


@dataclass(frozen=True, slots=True)
class Cube:
    """What one file says of itself."""

    #: The file or group.
    path: Path
    #: Its name in plans.
    id: str
    #: In the order of their sensor; those of `ASIDE` stand apart.
    bands: tuple[CubeBand, ...]
    aside: tuple[tuple[str, CubeBand], ...]
    #: datetime64[us], shape (t,); NaT = unknown.
    times: Array
    #: Names of the dimensions of time, y and x; empty = the cube has no time.
    dims: tuple[str, str, str]
    #: True if rows run from south to north in the file.
    is_upside_down: bool
    #: What `formats.mapping` reads it by.
    header: Header
    #: Level that the names of its bands say; empty = none.
    level: str


def _axes(variables: Mapping[str, Variable], where: str) -> tuple[str, str, str]:
    """Names of the dimensions of time, y and x."""

    def named(names: Sequence[str], axis: str, standard: Sequence[str]) -> str:
        dims = {dim for each in variables.values() for dim in each.dims}
        for dim in sorted(dims):
            about = variables[dim].attrs if dim in variables else {}
            if about.get("axis") == axis or about.get("standard_name") in standard or dim.lower() in names:
                return dim
        return ""

    y = named(_Y, "Y", ("projection_y_coordinate", "latitude"))
    x = named(_X, "X", ("projection_x_coordinate", "longitude"))
    t = named(_T, "T", ("time",))
    if not y or not x:
        have = ", ".join(f"{v.name}({', '.join(v.dims)})" for v in variables.values())[:160]
        raise Refused(where=where, what="has no dimensions y and x", have=have or "nothing", fix="It is no cube.")
    return t, y, x


def _bands(arrays: Arrays, dims: tuple[str, str, str], where: str) -> list[CubeBand]:
    """Every band on the grid, in the order of the file."""
    t, y, x = dims
    found: list[CubeBand] = []
    for each in arrays.variables.values():
        if y not in each.dims or x not in each.dims:
            continue
        others = [dim for dim in each.dims if dim not in (t, y, x)]
        code = next((each.attrs[n] for n in ("_FillValue", "missing_value", "nodata") if n in each.attrs), None)
        nodata = _code(code, each)
        if not others:
            found.append(CubeBand(each.name, each, None, nodata))
        elif len(others) == 1 and others[0].lower() in _B:
            labels = _labels(arrays, others[0], each.shape[each.dims.index(others[0])], where)
            found += [CubeBand(label, each, k, nodata) for k, label in enumerate(labels)]
        else:
            what = f"has a variable {each.name} with dimensions {', '.join(each.dims)}"
            raise Refused(where=where, what=what, fix="Leave one date, band and grid: select along the others first.")
    if not found:
        raise Refused(where=where, what=f"has no variable on its grid ({y}, {x})", fix="It is no cube.")
    return found


def _code(code: Any, variable: Variable) -> float | None:
    """Code of absence as the numbers that are read hold it."""
    if not isinstance(code, int | float) or isinstance(code, bool):
        return None
    kind = np.dtype(variable.dtype)
    if kind.kind == "u" and code < 0:
        return float(int(code) % 2 ** (8 * kind.itemsize))  # written as a signed number, as NetCDF 3 must
    return float(code)


def _along(arrays: Arrays, dim: str, where: str) -> Array:
    """Coordinates of a dimension; more than any grid has are not read."""
    claimed = math.prod(arrays.variables[dim].shape)
    if claimed > _MOST_ALONG:
        what = f"claims {claimed:,} coordinates, above {_MOST_ALONG:,}"
        raise Unreadable(where=f"{where} {dim}", what=what, fix="Nothing was read: look at where it comes from.")
    return arrays.read(dim)[0]


def _labels(arrays: Arrays, dim: str, count: int, where: str) -> list[str]:
    if dim not in arrays.variables:
        what = f"has a dimension {dim!r} of {count} bands and no names for them"
        raise Refused(where=where, what=what, fix="Write the names as its coordinate.")
    held = _along(arrays, dim, where)
    texts = [each.decode("utf-8", "replace") if isinstance(each, bytes) else str(each) for each in held.ravel()]
    if len(texts) != count:  # classic NetCDF writes texts letter by letter
        texts = ["".join(texts[k : k + len(texts) // count]).strip() for k in range(0, len(texts), len(texts) // count)]
    return [text.strip("\0 ") for text in texts]


def _times(arrays: Arrays, t: str, count: int, where: str) -> Array:
    """Dates of a cube by its CF units; they must not fall."""
    if t not in arrays.variables:
        raise Refused(where=where, what=f"has {count} dates along {t!r} and does not say which", fix="Write them.")
    about, held = arrays.variables[t], _along(arrays, t, where)
    try:
        decoded = xr.decode_cf(xr.Dataset({"t": (("n",), held.ravel(), dict(about.attrs))}))["t"].values
    except (ValueError, TypeError, OverflowError, KeyError, ArithmeticError, ImportError) as error:
        what = f"has dates that cannot be read ({str(error).splitlines()[0][:120] if str(error) else 'no reason'})"
        raise Unreadable(where=where, what=what, fix="Mend the units of its time.") from None
    if decoded.dtype.kind != "M" or len(decoded) != count:
        have = str(about.attrs.get("units", "no units"))
        raise Refused(where=where, what="has dates without a unit", have=have, fix='Write "days since 1970-01-01".')
    times = decoded.astype("datetime64[us]")
    falls = np.flatnonzero(np.diff(times.astype(np.int64)) < 0)
    if falls.size:
        first, then = (str(times[falls[0] + k])[:19] for k in (0, 1))
        what = f"has dates in another order than time: {then} stands behind {first}"
        raise Refused(where=where, what=what, fix="Sort it by time and write it again.")
    return np.asarray(times)


def _geobox(arrays: Arrays, band: Variable, dims: tuple[str, str, str], crs: str, where: str) -> tuple[GeoBox, bool]:
    """Pixel grid by the coordinates, north up, and whether rows are turned for it."""
    _, y, x = dims
    steps, starts = [], []
    for dim in (x, y):
        if dim not in arrays.variables:
            raise Refused(where=where, what=f"has no coordinates along {dim!r}", fix="Write where its pixels lie.")
        held = _along(arrays, dim, where).astype(np.float64).ravel()
        gaps = np.diff(held)
        if len(held) < 2 or not np.isfinite(held).all():
            raise Refused(where=where, what=f"has too few coordinates along {dim!r}", fix="Cut it two pixels wide.")
        step = float((held[-1] - held[0]) / (len(held) - 1))
        if step == 0 or np.abs(gaps - step).max() > _STEP_TOLERANCE * abs(step):
            have = f"steps of {gaps.min():.6g} to {gaps.max():.6g}"
            raise Mismatch(where=where, what=f"grid along {dim}", want="equal steps", have=have, fix="Regrid it.")
        steps.append(step)
        starts.append((float(held[0]), float(held[-1])))
    is_upside_down = steps[1] > 0
    if steps[0] < 0:
        raise Refused(where=where, what="runs from east to west", fix="Turn it and write it again.")
    top = starts[1][1] if is_upside_down else starts[1][0]
    height = abs(steps[1])
    transform = Affine(steps[0], 0, starts[0][0] - steps[0] / 2, 0, -height, top + height / 2)
    shape = tuple(band.shape[band.dims.index(dim)] for dim in (y, x))
    name = _crs_of(arrays, band, dims, crs, where)
    try:
        return GeoBox((shape[0], shape[1]), transform, name), is_upside_down
    except (CRSError, ProjError, ValueError) as error:
        raise Unreadable(where=where, what=f"has a CRS that cannot be read ({str(error)[:100]})") from None


def _crs_of(arrays: Arrays, band: Variable, dims: tuple[str, str, str], declared: str, where: str) -> str:
    """CRS by the grid mapping, or of degrees; what is declared must agree."""
    named = [str(band.attrs.get("grid_mapping", "")), *_MAPPINGS]
    about = next((arrays.variables[name].attrs for name in named if name in arrays.variables), {})
    text = str(about.get("crs_wkt") or about.get("spatial_ref") or "")
    units = [str(arrays.variables[dim].attrs.get("units", "")) for dim in dims[1:] if dim in arrays.variables]
    try:
        if text:
            found = _authority(text) or text
        elif about.get("grid_mapping_name"):
            found = str(CRS.from_cf(dict(about)).to_wkt())
        else:
            found = "EPSG:4326" if any(unit.startswith("degree") for unit in units) else ""
        if declared:
            if found and not CRS.from_user_input(declared).equals(CRS.from_user_input(found), ignore_axis_order=True):
                have = CRS.from_user_input(found).name
                raise Mismatch(where=where, what="CRS", want=f"{declared} (declared)", have=f"{have} (in the file)")
            return declared
    except (CRSError, ProjError, KeyError, TypeError, ValueError) as error:
        raise Unreadable(where=where, what=f"has a CRS that cannot be read ({str(error)[:100]})") from None
    if not found:
        raise Refused(where=where, what="has a grid and names no CRS", fix="Declare crs=, as EPSG:32631.")
    return found


def _authority(text: str) -> str:
    """`EPSG:n` where a WKT ends with it and means the same place; empty otherwise."""
    said = re.search(r'AUTHORITY\["EPSG",\s*"(\d+)"\]\]\s*$', text)
    if said is None:
        return ""
    name = f"EPSG:{said[1]}"
    own, theirs = (Transformer.from_crs("EPSG:4326", crs, always_xy=True) for crs in (text, name))
    area = CRS.from_user_input(name).area_of_use
    lon, lat = (0.0, 0.0) if area is None else ((area.west + area.east) / 2, (area.south + area.north) / 2)
    apart = np.hypot(*np.subtract(own.transform(lon, lat), theirs.transform(lon, lat)))
    return name if apart < 0.01 else ""


def examine(path: Path, id: str, declared: Declared, crs: str) -> Cube:
    """Read all that one cube says of itself; no pixel."""
    with open_arrays(path, where=id) as arrays:
        dims = _axes(arrays.variables, id)
        every = sorted(_bands(arrays, dims, id), key=lambda band: _rank(band.title))
        first = every[0].variable
        for band in every[1:]:
            mine, theirs = ({d: v.shape[v.dims.index(d)] for d in dims if d in v.dims} for v in (band.variable, first))
            if mine != theirs:
                raise Mismatch(where=id, what=f"grid of {band.title}", want=str(theirs), have=str(mine))
        count = first.shape[first.dims.index(dims[0])] if dims[0] in first.dims else 0
        times = _times(arrays, dims[0], count, id) if count else np.array([declared.date], "datetime64[us]")
        if count and not np.isnat(declared.date):
            raise Refused(where=id, what="has dates of its own", fix="Leave date= out.")
        box, turned = _geobox(arrays, first, dims, crs, id)
    if not count:
        dims = ("", dims[1], dims[2])
    aside = tuple((_short(band.title), band) for band in every if _short(band.title) in ASIDE)
    bands = tuple(band for band in every if _short(band.title) not in ASIDE)
    if not bands:
        raise Refused(where=id, what="holds nothing but AOT and WVP", fix="Write the bands beside them.")
    try:
        place = centre(box)
    except (ProjError, SwathError) as error:
        raise Unreadable(where=id, what=f"lies nowhere on Earth ({str(error)[:100]})") from None
    if not math.isfinite(place[0]) or abs(place[1]) > 90:
        raise Unreadable(where=id, what="lies outside what its CRS can place", fix="Mend its CRS or coordinates.")
    header = Header(
        shape=(int(box.shape.y), int(box.shape.x)),
        indexes=tuple(range(1, len(bands) + 1)),
        dtype=_dtype_of(bands, declared, id),
        geobox=box,
        place=place,
        descriptions=tuple(_short(band.title) for band in bands),
        nodata=tuple(band.nodata for band in bands),
        has_mask=True,
        scales=tuple(_scale(band) for band in bands),
    )
    levels = {said[1].upper() for band in bands if (said := _LEVELS.search(band.title))}
    return Cube(path, id, bands, aside, times, dims, turned, header, levels.pop() if len(levels) == 1 else "")


def _scale(band: CubeBand) -> tuple[float, float]:
    about = band.variable.attrs
    return float(about.get("scale_factor", 1.0)), float(about.get("add_offset", 0.0))


def _dtype_of(bands: Sequence[CubeBand], declared: Declared, where: str) -> str:
    """Dtype that all measured bands share; class bands may have another."""
    classes = {name.upper() for name in declared.classes}
    kinds = {band.variable.dtype: band.title for band in bands if _short(band.title).upper() not in classes}
    if len(kinds) > 1:
        have = ", ".join(f"{title} {dtype}" for dtype, title in kinds.items())
        fix = "Leave some out with bands= (- in its place), or write them alike."
        raise Mismatch(where=where, what="dtype", want="one for all bands", have=have, fix=fix)
    held = next(iter(kinds), bands[0].variable.dtype)
    if np.dtype(held).kind not in "iuf" or held in ("int64", "uint64", "float16"):
        raise Refused(where=where, what=f"holds numbers as {held}", fix="Write it as uint16, int16 or float32.")
    return held


def _rank(title: str) -> tuple[int, str]:
    """Place of a band among others: that of its sensor, then by name; files keep no order of their own."""
    known, short = (*S2_BANDS, *S1_BANDS), _short(title)
    return (known.index(short) if short in known else len(known), title)


def _short(title: str) -> str:
    """Band that a name stands for, by itself or by its last piece: `S2-L2A-B02` is B02.

    Examples
    --------
    >>> _short("S2-L2A-B02"), _short("S1-SIGMA0-VV"), _short("red"), _short("S2-L2A-SCL"), _short("ndvi")
    ('B02', 'VV', 'B04', 'SCL', 'ndvi')
    """
    for text in (title, re.split(r"[-_.: ]", title)[-1]):
        try:
            return resolve(text)
        except (Unknown, Refused):
            if text.upper() in ("SCL", *ASIDE):
                return text.upper()
    return title


def read_bands(
    arrays: Arrays, cube: Cube, bands: Sequence[CubeBand], window: Window, *, nodata: float | None = None
) -> tuple[Array, Array]:
    """Read bands of a window.

    Parameters
    ----------
    nodata : float, optional
        Declared: stands in place of the file's own; NaN = none.

    Returns
    -------
    data : array, shape (t, b, h, w)
        What is invalid is 0 in floating point; beyond the edge all is 0.
    valid : bool array of the same shape

    Raises
    ------
    Unreadable
        Bytes are corrupt, or claim beyond measure.
    """
    height, width = cube.header.shape
    rows = range(max(window.row, 0), min(window.row + window.height, height))
    cols = range(max(window.col, 0), min(window.col + window.width, width))
    shape = (len(cube.times), len(bands), window.height, window.width)
    data, valid = np.zeros(shape, bands[0].variable.dtype), np.zeros(shape, bool)
    if not rows or not cols:
        return data, valid
    for k, band in enumerate(bands):
        held, written = read_band(arrays, cube, band, rows, cols)
        good = np.isfinite(held) if held.dtype.kind == "f" else np.ones(held.shape, bool)
        code = band.nodata if nodata is None else nodata
        if code is not None and not math.isnan(code):
            good &= held != code
        good &= written
        down = slice(rows.start - window.row, rows.stop - window.row)
        right = slice(cols.start - window.col, cols.stop - window.col)
        inside = (slice(None), k, down, right)
        data[inside], valid[inside] = held, good
    if data.dtype.kind == "f":
        data = np.where(valid, data, np.array(0, data.dtype))
    return data, valid


def read_band(arrays: Arrays, cube: Cube, band: CubeBand, rows: range, cols: range) -> tuple[Array, Array]:
    """Read one band of rows and columns that are there: numbers (t, h, w), north up, and which were ever written."""
    t, y, x = cube.dims
    height, each = cube.header.shape[0], band.variable
    lines = slice(height - rows.stop, height - rows.start) if cube.is_upside_down else slice(rows.start, rows.stop)
    at = {y: lines, x: slice(cols.start, cols.stop), t: slice(0, len(cube.times))}
    other = slice(band.index, (band.index or 0) + 1)
    data, written = arrays.read(each.name, tuple(at.get(dim, other) for dim in each.dims))
    there = np.ones(data.shape, bool) if written is None else written
    order = [each.dims.index(dim) for dim in (t, y, x) if dim in each.dims]
    order += [i for i in range(len(each.dims)) if i not in order]
    made = []
    for array in (data, there):
        turned = array.transpose(order).reshape(-1, len(rows), len(cols))
        made.append(turned[:, ::-1] if cube.is_upside_down else turned)
    return made[0], made[1]


def grid_of(cube: Cube) -> GeoBox:
    """Pixel grid of a cube that was examined."""
    if cube.header.geobox is None:
        raise Refused(where=cube.id, what="has no grid")
    return cube.header.geobox
