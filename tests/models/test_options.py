"""Model options: one record, plain JSON both ways, and the networks that come of it."""

from __future__ import annotations

import json

import pytest
import torch

from swath.core.bands import S2_BANDS
from swath.core.errors import Mismatch, Refused, Unknown
from swath.core.quantity import dn, rgb8
from swath.core.specs import InputSpec
from swath.models.encoders import make_encoder
from swath.models.options import ModelOptions, make_backbone
from swath.models.preprocessing import fed
from tests.models.a_spec import a_spec, a_stack

RGB = ("B04", "B03", "B02")


@pytest.fixture
def rgb_weights(tmp_path):
    """A file of weights for three bands."""
    path = tmp_path / "rgb.pth"
    torch.save(make_encoder("resnet10-32", 3, seed=9).state_dict(), path)
    return str(path)


def test_options_go_through_json_and_back():
    options = ModelOptions("resnet18", weights="resnet18-s2-moco", stem="copy", weights_bands=S2_BANDS, width=48)

    assert ModelOptions.from_json(json.loads(json.dumps(options.to_json()))) == options
    assert ModelOptions.from_json({}) == ModelOptions()


def test_an_unknown_option_names_the_nearest():
    with pytest.raises(Unknown) as raised:
        ModelOptions.from_json({"encodr": "resnet18"})

    assert "model options: unknown option 'encodr'. Did you mean 'encoder'?" in str(raised.value)


def test_a_value_of_another_kind_is_named():
    with pytest.raises(Mismatch) as raised:
        ModelOptions.from_json({"width": "wide"})

    assert str(raised.value).startswith("model options: option width differs: want a valid integer")


def test_every_option_of_our_encoders_reaches_the_network():
    given = ModelOptions(
        "resnet14-32", width=16, entry="deep", squeeze=True, shortcut="pool", activation="silu", norm="group"
    )

    backbone, coverage = make_backbone(given, a_spec())

    plan = backbone.encoder.plan
    assert coverage is None
    assert (plan.width, plan.entry, plan.squeeze, plan.shortcut, plan.activation, plan.norm) == (
        16,
        "deep",
        True,
        "pool",
        "silu",
        "group",
    )
    assert backbone({"s2": torch.rand(2, 1, 13, 64, 64)})[-1].shape == (2, 64, 4, 4)


def test_a_copied_stem_serves_thirteen_bands(rgb_weights):
    backbone, coverage = make_backbone(
        ModelOptions(weights=rgb_weights, stem="copy", weights_bands=RGB), a_spec(), seed=1
    )
    published = torch.load(rgb_weights, weights_only=True)

    assert torch.equal(backbone.encoder.layer1[0].conv1.weight, published["layer1.0.conv1.weight"])
    assert backbone.encoder.conv1.weight.shape == (32, 13, 3, 3)
    assert coverage.share == 1
    assert str(coverage.stem[0]).startswith("B01 <- B02 (nearest in wavelength) x 0.")
    assert "stem: B01 <- B02" in str(coverage)
    assert backbone.fresh == ()


def test_an_adapter_shows_the_weights_their_own_bands(rgb_weights):
    """Identity at first: the same maps as the published network on the three bands alone."""
    given = {"weights": rgb_weights, "weights_bands": RGB}
    wide, _ = make_backbone(ModelOptions(stem="adapter", **given), a_spec())
    narrow, _ = make_backbone(ModelOptions(**given), a_spec(RGB))
    x = torch.rand(2, 1, 13, 64, 64)

    one = wide.eval()({"s2": x})[-1]
    other = narrow.eval()({"s2": x[:, :, [S2_BANDS.index(band) for band in RGB]]})[-1]

    torch.testing.assert_close(one, other)
    assert wide.parts["adapter"] == wide.fresh == ("adapter.",)


def test_a_fresh_stem_keeps_all_else_published(rgb_weights):
    backbone, coverage = make_backbone(ModelOptions(weights=rgb_weights, stem="fresh", weights_bands=RGB), a_spec())

    total = sum(each.numel() for each in backbone.encoder.parameters())
    assert coverage.share == pytest.approx(1 - 13 * 32 * 9 / total)
    assert backbone.fresh == ("encoder.conv1.",)


@pytest.mark.parametrize("stem", ["copy", "adapter", "fresh"])
def test_a_trained_network_is_rebuilt_without_the_published_file(rgb_weights, stem):
    """What a bundle does: the same options, weights of its own."""
    given = ModelOptions(weights=rgb_weights, stem=stem, weights_bands=RGB)
    trained, _ = make_backbone(given, a_spec())

    again, coverage = make_backbone(
        ModelOptions.from_json({**given.to_json(), "weights": "gone.pth"}), a_spec(), load=False
    )

    assert coverage is None
    assert again.load_state_dict(trained.state_dict()).missing_keys == []


def test_weights_say_whether_they_are_fed_as_they_expect(tmp_path, monkeypatch):
    monkeypatch.setenv("SWATH_WEIGHTS", str(tmp_path))
    torch.save(make_encoder("resnet18", 3).state_dict(), tmp_path / "timm-resnet18.a1_in1k.pth")
    seen = a_stack(RGB, quantity=rgb8("eurosat-2750-jpeg"), mean=(88.0, 97.0, 104.0), std=(24.0, 16.0, 14.0))
    given = ModelOptions("resnet18", weights="timm:resnet18.a1_in1k")

    _, theirs = make_backbone(given, InputSpec({"s2": fed(seen, "imagenet")}, (64, 64)))
    _, ours = make_backbone(given, InputSpec({"s2": seen}, (64, 64)))

    assert theirs.is_fed_as_expected is True
    assert ours.is_fed_as_expected is False
    assert "the input spec does not normalise as they expect" in str(ours)


def test_weights_for_bands_in_another_order_are_refused(rgb_weights):
    with pytest.raises(Mismatch) as raised:
        make_backbone(ModelOptions(weights=rgb_weights, weights_bands=RGB), a_spec(("B02", "B03", "B04")))

    assert f"weights {rgb_weights}: bands differs: want B04 B03 B02, have B02 B03 B04. Give the bands" in str(
        raised.value
    )


def test_a_stem_for_weights_of_unknown_bands_is_refused(rgb_weights):
    with pytest.raises(Refused) as raised:
        make_backbone(ModelOptions(weights=rgb_weights, stem="copy"), a_spec())

    assert str(raised.value) == (
        f"weights {rgb_weights}: it is not known which bands they were made for, so stem copy would guess. "
        "Say weights_bands, such as B04 B03 B02 for pictures."
    )


def test_a_stem_without_weights_is_refused():
    with pytest.raises(Refused) as raised:
        ModelOptions(stem="copy")

    assert str(raised.value) == (
        "model options: stem copy is a way of using published weights, and there are none. "
        "Name weights, or leave the stem as-is."
    )


@pytest.mark.parametrize("stem", ["adapter", "fresh"])
def test_the_architecture_of_published_weights_is_built_without_them(rgb_weights, stem):
    """The same network with fresh weights: what a training without weights at hand begins with."""
    given = ModelOptions(weights=rgb_weights, stem=stem, weights_bands=RGB)
    theirs, _ = make_backbone(given, a_spec())

    ours, coverage = make_backbone(ModelOptions(stem=stem, weights_bands=RGB), a_spec())

    assert coverage is None
    assert ours.load_state_dict(theirs.state_dict()).missing_keys == []
    assert ours.fresh == theirs.fresh


def test_copied_kernels_need_weights():
    with pytest.raises(Refused, match="stem copy is a way of using published weights, and there are none"):
        ModelOptions(stem="copy", weights_bands=RGB)


def test_an_unknown_stem_names_the_nearest():
    with pytest.raises(Unknown) as raised:
        ModelOptions(stem="adaptor", weights="x")

    assert "model options: unknown stem 'adaptor'. Did you mean 'adapter'?" in str(raised.value)


def test_a_network_of_timm_cannot_be_changed():
    with pytest.raises(Refused) as raised:
        ModelOptions("timm:vgg16", norm="group")

    assert str(raised.value) == (
        "model options: norm cannot be changed in a network of timm (timm:vgg16). "
        "Leave it, or choose one of our encoders."
    )


def test_a_window_smaller_than_the_coarsest_stride_is_refused():
    with pytest.raises(Refused) as raised:
        make_backbone(ModelOptions("resnet18"), a_spec(size=16))

    assert str(raised.value) == ("encoder resnet18: the window is too small: want 32 px at least, have 16 x 16 px.")


def test_an_unknown_encoder_names_the_nearest():
    with pytest.raises(Unknown) as raised:
        make_backbone(ModelOptions("resnet81"), a_spec())

    assert "model options: unknown encoder 'resnet81'. Did you mean 'resnet18'?" in str(raised.value)


def test_a_network_of_timm_is_a_backbone():
    backbone, _ = make_backbone(ModelOptions("timm:convnextv2_atto"), a_spec(quantity=dn("toa", offset=0)))

    assert backbone({"s2": torch.rand(2, 1, 13, 64, 64)})[-1].shape == (2, 320, 2, 2)
    assert backbone.parts["stem"] == ("encoder.network.stem.",)
