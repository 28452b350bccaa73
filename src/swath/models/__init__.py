"""Networks by name, from an `InputSpec` to feature maps, and published weights by band name.

`make_backbone(ModelOptions(...), input)` is the one door; `ENCODERS` lists our own networks. Heads are tasks' business,
files of trained models the bundle's.
"""

from __future__ import annotations

from swath.models.backbone import Backbone, Channel, channels_of
from swath.models.encoders import ENCODERS, Encoder, ResNet, make_encoder
from swath.models.options import ModelOptions, make_backbone

__all__ = [
    "ENCODERS",
    "Backbone",
    "Channel",
    "Encoder",
    "ModelOptions",
    "ResNet",
    "channels_of",
    "make_backbone",
    "make_encoder",
]
