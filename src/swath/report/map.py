"""Map page: what was mapped, how right it is and on how many places, where it fails, and what to do next.

`MapSummary` holds plain data, computed elsewhere. The verdict comes first: from the ground itself where truth was
given, else from the model's own test, and then it says that this map was not judged.
"""

from __future__ import annotations

import math
from typing import Any, Final

from swath.draw import Key, legend_svg
from swath.draw.axis import number, share
from swath.evaluate import Interval
from swath.report.map_figures import MapSummary, ModelTest, TruthFigures
from swath.report.page import drawing, render
from swath.report.phrases import STARS, counted, ground, interval_words, listed, pixels, value_words
from swath.report.run_figures import ClassResult
from swath.report.sections import class_section, weakest_first
from swath.report.verdict import Verdict

__all__ = ["judge_map_page", "map_page"]

_CONTENTS: Final = (
    ("map", "Map"),
    ("classes", "Where it fails"),
    ("next", "What next"),
    ("areas", "Areas"),
    ("test", "The model's test"),
    ("origin", "Origin"),
)
#: From this share on, ground without a class, or of which the model is unsure, is named in the verdict.
_MUCH: Final = 0.2
#: Classes that are named as mapped too often or too rarely, from a difference of so much of the ground on.
_NAMED: Final = 3
_APART: Final = 0.02


def _right_of(held: Interval, n: int, noun: str) -> str:
    """Right for so many of so many, with the interval."""
    return f"right for {number(round(held.value * n))} of {counted(n, noun)} ({share(held.value, 1)}{_ends(held)})"


def _ends(held: Interval) -> str:
    return f", 95 % interval {100 * held.low:.0f} to {100 * held.high:.0f} %" if math.isfinite(held.low) else ""


def _test_words(tested: ModelTest) -> str:
    """How right the model was elsewhere."""
    if tested.metric == "Accuracy":
        return f"{_right_of(tested.score, tested.n, 'sample')} of corpus {tested.corpus}"
    n = counted(tested.n, "sample")
    return f"at {tested.metric} {interval_words(tested.score)} on {n} of corpus {tested.corpus}"


def judge_map_page(summary: MapSummary) -> Verdict:
    """Say how right the map is, then what speaks against believing it, then what is not known."""
    wrong: list[tuple[str, str]] = []
    unknown: list[tuple[str, str]] = []
    truth, tested = summary.truth, summary.tested
    if truth is not None:
        said = f"This map is {_right_of(truth.accuracy, truth.n, truth.noun)} whose class is known."
        if truth.noun == "place":
            said = (
                f"This map is right for {value_words(truth.pixel_accuracy)} of its pixels, and for "
                f"{number(round(truth.accuracy.value * truth.n))} of {counted(truth.n, 'place')} that one class nearly "
                f"fills ({share(truth.accuracy.value, 1)}{_ends(truth.accuracy)})."
            )
            what = f"{counted(truth.mixed, 'window')} of {number(truth.mixed + truth.n)} hold several classes and are "
            what += f"no places: an answer is about {_window(summary)}, and cannot follow what is finer."
            unknown.append((what, "classes"))
        apart = _apart_words(summary)
        if apart:
            unknown.append((apart, "classes"))
        if not truth.accuracy.is_reliable:
            what = f"The interval rests on only {number(truth.accuracy.units)} blocks and is unreliable."
            unknown.append((what, "classes"))
        if truth.foreign:
            lost = f"{listed(list(truth.foreign))} {'is' if len(truth.foreign) == 1 else 'are'} in the truth and not on"
            unknown.append((f"{lost} the map, so that ground could not be judged.", "classes"))
    else:
        said = "How right this map is nobody has measured: no truth was given for its ground."
    if summary.sampled is not None:
        n, overall, margin = summary.sampled
        said = (
            f"By a probability sample of {counted(n, 'point')}, {share(overall, 1)} of the map is right, give or take "
            f"{100 * margin:.1f} (95 %)."
        )
    if tested is None:
        unknown.append(("The model brought no test with it.", "test"))
    else:
        if truth is None and summary.sampled is None:
            unknown.append((f"In its own test, on other ground, the model was {_test_words(tested)}.", "test"))
        if tested.is_unseen is False:
            wrong.append((f"Its test is no test: {tested.seen}", "test"))
        better = [f"{name} ({value_words(each)})" for name, each, outcome in tested.floors if outcome == "floor"]
        if better:
            on = f"On {counted(tested.n, 'sample')} of its own test"
            wrong.append((f"{on} what needs no network is better than the model: {listed(better)}.", "test"))
        ties = [f"{name} ({value_words(each)})" for name, each, outcome in tested.floors if outcome == "tie"]
        if ties:
            what = (
                f"On {counted(tested.n, 'sample')} of its own test the model ({value_words(tested.score)}) is not "
                f"shown to be better than what needs no network: {listed(ties)}."
            )
            unknown.append((what, "test"))
    if summary.strange:
        off = f"its mean is off in {listed(summary.strange[:_NAMED])} standard deviations"
        what = f"The scene is unlike what the model learnt: {off}. What the model says of it rests on nothing."
        wrong.append((what, "origin"))
    unknown.extend((sentence, "origin") for sentence in summary.declared)
    if summary.is_artificial:
        what = "The ground is artificial: a virtual planet, which only borrows the Earth's coordinates and calendar."
        unknown.insert(0, (what, "origin"))
    if summary.nodata >= _MUCH:
        unknown.append((f"{share(summary.nodata, 1)} of the scene has no class.", "map"))
    if summary.unsure >= _MUCH:
        unknown.append((f"On {share(summary.unsure, 1)} of the ground the model is less than half sure.", "map"))
    is_judged = truth is not None or summary.sampled is not None
    level = "bad" if wrong else "look" if unknown or not is_judged else "good"
    return Verdict(level, said, tuple(wrong), tuple(unknown))  # type: ignore[arg-type]


def _apart_words(summary: MapSummary) -> str:
    """Classes whose share on the map is furthest from that in the truth."""
    known = [(each, each.truth) for each in summary.areas if each.truth is not None]
    far = sorted(known, key=lambda pair: -abs(pair[0].share - pair[1]))[:_NAMED]
    said = [
        f"{each.name} on {100 * each.share:.1f} % (in truth {100 * truth:.1f})"
        for each, truth in far
        if abs(each.share - truth) >= _APART
    ]
    return f"It shows too much or too little of some classes: {listed(said)}." if said else ""


def _window(summary: MapSummary) -> str:
    down, across = summary.support
    return f"{across:g} x {down:g} m"


def _weakest(classes: tuple[ClassResult, ...], noun: str) -> tuple[str, str, str] | None:
    held = weakest_first(classes)
    if not held:
        return None
    return (
        f"Weakest of {len(held)} judged",
        held[0].name,
        f"F1 {value_words(held[0].rates['F1'])}, {counted(held[0].n, noun)}",
    )


def _facts(summary: MapSummary) -> list[tuple[str, str, str]]:
    """The few numbers below the verdict."""
    truth, tested = summary.truth, summary.tested
    facts = [("Ground mapped", f"{summary.km2:,.4g} km²", f"{pixels(summary.size)} of {ground(summary.gsd)}")]
    if truth is not None:
        if truth.noun == "place":
            facts.append(("Pixels right", *_apart(truth.pixel_accuracy)))
        facts.append((f"{truth.noun.capitalize()}s right", *_apart(truth.accuracy)))
        facts.append(
            (f"{truth.noun.capitalize()}s judged", number(truth.n), f"in {number(truth.accuracy.units)} blocks")
        )
    if tested is not None:
        facts.append(("The model's own test", *_apart(tested.score)))
    weakest = None
    if truth is not None:
        weakest = _weakest(truth.classes, truth.noun)
    elif tested is not None:
        weakest = _weakest(tested.classes, "sample")
    if weakest is not None:
        facts.append(weakest)
    if summary.areas:
        facts.append(("Commonest class", summary.areas[0].name, f"{share(summary.areas[0].share, 1)} of the map"))
    return facts


def _apart(held: Interval) -> tuple[str, str]:
    value = value_words(held)
    return value, interval_words(held).removeprefix(value).strip()


def _classes(summary: MapSummary) -> dict[str, Any]:
    """Where it fails: on this ground, or in the model's test."""
    truth, tested = summary.truth, summary.tested
    if truth is not None:
        held = _section_of(truth)
        here = {each.name for each in summary.areas if each.truth}
        lost = [each.name for each in truth.classes if not each.n]
        thin, absent = ([name for name in lost if (name in here) == is_here] for is_here in (True, False))
        said = [summary.note, _apart_words(summary), held["classes_about"], truth.how]
        if thin:
            said.append(f"Not judged: {listed(thin)}, which lie on this ground and nearly fill no window.")
        if absent:
            said.append(f"Not on this ground at all: {listed(absent)}.")
        return held | {"classes_about": " ".join(filter(None, said))}
    if tested is not None:
        over = f"{number(tested.units)} {tested.unit}"
        held = class_section(tested.classes, tested.confusion, n=tested.n, noun="sample", over=over)
        about = f"On other ground than this: the {counted(tested.n, 'sample')} of its test. {held['classes_about']}"
        return held | {"classes_about": about}
    none = "Nobody knows: no truth was given, and the model brought no test with it."
    return class_section((), None, n=0, noun="sample", over="") | {"classes_about": none}


def _has_stars(summary: MapSummary) -> bool:
    """Whether a star stands somewhere on the page."""
    judged = summary.truth.classes if summary.truth is not None else ()
    tested = summary.tested.classes if summary.truth is None and summary.tested is not None else ()
    rates = [rate for each in (*judged, *tested) if each.n for rate in each.rates.values()]
    if summary.tested is not None:
        rates += [summary.tested.score, *(score for _, score, _ in summary.tested.floors)]
    return not all(each.is_reliable for each in rates)


def _section_of(truth: TruthFigures) -> dict[str, Any]:
    over = f"{number(truth.accuracy.units)} blocks of {truth.block}"
    return class_section(truth.classes, truth.confusion, n=truth.n, noun=truth.noun, over=over)


def _areas(summary: MapSummary) -> dict[str, Any]:
    columns = ["Class", "Mapped area", "Share of the map"]
    has_truth = any(each.truth is not None for each in summary.areas)
    has_sample = any(each.adjusted is not None for each in summary.areas)
    columns += ["Share in the truth"] * has_truth + ["Adjusted area, 95 %"] * has_sample
    rows = []
    for each in summary.areas:
        row = [each.name, f"{each.hectares:,.1f} ha", f"{100 * each.share:.1f} %"]
        if has_truth:
            row.append("none" if each.truth is None else f"{100 * each.truth:.1f} %")
        if has_sample:
            row.append("none" if each.adjusted is None else "{:,.1f} ± {:,.1f} ha".format(*each.adjusted))
        rows.append(row)
    about = "Pixels counted, with the map's errors in them."
    if not has_sample:
        about += " What takes the errors out is a sample of places drawn by chance from this map: see what next."
    return {"area_columns": columns, "area_rows": rows, "areas_about": about}


def _test(summary: MapSummary) -> dict[str, Any]:
    tested = summary.tested
    if tested is None:
        about = "The bundle came without scores: swath test RUN CORPUS makes them."
        return {"test_about": about, "test_rows": [], "test_columns": ()}
    words = {"model": "the model is better", "floor": "the floor is better", "tie": "a tie", "": "no answers"}
    rows = [("the model", interval_words(tested.score), "")]
    rows += [(name, interval_words(each), words[outcome]) for name, each, outcome in tested.floors]
    about = (
        f"It was {_test_words(tested)}, part {tested.part} of split {tested.split}: other ground than this. "
        f"{tested.seen} Below it what is reached without a network, asked about the same samples."
    )
    columns = ("Who answers", tested.metric, "Outcome")
    return {"test_about": about, "test_rows": rows, "test_columns": columns}


def map_page(summary: MapSummary) -> str:
    """Write the page.

    Parameters
    ----------
    summary : MapSummary

    Returns
    -------
    str
        HTML, whole in itself; the same summary gives the same text.
    """
    keys: tuple[Key, ...] = summary.keys
    sure = (
        f"The model is {share(summary.sure, 1)} sure on average, and less than half sure on "
        f"{share(summary.unsure, 1)} of the ground."
    )
    return render(
        "map.html",
        kind="Map",
        title=f"Map of {summary.scene}, by the model {summary.model}",
        version=summary.version,
        verdict=judge_map_page(summary),
        lead=f"{summary.where} {summary.does}",
        facts=_facts(summary),
        contents=_CONTENTS,
        pictures=summary.pictures,
        map_about=sure,
        stars=STARS if _has_stars(summary) else "",
        legend=drawing(lambda width: legend_svg(keys, width=width)) if keys else None,
        next=summary.next,
        files=tuple(summary.files.items()),
        links=summary.links,
        command=summary.command,
        declared=summary.declared,
        details=tuple(summary.facts.items()),
        hashes=tuple(summary.hashes.items()),
        licences=summary.licences,
        **_classes(summary),
        **_areas(summary),
        **_test(summary),
    )
