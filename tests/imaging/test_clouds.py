"""Clouds: the blend to the bit, coverage, bands, masks, and agreement of extents."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from swath.core.bands import S2_BANDS
from swath.core.errors import Mismatch, Refused, Unknown
from swath.imaging.clouds import CLOUDS, cloud, draw_clouds, overcast
from swath.imaging.lattice import Extent, key
from swath.imaging.optics import CIRRUS, LOW_CLOUD
from swath.imaging.shadows import Sun, darken

EXTENT = Extent(-1000, 400, 160, 200)
SUN = Sun(45.0, 150.0)
GROUND = np.random.default_rng(1).uniform(0.01, 0.4, (3, 4, 160, 200)).astype(np.float32)
BANDS = ("B02", "B04", "B09", "B10")


def drawn(kind="cumulus", *, extent=EXTENT, bands=BANDS, sun=SUN, stream=9, coverage_of="extent", **changed):
    options = replace(CLOUDS[kind], **changed)
    return draw_clouds(options, extent, bands=bands, stream=stream, sun=sun, coverage_of=coverage_of)


@pytest.mark.parametrize("kind", CLOUDS)
def test_an_image_is_alpha_of_cloud_and_the_rest_of_darkened_ground(kind):
    """C5, science.md 7: image = (1 - a) * clean + a * cloud to 1e-6, in double precision from the record alone."""
    cover = drawn(kind)

    image = overcast(GROUND[0], cover)

    lit = darken(GROUND[0], cover.shade, bands=BANDS).astype(float)
    alpha, white = cover.alpha.astype(float), cover.cloud.astype(float)
    np.testing.assert_allclose(image, (1 - alpha) * lit + alpha * white, atol=1e-6)


def test_without_a_sun_there_is_no_shade():
    cover = drawn(sun=None)

    assert not cover.shade.any()
    alpha = cover.alpha.astype(float)
    np.testing.assert_allclose(
        overcast(GROUND[0], cover), (1 - alpha) * GROUND[0] + alpha * cover.cloud.astype(float), atol=1e-6
    )


@pytest.mark.parametrize("changed", [{"chance": 0.0}, {"coverage": 0.0}])
def test_no_clouds_leave_the_ground_to_the_bit(changed):
    """C5: p = 0 -> bit-equal clean."""
    found = cloud(GROUND, replace(CLOUDS["cumulus"], **changed), bands=BANDS, extent=EXTENT, seed=0, sun=SUN)

    np.testing.assert_array_equal(found.data, GROUND)
    assert not any(cover.thin.any() or cover.shade.any() for cover in found.covers)


def test_the_sky_between_clouds_is_clear_to_the_bit():
    cover = drawn(coverage=0.2)
    is_clear = (cover.thickness == 0) & (cover.shade == 0)

    assert is_clear.mean() > 0.2
    np.testing.assert_array_equal(overcast(GROUND[0], cover)[:, is_clear], GROUND[0][:, is_clear])


@pytest.mark.parametrize("kind", CLOUDS)
@pytest.mark.parametrize("coverage", [0.0, 0.05, 0.5, 0.93, 1.0])
def test_the_coverage_asked_for_is_had(kind, coverage):
    """Share of pixels with alpha at 550 nm above 0.1: to two pixels of 32,000."""
    assert drawn(kind, coverage=coverage).thin.sum() == pytest.approx(coverage * 160 * 200, abs=2)


def test_coverage_of_the_lattice_is_had_in_the_mean():
    """One extent 100 times the size of the largest systems: to 0.03."""
    found = drawn(
        extent=Extent(0, 0, 700, 700), size=160, coverage=0.3, coverage_of="lattice", bands=("B04",), sun=None
    )

    assert found.thin.mean() == pytest.approx(0.3, abs=0.03)


def test_more_coverage_adds_cloud_and_takes_none_away():
    """C5: cover grows monotonically."""
    covers = [drawn(coverage=share).thickness for share in (0.1, 0.3, 0.6, 0.9)]

    assert all((more >= less).all() for less, more in pairwise(covers))


@pytest.mark.parametrize("kind", CLOUDS)
def test_extents_agree_to_the_bit_where_they_overlap_shadows_too(kind):
    """science.md 7: two extents agree bit for bit where they overlap."""
    whole = drawn(kind, coverage=0.6, coverage_of="lattice", extent=Extent(50, -70, 300, 310))
    for row, col, height, width in np.random.default_rng(2).integers(1, 140, (6, 4)):
        part = drawn(kind, coverage=0.6, coverage_of="lattice", extent=Extent(50 + row, -70 + col, height, width))
        inside = slice(row, row + height), slice(col, col + width)
        for name in ("thickness", "top", "shade"):
            np.testing.assert_array_equal(getattr(part, name), getattr(whole, name)[inside])


def test_a_seed_gives_the_same_bytes_and_dates_their_own_clouds():
    """C5: seed -> same bytes; a date has its clouds whatever other dates there are."""
    options = CLOUDS["cumulus"]
    one = cloud(GROUND, options, bands=BANDS, extent=EXTENT, seed=0, dates=(17000, 17005, 17010), sun=SUN)
    other = cloud(GROUND[1:2], options, bands=BANDS, extent=EXTENT, seed=0, dates=(17005,), sun=SUN)

    assert one.data[1:2].tobytes() == other.data.tobytes()
    assert (one.covers[0].thickness != one.covers[1].thickness).any()
    seeded = cloud(GROUND[1:2], options, bands=BANDS, extent=EXTENT, seed=1, dates=(17005,), sun=SUN)
    assert (seeded.covers[0].thickness != other.covers[0].thickness).any()


def test_any_number_of_workers_draws_the_same():
    """science.md 7: bit for bit at any worker count: eight pieces by one thread, by three, and the whole."""
    whole = Extent(0, 0, 160, 200)
    pieces = [Extent(row, col, 80, 50) for row in (0, 80) for col in range(0, 200, 50)]

    def draw(extent):
        return drawn(extent=extent, coverage=0.5, coverage_of="lattice").alpha

    alone = draw(whole)
    with ThreadPoolExecutor(3) as pool:
        many = list(pool.map(draw, pieces))
    for extent, one, other in zip(pieces, map(draw, pieces), many, strict=True):
        assert one.tobytes() == other.tobytes()
        np.testing.assert_array_equal(one, alone[:, extent.row : extent.row + 80, extent.col : extent.col + 50])


def test_half_of_the_dates_have_clouds_at_chance_one_half():
    """003's cloud_probability: 200 dates, four standard errors of 3.5 %."""
    ground = np.zeros((200, 1, 8, 8), np.float32)

    found = cloud(ground, replace(CLOUDS["cirrus"], chance=0.5), bands=("B04",), extent=Extent(0, 0, 8, 8), seed=3)

    assert np.mean([cover.thin.any() for cover in found.covers]) == pytest.approx(0.5, abs=0.14)


def test_thick_low_cloud_looks_like_the_real_one():
    """science.md 7, the brightest pixels of a real low cloud: ours, where the top is highest."""
    cover = drawn("stratus", coverage=1.0, thickness=50, contrast=8, bands=S2_BANDS, sun=None)

    highest = np.unravel_index(cover.top.argmax(), cover.top.shape)
    brightest = overcast(np.full((13, 160, 200), 0.1), cover)[:, *highest]

    np.testing.assert_allclose(brightest, [LOW_CLOUD[band] for band in S2_BANDS], rtol=0.05)


def test_low_cloud_is_dark_in_b09_and_absent_in_b10_where_cirrus_shows():
    """science.md 7: low cloud is dark in B9 and absent in B10; cirrus has B10 .01 to .05; clear land .0008 to .006."""
    clear = np.array([0.12, 0.08, 0.06, 0.001])[:, None, None] * np.ones((4, 160, 200))
    low, high = (overcast(clear, drawn(kind, coverage=0.9)) for kind in ("stratus", "cirrus"))

    assert low[3].max() < 0.0021
    assert low[2].max() < 0.13
    assert low[0].max() > 0.4
    veiled = high[3][drawn("cirrus", coverage=0.9).thin]
    assert np.quantile(veiled, 0.02) > 0.01
    assert np.quantile(veiled, 0.98) < 0.055


def test_a_veil_is_thin_and_lets_the_ground_through():
    cover = drawn("cirrus", coverage=1.0)

    assert cover.alpha.max() < 1 - np.exp(-0.3) + 1e-6
    assert not cover.thick.any()


def test_thickness_follows_its_law_of_wavelength():
    """tau_b = tau_550 (l / 550)^e; at 492.7 and 664.6 nm (S2A)."""
    cover = drawn(exponent=-1.3, bands=("B02", "B04"))

    thick = -np.log1p(-cover.alpha.astype(float))
    is_cloud = (cover.thickness > 0.01) & (cover.thickness < 3)
    np.testing.assert_allclose(thick[0][is_cloud] / thick[1][is_cloud], (492.7 / 664.6) ** -1.3, rtol=1e-3)


def test_masks_are_alpha_above_their_thresholds():
    """science.md 7: mask == (alpha > t), a_550 > 0.1 thin, > 0.5 thick."""
    cover = drawn()

    alpha = 1 - np.exp(-cover.thickness.astype(float))
    for mask, threshold in ((cover.thin, 0.1), (cover.thick, 0.5)):
        differs = mask != (alpha > threshold)
        assert np.abs(alpha[differs] - threshold).max(initial=0) < 1e-6
    assert not (cover.shadow & cover.thin).any()
    assert (cover.shade[cover.shadow] > 0.3).all()


def test_cirrus_stays_bright_where_low_cloud_is_dark():
    assert CIRRUS["B10"] >= 100 * LOW_CLOUD["B10"]


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"coverage": -0.1}, "clouds coverage: is a number from 0 to 1, have -0.1"),
        ({"coverage": 1.1}, "clouds coverage: is a number from 0 to 1, have 1.1"),
        ({"thickness": 0.05}, "clouds thickness: is a number from 0.111 to 100, have 0.05"),
        ({"size": -5}, "clouds size: is a number from 20 to 1e[+]06, have -5"),
        ({"contrast": 0}, "clouds contrast: is a number from 0.1 to 10, have 0"),
        ({"hurst": 2}, "clouds hurst: is a number from 0 to 1, have 2"),
        ({"height": -1}, "clouds height: is a number from 0 to 20000, have -1"),
        ({"exponent": 9}, "clouds exponent: is a number from -4 to 4, have 9"),
        ({"relief": 1}, "clouds relief: is a number from 0 to 0.5, have 1"),
        ({"chance": 2}, "clouds chance: is a number from 0 to 1, have 2"),
        ({"coverage": float("nan")}, "clouds coverage: .*have nan"),
    ],
)
def test_numbers_that_cannot_be_are_refused_with_key_value_and_range(changed, said):
    with pytest.raises(Refused, match=said):
        replace(CLOUDS["cumulus"], **changed)


def test_unknown_names_are_refused_with_the_nearest():
    with pytest.raises(Unknown, match="Did you mean 'cirrus'"):
        replace(CLOUDS["cumulus"], spectrum="cirus")
    with pytest.raises(Unknown, match="band of known wavelength 'b1'"):
        drawn(bands=("b1",))


def test_arrays_of_another_shape_are_refused_naming_both():
    options = CLOUDS["cumulus"]

    with pytest.raises(Mismatch, match="clouds: size differs: want 160 x 200 .extent., have 160 x 199"):
        cloud(GROUND[..., :-1], options, bands=BANDS, extent=EXTENT, seed=0)
    with pytest.raises(Mismatch, match="count of bands differs: want 2 .B02, B04., have 4"):
        cloud(GROUND, options, bands=BANDS[:2], extent=EXTENT, seed=0)
    with pytest.raises(Mismatch, match="count of dates differs: want 1, have 3"):
        cloud(GROUND, options, bands=BANDS, extent=EXTENT, seed=0, dates=(1,))
    with pytest.raises(Mismatch, match=r"want \(t, b, h, w\), have \(4, 160, 200\)"):
        cloud(GROUND[0], options, bands=BANDS, extent=EXTENT, seed=0)


def test_streams_of_kinds_are_their_own():
    """Cirrus over cumulus: two calls, two fields that have nothing to do with one another."""
    low = cloud(GROUND, CLOUDS["cumulus"], bands=BANDS, extent=EXTENT, seed=0).covers[0].thickness
    high = cloud(GROUND, CLOUDS["cirrus"], bands=BANDS, extent=EXTENT, seed=0).covers[0].thickness

    assert key(0, "clouds low", 0) != key(0, "clouds cirrus", 0)
    assert (np.sign(low) != np.sign(high)).any()
