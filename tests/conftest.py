"""What all tests share: no network, the same examples everywhere, no real data without its variable."""

from __future__ import annotations

import os
import socket
from typing import Any

import hypothesis
import pytest

#: The one door to real data; tests that need it are marked `realdata`.
REAL_DATA = "SWATH_REAL_DATA"

# A library that draws must not look for a screen, and a failing example must fail on every machine.
os.environ["MPLBACKEND"] = "Agg"
hypothesis.settings.register_profile("swath", deadline=None, derandomize=True, database=None)
hypothesis.settings.load_profile("swath")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselect tests of real data where there is none: never passed in silence, see the summary."""
    if os.environ.get(REAL_DATA):
        return
    kept, left = [], []
    for item in items:
        (left if item.get_closest_marker("realdata") else kept).append(item)
    if left:
        config.hook.pytest_deselected(items=left)
        items[:] = kept


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Say what was not run for want of data."""
    if not os.environ.get(REAL_DATA) and not hasattr(config, "workerinput"):
        terminalreporter.write_line(f"{REAL_DATA} is not set: tests marked realdata were deselected.", yellow=True)


@pytest.fixture(autouse=True)
def _no_network(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Refuse connections that leave this machine, so that no test depends on one unless it is marked `online`."""
    if request.node.get_closest_marker("online"):
        return
    connect = socket.socket.connect

    def connect_here(self: socket.socket, address: Any) -> None:
        host = address[0] if isinstance(address, tuple) else ""
        if host not in ("", "127.0.0.1", "::1", "localhost", "0.0.0.0"):
            raise ConnectionRefusedError(f"this test tries to reach {host}: mark it online, or stand in for the server")
        connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", connect_here)
