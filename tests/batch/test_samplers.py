"""Samplers: who comes in an epoch, how often, in which order, and in which batches."""

from __future__ import annotations

import numpy as np
import pytest

from swath.batch.keys import id_keys
from swath.batch.samplers import Sampling, batches, order
from swath.core.errors import Mismatch, Refused, Unknown

KEYS = id_keys(1, [f"s{i}" for i in range(300)])
#: 250 of class 0, 49 of class 1, one of class 2.
LABELS = np.array([0] * 250 + [1] * 49 + [2])


def test_uniform_is_a_permutation():
    assert sorted(order(KEYS, epoch=0).tolist()) == list(range(300))


def test_order_follows_the_ids_not_their_positions():
    """A corpus built in another order trains alike."""
    turned = np.arange(300)[::-1]

    again = order(KEYS[turned], epoch=4)

    np.testing.assert_array_equal(turned[again], order(KEYS, epoch=4))


def test_every_place_in_an_epoch_is_as_likely():
    """Mean place of a sample over 400 epochs: 149.5, four standard errors are 17.3."""
    places = [np.flatnonzero(order(KEYS, epoch=e) == 17)[0] for e in range(400)]

    assert abs(np.mean(places) - 149.5) < 17.3


@pytest.mark.parametrize("draws", [0, 90, 100, 3])
def test_balanced_gives_each_class_its_share_to_the_sample(draws):
    """Three classes, n draws: n / 3 each, rounded."""
    drawn = order(KEYS, epoch=2, sampling=Sampling("balanced", draws=draws), labels=LABELS)

    counts = np.bincount(LABELS[drawn], minlength=3)
    assert len(drawn) == (draws or 300)
    assert counts.max() - counts.min() <= 1


def test_balanced_leaves_out_what_has_no_label():
    """-1 is no class."""
    labels = np.where(np.arange(300) < 200, -1, LABELS)

    drawn = order(KEYS, epoch=0, sampling=Sampling("balanced"), labels=labels)

    assert drawn.min() >= 200


def test_balanced_takes_only_the_classes_asked_for():
    drawn = order(KEYS, epoch=0, sampling=Sampling("balanced", classes=(1, 2)), labels=LABELS)

    assert set(LABELS[drawn].tolist()) == {1, 2}


def test_within_a_class_every_sample_comes_equally_often():
    """Systematic draws: 250 samples, 100 draws of the class: none comes twice; over 50 epochs each about 20 times."""
    counts = np.zeros(300, int)
    for epoch in range(50):
        drawn = order(KEYS, epoch=epoch, sampling=Sampling("balanced"), labels=LABELS)
        once = np.bincount(drawn, minlength=300)
        assert once[:250].max() == 1
        counts += once

    # Binomial(50, 0.4): mean 20, deviation 3.5; the least and greatest of 250 lie within 4.5 of them.
    assert np.abs(counts[:250] - 20).max() < 4.5 * 3.5


def test_weighted_comes_as_often_as_its_weight_asks():
    """Expected count n w / sum(w), never more than rounded up nor less than rounded down."""
    weights = np.random.default_rng(0).exponential(size=300)

    drawn = order(KEYS, epoch=0, sampling=Sampling("weighted", draws=1000), weights=weights)

    off = np.bincount(drawn, minlength=300) - 1000 * weights / weights.sum()
    assert np.abs(off).max() < 1


def test_a_weight_of_zero_never_comes():
    weights = np.r_[np.ones(10), np.zeros(290)]

    drawn = order(KEYS, epoch=0, sampling=Sampling("weighted"), weights=weights)

    assert sorted(set(drawn.tolist())) == list(range(10))


def test_draws_are_shuffled():
    """Not class by class: neighbours share their class as often as chance has it (1/3; 4 standard errors are 0.11)."""
    labels = LABELS[order(KEYS, epoch=0, sampling=Sampling("balanced"), labels=LABELS)]

    assert abs((labels[1:] == labels[:-1]).mean() - 1 / 3) < 0.11


def test_epochs_draw_other_samples():
    one, other = (order(KEYS, epoch=e, sampling=Sampling("balanced"), labels=LABELS).tolist() for e in (0, 1))

    assert sorted(one) != sorted(other)


def test_batches_differ_by_one_at_most():
    """Every count and size: all samples once, in order, sizes as even as can be."""
    for n in range(40):
        for size in range(1, 12):
            cut = batches(np.arange(n), size)
            sizes = [len(each) for each in cut]
            assert [i for each in cut for i in each.tolist()] == list(range(n))
            assert len(cut) == -(-n // size)
            assert not sizes or max(sizes) - min(sizes) <= 1


def test_an_unknown_kind_is_refused():
    with pytest.raises(Unknown, match="unknown sampling 'balance'. Did you mean 'balanced'"):
        Sampling("balance")


def test_draws_of_a_uniform_epoch_are_refused():
    with pytest.raises(Refused, match="sampling: 5 draws with kind uniform. Draw by balanced or weighted sampling"):
        Sampling(draws=5)


def test_a_class_with_none_is_refused_by_name():
    with pytest.raises(
        Refused, match="balanced sampling: no sample is of class River. Leave it out of the classes, or"
    ):
        order(
            KEYS, epoch=0, sampling=Sampling("balanced", classes=(0, 3)), labels=LABELS, names=("a", "b", "c", "River")
        )


def test_no_label_at_all_is_refused():
    with pytest.raises(Refused, match="balanced sampling: no sample has a label. Balance by another target."):
        order(KEYS, epoch=0, sampling=Sampling("balanced"), labels=np.full(300, -1))


def test_missing_labels_are_refused():
    with pytest.raises(Mismatch, match="balanced sampling: labels differs: want 300, one a sample, have none."):
        order(KEYS, epoch=0, sampling=Sampling("balanced"))


def test_missing_weights_are_refused():
    with pytest.raises(Mismatch, match=r"weighted sampling: weights differs: want 300, one a sample, have \(3,\)."):
        order(KEYS, epoch=0, sampling=Sampling("weighted"), weights=np.ones(3))


@pytest.mark.parametrize("bad", [np.zeros(300), np.r_[-1.0, np.ones(299)], np.r_[np.nan, np.ones(299)]])
def test_weights_that_are_none_are_refused(bad):
    with pytest.raises(Refused, match="Give numbers from 0 up, not all 0."):
        order(KEYS, epoch=0, sampling=Sampling("weighted"), weights=bad)


def test_weights_that_would_not_be_used_are_refused():
    with pytest.raises(
        Refused, match="uniform sampling: takes no weights. Ask for weighted sampling, or leave them out."
    ):
        order(KEYS, epoch=0, weights=np.ones(300))


def test_a_batch_of_nothing_is_refused():
    with pytest.raises(Refused, match="batches: a batch of 0 samples. Give 1 or more."):
        batches(np.arange(3), 0)
