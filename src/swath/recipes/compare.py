"""Compare: models judged on the very same samples, with an interval for every difference; `swath compare`.

Everything is computed anew from the predictions that `swath test` stored; no model is opened. A difference whose paired
interval contains 0 is a tie. Runs that differ in nothing but the seed are one model: mean and spread over seeds, and an
interval over the units that the split kept together.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from swath.core.errors import Mismatch, Refused, Unreadable
from swath.evaluate import Answers, Comparison, Interval, SeedScores, compare_groups, score_seeds
from swath.evaluate.bootstrap import RESAMPLES
from swath.prediction import read_table
from swath.recipes.runs import Home, find_home, read_scores

__all__ = ["Compared", "run_compare"]

_METRICS: Final = {"accuracy": "accuracy", "macro_f1": "macro-F1"}


@dataclass(frozen=True, slots=True)
class _Test:
    """One file of scores."""

    home: Home
    path: Path
    held: Mapping[str, Any]

    @property
    def key(self) -> tuple[str, str, int, str]:
        """What must be the same for two models to have met the same samples."""
        split = self.held["split"]
        return self.held["corpus"]["hash"], split["hash"], split["fold"], split["part"]

    def said(self) -> str:
        """The samples in words."""
        split = self.held["split"]
        fold = f" fold {split['fold']}" if split["folds"] > 1 else ""
        return f"{split['part']} of {split['name']}{fold} ({split['hash'][:12]}) of {self.held['corpus']['name']}"


@dataclass(frozen=True, slots=True)
class Compared:
    """Models on the same samples."""

    #: The samples in words, and what is resampled.
    samples: str
    units: str
    #: Model -> its runs with their seeds.
    runs: Mapping[str, Sequence[tuple[str, int]]]
    #: Model -> accuracy and macro-F1 over its seeds.
    seeds: Mapping[str, Mapping[str, SeedScores]]
    #: The same samples, judged together.
    comparison: Comparison

    def to_json(self) -> dict[str, Any]:
        """Plain JSON."""
        runs = {name: [{"run": run, "seed": seed} for run, seed in of] for name, of in self.runs.items()}
        seeds = {name: {metric: each.to_json() for metric, each in of.items()} for name, of in self.seeds.items()}
        held = {"samples": self.samples, "unit": self.units, "runs": runs, "seeds": seeds}
        return {**held, "comparison": self.comparison.to_json()}

    def text(self) -> str:
        """A table for people, and who is better than whom."""
        held = self.comparison
        heads = ["model", "seeds", *(label for m in _METRICS.values() for label in (m, "sd"))]
        rows = []
        for name, of in self.seeds.items():
            cells = [name, str(of["accuracy"].seeds)]
            for metric in _METRICS:
                sd = of[metric].sd
                cells += [_percent(held.scores[name][metric]), "-" if np.isnan(sd) else f"{100 * sd:.2f}"]
            rows.append(cells)
        widths = [max(len(row[i]) for row in (heads, *rows)) for i in range(len(heads))]
        lines = ["  ".join(cell.ljust(wide) for cell, wide in zip(row, widths, strict=True)) for row in (heads, *rows)]
        for each in held.differences:
            verdict = "a tie" if each.outcome == "tie" else f"{each.outcome} is better"
            gap = _percent(each.interval, sign="+").replace(" %", "", 1)
            lines.append(f"{each.first} less {each.second}, {_METRICS[each.metric]}: {gap} points: {verdict}")
        notes = sorted({each.interval.note for each in held.differences if each.interval.note})
        lines += [f"Beware: {note}." for note in notes]
        left = f", {held.unanswered:,} without an answer of every model" if held.unanswered else ""
        labels = f", {held.unlabelled:,} without a label" if held.unlabelled else ""
        lines.append(f"{held.n:,} samples of {self.samples}{labels}{left}; 95 % intervals over {self.units}")
        return "\n".join(line.rstrip() for line in lines)


def _percent(held: Interval, sign: str = "") -> str:
    form = f"{sign}.1f"
    return f"{100 * held.value:{form}} % [{100 * held.low:{form}}, {100 * held.high:{form}}]"


def _tests(home: Home) -> list[_Test]:
    paths = sorted(home.scores.glob("*.json"))
    if not paths:
        fix = f"Run: swath test {home.run or home.bundle} CORPUS."
        raise Refused(where=str(home.run or home.bundle), what="was not tested yet", fix=fix)
    return [_Test(home, path, read_scores(path)) for path in paths]


def _chosen(held: Sequence[Sequence[_Test]], split: str | None, part: str | None) -> list[_Test]:
    """One test a run, all of the same samples."""
    fits = [
        {
            test.key: test
            for test in of
            if split in (None, test.held["split"]["name"]) and part in (None, test.held["split"]["part"])
        }
        for of in held
    ]
    common = [key for key in fits[0] if all(key in each for each in fits)]
    if not common:
        odd = next((i for i, each in enumerate(fits) if not set(each) & set(fits[0])), 0)
        want, have = ("; ".join(test.said() for test in of) for of in (held[0], held[odd]))
        fix = "Test all of them on the same part of the same split: swath test RUN CORPUS --split NAME."
        want += f" ({held[0][0].home.name})"
        raise Mismatch(where=held[odd][0].home.name, what="samples", want=want, have=have, fix=fix)
    if len(common) > 1:
        own = [key for key in common if key[3] == "test" and all(e[key].held["seen"]["is_own_split"] for e in fits)]
        common = own if len(own) == 1 else common
    if len(common) > 1:
        have = "; ".join(fits[0][key].said() for key in common)
        raise Refused(where="swath compare", what="could compare several tests", have=have, fix="Name --split, --part.")
    return [each[common[0]] for each in fits]


def _groups(tests: Sequence[_Test]) -> dict[str, list[_Test]]:
    """Model -> its runs: those of one recipe and of different seeds together."""
    by_key: dict[str, list[_Test]] = {}
    for i, test in enumerate(tests):
        key = test.held["recipe"] or f"run {i}"
        seeds = [each.held["model"]["seed"] for each in by_key.get(key, [])]
        by_key.setdefault(f"{key} {i}" if test.held["model"]["seed"] in seeds else key, []).append(test)
    groups: dict[str, list[_Test]] = {}
    for of in by_key.values():
        name = _name([test.held["model"]["run"] for test in of])
        twice = sum(1 for other in groups if re.sub(r" \(\d+\)$", "", other) == name)
        groups[f"{name} ({twice + 1})" if twice else name] = of
    return groups


def _name(runs: Sequence[str]) -> str:
    """A name for runs of one model: what their names begin with.

    Examples
    --------
    >>> _name(["small-seed0", "small-seed1"]), _name(["blocks-0", "blocks-1"]), _name(["a", "b"])
    ('small', 'blocks', 'a, b')
    """
    if len(runs) == 1:
        return runs[0]
    shared = ""
    for letters in zip(*runs, strict=False):
        if len(set(letters)) > 1:
            break
        shared += letters[0]
    shared = re.sub(r"([-_. ]+(seed|s)?[-_. ]*\d*|\d+)$", "", shared)
    return shared or ", ".join(runs)


def _answers(test: _Test) -> tuple[Answers, tuple[int, ...], dict[str, str | None] | None]:
    """What a run answered, the classes, and the unit of each sample."""
    held = test.held
    path = (test.path.parent / held["predictions"]["file"]).resolve()
    where, fix = str(path), f"Run: swath test {test.home.run or test.home.bundle} CORPUS."
    try:
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        raise Unreadable(where=where, what="is not there", fix=fix) from None
    if digest != held["predictions"]["sha256"]:
        raise Unreadable(where=where, what="differs from what was scored", fix=fix)
    table = read_table(path)
    truth = table.truth_index()
    if truth is None or table.predicted is None or table.output.is_multilabel:
        what = "holds no single class a sample, and only such models are compared yet"
        raise Refused(where=where, what=what, fix="Read the intervals in their scores side by side.")
    codes = np.asarray(table.output.codes)
    numbers = held["resampling"]["of_rows"]
    units = None
    if numbers is not None:
        units = {id: None if n == "-1" else n for id, n in zip(table.ids, numbers.split(), strict=True)}
    answered = np.isfinite(table.raw).all(axis=1)
    predicted = np.where(answered, table.predicted, -1)
    name = f"{test.home.name} (seed {held['model']['seed']})"
    return Answers(name, table.ids, np.where(truth >= 0, codes[truth], -1), predicted), table.output.codes, units


def run_compare(
    paths: Sequence[Path | str],
    *,
    split: str | None = None,
    part: str | None = None,
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> Compared:
    """Compare models on the samples that all of them were tested on.

    Parameters
    ----------
    paths : sequence of Path
        Runs or bundles, each tested.
    split, part : str, optional
        Which test, where they share several; None = the only one, or test of the split that all were trained by.
    seed, resamples : int
        Of the bootstrap.

    Raises
    ------
    Mismatch
        They were tested on different samples, truths or classes.
    Refused
        One was not tested, several tests could be meant, or they do not give one class a sample.
    Unreadable
        Stored predictions are gone or altered.
    """
    if not paths:
        raise Refused(where="swath compare", what="was given no run", fix="Name one or more.")
    tests = _chosen([_tests(find_home(path)) for path in paths], split, part)
    groups = _groups(tests)
    answers: dict[str, list[Answers]] = {}
    first: tuple[tuple[int, ...], dict[str, str | None] | None] | None = None
    for name, of in groups.items():
        for test in of:
            said, codes, units = _answers(test)
            first = first or (codes, units)
            if codes != first[0]:
                want, have = (" ".join(map(str, each)) for each in (first[0], codes))
                fix = "Compare models of one legend."
                raise Mismatch(where=said.name, what="classes", want=want, have=have, fix=fix)
            answers.setdefault(name, []).append(said)
    codes, units = first if first is not None else ((), None)
    shared: dict[str, Any] = {"blocks": units, "seed": seed, "resamples": resamples}
    resampling = tests[0].held["resampling"]
    return Compared(
        samples=tests[0].said(),
        units=f"{resampling['units']:,} {resampling['unit']}",
        runs={name: [(t.held["model"]["run"], t.held["model"]["seed"]) for t in of] for name, of in groups.items()},
        seeds={name: score_seeds(of, codes, **shared) for name, of in answers.items()},
        comparison=compare_groups(answers, codes, **shared),
    )
