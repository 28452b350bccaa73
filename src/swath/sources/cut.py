"""Cut: windows of a scene with what labels say of them; a source like any other.

`sources.survey` decides which windows become samples. A sample carries one class (target `class`) or a class a pixel
(target `map`, no class where no label or several speak). The plan reads labels and no image; the scene is read only
through `core.Scene`. Knows no file format and no split.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import pyarrow as pa

from swath.core.errors import Failure, Mismatch, Refused
from swath.core.geobox import footprint, window_geobox
from swath.core.legends import Legend
from swath.core.origin import Origin
from swath.core.plan import PLAN_COLUMNS, Layout, Plan, StackSpec, read_each
from swath.core.progress import SILENT, Progress
from swath.core.quantity import class_of
from swath.core.sample import Sample, Target, TargetSpec
from swath.core.scene import Scene, Window
from swath.core.stack import NO_TIME, Stack, measured
from swath.sources.classes import code_dtype, with_none
from swath.sources.labels import HOLES, Labels
from swath.sources.survey import CutOptions, Survey, survey

__all__ = ["Cut", "cut_scene"]

_COLUMNS: Final = {
    **PLAN_COLUMNS,
    "row": pa.int32(),
    "col": pa.int32(),
    "code": pa.int32(),
    "share": pa.float64(),
}
_SENTINEL: Final = "Contains modified Copernicus Sentinel data."


@dataclass(frozen=True, slots=True)
class Cut:
    """A scene and its labels; a `core.plan.Source`. `cut_scene` makes one."""

    #: What the scene is called in identifiers.
    title: str
    #: Stack name -> the scene of its bands; all on one grid.
    scenes: Mapping[str, Scene]
    #: Stack name -> numpy name of its dtype.
    dtypes: Mapping[str, str]
    #: Classes of its pixels.
    labels: Labels
    #: How windows are laid and labelled.
    options: CutOptions = field(default_factory=CutOptions)
    #: What was asked of scene and labels, for the plan's hash.
    asked: Mapping[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Its name in `recipes.open`."""
        return "cut"

    @property
    def scene(self) -> Scene:
        """Any of the scenes: all share the grid."""
        return next(iter(self.scenes.values()))

    @property
    def legend(self) -> Legend:
        """Classes of the target; of class maps, with a code for "no class"."""
        return self.labels.legend if self.options.target == "class" else with_none(self.labels.legend)

    def survey(self, *, progress: Progress = SILENT) -> Survey:
        """Say which windows become samples, and list all that is left; labels are read, no image is.

        Parameters
        ----------
        progress : Progress
            Called with rows of windows looked at and all.

        Raises
        ------
        Refused
            No window bears a label out, or all that do are of one class.
        """
        scene = self.scene
        grid, shape = scene.geobox, scene.shape
        return survey(self.title, self.labels, geobox=grid, shape=shape, options=self.options, progress=progress)

    def plan(self, places: Any = None, dates: Any = None, spec: Any = None, *, surveyed: Survey | None = None) -> Plan:
        """Say which windows there will be; labels are read, no image is.

        Parameters
        ----------
        places, dates, spec
            None: a scene is cut as it is.
        surveyed : Survey, optional
            What `survey` gave, so that it is not done twice.

        Raises
        ------
        Refused
            Places, dates or a spec are asked for; or as `survey`.
        """
        if places is not None or dates is not None or spec is not None:
            what = "a scene is cut as it is, not by place, date or spec"
            raise Refused(where="cut", what=what, fix="Plan all there is, and choose afterwards.")
        made = surveyed or self.survey()
        codes, size = self.labels.legend.codes, self._bytes()
        rows = [
            {
                "id": each.id,
                "group": "",
                "lon": each.lon,
                "lat": each.lat,
                "bytes": size,
                "why": each.why,
                "row": each.row,
                "col": each.col,
                "code": None if each.index is None else codes[each.index],
                "share": each.share,
            }
            for each in made.found
        ]
        holes: dict[str, Failure] = {}
        for left in made.left:
            if left.reason in HOLES:
                holes.setdefault(left.id, Failure(left.id, "invalid", left.message))
        options = self.options
        asked = {
            **self.asked,
            "labels": self.labels.digest,
            "size": list(options.size),
            "stride": list(options.steps),
            "target": options.target,
            "share": options.bound,
            "min_valid": options.min_valid,
        }
        table = pa.Table.from_pylist(rows, schema=pa.schema(list(_COLUMNS.items())))
        return Plan(self.name, asked, self._layout(), table, tuple(holes.values()))

    def _bytes(self) -> int:
        """Raw bytes of a sample."""
        each = sum(len(scene.bands) * np.dtype(self.dtypes[name]).itemsize for name, scene in self.scenes.items())
        codes = np.dtype(code_dtype(self.legend)).itemsize if self.options.target == "map" else 0
        return self.options.pixels * (each + codes)

    def _layout(self) -> Layout:
        size, legend, target = self.options.size, self.legend, self.options.target
        stacks = {}
        for name, scene in self.scenes.items():
            origin = scene.origin
            stacks[name] = StackSpec(
                bands=scene.bands,
                size=size,
                dtype=self.dtypes[name],
                quantity=scene.quantity,
                sensor=origin.sensor,
                level=origin.level,
                gsd=scene.gsd,
                has_valid=True,
            )
        if target == "map":
            dtype, quantity = code_dtype(legend), class_of(legend.name)
            stacks[target] = StackSpec((target,), size, dtype, quantity, "labels", "", self.scene.gsd, has_valid=True)
        legends = {legend.name: legend}
        sentences = {legend.attribution, *(_attribution(scene) for scene in self.scenes.values())} - {""}
        return Layout(stacks, {target: TargetSpec(target, legend=legend.name)}, legends, tuple(sorted(sentences)))

    def read(self, rows: pa.Table) -> Iterator[Sample | Failure]:
        """Read windows of the plan."""
        yield from read_each(rows, self._read)

    def _read(self, row: Mapping[str, Any]) -> Sample | Failure:
        window = Window(row["row"], row["col"], *self.options.size)
        stacks = {name: scene.read(window) for name, scene in self.scenes.items()}
        share = min(_share(stack) for stack in stacks.values() if not stack.quantity.is_categorical)
        least = self.options.min_valid
        if share == 0 or share < least:
            want = f"{least:.0%} or more" if least else "some"
            error = Mismatch(where=row["id"], what="share of valid pixels", want=want, have=f"{share:.1%}")
            return Failure.of(row["id"], error, "invalid")
        target = Target(code=row["code"]) if self.options.target == "class" else Target(stack=self._map(window))
        box = next(iter(stacks.values())).geobox
        return Sample(
            id=row["id"],
            stacks=stacks,
            targets={self.options.target: target},
            footprint=None if box is None else footprint(box),
            group=row["group"],
            lonlat=None if row["lon"] is None else (row["lon"], row["lat"]),
        )

    def _map(self, window: Window) -> Stack:
        """Classes of a window as a stack of codes."""
        index, legend, box = self.labels.burn(window), self.legend, self.scene.geobox
        codes = np.array([*legend.codes, legend.none[0]], code_dtype(legend))
        valid = index >= 0
        return Stack(
            data=codes[np.where(valid, index, -1)][None, None],
            bands=(self.options.target,),
            times=np.array([NO_TIME]),
            quantity=class_of(legend.name),
            geobox=None if box is None else window_geobox(box, window.row, window.col, window.height, window.width),
            gsd=self.scene.gsd,
            valid=None if valid.all() else valid[None, None],
            origin=Origin(items=(self.labels.name,), attribution=legend.attribution),
        )


def _attribution(scene: Scene) -> str:
    """What an export of the pixels must say; empty where nobody says anything."""
    origin = scene.origin
    return origin.attribution or (_SENTINEL if origin.sensor.startswith(("s1-", "s2-")) else "")


def _share(stack: Stack) -> float:
    """Share of the pixels that are measurements in every band."""
    good = measured(stack)
    return 1.0 if good is None else float(good.all(axis=1).mean())


def cut_scene(
    scenes: Mapping[str, Scene],
    labels: Labels,
    options: CutOptions | None = None,
    *,
    title: str,
    asked: Mapping[str, Any] | None = None,
) -> Cut:
    """Open a scene with its labels as a source.

    Parameters
    ----------
    scenes : mapping
        Stack name -> scene; all of one grid, at least one of them measured.
    labels : Labels
        On the same grid.
    options : CutOptions, optional
        How windows are laid and labelled.
    title : str
        What the scene is called in identifiers.
    asked : mapping, optional
        What was declared, as plain JSON: becomes part of the plan's hash.

    Raises
    ------
    Refused
        No scene is measured: there would be nothing to learn from.
    Mismatch
        A window is larger than the scene.
    """
    chosen = options or CutOptions()
    if all(scene.quantity.is_categorical for scene in scenes.values()):
        raise Refused(where=title, what="holds no measured band to learn from", fix="Keep one besides the labels.")
    (height, width), (h, w) = next(iter(scenes.values())).shape, chosen.size
    if h > height or w > width:
        want, have = f"{h} x {w} pixels at least (a window)", f"{height} x {width}"
        raise Mismatch(where=title, what="size", want=want, have=have, fix="Cut smaller windows: --size.")
    dtypes = {name: scene.read(Window(0, 0, 1, 1)).data.dtype.name for name, scene in scenes.items()}
    return Cut(title, dict(scenes), dtypes, labels, chosen, dict(asked or {}))
