"""Comparison: models judged on the same samples and the same resamples, and seeds of one model judged together.

The difference of two models has an interval of its own, from resamples that both met. Where it contains 0 the outcome
is a tie, whatever the two numbers say. Over seeds there are two spreads, and both are told: that of the seeds, and that
of the places looked at.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from swath.core.array import Array
from swath.core.errors import Mismatch, Refused
from swath.evaluate.bootstrap import RESAMPLES, Interval, Resamples, intervals, resample
from swath.evaluate.classification import count_cells, summary
from swath.evaluate.confusion import index_of
from swath.evaluate.undefined import from_plain, to_plain

__all__ = ["TIE", "Answers", "Comparison", "Difference", "SeedScores", "compare", "compare_groups", "score_seeds"]

#: Outcome of a difference whose interval contains 0.
TIE: Final = "tie"
_SUMMARIES: Final = ("accuracy", "macro_f1")


@dataclass(frozen=True, slots=True, eq=False)
class Answers:
    """What one model said of some samples."""

    #: The model, or one seed of it.
    name: str
    #: Identifiers, each once, in any order.
    ids: tuple[str, ...]
    #: Codes, int (n,); -1 = no label.
    truth: Array
    #: Codes, int (n,); -1 = no answer.
    predicted: Array

    def __post_init__(self) -> None:
        where = f"answers of {self.name}"
        if not len(self.ids) == len(self.truth) == len(self.predicted):
            have = f"{len(self.ids)}, {len(self.truth)} and {len(self.predicted)}"
            raise Mismatch(where=where, what="lengths", want="ids, truth and predictions alike", have=have)
        if len(set(self.ids)) < len(self.ids):
            raise Refused(where=where, what="an identifier occurs twice", fix="Keep one answer a sample.")


@dataclass(frozen=True, slots=True)
class Difference:
    """How much better the first is than the second."""

    #: Names of the models.
    first: str
    second: str
    #: `accuracy` or `macro_f1`.
    metric: str
    #: Of first minus second.
    interval: Interval

    @property
    def outcome(self) -> str:
        """Name of the better one; `tie` where the interval contains 0 or does not exist."""
        if self.interval.low > 0:
            return self.first
        return self.second if self.interval.high < 0 else TIE

    def to_json(self) -> dict[str, Any]:
        """Plain JSON."""
        return {
            "first": self.first,
            "second": self.second,
            "metric": self.metric,
            "interval": self.interval.to_json(),
            "outcome": self.outcome,
        }

    @classmethod
    def from_json(cls, held: Mapping[str, Any]) -> Difference:
        """Read what `to_json` wrote."""
        names = {name: str(held[name]) for name in ("first", "second", "metric")}
        return cls(**names, interval=Interval.from_json(held["interval"]))


@dataclass(frozen=True, slots=True)
class Comparison:
    """Models on the same samples."""

    #: Samples that have a label and an answer of every model.
    n: int
    #: Left out: without a label; with one, and without an answer of at least one model.
    unlabelled: int
    unanswered: int
    #: Model -> metric -> its interval.
    scores: Mapping[str, Mapping[str, Interval]]
    #: Every model against each one named before it.
    differences: tuple[Difference, ...]

    def to_json(self) -> dict[str, Any]:
        """Plain JSON."""
        scores = {name: {m: each.to_json() for m, each in held.items()} for name, held in self.scores.items()}
        counts = {name: getattr(self, name) for name in ("n", "unlabelled", "unanswered")}
        return {**counts, "scores": scores, "differences": [each.to_json() for each in self.differences]}

    @classmethod
    def from_json(cls, held: Mapping[str, Any]) -> Comparison:
        """Read what `to_json` wrote."""
        scores = {name: {m: Interval.from_json(each) for m, each in of.items()} for name, of in held["scores"].items()}
        differences = tuple(Difference.from_json(each) for each in held["differences"])
        counts = {name: int(held[name]) for name in ("n", "unlabelled", "unanswered")}
        return cls(**counts, scores=scores, differences=differences)


@dataclass(frozen=True, slots=True)
class SeedScores:
    """One metric over several seeds of one model."""

    #: `accuracy` or `macro_f1`.
    metric: str
    #: Seeds.
    seeds: int
    #: Mean over seeds, and their sample standard deviation (NaN for one seed).
    mean: float
    sd: float
    #: Interval of the mean, from resampled blocks: it knows of places, not of seeds.
    interval: Interval

    def __str__(self) -> str:
        spread = f"sd {self.sd:.3f} over {self.seeds} seeds" if math.isfinite(self.sd) else "one seed"
        return f"{self.interval}, {spread}"

    def to_json(self) -> dict[str, Any]:
        """Plain JSON."""
        means = {"mean": to_plain(self.mean), "sd": to_plain(self.sd)}
        return {"metric": self.metric, "seeds": self.seeds, **means, "interval": self.interval.to_json()}

    @classmethod
    def from_json(cls, held: Mapping[str, Any]) -> SeedScores:
        """Read what `to_json` wrote."""
        interval = Interval.from_json(held["interval"])
        mean, sd = from_plain(held["mean"]), from_plain(held["sd"])
        return cls(str(held["metric"]), int(held["seeds"]), mean, sd, interval)


@dataclass(frozen=True, slots=True, eq=False)
class _Joined:
    """Answers side by side, in the order of the identifiers: cells of each model's confusion in each unit."""

    n: int
    cells: list[Any]
    resamples: Resamples
    unlabelled: int
    unanswered: int


def _join(
    answers: Sequence[Answers], codes: tuple[int, ...], blocks: Mapping[str, Any] | None, seed: int, count: int
) -> _Joined:
    if not answers:
        raise Refused(where="comparison", what="there is no model to judge", fix="Give the answers of one or more.")
    first = answers[0]
    ids = np.array(sorted(first.ids))
    truths, predicted = [], []
    for each in answers:
        order = np.argsort(np.array(each.ids))
        if len(each.ids) != len(ids) or (np.array(each.ids)[order] != ids).any():
            odd = sorted(set(each.ids) ^ set(first.ids))
            have = f"{len(each.ids)} of which {len(set(each.ids) & set(first.ids))} are the same (not: {odd[0]})"
            want = f"the {len(ids)} of {first.name}"
            raise Mismatch(where=f"answers of {each.name}", what="samples", want=want, have=have)
        truths.append(index_of(each.truth, codes, what="truth")[order])
        predicted.append(index_of(each.predicted, codes, what="predictions")[order])
        if (truths[-1] != truths[0]).any():
            at = int(np.flatnonzero(truths[-1] != truths[0])[0])
            want, have = (codes[t[at]] if t[at] >= 0 else "none" for t in (truths[0], truths[-1]))
            where = f"answers of {each.name}, sample {ids[at]}"
            raise Mismatch(where=where, what="truth", want=f"{want} ({first.name})", have=str(have))
    labelled = truths[0] >= 0
    kept = labelled & np.all([p >= 0 for p in predicted], axis=0)
    if not kept.any():
        fix = "Score samples that have labels."
        raise Refused(where="comparison", what="no sample has a label and an answer of every model", fix=fix)
    at_blocks = None if blocks is None else [blocks.get(str(id)) for id in ids[kept]]
    drawn = resample(int(kept.sum()), seed=seed, blocks=at_blocks, count=count)
    return _Joined(
        n=drawn.n,
        cells=[count_cells(truths[0][kept], each[kept], len(codes), drawn) for each in predicted],
        resamples=drawn,
        unlabelled=int((~labelled).sum()),
        unanswered=int((labelled & ~kept).sum()),
    )


def _summaries(joined: _Joined, k: int, weights: Array) -> Array:
    """Accuracy and macro-F1 of each model for each column of weights, shape (models, 2, c)."""
    held = []
    for cells in joined.cells:
        counts = (cells @ weights).reshape(k, k, weights.shape[1])
        held.append(np.stack([summary(counts, name) for name in _SUMMARIES]))
    return np.stack(held)


def compare(
    answers: Sequence[Answers],
    codes: tuple[int, ...],
    *,
    blocks: Mapping[str, Any] | None = None,
    seed: int = 0,
    resamples: int = RESAMPLES,
    level: float = 0.95,
) -> Comparison:
    """Judge models on the same samples, and each difference between two of them.

    Parameters
    ----------
    answers : sequence of Answers
        One a model, of the same samples in any order.
    codes : tuple of int
        The legend's, in order.
    blocks : mapping, optional
        Identifier -> block that it lies in; one that is not there is a block of its own. None = samples are units.
    seed, resamples : int
        Of the bootstrap.
    level : float
        Of the intervals.

    Raises
    ------
    Mismatch
        Models were judged on different samples or truths.
    Refused
        There is nothing to judge.

    Examples
    --------
    >>> ids, truth = tuple("abcdef"), np.array([1, 1, 1, 2, 2, 2])
    >>> one = Answers("one", ids, truth, np.array([1, 1, 1, 2, 2, 1]))
    >>> two = Answers("two", ids, truth, np.array([1, 1, 2, 2, 2, 2]))
    >>> compare([one, two], (1, 2)).differences[0].outcome
    'tie'
    """
    names = [each.name for each in answers]
    if len(set(names)) < len(names):
        raise Refused(where="comparison", what=f"two models have one name: {', '.join(names)}", fix="Rename one.")
    groups = {each.name: [each] for each in answers}
    return compare_groups(groups, codes, blocks=blocks, seed=seed, resamples=resamples, level=level)


def compare_groups(
    groups: Mapping[str, Sequence[Answers]],
    codes: tuple[int, ...],
    *,
    blocks: Mapping[str, Any] | None = None,
    seed: int = 0,
    resamples: int = RESAMPLES,
    level: float = 0.95,
) -> Comparison:
    """Judge models of several seeds on the same samples: means over seeds, and differences between such means.

    Parameters
    ----------
    groups : mapping
        Model -> the answers of its seeds, of the same samples in any order; the rest as in `compare`.

    Raises
    ------
    Mismatch
        Models were judged on different samples or truths.
    Refused
        There is nothing to judge.
    """
    names, k = list(groups), len(codes)
    joined = _join([each for of in groups.values() for each in of], codes, blocks, seed, resamples)
    ends = np.cumsum([0, *(len(of) for of in groups.values())])
    pairs = [(i, j) for j in range(len(names)) for i in range(j)]

    def statistic(weights: Array) -> Array:
        each = _summaries(joined, k, weights)
        scores = [each[first:last].mean(axis=0) for first, last in itertools.pairwise(ends)]
        between = [scores[i] - scores[j] for i, j in pairs]
        return np.concatenate([*scores, *between])

    held = intervals(statistic, joined.resamples, level=level)
    scores = {name: dict(zip(_SUMMARIES, held[2 * i :], strict=False)) for i, name in enumerate(names)}
    of_pairs = held[2 * len(names) :]
    differences = tuple(
        Difference(names[i], names[j], metric, of_pairs[2 * p + m])
        for p, (i, j) in enumerate(pairs)
        for m, metric in enumerate(_SUMMARIES)
    )
    return Comparison(joined.n, joined.unlabelled, joined.unanswered, scores, differences)


def score_seeds(
    answers: Sequence[Answers],
    codes: tuple[int, ...],
    *,
    blocks: Mapping[str, Any] | None = None,
    seed: int = 0,
    resamples: int = RESAMPLES,
    level: float = 0.95,
) -> dict[str, SeedScores]:
    """Judge the seeds of one model together.

    Parameters
    ----------
    answers : sequence of Answers
        One a seed, of the same samples in any order; the rest as in `compare`.

    Returns
    -------
    dict
        `accuracy` and `macro_f1`: mean and sd over seeds, and the interval of the mean over resampled blocks.

    Raises
    ------
    Mismatch
        Seeds were judged on different samples or truths.
    Refused
        There is nothing to judge.
    """
    joined, k = _join(answers, codes, blocks, seed, resamples), len(codes)
    each = _summaries(joined, k, np.ones((joined.resamples.units, 1)))[..., 0]
    held = intervals(lambda weights: _summaries(joined, k, weights).mean(axis=0), joined.resamples, level=level)
    spread = each.std(axis=0, ddof=1) if len(each) > 1 else np.full(len(_SUMMARIES), math.nan)
    return {
        name: SeedScores(name, len(each), float(each[:, m].mean()), float(spread[m]), held[m])
        for m, name in enumerate(_SUMMARIES)
    }
