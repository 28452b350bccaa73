"""`swath world`: files of the virtual planet that look like one's own, with exact truth beside them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from swath.cli import LazyGroup
from swath.cli.options import as_json, bar, echo, example

__all__ = ["world"]


@click.group(cls=LazyGroup)
def world() -> None:
    """The virtual planet: imagery with exact truth, made on demand, offline."""


@world.command(
    "make", epilog=example("swath world make scene --lon 11.3 --lat 46.5 --size 1024 --date 2018-07-14 -o place/")
)
@click.argument("preset")
@click.option("--lon", type=float, default=11.3, show_default=True, help="Centre, degrees east.")
@click.option("--lat", type=float, default=46.5, show_default=True, help="Centre, degrees north.")
@click.option("--size", default="1024", show_default=True, help="Pixels of 10 m: 1024, or 600,800 (down, across).")
@click.option("--date", help="YYYY-MM-DD; not given: local midsummer.")
@click.option("--seed", type=int, default=7, show_default=True, help="Which planet.")
@click.option("--bands", help="Names in order, B04,B03,B02; not given: all 13.")
@click.option("--baseline", default="02.06", show_default=True, help="To imitate: 02.06 (offset 0), 05.10 (-1000).")
@click.option("-o", "--out", required=True, type=click.Path(path_type=Path), help="Folder for the files.")
@as_json
def make(preset: str, size: str, out: Path, as_json: bool, **asked: Any) -> int:
    """Write files of PRESET: `scene` writes scene.tif, fields.gpkg (class in column crop) and truth.tif."""
    from swath.formats.options import as_size
    from swath.recipes.world import SceneOptions, make_world

    given = {name: value for name, value in asked.items() if value is not None}
    made = make_world(preset, SceneOptions(size=as_size("size", size), **given), out, progress=bar("rows"))
    echo(made.summary(), {str(path): about for path, about in made.files.items()}, as_json)
    return 0
