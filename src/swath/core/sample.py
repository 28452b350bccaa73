"""Sample and target: the unit of learning, with its place, its stacks and what is to be learnt from it.

A target is a class, a set of classes, a class map, a vector of values, or another stack; it names its legend or units.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

import shapely

from swath.core.errors import Mismatch, Refused
from swath.core.stack import Stack

__all__ = ["TARGET_KINDS", "Sample", "Target", "TargetKind", "TargetSpec"]

TargetKind = Literal["class", "classes", "map", "values", "stack"]
TARGET_KINDS: Final = ("class", "classes", "map", "values", "stack")


@dataclass(frozen=True, slots=True)
class TargetSpec:
    """What a target is, for all samples of a corpus."""

    #: One of `TARGET_KINDS`.
    kind: TargetKind
    #: Name of the legend, for class, classes and map.
    legend: str | None = None
    #: Name -> unit, for values.
    units: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.kind in ("class", "classes", "map") and not self.legend:
            raise Refused(where=f"target {self.kind}", what="has no legend", fix="Name the legend of its codes.")
        if self.kind == "values" and not self.units:
            raise Refused(where="target values", what="has no units", fix="Give a unit for every value ('1' for none).")

    def to_json(self) -> dict[str, Any]:
        """Plain JSON."""
        held = {"kind": self.kind, "legend": self.legend, "units": dict(self.units)}
        return {name: value for name, value in held.items() if value}


@dataclass(frozen=True, slots=True, eq=False)
class Target:
    """What is to be learnt from one sample.

    Exactly one of the fields is set, by the kind of its spec; all None = this sample has no such label.
    """

    #: Code of the class in the legend.
    code: int | None = None
    #: Codes of a set of classes.
    codes: tuple[int, ...] | None = None
    #: Name -> value, NaN = missing.
    values: Mapping[str, float] | None = None
    #: Class map (quantity `class`, one band) or another stack, with its own validity.
    stack: Stack | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """The unit of learning."""

    #: Unique in its corpus.
    id: str
    #: Stack name -> stack.
    stacks: Mapping[str, Stack]
    #: Target name -> target.
    targets: Mapping[str, Target] = field(default_factory=dict)
    #: Polygon in EPSG:4326 that the sample covers; None = place unknown.
    footprint: shapely.Polygon | shapely.MultiPolygon | None = None
    #: Samples of one group never part in a split (a place's years, a scene's patches); empty = none.
    group: str = ""
    #: Longitude and latitude of the centre where it is known without a geobox; None = take the footprint's.
    lonlat: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        if not self.stacks:
            raise Mismatch(where=f"sample {self.id}", what="stacks", want="one or more", have="none")
