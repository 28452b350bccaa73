"""Land: an outline that is in the right place, cut as another library cuts it."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from swath.draw.land import _cut, _rings, land_within


def is_land(lon: float, lat: float) -> bool:
    """Even-odd over the rings around one point."""
    rings = land_within(lon - 30, max(lat - 30, -90), lon + 30, min(lat + 30, 90))
    return sum(shapely.Polygon(ring).buffer(0).contains(shapely.Point(lon, lat)) for ring in rings) % 2 == 1


@pytest.mark.parametrize(
    ("name", "lon", "lat", "answer"),
    [
        ("Bolzano", 11.35, 46.50, True),
        ("Kansas", -98.0, 38.5, True),
        ("Mali", -4.0, 17.0, True),
        ("Vanua Levu, Fiji", 179.2, -16.6, True),
        ("Chukotka, beyond the antimeridian", -175.0, 66.5, True),
        ("Antarctica", 45.0, -80.0, True),
        ("Gulf of Bothnia", 20.0, 62.0, False),
        ("Caspian Sea", 51.0, 41.5, False),
        ("Mid-Pacific", -150.0, 20.0, False),
        ("North Sea", 3.0, 56.0, False),
    ],
)
def test_land_is_where_atlases_have_it(name, lon, lat, answer):
    """Any atlas."""
    assert is_land(lon, lat) is answer, name


def test_three_tenths_of_the_earth_are_land():
    """149 million of 510 million km2 (CIA World Factbook): 29.2 %, lakes and small islands aside."""
    area = 0.0
    for ring in _rings():
        x, y = np.deg2rad(ring[:, 0]), np.sin(np.deg2rad(ring[:, 1]))  # equal-area cylinder
        area += 0.5 * float(np.sum(x * np.roll(y, -1) - np.roll(x, -1) * y))  # holes turn the other way

    assert 0.28 < abs(area) / (4 * np.pi) < 0.305


@given(st.integers(3, 12), st.floats(-1.0, 1.0), st.integers(0, 1000))
def test_cutting_is_that_of_shapely(corners, bound, seed):
    """A convex ring and a line: areas agree."""
    angles = np.sort(np.random.default_rng(seed).uniform(0, 2 * np.pi, corners))
    ring = np.stack([np.cos(angles), np.sin(angles)], axis=1)

    cut = _cut(ring, 0, 1.0, bound)

    want = shapely.clip_by_rect(shapely.Polygon(ring), bound, -9, 9, 9).area
    have = shapely.Polygon(cut).area if len(cut) > 2 else 0.0
    assert have == pytest.approx(want, abs=1e-9)


def test_thinning_drops_vertices_and_keeps_the_shape():
    """Half a degree of tolerance on Africa: far fewer vertices, nearly the same area."""
    fine = max(land_within(-20, -36, 52, 38), key=len)

    coarse = max(land_within(-20, -36, 52, 38, step=0.5), key=len)

    assert len(coarse) < len(fine) / 2
    assert shapely.Polygon(coarse).buffer(0).area == pytest.approx(shapely.Polygon(fine).buffer(0).area, rel=0.02)
