"""`swath test`: judge a model on samples that it never saw."""

from __future__ import annotations

from pathlib import Path

import click

from swath.cli.options import as_json, bar, corpus_folder, echo, example

__all__ = ["test"]


@click.command(epilog=example("swath test runs/planet planet/", "swath test runs/planet planet/ --split random"))
@click.argument("model", metavar="RUN_OR_BUNDLE", type=click.Path(path_type=Path))
@corpus_folder
@click.option("--split", help="Another split than the model was trained by; what it may have seen is counted and said.")
@click.option("--part", default="test", show_default=True, help="Part of the split.")
@click.option("--fold", type=click.IntRange(0), help="Fold of the split; not given: the one trained by.")
@click.option("--no-floors", is_flag=True, help="Do not fit what needs no network beside it.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Of intervals and floors.")
@click.option("--threads", type=click.IntRange(1), default=1, show_default=True, help="That decode pixels.")
@click.option("--device", default="cpu", show_default=True, help="Where the model answers.")
@as_json
def test(
    model: Path,
    corpus: Path,
    split: str | None,
    part: str,
    fold: int | None,
    no_floors: bool,
    seed: int,
    threads: int,
    device: str,
    as_json: bool,
) -> int:
    """Judge a model on one part of a split: scores with intervals, floors, calibration, mistakes, and a page.

    Status 1 if a sample has no answer.
    """
    from swath.corpus import open_corpus
    from swath.recipes.page import write_page
    from swath.recipes.test import run_test

    opened = open_corpus(corpus)
    done = run_test(
        model,
        opened,
        split=split,
        part=part,
        fold=fold,
        has_floors=not no_floors,
        seed=seed,
        threads=threads,
        device=device,
        progress=bar("samples"),
    )
    page = write_page(done, opened, progress=bar("samples"))
    echo(f"page    {page}\nscores  {done.files['scores']}\n{done.summary()}", done.figures, as_json)
    return 1 if done.has_holes else 0
