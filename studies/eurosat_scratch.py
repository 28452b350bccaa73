"""EuroSAT RGB from scratch on two cores: accuracy against budget, three seeds, and what a random split hides."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from studies.eurosat_trainings import (
    FULL,
    RIVAL,
    SPLITS,
    UNITS,
    Unit,
    corpus_of,
    do,
    floor_units,
    idle_minutes,
    read_unit,
    store_floors,
    store_rates,
)
from studies.markdown import table
from swath.core.array import Array
from swath.core.legends import legend
from swath.evaluate import Answers, Interval, classification_intervals, count_confusion, resample, score_seeds
from swath.evaluate.calibration import score_calibration

TITLE: Final = "EuroSAT RGB from scratch on two cores"
_EUROSAT: Final = legend("eurosat")
_TITLES: Final = {
    "random": "random 80/20, val carved from train",
    "longitude": "by longitude, 60/20/20 from west to east",
    "blocks": "five folds of 1-degree blocks, 1 km buffer",
}


def stored_in(results: Path) -> Path:
    """Folder of the stored answers."""
    return results / "predictions" / "eurosat-rgb"


def compute(data: Path, work: Path, pictures: Path) -> dict[str, Any]:
    """Train what has not been trained yet; each training is stored when it ends."""
    stored = stored_in(Path(__file__).parents[1] / "results")
    corpus = corpus_of(data, work)
    for unit in UNITS:
        if read_unit(unit, stored) is None:
            do(unit, corpus, work, stored)
    for name in SPLITS:
        store_floors(corpus, name, stored)
    store_rates(corpus, work, stored)
    return recompute(stored)


def _said(interval: Interval) -> str:
    return f"{100 * interval.value:.2f} ({100 * interval.low:.2f} to {100 * interval.high:.2f})"


def _scores(truth: Array, predicted: Array, block: Array | None) -> dict[str, Any]:
    """Accuracy, macro-F1 and F1 a class, with intervals over blocks where the split is one of places."""
    held = classification_intervals(truth, predicted, _EUROSAT.codes, resample(len(truth), blocks=block))
    return {
        "n": len(truth),
        "units": held.accuracy.units,
        "accuracy": held.accuracy.to_json(),
        "macro_f1": held.macro_f1.to_json(),
        "f1": {_EUROSAT.name_of(each.code): each.f1.to_json() for each in held.classes},
        "recall": {_EUROSAT.name_of(each.code): each.recall.to_json() for each in held.classes},
    }


def _of_units(units: Sequence[Unit], stored: Path) -> dict[str, Any] | None:
    """Scores of one training, or of the folds of one split together."""
    read = [read_unit(unit, stored) for unit in units]
    if any(each is None for each in read):
        return None
    held = [each for each in read if each is not None]
    truth, block, raw = (np.concatenate([arrays[name] for _, arrays in held]) for name in ("truth", "block", "logits"))
    facts = [facts for facts, _ in held]
    is_spatial = units[0].split != "random"
    predicted = raw.argmax(1)
    calibration = {}
    for name, temperatures in (("before", [1.0] * len(held)), ("after", [each["temperature"] for each in facts])):
        cooled = np.concatenate(
            [arrays["logits"].astype(float) / t for (_, arrays), t in zip(held, temperatures, strict=True)]
        )
        calibration[name] = round(score_calibration(cooled, truth.astype(int)).ece, 5)
    return {
        "units": [unit.name for unit in units],
        "split": units[0].split,
        "epochs": units[0].epochs,
        "seed": units[0].seed,
        "split_hash": facts[0]["split_hash"],
        "cpu_minutes": round(sum(each["cpu_minutes"] for each in facts), 1),
        "idle_minutes": _idle(units[0], held, stored),
        "wall_minutes": round(sum(each["wall_minutes"] for each in facts), 1),
        "cores": facts[0]["cores"],
        "train": [each["train"] for each in facts],
        "val": [each["val"] for each in facts],
        "parameters": facts[0]["parameters"],
        "ece": calibration,
        "confusion": count_confusion(truth, predicted, _EUROSAT.codes).counts.tolist(),
        **_scores(truth.astype(int), predicted, block if is_spatial else None),
    }


def _idle(unit: Unit, held: Sequence[tuple[dict[str, Any], Any]], stored: Path) -> float | None:
    """Minutes on an idle machine, all folds together; the rates were measured with our network."""
    each = [idle_minutes(unit.epochs, facts["train"], stored) for facts, _ in held]
    known = [minutes for minutes in each if minutes is not None]
    return round(sum(known), 1) if unit.is_ours and len(known) == len(each) else None


def _seeds(stored: Path) -> dict[str, Any] | None:
    """The mean of the seeds of the full budget that are done."""
    answers = []
    for unit in UNITS:
        if (unit.split, unit.epochs, unit.is_ours) != ("random", FULL, True):
            continue
        read = read_unit(unit, stored)
        if read is not None:
            arrays = read[1]
            ids = tuple(str(each) for each in arrays["id"])
            predicted = arrays["logits"].argmax(1)
            answers.append(Answers(unit.name, ids, arrays["truth"].astype(int), predicted))
    if not answers:
        return None
    scores = score_seeds(answers, _EUROSAT.codes)["accuracy"]
    each = [float((a.predicted == a.truth).mean()) for a in answers]
    return {"done": len(answers), "asked": 3, "each": each, **scores.to_json()}


def _floors(stored: Path) -> dict[str, list[dict[str, Any]]]:
    """Scores of the floors of each split, folds together."""
    held: dict[str, list[dict[str, Any]]] = {}
    for split in SPLITS:
        rows = []
        for name, about, truth, predicted, block in floor_units(split, stored):
            scores = _scores(truth, predicted, None if split == "random" else block)
            rows.append({"name": name, "about": about, "accuracy": scores["accuracy"], "macro_f1": scores["macro_f1"]})
        if rows:
            held[split] = rows
    return held


def recompute(stored: Path) -> dict[str, Any]:
    """All figures from stored answers alone, as CI does it; nothing is trained."""
    folds = [unit for unit in UNITS if unit.split == "blocks"]
    groups: list[Sequence[Unit]] = [[unit] for unit in UNITS if unit.split != "blocks" and unit.is_ours]
    rows = [held for held in (_of_units(units, stored) for units in (*groups, folds)) if held is not None]
    done = sum(read_unit(unit, stored) is not None for unit in UNITS)
    return {
        "n": sum(row["n"] for row in rows),
        "seeds": {"done": done, "asked": len(UNITS), "of": "trainings"},
        "rows": rows,
        "seed_scores": _seeds(stored),
        "rival": _of_units([RIVAL], stored),
        "floors": _floors(stored),
    }


def _budget(rows: Sequence[dict[str, Any]]) -> list[str]:
    listed = []
    for row in sorted((r for r in rows if r["split"] == "random" and r["seed"] == 0), key=lambda r: r["epochs"]):
        idle = "not measured" if row["idle_minutes"] is None else f"{row['idle_minutes']:.0f}"
        listed.append(
            [
                row["epochs"],
                _said(Interval.from_json(row["accuracy"])),
                _said(Interval.from_json(row["macro_f1"])),
                idle,
                f"{row['cpu_minutes']:.0f}",
                f"{100 * row['ece']['before']:.2f} / {100 * row['ece']['after']:.2f}",
            ]
        )
    head = ["epochs", "accuracy [%]", "macro-F1 [%]", "idle min, 2 cores", "CPU min", "ECE before / after [%]"]
    return [table(head, listed), ""] if listed else []


def _beside(rival: dict[str, Any] | None, rows: Sequence[dict[str, Any]]) -> list[str]:
    """What a network nine times as large reaches in the minutes of eight epochs of ours."""
    ours = next((row for row in rows if (row["split"], row["epochs"], row["seed"]) == ("random", 8, 0)), None)
    if rival is None or ours is None:
        return []
    cells = [
        [
            name,
            f"{row['parameters'] / 1e6:.1f} M",
            row["epochs"],
            f"{row['cpu_minutes']:.0f}",
            _said(Interval.from_json(row["accuracy"])),
        ]
        for name, row in (("`resnet10-32`, ours", ours), ("`timm:resnet18`", rival))
    ]
    head = ["network", "parameters", "epochs", "CPU min", "accuracy [%]"]
    return ["Accuracy at equal minutes, same recipe:", "", table(head, cells), ""]


def page(figures: dict[str, Any]) -> str:
    """The page."""
    rows, seeds = figures["rows"], figures["seed_scores"]
    done = figures["seeds"]
    lines = [
        "A residual network of 1.24 million parameters (`resnet10-32` with squeeze-and-excitation, 3 x 3 stem of",
        "stride 2) learns the 27,000 pictures of EuroSAT (Helber et al. 2019, MIT) from nothing, on the two cores",
        "of an ordinary machine. The budget is fixed in epochs, so that a busy machine changes nothing but the",
        "minutes: 4, 8, 16 and 32, of which the last is to take 40 minutes on two idle cores at most. Orthogonal",
        "steps (Muon) over one cycle, label smoothing, averaged weights, crops of 48 pixels for the first 60 % of",
        "the epochs, the eight orientations in turn; answers are the mean over eight orientations. The recipe was",
        "chosen on a part of train alone. Val (4 % of all) fits the temperature and selects nothing: the last epoch",
        "is taken. Test is opened once a training. Accuracies carry 95 % bootstrap intervals, over samples for the",
        "random split, over 1-degree blocks for the others.",
        "",
        f"Done so far: {done['done']} of {done['asked']} trainings; the others go on with the same command."
        if done["done"] < done["asked"]
        else f"All {done['asked']} trainings are done.",
        "",
        "## Accuracy against budget, random split",
        "",
        *_budget(rows),
    ]
    if seeds is not None:
        spread = "" if not _is_number(seeds["sd"]) else f", sd over seeds {100 * seeds['sd']:.2f}"
        each = ", ".join(f"{100 * value:.2f}" for value in seeds["each"])
        lines += [
            f"At the full budget, mean of {seeds['done']} of 3 seeds:"
            f" **{_said(Interval.from_json(seeds['interval']))} %**{spread} (each: {each}).",
            "Published without pretraining: 97.23 %; ResNet-50 pretrained on ImageNet and fine-tuned: 98.57 %",
            "(Helber et al. 2019, another random split).",
            "",
        ]
    lines += _beside(figures["rival"], rows)
    listed = [_row(row) for row in rows if row["seed"] == 0 and (row["split"], row["epochs"]) in _HEADLINES]
    head = ["split", "n", "epochs", "accuracy [%]", "macro-F1 [%]", "weakest classes (F1 [%])"]
    lines += ["## What a random split hides", "", table(head, listed), ""] if listed else []
    for split, floors in figures["floors"].items():
        lines += [f"Floors, {_TITLES[split]}:", ""]
        cells = [
            [each["name"], _said(Interval.from_json(each["accuracy"])), _said(Interval.from_json(each["macro_f1"]))]
            for each in floors
        ]
        lines += [table(["floor", "accuracy [%]", "macro-F1 [%]"], cells), ""]
    lines += _classes(rows)
    return "\n".join(lines).rstrip()


_HEADLINES: Final = {("random", FULL), ("longitude", FULL), ("blocks", FULL // 4)}


def _is_number(value: Any) -> bool:
    return isinstance(value, float) and math.isfinite(value)


def _row(row: dict[str, Any]) -> list[Any]:
    worst = sorted(row["f1"].items(), key=lambda each: float(each[1]["value"]))[:2]
    said = ", ".join(f"{name} {100 * each['value']:.0f}" for name, each in worst)
    accuracy, macro = (_said(Interval.from_json(row[name])) for name in ("accuracy", "macro_f1"))
    return [_TITLES[row["split"]], f"{row['n']:,}", row["epochs"], accuracy, macro, said]


def _classes(rows: Sequence[dict[str, Any]]) -> list[str]:
    """F1 of every class, a column a split."""
    shown = [row for row in rows if row["seed"] == 0 and (row["split"], row["epochs"]) in _HEADLINES]
    if not shown:
        return []
    cells = [[name, *(_said(Interval.from_json(row["f1"][name])) for row in shown)] for name in _EUROSAT.names]
    head = ["class", *(f"F1 [%], {row['split']}, {row['epochs']} epochs" for row in shown)]
    return ["## Class by class", "", table(head, cells)]
