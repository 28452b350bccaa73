"""timm: the one door to its networks, open also where torchvision was built without operators for this torch.

timm imports torchvision, whose only published build beside a CPU torch lacks two operators and refuses to load. Their
schemas are declared first, then it loads. Nothing else is in here, and nobody comes here who did not ask for
`timm:NAME`.
"""

from __future__ import annotations

import importlib
import sys
from typing import Final, cast

import torch
from torch import nn

from swath.core.errors import MissingExtra, Unknown
from swath.core.extras import need

__all__ = ["open_timm"]

#: Schemas that torchvision's Python expects its library to have registered.
_SCHEMAS: Final = (
    "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
)
#: Declared schemas live as long as this object does.
_DECLARED: list[torch.library.Library] = []


def _open_torchvision() -> None:
    """Import torchvision; declare what its build lacks, and import it again."""
    try:
        importlib.import_module("torchvision")
    except RuntimeError as error:
        if "torchvision::nms" not in str(error):
            raise
        for name in [name for name in sys.modules if name.partition(".")[0] == "torchvision"]:
            del sys.modules[name]
        library = torch.library.Library("torchvision", "DEF")  # type: ignore[no-untyped-call]
        for schema in _SCHEMAS:
            library.define(schema)  # type: ignore[no-untyped-call]
        _DECLARED.append(library)
        importlib.import_module("torchvision")
    except ModuleNotFoundError as error:
        raise MissingExtra("timm", "timm", where="encoder timm:NAME") from error


def open_timm(name: str, in_channels: int, *, size: tuple[int, int] = (224, 224)) -> nn.Module:
    """Build one of timm's networks with fresh weights and no head.

    Parameters
    ----------
    name : str
        As timm lists it, without a tag of weights: `vgg16`, `vit_small_patch16_224`.
    in_channels : int
        Channels of the picture.
    size : tuple of int
        Pixels (h, w), for networks that are built for one size.

    Raises
    ------
    MissingExtra
        timm or torchvision is not installed; the sentence holds the command.
    Unknown
        timm lists no such network; the nearest is named.
    """
    _open_torchvision()
    timm = need("timm", by=f"encoder timm:{name}")
    if not timm.is_model(name):
        raise Unknown(name, timm.list_models(), what="network of timm", where=f"encoder timm:{name}")
    known = timm.models.get_pretrained_cfg(name)
    built = {"img_size": size} if known is not None and known.fixed_input_size else {}
    return cast("nn.Module", timm.create_model(name, pretrained=False, in_chans=in_channels, num_classes=0, **built))
