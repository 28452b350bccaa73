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

from swath.core.errors import Refused, SwathError
from swath.formats.archive import glance
from swath.formats.s2choices import CHOICES, Choices, choose_bands, read_choices, size_of_codes
from swath.formats.safemask import CLOUD_LEGEND
from swath.formats.safeproduct import Product, is_product_head, read_product
from swath.formats.safescene import angle_scene, attribution, cloud_scene, examine, own_grids, scene_of
from swath.formats.safetree import find_trees
from swath.formats.sceneset import Acquisition, GriddedScene, SceneSet, gather

__all__ = ["DECLARES", "SAFE_S2", "SafeFormat"]

#: Option -> what it means.
DECLARES: Final[dict[str, str]] = {
    **CHOICES,
    "clouds": "yes or no (default): the product's own masks of cloud, cirrus and snow become a stack of 60 m",
    "angles": "no (default), mean, or a band whose view is taken: angles become a stack of the largest pixels read",
    "quality": "yes (default) or no: pixels that the product's masks call damaged are invalid",
    "grid": "metadata (default) or files: the files' own grids, if they were made smaller on purpose",
}


def _open_product(product: Product, wanted: Choices) -> Acquisition:
    """Decide the offset of one product, and open what is wanted of it."""
    decision = examine(product, offset=wanted.offset)
    grids = own_grids(product) if wanted.own_grid else dict(product.grids)
    scenes: dict[str, GriddedScene] = {}
    chosen = choose_bands(product.images, wanted, where=product.id)
    for gsd, bands in chosen.items():
        more: dict[str, Any] = {"grid": grids[gsd], "is_judged": wanted.quality, "declared": wanted.given}
        scenes[f"s2-{gsd}m"] = scene_of(product, gsd, bands, decision, **more)
    origin = next(iter(scenes.values())).origin
    codes_gsd = size_of_codes(product.images, chosen, wanted)
    if codes_gsd is not None:
        scenes["scl"] = scene_of(product, codes_gsd, ("SCL",), decision, grid=grids[codes_gsd])
    if wanted.clouds:
        scenes["clouds"] = cloud_scene(product, grids[60], origin)
    if wanted.angles != "no":
        coarsest = max(*chosen, 60 if wanted.clouds else 0)
        band = None if wanted.angles == "mean" else wanted.angles
        scenes["angles"] = angle_scene(product, grids[coarsest], origin, band)
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
        wanted = read_choices(declared, DECLARES, where=where)
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
