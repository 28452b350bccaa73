"""A corpus whose every pixel is known, built once: two stacks on one ground, differing dates, masks, four targets."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from swath.core.errors import Failure
from swath.core.legends import legend
from swath.core.plan import PLAN_COLUMNS, Layout, Plan, StackSpec
from swath.core.quantity import class_of, dn
from swath.core.sample import Sample, Target, TargetSpec
from swath.core.specs import InputSpec, OutputSpec, StackInput
from swath.core.stack import Stack
from swath.corpus import Corpus, build, open_corpus

BANDS = ("B02", "B03", "B04", "B08")
COARSE = ("B11", "B12")
LEGEND = legend("eurosat")


@dataclass(frozen=True)
class Coded:
    """`n` samples; sample i has class i % 10, and its pixels tell sample, date, band, row and column."""

    n: int = 12
    size: int = 8
    #: Dates of each sample, in turn.
    dates: tuple[int, ...] = (1,)
    #: Samples with an invalid corner.
    masked: tuple[int, ...] = ()
    #: Samples without labels, map and coarse stack.
    bare: tuple[int, ...] = ()
    has_coarse: bool = False
    has_more: bool = False
    dtype: str = "uint16"
    has_valid: bool = True

    @property
    def name(self) -> str:
        return "coded"

    def _spec(self, bands: tuple[str, ...], size: int, gsd: int) -> StackSpec:
        quantity = dn("toa", offset=0)
        most = max(self.dates)
        return StackSpec(bands, (size, size), self.dtype, quantity, "s2-l1c", "L1C", (gsd, gsd), most, self.has_valid)

    def plan(self, places: Any = None, dates: Any = None, spec: Any = None) -> Plan:
        stacks = {"s2": self._spec(BANDS, self.size, 10)}
        targets = {"class": TargetSpec("class", legend="eurosat")}
        if self.has_coarse:
            stacks["swir"] = self._spec(COARSE, self.size // 2, 20)
        if self.has_more:
            size = (self.size, self.size)
            stacks["truth"] = StackSpec(("class",), size, "uint8", class_of("eurosat"), "truth", "", (10, 10))
            targets["truth"] = TargetSpec("map", legend="eurosat")
            targets["several"] = TargetSpec("classes", legend="eurosat")
            targets["wealth"] = TargetSpec("values", units={"index": "1", "area": "m2"})
        base = {"group": "", "lon": None, "lat": None, "bytes": 1, "why": ""}
        rows = [{"id": f"s{i:04d}", "index": i, **base} for i in range(self.n)]
        table = pa.Table.from_pylist(rows, schema=pa.schema({**PLAN_COLUMNS, "index": pa.int64()}.items()))
        asked = {"n": self.n, "size": self.size}
        return Plan("coded", asked, Layout(stacks, targets, {"eurosat": LEGEND}, ()), table)

    def read(self, rows: pa.Table) -> Iterator[Sample | Failure]:
        for row in rows.to_pylist():
            yield self.sample(row["index"])

    def pixels(self, i: int, *, bands: int = 4, size: int | None = None) -> np.ndarray[Any, Any]:
        """1000 b + 100 t + 10 y + x + 4000 (i % 8) + 1: every number tells where it was."""
        side = size or self.size
        t, b, y, x = np.indices((self.dates[i % len(self.dates)], bands, side, side))
        if self.dtype == "uint8":
            return ((i * 7 + t * 31 + b * 53 + y * 8 + x) % 251 + 1).astype(np.uint8)
        return (4000 * (i % 8) + 1000 * b + 100 * t + 10 * y + x + 1).astype(self.dtype)

    def sample(self, i: int) -> Sample:
        dates = self.dates[i % len(self.dates)]
        times = np.datetime64("2021-06-01", "us") + np.arange(dates) * np.timedelta64(5, "D")
        valid = None
        if i in self.masked:
            valid = np.ones((dates, 1, self.size, self.size), bool)
            valid[:, :, :2, :3] = False
        quantity = dn("toa", offset=0)
        stacks = {"s2": Stack(self.pixels(i), BANDS, times, quantity, None, (10.0, 10.0), valid)}
        if self.has_coarse and i not in self.bare:
            coarse = self.pixels(i, bands=2, size=self.size // 2)
            stacks["swir"] = Stack(coarse, COARSE, times, quantity, None, (20.0, 20.0))
        targets = {"class": Target(code=None if i in self.bare else i % 10)}
        if self.has_more:
            targets["several"] = Target(codes=None if i in self.bare else (i % 10, (i + 3) % 10))
            values = {"index": i / 4, "area": np.nan if i % 3 == 0 else 2.0 * i}
            targets["wealth"] = Target(values=None if i in self.bare else values)
            if i not in self.bare:
                codes = ((np.arange(self.size)[:, None] + np.arange(self.size) + i) % 10).astype(np.uint8)
                truth = Stack(codes[None, None], ("class",), times[:1], class_of("eurosat"), None, (10.0, 10.0))
                targets["truth"] = Target(stack=truth)
        return Sample(f"s{i:04d}", stacks, targets, lonlat=None if i in self.bare else (10.0 + i, 45.0))


def a_corpus(path: Path, **fields: Any) -> Corpus:
    """Build and open a corpus of coded samples."""
    source = Coded(**fields)
    build(source, source.plan(), path)
    return open_corpus(path)


def an_input(
    *, size: int = 8, dates: int = 1, has_coarse: bool = False, bands: Sequence[str] = BANDS, offset: float = 0
) -> InputSpec:
    """What a model takes of it: digital numbers as they are."""

    def taken(names: Sequence[str], gsd: float) -> StackInput:
        n = len(names)
        return StackInput(tuple(names), dn("toa", offset=offset), "L1C", gsd, dates, (500.0,) * n, (100.0,) * n)

    stacks = {"s2": taken(bands, 10.0)}
    if has_coarse:
        stacks["swir"] = taken(COARSE, 20.0)
    return InputSpec(stacks, (size, size))


def outputs(*names: str) -> dict[str, OutputSpec]:
    """What a model gives for the targets named."""
    codes = LEGEND.codes
    known = {
        "class": OutputSpec("scene", codes, LEGEND),
        "several": OutputSpec("scene", codes, LEGEND, is_multilabel=True),
        "truth": OutputSpec("dense", codes, LEGEND),
        "wealth": OutputSpec("values", units={"index": "1", "area": "m2"}),
    }
    return {name: known[name] for name in names}
