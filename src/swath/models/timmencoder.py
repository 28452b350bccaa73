"""timm encoder: one of timm's networks as an encoder, its parameters named as in timm's own files.

The network is probed once for the maps that it gives; of maps of equal stride the last is kept. Vision transformers
give one map, their tokens laid out on the grid. Which networks there are is timm's to say (`models.timm`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, cast

import torch
from torch import Tensor, nn

from swath.core.errors import Refused
from swath.models.encoders import seeded
from swath.models.timm import open_timm

__all__ = ["TimmEncoder", "make_timm_encoder"]

#: Containers whose children are the layers of a network; everything else counts as one layer.
_CONTAINERS = ("features", "stages", "blocks", "layers")


class TimmEncoder(nn.Module):
    """A network of timm that gives feature maps, finest first."""

    def __init__(self, network: nn.Module, name: str, in_channels: int, size: tuple[int, int]) -> None:
        super().__init__()
        self.name = name
        self.network = network
        self.channels, self.strides, self._taken = self._probe(in_channels, size)
        if hasattr(network, "prune_intermediate_layers"):
            # Of the head nothing is left, of the layers everything.
            network.prune_intermediate_layers([self._last], prune_norm=False, prune_head=True)  # type: ignore[operator]
        self.parts: dict[str, tuple[str, ...]] = _parts(network)
        self.first = f"network.{network.pretrained_cfg['first_conv']}"  # type: ignore[index]

    def _maps(self, x: Tensor) -> list[Tensor]:
        """Every map that the network can give."""
        if hasattr(self.network, "forward_intermediates"):
            last = getattr(self.network, "norm", None) is not None and hasattr(self.network, "patch_embed")
            maps: list[Tensor] = self.network.forward_intermediates(x, norm=last, intermediates_only=True)  # type: ignore[operator]
            return maps
        found = self.network.forward_features(x)  # type: ignore[operator]
        if not isinstance(found, Tensor) or found.dim() != 4:
            raise Refused(
                where=f"encoder timm:{self.name}", what="gives no feature maps", fix="Choose another network."
            )
        return [found]

    def _probe(
        self, in_channels: int, size: tuple[int, int]
    ) -> tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]:
        have = f"{size[0]} x {size[1]} px"
        patch = getattr(getattr(self.network, "patch_embed", None), "patch_size", (1, 1))
        if size[0] % patch[0] or size[1] % patch[1]:
            want = f"a multiple of {patch[0]} px, else its edge would not be looked at"
            raise Refused(where=f"encoder timm:{self.name}", what="cannot take the window", want=want, have=have)
        about: Mapping[str, Any] = cast("Any", self.network).pretrained_cfg
        seen = size if about.get("fixed_input_size") else (64, 64)  # strides are whole numbers here
        self.network.eval()
        try:
            with torch.no_grad():
                maps = self._maps(torch.zeros(1, in_channels, *seen))
        except (AssertionError, RuntimeError, ValueError) as error:
            what = f"cannot take the window ({str(error).splitlines()[0]})"
            raise Refused(where=f"encoder timm:{self.name}", what=what, have=have) from error
        self.network.train()
        self._last = len(maps) - 1
        strides = [seen[0] // each.shape[2] for each in maps]
        taken = tuple(i for i in range(len(maps)) if i + 1 == len(maps) or strides[i + 1] > strides[i])
        return tuple(maps[i].shape[1] for i in taken), tuple(strides[i] for i in taken), taken

    def forward(self, x: Tensor) -> list[Tensor]:
        """Feature maps of a picture (n, c, h, w), finest first."""
        maps = self._maps(x)
        return [maps[i] for i in self._taken]


def _layers(network: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    for name, module in network.named_children():
        if name in _CONTAINERS:
            yield from ((f"{name}.{child}", each) for child, each in module.named_children())
        else:
            yield name, module


def _parts(network: nn.Module) -> dict[str, tuple[str, ...]]:
    """Cut a network into its stem and what follows.

    A part ends at a pooling layer and where a block of several convolutions or linear layers begins; so the stem is
    VGG's first pair of convolutions, DenseNet's and a ResNet's first convolution with its normalisation, a
    transformer's patch embedding.
    """
    own = [name for name, _ in network.named_parameters(recurse=False)]
    parts: dict[str, list[str]] = {"stem": own}
    current, has_pooled = "stem", False
    for name, module in _layers(network):
        if isinstance(module, nn.MaxPool2d):
            has_pooled = True
        if next(module.parameters(), None) is None:
            continue
        weights = sum(isinstance(each, nn.Conv2d | nn.Linear) for each in module.modules())
        if weights > 1 or has_pooled:
            current, has_pooled = name, False
            parts[current] = []
        parts[current].append(f"{name}.")
    return {name: tuple(f"network.{prefix}" for prefix in held) for name, held in parts.items()}


def make_timm_encoder(name: str, in_channels: int, *, size: tuple[int, int], seed: int = 0) -> TimmEncoder:
    """Build one of timm's networks as an encoder, with fresh weights.

    Parameters
    ----------
    name : str
        As timm lists it: `vgg16`, `densenet201`, `vit_small_patch16_224`.
    in_channels : int
        Channels of the picture.
    size : tuple of int
        Pixels (h, w) of the picture.
    seed : int
        Of the initial weights.

    Raises
    ------
    MissingExtra, Unknown, Refused
        As `models.timm.open_timm`; and a network that gives no maps, or cannot take the window, is refused.
    """
    with seeded(seed):
        return TimmEncoder(open_timm(name, in_channels, size=size), name, in_channels, size)
