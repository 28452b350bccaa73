"""The corpus page: the verdict first, nothing hidden, nothing broken by a name, nothing fetched."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest

from swath.core.errors import Mismatch
from swath.report import (
    BandFigures,
    ClassFigures,
    CorpusSummary,
    OffsetFigures,
    Places,
    QuarantineFigures,
    StackFigures,
    corpus_page,
)
from swath.report.corpus import judge
from tests.report.a_summary import a_band, a_split, a_summary, a_virtual_summary

#: Elements that HTML closes by themselves.
VOID = {"meta", "link", "img", "wbr", "br", "hr"}


class Reader(HTMLParser):
    """Tags, attributes and text of a page; a tag that closes another than the last one opened is an error."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(page)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not self.open or self.open[-1] != "style":
            self.text += data


def test_a_corpus_without_fault_says_so_first():
    """report: the verdict comes before everything but the name and what it is."""
    page = Reader(corpus_page(a_virtual_summary()))

    assert "Nothing wrong was found." in page.text
    assert page.text.index("Nothing wrong was found.") < page.text.index("Where the samples are")


def test_sections_stand_in_their_order():
    """The order in which one decides whether to trust a corpus."""
    page = corpus_page(a_summary())

    sections = re.findall(r'<section id="(\w+)">', page)
    assert sections == ["map", "pictures", "numbers", "histograms", "classes", "splits", "missing", "origin"]
    links = re.findall(r'href="#(\w+)"', page)
    assert set(links) <= set(sections)


def test_the_headline_says_how_many_of_what_from_where_and_when():
    """One sentence that can be read aloud."""
    sentence = (
        "300 samples of s2 (13 bands, 64 x 64 pixels of 10 m) in 10 classes from eurosat-ms, "
        "taken from 2018-01-06 to 2018-12-22."
    )

    assert sentence in Reader(corpus_page(a_summary())).text


def test_what_could_not_be_read_is_the_first_thing_said():
    """A hole is impossible to miss (architecture, ways of working)."""
    verdict = judge(a_summary())

    assert verdict.level == "bad"
    assert verdict.sentence == "2 things need your attention before you train on this."
    assert verdict.wrong[0] == ("4 samples could not be read and are left out.", "missing")


def test_a_leaking_split_is_a_fault():
    """field.md 26: a report that shows it."""
    verdict = judge(a_summary(quarantine=()))

    assert verdict.sentence == "One thing needs your attention before you train on this."
    assert verdict.wrong[0][0].startswith("Split random-80-20 leaks: ")


def test_an_unknown_offset_is_a_fault():
    """Trap 1: an offset forgotten inside one corpus."""
    stack = a_summary().stacks[0]
    guess = replace(stack, offsets=(OffsetFigures("unknown", "none", "unknown", 12),))

    verdict = judge(a_summary(stacks=(guess,), quarantine=(), splits=()))

    assert verdict.wrong == (("The offset of 12 samples in s2 is unknown: their reflectance is too.", "numbers"),)


def test_an_alarm_of_the_statistics_is_a_fault():
    """Passed on word for word."""
    verdict = judge(a_virtual_summary_with(alarms=("B04: 3 reflectances above 5.",)))

    assert verdict.wrong == (("B04: 3 reflectances above 5.", "histograms"),)


def a_virtual_summary_with(**changes: object) -> CorpusSummary:
    return replace(a_virtual_summary(), **changes)  # type: ignore[arg-type]


def test_what_nobody_knows_is_told_apart_from_what_is_wrong():
    """Unknown is not wrong, and is not silent."""
    verdict = judge(a_virtual_summary_with(undated=60, places=None, dates=None))

    assert (verdict.level, verdict.wrong) == ("look", ())
    assert [said for said, _ in verdict.unknown] == [
        "No sample has a known place.",
        "No sample has a known date.",
    ]


def test_a_split_that_nobody_measured_is_unknown():
    """None is not False."""
    whole = a_summary(quarantine=())
    assert whole.places is not None
    split = replace(a_split(whole.places), is_leaking=None, verdict="unknown: there are no places to compare")

    assert ("Split random-80-20: leakage was not measured.", "splits") in judge(replace(whole, splits=(split,))).unknown


def test_a_class_with_a_name_like_markup_breaks_nothing():
    """Names come from folders and files: anything."""
    evil = "<b>\"&'</script><script>alert(1)</script>"
    whole = a_summary()
    assert whole.places is not None
    kinds = tuple(evil if kind == "Forest" else kind for kind in whole.places.kinds)
    classes = tuple(replace(c, name=evil) if c.name == "Forest" else c for c in whole.classes)
    thumbnails = tuple(replace(t, group=evil, caption=evil) if t.group == "Forest" else t for t in whole.thumbnails)
    page = corpus_page(
        replace(
            whole,
            name=evil,
            source=evil,
            command=evil,
            legend=evil,
            licences=(evil,),
            classes=classes,
            thumbnails=thumbnails,
            thumbnails_note=evil,
            places=replace(whole.places, kinds=kinds, ids=(evil,) * 300),
            quarantine=(QuarantineFigures(evil, 1, (evil,)),),
        )
    )

    read = Reader(page)
    assert not [tag for tag, _ in read.tags if tag in ("script", "b")]
    assert read.text.count(evil) > 8


def test_a_colour_that_is_none_is_refused():
    """It is written into a style, where a semicolon would be a way in."""
    with pytest.raises(Mismatch) as raised:
        ClassFigures("Forest", "red;background:url(//x)", 1)

    assert str(raised.value) == "class Forest: colour differs: want #rrggbb, have red;background:url(//x)."


def test_nothing_is_fetched_from_anywhere():
    """One file: no script, no link but to itself, and the page forbids the rest."""
    read = Reader(corpus_page(a_summary()))

    for tag, attributes in read.tags:
        assert tag not in ("script", "iframe", "object", "embed", "base", "form"), tag
        for name in ("src", "href"):
            target = attributes.get(name)
            assert target is None or target.startswith(("data:", "#")), (tag, target)
        assert "url(" not in (attributes.get("style") or "")
    policies = [a.get("content") for tag, a in read.tags if tag == "meta" and "http-equiv" in a]
    assert policies == ["default-src 'none'; img-src data:; style-src 'unsafe-inline'"]


def test_the_same_summary_makes_the_same_page():
    """No clock, no host, no order of a set."""
    assert corpus_page(a_summary()) == corpus_page(a_summary())


def test_every_figure_has_a_caption_with_its_unit():
    """Contract 1: a number never travels alone."""
    page = corpus_page(a_summary())

    captions = re.findall(r"<figcaption>(.*?)</figcaption>", page, re.DOTALL)
    assert len(captions) == page.count("<figure>")
    assert any("dn offset -1000 (toa reflectance, /10000)" in caption for caption in captions)
    assert any("degrees" in caption for caption in captions)


def test_every_picture_has_a_text_for_those_who_cannot_see_it():
    """alt on images, a label on drawings."""
    for tag, attributes in Reader(corpus_page(a_summary())).tags:
        if tag == "img":
            assert attributes["alt"]
        if tag == "svg" and "viewbox" in attributes:
            assert attributes["aria-label"]


def test_shares_of_numbers_beyond_the_histogram_are_shown():
    """What the statistics counted as under and over: a third of 30,000, and up to 0.1 % trimmed."""
    band = replace(a_band("B04"), over=10_000)
    stack = replace(a_summary().stacks[0], bands=(band,))

    assert re.search(r"33\.[34] % beyond<", corpus_page(a_summary(stacks=(stack,))))


def test_a_corpus_of_nothing_is_a_page():
    """Everything missing, nothing crashes."""
    page = Reader(corpus_page(CorpusSummary("empty", "nowhere", 0, ())))

    for sentence in (
        "The corpus holds no sample.",
        "No sample has a known place, so there is no map.",
        "No pictures were drawn.",
        "The corpus has no class target.",
        "The corpus has no split yet",
        "Nothing is in quarantine",
    ):
        assert sentence in page.text


def test_a_band_without_a_valid_number_is_unknown():
    """NaN is written as unknown, never as nan."""
    nothing = BandFigures("B10", np.arange(5.0), np.zeros(4), np.nan, np.nan, np.nan, np.nan, 0.0)
    stack = StackFigures("s2", "toa reflectance", (10.0, 10.0), (8, 8), (nothing,))

    page = Reader(corpus_page(CorpusSummary("a", "b", 1, (stack,)))).text

    assert "no valid numbers" in page
    assert "unknown" in page
    assert not re.search(r"\bnan\b", page)


def test_unlike_sides_of_a_pixel_are_both_written():
    """data/README: a degree grid of 10.0 m north-south is 7.4 m east-west."""
    stack = replace(a_summary().stacks[0], gsd=(7.4, 10.0))

    assert "7.4 x 10 m" in Reader(corpus_page(a_summary(stacks=(stack,)))).text


def test_a_virtual_planet_is_called_one():
    """Coordinates without coasts need a word."""
    page = Reader(corpus_page(a_virtual_summary())).text

    assert "The planet is virtual" in page
    assert "Natural Earth" not in page


def test_samples_without_a_class_are_on_the_map():
    """Unlabelled is not unplaced."""
    whole = a_summary()
    assert whole.places is not None
    kinds = ("", *whole.places.kinds[1:])

    assert corpus_page(replace(whole, places=replace(whole.places, kinds=kinds)))


@pytest.mark.parametrize(
    ("places", "sentence"),
    [
        (Places(np.zeros(3), np.zeros(2)), "places differs: want one entry a sample, have [2, 3] entries."),
        (Places(np.zeros(1), np.zeros(1), ("Wood",)), "kinds of places differs: want Forest, have Wood."),
    ],
)
def test_places_that_do_not_fit_are_refused(places, sentence):
    """Both sides are named."""
    with pytest.raises(Mismatch) as raised:
        CorpusSummary("a", "b", 1, (), classes=(ClassFigures("Forest", "#1b6e2c", 1),), places=places)

    assert str(raised.value) == f"summary of a: {sentence}"
