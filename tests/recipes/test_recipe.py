"""Recipes: what a file may say, and the sentence for everything else, with file, stage and the nearest name."""

from __future__ import annotations

import pytest

from swath.core.errors import Mismatch, Refused, Unknown, Unreadable
from swath.recipes.recipe import find_recipe, read_recipe, seeds_of
from swath.recipes.stage_kinds import STAGE_KINDS, stage_kind

GOOD = """
about: Two stages.
stages:
  fields: {do: build, source: planet, declare: {n: 20}}
  blocks: {do: split, corpus: fields, method: place, block: 1deg}
  train: {corpus: fields, split: blocks, loop: {epochs: 3}}
"""


@pytest.fixture
def write(tmp_path):
    def written(text):
        path = tmp_path / "mine.yaml"
        path.write_text(text)
        return path

    return written


def test_stages_are_named_and_stand_on_earlier_ones(write):
    recipe = read_recipe(write(GOOD))

    assert (recipe.name, recipe.about) == ("mine", "Two stages.")
    assert [(stage.name, stage.kind_name, stage.inputs) for stage in recipe.stages] == [
        ("fields", "build", {}),
        ("blocks", "split", {"corpus": ("fields",)}),
        ("train", "train", {"corpus": ("fields",), "split": ("blocks",)}),
    ]
    assert recipe.stages[1].options.recipe() == {"method": "place", "block": "1deg"}
    assert recipe.stages[2].options.loop.epochs == 3


def test_settings_change_options_and_what_a_stage_stands_on(write):
    more = GOOD.replace("  blocks:", "  other: {do: build, declare: {n: 9}}\n  blocks:")

    recipe = read_recipe(
        write(more),
        settings=[
            "train.loop.epochs=5",
            "train.model.encoder=resnet18",
            "fields.declare={n: 7}",
            "blocks.corpus=other",
        ],
    )

    assert (recipe.stages[3].options.loop.epochs, recipe.stages[3].options.model.encoder) == (5, "resnet18")
    assert recipe.stages[0].options.declare == {"n": 7}
    assert recipe.stages[2].inputs == {"corpus": ("other",)}


def test_a_setting_lies_over_the_defaults_as_it_does_in_train(write):
    """`swath train --set augment.shift=6` keeps the orientations that are on by default; so here."""
    recipe = read_recipe(write(GOOD), settings=["train.augment.shift=6"])

    assert recipe.stages[2].options.augment.right_angles == "alternate"


@pytest.mark.parametrize(
    ("old", "new", "error", "sentence"),
    [
        ("about:", "abot:", Unknown, "{file}: unknown key 'abot'. Did you mean 'about'? Known: about, stages."),
        (
            "do: split",
            "do: splitt",
            Unknown,
            "{file} stage blocks: unknown kind of stage 'splitt'. Did you mean 'split'?",
        ),
        ("  train:", "  trian:", Unknown, "{file} stage trian: unknown kind of stage 'trian'. Did you mean 'train'?"),
        ("block: 1deg", "blok: 1deg", Unknown, "{file} stage blocks: unknown option of a split stage 'blok'. Did you"),
        (
            "split, corpus:",
            "split, corpas:",
            Unknown,
            "unknown option of a split stage 'corpas'. Did you mean 'corpus'?",
        ),
        ("epochs", "epoch", Unknown, "{file} stage train: unknown option 'loop.epoch'. Did you mean 'loop.epochs'?"),
        (
            "split: blocks",
            "split: blcks",
            Unknown,
            "{file} stage train split: unknown earlier stage 'blcks'. Did you mean",
        ),
        ("corpus: fields, method", "corpus: train, method", Unknown, "blocks corpus: unknown earlier stage 'train'"),
        (
            "split: blocks",
            "split: fields",
            Mismatch,
            "split differs: want a stage of kind split, have fields, of kind build",
        ),
        (
            "corpus: fields, split",
            "split",
            Refused,
            "{file} stage train: does not say corpus, the name of an earlier stage",
        ),
        ("corpus: fields, split", "split", Refused, "of kind import or build. Write `corpus: fields`."),
        ("epochs: 3", "epochs: many", Mismatch, "{file} stage train: option loop.epochs differs: want a valid integer"),
        ("epochs: 3", "epochs: 0", Refused, "option epochs: must be 1 or more: have 0."),
        ("split: blocks", "split: [blocks, blocks]", Mismatch, "split differs: want the name of an earlier stage"),
        (
            "loop: {epochs: 3}",
            "data: {split: x}",
            Refused,
            "Leave data.split out: it follows from the stages that this",
        ),
        (
            "  fields:",
            "  my-fields:",
            Refused,
            "stage my-fields: cannot be named so. Use letters, digits and underscores",
        ),
        ("{do: split, corpus: fields, method: place, block: 1deg}", "7", Mismatch, "stage blocks: stage differs: want"),
    ],
)
def test_what_is_wrong_is_told_with_file_stage_and_the_nearest(write, old, new, error, sentence):
    """Issue: "a YAML typo: a sentence and a test each"."""
    assert old in GOOD
    path = write(GOOD.replace(old, new, 1))

    with pytest.raises(error) as raised:
        read_recipe(path)

    assert sentence.format(file=path) in str(raised.value)


@pytest.mark.parametrize("text", ["about: x", "stages: {}", "stages: [a]", "stages:"])
def test_a_recipe_has_stages(write, text):
    with pytest.raises(Refused, match=r"mine.yaml: has no stages. Write `stages:` and below it"):
        read_recipe(write(text))


def test_what_is_no_yaml_names_the_line(write):
    with pytest.raises(Unreadable, match=r"mine.yaml: is no YAML in line 5"):
        read_recipe(write(GOOD.replace("n: 20}}", "n: 20")))


def test_a_stage_that_is_written_twice_is_refused(write):
    """YAML would keep the last one and say nothing."""
    with pytest.raises(Unreadable) as raised:
        read_recipe(write(GOOD + "  blocks: {do: split, corpus: fields}\n"))

    assert str(raised.value).endswith("mine.yaml: says blocks twice, again in line 7. Say it once.")


@pytest.mark.parametrize(
    ("pair", "sentence"),
    [
        ("trian.loop.epochs=3", "--set trian.loop.epochs=3: unknown stage 'trian'. Did you mean 'train'?"),
        ("train=3", "--set train=3: names a stage but no option. Write --set train.OPTION=VALUE."),
        (
            "train.loop.epoch=3",
            "stage train --set loop.epoch=3: unknown option 'loop.epoch'. Did you mean 'loop.epochs'?",
        ),
        ("train.corpus=blocks", "stage train: corpus differs: want a stage of kind import or build, have blocks"),
        ("train", "--set train: is not KEY=VALUE"),
    ],
)
def test_a_setting_with_a_typo_names_the_nearest(write, pair, sentence):
    with pytest.raises((Unknown, Refused, Mismatch)) as raised:
        read_recipe(write(GOOD), settings=[pair])

    assert sentence in str(raised.value)


def test_an_unknown_recipe_names_the_nearest_that_ships():
    with pytest.raises(Unknown, match=r"unknown recipe 'planett'. Did you mean 'planet'?"):
        find_recipe("planett")


@pytest.mark.parametrize("text", ["", "0", "a", "1,1", "-1", "1.5", ","])
def test_what_are_no_seeds(text):
    with pytest.raises(Refused, match=r"are no seeds. Say how many, as 3, or which, as 0,1,2."):
        seeds_of(text)


@pytest.mark.parametrize("name", STAGE_KINDS)
def test_every_kind_is_whole(name):
    """What it needs are kinds that there are; what is aside or filled are options that it has."""
    kind = stage_kind(name)

    assert {each for need in kind.needs.values() for each in need.kinds} <= set(STAGE_KINDS)
    for path in (*kind.aside, *kind.filled, *([kind.seed] if kind.seed else [])):
        value = kind.options()
        for part in path.split("."):
            value = getattr(value, part)
