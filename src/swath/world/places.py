"""Places: where on the planet samples are taken, chosen by class without looking at a pixel's spectrum.

Regions are drawn uniformly on the sphere between 60 S and 70 N; in each, a sketch of the ground every 80 m says where
which class may be had, and the windows that are taken are labelled by their exact classes. Classes that are still
wanted most are served first, a few a region, so that samples lie in clusters and all classes in many regions. The land
is artificial: places lie anywhere, on Earth's oceans too.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from swath.core.array import Array
from swath.core.geobox import utm_epsg, wrap
from swath.core.progress import SILENT, Progress
from swath.imaging.lattice import Extent, key, uniform
from swath.world.label import window_class
from swath.world.landscape import sketch
from swath.world.lattice import BLOCK, pixel_at
from swath.world.region import FIELD_LEVEL, REGION
from swath.world.scene import read_labels
from swath.world.spectra import CLASSES

__all__ = ["LATITUDES", "PER_CLASS", "PER_REGION", "WIDEST", "Place", "choose", "group_of", "most_regions"]

#: Samples lie between these latitudes.
LATITUDES: Final = (-60.0, 70.0)
#: At most so many samples a region, and of one class in it.
PER_REGION: Final = 16
PER_CLASS: Final = 3
#: Pixels a side of the largest window that a region holds.
WIDEST: Final = REGION * BLOCK
#: Pixels of the 60 m lattice.
_SNAP: Final = 6


@dataclass(frozen=True, slots=True)
class Place:
    """Where one sample is taken, and why."""

    #: Zone, and pixels on its lattice.
    epsg: int
    extent: Extent
    #: Class of the window; None if it has none.
    code: int | None
    #: The figures that decided its class.
    why: str


def group_of(seed: int, epsg: int, extent: Extent) -> str:
    """Name of the region that a window begins in: samples of one region never part in a split.

    Examples
    --------
    >>> group_of(7, 32632, Extent(-72, 72, 64, 64))
    'planet-7-32632-r-1-c0'
    """
    side = REGION * BLOCK
    return f"planet-{seed}-{epsg}-r{extent.row // side}-c{extent.col // side}"


def _regions(seed: int) -> Iterator[tuple[int, int, int, int]]:
    """Regions in the order they are tried: number of the draw, zone, row and column."""
    low, high = (math.sin(math.radians(limit)) for limit in LATITUDES)
    seen: set[tuple[int, int, int]] = set()
    draw = 0
    while True:
        u, v = (float(x) for x in uniform(key(seed, "place"), np.array(draw), np.array(0))[:2])
        lat, lon = math.degrees(math.asin(low + u * (high - low))), wrap(360.0 * v - 180.0)
        epsg = utm_epsg(lon, lat)
        row, col = (at // (REGION * BLOCK) for at in pixel_at(epsg, lon, lat))
        if (epsg, row, col) not in seen:
            seen.add((epsg, row, col))
            yield draw, epsg, row, col
        draw += 1


def _windows(row: int, col: int, size: int) -> list[Extent]:
    """Windows of a region, side by side, each beginning with a block; one at least."""
    blocks = -(-size // BLOCK)
    many = max(REGION // blocks, 1)
    first = row * REGION, col * REGION
    return [
        Extent((first[0] + r * blocks) * BLOCK, (first[1] + c * blocks) * BLOCK, size, size)
        for r in range(many)
        for c in range(many)
    ]


def _sketched(seed: int, epsg: int, row: int, col: int, windows: list[Extent]) -> list[int | None]:
    """What class each window may have, from the sketch."""
    rough = sketch(seed, epsg, row, col)
    step = 2**FIELD_LEVEL
    found = []
    for window in windows:
        top, left = window.row // step - row * len(rough), window.col // step - col * len(rough)
        nodes = rough[top : top + -(-window.height // step), left : left + -(-window.width // step)]
        found.append(window_class(nodes)[0])
    return found


def _nudge(seed: int, epsg: int, window: Extent) -> Extent:
    """Move a window by whole 60 m inside the blocks that it touches anyway."""
    spare = (-window.height % BLOCK) // _SNAP + 1
    draw = uniform(key(seed, "nudge", epsg), np.array(window.row), np.array(window.col))
    return Extent(
        window.row + _SNAP * int(draw[0] * spare),
        window.col + _SNAP * int(draw[1] * spare),
        window.height,
        window.width,
    )


def _quotas(n: int) -> Array:
    """How many samples of each class: all alike, the first ones get the rest."""
    return np.full(len(CLASSES), n // len(CLASSES)) + (np.arange(len(CLASSES)) < n % len(CLASSES))


def _take(seed: int, epsg: int, windows: list[Extent], maybe: list[int | None], wanted: Array) -> list[Place]:
    """Take windows of one region, classes that are wanted most first; `wanted` is counted down."""
    taken: list[Place] = []
    here = np.zeros(len(CLASSES), int)
    corners = np.array([(window.row, window.col) for window in windows])
    shuffled = np.argsort(uniform(key(seed, "order", epsg), *corners.T)[:, 0], kind="stable").tolist()
    for most in np.argsort(-wanted, kind="stable"):
        for k in shuffled:
            if len(taken) == PER_REGION or here[most] == PER_CLASS or wanted[most] == 0:
                break
            if maybe[k] != most:
                continue
            window = _nudge(seed, epsg, windows[k])
            maybe[k] = None
            code, why = window_class(read_labels(seed, epsg, window))
            if code is not None and wanted[code] > 0 and here[code] < PER_CLASS:
                wanted[code] -= 1
                here[code] += 1
                taken.append(Place(epsg, window, code, why))
    return taken


def most_regions(n: int) -> int:
    """How many regions are looked through for so many samples before it is given up."""
    return 100 + 4 * n


def choose(seed: int, n: int, size: int, *, progress: Progress = SILENT) -> list[Place]:
    """Choose places, balanced by class.

    Parameters
    ----------
    seed : int
        The planet's.
    n : int
        How many.
    size : int
        Pixels a side.
    progress : Progress
        Called with places found and wanted.

    Returns
    -------
    list of Place
        In the order of regions, rows and columns. Numbers of a class differ by one at most; if windows are so large
        that a class hardly ever fills one, there are fewer than `n`.
    """
    wanted = _quotas(n)
    places: list[Place] = []
    for tried, (_, epsg, row, col) in enumerate(_regions(seed)):
        if not wanted.any() or tried == most_regions(n):
            break
        windows = _windows(row, col, size)
        maybe = _sketched(seed, epsg, row, col, windows)
        found = _take(seed, epsg, windows, maybe, wanted)
        places += sorted(found, key=lambda place: (place.extent.row, place.extent.col))
        progress(len(places), n)
    return places
