"""Pictures: stretches, contact sheets, legends, plots and maps; arrays in, PNG, GIF or SVG out.

Knows arrays and the vocabulary of `core`, never files, corpora or pages.
"""

from __future__ import annotations

from swath.draw.colours import PARTS
from swath.draw.confusion import confusion_matrix
from swath.draw.curves import Panel, training_curves
from swath.draw.intervals import IntervalRow, interval_rows
from swath.draw.legend import Key, keys_of, legend_strip, legend_svg
from swath.draw.locator import locator
from swath.draw.overlay import Counted, overlay
from swath.draw.picture import enlarge, gif, png, shrink
from swath.draw.plots import bars, distances, histogram
from swath.draw.preview import class_picture, map_preview
from swath.draw.reliability import ReliabilityCurve, reliability_plot
from swath.draw.series import MOST_FRAMES, captioned, dates_of, frames_of, spread
from swath.draw.sheet import Tile, contact_sheet
from swath.draw.stretch import STRETCHES, Stretch, stretch_caption, to_rgb

__all__ = [
    "MOST_FRAMES",
    "PARTS",
    "STRETCHES",
    "Counted",
    "IntervalRow",
    "Key",
    "Panel",
    "ReliabilityCurve",
    "Stretch",
    "Tile",
    "bars",
    "captioned",
    "class_picture",
    "confusion_matrix",
    "contact_sheet",
    "dates_of",
    "distances",
    "enlarge",
    "frames_of",
    "gif",
    "histogram",
    "interval_rows",
    "keys_of",
    "legend_strip",
    "legend_svg",
    "locator",
    "map_preview",
    "overlay",
    "png",
    "reliability_plot",
    "shrink",
    "spread",
    "stretch_caption",
    "to_rgb",
    "training_curves",
]
