"""Page: the skeleton that all HTML reports share: one file each, no script, nothing fetched from anywhere.

Templates lie in `templates/`; `page.html` brings head, style and foot, `parts.html` sections, tables, figures and
verdicts. Everything but a `Drawing` is escaped. The page itself forbids the browser to ask the network for
anything. Knows no corpora, runs or maps: each report fills its own template.
"""

from __future__ import annotations

import base64
import functools
import html
import re
from collections.abc import Callable
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined

from swath.draw.axis import number, share
from swath.draw.colours import ACCENT, GRID, INK, MUTED, PAPER, PARTS, SEA, WARNING

__all__ = ["MIDDLE", "NARROW", "WIDE", "Drawing", "breakable", "data_uri", "drawing", "render"]

#: Widths [px] at which drawings are made: for desks, for what lies between, and for phones.
WIDE, MIDDLE, NARROW = 1024.0, 640.0, 340.0
#: Names of colours in `page.css`.
_INKS: Final = {
    "accent": ACCENT,
    "grid": GRID,
    "ink": INK,
    "muted": MUTED,
    "paper": PAPER,
    "ground": SEA,
    "warning": WARNING,
    "caution": PARTS["val"],
}


def data_uri(blob: bytes, *, kind: str = "image/png") -> str:
    """Put a file's bytes into the page itself.

    Examples
    --------
    >>> data_uri(b"abc", kind="text/plain")
    'data:text/plain;base64,YWJj'
    """
    return f"data:{kind};base64,{base64.b64encode(blob).decode('ascii')}"


@dataclass(frozen=True, slots=True)
class Drawing:
    """Markup that a template takes as it is: what `draw` made, and nothing else."""

    #: SVG or HTML in which all text is escaped already.
    markup: str

    def __html__(self) -> str:
        return self.markup


def breakable(text: str) -> Drawing:
    """Escape an identifier and let it be broken after underscores, hyphens, dots and slashes, and before capitals.

    Examples
    --------
    >>> breakable("River_<1>").markup, breakable("SeaLake").markup
    ('River_<wbr>&lt;1&gt;', 'Sea<wbr>Lake')
    """
    return Drawing(re.sub(r"(?<=[_./-])(?=.)|(?<=[a-z])(?=[A-Z])", "<wbr>", html.escape(text)))


def drawing(draw: Callable[[float], str], *, widths: tuple[float, float, float] = (WIDE, MIDDLE, NARROW)) -> Drawing:
    """Draw something for wide, middling and narrow pages; the page shows the one that fits, letters unscaled.

    Parameters
    ----------
    draw : callable
        Width [px] -> SVG made by `swath.draw`, which is trusted as markup.
    widths : three floats
        Wide, middling and narrow [px].
    """
    fits = zip(("wide", "middle", "narrow"), widths, strict=True)
    return Drawing("".join(f'<div class="{fit}">{draw(width)}</div>' for fit, width in fits))


@functools.cache
def _environment() -> Environment:
    found = Environment(
        loader=PackageLoader("swath.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.filters.update(number=number, share=lambda part: share(part, 1.0), data_uri=data_uri, breakable=breakable)
    style = files("swath.report").joinpath("page.css").read_text(encoding="utf-8")
    inks = " ".join(f"--{name}: {ink};" for name, ink in _INKS.items())
    found.globals["style"] = Drawing(f":root {{ {inks} }}\n{style}")
    return found


def render(template: str, **context: Any) -> str:
    """Fill one of the package's templates.

    Parameters
    ----------
    template : str
        File name in `templates/`; it extends `page.html`, which needs `title`, `version` and `kind`.
    **context
        What the template names; a name that is missing is an error.

    Returns
    -------
    str
        A whole HTML page.
    """
    return _environment().get_template(template).render(**context)
