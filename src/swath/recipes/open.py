"""Open: the one dict of everything that can be opened as a source by name, and how a corpus's own is opened again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from swath.core.errors import Refused, Unknown, Unreadable
from swath.core.plan import Plan, Source
from swath.core.progress import SILENT, Progress
from swath.corpus.build import journal_notes
from swath.formats import FORMATS, format_named
from swath.sources import Cut
from swath.sources.opening import CUT_OPTIONS, open_cut
from swath.world import PLANET_OPTIONS, Planet, open_planet

__all__ = ["SOURCES", "Opening", "describe", "open_source", "opening_of", "plan_all"]

#: Every source by name -> one line for people.
SOURCES: dict[str, str] = {
    "planet": "the virtual planet: seeded, exact truth, no download",
    **dict.fromkeys(FORMATS, "foreign files on disk"),
    "cut": "one's own scene, cut by one's own labels",
}


@dataclass(frozen=True, slots=True)
class Opening:
    """How a source is opened; goes into the journal of a build."""

    #: A key of `SOURCES`.
    source: str
    #: Files or folders; none for the planet.
    paths: tuple[str, ...] = ()
    #: What the user declared.
    declared: Mapping[str, Any] | None = None

    def to_json(self) -> dict[str, Any]:
        """Plain JSON."""
        return {"opened": {"source": self.source, "paths": list(self.paths), "declared": dict(self.declared or {})}}


def describe(name: str) -> Mapping[str, str]:
    """Options that a source takes -> what they mean.

    Raises
    ------
    Unknown
        There is no such source; the nearest is named.
    """
    if name not in SOURCES:
        raise Unknown(name, SOURCES, what="source")
    own = {"planet": PLANET_OPTIONS, "cut": CUT_OPTIONS}
    return own[name] if name in own else format_named(name).declares


def open_source(opening: Opening) -> Source:
    """Open a source.

    Raises
    ------
    Unknown
        There is no such source, or it has no such option; the nearest is named.
    Unreadable
        A path is not there.
    """
    options = describe(opening.source)
    declared = dict(opening.declared or {})
    for key in declared:
        if key not in options:
            raise Unknown(key, options, what=f"option of {opening.source}")
    if opening.source == "planet":
        if opening.paths:
            raise Refused(where="planet", what="takes no paths", have=opening.paths[0], fix="Leave the path out.")
        return open_planet(**declared)
    paths = [Path(path) for path in opening.paths]
    if not paths:
        raise Refused(where=opening.source, what="needs a path", fix="Name the file or folder to read.")
    for path in paths:
        if not path.exists():
            raise Unreadable(where=str(path), what="is not there", fix="Look at the path.")
    if opening.source == "cut":
        return open_cut(paths, **declared)
    return format_named(opening.source).open(paths, **declared)


def plan_all(source: Source, *, progress: Progress = SILENT) -> Plan:
    """Plan all that a source has; files are listed at once, planet and cut look for theirs and say how far."""
    if isinstance(source, Cut):
        return source.plan(surveyed=source.survey(progress=progress))
    return source.plan(progress=progress) if isinstance(source, Planet) else source.plan()


def opening_of(corpus: Path) -> Opening:
    """How the source of a corpus was opened when it was built, from the journal beside it.

    Raises
    ------
    Refused
        The journal is gone.
    """
    for note in reversed(journal_notes(corpus)):
        if "opened" in note:
            held = note["opened"]
            return Opening(held["source"], tuple(held["paths"]), held["declared"])
    raise Refused(
        where=f"{corpus}.journal",
        what="does not say how the source was opened",
        fix="Name the format and its paths: swath corpus repair DIR --source FORMAT PATH...",
    )
