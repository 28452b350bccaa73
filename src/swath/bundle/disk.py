"""Bundles on disk: written whole, opened only if every byte is as written and the stored answer comes out again.

bundle.json           specs, calibration, network, origin, and a hash over all of it
weights.safetensors   every tensor of the network; no code, no pickle
example.safetensors   an input and the raw output that the model gave for it
item.json             a STAC item with the MLM extension
README.md             the model card
scores/               added by `swath test`; outside the hash
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.numpy import load as read_arrays
from safetensors.numpy import save as array_bytes
from safetensors.torch import load as read_tensors
from safetensors.torch import save as tensor_bytes

from swath.bundle.bundle import BATCH, Bundle, make_network
from swath.bundle.card import card
from swath.bundle.facts import Facts
from swath.bundle.item import item_bytes
from swath.core.array import Array
from swath.core.errors import Mismatch, Refused, Unreadable
from swath.core.files import publish, write_new
from swath.tasks.scene import SceneNetwork

__all__ = ["EXAMPLE", "FACTS", "WEIGHTS", "open_bundle", "write_bundle"]

FACTS: Final = "bundle.json"
WEIGHTS: Final = "weights.safetensors"
EXAMPLE: Final = "example.safetensors"
#: Names that hold pickles: code that would run on opening.
_PICKLES: Final = (".pt", ".pth", ".pkl", ".pickle", ".ckpt", ".bin", ".joblib")
#: How far, relative to the largest number, a stored answer may be off on another machine.
_SAME: Final = 1e-3


def write_bundle(
    folder: Path,
    facts: Facts,
    network: SceneNetwork,
    example: Mapping[str, Array],
    valid: Mapping[str, Array],
    *,
    is_half: bool = False,
) -> Bundle:
    """Write a bundle whole and open it again.

    Parameters
    ----------
    folder : Path
        Where it goes; a bundle that lies there is replaced.
    facts : Facts
        Everything but the files' hashes.
    network : SceneNetwork
        With its weights.
    example, valid : mapping
        Stack -> input (n, t, b, h, w) whose answer is stored, and its validity.
    is_half : bool
        Whether weights are stored in float16: half the size.

    Raises
    ------
    Refused
        The disk is full or the folder read-only.
    """
    kind = torch.float16 if is_half else torch.float32
    state = {
        name: (tensor.detach().cpu().to(kind) if tensor.is_floating_point() else tensor.detach().cpu()).contiguous()
        for name, tensor in network.state_dict().items()
    }
    network = make_network(facts)
    network.load_state_dict({name: t.float() if t.is_floating_point() else t for name, t in state.items()})
    raw = Bundle(facts, network).samples(example, valid, {})
    stored = {
        **{f"input/{name}": np.ascontiguousarray(each) for name, each in example.items()},
        **{f"valid/{name}": np.ascontiguousarray(each) for name, each in valid.items()},
        "raw": raw,
    }
    blobs = {WEIGHTS: tensor_bytes(state), EXAMPLE: array_bytes(stored)}
    facts = replace(facts, files={name: hashlib.sha256(blob).hexdigest() for name, blob in blobs.items()})
    blobs[FACTS] = facts.to_bytes()
    parameters = sum(each.numel() for each in network.parameters())
    blobs["item.json"] = item_bytes(facts, parameters=parameters, size=len(blobs[WEIGHTS]))
    blobs["README.md"] = card(facts, parameters=parameters).encode()
    temporary = folder.with_name(f".{folder.name}.tmp")
    shutil.rmtree(temporary, ignore_errors=True)
    for name, blob in blobs.items():
        write_new(temporary / name, blob)
    if folder.exists():
        shutil.rmtree(folder)
    publish(temporary, folder)
    return open_bundle(folder)


def open_bundle(path: Path | str, *, device: str = "cpu", batch: int = BATCH) -> Bundle:
    """Open a bundle, verified.

    Parameters
    ----------
    path : Path
        Its folder, or the folder of a run that holds it.
    device : str
        Where it is to predict.
    batch : int
        Windows that go through its network at once.

    Raises
    ------
    Unreadable
        It is not there, altered, damaged, or does not give its stored answer.
    Refused
        It holds a pickle, or a newer swath wrote it.
    """
    folder = Path(path)
    if not (folder / FACTS).exists() and (folder / "bundle" / FACTS).exists():
        folder = folder / "bundle"
    _refuse_pickles(folder)
    try:
        blob = (folder / FACTS).read_bytes()
    except OSError:
        fix = "Train one: swath train CORPUS -o RUN."
        raise Unreadable(where=str(folder), what="holds no bundle", fix=fix) from None
    facts = Facts.from_bytes(blob, where=str(folder / FACTS))
    network = make_network(facts)
    try:
        state = read_tensors(_verified(folder, WEIGHTS, facts))
        stored = read_arrays(_verified(folder, EXAMPLE, facts))
        network.load_state_dict({name: t.float() if t.is_floating_point() else t for name, t in state.items()})
    except (SafetensorError, RuntimeError) as error:
        said = " ".join(str(error).split())[:200]
        raise Unreadable(where=str(folder), what=f"holds weights that do not fit its network ({said})") from None
    bundle = Bundle(facts, network, device=device, batch=batch)
    _require_answer(bundle, stored, str(folder))
    return bundle


def _refuse_pickles(folder: Path) -> None:
    for path in sorted(folder.rglob("*")) if folder.is_dir() else []:
        if path.suffix.lower() in _PICKLES:
            fix = "A bundle is safetensors and JSON; whoever sends more wants code to run. Do not load it."
            raise Refused(where=str(path), what="is a pickle, which could run any code", fix=fix)


def _verified(folder: Path, name: str, facts: Facts) -> bytes:
    try:
        blob = (folder / name).read_bytes()
    except OSError:
        raise Unreadable(where=str(folder / name), what="is not there", fix="Copy the bundle again, whole.") from None
    if hashlib.sha256(blob).hexdigest() != facts.files.get(name):
        fix = "Copy the bundle again, whole."
        raise Unreadable(where=str(folder / name), what="was altered: it does not have its hash", fix=fix)
    return blob


def _require_answer(bundle: Bundle, stored: Mapping[str, Array], where: str) -> None:
    """Let the model answer its stored input."""
    example = {name.removeprefix("input/"): each for name, each in stored.items() if name.startswith("input/")}
    valid = {name.removeprefix("valid/"): each for name, each in stored.items() if name.startswith("valid/")}
    raw, want = bundle.samples(example, valid, {}), stored["raw"]
    if raw.shape != want.shape:
        raise Mismatch(where=where, what="shape of the answer", want=str(want.shape), have=str(raw.shape))
    off = float(np.abs(raw - want).max()) if raw.size else 0.0
    if not off <= _SAME * max(1.0, float(np.abs(want).max(initial=0.0))):
        fix = "Weights and code do not belong together: take the version of swath that made it."
        raise Unreadable(where=where, what=f"does not give its stored answer (off by {off:.3g})", fix=fix)
