"""The loop: what learns, what stays, when it stops, and that a cut-off training ends as if nothing had happened."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from swath.core.errors import Mismatch, Refused, Unknown, Unreadable
from swath.testing.task import TwoParts
from swath.training import LoopOptions, Optimiser, Schedule, Stage, fit
from tests.training.a_training import QUICK, Scripted, a_loader, a_network, a_task, run

ROOT = Path(__file__).parents[2]
#: Columns that are never twice the same.
CLOCKS = ("seconds", "cpu_seconds", "samples_per_second")


def rows(folder: Path) -> list[dict[str, str]]:
    """metrics.csv without what a clock decides."""
    with (folder / "metrics.csv").open() as file:
        held = list(csv.DictReader(file))
    return [{k: v for k, v in row.items() if k not in CLOCKS} for row in held]


def in_process(*arguments: object) -> int:
    command = [sys.executable, "-m", "tests.training.a_training", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, check=False).returncode


@pytest.mark.parametrize("step", [9, 7], ids=["after two epochs", "in the middle of an epoch"])
def test_a_killed_training_ends_with_the_same_bytes(corpus, tmp_path, step):
    """Issue: "2 epochs + kill -9 + resume = 4 straight, same bytes on CPU"; with dropout, momentum and averages."""
    assert in_process(corpus.path, tmp_path / "straight", 0) == 0

    killed = in_process(corpus.path, tmp_path / "cut", step)
    resumed = in_process(corpus.path, tmp_path / "cut", 0)

    assert (killed, resumed) == (-9, 0)
    straight, cut = (tmp_path / each / "checkpoints" / "selected.safetensors" for each in ("straight", "cut"))
    assert straight.read_bytes() == cut.read_bytes()
    assert rows(tmp_path / "straight") == rows(tmp_path / "cut")
    assert len(rows(tmp_path / "cut")) == 4


@pytest.mark.parametrize(
    ("steps", "step"),
    [pytest.param(3, 5, id="less than a pass", marks=pytest.mark.slow), pytest.param(6, 8, id="more than a pass")],
)
def test_a_killed_training_of_epochs_that_are_no_passes_ends_with_the_same_bytes(corpus, tmp_path, steps, step):
    """A pass has 4 steps: killed in the middle of a pass that two epochs share."""
    assert in_process(corpus.path, tmp_path / "straight", 0, steps) == 0

    killed = in_process(corpus.path, tmp_path / "cut", step, steps)
    resumed = in_process(corpus.path, tmp_path / "cut", 0, steps)

    assert (killed, resumed) == (-9, 0)
    straight, cut = (tmp_path / each / "checkpoints" / "selected.safetensors" for each in ("straight", "cut"))
    assert straight.read_bytes() == cut.read_bytes()
    assert rows(tmp_path / "straight") == rows(tmp_path / "cut")


def test_a_metric_of_zero_is_zero(corpus, tmp_path):
    """Not "no number": a network that is always wrong has an accuracy of 0."""
    assert run(corpus, tmp_path, task=Scripted(a_task(), [0.0, 0.0])).value == 0.0


class Listening:
    """A task that remembers which samples each step saw."""

    def __init__(self, task):
        self.task, self.seen = task, []

    def __getattr__(self, name):
        return getattr(self.task, name)

    def step(self, batch, parts, state):
        self.seen.append(batch.ids)
        return self.task.step(batch, parts, state)


@pytest.mark.parametrize("steps", [1, 3, 4, 11])
def test_epochs_of_so_many_steps_cut_the_passes_over_train_and_change_nothing_else(corpus, tmp_path, steps):
    """CNN-Sentinel's epochs have 1,000 batches (004.3), of a train that has 296: judging is not tied to a pass."""
    task = Listening(a_task())
    epochs = -(-12 // steps)

    fitted = run(corpus, tmp_path, replace(QUICK, epochs=epochs, steps=steps), task=task)

    loader = a_loader(corpus, np.arange(30))
    passes = [batch.ids for number in range(6) for batch in loader.epoch(number)]
    assert task.seen == passes[: epochs * steps]
    assert len(fitted.rows) == epochs


def test_steps_are_one_or_more():
    with pytest.raises(Refused) as raised:
        LoopOptions(steps=0)

    assert str(raised.value) == "option steps: must be 1 or more: have 0."


def test_a_finished_training_is_not_done_again(corpus, tmp_path):
    """Contract 12: a second run does nothing and says the same."""
    first = run(corpus, tmp_path)
    task = Scripted(a_task(), [])

    again = run(corpus, tmp_path, task=task)

    assert (first.rows, first.value, first.epoch) == (again.rows, again.value, again.epoch)
    assert task.told == 0


def test_the_network_learns(corpus, tmp_path):
    """Ten samples of ten classes that differ in brightness, forty steps: from ln 10 = 2.3 to much less."""
    ten = a_loader(corpus, np.arange(10), batch_size=10)

    fitted = run(corpus, tmp_path, replace(QUICK, epochs=40, optimiser=Optimiser("adamw", rate=0.02)), train=ten)

    losses = [row["train_loss_network"] for row in fitted.rows]
    assert losses[0] > 2.1
    assert losses[-1] < 1.2


def test_a_falling_loss_never_stops_and_a_plateau_does(corpus, tmp_path):
    """Union table E1; 001-D5 stopped whenever the loss was falling."""
    patient = replace(QUICK, epochs=6, patience=2)

    rising = run(corpus, tmp_path / "a", patient, task=Scripted(a_task(), [0.1, 0.2, 0.3, 0.4, 0.5, 0.6]))
    flat = run(corpus, tmp_path / "b", patient, task=Scripted(a_task(), [0.1, 0.5, 0.5, 0.4, 0.9, 0.9]))

    assert len(rising.rows) == 6
    assert [row["val_accuracy"] for row in flat.rows] == [0.1, 0.5, 0.5, 0.4]
    assert (flat.value, flat.epoch) == (0.5, 2)


def test_a_metric_that_is_no_number_is_never_the_best(corpus, tmp_path):
    task = Scripted(a_task(), [float("nan"), 0.2, float("nan")])

    assert run(corpus, tmp_path, replace(QUICK, epochs=3), task=task).epoch == 2


def test_the_best_epochs_are_kept_and_no_others(corpus, tmp_path):
    """Issue: "best, last and top-k checkpoints"; of equal ones the earlier."""
    options = replace(QUICK, epochs=5, keep=2)

    run(corpus, tmp_path, options, task=Scripted(a_task(), [0.3, 0.1, 0.5, 0.3, 0.2]))

    assert sorted(path.name for path in (tmp_path / "checkpoints").iterdir()) == [
        "epoch-0001.safetensors",
        "epoch-0003.safetensors",
        "last.pt",
        "selected.safetensors",
    ]
    best, selected = (load_file(tmp_path / "checkpoints" / f"{n}.safetensors") for n in ("epoch-0003", "selected"))
    assert all(torch.equal(best[name], selected[name]) for name in best)


def test_the_last_epoch_can_be_asked_for(corpus, tmp_path):
    options = replace(QUICK, epochs=3, select="last")

    assert run(corpus, tmp_path, options, task=Scripted(a_task(), [0.3, 0.1, 0.2])).epoch == 3


@pytest.mark.parametrize(
    ("trains", "stays"),
    [("head", ("backbone.",)), ("later", ("backbone.encoder.conv1.", "backbone.encoder.bn1.")), ("all", ())],
)
def test_frozen_layers_stay_as_they_are_bit_for_bit(corpus, tmp_path, trains, stays):
    """Union table D4: frozen parameters bit-equal, batch norm statistics frozen too; all others move."""
    task = a_task()
    before = {name: tensor.clone() for name, tensor in task.parts()["network"].state_dict().items()}

    run(corpus, tmp_path, replace(QUICK, stages=(Stage("one", 1, trains=trains),)), task=task)

    after = task.parts()["network"].state_dict()
    unchanged = {name for name in before if torch.equal(before[name], after[name])}
    assert unchanged == {name for name in before if name.startswith(stays)}


def test_a_stage_begins_with_the_best_weights_of_the_one_before(corpus, tmp_path):
    """004.3: stage 1 restores its best weights; then all but the first block."""
    stages = (
        Stage("head", 3, trains="head", patience=1, restores_best=True),
        Stage("all", 1, optimiser=Optimiser("sgd", rate=1e-12)),
    )
    task = Scripted(a_task(), [0.5, 0.4, 0.45, 0.6])

    fitted = run(corpus, tmp_path, replace(QUICK, stages=stages, keep=3), task=task)

    assert [row["stage"] for row in fitted.rows] == ["head", "head", "all"]
    first, last = (load_file(tmp_path / "checkpoints" / f"epoch-000{n}.safetensors") for n in (1, 3))
    torch.testing.assert_close(first["network/head.0.weight"], last["network/head.0.weight"])
    assert torch.equal(
        first["network/backbone.encoder.conv1.weight"], a_network().state_dict()["backbone.encoder.conv1.weight"]
    )


def test_an_unknown_kind_of_stage_names_the_nearest(corpus, tmp_path):
    with pytest.raises(Unknown, match=r"freezing: unknown stage 'heads'. Did you mean 'head'\?"):
        run(corpus, tmp_path, replace(QUICK, stages=(Stage("one", 1, trains="heads"),)))


def test_both_parts_of_a_task_learn_with_rates_of_their_own(corpus, tmp_path):
    """Contract 9: an optimiser a part with its own rate; the judge's is so small that it hardly moves."""
    task = TwoParts("s2", "class")
    before = {name: [p.clone() for p in part.parameters()] for name, part in task.parts().items()}
    options = replace(QUICK, optimiser=Optimiser("sgd", rate=0.1, rates={"judge": 1e-5}, momentum=0))

    fitted = run(corpus, tmp_path, options, task=task)

    moved = {
        name: max(
            float((a.detach() - b.detach()).abs().max()) for a, b in zip(before[name], part.parameters(), strict=True)
        )
        for name, part in task.parts().items()
    }
    assert moved["maker"] > 1e-3
    assert 0 < moved["judge"] < 1e-4
    assert {"train_loss_maker", "train_loss_judge"} <= set(fitted.rows[0])


def test_a_rate_of_a_part_that_is_not_there_names_the_nearest(corpus, tmp_path):
    options = replace(QUICK, optimiser=Optimiser(rates={"judges": 1.0}))

    with pytest.raises(Unknown, match=r"option optimiser.rates: unknown part 'judges'. Did you mean 'judge'\?"):
        run(corpus, tmp_path, options, task=TwoParts("s2", "class"))


class Diverging:
    """A loss that is no number at one step."""

    def __init__(self, at: int) -> None:
        self.task, self.steps, self.at = a_task(), 0, at

    def __getattr__(self, name: str) -> object:
        return getattr(self.task, name)

    def step(self, batch, parts, state):
        self.steps += 1
        for part, loss in self.task.step(batch, parts, state):
            yield part, loss * (float("nan") if self.steps == self.at else 1.0)


def test_a_loss_that_is_no_number_stops_and_the_last_good_state_is_kept(corpus, tmp_path):
    """Issue: "A NaN stops, says where, keeps the last good state"; four batches an epoch."""
    with pytest.raises(Refused) as raised:
        run(corpus, tmp_path, task=Diverging(at=6))

    assert str(raised.value).startswith(
        "epoch 2, step 2, part network: the loss is nan: have the input is finite; samples number-"
    )
    assert "The last good state is in" in str(raised.value)
    went_on, straight = (run(corpus, folder, task=a_task()) for folder in (tmp_path, tmp_path / "straight"))
    assert rows(tmp_path) == rows(tmp_path / "straight")
    assert went_on.value == straight.value


def test_a_checkpoint_of_another_configuration_is_refused(corpus, tmp_path):
    run(corpus, tmp_path)

    with pytest.raises(Mismatch, match=r"last.pt: configuration differs: want other, have a training. It belongs to a"):
        run(corpus, tmp_path, signature="other")


def test_a_damaged_checkpoint_is_named(corpus, tmp_path):
    run(corpus, tmp_path)
    path = tmp_path / "checkpoints" / "last.pt"
    path.write_bytes(path.read_bytes()[:2000])

    with pytest.raises(Unreadable, match=r"last.pt: is no whole checkpoint .*Remove it to begin again"):
        run(corpus, tmp_path)


def test_a_full_disk_keeps_the_checkpoint_before(corpus, tmp_path, monkeypatch):
    """A real one was tried by hand; here the third checkpoint meets ENOSPC."""
    real, count = os.write, 0

    def write(handle, blob):
        nonlocal count
        count += len(blob) > 50_000
        if count > 4:
            raise OSError(28, "No space left on device")
        return real(handle, blob)

    monkeypatch.setattr(os, "write", write)
    with pytest.raises(Refused, match=r"the disk is full. Everything finished before is kept"):
        run(corpus, tmp_path, replace(QUICK, epochs=4))
    monkeypatch.undo()

    resumed = run(corpus, tmp_path, replace(QUICK, epochs=4))

    straight = run(corpus, tmp_path / "straight", replace(QUICK, epochs=4))
    assert [r["train_loss_network"] for r in resumed.rows] == [r["train_loss_network"] for r in straight.rows]


def test_events_are_written_for_tensorboard(corpus, tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    fitted = run(corpus, tmp_path)

    events = EventAccumulator(str(tmp_path / "events"))
    events.Reload()
    seen = {each.step: each.value for each in events.Scalars("val/accuracy")}
    assert seen == pytest.approx({row["epoch"]: row["val_accuracy"] for row in fitted.rows})


def test_without_val_the_last_epoch_is_taken(corpus, tmp_path):
    fitted = fit(a_task(), a_loader(corpus), None, QUICK, tmp_path, signature="no val")

    assert (fitted.metric, fitted.value, fitted.epoch) == (None, None, 2)


def test_a_last_batch_of_one_is_never_made(corpus, tmp_path):
    """Batch norm cannot learn from one sample of a 1 x 1 map; 17 samples by 8 are 6 + 6 + 5, not 8 + 8 + 1."""
    train = a_loader(corpus, np.arange(17))

    assert [len(batch) for batch in train.epoch(0)] == [6, 6, 5]
    assert len(run(corpus, tmp_path, train=train).rows) == 2


def test_options_out_of_range_are_refused_by_name():
    with pytest.raises(Refused, match=r"option epochs: must be 1 or more: have 0"):
        LoopOptions(epochs=0)
    with pytest.raises(Refused, match=r"option optimiser.rate: must be above 0: have 0"):
        Optimiser(rate=0)
    with pytest.raises(Refused, match=r"option schedule.warm_up: must be a share from 0 to below 1: have 1"):
        Schedule(warm_up=1)
