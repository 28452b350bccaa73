"""Band labels: a band of class codes as labels of a scene, read through `core.Scene` window by window.

The band lies in the scene's own file, and then leaves the inputs, or in a file of its own on the same grid. Codes mean
what a legend says; without one each code is a class by its own number. Numbers that the legend does not know are
refused: a band of reflectance taken for labels must not become classes.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np

from swath.core.array import Array
from swath.core.errors import Mismatch, Refused
from swath.core.legends import Legend
from swath.core.scene import Scene, Window
from swath.sources.classes import MOST_CLASSES, numbered
from swath.sources.labels import NONE, Laid

__all__ = ["BandLabels", "label_band"]

#: Rows that are looked at together.
_ROWS: Final = 256


@dataclass(frozen=True, slots=True)
class BandLabels:
    """Codes of one band as labels; `label_band` opens them."""

    #: The band alone.
    scene: Scene
    #: What its codes mean.
    legend: Legend
    #: Code -> pixels, of all the scene; absence not among them.
    counts: tuple[tuple[int, int], ...]
    #: Hash of all codes.
    digest: str

    @property
    def name(self) -> str:
        """Name of the band."""
        return self.scene.bands[0].lower()

    @property
    def features(self) -> Laid | None:
        """None: labels are pixels."""
        return None

    def burn(self, window: Window) -> Array:
        """Classes of a window, as in `sources.labels.Labels`."""
        codes, place = _places(self.legend)
        held, valid = _codes(self.scene, window)
        at = np.minimum(np.searchsorted(codes, held), len(codes) - 1)
        return np.where(valid & (codes[at] == held), place[at], np.int16(NONE)).astype(np.int16)

    def present(self) -> list[int]:
        """Positions of the classes that lie on the scene, in rising order."""
        held = {code for code, _ in self.counts}
        return [k for k, code in enumerate(self.legend.codes) if code in held]

    def summary(self) -> str:
        """What they are, as the beginning of a sentence."""
        return f"{self.scene.bands[0]}: {len(self.present())} classes of legend {self.legend.name}"


@lru_cache(maxsize=16)
def _places(legend: Legend) -> tuple[Array, Array]:
    """Codes in rising order, and their positions in the legend's codes; `NONE` for those of absence."""
    known = dict.fromkeys(legend.none, NONE) | {code: k for k, code in enumerate(legend.codes)}
    codes = np.array(sorted(known), np.int64)
    return codes, np.array([known[code] for code in codes.tolist()], np.int16)


def _codes(scene: Scene, window: Window) -> tuple[Array, Array]:
    """Whole numbers of a window and which of them are measured, both (h, w)."""
    stack = scene.read(window)
    data = stack.data[0, 0]
    valid = np.ones(data.shape, bool) if stack.valid is None else stack.valid[0, 0]
    if data.dtype.kind == "f":
        whole = np.where(np.isfinite(data), data, 0)
        if (valid & (whole != np.rint(whole))).any():
            what = f"band {scene.bands[0]} holds real numbers, not codes of classes"
            raise Refused(where=_where(scene), what=what, fix="Name the band of labels with --band N.")
        data = whole
    return data.astype(np.int64), valid


def _where(scene: Scene) -> str:
    return scene.origin.items[0] if scene.origin.items else "scene"


def _strips(scene: Scene) -> Iterator[tuple[Array, Array]]:
    height, width = scene.shape
    for row in range(0, height, _ROWS):
        yield _codes(scene, Window(row, 0, min(_ROWS, height - row), width))


def label_band(scene: Scene, *, legend: Legend | None = None) -> BandLabels:
    """Open a scene of one band as labels; its codes are looked through once.

    Parameters
    ----------
    scene : Scene
        Of one band.
    legend : Legend, optional
        Not given: each code is a class by its own number.

    Raises
    ------
    Refused
        It holds real numbers, more than `MOST_CLASSES` different ones, or no class.
    Mismatch
        It holds codes that the legend does not know.
    """
    counts: Counter[int] = Counter()
    digest = hashlib.sha256()
    where = f"{_where(scene)} band {scene.bands[0]}"
    for codes, valid in _strips(scene):
        found, number = np.unique(codes[valid], return_counts=True)
        counts.update(dict(zip(found.tolist(), number.tolist(), strict=True)))
        digest.update(np.where(valid, codes, np.iinfo(np.int64).min).tobytes())
        if legend is None and len(counts) > MOST_CLASSES:
            what = f"holds more than {MOST_CLASSES} different numbers, too many for classes"
            raise Refused(where=where, what=what, fix="Name the band of labels with --band N, or give a --legend.")
    made = numbered(sorted(counts), f"{_where(scene)}.{scene.bands[0]}") if legend is None else legend
    known = {*made.codes, *made.none}
    strange = {code: number for code, number in counts.items() if code not in known}
    if strange:
        raise Mismatch(
            where=where,
            what="class code",
            want=f"one of legend {made.name} ({', '.join(map(str, sorted(known)))})",
            have=", ".join(f"{code} ({strange[code]:,} pixels)" for code in sorted(strange)[:5]),
            fix="Name the legend that the band has, or the right band.",
        )
    digest.update(json.dumps(made.to_json()).encode())
    labels = BandLabels(scene, made, tuple(sorted(counts.items())), digest.hexdigest())
    if not labels.present():
        raise Refused(where=where, what="holds no class at all", fix="Name the band of labels with --band N.")
    return labels
