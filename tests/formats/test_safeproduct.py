"""What the metadata of one product say, and what is refused in them; numbers are those that the builder wrote."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest

from swath.core.bands import S2_BANDS
from swath.core.errors import Mismatch, Refused, SwathError, Unreadable
from swath.formats.safeproduct import is_product_head, read_angles, read_product
from swath.formats.safetree import find_trees
from tests.formats.a_safe import LEFT, TOP, a_product_xml, a_safe, a_tile_xml


def read(path: Path):
    return read_product(find_trees(path, is_product_head)[0])


def edited(folder: Path, old: str, new: str, *, file: str = "MTD_MSI*.xml", **more):
    path = a_safe(folder, **more)
    at = next(path.rglob(file))
    held = at.read_text()
    assert old in held
    at.write_text(held.replace(old, new))
    return path


@pytest.mark.parametrize("is_zip", [False, True])
def test_a_product_says_what_its_metadata_say(tmp_path, is_zip):
    product = read(a_safe(tmp_path, is_zip=is_zip))

    assert product.id == "S2A_MSIL1C_20220612T101031_N0400_R022_T32TPS_20220612T101031"
    assert (product.level, product.platform, product.baseline, product.tile) == ("L1C", "S2A", "04.00", "T32TPS")
    assert (product.orbit, product.direction, product.cloud, product.sun) == (22, "descending", 12.5, (35.0, 0.0))
    assert product.time == np.datetime64("2022-06-12T10:10:31.024", "us")
    assert product.tile_time == np.datetime64("2022-06-12T10:10:40.5", "us")
    assert product.offsets == dict.fromkeys(S2_BANDS, -1000.0)
    assert (product.quantification, product.nodata, product.wavelengths["B8A"]) == (10000.0, 0, 448.0)
    grid = product.grids[20]
    assert (grid.shape.yx, grid.transform.a, grid.transform.c, grid.transform.f) == ((60, 60), 20, LEFT, TOP)
    assert grid.crs.epsg == 32632
    assert list(product.images[60]) == ["B01", "B09", "B10"]


def test_offsets_are_those_of_each_band(tmp_path):
    """`band_id` 0..12 is B1..B8, B8A, B9..B12: one number for each."""
    product = read(a_safe(tmp_path, offset={i: -1000 - i for i in range(13)}))

    assert product.offsets == {band: -1000.0 - i for i, band in enumerate(S2_BANDS)}
    assert product.claims(("B8A", "B12"))[0].offset == (-1008.0, -1012.0)


def test_a_list_that_is_missing_is_zero_before_0400_and_unknown_after(tmp_path):
    """Older products list none and have none; a newer one without its list has lost something."""
    old, new = read(a_safe(tmp_path, baseline="03.01", offset=None)), read(a_safe(tmp_path, offset=None))

    assert set(old.offsets.values()) == {0.0}
    assert [claim.kind for claim in old.claims(("B02",))] == ["xml", "baseline"]
    assert new.offsets is None
    assert [(claim.kind, claim.offset) for claim in new.claims(("B02",))] == [("baseline", (-1000.0,))]


def test_angles_are_averaged_over_the_detectors_that_see_a_point(tmp_path):
    """The builder's two detectors look 100 degrees east at 5 + i/10 degrees; the last point is seen by none."""
    product = read(a_safe(tmp_path))
    sun, view = read_angles(product, "B02")

    np.testing.assert_allclose(np.rad2deg(np.arccos(sun[2])), [[30, 30], [40, 40]])
    np.testing.assert_allclose(np.rad2deg(np.arccos(view[2][~np.isnan(view[2])])), 5.1)
    assert np.isnan(view[:, 1, 1]).all()
    assert np.isfinite(view[:, [0, 0, 1], [0, 1, 0]]).all()
    mean = read_angles(product)[1]
    np.testing.assert_allclose(np.rad2deg(np.arccos(mean[2, 0, 1])), 5.6, atol=0.01)


def test_images_that_the_metadata_name_and_that_are_missing_are_counted(tmp_path):
    listed = (
        "<IMAGE_FILE>GRANULE/x/IMG_DATA/T32TPS_B02</IMAGE_FILE><IMAGE_FILE>GRANULE/x/y_B03</IMAGE_FILE></Product_Info>"
    )
    product = read(edited(tmp_path, "</Product_Info>", listed))

    assert product.missing == ("T32TPS_B02", "y_B03")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            '<RADIO_ADD_OFFSET band_id="4">-1000</RADIO_ADD_OFFSET>',
            "",
            "want a number for every band, have 12, not for B05",
        ),
        ('band_id="4"', 'band_id="13"', "RADIO_ADD_OFFSET band_id: want 0 to 12, have '13'"),
        ('band_id="4">-1000', 'band_id="3">-999', "RADIO_ADD_OFFSET of B04: want one number, have -1000 and -999"),
        (">-1000<", ">nan<", "RADIO_ADD_OFFSET: numbers: want 1 finite, have nan"),
        ('"none">10000', '"none">0', "quantification: want a number above 0, have 0"),
        ("Level-1C</PROC", "Level-1B</PROC", "is of Level-1B: want Level-1C or Level-2A"),
        ("<PROCESSING_BASELINE>04.00", "<PROCESSING_BASELINE>", "does not say PROCESSING_BASELINE"),
        ("2022-06-12T10:10:31", "2022-06-12 noon", "PRODUCT_START_TIME is no moment"),
    ],
)
def test_metadata_that_cannot_be_are_refused(tmp_path, old, new, said):
    with pytest.raises(SwathError) as raised:
        read(edited(tmp_path, old, new))

    assert said in str(raised.value)
    assert "MTD_MSIL1C.xml" in str(raised.value)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("<NROWS>120", "<NROWS>1200000", "grid of 10 m: want that of a tile, have 1200000 x 120 pixels"),
        ("EPSG:32632", "EPSG:1", "has a CRS that cannot be read (EPSG:1)"),
        ('resolution="60"', 'resolution="61"', "has no grid of 61 m"),
        ("_T32TPS_", "_", "TILE_ID names no tile"),
    ],
)
def test_tiles_that_cannot_be_are_refused(tmp_path, old, new, said):
    with pytest.raises(Unreadable) as raised:
        read(edited(tmp_path, old, new, file="MTD_TL.xml"))

    assert said in str(raised.value)


def test_angles_on_another_step_are_refused(tmp_path):
    product = read(edited(tmp_path, '<COL_STEP unit="m">5000', '<COL_STEP unit="m">500', file="MTD_TL.xml"))
    with pytest.raises(Unreadable, match="COL_STEP of angles: want 5000 m, have 500 m"):
        read_angles(product)


def test_a_band_that_is_there_twice_is_refused(tmp_path):
    path = a_safe(tmp_path)
    image = next(path.rglob("*_B02.jp2"))
    (image.parent / "again_B02.jp2").write_bytes(image.read_bytes())
    with pytest.raises(Refused, match="holds B02 of 10 m twice"):
        read(path)


def test_products_of_many_tiles_are_refused_by_their_layout(tmp_path):
    path = tmp_path / "S2A_OPER_PRD_MSIL1C_PDMC_20160905T104813_R002.SAFE"
    path.mkdir()
    (path / "S2A_OPER_MTD_SAFL1C_PDMC_20160905T104813_R002.xml").write_text("<a/>")
    with pytest.raises(Refused, match="is of the layout before December 2016, in which one product holds many tiles"):
        read(path)


def test_a_tile_of_the_public_buckets_reads_with_its_product_beside_it(tmp_path):
    """`metadata.xml` and `product_metadata.xml` side by side; the sizes are folders."""
    xml = a_product_xml("L2A", "04.00", dict.fromkeys(range(13), -7000), id="S2A_X", start="2022-04-01T08:36:01Z")
    with zipfile.ZipFile(tmp_path / "tile.zip", "w") as made:
        made.writestr("tile/product_metadata.xml", xml)
        made.writestr("tile/metadata.xml", a_tile_xml(120, "L2A"))
        made.writestr("tile/R20m/B05.jp2", b"no image")
        made.writestr("tile/R20m/SCL.jp2", b"no image")
        made.writestr("tile/qi/MSK_QUALIT_B05.jp2", b"no image")
    product = read(tmp_path / "tile.zip")

    assert (product.level, product.offsets["B05"], list(product.images[20])) == ("L2A", -7000.0, ["B05", "SCL"])
    assert list(product.masks) == [("QUALIT", "B05")]


def test_a_product_without_its_tile_is_refused(tmp_path):
    path = a_safe(tmp_path)
    next(path.rglob("MTD_TL.xml")).unlink()
    with pytest.raises(Unreadable, match="metadata of the tile: want one MTD_TL.xml, have none"):
        read(path)


def test_offsets_for_some_bands_only_are_a_mismatch(tmp_path):
    with pytest.raises(Mismatch, match="RADIO_ADD_OFFSET differs"):
        read(a_safe(tmp_path, offset={0: -1000}))
