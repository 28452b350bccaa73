"""Steps: parts of a study whose figures are kept as soon as they are there, so that a run that was cut off goes on."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from swath.core.files import write_whole

__all__ = ["step"]


def step(work: Path, name: str, work_out: Callable[[], Any]) -> Any:
    """Figures of a step: those that an earlier run left in `work`, or worked out now and left there."""
    kept = work / f"{name}.step.json"  # a map lies beside it, with an item of its own
    if kept.exists():
        return json.loads(kept.read_text())
    figures = json.loads(json.dumps(work_out()))
    write_whole(kept, json.dumps(figures).encode())
    return figures
