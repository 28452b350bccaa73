"""Specs: what a model takes and gives, and the one place where probabilities are made."""

from __future__ import annotations

import json

import numpy as np
import pytest

from swath.core.errors import Mismatch, Refused, Unknown
from swath.core.legends import legend
from swath.core.quantity import TOA, dn
from swath.core.specs import Calibration, InputSpec, OutputSpec, StackInput

RED = StackInput(("B04",), TOA, "L1C", 10.0, 1, (0.1,), (1.0,))


def test_a_deviation_of_zero_cannot_normalise():
    with pytest.raises(Refused, match="a standard deviation of 0 cannot normalise"):
        StackInput(("B04",), TOA, "L1C", 10.0, 1, (0.1,), (0.0,))


def test_support_is_pixels_times_gsd():
    """science 3: 64 px at 10 m = 640 m."""
    assert InputSpec({"s2": RED}, (64, 64)).support == (640.0, 640.0)


def test_probabilities_are_made_once_and_sum_to_one():
    raw = np.array([[2.0, 0.0, 1.0]])
    spec = OutputSpec("scene", codes=(4, 5, 9), legend=legend("eurosat"))

    plain, cool = spec.decode(raw), spec.decode(raw, Calibration(2.0))

    np.testing.assert_allclose(plain.probability, np.exp(raw) / np.exp(raw).sum())
    np.testing.assert_allclose(cool.probability, np.exp(raw / 2) / np.exp(raw / 2).sum())
    assert plain.label.tolist() == cool.label.tolist() == [4]


def test_several_labels_do_not_exclude_one_another():
    """Sigmoid, one a class; 0.5 is the threshold."""
    spec = OutputSpec("scene", codes=(1, 2), legend=legend("eurosat"), is_multilabel=True)

    got = spec.decode(np.array([[0.0, -1000.0], [3.0, 3.0]]))

    np.testing.assert_allclose(got.probability, [[0.5, 0.0], [1 / (1 + np.exp(-3)), 1 / (1 + np.exp(-3))]])
    assert got.label.tolist() == [[True, False], [True, True]]


def test_a_temperature_below_zero_is_refused():
    with pytest.raises(Refused, match="temperature must be above 0"):
        Calibration(-1.0)


def test_an_unknown_output_kind_names_the_nearest():
    with pytest.raises(Unknown, match="Did you mean 'scene'"):
        OutputSpec("scenes")


def test_codes_must_be_of_their_legend():
    with pytest.raises(
        Mismatch, match=r"output scene: codes differs: want codes of legend eurosat \(0, 1, .*have 3, 10"
    ):
        OutputSpec("scene", codes=(3, 10), legend=legend("eurosat"))


def test_a_class_may_not_be_named_twice():
    with pytest.raises(Refused, match=r"names a class twice: have \(3, 3\)"):
        OutputSpec("scene", codes=(3, 3), legend=legend("eurosat"))


def test_names_come_in_the_order_of_the_codes():
    """science 4: alphabetical ids of EuroSAT."""
    spec = OutputSpec("scene", codes=(9, 1), legend=legend("eurosat"))

    assert spec.names == ("SeaLake", "Forest")


def test_specs_travel_as_json():
    """bundle.json holds them."""
    takes = InputSpec({"s2": StackInput(("B04", "B08"), dn("toa", offset=0), "L1C", 10.0, 2, (1, 2), (3, 4))}, (64, 32))
    gives = OutputSpec("scene", codes=(1, 2), legend=legend("eurosat"), is_multilabel=True, metrics=("macro_f1",))
    plain = OutputSpec("values", units={"wealth": "1"})

    assert InputSpec.from_json(json.loads(json.dumps(takes.to_json()))) == takes
    assert OutputSpec.from_json(json.loads(json.dumps(gives.to_json()))) == gives
    assert OutputSpec.from_json(json.loads(json.dumps(plain.to_json()))) == plain
    assert Calibration.from_json(Calibration(1.5).to_json()) == Calibration(1.5)
