"""GeoTIFF out: what rasterio reads back is what the stack said."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import rasterio

from swath.core.errors import Mismatch, Refused
from swath.core.geobox import window_geobox
from swath.core.legends import legend
from swath.core.quantity import TOA, class_of, dn, value
from swath.core.scene import Window
from swath.core.stack import Stack, select_date
from swath.formats.scene import open_scene
from swath.formats.tiff import write_scene, write_tiff
from swath.world import Planet
from tests.corpus.a_source import Numbers

SAMPLE = next(Numbers(n=1, dates=2, masked=(0,)).read(Numbers(n=1, dates=2).plan().rows))
SERIES = SAMPLE.stacks["s2"]
S2 = select_date(SERIES, 0)


def test_every_band_is_named(tmp_path):
    write_tiff(S2, tmp_path / "a.tif")

    with rasterio.open(tmp_path / "a.tif") as file:
        assert file.descriptions == ("B04", "B03", "B02")
        assert file.tags()["SWATH_TIME"] == "2021-06-01T00:00:00.000000"
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


def test_several_dates_are_several_files(tmp_path):
    """Names of bands with dates in them were read by nobody."""
    with pytest.raises(Mismatch, match="dates differs: want 1 .bands of a file have no dates., have 2"):
        write_tiff(SERIES, tmp_path / "a.tif")


def test_a_saturated_pixel_stays_what_it_is(tmp_path):
    """65535 is saturated, 0 is nodata (science.md 1): a file must not turn the one into the other."""
    data = S2.data.copy()
    data[0, 0, 9, :2] = 65535, 0
    write_tiff(replace(S2, data=data, valid=None), tmp_path / "a.tif")

    with rasterio.open(tmp_path / "a.tif") as file:
        assert file.read(1)[9, :2].tolist() == [65535, 0]
        assert file.nodata == 0


def test_a_read_only_folder_says_so():
    from pathlib import Path

    with pytest.raises(Refused, match="cannot be written here"):
        write_tiff(S2, Path("/sys/a.tif"))


PLANET = Planet(seed=7)


def test_a_scene_opens_again_with_nothing_declared(tmp_path):
    """What a scene is stands in the file: bands, quantity, offset, level, date, place, attribution, every pixel."""
    scene = PLANET.scene(11.3, 46.5, size=(300, 280), date="2018-07-14")
    told = []
    write_scene(scene, tmp_path / "s.tif", progress=lambda done, total: told.append((done, total)))

    read = open_scene(tmp_path / "s.tif")

    whole = Window(0, 0, 300, 280)
    one, other = scene.read(whole), read.read(whole)
    np.testing.assert_array_equal(one.data, other.data)
    assert (other.bands, other.quantity, other.times[0]) == (one.bands, one.quantity, one.times[0])
    assert (read.geobox, read.origin.level, read.origin.sensor) == (scene.geobox, "L1C", "s2-l1c")
    assert read.origin.attribution == scene.origin.attribution
    assert told == [(256, 300), (300, 300)]


def test_the_offset_of_a_newer_baseline_is_in_the_file(tmp_path):
    """Baseline 05.10 adds 1000 to every number (science.md 1)."""
    write_scene(replace(PLANET, baseline="05.10").scene(11.3, 46.5, size=(64, 64)), tmp_path / "s.tif")

    assert open_scene(tmp_path / "s.tif").quantity == dn("toa", offset=-1000)


def test_truth_carries_the_colours_of_its_legend(tmp_path):
    truth = PLANET.truth_scene(11.3, 46.5, size=(40, 50))
    write_scene(truth, tmp_path / "t.tif", legend=legend("eurosat"))

    with rasterio.open(tmp_path / "t.tif") as file:
        np.testing.assert_array_equal(file.read(1), truth.read(Window(0, 0, 40, 50)).data[0, 0])
        assert file.colormap(1)[9] == (0x1F, 0x4E, 0x8C, 255)
        assert file.crs.to_epsg() == 32632


def test_what_a_scene_lacks_is_nodata(tmp_path):
    """Beyond the edge of the planet's scene nothing is measured: read one through a window that reaches beyond."""
    inner = PLANET.scene(11.3, 46.5, size=(32, 32))

    class Wider:
        geobox = window_geobox(inner.geobox, -4, -4, 40, 40)
        bands, quantity, origin, gsd = inner.bands, inner.quantity, inner.origin, inner.gsd
        shape = (40, 40)

        def read(self, window):
            return inner.read(window.shift(-4, -4))

    write_scene(Wider(), tmp_path / "s.tif")

    valid = open_scene(tmp_path / "s.tif").read(Window(0, 0, 40, 40)).valid[0, 0]
    assert (int(valid.sum()), bool(valid[4:36, 4:36].all())) == (32 * 32, True)


class Still:
    """A scene of one stack."""

    def __init__(self, stack):
        self.stack, self.shape = stack, stack.data.shape[2:]
        self.bands, self.quantity, self.origin, self.geobox = stack.bands, stack.quantity, stack.origin, stack.geobox

    def read(self, window):
        rows, cols = (slice(at, at + n) for at, n in ((window.row, window.height), (window.col, window.width)))
        valid = None if self.stack.valid is None else self.stack.valid[..., rows, cols]
        return replace(self.stack, data=self.stack.data[..., rows, cols], valid=valid, geobox=None)


def test_a_saturated_pixel_of_a_scene_stays_what_it_is(tmp_path):
    """65535 is saturated, 0 is nodata (science.md 1), and what is masked becomes nodata."""
    data, valid = S2.data.copy(), np.ones((1, 1, *S2.data.shape[2:]), bool)
    data[0, :, 9, :2], valid[0, 0, 9, 2] = [[65535, 0]], False

    write_scene(Still(replace(S2, data=data, valid=valid)), tmp_path / "s.tif")

    with rasterio.open(tmp_path / "s.tif") as file:
        assert file.read(1)[9, :3].tolist() == [65535, 0, 0]
        assert file.nodata == 0


@pytest.mark.parametrize(
    ("dtype", "quantity", "masked", "sentence"),
    [
        ("uint8", class_of("eurosat"), False, "holds 255 as a measurement, which is the code of absence of such"),
        ("uint32", value("1"), True, "has invalid pixels, and uint32 of value no code for them"),
    ],
)
def test_a_scene_without_a_code_to_spare_is_refused_and_leaves_nothing(tmp_path, dtype, quantity, masked, sentence):
    """A measurement that became absent, or the other way round, would pass in silence."""
    data = np.full((1, 1, 8, 8), 255, dtype)
    valid = np.arange(64).reshape(1, 1, 8, 8) > 3 if masked else None
    scene = Still(Stack(data, ("class",), S2.times, quantity, None, (10.0, 10.0), valid))

    with pytest.raises(Refused, match=sentence):
        write_scene(scene, tmp_path / "s.tif")

    assert list(tmp_path.iterdir()) == []


def test_a_scene_that_cannot_be_written_is_told_and_leaves_nothing(tmp_path):
    (tmp_path / "file").write_text("")

    with pytest.raises(Refused, match="cannot be written"):
        write_scene(PLANET.scene(11.3, 46.5, size=(16, 16)), tmp_path / "file" / "s.tif")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
