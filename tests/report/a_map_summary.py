"""Builders of map summaries: synthetic figures of a believable map of 10 x 10 km in ten classes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from swath.core.legends import legend
from swath.draw import class_picture, keys_of
from swath.draw.picture import png
from swath.report import AreaFigures, MapSummary, ModelTest, Picture, TruthFigures
from tests.report.a_run_summary import an_interval, some_classes

__all__ = ["a_map_summary", "a_model_test", "a_truth"]

KNOWN = legend("eurosat")
NAMES = KNOWN.names


def a_picture(title: str) -> Picture:
    codes = np.arange(64 * 64).reshape(64, 64) // 410 % 10
    return Picture(title, png(class_picture(codes, KNOWN, shown=KNOWN.codes)), "10.2 km across. Checker: no answer.")


def a_truth(**changes: Any) -> TruthFigures:
    held = TruthFigures(
        name="truth.tif",
        about="landcover: 10 classes of legend eurosat",
        noun="place",
        n=200,
        accuracy=an_interval(0.9, units=50),
        pixels=1_048_576,
        pixel_accuracy=an_interval(0.7, units=60),
        mixed=56,
        how="A place is a window of 64 x 64 pixels.",
        block="1280 x 1280 m",
        classes=some_classes("eurosat"),
        confusion=np.eye(10, dtype=int) * 18 + 2,
    )
    return replace(held, **changes)


def a_model_test(**changes: Any) -> ModelTest:
    held = ModelTest(
        corpus="planet",
        split="blocks, fold 0 of 5",
        part="test",
        n=121,
        metric="Accuracy",
        score=an_interval(0.85, units=40),
        unit="blocks of 1deg",
        units=40,
        seen="None of the 121 samples was in train or val.",
        is_unseen=True,
        classes=some_classes("eurosat"),
        confusion=np.eye(10, dtype=int) * 12,
        floors=(("majority", an_interval(0.1), "model"), ("random filters", an_interval(0.8), "model")),
    )
    return replace(held, **changes)


def a_map_summary(**changes: Any) -> MapSummary:
    """A map with truth and with its model's test."""
    areas = tuple(AreaFigures(name, 1000.0 - 90 * i, 0.19 - 0.02 * i, 0.1) for i, name in enumerate(NAMES))
    held = MapSummary(
        scene="scene",
        model="planet",
        does="planet told 10 classes apart, one answer a window of 640 x 640 m, every 80 m.",
        where="scene: 10.24 x 10.24 km around 40.40° N, 3.70° W, 2018-07-14.",
        km2=104.9,
        nodata=0.0,
        size=(1024, 1024),
        gsd=(10.0, 10.0),
        support=(640.0, 640.0),
        pictures=tuple(map(a_picture, ("The scene", "The map", "The truth", "Where it fails"))),
        keys=keys_of(KNOWN),
        areas=areas,
        sure=0.78,
        unsure=0.1,
        truth=a_truth(),
        tested=a_model_test(),
        next=(("Map a scene of your own:", "swath map runs/planet YOURS.tif -o yours.tif"),),
        files={"map.tif": "classes"},
        links=(("All about the test of planet", "runs/planet/report/index.html"),),
        command="swath map runs/planet place/scene.tif -o map.tif",
        facts={"Version": "swath 0.1.0"},
        hashes={"bundle": "b" * 64},
        licences=("Artificial imagery.",),
    )
    return replace(held, **changes)
