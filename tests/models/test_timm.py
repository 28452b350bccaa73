"""timm: our networks are its networks, and its networks are encoders."""

from __future__ import annotations

import sys
from dataclasses import replace

import pytest
import torch

from swath.core.errors import MissingExtra, Refused, Unknown
from swath.models import timm as door
from swath.models.encoders import Encoder, Plan, make_encoder, plan_of
from swath.models.timm import open_timm
from swath.models.timmencoder import make_timm_encoder
from swath.models.weights import load_weights

#: timm's name -> the same network built here.
TWINS = {
    "resnet18": plan_of("resnet18"),
    "resnet34": plan_of("resnet34"),
    "resnet50": plan_of("resnet50"),
    "resnet18d": replace(plan_of("resnet18"), entry="deep", shortcut="pool"),
    "resnet50d": replace(plan_of("resnet50"), entry="deep", shortcut="pool"),
    "seresnet18": replace(plan_of("resnet18"), squeeze=True),
    "seresnet50": replace(plan_of("resnet50"), squeeze=True),
}


def randomised(network):
    """Every tensor of its state random: fresh gammas of 0 would hide half of each block."""
    generator = torch.Generator().manual_seed(5)
    for name, tensor in network.state_dict().items():
        if tensor.is_floating_point():
            noise = torch.rand(tensor.shape, generator=generator)
            is_scale = "var" in name or (tensor.dim() == 1 and name.endswith("weight"))
            tensor.copy_(0.5 + noise if is_scale else (noise - 0.5) * (2 / max(1, tensor[0].numel())) ** 0.5)
    return network.eval()


@pytest.mark.parametrize("name", TWINS)
def test_ours_equals_timms_on_the_same_weights(name):
    """timm is the oracle: same names, same outputs to 1e-5 of their size at every stage, 64 px and an odd size."""
    theirs = randomised(open_timm(name, 5))
    ours = make_encoder(TWINS[name], 5)

    coverage = load_weights(ours, theirs.state_dict())

    ours.eval()
    with torch.no_grad():
        for size in (64, 97):
            x = torch.rand(2, 5, size, size, generator=torch.Generator().manual_seed(1))
            mine, wanted = ours(x), theirs.forward_intermediates(x, intermediates_only=True)
            for one, other in zip(mine, wanted, strict=True):
                torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-5 * other.abs().max().item())
    assert coverage.share == 1
    assert coverage.missing == coverage.unexpected == ()


@pytest.mark.parametrize("channels", [3, 13])
@pytest.mark.parametrize(
    ("name", "strides", "coarsest"),
    [
        ("vgg16", (1, 2, 4, 8, 16, 32), 512),
        ("vgg16_bn", (1, 2, 4, 8, 16, 32), 512),
        ("densenet201", (2, 4, 8, 16, 32), 1920),
        ("resnet18", (2, 4, 8, 16, 32), 512),
        ("resnet50", (2, 4, 8, 16, 32), 2048),
        ("vit_small_patch16_224", (16,), 384),
        ("convnextv2_atto", (4, 8, 16, 32), 320),
    ],
)
def test_a_network_of_timm_is_an_encoder_at_64_pixels(name, strides, coarsest, channels):
    """Channels and strides as the papers give them."""
    encoder = make_timm_encoder(name, channels, size=(64, 64)).eval()

    with torch.no_grad():
        maps = encoder(torch.zeros(2, channels, 64, 64))

    assert isinstance(encoder, Encoder)
    assert (encoder.strides, encoder.channels[-1]) == (strides, coarsest)
    assert [tuple(m.shape) for m in maps] == [
        (2, c, 64 // s, 64 // s) for c, s in zip(encoder.channels, strides, strict=True)
    ]
    prefixes = [prefix for held in encoder.parts.values() for prefix in held]
    assert all(sum(n.startswith(p) for p in prefixes) == 1 for n, _ in encoder.named_parameters())
    assert encoder.get_submodule(encoder.first).weight.shape[1] == channels


@pytest.mark.parametrize(
    ("name", "trainable", "total"), [("vgg16", 14_714_688, 14_714_688), ("densenet201", 18_092_928, 18_321_984)]
)
def test_the_networks_of_cnn_sentinel_have_keras_size(name, trainable, total):
    """Keras' summary of include_top=False; its total counts moving means and variances."""
    encoder = make_timm_encoder(name, 3, size=(64, 64))

    held = sum(each.numel() for each in encoder.parameters())
    moving = sum(each.numel() for key, each in encoder.named_buffers() if not key.endswith("num_batches_tracked"))

    assert (held, held + moving) == (trainable, total)


def test_a_transformer_gives_the_tokens_that_timm_gives():
    """forward_features: class token first, then the grid row by row."""
    encoder = make_timm_encoder("vit_small_patch16_224", 3, size=(64, 64)).eval()
    x = torch.rand(2, 3, 64, 64)

    with torch.no_grad():
        tokens = encoder.network.forward_features(x)[:, 1:]
        grid = encoder(x)[0]

    torch.testing.assert_close(grid.flatten(2).transpose(1, 2), tokens)


def test_equal_seeds_give_equal_networks_of_timm():
    one, other = (make_timm_encoder("resnet18", 3, size=(64, 64), seed=4).network.conv1.weight for _ in range(2))

    assert torch.equal(one, other)


def test_an_unknown_network_names_the_nearest():
    with pytest.raises(Unknown) as raised:
        open_timm("densenet210", 3)

    assert "encoder timm:densenet210: unknown network of timm 'densenet210'. Did you mean 'densenet" in str(
        raised.value
    )


def test_a_window_that_a_network_cannot_take_is_refused():
    """A patch of 16 pixels does not divide 60."""
    with pytest.raises(Refused) as raised:
        make_timm_encoder("vit_small_patch16_224", 3, size=(60, 60))

    assert str(raised.value) == (
        "encoder timm:vit_small_patch16_224: cannot take the window: want a multiple of 16 px, "
        "else its edge would not be looked at, have 60 x 60 px."
    )


def test_strides_do_not_depend_on_the_window():
    """97 pixels give maps of 49, 25, 13, 7 and 4."""
    assert make_timm_encoder("resnet18", 3, size=(97, 97)).strides == (2, 4, 8, 16, 32)


def test_without_timm_the_command_that_installs_it_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "timm", None)

    with pytest.raises(MissingExtra) as raised:
        open_timm("resnet18", 3)

    assert str(raised.value) == (
        "encoder timm:resnet18: needs the package 'timm', which comes with the extra [timm]. "
        "Install it with: pip install 'swath[timm]'."
    )


def test_without_torchvision_the_same_command_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "torchvision", None)

    with pytest.raises(MissingExtra) as raised:
        open_timm("resnet18", 3)

    assert "pip install 'swath[timm]'" in str(raised.value)


def test_another_failure_of_torchvision_is_not_hidden(monkeypatch):
    def broken(name):
        raise RuntimeError("something else")

    monkeypatch.setattr(door.importlib, "import_module", broken)

    with pytest.raises(RuntimeError, match="something else"):
        open_timm("resnet18", 3)


def test_an_entry_of_stride_one_keeps_the_grid():
    encoder = make_encoder(Plan((1, 1), 8, "stride1"), 3).eval()

    assert encoder.strides == (1, 2)
