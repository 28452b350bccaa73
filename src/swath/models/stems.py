"""Stems: published first convolutions for other bands than they were made for, matched by band name, never by position.

Three ways. `adapter`: a 1 x 1 convolution before the network that hands the bands of the weights on as they are.
`fresh`: a first convolution with new weights, everything after it published. `copy`: each channel takes the kernel of
its own band, else of the band nearest in wavelength, else the mean of all kernels; scaled so that what follows sees
numbers of the size that it is used to. Each way says what every channel got.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

import torch
from torch import Tensor, nn

from swath.core.bands import S1_BANDS, S2_BANDS
from swath.core.errors import Mismatch, Unknown
from swath.core.sensors import wavelength
from swath.models.encoders import seeded

__all__ = ["SCALES", "STEMS", "ChannelSource", "Scale", "Stem", "adapter", "copied", "fresh", "source_of"]

Stem = Literal["as-is", "adapter", "fresh", "copy"]
Scale = Literal["independent", "correlated", "none"]

#: way -> what it does.
STEMS: Final[dict[str, str]] = {
    "as-is": "the first convolution as published, for the very bands that it was made for",
    "adapter": "a 1 x 1 convolution before the published network",
    "fresh": "a first convolution with new weights",
    "copy": "each channel takes the published kernel of its own band, or of the nearest",
}
#: how copied kernels are scaled -> for which inputs the deviation behind them stays what it was.
SCALES: Final[dict[str, str]] = {
    "independent": "bands that know nothing of one another: even copies are multiplied by sqrt(bands / channels)",
    "correlated": "near copies of one signal: even copies are multiplied by bands / channels",
    "none": "not scaled",
}


@dataclass(frozen=True, slots=True)
class ChannelSource:
    """Where the weights of one input channel come from."""

    #: Name of the channel's band.
    band: str
    #: Band of the weights whose kernel it got; "" for all of them or none.
    source: str
    #: `name`, `wavelength`, `mean` or `new`.
    how: Literal["name", "wavelength", "mean", "new"]
    #: What the kernel was multiplied by.
    scale: float = 1.0

    def __str__(self) -> str:
        got = {"name": self.source, "wavelength": self.source, "mean": "mean of all", "new": "new"}[self.how]
        why = " (nearest in wavelength)" if self.how == "wavelength" else ""
        return f"{self.band} <- {got}{why}" + (f" x {self.scale:.3g}" if self.scale != 1 else "")


def _nanometres(band: str) -> tuple[str, float] | None:
    """Family and centre wavelength of a band; None where there is none."""
    for platform, family in (("S2A", S2_BANDS), ("S1A", S1_BANDS)):
        if band in family:
            centre = wavelength(band, platform)
            return None if centre is None else (platform, centre)
    return None


def source_of(band: str, bands: Sequence[str]) -> tuple[str, Literal["name", "wavelength", "mean"]]:
    """Find which band of the weights stands for `band`.

    Radar and optics never stand for one another; among radar's polarisations, which share a wavelength, none is nearer
    than another.

    Examples
    --------
    >>> source_of("B08", ("B04", "B03", "B02")), source_of("B03", ("B04", "B03", "B02")), source_of("VV", ("B04",))
    (('B04', 'wavelength'), ('B03', 'name'), ('', 'mean'))
    """
    if band in bands:
        return band, "name"
    own = _nanometres(band)
    others = {each: _nanometres(each) for each in bands}
    if own is None or own[0] == "S1A":
        return "", "mean"
    near = {each: abs(held[1] - own[1]) for each, held in others.items() if held is not None and held[0] == own[0]}
    return (min(near, key=lambda each: near[each]), "wavelength") if near else ("", "mean")


def _of_bands(conv: nn.Conv2d, bands: Sequence[str]) -> None:
    if conv.in_channels != len(bands) or conv.groups != 1:
        raise Mismatch(
            where="stem",
            what="bands of the weights",
            want=f"{conv.in_channels}, as its first convolution takes",
            have=f"{len(bands)} ({' '.join(bands)})",
            fix="Name the bands that the weights were trained on, in their order.",
        )


def _like(conv: nn.Conv2d, channels: int) -> nn.Conv2d:
    """An empty convolution of the same shape for other channels."""
    made = nn.Conv2d(
        channels,
        conv.out_channels,
        conv.kernel_size,  # type: ignore[arg-type]
        conv.stride,  # type: ignore[arg-type]
        conv.padding,  # type: ignore[arg-type]
        conv.dilation,  # type: ignore[arg-type]
        bias=conv.bias is not None,
        padding_mode=conv.padding_mode,
    )
    if conv.bias is not None and made.bias is not None:
        made.bias.data.copy_(conv.bias.data)
    return made.to(conv.weight.device, conv.weight.dtype)


def adapter(channels: Sequence[str], bands: Sequence[str]) -> tuple[nn.Conv2d, tuple[ChannelSource, ...]]:
    """Make a 1 x 1 convolution that hands the bands of the weights on.

    At first each of them is the channel of its own name, the mean of its dates where there are several; a band that no
    channel bears is the channel nearest in wavelength, and where wavelengths say nothing the mean of all.

    Parameters
    ----------
    channels : sequence of str
        Band of each input channel; the same band once a date.
    bands : sequence of str
        What the published weights expect, in their order.

    Returns
    -------
    torch.nn.Conv2d
        (n, len(channels), h, w) -> (n, len(bands), h, w), with a bias of 0 as 004's has.
    tuple of ChannelSource
        One a band of the weights.

    Examples
    --------
    >>> conv, said = adapter(("B02", "B03", "B04", "B08"), ("B04", "B03", "B02"))
    >>> conv.weight[:, :, 0, 0].tolist()
    [[0.0, 0.0, 1.0, 0.0], [0.0, 1.0, 0.0, 0.0], [1.0, 0.0, 0.0, 0.0]]
    """
    with seeded(0):
        conv = nn.Conv2d(len(channels), len(bands), 1)
    said = []
    with torch.no_grad():
        conv.weight.zero_()
        if conv.bias is not None:
            conv.bias.zero_()
        for row, band in enumerate(bands):
            source, how = source_of(band, channels)
            taken = [i for i, each in enumerate(channels) if each == source] or list(range(len(channels)))
            conv.weight[row, taken] = 1 / len(taken)
            said.append(ChannelSource(band, source, how, 1 / len(taken)))
    return conv, tuple(said)


def fresh(conv: nn.Conv2d, channels: Sequence[str], *, seed: int = 0) -> tuple[nn.Conv2d, tuple[ChannelSource, ...]]:
    """Make a first convolution with new weights (He's), its bias kept.

    Examples
    --------
    >>> conv, said = fresh(nn.Conv2d(3, 8, 3), ("VV", "VH"))
    >>> conv.in_channels, str(said[0])
    (2, 'VV <- new')
    """
    with seeded(seed):
        made = _like(conv, len(channels))
        nn.init.kaiming_normal_(made.weight, mode="fan_out", nonlinearity="relu")
    return made, tuple(ChannelSource(band, "", "new") for band in channels)


def copied(
    conv: nn.Conv2d, bands: Sequence[str], channels: Sequence[str], *, scale: Scale = "independent"
) -> tuple[nn.Conv2d, tuple[ChannelSource, ...]]:
    """Give each channel a published kernel, by the name of its band.

    Parameters
    ----------
    conv : torch.nn.Conv2d
        The first convolution, as published.
    bands : sequence of str
        What it expects, in its order.
    channels : sequence of str
        Band of each input channel; the same band once a date.
    scale : str
        One of `SCALES`. The factor makes the summed variance behind the new convolution that of the published one, for
        inputs of deviation 1: where every kernel is copied equally often it is sqrt(len(bands) / len(channels)) for
        independent inputs and len(bands) / len(channels) for near copies of one signal.

    Returns
    -------
    torch.nn.Conv2d
        Bias as published.
    tuple of ChannelSource
        One a channel.

    Raises
    ------
    Mismatch
        `conv` takes another number of channels than there are `bands`.
    Unknown
        No scale has this name.

    Examples
    --------
    >>> conv, said = copied(nn.Conv2d(3, 8, 3), ("B04", "B03", "B02"), ("B02", "B03", "B04") * 4)
    >>> [str(each) for each in said[:3]]
    ['B02 <- B02 x 0.5', 'B03 <- B03 x 0.5', 'B04 <- B04 x 0.5']
    """
    _of_bands(conv, bands)
    if scale not in SCALES:
        raise Unknown(scale, SCALES, what="stem scale", where="stem")
    held = conv.weight.detach()
    sources = [source_of(band, bands) for band in channels]
    kernels = torch.stack(
        [held.mean(1) if how == "mean" else held[:, list(bands).index(source)] for source, how in sources], 1
    )
    factor = _factor(held, kernels, scale)
    with seeded(0):
        made = _like(conv, len(channels))
    with torch.no_grad():
        made.weight.copy_(kernels * factor)
    said = (ChannelSource(band, source, how, factor) for band, (source, how) in zip(channels, sources, strict=True))
    return made, tuple(said)


def _factor(held: Tensor, kernels: Tensor, scale: str) -> float:
    """Ratio of the deviations behind the published kernels and behind their copies."""
    if scale == "none":
        return 1.0
    if scale == "independent":
        return float(held.norm() / kernels.norm().clamp_min(1e-12))
    return float(held.sum(1).norm() / kernels.sum(1).norm().clamp_min(1e-12))
