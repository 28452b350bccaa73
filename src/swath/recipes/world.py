"""World: a place of the planet as files that look like a user's own: `swath world make`.

`scene` writes `scene.tif` (bands named, quantity and date in its tags), `fields.gpkg` (the class of every parcel and
patch of ground in the column `crop`) and `truth.tif` (the exact class of each pixel, to judge a map by).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from swath.core.errors import Refused, Unknown
from swath.core.legends import legend
from swath.core.progress import SILENT, Progress
from swath.formats.tiff import write_scene
from swath.formats.vector import write_features
from swath.world import open_planet
from swath.world.outlines import outlines

__all__ = ["PRESETS", "Made", "SceneOptions", "make_scene", "make_world"]

#: Most pixels of a scene: outlines are drawn in memory.
_MOST: Final = 10_980**2


@dataclass(frozen=True, slots=True)
class SceneOptions:
    """Which place of which planet."""

    #: Centre [degrees].
    lon: float = 11.3
    lat: float = 46.5
    #: Pixels of 10 m, (down, across).
    size: tuple[int, int] = (1024, 1024)
    #: YYYY-MM-DD; None = local midsummer.
    date: str | None = None
    #: Which planet.
    seed: int = 7
    #: Names in order; empty = all 13.
    bands: str = ""
    #: Processing baseline to imitate, which decides the offset.
    baseline: str = "02.06"


@dataclass(frozen=True, slots=True)
class Made:
    """Files that were written, and what they hold in a sentence each."""

    #: Path -> what it is.
    files: Mapping[Path, str]

    def summary(self) -> str:
        """A line a file."""
        return "\n".join(f"{path}  {about}" for path, about in self.files.items())


def make_scene(options: SceneOptions, folder: Path, *, progress: Progress = SILENT) -> Made:
    """Write a scene of the planet, its parcels and its truth; files that are there are replaced.

    Parameters
    ----------
    options : SceneOptions
        Which place.
    folder : Path
        Where the three files go; made if it is not there.
    progress : Progress
        Called with rows written, of the scene and its truth together.

    Raises
    ------
    Refused
        The place lies outside UTM, the size is none or too large, the date is none, or files cannot be written.
    Unknown
        There is no such band.
    """
    height, width = options.size
    if height * width > _MOST:
        have, fix = f"{height} x {width}", "Give up to 10980 x 10980, a whole tile."
        raise Refused(where="planet", what="a scene of so many pixels is not made", have=have, fix=fix)
    asked = {"seed": options.seed, "baseline": options.baseline}
    planet = open_planet(**asked, **({"bands": options.bands} if options.bands else {}))
    scene = planet.scene(options.lon, options.lat, size=options.size, date=options.date)
    truth, known = scene.truth, legend("eurosat")
    paths = [folder / name for name in ("scene.tif", "fields.gpkg", "truth.tif")]
    write_scene(scene, paths[0], progress=lambda done, total: progress(done, 2 * total))
    write_scene(truth, paths[2], legend=known, progress=lambda done, total: progress(total + done, 2 * total))
    drawn = outlines(truth)
    columns = {"crop": [known.name_of(code) for code in drawn.codes.tolist()], "is_parcel": drawn.is_parcel}
    write_features(paths[1], drawn.shapes, columns, crs=str(scene.geobox.crs), layer="fields")
    said = f"{height} x {width} pixels of 10 m, {len(scene.bands)} bands, {scene.quantity}"
    about = (said, f"{len(drawn.codes):,} polygons, class in column crop", "exact class of each pixel, legend eurosat")
    return Made(dict(zip(paths, about, strict=True)))


#: What `swath world make` can make -> its function and what that is.
PRESETS: Final[dict[str, tuple[Callable[..., Made], str]]] = {
    "scene": (make_scene, "a Sentinel-2 scene with the outlines and the exact class of its ground"),
}


def make_world(preset: str, options: SceneOptions, folder: Path, *, progress: Progress = SILENT) -> Made:
    """Make what a preset names.

    Raises
    ------
    Unknown
        There is no such preset; the nearest is named.
    """
    if preset not in PRESETS:
        raise Unknown(preset, PRESETS, what="preset", where="swath world make")
    return PRESETS[preset][0](options, folder, progress=progress)
