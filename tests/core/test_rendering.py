"""Rendering: EuroSAT's 8-bit pictures, to the byte."""

from __future__ import annotations

import io
import os
import zipfile
from pathlib import Path

import numpy as np
import pytest
import rasterio
from PIL import Image

from swath.core.errors import Mismatch, Refused, Unknown, Unreadable
from swath.core.quantity import BOA, TOA, dn
from swath.core.rendering import RENDERINGS, decode_jpeg, encode_jpeg, limits, render, rendering

RGB = ("B04", "B03", "B02")
#: DN without offset and what the stretch makes of them.
ORACLE = {0: 1, 1: 1, 5: 1, 6: 2, 100: 10, 945: 88, 1375: 128, 2744: 254, 2745: 255, 4000: 255}


def a_row(numbers, dtype=np.uint16):
    """The same numbers in three bands, shape (3, 1, n)."""
    return np.broadcast_to(np.array(list(numbers), dtype), (3, 1, len(numbers)))


def test_the_stretch_gives_the_measured_values():
    """v = clip(floor(1 + DN 254 / 2750 + 1/2), 1, 255), proved on 100 real patches."""
    picture = render(a_row(ORACLE), dn("toa", offset=0), RGB, "eurosat-2750")

    np.testing.assert_array_equal(picture, a_row(ORACLE.values(), np.uint8))


def test_the_offset_is_taken_off_exactly():
    """From baseline 04.00 on DN 1945 is what DN 945 was; DN 900 is below zero and as dark as 0."""
    shifted = [number + 1000 for number in ORACLE] + [900]

    picture = render(a_row(shifted), dn("toa", offset=-1000), RGB, "eurosat-2750")

    np.testing.assert_array_equal(picture[0, 0], [*ORACLE.values(), 1])


def test_reflectance_gives_the_same_picture_as_its_digital_numbers():
    """Steps of the stretch lie 1/254 DN from any integer, float32 rounding of reflectance below 2e-4 DN."""
    numbers = np.arange(4001, dtype=np.uint16)
    toa = (a_row(numbers).astype(np.float32) / np.float32(10000)).astype(np.float32)

    np.testing.assert_array_equal(
        render(toa, TOA, RGB, "eurosat-2750"), render(a_row(numbers), dn("toa", offset=0), RGB, "eurosat-2750")
    )


def test_integers_and_floats_of_one_number_agree():
    numbers = np.arange(65536, dtype=np.uint16)
    quantity = dn("toa", offset=0)

    np.testing.assert_array_equal(
        render(a_row(numbers, np.float64), quantity, RGB, "eurosat-2750"),
        render(a_row(numbers), quantity, RGB, "eurosat-2750"),
    )


def test_bands_are_picked_by_name():
    """Trap: RGB read as BGR."""
    data = np.array([100, 945, 2744, 7], np.uint16).reshape(4, 1, 1)

    picture = render(data, dn("toa", offset=0), ("B02", "B03", "B04", "B08"), "eurosat-2750")

    np.testing.assert_array_equal(picture.ravel(), [254, 88, 10])


def test_leading_axes_are_kept():
    data = np.zeros((2, 5, 13, 4, 6), np.uint16)
    bands = tuple(f"x{k}" for k in range(10)) + RGB

    assert render(data, dn("toa", offset=0), bands, "eurosat-2750").shape == (2, 5, 3, 4, 6)
    assert render(data, dn("toa", offset=0), bands, "eurosat-2750-jpeg").shape == (2, 5, 3, 4, 6)
    assert render(data[:0], dn("toa", offset=0), bands, "eurosat-2750-jpeg").shape == (0, 5, 3, 4, 6)


def test_what_is_no_measurement_is_as_dark_as_nodata():
    """NaN and DN 0 become 1; validity is the stack's."""
    toa = np.full((3, 1, 2), np.nan, np.float32)

    np.testing.assert_array_equal(render(toa, TOA, RGB, "eurosat-2750"), np.ones((3, 1, 2), np.uint8))


def test_offsets_may_differ_by_band():
    quantity = dn("toa", offset=(0, -1000, -500))

    picture = render(np.array([945, 1945, 1445], np.uint16).reshape(3, 1, 1), quantity, RGB, "eurosat-2750")

    np.testing.assert_array_equal(picture.ravel(), [88, 88, 88])


def test_bottom_of_atmosphere_is_refused_with_both_sides():
    """Trap: L2A fed to a model of L1C pictures."""
    for quantity in (BOA, dn("boa", offset=0)):
        with pytest.raises(Mismatch) as raised:
            render(a_row([1]), quantity, RGB, "eurosat-2750")

        said = str(raised.value)
        assert "rendering eurosat-2750: quantity differs: want toa reflectance, or dn of it, have" in said
        assert "boa reflectance" in said
        assert "say treat_as" in said


def test_an_unknown_offset_is_refused():
    with pytest.raises(Refused, match=r"the offset of dn offset unknown .* is unknown, so brightness would be a guess"):
        render(a_row([1]), dn("toa", offset=None), RGB, "eurosat-2750")


def test_a_missing_band_is_refused():
    with pytest.raises(Mismatch, match=r"rendering eurosat-2750: bands \(B02 missing\) differs"):
        render(a_row([1]), dn("toa", offset=0), ("B04", "B03", "B08"), "eurosat-2750")


def test_an_unknown_rendering_names_the_nearest():
    with pytest.raises(Unknown, match=r"unknown rendering 'eurosat'. Did you mean 'eurosat-2750'?"):
        rendering("eurosat")


def test_limits_are_the_inverse_of_the_stretch():
    """Every DN 0..2750 lies within the limits of its own value and of no other."""
    numbers = np.arange(2751)
    values = render(a_row(numbers), dn("toa", offset=0), RGB, "eurosat-2750")[0, 0]

    low, high = limits("eurosat-2750", values)

    assert ((low <= numbers) & (numbers < high)).all()
    below, above = limits("eurosat-2750", np.arange(1, 256))
    np.testing.assert_allclose(below[1:], above[:-1])
    assert below[0] == -np.inf
    assert above[-1] == np.inf


def test_a_value_that_the_stretch_never_gives_is_refused_but_coding_may_give_it():
    with pytest.raises(Refused, match=r"never gives the value 0, only 1..255. The picture was made by another"):
        limits("eurosat-2750", np.array([3, 0]))
    assert limits("eurosat-2750-jpeg", np.array([0]))[0][0] == -np.inf


def test_a_jpeg_is_coded_as_the_distributed_files_are():
    """Quality 100 has quantisation tables of ones; chroma is halved both ways."""
    blob = encode_jpeg(np.random.default_rng(0).integers(0, 256, (3, 64, 64), np.uint8))

    with Image.open(io.BytesIO(blob)) as opened:
        assert all(set(table) == {1} for table in opened.quantization.values())
        assert [(h, v) for _, h, v, _ in opened.layer] == [(2, 2), (1, 1), (1, 1)]


def test_decoding_is_bit_equal_to_pillow():
    """Two decoders, one truth: no fast transform, no fast chroma."""
    blob = encode_jpeg(np.random.default_rng(1).integers(0, 256, (3, 63, 50), np.uint8))

    with Image.open(io.BytesIO(blob)) as opened:
        np.testing.assert_array_equal(decode_jpeg(blob), np.asarray(opened).transpose(2, 0, 1))


def test_the_jpeg_rendering_is_the_stretch_through_the_coder():
    data = np.random.default_rng(2).integers(0, 3000, (3, 64, 64), np.uint16)
    plain = render(data, dn("toa", offset=0), RGB, "eurosat-2750")

    coded = render(data, dn("toa", offset=0), RGB, "eurosat-2750-jpeg")

    np.testing.assert_array_equal(coded, decode_jpeg(encode_jpeg(plain)))
    assert (coded != plain).mean() > 0.5


def test_a_broken_jpeg_is_unreadable():
    whole = encode_jpeg(np.zeros((3, 64, 64), np.uint8))
    for blob in (whole[: len(whole) // 2], b"", b"not a picture"):
        with pytest.raises(Unreadable, match=r"a.jpg: is no whole JPEG"):
            decode_jpeg(blob, where="a.jpg")


def test_a_picture_of_another_shape_is_refused():
    with pytest.raises(Mismatch, match=r"want uint8 \(3, h, w\), have uint8 \(64, 64, 3\)"):
        encode_jpeg(np.zeros((64, 64, 3), np.uint8))


def test_every_rendering_is_filed_under_its_name():
    assert all(each.name == name and each.source for name, each in RENDERINGS.items())


@pytest.mark.realdata
def test_real_patches_become_the_distributed_jpegs_byte_for_byte():
    """EuroSAT: 80 thirteen-band patches and the JPEG files of the same names."""
    root = Path(os.environ["SWATH_REAL_DATA"])
    bands = ("B01", "B02", "B03", "B04", "B05", "B06", "B07", "B08", "B09", "B10", "B11", "B12", "B8A")
    with (
        zipfile.ZipFile(root / "eurosat-ms/EuroSAT_MS_subset.zip") as patches,
        zipfile.ZipFile(root / "eurosat-rgb/EuroSAT_RGB.zip") as pictures,
    ):
        names = sorted(name for name in patches.namelist() if name.endswith(".tif"))
        for name in names:
            with rasterio.MemoryFile(patches.read(name)) as memory, memory.open() as opened:
                data = opened.read()
            folder, stem = name.split("/")[-2:]
            blob = pictures.read(f"2750/{folder}/{stem.removesuffix('.tif')}.jpg")

            plain = render(data, dn("toa", offset=0), bands, "eurosat-2750")

            assert encode_jpeg(plain) == blob, name
            coded = render(data, dn("toa", offset=0), bands, "eurosat-2750-jpeg")
            np.testing.assert_array_equal(coded, decode_jpeg(blob))
    assert len(names) == 80
