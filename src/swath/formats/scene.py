"""Scene: one GeoTIFF, COG or VRT, read window by window with the meaning of its numbers.

The offset is decided when the scene is opened, from what is declared, what the file says and a look at its pixels; the
evidence stands in `origin` before the first window is read, and an order of bands that physics breaks is refused. A
scene pickles as a path and a header; every thread opens the file for itself. Knows no folders and no samples: see
`formats.geotiff`.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from affine import Affine
from odc.geo.geobox import GeoBox

from swath.core.array import Array
from swath.core.bands import order
from swath.core.errors import Mismatch, Refused, Unreadable
from swath.core.geobox import ground_gsd, window_geobox
from swath.core.legends import LEGENDS, Legend, legend
from swath.core.offset import Decision
from swath.core.origin import Origin
from swath.core.quantity import Quantity, class_of, value
from swath.core.scene import Window
from swath.core.stack import NO_TIME, Stack
from swath.formats.evidence import can_prove_order, decide, look, prove_tiles, tiles_of
from swath.formats.mapping import Declared, Mapped, declare, gsd_of, leave_out, map_bands, with_tags
from swath.formats.raster import Header, open_raster, read_header, read_pixels

__all__ = ["GeotiffScene", "Layers", "codes_of", "open_band", "open_layers", "open_scene", "origin_of"]


@dataclass(frozen=True, slots=True)
class GeotiffScene:
    """A raster file as a `core.scene.Scene`; open one with `open_scene`."""

    #: The file.
    path: Path
    #: What it says of itself.
    header: Header
    #: Positions of the bands that `read` gives.
    picks: tuple[int, ...]
    #: Their names, in the same order.
    bands: tuple[str, ...]
    #: What their numbers mean.
    quantity: Quantity
    #: Metres on the ground a pixel, (x, y).
    gsd: tuple[float, float]
    #: Where they came from, with the evidence of the offset.
    origin: Origin
    #: Acquisition; NaT = unknown.
    date: np.datetime64
    #: Declared code of absence; None = the file's own.
    nodata: float | None = None

    @property
    def geobox(self) -> GeoBox | None:
        """Pixel grid; None = the place is unknown."""
        return self.header.geobox

    @property
    def shape(self) -> tuple[int, int]:
        """Pixels, (h, w)."""
        return self.header.shape

    @property
    def dtype(self) -> str:
        """Name of the dtype that `read` gives."""
        return "uint8" if self.quantity.is_categorical else self.header.dtype

    def read(self, window: Window) -> Stack:
        """Read one window as a stack of one date; what lies beyond the edge is invalid.

        Raises
        ------
        Unreadable
            The file is gone, cut short or corrupt, or another one than was opened.
        """
        where = self.path.name
        with open_raster(self.path, where=where) as dataset:
            if (dataset.height, dataset.width) != self.shape:
                raise Unreadable(where=where, what="has changed since it was opened", fix="Open it again.")
            data, valid = read_pixels(dataset, self.header, self.picks, window=window, nodata=self.nodata)
        if self.quantity.is_categorical:
            data = codes_of(data, valid, str(self.quantity.legend), where=where)
        box = self.geobox
        if box is not None:
            box = window_geobox(box, window.row, window.col, window.height, window.width)
        return Stack(
            data=data[None],
            bands=self.bands,
            times=np.array([self.date], "datetime64[us]"),
            quantity=self.quantity,
            geobox=box,
            gsd=self.gsd if box is None or self._is_uniform() else ground_gsd(box),
            valid=None if valid is None else valid[None],
            origin=self.origin,
        )

    def select(self, bands: Sequence[str]) -> GeotiffScene:
        """The same scene with these bands alone: no other is read.

        Raises
        ------
        Mismatch
            It lacks one of them.
        """
        index = order(self.bands, bands, where=self.path.name)
        picks = tuple(self.picks[i] for i in index)
        return replace(self, picks=picks, bands=tuple(bands), quantity=self.quantity.select(index))

    @property
    def hash(self) -> str:
        """SHA-256 of the file and, for a VRT, of all that it is made of."""
        with open_raster(self.path, where=self.path.name) as dataset:
            files = sorted({self.path, *(Path(each) for each in dataset.files)}, key=str)
            summed = hashlib.sha256()
            for each in files:
                if each.is_file():
                    with each.open("rb") as file:
                        summed.update(hashlib.file_digest(file, "sha256").digest())
        return summed.hexdigest()

    def _is_uniform(self) -> bool:
        """True if a pixel is as large everywhere as the grid says; degrees and Web Mercator shrink with latitude."""
        t = self.header.geobox.transform if self.header.geobox is not None else Affine.identity()
        return self.gsd == (math.hypot(t.a, t.d), math.hypot(t.b, t.e))


def open_scene(path: Path | str, **declared: Any) -> GeotiffScene:
    """Open a raster file for maps and cutting.

    Parameters
    ----------
    path : Path
        A GeoTIFF, COG or VRT.
    **declared
        As in `formats.mapping.DECLARES`; `keep` chooses the bands that are read, one class band among them only alone.

    Raises
    ------
    Mismatch, Refused, Unknown
        Declaration, file and pixels contradict each other, or leave something physical open.
    Unreadable
        The file cannot be read.
    """
    path = Path(path)
    asked = declare(declared, where=f"scene {path.name}")
    header, mapped, origin = _examined(path, asked)
    if not mapped.measured or (asked.keep and mapped.classes):
        if len(mapped.classes) != 1 or mapped.measured:
            raise Refused(
                where=path.name,
                what="a scene gives bands of one quantity, and class bands only one by one",
                have=" ".join(mapped.names),
                fix="Choose with keep=.",
            )
        return _class_scene(path, header, mapped, 0, asked, origin)
    return _measured_scene(path, header, mapped, asked, origin)


@dataclass(frozen=True, slots=True)
class Layers:
    """All that one file holds, as scenes of one quantity each."""

    #: How its bands are read.
    mapped: Mapped
    #: Its measured bands; None where it has none.
    measured: GeotiffScene | None
    #: Class bands by name.
    maps: Mapping[str, GeotiffScene]

    @property
    def first(self) -> GeotiffScene:
        """Any of them: all share the grid."""
        return self.measured or next(iter(self.maps.values()))


def open_layers(path: Path, declared: Declared) -> Layers:
    """Open a file as one scene of its measured bands and one of each class band."""
    header, mapped, origin = _examined(path, declared)
    maps = {
        name: _class_scene(path, header, mapped, i, declared, origin) for i, (_, name, _) in enumerate(mapped.classes)
    }
    return Layers(mapped, _measured_scene(path, header, mapped, declared, origin) if mapped.measured else None, maps)


def open_band(path: Path, declared: Declared, number: int) -> tuple[GeotiffScene, str, Declared]:
    """Open one band of a file as bare numbers: labels that lie beside, or among, the measured bands.

    Parameters
    ----------
    number : int
        As GDAL counts, from 1.

    Returns
    -------
    scene : GeotiffScene
        Of that band, quantity `value`.
    legend : str
        Legend that its name stands for (SCL: `scl`), or that swath wrote it by; empty if none.
    declared : Declared
        The same declarations without this band, for `open_layers`.

    Raises
    ------
    Unknown
        The file has no such band.
    Unreadable
        The file cannot be read.
    """
    where = path.name
    with open_raster(path, where=where) as dataset:
        header = read_header(dataset, where=where)
    others, name, legend_ = leave_out(declared, header, number, where=where)
    gsd, origin = gsd_of(declared, header, where=where), Origin(items=(path.stem,), declared={"band": number})
    at, nodata = (header.indexes.index(number),), declared.nodata
    scene = GeotiffScene(path, header, at, (name,), value("1"), gsd, origin, NO_TIME, nodata)
    return scene, legend_ or _own_legend(header), others


def _own_legend(header: Header) -> str:
    """The known legend of a class raster that swath wrote; empty for every other file."""
    said = re.fullmatch(r"class \[(.+)\]", header.tags.get("SWATH_QUANTITY", ""))
    return said[1] if said and said[1] in LEGENDS else ""


def _examined(path: Path, declared: Declared) -> tuple[Header, Mapped, Origin]:
    """Header, mapping, and origin with the offset decided."""
    where = path.name
    with open_raster(path, where=where) as dataset:
        header = read_header(dataset, where=where)
        mapped = map_bands(declared, header, where=where)
        decision = None
        if mapped.has_offset or can_prove_order(mapped):
            seen = look(dataset, header, mapped.judged, declared.nodata)
            decision = decide(mapped, seen, where=where) if mapped.has_offset else None
            if can_prove_order(mapped):
                prove_tiles(mapped, tiles_of(seen), gsd_of(declared, header, where=where), where=where)
    origin = origin_of(path.stem, mapped, declared, decision)
    own = _own_origin(header)
    return header, mapped, replace(origin, attribution=own.attribution, provider=origin.provider or own.provider)


def _own_origin(header: Header) -> Origin:
    """Where the pixels came from, of a file that swath wrote; empty for every other file."""
    try:
        held = Origin.from_json(json.loads(header.tags.get("SWATH_ORIGIN", "{}")))
    except (ValueError, TypeError, AttributeError):
        held = Origin()
    return replace(held, attribution=header.tags.get("SWATH_ATTRIBUTION", ""))


def _measured_scene(path: Path, header: Header, mapped: Mapped, declared: Declared, origin: Origin) -> GeotiffScene:
    if mapped.quantity is None:
        raise Refused(where=path.name, what="holds no measured band", fix="Choose with keep=.")
    gsd = gsd_of(declared, header, where=path.name)
    date, nodata = with_tags(declared, header, where=path.name).date, declared.nodata
    return GeotiffScene(path, header, mapped.measured, mapped.bands, mapped.quantity, gsd, origin, date, nodata)


def _class_scene(
    path: Path, header: Header, mapped: Mapped, which: int, declared: Declared, origin: Origin
) -> GeotiffScene:
    position, name, legend_ = mapped.classes[which]
    gsd = gsd_of(declared, header, where=path.name)
    origin = replace(origin, offsets=())
    date, nodata = with_tags(declared, header, where=path.name).date, declared.nodata
    return GeotiffScene(path, header, (position,), (name,), class_of(legend_), gsd, origin, date, nodata)


def origin_of(item: str, mapped: Mapped, declared: Declared, decision: Decision | None) -> Origin:
    """Origin of the stacks of one file."""
    return Origin(
        items=(item,),
        sensor=mapped.sensor,
        level=mapped.level,
        offsets=() if decision is None else (decision.to_json(),),
        declared=_of_pixels(declared.given),
    )


def _of_pixels(given: Mapping[str, Any]) -> dict[str, Any]:
    """Declarations that say something of the pixels, not of how they are cut."""
    cutting = ("keep", "labels", "legend", "size", "stride", "min_valid", "class_role")
    return {name: value for name, value in given.items() if name not in cutting}


def codes_of(data: Array, valid: Array | None, name: str | Legend, *, where: str) -> Array:
    """Turn a class band into codes of 8 bits.

    Parameters
    ----------
    data : array, shape (b, h, w)
        As stored; what is invalid becomes the legend's "no class", or 0.
    name : str or Legend
        The legend, or the name of one in `core.legends`.

    Raises
    ------
    Mismatch
        A number that is no code of the legend.
    """
    known = legend(name) if isinstance(name, str) else name
    codes = {each.code for each in known.classes} | set(known.none)
    if max(codes) > np.iinfo(np.uint8).max:
        what = f"legend {known.name} has codes above 255"
        raise Refused(where=where, what=what, fix="Map it to a smaller legend first.")
    held = data if valid is None else np.where(valid, data, known.none[0] if known.none else 0)
    if held.dtype.kind == "f":
        held = np.where(held == np.rint(held), held, -1)
    strange = np.setdiff1d(np.unique(held), sorted(codes | ({0} if valid is not None else set())))
    if strange.size:
        raise Mismatch(
            where=where,
            what="class code",
            want=f"one of legend {known.name} ({', '.join(map(str, sorted(codes)))})",
            have=", ".join(f"{code:g}" for code in strange[:5]),
            fix="Name the legend that the band has, or the right band.",
        )
    return np.asarray(held.astype(np.uint8))
