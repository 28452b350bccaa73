"""`swath corpus cut`: one's own scene and one's own labels into a corpus."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from swath.cli.options import as_json, bar, declare, declared, echo, example, workers
from swath.core.errors import Refused

__all__ = ["cut"]


def _say_options() -> None:
    from swath.recipes.open import describe

    for key, meaning in describe("cut").items():
        click.echo(f"  {key:18} {meaning}")


@click.command(
    epilog=example(
        "swath corpus cut scene.tif --labels fields.gpkg --column crop --size 64 -o mine/",
        "swath corpus cut scene.tif --labels plots.geojson --column crop --target map --size 128 -o maps/",
        "swath corpus cut scene.tif --band 5 -d bands=B04,B03,B02,B08,SCL -d kind=dn -d level=L2A -d offset=0 \\",
        "    --size 16 -o scl/",
    )
)
@click.argument("scene", required=False, type=click.Path(path_type=Path))
@click.option("--labels", type=click.Path(path_type=Path), help="Polygons or points (any vector file), or a raster.")
@click.option("--column", help="Vector labels: which column holds the class.")
@click.option("--layer", help="Vector labels: which layer; needed only if there are several.")
@click.option("--labels-crs", help="Vector labels: CRS of their coordinates, where the file does not say; EPSG:4326.")
@click.option(
    "--band",
    type=click.IntRange(1),
    help="Which band holds the labels, of the scene (it leaves the inputs) or of --labels.",
)
@click.option("--legend", help="A known legend (scl, eurosat, worldcover, ...) or a file, CSV or JSON.")
@click.option(
    "--target",
    type=click.Choice(["class", "map"]),
    default="class",
    show_default=True,
    help="One class a window, or a class a pixel.",
)
@click.option("--size", default="64", show_default=True, help="Pixels a window: 64, or 120,60 (down, across).")
@click.option("--stride", help="Pixels from window to window; not given: the size, so that none overlap.")
@click.option(
    "--share",
    type=click.FloatRange(0, 1),
    help="class: least share of a window that its class must hold [0.8]. map: least labelled share [any].",
)
@click.option(
    "--min-valid",
    type=click.FloatRange(0, 1),
    default=0.5,
    show_default=True,
    help="Least share of a window's pixels that must be measurements.",
)
@click.option("-o", "--out", type=click.Path(path_type=Path), help="Folder of the corpus; made if it is not there.")
@click.option("--split", default="blocks", show_default=True, help="How it is split at once: blocks, random or none.")
@click.option("--block", help="Side of the blocks, 2km; not given: by the size of windows and scene.")
@click.option("--buffer", help="Train nearer than this to another part is dropped, 500m; not given: 1 km, or a window.")
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of the split.")
@declare
@workers
@click.option("--plan", "is_plan", is_flag=True, help="Say what would be cut and what not, and stop.")
@click.option("--options", "is_options", is_flag=True, help="List what can be declared of the scene, and stop.")
@as_json
def cut(
    scene: Path | None,
    labels: Path | None,
    out: Path | None,
    split: str,
    block: str | None,
    buffer: str | None,
    seed: int,
    declares: tuple[str, ...],
    workers: int,
    is_plan: bool,
    is_options: bool,
    as_json: bool,
    **cutting: Any,
) -> int:
    """Cut SCENE, a GeoTIFF, COG or VRT, into samples labelled by polygons, points, or a band of class codes.

    Windows lie side by side from the upper-left corner; one becomes a sample if one class holds --share of its pixels
    (a pixel has the class of the polygon that holds its centre). Around a point, the window is laid so that the pixel
    that holds the point is its pixel (size // 2, size // 2): an even window's centre is that pixel's upper-left corner.
    All that is left is counted, and listed in OUT.left.csv; status 1 if samples are missing or no split could be made.
    """
    from swath.recipes.cut import SplitWish, cut_corpus, survey_cut
    from swath.recipes.open import Opening

    if is_options:
        _say_options()
        return 0
    if scene is None:
        raise Refused(where="swath corpus cut", what="needs a scene", fix="Name a GeoTIFF, COG or VRT.")
    if out is None and not is_plan:
        raise Refused(where="swath corpus cut", what="has no folder to write to", fix="Give one with -o DIR.")
    asked = {name: value for name, value in cutting.items() if value is not None}
    paths = tuple(str(path.absolute()) for path in (scene, labels) if path is not None)
    pixels = declared(declares)
    for name in pixels:
        if name in cutting:
            fix = f"Say --{name.replace('_', '-')}: -d is for what the scene's file does not say of its pixels."
            raise Refused(where=f"-d {name}={pixels[name]}", what="has an option of its own", fix=fix)
    opening = Opening("cut", paths, {**pixels, **asked})
    if is_plan:
        _, survey, plan = survey_cut(opening, planning=bar("rows"))
        held = {"samples": len(plan), "bytes": plan.bytes, "hash": plan.hash}
        held |= {
            "left": survey.counts(),
            "classes": dict(survey.classes),
            "windows": survey.looked,
            "unlabelled": survey.unlabelled,
        }
        echo(f"{survey.summary()}\n{plan.summary()}", held, as_json)
        return 0
    wish = SplitWish(split, block, buffer, seed)
    done = cut_corpus(
        opening, out or Path(), split=wish, workers=workers, planning=bar("rows"), progress=bar("samples")
    )
    echo(done.summary(), done.to_json, as_json)
    return 1 if done.has_holes else 0
