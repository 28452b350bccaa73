"""Importing: EuroSAT-like patches into a corpus beside bare inflate + JPEG decode + blosc encode."""

from __future__ import annotations

import os
import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import simplejpeg

from benchmarks.ratio import Row, row
from swath.corpus import build
from swath.corpus.shard import encode_frame
from swath.formats import format_named
from swath.testing.build import a_eurosat_zip

__all__ = ["rows"]

PATCHES = 4096


def _a_zip(folder: Path) -> tuple[Path, str]:
    """A zip of real patches where there are some, else of made-up ones."""
    path = folder / "patches.zip"
    data = os.environ.get("SWATH_REAL_DATA")
    if not data:
        a_eurosat_zip(path, n=PATCHES // 10, kind="rgb")
        return path, "made-up patches"
    with zipfile.ZipFile(Path(data) / "eurosat-rgb" / "EuroSAT_RGB.zip") as real:
        names = [name for name in real.namelist() if name.endswith(".jpg")]
        chosen = [names[i] for i in np.linspace(0, len(names) - 1, PATCHES).astype(int)]
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as few:
            for name in dict.fromkeys(chosen):
                few.writestr(name, real.read(name))
    return path, "real EuroSAT patches"


def rows(folder: Path) -> Iterator[Row]:
    """The whole import, checks, rows, checksums and fsync included; bound 1 / 1.2 of the bare work."""
    path, said = _a_zip(folder)
    source = format_named("eurosat-rgb").open([path])
    plan = source.plan()

    def bare() -> None:
        with zipfile.ZipFile(path) as file, (folder / "bare.bin").open("wb") as out:
            for name in file.namelist():
                if name.endswith(".jpg"):
                    rgb = simplejpeg.decode_jpeg(file.read(name))
                    out.write(encode_frame(rgb.transpose(2, 0, 1)))

    def ours() -> None:
        shutil.rmtree(folder / "c", ignore_errors=True)
        build(source, plan, folder / "c")

    print(f"  {len(plan):,} {said}", flush=True)
    yield row(
        "import of JPEG patches, two threads / bare decode + encode",
        ours,
        bare,
        at_least=1 / 1.2,
        items=len(plan),
        rounds=5,
    )
