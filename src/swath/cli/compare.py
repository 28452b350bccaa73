"""`swath compare`: models judged on the same samples."""

from __future__ import annotations

from pathlib import Path

import click

from swath.cli.options import as_json, echo, example

__all__ = ["compare"]


@click.command(epilog=example("swath compare runs/small-0 runs/small-1 runs/large-0 runs/large-1"))
@click.argument("models", metavar="RUN_OR_BUNDLE...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--split", help="Which test, by the split's name; needed only if they share several.")
@click.option("--part", help="Which test, by the part.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Of the intervals.")
@as_json
def compare(models: tuple[Path, ...], split: str | None, part: str | None, seed: int, as_json: bool) -> int:
    """Compare models on the samples that all of them were tested on; seeds of one recipe count as one model.

    A difference whose paired interval contains 0 is a tie.
    """
    from swath.recipes.compare import run_compare

    done = run_compare(models, split=split, part=part, seed=seed)
    echo(done.text(), done.to_json, as_json)
    return 0
