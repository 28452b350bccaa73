"""Real Sentinel-1 annotation of three processors, against oracle numbers, identities, and an item made by others."""

from __future__ import annotations

import json
import os
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest
import rasterio
import shapely
from rasterio.errors import NotGeoreferencedWarning
from rasterio.windows import Window as RasterWindow

from swath.core.errors import Refused
from swath.core.scene import Window
from swath.formats.markup import read_xml
from swath.formats.safecalibration import calibrate, judge_noise, nesz, read_calibration, read_noise
from swath.formats.safegrd import SAFE_S1, open_grd, read_grd
from swath.formats.safetree import find_trees

pytestmark = pytest.mark.realdata

IW = "S1A_IW_GRDH_1SDV_20210809T173953_20210809T174018_039156_049F13_6FF8"
COAST = "S1B_IW_GRDH_1SDV_20211223T051122_20211223T051147_030148_039993_5371"
SLC = "S1A_IW_SL1__1_SH_20141031T095929_20141031T100002_003072_003842_91FC"
#: Line, pixel, DN -> A, eta [DN^2], sigma0, dB, noise equivalent sigma0 [dB] (`science` 9, computed elsewhere).
ORACLE = [
    (0, 0, 100, 662.8682, 2489.007, 0.017094, -17.672, -22.468),
    (5000, 13000, 100, 597.2625, 794.824, 0.0258049, -15.883, -26.521),
    (8338, 13072, 60, 596.9860, 815.561, 0.00781285, -21.072, -26.405),
    (12345, 20001, 250, 573.7722, 401.575, 0.188626, -7.244, -29.137),
]


def data(name: str) -> Path:
    return Path(os.environ["SWATH_REAL_DATA"]) / name


def write_sparse(path: Path, profile: dict) -> None:
    with rasterio.open(path, "w", SPARSE_OK=True, **profile) as file:
        for line, pixel, dn, *_ in ORACLE:
            file.write(np.full((1, 1, 1), dn, np.uint16), window=RasterWindow(pixel, line, 1, 1))


def product(name: str):
    return read_grd(find_trees(data(f"safe/{name}.SAFE.zip"), lambda each: each == "manifest.safe")[0])


@pytest.fixture(scope="module")
def image():
    return product(IW).images["VV"]


@pytest.mark.parametrize(("line", "pixel", "dn", "a", "eta", "sigma", "db", "floor"), ORACLE)
def test_oracle_numbers_of_the_real_tables(image, line, pixel, dn, a, eta, sigma, db, floor):
    at = np.array([line]), np.array([pixel])
    made = calibrate(np.array([[dn]], np.uint16), image.calibration, "sigma0", (line, pixel), noise=image.noise)

    assert image.calibration.luts["sigma0"].at(*at)[0, 0] == pytest.approx(a, abs=5e-5)
    assert image.noise.at(*at)[0, 0] == pytest.approx(eta, abs=5e-4)
    assert made[0, 0] == pytest.approx(sigma, rel=5e-6)
    assert 10 * np.log10(made[0, 0]) == pytest.approx(db, abs=5e-4)
    assert nesz(image.calibration, image.noise, *at)[0, 0] == pytest.approx(floor, abs=5e-4)


@pytest.mark.parametrize("corner", [(0, 0), (4990, 8700), (9000, 17500), (16420, 25888)])
def test_float32_errs_by_less_than_the_digits_of_the_tables(image, corner):
    """Seven digits leave half a unit of the last one open: in A, which enters squared, and in both factors of eta.

    Beyond that a float32 cannot say more than half a unit of its own. Windows lie at swath borders and image corners.
    """
    draw = np.random.default_rng(3)
    dn = np.exp(draw.uniform(0, np.log(4096), (256, 256))).astype(np.uint16)
    lines, pixels = np.arange(256) + corner[0], np.arange(256) + corner[1]
    a, eta = image.calibration.luts["sigma0"].at(lines, pixels), image.noise.at(lines, pixels)
    want = (np.square(dn.astype(float)) - eta) / a**2

    made = calibrate(dn, image.calibration, "sigma0", corner, noise=image.noise)

    half = 0.5e-6 * 10 ** np.floor(np.log10(a)) / a  # 6.628682e+02
    factor = 0.5e-6  # 1.040491e+00; and as much again in the range vectors, at least 0.5e-7
    left_open = 2 * half * abs(want) + (factor + 0.5e-7) * eta / a**2
    assert (abs(made - want) <= left_open + np.spacing(abs(made)) / 2).all()


def test_the_tables_keep_the_angle_of_incidence(image):
    """sin = A_beta^2 / A_sigma^2, cos = A_gamma^2 / A_sigma^2; `science` 2.1: 30.75 to 46.25 degrees, equal to 3e-5.

    Measured here over all 27 x 655 numbers: 5.3e-5, which is what seven digits of each table leave.
    """
    luts = image.calibration.luts
    squares = {name: np.square(lut.at(lut.lines, lut.pixels[0])) for name, lut in luts.items()}
    one = np.rad2deg(np.arcsin(squares["beta0"] / squares["sigma0"]))
    other = np.rad2deg(np.arccos(squares["gamma0_ellipsoid"] / squares["sigma0"]))

    assert abs(one - other).max() < 6e-5
    assert (round(one.min(), 2), round(one.max(), 2)) == (30.75, 46.25)
    inside = image.points.incidence
    assert (round(inside.min(), 2), round(inside.max(), 2)) == (30.44, 46.23)


def test_noise_of_both_polarisations_is_believed():
    """science 2.2: medians -25.7 dB in VV and -25.3 in VH, worst -22.1; the median here is over a regular grid."""
    made = product(IW)
    for band, median in (("VV", -25.7), ("VH", -25.3)):
        image = made.images[band]
        found = nesz(image.calibration, image.noise, np.linspace(0, 16675, 200), np.linspace(0, 26143, 400))
        assert image.is_noisy
        assert np.median(found) == pytest.approx(median, abs=0.3)
        assert -23 < found.max() < -21.5


def test_three_processors_are_read():
    """README: IPF 003.31 and 003.40 with range and azimuth noise; 002.36 with one list, in another unit."""
    assert [(product(name).ipf, product(name).orbit) for name in (IW, COAST)] == [("003.31", 59), ("003.40", 22)]
    assert all(product(name).note == "" for name in (IW, COAST))  # orbits agree with absolute ones
    assert product(COAST).images["VV"].is_noisy
    with zipfile.ZipFile(data(f"safe/{SLC}.SAFE.zip")) as opened:
        held = {
            kind: read_xml(opened.read(name), where=name)
            for kind in ("calibration", "noise")
            for name in opened.namelist()
            if f"/{kind}-" in name
        }
    table, noise = read_calibration(held["calibration"], where="c"), read_noise(held["noise"], where="n")
    assert noise.azimuth == ()
    is_noisy, why = judge_noise(table, noise, (14733, 21032), is_removed=False)
    assert not is_noisy
    assert why.startswith("its table is in another unit: equivalent to sigma0 of -140.6 dB")


def test_complex_images_are_refused_and_trees_without_images_left_out():
    with pytest.raises(Refused, match="is SLC, complex or unknown"):
        SAFE_S1.open([data(f"safe/{SLC}.SAFE.zip")])
    with pytest.raises(Refused, match="has annotation and no image of VV, VH. Fetch the product whole"):
        SAFE_S1.open([data(f"safe/{IW}.SAFE.zip")])


def test_the_item_made_of_the_tree_agrees_but_for_its_grid():
    """stactools: names, orbit and place agree; proj:shape is turned round (README: 26144 x 16676 for 16676 lines)."""
    made, item = product(IW), json.loads(data("stac-items/stactools_grd_S1A_20210809.json").read_text())
    said = item["properties"]

    assert made.id == said["s1:product_identifier"]
    assert (made.orbit, made.direction) == (said["sat:relative_orbit"], said["sat:orbit_state"])
    assert list(made.images) == said["sar:polarizations"]
    assert made.time == np.datetime64(said["start_datetime"].rstrip("Z"), "us")
    assert list(made.images["VV"].shape) == said["proj:shape"][::-1] == [16676, 26144]
    outline = made.images["VV"].points.footprint(Window(0, 0, 16676, 26144), where="")
    assert outline.intersection(shapely.geometry.shape(item["geometry"])).area / outline.area > 0.97
    # A transform made of the box misplaces the first pixel by as much as the scene is tilted.
    t = said["proj:transform"]
    lon, lat = made.images["VV"].points.place(0, 0)
    assert np.hypot((t[2] - lon) * 78, (t[5] - lat) * 111) > 100  # km


def test_a_whole_product_reads_to_the_oracle_numbers(tmp_path):
    """The real annotation with an image of full size in which only the oracle's amplitudes stand (sparse blocks)."""
    with zipfile.ZipFile(data(f"safe/{IW}.SAFE.zip")) as opened:
        opened.extractall(tmp_path)
    root = tmp_path / f"{IW}.SAFE"
    (root / "measurement").mkdir()
    profile = {"driver": "GTiff", "dtype": "uint16", "count": 1, "height": 16676, "width": 26144, "tiled": True}
    stems = [path.stem for path in (root / "annotation").glob("*.xml")]
    for stem in stems:
        path = root / "measurement" / f"{stem}.tiff"
        with pytest.warns(NotGeoreferencedWarning):
            write_sparse(path, profile)
    scene = open_grd(root)

    assert (scene.bands, scene.shape, scene.gsd) == (("VV", "VH"), (16676, 26144), (10.0, 10.0))
    for line, pixel, _, _, _, sigma, _, _ in ORACLE:
        stack = scene.read(Window(max(line - 2, 0), max(pixel - 3, 0), 8, 8))
        row, col = min(line, 2), min(pixel, 3)
        assert stack.data[0, 0, row, col] == pytest.approx(sigma, rel=5e-6)
        assert stack.valid.sum() == 1  # alike in both polarisations
    geometry = scene.origin.geometry
    assert geometry["georef"] == "gcp"
    assert geometry["displacement_m"] > 1000  # the Massif Central: heights of 1.4 km among the points
    plan = SAFE_S1.open([root], size=1024).plan()
    assert len(plan) == 16 * 25
    shutil.rmtree(root)
