"""`swath map`: a whole scene, classified."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from swath.cli.options import as_json, bar, declare, declared, echo, example

__all__ = ["map_"]


@click.command(
    "map",
    epilog=example(
        "swath map runs/planet place/scene.tif -o map.tif --plan",
        "swath map rgb/ mine.tif -d bands=B04,B03,B02,B08 -d kind=dn -d level=L2A -d offset=0 \\",
        "    --treat-as toa --stride 8 -o map.tif",
    ),
)
@click.argument("model", metavar="RUN_OR_BUNDLE", type=click.Path(path_type=Path), required=False)
@click.argument("scene", metavar="SCENE", type=click.Path(path_type=Path), required=False)
@click.option("-o", "--out", type=click.Path(path_type=Path), help="The map, .tif; its companions lie beside it.")
@declare
@click.option("--options", "is_listing", is_flag=True, help="List what can be declared with -d, and stop.")
@click.option("--stride", type=click.IntRange(1), help="Pixels from window to window.  [default: an eighth of one]")
@click.option(
    "--interpolation",
    type=click.Choice(["nearest", "bilinear"]),
    help="Between the centres of windows.  [default: bilinear; at stride 1 each pixel has its own window]",
)
@click.option(
    "--min-valid",
    type=click.FloatRange(0, 1),
    default=0.5,
    show_default=True,
    help="Least share of measured pixels of a window; below it: nodata.",
)
@click.option(
    "--views",
    type=int,
    help="Orientations of a window whose answers are averaged: 1 (fastest), 4 or 8.  [default: the model's own]",
)
@click.option(
    "--treat-as",
    type=click.Choice(["toa", "boa"]),
    help="Take the scene's reflectance for this one, unchecked; written into the map's tags.",
)
@click.option("--gsd", type=float, help="Take a scene of so many metres a pixel all the same; written into the tags.")
@click.option("--truth", type=click.Path(path_type=Path), help="Ground that is known, polygons or a raster: judge it.")
@click.option("--sample", type=click.Path(path_type=Path), help="Probability sample with true classes: adjusted areas.")
@click.option("--column", default="class", show_default=True, help="Column of truth or sample that holds the class.")
@click.option("--band", type=click.IntRange(1), help="Band of a raster of truth.  [default: 1]")
@click.option("--legend", help="Known legend of the truth, or a file of one.  [default: as it says itself]")
@click.option("--plan", "is_plan", is_flag=True, help="Say windows, memory and minutes, and stop.")
@click.option("--overwrite", is_flag=True, help="Replace a map that is there, or what another plan began.")
@click.option("--tfw", "has_world", is_flag=True, help="Write a world file too.")
@click.option("--batch", type=click.IntRange(1), default=64, show_default=True, help="Windows at once; more for a GPU.")
@click.option("--threads", type=click.IntRange(1), help="That the model computes with.  [default: all]")
@click.option("--device", default="cpu", show_default=True, help="Where the model answers.")
@as_json
def map_(
    model: Path | None,
    scene: Path | None,
    out: Path | None,
    declares: tuple[str, ...],
    is_listing: bool,
    stride: int | None,
    interpolation: str | None,
    min_valid: float,
    views: int | None,
    treat_as: str | None,
    gsd: float | None,
    truth: Path | None,
    sample: Path | None,
    column: str,
    band: int | None,
    legend: str | None,
    is_plan: bool,
    overwrite: bool,
    has_world: bool,
    batch: int,
    threads: int | None,
    device: str,
    as_json: bool,
) -> int:
    """Map a scene: classes and probabilities as COGs, with legend, preview, STAC item, and a page to look at.

    SCENE is a GeoTIFF, COG or VRT of any size; what it does not say itself is declared with -d. Memory stays the same
    whatever its size. Killed? The same command goes on and ends with the same bytes.
    """
    from swath.core.errors import Refused
    from swath.core.options import read_options
    from swath.formats.mapping import DECLARES
    from swath.prediction.mapping import run_map
    from swath.prediction.mapplan import MapOptions
    from swath.recipes.areas import adjust_areas
    from swath.recipes.map import open_model, plan_scene, rate_of
    from swath.recipes.map_page import page_of, summarise_map, write_map_page
    from swath.recipes.runs import find_home
    from swath.recipes.truth import judge_map, open_truth

    if is_listing:
        echo("\n".join(f"{name:15} {line}" for name, line in DECLARES.items()), dict(DECLARES), as_json)
        return 0
    if model is None or scene is None or (out is None and not is_plan):
        fix = "Give swath map BUNDLE SCENE -o MAP.tif, or --plan."
        raise Refused(where="swath map", what="needs a bundle, a scene, and a name for the map", fix=fix)
    given = {"stride": stride, "interpolation": interpolation, "treat_as": treat_as, "gsd": gsd, "threads": threads}
    given |= {"views": views}
    chosen = {name: value for name, value in given.items() if value is not None}
    options = read_options(MapOptions, {**chosen, "min_valid": min_valid, "batch": batch}, where="swath map")
    opened = open_model(model, device=device, batch=batch, threads=threads, views=views)
    plan = plan_scene(opened, scene, declared=declared(declares), options=options)
    if is_plan or out is None:
        rate = rate_of(plan, opened)
        figures = {"windows": plan.windows, "memory_bytes": plan.memory, "minutes": plan.minutes(rate)}
        echo(plan.summary(rate=rate), {**figures, "disk_bytes": plan.disk, "plan": plan.to_json()}, as_json)
        return 0
    page_of(out)
    labels = None if truth is None else open_truth(truth, plan, column=column, band=band, legend=legend)
    done = run_map(
        plan,
        opened,
        out,
        overwrite=overwrite,
        has_world=has_world,
        progress=bar("windows"),
        painting=bar("rows"),
    )
    judged = None if labels is None or truth is None else judge_map(plan, done, labels, name=truth.name)
    adjusted = None if sample is None else adjust_areas(done, sample, column=column)
    summary = summarise_map(plan, done, home=find_home(model), labels=labels, judged=judged, adjusted=adjusted)
    page = write_map_page(summary, done)
    said = [done.table(), *([] if adjusted is None else [adjusted.table()])]
    if summary.strange:
        said.append(f"strange  unlike what the model learnt, in standard deviations: {', '.join(summary.strange)}")
    said += [*([] if judged is None else [judged.summary()]), f"page     {page}", done.summary()]
    more: dict[str, Any] = {"page": str(page)}
    more |= {} if adjusted is None else {"adjusted": adjusted.to_json()}
    more |= {} if judged is None else {"judged": judged.to_json()}
    echo("\n".join(said), done.to_json() | more, as_json)
    return 0
