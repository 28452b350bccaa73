"""Fragments: what lies in changes/, joined into a section of CHANGELOG.md at a release, then removed.

A fragment is `changes/<slug>.<feature|fix|speed|removal|data>.md`, one to three sentences on what a user sees. Kinds
come in the order of `KINDS`, fragments of a kind by name, so that the same fragments give the same section.

    python scripts/join_changes.py VERSION DATE [FOLDER]
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Final

__all__ = ["KINDS", "join", "main"]

#: Kind of fragment -> its heading, in the order of a section.
KINDS: Final[dict[str, str]] = {
    "removal": "Removed or changed",
    "feature": "New",
    "fix": "Mended",
    "speed": "Faster",
    "data": "Data and results",
}


def _entry(text: str) -> str:
    """One list item, continued lines indented."""
    return "- " + "\n  ".join(text.strip().splitlines())


def join(fragments: dict[str, str], *, version: str, date: str) -> str:
    r"""Write the section of one release.

    Parameters
    ----------
    fragments : dict
        File name -> text.
    version, date : str
        Of the release.

    Raises
    ------
    ValueError
        There is no fragment, or one is empty or of an unknown kind.

    Examples
    --------
    >>> print(join({"b.fix.md": "Two.", "a.feature.md": "One.\nMore."}, version="0.2.0", date="2027-01-31"))
    ## 0.2.0 (2027-01-31)
    <BLANKLINE>
    ### New
    <BLANKLINE>
    - One.
      More.
    <BLANKLINE>
    ### Mended
    <BLANKLINE>
    - Two.
    """
    by_kind: dict[str, list[str]] = {kind: [] for kind in KINDS}
    for name in sorted(fragments):
        kind = name.removesuffix(".md").rpartition(".")[2]
        if kind not in KINDS:
            raise ValueError(f"{name}: kind {kind!r} is none of {', '.join(KINDS)}")
        if not fragments[name].strip():
            raise ValueError(f"{name}: says nothing")
        by_kind[kind].append(_entry(fragments[name]))
    parts = [f"### {KINDS[kind]}\n\n" + "\n".join(entries) for kind, entries in by_kind.items() if entries]
    if not parts:
        raise ValueError("changes/: holds no fragment, so there is nothing to release")
    return "\n\n".join([f"## {version} ({date})", *parts])


def main(arguments: list[str]) -> int:
    """Put the section above the older ones, and remove the fragments."""
    if len(arguments) not in (2, 3) or not re.fullmatch(r"\d{4}-\d\d-\d\d", arguments[1]):
        print("usage: join_changes.py VERSION YYYY-MM-DD [FOLDER]", file=sys.stderr)
        return 2
    root = Path(arguments[2] if len(arguments) == 3 else ".")
    paths = [path for path in sorted((root / "changes").glob("*.md")) if path.name != "README.md"]
    try:
        section = join({p.name: p.read_text(encoding="utf-8") for p in paths}, version=arguments[0], date=arguments[1])
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    changelog = root / "CHANGELOG.md"
    old = changelog.read_text(encoding="utf-8") if changelog.exists() else "# Changelog\n"
    head, mark, rest = old.partition("\n## ")
    changelog.write_text(f"{head.rstrip()}\n\n{section}\n" + (mark + rest if mark else ""), encoding="utf-8")
    for path in paths:
        path.unlink()
    print(f"{changelog}: {len(paths)} fragments joined as {arguments[0]}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
