"""Markdown: tables and paragraphs for the pages of results."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

__all__ = ["paragraph", "table"]


def paragraph(*sentences: str) -> str:
    """Sentences as lines of up to 118 columns; nothing is broken at a hyphen.

    Examples
    --------
    >>> print(paragraph("One.", "Two."))
    One. Two.
    """
    return textwrap.fill(" ".join(sentences), 118, break_long_words=False, break_on_hyphens=False)


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A table; numbers are written as they come.

    Examples
    --------
    >>> print(table(["a", "b"], [[1, "x"]]))
    | a | b |
    |---|---|
    | 1 | x |
    """
    lines = [list(map(str, head)), ["---"] * len(head), *[list(map(str, row)) for row in rows]]
    drawn = ["| " + " | ".join(line) + " |" for line in lines]
    drawn[1] = "|" + "|".join(lines[1]) + "|"
    return "\n".join(drawn)
