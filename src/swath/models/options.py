"""Model options: everything that decides which network is built, as one record, and the one function that builds it.

The record is plain JSON both ways, so that a run's configuration, a bundle and a command line hold the same words.
Knows no tasks and no training.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, cast

from torch import nn

from swath.core.errors import Mismatch, Refused, SwathError, Unknown
from swath.core.options import read_options, to_plain
from swath.core.specs import InputSpec
from swath.models.backbone import Backbone, channels_of
from swath.models.encoders import Activation, Entry, NormKind, ResNet, Shortcut, make_encoder, plan_of
from swath.models.preprocessing import fed
from swath.models.stems import STEMS, ChannelSource, Scale, Stem, adapter, copied, fresh
from swath.models.timmencoder import TimmEncoder, make_timm_encoder
from swath.models.weights import Coverage, load_weights, published

__all__ = ["ModelOptions", "make_backbone"]


@dataclass(frozen=True, slots=True)
class ModelOptions:
    """Which network, from which weights.

    Examples
    --------
    >>> options = ModelOptions("timm:vgg16", weights="timm:vgg16.tv_in1k", stem="adapter", dropout=0.2)
    >>> ModelOptions.from_json(options.to_json()) == options
    True
    """

    #: Key in `encoders.ENCODERS`, or `timm:NAME` for a network of timm.
    encoder: str = "resnet10-32"
    #: Published weights: a file, a key in `weights.PUBLISHED`, `timm:NETWORK.TAG`; None = fresh weights.
    weights: str | None = None
    #: How published weights meet this input's bands, one of `stems.STEMS`.
    stem: Stem = "as-is"
    #: How copied kernels are scaled, one of `stems.SCALES`.
    stem_scale: Scale = "independent"
    #: Bands that the weights were made for, in their order; () = as is known of them. Said without weights, it is what
    #: the network behind an adapter takes, or would have taken: the same architecture with fresh weights.
    weights_bands: tuple[str, ...] = ()
    #: True to load weights that lack some of the network's tensors.
    allow_missing: bool = False
    #: Channels of the first stage; None = the encoder's own.
    width: int | None = None
    #: How the first layers take the picture in, one of `encoders.ENTRIES`; None = the encoder's own.
    entry: Entry | None = None
    #: True for squeeze-and-excitation in each block.
    squeeze: bool = False
    #: Where a shortcut shrinks, `conv` or `pool`; None = the encoder's own.
    shortcut: Shortcut | None = None
    #: One of `encoders.ACTIVATIONS`; None = the encoder's own.
    activation: Activation | None = None
    #: One of `encoders.NORMS`.
    norm: NormKind = "batch"
    #: Chance that a residual branch is left out of a training step, growing to this at the last block.
    drop_path: float = 0.0
    #: Share of the coarsest map's channels that a training step leaves out.
    dropout: float = 0.0
    #: Lay pictures out with channels innermost.
    channels_last: bool = True

    def __post_init__(self) -> None:
        if self.stem not in STEMS:
            raise Unknown(self.stem, STEMS, what="stem", where="model options")
        if self.weights is None and self.stem != "as-is" and not (self.weights_bands and self.stem != "copy"):
            what = f"stem {self.stem} is a way of using published weights, and there are none"
            raise Refused(where="model options", what=what, fix="Name weights, or leave the stem as-is.")
        if self.encoder.startswith("timm:"):
            ours = ("width", "entry", "squeeze", "shortcut", "activation", "norm", "drop_path")
            default = {field.name: field.default for field in fields(self)}
            given = [name for name in ours if getattr(self, name) != default[name]]
            if given:
                what = f"{', '.join(given)} cannot be changed in a network of timm ({self.encoder})"
                raise Refused(where="model options", what=what, fix="Leave it, or choose one of our encoders.")

    def to_json(self) -> dict[str, Any]:
        """Return every field as plain JSON."""
        return dict(to_plain(self))

    @classmethod
    def from_json(cls, given: Mapping[str, Any], *, where: str = "model options") -> ModelOptions:
        """Read what `to_json` wrote; a field that is not given keeps its default.

        Raises
        ------
        Unknown
            No option has this name; the nearest is named.
        Mismatch
            A value does not fit its option.
        """
        return read_options(cls, given, where=where)


def _encoder(options: ModelOptions, channels: int, size: tuple[int, int], seed: int) -> ResNet | TimmEncoder:
    """The network for so many channels, with fresh weights."""
    if options.encoder.startswith("timm:"):
        return make_timm_encoder(options.encoder.removeprefix("timm:"), channels, size=size, seed=seed)
    plan = plan_of(options.encoder, where="model options")
    own = ("width", "entry", "shortcut", "activation")
    given: dict[str, Any] = {key: getattr(options, key) for key in own if getattr(options, key) is not None}
    plan = replace(plan, **given, squeeze=options.squeeze, norm=options.norm, drop_path=options.drop_path)
    return make_encoder(plan, channels, seed=seed)


def _bands_of_weights(options: ModelOptions, bands: tuple[str, ...]) -> tuple[str, ...]:
    """Bands that the first convolution of the weights takes."""
    if options.weights is None:
        return bands if options.stem == "as-is" else options.weights_bands
    known = published(options.weights)
    expected = options.weights_bands or (known.bands if known is not None else ())
    where = f"weights {options.weights}"
    if options.stem != "as-is":
        if not expected:
            what = f"it is not known which bands they were made for, so stem {options.stem} would guess"
            raise Refused(where=where, what=what, fix="Say weights_bands, such as B04 B03 B02 for pictures.")
        return expected
    if expected and expected != bands:
        raise Mismatch(
            where=where,
            what="bands",
            want=" ".join(expected),
            have=" ".join(bands),
            fix="Give the bands in that order, or choose a stem: copy, adapter or fresh.",
        )
    return bands


def _is_fed(options: ModelOptions, input: InputSpec) -> bool | None:
    """True if the spec normalises as the published weights expect; None where that is not known."""
    known = published(options.weights) if options.weights is not None else None
    if known is None or not known.transform:
        return None
    for stack in input.stacks.values():
        try:
            wanted = fed(stack, known.transform)
        except SwathError:
            return False
        pairs = (*zip(stack.mean, wanted.mean, strict=True), *zip(stack.std, wanted.std, strict=True))
        if any(abs(one - other) > 1e-4 * max(1.0, abs(other)) for one, other in pairs):
            return False
    return True


def make_backbone(
    options: ModelOptions, input: InputSpec, *, seed: int = 0, load: bool = True
) -> tuple[Backbone, Coverage | None]:
    """Build the network that `options` asks for, for what `input` describes.

    Parameters
    ----------
    options : ModelOptions
    input : InputSpec
        Decides the input channels and the normalisation.
    seed : int
        Of fresh weights.
    load : bool
        False builds the same network without reading published weights: for one that is about to get trained ones.

    Returns
    -------
    Backbone
    Coverage or None
        What came of loading weights; None where there was nothing to load.

    Raises
    ------
    Unknown
        A name that no table holds.
    Refused, Mismatch
        The options contradict one another, the input or the weights.
    Unreadable
        The weights are not there, or not whole.

    Examples
    --------
    >>> from swath.core.quantity import TOA
    >>> from swath.core.specs import StackInput
    >>> red = StackInput(("B04",), TOA, "L1C", 10.0, dates=1, mean=(0.1,), std=(0.05,))
    >>> backbone, coverage = make_backbone(ModelOptions(), InputSpec({"s2": red}, (64, 64)))
    >>> backbone.channels, backbone.strides, coverage
    ((32, 64, 128, 256), (2, 4, 8, 16), None)
    """
    bands = tuple(channel.band for channel in channels_of(input))
    expected = _bands_of_weights(options, bands)
    encoder = _encoder(options, len(expected), input.size, seed)
    coarsest = encoder.strides[-1]
    if min(input.size) < coarsest:
        have = f"{input.size[0]} x {input.size[1]} px"
        where = f"encoder {options.encoder}"
        raise Refused(where=where, what="the window is too small", want=f"{coarsest} px at least", have=have)
    coverage = None
    if options.weights is not None and load:
        network = encoder.network if isinstance(encoder, TimmEncoder) else encoder
        coverage = load_weights(network, options.weights, allow_missing=options.allow_missing)
        coverage = replace(coverage, is_fed_as_expected=_is_fed(options, input))

    front: nn.Module | None = None
    new: tuple[str, ...] = ()
    said: tuple[ChannelSource, ...] = ()
    if options.stem == "adapter":
        front, said = adapter(bands, expected)
        new = ("adapter.",)
    elif options.stem in ("fresh", "copy"):
        said = _restem(encoder, options, expected, bands, seed)
        new = (f"encoder.{encoder.first}.",) if options.stem == "fresh" else ()
    if coverage is not None:
        coverage = _counted(coverage, encoder, options.stem, said)
    made = Backbone(
        input,
        encoder,
        adapter=front,
        dropout=options.dropout,
        fresh=new,
        channels_last=options.channels_last,
    )
    return made, coverage


def _restem(
    encoder: ResNet | TimmEncoder, options: ModelOptions, expected: tuple[str, ...], bands: tuple[str, ...], seed: int
) -> tuple[ChannelSource, ...]:
    """Put another first convolution in, and say what its channels got."""
    conv = cast("nn.Conv2d", encoder.get_submodule(encoder.first))
    if options.stem == "fresh":
        made, said = fresh(conv, bands, seed=seed)
    else:
        made, said = copied(conv, expected, bands, scale=options.stem_scale)
    encoder.set_submodule(encoder.first, made)
    return said


def _counted(coverage: Coverage, encoder: nn.Module, stem: str, said: tuple[ChannelSource, ...]) -> Coverage:
    """The report with its stem, and parameters counted as the network now is."""
    before, total = coverage.parameters[1], sum(each.numel() for each in encoder.parameters())
    first = cast("nn.Conv2d", encoder.get_submodule(cast("str", encoder.first))).weight.numel()
    loaded = coverage.parameters[0] + (total - before) - (first if stem == "fresh" else 0)
    return replace(coverage, stem=said, parameters=(loaded, total))
