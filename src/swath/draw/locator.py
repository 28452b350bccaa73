"""Locator map: where the samples are, coloured by class or part, on longitude and latitude.

Plate carree with true proportions at the middle latitude. The extent is found around the widest empty stretch of
longitudes, so that the antimeridian is a place like any other. Up to `MOST_POINTS` places are points; more, or such as
would hide one another, become discs whose area tells how many they are. A small world map says where a zoomed map lies.
The land beneath is for orientation only (`draw.land`).
"""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from swath.core.array import Array
from swath.core.errors import Mismatch
from swath.core.sphere import RADIUS
from swath.draw.axis import degrees, metres, number
from swath.draw.colours import ACCENT, GRID, INK, LAND, MUTED, OTHER, PAPER, SEA
from swath.draw.font import estimated_width, wrapped
from swath.draw.land import land_within
from swath.draw.legend import Key, legend_rows
from swath.draw.svg import document, num, tag, tooltip, words

__all__ = ["MOST_POINTS", "MOST_TOOLTIPS", "Extent", "extent", "locator"]

#: More places than this are drawn as discs of density (fewer on a narrow map); more than that carry no tooltip.
MOST_POINTS, MOST_TOOLTIPS = 5000, 600
#: Least height of a map [degrees], and the least at which a coast true to 4 km is worth drawing.
_LEAST, _COAST = 0.05, 2.0
#: Wider than this is a world map, without an inset.
_WORLD: Final = 150.0
_SMALL: Final = 12.0
#: Pixels kept left (more for labels with decimals) and below for the labels of the graticule.
_LEFT, _BELOW = 44.0, 24.0


@dataclass(frozen=True, slots=True)
class Extent:
    """The piece of the world that a map shows, and where it falls on the drawing."""

    #: Degrees; `span` runs east from `west` and may pass the antimeridian.
    west: float
    south: float
    span: float
    rise: float
    #: Pixels of the map without its labels.
    width: float
    height: float

    def xy(self, lon: Array, lat: Array) -> tuple[Array, Array]:
        """Pixels from the upper left corner of the map."""
        across = ((np.asarray(lon, float) - self.west) % 360.0) / self.span
        return across * self.width, (self.south + self.rise - np.asarray(lat, float)) / self.rise * self.height


def extent(lon: Array, lat: Array, *, width: float, tallest: float = 0.75, flattest: float = 0.4) -> Extent:
    """Find the smallest map that shows all places with some room around them.

    Parameters
    ----------
    lon, lat : float arrays, shape (n,)
        Degrees, finite, n > 0.
    width : float
        Pixels.
    tallest, flattest : float
        Bounds of height over width [1].

    Examples
    --------
    >>> found = extent(np.array([179.0, -179.0]), np.array([0.0, 1.0]), width=400)
    >>> bool(found.west > 0 and found.span < 10)                        # two degrees apart, not 358
    True
    """
    turned = np.sort(np.asarray(lon, float) % 360.0)
    gaps = np.diff(turned, append=turned[0] + 360.0)
    widest = int(gaps.argmax())
    west, span = turned[(widest + 1) % len(turned)], 360.0 - gaps[widest]
    south, north = float(np.min(lat)), float(np.max(lat))
    if span > 300.0:
        rise = max((north - south) * 1.1, 360.0 * flattest)
        middle = min(max((south + north) / 2, -90 + rise / 2), 90 - rise / 2)
        return Extent(-180.0, middle - rise / 2, 360.0, min(rise, 180.0), width, width * min(rise, 180.0) / 360.0)
    squeeze = max(math.cos(math.radians((south + north) / 2)), 0.1) if span < _WORLD else 1.0
    rise, reach = max((north - south) * 1.14, _LEAST), max(span * 1.14, _LEAST / squeeze)
    ratio = rise / (reach * squeeze)
    if ratio > tallest:
        reach = min(rise / tallest / squeeze, 360.0)
    rise = min(max(rise, reach * squeeze * flattest), 180.0)
    middle = min(max((south + north) / 2, -90 + rise / 2), 90 - rise / 2)
    west = west + span / 2 - reach / 2
    return Extent(
        (west + 180.0) % 360.0 - 180.0, middle - rise / 2, reach, rise, width, width * rise / (reach * squeeze)
    )


def _land(shown: Extent) -> str:
    """Continents as one even-odd path, in steps of tenths of a pixel."""
    pieces = []
    for ring in land_within(
        shown.west, shown.south, shown.west + shown.span, shown.south + shown.rise, step=0.8 * shown.span / shown.width
    ):
        x = (ring[:, 0] - shown.west) / shown.span * shown.width
        y = (shown.south + shown.rise - ring[:, 1]) / shown.rise * shown.height
        at = np.rint(np.stack([x, y], axis=1) * 10).astype(int)
        steps = np.diff(at, axis=0)
        steps = steps[(steps != 0).any(axis=1)]
        if len(steps) < 2:  # an island smaller than a tenth of a pixel
            continue
        moves = " ".join(f"{num(dx / 10)} {num(dy / 10)}" for dx, dy in steps)
        pieces.append(f"M{num(at[0, 0] / 10)} {num(at[0, 1] / 10)}l{moves}z".replace(" -", "-"))
    return tag("path", d="".join(pieces), fill=LAND, fill_rule="evenodd") if pieces else ""


_STEPS: Final = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 45, 60)


def _graticule(shown: Extent) -> tuple[list[str], list[str]]:
    """Lines inside the map, and their labels around it."""
    squeeze = shown.width / shown.span
    want = math.log(shown.span * max(88.0, shown.width / 8) / shown.width)
    up_want = want + math.log(squeeze * shown.rise / shown.height)
    step, up = (min(_STEPS, key=lambda s: abs(math.log(s) - goal)) for goal in (want, up_want))
    lines, labels = [], []
    for k in range(math.ceil(shown.west / step), math.floor((shown.west + shown.span) / step) + 1):
        x = (k * step - shown.west) * squeeze
        lines.append(f"M{num(x)} 0v{num(shown.height)}")
        text = degrees(k * step, "lon", step)
        half = estimated_width(text, _SMALL) / 2
        if half - _LEFT < x < shown.width - half + 2:
            labels.append(words(x, shown.height + 16, text, size=_SMALL, fill=MUTED, anchor="middle"))
    for k in range(math.ceil(shown.south / up), math.floor((shown.south + shown.rise) / up) + 1):
        y = (shown.south + shown.rise - k * up) / shown.rise * shown.height
        lines.append(f"M0 {num(y)}h{num(shown.width)}")
        labels.append(words(-7, y + 4, degrees(k * up, "lat", up), size=_SMALL, fill=MUTED, anchor="end"))
    return [tag("path", d="".join(lines), stroke=GRID, stroke_width=0.7, fill="none")], labels


def _cells(
    shown: Extent, lon: Array, lat: Array, kinds: Array, names: Sequence[str], inks: Mapping[str, str], side: float
) -> str:
    """Degree cells that hold samples: in the colour of their kind, or grey where kinds meet."""
    column, row = np.floor(lon / side).astype(int), np.floor(lat / side).astype(int)
    held: dict[tuple[int, int], set[int]] = {}
    for key, kind in zip(zip(column.tolist(), row.tolist(), strict=True), kinds.tolist(), strict=True):
        held.setdefault(key, set()).add(kind)
    wide, high = side / shown.span * shown.width, side / shown.rise * shown.height
    turn = 360.0 / shown.span * shown.width
    rects = []
    for (c, r), found in sorted(held.items()):
        x, y = shown.xy(np.array([c * side]), np.array([(r + 1) * side]))
        left = float(x[0]) - (turn if x[0] > turn - wide else 0.0)  # a cell that begins west of the map
        ink = inks[names[next(iter(found))]] if len(found) == 1 else OTHER
        rects.append(tag("rect", x=left, y=float(y[0]), width=wide, height=high, fill=ink))
    return tag("g", *rects, fill_opacity=0.22, stroke=PAPER, stroke_width=0.5)


def _points(x: Array, y: Array, kinds: Array, inks: Sequence[str], labels: Sequence[str] | None) -> list[str]:
    """One dot a place: circles that tell their name, or, for many, one path a kind."""
    radius = 3.6 if len(x) <= 150 else 2.7 if len(x) <= 1000 else 1.9
    parts = []
    for kind, ink in enumerate(inks):
        mine = np.flatnonzero(kinds == kind).tolist()
        if not mine:
            continue
        if labels is not None and len(x) <= MOST_TOOLTIPS:
            dots = [tag("circle", tooltip(labels[i]), cx=num(x[i]), cy=num(y[i]), r=radius) for i in mine]
            parts.append(tag("g", *dots, fill=ink, stroke=PAPER, stroke_width=0.7))
        else:
            d = "".join(f"M{num(x[i])} {num(y[i])}h0" for i in mine)
            parts.append(tag("path", d=d, stroke=ink, stroke_width=2 * radius, stroke_linecap="round", fill="none"))
    return parts


def _is_crowded(x: Array, y: Array) -> bool:
    """True if points would hide one another: fewer than half as many places on paper as there are points."""
    if len(x) < 30:
        return False
    return bool(len(np.unique(np.rint(np.stack([x, y]) / 4.0), axis=1).T) < len(x) / 2)


def _hexagons(x: Array, y: Array, pitch: float) -> tuple[Array, Array]:
    """Centre of the cell of a hexagonal lattice that each point is in: the nearer of two offset square lattices."""
    high = pitch * math.sqrt(3.0)
    one = np.stack([np.rint(x / pitch) * pitch, np.rint(y / high) * high])
    two = np.stack([(np.floor(x / pitch) + 0.5) * pitch, (np.floor(y / high) + 0.5) * high])
    nearer = np.hypot(x - one[0], y - one[1]) <= np.hypot(x - two[0], y - two[1])
    centre = np.where(nearer, one, two)
    return centre[0], centre[1]


def _discs(
    x: Array, y: Array, blocks: Array, kinds: Array, inks: Sequence[str], names: Sequence[str], pitch: float
) -> tuple[list[str], float]:
    """Discs amid their places, whose area is their number; a kind's share is its ring, the last kind innermost.

    Places of different `blocks`, shape (2, n), are never in one disc.
    """
    cells, held = np.unique(np.stack([*_hexagons(x, y, pitch), *blocks]), axis=1, return_inverse=True)
    index = held.reshape(-1)
    table = np.zeros((cells.shape[1], len(inks)), int)
    np.add.at(table, (index, kinds), 1)
    size = np.maximum(np.bincount(index), 1)
    middles = np.bincount(index, weights=x) / size, np.bincount(index, weights=y) / size
    most = float(table.sum(axis=1).max())
    largest = pitch * 0.56
    drawn: list[list[str]] = [[] for _ in inks]
    for px, py, row in zip(*middles, table, strict=True):
        left, is_outer = int(row.sum()), True
        said = ", ".join(f"{number(int(n))} {name}".strip() for n, name in zip(row, names, strict=True) if n)
        for kind, held in enumerate(row.tolist()):
            if held:
                radius = max(largest * math.sqrt(left / most), 0.8)
                drawn[kind].append(
                    tag("circle", tooltip(said) if is_outer else "", cx=num(px), cy=num(py), r=num(radius))
                )
                is_outer = False
                left -= held
    return [tag("g", *circles, fill=ink) for circles, ink in zip(drawn, inks, strict=True) if circles], most


def _scale_bar(shown: Extent) -> str:
    """A round length at the middle latitude, in the lower right corner."""
    middle = shown.south + shown.rise / 2
    metre = shown.width / (math.radians(shown.span) * RADIUS * max(math.cos(math.radians(middle)), 0.01))
    room = shown.width / 4
    power = 10.0 ** math.floor(math.log10(room / metre))
    length = max(k * power for k in (1, 2, 5) if k * power * metre <= room)
    right, y, text = shown.width - 12, shown.height - 12, metres(length)
    left = right - length * metre
    wide = max(right - left, estimated_width(text, _SMALL)) + 12
    ground = tag("rect", x=right - wide + 6, y=y - 22, width=wide, height=29.0, fill=PAPER, fill_opacity=0.75, rx=3.0)
    bar = tag("path", d=f"M{num(left)} {num(y - 4)}v4H{num(right)}v-4", stroke=INK, fill="none")
    return ground + bar + words((left + right) / 2, y - 8, text, size=_SMALL, anchor="middle")


def _world(width: float) -> Extent:
    return Extent(-180.0, -90.0, 360.0, 180.0, width, width / 2)


@functools.cache
def _world_land(width: float) -> str:
    """The continents of an inset, which are always the same."""
    return _land(_world(width))


def _inset(shown: Extent, width: float, is_on_earth: bool) -> str:
    """The whole world with the map's rectangle on it."""
    world = _world(width)
    parts = [tag("rect", width=width, height=width / 2, fill=SEA)]
    parts += [_world_land(width)] if is_on_earth else []
    x, y = world.xy(np.array([shown.west]), np.array([shown.south + shown.rise]))
    wide, high = shown.span / 360.0 * width, shown.rise / 180.0 * width / 2
    left, top = float(x[0]), float(y[0])
    if max(wide, high) < 5:
        middle = (left + wide / 2) % width
        for x0 in (middle - width, middle, middle + width):
            parts.append(tag("circle", cx=x0, cy=top + high / 2, r=5.0, fill="none", stroke=ACCENT, stroke_width=2.0))
    else:
        for turn in (0.0, -width):
            if left + turn + wide > 0:
                box = tag("rect", x=left + turn, y=top, width=wide, height=high, fill=ACCENT, fill_opacity=0.15)
                parts += [box, tag("rect", x=left + turn, y=top, width=wide, height=high, fill="none", stroke=ACCENT)]
    parts.append(tag("rect", width=width, height=width / 2, fill="none", stroke=GRID))
    return tag("svg", *parts, width=width, height=width / 2, overflow="hidden")


def locator(
    lon: Array,
    lat: Array,
    *,
    kinds: Sequence[str] | None = None,
    colours: Mapping[str, str] | None = None,
    labels: Sequence[str] | None = None,
    cell: float | None = None,
    is_on_earth: bool = True,
    width: float = 960,
) -> str:
    """Draw a map of places.

    Parameters
    ----------
    lon, lat : float arrays, shape (n,)
        Degrees; NaN = unknown, counted below the map.
    kinds : sequence of str, length n, optional
        Class or part of each place.
    colours : mapping of str to str, optional
        Kind -> `#rrggbb`, in the order in which they are drawn: the last lies on top. Needed with `kinds`.
    labels : sequence of str, length n, optional
        What a pointer resting on a point is told; left out above `MOST_TOOLTIPS` places.
    cell : float, optional
        Side [degrees] of cells to be shaded by the kind of what lies in them.
    is_on_earth : bool
        False for places of a virtual planet: no land is drawn.
    width : float
        Pixels; the height follows from the places.

    Returns
    -------
    str
        SVG.

    Raises
    ------
    Mismatch
        Lengths differ, or a kind has no colour.

    Examples
    --------
    >>> a_map = locator(np.array([11.3, 11.4]), np.array([46.5, np.nan]))
    >>> "1 sample without a known place" in a_map
    True
    """
    lon, lat = np.asarray(lon, float), np.asarray(lat, float)
    names, inks, index = _kinds(len(lon), kinds, colours)
    if len(lat) != len(lon) or len(index) != len(lon) or (labels is not None and len(labels) != len(lon)):
        have = f"{len(lon)} lon, {len(lat)} lat, {len(index)} kinds, {len(labels or lon)} labels"
        raise Mismatch(where="locator map", what="lengths", want="all alike", have=have)
    known = np.isfinite(lon) & np.isfinite(lat)
    missing = int((~known).sum())
    unplaced = f"{number(missing)} sample{'s' * (missing != 1)} without a known place"
    if not known.any():
        text = words(width / 2, 64, f"No map: {unplaced}", fill=MUTED, anchor="middle")
        return document(width, 120, tag("rect", width=width, height=120.0, rx=4.0, fill=SEA), text, label=unplaced)
    texts = None if labels is None else [labels[i] for i in np.flatnonzero(known).tolist()]
    lon, lat, index = lon[known], lat[known], index[known]
    is_narrow = width < 500
    left = _LEFT
    shown = extent(lon, lat, width=width - _LEFT, tallest=1.15 if is_narrow else 0.7)
    if shown.rise < 5.0:  # labels have decimals
        left += 18.0
        shown = extent(lon, lat, width=width - left, tallest=1.15 if is_narrow else 0.7)
    x, y = shown.xy(lon, lat)
    lines, marks = _graticule(shown)
    inner = [tag("rect", width=shown.width, height=shown.height, fill=SEA)]
    if is_on_earth and shown.rise >= _COAST:
        inner.append(_land(shown))
    inner += lines
    if cell is not None:
        inner.append(_cells(shown, lon, lat, index, names, dict(zip(names, inks, strict=True)), cell))
    note = []
    if len(lon) > MOST_POINTS * min(width / 800.0, 1.0) or _is_crowded(x, y):
        pitch = 15.0 if is_narrow else 17.0
        blocks = np.zeros((2, len(x))) if cell is None else np.floor(np.stack([lon, lat]) / cell)
        discs, most = _discs(x, y, blocks, index, inks, names if kinds is not None else [""] * len(names), pitch)
        inner += discs
        rings = " Rings: shares of the colours." if kinds is not None else ""
        note.append(f"Area of a disc: number of samples, {number(most)} in the largest.{rings}")
    else:
        inner += _points(x, y, index, inks, texts)
    is_world = shown.span >= _WORLD
    if not is_world:
        inner.append(_scale_bar(shown))
    inner.append(tag("rect", width=shown.width, height=shown.height, fill="none", stroke=GRID))
    note += [f"{unplaced}."] if missing else []
    counts = np.bincount(index, minlength=len(names))
    keys = [Key(f"{name} {number(int(n))}", ink) for name, ink, n in zip(names, inks, counts, strict=True) if n]
    parts = [
        tag("svg", *inner, x=left, width=shown.width, height=shown.height, overflow="hidden"),
        tag("g", *marks, transform=f"translate({num(left)} 0)"),
    ]
    below = shown.height + _BELOW + 8
    inset = "" if is_world else _inset(shown, 104.0 if is_narrow else 150.0, is_on_earth)
    feet, tall = _feet(keys if kinds is not None else [], note, inset, width, 0.0 if is_narrow else left)
    parts.append(tag("g", *feet, transform=f"translate(0 {num(below)})"))
    return document(width, below + tall + 2, *parts, label=f"Map of {number(len(lon))} samples")


def _feet(keys: Sequence[Key], notes: Sequence[str], inset: str, width: float, left: float) -> tuple[list[str], float]:
    """What stands below the map: colours and notes, the small world to their right; and its height."""
    small = (104.0 if left == 0 else 150.0) if inset else 0.0
    room = width - left - small - (16.0 if inset else 0.0)
    rows, tall = legend_rows(keys, width if left == 0 else room)
    beside = tall + 8.0 if left == 0 and keys else 0.0
    y = tall + 16.0
    for line in (line for note in notes for line in wrapped(note, room, _SMALL)):
        rows.append(words(0, y, line, size=_SMALL, fill=MUTED))
        y += 17.0
    feet = [tag("g", *rows, transform=f"translate({num(left)} 0)")]
    if inset:
        feet.append(tag("g", inset, transform=f"translate({num(width - small)} {num(beside)})"))
    return feet, max(y - 10.0, beside + small / 2)


def _kinds(
    n: int, kinds: Sequence[str] | None, colours: Mapping[str, str] | None
) -> tuple[list[str], list[str], Array]:
    """Names, colours and the index of each place's kind."""
    if kinds is None:
        return ["samples"], [ACCENT], np.zeros(n, int)
    palette = dict(colours or {})
    strange = sorted({str(kind) for kind in kinds} - set(palette))
    if strange:
        have = ", ".join(strange)
        raise Mismatch(where="locator map", what="kinds", want=", ".join(palette) or "colours", have=have)
    names = list(palette)
    position = {name: i for i, name in enumerate(names)}
    return names, [palette[name] for name in names], np.array([position[str(kind)] for kind in kinds], int)
