"""SAFE: Sentinel-2 products of level 1C and 2A as samples, from zips, folders, or folders of them.

Each size of pixels (10, 20, 60 m) is a stack of its own, and so are scene codes, the product's cloud masks and angles.
A product is a sample, or is cut into windows that meet the grid of every size. Products of several baselines open
together: the older ones' numbers are shifted up to the newest offset, in integers. A product whose pixels contradict
its metadata, or that is not all there, is left out by name. One product as such opens with `safescene.open_safe`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
from odc.geo.geobox import GeoBox

from swath.core.bands import S2_BANDS, resolve, resolve_all
from swath.core.errors import Failure, Mismatch, Refused, SwathError, Unknown
from swath.core.geobox import centre, footprint, window_geobox
from swath.core.legends import Legend, legend
from swath.core.plan import PLAN_COLUMNS, Layout, Plan, StackSpec
from swath.core.quantity import class_of, dn, value
from swath.core.sample import Sample
from swath.core.scene import Window
from swath.core.stack import Stack, measured
from swath.formats.archive import glance
from swath.formats.options import as_names, as_number, as_size, one_of, only_known, require_all
from swath.formats.safemask import CLOUD_LAYERS, CLOUD_LEGEND
from swath.formats.safeproduct import NATIVE, Product, is_product_head, read_product
from swath.formats.safescene import (
    ANGLE_BANDS,
    SafeScene,
    attribution,
    examine,
    own_grids,
    read_angle_stack,
    read_cloud_stack,
    scene_of,
)
from swath.formats.safetree import find_trees

__all__ = ["DECLARES", "SAFE_S2", "Opened", "SafeFormat", "SafeProducts", "Wanted"]

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
#: Pixels a side above which a whole product is no sample.
_MOST_WHOLE: Final = 4096
_COLUMNS: Final = {**PLAN_COLUMNS, "product": pa.string(), "row": pa.int32(), "col": pa.int32()}


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


@dataclass(frozen=True, slots=True)
class Opened:
    """One product with all that is read of it."""

    product: Product
    #: Size of pixels -> its bands.
    scenes: Mapping[int, SafeScene]
    #: Scene codes; None = not read.
    codes: SafeScene | None
    #: Grids of 10, 20 and 60 m.
    grids: Mapping[int, GeoBox]
    #: Why the offset is what it is.
    why: str

    @property
    def kind(self) -> str:
        """What products that open together must share."""
        parts = [f"{gsd} m {' '.join(scene.bands)}" for gsd, scene in self.scenes.items()]
        sizes = ", ".join("x".join(map(str, self.grids[gsd].shape.yx)) for gsd in sorted(self.grids))
        divisor = f"/{self.product.quantification:g}"
        return "; ".join([self.product.level, *parts, "SCL" if self.codes else "no SCL", sizes, divisor])


@dataclass(frozen=True, slots=True)
class SafeProducts:
    """Sentinel-2 products, as a source."""

    #: What was opened.
    roots: tuple[Path, ...]
    #: What was declared.
    wanted: Wanted
    #: Product identifier -> what is read of it, in the order of dates.
    opened: Mapping[str, Opened]
    #: Products that are left out, and why.
    failures: tuple[Failure, ...]

    @property
    def name(self) -> str:
        """Name of the format."""
        return "safe-s2"

    @property
    def sizes(self) -> tuple[int, ...]:
        """Metres a pixel of all that is read, the smallest first."""
        first = next(iter(self.opened.values()))
        extra = {self._codes_gsd()} if first.codes else set()
        return tuple(sorted({*first.scenes, *extra, *({60} if self.wanted.clouds else set())}))

    def plan(self, places: Any = None, dates: Any = None, spec: Any = None) -> Plan:
        """Lay the windows of every product; those that fit whole, from the upper-left corner.

        Raises
        ------
        Refused
            Places, dates or a spec are asked for, or a whole product is too large for a sample.
        Mismatch
            The windows do not meet the grid of every size.
        """
        require_all(places, dates, spec, where=f"format {self.name}")
        first = next(iter(self.opened.values()))
        whole = tuple(int(side) for side in first.grids[self.sizes[0]].shape.yx)
        height, width = self._window((whole[0], whole[1]))
        stride = self.wanted.stride or (height, width)
        rows = []
        for id, held in self.opened.items():
            box = held.grids[self.sizes[0]]
            for row in range(0, whole[0] - height + 1, stride[0]):
                for col in range(0, whole[1] - width + 1, stride[1]):
                    lon, lat = centre(window_geobox(box, row, col, height, width))
                    place = f"{held.product.tile}_r{row:05d}_c{col:05d}"
                    is_cut = self.wanted.size is not None
                    made = {"id": f"{id}_r{row:05d}_c{col:05d}" if is_cut else id, "lon": lon, "lat": lat}
                    rows.append({**made, "group": place, "why": held.why, "product": id, "row": row, "col": col})
        layout = self._layout((height, width))
        size = sum(
            math.prod(spec.size) * len(spec.bands) * np.dtype(spec.dtype).itemsize for spec in layout.stacks.values()
        )
        table = pa.Table.from_pylist([{**row, "bytes": size} for row in rows], schema=pa.schema(list(_COLUMNS.items())))
        asked = {**self.wanted.given, "products": len(self.opened)}
        return Plan(self.name, asked, layout, table, self.failures)

    def _window(self, whole: tuple[int, int]) -> tuple[int, int]:
        """Pixels of a sample at the smallest size, checked against all sizes."""
        where = f"format {self.name}"
        if self.wanted.size is None:
            if self.wanted.stride is not None:
                raise Refused(where=where, what="stride says how far, not how large", fix="Declare size= too.")
            if max(whole) > _MOST_WHOLE:
                what = f"a whole product has {whole[0]} x {whole[1]} pixels, too many for one sample"
                raise Refused(where=where, what=what, fix=f"Declare size=, a multiple of {self._step()}.")
            return whole
        step = self._step()
        for name, sides in (("size", self.wanted.size), ("stride", self.wanted.stride or self.wanted.size)):
            if any(side % step for side in sides):
                want = f"multiples of {step} pixels, where {', '.join(f'{s} m' for s in self.sizes)} meet"
                have = f"{sides[0]} x {sides[1]}"
                raise Mismatch(where=where, what=name, want=want, have=have, fix="Declare another, or fewer sizes.")
        if self.wanted.size[0] > whole[0] or self.wanted.size[1] > whole[1]:
            have = f"{self.wanted.size[0]} x {self.wanted.size[1]}"
            raise Mismatch(where=where, what="size", want=f"{whole[0]} x {whole[1]} pixels at most", have=have)
        return self.wanted.size

    def _step(self) -> int:
        """Pixels of the smallest size after which all sizes meet.

        Raises
        ------
        Refused
            They meet nowhere: the files were made smaller, each in its own way.
        """
        return math.lcm(*(self._ratio(gsd) for gsd in self.sizes))

    def _ratio(self, gsd: int) -> int:
        """Pixels of the smallest size that one of this size spans."""
        grids = next(iter(self.opened.values())).grids
        ratio = grids[gsd].transform.a / grids[self.sizes[0]].transform.a
        if abs(ratio - round(ratio)) > 1e-6:
            what = f"pixels of {gsd} m and of {self.sizes[0]} m do not meet: {ratio:.4f} times as large"
            fix = "Declare one gsd=, or read the product whole."
            raise Refused(where=f"format {self.name}", what=what, fix=fix)
        return round(ratio)

    def _parts(self, gsd: int, row: int, col: int, size: tuple[int, int]) -> Window:
        """The window at another size."""
        if self.wanted.size is None:
            tall, wide = next(iter(self.opened.values())).grids[gsd].shape.yx
            return Window(0, 0, int(tall), int(wide))
        n = self._ratio(gsd)
        return Window(row // n, col // n, size[0] // n, size[1] // n)

    def _layout(self, size: tuple[int, int]) -> Layout:
        first = next(iter(self.opened.values()))
        product = first.product

        def spec(gsd: int, bands: tuple[str, ...], dtype: str, quantity: Any, has_valid: bool = True) -> StackSpec:
            window, t = self._parts(gsd, 0, 0, size), first.grids[gsd].transform
            sides, gsds = (window.height, window.width), (abs(t.a), abs(t.e))
            return StackSpec(bands, sides, dtype, quantity, product.sensor, product.level, gsds, has_valid=has_valid)

        stacks = {
            f"s2-{gsd}m": spec(gsd, each.bands, "uint16", each.quantity, self.wanted.quality)
            for gsd, each in first.scenes.items()
        }
        legends: dict[str, Legend] = {}
        if first.codes is not None:
            stacks["scl"] = spec(self._codes_gsd(), ("SCL",), "uint8", class_of("scl"))
            legends["scl"] = legend("scl")
        if self.wanted.clouds:
            stacks["clouds"] = spec(60, CLOUD_LAYERS, "uint8", class_of(CLOUD_LEGEND.name))
            legends[CLOUD_LEGEND.name] = CLOUD_LEGEND
        if self.wanted.angles != "no":
            stacks["angles"] = spec(self.sizes[-1], ANGLE_BANDS, "float32", value("deg"))
        years = sorted({attribution(each.product.time) for each in self.opened.values()})
        return Layout(stacks, {}, legends, tuple(years))

    def _codes_gsd(self) -> int:
        first = next(iter(self.opened.values()))
        return 60 if set(first.scenes) == {60} else 20

    def read(self, rows: pa.Table) -> Iterator[Sample | Failure]:
        """Read windows of the plan."""
        for row in rows.to_pylist():
            try:
                made = self._read(row)
            except SwathError as error:
                made = Failure.of(row["id"], error)
            yield made

    def _read(self, row: Mapping[str, Any]) -> Sample | Failure:
        held = self.opened[row["product"]]
        whole = held.grids[self.sizes[0]]
        size = self._window((int(whole.shape.yx[0]), int(whole.shape.yx[1])))

        def at(gsd: int) -> Window:
            return self._parts(gsd, row["row"], row["col"], size)

        stacks = {f"s2-{gsd}m": scene.read(at(gsd)) for gsd, scene in held.scenes.items()}
        share = min(_share(stack) for stack in stacks.values())
        if share == 0 or share < self.wanted.min_valid:
            want = f"{self.wanted.min_valid:.0%} or more" if self.wanted.min_valid else "some"
            error = Mismatch(where=row["id"], what="share of measured pixels", want=want, have=f"{share:.1%}")
            return Failure.of(row["id"], error, "invalid")
        origin = next(iter(stacks.values())).origin
        if held.codes is not None:
            stacks["scl"] = held.codes.read(at(self._codes_gsd()))
        if self.wanted.clouds:
            stacks["clouds"] = read_cloud_stack(held.product, held.grids[60], at(60), origin)
        if self.wanted.angles != "no":
            gsd, band = self.sizes[-1], None if self.wanted.angles == "mean" else self.wanted.angles
            stacks["angles"] = read_angle_stack(held.product, held.grids[gsd], at(gsd), origin, band)
        outline = footprint(window_geobox(whole, row["row"], row["col"], *size))
        return Sample(row["id"], stacks, {}, outline, row["group"], (row["lon"], row["lat"]))


def _share(stack: Stack) -> float:
    """Share of the pixels that are measurements in every band."""
    good = measured(stack)
    return 1.0 if good is None else float(good.all(axis=1).mean())


def _open_product(product: Product, wanted: Wanted) -> Opened:
    """Decide the offset of one product, and open what is wanted of it."""
    decision = examine(product, offset=wanted.offset)
    grids = own_grids(product) if wanted.own_grid else dict(product.grids)
    scenes = {}
    for gsd in wanted.gsd or tuple(NATIVE):
        have = [band for band in S2_BANDS if band in product.images[gsd] and (wanted.gsd or band in NATIVE[gsd])]
        bands = tuple(band for band in have if not wanted.bands or band in wanted.bands)
        if bands:
            more: dict[str, Any] = {"grid": grids[gsd], "is_judged": wanted.quality, "declared": wanted.given}
            scenes[gsd] = scene_of(product, gsd, bands, decision, **more)
    lacking = [band for band in wanted.bands if not any(band in scene.bands for scene in scenes.values())]
    if lacking or not scenes:
        have_all = ", ".join(sorted({band for images in product.images.values() for band in images}))
        sizes = ", ".join(f"{gsd} m" for gsd in wanted.gsd) or "its own size"
        what = f"bands ({', '.join(lacking) or 'any'} at {sizes})"
        raise Mismatch(where=product.id, what=what, want="an image of each", have=have_all or "none")
    codes_gsd = 60 if set(scenes) == {60} else 20
    codes = None
    if wanted.scl or (wanted.scl is None and "SCL" in product.images[codes_gsd]):
        codes = scene_of(product, codes_gsd, ("SCL",), decision, grid=grids[codes_gsd])
    why = f"offset by {decision.by}, {decision.confidence}; pixels: {decision.verdict}"
    return Opened(product, scenes, codes, grids, why)


def _levelled(opened: Mapping[str, Opened]) -> dict[str, Opened]:
    """Bring all products to the newest offset: the older ones' numbers are shifted up when they are read."""
    made = dict(opened)
    for gsd in next(iter(opened.values())).scenes:
        every = {id: held.scenes[gsd].quantity for id, held in made.items()}
        if len(set(every.values())) == 1:
            continue
        unknown = [id for id, quantity in every.items() if quantity.offset is None]
        if unknown:
            raise Mismatch(where=unknown[0], what="offsets", want="all known", have="unknown", fix="Declare offset=.")
        bands = len(made[next(iter(made))].scenes[gsd].bands)
        offsets = [np.broadcast_to(np.asarray(quantity.offset), bands) for quantity in every.values()]
        some = next(iter(every.values()))
        newest = dn(some.of, offset=np.min(offsets, axis=0).tolist(), quantification=some.quantification)
        for id, held in made.items():
            scene = held.scenes[gsd]
            if scene.quantity != newest:
                decided = dict(scene.origin.offsets[0])
                note = {**decided, "offset": list(newest.offset or ()), "stored": decided["offset"]}
                origin = replace(scene.origin, offsets=(note,))
                moved = replace(scene, quantity=newest, stored=scene.quantity, origin=origin)
                made[id] = replace(held, scenes={**held.scenes, gsd: moved}, why=f"{held.why}; shifted up to {newest}")
    return made


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

    def open(self, paths: Sequence[Path], **declared: Any) -> SafeProducts:
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
        opened: dict[str, Opened] = {}
        failures: list[Failure] = []
        errors: list[SwathError] = []
        for root in roots:
            trees = find_trees(root, is_product_head)
            if not trees:
                raise Refused(where=str(root), what="holds no Sentinel-2 product", fix="Look at the path.")
            for tree in trees:
                try:
                    held = _open_product(read_product(tree), wanted)
                    _require_alike(held, opened, tree.name)
                except SwathError as error:
                    errors.append(error)
                    failures.append(Failure.of(tree.name.removesuffix(".zip").removesuffix(".SAFE"), error))
                    continue
                opened[held.product.id] = held
        if not opened:
            raise errors[0] if errors else Refused(where=where, what="no path was given", fix="Name a product.")
        if len({failure.id for failure in failures}) < len(failures) or set(opened) & {f.id for f in failures}:
            failures = [replace(failure, id=f"{failure.id}#{i + 1}") for i, failure in enumerate(failures)]
        ordered = dict(sorted(opened.items(), key=lambda pair: (pair[1].product.time, pair[0])))
        return SafeProducts(roots, wanted, _levelled(ordered), tuple(sorted(failures, key=lambda f: f.id)))


def _require_alike(held: Opened, opened: Mapping[str, Opened], where: str) -> None:
    """Refuse a product that is there twice, or of another kind than the first."""
    if held.product.id in opened:
        fix = "Leave one of them out."
        raise Refused(where=where, what=f"product {held.product.id} is there more than once", fix=fix)
    if opened and held.kind != next(iter(opened.values())).kind:
        want = f"{next(iter(opened.values())).kind} (the first product)"
        raise Mismatch(where=where, what="product", want=want, have=held.kind, fix="Open it apart from the others.")


#: The format.
SAFE_S2: Final = SafeFormat()
