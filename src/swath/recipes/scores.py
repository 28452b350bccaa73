"""Scores: what a table of predictions is worth, with an interval for every number, and what floors reach beside it.

Intervals come from resampled units: blocks of ground where the split was made by place, groups where it was made by
group, else samples. A model and its floors meet the same resamples, so that their difference has an interval of its
own. Arrays and records only: which samples are judged, and what is written where, is `recipes.test`.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from swath.core.errors import Refused
from swath.corpus.places import Places, block_of
from swath.corpus.splits import Split
from swath.evaluate import (
    Answers,
    CalibrationIntervals,
    CalibrationScores,
    Classification,
    ClassificationIntervals,
    Confusion,
    Difference,
    Interval,
    MultiLabel,
    MultiLabelIntervals,
    calibration_intervals,
    classification_intervals,
    compare,
    count_confusion,
    multilabel_intervals,
    resample,
    score_calibration,
    score_classes,
    score_labels,
    worst_mistakes,
)
from swath.evaluate.bootstrap import RESAMPLES
from swath.evaluate.confusion import NONE
from swath.prediction import PredictionTable
from swath.recipes.floors import Floor

__all__ = ["FloorScore", "Mistake", "Scores", "Units", "score_table", "surest_mistakes", "units_of"]

#: Name of the model among its floors.
_MODEL: Final = "the model"


@dataclass(frozen=True, slots=True)
class Units:
    """What is resampled."""

    #: In words, plural: "samples", "blocks of 1deg".
    name: str
    #: Unit of each sample, in the order of the table; None = each is its own.
    of: tuple[str, ...] | None = None
    #: What must be said beside intervals; empty if nothing.
    caution: str = ""

    def numbers(self) -> str | None:
        """Number of the unit of each sample, parted by spaces, -1 = one of its own; None = each is its own.

        Examples
        --------
        >>> Units("blocks of 1deg", ("46 11", "", "45 10", "46 11")).numbers()
        '1 -1 0 1'
        """
        if self.of is None:
            return None
        names = {name: i for i, name in enumerate(sorted(set(self.of) - {""}))}
        return " ".join(str(names.get(name, -1)) for name in self.of)


def units_of(places: Places, split: Split, ids: Sequence[str]) -> Units:
    """Find what must be resampled together: what the split kept together.

    Parameters
    ----------
    places : Places
        Of all samples of the corpus.
    split : Split
        Its recipe says what was kept together.
    ids : sequence of str
        Samples that are judged.

    Examples
    --------
    >>> from swath.corpus.splits import split_random
    >>> places = Places(["a", "b", "c"], lon=[5.3, 5.4, 7.0], lat=[60.0, 60.0, 60.0])
    >>> units_of(places, split_random(places, shares={"train": 0.5, "test": 0.5}, seed=0), ["a"]).name
    'samples'
    """
    at = {str(id): i for i, id in enumerate(places.ids)}
    rows = np.array([at[id] for id in ids], int)
    method = split.recipe.get("method")
    if method == "place" and "block" in split.recipe:
        block, placed = split.recipe["block"], places.is_placed[rows]
        names = np.full(len(rows), "", object)
        cells = block_of(places.lon[rows[placed]], places.lat[rows[placed]], block)
        names[placed] = [f"{row} {column}" for row, column in cells.tolist()]
        return Units(f"blocks of {block if isinstance(block, str) else f'{block:g} m'}", tuple(names.tolist()))
    if method == "group":
        return Units("groups", tuple(places.group[rows].tolist()))
    if places.is_placed[rows].any():
        return Units("samples", None, "neighbours are alike, so intervals over samples are narrower than the truth")
    return Units("samples")


@dataclass(frozen=True, slots=True)
class FloorScore:
    """What one floor reaches on the samples that the model was judged on."""

    #: Key of `floors.FLOORS`, and exactly what it is.
    name: str
    about: str
    #: Samples judged, and those among the model's for which it has no answer.
    n: int
    unanswered: int
    #: Train samples that it was fitted on.
    train: int
    #: None where it has no answer at all.
    accuracy: Interval | None
    macro_f1: Interval | None
    #: Accuracy and macro-F1 of the model less its own, where both answered.
    differences: tuple[Difference, ...]

    @property
    def outcome(self) -> str:
        """By accuracy: `model`, `floor` or `tie`; empty where there is nothing to compare."""
        if not self.differences:
            return ""
        return {_MODEL: "model", self.name: "floor"}.get(self.differences[0].outcome, "tie")

    def to_json(self) -> dict[str, Any]:
        """Plain JSON."""
        counts = {name: getattr(self, name) for name in ("name", "about", "n", "unanswered", "train", "outcome")}
        scores = {name: None if each is None else each.to_json() for name, each in self._scores()}
        return {**counts, **scores, "model_less_floor": {d.metric: d.interval.to_json() for d in self.differences}}

    def _scores(self) -> list[tuple[str, Interval | None]]:
        return [("accuracy", self.accuracy), ("macro_f1", self.macro_f1)]


@dataclass(frozen=True, slots=True, eq=False)
class Scores:
    """What a table of predictions is worth."""

    #: Classes in the order of the raw output.
    codes: tuple[int, ...]
    names: tuple[str, ...]
    #: Samples judged: with a label and an answer.
    n: int
    #: Left out: without a label, without an answer.
    unlabelled: int
    unanswered: int
    #: What is resampled, how many of it, how often, by which seed; share of the distribution between the ends.
    units: Units
    units_count: int
    resamples: int
    seed: int
    level: float
    #: Of one class a sample; None for several labels.
    classes: Classification | None
    class_intervals: ClassificationIntervals | None
    confusion: Confusion | None
    #: Of several labels a sample; None for one class.
    labels: MultiLabel | None
    label_intervals: MultiLabelIntervals | None
    #: As trained, and with the temperature; and their intervals.
    before: CalibrationScores
    after: CalibrationScores
    before_intervals: CalibrationIntervals
    after_intervals: CalibrationIntervals
    floors: tuple[FloorScore, ...] = ()

    @property
    def headline(self) -> tuple[str, Interval]:
        """The one number that comes first, and its name."""
        if self.class_intervals is not None:
            return "accuracy", self.class_intervals.accuracy
        if self.label_intervals is not None:
            return "micro mAP", self.label_intervals.micro_map
        raise Refused(where="scores", what="hold no class")

    def to_json(self) -> dict[str, Any]:
        """Plain JSON."""
        held: dict[str, Any] = {
            "n": self.n,
            "unlabelled": self.unlabelled,
            "unanswered": self.unanswered,
            "resampling": {
                "unit": self.units.name,
                "units": self.units_count,
                "resamples": self.resamples,
                "seed": self.seed,
                "level": self.level,
                "caution": self.units.caution,
                "of_rows": self.units.numbers(),
            },
            "codes": list(self.codes),
            "names": list(self.names),
        }
        scores = self.classes if self.classes is not None else self.labels
        ends = self.class_intervals if self.class_intervals is not None else self.label_intervals
        if scores is not None and ends is not None:
            held |= {"scores": scores.to_json(), "intervals": ends.to_json()}
        if self.confusion is not None:
            held["confusion"] = self.confusion.to_json()
        calibration = {
            "as trained": (self.before, self.before_intervals),
            "with temperature": (self.after, self.after_intervals),
        }
        held["calibration"] = {name: {**s.to_json(), "intervals": i.to_json()} for name, (s, i) in calibration.items()}
        return {**held, "floors": [each.to_json() for each in self.floors]}

    def confusion_csv(self) -> str:
        """Which class was taken for which as text, rows truth; for several labels how often each was found and missed.

        Every row carries its number of samples.
        """
        written = io.StringIO()
        writer = csv.writer(written, lineterminator="\n")
        if self.confusion is not None:
            writer.writerow(["truth", *self.names, "n"])
            for name, row in zip(self.names, self.confusion.counts.tolist(), strict=True):
                writer.writerow([name, *row, sum(row)])
        elif self.labels is not None:
            writer.writerow(["label", "n", "precision", "recall", "f1", "average_precision"])
            for name, each in zip(self.names, self.labels.classes, strict=True):
                writer.writerow([name, each.n, each.precision, each.recall, each.f1, each.average_precision])
        return written.getvalue()


def score_table(
    table: PredictionTable,
    units: Units,
    *,
    floors: Sequence[Floor] = (),
    seed: int = 0,
    resamples: int = RESAMPLES,
    level: float = 0.95,
) -> Scores:
    """Judge a table of predictions.

    Parameters
    ----------
    table : PredictionTable
        Of classes, with truth.
    units : Units
        What is resampled, in the order of the table.
    floors : sequence of Floor
        Answers for the same samples.
    seed, resamples : int
        Of the bootstrap.
    level : float
        Share of the distribution between the ends.

    Raises
    ------
    Refused
        The table holds no truth, or no sample has a label and an answer.
    """
    output, where = table.output, f"table of {table.bundle}"
    if not output.codes or table.truth is None or table.predicted is None:
        raise Refused(where=where, what="holds no classes with a truth", fix="Test on a corpus that has labels.")
    truth = table.truth_index()
    if truth is None:
        raise Refused(where=where, what="holds no truth", fix="Test on a corpus that has labels.")
    answered = np.isfinite(table.raw).all(axis=1)
    labelled = ~np.isnan(truth).any(axis=1) & (truth > 0).any(axis=1) if output.is_multilabel else truth >= 0
    kept = np.asarray(labelled & answered)
    n = int(kept.sum())
    if not n:
        have = f"{len(table)} samples, {int(labelled.sum())} labels, {int(answered.sum())} answers"
        raise Refused(where=where, what="no sample has a label and an answer", have=have, fix="Test another part.")
    blocks = None if units.of is None else [units.of[i] for i in np.flatnonzero(kept).tolist()]
    drawn = resample(n, seed=seed, blocks=blocks, count=resamples)
    raw, true, codes = table.raw[kept], truth[kept], np.asarray(output.codes)
    classes = class_ends = confusion = labels = label_ends = None
    scored: list[FloorScore] = []
    if output.is_multilabel:
        labels = score_labels(raw, true, output.codes)
        label_ends = multilabel_intervals(raw, true, output.codes, drawn, level=level)
    else:
        whole = np.where(truth >= 0, codes[truth], NONE)
        confusion = count_confusion(whole, np.where(answered, table.predicted, NONE), output.codes)
        classes = score_classes(confusion)
        predicted = table.predicted[kept]
        class_ends = classification_intervals(codes[true], predicted, output.codes, drawn, level=level)
        ids = tuple(table.ids[i] for i in np.flatnonzero(kept))
        model = Answers(_MODEL, ids, codes[true], predicted)
        scored = [_floor(each, model, output.codes, blocks, seed, resamples, level) for each in floors]
    temperature = table.calibration.temperature
    return Scores(
        codes=output.codes,
        names=output.names,
        n=n,
        unlabelled=int((~labelled).sum()),
        unanswered=int((labelled & ~answered).sum()),
        units=units,
        units_count=drawn.units,
        resamples=resamples,
        seed=seed,
        level=level,
        classes=classes,
        class_intervals=class_ends,
        confusion=confusion,
        labels=labels,
        label_intervals=label_ends,
        before=score_calibration(raw, true),
        after=score_calibration(raw, true, temperature=temperature),
        before_intervals=calibration_intervals(raw, true, drawn, level=level),
        after_intervals=calibration_intervals(raw, true, drawn, temperature=temperature, level=level),
        floors=tuple(scored),
    )


def _floor(
    floor: Floor,
    model: Answers,
    codes: tuple[int, ...],
    blocks: Sequence[str] | None,
    seed: int,
    resamples: int,
    level: float,
) -> FloorScore:
    """One floor on the model's samples, resampled alike."""
    at = {id: i for i, id in enumerate(floor.ids)}
    predicted = floor.predicted[[at[id] for id in model.ids]]
    has = predicted != NONE
    n = int(has.sum())
    if not n:
        return FloorScore(floor.name, floor.about, 0, len(has), floor.train, None, None, ())
    some = None if blocks is None else [blocks[i] for i in np.flatnonzero(has).tolist()]
    drawn = resample(n, seed=seed, blocks=some, count=resamples)
    ends = classification_intervals(model.truth[has], predicted[has], codes, drawn, level=level)
    answers = Answers(floor.name, model.ids, model.truth, predicted)
    named = None if blocks is None else dict(zip(model.ids, blocks, strict=True))
    both = compare([model, answers], codes, blocks=named, seed=seed, resamples=resamples, level=level)
    return FloorScore(
        floor.name, floor.about, n, len(has) - n, floor.train, ends.accuracy, ends.macro_f1, both.differences
    )


@dataclass(frozen=True, slots=True)
class Mistake:
    """One wrong answer."""

    #: Row of the table.
    row: int
    #: Names of the classes.
    truth: str
    answer: str
    #: Probability that the model gave to what it answered [1].
    confidence: float


def surest_mistakes(table: PredictionTable, *, most: int) -> tuple[list[Mistake], int]:
    """Find the wrong answers of which the model was surest, and count all wrong answers.

    With several labels a sample, its surest wrong decision on one label is taken.
    """
    names, truth = table.output.names, table.truth_index()
    if truth is None or table.predicted is None or table.probability is None:
        return [], 0
    if not table.output.is_multilabel:
        codes = np.asarray(table.output.codes)
        true = np.where(truth >= 0, codes[truth], NONE)
        rows = worst_mistakes(true, table.predicted, table.confidence, most=len(table))
        said = dict(zip(table.output.codes, names, strict=True))
        return [
            Mistake(int(i), said[int(true[i])], said[int(table.predicted[i])], float(table.confidence[i]))
            for i in rows[:most]
        ], len(rows)
    judged = np.asarray(np.isfinite(truth).all(axis=1) & (truth > 0).any(axis=1) & np.isfinite(table.raw).all(axis=1))
    wrong = (table.predicted != (truth > 0)) & judged[:, None]
    sure = np.where(wrong, np.maximum(table.probability, 1 - table.probability), -1.0)
    rows = np.flatnonzero(wrong.any(axis=1))
    rows = rows[np.argsort(-sure[rows].max(axis=1), kind="stable")]
    found = []
    for i in rows[:most].tolist():
        sets = [", ".join(np.array(names)[held]) or "nothing" for held in (truth[i] > 0, table.predicted[i])]
        found.append(Mistake(i, sets[0], sets[1], float(sure[i].max())))
    return found, len(rows)
