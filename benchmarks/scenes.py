"""Scenes: Sentinel products and items from nothing to samples, beside bare rasterio reads of the same windows.

Products are made up: a tile of 1,020 pixels at 10 m with noise in it, which packs as badly as land does. Ours reads the
metadata, holds the offset against the pixels, checks every file whole and makes samples; bare work opens the files and
reads every band of the same windows. Images
of radar (GRD) are stored unpacked, so that their bare reads are copies from the page cache: sigma0 is bound to bare
reads with the same calibration in plain numpy, a whole window at a time; beside bare reads alone it has no bound.
"""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import rasterio
from rasterio.io import MemoryFile
from rasterio.windows import Window

from benchmarks.ratio import Row, row
from swath.core.array import Array
from swath.core.plan import Plan
from swath.core.sample import Sample
from swath.formats import format_named
from swath.formats.safecalibration import Vectors
from swath.formats.safegrd import GrdImage, open_grd
from swath.formats.safetree import forget_handles
from tests.formats.a_grd import a_grd
from tests.formats.a_safe import NATIVE, a_safe
from tests.formats.a_stac import a_stac

__all__ = ["rows"]

SIDE, SIZE = 1020, 240
#: Lines and pixels of a GRD, as wide as those of IW, and pixels a side of its windows.
RADAR, CHIP = (1024, 25600), 512
#: Band -> pixels of 10 m that one of its spans.
STEPS = {band: gsd // 10 for gsd, bands in NATIVE.items() for band in bands}


def _ours(name: str, path: Path, plan: Plan, size: int = SIZE, **declared: str) -> Callable[[], object]:
    """Open and read everything, as a build does that has just begun."""

    def read() -> None:
        forget_handles()
        for made in format_named(name).open([path], size=size, **declared).read(plan.rows):
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


def _between(vectors: Vectors, lines: Array, pixels: Array) -> Array:
    """Bilinear, along range and then along lines."""
    rows = np.stack([np.interp(pixels, p, v) for p, v in zip(vectors.pixels, vectors.values, strict=True)])
    place = np.interp(lines, vectors.lines, np.arange(len(rows)))
    first = np.minimum(place.astype(int), len(rows) - 2)
    part = (place - first)[:, None]
    return np.asarray(rows[first] * (1 - part) + rows[first + 1] * part)


def _calibrated(files: list[tuple[Path, GrdImage]], plan: Plan) -> Callable[[], object]:
    """Open the files, read the windows, and calibrate each whole by the tables that were read before."""

    def read() -> None:
        with ExitStack() as stack:
            held = [(stack.enter_context(rasterio.open(path)), image) for path, image in files]
            for row_, col in zip(plan.rows["row"].to_pylist(), plan.rows["col"].to_pylist(), strict=True):
                lines, pixels = np.arange(CHIP) + row_, np.arange(CHIP) + col
                for dataset, image in held:
                    dn = dataset.read(1, window=Window(col, row_, CHIP, CHIP)).astype(float)
                    if image.noise is None:
                        raise AssertionError(image.polarisation)
                    noise = _between(image.noise.range, lines, pixels)
                    for block in image.noise.azimuth:
                        inside = (pixels >= block.pixels[0]) & (pixels <= block.pixels[1])
                        noise[:, inside] *= np.interp(lines, block.at, block.values)[:, None]
                    gain = _between(image.calibration.luts["sigma0"], lines, pixels)
                    ((dn**2 - noise) / gain**2).astype(np.float32)

    return read


def _radar(folder: Path) -> Iterator[Row]:
    """Detected radar: amplitudes as stored, and sigma0 with its noise subtracted."""
    tree = a_grd(folder, shape=RADAR, drift=0.0)
    files = sorted(tree.rglob("*.tiff"))
    for quantity in ("sigma0", "dn"):
        plan = format_named("safe-s1").open([tree], size=CHIP, quantity=quantity).plan()
        ours, items = _ours("safe-s1", tree, plan, CHIP, quantity=quantity), len(plan)
        if quantity == "sigma0":
            images = open_grd(tree).product.images
            plain = _calibrated([(path, images["VV" if "-vv-" in path.name else "VH"]) for path in files], plan)
            name = "a GRD's sigma0 / bare reads, then plain numpy"
            yield row(name, ours, plain, at_least=0.8, items=items, rounds=5)
        bare = _bare([(path, 1) for path in files], plan, CHIP)
        yield row(f"a GRD's {quantity} / bare reads alone", ours, bare, items=items, rounds=5)


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
    yield from _radar(folder)
