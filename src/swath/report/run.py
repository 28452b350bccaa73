"""Run page: how good one trained model is, where it fails, and what that rests on, on one self-contained HTML page.

`RunSummary` holds plain data, computed elsewhere; `run_page` puts the verdict first in words that need no training in
statistics, then where the model fails, what is reached without it, where it was tested, what it looked at, how far its
confidence can be believed, how it was trained, and how to make it again. Nothing stands there without its n.
"""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np

from swath.draw import (
    IntervalRow,
    ReliabilityCurve,
    interval_rows,
    overlay,
    reliability_plot,
    training_curves,
)
from swath.draw.axis import number, share
from swath.draw.land import CREDIT
from swath.evaluate import Interval
from swath.report.page import Drawing, drawing, render
from swath.report.phrases import (
    STARS,
    cells_of,
    counted,
    extent_words,
    ground,
    interval_words,
    listed,
    pixels,
    value_words,
)
from swath.report.run_figures import FloorFigures, InputFigures, RunSummary
from swath.report.sections import class_section, offset_rows, split_section, weakest_first
from swath.report.verdict import Verdict

__all__ = ["judge_run", "run_page"]

#: Scores among the large numbers; the others follow in small.
_FIRST: Final = 2
#: Distance of a band's mean in the judged part from train's, in deviations, from which on it is called a shift.
_SHIFT: Final = 0.5

_CONTENTS: Final = (
    ("classes", "Where it fails"),
    ("mistakes", "Mistakes"),
    ("floors", "Floors"),
    ("map", "Map"),
    ("split", "Split"),
    ("inputs", "Input"),
    ("calibration", "Confidence"),
    ("training", "Training"),
    ("next", "What next"),
    ("origin", "Origin"),
)


def _ends(low: float, high: float) -> str:
    return f"{100 * low:.1f} to {100 * high:.1f} %"


def _sentence(summary: RunSummary) -> str:
    """The verdict in one sentence, with n and interval."""
    name, held = summary.headline
    of = counted(summary.n, "sample")
    ends = f"95 % interval {_ends(held.low, held.high)}" if math.isfinite(held.low) else "no interval"
    if name == "Accuracy":
        return f"Right for {number(round(held.value * summary.n))} of {of}: {share(held.value, 1)} ({ends})."
    return f"{name} {share(held.value, 1)} on {of} ({ends})."


def _best_floor(summary: RunSummary) -> FloorFigures | None:
    held = [floor for floor in summary.floors if floor.accuracy is not None]
    return max(held, key=lambda floor: floor.accuracy.value if floor.accuracy is not None else 0.0, default=None)


def judge_run(summary: RunSummary) -> Verdict:
    """Say how good the model is, then what speaks against believing it, then what is not known."""
    wrong: list[tuple[str, str]] = []
    unknown: list[tuple[str, str]] = []
    _, held = summary.headline
    if summary.is_unseen is False:
        wrong.append((summary.seen, "split"))
    elif summary.is_unseen is None:
        unknown.append((summary.seen, "split"))
    split = summary.split
    if split.is_leaking:
        glue = " " if split.verdict.startswith("leaks") else ": "
        wrong.append((f"Split {split.name}{glue}{split.verdict.rstrip('.')}.", "split"))
    elif split.is_leaking is None:
        unknown.append((f"Whether split {split.name} leaks was not measured.", "split"))
    better, ties = (
        [f"{each.name} ({value_words(each.accuracy)})" for each in summary.floors if each.outcome == outcome]
        for outcome in ("floor", "tie")
    )
    if better:
        wrong.append((f"What needs no network is better: {listed(better)}.", "floors"))
    if ties:
        unknown.append((f"It is not shown to be better than what needs no network: {listed(ties)}.", "floors"))
    if summary.unanswered:
        wrong.append((f"{counted(summary.unanswered, 'sample')} could not be answered and count nowhere.", "origin"))
    if summary.unlabelled:
        unknown.append((f"{counted(summary.unlabelled, 'sample')} without a label could not be judged.", "origin"))
    if not held.is_reliable:
        unknown.append((f"The intervals rest on only {number(held.units)} {summary.unit} and are unreliable.", "map"))
    if summary.caution:
        unknown.append((f"{summary.caution[:1].upper()}{summary.caution[1:]}.", "split"))
    absent = [each.name for each in summary.classes if not each.n]
    if absent:
        unknown.append((f"Never asked about {listed(absent)}: no sample of it was judged.", "classes"))
    level = "bad" if wrong else "look" if unknown else "good"
    return Verdict(level, _sentence(summary), tuple(wrong), tuple(unknown))  # type: ignore[arg-type]


def _lead(summary: RunSummary) -> str:
    """What was asked, where, by which split, and what guessing would reach."""
    where = _where(summary)
    split = summary.split
    said = [
        summary.does,
        f"It was asked about {counted(summary.n, 'sample')} of {summary.corpus}{where}, part {summary.part} of split "
        f"{split.name} ({summary.how}).",
        *([summary.seen] if summary.is_unseen else []),
    ]
    by_name = {floor.name: floor for floor in summary.floors if floor.accuracy is not None}
    guesses = []
    for name, words in (
        ("majority", "always giving the commonest class of train"),
        ("nearest place", "giving the class of the nearest known place"),
    ):
        if name in by_name and by_name[name].accuracy is not None:
            guesses.append(f"{words} would be right for {value_words(by_name[name].accuracy)}")
    if guesses:
        joined = listed(guesses)
        said.append(f"{joined[:1].upper()}{joined[1:]} of the same samples.")
    return " ".join(said)


def _where(summary: RunSummary) -> str:
    """In how many places the judged samples lie."""
    cells = _cells(summary)
    if not cells:
        return ", whose places are unknown"
    of = "" if summary.unit.startswith("blocks") is False else f" ({counted(summary.units, 'block')})"
    return f" in {counted(cells, 'one-degree cell')}{of}"


def _cells(summary: RunSummary) -> int:
    held, parts = summary.places, summary.split.part_of_place
    if held is None or not parts:
        return 0
    mine = np.array([part == summary.part for part in parts])
    return cells_of(held.lon[mine], held.lat[mine])


def _facts(summary: RunSummary) -> list[tuple[str, str, str]]:
    """The few numbers below the verdict."""
    facts = [(name, *_apart(each)) for name, each in list(summary.scores.items())[:_FIRST]]
    facts.append(("Samples judged", number(summary.n), f"{number(summary.units)} {summary.unit} resampled"))
    if _cells(summary):
        facts.append(("One-degree cells", number(_cells(summary)), ""))
    known = [each for each in summary.classes if each.n]
    if known:
        worst = weakest_first(known)[0]
        f1, n = value_words(worst.rates["F1"]), counted(worst.n, "sample")
        facts.append(("Weakest class", worst.name, f"F1 {f1}, {n}"))
    floor = _best_floor(summary)
    if floor is not None:
        facts.append(("Best without a network", value_words(floor.accuracy), floor.name))
    return facts


def _apart(held: Interval) -> tuple[str, str]:
    """A score, and its ends."""
    value = value_words(held)
    return value, interval_words(held).removeprefix(value).strip()


def _mistakes(summary: RunSummary) -> dict[str, Any]:
    shown = len(summary.mistakes)
    about = f"All {number(summary.n)} answers are right."
    if summary.wrong:
        worst = "All of them" if shown == summary.wrong else f"The {number(shown)} of which it was surest"
        about = (
            f"{counted(summary.wrong, 'answer')} of {number(summary.n)} {'is' if summary.wrong == 1 else 'are'} wrong. "
            f"{worst}, the surest first; some may be errors of the labels. {summary.pictures_note}".rstrip()
        )
    held = [
        {
            "png": each.png,
            "answer": each.answer,
            "sure": f"{100 * each.confidence:.0f} % sure",
            "truth": each.truth,
            "id": each.id,
            "where": ", ".join(filter(None, (each.place, each.date))),
        }
        for each in summary.mistakes
    ]
    return {"mistakes": held, "mistakes_about": about}


def _floors(summary: RunSummary) -> dict[str, Any]:
    name, held = summary.headline
    words = {"model": "the model is better", "floor": "the floor is better", "tie": "a tie", "": "no answers"}
    rows = [
        (
            each.name,
            interval_words(each.accuracy),
            interval_words(each.macro_f1),
            "none" if each.difference is None else interval_words(each.difference, sign="+"),
            words[each.outcome],
            number(each.n),
        )
        for each in summary.floors
    ]
    macro = summary.scores.get("Macro-F1")
    first = ("the model", interval_words(held), interval_words(macro), "", "", number(summary.n))
    drawn = None
    if rows:
        bars = [("the model", held), *((each.name, each.accuracy) for each in summary.floors)]
        shown = [
            IntervalRow(label, each.value, each.low, each.high, is_reliable=each.is_reliable)
            for label, each in bars
            if each is not None
        ]
        axis = f"{name.lower()} with its 95 % interval, n {number(summary.n)}"
        drawn = drawing(lambda width: interval_rows(shown, axis=axis, limits=(0.0, 1.0), is_share=True, width=width))
    about = (
        "What is reached without a network, fitted on the same train and asked about the same samples. The difference "
        "is that of the model less the floor, over the same resamples; where its interval holds 0 it is a tie."
    )
    return {
        "floors_about": about if rows else summary.floors_about,
        "floors_drawn": drawn,
        "floor_rows": [first, *rows] if rows else [],
        "floor_notes": [
            (each.name, f"{each.about}. Fitted on {counted(each.train, 'sample')}.") for each in summary.floors
        ],
    }


def _inputs(summary: RunSummary) -> list[dict[str, Any]]:
    held = []
    for stack in summary.inputs:
        rows = []
        for band in stack.bands:
            away = (band.test[0] - band.mean) / band.sd
            rows.append(
                (
                    band.name,
                    band.note or "unknown",
                    stack.quantity,
                    ground(stack.gsd),
                    *_moments((band.mean, band.sd), band.train, band.test),
                    f"{away:+.2f} sd" if math.isfinite(away) else "unknown",
                )
            )
        plots = [
            Drawing(overlay(band.counted, axis=stack.quantity, title=band.name, note=band.note)) for band in stack.bands
        ]
        far = [band.name for band in stack.bands if abs(band.test[0] - band.mean) > _SHIFT * band.sd]
        train, test = stack.n
        held.append(
            {
                "name": stack.name,
                "about": _input_words(stack),
                "rows": rows,
                "columns": (
                    "Band",
                    "Centre, native",
                    "Quantity",
                    "Pixel",
                    "Normalised by",
                    "In train",
                    f"In {summary.part}",
                    "Shift",
                ),
                "offsets": offset_rows(stack.name, stack.offsets),
                "drawn": plots,
                "caption": (
                    f"Valid numbers of {counted(train, 'train sample')} (filled) and of {counted(test, 'sample')} in "
                    f"{summary.part} (line), each to the same area. {_shift_words(far, summary.part)}"
                ),
            }
        )
    return held


def _moments(*pairs: tuple[float, float]) -> list[str]:
    """Means and deviations, all with as many decimals as give the least deviation two digits."""
    least = min((sd for _, sd in pairs if sd > 0), default=1.0)
    places = max(0, 1 - math.floor(math.log10(least)))
    return [f"{mean:,.{places}f} ± {sd:,.{places}f}" if math.isfinite(mean) else "unknown" for mean, sd in pairs]


def _shift_words(far: list[str], part: str) -> str:
    if not far:
        return f"No band's mean in {part} is further than {_SHIFT:g} deviations from what the model expects."
    return f"In {part} the mean of {listed(far)} is more than {_SHIFT:g} deviations from what the model expects."


def _input_words(stack: InputFigures) -> str:
    sensor = ", ".join(filter(None, (stack.sensor, stack.level))) or "sensor unknown"
    dates = "one date" if stack.dates == 1 else f"{stack.dates} dates"
    return (
        f"{stack.name}: {pixels(stack.size)} of {ground(stack.gsd)}, {dates}, {sensor}. Stored as "
        f"{stack.stored}, fed as {stack.quantity}. Numbers are mean ± standard deviation of all valid pixels."
    )


def _calibration(summary: RunSummary) -> dict[str, Any]:
    held = summary.calibration
    if not held:
        return {"calibration": None, "calibration_rows": [], "calibration_about": "It was not measured."}
    curves = [
        ReliabilityCurve(
            f"{each.name}, error {share(each.ece.value, 1)}", each.bins.confidence, each.bins.accuracy, each.bins.count
        )
        for each in held
    ]
    rows = [
        (
            each.name,
            interval_words(each.ece),
            interval_words(each.nll, is_share=False),
            interval_words(each.brier, is_share=False),
            number(each.n),
        )
        for each in held
    ]
    last = held[-1]
    sure = float((last.bins.confidence * last.bins.count).sum() / max(last.bins.count.sum(), 1))
    right = float((last.bins.accuracy * last.bins.count).sum() / max(last.bins.count.sum(), 1))
    about = (
        f"On average the model is {share(sure, 1)} sure and right for {share(right, 1)} of n = {number(last.n)}. On "
        "the diagonal it would be right as often as it says. The temperature was fitted on val and changes no answer."
    )
    return {
        "calibration": drawing(lambda width: reliability_plot(curves, width=width), widths=(440, 440, 340)),
        "calibration_rows": rows,
        "calibration_about": about,
    }


def _training(summary: RunSummary) -> dict[str, Any]:
    held = summary.curves
    if held is None or not held.panels:
        return {"curves": None, "curves_about": "The bundle came without its run: how it was trained is not recorded."}
    drawn = drawing(lambda width: training_curves(held.panels, best=held.best, width=width))
    return {"curves": drawn, "curves_about": held.about}


def run_page(summary: RunSummary) -> str:
    """Write the page.

    Parameters
    ----------
    summary : RunSummary

    Returns
    -------
    str
        HTML, whole in itself; the same summary gives the same text.
    """
    split = split_section(summary.split, summary.places, is_on_earth=summary.is_on_earth)
    has_map = split["map"] is not None and summary.places is not None
    dropped = summary.split.parts.get("dropped", 0)
    buffer = ""
    if dropped:
        buffer = f" {counted(dropped, 'sample')} in the buffer between parts {'is' if dropped == 1 else 'are'} dropped."
    elif "buffer" in summary.how:
        buffer = " No sample lies in the buffer between parts."
    virtual = (
        "" if summary.is_on_earth else " The planet is virtual: its places have coordinates, but no coasts of ours."
    )
    about = "No sample has a known place, so there is no map."
    if has_map and summary.places is not None:
        about = extent_words(summary.places.lon, summary.places.lat) + buffer + virtual
    more = "".join(f"{name}: {interval_words(each)}. " for name, each in list(summary.scores.items())[_FIRST:])
    stars = STARS if _has_stars(summary) else ""
    return render(
        "run.html",
        kind="Model",
        title=summary.name,
        version=summary.version,
        verdict=judge_run(summary),
        lead=_lead(summary),
        facts=_facts(summary),
        contents=_CONTENTS,
        intervals=f"{more}Intervals: 95 %, bootstrap over {number(summary.units)} {summary.unit}. {stars}".strip(),
        map=split["map"],
        map_about=about,
        split=split,
        seen=summary.seen,
        inputs=_inputs(summary),
        next=summary.next,
        commands=tuple(summary.commands.items()),
        details=tuple(summary.facts.items()),
        hashes=tuple(summary.hashes.items()),
        licences=summary.licences,
        credit=CREDIT if has_map and summary.is_on_earth else "",
        **class_section(
            summary.classes,
            summary.confusion,
            n=summary.n,
            noun="sample",
            over=f"{number(summary.units)} {summary.unit}",
        ),
        **_mistakes(summary),
        **_floors(summary),
        **_calibration(summary),
        **_training(summary),
    )


def _has_stars(summary: RunSummary) -> bool:
    return any(not each.is_reliable for each in summary.scores.values())
