"""The rule that names a window's class."""

from __future__ import annotations

import numpy as np
import pytest

from swath.world.label import window_class
from swath.world.spectra import code


def a_window(of: str, *, strip: str | None = None, rows: slice = slice(0)) -> np.ndarray:
    """A window of one class, with a strip of another."""
    held = np.full((60, 60), code(of), np.uint8)
    if strip:
        held[rows] = code(strip)
    return held


def test_a_window_mostly_of_one_class_has_that_class():
    """Areal classes need 80 % of the window."""
    assert window_class(a_window("Forest", strip="Pasture", rows=slice(0, 12)))[0] == code("Forest")


def test_a_window_of_two_halves_has_no_class():
    """Neither reaches 80 %."""
    found, why = window_class(a_window("Forest", strip="Pasture", rows=slice(0, 30)))

    assert found is None
    assert why == "no class: Forest covers 50 %"


@pytest.mark.parametrize(("line", "wide"), [("Highway", 2), ("River", 12)])
def test_a_line_through_the_middle_names_the_window(line, wide):
    """EuroSAT: Highway and River mean "contains a"."""
    assert window_class(a_window("Forest", strip=line, rows=slice(30, 30 + wide)))[0] == code(line)


@pytest.mark.parametrize(("line", "wide"), [("Highway", 2), ("River", 12)])
def test_a_line_along_the_edge_does_not(line, wide):
    """What counts must cross the middle third."""
    assert window_class(a_window("Forest", strip=line, rows=slice(0, wide)))[0] == code("Forest")


def test_a_river_wins_over_a_highway():
    """A bridge is in a picture of a river."""
    window = a_window("Pasture", strip="River", rows=slice(24, 38))
    window[:, 28:32] = code("Highway")

    assert window_class(window)[0] == code("River")
