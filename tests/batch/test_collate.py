"""Collation: views of differing dates are padded and masked; sizes never change."""

from __future__ import annotations

import numpy as np
import pytest

from swath.batch import Augmentation, View, augment, collate
from swath.batch.record import NO_TIME
from swath.core.errors import Mismatch, Refused
from tests.batch.a_corpus import an_input


def a_view(id="a", *, dates=1, size=8, bands=4, fill=7.0, mask_bands=1, **more):
    x = np.full((dates, bands, size, size), fill, np.float32)
    return View(id, {"s2": x}, {"s2": np.ones((dates, mask_bands, size, size), bool)}, **more)


def test_fewer_dates_are_padded_absent_and_invalid():
    short = a_view("a", times={"s2": np.array([5])})
    long = a_view("b", dates=3, times={"s2": np.array([1, 2, 3])})

    batch = collate([short, long], an_input(dates=3))

    assert batch.present["s2"][:, :, 0].tolist() == [[True, False, False], [True, True, True]]
    assert batch.valid["s2"].flatten(2).all(2).tolist() == batch.present["s2"][:, :, 0].tolist()
    assert batch.x["s2"][0, :, 0, 0, 0].tolist() == [7.0, 500.0, 500.0]
    assert batch.times["s2"].tolist() == [[5, NO_TIME, NO_TIME], [1, 2, 3]]


def test_masks_a_band_and_masks_of_all_bands_go_together():
    batch = collate([a_view(), a_view("b", mask_bands=4)], an_input())

    assert tuple(batch.valid["s2"].shape) == (2, 1, 4, 8, 8)


def test_targets_and_maps_are_stacked():
    views = [a_view(str(i), y={"class": i}, maps={"truth": np.full((8, 8), i)}) for i in range(3)]

    batch = collate(views, an_input())

    assert batch.y["class"].tolist() == [0, 1, 2]
    assert batch.y["truth"][:, 0, 0].tolist() == [0, 1, 2]
    assert batch.ids == ("0", "1", "2")


def test_what_is_not_known_is_said():
    batch = collate([a_view()], an_input())

    assert np.isnan(batch.lonlat.numpy()).all()
    assert np.isnan(batch.wavelengths["s2"].numpy()).all()


@pytest.mark.parametrize(
    ("other", "said"),
    [
        (a_view("b", size=6), r"b s2: size differs: want 8 x 8 \(a\), have 6 x 6. Crop both to one size: nothing is"),
        (a_view("b", bands=3), r"b s2: number of bands differs: want 4 \(a\), have 3."),
        (View("b", {}, {}), "b: stacks differs: want s2."),
    ],
)
def test_what_differs_is_refused_with_both_sides(other, said):
    with pytest.raises(Mismatch, match=said):
        collate([a_view(), other], an_input())


def test_a_crop_makes_sizes_equal():
    views = [a_view("a", size=8), a_view("b", size=6)]

    cut = [augment(view, Augmentation(crop=4), an_input(size=4), seed=0, epoch=0) for view in views]

    assert tuple(collate(cut, an_input(size=4)).x["s2"].shape) == (2, 1, 4, 4, 4)


def test_every_tensor_moves_to_the_device():
    """torch's device without memory tells which tensors went there."""
    batch = collate([a_view(y={"class": 1})], an_input()).to("meta")

    held = [batch.x, batch.valid, batch.present, batch.times, batch.wavelengths, batch.y, {"": batch.lonlat}]
    assert {tensor.device.type for each in held for tensor in each.values()} == {"meta"}


def test_maps_of_differing_size_are_refused():
    views = [a_view(str(n), maps={"truth": np.zeros((n, n), int)}) for n in (8, 4)]

    with pytest.raises(Mismatch, match=r"4 truth: size differs: want 8 x 8 \(8\), have 4 x 4."):
        collate(views, an_input())


def test_no_view_is_refused():
    with pytest.raises(Refused, match="batch: there is no sample to stack. Give at least one."):
        collate([], an_input())
