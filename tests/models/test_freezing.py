"""Freezing: layer for layer what CNN-Sentinel's scripts froze."""

from __future__ import annotations

import pytest
import torch

from swath.core.errors import Mismatch, Unknown
from swath.models.encoders import make_encoder
from swath.models.freezing import FREEZING, KERAS_LAYERS, frozen_in
from swath.models.options import ModelOptions, make_backbone
from swath.models.timmencoder import make_timm_encoder
from tests.models.a_spec import a_spec

RGB = ("B04", "B03", "B02")


@pytest.mark.parametrize("name", FREEZING)
def test_the_numbers_of_the_scripts_are_these_layers(name):
    """source-systems.md, 004.3: RGB freezes 0-3 / 0-6, MS 2-4 / 2-7, its alternative 2-4 / 3-6."""
    network = name.split("-")[0]
    layers = [prefix for _, prefix in KERAS_LAYERS[network]]
    if name.endswith("-ms"):
        layers.insert(1, "")  # the 1 x 1 convolution from 13 to 3 bands
    first, last = FREEZING[name].layers

    numbers = {
        "vgg16-rgb": (0, 3),
        "densenet201-rgb": (0, 6),
        "vgg16-ms": (2, 4),
        "densenet201-ms": (2, 7),
        "vgg16-ms-alternative": (2, 4),
        "densenet201-ms-alternative": (3, 6),
    }
    assert (first, last) == numbers[name]
    assert tuple(prefix for prefix in layers[first : last + 1] if prefix) == FREEZING[name].second


def a_backbone(encoder, stem, tmp_path):
    """With a file of random RGB weights."""
    if stem == "as-is":
        return make_backbone(ModelOptions(encoder), a_spec(RGB))[0]
    name = encoder.removeprefix("timm:")
    is_ours = name == encoder
    net = make_encoder(name, 3) if is_ours else make_timm_encoder(name, 3, size=(64, 64)).network
    torch.save(net.state_dict(), tmp_path / "rgb.pth")
    given = ModelOptions(encoder, weights=str(tmp_path / "rgb.pth"), stem=stem, weights_bands=RGB)
    return make_backbone(given, a_spec())[0]


def below(backbone, prefixes):
    """Names of the parameters that the training loop leaves as they are."""
    return [name for name, _ in backbone.named_parameters() if name.startswith(prefixes)]


@pytest.mark.parametrize("network", ["vgg16", "densenet201"])
@pytest.mark.parametrize(("way", "stem"), [("rgb", "as-is"), ("ms", "adapter"), ("ms-alternative", "fresh")])
def test_each_stage_of_the_scripts_freezes_its_layers(network, way, stem, tmp_path):
    """Stage 1: head, adapter or first layers learn; stage 2: all but the numbered layers."""
    backbone = a_backbone(f"timm:{network}", stem, tmp_path)
    given = FREEZING[f"{network}-{way}"]

    frozen = below(backbone, frozen_in(backbone, "head", like=f"{network}-{way}"))
    learning = {name.removeprefix("encoder.network.") for name, _ in backbone.named_parameters() if name not in frozen}
    assert all(name.startswith(given.first) for name in learning) if given.first else not learning
    assert {prefix for prefix in given.first if any(name.startswith(prefix) for name in learning)} == set(given.first)

    frozen = below(backbone, frozen_in(backbone, "later", like=f"{network}-{way}"))
    assert all(name.removeprefix("encoder.network.").startswith(given.second) for name in frozen)
    if way != "ms-alternative":
        assert set(frozen_in(backbone, "later")) == set(frozen_in(backbone, "later", like=f"{network}-{way}"))


def test_the_first_stage_leaves_a_whole_backbone_frozen_but_what_is_new(tmp_path):
    whole = a_backbone("resnet18", "as-is", tmp_path)
    assert len(below(whole, frozen_in(whole, "head"))) == len(list(whole.parameters()))

    adapted = a_backbone("resnet18", "adapter", tmp_path)
    frozen = below(adapted, frozen_in(adapted, "head"))
    assert [n for n, _ in adapted.named_parameters() if n not in frozen] == ["adapter.weight", "adapter.bias"]

    renewed = a_backbone("resnet18", "fresh", tmp_path)
    frozen = below(renewed, frozen_in(renewed, "head"))
    assert [n for n, _ in renewed.named_parameters() if n not in frozen] == ["encoder.conv1.weight"]
    assert frozen_in(renewed, "later") == ("encoder.bn1.",)


def test_a_transformers_embedding_is_its_first_block():
    backbone, _ = make_backbone(ModelOptions("timm:vit_small_patch16_224"), a_spec(RGB))

    frozen = below(backbone, frozen_in(backbone, "later"))

    assert set(frozen) == {
        "encoder.network.cls_token",
        "encoder.network.pos_embed",
        "encoder.network.patch_embed.proj.weight",
        "encoder.network.patch_embed.proj.bias",
    }


def test_the_last_stage_freezes_nothing():
    assert frozen_in(make_backbone(ModelOptions(), a_spec())[0], "all") == ()


def test_layers_that_are_not_there_are_named():
    backbone, _ = make_backbone(ModelOptions(), a_spec())

    with pytest.raises(Mismatch) as raised:
        frozen_in(backbone, "later", like="vgg16-rgb")

    assert str(raised.value) == (
        "freezing vgg16-rgb: layers differs: want encoder.network.features.0., encoder.network.features.2., "
        "have encoder.conv1., encoder.bn1., encoder.layer1.0.conv1., encoder.layer1.0.conv2., .... "
        "Use the network that it froze, as timm:vgg16 or timm:densenet201."
    )


@pytest.mark.parametrize(
    ("stage", "like", "sentence"),
    [
        ("haed", None, "freezing: unknown stage 'haed'. Did you mean 'head'?"),
        ("head", "vgg16-rbg", "freezing: unknown way of freezing 'vgg16-rbg'. Did you mean 'vgg16-rgb'?"),
    ],
)
def test_an_unknown_stage_names_the_nearest(stage, like, sentence):
    with pytest.raises(Unknown) as raised:
        frozen_in(make_backbone(ModelOptions(), a_spec())[0], stage, like=like)

    assert sentence in str(raised.value)
