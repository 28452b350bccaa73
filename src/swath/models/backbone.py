"""Backbone: from what an `InputSpec` describes to feature maps, normalised once, on the network's own device.

Numbers come in the spec's quantity, as they are stored. Each band is normalised by the spec's mean and deviation, what
is not valid becomes 0 after that, and stacks and dates are joined along channels in the order of the spec: stack, date,
band. Then the stem and the encoder. Knows no tasks: heads stand on the maps.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor, nn

from swath.core.errors import Mismatch, Refused
from swath.core.inputs import GSD_TOLERANCE
from swath.core.specs import InputSpec
from swath.models.encoders import Encoder

__all__ = ["Backbone", "Channel", "channels_of"]

#: Least channels of a layer that may be laid out with channels innermost.
_NARROW: Final = 8


@dataclass(frozen=True, slots=True)
class Channel:
    """One channel of the picture that the encoder sees."""

    #: Name of the stack.
    stack: str
    #: Which of its dates, from 0.
    date: int
    #: Canonical name of the band.
    band: str

    def __str__(self) -> str:
        return f"{self.stack}/{self.date}/{self.band}"


def channels_of(input: InputSpec) -> tuple[Channel, ...]:
    """List the channels of the joined picture, in order: stack, date, band.

    Examples
    --------
    >>> from swath.core.quantity import TOA
    >>> from swath.core.specs import StackInput
    >>> red = StackInput(("B04",), TOA, "L1C", 10.0, dates=2, mean=(0.1,), std=(0.05,))
    >>> [str(each) for each in channels_of(InputSpec({"s2": red}, (64, 64)))]
    ['s2/0/B04', 's2/1/B04']
    """
    return tuple(
        Channel(name, date, band)
        for name, stack in input.stacks.items()
        for date in range(stack.dates)
        for band in stack.bands
    )


def _finer(input: InputSpec) -> dict[str, int]:
    """How often a pixel of each stack is repeated, each way, to lie on the finest stack's grid."""
    finest = min(stack.gsd for stack in input.stacks.values())
    times = {name: round(stack.gsd / finest) for name, stack in input.stacks.items()}
    for name, stack in input.stacks.items():
        if abs(stack.gsd / finest / times[name] - 1) > GSD_TOLERANCE:
            have = ", ".join(f"{each} {held.gsd:g} m" for each, held in input.stacks.items())
            what = "stacks join only where one pixel is a whole number of others"
            fix = "Resample them to one grid when the corpus is built."
            raise Refused(where="backbone", what=what, have=have, fix=fix)
    return times


class Backbone(nn.Module):
    """An encoder with everything that stands between stored numbers and it.

    Parameters
    ----------
    input : InputSpec
        Pixels of coarser stacks are repeated until they cover the finest ones; only whole multiples can be.
    encoder : Encoder
        A network of as many input channels as `channels_of(input)` lists, or as `adapter` leaves.
    adapter : torch.nn.Module, optional
        Stands before the encoder: (n, c, h, w) -> (n, c', h, w).
    dropout : float
        Share of the coarsest map's channels that a training step leaves out; for a head that pools the map, this is
        dropout of its features.
    fresh : tuple of str
        Prefixes of parameters here that are new where all others are published: what a first stage trains.
    channels_last : bool
        Lay pictures out with channels innermost: 20 % quicker on small networks, but for those with a layer of less
        than 8 channels, which are left as they are.

    Examples
    --------
    >>> from swath.core.quantity import TOA
    >>> from swath.core.specs import StackInput
    >>> from swath.models.encoders import make_encoder
    >>> red = StackInput(("B04",), TOA, "L1C", 10.0, dates=1, mean=(0.1,), std=(0.05,))
    >>> backbone = Backbone(InputSpec({"s2": red}, (64, 64)), make_encoder("resnet10-32", 1))
    >>> x = {"s2": torch.full((2, 1, 1, 64, 64), 0.2)}
    >>> [tuple(each.shape) for each in backbone(x)]
    [(2, 32, 32, 32), (2, 64, 16, 16), (2, 128, 8, 8), (2, 256, 4, 4)]
    >>> backbone.picture(x).unique()
    tensor([2.])
    """

    def __init__(
        self,
        input: InputSpec,
        encoder: Encoder,
        *,
        adapter: nn.Module | None = None,
        dropout: float = 0.0,
        fresh: tuple[str, ...] = (),
        channels_last: bool = True,
    ) -> None:
        super().__init__()
        self._finer = _finer(input)
        if not 0 <= dropout < 1:
            raise Refused(where="backbone", what="dropout is a share", want="0 <= dropout < 1", have=str(dropout))
        self.input = input
        self.encoder: Encoder = encoder
        self.adapter: nn.Module = nn.Identity() if adapter is None else adapter
        self.dropout = nn.Dropout2d(dropout)
        # Convolutions to fewer channels, laid out so, wrote beyond their memory on a CPU (torch 2.13, widths 2 to 6).
        made = [each.out_channels for each in self.modules() if isinstance(each, nn.Conv2d)]
        self.channels_last = channels_last and min(made, default=_NARROW) >= _NARROW
        self.fresh = fresh
        self._stacks = tuple(input.stacks.items())
        # Not part of the state: the spec is their one place, and it travels with the weights.
        for number, (_, stack) in enumerate(self._stacks):
            for kind, numbers in (("mean", stack.mean), ("std", stack.std)):
                tensor = torch.tensor(numbers, dtype=torch.float32)[:, None, None]
                self.register_buffer(f"_{kind}{number}", tensor, persistent=False)
        if self.channels_last:
            self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    @property
    def channels(self) -> tuple[int, ...]:
        """Channels of each feature map, finest first."""
        return self.encoder.channels

    @property
    def strides(self) -> tuple[int, ...]:
        """How many times smaller than the input each map is."""
        return self.encoder.strides

    @property
    def parts(self) -> dict[str, tuple[str, ...]]:
        """Part -> prefixes of its parameters' names here, from the input to the last map."""
        parts = {name: tuple(f"encoder.{each}" for each in held) for name, held in self.encoder.parts.items()}
        has_adapter = next(self.adapter.parameters(), None) is not None
        return {"adapter": ("adapter.",), **parts} if has_adapter else parts

    def picture(self, x: Mapping[str, Tensor], valid: Mapping[str, Tensor] | None = None) -> Tensor:
        """Normalise and join.

        Parameters
        ----------
        x : mapping
            Stack -> numbers in the spec's quantity, any real dtype, shape (n, t, b, h, w).
        valid : mapping, optional
            Stack -> bool (n, t, 1 or b, h, w); a stack without an entry is valid everywhere.

        Returns
        -------
        float32 tensor, shape (n, channels, h, w)
            0 where not valid.

        Raises
        ------
        Mismatch
            A stack is missing, has other dates or bands than the spec, or covers other ground than the rest.
        """
        joined = []
        for number, (name, stack) in enumerate(self._stacks):
            if name not in x:
                raise Mismatch(where="backbone", what="stacks", want=", ".join(self.input.stacks), have=", ".join(x))
            data = x[name]
            if data.dim() != 5 or data.shape[1] != stack.dates or data.shape[2] != len(stack.bands):
                want = f"(n, {stack.dates} dates, {len(stack.bands)} bands, h, w)"
                have = str(tuple(data.shape))
                raise Mismatch(where=f"backbone, stack {name}", what="shape", want=want, have=have)
            mean, std = self.get_buffer(f"_mean{number}"), self.get_buffer(f"_std{number}")
            numbers = (data.to(torch.float32) - mean) / std
            if valid is not None and name in valid:
                numbers = torch.where(valid[name], numbers, 0.0)
            flat, finer = numbers.flatten(1, 2), self._finer[name]
            if finer > 1:
                flat = nn.functional.interpolate(flat, scale_factor=float(finer), mode="nearest")
            joined.append(flat)
        if any(each.shape[2:] != joined[0].shape[2:] for each in joined):
            have = ", ".join(f"{name} {tuple(x[name].shape[3:])}" for name, _ in self._stacks)
            raise Mismatch(where="backbone", what="ground", want="stacks that cover the same", have=have)
        picture = joined[0] if len(joined) == 1 else torch.cat(joined, 1)
        return picture.contiguous(memory_format=torch.channels_last) if self.channels_last else picture

    def encode(self, picture: Tensor) -> list[Tensor]:
        """Feature maps of a normalised picture, finest first: for attributions, which look at the picture itself."""
        maps = self.encoder(self.adapter(picture))
        return [*maps[:-1], self.dropout(maps[-1])]

    def forward(self, x: Mapping[str, Tensor], valid: Mapping[str, Tensor] | None = None) -> list[Tensor]:
        """Feature maps (n, channels[i], h / strides[i], w / strides[i]), finest first; see `picture`."""
        return self.encode(self.picture(x, valid))
