"""Stage kinds: the one dict of what a stage of a recipe can be, by name; a module is opened when one of its is used.

Recipes that only make corpora run where there is no torch.
"""

from __future__ import annotations

import importlib
from typing import Final

from swath.core.errors import Unknown
from swath.core.extras import need
from swath.recipes.stage import Kind

__all__ = ["STAGE_KINDS", "stage_kind"]

_CORPUS: Final = "swath.recipes.corpus_stages"
_MODEL: Final = "swath.recipes.model_stages"
#: Kind -> (module whose `STAGES` holds it, what it does).
STAGE_KINDS: Final[dict[str, tuple[str, str]]] = {
    "import": (_CORPUS, "foreign files become a corpus"),
    "build": (_CORPUS, "a source, such as the virtual planet, becomes a corpus"),
    "split": (_CORPUS, "a corpus gets a frozen split, with what leaks in it"),
    "stats": (_CORPUS, "the numbers of a corpus, band by band"),
    "show": (_CORPUS, "a corpus becomes a page to look at"),
    "train": (_MODEL, "a corpus with a split becomes a run with a bundle"),
    "test": (_MODEL, "a run is judged on what it never saw: scores, floors, a page"),
    "predict": (_MODEL, "a run answers for samples of a corpus: a table"),
    "compare": (_MODEL, "tested runs side by side; seeds of one training are one model"),
}


def stage_kind(name: str, *, where: str = "") -> Kind:
    """Find a kind of stage by name.

    Raises
    ------
    Unknown
        There is none; the nearest is named.
    MissingExtra
        It needs torch, which is not installed.
    """
    if name not in STAGE_KINDS:
        raise Unknown(name, STAGE_KINDS, what="kind of stage", where=where)
    module = STAGE_KINDS[name][0]
    if module == _MODEL:
        need("torch", by=where or f"stage of kind {name}")
    kind: Kind = importlib.import_module(module).STAGES[name]
    return kind
