"""Small trainings: a corpus of numbers, loaders over it, and tasks; also run as a program that kills itself.

    python -m tests.training.a_training CORPUS RUN STEP [STEPS]

trains four epochs of four steps, or of STEPS, and dies by SIGKILL in a step (counted from 1; 0 = never).
"""

from __future__ import annotations

import os
import signal
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from swath.batch import Augmentation, Loader
from swath.core.legends import legend
from swath.core.quantity import TOA
from swath.core.specs import InputSpec, OutputSpec, StackInput
from swath.corpus import Corpus, build, open_corpus
from swath.models import ModelOptions, make_backbone
from swath.models.freezing import frozen_in
from swath.tasks import SceneNetwork, SceneOptions, SceneTask, Task
from swath.training import Fitted, LoopOptions, Optimiser, Schedule, fit
from tests.corpus.a_source import BANDS, Numbers

SIZE = 16
INPUT = InputSpec({"s2": StackInput(BANDS, TOA, "L1C", 10.0, 1, (0.12, 0.12, 0.12), (0.02, 0.02, 0.02))}, (SIZE, SIZE))
OUTPUT = OutputSpec("scene", legend("eurosat").codes, legend("eurosat"), metrics=("accuracy", "macro_f1"))
QUICK = LoopOptions(
    epochs=2, optimiser=Optimiser("sgd", rate=0.02, weight_decay=1e-4), schedule=Schedule(warm_up=0.2), device="cpu"
)


def a_corpus(folder: Path, n: int = 40) -> Corpus:
    """Samples that differ in brightness; their class is their number's last digit."""
    source = Numbers(n=n, size=SIZE, masked=(3, 5), has_map=False)
    build(source, source.plan(), folder)
    return open_corpus(folder)


def a_loader(corpus: Corpus, positions: Any = None, *, batch_size: int = 8, shard: tuple[int, int] = (0, 1)) -> Loader:
    """All samples, or some, moved a little."""
    chosen = np.arange(len(corpus)) if positions is None else positions
    augment = Augmentation(right_angles="random", shift=2)
    return Loader(corpus, chosen, INPUT, {"class": OUTPUT}, batch_size=batch_size, augmentation=augment, shard=shard)


def a_network(norm: str = "batch", *, dropout: float = 0.0) -> SceneNetwork:
    """The same fresh weights each time."""
    options = ModelOptions("resnet10-32", width=4, norm=norm, dropout=dropout)  # type: ignore[arg-type]
    with torch.random.fork_rng():
        torch.manual_seed(3)
        return SceneNetwork(make_backbone(options, INPUT, seed=3)[0], len(OUTPUT.codes))


def a_task(norm: str = "batch", *, dropout: float = 0.0, **options: Any) -> SceneTask:
    """Scene classification with a network of a few thousand weights."""
    network = a_network(norm, dropout=dropout)
    freezing = partial(frozen_in, network.backbone)  # type: ignore[arg-type]
    return SceneTask(network, OUTPUT, "class", SceneOptions(**options), freezing=freezing)


class Scripted:
    """A task whose metric on val follows a script, one number an epoch; everything else is as in the task within."""

    def __init__(self, task: Task, script: list[float]) -> None:
        self.task, self.script, self.told = task, script, 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self.task, name)

    def score(self, raw: Any, truth: Any) -> dict[str, float]:
        self.told += 1
        return {"accuracy": self.script[self.told - 1]}


class Deadly:
    """A task that dies in the middle of a step, counted from 1."""

    def __init__(self, task: Task, at: int) -> None:
        self.task, self.at, self.steps = task, at, 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self.task, name)

    def step(self, batch: Any, parts: Any, state: Any) -> Any:
        self.steps += 1
        for each in self.task.step(batch, parts, state):
            if self.steps == self.at:
                os.kill(os.getpid(), signal.SIGKILL)
            yield each


def run(corpus: Corpus, folder: Path, options: LoopOptions = QUICK, **more: Any) -> Fitted:
    """Train on three quarters and judge on the rest."""
    given = {"task": None, "watch": None, "signature": "a training", "train": None, **more}
    cut = len(corpus) * 3 // 4
    train = given["train"] or a_loader(corpus, np.arange(cut))
    val = a_loader(corpus, np.arange(cut, len(corpus)))
    task = given["task"] or a_task(dropout=0.2)
    return fit(task, train, val, options, folder, signature=given["signature"], watch=given["watch"])


if __name__ == "__main__":
    torch.set_num_threads(1)
    where, into, at, *steps = sys.argv[1:]
    every = replace(QUICK, epochs=4, average=0.5, save_minutes=1e-9, steps=int(steps[0]) if steps else None)
    run(open_corpus(where), Path(into), every, task=Deadly(a_task(dropout=0.2), int(at)))
