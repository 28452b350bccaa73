"""Classes: what the values of a column become, and which values are none."""

from __future__ import annotations

import datetime

import numpy as np
import pandas as pd
import pytest

from swath.core.errors import Refused, Unknown
from swath.core.legends import Legend, LegendClass, class_colour, legend
from swath.sources.classes import NO_CLASS, STRANGE, classes_of, code_dtype, with_none


def made(*values, **more):
    return classes_of(np.array(values, object), name="f.crop", where="f.gpkg column crop", **more)


def test_text_becomes_codes_from_1_in_alphabetical_order():
    """Whatever the order of the features: a legend must not depend on it."""
    one, other = made("wheat", "maize", "vines"), made("vines", "wheat", "maize")

    assert one.legend == other.legend
    assert (one.legend.codes, one.legend.names, one.legend.none) == ((1, 2, 3), ("maize", "vines", "wheat"), (0,))
    assert one.legend.colours == (class_colour(0), class_colour(1), class_colour(2))
    assert (one.index.tolist(), other.index.tolist()) == ([2, 0, 1], [1, 2, 0])


@pytest.mark.parametrize("values", [[7, 1201, 7], [7.0, 1201.0, 7.0], [np.int16(7), np.int16(1201), np.int16(7)]])
def test_whole_numbers_stay_the_codes_that_they_are(values):
    """A column of integers with gaps is read as reals by every table reader: 7.0 is still code 7."""
    classes = classes_of(np.array([*values, None], object), name="f.crop", where="f")

    assert (classes.legend.codes, classes.legend.names) == ((7, 1201), ("7", "1201"))
    assert classes.index.tolist() == [0, 1, 0, NO_CLASS]
    assert code_dtype(classes.legend) == "uint16"


def test_truths_are_false_and_true():
    classes = made(True, False, None)

    assert (classes.legend.codes, classes.legend.names) == ((0, 1), ("false", "true"))
    assert classes.index.tolist() == [1, 0, NO_CLASS]


def test_what_is_empty_has_no_class():
    assert made("a", None, "", "  ", float("nan"), pd.NA, "b").index.tolist() == [0, -1, -1, -1, -1, -1, 1]


def test_spaces_around_a_name_are_no_part_of_it():
    assert made("wheat", " wheat").index.tolist() == [0, 0]


def test_a_given_legend_is_looked_up_by_name_and_by_code():
    """Names in any case; codes of absence are no class; what it does not know is told apart from what is empty."""
    assert made("forest", "SeaLake", "moor", None, legend=legend("eurosat")).index.tolist() == [1, 9, STRANGE, -1]
    assert made(5, 0, 77, legend=legend("scl")).index.tolist() == [4, NO_CLASS, STRANGE]


def test_a_legend_that_knows_none_of_the_values_is_refused():
    with pytest.raises(Unknown, match="f.gpkg column crop: unknown class of legend eurosat 'Forrest'.*mean 'Forest'"):
        made("Forrest", "Forrests", legend=legend("eurosat"))


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ((1.5, 2.5), "holds 1.5, and a class is text or a whole number"),
        ((datetime.date(2020, 1, 1),), "holds datetime.date.*and a class is text or a whole number"),
        ((None, ""), "is empty in every feature. Name the column that holds the class"),
        (("Wheat", "wheat"), "holds 'Wheat' and 'wheat', which differ in upper and lower case only"),
        (tuple(f"field {k}" for k in range(256)), "holds 256 different values, too many for classes"),
        (tuple(range(300)), "holds 300 different values, too many for classes"),
    ],
)
def test_values_that_are_no_classes_are_refused(values, sentence):
    with pytest.raises(Refused, match=f"f.gpkg column crop: {sentence}"):
        made(*values)


def test_a_class_map_has_a_code_that_is_no_class():
    assert with_none(legend("eurosat")).none == (255,)
    assert with_none(legend("scl")) == legend("scl")
    assert made(255, 0).legend.none == (65535,)


def test_codes_choose_the_smallest_dtype():
    def of(*codes):
        return code_dtype(Legend("a", tuple(LegendClass(c, str(c), "000000") for c in codes), none=(0,)))

    assert (of(1, 255), of(256), of(-1, 5), of(-1, 40_000)) == ("uint8", "uint16", "int16", "int32")
    with pytest.raises(Refused, match="legend a: has codes beyond 32 bits: have 0 to 5000000000"):
        of(5_000_000_000)


def test_names_that_all_stand_in_a_known_legend_keep_its_colours():
    """A map with Forest in blue misleads whoever knows EuroSAT; one strange name, and none is borrowed."""
    known, strange = made("River", "Forest").legend, made("River", "Forest", "Vineyard").legend

    assert dict(zip(known.names, known.colours, strict=True)) == {"Forest": "1b6e2c", "River": "4aa3d8"}
    assert strange.colours == (class_colour(0), class_colour(1), class_colour(2))
