"""The numpy half: corpora, maps and reports work on a machine without torch."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "scripts" / "check_numpy_half.py"


def test_every_module_below_the_torch_line_imports_without_torch():
    """architecture.md: nothing under floor 4 imports torch; a finder that refuses it stands for its absence."""
    done = subprocess.run([sys.executable, SCRIPT], capture_output=True, text=True)

    assert (done.returncode, done.stdout.splitlines()[-1].endswith(" 0 sins")) == (0, True), done.stdout


def test_the_hook_refuses_torch():
    """Or the test above would pass whatever is imported."""
    code = "import sys; from check_numpy_half import *; sys.meta_path.insert(0, RefuseTorch()); import torch"

    done = subprocess.run([sys.executable, "-c", code], cwd=SCRIPT.parent, capture_output=True, text=True)

    assert done.stderr.splitlines()[-1] == "ModuleNotFoundError: No module named 'torch'"


def test_a_module_that_needs_torch_is_named(tmp_path):
    """A sin planted in a package that stands in for swath."""
    package = tmp_path / "swath"
    (package / "core").mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "core" / "__init__.py").touch()
    (package / "core" / "bands.py").write_text("import torch.nn")

    done = subprocess.run(
        [sys.executable, SCRIPT], env={"PYTHONPATH": str(tmp_path)}, cwd=tmp_path, capture_output=True, text=True
    )

    assert done.stdout == (
        "swath.core.bands: No module named 'torch'\nnumpy half: 2 modules and 0 names without torch, 1 sins\n"
    )
