"""Bundle: a network with its specs, as core's Predictor: numpy in, raw numpy out.

Numbers come in the quantity of the `InputSpec`, not normalised; the network does that once, on its own device. Averages
over orientations are taken here, so that every door to the model gives the same answer.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

import numpy as np
import torch
from torch import Tensor

from swath.bundle.facts import Facts, require_views
from swath.core.array import Array
from swath.core.errors import Mismatch, Refused
from swath.core.specs import Calibration, InputSpec, OutputSpec
from swath.models.options import make_backbone
from swath.tasks.scene import SceneNetwork

__all__ = ["BATCH", "Bundle", "make_network"]

#: Windows that go through the network at once, unless another number is asked for: on CPUs, layers of 256 windows were
#: 1.4 times slower, for memory of that size is given back and zeroed again each time.
BATCH: Final = 64


def make_network(facts: Facts) -> SceneNetwork:
    """Build the network that a bundle's weights belong to, with fresh weights.

    Raises
    ------
    Refused
        The head is of a kind that this swath does not know.
    """
    if facts.network.head != "scene":
        raise Refused(where=f"bundle {facts.name}", what=f"has a head of kind {facts.network.head!r}")
    backbone, _ = make_backbone(facts.network.model, facts.input, load=False)
    return SceneNetwork(backbone, len(facts.output.codes), hidden=facts.network.hidden)


class Bundle:
    """A trained model, ready to predict; made by `open_bundle`, or by a training from its own network."""

    def __init__(
        self, facts: Facts, network: SceneNetwork, *, device: str = "cpu", batch: int = BATCH, views: int | None = None
    ) -> None:
        self.facts = facts
        self.batch = batch
        #: Orientations whose answers are averaged: its own, unless others were asked for by `from_views`.
        self.views = facts.network.views if views is None else require_views(views)
        self.device = torch.device(device)
        self.network = network.to(self.device).eval()

    @property
    def name(self) -> str:
        """Under which it is known."""
        return self.facts.name

    @property
    def hash(self) -> str:
        """What scores and maps quote."""
        return self.facts.hash

    @property
    def input(self) -> InputSpec:
        """What it takes."""
        return self.facts.input

    @property
    def output(self) -> OutputSpec:
        """What it gives."""
        return self.facts.output

    @property
    def calibration(self) -> Calibration:
        """How its raw output becomes probabilities."""
        return self.facts.calibration

    def from_views(self, views: int) -> Bundle:
        """The same model, its answers averaged over other orientations; name and hash stay.

        Its calibration was fitted on answers of its own orientations.

        Raises
        ------
        Refused
            `views` is none of `bundle.facts.VIEWS`.
        """
        return Bundle(self.facts, self.network, device=str(self.device), batch=self.batch, views=views)

    def _tensors(self, arrays: Mapping[str, Array], dims: int) -> dict[str, Tensor]:
        """Arrays as tensors on the device, as many dimensions as are needed."""
        held = {}
        for name in self.input.stacks:
            if name not in arrays:
                want, have = ", ".join(self.input.stacks), ", ".join(arrays) or "none"
                raise Mismatch(where=f"bundle {self.name}", what="stacks", want=want, have=have)
            if arrays[name].ndim != dims:
                want = "(n, t, b, h, w)" if dims == 5 else "(t, b, h, w)"
                raise Mismatch(
                    where=f"bundle {self.name} stack {name}", what="shape", want=want, have=str(arrays[name].shape)
                )
            held[name] = torch.from_numpy(np.ascontiguousarray(arrays[name])).to(self.device)
        return held

    def _masks(self, valid: Mapping[str, Array]) -> dict[str, Tensor]:
        return {name: torch.from_numpy(np.ascontiguousarray(mask)).to(self.device) for name, mask in valid.items()}

    @torch.inference_mode()
    def samples(self, stacks: Mapping[str, Array], valid: Mapping[str, Array], times: Mapping[str, Array]) -> Array:
        """Answer for whole samples.

        Parameters
        ----------
        stacks : mapping
            Stack -> numbers in the quantity of `input`, shape (n, t, b, h, w).
        valid : mapping
            Stack -> bool (n, t, b or 1, h, w); a stack that is left out is valid everywhere.
        times : mapping
            Stack -> datetime64 (n, t); a network without a sense of time passes over them.

        Returns
        -------
        float32 array, shape (n, k)
            Before `OutputSpec.decode`.
        """
        x = self._tensors(stacks, 5)
        masks = self._masks(valid)
        count = len(next(iter(x.values())))
        parts = [
            self._answer(
                self.network.backbone.picture(
                    {name: each[start : start + self.batch] for name, each in x.items()},
                    {name: each[start : start + self.batch] for name, each in masks.items()},
                )
            )
            for start in range(0, count, self.batch)
        ]
        return np.concatenate(parts) if parts else np.zeros((0, len(self.output.codes)), np.float32)

    @torch.inference_mode()
    def windows(self, stacks: Mapping[str, Array], valid: Mapping[str, Array], corners: Array) -> Array:
        """Answer for windows of one strip, which is normalised once.

        Parameters
        ----------
        stacks, valid : mapping
            As `samples`, for one strip: shape (t, b, h, w).
        corners : int array, shape (k, 2)
            Row and column of each window's upper left pixel; windows must lie inside.

        Returns
        -------
        float32 array, shape (k, ...)
        """
        x = {name: each[None] for name, each in self._tensors(stacks, 4).items()}
        masks = {
            name: torch.from_numpy(np.ascontiguousarray(mask))[None].to(self.device) for name, mask in valid.items()
        }
        picture = self.network.backbone.picture(x, masks)[0]
        h, w = self.input.size
        last = (picture.shape[1] - h, picture.shape[2] - w)
        if len(corners) and (corners.min() < 0 or (corners.max(0) > last).any()):
            want, have = f"rows 0 to {last[0]}, columns 0 to {last[1]}", f"{corners.min(0)} to {corners.max(0)}"
            raise Mismatch(where=f"bundle {self.name}", what="corners of windows", want=want, have=have)
        parts = []
        # One buffer for all batches, laid out as the picture is, so that windows are copied row by row.
        is_last = picture[None].is_contiguous(memory_format=torch.channels_last)
        held = torch.empty(
            (min(self.batch, len(corners)), len(picture), h, w),
            device=self.device,
            memory_format=torch.channels_last if is_last else torch.contiguous_format,
        )
        for start in range(0, len(corners), self.batch):
            some = corners[start : start + self.batch].tolist()
            for i, (r, c) in enumerate(some):
                held[i].copy_(picture[:, r : r + h, c : c + w])
            parts.append(self._answer(held[: len(some)]))
        return np.concatenate(parts) if parts else np.zeros((0, len(self.output.codes)), np.float32)

    def dense(self, stacks: Mapping[str, Array], valid: Mapping[str, Array]) -> Array:
        """Refuse: one answer a window is no answer a pixel.

        Raises
        ------
        Refused
            Always, for a model of kind `scene`.
        """
        fix = "Ask for windows, on a lattice as dense as you like."
        raise Refused(where=f"bundle {self.name}", what=f"answers for windows (kind {self.output.kind})", fix=fix)

    def _answer(self, picture: Tensor) -> Array:
        """Average the raw answers over orientations of normalised pictures (n, c, h, w)."""
        total: Tensor | None = None
        for view in _views(picture, self.views):
            raw = self.network.answer(self.network.backbone.encode(view)).float()
            total = raw if total is None else total + raw
        if total is None:
            raise Refused(where=f"bundle {self.name}", what="has no view to answer from")
        answer: Array = (total / self.views).cpu().numpy()
        return answer


def _views(picture: Tensor, count: int) -> Iterator[Tensor]:
    """The picture itself, its flips, and those turned by a right angle."""
    flips: tuple[tuple[int, ...], ...] = ((), (-1,), (-2,), (-2, -1))
    for turned in (picture, picture.transpose(-1, -2))[: 2 if count == 8 else 1]:
        for axes in flips[: 1 if count == 1 else 4]:
            yield torch.flip(turned, axes) if axes else turned
