"""Encoders: residual networks by name, their parameters named as timm names them, so that published weights load.

`ENCODERS` lists them. The compact ones are made for windows of 64 pixels on a CPU; `resnet18`, `resnet34` and
`resnet50` are the networks of ImageNet, parameter for parameter. An encoder takes one picture of any number of channels
and gives feature maps, finest first. Knows no bands, no normalisation (`models.backbone`) and no files
(`models.weights`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final, Literal, Protocol, cast, runtime_checkable

import torch
from torch import Tensor, nn

from swath.core.errors import Refused, Unknown

__all__ = [
    "ACTIVATIONS",
    "ENCODERS",
    "ENTRIES",
    "NORMS",
    "Activation",
    "Encoder",
    "Entry",
    "NormKind",
    "Plan",
    "ResNet",
    "Shortcut",
    "make_encoder",
    "plan_of",
    "seeded",
]

Entry = Literal["stride1", "stride2", "unpooled", "imagenet", "deep"]
NormKind = Literal["batch", "group"]
Activation = Literal["relu", "silu", "gelu"]
Shortcut = Literal["conv", "pool"]

#: How the first layers take a picture in -> how many times smaller the first stage's map is.
ENTRIES: Final[dict[str, int]] = {
    "stride1": 1,  # one 3 x 3 convolution
    "stride2": 2,  # one 3 x 3 convolution of stride 2
    "unpooled": 2,  # 7 x 7 of stride 2 and no pool, as DeepSentinel's networks
    "imagenet": 4,  # 7 x 7 of stride 2, then a max-pool of stride 2
    "deep": 4,  # three 3 x 3 convolutions (32, 32, 64), then the same pool: the entry of timm's resnet-d
}
#: kind of normalisation -> what it needs of a batch.
NORMS: Final[dict[str, str]] = {
    "batch": "statistics of the batch, running ones in evaluation",
    "group": "each sample's own, so that samples of a batch never mix",
}
ACTIVATIONS: Final[dict[str, Callable[[], nn.Module]]] = {
    "relu": lambda: nn.ReLU(inplace=True),
    "silu": lambda: nn.SiLU(inplace=True),
    "gelu": nn.GELU,
}


@dataclass(frozen=True, slots=True)
class Plan:
    """What a residual network is built of."""

    #: Residual blocks in each stage.
    depths: tuple[int, ...]
    #: Channels of the first stage's 3 x 3 convolutions; each later stage doubles them.
    width: int
    #: How the first layers take the picture in: one of `ENTRIES`.
    entry: Entry = "stride2"
    #: True for blocks of 1 x 1, 3 x 3, 1 x 1 convolutions that leave four times their width.
    is_bottleneck: bool = False
    #: True for squeeze-and-excitation at the end of each residual branch.
    squeeze: bool = False
    #: Where a shortcut shrinks: a strided 1 x 1 convolution, or an average pool before a plain one (resnet-d).
    shortcut: Shortcut = "conv"
    #: One of `ACTIVATIONS`.
    activation: Activation = "relu"
    #: One of `NORMS`.
    norm: NormKind = "batch"
    #: Chance that a residual branch is left out of a training step, growing linearly to this at the last block.
    drop_path: float = 0.0

    def __post_init__(self) -> None:
        where = "encoder"
        known = (("entry", self.entry, ENTRIES), ("norm", self.norm, NORMS))
        for what, given, table in (*known, ("activation", self.activation, ACTIVATIONS)):
            if given not in table:
                raise Unknown(given, table, what=what, where=where)
        if self.shortcut not in ("conv", "pool"):
            raise Unknown(self.shortcut, ("conv", "pool"), what="shortcut", where=where)
        if self.width < 1 or not self.depths or min(self.depths) < 1:
            have = f"width {self.width}, blocks {self.depths}"
            raise Refused(where=where, what="needs a width and blocks of at least 1", have=have)
        if not 0 <= self.drop_path < 1:
            raise Refused(
                where=where, what="drop_path is a chance", want="0 <= drop_path < 1", have=f"{self.drop_path}"
            )


#: name -> plan. The compact ones: 290 to 350 training windows of 64 px a second on two CPU cores.
ENCODERS: Final[dict[str, Plan]] = {
    "resnet10-32": Plan((1, 1, 1, 1), 32),
    "resnet10-40": Plan((1, 1, 1, 1), 40),
    "resnet14-32": Plan((2, 2, 2), 32),
    "resnet18": Plan((2, 2, 2, 2), 64, "imagenet"),
    "resnet34": Plan((3, 4, 6, 3), 64, "imagenet"),
    "resnet50": Plan((3, 4, 6, 3), 64, "imagenet", is_bottleneck=True),
}


@runtime_checkable
class Encoder(Protocol):
    """What a backbone needs of a network: a `torch.nn.Module` that says what its maps are like."""

    @property
    def channels(self) -> tuple[int, ...]:
        """Channels of each feature map, finest first."""
        ...

    @property
    def strides(self) -> tuple[int, ...]:
        """How many times smaller than the picture each map is."""
        ...

    @property
    def parts(self) -> Mapping[str, tuple[str, ...]]:
        """Part -> prefixes of its parameters' names, from the picture to the last map."""
        ...

    @property
    def first(self) -> str:
        """Name of the convolution that meets the picture's channels."""
        ...

    def __call__(self, x: Tensor) -> list[Tensor]:
        """Feature maps (n, channels[i], h / strides[i], w / strides[i]) of a picture (n, c, h, w)."""
        ...


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Draw initial weights from a stream of their own; the caller's random state is left as it was."""
    state = torch.get_rng_state()
    torch.default_generator.manual_seed(seed)
    try:
        yield
    finally:
        torch.set_rng_state(state)


def _norm(kind: NormKind, channels: int) -> nn.Module:
    """Normalisation; groups of at least eight channels, up to 32 of them."""
    if kind == "batch":
        return nn.BatchNorm2d(channels)
    groups = next(g for g in (32, 16, 8, 4, 2, 1) if channels % g == 0 and (channels // g >= 8 or g == 1))
    return nn.GroupNorm(groups, channels)


def _conv(inputs: int, outputs: int, kernel: int, stride: int = 1) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False)


class _Squeeze(nn.Module):
    """Squeeze-and-excitation: each channel weighted by what all channels hold on the mean."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        narrow = max(8, int(channels / 16 + 4) // 8 * 8)  # timm's rounding: to the nearest multiple of eight
        self.fc1 = nn.Conv2d(channels, narrow, 1)
        self.fc2 = nn.Conv2d(narrow, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        mean = x.mean((2, 3), keepdim=True)
        return x * torch.sigmoid(self.fc2(torch.relu(self.fc1(mean))))


class _DropPath(nn.Module):
    """Leave a residual branch out, sample by sample, in training."""

    def __init__(self, chance: float) -> None:
        super().__init__()
        self.chance = chance

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or self.chance == 0:
            return x
        kept = torch.rand((x.shape[0], 1, 1, 1), device=x.device, dtype=torch.float32) >= self.chance
        return x * (kept.to(x.dtype) / (1 - self.chance))


class _Block(nn.Module):
    """A residual block; modules are named as timm names them."""

    def __init__(self, inputs: int, width: int, stride: int, plan: Plan, drop_path: float) -> None:
        super().__init__()
        outputs = width * 4 if plan.is_bottleneck else width
        self.is_bottleneck = plan.is_bottleneck
        if plan.is_bottleneck:
            self.conv1 = _conv(inputs, width, 1)
            self.conv2 = _conv(width, width, 3, stride)
        else:
            self.conv1 = _conv(inputs, width, 3, stride)
            self.conv2 = _conv(width, width, 3)
        self.bn1 = _norm(plan.norm, width)
        self.bn2 = _norm(plan.norm, width)
        self.act1 = ACTIVATIONS[plan.activation]()
        self.act2 = ACTIVATIONS[plan.activation]()
        if plan.is_bottleneck:
            self.conv3 = _conv(width, outputs, 1)
            self.bn3 = _norm(plan.norm, outputs)
            self.act3 = ACTIVATIONS[plan.activation]()
        self.se = _Squeeze(outputs) if plan.squeeze else nn.Identity()
        self.drop_path = _DropPath(drop_path)
        self.downsample: nn.Module = nn.Identity()
        if stride != 1 or inputs != outputs:
            self.downsample = _shortcut(inputs, outputs, stride, plan)

    @property
    def last_norm(self) -> nn.Module:
        """The normalisation that ends the residual branch."""
        return self.bn3 if self.is_bottleneck else self.bn2

    def forward(self, x: Tensor) -> Tensor:
        y = self.act1(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(y))
        if self.is_bottleneck:
            y = self.bn3(self.conv3(self.act2(y)))
        y = self.drop_path(self.se(y)) + self.downsample(x)
        return cast("Tensor", self.act3(y) if self.is_bottleneck else self.act2(y))


def _shortcut(inputs: int, outputs: int, stride: int, plan: Plan) -> nn.Sequential:
    norm = _norm(plan.norm, outputs)
    if plan.shortcut == "conv":
        return nn.Sequential(_conv(inputs, outputs, 1, stride), norm)
    pool = nn.AvgPool2d(2, stride, ceil_mode=True, count_include_pad=False) if stride != 1 else nn.Identity()
    return nn.Sequential(pool, _conv(inputs, outputs, 1), norm)


class ResNet(nn.Module):
    """A residual network that gives the map of every stage.

    Where the entry itself shrinks less than the first stage (`imagenet`, `deep`), the map before its pool is given
    too, so that each map is coarser than the one before it.

    Examples
    --------
    >>> encoder = make_encoder("resnet10-32", 13)
    >>> [tuple(each.shape) for each in encoder(torch.zeros(2, 13, 64, 64))]
    [(2, 32, 32, 32), (2, 64, 16, 16), (2, 128, 8, 8), (2, 256, 4, 4)]
    """

    def __init__(self, plan: Plan, in_channels: int) -> None:
        super().__init__()
        if in_channels < 1:
            raise Refused(where="encoder", what="needs at least one input channel", have=str(in_channels))
        self.plan = plan
        has_pool = ENTRIES[plan.entry] == 4
        stem = 64 if has_pool else plan.width
        self.conv1: nn.Module
        if plan.entry == "deep":
            layers = [_conv(in_channels, 32, 3, 2), _norm(plan.norm, 32), ACTIVATIONS[plan.activation]()]
            layers += [_conv(32, 32, 3), _norm(plan.norm, 32), ACTIVATIONS[plan.activation](), _conv(32, stem, 3)]
            self.conv1 = nn.Sequential(*layers)
        elif plan.entry in ("imagenet", "unpooled"):
            self.conv1 = _conv(in_channels, stem, 7, 2)
        else:
            self.conv1 = _conv(in_channels, stem, 3, 2 if plan.entry == "stride2" else 1)
        self.bn1 = _norm(plan.norm, stem)
        self.act1 = ACTIVATIONS[plan.activation]()
        self.maxpool = nn.MaxPool2d(3, 2, 1) if has_pool else nn.Identity()

        self.stages: list[str] = []
        channels, strides, count = [], [], sum(plan.depths)
        held, made, stride = stem, 0, ENTRIES[plan.entry]
        for number, depth in enumerate(plan.depths, 1):
            width = plan.width * 2 ** (number - 1)
            blocks = []
            for k in range(depth):
                chance = plan.drop_path * made / max(1, count - 1)
                blocks.append(_Block(held, width, 2 if number > 1 and k == 0 else 1, plan, chance))
                held, made = width * 4 if plan.is_bottleneck else width, made + 1
            self.stages.append(f"layer{number}")
            self.add_module(self.stages[-1], nn.Sequential(*blocks))
            stride *= 2 if number > 1 else 1
            channels.append(held)
            strides.append(stride)
        self.channels: tuple[int, ...] = (*((stem,) if has_pool else ()), *channels)
        self.strides: tuple[int, ...] = (*((2,) if has_pool else ()), *strides)
        self.parts: dict[str, tuple[str, ...]] = {
            "stem": ("conv1.", "bn1."),
            **{stage: (f"{stage}.",) for stage in self.stages},
        }
        self.first = "conv1.0" if plan.entry == "deep" else "conv1"
        self._initialise()

    def _initialise(self) -> None:
        """He's initial weights; residual branches end in zero, so that each block starts as its shortcut."""
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
        for module in self.modules():
            if isinstance(module, _Block):
                nn.init.zeros_(cast("Tensor", module.last_norm.weight))

    def forward(self, x: Tensor) -> list[Tensor]:
        """Feature maps of a picture (n, c, h, w), finest first."""
        x = self.act1(self.bn1(self.conv1(x)))
        maps = [x] if ENTRIES[self.plan.entry] == 4 else []
        x = self.maxpool(x)
        for stage in self.stages:
            x = self.get_submodule(stage)(x)
            maps.append(x)
        return maps


def plan_of(name: str, *, where: str = "") -> Plan:
    """Find the plan of one of our encoders.

    Raises
    ------
    Unknown
        No encoder has this name; the nearest is named.
    """
    if name not in ENCODERS:
        raise Unknown(name, (*ENCODERS, "timm:NAME"), what="encoder", where=where)
    return ENCODERS[name]


def make_encoder(plan: str | Plan, in_channels: int, *, seed: int = 0) -> ResNet:
    """Build a residual network with fresh weights.

    Parameters
    ----------
    plan : str or Plan
        Key in `ENCODERS`, or a plan of one's own: `replace(plan_of("resnet18"), norm="group")`.
    in_channels : int
        Channels of the picture.
    seed : int
        Of the initial weights; equal seeds give equal weights.

    Raises
    ------
    Unknown
        No encoder has this name; the nearest is named.
    Refused
        A number that no network can be built of.

    Examples
    --------
    >>> sum(each.numel() for each in make_encoder("resnet10-32", 3).parameters())
    1226400
    """
    chosen = plan_of(plan) if isinstance(plan, str) else plan
    with seeded(seed):
        return ResNet(chosen, in_channels)
