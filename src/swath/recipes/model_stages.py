"""Model stages: kinds of stages that train, judge and use models; they need torch."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from swath.bundle.facts import Facts
from swath.core.errors import SwathError, Unreadable
from swath.core.files import write_whole
from swath.corpus import open_corpus
from swath.models.weights import find_weights
from swath.recipes.compare import run_compare
from swath.recipes.page import write_page
from swath.recipes.predict import run_predict
from swath.recipes.stage import Done, Job, Kind, Need
from swath.recipes.test import run_test
from swath.recipes.train import TrainOptions, train

__all__ = ["STAGES", "CompareOptions", "PredictOptions", "TestOptions"]


@dataclass(frozen=True, slots=True)
class TestOptions:
    """How a run is judged."""

    #: Part of the split.
    part: str = "test"
    #: Fold of the split; None = the one trained by.
    fold: int | None = None
    #: Whether what needs no network is fitted and judged beside it.
    has_floors: bool = True
    #: Of intervals and floors.
    seed: int = 0
    #: Threads that decode pixels.
    threads: int = 1
    #: Where the model answers.
    device: str = "cpu"


@dataclass(frozen=True, slots=True)
class PredictOptions:
    """What is answered."""

    #: Only this part of a split; None = all samples.
    part: str | None = None
    #: Fold of the split.
    fold: int | None = None
    #: Samples at once.
    batch: int = 128
    #: Threads that decode pixels.
    threads: int = 1
    #: Where the model answers.
    device: str = "cpu"


@dataclass(frozen=True, slots=True)
class CompareOptions:
    """How runs are compared."""

    #: Of the intervals.
    seed: int = 0


def _train(job: Job) -> Done:
    options: TrainOptions = job.options
    own = job.name.removeprefix("train").lstrip("-")
    name = options.name or "-".join(part for part in (job.recipe, own) if part)
    done = train(
        open_corpus(job.one("corpus").path),
        replace(options, name=name, data=replace(options.data, split=job.one("split").name)),
        job.path,
        watch=job.means.watch(),
        progress=job.means.progress("samples"),
    )
    value = done.fitted.value
    scores = {f"{done.fitted.metric} on val": value} if value is not None and math.isfinite(value) else {}
    return Done(done.summary(), {"bundle": done.bundle.hash, "epochs": len(done.fitted.rows), "scores": scores})


def _sum(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _weights(options: TrainOptions, name: str) -> str:
    """Hash of the published weights that it begins with; if they are not there, it is said before anything is done."""
    if options.model.weights is None:
        return ""
    try:
        return _sum(find_weights(options.model.weights))
    except Unreadable as error:
        fix = f"{error.fix} Or begin with fresh weights: --set {name}.model.weights=null."
        raise Unreadable(where=f"stage {name}: {error.where}", what=error.what, fix=fix) from None


def _train_stands(job: Job, facts: Mapping[str, Any]) -> bool:
    bundle = job.path / "bundle"
    try:
        held = Facts.from_bytes((bundle / "bundle.json").read_bytes(), where=str(bundle))
    except (SwathError, OSError):
        return False
    return held.hash == facts["bundle"] and all((bundle / name).exists() for name in held.files)


def _split(job: Job) -> str | None:
    return job.one("split").name if job.inputs["split"] else None


def _test(job: Job) -> Done:
    options: TestOptions = job.options
    corpus = open_corpus(job.one("corpus").path)
    tested = run_test(
        job.one("run").path,
        corpus,
        split=_split(job),
        part=options.part,
        fold=options.fold,
        has_floors=options.has_floors,
        seed=options.seed,
        threads=options.threads,
        device=options.device,
        progress=job.means.progress("samples"),
    )
    page = write_page(tested, corpus, progress=job.means.progress("samples"))
    name, headline = tested.scores.headline
    scores = {name: headline.value}
    if tested.scores.class_intervals is not None:
        scores["macro_f1"] = tested.scores.class_intervals.macro_f1.value
    folder = job.path.parent
    file = tested.files["scores"]
    facts = {
        "run": str(job.one("run").path.relative_to(folder)),
        "scores": scores,
        "file": str(file.relative_to(folder)),
        "sha256": _sum(file),
        "page": str(page.relative_to(folder)),
    }
    return Done(f"page {page}\n{tested.summary()}", facts, tested.has_holes)


def _test_stands(job: Job, facts: Mapping[str, Any]) -> bool:
    folder = job.path.parent
    file = folder / facts["file"]
    return file.exists() and (folder / facts["page"]).exists() and bool(_sum(file) == facts["sha256"])


def _predict(job: Job) -> Done:
    options: PredictOptions = job.options
    done = run_predict(
        job.one("run").path,
        open_corpus(job.one("corpus").path),
        job.path.with_name(f"{job.name}.parquet"),
        split=_split(job),
        part=options.part,
        fold=options.fold,
        batch=options.batch,
        threads=options.threads,
        device=options.device,
        progress=job.means.progress("samples"),
    )
    return Done(done.summary(), {"samples": done.samples, "unanswered": done.unanswered}, done.unanswered > 0)


def _compare(job: Job) -> Done:
    folder = job.path.parent
    runs = list(dict.fromkeys(folder / test.facts["run"] for test in job.inputs["tests"]))
    done = run_compare(runs, seed=job.options.seed)
    text = json.dumps(done.to_json(), indent=1, ensure_ascii=False)
    write_whole(job.path.with_name(f"{job.name}.json"), f"{text}\n".encode())
    return Done(done.text())


_CORPUS: Final = Need(("import", "build"))
_SPLIT: Final = Need(("split",), is_optional=True)
_RUN: Final = Need(("train",))
#: Kind -> what it is.
STAGES: Final[dict[str, Kind]] = {
    "train": Kind(
        TrainOptions,
        _train,
        needs={"corpus": _CORPUS, "split": Need(("split",))},
        stands=_train_stands,
        outside=_weights,
        aside=("data.threads", "loop.device", "loop.save_minutes"),
        filled={"data.split": None},
        seed="loop.seed",
    ),
    "test": Kind(
        TestOptions,
        _test,
        needs={"run": _RUN, "corpus": _CORPUS, "split": _SPLIT},
        outputs=(),
        stands=_test_stands,
        aside=("threads", "device"),
    ),
    "predict": Kind(
        PredictOptions,
        _predict,
        needs={"run": _RUN, "corpus": _CORPUS, "split": _SPLIT},
        outputs=(".parquet",),
        aside=("batch", "threads", "device"),
    ),
    "compare": Kind(CompareOptions, _compare, needs={"tests": Need(("test",), is_many=True)}, outputs=(".json",)),
}
