"""`swath corpus`: build, check, split and look at a store of samples."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from swath.cli import LazyGroup
from swath.cli.options import as_json, bar, corpus_folder, declare, declared, echo, example, workers
from swath.core.errors import Refused

if TYPE_CHECKING:
    from swath.recipes.open import Opening

__all__ = ["corpus"]


@click.group(
    cls=LazyGroup,
    lazy={
        "cut": ("swath.cli.cut", "cut", "Cut one's own scene by one's own labels: polygons, points, or a band."),
        "export": ("swath.cli.export", "export", "Write samples as GeoTIFFs, footprints, GIFs, or files of others."),
    },
)
def corpus() -> None:
    """A corpus is a folder of samples: pixels with their meaning, place, time, validity and labels."""


_plan_only = click.option("--plan", "is_plan", is_flag=True, help="Say what would be read, and stop.")
_options_only = click.option("--options", "is_options", is_flag=True, help="List what can be declared, and stop.")


def _say_options(name: str) -> None:
    from swath.recipes.open import describe

    options = describe(name)
    for key, meaning in options.items():
        click.echo(f"  {key:18} {meaning}")
    if not options:
        click.echo(f"  {name} says all there is to know: nothing can be declared.")


def _build(opening: Opening, out: Path, count: int, is_plan: bool, is_json: bool) -> int:
    """Plan, or plan and build; status 1 where samples are missing."""
    from swath.recipes.build import build_corpus, plan_corpus

    if is_plan:
        plan = plan_corpus(opening, planning=bar("places"))
        held = {"samples": len(plan), "left out": len(plan.failures), "bytes": plan.bytes, "hash": plan.hash}
        echo(plan.summary(), held, is_json)
        return 0
    if sys.stderr.isatty():
        click.echo(f"planning {opening.source} ...", err=True)
    built = build_corpus(opening, out, workers=count, planning=bar("places"), progress=bar("samples"))
    held = {"done": built.done, "skipped": built.skipped, "quarantined": built.quarantined, "planned": built.total}
    echo(f"{out}: {built.summary()}", held, is_json)
    if built.has_holes and not is_json:
        click.echo(f"Why: swath corpus info {out}, or the table in {out}/quarantine.")
    if not is_json:
        from swath.recipes.info import unknown_offsets

        for sentence in unknown_offsets(out):
            click.echo(sentence)
    return 1 if built.has_holes else 0


@corpus.command("import", epilog=example("swath corpus import eurosat-rgb EuroSAT_RGB.zip -o eurosat/"))
@click.argument("format_name", metavar="FORMAT")
@click.argument("paths", nargs=-1, type=click.Path())
@click.option("-o", "--out", type=click.Path(path_type=Path), help="Folder of the corpus; made if it is not there.")
@declare
@workers
@_plan_only
@_options_only
@as_json
def import_(
    format_name: str,
    paths: tuple[str, ...],
    out: Path | None,
    declares: tuple[str, ...],
    workers: int,
    is_plan: bool,
    is_options: bool,
    as_json: bool,
) -> int:
    """Read foreign files of FORMAT into a corpus.

    Formats: geotiff, rasters, cube, safe-s2, safe-s1, stac, earthengine, series; those of published sets:
    eurosat-rgb, eurosat-ms, bigearthnet, sen12mscr; and those of older systems: hackathon,
    deepsentinel, visiondl, virtual.

    Files that cannot be read go to quarantine with a reason; the last line counts them and the exit status is 1.
    """
    if is_options:
        _say_options(format_name)
        return 0
    return _opened(format_name, paths, out, declared(declares), workers, is_plan, as_json)


def _opened(
    name: str, paths: tuple[str, ...], out: Path | None, options: dict[str, Any], count: int, is_plan: bool, js: bool
) -> int:
    from swath.recipes.open import Opening, describe

    describe(name)
    if out is None and not is_plan:
        raise Refused(where=f"swath corpus ({name})", what="has no folder to write to", fix="Give one with -o DIR.")
    absolute = tuple(str(Path(path).absolute()) for path in paths)
    return _build(Opening(name, absolute, options), out or Path(), count, is_plan, js)


@corpus.command("build", epilog=example("swath corpus build --source planet -n 600 -d seed=7 -o planet/"))
@click.argument("paths", nargs=-1, type=click.Path())
@click.option("--source", "source_name", default="planet", show_default=True, help="Where samples come from.")
@click.option("-n", "count", type=click.IntRange(1), help="Samples, for sources that make as many as are asked for.")
@click.option("--seed", type=int, help="Seed, for sources that draw.")
@click.option("-o", "--out", type=click.Path(path_type=Path), help="Folder of the corpus; made if it is not there.")
@declare
@workers
@_plan_only
@_options_only
@as_json
def build(
    paths: tuple[str, ...],
    source_name: str,
    count: int | None,
    seed: int | None,
    out: Path | None,
    declares: tuple[str, ...],
    workers: int,
    is_plan: bool,
    is_options: bool,
    as_json: bool,
) -> int:
    """Build a corpus from a source: the virtual planet, or files of any format.

    A build that was cut off goes on where it stopped: give the same command again.
    """
    if is_options:
        _say_options(source_name)
        return 0
    options = declared(declares)
    for key, given in (("n", count), ("seed", seed)):
        if given is not None and options.setdefault(key, given) != given:
            raise Refused(where=f"-d {key}={options[key]}", what=f"says another {key} than {given}", fix="Say it once.")
    return _opened(source_name, paths, out, options, workers, is_plan, as_json)


@corpus.command("info", epilog=example("swath corpus info planet/"))
@corpus_folder
@as_json
def info(corpus: Path, as_json: bool) -> int:
    """Say what a corpus holds; reads no pixel."""
    from swath.corpus import open_corpus
    from swath.recipes.info import info as tell
    from swath.recipes.info import info_text

    held = tell(open_corpus(corpus))
    echo(info_text(held), held, as_json)
    return 0 if held["complete"] else 1


@corpus.command("verify", epilog=example("swath corpus verify planet/"))
@corpus_folder
@as_json
def verify(corpus: Path, as_json: bool) -> int:
    """Compare every byte with what was written; names samples and stacks that are damaged, with status 1."""
    from swath.corpus.verify import verify as check

    said = check(corpus, progress=bar("files"))
    problems = [str(problem) for problem in said.problems]
    echo("\n".join([*problems, f"{corpus}: {said.summary()}"]), {"holds": said.holds, "problems": problems}, as_json)
    if not said.holds and not as_json:
        click.echo(f"Mend it: swath corpus repair {corpus}")
    return 0 if said.holds else 1


@corpus.command("repair", epilog=example("swath corpus repair planet/"))
@corpus_folder
@click.argument("paths", nargs=-1, type=click.Path())
@click.option("--source", "source_name", help="Where it was built from; not given: as its journal says.")
@declare
def repair(corpus: Path, paths: tuple[str, ...], source_name: str | None, declares: tuple[str, ...]) -> int:
    """Read damaged samples again from their source; what is gone there goes to quarantine by name."""
    from swath.recipes.build import repair_corpus
    from swath.recipes.open import Opening, opening_of

    if source_name is None:
        known = opening_of(corpus)
        options = {**(known.declared or {}), **declared(declares)}
        opening = Opening(known.source, paths or known.paths, options)
    else:
        opening = Opening(source_name, paths, declared(declares))
    said = repair_corpus(opening, corpus, planning=bar("places"), progress=bar("batches"))
    click.echo(f"{corpus}: {said.summary()}")
    return 1 if said.lost else 0


@corpus.command("split", epilog=example("swath corpus split planet/ --by place --block 50km --folds 5 --name blocks"))
@corpus_folder
@click.option("--by", "method", required=True, help="random, group, place or time.")
@click.option("--name", help="Name of the split; not given: the method's.")
@click.option("--shares", help="train=0.8,val=0.1,test=0.1")
@click.option("--folds", type=click.IntRange(2), help="Make a k-fold split.")
@click.option("--block", help="By place: side of the blocks, 1deg or 50km.")
@click.option("--buffer", help="By place: train nearer than this to another part is dropped; 2km. Not given: a window.")
@click.option("--pattern", help="By place: random, or longitude (west to east).")
@click.option("--edges", help="By time: dates between the parts, comma-separated.")
@click.option("--seed", type=int, help="Seed of whatever is drawn.")
@click.option("--target", help="Class target that counts as the label; needed only if there are several.")
@click.option("--replace", is_flag=True, help="Replace a split of this name.")
@click.option("--no-pictures", is_flag=True, help="Do not look for near-duplicate pictures (reads no pixel).")
@as_json
def split(
    corpus: Path,
    method: str,
    name: str | None,
    shares: str | None,
    folds: int | None,
    block: str | None,
    buffer: str | None,
    pattern: str | None,
    edges: str | None,
    seed: int | None,
    target: str | None,
    replace: bool,
    no_pictures: bool,
    as_json: bool,
) -> int:
    """Freeze which samples train and which test, and report what leaks from one into the other; status 1 if it does."""
    from swath.corpus import open_corpus
    from swath.recipes.split import split_corpus

    recipe: dict[str, Any] = {"method": method}
    given = {"folds": folds, "block": block, "buffer": buffer, "pattern": pattern, "seed": seed}
    recipe |= {key: each for key, each in given.items() if each is not None}
    if shares is not None:
        recipe["shares"] = _shares(shares)
    if edges is not None:
        recipe["edges"] = [each.strip() for each in edges.split(",")]
    opened = open_corpus(corpus)
    progress = bar("samples")
    made = split_corpus(
        opened,
        recipe,
        name=name or method,
        target=target,
        replace=replace,
        pictures=not no_pictures,
        progress=progress,
    )
    held = {"name": made.split.name, "hash": made.split.hash, **made.report.to_json()}
    echo(made.summary(), held, as_json)
    return 1 if made.report.leaks else 0


def _shares(text: str) -> dict[str, float]:
    held = {}
    for pair in text.split(","):
        part, sep, share = pair.partition("=")
        if part.strip() in held:
            raise Refused(where=f"--shares {text}", what=f"says {part.strip()} twice", fix="Say it once.")
        try:
            held[part.strip()] = float(share)
        except ValueError:
            sep = ""
        if not sep:
            raise Refused(where=f"--shares {text}", what="is not PART=SHARE,...", fix="Write train=0.8,test=0.2.")
    return held


@corpus.command("stats", epilog=example("swath corpus stats planet/ --split blocks --part train"))
@corpus_folder
@click.option("--stack", help="Which stack; needed only if there are several.")
@click.option("--split", "split_name", help="Only samples of a part of this split.")
@click.option("--part", default="train", show_default=True, help="Which part of the split.")
@click.option("--fold", default=0, show_default=True, help="Which fold of the split.")
@click.option("--std", default="population", show_default=True, help="population, or per-image-mean (CNN-Sentinel's).")
@as_json
def stats(
    corpus: Path, stack: str | None, split_name: str | None, part: str, fold: int, std: str, as_json: bool
) -> int:
    """Mean, deviation, extremes and valid share of every band, in one pass; status 1 if something looks wrong."""
    from swath.corpus import open_corpus
    from swath.recipes.statistics import corpus_statistics, statistics_text

    said = corpus_statistics(
        open_corpus(corpus), stack=stack, split=split_name, part=part, fold=fold, progress=bar("samples")
    )
    echo(statistics_text(said, std=std), said.to_json, as_json)
    return 1 if said.alarms() else 0


@corpus.command("show", epilog=example("swath corpus show planet/ -o planet.html"))
@corpus_folder
@click.option(
    "-o", "--out", type=click.Path(path_type=Path), help="The page; not given: CORPUS.html beside the folder."
)
@click.option("--sheet", type=click.Path(path_type=Path), help="The contact sheet; not given: a PNG beside the page.")
@click.option("--per-class", type=click.IntRange(1), default=8, show_default=True, help="Pictures a class.")
def show(corpus: Path, out: Path | None, sheet: Path | None, per_class: int) -> int:
    """Write a page to look at (map, pictures, histograms, what is missing and why) and a contact sheet."""
    from swath.corpus import open_corpus
    from swath.recipes.show import show_corpus

    page = out or corpus.absolute().with_name(f"{corpus.absolute().name}.html")
    picture = sheet or page.with_suffix(".png")
    if picture.absolute() == page.absolute():
        raise Refused(where=str(page), what="cannot be both the page and the sheet", fix="Name the page PAGE.html.")
    show_corpus(open_corpus(corpus), page, picture, per_class=per_class, progress=bar("samples"))
    click.echo(f"page   {page}\nsheet  {picture}")
    return 0


@corpus.command("extract", epilog=example("swath corpus extract planet/ planet-7-000012 -o sample.tif"))
@corpus_folder
@click.argument("sample")
@click.option("-o", "--out", required=True, type=click.Path(path_type=Path), help="The GeoTIFF.")
@click.option("--stack", help="Only this stack.")
def extract(corpus: Path, sample: str, out: Path, stack: str | None) -> int:
    """Write one sample as GeoTIFF, for QGIS; one file a stack and date where it has several."""
    from swath.corpus import open_corpus
    from swath.recipes.extract import extract as write

    for path in write(open_corpus(corpus), sample, out, stack=stack):
        click.echo(path)
    return 0
