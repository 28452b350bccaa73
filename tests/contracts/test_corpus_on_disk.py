"""The corpus on disk: names, metadata and bytes that plain libraries and older corpora rest on (contract 6)."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from swath.corpus import build, open_corpus
from swath.corpus.layout import SCHEMA
from swath.corpus.verify import verify
from tests.corpus.a_source import Numbers

SOURCE = Numbers(n=5, size=8, unreadable=(2,), masked=(1,))


@pytest.fixture(scope="module")
def path(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("contract") / "c"
    build(SOURCE, SOURCE.plan(), folder, shard_bytes=3 * 8 * 8 * 2 * 4)
    return folder


def test_names_of_files(path):
    assert sorted(str(p.relative_to(path)) for p in path.rglob("*") if p.is_file()) == [
        "checksums.sha256",
        "corpus.json",
        "pixels/s2.zarr/pixels/c/0/0/0/0",
        "pixels/s2.zarr/pixels/c/1/0/0/0",
        "pixels/s2.zarr/pixels/zarr.json",
        "pixels/s2.zarr/valid/c/0/0/0/0",
        "pixels/s2.zarr/valid/c/1/0/0/0",
        "pixels/s2.zarr/valid/zarr.json",
        "pixels/s2.zarr/zarr.json",
        "pixels/truth.zarr/pixels/c/0/0/0/0",
        "pixels/truth.zarr/pixels/c/1/0/0/0",
        "pixels/truth.zarr/pixels/zarr.json",
        "pixels/truth.zarr/zarr.json",
        "plan.parquet",
        "quarantine/part-000000.parquet",
        "samples/part-000000.parquet",
        "samples/part-000001.parquet",
    ]


def test_keys_of_corpus_json(path):
    held = json.loads((path / "corpus.json").read_text())

    assert list(held) == ["swath_corpus", "source", "asked", "plan", "stacks", "targets", "legends", "licences"]
    assert held["swath_corpus"] == SCHEMA == 1
    assert list(held["plan"]) == ["hash", "rows", "batch_rows"]


def test_metadata_of_an_array(path):
    """dependencies.md: bytes(little) -> blosc(zstd, 3, shuffle) -> crc32c inside sharding_indexed, index at the end."""
    held = json.loads((path / "pixels" / "s2.zarr" / "pixels" / "zarr.json").read_text())
    [sharding] = held["codecs"]

    assert held["shape"] == [8, 3, 8, 8]
    assert held["chunk_grid"]["configuration"]["chunk_shape"] == [4, 3, 8, 8]
    assert held["dimension_names"] == ["frame", "band", "y", "x"]
    assert sharding["name"] == "sharding_indexed"
    assert sharding["configuration"]["chunk_shape"] == [1, 3, 8, 8]
    assert [codec["name"] for codec in sharding["configuration"]["codecs"]] == ["bytes", "blosc", "crc32c"]
    assert [codec["name"] for codec in sharding["configuration"]["index_codecs"]] == ["bytes", "crc32c"]


def test_columns_of_a_part(path):
    schema = open_corpus(path).rows().schema

    assert schema.names == ["id", "group", "lon", "lat", "bbox", "geometry", "stack_s2", "stack_truth", "target_class"]
    assert [f.name for f in schema.field("stack_s2").type] == [
        "first_frame",
        "frames",
        "times",
        "crs",
        "transform",
        "gsd_x",
        "gsd_y",
        "valid_share",
        "origin",
    ]


def test_a_quarantined_row_leaves_a_gap_and_moves_nobody(path):
    frames = open_corpus(path).rows(["stack_s2.first_frame"])["stack_s2.first_frame"].to_pylist()

    assert frames == [0, 1, 3, 4]


def test_a_corpus_of_schema_1_opens_for_good():
    """[23]: `corpus_v1` was written by swath 0.1.0 and is never written again."""
    old = Path(__file__).parent / "corpus_v1"

    corpus = open_corpus(old)

    assert verify(old).holds
    np.testing.assert_array_equal(corpus.pixels("s2", range(4)), np.stack([SOURCE.pixels(i) for i in (0, 1, 3, 4)]))
    assert corpus.sample("number-0001").stacks["s2"].valid is not None
    assert corpus.quarantine()["id"].to_pylist() == ["number-0002"]
