"""Progress: how long work tells whoever waits for it; silent unless the caller says otherwise."""

from __future__ import annotations

from typing import Protocol

__all__ = ["SILENT", "Progress"]


class Progress(Protocol):
    """Called with what has just been finished."""

    def __call__(self, done: int, total: int) -> None:
        """`done` of `total` are finished by now."""
        ...


def SILENT(done: int, total: int) -> None:  # noqa: N802 - a constant that happens to be callable
    """Tell nobody."""
