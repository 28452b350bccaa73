"""Map plan: everything that decides the bytes of a map, worked out before a pixel is read.

Strips of rows, batches, windows, memory and disk come from the scene's size, the model's window and the options alone,
so that the same plan gives the same map, and a run that was killed knows what it had finished. Memory is bounded by the
strip, whatever the size of the scene: wide scenes get lower strips.
"""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Final

from swath.core.errors import Refused, Unknown
from swath.core.geobox import footprint
from swath.core.scene import Scene
from swath.core.specs import Calibration, InputSpec, OutputSpec
from swath.core.version import __version__
from swath.prediction.fit import Fitted, fit_scene
from swath.prediction.lattice import INTERPOLATIONS, Axis, Interpolation, centred, overlapping

__all__ = ["GDAL_CACHE", "KINDS", "MapOptions", "MapPlan", "Strip", "plan_map"]

#: Kinds of output that become a map -> how.
KINDS: Final[dict[str, str]] = {
    "scene": "one answer a window, on a lattice of centres",
    "dense": "one answer a pixel, windows blended by a taper",
}
#: Numbers of a strip (pixels times bands), its windows, and numbers of a painted block (pixels times classes) at most,
#: as long as one row of windows, or one of pixels, is not more.
_VALUES: Final = 12_000_000
_WINDOWS: Final = 16_384
_PAINTED: Final = 6_000_000
#: Rows of a painted block at most.
_ROWS: Final = 256
#: Classes at most: their positions are kept in 8 bits.
_CLASSES: Final = 254
#: Bytes a number: of a strip (as stored, as the model takes it, normalised, and while that is made, with the next one
#: being read), of a painted block, of accumulated answers of a dense strip; and a pixel of a window inside a network.
_STRIP_BYTES, _PAINT_BYTES, _DENSE_BYTES, _WINDOW_BYTES = 28, 40, 24, 600
#: What GDAL may keep of the files that are read and written [bytes], and what remains about the same for every map.
GDAL_CACHE: Final = 128 * 2**20
_ALWAYS: Final = 64 * 2**20


@dataclass(frozen=True, slots=True)
class MapOptions:
    """How a scene is mapped."""

    #: Pixels from window to window; None = an eighth of a window, for dense kinds half of one.
    stride: int | None = None
    #: Between centres, one of `INTERPOLATIONS`; None = bilinear, but at stride 1 each pixel has its own window.
    interpolation: Interpolation | None = None
    #: Least share of measured pixels of a window; below it the window gives nodata.
    min_valid: float = 0.5
    #: Windows that go through the model at once; the last batch of a strip is padded.
    batch: int = 64
    #: Threads that a bundle computes with on a CPU, in this whole process; None = as torch would. Part of the plan, for
    #: sums of other threads may differ in their last digits.
    threads: int | None = None
    #: Orientations of a window whose answers the model averages; None = as many as it does by itself.
    views: int | None = None
    #: Declare that the scene's reflectance stands for `toa` or `boa`, its level for the model's; None = as it is.
    treat_as: str | None = None
    #: Declare that a scene of so many metres a pixel will do; None = the model's own, to 5 %.
    gsd: float | None = None

    def __post_init__(self) -> None:
        if self.interpolation is not None and self.interpolation not in INTERPOLATIONS:
            raise Unknown(self.interpolation, INTERPOLATIONS, what="interpolation")
        if not 0 <= self.min_valid <= 1:
            raise Refused(where="map", what="min_valid is a share", want="0 to 1", have=f"{self.min_valid:g}")
        if self.batch < 1:
            raise Refused(where="map", what="a batch holds a window at least", have=str(self.batch))
        if self.threads is not None and self.threads < 1:
            raise Refused(where="map", what="threads must be 1 or more", have=str(self.threads))


@dataclass(frozen=True, slots=True)
class Strip:
    """A band of rows that is read and predicted at once."""

    #: First row of windows, and the one after the last.
    start: int
    stop: int
    #: First row of pixels that it answers for, and the one after the last.
    top: int
    bottom: int


@dataclass(frozen=True, eq=False)
class MapPlan:
    """A map before it is made; made by `plan_map`."""

    #: Name, hash and calibration of the model.
    bundle: str
    bundle_hash: str
    calibration: Calibration
    #: What the model gives, and the window that it looks at (h, w).
    output: OutputSpec
    size: tuple[int, int]
    #: The scene as the model takes it, and the hash of its bytes or of what it was made from.
    fitted: Fitted
    scene_hash: str
    #: As they hold, nothing left open.
    options: MapOptions
    #: Windows down and across.
    rows: Axis
    cols: Axis
    #: In order, from the top.
    strips: tuple[Strip, ...]
    #: Version of the package.
    version: str = __version__

    @property
    def where(self) -> str:
        """The scene's name, for errors and tags."""
        items = self.fitted.scene.origin.items
        return items[0] if items else "scene"

    @property
    def shape(self) -> tuple[int, int]:
        """Pixels of the scene and of the map, (h, w)."""
        return self.fitted.scene.shape

    @property
    def stride(self) -> int:
        """Pixels from window to window."""
        return self.rows.stride

    @property
    def interpolation(self) -> Interpolation:
        """Between centres."""
        return self.options.interpolation or "nearest"

    @property
    def is_dense(self) -> bool:
        """True for a model that answers for every pixel."""
        return self.output.kind == "dense"

    @property
    def support(self) -> tuple[float, float]:
        """Ground that one answer looks at, (height, width) in metres of this scene."""
        x, y = self.fitted.scene.gsd
        return self.size[0] * y, self.size[1] * x

    @property
    def spacing(self) -> tuple[float, float]:
        """Ground from answer to answer, (down, across) in metres."""
        x, y = self.fitted.scene.gsd
        step = 1 if self.is_dense else self.stride
        return step * y, step * x

    @property
    def shift(self) -> tuple[float, float]:
        """How far answers stem from below (down) and right (across) of their pixels, in metres."""
        if self.is_dense:
            return 0.0, 0.0
        x, y = self.fitted.scene.gsd
        return self.rows.shift(self.interpolation) * y, self.cols.shift(self.interpolation) * x

    @cached_property
    def windows(self) -> int:
        """Windows that the model is asked about where all pixels are measured."""
        return len(self.rows) * len(self.cols)

    def warmed(self, strip: Strip) -> Strip:
        """A dense strip with the rows of windows above it that reach into it: for who begins there."""
        above = -(-self.rows.size // self.rows.stride) - 1
        return replace(strip, start=max(strip.start - above, 0))

    @property
    def paint_rows(self) -> int:
        """Rows of pixels that are painted at once."""
        per_row = self.shape[1] * (len(self.output.codes) + 1)
        return max(1, min(_ROWS, _PAINTED // per_row))

    @cached_property
    def memory(self) -> int:
        """Bytes that the map needs beside the program and the model's weights."""
        bands, classes = len(self.fitted.needs.bands), len(self.output.codes)
        starts, wide = self.rows.starts, self.shape[1] + self.size[1]
        tall = max(int(starts[s.stop - 1] - starts[s.start]) + self.size[0] for s in self.strips)
        strip = tall * wide * bands * _STRIP_BYTES
        most = max(s.stop - s.start for s in self.strips) * len(self.cols)
        batch = min(self.options.batch, most) * self.size[0] * self.size[1] * _WINDOW_BYTES
        answers = most * classes * 16
        if self.is_dense:
            answers = tall * self.shape[1] * classes * _DENSE_BYTES
        paint = self.paint_rows * self.shape[1] * (classes + 1) * _PAINT_BYTES
        return max(strip + batch + answers, paint) + GDAL_CACHE + _ALWAYS

    @cached_property
    def disk(self) -> int:
        """Bytes on the disk at most while the map is made: finished strips, and the map twice."""
        h, w = self.shape
        classes = len(self.output.codes)
        kept = h * w * (classes + 2) if self.is_dense else len(self.rows) * len(self.cols) * classes * 4 + h * w // 8
        return kept + math.ceil(2.4 * h * w * (classes + 2))

    def to_json(self) -> dict[str, Any]:
        """All that decides the bytes of the map."""
        fitted = self.fitted
        box = fitted.scene.geobox
        return {
            "swath": self.version,
            "bundle": self.bundle_hash,
            "calibration": self.calibration.to_json(),
            "output": self.output.to_json(),
            "scene": self.scene_hash,
            "shape": list(self.shape),
            "transform": None if box is None else list(box.transform[:6]),
            "crs": None if box is None else str(box.crs),
            "taken_for": fitted.spec.to_json(),
            "rendering": fitted.rendering,
            "declared": dict(fitted.declared),
            "origin": fitted.scene.origin.to_json(),
            "window": list(self.size),
            "stride": self.stride,
            "interpolation": self.interpolation,
            "min_valid": self.options.min_valid,
            "batch": self.options.batch,
            "threads": self.options.threads,
            "views": self.options.views,
            "strips": [[s.start, s.stop, s.top, s.bottom] for s in self.strips],
        }

    @cached_property
    def hash(self) -> str:
        """SHA-256 of `to_json`: what a killed run goes on by."""
        text = json.dumps(self.to_json(), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return hashlib.sha256(text.encode()).hexdigest()

    def minutes(self, rate: float) -> float:
        """How long it takes at a rate of windows a second, where every window is asked about."""
        return self.windows / rate / 60

    def summary(self, *, rate: float | None = None) -> str:
        """The plan in words.

        Parameters
        ----------
        rate : float, optional
            Windows a second that the model was seen to answer on this machine.
        """
        h, w = self.shape
        down, across = self.support
        how = "blended by a taper" if self.is_dense else self.interpolation
        rows, cols = self.size
        lines = [
            f"scene    {self.where}: {h:,} x {w:,} pixels, {' '.join(self.fitted.needs.bands)} of {self._taken_for}",
            f"model    {self.bundle} ({self.bundle_hash[:12]}): {len(self.output.codes)} classes{self._seen_from}",
            f"windows  {self.windows:,} of {rows} x {cols} pixels every {self.stride}, {how}; each answer looks at "
            f"{down:g} x {across:g} m",
            f"memory   {_megabytes(self.memory)} beside the model, in {len(self.strips):,} strips of up to "
            f"{max(s.bottom - s.top for s in self.strips):,} rows",
            f"disk     {_megabytes(self.disk)} at most while it is made",
        ]
        if rate is not None:
            lines.append(f"minutes  {_minutes(self.minutes(rate))} at {rate:,.0f} windows a second, measured just now")
        lines += [f"declared {name}: {said}" for name, said in self.fitted.declared.items()]
        return "\n".join(lines)

    @property
    def _seen_from(self) -> str:
        views = self.options.views
        return f", each window seen from {views} orientations" if views is not None and views > 1 else ""

    @property
    def _taken_for(self) -> str:
        quantity = str(self.fitted.spec.quantity)
        return f"{quantity}, seen as {self.fitted.rendering}" if self.fitted.rendering else quantity


def _megabytes(count: int) -> str:
    return f"{count / 1e6:,.0f} MB" if count < 5e9 else f"{count / 1e9:,.1f} GB"


def _minutes(minutes: float) -> str:
    return "less than one" if minutes < 1 else f"{minutes:,.0f}"


def _require_output(output: OutputSpec, by: str) -> None:
    if output.kind not in KINDS:
        what = f"gives a {output.kind} output, which is no map of classes"
        raise Refused(where=by, what=what, want=", ".join(KINDS), fix="Predict samples of a corpus with it.")
    if not output.codes or output.legend is None:
        raise Refused(where=by, what="names no classes", fix="Give its OutputSpec codes and a legend.")
    if len(output.codes) > _CLASSES:
        raise Refused(where=by, what=f"tells {len(output.codes)} classes apart", want=f"at most {_CLASSES}")
    if output.is_multilabel:
        what = "gives classes that do not exclude one another, so that a pixel has no one class"
        raise Refused(where=by, what=what, fix="Predict samples of a corpus with it.")


def _strips(rows: Axis, cols: Axis, *, height: int, width: int, bands: int, is_dense: bool) -> tuple[Strip, ...]:
    """Rows of windows, as many together as budgets allow; each strip finishes whole rows of pixels."""
    most = max(1, (_VALUES // ((width + cols.size) * bands) - rows.size) // rows.stride + 1)
    if not is_dense:
        most = max(1, min(most, _WINDOWS // len(cols)))
        blocks = range(0, len(rows), most)
        return tuple(
            Strip(k, min(k + most, len(rows)), k * rows.stride, min((k + most) * rows.stride, height)) for k in blocks
        )
    strips, start, top, starts = [], 0, 0, rows.starts
    while start < len(rows):
        stop = min(start + most, len(rows))
        while stop < len(rows) and starts[stop] <= top:  # windows above the edge finish no row of pixels
            stop += 1
        bottom = height if stop == len(rows) else int(starts[stop])
        strips.append(Strip(start, stop, top, bottom))
        start, top = stop, bottom
    return tuple(strips)


def plan_map(
    scene: Scene,
    input: InputSpec,
    output: OutputSpec,
    *,
    options: MapOptions | None = None,
    name: str = "unnamed",
    bundle_hash: str = "",
    calibration: Calibration | None = None,
    scene_hash: str = "",
) -> MapPlan:
    """Plan a map; reads no pixel.

    Parameters
    ----------
    scene : Scene
        To be mapped.
    input, output : InputSpec, OutputSpec
        Of the model.
    options : MapOptions, optional
        None = the defaults.
    name, bundle_hash, calibration : optional
        Of the model, for tags and probabilities.
    scene_hash : str
        Of the scene's bytes, so that a killed run goes on with the same scene only.

    Returns
    -------
    MapPlan

    Raises
    ------
    Mismatch, Refused, Unknown
        The scene is not what the model takes, see `fit_scene`; or the model gives no map of classes, or the stride is
        out of range.
    """
    options = options or MapOptions()
    by = f"bundle {name}"
    _require_output(output, by)
    if scene.geobox is not None:
        footprint(scene.geobox)  # a grid round a pole has none, and is refused here rather than at the end
    fitted = fit_scene(scene, input, by=by, treat_as=options.treat_as, gsd=options.gsd)
    h, w = scene.shape
    is_dense = output.kind == "dense"
    lay = overlapping if is_dense else centred
    shares = 2 if is_dense else 8
    step = [options.stride or max(1, side // shares) for side in input.size]
    rows, cols = lay(h, input.size[0], step[0]), lay(w, input.size[1], step[1])
    chosen = options.interpolation or ("nearest" if max(step) == 1 or is_dense else "bilinear")
    return MapPlan(
        bundle=name,
        bundle_hash=bundle_hash,
        calibration=calibration or Calibration(),
        output=output,
        size=input.size,
        fitted=fitted,
        scene_hash=scene_hash,
        options=replace(options, stride=step[0], interpolation=chosen),
        rows=rows,
        cols=cols,
        strips=_strips(rows, cols, height=h, width=w, bands=len(fitted.needs.bands), is_dense=is_dense),
    )
