"""Log: what each epoch was like, as `metrics.csv` and, where TensorBoard is installed, as its events."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from swath.core.files import write_whole

__all__ = ["Log", "Row"]

#: One epoch: column -> number, word, or None where there is nothing to say.
Row = Mapping[str, float | str | None]


class Log:
    """Writes the rows of a run; the CSV always holds exactly the rows that the last checkpoint knows."""

    def __init__(self, folder: Path, *, is_on: bool, from_epoch: int) -> None:
        self._path, self._is_on = folder / "metrics.csv", is_on
        self._events: Any = None
        if is_on and find_spec("tensorboard") is not None:
            from torch.utils.tensorboard import SummaryWriter  # noqa: PLC0415 - a second, for an optional package

            self._events = SummaryWriter(str(folder / "events"), purge_step=from_epoch)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._events is not None:
            self._events.close()

    def write(self, rows: Sequence[Row]) -> None:
        """Write all rows so far, and the newest to TensorBoard."""
        if not self._is_on:
            return
        columns = list(dict.fromkeys(name for row in rows for name in row))
        held = io.StringIO()
        writer = csv.DictWriter(held, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows({name: _cell(value) for name, value in row.items()} for row in rows)
        write_whole(self._path, held.getvalue().encode())
        if self._events is not None and rows:
            for name, value in rows[-1].items():
                if isinstance(value, float | int) and name != "epoch":
                    self._events.add_scalar(name.replace("_", "/", 1), value, int(rows[-1]["epoch"] or 0))
            self._events.flush()


def _cell(value: float | str | None) -> str:
    """Every digit that a number has."""
    return "" if value is None else value if isinstance(value, str) else repr(value)
