"""Places: UTM everywhere, snapped as Sentinel-2 is, the antimeridian and the poles included."""

from __future__ import annotations

import numpy as np
import pytest
from affine import Affine
from odc.geo.geobox import GeoBox
from pyproj import Geod, Transformer

from swath.core.errors import Refused
from swath.core.geobox import (
    area,
    centre,
    footprint,
    ground_gsd,
    outline,
    sample_geobox,
    snap,
    utm_epsg,
    window_geobox,
)
from swath.core.sphere import distance, nearest_place, within


@pytest.mark.parametrize(
    ("lon", "lat", "epsg"),
    [
        (5.3, 60.4, 32632),
        (15.6, 78.2, 32633),
        (8.99, 75, 32631),
        (9, 75, 32633),
        (179.99, -16.8, 32760),
        (180, 10, 32601),
        (-0.0001, -0.0001, 32730),
        (0, 0, 32631),
        (-153.0, 60.0, 32605),
    ],
)
def test_utm_zone_of_a_point(lon, lat, epsg):
    """science oracle; zone 5 is padded (001-D1)."""
    assert utm_epsg(lon, lat) == epsg


def test_all_zones_of_both_hemispheres_are_reached():
    """A4: EPSG in 32601-32660 and 32701-32760."""
    codes = {utm_epsg(-177 + 6 * zone, lat) for zone in range(60) for lat in (30, -30)}

    assert codes == {*range(32601, 32661), *range(32701, 32761)}


@pytest.mark.parametrize("lat", [84.0, 89.0, -80.1])
def test_poles_are_refused(lat):
    with pytest.raises(Refused, match=r"lies outside UTM \(80 S to 84 N\)"):
        utm_epsg(10, lat)


def test_swapped_coordinates_are_no_place():
    with pytest.raises(Refused, match="is no place on Earth. Give degrees, longitude first"):
        utm_epsg(45.0, 120.0)


@pytest.mark.parametrize("lat", [-79.0, -45.0, -0.01, 0.01, 45.0, 83.0])
def test_corner_lies_on_the_60_m_lattice_of_its_hemisphere(lat):
    """science 3: y mod 60 = 0 north, (10,000,000 - y) mod 60 = 0 (y mod 60 = 40) south; 22 real tiles measured."""
    t = sample_geobox(20.3, lat, size=256).transform

    assert t.c % 60 == 0
    assert t.f % 60 == (40 if lat < 0 else 0)


def test_a_sample_is_2560_m_wide_and_round_its_point():
    """A4: side 2,560 m within 1 mm in the zone, the point within the snap of its centre."""
    box = sample_geobox(11.35, 46.5, size=256)
    left, bottom, right, top = box.extent.boundingbox.bbox
    x, y = Transformer.from_crs(4326, 32632, always_xy=True).transform(11.35, 46.5)

    assert right - left == pytest.approx(2560, abs=1e-3)
    assert top - bottom == pytest.approx(2560, abs=1e-3)
    assert abs((left + right) / 2 - x) <= 30
    assert abs((bottom + top) / 2 - y) <= 30


def test_footprint_across_the_antimeridian_is_split_and_keeps_its_area():
    box = sample_geobox(179.999, -16.8, size=256)

    parts = footprint(box)

    assert parts.geom_type == "MultiPolygon"
    assert sorted(round(p.bounds[0]) for p in parts.geoms) == [-180, 180]
    assert area(box) == pytest.approx(2560**2, rel=3e-3)


@pytest.mark.parametrize("west", [-180.0, -179.5, -1.0, 100.0, 179.4])
def test_an_outline_is_the_same_whichever_turn_its_longitudes_are_told_in(west):
    """370 degrees east is 10 degrees east; to 1e-9 degrees, a tenth of a millimetre."""
    lon, lat = west + np.array([0.0, 0.5, 0.5, 0.2, 0.0]), np.array([50.0, 50.0, 49.0, 48.9, 49.0])

    here, around = (outline(lon + turn, lat, where="a pentagon") for turn in (0.0, 360.0))

    assert here.geom_type == "Polygon"
    assert here.equals_exact(around, 1e-9)
    assert here.exterior.coords[0] == (west, 49.0)


def test_a_grid_round_the_pole_is_refused():
    box = GeoBox((100, 100), Affine(1000, 0, -50_000, 0, -1000, 50_000), "EPSG:3413")

    with pytest.raises(Refused, match="lies round a pole, so it has no outline in degrees"):
        footprint(box)


def test_a_grid_round_the_globe_keeps_its_width():
    box = GeoBox((90, 360), Affine(1, 0, -180, 0, -1, 45), "EPSG:4326")

    assert footprint(box).bounds == (-180, -45, 180, 45)


def test_centre_is_in_range_at_the_antimeridian():
    lon, lat = centre(sample_geobox(180.0, 10.0, size=64))

    assert -180 <= lon < -179.99 or lon > 179.99
    assert lat == pytest.approx(10.0, abs=0.001)


def test_degrees_have_a_ground_size_of_their_own():
    """SEN12MS-CR-TS Italy: 8.983e-5 degrees are 10.0 m north-south and 7.4 m east-west at 42 N."""
    box = GeoBox((128, 128), Affine(8.983e-5, 0, 12.71, 0, -8.983e-5, 42.08), "EPSG:4326")

    x, y = ground_gsd(box)

    assert x == pytest.approx(7.43, abs=0.03)
    assert y == pytest.approx(9.98, abs=0.03)


def test_web_mercator_metres_are_no_ground_metres():
    """002-D2: 30 m of EPSG:3857 are 15 m on the ground at 60 degrees."""
    x, y = Transformer.from_crs(4326, 3857, always_xy=True).transform(20.0, 60.0)
    box = GeoBox((10, 10), Affine(30, 0, x, 0, -30, y), "EPSG:3857")

    assert ground_gsd(box) == pytest.approx((15.0, 15.0), rel=0.01)


def test_a_window_keeps_the_lattice():
    box = sample_geobox(11.35, 46.5, size=256)

    part = window_geobox(box, 10, -5, 20, 30)

    assert part.shape.yx == (20, 30)
    assert (part.transform.c, part.transform.f) == (box.transform.c - 50, box.transform.f - 100)


def test_snap_takes_the_nearest_point():
    assert snap(500029.0, 30.0, 32632) == (500040.0, 60.0)
    assert snap(500031.0, 10_000_000.0 - 29.0, 32732) == (500040.0, 10_000_000.0)


def test_sphere_agrees_with_the_geodesic_to_6_per_mille():
    rng = np.random.default_rng(0)
    lon1, lon2 = rng.uniform(-180, 180, (2, 200))
    lat1, lat2 = rng.uniform(-80, 80, (2, 200))
    geodesic = Geod(ellps="WGS84").inv(lon1, lat1, lon2, lat2)[2]

    np.testing.assert_allclose(distance(lon1, lat1, lon2, lat2), geodesic, rtol=0.006)


def test_nearest_place_crosses_the_antimeridian():
    index, metres = nearest_place(np.array([179.99]), np.array([0.0]), np.array([170.0, -179.99]), np.array([0.0, 0.0]))

    assert index.tolist() == [1]
    assert metres[0] == pytest.approx(2224, abs=5)


def test_nobody_is_near_an_empty_set():
    assert within(np.zeros(3), np.zeros(3), np.zeros(0), np.zeros(0), 1e9).tolist() == [False] * 3
