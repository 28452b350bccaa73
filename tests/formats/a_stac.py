"""Builders of STAC items with their assets beside them, as catalogues write them, lies included."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from affine import Affine

from swath.testing.build import a_geotiff
from tests.formats.a_safe import EPSG, LEFT, STEP, TOP, a_band

COGS = "https://sentinel-cogs.s3.us-west-2.amazonaws.com/sentinel-s2-l2a-cogs/32/T/PS/2022/6/X"


def a_stac(
    folder: Path,
    *,
    id: str = "S2A_32TPS_20220612_0_L2A",
    bands: Sequence[str] = ("B02", "B03", "B05", "B01", "B09"),
    baseline: Any = "04.00",
    named: str = "0400",
    href: str = COGS,
    raster: float | None = -0.1,
    flag: bool | None = None,
    added: int = 0,
    side: int = 288,
    scl: bool = True,
    properties: Mapping[str, Any] | None = None,
    suffix: str = "tif",
    date: str = "2022-06-12T10:10:31Z",
) -> Path:
    """Write an item of Sentinel-2 level 2A and its files.

    Parameters
    ----------
    folder : Path
        Where both are written.
    baseline, named : str
        What the property and the product's name say.
    href : str
        Address that the item gives its files; they lie beside it.
    raster, flag : optional
        `raster:bands` offset and `earthsearch:boa_offset_applied`; None = not said.
    added : int
        What the pixels really carry: 1000 as processed from 04.00 on, 0 where it was removed.

    Returns
    -------
    Path
        The item.
    """
    assets: dict[str, Any] = {}
    for band in (*bands, *(["SCL"] if scl else [])):
        gsd = STEP.get(band, 20)
        n = side * 10 // gsd
        transform = Affine(gsd, 0, LEFT, 0, -gsd, TOP)
        codes = (np.arange(n * n).reshape(n, n) % 12).astype(np.uint8)
        data = codes if band == "SCL" else a_band(band, n, added=added)
        packed: dict[str, Any] = {
            "compress": "deflate",
            "predictor": 2,
            "tiled": True,
            "blockxsize": 256,
            "blockysize": 256,
        }
        grid: dict[str, Any] = {"dtype": data.dtype.name, "crs": f"EPSG:{EPSG}", "transform": transform}
        a_geotiff(folder / f"{band}.{suffix}", data[None], **grid, **packed)
        held: dict[str, Any] = {
            "href": f"{href}/{band}.{suffix}",
            "proj:shape": [n, n],
            "proj:transform": list(transform),
        }
        if band != "SCL":
            held |= {"eo:bands": [{"name": band}], "gsd": gsd}
        if raster is not None and band != "SCL":
            held["raster:bands"] = [{"nodata": 0, "data_type": "uint16", "scale": 0.0001, "offset": raster}]
        assets[band.lower()] = held
    stamp = date[:19].replace("-", "").replace(":", "")
    props = {
        "datetime": date,
        "platform": "sentinel-2a",
        "proj:epsg": EPSG,
        "grid:code": "MGRS-32TPS",
        "s2:product_uri": f"S2A_MSIL2A_{stamp}_N{named}_R022_T32TPS_{stamp}.SAFE",
        **({} if baseline is None else {"s2:processing_baseline": baseline}),
        **({} if flag is None else {"earthsearch:boa_offset_applied": flag}),
        **(properties or {}),
    }
    item = {"type": "Feature", "stac_version": "1.0.0", "id": id, "collection": "sentinel-2-l2a", "assets": assets}
    path = folder / f"{id}.json"
    path.write_text(json.dumps({**item, "properties": props, "bbox": [11.3, 46.4, 11.4, 46.6], "geometry": None}))
    return path


def edited(path: Path, **changed: Any) -> Path:
    """Change top-level fields of an item."""
    path.write_text(json.dumps({**json.loads(path.read_text()), **changed}))
    return path


def with_asset(path: Path, key: str, **changed: Any) -> Path:
    """Change fields of one asset."""
    held = json.loads(path.read_text())
    held["assets"].setdefault(key, {}).update(changed)
    path.write_text(json.dumps(held))
    return path
