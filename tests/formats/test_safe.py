"""Products as samples: windows that meet at every size, several baselines together, what is left out and why."""

from __future__ import annotations

import os

import numpy as np
import pytest

from swath.core.errors import Failure, Mismatch, Refused, SwathError, Unknown
from swath.core.quantity import class_of, dn
from swath.core.sample import Sample
from swath.core.stack import to_physical
from swath.formats import sniff
from swath.formats.safe import SAFE_S2
from swath.testing.format import check_format
from swath.testing.source import check_source
from tests.formats.a_safe import LEFT, TOP, a_band, a_gml, a_jp2, a_safe


def samples(source):
    return {made.id: made for made in source.read(source.plan().rows)}


@pytest.mark.parametrize("is_zip", [False, True])
def test_the_format_keeps_its_contract(tmp_path, is_zip):
    plan = check_format(SAFE_S2, a_safe(tmp_path, is_zip=is_zip), size=60, clouds="yes", angles="mean", spawned=is_zip)

    assert (len(plan), plan.failures) == (4, ())


def test_level_2a_keeps_the_contract_with_its_codes(tmp_path):
    plan = check_format(SAFE_S2, a_safe(tmp_path, level="L2A"), size="60,120", spawned=False)

    assert len(plan) == 2
    assert list(plan.layout.stacks) == ["s2-10m", "s2-20m", "s2-60m", "scl"]
    assert plan.layout.stacks["scl"].size == (30, 60)
    assert plan.layout.licences == ("Contains modified Copernicus Sentinel data 2022.",)


def test_a_path_is_recognised(tmp_path):
    assert sniff(a_safe(tmp_path)) == "safe-s2"
    (tmp_path / "zips").mkdir()
    assert sniff(a_safe(tmp_path / "zips", is_zip=True)) == "safe-s2"
    assert sniff(tmp_path / "zips") == "safe-s2"


def test_windows_cover_the_same_ground_at_every_size(tmp_path):
    """Second window of the second row: from pixel (60, 60) of 10 m, (30, 30) of 20 m, (10, 10) of 60 m."""
    made = list(samples(SAFE_S2.open([a_safe(tmp_path)], size=60)).values())[3]

    for name, gsd, band in (("s2-10m", 10, "B02"), ("s2-20m", 20, "B05"), ("s2-60m", 60, "B01")):
        stack, n = made.stacks[name], 600 // gsd
        assert (stack.geobox.transform.c, stack.geobox.transform.f) == (LEFT + 600, TOP - 600)
        np.testing.assert_array_equal(stack.data[0, 0], a_band(band, 1200 // gsd, added=1000)[n:, n:])
    assert made.group == "T32TPS_r00060_c00060"


def test_a_whole_product_is_one_sample_by_default(tmp_path):
    source = SAFE_S2.open([a_safe(tmp_path)])
    plan = check_source(source, spawned=False)

    assert plan.rows["id"].to_pylist() == ["S2A_MSIL1C_20220612T101031_N0400_R022_T32TPS_20220612T101031"]
    assert plan.layout.stacks["s2-10m"].size == (120, 120)
    assert plan.bytes == 2 * (4 * 120**2 + 6 * 60**2 + 3 * 20**2)


def test_older_baselines_are_shifted_up_to_the_newest_offset(tmp_path):
    """Contract 3 of the house: lossless in integers, and reflectance is the same before and after; 0 stays nodata."""
    new = a_safe(tmp_path)
    old = a_safe(tmp_path, baseline="03.01", offset=None, added=0, start="2021-06-12T10:10:31.024Z")
    source = SAFE_S2.open([new, old], gsd=20)
    plan = check_source(source, spawned=False)
    first, second = samples(source).values()

    assert plan.layout.stacks["s2-20m"].quantity == dn("toa", offset=-1000)
    assert first.id.startswith("S2A_MSIL1C_20210612")
    assert first.stacks["s2-20m"].origin.offsets[0]["stored"] == [0.0]
    np.testing.assert_array_equal(first.stacks["s2-20m"].data, second.stacks["s2-20m"].data)
    alone = samples(SAFE_S2.open([old], gsd=20))
    want = to_physical(next(iter(alone.values())).stacks["s2-20m"]).data
    np.testing.assert_allclose(to_physical(first.stacks["s2-20m"]).data, want, rtol=1e-6)
    assert (first.stacks["s2-20m"].data[0, :, 0] == 0).all()


def test_clouds_are_a_stack_with_their_own_validity(tmp_path):
    ring = [(LEFT, TOP), (LEFT + 300, TOP), (LEFT + 300, TOP - 300), (LEFT, TOP - 300), (LEFT, TOP)]
    path = a_safe(tmp_path, masks={"MSK_CLOUDS_B00.gml": a_gml("OPAQUE", [ring])})
    plan = check_source(SAFE_S2.open([path], clouds="yes"), spawned=False)
    clouds = next(iter(samples(SAFE_S2.open([path], clouds="yes")).values())).stacks["clouds"]

    assert (clouds.bands, clouds.quantity) == (("opaque", "cirrus", "snow"), class_of("s2-mask"))
    assert clouds.data[0, 0, :5, :5].all()
    assert "s2-mask" in plan.layout.legends


def test_a_product_that_lies_is_left_out_by_name_and_the_others_are_read(tmp_path):
    good = a_safe(tmp_path / "a", side=300)
    a_safe(tmp_path / "b", side=300, added=0, start="2022-07-12T10:10:31.024Z")
    plan = SAFE_S2.open([tmp_path]).plan()

    assert [failure.id[:19] for failure in plan.failures] == ["S2A_MSIL1C_20220712"]
    assert plan.failures[0].reason == "refused"
    assert "the pixels contradict the metadata" in plan.failures[0].message
    assert good.stem in plan.rows["id"].to_pylist()


def test_products_of_another_kind_are_left_out(tmp_path):
    a_safe(tmp_path / "a")
    a_safe(tmp_path / "b", level="L2A", start="2023-06-12T10:10:31Z")
    plan = SAFE_S2.open([tmp_path]).plan()

    assert len(plan) == 1
    assert "want s2-10m L1C B02 B03 B04 B08, 120x120 uint16" in plan.failures[0].message


def test_the_same_product_twice_is_told(tmp_path):
    a_safe(tmp_path / "a")
    (tmp_path / "b").mkdir()
    a_safe(tmp_path / "b", is_zip=True)

    assert "is there more than once" in SAFE_S2.open([tmp_path]).plan().failures[0].message


def test_an_image_that_is_damaged_ends_as_a_failure_with_its_name(tmp_path):
    path = a_safe(tmp_path)
    image = next(path.rglob("*_B04.jp2"))
    os.truncate(image, image.stat().st_size // 2)
    made = list(SAFE_S2.open([path], size=60).read(SAFE_S2.open([path], size=60).plan().rows))

    assert {type(each) for each in made} == {Failure}
    assert all("_B04.jp2: is cut short" in each.message for each in made)


def test_empty_windows_are_failures_of_reason_invalid(tmp_path):
    path = a_safe(tmp_path)
    for file in path.rglob("*_B05.jp2"):
        data = a_band("B05", 60, added=1000)
        data[:30] = 0
        file.write_bytes(a_jp2(data[None], 20))
    reasons = [getattr(each, "reason", "read") for each in samples(SAFE_S2.open([path], size=60)).values()]

    assert reasons == ["invalid", "invalid", "read", "read"]
    some = SAFE_S2.open([path], size=60, min_valid=0.999)
    assert {type(each) for each in samples(some).values()} == {Failure, Sample}


@pytest.mark.parametrize(
    ("declared", "error", "said"),
    [
        (
            {"size": 64},
            Mismatch,
            "size differs: want multiples of 6 pixels, where s2-10m, s2-20m, s2-60m meet, have 64 x 64",
        ),
        ({"size": 60, "stride": 10}, Mismatch, "stride differs: want multiples of 6 pixels"),
        ({"size": 180}, Mismatch, "want 120 x 120 pixels at most, have 180 x 180"),
        ({"stride": 60}, Refused, "stride says how far, not how large"),
        ({"bands": "B02,B10", "gsd": 10}, Mismatch, "bands (B10 at 10 m)"),
        ({"gsd": 15}, Unknown, "unknown gsd '15'"),
        ({"scl": "yes"}, Mismatch, "bands (SCL missing)"),
        ({"angles": "B99"}, Unknown, "unknown band 'B99'"),
        ({"min_valid": 2}, Refused, "want a share from 0 to 1"),
        ({"clouds": "maybe"}, Unknown, "unknown clouds 'maybe'"),
    ],
)
def test_what_cannot_be_asked_for_is_refused(tmp_path, declared, error, said):
    with pytest.raises(error) as raised:
        SAFE_S2.open([a_safe(tmp_path)], **declared).plan()

    assert said in str(raised.value)


def test_a_tile_of_full_size_is_no_sample(tmp_path, monkeypatch):
    monkeypatch.setattr("swath.formats.sceneset.MOST_WHOLE", 100)
    with pytest.raises(Refused, match=r"120 x 120 pixels, too many for one sample. Declare size=, a multiple of 6"):
        SAFE_S2.open([a_safe(tmp_path)]).plan()


def test_a_folder_without_a_product_is_refused(tmp_path):
    with pytest.raises(Refused, match="holds no Sentinel-2 product"):
        SAFE_S2.open([tmp_path])
    with pytest.raises(SwathError, match="no path was given"):
        SAFE_S2.open([])
