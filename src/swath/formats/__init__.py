"""Formats: foreign files that open as sources, by name; each is loaded when it is first asked for.

`FORMATS` lists them, the most particular first: a folder of EuroSAT GeoTIFFs is also a folder of GeoTIFFs. What the
files do not say is declared when they are opened, never guessed. Knows nothing of corpora.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

from swath.core.errors import Refused, Unknown, Unreadable

if TYPE_CHECKING:
    from swath.core.plan import Format

__all__ = ["FORMATS", "format_named", "sniff"]

#: Name -> module and name of the `core.plan.Format` in it.
FORMATS: Final[dict[str, tuple[str, str]]] = {
    "eurosat-rgb": ("swath.formats.eurosat", "EUROSAT_RGB"),
    "eurosat-ms": ("swath.formats.eurosat", "EUROSAT_MS"),
    "rasters": ("swath.formats.rasters", "RASTERS"),
    "safe-s2": ("swath.formats.safe", "SAFE_S2"),
    "safe-s1": ("swath.formats.safegrd", "SAFE_S1"),
    "stac": ("swath.formats.stac", "STAC"),
    "deepsentinel": ("swath.formats.deepsentinel", "DEEPSENTINEL"),
    "visiondl": ("swath.formats.visiondl", "VISIONDL"),
    "earthengine": ("swath.formats.earthengine", "EARTHENGINE"),
    "hackathon": ("swath.formats.hackathon", "HACKATHON"),
    "virtual": ("swath.formats.virtual", "VIRTUAL"),
    "series": ("swath.formats.series", "SERIES"),
    "bigearthnet": ("swath.formats.bigearthnet", "BIGEARTHNET"),
    "sen12mscr": ("swath.formats.sen12mscr", "SEN12MSCR"),
    "cube": ("swath.formats.cube", "CUBE"),
    "geotiff": ("swath.formats.geotiff", "GEOTIFF"),
}


def format_named(name: str) -> Format:
    """Find a format by name.

    Raises
    ------
    Unknown
        No format has this name; the nearest is named.

    Examples
    --------
    >>> sorted(format_named("eurosat-rgb").declares)
    ['missing_positions', 'positions']
    """
    if name not in FORMATS:
        raise Unknown(name, FORMATS, what="format")
    module, variable = FORMATS[name]
    return cast("Format", getattr(importlib.import_module(module), variable))


def sniff(path: Path | str) -> str:
    """Say which format a path looks like; opens little, reads no pixel.

    Raises
    ------
    Unreadable
        Nothing is there.
    Refused
        It looks like none of `FORMATS`.
    """
    path = Path(path)
    if not path.exists():
        raise Unreadable(where=str(path), what="is not there", fix="Look at the path.")
    for name in FORMATS:
        if format_named(name).sniff(path):
            return name
    raise Refused(
        where=str(path), what="looks like no format that swath reads", fix=f"Name one of them: {', '.join(FORMATS)}."
    )
