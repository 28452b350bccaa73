"""Loader speed: whether reading keeps up with learning, each measured on its own; part of `swath doctor`.

The loader makes batches of a corpus with the augmentation that training has by default; the step trains the default
network on one such batch, held in memory. If the loader is the slower one, a training waits for it.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from torch.nn import functional as F  # noqa: N812 - as everybody names it

from swath.batch import Loader
from swath.core.specs import InputSpec, StackInput
from swath.corpus import Corpus, open_corpus
from swath.models import ModelOptions, make_backbone
from swath.recipes.build import build_corpus
from swath.recipes.open import Opening
from swath.recipes.train import TrainOptions, physical
from swath.tasks import SceneNetwork
from swath.training.device import processes

__all__ = ["LoaderSpeed", "measure_loader"]

#: The planet's corpus that is measured where none is given.
_PLANET: Final = {"n": 128, "seed": 7}
_BATCH: Final = 64
#: Samples of a corpus that are read, at most.
_MOST: Final = 1024
_CLASSES: Final = 10
#: Share of a step's speed from which on the loader is said to keep up.
_ENOUGH: Final = 1.0


@dataclass(frozen=True, slots=True)
class LoaderSpeed:
    """Samples a second, of each on its own."""

    #: What was read, and the network.
    corpus: str
    encoder: str
    device: str
    #: Threads that read.
    threads: int
    #: Samples a second.
    loader: float
    step: float

    @property
    def ratio(self) -> float:
        """How many times as fast as the step the loader is."""
        return self.loader / self.step

    def sentence(self) -> str:
        """What it means.

        Examples
        --------
        >>> LoaderSpeed("a planet", "resnet10-32", "cpu", 1, 3000.0, 200.0).sentence()
        'The loader makes 3,000 samples/s of a planet, a step of resnet10-32 on cpu takes 200: it keeps the step busy.'
        """
        said = (
            f"The loader makes {self.loader:,.0f} samples/s of {self.corpus}, "
            f"a step of {self.encoder} on {self.device} takes {self.step:,.0f}: "
        )
        if self.ratio >= _ENOUGH:
            return f"{said}it keeps the step busy."
        wanted = self.threads + max(1, round(self.threads * (1 / self.ratio - 1)))
        waits = f"the step waits {100 * (1 - self.ratio):.0f} % of the time"
        return f"{said}{waits}. Read with more threads: --set data.threads={wanted}."

    def to_json(self) -> dict[str, Any]:
        """Plain JSON."""
        names = ("corpus", "encoder", "device", "threads", "loader", "step", "ratio")
        return {**{name: getattr(self, name) for name in names}, "sentence": self.sentence()}


def _input(corpus: Corpus) -> InputSpec:
    """All stacks as training takes them, not normalised: that is the step's work, whatever the numbers are."""
    names = [name for name in corpus.layout.stacks if name not in corpus.layout.targets]
    stacks = {}
    for name in names:
        spec = corpus.spec(name)
        count = len(spec.bands)
        gsd = sum(spec.gsd) / 2
        moments = (0.0,) * count, (1.0,) * count
        stacks[name] = StackInput(spec.bands, physical(spec.quantity), spec.level, gsd, spec.dates, *moments)
    finest = min(names, key=lambda name: corpus.spec(name).gsd)
    return InputSpec(stacks, corpus.spec(finest).size)


def _rate(do: Callable[[], int], seconds: float) -> float:
    """Samples a second of something that is done again and again, after once to warm up."""
    do()
    start, count = time.perf_counter(), 0
    while True:
        count += do()
        passed = time.perf_counter() - start
        if passed >= seconds:
            return count / passed


def measure_loader(path: Path | None = None, *, seconds: float = 2.0) -> LoaderSpeed:
    """Measure both, for some seconds each.

    Parameters
    ----------
    path : Path, optional
        A corpus; None = a small one of the planet, made in a temporary folder.
    seconds : float
        Of each measurement, at least one batch.

    Raises
    ------
    Unreadable, Refused
        There is no corpus, or nothing in it can be learnt from.
    """
    if path is not None:
        return _measure(open_corpus(path), path.absolute().name, seconds)
    with tempfile.TemporaryDirectory(prefix="swath-doctor-") as folder:
        build_corpus(Opening("planet", (), _PLANET), Path(folder) / "planet")
        return _measure(open_corpus(Path(folder) / "planet"), "a small planet", seconds)


def _measure(corpus: Corpus, name: str, seconds: float) -> LoaderSpeed:
    options, input = TrainOptions(), _input(corpus)
    threads = options.data.threads
    some = np.arange(min(len(corpus), _MOST))
    loader = Loader(
        corpus, some, input, {}, batch_size=_BATCH, augmentation=options.augment, workers=threads, by="swath doctor"
    )
    epoch = 0

    def read() -> int:
        nonlocal epoch
        epoch += 1
        return sum(len(batch) for batch in loader.epoch(epoch))

    with processes() as device:
        backbone, _ = make_backbone(ModelOptions(), input)
        network = SceneNetwork(backbone, _CLASSES).to(device.torch).train()
        optimiser = torch.optim.AdamW(network.parameters())
        batch = next(iter(loader.epoch(0))).to(device.torch)
        truth = torch.arange(len(batch), device=device.torch) % _CLASSES

        def learn() -> int:
            optimiser.zero_grad(set_to_none=True)
            with device.autocast():
                loss = F.cross_entropy(network(batch.x, batch.valid).float(), truth)
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            if device.torch.type == "cuda":
                torch.cuda.synchronize()
            return len(batch)

        step = _rate(learn, seconds)
        loads = _rate(read, seconds)
        return LoaderSpeed(name, ModelOptions().encoder, device.torch.type, threads, loads, step)
