"""Series: the dates of one place as the frames of a moving picture, each with its date below it.

All frames are shown by one call of `to_rgb`, so that even a stretch that looks at the picture is the same for all of
them. Knows arrays and captions, no corpus.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from PIL import Image, ImageDraw

from swath.core.array import Array
from swath.core.errors import Mismatch
from swath.core.legends import Legend
from swath.core.stack import Stack
from swath.draw.colours import INK, PAPER
from swath.draw.font import fit, load_font
from swath.draw.picture import enlarge
from swath.draw.stretch import Stretch, to_rgb

__all__ = ["MOST_FRAMES", "captioned", "dates_of", "frames_of", "spread"]

#: Frames of a moving picture.
MOST_FRAMES: Final = 12
#: Pictures are enlarged by a whole factor to at least so many pixels.
_SIDE: Final = 256
_STRIP, _SIZE, _MARGIN = 24, 14, 6


def spread(times: Array, *, most: int = MOST_FRAMES) -> Array:
    """Positions of the dates that are shown: in the order of time, unknown ones last; evenly spread if there are more.

    Parameters
    ----------
    times : datetime64 array, shape (t,)
    most : int
        How many at most; the first and the last are among them.

    Examples
    --------
    >>> spread(np.array(["2021-06-06", "NaT", "2021-06-01"], "datetime64[D]"))
    array([2, 0, 1])
    >>> len(spread(np.arange("2021-01-01", "2021-03-01", dtype="datetime64[D]")))
    12
    """
    order = np.argsort(times, kind="stable")
    at = np.linspace(0, len(order) - 1, min(most, len(order))).round().astype(int)
    return np.asarray(order[at])


def captioned(rgb: Array, text: str) -> Array:
    """A picture with a line of text below it, enlarged where it is small; every pixel stays a square of its own.

    Examples
    --------
    >>> captioned(np.zeros((64, 64, 3), np.uint8), "2021-06-01").shape
    (280, 256, 3)
    """
    large = enlarge(rgb, max(1, -(-_SIDE // min(rgb.shape[:2]))))
    h, w = large.shape[:2]
    image = Image.new("RGB", (w, h + _STRIP), PAPER)
    image.paste(Image.fromarray(np.ascontiguousarray(large)), (0, 0))
    font = load_font(_SIZE)
    written = fit(text, w - 2 * _MARGIN, font)
    ImageDraw.Draw(image).text((_MARGIN, h + _STRIP // 2), written, fill=INK, font=font, anchor="lm")
    return np.asarray(image)


def dates_of(
    stack: Stack, at: Sequence[int] | Array, *, stretch: str | Stretch | None = None, legend: Legend | None = None
) -> Array:
    """Pictures of some dates of a stack, all shown alike.

    Parameters
    ----------
    stack : Stack
    at : int sequence, shape (n,)
        Positions of the dates, in the order of the pictures (`spread`).
    stretch, legend : optional
        As `to_rgb` takes them.

    Returns
    -------
    uint8 array, shape (n, h, w, 3)

    Raises
    ------
    Mismatch
        No date is asked for.
    """
    _, b, h, w = stack.shape
    if not len(at):
        raise Mismatch(where="series", what="dates", want="one or more", have="none")
    chosen = np.asarray(at)
    tall = stack.data[chosen].transpose(1, 0, 2, 3).reshape(b, len(chosen) * h, w)
    valid = None
    if stack.valid is not None:
        valid = stack.valid[chosen].transpose(1, 0, 2, 3).reshape(stack.valid.shape[1], len(chosen) * h, w)
    rgb = to_rgb(tall, stack.bands, stack.quantity, valid=valid, stretch=stretch, legend=legend)
    return rgb.reshape(len(chosen), h, w, 3)


def frames_of(
    stack: Stack, at: Sequence[int] | Array, *, stretch: str | Stretch | None = None, legend: Legend | None = None
) -> list[Array]:
    """Frames of some dates of a stack, all shown alike, with date and place in the series below each.

    Parameters
    ----------
    stack : Stack
    at : int sequence, shape (n,)
        Positions of the dates, in the order of the frames (`spread`).
    stretch, legend : optional
        As `to_rgb` takes them.

    Returns
    -------
    list of uint8 arrays, shape (h, w, 3)

    Raises
    ------
    Mismatch
        No date is asked for.
    """
    rows = dates_of(stack, at, stretch=stretch, legend=legend)
    chosen = np.asarray(at)
    days = ["date unknown" if np.isnat(each) else str(each.astype("datetime64[D]")) for each in stack.times[chosen]]
    return [captioned(rows[k], f"{day}   {k + 1} / {len(days)}") for k, day in enumerate(days)]
