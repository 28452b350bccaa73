"""Describe: what a map says of itself, in the tags of its files and as a STAC item.

Model, scene, declarations, support, spacing, shift and version stand in every file, so that a map that was mailed alone
still tells what it is. The item follows STAC 1.1 with the projection, raster, classification and processing extensions.
Nothing here carries a clock.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import shapely
from odc.geo.geobox import GeoBox

from swath.core.geobox import footprint
from swath.core.legends import Legend
from swath.prediction.answers import FULL, NONE
from swath.prediction.mapplan import MapPlan

__all__ = ["PROBABILITY", "item_bytes", "legend_of", "map_tags"]

_EXTENSIONS: Final = (
    "https://stac-extensions.github.io/projection/v2.0.0/schema.json",
    "https://stac-extensions.github.io/raster/v2.0.0/schema.json",
    "https://stac-extensions.github.io/classification/v2.0.0/schema.json",
    "https://stac-extensions.github.io/processing/v1.2.0/schema.json",
)
#: What a stored probability means, for tags.
PROBABILITY: Final = (
    f"stored / {FULL}, {NONE} = nodata. How sure the model is after its temperature was fitted on validation data, of "
    "windows like those that it learnt from; no share of the pixel's ground, and no truth about ground unlike them."
)
#: Ends of the time in which a scene without a date may have been taken.
_ALWAYS: Final = ("2015-06-23T00:00:00Z", "9999-12-31T23:59:59Z")
_COG: Final = "image/tiff; application=geotiff; profile=cloud-optimized"


def legend_of(plan: MapPlan) -> Legend:
    """The legend of a plan's model, which `plan_map` has asked for."""
    held = plan.output.legend
    return held if held is not None else Legend("none", ())


def map_tags(plan: MapPlan) -> dict[str, str]:
    """Tags of both files, name -> text."""
    legend, scene = legend_of(plan), plan.fitted.scene
    names = {str(code): name for code, name in zip(plan.output.codes, plan.output.names, strict=True)}
    down, across = plan.support
    shift = ", ".join(f"{each:g}" for each in plan.shift)
    held = {
        "SWATH_VERSION": plan.version,
        "SWATH_PLAN": plan.hash,
        "SWATH_BUNDLE": plan.bundle,
        "SWATH_BUNDLE_HASH": plan.bundle_hash,
        "SWATH_SCENE": plan.where,
        "SWATH_SCENE_HASH": plan.scene_hash,
        "SWATH_SCENE_ORIGIN": json.dumps(scene.origin.to_json(), sort_keys=True),
        "SWATH_TAKEN_FOR": f"{' '.join(plan.fitted.needs.bands)}: {plan.fitted.spec.quantity}",
        "SWATH_RENDERING": f"{plan.fitted.rendering}, its stretch without coding" if plan.fitted.rendering else "",
        "SWATH_DECLARED": json.dumps(dict(plan.fitted.declared), sort_keys=True) if plan.fitted.declared else "none",
        "SWATH_LEGEND": legend.name,
        "SWATH_CLASSES": json.dumps(names, ensure_ascii=False),
        "SWATH_SUPPORT_M": f"{down:g} x {across:g} (down x across): the ground that one answer looks at",
        "SWATH_SPACING_M": "{:g} x {:g}: from answer to answer".format(*plan.spacing),
        "SWATH_SHIFT_M": f"{shift} (down, across): where answers truly stand beside their pixels",
        "SWATH_INTERPOLATION": "windows blended by a taper" if plan.is_dense else plan.interpolation,
        "SWATH_MIN_VALID": f"{plan.options.min_valid:g}",
        "SWATH_VIEWS": f"{plan.options.views}: orientations of a window, averaged" if plan.options.views else "",
        "SWATH_PROBABILITY": PROBABILITY,
        "SWATH_ATTRIBUTION": " ".join(filter(None, (legend.attribution, scene.origin.attribution))),
        "SWATH_NOTE": legend.note,
    }
    return {name: text for name, text in held.items() if text}


def _projection(box: GeoBox | None, shape: tuple[int, int]) -> dict[str, Any]:
    held: dict[str, Any] = {"proj:shape": list(shape)}
    if box is not None and box.crs is not None:
        code = str(box.crs)
        if code.upper().startswith("EPSG:"):
            held["proj:code"] = code.upper()
        else:
            held["proj:wkt2"] = code
        held["proj:transform"] = list(box.transform[:6])
    return held


def item_bytes(
    plan: MapPlan, *, assets: Mapping[str, str], dtype: str, nodata: int, areas: Mapping[str, float], date: Any
) -> bytes:
    """Write the STAC item.

    Parameters
    ----------
    plan : MapPlan
        Of the map.
    assets : mapping
        `map`, `probability`, `preview`, `style`, `table` -> file beside the item.
    dtype, nodata : str, int
        Of the class map.
    areas : mapping
        Class -> mapped area in hectares.
    date : datetime64
        Of the scene; NaT = unknown.
    """
    scene = plan.fitted.scene
    box = scene.geobox
    outline = None if box is None else footprint(box)
    when: dict[str, Any] = {"datetime": f"{np.datetime_as_string(date, unit='s')}Z" if not np.isnat(date) else None}
    if when["datetime"] is None:
        when |= {"start_datetime": _ALWAYS[0], "end_datetime": _ALWAYS[1]}
    held = {each.code: each for each in legend_of(plan).classes}
    classes = [
        {
            "value": code,
            "name": "".join(c if c.isalnum() else "_" for c in held[code].name),
            "title": held[code].name,
            "color_hint": held[code].colour.upper(),
        }
        for code in plan.output.codes
    ]
    empty = {"value": nodata, "name": "nodata", "title": "no answer", "nodata": True}
    chances = [{"name": name, "description": f"probability of {name}"} for name in plan.output.names]
    scaled = {"data_type": "uint8", "nodata": NONE, "raster:scale": 1 / FULL, "raster:offset": 0}
    gsd = max(scene.gsd)
    item: dict[str, Any] = {
        "type": "Feature",
        "stac_version": "1.1.0",
        "stac_extensions": list(_EXTENSIONS),
        "id": f"{plan.where}-{plan.bundle}-{plan.hash[:12]}",
        "geometry": None if outline is None else shapely.geometry.mapping(outline),
        "properties": {
            **when,
            "description": f"Classes of {plan.where} by {plan.bundle}; each answer looks at {plan.support[0]:g} x "
            f"{plan.support[1]:g} m.",
            "gsd": gsd,
            **_projection(box, plan.shape),
            "processing:software": {"swath": plan.version},
            "swath:bundle": plan.bundle,
            "swath:bundle_hash": plan.bundle_hash,
            "swath:scene_hash": plan.scene_hash,
            "swath:plan_hash": plan.hash,
            "swath:support_m": list(plan.support),
            "swath:spacing_m": list(plan.spacing),
            "swath:shift_m": list(plan.shift),
            **({} if plan.options.views is None else {"swath:views": plan.options.views}),
            "swath:declared": dict(plan.fitted.declared),
            "swath:offset_evidence": [dict(each) for each in scene.origin.offsets],
            "swath:mapped_area_ha": {name: round(area, 2) for name, area in areas.items()},
        },
        "links": [],
        "assets": {
            "map": {
                "href": f"./{assets['map']}",
                "type": _COG,
                "title": "Classes",
                "roles": ["data", "classification"],
                "data_type": dtype,
                "nodata": nodata,
                "classification:classes": [*classes, empty],
            },
            "probability": {
                "href": f"./{assets['probability']}",
                "type": _COG,
                "title": "Probabilities",
                "description": PROBABILITY,
                "roles": ["data"],
                **scaled,
                "bands": [{"name": "highest", "description": "probability of the class on the map"}, *chances],
            },
            "preview": {"href": f"./{assets['preview']}", "type": "image/png", "roles": ["overview"]},
            "style": {"href": f"./{assets['style']}", "type": "application/xml", "roles": ["style"]},
            "table": {"href": f"./{assets['table']}", "type": "application/xml", "roles": ["metadata"]},
        },
    }
    if outline is not None:
        item["bbox"] = list(outline.bounds)
    return (json.dumps(item, indent=1, ensure_ascii=False) + "\n").encode()
