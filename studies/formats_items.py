"""Items: what our reader says of each SAFE tree beside the item that others made of it, and every item that lies."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
import shapely

from swath.core.bands import resolve
from swath.core.geobox import footprint
from swath.core.scene import Window
from swath.formats.safegrd import read_grd
from swath.formats.safeproduct import is_product_head, read_product
from swath.formats.safetree import find_trees
from swath.formats.stacitem import find_lies, read_items

__all__ = ["TREES", "agreements", "lies"]

#: Tree of Sentinel-2 -> name of the item expected of it.
TREES: Final[dict[str, str]] = {
    **{
        f"{name}.SAFE.zip": f"expected_{name}"
        for name in (
            "S2A_MSIL1C_20210908T042701_N0301_R133_T46RER_20210908T070248",
            "S2A_MSIL2A_20190212T192651_N0212_R013_T07HFE_20201007T160857",
            "S2A_MSIL2A_20230625T234621_N0509_R073_T01WCP_20230626T022157",
            "S2B_MSIL2A_20220413T150759_N0400_R025_T33XWJ_20220414T082126",
        )
    },
    "S2A_OPER_MSI_L2A_TL_VGS1_20220401T110010_A035382_T34LBQ.zip": "expected_S2A_T34LBQ_20220401_odd-offset",
}


def _close(one: float, other: float, far: float) -> bool:
    return abs(one - other) <= far


def _facts(product: Any, item: dict[str, Any]) -> Iterator[tuple[str, str, str, bool]]:
    """What is compared: name, our reading, the item's, whether they agree."""
    said = item["properties"]
    time = product.tile_time if product.id.startswith("S2A_OPER") or "OPER" in item["id"] else product.time
    moment = np.datetime64(said["datetime"].rstrip("Z"), "ms")
    pairs: list[tuple[str, Any, Any, Callable[[Any, Any], bool]]] = [
        ("name", f"{product.id}.SAFE", said["s2:product_uri"], str.__eq__),
        ("baseline", product.baseline, said["s2:processing_baseline"], str.__eq__),
        ("platform", f"sentinel-{product.platform[1:].lower()}", said["platform"], str.__eq__),
        ("tile", f"MGRS-{product.tile[1:]}", said["grid:code"], str.__eq__),
        ("CRS", f"EPSG:{product.grids[10].crs.epsg}", said["proj:code"], str.__eq__),
        ("cloud cover", product.cloud, said["eo:cloud_cover"], lambda a, b: _close(a, b, 1e-9)),
        ("sun's distance", product.sun_distance, said["s2:reflectance_conversion_factor"],
         lambda a, b: _close(a, b, 1e-12)),
        ("sun's elevation", 90 - product.sun[0], said["view:sun_elevation"], lambda a, b: _close(a, b, 1e-9)),
        ("sun's azimuth", product.sun[1], said["view:sun_azimuth"], lambda a, b: _close(a, b, 1e-9)),
        ("view angle", float(np.mean([zenith for zenith, _ in product.view.values()])), said["view:incidence_angle"],
         lambda a, b: _close(a, b, 1e-6)),
    ]  # fmt: skip
    if "sat:relative_orbit" in said:
        pairs.append(("orbit", product.orbit, said["sat:relative_orbit"], int.__eq__))
        pairs.append(("direction", product.direction, said["sat:orbit_state"], str.__eq__))
    for name, one, other, agrees in pairs:
        yield name, str(one), str(other), bool(agrees(one, other))
    days = [product.time.astype("datetime64[ms]"), product.tile_time.astype("datetime64[ms]")]
    yield "time of the datatake or tile", str(time), str(moment), moment in days
    geometry = shapely.geometry.shape(item["geometry"])
    inside = bool(footprint(product.grids[10]).buffer(0.02).contains(geometry))
    yield "outline within the grid", "", "", inside
    for key, asset in item["assets"].items():
        named = asset.get("eo:bands", [])
        if len(named) != 1 or "raster:bands" not in asset:
            continue
        band, gsd = resolve(named[0]["name"]), int(asset["raster:bands"][0]["spatial_resolution"])
        grid, raster = product.grids[gsd], asset["raster:bands"][0]
        yield (
            f"grid of {key}",
            f"{list(grid.shape.yx)} {tuple(grid.transform)[:6]}",
            f"{asset['proj:shape']} {asset['proj:transform'][:6]}",
            tuple(grid.transform)[:6] == tuple(asset["proj:transform"][:6])
            and list(grid.shape.yx) == asset["proj:shape"],
        )
        ours = product.offsets[band] / product.quantification
        agrees_too = _close(ours, raster["offset"], 1e-9) and 1 / product.quantification == raster["scale"]
        yield f"offset and scale of {key}", f"{ours:g}", f"{raster['offset']:g}", agrees_too


def agreements(data: Path) -> list[dict[str, Any]]:
    """One row a tree: facts compared, those that agree, those that do not."""
    made = []
    for tree, name in TREES.items():
        product = read_product(find_trees(data / "safe" / tree, is_product_head)[0])
        item = json.loads((data / "stac-items" / f"{name}.json").read_text())
        facts = list(_facts(product, item))
        offsets = sorted(set((product.offsets or {}).values()))
        made.append(
            {
                "tree": tree.removesuffix(".zip"),
                "item": name,
                "baseline": product.baseline,
                "offset": offsets,
                "facts": len(facts),
                "agree": sum(agrees for *_, agrees in facts),
                "differ": [
                    f"{what}: ours {one}, the item's {other}" for what, one, other, agrees in facts if not agrees
                ],
            }
        )
    return [*made, _radar(data)]


def _radar(data: Path) -> dict[str, Any]:
    path = next((data / "safe").glob("S1A_IW_GRDH_1SDV_20210809*"))
    product = read_grd(find_trees(path, lambda each: each == "manifest.safe")[0])
    item = json.loads((data / "stac-items" / "stactools_grd_S1A_20210809.json").read_text())
    said, image = item["properties"], product.images["VV"]
    outline = image.points.footprint(Window(0, 0, *image.shape), where="")
    shared = outline.intersection(shapely.geometry.shape(item["geometry"])).area / outline.area
    facts = [
        ("name", product.id, said["s1:product_identifier"]),
        ("orbit", product.orbit, said["sat:relative_orbit"]),
        ("direction", product.direction, said["sat:orbit_state"]),
        ("polarisations", list(product.images), said["sar:polarizations"]),
        (
            "start",
            str(product.time.astype("datetime64[us]")),
            str(np.datetime64(said["start_datetime"].rstrip("Z"), "us")),
        ),
        ("outline, 97 % or more shared", shared > 0.97, True),
        ("proj:shape (lines, pixels)", list(image.shape), said["proj:shape"]),
    ]
    return {
        "tree": path.name.removesuffix(".zip"),
        "item": "stactools_grd_S1A_20210809",
        "baseline": f"IPF {product.ipf}",
        "offset": [],
        "facts": len(facts),
        "agree": sum(one == other for _, one, other in facts),
        "differ": [f"{what}: ours {one}, the item's {other}" for what, one, other in facts if one != other],
    }


def lies(data: Path) -> list[dict[str, Any]]:
    """One row a file of items: how many it holds, and what they say that cannot be."""
    made = []
    for path in sorted((data / "stac-items").glob("*.json")):
        items = read_items(path)
        found = [str(lie) for item in items for lie in find_lies(item)]
        made.append(
            {"file": path.stem, "items": len(items), "lies": {each: found.count(each) for each in dict.fromkeys(found)}}
        )
    return made
