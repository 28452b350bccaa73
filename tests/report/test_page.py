"""The skeleton of pages: what is escaped, what is not, and what is there in the package."""

from __future__ import annotations

import re
from importlib.resources import files

import jinja2
import pytest

from swath.draw.svg import document, words
from swath.report.page import Drawing, breakable, data_uri, drawing, render


def test_text_is_escaped_and_drawings_are_not():
    """jinja2's autoescape, and one type that says it is markup already."""
    page = render("page.html", title="<i>", kind="a", version="1")

    assert "<title>&lt;i&gt;</title>" in page
    assert Drawing("<svg/>").__html__() == "<svg/>"


def test_a_name_that_a_template_needs_cannot_be_forgotten():
    """StrictUndefined: a hole in a report is an error, not an empty string."""
    with pytest.raises(jinja2.UndefinedError):
        render("page.html", title="a")


def test_a_drawing_comes_in_three_widths():
    """Wide, middling, narrow: the page shows the one that fits."""
    drawn = drawing(lambda width: document(width, 10, words(0, 9, "x"), label="x")).markup

    assert re.findall(r'<div class="(\w+)"><svg [^>]*width="(\d+)"', drawn) == [
        ("wide", "1024"),
        ("middle", "640"),
        ("narrow", "340"),
    ]


def test_every_colour_that_the_style_names_is_defined():
    """A custom property without a value would be black on white by luck."""
    page = render("page.html", title="a", kind="b", version="1")

    used = set(re.findall(r"var\(--(\w+)\)", page))
    assert used <= set(re.findall(r"--(\w+): #[0-9a-f]{6};", page))


def test_the_style_asks_for_nothing():
    """No import, no font, no picture from elsewhere."""
    style = files("swath.report").joinpath("page.css").read_text()

    assert "url(" not in style
    assert "@import" not in style
    assert "@font-face" not in style


@pytest.mark.parametrize(
    ("text", "markup"),
    [("a_b", "a_<wbr>b"), ("a.tif", "a.<wbr>tif"), ("<_>", "&lt;_<wbr>&gt;"), ("end_", "end_")],
)
def test_identifiers_break_where_people_would_break_them(text, markup):
    """After the joint, before the next word; escaped first."""
    assert breakable(text).markup == markup


def test_bytes_stand_in_the_page():
    """RFC 2397; `abc` in base 64 is YWJj (RFC 4648)."""
    assert data_uri(b"abc") == "data:image/png;base64,YWJj"
