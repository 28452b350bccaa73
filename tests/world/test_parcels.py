"""Fields in rows: every point lies in one parcel, and parcels do not depend on who asks."""

from __future__ import annotations

import numpy as np

from swath.world.parcels import cut

V, U = (a.ravel().astype(np.float32) for a in np.meshgrid(np.arange(-60, 60), np.arange(-60, 60), indexing="ij"))


def test_a_point_has_its_parcel_whatever_other_points_are_asked_for():
    """A parcel's stream is its name: the same for a part of the points as for all."""
    every = cut(U, V, 17, length=20.0, width=9.0)
    some = np.random.default_rng(0).choice(len(U), 500, replace=False)

    part = cut(U[some], V[some], 17, length=20.0, width=9.0)

    np.testing.assert_array_equal(part.stream[part.index], every.stream[every.index][some])


def test_parcels_are_connected_and_of_about_the_size_asked_for():
    """Areas vary by a factor of two or three around length x width; each parcel is one piece of its row."""
    parcels = cut(U, V, 17, length=20.0, width=9.0)

    sizes = np.unique(parcels.index, return_counts=True)[1]

    assert 90 < np.median(sizes) < 360
    grid = parcels.index.reshape(120, 120)
    for row in grid:
        changes = np.flatnonzero(np.diff(row)) + 1
        pieces = np.concatenate([[row[0]], row[changes]])
        assert len(np.unique(pieces)) == len(pieces)


def test_distance_to_the_side_is_zero_at_the_rows_border_and_half_its_width_at_most():
    """Side distances are measured across the rows: neighbours in another row are a pixel apart."""
    parcels = cut(U, V, 17, length=20.0, width=9.0)

    side = parcels.side.reshape(120, 120)

    assert side.min() >= 0
    assert side.max() < 9.0 * 1.64 / 2 + 0.01
    assert np.abs(np.diff(side, axis=0)).max() <= 1.001
