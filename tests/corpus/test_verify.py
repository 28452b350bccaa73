"""Verify finds any flipped byte and names what it costs; repair reads it again or quarantines it by name."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from swath.core.errors import Refused, SwathError, Unreadable
from swath.corpus import build, open_corpus
from swath.corpus.repair import repair
from swath.corpus.verify import verify
from tests.corpus.a_source import Numbers
from tests.corpus.killed_builds import tree

SOURCE = Numbers(n=11, unreadable=(6,), masked=(1, 4))
SHARD = 3 * 16 * 16 * 2 * 4


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("verify") / "c"
    build(SOURCE, SOURCE.plan(), folder, shard_bytes=SHARD)
    return folder


@pytest.fixture
def path(whole, tmp_path) -> Path:
    shutil.copytree(whole, tmp_path / "c")
    return tmp_path / "c"


def flip(file: Path, at: int) -> None:
    blob = bytearray(file.read_bytes())
    blob[at] ^= 0x40
    file.write_bytes(blob)


def shard(path: Path, stack: str, batch: int, array: str = "pixels") -> Path:
    return path / "pixels" / f"{stack}.zarr" / array / "c" / str(batch) / "0" / "0" / "0"


def test_an_untouched_corpus_verifies(path):
    said = verify(path)

    assert said.holds
    assert said.summary().endswith("every byte as written")


def test_sha256sum_checks_a_corpus_without_us(path):
    done = subprocess.run(["sha256sum", "-c", "--quiet", "--strict", "checksums.sha256"], cwd=path, check=False)

    assert done.returncode == 0


def test_every_flipped_byte_is_found(path):
    """Three bytes of every file of the corpus, one at a time."""
    files = [p for p in sorted(path.rglob("*")) if p.is_file() and p.name != "corpus.json"]
    for file in files:
        size = file.stat().st_size
        for at in {0, size // 2, size - 1}:
            flip(file, at)

            assert not verify(path).holds, f"{file} byte {at}"

            flip(file, at)
    assert verify(path).holds


def test_every_flipped_byte_of_corpus_json_is_found(path):
    """It says so, or the corpus does not open at all."""
    file = path / "corpus.json"
    for at in range(0, file.stat().st_size, 37):
        flip(file, at)
        try:
            found = not verify(path).holds
        except SwathError:
            found = True

        assert found, at

        flip(file, at)


def test_a_flipped_pixel_names_sample_and_stack(path):
    frame = open_corpus(path).rows(["id", "stack_s2.first_frame"]).to_pylist()[5]
    flip(shard(path, "s2", 1), 40)

    [problem] = verify(path).problems

    assert (problem.stack, problem.batch, problem.ids) == ("s2", 1, ("number-0004",))
    assert frame["id"] == "number-0005"
    assert str(problem) == ("pixels/s2.zarr/pixels/c/1/0/0/0: differs from what was written: stack s2 of number-0004")


def test_a_damaged_index_names_every_sample_of_its_shard(path):
    flip(shard(path, "truth", 0), -6)

    [problem] = verify(path).problems

    assert problem.ids == ("number-0000", "number-0001", "number-0002", "number-0003")


def test_a_damaged_part_names_the_samples_of_its_batch(path):
    flip(path / "samples" / "part-000002.parquet", 100)

    [problem] = verify(path).problems

    assert problem.ids == ("number-0008", "number-0009", "number-0010")


def test_a_missing_shard_is_found(path):
    shard(path, "s2", 2).unlink()

    assert "is missing" in str(verify(path).problems[0])


def test_a_lost_part_is_missed_and_mended(path, whole):
    """It lies between others, so it was there: no corpus of one batch that verifies."""
    (path / "samples" / "part-000001.parquet").unlink()

    said = verify(path)
    mended = repair(path, SOURCE, SOURCE.plan())

    assert any(str(p).startswith("samples/part-000001.parquet: is missing: number-0004") for p in said.problems)
    assert mended.lost == ()
    assert tree(path) == tree(whole)


def test_a_lost_part_is_no_shorter_corpus(path):
    (path / "samples" / "part-000001.parquet").unlink()

    with pytest.raises(Unreadable, match="a part is damaged"):
        open_corpus(path).rows()
    with pytest.raises(Unreadable, match="lacks samples/part-000001.parquet, which it had"):
        build(SOURCE, SOURCE.plan(), path)


def test_a_corpus_that_is_not_finished_says_so(path):
    (path / "samples" / "part-000002.parquet").unlink()

    assert "INCOMPLETE (1 batches not built: give the build command again)" in verify(path).summary()


def test_damaged_lines_of_splits_are_mended(path):
    from swath.recipes.split import split_corpus

    split_corpus(open_corpus(path), {"method": "random", "stratify": False}, name="r")
    flip(path / "splits" / "checksums.sha256", 3)

    assert not verify(path).holds
    repair(path, SOURCE, SOURCE.plan())
    assert verify(path).holds


DAMAGES = {
    "a pixel": lambda p: flip(shard(p, "s2", 1), 40),
    "a mask": lambda p: flip(shard(p, "s2", 0, "valid"), 30),
    "an index": lambda p: flip(shard(p, "truth", 0), -6),
    "a part": lambda p: flip(p / "samples" / "part-000002.parquet", 100),
    "a quarantine part": lambda p: flip(p / "quarantine" / "part-000001.parquet", 50),
    "a missing shard": lambda p: shard(p, "s2", 2).unlink(),
    "a cut shard": lambda p: shard(p, "s2", 0).write_bytes(shard(p, "s2", 0).read_bytes()[:200]),
    "the plan": lambda p: flip(p / "plan.parquet", 60),
    "an array's metadata": lambda p: flip(p / "pixels" / "s2.zarr" / "pixels" / "zarr.json", 20),
    "corpus.json": lambda p: flip(p / "corpus.json", 3),
    "a checksum": lambda p: flip(p / "checksums.sha256", 5),
    "a checksum's name": lambda p: flip(p / "checksums.sha256", -10),
    "no checksums": lambda p: (p / "checksums.sha256").unlink(),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_repair_restores_the_very_bytes(path, whole, damage):
    DAMAGES[damage](path)

    said = repair(path, SOURCE, SOURCE.plan())

    assert said.lost == ()
    assert verify(path).holds
    assert tree(path) == tree(whole)


def test_what_the_source_no_longer_gives_goes_to_quarantine_by_name(path):
    """Two samples of one shard are damaged; one of them is gone at the source, whose plan is unchanged."""
    flip(shard(path, "s2", 1), 40)
    gone = Numbers(n=11, unreadable=(4, 5, 6), masked=(1, 4))

    said = repair(path, gone, SOURCE.plan())

    assert said.lost == ("number-0004",)
    corpus = open_corpus(path)
    assert corpus.ids.to_pylist() == [f"number-{i:04d}" for i in range(11) if i not in (4, 6)]
    assert [(r["id"], r["reason"]) for r in corpus.quarantine().to_pylist()] == [
        ("number-0004", "damaged"),
        ("number-0006", "unreadable"),
    ]
    np.testing.assert_array_equal(corpus.pixels("s2", [4])[0], SOURCE.pixels(5))
    assert verify(path).holds


def test_repair_with_another_source_is_refused(path):
    other = Numbers(n=12)

    with pytest.raises(Refused, match="was built from plan .* and the source now plans"):
        repair(path, other, other.plan())


def test_a_whole_corpus_needs_no_repair(path):
    assert repair(path, SOURCE, SOURCE.plan()).summary() == "nothing to repair: every byte as written"
