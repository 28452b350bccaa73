"""Locator maps: no place is lost, none is misplaced, wherever on Earth it is."""

from __future__ import annotations

import csv
import gzip
import os
import re
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from swath.core.errors import Mismatch
from swath.draw.colours import PARTS
from swath.draw.locator import MOST_POINTS, extent, locator

SVG = "{http://www.w3.org/2000/svg}"


def circles(drawing: str, ink: str | None = None) -> list[tuple[float, float, float]]:
    """(x, y, radius) of filled discs or points, of one colour or of all."""
    found = []
    for group in ElementTree.fromstring(drawing).iter(f"{SVG}g"):
        if group.attrib.get("fill") and ink in (None, group.attrib["fill"]):
            found += [tuple(float(c.attrib[k]) for k in ("cx", "cy", "r")) for c in group.findall(f"{SVG}circle")]
    return found


def dots(drawing: str) -> int:
    """Points drawn as one path a kind."""
    return sum(len(re.findall(r"h0", path)) for path in re.findall(r'd="([^"]*)"', drawing))


def texts(drawing: str) -> list[str]:
    return [text.text or "" for text in ElementTree.fromstring(drawing).iter(f"{SVG}text")]


places = st.lists(st.tuples(st.floats(-180, 180), st.floats(-85, 85)), min_size=1, max_size=20)


@given(places)
def test_every_place_lies_on_the_map(found):
    """Poles, antimeridian and single points included."""
    lon, lat = np.array(found).T

    shown = extent(lon, lat, width=600)

    x, y = shown.xy(lon, lat)
    inside = (x > -1e-6) & (x < 600 + 1e-6) & (y > -1e-6) & (y < shown.height + 1e-6)
    assert inside.all()
    assert 0 < shown.span <= 360
    assert 0 < shown.rise <= 180
    assert 0.35 <= shown.height / shown.width <= 1.0


def test_a_map_across_the_antimeridian_is_narrow():
    """Fiji lies on both sides of 180 degrees; the mean of the longitudes would be Africa."""
    shown = extent(np.array([178.0, -179.0]), np.array([-17.0, -18.0]), width=600)

    assert shown.span < 10


def test_a_degree_is_as_long_east_as_north_at_the_middle():
    """At 60 degrees a degree of longitude is half a degree of latitude (cosine)."""
    shown = extent(np.array([10.0, 12.0]), np.array([59.0, 61.0]), width=600)

    assert (shown.width / shown.span) / (shown.height / shown.rise) == pytest.approx(0.5, rel=0.02)


def test_each_place_is_a_point_that_tells_its_name():
    """Tooltips by SVG's title."""
    drawn = locator(np.array([10.0, 11.0]), np.array([45.0, 46.0]), labels=["one <1>", "two"])

    assert len(circles(drawn)) == 2
    assert "one &lt;1&gt;" in drawn


def test_kinds_have_their_colours_and_counts():
    """Test on top of train."""
    drawn = locator(
        np.array([10.0, 11.0, 12.0]),
        np.array([45.0, 46.0, 45.0]),
        kinds=["test", "train", "train"],
        colours=PARTS,
        labels=["a", "b", "c"],
    )

    assert (len(circles(drawn, PARTS["train"])), len(circles(drawn, PARTS["test"]))) == (2, 1)
    assert {"train 2", "test 1"} <= set(texts(drawn))
    assert drawn.index(f'fill="{PARTS["train"]}"') < drawn.index(f'fill="{PARTS["test"]}"')


def test_a_thousand_places_are_all_drawn():
    """As dots of one path."""
    rng = np.random.default_rng(0)

    drawn = locator(rng.uniform(-170, 170, 1000), rng.uniform(-60, 70, 1000))

    assert dots(drawn) == 1000


def test_crowded_places_become_discs_that_count_them():
    """Of 400 places at two towns 300 are at one: its disc has three times the area."""
    rng = np.random.default_rng(0)
    lon = np.where(np.arange(400) < 300, 5.0, 15.0) + rng.normal(0, 1e-4, 400)

    drawn = locator(lon, np.full(400, 50.0))

    (_, _, small), (_, _, large) = sorted(circles(drawn), key=lambda c: c[2])
    assert (large / small) ** 2 == pytest.approx(3, rel=0.05)
    assert any("300 in the largest" in text for text in texts(drawn))


def test_the_ring_of_a_part_has_the_area_of_its_share():
    """A quarter of one town is test: the inner disc has a quarter of the area."""
    part = ["test" if i % 4 == 0 else "train" for i in range(400)]

    drawn = locator(np.full(400, 5.0), np.full(400, 50.0), kinds=part, colours=PARTS)

    (outer,), (inner,) = circles(drawn, PARTS["train"]), circles(drawn, PARTS["test"])
    assert (inner[2] / outer[2]) ** 2 == pytest.approx(0.25, rel=0.05)


def test_a_block_of_test_is_never_drawn_into_a_block_of_train():
    """Two towns 2 km apart on both sides of a cell's edge keep a disc each."""
    lon = np.repeat([4.99, 5.01], 40)
    part = ["train"] * 40 + ["test"] * 40
    far = np.append(lon, [0.0, 12.0])

    drawn = locator(far, np.full(82, 50.5), kinds=[*part, "train", "train"], colours=PARTS, cell=1.0)

    assert len(circles(drawn, PARTS["train"])) == 3
    assert len(circles(drawn, PARTS["test"])) == 1


def test_cells_take_the_colour_of_their_part_and_grey_where_parts_meet():
    """Three cells: train, test, both."""
    drawn = locator(
        np.array([0.5, 5.5, 9.2, 9.8]),
        np.array([0.5, 0.5, 0.5, 0.5]),
        kinds=["train", "test", "train", "test"],
        colours=PARTS,
        cell=1.0,
    )

    inks = re.findall(r'<rect [^>]*fill="(#[0-9a-f]{6})"/>', drawn.split('fill-opacity="0.22"')[1].split("</g>")[0])
    assert sorted(inks) == sorted([PARTS["train"], PARTS["test"], "#8a949b"])


def test_places_that_nobody_knows_are_counted():
    """A hole is impossible to miss."""
    drawn = locator(np.array([10.0, np.nan, 11.0]), np.array([45.0, 45.0, np.nan]))

    assert "2 samples without a known place." in texts(drawn)


def test_no_known_place_is_a_sentence():
    """Empty in, a sentence out."""
    assert "No map: 1 sample without a known place" in texts(locator(np.array([np.nan]), np.array([np.nan])))


def test_a_scale_bar_is_as_long_as_it_says():
    """A degree of latitude is 111.2 km on the sphere of core.sphere; the bar is horizontal at the middle latitude."""
    drawn = locator(np.array([10.0, 20.0]), np.array([-2.0, 2.0]), width=900)
    shown = extent(np.array([10.0, 20.0]), np.array([-2.0, 2.0]), width=900 - 62, tallest=0.7)
    (text,) = [t for t in texts(drawn) if t.endswith(" km")]

    left, right = re.search(r'd="M([\d.]+) [\d.]+v4H([\d.]+)v-4"', drawn).groups()  # type: ignore[union-attr]

    km = (float(right) - float(left)) / shown.width * shown.span * 111.195
    assert km == pytest.approx(float(text.removesuffix(" km").replace(",", "")), rel=0.02)


def test_a_world_map_needs_no_inset_and_no_scale():
    """It says where it is by itself, and has no one scale."""
    drawn = locator(np.array([-150.0, 0.0, 150.0]), np.array([0.0, 50.0, -30.0]))

    assert drawn.count("<svg") == 2  # the drawing and the map in it
    assert not [t for t in texts(drawn) if t.endswith(" km")]


def test_a_virtual_planet_has_no_coast_of_ours():
    """Land beneath invented places would be a lie."""
    lon, lat = np.array([0.0, 20.0]), np.array([40.0, 55.0])

    assert "evenodd" in locator(lon, lat)
    assert "evenodd" not in locator(lon, lat, is_on_earth=False)


def test_a_kind_without_a_colour_is_refused():
    """Both sides are named."""
    with pytest.raises(Mismatch) as raised:
        locator(np.array([1.0]), np.array([1.0]), kinds=["tset"], colours={"test": "#000000"})

    assert str(raised.value) == "locator map: kinds differs: want test, have tset."


def test_lengths_that_differ_are_refused():
    """All of them are named."""
    with pytest.raises(Mismatch) as raised:
        locator(np.zeros(3), np.zeros(2))

    assert "locator map: lengths differs: want all alike, have 3 lon, 2 lat" in str(raised.value)


@pytest.mark.parametrize("width", [350, 640, 1024])
def test_letters_are_never_smaller_than_11_pixels(width):
    """Drawings are shown at their own size."""
    drawn = locator(np.array([10.0, 20.0]), np.array([-2.0, 2.0]), width=width)

    assert min(float(size) for size in re.findall(r'font-size="([\d.]+)"', drawn)) >= 11


@pytest.mark.realdata
def test_27000_real_places_stay_small_and_whole():
    """data/README: 27,000 EuroSAT places, 27.97..65.24 N, 20.99 W..33.53 E."""
    table = Path(os.environ["SWATH_REAL_DATA"]) / "eurosat-rgb" / "positions.csv.gz"
    with gzip.open(table, "rt") as lines:
        rows = list(csv.DictReader(lines))
    lon, lat = (np.array([float(row[key]) for row in rows]) for key in ("lon", "lat"))

    drawn = locator(lon, lat)

    counted = [int(n.replace(",", "")) for n in re.findall(r"<title>([\d,]+)</title>", drawn)]
    assert len(lon) == sum(counted) == 27_000 > MOST_POINTS
    assert len(drawn) < 150_000
    shown = extent(lon, lat, width=900)
    assert (shown.west, shown.south) < (-20.99, 27.97)
    assert (shown.west + shown.span, shown.south + shown.rise) > (33.53, 65.24)
