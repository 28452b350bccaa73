"""Keep the tree in ARCHITECTURE.md true: one line a folder and file, each the first sentence of the file itself.

Without arguments it says what differs and ends with status 1; with --write it mends the page.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[1]
PAGE: Final = ROOT / "ARCHITECTURE.md"
BEGIN, END = "<!-- tree -->", "<!-- /tree -->"
#: Folders whose files are listed one by one; of every other folder only itself.
LISTED: Final = ("src/swath", "benchmarks", "studies", "scripts")


def _sentence(path: Path) -> str:
    """First sentence of a module, without its leading noun's capital marks."""
    if path.suffix == ".sh":
        lines = [line.lstrip("# ") for line in path.read_text().splitlines()[1:3] if line.startswith("# ")]
        text = " ".join(lines)
    else:
        text = (ast.get_docstring(ast.parse(path.read_text())) or "").split("\n\n")[0]
    text = " ".join(text.split())
    return re.split(r"(?<=[.?])\s", text)[0]


def tree() -> str:
    """The lines that the page should hold."""
    listed = ["git", "ls-files", "--cached", "--others", "--exclude-standard", *LISTED]
    done = subprocess.run(listed, cwd=ROOT, capture_output=True, text=True, check=True)
    files = sorted(Path(name) for name in done.stdout.split() if Path(name).suffix in (".py", ".sh"))
    files = [file for file in files if (ROOT / file).exists()]
    folders: dict[Path, list[Path]] = {}
    for file in files:
        folders.setdefault(file.parent, []).append(file)
    lines = []
    for folder in sorted(folders, key=lambda each: (each.parts[0] != "src", each)):
        head = ROOT / folder / "__init__.py"
        said = _sentence(head) if head.exists() else "Programs of this repository, run by `make` and by hand."
        lines += ["", f"**`{folder}/`** {said}", ""]
        names = [file for file in folders[folder] if file.name != "__init__.py"]
        lines += [f"- `{file.name}` {_sentence(ROOT / file)}" for file in names]
    return "\n".join([*lines, ""])


def main(arguments: list[str]) -> int:
    """Compare, or write."""
    text = PAGE.read_text()
    before, rest = text.split(BEGIN)
    held, after = rest.split(END)
    want = f"\n{tree()}"
    if "--write" in arguments:
        PAGE.write_text(f"{before}{BEGIN}{want}{END}{after}")
        return 0
    if held != want:
        old, new = set(held.splitlines()), set(want.splitlines())
        for line in sorted(new - old):
            print(f"ARCHITECTURE.md lacks: {line}")
        for line in sorted(old - new):
            print(f"ARCHITECTURE.md has, wrongly: {line}")
        print("Mend it: python scripts/check_architecture.py --write")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
