"""Contracts 8 to 12: batches, tasks, bundles and runs, as the programs and files of other people rest on them."""

from __future__ import annotations

import inspect
import json
from dataclasses import fields

import pytest
import torch

from swath.batch import Batch
from swath.bundle import Facts
from swath.bundle.facts import SCHEMA, NetworkFacts, OriginFacts
from swath.core.specs import Calibration, InputSpec, OutputSpec, StackInput
from swath.tasks import Task
from tests.bundle.a_bundle import a_bundle


def names(record: type) -> list[str]:
    return [field.name for field in fields(record)]


def test_a_batch():
    """Contract 8, with what mixing, series and several processes need."""
    assert names(Batch) == [
        "x",
        "valid",
        "present",
        "times",
        "wavelengths",
        "lonlat",
        "y",
        "ids",
        "other",
        "share",
        "opens",
        "whole",
    ]


def test_specs():
    """Contract 9."""
    assert names(InputSpec) == ["stacks", "size"]
    assert names(StackInput) == ["bands", "quantity", "level", "gsd", "dates", "mean", "std"]
    assert names(OutputSpec) == ["kind", "codes", "legend", "is_multilabel", "quantity", "units", "metrics"]
    assert names(Calibration) == ["temperature"]


def test_a_task_is_plural():
    """Contract 9: parts, a step that yields (part, loss), a state."""
    given = {name: list(inspect.signature(getattr(Task, name)).parameters) for name in ("step", "raw", "score")}

    assert given == {
        "step": ["self", "batch", "parts", "state"],
        "raw": ["self", "batch", "parts", "state"],
        "score": ["self", "raw", "truth"],
    }
    assert {"output", "predicts", "parts", "truth", "frozen"} <= set(vars(Task))


def test_a_bundle_on_disk(tmp_path):
    """Contract 10: the files, the keys of bundle.json, and what the hash covers."""
    torch.set_num_threads(1)
    a_bundle(tmp_path / "b")

    held = json.loads((tmp_path / "b" / "bundle.json").read_text())
    assert list(held) == [
        "swath_bundle",
        "hash",
        "name",
        "input",
        "output",
        "calibration",
        "network",
        "origin",
        "files",
    ]
    assert SCHEMA == held["swath_bundle"] == 1
    assert list(held["files"]) == ["weights.safetensors", "example.safetensors"]
    assert names(Facts) == ["name", "input", "output", "calibration", "network", "origin", "files"]
    assert names(NetworkFacts) == ["model", "head", "hidden", "views"]
    assert {"corpus_hash", "split_hash", "fold", "version", "command", "licences"} <= set(names(OriginFacts))


@pytest.mark.parametrize("key", ["input", "output", "calibration", "network", "origin", "files", "name"])
def test_the_hash_covers_everything_that_decides_an_answer(tmp_path, key):
    """Contract 10: "Its hash covers specs, weights, calibration and origin"."""
    torch.set_num_threads(1)
    facts = a_bundle(tmp_path / "b").facts

    changed = {
        "input": InputSpec(facts.input.stacks, (48, 48)),
        "output": OutputSpec("scene", facts.output.codes[:9], facts.output.legend, metrics=("accuracy",)),
        "calibration": Calibration(2.0),
        "network": NetworkFacts(facts.network.model, hidden=(12,), views=1),
        "origin": facts.origin.__class__(**{**{n: getattr(facts.origin, n) for n in names(OriginFacts)}, "seed": 4}),
        "files": {**facts.files, "weights.safetensors": "0" * 64},
        "name": "other",
    }
    from dataclasses import replace

    assert replace(facts, **{key: changed[key]}).hash != facts.hash
