"""Kill a build at many of its writes, and say what the next run made of each; run as a program of its own.

    python -m tests.corpus.killed_builds FOLDER POINTS WORKERS

One process imports everything, then forks a child a point: the child counts the system calls that change the disk and
kills itself with SIGKILL at the chosen one, half of the bytes written where it is a write. Prints one JSON object.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from swath.corpus.build import build
from swath.corpus.corpus import open_corpus
from swath.corpus.verify import verify
from tests.corpus.a_source import Numbers

SOURCE = Numbers(n=23, size=64, unreadable=(2, 9, 20), masked=(1, 4, 11), seed=5)
SHARD = 3 * 64 * 64 * 2 * 4
CALLS = ("write", "fsync", "replace", "unlink", "rmdir", "mkdir")


def run(path: Path, workers: int) -> None:
    build(SOURCE, SOURCE.plan(), path, workers=workers, shard_bytes=SHARD)


def tree(path: Path) -> dict[str, bytes]:
    return {str(p.relative_to(path)): p.read_bytes() for p in sorted(path.rglob("*")) if p.is_file()}


def in_child(work: Callable[[], None]) -> int:
    """Fork, work, and return the child's wait status."""
    pid = os.fork()
    if pid == 0:
        work()
        os._exit(0)
    return os.waitpid(pid, 0)[1]


def counted(path: Path, workers: int, kill_at: int, tally: Path | None = None) -> None:
    """Build while counting; die at call `kill_at` (0 = never, the count goes to `tally`)."""
    calls = 0

    def wrap(name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **options: Any) -> Any:
            nonlocal calls
            calls += 1
            if calls == kill_at:
                if name == "write":
                    real(args[0], bytes(args[1])[: len(args[1]) // 2])
                os.kill(os.getpid(), signal.SIGKILL)
            return real(*args, **options)

        return call

    for name in CALLS:
        setattr(os, name, wrap(name, getattr(os, name)))
    run(path, workers)
    if tally is not None:
        tally.write_text(str(calls))


def main(folder: Path, points: int, workers: int) -> dict[str, Any]:
    whole = folder / "whole"
    in_child(lambda: counted(whole, workers, 0, folder / "tally"))
    writes = int((folder / "tally").read_text())
    reference = tree(whole)
    said: list[dict[str, Any]] = []
    for point in np.unique(np.linspace(1, writes - 1, points).astype(int)).tolist():
        path = folder / f"cut{point}"
        status = in_child(lambda path=path, point=point: counted(path, workers, point))
        row: dict[str, Any] = {"point": point, "killed": os.WIFSIGNALED(status) and os.WTERMSIG(status) == 9}
        if (path / "corpus.json").exists():
            row["samples"] = len(open_corpus(path))
            row["verifies"] = verify(path).holds
        else:
            row["samples"], row["verifies"] = 0, not path.exists()
        row["resumed"] = os.waitstatus_to_exitcode(in_child(lambda path=path: run(path, workers))) == 0
        row["same"] = tree(path) == reference
        said.append(row)
    return {"writes": writes, "points": said}


if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))))
