"""`swath run`: a recipe, from its first stage to its last, or from where it stopped."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from swath.cli.options import as_json, bar, echo, example, workers
from swath.core.errors import Refused

if TYPE_CHECKING:
    from swath.recipes.chain import Step

__all__ = ["run"]


def _tell(step: Step, is_done: bool) -> None:
    """A line before a stage, and what came of it."""
    if not is_done:
        click.echo(step.sentence(), err=True)
        return
    head = f"{step.name}: " if step.state != "up to date" else f"{step.name} (up to date): "
    *more, last = step.summary.splitlines() or [""]
    click.echo("\n".join([head + last, *(f"    {line}" for line in more if step.state != "up to date")]))


@click.command(
    epilog=example(
        "swath run planet -o runs/planet",
        "swath run eurosat-rgb --set import.paths=EuroSAT_RGB.zip --seeds 3",
        "swath run --print planet > mine.yaml; swath run mine.yaml --set train.loop.epochs=4",
    )
)
@click.argument("recipe", required=False)
@click.option("-o", "--out", type=click.Path(path_type=Path), help="Where everything goes; not given: runs/RECIPE.")
@click.option("--seeds", help="Train and test once a seed: how many (3), or which (0,1,2).")
@click.option("--set", "sets", multiple=True, metavar="STAGE.A.B=C", help="Change one option of a stage; repeat.")
@click.option("--plan", "is_plan", is_flag=True, help="Say what would be done, and stop.")
@click.option("--list", "is_list", is_flag=True, help="List the recipes that ship, and stop.")
@click.option("--print", "is_print", is_flag=True, help="Print the recipe's file, to read or to copy, and stop.")
@workers
@as_json
def run(
    recipe: str | None,
    out: Path | None,
    seeds: str | None,
    sets: tuple[str, ...],
    is_plan: bool,
    is_list: bool,
    is_print: bool,
    workers: int,
    as_json: bool,
) -> int:
    """Do the stages of RECIPE, a YAML file or the name of one that ships, each only if something has changed.

    A run that was cut off goes on where it stopped: give the same command again. Status 1 if samples are missing.
    """
    from swath.recipes.recipe import read_recipe, recipe_text, seeds_of, shipped_recipes, with_seeds

    if is_list:
        known = shipped_recipes()
        echo("\n".join(f"{name:28}{about}" for name, about in known.items()), known, as_json)
        return 0
    if recipe is None:
        raise Refused(where="swath run", what="needs a recipe", fix="Name a file, or one of: swath run --list.")
    if is_print:
        click.echo(recipe_text(recipe), nl=False)
        return 0
    from swath.cli.train import Live
    from swath.recipes.chain import plan_chain, run_chain
    from swath.recipes.stage import Means

    asked = with_seeds(read_recipe(recipe, settings=sets), seeds_of(seeds) if seeds is not None else ())
    folder = out or Path("runs") / asked.name
    if is_plan:
        steps = plan_chain(asked, folder)
        held = [{"stage": step.name, "kind": step.kind, "key": step.key, "state": step.state} for step in steps]
        echo("\n".join(step.sentence() for step in steps), held, as_json)
        return 0
    means = Means(workers, progress=bar, watch=Live)
    ran = run_chain(asked, folder, means=means, tell=(lambda step, is_done: None) if as_json else _tell)
    echo("\n".join([*ran.over_seeds(), ran.summary()]), ran.to_json, as_json)
    return 1 if ran.has_holes else 0
