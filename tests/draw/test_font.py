"""Letters: those that names of places need are there, and text that is too long is shortened in its middle."""

from __future__ import annotations

import pytest

from swath.core.errors import Refused
from swath.draw import font
from swath.draw.font import estimated_width, fit, load_font


@pytest.mark.parametrize("letter", "äéñøłşğ°²·µΔ")
def test_letters_beyond_ascii_are_drawn(letter):
    """A letter that a font lacks is drawn as the same box as one from the private area."""
    box = bytes(load_font(20).getmask("\ue123"))

    assert bytes(load_font(20).getmask(letter)) != box


def test_names_that_differ_at_their_end_still_differ():
    """HerbaceousVegetation_1379 and _1380 would both be 'HerbaceousVeg…'."""
    one, other = (fit(f"HerbaceousVegetation_{n}", 100, load_font(12)) for n in (1379, 1380))

    assert one != other
    assert load_font(12).getlength(one) <= 100


def test_no_room_is_no_text():
    """Empty out."""
    assert fit("Forest", 1, load_font(12)) == ""


@pytest.mark.parametrize("text", ["HerbaceousVegetation", "dn offset -1000 (toa reflectance, /10000)", "WWW", "ill"])
def test_the_estimate_is_no_less_than_the_letters_of_dejavu(text):
    """DejaVu is among the widest sans-serif fonts; room for it is room for all."""
    assert estimated_width(text, 12.5) >= 0.95 * load_font(125).getlength(text) / 10


def test_a_missing_font_is_named(monkeypatch):
    """With what to do."""
    monkeypatch.setattr(font.importlib.util, "find_spec", lambda name: None)
    load_font.cache_clear()
    with pytest.raises(Refused) as raised:
        load_font(12)

    load_font.cache_clear()
    assert "the font is not there. Reinstall matplotlib, which ships it." in str(raised.value)
