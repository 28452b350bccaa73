"""`swath demo`: the whole chain on the virtual planet, each step a command that is shown before it runs.

What is finished is not done again. Where torch is not installed, the chain ends with the corpus and says how to go on.
"""

from __future__ import annotations

import importlib.util
import os
import shlex
import shutil
import sys
from pathlib import Path
from time import perf_counter
from typing import Final

import click

from swath.cli.options import example, workers

__all__ = ["CORPUS", "MODEL", "demo"]

#: What is run, with {out} and {workers} to be filled in: (what for, command). README makes the same by hand.
CORPUS: Final = (
    (
        "1,200 samples of a planet, with the class of each",
        "corpus build --source planet -n 1200 --seed 7 -d landcover=1 -o {out}/planet --workers {workers}",
    ),
    ("every byte as it was written?", "corpus verify {out}/planet"),
    ("what happens when neighbours are parted at random", "corpus split {out}/planet --by random --name random"),
    (
        "whole blocks of ground, with a buffer",
        "corpus split {out}/planet --by place --block 1deg --folds 5 --name blocks",
    ),
    ("look at it before trusting it", "corpus show {out}/planet"),
)
#: The same, of a model and its map.
MODEL: Final = (
    (
        "learn from the train part",
        "train {out}/planet --split blocks -o {out}/runs/planet --set loop.epochs=12"
        " --set loop.optimiser.name=muon --set loop.select=last",
    ),
    ("judge it on blocks that it never saw, beside floors that need no network", "test {out}/runs/planet {out}/planet"),
    (
        "a scene of another planet, with the exact class of its ground",
        "world make scene --seed 8 --lon -3.7 --lat 40.4 --date 2018-07-14 -o {out}/place",
    ),
    (
        "map it, and compare the map with the ground",
        "map {out}/runs/planet {out}/place/scene.tif --truth {out}/place/truth.tif -o {out}/map.tif",
    ),
)


@click.command(epilog=example("swath demo -o demo/"))
@click.option(
    "-o", "--out", type=click.Path(path_type=Path), default="demo", show_default=True, help="Where everything goes."
)
@workers
def demo(out: Path, workers: int) -> int:
    """Planet, corpus, splits, model, test, and the map of an unseen scene beside its truth. Needs no network."""
    start = perf_counter()
    is_whole = importlib.util.find_spec("torch") is not None
    for what, command in (*CORPUS, *(MODEL if is_whole else ())):
        _run(what, command.format(out=shlex.quote(out.as_posix()), workers=workers), out)
    page = out / ("map.html" if is_whole else "planet.html")
    program = "swath" if shutil.which("swath") else os.path.relpath(sys.argv[0])
    steps = (
        f"{program} map {out}/runs/planet YOURS.tif -d bands={_BANDS} \\\n"
        "      -d kind=dn -d level=L1C -d offset=0 -o yours.tif",
        f"{program} corpus cut YOURS.tif --labels FIELDS.gpkg --column CLASS -o mine/      # your own classes",
        f"{program} corpus extract {out}/planet planet-7-000012 -o sample.tif              # a sample for QGIS",
    )
    if not is_whole:
        click.echo("\nTraining, tests and maps need torch, which is not installed: pip install 'swath[torch]'")
        steps = (
            f"{program} corpus info {out}/planet",
            f"{program} corpus extract {out}/planet planet-7-000012 -o sample.tif     # open it in QGIS",
            f"{program} corpus import geotiff YOURS.tif -d bands=B04,B03,B02 -d kind=dn -d level=L2A -d size=64 -o my/",
        )
    click.echo(f"\nDone in {perf_counter() - start:.0f} s. The page:  {page.absolute()}\n\nTry next:")
    click.echo("\n".join(f"  {step}" for step in steps))
    return 0


#: Bands of the demo's model, in the order in which scenes of the planet have them.
_BANDS: Final = "B01,B02,B03,B04,B05,B06,B07,B08,B8A,B09,B10,B11,B12"


def _run(what: str, command: str, out: Path) -> None:
    """Show one command, and run it as if it had been typed."""
    from swath.cli import swath
    from swath.core.errors import Mismatch, Refused

    click.echo(f"\n# {what}\n$ swath {command}")
    words = shlex.split(command)
    typed, sys.argv = sys.argv, ["swath", *words]
    try:
        swath.main(words, standalone_mode=False)
    except (Mismatch, Refused) as error:
        fix = f"{error.fix} Or remove {out}, if it is only an older demo, or choose another folder: swath demo -o DIR."
        raise type(error)(where=error.where, what=error.what, want=error.want, have=error.have, fix=fix) from None
    finally:
        sys.argv = typed
