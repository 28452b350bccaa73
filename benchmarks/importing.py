"""Importing: EuroSAT-like patches into a corpus beside bare inflate + JPEG decode + blosc encode, thread for thread."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import count
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
#: Patches that a thread of the bare work takes at a time.
RUN = 32


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
    """The whole import, checks, rows, checksums and fsync included; bound 1 / 1.2 of the bare work on as many threads.

    Bare work is inflate, JPEG decode, blosc encode and one writer; each round of either side writes files of its own,
    as an import does.
    """
    path, said = _a_zip(folder)
    source = format_named("eurosat-rgb").open([path])
    plan = source.plan()
    rounds = count()

    def picture(file: zipfile.ZipFile, name: str) -> bytes:
        return encode_frame(simplejpeg.decode_jpeg(file.read(name)).transpose(2, 0, 1))

    def bare(threads: int) -> None:
        with zipfile.ZipFile(path) as file, (folder / f"{next(rounds)}.bin").open("wb") as out:
            names = [name for name in file.namelist() if name.endswith(".jpg")]
            if threads == 1:
                for name in names:
                    out.write(picture(file, name))
                return
            runs = [names[at : at + RUN] for at in range(0, len(names), RUN)]
            with ThreadPoolExecutor(threads) as pool:
                for encoded in pool.map(lambda run: [picture(file, name) for name in run], runs):
                    out.writelines(encoded)

    def ours(threads: int) -> None:
        build(source, plan, folder / f"{next(rounds)}", threads=threads)

    print(f"  {len(plan):,} {said}", flush=True)
    for threads in (1, 2):
        yield row(
            f"import of JPEG patches / bare work, threads each: {threads}",
            partial(ours, threads),
            partial(bare, threads),
            at_least=1 / 1.2,
            items=len(plan),
            rounds=9,
        )
