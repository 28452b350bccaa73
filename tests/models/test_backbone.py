"""Backbone: what the encoder sees is what the spec says, and nothing else."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch

from swath.core.errors import Mismatch, Refused
from swath.core.specs import InputSpec
from swath.models.backbone import Backbone, channels_of
from swath.models.encoders import make_encoder
from swath.models.options import ModelOptions, make_backbone
from tests.models.a_spec import a_spec, a_stack


def a_backbone(spec=None, **given):
    """Of the compact default."""
    spec = spec or a_spec()
    return make_backbone(ModelOptions(**given), spec)[0].eval()


def test_the_picture_is_normalised_once_and_joined_by_stack_date_band():
    """A naive loop in numpy over stacks, dates and bands."""
    spec = InputSpec(
        {
            "s2": a_stack(("B04", "B08"), dates=2, mean=(0.1, 0.3), std=(0.05, 0.2)),
            "s1": a_stack(("VV",), mean=(-12.0,), std=(5.0,)),
        },
        (32, 32),
    )
    rng = np.random.default_rng(0)
    x = {"s2": rng.random((3, 2, 2, 32, 32), np.float32), "s1": rng.random((3, 1, 1, 32, 32), np.float32) - 12}
    valid = {"s2": rng.random((3, 2, 1, 32, 32)) > 0.3, "s1": rng.random((3, 1, 1, 32, 32)) > 0.3}
    x["s1"][~valid["s1"]] = np.nan
    expected = []
    for name, stack in spec.stacks.items():
        for date in range(stack.dates):
            for band in range(len(stack.bands)):
                plane = (x[name][:, date, band] - stack.mean[band]) / stack.std[band]
                expected.append(np.where(valid[name][:, date, 0], plane, 0))

    picture = a_backbone(spec).picture(
        {k: torch.from_numpy(v) for k, v in x.items()}, {k: torch.from_numpy(v) for k, v in valid.items()}
    )

    np.testing.assert_allclose(picture.numpy(), np.stack(expected, 1), rtol=1e-5, atol=1e-6)
    assert [str(each) for each in channels_of(spec)] == [
        "s2/0/B04",
        "s2/0/B08",
        "s2/1/B04",
        "s2/1/B08",
        "s1/0/VV",
    ]


@pytest.mark.parametrize("dtype", [torch.uint8, torch.uint16, torch.int16, torch.float16, torch.float32, torch.float64])
def test_numbers_come_as_they_are_stored(dtype):
    """120 with mean 100 and deviation 10 is 2, whatever holds it."""
    backbone = a_backbone(a_spec(("B04",), mean=(100.0,), std=(10.0,)))

    picture = backbone.picture({"s2": torch.full((1, 1, 1, 64, 64), 120, dtype=dtype)})

    assert picture.dtype == torch.float32
    assert picture.unique().tolist() == [2.0]


def test_a_mask_of_each_band_blanks_that_band_alone():
    backbone = a_backbone(a_spec(("B04", "B08")))
    valid = torch.ones(1, 1, 2, 64, 64, dtype=torch.bool)
    valid[:, :, 1] = False

    picture = backbone.picture({"s2": torch.ones(1, 1, 2, 64, 64)}, {"s2": valid})

    assert (picture[:, 0] != 0).all()
    assert (picture[:, 1] == 0).all()


def test_what_is_invalid_changes_nothing():
    """Invalid pixels become 0 after normalising, whatever number lies there."""
    backbone = a_backbone()
    x = torch.rand(2, 1, 13, 64, 64)
    valid = torch.rand(2, 1, 1, 64, 64) > 0.2
    held, other = torch.where(valid, x, -9999.0), torch.where(valid, x, float("nan"))

    for one, two in zip(backbone({"s2": held}, {"s2": valid}), backbone({"s2": other}, {"s2": valid}), strict=True):
        assert torch.equal(one, two)


def test_no_mask_means_all_is_valid():
    backbone = a_backbone()
    x = {"s2": torch.rand(2, 1, 13, 64, 64)}

    one = backbone(x)[-1]

    assert torch.equal(one, backbone(x, {})[-1])
    assert torch.equal(one, backbone(x, {"s2": torch.ones(2, 1, 1, 64, 64, dtype=torch.bool)})[-1])


def test_the_layout_in_memory_changes_no_result():
    x = {"s2": torch.rand(2, 1, 13, 64, 64)}

    inner, outer = (a_backbone(channels_last=given)(x)[-1] for given in (True, False))

    torch.testing.assert_close(inner, outer, rtol=1e-4, atol=1e-5)


def test_an_exported_backbone_answers_alike():
    """torch.export refuses Python that looks at data."""
    backbone = a_backbone()
    given = ({"s2": torch.rand(2, 1, 13, 64, 64)}, {"s2": torch.rand(2, 1, 1, 64, 64) > 0.5})
    batch = torch.export.Dim("batch", min=2)

    exported = torch.export.export(backbone, given, dynamic_shapes=({"s2": {0: batch}}, {"s2": {0: batch}}))

    more = ({"s2": torch.rand(5, 1, 13, 64, 64)}, {"s2": torch.rand(5, 1, 1, 64, 64) > 0.5})
    torch.testing.assert_close(exported.module()(*more)[-1], backbone(*more)[-1])


def test_a_compiled_backbone_is_one_graph():
    """fullgraph refuses to fall back to Python anywhere; the graph alone is tried, not a C++ compiler."""
    backbone = a_backbone()
    given = ({"s2": torch.rand(2, 1, 13, 64, 64)}, {"s2": torch.rand(2, 1, 1, 64, 64) > 0.5})

    compiled = torch.compile(backbone, backend="eager", fullgraph=True)

    torch.testing.assert_close(compiled(*given)[-1], backbone(*given)[-1])


def test_a_copy_is_a_network_of_its_own():
    """An average of weights over training keeps a deep copy."""
    backbone = a_backbone()
    other = copy.deepcopy(backbone)

    with torch.no_grad():
        backbone.encoder.conv1.weight.zero_()

    assert other.encoder.conv1.weight.abs().sum() > 0


def test_the_state_holds_weights_only():
    """Means and deviations live in the spec, which travels with the weights: one place."""
    assert all(name.startswith("encoder.") for name in a_backbone().state_dict())


def test_dropout_leaves_whole_channels_of_the_coarsest_map_out():
    backbone = a_backbone(dropout=0.5).train()
    backbone.encoder.eval()

    torch.manual_seed(0)
    maps = backbone({"s2": torch.rand(8, 1, 13, 64, 64)})

    gone = (maps[-1] == 0).all(dim=(2, 3)).float().mean().item()
    assert 0.4 < gone < 0.7
    assert (maps[-2] == 0).all(dim=(2, 3)).float().mean().item() < 0.1


def test_the_parts_hold_every_parameter_once():
    backbone = a_backbone()
    prefixes = [prefix for held in backbone.parts.values() for prefix in held]

    assert all(sum(name.startswith(prefix) for prefix in prefixes) == 1 for name, _ in backbone.named_parameters())


def test_a_missing_stack_is_named():
    with pytest.raises(Mismatch) as raised:
        a_backbone()({"s1": torch.zeros(1, 1, 13, 64, 64)})

    assert str(raised.value) == "backbone: stacks differs: want s2, have s1."


def test_other_dates_or_bands_are_refused():
    with pytest.raises(Mismatch) as raised:
        a_backbone()({"s2": torch.zeros(1, 2, 13, 64, 64)})

    assert str(raised.value) == (
        "backbone, stack s2: shape differs: want (n, 1 dates, 13 bands, h, w), have (1, 2, 13, 64, 64)."
    )


def test_pixels_of_a_coarser_stack_are_repeated():
    """Twice as coarse: each of its pixels lies under four of the finest stack's, as numpy repeats them."""
    spec = InputSpec({"fine": a_stack(("B04",)), "coarse": a_stack(("B05",), gsd=20.0)}, (64, 64))
    backbone = Backbone(spec, make_encoder("resnet10-32", 2))
    fine, coarse = torch.rand(1, 1, 1, 64, 64), torch.rand(1, 1, 1, 32, 32)

    picture = backbone.picture({"fine": fine, "coarse": coarse})

    wanted = ((coarse[0, 0, 0].numpy() - 0.2) / 0.1).repeat(2, 0).repeat(2, 1)
    np.testing.assert_allclose(picture[0, 1].numpy(), wanted, rtol=1e-5, atol=1e-6)


def test_stacks_that_cover_other_ground_are_refused():
    spec = InputSpec({"fine": a_stack(("B04",)), "coarse": a_stack(("B05",), gsd=20.0)}, (64, 64))

    with pytest.raises(Mismatch) as raised:
        Backbone(spec, make_encoder("resnet10-32", 2)).picture(
            {"fine": torch.rand(1, 1, 1, 64, 64), "coarse": torch.rand(1, 1, 1, 64, 64)}
        )

    assert str(raised.value) == (
        "backbone: ground differs: want stacks that cover the same, have fine (64, 64), coarse (64, 64)."
    )


def test_ground_sizes_that_do_not_divide_are_refused():
    spec = InputSpec({"fine": a_stack(), "coarse": a_stack(gsd=15.0)}, (64, 64))

    with pytest.raises(Refused) as raised:
        Backbone(spec, make_encoder("resnet10-32", 26))

    assert str(raised.value) == (
        "backbone: stacks join only where one pixel is a whole number of others: have fine 10 m, coarse 15 m. "
        "Resample them to one grid when the corpus is built."
    )


def test_a_share_above_one_is_no_dropout():
    with pytest.raises(Refused) as raised:
        a_backbone(dropout=1.0)

    assert str(raised.value) == "backbone: dropout is a share: want 0 <= dropout < 1, have 1.0."
