"""Survey: which windows of a scene its labels bear out, and every label and window that is left, with the reason.

Windows lie on a lattice of `stride` pixels from the scene's upper-left corner, or around points: the pixel that holds
the point is the window's pixel (size // 2, size // 2), as in the windows of maps. A window takes the one class that
holds at least `share` of its pixels; two that hold as much tie, and it takes none. Looks at labels, never at an image.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
import shapely
from odc.geo.geobox import GeoBox

from swath.core.array import Array
from swath.core.errors import Refused
from swath.core.geobox import lonlats
from swath.core.progress import SILENT, Progress
from swath.core.scene import Window
from swath.sources.labels import CONFLICT, Labels, Laid, Left, require_two

__all__ = ["CLASS_SHARE", "CutOptions", "Found", "Survey", "survey"]

#: Share of a window that one class must hold, unless said otherwise: as the planet's own areal classes.
CLASS_SHARE: Final = 0.8
_TARGETS: Final = ("class", "map")
#: Why a label is left that is fine and bears out no window.
_UNUSED: Final = "in no window"
#: Classes that a sentence names; more are counted.
_NAMED: Final = 4
#: Pixels by which a window is drawn in before one asks which polygons it touches.
_INSIDE: Final = 1e-3


@dataclass(frozen=True, slots=True)
class CutOptions:
    """How windows are laid and labelled.

    Raises
    ------
    Refused
        The target is neither class nor map, a share is none, or a window or stride has no pixel.
    """

    #: Pixels a window, (down, across).
    size: tuple[int, int] = (64, 64)
    #: Pixels from window to window; None = size, so that none overlap.
    stride: tuple[int, int] | None = None
    #: `class`: one class a window. `map`: a class a pixel.
    target: Literal["class", "map"] = "class"
    #: class: least share of the window's pixels that its class must hold; None = `CLASS_SHARE`.
    #: map: least share of its pixels that must have a class; None = more than none.
    share: float | None = None
    #: Least share of a window's pixels that must be measurements in every band.
    min_valid: float = 0.5

    def __post_init__(self) -> None:
        if self.target not in _TARGETS:
            raise Refused(where="cut", what=f"target {self.target!r} is neither class nor map", fix="Choose one.")
        for name in ("share", "min_valid"):
            value = getattr(self, name)
            if value is not None and not 0 <= value <= 1:
                raise Refused(where="cut", what=f"{name} must be a share from 0 to 1", have=f"{value:g}")
        if min(*self.size, *self.steps) < 1:
            have = f"size {self.size}, stride {self.steps}"
            raise Refused(where="cut", what="windows need a pixel and a step", have=have, fix="Give 1 or more.")

    @property
    def steps(self) -> tuple[int, int]:
        """Pixels from window to window, (down, across)."""
        return self.size if self.stride is None else self.stride

    @property
    def bound(self) -> float:
        """The share that decides."""
        return self.share if self.share is not None else (CLASS_SHARE if self.target == "class" else 0.0)

    @property
    def pixels(self) -> int:
        """Pixels of a window."""
        return self.size[0] * self.size[1]

    def diagonal(self, gsd: tuple[float, float]) -> float:
        """Metres from corner to corner of a window."""
        return float(np.hypot(self.size[0] * gsd[1], self.size[1] * gsd[0]))


@dataclass(frozen=True, slots=True)
class Found:
    """A window that becomes a sample."""

    #: Of the sample.
    id: str
    #: Upper-left pixel.
    row: int
    col: int
    #: Position of its class in the legend's codes; None for class maps.
    index: int | None
    #: Share of its pixels that its class holds, or that have a class.
    share: float
    #: The figures that decided.
    why: str
    #: Centre [degrees]; None = unknown.
    lon: float | None
    lat: float | None


@dataclass(frozen=True, slots=True, eq=False)
class Survey:
    """Windows that become samples, and all that is left."""

    #: In the order of rows and columns, or of the points.
    found: tuple[Found, ...]
    #: Labels, then windows.
    left: tuple[Left, ...]
    #: Windows or points that were looked at.
    looked: int
    #: Windows without any label: not listed, for there is nothing to say of them.
    unlabelled: int
    #: Of the found ones, how many hold pixels of another class too.
    mixed: int
    #: Rows and columns at the edges that no window covers.
    edges: tuple[int, int]
    #: What the labels are.
    labels: str
    #: Classes of the labels, and how many windows each has got; of class maps, in how many it occurs.
    classes: Mapping[str, int]

    def counts(self) -> dict[str, int]:
        """What is left, by kind and reason."""
        return dict(Counter(f"{each.kind}: {each.reason}" for each in self.left))

    def summary(self) -> str:
        """A line of counts for labels, one for windows and one for their classes."""
        told = {kind: Counter(each.reason for each in self.left if each.kind == kind) for kind in ("label", "window")}
        lost, rest = ("".join(f", {n:,} {reason}" for reason, n in told[kind].items()) for kind in told)
        rest += f", {self.unlabelled:,} without a label" if self.unlabelled else ""
        rest += f"; {self.mixed:,} of the cut ones hold pixels of other classes too" if self.mixed else ""
        if any(self.edges):
            rest += f"; {self.edges[0]} rows and {self.edges[1]} columns at the edges are in none"
        got = [f"{name} {n:,}" for name, n in sorted(self.classes.items(), key=lambda each: -each[1]) if n]
        none = [name for name, n in self.classes.items() if not n]
        lines = [f"labels   {self.labels}{lost}", f"windows  {len(self.found):,} cut of {self.looked:,}{rest}"]
        lines.append(f"classes  {', '.join(got)}" + (f"; none of {', '.join(none)}" if none else ""))
        return "\n".join(lines)


@dataclass(frozen=True, slots=True, eq=False)
class _Ground:
    """What is surveyed."""

    title: str
    labels: Labels
    geobox: GeoBox | None
    shape: tuple[int, int]
    options: CutOptions

    def places(self, rows: Array, cols: Array) -> tuple[list[Any], list[Any]]:
        """Longitudes and latitudes of pixels; None where the scene has no place."""
        if self.geobox is None or self.geobox.crs is None:
            return [None] * len(rows), [None] * len(rows)
        lon, lat = lonlats(self.geobox, rows, cols)
        # Rounded to a centimetre, so that PROJ's last digits decide nothing.
        return np.round(lon, 7).tolist(), np.round(lat, 7).tolist()

    def centres(self, rows: Array, cols: Array) -> tuple[list[Any], list[Any]]:
        """The same for the centres of windows that begin there."""
        return self.places(rows + self.options.size[0] / 2, cols + self.options.size[1] / 2)

    def tally(self, counts: Array) -> dict[str, int]:
        """Class -> its count, of the classes that the labels hold."""
        return {self.name_of(k): int(counts[k]) for k in self.labels.present()}

    def name_of(self, index: int) -> str:
        """Name of a class by its position."""
        return self.labels.legend.name_of(self.labels.legend.codes[index])


def survey(
    title: str,
    labels: Labels,
    *,
    geobox: GeoBox | None,
    shape: tuple[int, int],
    options: CutOptions,
    progress: Progress = SILENT,
) -> Survey:
    """Look at the labels of every window.

    Parameters
    ----------
    title : str
        What the scene is called in identifiers.
    labels : Labels
        On its grid.
    geobox : GeoBox
        The grid; None = the place is unknown.
    shape : (int, int)
        Pixels of the scene, (h, w).
    options : CutOptions
        How windows are laid and labelled.
    progress : Progress
        Called with rows of windows looked at and all.

    Raises
    ------
    Refused
        No window bears a label out, or all that do are of one class.
    """
    ground = _Ground(title, labels, geobox, shape, options)
    held = labels.features
    if held is not None and held.is_point and options.target == "class":
        made = _around(ground, held)
    else:
        made = _on_lattice(ground, progress)
    if not made.found:
        counts = Counter(each.reason for each in made.left if each.reason != _UNUSED)
        have = ", ".join(f"{count:,} {reason}" for reason, count in counts.most_common()) or "none with a label"
        fix = "Cut smaller windows (--size), or ask for a smaller --share."
        raise Refused(where=title, what="no window is borne out by the labels", have=have, fix=fix)
    return made


def _count(ground: _Ground, progress: Progress) -> tuple[Array, Array, Array]:
    """Rows and columns of the windows, (n,), and int32 (n, 2 + k): pixels in conflict, without a class, of each."""
    (height, width), (h, w), (down, across) = ground.shape, ground.options.size, ground.options.steps
    wide, cols = len(ground.labels.legend.codes) - CONFLICT, np.arange(0, width - w + 1, across)
    tops = np.arange(0, height - h + 1, down)
    counts = []
    for done, top in enumerate(tops.tolist(), start=1):
        strip = ground.labels.burn(Window(top, 0, h, width)).astype(np.int64) - CONFLICT
        seen = np.lib.stride_tricks.sliding_window_view(strip, w, axis=1)[:, ::across]
        at = seen + (np.arange(len(cols)) * wide)[None, :, None]
        counts.append(np.bincount(at.ravel(), minlength=len(cols) * wide).reshape(len(cols), wide).astype(np.int32))
        progress(done, len(tops))
    return np.repeat(tops, len(cols)), np.tile(cols, len(tops)), np.concatenate(counts)


def _on_lattice(ground: _Ground, progress: Progress) -> Survey:
    """Windows side by side."""
    options, is_class = ground.options, ground.options.target == "class"
    row, col, every = _count(ground, progress)
    conflict, counts = every[:, 0], every[:, -CONFLICT:]
    labelled, present = counts.sum(axis=1), (counts > 0).sum(axis=1)
    best = counts.argmax(axis=1)
    most = counts.max(axis=1)
    deciding = most if is_class else labelled
    chosen = (deciding > 0) & (deciding >= options.bound * options.pixels)
    if is_class:
        chosen &= (counts == most[:, None]).sum(axis=1) == 1
    used = np.unique(best[chosen]) if is_class else np.flatnonzero(counts[chosen].sum(axis=0))
    lon, lat = ground.centres(row, col)
    ids = [f"{ground.title}_r{r:05d}_c{c:05d}" for r, c in zip(row.tolist(), col.tolist(), strict=True)]
    found = tuple(
        Found(
            ids[i],
            int(row[i]),
            int(col[i]),
            int(best[i]) if is_class else None,
            float(deciding[i] / options.pixels),
            _why(ground, counts[i]),
            lon[i],
            lat[i],
        )
        for i in np.flatnonzero(chosen).tolist()
    )
    lost = ~chosen & ((labelled > 0) | (conflict > 0))
    windows = []
    for i in np.flatnonzero(lost).tolist():
        reason = "too little labelled" if present[i] else "overlapping labels"
        reason = "straddling classes" if is_class and present[i] > 1 else reason
        said = f"{ids[i]}: {_why(ground, counts[i])}; {_want(ground, reason)}"
        windows.append(Left("window", ids[i], reason, said, lon[i], lat[i]))
    held = ground.labels.features
    left = [] if held is None else [*held.left, *_unused(ground, held, found)]
    if found:
        require_two(ground.labels.legend, present=used.tolist(), where=f"{ground.title} (windows that can be cut)")
    (height, width), (h, w), (down, across) = ground.shape, options.size, options.steps
    return Survey(
        found=found,
        left=(*left, *windows),
        looked=len(row),
        unlabelled=int((~chosen & ~lost).sum()),
        mixed=int((chosen & (present > 1)).sum()) if is_class else 0,
        edges=((height - h) % down, (width - w) % across),
        labels=ground.labels.summary(),
        classes=ground.tally(
            np.bincount(best[chosen], minlength=counts.shape[1]) if is_class else (counts[chosen] > 0).sum(axis=0)
        ),
    )


def _why(ground: _Ground, counts: Array) -> str:
    """Shares of the classes of a window, the largest first."""
    order = [k for k in np.argsort(-counts, kind="stable").tolist() if counts[k]]
    said = [f"{ground.name_of(k)} {100 * counts[k] / ground.options.pixels:.1f} %" for k in order[:_NAMED]]
    more = f" and {len(order) - _NAMED} more" if len(order) > _NAMED else ""
    return (", ".join(said) or "no class") + more


def _want(ground: _Ground, reason: str) -> str:
    if reason == "overlapping labels":
        return "labels of different classes claim the same pixels"
    whose = "one class" if ground.options.target == "class" else "labels"
    return f"{whose} must hold {100 * ground.options.bound:g} % of its pixels"


def _unused(ground: _Ground, held: Laid, found: Sequence[Found]) -> list[Left]:
    """Labels that lie on the scene and bear out no window."""
    h, w = ground.options.size
    row, col = (np.array([getattr(each, name) for each in found], float) for name in ("row", "col"))
    boxes = shapely.box(col + _INSIDE, row + _INSIDE, col + w - _INSIDE, row + h - _INSIDE)
    window, feature = held.tree.query(boxes, predicate="intersects")
    if ground.options.target == "class":
        of_window = np.array([each.index for each in found], int)
        feature = feature[of_window[window] == held.index[feature]]
    lost = np.setdiff1d(np.arange(len(held.ids)), feature)
    bounds = shapely.bounds(held.shapes[lost]).reshape(-1, 4)
    lon, lat = ground.places((bounds[:, 1] + bounds[:, 3]) / 2, (bounds[:, 0] + bounds[:, 2]) / 2)
    left = []
    for i, k in enumerate(lost.tolist()):
        id = f"{ground.labels.name}-{held.ids[k]}"
        said = f"{id} ({ground.name_of(int(held.index[k]))}) bears out no window"
        left.append(Left("label", id, _UNUSED, said, lon[i], lat[i]))
    return left


def _around(ground: _Ground, held: Laid) -> Survey:
    """Windows around points."""
    (height, width), (h, w) = ground.shape, ground.options.size
    at_row, at_col = (np.floor(each).astype(int) for each in (shapely.get_y(held.shapes), shapely.get_x(held.shapes)))
    row, col = at_row - h // 2, at_col - w // 2
    fits = (row >= 0) & (col >= 0) & (row + h <= height) & (col + w <= width)
    lon, lat = ground.centres(row, col)
    own_lon, own_lat = ground.places(shapely.get_y(held.shapes), shapely.get_x(held.shapes))
    pixels = list(zip(at_row.tolist(), at_col.tolist(), strict=True))
    claims: dict[tuple[int, int], set[int]] = {}
    for pixel, index in zip(pixels, held.index.tolist(), strict=True):
        claims.setdefault(pixel, set()).add(index)
    found: list[Found] = []
    left = list(held.left)
    seen: set[tuple[int, int]] = set()
    for i, id in enumerate(_unique([f"{ground.labels.name}-{id}" for id in held.ids])):
        index, pixel = int(held.index[i]), pixels[i]
        name = f"{id} ({ground.name_of(index)})"
        reason = ""
        if not fits[i]:
            reason = "edge"
            said = f"{name} lies at row {pixel[0]}, column {pixel[1]}: its {h} x {w} window reaches beyond the scene"
        elif len(claims[pixel]) > 1:
            reason, said = "conflict", f"{name} shares its pixel with a point of another class"
        elif pixel in seen:
            reason, said = "duplicate", f"{name} lies in the same pixel as a point of its class before it"
        else:
            seen.add(pixel)
            why = f"around {id}, at row {pixel[0]}, column {pixel[1]}"
            r, c, share = int(row[i]), int(col[i]), 1 / ground.options.pixels
            found.append(Found(f"{ground.title}_{id}", r, c, index, share, why, lon[i], lat[i]))
            continue
        left.append(Left("label", id, reason, said, own_lon[i], own_lat[i]))
    if found:
        used = sorted({each.index for each in found if each.index is not None})
        require_two(ground.labels.legend, present=used, where=f"{ground.title} (windows that can be cut)")
    got = np.bincount([each.index for each in found if each.index is not None], minlength=len(held.legend.codes))
    return Survey(tuple(found), tuple(left), len(pixels), 0, 0, (0, 0), ground.labels.summary(), ground.tally(got))


def _unique(ids: Sequence[str]) -> list[str]:
    """Tell the points of one feature apart: a, a.1, a.2."""
    seen: Counter[str] = Counter()
    made = []
    for id in ids:
        made.append(f"{id}.{seen[id]}" if seen[id] else id)
        seen[id] += 1
    return made
