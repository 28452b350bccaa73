"""Stacks: numbers that say what they are, and refuse to be taken for something else."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from swath.core.errors import Mismatch, Refused
from swath.core.exchange import from_xarray, to_xarray
from swath.core.geobox import sample_geobox
from swath.core.origin import Origin
from swath.core.quantity import BOA, SIGMA0_DB, TOA, Quantity, dn
from swath.core.stack import (
    NO_TIME,
    Stack,
    join_dates,
    require,
    require_times,
    same,
    select_bands,
    to_physical,
    treat_as,
)


def a_stack(
    numbers: object = 1000,
    *,
    quantity: Quantity | None = None,
    bands: tuple[str, ...] = ("B04", "B03"),
    date: str = "2022-08-12",
    valid: np.ndarray | None = None,
    size: int = 4,
) -> Stack:
    data = np.broadcast_to(np.asarray(numbers, np.uint16), (1, len(bands), size, size)).copy()
    return Stack(
        data=data,
        bands=bands,
        times=np.array([date], "datetime64[us]"),
        quantity=quantity or dn("toa", offset=-1000),
        geobox=sample_geobox(11.35, 46.5, size=size),
        gsd=(10.0, 10.0),
        valid=valid,
        origin=Origin(items=("T32TPS",), level="L1C"),
    )


def test_nodata_is_masked_before_the_offset():
    """science 1.2: DN 0 -> invalid, not -0.1; DN 900 with offset -1000 -> -0.01, kept."""
    made = to_physical(a_stack(np.array([0, 65535, 900, 1452]).reshape(1, 1, 1, 4)))

    assert made.quantity == TOA
    np.testing.assert_array_equal(made.valid[0, 0, 0], [False, False, True, True])
    np.testing.assert_allclose(made.data[0, 0, 0], [np.nan, np.nan, -0.01, 0.0452], atol=1e-7)


def test_what_is_invalid_already_stays_so():
    mask = np.ones((1, 1, 4, 4), bool)
    mask[..., 0] = False

    made = to_physical(a_stack(2000, valid=mask))

    assert np.isnan(made.data[..., 0]).all()
    np.testing.assert_allclose(made.data[..., 1:], 0.1, atol=1e-7)


def test_calibrated_numbers_are_left_alone():
    made = replace(a_stack(), data=np.zeros((1, 2, 4, 4), np.float32), quantity=SIGMA0_DB)

    assert to_physical(made) is made


def test_uncalibrated_amplitudes_have_no_scale():
    with pytest.raises(Refused, match="has no scale. Calibrate it with its product's tables"):
        to_physical(a_stack(quantity=dn(None, offset=None)))


def test_a_bundle_trained_on_reflectance_refuses_dn():
    with pytest.raises(Mismatch) as raised:
        require(a_stack(), quantity=TOA, gsd=10.0, by="bundle eurosat-13")

    assert str(raised.value).startswith(
        "T32TPS 2022-08-12: quantity differs: want toa reflectance (bundle eurosat-13), have dn offset -1000"
    )


def test_another_ground_size_is_refused():
    with pytest.raises(Mismatch, match=r"T32TPS 2022-08-12: gsd differs: want 10 m \(bundle x\), have 60 x 60 m"):
        require(replace(a_stack(), gsd=(60.0, 60.0)), gsd=10.0, by="bundle x")


def test_five_percent_of_ground_size_is_the_same():
    require(replace(a_stack(), gsd=(10.4, 9.6)), gsd=10.0, by="bundle x")


def test_another_level_is_refused():
    with pytest.raises(Mismatch, match=r"level differs: want L2A \(bundle x\), have L1C"):
        require(a_stack(), level="L2A", by="bundle x")


def test_an_unknown_date_is_refused_by_name():
    with pytest.raises(Refused, match="T32TPS: has no date, which pairing needs"):
        require_times(replace(a_stack(), times=np.array([NO_TIME])), by="pairing")


def test_bands_are_taken_by_name():
    made = select_bands(a_stack(np.array([1, 2]).reshape(1, 2, 1, 1), quantity=dn("toa", offset=[-1, -2])), ["B03"])

    assert made.bands == ("B03",)
    assert made.data.max() == made.data.min() == 2
    assert made.quantity.offset == (-2.0,)


def test_a_missing_band_names_both_lists():
    with pytest.raises(Mismatch, match=r"bands \(B08 missing\) differs: want B08 B04, have B04 B03"):
        select_bands(a_stack(), ["B08", "B04"])


def test_boa_standing_for_toa_is_written_down():
    made = treat_as(a_stack(quantity=dn("boa", offset=0)), "toa")

    assert made.quantity == dn("toa", offset=0)
    assert made.origin.declared == {"treat_as": "boa as toa"}


def test_backscatter_cannot_stand_for_reflectance():
    with pytest.raises(Mismatch, match="want toa or boa reflectance, have sigma0 dB"):
        treat_as(replace(a_stack(), quantity=SIGMA0_DB), "boa")


def test_dates_of_two_baselines_join_at_the_newest_offset():
    """Contract 3: shifted up, lossless; reflectance is what it was."""
    old = a_stack(452, quantity=dn("boa", offset=0), date="2021-08-12")
    new = a_stack(1452, quantity=dn("boa", offset=-1000))

    made = join_dates([old, new])

    assert made.quantity == dn("boa", offset=-1000)
    np.testing.assert_allclose(to_physical(made).data, 0.0452, atol=1e-7)
    assert made.times.astype("datetime64[D]").astype(str).tolist() == ["2021-08-12", "2022-08-12"]


def test_dates_of_toa_and_boa_do_not_join():
    with pytest.raises(Mismatch, match="quantity differs"):
        join_dates([a_stack(quantity=dn("toa", offset=0)), a_stack(quantity=dn("boa", offset=0))])


def test_reflectance_and_dn_do_not_join():
    """The nodata of the dn would become -0.1 among measurements."""
    with pytest.raises(Mismatch, match="quantity differs: want toa reflectance, have dn offset -1000"):
        join_dates([to_physical(a_stack()), a_stack()])


def test_places_do_not_join():
    with pytest.raises(Mismatch, match="geobox differs"):
        join_dates([a_stack(), replace(a_stack(), geobox=sample_geobox(0, 0, size=4))])


def test_masks_join_dates_without_one():
    mask = np.zeros((1, 1, 4, 4), bool)

    made = join_dates([a_stack(), a_stack(valid=mask)])

    assert made.valid is not None
    assert made.valid[0].all()
    assert not made.valid[1].any()


@pytest.mark.parametrize("mask", [None, np.ones((1, 1, 4, 4), bool), np.zeros((1, 2, 4, 4), bool)])
def test_xarray_and_back_loses_nothing(mask):
    """Contract 3."""
    made = a_stack(np.arange(16).reshape(1, 1, 4, 4), valid=mask)

    assert same(from_xarray(to_xarray(made)), made)


def test_xarray_and_back_keeps_what_is_unknown():
    made = replace(a_stack(), geobox=None, times=np.array([NO_TIME]), quantity=BOA)

    assert same(from_xarray(to_xarray(made)), made)


def test_xarray_and_back_keeps_a_grid_without_crs():
    from odc.geo.geobox import GeoBox

    made = replace(a_stack(), geobox=GeoBox((4, 4), a_stack().geobox.transform, None))

    assert same(from_xarray(to_xarray(made)), made)


def test_nan_among_digital_numbers_is_no_measurement():
    data = np.array([0, 2000, 65535, np.nan], np.float32).reshape(1, 1, 1, 4)
    made = to_physical(replace(a_stack(), data=np.broadcast_to(data, (1, 2, 4, 4)).copy()))

    np.testing.assert_array_equal(made.valid[0, 0, 0], [False, True, False, False])


def test_a_dataset_without_meaning_is_refused():
    with pytest.raises(Mismatch, match="want data, quantity, gsd, origin"):
        from_xarray(to_xarray(a_stack()).drop_attrs())


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"bands": ("B04",)}, "number of bands differs: want 2 in the data, have B04"),
        ({"data": np.zeros((2, 4, 4))}, r"shape differs: want \(t, b, h, w\)"),
        ({"times": np.array(["2022-01-01"], "datetime64[D]")}, r"times differs: want datetime64\[us\]"),
        ({"valid": np.ones((4, 4), bool)}, "validity differs: want bool"),
        ({"geobox": sample_geobox(0, 0, size=8)}, "geobox differs: want 4 x 4 pixels"),
        ({"quantity": dn("toa", offset=[1, 2, 3])}, "numbers a band differs: want one or 2"),
        ({"gsd": (0.0, 10.0)}, "gsd differs: want metres above 0"),
    ],
)
def test_a_stack_that_does_not_hang_together_is_refused(change, sentence):
    with pytest.raises(Mismatch, match=sentence):
        replace(a_stack(), **change)


def test_same_sees_every_difference():
    one = a_stack()

    assert same(one, a_stack())
    for other in (a_stack(1001), a_stack(date="2022-08-13"), replace(one, gsd=(10.0, 10.1)), treat_as(one, "boa")):
        assert not same(one, other)
