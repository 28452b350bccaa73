"""Map: a bundle and a scene become a map; `swath map` and `swath.map_scene`.

The scene is a raster file with what it does not say itself declared, or anything that keeps `core.scene.Scene`; the
model a bundle's folder, or anything that keeps `core.specs.Predictor` and has a name, a hash and a calibration. A
bundle is opened where torch is; all else works without.
"""

from __future__ import annotations

import hashlib
import importlib
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from swath.core.errors import Mismatch, Refused
from swath.core.extras import need
from swath.core.progress import SILENT, Progress
from swath.core.rendering import rendering
from swath.core.scene import Scene
from swath.core.specs import Calibration, InputSpec, Predictor
from swath.formats.scene import GeotiffScene, open_scene
from swath.prediction.answers import measure_rate
from swath.prediction.mapped import MappedScene
from swath.prediction.mapping import run_map
from swath.prediction.mapplan import MapOptions, MapPlan, plan_map
from swath.recipes.runs import find_home

__all__ = ["Model", "Turning", "map_scene", "open_model", "plan_scene", "rate_of"]


class Model(Predictor, Protocol):
    """A predictor that can be quoted."""

    @property
    def name(self) -> str:
        """Under which it is known."""
        ...

    @property
    def hash(self) -> str:
        """What maps quote."""
        ...

    @property
    def calibration(self) -> Calibration:
        """How its raw output becomes probabilities."""
        ...


@runtime_checkable
class Turning(Protocol):
    """A model whose answers are means over orientations of a window, as many as one asks for."""

    @property
    def views(self) -> int:
        """How many they are now."""
        ...

    def from_views(self, views: int) -> Any:
        """The same model, asked for others."""
        ...


def open_model(
    model: Model | Path | str,
    *,
    device: str = "cpu",
    batch: int = 64,
    threads: int | None = None,
    views: int | None = None,
) -> Model:
    """Open a bundle, or pass on what is open.

    Parameters
    ----------
    model : Model or Path
        Folder of a bundle or of a run, or a model.
    device : str
        Where a bundle is to predict.
    batch : int
        Windows that go through its network at once.
    threads : int, optional
        With which torch computes from now on; None = as it does.
    views : int, optional
        Orientations of a window whose answers are averaged; None = as many as the model averages by itself.

    Raises
    ------
    Refused
        The model cannot look from so many orientations.
    MissingExtra
        A bundle needs torch, which is not installed.
    Unreadable
        It is no bundle, or altered.
    """
    if not isinstance(model, str | Path):
        return _from_views(model, views)
    torch = need("torch", by="swath map")
    if threads is not None:
        torch.set_num_threads(threads)
    opened: Model = importlib.import_module("swath.bundle").open_bundle(
        find_home(model).bundle, device=device, batch=batch
    )
    return _from_views(opened, views)


def _from_views(model: Model, views: int | None) -> Model:
    if views is None or (isinstance(model, Turning) and model.views == views):
        return model
    if not isinstance(model, Turning):
        what = "does not average over orientations of a window"
        raise Refused(where=f"bundle {model.name}", what=what, fix="Leave --views out.")
    turned: Model = model.from_views(views)
    return turned


def _with_views(options: MapOptions, model: Model) -> MapOptions:
    """Options that say from how many orientations the model does look."""
    views = model.views if isinstance(model, Turning) else None
    if options.views not in (None, views):
        fix = "Open it so: open_model(model, views=...)."
        raise Mismatch(where=f"bundle {model.name}", what="views", want=str(options.views), have=str(views), fix=fix)
    return replace(options, views=views)


def _only_needed(scene: GeotiffScene, input: InputSpec) -> GeotiffScene:
    """The scene without bands that the model does not look at, so that they are never read."""
    wanted: tuple[str, ...] = ()
    for stack in input.stacks.values():
        is_picture = stack.quantity.kind == "rgb8" and scene.quantity.kind != "rgb8"
        wanted += rendering(str(stack.quantity.rendering)).bands if is_picture else stack.bands
    held = tuple(dict.fromkeys(wanted))
    return scene.select(held) if set(held) <= set(scene.bands) else scene


def _hash_of(scene: Scene) -> str:
    """Hash of a file's bytes, or of all that another scene says of itself."""
    if isinstance(scene, GeotiffScene):
        return scene.hash
    box = scene.geobox
    said = [repr(scene), list(scene.shape), scene.bands, scene.quantity.to_json(), scene.origin.to_json()]
    text = json.dumps([*said, None if box is None else [*box.transform[:6], str(box.crs)]], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def plan_scene(
    model: Model,
    scene: Scene | Path | str,
    *,
    declared: Mapping[str, Any] | None = None,
    options: MapOptions | None = None,
) -> MapPlan:
    """Plan a map; reads no pixel but those that a scene's offset is decided by.

    Parameters
    ----------
    model : Model
        Opened.
    scene : Scene or Path
        A raster file, or an open scene.
    declared : mapping, optional
        What a file does not say, as `formats.mapping.DECLARES` lists it.
    options : MapOptions, optional
        How it is mapped, and what stands in place of checks.

    Returns
    -------
    MapPlan

    Raises
    ------
    Mismatch, Refused, Unknown, Unreadable
        The scene cannot be read, leaves something open, or is not what the model takes; or the model was opened to look
        from other orientations than the options say.
    """
    opened: Scene
    if isinstance(scene, str | Path):
        opened = _only_needed(open_scene(scene, **dict(declared or {})), model.input)
    elif declared:
        fix = "Declare it where the scene is opened."
        raise Refused(where="map", what="an open scene says itself what it is", have=", ".join(declared), fix=fix)
    else:
        opened = scene
    return plan_map(
        opened,
        model.input,
        model.output,
        options=_with_views(options or MapOptions(), model),
        name=model.name,
        bundle_hash=model.hash,
        calibration=model.calibration,
        scene_hash=_hash_of(opened),
    )


def rate_of(plan: MapPlan, model: Model) -> float:
    """Windows a second that a model answers on this machine."""
    return measure_rate(plan, model)


def map_scene(
    model: Model | Path | str,
    scene: Scene | Path | str,
    out: Path | str,
    *,
    declared: Mapping[str, Any] | None = None,
    options: MapOptions | None = None,
    overwrite: bool = False,
    has_world: bool = False,
    device: str = "cpu",
    progress: Progress = SILENT,
    painting: Progress = SILENT,
) -> MappedScene:
    """Map a scene with a bundle: classes, probabilities, legend, preview and STAC item.

    Parameters
    ----------
    model : Model or Path
        Bundle or run.
    scene : Scene or Path
        A GeoTIFF, COG or VRT of any size, or an open scene.
    out : Path
        The map, `.tif`; companions lie beside it.
    declared : mapping, optional
        What the file does not say: bands, kind, level, offset, date, ...
    options : MapOptions, optional
        Stride, interpolation, least valid share, batch, views, and what stands in place of checks.
    overwrite, has_world : bool
        Replace what is there; write a `.tfw` too.
    device : str
        Where a bundle predicts.
    progress, painting : Progress
        Told windows that are answered, and rows that are painted.

    Returns
    -------
    MappedScene

    Raises
    ------
    Mismatch, Refused, Unknown, Unreadable
        As `plan_scene` and `prediction.mapping.run_map`.
    """
    options = options or MapOptions()
    opened = open_model(model, device=device, batch=options.batch, threads=options.threads, views=options.views)
    plan = plan_scene(opened, scene, declared=declared, options=options)
    return run_map(plan, opened, out, overwrite=overwrite, has_world=has_world, progress=progress, painting=painting)
