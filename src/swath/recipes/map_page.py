"""Map page: what a map found, gathered into the records that its page shows; `MAP.html` beside the map.

Pictures are drawn small from the scene, the map and the truth, each pixel of them the same pixel of the ground.
"""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from swath.core.array import Array
from swath.core.errors import Refused
from swath.core.files import write_whole
from swath.core.geobox import centre
from swath.core.legends import Legend
from swath.core.scene import Scene, Window
from swath.core.version import __version__
from swath.draw import class_picture, keys_of, png, shrink, stretch_caption, to_rgb
from swath.draw.axis import degrees
from swath.draw.colours import INK
from swath.evaluate import Interval, score_classes
from swath.evaluate.classification import ClassIntervals
from swath.evaluate.confusion import Confusion
from swath.formats.cog import read_rows
from swath.prediction.answers import FULL, NONE
from swath.prediction.describe import legend_of
from swath.prediction.mapped import MappedScene
from swath.prediction.mapplan import MapPlan
from swath.recipes.areas import SampledAreas
from swath.recipes.runs import Home, read_scores
from swath.recipes.truth import SHARE, JudgedMap, known_classes, on_map
from swath.report import AreaFigures, ClassResult, MapSummary, ModelTest, Picture, TruthFigures, map_page
from swath.sources.labels import Labels

__all__ = ["page_of", "summarise_map", "write_map_page"]

#: Pixels of a picture's longer side at most, and rows that are read together, about.
_SIDE: Final = 720
_ROWS: Final = 256
#: Rows of each strip that are looked at for how far the scene lies from what the model learnt.
_LOOKED: Final = 16
#: Share of its colour that right ground keeps in the picture of errors; wrong ground is drawn in ink.
_PALE: Final = 0.35
#: What every page of ours says of itself.
_OURS: Final = b'name="generator" content="swath '


def _factor(shape: tuple[int, int]) -> int:
    return max(1, -(-max(shape) // _SIDE))


def _strips(shape: tuple[int, int]) -> tuple[int, list[tuple[int, int]]]:
    """By how much pictures are smaller, and (first row, rows) of strips that this divides."""
    factor = _factor(shape)
    tall = max(1, _ROWS // factor) * factor
    return factor, [(top, min(tall, shape[0] - top)) for top in range(0, shape[0], tall)]


def _scene_picture(scene: Scene) -> Picture | None:
    """The scene as eyes would see it; None where its numbers have no range of their own."""
    factor, strips = _strips(scene.shape)
    held = []
    try:
        for top, tall in strips:
            stack = scene.read(Window(top, 0, tall, scene.shape[1]))
            valid = None if stack.valid is None else stack.valid[0]
            held.append(shrink(to_rgb(stack.data[0], stack.bands, stack.quantity, valid=valid), factor))
        said = stretch_caption(scene.bands, scene.quantity)
    except Refused:
        return None
    return Picture("The scene", png(np.concatenate(held)), f"{said[:1].upper()}{said[1:]}.")


def _small_codes(path: Path, shape: tuple[int, int]) -> Array:
    """Every so many-th pixel of the map."""
    factor, strips = _strips(shape)
    return np.concatenate([_thin(rows[0], factor) for _, rows in read_rows(path, rows=strips[0][1])])


def _small_truth(labels: Labels, made: MappedScene, codes: Sequence[int], shape: tuple[int, int]) -> Array:
    """The same pixels of the truth, in the map's codes; -1 = unknown, or of a class that the map does not know."""
    factor, strips = _strips(shape)
    to_map, known = known_classes(labels, made), np.asarray(codes)
    held = []
    for top, tall in strips:
        burnt = _thin(labels.burn(Window(top, 0, tall, shape[1])), factor)
        at = on_map(burnt, to_map)
        held.append(np.where(at >= 0, known[np.maximum(at, 0)], -1))
    return np.concatenate(held)


def _thin(rows: Array, factor: int) -> Array:
    return rows[factor // 2 :: factor, factor // 2 :: factor] if factor > 1 else rows


def _pictures(plan: MapPlan, made: MappedScene, labels: Labels | None, legend: Legend) -> tuple[Picture, ...]:
    """Scene, map, truth, and where they differ."""
    scene, codes = plan.fitted.scene, plan.output.codes
    wide = scene.shape[1] * scene.gsd[0] / 1000
    shown = _small_codes(made.files.map, scene.shape)
    colours = class_picture(shown, legend, shown=codes)
    about = f"{wide:.3g} km across."
    if not np.isin(shown, codes).all():
        about += " Checker: no answer."
    found = [_scene_picture(scene), Picture("The map", png(colours), about)]
    if labels is not None:
        truth = _small_truth(labels, made, codes, scene.shape)
        known = "Checker: not known." if (truth < 0).any() else f"{labels.summary()}."
        found.append(Picture("The truth", png(class_picture(truth, legend, shown=codes)), known))
        both = (truth >= 0) & np.isin(shown, codes)
        pale = np.rint(255 - _PALE * (255.0 - colours)).astype(np.uint8)
        rgb = tuple(int(INK[i : i + 2], 16) for i in (1, 3, 5))
        errors = np.where((both & (shown == truth))[..., None], pale, np.array(rgb, np.uint8))
        errors = np.where(both[..., None], errors, class_picture(truth * 0 - 1, legend, shown=()))
        said = "Black: map and truth differ. Pale: they agree."
        if not both.all():
            said += " Checker: one of them is missing."
        found.append(Picture("The map against the truth", png(errors.astype(np.uint8)), said))
    return tuple(each for each in found if each is not None)


def _shifts(plan: MapPlan) -> dict[str, float]:
    """How far the mean of some of the scene's rows lies from what the model learnt, in standard deviations."""
    fitted, wide = plan.fitted, plan.shape[1]
    needs = fitted.needs
    total, count = np.zeros(len(needs.bands)), np.zeros(len(needs.bands))
    _, strips = _strips(plan.shape)
    for top, tall in strips:
        rows = min(tall, _LOOKED)
        x, valid = fitted.read(Window(top + (tall - rows) // 2, 0, rows, wide))
        valid = np.broadcast_to(valid, x.shape)
        total += np.where(valid, x, 0).sum(axis=(1, 2), dtype=np.float64)
        count += valid.sum(axis=(1, 2))
    seen = count > 0
    away = (total / np.maximum(count, 1) - np.asarray(needs.mean)) / np.asarray(needs.std)
    return {band: float(away[i]) for i, band in enumerate(needs.bands) if seen[i]}


def _sureness(path: Path) -> tuple[float, float]:
    """Mean probability of what the map says, and the share of ground on which it is below one half."""
    counts = np.zeros(256, np.int64)
    for _, rows in read_rows(path):
        counts += np.bincount(rows[0].ravel(), minlength=256)
    counts[NONE] = 0
    chance = np.arange(256) / FULL
    total = max(int(counts.sum()), 1)
    return float((counts * chance).sum() / total), float(counts[chance < 0.5].sum() / total)


def _results(
    codes: Sequence[int], names: Sequence[str], confusion: Confusion, ends: Sequence[ClassIntervals], legend: Legend
) -> tuple[ClassResult, ...]:
    colours = {each.code: f"#{each.colour}" for each in legend.classes}
    n = confusion.counts.sum(axis=1).tolist()
    return tuple(
        ClassResult(name, colours[code], n[i], {"Precision": e.precision, "Recall": e.recall, "F1": e.f1})
        for i, (code, name, e) in enumerate(zip(codes, names, ends, strict=True))
    )


def _truth(judged: JudgedMap, plan: MapPlan, legend: Legend) -> TruthFigures:
    n, accuracy, noun = judged.headline
    down, across = judged.block
    block, what = f"{across:g} x {down:g} m", f"The truth is {judged.name}, {judged.about}."
    if judged.places is not None:
        confusion, ends, mixed = judged.places.confusion, judged.places.ends.classes, judged.places.mixed
        h, w = plan.size
        how = (
            f"A place is a window of {w} x {h} pixels, side by side, of which one class of the truth covers "
            f"{100 * SHARE:.0f} % or more; {mixed:,} windows hold several and are none. {what}"
        )
    else:
        confusion, mixed, how = judged.pixels, 0, f"Every pixel that is known counts. {what}"
        scores = score_classes(confusion)
        ends = tuple(_without_ends(each, judged.pixel_accuracy.units) for each in scores.classes)
    return TruthFigures(
        name=judged.name,
        about=judged.about,
        noun=noun,
        n=n,
        accuracy=accuracy,
        pixels=judged.pixels.n,
        pixel_accuracy=judged.pixel_accuracy,
        mixed=mixed,
        how=how,
        block=block,
        classes=_results(judged.codes, judged.names, confusion, ends, legend),
        confusion=confusion.counts,
        foreign=judged.foreign,
    )


def _without_ends(score: Any, units: int) -> ClassIntervals:
    """Scores of a class whose intervals were not drawn."""
    held = (Interval(getattr(score, name), np.nan, np.nan, units) for name in ("precision", "recall", "f1"))
    return ClassIntervals(score.code, *held)


def _own_test(home: Home | None, legend: Legend) -> ModelTest | None:
    """The model's own test, as `swath test` left it in the bundle; the first by name where there are several folds."""
    if home is None or not home.scores.is_dir():
        return None
    for path in sorted(home.scores.glob("*.json")):
        held = read_scores(path)
        if held["seen"]["is_own_split"] and held["split"]["part"] == "test":
            return _model_test(held, legend)
    return None


def _model_test(held: Mapping[str, Any], legend: Legend) -> ModelTest:
    ends, is_plain = held["intervals"], "confusion" in held
    metric, key = ("Accuracy", "accuracy") if is_plain else ("Micro mAP", "micro_map")
    split, units = held["split"], held["resampling"]
    colours = {each.code: f"#{each.colour}" for each in legend.classes}
    counts = {each["code"]: each["n"] for each in held["scores"]["classes"]}
    classes = tuple(
        ClassResult(
            name,
            colours.get(each["code"], "#888888"),
            counts[each["code"]],
            {label: Interval.from_json(each[label.lower()]) for label in ("Precision", "Recall", "F1")},
        )
        for name, each in zip(held["names"], ends["classes"], strict=True)
    )
    name = split["name"] if split["folds"] == 1 else f"{split['name']}, fold {split['fold']} of {split['folds']}"
    seen = held["seen"]
    return ModelTest(
        corpus=held["corpus"]["name"],
        split=name,
        part=split["part"],
        n=held["n"],
        metric=metric,
        score=Interval.from_json(ends[key]),
        unit=units["unit"],
        units=units["units"],
        seen=seen["sentence"],
        is_unseen=not (seen["in_train"] or seen["in_val"]),
        classes=classes,
        confusion=np.array(held["confusion"]["counts"]) if is_plain else None,
        floors=tuple(
            (each["name"], Interval.from_json(each["accuracy"]), each["outcome"])
            for each in held["floors"]
            if each["accuracy"] is not None
        ),
    )


def _where(scene: Scene) -> str:
    """The scene, where and when, as a sentence."""
    h, w = scene.shape
    x, y = scene.gsd
    place = ""
    if scene.geobox is not None:
        lon, lat = centre(scene.geobox)
        place = f" around {degrees(lat, 'lat', 0.01)}, {degrees(lon, 'lon', 0.01)}"
    date = scene.read(Window(0, 0, 1, 1)).times[0]
    when = ", date unknown" if np.isnat(date) else f", {np.datetime_as_string(date, unit='D')}"
    name = scene.origin.items[0] if scene.origin.items else "The scene"
    return f"{name}: {w * x / 1000:.4g} x {h * y / 1000:.4g} km{place}{when}."


def _does(plan: MapPlan) -> str:
    k = len(plan.output.codes)
    down, across = plan.support
    if plan.is_dense:
        return f"The model {plan.bundle} gives each pixel one of {k} classes."
    step = f"every {plan.spacing[1]:g} m"
    return f"The model {plan.bundle} knows {k} classes, and answers for windows of {across:g} x {down:g} m, {step}."


def _areas(made: MappedScene, judged: JudgedMap | None, adjusted: SampledAreas | None) -> tuple[AreaFigures, ...]:
    total = sum(each.pixels for each in made.areas) or 1
    known = None if judged is None else judged.pixels.counts.sum(axis=1) / max(judged.pixels.n, 1)
    estimates = {}
    if adjusted is not None:
        held = adjusted.areas
        estimates = {
            name: (float(held.area[i]), float(held.margin[i]))
            for i, name in enumerate(adjusted.names)
            if np.isfinite(held.margin[i])
        }
    rows = [
        AreaFigures(
            each.name,
            each.hectares,
            each.pixels / total,
            None if known is None else float(known[i]),
            estimates.get(each.name),
        )
        for i, each in enumerate(made.areas)
        if each.pixels or each.name in estimates or (known is not None and known[i])
    ]
    return tuple(sorted(rows, key=lambda each: -each.hectares))


def _next(plan: MapPlan, made: MappedScene, model: str, again: str, *, is_judged: bool) -> tuple[tuple[str, str], ...]:
    """What a reader may do now, ready to be copied; `again` is the command that made the map."""
    needs, here = plan.fitted.needs, os.path.relpath(made.files.map)
    kind = "dn" if needs.quantity.kind in ("dn", "toa", "boa", "rgb8") else needs.quantity.kind
    level = "L2A" if "boa" in (needs.quantity.kind, needs.quantity.of) else "L1C" if kind == "dn" else ""
    bands = "B04,B03,B02" if needs.quantity.kind == "rgb8" else ",".join(needs.bands)
    said = f"-d bands={bands} -d kind={kind}" + (f" -d level={level} -d offset=0" if level else "")
    known = (
        "Judge it by ground that you know, polygons or a raster:",
        f"{again} \\\n    --truth KNOWN.gpkg --column CLASS",
    )
    return (
        *(() if is_judged else (known,)),
        ("Look at it in QGIS, with its colours and names:", f"qgis {here}"),
        (
            "Map a scene of your own. What is declared must be true of your file: its bands in its order, its "
            "level, its offset (0, or -1000 since January 2022):",
            f"swath map {model} YOURS.tif -o yours.tif \\\n    {said}",
        ),
        (
            "Teach it your own classes, from your own image and polygons:",
            "swath corpus cut YOURS.tif --labels FIELDS.gpkg --column CLASS -o mine/\n"
            "swath train mine/ --split blocks -o runs/mine\n"
            "swath map runs/mine YOURS.tif -o yours.tif",
        ),
        (
            "Say how much ground each class covers, with its error, from points drawn by chance on this map (50 a "
            "class or more, the true class of each in a column):",
            f"{again} \\\n    --sample POINTS.gpkg --column CLASS",
        ),
    )


def summarise_map(
    plan: MapPlan,
    made: MappedScene,
    *,
    home: Home | None = None,
    labels: Labels | None = None,
    judged: JudgedMap | None = None,
    adjusted: SampledAreas | None = None,
    command: str = "",
) -> MapSummary:
    """Gather everything that the page says; reads scene, map and truth once.

    Parameters
    ----------
    plan : MapPlan
        Of the map.
    made : MappedScene
        The map.
    home : Home, optional
        Folders of the model, where its own test is looked for.
    labels, judged : optional
        The truth, and what `recipes.truth.judge_map` found by it.
    adjusted : SampledAreas, optional
        From a probability sample.
    command : str
        What made it; empty = as this program was called.
    """
    legend, scene, shifts = legend_of(plan), plan.fitted.scene, _shifts(plan)
    command = command or shlex.join(["swath", *sys.argv[1:]])
    sure, unsure = _sureness(made.files.probability)
    tags = plan.fitted
    files = {
        "map": "classes, a COG with colours, nodata and tags",
        "probability": "how sure the model is, of each class",
        "preview": "a picture with legend and scale bar",
        "style": "colours and names for QGIS",
        "table": "names and classes for GDAL",
        "item": "STAC item",
    }
    model = home.name if home is not None else plan.bundle
    path = model if home is None else os.path.relpath(home.run or home.bundle)
    links = []
    if home is not None and (home.report / "index.html").exists():
        there = os.path.relpath(home.report / "index.html", made.files.map.parent)
        links.append((f"All about the test of {home.name}", Path(there).as_posix()))
    points = None
    if adjusted is not None:
        held = adjusted.areas
        points = (int(held.sampled.sum()), held.overall, 1.96 * held.overall_se)
    whole = sum(each.hectares for each in made.areas)
    return MapSummary(
        scene=scene.origin.items[0] if scene.origin.items else "scene",
        model=plan.bundle,
        does=_does(plan),
        where=_where(scene),
        km2=whole / 100,
        nodata=made.nodata / max(made.pixels, 1),
        size=scene.shape,
        gsd=scene.gsd,
        support=plan.support,
        pictures=_pictures(plan, made, labels, legend),
        keys=keys_of(legend, codes=plan.output.codes),
        areas=_areas(made, judged, adjusted),
        sure=sure,
        unsure=unsure,
        truth=None if judged is None else _truth(judged, plan, legend),
        tested=_own_test(home, legend),
        shifts=shifts,
        is_artificial=scene.origin.provider == "planet",
        note=legend.note,
        declared=tuple(f"Declared, and not checked: {said}." for said in plan.fitted.declared.values()),
        sampled=points,
        next=_next(plan, made, path, command, is_judged=judged is not None),
        files={getattr(made.files, name).name: about for name, about in files.items()},
        links=tuple(links),
        command=command,
        facts={
            "Read as": f"{' '.join(tags.needs.bands)}: {tags.spec.quantity}",
            "Mean beside what was learnt": ", ".join(f"{band} {away:+.1f} sd" for band, away in shifts.items()),
            "Between answers": "windows blended by a taper" if plan.is_dense else plan.interpolation,
            "Offset of the scene": _offset_words(scene),
            "Version": f"swath {__version__}",
        },
        hashes={"bundle": plan.bundle_hash, "scene": plan.scene_hash, "plan": plan.hash},
        licences=tuple(filter(None, (scene.origin.attribution, legend.attribution))),
    )


def _offset_words(scene: Scene) -> str:
    """How the scene's offset was decided."""
    held = [dict(each) for each in scene.origin.offsets]
    if not held:
        return "none in this quantity"
    first = held[0]
    if first.get("offset") is None:
        return "unknown"
    numbers = ", ".join(f"{each:g}" for each in sorted(set(first["offset"])))
    return f"{numbers}, decided by {first.get('by')}, {first.get('confidence')}"


def page_of(path: Path) -> Path:
    """Where the page of a map lies, `map.html` beside `map.tif`.

    Raises
    ------
    Refused
        Another page than one of ours has that name.
    """
    page = path.with_suffix(".html")
    if page.exists() and _OURS not in page.read_bytes()[:2000]:
        fix = "Choose another name for the map, or move the page."
        raise Refused(where=str(page), what="is there already, and swath did not write it", fix=fix)
    return page


def write_map_page(summary: MapSummary, made: MappedScene) -> Path:
    """Write the page beside the map; one that swath wrote is replaced.

    Raises
    ------
    Refused
        As `page_of`; or it cannot be written.
    """
    path = page_of(made.files.map)
    write_whole(path, map_page(summary).encode())
    return path
