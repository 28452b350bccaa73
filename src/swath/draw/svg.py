"""SVG: elements written by hand, so that drawings are small, crisp, self-contained and the same every time.

Text and attributes are escaped here and nowhere else. Drawings carry no script, no style sheet, no link and no
identifier, so that any number of them can stand in one page.
"""

from __future__ import annotations

import html
from typing import Final

from swath.draw.colours import INK

__all__ = ["FONT", "SIZE", "document", "num", "tag", "tooltip", "words"]

#: The reader's own letters.
FONT: Final = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', 'DejaVu Sans', sans-serif"
#: Height of ordinary text [px]; drawings are shown at their own size, so this is what the eye gets.
SIZE: Final = 12.5


def num(number: float, places: int = 1) -> str:
    """Write a coordinate with as few characters as it needs.

    Examples
    --------
    >>> num(12.04), num(-0.01), num(3.25, 2)
    ('12', '0', '3.25')
    """
    text = f"{number:.{places}f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text == "-0" else text


def tag(name: str, *children: str, **attributes: str | float | None) -> str:
    """One element; `children` are markup already, attributes are escaped, underscores become hyphens.

    Examples
    --------
    >>> tag("rect", x=1.0, fill_opacity=0.25, rx=None)
    '<rect x="1" fill-opacity="0.25"/>'
    """
    written = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{html.escape(held) if isinstance(held, str) else num(held, 2)}"'
        for key, held in attributes.items()
        if held is not None
    )
    inner = "".join(children)
    return f"<{name}{written}>{inner}</{name}>" if inner else f"<{name}{written}/>"


def words(
    x: float,
    y: float,
    text: str,
    *,
    size: float = SIZE,
    fill: str = INK,
    anchor: str | None = None,
    weight: str | None = None,
    halo: str | None = None,
) -> str:
    """A line of text with its base line at `y`; a `halo` of the ground's colour keeps lines beneath out of it.

    Examples
    --------
    >>> words(0, 10, "<b>")
    '<text x="0" y="10" font-size="12.5" fill="#1d2429">&lt;b&gt;</text>'
    """
    return tag(
        "text",
        html.escape(text),
        x=x,
        y=y,
        font_size=size,
        fill=fill,
        text_anchor=anchor,
        font_weight=weight,
        stroke=halo,
        stroke_width=4.0 if halo else None,
        paint_order="stroke" if halo else None,
    )


def tooltip(text: str) -> str:
    """What a pointer sees when it rests on the element that this is a child of."""
    return tag("title", html.escape(text)) if text else ""


def document(width: float, height: float, *children: str, label: str) -> str:
    """A whole drawing; `label` says to those who cannot see it what it shows."""
    return tag(
        "svg",
        *children,
        xmlns="http://www.w3.org/2000/svg",
        viewBox=f"0 0 {num(width)} {num(height)}",
        width=width,
        height=height,
        role="img",
        aria_label=label,
        font_family=FONT,
    )
