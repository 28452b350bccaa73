"""The trainings on EuroSAT RGB: what is trained, on which split, for how long; what each leaves for the tables.

A training leaves two files under `results/predictions/eurosat-rgb/`: the answers for its test part (`.npz`: id, truth,
block of ground, logits in float16; no coordinates) and what it cost (`.json`). Whatever is there is not trained again.
"""

from __future__ import annotations

import csv
import io
import json
import math
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch

from studies.keeping import keep
from swath.batch import Augmentation
from swath.core.array import Array
from swath.core.files import write_whole
from swath.core.legends import legend
from swath.corpus import Corpus, open_corpus
from swath.corpus.places import block_of
from swath.corpus.splitfile import load_split, split_names
from swath.models import ModelOptions
from swath.recipes.build import build_corpus
from swath.recipes.floors import make_floors
from swath.recipes.open import Opening
from swath.recipes.split import places_of, split_corpus
from swath.recipes.train import DataOptions, TrainOptions, input_of, train
from swath.tasks import SceneOptions
from swath.training import LoopOptions, Optimiser, Schedule
from swath.training.watch import Silent

__all__ = [
    "FULL",
    "RIVAL",
    "SPLITS",
    "UNITS",
    "Unit",
    "corpus_of",
    "do",
    "floor_units",
    "idle_minutes",
    "options_of",
    "read_unit",
    "store_floors",
    "store_rates",
]

#: Epochs of the full budget.
FULL: Final = 32
#: Name -> recipe. `random`: 80/20 with val carved from train. `longitude`: 60/20/20 from west to east.
SPLITS: Final[dict[str, dict[str, Any]]] = {
    "random": {"method": "random", "shares": {"train": 0.76, "val": 0.04, "test": 0.2}, "seed": 0},
    "longitude": {
        "method": "place",
        "pattern": "longitude",
        "block": "0.01deg",
        "shares": {"train": 0.6, "val": 0.2, "test": 0.2},
        "seed": 0,
    },
    "blocks": {
        "method": "place",
        "block": "1deg",
        "folds": 5,
        "shares": {"train": 0.95, "val": 0.05},
        "buffer": "1km",
        "seed": 0,
    },
}


#: Share of the epochs that sees crops.
_CROPS: Final = 0.6
_RATES: Final = "rates.json"


@dataclass(frozen=True, slots=True)
class Unit:
    """One training."""

    split: str
    epochs: int
    seed: int = 0
    fold: int = 0
    encoder: str = "resnet10-32"

    @property
    def is_ours(self) -> bool:
        """True for our default network."""
        return self.encoder == "resnet10-32"

    @property
    def name(self) -> str:
        """Of its files."""
        fold = f"-fold{self.fold}" if "folds" in SPLITS[self.split] else ""
        other = "" if self.is_ours else f"-{self.encoder.replace(':', '-')}"
        return f"{self.split}{fold}-{self.epochs:02d}-seed{self.seed}{other}"


#: The training whose bundle is kept.
KEPT: Final = Unit("random", FULL)
#: Takes a little longer than eight epochs of ours.
RIVAL: Final = Unit("random", 3, encoder="timm:resnet18")
#: In the order in which they are worth having; the budget is fixed in epochs, so that a busy machine changes nothing.
UNITS: Final = (
    KEPT,
    Unit("random", 4),
    Unit("random", 8),
    RIVAL,
    Unit("longitude", FULL),
    *(Unit("blocks", FULL // 4, fold=fold) for fold in range(5)),
    Unit("random", 16),
    Unit("random", FULL, seed=1),
    Unit("random", FULL, seed=2),
)


def options_of(unit: Unit) -> TrainOptions:
    """The recipe: a residual network of 1.2 million parameters, one cycle, crops first, orientations in turn."""
    return TrainOptions(
        name=f"eurosat-rgb-{unit.name}",
        data=DataOptions(split=unit.split, fold=unit.fold, batch_size=128, threads=1),
        model=ModelOptions("resnet10-32", squeeze=True, shortcut="pool")
        if unit.is_ours
        else ModelOptions(unit.encoder),
        task=SceneOptions(label_smoothing=0.1),
        augment=Augmentation(right_angles="alternate", crop=48, crop_until=round(_CROPS * unit.epochs), shift=6),
        loop=LoopOptions(
            epochs=unit.epochs,
            seed=unit.seed,
            optimiser=Optimiser("muon", rate=0.012, betas=(0.9, 0.99), weight_decay=0.1),
            schedule=Schedule("cosine", warm_up=0.15),
            average=0.995,
            select="last",
            device="cpu",
        ),
        views=8,
        is_half=True,
    )


def corpus_of(data: Path, work: Path) -> Corpus:
    """Import all 27,000 patches with their positions, and freeze the splits."""
    zipped, positions = data / "eurosat-rgb" / "EuroSAT_RGB.zip", data / "eurosat-rgb" / "positions.csv.gz"
    opening = Opening("eurosat-rgb", (str(zipped),), {"positions": str(positions)})
    build_corpus(opening, work / "eurosat")
    corpus = open_corpus(work / "eurosat")
    for name, recipe in SPLITS.items():
        if name not in split_names(corpus):
            split_corpus(corpus, recipe, name=name, pictures=False)
    return corpus


class _Said(Silent):
    """A line an epoch."""

    def __init__(self, name: str) -> None:
        self._name = name

    def epoch(self, row: Any) -> None:
        """Say it."""
        accuracy, rate = row["val_accuracy"], row["samples_per_second"] or math.nan
        print(f"{self._name} epoch {row['epoch']}: val {accuracy:.4f}, {rate:.0f} samples/s", flush=True)


def do(unit: Unit, corpus: Corpus, work: Path, stored: Path) -> None:
    """Train one unit, or go on with it, and store its answers and its cost; one bundle is kept."""
    done = train(
        corpus,
        options_of(unit),
        work / "runs" / unit.name,
        watch=_Said(unit.name),
        command="make result ID=eurosat-scratch",
    )
    if unit == KEPT:
        keep(done.bundle, "eurosat-rgb")
    split = load_split(corpus, unit.split)
    ids = split.ids("test", fold=unit.fold)
    at = corpus.positions(ids)
    lonlat = places_of(corpus)
    cells = block_of(lonlat.lon[at], lonlat.lat[at], "1deg")
    raw = _answers(done.bundle, corpus, at)
    with (done.run / "metrics.csv").open() as file:
        rows = list(csv.DictReader(file))
    facts = {
        "split": unit.split,
        "fold": unit.fold,
        "epochs": unit.epochs,
        "seed": unit.seed,
        "split_hash": split.hash,
        "bundle_hash": done.bundle.hash,
        "temperature": done.bundle.calibration.temperature,
        "train": done.train,
        "val": done.val,
        "val_accuracy": done.fitted.value,
        "parameters": sum(each.numel() for each in done.bundle.network.parameters()),
        "cpu_minutes": round(_total(rows, "cpu_seconds") / 60, 1),
        "wall_minutes": round(_total(rows, "seconds") / 60, 1),
        "cores": os.cpu_count(),
    }
    held: dict[str, Any] = {
        "id": np.array(ids),
        "truth": corpus.labels()[1][at].astype(np.int8),
        "block": np.unique(cells, axis=0, return_inverse=True)[1].ravel().astype(np.int16),
        "logits": raw.astype(np.float16),
    }
    stored.mkdir(parents=True, exist_ok=True)
    blob = io.BytesIO()
    np.savez_compressed(blob, **held)
    write_whole(stored / f"{unit.name}.npz", blob.getvalue())
    write_whole(stored / f"{unit.name}.json", (json.dumps(facts, indent=1) + "\n").encode())


def store_rates(corpus: Corpus, work: Path, stored: Path) -> None:
    """Measure samples a second of crops and of whole pictures, once, on a machine that does nothing else."""
    path = stored / _RATES
    if path.exists():
        return
    asked = replace(options_of(KEPT), loop=replace(options_of(KEPT).loop, epochs=2, steps=60))
    seen = {
        "crops": Augmentation(right_angles="alternate", crop=48, crop_until=1),
        "whole": Augmentation(right_angles="alternate"),
    }
    rates = {}
    for name, augment in seen.items():
        run = work / "runs" / f"rate-{name}"
        shutil.rmtree(run, ignore_errors=True)
        train(corpus, replace(asked, name=name, augment=augment), run)
        with (run / "metrics.csv").open() as file:
            rates[name] = float(list(csv.DictReader(file))[-1]["samples_per_second"])
    held = {**rates, "cores": os.cpu_count(), "threads": torch.get_num_threads()}
    write_whole(path, (json.dumps(held, indent=1) + "\n").encode())


def idle_minutes(epochs: int, count: int, stored: Path) -> float | None:
    """Minutes that so many epochs over so many samples take where nothing else runs; None = not measured."""
    if not (stored / _RATES).exists():
        return None
    rates, crops = json.loads((stored / _RATES).read_text()), round(_CROPS * epochs)
    return count * (crops / float(rates["crops"]) + (epochs - crops) / float(rates["whole"])) / 60


def _answers(bundle: Any, corpus: Corpus, at: Array) -> Array:
    return np.concatenate(
        [bundle.samples({"rgb": corpus.pixels("rgb", at[i : i + 500])}, {}, {}) for i in range(0, len(at), 500)]
    )


def _total(rows: list[dict[str, str]], column: str) -> float:
    """Sum over epochs; one that was cut off and went on counts as the mean of the others."""
    known = [float(row[column]) for row in rows if row[column]]
    return sum(known) * len(rows) / max(1, len(known))


def read_unit(unit: Unit, stored: Path) -> tuple[dict[str, Any], dict[str, Array]] | None:
    """What a training left, or None if it has not been done."""
    facts, answers = (stored / f"{unit.name}.{kind}" for kind in ("json", "npz"))
    if not (facts.exists() and answers.exists()):
        return None
    with np.load(answers, allow_pickle=False) as held:
        arrays = {name: held[name] for name in held.files}
    return json.loads(facts.read_text()), arrays


def store_floors(corpus: Corpus, split: str, stored: Path) -> None:
    """Answer for the test parts of a split as the floors do, and store the answers; folds together."""
    path = stored / f"floors-{split}.npz"
    if path.exists():
        return
    frozen = load_split(corpus, split)
    held: dict[str, list[Any]] = {"id": [], "truth": [], "block": []}
    about: dict[str, str] = {}
    places = places_of(corpus)
    for fold in range(frozen.folds):
        input = input_of(corpus, frozen, DataOptions(split=split, fold=fold))
        floors = make_floors(corpus, frozen, input, "class", legend("eurosat").codes, fold=fold)
        at = corpus.positions(list(floors[0].ids))
        cells = block_of(places.lon[at], places.lat[at], "1deg")
        held["id"].append(np.array(floors[0].ids))
        held["truth"].append(corpus.labels()[1][at].astype(np.int8))
        held["block"].append(cells)
        for floor in floors:
            held.setdefault(f"floor {floor.name}", []).append(floor.predicted.astype(np.int8))
            about[floor.name] = floor.about
    joined: dict[str, Any] = {name: np.concatenate(arrays) for name, arrays in held.items()}
    joined["block"] = np.unique(joined["block"], axis=0, return_inverse=True)[1].ravel().astype(np.int16)
    joined["about"] = np.array(json.dumps(about))
    stored.mkdir(parents=True, exist_ok=True)
    blob = io.BytesIO()
    np.savez_compressed(blob, **joined)
    write_whole(path, blob.getvalue())


def floor_units(split: str, stored: Path) -> Iterator[tuple[str, str, Array, Array, Array]]:
    """Stored answers of the floors: (name, exactly what it is, truth, answers, block)."""
    path = stored / f"floors-{split}.npz"
    if not path.exists():
        return
    with np.load(path, allow_pickle=False) as held:
        about = json.loads(str(held["about"]))
        for name, said in about.items():
            truth, predicted = held["truth"].astype(int), held[f"floor {name}"].astype(int)
            yield name, said, truth, predicted, held["block"].astype(int)
