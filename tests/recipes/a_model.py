"""A model in numpy that is right except where it is told to be wrong, and a run folder that looks like a training's."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import torch
import yaml

from swath.bundle import Facts, NetworkFacts, OriginFacts
from swath.core.errors import Failure
from swath.core.legends import legend
from swath.core.plan import Plan
from swath.core.quantity import dn
from swath.core.sample import Sample, Target, TargetSpec
from swath.core.specs import Calibration, InputSpec, OutputSpec, StackInput
from swath.corpus import build, open_corpus
from swath.corpus.splitfile import load_split
from swath.models import ModelOptions
from swath.recipes.split import split_corpus
from tests.corpus.a_source import Numbers

EUROSAT = legend("eurosat")
SPLITS = {
    "blocks": {"method": "place", "block": "1deg", "shares": {"train": 0.5, "val": 0.2, "test": 0.3}, "seed": 0},
    "random": {"method": "random", "shares": {"train": 0.5, "val": 0.2, "test": 0.3}, "seed": 0},
}


@dataclass(frozen=True)
class Sets(Numbers):
    """The same numbers with a set of classes a sample: i % 10 and, for every third, its neighbour."""

    has_map: bool = False

    def plan(self, places: Any = None, dates: Any = None, spec: Any = None) -> Plan:
        whole = super().plan(places, dates, spec)
        layout = replace(whole.layout, targets={"classes": TargetSpec("classes", legend="eurosat")})
        return replace(whole, layout=layout)

    def read(self, rows: pa.Table) -> Iterator[Sample | Failure]:
        for row in rows.to_pylist():
            sample, i = self.sample(row), row["index"]
            codes = (i % 10, (i + 1) % 10) if i % 3 == 0 else (i % 10,)
            yield replace(sample, targets={"classes": Target(codes=codes)})


@dataclass(frozen=True)
class Unlabelled(Numbers):
    """The same numbers of which some, or all, have no label; or whose only target is a map."""

    without: tuple[int, ...] = ()
    has_map: bool = False

    def read(self, rows: pa.Table) -> Iterator[Sample | Failure]:
        for row in rows.to_pylist():
            sample = self.sample(row)
            yield replace(sample, targets={"class": Target()}) if row["index"] in self.without else sample


def a_corpus(folder: Path, source: Any = None, splits: Any = SPLITS) -> Any:
    """Seventy samples in 35 one-degree cells, with two frozen splits."""
    source = source or Numbers(n=70, has_map=False)
    build(source, source.plan(), folder)
    corpus = open_corpus(folder)
    for name, recipe in splits.items():
        split_corpus(corpus, recipe, name=name, pictures=False)
    return open_corpus(folder)


def index_of(id: str) -> int:
    return int(id.removeprefix("number-"))


@dataclass
class Told:
    """Reads a sample's index off its pixels and answers i % 10, or the next class where it is told to be wrong.

    It is the surer the higher the index, so that the order of its mistakes is known.
    """

    facts: Facts
    wrong: frozenset[int] = frozenset()

    def __post_init__(self) -> None:
        self.network = torch.nn.Linear(3, 2)

    @property
    def name(self) -> str:
        return self.facts.name

    @property
    def hash(self) -> str:
        return self.facts.hash

    @property
    def input(self) -> InputSpec:
        return self.facts.input

    @property
    def output(self) -> OutputSpec:
        return self.facts.output

    @property
    def calibration(self) -> Calibration:
        return self.facts.calibration

    def samples(self, stacks: Any, valid: Any, times: Any) -> Any:
        means = stacks["s2"].mean(axis=(1, 2, 3, 4), dtype=float)
        found = np.rint((means - 1024.5) / 10).astype(int)
        raw = np.full((len(found), 10), -1.0)
        for row, i in zip(raw, found.tolist(), strict=True):
            row[(i + (i in self.wrong)) % 10] = 1 + i / 10
        return raw


def some_facts(corpus: Any, *, split: str = "blocks", fold: int = 0, seed: int = 0, **changed: Any) -> Facts:
    """What a bundle says that was trained by this split of this corpus."""
    frozen = load_split(corpus, split)
    counts = frozen.counts(fold=fold)
    origin = OriginFacts(
        corpus=corpus.path.name,
        corpus_hash=corpus.meta.plan_hash,
        train=counts["train"],
        val=counts["val"],
        split=split,
        split_hash=frozen.hash,
        fold=fold,
        recipe=dict(frozen.recipe),
        bbox=None,
        dates=None,
        version="0.1.0",
        torch="2.13.0",
        command="swath train numbers/ -o run",
        seed=seed,
        metric="accuracy",
        value=0.9,
        licences=("numbers: public domain",),
    )
    stack = StackInput(("B04", "B02"), dn("toa", offset=0), "L1C", 10.0, 1, (1370.0, 1370.0), (200.0, 200.0))
    output = OutputSpec("scene", EUROSAT.codes, EUROSAT, metrics=("accuracy",))
    network = NetworkFacts(ModelOptions())
    facts = Facts("told", InputSpec({"s2": stack}, (16, 16)), output, Calibration(2.0), network, origin)
    return replace(facts, **changed)


METRICS = """epoch,stage,rate,train_loss_network,val_accuracy,val_nll,seconds
1,all,0.1,2.0,0.5,1.9,60.0
2,all,0.05,1.0,0.75,1.2,60.0
3,all,0.01,0.5,0.7,1.1,60.0
"""


def a_run(folder: Path, corpus: Any, *, wrong: Any = (), rate: float = 0.1, **changed: Any) -> Told:
    """A run folder of three epochs whose model is `Told`."""
    facts = some_facts(corpus, **changed)
    (folder / "bundle").mkdir(parents=True)
    (folder / "bundle" / "bundle.json").write_bytes(facts.to_bytes())
    config = {
        "signature": f"{folder.name}",
        "name": None,
        "loop": {"seed": facts.origin.seed, "rate": rate},
        "data": {},
    }
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    (folder / "metrics.csv").write_text(METRICS)
    return Told(facts, frozenset(wrong))
