"""Rasters: what a file says of itself, which pixels are measurements, and half a pixel."""

from __future__ import annotations

import os
import struct
import threading
from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine
from rasterio.control import GroundControlPoint

from swath.core.errors import Mismatch, Refused, Unreadable
from swath.core.scene import Window
from swath.formats.raster import (
    MOST_HANDLES,
    Header,
    _Handles,
    open_blob,
    open_raster,
    read_header,
    read_pixels,
    reading_rasters,
)
from swath.testing.build import a_geotiff


def header_of(path: Path) -> Header:
    with open_raster(path) as dataset:
        return read_header(dataset, where=path.name)


def pixels_of(path: Path, window: Window | None = None, nodata: float | None = None):
    with open_raster(path) as dataset:
        header = read_header(dataset, where=path.name)
        return read_pixels(dataset, header, range(header.bands), window=window, nodata=nodata)


def counted(bands: int = 2, size: tuple[int, int] = (6, 7)) -> np.ndarray:
    return np.arange(1, bands * size[0] * size[1] + 1, dtype=np.uint16).reshape(bands, *size)


def test_a_header_tells_what_the_file_says(tmp_path):
    path = a_geotiff(
        tmp_path / "a.tif", counted(), nodata=0, descriptions=["B04", ""], scales=[1e-4, 1e-4], offsets=[-0.1, -0.1]
    )

    header = header_of(path)

    assert (header.shape, header.bands, header.dtype) == ((6, 7), 2, "uint16")
    assert (header.descriptions, header.nodata) == (("B04", None), (0.0, 0.0))
    assert header.scales == ((1e-4, -0.1), (1e-4, -0.1))
    assert str(header.geobox.crs) == "EPSG:32632"
    assert not header.has_mask


def test_pixel_is_point_files_are_moved_by_half_a_pixel(tmp_path):
    """GeoTIFF 1.1, 7.1.1: with RasterPixelIsPoint the tie point is the centre of pixel (0, 0), not its corner.

    The file is written with the corner convention switched off, so that its tie point (680040, 5152200) is stored as it
    is; as a centre it makes the corner 5 m west and north of it.
    """
    with rasterio.Env(GTIFF_POINT_GEO_IGNORE=True):
        path = a_geotiff(tmp_path / "p.tif", counted(), tags={"AREA_OR_POINT": "Point"})
    blob = path.read_bytes()
    assert struct.pack("<6d", 0, 0, 0, 680040, 5152200, 0) in blob  # ModelTiepoint

    assert header_of(path).geobox.transform == Affine(10, 0, 680035, 0, -10, 5152205)


def test_no_environment_undoes_the_half_pixel(tmp_path, monkeypatch):
    with rasterio.Env(GTIFF_POINT_GEO_IGNORE=True):
        path = a_geotiff(tmp_path / "p.tif", counted(), tags={"AREA_OR_POINT": "Point"})
    monkeypatch.setenv("GTIFF_POINT_GEO_IGNORE", "YES")

    assert header_of(path).geobox.transform.c == 680035


def test_nodata_in_the_file_is_invalid(tmp_path):
    numbers = counted()
    numbers[0, 1, 2] = numbers[1, 3, 3] = 999

    _, valid = pixels_of(a_geotiff(tmp_path / "a.tif", numbers, nodata=999))

    np.testing.assert_array_equal(valid, numbers != 999)


def test_declared_nodata_stands_in_place_of_the_files(tmp_path):
    path = a_geotiff(tmp_path / "a.tif", counted(), nodata=1)

    _, valid = pixels_of(path, nodata=2)

    np.testing.assert_array_equal(valid, counted() != 2)


def test_where_all_bands_agree_one_mask_says_it(tmp_path):
    numbers = counted(3)
    numbers[:, 2, 2] = 0

    _, valid = pixels_of(a_geotiff(tmp_path / "a.tif", numbers, nodata=0))

    assert valid.shape == (1, 6, 7)
    assert (~valid).sum() == 1


def test_nan_and_infinity_are_invalid(tmp_path):
    numbers = np.ones((1, 4, 4), np.float32)
    numbers[0, 0, 0], numbers[0, 1, 1] = np.nan, np.inf

    _, valid = pixels_of(a_geotiff(tmp_path / "a.tif", numbers, dtype="float32"))

    assert np.argwhere(~valid[0]).tolist() == [[0, 0], [1, 1]]


def test_a_nodata_of_nan_is_invalid(tmp_path):
    numbers = np.full((1, 4, 4), np.nan, np.float32)
    numbers[0, 0] = 5

    _, valid = pixels_of(a_geotiff(tmp_path / "a.tif", numbers, dtype="float32", nodata=float("nan")))

    assert valid.sum() == 4


def test_an_internal_mask_is_heard(tmp_path):
    mask = np.ones((6, 7), bool)
    mask[3, 4] = False
    path = a_geotiff(tmp_path / "a.tif", counted(), mask=mask)

    data, valid = pixels_of(path)

    assert header_of(path).has_mask
    np.testing.assert_array_equal(valid[0], mask)
    np.testing.assert_array_equal(data, counted())


def test_a_mask_beside_the_file_is_heard(tmp_path):
    """GDAL keeps masks of formats without one in `<name>.msk`."""
    path = a_geotiff(tmp_path / "a.tif", counted())
    mask = np.ones((6, 7), bool)
    mask[0, 0] = False
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=False), rasterio.open(path, "r+") as dataset:
        dataset.write_mask(mask)
    assert (tmp_path / "a.tif.msk").exists()

    np.testing.assert_array_equal(pixels_of(path)[1][0], mask)


def test_an_alpha_band_is_validity_and_no_measurement(tmp_path):
    numbers = counted(4)
    numbers[3] = 255
    numbers[3, 5, 6] = 0
    path = a_geotiff(tmp_path / "a.tif", numbers, alpha=True, photometric="RGB")

    data, valid = pixels_of(path)

    assert header_of(path).bands == 3
    np.testing.assert_array_equal(data, numbers[:3])
    assert np.argwhere(~valid[0]).tolist() == [[5, 6]]


@pytest.mark.parametrize("row", range(-8, 9, 4))
@pytest.mark.parametrize("col", range(-8, 9, 4))
def test_windows_equal_a_slice_of_a_padded_array(tmp_path, row, col):
    """A naive reader: pad everything, slice, and remember what was padding."""
    path = a_geotiff(tmp_path / "a.tif", counted(), tiled=True, blockxsize=16, blockysize=16)
    padded = np.pad(counted(), ((0, 0), (20, 20), (20, 20)))
    inside = np.pad(np.ones((6, 7), bool), 20)

    data, valid = pixels_of(path, Window(row, col, 5, 4))

    there = (slice(row + 20, row + 25), slice(col + 20, col + 24))
    np.testing.assert_array_equal(data, padded[:, *there])
    if valid is None:
        valid = np.ones((1, 5, 4), bool)
    np.testing.assert_array_equal(valid[0], inside[there])


def test_beyond_the_edge_lie_nodata_or_nan(tmp_path):
    whole = a_geotiff(tmp_path / "a.tif", counted(), nodata=7)
    real = a_geotiff(tmp_path / "b.tif", 1.0, dtype="float32", size=(2, 2))

    assert pixels_of(whole, Window(-1, -1, 1, 1))[0].ravel().tolist() == [7, 7]
    assert np.isnan(pixels_of(real, Window(2, 2, 1, 1))[0]).all()


def test_a_file_without_crs_has_no_place(tmp_path):
    assert header_of(a_geotiff(tmp_path / "a.tif", crs=None)).geobox is None
    placed = a_geotiff(tmp_path / "b.tif", crs=None, transform=Affine(10, 0, 680040, 0, -10, 5152200))
    assert header_of(placed).geobox is None


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")  # the test's own writing
def test_a_file_placed_by_control_points_only_is_refused(tmp_path):
    """science 2.6: an affine fit to a GRD's 210 points is off by 843 m rms."""
    path = a_geotiff(tmp_path / "a.tif", crs=None)
    points = [GroundControlPoint(row=r, col=c, x=11 + c / 10, y=46 - r / 10) for r in (0, 8) for c in (0, 8)]
    with rasterio.open(path, "r+") as dataset:
        dataset.gcps = (points, "EPSG:4326")

    with pytest.raises(Refused) as raised:
        header_of(path)

    assert str(raised.value) == (
        "a.tif: is placed by ground control points only, and has no transform. "
        "A fitted transform would be off by hundreds of metres; warp it onto a grid first."
    )


def test_rotated_grids_keep_their_transform(tmp_path):
    transform = Affine.translation(680040, 5152200) @ Affine.rotation(30) @ Affine.scale(10, -10)

    box = header_of(a_geotiff(tmp_path / "a.tif", transform=transform)).geobox

    assert box.transform.almost_equals(transform)


def test_complex_numbers_are_refused(tmp_path):
    path = a_geotiff(tmp_path / "a.tif", dtype="complex64")

    with pytest.raises(Refused, match="holds complex64 numbers. Detect their power first: SLC is not read"):
        header_of(path)


def test_bands_of_several_dtypes_are_refused(tmp_path):
    one = a_geotiff(tmp_path / "a.tif", bands=1)
    other = a_geotiff(tmp_path / "b.tif", 1, bands=1, dtype="float32")
    parts = "".join(
        f'<VRTRasterBand dataType="{kind}" band="{i}"><SimpleSource><SourceFilename relativeToVRT="1">{path.name}'
        f"</SourceFilename><SourceBand>1</SourceBand></SimpleSource></VRTRasterBand>"
        for i, (path, kind) in enumerate(((one, "UInt16"), (other, "Float32")), start=1)
    )
    (tmp_path / "v.vrt").write_text(f'<VRTDataset rasterXSize="8" rasterYSize="8">{parts}</VRTDataset>')

    with pytest.raises(Mismatch, match=r"v\.vrt: dtype differs: want one for all bands, have float32, uint16"):
        header_of(tmp_path / "v.vrt")


def test_a_vrt_runs_no_code(tmp_path):
    """A VRT may hold Python for GDAL to run on its pixels; foreign code is not run."""
    a_geotiff(tmp_path / "a.tif", bands=1)
    (tmp_path / "v.vrt").write_text(
        '<VRTDataset rasterXSize="8" rasterYSize="8"><VRTRasterBand dataType="UInt16" band="1" '
        'subClass="VRTDerivedRasterBand"><PixelFunctionLanguage>Python</PixelFunctionLanguage>'
        "<PixelFunctionType>f</PixelFunctionType><PixelFunctionCode><![CDATA[\n"
        "def f(in_ar, out_ar, *rest, **more):\n    out_ar[:] = 77\n]]></PixelFunctionCode><SimpleSource>"
        '<SourceFilename relativeToVRT="1">a.tif</SourceFilename></SimpleSource></VRTRasterBand></VRTDataset>'
    )

    with pytest.raises(Unreadable, match=r"v\.vrt: cannot be read as a raster"):
        pixels_of(tmp_path / "v.vrt")


def test_a_place_outside_its_crs_is_told(tmp_path):
    path = a_geotiff(tmp_path / "a.tif", crs="EPSG:4326", transform=Affine(10, 0, 680040, 0, -10, 5152200))

    with pytest.raises(Unreadable, match=r"a\.tif: lies outside what its CRS can place\. Mend its CRS or transform"):
        header_of(path)


def test_a_crs_of_no_planet_is_told(tmp_path):
    """A local engineering CRS has metres and no place."""
    path = a_geotiff(tmp_path / "a.tif", crs='LOCAL_CS["site",UNIT["metre",1],AXIS["x",EAST],AXIS["y",NORTH]]')

    with pytest.raises(Unreadable, match=r"a\.tif: has a CRS that no place on Earth can be told from"):
        header_of(path)


@pytest.mark.parametrize("options", [{}, {"compress": "deflate"}, {"tiled": True, "blockxsize": 16, "blockysize": 16}])
def test_a_file_cut_anywhere_is_never_read_as_whole(tmp_path, options):
    numbers = np.random.default_rng(0).integers(1, 9999, (2, 64, 64)).astype(np.uint16)
    path = a_geotiff(tmp_path / "a.tif", numbers, **options)
    blob = path.read_bytes()

    for length in range(0, len(blob) - 1, max(1, len(blob) // 40)):
        cut = tmp_path / f"{length}.tif"
        cut.write_bytes(blob[:length])
        with pytest.raises(Unreadable):
            pixels_of(cut)


def test_damaged_files_end_in_a_sentence_or_in_pixels(tmp_path):
    """Whatever a flipped byte does, no error of another kind comes out."""
    path = a_geotiff(tmp_path / "a.tif", counted(3, (32, 32)), compress="deflate", nodata=0)
    blob = path.read_bytes()
    rng = np.random.default_rng(0)
    told = 0

    for i in range(300):
        broken = bytearray(blob)
        for at in rng.integers(0, len(blob), 1 + i % 4):
            broken[at] = rng.integers(256)
        (tmp_path / "b.tif").write_bytes(broken)
        try:
            pixels_of(tmp_path / "b.tif")
        except (Unreadable, Refused, Mismatch):
            told += 1

    assert told > 30


def test_text_under_a_rasters_name_is_told(tmp_path):
    (tmp_path / "a.tif").write_text("hello")

    with pytest.raises(Unreadable) as raised:
        header_of(tmp_path / "a.tif")

    assert str(raised.value).startswith("a.tif: cannot be read as a raster (")
    assert str(raised.value).endswith("It is truncated, corrupt or no raster: fetch it again.")
    with pytest.raises(Unreadable, match=r"nothing\.tif: is not there"):
        header_of(tmp_path / "nothing.tif")


def test_a_raster_in_memory_reads_as_the_file(tmp_path):
    path = a_geotiff(tmp_path / "a.tif", counted())

    with reading_rasters(), open_blob(path.read_bytes(), where="a.tif") as dataset:
        np.testing.assert_array_equal(dataset.read(), counted())
    with reading_rasters(), pytest.raises(Unreadable, match="b: cannot be read"), open_blob(b"II*\0", where="b"):
        pass


def test_open_handles_are_bounded(tmp_path):
    for i in range(MOST_HANDLES + 5):
        header_of(a_geotiff(tmp_path / f"{i}.tif"))
    before = len(os.listdir("/proc/self/fd"))

    for i in range(MOST_HANDLES + 5):
        header_of(tmp_path / f"{i}.tif")

    assert len(os.listdir("/proc/self/fd")) <= before


def test_a_handle_is_taken_again_until_the_file_changes(tmp_path):
    path = a_geotiff(tmp_path / "a.tif", 1)
    handles = _Handles()
    first = handles.get(path, "a.tif")

    assert handles.get(path, "a.tif") is first
    a_geotiff(path, 2, size=(9, 9))
    assert handles.get(path, "a.tif") is not first


def test_threads_do_not_share_handles(tmp_path):
    path = a_geotiff(tmp_path / "a.tif", 1)
    handles = _Handles()
    seen = [handles.get(path, "a.tif")]

    thread = threading.Thread(target=lambda: seen.append(handles.get(path, "a.tif")))
    thread.start()
    thread.join()

    assert seen[0] is not seen[1]


def test_a_fork_leaves_the_parents_handles_alone(tmp_path):
    """A shared file position would mix what both read."""
    path = a_geotiff(tmp_path / "a.tif", np.random.default_rng(0).integers(1, 99, (3, 64, 64)), compress="deflate")
    want, _ = pixels_of(path)
    child = os.fork()
    if child == 0:
        ok = all(np.array_equal(pixels_of(path)[0], want) for _ in range(50))
        os._exit(0 if ok else 1)

    mine = [np.array_equal(pixels_of(path)[0], want) for _ in range(50)]

    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert all(mine)
