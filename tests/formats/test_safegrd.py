"""Detected radar as samples: power, validity, what marks it as placed by points, and what is refused."""

from __future__ import annotations

import os
import pickle

import numpy as np
import pytest

from swath.core.errors import Failure, Mismatch, Refused, SwathError, Unknown
from swath.core.quantity import SIGMA0, class_of, convert, dn
from swath.core.scene import Window
from swath.formats import sniff
from swath.formats.markup import read_xml
from swath.formats.safecalibration import read_calibration, read_noise
from swath.formats.safegrd import SAFE_S1, open_grd
from swath.testing.format import check_format
from tests.formats.a_grd import SHAPE, a_grd, amplitude, calibration_xml, incidence, noise_xml

WHOLE = Window(0, 0, *SHAPE)


def test_the_format_keeps_its_contract(tmp_path):
    plan = check_format(SAFE_S1, a_grd(tmp_path), size=40, incidence="yes", below_noise="yes")

    assert len(plan) == 12
    assert list(plan.layout.stacks) == ["s1", "incidence", "below-noise"]
    assert plan.layout.stacks["s1"].bands == ("VV", "VH")
    assert plan.layout.stacks["s1"].gsd == (10.0, 10.0)
    assert plan.rows["why"][0].as_py().startswith("VV: noise subtracted, equivalent to sigma0 of -25.3 dB")
    assert sniff(tmp_path) == "safe-s1"


def test_a_zip_keeps_it_too(tmp_path):
    assert len(check_format(SAFE_S1, a_grd(tmp_path, is_zip=True), quantity="dn", spawned=False)) == 1


def test_power_is_what_the_tables_make_of_the_amplitude(tmp_path):
    """(DN^2 - eta) / A^2 with the builder's own tables, one polarisation each."""
    stack = open_grd(a_grd(tmp_path)).read(WHOLE)
    table = read_calibration(read_xml(calibration_xml("VH").encode(), where=""), where="").luts["sigma0"]
    noise = read_noise(read_xml(noise_xml("VH").encode(), where=""), where="")
    at, raw = (np.arange(SHAPE[0]), np.arange(SHAPE[1])), amplitude("VH").astype(float)

    want = (raw**2 - noise.at(*at)) / table.at(*at) ** 2
    np.testing.assert_allclose(stack.data[0, 1][raw > 0], want[raw > 0], rtol=1e-4, atol=1e-8)
    assert stack.quantity == SIGMA0
    assert not stack.valid[0, 0, :, :4].any()
    assert stack.valid[0, 0, :, 4:].all()
    assert np.isnan(stack.data[0, :, :, :4]).all()


def test_bands_come_in_the_order_asked_for(tmp_path):
    path = a_grd(tmp_path)
    stack = open_grd(path, bands="VH,VV", quantity="dn").read(WHOLE)

    assert (stack.bands, stack.quantity) == (("VH", "VV"), dn(None, offset=None))
    np.testing.assert_array_equal(stack.data[0, 0], amplitude("VH"))
    np.testing.assert_array_equal(stack.data[0, 1], amplitude("VV"))


def test_everything_says_that_it_is_placed_by_control_points(tmp_path):
    """No geobox and no transform: nothing can pair it by pixel; how far terrain may shift it stands beside it."""
    source = SAFE_S1.open([a_grd(tmp_path)], size=40)
    made = list(source.read(source.plan().rows))
    flat, hill = made[0].stacks["s1"].origin.geometry, made[-1].stacks["s1"].origin.geometry

    assert all(sample.stacks["s1"].geobox is None for sample in made)
    assert (flat["georef"], flat["displacement_m"]) == ("gcp", 0.0)
    assert hill["displacement_m"] > 400
    assert (flat["relative_orbit"], flat["direction"]) == (59, "ascending")
    assert flat["incidence_deg"] == pytest.approx(30 + 16 * 20 / 159, abs=0.01)
    assert made[0].footprint.area > 0
    assert made[0].stacks["s1"].origin.to_json()["geometry"]["georef"] == "gcp"


def test_the_angle_of_incidence_turns_sigma0_into_gamma0(tmp_path):
    """The stack that comes along is the angle that `core.quantity.convert` asks for."""
    path = a_grd(tmp_path)
    sigma, gamma = (open_grd(path, quantity=kind, bands="VV") for kind in ("sigma0", "gamma0_ellipsoid"))
    window = Window(20, 20, 30, 30)
    angle = sigma.incidence(window)

    np.testing.assert_allclose(angle.data[0, 0, 0], np.rad2deg(incidence(np.arange(20, 50))), atol=0.05)
    one, other = sigma.read(window), gamma.read(window)
    made = convert(one.data, one.quantity, other.quantity, incidence=angle.data)
    np.testing.assert_allclose(made, other.data, rtol=2e-4)


def test_negative_powers_are_kept_and_what_lies_below_the_noise_is_told(tmp_path):
    """`science` 2.3: signed through every average; x < NESZ is where DN^2 < 2 eta."""
    images = {"VV": np.full(SHAPE, 20, np.uint16), "VH": np.full(SHAPE, 200, np.uint16)}
    source = SAFE_S1.open([a_grd(tmp_path, images=images)], below_noise="yes")
    made = next(iter(source.read(source.plan().rows)))

    assert (made.stacks["s1"].data[0, 0] < 0).all()
    assert made.stacks["below-noise"].quantity == class_of("s1-below-noise")
    assert made.stacks["below-noise"].data[0, 0].all()
    assert not made.stacks["below-noise"].data[0, 1].any()


@pytest.mark.parametrize(
    ("made", "said"),
    [
        ({"removed": "true"}, "VV: noise left in, the provider has subtracted it"),
        ({"noise": "none"}, "VV: noise left in, the product has no table of noise"),
        ({"power": 1e6}, "VV: noise left in, its table cannot be"),
        ({"noise": "old"}, "VV: noise subtracted"),
        ({"noise": "stripmap"}, "VV: noise subtracted"),
        ({"noise": "single"}, "VV: noise subtracted"),
        ({"orbit": (39156, 60)}, "the manifest says relative orbit 60, absolute orbit 39156 is 59"),
    ],
)
def test_what_became_of_the_noise_stands_in_the_plan(tmp_path, made, said):
    assert said in SAFE_S1.open([a_grd(tmp_path, **made)]).plan().rows["why"][0].as_py()


def test_noise_is_left_in_if_asked(tmp_path):
    path = a_grd(tmp_path)
    with_noise, without = (open_grd(path, noise=flag).read(WHOLE).data for flag in ("no", "yes"))

    assert (with_noise[0, 0, :, 4:] > without[0, 0, :, 4:]).all()


def test_borders_of_old_processors_are_invalid(tmp_path):
    """Until IPF 2.90 edges hold small non-zero numbers; a dark pixel that no run joins to the edge is a measurement."""
    data = np.full(SHAPE, 150, np.uint16)
    data[:, :6] = 3
    data[:2] = 5
    data[50, 60] = 4
    data[70, 6:9] = 7
    for ipf, row in (("002.72", False), ("002.91", True)):
        (tmp_path / ipf).mkdir()
        scene = open_grd(a_grd(tmp_path / ipf, ipf=ipf, images={"VV": data}, polarisations=["VV"]))
        valid = scene.read(WHOLE).valid
        made = np.ones(SHAPE, bool) if valid is None else valid[0, 0]
        assert made[10, 3] == row
        assert made[0, 80] == row
        assert made[50, 60]
        assert made[70, 8] == row
        part = scene.read(Window(60, 5, 30, 30)).valid
        window = np.ones((30, 30), bool) if part is None else part[0, 0]
        np.testing.assert_array_equal(window, made[60:90, 5:35])


def test_a_window_beyond_the_edge_is_invalid_there(tmp_path):
    stack = open_grd(a_grd(tmp_path)).read(Window(-10, 150, 30, 30))

    assert stack.data.shape == (1, 2, 30, 30)
    assert not stack.valid[0, 0, :10].any()
    assert not stack.valid[0, 0, :, 10:].any()
    assert stack.valid[0, 0, 10:, :10].all()


def test_windows_without_data_are_failures_of_reason_invalid(tmp_path):
    data = amplitude("VV")
    data[:, :80] = 0
    source = SAFE_S1.open([a_grd(tmp_path, images={"VV": data})], size=40)
    made = list(source.read(source.plan().rows))

    assert [getattr(each, "reason", "read") for each in made[:4]] == ["invalid", "invalid", "read", "read"]


@pytest.mark.parametrize(
    ("made", "error", "said"),
    [
        ({"kind": "SLC"}, Refused, "is SLC, complex or unknown: only detected images (GRD) are read"),
        (
            {"images": {"VV": np.ones((10, 10), np.uint16)}},
            Mismatch,
            "want 1 band of uint16, 120 x 160 pixels (annotation)",
        ),
    ],
)
def test_products_that_cannot_be_are_refused(tmp_path, made, error, said):
    with pytest.raises(error) as raised:
        open_grd(a_grd(tmp_path, **made)).read(WHOLE)

    assert said in str(raised.value)


def test_tables_of_another_polarisation_are_refused(tmp_path):
    """Trap 12: VV and VH swapped."""
    path = a_grd(tmp_path)
    file = next(path.rglob("calibration-s1a-iw-grd-vv*"))
    file.write_text(calibration_xml("VH"))
    with pytest.raises(Mismatch, match=r"polarisation differs: want VV \(its image\), have VH"):
        open_grd(path)


def test_files_that_are_missing_are_named(tmp_path):
    path = a_grd(tmp_path)
    next(path.rglob("measurement/*vh*")).unlink()
    with pytest.raises(Refused, match="has annotation and no image of VH. Fetch the product whole"):
        open_grd(path)
    assert open_grd(path, bands="VV").bands == ("VV",)
    next(path.rglob("calibration-*vv*")).unlink()
    with pytest.raises(SwathError, match="has no calibration of VV"):
        open_grd(path, bands="VV")


def test_a_damaged_image_ends_as_a_failure(tmp_path):
    path = a_grd(tmp_path)
    source = SAFE_S1.open([path], size=40)
    plan = source.plan()
    image = next(path.rglob("measurement/*vv*"))
    os.truncate(image, image.stat().st_size // 2)
    made = list(source.read(plan.rows))

    assert all(isinstance(each, Failure) for each in made)
    assert "is cut short" in made[0].message


def test_products_open_together_and_strange_ones_are_left_out(tmp_path):
    a_grd(tmp_path, name="S1A_IW_GRDH_A")
    a_grd(tmp_path, name="S1A_IW_GRDH_B", polarisations=["VV"])
    plan = SAFE_S1.open([tmp_path]).plan()

    assert plan.rows["id"].to_pylist() == ["S1A_IW_GRDH_A"]
    assert "want IW VV VH of 10 x 10 m (the first), have IW VV of 10 x 10 m" in plan.failures[0].message
    assert len(SAFE_S1.open([tmp_path], bands="VV").plan()) == 2


@pytest.mark.parametrize(
    ("declared", "error", "said"),
    [
        ({"quantity": "sigma1"}, Unknown, "unknown quantity 'sigma1'. Did you mean 'sigma0'"),
        ({"bands": "HH"}, Mismatch, "want HH, have VV VH"),
        ({"bands": "B04"}, Unknown, "unknown band 'B04'"),
        ({"size": 500}, Mismatch, "want 120 x 160 pixels at most, have 500 x 500"),
        ({"stride": 10}, Refused, "stride says how far, not how large"),
        ({"min_valid": -1}, Refused, "want a share from 0 to 1"),
    ],
)
def test_what_cannot_be_asked_for_is_refused(tmp_path, declared, error, said):
    with pytest.raises(error) as raised:
        SAFE_S1.open([a_grd(tmp_path)], **declared).plan()

    assert said in str(raised.value)


def test_a_whole_image_of_full_size_is_no_sample(tmp_path, monkeypatch):
    monkeypatch.setattr("swath.formats.safegrd.MOST_WHOLE", 100)
    with pytest.raises(Refused, match="has 120 x 160 pixels, too many for one sample. Declare size=, as 256"):
        SAFE_S1.open([a_grd(tmp_path)]).plan()


def test_a_scene_travels_to_another_process(tmp_path):
    scene = open_grd(a_grd(tmp_path))
    again = pickle.loads(pickle.dumps(scene))

    np.testing.assert_array_equal(again.read(Window(0, 10, 9, 9)).data, scene.read(Window(0, 10, 9, 9)).data)


def test_a_folder_without_radar_is_refused(tmp_path):
    with pytest.raises(Refused, match="holds no Sentinel-1 product"):
        SAFE_S1.open([tmp_path])
