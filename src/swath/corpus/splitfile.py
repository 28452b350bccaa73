"""Split files: frozen assignments of ids to parts, kept inside the corpus under a name.

`splits/<name>.parquet` holds the table (id, part, fold), with the recipe, the hash and the leakage report in its
metadata; its line in `splits/checksums.sha256` commits it. A name is written once: replacing is asked for by word.
"""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from swath.core.errors import Refused, SwathError, Unknown, Unreadable
from swath.core.files import publish, write_new
from swath.corpus.build import writing
from swath.corpus.checksums import NAME, file_sum, read_lines, sum_of, write_lines
from swath.corpus.corpus import Corpus
from swath.corpus.layout import SPLITS_FOLDER
from swath.corpus.leakage import LeakageReport
from swath.corpus.rows import table_bytes
from swath.corpus.splits import Split

__all__ = ["load_report", "load_split", "mend_split_lines", "save_split", "split_names"]


def _lines(folder: Path) -> dict[str, str]:
    return read_lines(folder) if (folder / NAME).exists() else {}


def split_names(corpus: Corpus) -> list[str]:
    """Names of the splits of a corpus, in the order in which they were made."""
    return [name.removesuffix(".parquet") for name in _lines(corpus.path / SPLITS_FOLDER)]


def save_split(corpus: Corpus, split: Split, report: LeakageReport, *, replace: bool = False) -> Path:
    """Freeze a split inside its corpus, with its leakage report; the same one again changes nothing.

    Raises
    ------
    Refused
        The name is taken by another split, or another report, and `replace` is not given.
    """
    folder = corpus.path / SPLITS_FOLDER
    name = f"{split.name}.parquet"
    meta = {"recipe": dict(split.recipe), "hash": split.hash, "leakage": report.to_json()}
    blob = table_bytes(split.table.replace_schema_metadata({"swath": json.dumps(meta, sort_keys=True)}))
    with writing(corpus.path, f"split {split.name}"):
        sums = _lines(folder)
        if sums.get(name) == sum_of(blob):
            return folder / name
        if name in sums and not replace:
            fix = "Choose another name, or replace it (--replace): scores that quote it will name another hash."
            raise Refused(where=str(folder / name), what=f"split {split.name!r} is there already", fix=fix)
        folder.mkdir(exist_ok=True)
        temporary = folder / f".{name}.tmp"
        write_new(temporary, blob)
        publish(temporary, folder / name)
        write_lines(folder, {**{k: v for k, v in sums.items() if k != name}, name: sum_of(blob)})
    return folder / name


def _read(corpus: Corpus, name: str) -> tuple[Any, dict[str, Any]]:
    folder = corpus.path / SPLITS_FOLDER
    sums = _lines(folder)
    file = f"{name}.parquet"
    if file not in sums:
        raise Unknown(name, split_names(corpus), what="split", where=str(corpus.path))
    if not (folder / file).exists() or file_sum(folder / file) != sums[file]:
        fix = "Make it again with the same recipe: the hash will tell that it is the same."
        raise Unreadable(where=str(folder / file), what="differs from what was written", fix=fix)
    table = pq.read_table(folder / file)
    return table.replace_schema_metadata(None), json.loads(table.schema.metadata[b"swath"])


def mend_split_lines(corpus: Corpus) -> None:
    """Write the checksum file of the splits anew, where it is damaged, from the splits that still have their hash.

    A split whose own bytes are damaged keeps its line, so that it goes on being refused: make it again.
    """
    folder = corpus.path / SPLITS_FOLDER
    try:
        sums = _lines(folder)
    except Unreadable:
        sums = {}
    for file in sorted(folder.glob("*.parquet")):
        with suppress(SwathError, OSError, pa.ArrowException, KeyError, ValueError, TypeError):
            table = pq.read_table(file)
            meta = json.loads(table.schema.metadata[b"swath"])
            split = Split(file.stem, table.replace_schema_metadata(None), meta["recipe"])
            if split.hash == meta["hash"]:
                sums[file.name] = file_sum(file)
    known = {name: digest for name, digest in sums.items() if (folder / name).exists()}
    if folder.exists() and (known or (folder / NAME).exists()):
        write_lines(folder, known)


def load_split(corpus: Corpus, name: str) -> Split:
    """Open a frozen split.

    Raises
    ------
    Unknown
        The corpus has no such split; the nearest is named.
    Unreadable
        It was altered.
    """
    table, meta = _read(corpus, name)
    split = Split(name=name, table=table, recipe=meta["recipe"])
    if split.hash != meta["hash"]:
        raise Unreadable(where=f"split {name}", what="does not have the hash that it was frozen with")
    return split


def load_report(corpus: Corpus, name: str) -> dict[str, Any]:
    """The leakage report that a split carries, as plain JSON."""
    return dict(_read(corpus, name)[1]["leakage"])
