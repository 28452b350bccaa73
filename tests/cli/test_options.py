"""Progress on the command line: a bar a job, also where one function does several."""

from __future__ import annotations

import tqdm

from swath.cli.options import bar


def test_a_second_job_has_a_bar_of_its_own(monkeypatch):
    """Answering, then floors: the bar of the first is closed when the second begins."""
    made = []

    class Bar:
        def __init__(self, *, total, initial, **_):
            self.total, self.n, self.is_open = total, initial, True
            made.append(self)

        def update(self, more):
            assert self.is_open
            self.n += more

        def close(self):
            self.is_open = False

    monkeypatch.setattr(tqdm, "tqdm", Bar)
    tell = bar("samples")
    for done, total in ((3, 10), (10, 10), (5, 20), (20, 20)):
        tell(done, total)

    assert [(held.total, held.n, held.is_open) for held in made] == [(10, 10, False), (20, 20, False)]
