"""Pictures as bytes: lossless, the same every time, and a frame a date."""

from __future__ import annotations

import io
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from swath.core.errors import Mismatch
from swath.draw.picture import enlarge, gif, png, shrink


def noise(seed: int = 0, h: int = 32, w: int = 40) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (h, w, 3), dtype=np.uint8)


def test_png_is_lossless():
    """Pillow reads back what was given."""
    picture = noise()

    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(png(picture)))), picture)


def test_png_of_one_picture_is_the_same_in_another_process():
    """B11: picture hash stable."""
    code = (
        "import hashlib, numpy as np; from swath.draw import png;"
        "picture = np.random.default_rng(0).integers(0, 256, (32, 40, 3), dtype=np.uint8);"
        "print(hashlib.sha256(png(picture)).hexdigest())"
    )
    runs = {
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
        for _ in range(2)
    }

    assert len(runs) == 1


def test_twelve_frames_stay_twelve_at_half_a_second():
    """B11: 12-frame GIF has 12 frames at 0.5 s; here even the same picture twelve times."""
    made = Image.open(io.BytesIO(gif([noise()] * 12)))

    durations = []
    for i in range(made.n_frames):
        made.seek(i)
        durations.append(made.info["duration"])
    assert durations == [500] * 12
    assert made.info["loop"] == 0


def test_frames_come_back_as_they_were_where_colours_are_few():
    """256 colours are exact; each frame has its own."""
    frames = [np.full((8, 8, 3), (i * 40, 255 - i * 40, i), np.uint8) for i in range(5)]
    frames[2][:4] = (1, 2, 3)
    made = Image.open(io.BytesIO(gif(frames, seconds=0.2)))

    for i, frame in enumerate(frames):
        made.seek(i)
        np.testing.assert_array_equal(np.asarray(made.convert("RGB")), frame)


def test_frames_of_many_colours_stay_close():
    """Each frame has 256 colours of its own: a smooth picture is off by a few levels at most."""
    ramp = np.linspace(0, 255, 64)
    frame = np.stack(np.broadcast_arrays(ramp[:, None], ramp[None, :], 128.0), axis=-1).astype(np.uint8)

    back = np.asarray(Image.open(io.BytesIO(gif([frame, frame[::-1]]))).convert("RGB"))

    assert np.abs(back.astype(int) - frame).mean() < 6


def test_enlarging_repeats_pixels():
    """Nothing is interpolated that was not measured: numpy's Kronecker product says the same."""
    picture = noise(h=3, w=4)

    np.testing.assert_array_equal(enlarge(picture, 3), np.kron(picture, np.ones((3, 3, 1), np.uint8)))


def test_shrinking_takes_area_means():
    """A naive loop over 4 x 4 blocks."""
    picture = noise(h=8, w=12)
    means = [[picture[i : i + 4, j : j + 4].reshape(-1, 3).mean(axis=0) for j in (0, 4, 8)] for i in (0, 4)]

    assert np.abs(shrink(picture, 4) - np.array(means)).max() <= 0.5 + 1e-9


def test_shrinking_a_class_map_mixes_no_colours():
    """001-D: labels resampled like pictures make classes that nobody mapped."""
    picture = np.where(np.indices((9, 9)).sum(axis=0)[..., None] % 2, 255, 0).astype(np.uint8).repeat(3, axis=2)

    assert set(np.unique(shrink(picture, 3, is_map=True))) <= {0, 255}


@pytest.mark.parametrize(
    ("frames", "sentence"),
    [
        ([], "gif: frames differs: want one or more of one size, have no frame."),
        ([noise(h=4), noise(h=5)], "gif: frames differs: want one or more of one size, have (4, 40), (5, 40)."),
    ],
)
def test_frames_that_make_no_series_are_refused(frames, sentence):
    """Both sides are named."""
    with pytest.raises(Mismatch) as raised:
        gif(frames)

    assert str(raised.value) == sentence


@pytest.mark.parametrize("picture", [np.zeros((4, 4, 3)), np.zeros((4, 4), np.uint8), np.zeros((0, 4, 3), np.uint8)])
def test_what_is_no_picture_is_refused(picture):
    """The dtype and the shape are named."""
    with pytest.raises(Mismatch) as raised:
        png(picture)

    assert "png: picture differs: want uint8 (h, w, 3) with at least a pixel" in str(raised.value)


def test_a_gif_carries_a_comment_of_any_length():
    """GIF89a 24: comments come in pieces of 255 bytes; attribution of many sources is longer."""
    text = "Contains modified Copernicus Sentinel data 2021. " * 9

    with Image.open(io.BytesIO(gif([np.zeros((4, 4, 3), np.uint8)], comment=text))) as image:
        assert image.info["comment"] == text.encode()
