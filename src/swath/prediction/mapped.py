"""Mapped scene: the files of a map, and how much of it shows which class.

Areas are counted on the finished map itself and measured on the ground. They are mapped areas: the errors of the map
are in them, see `evaluate.areas` for what takes them out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from swath.core.errors import Refused
from swath.core.geobox import area, window_geobox
from swath.core.scene import Scene
from swath.formats.cog import read_rows
from swath.prediction.mapplan import MapPlan

__all__ = ["ClassArea", "MapFiles", "MappedScene", "find_class", "map_files", "mapped_areas"]


@dataclass(frozen=True, slots=True)
class MapFiles:
    """Files of a map, by what they are."""

    map: Path
    probability: Path
    preview: Path
    style: Path
    table: Path
    item: Path
    #: None = not asked for.
    world: Path | None = None

    @property
    def all(self) -> tuple[Path, ...]:
        """Every file, the map itself last."""
        beside = (self.probability, self.preview, self.style, self.table, self.item, self.world)
        return (*(each for each in beside if each is not None), self.map)


def map_files(path: Path, *, has_world: bool = False) -> MapFiles:
    """Where the files of a map lie.

    Examples
    --------
    >>> [each.name for each in map_files(Path("out.tif")).all]
    ['out-probability.tif', 'out.png', 'out.qml', 'out.tif.aux.xml', 'out.json', 'out.tif']
    """
    if path.suffix.lower() not in (".tif", ".tiff"):
        raise Refused(where=str(path), what="is no name of a GeoTIFF", fix="End it in .tif.")
    return MapFiles(
        map=path,
        probability=path.with_name(f"{path.stem}-probability{path.suffix}"),
        preview=path.with_suffix(".png"),
        style=path.with_suffix(".qml"),
        table=path.with_name(f"{path.name}.aux.xml"),
        item=path.with_suffix(".json"),
        world=path.with_suffix(".tfw") if has_world else None,
    )


@dataclass(frozen=True, slots=True)
class ClassArea:
    """How much of a map shows one class."""

    #: Of the legend.
    code: int
    name: str
    #: Pixels, and hectares on the ground: mapped area, which carries the map's errors.
    pixels: int
    hectares: float


@dataclass(frozen=True, slots=True)
class MappedScene:
    """A map that was made, or was there."""

    #: Where.
    files: MapFiles
    #: Mapped area a class, in the model's order.
    areas: tuple[ClassArea, ...]
    #: Pixels, and those of them without a class.
    pixels: int
    nodata: int
    #: Windows that the model was asked about now, strips that were finished before, and all strips.
    asked: int = 0
    resumed: int = 0
    strips: int = 0
    #: True if the same plan had been mapped before, and nothing was done.
    was_there: bool = False
    #: What the plan says of the scene and the model.
    declared: dict[str, str] = field(default_factory=dict)

    def summary(self) -> str:
        """One line of counts."""
        share = self.nodata / self.pixels if self.pixels else 0.0
        tail = f"{self.pixels - self.nodata:,} of {self.pixels:,} pixels have a class, {share:.1%} nodata"
        if self.was_there:
            return f"{self.files.map}: was there, made by the same plan; {tail}"
        again = f", {self.resumed} of {self.strips} strips finished before" if self.resumed else ""
        return f"{self.files.map}: {self.asked:,} windows answered{again}; {tail}"

    def table(self) -> str:
        """Mapped area a class, largest first."""
        known = sum(each.pixels for each in self.areas) or 1
        rows = sorted((each for each in self.areas if each.pixels), key=lambda each: -each.pixels)
        wide = max((len(each.name) for each in rows), default=5)
        lines = [f"{each.name:{wide}}  {each.hectares:>14,.1f} ha  {each.pixels / known:>6.1%}" for each in rows]
        return "\n".join([f"{'mapped area':{wide}}", *lines])

    def to_json(self) -> dict[str, Any]:
        """Plain JSON."""
        names = ("map", "probability", "preview", "style", "table", "item", "world")
        paths = {name: getattr(self.files, name) for name in names}
        return {
            "files": {name: str(each) for name, each in paths.items() if each is not None},
            "pixels": self.pixels,
            "nodata": self.nodata,
            "windows": self.asked,
            "strips": self.strips,
            "resumed": self.resumed,
            "was_there": self.was_there,
            "declared": dict(self.declared),
            "mapped_area": [
                {"code": each.code, "name": each.name, "pixels": each.pixels, "hectares": round(each.hectares, 4)}
                for each in self.areas
            ],
        }


def find_class(said: str, areas: Sequence[ClassArea]) -> int | None:
    """Position of a class by its name, or its code, as people write it; None = the map has no such class.

    Examples
    --------
    >>> known = [ClassArea(4, "Forest", 9, 0.09), ClassArea(5, "SeaLake", 0, 0.0)]
    >>> find_class(" forest", known), find_class("5.0", known), find_class("maize", known)
    (0, 1, None)
    """
    wanted = said.strip().lower()
    found = (i for i, each in enumerate(areas) if wanted in (each.name.lower(), str(each.code), f"{each.code}.0"))
    return next(found, None)


def mapped_areas(plan: MapPlan, path: Path) -> tuple[tuple[ClassArea, ...], int, int]:
    """Count a map: mapped area a class, all pixels, and those without a class.

    Ground is measured by geodesic, some rows at a time, for pixels of a projection are not equally large everywhere;
    without a place a pixel is as large as its declared size.
    """
    codes = np.asarray(plan.output.codes)
    pixels, hectares, seen, whole = np.zeros(len(codes), np.int64), np.zeros(len(codes)), 0, 0
    scene = plan.fitted.scene
    for top, rows in read_rows(path):
        counts = np.bincount(rows.ravel(), minlength=int(codes.max()) + 1)[codes]
        pixels += counts
        hectares += counts * (_pixel_area(scene, top, rows.shape[1]) / 1e4)
        seen += int(counts.sum())
        whole += rows[0].size
    held = zip(plan.output.codes, plan.output.names, pixels.tolist(), hectares.tolist(), strict=True)
    return tuple(ClassArea(*each) for each in held), whole, whole - seen


def _pixel_area(scene: Scene, top: int, tall: int) -> float:
    """Mean area of a pixel in some rows [m2]."""
    if scene.geobox is None:
        return scene.gsd[0] * scene.gsd[1]
    wide = scene.shape[1]
    return area(window_geobox(scene.geobox, top, 0, tall, wide)) / (tall * wide)
