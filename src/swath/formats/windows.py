"""Windows: samples cut from scenes on a regular grid.

Each scene decides its offset once, from pixels spread over all of it, which a small window could not. Windows that fit
whole are laid from the upper-left corner; those with too few valid pixels become failures when they are read, and are
counted. Knows no labels but the folder's name.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from swath.core.errors import Failure, Mismatch, Refused
from swath.core.geobox import centre, window_geobox
from swath.core.plan import Plan, read_each
from swath.core.sample import Sample
from swath.core.scene import Window
from swath.formats.mapping import Declared
from swath.formats.options import require_all
from swath.formats.rasterset import (
    COLUMNS,
    Choices,
    RasterFile,
    assemble,
    labels_of,
    layout_of,
    map_name,
    may_be_invalid,
    other_size,
    raw_bytes,
    require_stack,
    stack_name,
)
from swath.formats.scene import Layers, open_layers

__all__ = ["GeotiffWindows", "open_windows"]


@dataclass(frozen=True, slots=True)
class GeotiffWindows:
    """Scenes, cut into a regular grid of windows."""

    #: What was opened.
    roots: tuple[Path, ...]
    #: Declarations and labels.
    choices: Choices
    #: Identifier of each file -> its code (None without labels) and what it holds.
    scenes: Mapping[str, tuple[int | None, Layers]]
    #: Pixels of a window, and from window to window.
    size: tuple[int, int]
    stride: tuple[int, int]

    @property
    def name(self) -> str:
        """Name of the format."""
        return "geotiff"

    def plan(self, places: Any = None, dates: Any = None, spec: Any = None) -> Plan:
        """Lay the grid: windows that fit whole, from the upper-left corner; the rest at the edges is in none.

        Raises
        ------
        Refused
            Places, dates or a spec are asked for: files are what they are.
        """
        require_all(places, dates, spec, where="format geotiff")
        height, width = self.size
        why = f"window of {height} x {width} pixels every {self.stride[0]} x {self.stride[1]}"
        rows = []
        for name, (code, layers) in self.scenes.items():
            scene = layers.first
            left = (scene.shape[0] - height) % self.stride[0], (scene.shape[1] - width) % self.stride[1]
            edges = f"; {left[0]} rows and {left[1]} columns at the edges are in none" if any(left) else ""
            held = {"group": "", "why": why + edges, "path": name, "code": code, "height": height, "width": width}
            held["bytes"] = raw_bytes(layers.mapped, scene.dtype, self.size)
            for row in range(0, scene.shape[0] - height + 1, self.stride[0]):
                for col in range(0, scene.shape[1] - width + 1, self.stride[1]):
                    lon, lat = None, None
                    if scene.geobox is not None:
                        lon, lat = centre(window_geobox(scene.geobox, row, col, height, width))
                    place = {"lon": lon, "lat": lat, "root": 0, "row": row, "col": col}
                    rows.append({**held, **place, "id": f"{name}_r{row:05d}_c{col:05d}"})
        every = [layers for _, layers in self.scenes.values()]
        first = every[0].first
        has_valid = any(may_be_invalid(layers.first.header, self.choices.declared) for layers in every)
        headers = [layers.first.header for layers in every]
        layout = layout_of(every[0].mapped, first.header.dtype, self.size, first.gsd, has_valid, self.choices, headers)
        columns = {**COLUMNS, "row": pa.int32(), "col": pa.int32()}
        table = pa.Table.from_pylist(rows, schema=pa.schema(list(columns.items())))
        return Plan(self.name, {**self.choices.declared.given, "files": len(every)}, layout, table)

    def read(self, rows: pa.Table) -> Iterator[Sample | Failure]:
        """Read windows of the plan."""
        yield from read_each(rows, self._read)

    def _read(self, row: Mapping[str, Any]) -> Sample | Failure:
        _, layers = self.scenes[row["path"]]
        window = Window(row["row"], row["col"], row["height"], row["width"])
        stacks = {map_name(band): scene.read(window) for band, scene in layers.maps.items()}
        maps = list(stacks)
        if layers.measured is not None:
            stacks = {stack_name(layers.mapped.sensor): layers.measured.read(window), **stacks}
        return assemble(row, stacks, maps, self.choices)


def open_windows(roots: tuple[Path, ...], files: Sequence[RasterFile], declared: Declared) -> GeotiffWindows:
    """Open scenes to be cut; all of them must be of one kind."""
    size = declared.size
    if size is None:
        raise Refused(where="format geotiff", what="stride says how far, not how large", fix="Declare size= too.")
    choices = Choices(declared, labels_of(files, declared))
    scenes: dict[str, tuple[int | None, Layers]] = {}
    for file in files:
        layers = open_layers(file.at, declared)
        require_stack(layers.mapped, declared)
        have = layers.first.shape
        if have[0] < size[0] or have[1] < size[1]:
            raise other_size(file.path, have, size, "at least, declared")
        if file.id in scenes:
            raise Refused(where=file.path, what="two files have this path", fix="Open them apart.")
        scenes[file.id] = (choices.code(file.label), layers)
        want, other = (_kind_of(each) for each in (next(iter(scenes.values()))[1], layers))
        if want != other:
            fix = "Open it apart from the others."
            raise Mismatch(where=file.path, what="scene", want=f"{want} (the first file)", have=other, fix=fix)
    return GeotiffWindows(roots, choices, scenes, size, declared.stride or size)


def _kind_of(layers: Layers) -> str:
    """What scenes that are cut together must share."""
    mapped = layers.mapped
    return f"{mapped.quantity or 'class'} of {' '.join(mapped.names)} as {layers.first.header.dtype}"
