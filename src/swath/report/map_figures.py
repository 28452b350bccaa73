"""Map figures: plain records of a map, of how right it is and of how its model was tested, as its page shows them.

They are filled by whoever made the map; nothing is counted here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from swath.core.array import Array
from swath.core.version import __version__
from swath.draw import Key
from swath.evaluate import Interval
from swath.report.run_figures import ClassResult

__all__ = ["STRANGE", "AreaFigures", "MapSummary", "ModelTest", "Picture", "TruthFigures"]


#: From so many standard deviations on the mean of a whole scene is called strange: most lie within one or two.
STRANGE: Final = 3.0


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture of the scene's ground."""

    title: str
    #: Bytes of a PNG.
    png: bytes
    caption: str


@dataclass(frozen=True, slots=True)
class AreaFigures:
    """Ground of one class."""

    name: str
    #: Counted on the map, and its share of what has a class [1].
    hectares: float
    share: float
    #: Share of the known ground in the truth [1]; None = no truth was given.
    truth: float | None = None
    #: Adjusted by a probability sample, and half of its 95 % interval [ha]; None = no sample was given.
    adjusted: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class TruthFigures:
    """How right the map is where its ground is known."""

    #: File, and what it holds.
    name: str
    about: str
    #: "place" or "pixel": what was judged first, how many, and how right.
    noun: str
    n: int
    accuracy: Interval
    #: Pixels, and how right they are.
    pixels: int
    pixel_accuracy: Interval
    #: Windows that are no place for want of one class; how the others were chosen, as a sentence.
    mixed: int
    how: str
    #: Side of the blocks that intervals come from, in words.
    block: str
    #: In the order of the legend; rows truth.
    classes: tuple[ClassResult, ...]
    confusion: Array
    #: Class that the map does not know -> its pixels.
    foreign: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class ModelTest:
    """How right the model was in its own test."""

    #: Name of the corpus, of the split and of its part.
    corpus: str
    split: str
    part: str
    n: int
    #: "Accuracy", "Micro mAP", and the interval of it.
    metric: str
    score: Interval
    #: What was resampled.
    unit: str
    units: int
    #: What training and selection saw of it.
    seen: str
    is_unseen: bool | None
    #: In the order of the legend; rows truth, None for several labels a sample.
    classes: tuple[ClassResult, ...]
    confusion: Array | None
    #: Name -> accuracy and outcome (`model`, `floor`, `tie`) of what needs no network.
    floors: tuple[tuple[str, Interval, str], ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class MapSummary:
    """Everything the page says, as plain data."""

    #: Of the scene and of the model.
    scene: str
    model: str
    #: What was mapped and how, as sentences.
    does: str
    where: str
    #: Ground that has a class [km2], and share of the pixels that has none [1].
    km2: float
    nodata: float
    size: tuple[int, int]
    gsd: tuple[float, float]
    #: Ground that one answer looks at [m], down and across.
    support: tuple[float, float]
    pictures: tuple[Picture, ...]
    keys: tuple[Key, ...]
    #: Largest first.
    areas: tuple[AreaFigures, ...]
    #: Mean probability of what the map says, and share of the ground where it is below one half [1].
    sure: float
    unsure: float
    truth: TruthFigures | None = None
    tested: ModelTest | None = None
    #: Band -> how far the scene's mean lies from what the model learnt, in its standard deviations.
    shifts: Mapping[str, float] = field(default_factory=dict)
    #: True for a scene of the virtual planet; what the legend says of its classes.
    is_artificial: bool = False
    note: str = ""
    #: What was declared in place of a check, as sentences.
    declared: tuple[str, ...] = ()
    #: Points of the probability sample, overall accuracy and half of its 95 % interval [1]; None = no sample.
    sampled: tuple[int, float, float] | None = None
    #: What a reader may do now: (what, command).
    next: tuple[tuple[str, str], ...] = ()
    #: Files of the map: name -> what it is; other pages: (what, relative address).
    files: Mapping[str, str] = field(default_factory=dict)
    links: tuple[tuple[str, str], ...] = ()
    command: str = ""
    facts: Mapping[str, str] = field(default_factory=dict)
    hashes: Mapping[str, str] = field(default_factory=dict)
    licences: tuple[str, ...] = ()
    #: Of swath, when the page was made.
    version: str = __version__

    @property
    def strange(self) -> tuple[str, ...]:
        """Bands in which the scene is unlike what the model learnt, the strangest first, with by how much."""
        far = sorted(self.shifts.items(), key=lambda pair: -abs(pair[1]))
        return tuple(f"{band} by {away:+.1f}" for band, away in far if abs(away) >= STRANGE)
