"""Plans: tables that say exactly what will be read, and refuse to be ambiguous."""

from __future__ import annotations

from dataclasses import replace

import pyarrow as pa
import pytest

from swath.core.errors import Failure, Mismatch, Refused
from swath.core.plan import PLAN_COLUMNS, Layout
from swath.core.sample import Sample, TargetSpec
from tests.corpus.a_source import Numbers

PLAN = Numbers(n=3).plan()


def test_the_same_question_gives_the_same_hash():
    assert PLAN.hash == Numbers(n=3).plan().hash


@pytest.mark.parametrize(
    "change",
    [
        {"source": "other"},
        {"asked": {"seed": 1}},
        {"failures": (Failure("x", "missing", "gone"),)},
        {"rows": PLAN.rows.slice(0, 2)},
    ],
)
def test_whatever_decides_the_samples_changes_the_hash(change):
    assert replace(PLAN, **change).hash != PLAN.hash


def test_the_hash_knows_nothing_of_chunks():
    parts = pa.concat_tables([PLAN.rows.slice(0, 1), PLAN.rows.slice(1)])

    assert replace(PLAN, rows=parts).hash == PLAN.hash


def test_an_identifier_twice_is_refused():
    with pytest.raises(Refused, match="identifier 'number-0000' occurs twice"):
        replace(PLAN, rows=pa.concat_tables([PLAN.rows, PLAN.rows.slice(0, 1)]))


def test_a_missing_column_names_what_every_plan_has():
    with pytest.raises(Mismatch, match="columns differs: want lon double"):
        replace(PLAN, rows=PLAN.rows.drop_columns(["lon"]))


def test_a_column_of_another_type_is_refused():
    at = PLAN.rows.schema.get_field_index("bytes")
    rows = PLAN.rows.set_column(at, "bytes", PLAN.rows["bytes"].cast(pa.int32()))

    with pytest.raises(Mismatch, match="want bytes int64"):
        replace(PLAN, rows=rows)


def test_a_layout_travels_as_json():
    assert Layout.from_json(PLAN.layout.to_json()) == PLAN.layout


def test_summary_counts_samples_and_omissions():
    said = replace(PLAN, failures=(Failure("x", "missing", "gone"),)).summary()

    assert said.startswith("numbers: 3 samples, 1 left out; s2 1 x 3 x 16 x 16 dn offset 0")


def test_columns_are_those_of_the_contract():
    assert PLAN.rows.schema.names[: len(PLAN_COLUMNS)] == list(PLAN_COLUMNS)


def test_a_class_target_without_a_legend_is_refused():
    with pytest.raises(Refused, match="target class: has no legend. Name the legend of its codes"):
        TargetSpec("class")


def test_values_without_units_are_refused():
    with pytest.raises(Refused, match="has no units"):
        TargetSpec("values")


def test_a_sample_without_stacks_is_refused():
    with pytest.raises(Mismatch, match="sample a: stacks differs: want one or more, have none"):
        Sample("a", {})
