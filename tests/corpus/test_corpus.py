"""A corpus gives back samples as they were, and refuses what it does not hold."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from swath.core.errors import Mismatch, Unknown, Unreadable
from swath.core.geobox import footprint, sample_geobox
from swath.core.sample import Sample, Target
from swath.core.stack import same
from swath.corpus import build, open_corpus
from swath.corpus.rows import Rows
from tests.corpus.a_source import Numbers

SOURCE = Numbers(n=9, dates=3, masked=(1, 4))


@pytest.fixture(scope="module")
def path(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("corpus") / "c"
    build(SOURCE, SOURCE.plan(), folder, shard_bytes=3 * 3 * 16 * 16 * 2 * 4)
    return folder


def same_sample(one: Sample, other: Sample) -> bool:
    pairs = [(one.stacks[name], other.stacks[name]) for name in one.stacks]
    pairs += [(t.stack, other.targets[name].stack) for name, t in one.targets.items() if t.stack is not None]
    plain = [(s.id, s.group, s.footprint, s.lonlat, s.targets["class"].code) for s in (one, other)]
    return plain[0] == plain[1] and all(same(a, b) for a, b in pairs)


def test_samples_come_back_as_they_went_in(path):
    corpus = open_corpus(path)

    read = list(corpus.samples(range(9)))

    for one, other in zip(read, SOURCE.read(SOURCE.plan().rows), strict=True):
        assert same_sample(one, other)


def test_a_sample_is_found_by_its_identifier(path):
    assert open_corpus(path).sample("number-0007").targets["class"].code == 7


def test_an_unknown_sample_names_the_nearest(path):
    with pytest.raises(Unknown, match=r"unknown sample 'number-00077'. Did you mean 'number-0007'"):
        open_corpus(path).sample("number-00077")


def test_an_unknown_stack_names_the_nearest(path):
    with pytest.raises(Unknown, match="unknown stack 's1'. Did you mean 's2'"):
        open_corpus(path).pixels("s1", [0])


def test_an_unknown_column_names_the_nearest(path):
    with pytest.raises(Unknown, match="unknown column 'target_clas'. Did you mean 'target_class'"):
        open_corpus(path).rows(["target_clas"])


def test_labels_are_codes_of_the_legend(path):
    name, codes = open_corpus(path).labels()

    assert name == "class"
    np.testing.assert_array_equal(codes, np.arange(9))


def test_samples_of_different_lengths_are_not_read_together(tmp_path):
    class Uneven(Numbers):
        def sample(self, row):
            return Numbers(dates=1 + row["index"] % 2).sample(row)

    source = Uneven(dates=2)
    build(source, source.plan(), tmp_path / "c")
    corpus = open_corpus(tmp_path / "c")

    with pytest.raises(Mismatch, match="dates a sample differs: want equal, have 1 to 2"):
        corpus.pixels("s2", [0, 1])
    assert corpus.pixels("s2", [1, 3, 5]).shape == (3, 2, 3, 16, 16)
    assert corpus.sample("number-0001").stacks["s2"].shape == (2, 3, 16, 16)


def test_a_damaged_part_says_so(path, tmp_path):
    import shutil

    shutil.copytree(path, tmp_path / "c")
    part = tmp_path / "c" / "samples" / "part-000000.parquet"
    part.write_bytes(part.read_bytes()[:-20])

    with pytest.raises(Unreadable, match="a part is damaged"):
        open_corpus(tmp_path / "c").rows()


def test_a_sample_without_a_place_keeps_none(tmp_path):
    from dataclasses import replace

    class Nowhere(Numbers):
        def sample(self, row):
            made = super().sample(row)
            s2 = replace(made.stacks["s2"], geobox=None, times=np.array(["NaT"], "datetime64[us]"))
            return Sample(made.id, {"s2": s2}, {"class": Target()})

    source = Nowhere(n=2, has_map=False)
    build(source, source.plan(), tmp_path / "c")

    read = open_corpus(tmp_path / "c").sample("number-0001")

    assert read.footprint is None
    assert read.lonlat is None
    assert read.stacks["s2"].geobox is None
    assert np.isnat(read.stacks["s2"].times).all()
    assert read.targets["class"].code is None


def test_a_footprint_across_the_antimeridian_has_its_box_the_other_way_round():
    """GeoParquet 1.1: xmin > xmax where a geometry crosses the antimeridian."""
    box = sample_geobox(179.999, -16.8, size=256)
    layout = SOURCE.plan().layout
    made = next(SOURCE.read(SOURCE.plan().rows))
    sample = Sample("a", made.stacks, made.targets, footprint(box))

    rows = Rows(layout)
    rows.add(sample, {"s2": 0, "truth": 0})

    [row] = rows.table().to_pylist()

    assert row["bbox"]["xmin"] > 179.9
    assert row["bbox"]["xmax"] < -179.9


def test_a_corpus_without_any_committed_batch_opens(tmp_path):
    """Cut off before the first batch: columns are there, rows are not."""
    from swath.corpus.verify import verify
    from swath.recipes.info import info

    source = Numbers(n=3)
    build(source, source.plan(), tmp_path / "c")
    (tmp_path / "c" / "samples" / "part-000000.parquet").unlink()
    corpus = open_corpus(tmp_path / "c")

    assert (len(corpus), corpus.is_complete) == (0, False)
    assert corpus.rows(["id", "stack_s2.times"]).num_columns == 2
    assert verify(tmp_path / "c").holds
    assert info(corpus)["samples"] == 0


def test_a_code_outside_the_legend_goes_to_quarantine(tmp_path):
    class Wrong(Numbers):
        def sample(self, row):
            made = super().sample(row)
            made.targets["class"] = Target(code=77)
            return made

    source = Wrong(n=1)
    build(source, source.plan(), tmp_path / "c")

    [row] = open_corpus(tmp_path / "c").quarantine().to_pylist()
    assert "class code differs: want [0, 1, 2, 3, 4, 5, 6, 7, 8, 9], have 77" in row["message"]
