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
from swath.report.map import map_page
from swath.report.map_figures import AreaFigures, MapSummary, ModelTest, Picture, TruthFigures
from swath.report.page import Drawing, drawing, render
from swath.report.run import run_page
from swath.report.run_figures import (
    CalibrationFigures,
    ClassResult,
    CurveFigures,
    FloorFigures,
    InputBand,
    InputFigures,
    MistakeFigures,
    RunSummary,
)

__all__ = [
    "AreaFigures",
    "BandFigures",
    "CalibrationFigures",
    "ClassFigures",
    "ClassResult",
    "CorpusSummary",
    "CurveFigures",
    "Drawing",
    "FloorFigures",
    "InputBand",
    "InputFigures",
    "MapSummary",
    "MistakeFigures",
    "ModelTest",
    "OffsetFigures",
    "Picture",
    "Places",
    "QuarantineFigures",
    "RunSummary",
    "SplitFigures",
    "StackFigures",
    "Thumbnail",
    "TruthFigures",
    "corpus_page",
    "drawing",
    "map_page",
    "render",
    "run_page",
]
