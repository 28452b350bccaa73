"""Bundles that the repository holds: whole, true to their stored answers, and described as the code describes them."""

from __future__ import annotations

from pathlib import Path

import pytest

from swath.bundle import open_bundle
from swath.bundle.card import card

BUNDLES = sorted((Path(__file__).parents[2] / "results" / "bundles").iterdir())


@pytest.mark.parametrize("folder", BUNDLES, ids=lambda folder: folder.name)
def test_a_bundle_opens_gives_its_stored_answer_and_has_its_card(folder):
    """Contract 10: opening verifies every hash and lets the model answer its stored input."""
    bundle = open_bundle(folder)

    parameters = sum(each.numel() for each in bundle.network.parameters())
    assert bundle.name == folder.name
    assert (folder / "README.md").read_text(encoding="utf-8") == card(bundle.facts, parameters=parameters)


@pytest.mark.parametrize("folder", BUNDLES, ids=lambda folder: folder.name)
def test_no_picture_of_others_goes_with_a_bundle(folder):
    """Its example is a patch of the virtual planet: the files are those of a bundle, and no more."""
    names = {path.name for path in folder.iterdir()}

    assert names == {"README.md", "bundle.json", "example.safetensors", "item.json", "weights.safetensors"}
