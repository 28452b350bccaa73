"""Markdown: tables for the pages of results."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["table"]


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
