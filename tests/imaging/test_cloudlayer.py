"""The cloud layer of 003: its blend, its parameters, its seed."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from swath.core.errors import Refused
from swath.imaging.cloudlayer import CloudLayer, lay_clouds
from swath.imaging.lattice import Extent

EXTENT = Extent(0, 0, 128, 169)
SCENE = np.random.default_rng(0).uniform(-0.5, 1.5, (3, 3, 128, 169)).astype(np.float32)


def laid(**changed):
    return lay_clouds(SCENE, CloudLayer(**changed), extent=EXTENT, seed=7)


def test_an_image_is_alpha_of_grey_and_the_rest_of_the_scene():
    """C5: image = (1 - a) * clean + a * cloud to 1e-6; the same alpha in all bands (003.3)."""
    found = laid()

    alpha, grey = found.alpha.astype(float)[:, None], found.grey.astype(float)[:, None]
    np.testing.assert_allclose(found.data, (1 - alpha) * SCENE + alpha * grey, atol=1e-6)


def test_no_chance_of_clouds_leaves_the_scene_to_the_bit():
    """C5: p = 0 -> bit-equal clean."""
    np.testing.assert_array_equal(laid(probability=0).data, SCENE)


def test_cover_grows_with_density_everywhere():
    """C5: cover grows monotonically with density."""
    alphas = [laid(density=density).alpha for density in (0, 0.3, 1, 2)]

    assert all((more >= less).all() for less, more in pairwise(alphas))
    assert alphas[0].max() == 0


def test_sparsity_makes_thin_cloud_thinner():
    """alpha = (1.5 n)^sparsity * density: below 1 a power shrinks, above it is cut."""
    thin = laid(sparsity=1).alpha
    sparse = laid(sparsity=2).alpha

    np.testing.assert_allclose(sparse[thin < 1], thin[thin < 1] ** 2, rtol=1e-4)
    assert (thin.min(axis=(1, 2)) == 0).all()  # the mask is stretched to 0 .. 1 in each scene
    assert (thin == 1).any()


def test_a_seed_gives_the_same_bytes_and_zero_is_a_seed():
    """003-D7: seed 0 was ignored, clouds differed run to run."""
    one, two = (lay_clouds(SCENE, CloudLayer(), extent=EXTENT, seed=0).data.tobytes() for _ in range(2))

    assert one == two
    assert one != lay_clouds(SCENE, CloudLayer(), extent=EXTENT, seed=1).data.tobytes()


def test_a_coarser_sampling_scale_has_no_fine_detail():
    """`sampling_scale`: the mask has detail at so many pixels a side only; differences of neighbours shrink."""

    def detail(scale: int) -> float:
        return float(np.abs(np.diff(laid(scale=scale, sparsity=1, density=0.5).alpha, axis=2)).mean())

    assert detail(16) < 0.7 * detail(169)


def test_clouds_are_near_white():
    """intensity_mean 250 of 255, detail of a fifth of it, cut at white."""
    grey = laid().grey

    assert 0.9 < grey.mean() < 1
    assert grey.min() > 0.7
    assert grey.max() <= 1


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"scale": 0}, "sampling_scale: is 2 pixels or more, have 0"),
        ({"density": -1}, "cloud_density: is a number from 0 to 100, have -1"),
        ({"sparsity": 0}, "cloud_sparsity: is a number from 0.01 to 100, have 0"),
        ({"probability": 1.5}, "cloud_probability: is a number from 0 to 1, have 1.5"),
    ],
)
def test_numbers_that_cannot_be_are_refused_by_003s_own_keys(changed, said):
    with pytest.raises(Refused, match=said):
        CloudLayer(**changed)
