"""Previews of class maps: colours as the legend has them, a bar as long as the ground it says."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from swath.core.errors import Mismatch
from swath.core.legends import legend
from swath.draw import Key, class_picture, map_preview

INK = (0x1D, 0x24, 0x29)


def drawn(codes, **more):
    held = legend("eurosat")
    picture = class_picture(codes, held, shown=(1, 9))
    keys = [Key("Forest", "#1b6e2c"), Key("SeaLake", "#1f4e8c")]
    page = map_preview(picture, keys, title="A map", **{"metres": 10.0, **more})
    return np.asarray(Image.open(io.BytesIO(page)).convert("RGB"))


def test_classes_wear_their_colours_and_what_has_none_a_checker():
    codes = np.array([[1, 9], [255, 7]])

    picture = class_picture(np.repeat(np.repeat(codes, 8, 0), 8, 1), legend("eurosat"), shown=(1, 9))

    assert {tuple(each) for each in picture[:8, :8].reshape(-1, 3)} == {(0x1B, 0x6E, 0x2C)}
    assert {tuple(each) for each in picture[:8, 8:].reshape(-1, 3)} == {(0x1F, 0x4E, 0x8C)}
    assert {tuple(each) for each in picture[8:].reshape(-1, 3)} == {(214,) * 3, (238,) * 3}


@pytest.mark.parametrize(("metres", "bar"), [(10.0, 200), (100.0, 200), (1.0, 200)])
def test_the_scale_bar_is_as_long_as_it_says(metres, bar):
    """900 pixels wide: the longest 1, 2 or 5 x 10^n of at most a third; at 10 m a pixel, 2 km are 200 pixels."""
    page = drawn(np.full((300, 900), 1), metres=metres)

    line = page[24 + 30 + 300 + 12 + 7, 24 : 24 + 900]
    ink = np.flatnonzero((line == INK).all(axis=1))
    assert (ink.min(), ink.max()) == (0, bar)


def test_a_small_map_is_enlarged_by_whole_pixels():
    """Nothing is interpolated: only the two colours occur inside the map."""
    codes = np.where(np.arange(50)[:, None] < 25, 1, 9) * np.ones((1, 50), int)

    page = drawn(codes)

    inside = page[54 : 54 + 800, 24 : 24 + 800]
    assert {tuple(each) for each in np.unique(inside.reshape(-1, 3), axis=0)} == {(27, 110, 44), (31, 78, 140)}


def test_without_a_ground_size_there_is_no_bar():
    assert drawn(np.full((300, 900), 1), metres=None).shape[0] < drawn(np.full((300, 900), 1)).shape[0]


def test_what_is_no_picture_is_refused():
    with pytest.raises(Mismatch, match=r"^preview: picture differs: want uint8 \(h, w, 3\), have \(4, 4\)\."):
        map_preview(np.zeros((4, 4), np.uint8), [], metres=None, title="")
