"""Picture: an array of colours as the bytes of a PNG or of a moving GIF, the same bytes for the same colours.

GIF frames are assembled block by block, each with a palette of its own, because encoders that look for changes drop
frames that look alike, and a series with two equal dates would lose one. Knows no quantities (`draw.stretch`).
"""

from __future__ import annotations

import io
import struct
from collections.abc import Sequence
from typing import Final

import numpy as np
from PIL import Image

from swath.core.array import Array
from swath.core.errors import Mismatch

__all__ = ["enlarge", "gif", "png", "shrink"]

#: Of deflate: 9 made a map's preview 7 % smaller and took four times as long, a fifth of all that a map of 512 x 512
#: pixels costs beside its network.
_LEVEL: Final = 6
_EXTENSION, _IMAGE, _TRAILER = 0x21, 0x2C, 0x3B
#: Loop for ever (Netscape application block).
_LOOP: Final = b"\x21\xff\x0bNETSCAPE2.0\x03\x01\x00\x00\x00"


def _require_rgb(rgb: Array, where: str) -> None:
    if rgb.ndim != 3 or rgb.shape[2] != 3 or rgb.dtype != np.uint8 or 0 in rgb.shape:
        have = f"{rgb.dtype} {rgb.shape}"
        raise Mismatch(where=where, what="picture", want="uint8 (h, w, 3) with at least a pixel", have=have)


def png(rgb: Array) -> bytes:
    r"""Encode a picture losslessly.

    Parameters
    ----------
    rgb : uint8 array, shape (h, w, 3)

    Raises
    ------
    Mismatch
        Another shape or dtype.

    Examples
    --------
    >>> png(np.zeros((2, 2, 3), np.uint8))[:4]
    b'\x89PNG'
    """
    _require_rgb(rgb, "png")
    out = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(rgb)).save(out, format="PNG", compress_level=_LEVEL)
    return out.getvalue()


def enlarge(rgb: Array, factor: int) -> Array:
    """Repeat each pixel `factor` times both ways: nothing is interpolated that was not measured.

    Examples
    --------
    >>> enlarge(np.zeros((2, 3, 3), np.uint8), 4).shape
    (8, 12, 3)
    """
    return np.repeat(np.repeat(rgb, factor, axis=0), factor, axis=1)


def shrink(rgb: Array, factor: int, *, is_map: bool = False) -> Array:
    """Shrink by a whole factor: area means, or every `factor`-th pixel of a class map, whose colours never mix."""
    if is_map:
        return rgb[factor // 2 :: factor, factor // 2 :: factor]
    return np.asarray(Image.fromarray(np.ascontiguousarray(rgb)).reduce(factor))


def gif(frames: Sequence[Array], *, seconds: float = 0.5, comment: str = "") -> bytes:
    """Encode a series as a GIF that loops for ever, one frame a picture even where two are alike.

    Parameters
    ----------
    frames : sequence of uint8 arrays, shape (h, w, 3)
        All of one size. A frame with more than 256 colours is brought to its best 256.
    seconds : float
        How long each is shown [s]; GIF counts in hundredths.
    comment : str
        Kept in the file, for programs that show it: attribution belongs here.

    Raises
    ------
    Mismatch
        No frames, or frames of several sizes.

    Examples
    --------
    >>> still = np.zeros((4, 4, 3), np.uint8)
    >>> Image.open(io.BytesIO(gif([still, still, still]))).n_frames
    3
    """
    if len({frame.shape for frame in frames}) != 1:
        have = ", ".join(sorted({str(frame.shape[:2]) for frame in frames})) or "no frame"
        raise Mismatch(where="gif", what="frames", want="one or more of one size", have=have)
    h, w = frames[0].shape[:2]
    control = b"\x21\xf9\x04\x04" + struct.pack("<H", max(1, round(seconds * 100))) + b"\x00\x00"
    parts = [b"GIF89a", struct.pack("<HHBBB", w, h, 0x70, 0, 0), _LOOP, _comment(comment)]
    for frame in frames:
        _require_rgb(frame, "gif")
        parts += [control, _frame(frame)]
    return b"".join([*parts, bytes([_TRAILER])])


def _comment(text: str) -> bytes:
    """Comment extension, in pieces of 255 bytes."""
    blob = text.encode()
    pieces = [blob[at : at + 255] for at in range(0, len(blob), 255)]
    return b"\x21\xfe" + b"".join(bytes([len(each)]) + each for each in pieces) + b"\x00" if pieces else b""


def _indexed(rgb: Array) -> Image.Image:
    """256 colours at most; exact where the picture has no more."""
    flat = rgb.reshape(-1, 3).astype(np.uint32)
    colours, index = np.unique(flat[:, 0] << 16 | flat[:, 1] << 8 | flat[:, 2], return_inverse=True)
    if len(colours) > 256:
        whole = Image.fromarray(np.ascontiguousarray(rgb))
        return whole.quantize(256, method=Image.Quantize.MEDIANCUT, kmeans=2, dither=Image.Dither.NONE)
    image = Image.fromarray(index.reshape(rgb.shape[:2]).astype(np.uint8)).convert("P")
    table = np.stack([colours >> 16, colours >> 8 & 255, colours & 255], axis=1).astype(np.uint8)
    image.putpalette(table.tobytes())
    return image


def _frame(rgb: Array) -> bytes:
    """Image block of one frame with its palette beside it, taken out of a GIF of that frame alone."""
    out = io.BytesIO()
    _indexed(rgb).save(out, format="GIF", interlace=False)
    single = out.getvalue()
    flags = single[10]
    table = single[13 : 13 + 3 * 2 ** ((flags & 7) + 1)]
    at = 13 + len(table)
    while single[at] == _EXTENSION:
        at += 2
        while single[at]:
            at += single[at] + 1
        at += 1
    if single[at] != _IMAGE or single[at + 9] & 0x80:
        raise Mismatch(where="gif", what="encoder", want="one image block and one palette", have=hex(single[at]))
    descriptor = single[at : at + 9] + bytes([single[at + 9] | 0x80 | (flags & 7)])
    return descriptor + table + single[at + 10 : -1]
