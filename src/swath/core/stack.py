"""Stack: pixels of one sensor and level on one geobox, with everything that says what their numbers are.

    data (t, b, h, w) + bands + times + geobox + gsd + quantity + valid + origin

One kind, one gsd, one offset per band in a stack; masks, classes and other ground sizes are stacks of their own.
Functions here turn one stack into another and never lose track of validity. Files are read elsewhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from odc.geo.geobox import GeoBox

from swath.core.array import Array
from swath.core.bands import order
from swath.core.errors import Mismatch, Refused
from swath.core.origin import NOWHERE, Origin
from swath.core.quantity import BOA, DN_NODATA, DN_SATURATED, TOA, Quantity, convert, dn

__all__ = [
    "NO_TIME",
    "Stack",
    "join_dates",
    "measured",
    "require",
    "require_times",
    "same",
    "select_bands",
    "select_date",
    "to_physical",
    "treat_as",
]

#: A date that nobody knows.
NO_TIME = np.datetime64("NaT", "us")


@dataclass(frozen=True, slots=True, eq=False)
class Stack:
    """Pixels with their meaning; see the module's first lines for the letters.

    Raises
    ------
    Mismatch
        Shapes, bands, times, geobox or quantity do not fit one another.
    """

    #: Array, shape (t, b, h, w).
    data: Array
    #: Canonical names, one a band, in the order of `data`.
    bands: tuple[str, ...]
    #: datetime64[us], shape (t,); NaT = unknown.
    times: Array
    #: What the numbers mean.
    quantity: Quantity
    #: Pixel grid; None = the place is unknown.
    geobox: GeoBox | None
    #: Metres on the ground a pixel, (x, y).
    gsd: tuple[float, float]
    #: Bool array, shape (t, b or 1, h, w); None = every pixel is a measurement.
    valid: Array | None = None
    #: Where the pixels came from.
    origin: Origin = NOWHERE

    def __post_init__(self) -> None:
        where = ", ".join(self.origin.items[:1]) or "stack"
        if self.data.ndim != 4:
            raise Mismatch(where=where, what="shape", want="(t, b, h, w)", have=str(self.data.shape))
        t, b, h, w = self.data.shape
        if len(self.bands) != b:
            raise Mismatch(where=where, what="number of bands", want=f"{b} in the data", have=" ".join(self.bands))
        if self.times.shape != (t,) or self.times.dtype != np.dtype("datetime64[us]"):
            have = f"{self.times.dtype} of shape {self.times.shape}"
            raise Mismatch(where=where, what="times", want=f"datetime64[us] of shape ({t},)", have=have)
        if self.valid is not None and (
            self.valid.dtype != bool or self.valid.shape not in ((t, b, h, w), (t, 1, h, w))
        ):
            have = f"{self.valid.dtype} {self.valid.shape}"
            raise Mismatch(where=where, what="validity", want=f"bool ({t}, {b} or 1, {h}, {w})", have=have)
        if self.geobox is not None and self.geobox.shape.yx != (h, w):
            raise Mismatch(where=where, what="geobox", want=f"{h} x {w} pixels", have=str(self.geobox.shape.yx))
        if not self.quantity.fits(b):
            raise Mismatch(where=where, what="numbers a band", want=f"one or {b}", have=str(self.quantity))
        if not all(g > 0 for g in self.gsd):
            raise Mismatch(where=where, what="gsd", want="metres above 0", have=str(self.gsd))

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """(t, b, h, w)."""
        t, b, h, w = self.data.shape
        return t, b, h, w


def same(one: Stack, other: Stack) -> bool:
    """True if both hold the same numbers with the same meaning, place, time, validity and origin."""
    return (
        one.bands == other.bands
        and one.quantity == other.quantity
        and one.geobox == other.geobox
        and one.gsd == other.gsd
        and one.origin == other.origin
        and one.data.dtype == other.data.dtype
        and np.array_equal(one.data, other.data, equal_nan=one.data.dtype.kind == "f")
        and np.array_equal(one.times, other.times, equal_nan=True)
        and (one.valid is None) == (other.valid is None)
        and (one.valid is None or other.valid is None or np.array_equal(one.valid, other.valid))
    )


def _where(stack: Stack) -> str:
    when = "" if np.isnat(stack.times).all() else f" {np.datetime_as_string(stack.times[0], unit='D')}"
    return (stack.origin.items[0] if stack.origin.items else "stack") + when


def require(
    stack: Stack,
    *,
    by: str,
    quantity: Quantity | None = None,
    gsd: float | None = None,
    bands: Sequence[str] | None = None,
    level: str | None = None,
    tolerance: float = 0.05,
) -> None:
    """Refuse a stack that is not what `by` needs.

    Parameters
    ----------
    by : str
        Who asks ("bundle eurosat-13"), named in the error.
    quantity, gsd, bands, level : optional
        What it needs; what is not given is not checked.
    tolerance : float
        How far, as a share, the ground size may be off.

    Raises
    ------
    Mismatch
        Names both sides and the next step.
    """
    where = _where(stack)
    if quantity is not None and stack.quantity != quantity:
        raise Mismatch(
            where=where,
            what="quantity",
            want=f"{quantity} ({by})",
            have=str(stack.quantity),
            fix="Convert it with to_physical, or declare it with treat_as.",
        )
    if level is not None and stack.origin.level != level:
        raise Mismatch(where=where, what="level", want=f"{level} ({by})", have=stack.origin.level or "unknown")
    if gsd is not None and any(abs(g / gsd - 1) > tolerance for g in stack.gsd):
        have = " x ".join(f"{g:.4g}" for g in stack.gsd)
        raise Mismatch(
            where=where, what="gsd", want=f"{gsd:g} m ({by})", have=f"{have} m", fix=f"Resample to {gsd:g} m."
        )
    if bands is not None:
        order(stack.bands, bands, where=where)


def require_times(stack: Stack, *, by: str) -> None:
    """Refuse a stack with unknown dates."""
    if np.isnat(stack.times).any():
        raise Refused(where=_where(stack), what=f"has no date, which {by} needs", fix="Give the acquisition date.")


def select_bands(stack: Stack, bands: Sequence[str]) -> Stack:
    """Take bands by name, in the order asked for."""
    index = order(stack.bands, bands, where=_where(stack))
    valid = stack.valid
    if valid is not None and valid.shape[1] > 1:
        valid = valid[:, index]
    return replace(
        stack, data=stack.data[:, index], bands=tuple(bands), quantity=stack.quantity.select(index), valid=valid
    )


def select_date(stack: Stack, k: int) -> Stack:
    """Take one date by its position; items, baselines and offsets that its origin has one a date go along.

    Examples
    --------
    >>> pair = Stack(np.zeros((2, 1, 1, 1)), ("VV",), np.full(2, NO_TIME), Quantity("sigma0"), None, (10, 10))
    >>> select_date(replace(pair, origin=Origin(items=("a", "b"), level="GRD")), 1).origin.items
    ('b',)
    """
    t = len(stack.times)

    def own(held: tuple[Any, ...]) -> tuple[Any, ...]:
        return held[k : k + 1] if len(held) == t else held

    came = stack.origin
    return replace(
        stack,
        data=stack.data[k : k + 1],
        times=stack.times[k : k + 1],
        valid=None if stack.valid is None else stack.valid[k : k + 1],
        origin=replace(came, items=own(came.items), baselines=own(came.baselines), offsets=own(came.offsets)),
    )


def measured(stack: Stack) -> Array | None:
    """Which pixels are measurements: `valid`, less nodata (0) and saturated (65535) Sentinel-2 digital numbers."""
    if stack.quantity.kind != "dn" or stack.quantity.of not in ("toa", "boa"):
        return stack.valid
    good = (stack.data != DN_NODATA) & (stack.data != DN_SATURATED)
    if stack.data.dtype.kind == "f":
        good &= np.isfinite(stack.data)
    if stack.valid is not None:
        good &= stack.valid
    return None if good.all() else good


def to_physical(stack: Stack) -> Stack:
    """Turn digital numbers into reflectance; what is no measurement becomes NaN and invalid.

    The raw integers are masked first (0 is nodata, 65535 saturated), then the offset is added, then divided. Negative
    reflectances are kept. A stack that is physical already is returned as it is.

    Raises
    ------
    Refused
        The offset is unknown.

    Examples
    --------
    >>> raw = np.array([0, 900, 1452], np.uint16).reshape(1, 1, 1, 3)
    >>> a = Stack(raw, ("B04",), np.array([NO_TIME]), dn("boa", offset=-1000), None, (10.0, 10.0))
    >>> [round(float(v), 4) for v in to_physical(a).data.ravel()], to_physical(a).valid.ravel().tolist()
    ([nan, -0.01, 0.0452], [False, True, True])
    """
    if stack.quantity.kind != "dn":
        return stack
    if stack.quantity.of is None:
        raise Refused(
            where=_where(stack), what=f"{stack.quantity} has no scale", fix="Calibrate it with its product's tables."
        )
    want = TOA if stack.quantity.of == "toa" else BOA if stack.quantity.of == "boa" else Quantity(stack.quantity.of)
    valid = measured(stack)
    data = convert(stack.data, stack.quantity, want)
    if valid is not None:
        data = np.where(valid, data, np.float32(np.nan))
    return replace(stack, data=data, quantity=want, valid=valid)


def treat_as(stack: Stack, kind: str) -> Stack:
    """Declare that boa reflectance shall stand for toa, or the reverse: no conversion, and recorded as a declaration.

    Examples
    --------
    >>> a = Stack(np.ones((1, 1, 1, 1)), ("B04",), np.array([NO_TIME]), BOA, None, (10.0, 10.0))
    >>> treat_as(a, "toa").quantity, treat_as(a, "toa").origin.declared
    (Quantity('toa reflectance'), {'treat_as': 'boa as toa'})
    """
    have = stack.quantity.of if stack.quantity.kind == "dn" else stack.quantity.kind
    if {have, kind} - {"toa", "boa"}:
        raise Mismatch(where=_where(stack), what="quantity", want="toa or boa reflectance", have=str(stack.quantity))
    if have == kind:
        return stack
    changed = replace(stack.quantity, of=kind) if stack.quantity.kind == "dn" else replace(stack.quantity, kind=kind)
    return replace(stack, quantity=changed, origin=stack.origin.declare(treat_as=f"{have} as {kind}"))


def join_dates(stacks: Sequence[Stack]) -> Stack:
    """Join stacks of one place along time, in the order given.

    Digital numbers of older baselines are shifted up to the newest offset, in integers, so that nothing is lost; the
    offsets they came with stay in `origin`.

    Raises
    ------
    Mismatch
        Bands, geobox, gsd or kind differ.
    """
    first = stacks[0]
    for other in stacks[1:]:
        for what in ("bands", "geobox", "gsd"):
            if getattr(other, what) != getattr(first, what):
                raise Mismatch(
                    where=_where(other), what=what, want=str(getattr(first, what)), have=str(getattr(other, what))
                )
        is_dn = other.quantity.kind == first.quantity.kind == "dn" and other.quantity.of == first.quantity.of
        if other.quantity != first.quantity and not is_dn:
            raise Mismatch(
                where=_where(other),
                what="quantity",
                want=str(first.quantity),
                have=str(other.quantity),
                fix="Convert every date to one quantity first (to_physical masks what is no measurement).",
            )
    target = first.quantity
    if target.kind == "dn" and target.of is not None:
        known = [s.quantity.offset for s in stacks]
        if len({o is None for o in known}) > 1:
            raise Mismatch(where=_where(first), what="offsets", want="all known", have="some unknown")
        if known[0] is not None:
            newest = np.min([np.broadcast_to(np.asarray(o), len(first.bands)) for o in known], axis=0)
            target = dn(target.of, offset=newest.tolist(), quantification=target.quantification)
    data = np.concatenate([convert(s.data, s.quantity, target) for s in stacks])
    masks = None
    if any(s.valid is not None for s in stacks):
        full = [np.broadcast_to(np.ones((), bool) if s.valid is None else s.valid, s.data.shape) for s in stacks]
        masks = np.concatenate(full)
    origin = replace(
        first.origin,
        items=tuple(item for s in stacks for item in s.origin.items),
        baselines=tuple(b for s in stacks for b in s.origin.baselines),
        offsets=tuple(o for s in stacks for o in s.origin.offsets),
    )
    times = np.concatenate([s.times for s in stacks])
    return replace(first, data=data, times=times, quantity=target, valid=masks, origin=origin)
