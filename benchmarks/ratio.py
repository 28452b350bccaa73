"""Ratio: how fast a subject is beside a reference, measured in the same minutes.

Both run in turn, the order changing every round; the figure is the median of reference over subject with its spread,
never one round. A bound judges the median.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

__all__ = ["Measured", "Row", "ratio", "ratios", "row", "rows_of_both"]


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table."""

    #: What was measured, and beside what.
    name: str
    #: Median, least and greatest of reference time / subject time; None = could not be measured, `note` says why.
    median: float | None
    least: float | None
    greatest: float | None
    #: Bound on the median; None = a figure only.
    at_least: float | None = None
    at_most: float | None = None
    #: Absolute figure, in words.
    note: str = ""

    @property
    def holds(self) -> bool:
        """True if the median keeps the bound; what could not be measured keeps none."""
        if self.median is None:
            return self.at_least is None and self.at_most is None
        low = self.at_least is None or self.median >= self.at_least
        return low and (self.at_most is None or self.median <= self.at_most)

    @property
    def figures(self) -> tuple[str, str]:
        """Median and spread in words."""
        if self.median is None:
            return "-", "-"
        return f"{self.median:.3f}", f"{self.least:.2f} to {self.greatest:.2f}"

    def __str__(self) -> str:
        bound = "" if self.at_least is None else f">= {self.at_least:g}"
        bound = bound if self.at_most is None else f"<= {self.at_most:g}"
        said = "" if not bound else ("ok" if self.holds else "MISSED")
        median, spread = self.figures
        return f"{self.name:58} {median:>7}  {spread:>14}  {bound:>8} {said:6} {self.note}"


def _seconds(work: Callable[[], object]) -> tuple[float, float]:
    """How long some work takes by the clock, and how much of the processor's time it takes on all threads."""
    start, begun = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - start, time.process_time() - begun


#: Median, least and greatest of reference / subject, and the subject's median seconds.
Measured = tuple[float, float, float, float]


def ratios(
    subject: Callable[[], object], reference: Callable[[], object], *, rounds: int = 9
) -> tuple[Measured, Measured]:
    """Measure by the clock, and by the processor's time, in the same rounds."""
    subject()
    reference()
    mine, bare = [], []
    for i in range(rounds):
        pair = (subject, reference) if i % 2 else (reference, subject)
        one, other = (_seconds(work) for work in pair)
        mine.append(one if i % 2 else other)
        bare.append(other if i % 2 else one)
    wall, cpu = (_measured([each[of] for each in mine], [each[of] for each in bare]) for of in (0, 1))
    return wall, cpu


def _measured(mine: list[float], bare: list[float]) -> Measured:
    found = [one / other for one, other in zip(bare, mine, strict=True)]
    return statistics.median(found), min(found), max(found), statistics.median(mine)


def ratio(subject: Callable[[], object], reference: Callable[[], object], *, rounds: int = 9) -> Measured:
    """Median, least and greatest of reference / subject, and the subject's median seconds."""
    return ratios(subject, reference, rounds=rounds)[0]


def row(
    name: str,
    subject: Callable[[], object],
    reference: Callable[[], object],
    *,
    at_least: float | None = None,
    items: int = 0,
    rounds: int = 9,
) -> Row:
    """Measure one line; `items` a call turn the seconds into a rate."""
    return _row(name, ratio(subject, reference, rounds=rounds), at_least, items)


def rows_of_both(
    name: str,
    subject: Callable[[], object],
    reference: Callable[[], object],
    *,
    at_least: float | None = None,
    items: int = 0,
    rounds: int = 9,
) -> tuple[Row, Row]:
    """Measure a line by the clock, and one by the processor's time, which other work on the machine changes little."""
    wall, cpu = ratios(subject, reference, rounds=rounds)
    return _row(name, wall, at_least, items), _row(f"{name}, CPU time", cpu, at_least, items)


def _row(name: str, measured: Measured, at_least: float | None, items: int) -> Row:
    median, least, greatest, seconds = measured
    note = f"{items / seconds:,.0f}/s" if items else f"{seconds:.3f} s"
    return Row(name, median, least, greatest, at_least, None, note)
