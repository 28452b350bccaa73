"""SAFE GRD: detected Sentinel-1 images as samples, calibrated by their own tables, placed by their control points.

A window of amplitude becomes sigma0, beta0 or gamma0 in linear power, with the thermal noise subtracted where the
product's own table can be believed; the angle of incidence and what lies below the noise can come along. Images have no
grid: every stack says `georef` = `gcp` in its origin, with the metres by which terrain may shift it, and has no geobox,
so that nothing pairs it with another sensor by pixel. Complex images (SLC) are not read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from xml.etree.ElementTree import Element

import numpy as np
import pyarrow as pa

from swath.core.array import Array
from swath.core.bands import S1_BANDS
from swath.core.errors import Failure, Mismatch, Refused, SwathError, Unreadable
from swath.core.legends import Legend, LegendClass
from swath.core.origin import Origin
from swath.core.plan import PLAN_COLUMNS, Layout, Plan, StackSpec, read_each
from swath.core.quantity import BETA0, GAMMA0_ELLIPSOID, SIGMA0, Quantity, class_of, dn, value
from swath.core.sample import Sample
from swath.core.scene import Window
from swath.core.stack import Stack
from swath.formats.archive import Member, glance
from swath.formats.markup import moment, number, read_xml, text
from swath.formats.options import as_names, as_number, as_size, one_of, only_known, require_all
from swath.formats.raster import simplest
from swath.formats.safecalibration import (
    CalibrationTable,
    NoiseTable,
    calibrate,
    judge_noise,
    read_calibration,
    read_noise,
    strips,
)
from swath.formats.safepoints import PointGrid, read_points
from swath.formats.safetree import Tree, find_trees, open_member, read_member, read_window
from swath.formats.sceneset import MOST_WHOLE

__all__ = [
    "DECLARES",
    "NOISE_LEGEND",
    "SAFE_S1",
    "GrdFormat",
    "GrdImage",
    "GrdProduct",
    "GrdProducts",
    "GrdScene",
    "open_grd",
    "read_grd",
]

#: Option -> what it means.
DECLARES: Final[dict[str, str]] = {
    "quantity": "sigma0 (default), beta0, gamma0_ellipsoid, or dn (amplitude as stored)",
    "noise": "yes (default) or no: thermal noise is subtracted where the product's table can be believed",
    "bands": "polarisations to keep, as VV,VH; default all",
    "size": "pixels a sample, as 256 or 256,128 (down, across); default the whole image",
    "stride": "pixels from window to window; default size",
    "incidence": "yes or no (default): the ellipsoidal angle of incidence becomes a stack",
    "below_noise": "yes or no (default): which powers lie below the noise becomes a stack",
    "min_valid": "share of measured pixels below which a window is left out; default: any above 0",
}
_QUANTITIES: Final = {q.kind: q for q in (SIGMA0, BETA0, GAMMA0_ELLIPSOID)} | {"dn": dn(None, offset=None)}
#: Codes of the stack `below_noise`.
NOISE_LEGEND: Final = Legend(
    "s1-below-noise",
    (LegendClass(0, "above the noise", "ffffff"), LegendClass(1, "below the noise", "000000")),
    source="thermal noise of the product's own annotation",
)
_ANNOTATION: Final = re.compile(r"annotation/(?!.*/)(?P<stem>.+)\.xml")
#: First IPF whose borders hold no small numbers, and how many pixels from the edge those before may.
_CLEAN_BORDER: Final = (2, 90)
_BORDER: Final = 500
#: Amplitude below which a run of pixels from the edge is border: the noise floor of IW lies near 50.
_BORDER_DN: Final = 20
_MOST_SIDE: Final = 200_000
#: Platform -> k of relative orbit = (absolute - k) mod 175 + 1, where it never changed.
_ORBIT: Final = {"S1A": 73, "S1B": 27}
_AGAIN: Final = "Fetch the product again."


def _is_head(name: str) -> bool:
    return name == "manifest.safe"


def _has_radar(tree: Tree) -> bool:
    return any(name.startswith("annotation/calibration/calibration-") for name in tree.members)


@dataclass(frozen=True, slots=True, eq=False)
class GrdImage:
    """One polarisation of one product."""

    #: `VV`, `VH`, `HH` or `HV`.
    polarisation: str
    #: Pixels, (h, w).
    shape: tuple[int, int]
    #: Metres a pixel in ground range and azimuth, (x, y).
    gsd: tuple[float, float]
    #: The image; None = it is not there.
    file: Member | None
    #: Its tables.
    calibration: CalibrationTable
    noise: NoiseTable | None
    #: Where its pixels lie.
    points: PointGrid
    #: True = noise is to be subtracted; and why, or why not.
    is_noisy: bool
    why: str


@dataclass(frozen=True, slots=True, eq=False)
class GrdProduct:
    """One detected Sentinel-1 product."""

    #: Its files.
    tree: Tree
    #: Name without `.SAFE`.
    id: str
    #: `S1A`, ... and mode, as `IW`.
    platform: str
    mode: str
    #: Version of the processor, as `003.31`.
    ipf: str
    #: Relative orbit, and `ascending` or `descending`.
    orbit: int
    direction: str
    #: First line; UTC.
    time: np.datetime64
    #: Polarisation -> image, in the order VV, VH, HH, HV.
    images: Mapping[str, GrdImage]
    #: What does not agree, as the end of a sentence; empty = all does.
    note: str


def read_grd(tree: Tree) -> GrdProduct:
    """Read the metadata of one product: manifest, annotation, calibration, noise.

    Raises
    ------
    Unreadable
        A file is missing, cut short, or does not say what it must.
    Refused
        It is complex (SLC), or of another type.
    """
    manifest = tree.members.get("manifest.safe")
    if manifest is None:
        raise Unreadable(where=tree.name, what="has no manifest.safe", fix=_AGAIN)
    where = tree.where(manifest)
    head = read_xml(read_member(tree, manifest), where=where)
    stems = [match["stem"] for name in tree.members if (match := _ANNOTATION.fullmatch(name))]
    images: dict[str, GrdImage] = {}
    first: Element | None = None
    for stem in stems:
        root, image = _read_image(tree, stem)
        first = root if first is None else first
        if image.polarisation in images:
            raise Refused(where=tree.name, what=f"holds {image.polarisation} twice", fix="Remove one of them.")
        images[image.polarisation] = image
    if first is None:
        raise Unreadable(where=tree.name, what="has no annotation", fix=_AGAIN)
    shapes = {image.shape for image in images.values()}
    if len(shapes) > 1:
        have = ", ".join(f"{p} {i.shape[0]} x {i.shape[1]}" for p, i in images.items())
        raise Mismatch(where=tree.name, what="size of the polarisations", want="one for all", have=have)
    software = [e.get("version", "") for e in head.iter() if e.tag.endswith("}software") and "IPF" in e.get("name", "")]
    orbits = [e.text or "" for e in head.iter() if e.tag.endswith("}relativeOrbitNumber")]
    if not software or not orbits or not orbits[0].strip().isdecimal():
        raise Unreadable(where=where, what="does not name its IPF and relative orbit", fix=_AGAIN)
    platform, absolute = (
        text(first, "adsHeader/missionId", where=where),
        number(first, "adsHeader/absoluteOrbitNumber", where=where),
    )
    orbit, note = int(orbits[0]), ""
    if platform in _ORBIT and (int(absolute) - _ORBIT[platform]) % 175 + 1 != orbit:
        implied = (int(absolute) - _ORBIT[platform]) % 175 + 1
        note = f"; the manifest says relative orbit {orbit}, absolute orbit {absolute:.0f} is {implied}"
    return GrdProduct(
        tree=tree,
        id=tree.name.removesuffix(".zip").removesuffix(".SAFE"),
        platform=platform,
        mode=text(first, "adsHeader/mode", where=where),
        ipf=software[0],
        orbit=orbit,
        direction=text(first, "generalAnnotation/productInformation/pass", where=where).lower(),
        time=moment(text(first, "adsHeader/startTime", where=where), "startTime", where=where),
        images={band: images[band] for band in S1_BANDS if band in images},
        note=note,
    )


def _read_image(tree: Tree, stem: str) -> tuple[Element, GrdImage]:
    """One annotation with its calibration and noise."""
    member = tree.members[f"annotation/{stem}.xml"]
    where = tree.where(member)
    root = read_xml(read_member(tree, member), where=where)
    kind = text(root, "adsHeader/productType", where=where)
    if kind != "GRD":
        what = f"is {kind}, complex or unknown: only detected images (GRD) are read"
        raise Refused(where=where, what=what, fix="Fetch the GRD of the same acquisition.")
    polarisation = text(root, "adsHeader/polarisation", where=where)
    if polarisation not in S1_BANDS:
        raise Unreadable(where=where, what=f"is of polarisation {polarisation[:10]!r}", fix=_AGAIN)
    info = "imageAnnotation/imageInformation"
    shape = tuple(int(number(root, f"{info}/{name}", where=where)) for name in ("numberOfLines", "numberOfSamples"))
    if not all(0 < side <= _MOST_SIDE for side in shape):
        raise Unreadable(where=where, what="size", want="that of an image", have=f"{shape[0]} x {shape[1]}", fix=_AGAIN)
    gsd = tuple(number(root, f"{info}/{name}PixelSpacing", where=where) for name in ("range", "azimuth"))
    calibration = _table(tree, stem, "calibration", polarisation)
    if calibration is None:
        raise Unreadable(where=tree.name, what=f"has no calibration of {polarisation}", fix=_AGAIN)
    tables = read_calibration(calibration[0], where=calibration[1])
    noise = _table(tree, stem, "noise", polarisation)
    power = None if noise is None else read_noise(noise[0], where=noise[1])
    done = "imageAnnotation/processingInformation/thermalNoiseCorrectionPerformed"
    is_removed = (root.findtext(done) or "false").strip() == "true"
    is_noisy, why = judge_noise(tables, power, (shape[0], shape[1]), is_removed=is_removed)
    files = [tree.members[n] for n in (f"measurement/{stem}.tiff", f"measurement/{stem}.tif") if n in tree.members]
    return root, GrdImage(
        polarisation=polarisation,
        shape=(shape[0], shape[1]),
        gsd=(gsd[0], gsd[1]),
        file=files[0] if files else None,
        calibration=tables,
        noise=power,
        points=read_points(root, where=where),
        is_noisy=is_noisy,
        why=why,
    )


def _table(tree: Tree, stem: str, kind: str, polarisation: str) -> tuple[Element, str] | None:
    """The calibration or noise annotation beside an image's own; it must be of the same polarisation."""
    member = tree.members.get(f"annotation/calibration/{kind}-{stem}.xml")
    if member is None:
        return None
    where = tree.where(member)
    root = read_xml(read_member(tree, member), where=where)
    have = text(root, "adsHeader/polarisation", where=where)
    if have != polarisation:
        raise Mismatch(where=where, what="polarisation", want=f"{polarisation} (its image)", have=have, fix=_AGAIN)
    return root, where


@dataclass(frozen=True, slots=True, eq=False)
class GrdScene:
    """Polarisations of one product as a scene; it has no geobox, for its pixels lie on no grid."""

    #: The product.
    product: GrdProduct
    #: Polarisations that `read` gives.
    bands: tuple[str, ...]
    #: What the numbers mean.
    quantity: Quantity
    #: False = noise is left in whatever its table says.
    has_noise: bool
    #: What was declared.
    declared: Mapping[str, Any]

    @property
    def geobox(self) -> None:
        """None: placed by control points only."""
        return None

    @property
    def shape(self) -> tuple[int, int]:
        """Pixels, (h, w)."""
        return self.product.images[self.bands[0]].shape

    @property
    def gsd(self) -> tuple[float, float]:
        """Metres a pixel in ground range and azimuth, (x, y)."""
        return self.product.images[self.bands[0]].gsd

    @property
    def dtype(self) -> str:
        """Name of the dtype that `read` gives."""
        return "uint16" if self.quantity.kind == "dn" else "float32"

    @property
    def points(self) -> PointGrid:
        """Where the pixels lie."""
        return self.product.images[self.bands[0]].points

    @property
    def origin(self) -> Origin:
        """Where the pixels came from, and how far terrain may shift them anywhere in the image."""
        return self._origin(Window(0, 0, *self.shape))

    def _origin(self, window: Window) -> Origin:
        product = self.product
        return Origin(
            items=(product.id,),
            sensor="s1-grd",
            level="GRD",
            provider="safe",
            baselines=(product.ipf,),
            declared=dict(self.declared),
            attribution=f"Contains modified Copernicus Sentinel data {str(product.time)[:4]}.",
            geometry={
                "georef": "gcp",
                "displacement_m": round(self.points.displacement(window), 1),
                "relative_orbit": product.orbit,
                "direction": product.direction,
                "incidence_deg": round(self.points.mean_incidence(window), 2),
            },
        )

    def read(self, window: Window) -> Stack:
        """Read one window; what lies beyond the edge, holds no data or is border is invalid.

        Raises
        ------
        Unreadable
            An image is gone, cut short or corrupt.
        Mismatch
            It is of another size or dtype than its annotation says.
        """
        shape = (len(self.bands), window.height, window.width)
        data = np.empty(shape, self.dtype)
        masks = [self._read(band, window, data[i]) for i, band in enumerate(self.bands)]
        return self._stack(data, _joined(masks, shape), self.bands, self.quantity, window)

    def _stack(
        self, data: Array, valid: Array | None, bands: tuple[str, ...], quantity: Quantity, window: Window
    ) -> Stack:
        return Stack(
            data=data[None],
            bands=bands,
            times=np.array([self.product.time], "datetime64[us]"),
            quantity=quantity,
            geobox=None,
            gsd=self.gsd,
            valid=None if valid is None else valid[None],
            origin=self._origin(window),
        )

    def _read(self, band: str, window: Window, out: Array) -> Array | None:
        """Write one polarisation of a window into `out` (h, w), and say where it is valid; None = everywhere."""
        image = self.product.images[band]
        if self.quantity.kind == "dn":
            amplitude, valid = self._amplitude(image, window, out)
            if amplitude is not out:
                out[...] = amplitude
            return valid
        amplitude, valid = self._amplitude(image, window)
        noise, corner = (image.noise if self.has_noise and image.is_noisy else None), (window.row, window.col)
        calibrate(amplitude, image.calibration, self.quantity.kind, corner, noise=noise, out=out)
        if valid is not None and self._has_border:
            out[~valid] = np.nan
        return valid

    @property
    def _has_border(self) -> bool:
        """True if the processor left small numbers at the edges."""
        return _version(self.product.ipf) < _CLEAN_BORDER

    def _amplitude(self, image: GrdImage, window: Window, out: Array | None = None) -> tuple[Array, Array | None]:
        """Amplitude of a window, in `out` where it can be read there, and where it is valid; None = everywhere."""
        if image.file is None:
            raise Unreadable(where=self.product.id, what=f"has no image of {image.polarisation}", fix=_AGAIN)
        wide = _with_border(window, image.shape) if self._has_border else window
        with open_member(self.product.tree, image.file) as dataset:
            have = f"{dataset.count} band of {dataset.dtypes[0]}, {dataset.height} x {dataset.width} pixels"
            want = f"1 band of uint16, {image.shape[0]} x {image.shape[1]} pixels"
            if have != want:
                where = self.product.tree.where(image.file)
                raise Mismatch(where=where, what="image", want=f"{want} (annotation)", have=have, fix=_AGAIN)
            into = out if wide == window else None
            held, outside = read_window(dataset, [1], wide, out=None if into is None else into[None])
        data = into if into is not None and outside is None else held[0]
        if not self._has_border:
            return data, None if np.count_nonzero(data) == data.size else data != 0
        valid = (data != 0) & ~_border(data, wide, image.shape)
        part = (
            slice(window.row - wide.row, window.row - wide.row + window.height),
            slice(window.col - wide.col, window.col - wide.col + window.width),
        )
        return data[part], valid[part]

    def incidence(self, window: Window) -> Stack:
        """Ellipsoidal angle of incidence [degrees], by the ratio of the gamma0 and sigma0 tables."""
        luts = self.product.images[self.bands[0]].calibration.luts
        at = np.arange(window.height) + window.row, np.arange(window.width) + window.col
        ratio = np.square(luts["gamma0_ellipsoid"].at(*at) / luts["sigma0"].at(*at))
        degrees = np.rad2deg(np.arccos(np.clip(ratio, 0, 1))).astype(np.float32)
        return self._stack(degrees[None], None, ("incidence",), value("deg"), window)

    def below_noise(self, window: Window) -> Stack:
        """Which amplitudes lie below the thermal noise; invalid where nothing was measured, or no noise is known."""
        shape = (len(self.bands), window.height, window.width)
        codes, masks = np.zeros(shape, np.uint8), np.zeros(shape, bool)
        lines, pixels = np.arange(window.height) + window.row, np.arange(window.width) + window.col
        for i, band in enumerate(self.bands):
            image = self.product.images[band]
            amplitude, valid = self._amplitude(image, window)
            if image.noise is None or not image.is_noisy:
                continue
            masks[i] = True if valid is None else valid
            for rows in strips(amplitude.shape):
                # x < NESZ is (DN^2 - eta) / A^2 < eta / A^2.
                codes[i, rows] = np.square(amplitude[rows].astype(float)) < 2 * image.noise.at(lines[rows], pixels)
        return self._stack(codes, simplest(masks), self.bands, class_of(NOISE_LEGEND.name), window)


def _version(ipf: str) -> tuple[int, int]:
    """`003.31` as (3, 31); (0, 0) = unreadable, which is treated as old."""
    match = re.fullmatch(r"0*(\d+)\.(\d+)", ipf.strip())
    return (int(match[1]), int(match[2])) if match else (0, 0)


def _joined(masks: Sequence[Array | None], shape: tuple[int, ...]) -> Array | None:
    """Masks of bands (h, w) as one of shape (b or 1, h, w); None = all of them are."""
    if all(mask is None for mask in masks):
        return None
    return simplest(np.stack([np.ones(shape[1:], bool) if mask is None else mask for mask in masks]))


def _share(valid: Array) -> float:
    """Share of pixels that are valid in all bands, of a mask (b, h, w)."""
    good = valid[0]
    for other in valid[1:]:
        good = good & other
    return float(np.count_nonzero(good) / good.size)


def _with_border(window: Window, shape: tuple[int, int]) -> Window:
    """The window with all that lies between it and an edge that is near."""
    top = 0 if 0 < window.row < _BORDER else window.row
    left = 0 if 0 < window.col < _BORDER else window.col
    bottom, right = window.row + window.height, window.col + window.width
    bottom = shape[0] if shape[0] - _BORDER < bottom < shape[0] else bottom
    right = shape[1] if shape[1] - _BORDER < right < shape[1] else right
    return Window(top, left, bottom - top, right - left)


def _border(data: Array, window: Window, shape: tuple[int, int]) -> Array:
    """Runs of small numbers that begin at an edge of the image and stay within its border, shape (h, w)."""
    small = data < _BORDER_DN
    rows, cols = np.arange(window.height) + window.row, np.arange(window.width) + window.col
    found = np.zeros(data.shape, bool)
    for axis, at, side in ((0, rows, shape[0]), (1, cols, shape[1])):
        outside = (at < 0) | (at >= side)
        run = small | (outside[:, None] if axis == 0 else outside[None, :])
        near = [at < _BORDER, at >= side - _BORDER]
        for begins, step, close in ((at[0] <= 0, 1, near[0]), (at[-1] >= side - 1, -1, near[1])):
            if begins:
                turned = np.flip(run, axis) if step < 0 else run
                kept = np.logical_and.accumulate(turned, axis=axis)
                kept = np.flip(kept, axis) if step < 0 else kept
                found |= kept & (close[:, None] if axis == 0 else close[None, :])
    return found


@dataclass(frozen=True, slots=True, eq=False)
class GrdProducts:
    """Detected Sentinel-1 products, as a source."""

    #: What was opened.
    roots: tuple[Path, ...]
    #: Identifier -> scene, in the order of dates; at least one.
    scenes: Mapping[str, GrdScene]
    #: What is left out, and why.
    failures: tuple[Failure, ...]
    #: What was declared, as plain JSON.
    given: Mapping[str, Any]
    #: Pixels of a window, and from window to window; None = whole.
    size: tuple[int, int] | None
    stride: tuple[int, int] | None
    #: Which stacks come along.
    has_incidence: bool
    has_below_noise: bool
    min_valid: float

    @property
    def name(self) -> str:
        """Name of the format."""
        return "safe-s1"

    def plan(self, places: Any = None, dates: Any = None, spec: Any = None) -> Plan:
        """Lay the windows of every image; those that fit whole, from its first line and pixel.

        Raises
        ------
        Refused
            Places, dates or a spec are asked for, or a whole image is too large for a sample.
        Mismatch
            A window is larger than an image.
        """
        require_all(places, dates, spec, where=f"format {self.name}")
        rows, layout = [], self._layout()
        per_pixel = sum(len(each.bands) * np.dtype(each.dtype).itemsize for each in layout.stacks.values())
        for id, scene in self.scenes.items():
            height, width = self._window(scene)
            stride = self.stride or (height, width)
            why = "; ".join(
                f"{band}: noise {'subtracted' if image.is_noisy and scene.has_noise else 'left in'}, {image.why}"
                for band, image in scene.product.images.items()
                if band in scene.bands
            )
            for row in range(0, scene.shape[0] - height + 1, stride[0]):
                for col in range(0, scene.shape[1] - width + 1, stride[1]):
                    lon, lat = scene.points.place(row + height / 2, col + width / 2)
                    made = {"id": f"{id}_r{row:05d}_c{col:05d}" if self.size else id, "lon": lon, "lat": lat}
                    where = {"item": id, "row": row, "col": col, "group": "", "why": why + scene.product.note}
                    rows.append(
                        {**made, **where, "height": height, "width": width, "bytes": height * width * per_pixel}
                    )
        columns = {**PLAN_COLUMNS, "item": pa.string(), **dict.fromkeys(("row", "col", "height", "width"), pa.int32())}
        table = pa.Table.from_pylist(rows, schema=pa.schema(list(columns.items())))
        return Plan(self.name, {**self.given, "products": len(self.scenes)}, layout, table, self.failures)

    def _window(self, scene: GrdScene) -> tuple[int, int]:
        where = scene.product.id
        if self.size is None:
            if self.stride is not None:
                raise Refused(where=where, what="stride says how far, not how large", fix="Declare size= too.")
            if max(scene.shape) > MOST_WHOLE:
                what = f"has {scene.shape[0]} x {scene.shape[1]} pixels, too many for one sample"
                raise Refused(where=where, what=what, fix="Declare size=, as 256.")
            return scene.shape
        if self.size[0] > scene.shape[0] or self.size[1] > scene.shape[1]:
            want = f"{scene.shape[0]} x {scene.shape[1]} pixels at most"
            raise Mismatch(where=where, what="size", want=want, have=f"{self.size[0]} x {self.size[1]}")
        return self.size

    def _layout(self) -> Layout:
        scene = next(iter(self.scenes.values()))
        size = self._window(scene)

        def spec(bands: tuple[str, ...], dtype: str, quantity: Quantity, has_valid: bool) -> StackSpec:
            return StackSpec(bands, size, dtype, quantity, "s1-grd", "GRD", scene.gsd, has_valid=has_valid)

        stacks = {"s1": spec(scene.bands, scene.dtype, scene.quantity, True)}
        legends = {}
        if self.has_incidence:
            stacks["incidence"] = spec(("incidence",), "float32", value("deg"), False)
        if self.has_below_noise:
            stacks["below-noise"] = spec(scene.bands, "uint8", class_of(NOISE_LEGEND.name), True)
            legends[NOISE_LEGEND.name] = NOISE_LEGEND
        years = sorted({each.origin.attribution for each in self.scenes.values()})
        return Layout(stacks, {}, legends, tuple(years))

    def read(self, rows: pa.Table) -> Iterator[Sample | Failure]:
        """Read windows of the plan."""
        yield from read_each(rows, self._read)

    def _read(self, row: Mapping[str, Any]) -> Sample | Failure:
        scene = self.scenes[row["item"]]
        window = Window(row["row"], row["col"], row["height"], row["width"])
        stack = scene.read(window)
        share = 1.0 if stack.valid is None else _share(stack.valid[0])
        if share == 0 or share < self.min_valid:
            want = f"{self.min_valid:.0%} or more" if self.min_valid else "some"
            error = Mismatch(where=row["id"], what="share of measured pixels", want=want, have=f"{share:.1%}")
            return Failure.of(row["id"], error, "invalid")
        stacks = {"s1": stack}
        if self.has_incidence:
            stacks["incidence"] = scene.incidence(window)
        if self.has_below_noise:
            stacks["below-noise"] = scene.below_noise(window)
        outline = scene.points.footprint(window, where=row["id"])
        return Sample(row["id"], stacks, {}, outline, row["group"], (row["lon"], row["lat"]))


@dataclass(frozen=True, slots=True)
class GrdFormat:
    """The format; `SAFE_S1` is the one instance."""

    #: On the command line.
    name: str = "safe-s1"

    @property
    def declares(self) -> Mapping[str, str]:
        """Options that `open` takes."""
        return DECLARES

    def sniff(self, path: Path) -> bool:
        """True for a product of Sentinel-1, or a folder or zip with one in it."""
        names = list(glance(path))
        if any("annotation/calibration/calibration-" in f"/{name}" for name in names):
            return True
        zips = [path / name for name in names if name.lower().endswith(".zip")] if path.is_dir() else []
        return any("annotation/calibration/calibration-" in f"/{name}" for inner in zips for name in glance(inner))

    def open(self, paths: Sequence[Path], **declared: Any) -> GrdProducts:
        """Open products as a source.

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
        given = only_known(declared, DECLARES, where=where)
        quantity = _QUANTITIES[one_of("quantity", given.get("quantity", "sigma0"), _QUANTITIES)]
        flags = {
            name: one_of(name, given.get(name, default), ["yes", "no"]) == "yes"
            for name, default in (("noise", "yes"), ("incidence", "no"), ("below_noise", "no"))
        }
        bands = tuple(
            one_of("band", each.upper(), S1_BANDS) for each in as_names("bands", given.get("bands", S1_BANDS))
        )
        share = as_number("min_valid", given.get("min_valid", 0))
        if not 0 <= share <= 1:
            raise Refused(where="option min_valid", what=f"cannot be read from {share:g}", want="a share from 0 to 1")
        plain = {name: str(each) for name, each in given.items()}
        roots = tuple(Path(path) for path in paths)
        scenes: dict[str, GrdScene] = {}
        failures: list[Failure] = []
        errors: list[SwathError] = []
        for root in roots:
            trees = [tree for tree in find_trees(root, _is_head) if _has_radar(tree)]
            if not trees:
                raise Refused(where=str(root), what="holds no Sentinel-1 product", fix="Look at the path.")
            for tree in trees:
                id = tree.name.removesuffix(".zip").removesuffix(".SAFE")
                try:
                    scene = _scene(read_grd(tree), bands, "bands" in given, quantity, flags["noise"], plain)
                    _require_alike(scene, scenes)
                except SwathError as error:
                    errors.append(error)
                    failures.append(Failure.of(id if id not in scenes else f"{id}#2", error))
                    continue
                scenes[scene.product.id] = scene
        if not scenes:
            raise errors[0] if errors else Refused(where=where, what="no path was given", fix="Name a product.")
        return GrdProducts(
            roots=roots,
            scenes=dict(sorted(scenes.items(), key=lambda pair: (pair[1].product.time, pair[0]))),
            failures=tuple(sorted(failures, key=lambda failure: failure.id)),
            given=plain,
            size=as_size("size", given["size"]) if "size" in given else None,
            stride=as_size("stride", given["stride"]) if "stride" in given else None,
            has_incidence=flags["incidence"],
            has_below_noise=flags["below_noise"],
            min_valid=share,
        )


def _scene(
    product: GrdProduct,
    bands: tuple[str, ...],
    is_asked: bool,
    quantity: Quantity,
    has_noise: bool,
    declared: Mapping[str, Any],
) -> GrdScene:
    """The scene of a product that has an image of every polarisation wanted."""
    kept = tuple(band for band in bands if band in product.images)
    lacking = [band for band in bands if band not in kept] if is_asked else []
    gone = [band for band in kept if product.images[band].file is None]
    if lacking or not kept:
        have = " ".join(product.images)
        raise Mismatch(where=product.id, what=f"bands ({', '.join(lacking)})", want=" ".join(bands), have=have)
    if gone:
        what = f"has annotation and no image of {', '.join(gone)}"
        raise Refused(where=product.id, what=what, fix="Fetch the product whole.")
    return GrdScene(product, kept, quantity, has_noise, declared)


def _require_alike(scene: GrdScene, held: Mapping[str, GrdScene]) -> None:
    """Refuse a product that is there twice, or of other polarisations or pixels than the first."""
    if scene.product.id in held:
        raise Refused(where=scene.product.id, what="is there more than once", fix="Leave one of them out.")
    if held:
        first = next(iter(held.values()))
        want, have = (
            f"{each.product.mode} {' '.join(each.bands)} of {each.gsd[0]:g} x {each.gsd[1]:g} m"
            for each in (first, scene)
        )
        if want != have:
            fix = "Open it apart from the others, or choose bands=."
            raise Mismatch(where=scene.product.id, what="product", want=f"{want} (the first)", have=have, fix=fix)


def open_grd(path: Path | str, **declared: Any) -> GrdScene:
    """Open one product as a scene without a grid.

    Parameters
    ----------
    path : Path
        A `.SAFE` folder, or a zip of one.
    **declared
        `quantity`, `noise` and `bands`, as for the format.

    Raises
    ------
    Refused
        The path holds no product or several.
    SwathError
        As for `SAFE_S1.open`.
    """
    source = GrdFormat().open([Path(path)], **declared)
    if len(source.scenes) + len(source.failures) != 1:
        have = ", ".join([*source.scenes, *(f.id for f in source.failures)])
        raise Refused(where=str(path), what="holds no single Sentinel-1 product", have=have, fix="Name one of them.")
    return next(iter(source.scenes.values()))


#: The format.
SAFE_S1: Final = GrdFormat()
