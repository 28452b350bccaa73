"""Opening: a raster file and its labels, by paths and options, as a source that cuts the one by the other.

The raster opens as `formats.geotiff` would open it, with the same declarations; labels are a vector file, a raster on
the same grid, or a band of the scene itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np

from swath.core.errors import Mismatch, Refused
from swath.core.scene import Scene
from swath.formats.legendfile import find_legend
from swath.formats.mapping import DECLARES, Declared, declare
from swath.formats.options import as_number, as_size, one_of, only_known
from swath.formats.rasterset import is_raster, map_name, stack_name
from swath.formats.scene import GeotiffScene, Layers, open_band, open_layers
from swath.sources.bands import label_band
from swath.sources.cut import Cut, cut_scene
from swath.sources.labels import Labels, lay, require_two
from swath.sources.survey import CutOptions

__all__ = ["CUT_OPTIONS", "open_cut", "open_labels"]

_OWN: Final[dict[str, str]] = {
    "column": "vector labels: which column holds the class",
    "layer": "vector labels: which layer, where the file has several",
    "labels_crs": "vector labels: CRS of their coordinates, where the file does not say",
    "band": "raster labels: which band holds the classes, from 1; without a file of labels it is one of the scene's",
    "legend": "known legend, or a file (CSV code,name,colour or JSON); not given: made of the labels",
    "target": "class (default): one class a window; map: a class a pixel",
    "size": "pixels a window, as 64 or 120,60 (down, across); default 64",
    "stride": "pixels from window to window; default size, so that none overlap",
    "share": "class: least share of a window that its class must hold, default 0.8; map: least labelled share",
    "min_valid": "least share of a window's pixels that must be measurements; default 0.5",
}
#: Declarations that are the cut's own here, or that only folders of files need.
_OTHERS: Final = ("size", "stride", "min_valid", "labels", "legend", "class_role")
#: Option -> what it means: the cut's own, then what `geotiff` lets one declare of pixels.
CUT_OPTIONS: Final[dict[str, str]] = {**_OWN, **{name: text for name, text in DECLARES.items() if name not in _OTHERS}}


def open_cut(paths: Sequence[Path], **declared: Any) -> Cut:
    """Open a scene and its labels.

    Parameters
    ----------
    paths : one or two of Path
        The scene, and the file of its labels unless they are a band of it.
    **declared
        As in `CUT_OPTIONS`.

    Raises
    ------
    Unknown
        There is no such option, column, layer, legend or band; the nearest is named.
    Refused, Mismatch, Unreadable
        Scene, labels and options do not fit one another, or leave something open.
    """
    given = only_known(declared, CUT_OPTIONS, where="cut")
    own = {name: value for name, value in given.items() if name in _OWN}
    pixels = declare({name: value for name, value in given.items() if name not in _OWN}, where="cut")
    if not 1 <= len(paths) <= 2:
        raise Refused(where="cut", what="takes a scene and a file of labels", have=f"{len(paths)} paths")
    scene, *rest = (path.absolute() for path in paths)
    labels = rest[0] if rest else None
    band = None if "band" not in own else _whole("band", own["band"])
    _require_one_kind(own, labels)
    if labels is None:
        held, legend, others = open_band(scene, pixels, band or 0)
        layers = open_layers(scene, others)
        found: Labels = label_band(held, legend=_legend(own, legend))
    else:
        layers = open_layers(scene, pixels)
        texts = {name: str(own[name]) for name in ("column", "layer", "labels_crs", "legend") if name in own}
        found = open_labels(labels, layers.first, band=band, gsd=pixels.gsd, **texts)
    require_two(found.legend, present=found.present(), where=_said_by(found, labels or scene, own))
    asked: dict[str, Any] = {
        name: value if isinstance(value, int | float) else str(value) for name, value in own.items()
    }
    asked |= {"scene": scene.name, "bytes": scene.stat().st_size, "declared": dict(pixels.given)}
    return cut_scene(_scenes(layers), found, _options(own), title=scene.stem, asked=asked)


def _require_one_kind(own: Mapping[str, Any], labels: Path | None) -> None:
    """Refuse labels of which nobody could say where they are."""
    is_vector = labels is not None and not is_raster(labels)
    if labels is None and "band" not in own:
        fix = "Give --labels FILE with --column NAME, or --band N of the scene."
        raise Refused(where="cut", what="has no labels", fix=fix)
    if is_vector and "band" in own:
        fix = "Leave --band out, or --labels."
        raise Refused(where=str(labels), what="is no raster, so it has no bands", fix=fix)
    wrong = [name for name in ("column", "layer", "labels_crs") if name in own]
    if not is_vector and wrong:
        fix = "Leave it out; bands are named with --band N."
        raise Refused(where="cut", what=f"{wrong[0]} is for vector labels, and these are a raster", fix=fix)


def _said_by(found: Labels, path: Path, own: Mapping[str, Any]) -> str:
    """Labels, for errors."""
    return f"{path.stem} band {found.name}" if found.features is None else f"{path.name} column {own.get('column')}"


def open_labels(
    path: Path,
    scene: Scene,
    *,
    column: str | None = None,
    layer: str | None = None,
    labels_crs: str | None = None,
    legend: str | None = None,
    band: int | None = None,
    gsd: float | None = None,
) -> Labels:
    """Open a file of labels on a scene's grid: polygons or points, or a raster of class codes.

    Parameters
    ----------
    path : Path
        A vector file, or a raster on the same grid.
    scene : Scene
        Whose pixels are labelled.
    column, layer, labels_crs : str, optional
        Of a vector file: which column holds the class, which layer; the CRS where the file does not say.
    legend : str, optional
        A known legend, or a file of one; None = made of the labels, or as the raster says.
    band : int, optional
        Of a raster, from 1; None = the first.
    gsd : float, optional
        Metres a pixel, where the raster has no place.

    Raises
    ------
    Mismatch
        The raster lies on another grid, or holds codes that the legend does not know.
    Refused, Unknown, Unreadable
        As `sources.labels.lay` and `sources.bands.label_band`.
    """
    if is_raster(path):
        held, named, _ = open_band(path, replace(Declared(), gsd=gsd), band or 1)
        _require_grid(scene, held, path)
        return label_band(held, legend=_legend({"legend": legend} if legend else {}, named))
    name = scene.path.name if isinstance(scene, GeotiffScene) else "scene"
    return lay(path, scene.geobox, column=column, layer=layer, crs=labels_crs, legend=legend, scene=name)


def _legend(own: Mapping[str, Any], named: str) -> Any:
    name = str(own["legend"]) if "legend" in own else named
    return find_legend(name) if name else None


def _require_grid(scene: Scene, labels: Scene, path: Path) -> None:
    """Refuse a raster of labels that lies on another grid than the scene."""
    boxes = scene.geobox, labels.geobox
    same = scene.shape == labels.shape
    if same and boxes[0] is not None and boxes[1] is not None:
        one, other = (np.array(tuple(box.transform)[:6]) for box in boxes if box is not None)
        same = boxes[0].crs == boxes[1].crs and bool(np.abs(one - other).max() <= 1e-6 * np.abs(one).max())
    if not same or (boxes[0] is None) != (boxes[1] is None):
        said = [f"{each.shape[0]} x {each.shape[1]} pixels in {_crs(each)}" for each in (scene, labels)]
        fix = "Warp it onto the scene's grid first, with the nearest neighbour: gdalwarp -r near."
        raise Mismatch(where=path.name, what="grid", want=f"{said[0]} (the scene's)", have=said[1], fix=fix)


def _crs(scene: Scene) -> str:
    return "no CRS" if scene.geobox is None else str(scene.geobox.crs)


def _scenes(layers: Layers) -> dict[str, Scene]:
    """Stack name -> scene."""
    held: dict[str, Scene] = {}
    if layers.measured is not None:
        held[stack_name(layers.mapped.sensor)] = layers.measured
    return held | {map_name(band): scene for band, scene in layers.maps.items()}


def _whole(name: str, value: Any) -> int:
    number = as_number(name, value)
    if number != int(number):
        raise Refused(where=f"option {name}", what=f"cannot be read from {value!r}", want="a whole number")
    return int(number)


def _options(own: Mapping[str, Any]) -> CutOptions:
    held: dict[str, Any] = {}
    for name, reader in (("size", as_size), ("stride", as_size), ("share", as_number), ("min_valid", as_number)):
        if name in own:
            held[name] = reader(name, own[name])
    if "target" in own:
        held["target"] = one_of("target", own["target"], ["class", "map"])
    return CutOptions(**held)
