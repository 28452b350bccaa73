"""Quantities: one table of conversions, and a sentence for everything that is not in it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from swath.core.errors import Mismatch, Refused, Unknown
from swath.core.quantity import (
    BOA,
    GAMMA0_ELLIPSOID,
    GAMMA0_RTC,
    GAMMA0_RTC_DB,
    SIGMA0,
    SIGMA0_DB,
    TOA,
    Quantity,
    class_of,
    convert,
    dn,
    rgb8,
    value,
)


def one(number: float, dtype: str = "uint16") -> np.ndarray:
    return np.full((1, 1, 1), number, dtype)


@pytest.mark.parametrize(("number", "want"), [(1452, 0.0452), (900, -0.0100), (1000, 0.0)])
def test_dn_with_offset_1000_is_reflectance(number, want):
    """science oracle: DN 1452, offset -1000 -> 0.0452; DN 900 -> -0.0100 (kept)."""
    np.testing.assert_allclose(convert(one(number), dn("boa", offset=-1000), BOA), want, atol=1e-8)


def test_uint16_does_not_underflow():
    """Trap 3: DN - 1000 in unsigned arithmetic would be 6.5."""
    assert convert(one(10), dn("toa", offset=-1000), TOA).item() == pytest.approx(-0.099)


@pytest.mark.parametrize("offset", [0, -1000])
def test_every_dn_survives_the_way_to_reflectance_and_back(offset):
    """science 7: identity for every integer 1..32767 and either baseline."""
    every = np.arange(1, 32768, dtype=np.uint16).reshape(1, 1, -1)
    quantity = dn("toa", offset=offset)

    again = convert(convert(every, quantity, TOA), TOA, quantity)

    np.testing.assert_array_equal(again, every)


def test_offsets_differ_by_band():
    """An XML lists one offset a band; odd ones are obeyed."""
    raw = np.array([7000, 7000], np.uint16).reshape(2, 1, 1)

    np.testing.assert_allclose(convert(raw, dn("boa", offset=[-7000, -1000]), BOA).ravel(), [0.0, 0.6], atol=1e-7)


def test_older_series_is_shifted_up_without_loss():
    """Contract 3: older baselines go up to the newest offset; nodata and saturation stay."""
    raw = np.array([0, 1, 500, 65535], np.uint16).reshape(1, 1, 4)

    moved = convert(raw, dn("toa", offset=0), dn("toa", offset=-1000))

    np.testing.assert_array_equal(moved.ravel(), [0, 1001, 1500, 65535])


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (np.full((1, 1, 1), 1.7, np.float32), "want integers from 0 up, have float32"),
        (np.full((1, 1, 1), -1000, np.int16), "have int16 down to -1000"),
        (np.full((1, 1, 1), 32000, np.int16), r"want int16 \(up to 32767\), have 33000"),
        (np.full((1, 1, 1), 200, np.uint8), r"want uint8 \(up to 255\), have 1200"),
    ],
)
def test_shifting_what_would_wrap_is_refused(data, sentence):
    with pytest.raises(Mismatch, match=sentence):
        convert(data, dn("toa", offset=0), dn("toa", offset=-1000))


def test_an_offset_that_is_no_number_is_refused():
    with pytest.raises(Refused, match="offset must be a number"):
        dn("toa", offset=float("nan"))


def test_shifting_down_is_refused():
    with pytest.raises(Refused, match="Negative reflectances would be cut off"):
        convert(one(900), dn("toa", offset=-1000), dn("toa", offset=0))


def test_toa_to_boa_is_never_a_conversion():
    with pytest.raises(Mismatch, match="quantity differs: want boa reflectance, have toa reflectance"):
        convert(one(0.1, "float32"), TOA, BOA)


def test_dn_of_toa_is_no_boa():
    with pytest.raises(Mismatch, match=r"want boa reflectance, have dn offset 0 \(toa reflectance, /10000\)"):
        convert(one(100), dn("toa", offset=0), BOA)


def test_an_unknown_offset_refuses_reflectance():
    with pytest.raises(Refused, match="reflectance would be a guess. Declare it"):
        convert(one(100), dn("toa", offset=None), TOA)


@pytest.mark.parametrize(("linear", "db"), [(1.0, 0.0), (0.017094, -17.672), (0.00781285, -21.072), (0.188626, -7.244)])
def test_sigma0_in_decibels(linear, db):
    """science oracle: sigma0 of S1A_IW_GRDH_1SDV_20210809T173953, linear and dB."""
    assert convert(one(linear, "float32"), SIGMA0, SIGMA0_DB).item() == pytest.approx(db, abs=1e-3)
    assert convert(one(db, "float32"), SIGMA0_DB, SIGMA0).item() == pytest.approx(linear, rel=2e-4)


def test_negative_power_is_floored_at_minus_50_db():
    """science 2.3: dB = 10 log10(max(x, 1e-5))."""
    assert convert(one(-0.001, "float32"), SIGMA0, SIGMA0_DB).item() == pytest.approx(-50.0)


def test_sigma0_to_ellipsoidal_gamma0_divides_by_the_cosine():
    """science 2.5."""
    angle = np.full((1, 1), 60.0)

    gamma = convert(one(0.1, "float32"), SIGMA0, GAMMA0_ELLIPSOID, incidence=angle)

    assert gamma.item() == pytest.approx(0.2, rel=1e-6)
    assert convert(gamma, GAMMA0_ELLIPSOID, SIGMA0, incidence=angle).item() == pytest.approx(0.1, rel=1e-6)


def test_gamma0_without_an_angle_is_refused():
    with pytest.raises(Refused, match="differ by the cosine of the incidence angle"):
        convert(one(0.1, "float32"), SIGMA0, GAMMA0_ELLIPSOID)


@pytest.mark.parametrize(
    ("have", "want"),
    [(SIGMA0, GAMMA0_RTC), (SIGMA0_DB, GAMMA0_RTC_DB), (class_of("scl"), TOA), (TOA, rgb8("eurosat-2750"))],
)
def test_what_is_not_in_the_table_names_both_sides(have, want):
    with pytest.raises(Mismatch) as raised:
        convert(one(1, "float32"), have, want)

    assert f"want {want}, have {have}" in str(raised.value)


@pytest.mark.parametrize(
    "quantity",
    [
        TOA,
        dn("boa", offset=[-1000.0, -999.0]),
        dn(None, offset=None),
        rgb8("x"),
        class_of("scl"),
        value("K"),
        SIGMA0_DB,
    ],
)
def test_quantities_travel_as_json(quantity):
    again = Quantity.from_json(quantity.to_json())

    assert again == quantity
    assert hash(again) == hash(quantity)


def test_an_unknown_kind_names_the_nearest():
    with pytest.raises(Unknown, match="unknown quantity 'sigma'. Did you mean 'sigma0'"):
        Quantity("sigma")


def test_a_class_without_legend_is_refused():
    with pytest.raises(Refused, match="quantity class: has no legend"):
        Quantity("class")


def test_selecting_bands_selects_their_offsets():
    assert dn("toa", offset=[-1.0, -2.0, -3.0]).select([2, 0]).offset == (-3.0, -1.0)


@given(st.integers(1, 30000), st.sampled_from([0, -1000]))
def test_reflectance_is_exact_to_a_tenth_of_a_dn(number, offset):
    got = convert(one(number), dn("toa", offset=offset), TOA).item()

    assert abs(got - (number + offset) / 10000) < 1e-5 / 10 + 1e-7
