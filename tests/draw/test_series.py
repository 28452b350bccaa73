"""Series as moving pictures: which dates, in which order, shown alike."""

from __future__ import annotations

import numpy as np
import pytest

from swath.core.errors import Mismatch
from swath.core.quantity import TOA, dn, value
from swath.core.stack import Stack
from swath.draw import captioned, dates_of, frames_of, spread


def a_series(numbers, dates, quantity=TOA, side=8):
    data = np.broadcast_to(np.asarray(numbers, np.float32)[:, None, None, None], (len(numbers), 1, side, side))
    return Stack(data, ("B04",), np.array(dates, "datetime64[us]"), quantity, None, (10, 10))


def test_dates_are_shown_in_their_order_and_unknown_ones_last():
    """A series in a wrong order shows there first."""
    times = np.array(["2021-03-01", "NaT", "2021-01-01", "2021-02-01"], "datetime64[us]")

    assert spread(times).tolist() == [2, 3, 0, 1]


def test_of_more_dates_the_first_the_last_and_an_even_spread_are_shown():
    """23 dates: every second one."""
    times = np.arange("2021-01-01", "2021-01-24", dtype="datetime64[D]")

    assert spread(times).tolist() == list(range(0, 23, 2))


def test_all_frames_are_shown_by_one_stretch():
    """Two flat dates, each by its own percentiles, would both be mid-grey; together the darker is black."""
    stack = a_series([0.1, 0.5], ["2021-01-01", "2021-02-01"], value("1"))

    dark, bright = frames_of(stack, [0, 1], stretch="percentile")

    assert (dark[0, 0, 0], bright[0, 0, 0]) == (0, 255)


def test_a_frame_is_the_picture_enlarged_with_a_strip_of_text_below():
    """Every pixel stays a square of its own; the text leaves dark pixels on white paper."""
    rgb = np.arange(8 * 8 * 3, dtype=np.uint8).reshape(8, 8, 3)

    out = captioned(rgb, "2021-06-01")

    np.testing.assert_array_equal(out[:256:32, ::32], rgb)
    assert out.shape == (280, 256, 3)
    assert out[256:].min() < 90
    assert (out[256:] == 255).mean() > 0.8


def test_a_series_without_dates_is_refused():
    with pytest.raises(Mismatch, match="series: dates differs: want one or more, have none"):
        frames_of(a_series([0.1], ["2021-01-01"]), [])


def test_dates_are_cut_from_one_picture_of_all_of_them():
    """The same numbers get the same colour at every date, whatever else the date holds."""
    data = np.zeros((2, 3, 4, 4), np.uint16)
    data[0, :, 0, 0], data[1, :, 0, 0], data[1, :, 1:] = 1200, 1200, 2600
    times = np.array(["2021-06-01", "2021-06-06"], "datetime64[us]")
    stack = Stack(data, ("B04", "B03", "B02"), times, dn("toa", offset=0), None, (10.0, 10.0))

    shown = dates_of(stack, [1, 0], stretch="percentile")

    assert shown.shape == (2, 4, 4, 3)
    assert (shown[0, 0, 0] == shown[1, 0, 0]).all()
    assert (shown[0, 1:] > shown[0, 0, 0]).all()
