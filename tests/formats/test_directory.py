"""A TIFF's directory against its bytes: what GDAL passes over in silence is told."""

from __future__ import annotations

import numpy as np
import pytest
import rasterio
import rasterio.shutil
from rasterio.io import MemoryFile

from swath.core.errors import Unreadable
from swath.formats.directory import require_whole
from swath.formats.raster import open_raster
from swath.testing.build import a_geotiff


def judged(blob: bytes) -> bool:
    return require_whole(lambda at, count: blob[at : at + count], len(blob), where="a.tif")


def test_gdal_reads_a_file_that_lost_its_crs_and_says_nothing(tmp_path):
    """Why this module is there: the last tag, GeoAsciiParams, is lost, all pixels are read, and the place is gone."""
    blob = a_geotiff(tmp_path / "a.tif").read_bytes()
    cut = blob[:-4]

    with MemoryFile(cut) as memory, memory.open() as dataset:
        assert dataset.read().shape == (3, 8, 8)
        assert dataset.crs is None
    with pytest.raises(Unreadable) as raised:
        judged(cut)
    assert str(raised.value) == (
        f"a.tif: is cut short: tag 34737 lies at byte {len(blob):,} of {len(cut):,}. "
        "Fetch it again: it was not copied to its end."
    )


@pytest.mark.parametrize(
    "options", [{}, {"BIGTIFF": "YES"}, {"ENDIANNESS": "BIG"}, {"tiled": True, "blockxsize": 16, "blockysize": 16}]
)
def test_whole_files_of_every_kind_pass(tmp_path, options):
    assert judged(a_geotiff(tmp_path / "a.tif", size=(40, 40), **options).read_bytes())


def test_a_file_that_names_no_crs_is_told_apart(tmp_path):
    assert not judged(a_geotiff(tmp_path / "a.tif", crs=None).read_bytes())
    assert not judged(b"hello")
    assert not judged(b"")


def test_blocks_beyond_the_end_are_found_without_reading_one(tmp_path):
    """A COG has its directory first: the cut shows nowhere but in the offsets of its tiles."""
    numbers = np.random.default_rng(0).integers(1, 9999, (1, 1024, 1024)).astype(np.uint16)
    plain = a_geotiff(tmp_path / "a.tif", numbers)
    with rasterio.open(plain) as source:
        rasterio.shutil.copy(source, tmp_path / "cog.tif", driver="COG", blocksize=256)
    blob = (tmp_path / "cog.tif").read_bytes()

    assert judged(blob)
    with pytest.raises(Unreadable, match="is cut short: a strip or tile lies at byte"):
        judged(blob[: len(blob) // 2])


def test_sparse_blocks_are_no_cut(tmp_path):
    """GDAL writes blocks that hold nothing with offset and length 0."""
    path = a_geotiff(tmp_path / "a.tif", 0, size=(64, 64), SPARSE_OK=True, tiled=True, blockxsize=16, blockysize=16)

    assert judged(path.read_bytes())


def test_a_crs_that_cannot_be_read_is_told(tmp_path):
    """Flipped bytes in the geo keys make GDAL ignore them all: not a file without a place, but a damaged one."""
    path = a_geotiff(tmp_path / "a.tif")
    blob = bytearray(path.read_bytes())
    at = blob.rindex(np.array([1024, 0, 1, 1], "<u2").tobytes())  # the first key: model type, projected
    blob[at - 8 : at - 6] = b"\xff\xff"  # version of the keys
    path.write_bytes(blob)

    with pytest.raises(Unreadable, match=r"a\.tif: names a CRS that cannot be read"), open_raster(path):
        pass
