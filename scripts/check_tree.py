"""The tree: rules on files that no other tool looks at.

Reads every file that git knows or would take, and names each line that holds a machine's own path, a test that is
skipped, a package imported from `swath` itself, a folder or file with a name that says nothing, a changelog fragment of
an unknown kind, or a file too large to be source. Knows nothing of what the code means.

    python scripts/check_tree.py [FOLDER]      one line a sin; exit status 1 if there is one
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

__all__ = ["FRAGMENT", "LARGEST", "LARGEST_WEIGHTS", "LINES", "NAMES", "WEIGHTS", "main", "sins_of"]

#: Bytes above which a file is data, which this repository does not hold.
LARGEST: Final = 400_000
#: Weights of a bundle that is kept may be larger.
WEIGHTS: Final = re.compile(r"results/bundles/[\w-]+/weights\.safetensors")
LARGEST_WEIGHTS: Final = 4_000_000
#: A changelog fragment's name.
FRAGMENT: Final = re.compile(r"changes/[a-z0-9][a-z0-9-]*\.(feature|fix|speed|removal|data)\.md")
#: Names that say nothing: a function lives with the noun it serves.
NAMES: Final = frozenset({"common", "helpers", "misc", "util", "utils"})
#: What is wrong -> (which files, which line).
LINES: Final[dict[str, tuple[re.Pattern[str], re.Pattern[str]]]] = {
    "a path of one machine": (
        re.compile(r".*"),
        re.compile(r"(?<![\w.$}])/(?:root|work|home/\w+|opt)/\w"),
    ),
    "a path in a folder that anyone may empty": (
        re.compile(r"(?!tests/).*"),
        re.compile(r"(?<![\w.$}])/tmp/\w"),
    ),
    "a mark of unfinished work": (
        re.compile(r".*\.(?:py|sh|md|toml|yml)|Makefile|\.ci/run"),
        re.compile(r"\b(?:TO" r"DO|FIX" r"ME|XX" r"X|HA" r"CK)\b|raise NotImplemented" r"Error"),
    ),
    "a test that may not run": (
        re.compile(r".*\.py"),
        re.compile(r"pytest\.(?:skip|xfail|importor" r"skip)|mark\.(?:skip|xfail)|@unittest\.skip"),
    ),
    "an import from swath itself; name the module": (
        re.compile(r"src/swath/.*\.py"),
        re.compile(r"^\s*(?:from swath import|import swath\s*(?:$|#|,|as\b))"),
    ),
}


def sins_of(path: str, content: bytes) -> Iterator[str]:
    """Say what is wrong with one file.

    Parameters
    ----------
    path : str
        Relative to the repository.
    content : bytes
        The whole file.

    Examples
    --------
    >>> list(sins_of("src/swath/core/utils.py", b"import swath"))
    ['src/swath/core/utils.py: a name that says nothing', 'src/swath/core/utils.py:1: an import from swath itself; name the module']
    """  # noqa: E501 - the sentence as it is printed
    if {part.partition(".")[0] for part in Path(path).parts} & NAMES:
        yield f"{path}: a name that says nothing"
    largest = LARGEST_WEIGHTS if WEIGHTS.fullmatch(path) else LARGEST
    if len(content) > largest:
        yield f"{path}: {len(content):,} bytes; above {largest:,} it is data"
    if path.startswith("changes/") and path != "changes/README.md" and not FRAGMENT.fullmatch(path):
        yield f"{path}: want changes/<slug>.<feature|fix|speed|removal|data>.md"
    try:
        lines = content.decode().splitlines()
    except UnicodeDecodeError:
        return
    for what, (files, rule) in LINES.items():
        if files.fullmatch(path):
            yield from (f"{path}:{number}: {what}" for number, line in enumerate(lines, 1) if rule.search(line))


def main(arguments: list[str]) -> int:
    """Check every file that git knows or would take."""
    root = Path(arguments[0] if arguments else ".")
    listing = ["git", "-C", str(root), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listing, capture_output=True, check=True, text=True).stdout.split("\0")
    paths = sorted(name for name in set(names) if name and (root / name).is_file())
    sins = [sin for path in paths for sin in sins_of(path, (root / path).read_bytes())]
    print(*sins, f"tree: {len(paths)} files, {len(sins)} sins", sep="\n")
    return 1 if sins or not paths else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
