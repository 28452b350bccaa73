"""Calibration and thermal noise against a naive loop over pixels and the identities of the three quantities."""

from __future__ import annotations

import numpy as np
import pytest

from swath.core.errors import Unreadable
from swath.formats import safecalibration
from swath.formats.markup import read_xml
from swath.formats.safecalibration import (
    LUTS,
    Block,
    NoiseTable,
    Vectors,
    calibrate,
    judge_noise,
    nesz,
    read_calibration,
    read_noise,
)
from tests.formats.a_grd import SHAPE, calibration_xml, incidence, noise_xml


def calibration(**more):
    return read_calibration(read_xml(calibration_xml("VV", **more).encode(), where="c.xml"), where="c.xml")


def noise(**more):
    return read_noise(read_xml(noise_xml("VV", **more).encode(), where="n.xml"), where="n.xml")


def at(line, pixel):
    return np.array([line]), np.array([pixel])


def naive(vectors: Vectors, line: float, pixel: float) -> float:
    """One number: along range first, then between lines, the nearest beyond the ends."""
    rows = [float(np.interp(pixel, p, v)) for p, v in zip(vectors.pixels, vectors.values, strict=True)]
    return float(np.interp(line, vectors.lines, rows))


@pytest.mark.parametrize("corner", [(0, 0), (55, 70), (100, 140), (-3, -5)])
def test_vectors_are_interpolated_like_a_loop_over_pixels(corner):
    lut = calibration().luts["sigma0"]
    lines, pixels = np.arange(9) + corner[0], np.arange(11) + corner[1]

    want = [[naive(lut, line, pixel) for pixel in pixels] for line in lines]
    np.testing.assert_allclose(lut.at(lines, pixels), want, rtol=1e-12)


def test_one_vector_and_one_number_are_enough():
    lut = Vectors(np.array([7.0]), (np.array([3.0]),), (np.array([2.0]),))

    np.testing.assert_array_equal(lut.at(np.arange(3), np.arange(4)), np.full((3, 4), 2.0))


def test_the_table_enters_squared_and_noise_is_subtracted_before():
    """sigma0 = (DN^2 - eta) / A^2, pixel by pixel; 0 is no data; what lies below the noise stays negative."""
    dn = np.random.default_rng(0).integers(0, 60, (20, 30)).astype(np.uint16)
    table, power = calibration(), noise()
    made = calibrate(dn, table, "sigma0", (50, 70), noise=power)
    lines, pixels = np.arange(20) + 50, np.arange(30) + 70
    eta, a = power.at(lines, pixels), table.luts["sigma0"].at(lines, pixels)

    for i, j in np.argwhere(dn > 0):
        assert made[i, j] == pytest.approx((float(dn[i, j]) ** 2 - eta[i, j]) / a[i, j] ** 2, rel=1e-5, abs=1e-9)
    assert np.isnan(made[dn == 0]).all()
    assert (made[dn > 0] < 0).any()


def in_float64(dn, table, corner, power):
    """The formula on the whole window at once, every number a float64; and the larger of its two terms."""
    lines, pixels = np.arange(dn.shape[0]) + corner[0], np.arange(dn.shape[1]) + corner[1]
    eta = np.zeros(dn.shape) if power is None else power.at(lines, pixels)
    square, a = np.square(dn.astype(float)), table.luts["sigma0"].at(lines, pixels)
    return (square - eta) / a**2, square / a**2, eta / a**2


@pytest.mark.parametrize("strip", [1, 4 * 37 * 7, 2**20])  # bytes: a row at a time, seven, all
@pytest.mark.parametrize("drift", [0.0, 1e-3])  # A as ESA writes it, the same on every line; and one that changes
@pytest.mark.parametrize("corner", [(0, 0), (40, 60), (95, 130), (-3, -5)])
@pytest.mark.parametrize("form", ["new", "old", "stripmap", "single", "none"])
def test_strips_are_the_float64_formula_to_the_rounding_of_float32(monkeypatch, strip, drift, corner, form):
    """u = 2^-24: DN^2 above 4096^2 takes u, eta 4 u, and the difference, 1 / A^2 and the product u each."""
    monkeypatch.setattr(safecalibration, "_STRIP", strip)
    draw = np.random.default_rng(7)
    dn = np.concatenate([draw.integers(0, 60, (15, 37)), draw.integers(0, 65536, (14, 37))]).astype(np.uint16)
    table, power = calibration(drift=drift), None if form == "none" else noise(form=form)

    made = calibrate(dn, table, "sigma0", corner, noise=power)

    want, signal, floor = in_float64(dn, table, corner, power)
    assert (abs(made - want) <= 2.0**-24 * (4 * signal + 7 * floor))[dn > 0].all()
    assert np.isnan(made[dn == 0]).all()


def test_strips_take_the_nearest_block_where_none_covers():
    """Blocks that overlap, and leave pixels and lines between and beyond them to the nearest."""
    vectors = noise(form="stripmap").range
    blocks = (
        Block((0, 50), (0, 70), np.array([0.0, 50.0]), np.array([1.0, 1.5])),
        Block((5, 20), (60, 100), np.array([9.0]), np.array([2.0])),
        Block((60, 90), (90, 150), np.array([60.0]), np.array([3.0])),
    )
    power, dn = NoiseTable(vectors, blocks), np.full((119, 159), 50, np.uint16)

    made = calibrate(dn, calibration(), "sigma0", (0, 0), noise=power)

    want, signal, floor = in_float64(dn, calibration(), (0, 0), power)
    assert (abs(made - want) <= 2.0**-24 * (4 * signal + 7 * floor)).all()
    for (i, j), factor in {(10, 65): 1.1, (10, 80): 2.0, (70, 120): 3.0, (118, 158): 3.0, (58, 100): 3.0}.items():
        eta = (900 + min(i, 100)) * factor
        a = calibration().luts["sigma0"].at(*at(i, j))[0, 0]
        assert made[i, j] == pytest.approx((2500 - eta) / a**2, rel=1e-5)


def test_power_is_written_where_it_is_asked_for():
    held = np.zeros((2, 8, 9), np.float32)

    made = calibrate(np.full((8, 9), 100, np.uint16), calibration(), "sigma0", (0, 0), out=held[1])

    assert made.base is held
    assert (held[1] > 0).all()
    assert not held[0].any()


def test_the_three_quantities_differ_by_the_angle_of_incidence():
    """A_beta^2 / A_sigma^2 = sin, A_gamma^2 / A_sigma^2 = cos: so gamma0 = sigma0 / cos and beta0 = sigma0 / sin."""
    dn = np.full((1, SHAPE[1]), 200, np.uint16)
    made = {quantity: calibrate(dn, calibration(), quantity, (0, 0))[0] for quantity in LUTS}
    at = [0, 40, 80, 120, SHAPE[1] - 1]  # where the tables have numbers
    theta = incidence(np.array(at, float))

    np.testing.assert_allclose(made["gamma0_ellipsoid"][at], made["sigma0"][at] / np.cos(theta), rtol=1e-5)
    np.testing.assert_allclose(made["beta0"][at], made["sigma0"][at] / np.sin(theta), rtol=1e-5)


def test_noise_blocks_hold_for_their_pixels_and_the_nearest_beyond():
    """The builder: factor 1.0 to 1.1 for pixels 0..79, 1.5 to 1.6 from 80 on; power 900 + line."""
    power = noise()
    made = power.at(np.array([0, 50, 119, 125]), np.array([0, 79, 80, 159, 170]))

    for i, line in enumerate((0, 50, 119, 125)):
        part = min(line, 119) / 119
        range_power = 900 + min(line, 100)
        near, far = range_power * (1.0 + 0.1 * part), range_power * (1.5 + 0.1 * part)
        np.testing.assert_allclose(made[i], [near, near, far, far, far], rtol=1e-6)


@pytest.mark.parametrize(("form", "factor"), [("old", 1.0), ("stripmap", 1.0), ("single", 1.5)])
def test_every_generation_of_noise_is_read(form, factor):
    """One list until IPF 2.90; range and azimuth since; an empty list of blocks; a block of a single number."""
    made = noise(form=form).at(np.array([0, 100]), np.array([100]))

    np.testing.assert_allclose(made[:, 0], [900 * factor, 1000 * factor])


@pytest.mark.parametrize(
    ("scale", "removed", "is_noisy", "said"),
    [
        (1.0, False, True, "equivalent to sigma0 of -25"),
        (1.0, True, False, "the provider has subtracted it"),
        (0.0, False, False, "its table is zero everywhere"),
        (30.0, False, False, "its table cannot be: equivalent to sigma0 of -1"),
        (1e-12, False, False, "its table is in another unit: equivalent to sigma0 of -14"),
    ],
)
def test_noise_that_no_radar_has_is_not_subtracted(scale, removed, is_noisy, said):
    """Sanity of `science` 2.2: more than -15 dB, or nothing at all; IPF 2.36 wrote it in another unit."""
    held = noise()
    vectors = Vectors(held.range.lines, held.range.pixels, tuple(values * scale for values in held.range.values))
    made = judge_noise(calibration(), NoiseTable(vectors, held.azimuth), SHAPE, is_removed=removed)

    assert made[0] is is_noisy
    assert said in made[1]


def test_a_product_without_a_table_of_noise_says_so():
    assert judge_noise(calibration(), None, SHAPE, is_removed=False) == (False, "the product has no table of noise")


def test_nesz_is_the_noise_as_sigma0():
    table, power = calibration(), noise(form="stripmap")
    at = np.array([0]), np.array([0])

    assert nesz(table, power, *at)[0, 0] == pytest.approx(10 * np.log10(900 / table.luts["sigma0"].at(*at)[0, 0] ** 2))


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("<betaNought>", "<betaNothing>", "is no whole XML"),
        ("<line>60</line>", "<line>0</line>", "two vectors of sigmaNought stand on one line"),
        ("<pixel>0 40 80", "<pixel>0 80 40", "which must rise"),
        ("<pixel>0 40 80", "<pixel>0 40", "has 5 numbers at 4 pixels"),
        ("474 ", "nan ", "holds what is no power"),
        ("474 ", "0 ", "calibration tables hold zero"),
    ],
)
def test_tables_that_cannot_be_are_refused(old, new, said):
    xml = calibration_xml("VV")
    assert old in xml
    with pytest.raises(Unreadable) as raised:
        read_calibration(read_xml(xml.replace(old, new).encode(), where="c.xml"), where="c.xml")

    assert said in str(raised.value)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("noiseRangeVector>", "noVector>", "vectors of noiseRangeLut: want some, have 0"),
        ("<line>0 119</line>", "<line>0</line>", "noiseAzimuthLut has 2 numbers at 1 lines"),
        ("<firstRangeSample>0</firstRangeSample>", "", "does not say firstRangeSample"),
    ],
)
def test_noise_that_cannot_be_read_is_refused(old, new, said):
    xml = noise_xml("VV").replace(old, new)
    with pytest.raises(Unreadable) as raised:
        read_noise(read_xml(xml.encode(), where="n.xml"), where="n.xml")

    assert said in str(raised.value)
