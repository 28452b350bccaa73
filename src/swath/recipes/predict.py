"""Predict: answers of a bundle for samples of a corpus, in one table; needs no labels; `swath predict`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from swath.bundle import Bundle, open_bundle
from swath.core.array import Array
from swath.core.errors import Mismatch, Refused
from swath.core.progress import SILENT, Progress
from swath.corpus.corpus import Corpus
from swath.corpus.splitfile import load_split, split_names
from swath.prediction import Predicted, predict_table
from swath.recipes.runs import find_home

__all__ = ["run_predict"]


def _positions(
    bundle: Bundle, corpus: Corpus, ids: Sequence[str] | None, split: str | None, part: str | None, fold: int | None
) -> Array | None:
    """Samples that are asked for; None = all."""
    if ids is not None and (part is not None or split is not None):
        raise Refused(where="swath predict", what="takes ids or a part, not both", fix="Leave one out.")
    if ids is not None:
        return corpus.positions(ids)
    if part is None:
        if split is not None or fold is not None:
            raise Refused(where="swath predict", what="was given a split without a part", fix="Add --part test.")
        return None
    origin, names = bundle.facts.origin, split_names(corpus)
    if split is None:
        own = [name for name in names if load_split(corpus, name).hash == origin.split_hash]
        if not own and len(names) != 1:
            want = f"{origin.split} {origin.split_hash[:12]} (bundle {bundle.name})"
            have = ", ".join(names) or "none"
            raise Mismatch(where=str(corpus.path), what="split", want=want, have=have, fix="Name one: --split NAME.")
        split = own[0] if own else names[0]
    held = load_split(corpus, split)
    own_fold = origin.fold if held.hash == origin.split_hash else 0
    return np.asarray(corpus.positions(held.ids(part, fold=own_fold if fold is None else fold)))


def run_predict(
    path: Path | str,
    corpus: Corpus,
    out: Path | str,
    *,
    ids: Sequence[str] | None = None,
    split: str | None = None,
    part: str | None = None,
    fold: int | None = None,
    batch: int = 128,
    threads: int = 1,
    device: str = "cpu",
    bundle: Bundle | None = None,
    progress: Progress = SILENT,
) -> Predicted:
    """Answer for samples of a corpus and write a table.

    Parameters
    ----------
    path : Path
        Run or bundle.
    corpus : Corpus
        Holds the stacks that the bundle takes; labels are not needed.
    out : Path
        GeoParquet file.
    ids : sequence of str, optional
        These samples, in this order.
    split, part, fold : optional
        Samples of a part of a split; without `split` the bundle's own, or the only one.
    batch, threads : int
        Samples at once, and threads that decode them.
    device : str
        Where the model answers.
    bundle : Bundle, optional
        The model, if it is open already.
    progress : Progress
        Told after each batch.

    Returns
    -------
    Predicted

    Raises
    ------
    Mismatch
        Bundle and corpus do not fit, or no split can be told.
    Refused
        Both ids and a part are given, or a split without a part.
    Unknown
        The corpus has no such sample, split or part.
    """
    model = open_bundle(find_home(path).bundle, device=device) if bundle is None else bundle
    positions = _positions(model, corpus, ids, split, part, fold)
    return predict_table(
        model,
        corpus,
        out,
        positions=positions,
        name=model.name,
        bundle_hash=model.hash,
        calibration=model.calibration,
        batch=batch,
        threads=threads,
        progress=progress,
    )
