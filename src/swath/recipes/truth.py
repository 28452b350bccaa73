"""Truth: a map judged where the class of the ground is known; `swath map --truth`.

Truth is a raster of classes on the scene's grid, or polygons; classes meet by name or code. A model that gives one
answer a window is judged on *places*: windows side by side, each of which one class covers for the most part, by the
map's class at the window's centre. All pixels are counted too, where an answer about a window cannot follow what is
narrower than one. Intervals come from blocks of two windows a side, for neighbours are alike.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from swath.core.array import Array
from swath.core.errors import Mismatch, Refused
from swath.core.scene import Window
from swath.evaluate import ClassificationIntervals, Confusion, Interval, classification_intervals, intervals, resample
from swath.evaluate.confusion import NONE
from swath.evaluate.undefined import ratio
from swath.formats.cog import read_rows
from swath.prediction.mapped import MappedScene, find_class
from swath.prediction.mapplan import MapPlan
from swath.sources.labels import Labels
from swath.sources.opening import open_labels

__all__ = ["BLOCK", "SHARE", "JudgedMap", "Places", "judge_map", "known_classes", "on_map", "open_truth"]

#: Share of a window that one class must cover for the window to be a place.
SHARE: Final = 0.8
#: Windows a side of the blocks that are resampled.
BLOCK: Final = 2
#: Class of the ground that the map does not know, beside `NONE`, as a position.
_FOREIGN: Final = -3


@dataclass(frozen=True, slots=True, eq=False)
class Places:
    """Windows side by side whose class is known, and what the map says at their centres."""

    #: Rows truth.
    confusion: Confusion
    ends: ClassificationIntervals
    #: Windows that no class covers for the most part, or that hold too little truth.
    mixed: int


@dataclass(frozen=True, slots=True, eq=False)
class JudgedMap:
    """How right a map is where the ground is known."""

    #: File of the truth, and what it holds.
    name: str
    about: str
    #: Of the map.
    codes: tuple[int, ...]
    names: tuple[str, ...]
    #: Pixels where both are known; rows truth.
    pixels: Confusion
    pixel_accuracy: Interval
    #: Class of the truth that the map does not know -> pixels of it, which are judged nowhere.
    foreign: Mapping[str, int]
    #: None for a model that answers for each pixel, or where no window has one class for the most part.
    places: Places | None
    #: Side of the blocks [m], down and across.
    block: tuple[float, float]

    @property
    def headline(self) -> tuple[int, Interval, str]:
        """The one figure that comes first: of how many, how right, and what they are."""
        if self.places is not None:
            return self.places.confusion.n, self.places.ends.accuracy, "place"
        return self.pixels.n, self.pixel_accuracy, "pixel"

    def summary(self) -> str:
        """Lines for people."""
        n, held, noun = self.headline
        right = round(held.value * n)
        lines = [f"truth    {self.name}: {self.about}"]
        ends = f" (95 % {100 * held.low:.1f} to {100 * held.high:.1f})" if np.isfinite(held.low) else ""
        lines.append(f"right    {right:,} of {n:,} {noun}s, {100 * held.value:.1f} %{ends}")
        if self.places is not None:
            said = f"{100 * self.pixel_accuracy.value:.1f} % of {self.pixels.n:,} pixels"
            lines.append(f"         {said}; {self.places.mixed:,} windows without one class are no places")
        if self.foreign:
            said = ", ".join(f"{name} ({n:,} pixels)" for name, n in self.foreign.items())
            lines.append(f"         not judged, for the map does not know them: {said}")
        return "\n".join(lines)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON."""
        places = None
        if self.places is not None:
            held = self.places
            places = {"confusion": held.confusion.to_json(), "intervals": held.ends.to_json(), "mixed": held.mixed}
        return {
            "truth": self.name,
            "share": SHARE,
            "places": places,
            "pixels": {"confusion": self.pixels.to_json(), "accuracy": self.pixel_accuracy.to_json()},
            "foreign": dict(self.foreign),
            "block_m": list(self.block),
        }


def open_truth(
    path: Path | str, plan: MapPlan, *, column: str | None = None, band: int | None = None, legend: str | None = None
) -> Labels:
    """Open what is known of a scene's ground.

    Parameters
    ----------
    path : Path
        A raster of classes on the scene's grid, or a vector file of polygons.
    plan : MapPlan
        Of the map.
    column, band, legend : optional
        As `sources.opening.open_labels`.

    Raises
    ------
    Refused
        They are points; the truth of points is a sample: `recipes.areas`.
    Mismatch, Refused, Unknown, Unreadable
        As `sources.opening.open_labels`.
    """
    scene = plan.fitted.scene
    gsd = scene.gsd[0] if scene.geobox is None else None
    labels = open_labels(Path(path), scene, column=column, band=band, legend=legend, gsd=gsd)
    if labels.features is not None and labels.features.is_point:
        fix = "Give points that were drawn by chance with --sample, or polygons or a raster with --truth."
        raise Refused(where=str(path), what="holds points, and the truth of a map is an area", fix=fix)
    return labels


def known_classes(labels: Labels, made: MappedScene) -> Array:
    """Position on the map of each class of the truth, int64, one a code of its legend; `_FOREIGN` = not on it.

    Raises
    ------
    Mismatch
        They have no class in common.
    """
    legend = labels.legend
    found = [find_class(legend.name_of(code), made.areas) for code in legend.codes]
    if all(each is None for each in found):
        want = ", ".join(each.name for each in made.areas)
        have = ", ".join(legend.names[:12])
        fix = "Name them alike: --legend FILE gives the truth's codes their names."
        raise Mismatch(where=f"truth {labels.name}", what="classes", want=f"some of {want}", have=have, fix=fix)
    return np.array([_FOREIGN if each is None else each for each in found], np.int64)


def on_map(burnt: Array, to_map: Array) -> Array:
    """Classes of the ground (`Labels.burn`) as positions on the map; below 0: none, or none of the map's."""
    return np.where(burnt >= 0, to_map[np.maximum(burnt, 0)], NONE)


def judge_map(plan: MapPlan, made: MappedScene, labels: Labels, *, name: str = "", seed: int = 0) -> JudgedMap:
    """Compare a map with what is known of its ground, strip by strip.

    Parameters
    ----------
    plan : MapPlan
        Of the map.
    made : MappedScene
        The map.
    labels : Labels
        From `open_truth`.
    name : str
        Of their file.
    seed : int
        Of the intervals.

    Raises
    ------
    Mismatch
        Truth and map have no class in common.
    Refused
        No pixel has a class in both.
    """
    codes, names = plan.output.codes, plan.output.names
    to_map, (h, w), wide = known_classes(labels, made), plan.size, plan.shape[1]
    at = np.full(max(codes) + 1, NONE, np.int64)
    at[list(codes)] = np.arange(len(codes))
    counts = np.zeros((len(codes), len(codes)), np.int64)
    left: Counter[str] = Counter()
    foreign = np.zeros(len(labels.legend.codes), np.int64)
    right: dict[tuple[int, int], Array] = {}
    found: list[tuple[int, int, int, int]] = []
    mixed = 0
    for top, rows in read_rows(made.files.map, rows=h):
        burnt = labels.burn(Window(top, 0, rows.shape[1], wide))
        truth = on_map(burnt, to_map)
        foreign += np.bincount(burnt[truth == _FOREIGN], minlength=len(foreign))
        answer = np.where(rows[0] < len(at), at[np.minimum(rows[0], len(at) - 1)], NONE)
        both = (truth >= 0) & (answer >= 0)
        left["unlabelled"] += int(((truth < 0) & (answer >= 0)).sum())
        left["unanswered"] += int(((truth >= 0) & (answer < 0)).sum())
        counts += np.bincount(truth[both] * len(codes) + answer[both], minlength=counts.size).reshape(counts.shape)
        for col in range(0, wide, BLOCK * w):
            cut = slice(col, col + BLOCK * w)
            n = np.array([((truth == answer) & both)[:, cut].sum(), both[:, cut].sum()], float)
            block = top // (BLOCK * h), col // (BLOCK * w)
            right[block] = right.get(block, np.zeros(2)) + n
        if not plan.is_dense and rows.shape[1] == h:
            for col in range(0, wide - w + 1, w):
                place = _class_of(truth[:, col : col + w], len(codes))
                mixed += place == NONE
                if place >= 0:
                    said = int(answer[h // 2, col + w // 2])
                    found.append((top // (BLOCK * h), col // (BLOCK * w), place, said))
    if not counts.sum():
        raise Refused(where=f"truth {labels.name}", what="no pixel has a class in both, truth and map")
    totals = np.array([each for each in right.values() if each[1]])
    drawn = resample(len(totals), seed=seed)
    accuracy = intervals(lambda weights: ratio(totals[:, :1].T @ weights, totals[:, 1:].T @ weights), drawn)[0]
    return JudgedMap(
        name=name or labels.name,
        about=labels.summary(),
        codes=codes,
        names=names,
        pixels=Confusion(codes, counts, left["unlabelled"], left["unanswered"]),
        pixel_accuracy=accuracy,
        foreign={labels.legend.names[i]: int(foreign[i]) for i in np.flatnonzero(foreign)},
        places=_places(found, codes, mixed, seed),
        block=(BLOCK * plan.support[0], BLOCK * plan.support[1]),
    )


def _class_of(truth: Array, k: int) -> int:
    """The class that covers a window for the most part, as a position; `NONE` where none does."""
    counts = np.bincount(truth[truth >= 0], minlength=k)
    most = int(counts.argmax())
    return most if counts[most] >= SHARE * truth.size else NONE


def _places(found: list[tuple[int, int, int, int]], codes: tuple[int, ...], mixed: int, seed: int) -> Places | None:
    """Score the windows that have a class, and an answer."""
    answered = [each for each in found if each[3] >= 0]
    if not answered:
        return None
    held = np.array(answered)
    known = np.asarray(codes)
    counts = np.bincount(held[:, 2] * len(codes) + held[:, 3], minlength=len(codes) ** 2).reshape(len(codes), -1)
    drawn = resample(len(held), seed=seed, blocks=[f"{row} {col}" for row, col in held[:, :2].tolist()])
    ends = classification_intervals(known[held[:, 2]], known[held[:, 3]], codes, drawn)
    return Places(Confusion(codes, counts, 0, len(found) - len(answered)), ends, mixed)
