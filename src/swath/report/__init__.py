"""HTML pages: plain data in, one self-contained file out.

Knows `core` and `draw`; each report fills its own template over the skeleton of `report.page`.
"""

from __future__ import annotations

from swath.report.corpus import CorpusSummary, corpus_page
from swath.report.figures import (
    BandFigures,
    ClassFigures,
    OffsetFigures,
    Places,
    QuarantineFigures,
    SplitFigures,
    StackFigures,
    Thumbnail,
)
from swath.report.page import Drawing, drawing, render

__all__ = [
    "BandFigures",
    "ClassFigures",
    "CorpusSummary",
    "Drawing",
    "OffsetFigures",
    "Places",
    "QuarantineFigures",
    "SplitFigures",
    "StackFigures",
    "Thumbnail",
    "corpus_page",
    "drawing",
    "render",
]
