"""Recipes that ship: all of them are whole, and CNN-Sentinel's do what its scripts did, layer by layer.

ImageNet's weights cannot be fetched here, so the trainings begin with fresh ones; what is frozen, how many parameters
there are and how steps are taken is the same.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
import torch

from swath.batch import Augmentation
from swath.bundle import open_bundle
from swath.core.bands import S2_BANDS
from swath.core.errors import Unreadable
from swath.corpus import open_corpus
from swath.models import ModelOptions, make_backbone
from swath.models.freezing import FREEZING
from swath.recipes.chain import plan_chain, run_chain
from swath.recipes.open import Opening, open_source
from swath.recipes.recipe import read_recipe, shipped_recipes
from swath.recipes.train import DataOptions, TrainOptions, input_of, open_split
from swath.tasks import SceneNetwork, SceneOptions
from swath.testing.build import a_eurosat_zip
from swath.training import LoopOptions, Optimiser, Schedule
from swath.training.checkpoint import read_weights
from tests.models.a_spec import a_spec

RGB = ("B04", "B03", "B02")
OURS = ("rgb-transfer", "rgb-scratch", "ms-transfer", "ms-alternative", "ms-scratch")
#: Two dense layers of 2048 and ten classes on VGG16's 512 channels.
VGG_HEAD = 512 * 2048 + 2048 + 2048 * 2048 + 2048 + 2048 * 10 + 10
DENSE_HEAD = 1920 * 10 + 10
PLANET = ["import.source=planet", "import.declare={n: 60, seed: 7}", "train.data.batch_size=2", "test.has_floors=false"]


def training(name, *settings):
    recipe = read_recipe(f"cnn-sentinel-{name}", settings=settings)
    return next(stage.options for stage in recipe.stages if stage.kind_name == "train")


def a_network(options, bands):
    """The network of a training, with fresh weights."""
    backbone, _ = make_backbone(replace(options.model, weights=None), a_spec(bands))
    return SceneNetwork(backbone, 10, hidden=options.task.hidden)


@pytest.mark.parametrize("name", shipped_recipes())
def test_every_recipe_is_whole(name):
    """It reads, says what it is about, and ends by testing on a part that nothing else looks at (E16)."""
    recipe = read_recipe(name)

    kinds = [stage.kind_name for stage in recipe.stages]
    split = next(stage.options for stage in recipe.stages if stage.kind_name == "split")
    assert recipe.about
    assert kinds[-2:] == ["train", "test"]
    assert set(split.shares) == {"train", "val", "test"}


@pytest.mark.parametrize(
    ("name", "bands", "count"),
    [
        # Keras: VGG16 without its top has 14,714,688 parameters, DenseNet201 18,092,928 that learn.
        ("rgb-transfer", RGB, 14_714_688 + VGG_HEAD),
        ("rgb-scratch", RGB, 14_714_688 + VGG_HEAD),
        ("ms-transfer", S2_BANDS, 13 * 3 + 3 + 14_714_688 + VGG_HEAD),
        ("ms-alternative", S2_BANDS, 10 * 9 * 64 + 14_714_688 + VGG_HEAD),
        ("ms-scratch", S2_BANDS, 10 * 9 * 64 + 14_714_688 + VGG_HEAD),
    ],
)
def test_vgg16_has_as_many_parameters_as_theirs(name, bands, count):
    """004.3: GAP, two dense layers of 2048, softmax; thirteen bands by a 1 x 1 convolution or a new first layer."""
    network = a_network(training(name), bands)

    assert sum(each.numel() for each in network.parameters()) == count


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "bands", "count"),
    [
        ("rgb-transfer", RGB, 18_092_928 + DENSE_HEAD),
        ("ms-transfer", S2_BANDS, 13 * 3 + 3 + 18_092_928 + DENSE_HEAD),
        ("ms-alternative", S2_BANDS, 10 * 49 * 64 + 18_092_928 + DENSE_HEAD),
    ],
)
def test_densenet201_is_four_settings_away(name, bands, count):
    """As the comments in the files say."""
    way = {"rgb-transfer": "rgb", "ms-transfer": "ms", "ms-alternative": "ms-alternative"}[name]
    options = training(
        name,
        "train.model.encoder=timm:densenet201",
        "train.task.hidden=[]",
        "train.model.weights=timm:densenet201.tv_in1k",
        f"train.freeze_like=densenet201-{way}",
    )

    network = a_network(options, bands)

    assert sum(each.numel() for each in network.parameters()) == count
    assert options.freeze_like in FREEZING


def test_steps_are_taken_as_theirs():
    """004.3 and 004-D1: Adadelta at 1.0 (Keras 2.2), Adam, SGD 1e-4; patience 10 and 50; 1,000 batches of 64."""
    stages = {name: training(name).loop.all_stages() for name in OURS}
    taken = {
        name: [(s.trains, s.optimiser.name, s.optimiser.rate, s.patience, s.epochs) for s in of]
        for name, of in stages.items()
    }

    assert taken == {
        "rgb-transfer": [("head", "adadelta", 1.0, 10, 10_000), ("later", "sgd", 1e-4, 50, 10_000)],
        "rgb-scratch": [("all", "adadelta", 1.0, 50, 10_000)],
        "ms-transfer": [("head", "adam", 1e-3, 10, 10_000), ("later", "sgd", 1e-4, 10, 10_000)],
        "ms-alternative": [("head", "adam", 1e-3, 10, 10_000), ("later", "sgd", 1e-4, 10, 10_000)],
        "ms-scratch": [("all", "adam", 1e-3, 50, 10_000)],
    }
    for name, of in stages.items():
        assert all(s.schedule.name == "constant" and s.optimiser.weight_decay == 0 for s in of)
        assert all((s.optimiser.momentum, s.optimiser.nesterov) == (0.9, False) for s in of if s.trains == "later")
        assert training(name).loop.steps == 1000
        assert training(name).data.batch_size == 64
        assert (training(name).augment.flip, training(name).augment.rotation) == (0.5, 45)


@pytest.mark.parametrize("name", OURS)
def test_the_split_is_theirs_with_a_test_that_nobody_looked_at(name):
    """01: seed 42, 30 % apart; 004-D4: they chose the epoch by these 30 %."""
    split = next(s.options for s in read_recipe(f"cnn-sentinel-{name}").stages if s.kind_name == "split")

    assert (split.method, split.seed, split.shares) == ("random", 42, {"train": 0.63, "val": 0.07, "test": 0.3})


@pytest.mark.parametrize("name", ["rgb-transfer", "ms-transfer", "ms-alternative"])
def test_weights_that_are_not_there_are_told_before_anything_is_done(name, tmp_path, monkeypatch):
    monkeypatch.setenv("SWATH_WEIGHTS", str(tmp_path / "weights"))
    recipe = read_recipe(f"cnn-sentinel-{name}", settings=PLANET)

    with pytest.raises(Unreadable) as raised:
        run_chain(recipe, tmp_path / "out")

    put = tmp_path / "weights" / "timm-vgg16.tv_in1k.safetensors"
    assert str(raised.value) == (
        "stage train: weights timm:vgg16.tv_in1k: are not on this machine. Fetch model.safetensors of "
        "timm/vgg16.tv_in1k (https://huggingface.co/timm/vgg16.tv_in1k/resolve/main/model.safetensors) and put it at "
        f"{put} (or set SWATH_WEIGHTS). Or begin with fresh weights: --set train.model.weights=null."
    )
    assert not (tmp_path / "out" / "import").exists()


def test_other_weights_rerun_the_training(tmp_path, monkeypatch):
    """A file of weights is an input like any other: its bytes count, its name does not."""
    settings = [*PLANET, f"train.model.weights={tmp_path / 'w.safetensors'}"]
    keys = []
    for text in ("one", "two", "one"):
        (tmp_path / "w.safetensors").write_text(text)
        keys.append(plan_chain(read_recipe("cnn-sentinel-ms-transfer", settings=settings), tmp_path / "out")[2].key)

    assert keys[0] == keys[2] != keys[1]


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", OURS)
def test_fifty_steps_on_the_planet_freeze_what_theirs_froze(name, tmp_path):
    """Issue: "run 50 steps on the planet, and their layer freezing [...] equal 004's"; from import to test."""
    settings = [*PLANET, "train.model.weights=null", "train.loop.keep=3"]
    if name.startswith("rgb"):  # the planet has thirteen bands of numbers: three are taken, and measured
        settings += ["train.data.normalise={}", "train.data.bands={s2: [B04, B03, B02]}"]
    recipe = read_recipe(f"cnn-sentinel-{name}", settings=settings)
    import_, split, train, test = recipe.stages
    loop = train.options.loop
    stages = tuple(replace(stage, epochs=1) for stage in loop.stages)
    short = replace(loop, steps=50 // max(1, len(stages)), epochs=1, stages=stages)
    train = replace(train, options=replace(train.options, loop=short))

    ran = run_chain(replace(recipe, stages=(import_, split, train, test)), tmp_path)

    files = sorted((tmp_path / "train" / "checkpoints").glob("epoch-*.safetensors"))
    assert len(files) == ran.steps[2].facts["epochs"] == max(1, len(stages))
    fresh = fresh_network(train.options, open_corpus(tmp_path / "import"))
    names = [name for name, _ in fresh.named_parameters()]
    states = [fresh.state_dict(), *(read_weights(path)["network"] for path in files)]
    kept = [{name for name in names if torch.equal(before[name], after[name])} for before, after in pairwise(states)]
    if train.options.freeze_like is None:
        assert kept == [set()]
        return
    given = FREEZING[train.options.freeze_like]
    first, second = (tuple(f"backbone.{in_backbone(each)}" for each in of) for of in (given.first, given.second))
    backbone = {name for name in names if name.startswith("backbone.")}
    assert kept == [
        {name for name in backbone if not (first and name.startswith(first))},
        {name for name in backbone if name.startswith(second)},
    ]


def fresh_network(options, corpus):
    """The network as a training begins."""
    input = input_of(corpus, open_split(corpus, "seed42"), replace(options.data, split="seed42"))
    with torch.random.fork_rng():
        torch.manual_seed(options.loop.seed)
        backbone, _ = make_backbone(options.model, input, seed=options.loop.seed)
        return SceneNetwork(backbone, 10, hidden=options.task.hidden)


def in_backbone(prefix):
    return prefix if prefix == "adapter." else f"encoder.network.{prefix}"


def test_the_planet_stands_in_for_files_by_two_settings(tmp_path):
    """So that anyone can try a recipe before the data are there."""
    recipe = read_recipe("cnn-sentinel-ms-scratch", settings=PLANET)

    assert open_source(recipe.stages[0].options.opening()).name == "planet"
    assert recipe.stages[0].options.opening() == Opening("planet", (), {"n": 60, "seed": 7})


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["rgb", "ms"])
def test_files_of_eurosat_go_in_at_one_end_and_a_tested_bundle_comes_out(kind, tmp_path):
    """The published presets fit what the formats say of their numbers."""
    zipped = a_eurosat_zip(tmp_path / "EuroSAT.zip", n=4, kind=kind)
    short = ["train.loop.steps=1", "train.loop.epochs=1", "train.data.batch_size=2", "test.has_floors=false"]
    recipe = read_recipe(f"cnn-sentinel-{kind}-scratch", settings=[f"import.paths={zipped}", *short])

    ran = run_chain(recipe, tmp_path / "out")

    assert ran.summary().startswith(f"{tmp_path / 'out'}: 4 stages done")
    (stack,) = open_bundle(tmp_path / "out" / "train").input.stacks.values()
    assert stack.mean[:2] == {"rgb": (87.845, 96.965), "ms": (1353.036, 1116.468)}[kind]


def test_the_measured_recipe_is_the_one_of_the_study():
    """studies: what the tables of results were measured with is what a user runs."""
    options = read_recipe("eurosat-rgb").stages[2].options

    assert options == TrainOptions(
        data=DataOptions(batch_size=128),
        model=ModelOptions("resnet10-32", squeeze=True, shortcut="pool"),
        task=SceneOptions(label_smoothing=0.1),
        augment=Augmentation(right_angles="alternate", crop=48, crop_until=round(0.6 * 32), shift=6),
        loop=LoopOptions(
            epochs=32,
            optimiser=Optimiser("muon", rate=0.012, betas=(0.9, 0.99), weight_decay=0.1),
            schedule=Schedule("cosine", warm_up=0.15),
            average=0.995,
            select="last",
        ),
        views=8,
        is_half=True,
    )
