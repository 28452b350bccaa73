"""Figures: plain records of what was counted in a corpus, as its page shows them.

Bands, stacks, classes, places, pictures, splits and what could not be read: numbers, names and whole sentences. They
are filled by whoever reads the corpus; nothing is counted here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from swath.core.array import Array
from swath.core.errors import Mismatch

__all__ = [
    "BandFigures",
    "ClassFigures",
    "OffsetFigures",
    "Places",
    "QuarantineFigures",
    "SplitFigures",
    "StackFigures",
    "Thumbnail",
]

_COLOUR: Final = re.compile(r"#[0-9a-f]{6}")


@dataclass(frozen=True, slots=True, eq=False)
class BandFigures:
    """What one band's valid numbers are, over the whole corpus."""

    #: Canonical name.
    name: str
    #: Rising edges, shape (k + 1,), and how many numbers lie between them, shape (k,).
    edges: Array
    counts: Array
    #: In the stack's quantity; NaN = unknown.
    minimum: float
    mean: float
    sd: float
    maximum: float
    #: Valid numbers over all numbers [1].
    valid_share: float
    #: What else is worth knowing: "665 nm, native 10 m".
    note: str = ""
    #: Numbers below the first edge and above the last.
    under: int = 0
    over: int = 0


@dataclass(frozen=True, slots=True)
class OffsetFigures:
    """Samples whose offset was decided alike."""

    #: "-1000", "0", "unknown".
    offset: str
    #: What decided, `core.offset.Decision.by`.
    by: str
    #: `core.offset.Decision.confidence`.
    confidence: str
    #: Samples.
    count: int
    #: What the pixel check said of one of them.
    verdict: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class StackFigures:
    """One stack of the layout and what its numbers turned out to be."""

    #: Its name in the corpus.
    name: str
    #: `str(Quantity)`.
    quantity: str
    #: Metres on the ground a pixel, (x, y).
    gsd: tuple[float, float]
    #: Pixels, (h, w).
    size: tuple[int, int]
    #: In the order of the store.
    bands: tuple[BandFigures, ...]
    #: numpy name.
    dtype: str = ""
    #: Most dates that one sample has.
    dates: int = 1
    #: Sensor and level; empty = unknown.
    sensor: str = ""
    level: str = ""
    #: How the offsets were decided; empty where the quantity has none.
    offsets: tuple[OffsetFigures, ...] = ()


@dataclass(frozen=True, slots=True)
class ClassFigures:
    """One class and how many samples have it."""

    #: As in the legend.
    name: str
    #: `#rrggbb`, of the legend.
    colour: str
    #: Samples.
    count: int

    def __post_init__(self) -> None:
        if not _COLOUR.fullmatch(self.colour):
            raise Mismatch(where=f"class {self.name}", what="colour", want="#rrggbb", have=self.colour)


@dataclass(frozen=True, slots=True, eq=False)
class Places:
    """Where the samples are, one entry a sample."""

    #: Degrees, shape (n,); NaN = unknown.
    lon: Array
    lat: Array
    #: Class of each, a name in `CorpusSummary.classes` or "" where it has none; empty = no class target.
    kinds: tuple[str, ...] = ()
    #: Identifiers, told by a pointer that rests on a point; empty = none.
    ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Thumbnail:
    """One picture."""

    #: Bytes of a PNG.
    png: bytes
    #: Identifier, and what else fits below it.
    caption: str
    #: Class.
    group: str = ""


@dataclass(frozen=True, slots=True)
class QuarantineFigures:
    """Samples that could not be read, of one reason."""

    #: `core.errors.Reason`.
    reason: str
    #: Samples.
    count: int
    #: Whole sentences, one or a few.
    examples: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class SplitFigures:
    """One split with its leakage report."""

    #: Its name in the corpus.
    name: str
    #: How it was made, as a sentence.
    recipe: str
    #: Part -> samples, in the order in which they are listed.
    parts: Mapping[str, int]
    #: The leakage report's sentence.
    verdict: str
    #: True, False, or None = not measured.
    is_leaking: bool | None
    #: What was looked for and what was found, both as text.
    rows: tuple[tuple[str, str], ...] = ()
    #: Metres from each test sample to the nearest train sample, shape (k,); None = unknown.
    metres: Array | None = None
    #: Part of each of `CorpusSummary.places`; empty = no map.
    part_of_place: tuple[str, ...] = ()
    #: Side of the blocks [degrees] to be shaded on the map.
    cell: float | None = None
    #: SHA-256 of the split.
    hash: str = ""
