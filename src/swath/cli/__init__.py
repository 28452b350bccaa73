"""The command line: parse, call one function, print. Nouns and verbs; no rule of the domain lives here.

Sub-commands are imported when they are called, so that `swath --help` answers at once.
"""

from __future__ import annotations

import importlib
import os
import sys
from typing import Any

import click

from swath.core.errors import SwathError
from swath.core.version import __version__

__all__ = ["LazyGroup", "main", "swath"]


class LazyGroup(click.Group):
    """A group whose commands are imported when called: name -> (module, variable, one line of help)."""

    def __init__(self, *args: Any, lazy: dict[str, tuple[str, str, str]] | None = None, **options: Any) -> None:
        super().__init__(*args, **options)
        self.lazy = lazy or {}

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names in the order of the table."""
        return [*self.lazy, *super().list_commands(ctx)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import one command."""
        if cmd_name not in self.lazy:
            return super().get_command(ctx, cmd_name)
        module, variable, _ = self.lazy[cmd_name]
        command: click.Command = getattr(importlib.import_module(module), variable)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find a command; an unknown one names the nearest."""
        from swath.core.errors import Unknown

        known = self.list_commands(ctx)
        if args and not args[0].startswith("-") and args[0] not in known:
            raise Unknown(args[0], known, what="command", where=ctx.command_path)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing them."""
        rows = [(name, line) for name, (_, _, line) in self.lazy.items()]
        rows += [(name, cmd.get_short_help_str(90)) for name, cmd in self.commands.items() if not cmd.hidden]
        if rows:
            with formatter.section("Commands"):
                formatter.write_dl(rows)


@click.group(
    cls=LazyGroup,
    lazy={
        "corpus": ("swath.cli.corpus", "corpus", "build, check, split and look at a store of samples"),
        "world": ("swath.cli.world", "world", "files of the virtual planet that look like one's own, with their truth"),
        "train": ("swath.cli.train", "train", "learn from a corpus: a run folder with a bundle in it"),
        "test": ("swath.cli.test", "test", "judge a model on samples that it never saw, with intervals and floors"),
        "predict": ("swath.cli.predict", "predict", "answer for every sample of a corpus, with or without labels"),
        "map": ("swath.cli.map", "map_", "a whole scene, classified: COGs, legend, preview, areas"),
        "compare": ("swath.cli.compare", "compare", "models judged on the same samples: who is better, and who ties"),
        "run": ("swath.cli.run", "run", "a recipe: a chain of stages, each done only if something has changed"),
        "doctor": (
            "swath.cli.doctor",
            "doctor",
            "what this machine has and lacks, and what a training waits for",
        ),
        "demo": ("swath.cli.demo", "demo", "everything at once on the virtual planet, offline"),
    },
    epilog="\b\nExample:\n  swath demo\n  swath corpus import eurosat-rgb EuroSAT_RGB.zip -o eurosat/",
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, prog_name="swath")
def swath() -> None:
    """From places and dates to maps and answers whose numbers nobody has to doubt, with Sentinel-1 and Sentinel-2."""


def main() -> None:
    """Run the program: errors are a sentence and a status, never a traceback."""
    try:
        status = swath.main(standalone_mode=False)
    except SwathError as error:
        click.echo(f"swath: {error}", err=True)
        sys.exit(error.exit_status)
    except click.ClickException as error:
        error.show()
        sys.exit(2)
    except (click.Abort, KeyboardInterrupt):
        click.echo("swath: stopped; the same command goes on from here.", err=True)
        sys.exit(130)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    sys.exit(status if isinstance(status, int) else 0)
