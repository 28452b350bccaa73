"""Galileo: our encoder is the authors' encoder."""

from __future__ import annotations

import json
import os
import zipfile
from pathlib import Path

import numpy as np
import pytest
import rasterio
import torch

from swath.core.errors import Mismatch, Refused, Unreadable
from swath.core.quantity import BOA, TOA, dn
from swath.core.specs import InputSpec
from swath.models.galileo import GROUPS, Galileo, embed, open_galileo
from tests.models.a_spec import a_spec, a_stack

TEN = ("B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B11", "B12")
EUROSAT = ("B01", "B02", "B03", "B04", "B05", "B06", "B07", "B08", "B09", "B10", "B11", "B12", "B8A")

# Means of visible tokens, first five numbers of two samples, computed with single_file_galileo.py of
# nasaharvest/galileo (commit 277458f) on `waves` below: patch -> numbers.
ON_WAVES = {
    4: [[1.517502, 1.315179, 2.002376, 0.42685, 0.667132], [1.390881, 1.265209, 1.832333, 0.699453, 0.901787]],
    6: [[1.677675, 1.297423, 1.981265, 0.208421, 0.588864], [1.530524, 1.326171, 1.801341, 0.578862, 0.814238]],
}
ON_PUBLISHED = {
    4: [[-0.008046, 0.04412, 0.173266, 0.067574, 0.009573], [-0.014681, 0.026325, 0.155387, 0.039341, -0.006104]],
    6: [[-0.018606, 0.011743, 0.145157, 0.06765, 0.0113], [-0.02335, 0.026482, 0.142225, 0.06445, 0.014889]],
}


def waves(shape, k):
    """Numbers that anyone can make again without a random stream."""
    return torch.sin(torch.arange(int(np.prod(shape)), dtype=torch.float64) * k + 0.1 * k).reshape(shape).float()


def a_wavy_model():
    model = Galileo(32, 2, 4, mlp_ratio=2).eval()
    for k, (name, each) in enumerate(sorted(model.named_parameters())):
        if name not in ("pos_embed", "month_embed.weight"):
            each.data = 0.2 * waves(each.shape, 0.37 + 0.01 * k)
            each.data += 1 if "norm" in name and name.endswith("weight") else 0
    return model


def answers(model, patch):
    """Two samples, two dates, six groups at 20 m; of the second the first patch is masked."""
    x = {name: waves((2, 2, len(GROUPS[name][1]), 12, 12), 0.11 + 0.01 * k) for k, name in enumerate(list(GROUPS)[:6])}
    valid = torch.ones(2, 2, 1, 12, 12, dtype=torch.bool)
    valid[1, :, :, :patch, :patch] = False
    with torch.no_grad():
        return model(
            x, torch.tensor([[0, 5], [7, 11]]), visible=dict.fromkeys(x, valid), patch=patch, gsd=20.0
        ).pooled()


@pytest.mark.parametrize("patch", [4, 6])
def test_the_encoder_equals_the_authors(patch):
    """All groups, dates, months, ground sizes, masks and resized patches at once, to 1e-5."""
    got = answers(a_wavy_model(), patch)[:, :5]

    np.testing.assert_allclose(got.numpy(), ON_WAVES[patch], atol=1e-5)


def test_a_masked_patch_changes_nothing():
    """What is not visible takes no part in attention or mean, whatever numbers lie there."""
    model = a_wavy_model()
    x = torch.rand(1, 1, 3, 16, 16)
    valid = torch.ones(1, 1, 1, 16, 16, dtype=torch.bool)
    valid[..., 3, 5] = False
    other = x.clone()
    other[..., :8, :8] = 99.0

    one, two = (
        model({"S2_RGB": each}, torch.zeros(1, 1, dtype=torch.long), visible={"S2_RGB": valid}) for each in (x, other)
    )

    assert torch.equal(one.pooled(), two.pooled())
    assert one.visible.flatten().tolist() == [False, True, True, True]
    assert torch.isnan(one.grid()[0, :, 0, 0]).all()


def test_nothing_visible_is_missing_and_not_a_number_like_others():
    none = torch.zeros(1, 1, 1, 8, 8, dtype=torch.bool)

    got = a_wavy_model()(
        {"S2_RGB": torch.rand(1, 1, 3, 8, 8)}, torch.zeros(1, 1, dtype=torch.long), visible={"S2_RGB": none}
    )

    assert torch.isnan(got.pooled()).all()
    assert not torch.isnan(got.values).any()


def test_windows_need_not_be_square():
    got = Galileo().eval()({"S1": torch.zeros(1, 1, 2, 16, 24)}, torch.zeros(1, 1, dtype=torch.long))

    assert got.grid().shape == (1, 128, 2, 3)


def test_embedding_normalises_as_the_preset_says():
    """(x - (m - 2 s)) / (4 s) of DN without offset; toa and DN of another offset are brought there first."""
    model = Galileo(32, 1, 4).eval()
    numbers = np.random.default_rng(0).integers(1, 5000, (2, 1, 10, 16, 16))
    times = np.array([["2020-06-15"], ["2021-01-01"]], "datetime64[us]")
    given = {
        "dn": (numbers.astype(np.uint16), dn("toa", offset=0)),
        "shifted": ((numbers + 1000).astype(np.uint16), dn("toa", offset=-1000)),
        "toa": ((numbers / 1e4).astype(np.float32), TOA),
    }
    with torch.no_grad():
        mean, std = np.array([1395, 1338, 1343]), np.array([918, 913, 1093])
        fed = (numbers[:, :, :3] - (mean - 2 * std)[:, None, None]) / (4 * std)[:, None, None]
        by_hand = model(
            {"S2_RGB": torch.from_numpy(fed.astype(np.float32))}, torch.tensor([[5], [0]]), patch=8
        ).pooled()

    for data, quantity in given.values():
        only = embed(model, {"s2": data[:, :, :3]}, a_spec(TEN[:3], size=16, quantity=quantity), times)
        np.testing.assert_allclose(only, by_hand.numpy(), atol=1e-5)


def test_batches_and_bands_in_another_order_change_nothing():
    model = Galileo(32, 1, 4).eval()
    data = np.random.default_rng(0).integers(1, 5000, (5, 2, 10, 16, 16)).astype(np.uint16)
    times = np.full((5, 2), np.datetime64("2020-06-15"), "datetime64[us]")
    turned = TEN[::-1]

    one = embed(model, {"s2": data}, a_spec(TEN, size=16, quantity=dn("toa", offset=0)), times)
    two = embed(model, {"s2": data[:, :, ::-1]}, a_spec(turned, size=16, quantity=dn("toa", offset=0)), times, batch=2)

    np.testing.assert_allclose(one, two, atol=1e-6)


def test_the_index_is_that_of_the_reflectances():
    """NDVI = (B08 - B04) / (B08 + B04), not normalised."""
    model = Galileo(32, 1, 4).eval()
    data = np.random.default_rng(0).integers(1, 5000, (1, 1, 2, 8, 8)).astype(np.uint16)
    spec = a_spec(("B04", "B08"), size=8, quantity=dn("toa", offset=0))
    times = np.array([["2020-06-15"]], "datetime64[us]")
    red, nir = data[:, :, :1].astype(np.float64), data[:, :, 1:].astype(np.float64)
    with torch.no_grad():
        by_hand = model(
            {
                "S2_NIR_10m": torch.from_numpy(((nir - (2410 - 2 * 1099)) / (4 * 1099)).astype(np.float32)),
                "NDVI": torch.from_numpy(((nir - red) / (nir + red)).astype(np.float32)),
            },
            torch.tensor([[5]]),
        ).pooled()

    got = embed(model, {"s2": data}, spec, times, ndvi=True)

    np.testing.assert_allclose(got, by_hand.numpy(), atol=1e-4)


def test_invalid_pixels_hide_their_patch():
    model = Galileo(32, 1, 4).eval()
    data = np.random.default_rng(0).integers(1, 5000, (1, 1, 10, 16, 16)).astype(np.uint16)
    spec, times = a_spec(TEN, size=16, quantity=dn("toa", offset=0)), np.array([["2020-06-15"]], "datetime64[us]")
    valid = np.ones((1, 1, 1, 16, 16), bool)
    valid[..., 0, 0] = False
    spoilt = data.copy()
    spoilt[..., 0, 0] = 0

    np.testing.assert_array_equal(
        embed(model, {"s2": data}, spec, times, valid={"s2": valid}),
        embed(model, {"s2": spoilt}, spec, times, valid={"s2": valid}),
    )


def test_no_windows_give_no_vectors():
    times = np.zeros((0, 1), "datetime64[us]")

    assert embed(Galileo(), {"s2": np.zeros((0, 1, 10, 8, 8))}, a_spec(TEN, size=8), times).shape == (0, 128)


def test_unknown_dates_are_refused_unless_a_month_stands_for_them():
    model, spec = Galileo(32, 1, 4).eval(), a_spec(TEN, size=8)
    data = {"s2": np.full((1, 1, 10, 8, 8), 0.1, np.float32)}
    unknown, june = np.full((1, 1), "NaT", "datetime64[us]"), np.array([["2020-06-15"]], "datetime64[us]")

    with pytest.raises(Refused) as raised:
        embed(model, data, spec, unknown)

    assert str(raised.value) == (
        "galileo: 1 of 1 dates are unknown, and it reads the month. "
        "Say which month stands for them (undated=6 is the authors' default)."
    )
    np.testing.assert_array_equal(embed(model, data, spec, unknown, undated=6), embed(model, data, spec, june))


def test_surface_reflectance_is_refused():
    """It was trained on top-of-atmosphere numbers (S2_HARMONIZED)."""
    with pytest.raises(Mismatch) as raised:
        embed(
            Galileo(32, 1, 4),
            {"s2": np.zeros((1, 1, 10, 8, 8), np.float32)},
            a_spec(TEN, size=8, quantity=BOA),
            np.array([["2020-06-15"]], "datetime64[us]"),
        )

    assert "preset galileo-s2: quantity differs: want dn offset 0 (toa reflectance, /10000)" in str(raised.value)


def test_bands_that_fill_no_group_are_refused():
    with pytest.raises(Mismatch) as raised:
        embed(
            Galileo(32, 1, 4),
            {"s2": np.zeros((1, 1, 1, 8, 8), np.float32)},
            InputSpec({"s2": a_stack(("B04",))}, (8, 8)),
            np.array([["2020-06-15"]], "datetime64[us]"),
        )

    assert "galileo: bands differs: want one whole group of VV VH, B02 B03 B04" in str(raised.value)
    assert str(raised.value).endswith("have s2: B04.")


@pytest.mark.parametrize(
    ("x", "sentence"),
    [
        ({}, "galileo: groups differs: want S1, S2_RGB"),
        ({"S3": torch.zeros(1, 1, 1, 8, 8)}, "have S3."),
        ({"S1": torch.zeros(1, 1, 2, 12, 8)}, "galileo: window differs: want a multiple of 8 px, have 12 x 8."),
        ({"S1": torch.zeros(1, 25, 2, 8, 8)}, "galileo: dates differs: want 24 at most, have 25."),
        (
            {"S1": torch.zeros(1, 1, 3, 8, 8)},
            "galileo, group S1: shape differs: want (1, 1, 2, 8, 8), have (1, 1, 3, 8, 8).",
        ),
    ],
)
def test_what_the_encoder_cannot_take_is_named(x, sentence):
    with pytest.raises(Mismatch) as raised:
        Galileo()(x, torch.zeros(1, 1, dtype=torch.long))

    assert sentence in str(raised.value)


def test_a_folder_without_its_description_is_unreadable(tmp_path):
    with pytest.raises(Unreadable) as raised:
        open_galileo(tmp_path)

    assert str(raised.value) == (
        f"{tmp_path / 'config.json'}: is not there. "
        "Fetch models/nano/{encoder.pt,config.json} of nasaharvest/galileo into one folder."
    )


def test_another_description_is_unreadable(tmp_path):
    (tmp_path / "config.json").write_text(json.dumps({"model": {}}))

    with pytest.raises(Unreadable) as raised:
        open_galileo(tmp_path)

    assert "does not describe Galileo's encoder (KeyError('encoder'))" in str(raised.value)


@pytest.mark.realdata
@pytest.mark.parametrize("patch", [4, 6])
def test_the_published_weights_fill_every_place_and_answer_as_the_authors(patch):
    """106 of 106 tensors; numbers computed as ON_WAVES, with models/nano/encoder.pt."""
    model, coverage = open_galileo(Path(os.environ["SWATH_REAL_DATA"]) / "weights/galileo-nano")

    assert (len(coverage.loaded), coverage.missing, coverage.unexpected) == (106, (), ())
    np.testing.assert_allclose(answers(model, patch)[:, :5].numpy(), ON_PUBLISHED[patch], atol=1e-5)


@pytest.mark.realdata
def test_embeddings_of_real_patches_know_their_class_better_than_band_statistics():
    """80 EuroSAT patches, 8 a class, nearest neighbour: 0.75 beside 0.50 of band means and deviations."""
    root = Path(os.environ["SWATH_REAL_DATA"])
    with zipfile.ZipFile(root / "eurosat-ms/EuroSAT_MS_subset.zip") as held:
        names = sorted(name for name in held.namelist() if name.endswith(".tif"))
        pixels = []
        for name in names:
            with rasterio.MemoryFile(held.read(name)) as file, file.open() as raster:
                pixels.append(raster.read())
    classes = np.array([name.split("/")[-2] for name in names])
    model, _ = open_galileo(root / "weights/galileo-nano")
    times = np.full((len(names), 1), "NaT", "datetime64[us]")

    vectors = embed(
        model, {"s2": np.stack(pixels)[:, None]}, a_spec(EUROSAT, quantity=dn("toa", offset=0)), times, undated=6
    )

    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    likeness = unit @ unit.T
    np.fill_diagonal(likeness, -2)
    assert (classes[likeness.argmax(1)] == classes).mean() > 0.65
