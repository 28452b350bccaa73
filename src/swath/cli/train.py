"""`swath train`: from a corpus with a frozen split to a run folder with a bundle."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from swath.cli.options import as_json, bar, echo, example
from swath.core.errors import Refused

if TYPE_CHECKING:
    from swath.training.watch import Tick

__all__ = ["Live", "train"]


class Live:
    """One line that tells where a training is, and one line an epoch that stays."""

    def __init__(self) -> None:
        self._bar: Any = None

    def step(self, tick: Tick) -> None:
        """Redraw the line."""
        from tqdm import tqdm

        if self._bar is None:
            quiet = not sys.stderr.isatty()
            form = "{desc} {percentage:3.0f}%|{bar:20}|"
            self._bar = tqdm(bar_format=form, file=sys.stderr, leave=False, mininterval=10 if quiet else 0.2)
        self._bar.total = tick.epochs * tick.steps
        self._bar.n = tick.epoch * tick.steps + tick.step
        loss = ", ".join(f"{value:.3f}" for value in tick.losses.values())
        where = f"{tick.stage} {tick.epoch + 1}/{tick.epochs}"
        self._bar.set_description_str(f"{where}  loss {loss}  {tick.rate:,.0f} samples/s  {_minutes(tick.left)} left")

    def epoch(self, row: Mapping[str, float | str | None]) -> None:
        """Leave a line behind."""
        from tqdm import tqdm

        said = [f"epoch {row['epoch']:>3}"]
        said += [f"{name.removeprefix('train_')} {value:.4f}" for name, value in _numbers(row, "train_loss_").items()]
        said += [f"{name.replace('_', ' ', 1)} {value:.4f}" for name, value in _numbers(row, "val_").items()]
        if row.get("samples_per_second") is not None:
            said.append(f"{row['samples_per_second']:,.0f} samples/s")
        tqdm.write("  ".join(said), file=sys.stderr)


def _numbers(row: Mapping[str, float | str | None], prefix: str) -> dict[str, float]:
    return {name: value for name, value in row.items() if name.startswith(prefix) and isinstance(value, float)}


def _minutes(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.0f} min"


@click.command(epilog=example("swath train planet/ --split blocks -o runs/planet --set loop.epochs=8"))
@click.argument("corpus", required=False, type=click.Path(path_type=Path))
@click.option("-o", "--out", type=click.Path(path_type=Path), help="Folder of the run.")
@click.option("--config", type=click.Path(path_type=Path), help="YAML with options; a run's config.yaml is one.")
@click.option("--set", "sets", multiple=True, metavar="A.B=C", help="Change one option; repeat. --options lists them.")
@click.option("--split", help="Frozen split; needed only if there are several.")
@click.option("--fold", type=click.IntRange(0), help="Which fold of it.")
@click.option("--seed", type=int, help="Of everything random.")
@click.option("--options", "lists", is_flag=True, help="Write every option, with its meaning, as YAML for --config.")
@as_json
def train(
    corpus: Path | None,
    out: Path | None,
    config: Path | None,
    sets: tuple[str, ...],
    split: str | None,
    fold: int | None,
    seed: int | None,
    lists: bool,
    as_json: bool,
) -> int:
    """Train a classifier on the train part of a split, judged on its val part; killed, the same command goes on."""
    from swath.core.options import explained, read_options, read_yaml, to_plain, with_settings
    from swath.corpus import open_corpus
    from swath.recipes.train import TrainOptions
    from swath.recipes.train import train as run
    from swath.training.device import place

    held = read_yaml(config) if config is not None else {}
    held.pop("signature", None)
    options = read_options(TrainOptions, held, where=str(config or "options"))
    given = {"data.split": split, "data.fold": fold, "loop.seed": seed}
    pairs = [f"{name}={value}" for name, value in given.items() if value is not None]
    options = with_settings(options, [*pairs, *sets])
    if lists:
        echo(explained(options), to_plain(options), as_json)
        return 0
    if corpus is None or out is None:
        fix = "Write: swath train CORPUS -o RUN."
        raise Refused(where="swath train", what="needs a corpus and a folder for the run", fix=fix)
    is_first = place()[0] == 0
    done = run(open_corpus(corpus), options, out, watch=Live() if is_first else None, progress=bar("samples"))
    if is_first:
        echo(done.summary(), lambda: _json(done), as_json)
    return 0


def _json(done: Any) -> dict[str, Any]:
    fitted = done.fitted
    return {
        "run": str(done.run),
        "bundle": done.bundle.hash,
        "epochs": len(fitted.rows),
        "epoch": fitted.epoch,
        "metric": fitted.metric,
        "value": fitted.value,
        "train": done.train,
        "val": done.val,
        "unlabelled": done.unlabelled,
    }
