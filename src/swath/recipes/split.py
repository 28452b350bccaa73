"""Split: freeze an assignment of samples to parts inside a corpus, with what leaks in it; `swath corpus split`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow.compute as pc

from swath.core.array import Array
from swath.core.progress import SILENT, Progress
from swath.corpus.corpus import Corpus
from swath.corpus.layout import frame_bytes
from swath.corpus.leakage import LeakageReport, leakage
from swath.corpus.phash import phash
from swath.corpus.places import LabelRange, Places, block_side, label_range
from swath.corpus.splitfile import save_split
from swath.corpus.splits import Split, make_split

__all__ = ["LEAST_LABELS", "Frozen", "chunks", "hashes_of", "places_of", "split_corpus"]

#: Labels with a place from which on their range is estimated.
LEAST_LABELS = 10
#: Raw bytes that are read at once where a whole corpus is gone through.
_CHUNK_BYTES = 64_000_000


@dataclass(frozen=True, slots=True)
class Frozen:
    """A split as it was made, with what is known of it."""

    #: The assignment.
    split: Split
    #: What leaks.
    report: LeakageReport
    #: How far labels agree; None = there are no labels or no places.
    range: LabelRange | None
    #: Side of its blocks [m]; None = it has none.
    side: float | None

    def summary(self) -> str:
        """Sentences for the terminal."""
        lines = [self.split.summary()]
        if self.range is not None:
            lines.append(self.range.summary(self.side))
        return "\n".join([*lines, self.report.summary()])


def chunks(corpus: Corpus, stack: str, positions: Array | None = None) -> Iterator[tuple[Array, Array, Array | None]]:
    """Go through a stack in the order of the store: (positions, data (n, t, b, h, w), valid or None)."""
    where = np.arange(len(corpus)) if positions is None else np.sort(positions)
    spec = corpus.spec(stack)
    step = max(1, _CHUNK_BYTES // (frame_bytes(spec) * spec.dates))
    frames = corpus.rows([f"stack_{stack}.frames"])[f"stack_{stack}.frames"]
    count = np.asarray(pc.fill_null(frames, 0).to_numpy())
    for dates in np.unique(count[where]):
        alike = where[count[where] == dates]
        for start in range(0, len(alike) if dates else 0, step):
            part = alike[start : start + step]
            yield part, corpus.pixels(stack, part, threads=2), corpus.valid(stack, part, threads=2)


def places_of(corpus: Corpus, *, target: str | None = None) -> Places:
    """What is known of the samples of a corpus."""
    stack = next(iter(corpus.layout.stacks))
    spec = corpus.spec(stack)
    table = corpus.rows(["id", "group", "lon", "lat", f"stack_{stack}.times"])
    classes = [name for name, each in corpus.layout.targets.items() if each.kind == "class"]
    label = corpus.labels(target)[1] if target or len(classes) == 1 else None
    times = table[f"stack_{stack}.times"].to_pylist()
    first = np.array([next((t for t in each or [] if t is not None), None) for each in times], "datetime64[us]")
    diagonal = float(np.hypot(spec.size[0] * spec.gsd[1], spec.size[1] * spec.gsd[0]))
    lon, lat = (np.asarray(pc.fill_null(table[name], float("nan")).to_numpy(), float) for name in ("lon", "lat"))
    group = pc.fill_null(table["group"], "").to_pylist()
    ids = table["id"].to_pylist()
    return Places(np.asarray(ids), lon, lat, np.asarray(group), label, first, diagonal)


def hashes_of(corpus: Corpus, *, progress: Progress = SILENT) -> Array:
    """Perceptual hash of the first date of the first stack of every sample, uint64 (n,)."""
    stack = next(iter(corpus.layout.stacks))
    hashes = np.zeros(len(corpus), np.uint64)
    done = 0
    for where, data, valid in chunks(corpus, stack):
        hashes[where] = phash(data[:, 0], valid=None if valid is None else valid[:, 0])
        done += len(where)
        progress(done, len(corpus))
    return hashes


def split_corpus(
    corpus: Corpus,
    recipe: Mapping[str, Any],
    *,
    name: str,
    target: str | None = None,
    replace: bool = False,
    pictures: bool = True,
    progress: Progress = SILENT,
) -> Frozen:
    """Make a split, look for what leaks, and freeze both inside the corpus.

    Parameters
    ----------
    corpus : Corpus
        Holds the samples.
    recipe : mapping
        `method` (random, group, place, time) and its options.
    name : str
        Under which the split is kept.
    target : str, optional
        Class target that counts as the label; needed only if there are several.
    replace : bool
        Whether a split of this name may be replaced.
    pictures : bool
        Whether near-duplicates are looked for, which reads every sample once.

    Raises
    ------
    Refused
        The name is taken by another split, or the split cannot be made of these samples.
    """
    places = places_of(corpus, target=target)
    split = make_split(places, recipe, name=name)
    hashes = hashes_of(corpus, progress=progress) if pictures else None
    report = leakage(places, split, hashes=hashes)
    known = 0 if places.label is None else int(((places.label >= 0) & places.is_placed).sum())
    reach = label_range(places) if known >= LEAST_LABELS else None
    side = None
    if "block" in split.recipe:
        side = block_side(split.recipe["block"], places.lat[places.is_placed])
    save_split(corpus, split, report, replace=replace)
    return Frozen(split, report, reach, side)
