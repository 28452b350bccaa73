"""Columns: what a table of predictions holds, written from arrays and read back as a record.

    id lon lat time bbox geometry      whose answer, where and when (the first date known)
    valid_share                        measured pixels over all pixels that the model looked at [1]
    prediction name                    code and name of the class; lists of them where there are several
    p_<name> ...                       probability of each class, after the temperature
    value_<name> ... or embedding      for models that give values or vectors
    raw                                what the model gave, float32
    truth                              code or codes in the corpus, null = no label; truth_<name> for values
    bundle                             hash of the model

GeoParquet 1.1: geopandas, DuckDB and QGIS open it. What was not answered is null. Rows are found by `id` alone.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from swath.core.array import Array
from swath.core.errors import Refused, Unreadable
from swath.core.specs import Calibration, OutputSpec

__all__ = ["SCHEMA_VERSION", "PredictionTable", "answer_columns", "read_table", "table_schema", "truth_columns"]

#: Of the metadata and the columns.
SCHEMA_VERSION: Final = 1
_KEY: Final = b"swath"
_BBOX: Final = pa.struct([(side, pa.float64()) for side in ("xmin", "ymin", "xmax", "ymax")])


def _answer_fields(output: OutputSpec) -> list[tuple[str, pa.DataType]]:
    """Columns of the answers, by what the model gives."""
    if output.codes:
        several = output.is_multilabel
        code, name = (pa.list_(kind) if several else kind for kind in (pa.int32(), pa.string()))
        return [("prediction", code), ("name", name), *((f"p_{each}", pa.float32()) for each in output.names)]
    if output.kind == "values":
        return [(f"value_{name}", pa.float32()) for name in output.units]
    return [("embedding", pa.list_(pa.float32()))]


def _truth_fields(output: OutputSpec) -> list[tuple[str, pa.DataType]]:
    if output.codes:
        return [("truth", pa.list_(pa.int32()) if output.is_multilabel else pa.int32())]
    return [(f"truth_{name}", pa.float64()) for name in output.units]


def table_schema(
    output: OutputSpec, *, has_truth: bool, bundle: str, bundle_hash: str, calibration: Calibration, corpus: str
) -> pa.Schema:
    """Columns of a table, with the metadata of GeoParquet and our own.

    Parameters
    ----------
    output : OutputSpec
        What the model gives.
    has_truth : bool
        Whether the corpus has a target of the kind.
    bundle, bundle_hash : str
        Name and hash of the model.
    calibration : Calibration
        With which probabilities were made.
    corpus : str
        Hash of the corpus's plan.
    """
    fields: list[tuple[str, pa.DataType]] = [
        ("id", pa.string()),
        ("lon", pa.float64()),
        ("lat", pa.float64()),
        ("time", pa.timestamp("us")),
        ("bbox", _BBOX),
        ("geometry", pa.binary()),
        ("valid_share", pa.float32()),
        *_answer_fields(output),
        *([] if output.kind == "vector" else [("raw", pa.list_(pa.float32()))]),
        *(_truth_fields(output) if has_truth else []),
        ("bundle", pa.dictionary(pa.int32(), pa.string())),
    ]
    covering = {"bbox": {side: ["bbox", side] for side in ("xmin", "ymin", "xmax", "ymax")}}
    column = {"encoding": "WKB", "geometry_types": [], "covering": covering}
    geo = {"version": "1.1.0", "primary_column": "geometry", "columns": {"geometry": column}}
    ours = {
        "schema": SCHEMA_VERSION,
        "bundle": bundle,
        "bundle_hash": bundle_hash,
        "corpus": corpus,
        "output": output.to_json(),
        "calibration": calibration.to_json(),
    }
    return pa.schema(fields, metadata={"geo": json.dumps(geo), _KEY: json.dumps(ours, sort_keys=True)})


def _lists(rows: Sequence[Sequence[Any] | None], kind: pa.DataType) -> pa.Array:
    return pa.array(rows, pa.list_(kind))


def answer_columns(output: OutputSpec, raw: Array, answered: Array, calibration: Calibration) -> dict[str, pa.Array]:
    """Columns of the answers; probabilities are made by `OutputSpec.decode` alone.

    Parameters
    ----------
    output : OutputSpec
        What the model gives.
    raw : float array, shape (n, ...)
        Before decoding.
    answered : bool array, shape (n,)
        False = null.
    calibration : Calibration
        For probabilities.
    """
    missing = pa.array(~answered)
    plain = np.asarray(raw, np.float32)
    written = [row.tolist() if known else None for row, known in zip(plain, answered, strict=True)]
    if output.kind == "vector":
        return {"embedding": _lists(written, pa.float32())}
    held: dict[str, pa.Array] = {"raw": _lists(written, pa.float32())}
    if not output.codes:
        return held | {
            f"value_{name}": pc.if_else(missing, None, pa.array(plain[:, i])) for i, name in enumerate(output.units)
        }
    decoded = output.decode(plain, calibration)
    chance, label = np.asarray(decoded.probability, np.float32), np.asarray(decoded.label)
    if output.is_multilabel:
        at = [np.flatnonzero(row) if known else None for row, known in zip(label, answered, strict=True)]
        held["prediction"] = _lists([None if k is None else [output.codes[i] for i in k] for k in at], pa.int32())
        held["name"] = _lists([None if k is None else [output.names[i] for i in k] for k in at], pa.string())
    else:
        names = dict(zip(output.codes, output.names, strict=True))
        held["prediction"] = pc.if_else(missing, None, pa.array(label, pa.int32()))
        held["name"] = pa.array([names[int(c)] if known else None for c, known in zip(label, answered, strict=True)])
    for i, name in enumerate(output.names):
        held[f"p_{name}"] = pc.if_else(missing, None, pa.array(chance[:, i]))
    return held


def truth_columns(output: OutputSpec, column: pa.ChunkedArray | pa.Array) -> dict[str, pa.Array]:
    """Columns of the truth, from a target's column in the corpus."""
    if output.codes:
        return {"truth": column}
    return {f"truth_{name}": pc.struct_field(column, name) for name in output.units}


@dataclass(frozen=True, slots=True, eq=False)
class PredictionTable:
    """A table of predictions, as arrays; rows in the order of the file."""

    #: Identifiers.
    ids: tuple[str, ...]
    #: Longitude and latitude, float64 (n, 2), NaN = unknown.
    lonlat: Array
    #: First date, datetime64[us] (n,), NaT = unknown.
    times: Array
    #: Measured pixels over all that the model looked at, float32 (n,).
    valid_share: Array
    #: What the model gave, float32 (n, k), or (n, d) for values and embeddings; NaN = not answered.
    raw: Array
    #: Codes, int64 (n,), -1 = not answered; for several labels bool (n, k); None for values and embeddings.
    predicted: Array | None
    #: Probability of each class, float32 (n, k), NaN = not answered; None for values and embeddings.
    probability: Array | None
    #: Codes, int64 (n,), -1 = no label; for several labels float32 (n, k) of 0 and 1, NaN = none; for values float64
    #: (n, v); None where the corpus has no such target.
    truth: Array | None
    #: What the model gives, and how its probabilities were made.
    output: OutputSpec
    calibration: Calibration
    #: Name and hash of the model, hash of the corpus's plan.
    bundle: str
    bundle_hash: str
    corpus: str

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def confidence(self) -> Array:
        """Probability of the answer given, float32 (n,), NaN = not answered.

        Raises
        ------
        Refused
            The model gives no single class.
        """
        if self.probability is None or self.output.is_multilabel:
            raise Refused(where=f"table of {self.bundle}", what="holds no single class a sample to be sure of")
        return np.asarray(self.probability.max(axis=1, initial=-np.inf, where=True))

    def truth_index(self) -> Array | None:
        """Truth as scores want it beside `raw`: positions in `output.codes`, -1 = none or of another class."""
        if self.truth is None or not self.output.codes or self.output.is_multilabel:
            return self.truth
        at = {code: i for i, code in enumerate(self.output.codes)}
        return np.array([at.get(int(code), -1) for code in self.truth], np.int64)


def _meta(file: pq.ParquetFile, where: str) -> Mapping[str, Any]:
    held = (file.schema_arrow.metadata or {}).get(_KEY)
    if held is None:
        raise Unreadable(where=where, what="is no table of predictions", fix="Write one: swath predict.")
    meta: dict[str, Any] = json.loads(held)
    if meta["schema"] > SCHEMA_VERSION:
        what = f"was written by a newer swath (schema {meta['schema']}, this one reads {SCHEMA_VERSION})"
        raise Refused(where=where, what=what, fix="Update swath.")
    return meta


def _rows_of(column: pa.ChunkedArray, wide: int) -> Array:
    """Lists of numbers as an array (n, wide), NaN where there is none."""
    held = np.full((len(column), wide), np.nan, np.float32)
    known = pc.is_valid(column).to_numpy()
    flat = pc.list_flatten(column).to_numpy()
    held[known] = flat.reshape(-1, wide)
    return held


def _sets_of(column: pa.ChunkedArray, codes: Sequence[int]) -> Array:
    """Lists of codes as 0 and 1 (n, k), NaN where there is none."""
    at = {code: i for i, code in enumerate(codes)}
    held = np.full((len(column), len(codes)), np.nan, np.float32)
    for row, given in zip(held, column.to_pylist(), strict=True):
        if given is not None:
            row[:] = 0
            row[[at[code] for code in given if code in at]] = 1
    return held


def _numbers(column: pa.ChunkedArray, dtype: Any, missing: Any) -> Array:
    return np.asarray(pc.fill_null(column, missing).to_numpy(), dtype)


def read_table(path: Path | str) -> PredictionTable:
    """Read a table of predictions.

    Raises
    ------
    Unreadable
        There is no such file, or it is no table of predictions.
    Refused
        A newer swath wrote it.
    """
    where = str(path)
    try:
        with pq.ParquetFile(path) as file:
            meta = _meta(file, where)
            table = file.read()
    except FileNotFoundError:
        raise Unreadable(where=where, what="is not there", fix="Write one: swath predict.") from None
    except (pa.ArrowException, OSError) as error:
        raise Unreadable(where=where, what=f"is damaged ({error})", fix="Write it again: swath predict.") from error
    output, names = OutputSpec.from_json(meta["output"]), set(table.column_names)
    predicted = probability = truth = None
    if output.codes:
        probability = np.stack([_numbers(table[f"p_{name}"], np.float32, np.nan) for name in output.names], axis=1)
        raw = _rows_of(table["raw"], len(output.codes))
        if output.is_multilabel:
            predicted = _sets_of(table["prediction"], output.codes) > 0
            truth = _sets_of(table["truth"], output.codes) if "truth" in names else None
        else:
            predicted = _numbers(table["prediction"], np.int64, -1)
            truth = _numbers(table["truth"], np.int64, -1) if "truth" in names else None
    elif output.kind == "values":
        raw = _rows_of(table["raw"], len(output.units))
        given = [f"truth_{name}" for name in output.units]
        truth = np.stack([_numbers(table[n], float, np.nan) for n in given], axis=1) if given[0] in names else None
    else:
        wide = next((len(each) for each in table["embedding"].to_pylist() if each is not None), 0)
        raw = _rows_of(table["embedding"], wide)
    return PredictionTable(
        ids=tuple(table["id"].to_pylist()),
        lonlat=np.stack([_numbers(table[axis], float, np.nan) for axis in ("lon", "lat")], axis=1),
        times=np.asarray(table["time"].to_numpy(), "datetime64[us]"),
        valid_share=_numbers(table["valid_share"], np.float32, np.nan),
        raw=raw,
        predicted=predicted,
        probability=probability,
        truth=truth,
        output=output,
        calibration=Calibration.from_json(meta["calibration"]),
        bundle=str(meta["bundle"]),
        bundle_hash=str(meta["bundle_hash"]),
        corpus=str(meta["corpus"]),
    )
