"""Encoders: shapes, sizes, and that ours are timm's parameter for parameter."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from swath.core.errors import Refused, Unknown
from swath.models.encoders import ENCODERS, Encoder, Plan, make_encoder, plan_of


def parameters(module):
    """How many numbers learn."""
    return sum(each.numel() for each in module.parameters())


@pytest.mark.parametrize("name", ENCODERS)
def test_an_encoder_says_what_its_maps_are_like(name):
    """Every map has the channels and the stride that the encoder states, each coarser than the one before."""
    encoder = make_encoder(name, 5).eval()

    with torch.no_grad():
        maps = encoder(torch.zeros(2, 5, 64, 64))

    assert isinstance(encoder, Encoder)
    assert [tuple(m.shape) for m in maps] == [
        (2, c, 64 // s, 64 // s) for c, s in zip(encoder.channels, encoder.strides, strict=True)
    ]
    assert list(encoder.strides) == sorted(set(encoder.strides))


@pytest.mark.parametrize(
    ("name", "millions"), [("resnet18", 11.689512), ("resnet34", 21.797672), ("resnet50", 25.557032)]
)
def test_the_networks_of_imagenet_have_their_published_size(name, millions):
    """torchvision's documentation lists num_params with the layer of 1,000 classes."""
    encoder = make_encoder(name, 3)
    head = encoder.channels[-1] * 1000 + 1000

    assert parameters(encoder) + head == round(millions * 1e6)


def test_deepsentinels_network_leaves_eight_by_eight():
    """source-systems.md, 001.3: 7 x 7 stride-2 stem, no max-pool: 128 px -> 512 x 8 x 8."""
    encoder = make_encoder(replace(plan_of("resnet18"), entry="unpooled"), 14).eval()

    with torch.no_grad():
        assert encoder(torch.zeros(1, 14, 128, 128))[-1].shape == (1, 512, 8, 8)


def test_the_default_is_compact():
    """1.2 million parameters by hand: 3 x 3 convolutions 3-32, then pairs of 32, 64, 128, 256 with shortcuts."""
    convolutions = 9 * (3 * 32 + 2 * 32 * 32) + sum(9 * (w * w // 2 + w * w) + w * w // 2 for w in (64, 128, 256))
    norms = 2 * (32 * 3 + 64 * 3 + 128 * 3 + 256 * 3)

    assert parameters(make_encoder("resnet10-32", 3)) == convolutions + norms


def test_blocks_start_as_their_shortcuts():
    """The last gamma of a residual branch is 0 (Goyal 2017, section 5.1), so a block of equal shape changes nothing."""
    encoder = make_encoder("resnet18", 3).eval()
    x = torch.rand(1, 64, 8, 8)

    torch.testing.assert_close(encoder.get_submodule("layer1")(x), x)


def test_equal_seeds_give_equal_weights_and_leave_the_random_state_alone():
    torch.manual_seed(7)
    before = torch.get_rng_state()

    one, same, other = (make_encoder("resnet10-32", 3, seed=seed).conv1.weight for seed in (3, 3, 4))

    assert torch.equal(one, same)
    assert not torch.equal(one, other)
    assert torch.equal(torch.get_rng_state(), before)


def test_without_batch_norm_a_sample_never_sees_another():
    encoder = make_encoder(replace(plan_of("resnet10-40"), norm="group"), 3).train()
    x = torch.rand(4, 3, 32, 32)

    alone, among = encoder(x[:1])[-1], encoder(x)[-1][:1]

    torch.testing.assert_close(alone, among)
    assert not any(isinstance(m, torch.nn.BatchNorm2d) for m in encoder.modules())


def test_dropped_paths_leave_the_mean_as_it_was():
    """Stochastic depth divides what is kept by its chance (Huang 2016), in training only."""
    encoder = make_encoder(Plan((1, 1), 8, drop_path=0.5), 3)
    path = encoder.layer2[0].drop_path

    torch.manual_seed(0)
    thrown = path.train()(torch.ones(4000, 1, 1, 1))

    assert set(thrown.unique().tolist()) == {0.0, 2.0}
    assert abs(thrown.mean().item() - 1) < 0.05
    assert torch.equal(path.eval()(torch.ones(5, 1, 1, 1)), torch.ones(5, 1, 1, 1))


def test_an_unknown_encoder_names_the_nearest():
    with pytest.raises(Unknown) as raised:
        make_encoder("resnet10-23", 3)

    assert "unknown encoder 'resnet10-23'. Did you mean 'resnet10-32'?" in str(raised.value)


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"entry": "strid2"}, "encoder: unknown entry 'strid2'. Did you mean 'stride2'?"),
        ({"norm": "bach"}, "encoder: unknown norm 'bach'. Did you mean 'batch'?"),
        ({"activation": "rellu"}, "encoder: unknown activation 'rellu'. Did you mean 'relu'?"),
        ({"shortcut": "pol"}, "encoder: unknown shortcut 'pol'. Did you mean 'pool'?"),
    ],
)
def test_an_unknown_choice_names_the_nearest(given, sentence):
    with pytest.raises(Unknown) as raised:
        replace(plan_of("resnet10-32"), **given)

    assert str(raised.value).startswith(sentence)


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"width": 0}, "encoder: needs a width and blocks of at least 1: have width 0, blocks (1, 1, 1, 1)."),
        ({"depths": ()}, "encoder: needs a width and blocks of at least 1: have width 32, blocks ()."),
        ({"drop_path": 1.0}, "encoder: drop_path is a chance: want 0 <= drop_path < 1, have 1.0."),
    ],
)
def test_a_number_that_builds_nothing_is_refused(given, sentence):
    with pytest.raises(Refused) as raised:
        replace(plan_of("resnet10-32"), **given)

    assert str(raised.value) == sentence


def test_no_channels_are_refused():
    with pytest.raises(Refused) as raised:
        make_encoder("resnet10-32", 0)

    assert str(raised.value) == "encoder: needs at least one input channel: have 0."
