"""Export: samples of a corpus into files of others, as many as are asked for; `swath corpus export`.

`EXPORTS` lists what can be written. A folder is written file by file, each under a temporary name first, and a second
run goes on where the first one stopped: `.export.json` in it says what it is to hold. Licences and attribution go along
in every one of them. What a layout cannot say is refused by its writer, and leaves nothing where no sample was written.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import shapely

from swath.core.array import Array
from swath.core.errors import Refused, SwathError, Unknown
from swath.core.files import write_whole
from swath.core.plan import Layout
from swath.core.progress import SILENT, Progress
from swath.core.sample import Sample
from swath.corpus.corpus import Corpus
from swath.corpus.splitfile import load_split
from swath.formats.deepsentinel_write import numbers_of, write_tree
from swath.formats.geotiff_write import SampleRow, file_name, file_names, target_columns, write_index, write_sample
from swath.formats.virtual import FUSION_BANDS
from swath.formats.virtual_write import write_patch, write_scene
from swath.formats.visiondl import LABEL
from swath.formats.visiondl_write import PER_FILE, write_batches
from swath.recipes.animation import gif_path, write_gif
from swath.recipes.footprints import split_columns, write_footprints

__all__ = ["ATTRIBUTION", "EXPORTS", "Choice", "Export", "Exported", "attribution", "choose", "export_corpus"]

#: File of licences and attribution in every folder.
ATTRIBUTION: Final = "ATTRIBUTION.txt"
_MARK: Final = ".export.json"
_CHUNK: Final = 64  # samples read at once


@dataclass(frozen=True, slots=True)
class Choice:
    """Which samples are exported; all of them where nothing is said."""

    #: Name of a split, and the part and fold of it.
    split: str | None = None
    part: str = "train"
    fold: int = 0
    #: Identifiers, in the order wanted.
    ids: tuple[str, ...] = ()
    #: The first so many of all these.
    limit: int | None = None


@dataclass(frozen=True, slots=True)
class Exported:
    """What an export did."""

    #: Samples written now, found there already, and asked for.
    done: int
    skipped: int
    total: int
    #: What has no place in that layout or is not shown, in sentences.
    notes: tuple[str, ...] = ()

    @property
    def left(self) -> int:
        """Samples that could not be written."""
        return self.total - self.done - self.skipped

    def summary(self) -> str:
        """One line of counts."""
        left = f", {self.left:,} left out" if self.left else ""
        return f"done {self.done:,}, skipped {self.skipped:,}{left}, of {self.total:,} samples"

    def to_json(self) -> dict[str, Any]:
        """Plain JSON."""
        counts = {"done": self.done, "skipped": self.skipped, "left": self.left, "total": self.total}
        return {**counts, "notes": list(self.notes)}


@dataclass(frozen=True, slots=True, eq=False)
class _Job:
    """One export in hand."""

    corpus: Corpus
    #: Positions of the samples, and their identifiers.
    positions: Array
    ids: tuple[str, ...]
    out: Path
    #: Only this stack; None = all.
    stack: str | None
    progress: Progress

    def samples(self, positions: Sequence[int] | Array) -> Iterator[Sample]:
        """Read some of them, a few at a time."""
        for at in range(0, len(positions), _CHUNK):
            yield from self.corpus.samples(positions[at : at + _CHUNK])

    def layout(self) -> Layout:
        """What is exported of every sample."""
        whole = self.corpus.layout
        if self.stack is None:
            return whole
        stacks = {self.stack: self.corpus.spec(self.stack)}
        targets = {name: spec for name, spec in whole.targets.items() if name in stacks or name not in whole.stacks}
        return replace(whole, stacks=stacks, targets=targets)


@dataclass(frozen=True, slots=True)
class Export:
    """One kind of export."""

    #: One line for people.
    about: str
    #: What does it.
    run: Callable[[_Job], Exported]
    #: False = `out` is a file.
    is_folder: bool = True
    #: True if it takes one stack of several.
    takes_stack: bool = False


def choose(corpus: Corpus, choice: Choice) -> Array:
    """Positions of the samples that are asked for, in the order of the corpus, or of the identifiers.

    Raises
    ------
    Unknown
        There is no such sample, split or part; the nearest is named.
    Refused
        Identifiers and a split are both given, or nothing is left.
    """
    if choice.ids and choice.split is not None:
        raise Refused(where="swath corpus export", what="takes samples or a split, not both", fix="Leave one out.")
    if choice.ids:
        held = corpus.positions(choice.ids)
    elif choice.split is not None:
        held = np.sort(corpus.positions(load_split(corpus, choice.split).ids(choice.part, fold=choice.fold)))
    else:
        held = np.arange(len(corpus))
    held = held[: choice.limit]
    if not len(held):
        raise Refused(where=str(corpus.path), what="has no sample among those asked for", fix="Ask for others.")
    return np.asarray(held, np.int64)


def attribution(corpus: Corpus) -> str:
    """Licences and attribution of pixels and labels, a line each."""
    layout = corpus.layout
    said = [*layout.licences, *(each.attribution for each in layout.legends.values() if each.attribution)]
    lines = list(dict.fromkeys(said))
    return "\n".join(lines) if lines else "The corpus names no licence: ask whoever made it before you pass it on."


def export_corpus(
    name: str,
    corpus: Corpus,
    out: Path,
    *,
    choice: Choice | None = None,
    stack: str | None = None,
    progress: Progress = SILENT,
) -> Exported:
    """Write samples of a corpus as files of others.

    Parameters
    ----------
    name : str
        Key of `EXPORTS`.
    out : Path
        Folder, or file, that is made. A folder of the same export is gone on with.
    choice : Choice, optional
        Which samples; default all.
    stack : str, optional
        Only this one, where the kind can do without the others.

    Returns
    -------
    Exported

    Raises
    ------
    Unknown
        There is no such export, stack, sample, split or part; the nearest is named.
    Mismatch, Refused
        The layout cannot say what the samples hold: nothing is left where no sample was whole. `out` holds something
        else.
    """
    if name not in EXPORTS:
        raise Unknown(name, EXPORTS, what="export")
    kind = EXPORTS[name]
    if stack is not None:
        corpus.spec(stack)
        if not kind.takes_stack:
            fix = "Leave --stack out: that layout says itself which stacks it holds."
            raise Refused(where=f"export {name}", what="writes all stacks that it knows", fix=fix)
    positions = choose(corpus, choice or Choice())
    ids = tuple(corpus.ids.take(pa.array(positions)).to_pylist())
    job = _Job(corpus, positions, ids, out, stack, progress)
    if not kind.is_folder:
        if out.exists():
            raise Refused(where=str(out), what="is there already", fix="Choose another name.")
        return kind.run(job)
    made = [folder for folder in (out, *out.parents) if not folder.exists()]
    is_new = bool(made) or (out.is_dir() and not os.listdir(out))
    whole = 0

    def count(done: int, total: int) -> None:
        nonlocal whole
        whole = done
        progress(done, total)

    _require_place(name, job)
    try:
        write_whole(out / ATTRIBUTION, (attribution(corpus) + "\n").encode())
        return kind.run(replace(job, progress=count))
    except SwathError:
        if is_new and not (whole and _holds_more(out)):
            _clear(out, made)
        raise


def _holds_more(out: Path) -> bool:
    """True if a folder holds a file besides our own two."""
    return any(path.is_file() for path in out.rglob("*") if path not in (out / _MARK, out / ATTRIBUTION))


def _clear(out: Path, made: Sequence[Path]) -> None:
    """Take away all that a refused export wrote into a folder that was new or empty, and the folders it made."""
    for path in sorted(out.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink()
    for folder in made:
        folder.rmdir()


def _require_place(name: str, job: _Job) -> None:
    """Take a new folder, or one that the same export began."""
    digest = hashlib.sha256("\n".join(job.ids).encode()).hexdigest()
    held = {"export": name, "plan": job.corpus.meta.plan_hash, "samples": digest, "stack": job.stack}
    mark = job.out / _MARK
    if mark.is_file():
        try:
            have = json.loads(mark.read_bytes())
        except ValueError:
            have = {}
        if have != held:
            what = "holds another export (of other samples, another corpus or another kind)"
            raise Refused(where=str(job.out), what=what, fix="Choose another folder.")
        return
    if job.out.exists() and (not job.out.is_dir() or os.listdir(job.out)):
        raise Refused(where=str(job.out), what="is there and is no export", fix="Choose a folder that is new or empty.")
    write_whole(mark, json.dumps(held, indent=1).encode())


def _without(job: _Job, kept: Sequence[str]) -> tuple[str, ...]:
    """Say which targets and stacks have no place."""
    layout = job.corpus.layout
    left = sorted({*layout.targets, *layout.stacks} - set(kept))
    return (f"That layout has no place for: {', '.join(left)}.",) if left else ()


def _geotiff(job: _Job) -> Exported:
    layout = job.layout()
    rows = job.corpus.rows().take(pa.array(job.positions)).to_pylist()
    lines = [_line(row, layout) for row in rows]
    for name, parts in split_columns(job.corpus, list(job.ids)).items():
        lines = [replace(line, more={**line.more, name: part}) for line, part in zip(lines, parts, strict=True)]
    missing = []
    for position, line in zip(job.positions, lines, strict=True):
        paths = [
            path
            for name, times in line.times.items()
            for path in file_names(line.id, name, times, is_series=layout.stacks[name].dates > 1)
        ]
        if not all((job.out / path).exists() for path in paths):
            missing.append(int(position))
    skipped = len(lines) - len(missing)
    for k, sample in enumerate(job.samples(missing), start=1):
        write_sample(sample, job.out, layout, stacks=list(layout.stacks))
        job.progress(skipped + k, len(lines))
    write_index(job.out, layout, lines, note={"plan": job.corpus.meta.plan_hash})
    return Exported(len(missing), skipped, len(lines))


def _line(row: dict[str, Any], layout: Layout) -> SampleRow:
    """A row of the manifest as the tables of a folder have it."""
    times = {}
    for name in layout.stacks:
        held = row[f"stack_{name}"]
        if held is not None:
            listed = [np.datetime64("NaT") if each is None else each for each in held["times"]]
            times[name] = np.array(listed, "datetime64[us]")
    targets = {name: row[f"target_{name}"] for name, spec in layout.targets.items() if target_columns(name, spec)}
    return SampleRow(
        id=row["id"],
        group=row["group"],
        lonlat=None if row["lon"] is None else (row["lon"], row["lat"]),
        footprint=None if row["geometry"] is None else shapely.from_wkb(row["geometry"]),
        targets=targets,
        times=times,
    )


def _hdf5(job: _Job) -> Exported:
    done = skipped = 0
    total = len(job.ids)
    for number, at in enumerate(range(0, total, PER_FILE), start=1):
        part = job.positions[at : at + PER_FILE]
        if (job.out / f"data_batch_{number}.h5").exists():
            skipped += len(part)
            continue
        write_batches(
            job.samples(part),
            job.out,
            first=number,
            progress=lambda k, _, before=at: job.progress(before + k, total),
        )
        done += len(part)
    return Exported(done, skipped, total, _without(job, ("s2", "landcover", LABEL)))


def _deepsentinel(job: _Job) -> Exported:
    numbers = numbers_of(job.ids)
    # Folders are filled in order: the last one that is there may be half of one.
    there = [(job.out / number).exists() for number in numbers]
    skipped = max(0, (there.index(False) if False in there else len(there)) - 1)
    total = len(numbers)
    write_tree(
        job.samples(job.positions[skipped:]),
        job.out,
        numbers=numbers[skipped:],
        progress=lambda k, _: job.progress(skipped + k, total),
    )
    kept = ("gee-s2", "gee-s1", "dl-s2", "dl-s1", "landcover")
    return Exported(total - skipped, skipped, total, _without(job, kept))


def _virtual(job: _Job) -> Exported:
    layout = job.corpus.layout
    products = [name for name in layout.stacks if name not in layout.targets]
    is_fusion = set(FUSION_BANDS) <= set(products)
    is_flat = products == ["product"] and all(id.isdigit() for id in job.ids)
    done = skipped = 0
    for k, (position, id) in enumerate(zip(job.positions, job.ids, strict=True)):
        home = job.out / file_name(id)
        inner = [home] if is_fusion or is_flat else [home / name for name in products]
        if all((each / "index.json").exists() for each in inner):
            skipped += 1
            continue
        sample = next(job.corpus.samples([int(position)]))
        if is_fusion:
            digits = "".join(filter(str.isdigit, id))
            write_patch(home, sample, int(digits[-9:]) if digits else k)
        else:
            write_scene(home, sample, is_flat=is_flat)
        done += 1
        job.progress(k + 1, len(job.ids))
    truth = [name for name in layout.targets if name.split("-")[0] in ("class", "instance") and name in layout.stacks]
    return Exported(done, skipped, len(job.ids), _without(job, [*products, *truth]))


def _footprints(job: _Job) -> Exported:
    written = write_footprints(job.corpus, job.positions, job.out, note=attribution(job.corpus))
    left = len(job.ids) - written
    notes = (f"{left:,} samples have no place and are not among them.",) if left else ()
    return Exported(written, 0, len(job.ids), notes)


def _gif(job: _Job) -> Exported:
    layout, note = job.layout(), attribution(job.corpus)
    names = [job.stack] if job.stack else [name for name in layout.stacks if name not in layout.targets]
    held = {name: _frames(job, name) for name in names}
    notes: list[str] = []
    done = skipped = 0
    for k, (position, id) in enumerate(zip(job.positions, job.ids, strict=True)):
        there = [name for name in names if held[name][k]]
        paths = {name: gif_path(job.out, id, name, is_only=len(names) == 1) for name in there}
        if paths and all(path.exists() for path in paths.values()):
            skipped += 1
        elif paths:
            sample = next(job.corpus.samples([int(position)]))
            said = [write_gif(sample, name, path, layout, note=note) for name, path in paths.items()]
            notes += [each for each in said if each]
            done += 1
        job.progress(k + 1, len(job.ids))
    return Exported(done, skipped, len(job.ids), tuple(notes[:_MOST_NOTES]) + _more(len(notes) - _MOST_NOTES))


#: Notes that are printed, of those that every sample may have one of.
_MOST_NOTES: Final = 5


def _more(count: int) -> tuple[str, ...]:
    return (f"... and {count:,} more.",) if count > 0 else ()


def _frames(job: _Job, stack: str) -> Array:
    """Dates of a stack, one number a sample."""
    column = f"stack_{stack}.frames"
    counts = pc.fill_null(job.corpus.rows([column])[column], 0).to_numpy()
    return np.asarray(counts)[job.positions]


#: Every export by name.
EXPORTS: Final[dict[str, Export]] = {
    "geotiff": Export("a folder of GeoTIFFs with tables, which `geotiff` imports again", _geotiff, takes_stack=True),
    "footprints": Export("a GeoPackage or GeoJSON of one polygon a sample", _footprints, is_folder=False),
    "gif": Export("a moving picture of each sample's dates", _gif, takes_stack=True),
    "hdf5": Export("batches that Remote-Sensing-VisionDL reads", _hdf5),
    "virtual": Export("products or fusion patches of virtual remote sensing", _virtual),
    "deepsentinel": Export("the sample tree of DeepSentinel", _deepsentinel),
}
