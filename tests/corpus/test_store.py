"""The pixel store: what we write plain libraries read, what they write we read, checked and bounded."""

from __future__ import annotations

import multiprocessing
import os
import pickle
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorstore
import xarray as xr
import zarr

from swath.core.errors import Mismatch, Unreadable
from swath.corpus import build, open_corpus
from swath.corpus.shard import decode_frame, encode_frame, pack_shard, parse_index
from swath.corpus.store import OPEN_SHARDS, PixelStore, pack_valid, unpack_valid
from tests.corpus.a_source import Numbers
from tests.corpus.hammer import hammer

SOURCE = Numbers(n=23, dates=2, unreadable=(6,), masked=(1, 4))
SHARD = 3 * 16 * 16 * 2 * 2 * 4


@pytest.fixture(scope="module")
def path(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("store") / "c"
    build(SOURCE, SOURCE.plan(), folder, shard_bytes=SHARD)
    return folder


def expected() -> np.ndarray[Any, Any]:
    return np.stack([SOURCE.pixels(i) for i in range(23) if i != 6])


def test_pixels_come_back_as_they_went_in(path):
    corpus = open_corpus(path)

    np.testing.assert_array_equal(corpus.pixels("s2", range(22)), expected())


def test_any_order_and_repetition_of_positions_is_kept(path):
    order = [21, 0, 5, 5, 6, 13]

    np.testing.assert_array_equal(open_corpus(path).pixels("s2", order), expected()[order])


def test_pixels_are_decoded_into_the_callers_array(path):
    out = np.zeros((3, 2, 3, 16, 16), np.uint16)

    given = open_corpus(path).pixels("s2", [0, 1, 2], out=out)

    assert np.shares_memory(given, out)
    np.testing.assert_array_equal(out, expected()[:3])


def test_an_array_that_does_not_fit_is_refused(path):
    with pytest.raises(Mismatch, match=r"want \(1, 2, 3, 16, 16\), contiguous, have \(1, 2, 3, 8, 16\)"):
        open_corpus(path).pixels("s2", [0], out=np.zeros((1, 2, 3, 8, 16), np.uint16))


def test_a_view_that_is_not_contiguous_is_refused(path):
    """It would be filled in a copy, and the caller's array stay as it was."""
    with pytest.raises(Mismatch, match="contiguous, have .*, not contiguous"):
        open_corpus(path).pixels("s2", [0, 1], out=np.zeros((2, 3, 3, 16, 16), np.uint16)[:, :2])


@pytest.mark.parametrize("positions", [[-1], [22], np.array([1.5])])
def test_positions_outside_are_refused(path, positions):
    with pytest.raises(Mismatch, match="positions differs: want whole numbers from 0 to 21"):
        open_corpus(path).pixels("s2", positions)


def test_an_array_of_another_dtype_is_refused(path):
    with pytest.raises(Mismatch, match="output array differs: want uint16"):
        open_corpus(path).pixels("s2", [0], out=np.zeros((1, 2, 3, 16, 16), np.int32))


def test_threads_give_the_same_pixels(tmp_path):
    """Large enough that threads are used at all."""
    source = Numbers(n=12, size=256)
    build(source, source.plan(), tmp_path / "c")
    corpus = open_corpus(tmp_path / "c")

    one, four = (corpus.pixels("s2", range(12), threads=n) for n in (1, 4))

    np.testing.assert_array_equal(one, four)
    np.testing.assert_array_equal(one, np.stack([source.pixels(i) for i in range(12)]))


@pytest.mark.filterwarnings("ignore::zarr.errors.UnstableSpecificationWarning")
def test_zarr_python_reads_our_shards(path):
    array = zarr.open_array(path / "pixels" / "s2.zarr" / "pixels", mode="r")
    frames = open_corpus(path).rows(["stack_s2.first_frame"])["stack_s2.first_frame"].to_pylist()

    read = np.stack([array[f : f + 2] for f in frames])

    np.testing.assert_array_equal(read, expected())


def test_tensorstore_reads_our_shards(path):
    spec = {"driver": "zarr3", "kvstore": {"driver": "file", "path": str(path / "pixels" / "s2.zarr" / "pixels")}}
    array = tensorstore.open(spec).result()
    frames = open_corpus(path).rows(["stack_s2.first_frame"])["stack_s2.first_frame"].to_pylist()

    read = np.stack([array[f : f + 2].read().result() for f in frames])

    np.testing.assert_array_equal(read, expected())


def test_we_read_what_zarr_python_writes(tmp_path):
    codec = zarr.codecs.BloscCodec(cname="zstd", clevel=3, shuffle="shuffle")
    data = np.random.default_rng(0).integers(0, 4000, (8, 3, 16, 16), dtype=np.uint16)
    array = zarr.create_array(
        tmp_path / "z.zarr",
        shape=data.shape,
        chunks=(1, 3, 16, 16),
        shards=(4, 3, 16, 16),
        dtype="uint16",
        compressors=[codec, zarr.codecs.Crc32cCodec()],
    )
    array[:] = data

    np.testing.assert_array_equal(PixelStore(tmp_path / "z.zarr", (3, 16, 16), "uint16", 4).read(range(8)), data)


def test_geopandas_and_duckdb_read_the_manifest(path):
    """GeoParquet 1.1, a folder of parts."""
    import duckdb
    import geopandas

    places = geopandas.read_parquet(path / "samples")
    [(count,)] = duckdb.sql(f"select count(*) from '{path}/samples/*.parquet'").fetchall()

    assert len(places) == count == 22
    assert places.crs == "OGC:CRS84"
    assert places.geometry.contains(geopandas.GeoSeries.from_xy(places.lon, places.lat, crs="OGC:CRS84")).all()


def test_xarray_opens_a_stack_with_its_masks(path):
    opened = xr.open_zarr(path / "pixels" / "s2.zarr", consolidated=False)
    first = open_corpus(path).rows(["stack_s2.first_frame"])["stack_s2.first_frame"].to_pylist()[3]

    assert opened["pixels"].dims == ("frame", "band", "y", "x")
    assert opened["pixels"].attrs["bands"] == ["B04", "B03", "B02"]
    np.testing.assert_array_equal(opened["pixels"][first : first + 2], SOURCE.pixels(3))
    assert set(opened) == {"pixels", "valid"}


def test_validity_comes_back_packed_to_bits(path):
    corpus = open_corpus(path)
    valid = corpus.valid("s2", range(22))

    assert valid is not None
    assert valid.shape == (22, 2, 3, 16, 16)
    assert not valid[1, :, :, :2, 3:].any()
    assert valid[0].all()


def test_bits_hold_any_width():
    rng = np.random.default_rng(1)
    for width in (1, 7, 8, 9, 31):
        valid = rng.random((2, 1, 3, width)) > 0.5

        again = unpack_valid(pack_valid(valid, (2, 4, 3, width)), width)

        np.testing.assert_array_equal(again, np.broadcast_to(valid, (2, 4, 3, width)))


def test_a_flipped_bit_in_any_chunk_is_caught():
    """Every single-bit flip of a 4-byte crc32c code word is detected."""
    chunk = bytearray(encode_frame(np.arange(3 * 4 * 4, dtype=np.uint16).reshape(3, 4, 4)))
    out = np.empty((3, 4, 4), np.uint16)
    for at in range(len(chunk)):
        chunk[at] ^= 1

        assert not decode_frame(bytes(chunk), out)

        chunk[at] ^= 1
    assert decode_frame(bytes(chunk), out)


def test_an_index_that_points_outside_is_refused():
    shard = pack_shard({0: encode_frame(np.zeros((1, 4, 4), np.uint8))}, 2)

    with pytest.raises(Unreadable, match="the shard's index points outside the file"):
        parse_index(shard[-36:], 2, 40, where="s")


def test_handles_are_bounded(tmp_path):
    """[22]: 200 shards, never more than OPEN_SHARDS open."""
    source = Numbers(n=200, has_map=False)
    build(source, source.plan(), tmp_path / "c", shard_bytes=1)
    corpus = open_corpus(tmp_path / "c")
    before = len(os.listdir("/proc/self/fd"))

    corpus.pixels("s2", range(200))

    assert before < len(os.listdir("/proc/self/fd")) <= before + OPEN_SHARDS


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_a_corpus_opened_before_is_read_in_children_under_load(tmp_path, method):
    """[22]: opened and read in the parent, then by three children at once under each start method."""
    source = Numbers(n=16, size=256, has_map=False)
    build(source, source.plan(), tmp_path / "c")
    corpus = open_corpus(tmp_path / "c")
    corpus.pixels("s2", range(16), threads=2)
    total = sum(int(source.pixels(i).sum(dtype=np.int64)) for i in range(16))

    with multiprocessing.get_context(method).Pool(3) as pool:
        sums = pool.starmap(hammer, [(corpus, seed) for seed in range(6)])

    assert sums == [20 * total] * 6


def test_many_threads_share_one_corpus(path):
    corpus = open_corpus(path)
    orders = [np.random.default_rng(i).permutation(22) for i in range(40)]

    with ThreadPoolExecutor(8) as pool:
        parts = list(pool.map(lambda order: corpus.pixels("s2", order), orders))

    for order, part in zip(orders, parts, strict=True):
        np.testing.assert_array_equal(part, expected()[order])


def test_a_corpus_pickles_small(path):
    corpus = open_corpus(path)
    corpus.pixels("s2", range(22))

    assert len(pickle.dumps(corpus)) < 5000 + 200 * 60


def test_a_missing_shard_says_so(path, tmp_path):
    import shutil

    shutil.copytree(path, tmp_path / "c")
    (tmp_path / "c" / "pixels" / "s2.zarr" / "pixels" / "c" / "0" / "0" / "0" / "0").unlink()

    with pytest.raises(Unreadable, match="the shard is missing"):
        open_corpus(tmp_path / "c").pixels("s2", [0])
