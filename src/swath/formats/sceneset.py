"""Scene set: acquisitions of several scenes each (one a size of pixels, one a mask), as samples.

Each acquisition is a sample, or is cut into windows that meet the grid of every scene; those that fit whole are laid
from the upper-left corner. Acquisitions whose digital numbers carry different offsets open together: the older ones'
are shifted up to the newest when they are read, in integers. Knows scenes, and no files.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final, Protocol

import numpy as np
import pyarrow as pa
from odc.geo.geobox import GeoBox

from swath.core.errors import Failure, Mismatch, Refused, SwathError
from swath.core.geobox import centre, footprint, window_geobox
from swath.core.legends import LEGENDS, Legend
from swath.core.origin import Origin
from swath.core.plan import PLAN_COLUMNS, Layout, Plan, StackSpec, read_each
from swath.core.quantity import Quantity, convert, dn
from swath.core.sample import Sample
from swath.core.scene import Scene, Window
from swath.core.stack import Stack, measured
from swath.formats.options import require_all

__all__ = ["MOST_WHOLE", "Acquisition", "GriddedScene", "SceneSet", "Shifted", "gather"]

#: Pixels a side above which a whole acquisition is no sample.
MOST_WHOLE: Final = 4096
_COLUMNS: Final = {**PLAN_COLUMNS, "item": pa.string(), "row": pa.int32(), "col": pa.int32()}


class GriddedScene(Scene, Protocol):
    """A scene on a grid that also says how its numbers are stored; picklable, safe in threads."""

    @property
    def geobox(self) -> GeoBox:
        """Pixel grid."""
        ...

    @property
    def dtype(self) -> str:
        """Name of the dtype that `read` gives."""
        ...

    @property
    def may_be_invalid(self) -> bool:
        """True if a window inside may come with a mask."""
        ...


@dataclass(frozen=True, slots=True)
class Shifted:
    """A scene whose digital numbers are read with the offset of a newer baseline."""

    #: As it is stored.
    scene: GriddedScene
    #: What the numbers mean that `read` gives.
    quantity: Quantity

    @property
    def geobox(self) -> GeoBox:
        """Pixel grid."""
        return self.scene.geobox

    @property
    def shape(self) -> tuple[int, int]:
        """Pixels, (h, w)."""
        return self.scene.shape

    @property
    def gsd(self) -> tuple[float, float]:
        """Metres on the ground a pixel, (x, y)."""
        return self.scene.gsd

    @property
    def bands(self) -> tuple[str, ...]:
        """Names of the bands."""
        return self.scene.bands

    @property
    def dtype(self) -> str:
        """Name of the dtype."""
        return self.scene.dtype

    @property
    def may_be_invalid(self) -> bool:
        """True if a window inside may come with a mask."""
        return self.scene.may_be_invalid

    @property
    def origin(self) -> Origin:
        """The scene's own, with the offset that the numbers have now; the one that they came with is `stored`."""
        own = self.scene.origin
        decided = dict(own.offsets[0]) if own.offsets else {}
        note = {**decided, "offset": list(self.quantity.offset or ()), "stored": decided.get("offset")}
        return replace(own, offsets=(note,))

    def read(self, window: Window) -> Stack:
        """Read one window, and shift it."""
        stack = self.scene.read(window)
        data = convert(stack.data, stack.quantity, self.quantity)
        return replace(stack, data=data, quantity=self.quantity, origin=self.origin)


@dataclass(frozen=True, slots=True)
class Acquisition:
    """All that is read of one product or item."""

    #: Its name.
    id: str
    #: When it was acquired: the order of the plan.
    time: np.datetime64
    #: Name of the ground that it covers: windows of one ground are of one group.
    place: str
    #: Stack name -> scene.
    scenes: Mapping[str, GriddedScene]
    #: Why it is read so: the offset's evidence.
    why: str
    #: Attribution and licence sentences.
    licences: tuple[str, ...] = ()
    #: Legends that are not in `core.legends`.
    legends: Mapping[str, Legend] = field(default_factory=dict)

    @property
    def kind(self) -> str:
        """What acquisitions that open together must share."""
        parts = []
        for name, scene in self.scenes.items():
            quantity = scene.quantity
            if quantity.kind == "dn" and quantity.of is not None:
                quantity = dn(quantity.of, offset=None, quantification=quantity.quantification)
            shape = "x".join(map(str, scene.shape))
            parts.append(f"{name} {scene.origin.level} {' '.join(scene.bands)}, {shape} {scene.dtype} {quantity}")
        return "; ".join(parts)


@dataclass(frozen=True, slots=True)
class SceneSet:
    """Acquisitions, as a source."""

    #: Name of the format.
    name: str
    #: What was opened.
    roots: tuple[Path, ...]
    #: Identifier -> acquisition, in the order of dates; at least one.
    held: Mapping[str, Acquisition]
    #: What is left out, and why.
    failures: tuple[Failure, ...]
    #: What was declared, as plain JSON.
    given: Mapping[str, Any]
    #: Pixels of a window at the smallest size, and from window to window; None = whole.
    size: tuple[int, int] | None = None
    stride: tuple[int, int] | None = None
    #: Share of measured pixels below which a window is left out.
    min_valid: float = 0.0

    @property
    def first(self) -> Acquisition:
        """The one that says how all are."""
        return next(iter(self.held.values()))

    @property
    def _finest(self) -> GriddedScene:
        return min(self.first.scenes.values(), key=lambda scene: abs(scene.geobox.transform.a))

    def plan(self, places: Any = None, dates: Any = None, spec: Any = None) -> Plan:
        """Lay the windows of every acquisition.

        Raises
        ------
        Refused
            Places, dates or a spec are asked for, or a whole acquisition is too large for a sample.
        Mismatch
            The windows do not meet the grid of every scene.
        """
        require_all(places, dates, spec, where=f"format {self.name}")
        whole = self._finest.shape
        height, width = self._window()
        stride = self.stride or (height, width)
        layout = self._layout()
        rows = []
        size = sum(
            math.prod(each.size) * len(each.bands) * np.dtype(each.dtype).itemsize for each in layout.stacks.values()
        )
        for id, held in self.held.items():
            box = min((scene.geobox for scene in held.scenes.values()), key=lambda grid: abs(grid.transform.a))
            for row in range(0, whole[0] - height + 1, stride[0]):
                for col in range(0, whole[1] - width + 1, stride[1]):
                    lon, lat = centre(window_geobox(box, row, col, height, width))
                    made = {"id": f"{id}_r{row:05d}_c{col:05d}" if self.size else id, "lon": lon, "lat": lat}
                    where = {"item": id, "row": row, "col": col, "group": f"{held.place}_r{row:05d}_c{col:05d}"}
                    rows.append({**made, **where, "bytes": size, "why": held.why})
        table = pa.Table.from_pylist(rows, schema=pa.schema(list(_COLUMNS.items())))
        return Plan(self.name, {**self.given, "acquisitions": len(self.held)}, layout, table, self.failures)

    def _window(self) -> tuple[int, int]:
        """Pixels of a sample at the smallest size, checked against all scenes."""
        where, whole = f"format {self.name}", self._finest.shape
        if self.size is None:
            if self.stride is not None:
                raise Refused(where=where, what="stride says how far, not how large", fix="Declare size= too.")
            if max(whole) > MOST_WHOLE:
                what = f"a whole acquisition has {whole[0]} x {whole[1]} pixels, too many for one sample"
                raise Refused(where=where, what=what, fix=f"Declare size=, a multiple of {self._step()}.")
            return whole
        step = self._step()
        for name, sides in (("size", self.size), ("stride", self.stride or self.size)):
            if any(side % step for side in sides):
                have = f"{sides[0]} x {sides[1]}"
                want = f"multiples of {step} pixels, where {', '.join(self.first.scenes)} meet"
                raise Mismatch(where=where, what=name, want=want, have=have, fix="Declare another, or fewer stacks.")
        if self.size[0] > whole[0] or self.size[1] > whole[1]:
            have = f"{self.size[0]} x {self.size[1]}"
            raise Mismatch(where=where, what="size", want=f"{whole[0]} x {whole[1]} pixels at most", have=have)
        return self.size

    def _step(self) -> int:
        """Pixels of the smallest size after which all scenes meet."""
        return math.lcm(*(self._ratio(name) for name in self.first.scenes))

    def _ratio(self, name: str) -> int:
        """Pixels of the smallest size that one of this scene spans.

        Raises
        ------
        Refused
            They do not meet: the files were made smaller, each in its own way.
        """
        fine, own = self._finest.geobox.transform, self.first.scenes[name].geobox.transform
        ratio = own.a / fine.a
        apart = math.hypot(own.c - fine.c, own.f - fine.f) / abs(fine.a)
        if abs(ratio - round(ratio)) > 1e-6 or apart > 1e-3:
            what = f"pixels of {name} do not meet those of the smallest size: {ratio:.4f} times as large"
            fix = "Read fewer sizes, or every acquisition whole."
            raise Refused(where=f"format {self.name}", what=f"{what}, {apart:.3f} pixels apart", fix=fix)
        return round(ratio)

    def _at(self, name: str, row: int, col: int) -> Window:
        """A window of one scene."""
        if self.size is None:
            return Window(0, 0, *self.first.scenes[name].shape)
        n = self._ratio(name)
        return Window(row // n, col // n, self.size[0] // n, self.size[1] // n)

    def _layout(self) -> Layout:
        stacks, legends = {}, {}
        for name, scene in self.first.scenes.items():
            window, own = self._at(name, 0, 0), scene.origin
            sides, has_valid = (
                (window.height, window.width),
                any(held.scenes[name].may_be_invalid for held in self.held.values()),
            )
            spec = StackSpec(
                scene.bands, sides, scene.dtype, scene.quantity, own.sensor, own.level, scene.gsd, has_valid=has_valid
            )
            stacks[name] = spec
            if scene.quantity.legend:
                known = {**LEGENDS, **self.first.legends}
                legends[scene.quantity.legend] = known[scene.quantity.legend]
        licences = sorted({sentence for held in self.held.values() for sentence in held.licences})
        return Layout(stacks, {}, legends, tuple(licences))

    def read(self, rows: pa.Table) -> Iterator[Sample | Failure]:
        """Read windows of the plan."""
        yield from read_each(rows, self._read)

    def _read(self, row: Mapping[str, Any]) -> Sample | Failure:
        held, (height, width) = self.held[row["item"]], self._window()
        stacks: dict[str, Stack] = {}
        judged = [name for name, scene in held.scenes.items() if not scene.quantity.is_categorical]
        for name in (*(judged or held.scenes), *held.scenes):
            if name in stacks:
                continue
            stacks[name] = held.scenes[name].read(self._at(name, row["row"], row["col"]))
            share = _share(stacks[name]) if name in judged and held.scenes[name].quantity.kind != "value" else 1.0
            if share == 0 or share < self.min_valid:
                want = f"{self.min_valid:.0%} or more" if self.min_valid else "some"
                error = Mismatch(where=row["id"], what="share of measured pixels", want=want, have=f"{share:.1%}")
                return Failure.of(row["id"], error, "invalid")
        box = min((scene.geobox for scene in held.scenes.values()), key=lambda grid: abs(grid.transform.a))
        outline = footprint(window_geobox(box, row["row"], row["col"], height, width))
        ordered = {name: stacks[name] for name in held.scenes}
        return Sample(row["id"], ordered, {}, outline, row["group"], (row["lon"], row["lat"]))


def _share(stack: Stack) -> float:
    """Share of the pixels that are measurements in every band."""
    good = measured(stack)
    return 1.0 if good is None else float(good.all(axis=1).mean())


def gather(
    opened: Sequence[tuple[str, Acquisition | SwathError]], *, where: str
) -> tuple[dict[str, Acquisition], tuple[Failure, ...]]:
    """Put acquisitions together that were opened one by one; those that do not fit the first are left out by name.

    Parameters
    ----------
    opened : sequence of (name, acquisition or error)
        In the order that they were found.
    where : str
        The format, for the error.

    Returns
    -------
    held : dict
        Identifier -> acquisition in the order of dates, all of one kind and with one offset a band.
    failures : tuple of Failure
        The others.

    Raises
    ------
    SwathError
        None can be read: the first one's own reason.
    """
    held: dict[str, Acquisition] = {}
    failures: list[Failure] = []
    errors: list[SwathError] = []
    for name, made in opened:
        error = made if isinstance(made, SwathError) else _misfit(made, held)
        if error is not None:
            errors.append(error)
            taken = {failure.id for failure in failures}
            id, count = name, 2
            while id in taken:
                id, count = f"{name}#{count}", count + 1
            failures.append(Failure.of(id, error))
        elif isinstance(made, Acquisition):
            held[made.id] = made
    if not held:
        raise errors[0] if errors else Refused(where=where, what="no path was given", fix="Name files or folders.")
    failures = [replace(each, id=f"{each.id}#2") if each.id in held else each for each in failures]
    ordered = dict(sorted(held.items(), key=lambda pair: (pair[1].time, pair[0])))
    return _levelled(ordered), tuple(sorted(failures, key=lambda failure: failure.id))


def _misfit(made: Acquisition, held: Mapping[str, Acquisition]) -> SwathError | None:
    """Why an acquisition cannot stand beside the others."""
    if made.id in held:
        return Refused(where=made.id, what="is there more than once", fix="Leave one of them out.")
    if not held or made.kind == next(iter(held.values())).kind:
        return None
    want, fix = f"{next(iter(held.values())).kind} (the first)", "Open it apart from the others."
    return Mismatch(where=made.id, what="acquisition", want=want, have=made.kind, fix=fix)


def _levelled(held: Mapping[str, Acquisition]) -> dict[str, Acquisition]:
    """Bring all acquisitions to the newest offset.

    Raises
    ------
    Mismatch
        Offsets are known of some only.
    """
    made = dict(held)
    for name, scene in next(iter(held.values())).scenes.items():
        every = {id: each.scenes[name].quantity for id, each in made.items()}
        if len(set(every.values())) == 1:
            continue
        unknown = [id for id, quantity in every.items() if quantity.offset is None]
        if unknown:
            raise Mismatch(where=unknown[0], what="offsets", want="all known", have="unknown", fix="Declare offset=.")
        offsets = [np.broadcast_to(np.asarray(quantity.offset), len(scene.bands)) for quantity in every.values()]
        newest = dn(
            scene.quantity.of, offset=np.min(offsets, axis=0).tolist(), quantification=scene.quantity.quantification
        )
        for id, each in made.items():
            if every[id] != newest:
                moved = {**each.scenes, name: Shifted(each.scenes[name], newest)}
                made[id] = replace(each, scenes=moved, why=f"{each.why}; {name} shifted up to {newest}")
    return made
