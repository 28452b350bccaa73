"""tests/conftest.py: what holds for every test, tried on small suites of its own."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def suite(tmp_path):
    """Run a test file under the shared rules; returns what pytest says."""
    shutil.copy(ROOT / "tests" / "conftest.py", tmp_path)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)

    def run(source, **environment):
        (tmp_path / "test_it.py").write_text(source)
        clean = {name: value for name, value in os.environ.items() if name != "SWATH_REAL_DATA"}
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_it.py"]
        done = subprocess.run(command, cwd=tmp_path, env=clean | environment, capture_output=True, text=True)
        return done.stdout

    return run


REAL = "import pytest\n@pytest.mark.realdata\ndef test_real(): pass\ndef test_other(): pass\n"


def test_a_realdata_test_without_its_data_is_deselected_and_said_so(suite):
    """Issue: "deselected, never silently passed"."""
    said = suite(REAL)

    assert "1 passed, 1 deselected" in said
    assert "SWATH_REAL_DATA is not set: tests marked realdata were deselected." in said


def test_a_realdata_test_runs_where_its_data_is(suite, tmp_path):
    """The other half."""
    said = suite(REAL, SWATH_REAL_DATA=str(tmp_path))

    assert "2 passed" in said
    assert "deselected" not in said


def test_a_warning_is_an_error(suite):
    """style.md 4."""
    assert "1 failed" in suite("import warnings\ndef test_it(): warnings.warn('old')\n")


def test_an_unknown_marker_is_an_error(suite):
    """style.md 4: five markers and no more."""
    assert "'sl0w' not found in `markers`" in suite("import pytest\n@pytest.mark.sl0w\ndef test_it(): pass\n")


def test_no_test_leaves_this_machine():
    """192.0.2.1 is reserved for documentation (RFC 5737): nobody answers there, and nobody is asked."""
    with pytest.raises(
        ConnectionRefusedError, match=r"^this test tries to reach 192\.0\.2\.1: mark it online, or stand"
    ):
        socket.create_connection(("192.0.2.1", 80), timeout=1)


def test_a_server_on_this_machine_can_be_reached():
    """Tests marked services start their own."""
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.create_connection(server.getsockname(), timeout=5) as client,
    ):
        assert client.getpeername() == server.getsockname()
