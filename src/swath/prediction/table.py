"""Table: a model run over the samples of a corpus, batch by batch, into a GeoParquet table of answers.

What the model takes is compared with what the corpus holds before a pixel is read. While one batch is answered the next
is read; no more than a batch and the table of places is held. The file appears under its name when it is whole.
Labels are not needed; where the corpus has them, in the model's own legend, they stand beside the answers.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from swath.core.array import Array
from swath.core.errors import Mismatch, Refused, Unknown
from swath.core.files import publish, refusal
from swath.core.inputs import require_gsd, require_inputs, to_input
from swath.core.progress import SILENT, Progress
from swath.core.sample import TargetSpec
from swath.core.specs import Calibration, InputSpec, OutputSpec, Predictor
from swath.corpus.corpus import Corpus
from swath.prediction.columns import answer_columns, table_schema, truth_columns

__all__ = ["Predicted", "find_truth", "predict_table"]

_PLACE: Final = ("id", "lon", "lat", "bbox", "geometry")
_FIELDS: Final = ("frames", "times", "gsd_x", "gsd_y")
_GROUP: Final = 8192  # rows written at once


@dataclass(frozen=True, slots=True)
class Predicted:
    """What was written."""

    #: The table.
    path: Path
    #: Samples in it.
    samples: int
    #: Of these: too few measured pixels to be answered, so that their answer is null.
    unanswered: int
    #: Of these: with a truth beside the answer.
    labelled: int

    def summary(self) -> str:
        """One line of counts.

        Examples
        --------
        >>> Predicted(Path("a.parquet"), 27000, 3, 0).summary()
        'a.parquet: 27,000 samples, 26,997 answered, 3 without measured pixels, 0 with a label'
        """
        answered = self.samples - self.unanswered
        return (
            f"{self.path}: {self.samples:,} samples, {answered:,} answered, "
            f"{self.unanswered:,} without measured pixels, {self.labelled:,} with a label"
        )


@dataclass(frozen=True, slots=True, eq=False)
class _Batch:
    """Samples ready for the model."""

    rows: pa.Table
    x: dict[str, Array]
    valid: dict[str, Array]
    times: dict[str, Array]

    @property
    def share(self) -> Array:
        """Measured numbers over all that the model looks at, float64 (n,)."""
        n = self.rows.num_rows
        measured, whole = np.zeros(n), 0
        for name, x in self.x.items():
            good = self.valid[name]
            measured += good.reshape(n, -1).sum(axis=1) * (x[0].size // good[0].size)
            whole += x[0].size
        return measured / whole


def predict_table(
    predictor: Predictor,
    corpus: Corpus,
    path: Path | str,
    *,
    positions: Sequence[int] | Array | None = None,
    name: str = "unnamed",
    bundle_hash: str = "",
    calibration: Calibration | None = None,
    target: str | None = None,
    batch: int = 128,
    least_valid: float = 0.0,
    threads: int = 1,
    progress: Progress = SILENT,
) -> Predicted:
    """Answer for samples of a corpus and write a table.

    Parameters
    ----------
    predictor : Predictor
        The model; gives one answer a sample.
    corpus : Corpus
        Holds the stacks that the model takes, under its names.
    path : Path
        GeoParquet file; replaced when the new one is whole.
    positions : int sequence, optional
        Samples, in the order of the table; None = all.
    name, bundle_hash : str
        Of the bundle, for errors and the table.
    calibration : Calibration, optional
        For probabilities; None = as trained.
    target : str, optional
        Whose labels stand beside the answers; None = the target of the model's kind and legend, if there is one.
    batch : int
        Samples at once.
    least_valid : float
        A sample whose share of measured pixels is not above this is not answered.
    threads : int
        How many decode pixels.
    progress : Progress
        Told after each batch.

    Raises
    ------
    Mismatch
        The corpus does not hold what the model takes, a label has another legend, or the model gives another shape.
    Refused
        The model gives maps, raw output is not finite, or two targets would do.
    Unknown
        The corpus has no such target.
    """
    where, file = str(corpus.path), Path(path)
    output = predictor.output
    if output.kind not in ("scene", "values", "vector"):
        raise Refused(
            where=f"bundle {name}", what=f"gives a {output.kind} output, no answer a sample", fix="Map a scene with it."
        )
    if output.kind == "scene" and not output.codes:
        raise Refused(where=f"bundle {name}", what="names no classes", fix="Give its OutputSpec codes and a legend.")
    by = f"bundle {name}"
    require_inputs(corpus.layout.stacks, predictor.input, by=by, where=where)
    truth = find_truth(corpus, output, target, by=by)
    chosen = np.arange(len(corpus)) if positions is None else np.asarray(positions, np.int64)
    fields = [f"stack_{stack}.{field}" for stack in predictor.input.stacks for field in _FIELDS]
    rows = corpus.rows([*_PLACE, *fields, *([] if truth is None else [f"target_{truth}"])])
    _require_places(rows, predictor.input, chosen, by, where)
    schema = table_schema(
        output,
        has_truth=truth is not None,
        bundle=name,
        bundle_hash=bundle_hash,
        calibration=calibration or Calibration(),
        corpus=corpus.meta.plan_hash,
    )
    temporary = file.with_name(f".{file.name}.tmp")
    done = unanswered = labelled = 0
    try:
        temporary.parent.mkdir(parents=True, exist_ok=True)
        with pq.ParquetWriter(temporary, schema, compression="zstd") as writer:
            waiting: list[pa.Table] = []
            for held in _ahead(corpus, predictor.input, rows, chosen, batch, threads):
                answered = held.share > least_valid
                raw = _answers(predictor, held, answered, by)
                columns = _columns(held, raw, answered, output, calibration or Calibration(), truth, bundle_hash)
                waiting.append(pa.table([_typed(columns[f.name], f.type) for f in schema], schema=schema))
                if sum(map(len, waiting)) >= _GROUP:
                    writer.write_table(pa.concat_tables(waiting))
                    waiting.clear()
                done += len(answered)
                unanswered += int((~answered).sum())
                labelled += 0 if truth is None else _known(columns, output)
                progress(done, len(chosen))
            if waiting:
                writer.write_table(pa.concat_tables(waiting))
        _flush(temporary)
        publish(temporary, file)
    except OSError as error:
        raise refusal(file, error) from error
    finally:
        temporary.unlink(missing_ok=True)
    return Predicted(file, done, unanswered, labelled)


def _flush(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _typed(column: Any, kind: pa.DataType) -> pa.Array:
    held = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    return held if held.type == kind else held.cast(kind)


def _known(columns: dict[str, Any], output: OutputSpec) -> int:
    """Rows that have a truth."""
    column = columns["truth" if output.codes else f"truth_{next(iter(output.units))}"]
    return len(column) - int(column.null_count)


def find_truth(corpus: Corpus, output: OutputSpec, asked: str | None = None, *, by: str) -> str | None:
    """Find the target whose labels mean what a model's answers mean; None if the corpus has none.

    Parameters
    ----------
    corpus : Corpus
        Whose targets are looked at.
    output : OutputSpec
        What the model gives.
    asked : str, optional
        Take this one, if it will do.
    by : str
        The model, for errors.

    Raises
    ------
    Mismatch
        The target asked for has another kind, legend or unit.
    Refused
        Several would do, and none was asked for.
    Unknown
        The corpus has no such target.
    """
    where, targets = str(corpus.path), corpus.layout.targets
    if asked is not None and asked not in targets:
        raise Unknown(asked, targets, what="target", where=where)
    if asked is not None:
        _require_target(corpus, targets[asked], output, f"{where} target {asked}", by)
        return asked
    alike = [name for name, spec in targets.items() if not _differs(corpus, spec, output)]
    if len(alike) > 1:
        fix = "Name the one that was learnt."
        raise Refused(where=where, what=f"targets {', '.join(alike)} could all be the truth of {by}", fix=fix)
    return alike[0] if alike else None


def _differs(corpus: Corpus, spec: TargetSpec, output: OutputSpec) -> tuple[str, str, str] | None:
    """What differs, what the model has, what the corpus has; None if they mean the same."""
    kind = {"scene": "classes" if output.is_multilabel else "class"}.get(output.kind, output.kind)
    if spec.kind != kind or output.kind == "vector":
        return "kind of target", kind if output.kind != "vector" else "none", spec.kind
    if output.legend is not None:
        held = corpus.layout.legends[spec.legend or ""]
        names = [{c.code: c.name for c in each.classes} for each in (output.legend, held)]
        odd = [code for code in output.codes if names[0].get(code) != names[1].get(code)]
        if odd:
            said = [f"{odd[0]} {each.get(odd[0], 'nothing')!r}" for each in names]
            return "legend", f"{output.legend.name}: {said[0]}", f"{held.name}: {said[1]}"
    elif dict(spec.units) != dict(output.units):
        want, have = (", ".join(f"{k} [{unit}]" for k, unit in each.items()) for each in (output.units, spec.units))
        return "values", want, have
    return None


def _require_target(corpus: Corpus, spec: TargetSpec, output: OutputSpec, where: str, by: str) -> None:
    differs = _differs(corpus, spec, output)
    if differs is not None:
        what, want, have = differs
        raise Mismatch(where=where, what=what, want=f"{want} ({by})", have=have, fix="Name another target, or none.")


def _require_places(rows: pa.Table, needs: InputSpec, chosen: Array, by: str, where: str) -> None:
    """Every sample's own ground size, not only the corpus's nominal one."""
    if len(chosen) and (chosen.min() < 0 or chosen.max() >= rows.num_rows):
        want = f"whole numbers from 0 to {rows.num_rows - 1}"
        raise Mismatch(where=where, what="positions", want=want, have=f"{chosen.min()} to {chosen.max()}")
    for name, wanted in needs.stacks.items():
        sizes = [np.asarray(rows[f"stack_{name}.{axis}"].to_numpy(), float)[chosen] for axis in ("gsd_x", "gsd_y")]
        off = np.nan_to_num(np.maximum(*(np.abs(each / wanted.gsd - 1) for each in sizes)))  # NaN: no such stack
        if len(off):
            at = int(off.argmax())
            id = rows["id"][int(chosen[at])].as_py()
            gsd = (float(sizes[0][at]), float(sizes[1][at]))
            require_gsd(gsd, wanted, by=by, where=f"{where} sample {id} stack {name}")


def _pixels(corpus: Corpus, stack: str, at: Array, counts: Array, threads: int) -> tuple[Array, Array | None]:
    """Stored pixels (n, dates, b, h, w) and their validity; dates that a sample lacks are invalid."""
    spec = corpus.spec(stack)
    if len(at) and (counts == spec.dates).all():
        return corpus.pixels(stack, at, threads=threads), corpus.valid(stack, at, threads=threads)
    shape = (len(at), spec.dates, len(spec.bands), *spec.size)
    data, valid = np.zeros(shape, spec.dtype), np.zeros(shape, bool)
    for count in np.unique(counts[counts > 0]):
        alike = np.flatnonzero(counts == count)
        data[alike, :count] = corpus.pixels(stack, at[alike], threads=threads)
        mask = corpus.valid(stack, at[alike], threads=threads)
        valid[alike, :count] = True if mask is None else mask
    return data, valid


def _batch(corpus: Corpus, needs: InputSpec, rows: pa.Table, at: Array, threads: int) -> _Batch:
    """Read some samples and bring them to what the model takes."""
    taken = rows.take(pa.array(at))
    x, valid, times = {}, {}, {}
    for name, wanted in needs.stacks.items():
        counts = np.asarray(taken[f"stack_{name}.frames"].fill_null(0).to_numpy(), np.int64)
        data, mask = _pixels(corpus, name, at, counts, threads)
        x[name], valid[name] = to_input(data, mask, corpus.spec(name), wanted, where=f"{corpus.path} stack {name}")
        times[name] = np.full((len(at), wanted.dates), np.datetime64("NaT"), "datetime64[us]")
        for row, dates, count in zip(times[name], taken[f"stack_{name}.times"].to_pylist(), counts, strict=True):
            row[:count] = [np.datetime64("NaT") if t is None else t for t in (dates or [])[:count]]
    return _Batch(taken, x, valid, times)


def _ahead(
    corpus: Corpus, needs: InputSpec, rows: pa.Table, chosen: Array, size: int, threads: int
) -> Iterator[_Batch]:
    """Batches in order, each read while the one before is answered."""
    parts = [chosen[first : first + size] for first in range(0, len(chosen), size)]
    with ThreadPoolExecutor(1, thread_name_prefix="swath-read") as reader:
        coming = [reader.submit(_batch, corpus, needs, rows, part, threads) for part in parts[:1]]
        for following in [*parts[1:], None]:
            if not coming:
                return
            held = coming.pop().result()
            if following is not None:
                coming.append(reader.submit(_batch, corpus, needs, rows, following, threads))
            yield held


def _answers(predictor: Predictor, held: _Batch, answered: Array, by: str) -> Array:
    """Raw output, float32 (n, k), checked."""
    raw = np.asarray(predictor.samples(held.x, held.valid, held.times))
    wide = len(predictor.output.codes) or len(predictor.output.units)
    n = held.rows.num_rows
    if raw.ndim != 2 or raw.shape[0] != n or (wide and raw.shape[1] != wide):
        want = f"({n}, {wide or 'd'})"
        raise Mismatch(where=by, what="shape of the raw output", want=want, have=str(raw.shape))
    bad = answered & ~np.isfinite(raw).all(axis=1)
    if bad.any():
        id = held.rows["id"][int(np.flatnonzero(bad)[0])].as_py()
        fix = "Look at its weights and at this sample."
        raise Refused(where=f"{by}, sample {id}", what="gives NaN or infinity, which is no answer", fix=fix)
    return np.asarray(raw, np.float32)


def _columns(
    held: _Batch,
    raw: Array,
    answered: Array,
    output: OutputSpec,
    calibration: Calibration,
    truth: str | None,
    bundle_hash: str,
) -> dict[str, Any]:
    first = np.concatenate(list(held.times.values()), axis=1)
    known = np.where(np.isnat(first), np.iinfo(np.int64).max, first.astype(np.int64)).min(axis=1)
    earliest = pa.array(known, pa.int64(), mask=known == np.iinfo(np.int64).max).cast(pa.timestamp("us"))
    return {
        **{name: held.rows[name] for name in _PLACE},
        "time": earliest,
        "valid_share": pa.array(held.share.astype(np.float32)),
        **answer_columns(output, np.where(answered[:, None], raw, np.float32(0)), answered, calibration),
        **({} if truth is None else truth_columns(output, held.rows[f"target_{truth}"])),
        "bundle": pa.array([bundle_hash] * len(answered)).dictionary_encode(),
    }
