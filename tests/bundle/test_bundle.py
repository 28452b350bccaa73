"""Bundles: every byte is as written, the stored answer comes out, and nothing else is believed."""

from __future__ import annotations

import hashlib
import json
import pickle
from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import load as read_tensors
from safetensors.torch import save as tensor_bytes

from swath.bundle import open_bundle
from swath.bundle.card import card
from swath.core.errors import Mismatch, Refused, Unreadable
from swath.testing.predictor import an_input, check_predictor
from tests.bundle.a_bundle import INPUT, a_bundle, some_facts


@pytest.fixture(autouse=True)
def _one_thread():
    torch.set_num_threads(1)


@pytest.fixture
def folder(tmp_path):
    a_bundle(tmp_path / "alps")
    return tmp_path / "alps"


def rewrite(folder, change):
    """Alter bundle.json and give it the hash that fits."""
    held = json.loads((folder / "bundle.json").read_text())
    change(held)
    plain = {key: value for key, value in held.items() if key not in ("swath_bundle", "hash")}
    text = json.dumps(plain, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    held["hash"] = hashlib.sha256(text.encode()).hexdigest()
    (folder / "bundle.json").write_text(json.dumps(held))


@pytest.mark.parametrize("views", [1, 4, 8])
def test_a_bundle_keeps_the_predictors_contract(tmp_path, views):
    """Contract 10."""

    facts = some_facts()
    bundle = a_bundle(tmp_path / "b", network=replace(facts.network, views=views))

    check_predictor(bundle)


def test_a_bundle_opened_again_gives_the_same_answers(folder):
    x = an_input(INPUT, 3)

    one, other = open_bundle(folder), open_bundle(folder)

    np.testing.assert_array_equal(one.samples(x, {}, {}), other.samples(x, {}, {}))
    assert one.facts == other.facts
    assert (one.input, one.calibration.temperature, one.name) == (INPUT, 1.5, "alps")


def test_a_bundle_lies_in_its_run(folder, tmp_path):
    (tmp_path / "run").mkdir()
    folder.rename(tmp_path / "run" / "bundle")

    assert open_bundle(tmp_path / "run").name == "alps"


def test_eight_views_are_the_mean_over_the_square_s_symmetries(tmp_path):
    """A naive loop: numpy's flips and rotations of the input, answered one by one."""

    one = a_bundle(tmp_path / "one", network=replace(some_facts().network, views=1))
    eight = a_bundle(tmp_path / "eight", network=replace(some_facts().network, views=8))
    x = an_input(INPUT, 2)["s2"]

    looped = [
        one.samples({"s2": np.ascontiguousarray(np.rot90(np.flip(x, -1) if flip else x, k, (-2, -1)))}, {}, {})
        for k in range(4)
        for flip in (False, True)
    ]

    np.testing.assert_allclose(eight.samples({"s2": x}, {}, {}), np.mean(looped, 0), atol=1e-5)


def test_a_bundle_of_eight_views_can_be_asked_for_fewer(tmp_path):
    """One view of it is the answer of a bundle with the same weights and one view; what maps quote stays."""

    one = a_bundle(tmp_path / "one", network=replace(some_facts().network, views=1))
    eight = a_bundle(tmp_path / "eight", network=replace(some_facts().network, views=8))
    x = an_input(INPUT, 2)

    fewer = eight.from_views(1)

    np.testing.assert_array_equal(fewer.samples(x, {}, {}), one.samples(x, {}, {}))
    assert np.abs(fewer.samples(x, {}, {}) - eight.samples(x, {}, {})).max() > 1e-3
    assert (fewer.views, eight.views, fewer.hash) == (1, 8, eight.hash)
    check_predictor(fewer)
    with pytest.raises(Refused, match=r"^option views: must be 1, 4 or 8: have 3\. 8 is slowest and steadiest\.$"):
        eight.from_views(3)


def test_half_precision_halves_the_weights_and_keeps_the_answers(tmp_path):
    whole, half = a_bundle(tmp_path / "a"), a_bundle(tmp_path / "b", is_half=True)
    x = an_input(INPUT, 4)

    sizes = [(tmp_path / name / "weights.safetensors").stat().st_size for name in "ab"]
    assert sizes[1] < 0.56 * sizes[0]
    np.testing.assert_allclose(half.samples(x, {}, {}), whole.samples(x, {}, {}), atol=0.02)


def test_a_flipped_byte_in_the_weights_is_found(folder):
    path = folder / "weights.safetensors"
    blob = bytearray(path.read_bytes())
    blob[-100] ^= 1
    path.write_bytes(blob)

    with pytest.raises(
        Unreadable, match=r"weights.safetensors: was altered: it does not have its hash. Copy the bundle"
    ):
        open_bundle(folder)


@pytest.mark.parametrize("name", ["weights.safetensors", "example.safetensors"])
def test_a_missing_file_is_named(folder, name):
    (folder / name).unlink()

    with pytest.raises(Unreadable, match=f"{name}: is not there"):
        open_bundle(folder)


def test_an_altered_description_is_found(folder):
    """The temperature was made better by hand."""
    path = folder / "bundle.json"
    path.write_text(path.read_text().replace('"temperature": 1.5', '"temperature": 1.0'))

    with pytest.raises(Unreadable, match=r"bundle.json: was altered: it does not have its hash"):
        open_bundle(folder)


def test_scores_are_outside_the_hash(folder):
    before = open_bundle(folder).hash
    (folder / "scores").mkdir()
    (folder / "scores" / "alps-blocks.json").write_text("{}")

    assert open_bundle(folder).hash == before


@pytest.mark.parametrize("name", ["weights.pt", "extra/model.pkl", "weights.ckpt", "pytorch_model.bin"])
def test_any_pickle_is_refused(folder, name):
    """Contract 10: never unpickles; a file that could run code is not even looked at."""
    path = folder / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(pickle.dumps({"a": 1}))

    with pytest.raises(Refused, match=r"is a pickle, which could run any code. A bundle is safetensors and JSON"):
        open_bundle(folder)


def test_weights_that_are_a_pickle_under_another_name_are_not_read(folder):
    blob = pickle.dumps({"a": 1})
    (folder / "weights.safetensors").write_bytes(blob)
    rewrite(folder, lambda held: held["files"].update({"weights.safetensors": hashlib.sha256(blob).hexdigest()}))

    with pytest.raises(Unreadable, match="holds weights that do not fit its network"):
        open_bundle(folder)


def test_weights_of_another_network_are_refused(folder):
    blob = tensor_bytes({"head.weight": torch.zeros(1)})
    (folder / "weights.safetensors").write_bytes(blob)
    rewrite(folder, lambda held: held["files"].update({"weights.safetensors": hashlib.sha256(blob).hexdigest()}))

    with pytest.raises(Unreadable, match="holds weights that do not fit its network"):
        open_bundle(folder)


def test_a_model_that_does_not_give_its_stored_answer_is_refused(folder):
    """[4]: a self-test per bundle runs on load; here every weight is a little off, and all hashes fit."""
    state = read_tensors((folder / "weights.safetensors").read_bytes())
    blob = tensor_bytes({name: t * 1.05 if t.is_floating_point() else t for name, t in state.items()})
    (folder / "weights.safetensors").write_bytes(blob)
    rewrite(folder, lambda held: held["files"].update({"weights.safetensors": hashlib.sha256(blob).hexdigest()}))

    with pytest.raises(Unreadable, match=r"does not give its stored answer \(off by "):
        open_bundle(folder)


def test_other_statistics_do_not_give_the_stored_answer(folder):
    """[4]: a wrong scale must be impossible: 105 of a benchmark's cells were broken by one."""
    rewrite(folder, lambda held: held["input"]["stacks"]["s2"].update({"mean": [1000.0, 1000.0, 1000.0, 3000.0]}))

    with pytest.raises(Unreadable, match="does not give its stored answer"):
        open_bundle(folder)


def test_a_newer_bundle_is_refused_by_name(folder):
    path = folder / "bundle.json"
    path.write_text(path.read_text().replace('"swath_bundle": 1', '"swath_bundle": 7'))

    with pytest.raises(Refused, match=r"the bundle has schema 7, and this swath reads up to schema 1. Upgrade swath"):
        open_bundle(folder)


def test_a_folder_without_a_bundle_is_refused(tmp_path):
    with pytest.raises(Unreadable, match=r"holds no bundle. Train one: swath train CORPUS -o RUN"):
        open_bundle(tmp_path)


def test_a_strip_s_windows_must_lie_inside(folder):
    strip = {"s2": an_input(INPUT, 1, larger=4)["s2"][0]}

    with pytest.raises(Mismatch, match=r"bundle alps: corners of windows differs: want rows 0 to 4, columns 0 to 4"):
        open_bundle(folder).windows(strip, {}, np.array([[0, 5]]))


def test_arrays_of_another_shape_are_refused(folder):
    with pytest.raises(
        Mismatch, match=r"bundle alps stack s2: shape differs: want \(n, t, b, h, w\), have \(4, 32, 32\)"
    ):
        open_bundle(folder).samples({"s2": np.zeros((4, 32, 32), np.float32)}, {}, {})


def test_a_scene_model_refuses_to_answer_pixels(folder):
    with pytest.raises(Refused, match=r"bundle alps: answers for windows \(kind scene\). Ask for windows"):
        open_bundle(folder).dense({}, {})


def test_a_bundle_is_replaced_whole(folder, tmp_path):
    (folder / "old.txt").write_text("of the bundle before")

    a_bundle(folder)

    assert not (folder / "old.txt").exists()
    assert sorted(path.name for path in folder.iterdir()) == [
        "README.md",
        "bundle.json",
        "example.safetensors",
        "item.json",
        "weights.safetensors",
    ]


def test_the_card_says_what_it_takes_where_from_and_what_not_for(folder):
    text = (folder / "README.md").read_text()

    for said in (
        "B04 B03 B02 B08, L1C, toa reflectance, 10 m, one date",
        "320 x 320 m of ground",
        "Forest",
        "temperature 1.5",
        "held out as val",
        "split `blocks`, fold 2",
        "numbers: public domain",
        "What it is not for",
    ):
        assert said in text


def test_a_card_without_val_claims_no_calibration(folder):
    facts = open_bundle(folder).facts

    text = card(replace(facts, origin=replace(facts.origin, val=0, value=None)), parameters=1)

    assert "there was no val to fit a temperature on" in text
    assert "none held out as val" in text
    assert "fitted on val" not in text


def test_the_item_is_what_the_mlm_extension_asks_for(folder):
    """stac-extensions/mlm v1.5.0: required fields, one scaling a band, `bands` in dim_order, one model asset."""
    import pystac

    held = json.loads((folder / "item.json").read_text())
    item = pystac.Item.from_dict(held)
    given = item.properties["mlm:input"][0]

    assert {"mlm:name", "mlm:architecture", "mlm:tasks", "mlm:input", "mlm:output"} <= set(item.properties)
    assert item.properties["mlm:tasks"] == ["scene-classification"]
    assert (given["bands"], given["input"]["shape"]) == (["B04", "B03", "B02", "B08"], [-1, 1, 4, 32, 32])
    assert "bands" in given["input"]["dim_order"]
    assert [each["type"] for each in given["value_scaling"]] == ["z-score"] * 4
    assert [band["eo:common_name"] for band in item.properties["bands"]] == ["red", "green", "blue", "nir"]
    assert item.properties["mlm:output"][0]["classification:classes"][1] == {
        "value": 1,
        "name": "Forest",
        "title": "Forest",
        "color_hint": "1B6E2C",
    }
    assert [each.roles for each in item.assets.values() if "mlm:model" in (each.roles or [])] == [
        ["mlm:model", "mlm:weights"]
    ]
    digest = hashlib.sha256((folder / "weights.safetensors").read_bytes()).hexdigest()
    assert held["assets"]["weights"]["file:checksum"] == f"1220{digest}"
