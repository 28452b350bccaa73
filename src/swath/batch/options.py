"""Augmentation options: what may be done to a sample before it is learnt from, all off unless said.

Strengths are in physical units; an 8-bit picture is changed by what its rendering makes of them, and lengths are pixels
of the finest stack. An epoch is a pass over the samples. The work itself is done in `geometry` and `photometry`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from swath.core.errors import Refused, Unknown

__all__ = ["Augmentation"]


@dataclass(frozen=True, slots=True)
class Augmentation:
    """What is done to a sample; everything is off by default.

    Raises
    ------
    Refused
        A strength is outside what it can mean.

    Examples
    --------
    >>> Augmentation(rotation=45, ramp=4).strength(2), Augmentation(rotation=45, ramp=4).strength(9)
    (0.5, 1.0)
    """

    #: Chance [1] that a sample is mirrored, for left-right and for up-down each.
    flip: float = 0.0
    #: The eight orientations of a square: "random" draws one; "alternate" takes the next one each epoch, from a start
    #: of the sample's own, so that eight epochs show all eight (after the alternating flip of Jordan 2024). "" = off.
    right_angles: Literal["", "random", "alternate"] = ""
    #: Pixels, of the finest stack, of a square window at a random place (the middle in evaluation). 0 = off.
    crop: int = 0
    #: Epochs that crop; from then on, and in evaluation, samples are whole: cheap epochs first, at another scale of
    #: detail, then the size that the model takes. 0 = every epoch crops.
    crop_until: int = 0
    #: Greatest shift along each axis in pixels of the finest stack; the ground beyond the edge is mirrored.
    shift: int = 0
    #: Greatest rotation to either side [deg], bilinear, the ground beyond the edge mirrored.
    rotation: float = 0.0
    #: Least and greatest enlargement about the centre [1].
    scale: tuple[float, float] = (1.0, 1.0)
    #: Greatest change of brightness [1]: reflectance or linear power times 1 - b .. 1 + b; to decibels 10 log10 of that
    #: factor is added.
    brightness: float = 0.0
    #: Greatest reflectance [1] added or taken away, the same in every band of the optical stacks: 0.01 is 100 digital
    #: numbers of Sentinel-2, and 9.2 grey levels of the rendering eurosat-2750.
    offset: float = 0.0
    #: Greatest optical thickness at 550 nm [1] of a thin veil over the optical stacks; at other wavelengths it is
    #: (l / 550 nm) ** -1.3 of that.
    haze: float = 0.0
    #: Greatest change of one band's gain [1], each band by its own draw; decibels as with brightness.
    gain: float = 0.0
    #: Standard deviation of white noise: one reflectance [1] for all bands of the optical stacks, or by band name in
    #: reflectance, dB or the unit of its values (bands that are not named get none).
    noise: float | Mapping[str, float] = 0.0
    #: Chance [1] that a band is taken away, for all dates of a sample; never all bands of a stack.
    band_dropout: float = 0.0
    #: Chance [1] that the samples of a batch are mixed with one another, and how: "cutmix" pastes a rectangle of the
    #: partner's ground, "mixup" averages. Both targets are learnt, by their shares.
    mix: float = 0.0
    mixing: Literal["cutmix", "mixup"] = "cutmix"
    #: Epochs over which all but flips, right angles and crops grow to their full strength, and stay there. 0 = at once.
    ramp: int = 0

    def __post_init__(self) -> None:
        if self.right_angles not in ("", "random", "alternate"):
            raise Unknown(self.right_angles, ("random", "alternate"), what="way of right angles", where="augmentation")
        noise = self.noise.values() if isinstance(self.noise, Mapping) else [self.noise]
        limits: dict[str, tuple[float, float, str]] = {
            "flip": (self.flip, 1, "a chance"),
            "crop": (self.crop, math.inf, "pixels"),
            "crop_until": (self.crop_until, math.inf, "epochs"),
            "shift": (self.shift, math.inf, "pixels"),
            "rotation": (self.rotation, 180, "degrees"),
            "brightness": (self.brightness, 0.99, "a share"),
            "offset": (self.offset, 1, "a reflectance"),
            "haze": (self.haze, 5, "an optical thickness"),
            "gain": (self.gain, 0.99, "a share"),
            "noise": (min(noise, default=0.0), math.inf, "a standard deviation"),
            "mix": (self.mix, 1, "a chance"),
            "band_dropout": (self.band_dropout, 0.99, "a chance"),
            "ramp": (self.ramp, math.inf, "epochs"),
        }
        for name, (given, most, unit) in limits.items():
            if not 0 <= given <= most:
                said = f"is {unit} from 0 to {most:g}" if most < math.inf else f"is {unit}, 0 or more"
                raise Refused(where=f"augmentation {name}", what=f"{said}, have {given:g}")
        low, high = self.scale
        if not 0 < low <= high < math.inf:
            have = f"{low:g} to {high:g}"
            raise Refused(where="augmentation scale", what=f"is a least and a greatest factor, have {have}")
        if self.crop_until and not self.crop:
            raise Refused(where="augmentation crop_until", what="needs crop", fix="Say how many pixels a crop has.")
        if self.flip and self.right_angles:
            fix = "Leave flip out: the eight orientations hold both mirrors."
            raise Refused(where="augmentation", what="flip and right_angles do the same twice", fix=fix)

    def strength(self, epoch: int) -> float:
        """Share of the full strength in an epoch, counted from 0."""
        return min(1.0, epoch / self.ramp) if self.ramp else 1.0

    def crop_in(self, epoch: int | None) -> int:
        """Pixels of the window in an epoch, or in evaluation (None); 0 = samples are whole."""
        is_over = self.crop_until and (epoch is None or epoch >= self.crop_until)
        return 0 if is_over else self.crop

    @property
    def moves(self) -> bool:
        """True if pixels may change their place."""
        return bool(self.flip or self.right_angles or self.crop or self.shift or self.warps)

    @property
    def warps(self) -> bool:
        """True if pixels may be interpolated."""
        return bool(self.rotation) or self.scale != (1.0, 1.0)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON."""
        fields = {name: getattr(self, name) for name in self.__slots__}
        noise = dict(self.noise) if isinstance(self.noise, Mapping) else self.noise
        return {**fields, "scale": list(self.scale), "noise": noise}
