"""GeoTIFF out: what rasterio reads back is what the stack said."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import rasterio

from swath.core.errors import Refused
from swath.core.legends import legend
from swath.core.quantity import TOA, class_of
from swath.formats.tiff import write_tiff
from tests.corpus.a_source import Numbers

SAMPLE = next(Numbers(n=1, dates=2, masked=(0,)).read(Numbers(n=1, dates=2).plan().rows))
S2 = SAMPLE.stacks["s2"]


def test_every_date_and_band_is_named(tmp_path):
    write_tiff(S2, tmp_path / "a.tif")

    with rasterio.open(tmp_path / "a.tif") as file:
        assert file.descriptions[:4] == ("B04 2021-06-01", "B03 2021-06-01", "B02 2021-06-01", "B04 2021-06-06")
        assert file.transform == S2.geobox.transform
        assert file.crs.to_epsg() == S2.geobox.crs.epsg


def test_what_is_invalid_is_nodata(tmp_path):
    write_tiff(S2, tmp_path / "a.tif")

    with rasterio.open(tmp_path / "a.tif") as file:
        mask = file.read_masks(1) > 0
        np.testing.assert_array_equal(mask, np.broadcast_to(S2.valid, S2.data.shape)[0, 0])
        np.testing.assert_array_equal(file.read(1)[mask], S2.data[0, 0][mask])


def test_reals_carry_nan_as_nodata(tmp_path):
    data = np.where(S2.valid, S2.data / np.float32(10000), np.float32(0.5)).astype(np.float32)

    write_tiff(replace(S2, data=data, quantity=TOA), tmp_path / "a.tif")

    with rasterio.open(tmp_path / "a.tif") as file:
        assert np.isnan(file.read(1)).sum() == (~S2.valid[0, 0]).sum()
        assert file.tags()["SWATH_QUANTITY"] == "toa reflectance"


def test_codes_carry_the_colours_of_their_legend(tmp_path):
    truth = SAMPLE.targets["truth"].stack

    write_tiff(truth, tmp_path / "a.tif", legend=legend("eurosat"))

    with rasterio.open(tmp_path / "a.tif") as file:
        assert file.colormap(1)[9] == (0x1F, 0x4E, 0x8C, 255)
        assert truth.quantity == class_of("eurosat")


def test_a_dtype_without_a_place_is_refused(tmp_path):
    with pytest.raises(Refused, match="a GeoTIFF of complex128 is not written"):
        write_tiff(replace(S2, data=S2.data.astype(complex), valid=None), tmp_path / "a.tif")


def test_a_read_only_folder_says_so():
    from pathlib import Path

    with pytest.raises(Refused, match="cannot be written here"):
        write_tiff(S2, Path("/sys/a.tif"))
