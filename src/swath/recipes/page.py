"""Page: what a test found, gathered into the records that the page of a run shows."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from swath.core.errors import SwathError
from swath.core.files import write_whole
from swath.core.plan import StackSpec
from swath.core.progress import SILENT, Progress
from swath.core.specs import StackInput
from swath.corpus.corpus import Corpus
from swath.draw import Counted, Panel, png, stretch_caption, to_rgb
from swath.draw.axis import degrees
from swath.evaluate import METRICS, Interval
from swath.recipes.figures import band_note, build_command, offsets_of, page_places, split_figures, stretch_of
from swath.recipes.runs import Home, read_config, read_epochs
from swath.recipes.scores import Scores, surest_mistakes
from swath.recipes.split import places_of
from swath.recipes.statistics import corpus_statistics
from swath.report import (
    CalibrationFigures,
    ClassResult,
    CurveFigures,
    FloorFigures,
    InputBand,
    InputFigures,
    MistakeFigures,
    RunSummary,
    run_page,
)

if TYPE_CHECKING:
    from swath.recipes.test import Outcome

__all__ = ["MOST_MISTAKES", "recipe_words", "summarise_run", "write_page"]

#: Wrong answers that are pictured.
MOST_MISTAKES: Final = 24
#: Summaries of a test by their name on the page.
_CLASS_SCORES: Final = {"Accuracy": "accuracy", "Macro-F1": "macro_f1", "Balanced accuracy": "balanced_accuracy"}
_LABEL_SCORES: Final = {"Micro mAP": "micro_map", "Macro mAP": "macro_map", "Micro-F1": "micro_f1"}
_RATES: Final = {"Precision": "precision", "Recall": "recall", "F1": "f1"}


def recipe_words(recipe: Mapping[str, Any]) -> str:
    """How a split was made, for people.

    Examples
    --------
    >>> recipe_words({"method": "place", "block": "1deg", "buffer": 1300.4, "folds": 5})
    'by place, in blocks of 1deg, with a buffer of 1,300 m, 5 folds'
    >>> recipe_words({"method": "random", "seed": 0})
    'at random'
    """
    method = str(recipe.get("method", "unknown"))
    said = [{"random": "at random"}.get(method, f"by {method}")]
    if "block" in recipe:
        block = recipe["block"]
        said.append(f"in blocks of {block if isinstance(block, str) else f'{block:,.0f} m'}")
    if recipe.get("pattern") == "longitude":
        said.append("from west to east")
    if recipe.get("buffer") is not None:
        buffer = recipe["buffer"]
        said.append(f"with a buffer of {buffer if isinstance(buffer, str) else f'{buffer:,.0f} m'}")
    if recipe.get("folds"):
        said.append(f"{recipe['folds']} folds")
    return ", ".join(said)


def _classes(scores: Scores, colours: Mapping[int, str]) -> tuple[ClassResult, ...]:
    """Every class with its intervals, in the legend's order."""
    counts: Sequence[Any] = ()
    ends: Sequence[Any] = ()
    rates = dict(_RATES)
    if scores.classes is not None and scores.class_intervals is not None:
        counts, ends = scores.classes.classes, scores.class_intervals.classes
    elif scores.labels is not None and scores.label_intervals is not None:
        counts, ends = scores.labels.classes, scores.label_intervals.classes
        rates["Average precision"] = "average_precision"
    return tuple(
        ClassResult(name, colours[each.code], each.n, {label: getattr(of, field) for label, field in rates.items()})
        for name, each, of in zip(scores.names, counts, ends, strict=True)
    )


def _summaries(scores: Scores) -> dict[str, Interval]:
    if scores.class_intervals is not None:
        return {label: getattr(scores.class_intervals, field) for label, field in _CLASS_SCORES.items()}
    fields = {**_LABEL_SCORES, "Macro-F1": "macro_f1"}
    return {label: getattr(scores.label_intervals, field) for label, field in fields.items()}


def _calibration(scores: Scores) -> tuple[CalibrationFigures, ...]:
    named = [("as trained", scores.before, scores.before_intervals)]
    if scores.after.temperature != 1.0:
        label = f"with temperature {scores.after.temperature:.3g}"
        named.append((label, scores.after, scores.after_intervals))
    return tuple(
        CalibrationFigures(name, held.n, held.bins, ends.ece, ends.nll, ends.brier) for name, held, ends in named
    )


def _floors(scores: Scores) -> tuple[FloorFigures, ...]:
    return tuple(
        FloorFigures(
            each.name,
            each.about,
            each.n,
            each.train,
            each.accuracy,
            each.macro_f1,
            each.differences[0].interval if each.differences else None,
            each.outcome,
        )
        for each in scores.floors
    )


def _mistakes(tested: Outcome, corpus: Corpus) -> tuple[tuple[MistakeFigures, ...], int, str]:
    """The surest wrong answers with their pictures, how many are wrong, and what the colours mean."""
    table = tested.table
    found, wrong = surest_mistakes(table, most=MOST_MISTAKES)
    stack = next(iter(tested.bundle.input.stacks))
    spec = corpus.spec(stack)
    stretch = stretch_of(spec)
    held = []
    samples = corpus.samples(corpus.positions([table.ids[each.row] for each in found]))
    for each, sample in zip(found, samples, strict=True):
        seen = sample.stacks.get(stack)
        picture = b""
        if seen is not None:
            valid = None if seen.valid is None else seen.valid[0]
            picture = png(to_rgb(seen.data[0], seen.bands, seen.quantity, valid=valid, stretch=stretch))
        lon, lat = table.lonlat[each.row]
        when = table.times[each.row]
        held.append(
            MistakeFigures(
                picture,
                sample.id,
                each.truth,
                each.answer,
                each.confidence,
                "" if math.isnan(lon) else f"{degrees(lat, 'lat', 0.001)}, {degrees(lon, 'lon', 0.001)}",
                "" if np.isnat(when) else str(np.datetime_as_string(when, unit="D")),
            )
        )
    return tuple(held), wrong, f"{stretch_caption(spec.bands, spec.quantity, stretch=stretch)}." if held else ""


def _measure(spec: StackSpec, needs: StackInput, band: str) -> tuple[float, float]:
    """Offset and divisor that bring stored numbers of a band to the model's quantity."""
    if spec.quantity.kind != "dn" or needs.quantity.kind == "dn":
        return 0.0, 1.0
    stored = spec.quantity.select([spec.bands.index(band)])
    return float((stored.offset or (0.0,))[0]), float(np.broadcast_to(stored.quantification, 1)[0])


def _inputs(tested: Outcome, corpus: Corpus, progress: Progress) -> tuple[InputFigures, ...]:
    """What the model looks at, and what train and the judged part are like."""
    asked, held = tested.asked, []
    names = (("train", "train"), (asked.part, "test"))
    for stack, needs in tested.bundle.input.stacks.items():
        spec = corpus.spec(stack)
        said = [
            corpus_statistics(
                corpus, stack=stack, split=asked.split.name, part=part, fold=asked.fold, progress=progress
            )
            for part, _ in names
        ]
        bands = []
        for band, mean, sd in zip(needs.bands, needs.mean, needs.std, strict=True):
            at, (offset, divisor) = said[0].bands.index(band), _measure(spec, needs, band)
            moments = [((float(each.mean[at]) + offset) / divisor, float(each.std()[at]) / divisor) for each in said]
            counted = tuple(
                Counted(ink, (each.edges[at] + offset) / divisor, each.histogram[at])
                for (_, ink), each in zip(names, said, strict=True)
            )
            bands.append(InputBand(band, band_note(spec, band), mean, sd, moments[0], moments[1], counted))
        counts = asked.split.counts(fold=asked.fold)
        held.append(
            InputFigures(
                stack,
                str(needs.quantity),
                str(spec.quantity),
                spec.gsd,
                spec.size,
                spec.dates,
                spec.sensor,
                spec.level,
                tuple(bands),
                offsets_of(corpus, stack),
                (counts["train"], counts[asked.part]),
            )
        )
    return tuple(held)


def _numbers(rows: Sequence[Mapping[str, str]], column: str) -> list[float]:
    return [float(row[column]) if row.get(column) else math.nan for row in rows]


def _curves(home: Home, metric: str) -> CurveFigures | None:
    """Loss and the deciding metric, epoch by epoch."""
    rows = read_epochs(home)
    if not rows:
        return None
    losses = [name for name in rows[0] if name.startswith("train_loss_")]
    lines = {"train" if len(losses) == 1 else name.removeprefix("train_loss_"): _numbers(rows, name) for name in losses}
    if "val_nll" in rows[0] and len(losses) == 1:
        lines["val"] = _numbers(rows, "val_nll")
    panels = [Panel("loss [nat]", lines)] if lines else []
    values = _numbers(rows, f"val_{metric}") if f"val_{metric}" in rows[0] else []
    best = None
    if any(map(math.isfinite, values)):
        panels.append(Panel(METRICS[metric].label if metric in METRICS else metric, {"val": values}))
        sign = 1 if metric not in METRICS or METRICS[metric].is_higher_better else -1
        best = (
            max(range(len(values)), key=lambda i: (sign * values[i] if math.isfinite(values[i]) else -math.inf, -i)) + 1
        )
    if read_config(home).get("loop", {}).get("select") == "last":
        best = len(rows)
    seconds = sum(each for each in _numbers(rows, "seconds") if math.isfinite(each))
    kept = f"; kept was epoch {best}" if best is not None else ""
    about = f"{len(rows)} epochs in {_minutes(seconds)}{kept}. Selection looked at val and never at test."
    return CurveFigures(tuple(panels), best, about)


def _minutes(seconds: float) -> str:
    return f"{seconds:.0f} seconds" if seconds < 120 else f"{seconds / 60:.0f} minutes"


def summarise_run(tested: Outcome, corpus: Corpus, *, progress: Progress = SILENT) -> RunSummary:
    """Gather everything that the page says; reads train and the judged part once."""
    facts, scores, asked = tested.bundle.facts, tested.scores, tested.asked
    origin, output = facts.origin, facts.output
    colours = {} if output.legend is None else {c.code: f"#{c.colour}" for c in output.legend.classes}
    places = places_of(corpus)
    mistakes, wrong, note = _mistakes(tested, corpus)
    high, wide = facts.input.support
    parameters = sum(each.numel() for each in tested.bundle.network.parameters())
    what = "says which classes are in" if output.is_multilabel else "gives one class to"
    does = (
        f"{facts.name} {what} a window of {wide:g} x {high:g} m: {len(output.codes)} classes, learnt from "
        f"{origin.train:,} samples."
    )
    none = "They were not asked for." if not output.is_multilabel else "They are made for one class a sample only."
    return RunSummary(
        name=facts.name,
        does=does,
        corpus=corpus.path.absolute().name,
        split=split_figures(corpus, asked.split.name, places, fold=asked.fold),
        how=recipe_words(asked.split.recipe),
        part=asked.part,
        seen=asked.seen.sentence(asked.part, asked.split.name),
        is_unseen=asked.seen.is_unseen,
        n=scores.n,
        unlabelled=scores.unlabelled,
        unanswered=tested.predicted.unanswered,
        unit=scores.units.name,
        units=scores.units_count,
        caution=scores.units.caution,
        scores=_summaries(scores),
        classes=_classes(scores, colours),
        confusion=None if scores.confusion is None else scores.confusion.counts,
        calibration=_calibration(scores),
        mistakes=mistakes,
        wrong=wrong,
        pictures_note=note,
        inputs=_inputs(tested, corpus, progress),
        places=page_places(places, None),
        floors=_floors(scores),
        floors_about=none,
        curves=_curves(tested.home, origin.metric),
        is_on_earth=corpus.meta.source != "planet",
        next=_next(tested, corpus),
        commands=_commands(tested, corpus),
        facts={
            "Seed of the training": str(origin.seed),
            "Seed of intervals and floors": str(scores.seed),
            "Resamples": f"{scores.resamples:,} of {scores.units_count:,} {scores.units.name}",
            "Network": f"{facts.network.model.encoder}, {parameters:,} parameters, answers averaged over "
            f"{facts.network.views} orientation{'s' if facts.network.views > 1 else ''}",
            "Weights before training": origin.weights or "fresh",
            "Learnt from": f"{origin.train:,} samples of {origin.corpus}; selected on {origin.val:,}",
            "Versions": f"swath {origin.version}, PyTorch {origin.torch}",
        },
        hashes={
            "bundle": tested.bundle.hash,
            "corpus": corpus.meta.plan_hash,
            "split": asked.split.hash,
            "predictions": tested.figures["predictions"]["sha256"],
        },
        licences=tuple(dict.fromkeys((*origin.licences, *corpus.layout.licences))),
    )


def _next(tested: Outcome, corpus: Corpus) -> tuple[tuple[str, str], ...]:
    """What a reader may do now; folders by their own names, for the page is the same wherever it is made."""
    model = (tested.home.run or tested.home.bundle).absolute().name
    mapped = ("Map a whole scene with it:", f"swath map {model} SCENE.tif -o map.tif")
    is_scene = tested.bundle.output.kind == "scene" and not tested.bundle.output.is_multilabel
    return (
        *((mapped,) if is_scene and len(tested.bundle.input.stacks) == 1 else ()),
        ("Answer for samples that have no label:", f"swath predict {model} CORPUS -o answers.parquet"),
        ("Train another, and ask whether the difference is one:", f"swath compare {model} OTHER_RUN"),
        ("Look at what it learnt from:", f"swath corpus show {corpus.path.absolute().name}/"),
    )


def _commands(tested: Outcome, corpus: Corpus) -> dict[str, str]:
    origin = tested.bundle.facts.origin
    try:
        built = build_command(corpus)
    except SwathError:
        built = ""
    held = {"Corpus": built, "Training": origin.command, "Test": str(tested.figures["command"])}
    return {name: said for name, said in held.items() if said}


def write_page(tested: Outcome, corpus: Corpus, *, progress: Progress = SILENT) -> Path:
    """Write the page beside the predictions: `index.html` for the test part of the model's own split."""
    is_first = tested.asked.seen.is_own and tested.asked.part == "test"
    stem = tested.files["scores"].stem
    path = tested.home.report / ("index.html" if is_first else f"{stem}.html")
    write_whole(path, run_page(summarise_run(tested, corpus, progress=progress)).encode())
    return path
