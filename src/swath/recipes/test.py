"""Test: judge a model on one part of a frozen split, with an interval for every number; `swath test`.

    RUN/report/predictions-<corpus>-<split>.parquet      every answer, beside its truth
    RUN/report/confusion.csv, confusion.svg, index.html  of the split that the model was trained by
    RUN/bundle/scores/<corpus>-<split>.json              every figure

A fold stands in the name where the split has several, a part where it is not test; files of another split than the
model's own carry the same name instead of `index` and `confusion`. What training or selection saw is counted by id.
"""

from __future__ import annotations

import hashlib
import json
import os
import shlex
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from swath.bundle import Bundle, open_bundle
from swath.core.array import Array
from swath.core.errors import Mismatch, Refused
from swath.core.files import write_whole
from swath.core.inputs import require_inputs
from swath.core.progress import SILENT, Progress
from swath.core.version import __version__
from swath.corpus.corpus import Corpus
from swath.corpus.splitfile import load_split, split_names
from swath.corpus.splits import Split
from swath.draw import confusion_matrix
from swath.evaluate import Interval
from swath.prediction import Predicted, PredictionTable, find_truth, predict_table, read_table
from swath.recipes.floors import make_floors
from swath.recipes.runs import SCORES_SCHEMA, Home, find_home, recipe_key, stem_of
from swath.recipes.scores import Scores, score_table, units_of
from swath.recipes.split import places_of

__all__ = ["Asked", "Outcome", "Seen", "ask", "run_test"]

_PARTS_SEEN: Final = ("train", "val")


@dataclass(frozen=True, slots=True, eq=False)
class Asked:
    """Which samples are judged."""

    split: Split
    #: Part of it, and its fold.
    part: str
    fold: int
    #: Positions in the corpus, in the order of their ids.
    positions: Array
    #: What training and selection saw of them.
    seen: Seen


@dataclass(frozen=True, slots=True)
class Seen:
    """What a model saw of the samples that it is judged on, before it was judged."""

    #: True if the split and the fold are those that the model was trained by.
    is_own: bool
    #: Samples judged, and those among them in the model's own train and val; None = nobody can know.
    n: int
    train: int | None
    val: int | None

    @property
    def is_unseen(self) -> bool | None:
        """True if neither training nor selection saw any; None = unknown."""
        return None if self.train is None or self.val is None else not self.train and not self.val

    def sentence(self, part: str, split: str) -> str:
        """What must be said beside every score.

        Examples
        --------
        >>> Seen(True, 59, 0, 0).sentence("test", "blocks")
        'None of the 59 samples in test of split blocks was in train or val: neither training nor selection saw them.'
        >>> Seen(False, 9, None, None).sentence("test", "other")[:76]
        'Split other is not the one that the model was trained by: it may have seen s'
        """
        where = f"{part} of split {split}"
        if self.is_unseen:
            said = f"None of the {self.n:,} samples in {where} was in train or val"
            return f"{said}: neither training nor selection saw them."
        other = f"Split {split} is not the one that the model was trained by: "
        if self.train is None or self.val is None:
            return f"{other}it may have seen some of the {self.n:,} samples in {part}, and nobody can count them here."
        counts = f"{self.train:,} of the {self.n:,} samples"
        said = f"{counts} in {where} were in the model's train and {self.val:,} in its val"
        return f"{'' if self.is_own else other}{said}: scores on them say how well it remembers."


@dataclass(frozen=True, slots=True, eq=False)
class Outcome:
    """What a test found and where it lies."""

    home: Home
    bundle: Bundle
    asked: Asked
    table: PredictionTable
    predicted: Predicted
    scores: Scores
    #: Every figure, as in the file of scores.
    figures: dict[str, Any]
    #: Files that were written, by what they hold.
    files: dict[str, Path]

    @property
    def has_holes(self) -> bool:
        """True if a sample of the part was not answered."""
        return self.predicted.unanswered > 0

    def summary(self) -> str:
        """Lines of counts, and what must be said beside them; the headline stands last."""
        said, scores = [self.asked.seen.sentence(self.asked.part, self.asked.split.name)], self.scores
        for floor in scores.floors:
            if floor.accuracy is None:
                said.append(f"  {floor.name:17} no answers")
                continue
            reached = f"accuracy {_percent(floor.accuracy)}, n {floor.n:,}"
            said.append(f"  {floor.name:17} {reached}{_against(floor.outcome)}")
        name, headline = scores.headline
        counts = f"{scores.n:,} judged, {scores.unlabelled:,} without a label, {scores.unanswered:,} without an answer"
        over = f"{scores.units_count:,} {scores.units.name}"
        more = "" if scores.class_intervals is None else f", macro-F1 {_percent(scores.class_intervals.macro_f1)}"
        said.append(
            f"{self.bundle.name} on {self.asked.part} of {self.asked.split.name}: {counts}; "
            f"{name} {_percent(headline)}{more} (95 % over {over})"
        )
        return "\n".join(said)


def _percent(held: Interval) -> str:
    note = f" ({held.note})" if held.note else ""
    return f"{100 * held.value:.1f} % [{100 * held.low:.1f}, {100 * held.high:.1f}]{note}"


def _against(outcome: str) -> str:
    return {"model": ", beaten", "tie": ", a tie with the model", "floor": ", better than the model"}.get(outcome, "")


def ask(
    bundle: Bundle, corpus: Corpus, *, split: str | None = None, part: str = "test", fold: int | None = None
) -> Asked:
    """Find the samples to judge a model on, and what it has seen of them.

    Parameters
    ----------
    bundle : Bundle
        Says by which split it was trained.
    corpus : Corpus
        With that split, or another one that is named.
    split : str, optional
        Name; None = the one with the bundle's own hash.
    part : str
        train, val or test.
    fold : int, optional
        None = the bundle's own, or 0 for another split.

    Raises
    ------
    Mismatch
        The corpus does not have the bundle's own split, or the split names samples that the corpus lacks.
    Refused
        Another fold than the bundle's own is asked for without naming the split; or the part is empty.
    Unknown
        There is no such split or part.
    """
    origin, where = bundle.facts.origin, str(corpus.path)
    held = {name: load_split(corpus, name) for name in ([split] if split is not None else split_names(corpus))}
    own = [each for each in held.values() if each.hash == origin.split_hash]
    if split is None and not own:
        alike = held.get(origin.split)
        listed = ", ".join(f"{name} {each.hash[:12]}" for name, each in held.items()) or "no split"
        have = f"{origin.split} {alike.hash[:12]}" if alike is not None else listed
        fix = "Test on the corpus that it was trained by, or name a split: --split NAME."
        want = f"{origin.split} {origin.split_hash[:12]} (bundle {bundle.name})"
        raise Mismatch(where=where, what="split", want=want, have=have, fix=fix)
    chosen = held[split] if split is not None else own[0]
    is_own_split = chosen.hash == origin.split_hash
    at = fold if fold is not None else (origin.fold if is_own_split else 0)
    is_own = is_own_split and at == origin.fold
    if split is None and not is_own:
        what = f"was trained by fold {origin.fold} of split {chosen.name}; test of fold {at} was in its train"
        fix = f"Leave --fold out, or name the split, too: --split {chosen.name}."
        raise Refused(where=f"bundle {bundle.name}", what=what, fix=fix)
    ids = chosen.ids(part, fold=at)
    if not ids:
        what = f"has no sample in {part} of fold {at}"
        raise Refused(where=f"split {chosen.name}", what=what, fix="Name another part.")
    lacking = sorted(set(ids) - set(corpus.ids.to_pylist()))
    if lacking:
        have = f"{len(lacking):,} of {len(ids):,} that it lacks (first: {lacking[0]})"
        fix = "Make the build whole (swath corpus build, repair), or make the split again."
        raise Mismatch(where=f"split {chosen.name}", what="ids", want=f"samples of {where}", have=have, fix=fix)
    seen = _seen(bundle, corpus, ids, is_own)
    return Asked(chosen, part, at, corpus.positions(ids), seen)


def _seen(bundle: Bundle, corpus: Corpus, ids: list[str], is_own: bool) -> Seen:
    """Count by id what of some samples was in the bundle's train and val, if this is the corpus that it learnt from."""
    origin = bundle.facts.origin
    if corpus.meta.plan_hash != origin.corpus_hash:
        return Seen(is_own, len(ids), None, None)
    for name in split_names(corpus):
        learnt = load_split(corpus, name)
        if learnt.hash == origin.split_hash:
            parts = [len(set(ids) & set(learnt.ids(part, fold=origin.fold))) for part in _PARTS_SEEN]
            return Seen(is_own, len(ids), *parts)
    return Seen(is_own, len(ids), None, None)


def run_test(
    path: Path | str,
    corpus: Corpus,
    *,
    split: str | None = None,
    part: str = "test",
    fold: int | None = None,
    has_floors: bool = True,
    seed: int = 0,
    threads: int = 1,
    device: str = "cpu",
    command: str = "",
    bundle: Bundle | None = None,
    progress: Progress = SILENT,
) -> Outcome:
    """Judge a model on one part of a split, and write every figure.

    Parameters
    ----------
    path : Path
        Run or bundle.
    corpus : Corpus
        With the split.
    split, part, fold
        As in `ask`.
    has_floors : bool
        Whether floors are fitted on train and judged beside the model.
    seed : int
        Of bootstrap and floors.
    threads : int
        That decode pixels.
    device : str
        Where the model answers.
    command : str
        What was typed, for the scores.
    bundle : Bundle, optional
        The model, if it is open already.
    progress : Progress
        Of answering and of floors.

    Raises
    ------
    Mismatch, Refused, Unknown
        As `ask`; bundle and corpus do not fit; the corpus has no such labels, or none in this part.
    """
    home = find_home(path)
    model = open_bundle(home.bundle, device=device) if bundle is None else bundle
    by = f"bundle {model.name}"
    require_inputs(corpus.layout.stacks, model.input, by=by, where=str(corpus.path))
    target = _truth(model, corpus)
    asked = ask(model, corpus, split=split, part=part, fold=fold)
    _require_labels(corpus, target, asked)
    name = corpus.path.absolute().name
    stem = stem_of(name, asked.split.name, asked.fold, asked.split.folds, part)
    is_first = asked.seen.is_own and part == "test"
    files = {
        "predictions": home.report / f"predictions-{stem}.parquet",
        "scores": home.scores / f"{stem}.json",
        "confusion": home.report / ("confusion.csv" if is_first else f"confusion-{stem}.csv"),
    }
    predicted = predict_table(
        model,
        corpus,
        files["predictions"],
        positions=asked.positions,
        name=model.name,
        bundle_hash=model.hash,
        calibration=model.calibration,
        target=target,
        threads=threads,
        progress=progress,
    )
    table = read_table(files["predictions"])
    floors = []
    if has_floors and not model.output.is_multilabel:
        floors = make_floors(
            corpus,
            asked.split,
            model.input,
            target,
            model.output.codes,
            fold=asked.fold,
            part=part,
            seed=seed,
            progress=progress,
        )
    scores = score_table(table, units_of(places_of(corpus), asked.split, table.ids), floors=floors, seed=seed)
    figures = {
        "swath_scores": SCORES_SCHEMA,
        **_context(home, model, corpus, asked, files, command),
        **scores.to_json(),
    }
    write_whole(files["scores"], (json.dumps(figures, indent=1, ensure_ascii=False) + "\n").encode())
    write_whole(files["confusion"], scores.confusion_csv().encode())
    if scores.confusion is not None:
        files["picture"] = files["confusion"].with_suffix(".svg")
        write_whole(files["picture"], confusion_matrix(scores.confusion.counts, scores.names, width=760).encode())
    return Outcome(home, model, asked, table, predicted, scores, figures, files)


def _truth(model: Bundle, corpus: Corpus) -> str:
    """Target of the corpus that says what the model should have answered."""
    target = find_truth(corpus, model.output, by=f"bundle {model.name}")
    if target is None or model.output.legend is None:
        legend = "" if model.output.legend is None else f" of legend {model.output.legend.name}"
        kind = "classes" if model.output.is_multilabel else "class"
        known = corpus.layout.targets.items()
        targets = [f"{name} ({spec.kind}, {spec.legend or 'no legend'})" for name, spec in known]
        raise Mismatch(
            where=str(corpus.path),
            what="targets",
            want=f"one of kind {kind}{legend} (bundle {model.name})",
            have=", ".join(targets) or "none",
            fix="Without labels there are answers but no scores: swath predict.",
        )
    return target


def _require_labels(corpus: Corpus, target: str, asked: Asked) -> None:
    column = corpus.rows([f"target_{target}"])[f"target_{target}"].take(asked.positions)
    if column.null_count == len(column):
        where = f"{corpus.path} split {asked.split.name}"
        what = f"none of the {len(column):,} samples in {asked.part} has a label of target {target}"
        raise Refused(where=where, what=what, fix="Test another part, or ask for answers alone: swath predict.")


def _context(
    home: Home, model: Bundle, corpus: Corpus, asked: Asked, files: dict[str, Path], command: str
) -> dict[str, Any]:
    """What must be known of every figure."""
    origin, split = model.facts.origin, asked.split
    learnt = {"corpus": origin.corpus_hash, "split": origin.split_hash, "fold": origin.fold}
    place = os.path.relpath(files["predictions"], files["scores"].parent)
    digest = hashlib.sha256(files["predictions"].read_bytes()).hexdigest()
    return {
        "model": {"name": model.name, "run": home.name, "hash": model.hash, "seed": origin.seed},
        "recipe": recipe_key(home, learnt),
        "corpus": {"name": corpus.path.absolute().name, "hash": corpus.meta.plan_hash},
        "split": {
            "name": split.name,
            "hash": split.hash,
            "fold": asked.fold,
            "folds": split.folds,
            "part": asked.part,
            "counts": split.counts(fold=asked.fold),
            "recipe": dict(split.recipe),
        },
        "seen": {
            "is_own_split": asked.seen.is_own,
            "in_train": asked.seen.train,
            "in_val": asked.seen.val,
            "sentence": asked.seen.sentence(asked.part, split.name),
        },
        "predictions": {"file": Path(place).as_posix(), "sha256": digest},
        "command": command or shlex.join(["swath", *sys.argv[1:]]),
        "version": __version__,
    }
