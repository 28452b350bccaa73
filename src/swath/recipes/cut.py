"""Cut: one's own scene and labels into a corpus with a frozen split and a list of what is left; `swath corpus cut`.

The list lies beside the corpus as `<corpus>.left.csv`: every label and every window that did not become part of it, and
every window that was planned and could not be read, with the reason in a sentence.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from swath.core.errors import Refused, Unknown
from swath.core.files import write_whole
from swath.core.plan import Plan
from swath.core.progress import SILENT, Progress
from swath.corpus import open_corpus
from swath.corpus.build import Built, build
from swath.corpus.corpus import Corpus
from swath.corpus.leakage import NEAR
from swath.corpus.places import parse_block
from swath.corpus.splitfile import load_report, load_split, split_names
from swath.corpus.splits import make_split
from swath.recipes.open import Opening, open_source
from swath.recipes.split import Frozen, places_of, split_corpus
from swath.sources.cut import Cut
from swath.sources.labels import Left
from swath.sources.survey import Survey

__all__ = ["SPLITS", "Cutting", "SplitWish", "block_side", "cut_corpus", "left_path", "survey_cut"]

#: How a cut is split by itself -> what that is.
SPLITS: Final[dict[str, str]] = {
    "blocks": "whole blocks of ground in one part, and a buffer between parts",
    "random": "at random; neighbours then stand on both sides",
    "none": "not at all",
}
#: Sides of a block: so many windows at least, and so many blocks across the ground at most.
_LEAST_WINDOWS: Final = 4
_MOST_BLOCKS: Final = 8
#: Ground of so many times the distance within which a neighbour leaks has room for a buffer of that distance, and then
#: wants blocks of twice that. Measured on 10 km of the planet, 735 windows: 55 % are left to train, and none leaks.
_WIDE: Final = 8
_COLUMNS: Final = ("kind", "id", "reason", "lon", "lat", "message")


@dataclass(frozen=True, slots=True)
class SplitWish:
    """How the corpus is split right after the cut."""

    #: A key of `SPLITS`.
    by: str = "blocks"
    #: Side of the blocks, `2km`; None = `block_side`.
    block: str | None = None
    #: Train nearer than this to another part is dropped, `500m`; None = as far as leakage is looked for, on ground that
    #: has room for it, else a window's diagonal.
    buffer: str | None = None
    #: Of whatever is drawn.
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Cutting:
    """What a cut came to."""

    #: The corpus's folder and the list beside it.
    path: Path
    list: Path
    #: What was planned and what was left.
    survey: Survey
    #: What was read.
    built: Built
    #: Lines on the split, whether it leaks, and whether there is none although one was wanted.
    split: tuple[str, ...]
    leaks: bool
    is_unsplit: bool

    @property
    def has_holes(self) -> bool:
        """True if samples are missing, or a split that was wanted; that a split leaks is told, and no hole."""
        return self.built.has_holes or self.is_unsplit

    def summary(self) -> str:
        """Lines for people; counts are in the last lines but those of the split."""
        listed = f"listed   {self.list}" if self.survey.left or self.built.has_holes else "listed   nothing was left"
        lines = [self.survey.summary(), listed, f"{self.path}: {self.built.summary()}"]
        return "\n".join([*lines, *self.split])

    def to_json(self) -> dict[str, Any]:
        """The same for programs."""
        built = self.built
        return {
            "done": built.done,
            "skipped": built.skipped,
            "quarantined": built.quarantined,
            "planned": built.total,
            "left": self.survey.counts(),
            "classes": dict(self.survey.classes),
            "windows": self.survey.looked,
            "unlabelled": self.survey.unlabelled,
            "mixed": self.survey.mixed,
            "list": str(self.list),
            "split": list(self.split),
            "leaks": self.leaks,
        }


def left_path(path: Path) -> Path:
    """The list beside a corpus."""
    path = path.absolute()
    return path.with_name(f"{path.name}.left.csv")


def survey_cut(opening: Opening, *, planning: Progress = SILENT) -> tuple[Cut, Survey, Plan]:
    """Open scene and labels, and say what would be cut and what not; no image is read.

    `planning` hears of the rows of windows that are looked at.
    """
    source = open_source(opening)
    if not isinstance(source, Cut):
        raise Refused(where=opening.source, what="is no cut", fix="Name the source cut.")
    survey = source.survey(progress=planning)
    return source, survey, source.plan(surveyed=survey)


def cut_corpus(
    opening: Opening,
    path: Path,
    *,
    split: SplitWish | None = None,
    workers: int = 1,
    planning: Progress = SILENT,
    progress: Progress = SILENT,
) -> Cutting:
    """Cut, or continue where a run was cut off; then freeze a split and write the list of what is left.

    Parameters
    ----------
    opening : Opening
        Of source `cut`.
    path : Path
        Folder of the corpus.
    split : SplitWish, optional
        Not given: by blocks.
    workers : int
        Processes that read.
    planning, progress : Progress
        Called with rows of windows looked at, and with samples finished and planned.

    Raises
    ------
    Unknown
        There is no such way to split; the nearest is named.
    Mismatch, Refused
        As `corpus.build`; or the folder has a split of this name by another recipe.
    """
    wish = split or SplitWish()
    if wish.by not in SPLITS:
        raise Unknown(wish.by, SPLITS, what="way to split", where="--split")
    source, survey, plan = survey_cut(opening, planning=planning)
    built = build(source, plan, path, workers=workers, note=opening.to_json(), progress=progress)
    corpus = open_corpus(path)
    write_whole(left_path(path), _listed(survey.left, corpus, plan))
    lines, leaks, is_unsplit = _split(corpus, wish, source)
    return Cutting(path, left_path(path), survey, built, lines, leaks, is_unsplit)


def _listed(left: Sequence[Left], corpus: Corpus, plan: Plan) -> bytes:
    """The list as CSV: what the survey left, then what could not be read."""
    rows = [[each.kind, each.id, each.reason, each.lon, each.lat, each.message] for each in left]
    planned = {row["id"]: (row["lon"], row["lat"]) for row in plan.rows.select(["id", "lon", "lat"]).to_pylist()}
    for each in corpus.quarantine().to_pylist():
        if each["id"] in planned:
            rows.append(["window", each["id"], each["reason"], *planned[each["id"]], each["message"]])
    held = io.StringIO()
    table = csv.writer(held, lineterminator="\n")
    table.writerow(_COLUMNS)
    table.writerows(rows)
    return held.getvalue().encode()


def block_side(rows: int, cols: int, *, size: tuple[int, int], gsd: tuple[float, float]) -> int:
    """Side of blocks [m]: the largest of four windows, an eighth of the ground, and 2 km on ground of 8 km or more.

    Examples
    --------
    >>> block_side(705, 935, size=(64, 64), gsd=(10.0, 10.0)), block_side(10980, 10980, size=(64, 64), gsd=(10.0, 10.0))
    (2560, 13725)
    >>> block_side(705, 935, size=(16, 16), gsd=(10.0, 10.0)), block_side(300, 300, size=(16, 16), gsd=(10.0, 10.0))
    (2000, 640)
    """
    window = max(size[0] * gsd[1], size[1] * gsd[0])
    ground = max(rows * gsd[1], cols * gsd[0])
    return math.ceil(max(_LEAST_WINDOWS * window, ground / _MOST_BLOCKS, 2 * NEAR * (ground >= _WIDE * NEAR)))


def _recipe(wish: SplitWish, source: Cut) -> dict[str, Any]:
    if wish.by == "random":
        return {"method": "random", "seed": wish.seed}
    scene = source.scene
    block = wish.block or f"{block_side(*scene.shape, size=source.options.size, gsd=scene.gsd)}m"
    parse_block(block)
    recipe: dict[str, Any] = {"method": "place", "block": block, "seed": wish.seed}
    ground = max(scene.shape[0] * scene.gsd[1], scene.shape[1] * scene.gsd[0])
    if wish.buffer is not None:
        recipe["buffer"] = wish.buffer
    elif ground >= _WIDE * NEAR and source.options.diagonal(scene.gsd) < NEAR:
        recipe["buffer"] = NEAR
    return recipe


def _split(corpus: Corpus, wish: SplitWish, source: Cut) -> tuple[tuple[str, ...], bool, bool]:
    """Freeze the split that is wanted: lines, whether it leaks, and whether there is none."""
    if wish.by == "none":
        return (), False, False
    recipe = _recipe(wish, source)
    try:
        frozen = _frozen(corpus, recipe, wish.by)
    except Refused as error:
        if wish.by in split_names(corpus):
            raise
        fix = f"Split it yourself: swath corpus split {corpus.path} --by place --block ..., or --by random."
        return (f"split    none: {str(error).rstrip('.')}. {fix}",), False, True
    if frozen is None:
        made = load_split(corpus, wish.by)
        leaks = bool(load_report(corpus, wish.by).get("leaks"))
        return (f"split    {made.summary()} It was there.",), leaks, False
    said = _stated(frozen.split.recipe)
    return (f"split    {frozen.summary()}", *([said] if said else [])), frozen.report.leaks, False


def _frozen(corpus: Corpus, recipe: Mapping[str, Any], name: str) -> Frozen | None:
    """Make the split, or None if it is there already, by the same recipe."""
    if name in split_names(corpus):
        there = load_split(corpus, name)
        if make_split(places_of(corpus), recipe, name=name).hash == there.hash:
            return None
    return split_corpus(corpus, recipe, name=name)


def _stated(recipe: Mapping[str, Any]) -> str:
    """Blocks and buffer in words."""
    if "block" not in recipe:
        return ""
    near = f"train and val nearer than {recipe['buffer']:.0f} m to a sample of a higher part are dropped"
    return f"         Blocks of {recipe['block']}; {near}."
