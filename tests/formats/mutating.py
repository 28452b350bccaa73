"""Mutations: valid files with random damage, read to the end in processes of their own; run by `test_mutations`.

`python mutating.py FORMAT FIRST COUNT`: a line a mutation, `read` or `refused`, or `BAD` with what came out instead. A
mutation that takes more than `SECONDS` or `MEMORY`, or crashes a library, ends its process; `survive` says which it was
and goes on behind it in a new one.
"""

from __future__ import annotations

import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import traceback
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from swath.core.errors import SwathError
from swath.formats import format_named
from swath.formats.hackathon import KINDS, a_record
from swath.testing.build import a_eurosat_folder, a_eurosat_zip, a_geotiff
from tests.formats import (
    a_bigearthnet,
    a_cube,
    a_deepsentinel,
    a_grd,
    a_rasters,
    a_safe,
    a_sen12mscr,
    a_stac,
    a_virtual,
    a_visiondl,
    an_export,
    test_exported,
)

SECONDS = 20
MEMORY = 6 * 2**30


def _records(home: Path) -> Path:
    return a_visiondl.cell_files(home / "a", a_visiondl.CELLS[:2], side=12, landcover=True)


def _zip(home: Path) -> Path:
    a_visiondl.a_drive_zip(home / "a.zip", a_visiondl.CELLS[:2], side=12)
    shutil.rmtree(home / "a.zip.d")
    return home / "a.zip"


def _patches(home: Path) -> Path:
    kind = KINDS["patch_raw"]
    draw = np.random.default_rng(1)
    blobs = [a_record(kind, draw.integers(1, 3000, (1, 4, kind.side, kind.side)), k) for k in range(3)]
    (home / "a.tfrecord").write_bytes(b"".join(blobs))
    return home / "a.tfrecord"


def _npz(home: Path) -> Path:
    np.savez(home / "a.npz", X=np.arange(20.0).reshape(4, 5), y=np.arange(4))
    return home / "a.npz"


def _text(name: str, text: str) -> Callable[[Path], Path]:
    def make(home: Path) -> Path:
        (home / name).write_text(text)
        return home / name

    return make


_TS = "@dimensions 2\n@classLabel true a b\n@data\n1,2,3:-1,-2,-3:a\n4,?,6:-4,-5,-6:b\n"


def _scenes(home: Path) -> Path:
    for k in range(3):
        a_geotiff(
            home / "t" / f"{k}.tif", 1000 + k, size=(24, 24), descriptions=("B04", "B03", "B02"), compress="deflate"
        )
    return home / "t"


def _labelled(home: Path) -> Path:
    a_bigearthnet.a_patch(home / "b", a_bigearthnet.RADAR)
    return a_bigearthnet.a_patch(home / "b")


_DN = {"kind": "dn", "convention": 0}
_L1C = {"kind": "dn", "level": "L1C", "convention": "0"}
_TWO = ("Forest", "River")
_IMAGE = an_export.an_image()
_PLACED = {**_IMAGE, **an_export.degrees()}
#: Case -> format, what makes a valid file or folder of it, and what is declared.
CASES: dict[str, tuple[str, Callable[[Path], Path], dict[str, Any]]] = {
    "eurosat-rgb": ("eurosat-rgb", lambda home: a_eurosat_zip(home / "e.zip", n=1, classes=_TWO), {}),
    "eurosat-ms": ("eurosat-ms", lambda home: a_eurosat_folder(home / "e", n=1, kind="ms", classes=_TWO), {}),
    "safe-s2": ("safe-s2", lambda home: a_safe.a_safe(home), {"size": 24}),
    "safe-s2-zip": ("safe-s2", lambda home: a_safe.a_safe(home, is_zip=True), {"size": 24}),
    "safe-s1": ("safe-s1", lambda home: a_grd.a_grd(home), {"size": 64}),
    "safe-s1-zip": ("safe-s1", lambda home: a_grd.a_grd(home, is_zip=True), {"size": 64}),
    "stac": ("stac", lambda home: a_stac.a_stac(home / "s").parent, {"size": 48}),
    "geotiff": ("geotiff", _scenes, {**_L1C, "convention": "0"}),
    "geotiff-exported": ("geotiff", lambda home: test_exported.a_folder(home / "t", test_exported.SAMPLES[:1]), {}),
    "visiondl-records": ("visiondl", _records, {}),
    "visiondl-zip": ("visiondl", _zip, {}),
    "visiondl-hdf5": ("visiondl", lambda home: a_visiondl.a_batch(home / "data_batch_1.h5", 3, side=12), {}),
    "earthengine-gzip": ("earthengine", lambda home: an_export.an_export(home / "e", _IMAGE), _L1C),
    "earthengine-plain": (
        "earthengine",
        lambda home: an_export.an_export(home / "e", _PLACED, packed=False),
        {**_L1C, "lonlat": "longitude,latitude"},
    ),
    "hackathon": ("hackathon", _patches, {}),
    "virtual-products": ("virtual", lambda home: a_virtual.scenes(home / "v", (1, 2)), {}),
    "virtual-patch": ("virtual", lambda home: a_virtual.a_patch(home / "patch_000"), {}),
    "deepsentinel": ("deepsentinel", lambda home: a_deepsentinel.a_sample_folder(home / "v").parent, {}),
    "bigearthnet": ("bigearthnet", _labelled, {}),
    "bigearthnet-zip": ("bigearthnet", lambda home: a_bigearthnet.zipped(a_bigearthnet.a_patch(home / "b")), {}),
    "sen12mscr": ("sen12mscr", lambda home: a_sen12mscr.a_triplet(home / "t"), {}),
    "sen12mscr-series": ("sen12mscr", lambda home: a_sen12mscr.a_series(home / "s"), {}),
    "rasters": ("rasters", lambda home: a_rasters.places(home / "p", 2), {}),
    "rasters-steps": ("rasters", lambda home: a_rasters.steps(home / "s"), {}),
    "cube-netcdf4": ("cube", lambda home: a_cube.a_netcdf4(home / "a.nc", a_cube.s2_bands()), _DN),
    "cube-classic": ("cube", lambda home: a_cube.a_classic(home / "a.nc", a_cube.s2_bands()), _DN),
    "cube-zarr-2": ("cube", lambda home: a_cube.a_zarr(home / "a.zarr", a_cube.s2_bands(), version=2), _DN),
    "cube-zarr-3": ("cube", lambda home: a_cube.a_zarr(home / "a.zarr", a_cube.s2_bands()), _DN),
    "series-ts": ("series", _text("a.ts", _TS), {"gsd": 8}),
    "series-tsv": ("series", _text("a.tsv", "1\t0.2\t0.4\n2\t0.6\t0.5\n"), {"gsd": 8}),
    "series-npz": ("series", _npz, {"gsd": 8}),
}


def damage(path: Path, draw: random.Random) -> None:
    """Damage one file: cut it, change bytes anywhere or in its head, fill eight with ones, or put bytes between."""
    files = sorted(each for each in path.rglob("*") if each.is_file()) if path.is_dir() else [path]
    chosen = draw.choice(files)
    blob = bytearray(chosen.read_bytes())
    how = draw.randrange(5) if blob else -1
    at = draw.randrange(len(blob)) if blob else 0
    if how == 0:
        del blob[at:]
    elif how == 1:
        for _ in range(draw.randint(1, 4)):
            blob[draw.randrange(len(blob))] = draw.randrange(256)
    elif how == 2:
        blob[draw.randrange(min(len(blob), 600))] = draw.randrange(256)
    elif how == 3:
        blob[at : at + 8] = b"\xff" * 8
    elif how == 4:
        blob[at:at] = blob[: draw.randint(1, 64)]
    chosen.unlink()  # it may be a link to the valid one
    chosen.write_bytes(blob)


def _copy(path: Path, to: Path) -> Path:
    """A copy that shares its files with the valid one."""
    shutil.rmtree(to, ignore_errors=True)
    to.mkdir()
    if path.is_file():
        os.link(path, to / path.name)
        return to / path.name
    return Path(shutil.copytree(path, to / path.name, copy_function=os.link))


def read_all(name: str, path: Path, declared: dict[str, Any]) -> int:
    """Open, plan and read; the number of samples and failures."""
    format_named(name).sniff(path)
    source = format_named(name).open([path], **declared)
    plan = source.plan()
    return len(plan.failures) + sum(1 for _ in source.read(plan.rows))


def main(name: str, first: int, count: int) -> None:
    """Damage and read `count` times, the cases of a format in turn, and say how each ended."""
    warnings.simplefilter("error")
    cases = [case for case, (of, _, _) in CASES.items() if of == name]
    with tempfile.TemporaryDirectory() as folder:
        valid = {}
        for case in cases:
            home = Path(folder) / case
            home.mkdir()
            valid[case] = CASES[case][1](home)
            read_all(name, valid[case], CASES[case][2])
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        for k in range(first, first + count):
            case = cases[k % len(cases)]
            copy = _copy(valid[case], Path(folder) / "damaged")
            damage(copy, random.Random(f"{case} {k}"))
            print(f"{case} {k}:", end=" ", flush=True)
            signal.alarm(SECONDS)
            try:
                said = "read" if read_all(name, copy, CASES[case][2]) else "BAD nothing came out"
            except SwathError:
                said = "refused"
            except Exception as error:  # noqa: BLE001 - whatever it is, it is what is looked for
                where = traceback.extract_tb(error.__traceback__)[-1]
                said = f"BAD {error!r} at {Path(where.filename).name}:{where.lineno}"
            signal.alarm(0)
            print(said.replace("\n", " "), flush=True)


def survive(command: Callable[[int, int], list[str]], count: int, *, seconds: float) -> list[str]:
    """Run a command that says a line a number, from 0 to `count`; where it dies, say so and go on behind that number.

    Parameters
    ----------
    command : function (first, count) -> arguments
        Of the process; it prints `<case> <number>:` before it begins, and how it ended behind.
    seconds : float
        For one process.
    """
    said: list[str] = []
    path = os.pathsep.join([*sys.path, str(Path(__file__).parents[2])])
    while len(said) < count:
        before = len(said)
        with tempfile.TemporaryFile("w+") as out:
            try:
                ended = subprocess.run(
                    command(before, count - before),
                    stdout=out,
                    stderr=subprocess.PIPE,
                    text=True,
                    env={**os.environ, "PYTHONPATH": path},
                    timeout=seconds,
                )
                how = f"process ended by {_name_of(ended.returncode)}"
                stderr = ended.stderr
            except subprocess.TimeoutExpired:
                how, stderr = f"processes took more than {seconds:g} s", ""
            out.seek(0)
            said += out.read().splitlines()
        if len(said) < count or (said and said[-1].endswith(": ")):
            if len(said) == before:
                raise AssertionError(f"{how} before its first case: {stderr[-2000:]}")
            if said[-1].endswith(": "):
                said[-1] += f"BAD {how}"
    return said


def _name_of(status: int) -> str:
    return signal.Signals(-status).name if status < 0 else f"status {status}"


def run(name: str, count: int) -> list[str]:
    """How each of `count` mutations of a format ended."""

    def command(first: int, more: int) -> list[str]:
        return [sys.executable, __file__, name, str(first), str(more)]

    return survive(command, count, seconds=60 + 2 * count)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
