"""`swath doctor`: what this machine has, what is missing, and whether reading keeps up with learning."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from swath.cli.options import as_json, echo, example

__all__ = ["doctor"]


@click.command(epilog=example("swath doctor", "swath doctor eurosat/", "swath doctor --quick"))
@click.argument("corpus", required=False, type=click.Path(path_type=Path))
@click.option("--quick", is_flag=True, help="Measure nothing.")
@as_json
def doctor(corpus: Path | None, quick: bool, as_json: bool) -> int:
    """Say what swath finds here: versions, extras, drivers, cores, memory, disk, devices, variables that are set.

    Then measure how fast batches of CORPUS (or of a small planet) are made beside how fast the default network takes
    them. Never prints the value of a variable that could be a secret. Status 1 if something that is needed is broken.
    """
    from swath.recipes.doctor import examine

    found = examine()
    speed: Any = None
    has_torch = not any(each.section == "devices" and each.state != "ok" for each in found.findings)
    if not quick and found.is_healthy and has_torch:
        from swath.recipes.loader_speed import measure_loader

        speed = measure_loader(corpus)
    lines = found.text().splitlines()
    if speed is not None:
        lines[-1:] = ["speed", f"    {speed.sentence()}", lines[-1]]
    held = {**found.to_json(), "speed": None if speed is None else speed.to_json()}
    echo("\n".join(lines), held, as_json)
    return 0 if found.is_healthy else 1
