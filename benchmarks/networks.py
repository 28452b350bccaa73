"""Networks: our default encoder beside timm's ResNet-18, windows of 64 pixels, training and inference.

Both in one process on the same threads, batch 64, three bands, float32. What each learns in the same minutes is a
question for the results, not for this table.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import torch
from torch import Tensor, nn

from benchmarks.ratio import Row, row
from swath.core.quantity import TOA
from swath.core.specs import InputSpec, StackInput
from swath.models import ModelOptions, make_backbone
from swath.models.backbone import Backbone
from swath.models.timm import open_timm

__all__ = ["rows"]

BATCH, BANDS = 64, ("B04", "B03", "B02")


class _Classifier(nn.Module):
    """Ten classes on the coarsest map."""

    def __init__(self, backbone: Backbone) -> None:
        super().__init__()
        self.backbone, self.fc = backbone, nn.Linear(backbone.channels[-1], 10)

    def forward(self, x: Tensor) -> Tensor:
        pooled = self.backbone({"s2": x[:, None]})[-1].mean((2, 3))
        return self.fc(pooled)  # type: ignore[no-any-return]


def _ours(encoder: str) -> nn.Module:
    stack = StackInput(BANDS, TOA, "L1C", 10.0, 1, (0.1,) * 3, (0.05,) * 3)
    return _Classifier(make_backbone(ModelOptions(encoder), InputSpec({"s2": stack}, (64, 64)))[0])


def _theirs() -> nn.Module:
    return nn.Sequential(open_timm("resnet18", 3), nn.Linear(512, 10))


def _training(network: nn.Module) -> Callable[[], None]:
    network.train()
    optimiser = torch.optim.AdamW(network.parameters(), 1e-3)
    x, y = torch.rand(BATCH, 3, 64, 64), torch.arange(BATCH) % 10

    def step() -> None:
        optimiser.zero_grad(set_to_none=True)
        nn.functional.cross_entropy(network(x), y).backward()  # type: ignore[no-untyped-call]
        optimiser.step()

    return step


def _inference(network: nn.Module) -> Callable[[], None]:
    network.eval()
    x = torch.rand(BATCH, 3, 64, 64)

    def answer() -> None:
        with torch.inference_mode():
            network(x)

    return answer


def rows(folder: Path) -> Iterator[Row]:
    """Ratios to timm's ResNet-18; the note is our rate."""
    for encoder, least in (("resnet10-32", (1.5, 1.2)), ("resnet18", (0.8, 0.8))):
        for what, made, bound in (("training", _training, least[0]), ("inference", _inference, least[1])):
            name = f"{encoder}: {what} / timm resnet18"
            yield row(name, made(_ours(encoder)), made(_theirs()), at_least=bound, items=BATCH, rounds=7)
