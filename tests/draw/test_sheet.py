"""Contact sheets: whole pixels, headings by class, refusal of what no viewer opens."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from swath.core.errors import Mismatch, Refused
from swath.draw import sheet
from swath.draw.sheet import Tile, contact_sheet, scaled


def a_tile(ink: tuple[int, int, int] = (10, 200, 30), side: int = 16, **fields: object) -> Tile:
    return Tile(np.full((side, side, 3), ink, np.uint8), **fields)  # type: ignore[arg-type]


def opened(blob: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(blob)))


def count(drawn: np.ndarray, colour: tuple[int, int, int]) -> int:
    return int((drawn == np.array(colour, np.uint8)).all(axis=-1).sum())


@pytest.mark.parametrize(
    ("size", "side", "shown"), [(64, 128, 128), (16, 100, 96), (256, 128, 128), (300, 128, 100), (120, 120, 120)]
)
def test_tiles_are_scaled_by_whole_factors(size, side, shown):
    """64 doubles, 16 is taken six times, 256 halves, 300 is shrunk by three."""
    assert scaled(a_tile(side=size), side).shape == (shown, shown, 3)


def test_every_tile_is_on_the_sheet():
    """Five tiles of 16 px at 8 x each cover 5 * 128 * 128 pixels."""
    drawn = opened(contact_sheet([a_tile()] * 5, width=600))

    assert count(drawn, (10, 200, 30)) == 5 * 128 * 128


def test_a_group_has_its_heading_and_chip():
    """Chip 12 x 12 in the class's colour, once a group."""
    tiles = [a_tile(group="Forest", colour="#1b6e2c"), a_tile(group="Forest", colour="#1b6e2c")]

    drawn = opened(contact_sheet(tiles, width=600))

    assert count(drawn, (0x1B, 0x6E, 0x2C)) == 12 * 12


def test_tiles_of_one_group_stand_together():
    """Whatever their order: two groups of alternating tiles, each on its own row."""
    tiles = [a_tile((i % 2 * 255, 0, 9), group=str(i % 2)) for i in range(6)]

    drawn = opened(contact_sheet(tiles, width=600))

    rows = [np.flatnonzero((drawn == np.array((red, 0, 9), np.uint8)).all(axis=-1).any(axis=1)) for red in (0, 255)]
    assert rows[0].max() < rows[1].min()


def test_the_same_tiles_make_the_same_bytes():
    """B11: picture hash stable."""
    tiles = [a_tile(caption="Über 10 °\n2018-06-01", colour="#1b6e2c")]

    assert contact_sheet(tiles, title="a", note="b") == contact_sheet(tiles, title="a", note="b")


def test_a_sheet_without_tiles_is_still_a_picture():
    """Empty in, empty out."""
    assert opened(contact_sheet([], title="nothing")).shape[1] == 1280


def test_a_long_caption_stays_in_its_cell():
    """Ink to the right of the first of two cells would be its neighbour's."""
    drawn = opened(contact_sheet([a_tile(caption="x" * 200)], width=28 * 2 + 128 * 2 + 14))

    assert (drawn[:, 28 + 128 + 2 :] == 255).all()


def test_a_sheet_too_large_for_any_viewer_is_refused(monkeypatch):
    """The number that fits is named, and fits."""
    monkeypatch.setattr(sheet, "LARGEST", 2_000_000)
    tiles = [a_tile(side=8)] * 60_000
    with pytest.raises(Refused) as raised:
        contact_sheet(tiles, side=64)

    sentence = str(raised.value)
    least = int(sentence.rsplit("Show ", 1)[1].split(" or fewer")[0].replace(",", ""))
    assert sentence.startswith("contact sheet: 60,000 tiles make a picture of 1,280 x ")
    height, width = opened(contact_sheet(tiles[:least], side=64)).shape[:2]
    assert height * width <= 2_000_000


def test_a_sheet_narrower_than_a_cell_is_refused():
    """What it needs is named."""
    with pytest.raises(Mismatch) as raised:
        contact_sheet([a_tile()], width=100)

    assert str(raised.value) == "contact sheet: width differs: want 184 px or more, have 100 px."


def test_a_tile_that_is_no_picture_is_named():
    """By its caption."""
    with pytest.raises(Mismatch) as raised:
        contact_sheet([Tile(np.zeros((4, 4)), "River_7")])

    assert "tile 'River_7': picture differs: want uint8 (h, w, 3), have float64 (4, 4)." in str(raised.value)
