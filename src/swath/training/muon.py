"""Muon: steps whose matrices have been made orthogonal, so that every direction of a layer learns at the same pace.

A kernel (out, in, h, w) counts as the matrix (out, in h w). Its momentum is replaced by the nearest orthogonal matrix,
found by an iteration that needs products alone, and scaled so that a step is about as long as one of Adam: one rate and
one decay serve both. Biases and what normalisation learns take steps of AdamW. torch's own `Muon` knows matrices only
and iterates in bfloat16, for which few CPUs have units.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

import torch
from torch import Tensor

__all__ = ["Muon", "orthogonalise"]

#: a, b, c of x <- a x + (b x x' + c (x x')^2) x: singular values from 0.01 on come near 1 within five rounds.
_QUINTIC: Final = (3.4445, -4.7750, 2.0315)
_ROUNDS: Final = 5
#: Root mean square of a step of AdamW at rate 1, as it was measured in trainings of language models.
_ADAM_RMS: Final = 0.2


def orthogonalise(matrix: Tensor) -> Tensor:
    """Give a matrix with the same singular vectors, all of whose singular values are near 1.

    Parameters
    ----------
    matrix : float tensor, shape (rows, columns)

    Returns
    -------
    tensor, shape (rows, columns)
        Singular values lie between about 0.7 and 1.2, but for those under a hundredth of the norm.

    Notes
    -----
    Newton-Schulz iteration with the coefficients of Jordan et al., "Muon: an optimizer for hidden layers in neural
    networks" (2024).

    Examples
    --------
    >>> torch.linalg.svdvals(orthogonalise(torch.tensor([[3.0, 0.0], [0.0, 1.0]]))).round(decimals=1)
    tensor([1.1000, 0.8000])
    """
    a, b, c = _QUINTIC
    is_tall = matrix.shape[0] > matrix.shape[1]
    x = matrix.T if is_tall else matrix
    x = x / x.norm().clamp(min=1e-7)
    for _ in range(_ROUNDS):
        gram = x @ x.T
        x = torch.addmm(x, torch.addmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return x.T if is_tall else x


class Muon(torch.optim.AdamW):
    """Orthogonal steps for weights of two or more dimensions, AdamW's for the others.

    Parameters
    ----------
    groups : iterable of dict
        `params` and `weight_decay` each.
    lr : float
        Of both kinds of steps.
    momentum : float
        Of orthogonal steps, which look ahead (Nesterov).
    betas : tuple of float
        Of AdamW's.

    Notes
    -----
    The scale 0.2 sqrt(max(rows, columns)) is that of Liu et al., "Muon is scalable for LLM training" (2025). Gradients
    of kernels are gone after a step.
    """

    def __init__(
        self, groups: Iterable[dict[str, Any]], *, lr: float, momentum: float, betas: tuple[float, float]
    ) -> None:
        super().__init__(groups, lr=lr, betas=betas)
        for group in self.param_groups:
            group["momentum"] = momentum

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        """Take a step."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            self._turn(group)
        super().step()
        return loss

    def _turn(self, group: dict[str, Any]) -> None:
        """Orthogonal steps; AdamW passes over what has no gradient."""
        rate, momentum = group["lr"], group["momentum"]
        for kernel in group["params"]:
            if kernel.ndim < 2 or kernel.grad is None:
                continue
            state = self.state[kernel]
            if not state:
                state["momentum_buffer"] = torch.zeros_like(kernel)
                state["step"] = torch.tensor(0.0)  # AdamW looks for it in every state that it loads
            held = state["momentum_buffer"]
            held.lerp_(kernel.grad, 1 - momentum)
            ahead = kernel.grad.lerp(held, momentum).flatten(1)
            scale = _ADAM_RMS * max(ahead.shape) ** 0.5
            kernel.mul_(1 - rate * group["weight_decay"])
            kernel.add_(orthogonalise(ahead).view(kernel.shape), alpha=-rate * scale)
            kernel.grad = None
