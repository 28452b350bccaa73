"""Pixel loop: CNN-Sentinel's way to map a scene, and ours with the same network; how fast each is, on one thread.

Theirs: the picture is padded by a window on all sides, mirrored, and normalised once; each pixel gets the window around
it, and a row of windows is one call. Weights are fresh, for speed does not depend on them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from time import process_time
from typing import Any, Final

import numpy as np
import torch

from studies.bolzano import DECLARED
from swath.bundle import Bundle, NetworkFacts
from swath.bundle.bundle import make_network
from swath.core.array import Array
from swath.core.rendering import render
from swath.core.scene import Window
from swath.formats.scene import open_scene
from swath.models import ModelOptions
from swath.prediction import MapOptions
from swath.recipes.map import map_scene

__all__ = ["as_vgg", "loop_labels", "timed_loop", "timed_map"]

#: CNN-Sentinel's network for pictures: VGG16, two hidden layers of 2,048.
_NETWORK: Final = NetworkFacts(ModelOptions("timm:vgg16"), hidden=(2048, 2048))
#: Windows of a call at most.
_CALL: Final = 1024


def as_vgg(bundle: Bundle) -> Bundle:
    """CNN-Sentinel's network with fresh weights behind the input of another bundle."""
    facts = replace(bundle.facts, name="vgg16", network=_NETWORK, files={})
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return Bundle(facts, make_network(facts))


def _timed(work: Callable[[], Any]) -> tuple[Any, dict[str, float]]:
    """What some work gives, and what it cost: seconds of processor time, `cpu`, whatever else the machine did."""
    cpu = process_time()
    given = work()
    return given, {"cpu": process_time() - cpu}


def timed_map(bundle: Bundle, scene: Path, target: Path, **options: Any) -> tuple[Path, dict[str, float]]:
    """Map a piece of the scene with everything that belongs to it: the file, and what it took."""
    chosen = MapOptions(treat_as="toa", threads=1, **options)
    made, took = _timed(lambda: map_scene(bundle, scene, target, declared=DECLARED, options=chosen, overwrite=True))
    return target, {**took, "pixels": made.pixels}


@torch.inference_mode()
def loop_labels(bundle: Bundle, picture: Array, *, rows: int | None = None) -> tuple[Array, Array]:
    """Position of the class of each pixel of a picture (3, h, w), and its margin over the second, in raw output.

    `rows` is how many of them are gone along, from the top; None = all.
    """
    (h, w), (tall, cols), (stack,) = bundle.input.size, picture.shape[-2:], bundle.input.stacks
    rows = tall if rows is None else rows
    padded = np.pad(picture, ((0, 0), (h, h), (w, w)), mode="symmetric").astype(np.float32)
    ready = bundle.network.backbone.picture({stack: torch.from_numpy(padded)[None, None]}, {})[0]
    labels, margins = np.zeros((rows, cols), int), np.zeros((rows, cols))
    for row in range(rows):
        top, lefts = row + h - h // 2, range(w - w // 2, cols + w - w // 2)
        windows = torch.stack([ready[:, top : top + h, left : left + w] for left in lefts])
        calls = [windows[start : start + _CALL] for start in range(0, cols, _CALL)]
        raw = np.concatenate(
            [bundle.network.answer(bundle.network.backbone.encode(call)).float().numpy() for call in calls]
        )
        highest = np.sort(raw, axis=1)
        labels[row], margins[row] = raw.argmax(1), highest[:, -1] - highest[:, -2]
    return labels, margins


def timed_loop(vgg: Bundle, scene: Path, *, rows: int) -> dict[str, float]:
    """Loop over the pixels of the first rows of a small file: what it took."""
    torch.set_num_threads(1)
    held = open_scene(scene, **DECLARED)
    stack = held.read(Window(0, 0, *held.shape))
    picture = render(stack.data[0], replace(stack.quantity, of="toa"), stack.bands, "eurosat-2750")
    (labels, _), took = _timed(lambda: loop_labels(vgg, picture, rows=rows))
    return {**took, "pixels": labels.size}
