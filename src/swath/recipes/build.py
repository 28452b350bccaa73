"""Build: places, files or the planet into a corpus; `swath corpus build` and `swath corpus import`."""

from __future__ import annotations

from pathlib import Path

from swath.core.plan import Plan
from swath.core.progress import SILENT, Progress
from swath.corpus.build import Built, build
from swath.corpus.repair import Repaired, repair
from swath.recipes.open import Opening, open_source

__all__ = ["build_corpus", "plan_corpus", "repair_corpus"]


def plan_corpus(opening: Opening) -> Plan:
    """Say what would be read; no pixel is."""
    return open_source(opening).plan()


def build_corpus(opening: Opening, path: Path, *, workers: int = 1, progress: Progress = SILENT) -> Built:
    """Plan and build, or continue where a run was cut off."""
    source = open_source(opening)
    return build(source, source.plan(), path, workers=workers, note=opening.to_json(), progress=progress)


def repair_corpus(opening: Opening, path: Path, *, progress: Progress = SILENT) -> Repaired:
    """Read again what a corpus has lost."""
    source = open_source(opening)
    return repair(path, source, source.plan(), progress=progress)
