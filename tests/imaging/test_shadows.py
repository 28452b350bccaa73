"""Shadows: where they fall by hand geometry, and what they leave of the light."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from swath.core.errors import Refused
from swath.imaging.clouds import CLOUDS, draw_clouds
from swath.imaging.lattice import Extent
from swath.imaging.optics import diffuse_share
from swath.imaging.shadows import Sun, darken, displacement, shifted


@pytest.mark.parametrize(
    ("azimuth", "rows", "cols"),
    [
        (180, -100, 0),  # sun in the south: the shadow lies 1,000 m to the north, which is up
        (90, 0, -100),  # sun in the east: to the west, which is left
        (0, 100, 0),
        (270, 0, 100),
        (135, -70.711, -70.711),  # a morning sun in the south-east: to the north-west
    ],
)
def test_a_shadow_falls_away_from_the_sun(azimuth, rows, cols):
    """A cloud 1,000 m high under a sun 45 degrees high: 1,000 m away; rows grow southwards, columns eastwards."""
    found = displacement(1000.0, Sun(45.0, azimuth), gsd=10.0)

    assert found == pytest.approx((rows, cols), abs=1e-3)


def test_a_low_sun_throws_far():
    """tan 70 = 2.747: 1.5 km of height is 4.12 km of ground, 206 pixels of 20 m."""
    assert displacement(1500.0, Sun(70.0, 180.0), gsd=20.0)[0] == pytest.approx(-206.06, abs=0.01)


@pytest.mark.parametrize("azimuth", [60, 150, 300])
def test_the_shade_of_drawn_clouds_is_the_clouds_moved(azimuth):
    """Found as the whole shift at which the two fields differ least, against the geometry above by hand."""
    sun, height = Sun(30.0, azimuth), 450.0
    options = replace(CLOUDS["cumulus"], height=height, coverage=0.4)
    cover = draw_clouds(options, Extent(0, 0, 200, 200), bands=("B04",), stream=4, sun=sun)

    shade = cover.shade[60:140, 60:140]

    def differs(rows: int, cols: int) -> float:
        return float(np.abs(cover.alpha_550[60 - rows : 140 - rows, 60 - cols : 140 - cols] - shade).mean())

    found = min(((r, c) for r in range(-28, 29) for c in range(-28, 29)), key=lambda at: differs(*at))

    along = height * np.tan(np.radians(30)) / 10
    wanted = along * np.cos(np.radians(azimuth)), -along * np.sin(np.radians(azimuth))
    np.testing.assert_allclose(found, wanted, atol=1.0)


def test_clouds_outside_of_the_image_throw_their_shadows_into_it():
    """The shade of an extent is that of the clouds of the extent it comes from, to the bit: 100 rows further south."""
    options = replace(CLOUDS["cumulus"], height=1000.0)
    sun = Sun(np.degrees(np.arctan(1.0)), 180.0)
    seen, above = (
        draw_clouds(options, Extent(row, 0, 90, 80), bands=("B04",), stream=4, sun=sun, coverage_of="lattice")
        for row in (0, 100)
    )

    np.testing.assert_allclose(seen.shade, above.alpha_550, atol=1e-5)


def test_parts_of_a_pixel_are_moved_linearly():
    field = np.arange(20, dtype=np.float32).reshape(4, 5)

    np.testing.assert_allclose(shifted(field, (0.0, 0.0)), field[1:, 1:])
    np.testing.assert_allclose(shifted(field, (0.5, 0.25)), field[1:, 1:] - 2.5 - 0.25)


def test_shade_keeps_between_a_fifth_and_a_half_bluest_most():
    """science.md 7: shadow lowers direct light, rho * (0.2 .. 0.5), bluest least."""
    bands = ("B01", "B02", "B03", "B04", "B08", "B11", "B12")
    dark = darken(np.full((7, 2, 2), 0.3), np.ones((2, 2)), bands=bands)[:, 0, 0] / 0.3

    assert (np.diff(dark) < 0).all()
    assert dark[0] == pytest.approx(0.5, abs=0.001)
    assert dark[-1] == pytest.approx(0.2, abs=0.001)
    np.testing.assert_allclose(dark, diffuse_share(bands), rtol=1e-6)


def test_what_the_air_adds_is_not_darkened():
    path = np.array([0.08, 0.01])[:, None, None]
    image = np.full((2, 2, 2), 0.1)

    dark = darken(image, np.ones((2, 2)), bands=("B02", "B04"), path=path)

    left = diffuse_share(("B02", "B04"))
    np.testing.assert_allclose(dark[:, 0, 0], path[:, 0, 0] + left * (0.1 - path[:, 0, 0]), rtol=1e-6)


def test_half_shade_takes_half_of_what_full_shade_takes_and_none_nothing():
    image = np.random.default_rng(0).random((1, 1, 3)).astype(np.float32)
    shade = np.array([[0.0, 0.5, 1.0]])

    lost = 1 - darken(image, shade, bands=("B04",))[0, 0] / image[0, 0]

    assert lost[0] == 0
    assert lost[1] == pytest.approx(lost[2] / 2, rel=1e-5)


@pytest.mark.parametrize(
    ("zenith", "azimuth", "said"),
    [
        (90, 0, "sun zenith: is an angle from 0 to 85 degrees, have 90"),
        (-1, 0, "sun zenith: .*have -1"),
        (30, 400, "sun azimuth: is an angle from -180 to 360 degrees, have 400"),
    ],
)
def test_suns_that_cannot_be_are_refused(zenith, azimuth, said):
    with pytest.raises(Refused, match=said):
        Sun(zenith, azimuth)
