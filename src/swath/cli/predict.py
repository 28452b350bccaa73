"""`swath predict`: answers for samples of a corpus, with or without labels."""

from __future__ import annotations

from pathlib import Path

import click

from swath.cli.options import as_json, bar, corpus_folder, echo, example

__all__ = ["predict"]


@click.command(epilog=example("swath predict runs/planet planet/ -o answers.parquet --part test"))
@click.argument("model", metavar="RUN_OR_BUNDLE", type=click.Path(path_type=Path))
@corpus_folder
@click.option("-o", "--out", required=True, type=click.Path(path_type=Path), help="The table, GeoParquet.")
@click.option("--ids", help="Only these samples: a file with one id a line, or ids joined by commas.")
@click.option("--part", help="Only this part of a split.")
@click.option("--split", help="Which split; not given: the one that the model was trained by, or the only one.")
@click.option("--fold", type=click.IntRange(0), help="Fold of the split.")
@click.option("--batch", type=click.IntRange(1), default=128, show_default=True, help="Samples at once.")
@click.option("--threads", type=click.IntRange(1), default=1, show_default=True, help="That decode pixels.")
@click.option("--device", default="cpu", show_default=True, help="Where the model answers.")
@as_json
def predict(
    model: Path,
    corpus: Path,
    out: Path,
    ids: str | None,
    part: str | None,
    split: str | None,
    fold: int | None,
    batch: int,
    threads: int,
    device: str,
    as_json: bool,
) -> int:
    """Answer for samples of a corpus: a table with classes, probabilities and places, joined by id.

    Status 1 if a sample has no answer.
    """
    from swath.corpus import open_corpus
    from swath.recipes.ids import read_ids
    from swath.recipes.predict import run_predict

    done = run_predict(
        model,
        open_corpus(corpus),
        out,
        ids=None if ids is None else read_ids(ids),
        split=split,
        part=part,
        fold=fold,
        batch=batch,
        threads=threads,
        device=device,
        progress=bar("samples"),
    )
    counts = {name: getattr(done, name) for name in ("samples", "unanswered", "labelled")}
    echo(done.summary(), {"path": str(done.path), **counts}, as_json)
    return 1 if done.unanswered else 0
