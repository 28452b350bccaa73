"""Corpus page: everything one should know of a corpus before trusting it, on one self-contained HTML page.

`CorpusSummary` holds plain data, counted elsewhere; `corpus_page` puts the verdict first, then where the samples are,
how they look, what their numbers mean, how they are distributed, what leaks, what is missing, and how to make it again.
What nobody knows is written as unknown. Reads no corpus and measures nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from swath.core.errors import Mismatch
from swath.core.version import __version__
from swath.draw.axis import number, share
from swath.draw.colours import OTHER
from swath.draw.land import CREDIT
from swath.draw.locator import MOST_POINTS, locator
from swath.draw.plots import bars, histogram
from swath.report.figures import (
    ClassFigures,
    Places,
    QuarantineFigures,
    SplitFigures,
    StackFigures,
    Thumbnail,
)
from swath.report.page import Drawing, drawing, render
from swath.report.phrases import counted, extent_words, ground, pixels
from swath.report.sections import offset_rows, split_section
from swath.report.verdict import Verdict

__all__ = ["MOST_COLOURS", "CorpusSummary", "corpus_page", "judge"]

#: More classes than this are not told apart by colour on the map.
MOST_COLOURS: Final = 20


@dataclass(frozen=True, slots=True, eq=False)
class CorpusSummary:
    """Everything the page says, as plain data.

    Raises
    ------
    Mismatch
        Places, kinds and parts are not one a sample, or a kind is no class.
    """

    #: Of the corpus.
    name: str
    #: Where its samples came from, in words.
    source: str
    #: Samples that can be read.
    samples: int
    #: One a stack.
    stacks: tuple[StackFigures, ...]
    #: In the order of the legend; empty = no class target.
    classes: tuple[ClassFigures, ...] = ()
    #: Name of the legend.
    legend: str = ""
    #: None = nobody knows.
    places: Places | None = None
    #: False for a virtual planet: its places are drawn without land.
    is_on_earth: bool = True
    #: A choice of pictures, and what their colours mean.
    thumbnails: tuple[Thumbnail, ...] = ()
    thumbnails_note: str = ""
    #: First and last date, `YYYY-MM-DD`; None = unknown.
    dates: tuple[str, str] | None = None
    #: Samples without any date.
    undated: int = 0
    #: What could not be read, by reason.
    quarantine: tuple[QuarantineFigures, ...] = ()
    #: What else is missing, as sentences.
    missing: tuple[str, ...] = ()
    #: What the statistics warn of, as sentences.
    alarms: tuple[str, ...] = ()
    #: One a split.
    splits: tuple[SplitFigures, ...] = ()
    #: Attribution and licence sentences.
    licences: tuple[str, ...] = ()
    #: The command that made the corpus.
    command: str = ""
    #: What -> hash.
    hashes: Mapping[str, str] = field(default_factory=dict)
    #: Of swath, when the corpus was made.
    version: str = __version__

    def __post_init__(self) -> None:
        where = f"summary of {self.name}"
        names = {each.name for each in self.classes}
        held = self.places
        if held is not None:
            lengths = {len(held.lon), len(held.lat), *(len(each) for each in (held.kinds, held.ids) if each)}
            lengths |= {len(split.part_of_place) for split in self.splits if split.part_of_place}
            if len(lengths) > 1:
                raise Mismatch(where=where, what="places", want="one entry a sample", have=f"{sorted(lengths)} entries")
            strange = sorted(set(held.kinds) - names - {""})
            if strange:
                raise Mismatch(where=where, what="kinds of places", want=", ".join(sorted(names)), have=strange[0])


def _unplaced(summary: CorpusSummary) -> int:
    held = summary.places
    return summary.samples if held is None else int((~np.isfinite(held.lon) | ~np.isfinite(held.lat)).sum())


def judge(summary: CorpusSummary) -> Verdict:
    """Collect what is wrong, then what is unknown.

    Examples
    --------
    >>> judge(CorpusSummary("a", "b", 0, ())).wrong[0]
    ('The corpus holds no sample.', 'missing')
    """
    wrong: list[tuple[str, str]] = []
    unknown: list[tuple[str, str]] = []
    if not summary.samples:
        wrong.append(("The corpus holds no sample.", "missing"))
    lost = sum(each.count for each in summary.quarantine)
    if lost:
        wrong.append(
            (f"{counted(lost, 'sample')} could not be read and {'is' if lost == 1 else 'are'} left out.", "missing")
        )
    wrong += [(said, "histograms") for said in summary.alarms]
    for stack in summary.stacks:
        guessed = sum(each.count for each in stack.offsets if each.offset == "unknown")
        if guessed:
            said = f"The offset of {counted(guessed, 'sample')} in {stack.name} is unknown: their reflectance is too."
            wrong.append((said, "numbers"))
    for split in summary.splits:
        if split.is_leaking:
            glue = " " if split.verdict.startswith("leaks") else ": "
            wrong.append((f"Split {split.name}{glue}{split.verdict}", "splits"))
        elif split.is_leaking is None:
            unknown.append((f"Split {split.name}: leakage was not measured.", "splits"))
    unplaced = _unplaced(summary)
    if unplaced and summary.samples:
        who = "No sample has" if unplaced == summary.samples else f"{counted(unplaced, 'sample')} without"
        unknown.append((f"{who} a known place.", "map"))
    if summary.undated and summary.samples:
        who = "No sample has" if summary.undated >= summary.samples else f"{counted(summary.undated, 'sample')} without"
        unknown.append((f"{who} a known date.", "missing"))
    if wrong:
        things = "One thing needs" if len(wrong) == 1 else f"{len(wrong)} things need"
        sentence = f"{things} your attention before you train on this."
        return Verdict("bad", sentence, tuple(wrong), tuple(unknown))
    if unknown:
        return Verdict("look", "Nothing wrong was found; not everything is known.", (), tuple(unknown))
    return Verdict("good", "Nothing wrong was found.")


def _headline(summary: CorpusSummary) -> str:
    """How many samples, of what, from where, when."""
    stacks = [
        f"{each.name} ({counted(len(each.bands), 'band')}, {pixels(each.size)} of {ground(each.gsd)})"
        for each in summary.stacks
    ]
    parts = [
        f"{counted(summary.samples, 'sample')} of {' and '.join(stacks)}"
        if stacks
        else counted(summary.samples, "sample")
    ]
    if summary.classes:
        parts.append(f"in {counted(len(summary.classes), 'class', 'classes')}")
    parts.append(f"from {summary.source}")
    if summary.dates:
        first, last = summary.dates
        parts.append(f"taken on {first}" if first == last else f"taken from {first} to {last}")
    return f"{' '.join(parts[:-1])}, {parts[-1]}." if summary.dates else f"{' '.join(parts)}."


def _facts(summary: CorpusSummary) -> list[tuple[str, str]]:
    """The few numbers below the verdict."""
    lost = sum(each.count for each in summary.quarantine)
    dates = "unknown"
    if summary.dates:
        dates = summary.dates[0] if summary.dates[0] == summary.dates[1] else " to ".join(summary.dates)
    facts = [("Samples", number(summary.samples)), ("In quarantine", number(lost))]
    if summary.classes:
        facts.append(("Classes", number(len(summary.classes))))
    facts.append(("With a known place", number(summary.samples - _unplaced(summary))))
    facts.append(("Dates", dates))
    if summary.splits:
        facts.append(("Splits", ", ".join(split.name for split in summary.splits)))
    return facts


def _map(summary: CorpusSummary) -> dict[str, Any]:
    held = summary.places
    if held is None or _unplaced(summary) >= len(held.lon):
        return {"map": None, "map_about": "No sample has a known place, so there is no map.", "map_caption": ""}
    has_colours = bool(held.kinds) and 1 < len(summary.classes) <= MOST_COLOURS and len(held.lon) <= MOST_POINTS
    colours = {"no class": OTHER, **{each.name: each.colour for each in summary.classes}}
    drawn = drawing(
        lambda width: locator(
            held.lon,
            held.lat,
            kinds=[kind or "no class" for kind in held.kinds] if has_colours else None,
            colours=colours if has_colours else None,
            labels=held.ids or None,
            is_on_earth=summary.is_on_earth,
            width=width,
        )
    )
    ground = (
        "" if summary.is_on_earth else " The planet is virtual: its places have coordinates, but no coasts of ours."
    )
    what = "Colours are classes. " if has_colours else ""
    caption = f"{what}Longitude and latitude in degrees (WGS 84), true proportions at the middle latitude."
    return {"map": drawn, "map_about": f"{extent_words(held.lon, held.lat)}{ground}", "map_caption": caption}


def _pictures(summary: CorpusSummary) -> dict[str, Any]:
    """Thumbnails by class."""
    colours = {each.name: (each.colour, each.count) for each in summary.classes}
    groups: dict[str, list[Thumbnail]] = {}
    for each in summary.thumbnails:
        groups.setdefault(each.group, []).append(each)
    ordered = sorted(groups, key=lambda name: list(colours).index(name) if name in colours else -1)
    pictures = []
    for name in ordered:
        colour, count = colours.get(name, ("", 0))
        pictures.append((name, colour, counted(count, "sample") if count else "", groups[name]))
    about = summary.thumbnails_note if pictures else "No pictures were drawn."
    return {"pictures": pictures, "pictures_about": about}


def _histograms(summary: CorpusSummary) -> list[dict[str, Any]]:
    """Small drawings and a table a stack."""
    drawn = []
    for stack in summary.stacks:
        plots = [
            Drawing(
                histogram(
                    band.edges,
                    band.counts,
                    axis=stack.quantity,
                    title=band.name,
                    note=band.note,
                    under=band.under,
                    over=band.over,
                )
            )
            for band in stack.bands
        ]
        rows = [
            (
                band.name,
                share(band.valid_share, 1.0),
                *(number(held) for held in (band.minimum, band.mean, band.sd, band.maximum)),
            )
            for band in stack.bands
        ]
        caption = (
            f"{stack.name}: {stack.quantity}. Heights are valid numbers per unit of the axis, each band to its own "
            "highest. Where less than 0.05 % lie beyond an end, the plot shows the middle; the table has the extremes."
        )
        drawn.append({"name": stack.name, "drawn": plots, "rows": rows, "caption": caption})
    return drawn


def _meanings(summary: CorpusSummary) -> tuple[list[tuple[str, ...]], list[tuple[str, ...]]]:
    """Rows of the two tables that say what the numbers are."""
    meanings: list[tuple[str, ...]] = [
        (
            stack.name,
            " ".join(band.name for band in stack.bands),
            f"{stack.quantity}, {stack.dtype}" if stack.dtype else stack.quantity,
            ground(stack.gsd),
            pixels(stack.size),
            number(stack.dates),
            ", ".join(held for held in (stack.sensor, stack.level) if held) or "unknown",
        )
        for stack in summary.stacks
    ]
    offsets = [row for stack in summary.stacks for row in offset_rows(stack.name, stack.offsets)]
    return meanings, offsets


def _classes(summary: CorpusSummary) -> dict[str, Any]:
    if not summary.classes:
        return {"classes": None, "classes_about": "The corpus has no class target.", "classes_caption": ""}
    held = summary.classes
    names, counts, inks = [c.name for c in held], [c.count for c in held], [c.colour for c in held]
    drawn = drawing(lambda width: bars(names, counts, colours=inks, width=width), widths=(680, 640, 340))
    most, least = max(held, key=lambda c: c.count), min(held, key=lambda c: c.count)
    empty = [c.name for c in held if not c.count]
    most_of, least_of = (f"{each.name}, {counted(each.count, 'sample')}" for each in (most, least))
    about = f"Most: {most_of}. Fewest: {least_of}."
    if most.count == least.count:
        about = f"{counted(most.count, 'sample')} in each class."
    if empty:
        about += f" Without any: {', '.join(empty)}."
    caption = f"Samples a class, legend {summary.legend or 'unknown'}."
    return {"classes": drawn, "classes_about": about, "classes_caption": caption}


def _missing(summary: CorpusSummary) -> dict[str, Any]:
    """The quarantine, and whatever else is not there."""
    rows = [(each.reason, number(each.count), " ".join(each.examples)) for each in summary.quarantine]
    lost = sum(each.count for each in summary.quarantine)
    said = list(summary.missing)
    if _unplaced(summary) and summary.samples:
        said.append(f"{counted(_unplaced(summary), 'sample')} without a known place.")
    if summary.undated:
        said.append(f"{counted(summary.undated, 'sample')} without a known date.")
    about = (
        f"{counted(lost, 'sample')} in quarantine beside {counted(summary.samples, 'sample')} that can be read."
        if lost
        else "Nothing is in quarantine: every sample that was planned can be read."
    )
    return {"quarantine": rows, "missing": said, "missing_about": about}


_CONTENTS: Final = (
    ("map", "Map"),
    ("pictures", "Pictures"),
    ("numbers", "Meaning"),
    ("histograms", "Distribution"),
    ("classes", "Classes"),
    ("splits", "Splits"),
    ("missing", "Missing"),
    ("origin", "Origin"),
)


def corpus_page(summary: CorpusSummary) -> str:
    """Write the page.

    Parameters
    ----------
    summary : CorpusSummary

    Returns
    -------
    str
        HTML, whole in itself; the same summary gives the same text.

    Examples
    --------
    >>> "<title>fields</title>" in corpus_page(CorpusSummary("fields", "nowhere", 0, ()))
    True
    """
    meanings, offsets = _meanings(summary)
    splits = [split_section(split, summary.places, is_on_earth=summary.is_on_earth) for split in summary.splits]
    pages = {**_map(summary), **_pictures(summary), **_classes(summary), **_missing(summary)}
    return render(
        "corpus.html",
        kind="Corpus",
        title=summary.name,
        version=summary.version,
        headline=_headline(summary),
        verdict=judge(summary),
        facts=_facts(summary),
        contents=_CONTENTS,
        meanings=meanings,
        offsets=offsets,
        histograms=_histograms(summary),
        splits=splits,
        splits_about="" if splits else "The corpus has no split yet: make one with swath corpus split.",
        licences=summary.licences,
        command=summary.command,
        hashes=tuple(summary.hashes.items()),
        credit=CREDIT if pages["map"] and summary.is_on_earth else "",
        **pages,
    )
