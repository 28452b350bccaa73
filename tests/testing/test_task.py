"""The task suite: real tasks pass it, and each sin is named."""

from __future__ import annotations

import pytest
import torch

from swath.tasks import SceneOptions, SceneTask
from swath.testing.task import TwoParts, check_task
from tests.training.a_training import OUTPUT, a_corpus, a_loader, a_network, a_task


@pytest.fixture(scope="module")
def batch(tmp_path_factory):
    """Eight samples."""
    torch.set_num_threads(1)
    return next(iter(a_loader(a_corpus(tmp_path_factory.mktemp("task") / "c", n=8)).epoch(0)))


def test_scene_classification_passes(batch):
    check_task(a_task, batch)


def test_a_task_of_two_parts_with_a_memory_passes(batch):
    """Issue: "a toy task of two parts with two optimisers and a state"."""
    check_task(lambda: TwoParts("s2", "class"), batch)


def test_a_step_that_teaches_another_part_is_named(batch):
    """003-D5: the generator's optimiser held all parameters, the discriminator's too."""

    with pytest.raises(AssertionError, match="a step of judge changes maker"):
        check_task(lambda: _Shared("s2", "class"), batch)


class _Shared(TwoParts):
    """The judge's parameters hold the maker's too, and its loss reaches them."""

    def parts(self):
        held = super().parts()
        held["judge"].maker = held["maker"]
        return held

    def step(self, batch, parts, state):
        for name, loss in super().step(batch, parts, state):
            yield name, loss + sum(p.square().sum() for p in parts["maker"].parameters())


def test_a_part_that_is_never_taught_is_named(batch):
    class Lazy(TwoParts):
        def step(self, batch, parts, state):
            for name, loss in super().step(batch, parts, state):
                if name == "maker":
                    yield name, loss

    with pytest.raises(AssertionError, match=r"step\(\) never teaches \['judge'\]"):
        check_task(lambda: Lazy("s2", "class"), batch)


def test_an_answer_that_depends_on_what_was_asked_before_is_named(batch):
    class Forgetful(TwoParts):
        asked = 0

        def raw(self, batch, parts, state):
            self.asked += 1
            return super().raw(batch, parts, state) + self.asked

    with pytest.raises(AssertionError, match="answers otherwise when it is asked again"):
        check_task(lambda: Forgetful("s2", "class"), batch)


def test_a_metric_that_nobody_knows_is_named(batch):
    from dataclasses import replace

    def make():
        return SceneTask(a_network(), replace(OUTPUT, metrics=("acuracy",)), "class", SceneOptions())

    with pytest.raises(AssertionError, match="'acuracy' is no metric"):
        check_task(make, batch)
