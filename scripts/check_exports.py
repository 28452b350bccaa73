"""Exports: `__all__` of every module under src/swath equals what the module offers.

Reads source as text and imports nothing, so it costs a fraction of a second. A module offers the public names that it
defines; a package's `__init__` also those that it hands on from its own modules. Whether the names can be imported is
the question of check_numpy_half.py.

    python scripts/check_exports.py [SRC]      one line a sin; exit status 1 if there is one
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

__all__ = ["main", "sins_of"]


def _is_command(decorator: ast.expr) -> bool:
    """Tell whether a function goes by its name on the command line: its group offers it, not its module."""
    call = decorator.func if isinstance(decorator, ast.Call) else decorator
    return isinstance(call, ast.Attribute) and call.attr == "command" and ast.unparse(call.value) != "click"


def _targets(node: ast.stmt) -> Iterator[str]:
    """Names that one top-level statement defines."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        if not any(_is_command(decorator) for decorator in node.decorator_list):
            yield node.name
    elif isinstance(node, ast.Assign):
        for target in node.targets:
            yield from (n.id for n in ast.walk(target) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store))
    elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
        yield node.target.id


def _is_type_checking(node: ast.stmt) -> bool:
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


def _statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Statements that run on import, and those that type checkers see: how a lazy `__init__` tells its names."""
    for node in body:
        yield node
        if isinstance(node, ast.If) and _is_type_checking(node):
            yield from _statements(node.body)


def _handed_on(node: ast.stmt, package: str) -> Iterator[str]:
    """Names that a package's `__init__` imports from below itself."""
    if isinstance(node, ast.ImportFrom) and f"{node.module}.".startswith(f"{package}."):
        yield from (alias.asname or alias.name for alias in node.names)


def _literal(node: ast.stmt) -> list[str] | None:
    """Names in `__all__ = [...]`; None if the statement is something else or not a literal."""
    if not isinstance(node, ast.Assign) or [ast.unparse(t) for t in node.targets] != ["__all__"]:
        return None
    try:
        held = ast.literal_eval(node.value)
    except ValueError:
        return None
    return list(held) if isinstance(held, list) and all(isinstance(name, str) for name in held) else None


def sins_of(source: str, module: str, *, is_package: bool) -> list[str]:
    r"""Say what is wrong with the exports of one module.

    Parameters
    ----------
    source : str
        Its text.
    module : str
        Its dotted name.
    is_package : bool
        True for an `__init__`.

    Examples
    --------
    >>> sins_of("__all__ = ['a']\ndef a(): ...\ndef b(): ...", "swath.core.a", is_package=False)
    ['offers b, which is not in __all__']
    """
    body = list(_statements(ast.parse(source).body))
    offered = {name for node in body for name in _targets(node)} - {"TYPE_CHECKING"}
    if is_package:
        offered |= {name for node in body for name in _handed_on(node, module)}
    offered = {name for name in offered if not name.startswith("_")}
    listed = next((names for names in map(_literal, body) if names is not None), None)
    if listed is None:
        return [f"has no literal __all__ although it offers {', '.join(sorted(offered))}"] if offered else []
    sins = [f"offers {name}, which is not in __all__" for name in sorted(offered - set(listed))]
    own = {name for name in listed if not name.startswith("__")}
    sins += [f"lists {name}, which it neither defines nor hands on" for name in sorted(own - offered)]
    sins += [f"lists {name} twice" for name in sorted({n for n in listed if listed.count(n) > 1})]
    return sins


def main(arguments: list[str]) -> int:
    """Check every module below the folder given (src)."""
    root = Path(arguments[0] if arguments else "src")
    files = sorted(root.rglob("*.py"))
    found = 0
    for path in files:
        is_package = path.name == "__init__.py"
        parts = path.relative_to(root).with_suffix("").parts
        module = ".".join(parts[:-1] if is_package else parts)
        for sin in sins_of(path.read_text(encoding="utf-8"), module, is_package=is_package):
            print(f"{path}: {sin}")
            found += 1
    print(f"exports: {len(files)} modules, {found} sins")
    return 1 if found or not files else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
