"""Measure: what the process of one rival does, whatever the rival."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from benchmarks.bare import BareDecode
from benchmarks.ratio import row

if TYPE_CHECKING:
    from swath.core.array import Array

__all__ = ["BATCH", "Rival", "measure", "orders"]

#: Records a batch, as in `benchmarks.reading`.
BATCH: Final = 32


@dataclass(frozen=True, slots=True)
class Rival:
    """One way to read."""

    #: As it stands in the table.
    name: str
    #: One call's work: a random batch, or a whole pass in batches.
    read: Callable[[], Iterable[Any]]


def orders(count: int) -> Callable[[], Array]:
    """Random batches of record numbers, one a call; no number twice in a batch."""
    rng = np.random.default_rng(1)
    return lambda: rng.choice(count, BATCH, replace=False)


def _digest(record: Any) -> str:
    return hashlib.sha256(np.ascontiguousarray(record, np.uint16).tobytes()).hexdigest()


def measure(rivals: Callable[[Array, Path], Iterable[Rival]]) -> None:
    """Store the records, check that what is read are these records, and write the rows.

    Parameters
    ----------
    rivals : function of the records, shape (n, b, h, w), and an empty folder
    """
    folder, work = Path(sys.argv[1]), Path(sys.argv[2])
    records = np.load(folder / "records.npy")
    known = {_digest(each) for each in records}
    bare, made = BareDecode(records), []
    for rival in rivals(records, work):
        read = [_digest(each) for batch in rival.read() for each in batch]
        if not known.issuperset(read):
            raise SystemExit(f"{rival.name}: reads other records than were written")
        out = np.empty((len(read), *records.shape[1:]), np.uint16)
        order = np.random.default_rng(2).permutation(len(records))[: len(read)]

        def subject(read: Callable[[], Iterable[Any]] = rival.read) -> None:
            for _ in read():
                pass

        def reference(order: Array = order, out: Array = out) -> None:
            bare(order, out)

        made.append(row(f"  {rival.name}", subject, reference, items=len(read), rounds=5))
    (work / "rows.json").write_text(json.dumps([asdict(each) for each in made]))
