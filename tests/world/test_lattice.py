"""Where the nodes of a zone's lattice lie."""

from __future__ import annotations

import pytest

from swath.core.geobox import sample_geobox
from swath.imaging.lattice import Extent
from swath.world.lattice import geobox_of, lonlat_of, pixel_at, pixel_of


@pytest.mark.parametrize(("lon", "lat"), [(11.35, 46.5), (-58.4, -34.6), (174.8, -41.3), (179.99, 10.0)])
def test_lattice_pixels_are_those_of_sample_grids_in_both_hemispheres(lon, lat):
    """Sentinel-2 grids start at multiples of 60 m from (0, 0) in the north and from (0, 10,000,000) in the south."""
    box = sample_geobox(lon, lat, size=64)
    epsg = box.crs.epsg

    row, col = pixel_of(box.transform.c, box.transform.f, epsg)

    assert row % 6 == 0
    assert col % 6 == 0
    assert geobox_of(Extent(row, col, 64, 64), epsg) == box


def test_a_place_comes_back_from_its_pixel():
    """Half a pixel of 10 m is 5 m, 4.5e-5 degrees of latitude."""
    row, col = pixel_at(32632, 11.35, 46.5)

    assert lonlat_of(32632, row, col) == pytest.approx((11.35, 46.5), abs=1e-4)
