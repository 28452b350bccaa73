"""SEN12MS-CR: looks joined by name, roles, order and offset by the pixels, series by date; and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
import rasterio
from affine import Affine

from swath.core.bands import S2_BANDS
from swath.core.errors import Mismatch, Refused, Unreadable
from swath.core.presets import band_order
from swath.core.quantity import SIGMA0_DB, dn
from swath.core.sample import TargetSpec
from swath.formats import sniff
from swath.formats.sen12mscr import CLEAR, CLOUDY, SEN12MSCR
from swath.testing.format import check_format
from tests.formats.a_sen12mscr import DATES, a_series, a_triplet, l1c, radar, triplets, zipped
from tests.formats.reading import by_id, samples_of, the_failure


def test_triplets_keep_the_contract(tmp_path):
    """Data README: 2 float32 VV, VH dB; 13 uint16 L1C in order B01..B08, B8A, B09, B10, B11, B12."""
    plan = check_format(SEN12MSCR, triplets(tmp_path / "t"))

    stacks = plan.layout.stacks
    assert list(stacks) == ["s1", CLEAR, CLOUDY]
    assert (stacks["s1"].bands, stacks["s1"].quantity) == (("VV", "VH"), SIGMA0_DB)
    for name in (CLEAR, CLOUDY):
        assert (stacks[name].bands, stacks[name].quantity) == (S2_BANDS, dn("toa", offset=0))
        assert (stacks[name].level, stacks[name].sensor) == ("L1C", "s2-l1c")
    assert plan.layout.targets == {CLEAR: TargetSpec("stack")}
    assert plan.rows["id"].to_pylist() == ["ROIs1970_fall_7_p2", "ROIs1970_fall_139_p0", "ROIs1970_fall_139_p1"]


def test_a_series_keeps_the_contract(tmp_path):
    plan = check_format(SEN12MSCR, a_series(tmp_path / "s", kinds=("s2", "s1")), spawned=False)

    assert {name: spec.dates for name, spec in plan.layout.stacks.items()} == {"s1": 4, "s2": 4}


def test_what_is_clear_is_the_target_and_every_pixel_is_the_files(tmp_path):
    """Cloud removal learns the clear look from the cloudy one and the radar."""
    a_triplet(tmp_path / "t")

    (sample,) = samples_of(SEN12MSCR.open([tmp_path / "t"]))

    assert set(sample.stacks) == {"s1", CLOUDY}
    np.testing.assert_array_equal(sample.stacks["s1"].data[0], radar(839))
    np.testing.assert_array_equal(sample.targets[CLEAR].stack.data[0], l1c(839))
    with rasterio.open(next((tmp_path / "t").rglob("*s2_cloudy*.tif"))) as file:
        np.testing.assert_array_equal(sample.stacks[CLOUDY].data[0], file.read())
    assert np.isnat(sample.stacks[CLOUDY].times).all()


def test_cloud_above_10000_is_kept(tmp_path):
    """Data README: digital numbers reach 21,928 over cloud; a clip at 10,000 loses data."""
    (sample,) = samples_of(SEN12MSCR.open([a_triplet(tmp_path / "t")]))

    assert sample.stacks[CLOUDY].data.max() == 14000


def test_the_clear_look_can_be_one_stack_among_others(tmp_path):
    (sample,) = samples_of(SEN12MSCR.open([a_triplet(tmp_path / "t")], clear="stack"))

    assert set(sample.stacks) == {"s1", CLEAR, CLOUDY}
    assert not sample.targets


def test_pairs_without_radar_open_as_pairs(tmp_path):
    plan = SEN12MSCR.open([triplets(tmp_path / "t", kinds=("s2", "s2_cloudy"))]).plan()

    assert list(plan.layout.stacks) == [CLEAR, CLOUDY]
    assert len(plan) == 3


def test_clear_looks_alone_are_stacks(tmp_path):
    (sample,) = samples_of(SEN12MSCR.open([a_triplet(tmp_path / "t", kinds=("s2",))]))

    assert set(sample.stacks) == {CLEAR}
    with pytest.raises(Refused, match=r"leaves no stack in a sample, only a target\. Declare clear=stack\."):
        SEN12MSCR.open([tmp_path / "t"], clear="target")


def test_patches_of_a_scene_are_one_group(tmp_path):
    """Data README: p-number +1 is 128 px east, patches overlap by half."""
    rows = SEN12MSCR.open([triplets(tmp_path / "t")]).plan().rows

    assert rows["group"].to_pylist() == ["ROIs1970_fall_7", "ROIs1970_fall_139", "ROIs1970_fall_139"]


def test_zips_and_folders_give_the_same(tmp_path):
    folder = triplets(tmp_path / "t")

    packed, loose = by_id(SEN12MSCR.open([zipped(folder)])), by_id(SEN12MSCR.open([folder]))

    assert packed.keys() == loose.keys()
    for id, sample in packed.items():
        np.testing.assert_array_equal(sample.stacks[CLOUDY].data, loose[id].stacks[CLOUDY].data)


def test_bands_in_another_order_are_refused(tmp_path):
    """science, trap 4: EuroSAT's order, in which B8A is last, is another one."""
    folder = triplets(tmp_path / "t", 8, order=band_order("eurosat-13").bands)

    with pytest.raises(Mismatch) as raised:
        SEN12MSCR.open([folder])

    assert str(raised.value).startswith(f"t: band order differs: want {' '.join(S2_BANDS)}, have ")
    assert "The pixels fit eurosat-13 (B01 B02" in str(raised.value)


def test_the_proof_stands_in_the_plan(tmp_path):
    plan = SEN12MSCR.open([triplets(tmp_path / "t", 8)]).plan()

    assert plan.asked["band_order"] == f"{' '.join(S2_BANDS)}: proved by physics on 8 windows"


def test_shifted_numbers_are_quarantined_with_both_readings(tmp_path):
    """science 1.7: the pixel check may veto what a set documents, never silently."""
    a_triplet(tmp_path / "t", 839, shift=1000)
    a_triplet(tmp_path / "t", 840)

    said = the_failure(SEN12MSCR.open([tmp_path / "t"])).message

    assert said.startswith("ROIs1970_fall_139_p839: the pixels contradict the metadata: convention says 0 (SEN12MS-CR")
    assert "the pixel check says shifted (1 % quantile of B10 is 10" in said
    assert said.endswith("then declare its offset (0 or -1000), which is recorded as an override.")


def test_a_declared_offset_is_obeyed_and_recorded(tmp_path):
    (sample,) = samples_of(SEN12MSCR.open([a_triplet(tmp_path / "t", shift=1000)], offset=-1000))

    stack = sample.stacks[CLOUDY]
    assert stack.quantity == dn("toa", offset=-1000)
    assert stack.origin.offsets[0]["by"] == "override"


def test_a_veiled_look_follows_the_clear_one_beside_it(tmp_path):
    """science 1.7: dates known to be processed alike follow the decided ones, recorded as such."""
    clear = l1c(839)
    veil = (clear // 4 + 3000).astype(np.uint16)
    veil[S2_BANDS.index("B10")] = 1050

    (sample,) = samples_of(SEN12MSCR.open([a_triplet(tmp_path / "t", pixels={"s2_cloudy": veil})]))

    note = sample.stacks[CLOUDY].origin.offsets[0]
    assert note["offset"] == [0.0]
    assert note["verdict"].startswith("shifted (1 % quantile of B10 is 1050")
    assert note["verdict"].endswith("follows the dates of its series that are unshifted, for all were processed alike")


def test_a_patch_that_lacks_a_look_is_quarantined(tmp_path):
    triplets(tmp_path / "t")
    next((tmp_path / "t").rglob("*s2_cloudy_139_p1.tif")).unlink()

    failure = the_failure(SEN12MSCR.open([tmp_path / "t"]))

    assert (failure.id, failure.reason) == ("ROIs1970_fall_139_p1", "missing")
    assert failure.message == (
        "ROIs1970_fall_139_p1: has no s2-cloudy file, as most others have. "
        "Fetch it, or name the stacks that are there with stacks=."
    )


def test_looks_on_other_ground_are_refused(tmp_path):
    a_triplet(tmp_path / "t", moved="s2_cloudy")
    a_triplet(tmp_path / "t", 840)

    said = the_failure(SEN12MSCR.open([tmp_path / "t"])).message

    assert "ROIs1970_fall_s2_cloudy_139_p839.tif: grid differs: want corner 7" in said
    assert said.endswith("One of the two was moved or renamed: fetch both again.")


def test_a_file_in_the_folder_of_another_kind_is_named(tmp_path):
    triplets(tmp_path / "t")
    path = next((tmp_path / "t").rglob("*_s2_139_p1.tif"))
    path.rename(path.parents[2] / "ROIs1970_fall_s2_cloudy" / "s2_cloudy_139" / path.name)

    messages = [failure.message for failure in SEN12MSCR.open([tmp_path / "t"]).plan().failures]

    assert any("want s2_cloudy of scene 139 (its folder), have s2 of scene 139 (its name)" in said for said in messages)


def test_exchanged_polarisations_are_refused(tmp_path):
    """science, trap 12: median VV - VH over land is 4 to 10 dB, on calm water 2.4."""
    a_triplet(tmp_path / "t", pixels={"s1": radar(839)[::-1].copy()})
    a_triplet(tmp_path / "t", 840)

    said = the_failure(SEN12MSCR.open([tmp_path / "t"])).message

    assert "polarisations differs: want VV above VH (median), have -7.0 dB below it." in said


def test_a_file_of_another_kind_is_refused(tmp_path):
    a_triplet(tmp_path / "t", pixels={"s2_cloudy": l1c(1).astype(np.float32)}, kinds=("s1", "s2"))
    a_triplet(tmp_path / "t", 840)
    good = next((tmp_path / "t").rglob("*s1_139_p839.tif"))
    there = tmp_path / "t" / "ROIs1970_fall_s2_cloudy" / "s2_cloudy_139" / "ROIs1970_fall_s2_cloudy_139_p839.tif"
    there.write_bytes(good.read_bytes())

    said = the_failure(SEN12MSCR.open([tmp_path / "t"])).message

    assert "patch differs: want 13 bands of uint16, 64 x 64 pixels (SEN12MS-CR), have 2 of float32, 64 x 64" in said


def test_a_claim_of_ten_gigabytes_is_refused_before_it_is_allocated(tmp_path):
    """A header can claim any size: 20,000 x 20,000 px of 13 bands are 10.4 GB."""
    path = a_triplet(tmp_path / "t", kinds=("s2",)) / "ROIs1970_fall_s2" / "s2_139" / "ROIs1970_fall_s2_139_p839.tif"
    profile = {"driver": "GTiff", "width": 20000, "height": 20000, "count": 13, "dtype": "uint16", "sparse_ok": True}
    with rasterio.open(path, "w", tiled=True, crs="EPSG:32650", transform=Affine(10, 0, 7e5, 0, -10, 37e5), **profile):
        pass

    with pytest.raises(Unreadable, match=r"claims 10,400,000,000 bytes of pixels, above 268,435,456\."):
        SEN12MSCR.open([tmp_path / "t"])


def test_a_series_is_one_stack_of_its_dates(tmp_path):
    """Data README: 8.98e-5 degrees are 10.0 m from north to south but 7.4 m from east to west at 42 N."""
    (sample,) = samples_of(SEN12MSCR.open([a_series(tmp_path / "s")]))

    stack = sample.stacks["s2"]
    assert sample.id == "ROIs2017_146_patch_0"
    assert [str(time)[:10] for time in stack.times] == list(DATES)
    np.testing.assert_array_equal(stack.data[2], l1c(2))
    assert stack.gsd == pytest.approx((7.43, 9.98), abs=0.01)


def test_more_than_nine_looks_stay_in_the_order_of_their_numbers(tmp_path):
    """ImgNo_10 stands before ImgNo_2 in a folder."""
    dates = [f"2018-{month:02d}-05" for month in range(1, 13)]

    (sample,) = samples_of(SEN12MSCR.open([a_series(tmp_path / "s", dates)]))

    assert [str(time)[:10] for time in sample.stacks["s2"].times] == dates
    np.testing.assert_array_equal(sample.stacks["s2"].data[10], l1c(10))


def test_a_series_in_wrong_order_is_refused(tmp_path):
    a_series(tmp_path / "s", ["2018-01-06", "2018-06-10", "2018-02-10"])
    a_series(tmp_path / "s", scene=147)

    said = the_failure(SEN12MSCR.open([tmp_path / "s"])).message

    assert said == (
        "ROIs2017_146_patch_0: order of s2 differs: want dates that rise with ImgNo (1 is 2018-06-10), "
        "have 2018-02-10 as 2. One of the two names is wrong: fetch the series again."
    )


def test_pairs_and_series_are_not_opened_together(tmp_path):
    a_triplet(tmp_path / "a")
    a_series(tmp_path / "a" / "series")

    with pytest.raises(Refused, match=r"holds pairs \(.*\) and series \(.*\)\. Open each apart"):
        SEN12MSCR.open([tmp_path / "a"])


def test_options_are_read(tmp_path):
    folder = a_triplet(tmp_path / "t")

    with pytest.raises(Refused, match=r"option stacks: cannot be 's3': want of s1, s2-clear, s2-cloudy"):
        SEN12MSCR.open([folder], stacks="s3")
    assert list(SEN12MSCR.open([folder], stacks="s1,s2-cloudy").plan().layout.stacks) == ["s1", CLOUDY]


def test_a_folder_of_theirs_is_recognised(tmp_path):
    assert sniff(a_triplet(tmp_path / "t")) == "sen12mscr"
    assert sniff(a_series(tmp_path / "s")) == "sen12mscr"
