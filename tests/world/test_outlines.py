"""Outlines: polygons that are the ground they were drawn around."""

from __future__ import annotations

import numpy as np
import pytest
import rasterio.features
import shapely

from swath.core.scene import Window
from swath.world import Planet
from swath.world.landscape import parcels
from swath.world.lattice import BLOCK
from swath.world.outlines import outlines
from swath.world.spectra import code

#: A place of planet 7 with fields, houses, works, woods, a river and a highway.
PLACE = (59.398, 63.534)


@pytest.fixture(scope="module")
def truth():
    return Planet(seed=7).truth_scene(*PLACE, size=(300, 260))


@pytest.fixture(scope="module")
def drawn(truth):
    return outlines(truth)


def test_burnt_again_they_are_the_truth(truth, drawn):
    """rasterio burns the pixels whose centre a polygon holds."""
    pairs = zip(drawn.shapes, drawn.codes.tolist(), strict=True)

    burnt = rasterio.features.rasterize(pairs, (300, 260), fill=255, transform=truth.geobox.transform)

    np.testing.assert_array_equal(burnt, truth.read(Window(0, 0, 300, 260)).data[0, 0])


def test_they_cover_the_scene_and_never_overlap(truth, drawn):
    """Areas add up to that of all pixels, and so does their union."""
    assert shapely.is_valid(drawn.shapes).all()
    assert shapely.area(drawn.shapes).sum() == 300 * 260 * 100
    assert shapely.union_all(drawn.shapes).area == pytest.approx(300 * 260 * 100)


def test_neighbouring_fields_of_one_class_are_polygons_of_their_own(drawn):
    """A typical field is 30 x 15 pixels: far smaller than the district of one class that it lies in."""
    fields = drawn.is_parcel & np.isin(drawn.codes, [code("AnnualCrop"), code("Pasture"), code("PermanentCrop")])
    one, other = shapely.STRtree(drawn.shapes[fields]).query(drawn.shapes[fields], predicate="touches")

    assert (drawn.codes[fields][one] == drawn.codes[fields][other]).sum() > 10
    assert not drawn.is_parcel[np.isin(drawn.codes, [code("River"), code("Highway"), code("SeaLake")])].any()


def test_a_parcel_has_one_number_on_both_sides_of_a_blocks_edge():
    """Of neighbours that are both in parcels, as many share theirs across the edge of two blocks as inside one."""
    truth = Planet(seed=7).truth_scene(*PLACE, size=(300, 260))
    block = truth.extent.row // BLOCK, truth.extent.col // BLOCK
    upper, lower = (parcels(7, truth.epsg, block[0] + k, block[1]) for k in (0, 1))
    inside, across = ((a > 0) & (b > 0) for a, b in ((upper[-2], upper[-1]), (upper[-1], lower[0])))
    same = [float((a == b)[at].mean()) for a, b, at in ((upper[-2], upper[-1], inside), (upper[-1], lower[0], across))]

    assert same[1] == pytest.approx(same[0], abs=0.2)
    assert same[1] > 0.7
