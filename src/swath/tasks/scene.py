"""Scene classification: one answer a window, of classes that exclude one another or not.

The head averages the last map of a backbone over the ground, passes hidden layers where some are asked for, and gives
one number a class. Samples without a label teach nothing and are not judged. Backbones are made elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Literal, Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - as everybody names it

from swath.batch.record import Batch
from swath.core.array import Array
from swath.core.errors import Refused, Unknown
from swath.core.specs import OutputSpec
from swath.evaluate import metric
from swath.tasks.task import Parts, State

__all__ = ["Freezing", "Maps", "SceneNetwork", "SceneOptions", "SceneTask"]

#: Name of the one network.
_NETWORK: Final = "network"
#: Kind of stage -> prefixes of the backbone's parameters that it leaves as they are.
Freezing = Callable[[str], tuple[str, ...]]


def _nothing(trains: str) -> tuple[str, ...]:
    """Know of one kind of stage only: everything learns."""
    if trains != "all":
        raise Unknown(trains, ("all",), what="kind of stage", where="option loop.stages")
    return ()


class Maps(Protocol):
    """What a head stands on: a module that makes maps of what an `InputSpec` describes."""

    @property
    def channels(self) -> tuple[int, ...]:
        """Channels of each map, finest first."""
        ...

    def picture(self, x: Mapping[str, Tensor], valid: Mapping[str, Tensor]) -> Tensor:
        """Normalise and join stacks: {stack: (n, t, b, h, w)} -> (n, channels, h, w)."""
        ...

    def encode(self, picture: Tensor) -> list[Tensor]:
        """Maps of a normalised picture."""
        ...


@dataclass(frozen=True, slots=True)
class SceneOptions:
    """Options of scene classification."""

    #: Target of the corpus; None = the only one of its kind.
    target: str | None = None
    #: Share of the truth that is spread over all classes, 0..1.
    label_smoothing: float = 0.0
    #: Channels of the hidden layers of the head; none = linear.
    hidden: tuple[int, ...] = ()
    #: Whether rare classes weigh more: `balanced` weighs each class by the inverse of its count in train.
    weights: Literal["none", "balanced"] = "none"

    def __post_init__(self) -> None:
        if not 0 <= self.label_smoothing < 1:
            have = str(self.label_smoothing)
            raise Refused(where="option task.label_smoothing", what="must be from 0 to below 1", have=have)


class SceneNetwork(nn.Module):
    """A backbone with a head: {stack: (n, t, b, h, w)} -> (n, k), before softmax or sigmoid."""

    def __init__(self, backbone: Maps, classes: int, *, hidden: tuple[int, ...] = ()) -> None:
        super().__init__()
        self.backbone = backbone
        layers: list[nn.Module] = []
        width = backbone.channels[-1]
        for wanted in hidden:
            layers += [nn.Linear(width, wanted), nn.ReLU()]
            width = wanted
        last = nn.Linear(width, classes)
        nn.init.zeros_(last.bias)
        self.head = nn.Sequential(*layers, last)

    def answer(self, maps: list[Tensor]) -> Tensor:
        """Classify by the mean of the coarsest map over the ground: (n, k)."""
        answer: Tensor = self.head(maps[-1].mean((2, 3)))
        return answer

    def forward(self, x: Mapping[str, Tensor], valid: Mapping[str, Tensor]) -> Tensor:
        """Classify batches."""
        return self.answer(self.backbone.encode(self.backbone.picture(x, valid)))


class SceneTask:
    """Scene classification as a task of one part.

    Parameters
    ----------
    network : SceneNetwork
        What learns.
    output : OutputSpec
        Of kind `scene`, with classes.
    target : str
        Name of the target in the batches.
    options : SceneOptions
        Options of the loss.
    counts : int tensor, shape (k,), optional
        Samples a class in train; needed for balanced weights.
    freezing : callable
        Kind of stage -> what of the backbone stays as it is.
    """

    def __init__(
        self,
        network: SceneNetwork,
        output: OutputSpec,
        target: str,
        options: SceneOptions,
        *,
        counts: Tensor | None = None,
        freezing: Freezing = _nothing,
    ) -> None:
        if output.kind != "scene" or not output.codes:
            raise Refused(where="scene classification", what=f"cannot learn an output of kind {output.kind!r}")
        self._network, self._output, self.target, self.options = network, output, target, options
        self._freezing = freezing
        self._weights = None
        if options.weights == "balanced":
            if counts is None:
                raise Refused(where="scene classification", what="balanced weights need the counts of the classes")
            present = (counts > 0).sum()
            self._weights = torch.where(counts > 0, counts.sum() / (present * counts.clamp(min=1)), 0.0)

    @property
    def output(self) -> OutputSpec:
        """What the network gives."""
        return self._output

    @property
    def predicts(self) -> str:
        """Name of the one part."""
        return _NETWORK

    def parts(self) -> dict[str, nn.Module]:
        """One network."""
        return {_NETWORK: self._network}

    def step(self, batch: Batch, parts: Parts, state: State) -> Iterator[tuple[str, Tensor]]:
        """Cross-entropy, or one binary cross-entropy a class where classes do not exclude one another."""
        raw = parts[_NETWORK](batch.x, batch.valid).float()
        truth = batch.y[self.target]
        if batch.share is None:
            yield _NETWORK, self._loss(raw, truth)
            return
        share = batch.share
        yield _NETWORK, self._loss(raw, truth, share) + self._loss(raw, batch.other[self.target], 1 - share)

    def _loss(self, raw: Tensor, truth: Tensor, share: Tensor | None = None) -> Tensor:
        """Mean over the samples that have a label, each weighing its share; 0 where none has."""
        weights = None if self._weights is None else self._weights.to(raw.device)
        smooth = self.options.label_smoothing
        if self._output.is_multilabel:
            known = ~truth.isnan()
            soft = torch.where(known, truth, 0.0) * (1 - smooth) + smooth / 2
            each = F.binary_cross_entropy_with_logits(raw, soft, weights, reduction="none")
            counted = known.sum()
            each = torch.where(known, each, 0.0).sum(1)
        else:
            each = F.cross_entropy(raw, truth, weights, ignore_index=-1, reduction="none", label_smoothing=smooth)
            known = truth >= 0
            counted = known.sum() if weights is None else weights[truth.clamp(min=0)][known].sum()
        return (each if share is None else each * share).sum() / counted.clamp(min=1e-6)

    def raw(self, batch: Batch, parts: Parts, state: State) -> Tensor:
        """Numbers before softmax or sigmoid, (n, k)."""
        answer: Tensor = parts[_NETWORK](batch.x, batch.valid)
        return answer.float()

    def truth(self, batch: Batch) -> Tensor:
        """Indices of the classes (n,), or one number a class (n, k)."""
        return batch.y[self.target]

    def score(self, raw: Array, truth: Array) -> dict[str, float]:
        """The metrics that the output names, and the negative log likelihood."""
        return {name: metric(name).of(raw, truth) for name in dict.fromkeys((*self._output.metrics, "nll"))}

    def frozen(self, trains: str) -> tuple[str, ...]:
        """Prefixes of parameters that a stage leaves as they are."""
        return tuple(f"{_NETWORK}.backbone.{prefix}" for prefix in self._freezing(trains))
