"""Item: a STAC item with the MLM extension, so that catalogues can say what a model takes and gives.

Written for MLM 1.5.0 (stac-extensions/mlm) and STAC 1.1: bands stand in the item's properties, each input has one
z-score a band, and classes carry their colours.
"""

from __future__ import annotations

import json
from typing import Any, Final

import shapely

from swath.bundle.facts import VIEWS, Facts
from swath.core.bands import COMMON_NAMES
from swath.core.specs import StackInput

__all__ = ["item_bytes"]

_MLM: Final = "https://stac-extensions.github.io/mlm/v1.5.0/schema.json"
_CLASSES: Final = "https://stac-extensions.github.io/classification/v2.0.0/schema.json"
_EO: Final = "https://stac-extensions.github.io/eo/v2.0.0/schema.json"
_FILE: Final = "https://stac-extensions.github.io/file/v2.1.0/schema.json"
#: kind of output -> the extension's word.
_TASKS: Final = {
    "scene": "scene-classification",
    "dense": "semantic-segmentation",
    "image": "generative",
    "values": "regression",
    "vector": "similarity-search",
}


def _input(facts: Facts, name: str, stack: StackInput) -> dict[str, Any]:
    h, w = facts.input.size
    level = f"{stack.level} " if stack.level else ""
    return {
        "name": name,
        "description": f"{level}{stack.quantity}, {stack.gsd:g} m",
        "bands": list(stack.bands),
        "input": {
            "shape": [-1, stack.dates, len(stack.bands), h, w],
            "dim_order": ["batch", "time", "bands", "height", "width"],
            "data_type": "float32",
        },
        "value_scaling": [
            {"type": "z-score", "mean": mean, "stddev": std} for mean, std in zip(stack.mean, stack.std, strict=True)
        ],
        "resize_type": None,
    }


def _classes(facts: Facts) -> list[dict[str, Any]]:
    if facts.output.legend is None:
        return []
    held = {each.code: each for each in facts.output.legend.classes}
    return [
        {"value": code, "name": held[code].name, "title": held[code].name, "color_hint": held[code].colour.upper()}
        for code in facts.output.codes
    ]


def item_bytes(facts: Facts, *, parameters: int, size: int) -> bytes:
    """Write the item.

    Parameters
    ----------
    facts : Facts
        What the bundle says.
    parameters : int
        Numbers that the network learnt.
    size : int
        Bytes of the weights.
    """
    west, south, east, north = facts.origin.bbox or (-180.0, -90.0, 180.0, 90.0)
    start, end = facts.origin.dates or ("2015-06-23T00:00:00Z", "9999-12-31T23:59:59Z")
    task = _TASKS[facts.output.kind]
    bands = {band: None for stack in facts.input.stacks.values() for band in stack.bands}
    count = len(facts.output.codes)
    item = {
        "type": "Feature",
        "stac_version": "1.1.0",
        "stac_extensions": [_MLM, _CLASSES, _EO, _FILE],
        "id": f"{facts.name}-{facts.hash[:12]}",
        "geometry": shapely.geometry.mapping(shapely.box(west, south, east, north)),
        "bbox": [west, south, east, north],
        "properties": {
            "datetime": None,
            "start_datetime": start,
            "end_datetime": end,
            "description": f"Trained on {facts.origin.corpus}: {facts.origin.train} samples.",
            "bands": [{"name": band, **_common(band)} for band in bands],
            "mlm:name": facts.name,
            "mlm:architecture": facts.network.model.encoder,
            "mlm:tasks": [task],
            "mlm:framework": "PyTorch",
            "mlm:framework_version": facts.origin.torch,
            "mlm:total_parameters": parameters,
            "mlm:memory_size": 4 * parameters,
            "mlm:pretrained": bool(facts.origin.weights),
            "mlm:pretrained_source": facts.origin.weights or None,
            "mlm:batch_size_suggestion": 256,
            "mlm:accelerator": None,
            "mlm:accelerator_constrained": False,
            "mlm:input": [_input(facts, name, stack) for name, stack in facts.input.stacks.items()],
            "mlm:output": [
                {
                    "name": task,
                    "description": f"raw; softmax(raw / {facts.calibration.temperature:g}) makes probabilities"
                    if not facts.output.is_multilabel
                    else f"raw; sigmoid(raw / {facts.calibration.temperature:g}) makes probabilities",
                    "tasks": [task],
                    "result": {"shape": [-1, count], "dim_order": ["batch", "class"], "data_type": "float32"},
                    "classification:classes": _classes(facts),
                }
            ],
            "mlm:hyperparameters": {
                "seed": facts.origin.seed,
                "orientations": f"{facts.network.views}: {VIEWS[facts.network.views]}",
                "temperature": facts.calibration.temperature,
            },
            "swath:bundle_hash": facts.hash,
            "swath:split_hash": facts.origin.split_hash,
        },
        "links": [],
        "assets": {
            "weights": {
                "href": "./weights.safetensors",
                "title": "Weights",
                "type": "application/octet-stream; application=safetensors",
                "roles": ["mlm:model", "mlm:weights"],
                "mlm:artifact_type": "safetensors.torch.save_file",
                "file:size": size,
                "file:checksum": f"1220{facts.files['weights.safetensors']}",
            },
            "facts": {"href": "./bundle.json", "type": "application/json", "roles": ["metadata"]},
            "card": {"href": "./README.md", "type": "text/markdown", "roles": ["metadata"]},
        },
    }
    return (json.dumps(item, indent=1, ensure_ascii=False) + "\n").encode()


def _common(band: str) -> dict[str, str]:
    name = COMMON_NAMES.get(band)
    return {} if name is None else {"eo:common_name": name}
