"""Real pixels through the layouts of the replaced systems, into corpora and back; figures are the data README's."""

from __future__ import annotations

import os
import re
from pathlib import Path

import numpy as np
import pytest
import rasterio

from swath.core.geobox import utm_epsg
from swath.core.offset import Claim, decide_offset
from swath.core.origin import Origin
from swath.core.pixelcheck import check_pixels
from swath.core.quantity import SIGMA0_DB, dn
from swath.core.sample import Sample
from swath.core.stack import Stack
from swath.corpus import build, open_corpus
from swath.formats.deepsentinel import DEEPSENTINEL
from swath.formats.deepsentinel_write import write_tree
from swath.formats.hackathon import HACKATHON, KINDS, a_record
from swath.formats.raster import open_raster, read_header
from swath.formats.series import SERIES
from swath.formats.visiondl import VISIONDL
from tests.formats.a_visiondl import THEIR_KEYS, a_cell_file

pytestmark = pytest.mark.realdata

#: Order of the 13 bands in the Italy series (data README: as SEN12MS-CR).
ITALY = ("B01", "B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B09", "B10", "B11", "B12")
#: science 9: clearest per quarter.
CLEAREST = ("2018-02-10", "2018-06-10", "2018-08-09", "2018-10-23")


def data(name: str) -> Path:
    return Path(os.environ["SWATH_REAL_DATA"]) / name


def italy() -> dict[str, np.ndarray]:
    """Date -> digital numbers (13, 128, 128)."""
    held = {}
    for path in data("s2-timeseries-italy").glob("*.tif"):
        with rasterio.open(path) as file:
            held[re.search(r"\d{4}-\d{2}-\d{2}", path.name)[0]] = file.read()
    return dict(sorted(held.items()))


def bands_of(pixels: np.ndarray, *names: str) -> np.ndarray:
    return pixels[[ITALY.index(name) for name in names]]


def test_a_real_year_travels_as_a_series_of_the_contest(tmp_path):
    """Twelve dates of 30, clouds among them, tiled to 512 px; float16 counts in steps of 2 above 2048, 4 above 4096."""
    dates = list(italy())[:12]
    real = np.stack([np.tile(bands_of(italy()[date], "B04", "B03", "B02", "B08"), (1, 4, 4)) for date in dates])
    path = tmp_path / "italy.tfrecord"
    path.write_bytes(a_record(KINDS["time_series_raw"], real))
    source = HACKATHON.open([path])

    built = build(source, source.plan(), tmp_path / "corpus")

    assert (built.done, built.quarantined) == (1, 0)
    sample = open_corpus(tmp_path / "corpus").sample("italy-000")
    back = sample.stacks["s2"].data.astype(int)
    assert back.shape == (12, 4, 512, 512)
    off = np.abs(back - real)
    assert off[real <= 2048].max() == 0
    assert off[real <= 4096].max() == 1
    assert off.max() <= 4  # steps of 8 above 8,192, which cloud reaches
    assert real.max() > 8192
    # Cirrus over everything on 6 January: without B10 it looks shifted, and follows the dates that cannot be.
    hazy, clear = (sample.stacks["s2"].origin.offsets[dates.index(day)] for day in ("2018-01-06", "2018-02-10"))
    assert hazy["offset"] == clear["offset"] == [0.0]
    assert hazy["verdict"].startswith("shifted (0.1 % quantile of B04 is 950")
    assert hazy["verdict"].endswith("follows the dates of its series that are unshifted, for all were processed alike")
    assert clear["verdict"].startswith("unshifted")


def test_a_real_patch_is_normalised_and_taken_back(tmp_path):
    """000-D4: the clip at 4095 flattens cloud, which taking back cannot mend; all below comes back exactly."""
    real = bands_of(italy()["2018-01-31"], "B04", "B03", "B02", "B08")[None, :, :64, :64]
    clear = bands_of(italy()["2018-06-10"], "B04", "B03", "B02", "B08")[None, :, :64, :64]
    path = tmp_path / "p.tfrecord"
    path.write_bytes(a_record(KINDS["patch_raw"], real, 1) + a_record(KINDS["patch_raw"], clear, 2))
    source = HACKATHON.open([path], normalised="undo")

    cloudy, sunny = source.read(source.plan().rows)

    assert (real > 4095).mean() > 0.5
    np.testing.assert_array_equal(cloudy.stacks["s2"].data, np.minimum(real, 4095))
    np.testing.assert_array_equal(sunny.stacks["s2"].data, np.minimum(clear, 4095))


def test_four_real_quarters_become_a_corpus_by_way_of_records(tmp_path):
    """Reflectance of the clearest day of each quarter; the pixel check finds all four unshifted (data README)."""
    quarters = [italy()[date] / 10000 for date in CLEAREST]
    names = {key: (key.split("_")[0], int(key[-1]) - 1) for key in THEIR_KEYS}
    channels = [quarters[q][ITALY.index(f"B{int(band[1:]):02d}")] for band, q in (names[key] for key in THEIR_KEYS)]
    a_cell_file(tmp_path / "a", (2018, 12.71, 42.08, 0.25), channels=np.stack(channels).astype(np.float32))
    source = VISIONDL.open([tmp_path / "a"])

    built = build(source, source.plan(), tmp_path / "corpus")

    assert (built.done, built.quarantined) == (1, 0)
    sample = open_corpus(tmp_path / "corpus").sample("2018_12.71_42.08_0.25")
    stack = sample.stacks["s2"]
    np.testing.assert_allclose(stack.data[1, 0], quarters[1][ITALY.index("B04")], atol=1e-7)
    assert [offset["verdict"].split(" ")[0] for offset in stack.origin.offsets] == ["unshifted"] * 4
    assert sample.targets["wi"].values["wi"] == 0.25
    assert stack.gsd == pytest.approx((30 * np.cos(np.radians(42.08)),) * 2)


def a_real_pair(folder: Path) -> Sample:
    """Denmark: L2A and S1 on one grid, by rasterio; the L2A's offset removed, as all its claims say."""
    bands = tuple(band for band in ITALY if band != "B10")
    with open_raster(folder / "S2L2A.tif", where="S2L2A") as file:
        box = read_header(file, where="S2L2A").geobox
        optical = file.read().astype(np.float32)[None]
    with rasterio.open(folder / "S1RTC.tif") as file:
        radar = file.read().astype(np.float32)[None]
    said = decide_offset(
        [Claim("convention", (0.0,), "TerraMesh")], check_pixels(optical[0], bands, level="L2A"), where=""
    )
    times = np.array(["2017-10-30"], "datetime64[us]")
    gsd = (box.transform.a, -box.transform.e)
    item = "COPERNICUS/S2_SR/20171030T103151_20171030T103151_T32UNG"
    s2 = Origin((item,), "s2-l2a", "L2A", offsets=(said.to_json(),))
    s1 = Origin(("S1A_IW_GRDH_1SDV_20171030T053201_20171030T053226_019032_02030D",), "s1-grd", "GRD")
    return Sample(
        "denmark-637",
        {
            "gee-s2": Stack(optical, bands, times, dn("boa", offset=0), box, gsd, None, s2),
            "gee-s1": Stack(radar, ("VV", "VH"), times, SIGMA0_DB, box, gsd, None, s1),
        },
    )


def test_a_real_pair_travels_through_the_tree(tmp_path):
    """Data README, 637U: Denmark, S2 2017-10-30, S1 the same day, VV and VH in dB, no offset, 224 px of 10 m."""
    real = a_real_pair(data("s1s2-places/637U_59R_1_3"))
    write_tree([real], tmp_path / "denmark")
    source = DEEPSENTINEL.open([tmp_path / "denmark"])

    built = build(source, source.plan(), tmp_path / "corpus")

    assert (built.done, built.quarantined) == (1, 0)
    sample = open_corpus(tmp_path / "corpus").sample("denmark-637")
    for name in ("gee-s2", "gee-s1"):
        np.testing.assert_array_equal(sample.stacks[name].data, real.stacks[name].data)
    optical, radar = sample.stacks["gee-s2"], sample.stacks["gee-s1"]
    assert optical.data.shape == (1, 12, 224, 224)
    assert str(optical.times[0])[:10] == str(radar.times[0])[:10] == "2017-10-30"
    assert optical.geobox.crs.epsg == utm_epsg(*sample.lonlat)
    assert optical.origin.offsets[0]["verdict"].startswith("unshifted")
    difference = float(np.median(radar.data[0, 0]) - np.median(radar.data[0, 1]))
    assert 4 <= difference <= 10  # science, trap 12: VV - VH over land


def test_crop_becomes_a_corpus(tmp_path):
    """Data README: 4,608 rows of 46 steps, labels 1..24."""
    source = SERIES.open([data("timeseries/Crop_TRAIN.tsv.gz")], gsd=8, dates="2006-02-09,8")

    built = build(source, source.plan(), tmp_path / "corpus")

    assert (built.done, built.quarantined, built.total) == (4608, 0, 4608)
    held = open_corpus(tmp_path / "corpus")
    first = held.sample("Crop_TRAIN-00000")
    np.testing.assert_allclose(first.stacks["series"].data[:3, 0, 0, 0], [0.24, 0.257, 0.274], atol=1e-7)
    assert first.targets["class"].code == 1
    assert str(first.stacks["series"].times[1])[:10] == "2006-02-17"
