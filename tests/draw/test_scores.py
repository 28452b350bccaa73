"""Drawings of scores: what they show, what they leave out, and that it can be read at any width."""

from __future__ import annotations

import math
import re
from itertools import pairwise
from xml.etree import ElementTree

import numpy as np
import pytest

from swath.core.errors import Mismatch
from swath.core.legends import legend
from swath.draw.confusion import confusion_matrix
from swath.draw.curves import Panel, training_curves
from swath.draw.intervals import IntervalRow, interval_rows
from swath.draw.reliability import ReliabilityCurve, reliability_plot

SVG = "{http://www.w3.org/2000/svg}"
TEN, MANY = legend("eurosat").names, legend("corine-3").names


def elements(drawing, name):
    return list(ElementTree.fromstring(drawing).iter(f"{SVG}{name}"))


def texts(drawing):
    return [text.text or "" for text in elements(drawing, "text")]


def tooltips(drawing):
    return [title.text or "" for title in elements(drawing, "title")]


def some_counts(k, most=600, seed=0):
    rng = np.random.default_rng(seed)
    counts = (rng.random((k, k)) ** 8 * 30).astype(int)
    counts[np.arange(k), np.arange(k)] = rng.integers(most // 2, most, k)
    return counts


def a_curve(name="before", shift=0.0):
    at = np.linspace(0.4, 0.99, 15)
    return ReliabilityCurve(name, at, np.clip(at - shift, 0, 1), np.full(15, 66))


def some_drawings(width):
    losses = {"train": [2.0, 0.5, 0.1, 0.05], "val": [1.8, 0.7, 0.4, 0.5]}
    rows = [IntervalRow(name, 0.9, 0.8, 0.95) for name in TEN] + [IntervalRow("none", *[math.nan] * 3)]
    return {
        "ten": confusion_matrix(some_counts(10), TEN, width=width),
        "many": confusion_matrix(some_counts(44), MANY, width=width),
        "reliability": reliability_plot([a_curve(), a_curve("after, error 0.01", 0.02)], width=width),
        "curves": training_curves([Panel("loss", losses, True), Panel("macro-F1", losses)], best=3, width=width),
        "intervals": interval_rows(rows, axis="F1 with its 95 % interval over 60 blocks", limits=(0, 1), width=width),
    }


@pytest.mark.parametrize("width", [320, 340, 620, 640, 1024])
def test_letters_are_never_smaller_than_11_pixels(width):
    """Drawings are shown at their own size."""
    for name, drawn in some_drawings(width).items():
        assert min(float(size) for size in re.findall(r'font-size="([\d.]+)"', drawn)) >= 11, name


@pytest.mark.parametrize("width", [320, 340, 620, 640, 1024])
def test_text_stays_inside_the_drawing(width):
    """By DejaVu Sans, the widest of the usual letters."""
    from swath.draw.font import load_font

    for name, drawn in some_drawings(width).items():
        for group in [ElementTree.fromstring(drawn)]:
            for text in (t for t in group if t.tag == f"{SVG}text"):
                wide = load_font(12).getlength(text.text or "") / 12 * float(text.attrib["font-size"])
                x = float(text.attrib["x"])
                start = x - {"middle": 0.5, "end": 1.0}.get(text.attrib.get("text-anchor", ""), 0.0) * wide
                assert start >= -1, (name, text.text)
                assert start + wide <= width + 2, (name, text.text)


def test_a_confusion_says_what_was_taken_for_what():
    """12 of 300 are 4 %."""
    drawn = confusion_matrix(np.array([[288, 12], [0, 100]]), ["Forest", "River"])

    assert "Forest taken for River: 12 of 300 samples, 4 %" in tooltips(drawn)
    assert "River found: 100 of 100 samples, 100 %" in tooltips(drawn)
    assert {"288", "12", "100"} <= set(texts(drawn))


def test_right_and_wrong_are_told_apart_by_colour():
    """A share of 1 is the full colour: accent for right, warning for wrong."""
    fills = [rect.attrib["fill"] for rect in elements(confusion_matrix(np.array([[0, 5], [0, 7]]), ["a", "b"]), "rect")]

    assert fills[:2] == ["#b3401d", "#0b6e74"]


def test_numbers_give_way_to_shares_and_then_to_nothing():
    """Ten classes: counts at 640 pixels, per cent on a phone. Forty-four: names and shades alone."""
    assert "numbers: counts · shade: share of the row" in texts(confusion_matrix(some_counts(10), TEN, width=640))
    assert any("per cent of the row" in text for text in texts(confusion_matrix(some_counts(10), TEN, width=330)))
    for width in (330, 1024):
        assert "shade: share of the row" in texts(confusion_matrix(some_counts(44), MANY, width=width))


def test_every_class_can_be_read_by_name_or_number():
    """44 rows of their own line of text, numbered where columns are too narrow for names."""
    wide, narrow = (confusion_matrix(some_counts(44), MANY, width=w) for w in (1024, 330))

    assert [name in texts(wide) for name in ("Airports", "Vineyards", "Estuaries")] == [True] * 3
    assert {"6. Airports", "15. Vineyards", "43. Estuaries", "1", "20"} <= set(texts(narrow))
    rows = [float(t.attrib["y"]) for t in elements(narrow, "text") if re.match(r"\d+\. ", t.text or "")]
    assert min(np.diff(rows)) >= 16


def test_a_share_that_is_little_is_not_nothing():
    """1 of 1000 is written <1, 999 of 1000 is written 99."""
    counts = np.zeros((10, 10), int)
    counts[0, 0], counts[0, 1], counts[1, 1] = 9999, 1, 5

    assert {"<1", "99", "100"} <= set(texts(confusion_matrix(counts, TEN, width=330)))


def test_a_class_without_samples_is_an_empty_row():
    assert len(elements(confusion_matrix(np.zeros((3, 3), int), ["a", "b", "c"]), "rect")) == 1


def test_names_must_be_as_many_as_rows():
    with pytest.raises(Mismatch, match=r"confusion matrix: shape differs: want \(2, 2\), have \(3, 3\)"):
        confusion_matrix(np.zeros((3, 3)), ["a", "b"])


def test_a_perfectly_calibrated_curve_lies_on_the_diagonal():
    circles = elements(reliability_plot([a_curve()], width=420), "circle")
    x, y = (np.array([float(c.attrib[key]) for c in circles]) for key in ("cx", "cy"))

    np.testing.assert_allclose(x + y, (x + y)[0], atol=0.1)


def test_bars_are_as_high_as_their_bins_are_full():
    curve = ReliabilityCurve("a", np.array([0.5, 0.9]), np.array([0.5, 0.9]), np.array([10, 40]))
    heights = [
        float(r.attrib["height"]) for r in elements(reliability_plot([curve]), "rect") if r.attrib["width"] == "3"
    ]

    assert heights[1] / heights[0] == pytest.approx(4)
    assert "confidence · bars: samples a bin, up to 40" in texts(reliability_plot([curve]))


def test_curves_are_named_with_their_error():
    drawn = reliability_plot([a_curve("before, error 0.081"), a_curve("after, error 0.012")])

    assert {"before, error 0.081", "after, error 0.012"} <= set(texts(drawn))


def test_no_bin_at_all_is_a_drawing():
    empty = np.zeros(0)
    assert elements(reliability_plot([ReliabilityCurve("none", empty, empty, empty)]), "circle") == []


def test_curves_that_do_not_fit_are_refused():
    with pytest.raises(Mismatch, match="reliability plot: curves differs: want at most 3, have 4"):
        reliability_plot([a_curve()] * 4)
    with pytest.raises(Mismatch, match="reliability plot, odd: lengths differs: want all alike, have 2, 1 and 2"):
        reliability_plot([ReliabilityCurve("odd", np.zeros(2), np.zeros(1), np.zeros(2))])


def test_the_epoch_that_was_kept_is_marked():
    drawn = training_curves([Panel("loss", {"train": [3.0, 2.0, 1.0], "val": [3.0, 2.5, 2.75]})], best=2)

    assert "best: epoch 2, val 2.5" in texts(drawn)
    assert "epoch 3: train 1" in tooltips(drawn)


def test_a_logarithmic_panel_spaces_powers_of_ten_evenly():
    drawn = training_curves([Panel("loss", {"val": [100.0, 10.0, 1.0]}, is_log=True)])
    heights = {
        t.text: float(t.attrib["y"])
        for t in elements(drawn, "text")
        if t.text in ("1", "10", "100") and t.attrib.get("text-anchor") == "end"
    }

    assert heights["1"] - heights["10"] == pytest.approx(heights["10"] - heights["100"], abs=0.2)


def test_what_was_not_computed_breaks_the_line():
    """NaN in epoch 3 leaves a gap, and epoch 4 alone is a dot."""
    drawn = training_curves([Panel("loss", {"val": [1.0, 0.8, math.nan, 0.5]})])

    lines = [p for p in elements(drawn, "path") if p.attrib.get("stroke") == "#dc9a1c"]
    assert [path.attrib["d"].count("L") for path in lines] == [1]
    assert [c.attrib["r"] for c in elements(drawn, "circle") if "fill-opacity" not in c.attrib] == ["2.6"]


def test_panels_stand_side_by_side_where_there_is_room():
    panels = [Panel("loss", {"val": [1.0, 0.5]}), Panel("accuracy", {"val": [0.5, 0.6]})]
    heights = [float(ElementTree.fromstring(training_curves(panels, width=w)).attrib["height"]) for w in (640, 340)]

    assert heights[1] > 1.8 * heights[0]


@pytest.mark.parametrize("values", [[], [0.5], [0.5, 0.5], [math.nan]])
def test_little_to_show_is_a_drawing(values):
    assert training_curves([Panel("accuracy", {"val": values})]).startswith("<svg")


def test_what_cannot_be_drawn_is_refused():
    with pytest.raises(Mismatch, match="loss: numbers on a logarithmic axis differs: want above 0, have 0"):
        training_curves([Panel("loss", {"val": [1.0, 0.0]}, is_log=True)])
    with pytest.raises(Mismatch, match="best epoch differs: want 1 to 2, have 3"):
        training_curves([Panel("loss", {"val": [1.0, 0.5]})], best=3)


def test_a_bar_reaches_from_end_to_end_and_the_dot_lies_between():
    """0.8 of 0.5 to 1.0: the dot divides the bar 3 to 2."""
    drawn = interval_rows([IntervalRow("a", 0.8, 0.5, 1.0)], axis="F1")
    bar = next(p.attrib["d"] for p in elements(drawn, "path") if p.attrib.get("stroke") == "#0b6e74")
    start, end = map(float, re.match(r"M([\d.]+) [\d.]+H([\d.]+)", bar).groups())
    [dot] = elements(drawn, "circle")

    assert (float(dot.attrib["cx"]) - start) / (end - start) == pytest.approx(0.6, abs=0.01)


@pytest.mark.parametrize("width", [240, 320, 362, 640])
def test_numbers_of_an_axis_never_touch_and_its_end_keeps_its_own(width):
    """By DejaVu Sans; 100 % is wider than the space between two narrow ticks."""
    from swath.draw.font import load_font

    rows = [IntervalRow("HerbaceousVegetation (8)", 1.0, 1.0, 1.0), IntervalRow("Pasture (40)", 0.988, 0.933, 1.0)]

    drawn = interval_rows(rows, axis="F1", limits=(0, 1), is_share=True, width=width)

    written = [
        t for t in elements(drawn, "text") if re.fullmatch(r"\d+ %", t.text) and t.get("text-anchor") == "middle"
    ]
    spans = [(float(t.get("x")), load_font(12).getlength(t.text)) for t in written]
    ends = [(x - wide / 2, x + wide / 2) for x, wide in spans]
    assert written[-1].text == "100 %"
    assert all(before[1] < after[0] for before, after in pairwise(ends))


def test_ends_are_written_where_there_is_room():
    rows = [IntervalRow("a", 0.8, 0.5, 1.0)]

    assert "0.800 [0.500, 1.000]" in texts(interval_rows(rows, axis="F1", width=640))
    assert "0.800" in texts(interval_rows(rows, axis="F1", width=340))


def test_what_is_undefined_or_unreliable_looks_so():
    rows = [IntervalRow("a", math.nan, math.nan, math.nan), IntervalRow("b", 0.5, 0.1, 0.9, is_reliable=False)]
    drawn = interval_rows(rows, axis="F1")

    assert "undefined" in texts(drawn)
    assert [dot.attrib["fill"] for dot in elements(drawn, "circle")] == ["#ffffff"]
    assert "b: 0.500 [0.100, 0.900], interval unreliable" in tooltips(drawn)


def test_the_axis_ends_where_numbers_end_by_nature():
    """No tick beyond 1 for a share."""
    drawn = interval_rows([IntervalRow("a", 0.999, 0.998, 1.0)], axis="F1", limits=(0, 1))

    assert max(float(t) for t in texts(drawn) if re.fullmatch(r"[\d.]+", t)) <= 1


def test_ends_the_wrong_way_round_are_refused():
    with pytest.raises(Mismatch, match=r"interval of a: ends differs: want low to high, have 0\.9 to 0\.1"):
        interval_rows([IntervalRow("a", 0.5, 0.9, 0.1)], axis="F1")


def test_the_same_numbers_make_the_same_drawing():
    """No clock, no identifier, no random number."""
    assert some_drawings(640) == some_drawings(640)


def test_shares_are_written_in_per_cent():
    """On the rows, on the axis, and to a pointer."""
    rows = [IntervalRow("Forest", 0.661, 0.534, 0.873)]
    drawn = interval_rows(rows, axis="F1", limits=(0.0, 1.0), is_share=True, width=640)

    assert "66.1 % [53.4, 87.3]" in texts(drawn)
    assert "60 %" in texts(drawn)
    assert "Forest: 66.1 % [53.4, 87.3]" in tooltips(drawn)
