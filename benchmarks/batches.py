"""Batches: the loader on one thread beside bare reads, and what each augmentation costs beside none.

Patches are EuroSAT's own, 64 x 64 rgb8, where SWATH_REAL_DATA is set, else noise of that shape.
"""

from __future__ import annotations

import os
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from benchmarks.ratio import Row, row
from swath.batch import Augmentation, Loader
from swath.core.array import Array
from swath.core.errors import Failure
from swath.core.legends import legend
from swath.core.plan import PLAN_COLUMNS, Layout, Plan, StackSpec
from swath.core.quantity import rgb8
from swath.core.rendering import decode_jpeg
from swath.core.sample import Sample, Target, TargetSpec
from swath.core.specs import InputSpec, OutputSpec, StackInput
from swath.core.stack import NO_TIME, Stack
from swath.corpus import build, open_corpus

__all__ = ["Patches", "real_patches", "rows"]

PATCHES, BATCH = 2048, 128
RGB = ("B04", "B03", "B02")
PICTURE = rgb8("eurosat-2750-jpeg")


def real_patches(count: int) -> tuple[Array, str]:
    """Patches (n, 3, 64, 64) uint8, and where they come from."""
    data = os.environ.get("SWATH_REAL_DATA")
    path = Path(data or "") / "eurosat-rgb" / "EuroSAT_RGB.zip"
    if data and path.exists():
        with zipfile.ZipFile(path) as file:
            names = [name for name in file.namelist() if name.endswith(".jpg")]
            taken = [names[i] for i in np.linspace(0, len(names) - 1, count).astype(int)]
            return np.stack([decode_jpeg(file.read(name)) for name in taken]), "EuroSAT's own"
    return np.random.default_rng(0).integers(1, 256, (count, 3, 64, 64)).astype(np.uint8), "noise"


@dataclass(frozen=True)
class Patches:
    """The patches as a source."""

    data: Array

    @property
    def name(self) -> str:
        """Its name."""
        return "patches"

    def plan(self, places: Any = None, dates: Any = None, spec: Any = None) -> Plan:
        """One row a patch."""
        spec = StackSpec(RGB, (64, 64), "uint8", PICTURE, "s2-l1c", "L1C", (10, 10))
        base = {"group": "", "lon": None, "lat": None, "bytes": int(self.data[0].nbytes), "why": ""}
        listed = [{"id": f"p{i:06d}", **base} for i in range(len(self.data))]
        layout = Layout({"rgb": spec}, {"class": TargetSpec("class", "eurosat")}, {"eurosat": legend("eurosat")})
        return Plan("patches", {}, layout, pa.Table.from_pylist(listed, schema=pa.schema(PLAN_COLUMNS)))

    def read(self, rows: pa.Table) -> Iterator[Sample | Failure]:
        """Samples without a place."""
        for id in rows["id"].to_pylist():
            i = int(id[1:])
            stack = Stack(self.data[i][None], RGB, np.array([NO_TIME]), PICTURE, None, (10.0, 10.0))
            yield Sample(id, {"rgb": stack}, {"class": Target(code=i % 10)})


#: What is measured beside no augmentation, with a bound on the share of its speed that is left.
_OPTIONS: dict[str, tuple[Augmentation, float | None]] = {
    "flips": (Augmentation(flip=0.5), 0.75),
    "flips, shift 4": (Augmentation(flip=0.5, shift=4), 0.6),
    "flips, crop 56": (Augmentation(flip=0.5, crop=56), 0.75),
    "alternating orientations, shift 4": (Augmentation(right_angles="alternate", shift=4), 0.5),
    "flips, rotation 45": (Augmentation(flip=0.5, rotation=45), None),
    "brightness, gain, offset and haze": (Augmentation(brightness=0.1, gain=0.1, offset=0.01, haze=0.1), None),
    "noise": (Augmentation(noise=0.01), None),
    "band dropout": (Augmentation(band_dropout=0.1), None),
}


def rows(folder: Path) -> Iterator[Row]:
    """The loader beside bare reads, with its bounds, then each augmentation beside none."""
    data, said = real_patches(PATCHES)
    source = Patches(data)
    build(source, source.plan(), folder / "c")
    corpus = open_corpus(folder / "c")
    out = np.empty((BATCH, 1, 3, 64, 64), np.uint8)
    where = np.random.default_rng(1).permutation(PATCHES)
    needs = StackInput(RGB, PICTURE, "L1C", 10.0, 1, (87.8, 97.0, 104.0), (51.7, 34.9, 29.5))
    output = OutputSpec("scene", legend("eurosat").codes, legend("eurosat"))

    def bare() -> None:
        for start in range(0, PATCHES, BATCH):
            corpus.pixels("rgb", where[start : start + BATCH], out=out)

    def loaded(options: Augmentation, workers: int = 0) -> Callable[[], object]:
        side = options.crop or 64
        input = InputSpec({"rgb": needs}, (side, side))
        loader = Loader(
            corpus, where, input, {"class": output}, batch_size=BATCH, augmentation=options, workers=workers
        )
        return partial(_run, loader)

    print(f"  patches: {said}; {PATCHES} of 64 x 64 rgb8, batches of {BATCH}", flush=True)
    plain = loaded(Augmentation())
    yield row("loader / bare reads, one thread", plain, bare, at_least=0.7, items=PATCHES, rounds=15)
    yield row("  two threads / one", loaded(Augmentation(), 2), plain, items=PATCHES)
    for name, (options, bound) in _OPTIONS.items():
        yield row(f"  {name} / no augmentation", loaded(options), plain, at_least=bound, items=PATCHES, rounds=15)


def _run(loader: Loader) -> None:
    for _ in loader.epoch(0):
        pass
