"""The one loop that writes samples: resumable, byte-identical, refusing what would lose or mix something."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from swath.core.errors import Mismatch, Refused, Unreadable
from swath.corpus import build, open_corpus
from swath.corpus.build import journal_notes, journal_path, writing
from swath.corpus.shard import encode_frame
from swath.corpus.verify import verify
from tests.corpus.a_source import Numbers
from tests.corpus.killed_builds import tree

ROOT = Path(__file__).parents[2]
SMALL = 3 * 16 * 16 * 2 * 4


def a_corpus(path: Path, source: Numbers = Numbers(), **options: int) -> Path:
    build(source, source.plan(), path, **{"shard_bytes": SMALL, **options})
    return path


def killed_builds(folder: Path, points: int, workers: int) -> dict:
    command = [sys.executable, "-m", "tests.corpus.killed_builds", str(folder), str(points), str(workers)]
    done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT)
    return json.loads(done.stdout)


def test_a_build_killed_at_50_writes_opens_verifies_and_resumes_to_the_same_bytes(tmp_path):
    """Work order: kill -9 at 50 points chosen by write count."""
    said = killed_builds(tmp_path, 50, 1)

    assert len(said["points"]) == 50
    for row in said["points"]:
        assert row == {**row, "killed": True, "verifies": True, "resumed": True, "same": True}
    assert len({row["samples"] for row in said["points"]}) > 5


@pytest.mark.slow
def test_a_build_with_two_workers_killed_at_12_writes_resumes_to_the_same_bytes(tmp_path):
    """The committer dies; its workers follow it and leave nothing that counts."""
    said = killed_builds(tmp_path, 12, 2)

    for row in said["points"]:
        assert row == {**row, "killed": True, "verifies": True, "resumed": True, "same": True}


def test_any_number_of_workers_writes_the_same_bytes(tmp_path):
    """Contract 6."""
    source = Numbers(n=23, unreadable=(2, 9), masked=(1, 4))

    one = a_corpus(tmp_path / "one", source)
    two = a_corpus(tmp_path / "two", source, workers=2)

    assert tree(one) == tree(two)


def test_any_number_of_threads_writes_the_same_bytes(tmp_path):
    """Runs of frames are encoded by whoever is free; their places and the quarantined gaps stay."""
    source = Numbers(n=50, unreadable=(2, 9), masked=(1, 4, 30))

    one = a_corpus(tmp_path / "one", source, threads=1, shard_bytes=2**25)
    three = a_corpus(tmp_path / "three", source, threads=3, shard_bytes=2**25)

    assert tree(one) == tree(three)


def test_what_breaks_in_a_helping_thread_breaks_the_build(tmp_path, monkeypatch):
    """Nothing is committed of a batch of which a frame could not be encoded."""
    reader = threading.get_ident()

    def broken(frame):
        if threading.get_ident() != reader:
            raise MemoryError
        return encode_frame(frame)

    monkeypatch.setattr("swath.corpus.batchfile.encode_frame", broken)

    with pytest.raises(MemoryError):
        a_corpus(tmp_path / "c", Numbers(n=50), threads=2, shard_bytes=2**25)
    assert len(open_corpus(tmp_path / "c")) == 0


def test_counts_say_done_skipped_and_quarantined(tmp_path):
    source = Numbers(n=10, unreadable=(3, 7))

    first = build(source, source.plan(), tmp_path / "c", shard_bytes=SMALL)
    second = build(source, source.plan(), tmp_path / "c", shard_bytes=SMALL)

    assert first.summary() == "done 8, skipped 0, 2 quarantined <- HOLES, of 10 planned"
    assert second.summary() == "done 0, skipped 8, 2 quarantined <- HOLES, of 10 planned"
    assert first.has_holes


def test_quarantine_names_sample_and_reason(tmp_path):
    corpus = open_corpus(a_corpus(tmp_path / "c", Numbers(unreadable=(3,))))

    row = {"id": "number-0003", "reason": "unreadable", "message": "number-0003: cut short on purpose"}
    assert corpus.quarantine().to_pylist() == [row]
    assert "number-0003" not in corpus.ids.to_pylist()


def test_a_folder_of_another_plan_is_refused(tmp_path):
    path = a_corpus(tmp_path / "c")
    other = Numbers(n=11)

    with pytest.raises(
        Mismatch, match=r"plan differs: want .* \(numbers, 10 samples\), which it was begun with, have "
    ):
        build(other, other.plan(), path)


def test_a_folder_that_is_no_corpus_is_refused(tmp_path):
    (tmp_path / "mine.txt").write_text("precious")

    with pytest.raises(Refused, match="is there and is no corpus. Choose another folder"):
        a_corpus(tmp_path)
    assert (tmp_path / "mine.txt").read_text() == "precious"


def test_an_empty_folder_is_taken(tmp_path):
    (tmp_path / "c").mkdir()

    assert len(open_corpus(a_corpus(tmp_path / "c"))) == 10


def test_a_newer_schema_is_refused_by_name(tmp_path):
    path = a_corpus(tmp_path / "c")
    held = json.loads((path / "corpus.json").read_text())
    (path / "corpus.json").write_text(json.dumps({**held, "swath_corpus": 99}))

    with pytest.raises(Refused, match=r"the corpus has schema 99, and this swath reads up to schema 1. Upgrade swath"):
        open_corpus(path)


def test_no_corpus_says_how_to_build_one(tmp_path):
    with pytest.raises(Unreadable, match=r"holds no corpus. Build one: swath corpus build"):
        open_corpus(tmp_path)


def test_a_second_writer_is_refused_by_name(tmp_path):
    """The lock lies beside the folder and dies with its process."""
    path = a_corpus(tmp_path / "c")

    with writing(path, "build abc"), pytest.raises(Refused) as raised:
        a_corpus(path)

    assert "another process is writing it (build abc by process" in str(raised.value)
    assert f"process {os.getpid()} on " in str(raised.value)


def test_nothing_inside_carries_clock_host_or_process(tmp_path):
    path = a_corpus(tmp_path / "c")
    inside = b"".join(tree(path).values())

    assert os.uname().nodename.encode() not in inside
    assert str(tmp_path).encode() not in inside
    assert str(os.getpid()) in journal_path(path).read_text()


def test_a_read_only_folder_says_so():
    """/sys lets nobody make a folder, root neither."""
    with pytest.raises(Refused, match=r"cannot be written here \(read-only\). Choose another folder"):
        a_corpus(Path("/sys/swath"))


@dataclass
class FullDisk:
    """Stands for `os.write` on a disk with so many bytes left."""

    left: int

    def __call__(self, handle: int, blob: bytes) -> int:
        if len(blob) > self.left:
            raise OSError(28, "No space left on device")
        self.left -= len(blob)
        return WRITE(handle, blob)


WRITE = os.write


def test_a_disk_full_half_way_loses_nothing_finished(tmp_path, monkeypatch):
    source = Numbers(n=23)
    whole = a_corpus(tmp_path / "whole", source)
    monkeypatch.setattr(os, "write", FullDisk(left=45_000))

    with pytest.raises(Refused, match="the disk is full. Everything finished before is kept. Free some space"):
        a_corpus(tmp_path / "c", source)

    monkeypatch.setattr(os, "write", WRITE)
    kept = len(open_corpus(tmp_path / "c"))
    assert 0 < kept < 23
    assert verify(tmp_path / "c").holds
    a_corpus(tmp_path / "c", source)
    assert tree(tmp_path / "c") == tree(whole)


def test_a_sample_of_another_size_goes_to_quarantine(tmp_path):
    """Mixed sizes: the store has one, the odd sample is named with both."""

    @dataclass(frozen=True)
    class Odd(Numbers):
        def sample(self, row):
            return Numbers(size=8).sample(row) if row["index"] == 2 else super().sample(row)

    source = Odd()
    build(source, source.plan(), tmp_path / "c")

    [row] = open_corpus(tmp_path / "c").quarantine().to_pylist()
    assert (row["id"], row["reason"]) == ("number-0002", "mismatch")
    assert "size differs: want 16 x 16, have 8 x 8" in row["message"]


def test_nan_without_a_mask_goes_to_quarantine(tmp_path):
    """NaN pixels: a float stack that claims to be all valid must be finite."""
    from dataclasses import replace

    from swath.core.quantity import TOA

    @dataclass(frozen=True)
    class Floats(Numbers):
        def plan(self, places=None, dates=None, spec=None):
            plan = super().plan()
            s2 = replace(plan.layout.stacks["s2"], dtype="float32", quantity=TOA, has_valid=False)
            return replace(plan, layout=replace(plan.layout, stacks={**plan.layout.stacks, "s2": s2}))

        def sample(self, row):
            made = super().sample(row)
            data = made.stacks["s2"].data.astype("float32")
            if row["index"] == 4:
                data[0, 0, 0, 0] = np.nan
            return replace(made, stacks={"s2": replace(made.stacks["s2"], data=data, quantity=TOA)})

    source = Floats()
    build(source, source.plan(), tmp_path / "c")

    [row] = open_corpus(tmp_path / "c").quarantine().to_pylist()
    assert row["id"] == "number-0004"
    assert "want finite numbers, have NaN or infinity without a mask" in row["message"]


def test_a_plan_without_samples_is_refused(tmp_path):
    with pytest.raises(Refused, match="the plan holds no sample"):
        a_corpus(tmp_path / "c", Numbers(n=0))


def test_a_source_that_gives_nothing_for_a_row_leaves_a_named_hole(tmp_path):
    class Silent(Numbers):
        def read(self, rows):
            return (each for each in super().read(rows) if each.id != "number-0009")

    source = Silent()
    build(source, source.plan(), tmp_path / "c")

    [row] = open_corpus(tmp_path / "c").quarantine().to_pylist()
    assert (row["id"], row["reason"]) == ("number-0009", "missing")


def test_a_source_that_answers_another_row_is_refused(tmp_path):
    class Shuffled(Numbers):
        def read(self, rows):
            return reversed(list(super().read(rows)))

    source = Shuffled()
    with pytest.raises(Mismatch, match="sample differs: want number-0000, have number-0009"):
        build(source, source.plan(), tmp_path / "c")


def test_a_failure_that_is_gone_at_the_next_run_leaves_nothing_behind(tmp_path, monkeypatch):
    """Cut off between the quarantine part and the commit; then the source answers differently."""
    from swath.corpus import build as loop

    real = sys.modules["swath.corpus.build"].publish

    def cut(temporary: Path, path: Path) -> None:
        if path.name == "part-000001.parquet" and path.parent.name == "samples":
            raise KeyboardInterrupt
        real(temporary, path)

    monkeypatch.setattr(sys.modules["swath.corpus.build"], "publish", cut)
    with pytest.raises(KeyboardInterrupt):
        a_corpus(tmp_path / "c", Numbers(unreadable=(5,)))
    monkeypatch.undo()

    loop(Numbers(), Numbers().plan(), tmp_path / "c")

    assert len(open_corpus(tmp_path / "c").quarantine()) == 0
    assert verify(tmp_path / "c").holds


def test_a_link_to_a_corpus_is_the_same_corpus(tmp_path):
    path = a_corpus(tmp_path / "c")
    (tmp_path / "link").symlink_to(path)

    with writing(path, "build"), pytest.raises(Refused, match="another process is writing it"):
        a_corpus(tmp_path / "link")


def test_a_torn_journal_is_read_as_far_as_it_goes(tmp_path):
    path = a_corpus(tmp_path / "c")
    with journal_path(path).open("a") as journal:
        journal.write('{"at": "20')

    a_corpus(path)

    assert [note["event"][:5] for note in journal_notes(path)] == ["build"] * 4


def test_a_short_write_is_carried_on(tmp_path, monkeypatch):
    """os.write may take less than it is given."""
    source = Numbers(n=23)
    whole = a_corpus(tmp_path / "whole", source)
    monkeypatch.setattr(os, "write", lambda handle, blob: WRITE(handle, bytes(blob)[:1000]))

    assert tree(a_corpus(tmp_path / "c", source)) == tree(whole)


def test_progress_counts_samples(tmp_path):
    source = Numbers(n=10)
    seen: list[tuple[int, int]] = []

    build(source, source.plan(), tmp_path / "c", shard_bytes=SMALL, progress=lambda d, n: seen.append((d, n)))

    assert seen == [(0, 10), (4, 10), (8, 10), (10, 10)]
