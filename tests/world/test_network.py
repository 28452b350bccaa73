"""Rivers and highways as curves, against another library's geometry and against gravity."""

from __future__ import annotations

import numpy as np
import shapely

from swath.imaging.lattice import Extent, fractal, key
from swath.world.network import RELIEF, distance_to, highways_near, rivers_near

EXTENT = Extent(-500_000, 50_000, 2000, 2000)


def test_distance_to_curves_is_that_of_shapely():
    """Shapely measures to the same straight pieces; widths here are constant along a highway."""
    curves = highways_near(3, 32632, EXTENT, margin=0)
    rng = np.random.default_rng(0)
    rows = (EXTENT.row + 2000 * rng.random(200)).astype(np.float32)
    cols = (EXTENT.col + 2000 * rng.random(200)).astype(np.float32)

    _, axis = distance_to(curves, rows, cols)

    lines = shapely.linestrings(np.stack([curves.start, curves.end], axis=1).astype(float))
    nearest = shapely.distance(shapely.points(rows, cols)[:, None], lines[None, :])
    gap = nearest - curves.half.mean(axis=1)[None, :]
    expected = np.take_along_axis(nearest, gap.argmin(axis=1)[:, None], axis=1)[:, 0]
    np.testing.assert_allclose(axis, expected, atol=0.1)


def test_an_extent_sees_the_same_rivers_as_a_larger_one():
    """A curve belongs to the node that it leaves, whoever asks."""
    whole = rivers_near(3, 32632, EXTENT, margin=20)
    small = Extent(EXTENT.row + 700, EXTENT.col + 300, 96, 96)

    found = rivers_near(3, 32632, small, margin=20)

    expected = whole.near(small, 36)
    held = {tuple(piece) for piece in np.hstack([found.start, found.end]).tolist()}
    assert held == {tuple(piece) for piece in np.hstack([expected.start, expected.end]).tolist()}


def test_rivers_run_downhill():
    """Water runs down: along 9 pieces of 10 the smooth height field falls, or rises by less than a hundredth."""
    curves = rivers_near(3, 32632, Extent(EXTENT.row, EXTENT.col, 6000, 6000), margin=0)
    coarse, hurst = RELIEF
    nodes = Extent(EXTENT.row // 256 - 4, EXTENT.col // 256 - 4, 36, 36)
    height = fractal(key(3, "land", 32632), nodes, coarse=coarse, fine=8, hurst=hurst)[..., 0]

    def at(points):
        index = np.floor(points / 256).astype(int) - [nodes.row, nodes.col]
        inside = ((index >= 0) & (index < 36)).all(axis=1)
        return np.where(inside, height[tuple(np.clip(index, 0, 35).T)], np.nan)

    fall = at(curves.start) - at(curves.end)

    assert np.nanmean(fall > -0.01) > 0.9
    assert np.nanmean(fall) > 0
