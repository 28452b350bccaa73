"""Model options: everything that decides which network is built, as one record, and the one function that builds it.

The record is plain JSON both ways, so that a run's configuration, a bundle and a command line hold the same words.
Knows no tasks and no training.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from swath.core.errors import Refused, Unknown
from swath.core.specs import InputSpec
from swath.models.backbone import Backbone, channels_of
from swath.models.encoders import Activation, Entry, NormKind, Shortcut, make_encoder, plan_of

__all__ = ["ModelOptions", "make_backbone"]


@dataclass(frozen=True, slots=True)
class ModelOptions:
    """Which network, from which weights.

    Examples
    --------
    >>> ModelOptions.from_json(ModelOptions("resnet18", norm="group").to_json())
    ModelOptions(encoder='resnet18', width=None, entry=None, squeeze=False, shortcut=None, activation=None, norm='group', drop_path=0.0, dropout=0.0, channels_last=True)
    """  # noqa: E501 - the record as it is printed

    #: Key in `encoders.ENCODERS`.
    encoder: str = "resnet10-32"
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

    def to_json(self) -> dict[str, Any]:
        """Return every field as plain JSON."""
        return {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(self).items()}

    @classmethod
    def from_json(cls, given: Mapping[str, Any]) -> ModelOptions:
        """Read what `to_json` wrote; a field that is not given keeps its default.

        Raises
        ------
        Unknown
            No option has this name; the nearest is named.
        """
        known = {field.name for field in fields(cls)}
        for key in given:
            if key not in known:
                raise Unknown(key, sorted(known), what="model option", where="model")
        held: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in given.items()}
        return cls(**held)


def make_backbone(options: ModelOptions, input: InputSpec, *, seed: int = 0) -> tuple[Backbone, None]:
    """Build the network that `options` asks for, for what `input` describes.

    Parameters
    ----------
    options : ModelOptions
    input : InputSpec
        Decides the number of input channels and the normalisation.
    seed : int
        Of fresh weights.

    Raises
    ------
    Unknown
        A name that no table holds.
    Refused
        The options contradict one another or the input.

    Examples
    --------
    >>> from swath.core.quantity import TOA
    >>> from swath.core.specs import StackInput
    >>> red = StackInput(("B04",), TOA, "L1C", 10.0, dates=1, mean=(0.1,), std=(0.05,))
    >>> backbone, coverage = make_backbone(ModelOptions(), InputSpec({"s2": red}, (64, 64)))
    >>> backbone.channels, backbone.strides, coverage
    ((32, 64, 128, 256), (2, 4, 8, 16), None)
    """
    where = f"encoder {options.encoder}"
    plan = plan_of(options.encoder, where="model options")
    own = ("width", "entry", "shortcut", "activation")
    given: dict[str, Any] = {key: getattr(options, key) for key in own if getattr(options, key) is not None}
    plan = replace(plan, **given, squeeze=options.squeeze, norm=options.norm, drop_path=options.drop_path)
    coarsest = make_encoder(plan, 1).strides[-1]
    if min(input.size) < coarsest:
        have = f"{input.size[0]} x {input.size[1]}"
        raise Refused(where=where, what="the window is too small", want=f"{coarsest} px at least", have=have)
    encoder = make_encoder(plan, len(channels_of(input)), seed=seed)
    return Backbone(input, encoder, dropout=options.dropout, channels_last=options.channels_last), None
