"""The names that stay stable: the Python face, and every `__all__` beneath it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import swath

ROOT = Path(__file__).parents[2]


def _python(code: str) -> str:
    """Run code in a process that has imported nothing; return what it prints."""
    return subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True).stdout


def test_the_python_face_is_these_names():
    """architecture.md, "The Python face"; removing one is a deliberate act with a changelog fragment."""
    face = swath.__all__

    assert face == [
        "Failure",
        "Mismatch",
        "MissingExtra",
        "Quantity",
        "Refused",
        "Sample",
        "Stack",
        "SwathError",
        "Unknown",
        "Unreadable",
        "__version__",
        "build",
        "map_scene",
        "open_corpus",
    ]


def test_dir_offers_what_is_there_for_the_asking():
    """PEP 562: a lazy module lists its names itself, or completion would not find them."""
    assert dir(swath) == sorted(swath.__all__)


@pytest.mark.parametrize("name", swath.__all__)
def test_each_name_is_the_one_of_its_home(name):
    """A lazy export could name a module that does not hold it; `swath.build` could be the module corpus/build.py."""
    offered = getattr(swath, name)

    assert isinstance(offered, str) if name == "__version__" else callable(offered)


def test_an_unknown_name_is_an_attribute_error():
    """As with any module, so that hasattr and from-imports work."""
    with pytest.raises(AttributeError, match="module 'swath' has no attribute 'open_corpsu'"):
        swath.open_corpsu  # noqa: B018


def test_import_swath_imports_nothing_else():
    """A notebook's first line costs nothing until a name is used."""
    loaded = _python("import sys; old = set(sys.modules); import swath; print(*sorted(set(sys.modules) - old))")

    assert loaded.split() == ["__future__", "swath"]


def test_every_module_lists_what_it_offers():
    """scripts/check_exports.py, which `make check` runs: `__all__` is literal and complete."""
    done = subprocess.run([sys.executable, "scripts/check_exports.py", "src"], cwd=ROOT, capture_output=True, text=True)

    assert done.stdout.splitlines()[-1].endswith(" 0 sins"), done.stdout


def test_a_command_belongs_to_its_group(tmp_path):
    """`@corpus.command()`: the group is what the module offers."""
    source = "__all__ = ['corpus']\n@click.group()\ndef corpus(): ...\n@corpus.command()\ndef info(): ...\n"
    (tmp_path / "m.py").write_text(source)

    done = subprocess.run([sys.executable, ROOT / "scripts/check_exports.py", tmp_path], capture_output=True, text=True)

    assert done.stdout == "exports: 1 modules, 0 sins\n"


@pytest.mark.parametrize(
    ("source", "sin"),
    [
        ("def a(): ...", "has no literal __all__ although it offers a"),
        ("__all__ = ['a']\nA = 1\ndef a(): ...", "offers A, which is not in __all__"),
        ("__all__ = ['a', 'b']\ndef a(): ...", "lists b, which it neither defines nor hands on"),
        ("__all__ = ['a', 'a']\ndef a(): ...", "lists a twice"),
        ("__all__ = [*b]\ndef a(): ...", "has no literal __all__ although it offers a"),
    ],
)
def test_a_wrong_list_is_named(tmp_path, source, sin):
    """Each planted sin must be found, or the check proves nothing."""
    (tmp_path / "m.py").write_text(source)

    done = subprocess.run([sys.executable, ROOT / "scripts/check_exports.py", tmp_path], capture_output=True, text=True)

    assert (done.returncode, done.stdout.splitlines()[0]) == (1, f"{tmp_path / 'm.py'}: {sin}")
