"""Mixing: cutmix and mixup of the samples of one batch, as functions of (seed, epoch, step).

Both give each sample a partner and a share: the loss is share * loss(own targets) + (1 - share) * loss(the partner's).
Pixels, validity and presence are mixed; dates, places, ids and targets stay each sample's own.
Cutmix pastes a rectangle of ground, in every stack and map alike; mixup averages, so that it refuses decibels and
codes. Works on whatever device the batch is.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final

import numpy as np
import torch
from torch import Tensor

from swath.batch.record import Batch
from swath.core.errors import Mismatch, Refused
from swath.core.specs import InputSpec

__all__ = ["MIXINGS", "cutmix", "mixup"]


def _drawn(
    purpose: str, seed: int, epoch: int, step: int, alpha: float, batch: Batch
) -> tuple[np.random.Generator, Tensor]:
    """A generator of this step, and each sample's partner: all others are equally likely."""
    n = len(batch)
    if not alpha > 0:
        fix = "Give a number above 0: 1 = any share is as likely."
        raise Refused(where=purpose, what=f"alpha is a shape of the beta distribution, have {alpha:g}", fix=fix)
    if n < 2:
        raise Refused(where=purpose, what=f"a batch of {n} has no partners", fix="Make batches larger.")
    key = hashlib.blake2b(f"{seed}/{purpose}/{epoch}/{step}".encode(), digest_size=16).digest()
    rng = np.random.Generator(np.random.Philox(key=int.from_bytes(key, "little")))
    return rng, ((torch.arange(n) + int(rng.integers(1, n))) % n).to(batch.lonlat.device)


def _is_map(target: Tensor) -> bool:
    return target.ndim == 3 and not target.is_floating_point()


def cutmix(batch: Batch, input: InputSpec, *, alpha: float = 1.0, seed: int, epoch: int, step: int) -> Batch:
    """Paste a rectangle of each sample's partner into it; the rectangle is the same for all samples of the batch.

    Parameters
    ----------
    input : InputSpec
        What the numbers are; any will do.
    alpha : float
        The rectangle's share of the ground is drawn from Beta(alpha, alpha).
    seed, epoch, step : int
        Together they decide everything.

    Raises
    ------
    Mismatch
        A stack's or map's pixels are no whole part of the finest one's: they could not be cut along one line.
    Refused
        The batch has one sample only, or alpha is not above 0.
    """
    rng, partner = _drawn("cutmix", seed, epoch, step, alpha, batch)
    maps = {name: y for name, y in batch.y.items() if _is_map(y)}
    h, w = _coarsest({**batch.x, **maps})
    side = float(np.sqrt(1 - rng.beta(alpha, alpha)))
    height, width = round(side * h), round(side * w)
    # The middle may fall anywhere, as it was published; what lies beyond the edge is cut off.
    top, left = int(rng.integers(0, h)) - height // 2, int(rng.integers(0, w)) - width // 2
    bottom, right = min(top + height, h), min(left + width, w)
    top, left = max(top, 0), max(left, 0)

    def paste(pixels: Tensor) -> Tensor:
        down, across = pixels.shape[-2] // h, pixels.shape[-1] // w
        rows, columns = slice(top * down, bottom * down), slice(left * across, right * across)
        pasted = pixels.clone()
        pasted[..., rows, columns] = pixels[partner, ..., rows, columns]
        return pasted

    share = 1 - (bottom - top) * (right - left) / (h * w)
    pasted_maps = {name: paste(y) for name, y in maps.items()}
    return replace(
        batch,
        x={name: paste(x) for name, x in batch.x.items()},
        valid={name: paste(mask) for name, mask in batch.valid.items()},
        present={name: flags | flags[partner] if share < 1 else flags for name, flags in batch.present.items()},
        y={**batch.y, **pasted_maps},
        other={**_others(batch, partner), **pasted_maps},
        share=torch.full((len(batch),), share, device=partner.device),
    )


def _coarsest(pixels: Mapping[str, Tensor]) -> tuple[int, int]:
    """Pixels (h, w) of the coarsest of some stacks and maps, into which all others must divide."""
    h, w = (min(each.shape[axis] for each in pixels.values()) for axis in (-2, -1))
    for name, each in pixels.items():
        if each.shape[-2] % h or each.shape[-1] % w:
            have = f"{each.shape[-2]} x {each.shape[-1]}"
            raise Mismatch(where=f"cutmix {name}", what="size", want=f"a multiple of {h} x {w}", have=have)
    return h, w


def _others(batch: Batch, partner: Tensor) -> dict[str, Tensor]:
    return {name: y[partner] for name, y in batch.y.items()}


def mixup(batch: Batch, input: InputSpec, *, alpha: float = 0.2, seed: int, epoch: int, step: int) -> Batch:
    """Average each sample with its partner; a pixel is valid where both are, and holds the band's mean elsewhere.

    Parameters
    ----------
    input : InputSpec
        What the numbers are.
    alpha : float
        Each sample's share is drawn from Beta(alpha, alpha), and is a half or more: the batch holds both orders.
    seed, epoch, step : int
        Together they decide everything.

    Raises
    ------
    Refused
        A stack is in decibels or holds codes, which are never averaged; the batch has one sample only; or alpha is not
        above 0.
    """
    for name, needs in input.stacks.items():
        if needs.quantity.is_db or needs.quantity.is_categorical:
            what = f"{needs.quantity} is never averaged"
            raise Refused(where=f"mixup stack {name}", what=what, fix="Use cutmix, or linear power.")
    rng, partner = _drawn("mixup", seed, epoch, step, alpha, batch)
    drawn = rng.beta(alpha, alpha, len(batch))
    share = torch.from_numpy(np.maximum(drawn, 1 - drawn).astype(np.float32)).to(partner.device)
    weight = share.view(-1, 1, 1, 1, 1)
    x, valid, present = {}, {}, {}
    for name, own in batch.x.items():
        mean = torch.tensor(input.stacks[name].mean, device=own.device).view(-1, 1, 1)
        valid[name] = batch.valid[name] & batch.valid[name][partner]
        x[name] = torch.where(valid[name], own * weight + own[partner] * (1 - weight), mean)
        present[name] = batch.present[name] & batch.present[name][partner]
    return replace(batch, x=x, valid=valid, present=present, other=_others(batch, partner), share=share)


#: Name -> way of mixing.
MIXINGS: Final[dict[str, Callable[..., Batch]]] = {"cutmix": cutmix, "mixup": mixup}
