"""Photometry: brightness, offset, haze, gain, noise and lost bands, in the physical meaning of the numbers.

Brightness, gain, offset and haze are one straight line a sample and band, in reflectance or linear power, carried over
to whatever the numbers are: digital numbers by quantification and offset, 8-bit pictures by their rendering, decibels
by the logarithm. What has no such meaning for a quantity is refused. Noise is drawn per pixel. Nothing here moves a
pixel.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from swath.batch.keys import generator, uniform
from swath.batch.options import Augmentation
from swath.core.array import Array
from swath.core.errors import Refused, Unknown
from swath.core.quantity import DN_NODATA, DN_SATURATED, S2_QUANTIFICATION
from swath.core.rendering import RENDERINGS
from swath.core.sensors import SENSORS
from swath.core.specs import InputSpec, StackInput

__all__ = ["AIRLIGHT", "HAZE_EXPONENT", "Lighting", "drop_bands", "light", "lighting", "require_lighting"]

#: Optical thickness of haze falls with the wavelength to this power.
HAZE_EXPONENT: Final = -1.3
#: Top-of-atmosphere reflectance [1] that a veil tends to: the brightest pixels of a real low cloud (Sentinel-2 L1C).
#: Water vapour above it darkens B09, and hides it in B10.
AIRLIGHT: Final = {
    "B01": 0.55, "B02": 0.60, "B03": 0.60, "B04": 0.65, "B05": 0.63, "B06": 0.69, "B07": 0.75, "B08": 0.68,
    "B8A": 0.77, "B09": 0.12, "B10": 0.002, "B11": 0.71, "B12": 0.56,
}  # fmt: skip
_POWERS: Final = ("beta0", "sigma0", "gamma0_ellipsoid", "gamma0_rtc")
_CENTRES: Final = {band.name: band.centre["S2A"] for band in SENSORS["s2-l1c"].bands}


@dataclass(frozen=True, slots=True, eq=False)
class Lighting:
    """What the numbers of one stack mean to light: physical = scale * number + shift, per band."""

    #: Canonical names.
    bands: tuple[str, ...]
    #: `reflectance`, `power`, `decibels` or `none` (only noise and lost bands make sense).
    kind: str
    #: float64 (b,).
    scale: Array
    shift: Array
    #: Least and greatest number that the quantity can hold; infinite = any.
    legal: tuple[float, float]
    #: float32 (b,): what an absent number is replaced by.
    mean: Array


def lighting(needs: StackInput) -> Lighting:
    """Find what the numbers of a stack mean to light."""
    quantity, b = needs.quantity, len(needs.bands)
    scale, shift, legal, kind = np.ones(b), np.zeros(b), (-np.inf, np.inf), "none"
    if quantity.is_db:
        kind = "decibels"
    elif quantity.kind in _POWERS:
        kind, legal = "power", (0.0, np.inf)
    elif quantity.kind in ("toa", "boa"):
        kind = "reflectance"
    elif quantity.kind == "dn":
        legal = (float(DN_NODATA + 1), float(DN_SATURATED - 1))
        if quantity.of in ("toa", "boa") and quantity.offset is not None:
            kind = "reflectance"
            scale = np.broadcast_to(1 / np.asarray(quantity.quantification), b).astype(np.float64)
            shift = np.asarray(quantity.offset) * scale
    elif quantity.kind == "rgb8":
        legal = (0.0, 255.0)
        made = RENDERINGS.get(quantity.rendering or "")
        if made is not None:
            kind = "reflectance"
            step = (made.high - made.low) / (made.out_high - made.out_low)
            scale = np.full(b, step / S2_QUANTIFICATION)
            shift = np.full(b, (made.low - made.out_low * step) / S2_QUANTIFICATION)
    elif quantity.kind == "probability":
        legal = (0.0, 1.0)
    return Lighting(needs.bands, kind, scale, shift, legal, np.asarray(needs.mean, np.float32))


def require_lighting(options: Augmentation, input: InputSpec) -> None:
    """Refuse strengths that mean nothing for the numbers of a stack.

    Raises
    ------
    Refused
        Names the stack, its quantity and the option.
    Unknown
        Noise is given for a band that no stack has.
    """
    for name, needs in input.stacks.items():
        kind = lighting(needs).kind
        where = f"augmentation of stack {name}"
        wanted = {
            "brightness": (options.brightness, ("reflectance", "power", "decibels")),
            "gain": (options.gain, ("reflectance", "power", "decibels")),
            "offset": (options.offset, ("reflectance",)),
            "haze": (options.haze, ("reflectance",)),
            "noise": (not isinstance(options.noise, Mapping) and options.noise, ("reflectance", "decibels", "none")),
        }
        for option, (given, kinds) in wanted.items():
            if given and kind not in kinds:
                what = f"{option} has no meaning for {needs.quantity}"
                raise Refused(where=where, what=what, fix=f"Leave {option} out, or convert the stack.")
        strange = [band for band in needs.bands if band not in AIRLIGHT]
        if options.haze and strange:
            what = f"haze needs the wavelength of every band, and that of {', '.join(strange)} is unknown"
            raise Refused(where=where, what=what, fix="Leave haze out.")
    known = [band for needs in input.stacks.values() for band in needs.bands]
    for band in options.noise if isinstance(options.noise, Mapping) else ():
        if band not in known:
            raise Unknown(band, known, what="band", where="augmentation noise")


def _lines(keys: Array, options: Augmentation, epoch: int, lit: Lighting, stack: str) -> tuple[Array, Array]:
    """Factor and addend of each sample and band in physical numbers, float64 (n, b) each."""
    n, b, strength = len(keys), len(lit.bands), options.strength(epoch)
    factor, addend = np.ones((n, b)), np.zeros((n, b))

    def signed(purpose: str, columns: int = 1) -> Array:
        return 2 * uniform(keys, epoch, purpose, columns) - 1

    if options.brightness:
        factor *= 1 + strength * options.brightness * signed("brightness")
    if options.gain:
        factor *= 1 + strength * options.gain * signed(f"gain {stack}", b)
    if options.offset:
        addend += strength * options.offset * signed("offset")
    if options.haze:
        waves = np.array([_CENTRES[band] for band in lit.bands], np.float64)
        thickness = strength * options.haze * uniform(keys, epoch, "haze") * (waves / 550) ** HAZE_EXPONENT
        clear, air = np.exp(-thickness), np.array([AIRLIGHT[band] for band in lit.bands])
        factor, addend = factor * clear, addend * clear + (1 - clear) * air
    return factor, addend


def _add_noise(x: Array, keys: Array, options: Augmentation, epoch: int, lit: Lighting, stack: str) -> None:
    noise = options.noise
    sd = np.array([noise.get(band, 0.0) if isinstance(noise, Mapping) else noise for band in lit.bands])
    sd = (sd * options.strength(epoch) / lit.scale).astype(np.float32)[:, None, None]
    if sd.any():
        for each, key in zip(x, keys.tolist(), strict=True):
            each += generator(key, epoch, f"noise {stack}").standard_normal(each.shape, np.float32) * sd


def light(x: Array, valid: Array, keys: Array, options: Augmentation, lit: Lighting, *, epoch: int, stack: str) -> None:
    """Change the light of n samples, in place.

    Parameters
    ----------
    x : float32 array, shape (n, t, b, h, w)
        All dates of a sample change alike. What is not valid keeps the band's mean.
    valid : bool array, shape (n, t, b or 1, h, w)
    keys : uint64 array, shape (n,)
    stack : str
        Its name; gain and noise are drawn anew for each stack, brightness, offset and haze are common to all.
    """
    is_changed = False
    if options.brightness or options.gain or options.offset or options.haze:
        is_changed = True
        factor, addend = _lines(keys, options, epoch, lit, stack)
        if lit.kind == "decibels":
            factor, addend = np.ones_like(factor), 10 * np.log10(factor)
        else:
            # physical = scale number + shift on both sides of the line
            addend = (factor * lit.shift + addend - lit.shift) / lit.scale
        x *= factor.astype(np.float32)[:, None, :, None, None]
        x += addend.astype(np.float32)[:, None, :, None, None]
    if options.noise:
        is_changed = True
        _add_noise(x, keys, options, epoch, lit, stack)
    if is_changed:
        if np.isfinite(lit.legal).any():
            np.clip(x, *lit.legal, out=x)
        if not valid.all():
            np.copyto(x, lit.mean[:, None, None], where=~valid)


def drop_bands(
    x: Array, valid: Array, present: Array, keys: Array, options: Augmentation, lit: Lighting, *, epoch: int, stack: str
) -> tuple[Array, Array]:
    """Take bands away: their pixels become the mean, in place; returns validity with an axis of bands, and presence."""
    drawn = uniform(keys, epoch, f"band dropout {stack}", len(lit.bands))
    lost = drawn < options.band_dropout * options.strength(epoch)
    lost[np.arange(len(lost)), drawn.argmax(axis=1)] = False
    for i, band in zip(*np.nonzero(lost), strict=True):
        x[i, :, band] = lit.mean[band]
    kept = ~lost[:, None, :]
    return valid & kept[..., None, None], present & kept
