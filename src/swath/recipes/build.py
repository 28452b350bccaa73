"""Build: places, files or the planet into a corpus; `swath corpus build` and `swath corpus import`."""

from __future__ import annotations

from pathlib import Path

from swath.core.plan import Plan
from swath.core.progress import SILENT, Progress
from swath.corpus.build import Built, build
from swath.corpus.repair import Repaired, repair
from swath.recipes.open import Opening, open_source, plan_all

__all__ = ["build_corpus", "plan_corpus", "repair_corpus"]


def plan_corpus(opening: Opening, *, planning: Progress = SILENT) -> Plan:
    """Say what would be read; no pixel is. `planning` hears how many samples are planned."""
    return plan_all(open_source(opening), progress=planning)


def build_corpus(
    opening: Opening, path: Path, *, workers: int = 1, planning: Progress = SILENT, progress: Progress = SILENT
) -> Built:
    """Plan and build, or continue where a run was cut off. `planning` hears of the plan, `progress` of the samples."""
    source = open_source(opening)
    plan = plan_all(source, progress=planning)
    return build(source, plan, path, workers=workers, note=opening.to_json(), progress=progress)


def repair_corpus(
    opening: Opening, path: Path, *, planning: Progress = SILENT, progress: Progress = SILENT
) -> Repaired:
    """Read again what a corpus has lost. `planning` hears of the plan, `progress` of the batches."""
    source = open_source(opening)
    return repair(path, source, plan_all(source, progress=planning), progress=progress)
