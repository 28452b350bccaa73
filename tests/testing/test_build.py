"""Builders make what they say: files that other libraries read, and patches that physics takes for real ones."""

from __future__ import annotations

import io
import zipfile

import numpy as np
import pytest
import rasterio
from PIL import Image

from swath.core.bandproof import prove_order
from swath.core.pixelcheck import check_pixels
from swath.core.plan import Layout
from swath.core.quantity import TOA, dn
from swath.core.stack import to_physical
from swath.testing.build import (
    CLASSES,
    EUROSAT_ORDER,
    a_eurosat_patch,
    a_eurosat_zip,
    a_geotiff,
    a_sample,
    a_stack,
    an_l1c,
)
from swath.testing.source import check_sample


def test_an_l1c_of_dn_1000_is_black():
    """science 1.1 with the offset of baseline 04.00: (1000 - 1000) / 10000."""
    stack = to_physical(an_l1c(dn=1000))

    assert stack.quantity == TOA
    np.testing.assert_array_equal(stack.data, 0.0)


def test_numbers_are_spread_over_a_stack():
    stack = a_stack(np.array([1, 2, 3]).reshape(3, 1, 1), dates=["2020-01-01", "2020-01-06"], size=5)

    assert stack.shape == (2, 3, 5, 5)
    assert stack.data[1, 2, 4, 4] == 3


def test_a_sample_is_whole():
    sample = a_sample(code=3)

    assert sample.targets["class"].code == 3
    assert sample.footprint.contains(sample.footprint.centroid)
    with pytest.raises(AssertionError, match="holds stacks"):
        check_sample(sample, Layout({}))


def test_patches_prove_their_order_and_their_offset():
    """As 80 real ones do: `tests/core/test_bandproof.py`."""
    patches = np.stack([a_eurosat_patch(label, n) for label in CLASSES for n in range(6)])

    assert prove_order(patches, EUROSAT_ORDER).verdict == "proved"
    verdicts = {check_pixels(patch, EUROSAT_ORDER, level="L1C").answer for patch in patches}
    assert verdicts == {"unshifted"}


def test_patches_depend_on_class_number_and_seed_alone():
    one = a_eurosat_patch("Forest", 3, seed=5)

    np.testing.assert_array_equal(one, a_eurosat_patch("Forest", 3, seed=5))
    for other in (("River", 3, 5), ("Forest", 4, 5), ("Forest", 3, 6)):
        assert not np.array_equal(one, a_eurosat_patch(other[0], other[1], seed=other[2]))


def test_a_zip_is_laid_out_as_distributed(tmp_path):
    """Data README: `2750/<Class>/<Class>_<n>.jpg`, RGB 64 x 64 of 8 bits."""
    with zipfile.ZipFile(a_eurosat_zip(tmp_path / "a.zip", n=2)) as held:
        names = held.namelist()
        picture = Image.open(io.BytesIO(held.read("2750/SeaLake/SeaLake_2.jpg")))

    assert len(names) == 20
    assert (picture.size, picture.mode) == ((64, 64), "RGB")


def test_a_geotiff_holds_what_was_asked_for(tmp_path):
    path = a_geotiff(tmp_path / "f" / "a.tif", 5, bands=2, size=(3, 4), nodata=9, descriptions=["a", "b"])

    with rasterio.open(path) as dataset:
        assert dataset.shape == (3, 4)
        assert (dataset.descriptions, dataset.nodata, dataset.crs.to_epsg()) == (("a", "b"), 9, 32632)
        assert (dataset.read() == 5).all()
    assert dn("toa", offset=-1000) == a_stack().quantity
