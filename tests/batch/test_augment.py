"""Augmentation of one view: everything together, and the same as in a batch."""

from __future__ import annotations

import numpy as np
import pytest

from swath.batch import Augmentation, View, augment
from swath.core.errors import Mismatch, Refused
from swath.core.quantity import GAMMA0_RTC_DB, TOA
from swath.core.specs import InputSpec, StackInput
from tests.batch.a_corpus import an_input

SIZE = 32


def coded(n=SIZE, *, dates=1):
    """A view whose two bands are its row and column, whose map is 100 row + column, and whose mask is a checker."""
    y, x = np.mgrid[:n, :n]
    mask = np.broadcast_to((y // 4 + x // 4) % 2 == 0, (dates, 1, n, n))
    pixels = np.where(mask, np.stack([y, x])[None], -1).astype(np.float32)
    return View("a", {"s2": pixels}, {"s2": mask}, {"truth": (100 * y + x).astype(np.int64)})


def taken(quantity=TOA, bands=("B04", "B08"), *, mean=-1.0, gsd=10.0, dates=1):
    n = len(bands)
    return StackInput(bands, quantity, "", gsd, dates, (mean,) * n, (1.0,) * n)


INPUT = InputSpec({"s2": taken()}, (SIZE, SIZE))


@pytest.mark.parametrize("epoch", range(6))
@pytest.mark.parametrize(
    "options",
    [
        Augmentation(flip=0.5, shift=5),
        Augmentation(right_angles="random", crop=20),
        Augmentation(right_angles="alternate", rotation=45, scale=(0.7, 1.4), crop=24, shift=3),
    ],
)
def test_image_mask_and_map_move_together(options, epoch):
    """Trap 20: the image tells where each pixel was; mask and map must say the same. Interpolation blurs by a pixel."""
    got = augment(coded(), options, INPUT, seed=1, epoch=epoch)

    y, x = got.x["s2"][0].astype(np.float64)
    mask, codes = got.valid["s2"][0, 0], got.maps["truth"]
    slack = 1.0 if options.warps else 0.0
    assert mask.any()
    assert np.abs(codes // 100 - y)[mask].max() <= slack
    assert np.abs(codes % 100 - x)[mask].max() <= slack
    # A valid pixel lies in a valid square of the checker, and what is invalid holds the mean.
    is_clear = (codes // 100 // 4 + codes % 100 // 4) % 2 == 0
    assert is_clear[mask].all()
    assert options.warps or not is_clear[~mask].any()
    assert (got.x["s2"][0][:, ~mask] == -1).all()


def test_all_dates_move_alike():
    view = coded(dates=3)

    got = augment(view, Augmentation(rotation=30, shift=4, flip=0.5), INPUT, seed=0, epoch=3)

    assert (got.x["s2"] == got.x["s2"][:1]).all()


def test_the_view_itself_does_not_change():
    view = coded()
    before = view.x["s2"].copy()

    augment(view, Augmentation(brightness=0.5, noise=1, band_dropout=0.5), INPUT, seed=0, epoch=0)

    np.testing.assert_array_equal(view.x["s2"], before)


def test_no_options_change_nothing():
    view = coded()

    got = augment(view, Augmentation(), INPUT, seed=0, epoch=0)

    np.testing.assert_array_equal(got.x["s2"], view.x["s2"])
    np.testing.assert_array_equal(got.maps["truth"], view.maps["truth"])


@pytest.mark.parametrize(("seed", "epoch", "is_same"), [(0, 0, True), (1, 0, False), (0, 1, False)])
def test_seed_and_epoch_decide(seed, epoch, is_same):
    options = Augmentation(rotation=40, noise=0.1)
    first = augment(coded(), options, INPUT, seed=0, epoch=0)

    again = augment(coded(), options, INPUT, seed=seed, epoch=epoch)

    assert np.array_equal(first.x["s2"], again.x["s2"]) == is_same


def test_decibels_are_turned_by_the_nearest_pixel():
    """core.quantity: decibels are never resampled but by nearest; every number was there before."""
    view = View("a", {"s1": np.arange(64, dtype=np.float32).reshape(1, 1, 8, 8)}, {"s1": np.ones((1, 1, 8, 8), bool)})
    input = InputSpec({"s1": taken(GAMMA0_RTC_DB, ("VV",))}, (8, 8))

    got = augment(view, Augmentation(rotation=45), input, seed=0, epoch=0)

    numbers = got.x["s1"].ravel()
    assert (numbers == np.rint(numbers)).all()
    assert len(set(numbers.tolist())) > 20


def test_a_coarse_map_moves_over_the_same_ground():
    """A map of half the pixels covers the same ground: its code is that of its four fine pixels."""
    y, x = np.mgrid[:8, :8]
    view = View(
        "a",
        {"s2": np.broadcast_to(y // 2 * 10 + x // 2, (1, 2, 8, 8)).astype(np.float32)},
        {"s2": np.ones((1, 1, 8, 8), bool)},
        {"truth": (np.arange(4)[:, None] * 10 + np.arange(4)).astype(np.int64)},
    )
    input = InputSpec({"s2": taken()}, (8, 8))

    for epoch in range(8):
        got = augment(view, Augmentation(right_angles="random", shift=2), input, seed=0, epoch=epoch)

        np.testing.assert_array_equal(np.kron(got.maps["truth"], np.ones((2, 2))), got.x["s2"][0, 0])


def test_a_lost_band_is_absent_invalid_and_the_mean():
    got = augment(coded(), Augmentation(band_dropout=0.9), INPUT, seed=0, epoch=0)

    lost = ~got.present["s2"][0]
    assert lost.sum() == 1
    assert (got.x["s2"][0, lost] == -1).all()
    assert not got.valid["s2"][0, lost].any()


def test_other_stacks_than_the_models_are_refused():
    with pytest.raises(Mismatch, match="a: stacks differs: want s2, have s1."):
        augment(View("a", {"s1": np.zeros((1, 1, 2, 2), np.float32)}, {}), Augmentation(), INPUT, seed=0, epoch=0)


def test_what_cannot_be_done_is_refused():
    view = View("a", coded(8).x, coded(8).valid, {"truth": np.zeros((4, 4), np.int64)})
    input = InputSpec({"s2": taken(GAMMA0_RTC_DB, ("VV", "VH"))}, (8, 8))

    with pytest.raises(Refused, match="a: a shift of 1 pixels does not fall on whole pixels of every stack"):
        augment(view, Augmentation(shift=1), INPUT, seed=0, epoch=0)
    with pytest.raises(Refused, match="augmentation offset: has no meaning"):
        augment(coded(8), Augmentation(offset=0.1), input, seed=0, epoch=0)


def test_dn_that_no_light_changes_keeps_negative_reflectance():
    """science.md 1.2: legal from baseline 04.00 on; brightness of nothing changes nothing."""
    view = View("a", {"s2": np.full((1, 4, 2, 2), -150, np.float32)}, {"s2": np.ones((1, 1, 2, 2), bool)})

    got = augment(view, Augmentation(gain=1e-9), an_input(size=2), seed=0, epoch=0)

    np.testing.assert_allclose(got.x["s2"], -150, rtol=1e-5)
