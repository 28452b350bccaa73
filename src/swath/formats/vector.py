"""Vector: features of a file that GDAL or GeoParquet's reader opens, with one column; GeoPackage and GeoJSON out.

GeoPackage, GeoJSON, Shapefile, FlatGeobuf, GeoParquet and whatever else this GDAL knows. Coordinates come as they are
stored, longitude or easting first, without heights. Knows nothing of classes: what a column means is the caller's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import geopandas
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pyogrio
import shapely
from pyogrio.errors import DataLayerError, DataSourceError, FieldError

from swath.core.array import Array
from swath.core.errors import Refused, Unknown, Unreadable
from swath.core.files import publish

__all__ = ["Features", "read_features", "write_features"]

_PARQUET: Final = (".parquet", ".geoparquet", ".pq")
_AGAIN: Final = "It is truncated, corrupt or no vector file: fetch it again."


@dataclass(frozen=True, slots=True, eq=False)
class Features:
    """Features of one layer, n of them, in the order of the file."""

    #: The file's own numbers; rows from 0 where it has none. int64, shape (n,).
    ids: Array
    #: Objects of shapely, shape (n,); None where a feature has none or it cannot be read.
    geometry: Array
    #: The column asked for, shape (n,): text, numbers, dates, or objects.
    values: Array
    #: The CRS, as WKT or `EPSG:n`; None = the file does not say.
    crs: str | None


def read_features(path: Path, *, column: str | None, layer: str | None = None) -> Features:
    """Read the features of a layer with one of their columns.

    Parameters
    ----------
    path : Path
        The file.
    column : str
        Its name; None is refused with the names that there are.
    layer : str, optional
        Needed only where the file has several.

    Raises
    ------
    Unreadable
        It is not there, or no vector file.
    Unknown
        There is no such column or layer; the nearest is named.
    Refused
        No column is named, there are several layers, or no feature at all.
    """
    if not path.exists():
        raise Unreadable(where=str(path), what="is not there", fix="Look at the path.")
    read = _read_parquet if path.suffix.lower() in _PARQUET else _read_gdal
    try:
        held = read(path, column, layer)
    except (DataSourceError, DataLayerError, FieldError, OSError, ValueError, pa.ArrowException) as error:
        said = str(error).strip().rstrip(".").split("\n")[0][:200]
        raise Unreadable(where=path.name, what=f"cannot be read as a vector file ({said})", fix=_AGAIN) from error
    if not len(held.ids):
        raise Refused(where=path.name, what="holds no feature", fix="Look at the file, or choose a layer with --layer.")
    return held


def _require_column(column: str | None, names: Sequence[str], path: Path) -> str:
    if column is None:
        have = ", ".join(names) or "none"
        fix = "Name one: --column NAME."
        raise Refused(where=path.name, what="which column holds the class is not said", have=have, fix=fix)
    if column not in names:
        raise Unknown(column, names, what="column", where=path.name)
    return column


def _layer(path: Path, layer: str | None) -> str | None:
    names = [str(name) for name, kind in pyogrio.list_layers(path) if kind is not None]
    if layer is not None and layer not in names:
        raise Unknown(layer, names, what="layer", where=path.name)
    if layer is None and len(names) > 1:
        raise Refused(
            where=path.name, what="holds several layers", have=", ".join(names), fix="Choose one with --layer NAME."
        )
    return layer or (names[0] if names else None)


def _read_gdal(path: Path, column: str | None, layer: str | None) -> Features:
    name = _layer(path, layer)
    fields = [str(each) for each in pyogrio.read_info(path, layer=name)["fields"]]
    wanted = _require_column(column, fields, path)
    meta, ids, geometry, values = pyogrio.raw.read(
        path, layer=name, columns=[wanted], force_2d=True, return_fids=True, datetime_as_string=True
    )
    if geometry is None:
        raise Refused(
            where=path.name,
            what="holds no geometry, only a table",
            fix="Turn its columns into points first: ogr2ogr -oo X_POSSIBLE_NAMES=lon -oo Y_POSSIBLE_NAMES=lat.",
        )
    shapes = shapely.from_wkb(geometry, on_invalid="ignore")
    return Features(np.asarray(ids, np.int64), np.asarray(shapes, object), np.asarray(values[0]), meta["crs"])


def _read_parquet(path: Path, column: str | None, layer: str | None) -> Features:
    if layer is not None:
        raise Refused(where=path.name, what=f"has no layers, so none is {layer!r}", fix="Leave --layer out.")
    names = pq.read_schema(path).names
    frame: Any = geopandas.read_parquet(path)
    wanted = _require_column(column, [name for name in names if name not in (frame.geometry.name, "bbox")], path)
    shapes = shapely.force_2d(np.asarray(frame.geometry.array, object))
    crs = None if frame.crs is None else frame.crs.to_wkt()
    return Features(np.arange(len(frame), dtype=np.int64), shapes, frame[wanted].to_numpy(), crs)


def write_features(
    path: Path, geometry: Array, columns: Mapping[str, Any], *, crs: str, layer: str, note: str = ""
) -> None:
    """Write polygons or points with their columns as a GeoPackage or GeoJSON, the same bytes for the same features.

    Parameters
    ----------
    path : Path
        The file; replaced if it is there. Its suffix says which: `.geojson` and `.json` are GeoJSON.
    geometry : array of shapely, shape (n,)
    columns : mapping
        Name -> values, n of them.
    crs, layer : str
        CRS of the coordinates, and name of the layer.
    note : str
        Kept in the file as the layer's description: attribution belongs here.

    Raises
    ------
    Refused
        The file cannot be written; nothing of it is left.
    """
    frame = geopandas.GeoDataFrame(dict(columns), geometry=list(geometry), crs=crs)
    is_json = path.suffix.lower() in (".geojson", ".json")
    temporary = path.with_name(f".{path.stem}.tmp{'.geojson' if is_json else '.gpkg'}")
    told = {"DESCRIPTION": note} if note else {}
    if is_json:
        told |= {"RFC7946": "YES"}
    # A GeoPackage notes when it was written; the note is kept still, so that equal features are equal files.
    pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": "1970-01-01T00:00:00.000Z"})
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.unlink(missing_ok=True)
        driver = "GeoJSON" if is_json else "GPKG"
        pyogrio.write_dataframe(frame, temporary, layer=layer, driver=driver, layer_options=told)
    except (DataSourceError, DataLayerError, OSError, RuntimeError) as error:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        said = str(error).strip().rstrip(".").split("\n")[0][:200]
        fix = "Look at the folder and the space on its disk."
        raise Refused(where=str(path), what=f"cannot be written ({said})", fix=fix) from error
    finally:
        pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": None})
    publish(temporary, path)
