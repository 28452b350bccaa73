"""Axis: round numbers to write beside a scale, and how numbers, metres, shares and degrees are written."""

from __future__ import annotations

import math

__all__ = ["degrees", "metres", "number", "share", "ticks"]


def ticks(low: float, high: float, count: int = 5) -> list[float]:
    """Multiples of 1, 2 or 5 times a power of ten from `low` to `high`, about `count` of them.

    Examples
    --------
    >>> ticks(0, 2750, 5), ticks(0.1, 0.1)
    ([0.0, 500.0, 1000.0, 1500.0, 2000.0, 2500.0], [0.1])
    """
    if not high > low:
        return [low]
    rough = (high - low) / max(count, 1)
    power = 10.0 ** math.floor(math.log10(rough))
    step = min((m * power for m in (1, 2, 5, 10)), key=lambda s: abs(math.log(s / rough)))
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [round(k * step, 12) for k in range(first, last + 1)]


def number(value: float) -> str:
    """At most four significant digits, thousands apart.

    Examples
    --------
    >>> number(27000), number(0.04520), number(-12.345), number(1e-7), number(float("nan"))
    ('27,000', '0.0452', '-12.35', '1e-07', 'unknown')
    """
    if not math.isfinite(value):
        return "unknown"
    if value == 0:
        return "0"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def share(part: float, whole: float) -> str:
    """A share in per cent that never rounds something to nothing or nearly all to all.

    Examples
    --------
    >>> share(1, 27000), share(26999, 27000), share(1, 2), share(0, 5), share(0, 0)
    ('< 0.1 %', '> 99.9 %', '50 %', '0 %', 'unknown')
    """
    if not whole or not math.isfinite(part / whole):
        return "unknown"
    percent = 100.0 * part / whole
    if percent in (0.0, 100.0):
        return f"{percent:.0f} %"
    if percent < 0.1:
        return "< 0.1 %"
    if percent > 99.9:
        return "> 99.9 %"
    return f"{percent:.1f}".removesuffix(".0") + " %"


def metres(distance: float) -> str:
    """A length in metres or kilometres.

    Examples
    --------
    >>> metres(7), metres(788.4), metres(5000), metres(12345)
    ('7 m', '788 m', '5 km', '12.3 km')
    """
    if not math.isfinite(distance):
        return "unknown"
    if distance < 1000:
        return f"{distance:.0f} m"
    km = distance / 1000
    return f"{km:,.0f} km" if km >= 100 else f"{km:.3g} km"


def degrees(value: float, axis: str, step: float) -> str:
    """A longitude (`axis` "lon") or latitude with as many decimals as `step` needs.

    Examples
    --------
    >>> degrees(-10, "lon", 5), degrees(47.25, "lat", 0.05), degrees(190, "lon", 10), degrees(0, "lat", 10)
    ('10° W', '47.25° N', '170° W', '0°')
    """
    if axis == "lon":
        value = (value + 180.0) % 360.0 - 180.0
    places = max(0, -math.floor(math.log10(step) + 1e-9)) if step < 1 else 0
    text = f"{abs(value):.{places}f}"
    if float(text) in (0.0, 180.0 if axis == "lon" else 0.0):
        return f"{text}°"
    side = ("E" if value > 0 else "W") if axis == "lon" else ("N" if value > 0 else "S")
    return f"{text}° {side}"
