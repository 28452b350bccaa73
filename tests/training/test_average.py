"""Average: beside a naive loop."""

from __future__ import annotations

import torch

from swath.training.average import Average


def test_an_average_is_that_of_a_naive_loop():
    """a <- d a + (1 - d) w with d = min(memory, (1 + t) / (10 + t)); whole numbers are copied."""
    part = torch.nn.BatchNorm1d(2)
    average = Average({"a": part}, 0.6)
    want = part.weight.detach().clone()
    for t in range(1, 9):
        with torch.no_grad():
            part.weight.add_(float(t))
            part.num_batches_tracked.add_(1)
        average.update()
        decay = min(0.6, (1 + t) / (10 + t))
        want = decay * want + (1 - decay) * part.weight.detach()

    torch.testing.assert_close(average.parts["a"].weight.detach(), want)
    assert int(average.parts["a"].num_batches_tracked) == 8
    assert not average.parts["a"].weight.requires_grad


def test_without_memory_the_parts_are_their_own_average():
    part = torch.nn.Linear(1, 1)

    assert Average({"a": part}, 0.0).parts["a"] is part
