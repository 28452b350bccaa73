"""Loader speed: both are measured, and the sentence says which one waits."""

from __future__ import annotations

import pytest

from swath.core.errors import Unreadable
from swath.recipes.loader_speed import LoaderSpeed, measure_loader
from tests.training.a_training import a_corpus


def test_a_corpus_is_measured(tmp_path):
    a_corpus(tmp_path / "numbers")

    speed = measure_loader(tmp_path / "numbers", seconds=0.01)

    assert (speed.corpus, speed.encoder, speed.threads) == ("numbers", "resnet10-32", 1)
    assert speed.loader > 0
    assert speed.step > 0
    assert speed.to_json()["ratio"] == speed.loader / speed.step


@pytest.mark.parametrize(
    ("loader", "step", "sentence"),
    [
        (300.0, 100.0, "it keeps the step busy."),
        (100.0, 100.0, "it keeps the step busy."),
        (90.0, 100.0, "the step waits 10 % of the time. Read with more threads: --set data.threads=3."),
        (25.0, 100.0, "the step waits 75 % of the time. Read with more threads: --set data.threads=8."),
    ],
)
def test_the_sentence_follows_from_the_ratio(loader, step, sentence):
    assert LoaderSpeed("c", "e", "cpu", 2, loader, step).sentence().endswith(f": {sentence}")


def test_a_folder_that_is_no_corpus_is_refused(tmp_path):
    with pytest.raises(Unreadable, match="holds no corpus"):
        measure_loader(tmp_path)
