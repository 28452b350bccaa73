"""Corpus stages: kinds of stages that make a corpus, split it and look at it; they need no torch."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Final

from swath.core.errors import Refused, SwathError
from swath.core.files import write_whole
from swath.corpus import open_corpus
from swath.corpus.splitfile import load_split, split_names
from swath.recipes.build import build_corpus
from swath.recipes.open import Opening, open_source
from swath.recipes.show import show_corpus
from swath.recipes.split import split_corpus
from swath.recipes.stage import Done, Job, Kind, Need
from swath.recipes.statistics import corpus_statistics, statistics_text

__all__ = ["STAGES", "ShowOptions", "SourceOptions", "SplitOptions", "StatsOptions"]


@dataclass(frozen=True, slots=True)
class SourceOptions:
    """What becomes a corpus."""

    #: A key of `recipes.open.SOURCES`: the planet, or a format of files.
    source: str = "planet"
    #: Files or folders, one or several; none for the planet.
    paths: tuple[str, ...] | str = ()
    #: What the files do not say, or what a source is asked for: `swath corpus import FORMAT --options` lists it.
    declare: Mapping[str, str | int | float] = field(default_factory=dict)

    def opening(self) -> Opening:
        """The same for `open_source`."""
        paths = (self.paths,) if isinstance(self.paths, str) else self.paths
        return Opening(self.source, tuple(str(Path(path).absolute()) for path in paths), dict(self.declare))


@dataclass(frozen=True, slots=True)
class SplitOptions:
    """How a split is made; None = not said."""

    #: random, group, place or time.
    method: str = "random"
    #: Of whatever is drawn.
    seed: int | None = None
    #: Part -> share.
    shares: Mapping[str, float] | None = None
    #: Make a k-fold split.
    folds: int | None = None
    #: At random: keep the shares within every class.
    stratify: bool | None = None
    #: By place: side of the blocks, `1deg` or `50km`.
    block: str | None = None
    #: By place: train nearer than this to another part is dropped.
    buffer: str | None = None
    #: By place: random, or longitude.
    pattern: str | None = None
    #: By time: dates between the parts.
    edges: tuple[str, ...] | None = None
    #: Class target that counts as the label; needed only if there are several.
    target: str | None = None
    #: Whether near-duplicates are looked for, which reads every sample once.
    pictures: bool = True

    def recipe(self) -> dict[str, Any]:
        """The same for `make_split`."""
        held = {each.name: getattr(self, each.name) for each in fields(self) if each.name not in ("target", "pictures")}
        held |= {} if self.edges is None else {"edges": list(self.edges)}
        return {name: value for name, value in held.items() if value is not None}


@dataclass(frozen=True, slots=True)
class StatsOptions:
    """What is measured."""

    #: Which stack; needed only if there are several.
    stack: str | None = None
    #: Which part, and which fold, if a split is named.
    part: str = "train"
    fold: int = 0
    #: population, or per-image-mean (CNN-Sentinel's).
    std: str = "population"


@dataclass(frozen=True, slots=True)
class ShowOptions:
    """What is shown."""

    #: Pictures a class.
    per_class: int = 8


def _source(job: Job) -> Done:
    opening = job.options.opening()
    built = build_corpus(opening, job.path, workers=job.means.workers, progress=job.means.progress("samples"))
    hash = open_corpus(job.path).meta.plan_hash
    return Done(built.summary(), {"hash": hash, "samples": built.total - built.quarantined}, built.has_holes)


def _outside(options: SourceOptions, name: str) -> str:
    """Hash of the plan: exactly which files, as they are. The planet is what its options say."""
    opening = options.opening()
    if opening.source == "planet":
        return ""
    if not opening.paths:
        what = f"needs the path of the files of {opening.source}"
        raise Refused(where=f"stage {name}", what=what, fix=f"Say where they lie: --set {name}.paths=PATH.")
    return open_source(opening).plan().hash


def _source_stands(job: Job, facts: Mapping[str, Any]) -> bool:
    try:
        return bool(open_corpus(job.path).meta.plan_hash == facts["hash"])
    except SwathError:
        return False


def _split(job: Job) -> Done:
    options: SplitOptions = job.options
    frozen = split_corpus(
        open_corpus(job.one("corpus").path),
        options.recipe(),
        name=job.name,
        target=options.target,
        replace=True,
        pictures=options.pictures,
        progress=job.means.progress("samples"),
    )
    return Done(frozen.summary(), {"hash": frozen.split.hash, "leaks": frozen.report.leaks})


def _split_stands(job: Job, facts: Mapping[str, Any]) -> bool:
    try:
        corpus = open_corpus(job.one("corpus").path)
        return job.name in split_names(corpus) and load_split(corpus, job.name).hash == facts["hash"]
    except SwathError:
        return False


def _stats(job: Job) -> Done:
    options: StatsOptions = job.options
    split = job.one("split").name if job.inputs["split"] else None
    said = corpus_statistics(
        open_corpus(job.one("corpus").path),
        stack=options.stack,
        split=split,
        part=options.part,
        fold=options.fold,
        progress=job.means.progress("samples"),
    )
    text = json.dumps(said.to_json(), indent=1, default=str, ensure_ascii=False)
    write_whole(job.path.with_name(f"{job.name}.json"), f"{text}\n".encode())
    return Done(statistics_text(said, std=options.std), {"alarms": len(said.alarms())})


def _show(job: Job) -> Done:
    page, sheet = (job.path.with_name(f"{job.name}.{kind}") for kind in ("html", "png"))
    corpus = open_corpus(job.one("corpus").path)
    show_corpus(corpus, page, sheet, per_class=job.options.per_class, progress=job.means.progress("samples"))
    return Done(f"page {page}")


_CORPUS: Final = Need(("import", "build"))
_SPLIT: Final = Need(("split",), is_optional=True)
_SOURCE: Final = Kind(
    SourceOptions,
    _source,
    outputs=("", ".journal", ".journal.lock"),
    stands=_source_stands,
    outside=_outside,
    aside=("paths",),
)
#: Kind -> what it is.
STAGES: Final[dict[str, Kind]] = {
    "import": _SOURCE,
    "build": _SOURCE,
    "split": Kind(SplitOptions, _split, needs={"corpus": _CORPUS}, outputs=(), stands=_split_stands),
    "stats": Kind(StatsOptions, _stats, needs={"corpus": _CORPUS, "split": _SPLIT}, outputs=(".json",)),
    "show": Kind(ShowOptions, _show, needs={"corpus": _CORPUS}, outputs=(".html", ".png")),
}
