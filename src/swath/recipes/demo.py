"""Demo: the main job on the virtual planet, offline: planet, corpus, check, split, page; `swath demo`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from swath.core.errors import Mismatch
from swath.core.progress import SILENT, Progress
from swath.corpus import open_corpus
from swath.corpus.splitfile import split_names
from swath.corpus.verify import verify
from swath.recipes.build import build_corpus
from swath.recipes.open import Opening
from swath.recipes.show import show_corpus
from swath.recipes.split import split_corpus

__all__ = ["PLANET", "Shown", "Tell", "run_demo"]

#: The corpus that the demo builds; the first lines of README make the same one by hand.
PLANET: Final = {"n": 600, "seed": 7, "landcover": 1}
_SPLITS: Final = {
    "random": {"method": "random", "seed": 0},
    "blocks": {"method": "place", "block": "1deg", "folds": 5, "seed": 0},
}


class Tell(Protocol):
    """Called with each finished stage, as a sentence."""

    def __call__(self, sentence: str) -> None:
        """Say it."""
        ...


@dataclass(frozen=True, slots=True)
class Shown:
    """Where the results of the demo are."""

    #: Folder of the corpus.
    corpus: Path
    #: The page to look at, and its contact sheet.
    page: Path
    sheet: Path


def run_demo(
    folder: Path,
    *,
    workers: int = 1,
    tell: Tell = lambda sentence: None,
    planning: Progress = SILENT,
    progress: Progress = SILENT,
) -> Shown:
    """Build, check, split and show a corpus of the planet; what is finished is not done again.

    Parameters
    ----------
    folder : Path
        Where everything goes.
    workers : int
        Processes that build.
    tell : Tell
        Hears each stage's last line.
    planning, progress : Progress
        Of the plan, and of the build.

    Raises
    ------
    Mismatch
        The folder holds the demo of another version, or something else.
    """
    path = folder / "planet"
    try:
        opening = Opening("planet", (), PLANET)
        built = build_corpus(opening, path, workers=workers, planning=planning, progress=progress)
    except Mismatch as error:
        fix = f"Remove {folder}, if it is only an older demo, or choose another folder: swath demo -o DIR."
        raise Mismatch(where=error.where, what=error.what, want=error.want, have=error.have, fix=fix) from None
    tell(f"corpus  {built.summary()}")
    tell(f"check   {verify(path).summary()}")
    corpus = open_corpus(path)
    for name, recipe in _SPLITS.items():
        if name not in split_names(corpus):
            tell(f"split   {split_corpus(corpus, recipe, name=name).report.summary()}")
    shown = Shown(path, folder / "planet.html", folder / "planet.png")
    show_corpus(corpus, shown.page, shown.sheet)
    return shown
