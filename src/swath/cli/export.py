"""`swath corpus export`: samples of a corpus as files of others."""

from __future__ import annotations

from pathlib import Path

import click

from swath.cli.options import as_json, bar, corpus_folder, echo, example
from swath.core.errors import Refused

__all__ = ["export"]


@click.command(
    epilog=example(
        "swath corpus export geotiff planet/ -o tiffs/ --split blocks --part train",
        "swath corpus export footprints planet/ -o planet.gpkg",
        "swath corpus export gif series/ -o pictures/ --samples planet-7-000003",
    )
)
@click.argument("format_name", metavar="FORMAT")
@corpus_folder
@click.option("-o", "--out", required=True, type=click.Path(path_type=Path), help="Folder, or FILE.gpkg, to write.")
@click.option("--split", "split_name", help="Only samples of a part of this split.")
@click.option("--part", help="Which part of the split; train if not given.")
@click.option("--fold", type=click.IntRange(0), default=0, show_default=True, help="Which fold of the split.")
@click.option("--samples", help="Only these: a file with one id a line, or ids joined by commas.")
@click.option("--limit", type=click.IntRange(1), help="Only the first so many.")
@click.option("--stack", help="geotiff, gif: only this stack.")
@as_json
def export(
    format_name: str,
    corpus: Path,
    out: Path,
    split_name: str | None,
    part: str | None,
    fold: int,
    samples: str | None,
    limit: int | None,
    stack: str | None,
    as_json: bool,
) -> int:
    r"""Write samples of CORPUS as FORMAT.

    \b
    geotiff       a folder of GeoTIFFs with tables, which `swath corpus import geotiff` reads again
    footprints    FILE.gpkg or FILE.geojson: one polygon a sample, with its columns
    gif           a moving picture of each sample's dates
    hdf5          batches that Remote-Sensing-VisionDL reads
    virtual       products or fusion patches of virtual remote sensing
    deepsentinel  the sample tree of DeepSentinel

    Licences and attribution go along. What a format cannot say is refused. A folder that was cut off goes on where it
    stopped: give the same command again.
    """
    from swath.corpus import open_corpus
    from swath.recipes.export import Choice, export_corpus
    from swath.recipes.ids import read_ids

    if part is not None and split_name is None:
        raise Refused(where="swath corpus export", what="was given a part without a split", fix="Add --split NAME.")
    ids = () if samples is None else tuple(read_ids(samples))
    choice = Choice(split_name, part or "train", fold, ids, limit)
    done = export_corpus(format_name, open_corpus(corpus), out, choice=choice, stack=stack, progress=bar("samples"))
    echo("\n".join([*done.notes, f"{out}: {done.summary()}"]), done.to_json, as_json)
    return 1 if done.left else 0
