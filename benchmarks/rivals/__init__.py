"""Rivals: stores that are no dependencies of ours, each read in its own right way, in an environment beside ours.

One module a rival, each in a fresh process of `.venv-rivals`, which is made from `requirements.txt` when it is first
needed. Every process measures bare decode of the same records in turn with its rival, so that a ratio is of one
process and one minute. Where the environment cannot be made, a row says so.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from benchmarks.ratio import Row

if TYPE_CHECKING:
    from swath.core.array import Array

__all__ = ["ENVIRONMENT", "RIVALS", "make_environment", "rows"]

ROOT: Final = Path(__file__).resolve().parents[2]
REQUIREMENTS: Final = Path(__file__).with_name("requirements.txt")
ENVIRONMENT: Final = ROOT / ".venv-rivals"
#: Module -> what it is called in the table; a module may have several rows.
RIVALS: Final = {
    "hdf5_blosc": "HDF5 blosc-zstd",
    "zarrs_pipeline": "zarr-python with zarrs",
    "torchgeo_rasters": "torchgeo",
    "litdata_chunks": "litdata",
    "webdataset_tar": "webdataset",
}


def _run(*command: str | Path) -> str:
    """Run a program; empty if all went well, else what to say of it. What it prints on errors is shown here."""
    try:
        ended = subprocess.run(command, cwd=ROOT, stdout=subprocess.DEVNULL, check=False, timeout=900)
    except (OSError, subprocess.TimeoutExpired) as error:
        return type(error).__name__
    return f"{Path(command[0]).name} ended with status {ended.returncode}" if ended.returncode else ""


def make_environment() -> str:
    """Make the environment if it is not there or of other versions; empty if it stands, else why not."""
    stamp = ENVIRONMENT / "installed.txt"
    if stamp.exists() and stamp.read_text() == REQUIREMENTS.read_text():
        return ""
    print(f"  making {ENVIRONMENT.name} from {REQUIREMENTS.relative_to(ROOT)}", flush=True)
    python = ENVIRONMENT / "bin" / "python"
    for command in (
        (sys.executable, "-m", "venv", "--clear", ENVIRONMENT),
        # As in Makefile: pip fetches torch, because it obeys the machine's own settings; uv then leaves it alone.
        (python, "-m", "pip", "install", "-q", "-c", REQUIREMENTS, "torch", "uv"),
        (ENVIRONMENT / "bin" / "uv", "pip", "install", "-q", "--python", python, "-r", REQUIREMENTS),
    ):
        why = _run(*command)
        if why:
            return why
    stamp.write_text(REQUIREMENTS.read_text())
    return ""


def rows(records: Array, folder: Path) -> Iterator[Row]:
    """All rivals, one after the other.

    Parameters
    ----------
    records : uint16 array, shape (n, b, h, w)
    folder : Path
        Where they put their stores.
    """
    why = make_environment()
    np.save(folder / "records.npy", records)
    for module, name in RIVALS.items():
        work = folder / module
        work.mkdir()
        failed = why or _run(ENVIRONMENT / "bin" / "python", "-m", f"benchmarks.rivals.{module}", folder, work)
        if failed:
            yield Row(f"  {name}", None, None, None, note=f"not measured: {failed}")
        else:
            yield from (Row(**each) for each in json.loads((work / "rows.json").read_text()))
