"""Plots: what they count, what they leave out, and how they say it."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import numpy as np
import pytest

from swath.core.errors import Mismatch
from swath.draw.plots import bars, distances, histogram

SVG = "{http://www.w3.org/2000/svg}"


def rects(drawing: str) -> list[dict[str, float]]:
    """Bars with their place and size."""
    found = ElementTree.fromstring(drawing).iter(f"{SVG}rect")
    return [{key: float(rect.attrib[key]) for key in ("x", "y", "width", "height")} for rect in found]


def texts(drawing: str) -> list[str]:
    return [text.text or "" for text in ElementTree.fromstring(drawing).iter(f"{SVG}text")]


def tooltips(drawing: str) -> list[str]:
    return [title.text or "" for title in ElementTree.fromstring(drawing).iter(f"{SVG}title")]


def test_bars_are_as_high_as_their_counts():
    """1 : 2 : 4 of equal width."""
    heights = [rect["height"] for rect in rects(histogram(np.arange(4.0), np.array([10, 20, 40]), axis="a"))]

    np.testing.assert_allclose(np.array(heights) / heights[0], [1, 2, 4], rtol=1e-3)


def test_a_bin_twice_as_wide_is_half_as_high():
    """Heights are numbers per unit of the axis, so that areas are counts."""
    drawn = rects(histogram(np.array([0.0, 1.0, 3.0]), np.array([10, 10]), axis="a"))

    assert drawn[1]["height"] == pytest.approx(drawn[0]["height"] / 2, abs=0.02)


def test_many_bins_are_joined_and_nothing_is_lost():
    """numpy's histogram of the same numbers in 64 bins at most; the shares add up to 100 %."""
    numbers = np.random.default_rng(0).integers(0, 4096, 50_000)
    counts, edges = np.histogram(numbers, bins=4096, range=(0, 4096))

    drawn = histogram(edges, counts, axis="dn")

    assert len(rects(drawn)) <= 64
    shares = [float(re.search(r"([\d.]+) %", said).group(1)) for said in tooltips(drawn)]  # type: ignore[union-attr]
    assert sum(shares) == pytest.approx(100, abs=2)


def test_a_far_outlier_does_not_flatten_the_plot():
    """One number in 100,000 at the far end: the plot shows the middle and says so."""
    counts = np.zeros(65536)
    counts[1000:1100] = 1000
    counts[65535] = 1

    drawn = histogram(np.arange(65537.0), counts, axis="dn", title="B04", note="665 nm")

    assert len(rects(drawn)) > 20
    assert "665 nm · middle 99.9 %" in texts(drawn)


def test_numbers_beyond_the_edges_are_told():
    """A tenth lies above the last edge."""
    drawn = histogram(np.arange(3.0), np.array([45, 45]), axis="a", over=10)

    assert "10 % beyond" in texts(drawn)


def test_the_axis_carries_its_quantity():
    """Contract 1: a number never travels alone."""
    drawn = histogram(np.arange(3.0), np.array([1, 1]), axis="dn offset -1000 (toa)")

    assert "dn offset -1000 (toa)" in texts(drawn)


def test_a_band_without_valid_numbers_says_so():
    """Empty in, a sentence out."""
    assert "no valid numbers" in texts(histogram(np.arange(3.0), np.zeros(2), axis="a", title="B10"))


def test_edges_that_are_not_one_more_than_counts_are_refused():
    """Both sides are named."""
    with pytest.raises(Mismatch) as raised:
        histogram(np.arange(3.0), np.ones(3), axis="a", title="B04")

    assert str(raised.value) == (
        "histogram B04: edges differs: want one more than counts, rising, have 3 edges for 3 counts."
    )


def test_a_class_has_its_count_and_share():
    """27,000 EuroSAT samples, 2,000 of them Pasture: 7.4 %."""
    drawn = bars(["Forest", "Pasture"], [25_000, 2_000], colours=["#1b6e2c", "#c7d86b"])

    assert "25,000" in texts(drawn)
    assert "Pasture: 2,000 samples, 7.4 %" in tooltips(drawn)
    widths = [rect["width"] for rect in rects(drawn)]
    assert widths[1] / widths[0] == pytest.approx(2 / 25, rel=0.01)


def test_long_names_leave_room_for_bars():
    """On a phone too."""
    drawn = bars(["a very long name of a class " * 3], [5], width=350)

    assert rects(drawn)[0]["width"] > 150
    assert "…" in texts(drawn)[0]


def test_no_class_at_all_is_a_drawing():
    """Empty in, empty out."""
    assert rects(bars([], [])) == []


def test_names_without_counts_are_refused():
    """All three lengths are named."""
    with pytest.raises(Mismatch) as raised:
        bars(["a"], [1, 2])

    assert str(raised.value) == "bars: lengths differs: want names, counts and colours alike, have 1, 2 and 1."


def test_shares_nearer_than_the_marks_are_written():
    """Of 100, 200, 3,000 and 20,000 m half are nearer than 1 km and three quarters nearer than 5 km."""
    written = texts(distances(np.array([100.0, 200.0, 3_000.0, 20_000.0])))

    assert "50 % nearer than 1 km" in written
    assert "75 % nearer than 5 km" in written


def test_a_distance_of_zero_is_drawn():
    """The same place on both sides is the worst leak; a logarithm must not lose it."""
    assert len(rects(distances(np.array([0.0, 10_000.0])))) == 2


def test_unknown_distances_are_left_out():
    """NaN = the place is unknown."""
    assert "100 % nearer than 1 km" in texts(distances(np.array([10.0, np.nan])))
    assert "no distances known" in texts(distances(np.array([np.nan])))


@pytest.mark.parametrize("width", [320, 350, 640])
def test_letters_are_never_smaller_than_11_pixels(width):
    """Drawings are shown at their own size."""
    drawn = [
        histogram(np.arange(3.0), np.array([1, 2]), axis="a", title="B", note="n", over=1, width=width),
        bars(["a"], [1], width=width),
        distances(np.array([5.0, 5e6]), width=width),
    ]

    sizes = [float(size) for each in drawn for size in re.findall(r'font-size="([\d.]+)"', each)]
    assert min(sizes) >= 11


def test_text_stays_inside_the_drawing():
    """Anchored text, by a generous estimate of its width, ends before the edges."""
    drawn = distances(np.array([1.5, 2e7]), width=350)

    for text in ElementTree.fromstring(drawn).iter(f"{SVG}text"):
        half = 0.5 * 12.5 * 0.56 * len(text.text or "")
        x = float(text.attrib["x"])
        if text.attrib.get("text-anchor") == "middle":
            assert x - half >= -8, text.text
            assert x + half <= 358, text.text


def test_the_same_numbers_make_the_same_drawing():
    """No clock, no identifier, no random number."""
    counts = np.random.default_rng(3).integers(0, 99, 256)

    assert histogram(np.arange(257.0), counts, axis="a") == histogram(np.arange(257.0), counts, axis="a")
