"""The two rules of a map: what every pixel is told, compared with loops that anyone would write."""

from __future__ import annotations

import numpy as np
import pytest
import rasterio

from swath.prediction import mapplan, run_map
from swath.prediction.lattice import centred
from tests.prediction.a_map import CODES, HeldScene, PerPixel, Projected, a_plan, noise


def mapped(tmp_path, scene, model, **options):
    """(labels, probabilities (k + 1, h, w) as stored) of a map."""
    made = run_map(a_plan(scene, model, **options), model, tmp_path / "map.tif", overwrite=True)
    with rasterio.open(made.files.map) as one, rasterio.open(made.files.probability) as other:
        return one.read(1), other.read()


def naive(model, data):
    """As 004's script: pad by symmetry, then a window and an answer for every pixel; probabilities (k, h, w)."""
    (h, w), (tall, wide) = model.input.size, data.shape[1:]
    padded = np.pad(data, ((0, 0), (h, h), (w, w)), mode="symmetric")
    raw = np.empty((tall, wide, len(CODES)))
    for r in range(tall):
        for c in range(wide):
            top, left = r + h - h // 2, c + w - w // 2
            raw[r, c] = model.answer(padded[None, :, top : top + h, left : left + w])[0]
    grown = np.exp(raw - raw.max(axis=2, keepdims=True))
    return np.moveaxis(grown / grown.sum(axis=2, keepdims=True), 2, 0)


@pytest.mark.parametrize("size", [16, (16, 9)])
def test_at_stride_1_labels_are_those_of_the_naive_loop(tmp_path, size):
    """source-systems.md F1: equal on a 96 x 96 scene where the top-two margin is above 1e-5."""
    model, data = Projected(size), noise(96, 96)
    want = naive(model, data)

    labels, chances = mapped(tmp_path, HeldScene(data), model, stride=1)

    best_two = np.sort(want, axis=0)[-2:]
    sure = best_two[1] - best_two[0] > 1e-5
    assert sure.mean() > 0.99
    np.testing.assert_array_equal(labels[sure], np.array(CODES)[want.argmax(axis=0)][sure])
    assert np.abs(chances[1:] / 254 - want).max() <= 0.5 / 254 + 1e-6
    np.testing.assert_array_equal(chances[0], chances[1:].max(axis=0))


@pytest.mark.parametrize("stride", [1, 3, 8])
def test_bilinear_answers_stand_where_their_pixels_are(tmp_path, stride):
    """The half pixel is corrected: the probability of a straight ramp comes out at each pixel's own centre."""

    class Ramp(Projected):
        def answer(self, windows):
            middle = windows[:, 0].mean(axis=(1, 2), dtype=float)
            return np.log(np.stack([middle, 1 - middle, np.full(len(middle), 1e-9)], axis=1))

    across = (np.arange(400) + 0.5) / 400
    data = np.broadcast_to(across, (2, 40, 400)).astype(np.float32)

    _, chances = mapped(tmp_path, HeldScene(data), Ramp(), stride=stride, interpolation="bilinear")

    inside = slice(20, 380)
    off = chances[1, :, inside] / 254 - across[inside]
    assert np.abs(off).max() <= 0.5 / 254 + 1e-4
    assert abs(off.mean()) < 1 / 400 / 10  # a tenth of a pixel; half a pixel would be 1 / 800


def test_interpolation_is_that_of_scipy_between_true_centres(tmp_path):
    """Another library: RegularGridInterpolator on the naive loop's answers at the centres of the lattice."""
    from scipy.interpolate import RegularGridInterpolator

    model, data = Projected(), noise(64, 80, seed=2)
    rows, cols = centred(64, 16, 8), centred(80, 16, 8)
    want = naive(model, data)[:, rows.starts + 8][:, :, cols.starts + 8]
    points = np.stack(np.meshgrid(np.arange(64) + 0.5, np.arange(80) + 0.5, indexing="ij"), axis=-1)
    low, high = (np.array([axis.centres[i] for axis in (rows, cols)]) for i in (0, -1))

    _, chances = mapped(tmp_path, HeldScene(data), model, stride=8)

    for i in range(len(CODES)):
        theirs = RegularGridInterpolator((rows.centres, cols.centres), want[i])(points.clip(low, high))
        assert np.abs(chances[1 + i] / 254 - theirs).max() <= 0.5 / 254 + 1e-6


@pytest.mark.parametrize("interpolation", ["nearest", "bilinear"])
def test_a_pixel_without_a_measurement_is_nodata_and_harms_no_neighbour(tmp_path, interpolation):
    """field.md 34: NaN turned whole patches into background elsewhere."""
    data, valid = noise(64, 64), np.ones((64, 64), bool)
    valid[30, 20:24] = False
    data[:, ~valid] = np.nan

    labels, chances = mapped(tmp_path, HeldScene(data, valid), Projected(), stride=4, interpolation=interpolation)

    np.testing.assert_array_equal(labels == 255, ~valid)
    np.testing.assert_array_equal((chances == 255).all(axis=0), ~valid)


def test_windows_below_the_least_valid_share_are_not_asked_about(tmp_path):
    """Issue: --min-valid decides when a window gives nodata. A window at stride 16 is a block: all seen or none."""
    data, valid = noise(64, 64), np.ones((64, 64), bool)
    valid[:16, :8] = False  # half of the first block
    valid[16:32, :9] = False  # a little more of the one below
    model = Projected()

    labels, _ = mapped(tmp_path, HeldScene(data, valid), model, stride=16, interpolation="nearest")

    assert (labels[:16, 8:16] != 255).all()
    assert (labels[16:32, 9:16] == 255).all()
    assert (labels[valid & (np.arange(64) >= 16)] != 255).all()
    corners = {tuple(each) for _, asked in model.seen for each in asked.tolist()}
    assert len(corners) == 15


def test_a_measured_pixel_beside_windows_without_an_answer_takes_that_of_the_others(tmp_path):
    """Weights of the centres that answered sum to 1, however far they are: nodata harms no neighbour."""
    data, valid = noise(16, 48), np.ones((16, 48), bool)
    valid[:, :9] = False  # 9 of 16 columns: the first window gives nodata, the centre of the second is at column 24
    model = Projected()
    raw = model.answer(data[None, :, :, 16:32])[0]
    want = np.exp(raw - raw.max()) / np.exp(raw - raw.max()).sum()

    labels, chances = mapped(tmp_path, HeldScene(data, valid), model, stride=16, interpolation="bilinear")

    np.testing.assert_array_equal(labels == 255, ~valid)
    beside = chances[1:, :, 9:24] / 254
    assert np.abs(beside - want[:, None, None]).max() <= 0.5 / 254 + 1e-6


def test_no_window_is_asked_about_where_nothing_was_measured_even_at_share_0(tmp_path):
    data, valid = noise(48, 48), np.zeros((48, 48), bool)
    valid[20, 20] = True
    model = Projected()

    labels, _ = mapped(tmp_path, HeldScene(data, valid), model, stride=16, min_valid=0.0, interpolation="nearest")

    assert (labels != 255).sum() == 1
    assert len({tuple(each) for _, asked in model.seen for each in asked.tolist()}) == 1


def test_a_strip_goes_to_the_model_once_and_its_last_batch_is_full(tmp_path):
    """Contract 11: batches are fixed, the last one padded."""
    model = Projected()

    mapped(tmp_path, HeldScene(noise(64, 80)), model, stride=8, batch=32)

    ((shape, corners),) = model.seen
    assert shape == (1, 2, 72, 88)
    assert len(corners) == 96  # 8 x 10 windows
    np.testing.assert_array_equal(corners[80:], np.repeat(corners[79:80], 16, axis=0))


def dense_by_hand(model, data):
    """Every window of a lattice of half a window, weighted by sin squared, in the plainest of loops."""
    size, half = model.size, model.size // 2
    h, w = data.shape[1:]
    padded = np.pad(data, ((0, 0), (size, size), (size, size)), mode="symmetric")
    weight = np.sin(np.pi * (np.arange(size) + 0.5) / size) ** 2
    total = np.zeros((len(CODES), *padded.shape[1:]))
    for r in range(half, padded.shape[1] - size + 1, half):
        for c in range(half, padded.shape[2] - size + 1, half):
            raw = model.dense({"s2": padded[None, :, r : r + size, c : c + size]}, {})
            grown = np.exp(raw - raw.max(axis=0))
            total[:, r : r + size, c : c + size] += grown / grown.sum(axis=0) * np.outer(weight, weight)
    return total[:, size : size + h, size : size + w]


def test_dense_answers_are_blended_as_by_hand(tmp_path):
    model, data = PerPixel(moody=0.7), noise(96, 130)
    want = dense_by_hand(model, data)
    np.testing.assert_allclose(want.sum(axis=0), 1.0, atol=1e-9)

    labels, chances = mapped(tmp_path, HeldScene(data), model)

    assert np.abs(chances[1:] / 254 - want).max() <= 0.5 / 254 + 1e-5
    margin = np.diff(np.sort(want, axis=0)[-2:], axis=0)[0]
    np.testing.assert_array_equal(labels[margin > 1e-5], np.array(CODES)[want.argmax(axis=0)][margin > 1e-5])


def border_over_interior(painted, every):
    """Mean step between neighbours across the borders of windows over that everywhere else, along both axes."""
    ratios = []
    for axis in (0, 1):
        steps = np.abs(np.diff(painted, axis=axis))
        at = np.arange(steps.shape[axis]) % every == every - 1
        ratios.append(np.compress(at, steps, axis).mean() / np.compress(~at, steps, axis).mean())
    return ratios


def test_no_border_of_a_window_can_be_seen(tmp_path):
    """Issue: border over interior gradient within 2 % of 1, for a model whose windows disagree."""
    model = PerPixel(size=32, moody=0.5)
    data = noise(768, 768, seed=5)

    _, chances = mapped(tmp_path, HeldScene(data), model)

    for ratio in border_over_interior(chances[1].astype(float), 16):
        assert abs(ratio - 1) < 0.02


def test_the_measure_of_borders_sees_those_of_windows_that_are_only_laid_side_by_side():
    """Or the test above could not fail."""
    model, data = PerPixel(size=32, moody=0.5), noise(256, 256, seed=5)
    side = np.empty((256, 256))
    for r in range(0, 256, 16):
        for c in range(0, 256, 16):
            raw = model.dense({"s2": data[None, :, r : r + 16, c : c + 16]}, {})
            grown = np.exp(raw - raw.max(axis=0))
            side[r : r + 16, c : c + 16] = (grown / grown.sum(axis=0))[0]

    assert min(border_over_interior(side, 16)) > 1.2


def test_dense_nodata_is_nodata_and_harms_no_neighbour(tmp_path):
    data, valid = noise(96, 96), np.ones((96, 96), bool)
    valid[40:44, 50] = False
    valid[:, 80:] = False

    labels, chances = mapped(tmp_path, HeldScene(data, valid), PerPixel())

    np.testing.assert_array_equal(labels == 255, ~valid)
    np.testing.assert_array_equal((chances == 255).all(axis=0), ~valid)


def test_dense_windows_are_asked_about_once_each_whatever_the_strips(tmp_path, monkeypatch):
    """What a strip's windows add to the rows below is carried on."""
    model, scene = PerPixel(), HeldScene(noise(300, 90))
    monkeypatch.setattr(mapplan, "_VALUES", 20_000)
    plan = a_plan(scene, model)
    assert len(plan.strips) > 4

    mapped(tmp_path, scene, model)

    assert model.calls == plan.windows == len(plan.rows) * len(plan.cols)


def test_strips_leave_no_trace(tmp_path, monkeypatch):
    """The same map in one strip and in many, for both rules."""
    scene = HeldScene(noise(150, 90, seed=4))
    for model in (Projected(), PerPixel(moody=0.5)):
        whole = mapped(tmp_path, scene, model)
        with monkeypatch.context() as small:
            small.setattr(mapplan, "_VALUES", 9_000)
            assert len(a_plan(scene, model).strips) > 2
            parts = mapped(tmp_path, scene, model)

        np.testing.assert_array_equal(whole[0], parts[0])
        np.testing.assert_array_equal(whole[1], parts[1])
