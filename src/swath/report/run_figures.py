"""Run figures: plain records of what a test found of one trained model, as its page shows them.

Every number comes with its interval and its number of samples. They are filled by whoever ran the test; nothing is
counted here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from swath.core.array import Array
from swath.core.version import __version__
from swath.draw import Counted, Panel
from swath.evaluate import Interval, Reliability
from swath.report.figures import OffsetFigures, Places, SplitFigures

__all__ = [
    "CalibrationFigures",
    "ClassResult",
    "CurveFigures",
    "FloorFigures",
    "InputBand",
    "InputFigures",
    "MistakeFigures",
    "RunSummary",
]


@dataclass(frozen=True, slots=True)
class ClassResult:
    """How well one class is found."""

    #: As in the legend, and `#rrggbb`.
    name: str
    colour: str
    #: Samples of it in the truth.
    n: int
    #: Name of a rate ("Precision", "Recall", "F1") -> its interval.
    rates: Mapping[str, Interval]


@dataclass(frozen=True, slots=True)
class FloorFigures:
    """What is reached without a network."""

    #: What it is called, and exactly what it is.
    name: str
    about: str
    #: Samples judged, and samples fitted on.
    n: int
    train: int
    #: None where it has no answers.
    accuracy: Interval | None
    macro_f1: Interval | None
    #: Accuracy of the model less its own.
    difference: Interval | None
    #: `model`, `floor`, `tie`, or empty: who is better by accuracy.
    outcome: str


@dataclass(frozen=True, slots=True)
class CalibrationFigures:
    """How far probabilities can be believed."""

    #: "as trained", "with temperature 1.31".
    name: str
    #: Decisions judged.
    n: int
    bins: Reliability
    ece: Interval
    nll: Interval
    brier: Interval


@dataclass(frozen=True, slots=True)
class CurveFigures:
    """The course of the training."""

    panels: tuple[Panel, ...]
    #: Epoch that was kept, from 1; None = unknown.
    best: int | None
    #: In words.
    about: str


@dataclass(frozen=True, slots=True)
class MistakeFigures:
    """One wrong answer."""

    #: Bytes of a PNG; empty = there is no picture.
    png: bytes
    id: str
    #: Names of classes.
    truth: str
    answer: str
    #: Probability of the answer [1].
    confidence: float
    #: "46.51° N, 11.30° E", and `YYYY-MM-DD`; empty = unknown.
    place: str = ""
    date: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class InputBand:
    """One band that the model looks at."""

    name: str
    #: "665 nm, native 10 m".
    note: str
    #: What the model normalises with, in its own quantity.
    mean: float
    sd: float
    #: (mean, sd) of train and of the part that is judged, measured, in the model's quantity.
    train: tuple[float, float]
    test: tuple[float, float]
    #: Histograms in the model's quantity, the train's first.
    counted: tuple[Counted, ...]


@dataclass(frozen=True, slots=True, eq=False)
class InputFigures:
    """One stack that the model looks at."""

    name: str
    #: In words: what the model is fed, and what the corpus stores.
    quantity: str
    stored: str
    gsd: tuple[float, float]
    size: tuple[int, int]
    dates: int
    #: Sensor and level; empty = unknown.
    sensor: str
    level: str
    bands: tuple[InputBand, ...]
    #: How offsets were decided; empty where the quantity has none.
    offsets: tuple[OffsetFigures, ...] = ()
    #: Samples of train and of the part that is judged.
    n: tuple[int, int] = (0, 0)


@dataclass(frozen=True, slots=True, eq=False)
class RunSummary:
    """Everything the page says, as plain data."""

    #: Of the model, and what it does, as a sentence.
    name: str
    does: str
    #: What was judged: corpus, split with its leakage, part.
    corpus: str
    split: SplitFigures
    #: How the split was made, in words: "by place, in blocks of 1deg".
    how: str
    part: str
    #: What training and selection saw of it, as a sentence; True = nothing, None = nobody knows.
    seen: str
    is_unseen: bool | None
    #: Samples judged; without a label; without an answer.
    n: int
    unlabelled: int
    unanswered: int
    #: What was resampled, how many of it, and what must be said beside intervals.
    unit: str
    units: int
    caution: str
    #: Name -> interval; the first is the headline.
    scores: Mapping[str, Interval]
    #: In the order of the legend.
    classes: tuple[ClassResult, ...]
    #: Rows truth, columns answers; None for several labels a sample.
    confusion: Array | None
    calibration: tuple[CalibrationFigures, ...]
    mistakes: tuple[MistakeFigures, ...]
    #: All wrong answers, and what the colours of the pictures mean.
    wrong: int
    pictures_note: str
    inputs: tuple[InputFigures, ...]
    #: Of all samples of the split, in the order of `split.part_of_place`; None = unknown.
    places: Places | None
    floors: tuple[FloorFigures, ...] = ()
    #: Why there are none.
    floors_about: str = ""
    curves: CurveFigures | None = None
    is_on_earth: bool = True
    #: What a reader may do now: (what, command).
    next: tuple[tuple[str, str], ...] = ()
    #: Command of the test and of the training, in the order in which they are shown: what -> command.
    commands: Mapping[str, str] = field(default_factory=dict)
    #: Seeds, versions, parameters: what -> value.
    facts: Mapping[str, str] = field(default_factory=dict)
    hashes: Mapping[str, str] = field(default_factory=dict)
    licences: tuple[str, ...] = ()
    #: Of swath, when the page was made.
    version: str = __version__

    @property
    def headline(self) -> tuple[str, Interval]:
        """Name and interval of the first score."""
        return next(iter(self.scores.items()))
