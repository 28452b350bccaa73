"""A source of counted numbers: every pixel is known from its sample's index, so that nothing can pass by luck."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from swath.core.errors import Failure
from swath.core.geobox import footprint, sample_geobox
from swath.core.legends import legend
from swath.core.origin import Origin
from swath.core.plan import PLAN_COLUMNS, Layout, Plan, StackSpec
from swath.core.quantity import class_of, dn
from swath.core.sample import Sample, Target, TargetSpec
from swath.core.stack import Stack

BANDS = ("B04", "B03", "B02")


@dataclass(frozen=True)
class Numbers:
    """`n` samples of one stack and a class map; those in `unreadable` fail, those in `masked` have invalid pixels."""

    n: int = 10
    size: int = 16
    dates: int = 1
    unreadable: tuple[int, ...] = ()
    masked: tuple[int, ...] = ()
    seed: int = 0
    has_map: bool = True

    @property
    def name(self) -> str:
        return "numbers"

    def plan(self, places: Any = None, dates: Any = None, spec: Any = None) -> Plan:
        size = (self.size, self.size)
        quantity = dn("toa", offset=0)
        stacks = {"s2": StackSpec(BANDS, size, "uint16", quantity, "s2-l1c", "L1C", (10, 10), self.dates, True)}
        targets = {"class": TargetSpec("class", legend="eurosat")}
        if self.has_map:
            stacks["truth"] = StackSpec(("class",), size, "uint8", class_of("eurosat"), "truth", "", (10, 10))
            targets["truth"] = TargetSpec("map", legend="eurosat")
        layout = Layout(stacks, targets, {"eurosat": legend("eurosat")}, ("numbers: public domain",))
        rows = [
            {
                "id": f"number-{i:04d}",
                "group": f"g{i // 4}",
                "lon": 10 + i % 7,
                "lat": 45 - i % 5,
                "bytes": 1,
                "why": "",
            }
            for i in range(self.n)
        ]
        columns = {**PLAN_COLUMNS, "index": pa.int64()}
        table = pa.Table.from_pylist([{**r, "index": i} for i, r in enumerate(rows)], schema=pa.schema(columns.items()))
        return Plan("numbers", {"seed": self.seed, "n": self.n}, layout, table)

    def read(self, rows: pa.Table) -> Iterator[Sample | Failure]:
        for row in rows.to_pylist():
            if row["index"] in self.unreadable:
                yield Failure(row["id"], "unreadable", f"{row['id']}: cut short on purpose")
            else:
                yield self.sample(row)

    def pixels(self, index: int) -> np.ndarray[Any, Any]:
        """Smooth numbers with a little noise: compressible, and unlike any other sample's."""
        rng = np.random.Generator(np.random.Philox(key=[self.seed, index]))
        shape = (self.dates, 3, self.size, self.size)
        return (1000 + 10 * index + rng.integers(0, 50, shape)).astype(np.uint16)

    def sample(self, row: dict[str, Any]) -> Sample:
        i = row["index"]
        box = sample_geobox(row["lon"], row["lat"], size=self.size)
        times = np.array(["2021-06-01"], "datetime64[us]") + np.arange(self.dates) * np.timedelta64(5, "D")
        valid = None
        if i in self.masked:
            valid = np.ones((self.dates, 1, self.size, self.size), bool)
            valid[:, :, : 1 + i % 5, 3:] = False
        origin = Origin(items=(row["id"],), sensor="s2-l1c", level="L1C")
        quantity = dn("toa", offset=0)
        s2 = Stack(self.pixels(i), BANDS, times.astype("datetime64[us]"), quantity, box, (10.0, 10.0), valid, origin)
        targets = {"class": Target(code=i % 10)}
        if self.has_map:
            codes = np.full((1, 1, self.size, self.size), i % 10, np.uint8)
            when = times[:1].astype("datetime64[us]")
            truth = Stack(codes, ("class",), when, class_of("eurosat"), box, (10.0, 10.0))
            targets["truth"] = Target(stack=truth)
        return Sample(row["id"], {"s2": s2}, targets, footprint(box), row["group"], (row["lon"], row["lat"]))
