"""Source suite: what every `core.plan.Source` must keep, whatever it reads.

`check_source` plans twice and in another process, reads some rows in several ways, and compares everything with what
the plan said. It looks at no file format and at no pixel's truth.
"""

from __future__ import annotations

import json
import math
import multiprocessing
import pickle
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from typing import Any, NoReturn

import numpy as np
import pyarrow as pa
import shapely

from swath.core.errors import Failure
from swath.core.geobox import centre, ground_gsd
from swath.core.plan import PLAN_COLUMNS, Layout, Plan, Source, StackSpec
from swath.core.sample import Sample, Target
from swath.core.stack import Stack, same

__all__ = ["check_layout", "check_plan", "check_sample", "check_source", "is_same"]


def _fail(where: str, what: str) -> NoReturn:
    raise AssertionError(f"{where}: {what}")


def _require(holds: bool, where: str, what: str) -> None:
    if not holds:
        _fail(where, what)


def check_source(source: Source, *, rows: int = 8, spawned: bool = True) -> Plan:
    """Check a source against its contract.

    Parameters
    ----------
    source : Source
        With at least one readable sample.
    rows : int
        How many rows are read, spread over the plan; rows that fail must fail alike each time.
    spawned : bool
        Plan and read in a fresh process too, which takes some seconds.

    Returns
    -------
    Plan
        The source's plan, for what else a test wants to look at.

    Raises
    ------
    AssertionError
        Names the sample and what it does not keep.
    """
    plan = source.plan()
    check_plan(plan, source)
    chosen = np.unique(np.linspace(0, len(plan) - 1, rows).round().astype(int))
    table = plan.rows.take(chosen)
    read = _read(source, table)
    _require(any(isinstance(made, Sample) for made in read), plan.source, f"no row can be read, the first: {read[0]}")
    for made, row in zip(read, table.to_pylist(), strict=True):
        if isinstance(made, Sample):
            check_sample(made, plan.layout, row)
    _check_repeats(source, table, read)
    if spawned:
        _check_elsewhere(source, table, read, plan.hash)
    return plan


def check_plan(plan: Plan, source: Source) -> None:
    """Check columns, identifiers, JSON and the hash of a plan; the source must pickle and plan alike again."""
    where = f"plan of {source.name}"
    _require(plan.source == source.name, where, f"calls itself {plan.source!r}")
    _require(len(plan) > 0, where, "holds no row")
    types = {name: plan.rows.schema.field(name).type for name in PLAN_COLUMNS}
    _require(types == PLAN_COLUMNS, where, f"has columns of other types: {types}")
    ids = [*plan.rows["id"].to_pylist(), *(failure.id for failure in plan.failures)]
    _require(len(set(ids)) == len(ids), where, "names a sample twice")
    _require(all(ids), where, "has a row without identifier")
    _require(all(n is not None and n > 0 for n in plan.rows["bytes"].to_pylist()), where, "has a row without bytes")
    for lon, lat in zip(plan.rows["lon"].to_pylist(), plan.rows["lat"].to_pylist(), strict=True):
        is_known = lon is not None and lat is not None
        _require(is_known or (lon is None and lat is None), where, f"has half a place: lon {lon}, lat {lat}")
        _require(not is_known or (abs(lon) <= 180 and abs(lat) <= 90), where, f"lies nowhere: lon {lon}, lat {lat}")
    json.dumps(dict(plan.asked))
    check_layout(plan.layout, where)
    again = pickle.loads(pickle.dumps(source)).plan()
    _require(again.hash == plan.hash, where, "has another hash when it is made again")
    _require(again.rows.equals(plan.rows), where, "has other rows when it is made again")


def check_layout(layout: Layout, where: str) -> None:
    """Check that a layout travels as JSON, holds every legend that it names, and stacks for targets with pixels."""
    held = Layout.from_json(json.loads(json.dumps(layout.to_json())))
    _require(held.to_json() == layout.to_json(), where, "has a layout that JSON changes")
    named = {spec.quantity.legend for spec in layout.stacks.values()} | {t.legend for t in layout.targets.values()}
    lacking = sorted(name for name in named if name and name not in layout.legends)
    _require(not lacking, where, f"names legends that its layout does not hold: {lacking}")
    for name, target in layout.targets.items():
        if target.kind in ("map", "stack"):
            _require(name in layout.stacks, where, f"has a target {name} with pixels and no stack of its name")
    for name, spec in layout.stacks.items():
        _require(
            spec.quantity.fits(len(spec.bands)), f"{where} stack {name}", f"{spec.quantity} does not fit its bands"
        )


def _read(source: Source, table: pa.Table) -> list[Sample | Failure]:
    """Read rows, and check that there is one answer a row, in order."""
    read = list(source.read(table))
    ids = table["id"].to_pylist()
    _require(len(read) == len(ids), source.name, f"gives {len(read)} answers for {len(ids)} rows")
    for made, id in zip(read, ids, strict=True):
        _require(isinstance(made, Sample | Failure), id, f"is answered by {type(made).__name__}")
        _require(made.id == id, id, f"is answered by {made.id}")
    return read


def check_sample(sample: Sample, layout: Layout, row: dict[str, Any] | None = None) -> None:
    """Check a sample against its layout, its own geometry, and the row of the plan that asked for it."""
    where = f"sample {sample.id}"
    with_pixels = {name for name, target in layout.targets.items() if target.kind in ("map", "stack")}
    _require(set(sample.stacks) == set(layout.stacks) - with_pixels, where, f"holds stacks {sorted(sample.stacks)}")
    for name, stack in sample.stacks.items():
        _check_stack(stack, layout.stacks[name], f"{where} stack {name}")
        _require(bool(stack.origin.items), f"{where} stack {name}", "does not say where it came from")
        level = layout.stacks[name].level
        _require(stack.origin.level == level, where, f"stack {name} is of level {stack.origin.level!r}, not {level!r}")
    for name, target in sample.targets.items():
        _require(name in layout.targets, where, f"holds a target {name} that its layout does not name")
        _check_target(target, name, layout, f"{where} target {name}")
    boxes = [stack.geobox for stack in sample.stacks.values() if stack.geobox is not None and stack.geobox.crs]
    if sample.footprint is not None:
        _require(sample.footprint.is_valid and not sample.footprint.is_empty, where, "has a footprint of no area")
    for box in boxes:
        _require(sample.footprint is not None, where, "knows its grid and has no footprint")
        inside = shapely.distance(sample.footprint, shapely.Point(centre(box)))
        _require(inside < 1e-6, where, f"has a footprint {inside:.4f} degrees away from its grid")
    place = sample.lonlat or (centre(boxes[0]) if boxes else None)
    if row is not None:
        _require(sample.group == row["group"], where, f"is of group {sample.group!r}, planned {row['group']!r}")
        if row["lon"] is not None:
            _require(place is not None, where, "was planned at a place and has none")
        if row["lon"] is not None and place is not None:
            off = math.hypot((place[0] - row["lon"] + 180) % 360 - 180, place[1] - row["lat"])
            _require(off < 1e-5, where, f"lies {off:.6f} degrees from where it was planned")


def _check_stack(stack: Stack, spec: StackSpec, where: str) -> None:
    pairs: list[tuple[str, Any, Any]] = [
        ("bands", spec.bands, stack.bands),
        ("size", spec.size, stack.shape[2:]),
        ("dtype", spec.dtype, stack.data.dtype.name),
        ("quantity", spec.quantity, stack.quantity),
    ]
    for what, want, have in pairs:
        _require(want == have, where, f"{what} differs: want {want}, have {have}")
    _require(1 <= stack.shape[0] <= spec.dates, where, f"has {stack.shape[0]} dates, planned {spec.dates}")
    _require(spec.has_valid or stack.valid is None, where, "has a mask, and the plan says has_valid=False")
    if stack.data.dtype.kind == "f":
        good = np.isfinite(stack.data)
        if stack.valid is not None:
            good = good | ~np.broadcast_to(stack.valid, stack.data.shape)
        _require(bool(good.all()), where, "holds NaN or infinity that is not masked")
    json.dumps(stack.origin.to_json())
    if stack.geobox is not None and stack.geobox.crs is not None:
        measured = ground_gsd(stack.geobox)
        close = all(abs(a / b - 1) < 0.05 for a, b in zip(stack.gsd, measured, strict=True))
        _require(close, where, f"says gsd {stack.gsd}, its grid has {measured}")
    if stack.quantity.kind == "dn" and stack.quantity.of is not None:
        _require(bool(stack.origin.offsets), where, "holds digital numbers and no evidence of their offset")
        decided = stack.origin.offsets[0]["offset"]
        said = None if stack.quantity.offset is None else list(stack.quantity.offset)
        _require(decided == said, where, f"has offset {said}, and the evidence in its origin says {decided}")


def _check_target(target: Target, name: str, layout: Layout, where: str) -> None:
    spec = layout.targets[name]
    held = {"class": target.code, "classes": target.codes, "values": target.values}.get(spec.kind, target.stack)
    others = [target.code, target.codes, target.values, target.stack]
    _require(sum(each is not None for each in others) <= (held is not None), where, f"is not of kind {spec.kind}")
    if held is None:
        return
    if spec.kind in ("class", "classes"):
        classes = layout.legends[str(spec.legend)].codes
        codes: Iterable[Any] = target.codes if target.codes is not None else [target.code]
        _require(set(codes) <= set(classes), where, f"holds codes {codes}, the legend has {classes}")
    elif spec.kind == "values":
        _require(set(target.values or ()) <= set(spec.units), where, "holds values without a unit")
    elif target.stack is not None:
        _check_stack(target.stack, layout.stacks[name], where)
        if spec.kind == "map":
            each = layout.legends[str(spec.legend)]
            known = {c.code for c in each.classes} | set(each.none)
            pixels = target.stack.data
            if target.stack.valid is not None:
                pixels = pixels[np.broadcast_to(target.stack.valid, pixels.shape)]
            strange = set(np.unique(pixels).tolist()) - known
            _require(not strange, where, f"holds codes {sorted(strange)} that legend {each.name} does not have")


def is_same(one: Sample | Failure, other: Sample | Failure) -> bool:
    """True if both are the same failure, or samples equal to the last bit."""
    if isinstance(one, Failure) or isinstance(other, Failure):
        return one == other
    outlines = [None if s.footprint is None else shapely.to_wkb(s.footprint) for s in (one, other)]
    return (
        (one.id, one.group, one.lonlat) == (other.id, other.group, other.lonlat)
        and outlines[0] == outlines[1]
        and one.stacks.keys() == other.stacks.keys()
        and all(same(stack, other.stacks[name]) for name, stack in one.stacks.items())
        and one.targets.keys() == other.targets.keys()
        and all(_is_same_target(target, other.targets[name]) for name, target in one.targets.items())
    )


def _is_same_target(one: Target, other: Target) -> bool:
    if (one.code, one.codes) != (other.code, other.codes):
        return False
    if one.stack is not None and other.stack is not None:
        return same(one.stack, other.stack)
    values = [None if each.values is None else {k: str(v) for k, v in each.values.items()} for each in (one, other)]
    return values[0] == values[1] and (one.stack is None) == (other.stack is None)


def _compare(where: str, want: Sequence[Sample | Failure], have: Sequence[Sample | Failure], how: str) -> None:
    _require(len(want) == len(have), where, f"gives {len(have)} answers for {len(want)} rows when read {how}")
    for one, other in zip(want, have, strict=True):
        _require(is_same(one, other), one.id, f"is another sample when read {how}: {_difference(one, other)}")


def _difference(one: Sample | Failure, other: Sample | Failure) -> str:
    if isinstance(one, Failure) or isinstance(other, Failure):
        return f"{one} against {other}"
    stacks = [name for name, stack in one.stacks.items() if not same(stack, other.stacks[name])]
    return f"stacks {', '.join(stacks)} differ" if stacks else "its place, group or targets differ"


def _check_repeats(source: Source, table: pa.Table, read: Sequence[Sample | Failure]) -> None:
    """The same rows twice, one by one and backwards, and in threads at once."""
    where = source.name
    _compare(where, read, _read(source, table), "a second time")
    alone = [_read(source, table.slice(i, 1))[0] for i in reversed(range(table.num_rows))]
    _compare(where, read, alone[::-1], "one by one, backwards")
    _compare(where, [], _read(source, table.slice(0, 0)), "without rows")
    with ThreadPoolExecutor(3) as pool:
        for answers in pool.map(lambda _: _read(source, table), range(3)):
            _compare(where, read, answers, "by several threads at once")


def _there(source: Source, table: pa.Table) -> tuple[str, list[Sample | Failure]]:
    return source.plan().hash, list(source.read(table))


def _check_elsewhere(source: Source, table: pa.Table, read: Sequence[Sample | Failure], digest: str) -> None:
    """The same in a process that shares nothing."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        there, answers = pool.submit(_there, source, table).result()
    _require(there == digest, f"plan of {source.name}", "has another hash in another process")
    _compare(source.name, read, answers, "by a spawned process")
