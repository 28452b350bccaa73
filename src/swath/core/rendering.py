"""Rendering: the one way from Sentinel-2 numbers to a named 8-bit picture, and back to what each grey value can mean.

A rendering fixes bands, quantity and a linear stretch; integers are stretched in integers, so that the same numbers
give the same bytes everywhere. EuroSAT's JPEG files are the stretch *and* their coding: halved chroma changes seven
values in ten, so both are offered under names of their own. Knows arrays, never files; other pictures are drawn in
`swath.draw`.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import simplejpeg
from PIL import Image

from swath.core.array import Array
from swath.core.bands import order
from swath.core.errors import Mismatch, Refused, Unknown, Unreadable
from swath.core.quantity import KINDS, S2_QUANTIFICATION, Quantity

__all__ = ["RENDERINGS", "Rendering", "decode_jpeg", "encode_jpeg", "limits", "render", "rendering", "stretched"]


@dataclass(frozen=True, slots=True)
class Rendering:
    """A named stretch: out = clip(floor(out_low + (DN - low) * (out_high - out_low) / (high - low) + 1/2))."""

    #: Key in `RENDERINGS`; quantities of kind `rgb8` carry it.
    name: str
    #: Bands that become red, green and blue.
    bands: tuple[str, str, str]
    #: Reflectance that is stretched (`toa`).
    of: str
    #: Digital numbers without offset (reflectance * 10000) at the ends of the stretch.
    low: int
    high: int
    #: 8-bit values at those ends; nothing lies outside them before coding.
    out_low: int
    out_high: int
    #: True if the picture then goes through JPEG (quality 100, halved chroma) and back.
    jpeg: bool
    #: Who defined it, and the proof.
    source: str

    def stretch(self, numbers: Array) -> Array:
        """Stretch digital numbers without offset to uint8; integers exactly, NaN becomes `out_low` as DN 0 does."""
        span, width = self.out_high - self.out_low, self.high - self.low
        if numbers.dtype.kind in "iu":
            risen = np.clip(numbers.astype(np.int64), self.low, self.high) - self.low
            return (self.out_low + (risen * 2 * span + width) // (2 * width)).astype(np.uint8)
        filled = np.where(np.isnan(numbers), self.low, numbers.astype(np.float64))
        risen = np.clip(filled, self.low, self.high) - self.low
        return np.floor(self.out_low + risen * span / width + 0.5).astype(np.uint8)


_EUROSAT: Final = "phelber/EuroSAT README: gdal_translate -scale 0 2750 1 255 of L1C, then JPEG quality 100"

#: name -> rendering.
RENDERINGS: Final[dict[str, Rendering]] = {
    "eurosat-2750": Rendering(
        "eurosat-2750", ("B04", "B03", "B02"), "toa", 0, 2750, 1, 255, jpeg=False, source=f"{_EUROSAT} (left out here)"
    ),
    "eurosat-2750-jpeg": Rendering(
        "eurosat-2750-jpeg",
        ("B04", "B03", "B02"),
        "toa",
        0,
        2750,
        1,
        255,
        jpeg=True,
        source=f"{_EUROSAT}. Of 100 real patches 100 come out byte-identical to the distributed files",
    ),
}


def rendering(name: str, *, where: str = "") -> Rendering:
    """Find a rendering by name.

    Raises
    ------
    Unknown
        No rendering has this name; the nearest is named.
    """
    if name not in RENDERINGS:
        raise Unknown(name, RENDERINGS, what="rendering", where=where)
    return RENDERINGS[name]


def _offset_free(data: Array, quantity: Quantity, of: str, name: str) -> Array:
    """Digital numbers without offset: exact integers where `data` holds integers, else float64."""
    have = quantity.of if quantity.kind == "dn" else quantity.kind
    if have != of:
        raise Mismatch(
            where=f"rendering {name}",
            what="quantity",
            want=f"{KINDS[of]}, or dn of it",
            have=str(quantity),
            fix="toa and boa are different measurements; say treat_as if one shall stand for the other.",
        )
    if quantity.kind != "dn":
        return np.asarray(data.astype(np.float64) * S2_QUANTIFICATION)
    if quantity.offset is None:
        raise Refused(
            where=f"rendering {name}",
            what=f"the offset of {quantity} is unknown, so brightness would be a guess",
            fix="Declare it (offset 0 or -1000), or read a product whose metadata or pixels decide it.",
        )
    offset = np.asarray(quantity.offset)[:, None, None]
    scale = S2_QUANTIFICATION / np.asarray(quantity.quantification)[:, None, None]
    if data.dtype.kind in "iu" and (scale == 1).all() and (offset == np.rint(offset)).all():
        return np.asarray(data.astype(np.int64) + offset.astype(np.int64))
    return np.asarray((data.astype(np.float64) + offset) * scale)


def render(data: Array, quantity: Quantity, bands: Sequence[str], name: str) -> Array:
    """Make the named 8-bit picture.

    Parameters
    ----------
    data : array, shape (..., b, h, w)
        Digital numbers of a known offset, or reflectance. What is no measurement (DN 0, NaN) comes out as the darkest
        value; which pixels those are is in the stack's validity, not in the picture.
    quantity : Quantity
        What `data` means.
    bands : sequence of str
        Canonical names, one a band, in the order of `data`.
    name : str
        Key in `RENDERINGS`.

    Returns
    -------
    uint8 array, shape (..., 3, h, w)
        Red, green, blue.

    Raises
    ------
    Mismatch
        `data` is not what the rendering stretches (L2A for a rendering of L1C), or a band is missing.
    Refused
        The offset is unknown.

    Examples
    --------
    >>> from swath.core.quantity import dn
    >>> pixel = np.array([100, 945, 2744], np.uint16).reshape(3, 1, 1)
    >>> render(pixel, dn("toa", offset=0), ("B02", "B03", "B04"), "eurosat-2750").ravel()
    array([254,  88,  10], dtype=uint8)
    """
    picture = stretched(data, quantity, bands, name)
    if not rendering(name).jpeg:
        return picture
    flat = picture.reshape(-1, *picture.shape[-3:])
    coded = [decode_jpeg(encode_jpeg(each)) for each in flat]
    return np.stack(coded).reshape(picture.shape) if coded else picture


def stretched(data: Array, quantity: Quantity, bands: Sequence[str], name: str) -> Array:
    """Make the named 8-bit picture without its coding: every pixel depends on itself alone, whatever is cut out.

    Parameters, returned array and errors are those of `render`.

    Examples
    --------
    >>> from swath.core.quantity import TOA
    >>> stretched(np.full((3, 1, 1), 0.1375), TOA, ("B04", "B03", "B02"), "eurosat-2750-jpeg").ravel()
    array([128, 128, 128], dtype=uint8)
    """
    asked = rendering(name)
    index = order(bands, asked.bands, where=f"rendering {name}")
    numbers = _offset_free(data[..., index, :, :], quantity.select(index), asked.of, name)
    return asked.stretch(numbers)


def encode_jpeg(rgb: Array) -> bytes:
    """Code a picture as EuroSAT did: quality 100, chroma halved both ways, optimised tables.

    Parameters
    ----------
    rgb : uint8 array, shape (3, h, w)

    Raises
    ------
    Mismatch
        Not three bands of 8 bits.
    """
    if rgb.dtype != np.uint8 or rgb.ndim != 3 or rgb.shape[0] != 3:
        have = f"{rgb.dtype} {rgb.shape}"
        raise Mismatch(where="encode_jpeg", what="picture", want="uint8 (3, h, w)", have=have)
    target = io.BytesIO()
    picture = Image.fromarray(np.ascontiguousarray(rgb.transpose(1, 2, 0)))
    picture.save(target, "JPEG", quality=100, subsampling=2, optimize=True)  # 2 = 4:2:0
    return target.getvalue()


def decode_jpeg(blob: bytes, *, where: str = "") -> Array:
    """Decode a JPEG exactly: slow integer transform, smooth chroma; bit-equal to Pillow and faster.

    Returns
    -------
    uint8 array, shape (3, h, w)

    Raises
    ------
    Unreadable
        The bytes are no whole JPEG.
    """
    try:
        decoded = simplejpeg.decode_jpeg(blob, colorspace="RGB", fastdct=False, fastupsample=False)
    except ValueError as error:
        raise Unreadable(where=where, what=f"is no whole JPEG ({error})") from error
    return np.ascontiguousarray(decoded.transpose(2, 0, 1))


def limits(name: str, values: Array) -> tuple[Array, Array]:
    """Say which digital numbers without offset each 8-bit value stands for.

    Parameters
    ----------
    name : str
        Key in `RENDERINGS`. For one with JPEG the limits hold before coding, which blurs them by a few values.
    values : uint8 array, any shape

    Returns
    -------
    low, high : float64 arrays, shape of `values`
        `low` <= DN < `high`; the ends of the stretch are open (-inf, inf).

    Raises
    ------
    Refused
        A value that the rendering never gives (0 in a plain EuroSAT stretch): the picture was made otherwise.

    Examples
    --------
    >>> low, high = limits("eurosat-2750", np.array([1, 88, 255], np.uint8))
    >>> low.round(1).tolist(), high.round(1).tolist()
    ([-inf, 936.5, 2744.6], [5.4, 947.3, inf])
    """
    asked = rendering(name)
    given = np.asarray(values, np.int64)
    if not asked.jpeg and given.size and not (asked.out_low <= given.min() and given.max() <= asked.out_high):
        strange = given[(given < asked.out_low) | (given > asked.out_high)].flat[0]
        raise Refused(
            where=f"rendering {name}",
            what=f"never gives the value {strange}, only {asked.out_low}..{asked.out_high}",
            fix="The picture was made by another rendering.",
        )
    step = (asked.high - asked.low) / (asked.out_high - asked.out_low)
    low = asked.low + (given - asked.out_low - 0.5) * step
    return (
        np.where(given <= asked.out_low, -np.inf, low),
        np.where(given >= asked.out_high, np.inf, low + step),
    )
