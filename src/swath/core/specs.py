"""Specs and Predictor: what a model takes and gives, free of any deep-learning framework.

`InputSpec` and `OutputSpec` are all that prediction, evaluation, reports, serving and export know of a model; a
`Predictor` is arrays in, arrays out. Raw output becomes a prediction in `OutputSpec.decode` alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, Protocol

import numpy as np

from swath.core.array import Array
from swath.core.errors import Refused, Unknown
from swath.core.quantity import Quantity

__all__ = [
    "OUTPUT_KINDS",
    "Calibration",
    "InputSpec",
    "OutputKind",
    "OutputSpec",
    "Prediction",
    "Predictor",
    "StackInput",
]

OutputKind = Literal["scene", "dense", "image", "values", "vector"]
#: kind -> what a prediction of it is.
OUTPUT_KINDS: Final[dict[str, str]] = {
    "scene": "one answer a window",
    "dense": "one answer a pixel",
    "image": "a picture in a physical quantity",
    "values": "numbers with units",
    "vector": "an embedding",
}


@dataclass(frozen=True, slots=True)
class StackInput:
    """What a model needs of one stack."""

    #: Canonical names in order.
    bands: tuple[str, ...]
    #: What the numbers must mean.
    quantity: Quantity
    #: Product level; empty = any.
    level: str
    #: Metres a pixel.
    gsd: float
    #: Dates that the model looks at.
    dates: int
    #: (mean, standard deviation) per band, in the quantity's own numbers.
    mean: tuple[float, ...]
    std: tuple[float, ...]

    def __post_init__(self) -> None:
        if not len(self.bands) == len(self.mean) == len(self.std) or not self.bands:
            raise Refused(what="normalisation needs one mean and one deviation a band", have=f"{len(self.mean)} means")
        if not all(each > 0 for each in self.std):
            raise Refused(what="a standard deviation of 0 cannot normalise", have=str(self.std))


@dataclass(frozen=True, slots=True)
class InputSpec:
    """What a model takes."""

    #: Stack name -> what it needs of it.
    stacks: Mapping[str, StackInput]
    #: Pixels, (h, w).
    size: tuple[int, int]

    @property
    def support(self) -> tuple[float, float]:
        """Ground that one window covers, (height, width) in metres, by the finest stack."""
        gsd = min(stack.gsd for stack in self.stacks.values())
        return self.size[0] * gsd, self.size[1] * gsd


@dataclass(frozen=True, slots=True)
class Calibration:
    """How raw output becomes probabilities: divided by a temperature, fitted on validation data."""

    #: > 0; 1 = as trained.
    temperature: float = 1.0

    def __post_init__(self) -> None:
        if not self.temperature > 0:
            raise Refused(what="temperature must be above 0", have=str(self.temperature))


@dataclass(frozen=True, slots=True, eq=False)
class Prediction:
    """Decoded output; which fields are set depends on the kind."""

    #: Codes of the legend, shape (n,) or (n, h, w); for several labels bool (n, k).
    label: Array | None = None
    #: Shape (n, k, ...), in the legend's order.
    probability: Array | None = None
    #: Image, values or embedding, shape (n, ...).
    value: Array | None = None


@dataclass(frozen=True, slots=True)
class OutputSpec:
    """What a model gives."""

    #: One of `OUTPUT_KINDS`.
    kind: OutputKind
    #: Codes in the order of the raw output, for classes.
    codes: tuple[int, ...] = ()
    #: Name of the legend, for classes.
    legend: str | None = None
    #: True if classes do not exclude one another.
    is_multilabel: bool = False
    #: Quantity of an image.
    quantity: Quantity | None = None
    #: Name -> unit, for values.
    units: Mapping[str, str] | None = None
    #: Metrics that judge it, the first one decides.
    metrics: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.kind not in OUTPUT_KINDS:
            raise Unknown(self.kind, OUTPUT_KINDS, what="output kind")
        if bool(self.codes) != (self.legend is not None):
            raise Refused(where=f"output {self.kind}", what="codes and legend come together", fix="Give both.")

    def decode(self, raw: Array, calibration: Calibration | None = None) -> Prediction:
        """Turn raw output into a prediction; the only place where probabilities are made.

        Parameters
        ----------
        raw : float array, shape (n, k, ...) for classes, else (n, ...)
            Before softmax or sigmoid.

        Examples
        --------
        >>> spec = OutputSpec("scene", codes=(3, 7), legend="eurosat")
        >>> spec.decode(np.array([[0.0, 2.0]])).label
        array([7])
        """
        if not self.codes:
            return Prediction(value=raw)
        scaled = raw.astype(np.float64) / (calibration or Calibration()).temperature
        if self.is_multilabel:
            chance = 1 / (1 + np.exp(-scaled))
            return Prediction(label=chance >= 0.5, probability=chance)
        grown = np.exp(scaled - scaled.max(axis=1, keepdims=True))
        return Prediction(
            label=np.asarray(self.codes)[raw.argmax(axis=1)], probability=grown / grown.sum(axis=1, keepdims=True)
        )


class Predictor(Protocol):
    """A trained model: numpy in, raw numpy out (before `OutputSpec.decode`)."""

    @property
    def input(self) -> InputSpec:
        """What it takes."""
        ...

    @property
    def output(self) -> OutputSpec:
        """What it gives."""
        ...

    def samples(self, stacks: Mapping[str, Array], valid: Mapping[str, Array], times: Mapping[str, Array]) -> Array:
        """Answer for whole samples: {stack: (n, t, b, h, w)} -> (n, ...)."""
        ...

    def windows(self, stacks: Mapping[str, Array], valid: Mapping[str, Array], corners: Array) -> Array:
        """Answer for windows of one strip: {stack: (t, b, h, w)}, corners (k, 2) -> (k, ...)."""
        ...

    def dense(self, stacks: Mapping[str, Array], valid: Mapping[str, Array]) -> Array:
        """Answer for every pixel: {stack: (t, b, h, w)} -> (..., h, w)."""
        ...
