"""Scene: a rectangle of the planet on one date, with the exact class of every pixel beside it.

Windows are put together from blocks that are computed whole, so any two windows of a zone agree where they overlap.
A scene has an edge although the planet has none: what lies beyond it is invalid. Truth is a scene of its own. How the
ground comes about is told in `landscape`, `cover` and `look`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from odc.geo.geobox import GeoBox

from swath.core.array import Array
from swath.core.bands import S2_BANDS, order
from swath.core.geobox import window_geobox
from swath.core.offset import Claim, Decision, baseline_offset, decide_offset
from swath.core.origin import Origin
from swath.core.pixelcheck import check_pixels
from swath.core.quantity import Quantity, class_of, dn
from swath.core.scene import Window
from swath.core.stack import NO_TIME, Stack
from swath.imaging.lattice import Extent
from swath.world.landscape import labels, parcels
from swath.world.lattice import BLOCK, GSD, geobox_of, lonlat_of
from swath.world.look import look
from swath.world.sensor import encode
from swath.world.spectra import ATTRIBUTION

__all__ = [
    "PlanetScene",
    "TruthScene",
    "decision",
    "read_labels",
    "read_numbers",
    "read_parcels",
    "stack_origin",
    "times_of",
]


def _blocks(extent: Extent) -> list[tuple[int, int, tuple[slice, slice], tuple[slice, slice]]]:
    """Blocks that an extent touches, in order: their numbers, their part of the target, and of themselves."""
    found = []
    for row in range(extent.row // BLOCK, (extent.row + extent.height - 1) // BLOCK + 1):
        for col in range(extent.col // BLOCK, (extent.col + extent.width - 1) // BLOCK + 1):
            top, left = max(row * BLOCK, extent.row), max(col * BLOCK, extent.col)
            bottom = min((row + 1) * BLOCK, extent.row + extent.height)
            right = min((col + 1) * BLOCK, extent.col + extent.width)
            target = slice(top - extent.row, bottom - extent.row), slice(left - extent.col, right - extent.col)
            source = slice(top - row * BLOCK, bottom - row * BLOCK), slice(left - col * BLOCK, right - col * BLOCK)
            found.append((row, col, target, source))
    return found


def read_numbers(seed: int, epsg: int, extent: Extent, day: int, *, bands: Sequence[str], offset: float) -> Array:
    """Digital numbers of an extent of pixels on a day: uint16 (b, h, w).

    Parameters
    ----------
    seed, epsg : int
        Planet and zone.
    extent : Extent
        Pixels.
    day : int
        Days since 1970.
    bands : sequence of str
        Canonical names, in the order wanted.
    offset : float
        As in the product's metadata: 0 or -1000.
    """
    index = order(S2_BANDS, bands, where="planet")
    out = np.empty((len(index), extent.height, extent.width), np.uint16)
    for row, col, target, source in _blocks(extent):
        seen = look(seed, epsg, row, col, day)[:, source[0], source[1]]
        out[:, target[0], target[1]] = encode(
            seen if len(index) == len(S2_BANDS) and index == [*range(len(index))] else seen[index], offset=offset
        )
    return out


def read_labels(seed: int, epsg: int, extent: Extent) -> Array:
    """Exact class of an extent of pixels, codes of the EuroSAT legend: uint8 (h, w)."""
    out = np.empty((extent.height, extent.width), np.uint8)
    for row, col, target, source in _blocks(extent):
        out[target] = labels(seed, epsg, row, col)[source]
    return out


def read_parcels(seed: int, epsg: int, extent: Extent) -> Array:
    """Number of the parcel that each pixel of an extent belongs to, 0 = none: uint64 (h, w)."""
    out = np.empty((extent.height, extent.width), np.uint64)
    for row, col, target, source in _blocks(extent):
        out[target] = parcels(seed, epsg, row, col)[source]
    return out


def times_of(days: Sequence[int], lon: float) -> Array:
    """Acquisition times: half past ten in local solar time, datetime64[us] of shape (t,).

    Examples
    --------
    >>> times_of([17726], 15.0).astype("datetime64[m]")
    array(['2018-07-14T09:30'], dtype='datetime64[m]')
    """
    minute = round((10.5 - lon / 15.0) * 60)
    return (np.array(days, "datetime64[D]").astype("datetime64[m]") + minute).astype("datetime64[us]")


def decision(baseline: str, cirrus: Array | None, *, where: str) -> Decision:
    """The offset's decision, as for any product: what the planet says of itself, and the pixel check.

    Parameters
    ----------
    baseline : str
        The processing baseline that the planet imitates.
    cirrus : uint16 array, shape (h, w), optional
        Digital numbers of B10; None where no pixel is read yet.
    where : str
        The item, for the error.
    """
    offset = baseline_offset(baseline) or 0.0
    verdict = None if cirrus is None else check_pixels(cirrus[None], ["B10"], level="L1C")
    return decide_offset(
        [Claim("convention", (offset,), f"the planet writes baseline {baseline}")], verdict, where=where
    )


def stack_origin(seed: int, epsg: int, days: Sequence[int], baseline: str, decisions: Sequence[Decision]) -> Origin:
    """Origin of pixels of the planet, one item and one decision a date."""
    processed = "N" + "".join(c for c in baseline if c.isdigit())
    dates = [str(np.datetime64(day, "D")).replace("-", "") for day in days]
    zone = f"{epsg % 100:02d}{'S' if epsg > 32700 else 'N'}"
    return Origin(
        items=tuple(f"PLANET{seed}_L1C_{date}_{processed}_{zone}" for date in dates),
        sensor="s2-l1c",
        level="L1C",
        provider="planet",
        baselines=(baseline,) * len(days),
        offsets=tuple(each.to_json() for each in decisions),
        declared={"planet": seed},
        attribution=ATTRIBUTION,
    )


def _inside(window: Window, shape: tuple[int, int]) -> Window | None:
    """The part of a window that lies inside a scene; None if there is none."""
    top, left = max(window.row, 0), max(window.col, 0)
    bottom, right = min(window.row + window.height, shape[0]), min(window.col + window.width, shape[1])
    return Window(top, left, bottom - top, right - left) if bottom > top and right > left else None


@dataclass(frozen=True, slots=True)
class _Place:
    """What a scene and its truth share."""

    #: The planet's seed, the zone, the pixels on its lattice.
    seed: int
    epsg: int
    extent: Extent

    @property
    def geobox(self) -> GeoBox:
        """Pixel grid."""
        return geobox_of(self.extent, self.epsg)

    @property
    def shape(self) -> tuple[int, int]:
        """Pixels, (h, w)."""
        return self.extent.height, self.extent.width

    @property
    def gsd(self) -> tuple[float, float]:
        """Metres on the ground a pixel, (x, y)."""
        return float(GSD), float(GSD)

    def _framed(self, window: Window) -> tuple[Extent | None, tuple[slice, slice], GeoBox]:
        """Lattice pixels inside the scene, where they go in the window, and the window's geobox."""
        box = window_geobox(self.geobox, window.row, window.col, window.height, window.width)
        part = _inside(window, self.shape)
        if part is None:
            return None, (slice(0), slice(0)), box
        top, left = part.row - window.row, part.col - window.col
        held = Extent(self.extent.row + part.row, self.extent.col + part.col, part.height, part.width)
        return held, (slice(top, top + part.height), slice(left, left + part.width)), box


def _validity(target: tuple[slice, slice], height: int, width: int) -> Array | None:
    """None if the whole window lies inside, else what does."""
    inside = np.zeros((1, 1, height, width), bool)
    inside[0, 0][target] = True
    return None if inside.all() else inside


@dataclass(frozen=True, slots=True)
class TruthScene(_Place):
    """The exact class of every pixel: a `core.Scene` of one band, `landcover`, without a date."""

    @property
    def bands(self) -> tuple[str, ...]:
        """Its one band."""
        return ("landcover",)

    @property
    def quantity(self) -> Quantity:
        """Codes of the EuroSAT legend."""
        return class_of("eurosat")

    @property
    def origin(self) -> Origin:
        """Which planet."""
        return Origin(items=(f"PLANET{self.seed}_truth",), provider="planet", attribution=ATTRIBUTION)

    def read(self, window: Window) -> Stack:
        """Read one window as a stack of classes, exactly of the window's size."""
        held, target, box = self._framed(window)
        data = np.zeros((1, 1, window.height, window.width), np.uint8)
        if held is not None:
            data[0, 0][target] = read_labels(self.seed, self.epsg, held)
        valid = _validity(target, window.height, window.width)
        return Stack(data, self.bands, np.array([NO_TIME]), self.quantity, box, self.gsd, valid, self.origin)


@dataclass(frozen=True, slots=True)
class PlanetScene(_Place):
    """Digital numbers of one date: a `core.Scene`; picklable, nothing is computed before it is read."""

    #: Days since 1970.
    day: int
    #: The processing baseline that it imitates.
    baseline: str
    #: Canonical names in the order that `read` gives.
    bands: tuple[str, ...]

    @property
    def quantity(self) -> Quantity:
        """Digital numbers of top-of-atmosphere reflectance, with the baseline's offset."""
        return dn("toa", offset=baseline_offset(self.baseline))

    @property
    def origin(self) -> Origin:
        """Which planet, date and baseline; the pixel check is run when pixels are read."""
        said = decision(self.baseline, None, where=f"planet {self.seed}")
        return stack_origin(self.seed, self.epsg, [self.day], self.baseline, [said])

    @property
    def truth(self) -> TruthScene:
        """The exact class of the same pixels."""
        return TruthScene(self.seed, self.epsg, self.extent)

    def read(self, window: Window) -> Stack:
        """Read one window as a stack of one date, exactly of the window's size."""
        held, target, box = self._framed(window)
        data = np.zeros((1, len(self.bands), window.height, window.width), np.uint16)
        origin = self.origin
        if held is not None:
            data[0][:, target[0], target[1]] = read_numbers(
                self.seed, self.epsg, held, self.day, bands=self.bands, offset=baseline_offset(self.baseline) or 0.0
            )
        height, width = self.shape
        lon, _ = lonlat_of(self.epsg, self.extent.row + height / 2, self.extent.col + width / 2)
        times = times_of([self.day], lon)
        valid = _validity(target, window.height, window.width)
        return Stack(data, self.bands, times, self.quantity, box, self.gsd, valid, origin)
