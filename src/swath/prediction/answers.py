"""Answers: what a model says of the windows of one strip, and how it is kept until the map is painted.

For scene kinds a strip's answers are probabilities at centres, (rows, cols, k), NaN where too little was measured; for
dense kinds they are blended at once into the class and the probabilities of every pixel. Beside them stands which
pixels were measured at all. Kept as one file a strip, written whole.
"""

from __future__ import annotations

import io
import math
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from swath.core.array import Array
from swath.core.errors import Mismatch, Refused, Unreadable
from swath.core.files import write_whole
from swath.core.scene import Window
from swath.core.specs import Predictor
from swath.prediction.lattice import mirrored, taper
from swath.prediction.mapplan import MapPlan, Strip

__all__ = [
    "FULL",
    "NONE",
    "Answered",
    "Carry",
    "Pixels",
    "answer",
    "count_asked",
    "load_answers",
    "measure_rate",
    "read_strip",
    "save_answers",
    "scaled",
]

#: Stored probability = rint(FULL * probability); `NONE` = no answer.
FULL: Final = 254
NONE: Final = 255


@dataclass(frozen=True, slots=True, eq=False)
class Pixels:
    """One strip as the model takes it, with what it sees beyond the edges."""

    #: float32 (b, h, w), not normalised, and bool (b or 1, h, w).
    x: Array
    valid: Array
    #: Row of the first pixel in the scene, negative above its edge; columns begin at `left`.
    top: int
    left: int


@dataclass(frozen=True, slots=True, eq=False)
class Answered:
    """What is kept of one strip."""

    #: Scene kinds: float32 (rows, cols, k), NaN = no answer. Dense kinds: uint8 (k, h, w), scaled by `FULL`.
    answers: Array
    #: Which pixels of the strip's own rows were measured in any band: bool (h, w).
    valid: Array
    #: Dense kinds: position of the class in the model's codes, uint8 (h, w), `NONE` = no answer; else empty.
    best: Array
    #: Windows that the model was asked about.
    asked: int


@dataclass(frozen=True, slots=True, eq=False)
class Carry:
    """What the windows of a dense strip add to the rows of pixels below it."""

    #: Sum of weighted probabilities, float32 (k, h, w), and of weights, float32 (h, w).
    total: Array
    weights: Array


def read_strip(plan: MapPlan, strip: Strip) -> Pixels:
    """Read the rows that a strip's windows look at, and mirror what lies beyond the edges."""
    height, width = plan.shape
    starts, left = plan.rows.starts, plan.cols.first
    top, bottom = int(starts[strip.start]), int(starts[strip.stop - 1]) + plan.size[0]
    right = plan.cols.last + plan.size[1]
    rows, cols = mirrored(top, bottom, height), mirrored(left, right, width)
    above, below = int(rows.min()), int(rows.max()) + 1
    x, valid = plan.fitted.read(Window(above, 0, below - above, width))
    if (left, right) != (0, width) or (top, bottom) != (above, below):
        at = np.ix_(rows - above, cols)
        x, valid = (np.ascontiguousarray(each[:, at[0], at[1]]) for each in (x, valid))
    return Pixels(x, valid, top, left)


def _shares(valid: Array, rows: Array, cols: Array, size: tuple[int, int]) -> Array:
    """Share of measured numbers of each window, float64 (rows, cols), from one table of sums."""
    summed = np.zeros((valid.shape[1] + 1, valid.shape[2] + 1), np.int64)
    if valid.all():
        return np.ones((len(rows), len(cols)))
    counted = valid.sum(axis=0, dtype=np.uint16)
    np.cumsum(np.cumsum(counted, axis=0, dtype=np.int64), axis=1, out=summed[1:, 1:])
    h, w = size
    low, high = summed[np.ix_(rows, cols)], summed[np.ix_(rows + h, cols + w)]
    mixed = summed[np.ix_(rows, cols + w)] + summed[np.ix_(rows + h, cols)]
    return np.asarray((low + high - mixed) / (h * w * len(valid)))


def _own(plan: MapPlan, strip: Strip, pixels: Pixels) -> Array:
    """Which of the pixels that a strip finishes were measured in any band, bool (h, w)."""
    rows = slice(strip.top - pixels.top, strip.bottom - pixels.top)
    cols = slice(-pixels.left, -pixels.left + plan.shape[1])
    return np.asarray(pixels.valid[:, rows, cols].any(axis=0))


def answer(
    plan: MapPlan, predictor: Predictor, strip: Strip, pixels: Pixels, carry: Carry | None = None
) -> tuple[Answered, Carry | None]:
    """Ask the model about the windows of a strip that are measured well enough.

    Parameters
    ----------
    plan, predictor : MapPlan, Predictor
        The map, and its model.
    strip : Strip
        One of the plan's, or such a one warmed.
    pixels : Pixels
        From `read_strip`.
    carry : Carry, optional
        Dense kinds: what the strip above left; None where there is none, or the strip is warmed.

    Returns
    -------
    Answered
    Carry or None
        For the strip below.

    Raises
    ------
    Mismatch
        The model gives another shape than its spec says.
    Refused
        It gives numbers that are not finite.
    """
    rows = plan.rows.starts[strip.start : strip.stop] - pixels.top
    cols = plan.cols.starts - pixels.left
    shares = _shares(pixels.valid, rows, cols, plan.size)
    answered = (shares >= plan.options.min_valid) & (shares > 0)
    if plan.is_dense:
        return _blended(plan, predictor, strip, pixels, answered, carry)
    answers = np.full((len(rows), len(cols), len(plan.output.codes)), np.nan, np.float32)
    at = np.argwhere(answered)
    if len(at):
        corners = np.stack([rows[at[:, 0]], cols[at[:, 1]]], axis=1)
        padded = np.concatenate([corners, np.repeat(corners[-1:], -len(corners) % plan.options.batch, axis=0)])
        stack = plan.fitted.stack
        raw = np.asarray(predictor.windows({stack: pixels.x[None]}, {stack: pixels.valid[None]}, padded))
        _require(plan, raw, (len(padded), len(plan.output.codes)))
        decoded = plan.output.decode(raw[: len(corners)], plan.calibration)
        answers[answered] = decoded.probability
    return Answered(answers, _own(plan, strip, pixels), np.zeros((0, 0), np.uint8), len(at)), None


def _require(plan: MapPlan, raw: Array, shape: tuple[int, ...]) -> None:
    by = f"bundle {plan.bundle}"
    if raw.shape != shape:
        raise Mismatch(where=by, what="shape of the raw output", want=str(shape), have=str(raw.shape))
    if not np.isfinite(raw).all():
        what = "gives NaN or infinity, which is no answer"
        raise Refused(where=f"{by}, scene {plan.where}", what=what, fix="Look at its weights and at this scene.")


def _blended(
    plan: MapPlan, predictor: Predictor, strip: Strip, pixels: Pixels, answered: Array, carry: Carry | None
) -> tuple[Answered, Carry]:
    """Blend the answers of overlapping windows: weights of all that answer for a pixel sum to 1."""
    (h, w), k = plan.size, len(plan.output.codes)
    own, wide = strip.bottom - strip.top, plan.shape[1]
    starts = plan.rows.starts[strip.start : strip.stop]
    tall = max(own, min(int(starts[-1]) + h, plan.shape[0]) - strip.top)
    total, weights = np.zeros((k, tall, wide), np.float32), np.zeros((tall, wide), np.float32)
    if carry is not None:
        total[:, : carry.total.shape[1]], weights[: len(carry.weights)] = carry.total, carry.weights
    weight = np.outer(taper(h), taper(w)).astype(np.float32)
    for i, j in np.argwhere(answered).tolist():
        top, left = int(starts[i]) - strip.top, int(plan.cols.starts[j])
        chance = _chance(plan, predictor, pixels, int(starts[i]) - pixels.top, left - pixels.left)
        inside = slice(max(top, 0), min(top + h, tall)), slice(max(left, 0), min(left + w, wide))
        if inside[0].start >= inside[0].stop:
            continue
        part = slice(inside[0].start - top, inside[0].stop - top), slice(inside[1].start - left, inside[1].stop - left)
        total[:, *inside] += chance[:, *part] * weight[part]
        weights[inside] += weight[part]
    left_over = Carry(total[:, own:].copy(), weights[own:].copy())
    total, weights = total[:, :own], weights[:own]
    known = weights > 0
    np.divide(total, weights, out=total, where=known)
    best = np.where(known, total.argmax(axis=0), NONE).astype(np.uint8)
    stored = np.where(known, scaled(total), NONE).astype(np.uint8)
    return Answered(stored, _own(plan, strip, pixels), best, int(answered.sum())), left_over


def _chance(plan: MapPlan, predictor: Predictor, pixels: Pixels, row: int, col: int) -> Array:
    """Probabilities of the pixels of one window, float32 (k, h, w)."""
    (h, w), stack = plan.size, plan.fitted.stack
    x, good = (each[None, :, row : row + h, col : col + w] for each in (pixels.x, pixels.valid))
    raw = np.asarray(predictor.dense({stack: x}, {stack: good}))
    _require(plan, raw, (len(plan.output.codes), h, w))
    chance = np.asarray(plan.output.decode(raw[None], plan.calibration).probability, np.float32)
    return np.asarray(chance[0])


def scaled(probability: Array) -> Array:
    """Probabilities as they are stored: 0 to `FULL`, uint8.

    Examples
    --------
    >>> scaled(np.array([0.0, 0.5, 1.0], np.float32)).tolist()
    [0, 127, 254]
    """
    return np.rint(np.float32(FULL) * probability).astype(np.uint8)


def save_answers(path: Path, held: Answered) -> None:
    """Write a strip's answers whole."""
    blob = io.BytesIO()
    packed = np.packbits(held.valid, axis=1)
    np.savez(
        blob, answers=held.answers, valid=packed, shape=held.valid.shape, best=held.best, asked=np.int64(held.asked)
    )
    write_whole(path, blob.getbuffer())


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as held:
            yield held
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        fix = "Remove it, and give the same command again: it answers what is missing."
        raise Unreadable(where=str(path), what=f"is no finished strip ({error})", fix=fix) from error


def load_answers(path: Path) -> Answered:
    """Read a strip's answers.

    Raises
    ------
    Unreadable
        The file is gone or damaged.
    """
    with _opened(path) as held:
        valid = np.unpackbits(held["valid"], axis=1, count=int(held["shape"][1])).astype(bool)
        return Answered(held["answers"], valid, held["best"], int(held["asked"]))


def count_asked(path: Path) -> int:
    """How many windows of a finished strip the model was asked about."""
    with _opened(path) as held:
        return int(held["asked"])


def measure_rate(plan: MapPlan, predictor: Predictor, *, least: float = 0.5) -> float:
    """Windows a second that the model answers on this machine, seen on numbers that mean nothing.

    Parameters
    ----------
    plan : MapPlan
        Of the map.
    predictor : Predictor
        Its model.
    least : float
        Seconds to look at it, after a first call that is not counted.
    """
    h, w = plan.size
    mean = np.asarray(plan.fitted.needs.mean, np.float32)[:, None, None]
    x = {plan.fitted.stack: np.broadcast_to(mean, (1, len(mean), h, w)).copy()}
    valid = {plan.fitted.stack: np.ones((1, 1, h, w), bool)}
    corners = np.zeros((min(plan.options.batch, plan.windows), 2), int)

    def ask() -> int:
        if plan.is_dense:
            predictor.dense(x, valid)
            return 1
        return len(predictor.windows(x, valid, corners))

    ask()
    start, asked = time.perf_counter(), 0
    while (spent := time.perf_counter() - start) < least or not asked:
        asked += ask()
    return asked / spent if spent > 0 else math.inf
