"""Geometry: image, mask and map move together over the ground, exactly where they can, and never by guess."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import map_coordinates

from swath.batch import Augmentation
from swath.batch.geometry import Grid, Moves, centred, draw_moves, move, require_aligned, warp, warp_codes
from swath.batch.keys import id_keys
from swath.core.errors import Mismatch, Refused

TEN = Grid((8, 8), (10.0, 10.0))
TWENTY = Grid((4, 4), (20.0, 20.0))


def moves_of(n=1, *, finest=TEN, window=(8, 8), corner=(0, 0), turn=0, angle=0.0, zoom=1.0) -> Moves:
    """The same move for n samples."""
    full = (np.full(n, value) for value in (turn, angle, zoom))
    return Moves(finest, window, np.tile(np.array(corner), (n, 1)), *full)


def coded(h=8, w=8, bands=1):
    """100 y + x, so that every number tells where it was; shape (1, 1, b, h, w)."""
    y, x = np.mgrid[:h, :w]
    return np.broadcast_to(100 * y + x, (1, 1, bands, h, w)).astype(np.float32)


def mirror(i: int, n: int) -> int:
    """Index of a pixel beyond the edge, mirrored at the edge itself: ... 1 0 | 0 1 2 ... (naive)."""
    while not 0 <= i < n:
        i = -1 - i if i < 0 else 2 * n - 1 - i
    return i


def test_the_eight_orientations_are_the_eight_of_a_square():
    """All that numpy's rot90 and flips can make, each once."""
    square = coded(3, 3)[0, 0, 0]
    want = {np.rot90(each, k).tobytes() for each in (square, square[:, ::-1]) for k in range(4)}

    grid = Grid((3, 3), (10.0, 10.0))
    got = {move(square[None], moves_of(finest=grid, window=(3, 3), turn=k), grid)[0].tobytes() for k in range(8)}

    assert got == want


@pytest.mark.parametrize("corner", [(0, 0), (-3, 2), (2, -1), (4, 4), (-7, 7)])
@pytest.mark.parametrize("turn", [0, 1, 2, 5, 7])
def test_whole_pixel_moves_equal_a_naive_loop(corner, turn):
    """Window, mirror at the edge, then transpose, up-down, left-right."""
    pixels = coded().astype(np.uint16)
    want = np.empty((8, 8), np.uint16)
    for y in range(8):
        for x in range(8):
            v, u = (7 - y if turn & 2 else y), (7 - x if turn & 1 else x)
            v, u = (u, v) if turn & 4 else (v, u)
            want[y, x] = pixels[0, 0, 0, mirror(v + corner[0], 8), mirror(u + corner[1], 8)]

    got = move(pixels, moves_of(corner=corner, turn=turn), TEN)

    assert got.dtype == np.uint16
    np.testing.assert_array_equal(got[0, 0, 0], want)


def test_what_does_not_move_is_not_copied():
    pixels = coded()

    assert move(pixels, moves_of(), TEN) is pixels


def test_a_coarser_stack_moves_over_the_same_ground():
    """Means of 2 x 2 fine pixels stay the coarse pixels, through crop, shift and every orientation."""
    fine = np.random.default_rng(0).random((64, 1, 1, 8, 8)).astype(np.float32)
    coarse = fine.reshape(64, 1, 1, 4, 2, 4, 2).mean(axis=(4, 6))
    keys = id_keys(0, [str(i) for i in range(64)])
    options = Augmentation(right_angles="random", crop=4, shift=3)
    grids = {"fine": TEN, "coarse": TWENTY}
    moves = draw_moves(keys, grids, options, epoch=0)

    moved, small = move(fine, moves, TEN), move(coarse, moves, TWENTY)

    assert len(set(map(tuple, moves.corner.tolist()))) > 8
    np.testing.assert_allclose(moved.reshape(64, 1, 1, 2, 2, 2, 2).mean(axis=(4, 6)), small, rtol=1e-6)


@pytest.mark.parametrize("angle", [-45.0, 12.0, 90.0])
@pytest.mark.parametrize("zoom", [0.8, 1.0, 1.3])
def test_rotation_and_scale_equal_scipy(angle, zoom):
    """map_coordinates of order 1; its mode `reflect` mirrors at the edge, as ours does."""
    image = np.random.default_rng(1).random((1, 1, 2, 8, 8)).astype(np.float32)
    y, x = np.mgrid[:8, :8] - 3.5
    # Counter-clockwise as seen: what is at (right, 0) afterwards was below, clockwise of it.
    a = np.deg2rad(angle)
    down, right = (y * np.cos(a) + x * np.sin(a)) / zoom, (x * np.cos(a) - y * np.sin(a)) / zoom
    want = [map_coordinates(band, [down + 3.5, right + 3.5], order=1, mode="reflect") for band in image[0, 0]]

    got, valid = warp(image, np.ones((1, 1, 1, 8, 8), bool), moves_of(angle=angle, zoom=zoom), TEN, is_linear=True)

    np.testing.assert_allclose(got[0, 0], want, atol=2e-5)
    assert valid.all()


def test_a_quarter_turn_is_counter_clockwise():
    """As numpy's rot90, which turns from the first axis towards the second."""
    image = coded()

    got, _ = warp(image, np.ones(image.shape, bool), moves_of(angle=90.0), TEN, is_linear=True)

    np.testing.assert_allclose(got[0, 0, 0], np.rot90(image[0, 0, 0]), atol=1e-2)


@pytest.mark.parametrize("is_linear", [True, False])
@pytest.mark.parametrize("turn", [0, 3, 6])
def test_the_two_ways_of_moving_agree_where_nothing_is_interpolated(is_linear, turn):
    """Warp with angle 0 is move."""
    image = np.random.default_rng(2).random((1, 2, 3, 8, 8)).astype(np.float32)
    moves = moves_of(corner=(2, -3), turn=turn)

    got, _ = warp(image, np.ones(image.shape, bool), moves, TEN, is_linear=is_linear)

    np.testing.assert_allclose(got, move(image, moves, TEN), atol=1e-5)


def test_a_coarser_stack_turns_over_the_same_ground():
    """A plane is a plane at any gsd: bilinear interpolation keeps it, so both grids must tell the same ground."""
    y, x = np.mgrid[:32, :32] + 0.5
    plane = (3 * x - 2 * y).astype(np.float32)
    coarse = plane.reshape(16, 2, 16, 2).mean(axis=(1, 3))
    ten, twenty = Grid((32, 32), (10.0, 10.0)), Grid((16, 16), (20.0, 20.0))
    moves = moves_of(finest=ten, window=(16, 16), corner=(8, 8), turn=5, angle=25.0, zoom=1.2)

    one, _ = warp(plane[None, None, None], np.ones((1, 1, 1, 32, 32), bool), moves, ten, is_linear=True)
    two, _ = warp(coarse[None, None, None], np.ones((1, 1, 1, 16, 16), bool), moves, twenty, is_linear=True)

    np.testing.assert_allclose(one[0, 0, 0].reshape(8, 2, 8, 2).mean(axis=(1, 3)), two[0, 0, 0], atol=1e-2)


def test_a_pixel_that_an_invalid_one_has_touched_is_invalid():
    """One invalid pixel, turned by 30 degrees: exactly those whose bilinear weights reach it."""
    valid = np.ones((1, 1, 1, 8, 8), bool)
    valid[..., 2, 5] = False
    a = np.deg2rad(30)
    y, x = np.mgrid[:8, :8] - 3.5
    down, right = y * np.cos(a) + x * np.sin(a) + 3.5, x * np.cos(a) - y * np.sin(a) + 3.5
    want = ~((np.abs(down - 2) < 1) & (np.abs(right - 5) < 1))

    _, good = warp(coded(), valid, moves_of(angle=30.0), TEN, is_linear=True)

    np.testing.assert_array_equal(good[0, 0, 0], want)


@pytest.mark.parametrize("angle", [-44.0, 20.0])
def test_codes_turn_by_the_nearest_pixel(angle):
    """science.md, trap 16: no code comes out that did not go in; beside a naive loop."""
    codes = np.random.default_rng(3).choice(np.array([-1, 3, 300], np.int16), (1, 8, 8))
    a = np.deg2rad(angle)
    want = np.empty((8, 8), np.int16)
    for y in range(8):
        for x in range(8):
            v = (y - 3.5) * np.cos(a) + (x - 3.5) * np.sin(a) + 3.5
            u = (x - 3.5) * np.cos(a) - (y - 3.5) * np.sin(a) + 3.5
            want[y, x] = codes[0, mirror(int(np.floor(v + 0.5)), 8), mirror(int(np.floor(u + 0.5)), 8)]

    got = warp_codes(codes, moves_of(angle=angle), TEN)

    assert got.dtype == np.int16
    np.testing.assert_array_equal(got[0], want)


def test_the_middle_is_the_middle():
    """8 pixels, 4 wanted: two left off on each side, on whole pixels of both grids."""
    moves = centred(2, {"a": TEN, "b": TWENTY}, 4)

    assert (moves.corner.tolist(), moves.window) == ([[2, 2], [2, 2]], (4, 4))


def test_eight_epochs_show_all_eight_orientations():
    """Jordan 2024: alternating instead of drawing, here for the whole square."""
    keys = id_keys(0, [str(i) for i in range(50)])
    options = Augmentation(right_angles="alternate")

    turns = np.stack([draw_moves(keys, {"a": TEN}, options, epoch=e).turn for e in range(3, 11)])

    assert all(sorted(column) == list(range(8)) for column in turns.T.tolist())
    assert len(set(turns[0].tolist())) == 8


def test_flips_come_as_often_as_asked():
    """Chance 0.3 for each axis, independently; 4 standard errors of 4,000 draws are 0.03."""
    keys = id_keys(0, [str(i) for i in range(4000)])

    turn = draw_moves(keys, {"a": TEN}, Augmentation(flip=0.3), epoch=0).turn

    shares = [(turn & 1 > 0).mean(), (turn & 2 > 0).mean(), (turn == 3).mean(), (turn > 3).mean()]
    np.testing.assert_allclose(shares, [0.3, 0.3, 0.09, 0.0], atol=0.03)


def test_crops_reach_every_place():
    """8 pixels cropped to 6: corners 0, 1 and 2 along each axis."""
    keys = id_keys(0, [str(i) for i in range(400)])

    corner = draw_moves(keys, {"a": TEN}, Augmentation(crop=6), epoch=0).corner

    assert {tuple(each) for each in corner.tolist()} == {(y, x) for y in range(3) for x in range(3)}


def test_strengths_are_kept_and_ramp_up():
    """45 degrees and 1.5 times at full strength, half of it in the middle of the ramp, nothing at its start."""
    keys = id_keys(0, [str(i) for i in range(4000)])
    options = Augmentation(rotation=45, scale=(0.5, 1.5), shift=4, ramp=4)

    reach = []
    for epoch in (0, 2, 4, 400):
        moves = draw_moves(keys, {"a": TEN}, options, epoch=epoch)
        reach.append((np.abs(moves.angle).max(), moves.zoom.min(), moves.zoom.max(), np.abs(moves.corner).max()))

    np.testing.assert_allclose(reach, [(0, 1, 1, 0), (22.5, 0.75, 1.25, 2), *[(45, 0.5, 1.5, 4)] * 2], rtol=0.01)


def test_stacks_on_other_ground_are_refused():
    """8 x 10 m beside 5 x 20 m."""
    said = r"c stack b: ground differs: want 80 x 80 m \(stack a\), have 100 x 100 m. Leave crops, flips and turns out"
    with pytest.raises(Mismatch, match=said):
        require_aligned({"a": TEN, "b": Grid((5, 5), (20.0, 20.0))}, Augmentation(flip=0.5), where="c")


def test_stacks_on_other_ground_that_do_not_move_pass():
    require_aligned({"a": TEN, "b": Grid((5, 5), (20.0, 20.0))}, Augmentation(brightness=0.5), where="c")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (Augmentation(crop=5), r"c: a crop of 5 pixels does not fall .* \(a 10 m, b 20 m\). Give a multiple of 2."),
        (Augmentation(shift=1), "c: a shift of 1 pixels does not fall on whole pixels of every stack"),
    ],
)
def test_half_pixels_of_a_coarser_stack_are_refused(options, said):
    with pytest.raises(Refused, match=said):
        require_aligned({"a": TEN, "b": TWENTY}, options, where="c")


def test_gsds_without_common_pixels_are_refused():
    """12 pixels of 10 m beside 8 of 15 m: they may turn together, but not be cropped."""
    grids = {"a": Grid((12, 12), (10.0, 10.0)), "b": Grid((8, 8), (15.0, 15.0))}
    require_aligned(grids, Augmentation(right_angles="random", rotation=10), where="c")

    with pytest.raises(Refused, match=r"a crop of 6 pixels .* \(a 10 m, b 15 m\). Leave crop out."):
        require_aligned(grids, Augmentation(crop=6), where="c")


@pytest.mark.parametrize(
    ("options", "kind", "said"),
    [
        (Augmentation(crop=9), Mismatch, r"c: crop differs: want 6 x 8 pixels at most \(stack a\), have 9."),
        (Augmentation(shift=6), Mismatch, "c: shift differs: want less than 6 pixels, have 6."),
        (Augmentation(right_angles="random"), Refused, "c: right angles cannot turn 6 x 8 pixels in place. Use flip"),
    ],
)
def test_what_a_sample_is_too_small_or_too_long_for_is_refused(options, kind, said):
    with pytest.raises(kind, match=said):
        require_aligned({"a": Grid((6, 8), (10.0, 10.0))}, options, where="c")
