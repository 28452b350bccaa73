"""Scenes: Sentinel products and items from nothing to samples, beside bare rasterio reads of the same windows.

Products are made up: a tile of 1,020 pixels at 10 m with noise in it, which packs as badly as land does. Ours reads the
metadata, holds the offset against the pixels, checks every file whole and makes samples; bare work opens the files and
reads every band of the same windows.
"""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path

import rasterio
from rasterio.io import MemoryFile
from rasterio.windows import Window

from benchmarks.ratio import Row, row
from swath.core.plan import Plan
from swath.core.sample import Sample
from swath.formats import format_named
from swath.formats.safetree import forget_handles
from tests.formats.a_safe import NATIVE, a_safe
from tests.formats.a_stac import a_stac

__all__ = ["rows"]

SIDE, SIZE = 1020, 240
#: Band -> pixels of 10 m that one of its spans.
STEPS = {band: gsd // 10 for gsd, bands in NATIVE.items() for band in bands}


def _ours(name: str, path: Path, plan: Plan, size: int = SIZE) -> Callable[[], object]:
    """Open and read everything, as a build does that has just begun."""

    def read() -> None:
        forget_handles()
        for made in format_named(name).open([path], size=size).read(plan.rows):
            if not isinstance(made, Sample):
                raise AssertionError(made)

    return read


def _read(files: Iterable[tuple[rasterio.DatasetReader, int]], plan: Plan, size: int) -> None:
    """Every band of the windows of a plan; with each file, how many pixels of the smallest size one of its spans."""
    for row_, col in zip(plan.rows["row"].to_pylist(), plan.rows["col"].to_pylist(), strict=True):
        for dataset, n in files:
            dataset.read(1, window=Window(col // n, row_ // n, size // n, size // n))


def _bare(paths: list[tuple[Path, int]], plan: Plan, size: int = SIZE) -> Callable[[], object]:
    """Open the files, read the windows, close them."""

    def read() -> None:
        with ExitStack() as stack:
            _read([(stack.enter_context(rasterio.open(path)), n) for path, n in paths], plan, size)

    return read


def _inflated(packed: Path, plan: Plan) -> Callable[[], object]:
    """Inflate every band of a zip, then as above."""

    def read() -> None:
        with zipfile.ZipFile(packed) as archive, ExitStack() as stack:
            held = []
            for name in archive.namelist():
                if name.endswith(".jp2"):
                    memory = stack.enter_context(MemoryFile(archive.read(name)))
                    held.append((stack.enter_context(memory.open()), STEPS[name[-7:-4]]))
            _read(held, plan, SIZE)

    return read


def rows(folder: Path) -> Iterator[Row]:
    """Each format beside the bare reads of its files; bound 0.8."""
    tree, packed = a_safe(folder, side=SIDE), a_safe(folder, side=SIDE, is_zip=True, start="2022-07-12T10:10:31Z")
    plan = format_named("safe-s2").open([tree], size=SIZE).plan()
    print(f"  {len(plan)} windows of {SIZE} x {SIZE} pixels, 13 bands", flush=True)
    files = [(next(tree.rglob(f"*_{band}.jp2")), n) for band, n in STEPS.items()]
    yield row("a SAFE folder / bare reads", _ours("safe-s2", tree, plan), _bare(files, plan), at_least=0.8, rounds=3)
    plan = format_named("safe-s2").open([packed], size=SIZE).plan()
    ours, bare = _ours("safe-s2", packed, plan), _inflated(packed, plan)
    yield row("a SAFE zip / inflate and bare reads", ours, bare, at_least=0.8, rounds=3)
    bands = ("B02", "B03", "B04", "B05", "B01")
    item, size = a_stac(folder / "stac", bands=bands, side=4 * SIDE, scl=False), 4 * SIZE
    plan = format_named("stac").open([item], size=size).plan()
    files = [(item.parent / f"{band}.tif", STEPS[band]) for band in bands]
    ours, bare = _ours("stac", item, plan, size), _bare(files, plan, size)
    yield row("a STAC item of deflated GeoTIFFs / bare reads", ours, bare, at_least=0.8, rounds=5)
