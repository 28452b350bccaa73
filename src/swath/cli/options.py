"""Options that several commands share, and how counts and progress are shown."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from swath.core.errors import Refused
from swath.core.progress import Progress

__all__ = ["as_json", "bar", "corpus_folder", "declare", "declared", "echo", "example", "workers"]

as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")
workers = click.option("--workers", type=click.IntRange(1), default=1, show_default=True, help="Processes that read.")
declare = click.option(
    "-d",
    "--declare",
    "declares",
    multiple=True,
    metavar="KEY=VALUE",
    help="What the files do not say; repeat. --options lists the keys.",
)
corpus_folder = click.argument("corpus", type=click.Path(path_type=Path))


def example(*lines: str) -> str:
    """Lines of an example, shown as they are below a command's help."""
    return "\b\nExample:\n" + "\n".join(f"  {line}" for line in lines)


def declared(pairs: tuple[str, ...]) -> dict[str, Any]:
    """Read KEY=VALUE pairs; numbers become numbers.

    Examples
    --------
    >>> declared(("bands=B04,B03", "offset=-1000", "size=64"))
    {'bands': 'B04,B03', 'offset': -1000, 'size': 64}
    """
    held: dict[str, Any] = {}
    for pair in pairs:
        key, sep, text = pair.partition("=")
        if not sep or not key:
            raise Refused(where=f"--declare {pair}", what="is not KEY=VALUE", fix="Write for example -d level=L1C.")
        if key in held:
            raise Refused(where=f"--declare {pair}", what=f"declares {key} twice", fix="Say it once.")
        held[key] = _number(text)
    return held


def _number(text: str) -> int | float | str:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def bar(unit: str) -> Progress:
    """A progress bar on the terminal, or a line now and then where there is none; what follows the end begins anew."""
    from tqdm import tqdm

    shown: list[Any] = []

    def tell(done: int, total: int) -> None:
        if not shown:
            quiet = not sys.stderr.isatty()
            shown.append(
                tqdm(
                    total=total,
                    initial=done,
                    unit=f" {unit}",
                    mininterval=5 if quiet else 0.1,
                    delay=1,
                    file=sys.stderr,
                )
            )
        shown[0].update(done - shown[0].n)
        if done >= total:
            shown.pop().close()

    return tell


def echo(text: str, data: Callable[[], Any] | Any, is_json: bool) -> None:
    """Print for people, or for programs."""
    if is_json:
        click.echo(json.dumps(data() if callable(data) else data, indent=1, default=str, ensure_ascii=False))
    else:
        click.echo(text)
