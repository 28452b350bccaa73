"""Specs and Predictor: what a model takes and gives, free of any deep-learning framework.

`InputSpec` and `OutputSpec` are all that prediction, evaluation, reports, serving and export know of a model; a
`Predictor` is arrays in, arrays out. Raw output becomes a prediction in `OutputSpec.decode` alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal, Protocol

import numpy as np

from swath.core.array import Array
from swath.core.errors import Mismatch, Refused, Unknown
from swath.core.legends import Legend
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

    def to_json(self) -> dict[str, Any]:
        """Plain JSON."""
        return {
            "bands": list(self.bands),
            "quantity": self.quantity.to_json(),
            "level": self.level,
            "gsd": self.gsd,
            "dates": self.dates,
            "mean": list(self.mean),
            "std": list(self.std),
        }

    @classmethod
    def from_json(cls, held: Mapping[str, Any]) -> StackInput:
        """Read what `to_json` wrote."""
        return cls(
            bands=tuple(held["bands"]),
            quantity=Quantity.from_json(held["quantity"]),
            level=str(held["level"]),
            gsd=float(held["gsd"]),
            dates=int(held["dates"]),
            mean=tuple(map(float, held["mean"])),
            std=tuple(map(float, held["std"])),
        )


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

    def to_json(self) -> dict[str, Any]:
        """Plain JSON."""
        return {"stacks": {name: stack.to_json() for name, stack in self.stacks.items()}, "size": list(self.size)}

    @classmethod
    def from_json(cls, held: Mapping[str, Any]) -> InputSpec:
        """Read what `to_json` wrote."""
        h, w = held["size"]
        return cls({name: StackInput.from_json(stack) for name, stack in held["stacks"].items()}, (int(h), int(w)))


@dataclass(frozen=True, slots=True)
class Calibration:
    """How raw output becomes probabilities: divided by a temperature, fitted on validation data."""

    #: > 0; 1 = as trained.
    temperature: float = 1.0

    def __post_init__(self) -> None:
        if not self.temperature > 0:
            raise Refused(what="temperature must be above 0", have=str(self.temperature))

    def to_json(self) -> dict[str, Any]:
        """Plain JSON."""
        return {"temperature": self.temperature}

    @classmethod
    def from_json(cls, held: Mapping[str, Any]) -> Calibration:
        """Read what `to_json` wrote."""
        return cls(float(held["temperature"]))


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
    #: Their names and colours, for classes; it travels with the model, for a legend may be a user's own.
    legend: Legend | None = None
    #: True if classes do not exclude one another.
    is_multilabel: bool = False
    #: Quantity of an image.
    quantity: Quantity | None = None
    #: Name -> unit, for values.
    units: Mapping[str, str] = field(default_factory=dict)
    #: Metrics that judge it, the first one decides.
    metrics: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.kind not in OUTPUT_KINDS:
            raise Unknown(self.kind, OUTPUT_KINDS, what="output kind")
        if bool(self.codes) != (self.legend is not None):
            raise Refused(where=f"output {self.kind}", what="codes and legend come together", fix="Give both.")
        if len(set(self.codes)) < len(self.codes):
            raise Refused(where=f"output {self.kind}", what="names a class twice", have=str(self.codes))
        if self.legend is not None and not set(self.codes) <= set(self.legend.codes):
            want = f"codes of legend {self.legend.name} ({', '.join(map(str, self.legend.codes))})"
            raise Mismatch(where=f"output {self.kind}", what="codes", want=want, have=", ".join(map(str, self.codes)))

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the classes, in the order of `codes`."""
        return () if self.legend is None else tuple(map(self.legend.name_of, self.codes))

    def to_json(self) -> dict[str, Any]:
        """Plain JSON; what is not set is left out."""
        held: dict[str, Any] = {
            "codes": list(self.codes),
            "legend": None if self.legend is None else self.legend.to_json(),
            "is_multilabel": self.is_multilabel,
            "quantity": None if self.quantity is None else self.quantity.to_json(),
            "units": dict(self.units),
            "metrics": list(self.metrics),
        }
        return {"kind": self.kind, **{name: value for name, value in held.items() if value}}

    @classmethod
    def from_json(cls, held: Mapping[str, Any]) -> OutputSpec:
        """Read what `to_json` wrote."""
        quantity, legend = held.get("quantity"), held.get("legend")
        return cls(
            kind=held["kind"],
            codes=tuple(map(int, held.get("codes", ()))),
            legend=None if legend is None else Legend.from_json(legend),
            is_multilabel=bool(held.get("is_multilabel", False)),
            quantity=None if quantity is None else Quantity.from_json(quantity),
            units=dict(held.get("units", {})),
            metrics=tuple(held.get("metrics", ())),
        )

    def decode(self, raw: Array, calibration: Calibration | None = None) -> Prediction:
        """Turn raw output into a prediction; the only place where probabilities are made.

        Parameters
        ----------
        raw : float array, shape (n, k, ...) for classes, else (n, ...)
            Before softmax or sigmoid.

        Examples
        --------
        >>> from swath.core.legends import legend
        >>> spec = OutputSpec("scene", codes=(3, 7), legend=legend("eurosat"))
        >>> spec.decode(np.array([[0.0, 2.0]])).label
        array([7])
        """
        if not self.codes:
            return Prediction(value=raw)
        scaled = raw.astype(np.float64) / (calibration or Calibration()).temperature
        if self.is_multilabel:
            chance = (1 + np.tanh(scaled / 2)) / 2  # the logistic function, without overflow
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
