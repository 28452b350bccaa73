"""Muon: beside singular vectors, torch's own rule on matrices, and torch's AdamW on what is no kernel."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from swath.training.muon import Muon, orthogonalise


def a_matrix(rows: int, columns: int) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(0).normal(size=(rows, columns)))


@pytest.mark.parametrize(("rows", "columns"), [(8, 72), (72, 8), (16, 16)])
def test_singular_vectors_stay_and_values_come_near_one(rows, columns):
    """Newton-Schulz gives U S V' with S near 1, where the matrix was U S0 V'."""
    matrix = a_matrix(rows, columns)
    u, _, v = torch.linalg.svd(matrix, full_matrices=False)

    turned = u.T @ orthogonalise(matrix) @ v.T

    values = turned.diagonal()
    assert 0.6 < values.min() < values.max() < 1.3
    torch.testing.assert_close(turned, torch.diag(values), atol=1e-9, rtol=0)


def test_nothing_stays_nothing():
    assert not orthogonalise(torch.zeros(3, 4)).any()


def test_matrices_go_torchs_way():
    """torch.optim.Muon with its `match_rms_adamw` scale; iterating in bfloat16, so that they agree to 2 %."""
    start, gradients = a_matrix(24, 40).float(), [a_matrix(24, 40).float() * k for k in (1, 2, -1)]
    ours, theirs = (torch.nn.Parameter(start.clone()) for _ in range(2))
    mine = Muon([{"params": [ours], "weight_decay": 0.1}], lr=0.01, momentum=0.9, betas=(0.9, 0.99))
    other = torch.optim.Muon([theirs], lr=0.01, momentum=0.9, weight_decay=0.1, adjust_lr_fn="match_rms_adamw")

    for gradient in gradients:
        ours.grad, theirs.grad = gradient.clone(), gradient.clone()
        mine.step()
        other.step()

    moved, wanted = ours.detach() - start, theirs.detach() - start
    assert (moved - wanted).norm() / wanted.norm() < 0.02


def test_a_kernel_is_the_matrix_of_its_outputs():
    matrix = a_matrix(6, 36).float()
    kernel, flat = torch.nn.Parameter(matrix.reshape(6, 4, 3, 3).clone()), torch.nn.Parameter(matrix.clone())
    gradient = a_matrix(6, 36).float().flip(0)
    kernel.grad, flat.grad = gradient.reshape(6, 4, 3, 3).clone(), gradient.clone()

    for each in (kernel, flat):
        Muon([{"params": [each], "weight_decay": 0.0}], lr=0.1, momentum=0.9, betas=(0.9, 0.99)).step()

    torch.testing.assert_close(kernel.detach().flatten(1), flat.detach())


def test_biases_take_the_steps_of_adamw():
    ours, theirs = (torch.nn.Parameter(torch.ones(5)) for _ in range(2))
    mine = Muon([{"params": [ours], "weight_decay": 0.0}], lr=0.1, momentum=0.9, betas=(0.9, 0.99))
    other = torch.optim.AdamW([theirs], lr=0.1, betas=(0.9, 0.99), weight_decay=0.0)

    for k in range(4):
        ours.grad, theirs.grad = torch.arange(5.0) - k, torch.arange(5.0) - k
        mine.step()
        other.step()

    assert torch.equal(ours, theirs)


def test_what_is_saved_goes_on_as_if_it_had_never_stopped():
    layer, twin = torch.nn.Conv2d(2, 3, 3), torch.nn.Conv2d(2, 3, 3)
    twin.load_state_dict(layer.state_dict())

    def made(of: torch.nn.Module) -> Muon:
        return Muon([{"params": list(of.parameters()), "weight_decay": 0.1}], lr=0.1, momentum=0.9, betas=(0.9, 0.99))

    def learn(of: torch.nn.Module, optimiser: Muon, k: int) -> None:
        optimiser.zero_grad()
        (of(torch.full((1, 2, 5, 5), float(k))) ** 2).sum().backward()
        optimiser.step()

    straight, cut = made(layer), made(twin)
    learn(layer, straight, 1)
    learn(twin, cut, 1)
    again = made(twin)
    again.load_state_dict(cut.state_dict())
    learn(layer, straight, 2)
    learn(twin, again, 2)

    assert torch.equal(layer.weight, twin.weight)
    assert torch.equal(layer.bias, twin.bias)
