"""Photometry: brightness, offset, haze, gain, noise and lost bands, in the physical meaning of the numbers.

Brightness, gain, offset and haze are one straight line a sample and band, in reflectance or linear power, carried over
to whatever the numbers are: digital numbers by quantification and offset, 8-bit pictures by their rendering, decibels
by the logarithm; haze is that of `imaging`. An option changes the stacks whose quantity gives it a meaning, and is
refused where none does. Noise is drawn a pixel. Nothing here moves a pixel.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from swath.batch.keys import normals, uniform
from swath.batch.options import Augmentation
from swath.core.array import Array
from swath.core.errors import Refused, Unknown
from swath.core.quantity import DN_NODATA, DN_SATURATED, S2_QUANTIFICATION
from swath.core.rendering import RENDERINGS
from swath.core.specs import InputSpec, StackInput
from swath.imaging.haze import AIRLIGHT, veil

__all__ = ["Lighting", "drop_bands", "light", "lighting", "require_lighting"]

#: Least reflectance [1] that a product holds, DN 1 of offset -1000: numbers without offset go as far below 0.
_LEAST: Final = -0.0999
#: Option -> kinds of numbers that it has a meaning for.
_MEANS: Final = {
    "brightness": ("reflectance", "power", "decibels"),
    "gain": ("reflectance", "power", "decibels"),
    "offset": ("reflectance",),
    "haze": ("reflectance",),
    "noise": ("reflectance",),
}


@dataclass(frozen=True, slots=True, eq=False)
class Lighting:
    """What the numbers of one stack mean to light: physical = scale * number + shift, per band."""

    #: Canonical names.
    bands: tuple[str, ...]
    #: `reflectance`, `power`, `decibels`; `other` = nothing that light changes; `unknown` = light, with unknown scale.
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
    scale, shift, legal, kind = np.ones(b), np.zeros(b), (-np.inf, np.inf), "other"
    if quantity.is_db:
        kind = "decibels"
    elif quantity.kind in ("beta0", "sigma0", "gamma0_ellipsoid", "gamma0_rtc"):
        kind, legal = "power", (0.0, np.inf)
    elif quantity.kind in ("toa", "boa"):
        kind = "reflectance"
    elif quantity.kind == "dn":
        kind = "unknown"
        if quantity.of in ("toa", "boa") and quantity.offset is not None:
            kind = "reflectance"
            scale = np.broadcast_to(1 / np.asarray(quantity.quantification), b).astype(np.float64)
            shift = np.asarray(quantity.offset) * scale
            least = min(DN_NODATA + 1.0, float(np.rint((_LEAST - shift) / scale).min()))
            legal = (least, DN_SATURATED - 1.0)
    elif quantity.kind == "rgb8":
        kind, legal = "unknown", (0.0, 255.0)
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
    """Refuse strengths that mean nothing for the numbers of a model.

    Raises
    ------
    Refused
        An option has a meaning for no stack, or the scale of one that it should change is unknown.
    Unknown
        Noise is given for a band that no stack has.
    """
    lit = {name: lighting(needs) for name, needs in input.stacks.items()}
    listed = ", ".join(f"{name} {needs.quantity}" for name, needs in input.stacks.items())
    by_band = options.noise if isinstance(options.noise, Mapping) else {}
    asked = [name for name in _MEANS if getattr(options, name) and not (name == "noise" and by_band)]
    for option in asked:
        where = f"augmentation {option}"
        for name, each in lit.items():
            if each.kind == "unknown":
                what = f"stack {name} is {input.stacks[name].quantity}, whose reflectance is unknown"
                raise Refused(where=where, what=what, fix=f"Leave {option} out, or declare what the numbers are.")
        if not any(each.kind in _MEANS[option] for each in lit.values()):
            what = f"has no meaning for any stack ({listed})"
            raise Refused(where=where, what=what, fix=f"Leave {option} out.")
    for name, each in lit.items():
        strange = [band for band in each.bands if band not in AIRLIGHT]
        if options.haze and each.kind == "reflectance" and strange:
            what = f"needs the wavelength of every band, and that of {', '.join(strange)} (stack {name}) is unknown"
            raise Refused(where="augmentation haze", what=what, fix="Leave haze out.")
        named = [band for band in each.bands if by_band.get(band)]
        if named and each.kind in ("power", "unknown"):
            what = f"has no meaning for {named[0]} ({input.stacks[name].quantity})"
            raise Refused(where="augmentation noise", what=what, fix="Leave it out: speckle multiplies, try gain.")
    known = [band for each in lit.values() for band in each.bands]
    for band in by_band:
        if band not in known:
            raise Unknown(band, known, what="band", where="augmentation noise")


def _lines(keys: Array, options: Augmentation, epoch: int, lit: Lighting, stack: str) -> tuple[Array, Array]:
    """Factor and addend of each sample and band in physical numbers, float64 (n, b) each."""
    n, b, strength = len(keys), len(lit.bands), options.strength(epoch)
    factor, addend = np.ones((n, b)), np.zeros((n, b))
    is_optical = lit.kind == "reflectance"

    def signed(purpose: str, columns: int = 1) -> Array:
        return 2 * uniform(keys, epoch, purpose, columns) - 1

    if options.brightness:
        factor *= 1 + strength * options.brightness * signed("brightness" if is_optical else "brightness of radar")
    if options.gain:
        factor *= 1 + strength * options.gain * signed(f"gain {stack}", b)
    if options.offset and is_optical:
        addend += strength * options.offset * signed("offset")
    if options.haze and is_optical:
        clear, air = veil(lit.bands, strength * options.haze * uniform(keys, epoch, "haze")[:, 0])
        factor, addend = factor * clear, addend * clear + (1 - clear) * air
    return factor, addend


def _deviations(options: Augmentation, lit: Lighting) -> Array:
    """Standard deviation of the noise of each band in its stack's own numbers, float64 (b,)."""
    noise = options.noise
    if isinstance(noise, Mapping):
        return np.array([noise.get(band, 0.0) for band in lit.bands]) / lit.scale
    return noise / lit.scale if lit.kind == "reflectance" else np.zeros(len(lit.bands))


def light(x: Array, valid: Array, keys: Array, options: Augmentation, lit: Lighting, *, epoch: int, stack: str) -> None:
    """Change the light of n samples, in place.

    Parameters
    ----------
    x : float32 array, shape (n, t, b, h, w)
        All dates of a sample change alike. What is not valid keeps the band's mean.
    valid : bool array, shape (n, t, b or 1, h, w)
    keys : uint64 array, shape (n,)
        One a sample; see `keys`.
    lit : Lighting
        What the numbers of the stack mean.
    epoch : int
        Counted from 0.
    stack : str
        Its name. Gain and noise are drawn anew for each stack; brightness, offset and haze are common to all optical
        ones, as light is.
    """
    has_line = lit.kind in _MEANS["gain"] and (options.brightness or options.gain)
    has_line = has_line or (lit.kind == "reflectance" and (options.offset or options.haze))
    if has_line:
        factor, addend = _lines(keys, options, epoch, lit, stack)
        if lit.kind == "decibels":
            factor, addend = np.ones_like(factor), 10 * np.log10(factor)
        else:
            # physical = scale number + shift on both sides of the line
            addend = (factor * lit.shift + addend - lit.shift) / lit.scale
        x *= factor.astype(np.float32)[:, None, :, None, None]
        x += addend.astype(np.float32)[:, None, :, None, None]
    deviations = (_deviations(options, lit) * options.strength(epoch)).astype(np.float32)
    if deviations.any():
        for each, key in zip(x, keys.tolist(), strict=True):
            drawn = normals(key, epoch, f"noise {stack}", each.size).reshape(each.shape)
            drawn *= deviations[:, None, None]
            each += drawn
    if has_line or deviations.any():
        if np.isfinite(lit.legal).any():
            np.clip(x, *lit.legal, out=x)
        if not valid.all():
            np.copyto(x, lit.mean[:, None, None], where=~valid)


def drop_bands(
    x: Array, valid: Array, present: Array, keys: Array, options: Augmentation, lit: Lighting, *, epoch: int, stack: str
) -> tuple[Array, Array]:
    """Take bands away: their pixels become the mean, in place; returns validity a band, and presence.

    Of a stack that would lose all its bands, the one that was least likely to go stays.
    """
    drawn = uniform(keys, epoch, f"band dropout {stack}", len(lit.bands))
    lost = drawn < options.band_dropout * options.strength(epoch)
    lost[np.arange(len(lost)), drawn.argmax(axis=1)] = False
    for i, band in zip(*np.nonzero(lost), strict=True):
        x[i, :, band] = lit.mean[band]
    kept = ~lost[:, None, :]
    return valid & kept[..., None, None], present & kept
