"""Train: from corpus and split to a run folder; what cannot be learnt from is a sentence before any step."""

from __future__ import annotations

import csv
import json
from dataclasses import replace

import numpy as np
import pytest
import torch
import yaml

from swath.batch import Augmentation
from swath.bundle import open_bundle
from swath.core.errors import Mismatch, Refused, Unknown
from swath.core.options import read_options, with_settings
from swath.core.quantity import TOA, dn
from swath.corpus import build, open_corpus
from swath.models import ModelOptions
from swath.recipes.split import split_corpus
from swath.recipes.train import DataOptions, TrainOptions, input_of, open_split, train
from swath.testing.predictor import check_predictor
from swath.training import LoopOptions
from tests.corpus.a_source import Numbers

SMALL = TrainOptions(
    model=ModelOptions(width=8),
    augment=Augmentation(flip=0.5),
    data=DataOptions(batch_size=8),
    loop=LoopOptions(epochs=1, device="cpu"),
    views=4,
)


@pytest.fixture(autouse=True)
def _one_thread():
    torch.set_num_threads(1)


def a_corpus(folder, source=None, **recipe):
    """Forty samples in ten classes, split at random."""
    source = source or Numbers(n=40, size=16, has_map=False)
    build(source, source.plan(), folder)
    corpus = open_corpus(folder)
    split_corpus(corpus, {"method": "random", "stratify": False, **recipe}, name="random", pictures=False)
    return corpus


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    return a_corpus(tmp_path_factory.mktemp("train") / "numbers")


def test_a_run_holds_everything_that_it_was_made_of(corpus, tmp_path):
    """Contract 12: config, metrics, checkpoints, bundle; the bundle names corpus, split and hash."""
    done = train(corpus, SMALL, tmp_path / "run", command="swath train numbers/ -o run")

    assert {path.name for path in (tmp_path / "run").iterdir()} >= {
        "config.yaml",
        "metrics.csv",
        "checkpoints",
        "bundle",
    }
    held = yaml.safe_load((tmp_path / "run" / "config.yaml").read_text())
    held.pop("signature")
    assert read_options(TrainOptions, held, where="config") == SMALL
    with (tmp_path / "run" / "metrics.csv").open() as file:
        assert len(list(csv.DictReader(file))) == 1
    origin = open_bundle(tmp_path / "run").facts.origin
    assert (origin.corpus, origin.corpus_hash) == ("numbers", corpus.meta.plan_hash)
    assert (origin.split, origin.split_hash) == ("random", open_split(corpus, None).hash)
    assert (origin.train, origin.val) == (32, 4) == (done.train, done.val)
    assert origin.licences == ("numbers: public domain",)
    assert origin.command == "swath train numbers/ -o run"
    check_predictor(done.bundle)


def test_the_input_is_what_train_is_like_in_physical_units(corpus):
    """DN are fed as reflectance; mean and deviation of train's pixels by numpy, and of nothing else."""
    split = open_split(corpus, None)

    got = input_of(corpus, split, DataOptions()).stacks["s2"]

    rho = corpus.pixels("s2", corpus.positions(split.ids("train"))) / 10000.0
    np.testing.assert_allclose(got.mean, rho.mean((0, 1, 3, 4)), rtol=1e-9)
    np.testing.assert_allclose(got.std, rho.std((0, 1, 3, 4)), rtol=1e-6)
    assert (got.quantity, got.level, got.gsd, got.bands) == (TOA, "L1C", 10.0, ("B04", "B03", "B02"))


def test_bands_are_taken_by_name_in_the_order_asked_for(corpus):
    data = DataOptions(bands={"s2": ("B02", "B04")})

    assert input_of(corpus, open_split(corpus, None), data).stacks["s2"].bands == ("B02", "B04")


def test_a_preset_normalises_where_it_is_named(corpus):
    """science 1.11: EuroSAT's population means of B04, B03, B02, in DN without offset."""
    data = DataOptions(bands={"s2": ("B04", "B03")}, normalise={"s2": "eurosat-13"})

    got = input_of(corpus, open_split(corpus, None), data).stacks["s2"]

    assert got.quantity == dn("toa", offset=0)
    assert got.mean == pytest.approx((947.6, 1042.9), abs=0.1)


def test_the_same_training_in_the_same_folder_is_not_done_again(corpus, tmp_path):
    first = train(corpus, SMALL, tmp_path / "run")

    again = train(corpus, SMALL, tmp_path / "run")

    assert first.fitted.rows == again.fitted.rows


def test_another_training_in_the_same_folder_is_refused(corpus, tmp_path):
    train(corpus, SMALL, tmp_path / "run")

    with pytest.raises(Mismatch, match=r"run: run differs: want this training, have a run with other options"):
        train(corpus, replace(SMALL, loop=LoopOptions(epochs=2, device="cpu")), tmp_path / "run")


def test_a_class_with_one_sample_is_learnt_like_any_other(tmp_path):
    """Issue, bad input: 21 samples in ten classes leave classes of one or two in train."""
    corpus = a_corpus(tmp_path / "c", Numbers(n=21, size=16, has_map=False), shares={"train": 0.6, "val": 0.4})
    options = with_settings(SMALL, ["data.sampling.kind=balanced", "task.weights=balanced"])

    assert train(corpus, options, tmp_path / "run").train == 13


def test_samples_without_a_label_are_left_out_and_counted(tmp_path):
    corpus = a_corpus(tmp_path / "c", _Unlabelled(n=40, size=16, has_map=False))

    done = train(corpus, SMALL, tmp_path / "run")

    assert done.train + done.val + done.unlabelled == 36
    assert done.unlabelled > 0
    assert f"{done.unlabelled} without label left out" in done.summary()


class _Unlabelled(Numbers):
    """Every fourth sample has no label."""

    def sample(self, row):
        from swath.core.sample import Target

        made = super().sample(row)
        return replace(made, targets={"class": Target()}) if row["index"] % 4 == 0 else made


def test_a_corpus_without_any_label_is_refused(tmp_path):
    class Nothing(Numbers):
        def sample(self, row):
            from swath.core.sample import Target

            return replace(super().sample(row), targets={"class": Target()})

    corpus = a_corpus(tmp_path / "c", Nothing(n=20, size=16, has_map=False))

    with pytest.raises(Refused, match=r"has too few labels of target class: want 2 or more, have 0 of 16"):
        train(corpus, SMALL, tmp_path / "run")


def test_a_target_that_is_not_there_names_the_nearest(corpus, tmp_path):
    with pytest.raises(Unknown, match=r"unknown target of classes 'clas'. Did you mean 'class'\?"):
        train(corpus, with_settings(SMALL, ["task.target=clas"]), tmp_path / "run")


def test_a_split_that_is_not_there_names_the_nearest(corpus, tmp_path):
    with pytest.raises(Unknown, match=r"unknown split 'randon'. Did you mean 'random'\?"):
        train(corpus, with_settings(SMALL, ["data.split=randon"]), tmp_path / "run")


def test_a_corpus_without_a_split_says_how_to_make_one(tmp_path):
    source = Numbers(n=8, size=16, has_map=False)
    build(source, source.plan(), tmp_path / "c")

    with pytest.raises(Refused, match=r"needs one split: have none. Make one: swath corpus split"):
        train(open_corpus(tmp_path / "c"), SMALL, tmp_path / "run")


def test_a_split_that_names_ids_the_corpus_lacks_is_refused(tmp_path):
    """Issue, bad input: the split was frozen on a larger corpus and copied."""
    large = a_corpus(tmp_path / "large", Numbers(n=44, size=16, has_map=False))
    small = Numbers(n=30, size=16, has_map=False)
    build(small, small.plan(), tmp_path / "small")
    (tmp_path / "large" / "splits").rename(tmp_path / "small" / "splits")
    assert len(large) == 44

    with pytest.raises(Unknown, match="small: unknown sample 'number-00"):
        train(open_corpus(tmp_path / "small"), SMALL, tmp_path / "run")


def test_a_stack_or_band_that_is_not_there_names_the_nearest(corpus, tmp_path):
    with pytest.raises(Unknown, match=r"unknown stack 's3'. Did you mean 's2'\?"):
        train(corpus, with_settings(SMALL, ["data.stacks=[s3]"]), tmp_path / "run")
    with pytest.raises(Unknown, match=r"unknown band of stack s2 'B08'"):
        train(corpus, with_settings(SMALL, ["data.bands={s2: [B08]}"]), tmp_path / "run")


def test_digital_numbers_of_an_unknown_offset_are_refused(tmp_path):
    """No silent default for anything physical."""

    class Unsure(Numbers):
        def plan(self, places=None, dates=None, spec=None):
            made = super().plan()
            s2 = replace(made.layout.stacks["s2"], quantity=dn("toa", offset=None))
            return replace(made, layout=replace(made.layout, stacks={"s2": s2}))

        def sample(self, row):
            made = super().sample(row)
            return replace(made, stacks={"s2": replace(made.stacks["s2"], quantity=dn("toa", offset=None))})

    corpus = a_corpus(tmp_path / "c", Unsure(n=20, size=16, has_map=False))

    with pytest.raises(Refused, match=r"cannot learn from dn offset unknown .*Say it when importing"):
        train(corpus, SMALL, tmp_path / "run")


def test_a_typo_in_the_configuration_names_the_nearest():
    """Issue: "a YAML typo"."""
    with pytest.raises(Unknown, match=r"run.yaml: unknown option 'loop.epoch'. Did you mean 'loop.epochs'\?"):
        read_options(TrainOptions, {"loop": {"epoch": 3}}, where="run.yaml")


def test_stages_of_the_configuration_are_records():
    held = {"loop": {"stages": [{"name": "head", "epochs": 2, "trains": "head"}]}}

    assert read_options(TrainOptions, held, where="run.yaml").loop.all_stages()[0].trains == "head"


def test_several_labels_are_learnt(tmp_path):
    """Single and multi-label: the output says so, and its first metric decides."""
    from swath.core.sample import Target, TargetSpec

    class Several(Numbers):
        def plan(self, places=None, dates=None, spec=None):
            made = super().plan()
            return replace(
                made, layout=replace(made.layout, targets={"kinds": TargetSpec("classes", legend="eurosat")})
            )

        def sample(self, row):
            kinds = (row["index"] % 10, (row["index"] * 3 + 1) % 10)
            return replace(super().sample(row), targets={"kinds": Target(codes=tuple(sorted(set(kinds))))})

    corpus = a_corpus(tmp_path / "c", Several(n=40, size=16, has_map=False))

    done = train(corpus, SMALL, tmp_path / "run")

    assert done.bundle.output.is_multilabel
    assert done.fitted.metric == "micro_map"
    assert 0 <= done.fitted.value <= 1


def test_the_command_line_trains_and_tells(corpus, tmp_path):
    from click.testing import CliRunner

    from swath.cli import swath

    sets = ["--set", "model.width=8", "--set", "loop.epochs=1", "--set", "data.batch_size=16", "--seed", "4"]
    done = CliRunner().invoke(swath, ["train", str(corpus.path), "-o", str(tmp_path / "run"), *sets, "--json"])

    assert done.exit_code == 0, done.output
    said = json.loads(done.stdout)
    assert (said["epochs"], said["train"], said["metric"]) == (1, 32, "accuracy")
    assert yaml.safe_load((tmp_path / "run" / "config.yaml").read_text())["loop"]["seed"] == 4


def test_every_option_of_a_training_is_explained_and_can_be_given_back():
    from click.testing import CliRunner

    from swath.cli import swath

    done = CliRunner().invoke(swath, ["train", "--options", "--set", "loop.stages=[{name: head, epochs: 2}]"])

    assert done.exit_code == 0, done.output
    held = read_options(TrainOptions, yaml.safe_load(done.stdout), where="options")
    assert held == with_settings(TrainOptions(), ["loop.stages=[{name: head, epochs: 2}]"])
    lines = done.stdout.splitlines()
    for i, line in enumerate(lines):
        is_option = ":" in line and not line.strip().startswith(("#", "-")) and not line.endswith(":")
        assert not is_option or "#" in "".join(lines[max(0, i - 3) : i]), f"{line} is not explained"
