"""The source suite catches every breach of the contract, and passes a source that keeps it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import count
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import shapely
from affine import Affine
from odc.geo.geobox import GeoBox

from swath.core.errors import Failure
from swath.core.geobox import centre, footprint
from swath.core.legends import legend
from swath.core.offset import Decision
from swath.core.plan import PLAN_COLUMNS, Layout, Plan, StackSpec
from swath.core.quantity import dn
from swath.core.sample import Sample, Target, TargetSpec
from swath.core.stack import Stack
from swath.testing.build import a_stack
from swath.testing.source import check_source, is_same

_CALLS = count()
DECISION = Decision((-1000.0,), "override", "declared", (), "not run").to_json()


@dataclass(frozen=True)
class Square:
    """Four samples near Bolzano; `spoil` changes what it does, to see whether the suite notices."""

    spoil: str = ""

    @property
    def name(self) -> str:
        return "square"

    def plan(self, places: Any = None, dates: Any = None, spec: Any = None) -> Plan:
        bands = ("B04", "B03", "B02")
        held = StackSpec(bands, (4, 4), "uint16", dn("toa", offset=-1000), "s2-l1c", "L1C", (10.0, 10.0))
        layout = Layout({"s2": held}, {"class": TargetSpec("class", legend="eurosat")}, {"eurosat": legend("eurosat")})
        if self.spoil == "a legend that is not there":
            layout = replace(layout, legends={})
        rows = []
        for i in range(4):
            lon, lat = centre(self.box(i))
            rows.append({"id": f"s{i}", "group": "", "lon": lon, "lat": lat, "bytes": 96, "why": "", "index": i})
        if self.spoil == "half a place":
            rows[2]["lat"] = None
        if self.spoil == "no bytes":
            rows[1]["bytes"] = 0
        asked = {"clock": next(_CALLS)} if self.spoil == "a clock in the plan" else {}
        schema = pa.schema([*PLAN_COLUMNS.items(), ("index", pa.int32())])
        return Plan(self.name, asked, layout, pa.Table.from_pylist(rows, schema=schema))

    def box(self, i: int) -> GeoBox:
        return GeoBox((4, 4), Affine(10, 0, 680040 + 60 * i, 0, -10, 5152200), "EPSG:32632")

    def read(self, rows: pa.Table) -> Iterator[Sample | Failure]:
        held = rows.to_pylist()
        if self.spoil == "another order":
            held = held[::-1]
        for row in held:
            if self.spoil == "a row too few" and row["index"] == 3:
                return
            if self.spoil == "nothing but failures":
                yield Failure(row["id"], "unreadable", "no")
                continue
            sample = self.sample(row["index"])
            yield SPOILED.get(self.spoil, lambda s: s)(sample)

    def sample(self, i: int) -> Sample:
        stack = a_stack(1500 + i, geobox=self.box(i))
        stack = replace(stack, origin=replace(stack.origin, offsets=(DECISION,)))
        box = self.box(i)
        return Sample(f"s{i}", {"s2": stack}, {"class": Target(code=i)}, footprint(box), lonlat=centre(box))


def with_stack(change: Callable[[Stack], Stack]) -> Callable[[Sample], Sample]:
    return lambda s: replace(s, stacks={"s2": change(s.stacks["s2"])})


SPOILED: dict[str, Callable[[Sample], Sample]] = {
    "another dtype": with_stack(lambda s: replace(s, data=s.data.astype(np.int32))),
    "another size": with_stack(lambda s: replace(s, data=s.data[..., :2], geobox=None)),
    "bands in another order": with_stack(lambda s: replace(s, bands=("B02", "B03", "B04"))),
    "another quantity": with_stack(lambda s: replace(s, quantity=dn("toa", offset=0))),
    "another level": with_stack(lambda s: replace(s, origin=replace(s.origin, level="L2A"))),
    "a mask that was not planned": with_stack(lambda s: replace(s, valid=np.zeros((1, 1, 4, 4), bool))),
    "a wrong ground size": with_stack(lambda s: replace(s, gsd=(20.0, 20.0))),
    "no evidence": with_stack(lambda s: replace(s, origin=replace(s.origin, offsets=()))),
    "evidence of another offset": with_stack(
        lambda s: replace(s, origin=replace(s.origin, offsets=({**DECISION, "offset": [0.0]},)))
    ),
    "no item": with_stack(lambda s: replace(s, origin=replace(s.origin, items=()))),
    "random pixels": with_stack(lambda s: replace(s, data=s.data + np.uint16(next(_CALLS)))),
    "a stack too many": lambda s: replace(s, stacks={**s.stacks, "more": s.stacks["s2"]}),
    "a code that is none": lambda s: replace(s, targets={"class": Target(code=99)}),
    "a target of another kind": lambda s: replace(s, targets={"class": Target(codes=(1,))}),
    "a target that was not planned": lambda s: replace(s, targets={"more": Target(code=1)}),
    "a footprint elsewhere": lambda s: replace(s, footprint=shapely.box(0, 0, 1, 1)),
    "no footprint": lambda s: replace(s, footprint=None),
    "another place": lambda s: replace(s, lonlat=(11.0, 46.0)),
    "another group": lambda s: replace(s, group="x"),
}


def test_a_source_that_keeps_the_contract_passes():
    assert len(check_source(Square())) == 4


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        ("half a place", "plan of square: has half a place"),
        ("no bytes", "plan of square: has a row without bytes"),
        ("a clock in the plan", "plan of square: has another hash when it is made again"),
        ("a legend that is not there", "plan of square: names legends that its layout does not hold: ['eurosat']"),
        ("another order", "s0: is answered by s3"),
        ("a row too few", "square: gives 3 answers for 4 rows"),
        ("nothing but failures", "square: no row can be read, the first: Failure("),
        ("another dtype", "sample s0 stack s2: dtype differs: want uint16, have int32"),
        ("another size", "sample s0 stack s2: size differs: want (4, 4), have (4, 2)"),
        ("bands in another order", "sample s0 stack s2: bands differs: want ('B04', 'B03', 'B02'), have ('B02', "),
        ("another quantity", "sample s0 stack s2: quantity differs: want dn offset -1000"),
        ("another level", "sample s0: stack s2 is of level 'L2A', not 'L1C'"),
        ("a mask that was not planned", "sample s0 stack s2: has a mask, and the plan says has_valid=False"),
        ("a wrong ground size", "sample s0 stack s2: says gsd (20.0, 20.0), its grid has (10.0, 10.0)"),
        ("no evidence", "sample s0 stack s2: holds digital numbers and no evidence of their offset"),
        ("evidence of another offset", "has offset [-1000.0], and the evidence in its origin says [0.0]"),
        ("no item", "sample s0 stack s2: does not say where it came from"),
        ("random pixels", "s0: is another sample when read a second time: stacks s2 differ"),
        ("a stack too many", "sample s0: holds stacks ['more', 's2']"),
        ("a code that is none", "sample s0 target class: holds codes [99], the legend has (0, 1, 2, 3, 4, 5, 6, 7, 8"),
        ("a target of another kind", "sample s0 target class: is not of kind class"),
        ("a target that was not planned", "sample s0: holds a target more that its layout does not name"),
        ("a footprint elsewhere", "sample s0: has a footprint 4"),
        ("no footprint", "sample s0: knows its grid and has no footprint"),
        ("another place", "sample s0: lies 0.6"),
        ("another group", "sample s0: is of group 'x', planned ''"),
    ],
)
def test_a_breach_is_named(spoil, said):
    with pytest.raises(AssertionError) as raised:
        check_source(Square(spoil), spawned=False)

    assert said in str(raised.value)


def test_samples_are_the_same_only_to_the_last_bit():
    one, other = Square().sample(0), Square().sample(0)

    assert is_same(one, other)
    assert not is_same(one, Square().sample(1))
    assert not is_same(one, SPOILED["another group"](other))
    assert not is_same(one, Failure("s0", "unreadable", "no"))
    assert is_same(Failure("s0", "unreadable", "no"), Failure("s0", "unreadable", "no"))
