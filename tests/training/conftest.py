"""One small corpus for all trainings."""

from __future__ import annotations

import pytest
import torch

from tests.training.a_training import a_corpus


@pytest.fixture(scope="session")
def corpus(tmp_path_factory):
    """Forty samples."""
    return a_corpus(tmp_path_factory.mktemp("training") / "corpus")


@pytest.fixture(autouse=True)
def _one_thread():
    """Several test processes share the cores."""
    torch.set_num_threads(1)
