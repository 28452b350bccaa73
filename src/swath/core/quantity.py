"""Quantity: what a number in an array means, and the one table of conversions.

A quantity names its kind, and for digital numbers what they encode, with quantification and offset per band. The
sentence of `science` that all optical work stands on is `rho = (DN + offset) / quantification`; this module is the only
place that holds it. What is not in `CONVERSIONS` is an error that names both sides. The module knows arrays, never
files: where an offset comes from is decided in `core.offset`.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np

from swath.core.array import Array
from swath.core.errors import Mismatch, Refused, Unknown

__all__ = [
    "BETA0",
    "BETA0_DB",
    "BOA",
    "CONVERSIONS",
    "DB_FLOOR",
    "DN_NODATA",
    "DN_SATURATED",
    "GAMMA0_ELLIPSOID",
    "GAMMA0_ELLIPSOID_DB",
    "GAMMA0_RTC",
    "GAMMA0_RTC_DB",
    "KINDS",
    "PROBABILITY",
    "S2_QUANTIFICATION",
    "SIGMA0",
    "SIGMA0_DB",
    "TOA",
    "Quantity",
    "class_of",
    "convert",
    "dn",
    "physical_moments",
    "rgb8",
    "to_float",
    "value",
]

_SAR: Final = ("beta0", "sigma0", "gamma0_ellipsoid", "gamma0_rtc")
#: kind -> how a person names it.
KINDS: Final[dict[str, str]] = {
    "dn": "dn",
    "toa": "toa reflectance",
    "boa": "boa reflectance",
    **{kind: f"{kind} linear power" for kind in _SAR},
    **{f"{kind}_db": f"{kind} dB" for kind in _SAR},
    "rgb8": "rgb8",
    "class": "class",
    "probability": "probability",
    "value": "value",
}

#: Sentinel-2 digital numbers that are not measurements (tested on the raw integers, before any offset).
DN_NODATA: Final = 0
DN_SATURATED: Final = 65535
#: Linear powers below this are written as -50 dB.
DB_FLOOR: Final = 1e-5


@dataclass(frozen=True, slots=True)
class Quantity:
    """What the numbers of a stack mean.

    Examples
    --------
    >>> dn("toa", offset=-1000)
    Quantity('dn offset -1000 (toa reflectance, /10000)')
    >>> dn("toa", offset=[-1000, -1000]) == dn("toa", offset=-1000)       # one number for all bands is the same thing
    True
    """

    #: One of `KINDS`.
    kind: str
    #: For `dn`: the kind that it encodes (`toa`, `boa`), or None where only a calibration table could tell.
    of: str | None = None
    #: For `dn`: divisor, one for all bands or one a band.
    quantification: tuple[float, ...] = ()
    #: For `dn`: added before dividing, one for all bands or one a band; None = unknown, conversion refused.
    offset: tuple[float, ...] | None = None
    #: For `rgb8`: name of the rendering in `core.rendering`.
    rendering: str | None = None
    #: For `class`: name of the legend in `core.legends`, or of one that travels with the corpus.
    legend: str | None = None
    #: For `value`: unit in SI spelling, "1" for none.
    unit: str | None = None

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise Unknown(self.kind, KINDS, what="quantity")
        if self.of is not None and (self.kind != "dn" or self.of not in KINDS or self.of == "dn"):
            raise Unknown(self.of, [k for k in KINDS if k != "dn"], what=f"physical quantity of {self.kind}")
        needs = {"rgb8": "rendering", "class": "legend", "value": "unit"}.get(self.kind)
        if needs and not getattr(self, needs):
            raise Refused(where=f"quantity {self.kind}", what=f"has no {needs}", fix=f"Give its {needs}.")
        if not all(q > 0 for q in self.quantification) or (self.of is not None and not self.quantification):
            raise Refused(where="quantity dn", what=f"quantification must be positive, have {self.quantification}")
        if not all(math.isfinite(o) for o in self.offset or ()):
            raise Refused(
                where="quantity dn", what=f"offset must be a number, have {self.offset}", fix="Give 0 or -1000."
            )
        object.__setattr__(self, "quantification", _collapse(self.quantification))
        if self.offset is not None:
            object.__setattr__(self, "offset", _collapse(self.offset))

    @property
    def is_db(self) -> bool:
        """True for decibels: never averaged, never resampled but by nearest."""
        return self.kind.endswith("_db")

    @property
    def is_categorical(self) -> bool:
        """True where numbers are codes: resampled by nearest or mode only."""
        return self.kind == "class"

    def select(self, index: Sequence[int]) -> Quantity:
        """Keep the numbers of the bands at `index`, in that order."""
        return replace(
            self,
            quantification=_pick(self.quantification, index),
            offset=None if self.offset is None else _pick(self.offset, index),
        )

    def fits(self, bands: int) -> bool:
        """True if per-band numbers, where there are any, are one a band."""
        counts = {len(self.quantification), len(self.offset or ())}
        return counts <= {0, 1, bands}

    def to_json(self) -> dict[str, Any]:
        """Return the fields that are set, as plain JSON."""
        fields = {name: getattr(self, name) for name in ("of", "rendering", "legend", "unit")}
        fields["quantification"] = list(self.quantification) or None
        fields["offset"] = None if self.offset is None else list(self.offset)
        return {"kind": self.kind, **{k: v for k, v in fields.items() if v is not None}}

    @classmethod
    def from_json(cls, fields: dict[str, Any]) -> Quantity:
        """Read what `to_json` wrote.

        Examples
        --------
        >>> Quantity.from_json(dn("boa", offset=-1000).to_json()) == dn("boa", offset=-1000)
        True
        """
        given = dict(fields)
        given["quantification"] = tuple(given.get("quantification") or ())
        if given.get("offset") is not None:
            given["offset"] = tuple(given["offset"])
        return cls(**given)

    def __str__(self) -> str:
        name = KINDS[self.kind]
        if self.kind == "dn":
            offset = "unknown" if self.offset is None else _numbers(self.offset)
            of = f"{KINDS[self.of]}, /{_numbers(self.quantification)}" if self.of else "no scale known"
            return f"{name} offset {offset} ({of})"
        extra = self.rendering or self.legend or self.unit
        return f"{name} [{extra}]" if extra else name

    def __repr__(self) -> str:
        return f"Quantity({str(self)!r})"

    def __hash__(self) -> int:
        return hash(json.dumps(self.to_json(), sort_keys=True))


def _collapse(numbers: Sequence[float]) -> tuple[float, ...]:
    """One number if all bands share it, so that equal quantities compare equal."""
    floats = tuple(float(n) for n in numbers)
    return floats[:1] if len(set(floats)) == 1 else floats


def _pick(numbers: tuple[float, ...], index: Sequence[int]) -> tuple[float, ...]:
    return numbers if len(numbers) <= 1 else tuple(numbers[i] for i in index)


def _numbers(numbers: Sequence[float]) -> str:
    return ",".join(f"{n:g}" for n in numbers)


TOA: Final = Quantity("toa")
BOA: Final = Quantity("boa")
BETA0: Final = Quantity("beta0")
SIGMA0: Final = Quantity("sigma0")
GAMMA0_ELLIPSOID: Final = Quantity("gamma0_ellipsoid")
GAMMA0_RTC: Final = Quantity("gamma0_rtc")
BETA0_DB: Final = Quantity("beta0_db")
SIGMA0_DB: Final = Quantity("sigma0_db")
GAMMA0_ELLIPSOID_DB: Final = Quantity("gamma0_ellipsoid_db")
GAMMA0_RTC_DB: Final = Quantity("gamma0_rtc_db")
PROBABILITY: Final = Quantity("probability")

#: Sentinel-2's QUANTIFICATION_VALUE in every product measured (baselines 02.09 to 05.09); an XML at hand wins.
S2_QUANTIFICATION: Final = 10000.0


def dn(
    of: str | None,
    *,
    offset: float | Sequence[float] | None,
    quantification: float | Sequence[float] = S2_QUANTIFICATION,
) -> Quantity:
    """Digital numbers of `of` ("toa", "boa"): value = (DN + offset) / quantification; offset None = unknown."""
    wide = [float(quantification)] if isinstance(quantification, int | float) else list(quantification)
    shift = None if offset is None else tuple([offset] if isinstance(offset, int | float) else offset)
    return Quantity("dn", of=of, quantification=tuple(wide) if of else (), offset=shift)


def rgb8(rendering: str) -> Quantity:
    """An 8-bit picture made by the named rendering."""
    return Quantity("rgb8", rendering=rendering)


def class_of(legend: str) -> Quantity:
    """Codes of the named legend."""
    return Quantity("class", legend=legend)


def value(unit: str) -> Quantity:
    """Any other measured value, with its unit ("1" for none)."""
    return Quantity("value", unit=unit)


def _per_band(numbers: tuple[float, ...], dtype: Any) -> Array:
    """Shape (b or 1, 1, 1): broadcasts over (..., b, h, w)."""
    return np.asarray(numbers, dtype)[:, None, None]


def _encodes(have: Quantity, want: Quantity) -> None:
    if have.of != want.kind:
        raise Mismatch(
            what="quantity",
            want=str(want),
            have=str(have),
            fix="toa and boa are different measurements; say treat_as if one shall stand for the other.",
        )
    if have.offset is None:
        raise Refused(
            what=f"the offset of {have} is unknown, so reflectance would be a guess",
            fix="Declare it (offset 0 or -1000), or read a product whose metadata or pixels decide it.",
        )


def _decode(data: Array, have: Quantity, want: Quantity, incidence: Array | None) -> Array:
    """DN to reflectance: signed arithmetic first, one division after it."""
    _encodes(have, want)
    shifted = data.astype(np.float32) + _per_band(have.offset or (), np.float32)
    return np.asarray(shifted / _per_band(have.quantification, np.float32), np.float32)


def _encode(data: Array, have: Quantity, want: Quantity, incidence: Array | None) -> Array:
    """Reflectance to DN, clamped to what a product can hold (1..65534); NaN becomes nodata."""
    _encodes(want, have)
    scaled = data.astype(np.float64) * _per_band(want.quantification, np.float64)
    shifted = np.rint(scaled - _per_band(want.offset or (), np.float64))
    clamped = np.clip(np.nan_to_num(shifted, nan=DN_NODATA), DN_NODATA + 1, DN_SATURATED - 1)
    return np.where(np.isnan(data), DN_NODATA, clamped).astype(np.uint16)


def _recode(data: Array, have: Quantity, want: Quantity, incidence: Array | None) -> Array:
    """DN of one offset to DN of another, in integers and upwards only, so that nothing is lost."""
    if have.of != want.of or have.quantification != want.quantification or None in (have.offset, want.offset):
        raise Mismatch(what="quantity", want=str(want), have=str(have), fix="Only the offset may change between dn.")
    shift = _per_band(have.offset or (), np.int64) - _per_band(want.offset or (), np.int64)
    if (shift < 0).any():
        raise Refused(
            what=f"dn cannot go from offset {_numbers(have.offset or ())} to {_numbers(want.offset or ())}",
            fix="Negative reflectances would be cut off; shift the older series up to the newer offset.",
        )
    if data.dtype.kind not in "iu" or (data.size and int(data.min()) < 0):
        said = f"{data.dtype}" + ("" if data.dtype.kind not in "iu" else f" down to {int(data.min())}")
        raise Mismatch(what="digital numbers", want="integers from 0 up", have=said, fix="Convert to reflectance.")
    raw = data.astype(np.int64)
    moved = np.where((raw == DN_NODATA) | (raw == DN_SATURATED), raw, np.minimum(raw + shift, DN_SATURATED - 1))
    most = int(np.iinfo(data.dtype).max)
    if moved.size and int(moved.max()) > most:
        fix = "Store them as uint16 first."
        raise Mismatch(what="digital numbers", want=f"{data.dtype} (up to {most})", have=str(int(moved.max())), fix=fix)
    return moved.astype(data.dtype)


def _to_db(data: Array, have: Quantity, want: Quantity, incidence: Array | None) -> Array:
    return np.asarray(10.0 * np.log10(np.maximum(data, DB_FLOOR)), np.float32)


def _from_db(data: Array, have: Quantity, want: Quantity, incidence: Array | None) -> Array:
    return np.asarray(10.0 ** (data.astype(np.float64) / 10.0), np.float32)


def _needs_angle(incidence: Array | None) -> Array:
    if incidence is None:
        raise Refused(what="sigma0 and gamma0_ellipsoid differ by the cosine of the incidence angle", fix="Give it.")
    return np.cos(np.deg2rad(incidence))


def _sigma_to_gamma(data: Array, have: Quantity, want: Quantity, incidence: Array | None) -> Array:
    return np.asarray(data / _needs_angle(incidence), np.float32)


def _gamma_to_sigma(data: Array, have: Quantity, want: Quantity, incidence: Array | None) -> Array:
    return np.asarray(data * _needs_angle(incidence), np.float32)


_Conversion = Callable[[Array, Quantity, Quantity, Array | None], Array]
#: (from, to) -> function. What is not here is not a conversion.
CONVERSIONS: Final[dict[tuple[str, str], _Conversion]] = {
    ("dn", "toa"): _decode,
    ("dn", "boa"): _decode,
    ("toa", "dn"): _encode,
    ("boa", "dn"): _encode,
    ("dn", "dn"): _recode,
    **{(kind, f"{kind}_db"): _to_db for kind in _SAR},
    **{(f"{kind}_db", kind): _from_db for kind in _SAR},
    ("sigma0", "gamma0_ellipsoid"): _sigma_to_gamma,
    ("gamma0_ellipsoid", "sigma0"): _gamma_to_sigma,
}


def physical_moments(mean: Array, std: Array, have: Quantity) -> tuple[Array, Array]:
    """Mean and deviation of digital numbers, one a band, as those of the reflectance that they encode.

    Examples
    --------
    >>> mean, std = physical_moments(np.array([2000.0]), np.array([500.0]), dn("toa", offset=-1000))
    >>> mean.tolist(), std.tolist()
    ([0.1], [0.05])
    """
    offset, divisor = np.array(have.offset or (0.0,)), np.array(have.quantification)
    return (mean + offset) / divisor, std / divisor


def convert(data: Array, have: Quantity, want: Quantity, *, incidence: Array | None = None) -> Array:
    """Turn numbers of one quantity into numbers of another.

    Parameters
    ----------
    data : array, shape (..., b, h, w)
        Numbers that mean `have`. Which of them are measurements is the caller's to know: see `core.stack.to_physical`.
    have, want : Quantity
        Both sides. Equal sides return `data` itself.
    incidence : array, optional
        Ellipsoidal incidence angle in degrees, broadcastable to `data`; needed between sigma0 and gamma0.

    Raises
    ------
    Mismatch
        There is no such conversion (toa and boa, rtc and ellipsoid, classes and anything).
    Refused
        The conversion needs an offset or an angle that nobody knows.

    Examples
    --------
    >>> convert(np.full((1, 1, 1), 1452, np.uint16), dn("boa", offset=-1000), BOA).item()
    0.04520000144839287
    """
    if have == want:
        return data
    step = CONVERSIONS.get((have.kind, want.kind))
    if step is None:
        raise Mismatch(
            what="quantity",
            want=str(want),
            have=str(have),
            fix="There is no conversion between the two; read or declare the quantity that is wanted.",
        )
    return step(data, have, want, incidence)


def to_float(data: Array, have: Quantity, want: Quantity, *, by: str = "", where: str = "") -> Array:
    """Bring numbers of one quantity to float32 numbers of another, exactly and unclamped.

    As `convert`, for arithmetic instead of storage: digital numbers may go to another offset in either direction, and
    reflectance to digital numbers, without being rounded or cut off. Which numbers are measurements is the caller's to
    know.

    Parameters
    ----------
    data : array, shape (..., b, h, w)
        Numbers that mean `have`; not changed.
    have, want : Quantity
        Both sides.
    by, where : str
        Who wants it, and what it is that has it; named in the error.

    Raises
    ------
    Mismatch
        There is no such conversion.
    Refused
        An offset, a scale or an angle is unknown.

    Examples
    --------
    >>> to_float(np.full((1, 1, 1), 900, np.uint16), dn("toa", offset=-1000), dn("toa", offset=0)).item()
    -100.0
    """
    wanted = f"{want} ({by})" if by else str(want)
    optical = ("dn", "toa", "boa")
    if have.kind in optical and want.kind in optical:
        return _to_optical(data, have, want, wanted, where)
    if have == want:
        return data.astype(np.float32)
    if (have.kind, want.kind) not in CONVERSIONS:
        fix = "There is no conversion between the two; choose a preset or a model made for what you have."
        raise Mismatch(where=where, what="quantity", want=wanted, have=str(have), fix=fix)
    if {have.kind, want.kind} == {"sigma0", "gamma0_ellipsoid"}:
        what = f"{have} becomes {wanted} only with the incidence angle of every pixel"
        raise Refused(where=where, what=what, fix="Convert it with core.quantity.convert before it is stored.")
    return np.asarray(convert(data, have, want), np.float32)


def _to_optical(data: Array, have: Quantity, want: Quantity, wanted: str, where: str) -> Array:
    """Digital numbers and reflectance, either way."""
    of, of_wanted = (q.of if q.kind == "dn" else q.kind for q in (have, want))
    if of != of_wanted or of is None:
        fix = "toa and boa are different measurements; say treat_as if one shall stand for the other."
        raise Mismatch(where=where, what="quantity", want=wanted, have=str(have), fix=fix)
    if have.kind == "dn" and have.offset is None:
        raise Refused(
            where=where,
            what=f"the offset of {have} is unknown, so the numbers may be 1000 off",
            fix="Declare it (offset 0 or -1000), or read a product whose metadata or pixels decide it.",
        )
    if have == want:
        return data.astype(np.float32)
    if want.kind != "dn":
        return convert(data, have, want)
    if want.offset is None:
        fix = "A model that does not say its offset takes no other numbers than its own."
        raise Mismatch(where=where, what="quantity", want=wanted, have=str(have), fix=fix)
    (divisor, added), (divisor_wanted, added_wanted) = _scales(have), _scales(want)
    numbers = data.astype(np.float32)
    scale = divisor_wanted / divisor
    if (scale != 1).any():
        numbers = (numbers + added.astype(np.float32)) * scale.astype(np.float32)
        return np.asarray(numbers - added_wanted.astype(np.float32))
    return np.asarray(numbers + (added - added_wanted).astype(np.float32))


def _scales(quantity: Quantity) -> tuple[Array, Array]:
    """(quantification, offset) of dn or reflectance, shape (b or 1, 1, 1): value = (x + offset) / quantification."""
    if quantity.kind != "dn":
        return np.ones((1, 1, 1)), np.zeros((1, 1, 1))
    return _per_band(quantity.quantification, np.float64), _per_band(quantity.offset or (), np.float64)
