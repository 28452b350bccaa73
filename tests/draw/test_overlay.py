"""Overlay: parts drawn to the same area, whatever their numbers and edges."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import numpy as np
import pytest

from swath.core.errors import Mismatch
from swath.draw import PARTS, Counted, overlay

SVG = "{http://www.w3.org/2000/svg}"
EDGES = np.linspace(0, 1, 41)


def shapes(drawing):
    """Ink -> corners of the shape drawn with it, (k, 2)."""
    held = {}
    for path in ElementTree.fromstring(drawing).iter(f"{SVG}path"):
        ink = path.get("fill") if path.get("fill") != "none" else path.get("stroke")
        corners = re.findall(r"[ML](-?[\d.]+) (-?[\d.]+)", path.get("d"))
        if len(corners) > 10:
            held[ink] = np.array(corners, float)
    return held


def area(corners):
    x, y = corners.T
    return abs(np.sum(x[:-1] * y[1:] - x[1:] * y[:-1]) + x[-1] * y[0] - x[0] * y[-1]) / 2


def a_part(name, mean, n, edges=EDGES):
    numbers = np.random.default_rng(0).normal(mean, 0.08, n).clip(0.01, 0.99)
    return Counted(name, edges, np.histogram(numbers, edges)[0])


def test_parts_of_different_size_have_the_same_area():
    """A thousand numbers beside a hundred thousand; corners are rounded to a tenth of a pixel."""
    drawn = shapes(overlay([a_part("train", 0.5, 100_000), a_part("test", 0.4, 1000)], axis="toa"))

    assert set(drawn) == {PARTS["train"], PARTS["test"]}
    assert area(drawn[PARTS["train"]]) == pytest.approx(area(drawn[PARTS["test"]]), rel=0.02)


def test_a_shift_is_seen():
    """The middle of the shape moves with the mean."""
    drawn = shapes(overlay([a_part("train", 0.6, 50_000), a_part("test", 0.4, 50_000)], axis="toa"))
    peaks = [held[held[:, 1].argmin(), 0] for held in (drawn[PARTS["train"]], drawn[PARTS["test"]])]

    assert peaks[0] > peaks[1] + 50


def test_other_edges_give_the_same_shape():
    """Twice as many bins, counted again: the same heights within a bin's noise."""
    fine = np.linspace(0, 1, 81)
    drawn = shapes(overlay([a_part("train", 0.5, 200_000), a_part("test", 0.5, 200_000, fine)], axis="toa"))

    np.testing.assert_allclose(drawn[PARTS["train"]], drawn[PARTS["test"]], atol=0.2)


def test_nothing_valid_is_said():
    assert "no valid numbers" in overlay([Counted("train", EDGES, np.zeros(40))], axis="toa", title="B04")


def test_edges_that_do_not_fit_are_refused():
    with pytest.raises(
        Mismatch, match="histogram of test: edges differs: want one more than counts, have 41 edges for 3"
    ):
        overlay([Counted("test", EDGES, np.ones(3))], axis="toa")
