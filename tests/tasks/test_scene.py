"""Scene classification: losses beside torch's and by hand, frozen layers, and what a sample without label does."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn import functional as F  # noqa: N812

from swath.core.errors import Refused, Unknown
from swath.tasks import SceneOptions, SceneTask
from tests.training.a_training import OUTPUT, a_network, a_task


def loss_of(task, raw, truth):
    return float(task._loss(torch.as_tensor(raw), torch.as_tensor(truth)))


RAW = torch.tensor(np.random.default_rng(0).normal(size=(6, 10)).astype(np.float32))


def test_the_loss_is_cross_entropy_with_smoothing():
    truth = torch.tensor([0, 3, 9, 1, 1, 5])

    got = loss_of(a_task(label_smoothing=0.1), RAW, truth)

    assert got == pytest.approx(float(F.cross_entropy(RAW, truth, label_smoothing=0.1)), rel=1e-6)


def test_a_sample_without_label_teaches_nothing():
    truth = torch.tensor([0, 3, -1, 1, -1, 5])

    got = loss_of(a_task(label_smoothing=0.1), RAW, truth)

    known = truth >= 0
    assert got == pytest.approx(float(F.cross_entropy(RAW[known], truth[known], label_smoothing=0.1)), rel=1e-6)
    assert loss_of(a_task(), RAW, torch.full((6,), -1)) == 0.0


def test_balanced_weights_are_the_inverse_of_the_counts():
    """A class of one sample weighs as much in all as one of nine; absent ones nothing; the mean over train is 1."""
    counts = torch.tensor([9, 1] + [0] * 8)
    task = SceneTask(a_network(), OUTPUT, "class", SceneOptions(weights="balanced"), counts=counts)

    weights = task._weights

    assert (weights[:2] * counts[:2]).tolist() == pytest.approx([5.0, 5.0])
    assert not weights[2:].any()


def test_balanced_weights_without_counts_are_refused():
    with pytest.raises(Refused, match="balanced weights need the counts of the classes"):
        SceneTask(a_network(), OUTPUT, "class", SceneOptions(weights="balanced"))


def test_several_labels_have_a_binary_cross_entropy_each():
    """Rows without labels (NaN) are left out; by hand: -log sigmoid(2) for a right label of logit 2."""
    output = replace(OUTPUT, is_multilabel=True)
    task = SceneTask(a_network(), output, "class", SceneOptions())
    raw = torch.full((2, 10), 2.0)
    truth = torch.stack([torch.ones(10), torch.full((10,), float("nan"))])

    assert loss_of(task, raw, truth) == pytest.approx(np.log1p(np.exp(-2)), rel=1e-6)


def test_hidden_layers_stand_between_map_and_answer():
    """004: VGG's head has two hidden layers of 2048."""
    from swath.tasks import SceneNetwork

    network = SceneNetwork(a_network().backbone, 10, hidden=(7, 5))

    assert [tuple(p.shape) for p in network.head.parameters()] == [(7, 32), (7,), (5, 7), (5,), (10, 5), (10,)]


def test_a_stage_that_trains_the_head_freezes_all_of_the_encoder():
    names = a_task().frozen("head")

    parameters = [f"network.{name}" for name, _ in a_network().named_parameters()]
    assert [name for name in parameters if not name.startswith(names)] == [
        "network.head.0.weight",
        "network.head.0.bias",
    ]


def test_a_stage_of_another_kind_names_the_nearest():
    with pytest.raises(Unknown, match="Did you mean 'later'"):
        a_task().frozen("latest")


def test_smoothing_of_one_is_refused():
    with pytest.raises(Refused, match=r"option task.label_smoothing: must be from 0 to below 1: have 1"):
        SceneOptions(label_smoothing=1)


def test_an_output_without_classes_is_refused():
    with pytest.raises(Refused, match="cannot learn an output of kind 'dense'"):
        SceneTask(a_network(), replace(OUTPUT, kind="dense"), "class", SceneOptions())


def test_a_mixed_sample_learns_both_targets_by_their_shares():
    """By hand: share * loss(own) + (1 - share) * loss(other), sample by sample."""
    task = a_task(label_smoothing=0.1)
    own, other = torch.tensor([0, 3, 9, 1, 1, 5]), torch.tensor([3, 0, 1, 9, 5, 1])
    share = torch.tensor([1.0, 0.25, 0.5, 0.75, 0.9, 0.6])

    got = task._loss(RAW, own, share) + task._loss(RAW, other, 1 - share)

    each = [F.cross_entropy(RAW, truth, reduction="none", label_smoothing=0.1) for truth in (own, other)]
    assert float(got) == pytest.approx(float((share * each[0] + (1 - share) * each[1]).mean()), rel=1e-6)
