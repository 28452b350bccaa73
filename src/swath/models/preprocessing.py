"""Preprocessing: published weights are fed the numbers that they were trained on.

A `Transform` says what a network expects: bands in order, on which scale, minus a mean, over a deviation. `fed`
composes it with what a stack holds, so that the backbone's one normalisation gives exactly those numbers. Reflectance
becomes a picture by a named rendering of `core.rendering`, as the straight line that it is between its ends: below
and above them, where the 8-bit picture is cut off, numbers go on along the line, and they are not rounded to bytes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

from swath.core.bands import S2_BANDS
from swath.core.errors import Mismatch, Refused, Unknown
from swath.core.quantity import KINDS, S2_QUANTIFICATION
from swath.core.rendering import rendering as find_rendering
from swath.core.specs import StackInput

__all__ = ["TRANSFORMS", "Transform", "fed", "transform", "transform_of"]

_RGB: Final = ("B04", "B03", "B02")


@dataclass(frozen=True, slots=True)
class Transform:
    """What a published network expects to be fed: (number on its scale - mean) / std."""

    #: Key in `TRANSFORMS`.
    name: str
    #: Bands in the order of its first convolution.
    bands: tuple[str, ...]
    #: `unit`: an 8-bit picture / 255. `byte`: an 8-bit picture. `dn`: digital numbers without offset. `db`: decibels.
    scale: Literal["unit", "byte", "dn", "db"]
    #: One a band.
    mean: tuple[float, ...]
    std: tuple[float, ...]
    #: Who says so.
    source: str


#: name -> transform.
TRANSFORMS: Final[dict[str, Transform]] = {
    "imagenet": Transform(
        "imagenet",
        _RGB,
        "unit",
        (0.485, 0.456, 0.406),
        (0.229, 0.224, 0.225),
        "torchvision and timm, ImageNet weights; Keras' `torch` mode (its DenseNets)",
    ),
    "half": Transform("half", _RGB, "unit", (0.5,) * 3, (0.5,) * 3, "timm, Inception's and augreg's weights"),
    "keras-caffe": Transform(
        "keras-caffe",
        ("B02", "B03", "B04"),
        "byte",
        (103.939, 116.779, 123.68),
        (1.0, 1.0, 1.0),
        "Keras' `caffe` mode (its VGG16): blue first, bytes, ImageNet's means taken off",
    ),
    "divided-10000": Transform(
        "divided-10000", S2_BANDS, "dn", (0.0,) * 13, (S2_QUANTIFICATION,) * 13, "torchgeo, SSL4EO-S12 weights"
    ),
    "ssl4eo-s1": Transform(
        "ssl4eo-s1", ("VV", "VH"), "db", (-12.59, -20.26), (5.26, 5.91), "torchgeo, SSL4EO-S12 weights"
    ),
}


def transform(name: str, *, where: str = "") -> Transform:
    """Find a transform by name.

    Raises
    ------
    Unknown
        No transform has this name; the nearest is named.
    """
    if name not in TRANSFORMS:
        raise Unknown(name, TRANSFORMS, what="transform", where=where)
    return TRANSFORMS[name]


def transform_of(name: str, about: Mapping[str, Any]) -> Transform:
    """Make a transform of what timm says of a network's weights (`pretrained_cfg`): pictures of 0..1, red first.

    Examples
    --------
    >>> transform_of("mine", {"mean": (0.5, 0.5, 0.5), "std": (0.5, 0.5, 0.5)}).bands
    ('B04', 'B03', 'B02')
    """
    return Transform(name, _RGB, "unit", tuple(about["mean"]), tuple(about["std"]), "timm, pretrained_cfg")


def _line(stack: StackInput, band: str, asked: Transform, rendering: str) -> tuple[float, float]:
    """(slope, shift) with: number on the transform's scale = slope * number of the stack + shift."""
    quantity, where = stack.quantity, f"transform {asked.name}"
    if asked.scale == "db":
        if not quantity.is_db:
            raise Mismatch(where=where, what="quantity", want="decibels", have=str(quantity), fix="Convert it to dB.")
        return 1.0, 0.0
    top = 255.0 if asked.scale == "unit" else 1.0
    if quantity.kind == "rgb8":
        if asked.scale == "dn":
            fix = "A picture no longer holds them; use weights that were trained on pictures."
            raise Mismatch(where=where, what="quantity", want="reflectance", have=str(quantity), fix=fix)
        return 1 / top, 0.0
    kind = quantity.of if quantity.kind == "dn" else quantity.kind
    if kind not in ("toa", "boa"):
        raise Mismatch(
            where=where, what="quantity", want="rgb8 or reflectance", have=str(quantity), fix="Choose another."
        )
    if quantity.kind == "dn" and quantity.offset is None:
        fix = "Declare it (offset 0 or -1000)."
        raise Refused(where=where, what=f"the offset of {quantity} is unknown, so brightness would be a guess", fix=fix)
    # Digital numbers without offset = slope * number + shift.
    slope, shift = S2_QUANTIFICATION, 0.0
    if quantity.kind == "dn":
        one = quantity.select([stack.bands.index(band)])
        slope = S2_QUANTIFICATION / one.quantification[0]
        shift = slope * (one.offset or (0.0,))[0]
    if asked.scale == "dn":
        return slope, shift
    look = find_rendering(rendering, where=where)
    if kind != look.of:
        fix = "toa and boa are different measurements; say treat_as if one shall stand for the other."
        raise Mismatch(where=where, what="quantity", want=KINDS[look.of], have=str(quantity), fix=fix)
    rise = (look.out_high - look.out_low) / (look.high - look.low)
    return rise * slope / top, (rise * (shift - look.low) + look.out_low) / top


def fed(stack: StackInput, asked: str | Transform, *, rendering: str = "eurosat-2750") -> StackInput:
    """Normalise a stack so that published weights see what they were trained on.

    Parameters
    ----------
    stack : StackInput
        Its bands and quantity count; the mean and deviation of bands that the transform names are replaced, those of
        other bands stay.
    asked : str or Transform
        What the weights expect.
    rendering : str
        Key in `core.rendering.RENDERINGS`: how reflectance becomes a picture, for weights trained on pictures.

    Raises
    ------
    Unknown
        No transform or rendering has this name.
    Mismatch
        The stack's quantity cannot become what the weights expect, or none of its bands is theirs.
    Refused
        The offset of digital numbers is unknown.

    Examples
    --------
    >>> from swath.core.quantity import rgb8
    >>> seen = StackInput(("B04", "B03", "B02"), rgb8("eurosat-2750-jpeg"), "L1C", 10.0, 1, (0.0,) * 3, (1.0,) * 3)
    >>> [round((255 - mean) / std, 4) for mean, std in zip(fed(seen, "imagenet").mean, fed(seen, "imagenet").std)]
    [2.2489, 2.4286, 2.64]
    """
    wanted = transform(asked) if isinstance(asked, str) else asked
    known = [band for band in stack.bands if band in wanted.bands]
    if not known:
        have = " ".join(stack.bands)
        raise Mismatch(where=f"transform {wanted.name}", what="bands", want=" ".join(wanted.bands), have=have)
    mean, std = list(stack.mean), list(stack.std)
    for index, band in enumerate(stack.bands):
        if band in wanted.bands:
            slope, shift = _line(stack, band, wanted, rendering)
            at = wanted.bands.index(band)
            mean[index], std[index] = (wanted.mean[at] - shift) / slope, wanted.std[at] / slope
    return replace(stack, mean=tuple(mean), std=tuple(std))
