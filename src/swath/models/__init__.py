"""Networks by name, from an `InputSpec` to feature maps, and published weights by band name.

`make_backbone(ModelOptions(...), input)` is the one door; `ENCODERS` lists our own networks, `timm:NAME` opens timm's.
Heads are tasks' business, files of trained models the bundle's.
"""

from __future__ import annotations

from swath.models.backbone import Backbone, Channel, channels_of
from swath.models.encoders import ENCODERS, Encoder, ResNet, make_encoder
from swath.models.freezing import FREEZING, STAGES, Freezing, frozen_in
from swath.models.galileo import Galileo, open_galileo
from swath.models.options import ModelOptions, make_backbone
from swath.models.preprocessing import TRANSFORMS, Transform, fed
from swath.models.stems import SCALES, STEMS, ChannelSource
from swath.models.weights import PUBLISHED, Coverage, Published, load_weights, read_weights

__all__ = [
    "ENCODERS",
    "FREEZING",
    "PUBLISHED",
    "SCALES",
    "STAGES",
    "STEMS",
    "TRANSFORMS",
    "Backbone",
    "Channel",
    "ChannelSource",
    "Coverage",
    "Encoder",
    "Freezing",
    "Galileo",
    "ModelOptions",
    "Published",
    "ResNet",
    "Transform",
    "channels_of",
    "fed",
    "frozen_in",
    "load_weights",
    "make_backbone",
    "make_encoder",
    "open_galileo",
    "read_weights",
]
