"""Training: the loop beside the same steps, with the same augmentation, on samples that are held in memory.

The reference is what one would write in ten lines: arrays in memory, the same augmentation, forward, backward, step.
The loop reads from the corpus, checks, logs and writes its checkpoints.
"""

from __future__ import annotations

import itertools
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch

from benchmarks.batches import PICTURE, RGB, Patches, real_patches
from benchmarks.ratio import Row, row
from swath.batch import Augmentation, Loader
from swath.core.array import Array
from swath.core.legends import legend
from swath.core.specs import InputSpec, OutputSpec, StackInput
from swath.corpus import Corpus, build, open_corpus
from swath.models import ModelOptions, make_backbone
from swath.tasks import SceneNetwork, SceneOptions, SceneTask
from swath.training import LoopOptions, Optimiser, Schedule, fit

__all__ = ["rows"]

PATCHES, BATCH = 1536, 128
INPUT = InputSpec({"rgb": StackInput(RGB, PICTURE, "L1C", 10.0, 1, (88.0, 97.0, 104.0), (52.0, 35.0, 30.0))}, (64, 64))
OUTPUT = OutputSpec("scene", legend("eurosat").codes, legend("eurosat"), metrics=("accuracy",))
AUGMENT = Augmentation(right_angles="alternate", shift=6)


class _Held(Corpus):
    """A corpus whose pixels are an array in memory: nothing is read, decoded or checked."""

    data: Array

    def pixels(self, stack: str, positions: Array, *, out: Array | None = None, threads: int = 1) -> Array:  # type: ignore[override]
        """Take rows of the array."""
        taken: Array = self.data[np.asarray(positions, np.int64)][:, None]
        return taken


def _loader(corpus: Corpus, workers: int) -> Loader:
    everything = np.arange(len(corpus))
    return Loader(corpus, everything, INPUT, {"class": OUTPUT}, batch_size=BATCH, augmentation=AUGMENT, workers=workers)


def _task() -> SceneTask:
    backbone, _ = make_backbone(ModelOptions(), INPUT)
    return SceneTask(SceneNetwork(backbone, len(OUTPUT.codes)), OUTPUT, "class", SceneOptions(label_smoothing=0.1))


def rows(folder: Path) -> Iterator[Row]:
    """An epoch of the default network, all cores."""
    torch.set_num_threads(os.cpu_count() or 1)
    data, said = real_patches(PATCHES)
    source = Patches(data)
    build(source, source.plan(), folder / "c")
    corpus = open_corpus(folder / "c")
    held = _Held(corpus.path, corpus.meta)
    held.data = data
    options = LoopOptions(epochs=1, optimiser=Optimiser("sgd", rate=0.01), schedule=Schedule("constant"), device="cpu")
    counter = itertools.count()

    def ours() -> None:
        fit(_task(), _loader(corpus, 1), None, options, folder / f"run{next(counter)}", signature="bench")

    def bare() -> None:
        task = _task()
        network = task.parts()["network"].train()
        optimiser = torch.optim.SGD(network.parameters(), lr=0.01, momentum=0.9, nesterov=True)
        for batch in _loader(held, 0).epoch(0):
            [(_, loss)] = task.step(batch, {"network": network}, {})
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()

    print(f"  {PATCHES} patches ({said}), batches of {BATCH}, resnet10-32", flush=True)
    yield row("the loop / the same steps in memory", ours, bare, at_least=0.95, items=PATCHES, rounds=5)
    shutil.rmtree(folder / "c")
