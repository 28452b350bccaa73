"""Plan, Source and Format: the seam through which every sample comes.

A `Source` plans first (a table, one row a sample, no pixel read) and reads rows of that plan later: pure, picklable,
safe in threads and processes. A `Format` recognises a path and opens it as a source. Foreign files, catalogues and the
planet all look like this, so that one loop writes every corpus.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Protocol, runtime_checkable

import pyarrow as pa

from swath.core.errors import Failure, Mismatch, Refused, SwathError, Unknown
from swath.core.legends import Legend
from swath.core.quantity import Quantity
from swath.core.sample import Sample, TargetSpec

__all__ = ["DTYPES", "PLAN_COLUMNS", "Format", "Layout", "Plan", "Source", "StackSpec", "read_each"]

#: Columns that every plan has; a source adds its own (which member, which window, which item) behind them.
PLAN_COLUMNS: Final = {
    "id": pa.string(),
    "group": pa.string(),
    "lon": pa.float64(),
    "lat": pa.float64(),
    "bytes": pa.int64(),
    "why": pa.string(),
}


#: What pixels can be stored as.
DTYPES: Final = ("uint8", "uint16", "uint32", "int8", "int16", "int32", "float32", "float64")


@dataclass(frozen=True, slots=True)
class StackSpec:
    """What one stack is, for all samples of a corpus: the shape of its store and the meaning of its numbers."""

    #: Canonical names in order.
    bands: tuple[str, ...]
    #: Pixels, (h, w).
    size: tuple[int, int]
    #: numpy name of the dtype.
    dtype: str
    #: What the numbers mean.
    quantity: Quantity
    #: Key of `core.sensors.SENSORS`, or a name of its own.
    sensor: str
    #: The provider's product level; empty = unknown.
    level: str
    #: Metres on the ground a pixel, nominal (x, y); each row has its own.
    gsd: tuple[float, float]
    #: Most dates that one sample has.
    dates: int = 1
    #: True if samples may carry a validity mask, which is then stored for all.
    has_valid: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "gsd", (float(self.gsd[0]), float(self.gsd[1])))
        if self.dtype not in DTYPES:
            raise Unknown(self.dtype, DTYPES, what="dtype", where=f"stack of {self.sensor}")

    def to_json(self) -> dict[str, Any]:
        """Plain JSON."""
        return {
            "bands": list(self.bands),
            "size": list(self.size),
            "dtype": self.dtype,
            "quantity": self.quantity.to_json(),
            "sensor": self.sensor,
            "level": self.level,
            "gsd": list(self.gsd),
            "dates": self.dates,
            "has_valid": self.has_valid,
        }

    @classmethod
    def from_json(cls, held: Mapping[str, Any]) -> StackSpec:
        """Read what `to_json` wrote."""
        return cls(
            bands=tuple(held["bands"]),
            size=(int(held["size"][0]), int(held["size"][1])),
            dtype=str(held["dtype"]),
            quantity=Quantity.from_json(held["quantity"]),
            sensor=str(held["sensor"]),
            level=str(held["level"]),
            gsd=(float(held["gsd"][0]), float(held["gsd"][1])),
            dates=int(held["dates"]),
            has_valid=bool(held["has_valid"]),
        )


@dataclass(frozen=True, slots=True)
class Layout:
    """What every sample of a source holds."""

    #: Stack name -> what it is. A target of kind `map` or `stack` has its pixels under its own name here.
    stacks: Mapping[str, StackSpec]
    #: Target name -> what it is.
    targets: Mapping[str, TargetSpec] = field(default_factory=dict)
    #: Legend name -> legend, for every legend that stacks and targets name.
    legends: Mapping[str, Legend] = field(default_factory=dict)
    #: Attribution and licence sentences, for pixels and for labels.
    licences: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Plain JSON."""
        return {
            "stacks": {name: spec.to_json() for name, spec in self.stacks.items()},
            "targets": {name: spec.to_json() for name, spec in self.targets.items()},
            "legends": {name: legend.to_json() for name, legend in self.legends.items()},
            "licences": list(self.licences),
        }

    @classmethod
    def from_json(cls, held: Mapping[str, Any]) -> Layout:
        """Read what `to_json` wrote."""
        return cls(
            stacks={name: StackSpec.from_json(spec) for name, spec in held["stacks"].items()},
            targets={name: TargetSpec(**spec) for name, spec in held["targets"].items()},
            legends={name: Legend.from_json(legend) for name, legend in held["legends"].items()},
            licences=tuple(held["licences"]),
        )


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """Which samples will be read, from exactly what, and why; nothing in it depends on machine, clock or workers.

    Raises
    ------
    Mismatch
        A column of `PLAN_COLUMNS` is missing or of another type.
    Refused
        An identifier occurs twice.
    """

    #: Name of the source or format.
    source: str
    #: What was asked of it: options and declarations, as plain JSON.
    asked: Mapping[str, Any]
    #: What every sample will hold.
    layout: Layout
    #: One row a sample: `PLAN_COLUMNS`, then the source's own.
    rows: pa.Table
    #: Samples that are known now to be unreadable or left out; they go to quarantine and are counted.
    failures: tuple[Failure, ...] = ()

    def __post_init__(self) -> None:
        for name, kind in PLAN_COLUMNS.items():
            if name not in self.rows.schema.names or self.rows.schema.field(name).type != kind:
                have = ", ".join(f"{f.name} {f.type}" for f in self.rows.schema)
                raise Mismatch(where=f"plan of {self.source}", what="columns", want=f"{name} {kind}", have=have)
        ids = self.rows["id"].to_pylist()
        if len(set(ids)) < len(ids):
            seen: set[str] = set()
            twice = next(i for i in ids if i in seen or seen.add(i))  # type: ignore[func-returns-value]
            raise Refused(where=f"plan of {self.source}", what=f"identifier {twice!r} occurs twice", fix="Rename one.")

    def __len__(self) -> int:
        return int(self.rows.num_rows)

    @property
    def bytes(self) -> int:
        """Raw bytes of all samples."""
        return int(sum(self.rows["bytes"].to_pylist()))

    @property
    def hash(self) -> str:
        """SHA-256 over everything that decides what will be built."""
        digest = hashlib.sha256()
        head = {"source": self.source, "asked": dict(self.asked), "layout": self.layout.to_json()}
        digest.update(json.dumps(head, sort_keys=True).encode())
        digest.update(json.dumps([[f.id, f.reason, f.message] for f in self.failures]).encode())
        digest.update(json.dumps([[f.name, str(f.type)] for f in self.rows.schema]).encode())
        for batch in self.rows.combine_chunks().to_batches(max_chunksize=65536):
            digest.update(json.dumps(batch.to_pylist(), default=str).encode())
        return digest.hexdigest()

    def summary(self) -> str:
        """One line: samples, stacks, bytes."""
        stacks = ", ".join(
            f"{name} {s.dates} x {len(s.bands)} x {s.size[0]} x {s.size[1]} {s.quantity}"
            for name, s in self.layout.stacks.items()
        )
        left = f", {len(self.failures)} left out" if self.failures else ""
        return f"{self.source}: {len(self):,} samples{left}; {stacks}; {self.bytes / 1e6:,.1f} MB raw"


class Source(Protocol):
    """Where samples come from. Picklable; `read` is pure and safe in threads and processes."""

    @property
    def name(self) -> str:
        """Its name in `recipes.open`."""
        ...

    def plan(self, places: Any = None, dates: Any = None, spec: Any = None) -> Plan:
        """Say what would be read; None = all there is. Reads no pixel."""
        ...

    def read(self, rows: pa.Table) -> Iterator[Sample | Failure]:
        """Read rows of a plan, in their order: one sample or failure a row."""
        ...


@runtime_checkable
class Format(Protocol):
    """A kind of foreign file: recognises a path, and opens it as a source."""

    @property
    def name(self) -> str:
        """Its name on the command line."""
        ...

    @property
    def declares(self) -> Mapping[str, str]:
        """Options that `open` takes -> what they mean."""
        ...

    def sniff(self, path: Path) -> bool:
        """True if the path looks like this format; opens little, reads no pixel."""
        ...

    def open(self, paths: Sequence[Path], **declared: Any) -> Source:
        """Open one or more paths as a source; what the files do not say is declared, never guessed."""
        ...


def read_each(
    rows: pa.Table,
    read: Callable[[Mapping[str, Any]], Sample | Failure],
    *,
    failed: Callable[[str, SwathError], Failure] = Failure.of,
) -> Iterator[Sample | Failure]:
    """Read rows of a plan one after another; an error of ours becomes that row's failure, any other is raised.

    Parameters
    ----------
    rows : pa.Table
        Of a plan.
    read : callable
        Row -> what it holds.
    failed : callable
        Identifier and error -> failure.
    """
    for row in rows.to_pylist():
        try:
            made = read(row)
        except SwathError as error:
            made = failed(row["id"], error)
        yield made
