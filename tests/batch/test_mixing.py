"""Mixing: what a mixed sample is made of is what its two targets and its share say."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from swath.batch import View, collate, cutmix, mixup
from swath.core.errors import Mismatch, Refused
from swath.core.quantity import GAMMA0_RTC_DB, TOA
from swath.core.specs import InputSpec, StackInput


def an_input(quantity=TOA):
    return InputSpec({"s2": StackInput(("B04",), quantity, "", 10.0, 1, (-5.0,), (1.0,))}, (8, 8))


def a_batch(n=4, *, size=8, map_size=8, invalid=()):
    """Sample i is i everywhere, in pixels, map and class."""
    views = []
    for i in range(n):
        valid = np.full((1, 1, size, size), i not in invalid)
        x = np.where(valid, i, -5).astype(np.float32)
        views.append(
            View(str(i), {"s2": x}, {"s2": valid}, {"truth": np.full((map_size, map_size), i)}, y={"class": i})
        )
    return collate(views, an_input())


@pytest.mark.parametrize("step", range(12))
def test_cutmix_is_what_its_share_says(step):
    """Share of own pixels = share of own target, to the pixel; the rest is the partner's."""
    mixed = cutmix(a_batch(), an_input(), seed=0, epoch=0, step=step)

    x = mixed.x["s2"][:, 0, 0]
    own, other = mixed.y["class"].view(-1, 1, 1), mixed.other["class"].view(-1, 1, 1)
    torch.testing.assert_close((x == own).float().mean(dim=(1, 2)), mixed.share)
    assert ((x == own) | (x == other)).all()
    assert (mixed.other["class"] != mixed.y["class"]).all()


def test_maps_are_pasted_with_the_pixels():
    """Also where a map has half the pixels; both targets then are the pasted one."""
    mixed = cutmix(a_batch(map_size=4), an_input(), seed=0, epoch=0, step=1)

    grown = np.kron(mixed.y["truth"].numpy(), np.ones((2, 2)))
    np.testing.assert_array_equal(grown, mixed.x["s2"][:, 0, 0].numpy())
    assert torch.equal(mixed.other["truth"], mixed.y["truth"])


def test_masks_are_pasted_with_the_pixels():
    mixed = cutmix(a_batch(invalid=(2,)), an_input(), seed=0, epoch=0, step=1)

    assert torch.equal(mixed.valid["s2"], mixed.x["s2"] != -5)


def test_the_cut_has_the_share_that_beta_gives():
    """Beta(1, 1): a half in the mean; cut off at edges it is less. Beside the published recipe, drawn naively."""
    shares = [
        float(cutmix(a_batch(2, size=64, map_size=64), an_input(), seed=0, epoch=0, step=s).share[0])
        for s in range(600)
    ]
    rng = np.random.default_rng(0)
    naive = []
    for lam in rng.random(20000):
        side, (y, x) = np.sqrt(1 - lam), rng.random(2)
        high, wide = (min(c + side / 2, 1) - max(c - side / 2, 0) for c in (y, x))
        naive.append(1 - high * wide)

    assert abs(np.mean(shares) - np.mean(naive)) < 4 * np.std(naive) / np.sqrt(600)


def test_mixup_is_the_average_that_its_share_says():
    """Pixel = share * own + (1 - share) * partner's; the own share is a half or more."""
    mixed = mixup(a_batch(), an_input(), alpha=1.0, seed=0, epoch=0, step=0)

    want = mixed.share * mixed.y["class"] + (1 - mixed.share) * mixed.other["class"]
    torch.testing.assert_close(mixed.x["s2"][:, 0, 0, 3, 3], want)
    assert mixed.share.min() >= 0.5


def test_mixup_is_valid_where_both_are():
    mixed = mixup(a_batch(invalid=(2,)), an_input(), seed=0, epoch=0, step=0)

    touched = (torch.arange(4) == 2) | (mixed.other["class"] == 2)
    assert mixed.valid["s2"].flatten(1).any(1).tolist() == (~touched).tolist()
    assert (mixed.x["s2"][touched] == -5).all()


@pytest.mark.parametrize(
    "mix", [lambda **k: cutmix(a_batch(), an_input(), **k), lambda **k: mixup(a_batch(), an_input(), **k)]
)
def test_seed_epoch_and_step_decide(mix):
    first = mix(seed=0, epoch=0, step=0)

    again = [mix(seed=s, epoch=e, step=k) for s, e, k in ((0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1))]

    assert [torch.equal(first.x["s2"], each.x["s2"]) for each in again] == [True, False, False, False]


def test_the_batch_itself_does_not_change():
    batch = a_batch()
    before = batch.x["s2"].clone()

    cutmix(batch, an_input(), seed=0, epoch=0, step=0)

    assert torch.equal(batch.x["s2"], before)


def test_decibels_are_not_averaged():
    with pytest.raises(Refused, match="mixup stack s2: gamma0_rtc dB is never averaged. Use cutmix, or linear power."):
        mixup(a_batch(), an_input(GAMMA0_RTC_DB), seed=0, epoch=0, step=0)


def test_a_batch_of_one_is_refused():
    with pytest.raises(Refused, match="cutmix: a batch of 1 has no partners. Make batches larger."):
        cutmix(a_batch(1), an_input(), seed=0, epoch=0, step=0)


def test_an_alpha_of_nothing_is_refused():
    with pytest.raises(
        Refused, match="cutmix: alpha is a shape of the beta distribution, have 0. Give a number above 0"
    ):
        cutmix(a_batch(), an_input(), alpha=0, seed=0, epoch=0, step=0)


def test_maps_that_do_not_divide_are_refused():
    with pytest.raises(Mismatch, match="cutmix s2: size differs: want a multiple of 5 x 5, have 8 x 8."):
        cutmix(a_batch(map_size=5), an_input(), seed=0, epoch=0, step=0)


def test_the_loader_mixes_a_share_of_the_batches_and_the_same_ones_again(tmp_path):
    """Chance 0.5 of 40 batches: 20 within 4 standard deviations; evaluation is never mixed."""
    from swath.batch import Augmentation, Loader
    from tests.training.a_training import INPUT, OUTPUT, a_corpus

    corpus = a_corpus(tmp_path / "c", n=80)
    augment = Augmentation(mix=0.5)
    loader = Loader(corpus, np.arange(80), INPUT, {"class": OUTPUT}, batch_size=2, augmentation=augment)

    seen = [[batch.share is not None for batch in loader.epoch(epoch)] for epoch in (0, 0, 1)]

    assert seen[0] == seen[1] != seen[2]
    assert 20 - 13 < sum(seen[0]) < 20 + 13
    assert all(batch.share is None for batch in loader.in_order())
