"""SAFE: Sentinel-2 products of level 1C and 2A as samples, from zips, folders, or folders of them.

Each size of pixels (10, 20, 60 m) is a stack of its own, and so are scene codes, the product's cloud masks and angles.
A product is a sample, or is cut into windows that meet the grid of every size. Products of several baselines open
together: the older ones' numbers are shifted up to the newest offset, in integers. A product whose pixels contradict
its metadata, or that is not all there, is left out by name. One product as such opens with `safescene.open_safe`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from swath.core.bands import S2_BANDS, resolve, resolve_all
from swath.core.errors import Mismatch, Refused, SwathError, Unknown
from swath.formats.archive import glance
from swath.formats.options import as_names, as_number, as_size, one_of, only_known
from swath.formats.safemask import CLOUD_LEGEND
from swath.formats.safeproduct import NATIVE, Product, is_product_head, read_product
from swath.formats.safescene import AngleScene, CloudScene, attribution, examine, own_grids, scene_of
from swath.formats.safetree import find_trees
from swath.formats.sceneset import Acquisition, GriddedScene, SceneSet, gather

__all__ = ["DECLARES", "SAFE_S2", "SafeFormat", "Wanted"]

#: Option -> what it means.
DECLARES: Final[dict[str, str]] = {
    "size": "pixels a sample at the smallest pixels read, as 240 or 240,120 (down, across); default the whole product",
    "stride": "pixels from window to window; default size",
    "gsd": "native (default: every band at its own 10, 20 or 60 m), or sizes as 20 or 10,20: all bands that have it",
    "bands": "bands to keep; default all",
    "scl": "yes (default for L2A) or no: the scene codes become a stack",
    "clouds": "yes or no (default): the product's own masks of cloud, cirrus and snow become a stack of 60 m",
    "angles": "no (default), mean, or a band whose view is taken: angles become a stack of the largest pixels read",
    "quality": "yes (default) or no: pixels that the product's masks call damaged are invalid",
    "grid": "metadata (default) or files: the files' own grids, if they were made smaller on purpose",
    "offset": "what is to be added to the digital numbers; obeyed even against the pixels",
    "min_valid": "share of measured pixels below which a window is left out; default: any above 0",
}


@dataclass(frozen=True, slots=True)
class Wanted:
    """What was declared, read."""

    #: As given, as plain JSON.
    given: Mapping[str, Any]
    size: tuple[int, int] | None
    stride: tuple[int, int] | None
    #: Sizes of pixels; empty = every band at its own.
    gsd: tuple[int, ...]
    bands: tuple[str, ...]
    #: None = where there are any.
    scl: bool | None
    clouds: bool
    #: `no`, `mean`, or a band.
    angles: str
    quality: bool
    #: True = the files' own grids.
    own_grid: bool
    offset: float | None
    min_valid: float


def _wanted(declared: Mapping[str, Any], where: str) -> Wanted:
    given = only_known(declared, DECLARES, where=where)

    def said(name: str, default: str) -> bool:
        return one_of(name, given.get(name, default), ["yes", "no"]) == "yes"

    sizes: tuple[int, ...] = ()
    if str(given.get("gsd", "native")) != "native":
        held = given["gsd"] if isinstance(given["gsd"], str | list | tuple) else str(given["gsd"])
        sizes = tuple(sorted({int(as_number("gsd", each)) for each in as_names("gsd", held)}))
        for each in sizes:
            if each not in NATIVE:
                raise Unknown(str(each), [str(size) for size in NATIVE], what="gsd", where=where)
    angles = str(given.get("angles", "no"))
    if angles not in ("no", "mean"):
        angles = resolve(angles, where=f"{where} option angles")
    share = as_number("min_valid", given.get("min_valid", 0))
    if not 0 <= share <= 1:
        raise Refused(where="option min_valid", what=f"cannot be read from {share:g}", want="a share from 0 to 1")
    return Wanted(
        given={name: str(each) for name, each in given.items()},
        size=as_size("size", given["size"]) if "size" in given else None,
        stride=as_size("stride", given["stride"]) if "stride" in given else None,
        gsd=sizes,
        bands=resolve_all(as_names("bands", given["bands"]), where=where) if "bands" in given else (),
        scl=said("scl", "yes") if "scl" in given else None,
        clouds=said("clouds", "no"),
        angles=angles,
        quality=said("quality", "yes"),
        own_grid=one_of("grid", given.get("grid", "metadata"), ["metadata", "files"]) == "files",
        offset=as_number("offset", given["offset"]) if "offset" in given else None,
        min_valid=share,
    )


def _open_product(product: Product, wanted: Wanted) -> Acquisition:
    """Decide the offset of one product, and open what is wanted of it."""
    decision = examine(product, offset=wanted.offset)
    grids = own_grids(product) if wanted.own_grid else dict(product.grids)
    scenes: dict[str, GriddedScene] = {}
    sizes = []
    for gsd in wanted.gsd or tuple(NATIVE):
        have = [band for band in S2_BANDS if band in product.images[gsd] and (wanted.gsd or band in NATIVE[gsd])]
        bands = tuple(band for band in have if not wanted.bands or band in wanted.bands)
        if bands:
            more: dict[str, Any] = {"grid": grids[gsd], "is_judged": wanted.quality, "declared": wanted.given}
            scenes[f"s2-{gsd}m"] = scene_of(product, gsd, bands, decision, **more)
            sizes.append(gsd)
    lacking = [band for band in wanted.bands if not any(band in scene.bands for scene in scenes.values())]
    if lacking or not scenes:
        have_all = ", ".join(sorted({band for images in product.images.values() for band in images}))
        said = ", ".join(f"{gsd} m" for gsd in wanted.gsd) or "its own size"
        what = f"bands ({', '.join(lacking) or 'any'} at {said})"
        raise Mismatch(where=product.id, what=what, want="an image of each", have=have_all or "none")
    origin = next(iter(scenes.values())).origin
    codes_gsd = 60 if sizes == [60] else 20
    if wanted.scl or (wanted.scl is None and "SCL" in product.images[codes_gsd]):
        scenes["scl"] = scene_of(product, codes_gsd, ("SCL",), decision, grid=grids[codes_gsd])
    if wanted.clouds:
        scenes["clouds"] = CloudScene(product, grids[60], origin)
    if wanted.angles != "no":
        coarsest = max(*sizes, 60 if wanted.clouds else 0)
        band = None if wanted.angles == "mean" else wanted.angles
        scenes["angles"] = AngleScene(product, grids[coarsest], origin, band)
    why = f"offset by {decision.by}, {decision.confidence}; pixels: {decision.verdict}"
    return Acquisition(
        id=product.id,
        time=product.time,
        place=product.tile,
        scenes=scenes,
        why=why,
        licences=(attribution(product.time),),
        legends={CLOUD_LEGEND.name: CLOUD_LEGEND},
    )


@dataclass(frozen=True, slots=True)
class SafeFormat:
    """The format; `SAFE_S2` is the one instance."""

    #: On the command line.
    name: str = "safe-s2"

    @property
    def declares(self) -> Mapping[str, str]:
        """Options that `open` takes."""
        return DECLARES

    def sniff(self, path: Path) -> bool:
        """True for a product of Sentinel-2, or a folder or zip with one in it."""
        return any(is_product_head(name.rpartition("/")[2]) for name in glance(path)) or any(
            path.is_dir() and any(is_product_head(name.rpartition("/")[2]) for name in glance(path / inner))
            for inner in glance(path)
            if inner.lower().endswith(".zip")
        )

    def open(self, paths: Sequence[Path], **declared: Any) -> SceneSet:
        """Open products as a source; each one's offset is decided now, from its XML and a look at its pixels.

        Raises
        ------
        Unreadable
            A path is not there.
        Refused
            No product can be read: the first one's own reason.
        Mismatch, Unknown
            What is declared contradicts the products.
        """
        where = f"format {self.name}"
        wanted = _wanted(declared, where)
        roots = tuple(Path(path) for path in paths)
        opened: list[tuple[str, Acquisition | SwathError]] = []
        for root in roots:
            trees = find_trees(root, is_product_head)
            if not trees:
                raise Refused(where=str(root), what="holds no Sentinel-2 product", fix="Look at the path.")
            for tree in trees:
                try:
                    made: Acquisition | SwathError = _open_product(read_product(tree), wanted)
                except SwathError as error:
                    made = error
                opened.append((tree.name.removesuffix(".zip").removesuffix(".SAFE"), made))
        held, failures = gather(opened, where=where)
        given, size, stride, least = wanted.given, wanted.size, wanted.stride, wanted.min_valid
        return SceneSet(self.name, roots, held, failures, given, size, stride, least)


#: The format.
SAFE_S2: Final = SafeFormat()
