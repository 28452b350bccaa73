"""Checkpoints: everything that a training needs to go on as if it had never stopped, and weights of single epochs.

`last.pt` holds tensors and plain values only and is read without unpickling code; `epoch-NNNN.safetensors` hold weights
alone. Files are written under another name and renamed, so that a kill or a full disk leaves the one before.
"""

from __future__ import annotations

import io
import pickle
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load as read_tensors
from safetensors.torch import save as tensor_bytes
from torch import Tensor, nn

from swath.core.errors import Mismatch, Unreadable
from swath.core.files import write_whole

__all__ = ["load_parts", "read_state", "read_weights", "write_state", "write_weights"]


def write_state(path: Path, state: dict[str, Any]) -> None:
    """Write tensors and plain values.

    Raises
    ------
    Refused
        The disk is full or the folder read-only; what was there before is kept.
    """
    held = io.BytesIO()
    torch.save(state, held)
    write_whole(path, held.getbuffer())


def read_state(path: Path) -> dict[str, Any]:
    """Read what `write_state` wrote, to the CPU; code in the file is refused.

    Raises
    ------
    Unreadable
        It is damaged, or no checkpoint of ours.
    """
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except (RuntimeError, OSError, EOFError, ValueError, pickle.UnpicklingError) as error:
        said = str(error).splitlines()[0][:120]
        fix = "Remove it to begin again, or take the run's folder from a backup."
        raise Unreadable(where=str(path), what=f"is no whole checkpoint ({said})", fix=fix) from None
    if not isinstance(state, dict):
        raise Unreadable(where=str(path), what=f"holds a {type(state).__name__}, not a checkpoint")
    return state


def write_weights(path: Path, parts: dict[str, nn.Module]) -> None:
    """Write the weights of some parts, each tensor as `part/name`."""
    tensors = {
        f"{part}/{name}": tensor.detach().cpu().contiguous()
        for part, module in parts.items()
        for name, tensor in module.state_dict().items()
    }
    write_whole(path, tensor_bytes(tensors))


def read_weights(path: Path) -> dict[str, dict[str, Tensor]]:
    """Read what `write_weights` wrote: part -> name -> tensor.

    Raises
    ------
    Unreadable
        It is not there, or damaged.
    """
    try:
        held = read_tensors(path.read_bytes())
    except (OSError, SafetensorError) as error:
        raise Unreadable(where=str(path), what=f"holds no weights ({error})") from None
    weights: dict[str, dict[str, Tensor]] = {}
    for key, tensor in held.items():
        part, _, name = key.partition("/")
        weights.setdefault(part, {})[name] = tensor
    return weights


def load_parts(parts: dict[str, nn.Module], weights: dict[str, dict[str, Tensor]], *, where: str) -> None:
    """Put weights into parts, every tensor of both sides.

    Raises
    ------
    Mismatch
        Parts, names or shapes differ.
    """
    if set(parts) != set(weights):
        raise Mismatch(where=where, what="parts", want=", ".join(sorted(parts)), have=", ".join(sorted(weights)))
    for name, part in parts.items():
        try:
            part.load_state_dict(weights[name])
        except RuntimeError as error:
            said = " ".join(str(error).split())[:300]
            raise Mismatch(where=where, what=f"weights of part {name}", want="this network's", have=said) from None
