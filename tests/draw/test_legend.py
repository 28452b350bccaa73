"""Legend strips: every name with its colour, in as many rows as it needs."""

from __future__ import annotations

from xml.etree import ElementTree

import numpy as np

from swath.core.legends import legend
from swath.draw.legend import Key, keys_of, legend_rows, legend_strip, legend_svg


def test_a_legend_gives_its_names_and_colours():
    """science.md section 4: EuroSAT's ten, River 4aa3d8."""
    keys = keys_of(legend("eurosat"))

    assert (len(keys), keys[8]) == (10, Key("River", "#4aa3d8"))


def test_codes_that_mean_no_class_have_no_entry():
    """science.md 1.6: SCL 0 is nodata."""
    assert "nodata" not in {key.name.lower() for key in keys_of(legend("scl"))}


def test_the_strip_shows_every_colour_once():
    """Chips of 11 x 11 pixels at letters of 13."""
    strip = legend_strip([Key("a", "#102030"), Key("b", "#405060")], width=200)

    for colour in ((0x10, 0x20, 0x30), (0x40, 0x50, 0x60)):
        assert (strip == np.array(colour, np.uint8)).all(axis=-1).sum() == 121


def test_a_narrow_strip_has_more_rows():
    """Names flow; none is dropped."""
    keys = keys_of(legend("eurosat"))

    assert legend_strip(keys, width=200).shape[0] > legend_strip(keys, width=900).shape[0]
    assert legend_rows(keys, 200)[1] > legend_rows(keys, 900)[1]


def test_a_name_wider_than_the_strip_is_shortened():
    """Ink stays inside."""
    assert legend_strip([Key("x" * 300, "#102030")], width=120).shape == (22, 120, 3)


def test_the_drawing_is_well_formed_whatever_the_names():
    """XML's own parser reads it, and finds the name."""
    root = ElementTree.fromstring(legend_svg([Key("<b>&\"'", "#102030")]))

    assert [text.text for text in root.iter("{http://www.w3.org/2000/svg}text")] == ["<b>&\"'"]


def test_an_empty_legend_is_an_empty_drawing():
    """Empty in, empty out."""
    assert "<text" not in legend_svg([])
