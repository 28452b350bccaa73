"""Verdict: the first thing that a reader of a page sees."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["Level", "Verdict"]

Level = Literal["good", "look", "bad"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether anything is wrong with what the page is of."""

    #: `good`, `look` (something is unknown) or `bad` (something is wrong).
    level: Level
    #: The first thing that a reader sees.
    sentence: str
    #: What is wrong and what nobody knows: sentences, each with the section of the page that tells more.
    wrong: tuple[tuple[str, str], ...] = ()
    unknown: tuple[tuple[str, str], ...] = ()
