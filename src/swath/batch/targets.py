"""Targets: the target columns of a corpus as the numbers that learning needs.

A class becomes its index in the output's codes, -1 where a sample has none; several classes become a row of 0 and 1,
values a row of numbers, NaN where missing. Maps are read with the pixels and looked up here. A code that the output
does not know is refused: leaving it out in silence would make every score wrong.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow.compute as pc

from swath.core.array import Array
from swath.core.errors import Mismatch, Refused, Unknown
from swath.core.legends import Legend
from swath.core.sample import TargetSpec
from swath.core.specs import OutputSpec
from swath.corpus.corpus import Corpus

__all__ = ["Lookup", "map_lookups", "read_targets", "require_target"]

#: Kind of target -> kind of output that learns it.
_LEARNT_AS: Final = {"class": "scene", "classes": "scene", "map": "dense", "values": "values"}
#: What a lookup says of a code that neither the output nor "no class" covers.
_STRANGE: Final = -2


def require_target(corpus: Corpus, name: str, output: OutputSpec) -> TargetSpec:
    """Refuse a target that an output cannot learn.

    Raises
    ------
    Unknown
        The corpus has no such target; the nearest is named.
    Mismatch
        Kind, legend, codes or units differ; names both sides.
    Refused
        Targets of this kind are not read.
    """
    known = corpus.layout.targets
    where = f"{corpus.path} target {name}"
    if name not in known:
        raise Unknown(name, known, what="target", where=str(corpus.path))
    spec = known[name]
    if spec.kind not in _LEARNT_AS:
        raise Refused(where=where, what=f"is of kind {spec.kind}, which no loader reads yet", fix="Choose another.")
    if (output.kind, output.is_multilabel) != (_LEARNT_AS[spec.kind], spec.kind == "classes"):
        several = " of several labels" if output.is_multilabel else ""
        want = f"{_LEARNT_AS[spec.kind]}{' of several labels' if spec.kind == 'classes' else ''} ({spec.kind} target)"
        raise Mismatch(where=where, what="output", want=want, have=f"{output.kind}{several}")
    if spec.kind == "values":
        if dict(output.units) != dict(spec.units):
            want, have = (", ".join(f"{k} [{u}]" for k, u in units.items()) for units in (output.units, spec.units))
            raise Mismatch(where=where, what="values", want=want or "none", have=have)
    else:
        _require_legend(corpus.layout.legends[spec.legend or ""], output, where)
    return spec


def _require_legend(legend: Legend, output: OutputSpec, where: str) -> None:
    """Refuse a legend that calls a code of the output by another name."""
    named = {each.code: each.name for each in legend.classes}
    for code, name in zip(output.codes, output.names, strict=True):
        if named.get(code) != name:
            want = f"{code} {name} (legend {output.legend.name if output.legend else ''})"
            have = f"{code} {named.get(code, 'is no class')} (legend {legend.name})"
            raise Mismatch(where=where, what="legend", want=want, have=have, fix="Map one legend to the other first.")


@dataclass(frozen=True, slots=True, eq=False)
class Lookup:
    """From codes to indices in the output's codes."""

    #: Codes in rising order, and for each its index, or -1 for "no class".
    codes: Array
    index: Array
    #: Code -> name, for errors.
    names: Mapping[int, str]

    @classmethod
    def of(cls, corpus: Corpus, spec: TargetSpec, output: OutputSpec) -> Lookup:
        """Lookup of one target."""
        legend = corpus.layout.legends[spec.legend or ""]
        known = dict.fromkeys(legend.none, -1) | {code: i for i, code in enumerate(output.codes)}
        codes = np.array(sorted(known), np.int64)
        names = {each.code: each.name for each in legend.classes}
        return cls(codes, np.array([known[code] for code in codes.tolist()], np.int64), names)

    def __call__(self, codes: Array, *, where: str) -> Array:
        """Look codes up: int64 of the same shape, -1 where there is no class.

        Raises
        ------
        Mismatch
            A code is no class of the output; its name is given.
        """
        place = np.minimum(np.searchsorted(self.codes, codes), len(self.codes) - 1)
        found = np.where(self.codes[place] == codes, self.index[place], _STRANGE)
        if found.size and found.min() == _STRANGE:
            code = int(np.asarray(codes)[found == _STRANGE].flat[0])
            have = f"{code} {self.names.get(code, '(not in the legend)')}"
            want = "codes " + ", ".join(str(c) for c, i in zip(self.codes, self.index, strict=True) if i >= 0)
            fix = "Train on every class of the legend, or leave these samples out of the split."
            raise Mismatch(where=where, what="class", want=want, have=have, fix=fix)
        return np.asarray(found, np.int64)


def map_lookups(corpus: Corpus, outputs: Mapping[str, OutputSpec]) -> dict[str, Lookup]:
    """Lookups of the map targets."""
    specs = {name: require_target(corpus, name, output) for name, output in outputs.items()}
    return {name: Lookup.of(corpus, specs[name], outputs[name]) for name in outputs if specs[name].kind == "map"}


def _classes(column: Array, lookup: Lookup, k: int, where: str) -> Array:
    """Rows of 0 and 1 from a list column (pyarrow), NaN where it is null."""
    lengths = np.asarray(pc.fill_null(pc.list_value_length(column), 0))
    flat = lookup(np.asarray(pc.list_flatten(column), np.int64), where=where)
    rows = np.repeat(np.arange(len(lengths)), lengths)
    y = np.zeros((len(lengths), k), np.float32)
    y[rows[flat >= 0], flat[flat >= 0]] = 1
    y[np.asarray(pc.is_null(column))] = np.nan
    return y


def read_targets(corpus: Corpus, positions: Array, outputs: Mapping[str, OutputSpec]) -> dict[str, Array]:
    """Read every target that has no pixels, for some samples.

    Parameters
    ----------
    positions : int array, shape (n,)
        Positions in the manifest.
    outputs : mapping
        Target -> what the model gives for it: the order of classes and values is the output's.

    Returns
    -------
    dict
        A class: int64 (n,), -1 = none. Several classes: float32 (n, k), NaN = none. Values: float32 (n, v).

    Raises
    ------
    Mismatch
        A sample is of a class that the output does not know, or a target is none that it learns.
    """
    read = {}
    for name, output in outputs.items():
        spec = require_target(corpus, name, output)
        if spec.kind == "map":
            continue
        column = corpus.rows([f"target_{name}"])[f"target_{name}"].combine_chunks().take(positions)
        where = f"{corpus.path} target {name}"
        if spec.kind == "values":
            fields = [pc.struct_field(column, each) for each in output.units]
            read[name] = np.stack([_floats(each) for each in fields], axis=1)
        elif spec.kind == "classes":
            read[name] = _classes(column, Lookup.of(corpus, spec, output), len(output.codes), where)
        else:
            labels = np.full(len(column), -1, np.int64)
            there = ~np.asarray(pc.is_null(column))
            codes = np.asarray(column.drop_null(), np.int64)
            labels[there] = Lookup.of(corpus, spec, output)(codes, where=where)
            read[name] = labels
    return read


def _floats(column: Array) -> Array:
    """A column of numbers (pyarrow) as float32, NaN where it is null."""
    return np.asarray(pc.fill_null(column, float("nan")), np.float32)
