"""`swath demo`: everything at once on the virtual planet."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import click

from swath.cli.options import bar, example, workers

__all__ = ["demo"]


@click.command(epilog=example("swath demo -o demo/"))
@click.option(
    "-o", "--out", type=click.Path(path_type=Path), default="demo", show_default=True, help="Where everything goes."
)
@workers
def demo(out: Path, workers: int) -> int:
    """Build a corpus of the virtual planet, check it, split it twice and write a page to look at. Needs no network."""
    from swath.recipes.demo import run_demo

    def tell(sentence: str) -> None:
        click.echo(sentence)

    shown = run_demo(out, workers=workers, tell=tell, planning=bar("places"), progress=bar("samples"))
    program = "swath" if shutil.which("swath") else os.path.relpath(sys.argv[0])
    click.echo(
        f"\nThe page:  {shown.page.absolute()}\n\nTry next:\n"
        f"  {program} corpus info {shown.corpus}\n"
        f"  {program} corpus extract {shown.corpus} planet-7-000012 -o sample.tif     # open it in QGIS\n"
        f"  {program} corpus import geotiff YOUR.tif -d bands=B04,B03,B02,B08 -d kind=dn -d level=L2A -d size=64 -o my/"
    )
    return 0
