"""Places by control points: exact at the points, linear between them, and how far terrain may be off."""

from __future__ import annotations

import numpy as np
import pytest

from swath.core.errors import Unreadable
from swath.core.scene import Window
from swath.formats.markup import read_xml
from swath.formats.safepoints import read_points
from tests.formats.a_grd import LAT, LON, SHAPE, annotation_xml, points


def grid(old: str = "", new: str = ""):
    xml = annotation_xml("VV")
    assert old in xml
    return read_points(read_xml(xml.replace(old, new).encode(), where="a.xml"), where="a.xml")


def test_places_are_those_of_the_points_and_linear_between():
    made = grid()

    for line, pixel, lon, lat, _, _ in points():
        assert made.place(line, pixel) == pytest.approx((lon, lat), abs=1e-12)
    assert made.place(30, 40) == pytest.approx((LON + 40 * 1.3e-4, LAT - 30 * 9e-5), abs=1e-12)


def test_the_footprint_of_a_window_follows_the_points():
    made = grid().footprint(Window(10, 20, 30, 40), where="x")

    assert made.bounds == pytest.approx((LON + 20 * 1.3e-4, LAT - 40 * 9e-5, LON + 60 * 1.3e-4, LAT - 10 * 9e-5))


def test_displacement_is_the_spread_of_heights_over_the_tangent_of_the_incidence():
    """The builder's hill of 500 m stands at the last point, in a cell seen at 38.05 to 46 degrees; 100 m elsewhere."""
    made = grid()

    assert made.displacement(Window(0, 0, 10, 10)) == 0.0
    theta = np.deg2rad(30 + 16 * 80 / 159)
    assert made.displacement(Window(100, 100, 10, 10)) == pytest.approx(400 / np.tan(theta))
    # science 2.6: 100 m of height error are 170, 123 and 97 m at 30.5, 39 and 46 degrees.
    assert [round(100 / np.tan(np.deg2rad(t))) for t in (30.5, 39, 46)] == [170, 123, 97]


def test_longitudes_run_on_across_the_antimeridian():
    made = grid()
    shift = 180 - LON - 80 * 1.3e-4
    moved = type(made)(made.lines, made.pixels, made.longitude + shift, made.latitude, made.height, made.incidence)

    assert moved.place(0, 79)[0] == pytest.approx(180 - 1.3e-4)
    assert moved.place(0, 81)[0] == pytest.approx(-180 + 1.3e-4)
    assert moved.footprint(Window(0, 70, 20, 20), where="x").geom_type == "MultiPolygon"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("<line>60</line><pixel>80</pixel>", "<line>61</line><pixel>80</pixel>", "9 points on 4 lines and 3 pixels"),
        ("<latitude>46.0<", "<latitude>146.0<", "holds a point that lies nowhere on Earth"),
        ("<incidenceAngle>46.0<", "<incidenceAngle>0<", "or is not seen"),
        ("<height>500.0</height>", "", "does not say height"),
        ("geolocationGridPoint>", "nothing>", "points of the geolocation grid: want 4 or more, have 0"),
    ],
)
def test_points_that_cannot_be_are_refused(old, new, said):
    with pytest.raises(Unreadable) as raised:
        grid(old, new)

    assert said in str(raised.value)
    assert SHAPE == (120, 160)
