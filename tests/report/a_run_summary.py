"""Builders of run summaries: synthetic figures of a believable test on 1,200 samples in ten classes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from swath.core.legends import legend
from swath.draw import Counted, Panel, keys_of
from swath.draw.picture import png
from swath.evaluate import Interval, Reliability
from swath.report import (
    CalibrationFigures,
    ClassResult,
    CurveFigures,
    FloorFigures,
    InputBand,
    InputFigures,
    MistakeFigures,
    OffsetFigures,
    Places,
    RunSummary,
)
from tests.report.a_summary import a_split

__all__ = ["a_floor", "a_run_summary", "some_classes"]

EDGES = np.linspace(0, 1, 65)


def an_interval(value: float, wide: float = 0.02, units: int = 200) -> Interval:
    return Interval(value, max(value - wide, 0.0), min(value + wide, 1.0), units)


def a_floor(name: str, accuracy: float, outcome: str, n: int = 1200) -> FloorFigures:
    gap = 0.9 - accuracy
    low = 0.01 if outcome == "model" else -0.05
    high = -0.01 if outcome == "floor" else gap + 0.05
    difference = Interval(gap, min(gap, low), max(gap, high), 200)
    return FloorFigures(
        name, f"{name}, exactly", n, 3600, an_interval(accuracy), an_interval(accuracy), difference, outcome
    )


def a_band(name: str, shift: float = 0.0) -> InputBand:
    rng = np.random.default_rng(len(name))
    counted = tuple(
        Counted(part, EDGES, np.histogram(rng.normal(mean, 0.08, 4000).clip(0, 1), EDGES)[0])
        for part, mean in (("train", 0.3), ("test", 0.3 + shift))
    )
    return InputBand(name, "665 nm, native 10 m", 0.3, 0.08, (0.3, 0.08), (0.3 + shift, 0.08), counted)


def some_classes(name: str) -> tuple[ClassResult, ...]:
    """Each class of a legend a little better than the one before."""
    return tuple(
        ClassResult(
            key.name,
            key.colour,
            120,
            {"Precision": an_interval(0.9), "Recall": an_interval(0.8), "F1": an_interval(0.7 + i / 200)},
        )
        for i, key in enumerate(keys_of(legend(name)))
    )


def a_run_summary(**changes: Any) -> RunSummary:
    """Right for 90 %, better than every floor, unseen, in 40 towns."""
    rng = np.random.default_rng(7)
    n, keys = 1200, keys_of(legend("eurosat"))
    towns = np.stack([rng.uniform(-8, 28, 40), rng.uniform(37, 60, 40)])[:, rng.integers(0, 40, 600)]
    lon, lat = towns + rng.normal(0, 0.02, (2, 600))
    places = Places(lon, lat, (), tuple(f"sample_{i}" for i in range(600)))
    split = a_split(places, name="blocks-4deg", by_place=True)
    confusion = np.full((10, 10), 1) + np.eye(10, dtype=int) * 110
    picture = png(rng.integers(0, 200, (64, 64, 3)).astype(np.uint8))
    mistakes = tuple(
        MistakeFigures(
            picture, f"River_{i}", keys[i % 10].name, keys[(i + 1) % 10].name, 0.99 - i / 50, "46.5° N, 11.3° E"
        )
        for i in range(24)
    )
    bins = Reliability(np.linspace(0.3, 0.98, 15), np.linspace(0.25, 0.95, 15), np.full(15, 80))
    summary = RunSummary(
        name="fields-small",
        does="fields-small gives one class to a window of 640 x 640 m: 10 classes, learnt from 3,600 samples.",
        corpus="fields",
        split=split,
        how="by place, in blocks of 4deg, with a buffer of 925 m",
        part="test",
        seen="None of the 1,200 samples in test of split blocks-4deg was in train or val: nothing saw them.",
        is_unseen=True,
        n=n,
        unlabelled=0,
        unanswered=0,
        unit="blocks of 4deg",
        units=200,
        caution="",
        scores={"Accuracy": an_interval(0.9), "Macro-F1": an_interval(0.88), "Balanced accuracy": an_interval(0.89)},
        classes=some_classes("eurosat"),
        confusion=confusion,
        calibration=(
            CalibrationFigures("as trained", n, bins, an_interval(0.08), an_interval(0.4), an_interval(0.2)),
            CalibrationFigures("with temperature 1.4", n, bins, an_interval(0.02), an_interval(0.3), an_interval(0.18)),
        ),
        mistakes=mistakes,
        wrong=120,
        pictures_note="B04, B03, B02 as red, green, blue: toa reflectance 0 to 0.3.",
        inputs=(
            InputFigures(
                "s2",
                "toa reflectance",
                "dn offset -1000 (toa reflectance, /10000)",
                (10.0, 10.0),
                (64, 64),
                1,
                "s2-l1c",
                "L1C",
                (a_band("B04"), a_band("B8A")),
                (OffsetFigures("-1000", "xml", "documented", 600, "shifted (B10)"),),
                (3600, 1200),
            ),
        ),
        places=places,
        floors=(
            a_floor("majority", 0.1, "model"),
            a_floor("nearest place", 0.3, "model"),
            a_floor("random filters", 0.7, "model"),
        ),
        curves=CurveFigures(
            (Panel("loss [nat]", {"train": [1.0, 0.5], "val": [1.1, 0.8]}), Panel("accuracy", {"val": [0.6, 0.7]})),
            2,
            "2 epochs in 10 seconds.",
        ),
        commands={"Training": "swath train fields/ -o fields-small", "Test": "swath test fields-small fields/"},
        facts={"Seed of the training": "0", "Versions": "swath 0.1.0, PyTorch 2.13"},
        hashes={"bundle": "9f2c" * 16, "split": "5b1c" * 16},
        licences=("Contains modified Copernicus Sentinel data 2018.",),
    )
    return replace(summary, **changes)
