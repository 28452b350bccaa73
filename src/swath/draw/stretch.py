"""Stretch: named ways from physical numbers to a picture for eyes, and nothing else.

Each stretch names its bands, its range and its curve, so that two pictures can be compared; one that adapts itself to
the image is never taken unless named. Digital numbers pass through reflectance first, linear backscatter through
decibels. What was not measured is a checker of two greys. A display stretch is not a rendering: pixels that a model
reads come from `core.rendering`, never from here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from swath.core.array import Array
from swath.core.bands import order
from swath.core.errors import Mismatch, Refused, Unknown
from swath.core.legends import LEGENDS, Legend
from swath.core.quantity import DN_NODATA, DN_SATURATED, KINDS, Quantity, convert
from swath.draw.colours import CHECKER

__all__ = ["STRETCHES", "Stretch", "stretch_caption", "to_rgb"]

_Applies = Literal["reflectance", "backscatter", "rgb8", "probability", "any"]


@dataclass(frozen=True, slots=True)
class Stretch:
    """One way to show numbers.

    Examples
    --------
    >>> from dataclasses import replace
    >>> brighter = replace(STRETCHES["reflectance"], name="brighter", gamma=1.6)
    >>> to_rgb(np.full((1, 1, 1), 0.15), ["B04"], Quantity("toa"), stretch=brighter)[0, 0].tolist()
    [165, 165, 165]
    """

    #: Key of `STRETCHES`, or a name of one's own.
    name: str
    #: Which numbers it can show; `any` takes them as they are.
    applies: _Applies
    #: Bands as red, green and blue, or one for grey; empty = the natural ones. `VV/VH` is their ratio.
    bands: tuple[str, ...] = ()
    #: Shown as 0 and as 255: one number for all, or one a colour [reflectance, dB, or the numbers as they are].
    low: tuple[float, ...] = (0.0,)
    high: tuple[float, ...] = (1.0,)
    #: Above 1 brightens the dark end.
    gamma: float = 1.0
    #: Percentiles of the image itself in place of `low` and `high`.
    percent: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        where = f"stretch {self.name}"
        if self.gamma <= 0:
            raise Refused(where=where, what=f"gamma must be above 0, have {self.gamma:g}")
        sides = zip(*np.broadcast_arrays(np.array(self.low), np.array(self.high)), strict=True)
        if any(not low < high for low, high in sides):
            raise Refused(where=where, what=f"low must be below high, have {self.low} and {self.high}")
        if self.percent is not None and not 0 <= self.percent[0] < self.percent[1] <= 100:
            raise Refused(where=where, what=f"percentiles must rise from 0 to 100, have {self.percent}")


#: Ranges [dB] in which land and sea at C band are told apart: like and cross polarisation, and their ratio.
_LIKE, _CROSS, _RATIO = (-25.0, 0.0), (-32.0, -5.0), (0.0, 15.0)

#: name -> stretch.
STRETCHES: Final[dict[str, Stretch]] = {
    s.name: s
    for s in (
        Stretch("rgb8", "rgb8", high=(255.0,)),
        Stretch("reflectance", "reflectance", high=(0.3,)),
        Stretch("reflectance-gamma", "reflectance", high=(0.3,), gamma=1.6),
        Stretch("reflectance-2x", "reflectance", high=(0.5,)),
        Stretch("false-colour", "reflectance", ("B08", "B04", "B03"), high=(0.5, 0.3, 0.3)),
        Stretch("short-wave", "reflectance", ("B12", "B8A", "B04"), high=(0.4, 0.5, 0.3)),
        Stretch("backscatter", "backscatter"),
        Stretch("vv", "backscatter", ("VV",), low=_LIKE[:1], high=_LIKE[1:]),
        Stretch("vh", "backscatter", ("VH",), low=_CROSS[:1], high=_CROSS[1:]),
        Stretch("probability", "probability"),
        Stretch("percentile", "any", percent=(2.0, 98.0)),
    )
}

#: What a single reflectance band is shown up to, where 0.3 would be all white or all black.
_GREY_HIGH: Final = {"B06": 0.5, "B07": 0.5, "B08": 0.5, "B8A": 0.5, "B09": 0.5, "B10": 0.02}
_TRUE_COLOUR: Final = ("B04", "B03", "B02")
#: Side [px] of a square of the checker.
_SQUARE: Final = 4


@dataclass(frozen=True, slots=True)
class _Channel:
    """One colour of the picture: a band, or the difference of two in decibels, and its range."""

    label: str
    #: Bands it needs: one, or two whose difference is shown.
    bands: tuple[str, ...]
    low: float
    high: float


def _numbers(quantity: Quantity) -> _Applies | None:
    """Which family of stretches shows this quantity without being told."""
    kind = quantity.of if quantity.kind == "dn" else quantity.kind
    if kind in ("toa", "boa"):
        return "reflectance"
    if kind in ("rgb8", "probability"):
        return "rgb8" if kind == "rgb8" else "probability"
    if kind is not None and kind.split("_")[0].rstrip("0") in ("beta", "sigma", "gamma"):
        return "backscatter"
    return None


def _chosen(quantity: Quantity, stretch: str | Stretch | None) -> Stretch:
    """The stretch asked for, or the one that belongs to the quantity."""
    have = _numbers(quantity)
    if stretch is None:
        if have is None:
            raise Refused(
                where="picture",
                what=f"{quantity} has no range of its own",
                fix="Name the stretch 'percentile', or give a Stretch with low and high.",
            )
        return STRETCHES[have]
    if isinstance(stretch, str):
        if stretch not in STRETCHES:
            raise Unknown(stretch, STRETCHES, what="stretch")
        stretch = STRETCHES[stretch]
    if stretch.applies not in ("any", have):
        raise Mismatch(
            where=f"stretch {stretch.name}",
            what="quantity",
            want=stretch.applies,
            have=str(quantity),
            fix=f"Leave the stretch out, or name one for {have or 'any quantity'}.",
        )
    return stretch


def _natural(bands: Sequence[str], stretch: Stretch) -> list[_Channel]:
    """True colour or like, cross and ratio where the bands are there; else the first band in grey."""
    low, high = stretch.low[0], stretch.high[0]
    if stretch.applies == "backscatter":
        like = next((b for b in ("VV", "HH") if b in bands), None)
        cross = next((b for b in ("VH", "HV") if b in bands), None)
        if like and cross:
            ratio = _Channel(f"{like}/{cross}", (like, cross), *_RATIO)
            return [_Channel(like, (like,), *_LIKE), _Channel(cross, (cross,), *_CROSS), ratio]
        return [_Channel(bands[0], (bands[0],), *(_CROSS if bands[0] == cross else _LIKE))]
    if all(band in bands for band in _TRUE_COLOUR):
        return [_Channel(band, (band,), low, high) for band in _TRUE_COLOUR]
    if stretch.name == "reflectance":
        high = _GREY_HIGH.get(bands[0], high)
    return [_Channel(bands[0], (bands[0],), low, high)]


def _channels(bands: Sequence[str], stretch: Stretch) -> list[_Channel]:
    """One channel for grey, three for colour."""
    if not stretch.bands:
        return _natural(bands, stretch)
    if len(stretch.bands) not in (1, 3):
        have = " ".join(stretch.bands)
        raise Mismatch(where=f"stretch {stretch.name}", what="number of bands", want="1 or 3", have=have)
    sides = (np.broadcast_to(side, len(stretch.bands)) for side in (stretch.low, stretch.high))
    found = []
    for name, low, high in zip(stretch.bands, *sides, strict=True):
        needed = tuple(name.split("/"))
        order(bands, needed, where=f"stretch {stretch.name}")
        found.append(_Channel(name, needed, float(low), float(high)))
    return found


def _shown(data: Array, quantity: Quantity, stretch: Stretch) -> tuple[Array, Array]:
    """Numbers in the unit of the stretch, and which of them were measured; both (b, h, w)."""
    measured = np.isfinite(data)
    if quantity.kind == "dn" and quantity.of in ("toa", "boa"):
        measured &= (data != DN_NODATA) & (data != DN_SATURATED)
        if stretch.applies == "any" and quantity.offset is None:
            return data, measured
        return convert(data, quantity, Quantity(quantity.of)), measured
    kind = quantity.kind
    if _numbers(quantity) == "backscatter" and not quantity.is_db:
        return convert(data, quantity, Quantity(f"{kind}_db")), measured & (data > 0)
    return data, measured


def to_rgb(
    data: Array,
    bands: Sequence[str],
    quantity: Quantity,
    *,
    valid: Array | None = None,
    stretch: str | Stretch | None = None,
    legend: Legend | None = None,
) -> Array:
    """Show one date of a stack.

    Parameters
    ----------
    data : array, shape (b, h, w)
        Numbers that mean `quantity`.
    bands : sequence of str
        Canonical names, one a band; B04, B03 and B02, or like and cross polarisation, are found by name. Without them
        the first band is shown in grey.
    quantity : Quantity
        What the numbers mean. Classes take the colours of their legend.
    valid : bool array, shape (b or 1, h, w), optional
        Which pixels are measurements; the others become a checker, as do NaN, the codes of the legend's `none`, and 0
        and 65535 in Sentinel-2 digital numbers.
    stretch : str or Stretch, optional
        Key of `STRETCHES`. Left out: the one that belongs to the quantity.
    legend : Legend, optional
        For classes whose legend travels with the corpus; others are found in `core.legends`.

    Returns
    -------
    uint8 array, shape (h, w, 3)

    Raises
    ------
    Unknown
        No stretch or legend has this name.
    Mismatch
        The stretch shows another quantity, needs a band that is not there, or a class is not in the legend.
    Refused
        The quantity has no range of its own and no stretch was named; or the offset of digital numbers is unknown.

    Examples
    --------
    >>> from swath.core.quantity import TOA
    >>> grey = to_rgb(np.array([[[0.0, 0.15, 0.3, 0.9]]]), ["B04"], TOA)
    >>> grey[0, :, 0].tolist()
    [0, 128, 255, 255]
    """
    if data.ndim != 3 or len(bands) != data.shape[0]:
        have = f"{data.shape} with bands {' '.join(bands)}"
        raise Mismatch(where="picture", what="shape", want="(b, h, w) with one name a band", have=have)
    if quantity.kind == "class":
        return _classes(data, quantity, valid, legend)
    chosen = _chosen(quantity, stretch)
    channels = _channels(bands, chosen)
    needed = list(dict.fromkeys(band for channel in channels for band in channel.bands))
    index = order(bands, needed)
    numbers, measured = _shown(data[index], quantity.select(index), chosen)
    if valid is not None:
        measured = measured & np.broadcast_to(valid, data.shape)[index]
    shown = np.asarray(measured.all(axis=0))
    levels = [_levels(_of(numbers, needed, channel), shown, channel, chosen).astype(np.uint8) for channel in channels]
    rgb = np.stack(levels if len(levels) == 3 else levels * 3, axis=-1)
    return _over_checker(rgb, shown)


def _of(numbers: Array, names: Sequence[str], channel: _Channel) -> Array:
    """Shape (h, w), float64."""
    first, *rest = (numbers[names.index(band)].astype(np.float64) for band in channel.bands)
    return np.asarray(first - rest[0] if rest else first)


def _levels(plane: Array, shown: Array, channel: _Channel, stretch: Stretch) -> Array:
    """0 .. 255, rounded to the nearest."""
    low, high = channel.low, channel.high
    if stretch.percent is not None:
        seen = plane[shown]
        low, high = np.percentile(seen, stretch.percent) if seen.size else (0.0, 1.0)
        if high <= low:  # a flat plane is mid-grey, not black
            low, high = low - 0.5, low + 0.5
    share = np.clip((np.where(shown, plane, low) - low) / (high - low), 0.0, 1.0)
    return np.asarray(np.floor(255.0 * share ** (1.0 / stretch.gamma) + 0.5))


def _over_checker(rgb: Array, shown: Array) -> Array:
    """Put the checker where nothing was measured."""
    h, w = shown.shape
    squares = (np.arange(h)[:, None] // _SQUARE + np.arange(w)[None, :] // _SQUARE) % 2
    checker = np.array(CHECKER, np.uint8)[squares]
    return np.where(shown[:, :, None], rgb, checker[:, :, None])


def _classes(data: Array, quantity: Quantity, valid: Array | None, given: Legend | None) -> Array:
    """Colours of a class map, shape (h, w, 3)."""
    name = str(quantity.legend)
    if given is None and name not in LEGENDS:
        raise Unknown(name, LEGENDS, what="legend", where="class map")
    legend = given or LEGENDS[name]
    plane = data[0]
    shown = ~np.isin(plane, legend.none)
    if valid is not None:
        shown &= np.broadcast_to(valid, data.shape)[0]
    palette = legend.palette()
    present = np.unique(plane[shown]).tolist()
    strange = [code for code in present if code not in palette]
    if strange:
        raise Mismatch(
            where="class map",
            what="codes",
            want=f"those of legend {legend.name} ({', '.join(map(str, legend.codes))})",
            have=", ".join(f"{code:g}" for code in strange),
            fix="Name the legend that the map was made with.",
        )
    rgb = np.zeros((*plane.shape, 3), np.uint8)
    for code in present:
        rgb[shown & (plane == code)] = palette[code]
    return _over_checker(rgb, shown)


def stretch_caption(bands: Sequence[str], quantity: Quantity, *, stretch: str | Stretch | None = None) -> str:
    """Say in words what `to_rgb` shows with the same arguments.

    Examples
    --------
    >>> from swath.core.quantity import SIGMA0, dn
    >>> stretch_caption(["B02", "B03", "B04"], dn("toa", offset=-1000))
    'B04, B03, B02 as red, green, blue: toa reflectance 0 to 0.3'
    >>> stretch_caption(["VV"], SIGMA0)
    'VV in grey: sigma0 dB -25 to 0'
    """
    if quantity.kind == "class":
        return f"colours of legend {quantity.legend}"
    chosen = _chosen(quantity, stretch)
    channels = _channels(bands, chosen)
    names = ", ".join(channel.label for channel in channels)
    head = f"{names} as red, green, blue" if len(channels) == 3 else f"{names} in grey"
    if quantity.kind == "rgb8":
        return f"{head}: {quantity}, as stored"
    kind = quantity.of if quantity.kind == "dn" else quantity.kind
    unit = str(quantity) if kind in (None, "value") else KINDS[str(kind)].replace("linear power", "dB")
    if chosen.percent is not None:
        low, high = chosen.percent
        return f"{head}: {unit}, each image from its own {low:g} % to its own {high:g} % (not comparable)"
    ranges = [f"{channel.low:g} to {channel.high:g}" for channel in channels]
    shown = ranges[0] if len(set(ranges)) == 1 else ", ".join(ranges)
    curve = f", gamma {chosen.gamma:g}" if chosen.gamma != 1.0 else ""
    return f"{head}: {unit} {shown}{curve}"
