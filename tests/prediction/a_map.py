"""A scene in memory and models in numpy whose answers anyone can work out, for tests of maps."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from affine import Affine
from odc.geo.geobox import GeoBox

from swath.core.geobox import window_geobox
from swath.core.legends import legend
from swath.core.origin import Origin
from swath.core.quantity import TOA, Quantity
from swath.core.scene import Window
from swath.core.specs import Calibration, InputSpec, OutputSpec, StackInput
from swath.core.stack import Stack
from swath.prediction import MapOptions, plan_map

CODES = (9, 1, 7)


@dataclass(frozen=True, eq=False)
class HeldScene:
    """A `core.Scene` of an array (b, h, w); what is False in `valid` (h, w) is no measurement."""

    data: Any
    valid: Any = None
    bands: tuple[str, ...] = ("B04", "B08")
    quantity: Quantity = TOA
    level: str = "L1C"
    metres: float = 10.0
    name: str = "held"
    has_place: bool = True

    def __repr__(self) -> str:
        return f"HeldScene({self.name})"

    @property
    def shape(self) -> tuple[int, int]:
        return self.data.shape[1:]

    @property
    def geobox(self) -> GeoBox | None:
        grid = Affine(self.metres, 0, 680040, 0, -self.metres, 5152200)
        return GeoBox(self.shape, grid, "EPSG:32632") if self.has_place else None

    @property
    def gsd(self) -> tuple[float, float]:
        return self.metres, self.metres

    @property
    def origin(self) -> Origin:
        return Origin(items=(self.name,), sensor="s2-l1c", level=self.level)

    def read(self, window: Window) -> Stack:
        (h, w), rows = self.shape, np.arange(window.row, window.row + window.height)
        cols = np.arange(window.col, window.col + window.width)
        inside = ((rows >= 0) & (rows < h))[:, None] & ((cols >= 0) & (cols < w))
        at = np.ix_(range(len(self.data)), rows.clip(0, h - 1), cols.clip(0, w - 1))
        good = inside if self.valid is None else inside & self.valid[at[1][0], at[2][0]]
        box = self.geobox
        if box is not None:
            box = window_geobox(box, window.row, window.col, window.height, window.width)
        when = np.array(["2022-06-12T10:10:31"], "datetime64[us]")
        return Stack(self.data[at][None], self.bands, when, self.quantity, box, self.gsd, good[None, None], self.origin)


def some_input(size: Any = 16, bands: tuple[str, ...] = ("B04", "B08"), **more: Any) -> InputSpec:
    held = {"level": "L1C", "gsd": 10.0, "mean": (0.1,) * len(bands), "std": (0.05,) * len(bands), **more}
    size = (size, size) if isinstance(size, int) else size
    return InputSpec({"s2": StackInput(bands, held.pop("quantity", TOA), dates=1, **held)}, size)


@dataclass
class Projected:
    """Raw output of a window: its pixels times fixed random weights; every window has an answer of its own."""

    size: Any = 16
    seen: list[Any] = field(default_factory=list)
    fail_after: int | None = None

    name = "projected"
    hash = "b" * 64
    calibration = Calibration()

    def __post_init__(self) -> None:
        self.input = some_input(self.size)
        self.output = OutputSpec("scene", CODES, legend("eurosat"))
        h, w = self.input.size
        self.weights = np.random.default_rng(3).standard_normal((2 * h * w, len(CODES)))

    def answer(self, windows: Any) -> Any:
        """(n, b, h, w) -> (n, k)."""
        return (windows.reshape(len(windows), -1).astype(np.float64) - 0.2) @ self.weights / 4

    def windows(self, stacks: Any, valid: Any, corners: Any) -> Any:
        self.seen.append((stacks["s2"].shape, corners.copy()))
        if self.fail_after is not None and len(self.seen) > self.fail_after:
            raise KeyboardInterrupt
        (h, w), x = self.input.size, stacks["s2"][0]
        return self.answer(np.stack([x[:, r : r + h, c : c + w] for r, c in corners.tolist()]))

    def samples(self, stacks: Any, valid: Any, times: Any) -> Any:
        return self.answer(stacks["s2"][:, 0])

    def dense(self, stacks: Any, valid: Any) -> Any:
        raise AssertionError("a scene model is not asked for pixels")


@dataclass
class PerPixel:
    """Toy dense model: raw output of a pixel is the window's own, and the window adds an opinion that fades nowhere.

    `moody` shifts the answers of each whole window by a number of its own, as networks do that see other context: the
    worst case for visible borders.
    """

    size: int = 32
    moody: float = 0.0

    name = "per-pixel"
    hash = "d" * 64
    calibration = Calibration()

    def __post_init__(self) -> None:
        self.input = some_input(self.size)
        self.output = OutputSpec("dense", CODES, legend("eurosat"))
        self.calls = 0

    def dense(self, stacks: Any, valid: Any) -> Any:
        self.calls += 1
        x = stacks["s2"][0].astype(np.float64)
        mood = np.sin(1e4 * x.mean()) * self.moody
        return np.stack([10 * x[0] + mood, 10 * x[1] - mood, np.full(x.shape[1:], 1.0)])

    def windows(self, stacks: Any, valid: Any, corners: Any) -> Any:
        raise AssertionError("a dense model is not asked for windows")

    samples = windows


def noise(h: int, w: int, *, seed: int = 0, smooth: int = 1) -> Any:
    """Two bands of reflectance 0..0.4, float32 (2, h, w)."""
    from scipy.ndimage import gaussian_filter

    held = np.random.default_rng(seed).random((2, h, w))
    held = gaussian_filter(held, (0, smooth, smooth), mode="reflect")
    return ((held - held.min()) / np.ptp(held) * 0.4).astype(np.float32)


def a_plan(scene: Any, model: Any, **options: Any) -> Any:
    return plan_map(
        scene,
        model.input,
        model.output,
        options=replace(MapOptions(), **options),
        name=model.name,
        bundle_hash=model.hash,
        scene_hash="s" * 64,
    )
