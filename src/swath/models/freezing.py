"""Freezing: what each stage of training leaves as it was, for any backbone, and layer for layer as CNN-Sentinel did it.

Two stages: first the head learns, and with it whatever is new behind the input; then everything but the first block.
`FREEZING` tells which layers CNN-Sentinel's scripts freeze by their numbers in Keras, and which those are here. What a
stage's learning rate is, and when it ends, is training's business.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from swath.core.errors import Mismatch, Unknown
from swath.models.backbone import Backbone

__all__ = ["FREEZING", "KERAS_LAYERS", "STAGES", "Freezing", "frozen_in"]

#: stage -> what learns in it.
STAGES: Final[dict[str, str]] = {
    "head": "the head, and of the backbone only what is new: an adapter, a fresh first convolution",
    "later": "all but the first block; what is new goes on learning",
    "all": "everything",
}

#: Network -> (layer in Keras, its parameters' prefix in timm; "" = has none), from the input on, include_top=False.
#: Source: keras-team/keras-applications, vgg16.py and densenet.py.
KERAS_LAYERS: Final[dict[str, tuple[tuple[str, str], ...]]] = {
    "vgg16": (
        ("input_1", ""),
        ("block1_conv1", "features.0."),
        ("block1_conv2", "features.2."),
        ("block1_pool", ""),
        ("block2_conv1", "features.5."),
        ("block2_conv2", "features.7."),
    ),
    "densenet201": (
        ("input_1", ""),
        ("zero_padding2d_1", ""),
        ("conv1/conv", "features.conv0."),
        ("conv1/bn", "features.norm0."),
        ("conv1/relu", ""),
        ("zero_padding2d_2", ""),
        ("pool1", ""),
        ("conv2_block1_0_bn", "features.denseblock1.denselayer1.norm1."),
    ),
}


@dataclass(frozen=True, slots=True)
class Freezing:
    """What one of CNN-Sentinel's scripts freezes; prefixes of parameters as in timm's network."""

    #: Script in jensleitloff/CNN-Sentinel, folder py.
    script: str
    #: Numbers of the Keras layers that the second stage freezes, first and last; an adapter is layer 1 of its network.
    layers: tuple[int, int]
    #: What learns beside the head in the first stage.
    first: tuple[str, ...]
    #: What stays as it is in the second stage.
    second: tuple[str, ...]


_RGB_SCRIPT, _MS_SCRIPT = "02_train_rgb_finetuning.py", "04_train_ms_finetuning.py"
_ALTERNATIVE_SCRIPT = "04_train_ms_finetuning_alternative.py"
#: `<network>-<way>` -> what is frozen. Of VGG16 the alternative freezes block1_conv2 and block2_conv1, which is no
#: block: the numbers are those of the network with an adapter, and there is none. It is what the script does.
FREEZING: Final[dict[str, Freezing]] = {
    "vgg16-rgb": Freezing(_RGB_SCRIPT, (0, 3), (), ("features.0.", "features.2.")),
    "vgg16-ms": Freezing(_MS_SCRIPT, (2, 4), ("adapter.",), ("features.0.", "features.2.")),
    "vgg16-ms-alternative": Freezing(
        _ALTERNATIVE_SCRIPT, (2, 4), ("features.0.", "features.2."), ("features.2.", "features.5.")
    ),
    "densenet201-rgb": Freezing(_RGB_SCRIPT, (0, 6), (), ("features.conv0.", "features.norm0.")),
    "densenet201-ms": Freezing(_MS_SCRIPT, (2, 7), ("adapter.",), ("features.conv0.", "features.norm0.")),
    "densenet201-ms-alternative": Freezing(_ALTERNATIVE_SCRIPT, (3, 6), ("features.conv0.",), ("features.norm0.",)),
}


def _leaves(backbone: Backbone) -> list[str]:
    """Prefixes so fine that each holds one layer; a parameter beside other modules is a prefix of its own."""
    owners = dict(backbone.named_modules())
    found = []
    for name, _ in backbone.named_parameters():
        owner = name.rpartition(".")[0]
        has_children = any(next(child.parameters(), None) is not None for child in owners[owner].children())
        found.append(name if has_children else f"{owner}.")
    return list(dict.fromkeys(found))


def frozen_in(backbone: Backbone, stage: str, *, like: str | None = None) -> tuple[str, ...]:
    """Say which prefixes of a backbone's parameters a stage leaves as they are: which the loop heeds.

    Parameters
    ----------
    backbone : Backbone
    stage : str
        One of `STAGES`.
    like : str, optional
        Key in `FREEZING`: freeze what that script of CNN-Sentinel froze.

    Raises
    ------
    Unknown
        No stage or script has this name.
    Mismatch
        The backbone has not the layers that the script froze.

    Examples
    --------
    >>> from swath.core.quantity import TOA
    >>> from swath.core.specs import InputSpec, StackInput
    >>> from swath.models.options import ModelOptions, make_backbone
    >>> red = StackInput(("B04",), TOA, "L1C", 10.0, dates=1, mean=(0.1,), std=(0.05,))
    >>> backbone, _ = make_backbone(ModelOptions(), InputSpec({"s2": red}, (64, 64)))
    >>> frozen_in(backbone, "later"), frozen_in(backbone, "all")
    (('encoder.conv1.', 'encoder.bn1.'), ())
    """
    if stage not in STAGES:
        raise Unknown(stage, STAGES, what="stage", where="freezing")
    if stage == "all":
        return ()
    leaves = _leaves(backbone)
    if like is None:
        first = tuple(backbone.parts["stem"])
        kept = [leaf for leaf in leaves if stage == "head" or leaf.startswith(first)]
        return tuple(leaf for leaf in kept if not (backbone.fresh and leaf.startswith(backbone.fresh)))
    if like not in FREEZING:
        raise Unknown(like, FREEZING, what="way of freezing", where="freezing")
    given = FREEZING[like]
    first, second = (
        tuple(each if each == "adapter." else f"encoder.network.{each}" for each in held)
        for held in (given.first, given.second)
    )
    missing = [each for each in (*first, *second) if not any(leaf.startswith(each) for leaf in leaves)]
    if missing:
        have = ", ".join(leaves[:4]) + ", ..."
        fix = "Use the network that it froze, as timm:vgg16 or timm:densenet201."
        raise Mismatch(where=f"freezing {like}", what="layers", want=", ".join(missing), have=have, fix=fix)
    if stage == "later":
        return second
    return tuple(leaf for leaf in leaves if not (first and leaf.startswith(first)))
