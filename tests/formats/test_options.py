"""Options: text from a command line and values from Python mean the same; what cannot be read is told."""

from __future__ import annotations

import numpy as np
import pytest

from swath.core.errors import Refused, Unknown
from swath.formats.options import as_date, as_names, as_number, as_numbers, as_size, one_of, only_known


@pytest.mark.parametrize(
    ("read", "text", "value"),
    [
        (as_names, "B04, B03", ("B04", "B03")),
        (as_number, "10", 10),
        (as_numbers, "0,-1000", (0, -1000)),
        (as_size, "64x32", (64, 32)),
        (as_date, "2022-06-12", np.datetime64("2022-06-12")),
    ],
)
def test_text_and_values_mean_the_same(read, text, value):
    assert read("x", text) == read("x", value)


def test_a_moment_with_a_zone_becomes_utc():
    """ISO 8601: 12:10 at +02:00 is 10:10 in UTC."""
    assert as_date("date", "2022-06-12T12:10:00+02:00") == np.datetime64("2022-06-12T10:10:00")


@pytest.mark.parametrize(
    ("read", "value", "sentence"),
    [
        (as_names, "B04,,B02", "option x: cannot be read from 'B04,,B02': want names separated by commas."),
        (as_names, 4, "option x: cannot be read from 4: want names separated by commas."),
        (as_number, "ten", "option x: cannot be read from 'ten': want a number."),
        (as_numbers, "0;1", "option x: cannot be read from '0;1': want a number."),
        (as_size, "0", "option x: cannot be read from '0': want pixels, as 64 or 120,60 (down, across)."),
        (as_size, "1,2,3", "option x: cannot be read from '1,2,3': want pixels, as 64 or 120,60 (down, across)."),
        (as_size, None, "option x: cannot be read from None: want pixels, as 64 or 120,60 (down, across)."),
        (as_date, "12.6.2022", "option x: cannot be read from '12.6.2022': want a date as 2022-06-12 or "),
    ],
)
def test_what_cannot_be_read_is_told(read, value, sentence):
    with pytest.raises(Refused) as raised:
        read("x", value)

    assert str(raised.value).startswith(sentence)


def test_an_unknown_option_is_refused_with_the_nearest():
    with pytest.raises(Unknown) as raised:
        only_known({"bandz": "B04"}, {"bands": "names", "kind": "what"}, where="format geotiff")

    assert str(raised.value) == "format geotiff: unknown option 'bandz'. Did you mean 'bands'? Known: bands, kind."


def test_none_means_not_given():
    assert only_known({"a": None, "b": 0}, {"a": "", "b": ""}, where="") == {"b": 0}


def test_one_of_names_the_nearest():
    with pytest.raises(Unknown, match="unknown level 'L1c'. Did you mean 'L1C'"):
        one_of("level", "L1c", ["L1C", "L2A"])
