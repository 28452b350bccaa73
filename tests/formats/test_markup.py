"""XML of foreigners: within bounds, without entities, and each thing that is missing told by name."""

from __future__ import annotations

import numpy as np
import pytest

from swath.core.errors import Unreadable
from swath.formats import markup
from swath.formats.markup import moment, number, numbers, read_xml, table, text


@pytest.mark.parametrize(
    ("blob", "said"),
    [
        (b"<a><b>", "a.xml: is no whole XML (no element found: line 1, column 6). Fetch the product again."),
        (b"", "a.xml: is no whole XML"),
        (b"\xff\xfe<\x00a\x00/\x00>\x00", "a.xml: is no UTF-8"),
        (
            b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>',
            "declares a document type or entities, which no product's metadata does. Nothing in it was expanded.",
        ),
        (b'<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>', "declares a document type"),
    ],
)
def test_what_is_no_metadata_is_refused(blob, said):
    """Entities are how XML explodes ("billion laughs") and how it reads other files."""
    with pytest.raises(Unreadable) as raised:
        read_xml(blob, where="a.xml")

    assert said in str(raised.value)


def test_an_encoding_that_the_file_declares_is_not_believed():
    """A document type could hide from us in UTF-16 or UTF-7; taken as UTF-8 it is no XML or harmless."""
    assert read_xml(b'<?xml version="1.0" encoding="utf-16"?><a/>', where="a.xml").tag == "a"
    with pytest.raises(Unreadable, match="no UTF-8"):
        read_xml('<?xml version="1.0" encoding="utf-16"?><!DOCTYPE a><a/>'.encode("utf-16"), where="a.xml")


def test_too_many_bytes_are_not_parsed(monkeypatch):
    monkeypatch.setattr(markup, "MOST_BYTES", 10)
    with pytest.raises(Unreadable, match=r"a.xml: has more than 10 bytes\."):
        read_xml(b"<a>" + b" " * 20 + b"</a>", where="a.xml")


def test_text_and_numbers_are_told_by_path_where_they_are_missing():
    tree = read_xml(b"<a><b> 1.5 </b><c/><d>x</d><e>inf</e></a>", where="a.xml")

    assert (text(tree, "b", where="a.xml"), number(tree, ".//b", where="a.xml")) == ("1.5", 1.5)
    with pytest.raises(Unreadable, match="^a.xml: does not say c. Fetch"):
        text(tree, ".//c", where="a.xml")
    with pytest.raises(Unreadable, match="d holds no numbers"):
        number(tree, "d", where="a.xml")
    with pytest.raises(Unreadable, match="e: numbers: want 1 finite, have inf"):
        number(tree, "e", where="a.xml")


def test_tables_have_rows_of_one_length_and_may_have_holes():
    tree = read_xml(b"<a><r>1 NaN</r><r>3 4</r><s>1</s><s>1 2</s></a>", where="a.xml")

    np.testing.assert_array_equal(table(tree, "r", where="a.xml"), [[1, np.nan], [3, 4]])
    with pytest.raises(Unreadable, match="s is no table of rows of one length"):
        table(tree, "s", where="a.xml")
    with pytest.raises(Unreadable, match="t is no table"):
        table(tree, "t", where="a.xml")
    assert numbers("", "x", where="a.xml").size == 0


def test_moments_are_utc_whatever_their_zone():
    """ISO 8601: 01:30+02:00 is 23:30 UTC of the day before."""
    assert moment("2022-06-12T01:30:00+02:00", "T", where="a.xml") == np.datetime64("2022-06-11T23:30:00", "us")
    assert moment("2021-08-09T17:39:53.153776", "T", where="a.xml") == np.datetime64("2021-08-09T17:39:53.153776", "us")
    with pytest.raises(Unreadable, match="T is no moment"):
        moment("yesterday", "T", where="a.xml")
