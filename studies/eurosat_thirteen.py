"""The trainings on 80 real 13-band patches: one network a fold, and one bundle on all of them; demonstrations."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa

from studies.keeping import keep
from swath.batch import Augmentation
from swath.core.array import Array
from swath.core.inputs import to_input
from swath.corpus import Corpus, open_corpus
from swath.corpus.leakage import leakage
from swath.corpus.splitfile import save_split, split_names
from swath.corpus.splits import Split
from swath.models import ModelOptions
from swath.recipes.build import build_corpus
from swath.recipes.open import Opening
from swath.recipes.split import places_of
from swath.recipes.train import DataOptions, TrainOptions, train
from swath.training import LoopOptions, Optimiser, Schedule

__all__ = ["BUNDLE", "answer_by_folds"]

#: Name of the bundle that learns all of the patches.
BUNDLE: Final = "eurosat-13-demonstration"
_SPLIT: Final = "folds"


def _corpus(zipped: Path, work: Path, folds: dict[str, int]) -> Corpus:
    """The patches as a corpus, its split holding the given folds and one more in which everything is train."""
    build_corpus(Opening("eurosat-ms", (str(zipped),), {}), work / "eurosat-13")
    corpus = open_corpus(work / "eurosat-13")
    if _SPLIT not in split_names(corpus):
        places = places_of(corpus)
        count = max(folds.values()) + 1
        rows = [
            (str(id), "test" if folds[str(id)] == fold else "train", fold)
            for fold in range(count + 1)
            for id in places.ids
        ]
        table = pa.table(dict(zip(("id", "part", "fold"), zip(*rows, strict=True), strict=True)))
        split = Split(_SPLIT, table, {"method": "given", "folds": count, "then": "all in train"})
        save_split(corpus, split, leakage(places, split))
    return corpus


def _options(fold: int) -> TrainOptions:
    """Sixty passes over some seventy patches, seen in every orientation and light."""
    return TrainOptions(
        name=BUNDLE,
        data=DataOptions(split=_SPLIT, fold=fold, normalise={"s2": "eurosat-13"}, batch_size=16),
        model=ModelOptions("resnet10-32", squeeze=True, shortcut="pool", dropout=0.2),
        augment=Augmentation(right_angles="alternate", shift=8, brightness=0.1, scale=(0.9, 1.1)),
        loop=LoopOptions(
            epochs=60,
            optimiser=Optimiser("muon", rate=0.01, weight_decay=0.1),
            schedule=Schedule("cosine", warm_up=0.1),
            average=0.98,
            select="last",
            device="cpu",
        ),
        views=8,
        is_half=True,
    )


def answer_by_folds(zipped: Path, ids: Array, folds: Array, work: Path) -> Array:
    """Raw answers for every patch by a network that never saw it; then learn all of them and keep that bundle.

    Parameters
    ----------
    ids : str array, shape (n,)
        Patches.
    folds : int array, shape (n,)
        Which fold tests each.

    Returns
    -------
    float32 array, shape (n, k)
    """
    corpus = _corpus(zipped, work, dict(zip(ids.tolist(), folds.tolist(), strict=True)))
    raw: Array | None = None
    for fold in range(int(folds.max()) + 2):
        command = "make result ID=eurosat-eighty"
        bundle = train(corpus, _options(fold), work / "runs" / f"fold{fold}", command=command).bundle
        tested = np.flatnonzero(folds == fold)
        if not len(tested):
            keep(bundle, BUNDLE)
            continue
        spec, needs = corpus.spec("s2"), bundle.input.stacks["s2"]
        x, valid = to_input(corpus.pixels("s2", corpus.positions(ids[tested].tolist())), None, spec, needs)
        answers = bundle.samples({"s2": x}, {"s2": valid}, {})
        raw = np.zeros((len(ids), answers.shape[1]), np.float32) if raw is None else raw
        raw[tested] = answers
    return np.zeros((0, 0), np.float32) if raw is None else raw
