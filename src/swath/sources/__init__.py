"""Sources: where samples come from besides foreign files and the planet: scenes that are cut by labels."""

from __future__ import annotations

from swath.sources.bands import BandLabels, label_band
from swath.sources.cut import Cut, cut_scene
from swath.sources.labels import Labels, Left, VectorLabels, lay
from swath.sources.survey import CLASS_SHARE, CutOptions, Survey

__all__ = [
    "CLASS_SHARE",
    "BandLabels",
    "Cut",
    "CutOptions",
    "Labels",
    "Left",
    "Survey",
    "VectorLabels",
    "cut_scene",
    "label_band",
    "lay",
]
