"""Cubes: NetCDF of both kinds and Zarr of both versions, grids, dates, codes of absence, codings; what is refused."""

from __future__ import annotations

import json

import h5py
import numpy as np
import pytest

from swath.core.errors import Mismatch, Refused, SwathError, Unreadable
from swath.core.quantity import SIGMA0_DB, dn, value
from swath.core.sample import Sample
from swath.formats import sniff
from swath.formats.cube import CUBE
from swath.testing.format import check_format
from tests.formats.a_cube import (
    BANDS,
    DATES,
    LEFT,
    TALL,
    TOP,
    WIDE,
    a_classic,
    a_netcdf4,
    a_zarr,
    numbers,
    s2_bands,
    scl,
)
from tests.formats.reading import by_id, samples_of, the_failure

DN = {"kind": "dn", "convention": 0}
COLOURS = {"red": numbers("red"), "green": numbers("green"), "nir08": numbers("nir08")}


def test_a_netcdf4_cube_keeps_the_contract(tmp_path):
    plan = check_format(CUBE, a_netcdf4(tmp_path / "a.nc", s2_bands()), rows=1, **DN)

    s2, classes = plan.layout.stacks["s2"], plan.layout.stacks["scl"]
    assert (s2.bands, s2.level, s2.quantity) == (("B02", "B03", "B04", "B08"), "L2A", dn("boa", offset=0))
    assert (s2.dates, s2.size, s2.gsd) == (3, (TALL, WIDE), (10.0, 10.0))
    assert classes.quantity.legend == "scl"


@pytest.mark.parametrize("kind", ["netcdf4", "classic", "upside down", "zarr 2", "zarr 3"])
def test_every_kind_gives_the_same_pixels_dates_and_place(tmp_path, kind):
    """The numbers that were written, a 48 x 60 grid, so that exchanged rows and columns show (science, trap 15)."""
    bands = s2_bands()
    path = {
        "netcdf4": lambda: a_netcdf4(tmp_path / "a.nc", bands),
        "classic": lambda: a_classic(tmp_path / "a.nc", bands),
        "upside down": lambda: a_netcdf4(tmp_path / "a.nc", bands, upside_down=True),
        "zarr 2": lambda: a_zarr(tmp_path / "a.zarr", bands, version=2),
        "zarr 3": lambda: a_zarr(tmp_path / "a.zarr", bands, version=3),
    }[kind]()

    (sample,) = samples_of(CUBE.open([path], keep="B02,B04,B08,SCL", **DN))

    stack = sample.stacks["s2"]
    assert stack.bands == ("B02", "B04", "B08")
    for k, name in enumerate((BANDS[2], BANDS[0], BANDS[3])):
        np.testing.assert_array_equal(stack.data[:, k], bands[name])
    np.testing.assert_array_equal(sample.stacks["scl"].data[:, 0], scl())
    assert [str(time)[:10] for time in stack.times] == list(DATES)
    assert stack.geobox.crs.epsg == 32631
    assert (stack.geobox.transform.c, stack.geobox.transform.f) == (LEFT, TOP)


def test_names_of_catalogues_are_resolved(tmp_path):
    path = a_zarr(tmp_path / "a.zarr", COLOURS)

    (sample,) = samples_of(CUBE.open([path], level="L2A", **DN))

    assert sample.stacks["s2"].bands == ("B03", "B04", "B8A")


def test_a_code_that_is_used_and_not_declared_is_asked_for(tmp_path):
    """Data README: 65535 = nodata (17 to 64 %) without a _FillValue."""
    bands = {"S2-L2A-B02": numbers("a"), "S2-L2A-B04": numbers("b")}
    for data in bands.values():
        data[:, :, :15] = 65535
    path = a_netcdf4(tmp_path / "a.nc", bands)

    with pytest.raises(Refused) as raised:
        CUBE.open([path], **DN)
    (absent,) = samples_of(CUBE.open([path], nodata=65535, **DN))
    (saturated,) = samples_of(CUBE.open([path], nodata="nan", **DN))

    assert str(raised.value) == (
        "a: 25.0% of the numbers of S2-L2A-B02 are 65535, and it declares no code of absence. "
        "Declare nodata=65535 if they are absent, or nodata=nan if they are measured (saturated)."
    )
    assert absent.stacks["s2"].valid.shape == (3, 1, TALL, WIDE)
    assert not absent.stacks["s2"].valid[..., :15].any()
    assert absent.stacks["s2"].valid[..., 15:].all()
    assert saturated.stacks["s2"].valid is None


def test_a_code_in_the_file_is_obeyed_date_by_date(tmp_path):
    data = numbers("B04")
    data[1, :10] = 9999
    path = a_zarr(tmp_path / "a.zarr", {"B04": data}, nodata=9999)

    (sample,) = samples_of(CUBE.open([path], level="L2A", **DN))

    valid = sample.stacks["s2"].valid
    assert valid[0].all()
    assert not valid[1, :, :10].any()
    assert valid[1, :, 10:].all()


def test_radar_in_whole_numbers_is_decoded_as_declared_only(tmp_path):
    """Data README: dB = 20 log10(DN) - 83; DN 3437 is -12.28 dB; nothing in the file says so."""
    data = numbers("VV", low=2000, high=9000)
    data[0, 0, :2] = (3437, 0)
    path = a_netcdf4(tmp_path / "a.nc", {"S1-SIGMA0-VV": data, "S1-SIGMA0-VH": data // 2})

    with pytest.raises(Refused) as raised:
        CUBE.open([path], kind="sigma0_db", level="GRD")
    (sample,) = samples_of(CUBE.open([path], kind="sigma0_db", level="GRD", coding="20*log10(DN)-83"))

    assert str(raised.value) == (
        "a: holds decibels as uint16, and does not say how they were coded. "
        "Declare coding=20*log10(DN)-83, or the one that was used."
    )
    stack = sample.stacks["s1"]
    assert (stack.quantity, stack.bands, stack.data.dtype) == (SIGMA0_DB, ("VV", "VH"), np.float32)
    assert stack.data[0, 0, 0, 0] == pytest.approx(-12.277, abs=1e-3)
    assert not stack.valid[0, 0, 0, 1]
    assert stack.origin.declared["coding"] == "20*log10(DN)-83"


def test_aerosol_is_a_stack_of_its_own_in_its_unit(tmp_path):
    """science 1.1: AOT = DN/1000, without unit."""
    aerosol = np.full((3, TALL, WIDE), 89, np.uint16)
    path = a_netcdf4(tmp_path / "a.nc", s2_bands(**{"S2-L2A-AOT": aerosol}))

    (sample,) = samples_of(CUBE.open([path], **DN))

    stack = sample.stacks["aot"]
    assert (stack.quantity, stack.bands) == (value("1"), ("AOT",))
    np.testing.assert_allclose(stack.data, 0.089, rtol=1e-6)
    assert "AOT" not in sample.stacks["s2"].bands


def test_scale_and_offset_in_the_file_are_claims(tmp_path):
    """value = 1e-4 DN - 0.1 is DN offset -1000; the pixels are heard."""
    shifted = {"B04": numbers("B04") + 1000, "B02": numbers("B02") + 1000}
    path = a_zarr(tmp_path / "a.zarr", shifted, scale_factor=1e-4, add_offset=-0.1)

    (sample,) = samples_of(CUBE.open([path], kind="dn", level="L2A"))

    assert sample.stacks["s2"].quantity == dn("boa", offset=-1000)
    assert sample.stacks["s2"].origin.offsets[0]["by"] == "raster"


def test_shifted_dates_are_quarantined_with_both_readings(tmp_path):
    path = a_netcdf4(tmp_path / "a.nc", {name: numbers(name) + 1000 for name in BANDS})

    said = the_failure(CUBE.open([path], **DN)).message

    assert said.startswith("a: the pixels contradict the metadata: convention says 0 (declared convention of the data")


def test_sizes_that_are_no_multiple_are_cut_or_padded(tmp_path):
    """48 x 60 in windows of 32: one whole one and its edge, or four with what lies beyond invalid."""
    path = a_netcdf4(tmp_path / "a.nc", s2_bands())

    whole = CUBE.open([path], size=32, **DN).plan()
    padded = by_id(CUBE.open([path], size=32, edge="pad", **DN))

    assert whole.rows["id"].to_pylist() == ["a_r00000_c00000"]
    assert whole.rows["why"][0].as_py().endswith("; 16 rows and 28 columns at the edges are in none")
    assert sorted(padded) == ["a_r00000_c00000", "a_r00000_c00032", "a_r00032_c00000", "a_r00032_c00032"]
    corner = padded["a_r00032_c00032"].stacks["s2"]
    assert corner.valid[:, :, :16, :28].all()
    assert corner.valid.sum() == 3 * 16 * 28
    np.testing.assert_array_equal(corner.data[:, 0, :16, :28], numbers("S2-L2A-B02")[:, 32:, 32:])
    assert {sample.group for sample in padded.values()} == {"a"}


def test_cubes_of_other_sizes_are_left_out_by_name(tmp_path):
    small = {name: data[:, :30] for name, data in s2_bands().items()}
    a_netcdf4(tmp_path / "c" / "a.nc", s2_bands())
    a_netcdf4(tmp_path / "c" / "b.nc", s2_bands())
    a_netcdf4(tmp_path / "c" / "d.nc", small)

    made = by_id(CUBE.open([tmp_path / "c"], **DN))

    assert isinstance(made["a"], Sample)
    assert made["d"].message == (
        "d: size differs: want 48 x 60 pixels (2 of 3 cubes), have 30 x 60. "
        "Declare size= for another one, or edge=pad; nothing is resized in silence."
    )


def test_dates_in_wrong_order_are_refused(tmp_path):
    path = a_netcdf4(tmp_path / "a.nc", s2_bands(), days=(11962, 11970, 11967))

    with pytest.raises(Refused) as raised:
        CUBE.open([path], **DN)

    assert str(raised.value) == (
        "a: has dates in another order than time: 2022-10-07T00:00:00 stands behind 2022-10-10T00:00:00. "
        "Sort it by time and write it again."
    )


def test_a_cube_of_a_laea_grid_keeps_its_code(tmp_path):
    """Data README: EPSG:3035, 10 m."""
    path = a_netcdf4(tmp_path / "a.nc", {"S2-L2A-B02": numbers("a")}, epsg=3035)

    (sample,) = samples_of(CUBE.open([path], **DN))

    assert sample.stacks["s2"].geobox.crs.epsg == 3035


def test_a_cube_without_crs_is_asked_for_one(tmp_path):
    path = a_netcdf4(tmp_path / "a.nc", {"S2-L2A-B02": numbers("a")}, epsg=None)

    with pytest.raises(Refused, match=r"a: has a grid and names no CRS\. Declare crs=, as EPSG:32631\."):
        CUBE.open([path], **DN)
    assert samples_of(CUBE.open([path], crs="EPSG:32631", **DN))[0].stacks["s2"].geobox.crs.epsg == 32631
    with pytest.raises(Mismatch, match=r"CRS differs: want EPSG:32632 \(declared\), have WGS 84 / UTM zone 31N"):
        CUBE.open([a_netcdf4(tmp_path / "b.nc", {"S2-L2A-B02": numbers("a")})], crs="EPSG:32632", **DN)


def test_a_grid_of_unequal_steps_is_refused(tmp_path):
    path = a_netcdf4(tmp_path / "a.nc", {"S2-L2A-B02": numbers("a")})
    with h5py.File(path, "r+") as file:
        file["x"][7] += 4

    with pytest.raises(Mismatch, match=r"grid along x differs: want equal steps, have steps of 6 to 14\. Regrid it\."):
        CUBE.open([path], **DN)


def test_another_level_than_its_names_say_is_refused(tmp_path):
    path = a_netcdf4(tmp_path / "a.nc", s2_bands())

    with pytest.raises(Mismatch, match=r"level differs: want L1C \(declared\), have L2A \(S2-L2A-B02\)"):
        CUBE.open([path], level="L1C", **DN)


def test_chunks_of_zarr_that_were_never_written_are_no_measurements(tmp_path):
    """zarr gives the fill value for a chunk that is gone: here 0, which might be a number."""
    path = a_zarr(tmp_path / "a.zarr", {"ndvi": np.ones((3, TALL, WIDE), np.float32)})
    chunks = [each for each in (path / "ndvi").rglob("*") if each.is_file() and each.name != "zarr.json"]
    chunks[0].unlink()

    failure = the_failure(CUBE.open([path], kind="value", unit="1"))

    assert failure.message.startswith("a: share of valid pixels differs: want some, have 0.0%")


def test_ten_gigabytes_that_are_only_claimed_are_refused(tmp_path):
    path = a_zarr(tmp_path / "a.zarr", COLOURS)
    for name in COLOURS:
        about = json.loads((path / name / "zarr.json").read_text())
        about["shape"] = [100000, TALL, WIDE * 20]
        (path / name / "zarr.json").write_text(json.dumps(about))

    with pytest.raises(SwathError):
        CUBE.open([path], level="L2A", **DN).plan()


def test_coordinates_that_are_only_claimed_are_refused(tmp_path):
    """A gigabyte of them would be read five times over."""
    path = a_zarr(tmp_path / "a.zarr", COLOURS)
    about = json.loads((path / "x" / "zarr.json").read_text())
    (path / "x" / "zarr.json").write_text(json.dumps({**about, "shape": [2**27]}))

    with pytest.raises(Unreadable, match=r"a x: claims 134,217,728 coordinates, above 8,388,608\. Nothing was read"):
        CUBE.open([path], level="L2A", **DN)


@pytest.mark.parametrize("kind", ["folder", "zarr"])
def test_a_link_out_of_the_folder_is_refused(tmp_path, kind):
    path = a_zarr(tmp_path / "c/a.zarr", COLOURS)
    (path / "red" / "zarr.json").rename(tmp_path / "secret")
    (path / "red" / "zarr.json").symlink_to(tmp_path / "secret")

    with pytest.raises(Refused, match=r"holds a link that leaves it: 'zarr.json'\. Copy what it points to here\."):
        CUBE.open([path if kind == "zarr" else path.parent], level="L2A", **DN)


def test_a_codec_that_could_run_code_is_refused(tmp_path):
    path = a_zarr(tmp_path / "a.zarr", COLOURS, version=2)
    about = json.loads((path / "red" / ".zarray").read_text())
    about["filters"] = [{"id": "pickle", "protocol": 5}]
    (path / "red" / ".zarray").write_text(json.dumps(about))

    with pytest.raises(Unreadable, match="pickle"):
        CUBE.open([path], level="L2A", **DN)


def test_a_corpus_of_ours_is_no_cube(tmp_path):
    path = a_zarr(tmp_path / "a.zarr", COLOURS)

    assert sniff(path) == "cube"
    assert sniff(a_netcdf4(tmp_path / "b.nc", COLOURS)) == "cube"
    (path / "corpus.json").write_text("{}")
    assert not CUBE.sniff(path)
